//! The lanes' products against crypto-bigint's, by the instructions that there are here and by plain integers.

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero};
use proptest::prelude::*;

use super::emulated::Emulated;
#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx512Ifma, Avx512f};
use super::*;

fn big(limbs: &[u64]) -> BoxedUint {
    BoxedUint::from_words(limbs.iter().copied())
}

/// The number in one lane; the limbs must be below the radix.
fn lane(rows: &[Row], lane: usize, radix: u32) -> Vec<u64> {
    let mut number = vec![0; (rows.len() * radix as usize).div_ceil(64) + 1];
    for (row, at) in rows.iter().zip((0..).step_by(radix as usize)) {
        assert_eq!(row.0[lane] >> radix, 0);
        let bits = u128::from(row.0[lane]) << (at % 64);
        number[at / 64] |= bits as u64;
        number[at / 64 + 1] |= (bits >> 64) as u64;
    }
    number
}

/// Extreme limbs are frequent, since carries are where such code goes wrong.
fn limb() -> impl Strategy<Value = u64> {
    prop_oneof![3 => any::<u64>(), 1 => Just(0), 3 => Just(u64::MAX), 1 => Just(1), 1 => Just(1 << 63)]
}

fn numbers(length: usize) -> impl Strategy<Value = Vec<Vec<u64>>> {
    proptest::collection::vec(proptest::collection::vec(limb(), length), LANES)
}

/// Whether `result * R = a * b` modulo n, and `result` is below 2n.
fn is_product(result: &[u64], r_bits: u32, a: &[u64], b: &[u64], n: &[u64]) -> bool {
    let mut r = vec![0; r_bits as usize / 64 + 1];
    r[r_bits as usize / 64] = 1 << (r_bits % 64);
    let modulus = NonZero::new(big(n)).unwrap();
    let left = big(result).concatenating_mul(&big(&r)).rem(&modulus);
    let right = big(a).concatenating_mul(&big(b)).rem(&modulus);
    left == right && big(result) < big(n).concatenating_mul(&big(&[2]))
}

/// Products, squares and shifts of numbers below 2^4 n are right, in each lane.
fn check<Z: Lanes>(z: Z, moduli: &mut [Vec<u64>], a: &[Vec<u64>], b: &[Vec<u64>]) {
    for n in moduli.iter_mut() {
        n[0] |= 7;
        *n.last_mut().unwrap() |= 3 << 62;
    }
    let moduli: Vec<&[u64]> = moduli.iter().map(Vec::as_slice).collect();
    if limbs::bit_length(moduli[0]) > z.most_bits() {
        assert!(Field::new(z, &moduli).is_none());
        return;
    }
    let mut field = Field::new(z, &moduli).unwrap();
    // Above n by up to three bits: factors as they are after a shift, where the modulus has no zero on top.
    let widened = |number: &Vec<u64>| [number.as_slice(), &[7]].concat();
    let (a, b): (Vec<_>, Vec<_>) = (a.iter().map(widened).collect(), b.iter().map(widened).collect());
    let (mut a_rows, mut b_rows) = (rows(field.n.len()), rows(field.n.len()));
    for at in 0..LANES {
        set_lane(&mut a_rows, at, &a[at], Z::RADIX);
        set_lane(&mut b_rows, at, &b[at], Z::RADIX);
        assert!(limbs::equal(&lane(&a_rows, at, Z::RADIX), &a[at]));
    }
    let mut square = Zeroizing::new(a_rows.to_vec());
    field.square(&mut square);
    field.multiply(&mut a_rows, &b_rows);
    let mut shifted = Zeroizing::new(a_rows.to_vec());
    field.shift_left(&mut shifted, z.splat(3));
    for at in 0..LANES {
        let product = lane(&a_rows, at, Z::RADIX);
        assert!(is_product(&product, field.r_bits(), &a[at], &b[at], moduli[at]));
        assert!(is_product(
            &lane(&square, at, Z::RADIX),
            field.r_bits(),
            &a[at],
            &a[at],
            moduli[at]
        ));
        let eightfold = limbs::multiply_add(&product, &[8], &[]);
        assert!(limbs::equal(&lane(&shifted, at, Z::RADIX), &eightfold));
    }
}

fn check_all(mut moduli: Vec<Vec<u64>>, a: &[Vec<u64>], b: &[Vec<u64>]) {
    check(Emulated::<28, false>, &mut moduli, a, b);
    check(Emulated::<52, true>, &mut moduli, a, b);
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(z) = Avx512f::detect() {
            check(z, &mut moduli, a, b);
        }
        if let Some(z) = Avx512Ifma::detect() {
            check(z, &mut moduli, a, b);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_are_right_in_each_lane(
        (moduli, a, b) in (7_usize..66).prop_flat_map(|length| (numbers(length), numbers(length), numbers(length)))
    ) {
        check_all(moduli, &a, &b);
    }
}

/// The largest sums that there can be, at the sizes that are made and at the largest.
#[test]
fn no_sum_is_too_large() {
    for length in [16, 24, 32, 48, 55, 56, 64] {
        let all = vec![vec![u64::MAX; length]; LANES];
        check_all(all.clone(), &all, &all);
    }
}
