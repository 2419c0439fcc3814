//! What the user sets over what is generated: flags, settings and environment of components, and files of the user's own.
//! YAML, TOML and systemd read them back.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Spec, build, examples, khw_gen, mode, must, program, project, run, said};
use tempfile::TempDir;

const HOSTS: &[&str] = &[
    "cp1 10.0.0.1 control-plane etcd",
    "w1 10.0.0.2 worker",
    "w2 10.0.0.3 worker",
    "lb 10.0.0.4 load-balancer",
    "adm 10.0.0.5 admin",
];

fn compiled(own: &str, files: &[(&str, &str)]) -> (Spec, TempDir, PathBuf) {
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    for (name, text) in files {
        fs::write(spec.path().with_file_name(name), text).expect("a file beside cluster.toml");
    }
    let (folder, out) = build(&spec.path());
    (spec, folder, out)
}

fn read(out: &Path, host: &str, path: &str) -> String {
    let file = out.join(host).join("rootfs").join(path.trim_start_matches('/'));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The words of a unit's command line after the program.
fn flags(unit: &str) -> Vec<String> {
    let joined = unit.replace("\\\n", " ");
    let line = joined
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .expect("a command");
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

fn unit(out: &Path, host: &str, name: &str) -> String {
    read(out, host, &format!("/etc/systemd/system/{name}.service"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn flags_are_added_replaced_repeated_and_removed() {
    let plain = flags(&unit(&compiled("", &[]).2, "cp1", "kube-apiserver"));
    let own = r#"
[components.kube-apiserver.flags]
oidc-issuer-url = "https://issuer.example/a b;x=50%$HOME"
oidc-client-id = "kubernetes"
v = 4
profiling = true
event-ttl = false
feature-gates = "NodeSwap=true"
tls-sni-cert-key = ["/a.pem,/a-key.pem", "/b.pem,/b-key.pem"]
goaway-chance = 0.0_10
enable-garbage-collector = "false"
"#;
    let (_spec, _folder, out) = compiled(own, &[]);
    let text = unit(&out, "cp1", "kube-apiserver");
    let given = flags(&text);
    let has = |flag: &str| given.iter().any(|given| given == flag);
    assert!(plain.contains(&"--v=2".to_owned()) && plain.contains(&"--event-ttl=1h".to_owned()));
    for expected in [
        "--v=4",
        "--profiling=true",
        "--feature-gates=NodeSwap=true",
        "--tls-sni-cert-key=/a.pem,/a-key.pem",
        "--tls-sni-cert-key=/b.pem,/b-key.pem",
        "--goaway-chance=0.010",
        "--enable-garbage-collector=false",
    ] {
        assert!(has(expected), "{expected} in {text}");
    }
    assert!(
        text.contains(r#""--oidc-issuer-url=https://issuer.example/a b;x=50%%$$HOME""#),
        "{text}"
    );
    assert!(
        !text.contains("--event-ttl") && !has("--v=2") && !has("--profiling=false"),
        "{text}"
    );
    let place = |flags: &[String], name: &str| flags.iter().position(|flag| flag.starts_with(name));
    assert_eq!(
        place(&given, "--authorization-mode"),
        place(&plain, "--authorization-mode"),
        "what is not touched stays where it was"
    );
}

#[test]
fn the_most_particular_counts() {
    let own = r#"
[components.kubelet]
flags = { v = 3, housekeeping-interval = "10s" }
config = { maxPods = 100, evictionHard = { "memory.available" = "5%", "nodefs.available" = "10%" }, list = [1, 2] }
env = { A = "all", B = "all" }

[components.kubelet.on.worker]
flags = { v = 4 }
config = { maxPods = 110, evictionHard = { "memory.available" = "10%" }, authentication = { webhook = { cacheTTL = "1m" } } }
env = { A = "worker" }

[components.kubelet.on.w2]
flags = { v = 5, housekeeping-interval = false }
config = { maxPods = 120, list = [3] }
env = { A = "w2" }
"#;
    let (_spec, _folder, out) = compiled(own, &[]);
    let (one, two) = (unit(&out, "w1", "kubelet"), unit(&out, "w2", "kubelet"));
    assert!(
        one.contains("--v=4") && one.contains("--housekeeping-interval=10s"),
        "{one}"
    );
    assert!(
        two.contains("--v=5") && !two.contains("--housekeeping-interval"),
        "{two}"
    );
    assert!(
        one.contains("Environment=\"A=worker\"\nEnvironment=\"B=all\"\n"),
        "{one}"
    );
    assert!(two.contains("Environment=\"A=w2\"\nEnvironment=\"B=all\"\n"), "{two}");
    let config = |host| yaml(&read(&out, host, "/var/lib/kubelet/kubelet-config.yaml"));
    let (one, two) = (config("w1"), config("w2"));
    assert_eq!((&one["maxPods"], &two["maxPods"]), (&json!(110), &json!(120)));
    assert_eq!(
        (&one["list"], &two["list"]),
        (&json!([1, 2]), &json!([3])),
        "a list is replaced"
    );
    assert_eq!(
        one["evictionHard"],
        json!({ "memory.available": "10%", "nodefs.available": "10%" }),
        "tables become one"
    );
    assert_eq!(
        one["authentication"]["webhook"],
        json!({ "enabled": true, "cacheTTL": "1m" })
    );
    assert_eq!(
        one["authentication"]["anonymous"],
        json!({ "enabled": false }),
        "and ours stay"
    );
    assert_eq!(one["kind"], "KubeletConfiguration");
}

#[test]
fn settings_keep_their_types_in_yaml_and_toml() {
    let values =
        r#"{ text = "on", number = "1e3", "a.b c" = "x: y\nz", int = -7, float = 1e100, half = 0.5, yes = true,
        empty = "", list = [1, "1", true, [0.0], { deep = "~" }], none = {}, nothing = [] }"#
            .replace('\n', " ");
    let own = format!(
        "[components.kubelet.config]\nown = {values}\n[components.containerd.config.plugins.\"io.containerd.x.v1\"]\nown = {values}\n"
    );
    let (_spec, _folder, out) = compiled(&own, &[]);
    let expected = json!({
        "text": "on", "number": "1e3", "a.b c": "x: y\nz", "int": -7, "float": 1e100, "half": 0.5, "yes": true, "empty": "",
        "list": [1, "1", true, [0.0], { "deep": "~" }], "none": {}, "nothing": [],
    });
    let kubelet = yaml(&read(&out, "w1", "/var/lib/kubelet/kubelet-config.yaml"));
    assert_eq!(kubelet["own"], expected);
    let Some(python) = program("python3", "TOML read by another program") else {
        return;
    };
    let script = "import json,sys,tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))";
    let file = out.join("w1/rootfs/etc/containerd/config.toml");
    let read = must(Command::new(python).args(["-c", script]).arg(&file));
    let containerd: Value = serde_json::from_str(&read).expect("JSON");
    assert_eq!(containerd["plugins"]["io.containerd.x.v1"]["own"], expected);
    assert!(containerd["version"].is_i64(), "and ours are there: {containerd}");
}

#[test]
fn an_environment_reaches_the_program_as_it_is_written() {
    let value = r#"http://u:p%40@proxy:3128/?a=1&b="c" \ $HOME 'q' ä;#"#;
    let quoted = format!("'''{value}'''");
    let own = format!(
        "[components.containerd]\nenv = {{ HTTPS_PROXY = {quoted}, EMPTY = \"\", _x = \"1\" }}\n[components.nginx.on.lb]\nenv = {{ A = {quoted} }}\n\
         [components.etcd]\nenv = {{ A = {quoted} }}\n"
    );
    let (spec, _folder, out) = compiled(&own, &[]);
    let drop_in = read(
        &out,
        "w1",
        "/etc/systemd/system/containerd.service.d/10-environment.conf",
    );
    assert!(
        drop_in.starts_with("[Service]\nEnvironment=\"HTTPS_PROXY="),
        "{drop_in}"
    );
    assert_eq!(drop_in.lines().count(), 4, "{drop_in}");
    assert_eq!(
        mode(&out.join("w1/rootfs/etc/systemd/system/containerd.service.d/10-environment.conf")),
        0o644
    );
    let path = "etc/systemd/system/nginx.service.d/10-environment.conf";
    assert!(out.join("lb/rootfs").join(path).is_file() && !out.join("w1/rootfs").join(path).exists());
    let plan = must(khw_gen().arg("plan").arg(spec.path()));
    assert!(plan.contains("[components.containerd] env"), "{plan}");
    for unit in [drop_in, unit(&out, "cp1", "etcd")] {
        let assignments: Vec<String> = unit
            .lines()
            .filter_map(|line| line.strip_prefix("Environment="))
            .map(unquoted)
            .collect();
        assert!(
            assignments
                .iter()
                .any(|assignment| assignment.split_once('=').is_some_and(|(_, own)| own == value)),
            "{unit}"
        );
    }
    let Some(analyze) = program("systemd-analyze", "units with an environment") else {
        return;
    };
    let units = TempDir::new().expect("a folder");
    let text = unit(&out, "cp1", "etcd").replace("/usr/local/bin/etcd", "/bin/true");
    fs::write(units.path().join("etcd.service"), text).expect("a unit");
    let output = run(Command::new(analyze)
        .arg("verify")
        .arg(units.path().join("etcd.service")));
    assert!(!said(&output).contains("nvironment"), "{}", said(&output));
}

/// systemd.syntax(7), "Quoting", and systemd.unit(5), "Specifiers": what is between double quotes.
fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("quotes");
    let mut out = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| "\\\"".contains(*c)).expect("an escape")),
            '%' => out.push(chars.next().filter(|c| *c == '%').expect("a doubled percent sign")),
            '"' => panic!("a quote ends {text}"),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn files_of_ones_own_are_rendered_for_each_host() {
    let template = "# {{ host.name }} of {{ cluster.name }}\n{% for server in api_servers %}\nserver = \"https://{{ server.url_ip }}\"\n{%- endfor %}\n<&'\">\n";
    let own = r##"
[[files]]
on = "worker"
at = "/etc/containerd/certs.d/docker.io/hosts.toml"
template = "hosts.toml.j2"

[[files]]
on = "all"
at = "/etc/motd"
content = "{{ host.name }}: {{ host.roles | join(', ') }}\n"
mode = "0664"

[[files]]
on = "w2"
at = "/usr/local/bin/hook"
content = """#!/bin/sh
exec true
"""
mode = "750"
"##;
    let (spec, _folder, out) = compiled(own, &[("hosts.toml.j2", template)]);
    for host in ["w1", "w2"] {
        assert_eq!(
            read(&out, host, "/etc/containerd/certs.d/docker.io/hosts.toml"),
            format!("# {host} of kubernetes\n\nserver = \"https://10.0.0.1\"\n<&'\">\n")
        );
    }
    let rootfs = |host: &str, path: &str| out.join(host).join("rootfs").join(path);
    assert!(!rootfs("cp1", "etc/containerd/certs.d").exists());
    assert_eq!(read(&out, "cp1", "/etc/motd"), "cp1: control-plane, etcd\n");
    assert_eq!(mode(&rootfs("cp1", "etc/motd")), 0o664);
    assert_eq!(mode(&rootfs("w2", "usr/local/bin/hook")), 0o750);
    assert_eq!(
        mode(&rootfs("w1", "etc/containerd/certs.d/docker.io/hosts.toml")),
        0o644
    );
    let manifest = fs::read_to_string(out.join("w2/MANIFEST")).expect("a manifest");
    assert!(
        manifest.contains(" rootfs/usr/local/bin/hook\n") && manifest.contains("0750 "),
        "{manifest}"
    );
    let plan = must(khw_gen().arg("plan").arg(spec.path()));
    assert!(
        plan.contains("[[files]] hosts.toml.j2") && plan.contains("[[files]] content"),
        "{plan}"
    );
}

#[test]
fn every_mistake_of_every_template_is_told_at_once_where_it_stands() {
    let own = r#"
[[files]]
on = "all"
at = "/etc/a"
template = "sub/a.j2"

[[files]]
on = "worker"
at = "/etc/b"
template = "b.j2"

[components.kubelet]
flags = { "--v" = 1 }
"#;
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    let folder = spec.path().parent().expect("a folder").to_owned();
    fs::create_dir(folder.join("sub")).expect("a folder");
    fs::write(
        folder.join("sub/a.j2"),
        "one\n  {{ host.nmae }}\n{{ clster.name }}{{ encryption.key }}\n",
    )
    .expect("a file");
    fs::write(folder.join("b.j2"), "{{ host.name }\n").expect("a file");
    let output = run(khw_gen().args(["check", "--format", "json"]).arg(spec.path()));
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let told: Vec<(String, String, u64, u64)> = findings["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            let file = finding["file"]
                .as_str()
                .expect("a file")
                .rsplit('/')
                .next()
                .expect("a name")
                .to_owned();
            let number = |name: &str| finding[name].as_u64().expect("a number");
            (
                finding["code"].as_str().expect("a code").to_owned(),
                file,
                number("line"),
                number("column"),
            )
        })
        .collect();
    for (code, file, line, column) in [
        ("undefined-variable", "a.j2", 2, 6),
        ("undefined-variable", "a.j2", 3, 4),
        ("undefined-variable", "a.j2", 3, 21),
        ("bad-flag", "cluster.toml", 0, 0),
        ("bad-template", "b.j2", 1, 0),
    ] {
        let is_it = |found: &&(String, String, u64, u64)| {
            found.0 == code && found.1 == file && (line == 0 || found.2 == line) && (column == 0 || found.3 == column)
        };
        assert_eq!(
            told.iter().filter(is_it).count(),
            1,
            "{code} at {file}:{line}:{column} in {told:?}"
        );
    }
    assert_eq!(told.len(), 5, "once each, not once for each host: {told:?}");
}

#[test]
fn a_template_that_is_no_file_is_not_read() {
    let own = "[[files]]\non = \"all\"\nat = \"/etc/a\"\ntemplate = \"a.j2\"\n";
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    let template = spec.path().with_file_name("a.j2");
    let refused = |why: &str| {
        let output = run(khw_gen().arg("check").arg(spec.path()));
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains("unreadable-input") && said(&output).contains(why),
            "{}",
            said(&output)
        );
    };
    refused("a.j2");
    fs::create_dir(&template).expect("a folder");
    refused("not a file");
    fs::remove_dir(&template).expect("removed");
    must(Command::new("mkfifo").arg(&template));
    refused("not a file");
    fs::remove_file(&template).expect("removed");
    fs::write(&template, b"\xff").expect("a file");
    refused("not UTF-8");
}

/// The seed would lie on hosts, whatever the template is called.
#[test]
fn a_template_that_leads_to_the_seed_is_refused() {
    let own = "[[files]]\non = \"all\"\nat = \"/etc/a\"\ntemplate = \"a.j2\"\n";
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    let (seed, template) = (spec.path().with_file_name("seed"), spec.path().with_file_name("a.j2"));
    assert!(seed.is_file(), "the specification names it");
    let check = || run(khw_gen().arg("check").arg(spec.path()));
    std::os::unix::fs::symlink("seed", &template).expect("a link");
    assert!(
        said(&check()).contains("error[secret-as-template]"),
        "{}",
        said(&check())
    );
    fs::remove_file(&template).expect("removed");
    fs::hard_link(&seed, &template).expect("a link");
    assert!(
        said(&check()).contains("error[secret-as-template]"),
        "{}",
        said(&check())
    );
    fs::remove_file(&template).expect("removed");
    fs::write(&template, "a text\n").expect("a file");
    assert_eq!(check().status.code(), Some(0), "{}", said(&check()));
}

/// Of a request that can't be read, diagnostics show the line.
#[test]
fn a_request_that_leads_to_the_seed_is_refused_and_not_shown() {
    let spec = Spec::new(HOSTS, "").with_ecdsa_keys();
    let seed = spec.path().with_file_name("seed");
    let folder = spec.path().with_file_name("csr");
    let check = || said(&run(khw_gen().arg("check").arg(spec.path())));
    let first_line = "not-to-be-shown-1f8ba02c64e9d7355b0c";
    fs::write(&seed, format!("{first_line}\n")).expect("a seed");
    for name in ["admin-csr.json", "ca-config.json", "of-nothing.json"] {
        let link = folder.join(name);
        let kept = fs::read(&link).ok();
        drop(fs::remove_file(&link));
        std::os::unix::fs::symlink("../seed", &link).expect("a link");
        let told = check();
        assert!(told.contains("error[secret-as-text]"), "{name}: {told}");
        assert!(!told.contains(first_line), "{name} is shown");
        fs::remove_file(&link).expect("removed");
        if let Some(kept) = kept {
            fs::write(&link, kept).expect("a file");
        }
    }
    assert!(!check().contains("error["), "{}", check());
}

#[test]
fn what_cannot_be_read_is_told_where_it_is_named_and_with_all_else() {
    let own = "[pki.ca]\ncert = \"gone.pem\"\nkey = \"open.pem\"\n\
               [[files]]\non = \"all\"\nat = \"/etc/a\"\ntemplate = \"gone.j2\"\n\
               [[files]]\non = \"w1\"\nat = \"/etc/b\"\ntemplate = \"gone.j2\"\nmood = \"0600\"\n";
    let spec = Spec::new(HOSTS, own).with_ecdsa_keys();
    let key = spec.path().with_file_name("open.pem");
    fs::write(&key, "hush").expect("a key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::write(spec.path().with_file_name("csr").join("kube-proxy-csr.json"), b"\xff").expect("a file");
    let output = run(khw_gen().args(["check", "--format", "json"]).arg(spec.path()));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = fs::read_to_string(spec.path()).expect("a specification");
    let line = |wanted: &str| text.lines().position(|line| line == wanted).expect("a line") as u64 + 1;
    let errors = report["diagnostics"].as_array().expect("a list").iter();
    let errors: Vec<(&str, Option<u64>, &str)> = errors
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().expect("a text");
            (text("code"), finding["line"].as_u64(), text("message"))
        })
        .collect();
    for (code, line, part) in [
        ("unreadable-input", Some(line("cert = \"gone.pem\"")), "gone.pem"),
        (
            "unreadable-input",
            Some(line("key = \"open.pem\"")),
            "open.pem has mode 0644",
        ),
        ("unreadable-input", Some(line("template = \"gone.j2\"")), "gone.j2"),
        ("unreadable-input", None, "kube-proxy-csr.json is not UTF-8"),
        ("unknown-field", Some(line("mood = \"0600\"")), "mood"),
    ] {
        let is_it = |found: &&(&str, Option<u64>, &str)| found.0 == code && found.1 == line && found.2.contains(part);
        assert_eq!(errors.iter().filter(is_it).count(), 1, "{code} {part} in {errors:?}");
    }
    assert_eq!(errors.len(), 5, "and nothing that only follows from it: {errors:?}");
    assert!(!said(&output).contains("hush"));
}

#[test]
fn what_stands_in_a_file_that_cannot_be_read_is_not_guessed() {
    let own = "[[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\n\
               profile = \"mine\"\nplaces = [{ on = \"worker\", certificate = \"/etc/m.pem\", key = \"/etc/m-key.pem\" }]\n";
    let profiles = |text: String| {
        text.replace(
            "\"kubernetes\":",
            "\"mine\": { \"usages\": [\"client auth\"], \"expiry\": \"80000h\" }, \"kubernetes\":",
        )
    };
    let long = |text: String| text.replacen('{', "{ \"ca\": { \"expiry\": \"175200h\" },", 1);
    let spec = Spec::new(HOSTS, own).with_csrs(|name, text| {
        let text = text
            .replace(r#""algo": "rsa""#, r#""algo": "ecdsa""#)
            .replace(r#""size": 2048"#, r#""size": 256"#);
        match name {
            "ca-config.json" => profiles(text),
            "ca-csr.json" => long(text),
            _ => text,
        }
    });
    let csr = spec.path().with_file_name("csr");
    fs::copy(csr.join("admin-csr.json"), csr.join("metrics-csr.json")).expect("a CSR file");
    let errors = || {
        let output = run(khw_gen().args(["check", "--format", "json"]).arg(spec.path()));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let all = report["diagnostics"].as_array().expect("a list");
        let errors = all.iter().filter(|finding| finding["severity"] != "note");
        errors
            .map(|finding| {
                (
                    finding["code"].as_str().expect("a code").to_owned(),
                    finding["line"].as_u64(),
                )
            })
            .collect::<Vec<_>>()
    };
    let before = errors();
    assert!(before.iter().all(|(code, _)| code != "unreadable-input"), "{before:?}");
    let text = fs::read_to_string(spec.path()).expect("a specification");
    let named = text
        .lines()
        .position(|line| line == "csr = \"metrics-csr.json\"")
        .map(|line| line as u64 + 1);
    let only = |line: Option<u64>, what: &str| {
        let new: Vec<_> = errors().into_iter().filter(|error| !before.contains(error)).collect();
        assert_eq!(new, [("unreadable-input".to_owned(), line)], "{what}");
    };
    for (name, line) in [
        ("ca-config.json", None),
        ("ca-csr.json", None),
        ("kubernetes-csr.json", None),
        ("metrics-csr.json", named),
    ] {
        let (file, aside) = (csr.join(name), csr.join("aside"));
        fs::rename(&file, &aside).expect("a move");
        fs::create_dir(&file).expect("a folder");
        only(line, name);
        fs::remove_dir(&file).expect("a folder");
        fs::rename(&aside, &file).expect("a move");
    }
    // The folder itself: nobody knows what is in it.
    let aside = csr.with_file_name("aside");
    fs::rename(&csr, &aside).expect("a move");
    fs::write(&csr, "no folder").expect("a file");
    only(None, "a file in the place of the folder");
    fs::remove_file(&csr).expect("a file");
    std::os::unix::fs::symlink("nowhere", &csr).expect("a link");
    only(None, "a link that leads nowhere");
}

/// The variables of each host, of what `facts` prints.
fn hosts(printed: &str) -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(printed).expect("JSON");
    let hosts = document["hosts"].as_object().expect("hosts");
    hosts
        .iter()
        .map(|(name, facts)| (name.clone(), facts.clone()))
        .collect()
}

#[test]
fn the_facts_are_the_variables() {
    let spec = Spec::new(HOSTS, "").with_ecdsa_keys();
    let all = hosts(&must(khw_gen().arg("facts").arg(spec.path())));
    assert_eq!(all.keys().collect::<Vec<_>>(), ["adm", "cp1", "lb", "w1", "w2"]);
    let text = must(khw_gen().arg("facts").arg(spec.path()).args(["--host", "w2"]));
    let mut one = hosts(&text)["w2"].clone();
    let routes = one
        .as_object_mut()
        .and_then(|one| one.remove("pod_routes"))
        .expect("routes");
    assert_eq!(
        (routes[0]["host"].as_str(), routes.as_array().map(Vec::len)),
        (Some("w1"), Some(1))
    );
    // From each host to each: a fleet has too many to print.
    assert_eq!(one, all["w2"]);
    assert_eq!(one["host"]["ip"], "10.0.0.3");
    assert_eq!(hosts(&text).len(), 1, "{text}");
    assert!(!text.contains("PRIVATE") && fs::remove_file(spec.path().with_file_name("seed")).is_ok());
    assert_eq!(
        must(khw_gen().arg("facts").arg(spec.path()).args(["--host", "w2"])),
        text,
        "without a seed too"
    );
    let unknown = run(khw_gen().arg("facts").arg(spec.path()).args(["--host", "w3"]));
    assert!(
        unknown.status.code() == Some(1) && String::from_utf8_lossy(&unknown.stdout).contains("khw-gen/error/v1"),
        "{}",
        said(&unknown)
    );
    assert!(said(&unknown).contains("w2"), "{}", said(&unknown));
}

/// The names of all variables below `value`: `host.name`, `api_servers[].name`.
fn names(value: &Value, above: &str, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if above.is_empty() { "" } else { "." };
                names(value, &format!("{above}{dot}{name}"), found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                names(item, &format!("{above}[]"), found);
            }
        }
        // A list of tables that is empty here is told by a cluster where it is not.
        Value::Array(items) if items.is_empty() => {}
        _ => {
            found.insert(above.to_owned());
        }
    }
}

#[test]
fn the_page_names_every_variable_and_no_other() {
    let rich = Spec::new(
        &[
            "cp1 10.0.0.1 control-plane etcd admin worker",
            "w1 10.0.0.2 worker",
            "w2 10.0.0.3 worker",
            "lb1 10.0.0.4 load-balancer",
            "lb2 10.0.0.5 load-balancer",
        ],
        "[load_balancer]\nvirtual_ip = \"10.0.0.9\"\ninterface = \"eth0\"\n",
    )
    .with_ecdsa_keys();
    let split = Spec::new(&["cp 10.0.0.1 control-plane etcd", "w 10.0.0.2 worker"], "");
    let walkthrough = support::walkthrough();
    let mut found = std::collections::BTreeSet::new();
    for spec in [rich.path(), split.path(), walkthrough] {
        let all = hosts(&must(khw_gen().arg("facts").arg(&spec)));
        for host in all.keys() {
            let text = must(khw_gen().arg("facts").arg(&spec).args(["--host", host]));
            names(&hosts(&text)[host], "", &mut found);
        }
    }
    let page = fs::read_to_string(project().join("docs/variables.md")).expect("the page");
    let told: std::collections::BTreeSet<String> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once('`')
                .map(|(name, _)| name.to_owned())
        })
        .collect();
    let missing: Vec<_> = found.difference(&told).collect();
    let gone: Vec<_> = told.difference(&found).collect();
    assert!(missing.is_empty(), "docs/variables.md does not name {missing:?}");
    assert!(gone.is_empty(), "docs/variables.md names what there is not: {gone:?}");
}

#[test]
fn the_settings_of_the_documents_compile() {
    let text = examples::shown("own settings", "toml");
    let template = examples::shown("own settings' template", "jinja");
    let hosts = [
        "master1 10.0.0.1 control-plane etcd admin",
        "node1 10.0.0.2 worker",
        "node2 10.0.0.3 worker",
    ];
    let spec = Spec::new(&hosts, &text).with_ecdsa_keys();
    fs::write(spec.path().with_file_name("hosts.toml.j2"), template).expect("a template");
    let (_folder, out) = build(&spec.path());
    assert!(unit(&out, "master1", "kube-apiserver").contains("--oidc-issuer-url="));
    let config = yaml(&read(&out, "node2", "/var/lib/kubelet/kubelet-config.yaml"));
    assert_eq!(config["maxPods"], 200);
    assert!(read(&out, "node1", "/etc/containerd/certs.d/docker.io/hosts.toml").contains("node1"));
}

/// A file takes the place of the flags that it excludes: where the user gives one, the compiler's own flag is left out.
#[test]
fn a_flag_of_ours_gives_way_to_the_file_that_excludes_it() {
    let own = r#"
[cluster]
kubernetes = "1.34"

[components.kube-apiserver.on.cp1.flags]
authorization-config = "/etc/kubernetes/authorization.yaml"

[[files]]
on = "cp1"
at = "/etc/kubernetes/authorization.yaml"
content = """
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- { type: Node, name: node }
- { type: RBAC, name: rbac }
"""
"#;
    let (_spec, _folder, out) = compiled(own, &[]);
    let given = flags(&unit(&out, "cp1", "kube-apiserver"));
    let has = |start: &str| given.iter().any(|flag| flag.starts_with(start));
    assert!(
        has("--authorization-config=") && !has("--authorization-mode"),
        "{given:?}"
    );
    // The same is sound to those who find it, and not if the file lets everybody in or forgets who is bound.
    let verify = || run(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));
    let about = |said: &str| said.contains("authorization");
    assert!(!about(&said(&verify())), "{}", said(&verify()));
    let file = out.join("cp1/rootfs/etc/kubernetes/authorization.yaml");
    let text = fs::read_to_string(&file).expect("the file");
    fs::write(&file, text.replace("RBAC", "Webhook")).expect("another file");
    assert!(about(&said(&verify())), "{}", said(&verify()));
}

/// What `check` says of settings, on these hosts.
fn told(hosts: &[&str], own: &str) -> String {
    let spec = Spec::new(hosts, own).with_ecdsa_keys();
    let output = run(khw_gen().arg("check").arg(spec.path()));
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn a_port_of_a_service_is_taken_where_kube_proxy_opens_it() {
    let range = |minor: &str, range: &str| {
        format!(
            "[cluster]\nkubernetes = \"1.{minor}\"\n\
             [components.kube-apiserver.flags]\nservice-node-port-range = \"{range}\"\n"
        )
    };
    let apart = HOSTS;
    let together = &["cp1 10.0.0.1 control-plane etcd worker"];
    let is_told =
        |hosts: &[&str], minor: &str, ports: &str| told(hosts, &range(minor, ports)).contains("node-ports-taken");
    for (hosts, minor, ports, expected) in [
        // An API server has its host to itself unless there is a kube-proxy beside it.
        (apart, "37", "6000-7000", false),
        (together, "37", "6000-7000", true),
        (apart, "37", "10200-10300", true),
        // The ports without encryption went with 1.23.
        (together, "37", "10251-10252", false),
        (together, "22", "10251-10252", true),
    ] {
        assert_eq!(is_told(hosts, minor, ports), expected, "{hosts:?} 1.{minor} {ports}");
    }
}

/// `verify` has hosts of its own to look at, and says the same.
#[test]
fn a_port_of_a_service_that_is_found_is_judged_alike() {
    let own = "[cluster]\nkubernetes = \"1.37\"\n";
    let is_found = |hosts: &[&str], ports: &str| {
        let spec = Spec::new(hosts, own).with_ecdsa_keys();
        let (_folder, out) = build(&spec.path());
        let path = out.join("cp1/rootfs/etc/systemd/system/kube-apiserver.service");
        let text = fs::read_to_string(&path).expect("a unit");
        let other = text.replace("range=30000-32767", &format!("range={ports}"));
        assert_ne!(text, other);
        fs::write(path, other).expect("a unit");
        let output = run(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));
        said(&output).contains("node-port-taken")
    };
    let together = &["cp1 10.0.0.1 control-plane etcd worker"];
    assert!(!is_found(HOSTS, "6000-7000") && is_found(HOSTS, "10200-10300"));
    assert!(is_found(together, "6000-7000") && !is_found(together, "10251-10252"));
}

#[test]
fn pods_are_counted_against_a_bridge_that_there_is() {
    let own = |cni: &str| format!("[network]\ncni = {cni:?}\n[components.kubelet.config]\nmaxPods = 500\n");
    let with_bridge = told(HOSTS, &own("bridge"));
    // A node's part is never larger, whatever the range of all is.
    assert!(with_bridge.contains("help: at most 253\n"), "{with_bridge}");
    let without = told(HOSTS, &own("none"));
    assert!(!without.contains("pods-beyond-range"), "{without}");
}

#[test]
fn who_may_do_what_is_not_said_to_be_open_where_a_file_decides_it() {
    let open = "everybody who is known may do everything";
    let own = |file: &str, flag: &str| {
        format!("[cluster]\nkubernetes = \"1.34\"\n[components.kube-apiserver.flags]\n{file}\n{flag}\n")
    };
    let (file, removed) = (
        "authorization-config = \"/etc/kubernetes/authorization.yaml\"",
        "authorization-mode = false",
    );
    let on_a_host = format!("[components.kube-apiserver.on.cp1.flags]\n{removed}");
    for removed in [removed, &on_a_host] {
        let both = told(HOSTS, &own(file, removed));
        assert!(
            !both.contains(open) && both.contains("its file has to name both"),
            "{both}"
        );
        let one = told(HOSTS, &own("", removed));
        assert!(one.contains(open), "{one}");
    }
    // A file on one host decides nothing on others.
    let elsewhere = format!("[components.kube-apiserver.on.cp1.flags]\n{file}");
    let other = told(HOSTS, &own(removed, &elsewhere));
    assert!(other.contains(open), "{other}");
}

const PROXY: &str = r#"
[components.containerd.env]
HTTPS_PROXY = "http://bob:hunter2@proxy:3128"
no_proxy = "10.0.0.0/8"

[components.kubelet.env]
REGISTRY_PASSWORD = "hunter2 and hunter2"

[components.kube-apiserver.flags]
etcd-servers = "https://bob:hunter2@10.0.0.1:2379"

[[files]]
on = "worker"
at = "/etc/containers/auth.json"
content = '{"auths": {"example.org": {"auth": "hunter2"}}}'

[[files]]
on = "worker"
at = "/root/secret.yaml"
content = """
kind: Secret
stringData:
  a: hunter2
"""
"#;

/// One notion of a secret: what nobody is to read is shown by no command, and by none as something else.
#[test]
fn a_password_in_a_readable_file_is_told_and_never_shown() {
    let (spec, folder, out) = compiled(PROXY, &[]);
    let path = spec.path();
    let plain = Spec::new(HOSTS, "").with_ecdsa_keys();
    let golden = folder.path().join("golden");
    let mut told = Vec::new();
    let mut tell = |command: &mut Command| {
        let text = said(&run(command));
        assert!(!text.contains("hunter2"), "{command:?}: {text}");
        told.push(text);
    };
    tell(khw_gen().arg("check").arg(&path));
    tell(khw_gen().arg("check").arg(&path).args(["--format", "json"]));
    tell(khw_gen().arg("plan").arg(&path).arg("--flags"));
    tell(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));
    tell(
        khw_gen()
            .arg("verify")
            .arg(&out)
            .args(["--at", "2026-06-01T00:00:00Z", "--format", "json"]),
    );
    tell(khw_gen().arg("diff").arg(plain.path()).arg(&path));
    tell(
        khw_gen()
            .arg("diff")
            .arg(&path)
            .arg(plain.path())
            .args(["--format", "json"]),
    );
    tell(khw_gen().arg("golden").arg("write").arg(&path).arg(&golden));
    assert_eq!(told[0].matches("warning[readable-secret]").count(), 5, "{}", told[0]);
    assert!(told[3].matches("secret-in-the-open").count() >= 5, "{}", told[3]);
    for (name, bytes) in support::files_below(&golden) {
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{name}");
    }
    let drop_in = "w1/rootfs/etc/systemd/system/containerd.service.d/10-environment.conf";
    let text = fs::read_to_string(golden.join(drop_in)).expect("a golden of the drop-in");
    assert!(
        text.contains("HTTPS_PROXY=http://hmac-sha256:")
            && text.contains("@proxy:3128")
            && text.contains("no_proxy=10."),
        "{text}"
    );
    assert!(
        read(&out, "w1", "/root/secret.yaml").contains("hunter2"),
        "the host gets it"
    );
}

/// What of a proxy and its exceptions an etcd heeds: whom it calls through the proxy, while it looks for another member.
fn asks_the_proxy(etcd: &Path, variables: &[(&str, &str)]) -> bool {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let proxy = listen();
    proxy.set_nonblocking(true).expect("a listener that does not wait");
    let (clients, peers) = (port(&listen()), port(&listen()));
    let folder = TempDir::new().expect("a folder");
    let of_proxy = format!("http://127.0.0.1:{}", port(&proxy));
    let variables = variables
        .iter()
        .map(|(name, value)| (*name, value.replace("PROXY", &of_proxy)));
    let mut member = Command::new(etcd)
        .env_clear()
        .envs(variables)
        .arg("--name=a")
        .arg(format!("--data-dir={}", folder.path().join("data").display()))
        .arg(format!("--listen-client-urls=http://127.0.0.1:{clients}"))
        .arg(format!("--advertise-client-urls=http://127.0.0.1:{clients}"))
        .arg(format!("--listen-peer-urls=http://127.0.0.1:{peers}"))
        .arg(format!("--initial-advertise-peer-urls=http://127.0.0.1:{peers}"))
        .arg(format!(
            "--initial-cluster=a=http://127.0.0.1:{peers},b=https://10.9.9.9:2380"
        ))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("etcd");
    let until = Instant::now() + Duration::from_secs(3);
    let mut asked = false;
    while !asked && Instant::now() < until {
        asked = proxy.accept().is_ok();
        thread::sleep(Duration::from_millis(20));
    }
    member.kill().and_then(|()| member.wait()).expect("it ends");
    asked
}

/// etcd is the judge of the rules about it: which variables it heeds, and which flags it refuses.
#[test]
fn etcd_says_the_same_of_proxies_and_of_flags() {
    let test = "etcd as a judge of settings that go together";
    let Some(etcd) = program("etcd", test) else { return };
    for (variables, asks) in [
        (&[][..], false),
        (&[("HTTPS_PROXY", "PROXY")], true),
        (&[("HTTP_PROXY", "PROXY")], false),
        (&[("https_proxy", "PROXY"), ("no_proxy", "10.9.0.0/16")], false),
        (
            &[
                ("HTTPS_PROXY", "PROXY"),
                ("NO_PROXY", "10.9.9.9:2380,10.9.9.8,10.9.9.10"),
            ],
            false,
        ),
        (&[("HTTPS_PROXY", "PROXY"), ("NO_PROXY", "10.9.9.9:2381")], true),
        (&[("HTTPS_PROXY", "PROXY"), ("NO_PROXY", "10.9.")], true),
        // Nothing is said of it, since nobody heeds it.
        (&[("ALL_PROXY", "PROXY")], false),
    ] {
        assert_eq!(asks_the_proxy(&etcd, variables), asks, "{variables:?}");
        let of_etcd: String = variables
            .iter()
            .map(|(name, value)| format!("{name} = \"{}\"\n", value.replace("PROXY", "http://proxy:3128")))
            .collect();
        let hosts = [
            "cp1 10.9.9.8 control-plane etcd",
            "e2 10.9.9.9 etcd",
            "e3 10.9.9.10 etcd",
        ];
        let spec = Spec::new(&hosts, &format!("[components.etcd.env]\n{of_etcd}")).with_ecdsa_keys();
        let text = said(&run(khw_gen().arg("check").arg(spec.path())));
        assert_eq!(text.contains("proxied-cluster"), asks, "{variables:?}: {text}");
    }
    let folder = TempDir::new().expect("a folder");
    let data = format!("--data-dir={}", folder.path().join("data").display());
    for (arguments, why) in [
        (
            &[
                "--initial-cluster=default=http://localhost:2380",
                "--discovery-srv=example.org",
            ][..],
            "multiple discovery or bootstrap flags are set",
        ),
        (
            &[
                "--cert-file=/x.pem",
                "--listen-client-urls=https://127.0.0.1:0",
                "--advertise-client-urls=https://127.0.0.1:1",
            ],
            "KeyFile and CertFile must both be present",
        ),
    ] {
        let output = run(Command::new(&etcd).env_clear().arg(&data).args(arguments));
        assert!(
            !output.status.success() && said(&output).contains(why),
            "{}",
            said(&output)
        );
    }
}

/// How a proxy's password stays out of what everybody reads, as docs/settings.md has it.
#[test]
fn the_documents_way_keeps_a_password_out_of_units() {
    let own = examples::shown("secret variables", "toml");
    let hosts = ["master1 10.0.0.1 control-plane etcd", "node1 10.0.0.2 worker"];
    let spec = Spec::new(&hosts, &own).with_ecdsa_keys();
    let checked = said(&run(khw_gen().arg("check").arg(spec.path())));
    assert!(!checked.contains("secret") && !checked.contains("proxied"), "{checked}");
    let (_folder, out) = build(&spec.path());
    let drop_in = read(&out, "node1", "/etc/systemd/system/containerd.service.d/20-proxy.conf");
    let named = drop_in.lines().find_map(|line| line.strip_prefix("EnvironmentFile="));
    assert_eq!(named, Some("/etc/containerd/proxy.env"), "{drop_in}");
    assert!(
        read(
            &out,
            "node1",
            "/etc/systemd/system/containerd.service.d/10-environment.conf"
        )
        .contains("NO_PROXY=10.")
    );
}
