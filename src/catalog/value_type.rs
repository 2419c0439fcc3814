//! What a flag or a field of a configuration file takes, as its program reads it.

/// In the tables it stands in Go's words: `bool`, `int32`, `[]string` for a list, `{}bool` for a map from names,
/// `string=one,other` where it is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// What is not looked into.
    Anything,
    /// A structure, whose fields have rows of their own.
    Object,
    /// The word of its items.
    List(&'static str),
    /// The word of its values.
    Map(&'static str),
    Boolean,
    Whole {
        bits: u32,
        signed: bool,
    },
    Number,
    Text,
    /// One of these, with commas between.
    Choice(&'static str),
    /// `1h30m`: Go's `time.ParseDuration`. A null is none.
    Duration,
    /// Likewise, or null.
    OptionalDuration,
    /// In Go's standard encoding, or a list of bytes.
    Base64,
    /// `500m`, `1Gi`: `resource.Quantity` of k8s.io/apimachinery.
    Quantity,
    Address,
    AddressOrNothing,
    Range,
    /// `30000-32767`, `30000+10` or one port: `PortRange` of k8s.io/apimachinery.
    Ports,
    /// Each with its scheme, with commas between.
    Urls,
    /// `name=true`, with commas between.
    Switches,
    /// `name=value`, with commas between.
    Pairs,
}

impl ValueType {
    /// Whether its values are such that nobody could have a secret for one, whatever it is called.
    pub(crate) fn holds_no_secret(self) -> bool {
        match self {
            ValueType::Boolean
            | ValueType::Whole { .. }
            | ValueType::Number
            | ValueType::Choice(_)
            | ValueType::Duration
            | ValueType::OptionalDuration
            | ValueType::Quantity
            | ValueType::Address
            | ValueType::AddressOrNothing
            | ValueType::Range
            | ValueType::Ports
            | ValueType::Switches => true,
            ValueType::Anything
            | ValueType::Object
            | ValueType::List(_)
            | ValueType::Map(_)
            | ValueType::Text
            | ValueType::Base64
            | ValueType::Urls
            | ValueType::Pairs => false,
        }
    }

    /// What a word of the tables says.
    pub(crate) fn of(word: &'static str) -> ValueType {
        if let Some(items) = word.strip_prefix("[]") {
            return ValueType::List(items);
        }
        if let Some(values) = word.strip_prefix("{}") {
            return ValueType::Map(values);
        }
        if let Some(choices) = word.strip_prefix("string=") {
            return ValueType::Choice(choices);
        }
        let whole = |signed: bool, bits: &str| bits.parse().ok().map(|bits| ValueType::Whole { bits, signed });
        match word {
            "object" => ValueType::Object,
            "bool" => ValueType::Boolean,
            "float32" | "float64" => ValueType::Number,
            "string" | "strings" => ValueType::Text,
            "base64" => ValueType::Base64,
            "duration" => ValueType::Duration,
            "optional-duration" => ValueType::OptionalDuration,
            "quantity" => ValueType::Quantity,
            "ip" => ValueType::Address,
            "ip-or-empty" => ValueType::AddressOrNothing,
            "range" => ValueType::Range,
            "ports" => ValueType::Ports,
            "urls" => ValueType::Urls,
            "bools" => ValueType::Switches,
            "pairs" => ValueType::Pairs,
            _ => match (word.strip_prefix("int"), word.strip_prefix("uint")) {
                (Some(bits), _) => whole(true, bits),
                (_, Some(bits)) => whole(false, bits),
                _ => None,
            }
            .unwrap_or(ValueType::Anything),
        }
    }
}

/// What a value has to be beside what its type says: one row.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The programs, each with the kind of its configuration file; empty where only the other of the two is limited.
    pub of: &'static [(&'static str, &'static str)],
    /// The field's dotted path; empty where only the flag is limited.
    pub setting: &'static str,
    /// The flag without its dashes; empty where only the field is limited.
    pub flag: &'static str,
    pub within: Within,
    /// The first and the last minor of which it holds.
    pub since: u16,
    pub until: u16,
    /// Whether an empty value of the flag is its default.
    pub or_empty: bool,
}

/// The limits of a value. Those of a list hold for each of its items.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    Numbers(i64, i64),
    AtLeast(i64),
    /// One of these, or nothing.
    OneOf(&'static [&'static str]),
    /// One of these, each with the first and the last minor that has it.
    InRelease(&'static [(&'static str, u16, u16)]),
    /// Likewise, each with `=` and true or false behind it.
    SwitchesInRelease(&'static [(&'static str, u16, u16)]),
    /// One of these in the keys of a map.
    Keys(&'static [&'static str]),
    Address,
    /// `192.0.2.1:10250`, `[2001:db8::1]:10250`, or the address alone.
    AddressAndPort,
    /// `10.0.0.0/8`: at most two, with a comma between.
    Ranges,
    /// One range, or one of these words.
    RangesOr(&'static [&'static str]),
    Urls,
    /// URLs at which a program listens, each with an address of the host: no name but localhost.
    ListensAt,
    /// A path from the root.
    Absolute,
    /// Not shorter than this many seconds.
    Seconds(u32),
    /// Neither shorter nor longer than these.
    SecondsBetween(i64, i64),
    /// Likewise, or none at all.
    ZeroOrSeconds(i64, i64),
    /// A number from one to the other, with whatever fraction.
    Between(f64, f64),
    /// `500Mi`: `resource.Quantity` of k8s.io/apimachinery, and none below zero.
    Quantity,
    /// Likewise, or a part of what there is: `10%`.
    Threshold,
    /// `name=500Mi` with commas between, of these names.
    Quantities(&'static [&'static str]),
    /// `name<500Mi` or `name<10%`, likewise.
    Thresholds(&'static [&'static str]),
    /// A URL of HTTPS without a question or a fragment.
    Https,
    /// The minor before the program's own: `1.36` of 1.37.
    MinorBefore,
    /// A port from this on, written without a zero in front, which Go reads as octal.
    Port(u16),
    /// A whole number from 0 on, in digits alone.
    Digits,
    NumberOrDuration,
    /// False: with it the program prints something and ends.
    Ends,
}
