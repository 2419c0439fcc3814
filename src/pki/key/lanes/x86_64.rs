//! The vector instructions of x86-64.
//!
//! This is the project's only unsafe code: a processor may not have these instructions, which the compiler can't know. Each
//! stands in a method of a value that only exists where the processor was found to have them.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::mem::transmute;

use super::{LANES, Lanes, Limbs, Row};

/// AVX-512 F: products of 32 bits, so limbs of 28.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pki::key) struct Avx512f(());

/// AVX-512 IFMA: products of 52 bits, in two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pki::key) struct Avx512Ifma(());

impl Avx512f {
    /// If the processor has it.
    pub(in crate::pki::key) fn detect() -> Option<Avx512f> {
        is_x86_feature_detected!("avx512f").then_some(Avx512f(()))
    }
}

impl Avx512Ifma {
    /// If the processor has it.
    pub(in crate::pki::key) fn detect() -> Option<Avx512Ifma> {
        let detected = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        detected.then_some(Avx512Ifma(()))
    }
}

/// The methods of [`Lanes`] that are the same for both.
macro_rules! lanes {
    ($features:literal) => {
        type Vector = __m512i;

        #[inline(always)]
        fn load(self, row: &Row) -> __m512i {
            // SAFETY: both are 64 bytes, of which any are valid.
            unsafe { transmute::<[u64; LANES], __m512i>(row.0) }
        }

        #[inline(always)]
        fn store(self, vector: __m512i, row: &mut Row) {
            // SAFETY: as for `load`.
            row.0 = unsafe { transmute::<__m512i, [u64; LANES]>(vector) };
        }

        // SAFETY, of each block that follows: `self` exists, so the processor has the features.
        #[inline(always)]
        fn splat(self, word: u64) -> __m512i {
            unsafe { _mm512_set1_epi64(word.cast_signed()) }
        }

        #[inline(always)]
        fn add(self, a: __m512i, b: __m512i) -> __m512i {
            unsafe { _mm512_add_epi64(a, b) }
        }

        #[inline(always)]
        fn and(self, a: __m512i, b: __m512i) -> __m512i {
            unsafe { _mm512_and_si512(a, b) }
        }

        #[inline(always)]
        fn or(self, a: __m512i, b: __m512i) -> __m512i {
            unsafe { _mm512_or_si512(a, b) }
        }

        #[inline(always)]
        fn shift_left(self, a: __m512i, counts: __m512i) -> __m512i {
            unsafe { _mm512_sllv_epi64(a, counts) }
        }

        #[inline(always)]
        fn shift_right(self, a: __m512i, counts: __m512i) -> __m512i {
            unsafe { _mm512_srlv_epi64(a, counts) }
        }

        fn pass_for_two(self, numbers: &[&[u64]]) -> Option<Vec<bool>> {
            #[target_feature(enable = $features)]
            fn by_vectors(z: impl Lanes, numbers: &[&[u64]]) -> Option<Vec<bool>> {
                super::pass_for_two(z, numbers)
            }
            unsafe { by_vectors(self, numbers) }
        }

        fn passes_for(self, number: &[u64], bases: &[Limbs]) -> Option<bool> {
            #[target_feature(enable = $features)]
            fn by_vectors(z: impl Lanes, number: &[u64], bases: &[Limbs]) -> Option<bool> {
                super::passes_for(z, number, bases)
            }
            unsafe { by_vectors(self, number, bases) }
        }
    };
}

impl Lanes for Avx512f {
    lanes!("avx512f");
    const RADIX: u32 = 28;
    const SPLIT: bool = false;

    #[inline(always)]
    fn low(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_add_epi64(sum, _mm512_mul_epu32(a, b)) }
    }

    #[inline(always)]
    fn high(self, sum: __m512i, _: __m512i, _: __m512i) -> __m512i {
        sum
    }
}

impl Lanes for Avx512Ifma {
    lanes!("avx512f,avx512ifma");
    const RADIX: u32 = 52;
    const SPLIT: bool = true;

    #[inline(always)]
    fn low(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_madd52lo_epu64(sum, a, b) }
    }

    #[inline(always)]
    fn high(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_madd52hi_epu64(sum, a, b) }
    }
}
