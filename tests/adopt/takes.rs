//! What clusters that people and installers have made look like, besides what guides show: each is taken, or refused with what is so.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::maker::{AT, KeyForm, Maker, Pair, kubeconfig, lay, put};
use crate::support::{khw_gen, program, run, said};
use crate::{adopt, adopted};

/// What the certificate of the API server has anyway.
const NAMES: &str =
    "DNS:kubernetes.default,DNS:kubernetes.default.svc.cluster.local,IP:10.32.0.1,IP:10.0.0.11,IP:127.0.0.1";
const UNITS: &str = "etc/systemd/system";
const KUBELET_CONFIG: &str = "var/lib/kubelet/kubelet-config.yaml";

/// A control plane and a worker whose units have their flags themselves.
struct Machines {
    folder: TempDir,
    make: Maker,
    ca: Pair,
}

impl Machines {
    fn new(more_names: &str) -> Machines {
        let folder = TempDir::new().expect("a folder");
        let make = Maker::new(KeyForm::EcPkcs8, |name| {
            (format!("{name}.pem"), format!("{name}-key.pem"))
        });
        let made = folder.path().join("made");
        let ca = make.authority(&made, "ca", "/CN=Kubernetes");
        make.issue(
            &ca,
            &made,
            "kubernetes",
            "/CN=kubernetes",
            &format!("{NAMES}{more_names}"),
        );
        make.issue(&ca, &made, "service-account", "/CN=service-accounts", "");
        let machines = Machines { folder, make, ca };
        for name in [
            "ca",
            "ca-key",
            "kubernetes",
            "kubernetes-key",
            "service-account",
            "service-account-key",
        ] {
            machines.lay("m1", name);
        }
        machines.unit(
            "m1",
            "etcd",
            "--name=m1 --initial-advertise-peer-urls=https://10.0.0.11:2380 --cert-file=/etc/k/kubernetes.pem --trusted-ca-file=/etc/k/ca.pem",
        );
        machines.unit(
            "m1",
            "kube-apiserver",
            "--advertise-address=10.0.0.11 --client-ca-file=/etc/k/ca.pem --tls-cert-file=/etc/k/kubernetes.pem --event-ttl=3h \
             --service-cluster-ip-range=10.32.0.0/24 --service-account-signing-key-file=/etc/k/service-account-key.pem \
             --etcd-servers=https://10.0.0.11:2379",
        );
        let of_node = "/O=system:nodes/CN=system:node:w1";
        let node = machines
            .make
            .issue(&machines.ca, &made, "w1", of_node, "DNS:w1,IP:10.0.0.21");
        for name in ["ca", "w1", "w1-key"] {
            machines.lay("w1", name);
        }
        machines.leads_to("https://10.0.0.11:6443", &node);
        machines.put(
            "w1",
            KUBELET_CONFIG,
            "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nauthentication:\n  x509:\n    clientCAFile: /etc/k/ca.pem\n\
             clusterDNS: [10.32.0.10]\nclusterDomain: cluster.local\ntlsCertFile: /etc/k/w1.pem\ntlsPrivateKeyFile: /etc/k/w1-key.pem\n",
        );
        machines.kubelet("");
        machines
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("machines")
    }

    fn put(&self, machine: &str, path: &str, text: &str) {
        put(&self.root().join(machine).join(path), text);
    }

    fn text(&self, machine: &str, path: &str) -> String {
        fs::read_to_string(self.root().join(machine).join(path)).expect("a file")
    }

    fn lay(&self, machine: &str, name: &str) {
        let name = format!("{name}.pem");
        let made = self.folder.path().join("made").join(&name);
        lay(&made, &self.root().join(machine).join("etc/k").join(&name));
    }

    fn unit(&self, machine: &str, program: &str, flags: &str) {
        let text = format!("[Service]\nExecStart=/usr/bin/{program} {flags}\n");
        self.put(machine, &format!("{UNITS}/{program}.service"), &text);
    }

    fn kubelet(&self, flags: &str) {
        let own = "--config=/var/lib/kubelet/kubelet-config.yaml --kubeconfig=/var/lib/kubelet/kubeconfig --node-ip=10.0.0.21";
        self.unit("w1", "kubelet", &format!("{own} {flags}"));
    }

    fn leads_to(&self, server: &str, node: &Pair) {
        let path = self.root().join("w1/var/lib/kubelet/kubeconfig");
        kubeconfig(&path, "c", server, &self.ca.certificate, "system:node:w1", node);
    }

    /// Moves a file of a machine.
    fn moved(&self, machine: &str, from: &str, to: &str) {
        let text = self.text(machine, from);
        fs::remove_file(self.root().join(machine).join(from)).expect("it was there");
        self.put(machine, to, &text);
    }

    fn adopted(&self) -> crate::World {
        adopted(&[&self.root()], &AT, &["--kubernetes", "1.34"])
    }

    fn refused(&self) -> String {
        let spec = self.folder.path().join("spec");
        let done = adopt(&[&self.root()], &spec, &AT);
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        assert!(!spec.exists());
        said(&done)
    }
}

/// The machines, where there is a program to make certificates with.
fn machines(test: &str, more_names: &str) -> Option<Machines> {
    program("openssl", test)?;
    Some(Machines::new(more_names))
}

/// What packages bring is found in whole machines too, with the files that it names; an administrator's units count before it.
#[test]
fn units_of_packages_are_read() {
    let Some(trees) = machines("units_of_packages_are_read", "") else {
        return;
    };
    for (folder, program, machine) in [
        ("usr/lib/systemd/system", "kube-apiserver", "m1"),
        ("usr/local/lib/systemd/system", "etcd", "m1"),
        ("lib/systemd/system", "kubelet", "w1"),
    ] {
        let unit = format!("{program}.service");
        trees.moved(machine, &format!("{UNITS}/{unit}"), &format!("{folder}/{unit}"));
    }
    // What makes folders machines, of which only some places are looked at.
    for machine in ["m1", "w1"] {
        trees.put(machine, "usr/bin/kubelet", "");
    }
    // Flags in a file of variables that is called as nobody else calls one, and a drop-in.
    let unit = "usr/lib/systemd/system/kube-apiserver.service";
    let text = trees.text("m1", unit);
    let flags = text.split_once("kube-apiserver ").expect("flags").1;
    trees.put(
        "m1",
        "opt/kubernetes/cfg/kube-apiserver.conf",
        &format!("OPTS=\"{}\"\n", flags.trim()),
    );
    trees.put("m1", unit, "[Service]\nEnvironmentFile=-/opt/kubernetes/cfg/kube-apiserver.conf\nExecStart=/opt/bin/kube-apiserver $OPTS\n");
    trees.put(
        "w1",
        "lib/systemd/system/kubelet.service.d/10-more.conf",
        "[Service]\nEnvironment=MORE=--v=7\n",
    );
    let kubelet = trees.text("w1", "lib/systemd/system/kubelet.service");
    trees.put(
        "w1",
        "lib/systemd/system/kubelet.service",
        &kubelet.replace(" --node-ip", " $MORE --node-ip"),
    );
    // The key of the authority is named by nothing.
    let world = trees.adopted();
    for line in [
        "services = \"10.32.0.0/24\"",
        "# m1: /opt/kubernetes/cfg/kube-apiserver.conf:1, --event-ttl\nevent-ttl = \"3h\"",
        "v = \"7\"",
        "key = \"keys/ca-key.pem\"",
    ] {
        world.says(line);
    }
    assert!(
        !world.told.contains("not-copied") && !world.told.contains("unreadable"),
        "{}",
        world.told
    );
    trees.unit(
        "w1",
        "kubelet",
        "--config=/var/lib/kubelet/kubelet-config.yaml --kubeconfig=/var/lib/kubelet/kubeconfig --v=3",
    );
    trees.adopted().says("v = \"3\"");
}

/// Without the unit of its package, what kubeadm's kubelet is given is in the files that that unit names.
#[test]
fn flags_of_a_kubelet_without_its_unit_are_read() {
    let Some(trees) = machines("flags_of_a_kubelet_without_its_unit_are_read", "") else {
        return;
    };
    fs::remove_file(trees.root().join("w1").join(UNITS).join("kubelet.service")).expect("it was there");
    trees.moved("w1", KUBELET_CONFIG, "var/lib/kubelet/config.yaml");
    trees.moved("w1", "var/lib/kubelet/kubeconfig", "etc/kubernetes/kubelet.conf");
    trees.put(
        "w1",
        "var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--v=3\"\n",
    );
    trees.put("w1", "etc/default/kubelet", "KUBELET_EXTRA_ARGS=--max-pods=77\n");
    let world = trees.adopted();
    world.says("# w1: /etc/default/kubelet:1, --max-pods\nmax-pods = \"77\"");
    world.says("v = \"3\"");
}

/// Names that new certificates can't have are left out, each with the reason, and capitals are no others.
#[test]
fn names_that_cannot_be_are_left_out() {
    let test = "names_that_cannot_be_are_left_out";
    let more = ",DNS:w1,IP:10.0.0.21,IP:0:0:0:0:0:0:0:1,IP:169.254.7.7,IP:0.0.0.0,DNS:API.Example.org,DNS:api.example.org,IP:10.0.0.99";
    let Some(trees) = machines(test, more) else { return };
    let world = trees.adopted();
    world.says("names = [\"10.0.0.99\", \"api.example.org\"]");
    for why in [
        "\"w1\" belongs to the worker w1",
        "\"10.0.0.21\" belongs to the worker w1",
        "\"::1\" can't be a name of the API server: it is a loopback address",
        "\"169.254.7.7\" can't be a name",
        "\"0.0.0.0\" can't be a name",
    ] {
        let told = format!("adopt-left-out]: m1: /etc/systemd/system/kube-apiserver.service:2, --tls-cert-file: {why}");
        assert_eq!(world.told.matches(&told).count(), 1, "{told}:\n{}", world.told);
    }
}

/// Kubelets that ask a cache on their own node go on so, and the cluster's DNS is a service all the same.
#[test]
fn a_cache_of_dns_on_each_node_stays() {
    let Some(trees) = machines("a_cache_of_dns_on_each_node_stays", "") else {
        return;
    };
    let config = trees.text("w1", KUBELET_CONFIG);
    trees.put("w1", KUBELET_CONFIG, &config.replace("10.32.0.10", "169.254.25.10"));
    let world = trees.adopted();
    world.says("dns = \"10.32.0.10\"");
    world.says("clusterDNS = [\"169.254.25.10\"]");
    world.told("kubelets send pods to 169.254.25.10 (w1: /var/lib/kubelet/kubelet-config.yaml:6, clusterDNS)");
    let built = fs::read_to_string(world.out.join("w1/rootfs").join(KUBELET_CONFIG)).expect("a file");
    assert!(
        built.contains("- \"169.254.25.10\"") && !built.contains("10.32.0.10"),
        "{built}"
    );
    // As a flag likewise.
    trees.put("w1", KUBELET_CONFIG, &config);
    trees.kubelet("--cluster-dns=169.254.25.10");
    trees.adopted().says("clusterDNS = [\"169.254.25.10\"]");
}

/// Neither can be said in cluster.toml, and the refusal says so before anything else does.
#[test]
fn other_ports_and_addresses_for_names_are_refused_as_such() {
    let Some(trees) = machines("other_ports_and_addresses_for_names_are_refused_as_such", "") else {
        return;
    };
    let made = trees.folder.path().join("made");
    let node = Pair {
        certificate: made.join("w1.pem"),
        key: made.join("w1-key.pem"),
    };
    trees.leads_to("https://10.0.0.11:8443", &node);
    let told = trees.refused();
    assert!(
        told.contains("adopt-other-port")
            && told.contains("which is m1 itself: API servers of khw-gen listen at 6443 alone"),
        "{told}"
    );
    assert!(!told.contains("bad-endpoint"), "{told}");
    trees.leads_to("https://10.0.0.11:6443", &node);
    trees.kubelet("--hostname-override=10.0.0.21");
    let told = trees.refused();
    assert!(
        told.contains("error[adopt-node-name]: a node has its address 10.0.0.21 for a name (w1: "),
        "{told}"
    );
    assert!(!told.contains("bad-host-name"), "{told}");
}

/// What a refusal says to do names no path twice, and takes nobody to put a signed certificate right.
#[test]
fn what_a_refusal_of_machines_says_to_do_can_be_done() {
    let Some(trees) = machines("what_a_refusal_of_machines_says_to_do_can_be_done", "") else {
        return;
    };
    trees.kubelet("--node-ip=10.32.0.21");
    let told = trees.refused();
    assert!(
        !told.contains("machines machines") && told.contains("leave the file out of the copy"),
        "{told}"
    );
}

/// A shell that becomes the program, and what images of Kubernetes start it with; a script is told.
#[test]
fn programs_that_others_start_are_found() {
    let Some(trees) = machines("programs_that_others_start_are_found", "") else {
        return;
    };
    let unit = format!("{UNITS}/kube-apiserver.service");
    let plain = trees.text("m1", &unit);
    let line = plain.trim_end().split_once("ExecStart=").expect("a command").1;
    trees.put(
        "m1",
        &unit,
        &format!("[Service]\nExecStart=/bin/bash -c 'exec {line} >> /var/log/api.log 2>&1'\n"),
    );
    trees.adopted().says("event-ttl = \"3h\"");
    // More than one command is not read, and said.
    trees.put(
        "m1",
        &unit,
        &format!("[Service]\nExecStart=/bin/sh -c 'sleep 1; exec {line}'\n"),
    );
    let told = trees.refused();
    assert!(
        told.contains("m1: /etc/systemd/system/kube-apiserver.service:2: it starts /bin/sh, and how that starts kube-apiserver is not read"),
        "{told}"
    );
    trees.put("m1", &unit, "[Service]\nExecStart=/usr/local/bin/start.sh\n");
    assert!(trees.refused().contains("it starts /usr/local/bin/start.sh"));
    // As kops has it.
    fs::remove_file(trees.root().join("m1").join(&unit)).expect("it was there");
    let words: Vec<String> = line.split(' ').map(|word| format!("    - {word}\n")).collect();
    trees.put(
        "m1",
        "etc/kubernetes/manifests/kube-apiserver.yaml",
        &format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n  containers:\n  - name: kube-apiserver\n    image: \
             registry.k8s.io/kube-apiserver:v1.34.1\n    command:\n    - /go-runner\n    - --log-file=/var/log/api.log\n    - --also-stdout\n{}",
            words.concat()
        ),
    );
    trees.adopted().says("event-ttl = \"3h\"");
}

/// Kubernetes' programs take `_` for `-`, and so does whoever reads their flags.
#[test]
fn flags_with_underscores_are_those_with_hyphens() {
    let Some(trees) = machines("flags_with_underscores_are_those_with_hyphens", "") else {
        return;
    };
    let unit = format!("{UNITS}/kube-apiserver.service");
    let text = trees.text("m1", &unit);
    trees.put(
        "m1",
        &unit,
        &text
            .replace("--event-ttl", "--event_ttl")
            .replace("--service-cluster-ip-range", "--service_cluster_ip_range")
            .replace("--tls-cert-file", "--tls_cert_file"),
    );
    let world = trees.adopted();
    world.says(
        "# m1: /etc/systemd/system/kube-apiserver.service:2, --service-cluster-ip-range\nservices = \"10.32.0.0/24\"",
    );
    world.says("event-ttl = \"3h\"");
    assert!(!world.told.contains("adopt-left-out"), "{}", world.told);
    let diff = world.diff(&trees.root());
    assert!(!diff.contains("event_ttl") && !diff.contains("--event-ttl"), "{diff}");
}

/// What a flag says beside a file is kept as the flag, and a choice is no secret whatever it is called.
#[test]
fn flags_beside_files_and_choices_stay() {
    let Some(trees) = machines("flags_beside_files_and_choices_stay", "") else {
        return;
    };
    let config = trees.text("w1", KUBELET_CONFIG);
    let choice = "configMapAndSecretChangeDetectionStrategy: Get\n";
    trees.put("w1", KUBELET_CONFIG, &format!("{config}{choice}"));
    trees.kubelet("--max-pods=77");
    let world = trees.adopted();
    world.says("max-pods = \"77\"");
    world.says("configMapAndSecretChangeDetectionStrategy = \"Get\"");
    assert!(!world.told.contains("adopt-left-out"), "{}", world.told);
    let checked = said(&run(khw_gen().arg("check").arg(world.spec.join("cluster.toml"))));
    assert!(!checked.contains("readable-secret"), "{checked}");
}

/// Once for the unit, with all variables and the file that may set them.
#[test]
fn variables_without_values_are_told_once() {
    let Some(trees) = machines("variables_without_values_are_told_once", "") else {
        return;
    };
    trees.kubelet("$MORE $OTHER\nEnvironmentFile=-/etc/default/kubelet");
    let world = trees.adopted();
    world.told("w1: /etc/systemd/system/kubelet.service:2, $MORE, and $OTHER have no value here, and /etc/default/kubelet is not among the files");
    assert_eq!(world.told.matches("adopt-not-copied").count(), 1, "{}", world.told);
}

/// A kubelet signs its own certificate with an authority that nobody has the key of; another that nothing uses is told.
#[test]
fn the_authority_of_a_kubelets_own_certificate_is_no_stray() {
    let Some(trees) = machines("the_authority_of_a_kubelets_own_certificate_is_no_stray", "") else {
        return;
    };
    let own = trees.folder.path().join("own");
    let authority = trees.make.authority(&own, "ca", "/CN=w1-ca@1730000000");
    let leaf = trees
        .make
        .issue(&authority, &own, "kubelet", "/CN=w1@1730000000", "DNS:w1");
    let both = [&leaf.certificate, &authority.certificate].map(|path| fs::read_to_string(path).expect("PEM"));
    trees.put("w1", "var/lib/kubelet/pki/kubelet.crt", &both.concat());
    let told = || {
        let spec = TempDir::new().expect("a folder");
        let done = adopt(&[&trees.root()], &spec.path().join("spec"), &AT);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        said(&done)
    };
    assert!(!told().contains("adopt-stray"), "{}", told());
    trees.put("w1", "etc/k/old.crt", &both[1]);
    assert!(told().contains("w1-ca@1730000000\" is not kept"), "{}", told());
}

/// The key of the authority signs tokens: to take its section out would end every token.
#[test]
fn what_to_do_about_a_key_of_tokens_that_is_the_authoritys_can_be_done() {
    let test = "what_to_do_about_a_key_of_tokens_that_is_the_authoritys_can_be_done";
    let Some(trees) = machines(test, "") else { return };
    let unit = format!("{UNITS}/kube-apiserver.service");
    let text = trees.text("m1", &unit);
    trees.put("m1", &unit, &text.replace("service-account-key.pem", "ca-key.pem"));
    let world = trees.adopted();
    let file = world.spec.join("cluster.toml");
    let checked = said(&run(khw_gen().arg("check").arg(&file)));
    assert!(
        checked.contains("khw-gen rotate CLUSTER.TOML service-account -o DIR"),
        "{checked}"
    );
    let rotated = run(khw_gen()
        .arg("rotate")
        .arg(&file)
        .arg("service-account")
        .arg("-o")
        .arg(trees.folder.path().join("rotation")));
    assert_eq!(rotated.status.code(), Some(0), "{}", said(&rotated));
}

/// With trees that are given one by one, what comes next is a comparison of all of them.
#[test]
fn trees_that_are_given_one_by_one_are_compared_together() {
    let Some(trees) = machines("trees_that_are_given_one_by_one_are_compared_together", "") else {
        return;
    };
    let given = |paths: &[&Path]| {
        let spec = TempDir::new().expect("a folder");
        let mut command = khw_gen();
        command
            .current_dir(trees.folder.path())
            .arg("adopt")
            .args(paths)
            .args(AT);
        said(&run(command.arg("-o").arg(spec.path().join("spec"))))
    };
    let told = given(&[Path::new("machines/m1"), Path::new("machines/w1")]);
    assert!(told.contains("khw-gen diff machines out."), "{told}");
    fs::create_dir(trees.folder.path().join("more")).expect("a folder");
    fs::rename(trees.root().join("w1"), trees.folder.path().join("more/w1")).expect("a folder");
    let told = given(&[Path::new("machines/m1"), Path::new("more/w1")]);
    assert!(
        told.contains("side by side in one folder") && !told.contains("diff machines"),
        "{told}"
    );
}

/// A file that a kept flag names is not a bundle's, and that is said before `verify` finds it missing.
#[test]
fn a_file_that_no_bundle_brings_is_told() {
    let Some(trees) = machines("a_file_that_no_bundle_brings_is_told", "") else {
        return;
    };
    let unit = format!("{UNITS}/kube-apiserver.service");
    let text = trees.text("m1", &unit);
    trees.put(
        "m1",
        &unit,
        &text.replace(
            " --event-ttl",
            " --audit-webhook-config-file=/etc/k/hook.yaml --event-ttl",
        ),
    );
    trees.put("m1", "etc/k/hook.yaml", "apiVersion: v1\nkind: Config\n");
    trees.adopted().told("adopt-file-stays]: m1: /etc/systemd/system/kube-apiserver.service:2, --audit-webhook-config-file: /etc/k/hook.yaml stays");
}
