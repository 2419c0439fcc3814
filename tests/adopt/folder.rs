//! A folder of certificates alone, which tells little: what follows from it is right, what does not is taken for granted and said, and
//! whoever is refused can do something about it.

use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::adopted;
use crate::maker::{AT, KeyForm, Maker, Pair};
use crate::support::{khw_gen, program, run, said};

/// What Kubernetes The Hard Way gave its API server for names.
const WALK_THROUGH: &str = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster,\
                            DNS:kubernetes.svc.cluster.local,IP:10.32.0.1,IP:127.0.0.1";

/// Certificates of a cluster with a node whose names are `of_node`, and an API server with these.
struct Folder {
    folder: TempDir,
    make: Maker,
    ca: Pair,
}

impl Folder {
    fn new(of_api: &str, of_node: &str) -> Folder {
        let folder = TempDir::new().expect("a folder");
        let make = Maker::new(KeyForm::EcPkcs8, |name| {
            (format!("{name}.pem"), format!("{name}-key.pem"))
        });
        let ca = make.authority(&folder.path().join("certs"), "ca", "/O=Kubernetes/CN=Kubernetes");
        let made = Folder { folder, make, ca };
        made.issue("kubernetes", "/O=Kubernetes/CN=kubernetes", of_api);
        made.issue("worker-0", "/O=system:nodes/CN=system:node:worker-0", of_node);
        made.issue("admin", "/O=system:masters/CN=admin", "");
        made.issue("service-account", "/O=Kubernetes/CN=service-accounts", "");
        made
    }

    fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    fn issue(&self, name: &str, subject: &str, names: &str) -> Pair {
        self.make.issue(&self.ca, &self.certs(), name, subject, names)
    }
}

/// What `verify` says of an output at the instant of these tests.
fn verified(out: &Path) -> Output {
    run(khw_gen().arg("verify").arg(out).args(AT))
}

/// The walk-through misspells two names; in others the whole domain stands beside the one that is cut off.
#[test]
fn a_domain_that_is_cut_off_is_not_taken_for_the_domain() {
    let test = "a_domain_that_is_cut_off_is_not_taken_for_the_domain";
    if program("openssl", test).is_none() {
        return;
    }
    let whole = "DNS:kubernetes.default,DNS:kubernetes.default.svc.cluster,DNS:kubernetes.default.svc.cluster.local,IP:10.32.0.1";
    let own = "DNS:kubernetes.default,DNS:kubernetes.default.svc.corp.example,IP:10.32.0.1";
    for (names, domain, comment) in [
        (
            WALK_THROUGH,
            "cluster.local",
            "kubernetes.pem: kubernetes.svc.cluster.local ends with it, and kubernetes.default.svc.cluster beside it is cut off",
        ),
        (
            whole,
            "cluster.local",
            "kubernetes.pem: kubernetes.default.svc.cluster.local ends with it, and kubernetes.default.svc.cluster beside it is cut off",
        ),
        (own, "corp.example", "kubernetes.pem"),
    ] {
        let certs = Folder::new(&format!("{names},IP:10.240.0.10"), "DNS:worker-0,IP:10.240.0.20");
        let world = adopted(&[&certs.certs()], &AT, &[]);
        world.says(&format!("# {comment}\ndomain = \"{domain}\"\n"));
        assert!(!world.text.contains("\nnames = "), "{}", world.text);
        // Nobody asks for what is cut off or misspelt, which is said once.
        for name in ["kubernetes.default.svc.cluster", "kubernetes.svc.cluster.local"] {
            let is_there = names.split(',').any(|one| one == format!("DNS:{name}"));
            let told = format!("warning[adopt-left-out]: kubernetes.pem: {name:?} is ");
            assert_eq!(
                world.told.matches(&told).count(),
                usize::from(is_there),
                "{}",
                world.told
            );
        }
        let done = verified(&world.out);
        assert!(said(&done).contains("0 errors"), "{}", said(&done));
    }
}
