//! A bundle as found, and an instant -> findings. What leaves the building is checked by something that believes nothing
//! the compiler believed: everything is parsed again, no plan or specification is asked, and of the tables those alone that say what
//! programs read and refuse, and nothing of what is generated.
//!
//! Pure: no files, no clock. No message ever quotes what a secret file holds.

mod agreement;
pub(crate) mod balancers;
mod balancing;
mod certificates;
mod chain;
mod checks;
mod copies;
mod dates;
mod dns;
pub(crate) mod document;
mod doors;
pub(crate) mod encryption;
pub(crate) mod environment;
mod etcd_file;
mod expiry;
pub(crate) mod finding;
mod installer;
mod integrity;
mod inventory;
mod kernel;
mod keys;
mod kubeconfigs;
pub(crate) mod login;
mod loose;
pub(crate) mod names;
pub(crate) mod overrides;
pub(crate) mod pods;
mod programs;
mod rbac;
mod reached;
mod read_as;
mod relations;
mod report;
mod secrets;
mod shell;
pub(crate) mod spot;
pub(crate) mod started;
pub(crate) mod static_pods;
mod survey;
mod systemd;
mod table;
mod together;
pub(crate) mod unit;
mod units;
mod uses;
pub(crate) mod view;

use time::OffsetDateTime;

use crate::diagnostic::verify_codes as codes;
use crate::found::Found;
use finding::Findings;
use relations::Parties;
use view::View;

pub use expiry::{Ending, Expiry, expiry_calendar, expiry_json, expiry_metrics, expiry_text};
pub use finding::Finding;
pub use inventory::{InventoryRow, inventory};
pub use relations::{Actor, Belief, Handshake, Meeting, ShownCertificate, Verdict};
pub use report::{inventory_json, render_json, render_sarif, render_text};
pub use secrets::{HeldSecret, HostSecrets, Power, held_secrets, secrets_json, secrets_text};
pub use survey::Survey;
pub use table::{Detail, inventory_text};

/// Whether any hosts of a bundle and of the one that takes its place can run together, as of `at`: each shows what the others trust,
/// signs what they accept, writes what they can read, and has its rights, whichever of the two a host has, and whichever manifests are
/// applied.
pub fn beside(old: &Found, new: &Found, at: OffsetDateTime) -> Vec<Finding> {
    let (findings, known) = (Findings::default(), Findings::default());
    {
        // What is wrong with either by itself is known, or told by [`audit`].
        let [mut old, mut new] = [old, new].map(|found| View::read(found, at, &known));
        (old.side, new.side) = (" as it was", " as it is now");
        (old.findings, new.findings) = (&findings, &findings);
        rbac::check_between(&old, &new);
        rbac::check_between(&new, &old);
        let (old, new) = (Parties::of(&old), Parties::of(&new));
        relations::check_between(&old, &new);
        relations::check_between(&new, &old);
    }
    findings.into_sorted()
}

/// Whether a finding of [`beside`] is of a key that one side has and the other does not know.
pub fn is_of_rotation(finding: &Finding) -> bool {
    let codes = [
        codes::UNTRUSTED_CERTIFICATE,
        codes::SERVICE_ACCOUNT_KEYS_DISAGREE,
        codes::ENCRYPTION_DISAGREES,
    ];
    codes.iter().any(|code| code.name == finding.code)
}

/// Everything that is wrong with what was found, as of `at`: errors first, each sorted by host and path.
pub fn audit(found: &Found, at: OffsetDateTime) -> Vec<Finding> {
    let findings = Findings::default();
    checks::run(&View::read(found, at, &findings), found);
    findings.into_sorted()
}
