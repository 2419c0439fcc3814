//! A row of the rotations: what | phase | what it means | what to wait for before the next.

use super::named::named_values;

named_values! {
    /// How far a rotation is. Its name is that in cluster.toml.
    pub enum RotationPhase {
        /// Everybody trusts, verifies or can read the new one beside the old one.
        Announce = "announce",
        /// The new one signs, issues or encrypts.
        Switch = "switch",
        /// Nobody knows the old one any more.
        Retire = "retire",
    }
}

/// What is trusted, verified or read by many, so that a successor has to be known before it is used, as `[rotate]` calls it. Not every
/// layout has each.
pub const ROTATED: [&str; 5] = ["ca", "etcd-ca", "front-proxy-ca", "service-account", "encryption"];

/// A phase of the rotation of one thing.
pub(crate) struct PhaseRow {
    /// As `[rotate.X]` has it.
    pub of: &'static str,
    pub phase: RotationPhase,
    /// What it is in this phase, as sentences.
    pub means: &'static str,
    /// What has to be true before the next phase.
    pub wait: &'static [Wait],
    /// What can't be undone by the folder of the phase before; nothing where that is all it takes.
    pub no_way_back: &'static str,
}

/// Something to wait for.
pub(crate) struct Wait {
    pub what: &'static str,
    /// Where the command is run, and the command, which fails until it is so; `{new}` is the name of a key of the
    /// encryption configuration, `{provider}` is how it encrypts.
    pub shown_by: Option<(RunsOn, &'static str)>,
}

/// The host that a command is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunsOn {
    ControlPlane,
    /// With the variables by which etcdctl reaches it.
    Member,
}
