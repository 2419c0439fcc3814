//! A systemd unit, read as systemd.syntax(7) has it: sections, assignments, continuations, quoting, specifiers, variables. It
//! knows no unit that khw-gen writes.

use std::collections::BTreeMap;

use super::shell::simple_command;
use crate::catalog::flags::{Several, hyphenated, several};

/// What systemd takes for blank; a no-break space is a character as any other.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// The assignments of a unit: section, name, value, in their order.
#[derive(Clone, Debug, Default)]
pub struct UnitFile {
    pub assignments: Vec<(String, String, String)>,
    /// What systemd passes over with a warning: the number of the line, and what it is.
    pub ignored: Vec<(usize, &'static str)>,
}

/// A command line of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The last part of the program's path.
    pub program: String,
    /// Each flag and its values, in the order they are given. A flag without a value has `true`. Where each further value of a flag adds to
    /// those before it, they are one, with commas between: who asks for the last has them all.
    pub flags: BTreeMap<String, Vec<String>>,
    /// The flags in the order in which they are first given.
    pub order: Vec<String>,
    /// What is neither a flag nor its value, the program first, as it stands there.
    pub plain: Vec<String>,
    /// Everything after the program, as it stands there.
    pub words: Vec<String>,
    /// The variables in it that nothing sets.
    pub unset: Vec<String>,
    /// The variables in it that something may set which is not known: each may stand for any flags.
    pub untold: Vec<String>,
    /// The file that its flags were read from, where its program heeds that alone.
    pub read_from: Option<String>,
}

/// The flag of etcd that names the file which it heeds alone.
pub(crate) const FILE_OF_ETCD: &str = "config-file";

/// What stands before the path of a program and says how it is started (systemd.service(5), table 2).
const PREFIXES: [char; 6] = ['-', '@', ':', '+', '!', '|'];

impl CommandLine {
    /// Reads a command line; an error says what can't be read. Specifiers and variables stay as they stand there.
    pub fn parse(text: &str) -> Result<CommandLine, &'static str> {
        Ok(CommandLine::of(words(text)?.iter().map(|word| meant(word)).collect()))
    }

    /// The command of these words, which are as the program gets them.
    pub(crate) fn of(words: Vec<String>) -> CommandLine {
        let mut all = wrapped(&words).unwrap_or(words).into_iter();
        let path = all.next().unwrap_or_default();
        let program = path.trim_start_matches(PREFIXES);
        let mut line = CommandLine {
            program: program.rsplit('/').next().unwrap_or(program).to_owned(),
            flags: BTreeMap::new(),
            order: Vec::new(),
            plain: vec![path.clone()],
            words: all.collect(),
            ..CommandLine::default()
        };
        let mut words = line.words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                line.plain.push(word.clone());
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value),
                None => {
                    let next = words.next_if(|next| !next.starts_with('-'));
                    (flag, next.map_or("true", String::as_str))
                }
            };
            let name = match is_of_kubernetes(&line.program) {
                true => hyphenated(&line.program, name),
                false => name.to_owned(),
            };
            let values = line.flags.entry(name.clone()).or_default();
            if values.is_empty() {
                line.order.push(name);
            }
            values.push(value.to_owned());
        }
        for (name, values) in line.flags.iter_mut().filter(|(_, values)| values.len() > 1) {
            if several(&line.program, name) != Several::LastCounts {
                // An empty value adds nothing, and between commas it would be an item.
                let given: Vec<&str> = values
                    .iter()
                    .map(String::as_str)
                    .filter(|one| !one.is_empty())
                    .collect();
                *values = vec![given.join(",")];
            }
        }
        line
    }

    /// The path of the program, and what stands before it.
    pub(crate) fn path(&self) -> (&str, &str) {
        let whole = self.plain.first().map_or("", String::as_str);
        let path = whole.trim_start_matches(PREFIXES);
        (&whole[..whole.len() - path.len()], path)
    }

    /// The last value of a flag that isn't empty: what Go's flag packages keep.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.values(name).last().filter(|value| !value.is_empty())
    }

    /// Whether its flags are in a file that is not here.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.program == "etcd" && self.read_from.is_none() && self.flag(FILE_OF_ETCD).is_some()
    }

    /// Whether a switch is on, or off, in one of the spellings that Go knows (strconv.ParseBool); none where it is neither.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.flag(name)? {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
            _ => None,
        }
    }

    /// Every value of a flag that may be given several times and whose values have no commas between, such as
    /// `--service-account-key-file`; of a list, one text of all.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.flags.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The values of a flag that is a list, as its program splits it: of those that pflag splits, blanks are part of an item.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let text = self.flag(name).unwrap_or_default();
        let items = match several(&self.program, name) {
            Several::OfCsv => return csv(text),
            Several::OfPairs | Several::LastCounts => text.split(','),
        };
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }
}

/// Whether its flags are those of a component of Kubernetes.
fn is_of_kubernetes(program: &str) -> bool {
    program.starts_with("kube-") || program == "kubelet"
}

/// The last part of a path.
fn name_in(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The words of a program of a cluster that another program starts and becomes, or only hands on the output of: a shell that is given one
/// command, or go-runner of Kubernetes' images (<https://github.com/kubernetes/release/tree/master/images/build/go-runner>).
fn wrapped(words: &[String]) -> Option<Vec<String>> {
    let (first, rest) = words.split_first()?;
    let path = first.trim_start_matches(PREFIXES);
    let mut inner = match (name_in(path), rest) {
        ("sh" | "bash" | "dash", [option, script, ..]) if option.starts_with('-') && option.ends_with('c') => {
            simple_command(script)?
        }
        ("go-runner", rest) => {
            let mut rest = rest.iter();
            let mut next = rest.next();
            while let Some(flag) = next.filter(|word| word.starts_with('-')) {
                let is_by_itself = flag.trim_start_matches('-') == "log-file";
                next = if is_by_itself { rest.nth(1) } else { rest.next() };
            }
            next.into_iter().chain(rest).cloned().collect()
        }
        _ => return None,
    };
    let program = inner.first_mut()?;
    if !is_of_kubernetes(name_in(program)) && name_in(program) != "etcd" {
        return None;
    }
    program.insert_str(0, &first[..first.len() - path.len()]);
    Some(inner)
}

/// The items of a line of CSV, of which quotes hold commas together; none is empty. A doubled quote within quotes, which no flag's item has,
/// stays doubled.
fn csv(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let ends = inner.match_indices('"').map(|(at, _)| at);
            let mut ends = ends.filter(|at| {
                inner
                    .get(at + 1..)
                    .is_some_and(|after| after.is_empty() || after.starts_with(','))
            });
            let end = ends.next()?;
            Some((&inner[..end], inner[end + 1..].strip_prefix(',').unwrap_or_default()))
        });
        let (item, after) = quoted.or_else(|| rest.split_once(',')).unwrap_or((rest, ""));
        items.push(item);
        rest = after;
    }
    items.retain(|item| !item.is_empty());
    items
}

/// Variables that systemd sets (systemd.exec(5), "Environment Variables Set or Propagated by the Service Manager").
#[rustfmt::skip]
const SET_BY_SYSTEMD: [&str; 18] = [
    "PATH", "LANG", "USER", "LOGNAME", "HOME", "SHELL", "MAINPID", "MANAGERPID", "INVOCATION_ID", "PIDFILE", "NOTIFY_SOCKET",
    "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
];

/// What specifiers stand for (systemd.unit(5), "Specifiers").
#[derive(Clone, Copy)]
pub(crate) struct Specifiers<'m> {
    pub host: &'m str,
    /// The unit's file name.
    pub unit: &'m str,
}

impl Specifiers<'_> {
    /// A text with its specifiers resolved, as far as they are known here. One that systemd does not know stays, as it does there.
    pub(crate) fn resolved(self, text: &str) -> String {
        let stem = self.unit.strip_suffix(".service").unwrap_or(self.unit);
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        // Of a template nothing says which instances there are, and an escaped path is not unescaped here.
        let is_template = stem.ends_with('@');
        let unescaped = if instance.contains(['-', '\\']) { "" } else { instance };
        let mut read = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            read.push_str(before);
            let stands_for = match after.chars().next() {
                Some('%') => "%",
                Some('H' | 'l' | 'q') => self.host,
                Some('n') if !is_template => self.unit,
                Some('N') if !is_template => stem,
                Some('p') => prefix,
                Some('i') => instance,
                Some('I') => unescaped,
                _ => "",
            };
            read.push_str(if stands_for.is_empty() { "%" } else { stands_for });
            rest = if stands_for.is_empty() { after } else { &after[1..] };
        }
        read + rest
    }
}

/// What words of a unit stand for on a host: specifiers, and variables (systemd.service(5), "Command lines").
pub(crate) struct Circumstances<'m> {
    pub specifiers: Specifiers<'m>,
    pub variables: &'m BTreeMap<String, String>,
    /// Whether those are all variables that there are.
    pub is_all: bool,
}

impl Circumstances<'_> {
    /// The words that a word is when the program is started; variables that have no value here are noted. One that is a word of its own is
    /// left out then, as it may be any words, or none.
    fn expanded(&self, word: &str, unvalued: &mut Vec<String>) -> Vec<String> {
        let mut value = |name: &str, as_it_stands: &str| match self.variables.get(name) {
            Some(value) => value.clone(),
            None if SET_BY_SYSTEMD.contains(&name) => as_it_stands.to_owned(),
            None => {
                if !unvalued.iter().any(|known| known == name) {
                    unvalued.push(name.to_owned());
                }
                let stays = !self.is_all && as_it_stands.starts_with("${");
                if stays { as_it_stands.to_owned() } else { String::new() }
            }
        };
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            return value(name, word)
                .split(BLANK)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect();
        }
        let mut read = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('$') {
            read.push_str(before);
            let braced = after.strip_prefix('{').and_then(|after| after.split_once('}'));
            rest = match (after.strip_prefix('$'), braced.filter(|(name, _)| is_name(name))) {
                (Some(after), _) => {
                    read.push('$');
                    after
                }
                (None, Some((name, after))) => {
                    read.push_str(&value(name, &format!("${{{name}}}")));
                    after
                }
                (None, None) => {
                    read.push('$');
                    after
                }
            };
        }
        vec![read + rest]
    }
}

/// A word of which no meaning is known but that of doubled signs.
fn meant(word: &str) -> String {
    word.replace("%%", "%").replace("$$", "$")
}

impl UnitFile {
    /// Reads a unit; an error is the number of the line for which systemd refuses all of it, and why.
    pub fn parse(text: &str) -> Result<UnitFile, (usize, &'static str)> {
        let mut unit = UnitFile::default();
        let mut section = None;
        // A line and those that continue it: each is copied once, however many there are.
        let (mut joined, mut first) = (String::new(), 0);
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let line = line.trim_start_matches(BLANK);
            // Comments between the lines of one assignment are passed over.
            if line.starts_with(['#', ';']) {
                continue;
            }
            if joined.is_empty() {
                first = number;
            }
            // A backslash continues the line if it is the last character, blanks included, and no other one escapes it.
            let backslashes = line.len() - line.trim_end_matches('\\').len();
            if backslashes % 2 == 1 {
                joined.push_str(line[..line.len() - 1].trim_end_matches(BLANK));
                joined.push(' ');
                continue;
            }
            joined.push_str(line);
            unit.read(&mut section, joined.trim_matches(BLANK), first)?;
            joined.clear();
        }
        unit.read(&mut section, joined.trim_matches(BLANK), first)?;
        Ok(unit)
    }

    fn read(&mut self, section: &mut Option<String>, line: &str, number: usize) -> Result<(), (usize, &'static str)> {
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or((number, "a section without its end"))?;
            *section = Some(name.to_owned());
        } else if let (Some((name, value)), Some(section)) = (line.split_once('='), &section) {
            let (name, value) = (name.trim_matches(BLANK), value.trim_matches(BLANK));
            self.assignments
                .push((section.clone(), name.to_owned(), value.to_owned()));
        } else if !line.is_empty() {
            let what = match section {
                Some(_) => "no assignment",
                None => "before the first section",
            };
            self.ignored.push((number, what));
        }
        Ok(())
    }

    /// The values of `Name=` in a section; an empty one drops those before it.
    pub fn values(&self, section: &str, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (_, _, value) in self
            .assignments
            .iter()
            .filter(|(of, to, _)| of == section && to == name)
        {
            match value.is_empty() {
                true => values.clear(),
                false => values.push(value.as_str()),
            }
        }
        values
    }

    /// The last value of a setting of `[Service]` that takes one.
    pub(crate) fn service(&self, name: &str) -> Option<&str> {
        self.values("Service", name).last().copied()
    }

    /// The words of all values of a setting that is a list.
    pub(crate) fn list(&self, section: &str, name: &str) -> Vec<&str> {
        let values = self.values(section, name).into_iter();
        values
            .flat_map(|value| value.split(BLANK))
            .filter(|word| !word.is_empty())
            .collect()
    }

    /// Its command lines; an error where quotes don't end.
    pub fn commands(&self) -> Result<Vec<CommandLine>, &'static str> {
        let lines = self.values("Service", "ExecStart").into_iter();
        let split = lines.map(commands_in).collect::<Result<Vec<_>, _>>()?;
        let commands = split.into_iter().flatten();
        Ok(commands
            .map(|words| CommandLine::of(words.iter().map(|word| meant(word)).collect()))
            .collect())
    }

    /// The command lines of `ExecStart=`, or a setting like it, as they are started.
    pub(crate) fn started(&self, setting: &str, meaning: &Circumstances<'_>) -> Result<Vec<CommandLine>, &'static str> {
        let mut lines = Vec::new();
        for line in self.values("Service", setting) {
            for words in commands_in(line)? {
                let mut unvalued = Vec::new();
                let words = words.iter().map(|word| meaning.specifiers.resolved(word));
                // The path of the program is read before there are variables.
                let words = words.enumerate().flat_map(|(at, word)| match at {
                    0 => vec![word],
                    _ => meaning.expanded(&word, &mut unvalued),
                });
                let mut line = CommandLine::of(words.collect());
                match meaning.is_all {
                    true => line.unset = unvalued,
                    false => line.untold = unvalued,
                }
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

/// Splits a line as systemd does: quotes around words, C escapes.
pub fn words(line: &str) -> Result<Vec<String>, &'static str> {
    Ok(commands_in(line)?.concat())
}

/// The commands of a line, which a semicolon between blanks separates, and their words.
fn commands_in(line: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let starts = word.is_none() && quote.is_none();
        let ends_after = |mark: &str| {
            rest.strip_prefix(mark)
                .filter(|rest| rest.is_empty() || rest.starts_with(BLANK))
        };
        if let Some(after) = ends_after(";").filter(|_| starts) {
            commands.push(Vec::new());
            rest = after;
            continue;
        }
        if let Some(after) = ends_after("\\;").filter(|_| starts) {
            word = Some(";".to_owned());
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => {
                let (text, length) = unescaped(rest).ok_or("a backslash at the end")?;
                word.get_or_insert_default().push_str(&text);
                rest = &rest[length..];
            }
            (None, c) if BLANK.contains(&c) => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote without its end");
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands.retain(|command| !command.is_empty());
    Ok(commands)
}

/// What follows a backslash, and how many bytes of it (systemd.syntax(7), "Supported escapes"); nothing at the end of the text.
/// A backslash before anything else stands for itself.
fn unescaped(after: &str) -> Option<(String, usize)> {
    let c = after.chars().next()?;
    let simple = |text: char| Some((text.to_string(), c.len_utf8()));
    let number = |skip: usize, digits: usize, radix: u32| {
        let code = u32::from_str_radix(after.get(skip..skip + digits)?, radix).ok()?;
        Some((char::from_u32(code)?.to_string(), skip + digits))
    };
    let read = match c {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        's' => simple(' '),
        '\\' | '"' | '\'' => simple(c),
        'x' => number(1, 2, 16),
        'u' => number(1, 4, 16),
        'U' => number(1, 8, 16),
        '0'..='3' => number(0, 3, 8),
        _ => None,
    };
    Some(read.unwrap_or_else(|| ("\\".to_owned(), 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations_comments_and_quotes_are_systemds() {
        let unit = UnitFile::parse(
            "[Service]\nExecStart=/bin/old\nExecStart=\nExecStart=-/usr/bin/etcd --name=\"a b\" \\\n# between\n  --x='1,2' \\\n  -v --z 100%%\n",
        )
        .unwrap();
        let commands = unit.commands().unwrap();
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].program, "etcd");
        assert_eq!(commands[0].flag("name"), Some("a b"));
        assert_eq!(commands[0].list("x"), ["1", "2"]);
        assert_eq!(commands[0].flag("v"), Some("true"));
        assert_eq!(commands[0].flag("z"), Some("100%"));
        assert!(UnitFile::parse("[Unit").is_err());
        assert!(words("a 'b").is_err());
    }

    /// No reader has to know which flags are lists: whoever asks for the value of one has all of them.
    #[test]
    fn what_a_list_is_given_several_times_adds_up() {
        let mut asked = 0;
        for (program, flag) in crate::catalog::flags::all() {
            let line = CommandLine::parse(&format!(
                "/bin/{program} --{flag}= --{flag}=a=1 --{flag} b=2,c=3 --{flag}="
            ));
            let line = line.expect("a command line");
            let is_list = several(program, flag) != Several::LastCounts;
            asked += usize::from(is_list);
            let all = line.values(flag).collect::<Vec<_>>();
            match is_list {
                true => {
                    assert_eq!(
                        line.flag(flag),
                        Some("a=1,b=2,c=3"),
                        "{program} --{flag}: the values add up"
                    );
                    assert_eq!(line.list(flag), ["a=1", "b=2", "c=3"], "{program} --{flag}");
                    assert_eq!(all, ["a=1,b=2,c=3"], "{program} --{flag}");
                }
                false => {
                    assert_eq!(
                        line.flag(flag),
                        None,
                        "{program} --{flag}: the last value counts, and it is empty"
                    );
                    assert_eq!(all, ["", "a=1", "b=2,c=3", ""], "{program} --{flag}");
                }
            }
        }
        assert!(asked > 60, "{asked}");
        let given = r#"/bin/kube-apiserver --cors-allowed-origins="\"a,b\",c" --cors-allowed-origins= --cors-allowed-origins=d"#;
        let line = CommandLine::parse(given).expect("a command line");
        assert_eq!(line.list("cors-allowed-origins"), ["a,b", "c", "d"]);
        let line =
            CommandLine::parse("/bin/kube-apiserver \"--authorization-mode=Node, RBAC\"").expect("a command line");
        assert_eq!(line.list("authorization-mode"), ["Node", " RBAC"]);
    }

    #[test]
    fn what_systemd_passes_over_is_known() {
        let rows: [(&str, &[usize], usize); 7] = [
            ("x", &[1], 0),
            ("a=b\n[S]\na=b", &[1], 1),
            ("[S]\nx", &[2], 0),
            // The blank is behind the backslash, and so the next line is one of its own.
            ("[S]\nExecStart=/a \\ \n  --flag\nb=c", &[3], 2),
            // A backslash that another one escapes continues nothing.
            ("[S]\na=b \\\\\nc=d", &[], 2),
            ("[S]\na=b \\\n\nc=d", &[], 2),
            ("[S]\na=b \\", &[], 1),
        ];
        for (text, ignored, assignments) in rows {
            let unit = UnitFile::parse(text).unwrap();
            let lines: Vec<usize> = unit.ignored.iter().map(|(line, _)| *line).collect();
            assert_eq!(
                (lines.as_slice(), unit.assignments.len()),
                (ignored, assignments),
                "{text}"
            );
        }
    }

    /// To copy what is joined for every line would be some 10^13 bytes here.
    #[test]
    fn a_unit_of_very_many_continued_lines_is_read() {
        let line = "  --a=0123456789 \\\n";
        let text = format!("[Service]\nExecStart=/bin/x \\\n{}--b=1\n", line.repeat(1 << 19));
        let commands = UnitFile::parse(&text).unwrap().commands().unwrap();
        assert_eq!(commands[0].words.len(), (1 << 19) + 1);
    }

    #[test]
    fn words_are_what_the_program_gets() {
        let variables = BTreeMap::from([("ARGS".to_owned(), "--a=1  --b".to_owned())]);
        let meaning = Circumstances {
            specifiers: Specifiers {
                host: "node1",
                unit: "x.service",
            },
            variables: &variables,
            is_all: true,
        };
        let unit = UnitFile::parse(
            "[Service]\nExecStart=/bin/$ARGS $ARGS --c=${ARGS} --d=$ARGS ${NONE} %H %N %% %z 5% $$x a\\d \\; a\\x41 ; /bin/b\u{a0}c\n",
        );
        let unit = unit.unwrap();
        let lines = unit.started("ExecStart", &meaning).unwrap();
        assert_eq!(lines[0].path(), ("", "/bin/$ARGS"));
        #[rustfmt::skip]
        let words = [
            "--a=1", "--b", "--c=--a=1  --b", "--d=$ARGS", "", "node1", "x", "%", "%z", "5%", "$x", "a\\d", ";", "aA",
        ];
        assert_eq!(lines[0].words, words);
        assert_eq!(
            (lines[1].program.as_str(), lines[0].unset.as_slice()),
            ("b\u{a0}c", &["NONE".to_owned()][..])
        );
        // What may be set elsewhere may be any words.
        let meaning = Circumstances {
            is_all: false,
            ..meaning
        };
        let unit = UnitFile::parse("[Service]\nExecStart=/bin/a --b $MORE --c=${MORE} $ARGS $MORE\n").unwrap();
        let lines = unit.started("ExecStart", &meaning).unwrap();
        assert_eq!(lines[0].words, ["--b", "--c=${MORE}", "--a=1", "--b"]);
        assert_eq!(
            (lines[0].unset.len(), lines[0].untold.as_slice()),
            (0, &["MORE".to_owned()][..])
        );
    }

    #[test]
    fn specifiers_are_those_of_the_unit() {
        let rows = [
            ("etcd.service", "/etc/default/etcd etcd etcd.service etcd % %i"),
            ("etcd@a.service", "/etc/default/etcd@a etcd@a etcd@a.service etcd % a"),
            ("etcd@.service", "/etc/default/%N %N %n etcd % %i"),
        ];
        for (unit, expected) in rows {
            let specifiers = Specifiers { host: "node1", unit };
            assert_eq!(
                specifiers.resolved("/etc/default/%N %N %n %p %% %i"),
                expected,
                "{unit}"
            );
        }
    }
}
