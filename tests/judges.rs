//! Five independent judges of certificates (OpenSSL, GnuTLS, rustls-webpki, PyCA's cryptography and Go's crypto/x509) and two
//! of keys (badkeys and filippo.io/keygen).
//!
//! Each judge of certificates sees chains that the program made and chains of random shape that the library issued, and has
//! to accept them for the right name, purpose and time, and to refuse them for the wrong one, below another root, and with
//! a bit flipped. Where a judge rightly says something else, [`EXCEPTIONS`] says why; an exception that nothing needs is a
//! failure. Every judge is told the time; none asks a clock.
//!
//! `KHW_JUDGES=seed:count` tries other random chains, and more or fewer of them.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration as StdDuration;

use base64ct::{Base64, Encoding};
use crypto_bigint::{U1024, U2048};
use khw_gen::pki::cfssl::{
    self, Authority, CaConstraint, CaSection, ExtendedKeyUsage, KeyUsage, Name, Profile, Request, Usage,
};
use khw_gen::pki::derivation::{Purpose, Seed};
use khw_gen::pki::key::{Algorithm, Curve, KeyPair, RsaBits};
use khw_gen::pki::x509::to_pem;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use support::{SEED, build, files_below, large_spec, program, project, run, said, skip};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

// --- keys ----------------------------------------------------------------------------------------------------------------

const P256: Algorithm = Algorithm::Ecdsa(Curve::P256);
const P384: Algorithm = Algorithm::Ecdsa(Curve::P384);
const P521: Algorithm = Algorithm::Ecdsa(Curve::P521);
const ED25519: Algorithm = Algorithm::Ed25519;

fn rsa(bits: u32) -> Algorithm {
    Algorithm::Rsa(RsaBits::new(bits).expect("a size"))
}

/// The 32 bytes that the program would make the key `name` of.
fn derived(name: &str, algorithm: Algorithm) -> Zeroizing<[u8; 32]> {
    Seed::from_bytes(Zeroizing::new(SEED)).derive("judges", &Purpose::KeyPair { name, algorithm }, 1)
}

fn key(name: &str, algorithm: Algorithm) -> KeyPair {
    KeyPair::from_seed(algorithm, &derived(name, algorithm)).expect("a key")
}

/// RSA keys take their time: there is one of each size for each place in a chain, the root's being 0.
static RSA_KEYS: LazyLock<BTreeMap<(Algorithm, usize), KeyPair>> = LazyLock::new(|| {
    let places = (0..4).map(|place| (rsa(2048), place));
    let all: Vec<_> = places.chain([(rsa(3072), 0), (rsa(4096), 0)]).collect();
    all.into_par_iter()
        .map(|(algorithm, place)| ((algorithm, place), key(&format!("place {place}"), algorithm)))
        .collect()
});

enum Key {
    Own(Box<KeyPair>),
    Shared(&'static KeyPair),
}

impl Key {
    fn of(name: &str, algorithm: Algorithm, place: usize) -> Key {
        match RSA_KEYS.get(&(algorithm, place)) {
            Some(shared) => Key::Shared(shared),
            None => Key::Own(Box::new(key(&format!("{name} {place}"), algorithm))),
        }
    }

    fn pair(&self) -> &KeyPair {
        match self {
            Key::Own(key) => key,
            Key::Shared(key) => key,
        }
    }
}

// --- chains --------------------------------------------------------------------------------------------------------------

/// A chain that is good, and what for.
struct Chain {
    label: String,
    root: Vec<u8>,
    /// From the root's own child on.
    intermediates: Vec<Vec<u8>>,
    leaf: Vec<u8>,
    /// Another root with the very same subject.
    stranger: Vec<u8>,
    /// DNS names and addresses that the leaf is for, and others that it is not for.
    names: Vec<String>,
    other_names: Vec<String>,
    server: bool,
    client: bool,
    /// An instant at which the whole chain is valid, in seconds since 1970.
    at: i64,
    traits: Traits,
}

/// What the exceptions ask for.
#[derive(Clone, Debug, Default)]
struct Traits {
    /// From the root to the leaf.
    keys: Vec<Algorithm>,
    leaf_usages: Vec<ExtendedKeyUsage>,
    has_alternative_names: bool,
}

impl Traits {
    fn signs_with(&self, algorithm: Algorithm) -> bool {
        self.keys[..self.keys.len() - 1].contains(&algorithm)
    }
}

/// The first and last second at which a certificate is valid.
fn validity(der: &[u8]) -> (i64, i64) {
    let (_, certificate) = X509Certificate::from_der(der).expect("a certificate");
    let validity = certificate.validity();
    (validity.not_before.timestamp(), validity.not_after.timestamp())
}

fn request(cn: &str, names: Vec<Name>, hosts: Vec<String>) -> Request {
    Request {
        cn: cn.to_owned(),
        names,
        serial_number: String::new(),
        hosts,
        key: ED25519,
        ca: None,
        crl_url: String::new(),
        delegation_enabled: false,
        extensions: Vec::new(),
    }
}

/// The certificate in a PEM file.
fn certificate_in(pem: &Path) -> Vec<u8> {
    let text = fs::read(pem).unwrap_or_else(|error| panic!("{}: {error}", pem.display()));
    pem::parse(text).expect("one block of PEM").into_contents()
}

/// Names that no certificate here is for.
const NOBODY: [&str; 3] = ["nobody.invalid", "203.0.113.250", "2001:db8:ffff::ffff"];

/// The chains of an output of the program: each certificate of its administrator below the root beside it.
fn chains_of(label: &str, certificates: &Path, servers: &[(&str, &[&str])]) -> Vec<Chain> {
    let root = certificate_in(&certificates.join("ca.pem"));
    let (_, parsed) = X509Certificate::from_der(&root).expect("a certificate");
    let subject: BTreeMap<String, String> = (parsed.subject().iter_attributes())
        .map(|attribute| {
            (
                attribute.attr_type().to_id_string(),
                attribute.as_str().expect("text").to_owned(),
            )
        })
        .collect();
    let text = |oid: &str| subject.get(oid).cloned().unwrap_or_default();
    let names = vec![Name {
        c: text("2.5.4.6"),
        st: text("2.5.4.8"),
        l: text("2.5.4.7"),
        o: text("2.5.4.10"),
        ou: text("2.5.4.11"),
        ..Name::default()
    }];
    let stranger_key = key("stranger", P256);
    let stranger = request(&text("2.5.4.3"), names, Vec::new());
    let at = validity(&root).0 + 86_400;
    let stranger = cfssl::root(
        &stranger,
        &stranger_key,
        OffsetDateTime::from_unix_timestamp(at).expect("a date"),
    )
    .expect("a root");
    assert_eq!(
        X509Certificate::from_der(&stranger)
            .expect("a certificate")
            .1
            .subject()
            .as_raw(),
        parsed.subject().as_raw()
    );
    let leaves: Vec<String> = files_below(certificates)
        .into_keys()
        .filter(|name| name.ends_with(".pem") && !name.ends_with("-key.pem") && name != "ca.pem")
        .collect();
    for (server, _) in servers {
        assert!(leaves.contains(&format!("{server}.pem")), "{label} has no {server}");
    }
    let chain = |leaf: &String| {
        let stem = leaf.trim_end_matches(".pem");
        let names = servers
            .iter()
            .find(|(server, _)| *server == stem)
            .map_or(&[][..], |(_, names)| names);
        let leaf = certificate_in(&certificates.join(leaf));
        let (_, parsed_leaf) = X509Certificate::from_der(&leaf).expect("a certificate");
        let algorithm = |certificate: &X509Certificate<'_>| {
            khw_gen::pki::key::PublicKey::from_spki_der(certificate.public_key().raw)
                .expect("a key")
                .algorithm
        };
        Chain {
            label: format!("{label}/{stem}"),
            root: root.clone(),
            intermediates: Vec::new(),
            stranger: stranger.clone(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            other_names: NOBODY.map(str::to_owned).to_vec(),
            server: true,
            client: true,
            at,
            traits: Traits {
                keys: vec![algorithm(&parsed), algorithm(&parsed_leaf)],
                leaf_usages: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
                has_alternative_names: !names.is_empty(),
            },
            leaf,
        }
    };
    leaves.iter().map(chain).collect()
}

/// The walk-through's goldens, and a larger cluster with ECDSA keys.
fn chains_of_the_program() -> Vec<Chain> {
    let service = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "127.0.0.1",
    ];
    let with = |own: &[&'static str]| -> Vec<&str> { own.iter().copied().chain(service).collect() };
    let golden = with(&[
        "master1",
        "master2",
        "lb",
        "10.32.0.1",
        "10.128.15.221",
        "10.128.15.222",
        "10.128.15.226",
    ]);
    let mut chains = chains_of(
        "golden",
        &project().join("golden/walkthrough/control/rootfs/root/certs"),
        &[
            ("kubernetes", &golden),
            ("node1", &["node1", "10.128.15.223"]),
            ("node2", &["node2", "10.128.15.224"]),
        ],
    );
    let (_folder, out) = build(&large_spec().path());
    let large = with(&[
        "api.example.org",
        "cp2",
        "10.96.0.1",
        "10.1.0.6",
        "10.1.0.13",
        "10.1.0.23",
    ]);
    chains.extend(chains_of(
        "large",
        &out.join("admin1/rootfs/root/certs"),
        &[
            ("kubernetes", &large),
            ("w1", &["w1", "10.1.0.31"]),
            ("w3", &["w3", "10.1.0.33"]),
        ],
    ));
    chains
}

// --- chains of random shape ----------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
struct Shape {
    /// The root's, the intermediates' and the leaf's.
    keys: Vec<Algorithm>,
    authorities: Vec<(String, Vec<Name>)>,
    intermediate_usages: Vec<Vec<ExtendedKeyUsage>>,
    leaf: (String, Vec<Name>),
    serial_number: String,
    hosts: Vec<Host>,
    leaf_usages: Vec<ExtendedKeyUsage>,
    leaf_key_usages: Vec<KeyUsage>,
    with_path_lengths: bool,
    with_urls: bool,
    issued: i64,
    days: i64,
    /// In hundredths of the leaf's life.
    at: i64,
}

/// An entry of `hosts`, and a name that it stands for.
#[derive(Clone, Debug)]
enum Host {
    Name(String),
    /// What follows the asterisk.
    Wildcard(String),
    /// Mail addresses and URIs, which are no names of servers.
    Other(String),
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z][A-Za-z0-9 '()+,./:=?-]{0,30}[A-Za-z0-9]",
        2 => "system:[a-z]{2,10}:[a-z0-9.-]{1,20}",
        1 => "[A-Za-z*@&_#;<>\"\\\\]{1,20}",
        1 => "[\u{a1}-\u{24f}\u{3b1}-\u{3c9}\u{4e00}-\u{4fff}\u{1f600}-\u{1f64f}]{1,16}",
        1 => "[a-z]{64}",
    ]
}

fn any_name() -> impl Strategy<Value = Name> {
    let some = || prop_oneof![1 => Just(String::new()), 2 => any_text()];
    let country = prop_oneof![Just(""), Just("US"), Just("DE"), Just("JP")];
    let mail = prop_oneof![4 => Just(String::new()), 1 => "[a-z]{1,8}@[a-z]{1,8}\\.example"];
    let extra = prop_oneof![
        Just(vec![2, 5, 4, 42]),
        Just(vec![2, 5, 4, 9]),
        Just(vec![2, 5, 4, 17]),
        Just(vec![0, 9, 2342, 19_200_300, 100, 1, 25]),
        Just(vec![1, 3, 6, 1, 4, 1, 55_555, 1]),
    ];
    let extras = prop_oneof![3 => Just(Vec::new()).boxed(), 1 => vec((extra, any_text()), 1..3).boxed()];
    (country, some(), some(), some(), some(), mail, extras).prop_map(|(c, st, l, o, ou, e, oid)| Name {
        c: c.to_owned(),
        st,
        l,
        o,
        ou,
        e,
        oid,
    })
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        3 => "[a-z][a-z0-9]{0,14}(-[a-z0-9]{1,8})?".prop_map(Host::Name),
        3 => "([a-z0-9][a-z0-9-]{0,10}[a-z0-9]\\.){1,4}[a-z]{2,10}".prop_map(Host::Name),
        1 => "xn--[a-z]{3,6}-[a-z]{3}\\.example".prop_map(Host::Name),
        1 => "[A-Z][a-z]{2,8}\\.Example\\.ORG".prop_map(Host::Name),
        1 => "([a-z0-9]{2,8}\\.){1,2}[a-z]{2,6}".prop_map(Host::Wildcard),
        3 => any::<[u8; 4]>().prop_map(|ip| Host::Name(std::net::Ipv4Addr::from(ip).to_string())),
        2 => any::<[u16; 6]>().prop_map(|groups| {
            let [a, b, c, d, e, f] = groups;
            Host::Name(std::net::Ipv6Addr::new(0x2a00, a, b, c, d, e, f, 1).to_string())
        }),
        1 => "[a-z]{1,8}@[a-z]{1,8}\\.example".prop_map(Host::Other),
        1 => "spiffe://[a-z]{1,8}\\.example/[a-z/]{1,16}".prop_map(Host::Other),
    ]
}

fn any_shape() -> impl Strategy<Value = Shape> {
    use ExtendedKeyUsage as Extended;
    use KeyUsage as Usage;
    let issuer_key =
        || prop_oneof![2 => Just(rsa(2048)), 3 => Just(P256), 2 => Just(P384), 1 => Just(P521), 2 => Just(ED25519)];
    let root_key = prop_oneof![8 => issuer_key(), 1 => Just(rsa(3072)), 1 => Just(rsa(4096))];
    let keys = (root_key, vec(issuer_key(), 0..=2), issuer_key());
    let authority = || (any_text(), vec(any_name(), 0..3));
    let intermediate_usages = prop_oneof![
        3 => Just(vec![]),
        2 => Just(vec![Extended::ServerAuth, Extended::ClientAuth]),
        1 => Just(vec![Extended::ClientAuth]),
        1 => Just(vec![Extended::ServerAuth]),
    ];
    let leaf = prop_oneof![6 => (any_text(), vec(any_name(), 0..4)), 1 => Just((String::new(), Vec::new()))];
    let serial_number = prop_oneof![3 => Just(String::new()), 1 => "[0-9A-F]{1,16}"];
    let leaf_usages = prop_oneof![
        4 => Just(vec![Extended::ServerAuth, Extended::ClientAuth]),
        2 => Just(vec![Extended::ServerAuth]),
        2 => Just(vec![Extended::ClientAuth]),
        1 => Just(vec![Extended::EmailProtection, Extended::CodeSigning]),
        1 => Just(vec![Extended::ClientAuth, Extended::IpsecUser, Extended::ServerAuth, Extended::Timestamping]),
        1 => Just(vec![]),
        1 => Just(vec![Extended::Any]),
    ];
    let leaf_key_usages = prop_oneof![
        3 => Just(vec![Usage::DigitalSignature, Usage::KeyEncipherment]),
        1 => Just(vec![Usage::DigitalSignature]),
        1 => Just(vec![Usage::DigitalSignature, Usage::ContentCommitment, Usage::KeyAgreement]),
    ];
    // From 2001 to 2085: the dates are UTCTime before 2050 and GeneralizedTime from then on.
    let dates = (1_000_000_000_i64..3_640_000_000, 1_i64..3650, 1_i64..100);
    (
        (
            keys,
            vec(authority(), 3),
            vec(intermediate_usages, 2),
            leaf,
            serial_number,
        ),
        (
            vec(any_host(), 0..7),
            leaf_usages,
            leaf_key_usages,
            any::<bool>(),
            any::<bool>(),
            dates,
        ),
    )
        .prop_map(
            |((keys, authorities, intermediate_usages, leaf, serial_number), rest)| {
                let (hosts, leaf_usages, leaf_key_usages, with_path_lengths, with_urls, (issued, days, at)) = rest;
                let (root_key, intermediates, leaf_key) = keys;
                Shape {
                    intermediate_usages: intermediate_usages[..intermediates.len()].to_vec(),
                    keys: [vec![root_key], intermediates, vec![leaf_key]].concat(),
                    authorities,
                    leaf,
                    serial_number,
                    hosts,
                    leaf_usages,
                    leaf_key_usages,
                    with_path_lengths,
                    with_urls,
                    issued,
                    days,
                    at,
                }
            },
        )
        // A certificate names somebody.
        .prop_filter("nobody", |shape| !shape.leaf.0.is_empty() || !shape.hosts.is_empty())
}

/// Issues the chain of a shape through the library, as cfssl would from a root's CSR, profiles and CSRs.
fn issued(label: String, shape: &Shape) -> Chain {
    let now = OffsetDateTime::from_unix_timestamp(shape.issued).expect("a date");
    let depth = shape.keys.len() - 2;
    let key_of = |place: usize| Key::of(&label, shape.keys[place], place);

    let mut root = request(&shape.authorities[0].0, shape.authorities[0].1.clone(), Vec::new());
    root.ca = Some(CaSection {
        expiry: Some(Duration::days(shape.days + 200)),
        backdate: None,
        pathlen: if shape.with_path_lengths { depth as u32 } else { 0 },
        pathlenzero: shape.with_path_lengths && depth == 0,
    });
    let root_key = key_of(0);
    let mut certificates = vec![cfssl::root(&root, root_key.pair(), now).expect("a root")];
    // A key of another kind, but for the same subject.
    let other = if shape.keys[0] == P256 { P384 } else { P256 };
    let stranger = cfssl::root(&root, &key(&format!("{label} stranger"), other), now).expect("a root");

    let mut issuer_key = root_key;
    for place in 1..=depth {
        let (cn, names) = &shape.authorities[place];
        let below = depth - place;
        let mut usages = vec![Usage::Key(KeyUsage::CertSign), Usage::Key(KeyUsage::CrlSign)];
        usages.extend(
            shape.intermediate_usages[place - 1]
                .iter()
                .copied()
                .map(Usage::Extended),
        );
        let profile = Profile {
            usages,
            expiry: Duration::days(shape.days + 100),
            ca_constraint: CaConstraint {
                is_ca: true,
                max_path_len: if shape.with_path_lengths { below as u32 } else { 0 },
                max_path_len_zero: shape.with_path_lengths && below == 0,
            },
            ..Profile::default()
        };
        let key = key_of(place);
        let issuer = Authority {
            certificate: certificates.last().expect("an issuer"),
            key: issuer_key.pair(),
        };
        // The place in the name keeps the subjects of a chain apart.
        let intermediate = request(&format!("{place} {cn}"), names.clone(), Vec::new());
        let certificate = cfssl::leaf(&intermediate, key.pair().public(), &profile, &issuer, now);
        certificates.push(certificate.expect("an intermediate"));
        issuer_key = key;
    }

    let hosts = shape.hosts.iter().map(|host| match host {
        Host::Name(name) | Host::Other(name) => name.clone(),
        Host::Wildcard(domain) => format!("*.{domain}"),
    });
    let (cn, names) = &shape.leaf;
    let mut leaf = request(cn, names.clone(), hosts.collect());
    leaf.serial_number.clone_from(&shape.serial_number);
    let usages = shape.leaf_key_usages.iter().copied().map(Usage::Key);
    let profile = Profile {
        usages: usages
            .chain(shape.leaf_usages.iter().copied().map(Usage::Extended))
            .collect(),
        expiry: Duration::days(shape.days),
        crl_url: if shape.with_urls {
            "http://pki.example/ca.crl".into()
        } else {
            String::new()
        },
        ocsp_url: if shape.with_urls {
            "http://pki.example/ocsp".into()
        } else {
            String::new()
        },
        issuer_urls: if shape.with_urls {
            vec!["http://pki.example/ca.der".into()]
        } else {
            Vec::new()
        },
        ..Profile::default()
    };
    let issuer = Authority {
        certificate: certificates.last().expect("an issuer"),
        key: issuer_key.pair(),
    };
    let leaf_key = key_of(depth + 1);
    let leaf = cfssl::leaf(&leaf, leaf_key.pair().public(), &profile, &issuer, now).expect("a leaf");

    let mut names = Vec::new();
    let mut other_names = NOBODY.map(str::to_owned).to_vec();
    for host in &shape.hosts {
        match host {
            Host::Name(name) => names.push(name.clone()),
            Host::Wildcard(domain) => {
                names.push(format!("any.{domain}"));
                other_names.extend([domain.clone(), format!("two.labels.{domain}")]);
            }
            Host::Other(_) => {}
        }
    }
    let allows = |usages: &Vec<ExtendedKeyUsage>, usage| {
        usages.is_empty() || usages.contains(&usage) || usages.contains(&ExtendedKeyUsage::Any)
    };
    let all_allow = |usage| {
        allows(&shape.leaf_usages, usage) && shape.intermediate_usages.iter().all(|usages| allows(usages, usage))
    };
    let (from, until) = validity(&leaf);
    let root = certificates.remove(0);
    Chain {
        root,
        intermediates: certificates,
        leaf,
        stranger,
        names,
        other_names,
        server: all_allow(ExtendedKeyUsage::ServerAuth),
        client: all_allow(ExtendedKeyUsage::ClientAuth),
        at: from + (until - from) * shape.at / 100,
        traits: Traits {
            keys: shape.keys.clone(),
            leaf_usages: shape.leaf_usages.clone(),
            has_alternative_names: !shape.hosts.is_empty(),
        },
        label,
    }
}

/// Chains of random shape: the same in each run, unless `KHW_JUDGES` asks for others.
fn random_chains() -> Vec<Chain> {
    let wish = std::env::var("KHW_JUDGES").unwrap_or_else(|_| "1:80".to_owned());
    let (seed, count) = wish.split_once(':').expect("KHW_JUDGES=seed:count");
    let (seed, count): (u64, usize) = (seed.parse().expect("a seed"), count.parse().expect("a count"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let shapes: Vec<Shape> = (0..count)
        .map(|_| any_shape().new_tree(&mut runner).expect("a shape").current())
        .collect();
    let chains = shapes.par_iter().enumerate();
    chains
        .map(|(number, shape)| issued(format!("random {seed}/{number}"), shape))
        .collect()
}

// --- cases ---------------------------------------------------------------------------------------------------------------

/// A question to a judge, as the scripts read it.
#[derive(Serialize)]
struct Question<'a> {
    root: String,
    intermediates: Vec<String>,
    leaf: String,
    purpose: &'static str,
    name: &'a str,
    time: i64,
    /// Demands of a judge's own that it should not make.
    relaxed: Vec<&'static str>,
}

/// What is wrong with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Nothing,
    Name,
    Purpose,
    Root,
    Missing,
    Early,
    Late,
    Signature,
}

/// A chain, and under what circumstances it is judged.
struct Case<'a> {
    chain: &'a Chain,
    wrong: Wrong,
    root: &'a [u8],
    intermediates: &'a [Vec<u8>],
    leaf: Vec<u8>,
    purpose: &'static str,
    /// A DNS name or an address; empty if none is asked for.
    name: &'a str,
    time: i64,
}

impl Case<'_> {
    fn is_good(&self) -> bool {
        self.wrong == Wrong::Nothing
    }

    fn describe(&self) -> String {
        let Case {
            chain,
            purpose,
            name,
            time,
            wrong,
            ..
        } = self;
        format!(
            "{} as {purpose} {name:?} at {time}, wrong: {wrong:?}; {:?}",
            chain.label, chain.traits
        )
    }

    fn name_is_address(&self) -> bool {
        self.name.parse::<std::net::IpAddr>().is_ok()
    }
}

/// All that is asked about a chain.
fn cases(chain: &Chain) -> Vec<Case<'_>> {
    let good = |purpose, name| Case {
        chain,
        wrong: Wrong::Nothing,
        root: &chain.root,
        intermediates: &chain.intermediates,
        leaf: chain.leaf.clone(),
        purpose,
        name,
        time: chain.at,
    };
    let first_name = chain.names.first().map_or("", String::as_str);
    let mut cases = Vec::new();
    for (purpose, name, allowed) in [("server", first_name, chain.server), ("client", "", chain.client)] {
        let case = || good(purpose, name);
        if !allowed {
            cases.push(Case {
                wrong: Wrong::Purpose,
                ..case()
            });
            continue;
        }
        cases.push(case());
        cases.push(Case {
            wrong: Wrong::Root,
            root: &chain.stranger,
            ..case()
        });
        let (from, until) = validity(&chain.leaf);
        cases.push(Case {
            wrong: Wrong::Early,
            time: from - 60,
            ..case()
        });
        cases.push(Case {
            wrong: Wrong::Late,
            time: until + 60,
            ..case()
        });
        let mut leaf = chain.leaf.clone();
        // The last byte is in the signature whatever its algorithm.
        *leaf.last_mut().expect("bytes") ^= 1;
        cases.push(Case {
            wrong: Wrong::Signature,
            leaf,
            ..case()
        });
        if !chain.intermediates.is_empty() {
            cases.push(Case {
                wrong: Wrong::Missing,
                intermediates: &[],
                ..case()
            });
        }
    }
    if chain.server {
        cases.extend(chain.names.iter().skip(1).map(|name| good("server", name)));
        cases.extend(chain.other_names.iter().map(|name| Case {
            wrong: Wrong::Name,
            ..good("server", name)
        }));
    }
    cases
}

// --- judges --------------------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    why: String,
}

/// Certificates as files, for the judges that read files.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Files {
        Files {
            folder: TempDir::new().expect("a folder"),
        }
    }

    fn write(&self, name: &str, certificates: &[&[u8]]) -> PathBuf {
        let path = self.folder.path().join(name);
        let text: String = certificates.iter().map(|der| to_pem("CERTIFICATE", der)).collect();
        fs::write(&path, text).expect("a file");
        path
    }
}

fn openssl(openssl: &Path, cases: &[Case<'_>]) -> Vec<Verdict> {
    let judge = |case: &Case<'_>| {
        let files = Files::new();
        let mut command = Command::new(openssl);
        command
            .args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-attime"])
            .arg(case.time.to_string())
            .args(["-purpose", &format!("ssl{}", case.purpose), "-CAfile"])
            .arg(files.write("root.pem", &[case.root]));
        if !case.intermediates.is_empty() {
            let intermediates: Vec<&[u8]> = case.intermediates.iter().map(Vec::as_slice).collect();
            command
                .arg("-untrusted")
                .arg(files.write("intermediates.pem", &intermediates));
        }
        if !case.name.is_empty() {
            let option = if case.name_is_address() {
                "-verify_ip"
            } else {
                "-verify_hostname"
            };
            command.args([option, case.name]);
        }
        let output = run(command.arg(files.write("leaf.pem", &[&case.leaf])));
        let why = said(&output);
        let ok = output.status.success();
        assert!(
            ok == why.ends_with(": OK\n") && (ok || why.contains("verification failed")),
            "{why}"
        );
        Verdict { ok, why }
    };
    cases.par_iter().map(judge).collect()
}

/// certtool reads the clock and can't be told another time, so libfaketime tells it.
fn gnutls(certtool: &Path, cases: &[Case<'_>]) -> Vec<Verdict> {
    let judge = |case: &Case<'_>| {
        let files = Files::new();
        let time = OffsetDateTime::from_unix_timestamp(case.time).expect("a date");
        let mut chain: Vec<&[u8]> = vec![&case.leaf];
        chain.extend(case.intermediates.iter().rev().map(Vec::as_slice));
        let mut command = Command::new(project().join("tests/at-time.sh"));
        command
            .env("TZ", "UTC")
            .arg(format!(
                "{} {}",
                time.date(),
                time.time().to_string().trim_end_matches(".0")
            ))
            .arg(certtool)
            .args(["--verify", "--verify-profile=medium", "--verify-purpose"])
            .arg(if case.purpose == "server" {
                "1.3.6.1.5.5.7.3.1"
            } else {
                "1.3.6.1.5.5.7.3.2"
            })
            .arg("--load-ca-certificate")
            .arg(files.write("root.pem", &[case.root]))
            .arg("--infile")
            .arg(files.write("chain.pem", &chain));
        if !case.name.is_empty() {
            command.args(["--verify-hostname", case.name]);
        }
        let output = run(&mut command);
        let text = said(&output);
        let why = text
            .split_once("Chain verification output: ")
            .map(|(_, why)| why.trim().to_owned());
        let why = why.unwrap_or_else(|| panic!("{}: {text}", case.describe()));
        let ok = output.status.success();
        assert_eq!(ok, why.starts_with("Verified."), "{text}");
        Verdict { ok, why }
    };
    cases.par_iter().map(judge).collect()
}

fn webpki(cases: &[Case<'_>]) -> Vec<Verdict> {
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
    let judge = |case: &Case<'_>| -> Result<(), String> {
        let root = CertificateDer::from(case.root);
        let anchor = webpki::anchor_from_trusted_cert(&root).map_err(|error| format!("the root: {error:?}"))?;
        let intermediates: Vec<CertificateDer<'_>> = case
            .intermediates
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let leaf = CertificateDer::from(case.leaf.as_slice());
        let leaf = webpki::EndEntityCert::try_from(&leaf).map_err(|error| format!("the leaf: {error:?}"))?;
        let usage = match case.purpose {
            "server" => webpki::KeyUsage::server_auth(),
            _ => webpki::KeyUsage::client_auth(),
        };
        let time = UnixTime::since_unix_epoch(StdDuration::from_secs(case.time.try_into().expect("after 1970")));
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &[anchor],
            &intermediates,
            time,
            usage,
            None,
            None,
        )
        .map_err(|error| format!("{error:?}"))?;
        if !case.name.is_empty() {
            let name = ServerName::try_from(case.name).expect("a name");
            leaf.verify_is_valid_for_subject_name(&name)
                .map_err(|error| format!("{error:?}"))?;
        }
        Ok(())
    };
    let verdict = |case| match judge(case) {
        Ok(()) => Verdict {
            ok: true,
            why: String::new(),
        },
        Err(why) => Verdict { ok: false, why },
    };
    cases.par_iter().map(verdict).collect()
}

/// Asks a script about all cases in one call.
fn script(command: &mut Command, cases: &[Case<'_>], relaxed: impl Fn(&Case<'_>) -> Vec<&'static str>) -> Vec<Verdict> {
    let questions: Vec<Question<'_>> = cases
        .iter()
        .map(|case| Question {
            root: Base64::encode_string(case.root),
            intermediates: case
                .intermediates
                .iter()
                .map(|der| Base64::encode_string(der))
                .collect(),
            leaf: Base64::encode_string(&case.leaf),
            purpose: case.purpose,
            name: case.name,
            time: case.time,
            relaxed: relaxed(case),
        })
        .collect();
    ask(command, &questions)
}

/// Gives a program JSON and reads its JSON.
fn ask<Answer: serde::de::DeserializeOwned>(command: &mut Command, question: &impl Serialize) -> Answer {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let mut input = child.stdin.take().expect("its input");
    let question = serde_json::to_vec(question).expect("JSON");
    let writer = std::thread::spawn(move || input.write_all(&question).expect("it reads its input"));
    let output = child.wait_with_output().expect("its output");
    writer.join().expect("the writer");
    assert!(output.status.success(), "{command:?} failed: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command:?}: {error}: {}", said(&output)))
}

/// The Python that has the judges from the package index; where there is none, the test that wanted it is skipped.
fn python(test: &str) -> Option<PathBuf> {
    let python = project().join("target/pyca/bin/python");
    if python.exists() {
        return Some(python);
    }
    skip(test, "the Python packages of tests/judges are not installed");
    None
}

// --- where a judge may say something else --------------------------------------------------------------------------------

/// Cases that a judge refuses however good they are, and why it may.
struct Exception {
    judge: &'static str,
    cases: fn(&Case<'_>) -> bool,
    why: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        judge: "OpenSSL",
        cases: allows_any_purpose,
        why: "its purposes sslserver and sslclient ask for their own usage; anyExtendedKeyUsage does not stand for it",
    },
    Exception {
        judge: "rustls-webpki",
        cases: allows_any_purpose,
        why: "it follows the Web PKI, where a server or client must have its own usage and not anyExtendedKeyUsage",
    },
    Exception {
        judge: "rustls-webpki",
        cases: |case| case.chain.traits.signs_with(P521),
        why: "ring, which computes for it, has no P-521: it can't verify what such a key signed",
    },
    Exception {
        judge: "PyCA",
        cases: allows_any_purpose,
        why: "it follows the Web PKI, where a server or client must have its own usage and not anyExtendedKeyUsage",
    },
    Exception {
        judge: "PyCA",
        cases: |case| case.chain.traits.signs_with(ED25519),
        why: "it follows the Web PKI (CA/Browser Forum baseline requirements, 6.1.5), which has no Ed25519: it accepts none as an issuer's",
    },
];

fn allows_any_purpose(case: &Case<'_>) -> bool {
    case.chain.traits.leaf_usages == [ExtendedKeyUsage::Any]
}

/// A demand that PyCA is told not to make: in the Web PKI every certificate has alternative names, but clients of
/// Kubernetes are known by their subjects.
fn needs_no_alternative_names(case: &Case<'_>) -> bool {
    case.purpose == "client" && !case.chain.traits.has_alternative_names
}

/// Holds a judge's verdicts against what they should be, and prints how many there were.
fn hold(judge: &str, cases: &[Case<'_>], verdicts: &[Verdict]) {
    assert_eq!(cases.len(), verdicts.len(), "{judge} has not judged all");
    let exceptions: Vec<&Exception> = EXCEPTIONS.iter().filter(|exception| exception.judge == judge).collect();
    let mut used = vec![0; exceptions.len()];
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for (case, verdict) in cases.iter().zip(verdicts) {
        let exception = exceptions.iter().position(|exception| (exception.cases)(case));
        let expected = case.is_good() && exception.is_none();
        if let Some(exception) = exception {
            used[exception] += usize::from(case.is_good());
        } else {
            *counts.entry(case.wrong).or_insert(0) += 1;
        }
        if verdict.ok != expected {
            let should = if expected { "accept" } else { "refuse" };
            wrong.push(format!(
                "should {should} {}\n    it says: {}",
                case.describe(),
                verdict.why.trim()
            ));
        }
    }
    println!("{judge}: {} verdicts, as they should be: {counts:?}", cases.len());
    for (exception, used) in exceptions.iter().zip(&used) {
        println!("{judge}: {used} good ones refused: {}", exception.why);
    }
    assert!(
        wrong.is_empty(),
        "{judge}, {} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    // A wish for other chains may be one for few.
    if std::env::var_os("KHW_JUDGES").is_none() {
        for (exception, used) in exceptions.iter().zip(&used) {
            assert!(*used > 0, "{judge} needs no exception: {}", exception.why);
        }
        for wrong in [
            Wrong::Nothing,
            Wrong::Name,
            Wrong::Purpose,
            Wrong::Root,
            Wrong::Missing,
            Wrong::Early,
            Wrong::Late,
            Wrong::Signature,
        ] {
            assert!(
                counts.get(&wrong).is_some_and(|count| *count > 10),
                "{judge} saw too few of {wrong:?}"
            );
        }
    }
}

static CHAINS: LazyLock<Vec<Chain>> = LazyLock::new(|| {
    let mut chains = chains_of_the_program();
    chains.extend(random_chains());
    chains
});

fn all_cases() -> Vec<Case<'static>> {
    CHAINS.iter().flat_map(cases).collect()
}

#[test]
fn openssl_judges_every_chain() {
    if let Some(path) = program("openssl", "OpenSSL judges every chain") {
        let cases = all_cases();
        hold("OpenSSL", &cases, &openssl(&path, &cases));
    }
}

#[test]
fn gnutls_judges_every_chain() {
    let test = "GnuTLS judges every chain";
    if let (Some(certtool), Some(_)) = (program("certtool", test), program("faketime", test)) {
        let cases = all_cases();
        hold("GnuTLS", &cases, &gnutls(&certtool, &cases));
    }
}

#[test]
fn rustls_webpki_judges_every_chain() {
    let cases = all_cases();
    hold("rustls-webpki", &cases, &webpki(&cases));
}

#[test]
fn pyca_judges_every_chain() {
    if let Some(python) = python("PyCA's cryptography judges every chain") {
        let mut command = Command::new(python);
        command.arg(project().join("tests/judges/pyca.py"));
        // It can't be asked whether a certificate is any server's.
        let cases: Vec<Case<'_>> = all_cases()
            .into_iter()
            .filter(|case| case.purpose == "client" || !case.name.is_empty())
            .collect();
        let verdicts = script(&mut command, &cases, |case| match needs_no_alternative_names(case) {
            true => vec!["alternative names"],
            false => Vec::new(),
        });
        hold("PyCA", &cases, &verdicts);
    }
}

#[test]
fn go_judges_every_chain() {
    if let Some(judge) = program("judge-x509", "Go's crypto/x509 judges every chain") {
        let cases = all_cases();
        let verdicts = script(&mut Command::new(judge), &cases, |_| Vec::new());
        hold("Go", &cases, &verdicts);
    }
}

// --- keys, judged --------------------------------------------------------------------------------------------------------

/// The checks of badkeys that need no list from the network.
const BADKEYS: &str = "fermat,roca,rsainvalid,rsapoly,sharedprimes,smalld,smallfactors,rsabias,pattern,xzbackdoor";

/// 200 RSA keys of one seed, as a cluster's are.
static TWO_HUNDRED: LazyLock<Vec<KeyPair>> = LazyLock::new(|| {
    let numbers = (0..200).into_par_iter();
    numbers
        .map(|number| key(&format!("node/node{number}"), rsa(2048)))
        .collect()
});

fn modulus(key: &KeyPair) -> U2048 {
    let public = pkcs1::RsaPublicKeyRef::try_from(key.public().subject_public_key.as_slice()).expect("an RSA key");
    U2048::from_be_slice(public.modulus.as_bytes())
}

/// p and q.
fn primes(key: &KeyPair) -> (U1024, U1024) {
    let der = pem::parse(key.to_pem().expose()).expect("PEM").into_contents();
    let private = pkcs1::RsaPrivateKeyRef::try_from(der.as_slice()).expect("an RSA key");
    let number = |number: pkcs1::UintRef<'_>| U1024::from_be_slice(number.as_bytes());
    (number(private.prime1), number(private.prime2))
}

/// The pairs of moduli with a common factor.
fn pairs_with_a_common_factor(moduli: &[U2048]) -> Vec<(usize, usize)> {
    let pairs: Vec<(usize, usize)> = (0..moduli.len())
        .flat_map(|first| (first + 1..moduli.len()).map(move |second| (first, second)))
        .collect();
    let pairs = pairs.into_par_iter();
    pairs
        .filter(|&(first, second)| moduli[first].gcd_vartime(&moduli[second]) != U2048::ONE)
        .collect()
}

#[test]
fn no_two_moduli_share_a_factor() {
    let moduli: Vec<U2048> = TWO_HUNDRED.iter().map(modulus).collect();
    assert_eq!(pairs_with_a_common_factor(&moduli), []);
    // It does find one: a prime of the first with one of the last.
    let product = |(p, q): (U1024, U1024)| p.concatenating_mul(&q);
    let ((p, q), (_, other)) = (primes(&TWO_HUNDRED[0]), primes(&TWO_HUNDRED[199]));
    assert_eq!(product((p, q)), moduli[0], "the primes are the key's");
    assert_eq!(
        pairs_with_a_common_factor(&[moduli[0], moduli[1], product((p, other))]),
        [(0, 2)]
    );
}

#[derive(Deserialize)]
struct BadkeysLine {
    #[serde(rename = "type")]
    algorithm: String,
    bits: u32,
    results: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "where")]
    file: String,
}

#[test]
fn badkeys_finds_nothing() {
    let Some(python) = python("badkeys finds nothing in 200 RSA keys") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let judge = |name: &str, keys: &[Vec<u8>]| -> Vec<BadkeysLine> {
        let mut command = Command::new(python.with_file_name("badkeys"));
        command.env("HOME", folder.path()).args(["-a", "-j", "-c", BADKEYS]);
        for (number, spki) in keys.iter().enumerate() {
            let path = folder.path().join(format!("{name}{number}.pem"));
            fs::write(&path, to_pem("PUBLIC KEY", spki)).expect("a file");
            command.arg(path);
        }
        let output = run(&mut command);
        let lines: Vec<BadkeysLine> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        assert_eq!(lines.len(), keys.len(), "{}", said(&output));
        for line in &lines {
            assert!(
                (line.algorithm.as_str(), line.bits) == ("rsa", 2048),
                "{}: {} {}",
                line.file,
                line.algorithm,
                line.bits
            );
        }
        lines
    };
    let spkis: Vec<Vec<u8>> = TWO_HUNDRED.iter().map(|key| key.public().spki_der()).collect();
    for line in judge("derived", &spkis) {
        assert!(line.results.is_empty(), "{}: {:?}", line.file, line.results);
    }
    // It does find weak keys: the product of a prime and its neighbour.
    let (p, _) = primes(&TWO_HUNDRED[0]);
    let weak: U2048 = p.concatenating_mul(&p.wrapping_add(&U1024::from_u8(2)));
    let spki = &spkis[0];
    let good = modulus(&TWO_HUNDRED[0]).to_be_bytes();
    let at = spki
        .windows(256)
        .position(|window| window == good.as_ref())
        .expect("the modulus");
    let weak = [&spki[..at], weak.to_be_bytes().as_ref(), &spki[at + 256..]].concat();
    let found = judge("weak", &[weak]).remove(0).results;
    assert!(found.contains_key("fermat"), "{found:?}");
}

#[derive(Serialize)]
struct KeyRequest {
    #[serde(rename = "Algorithm")]
    algorithm: String,
    #[serde(rename = "Seed")]
    seed: String,
}

#[test]
fn filippo_io_keygen_makes_the_same_keys() {
    let Some(judge) = program("judge-keygen", "filippo.io/keygen makes the same keys") else {
        return;
    };
    // More than one round of rejection comes up only with many seeds; RSA keys take their time.
    let asked = [(P256, 60), (P384, 60), (P521, 60), (rsa(2048), 12), (rsa(3072), 3)];
    let asked: Vec<(Algorithm, Zeroizing<[u8; 32]>)> = asked
        .into_iter()
        .flat_map(|(algorithm, count)| {
            (0..count).map(move |number| (algorithm, derived(&format!("{number}"), algorithm)))
        })
        .collect();
    let requests: Vec<KeyRequest> = asked
        .iter()
        .map(|(algorithm, seed)| KeyRequest {
            algorithm: algorithm.to_string(),
            seed: Base64::encode_string(seed.as_slice()),
        })
        .collect();
    let theirs: Vec<String> = ask(&mut Command::new(judge), &requests);
    assert_eq!(theirs.len(), asked.len());
    let differ: Vec<String> = asked
        .par_iter()
        .zip(&theirs)
        .filter(|((algorithm, seed), theirs)| {
            let ours = KeyPair::from_seed(*algorithm, seed).expect("a key");
            let ours = pem::parse(ours.to_pem().expose()).expect("PEM").into_contents();
            ours != Base64::decode_vec(theirs).expect("base64")
        })
        .map(|((algorithm, seed), _)| format!("{algorithm} of {:02x?}", seed.as_slice()))
        .collect();
    println!("filippo.io/keygen: {} keys, {} differ", asked.len(), differ.len());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
