//! Authorities that sign elsewhere: what they are asked, signed by OpenSSL and cfssl with the commands that stand beside the requests, becomes
//! bundles in which `verify` finds nothing; and each wrong answer is refused for what it is.

#[path = "external/answers.rs"]
mod answers;
#[path = "external/authority.rs"]
mod authority;
#[path = "external/rotated.rs"]
mod rotated;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use authority::{Authority, CA, Signing};
use serde_json::Value;
use support::{Spec, examples, files_below, khw_gen, must, program, project, run, said};

const HOSTS: [&str; 3] = [
    "cp 10.0.0.1 control-plane etcd",
    "w 10.0.0.2 worker",
    "adm 10.0.0.3 admin",
];

const AT: [&str; 2] = ["--at", "2026-06-01T00:00:00Z"];

/// The walk-through's layout with its one authority elsewhere, on P-256.
fn single(ca: &str, extra: &str) -> Spec {
    let spec = Spec::new(&HOSTS, &format!("[pki.ca]\nexternal = true\n{ca}\n{extra}")).with_ecdsa_keys();
    fs::remove_file(beside(&spec, "csr/ca-csr.json")).expect("it was there");
    spec
}

/// An authority each for the cluster, etcd and the front proxy, all elsewhere.
fn split(extra: &str) -> Spec {
    let sections = "[pki.ca]\nexternal = true\n[pki.bring.etcd-ca]\nexternal = true\n[pki.bring.front-proxy-ca]\nexternal = true\n";
    of_the_split_layout(&format!("{sections}{extra}"), |name| !name.ends_with("ca-csr.json"))
}

/// The split layout on P-256, with those of its CSR files that are wanted.
fn of_the_split_layout(sections: &str, wanted: impl Fn(&str) -> bool) -> Spec {
    let spec = Spec::new(&HOSTS, &format!("layout = \"split\"\n{sections}"));
    let folder = beside(&spec, "csr");
    fs::create_dir(&folder).expect("a folder");
    for (name, bytes) in files_below(&project().join("src/catalog/layouts/split")) {
        let text = String::from_utf8(bytes).expect("JSON is text");
        let text = text
            .replace("\"algo\": \"rsa\"", "\"algo\": \"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256");
        if wanted(&name) {
            fs::write(folder.join(name), text).expect("a CSR file");
        }
    }
    spec
}

fn beside(spec: &Spec, name: &str) -> PathBuf {
    spec.path().with_file_name(name)
}

/// The folder with the requests.
fn requests(spec: &Spec) -> PathBuf {
    let folder = beside(spec, "requests");
    must(khw_gen().arg("csr").arg(spec.path()).arg("-o").arg(&folder));
    folder
}

/// What the list of requests says of each, by its file.
fn manifest(requests: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(requests.join("REQUESTS.json")).expect("the list");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let list = document["requests"].as_array().expect("a list").clone();
    let file = |one: &Value| one["file"].as_str().expect("a name").to_owned();
    list.into_iter().map(|one| (file(&one), one)).collect()
}

/// What signs with a program, as the text beside the requests has it.
fn commands(requests: &Path, program: &str) -> String {
    let text = fs::read_to_string(requests.join("SIGN.md")).expect("the text");
    let heading = format!("\n{program}:\n\n```sh\n");
    let blocks = text.split(&heading).skip(1);
    let blocks: Vec<&str> = blocks
        .map(|block| block.split("```").next().expect("a block"))
        .collect();
    assert!(!blocks.is_empty(), "{text}");
    format!("set -e\nmkdir -p signed\n{}", blocks.concat())
}

fn build(spec: &Spec, signed: &Path, out: &Path) -> std::process::Output {
    let mut command = khw_gen();
    command.arg("build").arg(spec.path()).arg("--signed").arg(signed);
    run(command.arg("-o").arg(out))
}

/// Everything is issued at the instant at which the programs have signed, which have no other clock than the machine's.
fn issued_now(spec: &Spec) {
    let now = must(Command::new("date").args(["-u", "-d", "+1 minute", "+%Y-%m-%dT%H:%M:%SZ"]));
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let text = text.replace("2026-01-01T00:00:00Z", now.trim());
    fs::write(spec.path(), text).expect("cluster.toml");
}

/// An authority that begins now: `NAME.pem` and `NAME-key.pem`.
fn certificate_of_today(folder: &Path, name: &str) {
    let (key, certificate) = (format!("{name}-key.pem"), format!("{name}.pem"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "4000",
    ]);
    command.args([
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-subj",
        &format!("/CN=Example {name}"),
    ]);
    must(
        command
            .args(["-keyout", &key, "-out", &certificate])
            .current_dir(folder),
    );
}

#[test]
fn what_others_sign_with_the_commands_beside_the_requests_is_a_cluster() {
    const TEST: &str = "authorities elsewhere, round trip";
    if program("openssl", TEST).is_none() {
        return;
    }
    let has_cfssl = program("cfssl", TEST).is_some() && program("cfssljson", TEST).is_some();
    for signer in ["OpenSSL", "cfssl"]
        .into_iter()
        .filter(|signer| *signer == "OpenSSL" || has_cfssl)
    {
        let spec = split("");
        let requests = requests(&spec);
        for authority in ["ca", "etcd-ca", "front-proxy-ca"] {
            // cfssl has the machine's clock, whatever the clock of the tests says.
            Authority::root(&requests, authority, CA).sign_itself_until(CA, "20990101000000Z");
        }
        let script = commands(&requests, signer);
        let mut shell = Command::new("sh");
        must(shell.args(["-c", &script]).current_dir(&requests));
        let signed = requests.join("signed");
        let out = beside(&spec, "out");
        // Signed today, and everything was to be issued in January.
        let early = build(&spec, &signed, &out);
        assert!(!early.status.success() && !out.exists(), "{}", said(&early));
        assert!(
            said(&early).contains("error[answer-missing-issuer]"),
            "{}",
            said(&early)
        );
        for authority in ["ca", "etcd-ca", "front-proxy-ca"] {
            fs::copy(
                requests.join(format!("{authority}.pem")),
                signed.join(format!("{authority}.pem")),
            )
            .expect("a copy");
        }
        let early = said(&build(&spec, &signed, &out));
        assert_eq!(early.matches("error[").count(), 1, "{early}");
        assert!(
            early.contains("error[answer-not-yet]") && early.contains("write issued = "),
            "{early}"
        );
        let (_, now) = early.split_once("write issued = \"").expect("an instant");
        let now = now.split('"').next().expect("its end");
        let text = fs::read_to_string(spec.path()).expect("cluster.toml");
        fs::write(spec.path(), text.replace("2026-01-01T00:00:00Z", now)).expect("cluster.toml");
        let made = build(&spec, &signed, &out);
        assert!(
            made.status.success() && !said(&made).contains("warning"),
            "{signer}: {}",
            said(&made)
        );
        let judged = must(
            khw_gen()
                .arg("verify")
                .arg(&out)
                .args(["--at", now])
                .arg("--spec")
                .arg(spec.path())
                .arg("--signed")
                .arg(&signed),
        );
        assert_eq!(
            judged, "0 errors, 0 warnings\n\nThe specification makes the same.\n",
            "{signer}"
        );
        must(
            Command::new("openssl")
                .args(["verify", "-x509_strict", "-no_check_time", "-CAfile"])
                .arg(out.join("cp/rootfs/var/lib/kubernetes/ca.pem"))
                .arg(out.join("cp/rootfs/var/lib/kubernetes/apiserver.pem")),
        );
    }
}

/// The layout `single` with everything signed, valid in 2026.
struct Signed {
    spec: Spec,
    requests: PathBuf,
    signed: PathBuf,
    folder: PathBuf,
    ca: Authority,
}

impl Signed {
    fn new(extra: &str) -> Signed {
        Signed::of(single("", extra))
    }

    /// Everything that a specification asks for, signed by one authority.
    fn of(spec: Spec) -> Signed {
        let folder = beside(&spec, "authorities");
        fs::create_dir(&folder).expect("a folder");
        let ca = Authority::root(&folder, "ca", CA);
        let (requests, signed) = (requests(&spec), beside(&spec, "signed"));
        fs::create_dir(&signed).expect("a folder");
        for file in manifest(&requests).keys() {
            ca.sign(&requests.join(file), &answer(&signed, file), &Signing::default());
        }
        fs::write(signed.join("ca.pem"), ca.pem()).expect("a certificate");
        Signed {
            spec,
            requests,
            signed,
            folder,
            ca,
        }
    }

    fn out(&self) -> PathBuf {
        beside(&self.spec, "out")
    }

    fn build(&self) -> std::process::Output {
        build(&self.spec, &self.signed, &self.out())
    }
}

/// The walk-through's administrator is in system:masters, which `verify` says of every such cluster.
fn only_what_the_layout_is_told(judged: &str) {
    let others = judged
        .lines()
        .filter(|line| line.starts_with("warning[") && !line.starts_with("warning[system-masters]"));
    assert_eq!(others.count(), 0, "{judged}");
    assert!(judged.contains("0 errors, 4 warnings"), "{judged}");
}

/// Where the certificate lies that answers a request.
fn answer(signed: &Path, file: &str) -> PathBuf {
    signed.join(file.replace(".csr", ".pem"))
}

#[test]
fn requests_are_the_same_again_and_say_what_is_asked() {
    let spec = single("", "");
    let folder = requests(&spec);
    let first = files_below(&folder);
    let refused = run(khw_gen().arg("csr").arg(spec.path()).arg("-o").arg(&folder));
    assert!(!refused.status.success(), "it overwrites: {}", said(&refused));
    fs::remove_dir_all(&folder).expect("the folder");
    assert_eq!(files_below(&requests(&spec)), first);
    let asked = manifest(&folder);
    assert_eq!(
        asked.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "admin.csr",
            "kube-controller-manager.csr",
            "kube-proxy.csr",
            "kube-scheduler.csr",
            "kubernetes.csr",
            "service-account.csr",
            "w.csr"
        ]
    );
    let node = &asked["w.csr"];
    assert_eq!(node["id"], "node/w");
    assert_eq!(node["authority"], "ca");
    assert!(
        node["subject"]
            .as_str()
            .is_some_and(|subject| subject.contains("system:node:w")),
        "{node}"
    );
    assert_eq!(node["names"], serde_json::json!(["DNS w", "IP 10.0.0.2"]));
    assert_eq!(
        node["extended_key_usages"],
        serde_json::json!(["serverAuth", "clientAuth"])
    );
    assert_eq!(node["is_ca"], false);
    // step makes a name of the CN where it is asked for names and there are none.
    let asks_for_names = |name: &str| String::from_utf8_lossy(&first[name]).contains("\"sans\"");
    assert!(asks_for_names("w.tpl") && !asks_for_names("admin.tpl"));
    // Dates alone depend on `issued`.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path(), text.replace("2026-01-01", "2026-03-01")).expect("cluster.toml");
    fs::remove_dir_all(&folder).expect("the folder");
    let later = files_below(&requests(&spec));
    let changed: Vec<&String> = first.keys().filter(|name| first[*name] != later[*name]).collect();
    assert_eq!(changed, ["REQUESTS.json"]);
    // A cluster that signs for itself asks nobody.
    let own = Spec::new(&HOSTS, "").with_ecdsa_keys();
    let nobody = run(khw_gen().arg("csr").arg(own.path()).arg("-o").arg(&folder));
    assert!(
        said(&nobody).contains("no authority signs elsewhere"),
        "{}",
        said(&nobody)
    );
    let nothing = build(&own, &folder, &beside(&own, "out"));
    assert!(said(&nothing).contains("--signed: in "), "{}", said(&nothing));
}

#[test]
fn every_command_goes_on_or_says_what_it_needs() {
    const TEST: &str = "authorities elsewhere, every command";
    if program("openssl", TEST).is_none() {
        return;
    }
    let world = Signed::new("[encryption]\nprovider = \"secretbox\"\n");
    let (spec, signed, out) = (world.spec.path(), &world.signed, world.out());
    // Without answers: what needs none works, and the rest says so, and leaves what was there.
    for command in ["check", "plan", "facts", "secrets"] {
        must(khw_gen().arg(command).arg(&spec));
    }
    let lacks = run(khw_gen().arg("build").arg(&spec).arg("-o").arg(&out));
    let lacks = said(&lacks);
    for file in manifest(&world.requests).keys() {
        assert!(lacks.contains(file), "{file} is not said to be missing: {lacks}");
    }
    assert!(
        lacks.contains("7 of 7 answers of `ca` are missing") && lacks.contains("khw-gen csr"),
        "{lacks}"
    );
    assert!(!out.exists());
    for command in ["expiry", "diff"] {
        let output = run(khw_gen()
            .arg(command)
            .arg(&spec)
            .args((command == "diff").then_some(&spec)));
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("error[answer-missing]"), "{}", said(&output));
    }
    let made = world.build();
    assert!(made.status.success(), "{}", said(&made));
    let first = files_below(&out);
    // One answer less, and the good output stays.
    let admin = signed.join("admin.pem");
    let kept = fs::read(&admin).expect("it");
    fs::remove_file(&admin).expect("it");
    let less = world.build();
    assert!(
        said(&less).contains("1 of 7 answers of `ca` are missing: admin.csr"),
        "{}",
        said(&less)
    );
    assert_eq!(files_below(&out), first);
    fs::write(&admin, &kept).expect("it");
    let again = world.build();
    assert!(said(&again).contains("nothing changed"), "{}", said(&again));
    // The same from nothing, and whatever answers are called.
    fs::rename(&admin, signed.join("0.crt")).expect("another name");
    let fresh = beside(&world.spec, "fresh");
    assert!(build(&world.spec, signed, &fresh).status.success());
    assert_eq!(files_below(&fresh), first);
    let signed_as = |command: &mut Command| {
        command.arg("--signed").arg(signed);
        must(command)
    };
    assert_eq!(signed_as(khw_gen().arg("diff").arg(&out).arg(&spec)), "");
    let judged = signed_as(khw_gen().arg("verify").arg(&out).args(AT).arg("--spec").arg(&spec));
    only_what_the_layout_is_told(&judged);
    assert!(judged.contains("The specification makes the same."), "{judged}");
    let expiry = signed_as(khw_gen().arg("expiry").arg(&spec).args(AT));
    assert!(
        expiry.contains("2026-12-31T23:55:00Z") && expiry.contains("2035-01-01T00:00:00Z"),
        "{expiry}"
    );
    let golden = beside(&world.spec, "golden");
    signed_as(khw_gen().args(["golden", "write"]).arg(&spec).arg(&golden));
    signed_as(khw_gen().args(["golden", "check"]).arg(&spec).arg(&golden));
    let lacks = run(khw_gen().args(["golden", "check"]).arg(&spec).arg(&golden));
    assert!(said(&lacks).contains("error[answer-missing]"), "{}", said(&lacks));
    let seedless = run(khw_gen()
        .args(["golden", "check", "--without-seed"])
        .arg(&spec)
        .arg(&golden)
        .arg("--signed")
        .arg(signed));
    assert!(
        said(&seedless).contains("which come from the seed"),
        "{}",
        said(&seedless)
    );
    let renewed = run(khw_gen().arg("renew").arg(&spec));
    assert!(
        said(&renewed).contains("sign elsewhere, and renew there"),
        "{}",
        said(&renewed)
    );
    let rotated = run(khw_gen()
        .arg("rotate")
        .arg(&spec)
        .arg("ca")
        .arg("-o")
        .arg(beside(&world.spec, "r")));
    assert!(
        said(&rotated).contains("error[external-generation]"),
        "{}",
        said(&rotated)
    );
    signed_as(
        khw_gen()
            .arg("rotate")
            .arg(&spec)
            .arg("encryption")
            .arg("-o")
            .arg(beside(&world.spec, "rotation")),
    );
    // No host has the authority's key, and the controller manager signs nothing.
    let key = fs::read_to_string(world.ca.key()).expect("the key");
    let body = key.lines().nth(1).expect("its first line");
    for (name, bytes) in &first {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(body), "{name} has the authority's key");
        assert!(
            !name.ends_with("ca-key.pem") && !name.ends_with("ca-signing.pem"),
            "{name}"
        );
        assert!(!text.contains("--cluster-signing-cert-file"), "{name}");
        assert!(!text.contains("It holds the cluster's CA key"), "{name}");
    }
    let secrets = must(khw_gen().arg("secrets").arg(&spec));
    assert!(
        !secrets.contains("sign certificates") && !secrets.contains("rotate cluster.toml ca"),
        "{secrets}"
    );
    // Another answer is another build.
    let signing = Signing {
        serial: Some("55667788"),
        ..Signing::default()
    };
    world
        .ca
        .sign(&world.requests.join("admin.csr"), &signed.join("0.crt"), &signing);
    let changed = world.build();
    assert!(
        changed.status.success() && !said(&changed).contains("nothing changed"),
        "{}",
        said(&changed)
    );
}

#[test]
fn chains_are_shown_whole_and_only_who_signs_is_trusted() {
    const TEST: &str = "authorities elsewhere, chains";
    if program("openssl", TEST).is_none() {
        return;
    }
    let extra = "[[certificates]]\nname = \"own-ca\"\ncsr = \"own-ca-csr.json\"\nprofile = \"intermediate\"\n\
                 [[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\nsigned_by = \"own-ca\"\nplaces = [\n\
                 { on = \"w\", certificate = \"/etc/metrics.pem\", key = \"/etc/metrics-key.pem\" },\n]\n";
    for names_root in [false, true] {
        let spec = single(if names_root { "cert = \"root.pem\"" } else { "" }, extra);
        own_authority(&spec);
        let folder = beside(&spec, "authorities");
        fs::create_dir(&folder).expect("a folder");
        let root = Authority::root(&folder, "root", CA);
        let issuing = Authority::below(&folder, "issuing", &root, CA);
        fs::write(beside(&spec, "root.pem"), root.pem()).expect("a certificate");
        let (requests, signed) = (requests(&spec), beside(&spec, "signed"));
        fs::create_dir(&signed).expect("a folder");
        for (at, file) in manifest(&requests).keys().enumerate() {
            let to = answer(&signed, file);
            issuing.sign(&requests.join(file), &to, &Signing::default());
            // Some have the chain in their file, others beside it.
            if at % 2 == 0 {
                let leaf = fs::read_to_string(&to).expect("it");
                fs::write(&to, format!("{leaf}{}", issuing.pem())).expect("it");
            }
        }
        fs::write(signed.join("chain.pem"), format!("{}{}", issuing.pem(), root.pem())).expect("a chain");
        let out = beside(&spec, "out");
        let made = build(&spec, &signed, &out);
        assert!(made.status.success(), "{}", said(&made));
        assert_eq!(
            said(&made).contains("warning[answer-broad-trust]"),
            names_root,
            "{}",
            said(&made)
        );
        let certificates = |path: &str| {
            let text = fs::read_to_string(out.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            text.matches("BEGIN CERTIFICATE").count()
        };
        // A server shows its certificate and the one that signed it; what verifies tokens has one key.
        assert_eq!(certificates("cp/rootfs/var/lib/kubernetes/kubernetes.pem"), 2);
        assert_eq!(certificates("w/rootfs/var/lib/kubelet/w.pem"), 2);
        assert_eq!(certificates("cp/rootfs/var/lib/kubernetes/service-account.pem"), 1);
        let trusted = fs::read_to_string(out.join("cp/rootfs/var/lib/kubernetes/ca.pem")).expect("ca.pem");
        assert_eq!(trusted, if names_root { root.pem() } else { issuing.pem() });
        only_what_the_layout_is_told(&must(khw_gen().arg("verify").arg(&out).args(AT)));
        must(
            Command::new("openssl")
                .args(["verify", "-x509_strict", "-attime", "1780000000", "-CAfile"])
                .arg(root.certificate())
                .arg("-untrusted")
                .arg(out.join("cp/rootfs/var/lib/kubernetes/kubernetes.pem"))
                .arg(out.join("cp/rootfs/var/lib/kubernetes/kubernetes.pem")),
        );
    }
}

/// The CSR files and the profile of an authority of the user's own below the one elsewhere.
fn own_authority(spec: &Spec) {
    let folder = beside(spec, "csr");
    let config = fs::read_to_string(folder.join("ca-config.json")).expect("the profiles");
    let intermediate = "\"intermediate\": {\"usages\": [\"cert sign\", \"crl sign\"], \"expiry\": \"8760h\", \"ca_constraint\": {\"is_ca\": true, \
                        \"max_path_len\": 0, \"max_path_len_zero\": true}},\n      \"kubernetes\":";
    fs::write(
        folder.join("ca-config.json"),
        config.replacen("\"kubernetes\":", intermediate, 1),
    )
    .expect("the profiles");
    let request = |cn: &str| {
        format!("{{\"CN\": \"{cn}\", \"key\": {{\"algo\": \"ecdsa\", \"size\": 256}}, \"hosts\": [\"w\"]}}\n")
    };
    let ca = request("own-ca").replace(", \"hosts\": [\"w\"]", "");
    fs::write(folder.join("own-ca-csr.json"), ca).expect("a CSR file");
    fs::write(folder.join("metrics-csr.json"), request("metrics")).expect("a CSR file");
}

#[test]
fn the_page_shows_what_works() {
    const TEST: &str = "authorities elsewhere, the page";
    if program("openssl", TEST).is_none() {
        return;
    }
    let section = examples::shown("external authority", "toml");
    let commands = examples::shown("external commands", "sh");
    let spec = Spec::new(&HOSTS, &format!("layout = \"split\"\n{section}"));
    let folder = spec.path().parent().expect("a folder").to_owned();
    certificate_of_today(&folder, "ca");
    issued_now(&spec);
    let mut shell = Command::new("sh");
    let tools = Path::new(env!("CARGO_BIN_EXE_khw-gen")).parent().expect("a folder");
    let path = std::env::join_paths(
        [tools.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&support::path())),
    );
    shell
        .args(["-ec", &commands])
        .current_dir(&folder)
        .env("PATH", path.expect("a path"));
    let output = run(&mut shell);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 0 warnings"), "{}", said(&output));
}
