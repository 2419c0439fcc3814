//! What differs between what a file said and what it says, in words.

use std::collections::BTreeMap;

use super::meaning::{Fact, Labelled};

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}

/// What is worth saying of a file that was not there before.
pub(super) fn summary(facts: &[Labelled]) -> Vec<String> {
    facts
        .iter()
        .filter_map(|(label, fact)| match fact {
            Fact::Key(fingerprint) => Some(format!("{label} sha256:{}", short(fingerprint))),
            Fact::List(items) if label.ends_with("SAN") && !items.is_empty() => {
                Some(format!("{label} {}", items.join(", ")))
            }
            Fact::Value(text) if label.ends_with("not after") => Some(format!("{label} {text}")),
            _ => None,
        })
        .collect()
}

/// Each difference between two lists of facts, in words.
pub(super) fn differences(old: &[Labelled], new: &[Labelled]) -> Vec<String> {
    let (before, after) = (by_label(old), by_label(new));
    let gone = old.iter().filter(|(label, _)| !after.contains_key(label.as_str()));
    let labels = new.iter().chain(gone).map(|(label, _)| label.as_str());
    let mut details = Vec::new();
    let mut marks = Vec::new();
    for label in labels {
        match (before.get(label).copied(), after.get(label).copied()) {
            (Some(before), Some(after)) if before == after => {
                // Made from a seed that stands in, a key is a mark, which is the same or is not.
                if matches!(after, Fact::Key(_)) || matches!(after, Fact::Mark(_)) && label.ends_with("key") {
                    marks.push(format!("same {label}"));
                }
            }
            (Some(Fact::Mark(_)), Some(Fact::Mark(_))) if label.ends_with("bytes") => {
                // Worth a word only where nothing else says that the certificate is another one.
                marks.push(label.replace("bytes", "signed again"));
            }
            (Some(Fact::Mark(_)), Some(Fact::Mark(_))) => marks.push(format!("new {label}")),
            (before, after) => details.extend(difference(label, before, after)),
        }
    }
    let changed = !details.is_empty() || marks.iter().any(|mark| !mark.starts_with("same "));
    if changed {
        let renewed = marks.iter().any(|mark| mark.starts_with("new "));
        // That a key stayed is news where its certificate did not; that it was signed again, where its number stayed.
        marks.retain(|mark| match mark.starts_with("same ") {
            true => renewed,
            false => !(renewed && mark.ends_with("signed again")),
        });
        if !marks.is_empty() {
            details.push(marks.join("; "));
        }
    }
    details
}

/// Of facts with one label the first counts.
fn by_label(facts: &[Labelled]) -> BTreeMap<&str, &Fact> {
    facts.iter().rev().map(|(label, fact)| (label.as_str(), fact)).collect()
}

fn difference(label: &str, before: Option<&Fact>, after: Option<&Fact>) -> Vec<String> {
    let named = |sign: char, item: &str| match label {
        "" => format!("{sign} {item}"),
        "SAN" => format!("{sign} SAN {item}"),
        _ => format!("{label} {sign} {item}"),
    };
    match (before, after) {
        (Some(Fact::Value(before)), Some(Fact::Value(after))) => vec![format!("{label} {before} -> {after}")],
        (Some(Fact::Key(before)), Some(Fact::Key(after))) => {
            vec![format!(
                "new {label} sha256:{} -> sha256:{}",
                short(before),
                short(after)
            )]
        }
        (Some(Fact::Hidden(_)), Some(_)) | (Some(_), Some(Fact::Hidden(_))) => vec![format!("{label} changed")],
        (Some(Fact::Hidden(_)), None) => vec![format!("{label} removed")],
        (None, Some(Fact::Hidden(_))) => vec![format!("{label} added")],
        (Some(Fact::Mark(_)), None) | (None, Some(Fact::Mark(_))) => Vec::new(),
        (before, after) => {
            let (old, new) = (items(before), items(after));
            let removed = without(&old, &new).map(|item| named('-', item));
            let added = without(&new, &old).map(|item| named('+', item));
            let changed: Vec<String> = removed.chain(added).collect();
            match changed.is_empty() && old != new {
                true => vec![format!("{label} in another order").trim_start().to_owned()],
                false => changed,
            }
        }
    }
}

fn items(fact: Option<&Fact>) -> Vec<&str> {
    match fact {
        Some(Fact::List(items) | Fact::Lines(items)) => items.iter().map(String::as_str).collect(),
        Some(Fact::Value(text)) => vec![text],
        Some(Fact::Key(fingerprint)) => vec![short(fingerprint)],
        Some(Fact::Hidden(_) | Fact::Mark(_)) | None => Vec::new(),
    }
}

/// The items of `list` that are not in `other`, each as often as it is more often there.
fn without<'a>(list: &'a [&'a str], other: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for item in other {
        *left.entry(item).or_default() += 1;
    }
    list.iter()
        .filter(move |item| match left.get_mut(**item) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .copied()
}
