//! A bundle as found, or what a specification compiles to, as one page for people: who talks to whom, what lies where, who issued what
//! until when, what a rotation changes, who holds which secrets.
//!
//! Pure: no file, no clock, nothing that is drawn by anything but this. Hosts that are alike are one group in everything that is told.
//! `audit` says what there is, and here it is only put together: nothing is judged a second time.

mod connections;
mod groups;
mod holdings;
mod json;
mod markup;
mod mermaid;
mod page;
mod picture;
mod style;
mod svg;
mod text;
mod timeline;
mod told;
mod trust;
mod turns;

pub use connections::{Cause, GroupActor, GroupBelief, GroupConnection, Health, Way};
pub use groups::{Group, GroupFile, Groups, OF_HOST};
pub use holdings::{GroupSecret, Holding};
pub use json::to_json;
pub use mermaid::to_mermaid;
pub use page::to_html;
pub use svg::to_svg;
pub use text::to_text;
pub use told::{Report, ReportOf};
pub use trust::{EndingTogether, IssuedForUse, IssuedLeaf, TrustedAuthority};
pub use turns::{Turn, TurnPhase};
