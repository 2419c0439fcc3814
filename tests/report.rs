//! `report`: the same bytes anywhere, no relation left out, each fault a red line that leads to its finding, what it says of files and of
//! rotations held against those, and pages that browsers and those can read who can't see them.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use khw_gen::pki::cfssl::{self, Request};
use khw_gen::pki::key::{Algorithm, Curve, KeyPair};
use khw_gen::pki::x509::to_pem;
use serde_json::Value;
use support::{Spec, build, examples, files_below, khw_gen, must, program, project, run, said, walkthrough};
use tempfile::TempDir;
use time::macros::datetime;

const AT: &str = "2026-06-01T00:00:00Z";
const FORMATS: [&str; 5] = ["html", "svg", "mermaid", "text", "json"];

fn report(path: &Path, format: &str) -> Command {
    let mut command = khw_gen();
    command.arg("report").arg(path).args(["--at", AT, "--format", format]);
    command
}

/// What is printed, whatever is found.
fn shown(path: &Path, format: &str) -> String {
    let output = run(&mut report(path, format));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn document(path: &Path) -> Value {
    serde_json::from_str(&shown(path, "json")).expect("JSON")
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn three_masters() -> PathBuf {
    project().join("specs/three-masters/cluster.toml")
}

/// Both layouts, small, with keys that take no time to make.
fn small(layout: &str) -> Spec {
    let hosts = [
        "m1 10.0.0.11 control-plane etcd",
        "m2 10.0.0.12 control-plane etcd",
        "m3 10.0.0.13 control-plane etcd",
        "n1 10.0.0.21 worker",
        "n2 10.0.0.22 worker",
        "lb 10.0.0.30 load-balancer",
        "ops 10.0.0.40 admin",
    ];
    let spec = Spec::new(&hosts, &format!("layout = \"{layout}\"\n[cluster]\nname = \"small\"\n"));
    // Those of the split layout that are built in have a profile for each purpose.
    if layout == "split" {
        spec
    } else {
        spec.with_ecdsa_keys()
    }
}

#[test]
fn the_same_bytes_twice_in_any_surroundings() {
    let (_folder, out) = build(&small("split").path());
    let moved = TempDir::new().expect("a folder");
    let copy = moved.path().join("out");
    must(Command::new("cp").arg("-r").arg(&out).arg(&copy));
    for format in FORMATS {
        let first = must(&mut report(&out, format));
        assert!(first.len() > 400, "{first}");
        let mut elsewhere = report(Path::new("out"), format);
        elsewhere
            .current_dir(moved.path())
            .env("TZ", "Asia/Kolkata")
            .env("LC_ALL", "tr_TR.UTF-8");
        elsewhere.env("RAYON_NUM_THREADS", "1").env("COLUMNS", "40");
        assert_eq!(must(&mut elsewhere), first, "{format}");
        assert_eq!(must(&mut report(&out, format)), first, "{format}");
        assert!(
            !first.contains(&*moved.path().to_string_lossy()),
            "{format} says where it was made"
        );
    }
}

/// An output is called by its cluster, wherever it lies; a host has the releases of what it runs; and the numbers add up.
#[test]
fn a_page_is_of_a_cluster_and_says_of_a_host_what_it_runs() {
    let (_folder, out) = build(&small("split").path());
    let page = must(&mut report(&out, "html"));
    assert!(page.contains("<h1>small</h1>"), "{page}");
    assert!(must(&mut report(&out.join("ops"), "text")).starts_with("small: ops\n"));
    let shown = must(&mut report(&out, "text"));
    let hosts = shown.split("HOSTS\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let told: Vec<&str> = hosts
        .expect("a section")
        .lines()
        .filter(|line| line.starts_with("  "))
        .collect();
    assert!(told.len() >= 4, "{told:?}");
    for line in told {
        let is_one = |roles: &[&str]| {
            roles
                .iter()
                .any(|role| line.split([' ', ',', ';']).any(|word| word == *role))
        };
        for (program, roles) in [
            ("Kubernetes", &["control-plane", "worker"][..]),
            ("etcd 3", &["etcd"]),
            ("containerd", &["worker"]),
        ] {
            assert_eq!(line.contains(program), is_one(roles), "{program}: {line}");
        }
    }
    let told = document(&out);
    let (connections, beliefs) = (list(&told["connections"]).len(), list(&told["beliefs"]).len());
    let expected = format!(
        "All {} relations hold ({connections} connections, and {beliefs} of believing what another signs).",
        connections + beliefs
    );
    let one_line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(&expected), "{expected}: {shown}");
}

/// Who meets whom in a good bundle: purpose, caller, callee; each is accepted both ways where both show something.
#[test]
fn every_relation_of_the_table_is_there_and_holds() {
    let table = fs::read_to_string(project().join("src/audit/relations/table.rs")).expect("the table");
    let purposes: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("purpose: \"")?.strip_suffix("\","))
        .collect();
    assert_eq!(purposes.len(), 7, "{purposes:?}");
    let handed_on = "hands on what others show";
    for spec in [walkthrough(), three_masters()] {
        let report = document(&spec);
        let met: BTreeSet<(String, String, String)> = list(&report["connections"])
            .iter()
            .map(|one| {
                assert_eq!(one["state"], "holds", "{one:#}");
                let name = |of: &str| text(&one[of]["name"]).rsplit('/').next().expect("a name").to_owned();
                (text(&one["purpose"]).to_owned(), name("caller"), name("callee"))
            })
            .collect();
        let told: BTreeSet<&str> = met.iter().map(|(purpose, _, _)| purpose.as_str()).collect();
        let mut expected: BTreeSet<&str> = purposes.iter().copied().chain([handed_on]).collect();
        if spec == walkthrough() {
            // Its API servers show extension API servers nothing of their own.
            expected.retain(|purpose| told.contains(purpose) || *purpose != "extension API servers");
        }
        assert_eq!(told, expected, "{}", spec.display());
        let has = |purpose: &str, caller: &str, callee: &str| {
            let one = (purpose.to_owned(), caller.to_owned(), callee.to_owned());
            assert!(met.contains(&one), "{one:?} is not in {met:#?}");
        };
        has("keeps the cluster's state", "kube-apiserver", "etcd");
        has("members of etcd among each other", "etcd", "etcd");
        has("logs, exec, metrics of nodes", "kube-apiserver", "kubelet");
        has(handed_on, "nginx", "kube-apiserver");
        for caller in [
            "kubelet",
            "kube-proxy",
            "kube-controller-manager",
            "kube-scheduler",
            "admin.kubeconfig",
        ] {
            has("logs in", caller, "kube-apiserver");
        }
        for one in list(&report["connections"])
            .iter()
            .filter(|one| one["purpose"] == "keeps the cluster's state")
        {
            for way in ["server", "client"] {
                assert!(
                    !list(&one[way]["shown"]).is_empty() && !list(&one[way]["trusted"]).is_empty(),
                    "{one:#}"
                );
                assert_eq!(one[way]["pairs"]["holds"], one["pairs"], "{one:#}");
            }
        }
        let signed: BTreeSet<&str> = list(&report["beliefs"]).iter().map(|one| text(&one["what"])).collect();
        let expected = [
            "Secrets in etcd",
            "certificates that are asked for",
            "tokens in Secrets",
        ];
        assert!(signed.is_superset(&BTreeSet::from(expected)), "{signed:?}");
        assert!(list(&report["beliefs"]).iter().all(|one| one["state"] == "holds"));
        // Each is a row of the page, and a line of the picture that leads there.
        let page = shown(&spec, "html");
        for number in 1..=list(&report["connections"]).len() {
            assert!(page.contains(&format!("<tr id=\"c-{number}\">")), "{number}");
            assert!(page.contains(&format!("href=\"#c-{number}\"")), "{number}");
        }
    }
}

/// What is changed in a good bundle of the split layout, who then meets whom in vain, and the code that says why.
struct Fault {
    name: &'static str,
    change: fn(&Path),
    caller: &'static str,
    callee: &'static str,
    code: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "an API server trusts another authority for kubelets",
        change: |out| copy(out, "m2", "var/lib/kubernetes/etcd-ca.pem", "var/lib/kubernetes/ca.pem"),
        caller: "kube-apiserver",
        callee: "kubelet",
        code: "untrusted-certificate",
    },
    Fault {
        name: "a member of etcd trusts nobody that is known",
        change: |out| copy(out, "m1", "var/lib/kubernetes/ca.pem", "etc/etcd/etcd-ca.pem"),
        caller: "kube-apiserver",
        callee: "etcd",
        code: "untrusted-certificate",
    },
    Fault {
        name: "a kubelet's certificate is not there",
        change: |out| fs::remove_file(at(out, "n2", "var/lib/kubelet/kubelet-serving.pem")).expect("it is there"),
        caller: "kube-apiserver",
        callee: "kubelet",
        code: "missing-file",
    },
    Fault {
        name: "a kubelet's certificate is none",
        change: |out| fs::write(at(out, "n2", "var/lib/kubelet/kubelet-serving.pem"), "nothing\n").expect("a file"),
        caller: "kube-apiserver",
        callee: "kubelet",
        code: "bad-pem",
    },
    Fault {
        name: "a server shows a client's certificate",
        change: |out| {
            copy(
                out,
                "m3",
                "var/lib/kubernetes/apiserver-etcd-client.pem",
                "etc/etcd/etcd-server.pem",
            )
        },
        caller: "kube-apiserver",
        callee: "etcd",
        code: "missing-server-auth",
    },
    Fault {
        name: "an API server shows another's certificate",
        change: |out| {
            let one = fs::read(at(out, "m1", "var/lib/kubernetes/apiserver.pem")).expect("it is there");
            fs::write(at(out, "m2", "var/lib/kubernetes/apiserver.pem"), one).expect("a file");
            replace(&at(out, "m1", "root/admin.kubeconfig"), "127.0.0.1", "10.0.0.12");
        },
        caller: "admin.kubeconfig",
        callee: "kube-apiserver",
        code: "address-not-covered",
    },
    Fault {
        name: "a load balancer leads where no API server is",
        change: |out| {
            replace(
                &at(out, "lb", "etc/nginx/tcpconf.d/kubernetes.conf"),
                "10.0.0.12:",
                "10.0.0.21:",
            );
        },
        caller: "nginx",
        callee: "kube-apiserver",
        code: "nobody-answers",
    },
];

fn at(out: &Path, host: &str, path: &str) -> PathBuf {
    out.join(host).join("rootfs").join(path)
}

fn copy(out: &Path, host: &str, from: &str, to: &str) {
    fs::copy(at(out, host, from), at(out, host, to)).expect("it is there");
}

fn replace(file: &Path, before: &str, after: &str) {
    let text = fs::read_to_string(file).expect("text");
    fs::write(file, text.replace(before, after)).expect("a file");
}

/// The value of an attribute in a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> &'t str {
    let start = format!("{name}=\"");
    let from = tag.find(&start).unwrap_or_else(|| panic!("{tag} has no {name}")) + start.len();
    tag[from..].split('"').next().expect("its end")
}

/// The links of the picture that are drawn as broken, by the number that they show.
fn red_links(page: &str) -> Vec<&str> {
    let links = page
        .split("<a ")
        .skip(1)
        .map(|rest| rest.split('>').next().expect("its end"));
    links.filter(|tag| tag.contains("class=\"broken\"")).collect()
}

#[test]
fn a_fault_is_a_red_line_that_leads_to_its_finding() {
    let (_folder, good) = build(&small("split").path());
    assert_eq!(red_links(&shown(&good, "html")), Vec::<&str>::new());
    assert!(run(&mut report(&good, "html")).status.success());
    for fault in FAULTS {
        let folder = TempDir::new().expect("a folder");
        let out = folder.path().join("out");
        must(Command::new("cp").arg("-r").arg(&good).arg(&out));
        (fault.change)(&out);
        let report_of = run(&mut report(&out, "html"));
        assert_eq!(
            report_of.status.code(),
            Some(1),
            "{}: verify finds an error",
            fault.name
        );
        let page = String::from_utf8(report_of.stdout).expect("text");
        let document = document(&out);
        let broken: Vec<&Value> = list(&document["connections"])
            .iter()
            .filter(|one| one["state"] == "broken")
            .collect();
        let codes = |one: &Value| -> BTreeSet<String> {
            let all = list(&one["findings"]).iter();
            let codes = all.map(|index| &document["findings"][index.as_u64().expect("a place") as usize]["code"]);
            codes.map(|code| text(code).to_owned()).collect()
        };
        let is_it = |one: &&&Value| {
            text(&one["caller"]["name"]).ends_with(fault.caller) && text(&one["callee"]["name"]).ends_with(fault.callee)
        };
        let one = broken
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{}: {broken:#?}", fault.name));
        assert!(codes(one).contains(fault.code), "{}: {:?}", fault.name, codes(one));
        let links = red_links(&page);
        assert_eq!(links.len(), broken.len(), "{}", fault.name);
        for link in links {
            let id = attribute(link, "href")
                .strip_prefix("#finding-")
                .unwrap_or_else(|| panic!("{}: {link}", fault.name));
            let target = format!("<li id=\"finding-{id}\"");
            assert_eq!(page.matches(&target).count(), 1, "{}: {link}", fault.name);
        }
        assert!(page.contains(&format!("<code>{}</code>", fault.code)), "{}", fault.name);
        // The findings are those of verify, each as often as it is there.
        let found = run(khw_gen().arg("verify").arg(&out).args(["--at", AT, "--format", "json"]));
        let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
        let verified: BTreeSet<[String; 4]> = list(&found["findings"])
            .iter()
            .map(|one| ["code", "host", "path", "message"].map(|field| text(&one[field]).to_owned()))
            .collect();
        let told: BTreeSet<[String; 4]> = list(&document["findings"])
            .iter()
            .flat_map(|one| {
                let rest = |host: &str| {
                    [text(&one["code"]), host, text(&one["path"]), text(&one["message"])].map(str::to_owned)
                };
                match list(&one["hosts"]).as_slice() {
                    [] => vec![rest("")],
                    hosts => hosts.iter().map(|host| rest(text(host))).collect(),
                }
            })
            .collect();
        assert_eq!(told, verified, "{}", fault.name);
    }
}

#[test]
fn what_has_ended_is_broken_at_that_instant_and_not_before() {
    let (_folder, out) = build(&small("split").path());
    let of = |instant: &str| -> Value {
        let output = run(khw_gen()
            .arg("report")
            .arg(&out)
            .args(["--format", "json", "--at", instant]));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let states = |report: &Value| -> BTreeSet<String> {
        list(&report["connections"])
            .iter()
            .map(|one| text(&one["state"]).to_owned())
            .collect()
    };
    assert_eq!(
        states(&of("2026-12-31T00:00:00Z")),
        BTreeSet::from(["holds".to_owned()])
    );
    let later = of("2028-01-01T00:00:00Z");
    // A load balancer shows nothing that could end.
    for one in list(&later["connections"]) {
        if one["handed_on_by"].is_array() {
            assert_eq!(one["state"], "holds", "{one:#}");
            continue;
        }
        assert_eq!(one["state"], "broken", "{one:#}");
        let places = list(&one["findings"]);
        assert!(!places.is_empty(), "{one:#}");
        for place in places {
            let finding = &later["findings"][place.as_u64().expect("a place") as usize];
            assert_eq!(finding["code"], "certificate-expired", "{one:#}");
        }
    }
}

#[test]
fn keys_of_tokens_that_are_not_known_are_told() {
    let (_folder, out) = build(&small("split").path());
    let key = KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[9; 32]).expect("a key");
    let root = cfssl::root(&request("another"), &key, datetime!(2026-01-01 00:00 UTC)).expect("a root");
    fs::write(
        at(&out, "m1", "var/lib/kubernetes/service-account.pub"),
        to_pem("CERTIFICATE", &root),
    )
    .expect("a file");
    let report = document(&out);
    let tokens = list(&report["beliefs"])
        .iter()
        .filter(|one| text(&one["what"]).starts_with("tokens"));
    let broken: Vec<&Value> = tokens.filter(|one| one["state"] == "broken").collect();
    assert_eq!(broken.len(), 2, "{:#}", report["beliefs"]);
    for one in broken {
        let place = list(&one["findings"])[0].as_u64().expect("a place") as usize;
        assert_eq!(report["findings"][place]["code"], "service-account-keys-disagree");
    }
}

#[test]
fn the_matrix_says_what_the_manifests_say() {
    for spec in [walkthrough(), three_masters()] {
        let (_folder, out) = build(&spec);
        let report = document(&out);
        let groups = list(&report["groups"]);
        let mut hosts = 0;
        for group in groups {
            for host in list(&group["hosts"]).iter().map(text) {
                hosts += 1;
                let manifest = fs::read_to_string(out.join(host).join("MANIFEST")).expect("a manifest");
                let listed: BTreeMap<String, String> = manifest
                    .lines()
                    .filter(|line| !line.starts_with('#') && !line.ends_with('/'))
                    .map(|line| {
                        let fields: Vec<&str> = line.splitn(3, ' ').collect();
                        (fields[2].to_owned(), fields[0].to_owned())
                    })
                    .collect();
                let own = format!("/{host}");
                let mut told = BTreeMap::new();
                let mut of_others = 0;
                for (path, file) in group["files"].as_object().expect("files") {
                    for mode in list(&file["modes"]) {
                        if !list(&mode["hosts"]).iter().any(|one| text(one) == host) {
                            continue;
                        }
                        if path.contains("{each host}") {
                            of_others += file["count"].as_u64().expect("a number") as usize;
                            continue;
                        }
                        let path = path.replace("/{host}", &own);
                        let listed = if path.starts_with('/') {
                            format!("rootfs{path}")
                        } else {
                            path
                        };
                        told.insert(listed, text(&mode["mode"]).to_owned());
                    }
                }
                told.remove("MANIFEST").expect("it is there itself");
                let (of_hosts, listed): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    listed.into_iter().partition(|(path, _)| !told.contains_key(path));
                assert_eq!(told, listed, "{host}");
                assert_eq!(of_hosts.len(), of_others, "{host}: {of_hosts:?}");
            }
        }
        assert_eq!(
            hosts,
            fs::read_dir(&out)
                .expect("a folder")
                .filter(|entry| entry.as_ref().expect("it").path().join("rootfs").is_dir())
                .count()
        );
    }
}

/// The files that change in each phase are those that the outputs of `rotate` differ in.
#[test]
fn what_a_rotation_changes_is_what_rotate_makes() {
    for (layout, rotated) in [
        ("single", &["ca", "service-account", "encryption"][..]),
        (
            "split",
            &["ca", "etcd-ca", "front-proxy-ca", "service-account", "encryption"][..],
        ),
    ] {
        let spec = small(layout);
        let (_folder, out) = build(&spec.path());
        let of_output = document(&out);
        let of_spec = document(&spec.path());
        let names = |report: &Value| -> Vec<String> {
            list(&report["rotations"])
                .iter()
                .map(|one| text(&one["of"]).to_owned())
                .collect()
        };
        assert_eq!(names(&of_output), rotated, "{layout}");
        assert_eq!(names(&of_spec), rotated, "{layout}");
        for of in rotated {
            let folder = TempDir::new().expect("a folder");
            let phases = folder.path().join("phases");
            must(khw_gen().arg("rotate").arg(spec.path()).arg(of).arg("-o").arg(&phases));
            let mut before = out.clone();
            for (index, phase) in ["announce", "switch", "retire"].iter().enumerate() {
                let after = phases.join(format!("{}-{phase}", index + 1));
                let differ = differing(&before, &after);
                for report in [&of_output, &of_spec] {
                    let turn = list(&report["rotations"])
                        .iter()
                        .find(|one| one["of"] == **of)
                        .expect("it");
                    let told = &turn["phases"][index];
                    assert_eq!(told["phase"], **phase);
                    assert_eq!(predicted(report, told), differ, "{layout}: {of}: {phase}");
                    assert_eq!(told["files"], differ.len(), "{layout}: {of}: {phase}");
                }
                before = after;
            }
        }
    }
}

/// Host and path of every file below the trees of hosts that is another in a second output.
fn differing(one: &Path, other: &Path) -> BTreeSet<String> {
    let trees = |out: &Path| -> BTreeMap<String, Vec<u8>> {
        let files = files_below(out).into_iter();
        files
            .filter_map(|(path, bytes)| {
                path.contains("/rootfs/")
                    .then(|| (path.replacen("/rootfs", "", 1), bytes))
            })
            .collect()
    };
    let (one, other) = (trees(one), trees(other));
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    paths
        .into_iter()
        .filter(|path| one.get(*path) != other.get(*path))
        .cloned()
        .collect()
}

fn predicted(report: &Value, phase: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for change in list(&phase["changes"]) {
        let group = &report["groups"][change["group"].as_u64().expect("a place") as usize];
        for pattern in list(&change["paths"]).iter().map(text) {
            for mode in list(&group["files"][pattern]["modes"]) {
                for host in list(&mode["hosts"]).iter().map(text) {
                    match pattern.contains("{each host}") {
                        true => all.extend(
                            ["n1", "n2"].map(|other| format!("{host}{}", pattern.replace("{each host}", other))),
                        ),
                        false => drop(all.insert(format!("{host}{}", pattern.replace("{host}", host)))),
                    }
                }
            }
        }
    }
    all
}

fn request(cn: &str) -> Request {
    Request::named(cn, Algorithm::Ecdsa(Curve::P256))
}

/// Names that would be markup, syntax or a terminal's orders, wherever a name can be: of a host, a file, a subject, a setting.
fn hostile() -> (TempDir, PathBuf) {
    let (folder, out) = build(&small("split").path());
    let evil = "x\"'><script>alert(1)<!script>&amp;]}%%;`#{host}\u{202e}\u{1b}[2J";
    let host = out.join(evil);
    fs::rename(out.join("n1"), &host).expect("a folder");
    let key = KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[9; 32]).expect("a key");
    let root = cfssl::root(
        &request("<img src=x onerror=alert(2)>\" end"),
        &key,
        datetime!(2026-01-01 00:00 UTC),
    )
    .expect("a root");
    let tree = host.join("rootfs");
    fs::write(tree.join("var/lib/kubernetes/ca.pem"), to_pem("CERTIFICATE", &root)).expect("a file");
    let named = tree.join("var/lib/kubelet/<style>*{display:none}<svg onload=alert(3)>.pem");
    fs::write(named, to_pem("CERTIFICATE", &root)).expect("a file");
    let config = fs::read_to_string(tree.join("var/lib/kubelet/kubeconfig")).expect("text");
    let config = config.replace("10.0.0.30", "<b>\"|--><iframe src=//evil.example>");
    fs::write(tree.join("var/lib/kubelet/\"><h1>.kubeconfig"), config).expect("a file");
    (folder, out)
}

#[test]
fn nothing_that_anybody_named_is_markup() {
    let (_folder, out) = hostile();
    for format in ["html", "svg"] {
        let page = shown(&out, format);
        for tag in ["<script", "<img", "<iframe", "<b>", "<h1>.", "<svg onload", "<style>*"] {
            assert!(!page.contains(tag), "{format}: {tag} is in it");
        }
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;!script&gt;"),
            "{format} says what the host is called"
        );
        assert!(!page.contains(['\u{202e}', '\u{1b}']), "{format}");
    }
    let text = shown(&out, "text");
    assert!(!text.contains(['\u{202e}', '\u{1b}']));
    let flowchart = shown(&out, "mermaid");
    assert!(
        !flowchart.contains("<script") && flowchart.contains("#60;script#62;"),
        "{flowchart}"
    );
    assert_eq!(document(&out)["kind"], "khw-gen/report/v1");
}

/// In a browser, in light and dark, wide and narrow: no fault of form, no barrier, nothing that is loaded, no text on another.
#[test]
fn browsers_and_those_who_can_not_see_can_read_it() {
    const TEST: &str = "pages of report in a browser";
    let Some(judge) = program("judge-pages", TEST) else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let (_broken_folder, broken) = build(&small("split").path());
    for fault in FAULTS {
        (fault.change)(&broken);
    }
    let fleet = fleet(120);
    let (_hostile_folder, hostile) = hostile();
    let specs = [
        ("walkthrough", walkthrough()),
        ("three-masters", three_masters()),
        ("broken", broken),
        ("fleet", fleet.path()),
        ("hostile", hostile),
    ];
    let mut files = Vec::new();
    for (name, path) in &specs {
        for (format, end) in [("html", "html"), ("svg", "svg"), ("mermaid", "mmd")] {
            let file = folder.path().join(format!("{name}.{end}"));
            fs::write(&file, shown(path, format)).expect("a file");
            files.push(file);
        }
    }
    let output = run(Command::new(judge).args(&files));
    assert!(output.status.success(), "{}", said(&output));
    // The judge would find what is wrong.
    let page = fs::read_to_string(&files[0]).expect("a page");
    let wrong = page
        .replace("<html lang=\"en\">", "<html>")
        .replace("--muted:#56606b", "--muted:#d0d0d0")
        .replace("href=\"#trust\"", "href=\"#gone\"");
    let file = folder.path().join("wrong.html");
    fs::write(&file, wrong).expect("a page");
    let flowchart = folder.path().join("wrong.mmd");
    fs::write(&flowchart, "flowchart LR\n a[\"x\" --> b").expect("a flowchart");
    let said = said(&run(
        Command::new(program("judge-pages", TEST).expect("it")).args([file, flowchart])
    ));
    for expected in ["html-has-lang", "color-contrast", "#gone leads nowhere", "Mermaid says"] {
        assert!(said.contains(expected), "{expected} is not found: {said}");
    }
}

fn fleet(workers: usize) -> Spec {
    let pool =
        format!("[[pools]]\nname = \"w{{n:04}}\"\ncount = {workers}\nfirst_ip = \"10.1.0.10\"\nroles = [\"worker\"]\n");
    let hosts = ["m1 10.0.0.11 control-plane etcd", "lb 10.0.0.30 load-balancer"];
    let spec = Spec::new(&hosts, "layout = \"split\"\n[network]\npods = \"10.128.0.0/12\"\n").with_ecdsa_keys();
    let written = fs::read_to_string(spec.path()).expect("text") + &pool;
    fs::write(spec.path(), written).expect("cluster.toml");
    spec
}

#[test]
fn hosts_that_are_alike_are_one_group_however_many() {
    let spec = fleet(120);
    let report = document(&spec.path());
    let names: Vec<&str> = list(&report["groups"])
        .iter()
        .map(|group| text(&group["name"]))
        .collect();
    assert_eq!(names, ["m1", "w0001–w0120", "lb"]);
    let few = document(&fleet(3).path());
    let count = |report: &Value| list(&report["connections"]).len();
    assert_eq!(
        count(&report),
        count(&few),
        "a fleet has no more lines than three hosts"
    );
    let page = shown(&spec.path(), "html");
    assert!(page.contains("w0001–w0120 (120)"));
    // One of them that is another is named where it differs.
    let (_folder, out) = build(&spec.path());
    fs::remove_file(at(&out, "w0077", "etc/crictl.yaml")).expect("it is there");
    let page = shown(&out, "html");
    assert!(page.contains(" not w0077</span>"), "the matrix says who lacks it");
}

#[test]
fn what_only_the_other_kind_of_source_can_tell_is_said() {
    let spec = small("split");
    let (_folder, out) = build(&spec.path());
    let untold = |path: &Path| {
        list(&document(path)["untold"])
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let of_output = untold(&out);
    assert!(
        of_output.contains("a cluster.toml alone tells that") && of_output.contains("generation"),
        "{of_output}"
    );
    let of_spec = untold(&spec.path());
    assert!(
        of_spec.contains("compiled in memory") && !of_spec.contains("seed"),
        "{of_spec}"
    );
    let fingerprints = |page: &str| page.matches("class=\"print\"").count();
    assert!(fingerprints(&shown(&spec.path(), "html")) > 10);
    assert_eq!(
        fingerprints(&shown(&spec.path(), "html")),
        fingerprints(&shown(&out, "html"))
    );
    assert!(
        shown(&spec.path(), "html").contains("is stolen"),
        "keys have names in a cluster.toml"
    );
    assert!(!shown(&out, "html").contains("is stolen, in cluster.toml"));
    fs::remove_file(spec.path().with_file_name("seed")).expect("the seed");
    let without = untold(&spec.path());
    assert!(without.contains("another one stood in"), "{without}");
    assert_eq!(
        fingerprints(&shown(&spec.path(), "html")),
        0,
        "another seed's fingerprints would be wrong"
    );
    // A rotation that is on its way is told by cluster.toml.
    let rotating = fs::read_to_string(spec.path()).expect("text") + "[rotate.ca]\nto = 2\nphase = \"announce\"\n";
    fs::write(spec.path(), rotating).expect("cluster.toml");
    assert!(shown(&spec.path(), "text").contains("On its way from generation 1 to 2, in the phase announce."));
}

#[test]
fn the_text_fits_a_terminal() {
    for path in [walkthrough(), three_masters(), fleet(12).path()] {
        let text = shown(&path, "text");
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        assert!(
            text.contains("WHO TALKS TO WHOM\n") && text.contains("kubelet of "),
            "{text}"
        );
    }
    let (_folder, out) = hostile();
    assert!(shown(&out, "text").lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_file_is_replaced_only_if_it_is_a_report() {
    let (folder, out) = build(&small("split").path());
    for format in FORMATS {
        let file = folder.path().join(format!("report.{format}"));
        for _ in 0..2 {
            must(report(&out, format).arg("-o").arg(&file));
        }
        let written = fs::read_to_string(&file).expect("a report");
        assert_eq!(written.trim_end(), shown(&out, format).trim_end(), "{format}");
        assert_eq!(support::mode(&file), 0o644);
    }
    let nowhere = folder.path().join("nowhere/report.html");
    let refused = run(report(&out, "html").arg("-o").arg(&nowhere));
    assert!(said(&refused).contains("can't find the folder"), "{}", said(&refused));
    assert!(!said(&refused).contains(".new"), "{}", said(&refused));
    let file = folder.path().join("notes.html");
    fs::write(&file, "my notes\n").expect("a file");
    let link = folder.path().join("link.html");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    for path in [&file, &link, &folder.path().to_owned()] {
        let output = run(report(&out, "html").arg("-o").arg(path));
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("will not be replaced"), "{}", said(&output));
    }
    assert_eq!(fs::read_to_string(&file).expect("a file"), "my notes\n");
    let left = fs::read_dir(folder.path()).expect("a folder").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(left.count(), 0, "nothing is left beside it");
    let nowhere = run(&mut report(&folder.path().join("nowhere"), "html"));
    assert_eq!(nowhere.status.code(), Some(2), "{}", said(&nowhere));
}

#[test]
fn a_folder_made_by_hand_has_a_report_too() {
    let (_folder, out) = build(&walkthrough());
    let page = shown(&out.join("control/rootfs/root/certs"), "html");
    assert!(
        page.contains("No program that is here") || page.contains("Who calls"),
        "it says what there is"
    );
    assert!(page.contains("CN=Kubernetes"));
    let archive = shown(&out.join("node1.tar.gz"), "html");
    assert!(archive.contains("1 host in 1 group"), "an archive is one host");
}

#[test]
fn the_page_of_docs_shows_the_beginning_of_one() {
    let text = shown(&three_masters(), "text");
    let from = text.find("WHO TALKS TO WHOM").expect("the section");
    let end = text[from..].find("\n  5 ").expect("the fifth") + from;
    examples::assert_shows("report", "text", &format!("{}\n…\n", &text[from..end]));
}
