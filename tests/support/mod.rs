//! What the tests share: running the program, making specifications to run it on, and finding real programs to judge it.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod examples;
pub mod leaks;
pub mod pages;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The folder of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The walk-through's specification.
pub fn walkthrough() -> PathBuf {
    project().join("specs/walkthrough/cluster.toml")
}

/// The program, with no environment but a path.
pub fn khw_gen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_khw-gen"));
    command.env_clear().env("PATH", path());
    command
}

/// Runs a command to its end; fails with all it said where it can't be run. What it runs by name, scripts included, is what
/// [`program`] finds, unless the command has a path of its own.
pub fn run(command: &mut Command) -> Output {
    if command.get_envs().all(|(name, _)| name != "PATH") {
        command.env("PATH", path());
    }
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"))
}

/// What a command printed, standard output and then standard error.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a command that must succeed and returns its standard output.
pub fn must(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed with {}:\n{}",
        output.status,
        said(&output)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A copy of a program, modes included, that can be run at once. Another process makes it: a file that this one has open
/// for writing would be open in every child that another test's thread forks meanwhile, and couldn't be run until that
/// child has become its own program ("Text file busy").
pub fn copy_program(from: &Path, to: &Path) {
    must(Command::new("cp").arg("--preserve=mode").arg(from).arg(to));
}

/// Compiles a specification into a folder of its own.
pub fn build(spec: &Path) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let out = folder.path().join("out");
    must(khw_gen().arg("build").arg(spec).arg("-o").arg(&out));
    (folder, out)
}

/// Where programs are: the tools that the tests installed, the path of whoever runs the tests, and the system's folders that
/// a user's path may lack. The one list for finding a program and for running it by name.
pub fn path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(project().join("target/tools"))
        .chain(std::env::split_paths(&own))
        .chain(["/usr/sbin", "/sbin", "/usr/local/bin"].map(PathBuf::from));
    std::env::join_paths(folders).expect("folders of a path have no colon")
}

/// A real program by name; where there is none, the test that wanted it is listed as skipped.
pub fn program(name: &str, test: &str) -> Option<PathBuf> {
    let path = path();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| {
            fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        });
    if found.is_none() {
        skip(test, &format!("{name} is not installed"));
    }
    found
}

/// Notes that a test did not run, and why; `make test` shows the list at its end.
pub fn skip(test: &str, reason: &str) {
    println!("SKIPPED {test}: {reason}");
    let list = project().join("target/skipped.txt");
    if let Ok(mut list) = fs::OpenOptions::new().create(true).append(true).open(list) {
        let _ = writeln!(list, "{test}: {reason}");
    }
}

/// Whether strace can be used here; if not, `what` is reported as skipped.
pub fn can_trace(what: &str) -> bool {
    if program("strace", what).is_none() {
        return false;
    }
    let traced = run(Command::new("strace").args(["-f", "-o", "/dev/null", "true"]));
    if !traced.status.success() {
        skip(what, "strace may not trace here");
    }
    traced.status.success()
}

/// Whether the process may make namespaces, as the tests that need addresses of their own must.
pub fn namespaces(test: &str) -> bool {
    let able = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !able {
        skip(test, "network namespaces are not allowed here");
    }
    able
}

/// Every file below a folder, by relative path.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        let mut entries: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry"))
            .collect();
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).expect("a link");
                files.insert(name, format!("-> {}", target.display()).into_bytes());
            } else {
                files.insert(name, fs::read(entry.path()).expect("a file"));
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files);
    files
}

/// The permission bits of a path.
pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .permissions()
        .mode()
        & 0o7777
}

/// A specification made for a test: hosts, and whatever replaces lines of the rest.
pub struct Spec {
    folder: TempDir,
}

/// A seed that is no counting pattern and no text, 0600.
pub const SEED: [u8; 32] = [
    0x9c, 0x3e, 0x55, 0x81, 0xd2, 0x07, 0xf6, 0x4a, 0x11, 0xb8, 0xe3, 0x6d, 0x90, 0x2f, 0xc4, 0x7b, 0x08, 0xaf, 0x53,
    0xe9, 0x34, 0x86, 0xdc, 0x1a, 0x72, 0xfb, 0x45, 0x0e, 0xc7, 0x98, 0x61, 0xbd,
];

impl Spec {
    /// `name ip role role…` for each host, then whatever else `extra` adds to cluster.toml.
    pub fn new(hosts: &[&str], extra: &str) -> Spec {
        let folder = TempDir::new().expect("a temporary folder");
        let mut text = format!("[pki]\nissued = \"2026-01-01T00:00:00Z\"\nseed = \"seed\"\n{extra}\n");
        for host in hosts {
            let mut words = host.split_whitespace();
            let (name, ip) = (words.next().expect("a name"), words.next().expect("an address"));
            let roles: Vec<String> = words.map(|role| format!("{role:?}")).collect();
            text.push_str(&format!(
                "\n[[hosts]]\nname = {name:?}\nip = {ip:?}\nroles = [{}]\n",
                roles.join(", ")
            ));
        }
        let spec = Spec { folder };
        fs::write(spec.path(), text).expect("cluster.toml");
        spec.secret("seed", &SEED);
        spec
    }

    /// cluster.toml.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("cluster.toml")
    }

    /// A file beside cluster.toml that only its owner may read.
    pub fn secret(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("a secret file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Certificates that are valid at any time at which the tests may run: issued in 2020, for ninety years.
    pub fn issued_long_ago(self) -> Spec {
        let text = fs::read_to_string(self.path()).expect("cluster.toml");
        fs::write(self.path(), text.replace("2026-01-01T", "2020-01-01T")).expect("cluster.toml");
        self.with_csrs(|name, text| match name {
            "ca-config.json" => text.replace("8760h", "780000h"),
            "ca-csr.json" => text.replacen('{', "{ \"ca\": { \"expiry\": \"790000h\" },", 1),
            _ => text,
        })
    }

    /// The walk-through's CSR files, but for keys on P-256: they take no time to make.
    pub fn with_ecdsa_keys(self) -> Spec {
        self.with_csrs(|_, text| {
            text.replace(r#""algo": "rsa""#, r#""algo": "ecdsa""#)
                .replace(r#""size": 2048"#, r#""size": 256"#)
        })
    }

    /// The walk-through's CSR files, each text passed through `change`.
    pub fn with_csrs(self, change: impl Fn(&str, String) -> String) -> Spec {
        let csr = self.folder.path().join("csr");
        fs::create_dir_all(&csr).expect("a folder");
        for (name, bytes) in files_below(&project().join("specs/walkthrough/csr")) {
            let text = change(&name, String::from_utf8(bytes).expect("JSON is text"));
            fs::write(csr.join(name), text).expect("a CSR file");
        }
        self
    }
}

/// Three control planes, their etcd elsewhere, two load balancers, ECDSA keys.
pub fn large_spec() -> Spec {
    Spec::new(
        &[
            "admin1 10.1.0.5 admin",
            "lb1 10.1.0.6 load-balancer",
            "lb2 10.1.0.7 load-balancer",
            "cp1 10.1.0.11 control-plane",
            "cp2 10.1.0.12 control-plane",
            "cp3 10.1.0.13 control-plane",
            "etcd1 10.1.0.21 etcd",
            "etcd2 10.1.0.22 etcd",
            "etcd3 10.1.0.23 etcd",
            "w1 10.1.0.31 worker",
            "w2 10.1.0.32 worker",
            "w3 10.1.0.33 worker",
        ],
        "[cluster]\nendpoint = \"api.example.org:443\"\n[network]\nservices = \"10.96.0.0/16\"\npods = \"10.244.0.0/16\"\n",
    )
    .with_ecdsa_keys()
}
