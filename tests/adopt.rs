//! A cluster that runs becomes a specification that compiles to it: by hand with cfssl and kubectl, by kubeadm, with the names of files that
//! people give, and khw-gen's own; what must not change does not, what can't be adopted is told, and nothing is half-written.

#[path = "adopt/folder.rs"]
mod folder;
#[path = "adopt/hostile.rs"]
mod hostile;
#[path = "adopt/kubeadm.rs"]
mod kubeadm;
#[path = "adopt/losses.rs"]
mod losses;
#[path = "adopt/maker.rs"]
mod maker;
#[path = "adopt/own.rs"]
mod own;
#[path = "adopt/public.rs"]
mod public;
#[path = "adopt/takes.rs"]
mod takes;
#[path = "adopt/walk_through.rs"]
mod walk_through;

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use khw_gen::pki::inspect::{Certificate, Item, items};
use tempfile::TempDir;

use support::{files_below, khw_gen, must, run, said};

/// What was adopted, and what its first build is.
/// What docs/adopt.md shows of a cluster.toml.
const VALUES_ON_THE_PAGE: &str = "adopted-values";

struct World {
    _folder: TempDir,
    /// The specification's folder.
    spec: PathBuf,
    out: PathBuf,
    /// cluster.toml.
    text: String,
    /// What adopt said.
    told: String,
    at: Vec<String>,
}

fn adopt(from: &[&Path], spec: &Path, arguments: &[&str]) -> Output {
    run(khw_gen().arg("adopt").args(from).arg("-o").arg(spec).args(arguments))
}

/// Adopts, and holds what holds of everything that can be adopted: it passes `check`, and builds at once; nothing in what was read has
/// changed; what must not change did not.
fn adopted(from: &[&Path], at: &[&str], arguments: &[&str]) -> World {
    let folder = TempDir::new().expect("a folder");
    let (spec, out) = (folder.path().join("spec"), folder.path().join("out"));
    let before: Vec<BTreeMap<String, Vec<u8>>> = from.iter().map(|path| files_below(path)).collect();
    let done = adopt(from, &spec, &[at, arguments].concat());
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let after: Vec<BTreeMap<String, Vec<u8>>> = from.iter().map(|path| files_below(path)).collect();
    assert!(before == after, "something was changed in what was read");
    let checked = run(khw_gen().arg("check").arg(spec.join("cluster.toml")));
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    must(
        khw_gen()
            .arg("build")
            .arg(spec.join("cluster.toml"))
            .arg("-o")
            .arg(&out),
    );
    for (name, _) in files_below(&spec) {
        let is_secret = name == "cluster.seed" || name.contains("-key");
        assert_eq!(
            support::mode(&spec.join(&name)),
            if is_secret { 0o600 } else { 0o644 },
            "{name}"
        );
    }
    let world = World {
        text: fs::read_to_string(spec.join("cluster.toml")).expect("cluster.toml"),
        told: said(&done),
        at: at.iter().map(|one| (*one).to_owned()).collect(),
        _folder: folder,
        spec,
        out,
    };
    world.keeps_what_must_not_change(&before);
    world
}

/// Every certificate in files of PEM.
fn certificates<'f>(files: impl IntoIterator<Item = (&'f String, &'f Vec<u8>)>) -> Vec<Certificate> {
    let items = files.into_iter().flat_map(|(_, bytes)| items(bytes));
    items.filter_map(|item| item.certificate().cloned()).collect()
}

impl World {
    /// Certificates of programs that were signed before are believed by whoever has the new bundles.
    fn keeps_what_must_not_change(&self, before: &[BTreeMap<String, Vec<u8>>]) {
        let old = certificates(before.iter().flatten());
        let new = certificates(&files_below(&self.out));
        let (authorities, leaves): (Vec<_>, Vec<_>) = old.iter().partition(|one| one.authority);
        let mut judged = 0;
        for leaf in leaves {
            let signs = |one: &&&Certificate| leaf.names_as_issuer(one) && leaf.is_signed_by(one);
            if authorities.iter().any(|one| signs(&one)) {
                let trusted: Vec<&Certificate> = new.iter().filter(|one| one.authority).collect();
                assert!(
                    trusted.iter().any(|one| signs(&one)),
                    "{} is trusted no more",
                    leaf.subject
                );
                judged += 1;
            }
        }
        assert!(judged > 2, "{judged} certificates were there to be judged");
    }

    /// The names of a certificate on a host, or on any host where `host` is empty.
    fn names(&self, path_ends: &str) -> BTreeSet<String> {
        let files = files_below(&self.out);
        let found = files
            .iter()
            .filter(|(path, _)| path.ends_with(path_ends) && path.contains("/rootfs/"));
        let all = certificates(found);
        assert!(!all.is_empty(), "there is no {path_ends}");
        all.iter().flat_map(names_of).collect()
    }

    /// What `verify NEW --beside OLD` says is not of two that do not know each other.
    fn runs_beside(&self, old: &Path) {
        let verified = run(khw_gen()
            .arg("verify")
            .arg(&self.out)
            .arg("--beside")
            .arg(old)
            .args(&self.at));
        let text = said(&verified);
        for code in [
            "untrusted-certificate",
            "address-not-covered",
            "service-account-keys-disagree",
            "encryption-disagrees",
            "bad-chain",
        ] {
            assert!(!text.contains(&format!("[{code}]")), "{text}");
        }
        assert!(matches!(verified.status.code(), Some(0 | 1)), "{text}");
    }

    fn says(&self, line: &str) {
        assert!(self.text.contains(line), "cluster.toml lacks {line:?}:\n{}", self.text);
    }

    fn told(&self, text: &str) {
        assert!(self.told.contains(text), "{text:?} is not told:\n{}", self.told);
    }

    /// What differs from what runs, in the words of `diff`.
    fn diff(&self, old: &Path) -> String {
        let output = run(khw_gen().arg("diff").arg(old).arg(&self.out));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
        said(&output)
    }
}

fn names_of(certificate: &Certificate) -> Vec<String> {
    let ips = certificate.ips.iter().map(ToString::to_string);
    certificate.dns.iter().cloned().chain(ips).collect()
}

/// The public halves of the keys in a file.
fn public_keys(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    items(&bytes)
        .iter()
        .filter_map(|item: &Item| item.public_key().map(<[u8]>::to_vec))
        .collect()
}
