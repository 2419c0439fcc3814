//! `khw-gen adopt`: like `init` it draws a seed.

use std::path::Path;
use std::sync::Arc;

use khw_gen::adopt::{self, AdoptionRequest, adopt, adopted_json, adopted_text};
use khw_gen::bundle::{Bundle, Content};
use khw_gen::diagnostic::{Diagnostic, adopt_codes};
use khw_gen::found::Found;
use khw_gen::input::{GivenFiles, check};
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::secret::SecretBytes;
use khw_gen::{disk, found_of, starter};

use super::args::{AdoptArgs, ReportFormat};
use super::as_found::read_adopted;
use super::instants::now;
use super::progress::Waiting;
use super::say::{Reported, as_word, print, print_document, say, say_diagnostics};
use super::threads::use_threads;
use super::width::width;

pub fn run(arguments: &AdoptArgs) -> Result<(), Reported> {
    let AdoptArgs { paths, out, .. } = arguments;
    use_threads(None)?;
    let mut found = Found::default();
    // What has machines can be compared with what is built; a folder of certificates is nobody's.
    let mut machines: Vec<(&Path, Vec<String>)> = Vec::new();
    for path in paths {
        let Found { hosts, remarks, .. } = read_adopted(path)?;
        let trees = hosts.iter().filter(|host| !host.loose);
        let trees: Vec<String> = trees.map(|host| host.name.clone()).collect();
        if !trees.is_empty() {
            machines.push((path, trees));
        }
        found.hosts.extend(hosts);
        found.remarks.extend(remarks);
    }
    let shown: Vec<String> = paths.iter().map(|path| as_word(path)).collect();
    let shown = shown.join(" ");
    let asked = AdoptionRequest {
        from: &shown,
        at: arguments.at.unwrap_or_else(now),
        kubernetes: arguments.kubernetes.as_deref(),
    };
    let waiting = Waiting::begin("adopting");
    let adopted = adopt(&found, &asked, &compiled);
    drop(waiting);
    let adopted = adopted.map_err(|problems| {
        say_diagnostics(&problems);
        Reported
    })?;
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let seed = Seed::from_bytes(bytes).to_file_text();
    let mut bundle = Bundle::default();
    bundle.insert_directory(adopt::KEYS, 0o700)?;
    for file in &adopted.files {
        bundle.insert_file(&file.path, file.mode, Content::secret(Arc::new(file.content.clone())))?;
    }
    for (name, mode, text) in starter::files_beside(seed.expose()) {
        bundle.insert_file(&name, mode, Content::secret(Arc::new(SecretBytes::from(text))))?;
    }
    disk::write_new_folder(out, &bundle)?;
    say_diagnostics(&adopted.said);
    let dir = out.display().to_string();
    if arguments.format == ReportFormat::Json {
        return print_document(&adopted_json(&adopted, &dir));
    }
    print(adopted_text(&adopted, &dir, width()).trim_end())?;
    let file = as_word(&out.join(adopt::CLUSTER_TOML));
    let elsewhere = adopted.said.iter().any(|one| one.code == adopt_codes::NO_KEY.name);
    // What was adopted from is not replaced by what is built.
    let made = match paths.iter().any(|path| path == Path::new("out")) {
        true => "out-adopted",
        false => "out",
    };
    let build = match elsewhere {
        true => format!(
            "have signed what khw-gen csr {file} -o requests writes, then khw-gen build {file} --signed DIR -o {made}"
        ),
        false => format!("then khw-gen build {file} -o {made}"),
    };
    let compare = match machines.as_slice() {
        [] => format!("khw-gen verify {made} --beside {}", as_word(&paths[0])),
        [(machines, _)] => format!("khw-gen diff {} {made}", as_word(machines)),
        several => match folder_of_all(several) {
            Some(machines) => format!("khw-gen diff {} {made}", as_word(machines)),
            None => format!(
                "put the trees of all machines side by side in one folder, each called as its host, and khw-gen diff FOLDER {made}"
            ),
        },
    };
    say(format_args!("\nNext: read {file}, {build}, and {compare}."));
    Ok(())
}

/// The folder in which machines' trees lie side by side that were given one by one; none where there is no such folder.
fn folder_of_all<'p>(several: &[(&'p Path, Vec<String>)]) -> Option<&'p Path> {
    let mut folders = several.iter().map(|(path, trees)| {
        let is_one = matches!(trees.as_slice(), [name] if path.file_name().is_some_and(|last| last == name.as_str()));
        path.parent().filter(|folder| is_one && !folder.as_os_str().is_empty())
    });
    let first = folders.next()??;
    folders.all(|other| other == Some(first)).then_some(first)
}

/// What a specification compiles to, with keys that stand in for those that will be.
fn compiled(files: &GivenFiles) -> Result<Found, Vec<Diagnostic>> {
    let checked = check(files)?;
    let (found, _) = found_of(&checked.cluster, None).map_err(|error| {
        vec![Diagnostic::new(
            khw_gen::diagnostic::codes::UNREADABLE,
            error.to_string(),
        )]
    })?;
    Ok(found)
}
