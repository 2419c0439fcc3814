//! What is different between a golden as found and what it would be now: missing, unexpected and different told apart.
//!
//! Where two makings of the expected text differ, the golden may hold anything of the same shape, but always the same: what
//! stands for one value in one place stands for it everywhere. A golden as found may hold anything by mistake, also the secret
//! that it should have kept out: a line of it is shown only where it can't be one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::readable::{FINGERPRINT, SECRET_FILE, mentions_private_key};
use super::{Expected, HostGolden, index};
use crate::bundle::check_path;
use crate::diagnostic::is_unsafe;

/// The most lines of a difference that are shown for a file.
const MOST_LINES: usize = 20;
/// The most files of which lines are shown; all are named.
const MOST_EXCERPTS: usize = 50;
/// How many equal lines stand around a difference.
const CONTEXT: usize = 2;
const LONGEST_LINE: usize = 500;
/// The largest table of common lines; beyond it, all lines between the first and the last difference are taken for different.
const LARGEST_TABLE: usize = 4_000_000;
/// The fewest digits of a value that is followed through the golden: shorter ones may be equal by chance.
const FEWEST_DIGITS: usize = 16;

/// How a golden differs from the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In the golden, and no longer in the output.
    Missing,
    /// In the output, and not in the golden.
    Unexpected,
    /// In both.
    Different,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: Kind,
    /// Of a file, or of a host with a slash at its end.
    pub path: String,
    /// What is to be said of it.
    pub remark: Option<String>,
    /// `-` is the golden, `+` the output.
    pub lines: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = visible(&self.path);
        match self.kind {
            Kind::Missing => write!(f, "missing:    {path}: in the golden, no longer in the output")?,
            Kind::Unexpected => write!(f, "unexpected: {path}: in the output, not in the golden")?,
            Kind::Different => write!(f, "different:  {path}")?,
        }
        if let Some(remark) = &self.remark {
            write!(f, " ({remark})")?;
        }
        // The bar keeps a line from being a command to what reads the log of a CI.
        self.lines.iter().try_for_each(|line| write!(f, "\n    | {line}"))
    }
}

/// What is at a path of a golden.
#[derive(Clone, Copy, Debug)]
pub enum GoldenFile<'a> {
    File(&'a [u8]),
    /// A symbolic link, a device, a pipe.
    Other,
}

/// A golden compared with the output, one host after the other.
#[derive(Debug, Default)]
pub struct Comparison {
    pub differences: Vec<Difference>,
    /// How many files there are of which nothing could be compared but that they are there.
    pub unchecked: usize,
    values: Values,
    excerpts: usize,
    /// Every path that the output has.
    paths: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Comparison {
    /// Compares a host's folder; none is a golden that has no such host.
    pub fn host(&mut self, host: &str, expected: &HostGolden, found: Option<&BTreeMap<String, GoldenFile<'_>>>) {
        self.hosts.insert(host.to_owned());
        self.paths.extend(expected.keys().map(|path| format!("{host}/{path}")));
        let Some(found) = found else {
            return self.whole_host(Kind::Unexpected, host, expected.len());
        };
        for path in found.keys().filter(|path| !expected.contains_key(*path)) {
            self.report(Kind::Missing, format!("{host}/{path}"), None, Vec::new());
        }
        for (path, expected) in expected {
            let path_in_golden = format!("{host}/{path}");
            match found.get(path) {
                None => self.report(Kind::Unexpected, path_in_golden, None, Vec::new()),
                Some(GoldenFile::Other) => {
                    let remark = "it is no file in the golden".to_owned();
                    self.report(Kind::Different, path_in_golden, Some(remark), Vec::new());
                }
                Some(GoldenFile::File(found)) => self.file(path_in_golden, expected, found),
            }
        }
    }

    /// Something at the top of the golden that is no host of the cluster; `files` are none for what is no folder.
    pub fn not_a_host(&mut self, name: &str, files: Option<usize>) {
        match files {
            Some(files) => self.whole_host(Kind::Missing, name, files),
            None => self.report(Kind::Missing, name.to_owned(), None, Vec::new()),
        }
    }

    /// Compares the index, when all hosts have been; what it says of files that were reported is not said again.
    pub fn index(&mut self, seed: &Expected, found: &str) {
        let reported: BTreeSet<&str> = self
            .differences
            .iter()
            .filter(|difference| difference.kind != Kind::Different)
            .map(|difference| difference.path.as_str())
            .collect();
        let is_reported = |path: &str| {
            let host = path.split_once('/').map_or(path, |(host, _)| host);
            reported.contains(path) || reported.contains(format!("{host}/").as_str())
        };
        let of = |seed: &str| {
            index::text(
                seed,
                self.paths.iter().map(String::as_str).filter(|path| !is_reported(path)),
            )
        };
        let expected = Expected {
            text: of(&seed.text),
            other: seed.other.as_deref().map(of),
            from_secret: false,
        };
        let found: String = found
            .split_inclusive('\n')
            .filter(|line| !is_reported(line.trim_end()))
            .collect();
        let same_seed = seed.other.is_some() || found.contains(&seed.text);
        let before = self.differences.len();
        // It is shown first, and so always.
        self.excerpts = 0;
        self.file(index::INDEX.to_owned(), &expected, found.as_bytes());
        if let (Some(difference), false) = (self.differences.get_mut(before), same_seed) {
            difference.remark = Some("made from another seed, or the cluster has another name".to_owned());
        }
        // What concerns all of it comes first.
        let reported = self.differences.len() - before;
        self.differences.rotate_right(reported);
    }

    fn whole_host(&mut self, kind: Kind, host: &str, files: usize) {
        let remark = format!("{files} files");
        self.report(kind, format!("{host}/"), Some(remark), Vec::new());
    }

    fn file(&mut self, path: String, expected: &Expected, found: &[u8]) {
        let Ok(text) = std::str::from_utf8(found) else {
            let remark = "the golden is no text".to_owned();
            return self.report(Kind::Different, path, Some(remark), Vec::new());
        };
        let Some(patterns) = patterns(expected) else {
            self.unchecked += 1;
            return;
        };
        let golden: Vec<&str> = text.split_inclusive('\n').collect();
        let mut remark = None;
        let mut steps = steps(&golden, &patterns);
        if !self.values.all_fit(&mut steps, &golden, &patterns) {
            remark = Some("what stands for one value here stands for another elsewhere in the golden".to_owned());
        }
        if steps.iter().all(|step| matches!(step, Step::Same(..))) {
            return;
        }
        let mut lines = Vec::new();
        if mentions_private_key(found) {
            remark = Some("the golden holds a private key, which is not shown and has to be replaced".to_owned());
        } else if self.excerpts < MOST_EXCERPTS {
            lines = excerpt(&steps, &golden, &patterns, expected);
        } else {
            remark = remark.or_else(|| Some("lines are shown for the first files only".to_owned()));
        }
        self.excerpts += 1;
        self.report(Kind::Different, path, remark, lines);
    }

    fn report(&mut self, kind: Kind, path: String, remark: Option<String>, lines: Vec<String>) {
        self.differences.push(Difference {
            kind,
            path,
            remark,
            lines,
        });
    }
}

// --- what may stand in a line ------------------------------------------------------------------------------------------

/// A line that is expected.
#[derive(Debug)]
enum Pattern<'a> {
    Exactly(&'a str),
    Words(Vec<Word<'a>>),
    Anything,
}

#[derive(Debug)]
enum Word<'a> {
    Exactly(&'a str),
    /// What two makings have in one place.
    Differs {
        one: &'a str,
        other: &'a str,
    },
}

impl Pattern<'_> {
    fn fits(&self, line: &str) -> bool {
        match self {
            Pattern::Exactly(text) => line == *text,
            Pattern::Words(expected) => {
                let found = words(line);
                found.len() == expected.len() && expected.iter().zip(found).all(|(word, found)| word.fits(found))
            }
            Pattern::Anything => true,
        }
    }

    fn shown(&self) -> String {
        match self {
            Pattern::Exactly(text) => (*text).to_owned(),
            Pattern::Anything => "*\n".to_owned(),
            Pattern::Words(words) => words
                .iter()
                .map(|word| match word {
                    Word::Exactly(text) => text,
                    Word::Differs { .. } => "*",
                })
                .collect(),
        }
    }
}

impl Word<'_> {
    fn fits(&self, found: &str) -> bool {
        match self {
            Word::Exactly(text) => found == *text,
            Word::Differs { one, other } => {
                let same_length = one.len() != other.len() || found.len() == one.len();
                let same_digits = !is_hexadecimal(one) || !is_hexadecimal(other) || is_hexadecimal(found);
                same_length && same_digits
            }
        }
    }
}

fn is_hexadecimal(word: &str) -> bool {
    word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Runs of letters and digits, and each other character.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let end = match first.is_alphanumeric() {
            true => rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

/// The lines that are expected; none if two makings don't even have as many.
fn patterns(expected: &Expected) -> Option<Vec<Pattern<'_>>> {
    let lines = expected.text.split_inclusive('\n');
    let Some(other) = &expected.other else {
        return Some(lines.map(Pattern::Exactly).collect());
    };
    let others: Vec<&str> = other.split_inclusive('\n').collect();
    let lines: Vec<&str> = lines.collect();
    if lines.len() != others.len() {
        return None;
    }
    Some(
        lines
            .into_iter()
            .zip(others)
            .map(|(one, other)| pattern(one, other))
            .collect(),
    )
}

fn pattern<'a>(one: &'a str, other: &'a str) -> Pattern<'a> {
    if one == other {
        return Pattern::Exactly(one);
    }
    let (ones, others) = (words(one), words(other));
    if ones.len() != others.len() {
        return Pattern::Anything;
    }
    let pairs = ones.into_iter().zip(others);
    Pattern::Words(
        pairs
            .map(|(one, other)| match one == other {
                true => Word::Exactly(one),
                false => Word::Differs { one, other },
            })
            .collect(),
    )
}

/// What stands in the golden for what two makings have, and the other way round.
#[derive(Debug, Default)]
struct Values {
    found: BTreeMap<(String, String), String>,
    meant: BTreeMap<String, (String, String)>,
}

impl Values {
    /// Takes lines that fit for different where a value is not the one that it is elsewhere; whether there was none.
    fn all_fit(&mut self, steps: &mut Vec<Step>, golden: &[&str], patterns: &[Pattern<'_>]) -> bool {
        let before = steps.len();
        *steps = std::mem::take(steps)
            .into_iter()
            .flat_map(|step| match step {
                Step::Same(line, pattern) if !self.fit(&patterns[pattern], golden[line]) => {
                    vec![Step::Golden(line), Step::Output(pattern)]
                }
                step => vec![step],
            })
            .collect();
        steps.len() == before
    }

    fn fit(&mut self, pattern: &Pattern<'_>, line: &str) -> bool {
        let Pattern::Words(expected) = pattern else { return true };
        expected.iter().zip(words(line)).all(|(word, found)| match word {
            Word::Differs { one, other } if one.len() >= FEWEST_DIGITS && is_hexadecimal(one) => {
                let makings = ((*one).to_owned(), (*other).to_owned());
                match (self.found.get(&makings), self.meant.get(found)) {
                    (None, None) => {
                        self.found.insert(makings.clone(), found.to_owned());
                        self.meant.insert(found.to_owned(), makings);
                        true
                    }
                    (before, _) => before.is_some_and(|before| before == found),
                }
            }
            _ => true,
        })
    }
}

// --- lines that differ -------------------------------------------------------------------------------------------------

/// One line on the way from the golden to the output, by its numbers from 0.
#[derive(Clone, Copy, Debug)]
enum Step {
    Same(usize, usize),
    /// In the golden alone.
    Golden(usize),
    /// In the output alone.
    Output(usize),
}

fn steps(golden: &[&str], patterns: &[Pattern<'_>]) -> Vec<Step> {
    let fits = |line: usize, pattern: usize| patterns[pattern].fits(golden[line]);
    let (lines, expected) = (golden.len(), patterns.len());
    let shorter = lines.min(expected);
    let start = (0..shorter).take_while(|at| fits(*at, *at)).count();
    let end = (0..shorter - start)
        .take_while(|at| fits(lines - 1 - at, expected - 1 - at))
        .count();
    let mut steps: Vec<Step> = (0..start).map(|at| Step::Same(at, at)).collect();
    between(start..lines - end, start..expected - end, fits, &mut steps);
    steps.extend((0..end).rev().map(|at| Step::Same(lines - 1 - at, expected - 1 - at)));
    steps
}

/// The longest common subsequence of lines.
fn between(
    golden: std::ops::Range<usize>,
    output: std::ops::Range<usize>,
    fits: impl Fn(usize, usize) -> bool,
    steps: &mut Vec<Step>,
) {
    let (height, width) = (golden.len(), output.len());
    if height.saturating_mul(width) > LARGEST_TABLE {
        steps.extend(golden.map(Step::Golden));
        steps.extend(output.map(Step::Output));
        return;
    }
    let at = |line: usize, pattern: usize| line * (width + 1) + pattern;
    let mut longest = vec![0_u32; (height + 1) * (width + 1)];
    for line in (0..height).rev() {
        for pattern in (0..width).rev() {
            longest[at(line, pattern)] = match fits(golden.start + line, output.start + pattern) {
                true => longest[at(line + 1, pattern + 1)] + 1,
                false => longest[at(line + 1, pattern)].max(longest[at(line, pattern + 1)]),
            };
        }
    }
    let (mut line, mut pattern) = (0, 0);
    while line < height || pattern < width {
        let both = line < height && pattern < width;
        if both && fits(golden.start + line, output.start + pattern) {
            steps.push(Step::Same(golden.start + line, output.start + pattern));
            (line, pattern) = (line + 1, pattern + 1);
        } else if line < height && (!both || longest[at(line + 1, pattern)] >= longest[at(line, pattern + 1)]) {
            steps.push(Step::Golden(golden.start + line));
            line += 1;
        } else {
            steps.push(Step::Output(output.start + pattern));
            pattern += 1;
        }
    }
}

fn excerpt(steps: &[Step], golden: &[&str], patterns: &[Pattern<'_>], expected: &Expected) -> Vec<String> {
    let is_same = |step: &Step| matches!(step, Step::Same(..));
    let is_near = |at: usize| {
        let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(steps.len());
        steps[around].iter().any(|step| !is_same(step))
    };
    let showable = Showable::of(expected);
    let mut lines = Vec::new();
    let mut line = 0;
    let mut last = None;
    for (at, step) in steps.iter().enumerate() {
        if let Step::Same(number, _) | Step::Golden(number) = step {
            line = number + 1;
        }
        if !is_near(at) {
            continue;
        }
        if lines.len() >= MOST_LINES {
            let more = steps[at..].iter().filter(|step| !is_same(step)).count();
            if more > 0 {
                lines.push(format!("… {more} more lines differ"));
            }
            break;
        }
        if last.is_none_or(|last| last + 1 < at) {
            lines.push(format!("@@ line {} @@", line.max(1)));
        }
        last = Some(at);
        lines.push(match step {
            Step::Same(_, pattern) => format!("  {}", shown(&patterns[*pattern].shown())),
            Step::Output(pattern) => format!("+ {}", shown(&patterns[*pattern].shown())),
            Step::Golden(number) if showable.may_show(golden[*number]) => format!("- {}", shown(golden[*number])),
            Step::Golden(_) => "- (a line that no golden has here: not shown)".to_owned(),
        });
    }
    lines
}

fn shown(line: &str) -> String {
    let text = visible(line.strip_suffix('\n').unwrap_or(line));
    let mut shown: String = text.chars().take(LONGEST_LINE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    if !line.ends_with('\n') {
        shown.push_str(" (no newline at the end)");
    }
    shown
}

fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if is_unsafe(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Which lines of a golden as found may be shown: of what is made of a secret file, only those that a golden could have.
struct Showable<'a> {
    from_secret: bool,
    expected: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Showable<'a> {
    fn of(expected: &'a Expected) -> Showable<'a> {
        let mut lines: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in expected.text.lines() {
            let (label, value) = label_and_value(line);
            lines.entry(label).or_default().insert(value);
        }
        Showable {
            from_secret: expected.from_secret,
            expected: lines,
        }
    }

    fn may_show(&self, line: &str) -> bool {
        let (label, value) = label_and_value(line);
        let is_whole_file = is_fingerprint(label.strip_prefix(SECRET_FILE).unwrap_or_default().trim());
        if !self.from_secret || is_whole_file || is_row_of_manifest(line) {
            return true;
        }
        match self.expected.get(label) {
            None => value.is_empty() && (is_heading(label) || PROVIDERS.contains(&label)),
            Some(values) if values.contains(value) => true,
            Some(values) if values.iter().any(|value| value.starts_with(FINGERPRINT)) => is_fingerprint(value),
            Some(values) if values.iter().all(|value| value.is_empty()) => false,
            Some(_) => !could_be_key(value),
        }
    }
}

fn label_and_value(line: &str) -> (&str, &str) {
    let line = line.trim().trim_start_matches([' ', '-', '#']);
    line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""))
}

fn is_fingerprint(text: &str) -> bool {
    let digits = text.strip_prefix(FINGERPRINT);
    digits.is_some_and(|digits| digits.len() == 32 && is_hexadecimal(digits))
}

/// Those of an encryption configuration: another one is no secret.
const PROVIDERS: [&str; 4] = ["secretbox", "aescbc", "aesgcm", "identity"];

/// A row without a digest, such as `0600 sha256 rootfs/root/admin.kubeconfig`.
fn is_row_of_manifest(line: &str) -> bool {
    let mut fields = line.trim_end().splitn(3, ' ');
    let is_mode = |mode: &str| mode.len() == 4 && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    fields.next().is_some_and(is_mode)
        && matches!(fields.next(), Some("sha256" | "-"))
        && fields
            .next()
            .is_some_and(|path| check_path(path.trim_end_matches('/')).is_ok())
}

/// The first line of a description, such as `Private key [EC PRIVATE KEY]`.
fn is_heading(line: &str) -> bool {
    let headings = ["Private key", "Certificate", "Certificate request", "Public key"];
    line.strip_suffix(']')
        .and_then(|line| line.split_once(" ["))
        .is_some_and(|(heading, label)| {
            headings.contains(&heading)
                && ["KEY", "CERTIFICATE", "REQUEST"].iter().any(|end| label.ends_with(end))
                && label.len() <= 30
                && label.chars().all(|c| c.is_ascii_uppercase() || c == ' ')
        })
}

/// Whether there is a run of base64 that is no hexadecimal number.
fn could_be_key(value: &str) -> bool {
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)))
        .any(|word| word.len() >= 20 && !is_hexadecimal(word))
}
