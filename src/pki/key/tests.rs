//! Keys against published vectors and against other implementations of the arithmetic.

use base64ct::{Base64, Encoding};
use p256::pkcs8::EncodePrivateKey;

use super::ecdsa::EcdsaKey;
use super::hmac_drbg::HmacDrbg;
use super::prime::Primes;
use super::*;

#[derive(serde::Deserialize)]
struct EcdsaVector {
    curve: String,
    seed: String,
    private_key_pkcs8: String,
}

fn ecdsa_vectors() -> Vec<EcdsaVector> {
    serde_json::from_str(include_str!("../../../tests/vectors/det-keygen/ecdsa.json")).unwrap()
}

fn bytes(base64: &str) -> Vec<u8> {
    Base64::decode_vec(base64).expect("base64 in a vector")
}

fn hex(text: &str) -> Vec<u8> {
    base16ct::mixed::decode_vec(text).expect("hex in a vector")
}

#[test]
fn ecdsa_keys_are_those_of_det_keygen() {
    let (mut compared, mut p224) = (0, 0);
    for vector in &ecdsa_vectors() {
        let curve = match vector.curve.as_str() {
            "secp256r1" => Curve::P256,
            "secp384r1" => Curve::P384,
            "secp521r1" => Curve::P521,
            "secp224r1" => {
                p224 += 1;
                continue;
            }
            other => panic!("a curve that nobody announced: {other}"),
        };
        let key = EcdsaKey::generate(curve, &bytes(&vector.seed)).unwrap();
        let pkcs8 = match &key {
            EcdsaKey::P256(key) => p256::SecretKey::from(key).to_pkcs8_der(),
            EcdsaKey::P384(key) => p384::SecretKey::from(key).to_pkcs8_der(),
            EcdsaKey::P521(key) => p521::SecretKey::from(key).to_pkcs8_der(),
        };
        assert_eq!(
            pkcs8.unwrap().as_bytes(),
            bytes(&vector.private_key_pkcs8),
            "{} {}",
            vector.curve,
            vector.seed
        );
        compared += 1;
    }
    assert_eq!((compared, p224), (16, 5));
}

#[test]
fn ecdsa_signatures_are_those_of_rfc_6979() {
    // RFC 6979, A.2.5 to A.2.7: the private key and, for the hash that fits the curve, r and s of two messages.
    let vectors = [
        (
            Curve::P256,
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            [
                (
                    "sample",
                    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
                    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
                ),
                (
                    "test",
                    "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
                    "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
                ),
            ],
        ),
        (
            Curve::P384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            [
                (
                    "sample",
                    "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
                    "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
                ),
                (
                    "test",
                    "8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36AB775D509D7A5FEB0542A7F0812998DA8F1DD3CA3CF023DB",
                    "DDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B827C2F13173923E06A739F040649A667BF3B828246BAA5A5",
                ),
            ],
        ),
        (
            Curve::P521,
            "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
            [
                (
                    "sample",
                    "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
                    "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
                ),
                (
                    "test",
                    "013E99020ABF5CEE7525D16B69B229652AB6BDF2AFFCAEF38773B4B7D08725F10CDB93482FDCC54EDCEE91ECA4166B2A7C6265EF0CE2BD7051B7CEF945BABD47EE6D",
                    "01FBD0013C674AA79CB39849527916CE301C66EA7CE8B80682786AD60F98F7E78A19CA69EFF5C57400E3B3A0AD66CE0978214D13BAF4E9AC60752F7B155E2DE4DCE3",
                ),
            ],
        ),
    ];
    for (curve, scalar, signatures) in vectors {
        let key = KeyPair::of(PrivateKey::of_ecdsa(
            EcdsaKey::from_scalar(curve, &hex(scalar)).unwrap(),
        ))
        .unwrap();
        for (message, r, s) in signatures {
            let der = key.sign(message.as_bytes()).unwrap();
            let expected = yasna::construct_der(|writer| {
                writer.write_sequence(|writer| {
                    writer.next().write_bigint_bytes(&hex(r), true);
                    writer.next().write_bigint_bytes(&hex(s), true);
                })
            });
            assert_eq!(der, expected, "{curve:?} {message}");
        }
    }
}

#[derive(serde::Deserialize)]
struct RsaVector {
    bits: u32,
    seed: String,
    private_key_pkcs8: String,
}

#[test]
fn rsa_keys_are_those_of_det_keygen() {
    assert_eq!(compare_rsa_vectors(|bits| bits < 8192), 20);
}

/// Apart from the others, as it takes as long as all of them.
#[test]
fn the_largest_rsa_key_is_that_of_det_keygen() {
    assert_eq!(compare_rsa_vectors(|bits| bits == 8192), 1);
}

/// How many vectors there are of the chosen sizes, after comparing them by each arithmetic.
fn compare_rsa_vectors(chosen: fn(u32) -> bool) -> usize {
    let mut vectors: Vec<RsaVector> =
        serde_json::from_str(include_str!("../../../tests/vectors/det-keygen/rsa.json")).unwrap();
    vectors.retain(|vector| chosen(vector.bits));
    for vector in &vectors {
        let bits = RsaBits::new(vector.bits).unwrap();
        for arithmetic in Arithmetic::available() {
            if arithmetic.suited(vector.bits / 2) != arithmetic {
                continue;
            }
            let key = KeyPair::of(PrivateKey::of_rsa(RsaKey::generate(
                bits,
                &bytes(&vector.seed),
                arithmetic,
            )))
            .unwrap();
            let pkcs8 = pkcs8::PrivateKeyInfoRef::new(
                pkcs1::ALGORITHM_ID,
                pkcs1::der::asn1::OctetStringRef::new(key.der.expose()).unwrap(),
            );
            assert_eq!(
                pkcs8.to_pkcs8_der().unwrap().as_bytes(),
                bytes(&vector.private_key_pkcs8),
                "{arithmetic}: {}",
                vector.seed
            );
            assert!(key.sign(b"message").is_ok(), "{arithmetic}: {}", vector.seed);
        }
    }
    vectors.len()
}

#[test]
fn every_arithmetic_makes_the_same_keys() {
    for bits in [2048, 2064, 3072, 3088] {
        let bits = RsaBits::new(bits).unwrap();
        let expected = KeyPair::from_seed(Algorithm::Rsa(bits), &SEED).unwrap();
        for arithmetic in Arithmetic::available() {
            let key = KeyPair::rsa_from_seed(bits, &SEED, arithmetic).unwrap();
            assert!(key.der == expected.der, "{arithmetic}");
        }
    }
}

/// In each place of a batch, which may be smaller than there is room for.
#[test]
fn every_arithmetic_finds_a_prime_among_composites() {
    for length in [128, 129] {
        let mut primes = Primes::new(HmacDrbg::new(&SEED, b""), Arithmetic::fastest(), length, 5);
        let prime = limbs::to_be_bytes(&primes.next());
        let prime = &prime[prime.len() - length..];
        let number = limbs::from_be_bytes(prime);
        // 7 modulo 8 as well, and no prime.
        let mut composite = limbs::from_be_bytes(prime);
        composite[0] ^= 1 << 40;
        for arithmetic in Arithmetic::all() {
            assert!(prime::is_prime(arithmetic, prime, 5), "{arithmetic}");
            for size in [1, arithmetic.batch()] {
                let numbers: Vec<&[u64]> = (0..size)
                    .map(|at| [&number, &composite][usize::from(at != size / 2)].as_slice())
                    .collect();
                let expected: Vec<bool> = (0..size).map(|at| at == size / 2).collect();
                assert_eq!(arithmetic.pass_for_two(&numbers), expected, "{arithmetic}");
            }
        }
    }
}

const SEED: [u8; 32] = *b"\x8f\x3a\x11\xd2\x05\x77\xee\x90\x4c\xb8\x21\x66\x9d\xfa\x30\x58\xc1\x0e\x7b\x42\xa9\xd3\x6f\x14\xe5\x88\x2c\xb7\x53\x09\xf6\xad";

fn rsa_2048() -> Algorithm {
    Algorithm::Rsa(RsaBits::new(2048).unwrap())
}

fn algorithms() -> [Algorithm; 8] {
    [
        rsa_2048(),
        Algorithm::Ecdsa(Curve::P256),
        Algorithm::Ecdsa(Curve::P384),
        Algorithm::Ecdsa(Curve::P521),
        Algorithm::Ed25519,
        Algorithm::MlDsa(MlDsa::MlDsa44),
        Algorithm::MlDsa(MlDsa::MlDsa65),
        Algorithm::MlDsa(MlDsa::MlDsa87),
    ]
}

fn label(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rsa(_) => "RSA PRIVATE KEY",
        Algorithm::Ecdsa(_) => "EC PRIVATE KEY",
        Algorithm::Ed25519 | Algorithm::MlDsa(_) => "PRIVATE KEY",
    }
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    for algorithm in algorithms() {
        let key = KeyPair::from_seed(algorithm, &SEED).unwrap();
        let mut signature = key.sign(b"message").unwrap();
        assert_eq!(
            signature,
            key.sign(b"message").unwrap(),
            "{algorithm} is not deterministic"
        );
        assert!(key.public().verifies(b"message", &signature), "{algorithm}");
        assert!(
            !key.public().verifies(b"Message", &signature),
            "{algorithm} with another message"
        );
        let other = KeyPair::from_seed(algorithm, &[7; 32]).unwrap();
        assert!(
            !other.public().verifies(b"message", &signature),
            "{algorithm} with another key"
        );
        let middle = signature.len() / 2;
        signature[middle] ^= 1;
        assert!(
            !key.public().verifies(b"message", &signature),
            "{algorithm} with a damaged signature"
        );
    }
}

#[test]
fn a_wrong_signature_does_not_leave() {
    for algorithm in algorithms() {
        let mut key = KeyPair::from_seed(algorithm, &SEED).unwrap();
        key.public = KeyPair::from_seed(algorithm, &[7; 32]).unwrap().public;
        assert_eq!(
            key.sign(b"message"),
            Err(KeyError::SignatureDidNotVerify),
            "{algorithm}"
        );
    }
}

#[test]
fn each_pem_form_is_read_back_to_the_same_key() {
    for algorithm in algorithms() {
        let key = KeyPair::from_seed(algorithm, &SEED).unwrap();
        let pem = key.to_pem();
        let again = KeyPair::from_pem(pem.expose()).unwrap();
        assert_eq!(again.public(), key.public(), "{algorithm}");
        assert_eq!(again.to_pem(), pem, "{algorithm}");
        assert_eq!(again.sign(b"message"), key.sign(b"message"), "{algorithm}");

        let text = std::str::from_utf8(pem.expose()).unwrap();
        assert!(text.ends_with("-----\n") && !text.contains('\r'), "{algorithm}");
        let lines: Vec<&str> = text.lines().collect();
        let body = &lines[1..lines.len() - 1];
        assert!(
            body[..body.len() - 1].iter().all(|line| line.len() == 64),
            "{algorithm}"
        );
        assert!((1..=64).contains(&body[body.len() - 1].len()), "{algorithm}");
        let label = label(algorithm);
        assert_eq!(lines[0], format!("-----BEGIN {label}-----"));
        assert_eq!(lines[lines.len() - 1], format!("-----END {label}-----"));
    }
}

#[test]
fn pkcs8_with_crlf_and_openssl_parameters_are_read() {
    for vector in &ecdsa_vectors() {
        let der = bytes(&vector.private_key_pkcs8);
        let pem = String::from_utf8(encoding::pem("PRIVATE KEY", &der).expose().to_vec()).unwrap();
        let pem = format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{pem}");
        let read = KeyPair::from_pem(pem.replace('\n', "\r\n").as_bytes());
        match vector.curve.as_str() {
            "secp224r1" => assert_eq!(read.map(|_| ()), Err(KeyError::Unsupported)),
            _ => assert!(matches!(read.unwrap().public.algorithm, Algorithm::Ecdsa(_))),
        }
    }
}

#[test]
fn an_ed25519_key_under_the_label_of_cfssl_is_read() {
    let key = KeyPair::from_seed(Algorithm::Ed25519, &SEED).unwrap();
    let read = KeyPair::from_pem(encoding::pem("Ed25519 PRIVATE KEY", key.der.expose()).expose()).unwrap();
    assert_eq!(read.public(), key.public());
}

#[test]
fn an_rsa_key_whose_numbers_contradict_each_other_is_refused() {
    let key = KeyPair::from_seed(rsa_2048(), &SEED).unwrap();
    let fields = pkcs1::RsaPrivateKeyRef::try_from(key.der.expose()).unwrap();
    let numbers = [
        fields.modulus,
        fields.public_exponent,
        fields.private_exponent,
        fields.prime1,
        fields.prime2,
        fields.exponent1,
        fields.exponent2,
        fields.coefficient,
    ]
    .map(|number| number.as_bytes().to_vec());
    let encoded = |numbers: &[Vec<u8>; 8]| {
        let [n, e, d, p, q, d_p, d_q, q_inverse] = numbers
            .each_ref()
            .map(|bytes| pkcs1::der::asn1::UintRef::new(bytes).unwrap());
        let key = pkcs1::RsaPrivateKeyRef {
            modulus: n,
            public_exponent: e,
            private_exponent: d,
            prime1: p,
            prime2: q,
            exponent1: d_p,
            exponent2: d_q,
            coefficient: q_inverse,
            other_prime_infos: None,
        };
        pkcs1::der::Encode::to_der(&key).unwrap()
    };
    assert!(RsaKey::from_pkcs1_der(&encoded(&numbers)).is_ok());
    for field in 0..8 {
        let original = &numbers[field];
        let mut flipped = original.clone();
        *flipped.last_mut().unwrap() ^= 2;
        for other in [flipped, vec![0], vec![1], [vec![1; 300], original.clone()].concat()] {
            let mut changed = numbers.clone();
            changed[field] = other;
            let read = RsaKey::from_pkcs1_der(&encoded(&changed));
            assert!(read.is_err(), "field {field}: {:?}", changed[field]);
        }
    }
    // n = 1 * n satisfies p * q = n.
    let mut trivial = numbers.clone();
    trivial[3] = vec![1];
    trivial[4] = numbers[0].clone();
    assert!(RsaKey::from_pkcs1_der(&encoded(&trivial)).is_err());
    // With the primes swapped the CRT values no longer belong to them.
    let mut swapped = numbers.clone();
    swapped.swap(3, 4);
    assert!(RsaKey::from_pkcs1_der(&encoded(&swapped)).is_err());
}

#[test]
fn an_ec_key_with_another_public_point_is_refused() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let key = EcdsaKey::generate(curve, &SEED).unwrap();
        let other = EcdsaKey::generate(curve, &[7; 32]).unwrap();
        let mut der = key.to_sec1_der().unwrap().expose().to_vec();
        let point = other.public_point();
        let start = der.len() - point.len();
        der[start..].copy_from_slice(&point);
        let pem = encoding::pem("EC PRIVATE KEY", &der);
        assert_eq!(KeyPair::from_pem(pem.expose()).map(|_| ()), Err(KeyError::Inconsistent));
    }
}

#[test]
fn what_is_no_usable_private_key_is_refused_with_its_reason() {
    let key = KeyPair::from_seed(Algorithm::Ed25519, &SEED).unwrap().to_pem();
    let twice = [key.expose(), key.expose()].concat();
    let cut = &key.expose()[..key.len() - 10];
    let encrypted =
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let cases: [(&[u8], KeyError); 9] = [
        (b"", KeyError::Malformed),
        (b"\xff\x00 no PEM", KeyError::Malformed),
        (cut, KeyError::Malformed),
        (&twice, KeyError::SeveralKeys),
        (encrypted, KeyError::Encrypted),
        (
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            KeyError::Encrypted,
        ),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            KeyError::Unsupported,
        ),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            KeyError::Malformed,
        ),
        (
            b"-----BEGIN EC PRIVATE KEY-----\nA*AA\n-----END EC PRIVATE KEY-----\n",
            KeyError::Malformed,
        ),
    ];
    for (pem, error) in cases {
        assert_eq!(
            KeyPair::from_pem(pem).map(|_| ()),
            Err(error),
            "{}",
            String::from_utf8_lossy(pem)
        );
    }
}

#[test]
fn the_subject_public_key_info_is_read_back_and_nothing_near_it_is() {
    for algorithm in algorithms() {
        let public = KeyPair::from_seed(algorithm, &SEED).unwrap().public;
        let der = public.spki_der();
        assert_eq!(PublicKey::from_spki_der(&der), Ok(public), "{algorithm}");
        assert!(
            PublicKey::from_spki_der(&der[..der.len() - 1]).is_err(),
            "{algorithm}, cut"
        );
        assert!(
            PublicKey::from_spki_der(&[&der[..], &[0]].concat()).is_err(),
            "{algorithm}, with a byte more"
        );
        // Flipping the last bit leaves an ECDSA point that isn't on its curve, and makes the RSA exponent even. Of the others most
        // texts are keys.
        if !matches!(algorithm, Algorithm::Ed25519 | Algorithm::MlDsa(_)) {
            let mut damaged = der;
            *damaged.last_mut().unwrap() ^= 1;
            assert!(PublicKey::from_spki_der(&damaged).is_err(), "{algorithm}, damaged");
        }
    }
}

#[test]
fn rsa_keys_come_in_every_size() {
    for bits in [2048, 2064, 3072] {
        let key = KeyPair::from_seed(Algorithm::Rsa(RsaBits::new(bits).unwrap()), &SEED).unwrap();
        assert_eq!(key.sign(b"message").unwrap().len() as u32, bits / 8);
        let public = PublicKey::from_spki_der(&key.public().spki_der()).unwrap();
        assert_eq!(public.algorithm, Algorithm::Rsa(RsaBits::new(bits).unwrap()));
    }
    for bits in [0, 16, 1024, 2040, 2047, 2049, 2056, 8193, 8208, 65_536 + 2048, u32::MAX] {
        assert_eq!(RsaBits::new(bits), None, "{bits}");
    }
}

#[test]
fn the_hash_follows_the_modulus_size_as_in_cfssl() {
    let signature_algorithm = |bits| {
        let algorithm = Algorithm::Rsa(RsaBits::new(bits).unwrap());
        PublicKey {
            algorithm,
            subject_public_key: Vec::new(),
        }
        .signature_algorithm()
    };
    for (bits, expected) in [
        (2048, SignatureAlgorithm::Sha256WithRsa),
        (3056, SignatureAlgorithm::Sha256WithRsa),
        (3072, SignatureAlgorithm::Sha384WithRsa),
        (4080, SignatureAlgorithm::Sha384WithRsa),
        (4096, SignatureAlgorithm::Sha512WithRsa),
        (8192, SignatureAlgorithm::Sha512WithRsa),
    ] {
        assert_eq!(signature_algorithm(bits), expected, "{bits}");
    }
}

#[test]
fn debug_shows_no_secret() {
    for algorithm in algorithms() {
        let key = KeyPair::from_seed(algorithm, &SEED).unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("KeyPair({algorithm}, private half not shown)")
        );
    }
}

#[test]
fn ed25519_is_that_of_rfc_8032() {
    // RFC 8032, section 7.1, test 2.
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let key = KeyPair::from_seed(Algorithm::Ed25519, seed.as_slice().try_into().unwrap()).unwrap();
    let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_eq!(key.public().subject_public_key, public);
    let signature = hex(concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ));
    assert_eq!(key.sign(&[0x72]).unwrap(), signature);
}

#[test]
fn primes_pass_and_composites_that_fool_the_first_test_do_not() {
    let mersenne = |bits: usize| {
        let mut bytes = vec![0xff_u8; bits.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - bits;
        bytes
    };
    for arithmetic in Arithmetic::all() {
        let is_prime = |exponent, rounds| prime::is_prime(arithmetic, &mersenne(exponent), rounds);
        for exponent in [61, 89, 107, 127, 521, 607, 1279] {
            assert!(is_prime(exponent, 5), "{arithmetic}: 2^{exponent} - 1 is prime");
        }
        // 2^101 - 1 = 7432339208719 * 341117531003194129: no small factor, and like each 2^p - 1 it passes for base 2.
        // 2^67 - 1 = 193707721 * 761838257287 as well, and 2^1061 - 1, of which no factor below 2^14 is known.
        for exponent in [101, 67, 1061] {
            assert!(is_prime(exponent, 0), "{arithmetic}: 2^{exponent} - 1 passes for 2");
            assert!(!is_prime(exponent, 1), "{arithmetic}: 2^{exponent} - 1 is composite");
        }
        // 2^1021 - 1 has the factor 40841, and 2^59 - 1 has 179951: above the trial division's limit. 2^11 - 1 = 23 * 89.
        for exponent in [1021, 59, 11] {
            assert!(!is_prime(exponent, 3), "{arithmetic}: 2^{exponent} - 1 is composite");
        }
    }
}

/// (2^1033 + 1) / 3 is composite and passes for the base 2, as 2^1033 is -1 modulo it.
#[test]
fn other_bases_find_what_two_does_not() {
    let mut number = vec![0xaa_u8; 129];
    *number.last_mut().unwrap() = 0xab;
    for arithmetic in Arithmetic::all() {
        assert!(prime::is_prime(arithmetic, &number, 0), "{arithmetic}");
        assert!(!prime::is_prime(arithmetic, &number, 1), "{arithmetic}");
    }
}

mod damaged {
    use proptest::prelude::*;

    use super::*;

    /// A private key's DER with its PEM label, in every form that is read.
    fn originals() -> Vec<(&'static str, Vec<u8>)> {
        let mut originals: Vec<(&str, Vec<u8>)> = algorithms()
            .into_iter()
            .map(|algorithm| {
                let key = KeyPair::from_seed(algorithm, &SEED).unwrap();
                (label(algorithm), key.der.expose().to_vec())
            })
            .collect();
        originals.extend(
            ecdsa_vectors()
                .iter()
                .rev()
                .map(|vector| ("PRIVATE KEY", bytes(&vector.private_key_pkcs8))),
        );
        originals
    }

    #[test]
    fn a_damaged_private_key_is_refused_or_another_key_that_works() {
        let originals = originals();
        let strategy = (
            0..originals.len(),
            any::<prop::sample::Index>(),
            any::<u8>(),
            prop::bool::weighted(0.2),
        );
        proptest!(ProptestConfig::with_cases(400), |((which, at, byte, cut) in strategy)| {
            let (label, mut der) = originals[which].clone();
            let at = at.index(der.len());
            der[at] = byte;
            if cut {
                der.truncate(at);
            }
            if let Ok(key) = KeyPair::from_pem(encoding::pem(label, &der).expose()) {
                let again = KeyPair::from_pem(key.to_pem().expose()).unwrap();
                prop_assert_eq!(again.public(), key.public());
                prop_assert!(PublicKey::from_spki_der(&key.public().spki_der()).is_ok());
                prop_assert!(key.sign(b"message").is_ok());
            }
        });
    }

    proptest! {
        #[test]
        fn anything_can_be_read_as_pem(text in "(-----(BEGIN|END) (RSA |EC |)PRIVATE KEY-----\n|[A-Za-z=:\r]{0,8}\n){0,8}") {
            let _ = KeyPair::from_pem(text.as_bytes());
        }

        #[test]
        fn anything_can_be_read_as_spki(der in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(PublicKey::from_spki_der(&der).is_err());
        }
    }

    #[test]
    fn a_damaged_spki_is_refused_or_written_back_alike() {
        let originals: Vec<Vec<u8>> = algorithms()
            .into_iter()
            .map(|algorithm| KeyPair::from_seed(algorithm, &SEED).unwrap().public.spki_der())
            .collect();
        proptest!(|(which in 0..originals.len(), at in any::<prop::sample::Index>(), byte in any::<u8>())| {
            let mut der = originals[which].clone();
            let at = at.index(der.len());
            der[at] = byte;
            if let Ok(key) = PublicKey::from_spki_der(&der) {
                prop_assert_eq!(key.spki_der(), der);
                key.verifies(b"message", &[0; 64]);
            }
        });
    }
}
