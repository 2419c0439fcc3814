//! Exponentiation modulo an odd number, in Montgomery's representation: what RSA spends its time on.
//!
//! Constant-time in the base and the exponent's bits (the same multiplications, the same memory accesses), and every
//! buffer is wiped. Numbers are arrays of a length that the compiler knows, the next that there is code for; R is 2 to the
//! power of 64 times that length.

use std::ops::Deref;

use zeroize::Zeroizing;

use super::limbs::{self, Limbs};

/// Bits of the exponent that one multiplication takes.
const WINDOW: u32 = 4;

/// An odd modulus above 1 with what the multiplication precomputes.
pub(super) struct Modulus(Box<dyn ModularArithmetic>);

/// What a modulus can do, whatever its length.
pub(super) trait ModularArithmetic: Send + Sync + std::panic::RefUnwindSafe + std::panic::UnwindSafe {
    /// `number` modulo n, for a number of any length.
    fn reduce(&self, number: &[u64]) -> Limbs;
    /// `base` to the power of `exponent`, modulo n.
    fn power(&self, base: &[u64], exponent: &[u64]) -> Limbs;
    /// `(a - b) * c` modulo n, for a and b below n.
    fn subtract_multiply(&self, a: &[u64], b: &[u64], c: &[u64]) -> Limbs;
}

impl Deref for Modulus {
    type Target = dyn ModularArithmetic;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Modulus {
    /// None for an even number, for 1, and for a number of more than 8192 bits.
    pub(super) fn new(n: &[u64]) -> Option<Modulus> {
        let bits = limbs::bit_length(n);
        if bits < 2 || n[0] & 1 == 0 {
            return None;
        }
        // The lengths of the primes of RSA-2048, 3072, 4096, 6144 and 8192, and of what an odd key may hold.
        Some(Modulus(match bits {
            ..=1024 => Residues::<16>::boxed(n, bits),
            1025..=1536 => Residues::<24>::boxed(n, bits),
            1537..=2048 => Residues::<32>::boxed(n, bits),
            2049..=3072 => Residues::<48>::boxed(n, bits),
            3073..=4096 => Residues::<64>::boxed(n, bits),
            4097..=8192 => Residues::<128>::boxed(n, bits),
            _ => return None,
        }))
    }
}

/// 2 to the power of `-exponent` modulo the odd `n`; None where [`NegatedExponent::new`] is.
pub(super) fn negative_power_of_two(n: &[u64], exponent: &[u64]) -> Option<Limbs> {
    match limbs::bit_length(n) {
        ..=1024 => Multiplier::<16>::new(n).negative_power_of_two(exponent),
        1025..=1536 => Multiplier::<24>::new(n).negative_power_of_two(exponent),
        1537..=2048 => Multiplier::<32>::new(n).negative_power_of_two(exponent),
        2049..=3072 => Multiplier::<48>::new(n).negative_power_of_two(exponent),
        3073..=4096 => Multiplier::<64>::new(n).negative_power_of_two(exponent),
        _ => None,
    }
}

/// An exponent of 2 turned round, so that a power of 2 needs neither R modulo n nor its first squarings.
///
/// 2^u, unconverted, represents 2^u / R, a negative power of 2. From there, `squarings` squarings with the doublings that
/// `doublings` asks for, from its highest bit on, lead to 2^-exponent.
pub(super) struct NegatedExponent {
    pub(super) start: u32,
    pub(super) squarings: u32,
    pub(super) doublings: Limbs,
}

impl NegatedExponent {
    /// For R = 2^`r_bits`, an odd `exponent`, and a start that is below `n_bits`; the number of squarings is a multiple of
    /// `step`. None where the exponent is too small or the modulus too far below R.
    pub(super) fn new(exponent: &[u64], r_bits: u32, n_bits: u32, step: u32) -> Option<NegatedExponent> {
        let bits = limbs::bit_length(exponent);
        // With one more than the top bits, this is at most R's bits.
        let top_bits = r_bits.ilog2();
        let squarings = bits.checked_sub(top_bits)?.next_multiple_of(step);
        let limb = |at: u32| exponent.get(at as usize).copied().map_or(0, u128::from);
        let top = (limb(squarings / 64) | limb(squarings / 64 + 1) << 64) >> (squarings % 64);
        let start = r_bits.checked_sub(top as u32 + 1)?;
        // -exponent = -(top + 1) * 2^squarings + doublings.
        let mut doublings = limbs::zero(exponent.len());
        limbs::subtract(&mut doublings, exponent);
        (start < n_bits).then_some(NegatedExponent {
            start,
            squarings,
            doublings,
        })
    }

    /// The bits that say what follows the squaring `at`, counted down to 0: `step` of them.
    pub(super) fn digit(&self, at: u32, step: u32) -> u64 {
        let limb = self.doublings.get((at / 64) as usize).copied().unwrap_or(0);
        limb >> (at % 64) & ((1 << step) - 1)
    }
}

type Number<const N: usize> = Zeroizing<[u64; N]>;

fn zero<const N: usize>() -> Number<N> {
    Zeroizing::new([0; N])
}

fn resized<const N: usize>(limbs: &[u64]) -> Number<N> {
    let mut resized = zero();
    for (to, from) in resized.iter_mut().zip(limbs) {
        *to = *from;
    }
    resized
}

/// Multiplication modulo n of N limbs.
struct Multiplier<const N: usize> {
    n: Number<N>,
    /// The limbs of n up to the highest that isn't zero.
    length: usize,
    /// -1/n modulo 2^64.
    n_inverse: u64,
}

impl<const N: usize> Multiplier<N> {
    fn new(n: &[u64]) -> Multiplier<N> {
        Multiplier {
            n: resized(n),
            length: limbs::bit_length(n).div_ceil(64) as usize,
            n_inverse: limbs::inverse(n[0]).wrapping_neg(),
        }
    }

    fn negative_power_of_two(&self, exponent: &[u64]) -> Option<Limbs> {
        let exponent = NegatedExponent::new(exponent, 64 * N as u32, limbs::bit_length(&*self.n), 1)?;
        let mut scratch = zero();
        let mut power = zero();
        for (limb, at) in power.iter_mut().zip(0..) {
            *limb = (1 << (exponent.start % 64)) & limbs::all_ones_if_equal(at, (exponent.start / 64).into());
        }
        for at in (0..exponent.squarings).rev() {
            self.square(&mut power, &mut scratch);
            self.double(&mut power, exponent.digit(at, 1), &mut scratch);
        }
        Some(self.retrieve(&mut power, &mut scratch))
    }

    /// Back from the representation: multiplied with 1.
    fn retrieve(&self, represented: &mut [u64; N], scratch: &mut [u64; N]) -> Limbs {
        let mut one = [0; N];
        one[0] = 1;
        self.multiply(represented, &one, scratch);
        limbs::resized(represented, self.length)
    }

    /// `a = 2a` modulo n if `bit` is 1; `a` stays if it is 0.
    fn double(&self, a: &mut [u64; N], bit: u64, scratch: &mut [u64; N]) {
        let mut carry = 0;
        for limb in a.iter_mut() {
            let out = *limb >> 63 & bit;
            *limb = *limb << bit | carry;
            carry = out;
        }
        self.reduce_once(a, carry, scratch);
    }

    /// `a = a - n` if a, with the carry above its limbs, isn't below n.
    #[inline(always)]
    fn reduce_once(&self, a: &mut [u64; N], carry: u64, scratch: &mut [u64; N]) {
        let mut borrow = false;
        for ((to, a), n) in scratch.iter_mut().zip(a.iter()).zip(self.n.iter()) {
            (*to, borrow) = a.borrowing_sub(*n, borrow);
        }
        let keep = 0_u64.wrapping_sub(u64::from(borrow) & !carry & 1);
        for (a, reduced) in a.iter_mut().zip(scratch.iter()) {
            *a = (*a & keep) | (*reduced & !keep);
        }
    }

    /// `a = a * a / R` modulo n.
    fn square(&self, a: &mut [u64; N], scratch: &mut [u64; N]) {
        let carry = square(a, &self.n, self.n_inverse, scratch);
        self.reduce_once(a, carry, scratch);
    }

    /// `a = a * b / R` modulo n. One factor may be any number below R if the other is below n.
    fn multiply(&self, a: &mut [u64; N], b: &[u64; N], scratch: &mut [u64; N]) {
        let carry = multiply(a, b, &self.n, self.n_inverse, scratch);
        self.reduce_once(a, carry, scratch);
    }
}

/// A modulus with what converts into the representation.
struct Residues<const N: usize> {
    multiplier: Multiplier<N>,
    /// R modulo n, which represents 1.
    one: Number<N>,
    /// R^2 modulo n: multiplying with it converts into the representation.
    r_squared: Number<N>,
}

impl<const N: usize> Residues<N> {
    fn boxed(n: &[u64], bits: u32) -> Box<dyn ModularArithmetic> {
        let mut residues = Box::new(Residues {
            multiplier: Multiplier::<N>::new(n),
            one: zero(),
            r_squared: zero(),
        });
        let Residues {
            multiplier,
            one,
            r_squared,
        } = &mut *residues;
        let mut scratch = zero();

        // 2^bits - n is below n, as n's highest bit is set; doubled up to R.
        if let Some(limb) = one.get_mut((bits / 64) as usize) {
            *limb = 1 << (bits % 64);
        }
        limbs::subtract(one.as_mut_slice(), multiplier.n.as_slice());
        for _ in bits..64 * N as u32 {
            multiplier.double(one, 1, &mut scratch);
        }

        // Represented, 2^N squared six times is 2^(64 * N), which is R.
        r_squared.copy_from_slice(one.as_slice());
        for _ in 0..N {
            multiplier.double(r_squared, 1, &mut scratch);
        }
        for _ in 0..6 {
            multiplier.square(r_squared, &mut scratch);
        }
        residues
    }

    /// The representation of `number` modulo n, limb group by limb group from the highest (Horner).
    fn represent(&self, number: &[u64], scratch: &mut [u64; N]) -> Number<N> {
        let mut represented = zero();
        for group in number.chunks(N).rev() {
            self.multiplier.multiply(&mut represented, &self.r_squared, scratch);
            let mut group = resized(group);
            self.multiplier.multiply(&mut group, &self.r_squared, scratch);
            let carry = limbs::add_masked(represented.as_mut_slice(), group.as_slice(), u64::MAX);
            self.multiplier.reduce_once(&mut represented, carry, scratch);
        }
        represented
    }
}

impl<const N: usize> ModularArithmetic for Residues<N> {
    fn reduce(&self, number: &[u64]) -> Limbs {
        let mut scratch = zero();
        let mut reduced = self.represent(number, &mut scratch);
        self.multiplier.retrieve(&mut reduced, &mut scratch)
    }

    fn power(&self, base: &[u64], exponent: &[u64]) -> Limbs {
        let mut scratch = zero();
        let base = self.represent(base, &mut scratch);
        let mut powers = Zeroizing::new([[0; N]; 1 << WINDOW]);
        powers[0].copy_from_slice(self.one.as_slice());
        for at in 1..powers.len() {
            let (before, from) = powers.split_at_mut(at);
            from[0].copy_from_slice(&before[at - 1]);
            self.multiplier.multiply(&mut from[0], &base, &mut scratch);
        }

        let mut power = zero();
        power.copy_from_slice(self.one.as_slice());
        let mut factor = zero();
        for limb in exponent.iter().rev() {
            for window in (0..64 / WINDOW).rev() {
                for _ in 0..WINDOW {
                    self.multiplier.square(&mut power, &mut scratch);
                }
                let digit = limb >> (window * WINDOW) & ((1 << WINDOW) - 1);
                for (index, candidate) in (0..).zip(powers.iter()) {
                    limbs::select(factor.as_mut_slice(), candidate, limbs::all_ones_if_equal(digit, index));
                }
                self.multiplier.multiply(&mut power, &factor, &mut scratch);
            }
        }
        self.multiplier.retrieve(&mut power, &mut scratch)
    }

    fn subtract_multiply(&self, a: &[u64], b: &[u64], c: &[u64]) -> Limbs {
        let mut scratch = zero();
        let mut difference = resized::<N>(a);
        let borrow = limbs::subtract(difference.as_mut_slice(), resized::<N>(b).as_slice());
        limbs::add_masked(difference.as_mut_slice(), self.multiplier.n.as_slice(), borrow);
        self.multiplier.multiply(&mut difference, &self.r_squared, &mut scratch);
        self.multiplier.multiply(&mut difference, &resized(c), &mut scratch);
        limbs::resized(difference.as_slice(), self.multiplier.length)
    }
}

/// `a = a * a / R` modulo n, column by column of the product, up to one n too much; the carry above a's limbs.
#[inline(never)]
fn square<const N: usize>(a: &mut [u64; N], n: &[u64; N], n_inverse: u64, scratch: &mut [u64; N]) -> u64 {
    let mut sum = Column::default();
    for at in 0..N {
        // Each product of two different limbs once, doubled, and the square.
        let mut products = Column::default();
        for j in 0..at.div_ceil(2) {
            products.add_product(a[j], a[at - j]);
        }
        sum.add_doubled(&products);
        if at % 2 == 0 {
            sum.add_product(a[at / 2], a[at / 2]);
        }
        for j in 0..at {
            sum.add_product(scratch[j], n[at - j]);
        }
        // The multiple of n that clears this column.
        scratch[at] = sum.low.wrapping_mul(n_inverse);
        sum.add_product(scratch[at], n[0]);
        sum.shift();
    }
    for at in N..2 * N {
        let mut products = Column::default();
        for j in at + 1 - N..at.div_ceil(2) {
            products.add_product(a[j], a[at - j]);
        }
        sum.add_doubled(&products);
        if at % 2 == 0 {
            sum.add_product(a[at / 2], a[at / 2]);
        }
        for j in at + 1 - N..N {
            sum.add_product(scratch[j], n[at - j]);
        }
        // No further column needs this limb.
        a[at - N] = sum.shift();
    }
    sum.low
}

/// `a = a * b / R`, as [`square`].
#[inline(never)]
fn multiply<const N: usize>(
    a: &mut [u64; N],
    b: &[u64; N],
    n: &[u64; N],
    n_inverse: u64,
    scratch: &mut [u64; N],
) -> u64 {
    let mut sum = Column::default();
    for at in 0..N {
        for j in 0..at {
            sum.add_product(a[j], b[at - j]);
            sum.add_product(scratch[j], n[at - j]);
        }
        sum.add_product(a[at], b[0]);
        scratch[at] = sum.low.wrapping_mul(n_inverse);
        sum.add_product(scratch[at], n[0]);
        sum.shift();
    }
    for at in N..2 * N {
        for j in at + 1 - N..N {
            sum.add_product(a[j], b[at - j]);
            sum.add_product(scratch[j], n[at - j]);
        }
        a[at - N] = sum.shift();
    }
    sum.low
}

/// The sum of a column's products: three limbs, as many products of two limbs as there are need them.
///
/// Nothing wraps where a wrapping form stands; the wrapping forms spare the innermost loops the checks that the release
/// profile has.
#[derive(Default)]
struct Column {
    low: u64,
    middle: u64,
    high: u64,
}

impl Column {
    #[inline(always)]
    fn add(&mut self, low: u64, middle: u64, high: u64) {
        let carry;
        (self.low, carry) = self.low.carrying_add(low, false);
        let (middle, carry) = self.middle.carrying_add(middle, carry);
        self.middle = middle;
        self.high = self.high.wrapping_add(high).wrapping_add(carry.into());
    }

    #[inline(always)]
    fn add_product(&mut self, a: u64, b: u64) {
        let product = u128::from(a).wrapping_mul(b.into());
        self.add(product as u64, (product >> 64) as u64, 0);
    }

    #[inline(always)]
    fn add_doubled(&mut self, other: &Column) {
        self.add(
            other.low << 1,
            other.middle << 1 | other.low >> 63,
            other.high << 1 | other.middle >> 63,
        );
    }

    /// On to the next column; the limb of this.
    #[inline(always)]
    fn shift(&mut self) -> u64 {
        let limb = self.low;
        *self = Column {
            low: self.middle,
            middle: self.high,
            high: 0,
        };
        limb
    }
}
