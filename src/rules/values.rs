//! Whether values are such as their program reads: by the tables made from the programs' own source, and by their limits. `check`
//! brings what the user set, `verify` the documents and command lines that it found.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use base64ct::{Base64, Encoding};
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::duration;
use crate::catalog::flags::{self, Known};
use crate::catalog::releases::{Program, Version, known};
use crate::catalog::tables::limits::LIMITS;
use crate::catalog::tables::releases::GATE_OF_ML_DSA_TOKENS;
use crate::catalog::value_type::{Limit, ValueType, Within};
use crate::settings;

/// A value of a document, however it was read.
pub enum DocumentValue<'t, T> {
    Nothing,
    Boolean,
    Whole(i128),
    Number(f64),
    Text(&'t str),
    /// A text that may stand there without quotes, and then YAML 1.1 may read something else: `yes`, `0755`.
    Word(&'t str),
    List(&'t [T]),
    Map(Vec<(&'t str, &'t T)>),
}

/// What a document is made of.
pub trait DocumentNode: Sized {
    fn given(&self) -> DocumentValue<'_, Self>;
}

impl DocumentNode for settings::Value {
    fn given(&self) -> DocumentValue<'_, Self> {
        match self {
            settings::Value::Text(text) => DocumentValue::Text(text),
            settings::Value::Boolean(_) => DocumentValue::Boolean,
            settings::Value::Integer(whole) => DocumentValue::Whole(i128::from(*whole)),
            settings::Value::Float(number) => DocumentValue::Number(*number),
            settings::Value::List(items) => DocumentValue::List(items),
            settings::Value::Table(table) => DocumentValue::Map(table.entries().collect()),
        }
    }
}

/// The minors of which a program may be: one where its release is known, else all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minors {
    major: u16,
    minors: RangeInclusive<u16>,
    /// Whether the release is newer than the tables: what was added since is not in them.
    is_newer: bool,
}

impl Minors {
    /// Those of a version.
    pub fn of(program: Program, version: Option<Version>) -> Minors {
        let (first, last) = known(program);
        let minors = match version {
            Some(version) if version >= first => version.min(last).minor..=version.min(last).minor,
            _ => first.minor..=last.minor,
        };
        let is_newer = version.is_some_and(|version| version > last);
        Minors {
            major: last.major,
            minors,
            is_newer,
        }
    }

    /// The release of this minor.
    pub fn version(&self, minor: u16) -> Version {
        Version::new(self.major, minor)
    }

    /// Whether the release is newer than what the tables have.
    pub(super) fn is_newer(&self) -> bool {
        self.is_newer
    }

    /// Whether something holds for all of them.
    pub(super) fn all(&self, holds: impl Fn(u16) -> bool) -> bool {
        self.newest_first().all(holds)
    }

    /// The newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = u16> {
        self.minors.clone().rev()
    }

    /// What the newest says, where any knows it.
    fn known(&self, of: impl Fn(u16) -> Known) -> Known {
        let mut all = self.newest_first().map(of);
        let newest = all.next().unwrap_or(Known::Yes);
        match newest == Known::Yes || all.any(|known| known == Known::Yes) {
            true => Known::Yes,
            false => newest,
        }
    }
}

/// What a program does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untaken {
    /// Neither it nor what it is part of is known.
    Unknown(Known),
    /// The end of a sentence that begins with its name: it never says what stands there but for numbers and words of a choice.
    Refused(String),
}

/// What `apiVersion` may say of documents of this kind, whatever their version.
pub fn api_versions(kind: &str, minors: &Minors) -> BTreeSet<&'static str> {
    let is_of = |known: &&str| known.split('/').next() == Some(kind);
    let kinds = minors
        .newest_first()
        .flat_map(|minor| flags::kinds(minor).filter(is_of).map(move |kind| (kind, minor)));
    kinds
        .filter_map(|(kind, minor)| match flags::field_takes(kind, "apiVersion", minor) {
            Some(ValueType::Choice(version)) => Some(version),
            _ => None,
        })
        .collect()
}

/// The feature gates of a flag's value, each with what it is given, where that is anything. `kube:Name=true` is Kubernetes' own, where gates of
/// several programs may be given.
pub fn gates_of_flag(value: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let own = pair.rsplit(':').next().unwrap_or(pair);
        match own.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => (name.trim(), Some(value.trim())),
            // Nobody knows a gate of that name.
            Some(_) => (own, Some("true")),
            None => (own, None),
        }
    })
}

/// Why a flag can't set a feature gate so, as a program of Kubernetes takes it.
pub fn gate_of_flag(program: &str, minors: &Minors, name: &str, value: Option<&str>) -> Option<Untaken> {
    let on = value.and_then(boolean);
    gate(program, minors, name, on).or_else(|| {
        let why = || Untaken::Refused("takes true or false alone".to_owned());
        on.is_none().then(why)
    })
}

/// What the values of a flag set of feature gates, in their order.
pub(super) fn set_by_flag<'v>(values: impl Iterator<Item = &'v str>) -> impl Iterator<Item = (&'v str, bool)> {
    let gates = values.flat_map(gates_of_flag);
    gates.filter_map(|(name, value)| Some((name, value.and_then(boolean)?)))
}

/// Whether a program of this release signs tokens with ML-DSA, and takes such keys, with these values of `--feature-gates` and
/// `--min-compatibility-version`. The gate is of beta, and on by itself only where nobody older has to be got along with: by itself a program
/// is compatible with the minor before its own
/// (<https://github.com/kubernetes/component-base/blob/v0.38.0-beta.0/compatibility/version.go>).
pub fn takes_tokens_of_ml_dsa<'v>(
    release: Version,
    gates: impl Iterator<Item = &'v str>,
    compatible: impl Iterator<Item = &'v str>,
) -> bool {
    let (mut own, mut of_beta) = (None, None);
    for (name, on) in set_by_flag(gates) {
        match name {
            GATE_OF_ML_DSA_TOKENS => own = Some(on),
            "AllBeta" => of_beta = Some(on),
            _ => {}
        }
    }
    let versions = compatible.flat_map(|value| value.split(','));
    let last = versions
        .filter_map(|one| Version::parse(one.rsplit('=').next().unwrap_or(one)))
        .last();
    own.or(of_beta)
        .unwrap_or(last.is_some_and(|version| version >= release))
}

/// What Go's strconv.ParseBool reads, by which the flag's values are read.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Why a feature gate can't be set so, as a program of Kubernetes takes it; without a value, whether it is there at all.
pub fn gate(program: &str, minors: &Minors, name: &str, on: Option<bool>) -> Option<Untaken> {
    // They switch all of a maturity.
    if ["AllAlpha", "AllBeta"].contains(&name) {
        return None;
    }
    match minors.known(|minor| flags::gate(program, name, minor)) {
        Known::Yes => {}
        Known::Never if minors.is_newer => return None,
        other => return Some(Untaken::Unknown(other)),
    }
    let locked = minors
        .newest_first()
        .find_map(|minor| flags::locked_gate(program, name, minor))?;
    let is_locked = minors
        .newest_first()
        .all(|minor| flags::locked_gate(program, name, minor) == Some(locked));
    let why = || Untaken::Refused(format!("is locked to {locked}, and can't be set otherwise"));
    (is_locked && on.is_some_and(|on| on != locked)).then(why)
}

/// What is not taken of a document, each with its dotted path.
pub fn document<T: DocumentNode>(kind: &str, minors: &Minors, root: &T) -> Vec<(String, Untaken)> {
    let mut found = Vec::new();
    if let DocumentValue::Map(fields) = root.given() {
        for (name, value) in fields {
            field(kind, minors, name, value, &mut found);
        }
    }
    found
}

/// What is not taken of one field and of what is below it. `path` is dotted; items of a list have that of the list.
pub fn field<T: DocumentNode>(kind: &str, minors: &Minors, path: &str, value: &T, found: &mut Vec<(String, Untaken)>) {
    match minors.known(|minor| flags::field(kind, path, minor)) {
        Known::Yes => {}
        // What is new is not in the tables.
        Known::Never if minors.is_newer => return,
        other => return found.push((path.to_owned(), Untaken::Unknown(other))),
    }
    let takes = minors
        .newest_first()
        .find_map(|minor| flags::field_takes(kind, path, minor));
    let before = found.len();
    below(kind, minors, path, takes.unwrap_or(ValueType::Anything), value, found);
    if found.len() > before {
        return;
    }
    let name = kind.split('/').next().unwrap_or_default();
    let limits = || {
        LIMITS
            .iter()
            .filter(|limit| limit.of.iter().any(|(_, kind)| *kind == name) && !limit.setting.is_empty())
            .filter(|limit| minors.all(|minor| (limit.since..=limit.until).contains(&minor)))
    };
    let above = |limit: &&Limit| path.strip_prefix(limit.setting).and_then(|rest| rest.strip_prefix('.'));
    let why = limits().find_map(|limit| match limit.within {
        Within::Keys(names) => another_key(names, above(&limit)?),
        within
            if limit.setting == path || (limit.setting.strip_suffix(".*")).is_some_and(|map| is_below(path, map)) =>
        {
            minors.beyond(within, value)
        }
        _ => None,
    });
    found.extend(why.map(|why| (path.to_owned(), Untaken::Refused(why))));
}

fn is_below(path: &str, map: &str) -> bool {
    path.strip_prefix(map).is_some_and(|rest| rest.starts_with('.'))
}

fn another_key(names: &[&str], key: &str) -> Option<String> {
    (!names.contains(&key)).then(|| format!("is not known: it has to be {}", one_of(names.iter().copied())))
}

fn below<T: DocumentNode>(
    kind: &str,
    minors: &Minors,
    path: &str,
    takes: ValueType,
    value: &T,
    found: &mut Vec<(String, Untaken)>,
) {
    match (takes, value.given()) {
        (ValueType::Anything, _) => {}
        (ValueType::Base64, DocumentValue::List(bytes))
            if (bytes.iter()).all(|byte| matches!(byte.given(), DocumentValue::Whole(0..=255))) => {}
        (takes, DocumentValue::Nothing) if takes != ValueType::Duration => {}
        (ValueType::Object, DocumentValue::Map(fields)) => {
            for (name, value) in fields {
                field(kind, minors, &format!("{path}.{name}"), value, found);
            }
        }
        (ValueType::List(word), DocumentValue::List(items)) => {
            for item in items {
                below(kind, minors, path, ValueType::of(word), item, found);
            }
        }
        (ValueType::Map(_), DocumentValue::Map(fields)) => {
            for (name, value) in fields {
                field(kind, minors, &format!("{path}.{name}"), value, found);
            }
        }
        (takes, given) => {
            if let Some(why) = refused(minors.without_choices(takes), &given) {
                found.push((path.to_owned(), Untaken::Refused(why)));
            }
        }
    }
}

/// Why a value that is no structure is not taken.
fn refused<T>(takes: ValueType, given: &DocumentValue<'_, T>) -> Option<String> {
    let is_taken = match (takes, given) {
        (ValueType::Boolean, DocumentValue::Boolean) => true,
        (ValueType::Boolean, DocumentValue::Word(word)) => is_yaml_boolean(word),
        (ValueType::Whole { bits, signed }, DocumentValue::Whole(whole)) => fits(*whole, bits, signed),
        // YAML's `110.0` reaches the program as 110.
        (ValueType::Whole { .. }, DocumentValue::Number(number)) => number.fract() == 0.0,
        (ValueType::Whole { bits, signed }, DocumentValue::Word(word)) => {
            whole(word).is_some_and(|whole| fits(whole, bits, signed))
        }
        (ValueType::Number, DocumentValue::Whole(_) | DocumentValue::Number(_)) => true,
        (ValueType::Quantity, DocumentValue::Whole(_) | DocumentValue::Number(_)) => true,
        (ValueType::Object | ValueType::List(_) | ValueType::Map(_), _) => false,
        (takes, DocumentValue::Text(text) | DocumentValue::Word(text)) if is_written(takes) => {
            return refused_text(takes, text);
        }
        _ => false,
    };
    (!is_taken).then(|| format!("has to be {}, and is {}", expected(takes), what_is(takes, given)))
}

fn is_yaml_boolean(word: &str) -> bool {
    ["y", "yes", "on", "n", "no", "off"].contains(&word.to_ascii_lowercase().as_str())
}

impl<'t, T> DocumentValue<'t, T> {
    /// A text of YAML, of which nobody knows whether it was in quotes.
    pub fn of_yaml(text: &'t str) -> DocumentValue<'t, T> {
        match is_yaml_boolean(text) || text.len() > 1 && text.starts_with('0') && whole(text).is_some() {
            true => DocumentValue::Word(text),
            false => DocumentValue::Text(text),
        }
    }
}

/// Whether a document has a text for it.
fn is_written(takes: ValueType) -> bool {
    !matches!(takes, ValueType::Boolean | ValueType::Whole { .. } | ValueType::Number)
}

/// Why a text, as a flag has it, is not taken.
fn refused_text(takes: ValueType, text: &str) -> Option<String> {
    let is_taken = match takes {
        ValueType::Anything | ValueType::Text | ValueType::Object | ValueType::List(_) | ValueType::Map(_) => true,
        // Go's strconv.ParseBool.
        ValueType::Boolean => [
            "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
        ]
        .contains(&text),
        ValueType::Whole { bits, signed } => whole(text).is_some_and(|whole| fits(whole, bits, signed)),
        ValueType::Number => number(text).is_some(),
        ValueType::Choice(choices) => text.is_empty() || choices.split(',').any(|choice| choice == text),
        ValueType::Duration | ValueType::OptionalDuration => duration::parse(text).is_ok(),
        // Go passes over the ends of lines.
        ValueType::Base64 => {
            let joined = Zeroizing::new(text.replace(['\n', '\r'], ""));
            Base64::decode_vec(&joined).map(Zeroizing::new).is_ok()
        }
        ValueType::Quantity => is_quantity(text),
        ValueType::Address => text.parse::<IpAddr>().is_ok(),
        ValueType::AddressOrNothing => text.is_empty() || text.parse::<IpAddr>().is_ok(),
        ValueType::Range => text.parse::<IpNet>().is_ok(),
        ValueType::Ports => is_ports(text),
        ValueType::Urls => urls(text),
        ValueType::Switches => pairs(text, |value| refused_text(ValueType::Boolean, value).is_none()),
        // A value may have commas of its own.
        ValueType::Pairs => text
            .split(',')
            .next()
            .is_none_or(|first| first.is_empty() || first.contains('=')),
    };
    let is = match takes {
        ValueType::Choice(_) | ValueType::Whole { .. } | ValueType::Boolean => format!("{text:?}"),
        _ => "something else".to_owned(),
    };
    (!is_taken).then(|| format!("has to be {}, and is {is}", expected(takes)))
}

fn pairs(text: &str, takes: impl Fn(&str) -> bool) -> bool {
    let mut pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs.all(|pair| pair.split_once('=').is_some_and(|(_, value)| takes(value.trim())))
}

fn expected(takes: ValueType) -> String {
    match takes {
        ValueType::Anything => "anything".to_owned(),
        ValueType::Object | ValueType::Map(_) => "a map of fields".to_owned(),
        ValueType::List(_) => "a list".to_owned(),
        ValueType::Boolean => "true or false".to_owned(),
        ValueType::Whole { bits, signed: true } => format!("a whole number of {bits} bits"),
        ValueType::Whole { bits, signed: false } => format!("a whole number of {bits} bits from 0 on"),
        ValueType::Number => "a number".to_owned(),
        ValueType::Text => "text".to_owned(),
        ValueType::Choice(choices) => one_of(choices.split(',')),
        ValueType::Base64 => "base64".to_owned(),
        ValueType::Duration | ValueType::OptionalDuration => "a duration such as \"1h30m\"".to_owned(),
        ValueType::Quantity => "a quantity such as \"500m\" or \"1Gi\"".to_owned(),
        ValueType::Address | ValueType::AddressOrNothing => "an address".to_owned(),
        ValueType::Range => "an address range".to_owned(),
        ValueType::Ports => "a range of ports such as 30000-32767".to_owned(),
        ValueType::Urls => "URLs, each with its scheme".to_owned(),
        ValueType::Switches => "pairs such as name=true".to_owned(),
        ValueType::Pairs => "pairs such as name=value".to_owned(),
    }
}

fn what_is<T>(takes: ValueType, given: &DocumentValue<'_, T>) -> &'static str {
    match given {
        DocumentValue::Whole(_) if matches!(takes, ValueType::Whole { .. }) => "beyond it",
        DocumentValue::Nothing => "nothing",
        DocumentValue::Boolean => "a boolean",
        DocumentValue::Whole(_) | DocumentValue::Number(_) => "a number",
        DocumentValue::Text(_) | DocumentValue::Word(_) => "text",
        DocumentValue::List(_) => "a list",
        DocumentValue::Map(_) => "a map",
    }
}

fn one_of<'a>(choices: impl Iterator<Item = &'a str>) -> String {
    let choices: Vec<&str> = choices.filter(|choice| !choice.is_empty()).collect();
    match choices.as_slice() {
        [only] => format!("{only:?}"),
        // Whoever needs a longer list has the documentation.
        more if more.len() > 12 => "one of those that the documentation lists".to_owned(),
        more => format!("one of {}", more.join(", ")),
    }
}

fn fits(whole: i128, bits: u32, signed: bool) -> bool {
    let limit = 1_i128 << (bits - u32::from(signed)).min(126);
    whole < limit && whole >= if signed { -limit } else { 0 }
}

/// As Go's strconv.ParseFloat reads it: in hexadecimal too, with a power of two behind `p`.
fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let Some(rest) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) else {
        return text.parse().ok();
    };
    let (mantissa, power) = rest.split_once(['p', 'P'])?;
    let power: i32 = power.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let digit = |digit: char| digit.to_digit(16).map(f64::from);
    let digits: Vec<f64> = digits.chars().map(digit).collect::<Option<_>>()?;
    let behind = i32::try_from(fraction.len()).ok()?;
    let value = digits.iter().fold(0.0, |sum, digit| sum * 16.0 + digit);
    (!digits.is_empty()).then(|| sign * value * 2_f64.powi(power.saturating_sub(behind.saturating_mul(4))))
}

/// As Go's strconv.ParseInt reads it with base 0.
fn whole(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = [("0x", 16), ("0b", 2), ("0o", 8)]
        .iter()
        .find_map(|(prefix, base)| Some((*base, lower.strip_prefix(prefix)?)))
        .unwrap_or(match lower.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => (8, rest),
            _ => (10, lower.as_str()),
        });
    // Rust's own reader takes a second sign.
    let is_digit = digits.starts_with(|c: char| c.is_digit(base));
    let digits = digits.replace('_', "");
    is_digit
        .then(|| i128::from_str_radix(&digits, base).ok())
        .flatten()
        .map(|whole| sign * whole)
}

/// `quantity.go` of k8s.io/apimachinery: a decimal number, then a power of 1024 or of 1000, or an exponent.
fn is_quantity(text: &str) -> bool {
    let unsigned = text.trim_start_matches(['+', '-']);
    let end = unsigned
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let is_number = number.chars().any(|c| c.is_ascii_digit()) && number.matches('.').count() <= 1;
    let suffixes = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let exponent = || {
        suffix
            .strip_prefix(['e', 'E'])
            .is_some_and(|exponent| exponent.parse::<i32>().is_ok())
    };
    is_number && text.len() - unsigned.len() <= 1 && (suffixes.contains(&suffix) || exponent())
}

fn is_ports(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok();
    match (text.split_once('-'), text.split_once('+')) {
        (Some((low, high)), None) => port(low).zip(port(high)).is_some_and(|(low, high)| low <= high),
        (None, Some((base, size))) => port(base)
            .zip(port(size))
            .is_some_and(|(base, size)| base.checked_add(size).is_some()),
        (None, None) => text.is_empty() || port(text).is_some(),
        (Some(_), Some(_)) => false,
    }
}

/// As etcd's `checkBindURLs` has it: sockets of files, an address with a port, or `localhost` of all names.
fn listens_at(url: &str) -> bool {
    let Some((scheme, rest)) = url.trim().split_once("://") else {
        return url.is_empty();
    };
    let host = rest.trim_end_matches('/').rsplit_once(':').map(|(host, _)| host);
    let is_address = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    scheme.starts_with("unix") || host.is_some_and(|host| host == "localhost" || is_address(host))
}

fn urls(text: &str) -> bool {
    let known = ["http", "https", "unix", "unixs"];
    let is_url = |url: &str| {
        url.trim()
            .split_once("://")
            .is_some_and(|(scheme, rest)| known.contains(&scheme) && !rest.is_empty())
    };
    text.is_empty() || text.split(',').all(is_url)
}

impl Minors {
    /// A choice may have grown since.
    fn without_choices(&self, takes: ValueType) -> ValueType {
        match takes {
            ValueType::Choice(_) if self.is_newer => ValueType::Text,
            takes => takes,
        }
    }

    fn beyond<T: DocumentNode>(&self, within: Within, value: &T) -> Option<String> {
        match within {
            Within::OneOf(_) | Within::MinorBefore if self.is_newer => None,
            Within::MinorBefore => match value.given() {
                DocumentValue::Text(text) | DocumentValue::Word(text) => self.not_the_minor_before(text),
                _ => None,
            },
            within => beyond(within, value),
        }
    }
}

impl Minors {
    /// Why a text is not the minor before, as far as the release is known (`ValidateShowHiddenMetricsVersion` of k8s.io/component-base).
    fn not_the_minor_before(&self, text: &str) -> Option<String> {
        let mut all = self.newest_first();
        let (newest, None) = (all.next()?, all.next()) else {
            return None;
        };
        let before = format!("{}.{}", self.major, newest.checked_sub(1)?);
        (!text.is_empty() && text != before).then(|| format!("has to be {before:?}, and is {text:?}"))
    }
}

/// Whether a share or an amount can be a threshold.
fn is_threshold(text: &str) -> bool {
    match text.strip_suffix('%') {
        Some(share) => share.parse::<f32>().is_ok_and(|share| (0.0..=100.0).contains(&share)),
        None => is_amount(text),
    }
}

fn is_amount(text: &str) -> bool {
    is_quantity(text) && !text.starts_with('-')
}

/// Why a value of the right type is beyond its limits.
fn beyond<T: DocumentNode>(within: Within, value: &T) -> Option<String> {
    match (within, value.given()) {
        (_, DocumentValue::List(items)) => items.iter().find_map(|item| beyond(within, item)),
        (_, DocumentValue::Whole(whole)) => beyond_numbers(within, whole),
        (_, DocumentValue::Text(text) | DocumentValue::Word(text)) if !text.is_empty() => beyond_text(within, text),
        _ => None,
    }
}

fn beyond_numbers(within: Within, whole: i128) -> Option<String> {
    match within {
        Within::Port(low) if !(i128::from(low)..=65535).contains(&whole) => {
            Some(format!("has to be from {low} to 65535, and is {whole}"))
        }
        Within::Numbers(low, high) if !(i128::from(low)..=i128::from(high)).contains(&whole) => {
            Some(format!("has to be from {low} to {high}, and is {whole}"))
        }
        Within::AtLeast(low) if whole < i128::from(low) => Some(format!("has to be at least {low}, and is {whole}")),
        _ => None,
    }
}

fn beyond_text(within: Within, text: &str) -> Option<String> {
    // kube-proxy adds its own port to an address alone (`SetDefaults_KubeProxyConfiguration`).
    let address_and_port = || {
        let (address, port) = text.rsplit_once(':')?;
        let address = address
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(address);
        address
            .parse::<IpAddr>()
            .ok()
            .zip(port.parse::<u16>().ok().filter(|port| *port != 0))
    };
    let ranges = || {
        let ranges: Option<Vec<IpNet>> = text.split(',').map(|range| range.trim().parse().ok()).collect();
        ranges.is_some_and(|ranges| ranges.len() <= 2)
    };
    let (is_within, has_to_be) = match within {
        Within::Numbers(..) | Within::AtLeast(_) => return beyond_numbers(within, whole(text)?),
        Within::Port(_) => {
            let number = whole(text)?;
            let is_octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
            return match is_octal {
                true => Some(format!("has a zero in front, and is read as octal: as {number}")),
                false => beyond_numbers(within, number),
            };
        }
        Within::Between(low, high) => {
            let number = number(text)?;
            let why = || format!("has to be from {low} to {high}");
            return (!(low..=high).contains(&number)).then(why);
        }
        Within::SecondsBetween(low, high) | Within::ZeroOrSeconds(low, high) => {
            let given = duration::parse(text).ok()?;
            let is_none = given.is_zero() && matches!(within, Within::ZeroOrSeconds(..));
            let range = time::Duration::seconds(low)..=time::Duration::seconds(high);
            let why = || format!("has to be from {low} s to {high} s");
            return (!is_none && !range.contains(&given)).then(why);
        }
        Within::Ends => {
            return (boolean(text) != Some(false)).then(|| "makes the program print something and end".to_owned());
        }
        Within::Quantity => (is_amount(text), "an amount such as \"500Mi\" (not MB)"),
        Within::Threshold => (
            is_threshold(text),
            "an amount such as \"500Mi\" (not MB) or a share such as \"10%\"",
        ),
        Within::Quantities(names) => (
            amounts(text, '=', names, is_amount),
            "amounts such as cpu=500m,memory=1Gi",
        ),
        Within::Thresholds(names) => (
            amounts(text, '<', names, is_threshold),
            "thresholds such as memory.available<500Mi,nodefs.available<10%",
        ),
        Within::Https => (
            text.starts_with("https://") && text.len() > "https://".len() && !text.contains(['?', '#']),
            "a URL of https:// without a question or a fragment",
        ),
        Within::Digits => (
            text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty(),
            "a whole number from 0 on, in digits alone",
        ),
        Within::NumberOrDuration => (
            text.is_empty() || text.parse::<i64>().is_ok() || duration::parse(text).is_ok(),
            "a number or a duration",
        ),
        Within::RangesOr(words) => (
            words.contains(&text) || text.parse::<IpNet>().is_ok(),
            "an address range",
        ),
        Within::OneOf(choices) if !choices.contains(&text) => {
            let has_to_be = one_of(choices.iter().copied());
            return Some(format!("has to be {has_to_be}, and is {text:?}"));
        }
        Within::OneOf(_)
        | Within::InRelease(_)
        | Within::SwitchesInRelease(_)
        | Within::MinorBefore
        | Within::Keys(_) => return None,
        Within::Address => (text.parse::<IpAddr>().is_ok(), "an address"),
        Within::AddressAndPort => (
            address_and_port().is_some() || text.parse::<IpAddr>().is_ok(),
            "an address and a port, such as 127.0.0.1:10256",
        ),
        Within::Ranges => (ranges(), "an address range, or one of each family"),
        Within::Urls => (urls(text), "URLs, each with its scheme"),
        Within::ListensAt => (
            urls(text) && text.split(',').all(listens_at),
            "URLs to listen at, each with an address and a port; of all names it takes localhost",
        ),
        Within::Absolute => (text.starts_with('/'), "a path from the root"),
        Within::Seconds(least) => {
            let is_shorter = |duration: time::Duration| duration < time::Duration::seconds(i64::from(least));
            let is_short = duration::parse(text).is_ok_and(is_shorter);
            return is_short.then(|| format!("has to be at least {least} s"));
        }
    };
    (!is_within).then(|| format!("has to be {has_to_be}, and is none"))
}

/// Whether a text has such an amount for each of some names.
fn amounts(text: &str, sign: char, names: &[&str], is_taken: impl Fn(&str) -> bool) -> bool {
    text.split(',').filter(|pair| !pair.is_empty()).all(|pair| {
        let pair = pair.split_once(sign);
        pair.is_some_and(|(name, amount)| names.contains(&name.trim()) && is_taken(amount.trim()))
    })
}

/// Whether a flag takes no value from the word behind it.
pub fn is_switch(program: &str, minors: &Minors, name: &str) -> bool {
    minors
        .newest_first()
        .any(|minor| flags::is_switch(program, name, minor))
}

/// What is not taken of a flag: the name without its dashes, and a value as it stands on the command line.
pub fn flag(program: &str, minors: &Minors, name: &str, value: &str) -> Option<Untaken> {
    match minors.known(|minor| flags::flag(program, name, minor)) {
        Known::Yes => {}
        Known::Never if minors.is_newer => return None,
        other => return Some(Untaken::Unknown(other)),
    }
    let takes = minors
        .newest_first()
        .find_map(|minor| flags::flag_takes(program, name, minor));
    let of_limits = || {
        let here = LIMITS.iter().filter(|limit| {
            let is_of = limit.flag == name && limit.of.iter().any(|(of, _)| *of == program);
            is_of && minors.all(|minor| (limit.since..=limit.until).contains(&minor))
        });
        let mut here = here.filter(|limit| !(limit.or_empty && value.is_empty()));
        here.find_map(|limit| match limit.within {
            Within::OneOf(_) if minors.is_newer => None,
            Within::InRelease(names) => value.split(',').find_map(|item| not_in_release(names, item, minors)),
            Within::MinorBefore => minors.not_the_minor_before(value).filter(|_| !minors.is_newer),
            Within::SwitchesInRelease(names) => {
                let gates = gates_of_flag(value);
                gates
                    .filter_map(|(name, value)| not_set_in_release(names, name, value, minors))
                    .next()
            }
            // etcd passes over blanks, and the others' lists of choices have them in their items.
            within @ Within::OneOf(_) if program != "etcd" => {
                value.split(',').find_map(|item| beyond_text(within, item))
            }
            within @ (Within::OneOf(_) | Within::Address) => {
                value.split(',').find_map(|item| beyond_text(within, item.trim()))
            }
            within => beyond_text(within, value),
        })
    };
    let takes = minors.without_choices(takes.unwrap_or(ValueType::Anything));
    refused_text(takes, value).or_else(of_limits).map(Untaken::Refused)
}

/// Why a release has not what it is asked for by name.
fn not_in_release(names: &[(&str, u16, u16)], name: &str, minors: &Minors) -> Option<String> {
    let Some((_, first, last)) = names.iter().find(|(own, ..)| *own == name) else {
        let has_to_be = one_of(names.iter().map(|(name, ..)| *name));
        return (!minors.is_newer).then(|| format!("has to be {has_to_be}, and is {name:?}"));
    };
    let lacks = |minor: u16| !(*first..=*last).contains(&minor);
    minors.all(lacks).then(|| match minors.newest_first().next() {
        Some(newest) if newest < *first => format!("has {name:?}, which came with {}", minors.version(*first)),
        _ => format!("has {name:?}, and {} was the last to have it", minors.version(*last)),
    })
}

fn not_set_in_release(names: &[(&str, u16, u16)], name: &str, value: Option<&str>, minors: &Minors) -> Option<String> {
    not_in_release(names, name, minors).or_else(|| {
        let is_switch = value.and_then(boolean).is_some();
        (!is_switch).then(|| format!("has {name:?}, which has to be set to true or false"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_go_reads_them() {
        let int32 = ValueType::of("int32");
        for (takes, good, bad) in [
            (
                int32,
                &["0", "-1", "0x10", "017", "1_0", "+5", "2147483647"][..],
                &["", "x", "1.0", "2147483648", "1e3", "--1", "0x"][..],
            ),
            (ValueType::of("uint8"), &["0", "255"], &["-1", "256"]),
            (
                ValueType::Number,
                &["0.001", ".01", "1e-3", "0x1p-10", "-0X1.8P+2", "NaN"],
                &["", "0x1", "0x.p1", "0xgp1", "1p3", "0.1s"],
            ),
            (ValueType::Boolean, &["true", "F", "0"], &["yes", "", "on", "TrUe"]),
            (
                ValueType::Duration,
                &["0", "1h30m", "-5s", "1.5s"],
                &["", "5", "1d", "1 h"],
            ),
            (
                ValueType::Quantity,
                &["1", "0.5", "500m", "1Gi", "1e3", "-1", "+2k", ".5"],
                &["", "1GB", "x", "1.2.3", "1gi", "10%", "--1"],
            ),
            (
                ValueType::Address,
                &["192.0.2.1", "::1"],
                &["", "localhost", "192.0.2.1/24", "[::1]"],
            ),
            (
                ValueType::Ports,
                &["30000-32767", "30000", "1+2", ""],
                &["2-1", "x", "70000", "1-2+3"],
            ),
            (
                ValueType::Urls,
                &["https://a:1,http://b", ""],
                &["a:1", "https://", "htps://a", "https://a,b"],
            ),
            (ValueType::Switches, &["a=true,b=false", ""], &["a", "a=maybe"]),
            (ValueType::of("string=a,b"), &["a", ""], &["c", "A"]),
        ] {
            for text in good {
                assert_eq!(refused_text(takes, text), None, "{takes:?} {text:?}");
            }
            for text in bad {
                assert!(refused_text(takes, text).is_some(), "{takes:?} {text:?}");
            }
        }
    }

    #[test]
    fn numbers_in_hexadecimal_are_what_go_makes_of_them() {
        let numbers = ["0x1p-10", "0x1.8p2", "-0xAp0", "0.02"].map(number);
        assert_eq!(numbers, [Some(0.000_976_562_5), Some(6.0), Some(-10.0), Some(0.02)]);
    }

    /// The programs of these releases were run with them, or their source was read.
    #[test]
    fn a_limit_holds_in_its_releases() {
        let of = |release: Option<(u16, u16)>, program: Program| {
            Minors::of(program, release.map(|(major, minor)| Version::new(major, minor)))
        };
        let taken = |program: &str, release: Option<(u16, u16)>, name: &str, value: &str| {
            let of_program = if program == "etcd" {
                Program::Etcd
            } else {
                Program::Kubernetes
            };
            flag(program, &of(release, of_program), name, value).is_none()
        };
        let (manager, api) = ("kube-controller-manager", "kube-apiserver");
        for (program, name, value, before, from) in [
            (manager, "leader-elect-resource-lock", "endpoints", 23, 24),
            (manager, "leader-elect-resource-lock", "endpointsleases", 27, 28),
            (api, "v", "-1", 24, 25),
            (api, "enable-admission-plugins", "SecurityContextDeny", 29, 30),
            (api, "enable-admission-plugins", "NodeRestriction,PodPreset", 19, 20),
        ] {
            assert!(taken(program, Some((1, before)), name, value), "{name}={value}");
            assert!(!taken(program, Some((1, from)), name, value), "{name}={value}");
            // Some release takes it.
            assert!(taken(program, None, name, value), "{name}={value}");
        }
        assert!(!taken(api, Some((1, 21)), "enable-admission-plugins", "PodSecurity"));
        assert!(taken(api, Some((1, 22)), "enable-admission-plugins", "PodSecurity"));
        for (release, logger) in [((3, 4), true), ((3, 5), false)] {
            assert_eq!(taken("etcd", Some(release), "logger", "capnslog"), logger);
        }
        for (release, is_taken) in [((3, 5), true), ((3, 6), false)] {
            assert_eq!(taken("etcd", Some(release), "v2-deprecation", "not-yet"), is_taken);
        }
        for (flag, value, is_taken) in [
            ("kube-reserved", "cpu=100m, memory=1Gi,", true),
            ("kube-reserved", "cpu=100m,memory=1GB", false),
            ("kube-reserved", "cpu=100m;memory=1Gi", false),
            ("kube-reserved", "gpu=1", false),
            ("eviction-hard", "memory.available<500Mi,nodefs.available<10%", true),
            ("eviction-hard", "memory.available=5%", false),
            ("eviction-hard", "memory.available<110%", false),
            ("eviction-hard", "foo.available<1Gi", false),
            ("container-log-max-size", "10MB", false),
        ] {
            assert_eq!(
                taken("kubelet", Some((1, 37)), flag, value),
                is_taken,
                "--{flag}={value}"
            );
        }
        let in_file = |path: &str, value: &str| {
            let mut found = Vec::new();
            let value = settings::Value::Text(value.to_owned());
            let minors = of(Some((1, 37)), Program::Kubernetes);
            field("KubeletConfiguration/v1beta1", &minors, path, &value, &mut found);
            found.is_empty()
        };
        for (path, good, bad) in [
            ("evictionHard.memory.available", "500Mi", "500MB"),
            ("evictionHard.memory.available", "12.5%", "-5%"),
            ("kubeReserved.memory", "1G", "1GB"),
            ("systemReserved.cpu", "0.5", "-100m"),
            ("containerLogMaxSize", "10Mi", "10MB"),
            ("showHiddenMetricsForVersion", "1.36", "1.34"),
        ] {
            assert!(in_file(path, good), "{path}: {good}");
            assert!(!in_file(path, bad), "{path}: {bad}");
        }
        // Of etcd 3.6.16 and 3.7.3, as they were run.
        for (value, in_6, in_7) in [
            ("InitialCorruptCheck=true,AllAlpha=false", true, true),
            ("FastLeaseKeepAlive=false", false, true),
            ("Bogus=true", false, false),
            ("InitialCorruptCheck=yes", false, false),
            ("InitialCorruptCheck", false, false),
        ] {
            let gates = |minor| taken("etcd", Some((3, minor)), "feature-gates", value);
            assert_eq!((gates(6), gates(7)), (in_6, in_7), "{value}");
        }
        let now = Some((1, 37));
        for (name, good, bad) in [
            ("goaway-chance", &["0", "0.02", "0x1p-10"][..], &["0.021", "-0.1"][..]),
            (
                "service-account-max-token-expiration",
                &["0s", "1h", "24h"],
                &["59m", "-1h", "5000000000s"],
            ),
            ("secure-port", &["6443", "0x192b"], &["06443", "0", "65536"]),
            ("v", &["0", "10"], &["-1", "0x2"]),
            ("help", &["false"], &["true"]),
            ("version", &["false"], &["true", "raw"]),
            (
                "enable-admission-plugins",
                &["", "NodeRestriction"],
                &["NodeRestriction, PodNodeSelector", "NodeRestriction,"],
            ),
            ("tls-min-version", &["", "VersionTLS12"], &["1.2"]),
            ("storage-backend", &["", "etcd3"], &["etcd2"]),
            ("show-hidden-metrics-for-version", &["", "1.36"], &["1.35", "1.37"]),
            (
                "oidc-issuer-url",
                &["https://login.example.org/a"],
                &["http://login.example.org", "login", "https://a?b"],
            ),
            ("oidc-signing-algs", &["", "RS256,ES384"], &["HS256", "RS256,EdDSA"]),
        ] {
            for value in good {
                assert!(taken(api, now, name, value), "{name}={value}");
            }
            for value in bad {
                assert!(!taken(api, now, name, value), "{name}={value}");
            }
        }
        for (value, is_taken) in [("10", true), ("1h", true), ("", true), ("1.5", false), ("often", false)] {
            assert_eq!(
                taken("etcd", Some((3, 6)), "auto-compaction-retention", value),
                is_taken,
                "{value}"
            );
        }
    }
}
