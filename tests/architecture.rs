//! The house rules that a compiler does not check: what each module may know of, and where effects may happen.
//!
//! The sources are read as tokens: comments and texts don't count, and a `use` tree counts as each of its paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A source file: its path below the project (`src/disk/tree.rs`) and its text.
struct Source {
    path: String,
    text: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn files_below(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(project().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => files.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    files.sort();
    files
}

fn rust_sources(folder: &str) -> Vec<Source> {
    let paths = files_below(folder).into_iter().filter(|path| path.ends_with(".rs"));
    let sources: Vec<Source> = paths
        .map(|path| Source {
            text: read(&path),
            path,
        })
        .collect();
    assert!(!sources.is_empty(), "there is nothing in {folder}");
    sources
}

// --- Rust as tokens ----------------------------------------------------------------------------------------------------

/// Words, `::` and single characters; no comments, no texts, no lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < characters.len() {
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < characters.len() && at(index) != '\n' {
                    index += 1;
                }
            }
            '/' if at(index + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(index), at(index + 1)) {
                        ('/', '*') => (depth, index) = (depth + 1, index + 2),
                        ('*', '/') => (depth, index) = (depth - 1, index + 2),
                        _ => index += 1,
                    }
                    if depth == 0 || index >= characters.len() {
                        break;
                    }
                }
            }
            '"' => {
                index += 1;
                while index < characters.len() && at(index) != '"' {
                    index += if at(index) == '\\' { 2 } else { 1 };
                }
                index += 1;
            }
            'r' if at(index + 1) == '"' || (at(index + 1) == '#' && matches!(at(index + 2), '"' | '#')) => {
                let hashes = (index + 1..).take_while(|index| at(*index) == '#').count();
                index += hashes + 2;
                while index < characters.len()
                    && !(at(index) == '"' && (1..=hashes).all(|offset| at(index + offset) == '#'))
                {
                    index += 1;
                }
                index += hashes + 1;
            }
            '\'' if at(index + 1) == '\\' || at(index + 2) == '\'' => {
                index += if at(index + 1) == '\\' { 3 } else { 2 };
                while index < characters.len() && at(index) != '\'' {
                    index += 1;
                }
                index += 1;
            }
            ':' if at(index + 1) == ':' => {
                tokens.push("::".to_owned());
                index += 2;
            }
            // `b"…"` and `b'…'` are texts too.
            'b' if matches!(at(index + 1), '"' | '\'') => index += 1,
            c if is_word(c) => {
                let start = index;
                while is_word(at(index)) {
                    index += 1;
                }
                // `r#type` is a word like any other, `br"…"` a text.
                let word: String = characters[start..index].iter().collect();
                if word != "br" || at(index) != '"' {
                    tokens.push(word);
                } else {
                    index -= 1;
                }
            }
            c if c.is_whitespace() => index += 1,
            c => {
                tokens.push(c.to_string());
                index += 1;
            }
        }
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') || token == "*"
}

/// Every path of two or more names, from `use` trees and from code; macros are `name!`.
fn paths(tokens: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index] == "use" {
            index += 1;
            use_tree(tokens, &mut index, "", &mut found);
        } else if is_name(&tokens[index]) && tokens[index] != "*" {
            let mut path = tokens[index].clone();
            while tokens.get(index + 1).is_some_and(|token| token == "::")
                && tokens
                    .get(index + 2)
                    .is_some_and(|token| is_name(token) && token != "*")
            {
                path = format!("{path}::{}", tokens[index + 2]);
                index += 2;
            }
            if tokens.get(index + 1).is_some_and(|token| token == "!") {
                path.push('!');
            }
            // A word alone is a local name, a field or a method.
            if path.contains("::") || path.ends_with('!') {
                found.insert(path);
            }
            index += 1;
        } else {
            index += 1;
        }
    }
    found
}

/// One tree of a `use`, from `index` to what ends it; the paths in it are found with `prefix` before them.
fn use_tree(tokens: &[String], index: &mut usize, prefix: &str, found: &mut BTreeSet<String>) {
    let mut path = prefix.to_owned();
    while let Some(token) = tokens.get(*index) {
        match token.as_str() {
            "::" => *index += 1,
            "{" => {
                *index += 1;
                while tokens.get(*index).is_some_and(|token| token != "}") {
                    use_tree(tokens, index, &path, found);
                    if tokens.get(*index).is_some_and(|token| token == ",") {
                        *index += 1;
                    }
                }
                *index += 1;
                return;
            }
            "as" => *index += 2,
            name if is_name(name) => {
                path = if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}::{name}")
                };
                *index += 1;
            }
            _ => break,
        }
    }
    found.insert(path);
}

/// Whether `path` is `what` or something in it; `what` may also be a last name (`*::now_utc`).
fn is_within(path: &str, what: &str) -> bool {
    match what.strip_prefix("*::") {
        Some(last) => {
            path == last
                || path.ends_with(&format!("::{last}"))
                || path.contains(&format!("::{last}::"))
                || path.starts_with(&format!("{last}::"))
        }
        None => path == what || path.starts_with(&format!("{what}::")),
    }
}

#[test]
fn the_reader_of_sources_reads_what_it_should() {
    let text = r##"
        //! std::fs in a comment
        use std::{fs, io::{self, Write as _}, collections::*};
        /* std::env /* nested */ std::net */
        fn f<'a>(c: char) { let _ = ("std::process", r#"std::time "quoted" "#, b"x::y", 'x', '\'', b'"'); std::thread::spawn(f); println!("x") }
    "##;
    let found = paths(&tokens(text));
    for expected in [
        "std::fs",
        "std::io::self",
        "std::io::Write",
        "std::collections::*",
        "std::thread::spawn",
        "println!",
    ] {
        assert!(found.contains(expected), "{expected} is not in {found:?}");
    }
    for path in ["std::env", "std::net", "std::process", "std::time", "x::y"] {
        assert!(
            !found.iter().any(|found| is_within(found, path)),
            "{path} is in {found:?}"
        );
    }
    assert!(is_within("time::OffsetDateTime::now_utc", "*::now_utc") && !is_within("a::now_utcs", "*::now_utc"));
}

// --- only … may --------------------------------------------------------------------------------------------------------

/// Who alone may name these paths, and why. A folder ends in a slash.
struct Only {
    paths: &'static [&'static str],
    may: &'static [&'static str],
    why: &'static str,
}

const ONLY: &[Only] = &[
    Only {
        paths: &["std::fs", "std::os::unix::fs"],
        may: &["src/disk/"],
        why: "all files are touched in one place, where modes, links, crashes and secrets are thought of",
    },
    Only {
        paths: &["rustix"],
        may: &["src/disk/", "src/cli/private_memory.rs"],
        why: "the system is called where files are touched, and where the program shuts others out of its own memory",
    },
    Only {
        paths: &[
            "ring",
            "rcgen",
            "x509_parser",
            "pem",
            "yasna",
            "p256",
            "p384",
            "p521",
            "sec1",
            "pkcs1",
            "pkcs8",
            "ed25519_dalek",
            "crypto_bigint",
            "hmac",
            "hkdf",
            "sha2",
            "webpki",
            "rustls_pki_types",
            "age",
            "age_core",
            "curve25519_dalek",
            "ssh_key",
            "vsss_rs",
        ],
        may: &["src/pki/"],
        why: "all cryptography, DER and PEM is in one folder, which a reviewer can read without the rest",
    },
    Only {
        paths: &["minijinja"],
        may: &["src/render/", "src/own_template.rs"],
        why: "one module knows the template engine, and one more, which sees no secret, for the user's templates",
    },
    Only {
        paths: &["tar", "zip", "flate2", "zstd"],
        may: &["src/pack.rs", "src/found/unpack.rs"],
        why: "one module answers for archives being the same bytes everywhere, and one reads those of others within limits",
    },
    Only {
        paths: &["serde_saphyr"],
        // yaml.rs reads back what it writes, in its own tests.
        may: &["src/audit/", "src/yaml.rs"],
        why: "what others wrote in YAML is read in one place, within limits",
    },
    Only {
        paths: &["annotate_snippets"],
        may: &["src/diagnostic/"],
        why: "one module draws diagnostics",
    },
    Only {
        paths: &["toml"],
        may: &["src/input/", "src/audit/document.rs"],
        why: "what the user wrote is read in one place, and what is found in another",
    },
    Only {
        paths: &["clap"],
        may: &["src/cli/args.rs", "src/cli/mod.rs", "src/cli/completions.rs"],
        why: "arguments are the command line's alone",
    },
    Only {
        paths: &["rpassword"],
        may: &["src/cli/opening.rs"],
        why: "a passphrase is asked for in one place, where it is never shown",
    },
    Only {
        paths: &["std::process", "std::env", "*::IsTerminal", "*::stdout", "*::stderr"],
        // disk names its staging folder by the process.
        may: &["src/cli/", "src/main.rs", "src/disk/"],
        why: "the output must not depend on how and where the program is started",
    },
    Only {
        paths: &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
        may: &["src/cli/", "src/main.rs"],
        why: "only the command line prints: everything else returns what it has to say",
    },
    Only {
        paths: &["getrandom", "rand", "rand_core"],
        // What is sealed is another each time, and nothing of it goes into a bundle.
        may: &[
            "src/cli/adopt.rs",
            "src/cli/init.rs",
            "src/cli/seed.rs",
            "src/pki/sealing/",
            "src/pki/shares.rs",
        ],
        why: "the compiler draws no randomness; the commands that make a seed, its shares and what is sealed do",
    },
    Only {
        paths: &["std::time", "*::SystemTime", "*::Instant", "*::now_utc", "*::now_local"],
        // The command that writes a new specification puts the day it was made into it, and the compiler reads that.
        // The progress bar tells how long a build takes.
        may: &["src/cli/instants.rs", "src/cli/progress.rs"],
        why: "the same input gives the same bytes tomorrow: the instant of issue stands in cluster.toml",
    },
    Only {
        paths: &["*::HashMap", "*::HashSet", "*::RandomState"],
        // The crate `age` wants an empty set in its interface.
        may: &["src/pki/sealing/ssh.rs"],
        why: "their order is another on each run; BTreeMap and BTreeSet have one",
    },
    Only {
        paths: &[
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::net::ToSocketAddrs",
        ],
        may: &[],
        why: "khw-gen is offline",
    },
    Only {
        paths: &["*::type_name", "*::addr_of", "std::ptr"],
        may: &[],
        why: "neither the compiler's version nor addresses may reach the output",
    },
];

#[test]
fn only_some_may() {
    let mut broken = Vec::new();
    for source in rust_sources("src") {
        let found = paths(&tokens(&source.text));
        for rule in ONLY {
            if is_one_of(&source.path, rule.may) || is_tests(&source.path) {
                continue;
            }
            for path in found
                .iter()
                .filter(|found| rule.paths.iter().any(|path| is_within(found, path)))
            {
                broken.push(format!(
                    "{} names {path}, which only {:?} may: {}",
                    source.path, rule.may, rule.why
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn is_one_of(path: &str, may: &[&str]) -> bool {
    may.iter().any(|may| {
        if may.ends_with('/') {
            path.starts_with(may)
        } else {
            path == *may
        }
    })
}

/// A file that holds only unit tests.
fn is_tests(path: &str) -> bool {
    path.ends_with("tests.rs")
}

// --- what each module may import ---------------------------------------------------------------------------------------

/// A module, the modules of the crate that it may name, and what would go wrong otherwise.
const MAY_IMPORT: &[(&str, &[&str], &str)] = &[
    (
        "pki",
        &[],
        "cryptography knows no Kubernetes, no hosts and no paths, so it can be reviewed and reused alone",
    ),
    ("settings", &[], "a tree of settings does not know what they mean"),
    (
        "json_document",
        &[],
        "what documents for programs are called depends on nothing in them",
    ),
    ("table", &[], "how wide a line may be says nothing of what stands in it"),
    ("yaml", &["settings"], "how YAML is written depends on nothing else"),
    (
        "toml_text",
        &["settings"],
        "how TOML is written depends on nothing else",
    ),
    (
        "secrecy",
        &[],
        "what may be a secret is told by its name and its form, whoever asks",
    ),
    (
        "diagnostic",
        &["json_document", "secrecy"],
        "how a problem is told depends on no particular problem",
    ),
    (
        "catalog",
        &["json_document", "pki"],
        "the tables are data: what they lead to is worked out elsewhere",
    ),
    (
        "rules",
        &["catalog", "settings"],
        "what is decided and what is found are judged alike, wherever they come from",
    ),
    (
        "cluster",
        &["catalog", "pki", "settings"],
        "a valid cluster is plain data",
    ),
    (
        "input",
        &[
            "catalog",
            "cluster",
            "diagnostic",
            "facts",
            "own_template",
            "pki",
            "plan",
            "rules",
            "secrecy",
            "settings",
        ],
        "checking makes nothing and reads nothing from disk",
    ),
    (
        "plan",
        &[
            "catalog",
            "cluster",
            "json_document",
            "pki",
            "rules",
            "secrecy",
            "server_names",
            "settings",
            "table",
        ],
        "a plan is decided before there are any keys",
    ),
    (
        "server_names",
        &["cluster"],
        "by which names a server is reached follows from the cluster alone",
    ),
    (
        "facts",
        &["catalog", "cluster", "plan", "settings"],
        "templates see what was decided, never a secret",
    ),
    (
        "own_template",
        &["facts"],
        "what a template of the user's own sees are facts, so that no secret is within its reach",
    ),
    (
        "vault",
        &["cluster", "pki", "plan"],
        "issuing follows the plan, it decides nothing",
    ),
    (
        "external",
        &["cluster", "diagnostic", "json_document", "pki", "plan", "vault"],
        "what others are asked follows from the plan and the seed, and what they answer is believed by nobody before it is judged",
    ),
    (
        "render",
        &[
            "bundle",
            "catalog",
            "cluster",
            "facts",
            "manifest",
            "own_template",
            "pki",
            "plan",
            "settings",
            "toml_text",
            "vault",
            "yaml",
        ],
        "rendering reads no specification and writes no file",
    ),
    (
        "bundle",
        &["pki"],
        "a bundle is paths, modes and bytes, whatever they mean",
    ),
    (
        "manifest",
        &["bundle", "pki"],
        "what a list says is worked out from what is there, whatever it means",
    ),
    (
        "handover",
        &["bundle", "found", "manifest", "pki"],
        "what was opened is judged as whatever else was found, wherever it is to lie",
    ),
    ("pack", &["bundle", "pki"], "an archive depends on the bundle alone"),
    (
        "build_identity",
        &["cluster", "pack", "pki"],
        "what an output is made of is told by its inputs alone",
    ),
    (
        "part",
        &["bundle", "cluster", "manifest"],
        "which hosts are built decides nothing about what they get",
    ),
    (
        "theft",
        &["catalog", "cluster", "plan"],
        "what a key is called, and who else has it, the plan alone knows",
    ),
    (
        "reuse",
        &[
            "build_identity",
            "bundle",
            "cluster",
            "manifest",
            "pack",
            "part",
            "pki",
            "plan",
            "vault",
        ],
        "what is proven follows from the plan and the seed, wherever it was read from",
    ),
    (
        "disk",
        &[
            "bundle", "found", "golden", "input", "manifest", "pack", "part", "pki", "reuse",
        ],
        "reading and writing knows no meaning",
    ),
    (
        "golden",
        &[
            "bundle",
            "cluster",
            "diagnostic",
            "manifest",
            "pki",
            "plan",
            "secrecy",
            "vault",
        ],
        "what is public is the plan's word: a golden reads no specification and no table, and touches no file",
    ),
    (
        "found",
        &["diagnostic", "manifest", "pki"],
        "what is found is judged by nobody who made it",
    ),
    (
        "audit",
        &[
            "catalog",
            "diagnostic",
            "found",
            "json_document",
            "pki",
            "rules",
            "secrecy",
            "table",
        ],
        "what leaves the building is checked by something that believes nothing the compiler believed; rules of programs hold for all",
    ),
    (
        "changes",
        &[
            "audit",
            "catalog",
            "found",
            "json_document",
            "manifest",
            "pki",
            "secrecy",
        ],
        "what differs is told of bundles as found, by the readers of those who judge them",
    ),
    (
        "renewal",
        &["catalog", "cluster", "input", "pki", "plan"],
        "an edit of a text that was read: where dates stand in it, input knows",
    ),
    (
        "rotation",
        &["catalog", "changes", "cluster", "found", "reuse"],
        "a plan of a rotation is told of outputs that were made, with the steps of who compares them",
    ),
    (
        "report",
        &[
            "audit",
            "catalog",
            "cluster",
            "diagnostic",
            "found",
            "json_document",
            "pki",
            "plan",
            "rotation",
            "table",
            "theft",
        ],
        "a page only puts together what others tell: nothing is judged, compiled or read for it a second time",
    ),
    (
        "adopt",
        &[
            "audit",
            "catalog",
            "diagnostic",
            "found",
            "input",
            "json_document",
            "pki",
            "secrecy",
            "settings",
            "table",
            "toml_text",
        ],
        "a specification of what was found is text, like any other that is then read: what it compiles to is compiled by who asks",
    ),
    (
        "starter",
        &["catalog", "input"],
        "a new specification is text, made before there is a cluster",
    ),
];

#[test]
fn modules_import_what_they_may_and_nothing_else() {
    let arrows = &arrows()["src"];
    let mut broken = Vec::new();
    for ((module, imported), import) in arrows {
        match MAY_IMPORT.iter().find(|(name, _, _)| name == module) {
            Some((_, may, why)) if imported != "mod" && !may.contains(&imported.as_str()) => {
                broken.push(format!("{import}: {module} may import only {may:?}: {why}"));
            }
            None if !["mod", "cli"].contains(&module.as_str()) => {
                broken.push(format!("{module} is a new module: give it a row in MAY_IMPORT"));
            }
            _ => {}
        }
    }
    for (module, may, _) in MAY_IMPORT {
        for may in *may {
            if !arrows.contains_key(&((*module).to_owned(), (*may).to_owned())) {
                broken.push(format!(
                    "{module} may import {may} and does not: take that from MAY_IMPORT, or it comes by itself"
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// ARCHITECTURE.md shows the rows of `MAY_IMPORT` between two marks.
#[test]
fn the_page_shows_who_may_import_whom() {
    let mut table = "| room | may import | since |\n|---|---|---|\n".to_owned();
    for (module, may, why) in MAY_IMPORT {
        let may: Vec<String> = may.iter().map(|name| format!("`{name}`")).collect();
        let may = if may.is_empty() {
            "nothing".to_owned()
        } else {
            may.join(", ")
        };
        table.push_str(&format!("| `{module}` | {may} | {why} |\n"));
    }
    let page = read("ARCHITECTURE.md");
    let (before, rest) = page
        .split_once("<!-- who may import whom -->\n")
        .expect("the first mark");
    let (shown, after) = rest.split_once("<!-- end -->").expect("the second mark");
    if std::env::var_os("KHW_BLESS").is_some() {
        let page = format!("{before}<!-- who may import whom -->\n{table}<!-- end -->{after}");
        fs::write(project().join("ARCHITECTURE.md"), page).unwrap();
        return;
    }
    assert_eq!(
        shown, table,
        "run the test with KHW_BLESS=1 to rewrite the table in ARCHITECTURE.md"
    );
}

/// A text like "1.14" outside the table of releases would be a second place to edit for a new one.
#[test]
fn only_the_table_of_releases_knows_kubernetes_versions() {
    let (first, last) = khw_gen::catalog::releases::known(khw_gen::catalog::releases::Program::Kubernetes);
    let known: Vec<String> = (first.minor..=last.minor).map(|minor| format!("1.{minor}")).collect();
    let sources = rust_sources("src")
        .into_iter()
        .filter(|source| source.path != "src/catalog/tables/releases.rs" && source.path != "src/catalog/change.rs");
    let templates = files_below("src/templates").into_iter().map(|path| Source {
        text: read(&path),
        path,
    });
    for source in sources.filter(|source| !is_tests(&source.path)).chain(templates) {
        // Unit tests stand at the end of their file and may name releases.
        let text = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for version in &known {
            let quoted = [
                format!("\"{version}\""),
                format!("\"v{version}\""),
                format!("'{version}'"),
            ];
            let named = quoted.iter().any(|quoted| text.contains(quoted));
            assert!(
                !named,
                "{} names Kubernetes {version}: give releases a value instead, so that a new one is one row",
                source.path
            );
        }
    }
}

// --- no circles --------------------------------------------------------------------------------------------------------

/// The module that a file is: `src/disk/tree.rs` is `disk::tree`, `src/disk/mod.rs` and `src/disk.rs` are `disk`, and
/// `src/lib.rs` is the root, as `src/main.rs` is of what is below `src/cli`.
fn module_path(path: &str) -> Vec<&str> {
    let below = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<&str> = below.split('/').collect();
    if module.last() == Some(&"mod") || ["lib", "main"].contains(&below) {
        module.pop();
    }
    module
}

/// Tokens without the items under `#[cfg(test)]`: unit tests may know what they like.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let test = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let begins_with = |words: &[&str]| tokens[index..].iter().take(words.len()).eq(words.iter());
        // Who may see it is no import.
        if begins_with(&["pub", "(", "in"]) {
            kept.push("pub".to_owned());
            index += tokens[index..].iter().take_while(|token| *token != ")").count() + 1;
            continue;
        }
        if !begins_with(&test) {
            kept.push(tokens[index].clone());
            index += 1;
            continue;
        }
        let mut depth = 0;
        while let Some(token) = tokens.get(index) {
            index += 1;
            depth += match token.as_str() {
                "{" => 1,
                "}" => -1,
                _ => 0,
            };
            if depth == 0 && (token == ";" || token == "}") {
                break;
            }
        }
    }
    kept
}

/// The sources of the program, without unit tests, as tokens.
static PROGRAM: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let sources = rust_sources("src").into_iter().filter(|source| !is_tests(&source.path));
    sources
        .map(|source| (source.path, without_tests(&tokens(&source.text))))
        .collect()
});

/// The module that `path`, as it stands in a file of `module`, leads into; none where it leads out of the crate.
fn leads_to<'a>(path: &'a str, module: &[&'a str], modules: &BTreeSet<Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut whole: Vec<&str> = module.to_vec();
    let mut is_inside = false;
    for (index, name) in path.trim_end_matches('!').split("::").enumerate() {
        match name {
            "crate" => whole.clear(),
            "self" => {}
            "super" => drop(whole.pop()),
            _ if index > 0 && !is_inside => return None,
            name => whole.push(name),
        }
        // A path that begins with the name of a child is one into it; any other is of the language or of another crate.
        is_inside = matches!(name, "crate" | "self" | "super") || is_inside || modules.contains(&whole);
    }
    while !modules.contains(&whole) {
        whole.pop();
    }
    is_inside.then_some(whole)
}

/// Who imports whom among the files and folders of a folder: with one import for each, as `path in file`. What is in a folder
/// counts as the folder for those beside it, and `mod.rs` as a file of its folder.
type Arrows = BTreeMap<String, BTreeMap<(String, String), String>>;

fn arrows() -> Arrows {
    let sources = &*PROGRAM;
    let modules: BTreeSet<Vec<&str>> = sources.iter().map(|(path, _)| module_path(path)).collect();
    let mut arrows = Arrows::new();
    let found: Vec<(&String, BTreeSet<String>)> = sources.iter().map(|(file, tokens)| (file, paths(tokens))).collect();
    for (file, paths) in &found {
        let from = module_path(file);
        for path in paths {
            let Some(to) = leads_to(path, &from, &modules).filter(|to| *to != from) else {
                continue;
            };
            let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            let folder = ["src"]
                .iter()
                .chain(&from[..shared])
                .copied()
                .collect::<Vec<_>>()
                .join("/");
            let entry = |module: &[&str]| module.get(shared).copied().unwrap_or("mod").to_owned();
            let arrow = (entry(&from), entry(&to));
            arrows
                .entry(folder)
                .or_default()
                .entry(arrow)
                .or_insert_with(|| format!("{path} in {file}"));
        }
    }
    arrows
}

/// Those that `from` leads to, over any number of arrows.
fn reachable<'a>(from: &'a str, arrows: &'a BTreeMap<(String, String), String>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(from) = next.pop() {
        for (_, to) in arrows.keys().filter(|(one, _)| one == from) {
            if reached.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    reached
}

/// Folders whose circles are to be opened.
const STILL_KNOTTED: &[&str] = &[];

#[test]
fn no_files_of_a_folder_import_each_other_in_a_circle() {
    let mut broken = Vec::new();
    for (folder, arrows) in &arrows() {
        let reached: BTreeMap<&str, BTreeSet<&str>> = arrows
            .keys()
            .map(|(from, _)| (from.as_str(), reachable(from, arrows)))
            .collect();
        let in_circle = |from: &str, to: &str| reached.get(to).is_some_and(|reached| reached.contains(from));
        let circles: Vec<String> = arrows
            .iter()
            .filter(|((from, to), _)| in_circle(from, to))
            .map(|((from, to), import)| format!("  {from} -> {to}: {import}"))
            .collect();
        match (circles.is_empty(), STILL_KNOTTED.contains(&folder.as_str())) {
            (true, true) => broken.push(format!("{folder} has no circle any more: take it from STILL_KNOTTED")),
            (false, false) => broken.push(format!(
                "in {folder} these import each other in a circle:\n{}",
                circles.join("\n")
            )),
            _ => {}
        }
    }
    assert!(
        broken.is_empty(),
        "{}\nWhat is in a circle can't be read, tested or changed one after the other: move what both need into a file of its own",
        broken.join("\n")
    );
}

// --- types -------------------------------------------------------------------------------------------------------------

/// The names of the types that a file defines, and whether others can name them.
fn types_defined(tokens: &[String]) -> Vec<(String, bool)> {
    let mut types = Vec::new();
    let mut is_public = false;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "struct" | "enum" | "trait" | "union" | "type" => {
                // `type` is a field's name too, with `r#` before it.
                let name = tokens.get(index + 1).filter(|name| is_name(name));
                types.extend(name.map(|name| (name.clone(), is_public)));
                is_public = false;
            }
            "pub" => is_public = true,
            "(" | ")" | "crate" | "super" | "in" | "self" | "::" => {}
            _ => is_public = false,
        }
    }
    types
}

/// The types that have `impl T { … }` in a file, without those of traits.
fn types_extended(tokens: &[String]) -> Vec<String> {
    let mut types = Vec::new();
    for (index, _) in tokens.iter().enumerate().filter(|(_, token)| *token == "impl") {
        // Elsewhere it stands for a type: `x: impl Fn()`.
        let begins_an_item = index == 0 || ["}", ";", "{", "]"].contains(&tokens[index - 1].as_str());
        if !begins_an_item {
            continue;
        }
        let mut depth = 0;
        let mut name = None;
        for next in index + 1..tokens.len() {
            match tokens[next].as_str() {
                "<" => depth += 1,
                ">" if tokens[next - 1] != "-" => depth -= 1,
                "{" | "where" if depth == 0 => break,
                "for" if depth == 0 => {
                    name = None;
                    break;
                }
                // `$t` is whatever type a macro is given: one of its own.
                token if depth == 0 && is_name(token) && token != "dyn" && tokens[next - 1] != "$" => {
                    name = Some(token.to_owned())
                }
                _ => {}
            }
        }
        types.extend(name);
    }
    types
}

#[test]
fn methods_stand_beside_their_type() {
    let mut broken = Vec::new();
    let mut elsewhere = BTreeSet::new();
    for (path, tokens) in &*PROGRAM {
        let defined: BTreeSet<String> = types_defined(tokens).into_iter().map(|(name, _)| name).collect();
        for name in types_extended(tokens) {
            if !defined.contains(&name) {
                elsewhere.insert((path.clone(), name));
            }
        }
    }
    let expected = METHODS_ELSEWHERE
        .iter()
        .map(|(path, name)| ((*path).to_owned(), (*name).to_owned()))
        .collect();
    for (path, name) in elsewhere.difference(&expected) {
        broken.push(format!(
            "{path} adds methods to {name}, which is defined elsewhere: an import that no `use` shows. Make it a function, or a \
             method of a type of this file that holds a {name}"
        ));
    }
    for (path, name) in expected.difference(&elsewhere) {
        broken.push(format!(
            "{path} adds no methods to {name} any more: take that from METHODS_ELSEWHERE"
        ));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Files that add methods to another's type, to be moved.
const METHODS_ELSEWHERE: &[(&str, &str)] = &[];

/// Names of types that mean several things, to be renamed.
const SEVERAL_THINGS: &[&str] = &["Value"];

#[test]
fn a_types_name_means_one_thing() {
    let mut defined: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for (path, tokens) in &*PROGRAM {
        for (name, is_public) in types_defined(tokens) {
            let (public, paths) = defined.entry(name).or_default();
            *public += usize::from(is_public);
            paths.push(path.clone());
        }
    }
    let mut broken = Vec::new();
    for (name, (public, paths)) in &defined {
        match (*public > 1, SEVERAL_THINGS.contains(&name.as_str())) {
            (true, false) => broken.push(format!(
                "{name} is a type in {}: whoever reads the name has to look which one it is. Call each by what it is",
                paths.join(", ")
            )),
            (false, true) => broken.push(format!("{name} means one thing now: take it from SEVERAL_THINGS")),
            _ => {}
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_reader_of_types_reads_what_it_should() {
    let text = "
        pub struct A; pub(crate) enum B<'a> {} struct C { pub d: u8, r#type: u8 } pub(super) trait E {} type F = u8;
        impl<'a, T: Into<u8>> A<T> where T: Copy { fn f(x: impl Fn() -> u8) -> impl Copy {} }
        impl fmt::Display for B<'_> {} #[x] impl crate::g::H {} impl E for Vec<A> {}
        #[cfg(test)] mod tests { pub struct I; impl K {} } struct L; #[cfg(test)] mod m; struct M;
    ";
    let tokens = without_tests(&tokens(text));
    let defined: Vec<String> = types_defined(&tokens)
        .into_iter()
        .map(|(name, public)| if public { format!("pub {name}") } else { name })
        .collect();
    assert_eq!(defined, ["pub A", "pub B", "C", "pub E", "F", "L", "M"]);
    assert_eq!(types_extended(&tokens), ["A", "H"]);
}

#[test]
fn the_follower_of_paths_follows_what_it_should() {
    let modules: BTreeSet<Vec<&str>> = [&[][..], &["a"], &["a", "b"], &["a", "c"], &["a", "c", "d"], &["e"]]
        .into_iter()
        .map(<[&str]>::to_vec)
        .collect();
    let from = ["a", "c"];
    for (path, to) in [
        ("crate::e::F::new", Some(&["e"][..])),
        ("super::b::F", Some(&["a", "b"])),
        ("super::F", Some(&["a"])),
        ("super::super::e::f", Some(&["e"])),
        ("crate::F", Some(&[])),
        ("d::F", Some(&["a", "c", "d"])),
        ("self::d::F", Some(&["a", "c", "d"])),
        ("crate::m!", Some(&[])),
        ("super::*", Some(&["a"])),
        ("std::fs", None),
        ("e::F", None),
        ("F::new", None),
    ] {
        assert_eq!(leads_to(path, &from, &modules).as_deref(), to, "{path}");
    }
}

// --- what every file is like -------------------------------------------------------------------------------------------

#[test]
fn every_module_says_what_it_is_for() {
    for source in rust_sources("src").into_iter().chain(rust_sources("tests")) {
        assert!(
            source.text.starts_with("//! ") || source.text.starts_with("#!["),
            "{} does not begin with `//!`: say what it is for and what it must not do",
            source.path
        );
        assert!(
            !source.text.contains(concat!("(interface ", "skeleton)")),
            "{} is still a skeleton",
            source.path
        );
    }
}

#[test]
fn nothing_is_left_to_do() {
    for source in rust_sources("src") {
        let found = paths(&tokens(&source.text));
        for path in ["todo!", "unimplemented!"] {
            assert!(!found.contains(path), "{} holds a {path}", source.path);
        }
    }
}

#[test]
fn names_say_what_is_inside() {
    for path in files_below("src").into_iter().chain(files_below("tests")) {
        for part in Path::new(&path).with_extension("").components() {
            let part = part.as_os_str().to_str().unwrap();
            let vague = [
                "util", "utils", "helper", "helpers", "common", "misc", "shared", "stuff",
            ]
            .contains(&part);
            assert!(!vague, "{path}: {part} says nothing about what is inside");
        }
    }
}

/// The one file that may hold unsafe code: instructions that not every processor has.
const UNSAFE: &str = "src/pki/key/lanes/x86_64.rs";

#[test]
fn unsafe_code_is_in_one_file() {
    assert!(
        read("src/main.rs").contains("#![forbid(unsafe_code)]"),
        "src/main.rs does not forbid unsafe code"
    );
    assert!(
        read("src/lib.rs").contains("#![deny(unsafe_code)]"),
        "src/lib.rs does not deny unsafe code"
    );
    let folders = ["src", "tests", "benches"];
    for source in folders
        .into_iter()
        .flat_map(rust_sources)
        .filter(|source| source.path != UNSAFE)
    {
        let tokens = tokens(&source.text);
        assert!(
            !tokens.iter().any(|token| token == "unsafe"),
            "{} holds unsafe code, which only {UNSAFE} may",
            source.path
        );
    }
}

// --- dependencies ------------------------------------------------------------------------------------------------------

/// The names in `[dependencies]` and `[dev-dependencies]`.
fn dependencies() -> BTreeMap<&'static str, BTreeSet<String>> {
    let text = read("Cargo.toml");
    let manifest: toml::Table = text.parse().unwrap();
    let names = |table: &str| match manifest.get(table).and_then(toml::Value::as_table) {
        Some(table) => table.keys().cloned().collect(),
        None => BTreeSet::new(),
    };
    BTreeMap::from([("src", names("dependencies")), ("tests", names("dev-dependencies"))])
}

/// The line above a dependency in Cargo.toml says what it is for.
#[test]
fn every_dependency_has_its_reason_beside_it() {
    let text = read("Cargo.toml");
    let (mut section, mut above) = ("", "");
    let mut unexplained = Vec::new();
    for line in text.lines() {
        let is_entry = !line.is_empty() && !line.starts_with(['#', '[']);
        if line.starts_with('[') {
            section = line;
        } else if is_entry && section.ends_with("dependencies]") && !above.starts_with("# ") {
            unexplained.push(line);
        }
        above = line;
    }
    assert!(
        unexplained.is_empty(),
        "Cargo.toml does not say in the line above what these are for:\n{}",
        unexplained.join("\n")
    );
}

/// A crate that nobody names is a risk without a use.
#[test]
fn every_dependency_is_used() {
    let dependencies = dependencies();
    let named_in = |folder: &str| -> BTreeSet<String> {
        let paths = rust_sources(folder)
            .into_iter()
            .flat_map(|source| paths(&tokens(&source.text)));
        paths
            .filter_map(|path| path.split("::").next().map(str::to_owned))
            .collect()
    };
    let (src, tests) = (named_in("src"), named_in("tests"));
    let unused = |names: &BTreeSet<String>, used: &[&BTreeSet<String>]| -> Vec<String> {
        names
            .iter()
            .filter(|name| !used.iter().any(|used| used.contains(&name.replace('-', "_"))))
            .cloned()
            .collect()
    };
    assert_eq!(unused(&dependencies["src"], &[&src]), [""; 0], "named nowhere in src");
    assert_eq!(
        unused(&dependencies["tests"], &[&src, &tests]),
        [""; 0],
        "named nowhere in tests"
    );
}
