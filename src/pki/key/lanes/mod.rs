//! Eight numbers in the eight lanes of vector registers: the exponentiations that tell whether candidates are prime.
//!
//! What is computed is safe code over [`Lanes`], which the tests run on plain integers as well; what a processor does is in
//! `x86_64`.
//!
//! Numbers are rows of limbs, of which each lane has its own. A number stays below 2^4 times its modulus n while R, the
//! radix to the power of the limbs, is above 2^8 * n: then no product needs a last subtraction (Walter, 1999). The same
//! instructions run and the same memory is read whatever the numbers are, and every buffer is wiped.

#[cfg(test)]
pub(super) mod emulated;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86_64;

use zeroize::{DefaultIsZeroes, Zeroizing};

use super::limbs::{self, Limbs};
use super::montgomery::NegatedExponent;

/// How many numbers there are room for.
pub(super) const LANES: usize = 8;

/// Bits of the exponent of 2 that one shift takes.
const DOUBLINGS: u32 = 2;

/// Bits of another base's exponent that one multiplication takes.
const WINDOW: u32 = 4;

/// By how many bits R is larger than a modulus, at least.
const HEADROOM: u32 = 8;

/// A limb, or another word, of each lane.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Row([u64; LANES]);

impl DefaultIsZeroes for Row {}

type Rows = Zeroizing<Vec<Row>>;

/// What a processor does with eight lanes of 64 bits.
pub(super) trait Lanes: Copy {
    /// A register.
    type Vector: Copy;
    /// Bits of a limb.
    const RADIX: u32;
    /// Whether [`Lanes::low`] adds only the part of a product below the radix, and [`Lanes::high`] the part above. Else
    /// `low` adds it whole, and `high` nothing.
    const SPLIT: bool;

    fn load(self, row: &Row) -> Self::Vector;
    fn store(self, vector: Self::Vector, row: &mut Row);
    fn splat(self, word: u64) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn and(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn or(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn shift_left(self, a: Self::Vector, counts: Self::Vector) -> Self::Vector;
    fn shift_right(self, a: Self::Vector, counts: Self::Vector) -> Self::Vector;
    fn low(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn high(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The bits of a modulus for which the sums of a column fit a lane: whole products, of which a column of a square and
    /// its reduction has two for each limb, and a carry.
    fn most_bits(self) -> u32 {
        match Self::SPLIT {
            true => Self::RADIX << (64 - Self::RADIX - 4),
            false => Self::RADIX * ((1 << (64 - 2 * Self::RADIX - 1)) - 1) - HEADROOM,
        }
    }

    /// [`pass_for_two`] by these instructions.
    fn pass_for_two(self, numbers: &[&[u64]]) -> Option<Vec<bool>>;
    /// [`passes_for`] by these instructions.
    fn passes_for(self, number: &[u64], bases: &[Limbs]) -> Option<bool>;
}

/// Whether numbers, at most [`LANES`], 3 modulo 4 and of one bit length, are strong probable primes for the base 2. None
/// for numbers that aren't like that, or too large or too small for the lanes.
#[inline(always)]
fn pass_for_two<Z: Lanes>(z: Z, numbers: &[&[u64]]) -> Option<Vec<bool>> {
    let mut field = Field::new(z, numbers)?;
    let bits = field.bits;
    let mut exponents = rows(bits.div_ceil(64) as usize);
    let mut power = rows(field.n.len());
    let mut squarings = 0;
    for (lane, number) in (0..LANES).zip(numbers.iter().cycle()) {
        let exponent = NegatedExponent::new(&limbs::half(number), field.r_bits(), bits, DOUBLINGS)?;
        for (row, limb) in exponents.iter_mut().zip(exponent.doublings.iter()) {
            row.0[lane] = *limb;
        }
        for (row, at) in power.iter_mut().zip(0..) {
            row.0[lane] = u64::from(at == exponent.start / Z::RADIX) << (exponent.start % Z::RADIX);
        }
        squarings = exponent.squarings;
    }
    let three = z.splat((1 << DOUBLINGS) - 1);
    for at in (0..squarings).step_by(DOUBLINGS as usize).rev() {
        for _ in 0..DOUBLINGS {
            field.square(&mut power);
        }
        let word = z.load(&exponents[(at / 64) as usize]);
        let digits = z.and(z.shift_right(word, z.splat((at % 64).into())), three);
        field.shift_left(&mut power, digits);
    }
    let passes = field.are_one_or_minus_one(&mut power);
    Some(passes.into_iter().take(numbers.len()).collect())
}

/// Whether a number that passes for the base 2, and of a multiple of 4 bits, is a strong probable prime for other bases
/// below it, at most [`LANES`]. None as for [`pass_for_two`].
#[inline(always)]
fn passes_for<Z: Lanes>(z: Z, number: &[u64], bases: &[Limbs]) -> Option<bool> {
    if bases.is_empty() {
        return Some(true);
    }
    let mut field = Field::new(z, &[number])?;
    if !field.bits.is_multiple_of(WINDOW) || bases.len() > LANES {
        return None;
    }
    // A base b, unconverted, represents b / R. That is as good: 2^((n - 1) / 2) is 1 or -1, as the number passed for 2, and
    // R is an even power of 2, so R^((n - 1) / 2) is 1.
    let length = field.n.len();
    let mut powers = rows(length << WINDOW);
    for (lane, base) in (0..LANES).zip(bases.iter().cycle()) {
        set_lane(&mut powers[..length], lane, base, Z::RADIX);
    }
    for index in 1..1 << WINDOW {
        let (before, from) = powers.split_at_mut(index * length);
        from[..length].copy_from_slice(&before[..length]);
        field.multiply(&mut from[..length], &before[(index - 1) * length..]);
    }

    // The exponent in digits of 1 to 16, as there is no power 0 among these: less by one in each.
    let mut digits = limbs::half(number);
    let mut ones = limbs::zero(number.len());
    for at in (0..field.bits).step_by(WINDOW as usize) {
        ones[(at / 64) as usize] |= 1 << (at % 64);
    }
    if limbs::subtract(&mut digits, &ones) != 0 {
        return None;
    }
    let mut power = rows(length);
    let mut factor = rows(length);
    for at in (0..field.bits).step_by(WINDOW as usize).rev() {
        let digit = digits[(at / 64) as usize] >> (at % 64) & ((1 << WINDOW) - 1);
        if at + WINDOW == field.bits {
            choose(z, &mut power, &powers, digit);
            continue;
        }
        for _ in 0..WINDOW {
            field.square(&mut power);
        }
        choose(z, &mut factor, &powers, digit);
        field.multiply(&mut power, &factor);
    }
    Some(field.are_one_or_minus_one(&mut power) == [true; LANES])
}

fn rows(length: usize) -> Rows {
    Zeroizing::new(vec![Row::default(); length])
}

/// Writes a number into one lane, cut into limbs of `radix` bits.
fn set_lane(rows: &mut [Row], lane: usize, number: &[u64], radix: u32) {
    let limb = |at: u32| number.get(at as usize).copied().map_or(0, u128::from);
    for (row, at) in rows.iter_mut().zip((0..).step_by(radix as usize)) {
        let bits = (limb(at / 64) | limb(at / 64 + 1) << 64) >> (at % 64);
        row.0[lane] = bits as u64 & ((1 << radix) - 1);
    }
}

/// `to` = the power of that index, reading all.
#[inline(always)]
fn choose<Z: Lanes>(z: Z, to: &mut [Row], powers: &[Row], index: u64) {
    let length = to.len();
    for row in to.iter_mut() {
        z.store(z.splat(0), row);
    }
    for (power, at) in powers.chunks_exact(length).zip(0..) {
        let mask = z.splat(limbs::all_ones_if_equal(index, at));
        for (row, power) in to.iter_mut().zip(power) {
            z.store(z.or(z.load(row), z.and(z.load(power), mask)), row);
        }
    }
}

/// The moduli of the lanes, with what the multiplication precomputes.
struct Field<Z: Lanes> {
    z: Z,
    n: Rows,
    /// -1/n modulo the radix.
    n_inverse: Row,
    bits: u32,
    /// Twice the limbs: the sums of the columns of a product.
    columns: Rows,
}

impl<Z: Lanes> Field<Z> {
    #[inline(always)]
    fn new(z: Z, numbers: &[&[u64]]) -> Option<Field<Z>> {
        let bits = limbs::bit_length(numbers.first()?);
        let length = (bits + HEADROOM).div_ceil(Z::RADIX) as usize;
        let alike = numbers
            .iter()
            .all(|number| number[0] & 3 == 3 && limbs::bit_length(number) == bits);
        if bits > z.most_bits() || !alike || length < 2 * STRIP || numbers.len() > LANES {
            return None;
        }
        let mut field = Field {
            z,
            n: rows(length),
            n_inverse: Row::default(),
            bits,
            columns: rows(2 * length),
        };
        for (lane, number) in (0..LANES).zip(numbers.iter().cycle()) {
            set_lane(&mut field.n, lane, number, Z::RADIX);
            field.n_inverse.0[lane] = limbs::inverse(number[0]).wrapping_neg() & ((1 << Z::RADIX) - 1);
        }
        Some(field)
    }

    fn r_bits(&self) -> u32 {
        Z::RADIX * self.n.len() as u32
    }

    /// `a = a * a / R`.
    #[inline(always)]
    fn square(&mut self, a: &mut [Row]) {
        let z = self.z;
        square_columns(z, &mut self.columns, a);
        reduce(z, &mut self.columns, &self.n, z.load(&self.n_inverse));
        normalize(z, a, &self.columns[a.len()..]);
    }

    /// `a = a * b / R`.
    #[inline(always)]
    fn multiply(&mut self, a: &mut [Row], b: &[Row]) {
        let z = self.z;
        multiply_columns(z, &mut self.columns, a, &b[..a.len()]);
        reduce(z, &mut self.columns, &self.n, z.load(&self.n_inverse));
        normalize(z, a, &self.columns[a.len()..]);
    }

    /// `a = a * 2^counts`.
    #[inline(always)]
    fn shift_left(&self, a: &mut [Row], counts: Z::Vector) {
        let z = self.z;
        let (mask, radix) = (z.splat((1 << Z::RADIX) - 1), z.splat(Z::RADIX.into()));
        let mut carry = z.splat(0);
        for row in a {
            let sum = z.add(z.shift_left(z.load(row), counts), carry);
            z.store(z.and(sum, mask), row);
            carry = z.shift_right(sum, radix);
        }
    }

    /// Whether each lane's number, which is converted back, is 1 or n - 1.
    #[inline(always)]
    fn are_one_or_minus_one(&mut self, a: &mut [Row]) -> [bool; LANES] {
        let z = self.z;
        // Divided by R: below n + 1, since a is below R.
        let (low, high) = self.columns.split_at_mut(a.len());
        low.copy_from_slice(a);
        high.fill(Row::default());
        reduce(z, &mut self.columns, &self.n, z.load(&self.n_inverse));
        normalize(z, a, &self.columns[a.len()..]);
        std::array::from_fn(|lane| {
            let (mut from_one, mut from_minus_one) = (0, 0);
            for ((a, n), at) in a.iter().zip(self.n.iter()).zip(0..) {
                let lowest = u64::from(at == 0);
                from_one |= a.0[lane] ^ lowest;
                // n is odd: n - 1 is n without its lowest bit.
                from_minus_one |= a.0[lane] ^ n.0[lane] ^ lowest;
            }
            from_one == 0 || from_minus_one == 0
        })
    }
}

/// How many limbs of a factor are taken at once, so that a column is loaded and stored once for all of them.
const STRIP: usize = 4;

// No closure: it would be code of its own, without the instructions.
#[inline(always)]
fn load_strip<Z: Lanes>(z: Z, rows: &[Row]) -> [Z::Vector; STRIP] {
    [z.load(&rows[0]), z.load(&rows[1]), z.load(&rows[2]), z.load(&rows[3])]
}

/// Adds products to the column `at`, and what is split off them to the next.
#[inline(always)]
fn add_products<Z: Lanes, const N: usize>(z: Z, columns: &mut [Row], at: usize, products: [(Z::Vector, Z::Vector); N]) {
    let mut sum = z.load(&columns[at]);
    for (a, b) in products {
        sum = z.low(sum, a, b);
    }
    z.store(sum, &mut columns[at]);
    if Z::SPLIT {
        let mut sum = z.load(&columns[at + 1]);
        for (a, b) in products {
            sum = z.high(sum, a, b);
        }
        z.store(sum, &mut columns[at + 1]);
    }
}

/// Adds the products of the limbs `x` with each of `y` to the columns, from the first in which there is one with each of
/// `x` on to the last. `above` is what was split off the column before.
#[inline(always)]
fn add_strip<Z: Lanes, const N: usize>(z: Z, columns: &mut [Row], x: [Z::Vector; N], y: &[Row], mut above: Z::Vector) {
    let full = y.len() + 1 - N;
    for (column, window) in columns.iter_mut().zip(y.windows(N)) {
        let mut sum = z.load(column);
        if Z::SPLIT {
            sum = z.add(sum, above);
            above = z.splat(0);
        }
        for (x, y) in x.iter().zip(window.iter().rev()) {
            let y = z.load(y);
            sum = z.low(sum, *x, y);
            above = z.high(above, *x, y);
        }
        z.store(sum, column);
    }
    if Z::SPLIT {
        z.store(z.add(z.load(&columns[full]), above), &mut columns[full]);
    }
    if N == STRIP {
        let last = &y[y.len() - 3..];
        let [y0, y1, y2] = [z.load(&last[0]), z.load(&last[1]), z.load(&last[2])];
        add_products(z, columns, full, [(x[1 % N], y2), (x[2 % N], y1), (x[3 % N], y0)]);
        add_products(z, columns, full + 1, [(x[2 % N], y2), (x[3 % N], y1)]);
        add_products(z, columns, full + 2, [(x[3 % N], y2)]);
    }
}

/// `columns = a * b`.
#[inline(always)]
fn multiply_columns<Z: Lanes>(z: Z, columns: &mut [Row], a: &[Row], b: &[Row]) {
    columns.fill(Row::default());
    let (strips, rest) = a.as_chunks::<STRIP>();
    for (strip, columns_at) in strips.iter().zip((0..).step_by(STRIP)) {
        let columns = &mut columns[columns_at..];
        let x @ [x0, x1, x2, _] = load_strip(z, strip);
        let [b0, b1, b2] = [z.load(&b[0]), z.load(&b[1]), z.load(&b[2])];
        add_products(z, columns, 0, [(x0, b0)]);
        add_products(z, columns, 1, [(x0, b1), (x1, b0)]);
        add_products(z, columns, 2, [(x0, b2), (x1, b1), (x2, b0)]);
        add_strip(z, &mut columns[3..], x, b, z.splat(0));
    }
    for (row, at) in rest.iter().zip(a.len() - rest.len()..) {
        add_strip(z, &mut columns[at..], [z.load(row)], b, z.splat(0));
    }
}

/// `columns = a * a`.
#[inline(always)]
fn square_columns<Z: Lanes>(z: Z, columns: &mut [Row], a: &[Row]) {
    columns.fill(Row::default());
    // Each product of two different limbs once,
    let mut at = 0;
    while at + 2 * STRIP <= a.len() {
        let columns = &mut columns[2 * at + 1..];
        let x @ [x0, x1, x2, x3] = load_strip(z, &a[at..]);
        let y = &a[at + STRIP..];
        let [y0, y1, y2] = [z.load(&y[0]), z.load(&y[1]), z.load(&y[2])];
        add_products(z, columns, 0, [(x0, x1)]);
        add_products(z, columns, 1, [(x0, x2)]);
        add_products(z, columns, 2, [(x0, x3), (x1, x2)]);
        add_products(z, columns, 3, [(x0, y0), (x1, x3)]);
        add_products(z, columns, 4, [(x0, y1), (x1, y0), (x2, x3)]);
        add_products(z, columns, 5, [(x0, y2), (x1, y1), (x2, y0)]);
        add_strip(z, &mut columns[6..], x, y, z.splat(0));
        at += STRIP;
    }
    for at in at..a.len() - 1 {
        add_strip(
            z,
            &mut columns[2 * at + 1..],
            [z.load(&a[at])],
            &a[at + 1..],
            z.splat(0),
        );
    }
    // doubled, and the squares.
    let (pairs, _) = columns.as_chunks_mut::<2>();
    for ([even, odd], a) in pairs.iter_mut().zip(a) {
        let (low, high, a) = (z.load(even), z.load(odd), z.load(a));
        z.store(z.low(z.add(low, low), a, a), even);
        z.store(z.high(z.add(high, high), a, a), odd);
    }
}

/// Adds the multiple of n that clears the lower half of the columns.
#[inline(always)]
fn reduce<Z: Lanes>(z: Z, columns: &mut [Row], n: &[Row], n_inverse: Z::Vector) {
    let length = n.len();
    let (mask, radix, zero) = (z.splat((1 << Z::RADIX) - 1), z.splat(Z::RADIX.into()), z.splat(0));
    let [n0, n1, n2, n3] = load_strip(z, n);
    let mut carry = zero;
    let mut at = 0;
    while at + STRIP <= length {
        let columns = &mut columns[at..];
        // The column's sum with what the factors before add to it: the factor that clears it, and the carry.
        let sum = z.add(z.load(&columns[0]), carry);
        let x0 = z.and(z.low(zero, sum, n_inverse), mask);
        carry = z.shift_right(z.low(sum, x0, n0), radix);

        let sum = z.low(z.load(&columns[1]), x0, n1);
        let sum = z.add(z.high(sum, x0, n0), carry);
        let x1 = z.and(z.low(zero, sum, n_inverse), mask);
        carry = z.shift_right(z.low(sum, x1, n0), radix);

        let sum = z.low(z.low(z.load(&columns[2]), x0, n2), x1, n1);
        let sum = z.add(z.high(z.high(sum, x0, n1), x1, n0), carry);
        let x2 = z.and(z.low(zero, sum, n_inverse), mask);
        carry = z.shift_right(z.low(sum, x2, n0), radix);

        let sum = z.low(z.low(z.low(z.load(&columns[3]), x0, n3), x1, n2), x2, n1);
        let sum = z.add(z.high(z.high(z.high(sum, x0, n2), x1, n1), x2, n0), carry);
        let x3 = z.and(z.low(zero, sum, n_inverse), mask);
        carry = z.shift_right(z.low(sum, x3, n0), radix);

        let above = z.high(z.high(z.high(z.high(zero, x0, n3), x1, n2), x2, n1), x3, n0);
        add_strip(z, &mut columns[STRIP..], [x0, x1, x2, x3], &n[1..], above);
        at += STRIP;
    }
    for at in at..length {
        let columns = &mut columns[at..];
        let sum = z.add(z.load(&columns[0]), carry);
        let x = z.and(z.low(zero, sum, n_inverse), mask);
        carry = z.shift_right(z.low(sum, x, n0), radix);
        add_strip(z, &mut columns[1..], [x], &n[1..], z.high(zero, x, n0));
    }
    z.store(z.add(z.load(&columns[length]), carry), &mut columns[length]);
}

/// `a` = the columns, with the carries passed on.
#[inline(always)]
fn normalize<Z: Lanes>(z: Z, a: &mut [Row], columns: &[Row]) {
    let (mask, radix) = (z.splat((1 << Z::RADIX) - 1), z.splat(Z::RADIX.into()));
    let mut carry = z.splat(0);
    for (row, column) in a.iter_mut().zip(columns) {
        let sum = z.add(z.load(column), carry);
        z.store(z.and(sum, mask), row);
        carry = z.shift_right(sum, radix);
    }
}
