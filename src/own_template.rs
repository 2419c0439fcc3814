//! The user's templates: the only other place that knows the template engine. It sees facts, and no secret can reach it.
//!
//! What a template is for is not known here, so values are written as they are. What can't be a value of any kind of file is
//! refused: something undefined, a control character, nothing at all.

use std::io;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};

use crate::facts::Facts;

/// Far more than any file of a host needs.
const LARGEST_OUTPUT: usize = 4 << 20;

/// Steps of the engine: a loop in a loop in a loop is a mistake.
const FUEL: u64 = 5_000_000;

/// The engine goes deeper into its stack with each operator of an expression, each block in a block and each macro that calls another,
/// and a stack that is full is no diagnostic: the program is gone, with the seed in its memory. Longer is nothing that people write.
const LONGEST_TEMPLATE: usize = 1 << 20;
const LONGEST_TAG: usize = 1_000;
const DEEPEST_BLOCK: usize = 50;
const DEEPEST_CALL: usize = 50;

/// After so many problems a template is read again first.
const MOST_PROBLEMS: usize = 50;

const NAME: &str = "template";

/// What can stand wherever an expression can: it is written, compared and gone through.
const AN_EXPRESSION: &[&str] = &["''", "0"];

/// What is wrong with a template, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub message: String,
    pub span: Range<usize>,
    /// What may stand there instead, so that the rest can be tried: the first that is short enough.
    harmless: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    Syntax,
    /// A variable is not there; `name` is what is looked up.
    Undefined,
    /// It can be read, but not rendered.
    Failed,
}

/// The text that `template` makes of the facts.
pub fn render(template: &str, facts: &Facts) -> Result<Vec<u8>, Problem> {
    if let Some(problem) = beyond(template) {
        return Err(problem);
    }
    let environment = environment(template).map_err(|error| problem(template, &error))?;
    let mut text = Limited(Vec::new());
    let rendered = environment
        .get_template(NAME)
        .and_then(|found| found.render_captured_to(Value::from(Serde(facts)), &mut text).map(drop));
    match rendered {
        Ok(()) => Ok(text.0),
        Err(error) => Err(problem(template, &error)),
    }
}

/// What is wrong with the syntax of `template`.
pub(crate) fn syntax_problem(template: &str) -> Option<Problem> {
    beyond(template).or_else(|| environment(template).err().map(|error| problem(template, &error)))
}

/// What the engine is not even shown, since it could take it out of its stack.
fn beyond(template: &str) -> Option<Problem> {
    let too_much = |span: Range<usize>, message: String| {
        Some(Problem {
            kind: ProblemKind::Syntax,
            message,
            span,
            harmless: &[],
        })
    };
    if template.len() > LONGEST_TEMPLATE {
        return too_much(0..0, format!("it has more than {LONGEST_TEMPLATE} bytes"));
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(start) = template[at..].find('{').map(|found| at + found) {
        let rest = &template[start..];
        let end = match rest.as_bytes().get(1) {
            Some(b'#') => rest.find("#}").map_or(template.len(), |end| start + end + 2),
            Some(b'{') => end_of_tag(template, start, "}}"),
            Some(b'%') => end_of_tag(template, start, "%}"),
            _ => start + 1,
        };
        let tag = &template[start..end];
        if !tag.starts_with("{#") && tag.len() > LONGEST_TAG {
            return too_much(
                start..start + 2,
                format!("it goes on for more than {LONGEST_TAG} bytes"),
            );
        }
        at = end;
        let Some(statement) = tag.strip_prefix("{%") else {
            continue;
        };
        let words = statement.trim_start_matches(['-', '+']).trim_start();
        let word = words
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        match word {
            "raw" => at = template[end..].find("endraw").map_or(template.len(), |raw| end + raw),
            _ if word.starts_with("end") => depth = depth.saturating_sub(1),
            "if" | "for" | "with" | "filter" | "macro" | "call" | "block" | "autoescape" | "set" => depth += 1,
            _ => {}
        }
        // What is set in one tag has no end.
        if word == "set" && words.contains('=') {
            depth -= 1;
        }
        if depth > DEEPEST_BLOCK {
            return too_much(
                start..end,
                format!("more than {DEEPEST_BLOCK} blocks are in each other here"),
            );
        }
    }
    None
}

/// The end of the tag that begins at `start`; what is in quotes does not end it.
fn end_of_tag(template: &str, start: usize, delimiter: &str) -> usize {
    let bytes = template.as_bytes();
    let mut quote = None;
    let mut at = start + 2;
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(delimiter.as_bytes()) => return at + delimiter.len(),
            _ => {}
        }
        at += 1;
    }
    template.len()
}

/// Everything that is wrong with `template` for these facts, as far as one mistake does not hide another.
///
/// The engine stops at the first. Each one found is therefore replaced by something harmless of the same length, so that
/// places stay what they are, and the template is tried again.
pub fn problems(template: &str, facts: &Facts) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut patched = template.to_owned();
    while problems.len() < MOST_PROBLEMS {
        let Err(problem) = render(&patched, facts) else { break };
        let overlaps = |other: &Problem| other.span.start < problem.span.end && problem.span.start < other.span.end;
        // It follows from what took the place of another.
        if problems.iter().any(overlaps) {
            break;
        }
        // A syntax error that was not there before is one of the replacement.
        if problem.kind == ProblemKind::Syntax && !problems.is_empty() {
            break;
        }
        let next = without(&patched, &problem);
        problems.push(problem);
        match next {
            Some(next) => patched = next,
            None => break,
        }
    }
    problems
}

/// The template with something harmless in place of a problem, if there is such a thing.
fn without(template: &str, problem: &Problem) -> Option<String> {
    let place = template.get(problem.span.clone())?;
    // A method of something that has none: what it was called on stays.
    let harmless = match place.starts_with('.') {
        true => "",
        false => problem.harmless.iter().find(|harmless| harmless.len() <= place.len())?,
    };
    // A width within a format string is of 16 bits.
    let filled = harmless.to_owned() + &" ".repeat(place.len() - harmless.len());
    let mut next = template.to_owned();
    next.replace_range(problem.span.clone(), &filled);
    Some(next)
}

fn environment(template: &str) -> Result<Environment<'_>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
    environment.set_formatter(write_as_it_is);
    // Without it errors have no place.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST_CALL);
    environment.remove_global("debug");
    environment.add_template(NAME, template)?;
    Ok(environment)
}

fn write_as_it_is(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let refused = |why: &'static str| Error::new(ErrorKind::InvalidOperation, why);
    if value.is_undefined() {
        // It refuses what is undefined itself, but for what an `if` without an `else` leaves: nothing is written for that.
        return escape_formatter(out, state, value);
    }
    if has_nothing(value) {
        return Err(refused("the value is none, or a part of it"));
    }
    let text = value.to_string();
    if text.chars().any(char::is_control) {
        return Err(refused("the value has a control character"));
    }
    Ok(out.write_str(&text)?)
}

/// Whether a value, or any in it, is none or undefined.
fn has_nothing(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()
            .is_ok_and(|mut items| items.any(|item| has_nothing(&item))),
        ValueKind::Map => value
            .try_iter()
            .is_ok_and(|mut keys| keys.any(|key| value.get_item(&key).is_ok_and(|item| has_nothing(&item)))),
        _ => false,
    }
}

fn problem(template: &str, error: &Error) -> Problem {
    let span = error
        .range()
        .unwrap_or_else(|| line(template, error.line().unwrap_or(1)));
    // A place may end within a character that the engine does not expect.
    let boundary = |at: &usize| template.is_char_boundary(*at);
    let start = (0..=span.start.min(template.len())).rev().find(boundary).unwrap_or(0);
    let end = (span.end.max(start)..template.len()).find(boundary);
    let span = start..end.unwrap_or(template.len());
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::SyntaxError => Problem {
            kind: ProblemKind::Syntax,
            message: detail.to_owned(),
            span,
            harmless: &[],
        },
        ErrorKind::UndefinedError => {
            let name = detail
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix("` is undefined"));
            Problem {
                kind: ProblemKind::Undefined,
                message: match name {
                    Some(_) => detail.to_owned(),
                    None => format!("`{}` is undefined", template.get(span.clone()).unwrap_or("a value")),
                },
                span: name.map_or(span.clone(), |name| place_of(template, name, &span)),
                harmless: AN_EXPRESSION,
            }
        }
        ErrorKind::WriteFailure => Problem {
            kind: ProblemKind::Failed,
            message: format!("it renders to more than {LARGEST_OUTPUT} bytes"),
            span,
            harmless: &[],
        },
        kind => Problem {
            kind: ProblemKind::Failed,
            message: if detail.is_empty() {
                kind.to_string()
            } else {
                detail.to_owned()
            },
            span,
            harmless: match kind {
                // What is filtered stays as it is.
                ErrorKind::UnknownFilter => &["d"],
                ErrorKind::UnknownTest => &["none", "odd"],
                ErrorKind::TemplateNotFound | ErrorKind::BadInclude | ErrorKind::OutOfFuel => &[],
                _ => AN_EXPRESSION,
            },
        },
    }
}

/// Where `name` stands that was undefined when the expression at `span` was worked out: there, or last before it. What is
/// looked up in it is a part of the place.
fn place_of(template: &str, name: &str, span: &Range<usize>) -> Range<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands_alone = |start: usize| {
        let before = template[..start].chars().next_back();
        let after = template[start + name.len()..].chars().next();
        !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
    };
    let starts = template
        .match_indices(name)
        .map(|(start, _)| start)
        .filter(|start| stands_alone(*start));
    let overlaps = |start: &usize| *start < span.end && span.start < start + name.len();
    let within = starts.clone().find(overlaps);
    let Some(start) = within.or_else(|| starts.take_while(|start| *start < span.end).last()) else {
        return span.clone();
    };
    let mut end = start + name.len();
    while let Some(rest) = template[end..].strip_prefix('.') {
        match rest.find(|c| !is_word(c)).unwrap_or(rest.len()) {
            0 => break,
            length => end += 1 + length,
        }
    }
    start..end
}

/// The line of that number, from 1.
fn line(template: &str, number: usize) -> Range<usize> {
    let start = match number {
        0 | 1 => 0,
        number => template
            .match_indices('\n')
            .nth(number - 2)
            .map_or(template.len(), |(at, _)| at + 1),
    };
    let end = template[start..]
        .find('\n')
        .map_or(template.len(), |length| start + length);
    start..end
}

/// Takes no more than a file may have.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_OUTPUT {
            return Err(io::Error::other("too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
