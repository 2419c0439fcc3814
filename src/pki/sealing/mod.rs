//! Files of age (c2sp.org/age): sealed for those who have a key or a passphrase, and opened in memory alone.
//!
//! What is sealed is never the same twice. So nothing of it goes into a bundle: seeds and keys are sealed where they lie, archives on
//! their way.

mod open;
mod passphrase;
mod seal;
mod ssh;

pub use open::{IdentityError, Opener, is_sealed};
pub use passphrase::{Ask, OpenError};
pub use seal::{Recipient, RecipientError, SealError, seal_as_text, seal_for, seal_with_passphrase};
