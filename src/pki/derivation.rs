//! From one seed to 32 bytes for each thing: HKDF with unambiguous labels, and the seed's file.
//!
//! docs/derivation.md says the same in words and with test vectors; a change here changes every key of every cluster
//! that exists. This module must draw no randomness (the command that makes a seed does), and nothing of a seed or its
//! file may get into a message.

use std::fmt;

use hmac::Mac;
use zeroize::Zeroizing;

use super::key::{Algorithm, keyed_with};
use super::secret::SecretBytes;

/// The salt of HKDF: which derivation this is, and its version.
const SALT: &[u8] = b"khw-gen/1";

/// The line that makes a seed a published one, word for word.
const PUBLIC_LINE: &[u8] = b"public: anybody may have the keys made from this seed";

/// The 32 secret bytes of a cluster: wiped on drop, never printed, and not to be cloned.
pub struct Seed(Zeroizing<[u8; 32]>);

/// What a seed file says.
#[derive(Debug)]
pub struct SeedFile {
    /// The seed itself.
    pub seed: Seed,
    /// Whether the file says that the seed is published, as that of a demonstration is: keys made from it protect
    /// nothing, which whoever writes them out has to say.
    pub public: bool,
}

/// What 32 bytes are derived for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A key pair: the identity's name ("ca", "node/node1") and its algorithm.
    KeyPair {
        /// The identity's name.
        name: &'a str,
        /// The algorithm that the key is for.
        algorithm: Algorithm,
    },
    /// A key of the encryption configuration: its name ("key1") and provider ("aescbc").
    EncryptionKey {
        /// The key's name.
        name: &'a str,
        /// The provider that encrypts with it.
        provider: &'a str,
    },
    /// The key of the fingerprints that stand for secrets in a golden.
    FingerprintKey,
    /// The key of the digest that tells one build from another.
    BuildIdentityKey,
    /// The key pair that signs the sums of an output.
    SigningKey,
}

impl Seed {
    /// The seed of these bytes, for the command that draws a new one.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Seed {
        Seed(bytes)
    }

    /// A seed that anybody knows, another for each number: what differs between two clusters made from two of them
    /// depends on the seed.
    pub fn stand_in(number: u8) -> Seed {
        Seed(hmac(b"khw-gen stand-in for a seed", &[&[number]]))
    }

    /// The seed in a file: exactly 32 raw bytes, or text with one line of 64 hexadecimal digits, in either case of
    /// letters. In text, lines that begin with `#` and blank lines mean nothing, and one line may say that the seed is
    /// [public](SeedFile::public).
    ///
    /// Refused is also what cannot be 32 random bytes, since a weak seed makes weak keys without any other sign.
    pub fn parse(file: &[u8]) -> Result<SeedFile, SeedFileError> {
        let (bytes, public) = match <&[u8; 32]>::try_from(file) {
            Ok(raw) => (Zeroizing::new(*raw), false),
            Err(_) => parse_text(file)?,
        };
        refuse_predictable(&bytes)?;
        Ok(SeedFile {
            seed: Seed(bytes),
            public,
        })
    }

    /// The seed file to write: a comment and the seed in hexadecimal.
    pub fn to_file_text(&self) -> SecretBytes {
        let comment = "# The seed of a Kubernetes cluster: every private key can be made from it. Keep it secret.\n";
        let mut text = SecretBytes::with_capacity(comment.len() + 65);
        text.extend(comment.as_bytes());
        let mut digits = Zeroizing::new([0; 64]);
        // There is room for just as many.
        text.extend(base16ct::lower::encode(self.0.as_slice(), digits.as_mut_slice()).unwrap_or_default());
        text.extend(b"\n");
        text
    }

    /// The 32 bytes themselves, to be split into shares. Whoever calls this answers for where they go.
    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// 32 bytes for one purpose of one cluster at one generation (1 for now).
    ///
    /// Names are at most 65535 bytes long, as their lengths stand before them in two bytes; those of a checked cluster
    /// are DNS names.
    pub fn derive(&self, cluster: &str, purpose: &Purpose<'_>, generation: u32) -> Zeroizing<[u8; 32]> {
        // HKDF (RFC 5869) for an output of one hash is two HMACs. The hkdf crate, which the tests compare this with,
        // leaves the key in between unwiped.
        let extracted = hmac(SALT, &[self.0.as_slice()]);
        hmac(extracted.as_slice(), &[&label(cluster, purpose, generation), &[1]])
    }
}

/// HMAC-SHA256 with a key of at most 64 bytes.
pub(super) fn hmac(key: &[u8], message: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = keyed_with(key);
    for part in message {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(not shown)")
    }
}

/// HKDF's info: each field preceded by its length, so that no two purposes share a label.
fn label(cluster: &str, purpose: &Purpose<'_>, generation: u32) -> Vec<u8> {
    let (kind, name, algorithm) = match purpose {
        Purpose::KeyPair { name, algorithm } => ("key-pair", *name, algorithm.to_string()),
        Purpose::EncryptionKey { name, provider } => ("encryption-key", *name, (*provider).to_owned()),
        Purpose::FingerprintKey => ("fingerprint-key", "golden", "hmac-sha256".to_owned()),
        Purpose::BuildIdentityKey => ("build-identity-key", "output", "hmac-sha256".to_owned()),
        Purpose::SigningKey => ("signing-key", "output", Algorithm::Ed25519.to_string()),
    };
    let mut label = Vec::new();
    for field in [kind, cluster, name, &algorithm, &generation.to_string()] {
        label.extend_from_slice(&u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
        label.extend_from_slice(field.as_bytes());
    }
    label
}

/// The seed in a text file, and whether it says that it is public.
fn parse_text(file: &[u8]) -> Result<(Zeroizing<[u8; 32]>, bool), SeedFileError> {
    let (mut found, mut public) = (None, false);
    for line in file.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line {
            [] | [b'#', ..] => {}
            PUBLIC_LINE => public = true,
            _ if line.iter().any(|byte| !is_text(*byte)) => return Err(SeedFileError::WrongLength),
            _ if !line.iter().all(u8::is_ascii_hexdigit) => return Err(SeedFileError::NotHexadecimal),
            _ if line.len() != 64 => return Err(SeedFileError::WrongLength),
            _ if found.is_some() => return Err(SeedFileError::SeveralSeeds),
            _ => {
                let mut seed = Zeroizing::new([0; 32]);
                base16ct::mixed::decode(line, seed.as_mut_slice()).map_err(|_| SeedFileError::NotHexadecimal)?;
                found = Some(seed);
            }
        }
    }
    Ok((found.ok_or(SeedFileError::Empty)?, public))
}

/// Refuses what nobody draws at random: each of these has a probability below 2^-40 for a random seed.
fn refuse_predictable(seed: &[u8; 32]) -> Result<(), SeedFileError> {
    let repeats_after = |period: usize| seed.iter().zip(&seed[period..]).all(|(byte, later)| byte == later);
    let step = seed[1].wrapping_sub(seed[0]);
    let counts = seed
        .iter()
        .zip(&seed[1..])
        .all(|(byte, next)| next.wrapping_sub(*byte) == step);
    if repeats_after(1) {
        Err(SeedFileError::AllBytesEqual)
    } else if (2..=16).any(repeats_after) {
        Err(SeedFileError::Repeating)
    } else if counts {
        Err(SeedFileError::Counting)
    } else if seed.iter().all(|byte| is_text(*byte)) {
        Err(SeedFileError::PrintableText)
    } else {
        Ok(())
    }
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Why a file is no seed. No message contains anything of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedFileError {
    /// Nothing, or comments and blank lines only.
    #[error("the seed file holds no seed")]
    Empty,
    /// Neither 32 bytes nor 64 digits.
    #[error(
        "the seed has the wrong length: a seed file is exactly 32 raw bytes, or has 64 hexadecimal digits on one line"
    )]
    WrongLength,
    /// A line that is neither a seed nor a comment.
    #[error("the seed file has a line that is neither 64 hexadecimal digits nor a comment that begins with #")]
    NotHexadecimal,
    /// Nobody can tell which one is meant.
    #[error("the seed file holds more than one seed")]
    SeveralSeeds,
    /// Text that was taken for the bytes that it encodes.
    #[error(
        "all 32 bytes of the seed are printable characters: text like the output of `openssl rand -hex 16` has at most half \
         the entropy that a seed needs"
    )]
    PrintableText,
    /// Nobody has drawn that by chance.
    #[error("all bytes of the seed are equal")]
    AllBytesEqual,
    /// Of 2 to 16 bytes.
    #[error("the seed repeats a shorter pattern")]
    Repeating,
    /// Each byte differs from the one before by the same step: 00 01 02 03 and the like.
    #[error("the seed is a counting pattern, which anybody can guess")]
    Counting,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pki::key::{Curve, MlDsa, RsaBits};

    const DIGITS: &str = "8f3a11d20577ee904cb821669dfa3058c10e7b42a9d36f14e5882cb75309f6ad";

    fn parse(file: impl AsRef<[u8]>) -> Result<SeedFile, SeedFileError> {
        Seed::parse(file.as_ref())
    }

    fn bytes_of(digits: &str) -> Vec<u8> {
        base16ct::lower::decode_vec(digits).unwrap()
    }

    #[test]
    fn every_form_of_a_seed_file_is_the_same_seed() {
        let raw = bytes_of(DIGITS);
        let forms = [
            raw.clone(),
            DIGITS.into(),
            format!("{DIGITS}\n").into(),
            format!("{}\r\n", DIGITS.to_uppercase()).into(),
            format!("# comment\r\n\r\n{DIGITS}\r\n\r\n").into(),
            format!("\n# Schlüssel: {DIGITS} is not it\n#\n{DIGITS}\n# more").into(),
        ];
        for form in forms {
            let read = parse(&form).unwrap();
            assert_eq!(read.seed.0.as_slice(), raw, "{}", String::from_utf8_lossy(&form));
            assert!(!read.public);
        }
        let written = parse(DIGITS).unwrap().seed.to_file_text();
        assert_eq!(parse(written.expose()).unwrap().seed.0.as_slice(), raw);
        assert!(written.expose().ends_with(b"\n"));
    }

    #[test]
    fn only_the_exact_line_makes_a_seed_public() {
        let line = "public: anybody may have the keys made from this seed";
        for file in [
            format!("{line}\n{DIGITS}\n"),
            format!("{DIGITS}\r\n{line}"),
            format!("# x\n{line}\r\n{DIGITS}"),
        ] {
            assert!(parse(&file).unwrap().public, "{file}");
        }
        assert!(!parse(format!("# {line}\n{DIGITS}\n")).unwrap().public);
        for near in [&line[..line.len() - 1], &line.to_uppercase(), "public: yes", "public"] {
            assert_eq!(
                parse(format!("{near}\n{DIGITS}\n")).unwrap_err(),
                SeedFileError::NotHexadecimal,
                "{near}"
            );
        }
        assert_eq!(parse(line).unwrap_err(), SeedFileError::Empty);
    }

    #[test]
    fn what_is_no_seed_is_refused_with_its_reason() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let counting: Vec<u8> = (0..32).collect();
        let backwards: Vec<u8> = (0..32).rev().collect();
        let by_sevens: Vec<u8> = (0..32_u8).map(|at| at.wrapping_mul(7)).collect();
        let wrapping: Vec<u8> = (240..=255).chain(0..16).collect();
        let raw = bytes_of(DIGITS);
        let cases: Vec<(Vec<u8>, SeedFileError)> = vec![
            (vec![], SeedFileError::Empty),
            (b"\n\r\n# only a comment\n".to_vec(), SeedFileError::Empty),
            (raw[..31].to_vec(), SeedFileError::WrongLength),
            ([raw.clone(), vec![0xff]].concat(), SeedFileError::WrongLength),
            (raw[..16].to_vec(), SeedFileError::WrongLength),
            (DIGITS[..63].into(), SeedFileError::WrongLength),
            (format!("{DIGITS}0").into(), SeedFileError::WrongLength),
            (
                format!("{}\n{}\n", &DIGITS[..32], &DIGITS[32..]).into(),
                SeedFileError::WrongLength,
            ),
            (format!("0x{DIGITS}").into(), SeedFileError::NotHexadecimal),
            (format!("{}g", &DIGITS[..63]).into(), SeedFileError::NotHexadecimal),
            (format!("{DIGITS} \n").into(), SeedFileError::NotHexadecimal),
            (
                b"jzoR0gV37pBMuCFmnfowWMEOe0Kp028U5Ygst1MJ9q0=\n".to_vec(),
                SeedFileError::NotHexadecimal,
            ),
            (format!("{DIGITS}\n{DIGITS}\n").into(), SeedFileError::SeveralSeeds),
            (DIGITS[..32].into(), SeedFileError::PrintableText),
            (format!("{}\n", &DIGITS[..31]).into(), SeedFileError::PrintableText),
            (
                b"correct horse battery staple !!!".to_vec(),
                SeedFileError::PrintableText,
            ),
            (
                hex(b"correct horse battery staple !!!").into(),
                SeedFileError::PrintableText,
            ),
            (vec![0; 32], SeedFileError::AllBytesEqual),
            ("f".repeat(64).into(), SeedFileError::AllBytesEqual),
            ("deadbeef".repeat(8).into(), SeedFileError::Repeating),
            ("0123456789abcdef".repeat(4).into(), SeedFileError::Repeating),
            ([&raw[..16], &raw[..16]].concat(), SeedFileError::Repeating),
            (hex(&counting).into(), SeedFileError::Counting),
            (counting, SeedFileError::Counting),
            (backwards, SeedFileError::Counting),
            (by_sevens, SeedFileError::Counting),
            (wrapping, SeedFileError::Counting),
        ];
        for (file, error) in cases {
            assert_eq!(parse(&file).unwrap_err(), error, "{}", String::from_utf8_lossy(&file));
        }
    }

    #[test]
    fn nothing_of_a_seed_is_printed() {
        let file = parse(DIGITS).unwrap();
        assert_eq!(format!("{:?}", file.seed), "Seed(not shown)");
        assert_eq!(format!("{file:?}"), "SeedFile { seed: Seed(not shown), public: false }");
    }

    #[test]
    fn the_derivation_is_hkdf() {
        // Against the hkdf crate, with the info written out.
        let seed = parse(DIGITS).unwrap().seed;
        let purpose = Purpose::KeyPair {
            name: "node/node1",
            algorithm: Algorithm::Ecdsa(Curve::P256),
        };
        let encryption = Purpose::EncryptionKey {
            name: "key1",
            provider: "aescbc",
        };
        let cases: [(Purpose<'_>, u32, &[u8]); 2] = [
            (
                purpose,
                1,
                b"\x00\x08key-pair\x00\x04demo\x00\x0anode/node1\x00\x0aecdsa-p256\x00\x011",
            ),
            (
                encryption,
                12,
                b"\x00\x0eencryption-key\x00\x04demo\x00\x04key1\x00\x06aescbc\x00\x0212",
            ),
        ];
        for (purpose, generation, info) in cases {
            let mut expected = [0; 32];
            let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(b"khw-gen/1"), &bytes_of(DIGITS));
            hkdf.expand(info, &mut expected).unwrap();
            assert_eq!(*seed.derive("demo", &purpose, generation), expected);
        }
    }

    /// The five fields, read back from a label; None when anything is left over.
    fn fields(mut label: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut fields = Vec::new();
        while let Some((length, rest)) = label.split_first_chunk::<2>() {
            let (field, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            fields.push(field.to_vec());
            label = rest;
        }
        label.is_empty().then_some(fields)
    }

    fn algorithm() -> impl Strategy<Value = Algorithm> {
        prop_oneof![
            (128_u32..=512)
                .prop_filter_map("a size", |bits| RsaBits::new(bits * 16))
                .prop_map(Algorithm::Rsa),
            Just(Algorithm::Ecdsa(Curve::P256)),
            Just(Algorithm::Ecdsa(Curve::P384)),
            Just(Algorithm::Ecdsa(Curve::P521)),
            Just(Algorithm::Ed25519),
            Just(Algorithm::MlDsa(MlDsa::MlDsa44)),
            Just(Algorithm::MlDsa(MlDsa::MlDsa65)),
            Just(Algorithm::MlDsa(MlDsa::MlDsa87)),
        ]
    }

    /// Names made of few characters, the length bytes among them, so that shifted boundaries would meet.
    fn name() -> impl Strategy<Value = String> {
        "[ab1/\\x00\\x01\\x02]{0,4}"
    }

    fn purpose_label() -> impl Strategy<Value = ((bool, String, String, String, u32), Vec<u8>)> {
        let generation = prop_oneof![0_u32..3, 9_u32..13, any::<u32>()];
        (any::<bool>(), name(), name(), algorithm(), name(), generation).prop_map(
            |(is_key_pair, cluster, name, algorithm, provider, generation)| {
                let (purpose, last) = match is_key_pair {
                    true => (Purpose::KeyPair { name: &name, algorithm }, algorithm.to_string()),
                    false => (
                        Purpose::EncryptionKey {
                            name: &name,
                            provider: &provider,
                        },
                        provider.clone(),
                    ),
                };
                let label = label(&cluster, &purpose, generation);
                ((is_key_pair, cluster, name.clone(), last, generation), label)
            },
        )
    }

    proptest! {
        /// So no two purposes share one.
        #[test]
        fn a_label_can_be_read_back(((is_key_pair, cluster, name, last, generation), label) in purpose_label()) {
            let kind = if is_key_pair { "key-pair" } else { "encryption-key" };
            let expected = [kind, &cluster, &name, &last, &generation.to_string()].map(|field| field.as_bytes().to_vec());
            prop_assert_eq!(fields(&label), Some(expected.to_vec()));
        }

        #[test]
        fn any_file_is_a_seed_or_an_error_that_does_not_quote_it(file in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Err(error) = parse(&file) {
                let message = error.to_string();
                prop_assert!(file.len() < 8 || !message.contains(&*String::from_utf8_lossy(&file)));
            }
        }
    }
}
