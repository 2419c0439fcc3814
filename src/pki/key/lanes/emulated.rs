//! The vector instructions on plain integers; sums that don't fit panic.

use super::{Lanes, Limbs, Row};

/// Limbs of `RADIX` bits, whose products are in two halves if `SPLIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pki::key) struct Emulated<const RADIX: u32, const SPLIT: bool>;

#[inline(always)]
fn map(a: Row, b: Row, f: impl Fn(u64, u64) -> u64) -> Row {
    Row(std::array::from_fn(|lane| f(a.0[lane], b.0[lane])))
}

/// What the instructions multiply: the lower 52 or 32 bits.
#[inline(always)]
fn product<const SPLIT: bool>(a: u64, b: u64) -> u128 {
    let mask = if SPLIT { (1 << 52) - 1 } else { (1 << 32) - 1 };
    u128::from(a & mask) * u128::from(b & mask)
}

impl<const RADIX: u32, const SPLIT: bool> Lanes for Emulated<RADIX, SPLIT> {
    type Vector = Row;
    const RADIX: u32 = RADIX;
    const SPLIT: bool = SPLIT;

    #[inline(always)]
    fn load(self, row: &Row) -> Row {
        *row
    }

    #[inline(always)]
    fn store(self, vector: Row, row: &mut Row) {
        *row = vector;
    }

    #[inline(always)]
    fn splat(self, word: u64) -> Row {
        Row([word; super::LANES])
    }

    #[inline(always)]
    fn add(self, a: Row, b: Row) -> Row {
        map(a, b, |a, b| a.checked_add(b).unwrap())
    }

    #[inline(always)]
    fn and(self, a: Row, b: Row) -> Row {
        map(a, b, |a, b| a & b)
    }

    #[inline(always)]
    fn or(self, a: Row, b: Row) -> Row {
        map(a, b, |a, b| a | b)
    }

    #[inline(always)]
    fn shift_left(self, a: Row, counts: Row) -> Row {
        map(a, counts, |a, count| a << count)
    }

    #[inline(always)]
    fn shift_right(self, a: Row, counts: Row) -> Row {
        map(a, counts, |a, count| a >> count)
    }

    #[inline(always)]
    fn low(self, sum: Row, a: Row, b: Row) -> Row {
        let product = map(a, b, |a, b| {
            let product = product::<SPLIT>(a, b);
            if SPLIT {
                product as u64 & ((1 << 52) - 1)
            } else {
                product as u64
            }
        });
        self.add(sum, product)
    }

    #[inline(always)]
    fn high(self, sum: Row, a: Row, b: Row) -> Row {
        if SPLIT {
            self.add(sum, map(a, b, |a, b| (product::<SPLIT>(a, b) >> 52) as u64))
        } else {
            sum
        }
    }

    fn pass_for_two(self, numbers: &[&[u64]]) -> Option<Vec<bool>> {
        super::pass_for_two(self, numbers)
    }

    fn passes_for(self, number: &[u64], bases: &[Limbs]) -> Option<bool> {
        super::passes_for(self, number, bases)
    }
}
