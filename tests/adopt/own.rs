//! khw-gen's own output is adopted and built again: nothing differs but keys of what is issued anew, and serial numbers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use tempfile::TempDir;

use crate::adopted;
use crate::maker::{self, KeyForm, Maker};
use crate::support::{Spec, build, khw_gen, must, program, project, run, said};

/// The day on which all specifications issue.
const AT: [&str; 2] = ["--at", "2026-01-01T00:00:00Z"];
const AUTHORITIES: [&str; 3] = ["ca", "etcd-ca", "front-proxy-ca"];

/// Lines of `diff` that tell what is meant to be: keys of what is issued anew; and that nothing founds the cluster anew.
const MEANT: [&str; 8] = [
    "new key sha256:",
    "new client certificate key sha256:",
    "new client key sha256:",
    "new serial",
    "same certificate authority key; new client certificate serial",
    "same certificate authority key; same certificate authority 2 key; new client certificate serial",
    "--initial-cluster-state new -> existing",
    // A request has the new key.
    "content changed",
];

/// Specifications whose clusters the end-to-end tests boot: over IPv6 alone, and over both families.
const BOOTED: [&str; 2] = ["tests/e2e/specs/single", "tests/e2e/specs/dual-stack"];

/// What stands in the templates among them.
const FILLED: [(&str, &str); 4] = [
    ("@KUBERNETES@", "1.37"),
    ("@ETCD@", "3.7"),
    ("@ISSUED@", AT[1]),
    ("\"cluster.seed\"", "\"walkthrough.seed\""),
];

/// A specification of the project's whose authorities are brought, in a folder of its own.
fn with_authorities(from: &str, keys: &Path, folder: &Path) -> PathBuf {
    must(
        Command::new("cp")
            .arg("-r")
            .arg(project().join(from))
            .arg(folder.join("spec")),
    );
    let spec = folder.join("spec/cluster.toml");
    let text = fs::read_to_string(&spec).expect("cluster.toml");
    let is_single = from.ends_with("/walkthrough") || text.contains("layout = \"single\"");
    let mut text = text.replace("../walkthrough/walkthrough.seed", "walkthrough.seed");
    for (name, value) in FILLED {
        text = text.replace(name, value);
    }
    for authority in AUTHORITIES.iter().filter(|one| !is_single || **one == "ca") {
        text.push_str(&format!(
            "\n[pki.bring.{authority}]\ncert = \"{0}/{authority}.pem\"\nkey = \"{0}/{authority}-key.pem\"\n",
            keys.display()
        ));
    }
    fs::write(&spec, text).expect("cluster.toml");
    let seed = project().join("specs/walkthrough/walkthrough.seed");
    must(
        Command::new("cp")
            .arg("-p")
            .arg(seed)
            .arg(folder.join("spec/walkthrough.seed")),
    );
    let _ = fs::remove_file(folder.join("spec/csr/ca-csr.json"));
    spec
}

/// What `diff` says that is not meant to be.
fn unmeant(old: &Path, new: &Path) -> Vec<String> {
    let output = run(khw_gen().arg("diff").arg(old).arg(new));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    let text = said(&output);
    let told = text.split("\nWhat to do").next().unwrap_or_default();
    let is_detail = |line: &&str| {
        line.starts_with("      ") || line.starts_with("  + ") || line.starts_with("  - ") || line.starts_with("  ! ")
    };
    let details = told.lines().filter(is_detail);
    details
        .filter(|line| !MEANT.iter().any(|meant| line.trim().starts_with(meant)))
        .map(str::to_owned)
        .collect()
}

/// The tree of each host, as it lies on a machine: without the manifest that says what it is.
fn trees(out: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(out).expect("an output") {
        let host = entry.expect("an entry").path();
        if host.is_dir() {
            let name = host.file_name().expect("a name");
            must(
                Command::new("cp")
                    .arg("-rp")
                    .arg(host.join("rootfs"))
                    .arg(to.join(name)),
            );
        }
    }
}

fn adopted_and_built(from: &[&Path], folder: &Path, arguments: &[&str]) -> PathBuf {
    let (spec, out) = (folder.join("adopted"), folder.join("new"));
    must(
        khw_gen()
            .arg("adopt")
            .args(from)
            .arg("-o")
            .arg(&spec)
            .args(AT)
            .args(arguments),
    );
    must(
        khw_gen()
            .arg("build")
            .arg(spec.join("cluster.toml"))
            .arg("-o")
            .arg(&out),
    );
    out
}

/// An authority of each kind in a folder, and what made them.
fn with_authorities_in(keys: &Path) -> Maker {
    let make = Maker::new(KeyForm::EcPkcs8, |name| {
        (format!("{name}.pem"), format!("{name}-key.pem"))
    });
    for authority in AUTHORITIES {
        make.authority(keys, authority, &format!("/CN={authority}"));
    }
    make
}

#[test]
fn what_khw_gen_has_made_is_adopted_as_it_is() {
    let test = "what_khw_gen_has_made_is_adopted_as_it_is";
    if program("openssl", test).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let keys = folder.path().join("keys");
    with_authorities_in(&keys);
    let mut names: Vec<String> = fs::read_dir(project().join("specs"))
        .expect("specifications")
        .map(|entry| format!("specs/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    names.extend(BOOTED.map(str::to_owned));
    let wrong: Vec<String> = names
        .par_iter()
        .filter_map(|name| {
            let folder = folder.path().join(format!("of-{}", name.replace('/', "-")));
            fs::create_dir(&folder).expect("a folder");
            let spec = with_authorities(name, &keys, &folder);
            let out = folder.join("out");
            must(khw_gen().arg("build").arg(&spec).arg("-o").arg(&out));
            // Of the single layout the authority's key is on hosts; of the others it is not.
            let new = adopted_and_built(&[&out, &keys], &folder, &[]);
            let mut wrong = unmeant(&out, &new);
            let beside = run(khw_gen().arg("verify").arg(&new).arg("--beside").arg(&out).args(AT));
            let text = said(&beside);
            let codes = [
                "untrusted-certificate",
                "service-account-keys-disagree",
                "encryption-disagrees",
            ];
            wrong.extend(
                codes
                    .iter()
                    .filter(|code| text.contains(**code))
                    .map(|code| format!("{code}: {text}")),
            );
            // Machines say the same without a manifest, but for the release.
            let version = fs::read_to_string(&spec).expect("cluster.toml");
            let version = version
                .lines()
                .find_map(|line| line.strip_prefix("kubernetes")?.split('"').nth(1).map(str::to_owned));
            let on_machines = folder.join("on-machines");
            trees(&out, &on_machines.join("trees"));
            let version = version.expect("a version");
            let new = adopted_and_built(
                &[&on_machines.join("trees"), &keys],
                &on_machines,
                &["--kubernetes", &version],
            );
            wrong.extend(
                unmeant(&out, &new)
                    .into_iter()
                    .map(|line| format!("of machines: {line}")),
            );
            (!wrong.is_empty()).then(|| format!("{name}:\n{}", wrong.join("\n")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who runs with such keys has programs that read them: a newer Go has compiled those.
#[test]
fn a_cluster_with_keys_of_ml_dsa_is_adopted_with_them() {
    let hosts = ["cp 10.0.0.1 control-plane etcd admin", "n1 10.0.0.2 worker"];
    let spec = Spec::new(&hosts, "layout = \"single\"\n[cluster]\ngo = \"1.27\"").with_csrs(|name, text| {
        let is_of_tokens = name == "service-account-csr.json";
        match (is_of_tokens, serde_json::from_str::<serde_json::Value>(&text)) {
            (false, Ok(mut request)) if request.get("key").is_some() => {
                request["key"] = serde_json::json!({"algo": "mldsa44"});
                request.to_string()
            }
            _ => text,
        }
    });
    let (folder, out) = build(&spec.path());
    let new = adopted_and_built(&[&out], folder.path(), &[]);
    // An authority that is brought asks for nothing, and a JSON file is set in otherwise.
    let of_authority = [
        "/root/certs/ca-csr.json",
        "/root/certs/ca.csr",
        "only comments or layout",
    ];
    let unmeant = unmeant(&out, &new);
    let other = unmeant
        .iter()
        .filter(|line| !of_authority.iter().any(|meant| line.contains(meant)));
    assert_eq!(other.count(), 0, "{unmeant:?}");
    let text = fs::read_to_string(folder.path().join("adopted/cluster.toml")).expect("cluster.toml");
    assert!(text.contains("\ngo = \"1.27\"\n"), "{text}");
}

/// Certificates' names: the API server's, node1's | where the administrator reaches the API | what cluster.toml says then.
#[rustfmt::skip]
const OF_CERTIFICATES: &[(&str, &str, &str, &[&str])] = &[
    // IPv6 alone: a range of kubeadm's length, one master by name.
    ("DNS:kubernetes.default,DNS:master1,IP:fd00:32::1,IP:fd00::11,IP:::1", "DNS:node1,IP:fd00::21", "https://[fd00:0::11]:6443", &[
        "endpoint = \"[fd00::11]:6443\"",
        "services = \"fd00:32::/112\"", "pods = \"fd00:200::/56\"", "name = \"master1\"", "ip = \"fd00::11\"", "ip = \"fd00::21\"",
    ]),
    // Both families: two masters, each with two addresses; kubespray's range of IPv6.
    ("DNS:kubernetes.default,DNS:master1,DNS:master2,IP:10.32.0.1,IP:fd85:ee78:d8a6:8607::1001,IP:10.0.0.11,IP:10.0.0.12,IP:fd00::11,IP:fd00::12",
        "DNS:node1,IP:10.0.0.21,IP:fd00::21", "https://api.example.org:6443", &[
        "services = [\"10.32.0.0/24\", \"fd85:ee78:d8a6:8607::1000/116\"]", "pods = [\"10.200.0.0/16\", \"fd00:200::/56\"]",
        "ip = [\"10.0.0.11\", \"fd00::11\"]", "ip = [\"10.0.0.12\", \"fd00::12\"]", "ip = [\"10.0.0.21\", \"fd00::21\"]",
    ]),
    // A node without an address gets one that nobody has, of the cluster's own family.
    ("DNS:kubernetes.default,DNS:master1,IP:fd00:32::1,IP:fd00::11", "DNS:node1", "https://[fd00::11]:6443", &["ip = \"2001:db8::1\""]),
    // fd00::1 is a router of the masters' own network, and no range of services begins there.
    ("DNS:kubernetes.default,IP:10.32.0.1,IP:10.0.0.11,IP:fd00::1,IP:fd00::11", "DNS:node1,IP:10.0.0.21", "https://10.0.0.11:6443", &["services = \"10.32.0.0/24\""]),
];

#[test]
fn certificates_with_addresses_of_ipv6_are_adopted() {
    let test = "certificates_with_addresses_of_ipv6_are_adopted";
    if program("openssl", test).is_none() {
        return;
    }
    for (of_api, of_node, server, says) in OF_CERTIFICATES {
        let folder = TempDir::new().expect("a folder");
        let certs = folder.path().join("certs");
        let make = Maker::new(KeyForm::EcPkcs8, |name| {
            (format!("{name}.pem"), format!("{name}-key.pem"))
        });
        let ca = make.authority(&certs, "ca", "/CN=Kubernetes");
        make.issue(&ca, &certs, "kubernetes", "/CN=kubernetes", of_api);
        make.issue(&ca, &certs, "node1", "/O=system:nodes/CN=system:node:node1", of_node);
        let admin = make.issue(&ca, &certs, "admin", "/O=system:masters/CN=admin", "");
        let path = certs.join("admin.kubeconfig");
        maker::kubeconfig(&path, "c", server, &ca.certificate, "admin", &admin);
        make.issue(&ca, &certs, "service-account", "/CN=service-accounts", "");
        let world = adopted(&[&certs], &maker::AT, &[]);
        for line in *says {
            world.says(line);
        }
        // Every name that a certificate had, the new one has.
        for (path, names) in [("/kubernetes.pem", of_api), ("/node1.pem", of_node)] {
            let new = world.names(path);
            for name in names.split(',').filter_map(|name| name.split_once(':')) {
                assert!(new.contains(name.1), "{path} lacks {}: {new:?}", name.1);
            }
        }
    }
}

/// Two authorities are trusted, as in the middle of a rotation: so they are afterwards, in the same phase of it, from which it goes on.
#[test]
fn a_rotation_that_is_under_way_is_adopted_with_it() {
    if program("openssl", "a_rotation_that_is_under_way_is_adopted_with_it").is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let keys = folder.path().join("keys");
    let make = with_authorities_in(&keys);
    for authority in AUTHORITIES {
        let [name, subject] = [format!("{authority}-2"), format!("/CN={authority}")];
        make.authority_between(&keys, &name, &subject, ["20250601000000Z", "20350101000000Z"]);
    }
    for name in ["service-account", "service-account-2"] {
        let key = keys.join(format!("{name}-key.pem"));
        make.key(&key);
        let public = keys.join(format!("{name}.pem"));
        must(
            Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(&key)
                .arg("-out")
                .arg(public),
        );
    }
    let split = AUTHORITIES.map(|of| ("specs/external-etcd", of));
    let cases = split.into_iter().chain([("specs/walkthrough", "ca")]);
    let cases: Vec<(&str, &str, &str, bool)> = cases
        .flat_map(|(spec, of)| {
            let phases = ["announce", "switch"].into_iter();
            phases.flat_map(move |phase| [true, false].map(|has_key| (spec, of, phase, has_key)))
        })
        .chain([("specs/external-etcd", "service-account", "switch", true)])
        .collect();
    let wrong: Vec<String> = cases
        .par_iter()
        .filter_map(|(from, of, phase, has_key)| {
            let folder = folder
                .path()
                .join(format!("{}-{of}-{phase}-{has_key}", from.replace('/', "-")));
            fs::create_dir(&folder).expect("a folder");
            let spec = with_authorities(from, &keys, &folder);
            let text = fs::read_to_string(&spec).expect("cluster.toml");
            let of_tokens = match *of {
                "service-account" => format!(
                    "\n[pki.bring.service-account]\ncert = \"{0}/service-account.pem\"\nkey = \"{0}/service-account-key.pem\"\n",
                    keys.display()
                ),
                _ => String::new(),
            };
            let turn = format!(
                "{of_tokens}\n[pki.bring.\"{of}@2\"]\ncert = \"{0}/{of}-2.pem\"\nkey = \"{0}/{of}-2-key.pem\"\n[rotate.{of}]\nto = 2\nphase = \"{phase}\"\n",
                keys.display()
            );
            fs::write(&spec, text + &turn).expect("cluster.toml");
            let out = folder.join("out");
            must(khw_gen().arg("build").arg(&spec).arg("-o").arg(&out));
            // The key of the one that does not sign may be gone, or elsewhere.
            let here = folder.join("keys");
            must(Command::new("cp").arg("-rp").arg(&keys).arg(&here));
            if !has_key {
                let idle = if *phase == "announce" { "-2" } else { "" };
                fs::remove_file(here.join(format!("{of}{idle}-key.pem"))).expect("it was there");
            }
            // What is of none of the authorities in use lies there as well.
            let signers = AUTHORITIES.into_iter().chain(["service-account"]);
            for other in signers.filter(|other| other != of) {
                for file in [format!("{other}-2.pem"), format!("{other}-2-key.pem")] {
                    fs::remove_file(here.join(file)).expect("it was there");
                }
            }
            let new = adopted_and_built(&[&out, &here], &folder, &[]);
            let mut wrong = unmeant(&out, &new);
            let text = fs::read_to_string(folder.join("adopted/cluster.toml")).expect("cluster.toml");
            let section = format!("[rotate.{of}]\n# both are trusted, and one of them signs: khw-gen rotate goes on from here\nto = 2\nphase = \"{phase}\"\n");
            if !text.contains(&section) || text.contains("external = true") == *has_key {
                wrong.push(text);
            }
            let beside = said(&run(khw_gen().arg("verify").arg(&new).arg("--beside").arg(&out).args(AT)));
            if beside.contains("untrusted-certificate") {
                wrong.push(beside);
            }
            (!wrong.is_empty()).then(|| format!("{from} {of} {phase} {has_key}:\n{}", wrong.join("\n")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
