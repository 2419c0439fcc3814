//! A cluster whose keys are of ML-DSA (FIPS 204), from its CSR files to what others say of its bundles: Go's crypto/mldsa, crypto/x509
//! and TLS 1.3 judge keys, signatures and certificates, `verify` reads them, `diff` tells the change from other keys.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use khw_gen::pki::key::{Algorithm, KeyPair, MlDsa};
use khw_gen::pki::x509::to_pem;
use serde::{Deserialize, Serialize};
use support::{SEED, Spec, build, files_below, khw_gen, program, project, run, said, skip};
use tempfile::TempDir;

const SETS: [MlDsa; 3] = [MlDsa::MlDsa44, MlDsa::MlDsa65, MlDsa::MlDsa87];

const HOSTS: &[&str] = &[
    "lb1 10.1.0.5 load-balancer",
    "master1 10.1.0.11 control-plane etcd admin",
    "node1 10.1.0.31 worker",
];

/// The walk-through's CSR files with keys of ML-DSA, but for that of tokens, which can't be one; mended by `change`.
fn spec_with(cluster: &str, change: impl Fn(&str, String) -> String) -> Spec {
    let spec = Spec::new(HOSTS, &format!("[cluster]\n{cluster}\n"));
    spec.with_csrs(|name, text| {
        let algorithm = match name {
            "service-account-csr.json" => r#""algo": "ecdsa""#,
            "ca-csr.json" => r#""algo": "mldsa65""#,
            "node-csr.json" => r#""algo": "mldsa87""#,
            _ => r#""algo": "mldsa44""#,
        };
        let text = text.replace(r#""algo": "rsa""#, algorithm);
        let text = match name {
            "service-account-csr.json" => text.replace("2048", "256"),
            _ => text,
        };
        change(name, text)
    })
}

fn spec() -> Spec {
    spec_with("go = \"1.27.4\"", |_, text| text)
}

fn ask<In: Serialize, Out: for<'a> Deserialize<'a>>(judge: &Path, what: &str, inputs: &[In]) -> Vec<Out> {
    let mut child = Command::new(judge)
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the judge starts");
    let input = serde_json::to_vec(inputs).expect("JSON");
    let mut stdin = child.stdin.take().expect("its input");
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the judge ends");
    writing.join().expect("a thread").expect("it reads");
    assert!(output.status.success(), "{what}");
    let answers: Vec<Out> = serde_json::from_slice(&output.stdout).expect("the judge prints JSON");
    assert_eq!(answers.len(), inputs.len());
    answers
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyRequest {
    algorithm: String,
    seed: String,
    message: String,
    signature: String,
}

#[derive(Deserialize)]
struct KeyAnswer {
    private: String,
    public: String,
    signature: String,
    verifies: bool,
}

/// The same seed is the same key, the same file and the same deterministic signature.
#[test]
fn go_makes_the_same_keys_and_signatures() {
    let Some(judge) = program("judge-ml-dsa", "Go makes the same keys and signatures of ML-DSA") else {
        return;
    };
    let keys: Vec<KeyPair> = (0..60)
        .map(|number: u8| {
            let mut seed = SEED;
            seed[7] ^= number;
            KeyPair::from_seed(Algorithm::MlDsa(SETS[usize::from(number) % 3]), &seed).expect("a key")
        })
        .collect();
    let message = |number: usize| vec![0x5a; number * 37];
    let requests: Vec<KeyRequest> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| {
            let mut seed = SEED;
            seed[7] ^= u8::try_from(number).expect("a small number");
            KeyRequest {
                algorithm: key.public().algorithm.to_string(),
                seed: Base64::encode_string(&seed),
                message: Base64::encode_string(&message(number)),
                signature: Base64::encode_string(&key.sign(&message(number)).expect("a signature")),
            }
        })
        .collect();
    let answers: Vec<KeyAnswer> = ask(&judge, "keys", &requests);
    for ((key, request), answer) in keys.iter().zip(&requests).zip(&answers) {
        let private = pem::parse(key.to_pem().expose()).expect("PEM").into_contents();
        let same = [
            (answer.private == Base64::encode_string(&private), "private key"),
            (
                answer.public == Base64::encode_string(&key.public().spki_der()),
                "public key",
            ),
            (answer.signature == request.signature, "signature"),
            (answer.verifies, "verification"),
        ];
        for (same, what) in same {
            assert!(same, "{what} of {} {}", request.algorithm, request.seed);
        }
    }
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Party {
    authority: String,
    certificate: String,
    key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Handshake {
    server: Party,
    client: Party,
    name: String,
    time: i64,
}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    why: String,
}

/// A day after everything is issued.
const AT: i64 = 1_767_312_000;

/// The one file of this name in a host's bundle.
fn file(bundle: &BTreeMap<String, Vec<u8>>, host: &str, name: &str) -> String {
    let ending = format!("/{name}");
    let mut found = bundle
        .iter()
        .filter(|(path, _)| path.starts_with(&format!("{host}/rootfs/")) && path.ends_with(&ending));
    let (_, bytes) = found.next().unwrap_or_else(|| panic!("{host} has no {name}"));
    String::from_utf8(bytes.clone()).expect("PEM is text")
}

/// What a kubeconfig shows to the API server.
fn of_kubeconfig(text: &str) -> Party {
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
        let base64 = line.unwrap_or_else(|| panic!("no {name}")).trim().trim_matches('"');
        String::from_utf8(Base64::decode_vec(base64).expect("base64")).expect("PEM is text")
    };
    Party {
        authority: field("certificate-authority-data"),
        certificate: field("client-certificate-data"),
        key: field("client-key-data"),
    }
}

#[test]
fn programs_compiled_with_go_shake_hands_with_the_files_of_bundles() {
    let Some(judge) = program("judge-ml-dsa", "TLS 1.3 with certificates of ML-DSA") else {
        return;
    };
    let spec = spec();
    let (_folder, out) = build(&spec.path());
    let bundle = files_below(&out);
    let master = |name: &str| file(&bundle, "master1", name);
    let api = Party {
        authority: master("ca.pem"),
        certificate: master("kubernetes.pem"),
        key: master("kubernetes-key.pem"),
    };
    let kubelet = Party {
        authority: file(&bundle, "node1", "ca.pem"),
        certificate: file(&bundle, "node1", "node1.pem"),
        key: file(&bundle, "node1", "node1-key.pem"),
    };
    let admin = of_kubeconfig(&master("admin.kubeconfig"));
    let proxy = of_kubeconfig(&file(&bundle, "node1", "kube-proxy/kubeconfig"));
    let pair = |server: &Party, client: &Party, name: &str| Handshake {
        server: server.clone(),
        client: client.clone(),
        name: name.to_owned(),
        time: AT,
    };
    let stranger = Spec::new(HOSTS, "[cluster]\nname = \"other\"\ngo = \"1.27\"").with_csrs(|name, text| match name {
        "service-account-csr.json" => text,
        _ => text.replace(r#""algo": "rsa""#, r#""algo": "mldsa44""#),
    });
    let (_other, out) = build(&stranger.path());
    let foreign = of_kubeconfig(&file(&files_below(&out), "master1", "admin.kubeconfig"));
    let intruder = Party {
        authority: admin.authority.clone(),
        ..foreign
    };
    let mut late = pair(&api, &admin, "10.1.0.11");
    late.time += 20 * 366 * 86_400;
    let cases = [
        (pair(&api, &admin, "10.1.0.11"), ""),
        (pair(&api, &proxy, "kubernetes.default.svc"), ""),
        (pair(&api, &kubelet, "10.32.0.1"), ""),
        // As etcd's members and the API servers, its clients.
        (pair(&api, &api, "127.0.0.1"), ""),
        (pair(&kubelet, &api, "node1"), ""),
        (pair(&api, &admin, "api.example.org"), "certificate is valid for"),
        (pair(&api, &intruder, "10.1.0.11"), "signed by unknown authority"),
        (late, "has expired"),
    ];
    let (handshakes, expected): (Vec<Handshake>, Vec<&str>) = cases.into_iter().unzip();
    let verdicts: Vec<Verdict> = ask(&judge, "handshake", &handshakes);
    for ((verdict, expected), handshake) in verdicts.iter().zip(expected).zip(&handshakes) {
        let name = &handshake.name;
        match expected {
            "" => assert!(verdict.ok, "{name}: {}", verdict.why),
            expected => assert!(
                !verdict.ok && verdict.why.contains(expected),
                "{name}: {:?}",
                (verdict.ok, &verdict.why)
            ),
        }
    }
}

#[derive(Serialize)]
struct Certified {
    key: String,
    certificate: String,
    issuer: String,
}

#[test]
fn openssl_reads_key_files_and_certificates_and_signs_with_them() {
    let python = project().join("target/pyca/bin/python");
    if !python.exists() {
        return skip("OpenSSL judges ML-DSA", "PyCA's cryptography is not installed");
    }
    let spec = spec();
    let (_folder, out) = build(&spec.path());
    let bundle = files_below(&out);
    let ca = file(&bundle, "master1", "ca.pem");
    let cases: Vec<Certified> = [
        ("master1", "ca"),
        ("master1", "kubernetes"),
        ("master1", "admin"),
        ("node1", "node1"),
    ]
    .map(|(host, name)| Certified {
        key: file(&bundle, host, &format!("{name}-key.pem")),
        certificate: file(&bundle, host, &format!("{name}.pem")),
        issuer: ca.clone(),
    })
    .into();
    let script = project().join("tests/judges/pyca_ml_dsa.py");
    let signatures: Vec<String> = ask(&python, &script.to_string_lossy(), &cases);
    for (case, signature) in cases.iter().zip(signatures) {
        let key = KeyPair::from_pem(case.key.as_bytes()).expect("a key");
        let signature = Base64::decode_vec(&signature).expect("base64");
        assert!(
            key.public().verifies(b"khw-gen", &signature),
            "{}",
            key.public().algorithm
        );
        assert_ne!(
            key.sign(b"khw-gen").expect("a signature"),
            signature,
            "OpenSSL's has randomness"
        );
    }
}

#[test]
fn a_bundle_is_verified_and_a_foreign_signature_is_found() {
    let spec = spec();
    let (folder, out) = build(&spec.path());
    let asked = |arguments: &[&str]| run(khw_gen().args(arguments).current_dir(folder.path()));
    let verified = asked(&["verify", "out", "--at", "2026-06-01T00:00:00Z"]);
    let text = said(&verified);
    assert!(verified.status.success(), "{text}");
    assert!(text.contains("0 errors, "), "{text}");
    assert_eq!(
        text.matches("[ml-dsa-certificate]").count(),
        2,
        "once for each host: {text}"
    );
    let inspected = said(&asked(&["inspect", "out"]));
    for name in ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "P-256"] {
        assert!(name == "P-256" || inspected.contains(name), "{name}: {inspected}");
    }

    // One bit of the signature, which is the end of a certificate.
    let path = out.join("node1/rootfs/var/lib/kubelet");
    let certificate = files_below(&path).into_keys().find(|name| name.ends_with("node1.pem"));
    let path = path.join(certificate.expect("the kubelet's certificate"));
    let pem = pem::parse(fs::read(&path).expect("a file")).expect("PEM");
    let mut der = pem.contents().to_vec();
    let middle = der.len() - 1000;
    der[middle] ^= 1;
    let damaged = to_pem("CERTIFICATE", &der);
    fs::write(&path, damaged).expect("a file");
    let text = said(&asked(&["verify", "out", "--at", "2026-06-01T00:00:00Z"]));
    assert!(
        text.contains("error[unknown-issuer]") || text.contains("error[untrusted-certificate]"),
        "{text}"
    );
    assert!(text.contains("signature"), "{text}");
}

#[test]
fn a_diff_tells_that_keys_are_of_another_algorithm() {
    let before = spec_with("go = \"1.27.4\"", |_, text| {
        ["mldsa44", "mldsa65", "mldsa87"].iter().fold(text, |text, name| {
            text.replace(&format!("{name:?}"), "\"ecdsa\"").replace("2048", "256")
        })
    });
    let (folder, _out) = build(&before.path());
    let after = spec();
    let diff = run(khw_gen()
        .args(["diff", "out"])
        .arg(after.path())
        .current_dir(folder.path()));
    let text = said(&diff);
    for change in ["ECDSA P-256", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] {
        assert!(text.contains(change), "{change}: {text}");
    }
}

#[test]
fn a_build_is_the_same_bytes_again() {
    let spec = spec();
    let (one, other) = (build(&spec.path()), build(&spec.path()));
    assert!(files_below(&one.1) == files_below(&other.1), "two builds differ");
    let install = String::from_utf8(fs::read(one.1.join("master1/INSTALL.md")).expect("a file")).expect("a text");
    assert!(install.contains("compiled with Go 1.27"), "{install}");
    let _: (TempDir, TempDir) = (one.0, other.0);
}
