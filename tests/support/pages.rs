//! The blocks of README.md and of the pages of docs/, with the marks above them that say what a test does with each.
//!
//! A mark is a comment that no reader sees, on lines of its own directly above a block or another mark:
//!
//! - `<!-- example: NAME -->`: a test of its own finds the block by that name ([`super::examples`]).
//! - `<!-- file: PATH -->`: the block is that file; `<!-- added to: PATH -->`: it is written behind what is there.
//! - `<!-- elsewhere: WHO CARRIES IT OUT, OR WHY NOBODY CAN -->`: no page's session does.
//! - `<!-- before: COMMANDS -->`: what the page takes for granted, carried out first; no block need follow.

use std::path::Path;

/// A block of code with its marks, or commands that a page takes for granted.
#[derive(Debug)]
pub struct Block {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// The word behind the three backticks; none of what is taken for granted.
    pub language: String,
    pub text: String,
    pub mark: Option<Mark>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    Example(String),
    File(String),
    AddedTo(String),
    Elsewhere(String),
    Before,
}

/// The blocks of a page in their order; what is no mark and no block is passed over. `page` is named where something is wrong.
pub fn blocks(page: &Path, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut mark = None;
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "```");
            let inside: Vec<&str> = inside.collect();
            blocks.push(Block {
                line: number,
                language: language.to_owned(),
                text: inside.join("\n") + "\n",
                mark: mark.take(),
            });
        } else if let Some(comment) = line.strip_prefix("<!-- ") {
            let mut comment = comment.to_owned();
            while !comment.ends_with("-->") {
                let (more, _) = lines
                    .next()
                    .unwrap_or_else(|| panic!("{}:{number}: no end", page.display()));
                comment = format!("{comment}\n{more}");
            }
            let comment = comment.trim_end_matches("-->").trim();
            let Some((word, value)) = comment.split_once(':') else {
                // The remarks of other tests, such as those around a table that is made.
                continue;
            };
            let value = value.trim().to_owned();
            mark = match word {
                "example" => Some(Mark::Example(value)),
                "file" => Some(Mark::File(value)),
                "added to" => Some(Mark::AddedTo(value)),
                "elsewhere" => Some(Mark::Elsewhere(value.replace('\n', " "))),
                "before" => {
                    blocks.push(Block {
                        line: number,
                        language: String::new(),
                        text: value + "\n",
                        mark: Some(Mark::Before),
                    });
                    None
                }
                _ => panic!("{}:{number}: no such mark: {word}", page.display()),
            };
        } else if mark.is_some() && !line.is_empty() {
            panic!("{}:{number}: no block follows {mark:?}", page.display());
        }
    }
    blocks
}

/// A command of a block, and what it prints where the page shows it.
#[derive(Debug)]
pub struct Step {
    pub command: String,
    pub prints: Option<String>,
}

impl Step {
    /// The exit code that the page tells in a remark behind the command: `# exits with 1: something differs`. 0 where it tells none.
    pub fn exit_code(&self) -> i32 {
        let remark = self.command.split_once(" # ").map_or("", |(_, remark)| remark);
        let told = remark
            .split_once("exits with ")
            .and_then(|(_, rest)| rest.split_once(':'));
        told.and_then(|(code, _)| code.parse().ok()).unwrap_or(0)
    }
}

impl Block {
    /// Whether it is commands.
    pub fn is_commands(&self) -> bool {
        ["sh", "console"].contains(&self.language.as_str()) || self.mark == Some(Mark::Before)
    }

    /// Its commands: of `console` what follows `$ ` with what it prints, of `sh` each that is complete.
    pub fn steps(&self) -> Vec<Step> {
        if self.language == "console" {
            let text = format!("\n{}", self.text);
            let steps = text.split("\n$ ").skip(1);
            return steps
                .map(|step| {
                    let (command, prints) = step.split_once('\n').unwrap_or((step, ""));
                    Step {
                        command: command.to_owned(),
                        prints: Some(prints.trim_end_matches('\n').to_owned()),
                    }
                })
                .collect();
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut command = String::new();
        for line in self.text.lines() {
            command.push_str(line);
            if is_complete(&command) {
                let is_empty = command
                    .lines()
                    .all(|line| line.trim().is_empty() || line.starts_with('#'));
                let command = std::mem::take(&mut command);
                if !is_empty {
                    steps.push(Step { command, prints: None });
                }
            } else {
                command.push('\n');
            }
        }
        assert!(command.is_empty(), "the command is not complete: {command}");
        steps
    }
}

/// Whether a shell has all of a command: a loop that has its end, a line that is not carried on.
fn is_complete(command: &str) -> bool {
    !command.ends_with('\\')
        && std::process::Command::new("sh")
            .args(["-n", "-c", command])
            .output()
            .is_ok_and(|output| output.status.success())
}
