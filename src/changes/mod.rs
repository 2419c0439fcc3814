//! Two bundles as found -> what differs in meaning, what has to be done about it, in which order, and what can't be undone.
//!
//! Bytes are compared by what they say (`meaning`): a certificate by its names and dates, a unit by its flags. Pure; nothing
//! of a secret is in what comes out.

mod bringing;
mod calling;
mod comparison;
mod differences;
mod documents;
mod endpoints;
mod files;
mod layout;
mod led_to;
mod leftovers;
mod meaning;
mod members;
mod pods;
mod readiness;
mod reloading;
mod report;
mod serving;
mod sides;
mod stage;
mod steps;
mod strangers;
mod touched;
mod units;
mod upgrades;
mod versions;
mod warnings;

pub use calling::etcdctl_environment;
pub use comparison::{Changes, compare};
pub use files::{Fate, FileChange, HostChange};
pub use report::{has_commands, render_markdown, render_obstacles, render_steps, render_text, to_json};
pub use sides::{Keys, KeysKnown, keep_hosts_of, leave_out_elsewhere};
pub use stage::{Action, Stage, Step, quoted};
pub use warnings::Warning;
