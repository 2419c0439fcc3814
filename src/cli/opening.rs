//! What opens what is sealed, and for whom something is sealed, as the command line names them. Here alone a passphrase is asked for.

use std::path::Path;
use std::sync::Arc;

use khw_gen::disk;
use khw_gen::pki::sealing::{Opener, Recipient};
use khw_gen::pki::secret::SecretBytes;
use zeroize::Zeroizing;

use super::args::{OpeningArgs, SealingArgs};
use super::say::Reported;

/// The identities of the command line, and the passphrase of its file or of whoever sits at the terminal.
pub fn keys(arguments: &OpeningArgs) -> Result<Arc<Opener>, Reported> {
    let given = arguments.passphrase_file.as_deref().map(passphrase_in).transpose()?;
    let mut keys = Opener::new(move |name| match &given {
        Some(passphrase) => Ok(passphrase.clone()),
        None => asked(&format!("Passphrase of {name}: ")),
    });
    for path in &arguments.identities {
        let file = disk::read_opener(path, "identity")?;
        let name = path.display().to_string();
        keys.add_identities(&name, &file)
            .map_err(|error| Reported::from(format!("{name} opens nothing: {error}")))?;
    }
    Ok(Arc::new(keys))
}

/// The passphrase for something that is about to be sealed: asked for twice, since nobody sees it.
pub fn new_passphrase(file: Option<&Path>) -> Result<SecretBytes, Reported> {
    if let Some(path) = file {
        return passphrase_in(path);
    }
    let once = asked("New passphrase: ")?;
    match once == asked("The same again: ")? {
        true if once.is_empty() => Err("an empty passphrase protects nothing".into()),
        true => Ok(once),
        false => Err("the two are not the same".into()),
    }
}

/// The only line of a file.
fn passphrase_in(path: &Path) -> Result<SecretBytes, Reported> {
    let file = disk::read_opener(path, "passphrase file")?;
    let text = file.expose();
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.is_empty() || line.contains(&b'\n') {
        true => Err(format!("{}: a passphrase is the only line of its file", path.display()).into()),
        false => Ok(SecretBytes::from(line)),
    }
}

/// What somebody types at the terminal, which does not show it.
fn asked(prompt: &str) -> Result<SecretBytes, String> {
    let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
    let typed = typed.map_err(|_| "there is no terminal to ask for it: give --passphrase-file FILE".to_owned())?;
    Ok(SecretBytes::from(typed.as_bytes()))
}

/// For whom the command line seals.
pub fn recipients(arguments: &SealingArgs) -> Result<Vec<Recipient>, Reported> {
    let mut recipients = Vec::new();
    for (text, number) in arguments.to.iter().zip(1..) {
        let recipient = text.parse().map_err(|error| match disk::is_there(Path::new(text)) {
            true => Reported::from(format!(
                "--to, the {number}. of them: {text} is a file: --recipients-file {text} reads it"
            )),
            false => Reported::from(format!("--to, the {number}. of them: {error}")),
        })?;
        recipients.push(recipient);
    }
    for path in &arguments.recipients_files {
        let shown = path.display();
        let listed = Recipient::list(&disk::read_public_text(path)?)
            .map_err(|(line, error)| Reported::from(format!("{shown}:{line}: {error}")))?;
        if listed.is_empty() {
            return Err(format!("{shown} names nobody").into());
        }
        recipients.extend(listed);
    }
    Ok(recipients)
}
