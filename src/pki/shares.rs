//! A seed in shares, of which some make it whole again and fewer say nothing of it: Shamir's secret sharing over its bytes.
//!
//! A share is a text: which set it is of, how many of the set are needed, and a sum that tells a slip of the pen. What is joined is held
//! against a fingerprint of the seed, from which nobody learns anything. docs/derivation.md has the format.

use std::fmt;

use rand_core::CryptoRng;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use super::derivation::{Seed, hmac};
use super::digest::{hex, sha256_hex};
use super::secret::SecretBytes;

/// The first line behind the comments; the number is the version of the format.
const HEADER: &str = "khw-gen share 1";

/// What the fingerprint is made for.
const FINGERPRINT: &[u8] = b"khw-gen/1 share";

/// How many digits of a sum and of a fingerprint are written.
const SUM_DIGITS: usize = 16;
const FINGERPRINT_DIGITS: usize = 32;

/// The most shares of a seed: each has a number of one byte, and none is 0.
pub const MOST_SHARES: u8 = 255;

/// What all shares of a set have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSet {
    /// 16 hexadecimal digits, drawn.
    pub id: String,
    /// How many shares there are, and how many of them are needed.
    pub of: u8,
    pub needed: u8,
    fingerprint: String,
}

/// One share: wiped on drop, never printed.
pub struct Share {
    pub set: ShareSet,
    /// From 1.
    pub number: u8,
    bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of {}, not shown)", self.number, self.set.of)
    }
}

/// Splits a seed into `of` shares, of which `needed` make it whole.
///
/// Errors: fewer than two are needed, or more than there are.
pub fn split(seed: &Seed, needed: u8, of: u8, mut random: impl CryptoRng) -> Result<Vec<Share>, SplitError> {
    if needed < 2 || of < needed {
        return Err(SplitError { needed, of });
    }
    let mut id = [0; 8];
    random.fill_bytes(&mut id);
    let id = hex(&id);
    let set = ShareSet {
        fingerprint: fingerprint(seed, &id),
        id,
        of,
        needed,
    };
    let split = Gf256::split_bytes(needed.into(), of.into(), seed.expose(), random);
    let split = split.map_err(|_| SplitError { needed, of })?;
    let shares = split.into_iter().zip(1..=of).map(|(mut bytes, number)| {
        // The number stands first, and in the text it has a line of its own.
        let share = Zeroizing::new(bytes.split_off(1));
        Share {
            set: set.clone(),
            number,
            bytes: share,
        }
    });
    Ok(shares.collect())
}

/// Makes a seed whole of shares of one set. More than are needed are held against each other.
pub fn join(shares: &[Share]) -> Result<Seed, JoinError> {
    let first = shares.first().ok_or(JoinError::Nothing)?;
    let set = &first.set;
    if let Some(at) = shares.iter().position(|share| share.set != *set) {
        return Err(match shares[at].set.id == set.id {
            true => JoinError::Contradicts(at),
            false => JoinError::OtherSet(at, shares[at].set.id.clone(), set.id.clone()),
        });
    }
    let has = |number: u8| shares.iter().filter(|share| share.number == number).count();
    if let Some(number) = (1..=set.of).find(|number| has(*number) > 1) {
        return Err(JoinError::Twice(number));
    }
    if shares.len() < usize::from(set.needed) {
        return Err(JoinError::TooFew {
            there: shares.len(),
            needed: set.needed,
            others: (1..=set.of).filter(|number| has(*number) == 0).collect(),
        });
    }
    let with_numbers = |share: &Share| [&[share.number], share.bytes.as_slice()].concat();
    let with_numbers: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(shares.iter().map(with_numbers).collect());
    let joined = Gf256::combine_bytes(with_numbers.as_slice()).map(Zeroizing::new);
    let bytes = joined
        .ok()
        .and_then(|joined| Some(Zeroizing::new(<[u8; 32]>::try_from(joined.as_slice()).ok()?)));
    let seed = Seed::from_bytes(bytes.ok_or(JoinError::NotTheSeed)?);
    match fingerprint(&seed, &set.id) == set.fingerprint {
        true => Ok(seed),
        false => Err(JoinError::NotTheSeed),
    }
}

/// By which a seed is told from any other, and nothing else: to try seeds is no faster than to guess their bytes.
fn fingerprint(seed: &Seed, set: &str) -> String {
    let mut digits = hex(hmac(seed.expose(), &[FINGERPRINT, set.as_bytes()]).as_slice());
    digits.truncate(FINGERPRINT_DIGITS);
    digits
}

impl Share {
    /// The text of the share.
    pub fn to_text(&self) -> SecretBytes {
        let ShareSet {
            id,
            of,
            needed,
            fingerprint,
        } = &self.set;
        let number = self.number;
        let about = format!(
            "# Share {number} of {of} of the seed of a Kubernetes cluster. Any {needed} of them make it whole (khw-gen seed join), and with it \
             every private key.\n# Keep it secret, and apart from the others.\n"
        );
        let head = format!(
            "{HEADER}\nset: {id}\nshares: {of}\nneeded: {needed}\nseed: {fingerprint}\nnumber: {number}\nshare: "
        );
        let digits = Zeroizing::new(base16ct::lower::encode_string(&self.bytes));
        let mut summed = SecretBytes::with_capacity(head.len() + digits.len() + 1);
        summed.extend(head.as_bytes());
        summed.extend(digits.as_bytes());
        summed.extend(b"\n");
        let sum = sha256_hex(summed.expose());
        let mut text = SecretBytes::with_capacity(about.len() + summed.len() + SUM_DIGITS + 6);
        text.extend(about.as_bytes());
        text.extend(summed.expose());
        text.extend(format!("sum: {}\n", &sum[..SUM_DIGITS]).as_bytes());
        text
    }

    /// Reads what [`Share::to_text`] wrote. Comments and blank lines mean nothing, nor do spaces at the ends of lines.
    pub fn parse(text: &[u8]) -> Result<Share, ShareError> {
        let text = std::str::from_utf8(text).map_err(|_| ShareError::NoShare)?;
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some(HEADER) => {}
            Some(other) if other.starts_with("khw-gen share ") => return Err(ShareError::LaterVersion),
            _ => return Err(ShareError::NoShare),
        }
        let mut summed = SecretBytes::with_capacity(text.len() + HEADER.len());
        summed.extend(HEADER.as_bytes());
        summed.extend(b"\n");
        let mut field = |label: &'static str| {
            let line = lines.next().ok_or(ShareError::Lacks(label))?;
            let value = line.strip_prefix(label).and_then(|rest| rest.strip_prefix(": "));
            let value = value.ok_or(ShareError::Lacks(label))?;
            if label != "sum" {
                summed.extend(line.as_bytes());
                summed.extend(b"\n");
            }
            Ok(value)
        };
        let number = |label, text: &str| text.parse::<u8>().map_err(|_| ShareError::Lacks(label));
        let id = field("set")?.to_owned();
        let of = number("shares", field("shares")?)?;
        let needed = number("needed", field("needed")?)?;
        let fingerprint = field("seed")?.to_owned();
        let own = number("number", field("number")?)?;
        let digits = field("share")?;
        let bytes = base16ct::lower::decode_vec(digits).map(Zeroizing::new);
        let bytes = bytes.ok().filter(|bytes| bytes.len() == 32);
        let sum = field("sum")?.to_owned();
        if lines.next().is_some() {
            return Err(ShareError::More);
        }
        let bytes = match (
            bytes,
            sha256_hex(summed.expose()).starts_with(&sum) && sum.len() == SUM_DIGITS,
        ) {
            (Some(bytes), true) => bytes,
            _ => return Err(ShareError::WrongSum),
        };
        // Whoever can make a sum can make any numbers.
        if needed < 2 || of < needed || own == 0 || own > of {
            return Err(ShareError::Impossible);
        }
        let set = ShareSet {
            id,
            of,
            needed,
            fingerprint,
        };
        Ok(Share {
            set,
            number: own,
            bytes,
        })
    }
}

/// So many shares can't be made, or so few not be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a seed can't be split so that {needed} of {of} shares make it whole: at least 2 are needed, and at most as many as there are"
)]
pub struct SplitError {
    needed: u8,
    of: u8,
}

/// Why a text is no share. No message contains anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    #[error("it is no share, as khw-gen seed split writes it")]
    NoShare,
    #[error("it is a share of a later khw-gen")]
    LaterVersion,
    #[error("it lacks a proper line `{0}: …` at its place")]
    Lacks(&'static str),
    #[error("it has more lines than a share")]
    More,
    #[error("its sum does not fit what it says: something in it was mistyped or changed")]
    WrongSum,
    #[error("its numbers are those of no share")]
    Impossible,
}

/// Why shares don't make a seed. Shares are counted from 0, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("there are no shares")]
    Nothing,
    #[error("it is of the set {1}, and the first one of the set {2}")]
    OtherSet(usize, String, String),
    #[error("it says other things of its set than the first one")]
    Contradicts(usize),
    #[error("the share {0} is there twice")]
    Twice(u8),
    #[error("{there} of the shares are there, and {needed} are needed: {} more, of those with the numbers {}", usize::from(*.needed) - .there, listed(.others))]
    TooFew { there: usize, needed: u8, others: Vec<u8> },
    #[error("they don't make the seed that was split: one of them was changed")]
    NotTheSeed,
}

impl JoinError {
    /// Which of the shares it is about, where it is about one.
    pub fn about(&self) -> Option<usize> {
        match self {
            JoinError::OtherSet(at, ..) | JoinError::Contradicts(at) => Some(*at),
            _ => None,
        }
    }
}

fn listed(numbers: &[u8]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use rand_core::UnwrapErr;

    use super::*;

    fn shares(number: u8, needed: u8, of: u8) -> Vec<Share> {
        split(&Seed::stand_in(number), needed, of, UnwrapErr(SysRng)).unwrap()
    }

    fn reread(share: &Share) -> Share {
        Share::parse(share.to_text().expose()).unwrap()
    }

    #[test]
    fn any_so_many_shares_make_the_seed_and_fewer_do_not() {
        for (needed, of) in [(2, 2), (2, 3), (3, 5), (5, 5)] {
            let shares = shares(1, needed, of);
            for chosen in 0..1_u32 << of {
                let some = shares.iter().filter(|share| chosen >> (share.number - 1) & 1 == 1);
                let some: Vec<Share> = some.map(reread).collect();
                match join(&some) {
                    Ok(seed) => {
                        assert_eq!(seed.expose(), Seed::stand_in(1).expose());
                        assert!(some.len() >= usize::from(needed));
                    }
                    Err(JoinError::Nothing) => assert_eq!(chosen, 0),
                    Err(error) => assert!(
                        matches!(error, JoinError::TooFew { there, .. } if there == some.len() && there < needed.into())
                    ),
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let (ours, others) = (shares(1, 2, 3), shares(1, 2, 3));
        let message =
            |shares: &[&Share]| join(&shares.iter().map(|share| reread(share)).collect::<Vec<_>>()).unwrap_err();
        assert!(matches!(message(&[&ours[0], &others[1]]), JoinError::OtherSet(1, ..)));
        assert_eq!(message(&[&ours[0], &ours[0]]), JoinError::Twice(1));
        let too_few = message(&[&ours[1]]).to_string();
        assert_eq!(
            too_few,
            "1 of the shares are there, and 2 are needed: 1 more, of those with the numbers 1, 3"
        );
        let mut changed = reread(&ours[0]);
        changed.bytes[3] ^= 1;
        assert_eq!(message(&[&changed, &ours[1]]), JoinError::NotTheSeed);
        assert_eq!(message(&[&changed, &ours[1], &ours[2]]), JoinError::NotTheSeed);
        let mut renamed = reread(&ours[0]);
        renamed.set.needed = 3;
        assert_eq!(message(&[&ours[1], &renamed]), JoinError::Contradicts(1));
        for (needed, of) in [(0, 3), (1, 3), (4, 3)] {
            assert!(split(&Seed::stand_in(1), needed, of, UnwrapErr(SysRng)).is_err());
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_seen() {
        let text = shares(1, 2, 3)[1].to_text();
        let text = std::str::from_utf8(text.expose()).unwrap();
        let spaced = text.replace('\n', " \r\n");
        assert!(Share::parse(spaced.as_bytes()).is_ok());
        let body = text.find(HEADER).unwrap();
        for at in body..text.trim_end().len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(Share::parse(&changed).is_err(), "{}", String::from_utf8_lossy(&changed));
            assert!(Share::parse(&text.as_bytes()[..at]).is_err());
        }
        assert_eq!(Share::parse(b"").unwrap_err(), ShareError::NoShare);
        assert_eq!(
            Share::parse(format!("{text}more\n").as_bytes()).unwrap_err(),
            ShareError::More
        );
        assert_eq!(format!("{:?}", shares(1, 2, 3)[0]), "Share(1 of 3, not shown)");
    }
}
