//! An authority that somebody already has, profiles of single certificates, and certificates of the user's own: OpenSSL
//! makes the one and judges the others.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Spec, build, examples, files_below, khw_gen, must, program, run, said};

const HOSTS: &[&str] = &[
    "cp 10.0.0.1 control-plane etcd",
    "w 10.0.0.2 worker",
    "adm 10.0.0.3 admin",
];

const EXISTING: &str = "[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n";

/// A subject that cfssl could not write: domain components, two OUs in RDNs of their own, and three kinds of strings.
const SUBJECT: &str = "asn1=SEQUENCE:name";
const NAME: &str = "
[name]
a=SET:dc1
b=SET:dc2
c=SET:ou1
d=SET:ou2
e=SET:o
f=SET:cn
[dc1]
x=SEQUENCE:dc1v
[dc1v]
t=OID:0.9.2342.19200300.100.1.25
v=IA5STRING:example
[dc2]
x=SEQUENCE:dc2v
[dc2v]
t=OID:0.9.2342.19200300.100.1.25
v=IA5STRING:corp
[ou1]
x=SEQUENCE:ou1v
[ou1v]
t=OID:2.5.4.11
v=T61STRING:First
[ou2]
x=SEQUENCE:ou2v
[ou2v]
t=OID:2.5.4.11
v=FORMAT:UTF8,BMPSTRING:Zweites Büro
[o]
x=SEQUENCE:ov
[ov]
t=OID:2.5.4.10
v=FORMAT:UTF8,UTF8String:Müller
[cn]
x=SEQUENCE:cnv
[cnv]
t=OID:2.5.4.3
v=PRINTABLESTRING:Corporate CA
";

/// The DER of that Name, by OpenSSL.
fn odd_name(folder: &Path, openssl: &Path) -> Vec<u8> {
    let config = folder.join("name.cnf");
    fs::write(&config, format!("{}\n{NAME}", SUBJECT.replacen('=', " = ", 1))).expect("a file");
    let der = folder.join("name.der");
    must(
        Command::new(openssl)
            .args(["asn1parse", "-noout", "-genconf"])
            .arg(&config)
            .arg("-out")
            .arg(&der),
    );
    fs::read(der).expect("a Name")
}

/// A self-signed certificate from 2020 to 2099 that OpenSSL makes of a key, with extensions in OpenSSL's words.
fn certificate(folder: &Path, openssl: &Path, key: &Path, subject: &str, extensions: &str) -> String {
    let config = folder.join("ca.cnf");
    let text = format!(
        "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = x\n[ca]\ndefault_ca = d\n[d]\ndatabase = {0}/db\n\
         serial = {0}/serial\nnew_certs_dir = {0}\ndefault_md = sha256\npolicy = p\nx509_extensions = e\nunique_subject = no\n\
         [p]\ncommonName = optional\n[e]\n{extensions}\n",
        folder.display()
    );
    fs::write(&config, text).expect("a file");
    fs::write(folder.join("db"), "").expect("a file");
    fs::write(folder.join("serial"), "01\n").expect("a file");
    let request = folder.join("ca.csr");
    must(
        Command::new(openssl)
            .args(["req", "-new", "-utf8", "-subj", subject, "-config"])
            .arg(&config)
            .arg("-key")
            .arg(key)
            .arg("-out")
            .arg(&request),
    );
    must(
        Command::new(openssl)
            .args(["ca", "-selfsign", "-batch", "-notext", "-preserveDN"])
            .args([
                "-startdate",
                "20200101000000Z",
                "-enddate",
                "20990101000000Z",
                "-config",
            ])
            .arg(&config)
            .arg("-keyfile")
            .arg(key)
            .arg("-in")
            .arg(&request),
    )
}

const CA: &str =
    "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash";

/// The walk-through's requests on P-256, without that of the CA, valid until 2049.
fn spec(extra: &str) -> Spec {
    let spec = Spec::new(HOSTS, extra).with_csrs(|name, text| match name {
        "ca-config.json" => text.replace("8760h", "200000h"),
        _ => text
            .replace(r#""algo": "rsa""#, r#""algo": "ecdsa""#)
            .replace(r#""size": 2048"#, r#""size": 256"#),
    });
    if extra.contains("[pki.ca]") {
        fs::remove_file(spec.path().with_file_name("csr").join("ca-csr.json")).expect("it was there");
    }
    spec
}

fn beside(spec: &Spec, name: &str) -> PathBuf {
    spec.path().with_file_name(name)
}

/// Every certificate in the administrator's folder, verified against the CA by OpenSSL.
fn verify_all(out: &Path, openssl: &Path, but: &[&str]) -> usize {
    let certs = out.join("adm/rootfs/root/certs");
    let mut verified = 0;
    for name in files_below(&certs).into_keys() {
        let is_certificate = name.ends_with(".pem") && !name.ends_with("-key.pem");
        if is_certificate && !but.contains(&name.as_str()) {
            must(
                Command::new(openssl)
                    .args(["verify", "-x509_strict", "-CAfile"])
                    .arg(certs.join("ca.pem"))
                    .arg(certs.join(&name)),
            );
            verified += 1;
        }
    }
    verified
}

#[test]
fn an_existing_authority_signs_whatever_form_its_key_has() {
    let Some(openssl) = program("openssl", "existing authorities") else {
        return;
    };
    for (form, command) in [
        ("RSA PRIVATE KEY", "openssl genrsa -traditional 2048"),
        (
            "PRIVATE KEY",
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        ),
        ("EC PRIVATE KEY", "openssl ecparam -name prime256v1 -genkey"),
        (
            "PRIVATE KEY",
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1",
        ),
        ("PRIVATE KEY", "openssl genpkey -algorithm ed25519"),
        ("Ed25519 PRIVATE KEY", "openssl genpkey -algorithm ed25519"),
    ] {
        let spec = spec(EXISTING);
        let folder = spec.path().parent().expect("a folder").to_owned();
        let mut words = command.split(' ').skip(1);
        let pem = must(Command::new(&openssl).arg(words.next().expect("a word")).args(words));
        assert!(pem.contains("-----BEGIN"), "{command}");
        spec.secret("ca-key.pem", pem.as_bytes());
        let subject = "/DC=example/DC=corp/OU=First/OU=Zweites Büro/O=Müller/CN=Corporate CA";
        let pem_of_ca = certificate(&folder, &openssl, &folder.join("ca-key.pem"), subject, CA);
        fs::write(
            folder.join("ca.pem"),
            format!("text before\r\n{}", pem_of_ca.replace('\n', "\r\n")),
        )
        .expect("ca.pem");
        if form.starts_with("Ed25519") {
            spec.secret("ca-key.pem", pem.replace("PRIVATE KEY", form).as_bytes());
        }
        let (_folder, out) = build(&spec.path());
        assert!(verify_all(&out, &openssl, &[]) >= 7, "{command}");
        let certs = out.join("adm/rootfs/root/certs");
        // The certificate alone, as every other is written; no request, and none of its inputs.
        assert_eq!(
            fs::read_to_string(certs.join("ca.pem")).expect("ca.pem"),
            pem_of_ca,
            "{command}"
        );
        assert!(!certs.join("ca.csr").exists() && !certs.join("ca-csr.json").exists());
        // The key is the one that was given, in cfssl's form.
        let public = |key: &Path| must(Command::new(&openssl).args(["pkey", "-pubout", "-in"]).arg(key));
        let written = certs.join("ca-key.pem");
        let given = folder.join("given.pem");
        fs::write(&given, &pem).expect("a file");
        assert_eq!(public(&written), public(&given), "{command}");
        // The exact bytes of the Name are the issuer of a leaf.
        let names = |path: &Path, which: &str| {
            must(
                Command::new(&openssl)
                    .args([
                        "x509",
                        "-noout",
                        which,
                        "-nameopt",
                        "multiline,show_type,-esc_msb",
                        "-in",
                    ])
                    .arg(path),
            )
        };
        let issuer = names(&certs.join("admin.pem"), "-issuer");
        let expected = names(&certs.join("ca.pem"), "-subject");
        assert_eq!(
            issuer.split_once('\n').map(|x| x.1),
            expected.split_once('\n').map(|x| x.1)
        );
        assert_eq!(issuer.matches("organizationalUnitName").count(), 2);
    }
}

#[test]
fn an_authoritys_name_is_kept_to_the_byte() {
    let Some(openssl) = program("openssl", "names of existing authorities") else {
        return;
    };
    let spec = spec(EXISTING);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let key = must(Command::new(&openssl).args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
    spec.secret("ca-key.pem", key.as_bytes());
    let plain = certificate(&folder, &openssl, &folder.join("ca-key.pem"), "/CN=placeholder", CA);
    // OpenSSL's own tools don't write T61String and BMPString in a Name, so the Name goes in afterwards; nobody checks the
    // signature of a trust anchor (RFC 5280, section 6.1).
    let name = odd_name(&folder, &openssl);
    let der = pem::parse(&plain).expect("PEM").into_contents();
    let placeholder = [
        &[0x30, 22, 0x31, 20, 0x30, 18, 6, 3, 0x55, 4, 3, 12, 11][..],
        b"placeholder",
    ]
    .concat();
    let parts: Vec<&[u8]> = split(&der[8..], &placeholder);
    assert_eq!(parts.len(), 3, "issuer and subject");
    let body = parts.join(&name[..]);
    // Both lengths, of the certificate and of what is signed in it, take two bytes before and after.
    let grown = |at: usize| (u16::from_be_bytes([der[at], der[at + 1]]) as usize + body.len() + 8 - der.len()) as u16;
    let new = [
        &der[..2],
        &grown(2).to_be_bytes(),
        &der[4..6],
        &grown(6).to_be_bytes(),
        &body,
    ]
    .concat();
    fs::write(folder.join("ca.pem"), pem::encode(&pem::Pem::new("CERTIFICATE", new))).expect("ca.pem");
    let (_folder, out) = build(&spec.path());
    let admin = out.join("adm/rootfs/root/certs/admin.pem");
    let leaf = pem::parse(fs::read(&admin).expect("a certificate"))
        .expect("PEM")
        .into_contents();
    assert_eq!(
        split(&leaf, &name).len(),
        2,
        "the issuer's Name stands in the leaf, once"
    );
    assert!(verify_all(&out, &openssl, &["ca.pem"]) >= 6);
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(found) = rest.windows(at.len()).position(|window| window == at) {
        parts.push(&rest[..found]);
        rest = &rest[found + at.len()..];
    }
    parts.push(rest);
    parts
}

#[test]
fn the_key_of_an_authority_is_read_like_a_secret_and_is_only_where_it_belongs() {
    let Some(openssl) = program("openssl", "keys of existing authorities") else {
        return;
    };
    let spec = spec(EXISTING);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let key = must(Command::new(&openssl).args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
    spec.secret("ca-key.pem", key.as_bytes());
    fs::write(
        folder.join("ca.pem"),
        certificate(&folder, &openssl, &folder.join("ca-key.pem"), "/CN=corp", CA),
    )
    .expect("ca.pem");
    let (_kept, out) = build(&spec.path());
    let line = key.lines().nth(2).expect("base64");
    let holders: BTreeSet<String> = files_below(&out)
        .into_iter()
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(line))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        holders,
        BTreeSet::from(
            [
                "adm/rootfs/root/certs/ca-key.pem",
                "cp/rootfs/var/lib/kubernetes/ca-key.pem"
            ]
            .map(str::to_owned)
        )
    );
    let build_again = || {
        run(khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(folder.join("out")))
    };
    let check = || run(khw_gen().arg("check").arg(spec.path()));
    // Others may read it.
    use std::os::unix::fs::PermissionsExt;
    for mode in [0o640, 0o604] {
        fs::set_permissions(folder.join("ca-key.pem"), fs::Permissions::from_mode(mode)).expect("a mode");
        for output in [build_again(), check()] {
            assert_eq!(output.status.code(), Some(1), "{mode:o}");
            assert!(said(&output).contains("chmod 600"), "{}", said(&output));
        }
    }
    // It is another's, which nothing that is said gives away.
    let other = must(Command::new(&openssl).args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
    fs::remove_file(folder.join("ca-key.pem")).expect("it was there");
    spec.secret("ca-key.pem", other.as_bytes());
    for output in [build_again(), check()] {
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("ca-key-mismatch"), "{}", said(&output));
        assert!(
            !other
                .lines()
                .any(|line| line.len() > 30 && said(&output).contains(line))
        );
    }
    // It is not there: enough to check and to plan, not to build.
    fs::remove_file(folder.join("ca-key.pem")).expect("it was there");
    assert!(check().status.success());
    let plan = must(khw_gen().arg("plan").arg(spec.path()));
    assert!(
        plan.contains("/root/certs/ca.pem") && !plan.contains("/root/certs/ca.csr"),
        "{plan}"
    );
    assert!(said(&build_again()).contains("ca-key.pem"));
    fs::remove_file(beside(&spec, "ca.pem")).expect("it was there");
    assert!(said(&check()).contains("ca.pem"));
}

const PROFILES: &str = r#"{
  "signing": {
    "default": {"expiry": "200000h"},
    "profiles": {
      "kubernetes": {"usages": ["signing", "server auth", "client auth"], "expiry": "200000h"},
      "client": {"usages": ["signing", "client auth"], "expiry": "180000h"},
      "server": {"usages": ["signing", "server auth"], "expiry": "180000h"},
      "ca": {"usages": ["cert sign", "crl sign"], "expiry": "190000h", "ca_constraint": {"is_ca": true, "max_path_len_zero": true}}
    }
  }
}"#;

/// A specification with those profiles, a CA that outlives them, and CSR files of its own.
fn own_certificates(extra: &str, csrs: &[(&str, &str)]) -> Spec {
    let spec = Spec::new(HOSTS, extra).with_ecdsa_keys();
    let csr = beside(&spec, "csr");
    fs::write(csr.join("ca-config.json"), PROFILES).expect("a file");
    let ca = r#"{"CN": "Kubernetes", "key": {"algo": "ecdsa", "size": 256}, "ca": {"expiry": "300000h"}}"#;
    fs::write(csr.join("ca-csr.json"), ca).expect("a file");
    for (name, text) in csrs {
        fs::write(csr.join(name), text).expect("a file");
    }
    spec
}

fn shown(openssl: &Path, certificate: &Path) -> String {
    must(
        Command::new(openssl)
            .args(["x509", "-noout", "-text", "-in"])
            .arg(certificate),
    )
}

#[test]
fn a_profile_of_its_own_is_one_certificates_alone() {
    let Some(openssl) = program("openssl", "profiles of single certificates") else {
        return;
    };
    let plain = own_certificates("", &[]);
    let own = own_certificates("[pki.profiles]\nadmin = \"client\"\n", &[]);
    let (_a, before) = build(&plain.path());
    let (_b, after) = build(&own.path());
    let certs = "adm/rootfs/root/certs";
    let usages = |out: &Path, name: &str| {
        let text = shown(&openssl, &out.join(certs).join(name));
        ["TLS Web Server Authentication", "TLS Web Client Authentication"].map(|usage| text.contains(usage))
    };
    assert_eq!(usages(&before, "admin.pem"), [true, true]);
    assert_eq!(usages(&after, "admin.pem"), [false, true]);
    let (before, after) = (files_below(&before.join(certs)), files_below(&after.join(certs)));
    let changed: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
    // What holds the certificate, and no key.
    assert_eq!(changed, ["admin.kubeconfig", "admin.pem"]);
}

#[test]
fn an_authority_of_ones_own_signs_below_the_clusters() {
    let Some(openssl) = program("openssl", "intermediate authorities") else {
        return;
    };
    let spec = own_certificates(
        "[[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\nprofile = \"server\"\nhosts = [\"metrics.example\", \"10.9.8.7\"]\n\
         signed_by = \"edge\"\nplaces = [\n\
         { on = \"worker\", certificate = \"/etc/metrics/tls.pem\", key = \"/etc/metrics/tls-key.pem\", mode = \"0640\" },\n\
         { on = \"cp\", key = \"/etc/metrics.key\", request = \"/etc/metrics.csr\" },\n]\n\
         [[certificates]]\nname = \"edge\"\ncsr = \"edge-csr.json\"\nprofile = \"ca\"\n\
         places = [{ on = \"w\", certificate = \"/etc/metrics/ca.pem\" }]\n\
         [[certificates]]\nname = \"second\"\ncsr = \"admin-csr.json\"\nprofile = \"client\"\n",
        &[
            (
                "metrics-csr.json",
                r#"{"CN": "metrics", "hosts": ["metrics", "m.example", "metrics"], "key": {"algo": "ecdsa", "size": 256}}"#,
            ),
            (
                "edge-csr.json",
                r#"{"CN": "Edge CA", "key": {"algo": "ecdsa", "size": 256}}"#,
            ),
        ],
    );
    let (_folder, out) = build(&spec.path());
    let certs = out.join("adm/rootfs/root/certs");
    let verify = |arguments: &[&str], name: &str| {
        run(Command::new(&openssl)
            .arg("verify")
            .args(arguments)
            .arg("-CAfile")
            .arg(certs.join("ca.pem"))
            .arg(certs.join(name)))
    };
    let edge = certs.join("edge.pem");
    let edge = edge.to_str().expect("UTF-8");
    assert!(!verify(&[], "metrics.pem").status.success(), "it is not the CA's own");
    assert!(
        verify(
            &["-x509_strict", "-purpose", "sslserver", "-untrusted", edge],
            "metrics.pem"
        )
        .status
        .success()
    );
    assert!(verify(&["-x509_strict"], "edge.pem").status.success());
    assert!(
        verify(&["-x509_strict", "-purpose", "sslclient"], "second.pem")
            .status
            .success()
    );
    assert_eq!(verify_all(&out, &openssl, &["metrics.pem"]), 10);
    let text = shown(&openssl, &certs.join("metrics.pem"));
    assert!(
        text.contains("DNS:metrics.example, DNS:metrics, DNS:m.example, DNS:metrics, IP Address:10.9.8.7"),
        "{text}"
    );
    assert!(shown(&openssl, Path::new(edge)).contains("CA:TRUE, pathlen:0"));

    // Places and modes, as planned and as made.
    let plan = must(khw_gen().arg("plan").arg(spec.path()));
    for (path, mode, name) in [
        ("w/rootfs/etc/metrics/tls.pem", 0o644, "metrics.pem"),
        ("w/rootfs/etc/metrics/tls-key.pem", 0o640, "metrics-key.pem"),
        ("w/rootfs/etc/metrics/ca.pem", 0o644, "edge.pem"),
        ("cp/rootfs/etc/metrics.key", 0o600, "metrics-key.pem"),
        ("cp/rootfs/etc/metrics.csr", 0o644, "metrics.csr"),
    ] {
        assert_eq!(support::mode(&out.join(path)), mode, "{path}");
        assert_eq!(
            fs::read(out.join(path)).expect(path),
            fs::read(certs.join(name)).expect(name),
            "{path}"
        );
        let (host, path) = path.split_once("/rootfs").expect("two parts");
        let line = plan
            .lines()
            .find(|line| line.starts_with(&format!("{host} ")) && line.contains(&format!(" {path} ")));
        let line = line.unwrap_or_else(|| panic!("{path} is not in {plan}"));
        assert!(
            line.contains(&format!("{mode:04o}")) && line.contains("[[certificates]] "),
            "{line}"
        );
    }
    // A second administrator has the first one's request and a key of its own.
    assert_ne!(
        fs::read(certs.join("second-key.pem")).expect("a key"),
        fs::read(certs.join("admin-key.pem")).expect("a key")
    );
    assert!(shown(&openssl, &certs.join("second.pem")).contains("O = system:masters"));
    // The key of the authority of one's own is where it was asked for: nowhere but with the administrator.
    let key = fs::read_to_string(certs.join("edge-key.pem")).expect("a key");
    let line = key.lines().nth(1).expect("base64");
    let holders = files_below(&out)
        .into_iter()
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains(line))
        .count();
    assert_eq!(holders, 1);
    // The rest of the cluster is as it would be without them.
    let (_other, without) = build(&own_certificates("", &[]).path());
    let (with, without) = (files_below(&certs), files_below(&without.join("adm/rootfs/root/certs")));
    for (name, bytes) in without {
        assert_eq!(with[&name], bytes, "{name}");
    }
}

#[test]
fn the_key_of_ones_own_certificate_is_derived_as_the_page_says() {
    use khw_gen::pki::derivation::{Purpose, Seed};
    use khw_gen::pki::key::{Algorithm, Curve, KeyPair};
    let spec = own_certificates(
        "[[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\n",
        &[(
            "metrics-csr.json",
            r#"{"CN": "metrics", "key": {"algo": "ecdsa", "size": 384}}"#,
        )],
    );
    let (_folder, out) = build(&spec.path());
    let seed = Seed::parse(&support::SEED).expect("a seed").seed;
    let algorithm = Algorithm::Ecdsa(Curve::P384);
    let purpose = Purpose::KeyPair {
        name: "certificate/metrics",
        algorithm,
    };
    let key = KeyPair::from_seed(algorithm, &seed.derive("kubernetes", &purpose, 1)).expect("a key");
    let written = fs::read(out.join("adm/rootfs/root/certs/metrics-key.pem")).expect("a key");
    assert!(key.to_pem().expose() == written.as_slice());
    assert!(include_str!("../docs/derivation.md").contains("`certificate/NAME`"));
}

#[test]
fn the_certificates_of_the_documents_compile() {
    let text = examples::shown("existing-authority", "toml") + &examples::shown("certificates", "toml");
    let Some(openssl) = program("openssl", "the certificates of the documents") else {
        return;
    };
    // The sections of the example take the place of those of the minimal one.
    let spec = own_certificates(&text, &[]);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let key = must(Command::new(&openssl).args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
    spec.secret("ca-key.pem", key.as_bytes());
    fs::write(
        folder.join("ca.pem"),
        certificate(&folder, &openssl, &folder.join("ca-key.pem"), "/CN=corp", CA),
    )
    .expect("ca.pem");
    fs::write(folder.join("csr/metrics-csr.json"), r#"{"CN": "metrics"}"#).expect("a file");
    let (_kept, out) = build(&spec.path());
    assert_eq!(support::mode(&out.join("w/rootfs/etc/metrics/tls-key.pem")), 0o600);
    assert!(verify_all(&out, &openssl, &[]) >= 8);
}

#[test]
fn nothing_that_is_read_shows_the_key_of_an_authority() {
    let Some(openssl) = program("openssl", "authorities in Debug") else {
        return;
    };
    let spec = spec(EXISTING);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let key = must(Command::new(&openssl).args(["genpkey", "-algorithm", "ed25519"]));
    spec.secret("ca-key.pem", key.as_bytes());
    let pem_of_ca = certificate(&folder, &openssl, &folder.join("ca-key.pem"), "/CN=corp", CA);
    fs::write(folder.join("ca.pem"), &pem_of_ca).expect("ca.pem");
    let sources = khw_gen::disk::Specification::open_with_keys(&spec.path()).expect("the specification");
    let checked = khw_gen::input::check(&sources).expect("it is valid");
    let ca = checked.cluster.pki.brought.values().next().expect("the authority");
    assert!(ca.key.is_some());
    let base64 = key.lines().nth(1).expect("base64");
    let der = pem::parse(&key).expect("PEM").into_contents();
    let seed = &der[der.len() - 32..];
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{seed:?}");
    for shown in [
        format!("{sources:?}"),
        format!("{sources:#?}"),
        format!("{checked:?}"),
        format!("{:x?}", checked.cluster),
    ] {
        for form in [base64, &hex, list.trim_matches(['[', ']'])] {
            assert!(!shown.contains(form));
        }
    }
    // A key where the certificate should be is not shown either.
    fs::write(folder.join("ca.pem"), &key).expect("ca.pem");
    let output = run(khw_gen().arg("check").arg(spec.path()));
    assert!(
        said(&output).contains("bad-ca") && !said(&output).contains(base64),
        "{}",
        said(&output)
    );
}

#[test]
fn an_existing_authority_limits_what_is_below_it() {
    let Some(openssl) = program("openssl", "path lengths of existing authorities") else {
        return;
    };
    let own = format!("{EXISTING}[[certificates]]\nname = \"edge\"\ncsr = \"edge-csr.json\"\nprofile = \"ca\"\n");
    let spec = own_certificates(&own, &[("edge-csr.json", r#"{"CN": "Edge CA"}"#)]);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let key = must(Command::new(&openssl).args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
    spec.secret("ca-key.pem", key.as_bytes());
    for (limit, allowed) in [("", true), (",pathlen:1", true), (",pathlen:0", false)] {
        let extensions = CA.replace("CA:TRUE", &format!("CA:TRUE{limit}"));
        let pem_of_ca = certificate(&folder, &openssl, &folder.join("ca-key.pem"), "/CN=corp", &extensions);
        fs::write(folder.join("ca.pem"), pem_of_ca).expect("ca.pem");
        let output = run(khw_gen().arg("check").arg(spec.path()));
        assert_eq!(output.status.success(), allowed, "{limit}: {}", said(&output));
        assert_eq!(said(&output).contains("path-too-long"), !allowed);
    }
}

/// Authorities of companies are signed by others, which nobody here is asked for: who is trusted needs nobody above it.
#[test]
fn an_authority_below_another_is_trusted_by_itself() {
    let own = "[[certificates]]\nname = \"issuing\"\ncsr = \"issuing-csr.json\"\nprofile = \"ca\"\n";
    let company = own_certificates(
        own,
        &[(
            "issuing-csr.json",
            r#"{"CN": "corp issuing", "key": {"algo": "ecdsa", "size": 256}}"#,
        )],
    );
    let (_folder, of_company) = support::build(&company.path());
    let made = |name: &str| fs::read(of_company.join("adm/rootfs/root/certs").join(name)).expect("what was made");
    let spec = spec(EXISTING);
    let config = spec.path().with_file_name("csr/ca-config.json");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(config, text.replace("200000h", "100000h")).expect("a configuration");
    fs::write(spec.path().with_file_name("ca.pem"), made("issuing.pem")).expect("a certificate");
    spec.secret("ca-key.pem", &made("issuing-key.pem"));
    let (_folder, out) = support::build(&spec.path());
    let verify = |path: &Path| {
        said(&run(khw_gen()
            .args(["verify", "--at", "2026-06-01T00:00:00Z"])
            .arg(path)))
    };
    let found = verify(&out);
    assert!(
        !found.contains("unknown-issuer") && found.contains("0 errors"),
        "{found}"
    );
    // Where nobody trusts it, who issued it is asked for.
    let loose = tempfile::TempDir::new().expect("a folder");
    fs::write(loose.path().join("issuing.pem"), made("issuing.pem")).expect("a copy");
    let alone = verify(loose.path());
    assert!(alone.contains("unknown-issuer"), "{alone}");
}
