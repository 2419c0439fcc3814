//! `verify` and `diff` of what `install.sh` made: trees, and machines with thousands of other files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::AT_TEXT;
use super::support::{Spec, build, khw_gen, must, project, run, said};

/// Each host's bundle in a tree of its own.
fn installed(out: &Path, hosts: &[&str]) -> TempDir {
    let trees = TempDir::new().expect("a folder");
    for host in hosts {
        let root = trees.path().join(host);
        fs::create_dir_all(root.join("etc/nginx")).expect("a folder");
        fs::write(root.join("etc/nginx/nginx.conf"), "events {}\n").expect("a file");
        // Something to be replaced, so that there are copies.
        if out.join(host).join("rootfs/var/lib/kubernetes/ca.pem").exists() {
            fs::create_dir_all(root.join("var/lib/kubernetes")).expect("a folder");
            fs::write(root.join("var/lib/kubernetes/ca.pem"), "no PEM\n").expect("a file");
        }
        must(
            Command::new("sh")
                .arg(out.join(host).join("install.sh"))
                .env("DESTDIR", &root),
        );
    }
    trees
}

/// The files of each host's bundle as somebody copies them off its machine: trees, and nothing beside them.
fn copied_off(out: &Path, hosts: &[&str]) -> TempDir {
    let copies = TempDir::new().expect("a folder");
    for host in hosts {
        let rootfs = out.join(host).join("rootfs");
        must(Command::new("cp").arg("-a").arg(rootfs).arg(copies.path().join(host)));
    }
    copies
}

/// What a machine has besides, much of which `verify` would judge, or refuse to read, if it looked.
fn surround(root: &Path) {
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    put("etc/hostname", "another\n");
    put("etc/ssl/certs/broken.pem", "no PEM\n");
    put("etc/kubernetes/config/old.yaml", "[\n");
    put("etc/systemd/system/other.service", "[Service]\nType=oneshot\n");
    put("etc/systemd/system/other.service.d/override.conf", "nonsense\n");
    put("root/notes.yaml", "[\n");
    put("root/.ssh/id.key", "no key\n");
    put("var/lib/etcd/member/snap/db", "data");
    put("var/lib/kubelet/pki/kubelet.crt", "no PEM\n");
    put("var/lib/kubelet/pods/1/volumes/token.pem", "no PEM\n");
    for number in 0..3000 {
        put(&format!("usr/share/doc/{number}.yaml"), "[\n");
    }
    for folder in ["usr/share", "home", "proc"] {
        put(&format!("{folder}/note"), "");
        fs::write(root.join(folder).join(OsStr::from_bytes(b"\xff")), "").expect("a file");
        symlink("/", root.join(folder).join("loop")).expect("a link");
    }
    symlink("../run/resolv.conf", root.join("etc/resolv.conf")).expect("a link");
    symlink(
        "/lib/systemd/system/ssh.service",
        root.join("etc/systemd/system/sshd.service"),
    )
    .expect("a link");
    symlink("/nowhere", root.join("var/lib/kubelet/pki/current.pem")).expect("a link");
}

fn verify(path: &Path) -> Output {
    run(khw_gen().arg("verify").arg(path).args(["--at", AT_TEXT]))
}

fn diff(old: &Path, new: &Path) -> Output {
    run(khw_gen().arg("diff").arg(old).arg(new))
}

/// Nothing is found that is not found of the bundle itself: the walk-through has warnings.
fn says_the_same(found: &Output, bundle: &Output) {
    assert_eq!(found.status.code(), Some(0), "{}", said(found));
    assert_eq!(said(found), said(bundle));
}

fn is_clean(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    assert_eq!(said(output), "");
}

const HOSTS: &[&str] = &["control", "lb", "master1", "master2", "node1", "node2"];

fn walkthrough() -> PathBuf {
    project().join("specs/walkthrough/cluster.toml")
}

#[test]
fn what_was_installed_is_what_was_built() {
    let (_folder, out) = build(&walkthrough());
    let trees = installed(&out, HOSTS);
    says_the_same(&verify(trees.path()), &verify(&out));
    is_clean(&diff(&out, trees.path()));
    for host in HOSTS {
        says_the_same(&verify(&trees.path().join(host)), &verify(&out.join(host)));
        is_clean(&diff(&out, &trees.path().join(host)));
        is_clean(&diff(&out.join(host), &trees.path().join(host)));
    }
}

#[test]
fn of_a_machine_only_what_a_bundle_can_hold_is_looked_at() {
    let (_folder, out) = build(&walkthrough());
    let trees = installed(&out, &["master1", "node1"]);
    for host in ["master1", "node1"] {
        let root = trees.path().join(host);
        surround(&root);
        says_the_same(&verify(&root), &verify(&out.join(host)));
        is_clean(&diff(&out, &root));
    }
    let here = run(khw_gen()
        .args(["verify", ".", "--at", AT_TEXT])
        .current_dir(trees.path().join("master1")));
    says_the_same(&here, &verify(&out.join("master1")));

    let root = trees.path().join("master1");
    let ends = |output: &Output, told: &str| {
        assert_eq!(output.status.code(), Some(1), "{}", said(output));
        assert!(said(output).contains(told), "{told}: {}", said(output));
    };
    let key = root.join("var/lib/kubernetes/kubernetes-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    ends(
        &verify(&root),
        "error[secret-exposed]: master1: /var/lib/kubernetes/kubernetes-key.pem",
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
    let unit = root.join("etc/systemd/system/etcd.service");
    let right = fs::read_to_string(&unit).expect("the unit");
    fs::write(&unit, right.replace("--client-cert-auth", "--debug")).expect("the unit");
    ends(&diff(&out, &root), "/etc/systemd/system/etcd.service");
    fs::write(&unit, right).expect("the unit");
    says_the_same(&verify(&root), &verify(&out.join("master1")));

    // What changes a unit of the bundle is looked at, whoever put it there.
    let drop_ins = root.join("etc/systemd/system/etcd.service.d");
    fs::create_dir(&drop_ins).expect("a folder");
    fs::write(drop_ins.join("own.conf"), "[Service]\nEnvironment=ETCD_DEBUG=true\n").expect("a file");
    ends(&diff(&out, &root), "/etc/systemd/system/etcd.service.d/own.conf");
    fs::remove_dir_all(&drop_ins).expect("the folder");

    // A bundle's own path may be no link, and none may be on the way to it.
    let folder = root.join("etc/etcd");
    fs::rename(&folder, root.join("etc/etcd-elsewhere")).expect("a move");
    symlink("etcd-elsewhere", &folder).expect("a link");
    ends(&verify(&root), "error[unsafe-entry]: etc/etcd");
    fs::remove_file(&folder).expect("the link");
    fs::rename(root.join("etc/etcd-elsewhere"), &folder).expect("a move");
    fs::remove_file(&unit).expect("the unit");
    symlink("/dev/null", &unit).expect("a link");
    ends(&verify(&root), "error[unsafe-entry]: etc/systemd/system/etcd.service");
}

/// Without a journal, as by a version that kept none: every path that the tables lead to is known.
#[test]
fn every_file_of_every_specification_is_found_on_a_machine() {
    let with_environments = Spec::new(
        &[
            "m1 10.0.0.1 control-plane etcd",
            "w1 10.0.0.2 worker",
            "lb 10.0.0.3 load-balancer",
        ],
        "[components.containerd]\nenv = { A = \"1\" }\n[components.nginx]\nenv = { A = \"1\" }",
    );
    let specs = fs::read_dir(project().join("specs")).expect("specifications");
    let specs = specs.map(|spec| spec.expect("an entry").path().join("cluster.toml"));
    for spec in specs.chain([with_environments.path()]) {
        let (_folder, out) = build(&spec);
        let machines = TempDir::new().expect("a folder");
        for host in fs::read_dir(&out).expect("an output") {
            let (rootfs, root) = {
                let host = host.expect("an entry");
                (host.path().join("rootfs"), machines.path().join(host.file_name()))
            };
            if !rootfs.is_dir() {
                continue;
            }
            must(Command::new("cp").arg("-a").arg(&rootfs).arg(&root));
            fs::create_dir_all(root.join("etc")).expect("a folder");
            fs::write(root.join("etc/passwd"), "").expect("a file");
        }
        let output = diff(&out, machines.path());
        assert_eq!(output.status.code(), Some(0), "{spec:?}: {}", said(&output));
    }
}

/// A machine that nobody installed a bundle on, which runs what it has under names of its own.
#[test]
fn what_units_name_is_looked_at_and_so_is_what_that_names() {
    let (_folder, out) = build(&walkthrough());
    let root = TempDir::new().expect("a folder");
    must(
        Command::new("cp")
            .arg("-a")
            .arg(out.join("node1/rootfs/."))
            .arg(root.path()),
    );
    surround(root.path());
    let at = |path: &str| root.path().join(path);
    fs::rename(at("var/lib/kube-proxy/kubeconfig"), at("etc/proxy.kubeconfig")).expect("a move");
    let config = at("var/lib/kube-proxy/kube-proxy-config.yaml");
    let text = fs::read_to_string(&config).expect("a file");
    let named = text.replace("/var/lib/kube-proxy/kubeconfig", "/etc/proxy.kubeconfig");
    assert_ne!(named, text);
    fs::write(&config, named).expect("a file");
    fs::rename(
        at("etc/systemd/system/kube-proxy.service"),
        at("etc/systemd/system/proxy.service"),
    )
    .expect("a move");
    let output = verify(root.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    fs::set_permissions(at("etc/proxy.kubeconfig"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let output = verify(root.path());
    assert!(
        said(&output).contains("error[secret-exposed]: another: /etc/proxy.kubeconfig"),
        "{}",
        said(&output)
    );
}

/// Of what was copied off machines, with all that others have put there.
#[test]
fn what_is_no_cluster_s_is_neither_deleted_nor_stopped() {
    let hosts = [
        "cp 10.0.0.1 control-plane etcd",
        "n1 10.0.0.2 worker",
        "lb 10.0.0.3 load-balancer",
    ];
    let spec = Spec::new(&hosts, "[network]\ncni = \"none\"");
    let (_folder, out) = build(&spec.path());
    let machines = ["cp", "n1", "lb"];
    let copies = copied_off(&out, &machines);
    for host in machines {
        let target = copies.path().join(host);
        for (path, text) in [
            ("etc/nginx/nginx.conf", "events {}\n"),
            ("etc/nginx/sites-available/default", "server {}\n"),
            ("etc/sysctl.d/README.sysctl", "read me\n"),
            (
                "etc/systemd/system/backup.service",
                "[Service]\nExecStart=/usr/local/bin/backup\n",
            ),
            ("etc/kubernetes/notes.yaml", "a: b\n"),
            ("root/.kube/cache/discovery/groups.json", "{}\n"),
            (
                "etc/cni/net.d/10-calico.conflist",
                "{\"name\": \"k8s\", \"cniVersion\": \"0.3.1\", \"plugins\": [{\"type\": \"calico\"}]}\n",
            ),
            (
                "etc/cni/net.d/10-bridge.conflist",
                "{\"name\": \"pods\", \"cniVersion\": \"0.3.1\", \"plugins\": [{\"type\": \"bridge\", \
              \"ipam\": {\"type\": \"host-local\", \"ranges\": [[{\"subnet\": \"10.9.0.0/24\"}]]}}]}\n",
            ),
        ] {
            let path = target.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }
    // Docker may run it, or nobody; the API server has nothing to do with it.
    let containerd = fs::read(copies.path().join("n1/etc/containerd/config.toml")).expect("a file");
    fs::create_dir_all(copies.path().join("cp/etc/containerd")).expect("a folder");
    fs::write(copies.path().join("cp/etc/containerd/config.toml"), containerd).expect("a file");
    // The node is called as the machine is, by whichever flag.
    let kubelet = copies.path().join("n1/etc/systemd/system/kubelet.service");
    let text = fs::read_to_string(&kubelet).expect("a unit");
    assert!(text.contains("--hostname-override=n1"), "{text}");
    fs::write(&kubelet, text.replace("  --hostname-override=n1 \\\n", "")).expect("a unit");
    // What was the cluster's and is not any more goes.
    let old = copies.path().join("cp/etc/systemd/system/kube-proxy.service");
    fs::write(
        &old,
        "[Service]\nExecStart=/usr/local/bin/kube-proxy --config=/etc/kubernetes/old.yaml\n",
    )
    .expect("a unit");
    let changed = run(khw_gen()
        .arg("diff")
        .arg(copies.path())
        .arg(&out)
        .args(["--format", "json"]));
    let changes: serde_json::Value = serde_json::from_slice(&changed.stdout).expect("JSON");
    let deleted: Vec<String> = changes["deletions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            format!(
                "{}{}",
                one["host"].as_str().expect("a host"),
                one["path"].as_str().expect("a path")
            )
        })
        .collect();
    assert_eq!(deleted, ["cp/etc/systemd/system/kube-proxy.service"]);
    let steps = changes["steps"].to_string();
    for stranger in ["nginx", "containerd", "backup", "sysctl"] {
        assert!(!steps.contains(stranger), "{stranger}: {steps}");
    }
    assert!(steps.contains("disable --now kube-proxy"), "{steps}");
    let warnings = changes["warnings"].to_string();
    assert!(
        !warnings.contains("joins as another") && !warnings.contains("network of the node"),
        "{warnings}"
    );
    assert_eq!(changes["obstacles"].as_array().map(Vec::len), Some(0), "{changes}");
    // Where a bridge of ours comes, what was there before it would be read first.
    let spec = Spec::new(&hosts, "[network]\ncni = \"bridge\"");
    let (_folder, out) = build(&spec.path());
    let changed = run(khw_gen().arg("diff").arg(copies.path().join("n1")).arg(out.join("n1")));
    assert!(said(&changed).contains("10-calico.conflist"), "{}", said(&changed));
}

#[test]
fn links_of_packages_are_no_matter_of_what_was_copied_off_machines() {
    let (_folder, out) = build(&walkthrough());
    let machines = ["lb", "master1", "node1"];
    let copies = copied_off(&out, &machines);
    for host in machines {
        let target = copies.path().join(host);
        for (path, to) in [
            ("etc/sysctl.d/99-sysctl.conf", "../sysctl.conf"),
            ("etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default"),
            ("etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service"),
        ] {
            fs::create_dir_all(target.join(path).parent().expect("a parent")).expect("a folder");
            symlink(to, target.join(path)).expect("a link");
        }
    }
    let unread = |output: &Output| said(output).matches("symbolic link").count();
    for found in [
        verify(copies.path()),
        verify(&copies.path().join("node1")),
        diff(copies.path(), copies.path()),
    ] {
        assert_eq!(unread(&found), 0, "{}", said(&found));
    }
    // One that a program would follow is told.
    let named = copies.path().join("node1/var/lib/kubernetes/ca.pem");
    fs::rename(&named, named.with_file_name("authority.pem")).expect("it is there");
    symlink("authority.pem", &named).expect("a link");
    for found in [verify(copies.path()), verify(&copies.path().join("node1"))] {
        assert_eq!(unread(&found), 1, "{}", said(&found));
    }
}

#[test]
fn a_link_that_is_none_of_an_enabled_unit_stays_a_finding() {
    let (_folder, out) = build(&walkthrough());
    for (link, target, clean) in [
        (
            "etc/systemd/system/multi-user.target.wants/kubelet.service",
            "/etc/systemd/system/kubelet.service",
            true,
        ),
        (
            "etc/systemd/system/multi-user.target.wants/kubelet.service",
            "../kubelet.service",
            true,
        ),
        (
            "etc/systemd/system/multi-user.target.wants/kubelet.service",
            "/tmp/kubelet.service",
            false,
        ),
        (
            "etc/systemd/system/multi-user.target.wants/kubelet.service",
            "/etc/systemd/system/other.service",
            false,
        ),
        (
            "etc/systemd/system/kubelet.service.d/kubelet.service",
            "/etc/systemd/system/kubelet.service",
            false,
        ),
        (
            "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "/dev/null",
            true,
        ),
        // Packages bring many, and none of these is a bundle's matter.
        ("etc/other", "/etc/passwd", true),
        ("etc/other.d/99-other.conf", "../other.conf", true),
        ("etc/etcd", "/srv/etcd", false),
    ] {
        let root = TempDir::new().expect("a folder");
        must(
            Command::new("cp")
                .arg("-a")
                .arg(out.join("node1/rootfs/."))
                .arg(root.path()),
        );
        let link = root.path().join(link);
        fs::create_dir_all(link.parent().expect("a parent")).expect("a folder");
        symlink(target, &link).expect("a link");
        let output = verify(root.path());
        assert_eq!(
            !said(&output).contains("unsafe-entry"),
            clean,
            "{link:?}: {}",
            said(&output)
        );
    }
    // In a bundle there is no link at all.
    let wants = out.join("node1/rootfs/etc/systemd/system/multi-user.target.wants");
    fs::create_dir(&wants).expect("a folder");
    symlink("/etc/systemd/system/kubelet.service", wants.join("kubelet.service")).expect("a link");
    assert!(said(&verify(&out.join("node1"))).contains("unsafe-entry"));
    assert!(said(&verify(&out)).contains("unsafe-entry"));
}
