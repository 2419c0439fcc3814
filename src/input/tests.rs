//! The walk-through, minimal files, and whatever else may be thrown at `check`.
use super::*;
use crate::catalog::layouts::Layout;

fn walkthrough() -> GivenFiles {
    let rows = Layout::Single.identities().iter().map(|row| row.csr);
    let csr = rows.chain([CONFIG_FILE]).map(|name| {
        let text = built_in(Layout::Single, name).unwrap_or_default();
        (format!("csr/{name}"), text.to_owned())
    });
    GivenFiles {
        others: csr.collect(),
        ..GivenFiles::new(include_str!("../../specs/walkthrough/cluster.toml"))
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
    let sources = GivenFiles::new(
        "[pki]\nissued = 2026-01-01T01:00:00+01:00\n[[hosts]]\nname = \"one\"\nip = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\", \"worker\"]\n",
    );
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
            assert!(built_in(layout, row.csr).is_some(), "{}", row.csr);
        }
    }
}

#[test]
fn files_are_asked_for_by_one_that_is_wrong_elsewhere() {
    let wrong = GivenFiles::new("[pki]\nseed = \"a.seed\"\ncsr = \"there\"\nissued = \n[cluster\n");
    let findings = check(&wrong.with("there/other-csr.json", "{}"))
        .err()
        .unwrap_or_default();
    assert!(codes(&findings).contains(&"unused-csr"), "{findings:?}");
}

/// `count` workers beside one control plane, with what `change` makes of each worker's number.
fn many_hosts(count: u32, address: impl Fn(u32) -> u32) -> GivenFiles {
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
    GivenFiles::new(text)
}

#[test]
fn ten_thousand_hosts_are_one_cluster() {
    let checked =
        check(&many_hosts(10_000, |number| number)).unwrap_or_else(|findings| panic!("{:?}", codes(&findings)));
    assert_eq!(checked.cluster.hosts.len(), 10_001);
}

/// A control plane, and pools: each of a name, a count and a first address, and what else is written.
fn with_pools(pools: &[(&str, usize, &str, &str)]) -> GivenFiles {
    let mut sources = many_hosts(0, |_| 0);
    for (name, count, first, rest) in pools {
        sources.main.text.push_str(&format!(
            "[[pools]]\nname = \"{name}\"\ncount = {count}\nfirst_ip = {first}\n{rest}\n"
        ));
    }
    sources
}

const WORKERS: &str = "roles = [\"worker\"]";

#[test]
fn a_pool_of_ten_thousand_is_one_cluster() {
    let sources = with_pools(&[("node-{n:05}", 10_000, "\"10.0.0.250\"", WORKERS)]);
    let checked = check(&sources).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    let hosts = &checked.cluster.hosts;
    assert_eq!(hosts.len(), 10_001);
    let is = |index: usize, name: &str, ip: &str| {
        assert_eq!(
            (hosts[index].name.as_str(), hosts[index].ip.primary.to_string()),
            (name, ip.to_owned())
        );
    };
    is(1, "node-00001", "10.0.0.250");
    // All addresses are used, those that end in 255 and 0 too.
    is(6, "node-00006", "10.0.0.255");
    is(7, "node-00007", "10.0.1.0");
    is(10_000, "node-10000", "10.0.40.9");
    assert_eq!(
        hosts[10_000].pods.as_ref().map(|pods| pods.primary.to_string()),
        Some("100.103.15.0/24".to_owned())
    );
}

#[test]
fn pools_that_overlap_are_told_once_for_each_pair() {
    let pool = |name, first| (name, 10_000, first, WORKERS);
    let same = [pool("n{n}", "\"10.0.0.1\""), pool("n{n}", "\"10.0.0.1\"")];
    let findings = check(&with_pools(&same)).err().unwrap_or_default();
    let duplicates: Vec<&Diagnostic> = findings
        .iter()
        .filter(|finding| finding.code.starts_with("duplicate-"))
        .collect();
    assert_eq!(duplicates.len(), 2, "{}", crate::diagnostic::render_text(&findings));
    for duplicate in duplicates {
        assert!(duplicate.message.ends_with("(and 9999 more like it)"), "{duplicate:?}");
    }
    // Two pools that one overlaps are two findings, and a host is one of its own.
    let three = [
        pool("a{n}", "\"10.0.0.1\""),
        pool("b{n}", "\"10.1.0.1\""),
        ("c{n}", 79_999, "\"10.0.0.1\"", WORKERS),
        ("d{n}", 1, "\"192.0.2.1\"", WORKERS),
    ];
    let findings = check(&with_pools(&three)).err().unwrap_or_default();
    let duplicates = findings.iter().filter(|finding| finding.code == "duplicate-address");
    assert!(duplicates.count() == 3, "{}", crate::diagnostic::render_text(&findings));
}

#[test]
fn the_pool_of_the_documents_is_what_it_says() {
    let page = include_str!("../../docs/hosts-and-pools.md");
    let example = page
        .split("<!-- example: pools -->\n```toml\n")
        .nth(1)
        .expect("the example");
    let pool = example.split("```").next().expect("its text");
    let cluster = "[network]\nservices = [\"172.16.0.0/16\", \"fd00:32::/112\"]\n\
                   pods = [\"100.64.0.0/10\", \"fd00:200::/48\"]\n[pki]\nissued = \"2026-01-01T00:00:00Z\"\n\
                   [[hosts]]\nname = \"master\"\nip = [\"192.0.2.1\", \"fd00::1\"]\n\
                   roles = [\"control-plane\", \"etcd\"]\n";
    let sources = GivenFiles::new(format!("{cluster}{pool}"));
    let checked = check(&sources).unwrap_or_else(|findings| panic!("{}", crate::diagnostic::render_text(&findings)));
    let hosts = &checked.cluster.hosts;
    assert_eq!((hosts.len(), hosts[1].name.as_str()), (5001, "worker-0001"));
    let last = hosts.last().expect("there are hosts");
    let addresses: Vec<String> = last.ip.iter().map(ToString::to_string).collect();
    assert_eq!(
        (last.name.as_str(), addresses.join(" ").as_str()),
        ("worker-5000", "10.1.19.145 fd00:1::1397")
    );
    assert_eq!(last.labels["example.org/rack"], "a");
}

#[test]
fn pools_alone_are_a_cluster() {
    let only = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n[[pools]]\nname = \"all-{n}\"\ncount = 3\n\
                first_ip = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\", \"worker\"]\n\
                [cluster]\nendpoint = \"192.0.2.2\"\n";
    let sources = |cluster: &str| GivenFiles::new(cluster);
    let checked = check(&sources(only)).unwrap_or_else(|findings| panic!("{:?}", codes(&findings)));
    assert_eq!(checked.cluster.hosts.len(), 3);
    for none in ["pools = []\n", "pools = []\nhosts = []\n", "hosts = []\n"] {
        let text = format!("{none}[pki]\nissued = \"2026-01-01T00:00:00Z\"\n");
        let findings = check(&sources(&text)).err().unwrap_or_default();
        assert!(codes(&findings).contains(&"no-hosts"), "{none}: {findings:?}");
    }
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
    fn tell(sources: &GivenFiles) {
        let findings = |sources: &GivenFiles| match check(sources) {
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
                match file.index(2 * sources.others.len()) {
                    index if index < sources.others.len() => {
                        if let Some(text) = sources.others.values_mut().nth(index) {
                            splice(text, at, length, piece);
                        }
                    }
                    _ => splice(&mut sources.main.text, at, length, piece),
                }
            }
            tell(&sources);
        }

        #[test]
        fn any_text_is_told(cluster in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut any = GivenFiles::new(cluster);
            any.main.name = "\u{1b}[2J".to_owned();
            tell(&any.with("csr/ca-csr.json", text.clone()).with("csr/ca-config.json", format!("{{{text}}}")));
            tell(&GivenFiles { others: walkthrough().others, ..GivenFiles::new(text) });
        }
    }
}

/// A pool, and the same hosts written out.
mod pools_are_hosts {
    use super::*;
    use proptest::prelude::*;

    const LABELS: &str = "labels = { \"example.org/rack\" = \"a\" }\n";
    const TAINTS: &str = "taints = [\"gpu:NoSchedule\"]\n";

    #[derive(Clone, Debug)]
    struct Pool {
        name: &'static str,
        width: usize,
        count: u32,
        first_n: Option<u32>,
        /// How far behind the first address of each family that pools have.
        offset: u32,
        families: usize,
        rest: String,
    }

    impl Pool {
        fn ip(&self, host: u32) -> String {
            let offset = self.offset + host;
            let v4 = format!("\"{}\"", std::net::Ipv4Addr::from(0x0a01_00f0 + offset));
            let v6 = format!(
                "\"{}\"",
                std::net::Ipv6Addr::from((0xfd00_u128 << 112) + 0xfff0 + u128::from(offset))
            );
            match self.families {
                0 => v4,
                1 => format!("[{v4}, {v6}]"),
                _ => v6,
            }
        }

        fn as_pool(&self) -> String {
            let number = match self.width {
                0 => "{n}".to_owned(),
                width => format!("{{n:0{width}}}"),
            };
            let first = self
                .first_n
                .map_or(String::new(), |first| format!("first_n = {first}\n"));
            format!(
                "[[pools]]\nname = \"{}{number}.x\"\ncount = {}\n{first}first_ip = {}\n{}",
                self.name,
                self.count,
                self.ip(0),
                self.rest
            )
        }

        fn as_hosts(&self) -> String {
            let host = |host: u32| {
                let number = (self.first_n.unwrap_or(1) + host).to_string();
                let zeros = "0".repeat(self.width.saturating_sub(number.len()));
                let (name, ip, rest) = (self.name, self.ip(host), &self.rest);
                format!("[[hosts]]\nname = \"{name}{zeros}{number}.x\"\nip = {ip}\n{rest}")
            };
            (0..self.count).map(host).collect()
        }
    }

    fn pool() -> impl Strategy<Value = Pool> {
        let roles = prop::sample::select(vec![
            "\"worker\"",
            "\"worker\"",
            "\"worker\"",
            "\"etcd\"",
            "\"control-plane\", \"etcd\", \"worker\"",
            "\"load-balancer\"",
        ]);
        (
            prop::sample::select(vec!["a", "b", "node-", "rack"]),
            0_usize..6,
            1_u32..40,
            prop::option::of(prop::sample::select(vec![0, 1, 7, 98, 9_990])),
            prop::sample::select(vec![0, 20, 100, 200, 300, 65_300]),
            prop::sample::select(vec![0, 0, 1, 1, 1, 2]),
            (roles, any::<bool>(), any::<bool>()),
        )
            .prop_map(
                |(name, width, count, first_n, offset, families, (roles, labels, taints))| Pool {
                    name,
                    width,
                    count,
                    first_n,
                    offset,
                    families,
                    rest: format!(
                        "roles = [{roles}]\n{}{}",
                        if labels { LABELS } else { "" },
                        if taints { TAINTS } else { "" }
                    ),
                },
            )
    }

    fn told(cluster: String) -> Result<String, std::collections::BTreeSet<&'static str>> {
        let sources = GivenFiles::new(cluster);
        let set = |findings: &[Diagnostic]| findings.iter().map(|finding| finding.code).collect();
        match check(&sources) {
            Ok(checked) => Ok(format!(
                "{:?}{:?}",
                set(&checked.remarks) as std::collections::BTreeSet<&str>,
                checked.cluster
            )),
            Err(findings) => Err(set(&findings)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        /// Both are the same cluster, or the same is wrong with both.
        #[test]
        fn a_pool_is_what_is_written_out(dual in any::<bool>(), same in any::<bool>(), mut pools in prop::collection::vec(pool(), 1..4)) {
            // Half of them fit together, so that they compile.
            if same {
                for (index, pool) in pools.iter_mut().enumerate() {
                    (pool.families, pool.offset) = (usize::from(dual), 100 * u32::try_from(index).unwrap_or(0));
                    pool.name = ["a", "b", "node-"][index];
                }
            }
            let (services, pods, ip) = match dual {
                true => ("[\"10.32.0.0/24\", \"fd00:32::/112\"]", "[\"10.200.0.0/16\", \"fd00:200::/48\"]", "[\"10.0.0.1\", \"fd00:1::1\"]"),
                false => ("\"10.32.0.0/24\"", "\"10.200.0.0/16\"", "\"10.0.0.1\""),
            };
            let head = format!(
                "[cluster]\nendpoint = \"api.example:6443\"\n[network]\nservices = {services}\npods = {pods}\n\
                 [pki]\nissued = \"2026-01-01T00:00:00Z\"\n\
                 [[hosts]]\nname = \"master\"\nip = {ip}\nroles = [\"control-plane\", \"etcd\", \"worker\"]\n"
            );
            let as_pools = told(head.clone() + &pools.iter().map(Pool::as_pool).collect::<String>());
            let as_hosts = told(head + &pools.iter().map(Pool::as_hosts).collect::<String>());
            prop_assert!(!same || as_pools.is_ok(), "{as_pools:?}");
            prop_assert_eq!(as_pools, as_hosts);
        }
    }
}
