//! The walk-through, minimal files, and whatever else may be thrown at `check`.
use super::*;
use crate::cluster::Role;

fn walkthrough() -> Sources {
    let csr = Layout::Single
        .identities()
        .iter()
        .map(|row| row.csr)
        .chain([certificates::CONFIG_FILE]);
    Sources {
        cluster_name: "cluster.toml".to_owned(),
        cluster: include_str!("../../specs/walkthrough/cluster.toml").to_owned(),
        csr_dir: "csr".to_owned(),
        csr: csr
            .map(|name| {
                (
                    name.to_owned(),
                    certificates::built_in(Layout::Single, name)
                        .unwrap_or_default()
                        .to_owned(),
                )
            })
            .collect(),
        ..Sources::default()
    }
}

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn the_walkthrough_is_a_cluster() {
    let checked =
        check(&walkthrough()).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    assert_eq!(
        codes(&checked.remarks),
        ["weak-encryption-provider", "even-etcd", "ca-default-expiry"]
    );
    let cluster = checked.cluster;
    assert_eq!(cluster.name, "mycluster");
    assert_eq!(cluster.endpoint.host, "10.128.15.226");
    assert_eq!(
        cluster
            .with(Role::Etcd)
            .map(|host| host.name.as_str())
            .collect::<Vec<_>>(),
        ["master1", "master2"]
    );
    assert_eq!(cluster.pki.csrs["node-csr.json"].request.cn, "system:node:WORKER_HOST");
    assert!(cluster.pki.csrs.values().all(|csr| !csr.built_in));
}

#[test]
fn a_dozen_lines_are_a_cluster() {
    let sources = Sources {
        cluster_name: "cluster.toml".to_owned(),
        cluster: "[pki]\nissued = 2026-01-01T01:00:00+01:00\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\", \"worker\"]\n".to_owned(),
        ..Sources::default()
    };
    let checked = check(&sources).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    assert_eq!(codes(&checked.remarks), ["built-in-csr"]);
    let cluster = checked.cluster;
    assert_eq!(
        (cluster.endpoint.host.as_str(), cluster.endpoint.port),
        ("192.0.2.1", 6443)
    );
    assert_eq!(cluster.network.dns.primary.to_string(), "10.32.0.10");
    assert_eq!(cluster.pki.issued, time::macros::datetime!(2026-01-01 00:00 UTC));
    assert!(cluster.pki.csrs.values().all(|csr| csr.built_in) && cluster.pki.config_built_in);
}

#[test]
fn every_identity_has_a_built_in_csr() {
    for layout in Layout::ALL {
        for row in layout.identities() {
            assert!(certificates::built_in(layout, row.csr).is_some(), "{}", row.csr);
        }
    }
}

#[test]
fn paths_are_read_from_a_file_that_is_wrong_elsewhere() {
    let paths = paths("[pki]\nseed = \"a.seed\"\ncsr = \"there\"\nissued = \n[cluster\n");
    assert_eq!(
        (paths.csr.as_deref(), paths.seed.as_deref()),
        (Some("there"), Some("a.seed"))
    );
}

/// `count` workers beside one control plane, with what `change` makes of each worker's number.
fn many_hosts(count: u32, address: impl Fn(u32) -> u32) -> Sources {
    let mut text = String::from(
        "[network]\nservices = \"172.16.0.0/16\"\npods = \"100.64.0.0/10\"\n[pki]\nissued = \"2026-01-01T00:00:00Z\"\n\
         [[hosts]]\nname = \"master\"\nip = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\"]\n",
    );
    for number in 0..count {
        let ip = std::net::Ipv4Addr::from(0x0a00_0001 + address(number));
        text.push_str(&format!(
            "[[hosts]]\nname = \"node{number}\"\nip = \"{ip}\"\nroles = [\"worker\"]\n"
        ));
    }
    Sources {
        cluster_name: "cluster.toml".to_owned(),
        cluster: text,
        ..Sources::default()
    }
}

#[test]
fn ten_thousand_hosts_are_one_cluster() {
    let checked =
        check(&many_hosts(10_000, |number| number)).unwrap_or_else(|findings| panic!("{:?}", codes(&findings)));
    assert_eq!(checked.cluster.hosts.len(), 10_001);
}

#[test]
fn ten_thousand_mistakes_are_all_told() {
    let findings = check(&many_hosts(10_000, |_| 0)).err().unwrap_or_default();
    assert_eq!(
        codes(&findings)
            .iter()
            .filter(|code| **code == "duplicate-address")
            .count(),
        9_999
    );
    let text = crate::diagnostic::render_text(&findings);
    assert!(
        text.ends_with("9999 errors, 2 notes\n"),
        "{}",
        &text[text.len() - 100..]
    );
    assert_eq!(text.matches("cluster.toml:").count(), 9_999);
}

mod random {
    use super::*;
    use crate::diagnostic::{render_json, render_text};
    use proptest::prelude::*;

    /// Whatever the input: no panic, each place lies in its text, the texts are safe to print, and twice the same.
    fn tell(sources: &Sources) {
        let findings = |sources: &Sources| match check(sources) {
            Ok(checked) => checked.remarks,
            Err(findings) => findings,
        };
        let told = findings(sources);
        for place in told.iter().filter_map(|finding| finding.place.as_ref()) {
            assert!(place.file.text.get(place.span.clone()).is_some(), "{place:?}");
        }
        let text = render_text(&told);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert_eq!(text, render_text(&findings(sources)));
        assert!(serde_json::from_str::<serde_json::Value>(&render_json(&told)).is_ok());
        let _ = paths(&sources.cluster);
    }

    fn splice(text: &mut String, at: prop::sample::Index, length: usize, new: &str) {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let first = at.index(bounds.len());
        let last = (first + length).min(bounds.len() - 1);
        text.replace_range(bounds[first]..bounds[last], new);
    }

    const PIECES: &[&str] = &[
        "",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "[[",
        "]]",
        ",",
        ":",
        "=",
        "\n",
        "null",
        "true",
        "-1",
        "1e400",
        "99999999999999999999",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{e4}",
        "\0",
        "\\u0000",
        "\\ud800",
        "0h",
        "-1h",
        "9999999h",
        "::",
        "/0",
        "0.0.0.0/0",
        "::/0",
        "255.255.255.255",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "WORKER_HOST",
        "rsa",
        "ed25519",
        "key",
        "ca",
        "expiry",
        "hosts",
        "not_after",
        "\"not_before\": \"9999-12-31T23:59:59Z\",",
        "\"backdate\": \"-2562047h\",",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_changed_walkthrough_is_told(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..12, prop::sample::select(PIECES)), 1..5),
        ) {
            let mut sources = walkthrough();
            for (file, at, length, piece) in changes {
                // cluster.toml is the largest text and gets half of the changes.
                match file.index(2 * sources.csr.len()) {
                    index if index < sources.csr.len() => {
                        if let Some(text) = sources.csr.values_mut().nth(index) {
                            splice(text, at, length, piece);
                        }
                    }
                    _ => splice(&mut sources.cluster, at, length, piece),
                }
            }
            tell(&sources);
        }

        #[test]
        fn any_text_is_told(cluster in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let csr = BTreeMap::from([("ca-csr.json".to_owned(), text.clone()), ("ca-config.json".to_owned(), format!("{{{text}}}"))]);
            tell(&Sources { cluster_name: "\u{1b}[2J".to_owned(), cluster, csr_dir: "csr".to_owned(), csr, ..Sources::default() });
            tell(&Sources { cluster: text, ..walkthrough() });
        }
    }
}
