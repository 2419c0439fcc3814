//! Flags, settings and variables of a program, judged together by the table of rules. `check` brings what was decided, `verify` what it
//! found; both are judged alike.

pub(crate) mod containerd;
pub(crate) mod duration;
mod gates;
mod no_proxy;
pub(crate) mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::catalog::port::Port;
use crate::catalog::releases::Version;
use crate::catalog::rule::{Asks, Called, Measure, Ours, Rule, Than, Valued, Zero, is_flag};
use crate::catalog::safeguard::Part;
use crate::catalog::tables::ports::PORTS;
use crate::catalog::tables::rules::RULES;
use no_proxy::NoProxy;
use values::Minors;

/// A program as it starts on a host.
#[derive(Debug, Default)]
pub struct StartedProgram {
    pub name: String,
    /// Without their dashes; each is given once for each value.
    pub flags: BTreeMap<String, Vec<String>>,
    /// The fields of its configuration file that are no tables, by their path; a list has commas.
    pub settings: BTreeMap<Vec<String>, String>,
    pub environment: BTreeMap<String, String>,
}

/// What is around a program: whom it may call, and what its host has. What is not known is empty, and then nothing is said of it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Of which release the program may be.
    pub minors: Option<Minors>,
    pub services: Vec<IpNet>,
    pub pods: Vec<IpNet>,
    /// A fleet has thousands.
    pub nodes: Arc<[IpAddr]>,
    /// Names or addresses of etcd's members, and the port at which the program calls them.
    pub etcd: Vec<(String, u16)>,
    /// The name or address, and the port, at which the program calls the API server.
    pub api_server: Option<(String, u16)>,
    /// Whether the program was built with Go before 1.16, and asks the proxy for HTTP for HTTPS too where there is no other
    /// (<https://go.dev/doc/go1.16#net/http>).
    pub any_proxy_is_asked: bool,
    /// The ranges out of which a bridge of the host gives its pods addresses.
    pub own_pods: Vec<IpNet>,
    /// The ports that are taken on hosts where those of services are opened.
    pub taken: Arc<[Port]>,
}

/// A part of what a program is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenPart {
    Flag(String),
    Setting(Vec<String>),
    Variable(String),
}

fn written(part: Part) -> GivenPart {
    match part {
        Part::Flag(name) => GivenPart::Flag(name.to_owned()),
        Part::Setting(path) => GivenPart::Setting(path.iter().map(|&key| key.to_owned()).collect()),
    }
}

impl GivenPart {
    /// As it is written.
    pub fn written(&self) -> String {
        match self {
            GivenPart::Flag(name) => format!("`--{name}`"),
            GivenPart::Setting(path) => format!("`{}`", path.join(".")),
            GivenPart::Variable(name) => format!("`{name}`"),
        }
    }
}

/// A rule that is broken.
#[derive(Debug)]
pub struct Broken {
    pub rule: &'static Rule,
    /// What breaks it: the part that the rule is about first.
    pub parts: Vec<GivenPart>,
    pub message: String,
    /// What would mend it, where that can be worked out.
    pub remedy: Option<String>,
}

/// The suites of which HTTP/2 asks for one: those of RFC 7540, 9.2.2, for either kind of key.
const SUITES_OF_HTTP2: [&str; 2] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
];

/// Whether there are rules about a program.
pub fn has_rules(program: &str) -> bool {
    rules_of(program).next().is_some()
}

/// The rules that a program breaks, in the order of the table.
pub fn broken(program: &StartedProgram, around: &Surroundings) -> Vec<Broken> {
    let holds = |rule: &&Rule| match &around.minors {
        Some(minors) => minors.all(|minor| (rule.since..=rule.until).contains(&minor)),
        None => (rule.since, rule.until) == (0, u16::MAX),
    };
    rules_of(&program.name)
        .filter(holds)
        .filter_map(|rule| {
            let (parts, message, remedy) = match rule.asks {
                Asks::Alone { one, others, .. } => program.beside(one, others)?,
                Asks::Needs {
                    one,
                    when,
                    other,
                    is,
                    by_itself,
                } => program.needs((one, when), (other, is), by_itself)?,
                Asks::NeedsGate { one, when, gate } => program.needs_gate(one, when, gate, around.minors.as_ref()?)?,
                Asks::With { one, item, others } => program.without(one, item, others)?,
                Asks::Given(parts) => program.not_given(parts)?,
                Asks::Compared {
                    one,
                    is,
                    other,
                    unless_off,
                } => program.out_of_proportion(&one, is, &other, unless_off)?,
                Asks::GatesAgree => program.gates_apart(around.minors.as_ref()?)?,
                Asks::Both(one, other) => program.half(one, other)?,
                Asks::NoProxyFor(called) => program.proxied(called, around)?,
                Asks::PodsHaveAddresses => program.pods_beyond(&around.own_pods)?,
                Asks::NodePortsAreFree => program.node_ports(&around.taken)?,
                Asks::HasSuiteOfHttp2 {
                    suites,
                    oldest,
                    tls_1_3,
                } => program.without_suite_of_http2(suites, oldest, tls_1_3)?,
                Asks::NoSuitesOfTls13 {
                    suites,
                    oldest,
                    tls_1_3,
                } => program.suites_of_tls_1_3(suites, oldest, tls_1_3)?,
                Asks::Once { flag, is_list } => program.twice(flag, is_list)?,
                Asks::Apart(one, other) => program.in_both(one, other)?,
                Asks::NotInEnvironment(start) => program.in_environment(start)?,
                Asks::Heeded { switches, beside } => program.unheeded(switches, beside)?,
            };
            let message = format!("{message}: {}", rule.why);
            Some(Broken {
                rule,
                parts,
                message,
                remedy,
            })
        })
        .collect()
}

/// The programs of a host, and its release of Kubernetes if that is known.
pub type HostPrograms<'a> = (BTreeSet<&'a str>, Option<Version>);

/// The ports that are taken where kube-proxy opens those of services: it does so on its own host, and on no other.
pub fn taken_beside_services<'a>(hosts: impl IntoIterator<Item = HostPrograms<'a>>) -> Arc<[Port]> {
    let hosts = hosts.into_iter();
    // Many are alike.
    let hosts: BTreeSet<HostPrograms<'a>> = hosts.filter(|(programs, _)| programs.contains("kube-proxy")).collect();
    let is_taken = |port: &&Port| {
        let mut hosts = hosts.iter();
        hosts.any(|(programs, kubernetes)| programs.contains(port.program) && port.is_taken_in(*kubernetes))
    };
    PORTS.iter().filter(is_taken).copied().collect()
}

/// Whether a flag that is generated is left out, since the user gives another that excludes it.
pub fn gives_way(program: &str, flag: &str, of_the_user: &[&str]) -> bool {
    rules_of(program).any(|rule| match rule.asks {
        Asks::Alone {
            one,
            others,
            ours: Ours::GivesWay,
        } => of_the_user.iter().any(|own| is_flag(one, own)) && others.iter().any(|other| is_flag(*other, flag)),
        _ => false,
    })
}

/// Whether a program can do without a flag, since it is given another that excludes it.
pub fn stands_in(program: &str, flag: &str, is_given: impl Fn(&str) -> bool) -> bool {
    rules_of(program).any(|rule| match rule.asks {
        Asks::Alone {
            one: Part::Flag(one),
            others,
            ..
        } => is_given(one) && others.iter().any(|other| is_flag(*other, flag)),
        _ => false,
    })
}

fn rules_of(program: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.of.contains(&program))
}

/// What breaks a rule, the message, and what would mend it.
type Told = (Vec<GivenPart>, String, Option<String>);

impl StartedProgram {
    /// What is given of a part, if it is more than an empty value.
    fn given(&self, part: Part) -> Vec<GivenPart> {
        match part {
            Part::Flag(_) => {
                let flags = self.flags.iter();
                let given =
                    flags.filter(|(name, values)| is_flag(part, name) && values.iter().any(|value| !value.is_empty()));
                given.map(|(name, _)| GivenPart::Flag(name.clone())).collect()
            }
            Part::Setting(path) => {
                let settings = self.settings.iter();
                // `*` stands for any field below.
                let is_meant = |own: &[String]| match path.split_last() {
                    Some((&"*", above)) => {
                        own.len() > above.len() && own.iter().zip(above).all(|(own, key)| own == key)
                    }
                    _ => own.iter().eq(path.iter()),
                };
                let given = settings.filter(|(own, value)| is_meant(own) && !value.is_empty());
                given.map(|(own, _)| GivenPart::Setting(own.clone())).collect()
            }
        }
    }

    fn beside(&self, one: Part, others: &[Part]) -> Option<Told> {
        const SHOWN: usize = 3;
        let one = self.given(one).into_iter().next()?;
        let others = others.iter().flat_map(|other| self.given(*other));
        let others: Vec<GivenPart> = others.filter(|other| *other != one).collect();
        let mut names: Vec<String> = others.iter().take(SHOWN).map(GivenPart::written).collect();
        if others.len() > SHOWN {
            names.push(format!("{} more", others.len() - SHOWN));
        }
        let last = names.pop()?;
        let list = match names.as_slice() {
            [] => last,
            names => format!("{} and {last}", names.join(", ")),
        };
        let message = format!("{} is given {} beside {list}", self.name, one.written());
        Some(([vec![one], others].concat(), message, None))
    }

    fn needs(&self, (one, when): (&[Part], Valued), (other, is): (&[Part], &[&str]), by_itself: bool) -> Option<Told> {
        let (given, value) = self.so(one, when)?;
        let now = other.iter().rev().find_map(|part| self.last(*part));
        if now.map_or(by_itself, |now| is.contains(&now)) {
            return None;
        }
        let other = written(*other.first()?);
        let beside = match now {
            None | Some("") => format!("without {}", other.written()),
            Some(now) => format!("beside {} {now}", other.written()),
        };
        let message = format!("{} is given {} {value} {beside}", self.name, given.written());
        let wanted = match *is.first()? {
            word @ ("true" | "false") => word.to_owned(),
            text => format!("\"{text}\""),
        };
        let remedy = format!("set {} to {wanted} as well, or take this out", other.written());
        Some((vec![given, other], message, Some(remedy)))
    }

    fn needs_gate(&self, one: &[Part], when: Valued, gate: &str, minors: &Minors) -> Option<Told> {
        let (given, value) = self.so(one, when)?;
        if !gates::is_off(minors, gate, &self.set_of_gates()) {
            return None;
        }
        let message = format!(
            "{} is given {} {value} while the feature gate {gate} is off",
            self.name,
            given.written()
        );
        let remedy = format!("turn {gate} on in `featureGates`, or take this out");
        Some((vec![given], message, Some(remedy)))
    }

    /// What is given of these last, and its value, where a rule speaks of such.
    fn so<'s>(&'s self, parts: &[Part], when: Valued) -> Option<(GivenPart, &'s str)> {
        let given = parts.iter().rev().find_map(|part| self.given(*part).pop())?;
        let value = self.value_of(&given)?;
        let is_so = match when {
            Valued::Begins(start) => value.starts_with(start),
            Valued::Is(word) => value == word,
            Valued::IsNot(word) => match (amount(value), amount(word)) {
                (Some(one), Some(other)) => (one - other).abs() > f64::EPSILON,
                _ => value != word,
            },
            Valued::MoreThan(least) => amount(value).is_some_and(|value| value > f64::from(least)),
            Valued::Given => true,
        };
        is_so.then_some((given, value))
    }

    fn without(&self, one: &[Part], item: &str, others: &[Part]) -> Option<Told> {
        let has = |part: &&GivenPart| {
            let value = self.value_of(part).unwrap_or_default();
            item.is_empty() || value.split(',').any(|own| own.trim() == item)
        };
        let given = one.iter().flat_map(|part| self.given(*part));
        let given = given.collect::<Vec<_>>().into_iter().find(|part| has(&part))?;
        if others.iter().any(|other| !self.given(*other).is_empty()) {
            return None;
        }
        let needed = written(*others.first()?);
        let what = match item {
            "" => String::new(),
            item => format!(" {item}"),
        };
        let message = format!(
            "{} is given {}{what} without {}",
            self.name,
            given.written(),
            needed.written()
        );
        let remedy = format!("give it {} as well, or take this out", needed.written());
        Some((vec![given, needed], message, Some(remedy)))
    }

    fn not_given(&self, parts: &[Part]) -> Option<Told> {
        if parts.iter().any(|part| !self.given(*part).is_empty()) {
            return None;
        }
        let parts: Vec<GivenPart> = parts.iter().map(|part| written(*part)).collect();
        let names: Vec<String> = parts.iter().map(GivenPart::written).collect();
        let message = format!("{} is not given {}", self.name, names.join(" or "));
        let remedy = format!("leave {} as khw-gen sets it", names.first()?);
        Some((parts, message, Some(remedy)))
    }

    fn out_of_proportion(&self, one: &Measure, is: Than, other: &Measure, unless_off: &[Part]) -> Option<Told> {
        let is_off = |part: &Part| self.last(*part).is_some_and(|value| value == "false");
        if unless_off.iter().any(is_off) {
            return None;
        }
        let (part, text, value) = self.measured(one)?;
        let (other_part, other_text, other_value) = self.measured(other)?;
        let (left, right) = (value * f64::from(one.tenths), other_value * f64::from(other.tenths));
        let is_kept = match is {
            Than::More => left > right,
            Than::AtLeast => left >= right,
        };
        if is_kept || part.is_none() && other_part.is_none() {
            return None;
        }
        let name = |given: &Option<GivenPart>, measure: &Measure| {
            let part = given
                .clone()
                .or_else(|| measure.parts.first().map(|part| written(*part)));
            part.map_or(String::new(), |part| part.written())
        };
        let than = match is {
            Than::More => "more than",
            Than::AtLeast => "at least",
        };
        let times = match f64::from(other.tenths) / f64::from(one.tenths) {
            1.0 => String::new(),
            times => format!("{times} times "),
        };
        let by_itself = |given: &Option<GivenPart>| if given.is_none() { " by itself" } else { "" };
        let message = format!(
            "{} of {} is {text}{}, and has to be {than} {times}{}, which is {other_text}{}",
            name(&part, one),
            self.name,
            by_itself(&part),
            name(&other_part, other),
            by_itself(&other_part)
        );
        let remedy = "make the one greater, or the other smaller".to_owned();
        let parts = [part, other_part].into_iter().flatten().collect();
        Some((parts, message, Some(remedy)))
    }

    /// Where a value is given, how it is written, and how much that is. What is no number is somebody else's affair.
    fn measured<'s>(&'s self, measure: &Measure) -> Option<(Option<GivenPart>, &'s str, f64)> {
        let given = measure.parts.iter().rev().find_map(|part| self.given(*part).pop());
        let text = given.as_ref().and_then(|part| self.value_of(part));
        let value = match text {
            Some(text) => Some((given, text, amount(text)?)),
            None => None,
        };
        let default = || Some((None, measure.default, amount(measure.default)?));
        match (value, measure.zero) {
            (Some((.., 0.0)), Zero::IsNone) => None,
            (Some((.., 0.0)), Zero::IsDefault) | (None, _) => default(),
            (value, _) => value,
        }
    }

    /// What is set of feature gates, in the order in which it counts.
    fn set_of_gates(&self) -> Vec<gates::Set<'_>> {
        let flag = self.flags.get("feature-gates").into_iter().flatten();
        let of_file = self.settings.iter().filter_map(|(path, value)| match path.as_slice() {
            [first, gate] if first == "featureGates" => Some((gate.as_str(), value.parse().ok()?)),
            _ => None,
        });
        // kube-proxy passes its flag over beside a file, and the kubelet heeds the flag's before the file's.
        let is_passed_over = self.name == "kube-proxy" && self.flags.contains_key("config");
        let flag = values::set_by_flag(flag.map(String::as_str).filter(|_| !is_passed_over));
        of_file.chain(flag).collect()
    }

    fn gates_apart(&self, minors: &Minors) -> Option<Told> {
        const SHOWN: usize = 3;
        let set = self.set_of_gates();
        let parted = gates::parted(minors, &set);
        let mut told: Vec<String> = parted
            .iter()
            .take(SHOWN)
            .map(|(need, _)| format!("{} is on and needs {}, which is off", need.gate.name, need.needs.name))
            .collect();
        if parted.len() > SHOWN {
            told.push(format!("{} more are on without what they need", parted.len() - SHOWN));
        }
        let remedy = match parted.as_slice() {
            [] => return None,
            [(only, _)] => format!("turn {} off, or {} on", only.gate.name, only.needs.name),
            _ => "turn off those that need it too, or leave it as it is by itself".to_owned(),
        };
        let mut parts: Vec<GivenPart> = Vec::new();
        for gate in parted.iter().flat_map(|(_, by)| by) {
            let path = vec!["featureGates".to_owned(), (*gate).to_owned()];
            let part = match self.settings.contains_key(&path) {
                true => GivenPart::Setting(path),
                false => GivenPart::Flag("feature-gates".to_owned()),
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let message = format!("feature gates of {}: {}", self.name, told.join("; "));
        Some((parts, message, Some(remedy)))
    }

    /// The last value that is given of a part.
    fn value_of(&self, part: &GivenPart) -> Option<&str> {
        match part {
            GivenPart::Flag(name) => self.flags.get(name)?.last().map(String::as_str),
            GivenPart::Setting(path) => self.settings.get(path).map(String::as_str),
            GivenPart::Variable(name) => self.environment.get(name).map(String::as_str),
        }
    }

    fn half(&self, one: Part, other: Part) -> Option<Told> {
        let (has, lacks) = match (self.given(one).is_empty(), self.given(other).is_empty()) {
            (false, true) => (written(one), written(other)),
            (true, false) => (written(other), written(one)),
            _ => return None,
        };
        let message = format!("{} is given {} without {}", self.name, has.written(), lacks.written());
        Some((vec![has, lacks], message, None))
    }

    fn proxied(&self, called: &[Called], around: &Surroundings) -> Option<Told> {
        const SHOWN: usize = 6;
        // All is called by HTTPS.
        let names: &[&str] = match around.any_proxy_is_asked {
            true => &["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"],
            false => &["HTTPS_PROXY", "https_proxy"],
        };
        let variable = |name: &&str| self.environment.get(*name).is_some_and(|value| !value.is_empty());
        let proxy = names.iter().copied().find(variable)?;
        let exceptions = ["NO_PROXY", "no_proxy"].into_iter().find(variable);
        let own = exceptions
            .and_then(|name| self.environment.get(name))
            .map_or("", String::as_str);
        let no_proxy = NoProxy::parse(own);
        let mut missing: Vec<String> = Vec::new();
        let mut add = |is_covered: bool, what: String| {
            if !is_covered && !missing.contains(&what) {
                missing.push(what);
            }
        };
        let ranges = |add: &mut dyn FnMut(bool, String), ranges: &[IpNet]| {
            for range in ranges {
                add(no_proxy.covers_range(*range), range.to_string());
            }
        };
        for called in called {
            match called {
                Called::ApiServer => {
                    if let Some((host, port)) = &around.api_server {
                        add(no_proxy.covers_at(host, *port), host.clone());
                    }
                }
                Called::Etcd => {
                    for (host, port) in &around.etcd {
                        add(no_proxy.covers_at(host, *port), host.clone());
                    }
                }
                Called::Nodes => {
                    for node in around.nodes.iter() {
                        add(no_proxy.covers(&node.to_string()), node.to_string());
                    }
                }
                Called::Pods => ranges(&mut add, &around.pods),
                Called::Services => {
                    ranges(&mut add, &around.services);
                    // Webhooks are called by such a name, whatever its address is.
                    let any = around.services.is_empty() || no_proxy.covers("service.namespace.svc");
                    add(any, ".svc".to_owned());
                }
            }
        }
        let list = match missing.get(SHOWN..) {
            _ if missing.is_empty() => return None,
            Some(more) if !more.is_empty() => format!("{} and {} more", missing[..SHOWN].join(", "), more.len()),
            _ => missing.join(", "),
        };
        let message = format!(
            "{} has `{proxy}`, and `{}` does not except {list}",
            self.name,
            exceptions.unwrap_or("NO_PROXY")
        );
        let all: Vec<&str> = own
            .split(',')
            .map(str::trim)
            .chain(missing.iter().map(String::as_str))
            .filter(|one| !one.is_empty())
            .collect();
        let remedy = match missing.len() {
            ..=SHOWN => format!("give it {} = \"{}\"", exceptions.unwrap_or("NO_PROXY"), all.join(",")),
            _ => "give it NO_PROXY with ranges that hold them".to_owned(),
        };
        let parts = [Some(proxy), exceptions].into_iter().flatten();
        let parts = parts.map(|name| GivenPart::Variable(name.to_owned())).collect();
        Some((parts, message, Some(remedy)))
    }

    /// The values of a part as they are written: of a flag each time that it is given.
    fn values(&self, part: Part) -> Vec<&str> {
        match part {
            Part::Flag(name) => {
                let values = self.flags.get(name).into_iter().flatten();
                values.map(String::as_str).collect()
            }
            Part::Setting(path) => {
                let own = self.settings.iter().find(|(own, _)| own.iter().eq(path.iter()));
                own.map(|(_, value)| value.as_str()).into_iter().collect()
            }
        }
    }

    /// The items of a part that is a list.
    fn items(&self, part: Part) -> Vec<&str> {
        let items = self.values(part).into_iter().flat_map(|value| value.split(','));
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }

    /// What is said of it last, which counts where a flag is no list.
    fn last(&self, part: Part) -> Option<&str> {
        self.values(part).last().copied()
    }

    fn without_suite_of_http2(&self, suites: Part, oldest: Part, tls_1_3: &str) -> Option<Told> {
        let given = self.items(suites);
        // `--disable-http2-serving`, which the tables have from Kubernetes 1.31 on.
        let is_off = self.last(Part::Flag("disable-http2-serving")) == Some("true");
        let has_one = given.iter().any(|suite| SUITES_OF_HTTP2.contains(suite));
        if given.is_empty() || has_one || is_off || self.last(oldest) == Some(tls_1_3) {
            return None;
        }
        let part = self.given(suites).into_iter().next()?;
        let message = format!(
            "{} of {} has no suite with which TLS 1.2 carries HTTP/2",
            part.written(),
            self.name
        );
        let remedy = "add the first of them for a key of ECDSA, the second for one of RSA".to_owned();
        Some((vec![part], message, Some(remedy)))
    }

    fn suites_of_tls_1_3(&self, suites: Part, oldest: Part, tls_1_3: &str) -> Option<Told> {
        if self.last(oldest) != Some(tls_1_3) {
            return None;
        }
        let part = self.given(suites).into_iter().next()?;
        let message = format!("{} is given {} and speaks TLS 1.3 alone", self.name, part.written());
        Some((vec![part], message, None))
    }

    fn twice(&self, flag: Part, is_list: bool) -> Option<Told> {
        let values = match is_list {
            true => self.items(flag),
            false => self.values(flag),
        };
        let again = |(place, value): (usize, &&str)| values[..place].contains(value);
        let (place, _) = values
            .iter()
            .enumerate()
            .find(|(place, value)| again((*place, *value)))?;
        let part = self.given(flag).into_iter().next()?;
        let message = format!("{} of {} has {} twice", part.written(), self.name, values[place]);
        Some((vec![part], message, None))
    }

    fn in_both(&self, one: Part, other: Part) -> Option<Told> {
        let others = self.items(other);
        let twice = self.items(one).into_iter().find(|item| others.contains(item))?;
        let parts = [self.given(other), self.given(one)].concat();
        let names: Vec<String> = parts.iter().map(GivenPart::written).collect();
        let message = format!("{} of {} both have {twice}", names.join(" and "), self.name);
        Some((parts, message, None))
    }

    fn in_environment(&self, start: &str) -> Option<Told> {
        let flag_of = |name: &str| Some(name.strip_prefix(start)?.to_lowercase().replace('_', "-"));
        let (name, flag) = self.environment.iter().find_map(|(name, value)| {
            let flag = flag_of(name).filter(|flag| !value.is_empty() && self.flags.contains_key(flag))?;
            Some((name, flag))
        })?;
        let parts = vec![GivenPart::Variable(name.clone()), GivenPart::Flag(flag)];
        let message = format!("{} is given `{name}` beside {}", self.name, parts[1].written());
        Some((parts, message, None))
    }

    fn unheeded(&self, switches: &[Part], beside: &[Part]) -> Option<Told> {
        // A flag counts before the file, and without a value it is on.
        let said = switches.iter().rev().find(|switch| self.last(**switch).is_some())?;
        if !["true", ""].contains(&self.last(*said)?) {
            return None;
        }
        let switch = match *said {
            Part::Flag(name) => GivenPart::Flag(name.to_owned()),
            Part::Setting(path) => GivenPart::Setting(path.iter().map(|&key| key.to_owned()).collect()),
        };
        let other = beside.iter().flat_map(|part| self.given(*part)).next()?;
        let message = format!("{} is given {} beside {}", self.name, switch.written(), other.written());
        Some((vec![switch, other], message, None))
    }

    fn pods_beyond(&self, own_pods: &[IpNet]) -> Option<Told> {
        // A flag counts before the file: https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/.
        let flag = self.flags.get("max-pods").and_then(|values| values.last());
        let path = vec!["maxPods".to_owned()];
        let (most, given) = match (flag, self.settings.get(&path)) {
            (Some(text), _) => (text, GivenPart::Flag("max-pods".to_owned())),
            (None, Some(text)) => (text, GivenPart::Setting(path)),
            (None, None) => return None,
        };
        let most: u128 = most.trim().parse().ok()?;
        let (range, addresses) = own_pods
            .iter()
            .map(|range| (range, addresses_for_pods(*range)))
            .min_by_key(|(_, addresses)| *addresses)?;
        if most <= addresses {
            return None;
        }
        let message = format!(
            "{} is given {} = {most}, and its node's {range} has addresses for {addresses}",
            self.name,
            given.written()
        );
        Some((vec![given], message, Some(format!("at most {addresses}"))))
    }

    fn node_ports(&self, taken: &[Port]) -> Option<Told> {
        let flag = "service-node-port-range";
        let text = self.flags.get(flag)?.last()?;
        // `FIRST-LAST`, or `FIRST+HOW MANY MORE`.
        let (first, last) = match (text.split_once('-'), text.split_once('+')) {
            (Some((first, last)), _) => (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?),
            (None, Some((first, more))) => {
                let first: u16 = first.parse().ok()?;
                (first, first.saturating_add(more.parse().ok()?))
            }
            (None, None) => {
                let port = text.parse().ok()?;
                (port, port)
            }
        };
        let taken: Vec<String> = taken
            .iter()
            .filter(|port| (first..=last).contains(&port.number))
            .map(|port| format!("{} of {}", port.number, port.whose))
            .collect();
        if taken.is_empty() {
            return None;
        }
        let message = format!("`--{flag}={text}` of {} has {} in it", self.name, taken.join(", "));
        Some((vec![GivenPart::Flag(flag.to_owned())], message, None))
    }
}

/// How much a number, a duration (in seconds) or a version of TLS is.
fn amount(text: &str) -> Option<f64> {
    let number = text.strip_prefix("TLS").unwrap_or(text).parse::<f64>();
    number
        .ok()
        .filter(|number| number.is_finite())
        .or_else(|| Some(duration::parse(text).ok()?.as_seconds_f64()))
}

/// How many pods a bridge has addresses for: none gets the first of a range, which is the range's own, the second, which is the
/// bridge's, or the last, to which IPv4 broadcasts (<https://www.cni.dev/plugins/current/ipam/host-local/>).
fn addresses_for_pods(range: IpNet) -> u128 {
    let bits = u32::from(range.max_prefix_len() - range.prefix_len());
    let all = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
    all.saturating_sub(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_keeps_three_addresses_of_a_range() {
        let pods = |range: &str| addresses_for_pods(range.parse().unwrap());
        assert_eq!(
            (pods("10.0.0.0/24"), pods("10.0.0.0/31"), pods("fd00::/120")),
            (253, 0, 253)
        );
    }

    #[test]
    fn every_rule_names_a_program_and_a_source() {
        for rule in RULES {
            let known = |name: &&&str| crate::catalog::component(name).is_some();
            assert!(
                !rule.of.is_empty() && rule.of.iter().all(|name| known(&name)),
                "{rule:?}"
            );
            assert!(rule.source.starts_with("https://") && !rule.why.is_empty(), "{rule:?}");
        }
    }

    /// How many rules a program breaks that is given these flags, settings and variables.
    fn broken_by(
        name: &str,
        flags: &[(&str, &[&str])],
        settings: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> usize {
        let own = |text: &&str| (*text).to_owned();
        let program = StartedProgram {
            name: name.to_owned(),
            flags: flags
                .iter()
                .map(|(flag, values)| (own(flag), values.iter().map(own).collect()))
                .collect(),
            settings: settings
                .iter()
                .map(|(path, value)| (path.split('.').map(str::to_owned).collect(), own(value)))
                .collect(),
            environment: environment
                .iter()
                .map(|(name, value)| (own(name), own(value)))
                .collect(),
        };
        broken(&program, &Surroundings::default()).len()
    }

    /// kube-apiserver 1.37.2, kube-controller-manager, kube-scheduler, kubelet and etcd 3.7.3 were run with lists like these.
    #[test]
    fn suites_without_the_one_of_http2_are_refused_unless_none_is_used() {
        const STRONG: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
        const ASKED: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        let both = format!("{STRONG},{ASKED}");
        for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            let with = |suites: &str, more: &[(&str, &[&str])]| {
                broken_by(
                    name,
                    &[&[("tls-cipher-suites", &[suites][..]), ("config", &["/a.yaml"])], more].concat(),
                    &[],
                    &[],
                )
            };
            assert_eq!(
                (with(STRONG, &[]), with("TLS_AES_256_GCM_SHA384", &[])),
                (1, 1),
                "{name}"
            );
            assert_eq!((with(&both, &[]), with("", &[])), (0, 0), "{name}");
            assert_eq!(with(STRONG, &[("tls-min-version", &["VersionTLS13"])]), 0, "{name}");
            assert_eq!(with(STRONG, &[("disable-http2-serving", &["true"])]), 0, "{name}");
        }
        let kubelet = |suites: &str| broken_by("kubelet", &[], &[("tlsCipherSuites", suites)], &[]);
        assert_eq!((kubelet(STRONG), kubelet(&both)), (1, 0));
        let etcd = |suites: &str, oldest: &str| {
            broken_by(
                "etcd",
                &[("cipher-suites", &[suites]), ("tls-min-version", &[oldest])],
                &[],
                &[],
            )
        };
        assert_eq!((etcd(STRONG, "TLS1.2"), etcd(ASKED, "TLS1.2")), (1, 0));
        // It refuses any list, for another reason.
        assert_eq!((etcd(STRONG, "TLS1.3"), etcd(ASKED, "TLS1.3")), (1, 1));
    }

    #[test]
    fn what_is_said_twice_is_told() {
        let api = |flags: &[(&str, &[&str])]| broken_by("kube-apiserver", flags, &[], &[]);
        let issuers = |all: &[&str]| api(&[("service-account-issuer", all)]);
        assert_eq!(
            (
                issuers(&["https://a", "https://a"]),
                issuers(&["https://a", "https://b"])
            ),
            (1, 0)
        );
        // Issuers are no list with commas.
        assert_eq!(issuers(&["https://a/x,x"]), 0);
        let modes = |all: &[&str]| api(&[("authorization-mode", all)]);
        assert_eq!(
            (
                modes(&["Node,RBAC,Node"]),
                modes(&["RBAC", "RBAC"]),
                modes(&["Node,RBAC"])
            ),
            (1, 1, 0)
        );
        let plugins = |on: &str, off: &str| {
            api(&[
                ("enable-admission-plugins", &[on]),
                ("disable-admission-plugins", &[off]),
            ])
        };
        assert_eq!((plugins("A,B", "C,B"), plugins("A,B", "C"), plugins("", "")), (1, 0, 0));
        let etcd = |name: &str| broken_by("etcd", &[("name", &["m1"])], &[], &[(name, "m1")]);
        assert_eq!((etcd("ETCD_NAME"), etcd("ETCD_LOG_LEVEL"), etcd("NAME")), (1, 0, 0));
    }

    #[test]
    fn a_kubelet_that_renews_its_own_certificate_is_told_by_flag_or_file() {
        let kubelet = |flags: &[(&str, &[&str])], settings: &[(&str, &str)]| {
            let all = [&[("kubeconfig", &["/var/lib/kubelet/kubeconfig"][..])], flags].concat();
            broken_by("kubelet", &all, settings, &[])
        };
        assert_eq!(kubelet(&[], &[("rotateCertificates", "true")]), 1);
        assert_eq!(kubelet(&[("rotate-certificates", &["true"])], &[]), 1);
        assert_eq!(
            kubelet(
                &[("rotate-certificates", &["false"])],
                &[("rotateCertificates", "true")]
            ),
            0
        );
        assert_eq!(kubelet(&[], &[("rotateCertificates", "false")]), 0);
        let (serving, key) = (("serverTLSBootstrap", "true"), ("tlsPrivateKeyFile", "/a-key.pem"));
        assert_eq!(
            (
                kubelet(&[], &[serving]),
                kubelet(&[], &[serving, ("tlsCertFile", "/a.pem"), key])
            ),
            (0, 1)
        );
    }

    /// kubelet and kube-scheduler 1.37.2 and etcd 3.6.16 were run with them.
    #[test]
    fn what_is_compared_counts_with_what_it_is_by_itself() {
        let kubelet = |settings: &[(&str, &str)]| broken_by("kubelet", &[], settings, &[]);
        let (high, low) = ("imageGCHighThresholdPercent", "imageGCLowThresholdPercent");
        let percents = [
            kubelet(&[(high, "80")]),
            kubelet(&[(high, "81")]),
            kubelet(&[(low, "85")]),
            kubelet(&[(high, "70"), (low, "60")]),
        ];
        assert_eq!(percents, [1, 0, 1, 0]);
        // No age is a limit of none, and one that is zero is two minutes.
        let (most, least) = ("imageMaximumGCAge", "imageMinimumGCAge");
        let ages = [
            kubelet(&[(most, "1m")]),
            kubelet(&[(most, "0s"), (least, "1h")]),
            kubelet(&[(most, "2m"), (least, "0s")]),
            kubelet(&[(most, "121s")]),
        ];
        assert_eq!(ages, [1, 0, 1, 0]);
        let etcd = |election: &str| broken_by("etcd", &[("election-timeout", &[election])], &[], &[]);
        assert_eq!((etcd("499"), etcd("500"), etcd("soon")), (1, 0, 0));
        let scheduler = |flags: &[(&str, &[&str])], settings: &[(&str, &str)]| {
            let all = [&[("config", &["/etc/scheduler.yaml"][..])], flags].concat();
            broken_by("kube-scheduler", &all, settings, &[])
        };
        let retry = ("leaderElection.retryPeriod", "9s");
        // The renewal has to be more than 1.2 times that, and a flag counts before the file.
        assert_eq!(scheduler(&[], &[retry]), 1);
        assert_eq!(scheduler(&[("leader-elect-retry-period", &["8s"])], &[retry]), 0);
        assert_eq!(scheduler(&[], &[retry, ("leaderElection.leaderElect", "false")]), 0);
    }

    /// kubelet 1.30.14, 1.34.4, 1.35.4 and 1.37.2 were run with each.
    #[test]
    fn settings_of_a_kubelet_need_their_gates_and_one_another() {
        let kubelet = |minor: u16, settings: &[(&str, &str)]| {
            let settings = settings
                .iter()
                .map(|(path, value)| (path.split('/').map(str::to_owned).collect(), (*value).to_owned()));
            let program = StartedProgram {
                name: "kubelet".to_owned(),
                settings: settings.collect(),
                ..StartedProgram::default()
            };
            let version = Some(Version::new(1, minor));
            let around = Surroundings {
                minors: Some(Minors::of(crate::catalog::releases::Program::Kubernetes, version)),
                ..Surroundings::default()
            };
            broken(&program, &around).len()
        };
        let quota = ("cpuCFSQuotaPeriod", "50ms");
        let custom = |on| ("featureGates/CustomCPUCFSQuotaPeriod", on);
        assert_eq!([35, 36, 37].map(|minor| kubelet(minor, &[quota])), [1, 0, 0]);
        assert_eq!(
            (
                kubelet(34, &[quota, custom("true")]),
                kubelet(37, &[quota, custom("false")]),
                kubelet(34, &[quota, ("featureGates/AllAlpha", "true")]),
                // The same as what it is by itself, however it is written.
                kubelet(34, &[("cpuCFSQuotaPeriod", "0.1s")]),
            ),
            (0, 1, 0, 0)
        );
        let swap = ("memorySwap/swapBehavior", "LimitedSwap");
        assert_eq!([29, 30, 37].map(|minor| kubelet(minor, &[swap])), [1, 0, 0]);
        let backoff = ("crashLoopBackOff/maxContainerRestartPeriod", "60s");
        assert_eq!([34, 35].map(|minor| kubelet(minor, &[backoff])), [1, 0]);
        assert_eq!(kubelet(37, &[("defaultPodSysctls/net.core.somaxconn", "1024")]), 1);
        let by_priority = ("shutdownGracePeriodByPodPriority", "{}");
        let off = ("featureGates/GracefulNodeShutdownBasedOnPodPriority", "false");
        assert_eq!((kubelet(37, &[by_priority]), kubelet(37, &[by_priority, off])), (0, 1));
        // Of several at once, the kubelet pulls one after the other only where it is told to.
        let (pulls, one, serial) = (
            ("maxParallelImagePulls", "5"),
            ("maxParallelImagePulls", "1"),
            ("serializeImagePulls", "true"),
        );
        assert_eq!(
            (
                kubelet(37, &[pulls]),
                kubelet(37, &[pulls, serial]),
                kubelet(37, &[one, serial])
            ),
            (0, 1, 0)
        );
        let cgroups = ("cgroupsPerQOS", "false");
        let enforced = |what| kubelet(37, &[cgroups, ("enforceNodeAllocatable", what)]);
        assert_eq!(
            (
                kubelet(37, &[cgroups]),
                enforced("pods"),
                enforced("none"),
                enforced("")
            ),
            (1, 1, 0, 0)
        );
        assert_eq!(kubelet(37, &[("enforceNodeAllocatable", "pods,pods")]), 1);
    }

    #[test]
    fn a_rule_holds_in_its_releases() {
        let api = |minor: Option<u16>| {
            let program = StartedProgram {
                name: "kube-apiserver".to_owned(),
                ..StartedProgram::default()
            };
            let version = minor.map(|minor| Version::new(1, minor));
            let around = Surroundings {
                minors: Some(Minors::of(crate::catalog::releases::Program::Kubernetes, version)),
                ..Surroundings::default()
            };
            broken(&program, &around).len()
        };
        // Neither an issuer of tokens nor a key for them.
        assert_eq!([Some(19), Some(20), Some(37), None].map(api), [0, 2, 2, 0]);
    }

    #[test]
    fn a_range_of_ports_is_read_in_every_form() {
        let taken = |range: &str| {
            let program = StartedProgram {
                name: "kube-apiserver".to_owned(),
                flags: [("service-node-port-range".to_owned(), vec![range.to_owned()])].into(),
                ..StartedProgram::default()
            };
            let around = Surroundings {
                taken: PORTS.into(),
                ..Surroundings::default()
            };
            broken(&program, &around).len()
        };
        let ranges = ["30000-32767", "10000-11000", "10200+100", "10251", "2381-6442"];
        assert_eq!(ranges.map(taken), [0, 1, 1, 1, 0]);
    }

    #[test]
    fn a_port_is_taken_beside_kube_proxy_and_in_a_release_that_has_it() {
        let taken = |hosts: &[&[&'static str]], minor: Option<&str>| -> Vec<u16> {
            let version = minor.and_then(Version::parse);
            let hosts = hosts
                .iter()
                .map(|programs| (programs.iter().copied().collect(), version));
            let taken = taken_beside_services(hosts);
            taken.iter().map(|port| port.number).collect()
        };
        let (node, master) = (["kubelet", "kube-proxy"], ["kube-apiserver", "kube-scheduler"]);
        let both = [node, master].concat();
        let of_node = [10248, 10249, 10250, 10256];
        assert_eq!(taken(&[&node, &master], Some("1.22")), of_node);
        assert_eq!(taken(&[&master], Some("1.22")), Vec::<u16>::new());
        assert_eq!(
            taken(&[&both], Some("1.22")),
            [&[6443, 10251, 10259][..], &of_node].concat()
        );
        for since in [Some("1.23"), Some("1.37"), None] {
            assert_eq!(taken(&[&both], since), [&[6443, 10259][..], &of_node].concat());
        }
    }
}
