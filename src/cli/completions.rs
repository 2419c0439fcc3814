//! `khw-gen completions` and `khw-gen man`: what a shell and man(1) make of the one command line that clap reads.

use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
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
    let mut script = String::from_utf8_lossy(&script).replace("khw__subcmd__gen", "khw__gen");
    if arguments.shell == Shell::Fish {
        script.push_str(&words_for_fish(&command));
    }
    print(script.trim_end())
}

/// What may stand for an argument that has no hyphens: clap_complete tells it to bash and zsh alone.
fn words_for_fish(command: &Command) -> String {
    let commands = command.get_subcommands();
    let lines = commands.flat_map(|command| {
        let words = command.get_positionals().flat_map(Arg::get_possible_values);
        words.map(|word| {
            format!(
                "complete -c khw-gen -n \"__fish_khw_gen_using_subcommand {}\" -f -a \"{}\"\n",
                command.get_name(),
                word.get_name()
            )
        })
    });
    lines.collect()
}

/// Writes a page of section 1 for the program and for each of its commands.
pub fn write_pages(arguments: &ManArgs) -> Result<(), Reported> {
    let mut command = without_help(Arguments::command());
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
    Man::new(with_usage(command.clone())).source(SOURCE).render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    shown().try_for_each(|command| collect(command, pages))
}

/// `help` says in a terminal what the pages say: it has none, and no page refers to one.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

/// With the usage that `--help` shows: clap_mangen's own names options without their values.
fn with_usage(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    match usage.strip_prefix("Usage:") {
        Some(usage) => command.override_usage(usage.trim().to_owned()),
        None => command,
    }
}

fn write(dir: &Path, pages: &[(String, Vec<u8>)]) -> Result<(), Reported> {
    let files: Vec<(&str, u32, &[u8])> = pages
        .iter()
        .map(|(name, page)| (name.as_str(), 0o644, page.as_slice()))
        .collect();
    Ok(disk::write_new_files(dir, &files)?)
}
