use base64ct::{Base64, Encoding};
use p256::pkcs8::EncodePrivateKey;

use super::ecdsa::EcdsaKey;
use super::*;

#[derive(serde::Deserialize)]
struct EcdsaVector {
    curve: String,
    seed: String,
    private_key_pkcs8: String,
}

fn bytes(base64: &str) -> Vec<u8> {
    Base64::decode_vec(base64).expect("base64 in a vector")
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex in a vector"))
        .collect()
}

#[test]
fn ecdsa_keys_are_those_of_det_keygen() {
    let vectors: Vec<EcdsaVector> =
        serde_json::from_str(include_str!("../../../tests/vectors/det-keygen/ecdsa.json")).unwrap();
    let (mut compared, mut p224) = (0, 0);
    for vector in &vectors {
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
        let key = KeyPair::of_ecdsa(EcdsaKey::from_scalar(curve, &hex(scalar)).unwrap()).unwrap();
        for (message, r, s) in signatures {
            let der = key.sign(message.as_bytes()).unwrap();
            let (r_found, s_found) = yasna::parse_der(&der, |reader| {
                reader.read_sequence(|reader| {
                    Ok((
                        reader.next().read_bigint_bytes()?.0,
                        reader.next().read_bigint_bytes()?.0,
                    ))
                })
            })
            .unwrap();
            let unpadded = |text: &str| hex(text).into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let found = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            assert_eq!(
                (found(r_found), found(s_found)),
                (unpadded(r), unpadded(s)),
                "{curve:?} {message}"
            );
        }
    }
}
