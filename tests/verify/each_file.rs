//! One byte of each kind of file, each pair of keys, each name of each server certificate.

use std::collections::{BTreeMap, BTreeSet};

use khw_gen::audit::{Finding, audit};
use khw_gen::diagnostic::Severity;
use khw_gen::found::{FoundNode, FoundNodes, from_folder};
use khw_gen::manifest::STATE;
use khw_gen::pki::secret::SecretBytes;
use rayon::prelude::*;

use crate::Differently::Without;
use crate::{AT, BUNDLES, by_meaning, certificate, reissue};

/// Those of each layout and family of addresses, with every kind of host; of the others some faults are tried.
fn whole_clusters() -> impl Iterator<Item = (&'static &'static str, &'static FoundNodes)> {
    BUNDLES.iter().filter(|(case, _)| **case != "kubernetes-1.35")
}

fn bytes_of(node: &FoundNode) -> Option<&[u8]> {
    match node {
        FoundNode::File { content, .. } => Some(content.expose()),
        _ => None,
    }
}

fn text_of<'n>(nodes: &'n FoundNodes, path: &str) -> &'n str {
    let bytes = nodes.get(path).and_then(bytes_of);
    std::str::from_utf8(bytes.unwrap_or_else(|| panic!("there is no {path}"))).expect("text")
}

fn replace(nodes: &mut FoundNodes, path: &str, bytes: Vec<u8>) {
    match nodes.get_mut(path) {
        Some(FoundNode::File { content, .. }) => *content = SecretBytes::from(bytes),
        other => panic!("{path} is {other:?}"),
    }
}

/// Another byte of the same kind: what is readable stays so.
fn other(byte: u8) -> u8 {
    match byte {
        b'0'..=b'8' => byte + 1,
        b'9' => b'8',
        b'x' => b'y',
        b'A' => b'B',
        b'B'..=b'Z' => b'A',
        _ => b'x',
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = other(bytes[at]);
    bytes
}

/// `/etc/etcd/ca.pem` of `master1/rootfs/etc/etcd/ca.pem`; one name for what differs between hosts in that alone.
fn kind_of(path: &str) -> String {
    let on_host = path.split_once("/rootfs").map_or(path, |(_, path)| path);
    on_host.replace("node1", "nodeN").replace("node2", "nodeN")
}

fn is_new(before: &BTreeSet<Finding>) -> impl Fn(&Finding) -> bool {
    |finding| !before.contains(finding) && finding.row().severity == Severity::Error
}

#[test]
fn a_byte_flipped_anywhere_does_not_fit_manifest_and_checksums() {
    for (case, bundle) in whole_clusters() {
        let mut nodes = bundle.clone();
        let mut expected = BTreeSet::new();
        for (path, node) in bundle {
            let Some(bytes) = bytes_of(node) else { continue };
            // What says what belongs here has its turn below; of a state nothing is believed.
            if path.ends_with("MANIFEST") || path == "SHA256SUMS" || path == STATE {
                continue;
            }
            replace(&mut nodes, path, flipped(bytes, bytes.len() / 2));
            expected.insert((String::new(), path.clone()));
            if let Some((host, below)) = path.split_once('/') {
                expected.insert((host.to_owned(), below.to_owned()));
            }
        }
        let found: BTreeSet<(String, String)> = audit(&from_folder("out", nodes), AT)
            .into_iter()
            .filter(|finding| finding.code == "checksum-mismatch")
            .map(|finding| (finding.host, finding.path))
            .collect();
        let missed: Vec<_> = expected.difference(&found).collect();
        println!(
            "{case}: {} of {} flipped bytes found",
            expected.len() - missed.len(),
            expected.len()
        );
        assert!(missed.is_empty(), "{case}: {missed:?}");
        assert!(expected.len() > 200, "{case}: {}", expected.len());

        for manifest in ["MANIFEST", "SHA256SUMS", "node1/MANIFEST"] {
            let text = text_of(bundle, manifest);
            // A digit of the first sum.
            let line = text.lines().find(|line| line.contains("INSTALL.md")).expect("a line");
            let at = text.find(line).expect("it") + 20;
            let mut nodes = bundle.clone();
            let digit = if text.as_bytes()[at] == b'0' { b'1' } else { b'0' };
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = digit;
            replace(&mut nodes, manifest, bytes);
            let findings = audit(&from_folder("out", nodes), AT);
            assert!(
                findings
                    .iter()
                    .any(|one| one.code == "checksum-mismatch" && one.path.ends_with("INSTALL.md")),
                "{case}: {manifest}: {findings:#?}"
            );
        }
    }
}

/// End of a path | text, after which a byte is changed | code that has to be reported, or one of two: where other hosts
/// have the same manifest, it is theirs that it differs from.
#[rustfmt::skip]
const MEANING: &[(&str, &str, &str)] = &[
    ("/10-bridge.conflist", "", "bad-syntax"),
    ("/10-bridge.conflist", "\"subnet\": \"10.2", "pod-range-disagrees"),
    ("/99-loopback.conflist", "", "bad-syntax"),
    ("/pod-routes.service", "@10.", "pod-range-disagrees"),
    ("/pod-routes.service", "--route=10.2", "pod-range-disagrees"),
    ("/etcd.service", "--cert-file=/etc/etcd/", "missing-file"),
    ("/etcd.service", "--initial-advertise-peer-urls=https://10.", "etcd-disagrees"),
    ("/kube-apiserver.service", "--tls-cert-file=/var/lib/kubernetes/", "missing-file"),
    ("/kube-apiserver.service", "--etcd-servers=https://10.", "nobody-answers"),
    ("/kube-controller-manager.service", "--root-ca-file=/var/lib/kubernetes/", "missing-file"),
    ("/kube-scheduler.service", "--config=/etc/kubernetes/config/", "missing-file"),
    ("/kubelet.service", "--config=/var/lib/kubelet/", "missing-file"),
    ("/kubelet.service", "--hostname-override=", "wrong-identity"),
    ("/kube-proxy.service", "--config=/var/lib/kube-proxy/", "missing-file"),
    ("/audit-policy.yaml", "level: ", "settings-disagree"),
    ("/kube-scheduler.yaml", "kubeconfig: /var/lib/kubernetes/", "missing-file"),
    ("/kubelet-config.yaml", "tlsCertFile: /var/lib/kubelet/", "missing-file"),
    ("/kubelet-config.yaml", "clusterDNS:\n  - \"10.", "dns-disagrees"),
    ("/kube-proxy-config.yaml", "kubeconfig: /var/lib/kube-proxy/", "missing-file"),
    ("/kube-proxy-config.yaml", "clusterCIDR: \"10.", "pod-range-disagrees"),
    ("/encryption-config.yaml", "secret: ", "encryption-disagrees"),
    ("/kubelet-rbac-clusterrole.yaml", "  name: ", "rbac-subject|settings-disagree"),
    ("/kubelet-rbac-clusterrolebinding.yaml", "    name: ", "rbac-subject"),
    ("/cluster-admins.yaml", "    name: \"", "rbac-subject|settings-disagree"),
    ("/coredns.yaml", "clusterIP: \"10.32.0.", "dns-disagrees"),
    ("/tcpconf.d/kubernetes.conf", "server 10.", "nobody-answers"),
    ("/haproxy.cfg", "server master1 10.", "nobody-answers"),
    ("/ca-config.json", "", "bad-syntax"),
    ("/node-csr.json", "", "bad-syntax"),
    ("-csr.json", "\"CN\": \"", "wrong-identity"),
];

/// What only its checksum protects: text for people, and what belongs to programs of others.
const NOT_JUDGED: &[&str] = &[
    ".txt",
    "INSTALL.md",
    "install.sh",
    "/containerd/config.toml",
    "/crictl.yaml",
    "/keepalived.conf",
    "/modules-load.d/kubernetes.conf",
    "/sysctl.d/zz-kubernetes.conf",
    "/pod-routes.sh",
];

/// Where in a file a byte is changed, and the code, where it is one.
fn places(path: &str, text: &str) -> Vec<(usize, Option<&'static str>)> {
    let middle_of = |from: usize, part: &str| from + part.len() / 2;
    if text.starts_with("-----BEGIN ") {
        // Not the ends of lines.
        let inside = |at: usize| (at..).find(|at| text.as_bytes()[*at] != b'\n').expect("a character");
        let body = text.find('\n').expect("a line")..text.find("\n-----END").expect("an end");
        let quarter = (body.end - body.start) / 4;
        return vec![
            (inside(body.start + quarter), None),
            (inside(body.start + 3 * quarter), None),
        ];
    }
    if path.ends_with("kubeconfig") {
        return [
            "certificate-authority-data: ",
            "client-certificate-data: ",
            "client-key-data: ",
            "server: https://",
        ]
        .iter()
        .map(|field| {
            let from = text.find(field).unwrap_or_else(|| panic!("{path} has no {field}")) + field.len();
            let value = text[from..].lines().next().expect("a value");
            (
                if field.contains("data") {
                    middle_of(from, value)
                } else {
                    from
                },
                None,
            )
        })
        .collect();
    }
    let of_table = MEANING.iter().filter(|(end, ..)| path.ends_with(end));
    // Of several ends the longest.
    let longest = of_table.clone().map(|(end, ..)| end.len()).max();
    of_table
        .filter(|(end, ..)| Some(end.len()) == longest)
        .map(|(_, anchor, code)| {
            let at = text.find(anchor).unwrap_or_else(|| panic!("{path} has no {anchor:?}"));
            (at + anchor.len(), Some(*code))
        })
        .collect()
}

#[test]
fn a_byte_flipped_in_each_kind_of_file_is_found_by_what_it_means() {
    let mut kinds = BTreeSet::new();
    let mut cases = Vec::new();
    for (case, bundle) in whole_clusters() {
        let mut of_this = BTreeSet::new();
        for (path, node) in bundle {
            let Some(text) = bytes_of(node).and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
                continue;
            };
            let lists = path.ends_with("MANIFEST") || path == "SHA256SUMS" || path == STATE;
            let is_about_integrity = lists || path.ends_with(".tar.gz");
            let kind = kind_of(path);
            if is_about_integrity || !of_this.insert(kind.clone()) {
                continue;
            }
            let places = places(path, text);
            assert_eq!(
                places.is_empty(),
                NOT_JUDGED.iter().any(|end| path.ends_with(end)),
                "{case} {path}: what does a byte of it mean?"
            );
            kinds.insert(kind);
            cases.extend(places.into_iter().map(|(at, code)| (*case, path.as_str(), at, code)));
        }
    }
    let before = findings_before();
    let missed: Vec<String> = cases
        .par_iter()
        .filter_map(|(case, path, at, code)| {
            let mut nodes = BUNDLES[case].clone();
            let bytes = flipped(text_of(&nodes, path).as_bytes(), *at);
            replace(&mut nodes, path, bytes);
            let mut found = by_meaning(nodes, AT);
            found.retain(is_new(&before[case]));
            let hit = match code {
                Some(code) => found
                    .iter()
                    .any(|finding| code.split('|').any(|code| code == finding.code)),
                None => !found.is_empty(),
            };
            (!hit).then(|| {
                let found: BTreeSet<&str> = found.iter().map(|finding| finding.code).collect();
                format!("{case} {path} at {at}: {code:?} is not among {found:?}")
            })
        })
        .collect();
    println!(
        "{} of {} flipped bytes in {} kinds of files found",
        cases.len() - missed.len(),
        cases.len(),
        kinds.len()
    );
    assert!(
        missed.is_empty(),
        "{} of {} missed:\n{}",
        missed.len(),
        cases.len(),
        missed.join("\n")
    );
    assert!(kinds.len() > 80, "{kinds:?}");
}

fn findings_before() -> BTreeMap<&'static str, BTreeSet<Finding>> {
    BUNDLES
        .iter()
        .map(|(case, bundle)| (*case, by_meaning(bundle.clone(), AT).into_iter().collect()))
        .collect()
}

#[test]
fn two_swapped_keys_are_found() {
    let before = findings_before();
    let mut cases = Vec::new();
    for (case, bundle) in whole_clusters() {
        for host in ["control", "master1", "node1"] {
            let prefix = format!("{host}/rootfs/");
            let keys: Vec<&String> = bundle
                .keys()
                .filter(|path| path.starts_with(&prefix) && path.ends_with("-key.pem"))
                .collect();
            for pair in keys.windows(2) {
                let one = text_of(bundle, pair[0]);
                let other = text_of(bundle, pair[1]);
                if one != other {
                    cases.push((*case, pair[0], pair[1]));
                }
            }
        }
    }
    let missed: Vec<_> = cases
        .par_iter()
        .filter(|(case, one, other)| {
            let mut nodes = BUNDLES[case].clone();
            let (first, second) = (text_of(&nodes, one).to_owned(), text_of(&nodes, other).to_owned());
            replace(&mut nodes, one, second.into_bytes());
            replace(&mut nodes, other, first.into_bytes());
            let mut found = by_meaning(nodes, AT);
            found.retain(is_new(&before[case]));
            !found.iter().any(|finding| finding.code == "key-mismatch")
        })
        .collect();
    println!("{} of {} swaps of keys found", cases.len() - missed.len(), cases.len());
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(cases.len() > 20, "{cases:?}");
}

// --- the names of servers ----------------------------------------------------------------------------------------------

/// The value of a flag in a unit.
fn flag<'t>(unit: &'t str, name: &str) -> &'t str {
    let start = format!("--{name}=");
    let line = unit.lines().find_map(|line| line.trim().strip_prefix(&start));
    line.unwrap_or_else(|| panic!("there is no {start}"))
        .trim_end_matches([' ', '\\'])
}

/// The hosts of a list of URLs.
fn hosts(urls: &str) -> Vec<String> {
    urls.split(',')
        .map(|url| {
            let host = url
                .strip_prefix("https://")
                .expect("https")
                .rsplit_once(':')
                .expect("a port")
                .0;
            host.trim_matches(['[', ']']).to_owned()
        })
        .collect()
}

/// Each server certificate of a bundle, by its path, and the names and addresses by which somebody calls it.
fn servers(bundle: &FoundNodes) -> Vec<(String, BTreeSet<String>)> {
    let mut servers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let endpoints: BTreeSet<String> = bundle
        .keys()
        .filter(|path| path.ends_with("kubeconfig"))
        .flat_map(|path| {
            let text = text_of(bundle, path);
            hosts(
                text.lines()
                    .find_map(|line| line.trim().strip_prefix("server: "))
                    .expect("a server"),
            )
        })
        .collect();
    for (path, node) in bundle {
        let Some((host, name)) = path.split_once("/rootfs/etc/systemd/system/") else {
            continue;
        };
        let unit = std::str::from_utf8(bytes_of(node).expect("a file")).expect("text");
        let mut serves = |certificate: &str, names: Vec<String>| {
            servers
                .entry(format!("{host}/rootfs{certificate}"))
                .or_default()
                .extend(names);
        };
        match name {
            "etcd.service" => {
                serves(flag(unit, "cert-file"), hosts(flag(unit, "listen-client-urls")));
                serves(flag(unit, "cert-file"), hosts(flag(unit, "advertise-client-urls")));
                serves(
                    flag(unit, "peer-cert-file"),
                    hosts(flag(unit, "initial-advertise-peer-urls")),
                );
            }
            "kube-apiserver.service" => {
                let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
                let more = [
                    "kubernetes.default.svc.cluster.local",
                    "10.32.0.1",
                    flag(unit, "advertise-address"),
                ];
                let names = names
                    .into_iter()
                    .chain(more)
                    .map(str::to_owned)
                    .chain(endpoints.clone());
                serves(flag(unit, "tls-cert-file"), names.collect());
            }
            "kubelet.service" => {
                let config = text_of(bundle, &format!("{host}/rootfs{}", flag(unit, "config")));
                let file = config
                    .lines()
                    .find_map(|line| line.strip_prefix("tlsCertFile: "))
                    .expect("a certificate");
                let addresses = flag(unit, "node-ip").split(',').map(str::to_owned);
                serves(
                    file,
                    addresses.chain([flag(unit, "hostname-override").to_owned()]).collect(),
                );
            }
            _ => {}
        }
    }
    servers.into_iter().collect()
}

#[test]
fn a_name_dropped_from_a_server_certificate_is_found() {
    let mut cases = Vec::new();
    for (case, bundle) in whole_clusters() {
        let servers = servers(bundle);
        assert!(servers.len() >= 6, "{case}: {servers:?}");
        for (path, names) in servers {
            let shown = certificate(text_of(bundle, &path).as_bytes());
            for name in names {
                assert!(shown.covers(&name), "{case}: {path} does not hold {name}");
                cases.push((*case, path.clone(), name));
            }
        }
    }
    let missed: Vec<_> = cases
        .par_iter()
        .filter(|(case, path, name)| {
            let mut nodes = BUNDLES[case].clone();
            let folder = if *case == "walkthrough" {
                "control/rootfs/root/certs"
            } else {
                "master1/rootfs/var/lib/kubernetes"
            };
            let of = |name: &str| text_of(&nodes, &format!("{folder}/{name}")).as_bytes().to_vec();
            // Without the name, which lives as long as the test.
            let name: &'static str = Box::leak(name.clone().into_boxed_str());
            let bytes = reissue(
                text_of(&nodes, path).as_bytes(),
                &of("ca.pem"),
                &of("ca-key.pem"),
                Without(name),
            );
            replace(&mut nodes, path, bytes);
            let codes = ["service-name-missing", "service-address-missing", "address-not-covered"];
            !by_meaning(nodes, AT)
                .iter()
                .any(|finding| codes.contains(&finding.code) && finding.message.contains(name))
        })
        .collect();
    println!("{} of {} dropped names found", cases.len() - missed.len(), cases.len());
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(cases.len() > 80, "{}", cases.len());
}
