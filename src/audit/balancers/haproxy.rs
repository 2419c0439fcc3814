//! haproxy's configuration, read as cfgparse.c reads it: lines of words in sections
//! (<https://docs.haproxy.org/2.6/configuration.html>, 2 and 4 for the sections, 5.1 and 5.2 for `bind` and `server`).

use std::collections::{BTreeMap, BTreeSet};

use super::service::{
    Answer, Asked, Balancer, HealthCheck, Listener, MOST_SERVERS, Question, Service, Upstream, shown,
};
use crate::audit::names::is_placeholder;

#[rustfmt::skip]
const SECTIONS: &[&str] = &[
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "mailers", "program", "cache", "ring",
    "http-errors", "fcgi-app", "log-forward", "log-profile", "traces", "crt-store", "acme",
];

/// What a section of proxies takes; more than one kind of section takes most of it, and haproxy only warns of the rest.
#[rustfmt::skip]
const OF_PROXIES: &[&str] = &[
    "acl", "backlog", "balance", "bind", "capture", "clitcpka-cnt", "clitcpka-idle", "clitcpka-intvl", "compression", "cookie", "crt",
    "declare", "default-server", "default_backend", "description", "disabled", "dispatch", "dynamic-cookie-key", "email-alert", "enabled",
    "error-log-format", "errorfile", "errorfiles", "errorloc", "errorloc302", "errorloc303", "external-check", "filter",
    "force-be-switch", "force-persist", "fullconn", "grace", "guid", "hash-balance-factor", "hash-preserve-affinity", "hash-type",
    "http-after-response", "http-check", "http-error", "http-request", "http-response", "http-reuse", "http-send-name-header", "id",
    "ignore-persist", "load-server-state-from-file", "log", "log-format", "log-format-sd", "log-steps", "log-tag", "maxconn",
    "max-keep-alive-queue", "max-session-srv-conns", "mode", "monitor", "monitor-net", "monitor-uri", "option", "persist",
    "quic-initial", "rate-limit", "redirect", "retries", "retry-on", "server", "server-state-file-name", "server-template", "source",
    "srvtcpka-cnt", "srvtcpka-idle", "srvtcpka-intvl", "ssl-f-use", "stats", "stick", "stick-table", "tcp-check", "tcp-request",
    "tcp-response", "timeout", "transparent", "unique-id-format", "unique-id-header", "usesrc", "use-fcgi-app", "use-server",
    "use_backend",
];

#[rustfmt::skip]
const GLOBAL: &[&str] = &[
    "51degrees-data-file", "busy-polling", "ca-base", "chroot", "close-spread-time", "cluster-secret", "cpu-map", "cpu-policy", "cpu-set",
    "crt-base", "daemon", "debug", "default-path", "description", "dns-accept-family", "expose-deprecated-directives",
    "expose-experimental-directives", "external-check", "fd-hard-limit", "force-cfg-parser-pause", "gid", "grace", "group",
    "hard-stop-after", "harden.reject-privileged-ports.tcp", "harden.reject-privileged-ports.quic", "insecure-fork-wanted",
    "insecure-setuid-wanted", "issuers-chain-path", "key-base", "limited-quic", "localpeer", "log", "log-send-hostname", "log-tag",
    "lua-load", "lua-load-per-thread", "lua-prepend-path", "master-worker", "max-spread-checks", "maxcompcpuusage", "maxcomprate",
    "maxconn", "maxconnrate", "maxpipes", "maxsessrate", "maxsslconn", "maxsslrate", "maxzlibmem", "mworker-max-reloads", "nbproc",
    "nbthread", "node", "numa-cpu-mapping", "no", "no-memory-trimming", "no-quic", "noepoll", "noevports", "nogetaddrinfo", "nokqueue",
    "nopoll", "noreuseport", "nosplice", "pidfile", "pp2-never-send-local", "prealloc-fd", "presetenv", "profiling.memory",
    "profiling.tasks", "quiet", "resetenv", "server-state-base", "server-state-file", "set-dumpable", "set-var", "set-var-fmt", "setcap",
    "setenv", "shm-stats-file", "shm-stats-file-max-objects", "spread-checks", "stats", "stats-file", "strict-limits", "thread-group",
    "thread-groups", "thread-hard-limit", "uid", "ulimit-n", "unix-bind", "unsetenv", "user", "wait", "warn-blocked-traffic-after",
    "zero-warning",
];

/// What begins so is known to some release.
const GLOBAL_FAMILIES: &[&str] = &[
    "tune.",
    "ssl-",
    "h1-",
    "h2-",
    "httpclient.",
    "wurfl-",
    "deviceatlas-",
    "51degrees-",
    "ocsp-update.",
    "acme.",
    "no-",
];

#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "abortonclose", "accept-invalid-http-request", "accept-invalid-http-response", "accept-unsafe-violations-in-http-request",
    "accept-unsafe-violations-in-http-response", "allbackups", "assume-rfc6587-ntf", "checkcache", "clitcpka", "contstats",
    "disable-h2-upgrade", "dontlog-normal", "dontlognull", "external-check", "forwarded", "forwardfor", "h1-case-adjust-bogus-client",
    "h1-case-adjust-bogus-server", "http-buffer-request", "http-drop-request-trailers", "http-drop-response-trailers",
    "http-ignore-probes", "http-keep-alive", "http-no-delay", "http-pretend-keepalive", "http-restrict-req-hdr-names",
    "http-server-close", "http-use-proxy-header", "httpchk", "httpclose", "httplog", "httpslog", "idle-close-on-response",
    "independent-streams", "ldap-check", "log-health-checks", "log-separate-errors", "logasap", "mysql-check", "nolinger",
    "originalto", "persist", "pgsql-check", "prefer-last-server", "redis-check", "redispatch", "smtpchk", "socket-stats",
    "splice-auto", "splice-request", "splice-response", "spop-check", "srvtcpka", "ssl-hello-chk", "tcp-check", "tcp-smart-accept",
    "tcp-smart-connect", "tcpka", "tcplog", "transparent", "use-small-buffers",
];

/// Options that make checks speak another protocol than API servers.
const FOREIGN_CHECKS: &[&str] = &[
    "ldap-check",
    "mysql-check",
    "pgsql-check",
    "redis-check",
    "smtpchk",
    "spop-check",
];

#[rustfmt::skip]
const TIMEOUTS: &[&str] = &[
    "check", "client", "client-fin", "client-hs", "connect", "http-keep-alive", "http-request", "queue", "server", "server-fin", "tarpit",
    "tunnel",
];

#[rustfmt::skip]
const BALANCES: &[&str] = &[
    "roundrobin", "static-rr", "leastconn", "first", "source", "uri", "url_param", "hdr", "random", "rdp-cookie", "hash", "log-hash",
    "log-sticky", "sticky",
];

/// Words of `server` and `default-server`, and how many follow each.
#[rustfmt::skip]
const OF_SERVERS: &[(usize, &[&str])] = &[
    (0, &[
        "agent-check", "allow-0rtt", "backup", "check", "check-send-proxy", "check-ssl", "check-via-socks4", "disabled", "enabled",
        "force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13", "no-agent-check", "no-backup", "no-check",
        "no-check-reuse-pool", "check-reuse-pool", "no-check-send-proxy", "no-check-ssl", "no-renegotiate", "no-send-proxy",
        "no-send-proxy-v2", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn", "no-ssl", "no-ssl-reuse", "no-sslv3", "no-tfo",
        "no-tls-tickets", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13", "no-verifyhost", "non-stick", "renegotiate", "send-proxy",
        "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "ssl", "ssl-reuse", "stick", "tfo", "tls-tickets",
        "no-sni-auto", "sni-auto", "no-check-sni-auto", "check-sni-auto", "no-strict-maxconn", "strict-maxconn",
    ]),
    (1, &[
        "addr", "agent-addr", "agent-inter", "agent-port", "agent-send", "alpn", "ca-file", "check-alpn", "check-pool-conn-name",
        "check-proto", "check-sni", "ciphers", "ciphersuites", "client-sigalgs", "cookie", "crl-file", "crt", "curves", "downinter",
        "error-limit", "fall", "fastinter", "guid", "hash-key", "id", "idle-ping", "init-addr", "init-state", "inter", "log-bufsize",
        "log-proto", "max-reuse", "maxconn", "maxqueue", "minconn", "namespace", "npn", "observe", "on-error", "on-marked-down",
        "on-marked-up", "pool-conn-name", "pool-low-conn", "pool-max-conn", "pool-purge-delay", "port", "proto", "proxy-v2-options",
        "redir", "resolve-net", "resolve-opts", "resolve-prefer", "resolvers", "rise", "set-proxy-v2-tlv-fmt", "shard", "sigalgs",
        "slowstart", "sni", "socks4", "source", "ssl-max-ver", "ssl-min-ver", "tcp-md5sig", "tcp-ut", "track", "usesrc", "interface",
        "verify", "verifyhost", "weight", "ws", "cc", "renegotiation",
    ]),
];

#[rustfmt::skip]
const OF_BINDS: &[(usize, &[&str])] = &[
    (0, &[
        "accept-proxy", "allow-0rtt", "defer-accept", "force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13",
        "generate-certificates", "no-alpn", "no-ca-names", "no-strict-sni", "no-sslv3", "no-tls-tickets", "no-tlsv10", "no-tlsv11",
        "no-tlsv12", "no-tlsv13", "prefer-client-ciphers", "quic-force-retry", "ssl", "strict-sni", "tfo", "transparent", "v4v6",
        "v6only",
    ]),
    (1, &[
        "accept-netscaler-cip", "alpn", "backlog", "ca-file", "ca-ignore-err", "ca-sign-file", "ca-sign-pass", "ca-verify-file",
        "ciphers", "ciphersuites", "client-sigalgs", "crl-file", "crt", "crt-ignore-err", "crt-list", "curves", "default-crt", "ecdhe",
        "expose-fd", "gid", "group", "guid-prefix", "id", "idle-ping", "interface", "level", "maxconn", "mode", "mss", "name",
        "namespace", "nbconn", "nice", "npn", "ocsp-update", "process", "proto", "quic-cc-algo", "quic-socket", "severity-output",
        "shards", "sigalgs", "ssl-max-ver", "ssl-min-ver", "tcp-md5sig", "tcp-ut", "thread", "tls-ticket-keys", "uid", "user", "verify",
        "tcp-ss", "cc", "label", "ktls",
    ]),
];

/// A section with its lines, each its number and its words.
struct Chapter {
    kind: String,
    name: String,
    words: Vec<String>,
    line: usize,
    lines: Vec<(usize, Vec<String>)>,
}

/// Reads the text of a file; none if it is not haproxy's.
pub(super) fn read(path: &str, text: &str) -> Option<Balancer> {
    let mut balancer = Balancer::of("haproxy");
    let sections = sections(text, &mut balancer);
    let balances = |section: &Chapter| ["frontend", "backend", "listen", "defaults"].contains(&section.kind.as_str());
    if !(path.contains("haproxy") && path.ends_with(".cfg") || sections.iter().any(balances)) {
        return None;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        balancer.refuse(
            text.lines().count(),
            "the last line does not end, so the file may be cut off",
        );
    }
    for section in &sections {
        check(section, &mut balancer);
    }
    // Files of a folder are read together.
    let is_alone = path.ends_with("/haproxy.cfg");
    let is_bound =
        |section: &Chapter| section.kind == "log-forward" || section.lines.iter().any(|(_, words)| words[0] == "bind");
    if is_alone && !sections.iter().any(is_bound) {
        balancer.refuse(0, "it listens nowhere");
    }
    proxies(&sections, &mut balancer);
    Some(balancer)
}

// --- lines and words ---------------------------------------------------------------------------------------------------

fn sections(text: &str, balancer: &mut Balancer) -> Vec<Chapter> {
    let mut sections: Vec<Chapter> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let words = match words(line) {
            Ok(words) => words,
            Err(why) => {
                balancer.refuse(number, why);
                continue;
            }
        };
        // `.if` and its like ask the machine.
        let Some(first) = words.first().filter(|first| !first.starts_with('.')) else {
            continue;
        };
        if SECTIONS.contains(&first.as_str()) {
            sections.push(Chapter {
                kind: first.clone(),
                name: words.get(1).cloned().unwrap_or_default(),
                words,
                line: number,
                lines: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push((number, words));
        } else {
            balancer.refuse(number, format!("{} is before any section", shown(first)));
        }
    }
    sections
}

/// The words of a line (parse_line): quotes, escapes, and `#` where a comment begins.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let next = chars.next().ok_or("a backslash ends the line")?;
                word.get_or_insert_default().push(next);
            }
            (None, '#') => break,
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote does not end");
    }
    words.extend(word);
    Ok(words)
}

/// The seconds of a time (parse_time_err): a number and `us`, `ms`, `s`, `m`, `h` or `d`; milliseconds without one.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let (times, per) = match text.get(digits..)? {
        "us" => (1, 1_000_000),
        "" | "ms" => (1, 1000),
        "s" => (1, 1),
        "m" => (60, 1),
        "h" => (3600, 1),
        "d" => (86_400, 1),
        _ => return None,
    };
    // A timer has 31 bits of milliseconds.
    let seconds = number.checked_mul(times)? / per;
    (seconds <= 2_147_483).then_some(seconds)
}

// --- what it takes -----------------------------------------------------------------------------------------------------

fn check(section: &Chapter, balancer: &mut Balancer) {
    let kind = section.kind.as_str();
    let is_named = matches!(kind, "frontend" | "backend" | "listen");
    if is_named && section.name.is_empty() {
        balancer.refuse(section.line, format!("{kind} has no name"));
    }
    if is_named && section.words.len() > 2 && section.words[2] != "from" && !section.words[2].contains(':') {
        balancer.refuse(section.line, format!("{kind} has words after its name"));
    }
    for (line, words) in &section.lines {
        let (name, rest) = match words[0].as_str() {
            "no" | "default" if is_named || kind == "defaults" => (
                words.get(1).map_or("", String::as_str),
                words.get(2..).unwrap_or_default(),
            ),
            name => (name, &words[1..]),
        };
        let is_known = match kind {
            "global" => GLOBAL.contains(&name) || GLOBAL_FAMILIES.iter().any(|start| name.starts_with(start)),
            "frontend" | "backend" | "listen" | "defaults" => OF_PROXIES.contains(&name),
            _ => true,
        };
        let verdict = match is_known {
            false => Err(format!("{} is no word that haproxy knows in {kind}", shown(name))),
            true => taken(kind, name, rest),
        };
        if let Err(why) = verdict {
            balancer.refuse(*line, why);
        }
    }
}

/// Whether a line of a section takes what follows its first word.
fn taken(kind: &str, name: &str, rest: &[String]) -> Result<(), String> {
    let first = rest.first().map_or("", String::as_str);
    let unless = |is_taken: bool| match is_taken {
        true => Ok(()),
        false if first.is_empty() => Err(format!("{name} needs a word after it")),
        false => Err(format!("{name} does not take {}", shown(first))),
    };
    let is_number = |text: &str| !text.is_empty() && text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if kind == "global" {
        return match name {
            "maxconn" | "nbthread" | "ulimit-n" | "uid" | "gid" => unless(is_number(first)),
            "user" | "group" | "chroot" | "pidfile" => unless(!first.is_empty()),
            "log" => logged(rest, false),
            _ => Ok(()),
        };
    }
    match name {
        "bind" | "server" | "server-template" | "dispatch" if kind == "defaults" => {
            Err(format!("{name} may not stand in defaults"))
        }
        "log" => logged(rest, true),
        "mode" => unless(["tcp", "http", "log", "spop", "haterm"].contains(&first)),
        "timeout" => {
            unless(TIMEOUTS.contains(&first))?;
            let time = rest.get(1).map_or("", String::as_str);
            let is_time = seconds(time).is_some() && rest.len() == 2;
            is_time
                .then_some(())
                .ok_or_else(|| format!("timeout {first} has no time that haproxy takes"))
        }
        "balance" => unless(first.is_empty() || BALANCES.contains(&first.split('(').next().unwrap_or_default())),
        "option" => unless(OPTIONS.contains(&first)),
        "maxconn" | "fullconn" | "backlog" | "retries" => unless(is_number(first)),
        "default_backend" | "use_backend" | "acl" => unless(!first.is_empty()),
        "bind" => {
            let is_bound = |address: &str| {
                let is_other = address.starts_with('/') || address.contains('@') || is_placeholder(address);
                is_other || listened(address).is_some()
            };
            unless(!first.is_empty() && first.split(',').all(is_bound))?;
            options("bind", OF_BINDS, rest.get(1..).unwrap_or_default())
        }
        "server" => {
            let address = rest.get(1).map_or("", String::as_str);
            if address.is_empty() {
                return Err("server needs a name and an address".to_owned());
            }
            if address.contains("..") {
                return Err("server has an address that is none".to_owned());
            }
            let port = address
                .rsplit(':')
                .next()
                .filter(|port| is_number(port) && address.contains('.'));
            if port.is_some_and(|port| port.parse::<u16>().is_err()) {
                return Err("server has no port that there is".to_owned());
            }
            options("server", OF_SERVERS, &rest[2..])
        }
        "default-server" => options("default-server", OF_SERVERS, rest),
        "http-check" if first == "expect" => {
            let kinds = ["status", "rstatus", "string", "rstring", "hdr", "fhdr"];
            let at = rest.iter().position(|word| kinds.contains(&word.as_str()));
            let is_whole = at.is_some_and(|at| rest.len() > at + 1);
            is_whole
                .then_some(())
                .ok_or_else(|| "http-check expect needs to say of what, and what".to_owned())
        }
        "http-check" => unless(
            [
                "expect",
                "send",
                "connect",
                "comment",
                "disable-on-404",
                "send-state",
                "set-var",
                "set-var-fmt",
                "unset-var",
            ]
            .contains(&first),
        ),
        "tcp-check" => unless(
            [
                "connect",
                "expect",
                "send",
                "send-lf",
                "send-binary",
                "send-binary-lf",
                "comment",
                "set-var",
                "set-var-fmt",
                "unset-var",
            ]
            .contains(&first),
        ),
        "tcp-request" => unless(["connection", "content", "inspect-delay", "session"].contains(&first)),
        _ => Ok(()),
    }
}

#[rustfmt::skip]
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit", "alert", "cron2",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// `log global`, or an address, options with a word each, a facility, and a level or two.
fn logged(words: &[String], is_of_proxy: bool) -> Result<(), String> {
    let mut words = words.iter().map(String::as_str).peekable();
    let address = words.next().unwrap_or_default();
    if is_of_proxy && address == "global" && words.peek().is_none() {
        return Ok(());
    }
    while words
        .next_if(|word| ["len", "format", "sample", "profile", "ring"].contains(word))
        .is_some()
    {
        words.next();
    }
    let is_whole = words.next().is_some_and(|facility| FACILITIES.contains(&facility))
        && words.all(|level| LEVELS.contains(&level));
    is_whole
        .then_some(())
        .ok_or_else(|| "log needs an address, and a facility and levels that there are".to_owned())
}

/// Words with the words that follow each.
fn options(what: &str, known: &[(usize, &[&str])], words: &[String]) -> Result<(), String> {
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let Some((count, _)) = known.iter().find(|(_, names)| names.contains(&word)) else {
            return Err(format!("{what} does not take {}", shown(word)));
        };
        for _ in 0..*count {
            let value = words
                .next()
                .ok_or_else(|| format!("{what}: {word} needs a word after it"))?;
            let is_taken = match word {
                "inter" | "fastinter" | "downinter" | "slowstart" => seconds(value).is_some(),
                "observe" => ["layer4", "layer7"].contains(&value),
                "on-error" => ["fastinter", "fail-check", "sudden-death", "mark-down"].contains(&value),
                "rise" | "fall" | "error-limit" => value.parse::<u32>().is_ok_and(|count| count > 0),
                "weight" => value.parse::<u16>().is_ok_and(|weight| weight <= 256),
                "port" => value.parse::<u16>().is_ok_and(|port| port > 0),
                "verify" => ["none", "optional", "required"].contains(&value),
                "on-marked-down" => value == "shutdown-sessions",
                "on-marked-up" => value == "shutdown-backup-sessions",
                "maxconn" | "minconn" | "maxqueue" => value.parse::<u32>().is_ok(),
                _ => true,
            };
            if !is_taken {
                return Err(format!("{what}: {word} does not take {}", shown(value)));
            }
        }
    }
    Ok(())
}

/// The listener and the last port of `*:6443`, `[::]:6443`, `10.0.0.1:6443-6445`.
fn listened(address: &str) -> Option<(Listener, u16)> {
    let address = ["ipv4@", "ipv6@"]
        .iter()
        .find_map(|start| address.strip_prefix(start))
        .unwrap_or(address);
    let (host, port) = address.rsplit_once(':')?;
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let (first @ 1.., last @ 1..) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?) else {
        return None;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = match host {
        "" | "*" => Some(std::net::Ipv4Addr::UNSPECIFIED.into()),
        host => host.parse().ok(),
    };
    Some((Listener { address, port: first }, last))
}

// --- what it means -----------------------------------------------------------------------------------------------------

/// What holds for a proxy, from its defaults and its own lines.
struct Proxy<'s> {
    section: &'s Chapter,
    /// The lines of its defaults and its own, the own last.
    lines: Vec<&'s (usize, Vec<String>)>,
}

impl<'s> Proxy<'s> {
    /// What follows the last line that begins with these words.
    fn last(&self, start: &[&str]) -> Option<&'s [String]> {
        self.all(start).last()
    }

    fn all(&self, start: &[&str]) -> impl Iterator<Item = &'s [String]> {
        let lines = self.lines.iter().filter(move |(_, words)| {
            words.iter().zip(start).filter(|(one, other)| one == *other).count() == start.len()
        });
        let count = start.len();
        lines.map(move |(_, words)| &words[count..])
    }

    fn is_http(&self) -> bool {
        self.last(&["mode"])
            .and_then(<[String]>::first)
            .is_some_and(|mode| mode == "http")
    }
}

fn proxies(sections: &[Chapter], balancer: &mut Balancer) {
    let mut defaults: Vec<&Chapter> = Vec::new();
    let mut all: Vec<Proxy<'_>> = Vec::new();
    let mut names: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    let mut authority_is_asked = true;
    for section in sections {
        match section.kind.as_str() {
            "global" => {
                let lax = |(_, words): &(usize, Vec<String>)| {
                    words[0] == "ssl-server-verify" && words.get(1).is_some_and(|how| how == "none")
                };
                authority_is_asked &= !section.lines.iter().any(lax);
            }
            "defaults" => defaults.push(section),
            "frontend" | "backend" | "listen" => {
                let from = section
                    .words
                    .iter()
                    .position(|word| word == "from")
                    .and_then(|at| section.words.get(at + 1));
                let inherited = match from {
                    Some(name) => defaults.iter().rev().find(|one| one.name == *name),
                    None => defaults.last(),
                };
                let is_bearable = |one: &&&Chapter| all.len() * one.lines.len() <= MOST_SERVERS;
                let lines = inherited
                    .into_iter()
                    .filter(is_bearable)
                    .flat_map(|one| &one.lines)
                    .chain(&section.lines)
                    .collect();
                let is_front = section.kind == "frontend";
                if names.insert((is_front, &section.name), all.len()).is_some() {
                    balancer.refuse(section.line, "a proxy of that name is there twice");
                }
                all.push(Proxy { section, lines });
            }
            _ => {}
        }
    }
    for proxy in all.iter().filter(|proxy| proxy.section.kind != "backend") {
        let mut service = front(proxy);
        let line = proxy.section.line;
        let mut backs: Vec<&Proxy<'_>> = Vec::new();
        if proxy.section.kind == "listen" {
            backs.push(proxy);
        }
        let led = proxy
            .all(&["default_backend"])
            .last()
            .into_iter()
            .chain(proxy.all(&["use_backend"]));
        let mut seen = BTreeSet::new();
        for name in led.filter_map(<[String]>::first).filter(|name| !name.contains('%')) {
            match names.get(&(false, name.as_str())) {
                Some(at) if seen.insert(at) => backs.push(&all[*at]),
                Some(_) => {}
                None => balancer.refuse(line, "it leads to a backend that is not there"),
            }
        }
        backs.retain(|back| balancer.services.len() * back.lines.len() <= MOST_SERVERS);
        for back in &backs {
            if back.is_http() != proxy.is_http() {
                balancer.refuse(line, "it leads to a backend of another mode");
            }
            // Many frontends may share a backend, so each server is read once.
            back_of(back, &mut service, authority_is_asked, balancer);
        }
        balancer.services.push(service);
    }
}

/// Where a proxy listens, and what it does to what comes.
fn front(proxy: &Proxy<'_>) -> Service {
    let mut service = Service::default();
    for bind in proxy.all(&["bind"]) {
        let Some((addresses, words)) = bind.split_first() else {
            continue;
        };
        let has = |word: &str| words.iter().any(|one| one == word);
        for address in addresses.split(',') {
            let Some((Listener { address: host, port }, last)) = listened(address) else {
                continue;
            };
            let both = has("v4v6") && host.is_some_and(|host| host.is_unspecified());
            let address = host.filter(|_| !both);
            service
                .listens
                .extend((port..=last).take(64).map(|port| Listener { address, port }));
        }
        if has("ssl") {
            service.breaks_tls.push("ends TLS (`bind … ssl`)".to_owned());
        }
        if has("accept-proxy") {
            service
                .breaks_tls
                .push("waits for the PROXY protocol, which no client speaks".to_owned());
        }
    }
    if proxy.is_http() {
        service
            .breaks_tls
            .push("reads HTTP where clients speak TLS (`mode http`)".to_owned());
    }
    let says = |(_, line): &(usize, Vec<String>), words: &str| line.join(" ") == words;
    // A proxy may say `enabled` where its defaults say otherwise; a rule of those is its own.
    let is_off = |words: &str| match words {
        "disabled" => proxy.section.lines.iter().any(|line| says(line, words)),
        _ => proxy.lines.iter().any(|line| says(line, words)),
    };
    for closed in [
        "disabled",
        "tcp-request connection reject",
        "tcp-request content reject",
        "tcp-request session reject",
        "maxconn 0",
    ] {
        if is_off(closed) {
            service.closed.push(format!("is closed by `{closed}`"));
        }
    }
    let times = ["client", "tunnel"].map(|of| proxy.last(&["timeout", of]).and_then(|time| seconds(time.first()?)));
    service.quiet = times[1].or(times[0]);
    service
}

/// The servers of a proxy, and how it asks how they are.
fn back_of(proxy: &Proxy<'_>, service: &mut Service, authority_is_asked: bool, balancer: &mut Balancer) {
    let asks = question(proxy);
    // `tcp-check connect … ssl` does what `check-ssl` does.
    let rules = ["http-check", "tcp-check"].into_iter();
    let mut connects = rules.flat_map(|kind| proxy.all(&[kind, "connect"]).collect::<Vec<_>>());
    let by_rule = connects.any(|words| words.iter().any(|word| word == "ssl"));
    let mut names = BTreeSet::new();
    if proxy.section.lines.iter().any(|(_, words)| words[0] == "disabled") && proxy.section.kind == "backend" {
        service.closed.push("leads to a backend that is disabled".to_owned());
    }
    let defaults: Vec<&str> = proxy.all(&["default-server"]).flatten().map(String::as_str).collect();
    for (line, words) in proxy.section.lines.iter().filter(|(_, words)| words[0] == "server") {
        let (Some(name), Some(address)) = (words.get(1), words.get(2)) else {
            continue;
        };
        if !names.insert(name) {
            balancer.refuse(*line, "a server of that name is there twice");
        }
        let options = Options::of(defaults.iter().copied().chain(words[3..].iter().map(String::as_str)));
        if options.is("ssl") {
            service
                .breaks_tls
                .push("calls the API servers by TLS of its own, around that of the client".to_owned());
        }
        if [
            "send-proxy",
            "send-proxy-v2",
            "send-proxy-v2-ssl",
            "send-proxy-v2-ssl-cn",
        ]
        .iter()
        .any(|word| options.is(word))
        {
            service
                .breaks_tls
                .push("tells the API servers of the PROXY protocol, which they do not speak".to_owned());
        }
        let tls = options.is("ssl") || options.is("check-ssl") || options.is("check") && by_rule;
        let verifies = options.value("verify").map_or(authority_is_asked, |how| how != "none");
        if tls && verifies && options.value("ca-file").is_none() {
            balancer.refuse(*line, "server is to be verified, and no ca-file says by whom");
        }
        let check = options.is("check").then(|| HealthCheck {
            port: options.value("port").and_then(|port| port.parse().ok()),
            tls,
            authority: options.value("ca-file").filter(|_| tls && verifies).map(str::to_owned),
            name: options
                .value("verifyhost")
                .or(options.value("check-sni"))
                .map(str::to_owned),
            asks: asks.clone(),
        });
        let asked = match () {
            () if options.is("disabled") => Asked::Never("disabled"),
            () if options.value("weight") == Some("0") => Asked::Never("weight 0"),
            () if options.is("backup") => Asked::LastResort,
            () => Asked::Always,
        };
        // <https://docs.haproxy.org/2.6/configuration.html#5.2-rise>, and inter below it.
        let rise = options.value("rise").and_then(|count| count.parse().ok()).unwrap_or(2);
        let pause = options.value("downinter").or(options.value("inter"));
        // Part of a second is counted as a whole one.
        let pause = pause.and_then(seconds).unwrap_or(2).max(1);
        let back_after = check.as_ref().map_or(0, |_| pause.saturating_mul(rise));
        if let Some((host, port)) = balancer.upstream(address) {
            service.servers.push(Upstream {
                host,
                port,
                asked,
                back_after,
                check,
            });
        }
    }
    let quiet = ["server", "tunnel"].map(|of| proxy.last(&["timeout", of]).and_then(|time| seconds(time.first()?)));
    service.quiet = [service.quiet, quiet[1].or(quiet[0])].into_iter().flatten().min();
}

/// What is said of a server, by its defaults and by its line.
struct Options<'w>(BTreeMap<&'w str, Option<&'w str>>);

impl<'w> Options<'w> {
    fn of(mut words: impl Iterator<Item = &'w str>) -> Options<'w> {
        let mut options = BTreeMap::new();
        while let Some(word) = words.next() {
            let takes = OF_SERVERS
                .iter()
                .any(|(count, names)| *count == 1 && names.contains(&word));
            options.insert(word, if takes { words.next() } else { None });
            // The later word counts.
            match word.strip_prefix("no-") {
                Some(name) => options.remove(name),
                None if word == "enabled" => options.remove("disabled"),
                None => None,
            };
        }
        Options(options)
    }

    fn is(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    fn value(&self, word: &str) -> Option<&'w str> {
        self.0.get(word).copied().flatten()
    }
}

fn question(proxy: &Proxy<'_>) -> Question {
    let is_check = |option: &&[String]| {
        let name = option.first().map_or("", String::as_str);
        ["httpchk", "tcp-check", "ssl-hello-chk"].contains(&name) || FOREIGN_CHECKS.contains(&name)
    };
    let Some(option) = proxy.all(&["option"]).filter(is_check).last() else {
        return Question::Connection;
    };
    let foreign = FOREIGN_CHECKS.iter().find(|name| option[0] == **name);
    if let Some(foreign) = foreign {
        return Question::Foreign(foreign);
    }
    if option[0] != "httpchk" {
        return Question::Connection;
    }
    // `httpchk URI`, `httpchk METHOD URI`, or the URI of `http-check send`.
    let path = option.get(2).or(option.get(1)).map_or("/", String::as_str);
    let sent = proxy.last(&["http-check", "send"]).and_then(|words| {
        let at = words.iter().position(|word| word == "uri")?;
        words.get(at + 1)
    });
    let expected: Vec<&[String]> = proxy.all(&["http-check", "expect"]).collect();
    Question::Http {
        path: sent.map_or(path, String::as_str).to_owned(),
        answer: match expected.last() {
            None => Answer::Among(vec![(200, 399)]),
            Some(words) => answer(words),
        },
    }
}

/// What `http-check expect` takes for well.
fn answer(words: &[String]) -> Answer {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u16>().ok();
    let ranges = match words.as_slice() {
        [.., "status", list] if words.iter().all(|word| *word != "!") => {
            let range = |text: &str| {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                Some((number(first)?, number(last)?))
            };
            list.split(',').map(range).collect::<Option<Vec<_>>>()
        }
        [.., "rstatus", regex] if words.iter().all(|word| *word != "!") => {
            let bare = regex.trim_start_matches('^').trim_end_matches('$');
            let bare = bare
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap_or(bare);
            let literal = |text: &str| Some((number(text)?, number(text)?));
            bare.split('|').map(literal).collect::<Option<Vec<_>>>()
        }
        _ => None,
    };
    ranges.map_or(Answer::Unknown, Answer::Among)
}
