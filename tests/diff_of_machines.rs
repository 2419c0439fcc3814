//! `diff` from machines that others have set up, or copies of their files, to bundles: what is there is read as it is, whoever made it, and
//! nothing is stopped or removed that goes on.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Spec, files_below, khw_gen, must, run, said};
use tempfile::TempDir;

/// A control plane and a worker, built, and their files as machines have them.
struct World {
    folder: TempDir,
    spec: Spec,
}

impl World {
    fn new() -> World {
        let hosts = ["m1 10.0.0.11 control-plane etcd", "n1 10.0.0.21 worker"];
        let spec = Spec::new(
            &hosts,
            "layout = \"split\"\n[cluster]\nname = \"pair\"\nstate = \"running\"\n",
        )
        .with_ecdsa_keys();
        let world = World {
            folder: TempDir::new().expect("a folder"),
            spec,
        };
        must(
            khw_gen()
                .args(["build", "-q"])
                .arg(world.spec.path())
                .arg("-o")
                .arg(world.out()),
        );
        fs::create_dir(world.machines()).expect("a folder");
        for host in ["m1", "n1"] {
            let tree = world.out().join(host).join("rootfs");
            must(Command::new("cp").arg("-a").arg(tree).arg(world.machine(host)));
        }
        world
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn machines(&self) -> PathBuf {
        self.folder.path().join("machines")
    }

    fn machine(&self, host: &str) -> PathBuf {
        self.machines().join(host)
    }

    fn unit(&self, host: &str, name: &str) -> PathBuf {
        self.machine(host).join(format!("etc/systemd/system/{name}.service"))
    }

    /// What `diff` prints of the machines and the bundles, and its exit code.
    fn diff(&self) -> (String, Option<i32>) {
        let output = run(khw_gen().arg("diff").arg(self.machines()).arg(self.out()));
        (said(&output), output.status.code())
    }

    fn differs(&self) -> String {
        let (text, code) = self.diff();
        assert_eq!(code, Some(1), "{text}");
        text
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("the file");
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a text");
    assert!(text.contains(from), "{} holds no {from:?}: {text}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("the text");
}

#[test]
fn a_copy_that_nobody_else_reads_shows_its_flags_all_the_same() {
    let world = World::new();
    edit(
        &world.unit("m1", "kube-apiserver"),
        "ExecStart=/usr/local/bin/kube-apiserver",
        "ExecStart=/usr/local/bin/kube-apiserver --goaway-chance=0.001",
    );
    for (path, _) in files_below(&world.machines()) {
        let path = world.machines().join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    let told = world.differs();
    assert!(
        told.contains("--goaway-chance - 0.001") && !told.contains("secret file"),
        "{told}"
    );
    // Nor do modes of a copy say anything.
    assert!(
        !told.contains("mode 0600") && told.lines().filter(|line| line.starts_with("  ~ ")).count() == 1,
        "{told}"
    );
}

#[test]
fn flags_in_a_file_of_variables_are_the_units() {
    let world = World::new();
    let unit = world.unit("m1", "kube-apiserver");
    let text = fs::read_to_string(&unit).expect("a unit");
    let (before, rest) = text
        .split_once("ExecStart=/usr/local/bin/kube-apiserver")
        .expect("a command");
    let (flags, after) = rest.split_once("\nRestart").expect("more");
    let options = flags.replace("\\\n", " ").replace(
        "--allow-privileged=true",
        "--allow-privileged=true --goaway-chance=0.001",
    );
    write(
        &world.machine("m1").join("etc/kubernetes/apiserver.env"),
        &format!("OPTS=\"{}\"\n", options.trim()),
    );
    write(
        &unit,
        &format!(
            "{before}EnvironmentFile=/etc/kubernetes/apiserver.env\nExecStart=/usr/local/bin/kube-apiserver $OPTS\nRestart{after}"
        ),
    );
    let told = world.differs();
    let flags: Vec<&str> = told
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("--"))
        .collect();
    assert_eq!(flags, ["--goaway-chance - 0.001"], "{told}");
    // Of a file that is somebody's alone nothing is shown, nor is there any guess.
    let variables = world.machine("m1").join("etc/kubernetes/apiserver.env");
    fs::set_permissions(&variables, fs::Permissions::from_mode(0o600)).expect("a mode");
    assert!(!world.differs().contains("0.001"));
    // So by a name that systemd resolves, and where a drop-in names it.
    let text = fs::read_to_string(&unit).expect("a unit");
    let resolved = variables.with_file_name("kube-apiserver.env");
    fs::rename(&variables, &resolved).expect("a file");
    fs::write(&unit, text.replace("apiserver.env", "%p.env")).expect("the unit");
    assert!(!world.differs().contains("0.001"));
    fs::write(
        &unit,
        text.replace("=/etc/kubernetes/apiserver.env", "=-/etc/default/none"),
    )
    .expect("the unit");
    let drop_in = unit.with_file_name("kube-apiserver.service.d").join("own.conf");
    write(
        &drop_in,
        "[Service]\nEnvironmentFile=/etc/kubernetes/kube-apiserver.env\n",
    );
    assert!(!world.differs().contains("0.001"));
}

#[test]
fn a_unit_that_somebody_brought_for_a_packages_program_goes_on() {
    let world = World::new();
    write(
        &world.unit("n1", "containerd"),
        "[Service]\nExecStart=/bin/containerd\n[Install]\nWantedBy=multi-user.target\n",
    );
    edit(
        &world.machine("n1").join("etc/containerd/config.toml"),
        "config_path",
        "# config_path",
    );
    let told = world.differs();
    assert!(told.contains("systemctl restart containerd"), "{told}");
    assert!(
        !told.contains("disable --now containerd") && !told.contains("containerd.service unit"),
        "{told}"
    );
}

#[test]
fn a_kubelets_link_to_its_newest_certificate_is_read() {
    let world = World::new();
    let pki = world.machine("n1").join("var/lib/kubelet/pki");
    let key = world.machine("n1").join("var/lib/kubelet");
    let pem = files_below(&key)
        .into_iter()
        .find(|(path, _)| path.ends_with("-key.pem"))
        .expect("a key")
        .1;
    fs::create_dir_all(&pki).expect("the folder");
    fs::write(pki.join("kubelet-client-2026-11-30-06-46-11.pem"), &pem).expect("a file");
    symlink(
        "/var/lib/kubelet/pki/kubelet-client-2026-11-30-06-46-11.pem",
        pki.join("kubelet-client-current.pem"),
    )
    .expect("a link");
    let unit = world.unit("n1", "kubelet");
    edit(
        &unit,
        "/usr/local/bin/kubelet",
        "/usr/local/bin/kubelet --bootstrap-kubeconfig=/var/lib/kubelet/pki/kubelet-client-current.pem",
    );
    let told = world.differs();
    assert!(!told.contains("can't be read"), "{told}");
    // Any other link is no file of anybody's.
    fs::remove_file(pki.join("kubelet-client-current.pem")).expect("no link");
    symlink("/etc/shadow", pki.join("kubelet-client-current.pem")).expect("a link");
    let (told, code) = world.diff();
    assert!(
        code == Some(2) && told.contains("can't be read: it is a symbolic link"),
        "{told}"
    );
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: NAME\n  namespace: kube-system\nspec:\n  hostNetwork: true\n  containers:\n  - name: NAME\n";

#[test]
fn pods_of_a_whole_machine_are_seen_and_those_that_nothing_replaces_are_named() {
    let world = World::new();
    let machine = world.machine("m1");
    // What has programs is a whole machine, of which some places are looked at.
    write(
        &machine.join("usr/lib/systemd/system/kubelet.service"),
        "[Service]\nExecStart=/usr/bin/kubelet\n",
    );
    let manifests = machine.join("etc/kubernetes/manifests");
    let pod = |name: &str, more: &str| {
        write(
            &manifests.join(format!("{name}.yaml")),
            &(POD.replace("NAME", name) + more),
        )
    };
    pod("etcd", "    command: [etcd, --name=m1, --data-dir=/var/lib/etcd]\n");
    pod(
        "kube-vip",
        "    image: ghcr.io/kube-vip/kube-vip:v1.0.2\n    args: [manager]\n",
    );
    fs::remove_file(world.unit("m1", "etcd")).expect("no unit");
    let told = world.differs();
    assert!(
        told.contains("mv /etc/kubernetes/manifests/etcd.yaml /root/manifests-before/")
            && told.contains("pgrep -f '^(/[a-z/-]*/)?etcd '"),
        "{told}"
    );
    // What an image starts by another program is its pod all the same.
    pod(
        "kube-scheduler",
        "    command: [/go-runner, --also-stdout=false, kube-scheduler, --v=2]\n",
    );
    let scheduler = fs::read(world.unit("m1", "kube-scheduler")).expect("a unit");
    fs::remove_file(world.unit("m1", "kube-scheduler")).expect("no unit");
    assert!(
        world
            .differs()
            .contains("mv /etc/kubernetes/manifests/kube-scheduler.yaml /root/manifests-before/")
    );
    fs::write(world.unit("m1", "kube-scheduler"), scheduler).expect("a unit");
    fs::remove_file(manifests.join("kube-scheduler.yaml")).expect("no pod");
    // Where no load balancer comes, nothing starts in the place of one that a pod runs.
    pod("haproxy", "    image: haproxy:3.2\n");
    write(&machine.join("etc/haproxy/haproxy.cfg"), "defaults\n    mode tcp\n");
    let told = world.differs();
    assert!(
        !told.contains("enable haproxy") && !told.contains("restart haproxy"),
        "{told}"
    );
    fs::remove_file(manifests.join("haproxy.yaml")).expect("no pod");
    fs::remove_file(machine.join("etc/haproxy/haproxy.cfg")).expect("no file");
    // It is no node: no kubelet of the bundle ends pods there.
    assert!(!told.contains("kube-vip"), "{told}");
    let node = world.machine("n1").join("etc/kubernetes/manifests/kube-vip.yaml");
    write(
        &node,
        &(POD.replace("NAME", "kube-vip") + "    image: ghcr.io/kube-vip/kube-vip:v1.0.2\n"),
    );
    let told = world.differs();
    let line = told.lines().find(|line| line.contains("kube-vip")).expect("a line");
    assert!(
        line.contains("n1: the kubelet that comes reads no manifests of pods, and ends those of /etc/kubernetes/manifests/kube-vip.yaml"),
        "{told}"
    );
    // As the words have it.
    let topology = fs::read_to_string(world.spec.path()).expect("a topology");
    fs::write(
        world.spec.path(),
        topology + "\n[components.kubelet.config]\nstaticPodPath = \"/etc/kubernetes/manifests\"\n",
    )
    .expect("the topology");
    must(
        khw_gen()
            .args(["build", "-q"])
            .arg(world.spec.path())
            .arg("-o")
            .arg(world.out()),
    );
    assert!(!world.differs().contains("ends those of"));
}

#[test]
fn etcd_is_asked_as_it_is_before_its_turn() {
    let world = World::new();
    let unit = world.unit("m1", "etcd");
    let text = fs::read_to_string(&unit).expect("a unit");
    let is_of_tls = |line: &&str| {
        ["cert", "key-file", "trusted-ca"]
            .iter()
            .any(|word| line.contains(word))
    };
    let plain: Vec<&str> = text.lines().filter(|line| !is_of_tls(line)).collect();
    fs::write(&unit, plain.join("\n").replace("https://", "http://") + "\n").expect("the unit");
    let told = world.differs();
    let asked = told
        .lines()
        .find(|line| line.contains("etcdctl member update"))
        .expect("a step");
    assert!(
        asked.contains("export ETCDCTL_ENDPOINTS=http://127.0.0.1:2379; until etcdctl member list"),
        "{told}"
    );
    let waits = told
        .lines()
        .find(|line| line.contains("systemctl restart etcd"))
        .expect("a step");
    assert!(
        waits.contains("ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT="),
        "{told}"
    );
}
