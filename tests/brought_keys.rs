//! What there is already besides authorities: the key that tokens are signed with, and those that Secrets are encrypted with.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Spec, khw_gen, must, program, run, said};

const HOSTS: [&str; 2] = ["cp 10.0.0.1 control-plane etcd admin", "n1 10.0.0.2 worker"];
const STATE: &str = "rootfs/var/lib/kubernetes";

/// The files of a host's `/var/lib/kubernetes`.
fn text(out: &Path, name: &str) -> String {
    fs::read_to_string(out.join("cp").join(STATE).join(name)).expect("a text")
}

/// Another cluster: what it has is brought.
fn other(layout: &str) -> (Spec, tempfile::TempDir, std::path::PathBuf) {
    let spec = Spec::new(&HOSTS, &format!("layout = \"{layout}\"\n[cluster]\nname = \"other\""));
    let (folder, out) = support::build(&spec.path());
    (spec, folder, out)
}

fn append(spec: &Spec, text: &str) {
    let before = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(spec.path(), format!("{before}\n{text}\n")).expect("cluster.toml");
}

#[test]
fn tokens_of_the_key_that_is_brought_stay_good() {
    for (layout, public) in [("split", "service-account.pub"), ("single", "service-account.pem")] {
        let (_other, _folder, other) = other(layout);
        let spec = Spec::new(&HOSTS, &format!("layout = \"{layout}\""));
        append(
            &spec,
            "[pki.bring.service-account]\ncert = \"sa.pub\"\nkey = \"sa.key\"",
        );
        for (name, file) in [("sa.key", "service-account-key.pem"), ("sa.pub", public)] {
            spec.secret(name, text(&other, file).as_bytes());
        }
        let (_folder, out) = support::build(&spec.path());
        assert_eq!(
            text(&out, "service-account-key.pem"),
            text(&other, "service-account-key.pem")
        );
        match layout {
            "split" => assert_eq!(text(&out, public), text(&other, public)),
            // The certificate is made anew, for the key that was brought, by this cluster's own authority.
            _ => assert_ne!(text(&out, public), text(&other, public)),
        }
        must(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));

        // Where its private half is not at hand, what does not depend on it is compared, its public half among it.
        let golden = spec.path().with_file_name("golden");
        must(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&golden));
        let key = spec.path().with_file_name("sa.key");
        fs::remove_file(&key).expect("the key goes");
        for options in [&[][..], &["--without-seed"]] {
            let checked = run(khw_gen()
                .args(["golden", "check"])
                .arg(spec.path())
                .arg(&golden)
                .args(options));
            assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
        }
        spec.secret("sa.pub", text(&out, "ca.pem").as_bytes());
        let checked = run(khw_gen().args(["golden", "check"]).arg(spec.path()).arg(&golden));
        assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
        assert!(said(&checked).contains(public), "{}", said(&checked));
    }
}

#[test]
fn the_key_of_tokens_that_is_brought_has_a_successor() {
    let (_other, _folder, other) = other("split");
    let spec = Spec::new(&HOSTS, "");
    append(
        &spec,
        "[pki.bring.service-account]\ncert = \"sa.pub\"\nkey = \"sa.key\"\n[rotate.service-account]\nto = 2\nphase = \"switch\"",
    );
    spec.secret("sa.key", text(&other, "service-account-key.pem").as_bytes());
    spec.secret("sa.pub", text(&other, "service-account.pub").as_bytes());
    let (_folder, out) = support::build(&spec.path());
    assert_ne!(
        text(&out, "service-account-key.pem"),
        text(&other, "service-account-key.pem")
    );
    let accepted = text(&out, "service-account.pub");
    assert!(accepted.ends_with(&text(&other, "service-account.pub")), "{accepted}");
    assert_eq!(accepted.matches("BEGIN PUBLIC KEY").count(), 2);
}

/// Each key of an output that is no authority's, by where it lies on which host, with its public half beside it.
fn leaf_keys(out: &Path) -> Vec<(String, Vec<u8>)> {
    let mut keys = Vec::new();
    for host in ["cp", "n1"] {
        for (path, bytes) in support::files_below(&out.join(host).join("rootfs")) {
            if path.ends_with("-key.pem") && !path.contains("ca-key") {
                keys.push((format!("{host}/{path}"), bytes));
            }
        }
    }
    assert!(keys.len() > 6, "{}", keys.len());
    keys
}

#[test]
fn any_key_that_is_brought_stays_and_gets_a_new_certificate() {
    let own = "[[certificates]]\nname = \"metrics\"\ncsr = \"metrics-csr.json\"\nplaces = [{ on = \"cp\", \
               certificate = \"/etc/metrics/metrics.pem\", key = \"/etc/metrics/metrics-key.pem\" }]";
    let request = br#"{"CN": "metrics", "key": {"algo": "ecdsa", "size": 256}}"#;
    let make = |cluster: &str| {
        let spec = Spec::new(
            &HOSTS,
            &format!("layout = \"split\"\n[cluster]\nname = \"{cluster}\"\n{own}"),
        );
        fs::create_dir_all(spec.path().with_file_name("csr")).expect("a folder");
        fs::write(spec.path().with_file_name("csr/metrics-csr.json"), request).expect("a file");
        spec
    };
    let other = make("other");
    let (_folder, there) = support::build(&other.path());
    let spec = make("own");
    // Of each its own; the kubelet's on n1 alone, since cp has none.
    let of_host = |host: &str, path: &str| fs::read(there.join(host).join("rootfs").join(path)).expect("a key");
    for (section, host, path) in [
        ("apiserver", "cp", "var/lib/kubernetes/apiserver-key.pem"),
        ("etcd-server", "cp", "etc/etcd/etcd-server-key.pem"),
        ("kubelet-serving", "n1", "var/lib/kubelet/kubelet-serving-key.pem"),
        ("certificate/metrics", "cp", "etc/metrics/metrics-key.pem"),
    ] {
        let per_host = matches!(section, "apiserver" | "etcd-server" | "kubelet-serving");
        let file = section.replace('/', "-");
        let (name, written) = match per_host {
            true => (format!("{file}-{host}"), format!("{file}-{{host}}")),
            false => (file.clone(), file),
        };
        spec.secret(&format!("{name}.key"), &of_host(host, path));
        let public = of_host(host, &path.replace("-key.pem", ".pem"));
        fs::write(spec.path().with_file_name(format!("{name}.pem")), public).expect("a file");
        append(
            &spec,
            &format!("[pki.bring.\"{section}\"]\ncert = \"{written}.pem\"\nkey = \"{written}.key\""),
        );
    }
    let (_folder, out) = support::build(&spec.path());
    let before = leaf_keys(&there);
    let same: Vec<&str> = leaf_keys(&out)
        .iter()
        .zip(&before)
        .filter(|(one, other)| one == other)
        .map(|(_, (path, _))| path.as_str())
        .collect();
    assert_eq!(
        same,
        [
            "cp/etc/etcd/etcd-server-key.pem",
            "cp/etc/metrics/metrics-key.pem",
            "cp/var/lib/kubernetes/apiserver-key.pem",
            "n1/var/lib/kubelet/kubelet-serving-key.pem",
        ]
    );
    must(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));

    // A successor is derived, of one host where each has its own; the others stay.
    append(&spec, "[generations]\ncp = 2\n\"certificate/metrics\" = 2");
    let warned = run(khw_gen().arg("check").arg(spec.path()));
    assert_eq!(
        said(&warned).matches("unused-authority").count(),
        3,
        "{}",
        said(&warned)
    );
    let (_folder, later) = support::build(&spec.path());
    let same: Vec<String> = leaf_keys(&later)
        .into_iter()
        .filter(|one| before.contains(one))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(same, ["n1/var/lib/kubelet/kubelet-serving-key.pem"]);

    // Where the private half is not at hand, the certificate is known all the same.
    let golden = spec.path().with_file_name("golden");
    must(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&golden));
    fs::remove_file(spec.path().with_file_name("kubelet-serving-n1.key")).expect("it was there");
    must(khw_gen().args(["golden", "check"]).arg(spec.path()).arg(&golden));
    let refused = run(khw_gen()
        .arg("build")
        .arg(spec.path())
        .arg("--out")
        .arg(spec.path().with_file_name("o")));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("kubelet-serving"), "{}", said(&refused));
}

#[test]
fn openssl_s_own_keys_sign_tokens() {
    let Some(openssl) = program("openssl", "openssl_s_own_keys_sign_tokens") else {
        return;
    };
    for kind in [
        &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..],
        &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ] {
        let spec = Spec::new(&HOSTS, "");
        append(
            &spec,
            "[pki.bring.service-account]\ncert = \"sa.pub\"\nkey = \"sa.key\"",
        );
        let made = run(Command::new(&openssl).args(["genpkey", "-algorithm"]).args(kind));
        spec.secret("sa.key", &made.stdout);
        let key = spec.path().with_file_name("sa.key");
        let public = run(Command::new(&openssl).args(["pkey", "-pubout", "-in"]).arg(&key));
        spec.secret("sa.pub", &public.stdout);
        let (_folder, out) = support::build(&spec.path());
        assert_eq!(text(&out, "service-account.pub").as_bytes(), public.stdout);
    }
}

/// 32 bytes in base64.
const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OLDER: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=";

/// The names and secrets of an encryption configuration, the one that is written with first.
fn keys(out: &Path) -> Vec<(String, String)> {
    let text = text(out, "encryption-config.yaml");
    let after = |what: &str| -> Vec<String> {
        let values = text
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(what));
        values.map(|value| value.trim_matches('"').to_owned()).collect()
    };
    after("name: ").into_iter().zip(after("secret: ")).collect()
}

fn pair(name: &str, secret: &str) -> (String, String) {
    (name.to_owned(), secret.to_owned())
}

#[test]
fn secrets_are_read_with_the_keys_that_are_brought() {
    let spec = Spec::new(&HOSTS, "");
    append(&spec, "[encryption]\nkeys = [{ name = \"key2\", file = \"old\" }]");
    spec.secret("old", format!("{OLD}\n").as_bytes());
    let (_folder, out) = support::build(&spec.path());
    assert_eq!(keys(&out), [pair("key2", OLD)]);
    must(khw_gen().arg("verify").arg(&out).args(["--at", "2026-06-01T00:00:00Z"]));

    // Its successor is made from the seed, and is called as no other.
    append(&spec, "[rotate.encryption]\nto = 2\nphase = \"announce\"");
    let (_folder, announced) = support::build(&spec.path());
    let [used, accepted] = keys(&announced).try_into().expect("two keys");
    assert_eq!(used, pair("key2", OLD));
    assert_eq!(accepted.0, "new-key2");
    assert_ne!(accepted.1, OLD);
}

#[test]
fn keys_stand_in_the_order_of_their_generations() {
    let spec = Spec::new(&HOSTS, "");
    let both = "[encryption]\nkeys = [{ name = \"first\", file = \"older\" }, { name = \"true\", file = \"old\" }]";
    append(
        &spec,
        &format!("{both}\n[rotate.encryption]\nto = 2\nphase = \"switch\""),
    );
    spec.secret("old", OLD.as_bytes());
    spec.secret("older", OLDER.as_bytes());
    let (_folder, out) = support::build(&spec.path());
    assert_eq!(keys(&out), [pair("true", OLD), pair("first", OLDER)]);

    // What is over needs no secret, and keeps its place.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let over = text
        .replace(
            "[rotate.encryption]\nto = 2\nphase = \"switch\"",
            "[generations]\nencryption = 2",
        )
        .replace(", file = \"older\"", "");
    fs::write(spec.path(), over).expect("cluster.toml");
    fs::remove_file(spec.path().with_file_name("older")).expect("the key goes");
    let (_folder, out) = support::build(&spec.path());
    assert_eq!(keys(&out), [pair("true", OLD)]);
}

#[test]
fn a_key_of_another_cluster_takes_no_place_in_one_step() {
    let spec = Spec::new(&HOSTS, "");
    append(&spec, "[encryption]\nkeys = [{ name = \"key1\", file = \"old\" }]");
    spec.secret("old", OLD.as_bytes());
    let (_folder, out) = support::build(&spec.path());
    let before = support::files_below(&out);
    spec.secret("old", OLDER.as_bytes());
    let built = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert_eq!(built.status.code(), Some(1), "{}", said(&built));
    assert!(said(&built).contains("encryption-disagrees"), "{}", said(&built));
    assert!(
        support::files_below(&out) == before,
        "an output that was refused has changed"
    );
}

#[test]
fn nothing_is_encrypted_with_a_key_that_is_not_there() {
    let spec = Spec::new(&HOSTS, "");
    append(&spec, "[encryption]\nkeys = [{ name = \"key1\", file = \"old\" }]");
    must(khw_gen().arg("check").arg(spec.path()));
    let out = spec.path().with_file_name("out");
    let built = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&out));
    assert_eq!(built.status.code(), Some(1), "{}", said(&built));
    assert!(said(&built).contains("unreadable-input"), "{}", said(&built));
    assert!(!out.exists());
    // What does not depend on it is compared all the same.
    spec.secret("old", OLD.as_bytes());
    let golden = spec.path().with_file_name("golden");
    must(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&golden));
    fs::remove_file(spec.path().with_file_name("old")).expect("the key goes");
    let checked = run(khw_gen().args(["golden", "check"]).arg(spec.path()).arg(&golden));
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
}

#[test]
fn a_rotation_leads_from_the_keys_that_are_brought_to_new_ones() {
    let (_other, _folder, other) = other("split");
    let spec = Spec::new(&HOSTS, "");
    append(
        &spec,
        &support::examples::shown("brought-keys", "toml").replace("\"key1\"", "\"key2\""),
    );
    spec.secret("encryption-key1", OLD.as_bytes());
    spec.secret("sa.key", text(&other, "service-account-key.pem").as_bytes());
    spec.secret("sa.pub", text(&other, "service-account.pub").as_bytes());
    for (of, over) in [
        ("service-account", "The section of the key that was brought goes too"),
        ("encryption", "its `file` goes, and its `name` stays"),
    ] {
        let phases = spec.path().with_file_name(of);
        let made = run(khw_gen().arg("rotate").arg(spec.path()).arg(of).arg("-o").arg(&phases));
        assert_eq!(made.status.code(), Some(0), "{}", said(&made));
        assert!(said(&made).contains("is made from the seed here"), "{}", said(&made));
        let plan = fs::read_to_string(phases.join("PLAN.md")).expect("a plan");
        assert!(plan.contains(over), "{plan}");
        assert_eq!(of == "encryption", plan.contains(":new-key2:"), "{plan}");
        let last = fs::read_dir(&phases).expect("phases").flatten();
        let last = last
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .max()
            .expect("a phase");
        match of {
            "encryption" => assert_eq!(keys(&last)[0].0, "new-key2"),
            _ => assert_ne!(text(&last, "service-account.pub"), text(&other, "service-account.pub")),
        }
    }
}

#[test]
fn who_signs_elsewhere_is_asked_for_the_key_that_is_brought() {
    let Some(openssl) = program("openssl", "who_signs_elsewhere_is_asked_for_the_key_that_is_brought") else {
        return;
    };
    let (_other, _folder, other) = other("split");
    let spec = Spec::new(&HOSTS, "layout = \"single\"");
    append(
        &spec,
        "[pki.ca]\nexternal = true\n[pki.bring.service-account]\ncert = \"sa.pub\"\nkey = \"sa.key\"",
    );
    spec.secret("sa.key", text(&other, "service-account-key.pem").as_bytes());
    spec.secret("sa.pub", text(&other, "service-account.pub").as_bytes());
    let requests = spec.path().with_file_name("requests");
    must(khw_gen().arg("csr").arg(spec.path()).arg("-o").arg(&requests));
    let files = support::files_below(&requests);
    let (name, _) = files
        .iter()
        .find(|(name, _)| name.ends_with("service-account.csr"))
        .expect("its request");
    let public = run(Command::new(openssl)
        .args(["req", "-noout", "-pubkey", "-in"])
        .arg(requests.join(name)));
    assert_eq!(
        String::from_utf8_lossy(&public.stdout),
        text(&other, "service-account.pub")
    );
}
