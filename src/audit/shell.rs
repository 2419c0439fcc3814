//! A script of a shell that is nothing but one command, as `sh -c` is given it (POSIX.1-2017, XCU 2, "Shell Command Language").

/// The words of the only command of a script, without `exec` and without where its output goes. None where it is anything else: several
/// commands, variables, or what a shell puts other words in the place of.
pub(super) fn simple_command(script: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = script.trim().trim_end_matches(';').trim_end().chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' => {
                let within = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => within.push(c),
                    }
                }
            }
            '"' => {
                let within = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '$' | '`' => return None,
                        '\\' => match rest.next()? {
                            '\n' => {}
                            c @ ('"' | '\\' | '$' | '`') => within.push(c),
                            c => within.extend(['\\', c]),
                        },
                        c => within.push(c),
                    }
                }
            }
            '\\' => match rest.next()? {
                '\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            ' ' | '\t' => words.extend(word.take()),
            '>' | '&' if c == '>' || rest.as_str().starts_with('>') => {
                // A number in front of it is that of a file, and none of the words.
                words.extend(word.take().filter(|word| word.parse::<u8>().is_err()));
                return is_where_output_goes(rest.as_str()).then(|| command(words)).flatten();
            }
            '#' if word.is_none() => return None,
            '$' | '`' | '|' | '&' | ';' | '<' | '(' | ')' | '{' | '\n' => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    command(words)
}

/// The words behind `exec`; none where variables are set in front of them, or `exec` has options.
fn command(mut words: Vec<String>) -> Option<Vec<String>> {
    if words.first().is_some_and(|word| word == "exec") {
        words.remove(0);
    }
    let first = words.first()?;
    (!first.contains('=') && !first.starts_with('-')).then_some(words)
}

/// Whether what stands behind `>` is the name of a file, and after it more of the kind alone.
fn is_where_output_goes(mut rest: &str) -> bool {
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    loop {
        rest = rest.trim_start_matches('>').trim_start();
        rest = rest.strip_prefix('&').unwrap_or(rest);
        let name = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        let after = rest[name..].trim_start();
        if name == 0 || after.is_empty() {
            return name > 0;
        }
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(next) = after.strip_prefix("&>").or_else(|| after.strip_prefix('>')) else {
            return false;
        };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_is_read_and_anything_else_is_not() {
        let rows: [(&str, &[&str]); 7] = [
            ("exec /bin/x --a=1  --b", &["/bin/x", "--a=1", "--b"]),
            (
                "/bin/x --a='b c' --d=\"e f\" g\\ h;",
                &["/bin/x", "--a=b c", "--d=e f", "g h"],
            ),
            ("/bin/x --a >> /var/log/x.log 2>&1", &["/bin/x", "--a"]),
            ("/bin/x --a 1>/dev/null 2>/dev/null", &["/bin/x", "--a"]),
            ("/bin/x 7 &> /x", &["/bin/x", "7"]),
            ("/bin/x --a \\\n --b", &["/bin/x", "--a", "--b"]),
            ("/bin/x --a=\"[\\\"b\\\"]\"", &["/bin/x", "--a=[\"b\"]"]),
        ];
        for (script, words) in rows {
            assert_eq!(simple_command(script).unwrap_or_default(), words, "{script}");
        }
        for script in [
            "",
            "/bin/x --a; /bin/y",
            "/bin/x | tee /x",
            "/bin/x &",
            "/bin/x > /x &",
            "/bin/x --a=$A",
            "/bin/x --a=\"$A\"",
            "A=1 /bin/x",
            "exec -a y /bin/x",
            "/bin/x --a=`b`",
            "/bin/x\n/bin/y",
            "/bin/x 'a",
            "/bin/x {a,b}",
            "/bin/x < /y",
            "(/bin/x)",
            "/bin/x > $A",
            "/bin/x # y",
            "/bin/x > /a /b",
        ] {
            assert_eq!(simple_command(script), None, "{script}");
        }
    }
}
