//! The cases of `tests/rejects/`: a base, and what each changes in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use khw_gen::input::GivenFiles;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// File name -> text. CSR files are named `csr/NAME`.
pub type Files = BTreeMap<String, String>;

pub fn base() -> Files {
    let mut files = Files::new();
    for folder in ["specs/walkthrough/csr", "tests/rejects/base/csr"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            files.insert(format!("csr/{name}"), read(&path));
        }
    }
    files.insert(
        "cluster.toml".to_owned(),
        read(&root().join("tests/rejects/base/cluster.toml")),
    );
    files
}

/// Applies `changes.txt`: a line that names a file; then `- ` lines, which occur in it once, and the `+ ` lines that take
/// their place; without `- ` lines the file is replaced; `delete` removes it.
pub fn change(files: &mut Files, changes: &str) {
    let mut file = String::new();
    let mut lines = changes.lines().peekable();
    while let Some(&line) = lines.peek() {
        let mut take = |mark: &str| {
            let mut block = Vec::new();
            while let Some(rest) = lines.peek().and_then(|line| line.strip_prefix(mark)) {
                block.push(rest.strip_prefix(' ').unwrap_or(rest));
                lines.next();
            }
            block.join("\n")
        };
        if line.starts_with(['-', '+']) {
            let (old, new) = (take("-"), take("+"));
            if old.is_empty() {
                files.insert(file.clone(), new + "\n");
                continue;
            }
            let text = files.get_mut(&file).unwrap_or_else(|| panic!("there is no {file}"));
            assert_eq!(text.matches(&old).count(), 1, "not exactly once in {file}: {old}");
            *text = text.replacen(&old, &new, 1);
        } else if line == "delete" {
            assert!(files.remove(&file).is_some(), "there is no {file}");
            lines.next();
        } else {
            file = line.to_owned();
            lines.next();
        }
    }
}

pub fn sources(mut files: Files) -> GivenFiles {
    let cluster = files.remove("cluster.toml").unwrap_or_default();
    GivenFiles {
        others: files,
        ..GivenFiles::new(cluster)
    }
}

/// The cases, by the name of their folder.
pub fn cases() -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(root().join("tests/rejects")).expect("the folder is there");
    let folders = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_dir());
    let named = folders.map(|path| {
        (
            path.file_name()
                .expect("a folder has a name")
                .to_string_lossy()
                .into_owned(),
            path,
        )
    });
    named.filter(|(name, _)| name != "base").collect()
}
