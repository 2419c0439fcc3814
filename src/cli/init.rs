//! `khw-gen init`: with `adopt` and `seed new` the only commands that draw randomness.

use std::path::Path;

use khw_gen::diagnostic::codes;
use khw_gen::disk::{self, Specification};
use khw_gen::pki::derivation::Seed;
use khw_gen::starter::{self, BEGINNINGS, Beginning};

use super::args::InitArgs;
use super::instants::now;
use super::say::{Reported, as_word, say_diagnostics, show};
use super::specification::check;

/// Whoever begins in the folder of a cluster that runs has its authority there, and would get another one.
fn tell_authority(topology: &Path) {
    let Ok(checked) = check(topology, &Specification::open) else {
        return;
    };
    let mut remarks = checked.remarks;
    remarks.retain(|remark| remark.code == codes::UNUSED_AUTHORITY.name);
    say_diagnostics(&remarks);
}

pub fn run(arguments: &InitArgs) -> Result<(), Reported> {
    let dir = &arguments.dir;
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let seed = Seed::from_bytes(bytes).to_file_text();
    // The last midnight in UTC is what it proposes as the day of issue.
    let named = |one: &&Beginning| one.name == arguments.from;
    let from = BEGINNINGS.iter().find(named).unwrap_or(&BEGINNINGS[0]);
    let files = starter::files(from, &format!("{}T00:00:00Z", now().date()), seed.expose());
    disk::write_new_files(
        dir,
        &files
            .iter()
            .map(|(name, mode, bytes)| (name.as_str(), *mode, bytes.as_slice()))
            .collect::<Vec<_>>(),
    )
    .map_err(|error| {
        Reported::from(format!(
            "{error}. Name a folder of its own, such as {}",
            dir.join("cluster").display()
        ))
    })?;
    for (name, mode, _) in &files {
        show(format_args!("{mode:04o} {}", dir.join(name).display()))?;
    }
    tell_authority(&dir.join(starter::CLUSTER_TOML));
    show(format_args!(
        "\nNext: name your hosts in {0}, then khw-gen check {0}.\nWhoever has {1} has every key of the cluster: \
         keep it safe, keep a copy, and keep it out of version control.",
        as_word(&dir.join(starter::CLUSTER_TOML)),
        dir.join(starter::SEED).display(),
    ))
}
