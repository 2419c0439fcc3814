//! A folder of certificates alone, which tells little: what follows from it is right, what does not is taken for granted and said, and
//! whoever is refused can do something about it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::maker::{AT, KeyForm, Maker, Pair, kubeconfig, lay, put};
use crate::support::{khw_gen, program, run, said};
use crate::{adopt, adopted};

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

impl Folder {
    /// A node's kubeconfig, which says where the API is reached.
    fn leads_to(&self, server: &str) {
        let pair = |name: &str| self.certs().join(name);
        let client = Pair {
            certificate: pair("worker-0.pem"),
            key: pair("worker-0-key.pem"),
        };
        let path = pair("worker-0.kubeconfig");
        kubeconfig(&path, "c", server, &self.ca.certificate, "worker-0", &client);
    }

    /// Machines' trees beside the folder, with one more in it that runs etcd and an API server.
    fn machine(&self, machine: &str, ip: &str) -> PathBuf {
        let machines = self.folder.path().join("machines");
        let root = machines.join(machine);
        for name in ["ca", "ca-key", "kubernetes", "kubernetes-key", "service-account-key"] {
            let name = format!("{name}.pem");
            lay(&self.certs().join(&name), &root.join("etc/k").join(&name));
        }
        let units = root.join("etc/systemd/system");
        let api = format!(
            "[Service]\nExecStart=/usr/bin/kube-apiserver --client-ca-file=/etc/k/ca.pem --tls-cert-file=/etc/k/kubernetes.pem \
             --tls-private-key-file=/etc/k/kubernetes-key.pem --advertise-address={ip} --service-cluster-ip-range=10.32.0.0/24 \
             --service-account-signing-key-file=/etc/k/service-account-key.pem --etcd-servers=https://{ip}:2379\n"
        );
        put(&units.join("kube-apiserver.service"), &api);
        let etcd = format!(
            "[Service]\nExecStart=/usr/bin/etcd --name={machine} --initial-advertise-peer-urls=https://{ip}:2380 \
                    --cert-file=/etc/k/kubernetes.pem --trusted-ca-file=/etc/k/ca.pem\n"
        );
        put(&units.join("etcd.service"), &etcd);
        machines
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

/// Of three controllers and a load balancer, by addresses alone: the one that is out of the others' range is taken to lead to them.
#[test]
fn an_address_that_is_not_like_the_others_is_no_control_plane() {
    let test = "an_address_that_is_not_like_the_others_is_no_control_plane";
    if program("openssl", test).is_none() {
        return;
    }
    let controllers = "IP:10.240.0.10,IP:10.240.0.11,IP:10.240.0.12";
    let names = format!("{WALK_THROUGH},{controllers},IP:35.196.7.8");
    let certs = Folder::new(&names, "DNS:worker-0,IP:10.240.0.20");
    let world = adopted(&[&certs.certs()], &AT, &[]);
    world.says("# not told by anything; kubernetes.pem has 35.196.7.8 beside addresses of another kind");
    world.says("endpoint = \"35.196.7.8:6443\"");
    world.told("endpoint = \"35.196.7.8:6443\": kubernetes.pem has 35.196.7.8");
    assert_eq!(
        world.text.matches("roles = [\"control-plane\", \"etcd\"]").count(),
        3,
        "{}",
        world.text
    );
    assert!(
        world
            .names("master3/rootfs/var/lib/kubernetes/kubernetes.pem")
            .contains("35.196.7.8")
    );
    assert!(said(&verified(&world.out)).contains("0 errors"));
    // A member of etcd is a machine, and what is none among members is not.
    let certs = Folder::new(
        &format!("{WALK_THROUGH},{controllers},IP:10.240.0.40"),
        "DNS:worker-0,IP:10.240.0.20",
    );
    certs.issue("etcd-server", "/CN=etcd-server", controllers);
    adopted(&[&certs.certs()], &AT, &[]).says("endpoint = \"10.240.0.40:6443\"");
    // Machines of which none has a kubeconfig: what is in their certificate and none of them.
    let names = format!("{WALK_THROUGH},IP:10.240.0.10,IP:10.240.0.11,IP:10.240.0.40");
    let certs = Folder::new(&names, "DNS:worker-0,IP:10.240.0.20");
    certs.machine("master1", "10.240.0.10");
    let machines = certs.machine("master2", "10.240.0.11");
    let world = adopted(&[&certs.certs(), &machines], &AT, &["--kubernetes", "1.34"]);
    world.says(
        "has 10.240.0.40, and no machine: taken to be what leads to all API servers\nendpoint = \"10.240.0.40:6443\"",
    );
    // Where all are alike, the first is somebody to begin with.
    let certs = Folder::new(
        &format!("{WALK_THROUGH},IP:10.240.0.10,IP:10.240.0.11"),
        "DNS:worker-0,IP:10.240.0.20",
    );
    let world = adopted(&[&certs.certs()], &AT, &[]);
    world.says(
        "nothing says what leads to them all: this is the first of them, master1, so that nothing goes on without it",
    );
    world.told("endpoint = \"10.240.0.10:6443\"");
    assert_eq!(
        world.text.matches("roles = [\"control-plane\", \"etcd\"]").count(),
        2,
        "{}",
        world.text
    );
}

/// As `openssl x509 -req -days 3653` makes both, in today's walk-through.
#[test]
fn certificates_that_live_as_long_as_their_authority_are_shortened_to_it() {
    let test = "certificates_that_live_as_long_as_their_authority_are_shortened_to_it";
    if program("openssl", test).is_none() {
        return;
    }
    const END: &str = "20450101000000Z";
    let controller = format!("{WALK_THROUGH},IP:10.240.0.10");
    for has_own_etcd in [false, true] {
        let certs = Folder::new(&controller, "DNS:worker-0,IP:10.240.0.20");
        let folder = certs.certs();
        let ca = certs
            .make
            .authority_until(&folder, "ca", "/O=Kubernetes/CN=Kubernetes", END);
        for (name, subject, names) in [
            ("kubernetes", "/O=Kubernetes/CN=kubernetes", controller.as_str()),
            (
                "worker-0",
                "/O=system:nodes/CN=system:node:worker-0",
                "DNS:worker-0,IP:10.240.0.20",
            ),
            ("admin", "/O=system:masters/CN=admin", ""),
            ("service-account", "/O=Kubernetes/CN=service-accounts", ""),
        ] {
            certs.make.issue_until(&ca, &folder, name, [subject, names], END);
        }
        if has_own_etcd {
            let etcd = certs.make.authority_until(&folder, "etcd-ca", "/CN=etcd-ca", END);
            let of = ["/CN=etcd-server", "IP:10.240.0.10,IP:127.0.0.1"];
            certs.make.issue_until(&etcd, &folder, "etcd-server", of, END);
        }
        let world = adopted(&[&folder], &AT, &[]);
        world.says("it lives no longer than its authority, which ends at 2045-01-01");
        assert!(said(&verified(&world.out)).contains("0 errors"));
    }
}

/// Today's walk-through has the names of a machine in the API server's certificate, and no address.
#[test]
fn names_alone_are_machines_to_be_given_their_addresses() {
    let test = "names_alone_are_machines_to_be_given_their_addresses";
    if program("openssl", test).is_none() {
        return;
    }
    let names = format!("{WALK_THROUGH},DNS:server.kubernetes.local,DNS:api-server.kubernetes.local");
    let certs = Folder::new(&names, "DNS:worker-0,IP:127.0.0.1");
    certs.leads_to("https://server.kubernetes.local:6443");
    let world = adopted(&[&certs.certs()], &AT, &[]);
    world.says("endpoint = \"server.kubernetes.local:6443\"");
    world.says("names = [\"api-server.kubernetes.local\"]");
    world.says("kubernetes.pem has names and no address of a machine: this is taken to run an API server; write a host for each that does\nname = \"server\"");
    assert_eq!(world.text.matches("[[hosts]]").count(), 2, "{}", world.text);
    assert!(said(&verified(&world.out)).contains("0 errors"));
    // Those with a number are several, and one of them is a node too.
    let names = format!("{WALK_THROUGH},DNS:worker-0.example.org,DNS:cp2,DNS:cp2.example.org,DNS:api.example.org");
    let world = adopted(&[&Folder::new(&names, "DNS:worker-0").certs()], &AT, &[]);
    world.says("name = \"cp2\"");
    world.says("roles = [\"control-plane\", \"etcd\", \"worker\"]");
    assert_eq!(world.text.matches("[[hosts]]").count(), 2, "{}", world.text);
    // Without any the hint says what helps, and that does.
    let certs = Folder::new(WALK_THROUGH, "DNS:worker-0,IP:10.240.0.20");
    let spec = certs.folder.path().join("spec");
    let told = said(&adopt(&[&certs.certs()], &spec, &AT));
    assert!(
        told.contains("[adopt-no-host]") && told.contains("khw-gen adopt CERTS machines -o DIR"),
        "{told}"
    );
    let world = adopted(
        &[&certs.certs(), &certs.machine("master1", "10.240.0.10")],
        &AT,
        &["--kubernetes", "1.34"],
    );
    world.says("name = \"master1\"");
}

/// A refusal is about what was given, and not about a file that nobody has.
#[test]
fn a_refusal_says_what_was_given_and_what_to_do() {
    let test = "a_refusal_says_what_was_given_and_what_to_do";
    if program("openssl", test).is_none() {
        return;
    }
    let controller = format!("{WALK_THROUGH},IP:10.240.0.10");
    let refused = |certs: &Folder| {
        let spec = certs.folder.path().join("spec");
        let done = adopt(&[&certs.certs()], &spec, &AT);
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        assert!(!spec.exists());
        let told = said(&done);
        // No place, since it would be in a file that is not there.
        assert!(!told.contains("-->") && !told.contains("not written"), "{told}");
        told
    };
    // The address of a node lies among those of services.
    let told = refused(&Folder::new(&controller, "DNS:worker-0,IP:10.32.0.21"));
    assert!(
        told.contains("(there would be `ip = \"10.32.0.21\"`, told by: worker-0.pem)")
            && told.contains("certs machines -o DIR"),
        "{told}"
    );
    // A signing configuration that makes certificates which nobody accepts.
    let certs = Folder::new(&controller, "DNS:worker-0,IP:10.240.0.20");
    put(
        &certs.certs().join("ca-config.json"),
        "{\"signing\": {\"profiles\": {\"kubernetes\": {\"usages\": [\"no such\"], \"expiry\": \"8760h\"}}}}",
    );
    let told = refused(&certs);
    assert!(
        told.contains("put it right in a copy of what is given (ca-config.json), or leave that file out there"),
        "{told}"
    );
}

/// Secrets that are encrypted with a key which is not here could not be read: that is no small print.
#[test]
fn a_lack_of_encryption_is_told_with_what_it_would_do() {
    let test = "a_lack_of_encryption_is_told_with_what_it_would_do";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Folder::new(&format!("{WALK_THROUGH},IP:10.240.0.10"), "DNS:worker-0,IP:10.240.0.20");
    let lacks = "Secrets that are encrypted already could not be read after the first build";
    let world = adopted(&[&certs.certs()], &AT, &[]);
    world.says(lacks);
    world.told(lacks);
    world.told("copy the file that --encryption-provider-config of the API servers names");
    // A unit without the flag tells that nothing is encrypted.
    let world = adopted(
        &[&certs.certs(), &certs.machine("master1", "10.240.0.10")],
        &AT,
        &["--kubernetes", "1.34"],
    );
    assert!(!world.text.contains(lacks), "{}", world.text);
}

/// What is to be done next is a list of commands that work, for machines and for a folder of certificates.
#[test]
fn what_comes_next_can_be_done() {
    let test = "what_comes_next_can_be_done";
    if program("openssl", test).is_none() {
        return;
    }
    let certs = Folder::new(&format!("{WALK_THROUGH},IP:10.240.0.10"), "DNS:worker-0,IP:10.240.0.20");
    certs.machine("master1", "10.240.0.10");
    let at = certs.folder.path();
    for (given, compares) in [
        (vec!["certs"], "verify out --beside certs"),
        (vec!["machines"], "diff machines out"),
        (vec!["certs", "machines"], "diff machines out"),
    ] {
        let mut command = khw_gen();
        command
            .current_dir(at)
            .arg("adopt")
            .args(&given)
            .args(AT)
            .args(["-o", "spec"]);
        let done = run(&mut command);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        let told = said(&done);
        let next = told.split("Next: ").nth(1).expect("what comes next");
        let commands: Vec<&str> = next.trim().trim_end_matches('.').split("khw-gen ").skip(1).collect();
        assert_eq!(commands.last(), Some(&compares), "{told}");
        for line in commands {
            let line = line.trim_end_matches(", and ");
            let done = run(khw_gen().current_dir(at).args(line.split(' ')));
            let text = said(&done);
            assert!(
                matches!(done.status.code(), Some(0 | 1)) && !text.contains("error: "),
                "{line}: {text}"
            );
        }
        for made in ["spec", "out"] {
            fs::remove_dir_all(at.join(made)).expect("it was made");
        }
    }
}
