//! The command line itself: its examples, its width, and what shells and man(1) make of it.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Spec, khw_gen, must, program, run, said};
use tempfile::TempDir;

/// Every command with those below it, as a user writes them; none of the program itself.
fn commands() -> Vec<Vec<String>> {
    let below = |command: &[String]| -> Vec<Vec<String>> {
        let help = help(command, 100);
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = lines
            .take_while(|line| !line.is_empty())
            .filter(|line| !line.starts_with("    "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help");
        names
            .map(|name| command.iter().cloned().chain([name.to_owned()]).collect())
            .collect()
    };
    let mut all = Vec::new();
    let mut next = below(&[]);
    while let Some(command) = next.pop() {
        next.extend(below(&command));
        all.push(command);
    }
    all.sort();
    assert!(all.len() > 20, "{all:?}");
    all
}

fn help(command: &[String], columns: usize) -> String {
    must(
        khw_gen()
            .args(command)
            .arg("--help")
            .env("COLUMNS", columns.to_string()),
    )
}

/// The examples that `--help` shows of a command.
fn examples(command: &[String]) -> Vec<String> {
    let help = help(command, 100);
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn every_help_fits_80_columns_and_has_examples_that_can_be_read() {
    for command in [Vec::new()].into_iter().chain(commands()) {
        let help = help(&command, 80);
        let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{command:?}: {wide:#?}");
        let examples = examples(&command);
        assert!(
            !examples.is_empty() || command == ["golden"] || command == ["seed"],
            "{command:?} has no example"
        );
        for example in examples {
            let start = example.find("khw-gen ").unwrap_or_else(|| panic!("{example}"));
            let words = example[start..].split([' ']).skip(1).filter(|word| !word.is_empty());
            let words: Vec<&str> = words
                .take_while(|word| !["|", ">", ">>", "<", "#"].contains(word))
                .collect();
            assert!(words.iter().zip(&command).all(|(word, name)| word == name), "{example}");
            // Nothing of it is there, so nothing is done; but clap has read it.
            let folder = TempDir::new().expect("a folder");
            let output = run(khw_gen().args(absent(&words)).current_dir(&folder));
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("Usage:"), "{example}: {told}");
        }
    }
}

/// The same, with no path that leads out of the folder of a test.
fn absent(words: &[&str]) -> Vec<String> {
    let here = |word: &&str| match word.strip_prefix('/') {
        Some(path) => format!("./{path}"),
        None => (*word).to_owned(),
    };
    words.iter().map(here).collect()
}

fn script(shell: &str, folder: &Path) -> std::path::PathBuf {
    let path = folder.join(format!("khw-gen.{shell}"));
    fs::write(&path, must(khw_gen().args(["completions", shell]))).expect("a script");
    path
}

#[test]
fn shells_complete_commands_options_and_choices() {
    const TEST: &str = "shells complete the command line";
    let folder = TempDir::new().expect("a folder");
    let at = |shell: &str| script(shell, folder.path());
    // What is typed, and what has to be among what is offered.
    let typed = [
        ("khw-gen ver", "verify"),
        ("khw-gen golden ch", "check"),
        ("khw-gen verify --besi", "--beside"),
        ("khw-gen diff --format ma", "markdown"),
        ("khw-gen build --archive tar.z", "tar.zst"),
        ("khw-gen explain leaf-outl", "leaf-outlives-ca"),
    ];
    if let Some(bash) = program("bash", TEST) {
        for (line, offered) in typed {
            let words: Vec<&str> = line.split(' ').collect();
            let script = format!(
                "source '{}'; COMP_WORDS=({line}); COMP_CWORD={}; COMP_LINE='{line}'\n\
                 f=$(complete -p khw-gen | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f khw-gen {} {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                at("bash").display(),
                words.len() - 1,
                words[words.len() - 1],
                words[words.len() - 2],
            );
            let reply = must(Command::new(&bash).args(["--norc", "-c", &script]));
            assert!(reply.lines().any(|word| word == offered), "bash, {line}: {reply}");
        }
    }
    if let Some(fish) = program("fish", TEST) {
        for (line, offered) in typed {
            let script = format!("source {}; complete -C '{line}'", at("fish").display());
            let reply = must(
                Command::new(&fish)
                    .args(["--no-config", "-c", &script])
                    .env("HOME", folder.path()),
            );
            let mut words = reply.lines().filter_map(|line| line.split('\t').next());
            assert!(words.any(|word| word == offered), "fish, {line}: {reply}");
        }
    }
    if let Some(zsh) = program("zsh", TEST) {
        // As a shell loads it: from a folder of $fpath, by the name that compinit looks for.
        let functions = folder.path().join("functions");
        fs::create_dir(&functions).expect("a folder");
        fs::copy(at("zsh"), functions.join("_khw-gen")).expect("the script");
        let script = format!(
            "fpath=({} $fpath); autoload -Uz compinit; compinit -D; print -r -- $_comps[khw-gen]; autoload +X _khw-gen && print loaded",
            functions.display()
        );
        let said = must(
            Command::new(&zsh)
                .args(["-f", "-c", &script])
                .env("HOME", folder.path()),
        );
        assert_eq!(said.lines().collect::<Vec<_>>(), ["_khw-gen", "loaded"]);
    }
    // No shell here completes by these two without a terminal, or at all: every command is there.
    for shell in ["elvish", "powershell"] {
        let text = fs::read_to_string(at(shell)).expect("a script");
        for command in commands() {
            assert!(
                text.contains(&format!("khw-gen;{}", command.join(";"))),
                "{shell}: {command:?}"
            );
        }
    }
}

#[test]
fn every_command_has_a_manual_page_and_none_is_overwritten() {
    const TEST: &str = "manual pages are read by groff";
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("man1");
    let write = || run(khw_gen().arg("man").arg(&dir));
    assert!(write().status.success());
    let entries = fs::read_dir(&dir).expect("a folder");
    let pages: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    let names = commands()
        .into_iter()
        .map(|command| format!("khw-gen-{}.1", command.join("-")));
    let expected: BTreeSet<String> = names.chain(["khw-gen.1".to_owned()]).collect();
    assert_eq!(pages, expected);
    let again = write();
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    let Some(groff) = program("groff", TEST) else { return };
    for page in &pages {
        let path = dir.join(page);
        let output = run(Command::new(&groff)
            .args(["-ww", "-z", "-man", "-K", "utf8"])
            .arg(&path));
        assert!(
            output.status.success() && said(&output).is_empty(),
            "{page}: {}",
            said(&output)
        );
        let shown = must(
            Command::new(&groff)
                .args(["-man", "-Tutf8", "-P-cbou", "-K", "utf8", "-rLL=78n"])
                .arg(&path),
        );
        for word in ["SYNOPSIS", "khw-gen "] {
            assert!(shown.contains(word), "{page}: {shown}");
        }
        // Options with their values, as `--help` has them, and no page that is not there.
        let name = page.trim_start_matches("khw-gen").trim_end_matches(".1");
        let command: Vec<String> = name
            .split('-')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let help = help(&command, 100);
        let usage = help
            .lines()
            .find_map(|line| line.strip_prefix("Usage: "))
            .expect("a usage");
        let one_line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            one_line.contains(&format!("SYNOPSIS {usage} DESCRIPTION")),
            "{page}: {usage}: {shown}"
        );
        for word in one_line.split(' ').filter_map(|word| word.strip_suffix("(1)")) {
            assert!(pages.contains(&format!("{word}.1")), "{page} refers to {word}(1)");
        }
    }
}

/// Colour is for whoever wants it: the same text without it, and none in what programs read.
#[test]
fn colour_changes_nothing_but_the_look() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("cluster.toml"), "naem = 1\n").expect("cluster.toml");
    let check = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = khw_gen();
        command
            .args(["check", "cluster.toml"])
            .args(arguments)
            .current_dir(&folder);
        for (name, value) in variables {
            command.env(name, value);
        }
        let output = run(&mut command);
        assert_eq!(output.status.code(), Some(1));
        said(&output)
    };
    let plain = check(&[], &[]);
    assert!(
        plain.contains("error[unknown-field]: ") && !plain.contains('\u{1b}'),
        "{plain}"
    );
    for coloured in [
        check(&["--color", "always"], &[]),
        check(&[], &[("CLICOLOR_FORCE", "1")]),
    ] {
        assert!(coloured.contains('\u{1b}'), "{coloured:?}");
        let parts = coloured.split('\u{1b}').enumerate();
        let stripped: String = parts
            .map(|(index, part)| match part.split_once('m') {
                Some((_, rest)) if index > 0 => rest,
                _ => part,
            })
            .collect();
        assert_eq!(stripped, plain);
    }
    for unwanted in [
        check(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]),
        check(&[], &[("NO_COLOR", "1")]),
    ] {
        assert_eq!(unwanted, plain);
    }
    let json = check(&["--format", "json"], &[("CLICOLOR_FORCE", "1")]);
    assert!(!json.contains('\u{1b}'), "{json:?}");
}

/// What the program does not do is nothing that a command of its own does.
#[test]
fn nothing_is_denied_that_a_command_does() {
    let readme = include_str!("../README.md");
    for (whose, text) in [("--help", help(&[], 200)), ("README.md", readme.to_owned())] {
        assert!(!text.contains("encrypts no archive"), "{whose}");
        assert!(text.contains("seals no archive") && text.contains("seal"), "{whose}");
    }
}

#[test]
fn the_version_says_which_sources_it_is_of() {
    let version = must(khw_gen().arg("--version"));
    let digest = version
        .trim()
        .strip_prefix(concat!("khw-gen ", env!("CARGO_PKG_VERSION"), " (sources "));
    let digest = digest
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or_else(|| panic!("{version}"));
    assert!(
        digest.len() >= 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{version}"
    );
}

/// What is printed on a terminal of 80 columns that reads what is written to it.
fn on_a_terminal(arguments: &str, folder: &Path) -> Option<String> {
    let script = program("script", "what is shown on a terminal")?;
    // On one processor, so that what takes long takes long on any machine.
    let one = "taskset -c \"$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')\"";
    let command = format!(
        "stty rows 24 cols 80; {one} '{}' {arguments}",
        env!("CARGO_BIN_EXE_khw-gen")
    );
    let printed = must(
        Command::new(script)
            .args(["-qec", &command, "/dev/null"])
            .current_dir(folder)
            // As `khw_gen` is run, by the same clock too.
            .env_clear()
            .env("TERM", "xterm"),
    );
    Some(printed.replace('\r', ""))
}

/// Where the lines of a table are too long for a terminal, a row has several; what programs read stays as it is.
#[test]
fn tables_fit_a_terminal_and_nothing_of_them_is_lost() {
    let folder = TempDir::new().expect("a folder");
    let said = |arguments: &str| must(khw_gen().args(arguments.split(' ')).current_dir(&folder));
    said("init . --from three-masters");
    said("build cluster.toml -o out");
    for command in [
        "plan cluster.toml",
        "inspect out",
        "expiry out",
        "secrets out",
        "explain",
        "explain leaf-outlives-ca",
        "releases",
    ] {
        let Some(shown) = on_a_terminal(&format!("{command} 2>/dev/null"), folder.path()) else {
            return;
        };
        let plain = said(command);
        let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(words(&shown), words(&plain), "{command}");
        for line in shown.lines().filter(|line| line.chars().count() > 80) {
            // A word that is longer than a line is broken by nobody.
            let longest = words(line).iter().map(|word| word.chars().count()).max();
            assert!(longest > Some(60), "{command}: {line}");
        }
        let is_long = |text: &str| text.lines().any(|line| line.chars().count() > 80);
        assert!(is_long(&plain), "{command} has nothing that is too long");
    }
    let wide = on_a_terminal("inspect out --wide", folder.path()).expect("a terminal");
    assert_eq!(wide, said("inspect out --wide"));
}

/// What is said in sentences fits a terminal too, source and what is written below it among it; commands to copy stay whole.
#[test]
fn sentences_fit_a_terminal_and_commands_stay_whole() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    must(
        khw_gen()
            .args(["init", ".", "--from", "three-masters"])
            .current_dir(&folder),
    );
    must(
        khw_gen()
            .args(["build", "cluster.toml", "-o", "out"])
            .current_dir(&folder),
    );
    let text = fs::read_to_string(at("cluster.toml")).expect("cluster.toml");
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1)
    };
    let hosts = text.matches("[[hosts]]").count();
    assert!(hosts > 5, "{text}");
    // A field that nobody knows, far to the right of a long line, and a hint that lists all that are known.
    let long = format!("[[hosts]] # {}\nxyzzy = 1", "words ".repeat(40));
    fs::write(at("broken.toml"), changed("[[hosts]]", &long)).expect("a file");
    let table = format!(
        "[network]\nx = {{ one = \"{}\", two = 2, three = \"{}\" }}",
        "a".repeat(60),
        "b".repeat(90)
    );
    fs::write(at("wide.toml"), format!("{text}\n{table}\n")).expect("a file");
    fs::write(
        at("other.toml"),
        format!("{text}\n[components.kube-apiserver.flags]\nv = 3\n"),
    )
    .expect("a file");
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let mut is_folded = Vec::new();
    for (command, has_source) in [
        ("check cluster.toml", false),
        ("check broken.toml", true),
        ("check wide.toml", true),
        ("diff out other.toml", false),
        ("build cluster.toml -o out2", false),
        ("verify broken", false),
        ("verify out", false),
        ("report out --format text --at 2026-06-01T00:00:00Z", false),
    ] {
        let broken = at("broken");
        if !broken.exists() {
            must(Command::new("cp").arg("-r").arg(at("out")).arg(&broken));
            for path in [
                "master1/rootfs/var/lib/kubernetes/ca.pem",
                "worker1/rootfs/var/lib/kubelet/kubeconfig",
            ] {
                let _ = fs::remove_file(broken.join(path));
            }
        }
        let Some(shown) = on_a_terminal(&format!("{command} --color never 2>&1; true"), folder.path()) else {
            return;
        };
        // What was shown while it took long is wiped away.
        let rest = |line: &str| line.rsplit("\u{1b}[2K").next().unwrap_or_default().to_owned();
        let shown: String = shown.lines().map(|line| rest(line) + "\n").collect();
        for line in shown.lines().filter(|line| line.chars().count() > 80) {
            let longest = words(line).iter().map(|word| word.chars().count()).max();
            let is_commands = command.starts_with("diff") && line.starts_with("       ");
            assert!(longest > Some(60) || is_commands, "{command}: {line}");
        }
        let plain = said(&run(khw_gen().args(command.split(' ')).current_dir(&folder)));
        if !has_source && !command.starts_with("build") {
            let order = |text: &str| {
                let mut words = words(text);
                words.sort();
                words
            };
            assert_eq!(order(&shown), order(&plain), "{command}");
        }
        if plain.lines().any(|line| line.chars().count() > 80) {
            is_folded.push(command);
        }
    }
    for command in [
        "check broken.toml",
        "check wide.toml",
        "diff out other.toml",
        "verify broken",
    ] {
        assert!(
            is_folded.contains(&command),
            "{command} has nothing that is too long: {is_folded:?}"
        );
    }
}

/// Whoever waits is told for what, once it takes longer than half a second.
#[test]
fn what_takes_long_says_so_on_a_terminal() {
    let spec = Spec::new(
        &["cp 10.0.0.1 control-plane etcd admin"],
        "[network]\npods = \"10.64.0.0/10\"\ncni = \"none\"\n",
    );
    let spec_path = spec.path();
    let folder = spec_path.parent().expect("a folder");
    // Of one host: thousands of files would take the disk longer than the program.
    must(
        khw_gen()
            .args(["golden", "write", "cluster.toml", "golden"])
            .current_dir(folder),
    );
    let pool = "\n[[pools]]\nname = \"w{n}\"\ncount = 1000\nfirst_ip = \"10.20.0.1\"\nroles = [\"worker\"]\n";
    let text = fs::read_to_string(&spec_path).expect("cluster.toml");
    fs::write(&spec_path, text + pool).expect("cluster.toml");
    for (command, told) in [
        ("golden check cluster.toml golden >differences; true", "comparing texts"),
        ("secrets cluster.toml >secrets", "compiling"),
    ] {
        let Some(shown) = on_a_terminal(command, folder) else {
            return;
        };
        assert!(shown.contains(told), "{command}: {shown}");
    }
    // Not where nobody looks.
    let output = run(khw_gen()
        .args(["golden", "check", "cluster.toml", "golden"])
        .current_dir(folder));
    assert!(!support::said(&output).contains("comparing texts"));
}
