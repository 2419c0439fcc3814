//! ML-DSA key pairs (FIPS 204): from 32 bytes, with the FIPS's own deterministic signatures, and their PKCS#8 (RFC 9881).
//!
//! The arithmetic is RustCrypto's; nothing here computes with a secret itself. A key is kept as its seed, which is all of it, and
//! expanded when it first signs: an expanded key takes tens of kilobytes, and most keys of a cluster sign nothing here.

use std::sync::OnceLock;

use ml_dsa::{EncodedVerifyingKey, Keypair, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, Signer};
use ml_dsa::{Seed, SigningKey, Verifier, VerifyingKey};
use pkcs8::der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::algorithm::{KeyError, MlDsa};

/// A private key, which wipes itself on drop.
pub(super) struct MlDsaKey {
    set: MlDsa,
    /// Where it stays: a key that is moved leaves no copy behind.
    seed: Box<Zeroizing<[u8; 32]>>,
    expanded: OnceLock<Expanded>,
}

/// Each wipes itself on drop.
enum Expanded {
    Of44(Box<SigningKey<MlDsa44>>),
    Of65(Box<SigningKey<MlDsa65>>),
    Of87(Box<SigningKey<MlDsa87>>),
}

/// The same expression for whichever parameters the key has.
macro_rules! of_its_parameters {
    ($key:expr, $inner:ident => $body:expr) => {
        match $key {
            Expanded::Of44($inner) => $body,
            Expanded::Of65($inner) => $body,
            Expanded::Of87($inner) => $body,
        }
    };
}

impl MlDsaKey {
    /// The key of a seed (xi in FIPS 204, algorithm 6).
    pub(super) fn from_seed(set: MlDsa, seed: &[u8; 32]) -> MlDsaKey {
        let mut own = Box::new(Zeroizing::new([0; 32]));
        own.copy_from_slice(seed);
        MlDsaKey {
            set,
            seed: own,
            expanded: OnceLock::new(),
        }
    }

    pub(super) fn set(&self) -> MlDsa {
        self.set
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public key as FIPS 204, algorithm 22, encodes it. The key is not kept expanded for it.
    pub(super) fn public_key(&self) -> Vec<u8> {
        of_its_parameters!(Expanded::of(self.set, &self.seed), key => key.verifying_key().encode().to_vec())
    }

    /// The deterministic signature (FIPS 204, algorithm 2, with 32 zero bytes for rnd) with an empty context, as certificates have
    /// it (RFC 9881, section 3).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let expanded = self.expanded.get_or_init(|| Expanded::of(self.set, &self.seed));
        of_its_parameters!(expanded, key => signature(&**key, message))
    }
}

impl Expanded {
    fn of(set: MlDsa, seed: &[u8; 32]) -> Expanded {
        let seed: &Seed = seed.into();
        match set {
            MlDsa::MlDsa44 => Expanded::Of44(Box::new(SigningKey::from_seed(seed))),
            MlDsa::MlDsa65 => Expanded::Of65(Box::new(SigningKey::from_seed(seed))),
            MlDsa::MlDsa87 => Expanded::Of87(Box::new(SigningKey::from_seed(seed))),
        }
    }
}

fn signature<P: MlDsaParams>(key: &SigningKey<P>, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    // It fails where thousands of attempts were rejected, which no key comes to.
    let signature = key.try_sign(message).map_err(|_| KeyError::SignatureDidNotVerify)?;
    Ok(signature.encode().to_vec())
}

/// Whether `signature` is over `message`, with an empty context (FIPS 204, algorithm 3).
pub(super) fn verifies(set: MlDsa, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match set {
        MlDsa::MlDsa44 => verifies_with::<MlDsa44>(public_key, message, signature),
        MlDsa::MlDsa65 => verifies_with::<MlDsa65>(public_key, message, signature),
        MlDsa::MlDsa87 => verifies_with::<MlDsa87>(public_key, message, signature),
    }
}

fn verifies_with<P: MlDsaParams>(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(encoded) = EncodedVerifyingKey::<P>::try_from(public_key) else {
        return false;
    };
    Signature::<P>::try_from(signature)
        .is_ok_and(|signature| VerifyingKey::<P>::decode(&encoded).verify(message, &signature).is_ok())
}

/// How many bytes a public key has; each text of that length is one (FIPS 204, table 2).
pub(super) fn public_key_length(set: MlDsa) -> usize {
    match set {
        MlDsa::MlDsa44 => 1312,
        MlDsa::MlDsa65 => 1952,
        MlDsa::MlDsa87 => 2592,
    }
}

/// The parameters that an object identifier names, of keys and signatures alike (RFC 9881, section 2).
pub(super) fn named(oid: ObjectIdentifier) -> Option<MlDsa> {
    const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
    const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
    const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");
    match oid {
        ML_DSA_44 => Some(MlDsa::MlDsa44),
        ML_DSA_65 => Some(MlDsa::MlDsa65),
        ML_DSA_87 => Some(MlDsa::MlDsa87),
        _ => None,
    }
}

/// The key in an ML-DSA-PrivateKey (RFC 9881, section 6), of whose forms only the seed alone is taken: Go reads no other either.
pub(super) fn from_private_key_der(set: MlDsa, der: &[u8]) -> Result<MlDsaKey, KeyError> {
    /// `[0] IMPLICIT OCTET STRING (SIZE (32))`.
    const SEED: &[u8] = b"\x80\x20";
    /// `OCTET STRING`, and `SEQUENCE` of a seed and that.
    const EXPANDED: u8 = 0x04;
    const BOTH: u8 = 0x30;
    match der {
        [EXPANDED, ..] => Err(KeyError::MlDsaExpanded),
        [BOTH, ..] => Err(KeyError::MlDsaBoth),
        _ => {
            let seed = der.strip_prefix(SEED).ok_or(KeyError::Malformed)?;
            let seed = <&[u8; 32]>::try_from(seed).map_err(|_| KeyError::Malformed)?;
            Ok(MlDsaKey::from_seed(set, seed))
        }
    }
}
