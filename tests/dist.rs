//! What is released, as far as a look at this folder tells it: the packages' lists name what is there, and all that has to be in them. That
//! they are built, installed and used is for `make test-dist`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parsed(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn texts(value: &toml::Value) -> Vec<&str> {
    let texts = value.as_array().expect("a list").iter();
    texts.map(|text| text.as_str().expect("a text")).collect()
}

/// What dist/build.sh makes before a package is made of it.
const STAGED: &str = "target/staged/";

/// The files of a package, from where to where. A destination that ends in a slash is a folder, as cargo-deb and cargo-generate-rpm have it.
fn assets(package: &str) -> BTreeMap<String, String> {
    let manifest = parsed("Cargo.toml");
    let rows = manifest["package"]["metadata"][package]["assets"]
        .as_array()
        .expect("a list");
    let mut assets = BTreeMap::new();
    for row in rows {
        let (from, to) = match row {
            toml::Value::Array(_) => (texts(row)[0], texts(row)[1]),
            row => (
                row["source"].as_str().expect("a source"),
                row["dest"].as_str().expect("a place"),
            ),
        };
        let to = to.trim_start_matches('/');
        for file in matching(from) {
            let name = Path::new(&file).file_name().expect("a name").to_str().expect("a text");
            let to = if to.ends_with('/') {
                format!("{to}{name}")
            } else {
                to.to_owned()
            };
            let twice = assets.insert(to, file);
            assert_eq!(twice, None, "{package} puts two files in one place: {from}");
        }
    }
    assets
}

/// The files that a row means: one, or those of a folder whose names fit (`docs/*.md`).
fn matching(from: &str) -> Vec<String> {
    let Some((folder, end)) = from.split_once('*').filter(|_| !from.starts_with(STAGED)) else {
        let is_there = from.starts_with(STAGED) || project().join(from).is_file();
        assert!(is_there, "Cargo.toml packages {from}, which is not there");
        return vec![from.to_owned()];
    };
    let files = files_in(folder).into_iter().filter(|file| file.ends_with(end));
    let files: Vec<String> = files.filter(|file| !file[folder.len()..].contains('/')).collect();
    assert!(
        !files.is_empty(),
        "Cargo.toml packages {from}, and there is no such file"
    );
    files
}

fn files_in(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder.trim_end_matches('/'))];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(project().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            match entry.file_type().expect("a type").is_dir() {
                true => folders.push(path),
                false => files.push(path.to_str().expect("a text").to_owned()),
            }
        }
    }
    files.sort();
    files
}

#[test]
fn both_packages_have_the_same_files_but_where_their_systems_differ() {
    // Where each has zsh's functions and licences, and what only Debian asks for.
    let of_one_alone = [
        "usr/share/doc/khw-gen/THIRD-PARTY.txt.gz",
        "usr/share/doc/khw-gen/changelog.Debian.gz",
        "usr/share/doc/khw-gen/copyright",
        "usr/share/licenses/khw-gen/LICENSE-APACHE",
        "usr/share/licenses/khw-gen/LICENSE-MIT",
        "usr/share/licenses/khw-gen/THIRD-PARTY.txt.gz",
        "usr/share/licenses/khw-gen/copyright",
        "usr/share/lintian/overrides/khw-gen",
        "usr/share/zsh/site-functions/_khw-gen",
        "usr/share/zsh/vendor-completions/_khw-gen",
    ];
    let (deb, rpm) = (assets("deb"), assets("generate-rpm"));
    let places = |assets: &BTreeMap<String, String>| assets.keys().cloned().collect::<BTreeSet<String>>();
    let differ: Vec<String> = places(&deb).symmetric_difference(&places(&rpm)).cloned().collect();
    assert_eq!(differ, of_one_alone);
}

#[test]
fn packages_have_every_document() {
    for package in ["deb", "generate-rpm"] {
        let assets = assets(package);
        for file in files_in("docs")
            .into_iter()
            .chain(["README.md", "CHANGELOG.md"].map(str::to_owned))
        {
            let place = format!("usr/share/doc/khw-gen/{file}");
            // The links from one to the other hold where they are installed, too.
            assert_eq!(assets.get(&place), Some(&file), "{package} has no {place}");
        }
    }
}

#[test]
fn what_is_packaged_is_made_before() {
    let script = read("dist/build.sh");
    for package in ["deb", "generate-rpm"] {
        for from in assets(package).into_values() {
            let Some(file) = from.strip_prefix(STAGED) else {
                continue;
            };
            let made = file.trim_end_matches(".gz").replace("/*.1", "");
            assert!(
                script.contains(&format!("$staged/{made}\"")),
                "dist/build.sh makes no {file}"
            );
        }
    }
}

#[test]
fn licences_that_are_collected_are_those_that_are_allowed() {
    let (collected, allowed) = (parsed("dist/about.toml"), parsed("deny.toml"));
    assert_eq!(texts(&collected["accepted"]), texts(&allowed["licenses"]["allow"]));
}

/// A published crate has what is built from, and what the tests in `src` are built from.
#[test]
fn the_crate_has_what_its_sources_include() {
    let manifest = parsed("Cargo.toml");
    let included = texts(&manifest["package"]["include"]);
    for row in &included {
        let path = row.trim_start_matches('/');
        let folder = path
            .split('*')
            .next()
            .expect("a beginning")
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let is_there = project().join(path).exists() || (path.contains('*') && project().join(folder).is_dir());
        assert!(is_there, "Cargo.toml includes {row}, which is not there");
    }
    let mut outside = BTreeSet::new();
    for file in files_in("src").iter().filter(|file| file.ends_with(".rs")) {
        for macro_name in ["include_str!(\"", "include_str!(concat!(\"", "include_bytes!(\""] {
            for rest in read(file).split(macro_name).skip(1) {
                let named = rest.split('"').next().expect("a path");
                let path = project().join(file).with_file_name(named).canonicalize();
                let path = path.unwrap_or_else(|error| panic!("{file} includes {named}: {error}"));
                let path = path
                    .strip_prefix(project())
                    .expect("in the project")
                    .to_str()
                    .expect("a text")
                    .to_owned();
                if !path.starts_with("src/") {
                    outside.insert(path);
                }
            }
        }
    }
    assert!(outside.len() > 2, "{outside:?}");
    for path in outside {
        let covers = |row: &&&str| {
            let row = row.trim_start_matches('/');
            match row.split_once('*') {
                Some((start, end)) => path.starts_with(start) && path.ends_with(end),
                None => path == row || path.starts_with(&format!("{row}/")),
            }
        };
        assert!(
            included.iter().any(|row| covers(&row)),
            "`include` of Cargo.toml lacks {path}"
        );
    }
}
