//! Every flag in a unit and every field in a configuration file of the goldens is known to the release that it is for.

mod support;

use std::fs;
use std::path::Path;

use khw_gen::catalog::flags::{Known, field, first_patch, flag, is_switch, kinds};
use khw_gen::catalog::releases::Release;
use serde_json::Value;
use support::{files_below, project};

/// The minor and the patch of `1.14` or `3.3.10`.
fn version(text: &str) -> (u16, u16) {
    let number = |part: Option<&str>| part.map_or(0, |part| part.parse().expect("a number"));
    let mut parts = text.split('.').skip(1);
    (number(parts.next()), number(parts.next()))
}

/// What a release refuses in the files below `root`, one line for each.
fn refused(root: &Path, release: &Release) -> (usize, Vec<String>) {
    let (minor, _) = version(release.kubernetes);
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for (name, bytes) in files_below(root) {
        let Ok(text) = String::from_utf8(bytes) else { continue };
        if name.ends_with(".service") {
            let (component, flags) = command_line(&text);
            let (minor, patch) = if component == "etcd" {
                version(release.etcd)
            } else {
                (minor, 0)
            };
            for (flag_name, has_value) in flags {
                looked_at += 1;
                match flag(component, flag_name, minor) {
                    Known::Yes if component == "etcd" && first_patch(component, flag_name, minor) > patch => {
                        wrong.push(format!("{name}: --{flag_name} is younger than etcd {}", release.etcd));
                    }
                    Known::Yes if has_value || is_switch(component, flag_name, minor) => {}
                    Known::Yes => wrong.push(format!("{name}: --{flag_name} needs a value")),
                    other => wrong.push(format!("{name}: --{flag_name}: {other:?}")),
                }
            }
        } else if name.ends_with(".yaml") {
            let Ok(value) = serde_saphyr::from_str::<Value>(&text) else {
                continue;
            };
            let (Some(kind), Some(api)) = (value["kind"].as_str(), value["apiVersion"].as_str()) else {
                continue;
            };
            let kind = format!("{kind}/{}", api.rsplit('/').next().unwrap_or_default());
            let known_in_some = (14..=37).any(|minor| kinds(minor).any(|known| known == kind));
            if known_in_some {
                looked_at += 1;
                unknown_fields(&kind, "", &value, minor, &mut |path, known| {
                    wrong.push(format!("{name}: {path} of {kind}: {known:?}"));
                });
            }
        }
    }
    (looked_at, wrong)
}

/// The program of a unit and its flags, with whether each has a value.
fn command_line(unit: &str) -> (&str, Vec<(&str, bool)>) {
    let mut words = unit
        .split_once("\nExecStart=")
        .map_or("", |(_, rest)| rest)
        .split_whitespace();
    let program = words.next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let flags = words
        .filter(|word| *word != "\\")
        .map_while(|word| word.strip_prefix("--"))
        .map(|word| word.split_once('=').map_or((word, false), |(name, _)| (name, true)))
        .collect();
    (program, flags)
}

fn unknown_fields(kind: &str, above: &str, value: &Value, minor: u16, tell: &mut dyn FnMut(&str, Known)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if above.is_empty() {
                    name.clone()
                } else {
                    format!("{above}.{name}")
                };
                match field(kind, &path, minor) {
                    Known::Yes => unknown_fields(kind, &path, value, minor, tell),
                    other => tell(&path, other),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| unknown_fields(kind, above, item, minor, tell)),
        _ => {}
    }
}

#[test]
fn the_goldens_hold_nothing_that_their_release_refuses() {
    let mut goldens = 0;
    for entry in fs::read_dir(project().join("golden")).expect("goldens") {
        let golden = entry.expect("an entry").path();
        let name = golden.file_name().expect("a name").to_string_lossy().into_owned();
        let Ok(specification) = fs::read_to_string(project().join("specs").join(&name).join("cluster.toml")) else {
            continue;
        };
        let specification: toml::Table = specification.parse().expect("TOML");
        let kubernetes = specification["cluster"]["kubernetes"].as_str().expect("a release");
        let release = Release::by_name(kubernetes).expect("a release that is known");
        let (looked_at, wrong) = refused(&golden, release);
        assert!(looked_at > 50, "{name}: only {looked_at} flags and files were found");
        assert_eq!(wrong, Vec::<String>::new(), "{name} on {kubernetes}");
        goldens += 1;
    }
    assert!(goldens > 0);
}

#[test]
fn what_a_release_refuses_is_found() {
    let unit = "[Service]\nExecStart=/usr/local/bin/kubelet \\\n  --config=/x \\\n  --allow-privileged \\\n  --v=2\nRestart=no\n";
    assert_eq!(
        command_line(unit),
        (
            "kubelet",
            vec![("config", true), ("allow-privileged", false), ("v", true)]
        )
    );
    let mut found = Vec::new();
    let value = serde_json::json!({"kind": "KubeletConfiguration", "clusterDns": ["10.32.0.10"], "evictionHard": {"memory.available": "1Gi"}});
    unknown_fields("KubeletConfiguration/v1beta1", "", &value, 14, &mut |path, _| {
        found.push(path.to_owned())
    });
    assert_eq!(found, ["clusterDns"]);
}
