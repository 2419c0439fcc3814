//! `secrets`: who can do what, and what a theft leads to, held against what was built; and no secret is ever shown.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use khw_gen::cluster::{Cluster, Generation, Generations};
use khw_gen::pki::derivation::Seed;
use khw_gen::plan::plan;
use khw_gen::theft::{Theft, Thefts};
use khw_gen::{disk, found_of, input};
use serde_json::{Value, json};
use support::leaks::decode;
use support::{SEED, Spec, build, examples, files_below, khw_gen, must, project, run, said, walkthrough};

fn shown(path: &Path, format: &str) -> String {
    must(khw_gen().arg("secrets").arg(path).args(["--format", format]))
}

/// By host what `secrets` says of it.
fn hosts(path: &Path) -> BTreeMap<String, Value> {
    let all: Value = serde_json::from_str(&shown(path, "json")).expect("JSON");
    assert_eq!(all["kind"], "khw-gen/secrets/v1");
    let hosts = all["hosts"].as_array().expect("a list").iter();
    hosts
        .map(|host| (host["host"].as_str().expect("a name").to_owned(), host.clone()))
        .collect()
}

/// Each thing that a host can do, in a few words.
fn powers(host: &Value) -> BTreeSet<String> {
    let secrets = host["secrets"].as_array().expect("a list").iter();
    let powers = secrets.flat_map(|secret| secret["powers"].as_array().expect("a list"));
    let words = |list: &Value| {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|one| one.as_str().expect("text"))
            .collect::<Vec<_>>()
            .join(",")
    };
    powers
        .map(|power| match power["can"].as_str().expect("a word") {
            "become" => format!(
                "{} of {}",
                power["user"].as_str().expect("a user"),
                words(&power["groups"])
            ),
            "serve" => format!("serve {}", words(&power["names"])),
            can => can.to_owned(),
        })
        .collect()
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn the_page_shows_a_worker_of_the_walk_through() {
    let text = shown(&walkthrough(), "text");
    let worker = text
        .split("\n\n")
        .find(|part| part.starts_with("node1\n"))
        .expect("node1");
    examples::assert_shows("secrets", "text", &format!("{worker}\n"));
}

#[test]
fn a_worker_can_become_its_node_and_signs_nothing() {
    let hosts = hosts(&walkthrough());
    assert_eq!(hosts.len(), 6);
    for (name, ip) in [("node1", "10.128.15.223"), ("node2", "10.128.15.224")] {
        let expected = [
            &*format!("system:node:{name} of system:nodes"),
            "system:kube-proxy of system:node-proxier",
            &*format!("serve {name},{ip}"),
        ];
        assert_eq!(powers(&hosts[name]), set(&expected), "{name}");
    }
    assert_eq!(powers(&hosts["lb"]), BTreeSet::new());
    let signs = [
        "sign-certificates",
        "sign-tokens",
        "read-encrypted-secrets",
        "admin of system:masters",
    ];
    for name in ["master1", "master2", "control"] {
        let powers = powers(&hosts[name]);
        assert!(powers.is_superset(&set(&signs)), "{name}: {powers:?}");
        assert_eq!(
            powers.contains("system:node:node1 of system:nodes"),
            name == "control",
            "{name}"
        );
    }
    let paths = |host: &str| -> BTreeSet<String> {
        let secrets = hosts[host]["secrets"].as_array().expect("a list").iter();
        secrets
            .map(|one| one["path"].as_str().expect("a path").to_owned())
            .collect()
    };
    let of_node1 = [
        "/var/lib/kubelet/node1-key.pem",
        "/var/lib/kubelet/kubeconfig",
        "/var/lib/kube-proxy/kubeconfig",
    ];
    assert_eq!(paths("node1"), set(&of_node1));
}

/// With an authority for each purpose nobody is believed by more than it is for.
#[test]
fn who_believes_a_certificate_depends_on_its_authority() {
    let hosts = hosts(&project().join("specs/three-masters/cluster.toml"));
    let believed = |host: &str, user: &str| -> BTreeSet<String> {
        let secrets = hosts[host]["secrets"].as_array().expect("a list").iter();
        let powers = secrets.flat_map(|secret| secret["powers"].as_array().expect("a list"));
        let of_user = powers.filter(|power| power["user"] == user);
        of_user
            .flat_map(|power| power["trusted_for"].as_array().expect("a list"))
            .map(|one| one.as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(believed("node1", "system:node:node1"), set(&["cluster"]));
    assert_eq!(
        believed("master1", "kube-apiserver-etcd-client"),
        set(&["etcd", "etcd peers"])
    );
    assert_eq!(believed("master1", "front-proxy-client"), set(&["front proxy"]));
    // Of three authorities it has the key of one.
    let of_master = powers(&hosts["master1"]);
    assert!(
        of_master.contains("sign-certificates") && of_master.contains("sign-tokens"),
        "{of_master:?}"
    );
    let authorities: BTreeSet<&str> = hosts["master1"]["secrets"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|secret| secret["powers"].as_array().expect("a list"))
        .filter_map(|power| power["authority"].as_str())
        .collect();
    assert_eq!(authorities, BTreeSet::from(["CN=kubernetes-ca"]));
}

#[test]
fn an_output_tells_the_same_but_for_what_keys_are_called() {
    let spec = project().join("specs/three-masters/cluster.toml");
    let (_folder, out) = build(&spec);
    let of_spec = hosts(&spec);
    let mut of_out = hosts(&out);
    for (name, host) in &mut of_out {
        assert!(host["if_stolen"].is_null() && !of_spec[name]["if_stolen"].is_null());
        host["if_stolen"] = of_spec[name]["if_stolen"].clone();
    }
    assert_eq!(of_out, of_spec);
    let output = run(khw_gen().arg("secrets").arg(&out));
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said(&output).contains("told by a cluster.toml alone"),
        "{}",
        said(&output)
    );
    // One host by itself.
    assert_eq!(
        powers(&hosts(&out.join("node1.tar.gz"))["node1"]),
        powers(&of_spec["node1"])
    );
    let of_host = |path: &Path, host: &str| run(khw_gen().arg("secrets").arg(path).args(["--host", host]));
    for path in [&spec, &out] {
        let told = said(&of_host(path, "node1"));
        assert!(
            told.starts_with("node1\n") && told.contains("\n1 host, 3 files") && !told.contains("\nnode2\n"),
            "{told}"
        );
        let nobody = of_host(path, "node9");
        assert!(
            nobody.status.code() == Some(2) && said(&nobody).contains("there is no host \"node9\""),
            "{}",
            said(&nobody)
        );
    }
    for wrong in [
        &["/nonexistent"][..],
        &["/nonexistent.toml"],
        &[],
        &["x", "--format", "ical"],
    ] {
        assert_eq!(
            run(khw_gen().arg("secrets").args(wrong)).status.code(),
            Some(2),
            "{wrong:?}"
        );
    }
}

#[test]
fn no_secret_is_shown() {
    for spec in ["walkthrough", "three-masters"] {
        let spec = project().join("specs").join(spec).join("cluster.toml");
        let (_folder, out) = build(&spec);
        let mut secrets: BTreeSet<String> = BTreeSet::new();
        for bytes in files_below(&out).into_values() {
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let of_pem = |text: &str| -> Vec<String> {
                let keys = text.split("PRIVATE KEY-----\n").skip(1).step_by(2);
                keys.flat_map(str::lines)
                    .filter(|line| line.len() > 20 && !line.starts_with('-'))
                    .map(str::to_owned)
                    .collect()
            };
            secrets.extend(of_pem(&text));
            for line in text.lines().map(str::trim) {
                if let Some(key) = line.strip_prefix("client-key-data: ") {
                    secrets.insert(key.to_owned());
                    secrets.extend(of_pem(&String::from_utf8_lossy(&decode(key.as_bytes()))));
                }
                secrets.extend(line.strip_prefix("secret: ").map(str::to_owned));
            }
        }
        assert!(secrets.len() > 50, "{}", secrets.len());
        for path in [&spec, &out] {
            for format in ["text", "json"] {
                let output = said(&run(khw_gen().arg("secrets").arg(path).args(["--format", format])));
                assert!(output.contains("kubelet"), "{output}");
                let leaked = secrets.iter().filter(|secret| output.contains(secret.as_str())).count();
                assert!(
                    leaked == 0 && !output.contains("PRIVATE KEY"),
                    "{leaked} secrets are in the output"
                );
            }
        }
    }
}

#[test]
fn what_was_made_by_hand_is_told_too() {
    let (_folder, out) = build(&walkthrough());
    let folder = tempfile::TempDir::new().expect("a folder");
    let by_hand = folder.path().join("hand");
    fs::create_dir(&by_hand).expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(by_hand.join(name), bytes).expect("a file");
    for name in ["ca.pem", "ca-key.pem", "node1-key.pem"] {
        write(
            name,
            &fs::read(out.join("control/rootfs/root/certs").join(name)).expect("a file"),
        );
    }
    let kubeconfig = |user: &str| format!("apiVersion: v1\nkind: Config\nusers:\n- name: x\n  user:\n    {user}\n");
    write("token.kubeconfig", kubeconfig("token: hunter2hunter2").as_bytes());
    write("path.kubeconfig", kubeconfig("client-key: node1-key.pem").as_bytes());
    write(
        "locked.pem",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let config = |provider: &str| {
        format!(
            "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets]\n  providers:\n  - {provider}\n"
        )
    };
    write("open.yaml", config("identity: {}").as_bytes());
    write(
        "closed.yaml",
        config("secretbox: {keys: [{name: k, secret: aHVudGVyMmh1bnRlcjI=}]}").as_bytes(),
    );
    let hosts = hosts(&by_hand);
    let secrets = hosts["hand"]["secrets"].as_array().expect("a list").iter();
    let found: BTreeMap<&str, &str> = secrets
        .map(|one| {
            assert_eq!(one["powers"].as_array().map(Vec::len), Some(1), "{one}");
            (
                one["path"].as_str().expect("a path"),
                one["powers"][0]["can"].as_str().expect("a word"),
            )
        })
        .collect();
    let expected = [
        ("/ca-key.pem", "sign-certificates"),
        ("/closed.yaml", "read-encrypted-secrets"),
        ("/locked.pem", "unknown"),
        // Its certificate is not here.
        ("/node1-key.pem", "unknown"),
        ("/token.kubeconfig", "log-in"),
    ];
    assert_eq!(found, BTreeMap::from(expected));
    let output = said(&run(khw_gen().arg("secrets").arg(&by_hand)));
    assert!(!output.contains("hunter2") && !output.contains("aHVud"), "{output}");
}

// --- what a theft leads to ---------------------------------------------------------------------------------------------

#[test]
fn a_theft_names_the_keys_and_who_else_changes() {
    let hosts = hosts(&project().join("specs/three-masters/cluster.toml"));
    let node1 = json!({
        "generations": {"kube-proxy": 2, "node1": 2},
        "authorities": {"ca": 2},
        "others": ["node2"],
    });
    assert_eq!(hosts["node1"]["if_stolen"], node1);
    let master1 = &hosts["master1"]["if_stolen"];
    let keys: BTreeSet<&str> = master1["generations"]
        .as_object()
        .expect("a map")
        .keys()
        .map(String::as_str)
        .collect();
    assert!(
        keys.is_superset(&BTreeSet::from([
            "ca",
            "encryption",
            "service-account",
            "master1",
            "admin"
        ])),
        "{keys:?}"
    );
    assert!(
        !keys.contains("node1") && !keys.contains("master2") && !keys.contains("etcd-ca"),
        "{keys:?}"
    );
    assert_eq!(master1["authorities"], json!({"etcd-ca": 2, "front-proxy-ca": 2}));
    assert_eq!(
        master1["others"],
        json!(["admin1", "master2", "master3", "node1", "node2"])
    );
    assert_eq!(
        hosts["lb1"]["if_stolen"],
        json!({"generations": {}, "authorities": {}, "others": []})
    );
}

fn cluster(layout: &str) -> Cluster {
    // The administrator's machine has the name of a key.
    let hosts = [
        "cp 10.1.0.11 control-plane etcd",
        "w 10.1.0.21 worker",
        "admin 10.1.0.5 admin",
    ];
    let spec = Spec::new(&hosts, &format!("layout = \"{layout}\"\n"));
    let spec = match layout {
        "single" => spec.with_ecdsa_keys(),
        _ => spec,
    };
    let sources = disk::Specification::open(&spec.path()).expect("the specification");
    input::check(&sources).unwrap_or_else(|_| panic!("it is valid")).cluster
}

/// Every file by host.
fn files(cluster: &Cluster) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let seed = Seed::parse(&SEED).expect("a seed").seed;
    let (found, _) = found_of(cluster, Some(&seed)).expect("an output");
    let hosts = found.hosts.into_iter().map(|host| {
        let files = host
            .files
            .into_iter()
            .map(|(path, file)| (path, file.content.expose().to_vec()));
        (host.name, files.collect())
    });
    hosts.collect()
}

/// A theft's generations are put into use, of everything that each name stands for: then those hosts change that were named, and
/// no private key of the stolen host is used any more.
#[test]
fn with_the_generations_of_a_theft_the_hosts_change_that_it_names() {
    for layout in ["single", "split"] {
        let before = cluster(layout);
        let old = files(&before);
        let plan = plan(&before);
        let thefts = Thefts::of(&plan);
        for host in ["cp", "w", "admin"] {
            let theft = thefts.theft(host).expect("a host");
            let mut after = cluster(layout);
            for (name, generation) in &theft.generations {
                let generations = Generations {
                    used: Generation(NonZeroU32::new(*generation).expect("a generation")),
                    accepted: Vec::new(),
                };
                if name == "encryption" {
                    after.encryption.generations = generations;
                    continue;
                }
                // There is one host of each role, so what each host of a role has of its own, one has.
                let identities: &[&'static str] = match (name.as_str(), layout) {
                    ("w", "single") => &["node"],
                    ("w", _) => &["kubelet-client", "kubelet-serving"],
                    ("cp", _) => &["apiserver", "etcd-server", "etcd-peer"],
                    (name, _) => {
                        let rows = before.pki.layout.identities().iter();
                        &[rows.map(|row| row.name).find(|row| *row == name).expect("a key")]
                    }
                };
                for identity in identities {
                    after
                        .pki
                        .generations
                        .insert((*identity).to_owned(), generations.clone());
                }
            }
            let new = files(&after);
            let changed: Vec<&String> = old
                .keys()
                .filter(|name| *name != host && old[*name] != new[*name])
                .collect();
            let expected: BTreeSet<&String> = theft.others.iter().collect();
            assert_eq!(
                changed.into_iter().collect::<BTreeSet<_>>(),
                expected,
                "{layout} {host}: {theft:?}"
            );
            let kept = old[host].iter().filter(|(path, bytes)| {
                let is_secret =
                    path.ends_with("-key.pem") || path.ends_with("kubeconfig") || path.contains("encryption");
                is_secret && new[host].get(*path) == Some(bytes)
            });
            assert_eq!(
                kept.map(|(path, _)| path).collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "{layout} {host}"
            );
        }
        assert_eq!(thefts.theft("nobody"), None);
    }
}

#[test]
fn the_lines_are_toml() {
    let cluster = cluster("split");
    let plan = plan(&cluster);
    let thefts = Thefts::of(&plan);
    for host in ["cp", "w", "admin"] {
        let theft: Theft = thefts.theft(host).expect("a host");
        let lines = theft.to_toml();
        let read: toml::Table = lines.parse().expect("TOML");
        let read: BTreeMap<String, i64> = read
            .into_iter()
            .map(|(name, value)| (name, value.as_integer().expect("a number")))
            .collect();
        // What many know is replaced in phases, by a command.
        let is_rotated = |name: &str| khw_gen::rotation::rotated(&cluster).contains(&name);
        let (rotated, at_once): (BTreeMap<String, u32>, BTreeMap<String, u32>) =
            theft.generations.into_iter().partition(|(name, _)| is_rotated(name));
        let expected: BTreeMap<String, i64> = at_once.into_iter().map(|(name, one)| (name, i64::from(one))).collect();
        assert_eq!(read, expected, "{host}");
        assert_eq!(host == "cp", !rotated.is_empty(), "{host}: {rotated:?}");
        assert!(
            rotated
                .keys()
                .all(|name| lines.contains(&format!("#   khw-gen rotate cluster.toml {name} -o DIR"))),
            "{lines}"
        );
        assert!(read.values().all(|generation| *generation == 2), "{read:?}");
    }
}
