//! What the flags, settings and variables of one program have to be together.

use super::safeguard::Part;

/// One row: a rule about programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The programs.
    pub of: &'static [&'static str],
    pub asks: Asks,
    /// What follows where it is broken, as the end of a sentence.
    pub why: &'static str,
    /// Where that can be read.
    pub source: &'static str,
    /// The first and the last minor of the program of which it holds.
    pub since: u16,
    pub until: u16,
}

/// What a rule asks. A flag that ends in `*` is every flag that begins like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Where `one` is given, none of `others` is.
    Alone {
        one: Part,
        others: &'static [Part],
        ours: Ours,
    },
    /// Where one of two is given, the other is too.
    Both(Part, Part),
    /// Where a value is so, another has to be one of these.
    Needs {
        one: &'static [Part],
        when: Valued,
        other: &'static [Part],
        is: &'static [&'static str],
        /// Whether it is that by itself.
        by_itself: bool,
    },
    /// Where this is given, and is not as good as not given, a feature gate is on.
    NeedsGate {
        one: &'static [Part],
        when: Valued,
        gate: &'static str,
    },
    /// Where a value has this item, or where it is empty any, one of `others` is given too.
    With {
        one: &'static [Part],
        item: &'static str,
        others: &'static [Part],
    },
    /// One of them is given.
    Given(&'static [Part]),
    /// One number, duration or version of TLS stands so to another, if either is given; not where a switch of these is off.
    Compared {
        one: Measure,
        is: Than,
        other: Measure,
        unless_off: &'static [Part],
    },
    /// No feature gate is on without those that it needs.
    GatesAgree,
    /// Where there is a proxy, it is not used for these.
    NoProxyFor(&'static [Called]),
    /// The node's own range has an address for each pod that the kubelet may run.
    PodsHaveAddresses,
    /// The ports of services are none that something of ours listens on.
    NodePortsAreFree,
    /// Its cipher suites have one that HTTP/2 asks for, if any connection may be of a TLS before 1.3 (RFC 7540, 9.2.2).
    HasSuiteOfHttp2 {
        suites: Part,
        /// The oldest TLS that it speaks, and the word for 1.3.
        oldest: Part,
        tls_1_3: &'static str,
    },
    /// No cipher suites are given where it speaks TLS 1.3 alone, whose suites nobody chooses.
    NoSuitesOfTls13 {
        suites: Part,
        oldest: Part,
        tls_1_3: &'static str,
    },
    /// Each value of a flag is given once. Where the flag is a list, commas part its values.
    Once { flag: Part, is_list: bool },
    /// No value of one list is in the other too.
    Apart(Part, Part),
    /// No flag is given in the environment too: the variable is the flag in capitals behind this.
    NotInEnvironment(&'static str),
    /// Where one of `switches` is on, none of `beside` is given: the program takes both, and heeds one alone.
    Heeded {
        switches: &'static [Part],
        beside: &'static [Part],
    },
}

/// Of which values a rule speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valued {
    Begins(&'static str),
    Is(&'static str),
    /// A number or a duration is compared as what it comes to.
    IsNot(&'static str),
    MoreThan(u32),
    Given,
}

/// A number, duration or version of TLS that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Where it may be given: the last that is counts.
    pub parts: &'static [Part],
    /// What it is where it isn't given; empty where nothing is then compared.
    pub default: &'static str,
    /// What it is compared as, in tenths of it.
    pub tenths: u32,
    pub zero: Zero,
}

/// What zero means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// Zero.
    Counts,
    /// That it isn't given.
    IsDefault,
    /// That there is no such limit, and nothing is compared.
    IsNone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Than {
    More,
    AtLeast,
}

/// What becomes of a flag that is generated where the user gives one that excludes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// It is left out: nothing else can have been meant.
    GivesWay,
    /// It stays, and that is reported: the user may have meant either.
    Stays,
}

/// Whom a program calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The API server, as the program's kubeconfig has it.
    ApiServer,
    Etcd,
    /// The kubelets.
    Nodes,
    /// Services, by their addresses and by their names below `.svc`.
    Services,
    Pods,
}

/// Whether `part` of a row means the flag `name`.
pub fn is_flag(part: Part, name: &str) -> bool {
    match part {
        Part::Flag(own) => match own.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => own == name,
        },
        Part::Setting(_) => false,
    }
}
