//! Trial division: whether a number has a small factor, which most random numbers have.

use super::limbs::inverse;

/// The primes that are tried are below this.
const LIMIT: usize = 1 << 16;

/// How many groups are divided by at once: their divisions don't depend on each other, and each is a chain that does.
const ABREAST: usize = 4;

const PRIME_COUNT: usize = 6541;
const PRIMES: [u16; PRIME_COUNT] = odd_primes();
const GROUP_COUNT: usize = group(&mut []);

static FACTORS: [Factor; PRIME_COUNT] = factors();
static GROUPS: [Group; GROUP_COUNT] = {
    let mut groups = [Group::NONE; GROUP_COUNT];
    group(&mut groups);
    groups
};

/// Consecutive odd primes whose product fits a machine word.
#[derive(Clone, Copy)]
struct Group {
    product: u64,
    /// 1/product modulo 2^64.
    inverse: u64,
    first: usize,
    end: usize,
}

impl Group {
    const NONE: Group = Group {
        product: 1,
        inverse: 1,
        first: 0,
        end: 0,
    };
}

/// An odd prime with what tells whether it divides a machine word: x is a multiple if x * inverse is at most `largest`.
#[derive(Clone, Copy)]
struct Factor {
    inverse: u64,
    largest: u64,
}

/// Whether one of the odd primes below `limit` (at most 2^16), or one not far above it, divides the number.
pub(super) fn has_small_factor(number: &[u64], limit: u32) -> bool {
    GROUPS
        .chunks(ABREAST)
        .take_while(|groups| {
            groups
                .first()
                .is_some_and(|group| u32::from(PRIMES[group.first]) < limit)
        })
        .any(|groups| {
            let groups: [&Group; ABREAST] = std::array::from_fn(|at| groups.get(at).unwrap_or(&Group::NONE));
            let residues = residues(number, groups);
            groups.iter().zip(residues).any(|(group, residue)| {
                FACTORS[group.first..group.end]
                    .iter()
                    .any(|factor| residue.wrapping_mul(factor.inverse) <= factor.largest)
            })
        })
}

/// For each group a number that each of its primes divides if it divides `number`, and else not: the number divided by
/// 2^64 for each limb, modulo the product, with the sign turned (Jebelean's exact division).
fn residues(number: &[u64], groups: [&Group; ABREAST]) -> [u64; ABREAST] {
    let mut residues = [0; ABREAST];
    for limb in number {
        for (residue, group) in residues.iter_mut().zip(groups) {
            let (difference, borrow) = limb.overflowing_sub(*residue);
            let quotient = difference.wrapping_mul(group.inverse);
            let multiple = u128::from(quotient).wrapping_mul(group.product.into());
            // At most product - 1 + 1.
            *residue = ((multiple >> 64) as u64).wrapping_add(borrow.into());
        }
    }
    residues
}

const fn odd_primes() -> [u16; PRIME_COUNT] {
    let mut composite = [false; LIMIT];
    let mut primes = [0; PRIME_COUNT];
    let (mut count, mut number) = (0, 3);
    while number < LIMIT {
        if !composite[number] {
            primes[count] = number as u16;
            count += 1;
            let mut multiple = number * number;
            while multiple < LIMIT {
                composite[multiple] = true;
                multiple += 2 * number;
            }
        }
        number += 2;
    }
    assert!(count == PRIME_COUNT);
    primes
}

const fn factors() -> [Factor; PRIME_COUNT] {
    let mut factors = [Factor { inverse: 0, largest: 0 }; PRIME_COUNT];
    let mut at = 0;
    while at < PRIME_COUNT {
        let prime = PRIMES[at] as u64;
        factors[at] = Factor {
            inverse: inverse(prime),
            largest: u64::MAX / prime,
        };
        at += 1;
    }
    factors
}

/// Fills as many `groups` as there is room for; the number that all primes need.
const fn group(groups: &mut [Group]) -> usize {
    let (mut count, mut first) = (0, 0);
    while first < PRIME_COUNT {
        let mut product = PRIMES[first] as u64;
        let mut end = first + 1;
        while end < PRIME_COUNT {
            let Some(larger) = product.checked_mul(PRIMES[end] as u64) else {
                break;
            };
            product = larger;
            end += 1;
        }
        if count < groups.len() {
            groups[count] = Group {
                product,
                inverse: inverse(product),
                first,
                end,
            };
        }
        count += 1;
        first = end;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_prime_divides_its_multiples_and_nothing_else_is_refused() {
        for prime in PRIMES {
            assert!(has_small_factor(&[prime.into()], 1 << 16), "{prime}");
            let above = u32::from(prime) + 1;
            assert!(has_small_factor(&[0, 0, u64::from(prime) << 40], above), "{prime}");
        }
        // The first prime above the limit, squared and not; 2^61 - 1 and powers of it.
        for number in [65_537, 65_537 * 65_537, (1 << 61) - 1, 1] {
            assert!(!has_small_factor(&[number], 1 << 16), "{number}");
        }
        assert!(!has_small_factor(&[101], 3));
    }

    proptest! {
        #[test]
        fn residues_tell_which_primes_divide(number in proptest::collection::vec(any::<u64>(), 1..20)) {
            let expected = PRIMES.iter().any(|prime| {
                number.iter().rev().fold(0_u128, |rest, limb| (rest << 64 | u128::from(*limb)) % u128::from(*prime)) == 0
            });
            prop_assert_eq!(has_small_factor(&number, 1 << 16), expected);
        }
    }
}
