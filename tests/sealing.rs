//! What is sealed at rest and on its way: what age, ssh-keygen and we make, open and verify of each other; and that what is wrong, or
//! lacking, writes nothing.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use khw_gen::pki::digest::sha256_hex;
use khw_gen::pki::sealing::{OpenError, Opener, is_sealed};
use khw_gen::pki::secret::SecretBytes;
use support::leaks::{forms, holds};
use support::{SEED, Spec, examples, files_below, khw_gen, mode, must, path, program, project, run, said, skip};
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";

/// A specification, and beside it keys of age and SSH: `key.txt`, `other.txt`, `id_ed25519`, `locked` (with [`PASSPHRASE`]) and their
/// public halves; `passphrase`, and `wrong`.
struct Bench {
    spec: Spec,
    recipient: String,
}

impl Bench {
    /// None where a program is not here; the test is listed as skipped then.
    fn new(test: &str) -> Option<Bench> {
        Bench::of(
            test,
            &["one 10.0.0.1 control-plane etcd admin", "two 10.0.0.2 worker"],
            "",
        )
    }

    fn of(test: &str, hosts: &[&str], extra: &str) -> Option<Bench> {
        for name in ["age", "age-keygen", "ssh-keygen"] {
            program(name, test)?;
        }
        let spec = Spec::new(hosts, extra).with_ecdsa_keys();
        let bench = Bench {
            spec,
            recipient: String::new(),
        };
        for name in ["key.txt", "other.txt"] {
            must(Command::new("age-keygen").arg("-o").arg(bench.at(name)));
        }
        for (name, passphrase) in [("id_ed25519", ""), ("locked", PASSPHRASE)] {
            let mut keygen = Command::new("ssh-keygen");
            must(
                keygen
                    .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
                    .arg(bench.at(name)),
            );
        }
        bench.spec.secret("passphrase", format!("{PASSPHRASE}\n").as_bytes());
        bench.spec.secret("wrong", b"correct horse battery stable\n");
        let recipient = must(Command::new("age-keygen").arg("-y").arg(bench.at("key.txt")));
        Some(Bench {
            recipient: recipient.trim().to_owned(),
            ..bench
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.spec.path().with_file_name(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// `khw-gen` with these words, in the folder of the specification.
    fn runs(&self, words: &str) -> Output {
        run(&mut self.command(words))
    }

    fn must(&self, words: &str) -> String {
        must(&mut self.command(words))
    }

    fn command(&self, words: &str) -> Command {
        let mut command = khw_gen();
        // A session of its own has no terminal that could be asked.
        command.args(words.split(' ')).current_dir(self.at(""));
        let mut apart = Command::new("setsid");
        apart.arg("--wait").arg(command.get_program()).args(command.get_args());
        apart.env_clear().env("PATH", path()).current_dir(self.at(""));
        apart
    }

    /// Everything that is there, with its content and its mode.
    fn state(&self) -> BTreeMap<String, (Vec<u8>, u32)> {
        let files = files_below(&self.at("")).into_iter();
        files
            .map(|(name, bytes)| (name.clone(), (bytes, mode(&self.at(&name)))))
            .collect()
    }

    /// What is refused, with 1 and the words of the error; and nothing is written.
    fn refuses(&self, words: &str, error: &str) {
        let before = self.state();
        let output = self.runs(words);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{words}: {said}");
        assert!(said.contains(error), "{words} says no {error:?}: {said}");
        assert!(before == self.state(), "{words} wrote something");
    }

    /// Seals a file with the real age, for whom `words` say.
    fn sealed_by_age(&self, words: &[&str], from: &str, to: &str) {
        let mut age = Command::new("age");
        must(
            age.args(words)
                .arg("-o")
                .arg(self.at(to))
                .arg(self.at(from))
                .current_dir(self.at("")),
        );
    }
}

/// Runs a program at a terminal of its own, where `lines` are typed when it asks; what the terminal showed.
fn typed(lines: &[&str], command: &mut Command) -> (bool, String) {
    const SCRIPT: &str = "
import os, pty, sys, termios, time
count = int(sys.argv[1])
lines, words = sys.argv[2:2 + count], sys.argv[2 + count:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(words[0], words)
shown, answered = b'', 0
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    while lines and shown[answered:].rstrip(b' ').endswith(b':'):
        answered = len(shown)
        # Who asks stops the echo after it has asked.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, lines.pop(0).encode() + b'\\n')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, &lines.len().to_string()]).args(lines);
    python.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        python.current_dir(folder);
    }
    let output = run(&mut python);
    (output.status.success(), said(&output))
}

#[test]
fn a_sealed_seed_makes_what_the_plain_one_makes() {
    let Some(bench) = Bench::new("a_sealed_seed_makes_what_the_plain_one_makes") else {
        return;
    };
    bench.must("build cluster.toml -o plain");
    let recipient = bench.recipient.clone();
    let cases: [(&[&str], &str); 5] = [
        (&["-r", &recipient], "--identity key.txt"),
        (&["-a", "-r", &recipient], "--identity other.txt --identity key.txt"),
        (&["-R", "id_ed25519.pub"], "--identity id_ed25519"),
        (
            &["-a", "-R", "locked.pub", "-R", "id_ed25519.pub"],
            "--identity locked --passphrase-file passphrase",
        ),
        (
            &["-R", "locked.pub", "-r", &recipient],
            "--identity key.txt --identity locked",
        ),
    ];
    for (number, (sealed_for, opened_with)) in cases.iter().enumerate() {
        fs::rename(bench.at("seed"), bench.at("seed.plain")).unwrap();
        bench.sealed_by_age(sealed_for, "seed.plain", "seed");
        // Whoever reads it has nothing.
        fs::set_permissions(bench.at("seed"), fs::Permissions::from_mode(0o644)).unwrap();
        bench.must(&format!("build cluster.toml -o out{number} {opened_with}"));
        assert_eq!(
            files_below(&bench.at("plain")),
            files_below(&bench.at(&format!("out{number}"))),
            "{sealed_for:?}"
        );
        assert_eq!(
            bench
                .runs(&format!("diff plain cluster.toml {opened_with}"))
                .status
                .code(),
            Some(0)
        );
        assert_eq!(
            bench
                .runs(&format!("verify plain --spec cluster.toml {opened_with}"))
                .status
                .code(),
            Some(0)
        );
        fs::rename(bench.at("seed.plain"), bench.at("seed")).unwrap();
    }
    // Every command that reads a seed takes what opens it.
    bench.sealed_by_age(&["-r", &recipient], "seed", "sealed");
    bench.must("golden write cluster.toml golden --seed-file sealed --identity key.txt");
    bench.must("golden check cluster.toml golden --seed-file sealed --identity key.txt");
    bench.must("renew cluster.toml --at 2026-06-01T00:00:00Z --patch --seed-file sealed --identity key.txt");
    bench.must("expiry cluster.toml --at 2026-01-02T00:00:00Z --seed-file sealed --identity key.txt");
    bench.must("rotate cluster.toml ca -o rotation --seed-file sealed --identity key.txt");
    bench.must("seed signer cluster.toml --seed-file sealed --identity key.txt");
}

#[test]
fn a_sealed_key_of_an_authority_signs() {
    const TEST: &str = "a_sealed_key_of_an_authority_signs";
    let extra = "[pki.ca]\ncert = \"ca.pem\"\nkey = \"ca-key.pem\"\n";
    let Some(bench) = Bench::of(TEST, &["one 10.0.0.1 control-plane etcd admin"], extra) else {
        return;
    };
    if program("openssl", TEST).is_none() {
        return;
    }
    let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9000 -subj /CN=ca -keyout plain.pem -out ca.pem \
                   -addext keyUsage=critical,keyCertSign,cRLSign";
    must(
        Command::new("openssl")
            .args(request.split_whitespace())
            .current_dir(bench.at("")),
    );
    fs::set_permissions(bench.at("plain.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(bench.at("plain.pem"), bench.at("ca-key.pem")).unwrap();
    bench.must("build cluster.toml -o plain");
    fs::remove_file(bench.at("ca-key.pem")).unwrap();
    bench.sealed_by_age(&["-r", &bench.recipient], "plain.pem", "ca-key.pem");
    bench.refuses("build cluster.toml -o out", "cluster.toml:");
    bench.refuses("build cluster.toml -o out", "give --identity FILE");
    bench.refuses("build cluster.toml -o out --identity other.txt", "sealed for others");
    // Those who sign nothing don't miss it.
    bench.must("check cluster.toml");
    bench.must("plan cluster.toml");
    bench.must("secrets cluster.toml --identity key.txt");
    bench.must("build cluster.toml -o out --identity key.txt");
    assert_eq!(files_below(&bench.at("plain")), files_below(&bench.at("out")));
}

#[test]
fn what_opens_nothing_is_said_and_nothing_is_written() {
    let Some(bench) = Bench::new("what_opens_nothing_is_said_and_nothing_is_written") else {
        return;
    };
    fs::rename(bench.at("seed"), bench.at("seed.plain")).unwrap();
    bench.sealed_by_age(&["-R", "locked.pub"], "seed.plain", "seed");
    bench.refuses(
        "build cluster.toml -o out",
        "seed can't be opened: it is sealed: give --identity FILE",
    );
    bench.refuses(
        "build cluster.toml -o out --identity key.txt",
        "sealed for others than the identities",
    );
    bench.refuses(
        "build cluster.toml -o out --identity locked",
        "there is no terminal to ask for it: give --passphrase-file FILE",
    );
    bench.refuses(
        "build cluster.toml -o out --identity locked --passphrase-file wrong",
        "the passphrase of the identity locked is another",
    );
    fs::set_permissions(bench.at("locked.pub"), fs::Permissions::from_mode(0o600)).unwrap();
    bench.refuses(
        "build cluster.toml -o out --identity locked.pub",
        "locked.pub opens nothing: line 1 is no identity",
    );
    bench.refuses("build cluster.toml -o out --identity nothing", "can't open nothing");
    bench.refuses(
        "build cluster.toml -o out --identity cluster.toml",
        "has mode 0644: others can read it",
    );
    bench.must("seed new -o locked.seed --passphrase --passphrase-file passphrase");
    bench.refuses(
        "build cluster.toml -o out --seed-file locked.seed --passphrase-file wrong",
        "with another passphrase",
    );
    bench.refuses(
        "build cluster.toml -o out --seed-file locked.seed",
        "there is no terminal",
    );
    let recipient = bench.recipient.clone();
    fs::write(bench.at("public"), format!("{recipient}\n")).unwrap();
    fs::set_permissions(bench.at("public"), fs::Permissions::from_mode(0o600)).unwrap();
    bench.refuses(
        "build cluster.toml -o out --identity public",
        "line 1 is a recipient, which seals",
    );
    fs::write(bench.at("two-lines"), "one\ntwo\n").unwrap();
    fs::set_permissions(bench.at("two-lines"), fs::Permissions::from_mode(0o600)).unwrap();
    bench.refuses(
        "build cluster.toml -o out --passphrase-file two-lines",
        "a passphrase is the only line of its file",
    );
    fs::set_permissions(bench.at("passphrase"), fs::Permissions::from_mode(0o640)).unwrap();
    bench.refuses(
        "build cluster.toml -o out --passphrase-file passphrase",
        "the passphrase file passphrase has mode 0640",
    );
    // Whatever byte is changed.
    bench.sealed_by_age(&["-r", &recipient], "seed.plain", "seed");
    let whole = fs::read(bench.at("seed")).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(bench.at("seed"), &changed).unwrap();
        bench.refuses("build cluster.toml -o out --identity key.txt", "error: ");
        fs::write(bench.at("seed"), &whole[..at]).unwrap();
        bench.refuses("build cluster.toml -o out --identity key.txt", "error: ");
    }
}

#[test]
fn passphrases_are_typed_and_never_shown() {
    const TEST: &str = "passphrases_are_typed_and_never_shown";
    let Some(bench) = Bench::new(TEST) else { return };
    if program("python3", TEST).is_none() {
        return;
    }
    let ours = |words: &str| {
        let mut command = khw_gen();
        command.args(words.split(' ')).current_dir(bench.at(""));
        command
    };
    let age = |words: &str| {
        let mut command = Command::new("age");
        command.args(words.split(' ')).current_dir(bench.at(""));
        command
    };
    // Ours opened by age, and age's by us.
    let (done, shown) = typed(&[PASSPHRASE, PASSPHRASE], &mut ours("seed new -o ours --passphrase"));
    assert!(done && !shown.contains(PASSPHRASE), "{shown}");
    let (done, shown) = typed(&[PASSPHRASE], &mut age("-d -o opened ours"));
    assert!(done, "{shown}");
    assert!(bench.text("opened").lines().last().is_some_and(|line| line.len() == 64));
    for armor in ["-p -o theirs seed", "-p -a -o theirs-in-ascii seed"] {
        let (done, shown) = typed(&[PASSPHRASE, PASSPHRASE], &mut age(armor));
        assert!(done, "{shown}");
    }
    bench.must("build cluster.toml -o plain");
    for name in ["theirs", "theirs-in-ascii"] {
        let (done, shown) = typed(
            &[PASSPHRASE],
            &mut ours(&format!("build cluster.toml -o {name}.out --seed-file {name}")),
        );
        assert!(
            done && !shown.contains(PASSPHRASE) && shown.contains(&format!("Passphrase of {name}: ")),
            "{shown}"
        );
        assert_eq!(
            files_below(&bench.at("plain")),
            files_below(&bench.at(&format!("{name}.out")))
        );
    }
    // An identity that is sealed itself opens, too; and a rotation asks once for all that it reads.
    let (done, shown) = typed(&[PASSPHRASE, PASSPHRASE], &mut age("-p -o key.age key.txt"));
    assert!(done, "{shown}");
    bench.sealed_by_age(&["-r", &bench.recipient], "seed", "for-key");
    let (done, shown) = typed(
        &[PASSPHRASE],
        &mut ours("build cluster.toml -o by-sealed-key --seed-file for-key --identity key.age"),
    );
    assert!(done, "{shown}");
    let (done, shown) = typed(
        &[PASSPHRASE],
        &mut ours("rotate cluster.toml ca -o rotation --seed-file theirs"),
    );
    assert!(done && shown.matches("Passphrase of").count() == 1, "{shown}");
    // What is typed wrong.
    for (lines, error) in [
        (["one", "other"], "the two are not the same"),
        (["", ""], "an empty passphrase protects nothing"),
    ] {
        let (done, shown) = typed(&lines, &mut ours("seed new -o never --passphrase"));
        assert!(!done && shown.contains(error), "{shown}");
    }
    let (done, shown) = typed(&["other"], &mut ours("build cluster.toml -o never --seed-file theirs"));
    assert!(!done && shown.contains("another passphrase"), "{shown}");
    assert!(!bench.at("never").exists());
}

#[test]
fn sealed_archives_are_opened_by_age_and_by_us() {
    let Some(bench) = Bench::new("sealed_archives_are_opened_by_age_and_by_us") else {
        return;
    };
    let text = bench.text("cluster.toml");
    let with =
        |recipient: &str, name: &str| text.replace(name, &format!("recipients = [\"{}\"]\n{name}", recipient.trim()));
    let text = with(&bench.text("locked.pub"), "name = \"two\"");
    fs::write(
        bench.at("cluster.toml"),
        format!("{text}\n[handover]\nrecipients = [\"{}\"]\n", bench.recipient),
    )
    .unwrap();
    for format in ["tar.gz", "tar.zst", "zip"] {
        bench.must(&format!("build cluster.toml -o out --archive {format} --fresh"));
        bench.must("seal out -o sealed --spec cluster.toml --recipients-file id_ed25519.pub");
        let names: Vec<String> = files_below(&bench.at("sealed")).into_keys().collect();
        let expected = ["MANIFEST", "OPENED", "SHA256SUMS", "SHA256SUMS.sig", "one", "two"];
        let expected = expected.map(|name| {
            if name.len() == 3 {
                format!("{name}.{format}.age")
            } else {
                name.to_owned()
            }
        });
        assert_eq!(names, expected);
        for (host, key, opens) in [
            ("one", "key.txt", true),
            ("two", "id_ed25519", true),
            ("one", "other.txt", false),
        ] {
            let mut age = Command::new("age");
            let opened = run(age
                .args(["-d", "-i"])
                .arg(bench.at(key))
                .arg(bench.at(&format!("sealed/{host}.{format}.age"))));
            assert_eq!(opened.status.success(), opens, "{host} {key}");
            if opens {
                assert!(
                    opened.stdout == fs::read(bench.at(&format!("out/{host}.{format}"))).unwrap(),
                    "{host} {key}"
                );
            }
        }
        // The owner of the one host opens no other.
        bench.refuses(
            &format!("open sealed/one.{format}.age --identity locked --passphrase-file passphrase -o ."),
            "sealed for others",
        );
        bench.must("seed signer cluster.toml");
        for (host, opening) in [
            ("one", "--identity key.txt"),
            ("two", "--identity locked --passphrase-file passphrase"),
        ] {
            let folder = TempDir::new().unwrap();
            let out = folder.path().display();
            let said = bench.must(&format!("open sealed/{host}.{format}.age -o {out} {opening}"));
            assert!(said.contains("files and folders"), "{said}");
            let (opened, built) = (folder.path().join(host), bench.at("out").join(host));
            assert_eq!(files_below(&opened), files_below(&built));
            for name in files_below(&built).keys() {
                assert_eq!(mode(&opened.join(name)), mode(&built.join(name)), "{name}");
            }
            let again = bench.runs(&format!("open sealed/{host}.{format}.age -o {out} {opening}"));
            assert_eq!(again.status.code(), Some(1), "it never overwrites");
        }
    }
    // Another seal of the same takes the place of the earlier; nothing else does.
    bench.must("seal out -o sealed --spec cluster.toml");
    bench.refuses("seal out -o out", "was not made by khw-gen");
    bench.refuses("seal out -o csr --spec cluster.toml", "was not made by khw-gen");
    bench.refuses("seal sealed -o again --spec cluster.toml", "is sealed (khw-gen seal)");
    bench.refuses("seal out -o again", "one.zip is sealed for nobody");
    bench.refuses(
        "seal out -o again --to age1no",
        "--to, the 1. of them: it is no recipient",
    );
    bench.refuses(
        "seal out -o again --to passphrase",
        "passphrase is a file: --recipients-file passphrase reads it",
    );
    bench.refuses(
        "seal out -o again --recipients-file passphrase",
        "passphrase:1: it is no recipient",
    );
    bench.must("build cluster.toml -o bare --archive none");
    bench.refuses(
        "seal bare -o again --spec cluster.toml",
        "bare has no archive of one: build it with an archive of each host",
    );
    let archive = bench.at("out/one.zip");
    fs::write(&archive, b"another").unwrap();
    bench.refuses(
        "seal out -o again --spec cluster.toml",
        "out/one.zip is not as its MANIFEST says",
    );
}

#[test]
fn only_what_is_sealed_is_left_and_nothing_is_confused_by_it() {
    let Some(bench) = Bench::new("only_what_is_sealed_is_left_and_nothing_is_confused_by_it") else {
        return;
    };
    bench.must("build cluster.toml -o out");
    bench.must("build cluster.toml -o again");
    let secrets: Vec<Vec<u8>> = files_below(&bench.at("out"))
        .into_iter()
        .filter(|(name, _)| name.ends_with("-key.pem") || name.ends_with("kubeconfig"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert!(secrets.len() > 10);
    fs::write(bench.at("out/mine"), "precious").unwrap();
    let seal = format!("seal out --only --spec cluster.toml --to {}", bench.recipient);
    bench.refuses(&seal, "holds what khw-gen did not write");
    fs::remove_file(bench.at("out/mine")).unwrap();
    bench.must(&seal);
    let left = files_below(&bench.at("out"));
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        [
            "MANIFEST",
            "OPENED",
            "SHA256SUMS",
            "SHA256SUMS.sig",
            "one.tar.gz.age",
            "two.tar.gz.age"
        ]
    );
    for (name, bytes) in &left {
        assert!(is_sealed(bytes) || std::str::from_utf8(bytes).is_ok(), "{name}");
        assert!(!holds(bytes, &forms(&SEED)), "{name} holds the seed");
        assert!(
            !secrets.iter().any(|secret| holds(bytes, std::slice::from_ref(secret))),
            "{name} holds a secret"
        );
    }
    let names: Vec<String> = fs::read_dir(bench.at(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".out")), "{names:?}");
    let error = "out is sealed (khw-gen seal), so nobody can compare it with anything";
    for words in [
        "build cluster.toml -o out",
        "build cluster.toml -o out --fresh",
        "build cluster.toml -o out --host one",
        &seal,
    ] {
        bench.refuses(words, error.split(" (").next().unwrap());
    }
    for words in [
        "verify out",
        "inspect out",
        "diff again out",
        "expiry out",
        "secrets out",
        "verify out/one.tar.gz.age",
        "verify again --beside out",
    ] {
        let output = bench.runs(words);
        assert_eq!(output.status.code(), Some(2), "{words}: {}", said(&output));
        assert!(
            said(&output).contains("is sealed (khw-gen seal)"),
            "{words}: {}",
            said(&output)
        );
    }
}

#[test]
fn ssh_keygen_knows_who_signed_and_sees_what_was_changed() {
    let Some(bench) = Bench::new("ssh_keygen_knows_who_signed_and_sees_what_was_changed") else {
        return;
    };
    bench.must("build cluster.toml -o out");
    bench.must(&format!(
        "seal out -o sealed --spec cluster.toml --to {}",
        bench.recipient
    ));
    let allowed = bench.must("seed signer cluster.toml");
    fs::write(bench.at("allowed"), &allowed).unwrap();
    let verify = |principal: &str| {
        let script = "ssh-keygen -Y verify -f allowed -I \"$1\" -n khw-gen -s sealed/SHA256SUMS.sig <sealed/SHA256SUMS";
        let mut shell = Command::new("sh");
        run(shell.args(["-c", script, "sh", principal]).current_dir(bench.at("")))
            .status
            .success()
    };
    assert!(verify("khw-gen@kubernetes"));
    assert!(!verify("khw-gen@other"));
    let mut sum = Command::new("sha256sum");
    must(
        sum.args(["-c", "--strict", "SHA256SUMS"])
            .current_dir(bench.at("sealed")),
    );
    // The signature of the same is the same, and so is one of a plain output.
    bench.must("seed sign cluster.toml sealed/SHA256SUMS -o by-itself.sig");
    assert_eq!(bench.text("by-itself.sig"), bench.text("sealed/SHA256SUMS.sig"));
    bench.refuses(
        "seed sign cluster.toml sealed/SHA256SUMS -o by-itself.sig",
        "nothing was written, because there is already",
    );

    let opens = "open sealed/one.tar.gz.age --identity key.txt --allowed-signers allowed -o .";
    let sums = bench.text("sealed/SHA256SUMS");
    fs::write(bench.at("sealed/SHA256SUMS"), sums.replacen('a', "b", 1)).unwrap();
    assert!(!verify("khw-gen@kubernetes"));
    bench.refuses(opens, "error: ");
    fs::write(bench.at("sealed/SHA256SUMS"), format!("{sums}\n")).unwrap();
    assert!(!verify("khw-gen@kubernetes"));
    bench.refuses(
        opens,
        "sealed/SHA256SUMS.sig does not count: what it was made over was changed",
    );
    fs::write(bench.at("sealed/SHA256SUMS"), &sums).unwrap();

    // What else does not fit together.
    let archive = fs::read(bench.at("sealed/one.tar.gz.age")).unwrap();
    for at in [0, 40, 200, archive.len() / 2, archive.len() - 1] {
        let mut changed = archive.clone();
        changed[at] ^= 1;
        fs::write(bench.at("sealed/one.tar.gz.age"), changed).unwrap();
        bench.refuses(opens, "sealed/one.tar.gz.age is not what sealed/SHA256SUMS says");
        fs::write(bench.at("alone.tar.gz.age"), &archive[..at]).unwrap();
        bench.refuses("open alone.tar.gz.age --identity key.txt", "error: ");
        fs::remove_file(bench.at("alone.tar.gz.age")).unwrap();
    }
    fs::write(bench.at("sealed/one.tar.gz.age"), &archive).unwrap();
    fs::copy(bench.at("sealed/one.tar.gz.age"), bench.at("sealed/three.tar.gz.age")).unwrap();
    bench.refuses(
        "open sealed/three.tar.gz.age --identity key.txt",
        "sealed/SHA256SUMS does not list three.tar.gz.age",
    );
    fs::copy(bench.at("sealed/one.tar.gz.age"), bench.at("three.tar.gz.age")).unwrap();
    bench.refuses(
        "open three.tar.gz.age --identity key.txt",
        "holds no whole bundle of three: it holds one, which is not below three",
    );
    bench.refuses(
        "open three.tar.gz.age --identity key.txt --allowed-signers allowed",
        "can't open SHA256SUMS: No such file or directory (os error 2): it lies in the folder that khw-gen seal made",
    );
    bench.refuses(
        "open cluster.toml --identity key.txt",
        "is not called as a sealed archive is",
    );
    let signature = bench.text("sealed/SHA256SUMS.sig");
    fs::remove_file(bench.at("sealed/SHA256SUMS.sig")).unwrap();
    bench.refuses(opens, "can't open sealed/SHA256SUMS.sig");
    let mut keygen = Command::new("ssh-keygen");
    must(
        keygen
            .args([
                "-q",
                "-Y",
                "sign",
                "-n",
                "khw-gen",
                "-f",
                "id_ed25519",
                "sealed/SHA256SUMS",
            ])
            .current_dir(bench.at("")),
    );
    bench.refuses(opens, "by a key that is not among the allowed signers");
    // Whom somebody allows besides is allowed, as ssh-keygen signs too.
    fs::write(
        bench.at("also"),
        format!("{allowed}boss {}", bench.text("id_ed25519.pub")),
    )
    .unwrap();
    let said = bench.must("open sealed/one.tar.gz.age --identity key.txt --allowed-signers also -o .");
    assert!(said.contains("signed by boss"), "{said}");
    fs::remove_dir_all(bench.at("one")).unwrap();
    fs::write(bench.at("sealed/SHA256SUMS.sig"), signature).unwrap();
    fs::copy(bench.at("allowed"), bench.at("sealed/allowed_signers")).unwrap();
    let said = bench.must("open sealed/one.tar.gz.age --identity key.txt -o .");
    assert!(said.contains("signed by khw-gen@kubernetes"), "{said}");
}

/// An archive that somebody made of something else, in each way that is no bundle.
#[test]
fn only_a_whole_bundle_is_unpacked() {
    const TEST: &str = "only_a_whole_bundle_is_unpacked";
    let Some(bench) = Bench::new(TEST) else { return };
    bench.must("build cluster.toml -o out");
    let make = |script: &str| {
        let folder = TempDir::new().unwrap();
        must(Command::new("cp").arg("-a").arg(bench.at("out/one")).arg(folder.path()));
        let mut shell = Command::new("sh");
        must(shell.args(["-euc", script]).current_dir(folder.path()));
        fs::rename(folder.path().join("one.tar"), bench.at("one.tar")).unwrap();
        let _ = fs::remove_file(bench.at("one.tar.age"));
        bench.sealed_by_age(&["-r", &bench.recipient], "one.tar", "one.tar.age");
    };
    let whole = "tar cf one.tar --owner 0 --group 0";
    make(&format!("{whole} one"));
    bench.must("open one.tar.age --identity key.txt");
    fs::remove_dir_all(bench.at("one")).unwrap();
    for (script, error) in [
        (
            "echo >>one/rootfs/etc/motd; TAR one",
            "rootfs/etc/motd is not as its MANIFEST says",
        ),
        (
            "echo x >>one/install.sh; TAR one",
            "install.sh is not as its MANIFEST says",
        ),
        (
            "chmod 0644 one/install.sh; TAR one",
            "install.sh is not as its MANIFEST says",
        ),
        ("rm one/install.sh; TAR one", "install.sh is not as its MANIFEST says"),
        ("rm one/MANIFEST; TAR one", "there is no MANIFEST in it"),
        ("ln -s /etc/passwd one/link; TAR one", "it is a link"),
        ("touch two; TAR one two", "it holds two, which is not below one"),
        (
            "echo evil >evil; TAR -P --transform 's,^evil,../evil,' one evil",
            "its path has",
        ),
        (": >one.tar", "holds no whole bundle of one"),
    ] {
        make(&script.replace("TAR", whole));
        bench.refuses("open one.tar.age --identity key.txt", error);
    }
}

#[test]
fn shares_make_the_seed_and_fewer_write_nothing() {
    let Some(bench) = Bench::new("shares_make_the_seed_and_fewer_write_nothing") else {
        return;
    };
    bench.must("seed split -k 3 -n 5 seed -o shares");
    for number in 1..=5 {
        let name = format!("shares/share-{number}.txt");
        assert_eq!(mode(&bench.at(&name)), 0o600);
        assert!(
            !holds(bench.text(&name).as_bytes(), &forms(&SEED)),
            "a share is the seed"
        );
    }
    bench.must("seed join shares/share-5.txt shares/share-1.txt shares/share-3.txt -o joined");
    assert_eq!(mode(&bench.at("joined")), 0o600);
    bench.must("build cluster.toml -o plain");
    bench.must("build cluster.toml -o out --seed-file joined");
    assert_eq!(files_below(&bench.at("plain")), files_below(&bench.at("out")));

    let join = |words: &str| format!("seed join {words} -o new");
    let (one, two, three) = ("shares/share-1.txt", "shares/share-2.txt", "shares/share-3.txt");
    bench.refuses(
        &join(&format!("{one} {two}")),
        "2 of the shares are there, and 3 are needed: 1 more, of those with the numbers 3, 4, 5",
    );
    bench.refuses(&join(&format!("{one} {two} {one}")), "the share 1 is there twice");
    bench.refuses(
        &join(&format!("{one} {two} shares/share-9.txt")),
        "can't open shares/share-9.txt",
    );
    bench.refuses(&join(&format!("{one} {two} seed")), "seed: it is no share");
    bench.must("seed split -k 3 -n 5 seed -o others");
    bench.refuses(
        &join(&format!("{one} {two} others/share-3.txt")),
        "others/share-3.txt: it is of the set",
    );
    let text = bench.text(three);
    let digits = text.lines().find_map(|line| line.strip_prefix("share: ")).unwrap();
    let other = if digits.starts_with('0') { "1" } else { "0" };
    fs::write(
        bench.at("slip"),
        text.replace(digits, &format!("{other}{}", &digits[1..])),
    )
    .unwrap();
    bench.refuses(&join(&format!("{one} {two} slip")), "slip: its sum does not fit");
    bench.refuses(
        &format!("seed join {one} {two} {three} -o joined"),
        "nothing was written, because there is already: joined",
    );
    bench.refuses(
        "seed split -k 3 -n 5 seed -o shares",
        "nothing was written, because there is already",
    );
    bench.refuses("seed split -k 4 -n 3 seed -o new", "4 of 3 shares");
    bench.refuses("seed split -k 2 -n 3 cluster.toml -o new", "cluster.toml");

    // Sealed before and sealed after.
    bench.sealed_by_age(&["-r", &bench.recipient], "seed", "sealed");
    bench.refuses("seed split -k 2 -n 2 sealed -o new", "give --identity FILE");
    bench.must("seed split -k 2 -n 2 sealed -o from-sealed --identity key.txt");
    bench
        .must("seed join from-sealed/share-1.txt from-sealed/share-2.txt -o resealed --recipients-file id_ed25519.pub");
    assert!(is_sealed(&fs::read(bench.at("resealed")).unwrap()));
    bench.must("build cluster.toml -o out --seed-file resealed --identity id_ed25519");
    assert_eq!(files_below(&bench.at("plain")), files_below(&bench.at("out")));
}

/// What is written has its mode whatever the umask, and what must not be read is nowhere readable.
#[test]
fn modes_and_contents_do_not_depend_on_the_umask() {
    let Some(bench) = Bench::new("modes_and_contents_do_not_depend_on_the_umask") else {
        return;
    };
    let recipient = bench.recipient.clone();
    bench.must("build cluster.toml -o out");
    for umask in ["0000", "0022", "0077", "0777"] {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let under = |words: &str| {
            let program = env!("CARGO_BIN_EXE_khw-gen");
            let script = format!(
                "umask {umask}; exec {program} {}",
                words.replace("@", &folder.path().display().to_string())
            );
            must(Command::new("sh").args(["-c", &script]).current_dir(bench.at("")));
        };
        under("seed new -o @/seed");
        under(&format!("seed new -o @/sealed-seed --to {recipient}"));
        under("seed split -k 2 -n 2 seed -o @/shares");
        under("seed join @/shares/share-1.txt @/shares/share-2.txt -o @/joined");
        under(&format!("seal out -o @/sealed --spec cluster.toml --to {recipient}"));
        under("seed sign cluster.toml out/SHA256SUMS -o @/sums.sig");
        under("open @/sealed/one.tar.gz.age --identity key.txt -o @");
        let expected = [
            ("seed", 0o600),
            ("sealed-seed", 0o600),
            ("shares", 0o755),
            ("shares/share-1.txt", 0o600),
            ("shares/share-2.txt", 0o600),
            ("joined", 0o600),
            ("sealed", 0o755),
            ("sealed/one.tar.gz.age", 0o644),
            ("sealed/two.tar.gz.age", 0o644),
            ("sealed/MANIFEST", 0o644),
            ("sealed/OPENED", 0o644),
            ("sealed/SHA256SUMS", 0o644),
            ("sealed/SHA256SUMS.sig", 0o644),
            ("sums.sig", 0o644),
        ];
        for (name, wanted) in expected {
            assert_eq!(mode(&at(name)), wanted, "{name} under the umask {umask}");
        }
        let built = bench.at("out/one");
        for name in files_below(&built).keys() {
            for part in Path::new(name).ancestors() {
                assert_eq!(
                    mode(&at("one").join(part)),
                    mode(&built.join(part)),
                    "{} under {umask}",
                    part.display()
                );
            }
        }
    }
}

/// C2SP's vectors of age, through the reader that opens seeds, keys and archives.
#[test]
fn the_reader_agrees_with_the_vectors_of_age() {
    let folder = project().join("target/cctv-age/testdata");
    if !folder.is_dir() {
        return skip(
            "the_reader_agrees_with_the_vectors_of_age",
            "C2SP's vectors of age are not here",
        );
    }
    let (mut opened, mut refused, mut others) = (0, 0, Vec::new());
    let mut taken_all_the_same = Vec::new();
    for (name, file) in files_below(&folder) {
        let end = file.windows(2).position(|two| two == b"\n\n").expect("a blank line");
        let head = std::str::from_utf8(&file[..end]).expect("a text");
        let field = |label: &str| {
            head.lines()
                .filter_map(|line| line.strip_prefix(label)?.strip_prefix(": "))
                .collect::<Vec<_>>()
        };
        let mut sealed = file[end + 2..].to_vec();
        if field("compressed") == ["zlib"] {
            let mut inflated = Vec::new();
            flate2::read::ZlibDecoder::new(sealed.as_slice())
                .read_to_end(&mut inflated)
                .expect("zlib");
            sealed = inflated;
        }
        // Identities of later kinds are no identities to us.
        if field("identity")
            .iter()
            .any(|identity| !identity.starts_with("AGE-SECRET-KEY-1"))
        {
            others.push(name);
            continue;
        }
        let passphrase = field("passphrase")
            .first()
            .map(|passphrase| SecretBytes::from(passphrase.as_bytes()));
        let mut keys = Opener::new(move |_| passphrase.clone().ok_or_else(|| "nobody knows".to_owned()));
        if !field("identity").is_empty() {
            let identities = SecretBytes::from(field("identity").join("\n").as_bytes());
            keys.add_identities(&name, &identities).expect("identities");
        }
        let result = keys.open(&name, &sealed);
        match field("expect").as_slice() {
            ["success"] => {
                let content = result.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(field("payload"), [sha256_hex(content.expose())], "{name}");
                assert!(is_sealed(&sealed), "{name}");
                opened += 1;
            }
            [expected] => {
                let Err(error) = result else {
                    taken_all_the_same.push(name);
                    continue;
                };
                let is_as_expected = match *expected {
                    "no match" => matches!(
                        error,
                        OpenError::OtherIdentities
                            | OpenError::NoIdentity
                            | OpenError::NotAsked(_)
                            | OpenError::WrongPassphrase
                    ),
                    "header failure" | "HMAC failure" => {
                        matches!(
                            error,
                            OpenError::Damaged(_) | OpenError::TooMuchWork(_) | OpenError::LaterVersion
                        )
                    }
                    "armor failure" | "payload failure" => matches!(error, OpenError::Damaged(_)),
                    other => panic!("{name} expects {other}"),
                };
                assert!(is_as_expected, "{name} expects {expected}: {error}");
                refused += 1;
            }
            other => panic!("{name} expects {other:?}"),
        }
    }
    // What the crate takes for the sake of what rage once wrote; what is in it is authentic all the same.
    assert_eq!(taken_all_the_same, ["stanza_missing_body", "stanza_missing_final_line"]);
    assert!(opened >= 15 && refused >= 70, "{opened} were opened, {refused} refused");
    assert!(
        others.iter().all(|name| name.contains("hybrid")),
        "left out: {others:?}"
    );
}

/// Each command of the page, in its order.
#[test]
fn the_page_goes_as_it_says() {
    let Some(bench) = Bench::new("the_page_goes_as_it_says") else {
        return;
    };
    fs::rename(bench.at("seed"), bench.at("cluster.seed")).unwrap();
    let text = bench.text("cluster.toml").replace("\"seed\"", "\"cluster.seed\"");
    fs::write(bench.at("cluster.toml"), text).unwrap();
    fs::rename(bench.at("key.txt"), bench.at("me.txt")).unwrap();
    fs::write(
        bench.at("team.txt"),
        format!("{}\n{}", bench.recipient, bench.text("id_ed25519.pub")),
    )
    .unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_khw-gen")).parent().unwrap();
    let path =
        std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path()))).unwrap();
    for name in [
        "a seed that is sealed",
        "a seed in shares",
        "handing over",
        "taking over",
    ] {
        let script = examples::shown(name, "sh");
        let mut shell = Command::new("sh");
        must(
            shell
                .args(["-euc", &script])
                .env("PATH", &path)
                .current_dir(bench.at("")),
        );
    }
    assert_eq!(files_below(&bench.at("opened/two")), files_below(&bench.at("out/two")));
}

#[test]
fn recipients_stand_in_cluster_toml_as_the_page_has_them() {
    let folder = TempDir::new().expect("a temporary folder");
    let spec = folder.path().join("cluster.toml");
    let pki = "[pki]\nissued = \"2026-01-01T00:00:00Z\"\n";
    let shown = examples::shown("recipients", "toml");
    fs::write(&spec, format!("{pki}{shown}")).expect("cluster.toml");
    must(khw_gen().arg("check").arg(&spec));
    fs::write(&spec, format!("{pki}{}", shown.replacen("age1ql3z", "age1ql3x", 1))).expect("cluster.toml");
    let checked = run(khw_gen().arg("check").arg(&spec));
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
    assert!(said(&checked).contains("bad-recipient"), "{}", said(&checked));
}
