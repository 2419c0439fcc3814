//! What a load balancer does, whichever program does it: where it listens, whom it asks, and how it finds out who is well.

use std::net::IpAddr;

use crate::audit::names::{host_and_port, is_placeholder};

/// What a load balancer's configuration says.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    /// The unit that runs it: `nginx`, `haproxy`.
    pub program: &'static str,
    /// The lines that the program refuses, and why.
    pub refused: Vec<(usize, String)>,
    pub services: Vec<Service>,
    /// Upstreams that are still placeholders.
    pub unfilled: Vec<String>,
}

/// Listeners, and the servers that they lead to.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub listens: Vec<Listener>,
    pub servers: Vec<Upstream>,
    /// What keeps TLS of clients from the servers, in words that go on from "it".
    pub breaks_tls: Vec<String>,
    /// What lets nobody through.
    pub closed: Vec<String>,
    /// Seconds after which a quiet connection is cut off, where that is told.
    pub quiet: Option<u64>,
}

/// An address and port that are listened at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// All addresses where it is an unspecified one; none where it is all of both families.
    pub address: Option<IpAddr>,
    pub port: u16,
}

impl Listener {
    /// Whether it is reached at an address; at a name it is, unless it listens to its own host alone.
    pub fn answers(&self, host: &str) -> bool {
        match (self.address, host.parse::<IpAddr>()) {
            (None, _) => true,
            (Some(own), Ok(called)) => own == called || own.is_unspecified() && own.is_ipv4() == called.is_ipv4(),
            (Some(own), Err(_)) => !own.is_loopback(),
        }
    }
}

/// A server that a load balancer leads to.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub host: String,
    pub port: Option<u16>,
    pub asked: Asked,
    /// After how many seconds at the latest it is led to again once it is well, where there are others meanwhile.
    pub back_after: u64,
    pub check: Option<HealthCheck>,
}

/// When a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Always,
    /// When all others fail.
    LastResort,
    /// Never, by the word that says so.
    Never(&'static str),
}

/// How a load balancer finds out whether a server is well.
#[derive(Clone, Debug, Default)]
pub struct HealthCheck {
    /// Another port than the one that connections go to.
    pub port: Option<u16>,
    pub tls: bool,
    /// The authorities that have to vouch for the server, as a path, where it is verified.
    pub authority: Option<String>,
    /// The name that its certificate has to hold.
    pub name: Option<String>,
    pub asks: Question,
}

/// What a check asks of a server.
#[derive(Clone, Debug, Default)]
pub enum Question {
    /// Whether it takes a connection.
    #[default]
    Connection,
    Http {
        path: String,
        answer: Answer,
    },
    /// Something that no API server speaks.
    Foreign(&'static str),
}

/// Which status of HTTP means that a server is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One of these ranges.
    Among(Vec<(u16, u16)>),
    /// What is asked for can't be told.
    Unknown,
}

/// The most servers that services may have together: many that share a list of many would take more than any memory.
pub(super) const MOST_SERVERS: usize = 1_000_000;

impl Balancer {
    pub(super) fn of(program: &'static str) -> Balancer {
        Balancer {
            program,
            ..Balancer::default()
        }
    }

    pub(super) fn refuse(&mut self, line: usize, why: impl Into<String>) {
        self.refused.push((line, why.into()));
    }

    /// The address of a server as it stands there; placeholders are noted.
    pub(super) fn upstream(&mut self, address: &str) -> Option<(String, Option<u16>)> {
        if is_placeholder(address) {
            self.unfilled.push(address.to_owned());
            return None;
        }
        host_and_port(address)
    }

    /// Every port that it listens at.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        let listeners = self.services.iter().flat_map(|service| &service.listens);
        listeners.map(|listener| listener.port)
    }
}

/// A word as a message may show it: what could be a secret's is not shown.
pub(super) fn shown(word: &str) -> &str {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if plain && word.len() <= 40 { word } else { "something" }
}
