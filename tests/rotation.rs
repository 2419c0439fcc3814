//! Successors of keys, as cluster.toml asks for them: which keys and certificates change, and that any hosts of two neighbouring phases
//! can run together, and of no others.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use khw_gen::audit::{self, Finding};
use khw_gen::cluster::Cluster;
use khw_gen::diagnostic::Severity;
use khw_gen::found::Found;
use khw_gen::pki::cfssl::{self, Request};
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::key::{Algorithm, Curve, KeyPair};
use khw_gen::pki::x509::to_pem;
use khw_gen::{disk, found_of, input};
use support::{SEED, Spec, files_below, khw_gen, project, run, said};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

/// Two of everything that there can be two of.
const HOSTS: [&str; 6] = [
    "lb 10.1.0.9 load-balancer",
    "cp1 10.1.0.11 control-plane etcd",
    "cp2 10.1.0.12 control-plane etcd",
    "cp3 10.1.0.13 control-plane etcd",
    "w1 10.1.0.21 worker",
    "w2 10.1.0.22 worker",
];

const LAYOUTS: [&str; 2] = ["single", "split"];

/// What is rotated in each layout.
fn rotated(layout: &str) -> &'static [&'static str] {
    match layout {
        "single" => &["ca", "service-account", "encryption"],
        _ => &["ca", "etcd-ca", "front-proxy-ca", "service-account", "encryption"],
    }
}

fn spec(layout: &str, sections: &str) -> Spec {
    let spec = Spec::new(&HOSTS, &format!("layout = \"{layout}\"\n{sections}"));
    match layout {
        "single" => spec.with_ecdsa_keys(),
        _ => spec,
    }
}

fn cluster(spec: &Spec) -> Cluster {
    let sources = disk::Specification::open(&spec.path()).expect("the specification");
    let checked = input::check(&sources);
    checked
        .unwrap_or_else(|findings| panic!("it is valid: {findings:?}"))
        .cluster
}

fn made(cluster: &Cluster) -> Found {
    let seed = Seed::parse(&SEED).expect("a seed").seed;
    found_of(cluster, Some(&seed)).expect("an output").0
}

/// The states of a rotation: before it, and its phases.
fn states(layout: &str, of: &str) -> Vec<Found> {
    let phases = ["announce", "switch", "retire"];
    let sections = phases.map(|phase| format!("[rotate.{of}]\nto = 2\nphase = \"{phase}\"\n"));
    let all = [String::new()].into_iter().chain(sections);
    all.map(|sections| made(&cluster(&spec(layout, &sections)))).collect()
}

fn errors(findings: Vec<Finding>) -> Vec<Finding> {
    let errors = findings.into_iter();
    errors
        .filter(|finding| finding.row().severity == Severity::Error)
        .collect()
}

/// Private keys and certificates by `host:path`.
fn pem(found: &Found) -> BTreeMap<String, Vec<u8>> {
    let files = found.hosts.iter().flat_map(|host| {
        let files = host.files.iter().filter(|(path, _)| path.ends_with(".pem"));
        files.map(|(path, file)| (format!("{}:{path}", host.name), file.content.expose().to_vec()))
    });
    files.collect()
}

/// What differs between a cluster and the same with these sections.
fn changed(layout: &str, sections: &str) -> BTreeSet<String> {
    let [before, after] = ["", sections].map(|sections| pem(&made(&cluster(&spec(layout, sections)))));
    assert!(before.keys().eq(after.keys()), "the same files");
    before
        .into_iter()
        .filter(|(path, bytes)| after[path] != *bytes)
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn the_keys_of_a_stolen_machine_are_replaced_and_no_others() {
    let changed = changed("split", "[generations]\nw1 = 2\n");
    let expected = ["kubelet-serving.pem", "kubelet-serving-key.pem"];
    let expected: BTreeSet<String> = expected
        .iter()
        .map(|name| format!("w1:/var/lib/kubelet/{name}"))
        .collect();
    assert_eq!(changed, expected);
    let text = |found: &Found, host: &str| {
        let host = found.hosts.iter().find(|one| one.name == host).expect("the host");
        host.files["/var/lib/kubelet/kubeconfig"].content.expose().to_vec()
    };
    let [before, after] = ["", "[generations]\nw1 = 2\n"].map(|sections| made(&cluster(&spec("split", sections))));
    assert_ne!(text(&before, "w1"), text(&after, "w1"));
    assert_eq!(text(&before, "w2"), text(&after, "w2"));
}

#[test]
fn every_leaf_is_no_authority_and_no_key_of_tokens() {
    for layout in LAYOUTS {
        let changed = changed(layout, "[generations]\n\"*\" = 2\n");
        let stay = ["ca.pem", "-ca.pem", "ca-key.pem", "ca-signing.pem", "service-account"];
        let kept: Vec<&String> = changed
            .iter()
            .filter(|path| stay.iter().any(|part| path.contains(part)))
            .collect();
        assert!(kept.is_empty() && !changed.is_empty(), "{layout}: {kept:?}");
        let (found, _) = (made(&cluster(&spec(layout, "[generations]\n\"*\" = 2\n"))), ());
        let all = pem(&found);
        let leaves: Vec<&String> = all
            .keys()
            .filter(|path| path.ends_with("-key.pem") && !stay.iter().any(|part| path.contains(part)))
            .collect();
        assert!(
            leaves.iter().all(|path| changed.contains(*path)),
            "{layout}: {leaves:?} of {changed:?}"
        );
    }
}

#[test]
fn of_several_generations_that_mean_a_key_the_highest_counts() {
    let both = changed(
        "split",
        "[generations]\n\"kubelet-serving/w1\" = 3\nw1 = 2\nkubelet-serving = 2\n",
    );
    assert!(both.contains("w2:/var/lib/kubelet/kubelet-serving-key.pem"), "{both:?}");
    let [both, own] = [
        "[generations]\n\"kubelet-serving/w1\" = 3\n\"*\" = 2\n",
        "[generations]\n\"kubelet-serving/w1\" = 3\n",
    ]
    .map(|sections| pem(&made(&cluster(&spec("split", sections)))));
    let path = "w1:/var/lib/kubelet/kubelet-serving-key.pem";
    assert_eq!(both[path], own[path]);
}

/// Once it is done, the section of the rotation and the line of its end say the same.
#[test]
fn what_was_retired_is_the_generation_that_is_used() {
    for layout in LAYOUTS {
        for of in rotated(layout) {
            let [retired, done] = [
                format!("[rotate.{of}]\nto = 2\nphase = \"retire\"\n"),
                format!("[generations]\n{of} = 2\n"),
            ]
            .map(|sections| made(&cluster(&spec(layout, &sections))));
            assert_eq!(
                format!("{:?}", texts(&retired)),
                format!("{:?}", texts(&done)),
                "{layout}: {of}"
            );
        }
    }
}

fn texts(found: &Found) -> BTreeMap<String, Vec<u8>> {
    let files = found.hosts.iter().flat_map(|host| {
        host.files
            .iter()
            .map(|(path, file)| (format!("{}:{path}", host.name), file.content.expose().to_vec()))
    });
    files.collect()
}

/// The proof of a staged rotation: any mixture of hosts of neighbouring phases runs, and a phase that is left out is found.
#[test]
fn neighbouring_phases_run_together_and_no_others() {
    let mut pairs = 0;
    for layout in LAYOUTS {
        for of in rotated(layout) {
            let states = states(layout, of);
            for (number, one) in states.iter().enumerate() {
                for (other_number, other) in states.iter().enumerate() {
                    let found = errors(audit::beside(one, other, AT));
                    let is_neighbour = number.abs_diff(other_number) <= 1;
                    assert_eq!(
                        found.is_empty(),
                        is_neighbour,
                        "{layout}: {of}: {number} beside {other_number}: {found:#?}"
                    );
                    pairs += 1;
                }
            }
        }
    }
    assert_eq!(pairs, 8 * 16);
}

/// The same of the specifications of the repository, but for keys on P-256, which take no time to make.
#[test]
fn neighbouring_phases_of_every_specification_run_together() {
    let folders = fs::read_dir(project().join("specs")).expect("the specifications");
    let mut pairs = 0;
    for folder in folders {
        let copy = TempDir::new().expect("a folder");
        for (path, bytes) in files_below(&folder.expect("a folder").path()) {
            let path = copy.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            let small = |text: &str| {
                text.replace(r#""algo": "rsa""#, r#""algo": "ecdsa""#)
                    .replace(r#""size": 2048"#, r#""size": 256"#)
            };
            let bytes =
                String::from_utf8(bytes).map_or_else(|bytes| bytes.into_bytes(), |text| small(&text).into_bytes());
            fs::write(path, bytes).expect("a file");
        }
        let path = copy.path().join("cluster.toml");
        let text = fs::read_to_string(&path).expect("cluster.toml");
        let read = |sections: &str| {
            fs::write(&path, format!("{text}\n{sections}")).expect("cluster.toml");
            let sources = disk::Specification::open(&path).expect("the specification");
            input::check(&sources)
                .unwrap_or_else(|findings| panic!("{text}: {findings:?}"))
                .cluster
        };
        let cluster = read("");
        let before = made(&cluster);
        // What the layout has is gone through above; here it is who meets whom that differs.
        let all = ["ca", "etcd-ca"].into_iter();
        for of in all.filter(|of| cluster.pki.layout.identity(of).is_some()) {
            let phase = |name: &str| made(&read(&format!("[rotate.{of}]\nto = 2\nphase = \"{name}\"\n")));
            let (announced, switched) = (phase("announce"), phase("switch"));
            for (one, other) in [
                (&before, &announced),
                (&announced, &switched),
                (&switched, &phase("retire")),
            ] {
                let found = errors(audit::beside(one, other, AT));
                assert!(found.is_empty(), "{text}: {of}: {found:#?}");
                pairs += 1;
            }
        }
    }
    assert!(pairs > 40, "{pairs} pairs");
}

/// What would be found too late otherwise: each is planted into a phase that is right.
#[test]
fn mistakes_planted_into_a_phase_are_found_beside_the_last() {
    let phase = |of: &str, name: &str| {
        made(&cluster(&spec(
            "split",
            &format!("[rotate.{of}]\nto = 2\nphase = \"{name}\"\n"),
        )))
    };
    let before = made(&cluster(&spec("split", "")));
    let plant = |mut found: Found, host: &str, path: &str, from: &Found, other: &str| {
        let file = from.hosts.iter().find(|one| one.name == host).expect("the host").files[other].clone();
        let host = found.hosts.iter_mut().find(|one| one.name == host).expect("the host");
        host.files.insert(path.to_owned(), file).expect("it was there");
        found
    };
    let rows = [
        ("ca", "cp2", "/var/lib/kubernetes/ca.pem", "untrusted-certificate"),
        ("ca", "w2", "/var/lib/kubernetes/ca.pem", "untrusted-certificate"),
        ("etcd-ca", "cp3", "/etc/etcd/etcd-ca.pem", "untrusted-certificate"),
        (
            "etcd-ca",
            "cp1",
            "/var/lib/kubernetes/etcd-ca.pem",
            "untrusted-certificate",
        ),
        (
            "front-proxy-ca",
            "cp1",
            "/var/lib/kubernetes/front-proxy-ca.pem",
            "untrusted-certificate",
        ),
        (
            "service-account",
            "cp2",
            "/var/lib/kubernetes/service-account.pub",
            "service-account-keys-disagree",
        ),
        (
            "encryption",
            "cp2",
            "/var/lib/kubernetes/encryption-config.yaml",
            "encryption-disagrees",
        ),
    ];
    for (of, host, path, code) in rows {
        let (announced, switched) = (phase(of, "announce"), phase(of, "switch"));
        assert!(errors(audit::beside(&announced, &switched, AT)).is_empty(), "{of}");
        // One host was left out of the announcement.
        let missed = plant(announced, host, path, &before, path);
        let found = errors(audit::beside(&missed, &switched, AT));
        assert!(
            found.iter().any(|finding| finding.code == code),
            "{of} on {host}: {found:#?}"
        );
    }
}

/// Who gets another name is bound by it in the new manifests alone, and by the old one in the old ones.
#[test]
fn rights_that_go_with_a_name_are_missed_beside_the_last() {
    let named = |name: &str| {
        let spec = spec("split", "");
        let csr = spec.path().with_file_name("csr");
        fs::create_dir(&csr).expect("a folder");
        let request = format!("{{\"CN\": \"{name}\", \"key\": {{\"algo\": \"ecdsa\", \"size\": 256}}}}");
        fs::write(csr.join("apiserver-kubelet-client-csr.json"), request).expect("a request");
        made(&cluster(&spec))
    };
    let [one, same, other] = ["caller", "caller", "called-otherwise"].map(named);
    assert!(errors(audit::beside(&one, &same, AT)).is_empty());
    for (old, new) in [(&one, &other), (&other, &one)] {
        let found = errors(audit::beside(old, new, AT));
        for name in ["caller", "called-otherwise"] {
            let of_name =
                |finding: &&Finding| finding.code == "rbac-subject" && finding.message.contains(&format!("{name:?}"));
            assert!(found.iter().any(|finding| of_name(&finding)), "{name}: {found:#?}");
        }
        assert!(found.iter().all(|finding| finding.code == "rbac-subject"), "{found:#?}");
    }
}

/// cluster.toml with these sections, built over `out`: whether it was, and what was said.
fn build_over(spec: &Spec, base: &str, sections: &str, out: &Path) -> (bool, String) {
    fs::write(spec.path(), format!("{base}\n{sections}")).expect("cluster.toml");
    let output = run(khw_gen()
        .arg("build")
        .arg(spec.path())
        .arg("-o")
        .arg(out)
        .arg("--quiet"));
    (output.status.success(), said(&output))
}

#[test]
fn a_build_that_skips_or_reverses_a_phase_is_refused_and_changes_nothing() {
    let spec = spec("split", "");
    let base = fs::read_to_string(spec.path()).expect("cluster.toml");
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    let phase = |name: &str| format!("[rotate.ca]\nto = 2\nphase = \"{name}\"\n");
    let done = "[generations]\nca = 2\n".to_owned();
    let announce = phase("announce");
    let switch = phase("switch");
    // What is built in turn, and whether it is.
    let turns = [
        (String::new(), true),
        (switch.clone(), false),
        (done.clone(), false),
        (announce.clone(), true),
        (phase("retire"), false),
        (String::new(), true),
        (announce.clone(), true),
        (switch.clone(), true),
        (String::new(), false),
        (announce.clone(), true),
        (switch, true),
        (phase("retire"), true),
        (done.clone(), true),
        (announce, false),
        // An old checkout, without the line that says that it is done.
        (String::new(), false),
        (format!("{done}w1 = 2\n"), true),
    ];
    for (number, (sections, is_built)) in turns.into_iter().enumerate() {
        let before = if out.exists() {
            files_below(&out)
        } else {
            BTreeMap::new()
        };
        fs::write(spec.path(), format!("{base}{sections}")).expect("cluster.toml");
        let differences = match out.exists() {
            true => self::said(&run(khw_gen().arg("diff").arg(&out).arg(spec.path()))),
            false => String::new(),
        };
        let (built, said) = build_over(&spec, &base, &sections, &out);
        assert_eq!(built, is_built, "{number}: {sections}: {said}");
        if !built {
            assert!(
                said.contains("error[untrusted-certificate]") || said.contains("[bad-rotation]"),
                "{number}: {said}"
            );
            assert!(
                said.contains("skipped or reversed") || said.contains("[bad-rotation]"),
                "{number}: {said}"
            );
            assert_eq!(files_below(&out), before, "{number}: {sections}");
        }
        // Whoever asks for the difference is told the same.
        if !said.contains("[bad-rotation]") {
            assert_eq!(
                differences.contains("phase of a rotation is skipped or reversed"),
                !is_built,
                "{number}: {sections}: {differences}"
            );
        }
    }
}

/// Each phase is what a build of its own section makes, byte for byte, and nothing depends on when or where.
#[test]
fn rotate_writes_what_builds_of_each_phase_write() {
    for layout in LAYOUTS {
        for of in rotated(layout) {
            let spec = spec(layout, "");
            let base = fs::read_to_string(spec.path()).expect("cluster.toml");
            let folder = TempDir::new().expect("a folder");
            let plan = folder.path().join("plans/rotation");
            let rotate = || run(khw_gen().arg("rotate").arg(spec.path()).arg(of).arg("-o").arg(&plan));
            let output = rotate();
            assert!(output.status.success(), "{}", said(&output));
            for (number, phase) in ["announce", "switch", "retire"].iter().enumerate() {
                let out = folder.path().join(phase);
                let (built, said) = build_over(
                    &spec,
                    &base,
                    &format!("[rotate.{of}]\nto = 2\nphase = \"{phase}\"\n"),
                    &out,
                );
                assert!(built, "{said}");
                let made = files_below(&plan.join(format!("{}-{phase}", number + 1)));
                assert!(made == files_below(&out), "{layout}: {of}: {phase}");
            }
            let text = fs::read_to_string(plan.join("PLAN.md")).expect("PLAN.md");
            let chapters = ["## 1-announce", "## 2-switch", "## 3-retire", "## When it is done"];
            assert!(chapters.iter().all(|chapter| text.contains(chapter)), "{text}");
            assert!(text.contains(&format!("{of} = 2\n")), "{text}");
            assert!(!text.contains("PRIVATE KEY"), "{text}");
            fs::write(spec.path(), &base).expect("cluster.toml");
            let again = said(&rotate());
            assert!(
                again.contains("PLAN.md") && again.contains("there is already"),
                "{again}"
            );
        }
    }
}

#[test]
fn rotate_says_what_there_is_to_rotate() {
    let spec = spec("single", "");
    let folder = TempDir::new().expect("a folder");
    for (of, why) in [
        ("etcd-ca", "choose of ca, service-account, encryption"),
        ("encrypton", "did you mean encryption?"),
        ("admin", "[generations]: \"admin\" = 2"),
        ("foo", "choose of ca, service-account, encryption; any other key"),
    ] {
        let output = run(khw_gen()
            .arg("rotate")
            .arg(spec.path())
            .arg(of)
            .arg("-o")
            .arg(folder.path().join(of)));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
        // A word that is no key gets no successor.
        assert_eq!(said(&output).contains(" = 2"), of == "admin", "{}", said(&output));
        assert!(!folder.path().join(of).exists(), "{of}");
    }
}

/// What is no rotation is not taken for one, and a key that comes back is told.
#[test]
fn keys_that_come_back_are_told_and_addresses_may_change_meanwhile() {
    let spec = spec("split", "");
    let base = fs::read_to_string(spec.path()).expect("cluster.toml");
    let moved = base.replace("10.1.0.9", "10.1.0.8");
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out");
    for (base, sections) in [
        (&base, ""),
        (&moved, "[generations]\nw1 = 2\n"),
        (&base, "[generations]\nw1 = 2\n"),
    ] {
        let (built, said) = build_over(&spec, base, sections, &out);
        assert!(built && !said.contains("come back"), "{sections}: {said}");
    }
    let (built, said) = build_over(&spec, &base, "", &out);
    assert!(built && said.contains("come back"), "{said}");
    assert!(said.contains("kubelet-client/w1, kubelet-serving/w1"), "{said}");
}

/// An authority that is brought has a successor, derived from its CSR file or brought as well: any neighbouring phases run together and
/// no others, and `rotate` writes them all.
#[test]
fn an_authority_that_was_brought_has_a_successor() {
    let first = |of: &str| match of {
        "ca" => "[pki.ca]\ncert = \"own.pem\"\nkey = \"own-key.pem\"\n".to_owned(),
        other => format!("[pki.bring.{other}]\ncert = \"own.pem\"\nkey = \"own-key.pem\"\n"),
    };
    let next = |of: &str| format!("[pki.bring.\"{of}@2\"]\ncert = \"next.pem\"\nkey = \"next-key.pem\"\n");
    for (of, cases) in [
        ("ca", vec![first("ca"), next("ca"), first("ca") + &next("ca")]),
        ("etcd-ca", vec![first("etcd-ca") + &next("etcd-ca")]),
        ("front-proxy-ca", vec![first("front-proxy-ca")]),
    ] {
        for sections in cases {
            let spec = spec("split", "");
            // What a certificate says of itself does not get to write a line of the plan.
            for (name, cn, seed) in [("own", "own", 1), ("next", "next\n# over", 2)] {
                let (certificate, key) = authority(cn, seed);
                spec.secret(&format!("{name}.pem"), certificate.as_bytes());
                spec.secret(&format!("{name}-key.pem"), &key);
            }
            let base = fs::read_to_string(spec.path()).expect("cluster.toml");
            let sources = ["", "announce", "switch", "retire"].map(|phase| {
                let rotation = match phase {
                    "" => String::new(),
                    phase => format!("[rotate.{of}]\nto = 2\nphase = \"{phase}\"\n"),
                };
                fs::write(spec.path(), format!("{base}\n{sections}{rotation}")).expect("cluster.toml");
                let sources = disk::Specification::open_with_keys(&spec.path()).expect("the specification");
                let checked = input::check(&sources).unwrap_or_else(|findings| panic!("{sections}: {findings:?}"));
                made(&checked.cluster)
            });
            for (number, one) in sources.iter().enumerate() {
                for (other_number, other) in sources.iter().enumerate() {
                    let found = errors(audit::beside(one, other, AT));
                    assert_eq!(
                        found.is_empty(),
                        number.abs_diff(other_number) <= 1,
                        "{sections}: {number} beside {other_number}: {found:#?}"
                    );
                }
            }
            let path = match of {
                "ca" => "/var/lib/kubernetes/ca.pem",
                "etcd-ca" => "/etc/etcd/etcd-ca.pem",
                _ => "/var/lib/kubernetes/front-proxy-ca.pem",
            };
            let trusted = |found: &Found| {
                let host = found
                    .hosts
                    .iter()
                    .find(|host| host.name == "cp1")
                    .expect("a control plane");
                host.files[path].content.expose().to_vec()
            };
            let brought = |name: &str| fs::read(spec.path().with_file_name(name)).expect("a certificate");
            assert_eq!(
                trusted(&sources[0]) == brought("own.pem"),
                sections.contains("own.pem"),
                "{sections}"
            );
            assert_eq!(
                trusted(&sources[3]) == brought("next.pem"),
                sections.contains("next.pem"),
                "{sections}"
            );

            fs::write(spec.path(), format!("{base}\n{sections}")).expect("cluster.toml");
            let folder = TempDir::new().expect("a folder");
            let out = folder.path().join("rotation");
            let rotated = run(khw_gen().arg("rotate").arg(spec.path()).arg(of).arg("-o").arg(&out));
            assert!(rotated.status.success(), "{sections}: {}", said(&rotated));
            let plan = fs::read_to_string(out.join("PLAN.md")).expect("a plan");
            let named = |line: &str, name: &str| {
                let line = plan
                    .lines()
                    .find(|one| one.starts_with(line))
                    .unwrap_or_else(|| panic!("{plan}"));
                line.contains(&format!("`CN=somebody's {name}`, SHA-256 `"))
            };
            assert_eq!(
                named("What is trusted until now: ", "own"),
                sections.contains("own.pem"),
                "{plan}"
            );
            assert_eq!(
                named("Its successor: ", "next\\n# over"),
                sections.contains("next.pem"),
                "{plan}"
            );
            // Somebody's authority becomes the seed's only where that is told.
            let is_told = said(&rotated).contains("is made from the seed here");
            assert_eq!(
                is_told,
                !sections.contains("next.pem"),
                "{sections}: {}",
                said(&rotated)
            );
            for (number, phase) in ["1-announce", "2-switch", "3-retire"].iter().enumerate() {
                let written = fs::read(out.join(phase).join("cp1/rootfs").join(path.trim_start_matches('/')));
                assert_eq!(
                    written.expect("a bundle"),
                    trusted(&sources[number + 1]),
                    "{sections}: {phase}"
                );
            }
            // As the plan says of when it is done: the last phase is the output from then on.
            let generations = format!("{sections}[generations]\n\"{of}\" = 2\n");
            let (built, told) = build_over(&spec, &base, &generations, &out.join("3-retire"));
            assert!(built, "{sections}: {told}");
            let is_over = sections.contains("own.pem");
            assert_eq!(told.contains("unused-authority"), is_over, "{sections}: {told}");
            if is_over {
                assert!(
                    plan.contains("The section of the key that was brought goes too"),
                    "{plan}"
                );
                fs::remove_file(spec.path().with_file_name("own-key.pem")).expect("a key");
                let left = generations.replace(&first(of), "");
                let (built, told) = build_over(&spec, &base, &left, &out.join("3-retire"));
                assert!(built && !told.contains("warning"), "{left}: {told}");
            }
        }
    }
}

/// What would be found when it signs is found before anybody trusts it.
#[test]
fn a_brought_successor_that_could_not_sign_is_refused_at_once() {
    let spec = spec(
        "split",
        "[pki.bring.\"ca@2\"]\ncert = \"next.pem\"\nkey = \"next-key.pem\"\n",
    );
    let check = |issued: OffsetDateTime| {
        let (certificate, key) = authority_of("next", 2, issued);
        spec.secret("next.pem", certificate.as_bytes());
        spec.secret("next-key.pem", &key);
        run(khw_gen().arg("check").arg(spec.path()))
    };
    // Five years from each.
    assert!(check(datetime!(2025-12-01 00:00 UTC)).status.success());
    for (issued, code) in [
        (datetime!(2015-01-01 00:00 UTC), "ca-expired"),
        (datetime!(2021-06-01 00:00 UTC), "leaf-outlives-ca"),
    ] {
        let output = check(issued);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(code), "{}", said(&output));
    }
    // One that begins later is told, also by `rotate`.
    let later = check(datetime!(2026-06-01 00:00 UTC));
    assert!(
        later.status.success() && said(&later).contains("valid-later"),
        "{}",
        said(&later)
    );
    // Nothing is written where a phase does not compile.
    check(datetime!(2021-06-01 00:00 UTC));
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("rotation");
    let rotated = run(khw_gen().arg("rotate").arg(spec.path()).arg("ca").arg("-o").arg(&out));
    assert!(!rotated.status.success() && !out.exists(), "{}", said(&rotated));
}

/// An authority made by others: its certificate and its key, in PEM.
fn authority(name: &str, seed: u8) -> (String, Vec<u8>) {
    authority_of(name, seed, datetime!(2025-12-01 00:00 UTC))
}

fn authority_of(name: &str, seed: u8, issued: OffsetDateTime) -> (String, Vec<u8>) {
    let key = KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[seed; 32]).expect("a key");
    let request = Request::named(format!("somebody's {name}"), Algorithm::Ecdsa(Curve::P256));
    let der = cfssl::root(&request, &key, issued).expect("a certificate");
    (to_pem("CERTIFICATE", &der), key.to_pem().expose().to_vec())
}

#[test]
fn an_authority_of_ones_own_is_no_leaf_and_a_name_means_one_thing() {
    let refused = |hosts: &[&str], sections: &str| {
        let spec = Spec::new(hosts, &format!("layout = \"split\"\n{sections}"));
        let sources = disk::Specification::open(&spec.path()).expect("the specification");
        let findings = input::check(&sources)
            .map(|checked| checked.remarks)
            .unwrap_or_else(|findings| findings);
        findings
            .iter()
            .filter(|finding| finding.code == "bad-generation")
            .map(|finding| finding.message.clone())
            .collect::<Vec<_>>()
    };
    let mut hosts = HOSTS.to_vec();
    hosts.push("encryption 10.1.0.31 worker");
    assert_eq!(refused(&hosts, "[generations]\nencryption = 2\n").len(), 1);
    hosts.pop();
    hosts.push("certificate 10.1.0.31 worker");
    assert!(refused(&hosts, "[generations]\ncertificate = 2\n").is_empty());
    let own = refused(&HOSTS, "[generations]\nlb = 2\n");
    assert!(own.len() == 1 && own[0].contains("has no key of its own"), "{own:?}");
}

/// Another issuer of tokens is another one, whatever the keys.
#[test]
fn another_issuer_of_tokens_is_found_beside_the_last() {
    let flags = "[components.kube-apiserver.flags]\nservice-account-issuer = \"https://other.example.org\"\n";
    let [one, other] = ["", flags].map(|sections| made(&cluster(&spec("split", sections))));
    let found = errors(audit::beside(&one, &other, AT));
    assert!(
        found
            .iter()
            .any(|finding| finding.code == "service-account-keys-disagree"),
        "{found:#?}"
    );
    let flags = flags.replace('"', "").replace(
        "= https://other.example.org",
        "= [\"https://other.example.org\", \"https://kubernetes.default.svc.cluster.local\"]",
    );
    let unit = one
        .hosts
        .iter()
        .find(|host| host.name == "cp1")
        .expect("a control plane");
    let unit = String::from_utf8_lossy(
        unit.files["/etc/systemd/system/kube-apiserver.service"]
            .content
            .expose(),
    )
    .into_owned();
    let issuer = unit
        .split("--service-account-issuer=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let flags = flags.replace(
        "https://kubernetes.default.svc.cluster.local",
        issuer.expect("an issuer"),
    );
    let both = made(&cluster(&spec("split", &flags)));
    let found = errors(audit::beside(&both, &both, AT));
    assert!(found.is_empty(), "{found:#?}");
}

/// Where each host has a key of its own, who steals one has nobody else's.
#[test]
fn keys_that_hosts_share_can_be_one_for_each_host() {
    let per_host = "per_host = [\"kube-proxy\", \"apiserver-etcd-client\"]";
    let with = |sections: &str| made(&cluster(&spec("split", &format!("{per_host}\n{sections}"))));
    let shared = made(&cluster(&spec("split", "")));
    let own = with("");
    let at = |found: &Found, host: &str, path: &str| {
        let host = found.hosts.iter().find(|one| one.name == host).expect("the host");
        host.files[path].content.expose().to_vec()
    };
    for (one, other, path) in [
        ("w1", "w2", "/var/lib/kube-proxy/kubeconfig"),
        ("cp1", "cp3", "/var/lib/kubernetes/apiserver-etcd-client-key.pem"),
    ] {
        assert_eq!(at(&shared, one, path), at(&shared, other, path), "{path}");
        assert_ne!(at(&own, one, path), at(&own, other, path), "{path}");
    }
    // Nothing lists what was never written.
    let mut found = errors(audit::audit(&own, AT));
    found.retain(|finding| finding.code != "bad-manifest");
    assert_eq!(found, []);
    assert_eq!(errors(audit::beside(&shared, &own, AT)), []);
    // The stolen machine costs nobody else a file.
    let after = with("[generations]\nw1 = 2\n");
    for host in &own.hosts {
        let other = after
            .hosts
            .iter()
            .find(|other| other.name == host.name)
            .expect("the host");
        let same = host
            .files
            .iter()
            .all(|(path, file)| other.files[path].content == file.content);
        assert_eq!(same, host.name != "w1", "{}", host.name);
    }
    let single = spec("single", per_host);
    let told = said(&run(khw_gen().arg("check").arg(single.path())));
    assert!(told.contains("use the layout `split`"), "{told}");
}

/// What lies on the hosts in each phase, by itself.
#[test]
fn every_phase_passes_verify() {
    for layout in LAYOUTS {
        for of in rotated(layout) {
            for (phase, state) in states(layout, of).iter().enumerate() {
                let mut found = errors(audit::audit(state, AT));
                // Nothing lists what was never written.
                found.retain(|finding| finding.code != "bad-manifest");
                assert_eq!(found, [], "{layout}, {of}, phase {phase}");
            }
        }
    }
}

/// The two arguments in the other order are told by the order that is right.
#[test]
fn the_topology_comes_first() {
    let told = run(khw_gen().args(["rotate", "ca", "some/cluster.toml", "-o", "plan"]));
    assert_eq!(told.status.code(), Some(1));
    assert!(
        said(&told).contains("the topology comes first: khw-gen rotate some/cluster.toml ca -o plan"),
        "{}",
        said(&told)
    );
}
