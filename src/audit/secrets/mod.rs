//! Which secrets each host holds, and what whoever has them can do. No secret is ever shown.

mod held;
mod powers;
mod report;

pub(crate) use held::secrets_of_view;
pub use held::{HeldSecret, HostSecrets, held_secrets};
pub use powers::Power;
pub use report::{secrets_json, secrets_text};
