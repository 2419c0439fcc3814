//! A systemd unit, read as systemd.syntax(7) has it: sections, assignments, continuations, quoting. It knows no unit that
//! khw-gen writes.

use std::collections::BTreeMap;

/// The assignments of a unit: section, name, value, in their order.
#[derive(Clone, Debug, Default)]
pub struct UnitFile {
    pub assignments: Vec<(String, String, String)>,
}

/// A command line of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The last part of the program's path.
    pub program: String,
    /// Each flag and its values, in the order they are given. A flag without a value has `true`.
    pub flags: BTreeMap<String, Vec<String>>,
    /// The flags in the order in which they are first given.
    pub order: Vec<String>,
    /// What is neither a flag nor its value, the program first, as it stands there.
    pub plain: Vec<String>,
    /// Everything after the program, as it stands there.
    pub words: Vec<String>,
}

impl CommandLine {
    /// Reads a command line; an error says what can't be read.
    pub fn parse(text: &str) -> Result<CommandLine, &'static str> {
        let mut all = words(text)?.into_iter();
        let path = all.next().unwrap_or_default();
        let program = path.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        let mut line = CommandLine {
            program: program.rsplit('/').next().unwrap_or(program).to_owned(),
            flags: BTreeMap::new(),
            order: Vec::new(),
            plain: vec![path.clone()],
            words: all.collect(),
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
            let values = line.flags.entry(name.to_owned()).or_default();
            if values.is_empty() {
                line.order.push(name.to_owned());
            }
            values.push(value.to_owned());
        }
        Ok(line)
    }

    /// The last value of a flag that isn't empty: what Go's flag packages keep.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.values(name).last().filter(|value| !value.is_empty())
    }

    /// Whether a switch is on, or off, in one of the spellings that Go knows (strconv.ParseBool); none where it is neither.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.flag(name)? {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
            _ => None,
        }
    }

    /// Every value of a flag that may be given several times.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.flags.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The values of a flag that is a list.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let items = self.flag(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).collect()
    }
}

impl UnitFile {
    /// Reads a unit; an error is the number of the line that can't be read, and why.
    pub fn parse(text: &str) -> Result<UnitFile, (usize, &'static str)> {
        let mut unit = UnitFile::default();
        let mut section = String::new();
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                section = name
                    .strip_suffix(']')
                    .ok_or((number, "a section without its end"))?
                    .to_owned();
                continue;
            }
            let mut joined = line.to_owned();
            while let Some(start) = joined.strip_suffix('\\') {
                joined = format!("{} ", start.trim_end());
                // Comments between the lines of one assignment are passed over.
                let next = lines
                    .by_ref()
                    .find(|(line, _)| !line.trim_start().starts_with(['#', ';']));
                let Some((next, _)) = next else {
                    return Err((number, "a continuation at the end of the file"));
                };
                joined.push_str(next.trim());
            }
            let (name, value) = joined.split_once('=').ok_or((number, "no assignment"))?;
            if section.is_empty() {
                return Err((number, "an assignment before the first section"));
            }
            if name.trim().is_empty() || name.trim().contains(char::is_whitespace) {
                return Err((number, "no assignment"));
            }
            unit.assignments
                .push((section.clone(), name.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(unit)
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

    /// Its command lines; an error where quotes don't end.
    pub fn commands(&self) -> Result<Vec<CommandLine>, &'static str> {
        let lines = self.values("Service", "ExecStart").into_iter();
        lines.map(CommandLine::parse).collect()
    }
}

/// Splits a command line as systemd does: quotes around words, C escapes, `%%` for a percent sign.
pub fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => {
                let escaped = match chars.next().ok_or("a backslash at the end")? {
                    'n' => '\n',
                    't' => '\t',
                    's' => ' ',
                    other => other,
                };
                word.get_or_insert_default().push(escaped);
            }
            (_, '%' | '$') if chars.peek() == Some(&c) => {
                chars.next();
                word.get_or_insert_default().push(c);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote without its end");
    }
    words.extend(word);
    Ok(words)
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
        for broken in ["x", "a=b", "[Unit", "[Unit]\nx", "[S]\na=b \\"] {
            assert!(UnitFile::parse(broken).is_err(), "{broken}");
        }
        assert!(words("a 'b").is_err());
    }
}
