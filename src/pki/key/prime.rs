//! Whether a candidate for an RSA prime is prime, as C2SP det-keygen asks (FIPS 186-5, B.3): trial division, then
//! Miller-Rabin.
//!
//! The verdict is a function of the candidate alone. The bases come from a generator of their own, seeded with the
//! candidate, so that they never change which key a seed gives. The time taken tells nothing of a prime that is kept:
//! only composites, which are thrown away, leave early.

use crypto_bigint::{BoxedUint, Limb, NonZero, Reciprocal};
use zeroize::Zeroizing;

use super::hmac_drbg::HmacDrbg;
use super::limbs::{self, Limbs};
use super::montgomery::Modulus;

/// Candidates are divided by the odd primes below this. det-keygen's example stops at 1619; that the number changes
/// speed and not results is said there. Here a prime more still costs less than the exponentiations it saves.
const TRIAL_DIVISION_LIMIT: usize = 1 << 14;

/// Consecutive odd primes whose product fits a machine word.
#[derive(Clone, Copy)]
struct PrimeGroup {
    first: usize,
    end: usize,
    reciprocal: Reciprocal,
}

const PRIME_COUNT: usize = count_odd_primes();
static PRIMES: [u16; PRIME_COUNT] = odd_primes();
const GROUP_COUNT: usize = group(&odd_primes(), &mut []);
static GROUPS: [PrimeGroup; GROUP_COUNT] = {
    let mut groups = [PrimeGroup {
        first: 0,
        end: 0,
        reciprocal: Reciprocal::default(),
    }; GROUP_COUNT];
    group(&odd_primes(), &mut groups);
    groups
};

/// Whether `candidate`, big-endian bytes of the form 8k + 7 with the two highest bits set, is prime.
///
/// A composite passes with the probability that `rounds` Miller-Rabin tests leave for random candidates.
pub(super) fn is_prime(candidate: &[u8], rounds: u32) -> bool {
    let number = limbs::from_be_bytes(candidate);
    if has_small_factor(&number) {
        return false;
    }
    let Some(modulus) = Modulus::new(&number) else {
        return false;
    };
    // The candidate is 3 modulo 4, so (n - 1) / 2 is odd and a strong test is a single exponentiation (FIPS 186-5, B.3.1).
    let mut half = limbs::resized(&number, number.len());
    limbs::shift_right(&mut half);
    let passes = |power: Limbs| is_one_or_minus_one(&power, &number);

    // Nearly every composite fails for 2, the cheapest base.
    if !passes(modulus.power_of_two(&half)) {
        return false;
    }
    let mut bases = HmacDrbg::new(candidate, b"khw-gen Miller-Rabin bases");
    let mut base = Zeroizing::new(vec![0; candidate.len()]);
    (0..rounds).all(|_| {
        bases.fill(&mut base);
        // Between 2 and n - 2, as n's two highest bits are set.
        if let [first, .., last] = base.as_mut_slice() {
            *first &= 0x3f;
            *last |= 2;
        }
        passes(modulus.power(&limbs::from_be_bytes(&base), &half))
    })
}

/// Whether an odd prime below [`TRIAL_DIVISION_LIMIT`] divides the number.
fn has_small_factor(number: &[u64]) -> bool {
    let number = Zeroizing::new(BoxedUint::from_words(number.iter().copied()));
    GROUPS.iter().any(|group| {
        let remainder = number.rem_limb_with_reciprocal(&group.reciprocal).0;
        PRIMES[group.first..group.end]
            .iter()
            .any(|prime| remainder.is_multiple_of((*prime).into()))
    })
}

fn is_one_or_minus_one(power: &[u64], n: &[u64]) -> bool {
    // n is odd: n - 1 is n without its lowest bit.
    let mut minus_one = limbs::resized(n, n.len());
    minus_one[0] &= !1;
    limbs::equal(power, &[1]) || limbs::equal(power, &minus_one)
}

const fn is_small_prime(number: usize) -> bool {
    let mut divisor = 3;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 2;
    }
    true
}

const fn count_odd_primes() -> usize {
    let (mut count, mut number) = (0, 3);
    while number < TRIAL_DIVISION_LIMIT {
        if is_small_prime(number) {
            count += 1;
        }
        number += 2;
    }
    count
}

const fn odd_primes() -> [u16; PRIME_COUNT] {
    let mut primes = [0; PRIME_COUNT];
    let (mut count, mut number) = (0, 3);
    while number < TRIAL_DIVISION_LIMIT {
        if is_small_prime(number) {
            primes[count] = number as u16;
            count += 1;
        }
        number += 2;
    }
    primes
}

/// Fills as many `groups` as there is room for; the number that all primes need.
const fn group(primes: &[u16; PRIME_COUNT], groups: &mut [PrimeGroup]) -> usize {
    let (mut count, mut first) = (0, 0);
    while first < PRIME_COUNT {
        let mut product = primes[first] as u64;
        let mut end = first + 1;
        while end < PRIME_COUNT {
            let Some(larger) = product.checked_mul(primes[end] as u64) else {
                break;
            };
            product = larger;
            end += 1;
        }
        if count < groups.len() {
            let divisor = NonZero::<Limb>::new_unwrap(Limb(product));
            groups[count] = PrimeGroup {
                first,
                end,
                reciprocal: Reciprocal::new(divisor),
            };
        }
        count += 1;
        first = end;
    }
    count
}
