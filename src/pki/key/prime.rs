//! The search for RSA primes of C2SP det-keygen: trial division, then Miller-Rabin (FIPS 186-5, B.3).
//!
//! Candidates are a stream that depends on the generator alone, never on what is found in it: so they can be tested ahead
//! and several at once, by whatever instructions there are. The verdict on a candidate is a function of the candidate
//! alone. The bases come from a generator of their own, seeded with the candidate, so that they never change which key a
//! seed gives. The time taken tells nothing of a prime that is kept: only composites, which are thrown away, leave early.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
use super::hmac_drbg::HmacDrbg;
use super::limbs::{self, Limbs};
use super::trial_division::has_small_factor;

/// The primes in the stream of candidates that a generator gives.
pub(super) struct Primes {
    drbg: HmacDrbg,
    arithmetic: Arithmetic,
    /// The length of a candidate in bytes.
    length: usize,
    rounds: u32,
    /// Whether the generator was not asked yet.
    fresh: bool,
    /// What passed the tests of the batch before the Miller-Rabin rounds, in the order of the stream.
    probable: VecDeque<Candidate>,
}

/// A candidate as the generator made it, and as a number.
struct Candidate {
    bytes: Zeroizing<Vec<u8>>,
    number: Limbs,
}

impl Primes {
    /// Primes of `length` bytes. A composite passes with the probability that `rounds` Miller-Rabin tests leave for random
    /// candidates.
    pub(super) fn new(drbg: HmacDrbg, arithmetic: Arithmetic, length: usize, rounds: u32) -> Primes {
        Primes {
            drbg,
            arithmetic: arithmetic.suited(8 * length as u32),
            length,
            rounds,
            fresh: true,
            probable: VecDeque::new(),
        }
    }

    /// The next prime.
    pub(super) fn next(&mut self) -> Limbs {
        loop {
            while let Some(candidate) = self.probable.pop_front() {
                if miller_rabin(self.arithmetic, &candidate, self.rounds) {
                    return candidate.number;
                }
            }
            let batch: Vec<Candidate> = (0..self.arithmetic.batch())
                .map(|_| self.without_small_factor())
                .collect();
            let numbers: Vec<&[u64]> = batch.iter().map(|candidate| candidate.number.as_slice()).collect();
            let verdicts = self.arithmetic.pass_for_two(&numbers);
            let passed = batch.into_iter().zip(verdicts).filter(|(_, passes)| *passes);
            self.probable.extend(passed.map(|(candidate, _)| candidate));
        }
    }

    /// The next candidate that trial division leaves.
    fn without_small_factor(&mut self) -> Candidate {
        let mut bytes = Zeroizing::new(vec![0; self.length]);
        let mut number = limbs::zero(self.length.div_ceil(8));
        loop {
            // det-keygen, steps 8 to 13, which are the same between p and q, and when both are thrown away: fresh output
            // for each candidate, and an update between two.
            if !self.fresh {
                self.drbg.update();
            }
            self.fresh = false;
            self.drbg.fill(&mut bytes);
            if let [first, .., last] = bytes.as_mut_slice() {
                *first |= 0b1100_0000;
                *last |= 0b0000_0111;
            }
            limbs::read_be_bytes(&mut number, &bytes);
            if !has_small_factor(&number, self.arithmetic.trial_division_limit(self.length)) {
                return Candidate { bytes, number };
            }
        }
    }
}

/// Whether `candidate`, big-endian bytes of the form 8k + 7, is prime.
#[cfg(test)]
pub(super) fn is_prime(arithmetic: Arithmetic, candidate: &[u8], rounds: u32) -> bool {
    let candidate = Candidate {
        bytes: Zeroizing::new(candidate.to_vec()),
        number: limbs::from_be_bytes(candidate),
    };
    !has_small_factor(&candidate.number, 1 << 14)
        && arithmetic.pass_for_two(&[&candidate.number]) == [true]
        && miller_rabin(arithmetic, &candidate, rounds)
}

/// Miller-Rabin tests of what passed for the base 2, with bases that follow from the candidate.
fn miller_rabin(arithmetic: Arithmetic, candidate: &Candidate, rounds: u32) -> bool {
    let mut generator = HmacDrbg::new(&candidate.bytes, b"khw-gen Miller-Rabin bases");
    let mut bytes = Zeroizing::new(vec![0; candidate.bytes.len()]);
    let bases: Vec<Limbs> = (0..rounds)
        .map(|_| {
            generator.fill(&mut bytes);
            // Between 2 and n - 2, as n's two highest bits are set.
            if let [first, .., last] = bytes.as_mut_slice() {
                *first &= 0x3f;
                *last |= 2;
            }
            limbs::from_be_bytes(&bytes)
        })
        .collect();
    arithmetic.passes_for(&candidate.number, &bases)
}
