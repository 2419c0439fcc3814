//! Diagnostics as text in the manner of rustc, and as JSON for programs.
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::code::Severity;
use super::problem::{Diagnostic, SourceFile, order};
use crate::json_document::JsonKind;
use crate::secrecy::starred;

/// A span over more lines than these shows only the first of them.
const LINES_SHOWN: usize = 4;
/// A line longer than this is cut around the place, so that a file of one line stays readable.
const WIDTH: usize = 140;

/// The diagnostics as plain text, by file and place, with a last line that counts them. Empty when there are none.
pub fn render_text(diagnostics: &[Diagnostic]) -> String {
    render_text_within(diagnostics, None)
}

/// The same, where the lines of a terminal have `width` characters: source is cut to them.
pub fn render_text_within(diagnostics: &[Diagnostic], width: Option<usize>) -> String {
    let renderer = Renderer::plain().term_width(width.map_or(WIDTH, |width| width.min(WIDTH)));
    let mut lines = LineTable::default();
    let mut text = String::new();
    for diagnostic in sorted(diagnostics) {
        text.push_str(&renderer.render(&[group(diagnostic, &mut lines)]));
        text.push_str("\n\n");
    }
    if !diagnostics.is_empty() {
        text.push_str(&summary(diagnostics));
        text.push('\n');
    }
    text
}

/// The diagnostics as a document for programs, in the order of the text.
pub fn render_json(diagnostics: &[Diagnostic]) -> String {
    let document = JsonKind::Diagnostics.document([("diagnostics", as_json(diagnostics))]);
    format!("{document}\n")
}

/// A list of objects, in the order of the text; lines and columns count from 1, columns in characters. A diagnostic of no place has
/// `null` for file, line and column.
pub fn as_json(diagnostics: &[Diagnostic]) -> Value {
    let list = regions(diagnostics).into_iter().map(|(diagnostic, region)| {
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity.name(),
            "message": diagnostic.message,
            "file": diagnostic.place.as_ref().map(|place| &place.file.name),
            "line": region.map(|region| region.start.0),
            "column": region.map(|region| region.start.1),
            "end_line": region.map(|region| region.end.0),
            "end_column": region.map(|region| region.end.1),
            "hint": diagnostic.hint,
        })
    });
    list.collect::<Vec<Value>>().into()
}

/// Lines and columns, both from 1, columns in characters: of the first, and of the one after the last.
#[derive(Clone, Copy)]
pub(crate) struct Region {
    pub start: (usize, usize),
    pub end: (usize, usize),
}

/// Each with where it stands in its file, in the order of the text.
pub(super) fn regions(diagnostics: &[Diagnostic]) -> Vec<(&Diagnostic, Option<Region>)> {
    let mut lines = LineTable::default();
    let mut region = |diagnostic: &Diagnostic| {
        let place = diagnostic.place.as_ref()?;
        let starts = lines.starts(&place.file);
        let span = clamp(&place.file.text, &place.span);
        let [start, end] = [span.start, span.end].map(|at| position(&place.file.text, starts, at));
        Some(Region { start, end })
    };
    let sorted = sorted(diagnostics).into_iter();
    sorted.map(|diagnostic| (diagnostic, region(diagnostic))).collect()
}

fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut list: Vec<&Diagnostic> = diagnostics.iter().collect();
    list.sort_by(|a, b| -> Ordering { order(a).cmp(&order(b)) });
    list
}

fn group<'a>(diagnostic: &'a Diagnostic, lines: &mut LineTable) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(visible(&diagnostic.message)).id(diagnostic.code));
    if let Some(place) = &diagnostic.place {
        let excerpt = Excerpt::around(&place.file.text, lines.starts(&place.file), &place.span);
        group = group.element(
            Snippet::source(excerpt.text)
                .line_start(excerpt.first_line)
                .path(visible(&place.file.name))
                .annotation(AnnotationKind::Primary.span(excerpt.span)),
        );
    }
    if !diagnostic.hint.is_empty() {
        group = group.element(Level::HELP.message(visible(&diagnostic.hint)));
    }
    group
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let count = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count();
        if count > 0 {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{}", severity.counted(count));
        }
    }
    text
}

/// The lines of a source that a span touches, made safe to print: no secret is shown, nothing steers a terminal.
struct Excerpt {
    text: String,
    first_line: usize,
    span: Range<usize>,
}

impl Excerpt {
    fn around(text: &str, starts: &[usize], span: &Range<usize>) -> Excerpt {
        let span = clamp(text, span);
        let line = line_of(starts, span.start);
        let last = line_of(starts, span.end).clamp(line, line + LINES_SHOWN - 1);
        let start = starts[line];
        let end = starts.get(last + 1).map_or(text.len(), |next| next - 1);
        let span = span.start.min(end)..span.end.clamp(span.start.min(end), end);
        let lines = starred(&text[start..end]);
        let (before, rest) = lines.split_at(span.start - start);
        let (within, after) = rest.split_at(span.end - span.start);
        let (before, within) = (visible_source(before), visible_source(within));
        let span = before.len()..before.len() + within.len();
        Excerpt {
            text: before + &within + &visible_source(after),
            first_line: line + 1,
            span,
        }
    }
}

/// A span that lies within `text` and on its character boundaries, whatever `span` says.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |index: usize| {
        (0..=index.min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0)
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Where lines begin, once for each file.
#[derive(Default)]
struct LineTable(BTreeMap<*const SourceFile, Vec<usize>>);

impl LineTable {
    fn starts(&mut self, file: &Arc<SourceFile>) -> &[usize] {
        self.0.entry(Arc::as_ptr(file)).or_insert_with(|| {
            std::iter::once(0)
                .chain(file.text.match_indices('\n').map(|(at, _)| at + 1))
                .collect()
        })
    }
}

fn line_of(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|&start| start <= offset).saturating_sub(1)
}

fn position(text: &str, starts: &[usize], offset: usize) -> (usize, usize) {
    let line = line_of(starts, offset);
    (line + 1, text[starts[line]..offset].chars().count() + 1)
}

/// Control characters and those that change the direction of writing, as something that a terminal only shows.
fn visible(text: &str) -> String {
    visible_but(text, &[])
}

/// As [`visible`], but lines stay lines and tabs stay tabs.
fn visible_source(text: &str) -> String {
    visible_but(text, &['\n', '\t'])
}

fn visible_but(text: &str, kept: &[char]) -> String {
    let shown = |c| match is_unsafe(c) && !kept.contains(&c) {
        true => stand_in(c),
        false => c,
    };
    text.chars().map(shown).collect()
}

/// Whether a character could steer a terminal, or hide or turn around what stands beside it.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn stand_in(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}
