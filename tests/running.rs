//! A cluster that runs: who comes, who goes, and what is said and built then. What the steps lead to is carried out on real members
//! of etcd by `tests/e2e/life.py`.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Spec, khw_gen, namespaces, program, project, run, said};
use tempfile::TempDir;

/// A specification of hosts, each `NAME ADDRESS ROLE…`, behind a colon perhaps a state.
fn spec(state: &str, hosts: &[&str]) -> Spec {
    let plain: Vec<&str> = hosts
        .iter()
        .map(|host| host.split(':').next().expect("a host"))
        .collect();
    let spec = Spec::new(
        &plain,
        &format!("layout = \"split\"\n[cluster]\nname = \"pair\"\nendpoint = \"10.0.0.11\"\nstate = {state:?}\n[checks]\nallow = [\"even-etcd\"]"),
    )
    .with_ecdsa_keys();
    let mut text = fs::read_to_string(spec.path()).expect("cluster.toml");
    for host in hosts {
        if let Some((host, state)) = host.split_once(':') {
            let ip = format!("ip = {:?}\n", host.split(' ').nth(1).expect("an address"));
            text = text.replace(&ip, &format!("{ip}state = {state:?}\n"));
        }
    }
    fs::write(spec.path(), text).expect("cluster.toml");
    spec
}

const M1: &str = "m1 10.0.0.11 control-plane etcd";
const N1: &str = "n1 10.0.0.21 worker";

fn built(spec: &Spec) -> PathBuf {
    let out = spec.path().with_file_name("out");
    let output = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert!(output.status.success(), "{}", said(&output));
    out
}

fn changes(old: &Spec, new: &Spec) -> Value {
    let output = run(khw_gen()
        .arg("diff")
        .arg(old.path())
        .arg(new.path())
        .args(["--format", "json"]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The stages and hosts of the steps, with the commands.
fn steps(changes: &Value) -> Vec<(String, String)> {
    let steps = changes["steps"].as_array().expect("steps").iter();
    let told = |action: &Value| {
        action
            .get("command")
            .or(action.get("text"))
            .and_then(Value::as_str)
            .expect("words")
            .to_owned()
    };
    steps
        .map(|step| {
            let actions = step["actions"].as_array().expect("actions").iter();
            let place = format!(
                "{} {}",
                step["stage"].as_str().expect("a stage"),
                step["host"].as_str().expect("a host")
            );
            (place, actions.map(told).collect::<Vec<_>>().join("; "))
        })
        .collect()
}

fn places(changes: &Value) -> Vec<String> {
    steps(changes).into_iter().map(|(place, _)| place).collect()
}

fn obstacles(changes: &Value) -> String {
    changes["obstacles"].to_string()
}

fn flag(out: &Path, host: &str, unit: &str, flag: &str) -> String {
    let unit = out.join(host).join(format!("rootfs/etc/systemd/system/{unit}.service"));
    let text = fs::read_to_string(&unit).unwrap_or_else(|error| panic!("{}: {error}", unit.display()));
    let (_, rest) = text
        .split_once(&format!("--{flag}="))
        .unwrap_or_else(|| panic!("no --{flag}: {text}"));
    rest.split_whitespace().next().expect("a value").to_owned()
}

#[test]
fn each_member_that_joins_has_the_membership_of_its_turn_and_nobody_counts_on_it() {
    let hosts = [
        M1,
        "m9 10.0.0.19 control-plane etcd:joining",
        "m2 10.0.0.12 etcd:leaving",
        "m3 10.0.0.13 etcd:joining",
        N1,
        "lb 10.0.0.5 load-balancer",
    ];
    let spec = spec("running", &hosts);
    let out = built(&spec);
    let entry = |name: &str, last: u8| format!("{name}=https://10.0.0.{last}:2380");
    let (m1, m2, m3, m9) = (entry("m1", 11), entry("m2", 12), entry("m3", 13), entry("m9", 19));
    for (host, named) in [
        ("m1", format!("{m1},{m2}")),
        ("m2", format!("{m1},{m2}")),
        // In the order of the file.
        ("m9", format!("{m1},{m9},{m2}")),
        ("m3", format!("{m1},{m9},{m2},{m3}")),
    ] {
        assert_eq!(flag(&out, host, "etcd", "initial-cluster"), named, "{host}");
        assert_eq!(flag(&out, host, "etcd", "initial-cluster-state"), "existing");
    }
    for host in ["m1", "m9"] {
        assert_eq!(
            flag(&out, host, "kube-apiserver", "etcd-servers"),
            "https://10.0.0.11:2379"
        );
    }
    // Members that join name others than those that are there, and each those before it.
    let verify = || run(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));
    assert!(verify().status.success(), "{}", said(&verify()));
    let unit = out.join("m3/rootfs/etc/systemd/system/etcd.service");
    let text = fs::read_to_string(&unit).expect("a unit");
    fs::write(&unit, text.replace(&format!(",{m9}"), "")).expect("a unit");
    assert!(said(&verify()).contains("[etcd-disagrees]: m3"), "{}", said(&verify()));
    let balancer = fs::read_to_string(out.join("lb/rootfs/etc/nginx/tcpconf.d/kubernetes.conf")).expect("a file");
    assert!(
        balancer.contains("10.0.0.11:6443") && !balancer.contains("10.0.0.19"),
        "{balancer}"
    );
    let manifest = fs::read_to_string(out.join("m9/MANIFEST")).expect("a manifest");
    let about = "# host: m9\n# addresses: 10.0.0.19\n# roles: control-plane etcd\n# state: joining\n# kubernetes: ";
    assert!(manifest.contains(about), "{manifest}");
    let install = |host: &str| fs::read_to_string(out.join(host).join("INSTALL.md")).expect("instructions");
    assert!(install("m9").contains("This host joins it") && install("m2").contains("This host leaves it"));
    assert!(!install("m1").contains("ETCDCTL_API"), "nobody asks for that since 3.4");
}

#[test]
fn who_comes_or_goes_is_no_finding_in_any_role() {
    let stay = [
        M1,
        N1,
        "m2 10.0.0.12 control-plane etcd",
        "m3 10.0.0.13 control-plane etcd",
        "lb 10.0.0.5 load-balancer",
        "adm 10.0.0.30 admin",
    ];
    for roles in [
        "control-plane",
        "etcd",
        "control-plane etcd",
        "control-plane etcd worker",
        "worker",
        "load-balancer",
        "admin",
    ] {
        for state in ["joining", "leaving"] {
            let other = format!("x1 10.0.0.41 {roles}:{state}");
            let spec = spec("running", &[&stay[..], &[&other]].concat());
            let mut verify = khw_gen();
            verify
                .arg("verify")
                .arg(built(&spec))
                .args(["--at", "2026-06-01T00:00:00Z"]);
            let output = run(&mut verify);
            assert!(output.status.success(), "{other}: {}", said(&output));
            let text = said(&output);
            // The walk-through's request for the administrator, with which this is built, is one whatever comes or goes.
            let is_other = |line: &&str| line.contains("[") && !line.contains("[system-masters]");
            let findings: Vec<&str> = text.lines().filter(is_other).collect();
            assert!(findings.is_empty(), "{other}: {findings:#?}");
        }
    }
}

#[test]
fn a_balancer_that_leaves_out_an_api_server_that_stays_is_still_found() {
    let stays = "m2 10.0.0.12 control-plane etcd";
    let spec = spec(
        "running",
        &[
            M1,
            stays,
            "x1 10.0.0.41 control-plane:joining",
            N1,
            "lb 10.0.0.5 load-balancer",
        ],
    );
    let out = built(&spec);
    let path = out.join("lb/rootfs/etc/nginx/tcpconf.d/kubernetes.conf");
    let text = fs::read_to_string(&path).expect("a file");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("10.0.0.12:6443")).collect();
    fs::write(&path, without.join("\n")).expect("a file");
    let text = said(&run(khw_gen()
        .arg("verify")
        .arg(&out)
        .args(["--at", "2026-06-01T00:00:00Z"])));
    assert!(text.contains("never asks the API server of m2"), "{text}");
    assert!(!text.contains("API server of x1"), "{text}");
    assert!(text.contains("[etcd-quorum]"), "no member comes or goes: {text}");
}

#[test]
fn that_a_cluster_runs_changes_nothing_that_runs() {
    let (new, running) = (spec("new", &[M1, N1]), spec("running", &[M1, N1]));
    let changes = changes(&new, &running);
    assert_eq!(steps(&changes), []);
    let copies = changes["copies"].to_string();
    assert_eq!(copies, r#"[{"host":"m1","path":"/etc/systemd/system/etcd.service"}]"#);
    let last = fs::read_to_string(built(&new).join("n1/INSTALL.md")).expect("instructions");
    assert!(last.contains("Write `state = \"running\"` below `[cluster]`"), "{last}");
}

/// Programs that a machine may need, each by the word that it is.
const PROGRAMS: [&str; 17] = [
    "kubelet",
    "kube-proxy",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "etcd",
    "etcdctl",
    "containerd",
    "runc",
    "bridge",
    "host-local",
    "portmap",
    "loopback",
    "nginx",
    "haproxy",
    "keepalived",
];

/// Which programs a text names.
fn programs_in(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_lowercase() && c != '-').collect();
    PROGRAMS.into_iter().filter(|program| words.contains(program)).collect()
}

/// A plan names what somebody brings to a machine that comes, once and before its bundle: what `INSTALL.md` lists there.
#[test]
fn what_a_host_that_comes_needs_is_in_its_plan() {
    let before = spec("running", &[M1, N1]);
    let coming = [
        "w2 10.0.0.22 worker:joining",
        "cp2 10.0.0.12 control-plane:joining",
        "e2 10.0.0.13 etcd:joining",
        "lb 10.0.0.50 load-balancer:joining",
        "desk 10.0.0.60 admin:joining",
        "all 10.0.0.70 control-plane etcd worker:joining",
    ];
    for host in coming {
        let after = spec("running", &[M1, N1, host]);
        let name = host.split(' ').next().expect("a name");
        let told = steps(&changes(&before, &after));
        let own: Vec<&str> = told
            .iter()
            .filter(|(place, _)| place.ends_with(&format!(" {name}")))
            .map(|(_, commands)| commands.as_str())
            .collect();
        let brought: Vec<&str> = own
            .iter()
            .flat_map(|one| one.split("; "))
            .filter(|one| one.starts_with("bring "))
            .collect();
        let install = fs::read_to_string(built(&after).join(name).join("INSTALL.md")).expect("instructions");
        let listed = install
            .split("## Before")
            .nth(1)
            .and_then(|rest| rest.split("## Install").next());
        let listed = programs_in(listed.expect("a list"));
        // Nothing is started on a machine where somebody works.
        if name == "desk" {
            assert_eq!(
                own,
                ["bring kubectl of Kubernetes 1.37: INSTALL.md says more of each; ./install.sh"]
            );
        }
        let [only] = brought.as_slice() else {
            panic!("{name}: {told:#?}");
        };
        assert!(own[0].starts_with(only), "{name}: {told:#?}");
        assert_eq!(programs_in(only), listed, "{name}: {only}\n{install}");
    }
}

/// A host that is there and gets another task is brought what that needs, and nothing that it has.
#[test]
fn what_another_role_needs_is_brought_before_its_bundle() {
    let with = |hosts: &[&str], extra: &str| {
        let spec = spec("running", hosts);
        let text = fs::read_to_string(spec.path()).expect("cluster.toml");
        fs::write(spec.path(), format!("{text}\n{extra}\n")).expect("cluster.toml");
        spec
    };
    let (lb, haproxy) = ("lb 10.0.0.50 load-balancer", "[load_balancer]\nengine = \"haproxy\"");
    let gvisor = "[runtime]\ngvisor = true";
    type Cluster<'a> = (&'a [&'a str], &'a str);
    let cases: [(Cluster<'_>, Cluster<'_>, &str, &str); 7] = [
        (
            (&[M1, N1], ""),
            (&[M1, "n1 10.0.0.21 worker control-plane"], ""),
            "n1",
            "kube-apiserver, kube-controller-manager, kube-scheduler and kubectl of Kubernetes 1.37",
        ),
        (
            (&[M1, N1], ""),
            (&[M1, "n1 10.0.0.21 worker etcd"], ""),
            "n1",
            "etcd and etcdctl of etcd 3.7",
        ),
        (
            (&[N1, M1], ""),
            (&[N1, "m1 10.0.0.11 control-plane etcd worker"], ""),
            "m1",
            "kubelet and kube-proxy of Kubernetes 1.37, containerd 2.3 with its unit, and runc, the CNI plugins bridge, host-local, portmap \
             and loopback",
        ),
        (
            (&[M1, N1], ""),
            (&[M1, "n1 10.0.0.21 worker admin"], ""),
            "n1",
            "kubectl of Kubernetes 1.37",
        ),
        (
            (&[M1, N1], ""),
            (&[M1, N1], gvisor),
            "n1",
            "runsc and containerd-shim-runsc-v1",
        ),
        ((&[M1, N1, lb], ""), (&[M1, N1, lb], haproxy), "lb", "haproxy"),
        ((&[M1, N1, lb], haproxy), (&[M1, N1, lb], ""), "lb", "nginx"),
    ];
    for (before, after, host, needed) in cases {
        let told = steps(&changes(&with(before.0, before.1), &with(after.0, after.1)));
        let brought: Vec<&(String, String)> = told.iter().filter(|(_, words)| words.contains("bring ")).collect();
        let [(place, words)] = brought.as_slice() else {
            panic!("{needed}: {told:#?}");
        };
        assert!(place.ends_with(&format!(" {host}")), "{needed}: {told:#?}");
        let begins = format!("bring {needed}: INSTALL.md says more of each; ");
        assert!(
            words.starts_with(&begins) && words.contains("; ./install.sh"),
            "{needed}: {words}"
        );
        let of_host = |(at, words): &(String, String)| {
            at.ends_with(&format!(" {host}")) && (words.contains("install.sh") || words.contains("systemctl"))
        };
        assert_eq!(
            told.iter().position(of_host),
            told.iter().position(|one| std::ptr::eq(one, brought[0])),
            "{told:#?}"
        );
    }
    // Nobody is brought anything who loses a task, or gets another certificate.
    let both = "n1 10.0.0.21 worker admin";
    let less = steps(&changes(&with(&[M1, both], ""), &with(&[M1, N1], "")));
    assert!(less.iter().all(|(_, words)| !words.contains("bring ")), "{less:#?}");
}

#[test]
fn members_that_come_come_one_at_a_time_and_api_servers_call_them_last() {
    let before = spec("running", &[M1, N1]);
    let joining = spec(
        "running",
        &[M1, "m2 10.0.0.12 etcd:joining", "m3 10.0.0.13 etcd:joining", N1],
    );
    let after = spec("running", &[M1, "m2 10.0.0.12 etcd", "m3 10.0.0.13 etcd", N1]);
    let first = changes(&before, &joining);
    let turn = |name: &str| {
        [
            "membership m1".to_owned(),
            format!("membership {name}"),
            "membership m1".to_owned(),
        ]
    };
    assert_eq!(places(&first), [turn("m2"), turn("m3")].concat());
    let told = steps(&first);
    assert!(
        told[0]
            .1
            .ends_with("etcdctl member add m2 --learner --peer-urls=https://10.0.0.12:2380"),
        "{told:#?}"
    );
    assert_eq!(
        told[1].1,
        "bring etcd and etcdctl of etcd 3.7: INSTALL.md says more of each; test ! -e /var/lib/etcd/member; ./install.sh; systemctl start etcd"
    );
    assert!(told[2].1.contains("etcdctl member promote") && told[2].1.ends_with("etcdctl endpoint health --cluster"));
    let environment = &first["steps"][0]["environment"];
    assert_eq!(environment["ETCDCTL_ENDPOINTS"], "https://127.0.0.1:2379");
    assert_eq!(environment["ETCDCTL_CERT"], "/etc/etcd/etcd-healthcheck-client.pem");
    assert_eq!(places(&changes(&joining, &after)), ["api-server m1"]);
    // All in one: m2's own unit names m3, and etcd starts with none but the members of the moment.
    let at_once = changes(&before, &after);
    assert_eq!(steps(&at_once), []);
    assert!(obstacles(&at_once).contains("state = \\\"joining\\\""), "{at_once:#}");
}

#[test]
fn who_is_dead_goes_before_who_comes_and_who_leaves_goes_last() {
    let [m2, m3] = ["m2 10.0.0.12 etcd", "m3 10.0.0.13 control-plane etcd"];
    let before = spec("running", &[M1, m2, m3, N1]);
    let dead = changes(&before, &spec("running", &[M1, m2, "m4 10.0.0.14 etcd:joining", N1]));
    let told = steps(&dead);
    assert_eq!(told[0].0, "letting-go m1");
    assert!(
        told[1].1.contains("member remove") && told[1].1.contains("https://10.0.0.13:2380"),
        "{told:#?}"
    );
    assert!(told[2].1.contains("member add m4"), "{told:#?}");
    let leaving = spec(
        "running",
        &[M1, m2, &format!("{m3}:leaving"), "m4 10.0.0.14 etcd:joining", N1],
    );
    let alive = changes(&before, &leaving);
    assert_eq!(
        places(&alive),
        [
            "letting-go m1",
            "letting-go m3",
            "membership m1",
            "membership m4",
            "membership m1",
            "departure m1",
            "departure m3",
        ]
    );
    let told = steps(&alive);
    assert!(told[5].1.contains("member remove"), "{told:#?}");
    let stopped = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]
        .map(|unit| format!("systemctl disable --now {unit}"));
    assert_eq!(told[6].1, stopped.join("; "));
    // It has left: its entry may go, and nothing of etcd is left to be done.
    let gone = changes(&leaving, &spec("running", &[M1, m2, "m4 10.0.0.14 etcd", N1]));
    assert_eq!(places(&gone), ["api-server m1", "retirement m3"]);
}

#[test]
fn a_worker_that_leaves_is_drained_and_one_that_is_dead_is_forgotten() {
    let n2 = "n2 10.0.0.22 worker";
    let before = spec("running", &[M1, N1, n2]);
    let leaving = spec("running", &[M1, N1, &format!("{n2}:leaving")]);
    let told = steps(&changes(&before, &leaving));
    let kubectl = "kubectl --kubeconfig=/root/admin.kubeconfig";
    assert_eq!(
        told,
        [
            (
                "node-departure m1".to_owned(),
                format!("{kubectl} drain n2 --ignore-daemonsets --delete-emptydir-data --force --timeout=5m")
            ),
            (
                "node-departure n2".to_owned(),
                "systemctl disable --now kubelet; systemctl disable --now kube-proxy".to_owned()
            ),
            (
                "node-departure m1".to_owned(),
                format!("{kubectl} delete node n2 --ignore-not-found")
            ),
        ]
    );
    let without = spec("running", &[M1, N1]);
    let after = steps(&changes(&leaving, &without));
    assert!(
        after.iter().all(|(_, commands)| !commands.contains("delete node")),
        "{after:#?}"
    );
    let dead = steps(&changes(&before, &without));
    assert!(
        dead.iter().any(|(_, commands)| commands.contains("delete node n2")),
        "{dead:#?}"
    );
    assert!(
        dead.iter().all(|(_, commands)| !commands.contains("drain")),
        "{dead:#?}"
    );
}

#[test]
fn a_host_of_the_same_address_is_the_same_machine_unless_it_joins() {
    let before = spec("running", &[M1, "m2 10.0.0.12 etcd", "m3 10.0.0.13 etcd", N1]);
    let renamed = spec(
        "running",
        &[M1, "m2 10.0.0.12 etcd", "mx 10.0.0.13 etcd", "nx 10.0.0.21 worker"],
    );
    let changes_of_names = changes(&before, &renamed);
    let told = steps(&changes_of_names);
    let of = |place: &str| {
        told.iter()
            .find(|(at, _)| at == place)
            .unwrap_or_else(|| panic!("no {place}: {told:#?}"))
            .1
            .clone()
    };
    let etcd = of("etcd mx");
    assert!(
        etcd.starts_with(
            "hostnamectl set-hostname mx; ./install.sh; systemctl daemon-reload; systemctl restart etcd; "
        ),
        "{etcd}"
    );
    assert!(
        told.iter().all(|(_, commands)| !commands.contains("member ")),
        "{told:#?}"
    );
    let node: Vec<&str> = told
        .iter()
        .filter(|(place, _)| place.starts_with("emptied-node "))
        .map(|(_, told)| told.as_str())
        .collect();
    assert!(
        node[0].contains(" drain n1 ") && node[1].contains("restart kubelet") && node[2].contains(" delete node n1 "),
        "{node:#?}"
    );
    // Another machine at that address.
    let other = spec("running", &[M1, "m2 10.0.0.12 etcd", "mx 10.0.0.13 etcd:joining", N1]);
    let told = steps(&changes(&before, &other));
    let commands: Vec<&str> = told.iter().map(|(_, commands)| commands.as_str()).collect();
    let at = |part: &str| {
        commands
            .iter()
            .position(|told| told.contains(part))
            .unwrap_or_else(|| panic!("no {part}: {told:#?}"))
    };
    assert!(at("member remove") < at("member add mx"), "{told:#?}");
}

#[test]
fn a_build_over_another_membership_says_what_is_missing_and_writes_the_plan_that_is_asked_for() {
    let before = spec("new", &[M1, N1]);
    let out = built(&before);
    let plan = before.path().with_file_name("PLAN.md");
    let build = |spec: &Spec| {
        run(khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(&out)
            .arg("--plan")
            .arg(&plan))
    };
    let new = spec("new", &[M1, "m2 10.0.0.12 etcd", N1]);
    let noted = build(&new);
    assert!(
        said(&noted).contains("was made with etcd on m1; if that cluster runs, write state = \"running\""),
        "{}",
        said(&noted)
    );
    assert!(
        said(&noted).contains("Can't be carried out like this") && said(&noted).contains("leave --plan out"),
        "{}",
        said(&noted)
    );
    // What was there stays, for the right plan leads from it.
    assert!(noted.status.code() == Some(1) && !plan.exists() && !out.join("m2").exists());
    let joins = spec("running", &[M1, "m2 10.0.0.12 etcd:joining", N1]);
    assert!(build(&joins).status.success());
    let text = fs::read_to_string(&plan).expect("a plan");
    assert!(text.contains("member add"), "{text}");
    // A plan that nobody has carried out yet is not lost.
    let again = build(&before);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&plan).expect("a plan"), text);
    assert!(out.join("m2").is_dir(), "nothing was built");
    fs::remove_file(&plan).expect("a plan");
    let inside = run(khw_gen()
        .arg("build")
        .arg(before.path())
        .arg("-o")
        .arg(&out)
        .arg("--plan")
        .arg(out.join("PLAN.md")));
    assert!(
        said(&inside).contains("write it beside") && !out.join("PLAN.md").exists(),
        "{}",
        said(&inside)
    );
    let nothing = before.path().with_file_name("nothing");
    let first = run(khw_gen()
        .arg("build")
        .arg(before.path())
        .arg("-o")
        .arg(&nothing)
        .arg("--plan")
        .arg(&plan));
    assert!(said(&first).contains("leave --plan out"), "{}", said(&first));
    assert!(
        first.status.code() == Some(1) && !plan.exists() && !nothing.exists(),
        "{}",
        said(&first)
    );
    let joining = spec("running", &[M1, "m2 10.0.0.12 etcd", "m3 10.0.0.13 etcd:joining", N1]);
    let quiet = build(&joining);
    assert!(
        quiet.status.success() && !said(&quiet).contains("note: "),
        "{}",
        said(&quiet)
    );
    assert!(
        fs::read_to_string(&plan)
            .expect("a plan")
            .contains("etcdctl member add m3")
    );
}

#[test]
fn a_new_release_is_put_in_place_though_only_the_state_of_the_cluster_is_in_its_unit() {
    let at = |state: &str, etcd: &str| {
        let spec = spec(state, &[M1, N1]);
        let text = fs::read_to_string(spec.path()).expect("cluster.toml");
        let text = text.replace(
            "[cluster]\n",
            &format!("[cluster]\netcd = {etcd:?}\nkubernetes = \"1.35\"\n"),
        );
        fs::write(spec.path(), text).expect("cluster.toml");
        spec
    };
    let told = steps(&changes(&at("new", "3.6"), &at("running", "3.7")));
    let (_, etcd) = told
        .iter()
        .find(|(place, _)| place == "etcd m1")
        .unwrap_or_else(|| panic!("{told:#?}"));
    assert!(
        etcd.contains("put etcd of etcd 3.7 in place; systemctl restart etcd"),
        "{etcd}"
    );
}

#[test]
fn an_address_of_who_has_left_is_free_and_who_was_leaving_and_stays_is_asked_about() {
    let m2 = "m2 10.0.0.12 etcd";
    let leaving = spec("running", &[M1, m2, "m3 10.0.0.13 etcd:leaving", N1]);
    let other = spec("running", &[M1, m2, "m4 10.0.0.13 etcd", N1]);
    let told = steps(&changes(&leaving, &other));
    assert!(
        told.iter().any(|(_, commands)| commands.contains("member add m4")),
        "{told:#?}"
    );
    assert!(
        told.iter().all(|(_, commands)| !commands.contains("set-hostname")),
        "{told:#?}"
    );
    let stays = spec("running", &[M1, m2, "m3 10.0.0.13 etcd", N1]);
    let withdrawn = changes(&leaving, &stays);
    assert!(
        withdrawn["warnings"].to_string().contains("the host no longer leaves"),
        "{withdrawn:#}"
    );
}

#[test]
fn the_endpoint_that_is_not_given_is_who_stays() {
    let spec = spec(
        "running",
        &[
            "m0 10.0.0.10 control-plane etcd:leaving",
            "m1 10.0.0.11 control-plane etcd",
            N1,
            "lb 10.0.0.5 load-balancer:leaving",
            "lb2 10.0.0.6 load-balancer",
        ],
    );
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path(), text.replace("endpoint = \"10.0.0.11\"\n", "")).expect("cluster.toml");
    let kubeconfig = built(&spec).join("n1/rootfs/var/lib/kubelet/kubeconfig");
    assert!(
        fs::read_to_string(kubeconfig)
            .expect("a kubeconfig")
            .contains("server: https://10.0.0.6:6443")
    );
}

#[test]
fn what_stands_in_a_bundle_is_nobodys_command() {
    let (before, after) = (
        spec("running", &[M1, N1]),
        spec("running", &[M1, "m2 10.0.0.12 etcd:joining", N1]),
    );
    let (old, new) = (built(&before), built(&after));
    let edit = |host: &str, unit: &str, from: &str, to: &str| {
        let path = new.join(host).join(format!("rootfs/etc/systemd/system/{unit}.service"));
        let text = fs::read_to_string(&path).expect("a unit");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("a unit");
    };
    let diff = || {
        let output = run(khw_gen().arg("diff").arg(&old).arg(&new).args(["--format", "json"]));
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    edit("m2", "etcd", "--data-dir=/var/lib/etcd", "--data-dir=/var/lib/e;reboot");
    let told = steps(&diff());
    assert!(
        told.iter()
            .any(|(_, commands)| commands.contains("test ! -e '/var/lib/e;reboot/member'")),
        "{told:#?}"
    );
    edit("m2", "etcd", "--name=m2", "--name=m2;reboot");
    edit("m2", "etcd", "m2=https", "m2;reboot=https");
    let refused = diff();
    assert!(
        obstacles(&refused).contains("characters that mean something to a shell"),
        "{refused:#}"
    );
    assert_eq!(steps(&refused), []);
}

#[test]
fn a_part_of_a_fleet_does_not_tell_who_is_a_member() {
    let (before, after) = (
        spec("running", &[M1, N1]),
        spec("running", &[M1, "m2 10.0.0.12 etcd:joining", N1]),
    );
    let part = |spec: &Spec| {
        let out = spec.path().with_file_name("part");
        let output = run(khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(&out)
            .args(["--shard", "1/1"]));
        assert!(output.status.success(), "{}", said(&output));
        out
    };
    let output = run(khw_gen()
        .arg("diff")
        .arg(part(&before))
        .arg(part(&after))
        .args(["--format", "json"]));
    let changes: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(
        obstacles(&changes).contains("compare the whole of both sides"),
        "{changes:#}"
    );
}

#[test]
fn who_waits_for_a_kubelet_asks_where_it_answers() {
    let with = |extra: &str| {
        let spec = spec("running", &[M1, N1]);
        let mut text = fs::read_to_string(spec.path()).expect("cluster.toml");
        text.push_str(&format!("[components.kubelet.config]\n{extra}\n"));
        fs::write(spec.path(), text).expect("cluster.toml");
        spec
    };
    let before = spec("running", &[M1, N1]);
    let last = |extra: &str| steps(&changes(&before, &with(extra))).pop().expect("a step").1;
    assert!(last("healthzPort = 10999").ends_with("curl -sf http://127.0.0.1:10999/healthz"));
    assert!(last("healthzBindAddress = \"::1\"").ends_with("curl -sf 'http://[::1]:10248/healthz'"));
    assert!(last("healthzPort = 0").ends_with("systemctl restart kubelet"));
}

/// Where a step with these words stands among all.
fn at(told: &[(String, String)], place: &str, words: &str) -> usize {
    told.iter()
        .position(|(at, commands)| at == place && commands.contains(words))
        .unwrap_or_else(|| panic!("no {place} with {words}: {told:#?}"))
}

#[test]
fn what_manifests_made_stays_as_long_as_a_host_has_them() {
    let (m2, m3) = ("m2 10.0.0.12 control-plane etcd", "m3 10.0.0.13 control-plane etcd");
    let before = spec("running", &[M1, m2, m3, N1]);
    let told = steps(&changes(&before, &spec("running", &[m2, M1, m3, N1])));
    assert!(
        told.iter().all(|(_, commands)| !commands.contains(" delete -f")),
        "{told:#?}"
    );
}

#[test]
fn a_control_plane_that_moves_serves_elsewhere_before_it_stops() {
    let hosts = |one: &'static str, two: &'static str| {
        spec(
            "running",
            &["e1 10.0.0.16 etcd", one, two, "lb 10.0.0.11 load-balancer", N1],
        )
    };
    let before = hosts("c1 10.0.0.14 control-plane", "c2 10.0.0.15 admin");
    let told = steps(&changes(
        &before,
        &hosts("c1 10.0.0.14 admin", "c2 10.0.0.15 control-plane"),
    ));
    let starts = at(&told, "new-api-server c2", "systemctl restart kube-apiserver");
    let led_to = at(&told, "load-balancer lb", "systemctl reload nginx");
    let stops = at(&told, "departure c1", "systemctl disable --now kube-apiserver");
    assert!(starts < led_to && led_to < stops, "{told:#?}");
}

#[test]
fn a_host_that_is_no_node_any_more_is_emptied_first() {
    let before = spec("running", &["m1 10.0.0.11 control-plane etcd worker", N1]);
    let told = steps(&changes(&before, &spec("running", &[N1, M1])));
    // The first entry keeps its range, or there would be no steps.
    assert_eq!(told, [], "{told:#?}");
    let before = spec("running", &[N1, "m1 10.0.0.11 control-plane etcd worker"]);
    let told = steps(&changes(&before, &spec("running", &[N1, M1])));
    let drained = at(&told, "node-departure m1", " drain m1 ");
    let stopped = at(&told, "node-departure m1", "systemctl disable --now kubelet");
    let deleted = at(&told, "node-departure m1", " delete node m1 ");
    assert!(drained < stopped && stopped < deleted, "{told:#?}");
    // Without its runtime nothing could be drained.
    assert!(
        drained < at(&told, "node-departure m1", "systemctl disable --now containerd"),
        "{told:#?}"
    );
}

#[test]
fn who_leaves_is_drained_once_though_kubernetes_is_upgraded() {
    let with = |minor: &str, hosts: &[&str]| {
        let spec = spec("running", hosts);
        let text = fs::read_to_string(spec.path()).expect("cluster.toml");
        let text = text.replace(
            "name = \"pair\"\n",
            &format!("name = \"pair\"\nkubernetes = \"{minor}\"\n"),
        );
        fs::write(spec.path(), text).expect("cluster.toml");
        spec
    };
    let before = with("1.36", &[M1, N1, "n2 10.0.0.22 worker"]);
    let told = steps(&changes(
        &before,
        &with("1.37", &[M1, N1, "n2 10.0.0.22 worker:leaving"]),
    ));
    let drains = |name: &str| {
        let drain = format!(" drain {name} ");
        told.iter().filter(|(_, commands)| commands.contains(&drain)).count()
    };
    assert_eq!((drains("n1"), drains("n2")), (1, 1), "{told:#?}");
}

#[test]
fn what_can_not_be_carried_out_has_no_steps_and_a_reason_that_helps() {
    let (m2, m3) = ("m2 10.0.0.12 etcd", "m3 10.0.0.13 etcd");
    let (n2, n3) = ("n2 10.0.0.22 worker", "n3 10.0.0.23 worker");
    for (before, after, reason) in [
        (
            vec![M1, m2, m3, N1],
            vec![M1, "m2 10.0.0.13 etcd", "m3 10.0.0.12 etcd", N1],
            "no two may have the same",
        ),
        (
            vec![M1, m2, m3, N1],
            vec![M1, N1],
            "of 3 members of etcd 1 would be left",
        ),
        (
            vec![M1, N1, n2, n3],
            vec![M1, n2, n3],
            "pods = \\\"10.200.1.0/24\\\" on n2, pods = \\\"10.200.2.0/24\\\" on n3",
        ),
    ] {
        let told = changes(&spec("running", &before), &spec("running", &after));
        assert!(obstacles(&told).contains(reason), "{reason}: {told:#}");
        assert!(steps(&told).is_empty(), "{told:#}");
        // Nor is there anything to copy, such as a node's other range of pods, or to remove.
        for after in ["copies", "deletions"] {
            assert_eq!(told[after].to_string(), "[]", "{reason}: {after}: {told:#}");
        }
    }
    // As the reason says, it can be done.
    let kept = spec("running", &[M1, n2, n3]);
    let text = fs::read_to_string(kept.path()).expect("cluster.toml");
    let text = text
        .replace("ip = \"10.0.0.22\"\n", "ip = \"10.0.0.22\"\npods = \"10.200.1.0/24\"\n")
        .replace("ip = \"10.0.0.23\"\n", "ip = \"10.0.0.23\"\npods = \"10.200.2.0/24\"\n");
    fs::write(kept.path(), text).expect("cluster.toml");
    let told = changes(&spec("running", &[M1, N1, n2, n3]), &kept);
    assert_eq!(obstacles(&told), "[]");
    at(&steps(&told), "other n2", "systemctl restart pod-routes");
    // Without a bridge there is none to keep.
    let plain = spec("running", &[M1, N1]);
    let text = fs::read_to_string(plain.path()).expect("cluster.toml");
    fs::write(plain.path(), format!("{text}\n[network]\ncni = \"none\"\n")).expect("cluster.toml");
    let told = changes(&spec("running", &[M1, N1]), &plain);
    assert!(obstacles(&told).contains("write cni = \\\"bridge\\\""), "{told:#}");
}

/// The chapters that take least time; all of them are `make e2e`'s.
const CHAPTERS: &str = "founded,said_to_run,without_marks,one_to_three,asked_before_another_release,a_dead_one_replaced,renamed,two_emptied";

#[test]
fn the_steps_are_carried_out_on_real_members_of_etcd() {
    let test = "the life of a cluster of etcd";
    let (Some(etcd), Some(_), Some(python), Some(_)) = (
        program("etcd", test),
        program("etcdctl", test),
        program("python3", test),
        program("ip", test),
    ) else {
        return;
    };
    if !namespaces(test) {
        return;
    }
    let logs = TempDir::new().expect("a folder");
    let output = run(Command::new(python)
        .arg(project().join("tests/e2e/life.py"))
        .arg("--etcd")
        .arg(etcd.parent().expect("a folder"))
        .arg("--khw-gen")
        .arg(env!("CARGO_BIN_EXE_khw-gen"))
        // etcd has the machine's own clock in any case, since it is linked statically; and what waits on a clock that somebody made up
        // may wait for ever.
        .env_remove("LD_PRELOAD")
        .env_remove("FAKETIME")
        .env_remove("FAKETIME_SHARED")
        .args(["--only", CHAPTERS, "--keep-logs"])
        .arg(logs.path().join("logs")));
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    let chapters = told.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(chapters, CHAPTERS.split(',').count(), "{told}");
    assert!(told.contains(" acknowledged, 0 lost, 0 read back wrong"), "{told}");
}
