//! What is fuzzed: one function for each parser, which must return for any input, and what must hold of what it says.
//!
//! The fuzz targets and `tests/fuzzed.rs` share this file: an input that once broke something is a test from then on.
#![allow(dead_code, reason = "each fuzz target uses its own function")]

use std::io::Write;
use std::sync::LazyLock;

use khw_gen::audit::{Detail, audit, inventory, inventory_json, inventory_text, render_json, render_text};
use khw_gen::diagnostic::{self, Severity};
use khw_gen::facts::{Facts, facts};
use khw_gen::found::{Found, FoundNode, FoundNodes, from_archive, from_folder, unpack};
use khw_gen::handover::bundle_of;
use khw_gen::input::{Files, GivenFiles, SourceText, Unreadable, built_in_files, check};
use khw_gen::pki::authority::AuthorityCertificate;
use khw_gen::pki::decode::describe_pem;
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::inspect::{Item, TlsRole, items, judge_chain};
use khw_gen::pki::sealing::{Opener, Recipient};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::shares::{self, Share};
use khw_gen::pki::signing::{AllowedSigners, OutputSigner};
use khw_gen::pki::x509::to_pem;
use khw_gen::plan::plan;
use khw_gen::{as_found, bundles, catalog, own_template};
use time::OffsetDateTime;
use time::macros::datetime;
use zeroize::Zeroizing;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 7] = [
    ("cluster_toml", cluster_toml),
    ("cfssl_json", cfssl_json),
    ("pem_der", pem_der),
    ("own_template", own_template),
    ("unit_and_documents", unit_and_documents),
    ("archive", archive),
    ("handed_over", handed_over),
];

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

const SINGLE_NODE: &str = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n[[hosts]]\nname = \"edge1\"\nip = \"10.13.0.11\"\n\
                           roles = [\"control-plane\", \"etcd\", \"worker\"]\n";

/// A host that nothing is wrong with: path in its bundle -> what is there.
static GOOD: LazyLock<FoundNodes> = LazyLock::new(|| {
    // To make an RSA key takes seconds where every instruction is watched.
    let name = "service-account-csr.json";
    let request = "{ \"CN\": \"service-accounts\", \"key\": { \"algo\": \"ecdsa\", \"size\": 256 } }";
    let files = GivenFiles::new(SINGLE_NODE).with(format!("csr/{name}"), request);
    let checked = check(&files).expect("a good specification");
    let seed = Seed::from_bytes(Zeroizing::new(core::array::from_fn(|at| at as u8 ^ 0x5a)));
    let bundles = bundles(&checked.cluster, &seed).expect("a good bundle");
    let entries = bundles.iter().flat_map(|(_, bundle)| &bundle.entries);
    entries.map(|(path, entry)| (path.clone(), as_found(entry))).collect()
});

/// The content of a file of [`GOOD`].
pub fn good(path: &str) -> Vec<u8> {
    match GOOD.get(path) {
        Some(FoundNode::File { content, .. }) => content.expose().to_vec(),
        other => panic!("{path} is {other:?}"),
    }
}

/// The paths of the files of [`GOOD`], of which the first byte of an input chooses one.
pub fn good_files() -> Vec<&'static str> {
    let files = GOOD.iter().filter(|(_, node)| matches!(node, FoundNode::File { .. }));
    files.map(|(path, _)| path.as_str()).collect()
}

/// [`GOOD`] with few keys, in files and in kubeconfigs: to read each costs arithmetic, at every input again.
static QUICK: LazyLock<FoundNodes> = LazyLock::new(|| {
    let is_kept = |path: &str| match path {
        _ if path.ends_with("-key.pem") => path.ends_with("/apiserver-key.pem"),
        _ if path.ends_with("kubeconfig") => path.ends_with("/kubelet/kubeconfig"),
        _ => true,
    };
    let mut nodes = GOOD.clone();
    nodes.retain(|path, _| is_kept(path));
    nodes
});

fn file(mode: u32, content: &[u8]) -> FoundNode {
    FoundNode::File {
        mode: Some(mode),
        root_owned: None,
        content: SecretBytes::from(content),
    }
}

/// The names of the CSR files that [`cfssl_json`] chooses from.
pub fn csr_names() -> impl Iterator<Item = &'static str> {
    let layout = catalog::layouts::Layout::Split;
    built_in_files(layout).into_iter().map(|(name, _)| name)
}

// --- specifications ----------------------------------------------------------------------------------------------------

/// A whole specification, of which the input is cluster.toml. The other files that it names are good ones.
pub fn cluster_toml(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check_and_tell(&WithGoodFiles(SourceText {
        name: "cluster.toml".to_owned(),
        text: text.to_owned(),
    }));
}

/// A cluster.toml, and whatever else it asks for.
struct WithGoodFiles(SourceText);

impl Files for WithGoodFiles {
    fn main(&self) -> &SourceText {
        &self.0
    }

    fn name(&self, path: &str) -> String {
        path.to_owned()
    }

    fn list(&self, folder: &str) -> Result<Vec<Result<String, Unreadable>>, Unreadable> {
        // Where none is named there is none.
        let files = built_in_files(catalog::layouts::Layout::Single).into_iter();
        let names = files.filter(|_| folder != "csr").map(|(name, _)| (*name).to_owned());
        Ok(names.map(Ok).collect())
    }

    fn text(&self, path: &str) -> Result<String, Unreadable> {
        let template = "{{ host.name }}\n{% for one in cluster.names %}{{ one }}{% endfor %}\n";
        let mut files = built_in_files(catalog::layouts::Layout::Single).into_iter();
        let found = files.find(|(name, _)| path.ends_with(&format!("/{name}")));
        Ok(found.map_or(template, |(_, text)| text).to_owned())
    }

    fn certificate(&self, _: &str) -> Result<SecretBytes, Unreadable> {
        Ok(good(CA).into())
    }

    fn key(&self, _: &str) -> Result<Option<SecretBytes>, Unreadable> {
        Ok(Some(good(CA_KEY).into()))
    }
}

const CA: &str = "rootfs/var/lib/kubernetes/ca.pem";
const CA_KEY: &str = "rootfs/var/lib/kubernetes/ca-key.pem";

/// A good cluster.toml, and the input as the CSR file that its first byte chooses.
pub fn cfssl_json(input: &[u8]) {
    let Some((first, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let names: Vec<&str> = csr_names().collect();
    let name = names[usize::from(*first) % names.len()];
    check_and_tell(&GivenFiles::new(SINGLE_NODE).with(format!("csr/{name}"), text));
}

/// A good cluster.toml with a file of the user's own, of which the input is the template.
pub fn own_template(input: &[u8]) {
    static FACTS: LazyLock<Facts> = LazyLock::new(|| {
        let checked = check(&GivenFiles::new(SINGLE_NODE)).expect("a good specification");
        facts(&checked.cluster, &checked.cluster.hosts[0])
    });
    let Ok(text) = std::str::from_utf8(input) else { return };
    let rendered = own_template::render(text, &FACTS);
    let problems = own_template::problems(text, &FACTS);
    assert_eq!(
        rendered.is_ok(),
        problems.is_empty(),
        "what can't be rendered is a problem"
    );
    for problem in &problems {
        assert!(text.get(problem.span.clone()).is_some(), "no place: {problem:?}");
    }
    // A whole check takes much longer than all of that.
    if text.len() % 16 != 0 {
        return;
    }
    let cluster = format!("{SINGLE_NODE}[[files]]\non = \"all\"\nat = \"/etc/a\"\ntemplate = \"a.j2\"\n");
    check_and_tell(&GivenFiles::new(cluster).with("a.j2", text));
}

fn check_and_tell(files: &dyn Files) {
    let told = match check(files) {
        Ok(checked) => {
            let plan = plan(&checked.cluster);
            assert!(!plan.certificates.is_empty());
            for host in &checked.cluster.hosts {
                let _ = facts(&checked.cluster, host);
            }
            assert!(checked.remarks.iter().all(|one| one.severity != Severity::Error));
            checked.remarks
        }
        Err(told) => {
            assert!(
                told.iter().any(|one| one.severity == Severity::Error),
                "refused in silence"
            );
            told
        }
    };
    for one in &told {
        let place = one.place.as_ref();
        assert!(
            place.is_none_or(|place| place.file.text.get(place.span.clone()).is_some()),
            "a place that is not in its file: {one:?}"
        );
    }
    assert_steers_no_terminal(&diagnostic::render_text(&told));
    assert_is_json(&diagnostic::render_json(&told));
}

fn assert_steers_no_terminal(text: &str) {
    let bad = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(bad, None, "a control character is printed: {text:?}");
}

fn assert_is_json(text: &str) {
    assert!(
        serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        "no JSON: {text}"
    );
}

// --- what others made --------------------------------------------------------------------------------------------------

/// The labels under which [`pem_der`] reads an input as DER.
pub const LABELS: [&str; 7] = [
    "CERTIFICATE",
    "CERTIFICATE REQUEST",
    "PUBLIC KEY",
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "NEW CERTIFICATE REQUEST",
];

/// A PEM text; or, where the first byte is below 7, the DER in one.
pub fn pem_der(input: &[u8]) {
    let pem = match input.split_first() {
        Some((first, der)) if usize::from(*first) < LABELS.len() => {
            to_pem(LABELS[usize::from(*first)], der).into_bytes()
        }
        _ => input.to_vec(),
    };
    let read = items(&pem);
    let described = describe_pem(&pem);
    assert_eq!(
        described.is_some(),
        !read.is_empty(),
        "both readers see the same blocks"
    );
    assert_steers_no_terminal(&described.unwrap_or_default());
    let _ = AuthorityCertificate::from_pem(&pem);
    let ca = items(&good(CA));
    let Some(Item::Certificate(ca)) = ca.first() else {
        panic!("no authority")
    };
    for item in &read {
        if let Item::Certificate(one) = item {
            let _ = (one.is_self_issued(), one.has_broken_digest(), one.covers("localhost"));
            for issuer in [one, ca] {
                let _ = (one.names_as_issuer(issuer), one.is_signed_by(issuer));
                let _ = judge_chain(one, &[], &[issuer], AT, TlsRole::Server);
            }
        }
    }
    // And as files of a host, where they are judged with each other.
    tell(&from_folder(
        "x",
        FoundNodes::from([("ca.pem".to_owned(), file(0o644, &pem))]),
    ));
}

/// A good host, but for the file that the first byte chooses: its content is the input.
pub fn unit_and_documents(input: &[u8]) {
    let Some((first, content)) = input.split_first() else {
        return;
    };
    let files = good_files();
    let mut nodes = QUICK.clone();
    nodes.insert(
        files[usize::from(*first) % files.len()].to_owned(),
        file(0o600, content),
    );
    tell(&from_folder("edge1", nodes));
}

/// An archive, of which the first byte says how it is read: as it is; as a tar whose headers get the sum that they need; as
/// such a tar in gzip; as it is, beside a folder of its name; such a tar in zstd.
pub fn archive(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let found = match first % 5 {
        0 => from_archive("edge1.zip", bytes),
        1 => from_archive("edge1.tar", &with_sums(bytes)),
        2 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
            gzip.write_all(&with_sums(bytes)).expect("memory");
            from_archive("edge1.tar.gz", &gzip.finish().expect("memory"))
        }
        4 => {
            let packed = zstd::bulk::compress(&with_sums(bytes), 1).expect("memory");
            from_archive("edge1.tar.zst", &packed)
        }
        _ => {
            let mut nodes = FoundNodes::from([
                ("edge1.tar".to_owned(), file(0o600, &with_sums(bytes))),
                ("edge1".to_owned(), FoundNode::Directory { mode: Some(0o755) }),
            ]);
            nodes.extend(
                QUICK
                    .iter()
                    .filter(|(path, _)| path.len() < 30)
                    .map(|(path, node)| (format!("edge1/{path}"), node.clone())),
            );
            from_folder("out", nodes)
        }
    };
    tell(&found);
}

/// What comes from elsewhere with an archive, of which the first byte says what it is: a share, signers, a signature, a sealed file,
/// identities, recipients, the archive itself.
pub fn handed_over(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    match first % 7 {
        0 => match Share::parse(bytes) {
            Ok(share) => drop(shares::join(&[
                Share::parse(share.to_text().expose()).expect("its own text")
            ])),
            Err(error) => assert_steers_no_terminal(&error.to_string()),
        },
        1 => drop(AllowedSigners::parse(&text)),
        2 => drop(SIGNER.verify(b"sums", &text)),
        3 => {
            // A passphrase's work is the same whatever the rest is, and there is no time for it.
            let mut keys = Opener::new(|_| Err("nobody knows".to_owned()));
            let identity = SecretBytes::from(IDENTITY.as_bytes());
            keys.add_identities("key", &identity).expect("an identity");
            if let Err(error) = keys.open("it", bytes) {
                assert_steers_no_terminal(&error.to_string());
            }
        }
        4 => drop(Opener::none().add_identities("key", &SecretBytes::from(bytes))),
        5 => drop(Recipient::list(&text)),
        _ => {
            if let Err(why) = bundle_of("edge1", unpack(&with_sums(bytes))) {
                assert_steers_no_terminal(&why);
            }
        }
    }
}

/// An identity that anybody knows, and whom it is of.
pub const IDENTITY: &str = "AGE-SECRET-KEY-1VJQ2PVZUY6SDHUFY3LCEJ8W92GQNSXSNNLHCNKLQ0D3PZGMJNTHQ7XF26S";
pub const RECIPIENT: &str = "age1tftfh5f0tjcurerwvfrzmhlwqte89jr0wf7psn0kxyntfshq448qf3dlu6";

/// A signer whom anybody can be.
pub fn signer() -> OutputSigner {
    OutputSigner::new(&Seed::stand_in(1), "demo").expect("a signer")
}

static SIGNER: LazyLock<AllowedSigners> = LazyLock::new(|| {
    let line = signer().allowed_signers_line().expect("a line");
    AllowedSigners::parse(&line).expect("signers")
});

/// The checksum of every header of a tar set right: a fuzzer can't guess it.
fn with_sums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for header in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fn tell(found: &Found) {
    let findings = audit(found, AT);
    assert_steers_no_terminal(&render_text(&findings));
    assert_is_json(&render_json(&findings, None));
    // The inventory of a whole host is read from certificates alone.
    if found.hosts.iter().map(|host| host.files.len()).sum::<usize>() < 20 {
        let rows = inventory(found, AT);
        for detail in [Detail::Short, Detail::Wide] {
            assert_steers_no_terminal(&inventory_text(&rows, AT, detail, None));
        }
        assert_is_json(&inventory_json(&rows, AT));
    }
}
