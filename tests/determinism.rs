//! The same bytes, whatever differs but the input: time zone, locale, umask, folder, user, threads, clock, run, build profile.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use support::{copy_program, files_below, khw_gen, mode, must, program, project, skip, walkthrough};
use tempfile::TempDir;

/// Every file with its mode, and every byte of it.
type Fingerprint = BTreeMap<String, (u32, Vec<u8>)>;

fn fingerprint(out: &Path) -> Fingerprint {
    files_below(out)
        .into_iter()
        .map(|(name, bytes)| (name.clone(), (mode(&out.join(&name)), bytes)))
        .collect()
}

/// The output of a shell line in which `$KHW`, `$SPEC` and `$OUT` stand for the program, the specification and the output.
fn output_of(line: &str, spec: &Path, out: &Path) -> Fingerprint {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .env("KHW", env!("CARGO_BIN_EXE_khw-gen"))
        .env("SPEC", spec)
        .env("OUT", out);
    must(&mut shell);
    fingerprint(out)
}

#[test]
fn nothing_but_the_input_changes_a_byte() {
    let folder = TempDir::new().expect("a folder");
    let reference = folder.path().join("reference");
    must(khw_gen().arg("build").arg(walkthrough()).arg("-o").arg(&reference));
    let reference = fingerprint(&reference);
    assert!(reference.len() > 100, "only {} files", reference.len());

    let plain = "\"$KHW\" build \"$SPEC\" -o \"$OUT\"";
    let mut variations = vec![
        ("a second run", plain.to_owned()),
        ("another time zone", format!("TZ=Pacific/Kiritimati {plain}")),
        (
            "a Turkish locale",
            format!("LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 {plain}"),
        ),
        ("umask 000", format!("umask 000; {plain}")),
        ("umask 077", format!("umask 077; {plain}")),
        ("umask 0777", format!("umask 0777; {plain}")),
        ("one thread", format!("{plain} --jobs 1")),
        ("seven threads", format!("{plain} --jobs 7")),
        (
            "no environment at all",
            "exec env -i \"$KHW\" build \"$SPEC\" -o \"$OUT\"".to_owned(),
        ),
        // Rayon would read it, and start as many.
        (
            "a number of threads in the environment",
            format!("RAYON_NUM_THREADS=100000 {plain}"),
        ),
        ("a pretended build date", format!("SOURCE_DATE_EPOCH=1 {plain}")),
        (
            "a relative path",
            "cd \"$(dirname \"$SPEC\")\" && \"$KHW\" build cluster.toml -o \"$OUT\"".to_owned(),
        ),
    ];
    if program("faketime", "determinism: another clock").is_some() {
        let at_time = project().join("tests/at-time.sh");
        let at_time = at_time.display();
        for date in ["1999-12-31 23:59:59", "2036-02-07 06:28:16", "2041-06-01 00:00:00"] {
            variations.push(("another clock", format!("'{at_time}' '@{date}' {plain}")));
        }
    }
    let release = project().join("target/release/khw-gen");
    if is_newer_than_the_sources(&release) {
        let line = format!("'{}' build \"$SPEC\" -o \"$OUT\"", release.display());
        variations.push(("the release build", line));
    } else {
        skip(
            "determinism: debug against release",
            "there is no release build of these sources (make demo makes one)",
        );
    }
    for (index, (name, line)) in variations.iter().enumerate() {
        let out = folder.path().join(format!("out{index}"));
        assert_same(name, &reference, &output_of(line, &walkthrough(), &out));
    }
    println!(
        "{} variations, {} files, no difference",
        variations.len(),
        reference.len()
    );
}

/// Whether the program exists and was built after every source was last written.
fn is_newer_than_the_sources(program: &Path) -> bool {
    let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let Ok(built) = written(program) else { return false };
    let sources = project().join("src");
    files_below(&sources)
        .keys()
        .all(|name| written(&sources.join(name)).is_ok_and(|at| at < built))
}

#[test]
fn neither_the_folder_nor_the_user_changes_a_byte() {
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
    let reference = folder.path().join("reference");
    must(khw_gen().arg("build").arg(walkthrough()).arg("-o").arg(&reference));

    // Written again in another order, under another name.
    let elsewhere = folder.path().join("else where/ü");
    fs::create_dir_all(elsewhere.join("csr")).expect("a folder");
    let spec = project().join("specs/walkthrough");
    for (name, bytes) in files_below(&spec).into_iter().rev() {
        fs::write(elsewhere.join(&name), bytes).expect("a copy");
    }
    let moved = folder.path().join("moved");
    must(
        khw_gen()
            .arg("build")
            .arg(elsewhere.join("cluster.toml"))
            .arg("-o")
            .arg(&moved),
    );
    assert_same("another folder", &fingerprint(&reference), &fingerprint(&moved));

    // setpriv is in util-linux, as essential as cp; only root may use it so.
    let program = folder.path().join("khw-gen");
    copy_program(Path::new(env!("CARGO_BIN_EXE_khw-gen")), &program);
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o777)).expect("a mode");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .arg("build")
        .arg(elsewhere.join("cluster.toml"))
        .arg("-o")
        .arg(other.join("out"))
        .output();
    match output {
        Ok(output) if output.status.success() => {
            assert_same(
                "another user",
                &fingerprint(&reference),
                &fingerprint(&other.join("out")),
            );
        }
        _ => skip("determinism: another user", "only root can become somebody else"),
    }
}

fn assert_same(what: &str, reference: &Fingerprint, other: &Fingerprint) {
    let names = |fingerprint: &Fingerprint| fingerprint.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(reference), names(other), "with {what}, other files are made");
    for (name, expected) in reference {
        let found = &other[name];
        assert_eq!(
            format!("{:04o}", expected.0),
            format!("{:04o}", found.0),
            "with {what}, the mode of {name} differs"
        );
        assert!(expected.1 == found.1, "with {what}, {name} differs");
    }
}
