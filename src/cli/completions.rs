//! `khw-gen completions` and `khw-gen man`: what a shell and man(1) make of the one command line that clap reads.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use khw_gen::disk;

use super::args::{Arguments, CompletionsArgs, ManArgs};
use super::say::{Reported, print};

/// Prints the script from which a shell completes.
pub fn print_script(arguments: &CompletionsArgs) -> Result<(), Reported> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    // clap_complete 4.6.12 writes the name of a program with a hyphen in two ways for bash, and completes nothing below a command
    // (<https://github.com/clap-rs/clap/issues/6421>).
    let script = String::from_utf8_lossy(&script).replace("khw__subcmd__gen", "khw__gen");
    print(script.trim_end())
}

/// Writes a page of section 1 for the program and for each of its commands.
pub fn write_pages(arguments: &ManArgs) -> Result<(), Reported> {
    let mut command = Arguments::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    write(&arguments.dir, &pages)?;
    print(format_args!("{}: {} pages", arguments.dir.display(), pages.len()))
}

/// What the foot of a page names.
const SOURCE: &str = concat!("khw-gen ", env!("CARGO_PKG_VERSION"));

fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<(), Reported> {
    let shown = || command.get_subcommands().filter(|command| command.get_name() != "help");
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.clone()).source(SOURCE).render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    shown().try_for_each(|command| collect(command, pages))
}

fn write(dir: &Path, pages: &[(String, Vec<u8>)]) -> Result<(), Reported> {
    let files: Vec<(&str, u32, &[u8])> = pages
        .iter()
        .map(|(name, page)| (name.as_str(), 0o644, page.as_slice()))
        .collect();
    Ok(disk::write_new_files(dir, &files)?)
}
