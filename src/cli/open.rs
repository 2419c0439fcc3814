//! `khw-gen open`.

use std::path::Path;

use khw_gen::disk;
use khw_gen::found::{printable, stem_of_archive, unpack};
use khw_gen::handover::{bundle_of, has_sum, sum_of};
use khw_gen::manifest::{SEALED_SUFFIX, SHA256SUMS, SIGNATURE};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::signing::AllowedSigners;

use super::args::OpenArgs;
use super::opening::keys;
use super::say::{Reported, say, show};

/// Beside the archive, the file that says who may have signed.
const ALLOWED_SIGNERS: &str = "allowed_signers";

pub fn run(arguments: &OpenArgs) -> Result<(), Reported> {
    let OpenArgs { archive, out, .. } = arguments;
    let shown = archive.display();
    let name = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let host = name.strip_suffix(SEALED_SUFFIX).and_then(stem_of_archive);
    let host =
        host.ok_or_else(|| format!("{shown} is not called as a sealed archive is: HOST.tar.gz{SEALED_SUFFIX}"))?;
    let keys = keys(&arguments.opening)?;
    let sealed = disk::read_whole(archive)?;
    let signed = signed_by(arguments, name, &sealed)?;
    let opened = disk::open_sealed(archive, &sealed, &keys)?;
    let bundle = bundle_of(host, unpack(opened.expose()))
        .map_err(|why| Reported::from(format!("{shown} holds no whole bundle of {}: {why}", printable(host))))?;
    let path = disk::write_unpacked(out, host, &bundle)?;
    let by = match signed {
        Some(principal) => format!(", signed by {}", printable(&principal)),
        None => String::new(),
    };
    show(format_args!(
        "{}: {} files and folders{by}",
        path.display(),
        bundle.entries.len()
    ))
}

/// Holds an archive against the sums beside it, and these against their signature: as far as they are there, and all of it where it is
/// known who may sign. Who signed, where that was found out.
fn signed_by(arguments: &OpenArgs, name: &str, sealed: &SecretBytes) -> Result<Option<String>, Reported> {
    let folder = arguments.archive.parent().unwrap_or(Path::new(""));
    let beside = folder.join(ALLOWED_SIGNERS);
    let signers = match &arguments.allowed_signers {
        Some(path) => Some(path.clone()),
        None => disk::is_there(&beside).then_some(beside),
    };
    let path = folder.join(SHA256SUMS);
    if signers.is_none() && !disk::is_there(&path) {
        say(format_args!(
            "note: nobody says what the archive should be: there is no {SHA256SUMS} beside it, and no --allowed-signers"
        ));
        return Ok(None);
    }
    let sums = disk::read_public_text(&path).map_err(|error| {
        Reported::from(format!(
            "{error}: it lies in the folder that khw-gen seal made, and travels with the archive"
        ))
    })?;
    let shown = (folder.join(name), path.display());
    match sum_of(&sums, name) {
        Some(sum) if has_sum(sealed.expose(), sum) => {}
        Some(_) => {
            let (archive, sums) = (shown.0.display(), shown.1);
            return Err(
                format!("{archive} is not what {sums} says: one of them was changed, or is of another time").into(),
            );
        }
        None => return Err(format!("{} does not list {name}", shown.1).into()),
    }
    let Some(signers) = signers else {
        say(
            "note: nobody knows who made the archive: --allowed-signers says who may have (khw-gen seed signer prints it)",
        );
        return Ok(None);
    };
    let allowed = AllowedSigners::parse(&disk::read_public_text(&signers)?)
        .map_err(|(line, error)| Reported::from(format!("{}:{line}: {error}", signers.display())))?;
    let signature = folder.join(SIGNATURE);
    let text = disk::read_public_text(&signature).map_err(|error| {
        Reported::from(format!(
            "{error}: khw-gen seal writes it where --spec says whose seed signs, and it travels with the archive"
        ))
    })?;
    let signed = allowed.verify(sums.as_bytes(), &text);
    let signed = signed.map_err(|error| Reported::from(format!("{} does not count: {error}", signature.display())))?;
    Ok(Some(signed.to_owned()))
}
