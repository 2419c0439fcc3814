//! Exponentiation modulo an odd number, in Montgomery's representation: what RSA spends its time on.
//!
//! Constant-time in the base and the exponent's bits (the same multiplications, the same memory accesses), and every
//! buffer is wiped. R is 2 to the power of 64 times the modulus' limbs.

use zeroize::Zeroizing;

use super::limbs::{self, Limbs};

/// Bits of the exponent that one multiplication takes.
const WINDOW: u32 = 4;

/// An odd modulus above 1 with what the multiplication precomputes.
pub(super) struct Modulus {
    n: Limbs,
    /// -1/n modulo 2^64.
    n_inverse: u64,
    /// R modulo n, which represents 1.
    one: Limbs,
    /// R^2 modulo n: multiplying with it converts into the representation.
    r_squared: Limbs,
}

impl Modulus {
    /// None for an even number and for 1.
    pub(super) fn new(n: &[u64]) -> Option<Modulus> {
        let bits = limbs::bit_length(n);
        let n = limbs::resized(n, bits.div_ceil(64) as usize);
        if bits < 2 || n[0] & 1 == 0 {
            return None;
        }
        let length = n.len();

        // Newton's iteration doubles the valid bits, and n is its own inverse modulo 8.
        let mut inverse = n[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(n[0].wrapping_mul(inverse)));
        }

        let mut modulus = Modulus {
            n,
            n_inverse: inverse.wrapping_neg(),
            one: limbs::zero(length),
            r_squared: limbs::zero(length),
        };

        // 2^bits - n is below n, as n's highest bit is set; doubled up to R.
        let mut one = limbs::zero(length);
        if !bits.is_multiple_of(64) {
            one[length - 1] = 1 << (bits % 64);
        }
        limbs::subtract(&mut one, &modulus.n);
        let mut scratch = modulus.scratch();
        for _ in bits..64 * length as u32 {
            modulus.double(&mut one, &mut scratch);
        }

        // Represented, 2^limbs squared six times is 2^(64 * limbs), which is R.
        let mut r_squared = limbs::resized(&one, length);
        for _ in 0..length {
            modulus.double(&mut r_squared, &mut scratch);
        }
        for _ in 0..6 {
            modulus.square(&mut r_squared, &mut scratch);
        }
        modulus.one = one;
        modulus.r_squared = r_squared;
        Some(modulus)
    }

    /// `number` modulo n, for a number of any length.
    pub(super) fn reduce(&self, number: &[u64]) -> Limbs {
        let mut scratch = self.scratch();
        let mut reduced = self.represent(number, &mut scratch);
        self.retrieve(&mut reduced, &mut scratch);
        reduced
    }

    /// `base` to the power of `exponent`, modulo n.
    pub(super) fn power(&self, base: &[u64], exponent: &[u64]) -> Limbs {
        let mut scratch = self.scratch();
        let base = self.represent(base, &mut scratch);
        let mut powers = vec![limbs::resized(&self.one, self.n.len())];
        for _ in 1..1 << WINDOW {
            let mut next = limbs::resized(&base, self.n.len());
            if let Some(last) = powers.last() {
                self.multiply(&mut next, last, &mut scratch);
            }
            powers.push(next);
        }

        let mut power = limbs::resized(&self.one, self.n.len());
        let mut factor = limbs::zero(self.n.len());
        for limb in exponent.iter().rev() {
            for window in (0..64 / WINDOW).rev() {
                for _ in 0..WINDOW {
                    self.square(&mut power, &mut scratch);
                }
                let digit = limb >> (window * WINDOW) & ((1 << WINDOW) - 1);
                for (index, candidate) in (0..).zip(&powers) {
                    limbs::select(&mut factor, candidate, all_ones_if_equal(digit, index));
                }
                self.multiply(&mut power, &factor, &mut scratch);
            }
        }
        self.retrieve(&mut power, &mut scratch);
        power
    }

    /// 2 to the power of `exponent`, modulo n: as [`Modulus::power`], where doublings take the place of multiplications.
    pub(super) fn power_of_two(&self, exponent: &[u64]) -> Limbs {
        let mut scratch = self.scratch();
        let mut power = limbs::resized(&self.one, self.n.len());
        let mut doubled = limbs::zero(self.n.len());
        for limb in exponent.iter().rev() {
            for bit in (0..64).rev() {
                self.square(&mut power, &mut scratch);
                doubled.copy_from_slice(&power);
                self.double(&mut doubled, &mut scratch);
                limbs::select(&mut power, &doubled, 0_u64.wrapping_sub(limb >> bit & 1));
            }
        }
        self.retrieve(&mut power, &mut scratch);
        power
    }

    /// `(a - b) * c` modulo n, for a and b below n and c of n's length.
    pub(super) fn subtract_multiply(&self, a: &[u64], b: &[u64], c: &[u64]) -> Limbs {
        let mut scratch = self.scratch();
        let mut difference = limbs::resized(a, self.n.len());
        let borrow = limbs::subtract(&mut difference, b);
        limbs::add_masked(&mut difference, &self.n, borrow);
        self.multiply(&mut difference, &self.r_squared, &mut scratch);
        self.multiply(&mut difference, c, &mut scratch);
        difference
    }

    /// The representation of `number` modulo n, limb group by limb group from the highest (Horner).
    fn represent(&self, number: &[u64], scratch: &mut [u64]) -> Limbs {
        let length = self.n.len();
        let mut represented = limbs::zero(length);
        for group in number.chunks(length).rev() {
            self.multiply(&mut represented, &self.r_squared, scratch);
            let mut group = limbs::resized(group, length);
            self.multiply(&mut group, &self.r_squared, scratch);
            let carry = limbs::add_masked(&mut represented, &group, u64::MAX);
            self.reduce_once(&mut represented, carry, scratch);
        }
        represented
    }

    /// Back from the representation: multiplied with 1.
    fn retrieve(&self, represented: &mut [u64], scratch: &mut [u64]) {
        let mut one = limbs::zero(self.n.len());
        one[0] = 1;
        self.multiply(represented, &one, scratch);
    }

    /// `a = 2a` modulo n.
    fn double(&self, a: &mut [u64], scratch: &mut [u64]) {
        let carry = limbs::shift_left(a, 0);
        self.reduce_once(a, carry, scratch);
    }

    /// `a = a - n` if a, with the carry above its limbs, isn't below n.
    fn reduce_once(&self, a: &mut [u64], carry: u64, scratch: &mut [u64]) {
        let reduced = &mut scratch[..self.n.len()];
        reduced.copy_from_slice(a);
        let borrow = limbs::subtract(reduced, &self.n);
        limbs::select(a, reduced, !borrow | 0_u64.wrapping_sub(carry));
    }

    /// `a = a * a / R` modulo n.
    fn square(&self, a: &mut [u64], scratch: &mut [u64]) {
        let length = self.n.len();
        let product = &mut scratch[..2 * length];
        product.fill(0);

        // Each product of two different limbs once,
        for at in 0..length {
            let (factor, rest) = (a[at], &a[at + 1..]);
            let mut carry = 0;
            for (to, other) in product[2 * at + 1..].iter_mut().zip(rest) {
                carry = multiply_accumulate(to, factor, *other, carry);
            }
            product[at + length] = carry;
        }
        // doubled,
        limbs::shift_left(product, 0);
        // and the squares.
        let mut carry = 0;
        for (to, limb) in product.chunks_exact_mut(2).zip(a.iter()) {
            let square = u128::from(*limb) * u128::from(*limb);
            let low = u128::from(to[0]) + u128::from(square as u64) + carry;
            to[0] = low as u64;
            let high = u128::from(to[1]) + (square >> 64) + (low >> 64);
            to[1] = high as u64;
            carry = high >> 64;
        }

        let carry = self.divide_by_r(product);
        a.copy_from_slice(&product[length..]);
        self.reduce_once(a, carry, scratch);
    }

    /// `a = a * b / R` modulo n. One factor may be any number below R if the other is below n.
    fn multiply(&self, a: &mut [u64], b: &[u64], scratch: &mut [u64]) {
        let length = self.n.len();
        let product = &mut scratch[..2 * length];
        product.fill(0);
        for (at, factor) in a.iter().enumerate() {
            let mut carry = 0;
            for (to, other) in product[at..].iter_mut().zip(b) {
                carry = multiply_accumulate(to, *factor, *other, carry);
            }
            product[at + length] = carry;
        }
        let carry = self.divide_by_r(product);
        a.copy_from_slice(&product[length..]);
        self.reduce_once(a, carry, scratch);
    }

    /// Adds the multiple of n that clears the lower half of `product`; the carry out of its upper half.
    fn divide_by_r(&self, product: &mut [u64]) -> u64 {
        let length = self.n.len();
        let mut carry_above = 0_u64;
        for at in 0..length {
            let factor = product[at].wrapping_mul(self.n_inverse);
            let mut carry = 0;
            for (to, n) in product[at..].iter_mut().zip(self.n.iter()) {
                carry = multiply_accumulate(to, factor, *n, carry);
            }
            let sum = u128::from(product[at + length]) + u128::from(carry) + u128::from(carry_above);
            product[at + length] = sum as u64;
            carry_above = (sum >> 64) as u64;
        }
        carry_above
    }

    fn scratch(&self) -> Zeroizing<Vec<u64>> {
        limbs::zero(2 * self.n.len())
    }
}

/// `to = to + a * b + carry`; what is above its 64 bits.
#[inline(always)]
fn multiply_accumulate(to: &mut u64, a: u64, b: u64, carry: u64) -> u64 {
    // At most (2^64 - 1)^2 + 2 (2^64 - 1), which is 2^128 - 1: nothing wraps. The wrapping forms spare the innermost loop
    // the checks that the release profile has.
    let sum = u128::from(a)
        .wrapping_mul(b.into())
        .wrapping_add((*to).into())
        .wrapping_add(carry.into());
    *to = sum as u64;
    (sum >> 64) as u64
}

fn all_ones_if_equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    // The highest bit of x | -x is set unless x is 0.
    ((difference | difference.wrapping_neg()) >> 63).wrapping_sub(1)
}
