//! The inputs that a fuzzer begins with, made from what the project has anyway: specifications, refused ones, templates, and
//! a good host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use khw_gen::bundle::{Bundle, Content};
use khw_gen::manifest::{About, add_manifest};
use khw_gen::pack::{ArchiveFormat, Packer, tar};
use khw_gen::pki::sealing::{seal_as_text, seal_for};
use khw_gen::pki::secret::SecretBytes;
use time::macros::datetime;

use crate::harness::{IDENTITY, LABELS, RECIPIENT, csr_names, good, good_files, signer};

/// Target -> inputs.
pub type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// The seeds of every target; `project` is the project's folder.
pub fn seeds(project: &Path) -> Seeds {
    let mut seeds = Seeds::new();
    let mut add = |target: &'static str, input: Vec<u8>| seeds.entry(target).or_default().push(input);
    for path in files_below(&project.join("specs"))
        .iter()
        .filter(|path| path.ends_with("cluster.toml"))
    {
        add("cluster_toml", read(path));
    }
    let names: Vec<&str> = csr_names().collect();
    let mut built_in = files_below(&project.join("src/catalog/layouts"));
    built_in.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    for (file, text) in rejected(project) {
        match file.strip_prefix("csr/") {
            Some(name) => add(
                "cfssl_json",
                with_choice(names.iter().position(|one| *one == name).unwrap_or(0), &text),
            ),
            None if file == "cluster.toml" => add("cluster_toml", text),
            None => add("own_template", text),
        }
    }
    for path in &built_in {
        let name = path.file_name().and_then(|name| name.to_str());
        let index = names.iter().position(|one| Some(*one) == name).unwrap_or(0);
        add("cfssl_json", with_choice(index, &read(path)));
    }
    for path in files_below(&project.join("src/templates")) {
        add("own_template", read(&path));
    }
    for path in files_below(&project.join("tests/corpus")) {
        let text = read(&path);
        if text.starts_with(b"-----BEGIN ") && text.len() < 8192 {
            add("pem_der", text);
        }
    }
    for (index, path) in good_files().into_iter().enumerate() {
        let content = good(path);
        add("unit_and_documents", with_choice(index, &content));
        if let Ok(block) = pem::parse(&content) {
            let label = LABELS.iter().position(|label| *label == block.tag()).unwrap_or(0);
            add("pem_der", with_choice(label, block.contents()));
            add("pem_der", content);
        }
    }
    let bundle = small_bundle();
    let at = datetime!(2026-01-01 00:00 UTC);
    let bytes = |format| {
        Packer::new(format, at)
            .pack("edge1", &bundle)
            .expect("an archive")
            .expect("an archive")
            .expose()
            .to_vec()
    };
    let tar = tar("edge1", &bundle, at).expect("an archive").expose().to_vec();
    add("archive", with_choice(0, &bytes(ArchiveFormat::Zip)));
    add("archive", with_choice(0, &bytes(ArchiveFormat::TarGz)));
    add("archive", with_choice(0, &bytes(ArchiveFormat::TarZst)));
    for choice in 0..5 {
        add("archive", with_choice(choice, &tar));
    }
    for share in String::from_utf8_lossy(&read(&project.join("docs/derivation.md")))
        .split("\n```share\n")
        .skip(1)
    {
        let text = share.split("\n```").next().unwrap_or_default();
        add("handed_over", with_choice(0, text.as_bytes()));
    }
    let allowed = signer().allowed_signers_line().expect("a line");
    add("handed_over", with_choice(1, allowed.as_bytes()));
    add(
        "handed_over",
        with_choice(2, signer().sign(b"sums").expect("a signature").as_bytes()),
    );
    let recipients = [RECIPIENT.parse().expect("a recipient")];
    let plain = SecretBytes::from(&b"sealed"[..]);
    add(
        "handed_over",
        with_choice(3, &seal_for(&recipients, &plain).expect("sealed")),
    );
    add(
        "handed_over",
        with_choice(3, &seal_as_text(&recipients, &plain).expect("sealed")),
    );
    add("handed_over", with_choice(4, IDENTITY.as_bytes()));
    add("handed_over", with_choice(5, RECIPIENT.as_bytes()));
    add("handed_over", with_choice(6, &tar));
    seeds
}

fn with_choice(choice: usize, rest: &[u8]) -> Vec<u8> {
    let mut input = vec![u8::try_from(choice).unwrap_or(0)];
    input.extend(rest);
    input
}

/// A few files of the good host, so that an archive of them is small.
fn small_bundle() -> Bundle {
    let mut bundle = Bundle::new();
    for path in good_files() {
        let content = good(path);
        let is_kept = ["ca.pem", "kube-scheduler.yaml", "kube-scheduler.service", "crictl.yaml"];
        if is_kept.iter().any(|name| path.ends_with(&format!("/{name}"))) {
            let content = Content::public(content.into());
            bundle.insert_file(path, 0o644, content).expect("a good path");
        }
    }
    add_manifest(&mut bundle, &About::named("node1")).expect("a manifest");
    bundle
}

/// The files of `tests/rejects` as each case changes them.
fn rejected(project: &Path) -> Vec<(String, Vec<u8>)> {
    let mut base = BTreeMap::new();
    for (folder, below) in [
        ("specs/walkthrough/csr", "csr/"),
        ("tests/rejects/base/csr", "csr/"),
        ("tests/rejects/base", ""),
    ] {
        for path in files_below(&project.join(folder)) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            base.insert(format!("{below}{name}"), String::from_utf8(read(&path)).expect("text"));
        }
    }
    let mut rejected = Vec::new();
    for path in files_below(&project.join("tests/rejects"))
        .iter()
        .filter(|path| path.ends_with("changes.txt"))
    {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        let (mut file, mut old, mut new) = (String::new(), Vec::new(), Vec::new());
        let text = String::from_utf8(read(path)).expect("text");
        let mut lines = text.lines().chain([""]).peekable();
        while let Some(line) = lines.next() {
            let of = |line: &str| line[1..].strip_prefix(' ').unwrap_or(&line[1..]).to_owned();
            match line.chars().next() {
                Some('-') => old.push(of(line)),
                Some('+') => new.push(of(line)),
                _ => file = line.to_owned(),
            }
            let ends = !lines
                .peek()
                .is_some_and(|next| next.starts_with('+') || (new.is_empty() && next.starts_with('-')));
            if ends && !(old.is_empty() && new.is_empty()) {
                let before = files.get(&file).or(base.get(&file)).cloned().unwrap_or_default();
                let after = match old.is_empty() {
                    true => new.join("\n"),
                    false => before.replacen(&old.join("\n"), &new.join("\n"), 1),
                };
                files.insert(file.clone(), after);
                (old, new) = (Vec::new(), Vec::new());
            }
        }
        // What is large is about size, and slow to change.
        rejected.extend(
            files
                .into_iter()
                .filter(|(name, text)| name != "ca.pem" && name != "ca-key.pem" && text.len() < 8192),
        );
    }
    rejected
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}
