//! Tables and sentences for people, so that a terminal has no line to break where it likes.

use std::ops::Range;

/// What stands between two columns.
const BETWEEN: usize = 2;
/// How far what continues a line is set in.
const SET_IN: usize = 2;
/// The least room in which a last column is worth being wrapped beside the others.
const WORTH_WRAPPING: usize = 30;

/// So many of it: `1 host`, `7 hosts`.
pub fn so_many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Lines of cells below their headings, each column as wide as its widest cell. Where a line has more characters than `width`, the last
/// column is wrapped if the others leave it room; if not, each row takes several lines, of as many columns as there is room for.
pub fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]], width: Option<usize>) -> String {
    let headings = headings.map(str::to_owned);
    let rows = || std::iter::once(&headings).chain(rows);
    let widest = |column: usize| rows().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(widest);
    let width = width.unwrap_or(usize::MAX);
    let groups = groups(&widths, width);
    // Of several lines, one long cell makes not all of them long: what comes behind it makes room.
    let widths = if groups.len() > 1 {
        widths.map(|one| one.min(most(width)))
    } else {
        widths
    };
    let mut text = String::new();
    for row in rows() {
        for (number, group) in groups.iter().enumerate() {
            let set_in = if number == 0 { 0 } else { SET_IN };
            let mut line = " ".repeat(set_in);
            for column in group.clone() {
                if column > group.start {
                    line.push_str(&" ".repeat(BETWEEN));
                }
                let mut at = line.chars().count();
                if column > group.start && groups.len() > 1 && at + row[column].chars().count() > width {
                    text.push_str(line.trim_end());
                    text.push('\n');
                    at = 2 * SET_IN;
                    line = " ".repeat(at);
                }
                let is_last = column + 1 == group.end;
                match is_last {
                    true => line.push_str(&wrapped_cell(&row[column], width.saturating_sub(at), at)),
                    false => line.push_str(&format!("{:1$}", row[column], widths[column])),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// The most that a column takes for all rows where a row has several lines.
fn most(width: usize) -> usize {
    width - width / 5
}

/// Which columns stand on a line together.
fn groups(widths: &[usize], width: usize) -> Vec<Range<usize>> {
    let room_of = |columns: &[usize]| {
        columns
            .iter()
            .map(|one| (*one).min(most(width)) + BETWEEN)
            .sum::<usize>()
    };
    if let [others @ .., last] = widths {
        let taken: usize = others.iter().map(|one| one + BETWEEN).sum();
        if taken + last <= width || taken + WORTH_WRAPPING <= width {
            let all = 0..widths.len();
            return vec![all];
        }
    }
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=widths.len() {
        let set_in = if start == 0 { 0 } else { SET_IN };
        let is_full = widths.get(..=end).is_none_or(|_| {
            let columns = &widths[start..=end];
            set_in + room_of(columns) - BETWEEN > width
        });
        if is_full {
            groups.push(start..end);
            start = end;
        }
    }
    groups
}

/// A text with each line that is too long continued on the next: below its last column, or set in a little more than it is itself.
pub fn wrapped(text: &str, width: Option<usize>) -> String {
    wrapped_but(text, width, |_| false)
}

/// As [`wrapped`], but lines that `is_kept` says yes to stay as they are.
pub fn wrapped_but(text: &str, width: Option<usize>, is_kept: impl Fn(&str) -> bool) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let lines = text.lines().map(|line| {
        // A remark of TOML, which somebody copies, would be none on a second line.
        if line.trim_start().starts_with('#') || line.chars().count() <= width || is_kept(line) {
            return format!("{line}\n");
        }
        let begins = leading(line);
        // A column begins behind two spaces; one that begins far to the right leaves too little room.
        let columns = line
            .match_indices("  ")
            .map(|(at, _)| at + 2 + leading(&line[at + 2..]));
        let last = columns.filter(|at| *at > begins && at + WORTH_WRAPPING <= width).last();
        let (head, rest) = line.split_at(last.unwrap_or(begins));
        let at = head.chars().count();
        let hanging = if last.is_some() { at } else { at + SET_IN };
        let first = wrapped_cell(rest, width.saturating_sub(hanging), hanging);
        format!("{head}{first}\n")
    });
    lines.collect()
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// A cell of so many characters a line, the second and later ones of them set in; a word that is longer stays whole.
fn wrapped_cell(cell: &str, width: usize, set_in: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut text = String::new();
    let mut taken = 0;
    for word in cell.split(' ') {
        let length = word.chars().count();
        if taken > 0 && taken + 1 + length > width {
            text.push('\n');
            text.push_str(&" ".repeat(set_in));
            taken = 0;
        } else if taken > 0 {
            text.push(' ');
            taken += 1;
        }
        text.push_str(word);
        taken += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[&str; 4]; 2] = [
        ["node1", "0644", "/etc/a-long-path", "what it is in some words"],
        ["node2", "0600", "/etc/b", "short"],
    ];

    fn at(width: Option<usize>) -> String {
        let rows = ROWS.map(|row| row.map(str::to_owned));
        table(["HOST", "MODE", "PATH", "WHAT"], &rows, width)
    }

    #[test]
    fn a_table_that_has_room_is_one_line_a_row() {
        assert_eq!(
            at(None),
            "HOST   MODE  PATH              WHAT\n\
             node1  0644  /etc/a-long-path  what it is in some words\n\
             node2  0600  /etc/b            short\n"
        );
        assert_eq!(at(Some(55)), at(None));
    }

    #[test]
    fn rows_are_folded_where_there_is_none() {
        assert_eq!(
            at(Some(30)),
            "HOST   MODE  PATH\n  WHAT\n\
             node1  0644  /etc/a-long-path\n  what it is in some words\n\
             node2  0600  /etc/b\n  short\n"
        );
        // Of any width, nothing is lost, and nothing is wider that has a space to be broken at.
        let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for width in 18..80 {
            let text = at(Some(width));
            assert_eq!(words(&text), words(&at(None)));
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{width}: {text}"
            );
        }
    }

    #[test]
    fn the_last_column_is_wrapped_below_itself() {
        let rows = [[
            "code".to_owned(),
            "one two three four five six seven eight nine".to_owned(),
        ]];
        assert_eq!(
            table(["CODE", "TITLE"], &rows, Some(40)),
            "CODE  TITLE\ncode  one two three four five six seven\n      eight nine\n"
        );
    }

    #[test]
    fn sentences_are_continued_below_their_column() {
        assert_eq!(
            wrapped(
                "1.14  etcd 3.3 and what else there is to say of it\nplain words that go on and on for longer than the line is\n",
                Some(40)
            ),
            "1.14  etcd 3.3 and what else there is to\n      say of it\n\
             plain words that go on and on for\n  longer than the line is\n"
        );
        assert_eq!(wrapped("a  b\n", None), "a  b\n");
    }
}
