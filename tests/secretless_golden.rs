//! `khw-gen golden`: what is reported and what is not, with the seed and without it, and that no secret gets into a golden or out
//! of a comparison.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::leaks::{base64, decode, decode_lines, forms, holds, piece_of_key};
use support::{SEED, Spec, files_below, khw_gen, mode, must, program, project, run, said};

const HOSTS: [&str; 3] = [
    "cp 10.0.0.1 control-plane etcd admin",
    "n1 10.0.0.2 worker",
    "lb 10.0.0.3 load-balancer",
];

/// A password that anybody guesses, in a file that only root may read.
const EXTRA: &str = "[cluster]\nname = \"canary\"\n\
    [components.kubelet.config]\nmaxPods = 110\n\
    [[files]]\non = \"all\"\nat = \"/etc/app/password\"\nmode = \"0600\"\ncontent = \"hunter2\"\n\
    [[files]]\non = \"worker\"\nat = \"/etc/app/line\"\ncontent = \"one line for {{ host.name }}\\n\"\n";

fn spec() -> Spec {
    Spec::new(&HOSTS, EXTRA)
}

fn golden_of(spec: &Spec) -> PathBuf {
    spec.path().with_file_name("golden")
}

fn write(spec: &Spec) -> PathBuf {
    let golden = golden_of(spec);
    must(khw_gen().args(["golden", "write"]).arg(spec.path()).arg(&golden));
    golden
}

fn check(spec: &Spec, options: &[&str]) -> Output {
    let mut command = khw_gen();
    command.args(["golden", "check"]).arg(spec.path()).arg(golden_of(spec));
    run(command.args(options))
}

fn change(spec: &Spec, from: &str, to: &str) {
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(spec.path(), text.replacen(from, to, 1)).expect("cluster.toml");
}

/// The differences that a check printed: kind and path.
fn reported(output: &Output) -> BTreeSet<(String, String)> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            let (kind, rest) = line.split_once(':').expect("a kind");
            let path = rest.trim().split([':', ' ']).next().expect("a path");
            (kind.to_owned(), path.to_owned())
        })
        .collect()
}

fn assert_same(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    assert!(output.stdout.is_empty(), "{}", said(output));
}

#[test]
fn what_was_written_is_what_is_compiled_whatever_the_umask() {
    let spec = spec();
    let golden = write(&spec);
    let output = check(&spec, &[]);
    assert_same(&output);
    assert!(!said(&output).contains("golden"), "{}", said(&output));
    assert_same(&check(&spec, &["--without-seed"]));
    let first = files_below(&golden);
    let script = "umask 077; exec \"$0\" golden write \"$1\" \"$2\"";
    let program = env!("CARGO_BIN_EXE_khw-gen");
    must(
        Command::new("sh")
            .args(["-c", script, program])
            .arg(spec.path())
            .arg(&golden),
    );
    assert!(files_below(&golden) == first, "two goldens of one cluster differ");
    for name in first.keys() {
        assert_eq!(mode(&golden.join(name)), 0o644, "{name}");
    }
    assert_eq!(mode(&golden), 0o755);
    assert_eq!(mode(&golden.join("cp/rootfs/root")), 0o755);
    // One text for each file of the output, and the index.
    let (_folder, out) = support::build(&spec.path());
    let of_output: BTreeSet<String> = files_below(&out)
        .into_keys()
        .filter(|name| name.contains('/'))
        .collect();
    let of_golden: BTreeSet<String> = first.keys().filter(|name| *name != "GOLDEN").cloned().collect();
    assert_eq!(of_golden, of_output);
    assert!(first["GOLDEN"].starts_with(b"# khw-gen golden 1\n"));
}

/// What is changed, by what, which difference must be among those reported, and whether it is seen without the seed.
struct Case {
    from: &'static str,
    to: &'static str,
    kind: &'static str,
    path: &'static str,
    without_seed: bool,
    /// A line of the excerpt.
    line: &'static str,
}

#[test]
fn each_change_is_reported_for_what_it_is() {
    let cases = [
        Case {
            from: "name = \"canary\"",
            to: "name = \"canary\"\nnames = [\"api.example\"]",
            kind: "different",
            path: "cp/rootfs/var/lib/kubernetes/apiserver.pem",
            without_seed: true,
            line: "+   Subject alternative name: DNS api.example",
        },
        Case {
            from: "maxPods = 110",
            to: "maxPods = 120",
            kind: "different",
            path: "n1/rootfs/var/lib/kubelet/kubelet-config.yaml",
            without_seed: true,
            line: "- maxPods: 110",
        },
        Case {
            from: "one line",
            to: "two lines",
            kind: "different",
            path: "n1/rootfs/etc/app/line",
            without_seed: true,
            line: "+ two lines for n1",
        },
        Case {
            from: "mode = \"0600\"",
            to: "mode = \"0640\"",
            kind: "different",
            path: "lb/MANIFEST",
            without_seed: true,
            line: "+ 0640 sha256 rootfs/etc/app/password",
        },
        Case {
            from: "\"/etc/app/line\"",
            to: "\"/etc/app/moved\"",
            kind: "missing",
            path: "n1/rootfs/etc/app/line",
            without_seed: true,
            line: "",
        },
        Case {
            from: "\"/etc/app/line\"",
            to: "\"/etc/app/moved\"",
            kind: "unexpected",
            path: "n1/rootfs/etc/app/moved",
            without_seed: true,
            line: "",
        },
        Case {
            from: "\"n1\"",
            to: "\"n2\"",
            kind: "missing",
            path: "n1/",
            without_seed: true,
            line: "",
        },
        Case {
            from: "\"n1\"",
            to: "\"n2\"",
            kind: "unexpected",
            path: "n2/",
            without_seed: true,
            line: "",
        },
        Case {
            from: "name = \"canary\"",
            to: "name = \"canary\"\n[encryption]\nprovider = \"aesgcm\"",
            kind: "different",
            path: "cp/rootfs/var/lib/kubernetes/encryption-config.yaml",
            without_seed: true,
            line: "-       - secretbox:",
        },
        Case {
            from: "hunter2",
            to: "hunter3",
            kind: "different",
            path: "lb/rootfs/etc/app/password",
            without_seed: false,
            line: "- secret file hmac-sha256:",
        },
        Case {
            from: "seed = \"seed\"",
            to: "seed = \"other\"",
            kind: "different",
            path: "cp/rootfs/var/lib/kubernetes/encryption-config.yaml",
            without_seed: false,
            line: "-               secret: hmac-sha256:",
        },
        Case {
            from: "seed = \"seed\"",
            to: "seed = \"other\"",
            kind: "different",
            path: "GOLDEN",
            without_seed: false,
            line: "- # seed hmac-sha256:",
        },
    ];
    let before = spec();
    write(&before);
    let original = fs::read_to_string(before.path()).expect("cluster.toml");
    let mut other = SEED;
    other[31] ^= 1;
    before.secret("other", &other);
    for case in cases {
        fs::write(before.path(), &original).expect("cluster.toml");
        change(&before, case.from, case.to);
        let expected = (case.kind.to_owned(), case.path.to_owned());
        for (options, is_seen) in [(&[][..], true), (&["--without-seed"], case.without_seed)] {
            let output = check(&before, options);
            if !is_seen {
                assert_same(&output);
                continue;
            }
            let text = said(&output);
            assert_eq!(output.status.code(), Some(1), "{} -> {}: {text}", case.from, case.to);
            assert!(reported(&output).contains(&expected), "{expected:?} is not in {text}");
            assert!(
                case.line.is_empty()
                    || text
                        .lines()
                        .any(|line| line.trim_start_matches([' ', '|']).starts_with(case.line)),
                "{:?} is not in {text}",
                case.line
            );
        }
    }
}

#[test]
fn an_excerpt_is_bounded_and_names_what_it_leaves_out() {
    let spec = Spec::new(
        &HOSTS,
        "[[files]]\non = \"lb\"\nat = \"/etc/long\"\ntemplate = \"long\"\n",
    );
    let lines = |word: &str| (0..100).map(|number| format!("{word} {number}\n")).collect::<String>();
    let template = spec.path().with_file_name("long");
    fs::write(&template, lines("old")).expect("a template");
    write(&spec);
    fs::write(&template, lines("new")).expect("a template");
    let output = check(&spec, &[]);
    assert_eq!(
        reported(&output),
        BTreeSet::from([("different".to_owned(), "lb/rootfs/etc/long".to_owned())])
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 22, "{text}");
    assert!(text.contains("more lines differ"), "{text}");
}

#[test]
fn a_golden_put_together_from_two_seeds_is_noticed_without_either() {
    let spec = spec();
    let golden = write(&spec);
    let (mut other, file) = (SEED, golden.join("cp/rootfs/etc/etcd/etcd-ca.pem"));
    other[0] ^= 1;
    let kept = fs::read(&file).expect("a text");
    spec.secret("seed", &other);
    write(&spec);
    fs::write(&file, kept).expect("a text");
    let output = check(&spec, &["--without-seed"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("stands for another elsewhere"),
        "{}",
        said(&output)
    );
    // Nor is a value of another shape taken for one that can't be known.
    write(&spec);
    let text = fs::read_to_string(&file).expect("a text");
    let serial = text
        .lines()
        .find(|line| line.contains("Serial: "))
        .expect("a serial number")
        .to_owned();
    fs::write(&file, text.replace(&serial, "  Serial: 01")).expect("a text");
    let output = check(&spec, &["--without-seed"]);
    assert_eq!(
        reported(&output),
        BTreeSet::from([("different".to_owned(), "cp/rootfs/etc/etcd/etcd-ca.pem".to_owned())])
    );
}

#[test]
fn a_seed_that_is_not_there_is_done_without_and_said_and_any_other_problem_is_trouble() {
    let spec = spec();
    let golden = write(&spec);
    let seed = spec.path().with_file_name("seed");
    let elsewhere = spec.path().with_file_name("elsewhere");
    fs::rename(&seed, &elsewhere).expect("the seed goes");
    let output = check(&spec, &[]);
    assert_same(&output);
    let text = said(&output);
    assert!(
        text.contains("there is no seed") && text.contains("without the seed"),
        "{text}"
    );
    let given = run(khw_gen()
        .args(["golden", "check", "--seed-file"])
        .args([&elsewhere, &spec.path(), &golden]));
    assert_same(&given);
    assert!(!said(&given).contains("without"), "{}", said(&given));

    let mut piped = khw_gen()
        .args(["golden", "check", "--seed-file", "-"])
        .args([spec.path(), golden.clone()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program");
    let hex: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    piped
        .stdin
        .take()
        .expect("its input")
        .write_all(hex.as_bytes())
        .expect("the seed");
    assert!(piped.wait().expect("its end").success());

    let trouble = |output: &Output| assert_eq!(output.status.code(), Some(2), "{}", said(output));
    let missing = spec.path().with_file_name("missing").display().to_string();
    trouble(&check(&spec, &["--seed-file", &missing]));
    trouble(&check(&spec, &["--seed-file", "/dev/null"]));
    trouble(&check(&spec, &["--seed-file", &missing, "--without-seed"]));
    let written = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden.clone()]));
    assert_eq!(written.status.code(), Some(1), "{}", said(&written));

    let index = fs::read_to_string(golden.join("GOLDEN")).expect("the index");
    fs::write(golden.join("GOLDEN"), index.replacen("golden 1", "golden 2", 1)).expect("the index");
    let newer = check(&spec, &[]);
    trouble(&newer);
    assert!(
        said(&newer).contains("format 2") && newer.stdout.is_empty(),
        "{}",
        said(&newer)
    );
    fs::remove_file(golden.join("GOLDEN")).expect("no index");
    trouble(&check(&spec, &[]));
    fs::write(golden.join("GOLDEN"), index).expect("the index");
    fs::write(spec.path(), "nonsense = 1\n").expect("cluster.toml");
    trouble(&check(&spec, &[]));
}

#[test]
fn what_khw_gen_did_not_write_is_neither_replaced_nor_overlooked() {
    let spec = spec();
    let golden = write(&spec);
    fs::write(golden.join("n1/mine"), "precious").expect("a file");
    symlink("MANIFEST", golden.join("n1/link")).expect("a link");
    fs::create_dir(golden.join("empty")).expect("a folder");
    let refused = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden.clone()]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("n1/mine"), "{}", said(&refused));
    assert_eq!(fs::read(golden.join("n1/mine")).expect("still there"), b"precious");
    let found = reported(&check(&spec, &[]));
    for name in ["n1/mine", "n1/link", "empty/"] {
        assert!(found.contains(&("missing".to_owned(), name.to_owned())), "{found:?}");
    }
    assert_eq!(found.len(), 3, "{found:?}");
    // An output is no golden, and a golden no output.
    let (_folder, out) = support::build(&spec.path());
    assert_eq!(
        run(khw_gen().args(["golden", "write"]).args([spec.path(), out]))
            .status
            .code(),
        Some(1)
    );
    let written = run(khw_gen().arg("build").arg(spec.path()).arg("-o").arg(&golden));
    assert_eq!(written.status.code(), Some(1), "{}", said(&written));
}

/// Every secret of an output: by its name the forms in which it could get out.
fn secrets(out: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut secrets = BTreeMap::from([("the seed".to_owned(), forms(&SEED))]);
    for (name, bytes) in files_below(out) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = |field: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(field).map(str::to_owned));
            decode(line.unwrap_or_else(|| panic!("{name} has no {field}")).as_bytes())
        };
        let body = |pem: &str| {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            decode(body.as_bytes())
        };
        if name.ends_with("-key.pem") {
            let der = body(&text);
            secrets.insert(name, forms(piece_of_key(&der)));
        } else if name.ends_with("kubeconfig") {
            let der = body(&String::from_utf8_lossy(&value("client-key-data: ")));
            secrets.insert(name, forms(piece_of_key(&der)));
        } else if name.ends_with("encryption-config.yaml") {
            let key = value("secret: ");
            secrets.insert(name, forms(&key));
        }
    }
    secrets
}

/// The password and its digests, in every form that a digest has.
fn password() -> Vec<Vec<u8>> {
    let mut forms = vec![
        b"hunter2".to_vec(),
        b"68756e74657232".to_vec(),
        base64(b"hunter2")[..9].to_vec(),
    ];
    for program in ["sha256sum", "sha1sum", "md5sum", "sha512sum"] {
        let mut digest = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("coreutils");
        digest
            .stdin
            .take()
            .expect("its input")
            .write_all(b"hunter2")
            .expect("the password");
        let text = String::from_utf8(digest.wait_with_output().expect("a digest").stdout).expect("hexadecimal");
        let hex = text.split(' ').next().expect("a digest");
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
            .collect();
        // Half of a digest is enough to try guesses with.
        forms.push(hex.as_bytes()[..16].to_vec());
        forms.push(hex.to_uppercase().as_bytes()[..16].to_vec());
        forms.push(base64(&bytes)[..16].to_vec());
    }
    forms
}

#[test]
fn no_secret_gets_into_a_golden_or_out_of_a_comparison() {
    let with_both_algorithms = Spec::new(&HOSTS, EXTRA).with_csrs(|name, text| match name {
        "admin-csr.json" | "ca-csr.json" => text,
        _ => text
            .replace("\"algo\": \"rsa\"", "\"algo\": \"ecdsa\"")
            .replace("\"size\": 2048", "\"size\": 256"),
    });
    for spec in [spec(), with_both_algorithms] {
        let (_folder, out) = support::build(&spec.path());
        let mut secrets = secrets(&out);
        assert!(secrets.len() > 10, "{:?}", secrets.keys());
        // The canary sings where the secrets are.
        for (name, forms) in secrets.iter().filter(|(name, _)| *name != "the seed") {
            let bytes = fs::read(out.join(name)).expect("an output");
            let once = decode_lines(&bytes);
            assert!(
                [&bytes, &once, &decode_lines(&once)]
                    .iter()
                    .any(|layer| holds(layer, forms)),
                "{name}"
            );
        }
        secrets.insert("the password".to_owned(), password());
        let silent = |what: &str, bytes: &[u8]| {
            let once = decode_lines(bytes);
            let twice = decode_lines(&once);
            for (name, forms) in &secrets {
                let found = [bytes, &once, &twice].iter().any(|layer| holds(layer, forms));
                assert!(!found, "{what} gives {name} away: {}", String::from_utf8_lossy(bytes));
            }
        };
        let golden = write(&spec);
        let texts = files_below(&golden);
        for (name, text) in &texts {
            silent(name, text);
        }
        // Everything is different, and nothing of it is shown that should not be.
        let mut other = SEED;
        other[5] ^= 1;
        spec.secret("other", &other);
        let other = spec.path().with_file_name("other").display().to_string();
        for options in [&["--seed-file", other.as_str()][..], &["--without-seed"], &[]] {
            let output = check(&spec, options);
            silent("check", said(&output).as_bytes());
        }
        // The output where its golden should be: what should never have been copied there is not printed.
        for (name, bytes) in files_below(&out)
            .into_iter()
            .filter(|(name, _)| texts.contains_key(name))
        {
            fs::write(golden.join(name), bytes).expect("a mistake");
        }
        for options in [&[][..], &["--without-seed"]] {
            let output = check(&spec, options);
            assert_eq!(output.status.code(), Some(1));
            silent("check of a copied output", said(&output).as_bytes());
        }
        // One line of it each, and a word of it.
        for (name, text) in &texts {
            let from_output = fs::read_to_string(out.join(name)).expect("an output");
            let mixed: String = String::from_utf8_lossy(text)
                .lines()
                .chain(from_output.lines().filter(|line| !line.starts_with("-----")))
                .map(|line| format!("{line}\n"))
                .collect();
            fs::write(golden.join(name), mixed).expect("a mistake");
        }
        silent("check of a mixture", said(&check(&spec, &[])).as_bytes());
    }
}

#[test]
fn an_authority_signs_without_its_key_as_far_as_can_be_compared() {
    let root = Spec::new(&["ca 10.9.0.1 control-plane etcd"], "");
    let (_folder, out) = support::build(&root.path());
    let spec = Spec::new(
        &HOSTS,
        "[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n[cluster]\nname = \"canary\"\n",
    );
    for name in ["ca.pem", "ca-key.pem"] {
        let bytes = fs::read(out.join("ca/rootfs/var/lib/kubernetes").join(name)).expect("an authority");
        spec.secret(name, &bytes);
    }
    let golden = write(&spec);
    let key = spec.path().with_file_name("ca-key.pem");
    fs::remove_file(&key).expect("the key goes");
    for options in [&[][..], &["--without-seed"]] {
        let output = check(&spec, options);
        assert_same(&output);
        assert!(
            said(&output).contains("the key of [pki.ca] is not there"),
            "{}",
            said(&output)
        );
    }
    // The authority itself is compared all the same, and with the seed every key is.
    let ca = golden.join("cp/rootfs/var/lib/kubernetes/ca.pem");
    let text = fs::read_to_string(&ca).expect("a text");
    fs::write(&ca, text.replacen("Serial: 4", "Serial: 5", 1)).expect("a text");
    let kubelet = golden.join("n1/rootfs/var/lib/kubelet/kubelet-serving-key.pem");
    let of_key = fs::read_to_string(&kubelet).expect("a text");
    let digest = of_key.trim_end().rsplit(' ').next().expect("a digest").to_owned();
    fs::write(&kubelet, of_key.replace(&digest, &"0".repeat(64))).expect("a text");
    let found = reported(&check(&spec, &[]));
    for name in [
        "cp/rootfs/var/lib/kubernetes/ca.pem",
        "n1/rootfs/var/lib/kubelet/kubelet-serving-key.pem",
    ] {
        assert!(found.contains(&("different".to_owned(), name.to_owned())), "{found:?}");
    }
    assert_eq!(found.len(), 2, "{found:?}");
    let written = run(khw_gen().args(["golden", "write"]).args([spec.path(), golden]));
    assert_eq!(
        written.status.code(),
        Some(1),
        "who writes a golden has every key: {}",
        said(&written)
    );
}

#[test]
fn openssl_computes_the_fingerprint_of_a_key() {
    const TEST: &str = "openssl_computes_the_fingerprint_of_a_key";
    let Some(openssl) = program("openssl", TEST) else {
        return;
    };
    let spec = spec();
    let (_folder, out) = support::build(&spec.path());
    let golden = write(&spec);
    let mut compared = 0;
    for (name, _) in files_below(&out)
        .into_iter()
        .filter(|(name, _)| name.ends_with("-key.pem"))
    {
        let script = "\"$0\" pkey -in \"$1\" -pubout -outform DER | sha256sum";
        let printed = must(
            Command::new("sh")
                .args(["-c", script])
                .arg(&openssl)
                .arg(out.join(&name)),
        );
        let digest = printed.split(' ').next().expect("a digest");
        let text = fs::read_to_string(golden.join(&name)).expect("a text");
        assert!(
            text.contains(&format!("SHA-256 of the public key: {digest}\n")),
            "{name}: {text}"
        );
        compared += 1;
    }
    assert!(compared > 5);
    let readme = fs::read_to_string(project().join("README.md")).expect("README.md");
    assert!(
        readme.contains("-pubout -outform DER | sha256sum"),
        "the README says how"
    );
}
