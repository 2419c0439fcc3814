//! Real programs judge the output: OpenSSL, kubectl, nginx, systemd, etcd, and a YAML reader.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{
    Spec, build, files_below, khw_gen, large_spec, must, namespaces, program, project, run, said, skip, walkthrough,
};
use tempfile::TempDir;

/// The bundles that the judges see: the walk-through and a larger cluster with ECDSA keys.
fn outputs() -> Vec<(TempDir, PathBuf)> {
    vec![build(&walkthrough()), build(&large_spec().path())]
}

/// Those, and others in the layout of today.
fn outputs_of_both_layouts() -> Vec<(TempDir, PathBuf)> {
    let spec = |name: &str| build(&project().join("specs").join(name).join("cluster.toml"));
    outputs()
        .into_iter()
        .chain([spec("dual-stack"), spec("single-node")])
        .collect()
}

fn rootfs(out: &Path) -> Vec<PathBuf> {
    let mut trees: Vec<PathBuf> = fs::read_dir(out)
        .expect("an output")
        .map(|host| host.expect("a host").path().join("rootfs"))
        .collect();
    trees.retain(|tree| tree.is_dir());
    trees.sort();
    trees
}

/// Every certificate that stands in a file of its own, with the CA of its host.
fn certificates(out: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for tree in rootfs(out) {
        let pems: Vec<PathBuf> = files_below(&tree)
            .into_keys()
            .filter(|name| name.ends_with(".pem") && !name.ends_with("-key.pem"))
            .map(|name| tree.join(name))
            .collect();
        let Some(ca) = pems.iter().find(|pem| pem.ends_with("ca.pem")).cloned() else {
            continue;
        };
        found.extend(pems.into_iter().map(|pem| (pem, ca.clone())));
    }
    assert!(found.len() > 10, "only {} certificates", found.len());
    found
}

/// An instant at which the certificates of the tests are valid, in seconds since 1970: 2026-06-01.
const AT: &str = "1780272000";

#[test]
fn openssl_verifies_every_chain_for_its_purpose() {
    let Some(openssl) = program("openssl", "OpenSSL verifies every chain") else {
        return;
    };
    let verify = |ca: &Path, purpose: &[&str], pem: &Path| {
        let mut command = Command::new(&openssl);
        command
            .args(["verify", "-x509_strict", "-attime", AT, "-CAfile"])
            .arg(ca)
            .args(purpose)
            .arg(pem);
        run(&mut command)
    };
    for (_folder, out) in outputs() {
        for (pem, ca) in certificates(&out) {
            let name = pem.file_stem().expect("a name").to_string_lossy().into_owned();
            let purposes: &[&str] = match name.as_str() {
                // Who signs is no client and no server, in whichever file.
                "ca" | "ca-signing" => &["any"],
                _ => &["sslclient", "sslserver"],
            };
            for purpose in purposes {
                let output = verify(&ca, &["-purpose", purpose], &pem);
                assert!(
                    output.status.success(),
                    "{} as {purpose}: {}",
                    pem.display(),
                    said(&output)
                );
            }
        }
    }
    // It does refuse what is wrong: another cluster's CA.
    let outputs = outputs();
    let (pem, _) = certificates(&outputs[0].1)
        .into_iter()
        .find(|(pem, _)| pem.ends_with("kubernetes.pem"))
        .expect("one");
    let (_, other_ca) = certificates(&outputs[1].1).swap_remove(0);
    assert!(
        !verify(&other_ca, &[], &pem).status.success(),
        "OpenSSL accepts a stranger's CA"
    );
}

#[test]
fn openssl_finds_every_name_of_the_servers() {
    let Some(openssl) = program("openssl", "OpenSSL finds every name") else {
        return;
    };
    let holds = |pem: &Path, check: &str, name: &str| {
        let mut command = Command::new(&openssl);
        command.args(["x509", "-noout", check, name, "-in"]).arg(pem);
        let text = must(&mut command);
        if text.contains("does match certificate") {
            true
        } else {
            assert!(text.contains("does NOT match"), "{text}");
            false
        }
    };
    let (_folder, out) = build(&walkthrough());
    let server = out.join("master1/rootfs/var/lib/kubernetes/kubernetes.pem");
    for ip in [
        "10.32.0.1",
        "10.128.15.221",
        "10.128.15.222",
        "10.128.15.226",
        "127.0.0.1",
    ] {
        assert!(holds(&server, "-checkip", ip), "{ip}");
    }
    let service = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    for name in ["master1", "master2", "lb", "localhost"].into_iter().chain(service) {
        assert!(holds(&server, "-checkhost", name), "{name}");
    }
    assert!(!holds(&server, "-checkip", "10.128.15.223"), "a worker's address");
    for (node, ip) in [("node1", "10.128.15.223"), ("node2", "10.128.15.224")] {
        let kubelet = out.join(format!("{node}/rootfs/var/lib/kubelet/{node}.pem"));
        assert!(
            holds(&kubelet, "-checkhost", node) && holds(&kubelet, "-checkip", ip),
            "{node}"
        );
    }

    let (_folder, out) = build(&large_spec().path());
    let server = out.join("cp2/rootfs/var/lib/kubernetes/kubernetes.pem");
    for ip in ["10.96.0.1", "10.1.0.6", "10.1.0.7", "10.1.0.13", "10.1.0.23"] {
        assert!(holds(&server, "-checkip", ip), "{ip}");
    }
    assert!(holds(&server, "-checkhost", "api.example.org"), "the endpoint");
}

#[test]
fn openssl_reads_every_key_and_it_fits_its_certificate_and_request() {
    let Some(openssl) = program("openssl", "OpenSSL reads every key") else {
        return;
    };
    for (_folder, out) in outputs() {
        let mut pairs = 0;
        for tree in rootfs(&out) {
            for key in files_below(&tree).into_keys().filter(|name| name.ends_with("-key.pem")) {
                let key = tree.join(key);
                let public = must(Command::new(&openssl).args(["pkey", "-pubout", "-in"]).arg(&key));
                let pem = PathBuf::from(key.to_string_lossy().replace("-key.pem", ".pem"));
                assert_eq!(
                    public,
                    must(
                        Command::new(&openssl)
                            .args(["x509", "-noout", "-pubkey", "-in"])
                            .arg(&pem)
                    )
                );
                let csr = pem.with_extension("csr");
                if csr.exists() {
                    let text = must(
                        Command::new(&openssl)
                            .args(["req", "-verify", "-noout", "-pubkey", "-in"])
                            .arg(&csr),
                    );
                    assert_eq!(public, text, "{}", csr.display());
                }
                pairs += 1;
            }
        }
        assert!(pairs >= 9, "only {pairs} pairs");
    }
}

#[test]
fn kubectl_reads_every_kubeconfig_and_would_have_written_the_same() {
    let Some(kubectl) = program("kubectl", "kubectl reads every kubeconfig") else {
        return;
    };
    let mut kubeconfigs = BTreeSet::new();
    for (_folder, out) in outputs() {
        kubeconfigs.extend(
            files_below(&out)
                .into_iter()
                .filter(|(name, _)| name.ends_with("kubeconfig"))
                .map(|(_, b)| b),
        );
    }
    // Names that YAML would take for something else.
    for name in [
        "on",
        "y",
        "1e3",
        "0x1f",
        "12e03",
        "a.b-c",
        "null",
        "2026-01-01",
        "017",
        "1.5",
    ] {
        let cluster = format!("[cluster]\nname = {name:?}\n");
        let spec = Spec::new(&["cp 10.0.0.1 control-plane etcd admin"], &cluster).with_ecdsa_keys();
        let (_folder, out) = build(&spec.path());
        kubeconfigs.insert(fs::read(out.join("cp/rootfs/root/admin.kubeconfig")).expect("a kubeconfig"));
    }
    for ours in &kubeconfigs {
        let folder = TempDir::new().expect("a folder");
        let kubectl = |arguments: &[&str]| {
            let mut command = Command::new(&kubectl);
            must(
                command
                    .arg("config")
                    .args(arguments)
                    .current_dir(folder.path())
                    .env("HOME", folder.path()),
            )
        };
        fs::write(folder.path().join("ours"), ours).expect("a copy");
        let read: serde_json::Value =
            serde_json::from_str(&kubectl(&["view", "--raw", "-o", "json", "--kubeconfig=ours"])).expect("JSON");
        let text = |pointer: &str| {
            read.pointer(pointer)
                .and_then(|value| value.as_str())
                .expect(pointer)
                .to_owned()
        };
        for (file, pointer) in [
            ("ca", "/clusters/0/cluster/certificate-authority-data"),
            ("cert", "/users/0/user/client-certificate-data"),
            ("key", "/users/0/user/client-key-data"),
        ] {
            use base64ct::Encoding;
            let bytes = base64ct::Base64::decode_vec(&text(pointer)).expect("base64");
            fs::write(folder.path().join(file), bytes).expect("a file");
        }
        let (cluster, user) = (text("/clusters/0/name"), text("/users/0/name"));
        let server = format!("--server={}", text("/clusters/0/cluster/server"));
        let (embed, theirs) = ("--embed-certs=true", "--kubeconfig=theirs");
        kubectl(&[
            "set-cluster",
            &cluster,
            "--certificate-authority=ca",
            embed,
            &server,
            theirs,
        ]);
        kubectl(&[
            "set-credentials",
            &user,
            "--client-certificate=cert",
            "--client-key=key",
            embed,
            theirs,
        ]);
        kubectl(&[
            "set-context",
            "default",
            &format!("--cluster={cluster}"),
            &format!("--user={user}"),
            theirs,
        ]);
        kubectl(&["use-context", "default", theirs]);
        let theirs = fs::read(folder.path().join("theirs")).expect("kubectl's");
        assert!(
            *ours == theirs,
            "kubectl would not have written\n{}",
            String::from_utf8_lossy(ours)
        );
    }
    assert!(
        kubeconfigs.len() > 20,
        "only {} different kubeconfigs",
        kubeconfigs.len()
    );
}

#[test]
fn systemd_accepts_every_unit() {
    let Some(analyze) = program("systemd-analyze", "systemd accepts every unit") else {
        return;
    };
    for (_folder, out) in outputs_of_both_layouts() {
        for tree in rootfs(&out) {
            let units: Vec<String> = files_below(&tree)
                .into_keys()
                .filter(|name| name.ends_with(".service"))
                .collect();
            if units.is_empty() {
                continue;
            }
            // A root of its own, in which the programs exist and so does the container runtime's unit.
            let root = TempDir::new().expect("a folder");
            let at = |path: &str| root.path().join(path);
            for folder in ["etc/systemd/system", "usr/local/bin", "usr/lib/systemd", "sbin", "bin"] {
                fs::create_dir_all(at(folder)).expect("a folder");
            }
            must(
                Command::new("cp")
                    .args(["-r", "/usr/lib/systemd/system"])
                    .arg(at("usr/lib/systemd/")),
            );
            for engine in ["docker", "containerd"] {
                fs::write(
                    at("etc/systemd/system").join(format!("{engine}.service")),
                    "[Service]\nExecStart=/usr/local/bin/runtime\n",
                )
                .expect("a unit");
            }
            for program in [
                "usr/local/bin/runtime",
                "usr/local/bin/etcd",
                "usr/local/bin/kube-apiserver",
                "usr/local/bin/kube-controller-manager",
                "usr/local/bin/kube-scheduler",
                "usr/local/bin/kubelet",
                "usr/local/bin/kube-proxy",
                "sbin/ip",
                "bin/sh",
                "bin/true",
            ] {
                must(Command::new("cp").arg("/bin/true").arg(at(program)));
            }
            for unit in &units {
                fs::copy(tree.join(unit), at(unit)).expect("a unit");
            }
            for unit in &units {
                let mut command = Command::new(&analyze);
                command.arg(format!("--root={}", root.path().display())).args([
                    "verify",
                    "--man=no",
                    "--recursive-errors=no",
                ]);
                let output = run(command.arg(at(unit)));
                assert!(
                    output.status.success() && said(&output).trim().is_empty(),
                    "{unit}: {}",
                    said(&output)
                );
            }
            // It does see mistakes.
            let unit = at(&units[0]);
            let text = fs::read_to_string(&unit)
                .expect("a unit")
                .replace("Restart=", "Restrat=");
            fs::write(&unit, text).expect("a unit");
            let mut command = Command::new(&analyze);
            command
                .arg(format!("--root={}", root.path().display()))
                .args(["verify", "--man=no"]);
            let output = run(command.arg(&unit));
            assert!(
                said(&output).contains("Restrat"),
                "systemd-analyze does not see a mistake: {}",
                said(&output)
            );
        }
    }
}

#[test]
fn nginx_accepts_the_stream_file_and_connections_go_through() {
    let test = "nginx passes connections on";
    let (Some(nginx), Some(_), Some(_)) = (program("nginx", test), program("ip", test), program("python3", test))
    else {
        return;
    };
    if !namespaces(test) {
        return;
    }
    let (_folder, out) = build(&walkthrough());
    let said = must(
        Command::new(project().join("tests/programs/nginx_stream.sh"))
            .arg(&out)
            .arg(nginx),
    );
    assert_eq!(said, "accepted\npassed through\n");
}

const TWO_MEMBERS: [&str; 3] = [
    "master1 10.128.15.221 control-plane etcd",
    "master2 10.128.15.222 control-plane etcd",
    "lb 10.128.15.226 load-balancer",
];

/// etcd, etcdctl, and the version of etcd, after which flags go; none where a test can't have members in namespaces of their own.
fn etcd_of_this_machine(test: &str) -> Option<(PathBuf, PathBuf, String)> {
    let (etcd, etcdctl) = (program("etcd", test)?, program("etcdctl", test)?);
    program("ip", test)?;
    if !namespaces(test) {
        return None;
    }
    let told = must(Command::new(&etcd).arg("--version"));
    let version = told.lines().next().and_then(|line| line.strip_prefix("etcd Version: "));
    let version = version.expect("etcd says its version").to_owned();
    Some((etcd, etcdctl, version))
}

#[test]
fn etcd_elects_a_leader_and_refuses_strangers() {
    let test = "a two-member etcd cluster";
    let Some((etcd, etcdctl, version)) = etcd_of_this_machine(test) else {
        return;
    };
    // The walk-through's certificates are valid for a year; a test that runs later needs the clock of that year.
    let script = project().join("tests/programs/etcd_cluster.sh");
    let spec = Spec::new(
        &TWO_MEMBERS,
        // Flags follow the version that is here.
        &format!("[cluster]\netcd = \"{version}\""),
    )
    .issued_long_ago();
    let (_folder, out) = build(&spec.path());
    let said = must(Command::new(script).arg(&out).arg(etcd).arg(etcdctl));
    assert_eq!(said, "elected\nrefused\nanswered\n");
}

/// `diff` says so of the plan of a renewal: files go to every member before the first is waited for.
#[test]
fn members_whose_certificates_have_ended_are_renewed_before_the_first_is_waited_for() {
    let test = "members of etcd whose certificates have ended";
    let Some((etcd, etcdctl, version)) = etcd_of_this_machine(test) else {
        return;
    };
    let spec = Spec::new(
        &TWO_MEMBERS,
        &format!("[pki.authorities_issued]\nca = \"2020-01-01T00:00:00Z\"\n[cluster]\netcd = \"{version}\""),
    )
    .issued_long_ago()
    .with_csrs(|name, text| match name {
        "ca-csr.json" => text.replacen('{', "{ \"ca\": { \"expiry\": \"790000h\" },", 1),
        _ => text,
    });
    let (_folder, ended) = build(&spec.path());
    // Valid whenever the tests run, as etcd's own clock has it.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let later = "issued = \"2021-06-01T00:00:00Z\"";
    fs::write(
        spec.path(),
        text.replacen("issued = \"2020-01-01T00:00:00Z\"", later, 1),
    )
    .expect("cluster.toml");
    let config = spec.path().with_file_name("csr").join("ca-config.json");
    let text = fs::read_to_string(&config).expect("ca-config.json");
    fs::write(&config, text.replace("8760h", "700000h")).expect("ca-config.json");
    let (_other_folder, renewed) = build(&spec.path());
    let plan = said(&run(khw_gen().arg("diff").arg(&ended).arg(&renewed)));
    assert!(plan.contains("once they have ended"), "{plan}");
    let script = project().join("tests/programs/etcd_ended.sh");
    let said = must(Command::new(script).args([&ended, &renewed]).arg(etcd).arg(etcdctl));
    assert_eq!(said, "alone it waits\ntogether they are well\n");
}

#[test]
fn every_yaml_file_is_read_back() {
    let mut read = 0;
    for (_folder, out) in outputs_of_both_layouts() {
        for tree in rootfs(&out) {
            for (name, bytes) in files_below(&tree) {
                if !(name.ends_with(".yaml") || name.ends_with("kubeconfig")) {
                    continue;
                }
                let text = String::from_utf8(bytes).expect("YAML is text");
                for document in text.split("\n---\n") {
                    let value: serde_json::Value =
                        serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{name}: {error}\n{document}"));
                    read += 1;
                    // What is no object of Kubernetes' has neither.
                    if name.ends_with("crictl.yaml") {
                        continue;
                    }
                    for field in ["kind", "apiVersion"] {
                        assert!(value.get(field).is_some_and(|text| text.is_string()), "{name}: {value}");
                    }
                }
            }
        }
    }
    assert!(read > 40, "only {read} files");
    if let Some(kubectl) = program("kubectl", "kubectl reads the RBAC manifests") {
        let (_folder, out) = build(&walkthrough());
        for manifest in [
            "kubelet-rbac-clusterrole.yaml",
            "kubelet-rbac-clusterrolebinding.yaml",
            "coredns.yaml",
        ] {
            let mut command = Command::new(&kubectl);
            command.args(["kustomize"]).env("HOME", "/nonexistent");
            let folder = TempDir::new().expect("a folder");
            fs::copy(
                out.join("master1/rootfs/root").join(manifest),
                folder.path().join(manifest),
            )
            .expect("a copy");
            fs::write(
                folder.path().join("kustomization.yaml"),
                format!("resources: [{manifest}]\n"),
            )
            .expect("a file");
            must(command.arg(folder.path()));
        }
    }
}

#[test]
fn the_program_itself_is_quiet_and_offline() {
    // No socket is opened: the system's own trace says so, where there is one.
    let Some(strace) = program("strace", "no network is used") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let trace = folder.path().join("trace");
    let out = folder.path().join("out");
    let mut command = Command::new(strace);
    command
        .args(["-f", "-e", "trace=network", "-o"])
        .arg(&trace)
        .arg(khw_gen().get_program());
    let output = run(command.arg("build").arg(walkthrough()).arg("-o").arg(&out));
    if !output.status.success() {
        return skip("no network is used", "strace can't trace here");
    }
    let calls = fs::read_to_string(trace).expect("a trace");
    assert!(!calls.contains("socket("), "{calls}");
}

fn pod_routes_script(out: &Path) -> PathBuf {
    rootfs(out)
        .into_iter()
        .map(|tree| tree.join("etc/kubernetes/pod-routes.sh"))
        .find(|script| script.is_file())
        .expect("a script")
}

#[test]
fn pod_routes_puts_back_what_others_take_away() {
    let test = "routes and NAT of pods";
    if ["ip", "nft", "ping", "systemctl"]
        .iter()
        .any(|needed| program(needed, test).is_none())
        || !namespaces(test)
    {
        return;
    }
    let (_folder, out) = build(&large_spec().path());
    let script = pod_routes_script(&out);
    for with in ["nft", "iptables"] {
        let said = must(
            Command::new(project().join("tests/programs/pod_routes.sh"))
                .arg(&script)
                .arg(with),
        );
        let put_back = said.lines().filter(|line| line.starts_with("after ")).count();
        assert!(put_back >= 4, "{said}");
        assert!(said.contains("under a policy of iptables that drops\n"), "{said}");
        let tables = said.contains("kube-proxy makes its tables anew\n");
        assert_eq!(tables, with == "nft", "{said}");
        assert!(said.ends_with("a route that is not wanted goes\n"), "{said}");
    }
}

#[test]
fn pod_routes_puts_back_what_networkd_takes_away() {
    let test = "routes and NAT of pods beside systemd-networkd";
    for needed in ["ip", "nft", "ping", "networkctl", "dbus-daemon", "nsenter"] {
        if program(needed, test).is_none() {
            return;
        }
    }
    if !namespaces(test) {
        return;
    }
    let (_folder, out) = build(&large_spec().path());
    let said = must(
        Command::new(project().join("tests/programs/pod_routes_beside.sh"))
            .arg(pod_routes_script(&out))
            .arg("networkd"),
    );
    // A restart is allowed to leave them; the daemon does take them away, or nothing was tried.
    assert!(
        said.contains("after networkctl reconfigure, which took routes away\n"),
        "{said}"
    );
    assert!(said.contains("after a restart, "), "{said}");
    assert!(said.ends_with("everything came back\n"), "{said}");
}

#[test]
fn firewalld_lets_pass_what_the_instructions_say() {
    let test = "firewalld as the instructions have it";
    for needed in [
        "ip",
        "nft",
        "python3",
        "nsenter",
        "dbus-daemon",
        "firewalld",
        "firewall-cmd",
    ] {
        if program(needed, test).is_none() {
            return;
        }
    }
    if !namespaces(test) {
        return;
    }
    let (_folder, out) = build(&walkthrough());
    let said = must(
        Command::new(project().join("tests/programs/firewalld.sh"))
            .arg(out.join("node1/INSTALL.md"))
            .arg(pod_routes_script(&out)),
    );
    assert!(said.contains("firewalld as it comes: nobody is reached\n"), "{said}");
    let last = said.lines().last().expect("a line");
    assert!(last.starts_with("after the commands of INSTALL.md: "), "{said}");
}

#[test]
fn the_kernel_is_set_and_read_back_as_the_instructions_say() {
    let test = "settings of the kernel";
    if program("sysctl", test).is_none() || !namespaces(test) {
        return;
    }
    let (_folder, out) = build(&project().join("specs/dual-stack/cluster.toml"));
    let instructions = fs::read_to_string(out.join("node1/INSTALL.md")).expect("instructions");
    let command = |part: &str| {
        let mut spans = instructions.split('`');
        let found = spans.find(|span| span.contains(part));
        found.unwrap_or_else(|| panic!("no {part}: {instructions}"))
    };
    let (listen, read_back) = (command("accept_ra"), command("sysctl -n"));
    let conf = "/proc/sys/net/ipv6/conf";
    let settings = out.join("node1/rootfs/etc/sysctl.d/zz-kubernetes.conf");
    // An interface for which somebody else listens has 0, and keeps it.
    let script = format!(
        "echo 1 >{conf}/lo/accept_ra; echo 0 >{conf}/default/accept_ra; {listen}; cat {conf}/lo/accept_ra {conf}/default/accept_ra; \
         sysctl -qp {}; {read_back}; cat {conf}/lo/accept_ra {conf}/all/forwarding",
        settings.display()
    );
    let said = must(Command::new("unshare").args(["--net", "sh", "-ec", &script]));
    assert_eq!(said, "2\n0\n1\n1\n2\n1\n");
}

/// Debian's store of policy knows nginx' types and booleans by the names that RHEL's has, and reads what the commands wrote; haproxy's
/// boolean is in RHEL's alone (policy/modules/contrib/rhcs.te of <https://github.com/fedora-selinux/selinux-policy>).
#[test]
fn selinux_takes_the_commands_of_the_instructions() {
    let test = "commands where SELinux enforces";
    for needed in ["semanage", "setsebool", "restorecon"] {
        if program(needed, test).is_none() {
            return;
        }
    }
    if !namespaces(test) {
        return;
    }
    if Path::new("/sys/fs/selinux/enforce").exists() {
        return skip(test, "this machine's kernel would take the policy");
    }
    let spec = Spec::new(
        &["m1 10.0.0.11 control-plane etcd worker load-balancer"],
        "[load_balancer]\nport = 7443\n",
    );
    let (folder, out) = build(&spec.path());
    let instructions = fs::read_to_string(out.join("m1/INSTALL.md")).expect("instructions");
    let section = instructions
        .split("\n## ")
        .find(|section| section.starts_with("Where SELinux enforces"))
        .unwrap_or_else(|| panic!("no word of SELinux: {instructions}"));
    let commands: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(commands.len(), 3, "{section}");
    // A copy of the store in their place; and again, since instructions are followed twice.
    let copies = folder.path().join("policy");
    let script = format!(
        "for folder in etc var/lib; do mkdir -p {copies}/$folder; cp -a /$folder/selinux {copies}/$folder/; \
         mount --bind {copies}/$folder/selinux /$folder/selinux; done; {commands}; {commands}; \
         semanage port --list -C -n; semanage boolean --list -C -n",
        copies = copies.display(),
        commands = commands.join("; ")
    );
    let said = must(Command::new("unshare").args(["--mount", "sh", "-ec", &script]));
    let words: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(words.contains(&vec!["http_port_t", "tcp", "7443"]), "{said}");
    assert!(said.contains("httpd_can_network_connect      (on   ,   on)"), "{said}");
}
