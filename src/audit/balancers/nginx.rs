//! nginx's configuration, read as ngx_conf_file.c reads it: words, blocks, and what the stream modules take
//! (<https://nginx.org/en/docs/stream/ngx_stream_core_module.html> and its neighbours). What is in `http {}` is other
//! people's, and read as far as it shows who listens where.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::service::{Asked, Balancer, Listener, MOST_SERVERS, Service, Upstream, shown};

/// A directive: its name, its words, and what is in its block.
#[derive(Debug, Default)]
struct Directive {
    words: Vec<String>,
    line: usize,
    block: Option<Vec<Directive>>,
}

/// What a directive takes.
#[derive(Clone, Copy, PartialEq)]
enum DirectiveArguments {
    /// Words, at least and at most.
    Words(usize, usize),
    /// The same, any number of times in a block.
    Often(usize, usize),
    Flag,
    Number,
    /// A time that may have milliseconds.
    Time,
    Seconds,
    Size,
    /// A block of directives after that many words.
    Block(usize),
    /// A block that is no list of directives, after at least and at most that many words.
    Table(usize, usize),
}
use DirectiveArguments::*;

const ANY: usize = 99;

/// Where a directive may stand: m(ain), e(vents), s(tream), v (a server of it), u(pstream).
#[rustfmt::skip]
const DIRECTIVES: &[(&str, &str, DirectiveArguments)] = &[
    ("events", "m", Block(0)), ("stream", "m", Block(0)), ("http", "m", Block(0)), ("mail", "m", Block(0)),
    ("user", "m", Words(1, 2)), ("pid", "m", Words(1, 1)), ("daemon", "m", Flag), ("master_process", "m", Flag),
    ("worker_processes", "m", Words(1, 1)), ("worker_priority", "m", Words(1, 1)), ("worker_rlimit_nofile", "m", Number),
    ("worker_rlimit_core", "m", Words(1, 1)), ("worker_shutdown_timeout", "m", Time), ("worker_cpu_affinity", "m", Words(1, ANY)),
    ("working_directory", "m", Words(1, 1)), ("timer_resolution", "m", Time), ("thread_pool", "m", Often(2, 3)),
    ("ssl_engine", "m", Words(1, 1)), ("pcre_jit", "m", Flag), ("lock_file", "m", Words(1, 1)), ("env", "m", Often(1, 1)),
    ("debug_points", "m", Words(1, 1)), ("load_module", "m", Often(1, 1)), ("google_perftools_profiles", "m", Words(1, 1)),
    ("ssl_object_cache_inheritable", "m", Flag),
    ("include", "mesvu", Often(1, 1)), ("error_log", "msv", Often(1, ANY)),
    ("worker_connections", "e", Number), ("use", "e", Words(1, 1)), ("multi_accept", "e", Flag), ("accept_mutex", "e", Flag),
    ("accept_mutex_delay", "e", Time), ("debug_connection", "e", Often(1, 1)), ("worker_aio_requests", "e", Number),

    ("upstream", "s", Block(1)), ("server", "s", Block(0)), ("map", "s", Table(2, 2)), ("geo", "s", Table(1, 2)),
    ("split_clients", "s", Table(2, 2)), ("match", "s", Table(1, 1)), ("log_format", "s", Often(2, ANY)),
    ("map_hash_bucket_size", "s", Number), ("map_hash_max_size", "s", Number), ("variables_hash_bucket_size", "s", Number),
    ("variables_hash_max_size", "s", Number), ("limit_conn_zone", "s", Often(2, 2)), ("keyval_zone", "s", Often(1, ANY)),
    ("keyval", "s", Often(3, 3)), ("geoip_country", "s", Words(1, 2)), ("geoip_city", "s", Words(1, 2)),
    ("geoip_org", "s", Words(1, 2)), ("server_names_hash_bucket_size", "s", Number), ("server_names_hash_max_size", "s", Number),
    ("access_log", "sv", Often(1, ANY)), ("open_log_file_cache", "sv", Words(1, 4)), ("allow", "sv", Often(1, 1)),
    ("deny", "sv", Often(1, 1)), ("limit_conn", "sv", Often(2, 2)), ("limit_conn_dry_run", "sv", Flag),
    ("limit_conn_log_level", "sv", Words(1, 1)), ("set_real_ip_from", "sv", Often(1, 1)), ("resolver", "svu", Words(1, ANY)),
    ("resolver_timeout", "svu", Time), ("tcp_nodelay", "sv", Flag), ("preread_buffer_size", "sv", Size),
    ("preread_timeout", "sv", Time), ("proxy_protocol_timeout", "sv", Time), ("ssl_preread", "sv", Flag),
    ("proxy_bind", "sv", Words(1, 2)), ("proxy_buffer_size", "sv", Size), ("proxy_connect_timeout", "sv", Time),
    ("proxy_timeout", "sv", Time), ("proxy_download_rate", "sv", Words(1, 1)), ("proxy_upload_rate", "sv", Words(1, 1)),
    ("proxy_downstream_buffer", "sv", Size), ("proxy_upstream_buffer", "sv", Size), ("proxy_half_close", "sv", Flag),
    ("proxy_next_upstream", "sv", Flag), ("proxy_next_upstream_timeout", "sv", Time), ("proxy_next_upstream_tries", "sv", Number),
    ("proxy_protocol", "sv", Flag), ("proxy_requests", "sv", Number), ("proxy_responses", "sv", Number),
    ("proxy_session_drop", "sv", Flag), ("proxy_socket_keepalive", "sv", Flag), ("proxy_ssl", "sv", Flag),
    ("proxy_ssl_certificate", "sv", Words(1, 1)), ("proxy_ssl_certificate_key", "sv", Words(1, 1)),
    ("proxy_ssl_certificate_cache", "sv", Words(1, 3)), ("proxy_ssl_ciphers", "sv", Words(1, 1)),
    ("proxy_ssl_conf_command", "sv", Often(2, 2)), ("proxy_ssl_crl", "sv", Words(1, 1)), ("proxy_ssl_key_log", "sv", Words(1, 1)),
    ("proxy_ssl_name", "sv", Words(1, 1)), ("proxy_ssl_password_file", "sv", Words(1, 1)), ("proxy_ssl_protocols", "sv", Words(1, ANY)),
    ("proxy_ssl_server_name", "sv", Flag), ("proxy_ssl_session_reuse", "sv", Flag),
    ("proxy_ssl_trusted_certificate", "sv", Words(1, 1)), ("proxy_ssl_verify", "sv", Flag), ("proxy_ssl_verify_depth", "sv", Number),
    ("ssl_alpn", "sv", Words(1, ANY)), ("ssl_certificate", "sv", Often(1, 1)), ("ssl_certificate_key", "sv", Often(1, 1)),
    ("ssl_certificate_cache", "sv", Words(1, 3)), ("ssl_certificate_compression", "sv", Flag), ("ssl_ciphers", "sv", Words(1, 1)),
    ("ssl_client_certificate", "sv", Words(1, 1)), ("ssl_conf_command", "sv", Often(2, 2)), ("ssl_crl", "sv", Words(1, 1)),
    ("ssl_dhparam", "sv", Words(1, 1)), ("ssl_ecdh_curve", "sv", Words(1, 1)), ("ssl_handshake_timeout", "sv", Time),
    ("ssl_key_log", "sv", Words(1, 1)), ("ssl_ocsp", "sv", Words(1, 1)), ("ssl_ocsp_cache", "sv", Words(1, 1)),
    ("ssl_ocsp_responder", "sv", Words(1, 1)), ("ssl_password_file", "sv", Words(1, 1)), ("ssl_prefer_server_ciphers", "sv", Flag),
    ("ssl_protocols", "sv", Words(1, ANY)), ("ssl_reject_handshake", "sv", Flag), ("ssl_session_cache", "sv", Words(1, 2)),
    ("ssl_session_ticket_key", "sv", Often(1, 1)), ("ssl_session_tickets", "sv", Flag), ("ssl_session_timeout", "sv", Seconds),
    ("ssl_stapling", "sv", Flag), ("ssl_stapling_file", "sv", Words(1, 1)), ("ssl_stapling_responder", "sv", Words(1, 1)),
    ("ssl_stapling_verify", "sv", Flag), ("ssl_trusted_certificate", "sv", Words(1, 1)), ("ssl_verify_client", "sv", Words(1, 1)),
    ("ssl_verify_depth", "sv", Number),
    ("listen", "v", Often(1, ANY)), ("proxy_pass", "v", Words(1, 1)), ("return", "v", Words(1, 1)), ("set", "v", Often(2, 2)),
    ("pass", "v", Words(1, 1)), ("server_name", "v", Often(1, ANY)), ("status_zone", "v", Words(1, 1)), ("health_check", "v", Often(0, ANY)),
    ("health_check_timeout", "sv", Time),
    ("server", "u", Often(1, ANY)), ("least_conn", "u", Often(0, 0)), ("random", "u", Often(0, 2)), ("hash", "u", Often(1, 2)),
    ("zone", "u", Words(1, 2)), ("least_time", "u", Words(1, 2)), ("state", "u", Words(1, 1)),
];

/// Reads the text of a file; none if it is not nginx's, or neither main's nor the stream's part of it.
pub(super) fn read(path: &str, text: &str) -> Option<Balancer> {
    let mut balancer = Balancer::of("nginx");
    let (directives, unread) = parse(text);
    let names: BTreeSet<&str> = directives.iter().map(Directive::name).collect();
    let is_main = ["stream", "http", "events"].iter().any(|name| names.contains(name));
    let is_part = names.contains("upstream") || names.contains("server");
    let is_nginx = path.contains("nginx");
    if !(is_main || is_part || is_nginx && (unread.is_some() || path.contains("tcpconf.d/"))) {
        return None;
    }
    balancer.refused.extend(unread);
    if is_main || !is_part && path.contains("tcpconf.d/") {
        check(&directives, 'm', &mut balancer);
    }
    let all = ["stream", "http"].map(|of| (of, directives.iter().filter(move |one| one.name() == of)));
    for (of, blocks) in all {
        for block in blocks {
            services(block.block(), of == "stream", &mut balancer);
        }
    }
    // A part that nginx.conf includes somewhere.
    if !is_main && is_part {
        let http = ["conf.d/", "sites-"].iter().any(|folder| path.contains(folder)) && !path.contains("tcpconf.d/");
        services(&directives, !http, &mut balancer);
    }
    let is_known = !balancer.refused.is_empty() || !balancer.unfilled.is_empty() || !balancer.services.is_empty();
    is_known.then_some(balancer)
}

impl Directive {
    fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    fn first(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }

    fn block(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }
}

// --- words and blocks --------------------------------------------------------------------------------------------------

/// Blocks in blocks; nginx has four at most.
const DEEPEST: usize = 32;

/// All that can be read, and the line where that ends, and why.
fn parse(text: &str) -> (Vec<Directive>, Option<(usize, String)>) {
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut done: Vec<Directive> = Vec::new();
    let mut current = Directive::default();
    let mut unread = None;
    for (line, token) in Tokens::of(text) {
        let refuse = |why: &str| Some((line, why.to_owned()));
        if current.words.is_empty() {
            current.line = line;
        }
        match token {
            Token::Word(word) => current.words.push(word),
            Token::End if current.words.is_empty() => unread = refuse("an unexpected `;`"),
            Token::End => done.push(std::mem::take(&mut current)),
            Token::Open if current.words.is_empty() => unread = refuse("an unexpected `{`"),
            Token::Open if open.len() >= DEEPEST => unread = refuse("a block too deep"),
            Token::Open => open.push((std::mem::take(&mut current), std::mem::take(&mut done))),
            Token::Close if !current.words.is_empty() => unread = refuse("a directive that does not end in `;`"),
            Token::Close => match open.pop() {
                Some((mut directive, before)) => {
                    directive.block = Some(std::mem::replace(&mut done, before));
                    done.push(directive);
                }
                None => unread = refuse("an unexpected `}`"),
            },
            Token::Bad(why) => unread = refuse(why),
        }
        if unread.is_some() {
            break;
        }
    }
    if unread.is_none() && (!open.is_empty() || !current.words.is_empty()) {
        let what = if current.words.is_empty() {
            "a block"
        } else {
            "a directive"
        };
        unread = Some((text.lines().count(), format!("{what} that does not end")));
    }
    while let Some((mut directive, before)) = open.pop() {
        directive.block = Some(std::mem::replace(&mut done, before));
        done.push(directive);
    }
    (done, unread)
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
    Bad(&'static str),
}

/// The tokens of a text and their lines.
struct Tokens<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
    /// A word in quotes has to be followed by a space or an end.
    after_quote: bool,
}

impl<'t> Tokens<'t> {
    fn of(text: &'t str) -> Tokens<'t> {
        Tokens {
            rest: text.chars().peekable(),
            line: 1,
            after_quote: false,
        }
    }

    fn quoted(&mut self, quote: char) -> Token {
        let mut word = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => word.extend(self.rest.next()),
                '\n' => {
                    self.line += 1;
                    word.push(c);
                }
                c if c == quote => {
                    self.after_quote = true;
                    return Token::Word(word);
                }
                c => word.push(c),
            }
        }
        Token::Bad("a quote that does not end")
    }

    fn word(&mut self, first: char) -> Token {
        let mut word = String::from(first);
        // `{{NAME}}`: no nginx takes it, and it says what is missing.
        let is_placeholder = first == '{';
        while let Some(c) = self.rest.peek().copied() {
            let is_variable = word.ends_with('$') || is_placeholder;
            if c.is_ascii_whitespace() || c == ';' || c == '{' && !is_variable {
                break;
            }
            self.rest.next();
            word.push(c);
            if c == '\\' {
                word.extend(self.rest.next_if(|next| *next != '\n'));
            }
        }
        Token::Word(word)
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<(usize, Token)> {
        loop {
            let c = self.rest.next()?;
            let after_quote = std::mem::take(&mut self.after_quote);
            let line = self.line;
            let token = match c {
                '\n' => {
                    self.line += 1;
                    continue;
                }
                c if c.is_ascii_whitespace() => continue,
                ';' => Token::End,
                '{' if self.rest.peek() == Some(&'{') => self.word(c),
                '{' => Token::Open,
                ')' if after_quote => continue,
                _ if after_quote => Token::Bad("a quote with something behind it"),
                '#' => {
                    while self.rest.next_if(|c| *c != '\n').is_some() {}
                    continue;
                }
                '}' => Token::Close,
                '"' | '\'' => self.quoted(c),
                c => self.word(c),
            };
            return Some((line, token));
        }
    }
}

// --- what it takes -----------------------------------------------------------------------------------------------------

/// Whether each directive is known where it stands, and takes what is given.
fn check(directives: &[Directive], place: char, balancer: &mut Balancer) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for directive in directives {
        let (name, line) = (directive.name(), directive.line);
        let rows = || DIRECTIVES.iter().filter(|(row, ..)| *row == name);
        let Some((_, _, takes)) = rows().find(|(_, places, _)| places.contains(place)) else {
            if !name.starts_with("js_") {
                let why = match rows().next() {
                    Some(_) => "may not stand there",
                    None => "is no directive of nginx there",
                };
                balancer.refuse(line, format!("{} {why}", shown(name)));
            }
            continue;
        };
        let is_often = matches!(takes, Often(..) | Table(..)) || matches!(name, "upstream" | "server");
        if !seen.insert(name) && !is_often {
            balancer.refuse(line, format!("{name} is given twice"));
        }
        let has_block = directive.block.is_some();
        if has_block != matches!(takes, Block(_) | Table(..)) {
            let why = if has_block { "takes no block" } else { "has no block" };
            balancer.refuse(line, format!("{name} {why}"));
        } else if let Err(why) = takes.check(directive.arguments()) {
            balancer.refuse(line, format!("{name} {why}"));
        }
        match (name, place) {
            ("events", _) => check(directive.block(), 'e', balancer),
            ("stream", _) => check(directive.block(), 's', balancer),
            ("upstream", _) => check(directive.block(), 'u', balancer),
            ("server", 's') => check(directive.block(), 'v', balancer),
            _ => {}
        }
    }
}

impl DirectiveArguments {
    fn check(self, arguments: &[String]) -> Result<(), String> {
        let (least, most) = match self {
            Words(least, most) | Often(least, most) | Table(least, most) => (least, most),
            Block(count) => (count, count),
            Flag | Number | Time | Seconds | Size => (1, 1),
        };
        if !(least..=most).contains(&arguments.len()) {
            return Err(format!("has {} words after it", arguments.len()));
        }
        let value = arguments.first().map_or("", String::as_str);
        let is_taken = match self {
            Flag => ["on", "off"].iter().any(|one| one.eq_ignore_ascii_case(value)),
            Number => is_number(value),
            Time => value.starts_with('$') || seconds(value, true).is_some(),
            Seconds => seconds(value, false).is_some(),
            Size => is_number(value.strip_suffix(['k', 'K', 'm', 'M']).unwrap_or(value)),
            Words(..) | Often(..) | Block(_) | Table(..) => true,
        };
        is_taken
            .then_some(())
            .ok_or_else(|| "has a value that it does not take".to_owned())
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a number is 0, as `00` is too.
fn is_zero(number: &str) -> bool {
    !number.is_empty() && number.bytes().all(|byte| byte == b'0')
}

/// The whole seconds of a time (ngx_parse_time): numbers with units, the largest first.
pub(super) fn seconds(text: &str, with_milliseconds: bool) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("y", 31_536_000),
        ("M", 2_592_000),
        ("w", 604_800),
        ("d", 86_400),
        ("h", 3600),
        ("m", 60),
        ("s", 1),
        ("ms", 0),
    ];
    let (mut rest, mut total, mut next) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = if letters == 0 { "s" } else { rest.get(..letters)? };
        rest = rest[letters..].trim_start_matches(' ');
        let at = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|at| *at >= next)?;
        if unit == "ms" && !with_milliseconds {
            return None;
        }
        next = at + 1;
        total = total.checked_add(number.checked_mul(UNITS[at].1)?)?;
    }
    (!text.is_empty()).then_some(total)
}

// --- what it means -----------------------------------------------------------------------------------------------------

/// The servers of `stream {}` or `http {}`.
fn services(directives: &[Directive], is_stream: bool, balancer: &mut Balancer) {
    let mut upstreams: BTreeMap<&str, Vec<Upstream>> = BTreeMap::new();
    for upstream in directives.iter().filter(|one| one.name() == "upstream") {
        let servers = upstream_servers(upstream, balancer);
        if upstreams.insert(upstream.first(), servers).is_some() {
            balancer.refuse(upstream.line, "an upstream is there twice");
        }
    }
    let mut listened = BTreeSet::new();
    let inherited = |server: &Directive, name: &str| {
        let find = |all: &[Directive]| {
            all.iter()
                .find(|one| one.name() == name)
                .map(|one| one.first().to_owned())
        };
        find(server.block()).or_else(|| find(directives))
    };
    for server in directives
        .iter()
        .filter(|one| one.name() == "server" && one.block.is_some())
    {
        let mut service = Service::default();
        for listen in server.block().iter().filter(|one| one.name() == "listen") {
            read_listen(listen, is_stream, &mut service, balancer);
        }
        for listener in &service.listens {
            if is_stream && !listened.insert(*listener) {
                balancer.refuse(server.line, format!("port {} is listened at twice", listener.port));
            }
        }
        for (name, breaks) in [
            (
                "proxy_ssl",
                "calls the API servers by TLS of its own, around that of the client",
            ),
            (
                "proxy_protocol",
                "tells the API servers of the PROXY protocol, which they do not speak",
            ),
        ] {
            if inherited(server, name).as_deref() == Some("on") {
                service.breaks_tls.push(breaks.to_owned());
            }
        }
        if !is_stream {
            service.breaks_tls.push("ends TLS in http {}".to_owned());
        }
        service.quiet = inherited(server, "proxy_timeout").and_then(|time| seconds(&time, true));
        let rules = |all: &[Directive]| {
            all.iter()
                .find(|one| matches!(one.name(), "allow" | "deny"))
                .map(|one| one.words.join(" "))
        };
        if rules(server.block()).or_else(|| rules(directives)).as_deref() == Some("deny all") {
            service.closed.push("denies all".to_owned());
        }
        pass(server, is_stream, &upstreams, &mut service, balancer);
        balancer.services.push(service);
    }
}

/// How long a server is left alone that failed, unless that is told, and how long its failures count
/// (<https://nginx.org/en/docs/stream/ngx_stream_upstream_module.html#server>).
const FAIL_TIMEOUT: u64 = 10;

fn upstream_servers(upstream: &Directive, balancer: &mut Balancer) -> Vec<Upstream> {
    let mut servers = Vec::new();
    let methods: Vec<&Directive> = (upstream.block().iter())
        .filter(|one| matches!(one.name(), "hash" | "random"))
        .collect();
    let lines = || upstream.block().iter().filter(|one| one.name() == "server");
    for line in lines() {
        let is_fixed = methods.first().is_some_and(|method| method.line <= line.line);
        let mut asked = Asked::Always;
        let mut back_after = FAIL_TIMEOUT;
        let mut is_counted = true;
        for word in line.words.iter().skip(2) {
            let number = |text: &str| is_number(text) || text == "-1";
            if let Some(timeout) = word.strip_prefix("fail_timeout=").and_then(|text| seconds(text, false)) {
                back_after = timeout;
            }
            let is_taken = match word.split_once('=') {
                Some(("weight", value)) => is_number(value) && !is_zero(value),
                Some(("max_fails" | "max_conns", value)) => number(value),
                Some(("fail_timeout" | "slow_start", value)) => seconds(value, false).is_some(),
                Some(("service" | "route" | "sid", _)) => true,
                Some(_) => false,
                None => matches!(word.as_str(), "down" | "backup" | "resolve" | "drain"),
            };
            if !is_taken {
                balancer.refuse(line.line, format!("server does not take {}", shown(word)));
            }
            if word == "backup" && is_fixed {
                balancer.refuse(
                    line.line,
                    "a server is a backup where the method of its upstream knows none",
                );
            }
            if let Some(fails) = word.strip_prefix("max_fails=") {
                is_counted = !is_zero(fails);
            }
            match word.as_str() {
                "down" => asked = Asked::Never("down"),
                "backup" if asked == Asked::Always => asked = Asked::LastResort,
                _ => {}
            }
        }
        let address = line.first();
        let Some((host, port)) = balancer.upstream(address) else {
            let is_known = address.starts_with("unix:") || crate::audit::names::is_placeholder(address);
            if !is_known {
                balancer.refuse(line.line, "server has an address that is none");
            }
            continue;
        };
        if port.is_none_or(|port| port == 0) {
            balancer.refuse(line.line, "server has no port");
        }
        servers.push(Upstream {
            host,
            port,
            asked,
            back_after: if is_counted { back_after } else { 0 },
            check: None,
        });
    }
    let is_elsewhere = upstream
        .block()
        .iter()
        .any(|one| matches!(one.name(), "include" | "state"));
    let is_first = |line: &Directive| !line.words.iter().any(|word| word == "backup");
    if !is_elsewhere && !lines().any(is_first) {
        balancer.refuse(upstream.line, "an upstream has no server that is asked first");
    }
    servers
}

/// Where a server passes connections on to.
fn pass(
    server: &Directive,
    is_stream: bool,
    upstreams: &BTreeMap<&str, Vec<Upstream>>,
    service: &mut Service,
    balancer: &mut Balancer,
) {
    let line = server.line;
    let has = |name: &str| {
        server
            .block()
            .iter()
            .any(|one| one.name() == name || one.name().starts_with("js_"))
    };
    if is_stream && !has("include") {
        if !has("listen") {
            balancer.refuse(line, "a server listens nowhere");
        }
        if !["proxy_pass", "return", "pass"].into_iter().any(has) {
            balancer.refuse(line, "a server passes nothing on: it has no proxy_pass");
        }
    }
    // In http {} it stands in a location.
    let below = server
        .block()
        .iter()
        .filter(|one| one.name() == "location")
        .flat_map(Directive::block);
    for passed in server
        .block()
        .iter()
        .chain(below)
        .filter(|one| one.name() == "proxy_pass")
    {
        let target = passed.first();
        let target = target
            .split_once("://")
            .map_or(target, |(_, rest)| rest.split('/').next().unwrap_or(rest));
        if let Some(known) = upstreams.get(target) {
            if balancer.services.len() * known.len() <= MOST_SERVERS {
                service.servers.extend(known.iter().cloned());
            }
            continue;
        }
        if target.starts_with('$') || target.starts_with("unix:") {
            continue;
        }
        match balancer.upstream(target) {
            Some((host, Some(port))) => service.servers.push(Upstream {
                host,
                port: Some(port),
                asked: Asked::Always,
                back_after: 0,
                check: None,
            }),
            _ if is_stream => balancer.refuse(passed.line, "proxy_pass names no upstream that is there, and no port"),
            _ => {}
        }
    }
}

/// An address to listen at, as `listen` takes it, and what comes with it.
fn read_listen(listen: &Directive, is_stream: bool, service: &mut Service, balancer: &mut Balancer) {
    let mut refuse = |why: &str| balancer.refuse(listen.line, format!("listen {why}"));
    let mut is_tcp = true;
    // ngx_stream_core_listen knows these, and http's some more.
    for word in listen.words.iter().skip(2) {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let size = |text: &str| is_number(text.strip_suffix(['k', 'K', 'm', 'M']).unwrap_or(text));
        let is_taken = match (name, value) {
            (
                "bind" | "deferred" | "reuseport" | "ssl" | "udp" | "proxy_protocol" | "multipath" | "default_server",
                None,
            ) => true,
            ("backlog", Some(value)) => is_number(value) && !value.trim_start_matches('0').is_empty() || value == "-1",
            ("setfib" | "fastopen", Some(value)) => is_number(value),
            ("rcvbuf" | "sndbuf", Some(value)) => size(value),
            ("ipv6only", Some("on" | "off")) | ("accept_filter", Some(_)) => true,
            ("so_keepalive", Some(value)) => matches!(value, "on" | "off") || value.contains(':'),
            _ => !is_stream,
        };
        if !is_taken {
            refuse(&format!("does not take {}", shown(word)));
        }
        match word.as_str() {
            "ssl" if is_stream => service.breaks_tls.push("ends TLS (`listen … ssl`)".to_owned()),
            "proxy_protocol" => service
                .breaks_tls
                .push("waits for the PROXY protocol, which no client speaks".to_owned()),
            "udp" => is_tcp = false,
            _ => {}
        }
    }
    let text = listen.first();
    if text.starts_with("unix:") {
        return;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => ("*", Some(text)),
        _ => (text, None),
    };
    let Some(port) = port.or((!is_stream).then_some("80")) else {
        return refuse("has no port");
    };
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let (Ok(first @ 1..), Ok(last @ 1..)) = (first.parse::<u16>(), last.parse::<u16>()) else {
        return refuse("has no port that there is");
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let both = listen.words.iter().any(|word| word == "ipv6only=off");
    let address = match host {
        "*" | "" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::" if both => None,
        // A name is what only the machine knows.
        host => host.parse().ok(),
    };
    if is_tcp {
        service
            .listens
            .extend((first..=last).take(64).map(|port| Listener { address, port }));
    }
}
