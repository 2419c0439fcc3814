//! The index at the top of a golden: the version of its format, the fingerprint of the seed, and every file.
//!
//! The version tells a golden of an older khw-gen from a cluster that has changed; the list, what may be replaced.

use std::collections::BTreeSet;

use super::readable::FINGERPRINT;
use crate::bundle::check_path;

/// The name of the index.
pub const INDEX: &str = "GOLDEN";

/// The version of the format. It changes with how texts are made of files, not with what the files hold.
pub const FORMAT: u32 = 1;

const HEADER: &str = "# khw-gen golden ";
const SEED: &str = "# seed ";

/// Why a text is no index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("its {INDEX} is not the index of a golden")]
    NoIndex,
    /// A golden of another version of the format.
    #[error("it is a golden of format {}, and this khw-gen {}", .0, match .0 > &FORMAT {
        true => format!("knows {FORMAT}: use the khw-gen that wrote it, or a later one"),
        false => format!("compares {FORMAT}: write it anew with khw-gen golden write"),
    })]
    Format(u32),
    /// The number of a line that is not what it should be.
    #[error("line {0} of its {INDEX} is not a path")]
    Line(usize),
}

/// The text of the index over these paths; `seed` is the fingerprint of the seed.
pub fn text<'a>(seed: &str, paths: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = format!("{HEADER}{FORMAT}\n{SEED}{FINGERPRINT}{seed}\n");
    for path in paths {
        text.push_str(path);
        text.push('\n');
    }
    text
}

/// The paths in an index of this format.
pub fn paths(text: &str) -> Result<BTreeSet<&str>, IndexError> {
    read(text, |format| format == FORMAT)
}

/// The paths in an index of this format or an earlier one: what may be replaced by a golden of this format.
pub fn replaceable(text: &str) -> Result<BTreeSet<&str>, IndexError> {
    read(text, |format| format <= FORMAT)
}

fn read(text: &str, is_known: impl Fn(u32) -> bool) -> Result<BTreeSet<&str>, IndexError> {
    let mut lines = text.lines().zip(1..);
    let header = lines.next().and_then(|(line, _)| line.strip_prefix(HEADER));
    match header.and_then(|format| format.parse().ok()) {
        None => return Err(IndexError::NoIndex),
        Some(format) if is_known(format) => {}
        Some(format) => return Err(IndexError::Format(format)),
    }
    lines
        .filter(|(line, _)| !line.starts_with(SEED))
        .map(|(line, number)| check_path(line).map(|()| line).map_err(|_| IndexError::Line(number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_back_and_another_format_is_told_apart() {
        let written = text("00ff", ["a/b c", "a/d"]);
        assert_eq!(
            paths(&written).unwrap().into_iter().collect::<Vec<_>>(),
            ["a/b c", "a/d"]
        );
        let other = |format: &str| {
            paths(&written.replace("golden 1", &format!("golden {format}")))
                .unwrap_err()
                .to_string()
        };
        assert!(replaceable(&written.replace("golden 1", "golden 0")).is_ok());
        assert!(replaceable(&written.replace("golden 1", "golden 2")).is_err());
        assert!(other("2").contains("later one") && other("0").contains("golden write"));
        assert_eq!(
            paths(&written.replace("golden 1", "golden x")),
            Err(IndexError::NoIndex)
        );
        assert_eq!(paths(""), Err(IndexError::NoIndex));
        assert_eq!(paths(&format!("{written}../x\n")), Err(IndexError::Line(5)));
    }
}
