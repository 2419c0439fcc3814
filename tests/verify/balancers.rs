//! nginx, haproxy and keepalived refuse what `verify` refuses: the files that are made, and what small slips leave of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use khw_gen::audit::audit;
use khw_gen::found::{FoundNodes, from_folder};
use rayon::prelude::*;

use super::support::program;
use super::{AT, BUNDLES, content, put};

/// The files, and how each program is asked about one: its arguments, with `FILE` for the file.
const FILES: &[(&str, &str, &str, &[&str])] = &[
    (
        "nginx",
        "three-masters",
        "lb1/etc/nginx/tcpconf.d/kubernetes.conf",
        &["-t", "-c", "FILE"],
    ),
    (
        "haproxy",
        "dual-stack",
        "lb1/etc/haproxy/haproxy.cfg",
        &["-c", "-f", "FILE"],
    ),
    (
        "keepalived",
        "dual-stack",
        "lb1/etc/keepalived/keepalived.conf",
        &["-t", "-f", "FILE"],
    ),
];

/// What the program says of what only the machine knows, such as names, users and interfaces, and of what the next release refuses.
const OF_THE_MACHINE: &[&str] = &[
    "host not found",
    "could not resolve",
    "invalid address",
    "cannot find user",
    "cannot find group",
    "non-existent interface",
    "reported as an error in next version",
];

/// A slip of the pen at each place: a line, a word, a letter or a sign that is missing, a letter twice, and an end too early.
fn slips(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut with = |at: usize, line: &str| {
        let mut changed = lines.clone();
        changed[at] = line;
        all.push(changed.join("\n") + "\n");
    };
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        with(at, "");
        let indent = line.len() - bare.len();
        let mut from = indent;
        for word in bare.split(' ') {
            let (before, after) = (&line[..from], &line[from + word.len()..]);
            let middle = word.len() / 2;
            with(
                at,
                &format!("{before}{}{}{after}", &word[..middle], &word[middle + 1..]),
            );
            with(
                at,
                &format!("{before}{}{}{after}", &word[..middle + 1], &word[middle..]),
            );
            with(at, &format!("{}{}", before.trim_end_matches(' '), after));
            if word.len() > 1 {
                with(at, &format!("{before}{}{after}", &word[..word.len() - 1]));
            }
            from += word.len() + 1;
        }
    }
    let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
    all.extend(ends.iter().map(|end| text[..*end].to_owned()));
    all.extend(ends.iter().map(|end| text[..end.saturating_sub(2)].to_owned()));
    all.extend(ends.iter().map(|end| text[..=*end].to_owned()));
    all.sort();
    all.dedup();
    // keepalived takes these lines at the top of the file as well, without a word.
    all.retain(|slip| slip != text && slip.lines().all(|line| line.trim() != "global_defs"));
    all
}

/// Whether the program refuses a text; none where that depends on the machine.
fn is_refused(program: &Path, name: &str, arguments: &[&str], folder: &Path, text: &str) -> Option<bool> {
    let file = folder.join("file.conf");
    // As Debian's nginx.conf has it, and install.sh includes the file.
    let around = match name {
        "nginx" => format!(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\npid {0}/pid;\nerror_log {0}/log;\nevents {{}}\n",
            folder.display()
        ),
        _ => String::new(),
    };
    let text = match name {
        "nginx" => {
            fs::write(folder.join("part.conf"), text).expect("a file");
            format!("{around}include {}/part.conf;\n", folder.display())
        }
        _ => text.to_owned(),
    };
    fs::write(&file, text).expect("a file");
    let arguments = arguments.iter().map(|one| match *one {
        "FILE" => file.as_os_str(),
        one => one.as_ref(),
    });
    let output = Command::new(program).args(arguments).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).to_lowercase();
    (!OF_THE_MACHINE.iter().any(|what| said.contains(what))).then(|| !output.status.success())
}

fn is_refused_by_verify(path: &str, text: &str) -> bool {
    let mut nodes = FoundNodes::default();
    put(&mut nodes, path, text.as_bytes().to_vec());
    put(&mut nodes, "other/etc/etcd/readme", Vec::new());
    let findings = audit(&from_folder("out", nodes), AT);
    findings.iter().any(|finding| finding.code == "bad-syntax")
}

#[test]
fn programs_of_load_balancers_refuse_what_verify_refuses() {
    for (name, case, path, arguments) in FILES {
        let Some(program) = program(name, "the files of load balancers, and slips in them") else {
            continue;
        };
        let good = String::from_utf8(content(&BUNDLES[*case], path)).expect("text");
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(
            is_refused(&program, name, arguments, folder.path(), &good),
            Some(false),
            "{good}"
        );
        assert!(!is_refused_by_verify(path, &good));
        let verdicts: Vec<(String, bool, bool)> = slips(&good)
            .into_par_iter()
            .filter_map(|slip| {
                let folder = tempfile::tempdir().expect("a folder");
                let refused = is_refused(&program, name, arguments, folder.path(), &slip)?;
                let ours = is_refused_by_verify(path, &slip);
                Some((slip, refused, ours))
            })
            .collect();
        let differing = |refused: bool| -> Vec<String> {
            let of = verdicts
                .iter()
                .filter(|(_, theirs, ours)| *theirs == refused && *ours != refused);
            of.map(|(slip, ..)| difference(&good, slip)).collect()
        };
        let (missed, strict) = (differing(true), differing(false));
        let refused = verdicts.iter().filter(|(_, theirs, _)| *theirs).count();
        println!(
            "{name}: {} slips, {refused} refused; verify missed {} and refused {} more",
            verdicts.len(),
            missed.len(),
            strict.len()
        );
        assert!(
            strict.is_empty(),
            "{name} takes what verify refuses:\n{}",
            strict.join("\n")
        );
        assert!(
            missed.is_empty(),
            "verify takes what {name} refuses:\n{}",
            missed.join("\n")
        );
    }
}

/// The first line that a slip changed.
fn difference(good: &str, slip: &str) -> String {
    let mut pairs = good.lines().zip(slip.lines().map(Some).chain(std::iter::repeat(None)));
    let (right, wrong) = pairs.find(|(right, wrong)| Some(*right) != *wrong).unwrap_or_default();
    format!("  {right:?} -> {wrong:?}")
}
