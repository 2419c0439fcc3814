//! For whom archives are sealed: `[handover]`, and `recipients` of hosts. Nothing that is built depends on it.
use std::collections::BTreeMap;

use crate::diagnostic::{Reporter, codes};
use crate::pki::sealing::Recipient;

use super::draft::Draft;
use super::tree::{At, Fields};

/// Who may open what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// The archive of every host.
    everyone: Vec<Recipient>,
    /// That of one host, by its name.
    hosts: BTreeMap<String, Vec<Recipient>>,
}

impl Handover {
    pub(super) fn new(draft: &Draft) -> Handover {
        let hosts = draft.hosts.iter().filter(|host| !host.recipients.is_empty());
        let of_host = hosts.filter_map(|host| Some((host.name.as_ref()?.value.clone(), host.recipients.clone())));
        Handover {
            everyone: draft.recipients.clone(),
            hosts: of_host.collect(),
        }
    }

    /// Who may open the archive of this host.
    pub fn of(&self, host: &str) -> impl Iterator<Item = &Recipient> {
        self.everyone.iter().chain(self.hosts.get(host).into_iter().flatten())
    }
}

/// The field `recipients` of a section.
pub fn recipients(fields: &Fields<'_>) -> Vec<Recipient> {
    let texts = fields.texts("recipients").into_iter();
    texts.filter_map(|text| recipient(&text, fields.doc.say)).collect()
}

fn recipient(text: &At<String>, say: &Reporter) -> Option<Recipient> {
    match text.value.parse() {
        Ok(recipient) => Some(recipient),
        Err(error) => {
            // The text is not repeated: it may be a private key.
            let message = format!("nothing can be sealed for it: {error}");
            say.at(text, codes::BAD_RECIPIENT, message);
            None
        }
    }
}
