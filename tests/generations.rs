//! Keys that have successors: which generation signs, what is accepted beside it, and that nothing else changes.

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use base64ct::{Base64, Encoding};
use khw_gen::cluster::{Cluster, Generation, Generations};
use khw_gen::diagnostic::Severity;
use khw_gen::pki::derivation::{Purpose, Seed};
use khw_gen::pki::key::KeyPair;
use khw_gen::plan::plan;
use khw_gen::{audit, disk, found_of, input};
use support::{SEED, Spec};
use time::macros::datetime;

const HOSTS: [&str; 3] = [
    "cp 10.1.0.11 control-plane etcd",
    "w 10.1.0.21 worker",
    "adm 10.1.0.5 admin",
];

fn cluster(layout: &str) -> Cluster {
    let spec = Spec::new(&HOSTS, &format!("layout = \"{layout}\"\n"));
    let spec = match layout {
        "single" => spec.with_ecdsa_keys(),
        _ => spec,
    };
    let sources = disk::Specification::open(&spec.path()).expect("the specification");
    input::check(&sources).unwrap_or_else(|_| panic!("it is valid")).cluster
}

fn seed() -> Seed {
    Seed::parse(&SEED).expect("a seed").seed
}

fn generation(number: u32) -> Generation {
    Generation(NonZeroU32::new(number).expect("a generation"))
}

/// The cluster with these generations of everything that can have several.
fn with(mut cluster: Cluster, used: u32, accepted: &[u32]) -> Cluster {
    let generations = Generations {
        used: generation(used),
        accepted: accepted.iter().copied().map(generation).collect(),
    };
    for identity in ["ca", "etcd-ca", "front-proxy-ca", "service-account"] {
        if cluster.pki.layout.identity(identity).is_some() {
            cluster.pki.generations.insert(identity.to_owned(), generations.clone());
        }
    }
    cluster.encryption.generations = generations;
    cluster
}

/// The files of a cluster by `host:path`; no error is found in them.
fn files(cluster: &Cluster) -> BTreeMap<String, String> {
    let (found, _) = found_of(cluster, Some(&seed())).expect("an output");
    let findings = audit::audit(&found, datetime!(2026-06-01 00:00 UTC)).into_iter();
    let errors: Vec<_> = findings
        // There are no lists at the top of bundles that were never written.
        .filter(|finding| finding.row().severity == Severity::Error && !finding.host.is_empty())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let files = found.hosts.iter().flat_map(|host| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let files = host.files.iter();
        files.map(move |(path, file)| (format!("{}:{path}", host.name), text(file.content.expose())))
    });
    files.collect()
}

/// The blocks of PEM in a text.
fn blocks(text: &str) -> Vec<String> {
    let blocks = text.split_inclusive("-----\n").collect::<Vec<_>>();
    blocks.chunks(2).map(<[&str]>::concat).collect()
}

/// What a kubeconfig trusts.
fn trusted(kubeconfig: &str) -> String {
    let mut lines = kubeconfig.lines();
    let data = lines.find_map(|line| line.trim().strip_prefix("certificate-authority-data: "));
    String::from_utf8(Base64::decode_vec(data.expect("it")).expect("base64")).expect("PEM")
}

/// The secrets of an encryption configuration, by the names of their keys, in their order.
fn encryption_keys(configuration: &str) -> Vec<(String, String)> {
    let field = |name: &str| -> Vec<String> {
        let values = configuration
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(name));
        values.map(|value| value.trim().to_owned()).collect()
    };
    field("name:").into_iter().zip(field("secret:")).collect()
}

/// The files that hold what is trusted, and of each the one of the certificate that signs, where there is one.
fn trust(layout: &str) -> Vec<&'static str> {
    match layout {
        "single" => vec![
            "cp:/var/lib/kubernetes/ca.pem",
            "w:/var/lib/kubernetes/ca.pem",
            "cp:/etc/etcd/ca.pem",
        ],
        _ => vec![
            "cp:/var/lib/kubernetes/ca.pem",
            "w:/var/lib/kubernetes/ca.pem",
            "adm:/root/certs/ca.pem",
            "adm:/root/certs/etcd-ca.pem",
            "adm:/root/certs/front-proxy-ca.pem",
            "cp:/etc/etcd/etcd-ca.pem",
            "cp:/var/lib/kubernetes/etcd-ca.pem",
            "cp:/var/lib/kubernetes/front-proxy-ca.pem",
        ],
    }
}

const SIGNING: &str = "cp:/var/lib/kubernetes/ca-signing.pem";
const SIGNING_KEY: &str = "cp:/var/lib/kubernetes/ca-key.pem";
const TOKENS_KEY: &str = "cp:/var/lib/kubernetes/service-account-key.pem";
const ENCRYPTION: &str = "cp:/var/lib/kubernetes/encryption-config.yaml";

fn tokens(layout: &str) -> &'static str {
    match layout {
        "single" => "cp:/var/lib/kubernetes/service-account.pem",
        _ => "cp:/var/lib/kubernetes/service-account.pub",
    }
}

#[test]
fn the_first_generation_alone_is_what_there_is_without_any() {
    for layout in ["single", "split"] {
        assert_eq!(
            files(&cluster(layout)),
            files(&with(cluster(layout), 1, &[])),
            "{layout}"
        );
    }
}

/// What is announced is trusted, verifies and decrypts, and nothing is signed, encrypted or shown that was not before.
#[test]
fn what_is_accepted_comes_after_what_is_used() {
    for layout in ["single", "split"] {
        let (before, after) = (files(&cluster(layout)), files(&with(cluster(layout), 1, &[2])));
        assert!(before.keys().eq(after.keys()), "{layout}: the same files");
        let mut lists = trust(layout);
        lists.push(tokens(layout));
        for path in &lists {
            let (before, after) = (blocks(&before[*path]), blocks(&after[*path]));
            assert_eq!((before.len(), after.len()), (1, 2), "{layout}: {path}");
            assert!(after[0] == before[0] && after[1] != before[0], "{layout}: {path}");
        }
        let keys = encryption_keys(&after[ENCRYPTION]);
        assert_eq!(
            keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["key1", "key2"]
        );
        assert_eq!(keys[..1], encryption_keys(&before[ENCRYPTION]), "{layout}");
        assert_ne!(keys[0].1, keys[1].1, "{layout}");
        for (path, text) in &before {
            let is_list =
                lists.contains(&path.as_str()) || path == ENCRYPTION || path.ends_with("encryption-config.yaml");
            if text.contains("certificate-authority-data") {
                assert_eq!(trusted(&after[path]), after[lists[0]], "{layout}: {path}");
            } else if !is_list {
                assert_eq!(text, &after[path], "{layout}: {path}");
            }
        }
    }
}

/// The second generation signs and encrypts, its keys are derived for it, and the first is accepted still. A bundle of authorities stays as
/// it is.
#[test]
fn what_is_used_alone_signs_and_trust_stays_as_it_is() {
    for layout in ["single", "split"] {
        let (before, after) = (
            files(&with(cluster(layout), 1, &[2])),
            files(&with(cluster(layout), 2, &[1])),
        );
        // Whoever reads it at the start alone needs no restart.
        for path in trust(layout) {
            assert_eq!(after[path], before[path], "{layout}: {path}");
        }
        if layout == "split" {
            let mut turned = blocks(&before[tokens(layout)]);
            turned.reverse();
            assert_eq!(blocks(&after[tokens(layout)]), turned);
        }
        assert_eq!(blocks(&after[tokens(layout)]).len(), 2, "{layout}");
        assert_eq!(
            after[SIGNING],
            blocks(&after["w:/var/lib/kubernetes/ca.pem"])[1],
            "{layout}"
        );
        let mut turned = encryption_keys(&before[ENCRYPTION]);
        turned.reverse();
        assert_eq!(encryption_keys(&after[ENCRYPTION]), turned, "{layout}");
        for (path, name) in [(SIGNING_KEY, "ca"), (TOKENS_KEY, "service-account")] {
            let algorithm = cluster(layout).pki.csrs[&format!("{name}-csr.json")].request.key;
            let bytes = seed().derive(&cluster(layout).name, &Purpose::KeyPair { name, algorithm }, 2);
            let key = KeyPair::from_seed(algorithm, &bytes).expect("a key");
            assert_eq!(after[path].as_bytes(), key.to_pem().expose(), "{layout}: {path}");
        }
        // A leaf keeps its key, and its certificate is another authority's.
        let leaf = match layout {
            "single" => "cp:/etc/etcd/kubernetes",
            _ => "cp:/etc/etcd/etcd-server",
        };
        assert_eq!(before[&format!("{leaf}-key.pem")], after[&format!("{leaf}-key.pem")]);
        assert_ne!(before[&format!("{leaf}.pem")], after[&format!("{leaf}.pem")]);
    }
}

#[test]
fn a_later_generation_is_told_by_its_number() {
    let cluster = with(cluster("split"), 2, &[1]);
    let plan = plan(&cluster).text(None);
    assert!(plan.contains("CA of the cluster (ca, ca@2)"), "{plan}");
    assert!(
        plan.contains("signs service account tokens (service-account@2)"),
        "{plan}"
    );
}
