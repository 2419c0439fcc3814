//! Each wrong answer is refused by its code, and each code has a wrong answer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use khw_gen::diagnostic::{Severity, answer_codes};

use crate::authority::{Authority, CA, Signing};
use crate::support::{must, program, said};
use crate::{Signed, answer, build, own_authority, single, split};

/// What is wrong, by which code it is told, and how it comes about in a folder in which nothing is wrong.
type Wrong = (&'static str, &'static str, fn(&Signed));

const ADMIN: &str = "admin.csr";
const SERVER: &str = "kubernetes.csr";

/// Signs a request otherwise.
fn signed(world: &Signed, file: &str, signing: &Signing) {
    world
        .ca
        .sign(&world.requests.join(file), &answer(&world.signed, file), signing);
}

/// The extension file of a request, with something else in the place of something.
fn extensions(world: &Signed, file: &str, from: &str, to: &str) -> Signing {
    let text = fs::read_to_string(world.requests.join(file).with_extension("ext")).expect("an extension file");
    assert!(text.contains(from), "{text}");
    Signing {
        extensions: Some(text.replacen(from, to, 1)),
        ..Signing::default()
    }
}

/// A file of the folder, changed byte by byte below its PEM.
fn patched(world: &Signed, file: &str, change: fn(&mut Vec<u8>)) {
    let signing = Signing {
        serial: Some("1122334455667788"),
        ..Signing::default()
    };
    signed(world, file, &signing);
    let path = answer(&world.signed, file);
    let der = world.folder.join("patched.der");
    must(
        Command::new("openssl")
            .args(["x509", "-outform", "DER", "-in"])
            .arg(&path)
            .arg("-out")
            .arg(&der),
    );
    let mut bytes = fs::read(&der).expect("DER");
    change(&mut bytes);
    let pem = khw_gen::pki::x509::to_pem("CERTIFICATE", &bytes);
    fs::write(path, pem).expect("a file");
}

fn write(world: &Signed, name: &str, text: impl AsRef<[u8]>) {
    fs::write(world.signed.join(name), text).expect("a file");
}

fn read(world: &Signed, file: &str) -> String {
    fs::read_to_string(answer(&world.signed, file)).expect("an answer")
}

/// An intermediate that signs the request of the administrator, and its certificate.
fn below(world: &Signed, extensions: &str) -> Authority {
    let issuing = Authority::below(&world.folder, "issuing", &world.ca, extensions);
    issuing.sign(
        &world.requests.join(ADMIN),
        &answer(&world.signed, ADMIN),
        &Signing::default(),
    );
    issuing
}

const SERIAL: [u8; 10] = [2, 8, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];

#[rustfmt::skip]
const WRONG: &[Wrong] = &[
    ("other key", "answer-other-key", |world| {
        let key = world.folder.join("other.pem");
        let request = world.folder.join("other.csr");
        must(Command::new("openssl").args(["genpkey", "-algorithm", "ED25519", "-out"]).arg(&key));
        let subject = "/O=system:masters/CN=admin";
        must(Command::new("openssl").args(["req", "-new", "-subj", subject, "-key"]).arg(&key).arg("-out").arg(&request));
        let signing = extensions(world, ADMIN, "", "");
        let signing = Signing { subject: Some(subject_of(world, ADMIN)), ..signing };
        world.ca.sign(&request, &answer(&world.signed, ADMIN), &signing);
    }),
    ("other CN", "answer-other-subject", |world| {
        signed(world, ADMIN, &Signing { subject: Some("/O=system:masters/CN=root".to_owned()), ..Signing::default() });
    }),
    ("a group more", "answer-other-subject", |world| {
        let subject = format!("{}/O=system:masters/O=Example", subject_of(world, "kube-proxy.csr"));
        signed(world, "kube-proxy.csr", &Signing { subject: Some(subject), ..Signing::default() });
    }),
    ("missing SAN", "answer-lacks-name", |world| signed(world, SERVER, &extensions(world, SERVER, "IP.9 = ", "DNS.9 = x"))),
    ("no extensions", "answer-lacks-name", |world| signed(world, SERVER, &Signing { extensions: Some("basicConstraints = CA:FALSE\n".to_owned()), ..Signing::default() })),
    ("extra SAN", "answer-extra-name", |world| signed(world, SERVER, &extensions(world, SERVER, "[names]\n", "[names]\nDNS.99 = bank.example\n"))),
    ("CA:TRUE", "answer-is-authority", |world| signed(world, ADMIN, &extensions(world, ADMIN, "CA:FALSE", "CA:TRUE"))),
    ("missing EKU", "answer-lacks-purpose", |world| signed(world, ADMIN, &extensions(world, ADMIN, "extendedKeyUsage = serverAuth,clientAuth", "extendedKeyUsage = serverAuth"))),
    ("no EKU", "answer-lacks-purpose", |world| signed(world, ADMIN, &extensions(world, ADMIN, "extendedKeyUsage = serverAuth,clientAuth\n", ""))),
    ("EKU too many", "answer-extra-usage", |world| signed(world, ADMIN, &extensions(world, ADMIN, "serverAuth,clientAuth", "serverAuth,clientAuth,codeSigning"))),
    ("KU of an authority", "answer-extra-usage", |world| signed(world, ADMIN, &extensions(world, ADMIN, "digitalSignature", "digitalSignature,keyCertSign"))),
    ("missing KU", "answer-lacks-key-usage", |world| signed(world, ADMIN, &extensions(world, ADMIN, "digitalSignature", "dataEncipherment"))),
    ("no KU", "answer-lacks-key-usage", |world| signed(world, ADMIN, &extensions(world, ADMIN, "keyUsage", "# keyUsage"))),
    ("expired", "answer-expired", |world| signed(world, ADMIN, &Signing { begins: "20250101000000Z", ends: "20251231000000Z", ..Signing::default() })),
    ("not yet valid", "answer-not-yet", |world| signed(world, ADMIN, &Signing { begins: "20260201000000Z", ..Signing::default() })),
    ("outlives its issuer", "answer-outlives-issuer", |world| signed(world, ADMIN, &Signing { ends: "20400101000000Z", ..Signing::default() })),
    ("wrong issuer", "answer-wrong-issuer", |world| {
        let other = Authority::root(&world.folder, "other-ca", CA);
        other.sign(&world.requests.join(ADMIN), &answer(&world.signed, ADMIN), &Signing::default());
        write(world, "other-ca.pem", other.pem());
    }),
    ("broken signature", "answer-bad-signature", |world| patched(world, ADMIN, |der| *der.last_mut().expect("a byte") ^= 1)),
    ("an authority of the same name", "answer-bad-signature", |world| {
        let folder = world.folder.join("twin");
        fs::create_dir(&folder).expect("a folder");
        write(world, "ca.pem", Authority::root(&folder, "ca", CA).pem());
    }),
    ("a chain in the wrong order", "answer-chain-order", |world| {
        let issuing = below(world, CA);
        let leaf = read(world, ADMIN);
        write(world, "admin.pem", format!("{}{leaf}", issuing.pem()));
    }),
    ("the root before who signed", "answer-chain-order", |world| {
        let issuing = below(world, CA);
        let leaf = read(world, ADMIN);
        write(world, "admin.pem", format!("{leaf}{}{}", world.ca.pem(), issuing.pem()));
    }),
    ("two answers in one file", "answer-chain-order", |world| {
        let both = read(world, ADMIN) + &read(world, SERVER);
        fs::remove_file(answer(&world.signed, SERVER)).expect("it");
        write(world, "admin.pem", both);
    }),
    ("missing intermediate", "answer-missing-issuer", |world| drop(below(world, CA))),
    ("missing authority", "answer-missing-issuer", |world| fs::remove_file(world.signed.join("ca.pem")).expect("it")),
    ("two answers", "answer-twice", |world| write(world, "again.pem", read(world, ADMIN))),
    ("unasked", "answer-unasked", |world| {
        let request = world.folder.join("stranger.csr");
        let key = world.folder.join("stranger.pem");
        must(Command::new("openssl").args(["genpkey", "-algorithm", "ED25519", "-out"]).arg(&key));
        must(Command::new("openssl").args(["req", "-new", "-subj", "/CN=stranger", "-key"]).arg(&key).arg("-out").arg(&request));
        world.ca.sign(&request, &world.signed.join("stranger.crt"), &extensions(world, ADMIN, "", ""));
    }),
    ("unasked authority", "answer-unasked", |world| write(world, "idle.pem", Authority::root(&world.folder, "idle", CA).pem())),
    ("SHA-1", "answer-weak-signature", |world| signed(world, ADMIN, &Signing { digest: "sha1", ..Signing::default() })),
    ("not PEM", "answer-not-pem", |world| write(world, "admin.der", [0x30, 0x82, 1, 0])),
    ("a database", "answer-not-pem", |world| write(world, "index.txt", "V\t261231235500Z\t\t01\tunknown\t/CN=admin\n")),
    ("a block that is cut off", "answer-no-certificate", |world| {
        let text = read(world, ADMIN);
        write(world, "admin.pem", &text[..text.len() / 2]);
    }),
    ("private key", "answer-private-key", |world| write(world, "ca-key.pem", fs::read(world.ca.key()).expect("a key"))),
    ("a request", "answer-no-certificate", |world| {
        let text = fs::read_to_string(world.requests.join(ADMIN)).expect("a request");
        write(world, "back.pem", format!("{text}\n"));
    }),
    ("serial number missing", "answer-no-certificate", |world| patched(world, ADMIN, |der| {
        let at = der.windows(10).position(|window| window == SERIAL).expect("the serial number");
        der[at] = 4;
    })),
    ("serial number negative", "answer-bad-serial", |world| patched(world, ADMIN, |der| {
        let at = der.windows(10).position(|window| window == SERIAL).expect("the serial number");
        der[at + 2] |= 0x80;
    })),
    ("serial number 0", "answer-bad-serial", |world| signed(world, ADMIN, &Signing { serial: Some("00"), ..Signing::default() })),
    ("path length too small", "answer-path-length", |world| {
        world.ca.sign_itself(&CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"));
        write(world, "ca.pem", world.ca.pem());
        let issuing = below(world, CA);
        write(world, "issuing.pem", issuing.pem());
    }),
    ("authority that is no CA", "answer-issuer-no-authority", |world| {
        world.ca.sign_itself("basicConstraints = critical,CA:FALSE\nkeyUsage = digitalSignature\n");
        write(world, "ca.pem", world.ca.pem());
    }),
    ("authority that may not sign", "answer-issuer-no-authority", |world| {
        world.ca.sign_itself(&CA.replace("keyCertSign,", ""));
        write(world, "ca.pem", world.ca.pem());
    }),
    ("an intermediate that is a leaf", "answer-issuer-no-authority", |world| {
        let issuing = below(world, "basicConstraints = critical,CA:FALSE\n");
        write(world, "admin.pem", read(world, ADMIN) + &issuing.pem());
    }),
    ("names that the authority may not sign", "answer-refused", |world| {
        world.ca.sign_itself(&format!("{CA}nameConstraints = critical,permitted;DNS:example.org\n"));
        write(world, "ca.pem", world.ca.pem());
    }),
    ("a critical extension that nobody knows", "answer-refused", |world| {
        signed(world, ADMIN, &extensions(world, ADMIN, "basicConstraints", "1.2.3.4 = critical,DER:0500\nbasicConstraints"));
    }),
    ("missing", "answer-missing", |world| fs::remove_file(answer(&world.signed, ADMIN)).expect("it")),
    ("shorter than asked", "answer-other-life", |world| signed(world, ADMIN, &Signing { ends: "20260401000000Z", ..Signing::default() })),
];

/// The subject of a request, as OpenSSL takes it.
fn subject_of(world: &Signed, file: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["req", "-noout", "-subject", "-nameopt", "compat", "-in"]);
    let text = must(command.arg(world.requests.join(file)));
    text.trim().trim_start_matches("subject=").trim().to_owned()
}

#[test]
fn each_wrong_answer_is_refused_by_its_code() {
    const TEST: &str = "authorities elsewhere, wrong answers";
    if program("openssl", TEST).is_none() {
        return;
    }
    let world = Signed::new("");
    let right = world.build();
    assert!(right.status.success(), "{}", said(&right));
    let good = crate::files_below(&world.out());
    let mut problems = Vec::new();
    let mut covered: BTreeSet<&str> = BTreeSet::new();
    for (what, code, change) in WRONG {
        let saved = crate::files_below(&world.signed);
        change(&world);
        let output = world.build();
        let text = said(&output);
        let is_warning = answer_codes::CODES
            .iter()
            .any(|row| row.name == *code && row.severity == Severity::Warning);
        if !text.contains(&format!("[{code}]")) || output.status.success() != is_warning {
            problems.push(format!("{what}: not {code}, but\n{text}"));
        }
        if !is_warning && crate::files_below(&world.out()) != good {
            problems.push(format!("{what}: the output that was there is another"));
        }
        assert!(!text.contains("PRIVATE KEY"), "{what}: {text}");
        covered.insert(code);
        // The authority's own certificate may have been another.
        world.ca.sign_itself(CA);
        let _ = fs::remove_dir_all(world.folder.join("twin"));
        fs::remove_dir_all(&world.signed).expect("a folder");
        fs::create_dir(&world.signed).expect("a folder");
        for (name, bytes) in saved {
            fs::write(world.signed.join(name), bytes).expect("a file");
        }
        if is_warning {
            assert!(world.build().status.success());
        }
    }
    assert!(
        problems.is_empty(),
        "{} of {}:\n{}",
        problems.len(),
        WRONG.len(),
        problems.join("\n")
    );
    // Those of authorities below, of several authorities and of what cluster.toml names have tests of their own.
    let elsewhere = ["answer-no-authority", "answer-shared-authority", "answer-broad-trust"];
    let all: BTreeSet<&str> = answer_codes::CODES.iter().map(|code| code.name).collect();
    let left: Vec<&&str> = all
        .iter()
        .filter(|code| !covered.contains(**code) && !elsewhere.contains(code))
        .collect();
    assert!(left.is_empty(), "no wrong answer has {left:?}");
}

#[test]
fn all_that_is_wrong_is_said_in_one_run() {
    const TEST: &str = "authorities elsewhere, many wrong answers";
    if program("openssl", TEST).is_none() {
        return;
    }
    let world = Signed::new("");
    signed(&world, ADMIN, &extensions(&world, ADMIN, "CA:FALSE", "CA:TRUE"));
    signed(
        &world,
        SERVER,
        &extensions(&world, SERVER, "[names]\n", "[names]\nDNS.99 = bank.example\n"),
    );
    fs::remove_file(answer(&world.signed, "w.csr")).expect("it");
    write(&world, "key.pem", fs::read(world.ca.key()).expect("a key"));
    let text = said(&world.build());
    for code in [
        "answer-is-authority",
        "answer-extra-name",
        "answer-missing",
        "answer-private-key",
    ] {
        assert!(text.contains(&format!("error[{code}]")), "{code}: {text}");
    }
    assert!(!world.out().exists());
}

#[test]
fn an_authority_below_has_to_be_one() {
    const TEST: &str = "authorities elsewhere, an authority below";
    if program("openssl", TEST).is_none() {
        return;
    }
    let extra = "[[certificates]]\nname = \"own-ca\"\ncsr = \"own-ca-csr.json\"\nprofile = \"intermediate\"\n";
    let spec = single("", extra);
    own_authority(&spec);
    let world = Signed::of(spec);
    let right = world.build();
    assert!(right.status.success(), "{}", said(&right));
    for (from, to, code) in [
        ("CA:TRUE,pathlen:0", "CA:FALSE", "answer-no-authority"),
        ("CA:TRUE,pathlen:0", "CA:TRUE", "answer-path-length"),
    ] {
        signed(&world, "own-ca.csr", &extensions(&world, "own-ca.csr", from, to));
        let text = said(&world.build());
        assert!(text.contains(&format!("error[{code}]")), "{text}");
    }
}

#[test]
fn one_authority_is_not_three() {
    const TEST: &str = "authorities elsewhere, one for all";
    if program("openssl", TEST).is_none() {
        return;
    }
    let world = Signed::of(split(""));
    let text = said(&world.build());
    assert_eq!(text.matches("error[answer-shared-authority]").count(), 2, "{text}");
    assert!(!Path::new(&world.out()).exists());
    // With cluster.toml unchanged, three that are below one will do.
    for authority in ["ca", "etcd-ca", "front-proxy-ca"] {
        let issuing = Authority::below(&world.folder, &format!("issuing-{authority}"), &world.ca, CA);
        for (file, one) in crate::manifest(&world.requests) {
            if one["authority"] == authority {
                issuing.sign(
                    &world.requests.join(&file),
                    &answer(&world.signed, &file),
                    &Signing::default(),
                );
            }
        }
        write(&world, &format!("{authority}-chain.pem"), issuing.pem());
    }
    let made = build(&world.spec, &world.signed, &world.out());
    assert!(made.status.success(), "{}", said(&made));
    let judged = must(crate::khw_gen().arg("verify").arg(world.out()).args(crate::AT));
    assert_eq!(judged, "0 errors, 0 warnings\n");
}

#[test]
fn the_page_of_answers_is_the_table() {
    let path = crate::project().join("docs/answers.md");
    if std::env::var_os("KHW_BLESS").is_some() {
        fs::write(&path, answer_codes::page()).expect("the page can be written");
    }
    let page = fs::read_to_string(&path).expect("docs/answers.md");
    assert!(
        page == answer_codes::page(),
        "run the test with KHW_BLESS=1 to rewrite docs/answers.md"
    );
}
