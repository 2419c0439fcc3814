//! docs/derivation.md and the code say the same: the page's own vectors, read from the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use base64ct::{Base64, Encoding};
use khw_gen::catalog::identity::Per;
use khw_gen::catalog::layouts::Layout;
use khw_gen::pki::derivation::{Purpose, Seed};
use khw_gen::pki::fingerprint::FingerprintKey;
use khw_gen::pki::key::{Algorithm, Curve, KeyPair, MlDsa, RsaBits};
use khw_gen::pki::keyed_digest::KeyedDigest;
use khw_gen::pki::shares::{self, Share};
use khw_gen::pki::signing::OutputSigner;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("../docs/derivation.md");

#[test]
fn the_names_of_all_identities_are_listed() {
    for layout in Layout::ALL {
        let row = PAGE
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", layout.name())));
        let listed: BTreeSet<&str> = row.expect("its row").split('`').skip(1).step_by(2).skip(1).collect();
        let named = layout.identities().iter().map(|identity| match identity.per {
            Per::Cluster => identity.name.to_owned(),
            Per::Each(_) => format!("{}/NAME", identity.name),
        });
        let named: BTreeSet<String> = named.collect();
        assert_eq!(listed, named.iter().map(String::as_str).collect(), "{}", layout.name());
    }
}

type Fields<'a> = BTreeMap<&'a str, &'a str>;

/// The contents of the page's fenced blocks of one kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    PAGE.split(&format!("\n```{kind}\n"))
        .skip(1)
        .map(|rest| rest.split("\n```").next().expect("a first part"))
        .collect()
}

fn fields(block: &'static str) -> Fields<'static> {
    let mut fields = BTreeMap::new();
    for line in block.lines() {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line}"));
        assert_eq!(fields.insert(name, value), None, "{name} twice");
    }
    fields
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "ecdsa-p256" => Algorithm::Ecdsa(Curve::P256),
        "ecdsa-p384" => Algorithm::Ecdsa(Curve::P384),
        "ecdsa-p521" => Algorithm::Ecdsa(Curve::P521),
        "ed25519" => Algorithm::Ed25519,
        "ml-dsa-44" => Algorithm::MlDsa(MlDsa::MlDsa44),
        "ml-dsa-65" => Algorithm::MlDsa(MlDsa::MlDsa65),
        "ml-dsa-87" => Algorithm::MlDsa(MlDsa::MlDsa87),
        rsa => {
            let bits = rsa
                .strip_prefix("rsa-")
                .expect("an algorithm's name")
                .parse()
                .expect("a size");
            Algorithm::Rsa(RsaBits::new(bits).expect("a size that keys have"))
        }
    }
}

fn seed_text() -> &'static str {
    let seeds = blocks("seed");
    assert_eq!(seeds.len(), 1);
    seeds[0]
}

#[test]
fn the_seed_is_what_the_page_says() {
    let file = Seed::parse(seed_text().as_bytes()).expect("the page's seed file");
    assert!(file.public);
    assert!(seed_text().ends_with(&sha256(b"khw-gen/1 test vectors")));
}

#[test]
fn the_shares_make_the_seed_of_the_page() {
    let shares: Vec<Share> = blocks("share")
        .into_iter()
        .map(|text| Share::parse(text.as_bytes()).expect("a share"))
        .collect();
    let seed = shares::join(&shares).expect("the seed");
    let file = String::from_utf8(seed.to_file_text().expose().to_vec()).expect("a text");
    assert_eq!(file.lines().last(), seed_text().lines().last());
}

#[test]
fn each_vector_is_what_the_code_computes() {
    let seed = Seed::parse(seed_text().as_bytes()).expect("the page's seed file").seed;
    let mut seen = BTreeMap::new();
    for block in blocks("vector") {
        let vector = fields(block);
        let (name, algorithm_name) = (vector["name"], vector["algorithm"]);
        let generation = vector["generation"].parse().expect("a number");
        let mut computed: BTreeMap<&str, String> = BTreeMap::new();
        match vector["purpose"] {
            "key-pair" => {
                let algorithm = algorithm(algorithm_name);
                let output = seed.derive(vector["cluster"], &Purpose::KeyPair { name, algorithm }, generation);
                let key = KeyPair::from_seed(algorithm, &output).expect("a key");
                let signature = key.sign(b"khw-gen").expect("a signature");
                let public = key.public();
                assert!(public.verifies(b"khw-gen", &signature));
                computed.insert("output", hex(output.as_slice()));
                computed.insert("public-key", hex(&public.subject_public_key));
                computed.insert("spki-sha256", sha256(&public.spki_der()));
                computed.insert("pem-sha256", sha256(key.to_pem().expose()));
                computed.insert("signature", hex(&signature));
                computed.insert("signature-sha256", sha256(&signature));
                match algorithm {
                    Algorithm::Rsa(bits) => {
                        let key =
                            pkcs1::RsaPublicKeyRef::try_from(public.subject_public_key.as_slice()).expect("PKCS#1");
                        assert_eq!(key.modulus.as_bytes().len() as u32 * 8, bits.get());
                        computed.insert("modulus-sha256", sha256(key.modulus.as_bytes()));
                    }
                    Algorithm::Ecdsa(_) => {
                        let pem = pem::parse(key.to_pem().expose()).expect("PEM");
                        let der = sec1::EcPrivateKey::try_from(pem.contents()).expect("SEC 1");
                        computed.insert("private-scalar", hex(der.private_key));
                    }
                    Algorithm::Ed25519 | Algorithm::MlDsa(_) => {}
                }
            }
            "encryption-key" => {
                let purpose = Purpose::EncryptionKey {
                    name,
                    provider: algorithm_name,
                };
                let output = seed.derive(vector["cluster"], &purpose, generation);
                computed.insert("output", hex(output.as_slice()));
                computed.insert("base64", Base64::encode_string(output.as_slice()));
            }
            "fingerprint-key" => {
                assert_eq!((name, algorithm_name), ("golden", "hmac-sha256"));
                let output = seed.derive(vector["cluster"], &Purpose::FingerprintKey, generation);
                computed.insert("output", hex(output.as_slice()));
                let fingerprints = FingerprintKey::new(&seed, vector["cluster"]);
                computed.insert("fingerprint", fingerprints.of("/etc/app/password", b"hunter2"));
            }
            "build-identity-key" => {
                assert_eq!((name, algorithm_name), ("output", "hmac-sha256"));
                let output = seed.derive(vector["cluster"], &Purpose::BuildIdentityKey, generation);
                computed.insert("output", hex(output.as_slice()));
                let mut digest = KeyedDigest::of_build(&seed, vector["cluster"]);
                for field in ["0.1.0", "tar.gz", ""] {
                    digest.field(field.as_bytes());
                }
                digest.write_str("the cluster").expect("a digest takes all");
                computed.insert("digest", digest.finish());
            }
            "signing-key" => {
                assert_eq!((name, algorithm_name), ("output", "ed25519"));
                let output = seed.derive(vector["cluster"], &Purpose::SigningKey, generation);
                computed.insert("output", hex(output.as_slice()));
                let key = KeyPair::from_seed(Algorithm::Ed25519, &output).expect("a key");
                computed.insert("public-key", hex(&key.public().subject_public_key));
                let signer = OutputSigner::new(&seed, vector["cluster"]).expect("a signer");
                computed.insert("allowed-signers", signer.allowed_signers_line().expect("a line"));
                let signature = signer.sign(b"khw-gen").expect("a signature");
                computed.insert("sig-sha256", sha256(signature.as_bytes()));
            }
            other => panic!("a purpose that the page doesn't define: {other}"),
        }

        // The code doesn't show its info, but HKDF on the page's must give the output.
        let ikm = from_hex(seed_text().lines().last().expect("the seed"));
        let mut output = [0; 32];
        let hkdf = hkdf::Hkdf::<Sha256>::new(Some(b"khw-gen/1"), &ikm);
        hkdf.expand(&from_hex(vector["info"]), &mut output).expect("32 bytes");
        assert_eq!(hex(&output), vector["output"], "{name} {algorithm_name}: info");

        for (field, expected) in &vector {
            if !["purpose", "cluster", "name", "algorithm", "generation", "info"].contains(field) {
                let found = computed
                    .get(field)
                    .unwrap_or_else(|| panic!("nothing computes {field}"));
                assert_eq!(found, expected, "{name} {algorithm_name}: {field}");
                *seen.entry((algorithm_name, *field)).or_insert(0) += 1;
            }
        }
    }
    // What a second implementation needs at least.
    for needed in [
        ("rsa-2048", "modulus-sha256"),
        ("rsa-2048", "pem-sha256"),
        ("ecdsa-p256", "private-scalar"),
        ("ecdsa-p256", "signature"),
        ("ecdsa-p384", "public-key"),
        ("ecdsa-p521", "public-key"),
        ("ed25519", "public-key"),
        ("ml-dsa-44", "spki-sha256"),
        ("ml-dsa-65", "pem-sha256"),
        ("ml-dsa-87", "signature-sha256"),
        ("aescbc", "base64"),
        ("hmac-sha256", "fingerprint"),
        ("hmac-sha256", "digest"),
    ] {
        assert!(seen.contains_key(&needed), "the page has no vector for {needed:?}");
    }
    assert_eq!(seen[&("ecdsa-p256", "output")], 2, "two generations of one key");
}

#[test]
fn the_serial_number_follows_the_rule() {
    let blocks = blocks("serial-number");
    assert_eq!(blocks.len(), 1);
    let vector = fields(blocks[0]);
    let issuer = from_hex(vector["issuer-spki"]);
    assert!(khw_gen::pki::key::PublicKey::from_spki_der(&issuer).is_ok());
    let mut hashed = b"khw-gen/1 serial\0".to_vec();
    hashed.extend(issuer);
    hashed.extend(from_hex(vector["tbs-certificate-with-serial-0"]));
    let mut serial = Sha256::digest(hashed)[..20].to_vec();
    serial[0] = serial[0] & 0x7f | 0x40;
    assert_eq!(hex(&serial), vector["serial-number"]);
}
