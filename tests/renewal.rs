//! `khw-gen renew`: the edit that it proposes, as `patch` applies it, what the edited cluster is built to, and what has to be done.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use khw_gen::audit;
use khw_gen::found::Found;
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::inspect::{Certificate, Item, items};
use khw_gen::{disk, found_of, input};
use support::{SEED, Spec, khw_gen, program, run, said};
use time::OffsetDateTime;
use time::macros::datetime;

const HOSTS: [&str; 3] = [
    "lb 10.1.0.9 load-balancer",
    "cp1 10.1.0.11 control-plane etcd",
    "w1 10.1.0.21 worker",
];
const ISSUED: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const RENEWED: OffsetDateTime = datetime!(2026-10-01 00:00 UTC);
const AT: &str = "2026-10-01T00:00:00Z";

fn spec(extra: &str) -> Spec {
    Spec::new(&HOSTS, &format!("layout = \"split\"\n{extra}"))
}

fn made(spec: &Spec) -> Found {
    let sources = disk::Specification::open(&spec.path()).expect("the specification");
    let checked = input::check(&sources).unwrap_or_else(|findings| panic!("it is valid: {findings:?}"));
    let seed = Seed::parse(&SEED).expect("a seed").seed;
    found_of(&checked.cluster, Some(&seed)).expect("an output").0
}

/// Each hunk of a patch has as many lines as its head says: git takes no other.
fn expect_whole(patch: &str) {
    let lines: Vec<&str> = patch.lines().skip(2).collect();
    let heads = lines.iter().enumerate().filter(|(_, line)| line.starts_with("@@ "));
    let heads: Vec<usize> = heads.map(|(at, _)| at).collect();
    assert!(!heads.is_empty(), "{patch}");
    for (index, at) in heads.iter().enumerate() {
        let end = heads.get(index + 1).copied().unwrap_or(lines.len());
        let count = |word: &str| -> usize {
            word.split_once(',')
                .map_or("1", |(_, count)| count)
                .parse()
                .expect("a number")
        };
        let words: Vec<&str> = lines[*at].split(' ').collect();
        // A blank line of the text stands there without its sign.
        let is_of = |line: &&&str, signs: [char; 2]| line.is_empty() || line.starts_with(signs);
        let of = |signs| lines[at + 1..end].iter().filter(|line| is_of(line, signs)).count();
        assert_eq!(
            (of(['-', ' ']), of(['+', ' '])),
            (count(words[1]), count(words[2])),
            "{patch}"
        );
    }
}

/// Applies what `renew` proposes, as its help has it.
fn renew(spec: &Spec) -> Option<String> {
    let patch = program("patch", "what khw-gen renew proposes")?;
    let output = run(khw_gen().arg("renew").arg(spec.path()).args(["--at", AT, "--patch"]));
    assert!(output.status.success(), "{}", said(&output));
    expect_whole(&String::from_utf8_lossy(&output.stdout));
    let mut applied = Command::new(patch)
        .arg(spec.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("patch");
    applied
        .stdin
        .take()
        .expect("its input")
        .write_all(&output.stdout)
        .expect("patch reads");
    assert!(applied.wait().expect("patch").success(), "{}", said(&output));
    Some(fs::read_to_string(spec.path()).expect("the edited text"))
}

/// The first certificate of every PEM file, by `host:path`.
fn certificates(found: &Found) -> BTreeMap<String, Arc<Certificate>> {
    let files = found.hosts.iter().flat_map(|host| {
        let pem = host.files.iter().filter(|(path, _)| path.ends_with(".pem"));
        pem.map(move |(path, file)| (format!("{}:{path}", host.name), items(file.content.expose())))
    });
    files
        .filter_map(|(place, items)| match items.into_iter().next()? {
            Item::Certificate(certificate) => Some((place, certificate)),
            _ => None,
        })
        .collect()
}

/// What was to be renewed was, for the same key, and what was to stay did.
fn expect_renewed(before: &Found, after: &Found, is_renewed: impl Fn(&str, &Certificate) -> bool) {
    let (before, after) = (certificates(before), certificates(after));
    assert!(before.keys().eq(after.keys()) && before.len() > 10);
    for (place, old) in &before {
        let new = &after[place];
        assert_eq!(old.public_key, new.public_key, "{place}");
        match is_renewed(place, old) {
            true => assert_eq!(new.not_before - old.not_before, RENEWED - ISSUED, "{place}"),
            false => assert_eq!(old.fingerprint, new.fingerprint, "{place}"),
        }
    }
}

#[test]
fn the_edit_fits_however_the_dates_are_written() {
    let text = fs::read_to_string(spec("").path()).expect("cluster.toml");
    let dated = |of: &str| format!("{of} = 2025-11-01T00:00:00Z");
    let forms: Vec<(String, usize)> = vec![
        (text.clone(), 0),
        (text.replace('\n', "\n# a remark\n"), 0),
        (
            text.replace("\"2026-01-01T00:00:00Z\"", "2026-01-01T00:00:00Z # native"),
            0,
        ),
        (text.replace("\"2026-01-01T00:00:00Z\"", "'2026-01-01T00:00:00Z'"), 0),
        (
            text.replace(
                "[pki]\nissued = \"2026-01-01T00:00:00Z\"\nseed = \"seed\"\nlayout = \"split\"\n",
                "pki = { issued = \"2026-01-01T00:00:00Z\", seed = \"seed\", layout = \"split\" }\n",
            ),
            0,
        ),
        (
            text.replace(
                "[pki]\nissued = \"2026-01-01T00:00:00Z\"\nseed = \"seed\"\nlayout = \"split\"\n",
                "pki.seed = \"seed\"\npki.layout = \"split\"\npki.issued = \"2026-01-01T00:00:00Z\"\n",
            ),
            0,
        ),
        (
            text.replacen(
                "[[hosts]]",
                &format!("[pki.authorities_issued]\n  {} # the oldest\n[[hosts]]", dated("ca")),
                1,
            ),
            1,
        ),
        (
            text.replacen(
                "layout",
                &format!("authorities_issued = {{ {} }}\nlayout", dated("etcd-ca")),
                1,
            ),
            1,
        ),
        (text.trim_end().to_owned(), 0),
        (text.replace('\n', "\r\n"), 0),
        (text.replacen("\n[[hosts]]", "\n[encryption]\nprovider = \"secretbox\"\n\n[[hosts]]", 1), 0),
        (text.replacen("\n[[hosts]]", "\n[pki.authorities_issued]\n\n[[hosts]]", 1), 0),
        (text.replacen("layout", "authorities_issued = {}\nlayout", 1), 0),
        (text.replacen("layout", &format!("authorities_issued.{}\nlayout", dated("ca")), 1), 1),
        (
            text.replace(
                "[pki]\nissued = \"2026-01-01T00:00:00Z\"\nseed = \"seed\"\nlayout = \"split\"\n",
                &format!("pki = {{ issued = \"2026-01-01T00:00:00Z\", seed = \"seed\", authorities_issued.{}, layout = \"split\" }}\n", dated("ca")),
            ),
            1,
        ),
    ];
    for (text, dated) in forms {
        let spec = spec("");
        fs::write(spec.path(), &text).expect("cluster.toml");
        let before = made(&spec);
        let Some(edited) = renew(&spec) else { return };
        assert!(edited.contains(AT), "{edited}");
        let after = made(&spec);
        expect_renewed(&before, &after, |_, certificate| !certificate.authority);
        let dates = edited.matches("2026-01-01T00:00:00Z").count();
        assert_eq!(dates, 3 - dated, "the authorities keep their dates: {edited}");
        let (windows, lines) = (edited.matches("\r\n").count(), edited.matches('\n').count());
        assert!(windows == 0 || windows == lines, "lines end alike: {edited:?}");
        let again = run(khw_gen().arg("renew").arg(spec.path()).args(["--at", AT]));
        assert_eq!(again.status.code(), Some(1), "{}", said(&again));
        assert!(said(&again).contains("nothing can be renewed"), "{}", said(&again));
    }
}

#[test]
fn an_authority_that_would_end_first_is_issued_anew_for_its_key() {
    let spec = spec("");
    let csr = spec.path().with_file_name("csr");
    fs::create_dir(&csr).expect("a folder");
    // The authority of etcd ends with what it signs now.
    fs::write(
        csr.join("etcd-ca-csr.json"),
        r#"{"CN": "etcd-ca", "key": {"algo": "ecdsa", "size": 256}, "ca": {"expiry": "8760h"}}"#,
    )
    .expect("a CSR file");
    let before = made(&spec);
    let told = run(khw_gen().arg("renew").arg(spec.path()).args(["--at", AT]));
    assert!(told.status.success(), "{}", said(&told));
    let told = said(&told);
    assert!(told.contains("Authority ca stays, and ends at 2035-12-"), "{told}");
    assert!(
        told.contains("Authority etcd-ca would end at 2026-12-31T23:55:00Z, before what it signs"),
        "{told}"
    );
    let Some(edited) = renew(&spec) else { return };
    assert!(!edited.contains("etcd-ca ="), "{edited}");
    let after = made(&spec);
    expect_renewed(&before, &after, |place, certificate| {
        !certificate.authority || place.ends_with("/etcd-ca.pem")
    });
    // Hosts of before and after run together: it is the same key.
    let apart = audit::beside(&before, &after, RENEWED);
    assert!(apart.is_empty(), "{}", audit::render_text(&apart));
}

#[test]
fn what_can_not_be_renewed_is_told_as_check_tells_it() {
    let own = spec("[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n");
    // An authority of somebody's that ends with what it signs now.
    let theirs = spec("");
    let csr = theirs.path().with_file_name("csr");
    fs::create_dir(&csr).expect("a folder");
    fs::write(
        csr.join("ca-csr.json"),
        r#"{"CN": "theirs", "key": {"algo": "ecdsa", "size": 256}, "ca": {"expiry": "8760h"}}"#,
    )
    .expect("a CSR file");
    let found = made(&theirs);
    let host = found.hosts.iter().find(|host| host.name == "cp1").expect("the host");
    for name in ["ca.pem", "ca-key.pem"] {
        own.secret(
            name,
            host.files[&format!("/var/lib/kubernetes/{name}")].content.expose(),
        );
    }
    let text = fs::read_to_string(own.path()).expect("cluster.toml");
    let output = run(khw_gen().arg("renew").arg(own.path()).args(["--at", AT]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("error[leaf-outlives-ca]"), "{}", said(&output));
    assert_eq!(
        fs::read_to_string(own.path()).expect("cluster.toml"),
        text,
        "nothing is written"
    );
}

/// The commands of every step, as `diff` gives them.
fn commands(old: &Path, new: &Path) -> String {
    let output = run(khw_gen().arg("diff").arg(old).arg(new));
    let text = said(&output);
    text[text.find("What to do").unwrap_or(0)..].to_owned()
}

/// What reads its files again has no restart; embedded kubeconfigs, and an older release of which it is not known, have.
#[test]
fn a_renewal_restarts_what_reads_its_files_at_the_start_alone() {
    let files = spec("kubeconfigs = \"files\"\n");
    let embedded = spec("");
    let older = spec("kubeconfigs = \"files\"\n[cluster]\nkubernetes = \"1.28\"\n");
    let steps = [&files, &embedded, &older].map(|spec| {
        let before = spec.path().with_file_name("before.toml");
        fs::copy(spec.path(), &before).expect("a copy");
        renew(spec).map(|_| commands(&before, &spec.path()))
    });
    let [Some(files), Some(embedded), Some(older)] = steps else {
        return;
    };
    assert!(!files.contains("systemctl"), "{files}");
    assert!(
        files.contains("sleep 330 # for kube-apiserver, kube-controller-manager, kube-proxy, kube-scheduler, kubelet"),
        "{files}"
    );
    for unit in ["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"] {
        assert!(
            embedded.contains(&format!("systemctl restart {unit}")),
            "{unit}: {embedded}"
        );
    }
    for unit in ["etcd", "kube-apiserver"] {
        assert!(
            !embedded.contains(&format!("systemctl restart {unit};")),
            "{unit}: {embedded}"
        );
    }
    assert!(older.contains("systemctl restart kube-apiserver"), "{older}");
    assert!(older.contains("systemctl restart kubelet"), "{older}");
}

#[test]
fn a_date_that_goes_back_is_minded() {
    let spec = spec("");
    let earlier = spec.path().with_file_name("earlier.toml");
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(&earlier, text.replace("2026-01-01", "2025-11-01")).expect("a text");
    let minded = "certificates were issued before those that are there";
    let told = |old: &Path, new: &Path| said(&run(khw_gen().arg("diff").arg(old).arg(new)));
    assert!(told(&spec.path(), &earlier).contains(minded));
    assert!(!told(&earlier, &spec.path()).contains(minded));
}

/// What a certificate of the user's own asks for is asked of the authority that signs it, and of no other.
#[test]
fn a_long_life_of_ones_own_is_the_matter_of_who_signs_it() {
    let spec = spec(
        "[[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\nprofile = \"long\"\n\
        [[certificates.places]]\non = \"cp1\"\ncertificate = \"/etc/metrics.pem\"\n",
    );
    let csr = spec.path().with_file_name("csr");
    fs::create_dir(&csr).expect("a folder");
    let request = r#"{"CN": "metrics", "hosts": ["metrics.example.org"], "key": {"algo": "ecdsa", "size": 256}}"#;
    fs::write(csr.join("metrics-csr.json"), request).expect("a CSR file");
    let built_in =
        input::built_in(khw_gen::catalog::layouts::Layout::Split, "ca-config.json").expect("the configuration");
    let long =
        r#""profiles": { "long": {"usages": ["signing", "key encipherment", "server auth"], "expiry": "85000h"},"#;
    assert!(built_in.contains(r#""profiles": {"#));
    fs::write(
        csr.join("ca-config.json"),
        built_in.replacen(r#""profiles": {"#, long, 1),
    )
    .expect("a configuration");
    let output = run(khw_gen().arg("renew").arg(spec.path()).args(["--at", AT]));
    assert!(output.status.success(), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("Authority ca would end at"), "{told}");
    assert!(
        told.contains("Authority etcd-ca stays") && told.contains("Authority front-proxy-ca stays"),
        "{told}"
    );
}
