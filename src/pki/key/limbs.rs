//! Natural numbers as little-endian 64-bit limbs, for the secret numbers of RSA.
//!
//! Every buffer is wiped on drop, which the big-integer crates don't do for their intermediate values. The running time
//! depends on the numbers' lengths, which the key size gives away anyhow, but not on their values, except where a
//! function says so.

use zeroize::Zeroizing;

/// A natural number; the limbs above its value are zero.
pub(super) type Limbs = Zeroizing<Vec<u64>>;

/// `length` limbs of zero.
pub(super) fn zero(length: usize) -> Limbs {
    Zeroizing::new(vec![0; length])
}

/// The number that `bytes` are in big-endian order, in as many limbs as the bytes fill.
pub(super) fn from_be_bytes(bytes: &[u8]) -> Limbs {
    let mut limbs = zero(bytes.len().div_ceil(8));
    read_be_bytes(&mut limbs, bytes);
    limbs
}

/// `limbs` = the number that `bytes` are in big-endian order, which fill them.
pub(super) fn read_be_bytes(limbs: &mut [u64], bytes: &[u8]) {
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks(8)) {
        *limb = chunk.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
}

/// All limbs as big-endian bytes, with their leading zeros.
pub(super) fn to_be_bytes(limbs: &[u64]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limbs.len() * 8));
    for limb in limbs.iter().rev() {
        bytes.extend_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// The same number in `length` limbs; what stands above them is cut off.
pub(super) fn resized(limbs: &[u64], length: usize) -> Limbs {
    let mut resized = zero(length);
    for (to, from) in resized.iter_mut().zip(limbs) {
        *to = *from;
    }
    resized
}

/// The number of bits up to the highest that is set. Reveals that, and the number of zero limbs above it.
pub(super) fn bit_length(limbs: &[u64]) -> u32 {
    let significant = limbs
        .iter()
        .rposition(|limb| *limb != 0)
        .map_or(0, |highest| highest + 1);
    match limbs[..significant].last() {
        Some(highest) => 64 * significant as u32 - highest.leading_zeros(),
        None => 0,
    }
}

/// Whether the numbers are equal, whatever their lengths.
pub(super) fn equal(a: &[u64], b: &[u64]) -> bool {
    let longest = a.len().max(b.len());
    let limb = |limbs: &[u64], at| limbs.get(at).copied().unwrap_or(0);
    (0..longest).fold(0, |difference, at| difference | (limb(a, at) ^ limb(b, at))) == 0
}

/// `a = a - b` for numbers of one length; all bits set when that borrowed, else 0.
pub(super) fn subtract(a: &mut [u64], b: &[u64]) -> u64 {
    let mut borrow = 0;
    for (a, b) in a.iter_mut().zip(b) {
        let difference = u128::from(*a).wrapping_sub(u128::from(*b)).wrapping_sub(borrow);
        *a = difference as u64;
        borrow = difference >> 127;
    }
    0_u64.wrapping_sub(borrow as u64)
}

/// `a = a + (b & mask)` for numbers of one length; 1 when that carried, else 0.
pub(super) fn add_masked(a: &mut [u64], b: &[u64], mask: u64) -> u64 {
    let mut carry = 0_u128;
    for (a, b) in a.iter_mut().zip(b) {
        carry += u128::from(*a) + u128::from(*b & mask);
        *a = carry as u64;
        carry >>= 64;
    }
    carry as u64
}

/// `a = 2a + low`; the bit that is shifted out.
pub(super) fn shift_left(a: &mut [u64], low: u64) -> u64 {
    let mut carry = low;
    for limb in a {
        let out = *limb >> 63;
        *limb = *limb << 1 | carry;
        carry = out;
    }
    carry
}

/// `a = a / 2`, rounded down.
pub(super) fn shift_right(a: &mut [u64]) {
    let mut carry = 0;
    for limb in a.iter_mut().rev() {
        let out = *limb << 63;
        *limb = *limb >> 1 | carry;
        carry = out;
    }
}

/// Half of a number, rounded down.
pub(super) fn half(a: &[u64]) -> Limbs {
    let mut half = resized(a, a.len());
    shift_right(&mut half);
    half
}

/// One less than an odd number, which is it without its lowest bit.
pub(super) fn minus_one(odd: &[u64]) -> Limbs {
    let mut even = resized(odd, odd.len());
    even[0] &= !1;
    even
}

/// 1/odd modulo 2^64: Newton's iteration doubles the valid bits, and an odd number is its own inverse modulo 8.
pub(super) const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// A mask to select by.
pub(super) fn all_ones_if_equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    // The highest bit of x | -x is set unless x is 0.
    ((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1)
}

/// `a * b + c`, in the limbs of `a` and `b` together, which it must fit.
pub(super) fn multiply_add(a: &[u64], b: &[u64], c: &[u64]) -> Limbs {
    let mut product = resized(c, a.len() + b.len());
    for (at, a) in a.iter().enumerate() {
        let mut carry = 0;
        for (to, b) in product[at..].iter_mut().zip(b) {
            let sum = u128::from(*a) * u128::from(*b) + u128::from(*to) + carry;
            *to = sum as u64;
            carry = sum >> 64;
        }
        for to in &mut product[at + b.len()..] {
            let sum = u128::from(*to) + carry;
            *to = sum as u64;
            carry = sum >> 64;
        }
    }
    product
}

/// The quotient and the remainder by a divisor of 32 bits.
pub(super) fn divide_by_u32(a: &[u64], divisor: u32) -> (Limbs, u32) {
    let mut quotient = resized(a, a.len());
    let divisor = u64::from(divisor);
    let mut remainder = 0;
    for limb in quotient.iter_mut().rev() {
        let high = remainder << 32 | *limb >> 32;
        let low = (high % divisor) << 32 | (*limb & 0xffff_ffff);
        *limb = ((high / divisor) << 32) | (low / divisor);
        remainder = low % divisor;
    }
    (quotient, remainder as u32)
}

/// `a` modulo any `modulus` but zero, bit by bit: slow, for what happens once for each key.
pub(super) fn remainder(a: &[u64], modulus: &[u64]) -> Limbs {
    let mut remainder = zero(modulus.len());
    let mut reduced = zero(modulus.len());
    for limb in a.iter().rev() {
        for bit in (0..64).rev() {
            let carry = shift_left(&mut remainder, limb >> bit & 1);
            reduced.copy_from_slice(&remainder);
            let borrow = subtract(&mut reduced, modulus);
            // A carry means that the number is above the modulus although the limbs alone may not be.
            select(&mut remainder, &reduced, !borrow | 0_u64.wrapping_sub(carry));
        }
    }
    remainder
}

/// `a = b` where `mask` has all bits set, unchanged where it is 0.
pub(super) fn select(a: &mut [u64], b: &[u64], mask: u64) {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= (*a ^ *b) & mask;
    }
}

/// The greatest common divisor of two odd numbers of one length: the binary algorithm with a fixed number of steps.
pub(super) fn gcd_of_odd(a: &[u64], b: &[u64]) -> Limbs {
    let mut u = resized(a, a.len());
    let mut v = resized(b, a.len());
    let mut difference = zero(a.len());
    // Each step takes at least one bit off u and v together.
    for _ in 0..2 * 64 * a.len() {
        let v_is_odd = 0_u64.wrapping_sub(v[0] & 1);
        difference.copy_from_slice(&v);
        let v_is_less = subtract(&mut difference, &u);
        // Where v < u: u becomes v, and v becomes u - v, the negated difference.
        select(&mut u, &v, v_is_odd & v_is_less);
        negate(&mut difference, v_is_less);
        select(&mut v, &difference, v_is_odd);
        shift_right(&mut v);
    }
    u
}

/// `a = -a` modulo its limbs, where `mask` has all bits set.
fn negate(a: &mut [u64], mask: u64) {
    let mut carry = mask & 1;
    for limb in a {
        let (sum, overflow) = (*limb ^ mask).overflowing_add(carry);
        *limb = sum;
        carry = overflow.into();
    }
}
