//! The commands of README.md and of docs/: each page is carried out from its first block to its last, in a folder of its own, as somebody
//! would who follows it. What can't be is told, with who carries it out or why nobody can.
//!
//! Machines are folders: `ssh`, `scp` and `sudo` (`tests/pages/stand-ins`) carry out what they are given where it says, `systemctl` looks for the
//! units there, and the real `kubectl` reads its arguments, without anybody who answers. `make e2e` has the real machines.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use support::pages::{Block, Mark, Step, blocks};
use support::{examples, project, run, said};
use tempfile::TempDir;

/// Real programs without which the stand-ins can't judge what they are given.
const NEEDED: [&str; 4] = ["kubectl", "openssl", "patch", "systemctl"];

fn read(page: &Path) -> Vec<Block> {
    blocks(page, &fs::read_to_string(page).expect("a page"))
}

fn name(page: &Path) -> String {
    page.strip_prefix(project())
        .expect("a page of the project")
        .display()
        .to_string()
}

/// Made from a table, with examples that tests of their own hold.
fn is_generated(page: &Path) -> bool {
    fs::read_to_string(page)
        .expect("a page")
        .contains("This page is made from")
}

#[test]
fn every_page_goes_as_it_says() {
    const TEST: &str = "the commands of the documentation";
    for needed in NEEDED {
        if support::program(needed, TEST).is_none() {
            return;
        }
    }
    let only = std::env::var("KHW_PAGE").unwrap_or_default();
    let pages = examples::pages()
        .into_par_iter()
        .filter(|page| name(page).contains(&only));
    let wrong: Vec<String> = pages
        .filter_map(|page| carry_out(&page).err().map(|error| format!("{}:{error}", name(&page))))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What a page could say wrongly, and what is said of it.
#[test]
fn what_a_page_says_wrongly_is_found() {
    const TEST: &str = "wrong commands of a documentation";
    for needed in NEEDED {
        if support::program(needed, TEST).is_none() {
            return;
        }
    }
    let begun = "<!-- before: khw-gen init . --from single-node && khw-gen build cluster.toml -o out -->\n";
    let installed =
        "<!-- before: scp out/edge1.tar.gz edge1: && ssh edge1 'tar xzf edge1.tar.gz && edge1/install.sh' -->\n";
    let sh = |commands: &str| format!("{begun}{installed}```sh\n{commands}\n```\n");
    let right = "khw-gen verify out\nssh edge1 'sudo systemctl start etcd && kubectl --kubeconfig /root/admin.kubeconfig get nodes'";
    let wrong = [
        (sh("khw-gen verify nowhere"), "exits with 2, and not with 0"),
        (
            sh("khw-gen verify out   # exits with 1: an error"),
            "exits with 0, and not with 1",
        ),
        (sh("khw-gen verify out --thoroughly"), "unexpected argument"),
        (sh("ssh edge2 true"), "names a host edge2"),
        (
            sh("ssh edge1 'sudo systemctl start kubelett'"),
            "this host has no kubelett",
        ),
        (
            sh("ssh edge1 'kubectl --kubeconfig /root/other.kubeconfig get nodes'"),
            "there is no",
        ),
        (
            sh("ssh edge1 'kubectl --kubeconfig /root/admin.kubeconfig get nodes --wide'"),
            "unknown flag",
        ),
        (
            "```console\n$ echo one\ntwo\n```\n".to_owned(),
            "does not print the line `two`",
        ),
        (
            "```console\n$ seq 3\n1\n2\n```\n".to_owned(),
            "prints more than is shown",
        ),
    ];
    let folder = TempDir::new().expect("a folder");
    let page = folder.path().join("page.md");
    fs::write(&page, sh(right)).expect("a page");
    assert_eq!(carry_out(&page), Ok(()));
    for (text, found) in wrong {
        fs::write(&page, &text).expect("a page");
        let error = carry_out(&page).expect_err(&text);
        assert!(error.contains(found), "{text}{error}");
    }
}

/// Where a page is carried out.
struct Session {
    folder: TempDir,
    /// What the commands did, a file for each: beside the folder, where no command finds it.
    kept: TempDir,
}

/// Carries out a page; the line of the first command that does not do as the page says, and what it does.
fn carry_out(page: &Path) -> Result<(), String> {
    let blocks = read(page);
    let session = Session {
        folder: TempDir::new().expect("a folder"),
        kept: TempDir::new().expect("a folder"),
    };
    let mut script = String::from("umask 022\n");
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        match &block.mark {
            Some(Mark::File(path) | Mark::AddedTo(path)) => {
                let text = session.kept.path().join(format!("block-{number}"));
                fs::write(&text, &block.text).expect("a block");
                let how = if matches!(block.mark, Some(Mark::File(_))) {
                    ">"
                } else {
                    ">>"
                };
                let folder = Path::new(path).parent().expect("a folder").display().to_string();
                let folder = if folder.is_empty() { ".".to_owned() } else { folder };
                script.push_str(&format!(
                    "mkdir -p '{folder}' && cat '{}' {how}'{path}'\n",
                    text.display()
                ));
            }
            Some(Mark::Example(_) | Mark::Elsewhere(_)) => {}
            None | Some(Mark::Before) if block.is_commands() => {
                for step in block.steps() {
                    let result = session.kept.path().join(format!("step-{}", steps.len()));
                    let result = result.display();
                    // A folder that is left is no failure of what comes behind: the next command is as the page's reader has it.
                    script.push_str(&format!(
                        "{{ {}\n}} >'{result}' 2>&1 </dev/null\ncode=$?; echo $code >'{result}.code'\n[ $code = {} ] || exit 0\n",
                        step.command,
                        step.exit_code()
                    ));
                    steps.push((block.line, step));
                }
            }
            None | Some(Mark::Before) => {}
        }
    }
    if steps.is_empty() {
        return Ok(());
    }
    let output = run(session.shell().args(["-c", &script]));
    for (number, (line, step)) in steps.iter().enumerate() {
        let result = session.kept.path().join(format!("step-{number}"));
        let printed = fs::read_to_string(&result).unwrap_or_default();
        let code = fs::read_to_string(result.with_extension("code")).unwrap_or_default();
        if code.trim() != step.exit_code().to_string() {
            let code = if code.is_empty() { "nothing at all" } else { code.trim() };
            return Err(format!(
                "{line}: `{}` exits with {code}, and not with {}:\n{printed}{}",
                step.command,
                step.exit_code(),
                said(&output)
            ));
        }
        if let Some(shown) = &step.prints {
            prints(shown, &printed).map_err(|error| format!("{line}: `{}` {error}", step.command))?;
        }
    }
    Ok(())
}

impl Session {
    /// A shell in the folder that finds the program, stand-ins and what the tests have, and has no environment else.
    fn shell(&self) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_khw-gen")).parent().expect("a folder");
        let real = std::env::join_paths(
            [own.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&support::path())),
        );
        let real = real.expect("folders").into_string().expect("text");
        let stand_ins = project().join("tests/pages/stand-ins");
        let home = self.kept.path().join("home");
        fs::create_dir(&home).expect("a folder");
        let mut command = Command::new("sh");
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", format!("{}:{real}", stand_ins.display()))
            .env("REAL_PATH", real)
            .env("PAGE", self.folder.path())
            .env("PROJECT", project())
            .env("MACHINES", self.kept.path().join("machines"))
            .env("HOME", home);
        // The clock of a test that is run at another time.
        for name in [
            "LD_PRELOAD",
            "FAKETIME",
            "FAKETIME_DONT_FAKE_MONOTONIC",
            "FAKETIME_NO_CACHE",
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}

/// Whether a command printed what a page shows of it; `…` on a line of its own stands for any lines.
fn prints(shown: &str, printed: &str) -> Result<(), String> {
    let wrong = |what: String| Err(format!("{what}; it prints:\n{printed}"));
    let mut rest = printed.lines().map(steady);
    let mut skips = false;
    for line in shown.lines() {
        if line.trim() == "…" {
            skips = true;
            continue;
        }
        let expected = steady(line);
        let found = match skips {
            true => rest.find(|printed| *printed == expected),
            false => rest.next(),
        };
        if found.as_deref() != Some(&expected) {
            return wrong(format!("does not print the line `{line}` there"));
        }
        skips = false;
    }
    match skips || rest.next().is_none() {
        true => Ok(()),
        false => wrong("prints more than is shown".to_owned()),
    }
}

/// A line without what is another at each time and on each machine: how large and how fast an output was made, dates, digests.
fn steady(line: &str) -> String {
    let line = match (line.rfind(" files, "), line.find(" s")) {
        (Some(end), Some(_)) => &line[..end],
        _ => line,
    };
    let is_long_hex = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_date = |word: &str| {
        word.len() >= 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-' && word.starts_with('2')
    };
    let words = line
        .trim_end()
        .split(' ')
        .map(|word| match word.trim_matches(['"', '.', ':', ',']) {
            bare if is_long_hex(bare) => "DIGEST".to_owned(),
            bare if bare.is_ascii() && is_date(bare) => "DATE".to_owned(),
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// So many reasons there are for what no page's session carries out: by whom it is, or why nobody can. Whoever adds one has read the others.
const ELSEWHERE: usize = 7;

#[test]
fn every_block_is_held_by_a_test_or_says_why_not() {
    let mut unheld = Vec::new();
    let mut elsewhere = Vec::new();
    let mut reasons = BTreeSet::new();
    let tests = tests_of_the_project();
    for page in examples::pages() {
        for block in read(&page) {
            let at = format!("{}:{}", name(&page), block.line);
            match &block.mark {
                Some(Mark::Example(example)) if !tests.contains(&format!("\"{example}\"")) => {
                    unheld.push(format!("{at}: no test has the example `{example}`"));
                }
                Some(Mark::Elsewhere(reason)) => {
                    elsewhere.push(format!("{at}: {reason}"));
                    reasons.insert(reason.clone());
                }
                None if ["toml", "yaml", "json", "jinja"].contains(&block.language.as_str()) => {
                    unheld.push(format!("{at}: no mark says which file this is, or which test has it"));
                }
                None if block.language == "text" && !is_generated(&page) && hides_commands(&block) => {
                    unheld.push(format!("{at}: commands stand in a block of `sh` or `console`"));
                }
                None if block.language.is_empty() => unheld.push(format!("{at}: the block has no language")),
                _ => {}
            }
        }
    }
    assert!(unheld.is_empty(), "{}", unheld.join("\n"));
    println!("Not carried out by a page's session:\n  {}", elsewhere.join("\n  "));
    assert!(
        reasons.len() <= ELSEWHERE,
        "{} reasons for what is not carried out where it stands, and {ELSEWHERE} were enough so far:\n{}",
        reasons.len(),
        elsewhere.join("\n")
    );
}

/// Commands are no text.
fn hides_commands(block: &Block) -> bool {
    let starts = [
        "khw-gen ",
        "$ ",
        "sudo ",
        "./install.sh",
        "systemctl ",
        "kubectl ",
        "make ",
    ];
    block
        .text
        .lines()
        .any(|line| starts.iter().any(|start| line.starts_with(start)))
}

fn tests_of_the_project() -> String {
    let entries = fs::read_dir(project().join("tests")).expect("tests");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let texts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let texts: Vec<PathBuf> = texts.collect();
    texts
        .iter()
        .map(|path| fs::read_to_string(path).expect("a test"))
        .collect()
}

/// A block that is set in by spaces has no language, so nobody knows what it is: no page has one.
#[test]
fn code_is_fenced() {
    // Formulas are no code.
    for page in examples::pages()
        .into_iter()
        .filter(|page| !page.ends_with("derivation.md"))
    {
        let text = fs::read_to_string(&page).expect("a page");
        let (mut fenced, mut before, mut in_list) = (false, "", false);
        for (number, line) in text.lines().enumerate() {
            fenced ^= line.starts_with("```");
            in_list = match line.chars().next() {
                Some('-' | '0'..='9') => true,
                Some(' ') | None => in_list,
                _ => false,
            };
            let is_code = !fenced && !in_list && line.starts_with("    ") && before.is_empty();
            assert!(!is_code, "{}:{}: {line}", page.display(), number + 1);
            before = line;
        }
    }
}

/// The scripts that stand for programs are scripts.
#[test]
fn the_stand_ins_are_sound() {
    let Some(shellcheck) = support::program("shellcheck", "the stand-ins of the documentation's commands") else {
        return;
    };
    let folder = project().join("tests/pages/stand-ins");
    let scripts = fs::read_dir(&folder)
        .expect("stand-ins")
        .map(|entry| entry.expect("an entry").path());
    support::must(Command::new(shellcheck).args(scripts));
}
