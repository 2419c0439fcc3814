//! `khw-gen csr`.

use khw_gen::cluster::Generation;
use khw_gen::disk::{self, Specification};
use khw_gen::external::{asked, files, manifest};
use khw_gen::plan::plan;

use super::args::{CsrArgs, ReportFormat};
use super::opening::keys;
use super::say::{Reported, as_word, print_document, show};
use super::specification::{read_checked, read_seed};
use super::threads::use_threads;

/// Nothing in the folder is secret.
const MODE: u32 = 0o644;

pub fn run(arguments: &CsrArgs) -> Result<(), Reported> {
    let CsrArgs { spec, out, .. } = arguments;
    use_threads(None)?;
    let checked = read_checked(spec, &Specification::open)?;
    let cluster = &checked.cluster;
    let authorities: Vec<&str> = cluster.pki.signers_elsewhere().collect();
    let is_next = |(name, generation): &&(String, Generation)| *generation > cluster.generations_of(name).used;
    let next = cluster
        .pki
        .external
        .keys()
        .find(is_next)
        .filter(|_| authorities.is_empty());
    if let Some((name, generation)) = next {
        let message = format!(
            "in {} generation {number} of `{name}` signs elsewhere, and another one signs now. Its requests are those of the phase in which it \
             signs: write [rotate.{name}] with to = {number} and phase = \"switch\", run khw-gen csr, and put the section back as it was",
            spec.display(),
            number = generation.number()
        );
        return Err(message.into());
    }
    if authorities.is_empty() {
        let message = format!(
            "in {} no authority signs elsewhere: write external = true below [pki.ca] or [pki.bring.NAME]",
            spec.display()
        );
        return Err(message.into());
    }
    let keys = keys(&arguments.seed.opening)?;
    let seed = read_seed(spec, arguments.seed.file.as_deref(), checked.seed.as_deref(), &keys)?;
    let plan = plan(cluster);
    let asked = asked(&plan, &seed)?;
    let files = files(cluster, &asked);
    let new: Vec<(&str, u32, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), MODE, text.as_bytes()))
        .collect();
    disk::write_new_files(out, &new)?;
    if arguments.format == ReportFormat::Json {
        return print_document(&manifest(cluster, &asked));
    }
    show(format_args!(
        "{}: {} requests to {}. SIGN.md says how they are signed; then khw-gen build {} --signed DIR -o out",
        out.display(),
        asked.len(),
        authorities.join(", "),
        as_word(spec)
    ))
}
