//! The whole output of every specification in `specs/`, byte for byte: what is missing, what is unexpected and what is different are told apart.
//!
//! `golden/CASE` is the output of `specs/CASE` as it lies on disk, without the archives (their digests are in MANIFEST and SHA256SUMS),
//! and beside each PEM file that is not secret a decoded text. Modes are in MANIFEST. Many hosts have the same scripts: each text stands
//! once, in `golden/scripts`, its end apart where texts differ in their beginning alone, and in each host's folder one line says which it
//! is. `make bless` writes it all anew.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use khw_gen::manifest::STATE;
use khw_gen::pki::decode::describe_pem;
use khw_gen::pki::digest::sha256_hex;
use support::{build, files_below, mode, project, walkthrough};

const DECODED: &str = ".txt";

/// The specifications, by the name of their folder.
fn cases() -> Vec<String> {
    let entries = fs::read_dir(project().join("specs")).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The output as a golden: no archives, nothing that is another with each change of the program, and a text beside each certificate and request.
fn as_golden(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_below(out);
    files.retain(|name, _| !name.ends_with(".tar.gz") && name != STATE);
    let decoded: Vec<(String, Vec<u8>)> = files
        .iter()
        .filter(|(name, _)| (name.ends_with(".pem") || name.ends_with(".csr")) && !name.ends_with("-key.pem"))
        .map(|(name, bytes)| {
            let text = describe_pem(bytes).unwrap_or_else(|| panic!("{name} can't be decoded"));
            (format!("{name}{DECODED}"), text.into_bytes())
        })
        .collect();
    files.extend(decoded);
    files
}

/// `files` with each text of a script once, by the name of the first host that has it, and a line with its digest wherever it would stand.
/// What all texts of a script end with stands once as well, in a file of its own.
fn scripts_once(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut scripts: BTreeMap<String, BTreeMap<Vec<u8>, String>> = BTreeMap::new();
    for (name, bytes) in &mut files {
        let Some((host, script)) = name.strip_suffix(".sh").and_then(|stem| stem.rsplit_once('/')) else {
            continue;
        };
        let host = host.split_once("/rootfs").map_or(host, |(host, _)| host);
        let text = std::mem::take(bytes);
        let sum = sha256_hex(&text);
        let texts = scripts.entry(script.to_owned()).or_default();
        let once = texts
            .entry(text)
            .or_insert_with(|| format!("scripts/{script}-{}.sh", host.replace('/', "-")));
        *bytes = format!("# The text of golden/{once}, SHA-256 {sum}\n").into_bytes();
    }
    for (script, texts) in scripts {
        let end = match texts.len() {
            1 => Vec::new(),
            _ => common_end(texts.keys().map(Vec::as_slice)),
        };
        let end_once = format!("scripts/{script}-end.sh");
        for (text, name) in texts {
            let mut own = text[..text.len() - end.len()].to_vec();
            if !end.is_empty() {
                own.extend(format!("# Here follows golden/{end_once}\n").into_bytes());
            }
            files.insert(name, own);
        }
        if !end.is_empty() {
            files.insert(end_once, end);
        }
    }
    files
}

/// The lines that all texts end with.
fn common_end<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<u8> {
    let common = texts.map(<[u8]>::to_vec).reduce(|one, other| {
        let same = one
            .iter()
            .rev()
            .zip(other.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        one[one.len() - same..].to_vec()
    });
    let common = common.unwrap_or_default();
    // What stands before the first line end may be a part of a line.
    let from = common
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(common.len(), |at| at + 1);
    common[from..].to_vec()
}

#[test]
fn every_specification_compiles_to_its_golden() {
    let mut made = BTreeMap::new();
    for case in cases() {
        let (_folder, out) = build(&project().join("specs").join(&case).join("cluster.toml"));
        made.extend(
            as_golden(&out)
                .into_iter()
                .map(|(name, bytes)| (format!("{case}/{name}"), bytes)),
        );
    }
    let made = scripts_once(made);
    let golden = project().join("golden");
    if std::env::var_os("KHW_BLESS").is_some() {
        bless(&golden, &made);
    }
    let expected = files_below(&golden);
    let mut wrong = Vec::new();
    for name in expected.keys().filter(|name| !made.contains_key(*name)) {
        wrong.push(format!("missing:    {name}"));
    }
    for (name, bytes) in &made {
        match expected.get(name) {
            None => wrong.push(format!("unexpected: {name}")),
            Some(golden) if golden != bytes => wrong.push(format!("different:  {name}")),
            Some(_) => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "the output is not the golden. If the change is meant, look at it after `make bless` and `git diff golden`.\n{}",
        wrong.join("\n")
    );
}

fn bless(folder: &Path, made: &BTreeMap<String, Vec<u8>>) {
    assert!(
        std::env::var_os("CI").is_none(),
        "goldens are blessed by people, who look at them, not by CI"
    );
    let before = if folder.exists() {
        files_below(folder)
    } else {
        BTreeMap::new()
    };
    for name in before.keys().filter(|name| !made.contains_key(*name)) {
        println!("removed {name}");
        fs::remove_file(folder.join(name)).expect("an old golden goes");
    }
    for (name, bytes) in made.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)) {
        println!("{} {name}", if before.contains_key(name) { "changed" } else { "added" });
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a golden");
    }
}

#[test]
fn the_manifests_say_what_is_on_disk() {
    let (_folder, out) = build(&walkthrough());
    let manifest = fs::read_to_string(out.join("MANIFEST")).expect("a manifest");
    let mut listed = Vec::new();
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        let (bits, rest) = line.split_once(' ').expect("a mode");
        let (_, path) = rest.split_once(' ').expect("a sum");
        assert_eq!(format!("{:04o}", mode(&out.join(path))), bits, "{path}");
        listed.push(path.to_owned());
    }
    let plain = |path: &String| path.trim_end_matches('/').to_owned();
    assert!(listed.is_sorted_by_key(plain), "MANIFEST is sorted by path");
    let files: Vec<String> = listed.into_iter().filter(|path| !path.ends_with('/')).collect();
    let on_disk: Vec<String> = files_below(&out)
        .into_keys()
        .filter(|name| !["MANIFEST", "SHA256SUMS", STATE].contains(&name.as_str()))
        .collect();
    assert_eq!(files, on_disk);
    support::must(
        std::process::Command::new("sha256sum")
            .args(["-c", "--quiet", "SHA256SUMS"])
            .current_dir(&out),
    );
}
