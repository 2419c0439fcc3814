//! Who meets whom in a cluster: what each shows the other, by which flag or field, and by whom it has to be accepted.
//!
//! `table` has a row for each, `parties` finds those whom it speaks of, and `judge` holds these against the rows; `meetings` tells of each
//! pair what became of it. What a certificate is
//! for is told by the rows too (`audit::uses`).

mod judge;
mod meetings;
mod parties;
mod table;

pub(crate) use judge::{check, check_between};
pub use meetings::{Actor, Belief, Handshake, Meeting, ShownCertificate, Verdict};
pub(crate) use meetings::{beliefs, meetings};
pub(crate) use parties::Parties;
pub(crate) use table::{CLIENTS_OF_KUBELETS, HeldAt, Party, SHOWN, SIGNATURES, Signed, TRUSTED};
