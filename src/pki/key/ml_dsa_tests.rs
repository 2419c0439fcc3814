//! ML-DSA against NIST's own vectors, and the forms in which others write its keys.

use ::ml_dsa::{
    EncodedVerifyingKey, ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey,
};

use super::*;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    key_gen: Vec<KeyGen>,
    sig_gen: Vec<SigGen>,
    sig_ver: Vec<SigVer>,
}

#[derive(serde::Deserialize)]
struct KeyGen {
    #[serde(rename = "parameterSet")]
    set: String,
    seed: String,
    pk: String,
}

#[derive(serde::Deserialize)]
struct SigGen {
    #[serde(rename = "parameterSet")]
    set: String,
    sk: String,
    message: String,
    signature: String,
}

#[derive(serde::Deserialize)]
struct SigVer {
    #[serde(rename = "parameterSet")]
    set: String,
    pk: String,
    message: String,
    signature: String,
    #[serde(rename = "testPassed")]
    passed: bool,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../tests/vectors/acvp/ml-dsa.json")).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    base16ct::mixed::decode_vec(text).expect("hex in a vector")
}

fn set(name: &str) -> MlDsa {
    match name {
        "ML-DSA-44" => MlDsa::MlDsa44,
        "ML-DSA-65" => MlDsa::MlDsa65,
        "ML-DSA-87" => MlDsa::MlDsa87,
        other => panic!("parameters that nobody announced: {other}"),
    }
}

const SETS: [MlDsa; 3] = [MlDsa::MlDsa44, MlDsa::MlDsa65, MlDsa::MlDsa87];

#[test]
fn keys_are_those_of_acvp() {
    let vectors = vectors().key_gen;
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let seed = hex(&vector.seed);
        let algorithm = Algorithm::MlDsa(set(&vector.set));
        let key = KeyPair::from_seed(algorithm, seed.as_slice().try_into().unwrap()).unwrap();
        assert_eq!(key.public().subject_public_key, hex(&vector.pk), "{}", vector.set);
        assert_eq!(
            PublicKey::from_spki_der(&key.public().spki_der()).as_ref(),
            Ok(key.public())
        );
    }
}

/// The vectors are of the FIPS's inner functions, in which a message has its context before it already.
#[test]
fn deterministic_signatures_are_those_of_acvp() {
    fn signature<P: MlDsaParams>(vector: &SigGen) -> Vec<u8> {
        let expanded = hex(&vector.sk);
        #[allow(deprecated, reason = "the vectors have expanded keys, which nothing else here takes")]
        let key = ExpandedSigningKey::<P>::from_expanded(&expanded.as_slice().try_into().unwrap());
        key.sign_internal(&[&hex(&vector.message)], &Default::default())
            .encode()
            .to_vec()
    }
    let vectors = vectors().sig_gen;
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let made = match set(&vector.set) {
            MlDsa::MlDsa44 => signature::<MlDsa44>(&vector),
            MlDsa::MlDsa65 => signature::<MlDsa65>(&vector),
            MlDsa::MlDsa87 => signature::<MlDsa87>(&vector),
        };
        assert_eq!(made, hex(&vector.signature), "{}", vector.set);
    }
}

#[test]
fn signatures_are_judged_as_by_acvp() {
    fn verifies<P: MlDsaParams>(vector: &SigVer) -> bool {
        let (key, signature) = (hex(&vector.pk), hex(&vector.signature));
        let key = VerifyingKey::<P>::decode(&EncodedVerifyingKey::<P>::try_from(key.as_slice()).unwrap());
        Signature::<P>::try_from(signature.as_slice())
            .is_ok_and(|signature| key.verify_internal(&hex(&vector.message), &signature))
    }
    let vectors = vectors().sig_ver;
    assert_eq!(
        (vectors.len(), vectors.iter().filter(|vector| vector.passed).count()),
        (12, 3)
    );
    for vector in vectors {
        let found = match set(&vector.set) {
            MlDsa::MlDsa44 => verifies::<MlDsa44>(&vector),
            MlDsa::MlDsa65 => verifies::<MlDsa65>(&vector),
            MlDsa::MlDsa87 => verifies::<MlDsa87>(&vector),
        };
        assert_eq!(found, vector.passed, "{}", vector.set);
    }
}

/// As cfssl and Go sign, by which no two signatures are the same: whoever verifies can't tell, and need not.
#[test]
fn signatures_of_those_who_draw_randomness_verify_too() {
    use ::ml_dsa::Seed;
    let key = KeyPair::from_seed(Algorithm::MlDsa(MlDsa::MlDsa65), &[5; 32]).unwrap();
    let theirs = ExpandedSigningKey::<MlDsa65>::from_seed(&Seed::from([5; 32]));
    // A message of FIPS 204, algorithm 2: 0 for a pure signature, and an empty context.
    let hedged = theirs
        .sign_internal(&[&[0, 0], b"message"], &Seed::from([9; 32]))
        .encode()
        .to_vec();
    assert!(key.public().verifies(b"message", &hedged));
    assert_ne!(key.sign(b"message").unwrap(), hedged);
    let with_context = theirs
        .sign_deterministic(b"message", b"context")
        .unwrap()
        .encode()
        .to_vec();
    assert!(!key.public().verifies(b"message", &with_context));
}

#[test]
fn a_key_file_is_that_of_go_byte_for_byte() {
    for set in SETS {
        let key = KeyPair::from_seed(Algorithm::MlDsa(set), &[7; 32]).unwrap();
        assert_eq!(key.der.expose().len(), 54, "{set:?}");
        assert_eq!(key.der.expose()[22..], [7; 32]);
        assert_eq!(key.to_pem().len(), 128, "{set:?}");
    }
}

/// RFC 9881, section 6: `[0] OCTET STRING` of a seed, an OCTET STRING of an expanded key, or a SEQUENCE of both.
#[test]
fn of_the_three_forms_of_a_private_key_only_the_seed_alone_is_taken() {
    let key = KeyPair::from_seed(Algorithm::MlDsa(MlDsa::MlDsa44), &[7; 32]).unwrap();
    let with = |algorithm: &[u8], private: &[u8]| {
        let der = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_u8(0);
                writer.next().write_der(algorithm);
                writer.next().write_bytes(private);
            })
        });
        KeyPair::from_pem(encoding::pem("PRIVATE KEY", &der).expose()).map(|read| read.public().clone())
    };
    let identifier = Algorithm::MlDsa(MlDsa::MlDsa44).identifier_der();
    let seed = [b"\x80\x20".as_slice(), &[7; 32]].concat();
    assert_eq!(with(identifier, &seed).as_ref(), Ok(key.public()));
    let expanded = yasna::construct_der(|writer| writer.write_bytes(&[1; 2560]));
    assert_eq!(with(identifier, &expanded), Err(KeyError::MlDsaExpanded));
    let both = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_bytes(&[7; 32]);
            writer.next().write_bytes(&[1; 2560]);
        })
    });
    assert_eq!(with(identifier, &both), Err(KeyError::MlDsaBoth));
    for wrong in [&seed[..33], &[seed.as_slice(), &[0]].concat(), &seed[2..], b""] {
        assert_eq!(with(identifier, wrong), Err(KeyError::Malformed), "{wrong:x?}");
    }
    // Parameters must be absent (RFC 9881, section 2): Go refuses a NULL.
    let with_null = b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x05\x00";
    assert_eq!(with(with_null, &seed), Err(KeyError::Malformed));
    // The next one is HashML-DSA-44 with SHA-512, of which no certificate is (RFC 9881, section 8.3).
    let of_hash = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x20";
    assert_eq!(with(of_hash, &seed), Err(KeyError::Unsupported));
}
