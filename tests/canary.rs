//! A known seed and its keys, planted and then looked for in everything that comes out, in every form they could take.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use khw_gen::pki::decode::describe_pem;
use support::leaks::{decode, decode_lines, forms, holds, piece_of_key};
use support::{SEED, Spec, files_below, khw_gen, run, said};

/// A piece from the middle of each private key's DER, and the encryption key: all that is secret besides the seed.
fn keys(out: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut secrets = BTreeMap::new();
    for (name, bytes) in files_below(&out.join("control/rootfs/root/certs")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if name.ends_with("-key.pem") {
            let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            let der = decode(body.as_bytes());
            secrets.insert(name, forms(piece_of_key(&der)));
        } else if name == "encryption-config.yaml" {
            let key = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("secret: "))
                .expect("a secret");
            secrets.insert(name, forms(&decode(key.as_bytes())));
        }
    }
    assert_eq!(secrets.len(), 9, "{:?}", secrets.keys());
    secrets
}

fn spec(hosts: &[&str]) -> Spec {
    Spec::new(hosts, "[cluster]\nname = \"canary\"\n").with_csrs(|name, text| match name {
        "admin-csr.json" | "kubernetes-csr.json" => text
            .replace("\"algo\": \"rsa\"", "\"algo\": \"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256"),
        _ => text,
    })
}

const HOSTS: [&str; 5] = [
    "control 10.0.0.1 admin",
    "cp 10.0.0.2 control-plane",
    "etcd 10.0.0.3 etcd",
    "node 10.0.0.4 worker",
    "lb 10.0.0.5 load-balancer",
];

#[test]
fn secrets_are_in_the_files_that_hold_them_and_nowhere_else() {
    let spec = spec(&HOSTS);
    let out = spec.path().with_file_name("out");
    let output = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert!(output.status.success(), "{}", said(&output));

    let keys = keys(&out);
    let seed = forms(&SEED);
    let mut holders = 0;
    for (name, bytes) in files_below(&out) {
        if name.ends_with(".tar.gz") {
            continue; // The same files, compressed.
        }
        assert!(!holds(&bytes, &seed), "{name} holds the seed");
        // What base64 hides: a PEM's body, and the PEM in a kubeconfig.
        let once = decode_lines(&bytes);
        let twice = decode_lines(&once);
        let meant =
            name.ends_with("-key.pem") || name.ends_with("kubeconfig") || name.ends_with("encryption-config.yaml");
        let found: Vec<&String> = keys
            .iter()
            .filter(|(_, forms)| [&bytes, &once, &twice].iter().any(|layer| holds(layer, forms)))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(found.len(), usize::from(meant), "{name} holds {found:?}");
        if meant {
            assert_eq!(support::mode(&out.join(&name)), 0o600, "{name}");
            holders += 1;
        }
        if let Some(text) = describe_pem(&bytes) {
            for forms in keys.values() {
                assert!(!holds(text.as_bytes(), forms), "the text of {name} holds a key");
            }
        }
    }
    assert!(
        holders > 20,
        "the canary finds keys where they are meant to be: {holders}"
    );

    // Whatever the program says, in every command and when things go wrong.
    let mut said_in_all = vec![said(&output)];
    let mut say = |command: &mut Command| said_in_all.push(said(&run(command.env("RUST_BACKTRACE", "full"))));
    say(khw_gen().arg("plan").arg(spec.path()));
    say(khw_gen().arg("check").arg(spec.path()));
    say(khw_gen().args(["check", "--format", "json"]).arg(spec.path()));
    say(khw_gen()
        .arg("build")
        .arg(spec.path())
        .args(["-o", "/proc/nothing/out"]));
    say(khw_gen().arg("build").arg(spec.path()).args(["-o", "/dev/null"]));
    // The bundle as others find it, whole, in parts and damaged.
    for path in ["", "cp", "cp.tar.gz", "control/rootfs/root/certs"] {
        for command in ["verify", "inspect"] {
            say(khw_gen().arg(command).arg(out.join(path)));
            say(khw_gen().arg(command).arg(out.join(path)).args(["--format", "json"]));
        }
    }
    for path in [&spec.path(), &out, &out.join("control/rootfs/root/certs")] {
        for format in ["html", "svg", "mermaid", "text", "json"] {
            say(khw_gen().arg("report").arg(path).args(["--format", format]));
        }
    }
    let damaged = spec.path().with_file_name("damaged");
    fs::create_dir(&damaged).expect("a folder");
    for (name, bytes) in files_below(&out.join("control/rootfs/root/certs")) {
        fs::write(damaged.join(&name), &bytes[..bytes.len() - bytes.len() / 8]).expect("a file");
        // The content where another kind is expected: no parser may quote it.
        fs::write(damaged.join(format!("{name}.yaml")), [b"a: [", &bytes[..]].concat()).expect("a file");
        fs::write(damaged.join(format!("{name}.json")), &bytes).expect("a file");
        fs::write(damaged.join(format!("{name}.service")), &bytes).expect("a file");
    }
    say(khw_gen().arg("verify").arg(&damaged));
    say(khw_gen().arg("inspect").arg(&damaged));
    say(khw_gen().arg("report").arg(&damaged));
    say(khw_gen().arg("report").arg(&damaged).args(["--format", "text"]));
    // What differs between bundles: changed, damaged, public by mistake, made from another seed, or from none.
    let other = spec.path().with_file_name("other");
    spec.secret("other-seed", b"\x00\xffanother seed than the first on");
    let other_seed = spec.path().with_file_name("other-seed");
    say(khw_gen()
        .arg("build")
        .arg(spec.path())
        .arg("-o")
        .arg(&other)
        .arg("--seed-file")
        .arg(&other_seed));
    let certs = out.join("control/rootfs/root/certs");
    for format in ["text", "markdown", "json"] {
        let mut differ = |old: &Path, new: &Path| {
            say(khw_gen().arg("diff").args([old, new]).args(["--format", format]));
            say(khw_gen().arg("diff").args([new, old]).args(["--format", format]));
        };
        differ(&out, &other);
        differ(&out, &damaged);
        differ(&certs, &damaged);
        differ(&out.join("cp.tar.gz"), &other.join("cp"));
        if format == "text" {
            // Both are compiled.
            differ(&spec.path(), &other);
            differ(&spec.path(), &spec.path().with_file_name("seed"));
        }
    }
    say(khw_gen().arg("verify").arg(&other).arg("--spec").arg(spec.path()));
    say(khw_gen()
        .arg("verify")
        .arg(&damaged)
        .args(["--format", "json", "--spec"])
        .arg(spec.path()));
    let seed_file = spec.path().with_file_name("seed");
    for broken in [
        &SEED[..31],
        &[&SEED[..], b"\n"].concat()[..],
        &hex(&SEED)[..63],
        &[&hex(&SEED)[..], b"zz"].concat()[..],
    ] {
        spec.secret("broken", broken);
        say(khw_gen()
            .arg("build")
            .arg(spec.path())
            .arg("-o")
            .arg(&out)
            .arg("--seed-file")
            .arg(seed_file.with_file_name("broken")));
    }
    // What is sealed, split, signed and opened again, and what is wrong with it.
    let at = |name: &str| spec.path().with_file_name(name);
    spec.secret("passphrase", b"hunter2 and hunter3\n");
    spec.secret("wrong", b"hunter3 and hunter2\n");
    let identity = "AGE-SECRET-KEY-1VJQ2PVZUY6SDHUFY3LCEJ8W92GQNSXSNNLHCNKLQ0D3PZGMJNTHQ7XF26S";
    spec.secret("identity", identity.as_bytes());
    let recipient = "age1tftfh5f0tjcurerwvfrzmhlwqte89jr0wf7psn0kxyntfshq448qf3dlu6";
    let seal = |extra: &[&str]| {
        let mut command = khw_gen();
        command
            .arg("seal")
            .arg(&out)
            .arg("--spec")
            .arg(spec.path())
            .args(["--to", recipient])
            .args(extra);
        command
    };
    let sealed = at("sealed").to_str().expect("a path").to_owned();
    let seed_command = |words: &[&str], paths: &[&str], new: &str| {
        let mut command = khw_gen();
        command
            .arg("seed")
            .args(words)
            .args(paths.iter().map(|path| at(path)))
            .arg("-o")
            .arg(at(new));
        command
    };
    say(&mut seal(&["-o", &sealed]));
    say(&mut seal(&["-o", &sealed, "--to", identity]));
    say(&mut seed_command(&["split", "-k", "2", "-n", "3"], &["seed"], "shares"));
    say(&mut seed_command(
        &["join"],
        &["shares/share-1.txt", "shares/share-2.txt"],
        "joined",
    ));
    say(&mut seed_command(&["join"], &["shares/share-1.txt", "seed"], "never"));
    say(
        seed_command(&["join"], &["shares/share-1.txt", "shares/share-2.txt"], "sealed-seed").args(["--to", recipient]),
    );
    say(&mut seed_command(
        &["sign"],
        &["cluster.toml", "out/SHA256SUMS"],
        "sums.sig",
    ));
    say(khw_gen().args(["seed", "signer"]).arg(spec.path()));
    for key in ["identity", "seed", "passphrase", "shares/share-1.txt"] {
        let mut open = khw_gen();
        say(open
            .arg("open")
            .arg(at("sealed/cp.tar.gz.age"))
            .arg("-o")
            .arg(at(""))
            .arg("--identity")
            .arg(at(key)));
    }
    let mut locked = seed_command(&["join"], &["shares/share-1.txt", "shares/share-2.txt"], "locked-seed");
    say(locked.args(["--passphrase", "--passphrase-file"]).arg(at("passphrase")));
    for (file, opening) in [("sealed-seed", "--identity"), ("locked-seed", "--passphrase-file")] {
        for key in ["identity", "passphrase", "wrong", "seed"] {
            let mut build = khw_gen();
            build
                .arg("build")
                .arg(spec.path())
                .arg("-o")
                .arg(at("built"))
                .arg("--seed-file")
                .arg(at(file));
            say(build.arg(opening).arg(at(key)));
        }
    }
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(
        at("with-identity.toml"),
        format!("{text}\n[handover]\nrecipients = [\"{identity}\"]\n"),
    )
    .expect("a file");
    say(khw_gen().arg("check").arg(at("with-identity.toml")));
    say(khw_gen()
        .args(["check", "--format", "json"])
        .arg(at("with-identity.toml")));
    for folder in ["sealed", "shares"] {
        let written = files_below(&at(folder));
        assert!(written.len() > 2, "{folder}");
        for (name, bytes) in written {
            assert!(!holds(&bytes, &seed), "{folder}/{name} holds the seed");
            assert!(
                keys.values().all(|forms| !holds(&bytes, forms)),
                "{folder}/{name} holds a key"
            );
        }
    }
    for name in ["sealed-seed", "locked-seed", "sums.sig"] {
        assert!(!holds(&fs::read(at(name)).expect(name), &seed), "{name} holds the seed");
    }
    let opened = files_below(&at("cp"));
    assert_eq!(
        opened,
        files_below(&out.join("cp")),
        "what was opened is what was sealed"
    );
    // The seed where a text belongs: it must not be quoted back.
    say(khw_gen().arg("check").arg(&seed_file));
    fs::set_permissions(&seed_file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    say(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    let typed: Vec<Vec<u8>> = ["hunter2", "hunter3", &identity[16..40]]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
    for text in &said_in_all {
        assert!(!holds(text.as_bytes(), &typed), "{text}");
        assert!(!holds(text.as_bytes(), &seed), "{text}");
        assert!(keys.values().all(|forms| !holds(text.as_bytes(), forms)), "{text}");
    }
    assert!(
        said_in_all.last().expect("the last").contains("0644"),
        "an exposed seed is refused: {said_in_all:?}"
    );
}

#[test]
fn what_goes_to_an_authority_elsewhere_and_comes_back_shows_no_secret() {
    let own = spec(&HOSTS);
    let (_folder, out) = support::build(&own.path());
    // The same keys: an authority elsewhere has none of them.
    let (keys, seed) = (keys(&out), forms(&SEED));
    let text = fs::read_to_string(own.path()).expect("cluster.toml");
    fs::write(
        own.path(),
        text.replace("[cluster]", "[pki.ca]\nexternal = true\n[cluster]"),
    )
    .expect("cluster.toml");
    let requests = own.path().with_file_name("requests");
    let mut said_in_all = Vec::new();
    let mut say = |command: &mut Command| said_in_all.push(said(&run(command.env("RUST_BACKTRACE", "full"))));
    say(khw_gen().arg("csr").arg(own.path()).arg("-o").arg(&requests));
    say(khw_gen().arg("csr").arg(own.path()).arg("-o").arg(&requests));
    say(khw_gen()
        .arg("csr")
        .arg(own.path())
        .args(["--format", "json", "-o"])
        .arg(requests.join("json")));
    say(khw_gen().arg("secrets").arg(own.path()));
    let written = files_below(&requests);
    assert!(written.len() > 40, "{:?}", written.keys());
    for (name, bytes) in &written {
        for layer in [bytes.clone(), decode_lines(bytes)] {
            assert!(!holds(&layer, &seed), "{name} holds the seed");
            assert!(keys.values().all(|forms| !holds(&layer, forms)), "{name} holds a key");
        }
    }
    // Keys where certificates belong, in every form, and what is left of them.
    let signed = own.path().with_file_name("signed");
    fs::create_dir(&signed).expect("a folder");
    for (name, bytes) in files_below(&out.join("control/rootfs/root/certs")) {
        if !name.ends_with("-key.pem") {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        fs::write(signed.join(format!("{name}.base64")), &body).expect("a file");
        fs::write(signed.join(format!("{name}.der")), decode(body.as_bytes())).expect("a file");
        fs::write(signed.join(format!("{name}.cut")), &bytes[..bytes.len() / 2]).expect("a file");
        fs::write(
            signed.join(format!("{name}.crt")),
            text.replace("PRIVATE KEY", "CERTIFICATE"),
        )
        .expect("a file");
        fs::write(
            signed.join(format!("{name}.line")),
            format!("{body}-----BEGIN CERTIFICATE-----\n{body}\n"),
        )
        .expect("a file");
        fs::write(signed.join(&name), &bytes).expect("a file");
    }
    fs::write(signed.join("seed"), SEED).expect("a file");
    fs::write(signed.join("seed.hex"), hex(&SEED)).expect("a file");
    for command in ["build", "expiry", "diff", "golden"] {
        say(khw_gen_with(command, &own.path()).arg("--signed").arg(&signed));
    }
    for text in &said_in_all {
        assert!(!holds(text.as_bytes(), &seed), "{text}");
        assert!(keys.values().all(|forms| !holds(text.as_bytes(), forms)), "{text}");
    }
    let last = said_in_all.last().expect("the last");
    assert!(
        last.contains("answer-private-key") && last.contains("answer-not-pem"),
        "{last}"
    );
}

/// A command that reads a specification, with what else it needs.
fn khw_gen_with(command: &str, spec: &Path) -> Command {
    let beside = spec.with_file_name("nowhere");
    let mut started = khw_gen();
    match command {
        "build" => started.arg("build").arg(spec).arg("-o").arg(beside),
        "diff" => started.arg("diff").arg(spec).arg(spec),
        "golden" => started.args(["golden", "write"]).arg(spec).arg(beside),
        other => started.arg(other).arg(spec),
    };
    started
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

#[test]
fn one_more_host_changes_no_other_hosts_key() {
    let before = spec(&HOSTS);
    let mut hosts = HOSTS.to_vec();
    hosts.insert(0, "first 10.0.0.9 worker");
    hosts.push("last 10.0.0.10 worker etcd");
    let after = spec(&hosts);
    let (_first, before) = support::build(&before.path());
    let (_second, after) = support::build(&after.path());
    let certs = |out: &Path| files_below(&out.join("control/rootfs/root/certs"));
    let (before, after) = (certs(&before), certs(&after));
    let mut same = 0;
    for (name, key) in before
        .iter()
        .filter(|(name, _)| name.ends_with("-key.pem") || name.starts_with("encryption"))
    {
        assert!(after[name] == *key, "{name} changed");
        same += 1;
    }
    assert_eq!(same, 9);
    assert_ne!(after["first-key.pem"], after["last-key.pem"]);
}

#[test]
fn nothing_that_can_be_printed_prints_a_secret() {
    let spec = spec(&HOSTS);
    let sources = khw_gen::disk::Specification::open(&spec.path()).expect("the specification");
    let cluster = khw_gen::input::check(&sources).expect("it is valid").cluster;
    let seed = khw_gen::pki::derivation::Seed::parse(&SEED).expect("a seed").seed;
    let plan = khw_gen::plan::plan(&cluster);
    let vault = khw_gen::vault::Issuing::new(&plan, &seed)
        .issue()
        .expect("certificates");
    let renderer = khw_gen::render::Renderer::new(&plan, &vault).expect("a renderer");
    let bundle = renderer.bundle(&cluster.hosts[1]).expect("a bundle");
    let admin = vault.issued.iter().find(|(id, _)| id.to_string() == "admin");
    let key = khw_gen::pki::key::KeyPair::from_pem(admin.expect("it").1.key.as_ref().expect("a key").expose())
        .expect("a key");

    let mut printed = format!("{seed:?} {seed:#?} {vault:?} {vault:#?} {bundle:?} {bundle:#?} {key:?} {key:#?}");
    // What a panic would carry out.
    let panic = std::panic::catch_unwind(|| panic!("{seed:?} {key:?} {vault:?}")).expect_err("a panic");
    printed.push_str(panic.downcast_ref::<String>().expect("its message"));

    assert!(!holds(printed.as_bytes(), &forms(&SEED)), "the seed is printed");
    for (name, issued) in &vault.issued {
        let body: String = String::from_utf8_lossy(issued.key.as_ref().expect("a key").expose())
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = decode(body.as_bytes());
        assert!(
            !holds(printed.as_bytes(), &forms(&der[der.len() - 40..])),
            "the key of {name} is printed"
        );
        assert!(
            !holds(printed.as_bytes(), &forms(&der[7..39])),
            "the key of {name} is printed"
        );
    }
    let encryption = decode(vault.encryption[&khw_gen::cluster::Generation::FIRST].expose());
    assert!(
        !holds(printed.as_bytes(), &forms(&encryption)),
        "the encryption key is printed"
    );
}

/// What is adopted keeps its secrets in the files of keys, 0600, and in nothing that is printed or committed.
#[test]
fn what_is_adopted_keeps_its_secrets() {
    let spec = spec(&HOSTS);
    let folder = spec.path().parent().expect("a folder").to_owned();
    let out = folder.join("out");
    let built = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert!(built.status.success(), "{}", said(&built));
    let keys = keys(&out);
    for (number, format) in ["text", "json"].into_iter().enumerate() {
        let adopted = folder.join(format!("adopted-{number}"));
        let from = out.join("control/rootfs/root/certs");
        let done = run(khw_gen()
            .arg("adopt")
            .arg(&from)
            .arg(&out)
            .arg("-o")
            .arg(&adopted)
            .args(["--format", format, "--at", "2026-01-02T00:00:00Z"]));
        assert!(done.status.success(), "{}", said(&done));
        let kept = ["ca-key.pem", "encryption-config.yaml", "service-account-key.pem"];
        let mut files = files_below(&adopted);
        files.insert("what it said".to_owned(), said(&done).into_bytes());
        let mut holders = 0;
        for (name, bytes) in files {
            let once = decode_lines(&bytes);
            let twice = decode_lines(&once);
            let found: Vec<&str> = keys
                .iter()
                .filter(|(_, forms)| [&bytes, &once, &twice].iter().any(|layer| holds(layer, forms)))
                .map(|(key, _)| key.as_str())
                .collect();
            assert!(found.iter().all(|key| kept.contains(key)), "{name} holds {found:?}");
            if !found.is_empty() {
                assert!(
                    name.starts_with("keys/") && name.contains("-key"),
                    "{name} holds {found:?}"
                );
                assert_eq!(support::mode(&adopted.join(&name)), 0o600, "{name}");
                holders += 1;
            }
        }
        assert_eq!(holders, kept.len());
    }
}
