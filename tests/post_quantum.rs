//! A cluster whose keys are of ML-DSA (FIPS 204), from its CSR files to what others say of its bundles: Go's crypto/mldsa, crypto/x509
//! and TLS 1.3 judge keys, signatures and certificates, `verify` reads them, `diff` tells the change from other keys.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use khw_gen::pki::cfssl::{self, Authority, CaSection, ExtendedKeyUsage, KeyUsage, Name, Profile, Request, Usage};
use khw_gen::pki::decode::describe_pem;
use khw_gen::pki::inspect::Certificate;
use khw_gen::pki::key::{Algorithm, KeyPair, MlDsa, PublicKey};
use khw_gen::pki::x509::to_pem;
use serde::{Deserialize, Serialize};
use support::{SEED, Spec, build, files_below, khw_gen, must, program, project, run, said, skip};
use tempfile::TempDir;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

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

/// The bundle of a cluster in the layout `split`, all of ML-DSA but what signs tokens.
fn split(extra: &str) -> Spec {
    let spec = Spec::new(HOSTS, &format!("layout = \"split\"\n[cluster]\ngo = \"1.27\"\n{extra}"));
    let folder = spec.path().with_file_name("csr");
    let drafts = TempDir::new().expect("a folder");
    must(khw_gen().arg("init").arg(drafts.path().join("new")));
    fs::create_dir(&folder).expect("a folder");
    for (name, bytes) in files_below(&drafts.path().join("new/csr")) {
        let mut csr: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        if csr.get("key").is_some() && name != "service-account-csr.json" {
            csr["key"] = serde_json::json!({"algo": "mldsa44"});
        }
        fs::write(folder.join(name), csr.to_string()).expect("a CSR file");
    }
    spec
}

/// The codes of this page in what was said: `docs/post-quantum.md`.
fn codes_of(text: &str) -> Vec<&str> {
    let all = ["error[", "warning[", "note["].into_iter();
    let found = all.flat_map(|severity| text.split(severity).skip(1));
    let mut codes: Vec<&str> = found.filter_map(|rest| rest.split(']').next()).collect();
    codes.retain(|code| code.contains("ml-dsa") || *code == "ca-key-weaker");
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn each_authority_of_the_split_layout_may_be_one_and_be_rotated() {
    let spec = split("");
    let folder = spec.path();
    let folder = folder.parent().expect("a folder");
    let asked = |arguments: &[&str]| must(khw_gen().args(arguments).current_dir(folder));
    asked(&["build", "cluster.toml", "-o", "OLD"]);
    let verified = asked(&["verify", "OLD", "--at", "2026-06-01T00:00:00Z"]);
    assert_eq!(codes_of(&verified), ["ml-dsa-certificate"], "{verified}");
    for authority in ["ca", "etcd-ca"] {
        asked(&["rotate", "cluster.toml", authority, "-o", authority]);
        for phase in ["1-announce", "2-switch", "3-retire"] {
            let phases = files_below(&folder.join(authority));
            assert!(
                phases.keys().any(|path| path.starts_with(phase)),
                "{phase}: {:?}",
                phases.keys().next()
            );
            let new = format!("{authority}/{phase}");
            let said = asked(&["verify", &new, "--at", "2026-06-01T00:00:00Z"]);
            assert!(said.contains("0 errors"), "{new}: {said}");
        }
    }
}

#[test]
fn an_authority_that_is_brought_signs_and_its_key_is_read_in_one_form_alone() {
    let maker = spec();
    let (_folder, out) = build(&maker.path());
    let bundle = files_below(&out);
    let pair = [("own-ca.pem", "ca.pem"), ("own-ca-key.pem", "ca-key.pem")];
    let bring = "[pki.ca]\ncert = \"own-ca.pem\"\nkey = \"own-ca-key.pem\"\n";
    for (go, codes) in [
        ("", vec!["ml-dsa-pods", "ml-dsa-programs"]),
        ("[cluster]\ngo = \"1.27\"\n", vec!["ml-dsa-compiled", "ml-dsa-pods"]),
    ] {
        let spec = Spec::new(HOSTS, &format!("{bring}{go}")).with_ecdsa_keys();
        for (name, of) in pair {
            spec.secret(name, file(&bundle, "master1", of).as_bytes());
        }
        let checked = run(khw_gen().arg("check").arg(spec.path()));
        let text = said(&checked);
        assert_eq!(codes_of(&text), codes, "{text}");
        assert_eq!(checked.status.success(), !go.is_empty(), "{text}");
        if go.is_empty() {
            continue;
        }
        let (folder, _) = build(&spec.path());
        let verified = said(&run(khw_gen()
            .args(["verify", "out", "--at", "2026-06-01T00:00:00Z"])
            .current_dir(folder.path())));
        assert!(verified.contains("0 errors"), "{verified}");

        // As OpenSSL 3.5 writes it: the seed and the expanded key.
        let seed = pem::parse(file(&bundle, "master1", "ca-key.pem"))
            .expect("PEM")
            .into_contents();
        let both = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_bytes(&seed[22..]);
                writer.next().write_bytes(&[7; 4032]);
            });
        });
        let whole = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_u8(0);
                writer.next().write_der(&seed[5..18]);
                writer.next().write_bytes(&both);
            });
        });
        spec.secret("own-ca-key.pem", to_pem("PRIVATE KEY", &whole).as_bytes());
        let text = said(&run(khw_gen().arg("check").arg(spec.path())));
        assert!(
            text.contains("error[bad-ca-key]") && text.contains("ml-dsa.output_formats=seed-only"),
            "{text}"
        );
    }
}

/// Nothing that is made here reads certificates of the user's own: whoever asks for one of ML-DSA has what reads it.
#[test]
fn certificates_of_the_users_own_may_be_of_ml_dsa_where_the_clusters_are_not() {
    let own = "[[certificates]]\nname = \"pq\"\ncsr = \"pq-csr.json\"\nplaces = [{ on = \"node1\", certificate = \"/etc/pq.pem\", key = \"/etc/pq-key.pem\" }]\n";
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    let csr = r#"{"CN": "pq.example.org", "hosts": ["pq.example.org"], "key": {"algo": "mldsa87"}}"#;
    fs::write(spec.path().with_file_name("csr").join("pq-csr.json"), csr).expect("a CSR file");
    let checked = said(&run(khw_gen().arg("check").arg(spec.path())));
    assert_eq!(codes_of(&checked), ["ca-key-weaker"], "{checked}");
    let (_folder, out) = build(&spec.path());
    let text = file(&files_below(&out), "node1", "pq.pem");
    let described = describe_pem(text.as_bytes()).expect("a certificate");
    assert!(
        described.contains("Public key: ML-DSA-87") && described.contains("Key usage (critical): digital signature\n"),
        "{described}"
    );
}

/// An authority elsewhere, by cfssl 1.7.1: requests that keys of ML-DSA signed, and answers that one signed.
#[test]
fn an_authority_elsewhere_signs_requests_of_ml_dsa_and_is_one() {
    if program("cfssl-1.7", "an authority elsewhere signs with ML-DSA").is_none() {
        return;
    }
    let spec = spec_with("go = \"1.27\"\n[pki.ca]\nexternal = true", |_, text| text);
    let folder = spec.path();
    let folder = folder.parent().expect("a folder");
    must(
        khw_gen()
            .args(["csr", "cluster.toml", "-o", "requests"])
            .current_dir(folder),
    );
    let asked = |arguments: &[&str]| -> serde_json::Value {
        let answer = must(
            Command::new("cfssl-1.7")
                .args(arguments)
                .env("PATH", support::path())
                .current_dir(folder),
        );
        serde_json::from_str(&answer).expect("cfssl prints JSON")
    };
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    write("root.json", r#"{"CN": "elsewhere", "key": {"algo": "mldsa65"}}"#);
    let root = asked(&["gencert", "-initca", "root.json"]);
    let text = |answer: &serde_json::Value, field: &str| answer[field].as_str().expect("a text").to_owned();
    write("root.pem", &text(&root, "cert"));
    write("root-key.pem", &text(&root, "key"));
    write(
        "config.json",
        r#"{"signing": {"default": {"expiry": "8760h", "usages": ["signing", "key encipherment", "server auth", "client auth"],
            "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"}}}"#,
    );
    fs::create_dir(folder.join("signed")).expect("a folder");
    // cfssl has no instants for roots: the one that is trusted has a certificate of our own making, for the same key.
    let key = KeyPair::from_pem(text(&root, "key").as_bytes()).expect("a key");
    let request = Request {
        ca: Some(CaSection::default()),
        ..Request::named("elsewhere".to_owned(), key.public().algorithm)
    };
    let root = cfssl::root(&request, &key, time::macros::datetime!(2026-01-01 00:00 UTC)).expect("a root");
    write("root.pem", &to_pem("CERTIFICATE", &root));
    write("signed/ca.pem", &to_pem("CERTIFICATE", &root));
    let mut signed = 0;
    for name in files_below(&folder.join("requests"))
        .into_keys()
        .filter(|name| name.ends_with(".csr"))
    {
        let request = format!("requests/{name}");
        let answer = asked(&[
            "sign",
            "-ca",
            "root.pem",
            "-ca-key",
            "root-key.pem",
            "-config",
            "config.json",
            &request,
        ]);
        write(
            &format!("signed/{}", name.replace(".csr", ".pem")),
            &text(&answer, "cert"),
        );
        signed += 1;
    }
    assert!(signed >= 6, "{signed}");
    must(
        khw_gen()
            .args(["build", "cluster.toml", "--signed", "signed", "-o", "out"])
            .current_dir(folder),
    );
    let verified = said(&run(khw_gen()
        .args(["verify", "out", "--at", "2026-06-01T00:00:00Z"])
        .current_dir(folder)));
    assert!(verified.contains("0 errors"), "{verified}");
}

/// The requests are of ECDSA keys, so that nothing but the answers can tell.
#[test]
fn an_authority_elsewhere_with_a_key_of_ml_dsa_is_refused_where_programs_do_not_know_it() {
    let spec = Spec::new(HOSTS, "[pki.ca]\nexternal = true").with_ecdsa_keys();
    let folder = spec.path();
    let folder = folder.parent().expect("a folder");
    must(
        khw_gen()
            .args(["csr", "cluster.toml", "-o", "requests"])
            .current_dir(folder),
    );
    let (issued, algorithm) = (
        time::macros::datetime!(2026-01-01 00:00 UTC),
        Algorithm::MlDsa(MlDsa::MlDsa65),
    );
    let key = KeyPair::from_seed(algorithm, &SEED).expect("a key");
    let root = Request {
        ca: Some(CaSection::default()),
        ..Request::named("elsewhere", algorithm)
    };
    let root = cfssl::root(&root, &key, issued).expect("a root");
    fs::create_dir(folder.join("signed")).expect("a folder");
    fs::write(folder.join("signed/ca.pem"), to_pem("CERTIFICATE", &root)).expect("a file");
    let admin = pem::parse(fs::read(folder.join("requests/admin.csr")).expect("a request")).expect("PEM");
    let (_, request) = X509CertificationRequest::from_der(admin.contents()).expect("a request");
    let public = PublicKey::from_spki_der(request.certification_request_info.subject_pki.raw).expect("a key");
    let profile = Profile {
        usages: vec![
            Usage::Key(KeyUsage::DigitalSignature),
            Usage::Extended(ExtendedKeyUsage::ClientAuth),
            Usage::Extended(ExtendedKeyUsage::ServerAuth),
        ],
        expiry: time::Duration::days(365),
        ..Profile::default()
    };
    let name = Name {
        o: "system:masters".to_owned(),
        ..Name::default()
    };
    let leaf = Request {
        names: vec![name],
        ..Request::named("admin", public.algorithm)
    };
    let authority = Authority {
        certificate: &root,
        key: &key,
    };
    let leaf = cfssl::leaf(&leaf, &public, &profile, &authority, issued).expect("a leaf");
    fs::write(folder.join("signed/admin.pem"), to_pem("CERTIFICATE", &leaf)).expect("a file");
    let said_with = |go: &str| {
        let cluster = fs::read_to_string(spec.path()).expect("a file");
        fs::write(folder.join("other.toml"), format!("{go}{cluster}")).expect("a file");
        said(&run(khw_gen()
            .args(["build", "other.toml", "--signed", "signed", "-o", "out"])
            .current_dir(folder)))
    };
    // All others are missing, which is told in any case.
    let refused = "by keys of ML-DSA, which programs compiled with Go before 1.27 don't know";
    let text = said_with("");
    assert!(
        text.contains("error[answer-refused]") && text.contains(refused),
        "{text}"
    );
    let text = said_with("[cluster]\ngo = \"1.27\"\n");
    assert!(text.contains("[answer-missing]") && !text.contains(refused), "{text}");
}

/// Go reads neither: "x509: ML-DSA key encoded with illegal parameters", and a key of another length.
#[test]
fn keys_of_another_length_or_with_parameters_are_refused_as_by_go() {
    let authority = Request {
        ca: Some(CaSection::default()),
        ..Request::named("authority", Algorithm::MlDsa(MlDsa::MlDsa44))
    };
    let key = KeyPair::from_seed(Algorithm::MlDsa(MlDsa::MlDsa44), &SEED).expect("a key");
    let der = cfssl::root(&authority, &key, time::macros::datetime!(2026-01-01 00:00 UTC)).expect("a root");
    let read = Certificate::from_der(&der).expect("a certificate");
    assert_eq!((read.refused, read.key.as_str()), (None, "ML-DSA-44"));
    let identifiers = |text: &mut Vec<u8>, to: u8| {
        for at in 0..text.len() - 11 {
            if text[at..at + 10] == *b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03" && text[at + 10] == 0x11 {
                text[at + 10] = to;
            }
        }
    };
    let mut longer = der.clone();
    identifiers(&mut longer, 0x12);
    let read = Certificate::from_der(&longer).expect("a certificate");
    assert_eq!(
        read.refused.as_deref(),
        Some("its key is not as long as one of ML-DSA-65")
    );
    let mut hashed = der;
    identifiers(&mut hashed, 0x20);
    let read = Certificate::from_der(&hashed).expect("a certificate");
    assert!(
        read.refused
            .is_some_and(|why| why.contains("of a kind that Go does not know"))
    );
}

/// Kubernetes signs tokens with ML-DSA since 1.38, whose own programs are compiled with a Go that knows it.
#[test]
fn tokens_may_be_signed_from_the_release_on_that_does() {
    let spec_of = |kubernetes: &str| {
        let spec = Spec::new(HOSTS, &format!("[cluster]\nkubernetes = \"{kubernetes}\"\n"));
        spec.with_csrs(|name, text| {
            let algorithm = match name {
                "service-account-csr.json" => "mldsa44",
                _ => "ecdsa",
            };
            text.replace("rsa", algorithm).replace("2048", "256")
        })
    };
    let check = |spec: &Spec| said(&run(khw_gen().arg("check").arg(spec.path())));
    let before = check(&spec_of("1.37"));
    assert!(before.contains("error[ml-dsa-tokens]"), "{before}");
    let spec = spec_of("1.38");
    let plain = fs::read_to_string(spec.path()).expect("a file");
    let with_gates = |gates: &str, compatible: &str| {
        let flags = match (gates, compatible) {
            ("", "") => return plain.clone(),
            (gates, "") => format!("feature-gates = \"{gates}\""),
            (_, compatible) => format!("min-compatibility-version = \"{compatible}\""),
        };
        let of = |name: &str| format!("[components.{name}]\nflags = {{ {flags} }}\n");
        format!("{plain}\n{}{}", of("kube-apiserver"), of("kube-controller-manager"))
    };
    let by_itself = check(&spec);
    assert_eq!(by_itself.matches("error[ml-dsa-tokens]").count(), 2, "{by_itself}");
    fs::write(spec.path(), with_gates("ServiceAccountTokenMLDSA=true", "")).expect("written");
    let after = check(&spec);
    assert!(!after.contains("ml-dsa") && !after.contains("error["), "{after}");
    let (_folder, out) = build(&spec.path());
    let judged = run(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));
    assert!(judged.status.success(), "{}", said(&judged));
    let key = fs::read(out.join("master1/rootfs/var/lib/kubernetes/service-account-key.pem")).expect("a file");
    let key = KeyPair::from_pem(&key).expect("a key");
    assert_eq!(key.public().algorithm, Algorithm::MlDsa(MlDsa::MlDsa44));

    // With the gate off, neither who signs nor who publishes the keys takes it; it is on by name, with all of beta, and where nothing older
    // has to be got along with.
    let unit = out.join("master1/rootfs/etc/systemd/system/kube-apiserver.service");
    let kept = fs::read_to_string(&unit).expect("a unit");
    let own = "--feature-gates=ServiceAccountTokenMLDSA=true";
    assert!(kept.contains(own), "{kept}");
    for (gates, compatible, is_off) in [
        ("ServiceAccountTokenMLDSA=false", "", true),
        ("AllBeta=false", "", true),
        ("AllBeta=true", "", false),
        ("AllBeta=false,ServiceAccountTokenMLDSA=true", "", false),
        (
            "ServiceAccountTokenMLDSA=false,ServiceAccountTokenMLDSA=true",
            "",
            false,
        ),
        ("AllAlpha=false", "", true),
        ("", "kube=1.38", false),
        ("", "kube=1.37", true),
    ] {
        fs::write(spec.path(), with_gates(gates, compatible)).expect("written");
        let told = check(&spec);
        assert_eq!(told.contains("error[ml-dsa-tokens]"), is_off, "{gates}: {told}");
        let flag = match compatible {
            "" => format!("--feature-gates={gates}"),
            compatible => format!("--min-compatibility-version={compatible}"),
        };
        fs::write(&unit, kept.replacen(own, &flag, 1)).expect("written");
        let judged = said(&run(khw_gen()
            .arg("verify")
            .arg(&out)
            .args(["--at", "2026-06-01T00:00:00Z"])));
        assert_eq!(judged.contains("token-key"), is_off, "{gates} {compatible}: {judged}");
    }
}
