//! What may be a secret in a text that is not encrypted: one notion for all who show such a text or judge it.
//!
//! A secret is known by the name in front of it, or by where it stands in a URL or a header. What is hidden by mistake costs a
//! reader little; what is shown by mistake can't be taken back.

use std::ops::Range;

/// A part of a text that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What it is called where it stands: a variable, a flag, a field; `URL`, `header` or `identity` where nothing names it.
    pub name: String,
    pub range: Range<usize>,
}

/// What the boundary of every kind of private key in PEM holds.
pub const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Whether the value of a field, flag or variable of that name may be a secret.
pub fn is_name_of_secret(name: &str) -> bool {
    const PARTS: [&str; 10] = [
        "secret",
        "passw",
        "credential",
        "auth_pass",
        "key-data",
        "accesskey",
        "access_key",
        "access-key",
        "apikey",
        "api_key",
    ];
    // etcd's `discovery-user` is `name:password` where it has no flag of its own for that.
    const ENDS: [&str; 7] = [
        "token",
        "privatekey",
        "private_key",
        "private-key",
        "authorization",
        "discovery-user",
        "discovery_user",
    ];
    // `p` is the short form of a password in many programs.
    const WHOLE: [&str; 4] = ["auth", "pass", "private", "p"];
    const PLACES: [&str; 11] = [
        "file", "path", "dir", "url", "ttl", "issuer", "name", "mode", "secrets", "type", "strategy",
    ];
    // It tells clusters apart and opens nothing: <https://etcd.io/docs/v3.6/op-guide/clustering/>.
    const PUBLIC: [&str; 1] = ["initial-cluster-token"];
    let name = name
        .trim()
        .trim_start_matches('-')
        .trim_matches(['"', '\''])
        .to_ascii_lowercase();
    !PUBLIC.contains(&name.as_str())
        && !PLACES.iter().any(|end| name.ends_with(end))
        && (PARTS.iter().any(|part| name.contains(part))
            || ENDS.iter().any(|end| name.ends_with(end))
            || WHOLE.contains(&name.as_str()))
}

/// Whether a text holds a private key, or a secret that is known without a name before all of it: that of a URL or a header.
pub fn holds_secret(text: &str) -> bool {
    text.contains(PRIVATE_KEY) || !secrets(text).is_empty()
}

/// Whether a value under its name may be a secret, or has one in it.
pub fn may_be_secret(name: &str, value: &str) -> bool {
    is_named_secret(name, value) || in_proxy(name, value).is_some() || holds_secret(value)
}

/// The parts of a text that may be secrets, in their order and apart from each other. It is read as what it may be: a unit, YAML, JSON,
/// TOML, a command line or prose.
pub fn secrets(text: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut context = Context::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let before = found.len();
        context.of_earlier_lines(content, start, &mut found);
        if found.len() == before {
            of_line(content, start, &mut found);
        }
        start += line.len();
    }
    found.sort_by_key(|secret| (secret.range.start, std::cmp::Reverse(secret.range.end)));
    found.dedup_by(|later, earlier| later.range.start < earlier.range.end);
    found
}

/// The text with something else in the place of every secret, and whether there was any.
pub fn without_secrets(text: &str, mut stand_in: impl FnMut(&str) -> String) -> (String, bool) {
    let found = secrets(text);
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for Secret { range, .. } in &found {
        shown.push_str(&text[from..range.start]);
        shown.push_str(&stand_in(&text[range.clone()]));
        from = range.end;
    }
    shown.push_str(&text[from..]);
    (shown, !found.is_empty())
}

/// A message for people in which no secret is left.
pub fn hidden(message: &str) -> String {
    without_secrets(message, |_| "(hidden)".to_owned()).0
}

/// The text with a star for every byte of a secret, so that places in it stay what they are.
pub fn starred(text: &str) -> String {
    without_secrets(text, |secret| "*".repeat(secret.len())).0
}

fn is_named_secret(name: &str, value: &str) -> bool {
    is_name_of_secret(name) && says_something(value) && !is_no_secret(name, value)
}

/// Whether a value under a name is none: where a file of credentials is, or how etcd makes tokens
/// (<https://etcd.io/docs/v3.6/op-guide/configuration/>, `--auth-token`).
fn is_no_secret(name: &str, value: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase();
    let value = value.trim_matches(['"', '\'']);
    let is_path = value.starts_with('/') && !value.contains(char::is_whitespace);
    name.ends_with("credentials") && is_path
        || name == "auth-token" && (value == "simple" || value == "jwt" || value.starts_with("jwt,"))
}

/// Whether a value is one at all, and no reference to where it is.
fn says_something(value: &str) -> bool {
    const NOTHING: [&str; 12] = ["", "true", "false", "null", "~", "{}", "[]", "{", "[", "|", ">", "\\"];
    let value = value.trim();
    !NOTHING.contains(&value)
        && !["|-", "|+", ">-", ">+", "${", "$(", "{{"]
            .iter()
            .any(|start| value.starts_with(start))
}

fn is_name_of_proxy(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("proxy")
}

/// The user and password of a proxy, which may be given without `http://` in front.
fn in_proxy(name: &str, value: &str) -> Option<Range<usize>> {
    let at = value.rfind('@').filter(|_| is_name_of_proxy(name))?;
    let from = value.find("://").map_or(0, |colon| colon + 3);
    (from < at).then_some(from..at)
}

/// What lines before a line say of it.
#[derive(Default)]
struct Context {
    /// A field whose value goes on below it: its name, how far it is indented, and whether lines of text follow or items of a list.
    open: Option<(String, usize, bool)>,
    /// The name of the variable whose value follows, as containers have theirs.
    variable: Option<String>,
    /// Whether it is in a Secret, and how far its data are indented.
    in_secret: bool,
    data: Option<usize>,
}

impl Context {
    fn of_earlier_lines(&mut self, line: &str, start: usize, found: &mut Vec<Secret>) {
        let content = line.trim_start();
        if content.is_empty() {
            return;
        }
        let indent = line.len() - content.len();
        let mut tell = |name: &str, value: &str| {
            let from = start + offset(line, value);
            found.push(Secret {
                name: name.to_owned(),
                range: from..from + value.len(),
            });
        };
        if let Some((name, of_name, is_text)) = &self.open {
            let item = content.strip_prefix("- ").map(unquoted);
            match (*is_text, item) {
                (true, _) if indent > *of_name => return tell(name, content),
                (false, Some(item)) if indent >= *of_name && !item.contains(": ") => return tell(name, item),
                _ => self.open = None,
            }
        }
        if content == "---" {
            *self = Context::default();
        }
        let (key, value) = match content.trim_start_matches("- ").split_once(':') {
            Some((key, value)) => (key.trim_matches(['"', '\'']), value.trim()),
            None => return,
        };
        self.in_secret |= key == "kind" && value == "Secret";
        if self.data.is_some_and(|of_data| indent <= of_data) {
            self.data = None;
        }
        if self.data.is_some() && says_something(value) {
            return tell(key, unquoted(value));
        }
        if self.in_secret && matches!(key, "data" | "stringData") && value.is_empty() {
            self.data = Some(indent);
        }
        if self.data.is_some() || is_name_of_secret(key) {
            let is_text = value.starts_with(['|', '>']);
            if is_text || value.is_empty() && self.data != Some(indent) {
                self.open = Some((key.to_owned(), indent, is_text));
            }
        }
        match key {
            "name" => self.variable = Some(unquoted(value).to_owned()).filter(|name| is_name_of_secret(name)),
            "value" if says_something(value) => {
                if let Some(name) = self.variable.take() {
                    tell(&name, unquoted(value));
                }
            }
            _ => {}
        }
    }
}

/// What an identity of age begins with, wherever somebody has put it.
const IDENTITY: &str = "AGE-SECRET-KEY-";

/// What a line says by itself.
fn of_line(line: &str, start: usize, found: &mut Vec<Secret>) {
    let mut add = |name: &str, range: Range<usize>| {
        if !range.is_empty() {
            let range = start + range.start..start + range.end;
            let name = name.to_owned();
            found.push(Secret { name, range });
        }
    };
    for (at, _) in line.match_indices(IDENTITY) {
        let length = line[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        add("identity", at..length.map_or(line.len(), |length| at + length));
    }
    for (at, _) in line.match_indices("://") {
        if let Some(user) = user_of_url(line, at + 3) {
            let (name, _) = named_before(line, at).unwrap_or(("URL", 0));
            add(name, user);
        }
    }
    for part in line.split(is_around_login) {
        if let Some(login) = login(part) {
            let from = offset(line, login);
            let (name, _) = named_before(line, from).unwrap_or(("URL", 0));
            add(name, from..from + login.len());
        }
    }
    for header in ["Basic ", "Bearer ", "basic ", "bearer "] {
        for (at, _) in line.match_indices(header) {
            // "a basic example" is prose.
            let before = line[..at].trim_end();
            let is_header = before
                .len()
                .checked_sub("authorization".len())
                .and_then(|from| before.get(from..))
                .is_some_and(|end| end.eq_ignore_ascii_case("authorization"));
            if !before.is_empty() && !before.ends_with(['"', '\'', '=', ':']) && !is_header {
                continue;
            }
            let from = at + header.len();
            add("header", from..from + word(&line[from..]).len());
        }
    }
    // A line may have megabytes, so each part of it is read once: not for names that mean nothing, nor again within a secret.
    let mut read = 0;
    for (at, separator) in line.match_indices(['=', ':']) {
        if at < read {
            continue;
        }
        // A colon ends a name only before a space, and in JSON.
        let rest = &line[at + 1..];
        let ends_name = separator == "=" || rest.starts_with(' ') || line[..at].ends_with('"');
        let Some((name, from)) = name_before(line, at).filter(|_| ends_name) else {
            continue;
        };
        if !is_name_of_secret(name) && !is_name_of_proxy(name) {
            continue;
        }
        let value = value_after(line, from, at + 1);
        let text = &line[value.clone()];
        if is_named_secret(name, text) {
            read = value.end;
            add(name, value);
        } else if let Some(user) = in_proxy(name, text) {
            add(name, value.start + user.start..value.start + user.end);
        }
    }
    let mut words = line.split_whitespace().peekable();
    while let Some(name) = words.next() {
        if name.starts_with("--")
            && !name.contains('=')
            && let Some(value) = words.next_if(|next| !next.starts_with('-') && is_named_secret(name, next))
        {
            let from = offset(line, value);
            add(name, from..from + value.trim_end_matches(['"', '\'']).len());
        }
    }
    // As keepalived and nginx have it: a name and its value.
    if let [name, value] = *line.split_whitespace().collect::<Vec<_>>().as_slice()
        && !name.ends_with([':', '=', '-'])
        && is_named_secret(name, value)
    {
        let from = offset(line, value);
        add(name, from..from + value.trim_end_matches(';').len());
    }
}

/// What stands around `user:password@host`, and is no part of it.
fn is_around_login(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | '(' | '[' | '<' | '/' | '`')
}

/// `user:password` in front of an @ and a host, without a scheme before it. A digest of an image is no host.
fn login(part: &str) -> Option<&str> {
    const DIGESTS: [&str; 2] = ["sha256:", "sha512:"];
    let (login, host) = part.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let is_login = !user.is_empty() && !password.is_empty() && user != "mailto";
    (is_login && !DIGESTS.iter().any(|digest| host.starts_with(digest))).then_some(login)
}

/// The user, and perhaps the password, of a URL whose authority begins at `from`.
fn user_of_url(line: &str, from: usize) -> Option<Range<usize>> {
    let rest = word(&line[from..]);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A slash in a password should be `%2F`, and is not always.
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_cut = !authority.contains('@') && port.is_some_and(|port| port.chars().any(|c| !c.is_ascii_digit()));
    let at = if is_cut { rest } else { authority }.rfind('@')?;
    Some(from..from + at)
}

/// The name in front of the separator at `at`, perhaps in quotes, and where it begins.
fn name_before(line: &str, at: usize) -> Option<(&str, usize)> {
    let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let from = before.rfind(|c| !is_of_name(c)).map_or(0, |other| {
        other + before[other..].chars().next().map_or(0, char::len_utf8)
    });
    (from < before.len()).then(|| (&before[from..], from))
}

/// The name of the value in which `at` stands.
fn named_before(line: &str, at: usize) -> Option<(&str, usize)> {
    let equals = line[..at].rfind(['=', ':'])?;
    name_before(line, equals)
}

/// Where the value is whose separator ends at `from`, and whose name begins at `name`.
fn value_after(line: &str, name: usize, from: usize) -> Range<usize> {
    let rest = &line[from..];
    let start = from + (rest.len() - rest.trim_start().len());
    let value = &line[start..];
    let until = |quote: char, text: &str| {
        let mut escaped = false;
        let end = text.char_indices().find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        end.map_or(text.len(), |(end, _)| end)
    };
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return start + 1..start + 1 + until(quote, &value[1..]);
    }
    // `"NAME=a value"`: the quotes are around both.
    if let Some(quote) = line[..name].trim_end_matches('-').chars().next_back()
        && matches!(quote, '"' | '\'')
        && !line[name..from].contains(quote)
    {
        return start..start + until(quote, value);
    }
    let is_a_word = line[..from].ends_with('=') && start == from;
    let text = if is_a_word {
        word(value)
    } else {
        value.trim_end_matches([',', ';'])
    };
    start..start + text.len()
}

/// What stands before the next space or quote.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    &text[..end.unwrap_or(text.len())]
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(text)
}

/// Where `part`, a slice of `line`, begins in it.
fn offset(line: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_may_stand() {
        for (text, shown) in [
            (
                "Environment=\"HTTPS_PROXY=http://bob:hunter2@proxy:3128\"",
                "Environment=\"HTTPS_PROXY=http://(hidden)@proxy:3128\"",
            ),
            (
                "recipients = [\"AGE-SECRET-KEY-1HUNTER2\", \"age1x\"]",
                "recipients = [\"(hidden)\", \"age1x\"]",
            ),
            (
                "Environment=HTTPS_PROXY=bob:hunter2@proxy:3128 A=1",
                "Environment=HTTPS_PROXY=(hidden)@proxy:3128 A=1",
            ),
            (
                "HTTPS_PROXY = \"http://bob:hun/ter2@proxy\"",
                "HTTPS_PROXY = \"http://(hidden)@proxy\"",
            ),
            (
                "  --etcd-servers=https://bob:hunter2@10.0.0.1:2379,https://10.0.0.2 \\",
                "  --etcd-servers=https://(hidden)@10.0.0.1:2379,https://10.0.0.2 \\",
            ),
            (
                "etcd-servers = \"bob:hunter2@10.0.0.1:2379,eve:hunter3@[fd00::1]:2379\"",
                "etcd-servers = \"(hidden)@10.0.0.1:2379,(hidden)@[fd00::1]:2379\"",
            ),
            ("--discovery-user=bob:hunter2", "--discovery-user=(hidden)"),
            (
                "image: registry/a:1.2@sha256:0123 alpine:3@sha256:45 mailto:ops@example.org git@host:a",
                "image: registry/a:1.2@sha256:0123 alpine:3@sha256:45 mailto:ops@example.org git@host:a",
            ),
            (
                "Environment=\"DB_PASSWORD=a hunter2\" \"B=2\"",
                "Environment=\"DB_PASSWORD=(hidden)\" \"B=2\"",
            ),
            (
                "  --discovery-password=hunter2 \\",
                "  --discovery-password=(hidden) \\",
            ),
            (
                "  \"--discovery-password=hunter 2\" \\",
                "  \"--discovery-password=(hidden)\" \\",
            ),
            ("x --token hunter2 --v 2", "x --token (hidden) --v 2"),
            ("password: hunter2 and more", "password: (hidden)"),
            ("{\"auth\":\"hunter2\",\"x\":1}", "{\"auth\":\"(hidden)\",\"x\":1}"),
            ("password = 'hunter2'", "password = '(hidden)'"),
            ("    auth_pass hunter2", "    auth_pass (hidden)"),
            (
                "proxy_set_header X \"Bearer hunter2\";",
                "proxy_set_header X \"Bearer (hidden)\";",
            ),
            (
                "- name: DB_PASSWORD\n  value: hunter2\n- name: A\n  value: b",
                "- name: DB_PASSWORD\n  value: (hidden)\n- name: A\n  value: b",
            ),
            (
                "passwords:\n- hunter2\n- \"x\"\nb: c",
                "passwords:\n- (hidden)\n- \"(hidden)\"\nb: c",
            ),
            (
                "a:\n  token: |\n    hunter2\n    b\n  c: d",
                "a:\n  token: |\n    (hidden)\n    (hidden)\n  c: d",
            ),
            (
                "kind: Secret\nstringData:\n  a: hunter2\n  b: |-\n    hunter2\n---\nkind: ConfigMap\ndata:\n  a: b",
                "kind: Secret\nstringData:\n  a: (hidden)\n  b: |-\n    (hidden)\n---\nkind: ConfigMap\ndata:\n  a: b",
            ),
        ] {
            assert_eq!(hidden(text), shown);
            assert_eq!(starred(text).len(), text.len());
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "--token-auth-file=/etc/tokens.csv",
            "--initial-cluster-token=kubernetes-etcd",
            "  --etcd-servers=https://10.0.0.1:2379,https://[fd00::1]:2379",
            "authorization:\n  mode: Webhook\n",
            "automountServiceAccountToken: false",
            "password: ${PASSWORD}",
            "see https://example.com/@scope/package",
            "resources: [\"secrets\"]",
            "kind: Secret",
            "an invalid basic string, of bearer tokens",
            "secretName: tls",
            "--auth-token=simple",
            "--auth-token jwt,pub-key=/etc/etcd/jwt.pem",
            "GOOGLE_APPLICATION_CREDENTIALS=/etc/gcp.json",
            // As findings name it: a name in prose has no value behind it.
            "`--registry-token` may be a secret, and everybody on the host may read it",
        ] {
            assert_eq!(hidden(text), text);
        }
        assert!(!may_be_secret("NO_PROXY", "10.0.0.0/8,.svc") && !may_be_secret("v", "2"));
        assert!(may_be_secret("https_proxy", "bob:hunter2@proxy") && may_be_secret("API_KEY", "x"));
    }
}
