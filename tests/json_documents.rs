//! What is printed for programs: every kind of document, made by the real commands, is what its schema says, and the schema would miss
//! nothing that is taken away.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use khw_gen::json_document::JsonKind;
use serde_json::Value;
use support::{Spec, examples, khw_gen, must, program, project, run, said};
use tempfile::TempDir;

const HOSTS: [&str; 4] = [
    "cp 10.0.0.1 control-plane etcd admin",
    "n1 10.0.0.2 worker",
    "n2 10.0.0.3 worker",
    "lb 10.0.0.4 load-balancer",
];

fn document(arguments: &[&str], folder: &Path, code: i32) -> Value {
    let output = run(khw_gen().args(arguments).current_dir(folder));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", said(&output)))
}

/// A document of each kind, or several, as the commands print them.
fn documents() -> Vec<(String, Value)> {
    let spec = Spec::new(&HOSTS, "layout = \"split\"\n[cluster]\nname = \"documents\"\n").with_ecdsa_keys();
    let folder = spec.path().parent().expect("a folder").to_owned();
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let changed = text.replace("10.0.0.3", "10.0.0.33") + "[components.kubelet.flags]\nv = \"4\"\n";
    fs::write(folder.join("changed.toml"), changed).expect("a specification");
    fs::write(
        folder.join("wrong.toml"),
        text.replace("[cluster]\nname =", "[cluster]\nnaem ="),
    )
    .expect("a specification");
    fs::write(
        folder.join("elsewhere.toml"),
        text.replace("[cluster]", "[pki.bring.etcd-ca]\nexternal = true\n[cluster]"),
    )
    .expect("a specification");
    let at = ["--at", "2026-06-01T00:00:00Z"];
    must(
        khw_gen()
            .args(["build", "cluster.toml", "-o", "out", "--quiet"])
            .current_dir(&folder),
    );
    must(
        khw_gen()
            .args(["golden", "write", "cluster.toml", "golden"])
            .current_dir(&folder),
    );
    let made = |arguments: &[&str], code| {
        let name = arguments.join(" ");
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
        (name, document(&arguments, &folder, code))
    };
    let mut all = vec![
        made(&["check", "cluster.toml"], 0),
        made(&["check", "wrong.toml"], 1),
        made(&["plan", "cluster.toml"], 0),
        made(&["plan", "cluster.toml", "--flags"], 0),
        made(&["plan", "wrong.toml"], 1),
        made(&["csr", "elsewhere.toml", "-o", "requests"], 0),
        made(&["csr", "elsewhere.toml", "-o", "requests"], 1),
        made(&["explain"], 0),
        made(&["explain", "even-etcd"], 0),
        made(&["explain", "even-etcds"], 1),
        made(&["adopt", "out", "-o", "adopted", at[0], at[1]], 0),
        made(&["adopt", "out", "-o", "adopted", at[0], at[1]], 1),
        made(&["releases"], 0),
        made(&["releases", "1.38", "--from", "1.34"], 0),
        made(&["releases", "1.37"], 0),
        made(&["releases", "1.36", "--from", "1.37"], 1),
        made(&["verify", "out", at[0], at[1]], 0),
        made(&["verify", "out", at[0], at[1], "--spec", "changed.toml"], 1),
        made(&["verify", "nowhere"], 2),
        made(&["diff", "out", "changed.toml"], 1),
        made(&["diff", "out", "cluster.toml"], 0),
        made(&["diff", "out", "wrong.toml"], 2),
        made(&["inspect", "out", at[0], at[1]], 0),
        made(&["expiry", "out", at[0], at[1], "--within", "1w"], 0),
        made(&["secrets", "out"], 0),
        made(&["secrets", "cluster.toml"], 0),
        made(&["report", "out", at[0], at[1]], 0),
        made(&["report", "cluster.toml", at[0], "2028-01-01T00:00:00Z"], 1),
        made(&["golden", "check", "cluster.toml", "golden"], 0),
        made(&["golden", "check", "changed.toml", "golden"], 1),
        made(&["renew", "cluster.toml", at[0], at[1]], 0),
        made(&["rotate", "cluster.toml", "ca", "-o", "rotation"], 0),
        made(&["rotate", "cluster.toml", "ca", "-o", "rotation"], 1),
    ];
    for host in [&[][..], &["--host", "n1"]] {
        let arguments: Vec<&str> = ["facts", "cluster.toml"]
            .into_iter()
            .chain(host.iter().copied())
            .collect();
        all.push((arguments.join(" "), document(&arguments, &folder, 0)));
    }
    all
}

fn kind_of(document: &Value) -> JsonKind {
    let name = document["kind"].as_str().unwrap_or_else(|| panic!("{document:#}"));
    let name = name.strip_prefix("khw-gen/").and_then(|name| name.strip_suffix("/v1"));
    let kind = JsonKind::ALL.iter().find(|kind| Some(kind.name()) == name);
    *kind.unwrap_or_else(|| panic!("{document:#}"))
}

#[test]
fn every_document_is_what_its_schema_says() {
    const TEST: &str = "documents for programs by their schemas";
    let documents = documents();
    let kinds: BTreeSet<&str> = documents.iter().map(|(_, document)| kind_of(document).name()).collect();
    let all: BTreeSet<&str> = JsonKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(kinds, all);
    let Some(judge) = program("check-jsonschema", TEST) else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    for kind in JsonKind::ALL {
        let schema = folder.path().join("schema.json");
        fs::write(&schema, must(khw_gen().args(["schema", kind.name()]))).expect("a schema");
        let mut right = BTreeMap::new();
        let mut wrong = BTreeMap::new();
        for (index, (name, document)) in documents.iter().filter(|(_, one)| kind_of(one) == *kind).enumerate() {
            right.insert(format!("right-{index}.json"), (name, document.clone()));
            let fields = document.as_object().expect("an object");
            for field in fields.keys().filter(|field| *field != "specification") {
                let mut without = document.clone();
                without.as_object_mut().expect("an object").remove(field);
                wrong.insert(format!("without-{field}-{index}.json"), (name, without));
            }
            let mut with = document.clone();
            with["another"] = Value::from(1);
            wrong.insert(format!("with-another-{index}.json"), (name, with));
            // A level further down, the first entry of each list.
            for (field, value) in fields {
                let entry = value
                    .as_array()
                    .and_then(|list| list.first())
                    .and_then(Value::as_object);
                for inner in entry.into_iter().flat_map(|entry| entry.keys()) {
                    let mut without = document.clone();
                    without[field][0].as_object_mut().expect("an object").remove(inner);
                    wrong.insert(format!("without-{field}-{inner}-{index}.json"), (name, without));
                }
            }
        }
        let files: Vec<_> = right
            .iter()
            .chain(&wrong)
            .map(|(file, (_, document))| {
                let path = folder.path().join(format!("{}-{file}", kind.name()));
                fs::write(&path, document.to_string()).expect("a document");
                path
            })
            .collect();
        let mut command = Command::new(&judge);
        let output = run(command.args(["-o", "json", "--schemafile"]).arg(&schema).args(&files));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let errors = report["errors"].as_array().cloned().unwrap_or_default();
        let refused: BTreeMap<&str, &Value> = errors
            .iter()
            .map(|error| {
                (
                    error["filename"]
                        .as_str()
                        .expect("a name")
                        .rsplit('/')
                        .next()
                        .expect("a name"),
                    error,
                )
            })
            .collect();
        let is_refused = |file: &str| refused.get(format!("{}-{file}", kind.name()).as_str()).copied();
        for (file, (name, _)) in &right {
            assert_eq!(is_refused(file), None, "{}: {name}", kind.name());
        }
        for (file, (name, _)) in &wrong {
            assert!(is_refused(file).is_some(), "{}: {name}: {file} is taken", kind.name());
        }
    }
}

#[test]
fn a_command_that_has_nothing_to_show_says_why_as_a_document() {
    let of = |name: &str| {
        let documents = documents();
        documents.into_iter().find(|(of, _)| of == name).expect("a document").1
    };
    let of_spec = of("plan wrong.toml");
    assert_eq!(kind_of(&of_spec), JsonKind::Error);
    let diagnostics = of_spec["diagnostics"].as_array().expect("diagnostics");
    assert!(
        diagnostics.iter().any(|one| one["code"] == "unknown-field"),
        "{of_spec:#}"
    );
    let of_code = of("explain even-etcds");
    let message = of_code["messages"][0].as_str().expect("a message");
    assert!(message.contains("even-etcd"), "{of_code:#}");
}

#[test]
fn the_page_has_every_kind_and_who_prints_it() {
    let page = fs::read_to_string(project().join("docs/command-line.md")).expect("a page");
    for (name, document) in documents() {
        let kind = document["kind"].as_str().expect("a kind");
        let line = page.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let line = line.unwrap_or_else(|| panic!("{kind} is not on the page"));
        let words: Vec<&str> = name.split(' ').filter(|word| !word.contains(['.', '/'])).collect();
        let command = words.first().expect("a command");
        let is_told = line.contains(&format!("`{command}")) || kind_of(&document) == JsonKind::Error;
        assert!(is_told, "{name} prints {kind}: {line}");
    }
    let kinds: BTreeSet<String> = JsonKind::ALL
        .iter()
        .map(|kind| format!("| `khw-gen/{}/v1` |", kind.name()))
        .collect();
    let told: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `khw-gen/"))
        .filter_map(|line| line.match_indices('|').nth(1).map(|(at, _)| line[..=at].to_owned()))
        .collect();
    assert_eq!(told, kinds);
}

#[test]
fn the_schemas_are_those_of_the_folder_and_each_has_its_kind() {
    let folder = project().join("docs/schema");
    let files: BTreeSet<String> = fs::read_dir(&folder)
        .expect("docs/schema")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    let expected: BTreeSet<String> = JsonKind::ALL
        .iter()
        .map(|kind| format!("{}-v1.json", kind.name()))
        .collect();
    assert_eq!(files, expected);
    for kind in JsonKind::ALL {
        let schema: Value = serde_json::from_str(kind.schema()).expect("JSON");
        let name = format!("khw-gen/{}/v1", kind.name());
        assert_eq!(schema["properties"]["kind"]["const"], name.as_str());
        assert_eq!(schema["title"], name.as_str());
    }
}

#[test]
fn sarif_leads_to_the_line_and_to_the_file() {
    const TEST: &str = "SARIF by the models of another";
    let spec = Spec::new(
        &HOSTS,
        "layout = \"split\"\n[cluster]\nname = \"sarif\"\nnaem = \"x\"\n",
    )
    .with_ecdsa_keys();
    let folder = spec.path().parent().expect("a folder").to_owned();
    let wrong = document(&["check", "cluster.toml", "--format", "sarif"], &folder, 1);
    let results = |log: &Value| log["runs"][0]["results"].as_array().expect("results").clone();
    let found = results(&wrong);
    let of_field = found
        .iter()
        .find(|one| one["ruleId"] == "unknown-field")
        .expect("the field");
    let place = &of_field["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "cluster.toml");
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let line = text
        .lines()
        .position(|line| line.starts_with("naem"))
        .expect("the line")
        + 1;
    assert_eq!(place["region"]["startLine"], line);
    assert_eq!(
        (&place["region"]["startColumn"], &place["region"]["endColumn"]),
        (&1.into(), &5.into())
    );
    let rules = wrong["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    for one in &found {
        let index = one["ruleIndex"]
            .as_u64()
            .and_then(|index| usize::try_from(index).ok())
            .expect("an index");
        assert_eq!(rules[index]["id"], one["ruleId"]);
    }

    fs::write(spec.path(), text.replace("naem = \"x\"\n", "")).expect("cluster.toml");
    must(
        khw_gen()
            .args(["build", "cluster.toml", "-o", "out", "--quiet"])
            .current_dir(&folder),
    );
    // Of each, what has ended names a file that is there.
    let ended = document(
        &["verify", "out", "--format", "sarif", "--at", "2050-01-01T00:00:00Z"],
        &folder,
        1,
    );
    let found = results(&ended);
    assert!(found.len() > 10, "{ended:#}");
    for one in &found {
        let location = &one["locations"][0];
        let uri = location["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .expect("a URI");
        assert!(folder.join(uri).is_file(), "{uri}");
        assert!(
            location["logicalLocations"][0]["fullyQualifiedName"]
                .as_str()
                .is_some_and(|name| name.contains(": /"))
        );
        let message = one["message"]["text"].as_str().expect("a message");
        assert!(
            !message.contains("+00:00"),
            "an instant is as RFC 3339 has it: {message}"
        );
    }

    let python = project().join("target/pyca/bin/python");
    if !python.exists() {
        return support::skip(TEST, "sarif-pydantic is not installed");
    }
    let judge = |log: &Value| {
        let path = folder.join("log.sarif");
        fs::write(&path, log.to_string()).expect("a log");
        run(Command::new(&python)
            .arg(project().join("tests/judges/sarif.py"))
            .arg(path))
    };
    for log in [&wrong, &ended] {
        let judged = judge(log);
        assert!(judged.status.success(), "{}", said(&judged));
    }
    let mut with = wrong.clone();
    with["runs"][0]["results"][0]["levl"] = Value::from("error");
    let mut without = wrong;
    without["runs"][0].as_object_mut().expect("a run").remove("tool");
    assert!(!judge(&with).status.success() && !judge(&without).status.success());
}

/// The page's step is no document of its own, but a part of one.
#[test]
fn the_step_that_the_page_shows_is_one() {
    let Some(judge) = program("check-jsonschema", "the step that docs/running.md shows") else {
        return;
    };
    let schema: Value = serde_json::from_str(JsonKind::Changes.schema()).expect("JSON");
    let step = &schema["properties"]["steps"]["items"];
    assert!(step["required"].is_array(), "{schema:#}");
    let folder = TempDir::new().expect("a folder");
    let [as_schema, shown] = ["schema.json", "step.json"].map(|name| folder.path().join(name));
    fs::write(&as_schema, step.to_string()).expect("a schema");
    fs::write(&shown, examples::shown("a step", "json")).expect("a step");
    must(Command::new(judge).arg("--schemafile").args([as_schema, shown]));
}
