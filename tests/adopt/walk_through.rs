//! The walk-through, followed by hand with cfssl and kubectl: its folder of certificates alone, and as the machines that it leads to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use time::format_description::well_known::Rfc3339;

use crate::support::{files_below, must, program, project};
use crate::{World, adopted, certificates, names_of, public_keys};

fn script() -> Command {
    let mut command = Command::new("bash");
    command.arg(project().join("tests/verify/by_hand/walk_through.sh"));
    command
}

/// What cfssl and kubectl left when their answers were recorded.
fn recorded() -> PathBuf {
    project().join("tests/verify/by_hand/certs")
}

/// An instant at which everything of a folder is valid.
fn at(certs: &Path) -> [String; 2] {
    let ca = certificates(&files_below(certs))
        .into_iter()
        .find(|one| one.authority)
        .expect("an authority");
    let at = ca.not_before + time::Duration::days(1);
    ["--at".to_owned(), at.format(&Rfc3339).expect("an instant")]
}

fn machines(certs: &Path) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    must(script().arg("hosts").arg(certs).arg(folder.path()));
    folder
}

fn of(from: &Path, at: &[String; 2]) -> World {
    adopted(&[from], &[&at[0], &at[1]], &[])
}

/// The names that the walk-through's certificate for everything has.
fn names(certs: &Path) -> BTreeSet<String> {
    let bytes = fs::read(certs.join("kubernetes.pem")).expect("a certificate");
    certificates([(&String::new(), &bytes)])
        .iter()
        .flat_map(names_of)
        .collect()
}

fn same_keys(world: &World, certs: &Path) {
    let host = world.out.join("master1/rootfs/var/lib/kubernetes");
    assert_eq!(
        public_keys(&host.join("service-account-key.pem")),
        public_keys(&certs.join("service-account-key.pem"))
    );
    assert_eq!(
        public_keys(&host.join("ca-key.pem")),
        public_keys(&certs.join("ca-key.pem"))
    );
    let encryption = fs::read_to_string(host.join("encryption-config.yaml")).expect("a file");
    for line in [
        "- aescbc:",
        "- name: key1",
        "secret: L0KeMGR9dmgRvfzqkELizUkcTiUpqb8lqisyzYcGtIw=",
    ] {
        assert!(encryption.contains(line), "{encryption}");
    }
    let more = names(certs);
    let now = world.names("master1/rootfs/var/lib/kubernetes/kubernetes.pem");
    assert!(now.is_superset(&more), "{now:?} lacks some of {more:?}");
}

#[test]
fn the_folder_of_certificates_is_adopted() {
    let certs = recorded();
    let world = of(&certs, &at(&certs));
    same_keys(&world, &certs);
    for line in [
        "name = \"mycluster\"",
        "state = \"running\"",
        "endpoint = \"10.128.15.226:6443\"",
        "layout = \"single\"",
        "services = \"10.32.0.0/24\"",
        "name = \"master1\"\n# kubernetes.pem\nip = \"10.128.15.221\"\nroles = [\"control-plane\", \"etcd\"]",
        "name = \"lb\"\n# kubernetes.pem\nip = \"10.128.15.226\"\nroles = [\"load-balancer\"]",
        "name = \"node2\"\n# node2.pem\nip = \"10.128.15.224\"\nroles = [\"worker\"]",
        "# not told by anything; the newest that is known: write what runs\nkubernetes = ",
    ] {
        world.says(line);
    }
    world.told("Not told by anything");
    world.told("pods = \"10.200.0.0/16\"");
    // The requests are those that the certificates were made of.
    for name in ["admin", "kubernetes", "kube-proxy", "kube-scheduler", "node"] {
        let request = |folder: &Path| -> serde_json::Value {
            let text = fs::read_to_string(folder.join(format!("{name}-csr.json"))).expect("a request");
            serde_json::from_str(&text).expect("JSON")
        };
        assert_eq!(
            request(&world.spec.join("csr")),
            request(&project().join("specs/walkthrough/csr")),
            "{name}"
        );
    }
    assert!(!world.spec.join("csr/ca-csr.json").exists(), "nothing is made of it");
}

#[test]
fn the_machines_are_adopted() {
    let certs = recorded();
    let machines = machines(&certs);
    let world = of(machines.path(), &at(&certs));
    same_keys(&world, &certs);
    for line in [
        "/etc/systemd/system/kube-apiserver.service:31, --service-cluster-ip-range, and 1 more\nservices = \"10.32.0.0/24\"",
        "--cluster-cidr, and 3 more\npods = \"10.200.0.0/16\"",
        "dns = \"10.32.0.10\"",
        "kubernetes = \"1.14\"",
        "engine = \"docker\"",
        "runtime-config = \"api/all\"",
        "allow-privileged = true",
        "name = \"control\"",
        "roles = [\"admin\"]",
    ] {
        world.says(line);
    }
    // It listened at two ports.
    world.told("adopt-left-out");
    world.told("443 besides 6443");
    world.runs_beside(machines.path());
    let diff = world.diff(machines.path());
    for kept in [
        "--runtime-config",
        "--enable-admission-plugins",
        "--service-cluster-ip-range",
        "--kubelet-https",
        "--event-ttl",
    ] {
        assert!(!diff.contains(kept), "{kept} changes: {diff}");
    }
    assert!(diff.contains("same certificate authority key"), "{diff}");
}

/// The real programs leave what was recorded.
#[test]
fn what_the_real_cfssl_and_kubectl_make_is_adopted() {
    let test = "what_the_real_cfssl_and_kubectl_make_is_adopted";
    if ["cfssl", "cfssljson", "kubectl"]
        .iter()
        .any(|name| program(name, test).is_none())
    {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let certs = folder.path().join("certs");
    must(script().arg("certs").arg(&certs));
    let at = at(&certs);
    same_keys(&of(&certs, &at), &certs);
    let machines = machines(&certs);
    let world = of(machines.path(), &at);
    same_keys(&world, &certs);
    world.runs_beside(machines.path());
}

/// The page shows values as they stand in such files: of machines, and of a folder of certificates, which tells less.
#[test]
fn the_page_shows_what_is_written() {
    let certs = recorded();
    let at = at(&certs);
    let trees = machines(&certs);
    let written = [of(&certs, &at), of(trees.path(), &at)].map(|world| world.text);
    let shown = crate::support::examples::shown(crate::VALUES_ON_THE_PAGE, "toml");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.len() > 4, "{shown}");
    for pair in lines[1..].chunks(2) {
        let pair = pair.join("\n");
        assert!(written.iter().any(|text| text.contains(&pair)), "no file has {pair:?}");
    }
}

/// Whoever copies a machine calls the folder as he likes; what is compared afterwards goes by its name.
#[test]
fn a_folder_that_is_called_otherwise_is_told() {
    let certs = recorded();
    let trees = machines(&certs);
    let (folder, other) = (trees.path().join("node1"), trees.path().join("Worker_A"));
    fs::rename(&folder, &other).expect("a folder");
    let world = of(trees.path(), &at(&certs));
    world.told("[adopt-other-name]: Worker_A: its host is called `node1`");
    assert_eq!(world.told.matches("adopt-other-name").count(), 1, "{}", world.told);
    // What the hint says is enough.
    fs::rename(&other, &folder).expect("a folder");
    let diff = world.diff(trees.path());
    assert!(
        !diff.contains("no longer a host") && !diff.contains("switch it off"),
        "{diff}"
    );
}

/// What a unit is given besides the bundle is read by it afterwards too, and a header of a kubelet's may be a secret.
#[test]
fn what_new_units_name_stays_and_headers_stay_out() {
    let certs = recorded();
    let trees = machines(&certs);
    let unit = trees.path().join("master1/etc/systemd/system/kube-apiserver.service");
    let text = fs::read_to_string(&unit).expect("a unit");
    let flag = "  --audit-webhook-config-file=/etc/kubernetes/audit-webhook.yaml \\\n  --advertise-address";
    let changed = text.replacen("  --advertise-address", flag, 1);
    assert_ne!(text, changed);
    fs::write(&unit, changed).expect("a unit");
    let webhook = trees.path().join("master1/etc/kubernetes/audit-webhook.yaml");
    fs::create_dir_all(webhook.parent().expect("a parent")).expect("a folder");
    fs::write(&webhook, "apiVersion: v1\nkind: Config\n").expect("a file");
    let kubelet = trees.path().join("node1/var/lib/kubelet/kubelet-config.yaml");
    let text = fs::read_to_string(&kubelet).expect("a configuration");
    fs::write(
        &kubelet,
        text + "\nstaticPodURLHeader:\n  Authorization: [\"Bearer canary4711\"]\n",
    )
    .expect("a file");
    let world = of(trees.path(), &at(&certs));
    assert!(
        !world.text.contains("canary4711") && !world.told.contains("canary4711"),
        "{}",
        world.text
    );
    world.told("what may be a secret does not go into cluster.toml");
    world.says("audit-webhook-config-file = \"/etc/kubernetes/audit-webhook.yaml\"");
    let diff = world.diff(trees.path());
    let (_, after) = diff.split_once("Remove there").unwrap_or_default();
    assert!(!after.contains("audit-webhook.yaml"), "{diff}");
}

/// With `--config-file` etcd has its settings from the file, and they stay.
#[test]
fn the_settings_of_etcds_own_file_stay() {
    let certs = recorded();
    let trees = machines(&certs);
    let unit = trees.path().join("master1/etc/systemd/system/etcd.service");
    let text = fs::read_to_string(&unit).expect("a unit");
    let (before, flags) = text
        .split_once("ExecStart=/usr/local/bin/etcd")
        .expect("a command line");
    let (flags, after) = flags.split_once("--data-dir=/var/lib/etcd").expect("its last flag");
    // A flag and its value have a blank between in some lines.
    let flags: Vec<&str> = flags.split([' ', '\\', '\n']).filter(|word| !word.is_empty()).collect();
    let mut file = "data-dir: /srv/etcd\nsnapshot-count: 5000\n".to_owned();
    let (mut client, mut peer) = (String::new(), String::new());
    for word in flags.join(" ").split("--").filter(|flag| !flag.is_empty()) {
        let word = word.trim();
        let (name, value) = word.split_once(['=', ' ']).unwrap_or((word, "true"));
        match (name, name.strip_prefix("peer-")) {
            (_, Some(key)) => peer.push_str(&format!("  {key}: {value}\n")),
            ("cert-file" | "key-file" | "trusted-ca-file" | "client-cert-auth", _) => {
                client.push_str(&format!("  {name}: {value}\n"));
            }
            _ => file.push_str(&format!("{name}: {value}\n")),
        }
    }
    file.push_str(&format!(
        "client-transport-security:\n{client}peer-transport-security:\n{peer}"
    ));
    let changed = format!("{before}ExecStart=/usr/local/bin/etcd --config-file /etc/etcd/etcd.conf{after}");
    fs::write(&unit, changed).expect("a unit");
    let path = trees.path().join("master1/etc/etcd/etcd.conf");
    fs::write(&path, file).expect("a file");
    let world = of(trees.path(), &at(&certs));
    same_keys(&world, &certs);
    for line in [
        "etc/etcd/etcd.conf:1, data-dir",
        "data-dir = \"/srv/etcd\"",
        "snapshot-count = \"5000\"",
    ] {
        world.says(line);
    }
    // Without the file nothing is known of it, and that is said.
    fs::remove_file(&path).expect("a file");
    let world = of(trees.path(), &at(&certs));
    world.told("/etc/etcd/etcd.conf is not among the files");
}
