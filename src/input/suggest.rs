//! "Did you mean": the known word nearest to one that is not known.

/// Words longer than this are nobody's typing mistake.
const LONGEST: usize = 64;

/// The candidate that `word` is a typing mistake of, if one is near enough; the first of those equally near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().count() > LONGEST {
        return None;
    }
    let word = normal(word);
    let allowed = (word.len() / 3).max(1);
    // A word cut short is as near as one wrong letter.
    let scored = candidates.into_iter().map(|candidate| {
        let known = normal(candidate);
        let cut_short = word.len() >= 3 && known.starts_with(&word);
        let farthest = if cut_short { 1 } else { usize::MAX };
        (distance(&word, &known).min(farthest), candidate)
    });
    scored
        .filter(|(score, _)| *score <= allowed)
        .min_by_key(|(score, _)| *score)
        .map(|(_, candidate)| candidate)
}

/// The words in backquotes, as a sentence lists all of them: "`a`, `b` and `c`".
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "and")
}

/// The words in backquotes, as a sentence offers one of them: "`a`, `b` or `c`".
pub fn offered<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
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
pub fn fold(name: &str) -> String {
    name.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn normal(word: &str) -> Vec<char> {
    fold(word)
        .chars()
        .map(|c| if matches!(c, '-' | ' ') { '_' } else { c })
        .collect()
}

/// Insertions, deletions, replacements and exchanges of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
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
