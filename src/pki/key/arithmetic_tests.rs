//! The limbs' arithmetic against crypto-bigint's.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, NonZero, Odd};
use proptest::prelude::*;

use super::limbs;
use super::montgomery::{self, Modulus};

fn big(limbs: &[u64], length: usize) -> BoxedUint {
    BoxedUint::from_words(limbs.iter().copied().chain(std::iter::repeat(0)).take(length))
}

/// Limbs among which the extreme ones are frequent, since carries are where such code goes wrong.
fn limb() -> impl Strategy<Value = u64> {
    prop_oneof![3 => any::<u64>(), 1 => Just(0), 2 => Just(u64::MAX), 1 => Just(1), 1 => Just(1 << 63)]
}

fn number(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(limb(), length)
}

proptest! {
    #[test]
    fn powers_agree(mut n in number(1..36), base in number(1..70), exponent in number(0..4), cut in 0..64) {
        n[0] |= 1;
        if let Some(top) = n.last_mut() {
            *top >>= cut;
        }
        n[0] |= 1;
        prop_assume!(limbs::bit_length(&n) > 1);
        let modulus = Modulus::new(&n).unwrap();
        let odd = Odd::new(big(&n, n.len())).unwrap();
        let reduced = big(&base, base.len().max(n.len())).rem(&NonZero::new(big(&n, n.len())).unwrap());
        let exponent_big = big(&exponent, exponent.len().max(1));
        let expected = reduced.pow_mod(&exponent_big, &odd);
        prop_assert!(limbs::equal(&modulus.power(&base, &exponent), expected.as_words()));
        prop_assert!(limbs::equal(&modulus.reduce(&base), reduced.as_words()));
        prop_assert!(limbs::equal(&limbs::remainder(&base, &n), reduced.as_words()));
    }

    #[test]
    fn negative_powers_of_two_agree(mut n in number(16..34), mut exponent in number(16..34)) {
        n[0] |= 1;
        if let Some(top) = n.last_mut() {
            *top |= 1 << 63;
        }
        exponent[0] |= 1;
        if let Some(top) = exponent.last_mut() {
            *top |= 3 << 62;
        }
        let modulus = Modulus::new(&n).unwrap();
        let power = modulus.power(&[2], &exponent);
        let negative = montgomery::negative_power_of_two(&n, &exponent).unwrap();
        prop_assert!(limbs::equal(&modulus.subtract_multiply(&power, &[], &negative), &[1]));
    }

    #[test]
    fn products_and_quotients_agree(a in number(1..9), b in number(1..9), c in limb(), divisor in 1..=u32::MAX) {
        let product = limbs::multiply_add(&a, &b, &[]);
        let expected = big(&a, a.len()).concatenating_mul(&big(&b, b.len()));
        prop_assert!(limbs::equal(&product, expected.as_words()));
        let (quotient, remainder) = limbs::divide_by_u32(&a, divisor);
        prop_assert!(remainder < divisor);
        let back = limbs::multiply_add(&quotient, &[divisor.into()], &[remainder.into()]);
        prop_assert!(limbs::equal(&back, &a));
        let sum = limbs::multiply_add(&a, &[1], &[c]);
        let expected = big(&a, a.len() + 1).wrapping_add(big(&[c], a.len() + 1));
        prop_assert!(limbs::equal(&sum, expected.as_words()));
    }

    #[test]
    fn common_divisors_agree(a in number(1..4), b in number(1..4), factor in number(1..3)) {
        let odd = |number: &[u64]| {
            let mut odd = limbs::resized(&limbs::multiply_add(number, &factor, &[]), 8);
            odd[0] |= 1;
            odd
        };
        let (a, b) = (odd(&a), odd(&b));
        let expected = big(&a, 8).gcd(&big(&b, 8));
        prop_assert!(limbs::equal(&limbs::gcd_of_odd(&a, &b), expected.as_words()));
    }

    #[test]
    fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let limbs = limbs::from_be_bytes(&bytes);
        let back = limbs::to_be_bytes(&limbs);
        prop_assert_eq!(&back[back.len() - bytes.len()..], &bytes[..]);
        prop_assert!(back[..back.len() - bytes.len()].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn the_common_divisor_of_numbers_that_share_one() {
    for (a, b, gcd) in [
        (15, 21, 3),
        (1, 1, 1),
        (27, 27, 27),
        (1, 99, 1),
        (u64::MAX, 3, 3),
        (3, u64::MAX, 3),
    ] {
        assert_eq!(limbs::gcd_of_odd(&[a], &[b])[0], gcd, "{a} {b}");
    }
}
