//! RSA key pairs: det-keygen, PKCS#1 DER, PKCS#1 v1.5 signatures by the Chinese remainder theorem.
//!
//! ring could sign, but it doesn't wipe its keys and refuses sizes that are no multiple of 512 bits or above 4096.
//! Signatures that leave this module are unverified: [`super::KeyPair::sign`] verifies them.

use pkcs1::der::asn1::UintRef;
use pkcs1::der::{Decode, Encode};
use pkcs1::{EncodeRsaPrivateKey, RsaPrivateKeyRef, RsaPublicKeyRef};
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::algorithm::{KeyError, RsaBits, SignatureAlgorithm};
use super::arithmetic::Arithmetic;
use super::hmac_drbg::HmacDrbg;
use super::limbs::{self, Limbs};
use super::montgomery::Modulus;
use super::prime::Primes;
use crate::pki::secret::SecretBytes;

/// The public exponent of every key that is made here (det-keygen, step 22). It is prime, which [`inverse`] relies on.
const F4: u32 = 65537;

/// An RSA private key; its numbers are wiped on drop.
pub(super) struct RsaKey {
    bits: RsaBits,
    n: Limbs,
    e: Limbs,
    d: Limbs,
    p: PrimeFactor,
    q: PrimeFactor,
    /// q^-1 modulo p.
    q_inverse: Limbs,
}

/// A prime factor with the private exponent modulo one less.
struct PrimeFactor {
    prime: Limbs,
    exponent: Limbs,
    modulus: Modulus,
}

impl PrimeFactor {
    fn new(prime: Limbs, exponent: Limbs) -> Option<PrimeFactor> {
        let modulus = Modulus::new(&prime)?;
        Some(PrimeFactor {
            prime,
            exponent,
            modulus,
        })
    }
}

impl RsaKey {
    /// The key that det-keygen makes of `seed` (at least 16 bytes).
    pub(super) fn generate(bits: RsaBits, seed: &[u8], arithmetic: Arithmetic) -> RsaKey {
        let mut personalization = b"det RSA key gen".to_vec();
        personalization.extend_from_slice(&bits.0.to_be_bytes());
        let drbg = HmacDrbg::new(seed, &personalization);
        let mut primes = Primes::new(drbg, arithmetic, usize::from(bits.0 / 16), rounds(bits));
        loop {
            let (p, q) = (primes.next(), primes.next());
            if let Some(key) = RsaKey::of_primes(bits, p, q) {
                return key;
            }
            // Both primes are thrown away.
        }
    }

    /// The key of two primes; None where det-keygen starts again.
    fn of_primes(bits: RsaBits, p: Limbs, q: Limbs) -> Option<RsaKey> {
        let p_minus_1 = limbs::minus_one(&p);
        let q_minus_1 = limbs::minus_one(&q);
        let ratio = ratio(&p_minus_1, &q_minus_1)?;
        let (lambda, _) = limbs::divide_by_u32(&limbs::multiply_add(&p_minus_1, &q_minus_1, &[]), ratio);
        let d = inverse(F4, &lambda)?;
        let d_p = limbs::resized(&inverse(F4, &p_minus_1)?, p.len());
        let d_q = limbs::resized(&inverse(F4, &q_minus_1)?, q.len());
        let n = limbs::multiply_add(&p, &q, &[]);
        let p = PrimeFactor::new(p, d_p)?;
        let q = PrimeFactor::new(q, d_q)?;
        let q_inverse = inverse_of_prime(&q.prime, &p);
        let e = Zeroizing::new(vec![F4.into()]);
        Some(RsaKey {
            bits,
            n,
            e,
            d,
            p,
            q,
            q_inverse,
        })
    }

    /// The key in a PKCS#1 RSAPrivateKey, if its numbers fit each other and its size is one that can be used.
    pub(super) fn from_pkcs1_der(der: &[u8]) -> Result<RsaKey, KeyError> {
        let fields = RsaPrivateKeyRef::from_der(der).map_err(|_| KeyError::Malformed)?;
        if fields.other_prime_infos.is_some() {
            return Err(KeyError::Unsupported);
        }
        let number = |field: UintRef<'_>| limbs::from_be_bytes(field.as_bytes());
        let n = number(fields.modulus);
        if n.first().is_none_or(|limb| limb & 1 == 0) {
            return Err(KeyError::Inconsistent);
        }
        let bits = RsaBits::new(limbs::bit_length(&n)).ok_or(KeyError::Unsupported)?;
        let e = number(fields.public_exponent);
        // ring verifies with exponents of 3 to 33 bits only; what it can't verify is not to be signed with.
        if e.len() != 1 || e[0] < 3 || e[0] >> 33 != 0 {
            return Err(KeyError::Unsupported);
        }
        let d = number(fields.private_exponent);
        let (p, q) = (number(fields.prime1), number(fields.prime2));
        let (d_p, d_q) = (number(fields.exponent1), number(fields.exponent2));
        let q_inverse = number(fields.coefficient);

        // First the lengths, lest somebody has us multiply numbers of a megabyte.
        let fits = |number: &Limbs| number.len() <= n.len();
        if ![&d, &p, &q, &d_p, &d_q, &q_inverse].into_iter().all(fits)
            || !limbs::equal(&limbs::multiply_add(&p, &q, &[]), &n)
        {
            return Err(KeyError::Inconsistent);
        }
        // p and q are odd and not zero, as n isn't.
        let one = [1];
        for (prime, exponent) in [(&p, &d_p), (&q, &d_q)] {
            let order = limbs::minus_one(prime);
            if limbs::bit_length(&order) == 0
                || !limbs::equal(&limbs::remainder(&d, &order), exponent)
                || !limbs::equal(&limbs::remainder(&limbs::multiply_add(exponent, &e, &[]), &order), &one)
            {
                return Err(KeyError::Inconsistent);
            }
        }
        if !limbs::equal(&limbs::remainder(&q_inverse, &p), &q_inverse)
            || !limbs::equal(&limbs::remainder(&limbs::multiply_add(&q, &q_inverse, &[]), &p), &one)
        {
            return Err(KeyError::Inconsistent);
        }
        let q_inverse = limbs::resized(&q_inverse, p.len());
        let d_p = limbs::resized(&d_p, p.len());
        let d_q = limbs::resized(&d_q, q.len());
        let p = PrimeFactor::new(p, d_p).ok_or(KeyError::Inconsistent)?;
        let q = PrimeFactor::new(q, d_q).ok_or(KeyError::Inconsistent)?;
        Ok(RsaKey {
            bits,
            n,
            e,
            d,
            p,
            q,
            q_inverse,
        })
    }

    pub(super) fn bits(&self) -> RsaBits {
        self.bits
    }

    /// RSAPublicKey DER (RFC 8017, A.1.1).
    pub(super) fn public_key_der(&self) -> Result<Vec<u8>, KeyError> {
        let (n, e) = (limbs::to_be_bytes(&self.n), limbs::to_be_bytes(&self.e));
        RsaPublicKeyRef {
            modulus: integer(&n)?,
            public_exponent: integer(&e)?,
        }
        .to_der()
        .map_err(|_| KeyError::Encoding)
    }

    /// RSAPrivateKey DER (RFC 8017, A.1.2), the primes in the order in which they were found, as Go writes them.
    pub(super) fn to_pkcs1_der(&self) -> Result<SecretBytes, KeyError> {
        let numbers = [
            &self.n,
            &self.e,
            &self.d,
            &self.p.prime,
            &self.q.prime,
            &self.p.exponent,
            &self.q.exponent,
            &self.q_inverse,
        ];
        let [n, e, d, p, q, d_p, d_q, q_inverse] = numbers.map(|number| limbs::to_be_bytes(number));
        let document = RsaPrivateKeyRef {
            modulus: integer(&n)?,
            public_exponent: integer(&e)?,
            private_exponent: integer(&d)?,
            prime1: integer(&p)?,
            prime2: integer(&q)?,
            exponent1: integer(&d_p)?,
            exponent2: integer(&d_q)?,
            coefficient: integer(&q_inverse)?,
            other_prime_infos: None,
        }
        .to_pkcs1_der()
        .map_err(|_| KeyError::Encoding)?;
        Ok(SecretBytes::from(document.as_bytes()))
    }

    /// The RSASSA-PKCS1-v1_5 signature (RFC 8017, section 8.2.1), as long as the modulus.
    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let encoded = limbs::from_be_bytes(&self.encode(algorithm, message)?);
        let m_p = self.p.modulus.power(&encoded, &self.p.exponent);
        let m_q = self.q.modulus.power(&encoded, &self.q.exponent);
        let m_q_modulo_p = self.p.modulus.reduce(&m_q);
        let h = self.p.modulus.subtract_multiply(&m_p, &m_q_modulo_p, &self.q_inverse);
        let signature = limbs::multiply_add(&self.q.prime, &h, &m_q);
        let bytes = limbs::to_be_bytes(&signature);
        let length = self.modulus_bytes();
        let padding = bytes.len().checked_sub(length).ok_or(KeyError::SignatureDidNotVerify)?;
        Ok(bytes[padding..].to_vec())
    }

    /// EMSA-PKCS1-v1_5 (RFC 8017, section 9.2).
    fn encode(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        // The DER of DigestInfo up to the digest (note 1 of that section).
        let (prefix, digest): (&[u8], Vec<u8>) = match algorithm {
            SignatureAlgorithm::Sha256WithRsa => (
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
                Sha256::digest(message).to_vec(),
            ),
            SignatureAlgorithm::Sha384WithRsa => (
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
                Sha384::digest(message).to_vec(),
            ),
            SignatureAlgorithm::Sha512WithRsa => (
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
                Sha512::digest(message).to_vec(),
            ),
            _ => return Err(KeyError::Unsupported),
        };
        let mut encoded = vec![0xff; self.modulus_bytes()];
        let separator = encoded.len() - prefix.len() - digest.len() - 1;
        encoded[0] = 0;
        encoded[1] = 1;
        encoded[separator] = 0;
        encoded[separator + 1..][..prefix.len()].copy_from_slice(prefix);
        encoded[separator + 1 + prefix.len()..].copy_from_slice(&digest);
        Ok(encoded)
    }

    fn modulus_bytes(&self) -> usize {
        usize::from(self.bits.0 / 8)
    }
}

/// The Miller-Rabin rounds of FIPS 186-5, table B.1, with the sizes between as det-keygen gives them.
fn rounds(bits: RsaBits) -> u32 {
    match bits.get() {
        ..2690 => 5,
        2690..7494 => 4,
        7494.. => 3,
    }
}

/// The greatest common divisor of p - 1 and q - 1 if it is below 2^32 (det-keygen, steps 19 and 20).
fn ratio(p_minus_1: &[u64], q_minus_1: &[u64]) -> Option<u32> {
    // Candidates are 7 modulo 8, so both halves are odd.
    let gcd = limbs::gcd_of_odd(&limbs::half(p_minus_1), &limbs::half(q_minus_1));
    if limbs::bit_length(&gcd) >= 32 {
        return None;
    }
    u32::try_from(gcd[0] * 2).ok()
}

/// The inverse of the prime `e` modulo `modulus`, if there is one: (k * modulus + 1) / e for the k that divides evenly.
fn inverse(e: u32, modulus: &[u64]) -> Option<Limbs> {
    let (_, remainder) = limbs::divide_by_u32(modulus, e);
    if remainder == 0 {
        return None;
    }
    // Fermat: remainder^(e - 2) is its inverse modulo the prime e.
    let e_wide = u64::from(e);
    let (mut inverse, mut square, mut exponent) = (1, u64::from(remainder), e_wide - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            inverse = inverse * square % e_wide;
        }
        square = square * square % e_wide;
        exponent >>= 1;
    }
    let k = Zeroizing::new([e_wide - inverse]);
    let (quotient, _) = limbs::divide_by_u32(&limbs::multiply_add(modulus, k.as_slice(), &[1]), e);
    Some(quotient)
}

/// The inverse of `number` modulo a prime, by Fermat.
fn inverse_of_prime(number: &[u64], prime: &PrimeFactor) -> Limbs {
    let mut exponent = limbs::resized(&prime.prime, prime.prime.len());
    limbs::subtract(&mut exponent, &limbs::resized(&[2], prime.prime.len()));
    prime.modulus.power(number, &exponent)
}

/// A DER INTEGER of big-endian bytes, whose leading zeros it drops.
fn integer(bytes: &[u8]) -> Result<UintRef<'_>, KeyError> {
    UintRef::new(bytes).map_err(|_| KeyError::Encoding)
}
