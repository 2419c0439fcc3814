//! Each case of `tests/corpus` through cfssl and through this crate: given cfssl's keys, dates and serial number, the
//! TBSCertificate and the CertificationRequestInfo must be the same bytes.
//!
//! A case is a folder with `input.json` (`ca` and, but for roots alone, `csr`, `config` and `profile`, each as cfssl reads
//! it) and what cfssl answered once. Where cfssl is installed it is asked again; the recorded answers are checked always.
//! `KHW_GEN_RECORD=1 cargo test --test cfssl_parity` asks cfssl for the answers of cases that have none.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read the corpus, run cfssl, and fail by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use khw_gen::diagnostic::{Reporter, SourceFile};
use khw_gen::input::cfssl as input;
use khw_gen::pki::cfssl::{self, Authority, Profile, Request};
use khw_gen::pki::decode::describe_pem;
use khw_gen::pki::key::{Algorithm, Curve, KeyPair, MlDsa, PublicKey, RsaBits};
use khw_gen::pki::x509::{X509Error, to_pem};
use serde_json::Value;
use support::{program, run};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate, X509CertificationRequest};

mod corpus {
    //! The JSON of a case as the crate's types; cases are well-formed, so a mistake in one is a panic.
    use super::*;
    use khw_gen::pki::cfssl::{CaConstraint, CaSection, CsrWhitelist, Name, Policy, Qualifier, Usage};
    use khw_gen::pki::x509::Extension;
    use time::format_description::well_known::Rfc3339;

    pub fn request(csr: &Value) -> Request {
        Request {
            cn: text(csr, "CN"),
            names: list(csr, "names").iter().map(name).collect(),
            serial_number: text(csr, "serialnumber"),
            hosts: texts(csr, "hosts"),
            key: Algorithm::Ed25519,
            ca: csr.get("ca").map(|ca| CaSection {
                expiry: duration(ca, "expiry"),
                backdate: duration(ca, "backdate"),
                pathlen: number(ca, "pathlen"),
                pathlenzero: flag(ca, "pathlenzero"),
            }),
            crl_url: text(csr, "crl_url"),
            delegation_enabled: flag(csr, "delegation_enabled"),
            extensions: list(csr, "extensions").iter().map(extension).collect(),
        }
    }

    pub fn profile(config: &Value, name: &str) -> Profile {
        let signing = &config["signing"];
        let default = &signing["default"];
        let profile = signing["profiles"].get(name).unwrap_or(default);
        let inherited = |field| match text(profile, field) {
            own if own.is_empty() => text(default, field),
            own => own,
        };
        let issuer_urls = if profile.get("issuer_urls").is_some() {
            profile
        } else {
            default
        };
        let own_expiry = duration(profile, "expiry").filter(|expiry| !expiry.is_zero());
        Profile {
            usages: texts(profile, "usages")
                .iter()
                .filter_map(|usage| Usage::by_name(usage))
                .collect(),
            expiry: own_expiry
                .or(duration(default, "expiry"))
                .unwrap_or(Duration::hours(8760)),
            backdate: duration(profile, "backdate"),
            not_before: date(profile, "not_before"),
            not_after: date(profile, "not_after"),
            issuer_urls: texts(issuer_urls, "issuer_urls"),
            ocsp_url: inherited("ocsp_url"),
            crl_url: inherited("crl_url"),
            ocsp_no_check: flag(profile, "ocsp_no_check"),
            ca_constraint: profile
                .get("ca_constraint")
                .map_or(CaConstraint::default(), |ca| CaConstraint {
                    is_ca: flag(ca, "is_ca"),
                    max_path_len: number(ca, "max_path_len"),
                    max_path_len_zero: flag(ca, "max_path_len_zero"),
                }),
            policies: list(profile, "Policies").iter().map(policy).collect(),
            copy_extensions: flag(profile, "copy_extensions"),
            csr_whitelist: profile.get("CSRWhitelist").map(|list| CsrWhitelist {
                subject: flag(list, "Subject"),
                public_key: flag(list, "PublicKey"),
                signature_algorithm: flag(list, "SignatureAlgorithm"),
                dns_names: flag(list, "DNSNames"),
                ip_addresses: flag(list, "IPAddresses"),
                email_addresses: flag(list, "EmailAddresses"),
                uris: flag(list, "URIs"),
            }),
            name_whitelist: None,
        }
    }

    fn name(name: &Value) -> Name {
        let oids = name.get("OID").and_then(Value::as_object).into_iter().flatten();
        Name {
            c: text(name, "C"),
            st: text(name, "ST"),
            l: text(name, "L"),
            o: text(name, "O"),
            ou: text(name, "OU"),
            e: text(name, "E"),
            oid: oids
                .map(|(oid, value)| (arcs(oid), value.as_str().unwrap().to_owned()))
                .collect(),
        }
    }

    fn extension(extension: &Value) -> Extension {
        use base64ct::{Base64, Encoding};
        Extension {
            oid: list(extension, "Id").iter().map(|arc| arc.as_u64().unwrap()).collect(),
            critical: flag(extension, "Critical"),
            value: Base64::decode_vec(&text(extension, "Value")).unwrap(),
        }
    }

    fn policy(policy: &Value) -> Policy {
        let qualifier = |qualifier: &Value| match text(qualifier, "Type").as_str() {
            "id-qt-cps" => Qualifier::Cps(text(qualifier, "Value")),
            "id-qt-unotice" => Qualifier::UserNotice(text(qualifier, "Value")),
            other => panic!("qualifier {other}"),
        };
        Policy {
            id: arcs(&text(policy, "ID")),
            qualifiers: list(policy, "Qualifiers").iter().map(qualifier).collect(),
        }
    }

    fn arcs(oid: &str) -> Vec<u64> {
        oid.split('.').map(|arc| arc.parse().unwrap()).collect()
    }

    /// A Go duration of whole hours, minutes and seconds.
    fn duration(object: &Value, field: &str) -> Option<Duration> {
        let whole = object.get(field)?.as_str().unwrap();
        let (sign, mut rest) = whole.strip_prefix('-').map_or((1, whole), |rest| (-1, rest));
        let mut seconds = 0;
        while let Some(unit) = rest.find(['h', 'm', 's']) {
            let length = match &rest[unit..=unit] {
                "h" => 3600,
                "m" => 60,
                _ => 1,
            };
            seconds += length * rest[..unit].parse::<i64>().unwrap();
            rest = &rest[unit + 1..];
        }
        Some(Duration::seconds(sign * seconds))
    }

    fn date(object: &Value, field: &str) -> Option<OffsetDateTime> {
        object
            .get(field)
            .map(|date| OffsetDateTime::parse(date.as_str().unwrap(), &Rfc3339).unwrap())
    }

    fn text(object: &Value, field: &str) -> String {
        object
            .get(field)
            .map_or(String::new(), |text| text.as_str().unwrap().to_owned())
    }

    fn texts(object: &Value, field: &str) -> Vec<String> {
        list(object, field)
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    }

    fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
        object.get(field).map_or(&[], |list| list.as_array().unwrap())
    }

    fn number(object: &Value, field: &str) -> u32 {
        object
            .get(field)
            .map_or(0, |number| number.as_u64().unwrap().try_into().unwrap())
    }

    fn flag(object: &Value, field: &str) -> bool {
        object.get(field).is_some_and(|flag| flag.as_bool().unwrap())
    }
}

/// What cfssl made of a case; no leaf if there is no `csr`, or if cfssl refused.
struct Answers {
    ca: Pair,
    leaf: Option<Pair>,
}

/// A certificate and its request, as PEM.
struct Pair {
    certificate: String,
    request: String,
}

impl Answers {
    fn recorded(case: &Path) -> Option<Answers> {
        let pair = |name: &str| {
            let read = |ending| fs::read_to_string(case.join(format!("{name}.{ending}"))).ok();
            Some(Pair {
                certificate: read("pem")?,
                request: read("csr")?,
            })
        };
        Some(Answers {
            ca: pair("ca")?,
            leaf: pair("leaf"),
        })
    }

    fn record(&self, case: &Path) {
        for (name, pair) in [("ca", Some(&self.ca)), ("leaf", self.leaf.as_ref())] {
            if let Some(pair) = pair {
                fs::write(case.join(format!("{name}.pem")), &pair.certificate).unwrap();
                fs::write(case.join(format!("{name}.csr")), &pair.request).unwrap();
            }
        }
    }

    fn of_cfssl(case: &Case, program: &str) -> Answers {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("ca.json"), case.input["ca"].to_string()).unwrap();
        let ca = ask(program, ["gencert", "-initca", "ca.json"], folder.path()).expect("cfssl refuses the root");
        let answers = |leaf| Answers { ca: pair_of(&ca), leaf };
        let Some(csr) = case.input.get("csr") else {
            return answers(None);
        };
        fs::write(path("ca.pem"), ca["cert"].as_str().unwrap()).unwrap();
        fs::write(path("ca-key.pem"), ca["key"].as_str().unwrap()).unwrap();
        fs::write(path("config.json"), case.input["config"].to_string()).unwrap();
        fs::write(path("csr.json"), csr.to_string()).unwrap();
        let profile = case.input["profile"].as_str().unwrap_or_default();
        let mut arguments = vec![
            "gencert",
            "-ca",
            "ca.pem",
            "-ca-key",
            "ca-key.pem",
            "-config",
            "config.json",
        ];
        arguments.extend(["-profile", profile, "csr.json"]);
        answers(ask(program, arguments, folder.path()).map(|leaf| pair_of(&leaf)))
    }
}

fn pair_of(answer: &Value) -> Pair {
    let text = |field: &str| answer[field].as_str().unwrap().to_owned();
    Pair {
        certificate: text("cert"),
        request: text("csr"),
    }
}

/// The answer of a cfssl, which is the program of that name: `cfssl` is 1.6.5, and [`WITH_ML_DSA`] the first that knows ML-DSA.
fn ask<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>, folder: &Path) -> Option<Value> {
    let output = run(Command::new(program).args(arguments).current_dir(folder));
    output
        .status
        .success()
        .then(|| serde_json::from_slice(&output.stdout).expect("cfssl prints JSON"))
}

/// cfssl 1.7.1, compiled with Go 1.27.
const WITH_ML_DSA: &str = "cfssl-1.7";

struct Case {
    name: String,
    folder: PathBuf,
    input: Value,
}

impl Case {
    /// Which cfssl answers it: what only a later one knows says so.
    fn cfssl(&self) -> &'static str {
        match self.input.get("since").and_then(Value::as_str) {
            None => "cfssl",
            Some("1.7") => WITH_ML_DSA,
            Some(other) => panic!("{}: no cfssl {other} is installed", self.name),
        }
    }
}

fn cases() -> Vec<Case> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases: Vec<Case> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| {
            let folder = entry.unwrap().path();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let input = fs::read_to_string(folder.join("input.json")).expect(&name);
            Case {
                input: serde_json::from_str(&input).expect(&name),
                name,
                folder,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The public key of a SubjectPublicKeyInfo.
fn public_key(info: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let parameters = info
        .algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.as_oid().ok());
    let parameters = parameters.map(|oid| oid.to_id_string()).unwrap_or_default();
    let algorithm = match (info.algorithm.algorithm.to_id_string().as_str(), parameters.as_str()) {
        ("1.2.840.113549.1.1.1", _) => {
            let x509_parser::public_key::PublicKey::RSA(rsa) = info.parsed().unwrap() else {
                panic!("not RSA")
            };
            Algorithm::Rsa(RsaBits::new(rsa.key_size().try_into().unwrap()).unwrap())
        }
        ("1.2.840.10045.2.1", "1.2.840.10045.3.1.7") => Algorithm::Ecdsa(Curve::P256),
        ("1.2.840.10045.2.1", "1.3.132.0.34") => Algorithm::Ecdsa(Curve::P384),
        ("1.2.840.10045.2.1", "1.3.132.0.35") => Algorithm::Ecdsa(Curve::P521),
        ("1.3.101.112", _) => Algorithm::Ed25519,
        ("2.16.840.1.101.3.4.3.17", _) => Algorithm::MlDsa(MlDsa::MlDsa44),
        ("2.16.840.1.101.3.4.3.18", _) => Algorithm::MlDsa(MlDsa::MlDsa65),
        ("2.16.840.1.101.3.4.3.19", _) => Algorithm::MlDsa(MlDsa::MlDsa87),
        other => panic!("{other:?}"),
    };
    PublicKey {
        algorithm,
        subject_public_key: info.subject_public_key.data.to_vec(),
    }
}

fn der_of(pem: &str) -> Vec<u8> {
    ::pem::parse(pem).unwrap().into_contents()
}

fn key_of_certificate(der: &[u8]) -> PublicKey {
    public_key(X509Certificate::from_der(der).unwrap().1.public_key())
}

fn not_before_of(der: &[u8]) -> OffsetDateTime {
    X509Certificate::from_der(der)
        .unwrap()
        .1
        .validity()
        .not_before
        .to_datetime()
}

/// Differences between cfssl's answers and ours, in words.
fn differences(case: &Case, answers: &Answers) -> Vec<String> {
    let ca_der = der_of(&answers.ca.certificate);
    let ca_key = key_of_certificate(&ca_der);
    let ca_request = corpus::request(&case.input["ca"]);
    let backdate = ca_request.ca.as_ref().and_then(|ca| ca.backdate);
    let now = not_before_of(&ca_der)
        + backdate
            .filter(|backdate| !backdate.is_zero())
            .unwrap_or(Duration::minutes(5));
    let root = cfssl::root_content(&ca_request, &ca_key, now);
    let mut found = vec![
        certificate_difference("ca", &ca_der, root),
        request_difference("ca", &answers.ca.request, &ca_request),
    ];
    if let Some(csr) = case.input.get("csr") {
        let request = corpus::request(csr);
        let name = case.input["profile"].as_str().unwrap_or_default();
        let profile = corpus::profile(&case.input["config"], name);
        let leaf_der = answers.leaf.as_ref().map(|leaf| der_of(&leaf.certificate));
        let leaf_key = leaf_der.as_deref().map_or(ca_key.clone(), key_of_certificate);
        let not_before = leaf_der.as_deref().map_or(now, not_before_of);
        let backdate = profile
            .backdate
            .filter(|backdate| !backdate.is_zero())
            .unwrap_or(Duration::minutes(5));
        let leaf = cfssl::leaf_content(&request, &leaf_key, &profile, &ca_der, &ca_key, not_before + backdate);
        // Some refusals come only when it is written.
        let leaf = leaf.and_then(|leaf| leaf.to_be_signed(&[0]).map(|_| leaf));
        match (&answers.leaf, leaf_der) {
            (Some(_), _) if is_unusual(case) => found.push(match leaf {
                Err(X509Error::UnusualName(_)) => None,
                other => Some(format!("a name that is not written plainly is not refused: {other:?}")),
            }),
            (Some(pair), Some(der)) => {
                found.push(certificate_difference("leaf", &der, leaf));
                found.push(request_difference("leaf", &pair.request, &request));
            }
            _ => found.push(leaf.ok().map(|_| "cfssl refuses the leaf, we don't".to_owned())),
        }
    }
    found.into_iter().flatten().collect()
}

fn certificate_difference(
    what: &str,
    theirs: &[u8],
    ours: Result<khw_gen::pki::x509::CertificateContent, X509Error>,
) -> Option<String> {
    let certificate = X509Certificate::from_der(theirs).unwrap().1;
    let ours = match ours.and_then(|ours| ours.to_be_signed(certificate.raw_serial())) {
        Ok(ours) => ours,
        Err(error) => return Some(format!("{what}: cfssl makes a certificate, we say: {error}")),
    };
    if ours == certificate.tbs_certificate.as_ref() {
        return None;
    }
    // The frame of cfssl's certificate makes ours decodable; the signature is of no interest.
    let whole = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&ours);
            let frame = yasna::parse_der(theirs, |reader| reader.collect_sequence_of(|reader| reader.read_der()));
            for element in &frame.unwrap()[1..] {
                writer.next().write_der(element);
            }
        })
    });
    let describe = |der: &[u8]| describe_pem(to_pem("CERTIFICATE", der).as_bytes()).unwrap_or(format!("{der:02x?}"));
    Some(format!(
        "{what} certificate\n--- cfssl\n{}\n--- ours\n{}",
        describe(theirs),
        describe(&whole)
    ))
}

fn request_difference(what: &str, theirs: &str, ours: &Request) -> Option<String> {
    let der = der_of(theirs);
    let request = X509CertificationRequest::from_der(&der).unwrap().1;
    let key = public_key(&request.certification_request_info.subject_pki);
    let ours = match cfssl::request_content(ours).and_then(|ours| ours.to_be_signed(&key)) {
        Ok(ours) => ours,
        Err(error) => return Some(format!("{what}: cfssl makes a request, we say: {error}")),
    };
    let theirs = request.certification_request_info.raw;
    (ours != theirs).then(|| format!("{what} request\n--- cfssl\n{theirs:02x?}\n--- ours\n{ours:02x?}"))
}

#[test]
fn recorded_answers_are_ours() {
    let record = std::env::var_os("KHW_GEN_RECORD").is_some();
    let mut failures = Vec::new();
    let cases = cases();
    assert!(!cases.is_empty());
    for case in &cases {
        if record && Answers::recorded(&case.folder).is_none() {
            Answers::of_cfssl(case, case.cfssl()).record(&case.folder);
        }
        let Some(answers) = Answers::recorded(&case.folder) else {
            failures.push(format!("{}: no recorded answers", case.name));
            continue;
        };
        failures.extend(
            differences(case, &answers)
                .into_iter()
                .map(|what| format!("{}: {what}", case.name)),
        );
        if answers.leaf.is_none() == case.input.get("csr").is_some_and(|_| !is_refused(case)) {
            failures.push(format!("{}: there is a leaf just where none is expected", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A case says so if cfssl is expected to refuse its leaf.
fn is_refused(case: &Case) -> bool {
    case.input.get("refused").is_some()
}

/// A case says so if cfssl takes a name in a form that is refused here.
fn is_unusual(case: &Case) -> bool {
    case.input.get("unusual").is_some()
}

/// Cases with `copy_extensions`, of which cfssl 1.7 leaves out what it copied before: key usages, basic constraints, names and others, with a
/// warning that few see. Here the request is what the specification says, so what 1.6.5 copies is copied.
const COPIED_OTHERWISE_SINCE_1_7: &[&str] = &[
    "extensions-copied-empty-subject",
    "extensions-copied-override",
    "extensions-copied-san-in-ca",
    "extensions-ocsp-no-check-twice",
];

#[test]
fn cfssls_answers_are_ours() {
    let mut failures = Vec::new();
    let known = ["cfssl", WITH_ML_DSA]
        .into_iter()
        .filter(|name| program(name, &format!("{name} asked anew what it answered once")).is_some());
    let known: Vec<&str> = known.collect();
    let mut otherwise = Vec::new();
    for case in &cases() {
        let answering = known
            .iter()
            .filter(|program| case.cfssl() == **program || **program == WITH_ML_DSA);
        for program in answering {
            let answers = Answers::of_cfssl(case, program);
            let differences = differences(case, &answers);
            if *program == WITH_ML_DSA && COPIED_OTHERWISE_SINCE_1_7.contains(&case.name.as_str()) {
                assert!(
                    !differences.is_empty(),
                    "{}: cfssl 1.7 answers as 1.6.5 does",
                    case.name
                );
                otherwise.push(case.name.clone());
                continue;
            }
            failures.extend(
                differences
                    .into_iter()
                    .map(|what| format!("{program}: {}: {what}", case.name)),
            );
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(!known.contains(&WITH_ML_DSA) || otherwise.len() == COPIED_OTHERWISE_SINCE_1_7.len());
}

/// What the specification reads must be what these tests take for cfssl's reading; it may refuse a case with a reason.
#[test]
fn the_specification_reads_what_cfssl_reads() {
    let (mut requests, mut profiles) = (0, 0);
    for case in &cases() {
        for field in ["ca", "csr"] {
            let Some(csr) = case.input.get(field) else { continue };
            let diagnostics = Reporter::default();
            let file = SourceFile::new("csr.json", csr.to_string());
            if let Some(read) = input::read_request(&file, &diagnostics) {
                let expected = Request {
                    key: read.key,
                    ..corpus::request(csr)
                };
                assert_eq!(read, expected, "{}: {field}", case.name);
                requests += 1;
            } else {
                assert!(
                    diagnostics.has_errors(),
                    "{}: {field} is refused without a reason",
                    case.name
                );
            }
        }
        let Some(config) = case.input.get("config") else {
            continue;
        };
        let diagnostics = Reporter::default();
        let file = SourceFile::new("ca-config.json", config.to_string());
        let name = case.input["profile"].as_str().unwrap_or_default();
        // cfssl takes the default for a profile that isn't there.
        match input::read_signing_config(&file, &diagnostics).filter(|read| !read.broken) {
            Some(read) => {
                let profile = &read.profile(name).unwrap_or(&read.default).profile;
                assert_eq!(profile, &corpus::profile(config, name), "{}", case.name);
                profiles += 1;
            }
            None => assert!(
                diagnostics.has_errors(),
                "{}: the profile is refused without a reason",
                case.name
            ),
        }
    }
    // Most cases are ordinary.
    assert!(
        requests > cases().len() && profiles > cases().len() / 2,
        "{requests} requests, {profiles} profiles"
    );
}

/// A key as cfssl makes it, so that RSA keys take no time.
fn key_of_cfssl(program: &str, algorithm: &str, size: u32, folder: &Path) -> KeyPair {
    let csr = serde_json::json!({"CN": "any", "key": {"algo": algorithm, "size": size}});
    fs::write(folder.join("key.json"), csr.to_string()).unwrap();
    let answer = ask(program, ["genkey", "key.json"], folder).expect("cfssl makes a key");
    // cfssl has a label of its own for PKCS#8 with an Ed25519 key, which nothing else reads.
    let pem = answer["key"]
        .as_str()
        .unwrap()
        .replace("Ed25519 PRIVATE KEY", "PRIVATE KEY");
    let key = KeyPair::from_pem(pem.as_bytes()).unwrap();
    // What we write is what it wrote, byte for byte.
    assert_eq!(
        std::str::from_utf8(key.to_pem().expose()).unwrap(),
        pem,
        "{algorithm}-{size}"
    );
    key
}

/// cfssl checks a request's signature and that an authority's key and certificate fit each other; OpenSSL checks the chain.
#[test]
fn cfssl_and_openssl_accept_what_we_sign() {
    let test = "cfssl and OpenSSL judge signatures";
    if program("cfssl", test).is_none() || program("openssl", test).is_none() {
        return;
    }
    let algorithms = [
        ("rsa", 2048),
        ("rsa", 3072),
        ("rsa", 4096),
        ("ecdsa", 256),
        ("ecdsa", 384),
        ("ecdsa", 521),
        ("ed25519", 0),
    ];
    for (algorithm, size) in algorithms {
        let folder = cfssl_accepts("cfssl", algorithm, size);
        for arguments in [
            ["verify", "-x509_strict", "-CAfile", "ca.pem", "leaf.pem"].as_slice(),
            &["req", "-verify", "-noout", "-in", "leaf.csr"],
        ] {
            let output = run(Command::new("openssl").args(arguments).current_dir(folder.path()));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{algorithm}-{size}: openssl {arguments:?}: {said}"
            );
        }
    }
}

/// As above; Go judges these chains in `tests/post_quantum.rs`, since few have an OpenSSL that knows them.
#[test]
fn cfssl_accepts_what_we_sign_with_ml_dsa() {
    if program(WITH_ML_DSA, "cfssl judges signatures of ML-DSA").is_some() {
        for algorithm in ["mldsa44", "mldsa65", "mldsa87"] {
            cfssl_accepts(WITH_ML_DSA, algorithm, 0);
        }
    }
}

/// A folder with an authority, a leaf and its request of ours, by keys of cfssl's, after cfssl has signed the request with that authority
/// and said the same as we.
fn cfssl_accepts(program: &str, algorithm: &str, size: u32) -> tempfile::TempDir {
    let csr = serde_json::json!({
        "CN": "system:node:n1", "names": [{"C": "US", "O": "b"}, {"O": "a"}], "hosts": ["n1.example", "10.0.0.1"],
    });
    let config = serde_json::json!({"signing": {"default": {"expiry": "8760h"}, "profiles": {"p": {
        "usages": ["signing", "key encipherment", "server auth", "client auth"], "expiry": "8760h",
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2126-01-01T00:00:00Z",
    }}}});
    let now = time::macros::datetime!(2026-01-01 00:00 UTC);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let (ca_key, key) = (
        key_of_cfssl(program, algorithm, size, folder.path()),
        key_of_cfssl(program, algorithm, size, folder.path()),
    );
    let ca_csr = serde_json::json!({"CN": "CA", "names": [{"O": "z"}, {"O": "y"}], "ca": {"expiry": "876000h"}});
    let ca = cfssl::root(&corpus::request(&ca_csr), &ca_key, now).unwrap();
    let request = cfssl::signing_request(&corpus::request(&csr), &key).unwrap();
    let profile = corpus::profile(&config, "p");
    let authority = Authority {
        certificate: &ca,
        key: &ca_key,
    };
    let leaf = cfssl::leaf(&corpus::request(&csr), key.public(), &profile, &authority, now).unwrap();

    write("ca.pem", to_pem("CERTIFICATE", &ca).as_bytes());
    write("ca-key.pem", ca_key.to_pem().expose());
    write("leaf.pem", to_pem("CERTIFICATE", &leaf).as_bytes());
    write("leaf.csr", to_pem("CERTIFICATE REQUEST", &request).as_bytes());
    write("config.json", config.to_string().as_bytes());
    let mut arguments = vec![
        "sign",
        "-ca",
        "ca.pem",
        "-ca-key",
        "ca-key.pem",
        "-config",
        "config.json",
    ];
    arguments.extend(["-profile", "p", "leaf.csr"]);
    let answer = ask(program, arguments, folder.path()).unwrap_or_else(|| panic!("cfssl refuses {algorithm}-{size}"));
    let theirs = der_of(answer["cert"].as_str().unwrap());
    let ours = cfssl::leaf_content(
        &corpus::request(&csr),
        key.public(),
        &profile,
        &ca,
        ca_key.public(),
        now,
    );
    assert_eq!(certificate_difference("leaf", &theirs, ours), None);
    folder
}
