//! `diff` on pairs whose difference is known: what it says, what has to be done in which order, what can't be undone, and
//! silence where nothing differs.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Spec, files_below, khw_gen, must, run, said};

const HOSTS: [&str; 6] = [
    "m1 10.0.0.11 control-plane etcd",
    "m2 10.0.0.12 control-plane etcd",
    "m3 10.0.0.13 control-plane etcd",
    "lb 10.0.0.5 load-balancer",
    "n1 10.0.0.21 worker",
    "n2 10.0.0.22 worker",
];

/// A specification with the built-in CSR files.
fn spec(hosts: &[&str], extra: &str) -> Spec {
    Spec::new(
        hosts,
        &format!("layout = \"split\"\n[cluster]\nname = \"pair\"\n{extra}"),
    )
    .with_ecdsa_keys()
}

const OTHER_SEED: [u8; 32] = *b"\x00\xffanother seed than the first on";

fn built(spec: &Spec, to: &str) -> PathBuf {
    let out = spec.path().with_file_name(to);
    let output = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert!(output.status.success(), "{}", said(&output));
    out
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a text");
    assert!(text.contains(from), "{} holds no {from:?}", path.display());
    fs::write(path, text.replace(from, to)).expect("the text");
}

/// What `diff` prints, and its exit code.
fn diff(old: &Path, new: &Path, arguments: &[&str]) -> (String, i32) {
    let output = run(khw_gen().arg("diff").arg(old).arg(new).args(arguments));
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    (text, output.status.code().expect("an exit code"))
}

/// What differs, as JSON; something has to.
fn changes(old: &Path, new: &Path) -> Value {
    let (text, code) = diff(old, new, &["--format", "json"]);
    assert_eq!(code, 1, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The details of one file of a host.
fn details<'a>(changes: &'a Value, host: &str, path: &str) -> Vec<&'a str> {
    let of = |list: &'a Value, field: &str, name: &str| {
        let items = list.as_array().expect("a list");
        items.iter().find(|item| item[field] == name)
    };
    let host = of(&changes["hosts"], "host", host).unwrap_or_else(|| panic!("no {host}: {changes:#}"));
    let file = of(&host["files"], "path", path).unwrap_or_else(|| panic!("no {path}: {host:#}"));
    let details = file["details"].as_array().expect("details");
    details.iter().map(|detail| detail.as_str().expect("text")).collect()
}

/// The steps as `stage host: command; command`.
fn steps(changes: &Value) -> Vec<String> {
    let steps = changes["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| {
            let actions = step["actions"].as_array().expect("actions").iter();
            let commands: Vec<String> = actions
                .map(|action| match action["do"].as_str().expect("a kind") {
                    "until" => format!("until {}", action["command"].as_str().expect("a command")),
                    "by-hand" => action["text"].as_str().expect("words").to_owned(),
                    _ => action["command"].as_str().expect("a command").to_owned(),
                })
                .collect();
            format!(
                "{} {}: {}",
                step["stage"].as_str().expect("a stage"),
                step["host"].as_str().expect("a host"),
                commands.join("; ")
            )
        })
        .collect()
}

/// What a control plane waits for after its API server was restarted, and a worker after its kubelet.
const READY: &str = "until kubectl --kubeconfig=/root/admin.kubeconfig get --raw /readyz";
const HEALTHY: &str = "until curl -sf http://127.0.0.1:10248/healthz";

fn obstacles(changes: &Value) -> Vec<&str> {
    let obstacles = changes["obstacles"].as_array().expect("obstacles");
    obstacles
        .iter()
        .map(|obstacle| obstacle["message"].as_str().expect("text"))
        .collect()
}

fn warnings(changes: &Value, irreversible: bool) -> Vec<&str> {
    let warnings = changes["warnings"].as_array().expect("warnings");
    warnings
        .iter()
        .filter(|warning| warning["irreversible"] == irreversible)
        .map(|warning| warning["message"].as_str().expect("text"))
        .collect()
}

#[test]
fn nothing_changed_is_silence_and_exit_zero() {
    let spec = spec(&HOSTS, "");
    let (one, two) = (built(&spec, "one"), built(&spec, "two"));
    for (old, new) in [
        (&one, &two),
        (&spec.path(), &one),
        (&one, &spec.path()),
        (&spec.path(), &spec.path()),
        (&one.join("m1"), &two.join("m1.tar.gz")),
        (&one.join("m1.tar.gz"), &two.join("m1.tar.gz")),
    ] {
        for format in ["text", "markdown"] {
            assert_eq!(
                diff(old, new, &["--format", format]),
                (String::new(), 0),
                "{old:?} {new:?}"
            );
        }
        let (json, code) = diff(old, new, &["--format", "json"]);
        assert_eq!(code, 0);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["hosts"], Value::Array(vec![]));
    }
    // Without a seed, what does not depend on it is the same all the same.
    fs::remove_file(spec.path().with_file_name("seed")).expect("a seed");
    assert_eq!(diff(&spec.path(), &one, &[]), (String::new(), 0));
    assert_eq!(diff(&one, &one.join("nothing"), &[]).1, 2);
    assert_eq!(diff(&one, &spec.path().with_file_name("no.toml"), &[]).1, 2);
}

#[test]
fn a_node_that_is_added() {
    let old = spec(&HOSTS, "");
    let new = spec(&[&HOSTS[..], &["n3 10.0.0.23 worker"]].concat(), "");
    let changes = changes(&built(&old, "out"), &built(&new, "out"));
    let added: Vec<&Value> = changes["hosts"]
        .as_array()
        .expect("hosts")
        .iter()
        .filter(|host| host["change"] == "added")
        .collect();
    assert_eq!(added.len(), 1, "{changes:#}");
    assert_eq!(added[0]["host"], "n3");
    let routes = "/etc/systemd/system/pod-routes.service";
    assert_eq!(details(&changes, "m1", routes), ["--route + 10.200.2.0/24@10.0.0.23"]);
    let routes = "./install.sh; systemctl daemon-reload; systemctl restart pod-routes";
    let expected: Vec<String> = ["m1", "m2", "m3", "n1", "n2"]
        .iter()
        .map(|host| format!("other {host}: {routes}"))
        .chain([
            "other n3: bring kubelet and kube-proxy of Kubernetes 1.37, containerd 2.3 with its unit, and runc, the CNI plugins bridge, host-local, portmap and loopback: INSTALL.md says more of each; ./install.sh; systemctl restart pod-routes".to_owned(),
            format!(
                "node n3: systemctl restart systemd-modules-load; sysctl --system; systemctl restart containerd; systemctl restart \
                 kube-proxy; systemctl restart kubelet; {HEALTHY}"
            ),
        ])
        .collect();
    assert_eq!(steps(&changes), expected);
    assert_eq!(changes["warnings"], Value::Array(vec![]));
}

#[test]
fn a_member_of_etcd_that_is_added() {
    let two = [
        "lb 10.0.0.5 load-balancer",
        "m1 10.0.0.11 control-plane etcd",
        "n1 10.0.0.21 worker",
    ];
    let old = spec(&two, "");
    let new = spec(&[&two[..], &HOSTS[1..3]].concat(), "");
    let changes = changes(&built(&old, "out"), &built(&new, "out"));
    let unit = details(&changes, "m1", "/etc/systemd/system/etcd.service");
    assert_eq!(
        unit,
        [
            "--initial-cluster + m2=https://10.0.0.12:2380",
            "--initial-cluster + m3=https://10.0.0.13:2380"
        ]
    );
    // Nothing says that the cluster runs: what is built would found a second one.
    assert!(
        obstacles(&changes)[0].contains("would found a second, empty cluster of etcd"),
        "{changes:#}"
    );
    assert_eq!(steps(&changes), Vec::<String>::new());
}

#[test]
fn a_name_that_is_added_to_a_certificate() {
    let old = spec(&HOSTS, "");
    let new = spec(&HOSTS, "names = [\"api.example.org\"]");
    let old = built(&old, "out");
    let changes = changes(&old, &new.path());
    assert_eq!(
        details(&changes, "m1", "/var/lib/kubernetes/apiserver.pem"),
        ["+ SAN api.example.org", "new serial; same key"]
    );
    let expected: Vec<String> = ["m1", "m2", "m3"]
        .iter()
        .map(|host| format!("api-server {host}: ./install.sh; sleep 5; {READY}"))
        .collect();
    assert_eq!(steps(&changes), expected);
    // A release of which it is not known is restarted.
    let older =
        ["", "names = [\"api.example.org\"]"].map(|extra| spec(&HOSTS, &format!("kubernetes = \"1.30\"\n{extra}")));
    let of_older = self::changes(&older[0].path(), &older[1].path());
    let restarted = |step: &String| step.contains("./install.sh; systemctl restart kube-apiserver; ");
    assert_eq!(
        steps(&of_older).iter().filter(|step| restarted(step)).count(),
        3,
        "{of_older:#}"
    );
    // What the file is to a variable nobody knows.
    let named = "[components.kube-apiserver.env]\nSSL_CERT_FILE = \"/var/lib/kubernetes/apiserver.pem\"\n";
    let named = ["", "names = [\"api.example.org\"]\n"].map(|extra| spec(&HOSTS, &format!("{extra}{named}")));
    let restarted_for = self::changes(&named[0].path(), &named[1].path());
    assert_eq!(
        steps(&restarted_for).iter().filter(|step| restarted(step)).count(),
        3,
        "{restarted_for:#}"
    );
    let (text, _) = diff(&old, &new.path(), &[]);
    assert!(
        text.contains("  ~ m1, m2, m3: /var/lib/kubernetes/apiserver.pem certificate kube-apiserver\n      + SAN api.example.org\n"),
        "{text}"
    );
}

/// Who takes the place of an API server that restarts may not be the next one, before load balancers lead to the first again.
#[test]
fn the_next_api_server_waits_until_load_balancers_lead_to_the_last() {
    let wait = |seconds: u32| format!("; {READY}; sleep {seconds} # for load balancers, until they lead to it again");
    let quicker = "[components.kube-apiserver.flags]\nv = \"4\"\n";
    for (hosts, engine, waited) in [
        (&HOSTS[..], "nginx", Some(15)),
        (&HOSTS[..], "haproxy", Some(6)),
        // There is no other, so nobody leaves it alone.
        (&HOSTS[2..], "nginx", None),
        (&HOSTS[2..3], "nginx", None),
    ] {
        let engine = match hosts.iter().any(|host| host.ends_with("load-balancer")) {
            true => format!("[load_balancer]\nengine = \"{engine}\"\n"),
            false => String::new(),
        };
        let [old, new] = ["", quicker].map(|flags| spec(hosts, &format!("{engine}{flags}")));
        let changes = changes(&old.path(), &new.path());
        let steps = steps(&changes);
        let of_api: Vec<&String> = steps.iter().filter(|step| step.starts_with("api-server m")).collect();
        assert_eq!(of_api.len(), hosts.iter().filter(|host| host.starts_with('m')).count());
        let end = waited.map_or_else(|| format!("; {READY}"), wait);
        assert!(of_api.iter().all(|step| step.ends_with(&end)), "{steps:#?}");
    }
    // As long as the files of the load balancers say, not as ours do: what is written instead of what, and how long is waited then.
    type Edit = (&'static str, &'static str, Option<u32>);
    let edits: [(&str, &str, &[Edit]); 2] = [
        (
            "nginx",
            "lb/rootfs/etc/nginx/tcpconf.d/kubernetes.conf",
            &[
                ("fail_timeout=15s", "fail_timeout=1m", Some(60)),
                ("fail_timeout=1m", "", Some(10)),
                ("max_fails=3", "max_fails=0", None),
                ("max_fails=0", "max_fails=00", None),
            ],
        ),
        (
            "haproxy",
            "lb/rootfs/etc/haproxy/haproxy.cfg",
            &[
                ("inter 2s", "inter 5s", Some(15)),
                ("inter 5s", "inter 200ms", Some(3)),
                (" check ", " ", None),
            ],
        ),
    ];
    for (engine, file, edits) in edits {
        let engine = format!("[load_balancer]\nengine = \"{engine}\"\n");
        let specs = ["", quicker].map(|flags| spec(&HOSTS, &format!("{engine}{flags}")));
        let [old, new] = specs.each_ref().map(|spec| built(spec, "out"));
        for (from, to, waited) in edits {
            for out in [&old, &new] {
                edit(&out.join(file), from, to);
            }
            let end = waited.map_or_else(|| format!("; {READY}"), wait);
            let steps = steps(&changes(&old, &new));
            let mut of_api = steps.iter().filter(|step| step.starts_with("api-server m"));
            assert!(of_api.all(|step| step.ends_with(&end)), "{from}: {steps:#?}");
        }
    }
}

/// Where another program takes kube-proxy's place: nothing of it is there, and a node that had it is emptied before its rules go.
#[test]
fn a_cluster_that_does_without_kube_proxy() {
    let own = "[network]\ncni = \"none\"\n";
    let [with, without] = ["", "proxy_mode = \"none\"\n"].map(|mode| spec(&HOSTS, &format!("{own}{mode}")));
    let [with, without] = [&with, &without].map(|spec| built(spec, "out"));
    for (path, bytes) in files_below(&without) {
        let text = String::from_utf8_lossy(&bytes);
        // A policy names who is somebody in any cluster.
        let is_of_all = ["install.sh", ".tar.gz", "audit-policy.yaml", "zz-kubernetes.conf"]
            .iter()
            .any(|end| path.ends_with(end));
        assert!(
            is_of_all || !path.contains("kube-proxy") && !text.contains("kube-proxy"),
            "{path}: {text}"
        );
    }
    let found = run(khw_gen().args(["verify", "--at", "2026-06-01T00:00:00Z"]).arg(&without));
    assert!(
        found.status.success() && said(&found).contains("0 errors"),
        "{}",
        said(&found)
    );
    let away = changes(&with, &without);
    let of_node = |changes: &Value, host: &str| -> Vec<String> {
        let start = format!("emptied-node {host}: ");
        steps(changes)
            .iter()
            .filter_map(|step| step.strip_prefix(&start).map(str::to_owned))
            .collect()
    };
    assert_eq!(
        of_node(&away, "n1"),
        ["./install.sh; systemctl disable --now kube-proxy; /usr/local/bin/kube-proxy --cleanup"]
    );
    assert!(
        warnings(&away, false)
            .iter()
            .any(|message| message.contains("has to run before")),
        "{away:#}"
    );
    let back = changes(&without, &with);
    let started = steps(&back);
    assert!(
        started.iter().any(
            |step| step.starts_with("node n1: bring kube-proxy of Kubernetes 1.37: INSTALL.md says more of each; ./install.sh; systemctl daemon-reload; ")
                && step.contains("restart kube-proxy")
        ),
        "{started:#?}"
    );
    // The walk-through's layout keeps no certificate of it either.
    let single =
        Spec::new(&HOSTS, &format!("layout = \"single\"\n{own}proxy_mode = \"none\"\n")).with_csrs(|_, text| text);
    fs::remove_file(single.path().with_file_name("csr/kube-proxy-csr.json")).expect("a request");
    let plan = must(khw_gen().arg("plan").arg(single.path()));
    assert!(!plan.contains("kube-proxy"), "{plan}");
}

#[test]
fn leaves_that_are_renewed() {
    let old = spec(&HOSTS, "");
    let new = spec(&HOSTS, "");
    edit(&new.path(), "2026-01-01T", "2026-09-01T");
    let changes = changes(&built(&old, "out"), &built(&new, "out"));
    let apiserver = details(&changes, "m2", "/var/lib/kubernetes/apiserver.pem");
    assert_eq!(apiserver.len(), 3, "{apiserver:?}");
    assert_eq!(
        apiserver[1..],
        [
            "not after 2026-12-31T23:55:00Z -> 2027-08-31T23:55:00Z",
            "new serial; same key"
        ]
    );
    // Members of etcd, then API servers, then what is left of the control plane, and nodes last.
    let stages: Vec<String> = steps(&changes)
        .iter()
        .map(|step| step.split(':').next().expect("a stage").to_owned())
        .collect();
    assert_eq!(
        stages,
        [
            "etcd m1",
            "etcd m2",
            "etcd m3",
            "api-server m1",
            "api-server m2",
            "api-server m3",
            "control-plane m1",
            "control-plane m2",
            "control-plane m3",
            "node n1",
            "node n2"
        ]
    );
    assert_eq!(warnings(&changes, true), Vec::<&str>::new());
    let [members] = warnings(&changes, false)[..] else {
        panic!("{changes:#}");
    };
    assert!(
        members.contains("at 2026-12-31T23:55:00Z: once they have ended"),
        "{members}"
    );
}

#[test]
fn another_encryption_key_can_not_be_undone() {
    let spec = spec(&HOSTS, "");
    let (old, new) = (built(&spec, "old"), built(&spec, "new"));
    let path = "/var/lib/kubernetes/encryption-config.yaml";
    for host in ["m1", "m2", "m3"] {
        let file = new.join(host).join("rootfs").join(&path[1..]);
        let text = fs::read_to_string(&file).expect("a file");
        let secret = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("secret: "))
            .expect("a key");
        edit(&file, secret, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    }
    let replaced = changes(&old, &new);
    assert_eq!(details(&replaced, "m1", path), ["key secretbox key1 changed"]);
    assert!(
        warnings(&replaced, true)[0].contains("secretbox key1 is replaced by another"),
        "{replaced:#}"
    );
    let [apart, advice, ..] = warnings(&replaced, false)[..] else {
        panic!("{replaced:#}");
    };
    assert!(
        apart.contains("can't run together") && apart.contains("phase of a rotation"),
        "{apart}"
    );
    assert!(advice.contains("add it as the second key"), "{advice}");
    // API servers read it by themselves, and are asked whether they have.
    let told = steps(&replaced);
    assert!(
        told[..3]
            .iter()
            .all(|step| step.ends_with(&format!("./install.sh; {READY}"))),
        "{told:#?}"
    );
    let asked =
        format!("get --raw /metrics | grep -q \"last_config_info.*sha256:$(sha256sum <{path} | cut -d ' ' -f 1)\"");
    assert!(
        told[3..]
            .iter()
            .all(|step| step.starts_with("picking-up m") && step.ends_with(&asked)),
        "{told:#?}"
    );
    assert_eq!(told.len(), 6);
    // Not where they were told not to.
    for out in [&old, &new] {
        for host in ["m1", "m2", "m3"] {
            let unit = out.join(host).join("rootfs/etc/systemd/system/kube-apiserver.service");
            edit(&unit, "automatic-reload=true", "automatic-reload=false");
        }
    }
    let told = steps(&changes(&old, &new));
    assert!(
        told.len() == 3 && told.iter().all(|step| step.contains("restart kube-apiserver")),
        "{told:#?}"
    );

    // Another name: the old one is dropped. Kept as the second one, nothing is lost.
    for host in ["m1", "m2", "m3"] {
        let file = new.join(host).join("rootfs").join(&path[1..]);
        edit(&file, "name: key1", "name: key2");
    }
    let dropped = changes(&old, &new);
    assert!(
        warnings(&dropped, true)[0].contains("secretbox key1 is dropped"),
        "{dropped:#}"
    );
    assert_eq!(
        details(&dropped, "m3", path),
        [
            "providers - secretbox key1",
            "providers + secretbox key2",
            "key secretbox key2 added",
            "key secretbox key1 removed"
        ]
    );
    for host in ["m1", "m2", "m3"] {
        let of = |out: &Path| out.join(host).join("rootfs").join(&path[1..]);
        let text = fs::read_to_string(of(&old)).expect("a file");
        let at = text.find("      - identity").expect("identity");
        let (start, end) = text.split_at(at);
        let second = "            - name: key2\n              secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
        fs::write(of(&new), format!("{start}{second}{end}")).expect("a file");
    }
    let kept = changes(&old, &new);
    assert_eq!(kept["warnings"], Value::Array(vec![]), "{kept:#}");
}

#[test]
fn a_minor_of_kubernetes_that_is_raised() {
    let at = |minor: &str| spec(&HOSTS, &format!("kubernetes = \"{minor}\""));
    let (old, new) = (at("1.34"), at("1.35"));
    let up = changes(&built(&old, "out"), &built(&new, "out"));
    let steps_up = steps(&up);
    assert!(
        steps_up.iter().any(|step| step.starts_with("api-server m1: ")
            && step
                .contains("put kube-apiserver of Kubernetes 1.35 in place; systemctl restart kube-apiserver; until ")),
        "{steps_up:#?}"
    );
    let kubelet = |steps: &[String]| steps.iter().position(|step| step.contains("restart kubelet"));
    let apiserver = |steps: &[String]| steps.iter().rposition(|step| step.contains("restart kube-apiserver"));
    assert!(apiserver(&steps_up) < kubelet(&steps_up), "{steps_up:#?}");
    assert!(warnings(&up, true)[0].starts_with("Kubernetes 1.34 -> 1.35"), "{up:#}");
    assert!(!warnings(&up, true)[0].contains("skips"));
    let looked_after = |changes: &Value| {
        let all = warnings(changes, false);
        let mut before = all.into_iter().filter(|one| one.starts_with("before Kubernetes "));
        before
            .by_ref()
            .map(|one| one.split(" is there").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(looked_after(&up), Vec::<String>::new());
    let first_beta = changes(&built(&at("1.37"), "out"), &built(&at("1.38"), "out"));
    assert_eq!(
        looked_after(&first_beta),
        ["before Kubernetes 1.38"; 2],
        "{first_beta:#}"
    );
    let down = changes(&built(&new, "out"), &built(&old, "out"));
    assert_eq!(
        obstacles(&down),
        [
            "Kubernetes 1.35 -> 1.34: API servers have no way back, in no order: restore the snapshot of etcd from before the upgrade, \
             with the programs of that time, or stay (https://kubernetes.io/releases/version-skew-policy/)"
        ]
    );
    assert_eq!(steps(&down), Vec::<String>::new(), "{down:#}");
    let far = changes(&built(&at("1.31"), "out"), &built(&new, "out"));
    assert_eq!(
        obstacles(&far),
        [
            "Kubernetes 1.31 -> 1.35 skips minors, and two API servers may be one minor apart, and each removes what the one before has \
             only deprecated (https://kubernetes.io/releases/version-skew-policy/): go to 1.32, then to 1.33, then to 1.34, then to 1.35, \
             each a build and a plan of its own that is carried out before the next"
        ]
    );
    assert_eq!(steps(&far), Vec::<String>::new(), "{far:#}");
    // A kubelet does not change its minor under running pods: one node after the other is emptied, and used again when it is Ready.
    let kubectl = "kubectl --kubeconfig=/root/admin.kubeconfig";
    let emptied: Vec<&String> = steps_up
        .iter()
        .filter(|step| step.starts_with("emptied-node"))
        .collect();
    assert_eq!(emptied.len(), 6, "{steps_up:#?}");
    for (step, begins, ends) in [
        (
            0,
            "emptied-node m1: until ",
            "drain n1 --ignore-daemonsets --delete-emptydir-data --force --timeout=5m",
        ),
        (1, "emptied-node n1: ./install.sh; ", HEALTHY),
        (2, "emptied-node m1: until ", &format!("{kubectl} uncordon n1")),
        (
            3,
            "emptied-node m1: until ",
            "drain n2 --ignore-daemonsets --delete-emptydir-data --force --timeout=5m",
        ),
        (4, "emptied-node n2: ./install.sh; ", HEALTHY),
        (5, "emptied-node m1: until ", &format!("{kubectl} uncordon n2")),
    ] {
        assert!(
            emptied[step].starts_with(begins) && emptied[step].ends_with(ends),
            "{}",
            emptied[step]
        );
    }
    assert!(!steps_up.iter().any(|step| step.starts_with("node ")), "{steps_up:#?}");
}

/// Another patch is another program: it is put in place in the order of a minor, no node is emptied for it, and it may be taken back.
#[test]
fn a_patch_that_is_another_one() {
    let etcd_36 = "etcd = \"3.6.12\"";
    let at = |versions: &str| spec(&HOSTS, versions);
    let told_of = |before: &str, after: &str| {
        let (text, _) = diff(&at(before).path(), &at(after).path(), &["--format", "json"]);
        let changes: Value = serde_json::from_str(&text).expect("JSON");
        for list in ["obstacles", "warnings", "deletions"] {
            assert_eq!(changes[list], Value::Array(vec![]), "{before} {after}: {changes:#}");
        }
        steps(&changes)
    };
    for (before, after) in [
        ("1.37.0", "1.37.2"),
        ("1.37.2", "1.37.0"),
        ("1.37", "1.37.2"),
        ("1.37.0-rc.1", "1.37.0"),
        ("v1.37.0", "v1.37.2"),
    ] {
        let written = after.trim_start_matches('v');
        let put = |program: &str| format!("put {program} of Kubernetes {written} in place");
        let api = |host: &str| {
            format!(
                "api-server {host}: ./install.sh; {}; systemctl restart kube-apiserver; {READY}; sleep 15 # for load balancers, until they lead to it again",
                put("kube-apiserver")
            )
        };
        let control = |host: &str| {
            let [manager, scheduler] = ["kube-controller-manager", "kube-scheduler"].map(put);
            format!(
                "control-plane {host}: {manager}; {scheduler}; systemctl restart kube-controller-manager; systemctl restart kube-scheduler"
            )
        };
        let node = |host: &str| {
            let [proxy, kubelet] = ["kube-proxy", "kubelet"].map(put);
            format!(
                "node {host}: ./install.sh; {proxy}; {kubelet}; systemctl restart kube-proxy; systemctl restart kubelet; {HEALTHY}"
            )
        };
        let masters = ["m1", "m2", "m3"];
        let expected: Vec<String> = masters
            .map(api)
            .into_iter()
            .chain(masters.map(control))
            .chain(["n1", "n2"].map(node))
            .collect();
        let kubernetes = |version: &str| format!("kubernetes = {version:?}");
        assert_eq!(
            told_of(&kubernetes(before), &kubernetes(after)),
            expected,
            "{before} -> {after}"
        );
    }
    let of_35 = "kubernetes = \"1.35\"\n";
    for (before, after) in [("3.6.12", "3.6.16"), ("3.6.16", "3.6.12"), ("3.6", "3.6.16")] {
        let etcd = |version: &str| format!("{of_35}etcd = {version:?}");
        let told = told_of(&etcd(before), &etcd(after));
        let begins = ["m1", "m2", "m3"].map(|host| {
            format!("etcd {host}: ./install.sh; put etcd of etcd {after} in place; systemctl restart etcd; until etcdctl endpoint health")
        });
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(
            told.iter().zip(&begins).all(|(step, begin)| step.starts_with(begin)),
            "{told:#?}"
        );
    }
    // Any patch of the minor will do, so what is there does.
    assert_eq!(
        told_of("kubernetes = \"1.37.2\"", "kubernetes = \"1.37\""),
        Vec::<String>::new()
    );
    assert_eq!(
        told_of(&format!("{of_35}{etcd_36}"), &format!("{of_35}etcd = \"3.6\"")),
        Vec::<String>::new()
    );
    // A minor is named as it is asked for, too.
    let minor = changes(
        &at("kubernetes = \"1.37.2\"").path(),
        &at("kubernetes = \"1.38.0-beta.0\"").path(),
    );
    assert!(
        steps(&minor).iter().any(|step| step.starts_with("emptied-node n1: ")
            && step.contains("put kubelet of Kubernetes 1.38.0-beta.0 in place; ")),
        "{minor:#}"
    );
    let back = changes(
        &at("kubernetes = \"1.37.2\"").path(),
        &at("kubernetes = \"1.36.3\"").path(),
    );
    assert!(
        obstacles(&back)[0].starts_with("Kubernetes 1.37.2 -> 1.36.3: "),
        "{back:#}"
    );
}

#[test]
fn nodes_may_lag_behind_their_api_servers_and_are_never_newer() {
    let at = |minor: &str| spec(&HOSTS, &format!("kubernetes = \"{minor}\""));
    let specs = ["1.31", "1.34", "1.36"].map(at);
    let [of_31, of_34, of_36] = specs.each_ref().map(|spec| built(spec, "out").join("n1"));
    // A node alone may skip minors, and go back: its API servers are who counts.
    let three = changes(&of_31, &of_34);
    assert_eq!(obstacles(&three), Vec::<&str>::new());
    assert!(
        warnings(&three, false)
            .iter()
            .any(|told| told.contains("every API server has to be of 1.34 or of one of the next 3 minors before")),
        "{three:#}"
    );
    assert_eq!(obstacles(&changes(&of_34, &of_31)), Vec::<&str>::new());
    let far = changes(&of_31, &of_36);
    assert!(
        obstacles(&far)
            .contains(&"kubelet 1.31 is too old for API servers of 1.36, of which it may be 3 minors behind: bring it to 1.33 first"),
        "{far:#}"
    );
    // Nodes that were left behind by earlier changes, and nodes that would run ahead.
    let replace = |out: &Path, host: &Path| {
        fs::remove_dir_all(out.join("n1")).expect("a folder");
        assert!(
            Command::new("cp")
                .arg("-a")
                .arg(host)
                .arg(out.join("n1"))
                .status()
                .expect("cp")
                .success()
        );
    };
    let (before, after) = (at("1.34"), at("1.35"));
    let (old, new) = (built(&before, "old"), built(&after, "new"));
    replace(&old, &of_31);
    let lagging = changes(&old, &new);
    assert!(
        obstacles(&lagging)
            .contains(&"kubelet 1.31 is too old for API servers of 1.35, of which it may be 3 minors behind: bring it to 1.32 first"),
        "{lagging:#}"
    );
    let (old, new) = (built(&before, "old-again"), built(&after, "new-again"));
    replace(&new, &of_36);
    let ahead = changes(&old, &new);
    assert!(
        obstacles(&ahead).contains(&"kubelet 1.36 is newer than an API server, of 1.35: API servers come first"),
        "{ahead:#}"
    );
    assert_eq!(steps(&ahead), Vec::<String>::new());
}

#[test]
fn releases_of_etcd() {
    let at = |etcd: &str| {
        let oldest = "[checks]\nallow = [\"old-etcd\"]";
        spec(&HOSTS, &format!("kubernetes = \"1.33\"\netcd = {etcd:?}\n{oldest}"))
    };
    let pair = |old: &str, new: &str| changes(&at(old).path(), &at(new).path());
    let up = pair("3.5", "3.6");
    // Asked before anything is touched, once for all members.
    assert_eq!(
        steps(&up)[0],
        "precondition m1: etcdctl endpoint status --cluster | awk -F ', ' '{ split($3, v, \".\") } \
         (v[1] * 1000 + v[2]) * 1000 + v[3] < 3005026 { print $1 \" is \" $3 \", not yet 3.5.26\"; old = 1 } \
         END { if (NR != 3) print NR \" members answer\"; exit old || NR != 3 }'"
    );
    assert_eq!(
        up["steps"][0]["environment"]["ETCDCTL_ENDPOINTS"],
        "https://127.0.0.1:2379"
    );
    assert!(
        warnings(&up, false)[0]
            .starts_with("etcd 3.5 -> 3.6: every member has to be 3.5.26 or later before: older ones"),
        "{up:#}"
    );
    assert!(
        warnings(&up, true)[0].contains("unless etcdctl downgrade enable came before"),
        "{up:#}"
    );
    assert!(steps(&pair("3.6", "3.7"))[0].contains("3.6.11"));
    assert!(steps(&pair("3.4", "3.5"))[0].contains("not yet 3.4.0"));
    let far = pair("3.4", "3.7");
    assert!(
        obstacles(&far)[0].contains("go to 3.5, then to 3.6, then to 3.7, each a build"),
        "{far:#}"
    );
    let down = pair("3.6", "3.5");
    assert!(
        obstacles(&down)[0].contains("etcdctl downgrade enable")
            && obstacles(&down)[0].contains("downgrades/downgrade_3_6"),
        "{down:#}"
    );
    for refused in [far, down] {
        assert_eq!(steps(&refused), Vec::<String>::new());
    }
}

/// A member that has its settings from variables, or from a file of its own, has the same folder as one that has them from flags.
#[test]
fn a_members_folder_is_told_by_its_variables_and_its_file() {
    let spec = spec(&["m1 10.0.0.11 control-plane etcd", "n1 10.0.0.21 worker"], "");
    let new = built(&spec, "new");
    let folder = |settings: &str, file: Option<&str>, name: &str| -> Vec<String> {
        let old = built(&spec, name);
        let root = old.join("m1/rootfs");
        let unit = root.join("etc/systemd/system/etcd.service");
        fs::set_permissions(&unit, fs::Permissions::from_mode(0o644)).expect("a mode");
        fs::write(&unit, format!("[Service]\n{settings}\n")).expect("a unit");
        if let Some(file) = file {
            fs::write(root.join("etc/etcd/etcd.conf.yml"), file).expect("a file");
        }
        let changes = changes(&old, &new);
        let told = warnings(&changes, false).into_iter();
        told.filter(|told| told.contains("etcd --"))
            .map(str::to_owned)
            .collect()
    };
    let with_file = "ExecStart=/usr/local/bin/etcd --config-file=/etc/etcd/etcd.conf.yml";
    let moved = "etcd --data-dir /srv/etcd -> /var/lib/etcd: the member starts empty in another folder: move the old one there first";
    for (at, (settings, file, expected)) in [
        (
            "Environment=ETCD_DATA_DIR=/var/lib/etcd\nExecStart=/usr/local/bin/etcd",
            None,
            "",
        ),
        (
            "Environment=ETCD_DATA_DIR=/srv/etcd\nExecStart=/usr/local/bin/etcd",
            None,
            moved,
        ),
        (with_file, Some("data-dir: /var/lib/etcd\n"), ""),
        (with_file, Some("data-dir: /srv/etcd\n"), moved),
        (
            with_file,
            None,
            "etcd --config-file /etc/etcd/etcd.conf.yml is not here: whether what it says changes is not known",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let told = folder(settings, file, &format!("old{at}"));
        let expected: Vec<&str> = [expected].into_iter().filter(|told| !told.is_empty()).collect();
        assert_eq!(told, expected, "{settings} {file:?}");
    }
}

#[test]
fn a_load_balancer_that_moves() {
    let old = spec(&HOSTS, "");
    let mut hosts = HOSTS;
    hosts[3] = "lb 10.0.0.6 load-balancer";
    let new = spec(&hosts, "");
    let changes = changes(&built(&old, "out"), &built(&new, "out"));
    assert_eq!(
        details(&changes, "n1", "/var/lib/kubelet/kubeconfig"),
        ["server https://10.0.0.5:6443 -> https://10.0.0.6:6443"]
    );
    assert_eq!(
        details(&changes, "m1", "/var/lib/kubernetes/apiserver.pem"),
        ["- SAN 10.0.0.5", "+ SAN 10.0.0.6", "new serial; same key"]
    );
    assert!(
        warnings(&changes, false)
            .iter()
            .any(|warning| warning.contains("loses 10.0.0.5, which kubeconfigs call")),
        "{changes:#}"
    );
    let call = |url: &str| format!("until its own turn the node calls {url}: ");
    let is_told = |changes: &Value, url: &str| warnings(changes, false).iter().any(|told| told.starts_with(&call(url)));
    assert!(is_told(&changes, "https://10.0.0.5:6443"), "{changes:#}");
    let port = spec(&HOSTS, "[load_balancer]\nport = 7443\n");
    let other_port = self::changes(&built(&old, "out"), &built(&port, "out"));
    assert!(is_told(&other_port, "https://10.0.0.5:6443"), "{other_port:#}");
    let flag = spec(&HOSTS, "[components.kubelet.config]\nmaxPods = 50\n");
    let other_flag = self::changes(&built(&old, "out"), &built(&flag, "out"));
    assert!(!is_told(&other_flag, "https://10.0.0.5:6443"), "{other_flag:#}");
    // Nobody would answer where the nodes call, so there are no steps, but three builds that do it.
    for refused in [&changes, &other_port] {
        let told = obstacles(refused);
        assert!(
            told.len() == 1
                && told[0].contains("first the cluster as it is, with endpoint = \"10.0.0.11:6443\" below [cluster]"),
            "{refused:#}"
        );
        assert_eq!(steps(refused), Vec::<String>::new());
    }
    let meanwhile = |extra: &str| spec(&HOSTS, &format!("endpoint = \"10.0.0.11:6443\"\n{extra}"));
    let (first, second) = (meanwhile(""), meanwhile("[load_balancer]\nport = 7443\n"));
    let at = |stage: &str, changes: &Value| steps(changes).iter().filter(|step| step.starts_with(stage)).count();
    let plans =
        [(&old, &first), (&first, &second), (&second, &port)].map(|(old, new)| self::changes(&old.path(), &new.path()));
    for (plan, balancers, nodes) in [(&plans[0], 0, 2), (&plans[1], 1, 0), (&plans[2], 0, 2)] {
        assert_eq!(obstacles(plan), Vec::<&str>::new());
        assert_eq!(
            (at("load-balancer ", plan), at("node ", plan)),
            (balancers, nodes),
            "{plan:#}"
        );
    }
    assert_eq!(
        steps(&plans[2]).last().expect("a step"),
        &format!("node n2: ./install.sh; systemctl restart kube-proxy; systemctl restart kubelet; {HEALTHY}")
    );
}

/// What is called is answered till the end, or wasn't answered by this cluster's hosts before: nobody is held up.
#[test]
fn another_place_to_call_while_the_old_one_answers() {
    const VIRTUAL: &str = "[load_balancer]\ninterface = \"eth0\"\nvirtual_ip = \"10.0.0.9\"\n";
    let two = |extra: &str| {
        let mut hosts = HOSTS.to_vec();
        hosts.insert(4, "lb2 10.0.0.6 load-balancer");
        spec(&hosts, extra)
    };
    let endpoint = |host: &str| format!("endpoint = \"{host}\"\n");
    let of_endpoint = |host: &str| spec(&HOSTS, &endpoint(host));
    let one = || spec(&HOSTS, "");
    for (what, old, new) in [
        ("a balancer's own address -> a virtual one", one(), two(VIRTUAL)),
        (
            "the same with another program",
            one(),
            two(&format!("{VIRTUAL}engine = \"haproxy\"\n")),
        ),
        (
            "another program behind a virtual address",
            two(VIRTUAL),
            two(&format!("{VIRTUAL}engine = \"haproxy\"\n")),
        ),
        ("one of two balancers goes", two(VIRTUAL), spec(&HOSTS, VIRTUAL)),
        ("an API server -> the balancer", of_endpoint("10.0.0.11:6443"), one()),
        ("a balancer of others' -> ours", of_endpoint("10.9.9.9:6443"), one()),
        (
            "another name",
            of_endpoint("a.example:6443"),
            of_endpoint("b.example:6443"),
        ),
        (
            "another port of somebody else's",
            of_endpoint("a.example:443"),
            of_endpoint("a.example:8443"),
        ),
    ] {
        let changes = changes(&old.path(), &new.path());
        assert_eq!(obstacles(&changes), Vec::<&str>::new(), "{what}");
        assert!(!steps(&changes).is_empty(), "{what}");
    }
    let leaving = |host: &str| {
        let running = format!(
            "state = \"running\"\n{}[checks]\nallow = [\"even-etcd\"]\n",
            endpoint(host)
        );
        let spec = spec(&HOSTS, &running);
        let m1 = "ip = \"10.0.0.11\"\n";
        edit(&spec.path(), m1, &format!("{m1}state = \"leaving\"\n"));
        spec
    };
    // An API server that goes is stopped before the nodes that call it have their turn; a virtual address goes at once.
    for (old, new, meanwhile) in [
        (
            of_endpoint("10.0.0.11:6443"),
            leaving("10.0.0.12:6443"),
            "10.0.0.12:6443",
        ),
        (two(VIRTUAL), two(&endpoint("10.0.0.5:6443")), "10.0.0.11:6443"),
    ] {
        let changes = changes(&old.path(), &new.path());
        let told = obstacles(&changes);
        let first = format!("first the cluster as it is, with endpoint = \"{meanwhile}\"");
        assert!(told.iter().any(|told| told.contains(&first)), "{changes:#}");
    }
}

#[test]
fn another_layout_has_no_steps() {
    let of = |layout: &str| {
        let spec = spec(&HOSTS, "");
        edit(&spec.path(), "layout = \"split\"", &format!("layout = {layout:?}"));
        spec
    };
    for (before, after) in [("single", "split"), ("split", "single")] {
        let changes = changes(&of(before).path(), &of(after).path());
        assert!(
            obstacles(&changes)
                .iter()
                .any(|told| told.starts_with("the layout of authorities changes")),
            "{before} -> {after}: {:#}",
            changes["obstacles"]
        );
        assert_eq!(steps(&changes), Vec::<String>::new());
    }
}

#[test]
fn what_another_proxy_mode_and_another_containerd_leave_on_a_node() {
    let mode = |mode: &str, kubernetes: &str| {
        spec(
            &HOSTS,
            &format!("kubernetes = {kubernetes:?}\n[network]\nproxy_mode = {mode:?}\n"),
        )
    };
    let kubectl = "kubectl --kubeconfig=/root/admin.kubeconfig";
    let of_ipvs = "systemctl restart systemd-modules-load; ";
    for (before, after, modules) in [
        ("iptables", "ipvs", of_ipvs),
        ("ipvs", "nftables", of_ipvs),
        ("nftables", "iptables", ""),
    ] {
        let changes = changes(&mode(before, "1.34").path(), &mode(after, "1.34").path());
        let steps = steps(&changes);
        assert_eq!(
            steps[1],
            format!(
                "emptied-node n1: ./install.sh; {modules}systemctl stop kube-proxy && /usr/local/bin/kube-proxy --cleanup; \
                 systemctl restart kube-proxy"
            ),
            "{before} -> {after}"
        );
        assert!(
            steps[0].starts_with(&format!("emptied-node m1: until {kubectl} drain n1 ")),
            "{steps:#?}"
        );
        assert_eq!(steps.len(), 6, "{steps:#?}");
    }
    // What the cleanup of an old release does not take away is said.
    let left = changes(&mode("ipvs", "1.24").path(), &mode("iptables", "1.24").path());
    assert!(
        warnings(&left, false)[0].contains("leaves the chain KUBE-NODE-PORT"),
        "{left:#}"
    );

    let runtime = |version: &str| {
        spec(
            &HOSTS,
            &format!("kubernetes = \"1.30\"\n[runtime]\nversion = {version:?}\n"),
        )
    };
    let up = changes(&runtime("1.7").path(), &runtime("2.0").path());
    assert_eq!(
        steps(&up)[1],
        "emptied-node n1: put containerd 2.0 or later in place; containerd --version | awk '{ sub(/^v/, \"\", $3); \
         split($3, at, \".\"); if (at[1] + 0 > 2 || at[1] + 0 == 2 && at[2] + 0 >= 0) new = 1; else print \"not yet 2.0: \" $3 } END { exit !new }'; ./install.sh; systemctl restart containerd"
    );
    assert!(
        warnings(&up, false)[0].contains("becomes one of version 3, which containerd 2.0 and later read"),
        "{up:#}"
    );
    // What is asked of containerd, by what it tells: Debian 12's 1.6.20, and 2.0.0 as its makers and as a package build it.
    let asked = up["steps"][1]["actions"][1]["command"].as_str().expect("a command");
    for (told, is_new) in [
        (
            "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3",
            false,
        ),
        (
            "containerd github.com/containerd/containerd v1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da",
            false,
        ),
        (
            "containerd github.com/containerd/containerd/v2 v2.0.0 207ad711eabd375a01713109a8a197d197ff6542",
            true,
        ),
        ("containerd github.com/containerd/containerd/v2 2.0.0+unknown ", true),
        ("containerd github.com/containerd/containerd/v2 v10.1.0 ", true),
        ("", false),
    ] {
        is_asked(asked, told, is_new);
    }
    // 2.3 reads version 4 as well, and 2.2 does not start with it.
    let up = changes(&runtime("2.3").path(), &runtime("2.4").path());
    assert!(
        steps(&up)[1].starts_with("emptied-node n1: put containerd 2.3 or later in place; "),
        "{up:#}"
    );
    let warning = &warnings(&up, false)[0];
    assert!(
        warning.contains("becomes one of version 4, which containerd 2.3 and later read")
            && warning.contains("does not start with it"),
        "{up:#}"
    );
    let asked = up["steps"][1]["actions"][1]["command"].as_str().expect("a command");
    for (told, is_new) in [
        ("containerd github.com/containerd/containerd/v2 v2.2.9 x", false),
        ("containerd github.com/containerd/containerd/v2 v2.3.7 x", true),
        ("containerd github.com/containerd/containerd/v2 v2.4.2 ", true),
        ("containerd github.com/containerd/containerd/v2 2.10.0 x", true),
        ("containerd github.com/containerd/containerd/v2 v3.0.0 x", true),
        ("containerd github.com/containerd/containerd v1.7.27 x", false),
    ] {
        is_asked(asked, told, is_new);
    }
    // The same format: nothing has to be put in place for it.
    let same = changes(&runtime("2.0").path(), &runtime("2.1").path());
    assert_eq!(steps(&same)[0], "node n1: ./install.sh; systemctl restart containerd");
    assert_eq!(same["warnings"], Value::Array(vec![]), "{same:#}");
}

/// What a command that asks containerd for its version makes of what it tells.
fn is_asked(command: &str, told: &str, is_new: bool) {
    let tools = tempfile::tempdir().expect("a folder");
    let program = tools.path().join("containerd");
    fs::write(&program, format!("#!/bin/sh\necho '{told}'\n")).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").expect("a path"));
    let output = run(Command::new("sh").args(["-c", command]).env("PATH", path));
    assert_eq!(output.status.success(), is_new, "{told}: {}", said(&output));
}

#[test]
fn another_seed_is_another_cluster() {
    let old = spec(&HOSTS, "");
    let new = spec(&HOSTS, "");
    new.secret("seed", &OTHER_SEED);
    let changes = changes(&built(&old, "out"), &built(&new, "out"));
    let said = warnings(&changes, false).join("\n");
    for part in [
        "CN=Kubernetes",
        "etcd-ca",
        "front-proxy-ca",
        "key of service accounts",
        "written with at once",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(warnings(&changes, true)[0].contains("encryption key"), "{changes:#}");
    let key = details(&changes, "m1", "/var/lib/kubernetes/apiserver-key.pem");
    assert!(key.len() == 1 && key[0].starts_with("new key sha256:"), "{key:?}");
    // Without the seed that is all unknown, and nothing else differs.
    let out = built(&old, "out");
    fs::remove_file(new.path().with_file_name("seed")).expect("a seed");
    assert_eq!(diff(&out, &new.path(), &[]), (String::new(), 0));
}

#[test]
fn without_seeds_two_specifications_can_be_compared() {
    let old = spec(&HOSTS, "");
    let new = spec(&HOSTS, "names = [\"api.example.org\"]");
    for spec in [&old, &new] {
        fs::remove_file(spec.path().with_file_name("seed")).expect("a seed");
    }
    let (text, code) = diff(&old.path(), &new.path(), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("+ SAN api.example.org"), "{text}");
    assert!(
        !text.contains("sha256:"),
        "fingerprints of keys that nobody has: {text}"
    );
}

#[test]
fn a_limit_holds_and_what_has_no_room_is_counted() {
    let old = spec(&HOSTS, "");
    let new = spec(&HOSTS, "");
    new.secret("seed", &OTHER_SEED);
    let (old, new) = (built(&old, "old"), built(&new, "new"));
    for format in ["text", "markdown"] {
        let (whole, _) = diff(&old, &new, &["--format", format]);
        assert!(!whole.contains(" more\n"), "{whole}");
        for limit in [0, 10, 100, 1000, 2500, 5000, whole.len() + 1000] {
            let (text, code) = diff(&old, &new, &["--format", format, "--limit", &limit.to_string()]);
            // The line that it ends is the terminal's.
            assert!(text.len() <= limit + 1, "{limit}: {}", text.len());
            assert_eq!(code, 1);
            assert!(
                limit >= whole.len() || limit < 1000 || text.contains(" more\n"),
                "{limit}: {text}"
            );
            assert!(
                limit < 5000 || text.contains("encryption key"),
                "what can't be undone comes first: {text}"
            );
        }
    }
    assert_eq!(diff(&old, &new, &["--format", "json", "--limit", "100"]).1, 2);
}

#[test]
fn secrets_modes_and_texts() {
    let spec = spec(&HOSTS, "");
    let (old, new) = (built(&spec, "old"), built(&spec, "new"));
    let at = |out: &Path, path: &str| out.join("n1/rootfs").join(path);
    let write = |out: &Path, path: &str, mode: u32, text: &str| {
        fs::create_dir_all(at(out, path).parent().expect("a folder")).expect("a folder");
        fs::write(at(out, path), text).expect("a file");
        fs::set_permissions(at(out, path), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    // A secret that gets public, one that stays secret, a unit's environment, a flag, a URL.
    write(&old, "etc/token.conf", 0o600, "hunter2-old\n");
    write(&new, "etc/token.conf", 0o644, "hunter2-new\n");
    write(&old, "etc/users.csv", 0o644, "hunter2-old,admin\n");
    write(&new, "etc/users.csv", 0o644, "hunter2-new,admin\n");
    let unit = |password: &str, level: u8| {
        format!(
            "[Service]\nEnvironment=\"DB_PASSWORD={password}\" LEVEL={level} AWS_SECRET_ACCESS_KEY={password}\n\
             ExecStart=/bin/x -p {password} --header=\"Authorization: Basic {password}\" --token={password} --token-file=/{level} \
             --proxy=http://u:{password}@h/ -v={level}\n"
        )
    };
    write(&old, "etc/systemd/system/x.service", 0o644, &unit("hunter2-old", 1));
    write(&new, "etc/systemd/system/x.service", 0o644, &unit("hunter2-new", 2));
    let secret =
        |value: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  a: {value}\n");
    write(&old, "root/s.yaml", 0o644, &secret("hunter2-old"));
    write(&new, "root/s.yaml", 0o644, &secret("hunter2-new"));
    fs::set_permissions(at(&old, "var/lib/kubelet"), fs::Permissions::from_mode(0o700)).expect("a mode");
    fs::set_permissions(at(&new, "var/lib/kubelet"), fs::Permissions::from_mode(0o755)).expect("a mode");
    write(&new, "var/lib/kube-proxy/kubeconfig", 0o600, "a: [");
    let pod = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n    - name: c\n      env:\n        - name: API_TOKEN\n          \
             value: {value}\n"
        )
    };
    write(&old, "root/p.yaml", 0o644, &pod("hunter2-old"));
    write(&new, "root/p.yaml", 0o644, &pod("hunter2-new"));
    let kubeconfig = |value: &str| {
        format!(
            "kind: Config\nusers:\n  - name: u\n    user:\n      exec:\n        command: /bin/login\n        args: [--pin, {value}]\n        \
             env:\n          - name: LOGIN\n            value: {value}\n"
        )
    };
    write(&old, "root/own.kubeconfig", 0o600, &kubeconfig("hunter2-old"));
    write(&new, "root/own.kubeconfig", 0o600, &kubeconfig("hunter2-new"));
    write(&old, "etc/x.conf", 0o644, "# one\nvalue 1\n");
    write(&new, "etc/x.conf", 0o644, "# two\nvalue 1\n");
    let changes = changes(&old, &new);
    let of = |path: &str| details(&changes, "n1", path);
    assert_eq!(of("/etc/token.conf"), ["content changed", "mode 0600 -> 0644"]);
    assert_eq!(of("/etc/users.csv"), ["content changed"]);
    assert_eq!(of("/root/s.yaml"), ["stringData.a changed"]);
    assert_eq!(of("/root/p.yaml"), ["spec.containers[c].env[API_TOKEN].value changed"]);
    assert_eq!(of("/root/own.kubeconfig").len(), 2, "{changes:#}");
    assert_eq!(of("/etc/x.conf"), ["only comments or layout"]);
    assert_eq!(of("/var/lib/kubelet/"), ["mode 0700 -> 0755"]);
    assert_eq!(
        of("/var/lib/kube-proxy/kubeconfig"),
        ["was a kubeconfig, and is a secret file"]
    );
    assert_eq!(
        of("/etc/systemd/system/x.service"),
        [
            "Environment DB_PASSWORD changed",
            "Environment LEVEL 1 -> 2",
            "Environment AWS_SECRET_ACCESS_KEY changed",
            "--p changed",
            "--header changed",
            "--token changed",
            "--token-file /1 -> /2",
            "--proxy changed",
            "--v 1 -> 2"
        ]
    );
    assert!(!changes.to_string().contains("hunter2"), "{changes:#}");
    assert_eq!(
        steps(&changes),
        [
            "manifests n1: ./install.sh; kubectl apply -f /root/p.yaml; kubectl apply -f /root/s.yaml",
            "other n1: systemctl daemon-reload; systemctl restart x",
            "node n1: systemctl restart kube-proxy"
        ]
    );
}

#[test]
fn verify_says_what_the_specification_would_have_made_differently() {
    let old = spec(&HOSTS, "");
    let out = built(&old, "out");
    let verify = |path: &Path, spec: &Path, more: &[&str]| {
        let output = run(khw_gen()
            .arg("verify")
            .arg(path)
            .arg("--spec")
            .arg(spec)
            .args(["--at", "2026-06-01T00:00:00Z"])
            .args(more));
        (String::from_utf8(output.stdout).expect("text"), output.status.code())
    };
    for path in [out.clone(), out.join("m1"), out.join("n2.tar.gz")] {
        let (text, code) = verify(&path, &old.path(), &[]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("The specification makes the same."), "{text}");
    }
    let new = spec(&HOSTS, "names = [\"api.example.org\"]");
    let (text, code) = verify(&out, &new.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("+ SAN api.example.org"), "{text}");
    let (text, code) = verify(&out.join("m1"), &new.path(), &["--format", "json"]);
    assert_eq!(code, Some(1), "{text}");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let hosts = json["specification"]["hosts"].as_array().expect("hosts");
    assert_eq!(hosts.len(), 1, "{json:#}");
    assert_eq!(hosts[0]["host"], "m1");
    let elsewhere = spec(&["z1 10.0.0.11 control-plane etcd", "z2 10.0.0.12 worker"], "");
    assert_eq!(verify(&out.join("m1"), &elsewhere.path(), &[]).1, Some(2));
}

#[test]
fn the_readme_shows_what_is_printed() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let three_masters = support::project().join("specs/three-masters/cluster.toml");
    let text = fs::read_to_string(three_masters).expect("cluster.toml");
    let spec = |name: &str, names: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text.replace("[\"api.example.org\"]", names)).expect("cluster.toml");
        path
    };
    let (text, code) = diff(
        &spec("old.toml", "[\"api.example.org\"]"),
        &spec("new.toml", "[\"api.example.org\", \"api2.example.org\"]"),
        &[],
    );
    assert_eq!(code, 1);
    support::examples::assert_shows("diff", "text", &text);
}

#[test]
fn what_can_not_be_read_is_trouble_and_not_a_host_that_is_gone() {
    let spec = spec(&HOSTS, "");
    let out = built(&spec, "out");
    let folder = spec.path().with_file_name("odd");
    fs::create_dir(&folder).expect("a folder");
    assert_eq!(diff(&out, &folder, &[]).1, 2, "an empty folder");
    assert_eq!(diff(&folder, &out, &[]).1, 2, "an empty folder");
    let whole = fs::read(out.join("n1.tar.gz")).expect("an archive");
    let cut = folder.join("n1.tar.gz");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("an archive");
    assert_eq!(diff(&out.join("n1.tar.gz"), &cut, &[]).1, 2, "an archive cut off");
    let inspected = run(khw_gen().arg("inspect").arg(&cut));
    assert_eq!(inspected.status.code(), Some(2), "{}", said(&inspected));
    let linked = built(&spec, "linked");
    fs::remove_dir_all(linked.join("n1")).expect("a folder");
    std::os::unix::fs::symlink("n2", linked.join("n1")).expect("a link");
    assert_eq!(diff(&out, &linked, &[]).1, 2, "a link");
    // A host alone is compared with that host.
    assert_eq!(diff(&out.join("n1"), &spec.path(), &[]), (String::new(), 0));
    assert_eq!(diff(&out, &out.join("m1.tar.gz"), &[]), (String::new(), 0));
}

#[test]
fn roles_engines_and_removed_files() {
    let old = spec(&HOSTS, "");
    let mut hosts = HOSTS;
    hosts[2] = "m3 10.0.0.13 control-plane";
    let without = spec(&hosts, "[checks]\nallow = [\"even-etcd\"]");
    let lost = changes(&built(&old, "out"), &built(&without, "out"));
    assert!(warnings(&lost, true)[0].contains("a member of etcd goes"), "{lost:#}");
    let removal = "letting-go m1: ./install.sh; systemctl daemon-reload; systemctl restart kube-apiserver";
    assert!(steps(&lost)[0].starts_with(removal), "{lost:#}");
    let removed = |step: &String| step.starts_with("membership m1: ") && step.contains("etcdctl member remove");
    assert!(steps(&lost).iter().any(removed), "{lost:#}");
    let deletions = lost["deletions"].as_array().expect("deletions");
    assert!(
        deletions
            .iter()
            .any(|file| file["host"] == "m3" && file["path"] == "/etc/systemd/system/etcd.service"),
        "{lost:#}"
    );
    let joined = changes(&built(&without, "back"), &built(&old, "out"));
    assert!(obstacles(&joined)[0].contains("state = \"running\""), "{joined:#}");

    let other = spec(&HOSTS, "[load_balancer]\nengine = \"haproxy\"");
    let engine = changes(&built(&old, "out"), &built(&other, "out"));
    assert_eq!(
        steps(&engine),
        [
            "load-balancer lb: bring haproxy: INSTALL.md says more of each; ./install.sh; systemctl disable --now nginx; systemctl enable haproxy && systemctl restart haproxy"
        ]
    );

    let with = spec(&HOSTS, "[components.containerd.on.worker.env]\nLEVEL = \"1\"");
    let drop_in = changes(&built(&old, "out"), &built(&with, "out"));
    assert_eq!(
        steps(&drop_in),
        ["n1", "n2"]
            .map(|host| format!("node {host}: ./install.sh; systemctl daemon-reload; systemctl restart containerd"))
    );
}

/// What `diff` advises where a running cluster is to have two families of addresses: its workers leave, and join again.
#[test]
fn another_family_of_pods_comes_while_there_are_no_workers() {
    let one_family = spec(
        &HOSTS,
        "state = \"running\"\n[network]\nservices = \"10.32.0.0/24\"\npods = \"10.200.0.0/16\"\n",
    );
    let text = fs::read_to_string(one_family.path()).expect("cluster.toml");
    let without_workers = |text: &str| -> String {
        let hosts = text.split_inclusive("\n\n");
        hosts.filter(|host| !host.contains("\"worker\"")).collect()
    };
    let second = |text: &str| -> String {
        let lines = text.lines().map(
            |line| match line.strip_prefix("ip = \"").and_then(|ip| ip.strip_suffix('"')) {
                Some(ip) => format!(
                    "ip = [\"{ip}\", \"fd00:1::{}\"]\n",
                    ip.rsplit('.').next().unwrap_or_default()
                ),
                None => format!("{line}\n"),
            },
        );
        lines
            .collect::<String>()
            .replace("\"10.32.0.0/24\"", "[\"10.32.0.0/24\", \"fd00:2::/112\"]")
            .replace("\"10.200.0.0/16\"", "[\"10.200.0.0/16\", \"fd00:3::/56\"]")
    };
    let old = built(&one_family, "old");
    let build = |text: String, to: &str| {
        fs::write(one_family.path(), text).expect("cluster.toml");
        built(&one_family, to)
    };
    let both = build(second(&text), "both");
    let refused = changes(&old, &both);
    let obstacle = refused["obstacles"][0]["message"].as_str().expect("an obstacle");
    assert!(obstacle.contains("take the entries of all workers out"), "{obstacle}");
    let none = build(without_workers(&text), "none");
    for (before, after) in [(&old, &none), (&none, &both)] {
        let carried_out = changes(before, after);
        assert_eq!(carried_out["obstacles"], Value::Array(Vec::new()), "{carried_out:#}");
        assert!(!carried_out["steps"].as_array().expect("steps").is_empty());
    }
}

/// A kubelet keeps what it made of some settings in a file, and does not start under others before that is gone: 1.31.14 and 1.37.2 say
/// "configured policy "static" differs from state checkpoint policy "none"".
#[test]
fn what_a_kubelet_keeps_of_a_policy_is_forgotten_on_an_emptied_node() {
    let running = "state = \"running\"\n";
    let old = spec(&HOSTS, running);
    let own = "[components.kubelet.config]\ncpuManagerPolicy = \"static\"\nkubeReserved = { cpu = \"500m\" }\n";
    let new = spec(&HOSTS, &format!("{running}{own}"));
    let changes = changes(&old.path(), &new.path());
    let of_node = steps(&changes)
        .into_iter()
        .find(|step| step.contains("n1: ") && step.contains("cpu_manager_state"))
        .unwrap_or_else(|| panic!("{changes:#}"));
    let forgetting = of_node
        .find("systemctl stop kubelet && rm -f /var/lib/kubelet/cpu_manager_state")
        .expect("a command");
    assert!(
        of_node[forgetting..].contains("systemctl restart kubelet") && of_node.starts_with("emptied-node"),
        "{of_node}"
    );
    assert!(
        steps(&changes)
            .iter()
            .any(|step| step.contains("kubectl --kubeconfig=/root/admin.kubeconfig drain n1")),
        "{changes:#}"
    );
    assert!(
        warnings(&changes, false)
            .iter()
            .any(|said| said.contains("cpuManagerPolicy of the kubelet none -> static")),
        "{changes:#}"
    );
    // With the same policy nothing of it is touched.
    let more = spec(&HOSTS, &format!("{running}{own}maxPods = 50\n"));
    let changes = self::changes(&new.path(), &more.path());
    assert!(!format!("{changes}").contains("cpu_manager_state"), "{changes:#}");
}
