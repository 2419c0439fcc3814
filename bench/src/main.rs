//! How fast khw-gen is, side by side with the way by hand and with a floor: `make bench`.
//!
//! Whole processes, from their start to their end. In each round every job is done once by khw-gen, once by the floor, and
//! the work of a few nodes once by hand, so that whatever else the machine does in the meantime falls on all of them. The
//! table has the medians. No time makes it fail; a job that can't be done does.
//!
//! - **By hand** is what the walk-through has people do for each node (`by_hand.sh`), for a few nodes of the same
//!   content, scaled to the job's. Where a program for that is missing, the table says so.
//! - **The floor** is this program started once more: the same keys by the same search (P-256 by the p256 crate alone), one
//!   signature for each certificate, gzip over as many bytes, and as many files of the same sizes, on as many threads. No
//!   specification, no templates, no digests, no checks, no modes, and no waiting for the disk.
//!
//! BENCH_ROUNDS=5, BENCH_WORKERS=1000, BENCH_BY_HAND=20 (nodes), BENCH_LARGE=1 for ten times as many, BENCH_JOBS=ecdsa,check for those whose name has one
//! of these words.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsString, c_int, c_long};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use khw_gen::disk::{Specification, read_seed};
use khw_gen::input;
use khw_gen::pki::derivation::{Purpose, Seed};
use khw_gen::pki::key::{Algorithm, Curve, KeyPair, RsaBits};
use khw_gen::plan::{CertificateFrom, KeyFrom, plan};
use p256::ecdsa::signature::Signer;
use rayon::prelude::*;

/// Published, so that everybody's run searches for the same primes.
const SEED: &str = "# The seed of the benchmark. Never use it for a cluster that matters: make your own.\n\
    public: anybody may have the keys made from this seed\n\
    5b1f0c9e83d24a67b8f5e02d7c4196ea3d80f7512ac6b94e0f3d6872e1c5a94b\n";

/// As khw-gen's archives.
const GZIP_LEVEL: u32 = 2;

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let done = match arguments.first().and_then(|word| word.to_str()) {
        Some("survey") => survey(&arguments[1..]),
        Some("floor") => floor(&arguments[1..]),
        _ => bench(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

// --- the jobs ----------------------------------------------------------------------------------------------------------

/// What is measured, in the order in which it is done: a job may begin with what an earlier one left.
struct Job {
    name: String,
    work: Work,
    by_hand: ByHand,
    floor: Floor,
}

enum Work {
    /// Into a folder that is not there.
    Build {
        specification: PathBuf,
        out: PathBuf,
    },
    /// Over the output of another specification.
    Rebuild {
        before: PathBuf,
        specification: PathBuf,
        out: PathBuf,
    },
    Check {
        specification: PathBuf,
    },
    /// Reads an output, and what `golden write` made of its specification.
    Read {
        how: &'static [Word],
        specification: PathBuf,
        out: PathBuf,
    },
}

/// A word of a command line.
#[derive(Clone, Copy)]
enum Word {
    Is(&'static str),
    Specification,
    Output,
    Golden,
}

/// What reads an output, to be held against the build that makes it.
const READERS: [(&str, &[Word]); 4] = [
    ("verify", &[Word::Is("verify"), Word::Output]),
    (
        "diff OUT cluster.toml",
        &[Word::Is("diff"), Word::Output, Word::Specification],
    ),
    ("inspect", &[Word::Is("inspect"), Word::Output]),
    (
        "golden check",
        &[Word::Is("golden"), Word::Is("check"), Word::Specification, Word::Golden],
    ),
];

enum ByHand {
    /// So many times the work for one node with this key.
    Nodes {
        key: &'static str,
        count: usize,
    },
    WholeWalkThrough,
    /// There is no such step there.
    Nothing,
}

enum Floor {
    /// All that the job makes.
    Whole,
    /// What one more host needs.
    OneHost(String),
    Nothing,
}

fn jobs(folder: &Path, workers: usize, large: bool) -> Result<Vec<Job>, Failed> {
    let specification = |name: &str, workers: usize, key: &str| write_specification(&folder.join(name), workers, key);
    let many = workers * 10;
    let ecdsa = specification("ecdsa", workers, "ecdsa")?;
    let rsa = specification("rsa", workers, "rsa")?;
    let one_more = specification("rsa-one-more", workers + 1, "rsa")?;
    let ecdsa_many = specification("ecdsa-many", many, "ecdsa")?;
    let out = |name: &str| folder.join(format!("out-{name}"));

    let readers = READERS.iter().map(|(name, how)| Job {
        name: format!("{name}, {workers} workers, ECDSA P-256"),
        work: Work::Read {
            how,
            specification: ecdsa.clone(),
            out: out("ecdsa"),
        },
        by_hand: ByHand::Nothing,
        floor: Floor::Nothing,
    });
    let readers: Vec<Job> = readers.collect();
    let mut jobs = vec![
        Job {
            name: "the walk-through, RSA-2048".to_owned(),
            work: Work::Build {
                specification: project().join("specs/walkthrough/cluster.toml"),
                out: out("walk-through"),
            },
            by_hand: ByHand::WholeWalkThrough,
            floor: Floor::Whole,
        },
        Job {
            name: format!("check of {many} workers"),
            work: Work::Check {
                specification: ecdsa_many.clone(),
            },
            by_hand: ByHand::Nothing,
            floor: Floor::Nothing,
        },
        Job {
            name: format!("{workers} workers, ECDSA P-256"),
            work: Work::Build {
                specification: ecdsa.clone(),
                out: out("ecdsa"),
            },
            by_hand: ByHand::Nodes {
                key: "ecdsa",
                count: workers,
            },
            floor: Floor::Whole,
        },
        Job {
            name: format!("again over {workers} workers, ECDSA P-256, nothing changed"),
            work: Work::Rebuild {
                before: ecdsa.clone(),
                specification: ecdsa,
                out: out("ecdsa"),
            },
            by_hand: ByHand::Nothing,
            floor: Floor::Nothing,
        },
        Job {
            name: format!("{workers} workers, RSA-2048"),
            work: Work::Build {
                specification: rsa.clone(),
                out: out("rsa"),
            },
            by_hand: ByHand::Nodes {
                key: "rsa",
                count: workers,
            },
            floor: Floor::Whole,
        },
        Job {
            name: format!("one worker added to {workers}, RSA-2048"),
            work: Work::Rebuild {
                before: rsa,
                specification: one_more,
                out: out("rsa"),
            },
            by_hand: ByHand::Nodes { key: "rsa", count: 1 },
            floor: Floor::OneHost(worker(workers)),
        },
    ];
    let after_its_build = jobs
        .iter()
        .position(|job| job.name.contains("nothing changed"))
        .map_or(0, |at| at + 1);
    jobs.splice(after_its_build..after_its_build, readers);
    if large {
        jobs.push(Job {
            name: format!("{many} workers, ECDSA P-256"),
            work: Work::Build {
                specification: ecdsa_many,
                out: out("ecdsa-many"),
            },
            by_hand: ByHand::Nodes {
                key: "ecdsa",
                count: many,
            },
            floor: Floor::Whole,
        });
    }
    Ok(jobs)
}

fn worker(index: usize) -> String {
    format!("worker-{index:05}")
}

/// One load balancer, three masters and the workers, all written out.
fn write_specification(folder: &Path, workers: usize, key: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder.join("csr"))?;
    let mut text = String::from(
        "[cluster]\nname = \"fleet\"\nkubernetes = \"1.35\"\n\
        [network]\npods = \"10.128.0.0/9\"\nservices = \"10.32.0.0/16\"\ncni = \"none\"\n\
        [pki]\nissued = \"2026-01-01T00:00:00Z\"\nseed = \"seed\"\n",
    );
    if key == "rsa" {
        // The walk-through's own requests: one certificate for each node.
        for file in fs::read_dir(project().join("specs/walkthrough/csr"))? {
            let file = file?;
            fs::copy(file.path(), folder.join("csr").join(file.file_name()))?;
        }
        text.push_str("csr = \"csr\"\nlayout = \"single\"\nprofile = \"kubernetes\"\n");
    }
    let mut host = |name: &str, ip: String, roles: &str| {
        let _ = writeln!(text, "[[hosts]]\nname = \"{name}\"\nip = \"{ip}\"\nroles = [{roles}]");
    };
    host("lb", "10.0.0.5".to_owned(), "\"load-balancer\"");
    for index in 0..3 {
        host(
            &format!("master{index}"),
            format!("10.0.0.{}", 10 + index),
            "\"control-plane\", \"etcd\"",
        );
    }
    for index in 0..workers {
        let ip = format!("10.{}.{}.{}", 1 + index / 50_000, index / 250 % 200, index % 250 + 1);
        host(&worker(index), ip, "\"worker\"");
    }
    fs::write(folder.join("seed"), SEED)?;
    let file = folder.join("cluster.toml");
    fs::write(&file, text)?;
    Ok(file)
}

// --- measuring ---------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
struct Measured {
    wall: f64,
    cpu: f64,
    /// KiB; of several processes the largest one's.
    peak: f64,
}

impl Measured {
    fn times(self, factor: f64) -> Measured {
        Measured {
            wall: self.wall * factor,
            cpu: self.cpu * factor,
            peak: self.peak,
        }
    }
}

/// getrusage(2): two timevals, ru_maxrss, and what is not asked for; longer than any C library's.
#[repr(C)]
struct ResourceUsage {
    user: [c_long; 2],
    system: [c_long; 2],
    peak: c_long,
    rest: [c_long; 32],
}

unsafe extern "C" {
    fn wait4(process: c_int, status: *mut c_int, options: c_int, usage: *mut ResourceUsage) -> c_int;
}

/// From the start of a process to its end, with all that it waited for itself.
///
/// The kernel counts what the parent had in memory when it started the child, so this process keeps itself small.
fn measure(command: &mut Command, said: &Path) -> Result<Measured, Failed> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(said)?);
    let start = Instant::now();
    let child = command
        .spawn()
        .map_err(|error| format!("{command:?} can't be run: {error}"))?;
    let mut usage = ResourceUsage {
        user: [0; 2],
        system: [0; 2],
        peak: 0,
        rest: [0; 32],
    };
    let mut status = 0;
    let process = c_int::try_from(child.id())?;
    // SAFETY: both pointers are to values of this frame, and the second is at least as large as any `struct rusage`. Nobody
    // else waits for the child: `Child` does so only when asked.
    while unsafe { wait4(process, &raw mut status, 0, &raw mut usage) } != process {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error.into());
        }
    }
    let wall = start.elapsed().as_secs_f64();
    if status != 0 {
        let said = fs::read_to_string(said).unwrap_or_default();
        return Err(format!("{command:?} failed (wait status {status}):\n{said}").into());
    }
    let seconds = |[seconds, micros]: [c_long; 2]| seconds as f64 + micros as f64 / 1e6;
    Ok(Measured {
        wall,
        cpu: seconds(usage.user) + seconds(usage.system),
        peak: usage.peak as f64,
    })
}

fn median(of: &[Measured]) -> Option<Measured> {
    let middle = |part: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = of.iter().map(part).collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        match values.len() % 2 {
            1 => values[half],
            _ => (values[half - 1] + values[half]) / 2.0,
        }
    };
    (!of.is_empty()).then(|| Measured {
        wall: middle(|m| m.wall),
        cpu: middle(|m| m.cpu),
        peak: middle(|m| m.peak),
    })
}

// --- the run -----------------------------------------------------------------------------------------------------------

struct Bench {
    khw_gen: PathBuf,
    folder: PathBuf,
    said: PathBuf,
    /// PATH with the project's own programs behind.
    path: OsString,
    missing: Vec<&'static str>,
    /// Enough that the programs are in memory for most of them.
    nodes_by_hand: usize,
}

#[derive(Default)]
struct Results {
    khw_gen: Vec<Measured>,
    by_hand: Vec<Measured>,
    floor: Vec<Measured>,
}

struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> io::Result<TemporaryFolder> {
        let folder = env::temp_dir().join(format!("khw-gen-bench-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(TemporaryFolder(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            eprintln!("{} is left: {error}", self.0.display());
        }
    }
}

fn bench() -> Result<(), Failed> {
    let rounds = number("BENCH_ROUNDS", 5)?;
    let workers = number("BENCH_WORKERS", 1000)?;
    let large = env::var("BENCH_LARGE").is_ok_and(|value| value == "1");
    let wanted = env::var("BENCH_JOBS").unwrap_or_default().to_lowercase();
    let folder = TemporaryFolder::new()?;
    let bench = Bench::new(&folder.0)?;

    let mut jobs = jobs(&folder.0, workers, large)?;
    jobs.retain(|job| wanted.is_empty() || wanted.split(',').any(|word| job.name.to_lowercase().contains(word)));
    let mut results: Vec<Results> = jobs.iter().map(|_| Results::default()).collect();
    let load_before = load();
    for round in 1..=rounds {
        // A node's work by hand does for every job with such nodes.
        let mut node_by_hand = BTreeMap::new();
        for (job, results) in jobs.iter().zip(&mut results) {
            eprintln!("round {round} of {rounds}: {}", job.name);
            results.khw_gen.push(bench.khw_gen(job)?);
            results.floor.extend(bench.floor(job)?);
            results.by_hand.extend(bench.by_hand(job, &mut node_by_hand)?);
        }
    }
    println!("{}", table(&jobs, &results, &bench.missing));
    println!("{}", surroundings(rounds, &load_before, &bench));
    Ok(())
}

fn number(name: &str, default: usize) -> Result<usize, Failed> {
    match env::var(name) {
        Ok(text) => match text.parse() {
            Ok(0) | Err(_) => Err(format!("{name}={text} is no number of at least 1").into()),
            Ok(number) => Ok(number),
        },
        Err(_) => Ok(default),
    }
}

impl Bench {
    fn new(folder: &Path) -> Result<Bench, Failed> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = env::split_paths(&path)
            .chain([project().join("target/tools")])
            .collect();
        let is_there = |name: &&str| {
            folders.iter().any(|folder| {
                fs::metadata(folder.join(name))
                    .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
            })
        };
        // Built with this program, by the same profile.
        let khw_gen = env::current_exe()?.with_file_name("khw-gen");
        if !khw_gen.exists() {
            return Err(format!("{} is not there: make bench builds it", khw_gen.display()).into());
        }
        Ok(Bench {
            khw_gen,
            folder: folder.to_owned(),
            said: folder.join("said"),
            path: env::join_paths(&folders).unwrap_or(path),
            nodes_by_hand: number("BENCH_BY_HAND", 20)?,
            missing: ["bash", "cfssl", "cfssljson", "kubectl", "tar"]
                .into_iter()
                .filter(|name| !is_there(name))
                .collect(),
        })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path).current_dir(&self.folder);
        command
    }

    fn build(&self, specification: &Path, out: &Path) -> Result<Measured, Failed> {
        let mut command = self.command(&self.khw_gen);
        measure(
            command.arg("build").arg(specification).arg("--out").arg(out),
            &self.said,
        )
    }

    fn khw_gen(&self, job: &Job) -> Result<Measured, Failed> {
        match &job.work {
            Work::Build { specification, out } => {
                remove(out)?;
                let measured = self.build(specification, out)?;
                note(out, specification)?;
                Ok(measured)
            }
            Work::Rebuild {
                before,
                specification,
                out,
            } => {
                // Where the job that leaves it was not wanted, there is nothing, or what the last round left.
                if !is_of(out, before) {
                    remove(out)?;
                    self.build(before, out)?;
                }
                let measured = self.build(specification, out)?;
                note(out, specification)?;
                Ok(measured)
            }
            Work::Check { specification } => {
                let mut command = self.command(&self.khw_gen);
                measure(command.arg("check").arg(specification), &self.said)
            }
            Work::Read {
                how,
                specification,
                out,
            } => {
                if !is_of(out, specification) {
                    remove(out)?;
                    self.build(specification, out)?;
                    note(out, specification)?;
                }
                let golden = out.with_extension("golden");
                if !golden.exists() {
                    let mut command = self.command(&self.khw_gen);
                    measure(
                        command.args(["golden", "write"]).args([specification, &golden]),
                        &self.said,
                    )?;
                }
                let mut command = self.command(&self.khw_gen);
                for word in *how {
                    match word {
                        Word::Is(word) => command.arg(word),
                        Word::Specification => command.arg(specification),
                        Word::Output => command.arg(out),
                        Word::Golden => command.arg(&golden),
                    };
                }
                measure(&mut command, &self.said)
            }
        }
    }

    /// What is to be made is read off an output of the job, once.
    fn floor(&self, job: &Job) -> Result<Option<Measured>, Failed> {
        let host = match &job.floor {
            Floor::Whole => None,
            Floor::OneHost(host) => Some(host),
            Floor::Nothing => return Ok(None),
        };
        let (Work::Build { specification, out } | Work::Rebuild { specification, out, .. }) = &job.work else {
            return Ok(None);
        };
        let to_make = out.with_extension(if host.is_some() { "one-to-make" } else { "to-make" });
        if !to_make.exists() {
            let mut command = self.command(env::current_exe()?);
            command.arg("survey").args([specification, out, &to_make]).args(host);
            measure(&mut command, &self.said)?;
        }
        let made = self.folder.join("floor");
        remove(&made)?;
        let mut command = self.command(env::current_exe()?);
        let measured = measure(command.arg("floor").arg(to_make).arg(&made), &self.said)?;
        remove(&made)?;
        Ok(Some(measured))
    }

    fn by_hand(&self, job: &Job, node: &mut BTreeMap<&'static str, Measured>) -> Result<Option<Measured>, Failed> {
        if !self.missing.is_empty() {
            return Ok(None);
        }
        match &job.by_hand {
            ByHand::Nothing => Ok(None),
            ByHand::WholeWalkThrough => {
                let folder = self.folder.join("walk-through");
                remove(&folder)?;
                let steps = "\"$1\" certs \"$2/certs\" && \"$1\" hosts \"$2/certs\" \"$2/hosts\" && \
                    for host in \"$2\"/hosts/*; do tar czf \"$host.tar.gz\" -C \"$2/hosts\" \"${host##*/}\"; done";
                let mut command = self.command("bash");
                let script = project().join("tests/verify/by_hand/walk_through.sh");
                command.args(["-c", steps, "bash"]).args([script, folder]);
                measure(&mut command, &self.said).map(Some)
            }
            ByHand::Nodes { key, count } => {
                if !node.contains_key(key) {
                    node.insert(key, self.node_by_hand(key, job)?);
                }
                Ok(node.get(key).map(|one| one.times(*count as f64)))
            }
        }
    }

    fn node_by_hand(&self, key: &'static str, job: &Job) -> Result<Measured, Failed> {
        let (Work::Build { out, .. } | Work::Rebuild { out, .. }) = &job.work else {
            return Err(format!("{} has no nodes", job.name).into());
        };
        let sample = out.join(worker(0));
        let certificates = fs::read_dir(sample.join("rootfs/var/lib/kubelet"))?
            .filter_map(Result::ok)
            .filter(|file| file.file_name().to_string_lossy().ends_with("-key.pem"))
            .count();
        // In the split layout the client's key is in the kubeconfig alone.
        let leaves = if key == "ecdsa" { certificates + 1 } else { certificates };
        let folder = self.folder.join(format!("by-hand-{key}"));
        let script = project().join("bench/by_hand.sh");
        if !folder.exists() {
            let mut command = self.command("bash");
            command.arg(&script).arg("prepare").arg(&folder);
            command.arg(project().join("specs/walkthrough/csr")).arg(key);
            measure(&mut command, &self.said)?;
        }
        let mut command = self.command("bash");
        command.arg(&script).arg("nodes").args([&folder, &sample]);
        command.args([leaves.to_string(), self.nodes_by_hand.to_string()]);
        Ok(measure(&mut command, &self.said)?.times(1.0 / self.nodes_by_hand as f64))
    }
}

/// Notes beside an output which specification it is of.
fn note(out: &Path, specification: &Path) -> io::Result<()> {
    fs::write(out.with_extension("of"), specification.as_os_str().as_encoded_bytes())
}

fn is_of(out: &Path, specification: &Path) -> bool {
    fs::read(out.with_extension("of")).is_ok_and(|noted| noted == specification.as_os_str().as_encoded_bytes())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

// --- the floor ---------------------------------------------------------------------------------------------------------

/// `survey SPECIFICATION OUT TO-MAKE [HOST]`: writes down which keys a job makes, and which files. One line each:
/// `seed FILE CLUSTER`, `key ALGORITHM ID`, `tar FILE` (what is compressed), `host BYTES-OF-TAR SIZE...`, with tabs between.
///
/// This and the floor are processes of their own: see [`measure`].
fn survey(arguments: &[OsString]) -> Result<(), Failed> {
    let [specification, out, to_make, host @ ..] = arguments else {
        return Err("survey SPECIFICATION OUT TO-MAKE [HOST]".into());
    };
    let (specification, out) = (Path::new(specification), Path::new(out));
    let only = host.first().and_then(|host| host.to_str());
    let checked = input::check(&Specification::open(specification)?).map_err(|_| "the specification has errors")?;
    let cluster = &checked.cluster;
    let seed = checked.seed.as_ref().ok_or("no seed is named")?;
    let seed = specification.with_file_name(seed);

    let mut text = format!("seed\t{}\t{}\n", seed.display(), cluster.name);
    for certificate in &plan(cluster).certificates {
        if let KeyFrom::Seed(algorithm) = certificate.key
            && (only.is_none() || certificate.id.host == only)
        {
            let signed = match certificate.from {
                CertificateFrom::Nobody => "key",
                _ => "certificate",
            };
            let _ = writeln!(text, "{signed}\t{algorithm}\t{}", certificate.id);
        }
    }
    let mut tar = Vec::new();
    for host in &cluster.hosts {
        if only.is_some_and(|only| only != host.name) {
            continue;
        }
        // Workers come last, and are many: what is compressed is like theirs.
        tar = uncompressed(&out.join(format!("{}.tar.gz", host.name)))?;
        let bytes = tar.len();
        let _ = write!(text, "host\t{bytes}");
        for size in sizes_below(&out.join(&host.name))? {
            let _ = write!(text, "\t{size}");
        }
        text.push('\n');
    }
    if only.is_none() {
        text.push_str("host\t0");
        for name in ["MANIFEST", "SHA256SUMS"] {
            let _ = write!(text, "\t{}", fs::metadata(out.join(name))?.len());
        }
        text.push('\n');
    }
    let mut file = to_make.clone();
    file.push("-tar");
    fs::write(&file, tar)?;
    let _ = writeln!(text, "tar\t{}", Path::new(&file).display());
    fs::write(to_make, text)?;
    Ok(())
}

fn uncompressed(archive: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(archive)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn sizes_below(folder: &Path) -> io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sizes.extend(sizes_below(&entry.path())?),
            false => sizes.push(entry.metadata()?.len()),
        }
    }
    Ok(sizes)
}

/// `floor TO-MAKE DIR`: the arithmetic, the compression and the writing of what [`survey`] wrote down.
fn floor(arguments: &[OsString]) -> Result<(), Failed> {
    let [to_make, out] = arguments else {
        return Err("floor TO-MAKE DIR".into());
    };
    let out = Path::new(out);
    let text = fs::read_to_string(to_make)?;
    let (mut keys, mut hosts, mut content, mut seed) = (Vec::new(), Vec::new(), Vec::new(), None);
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["seed", file, cluster] => {
                let file = read_seed(Path::new(file))?;
                let parsed = Seed::parse(file.bytes.expose()).map_err(|_| "that is no seed")?;
                seed = Some((parsed.seed, cluster));
            }
            ["key", algorithm, id] => keys.push((algorithm, id, false)),
            ["certificate", algorithm, id] => keys.push((algorithm, id, true)),
            ["tar", file] => content = fs::read(file)?,
            ["host", ref numbers @ ..] => {
                let numbers = numbers.iter().map(|number| number.parse());
                hosts.push(numbers.collect::<Result<Vec<usize>, _>>()?);
            }
            _ => return Err(format!("what is {line:?}?").into()),
        }
    }
    let (seed, cluster) = seed.ok_or("no seed is named")?;
    keys.par_iter()
        .try_for_each(|(algorithm, id, signed)| make_key(&seed, cluster, algorithm, id, *signed))?;

    // Any host's content is this, over and over.
    let longest = hosts.iter().flatten().copied().max().unwrap_or_default();
    let content: Vec<u8> = content.iter().copied().cycle().take(longest).collect();
    fs::create_dir(out)?;
    hosts
        .par_iter()
        .enumerate()
        .try_for_each(|(index, numbers)| -> io::Result<()> {
            let folder = out.join(index.to_string());
            fs::create_dir(&folder)?;
            let (tar, sizes) = numbers.split_first().unwrap_or((&0, &[]));
            for (file, size) in sizes.iter().enumerate() {
                fs::write(folder.join(file.to_string()), &content[..*size])?;
            }
            if *tar > 0 {
                let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                gzip.write_all(&content[..*tar])?;
                fs::write(out.join(format!("{index}.tar.gz")), gzip.finish()?)?;
            }
            Ok(())
        })?;
    Ok(())
}

/// The message is as long as a certificate is.
fn make_key(seed: &Seed, cluster: &str, algorithm: &str, id: &str, signed: bool) -> Result<(), Failed> {
    let message = [0x30; 700];
    let algorithm = match algorithm.strip_prefix("rsa-") {
        Some(bits) => Algorithm::Rsa(RsaBits::new(bits.parse()?).ok_or("no such size")?),
        None if algorithm == "ecdsa-p256" => Algorithm::Ecdsa(Curve::P256),
        None => return Err(format!("the floor knows no {algorithm}").into()),
    };
    let bytes = seed.derive(cluster, &Purpose::KeyPair { name: id, algorithm }, 1);
    match algorithm {
        Algorithm::Rsa(_) => {
            let key = KeyPair::from_seed(algorithm, &bytes).map_err(|error| error.to_string())?;
            if signed {
                std::hint::black_box(key.sign(&message).map_err(|error| error.to_string())?);
            }
        }
        _ => {
            let key = p256::ecdsa::SigningKey::from_slice(bytes.as_slice()).map_err(|error| error.to_string())?;
            std::hint::black_box(key.verifying_key());
            if signed {
                let signature: p256::ecdsa::DerSignature = key.try_sign(&message).map_err(|error| error.to_string())?;
                std::hint::black_box(signature);
            }
        }
    }
    Ok(())
}

// --- the report --------------------------------------------------------------------------------------------------------

fn table(jobs: &[Job], results: &[Results], missing: &[&str]) -> String {
    let mut text = String::from(
        "| job | khw-gen | CPU | peak memory | by hand (CPU) | by hand / khw-gen (CPU) | floor (CPU) | khw-gen / floor (CPU) |\n\
        |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (job, results) in jobs.iter().zip(results) {
        let Some(ours) = median(&results.khw_gen) else { continue };
        let none = || ("-".to_owned(), "-".to_owned());
        let (by_hand, by_hand_ratio) = match (median(&results.by_hand), &job.by_hand) {
            (Some(theirs), _) => (both(theirs), ratios(theirs, ours)),
            (None, ByHand::Nothing) => none(),
            (None, _) => (format!("not measured here (no {})", missing.join(", ")), "-".to_owned()),
        };
        let (floor, floor_ratio) = match median(&results.floor) {
            Some(floor) => (both(floor), ratios(ours, floor)),
            None => none(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} MiB | {by_hand} | {by_hand_ratio} | {floor} | {floor_ratio} |",
            job.name,
            time(ours.wall),
            time(ours.cpu),
            ours.peak / 1024.0,
        );
    }
    text
}

fn both(measured: Measured) -> String {
    format!("{} ({})", time(measured.wall), time(measured.cpu))
}

fn ratios(of: Measured, to: Measured) -> String {
    let ratio = |of: f64, to: f64| match of / to {
        ratio if !ratio.is_finite() => "-".to_owned(),
        ratio if ratio < 0.095 => format!("{ratio:.3}"),
        ratio if ratio < 9.95 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.0}"),
    };
    format!("{} ({})", ratio(of.wall, to.wall), ratio(of.cpu, to.cpu))
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

fn surroundings(rounds: usize, load_before: &str, bench: &Bench) -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("processor unknown", |(_, model)| model);
    let mut text = format!(
        "Medians of {rounds}. {processors} hardware threads, {model}; load average {load_before} before and {} after.",
        load()
    );
    if bench.missing.is_empty() {
        let _ = write!(
            text,
            " By hand: {} nodes, one after the other, scaled.",
            bench.nodes_by_hand
        );
    }
    text
}

/// Of the last minute: above zero the machine had other things to do.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
