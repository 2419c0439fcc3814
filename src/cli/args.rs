//! The command line as clap reads it, and nothing else: no command is run here, so that anything may be made from it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use khw_gen::catalog::releases::Version;
use khw_gen::diagnostic::{codes, verify_codes};
use khw_gen::json_document::JsonKind;
use khw_gen::pack::ArchiveFormat;
use khw_gen::part::Shard;
use khw_gen::starter::BEGINNINGS;
use time::{Duration, OffsetDateTime};

use super::examples;
use super::instants::{instant, period};
use super::versions::kubernetes_release;

/// With the digest of the sources: what is built between two releases has the same number.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (sources ", env!("KHW_GEN_CODE"), ")");

/// Compiles a topology and cfssl's JSON into one bundle per host: certificates, keys, kubeconfigs, units, configuration.
#[derive(Parser)]
#[command(name = "khw-gen", version = VERSION, about, max_term_width = 100, after_help = examples::PROGRAM)]
pub struct Arguments {
    #[command(flatten)]
    pub color: colorchoice_clap::Color,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Compile a specification into an output folder, which is replaced as a whole
    #[command(after_help = examples::BUILD)]
    Build(BuildArgs),
    /// Write what authorities that sign elsewhere are asked, as requests with all that their owners need; never overwrites
    #[command(after_help = examples::CSR)]
    Csr(CsrArgs),
    /// Join the parts of a fleet (build --host, build --shard) into the whole output; needs no specification and no seed
    #[command(after_help = examples::MERGE)]
    Merge(MergeArgs),
    /// Report every problem of a specification; needs no seed
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Show every file that would be made: host, mode, path, what it is, from which row; needs no seed
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Say what a code of a diagnostic or finding means, with an example, what to do and where people meet it; without one,
    /// list them all
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Show the releases that are known: what changes at each, and why
    #[command(after_help = examples::RELEASES)]
    Releases(ReleasesArgs),
    /// Print the JSON Schema of cluster.toml, from which editors complete and check, or of what `--format json` prints
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArgs),
    /// Print the script from which a shell completes this command line
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write the manual pages of all commands; never overwrites
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Show the variables that templates may use, as JSON; needs no seed
    #[command(after_help = examples::FACTS)]
    Facts(FactsArgs),
    /// Check a bundle as found, with no specification and no seed: an output, a host's folder or archive, a machine's root
    /// or a copy of it, a folder of certificates made by hand
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArgs),
    /// Show what differs in meaning, what to restart in which order, and what can't be undone; exit with 0 if nothing
    /// differs, 1 if something does, 2 in trouble
    #[command(after_help = examples::DIFF)]
    Diff(DiffArgs),
    /// Show every certificate of a bundle as found: whose, where, by which names, until when
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArgs),
    /// Write every phase of a rotation as an output of its own, and a plan: what to install where, what to wait for, the way back
    #[command(after_help = examples::ROTATE)]
    Rotate(RotateArgs),
    /// Propose the edit of cluster.toml with which everything is issued anew and authorities stay, and show what it changes and what has
    /// to be done
    #[command(after_help = examples::RENEW)]
    Renew(RenewArgs),
    /// Show what ends when, and when it has to be renewed at the latest; exit with 0 if nothing ends soon, 1 if something does
    /// or has ended, 2 in trouble
    #[command(after_help = examples::EXPIRY)]
    Expiry(ExpiryArgs),
    /// Show which host holds which secrets, what whoever has them can do, and what has to be replaced if it is stolen; no secret
    /// is shown
    #[command(after_help = examples::SECRETS)]
    Secrets(SecretsArgs),
    /// Show everything as one page: who talks to whom with which certificate and whether that holds, what lies where, who issued what
    /// until when, what a rotation changes, who holds which secrets; no secret is shown
    #[command(after_help = examples::REPORT)]
    Report(ReportArgs),
    /// Seal the archive of each host for those who may open it, and sign their sums: an output that may travel over anything
    #[command(after_help = examples::SEAL)]
    Seal(SealArgs),
    /// Open the sealed archive of a host and unpack it, if all of it is right; else nothing is written
    #[command(after_help = examples::OPEN)]
    Open(OpenArgs),
    /// The seed: draw one, split it into shares and join them, and sign with what it makes
    Seed {
        #[command(subcommand)]
        command: SeedCommand,
    },
    /// The output without its secrets, as a folder of texts to commit, review and compare with
    Golden {
        #[command(subcommand)]
        command: GoldenCommand,
    },
    /// Write a starter cluster.toml, its schema, the CSR files and a fresh seed; never overwrites
    #[command(after_help = examples::INIT)]
    Init(InitArgs),
    /// Write a specification of a cluster that runs, from a folder of its certificates or from its machines' trees: authorities, the key
    /// of tokens and encryption keys are kept, everything else is built anew. Never overwrites, and changes nothing that it reads
    #[command(after_help = examples::ADOPT)]
    Adopt(AdoptArgs),
}

impl Command {
    /// Whether a program reads what it prints: then it prints why it has nothing to show, too.
    pub fn speaks_json(&self) -> bool {
        let format = match self {
            Command::Plan(PlanArgs { format, .. })
            | Command::Explain(ExplainArgs { format, .. })
            | Command::Csr(CsrArgs { format, .. })
            | Command::Adopt(AdoptArgs { format, .. })
            | Command::Releases(ReleasesArgs { format, .. })
            | Command::Inspect(InspectArgs { format, .. })
            | Command::Rotate(RotateArgs { format, .. })
            | Command::Renew(RenewArgs { format, .. })
            | Command::Secrets(SecretsArgs { format, .. })
            | Command::Golden {
                command: GoldenCommand::Check(GoldenCheckArgs { format, .. }),
            } => *format,
            Command::Facts(_)
            | Command::Check(CheckArgs {
                format: JudgeFormat::Json,
                ..
            })
            | Command::Verify(VerifyArgs {
                format: JudgeFormat::Json,
                ..
            })
            | Command::Diff(DiffArgs {
                format: DiffFormat::Json,
                ..
            })
            | Command::Expiry(ExpiryArgs {
                format: ExpiryFormat::Json,
                ..
            })
            | Command::Report(ReportArgs {
                format: PageFormat::Json,
                out: None,
                ..
            }) => ReportFormat::Json,
            _ => ReportFormat::Text,
        };
        format == ReportFormat::Json
    }
}

#[derive(Args)]
pub struct BuildArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The output folder; an earlier one is replaced only if khw-gen made it
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub making: MakingArgs,
    /// How many threads to use; the output is the same with any number [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub jobs: Option<u16>,
    /// Make and write everything again, whatever of it an earlier output has
    #[arg(long)]
    pub fresh: bool,
    /// Say nothing but warnings and errors: no progress, no closing line
    #[arg(short, long)]
    pub quiet: bool,
    /// Write there what has to be done about the change from the earlier output to this one: a new file, in markdown
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hosts", "shard"])]
    pub plan: Option<PathBuf>,
    /// Build a part: only this host, and others that are named so
    #[arg(long = "host", value_name = "NAME", conflicts_with = "shard")]
    pub hosts: Vec<String>,
    /// Build a part: the I-th of N, as 1/8 to 8/8; khw-gen merge joins them
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

#[derive(Args)]
pub struct SeedArgs {
    /// The seed, instead of the one that `[pki] seed` names; `-` reads standard input
    #[arg(id = "seed_file", long = "seed-file", value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

/// What opens seeds, keys and archives that are sealed.
#[derive(Args)]
pub struct OpeningArgs {
    /// A file with identities that open what is sealed: of age (age-keygen), or an Ed25519 key of SSH; and others that are named so
    #[arg(long = "identity", value_name = "FILE")]
    pub identities: Vec<PathBuf>,
    /// A file with the passphrase of what is sealed, on its only line [default: the terminal is asked]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// For whom something is sealed.
#[derive(Args)]
pub struct SealingArgs {
    /// Seal it for a public key, of age (age1…) or of SSH (ssh-ed25519 …); and others that are named so
    #[arg(long = "to", value_name = "RECIPIENT")]
    pub to: Vec<String>,
    /// A file with such keys, one on each line; and others that are named so
    #[arg(long = "recipients-file", value_name = "FILE")]
    pub recipients_files: Vec<PathBuf>,
}

/// For whom a seed is sealed, or with which passphrase.
#[derive(Args)]
pub struct SeedSealingArgs {
    #[command(flatten)]
    pub sealing: SealingArgs,
    /// Seal it with a passphrase, which the terminal is asked for twice, unless --passphrase-file has it
    #[arg(long, conflicts_with_all = ["to", "recipients_files"])]
    pub passphrase: bool,
}

#[derive(Args)]
pub struct SignedArgs {
    /// The folder with what authorities that sign elsewhere have signed, and with their own certificates
    #[arg(id = "signed", long = "signed", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

#[derive(Args)]
pub struct CsrArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The folder for the requests
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub seed: SeedArgs,
    /// How to show them
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct MergeArgs {
    /// The folders of all parts
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,
    /// The output folder; an earlier one is replaced only if khw-gen made it
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Say nothing but warnings and errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct CheckArgs {
    /// The topology, or several
    #[arg(value_name = "CLUSTER.TOML", required = true)]
    pub specs: Vec<PathBuf>,
    /// Read its text from standard input, as an editor has it before it is saved; other files are those beside CLUSTER.TOML
    #[arg(long)]
    pub stdin: bool,
    /// How to report
    #[arg(long, value_enum, default_value_t = JudgeFormat::Text)]
    pub format: JudgeFormat,
}

#[derive(Args)]
pub struct PlanArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The command lines of the units as they are written into them, and who gives each flag; a secret is hidden
    #[arg(long)]
    pub flags: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct ReleasesArgs {
    /// A release of Kubernetes: what it brings, and what is to be done before it is there
    #[arg(value_name = "VERSION", value_parser = kubernetes_release)]
    pub version: Option<Version>,
    /// The release that is there now, if not the one before
    #[arg(long, value_name = "VERSION", value_parser = kubernetes_release, requires = "version")]
    pub from: Option<Version>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct ExplainArgs {
    /// Such as even-etcd
    #[arg(value_name = "CODE", value_parser = AnyCode, hide_possible_values = true)]
    pub code: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Any word: shells offer the codes that there are, and `explain` guesses which one was meant by another. Hundreds of them are no help.
#[derive(Clone)]
struct AnyCode;

impl TypedValueParser for AnyCode {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let codes = codes::CODES.iter().chain(verify_codes::CODES);
        let names: BTreeSet<&str> = codes.map(|code| code.name).collect();
        Some(Box::new(names.into_iter().map(PossibleValue::new)))
    }
}

#[derive(Args)]
pub struct FactsArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// Only those of this host, and its `pod_routes`
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
}

fn archives() -> impl TypedValueParser<Value = ArchiveFormat> {
    PossibleValuesParser::new(ArchiveFormat::ALL.map(ArchiveFormat::name)).try_map(|text| text.parse::<ArchiveFormat>())
}

#[derive(Args)]
pub struct MakingArgs {
    /// The archive to make of each host's bundle
    #[arg(long, value_name = "FORM", default_value = "tar.gz", value_parser = archives())]
    pub archive: ArchiveFormat,
    #[command(flatten)]
    pub seed: SeedArgs,
    #[command(flatten)]
    pub signed: SignedArgs,
}

#[derive(Args)]
pub struct RotateArgs {
    /// The topology, as it is built now
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// What gets a successor: ca, etcd-ca, front-proxy-ca, service-account, encryption
    #[arg(value_name = "WHAT")]
    pub of: String,
    /// The folder for the outputs of the phases and PLAN.md
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub making: MakingArgs,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct VerifyArgs {
    /// The folder or archive
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// How to report
    #[arg(long, value_enum, default_value_t = JudgeFormat::Text)]
    pub format: JudgeFormat,
    /// The instant to judge validity at, as RFC 3339 has it [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// Say too whether any hosts of this earlier output can run together with any of PATH
    #[arg(long, value_name = "OLD")]
    pub beside: Option<PathBuf>,
    /// Say too what this specification would have made differently
    #[arg(long, value_name = "CLUSTER.TOML")]
    pub spec: Option<PathBuf>,
    /// The seed of that specification, instead of the one that `[pki] seed` names; `-` reads standard input
    #[arg(long, value_name = "FILE", requires = "spec")]
    pub seed_file: Option<PathBuf>,
    #[command(flatten)]
    pub signed: SignedArgs,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct DiffArgs {
    /// A folder or archive, or a cluster.toml
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Likewise
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,
    /// The most bytes of text or markdown; what has no room is counted
    #[arg(long, value_name = "BYTES")]
    pub limit: Option<usize>,
    /// The seed of a cluster.toml, instead of the one that its `[pki] seed` names; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub seed_file: Option<PathBuf>,
    #[command(flatten)]
    pub signed: SignedArgs,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct InspectArgs {
    /// The folder or archive
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// How to show them
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Only those that end within this time (`30d`, `12h`); exit with 1 if there are any
    #[arg(long, alias = "within", value_name = "TIME", value_parser = period)]
    pub expires_within: Option<Duration>,
    /// Shorten nothing, however long the lines get
    #[arg(long)]
    pub wide: bool,
    /// The instant to count from, as RFC 3339 has it [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
}

#[derive(Args)]
pub struct RenewArgs {
    /// The topology, as it is built now
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The instant of issue, as RFC 3339 has it [default: the beginning of this day, UTC]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// Print the edit alone
    #[arg(long)]
    pub patch: bool,
    #[command(flatten)]
    pub seed: SeedArgs,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text, conflicts_with = "patch")]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct ExpiryArgs {
    /// A folder or archive, or a cluster.toml, of which is shown what it would be built to
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The instant to count from, as RFC 3339 has it [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// How soon is soon (`4w`, `30d`, `12h`)
    #[arg(long, alias = "expires-within", value_name = "TIME", value_parser = period, default_value = "30d")]
    pub within: Duration,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ExpiryFormat::Text)]
    pub format: ExpiryFormat,
    /// The seed of a cluster.toml, instead of the one that its `[pki] seed` names; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub seed_file: Option<PathBuf>,
    #[command(flatten)]
    pub signed: SignedArgs,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct SecretsArgs {
    /// A folder or archive; or a cluster.toml, which alone knows what keys are called
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Only this host: the one that was stolen
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct SealArgs {
    /// The output to hand over, with an archive for each host; it stays as it is
    #[arg(value_name = "OUT")]
    pub from: PathBuf,
    /// The folder for the sealed archives; an earlier one is replaced only if it is such a folder
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "only")]
    pub out: Option<PathBuf>,
    /// Put them in the place of OUT: nothing is left of it that can be read without a key
    #[arg(long, conflicts_with = "out")]
    pub only: bool,
    /// The topology: its recipients are added, and the sums are signed with the key that its seed makes
    #[arg(long, value_name = "CLUSTER.TOML")]
    pub spec: Option<PathBuf>,
    #[command(flatten)]
    pub sealing: SealingArgs,
    /// The seed of that specification, instead of the one that `[pki] seed` names; `-` reads standard input
    #[arg(long, value_name = "FILE", requires = "spec")]
    pub seed_file: Option<PathBuf>,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct OpenArgs {
    /// The sealed archive of a host; SHA256SUMS and SHA256SUMS.sig beside it are held against it
    #[arg(value_name = "HOST.tar.gz.age")]
    pub archive: PathBuf,
    /// A folder that is there, in which the host's becomes a new one
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = ".")]
    pub out: PathBuf,
    /// Who may have signed, as khw-gen seed signer prints it [default: allowed_signers beside the archive, if it is there]
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Subcommand)]
pub enum SeedCommand {
    /// Draw a fresh seed; never overwrites. Sealed, it may lie anywhere, and is printed where no file is named
    #[command(after_help = examples::SEED_NEW)]
    New(SeedNewArgs),
    /// Split a seed into shares, of which some make it whole and fewer say nothing of it; never overwrites
    #[command(after_help = examples::SEED_SPLIT)]
    Split(SeedSplitArgs),
    /// Join shares into the seed that was split; never overwrites
    #[command(after_help = examples::SEED_JOIN)]
    Join(SeedJoinArgs),
    /// Print who signs the outputs of a cluster, as a line of a file of allowed signers (ssh-keygen); it is no secret
    #[command(after_help = examples::SEED_SIGNER)]
    Signer(SeedSignerArgs),
    /// Sign a file, such as an output's SHA256SUMS, as the signer of a cluster; never overwrites
    #[command(after_help = examples::SEED_SIGN)]
    Sign(SeedSignArgs),
}

#[derive(Args)]
pub struct SeedNewArgs {
    /// The new file
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["to", "recipients_files", "passphrase"])]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub sealing: SeedSealingArgs,
    /// A file with the passphrase, on its only line
    #[arg(long, value_name = "FILE", requires = "passphrase")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct SeedSplitArgs {
    /// The file of the seed, sealed or not
    #[arg(value_name = "SEED")]
    pub seed: PathBuf,
    /// How many shares are needed
    #[arg(short = 'k', long = "needed", value_name = "K", value_parser = clap::value_parser!(u8).range(2..))]
    pub needed: u8,
    /// How many there are
    #[arg(short = 'n', long = "shares", value_name = "N", value_parser = clap::value_parser!(u8).range(2..))]
    pub shares: u8,
    /// The folder for share-1.txt and so on
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub opening: OpeningArgs,
}

#[derive(Args)]
pub struct SeedJoinArgs {
    /// The files of the shares
    #[arg(value_name = "SHARE", required = true)]
    pub shares: Vec<PathBuf>,
    /// The new file
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub sealing: SeedSealingArgs,
    /// A file with the passphrase, on its only line
    #[arg(long, value_name = "FILE", requires = "passphrase")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct SeedSignerArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    #[command(flatten)]
    pub seed: SeedArgs,
}

#[derive(Args)]
pub struct SeedSignArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// What to sign
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The new file for the signature
    #[arg(short, long, value_name = "FILE.sig")]
    pub out: PathBuf,
    #[command(flatten)]
    pub seed: SeedArgs,
}

#[derive(Args)]
pub struct ReportArgs {
    /// A folder or archive; or a cluster.toml, of which is shown what it would be built to, and what keys are called
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The file to write; one that is there is replaced only if it is a report [default: standard output]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// The instant to judge validity at, as RFC 3339 has it [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = PageFormat::Html)]
    pub format: PageFormat,
    /// The seed of a cluster.toml, instead of the one that its `[pki] seed` names; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub seed_file: Option<PathBuf>,
    #[command(flatten)]
    pub opening: OpeningArgs,
    #[command(flatten)]
    pub signed: SignedArgs,
}

#[derive(Subcommand)]
pub enum GoldenCommand {
    /// Write the folder, which is replaced as a whole
    #[command(after_help = examples::GOLDEN_WRITE)]
    Write(GoldenWriteArgs),
    /// Compare the folder with what the specification compiles to now; exit with 1 if they differ, 2 if that can't be told
    #[command(after_help = examples::GOLDEN_CHECK)]
    Check(GoldenCheckArgs),
}

#[derive(Args)]
pub struct GoldenWriteArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The folder; an earlier one is replaced only if khw-gen made it
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    #[command(flatten)]
    pub seed: SeedArgs,
    #[command(flatten)]
    pub signed: SignedArgs,
}

#[derive(Args)]
pub struct GoldenCheckArgs {
    /// The topology
    #[arg(value_name = "CLUSTER.TOML")]
    pub spec: PathBuf,
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    #[command(flatten)]
    pub seed: SeedArgs,
    #[command(flatten)]
    pub signed: SignedArgs,
    /// Compare what does not depend on the seed; so it is too where the seed that `[pki] seed` names is not there
    #[arg(long, conflicts_with = "seed_file")]
    pub without_seed: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Args)]
pub struct SchemaArgs {
    /// `cluster`, or the kind of a document: `findings`, of `khw-gen/findings/v1`
    #[arg(value_name = "KIND", default_value = "cluster", value_parser = schema_names())]
    pub kind: String,
}

fn schema_names() -> PossibleValuesParser {
    let kinds = JsonKind::ALL.iter().map(|kind| kind.name());
    std::iter::once(CLUSTER_SCHEMA).chain(kinds).collect::<Vec<_>>().into()
}

/// What the schema of cluster.toml is called.
pub const CLUSTER_SCHEMA: &str = "cluster";

#[derive(Args)]
pub struct ManArgs {
    /// The folder, such as one that is called man1 and lies below a folder of $MANPATH
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

fn beginnings() -> PossibleValuesParser {
    BEGINNINGS.iter().map(|one| one.name).collect::<Vec<_>>().into()
}

#[derive(Args)]
pub struct InitArgs {
    /// What to begin with
    #[arg(long, value_name = "WHAT", default_value = BEGINNINGS[0].name, value_parser = beginnings())]
    pub from: String,
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

#[derive(Args)]
pub struct AdoptArgs {
    /// Folders of certificates, a machine's root or a copy of it, a folder of such copies, an output, an archive: all that there is of
    /// the one cluster
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// The folder for cluster.toml, the CSR files, the keys that are kept, and a fresh seed: a new one, or an empty one
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// The version of Kubernetes that runs, where nothing tells it: units don't
    #[arg(long, value_name = "VERSION")]
    pub kubernetes: Option<String>,
    /// The instant to judge by and to issue on the day of, as RFC 3339 has it [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub at: Option<OffsetDateTime>,
    /// How to show what was read
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JudgeFormat {
    Text,
    Json,
    /// As code hosts show it at the line: SARIF 2.1.0
    Sarif,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExpiryFormat {
    Text,
    Json,
    /// A calendar, as RFC 5545 has it
    Ical,
    /// Metrics for the node exporter's textfile collector
    Prometheus,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// One file for a browser, which loads nothing
    Html,
    /// The picture of who talks to whom alone
    Svg,
    /// The same as a flowchart that Mermaid draws
    Mermaid,
    /// For a terminal of 80 columns
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Markdown,
    Json,
}
