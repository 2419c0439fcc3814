//! "Did you mean": the known word nearest to one that is not known.
use strsim::osa_distance;

/// Words longer than this are nobody's typing mistake.
const LONGEST: usize = 64;

/// The candidate that `word` is a typing mistake of, if one is near enough; the first of those equally near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().count() > LONGEST {
        return None;
    }
    let word = normal(word);
    let length = word.chars().count();
    // Of one letter or two, one wrong letter says nothing: every such word is as near.
    let allowed = match length {
        0..=2 => 0,
        _ => (length / 3).max(1),
    };
    // A word cut short is as near as one wrong letter.
    let scored = candidates.into_iter().map(|candidate| {
        let known = normal(candidate);
        let cut_short = length >= 3 && (known.starts_with(&word) || is_short_for(&word, &known));
        let farthest = if cut_short { 1 } else { usize::MAX };
        (osa_distance(&word, &known).min(farthest), candidate)
    });
    scored
        .filter(|(score, _)| *score <= allowed)
        .min_by_key(|(score, _)| *score)
        .map(|(_, candidate)| candidate)
}

/// Whether a word is the beginnings of all words of a name: `vip` of `virtual_ip`, `max_conn` of `max_connections`.
fn is_short_for(word: &str, name: &str) -> bool {
    fn begins(letters: &str, words: &[&str]) -> bool {
        let [first, rest @ ..] = words else {
            return letters.is_empty();
        };
        let taken = letters
            .chars()
            .zip(first.chars())
            .take_while(|(one, other)| one == other)
            .count();
        let ends = letters.char_indices().map(|(at, _)| at).chain([letters.len()]);
        let mut ends = ends.skip(1).take(taken);
        ends.any(|end| begins(&letters[end..], rest))
    }
    let words: Vec<&str> = name.split('_').collect();
    words.len() > 1 && begins(&word.replace('_', ""), &words)
}

/// The words in backquotes, as a sentence lists all of them: "`a`, `b` and `c`".
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "and")
}

/// The words in backquotes, as a sentence offers one of them: "`a`, `b` or `c`".
pub(crate) fn offered<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "or")
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>, conjunction: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {conjunction} {last}", most.join(", ")),
    }
}

/// A name with case differences removed as Go's `bytes.EqualFold` sees them.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn normal(word: &str) -> String {
    fold(word).replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_slip_of_the_fingers_meant() {
        let known = ["expiry", "backdate", "pathlen", "pathlenzero"];
        assert_eq!(nearest("expire", known), Some("expiry"));
        assert_eq!(nearest("exipry", known), Some("expiry"));
        assert_eq!(nearest("back-date", known), Some("backdate"));
        assert_eq!(nearest("path_len", known), Some("pathlen"));
        assert_eq!(nearest("sign", ["client auth", "signing"]), Some("signing"));
        assert_eq!(
            nearest("vip", ["port", "virtual_ip", "virtual_router_id"]),
            Some("virtual_ip")
        );
        assert_eq!(nearest("max-conn", ["max_connections"]), Some("max_connections"));
        assert_eq!(nearest("vrp", ["virtual_ip"]), None);
        assert_eq!(nearest("hosts", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn lists_as_a_sentence_does() {
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(offered(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
