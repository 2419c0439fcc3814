//! Each release, each layout, each way to run pods: no flag and no field that the release does not know, and none missing that
//! it needs. The tables of what is known come from the components' own source (`src/catalog/flags.rs`).

mod support;

use std::collections::{BTreeMap, BTreeSet};

use khw_gen::bundle::BundleEntry;
use khw_gen::bundles;
use khw_gen::catalog::flags::{self, Known};
use khw_gen::catalog::releases::{self, Program, Version};
use khw_gen::disk::Specification;
use khw_gen::input::{self, GivenFiles};
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::key::{Algorithm, Curve};
use khw_gen::plan::plan;
use khw_gen::render::Renderer;
use khw_gen::vault::Issuing;
use serde_json::Value;

const KUBERNETES: [&str; 5] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
];

/// What one cluster is made of.
#[derive(Clone, Debug)]
struct Case {
    kubernetes: u16,
    etcd: Option<u16>,
    layout: &'static str,
    rest: &'static str,
    /// The addresses of the master and the nodes.
    hosts: [&'static str; 3],
}

const IPV4: [&str; 3] = ["\"10.0.0.1\"", "\"10.0.0.2\"", "\"10.0.0.3\""];
const DUAL: [&str; 3] = [
    "[\"10.0.0.1\", \"fd00::1\"]",
    "[\"10.0.0.2\", \"fd00::2\"]",
    "[\"10.0.0.3\", \"fd00::3\"]",
];

impl Case {
    fn spec(&self) -> String {
        let etcd = self
            .etcd
            .map(|minor| format!("etcd = \"3.{minor}\"\n"))
            .unwrap_or_default();
        let [master, one, two] = self.hosts;
        format!(
            "[cluster]\nkubernetes = \"1.{}\"\n{etcd}[pki]\nissued = \"2026-01-01T00:00:00Z\"\nlayout = \"{}\"\n{}\n\
             [[hosts]]\nname = \"master\"\nip = {master}\nroles = [\"control-plane\", \"etcd\"]\n\
             [[hosts]]\nname = \"one\"\nip = {one}\nroles = [\"worker\"]\nlabels = {{ zone = \"a\" }}\ntaints = [\"a=b:NoSchedule\"]\n\
             [[hosts]]\nname = \"two\"\nip = {two}\nroles = [\"worker\"]\n",
            self.kubernetes, self.layout, self.rest
        )
    }

    /// Every file by host and path, as text.
    fn files(&self) -> BTreeMap<(String, String), String> {
        // RSA keys take their time, and none of this depends on keys.
        let csr = input::built_in_files(match self.layout {
            "single" => khw_gen::cluster::Layout::Single,
            _ => khw_gen::cluster::Layout::Split,
        });
        let csr = csr.iter().map(|(name, text)| {
            let text = text.replace("\"rsa\"", "\"ecdsa\"").replace("2048", "256");
            (format!("csr/{name}"), text)
        });
        let files = GivenFiles {
            others: csr.collect(),
            ..GivenFiles::new(self.spec())
        };
        let checked = input::check(&files)
            .unwrap_or_else(|findings| panic!("{self:?}\n{}", khw_gen::diagnostic::render_text(&findings)));
        let seed = Seed::from_bytes(zeroize::Zeroizing::new(support::SEED));
        let bundles = bundles(&checked.cluster, &seed).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        let mut files = BTreeMap::new();
        for (host, bundle) in bundles {
            for (path, entry) in &bundle.entries {
                if let (Some(path), BundleEntry::File { content, .. }) = (path.strip_prefix("rootfs"), entry) {
                    let text = String::from_utf8_lossy(content.bytes()).into_owned();
                    files.insert((host.clone(), path.to_owned()), text);
                }
            }
        }
        files
    }
}

/// Every release of Kubernetes in both layouts, with each runtime and kind of network that it has, and every etcd.
fn cases() -> Vec<Case> {
    let (first, last) = releases::known(Program::Kubernetes);
    let (etcd_first, etcd_last) = releases::known(Program::Etcd);
    let plain = |kubernetes, layout, rest| Case {
        kubernetes,
        etcd: None,
        layout,
        rest,
        hosts: IPV4,
    };
    let mut cases = Vec::new();
    for kubernetes in first.minor..=last.minor {
        cases.push(plain(kubernetes, "split", ""));
        cases.push(plain(
            kubernetes,
            "single",
            "[runtime]\nengine = \"containerd\"\ngvisor = true\ncgroup_v1 = true",
        ));
        if kubernetes < 24 {
            cases.push(plain(kubernetes, "split", "[runtime]\nengine = \"docker\""));
        }
        if kubernetes >= 21 {
            cases.push(Case {
                hosts: DUAL,
                ..plain(
                    kubernetes,
                    "split",
                    "[network]\nservices = [\"10.32.0.0/24\", \"fd00:32::/112\"]\npods = [\"10.200.0.0/16\", \"fd00:200::/56\"]\nproxy_mode = \"ipvs\"\ncni = \"none\"",
                )
            });
        }
        if kubernetes >= 31 {
            cases.push(plain(kubernetes, "split", "[network]\nproxy_mode = \"nftables\""));
        }
    }
    for etcd in etcd_first.minor..=etcd_last.minor {
        cases.push(Case {
            etcd: Some(etcd),
            ..plain(last.minor, "split", "")
        });
    }
    cases
}

/// The flags of a unit, with their values.
fn flags_of(unit: &str, component: &str) -> BTreeMap<String, String> {
    let start = unit.find("ExecStart=").expect("a command line");
    let line = unit[start..].replace("\\\n", " ");
    let line = line.lines().next().expect("a line");
    let mut words = line.trim_start_matches("ExecStart=").split_whitespace();
    assert_eq!(words.next(), Some(format!("/usr/local/bin/{component}").as_str()));
    words
        .map(|word| {
            let word = word
                .trim_matches('"')
                .strip_prefix("--")
                .unwrap_or_else(|| panic!("{word} in {line}"));
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                leaves(value, &path, into);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for item in list {
                leaves(item, path, into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn no_flag_and_no_field_that_a_release_does_not_know() {
    let (mut flags_checked, mut fields_checked) = (0, 0);
    let mut wrong = BTreeSet::new();
    for case in cases() {
        let etcd = case.etcd.unwrap_or_else(|| {
            let release = khw_gen::catalog::releases::Release::of(Version {
                major: 1,
                minor: case.kubernetes,
            });
            release.etcd.minor
        });
        for ((host, path), text) in case.files() {
            let component = path
                .strip_prefix("/etc/systemd/system/")
                .and_then(|name| name.strip_suffix(".service"))
                .filter(|name| KUBERNETES.contains(name) || *name == "etcd");
            if let Some(component) = component {
                let minor = if component == "etcd" { etcd } else { case.kubernetes };
                for (name, value) in flags_of(&text, component) {
                    flags_checked += 1;
                    let name = name.as_str();
                    assert!(
                        !value.is_empty() || flags::is_switch(component, name, minor),
                        "{component} {minor}: --{name} needs a value"
                    );
                    let known = flags::flag(component, name, minor);
                    if known != Known::Yes {
                        wrong.insert(format!("{component} {minor} --{name}: {known:?}"));
                    }
                }
            }
            if !path.ends_with(".yaml") {
                continue;
            }
            for document in text.split("\n---\n") {
                let value: Value =
                    serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{host}{path}: {error}"));
                let (Some(kind), Some(version)) = (value["kind"].as_str(), value["apiVersion"].as_str()) else {
                    continue;
                };
                let kind = format!("{kind}/{}", version.rsplit('/').next().unwrap_or_default());
                if !kind.contains("Configuration") && !kind.starts_with("Policy") {
                    continue;
                }
                assert!(
                    flags::kinds(case.kubernetes).any(|known| known == kind),
                    "Kubernetes 1.{} does not read {kind}",
                    case.kubernetes
                );
                let mut paths = BTreeSet::new();
                leaves(&value, "", &mut paths);
                for field in paths {
                    fields_checked += 1;
                    let known = flags::field(&kind, &field, case.kubernetes);
                    if known != Known::Yes {
                        wrong.insert(format!("{kind} 1.{} {field}: {known:?}", case.kubernetes));
                    }
                }
            }
        }
    }
    println!("{flags_checked} flags and {fields_checked} fields were looked up");
    assert!(
        flags_checked > 5_000 && fields_checked > 2_000,
        "{flags_checked} {fields_checked}"
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a release refuses to start without, or is open without.
#[test]
fn nothing_is_missing_that_a_release_needs() {
    for case in cases() {
        let files = case.files();
        let flags = |host: &str, component: &str| {
            let path = format!("/etc/systemd/system/{component}.service");
            flags_of(&files[&(host.to_owned(), path)], component)
        };
        let minor = case.kubernetes;
        let told = format!("{case:?}");
        let api_server = flags("master", "kube-apiserver");
        for needed in [
            "service-account-issuer",
            "service-account-signing-key-file",
            "service-account-key-file",
            "audit-policy-file",
        ] {
            assert!(api_server.contains_key(needed), "{needed}: {told}");
        }
        assert_eq!(api_server["enable-admission-plugins"], "NodeRestriction");
        // Until 1.19 the insecure port is open unless it is shut.
        assert_eq!(
            api_server.get("insecure-port").map(String::as_str),
            (minor < 24).then_some("0"),
            "{told}"
        );
        let controllers = flags("master", "kube-controller-manager");
        assert_eq!(
            controllers.get("port").map(String::as_str),
            (minor < 24).then_some("0"),
            "{told}"
        );
        assert_eq!(
            controllers["service-cluster-ip-range"],
            api_server["service-cluster-ip-range"]
        );
        assert_eq!(
            controllers["allocate-node-cidrs"],
            case.rest.contains("cni = \"none\"").to_string()
        );
        assert_eq!(
            api_server.contains_key("requestheader-client-ca-file"),
            case.layout == "split",
            "{told}"
        );

        let kubelet = flags("one", "kubelet");
        let config = &files[&("one".to_owned(), "/var/lib/kubelet/kubelet-config.yaml".to_owned())];
        let docker = minor < 24 && !case.rest.contains("containerd");
        let endpoint = "unix:///run/containerd/containerd.sock";
        let flag = |name: &str| kubelet.get(name).map(String::as_str);
        assert_eq!(flag("network-plugin"), docker.then_some("cni"), "{told}");
        assert_eq!(
            flag("container-runtime"),
            (!docker && minor < 24).then_some("remote"),
            "{told}"
        );
        assert_eq!(
            flag("container-runtime-endpoint"),
            (!docker && minor < 27).then_some(endpoint),
            "{told}"
        );
        assert_eq!(
            config.contains(&format!("containerRuntimeEndpoint: {endpoint}")),
            minor >= 27,
            "{told}"
        );
        assert_eq!(
            config.contains("failCgroupV1: false"),
            minor >= 31 && case.rest.contains("cgroup_v1"),
            "{told}"
        );
        assert!(
            config.contains(if docker {
                "cgroupDriver: cgroupfs"
            } else {
                "cgroupDriver: systemd"
            }),
            "{told}"
        );
        assert_eq!(flag("node-labels"), Some("zone=a"));
        assert_eq!(flag("register-with-taints"), Some("a=b:NoSchedule"));
        assert_eq!(
            files.contains_key(&("one".to_owned(), "/etc/containerd/config.toml".to_owned())),
            !docker,
            "{told}"
        );
        let scheduler = &files[&(
            "master".to_owned(),
            "/etc/kubernetes/config/kube-scheduler.yaml".to_owned(),
        )];
        assert_eq!(
            scheduler.contains("healthzBindAddress: \"127.0.0.1:10251\"")
                || scheduler.contains("healthzBindAddress: 127.0.0.1:10251"),
            minor < 23,
            "{told}"
        );
        if case.hosts == DUAL {
            assert_eq!(kubelet["node-ip"], "10.0.0.2,fd00::2");
            assert_eq!(controllers["node-cidr-mask-size-ipv6"], "64");
        }
        let etcd = flags("master", "etcd");
        assert!(
            etcd.contains_key("client-cert-auth") && etcd.contains_key("peer-client-cert-auth"),
            "{told}"
        );
    }
}

/// What is rendered once for several hosts, by what its template reads of them, is what each would get by itself.
#[test]
fn what_hosts_share_is_what_each_would_get_alone() {
    let seed = Seed::from_bytes(zeroize::Zeroizing::new(support::SEED));
    let specs = std::fs::read_dir(support::project().join("specs")).expect("the specifications");
    for folder in specs {
        let path = folder.expect("a folder").path().join("cluster.toml");
        let sources = Specification::open_with_keys(&path).expect("a specification");
        let mut checked = input::check(&sources).unwrap_or_else(|_| panic!("{}", path.display()));
        // RSA keys take their time, and none of this depends on keys.
        for csr in checked.cluster.pki.csrs.values_mut() {
            csr.request.key = Algorithm::Ecdsa(Curve::P256);
        }
        let plan = plan(&checked.cluster);
        let vault = Issuing::new(&plan, &seed)
            .issue()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let all = Renderer::new(&plan, &vault).expect("the templates");
        for host in &checked.cluster.hosts {
            let alone = Renderer::new(&plan, &vault).expect("the templates").bundle(host);
            let (shared, alone) = (all.bundle(host).expect("a bundle"), alone.expect("a bundle"));
            for (name, entry) in &alone.entries {
                assert_eq!(
                    shared.entries.get(name),
                    Some(entry),
                    "{name} of {} in {}",
                    host.name,
                    path.display()
                );
            }
            assert_eq!(shared.entries.len(), alone.entries.len());
        }
    }
}
