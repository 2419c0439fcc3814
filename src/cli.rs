//! Arguments in, exit code out; the only place that prints.
//!
//! Results go to standard output, what is said about them to standard error. Exit codes: 0 done, 1 problems found, 2 wrong usage.

mod golden;
mod progress;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use khw_gen::audit::{self, Detail};
use khw_gen::bundle::Content;
use khw_gen::catalog::releases;
use khw_gen::changes::{self, Changes, Known};
use khw_gen::cluster::Cluster;
use khw_gen::diagnostic::{Diagnostic, Severity, codes, render_json, render_text, verify_codes};
use khw_gen::disk::{self, DiskError, Output, SeedText, Start, Summary};
use khw_gen::facts::{Facts, facts};
use khw_gen::found::{Found, Host, printable};
use khw_gen::input::{self, Checked, Sources, suggest};
use khw_gen::pack::ArchiveFormat;
use khw_gen::part::{PART, Selection, Shard};
use khw_gen::pki::derivation::Seed;
use khw_gen::plan::plan;
use khw_gen::{Compiled, compile_over, found_of, starter};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Compiles a topology and cfssl's JSON into one bundle per host: certificates, keys, kubeconfigs, units, configuration.
#[derive(Parser)]
#[command(name = "khw-gen", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile a specification into an output folder, which is replaced as a whole
    Build {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
        /// The output folder; an earlier one is replaced only if khw-gen made it
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
        /// The archive to make of each host's bundle
        #[arg(long, default_value = "tar.gz", value_name = "tar.gz|tar.zst|zip|none")]
        archive: ArchiveFormat,
        /// The seed, instead of the one that `[pki] seed` names; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
        /// How many threads to use; the output is the same with any number [default: one for each processor]
        #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
        jobs: Option<u16>,
        /// Make and write everything again, whatever of it an earlier output has
        #[arg(long)]
        fresh: bool,
        /// Say nothing but warnings and errors: no progress, no closing line
        #[arg(short, long)]
        quiet: bool,
        /// Build a part: only this host, and others that are named so
        #[arg(long = "host", value_name = "NAME", conflicts_with = "shard")]
        hosts: Vec<String>,
        /// Build a part: the I-th of N, as 1/8 to 8/8; khw-gen merge joins them
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
    },
    /// Join the parts of a fleet (build --host, build --shard) into the whole output; needs no specification and no seed
    Merge {
        /// The folders of all parts
        #[arg(value_name = "PART", required = true)]
        parts: Vec<PathBuf>,
        /// The output folder; an earlier one is replaced only if khw-gen made it
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
        /// Say nothing but warnings and errors
        #[arg(short, long)]
        quiet: bool,
    },
    /// Report every problem of a specification; needs no seed
    Check {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show every file that would be made: host, mode, path, what it is, from which row; needs no seed
    Plan {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
    },
    /// Say what a code of a diagnostic or finding means, with an example, what to do and where people meet it; without one,
    /// list them all
    Explain {
        /// Such as even-etcd
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Show the releases that are known: what changes at each, and why
    Releases,
    /// Show the variables that templates may use, as JSON; needs no seed
    Facts {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
        /// Only those of this host
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
    },
    /// Check a bundle as found, with no specification and no seed: an output, a host's folder or archive, a folder of
    /// certificates made by hand
    Verify {
        /// The folder or archive
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// The instant to judge validity at, as RFC 3339 has it [default: now]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        at: Option<OffsetDateTime>,
        /// Say too what this specification would have made differently
        #[arg(long, value_name = "CLUSTER.TOML")]
        spec: Option<PathBuf>,
        /// The seed of that specification, instead of the one that `[pki] seed` names; `-` reads standard input
        #[arg(long, value_name = "FILE", requires = "spec")]
        seed_file: Option<PathBuf>,
    },
    /// Show what differs in meaning, what to restart in which order, and what can't be undone; exit with 0 if nothing
    /// differs, 1 if something does, 2 in trouble
    Diff {
        /// A folder or archive, or a cluster.toml
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// Likewise
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// How to show it
        #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
        format: DiffFormat,
        /// The most bytes of text or markdown; what has no room is counted
        #[arg(long, value_name = "BYTES")]
        limit: Option<usize>,
        /// The seed of a cluster.toml, instead of the one that its `[pki] seed` names; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
    },
    /// Show every certificate of a bundle as found: whose, where, by which names, until when
    Inspect {
        /// The folder or archive
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// How to show them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Only those that end within this time (`30d`, `12h`); exit with 1 if there are any
        #[arg(long, value_name = "TIME", value_parser = period)]
        expires_within: Option<Duration>,
        /// Shorten nothing, however long the lines get
        #[arg(long)]
        wide: bool,
        /// The instant to count from, as RFC 3339 has it [default: now]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        at: Option<OffsetDateTime>,
    },
    /// The output without its secrets, as a folder of texts to commit, review and compare with
    Golden {
        #[command(subcommand)]
        command: GoldenCommand,
    },
    /// Write a starter cluster.toml, the CSR files and a fresh seed; never overwrites
    Init {
        /// The folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

#[derive(Subcommand)]
enum GoldenCommand {
    /// Write the folder, which is replaced as a whole
    Write {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
        /// The folder; an earlier one is replaced only if khw-gen made it
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The seed, instead of the one that `[pki] seed` names; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
    },
    /// Compare the folder with what the specification compiles to now; exit with 1 if they differ, 2 if that can't be told
    Check {
        /// The topology
        #[arg(value_name = "CLUSTER.TOML")]
        spec: PathBuf,
        /// The folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The seed, instead of the one that `[pki] seed` names; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
        /// Compare what does not depend on the seed; so it is too where the seed that `[pki] seed` names is not there
        #[arg(long, conflicts_with = "seed_file")]
        without_seed: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    Text,
    Markdown,
    Json,
}

/// Problems were found, and have been reported.
struct Reported;

impl<E: Display> From<E> for Reported {
    fn from(error: E) -> Self {
        say_error(error);
        Reported
    }
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Build {
            spec,
            out,
            archive,
            seed_file,
            jobs,
            fresh,
            quiet,
            hosts,
            shard,
        } => {
            let wanted = Wanted {
                hosts: &hosts,
                shard,
                archive,
                fresh,
            };
            build(&spec, &out, wanted, seed_file.as_deref(), jobs, quiet)
        }
        Command::Merge { parts, out, quiet } => merge(&parts, &out, quiet),
        Command::Check { spec, format } => check(&spec, format),
        Command::Plan { spec } => show_plan(&spec),
        Command::Explain { code } => explain(code.as_deref()),
        Command::Releases => print(releases::table().trim_end()),
        Command::Facts { spec, host } => show_facts(&spec, host.as_deref()),
        Command::Verify {
            path,
            format,
            at,
            spec,
            seed_file,
        } => return verify(&path, format, at, spec.as_deref(), seed_file.as_deref()),
        Command::Diff {
            old,
            new,
            format,
            limit,
            seed_file,
        } => return diff(&old, &new, format, limit, seed_file.as_deref()),
        Command::Inspect {
            path,
            format,
            expires_within,
            wide,
            at,
        } => {
            let detail = if wide { Detail::Wide } else { Detail::Short };
            return inspect(&path, format, detail, expires_within, at);
        }
        Command::Golden { command } => match command {
            GoldenCommand::Write { spec, dir, seed_file } => golden::write(&spec, &dir, seed_file.as_deref()),
            GoldenCommand::Check {
                spec,
                dir,
                seed_file,
                without_seed,
            } => return golden::check(&spec, &dir, seed_file.as_deref(), without_seed),
        },
        Command::Init { dir } => init(&dir),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Reported) => ExitCode::from(1),
    }
}

fn build(
    spec: &Path,
    out: &Path,
    wanted: Wanted<'_>,
    seed_file: Option<&Path>,
    jobs: Option<u16>,
    quiet: bool,
) -> Result<(), Reported> {
    let archive = wanted.archive;
    let bar = progress::Bar::new(quiet);
    use_threads(jobs)?;
    let (checked, seed_path) = check_sources(read_sources(spec, disk::read_sources_and_key))?;
    let cluster = &checked.cluster;
    let selection = wanted.selection(cluster)?;
    let seed = read_seed(spec, seed_file, seed_path)?;
    let start = if wanted.fresh { Start::Anew } else { Start::Over };
    let mut output = Output::begin_as(start, out, &|| say_that_it_waits(out, quiet))?;
    let begin = || output.check_earlier();
    let watch = |progress| bar.watch(progress);
    let compiled = compile_over(&selection, &seed, archive, output.earlier(), begin, watch, |host| {
        let archive = host.archive.as_ref();
        output.write(
            host.host,
            host.bundle,
            archive.map(|(name, content)| (name.as_str(), *content)),
        )
    })?;
    let (summary, unchanged) = match compiled {
        Compiled::NothingChanged => (output.leave(), ", nothing changed".to_owned()),
        Compiled::Hosts(hosts, state) => {
            output.record_all(hosts)?;
            if selection.is_part() {
                let list = selection.list(state.identity().to_owned());
                output.add_file(PART, 0o644, &Content::public(list.text().into_bytes().into()))?;
            }
            let summary = output.commit_with_state(|rows| state.text(rows))?;
            let unchanged = match summary.unchanged {
                0 => String::new(),
                count => format!(", {count} hosts as they were"),
            };
            (summary, unchanged)
        }
    };
    warn_of_summary(&summary);
    let took = bar.finish();
    if quiet {
        return Ok(());
    }
    let hosts = match selection.is_part() {
        true => format!("a part, {} of {} hosts", summary.hosts, cluster.hosts.len()),
        false => format!("{} hosts", summary.hosts),
    };
    print(format_args!(
        "{}: {hosts}, {} files, {} in {:.1} s{unchanged}",
        out.display(),
        summary.files,
        progress::bytes(summary.bytes),
        took.as_secs_f64()
    ))
}

/// What the command line asks for.
struct Wanted<'a> {
    /// Only these hosts, unless there are none.
    hosts: &'a [String],
    /// Only those of this shard.
    shard: Option<Shard>,
    archive: ArchiveFormat,
    /// Whether everything is made again that an earlier output has.
    fresh: bool,
}

impl Wanted<'_> {
    fn selection<'c>(&self, cluster: &'c Cluster) -> Result<Selection<'c>, Reported> {
        if let Some(shard) = self.shard {
            return Ok(Selection::shard(cluster, shard));
        }
        if self.hosts.is_empty() {
            return Ok(Selection::whole(cluster));
        }
        let names: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        Selection::named(cluster, &names).map_err(|unknown| {
            for name in unknown {
                say_error(unknown_host(cluster, name));
            }
            Reported
        })
    }
}

/// How many hosts an error names.
const NAMED_HOSTS: usize = 20;

fn unknown_host(cluster: &Cluster, name: &str) -> String {
    let names = || cluster.hosts.iter().map(|host| host.name.as_str());
    let meant = suggest::nearest(name, names()).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    let listed: Vec<&str> = names().take(NAMED_HOSTS).collect();
    let more = match cluster.hosts.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "there is no host {name:?}{meant}; the hosts are {}{more}",
        listed.join(", ")
    )
}

fn merge(parts: &[PathBuf], out: &Path, quiet: bool) -> Result<(), Reported> {
    let bar = progress::Bar::new(true);
    use_threads(None)?;
    let summary = disk::merge_parts(parts, out, &|| say_that_it_waits(out, quiet)).map_err(|problems| {
        problems.iter().for_each(say_error);
        Reported
    })?;
    warn_of_summary(&summary);
    let took = bar.finish();
    if quiet {
        return Ok(());
    }
    print(format_args!(
        "{}: {} hosts from {} parts, {} files, {} in {:.1} s",
        out.display(),
        summary.hosts,
        parts.len(),
        summary.files,
        progress::bytes(summary.bytes),
        took.as_secs_f64()
    ))
}

/// Another build may take minutes: whoever looks on wants to know why nothing happens.
fn say_that_it_waits(out: &Path, quiet: bool) {
    if !quiet {
        say(format_args!(
            "waiting for another khw-gen that builds over {}",
            out.display()
        ));
    }
}

fn warn_of_summary(summary: &Summary) {
    if summary.two_renames {
        say(
            "warning: this file system can't exchange two folders in one step; for a moment there was no output folder",
        );
    }
    if let Some(leftover) = &summary.leftover {
        say(format_args!(
            "warning: the earlier output{} could not be removed from {}: {}",
            if leftover.holds_secrets {
                ", which holds secrets,"
            } else {
                ""
            },
            leftover.path.display(),
            leftover.reason
        ));
    }
}

/// Settles the number of threads here: left to itself, rayon would take it from the environment.
#[allow(
    clippy::disallowed_methods,
    reason = "how many threads share the work changes no byte of it"
)]
fn use_threads(jobs: Option<u16>) -> Result<(), Reported> {
    let processors = || std::thread::available_parallelism().map_or(1, |count| count.get());
    let threads = jobs.map_or_else(processors, usize::from);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads);
    // Where no thread may be started, this one does the work.
    pool(threads)
        .build_global()
        .or_else(|_| pool(1).use_current_thread().build_global())?;
    Ok(())
}

fn check(spec: &Path, format: Format) -> Result<(), Reported> {
    let checked = read_sources(spec, disk::read_sources).and_then(|sources| input::check(&sources));
    let remarks = match &checked {
        Ok(checked) => &checked.remarks,
        Err(problems) => problems,
    };
    match format {
        Format::Json => print(format_args!("{}", render_json(remarks).trim_end()))?,
        Format::Text => say_diagnostics(remarks),
    }
    match (checked, format) {
        (Ok(checked), Format::Text) => print(format_args!("{}: {}", spec.display(), in_words(&checked.cluster))),
        (Ok(_), Format::Json) => Ok(()),
        (Err(_), _) => Err(Reported),
    }
}

fn show_plan(spec: &Path) -> Result<(), Reported> {
    let (checked, _) = check_sources(read_sources(spec, disk::read_sources))?;
    print(format_args!("{}", plan(&checked.cluster).to_string().trim_end()))?;
    let built_in = checked.cluster.built_in_files();
    if !built_in.is_empty() {
        print(format_args!(
            "\nBuilt in, since the CSR folder has none: {}",
            built_in.join(", ")
        ))?;
    }
    Ok(())
}

fn show_facts(spec: &Path, host: Option<&str>) -> Result<(), Reported> {
    let (checked, _) = check_sources(read_sources(spec, disk::read_sources))?;
    let cluster = &checked.cluster;
    let Some(name) = host else {
        let all: BTreeMap<&str, Facts> = cluster
            .hosts
            .iter()
            .map(|host| (host.name.as_str(), facts(cluster, host)))
            .collect();
        return print(serde_json::to_string_pretty(&all)?);
    };
    let Some(host) = cluster.hosts.iter().find(|host| host.name == name) else {
        return Err(Reported::from(unknown_host(cluster, name)));
    };
    print(serde_json::to_string_pretty(&facts(cluster, host))?)
}

fn explain(code: Option<&str>) -> Result<(), Reported> {
    let all = || codes::CODES.iter().chain(verify_codes::CODES);
    match code {
        None => {
            let width = all().map(|code| code.name.len()).max().unwrap_or(0);
            let mut lines: Vec<String> = all()
                .map(|code| format!("{:width$}  {:7}  {}", code.name, code.severity.name(), code.title))
                .collect();
            lines.sort();
            print(lines.join("\n"))
        }
        Some(name) => match all().find(|code| code.name == name) {
            Some(code) => print(code.explanation().trim_end()),
            None => {
                let meant = suggest::nearest(name, all().map(|code| code.name))
                    .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                say_error(format_args!(
                    "there is no code `{name}` (khw-gen explain lists them){meant}"
                ));
                Err(Reported)
            }
        },
    }
}

fn init(dir: &Path) -> Result<(), Reported> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let seed = Seed::from_bytes(bytes).to_file_text();
    let files = starter::files(&today(), seed.expose());
    disk::write_new_files(
        dir,
        &files
            .iter()
            .map(|(name, mode, bytes)| (name.as_str(), *mode, bytes.as_slice()))
            .collect::<Vec<_>>(),
    )?;
    for (name, mode, _) in &files {
        print(format_args!("{mode:04o} {}", dir.join(name).display()))?;
    }
    print(format_args!(
        "\nNext: name your hosts in {0}, then khw-gen check {0}.\nWhoever has {1} has every key of the cluster: \
         keep it safe, keep a copy, and keep it out of version control.",
        dir.join(starter::CLUSTER_TOML).display(),
        dir.join(starter::SEED).display(),
    ))
}

/// The exit code where there is nothing to judge or compare: wrong usage, as for an argument.
const UNREADABLE: u8 = 2;

/// What is at a path, whatever its state; nothing at all is an error.
fn read_found(path: &Path) -> Result<Found, Reported> {
    let found = disk::read_found(path)?;
    let is_empty = |host: &Host| host.files.is_empty() && host.beside.is_empty();
    match found.remarks.is_empty() && found.part.is_none() && found.hosts.iter().all(is_empty) {
        true => Err(Reported::from(format!(
            "there is nothing to read in {}",
            path.display()
        ))),
        false => Ok(found),
    }
}

fn verify(
    path: &Path,
    format: Format,
    at: Option<OffsetDateTime>,
    spec: Option<&Path>,
    seed_file: Option<&Path>,
) -> ExitCode {
    let Ok(found) = read_found(path) else {
        return ExitCode::from(UNREADABLE);
    };
    say_what_is_elsewhere(path, &found, "what the others should have is not looked for");
    let findings = audit::audit(&found, at.unwrap_or_else(now));
    let differences = match spec.map(|spec| against(&found, spec, seed_file)).transpose() {
        Ok(differences) => differences,
        Err(Reported) => return ExitCode::from(UNREADABLE),
    };
    let text = match format {
        Format::Text => audit::render_text(&findings),
        Format::Json => audit::render_json(&findings, differences.as_ref().map(changes::to_json)),
    };
    let errors = findings.iter().any(|finding| finding.row().severity == Severity::Error);
    let mut done = print(text.trim_end());
    if let (Some(differences), Format::Text, Ok(())) = (&differences, format, &done) {
        done = match differences.is_empty() {
            true => print("\nThe specification makes the same."),
            false => print(format_args!(
                "\nThe specification would make differently:\n\n{}",
                changes::render_text(differences, None).trim_end()
            )),
        };
    }
    match done {
        Ok(()) if !errors && differences.is_none_or(|differences| differences.is_empty()) => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

/// What a specification would make differently of what was found. Of a single host as found, only that host is compared.
fn against(found: &Found, spec: &Path, seed_file: Option<&Path>) -> Result<Changes, Reported> {
    use_threads(None)?;
    let (mut made, seed) = read_specified(spec, seed_file)?;
    let known = seed.map_or_else(|| without_seed(spec), |_| Known::All);
    if found.output.is_empty() {
        keep_hosts_of(&mut made, found, spec)?;
    }
    leave_out_elsewhere(&mut made, found);
    Ok(changes::compare(found, &made, known))
}

/// Likewise where either side, or both, is a part.
fn leave_out_hosts_elsewhere([(old, before), (new, after)]: [(&Path, &mut Found); 2]) -> Result<(), Reported> {
    for (path, found) in [(old, &*before), (new, &*after)] {
        say_what_is_elsewhere(path, found, "the others are not compared");
    }
    let had_hosts = !before.hosts.is_empty() && !after.hosts.is_empty();
    leave_out_elsewhere(before, after);
    leave_out_elsewhere(after, before);
    match had_hosts && before.hosts.is_empty() && after.hosts.is_empty() {
        true => Err(Reported::from(format!(
            "{} and {} are parts of a fleet that have no host in common",
            old.display(),
            new.display()
        ))),
        false => Ok(()),
    }
}

/// Says that a fleet's part lacks hosts, and what that leads to.
fn say_what_is_elsewhere(path: &Path, found: &Found, so: &str) {
    if let Some(part) = found.part.as_ref().filter(|part| !part.elsewhere.is_empty()) {
        say(format_args!(
            "note: {} is a part of a fleet, {} of {} hosts: {so}",
            path.display(),
            part.here.len(),
            part.here.len() + part.elsewhere.len()
        ));
    }
}

/// Of a fleet's part, only its own hosts are compared: those that it says are elsewhere are not missing.
fn leave_out_elsewhere(other: &mut Found, part: &Found) {
    if let Some(part) = &part.part {
        other.hosts.retain(|host| !part.elsewhere.contains(&host.name));
    }
}

/// Where one side is a single host, only that host of the other is compared: by the name of its folder or archive.
fn keep_hosts_of(whole: &mut Found, part: &Found, path: &Path) -> Result<(), Reported> {
    whole
        .hosts
        .retain(|host| part.hosts.iter().any(|other| other.name == host.name));
    if whole.hosts.is_empty() {
        let names: Vec<&str> = part.hosts.iter().map(|host| host.name.as_str()).collect();
        return Err(Reported::from(format!(
            "{} has no host that is called {}, as the folder or archive to compare with is",
            path.display(),
            names.join(", ")
        )));
    }
    Ok(())
}

/// What is at a path, whole: what could not be read would be taken for what is not there.
fn read_undamaged(path: &Path) -> Result<Found, Reported> {
    let found = read_found(path)?;
    match say_remarks(path, &found) {
        true => Err(Reported),
        false => Ok(found),
    }
}

/// Says what could not be read, and whether there was anything.
fn say_remarks(path: &Path, found: &Found) -> bool {
    for remark in &found.remarks {
        let place = match remark.path.is_empty() {
            true => path.display().to_string(),
            false => format!("{}: {}", path.display(), printable(&remark.path)),
        };
        say_error(format_args!("{place} can't be read: {}", remark.message));
    }
    !found.remarks.is_empty()
}

/// The exit code of diff(1) where something differs.
const DIFFERENT: u8 = 1;

fn diff(old: &Path, new: &Path, format: DiffFormat, limit: Option<usize>, seed_file: Option<&Path>) -> ExitCode {
    if limit.is_some() && format == DiffFormat::Json {
        say_error("--limit is for text and markdown: JSON that is cut is no JSON");
        return ExitCode::from(UNREADABLE);
    }
    let Ok(changes) = differences(old, new, seed_file) else {
        return ExitCode::from(UNREADABLE);
    };
    let text = match format {
        DiffFormat::Text => changes::render_text(&changes, limit),
        DiffFormat::Markdown => changes::render_markdown(&changes, limit),
        DiffFormat::Json => format!("{:#}\n", changes::to_json(&changes)),
    };
    let printed = match text.is_empty() {
        true => Ok(()),
        false => print(text.trim_end()),
    };
    match printed {
        Ok(()) if changes.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(DIFFERENT),
        Err(Reported) => ExitCode::from(UNREADABLE),
    }
}

fn differences(old: &Path, new: &Path, seed_file: Option<&Path>) -> Result<Changes, Reported> {
    use_threads(None)?;
    let [(before, old_seed), (after, new_seed)] = match (is_spec(old), is_spec(new)) {
        (true, true) => {
            let mut sides = [specified(old, seed_file)?, specified(new, seed_file)?];
            // Without both seeds, both are made from the same one that stands in: what doesn't change stays the same.
            if sides.iter().any(|side| side.seed.is_none()) {
                sides.iter_mut().for_each(|side| side.seed = None);
            }
            let [old_side, new_side] = sides;
            [old_side.make()?, new_side.make()?]
        }
        (true, false) => [read_specified(old, seed_file)?, (read_undamaged(new)?, Some(()))],
        (false, true) => [(read_undamaged(old)?, Some(())), read_specified(new, seed_file)?],
        (false, false) => [(read_undamaged(old)?, Some(())), (read_undamaged(new)?, Some(()))],
    };
    let (mut before, mut after) = (before, after);
    match (before.output.is_empty(), after.output.is_empty()) {
        (true, false) => keep_hosts_of(&mut after, &before, new)?,
        (false, true) => keep_hosts_of(&mut before, &after, old)?,
        _ => leave_out_hosts_elsewhere([(old, &mut before), (new, &mut after)])?,
    }
    let known = match (old_seed, new_seed) {
        (Some(()), Some(())) => Known::All,
        (None, None) => Known::StandIn,
        (None, _) => without_seed(old),
        (_, None) => without_seed(new),
    };
    Ok(changes::compare(&before, &after, known))
}

/// Says that a specification was compiled without its seed.
fn without_seed(spec: &Path) -> Known {
    say(format_args!(
        "note: {} has no seed here: keys, serial numbers and secrets are not compared",
        spec.display()
    ));
    Known::WithoutSeed
}

/// Whether a path leads to a specification rather than to what was made of one.
fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// A specification that can be compiled, with its seed where there is one.
struct Specified {
    checked: Checked,
    seed: Option<Seed>,
}

impl Specified {
    /// What it compiles to, and whether with its own seed.
    fn make(self) -> Result<(Found, Option<()>), Reported> {
        let own = self.seed.as_ref().map(|_| ());
        let seed = self.seed.unwrap_or_else(|| Seed::stand_in(1));
        Ok((found_of(&self.checked.cluster, &seed)?, own))
    }
}

fn read_specified(spec: &Path, seed_file: Option<&Path>) -> Result<(Found, Option<()>), Reported> {
    specified(spec, seed_file)?.make()
}

fn specified(spec: &Path, seed_file: Option<&Path>) -> Result<Specified, Reported> {
    let (checked, in_spec) = check_sources(read_sources(spec, disk::read_sources_and_key))?;
    let seed = match (seed_file, seed_path(spec, None, in_spec.clone())) {
        (Some(_), _) => Some(read_seed(spec, seed_file, in_spec)?),
        (None, Some(path)) => read_seed_if_there(&path)?,
        (None, None) => None,
    };
    Ok(Specified { checked, seed })
}

fn inspect(
    path: &Path,
    format: Format,
    detail: Detail,
    within: Option<Duration>,
    at: Option<OffsetDateTime>,
) -> ExitCode {
    let Ok(found) = read_found(path) else {
        return ExitCode::from(UNREADABLE);
    };
    let at = at.unwrap_or_else(now);
    let mut rows = audit::inventory(&found, at);
    if let Some(within) = within {
        let until = at.checked_add(within);
        rows.retain(|row| until.is_none_or(|until| row.certificate.not_after <= until));
    }
    let text = match format {
        Format::Text => audit::inventory_text(&rows, at, detail),
        Format::Json => audit::inventory_json(&rows, at),
    };
    let printed = print(text.trim_end());
    // What could not be read may hold the certificate that ends tomorrow.
    if say_remarks(path, &found) {
        return ExitCode::from(UNREADABLE);
    }
    match printed {
        Ok(()) if within.is_none() || rows.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    }
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "an instant is written 2026-01-31T00:00:00Z".to_owned())
}

fn period(text: &str) -> Result<Duration, String> {
    let units: [(&str, i64); 3] = [("d", 86_400), ("h", 3_600), ("m", 60)];
    units
        .iter()
        .find_map(|(unit, seconds)| {
            let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
            Some(Duration::seconds(i64::from(count) * seconds))
        })
        .ok_or_else(|| "a time is written 30d, 12h or 90m".to_owned())
}

/// The instant at which a bundle is judged, where none is given. The compiler has no clock.
#[allow(
    clippy::disallowed_methods,
    reason = "whether a certificate has expired depends on what time it is"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Reads a specification by `reader`; what can't be read is a finding like any other.
fn read_sources(spec: &Path, reader: fn(&Path) -> Result<Sources, DiskError>) -> Result<Sources, Vec<Diagnostic>> {
    reader(spec).map_err(|error| vec![Diagnostic::new(codes::UNREADABLE, error.to_string())])
}

/// Checks a specification and says all that is wrong with it, or remarkable; gives the path of its seed too.
fn check_sources(sources: Result<Sources, Vec<Diagnostic>>) -> Result<(Checked, Option<String>), Reported> {
    let seed = sources.as_ref().ok().and_then(|sources| sources.seed.clone());
    match sources.and_then(|sources| input::check(&sources)) {
        Ok(checked) => {
            say_diagnostics(&checked.remarks);
            Ok((checked, seed))
        }
        Err(problems) => {
            say_diagnostics(&problems);
            Err(Reported)
        }
    }
}

/// Reads the seed from where the command line says, else from where the specification says, relative to it.
fn read_seed(spec: &Path, argument: Option<&Path>, in_spec: Option<String>) -> Result<Seed, Reported> {
    let Some(path) = seed_path(spec, argument, in_spec) else {
        say_error(format_args!(
            "there is no seed: set `seed` in [pki], or give --seed-file FILE (khw-gen init writes a fresh one)"
        ));
        return Err(Reported);
    };
    seed_of(&path, &disk::read_seed(&path)?)
}

fn seed_path(spec: &Path, argument: Option<&Path>, in_spec: Option<String>) -> Option<PathBuf> {
    match (argument, in_spec) {
        (Some(path), _) => Some(path.to_owned()),
        (None, Some(path)) => Some(spec.parent().unwrap_or(Path::new("")).join(path)),
        (None, None) => None,
    }
}

/// The seed in a file; none if there is no such file. One that is there and can't be read is an error.
fn read_seed_if_there(path: &Path) -> Result<Option<Seed>, Reported> {
    match disk::read_seed(path) {
        Err(DiskError::Os { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        text => seed_of(path, &text?).map(Some),
    }
}

fn seed_of(path: &Path, text: &SeedText) -> Result<Seed, Reported> {
    let file = Seed::parse(text.bytes.expose()).map_err(|error| {
        Reported::from(format!(
            "{}: {error} (khw-gen init writes a fresh one; so does openssl rand -hex 32)",
            path.display()
        ))
    })?;
    text.check_exposure(file.public)?;
    if file.public {
        say(format_args!(
            "warning: the seed {} is public: anybody has the keys made from it. Use it for examples and tests only.",
            path.display()
        ));
    }
    Ok(file.seed)
}

/// The last midnight in UTC, as RFC 3339 has it: what `init` proposes as the day of issue.
#[allow(
    clippy::disallowed_methods,
    reason = "a starter file may know what day it is; the compiler may not"
)]
fn today() -> String {
    format!("{}T00:00:00Z", time::OffsetDateTime::now_utc().date())
}

fn in_words(cluster: &Cluster) -> String {
    format!(
        "no errors; {} hosts, Kubernetes {}, etcd {}, layout {}",
        cluster.hosts.len(),
        cluster.version,
        cluster.release.etcd,
        cluster.pki.layout.name()
    )
}

fn say_diagnostics(diagnostics: &[Diagnostic]) {
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity <= Severity::Note)
    {
        say(render_text(diagnostics).trim_end());
    }
}

fn say_error(error: impl Display) {
    say(format_args!("error: {error}"));
}

/// To standard error; that nobody listens there is no reason to fail.
fn say(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// To standard output. A reader that went away (`| head`) has what it wanted.
fn print(message: impl Display) -> Result<(), Reported> {
    match writeln!(io::stdout().lock(), "{message}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
