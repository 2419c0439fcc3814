//! Arguments in, exit code out; the only place that prints. A command is a file; which there are, `args` says.
//!
//! Results go to standard output, what is said about them to standard error.

mod adopt;
mod args;
mod as_found;
mod build;
mod check;
mod completions;
mod csr;
mod diff;
mod edited;
mod examples;
mod expiry;
mod explain;
mod facts;
mod golden;
mod init;
mod inspect;
mod instants;
mod merge;
mod open;
mod opening;
mod outcome;
mod output;
mod paint;
mod plan;
mod private_memory;
mod progress;
mod releases;
mod renew;
mod report;
mod rotate;
mod say;
mod schema;
mod seal;
mod secrets;
mod seed;
mod specification;
mod threads;
mod verify;
mod versions;
mod width;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, GoldenCommand, SeedCommand};
use outcome::{judged, made};

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    private_memory::keep_to_oneself();
    let Arguments { command, color } = Arguments::parse();
    color.write_global();
    let speaks_json = command.speaks_json();
    let outcome = match command {
        Command::Build(arguments) => made(build::run(&arguments)),
        Command::Csr(arguments) => made(csr::run(&arguments)),
        Command::Merge(arguments) => made(merge::run(&arguments)),
        Command::Check(arguments) => made(check::run(&arguments)),
        Command::Plan(arguments) => made(plan::run(&arguments)),
        Command::Explain(arguments) => made(explain::run(&arguments)),
        Command::Rotate(arguments) => made(rotate::run(&arguments)),
        Command::Renew(arguments) => made(renew::run(&arguments)),
        Command::Releases(arguments) => made(releases::run(&arguments)),
        Command::Schema(arguments) => made(schema::run(&arguments)),
        Command::Completions(arguments) => made(completions::print_script(&arguments)),
        Command::Man(arguments) => made(completions::write_pages(&arguments)),
        Command::Facts(arguments) => made(facts::run(&arguments)),
        Command::Verify(arguments) => judged(verify::run(&arguments)),
        Command::Diff(arguments) => judged(diff::run(&arguments)),
        Command::Inspect(arguments) => judged(inspect::run(&arguments)),
        Command::Expiry(arguments) => judged(expiry::run(&arguments)),
        Command::Secrets(arguments) => judged(secrets::run(&arguments)),
        Command::Report(arguments) => judged(report::run(&arguments)),
        Command::Golden { command } => match command {
            GoldenCommand::Write(arguments) => made(golden::write(&arguments)),
            GoldenCommand::Check(arguments) => judged(golden::check(&arguments)),
        },
        Command::Seal(arguments) => made(seal::run(&arguments)),
        Command::Open(arguments) => made(open::run(&arguments)),
        Command::Seed { command } => made(match command {
            SeedCommand::New(arguments) => seed::draw(&arguments),
            SeedCommand::Split(arguments) => seed::split(&arguments),
            SeedCommand::Join(arguments) => seed::join(&arguments),
            SeedCommand::Signer(arguments) => seed::show_signer(&arguments),
            SeedCommand::Sign(arguments) => seed::sign(&arguments),
        }),
        Command::Init(arguments) => made(init::run(&arguments)),
        Command::Adopt(arguments) => made(adopt::run(&arguments)),
    };
    if speaks_json {
        say::print_errors_unless_printed();
    }
    outcome.exit_code()
}
