//! Strong probable-prime tests, by the fastest instructions that the processor has. All give the same verdicts.

use std::fmt;

#[cfg(test)]
use super::lanes::emulated::Emulated;
#[cfg(target_arch = "x86_64")]
use super::lanes::x86_64::{Avx512Ifma, Avx512f};
use super::lanes::{LANES, Lanes};
use super::limbs::{self, Limbs};
use super::montgomery::{self, Modulus};

/// By which instructions RSA primes are searched. Nothing but the time depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One number after the other, by the multiplication of machine words.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512f(Avx512f),
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma(Avx512Ifma),
    #[cfg(test)]
    Emulated28(Emulated<28, false>),
    #[cfg(test)]
    Emulated52(Emulated<52, true>),
}

/// An expression of the lanes that there are, whichever; none where numbers are tested one by one.
macro_rules! by_lanes {
    ($arithmetic:expr, $z:ident => $test:expr) => {
        match $arithmetic.0 {
            Kind::Portable => None,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512f($z) => $test,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Ifma($z) => $test,
            #[cfg(test)]
            Kind::Emulated28($z) => $test,
            #[cfg(test)]
            Kind::Emulated52($z) => $test,
        }
    };
}

impl Arithmetic {
    /// What this processor can do, the fastest last.
    pub fn available() -> Vec<Arithmetic> {
        let kinds = [
            Some(Kind::Portable),
            #[cfg(target_arch = "x86_64")]
            Avx512f::detect().map(Kind::Avx512f),
            #[cfg(target_arch = "x86_64")]
            Avx512Ifma::detect().map(Kind::Avx512Ifma),
        ];
        kinds.into_iter().flatten().map(Arithmetic).collect()
    }

    /// The fastest that this processor can do.
    pub fn fastest() -> Arithmetic {
        Arithmetic::available().pop().unwrap_or(Arithmetic(Kind::Portable))
    }

    /// All that there is here, and what else there may be, on plain integers.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Arithmetic> {
        let emulated = [Kind::Emulated28(Emulated), Kind::Emulated52(Emulated)].map(Arithmetic);
        Arithmetic::available().into_iter().chain(emulated).collect()
    }

    /// This, or what else tests numbers of `bits` bits if this can't.
    pub(super) fn suited(self, bits: u32) -> Arithmetic {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512f(z) if bits > z.most_bits() => Arithmetic(Kind::Portable),
            _ => self,
        }
    }

    /// How many numbers are tested at once.
    pub(super) fn batch(self) -> usize {
        match self.0 {
            Kind::Portable => 1,
            #[allow(unreachable_patterns)]
            _ => LANES,
        }
    }

    /// Trial division goes on as long as another prime costs less than the exponentiations it saves.
    pub(super) fn trial_division_limit(self, length: usize) -> u32 {
        match self.0 {
            Kind::Portable => 1 << 16,
            _ if length > 128 => 1 << 16,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Ifma(_) => 1 << 14,
            _ => 1 << 15,
        }
    }

    /// Whether each of the numbers, 7 modulo 8 and at most a batch, is a strong probable prime for the base 2, the cheapest:
    /// nearly every composite isn't.
    pub(super) fn pass_for_two(self, numbers: &[&[u64]]) -> Vec<bool> {
        let verdicts = by_lanes!(self, z => z.pass_for_two(numbers));
        verdicts.unwrap_or_else(|| numbers.iter().map(|number| passes_for_two(number)).collect())
    }

    /// Whether a number that passed for the base 2 is a strong probable prime for other bases below it.
    pub(super) fn passes_for(self, number: &[u64], bases: &[Limbs]) -> bool {
        let verdict = by_lanes!(self, z => z.passes_for(number, bases));
        verdict.unwrap_or_else(|| passes_for(number, bases))
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512f(_) => "AVX-512 F",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Ifma(_) => "AVX-512 IFMA",
            #[cfg(test)]
            Kind::Emulated28(_) => "AVX-512 F, emulated",
            #[cfg(test)]
            Kind::Emulated52(_) => "AVX-512 IFMA, emulated",
        })
    }
}

fn passes_for_two(number: &[u64]) -> bool {
    // The numbers are 3 modulo 4, so (n - 1) / 2 is odd, and a strong test is a single exponentiation (FIPS 186-5, B.3.1).
    // 1 and -1 are their own inverses, so the exponent's sign doesn't matter.
    let half = limbs::half(number);
    let power =
        montgomery::negative_power_of_two(number, &half).or_else(|| Some(Modulus::new(number)?.power(&[2], &half)));
    power.is_some_and(|power| is_one_or_minus_one(&power, number))
}

fn passes_for(number: &[u64], bases: &[Limbs]) -> bool {
    let Some(modulus) = Modulus::new(number) else {
        return false;
    };
    let half = limbs::half(number);
    bases
        .iter()
        .all(|base| is_one_or_minus_one(&modulus.power(base, &half), number))
}

fn is_one_or_minus_one(power: &[u64], n: &[u64]) -> bool {
    limbs::equal(power, &[1]) || limbs::equal(power, &limbs::minus_one(n))
}
