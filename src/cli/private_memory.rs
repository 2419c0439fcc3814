//! What the program has in memory, the seed and keys among it, is nobody else's.

use rustix::process::{Resource, Rlimit, setrlimit};

/// No core file is written when the program is ended by a signal, and on Linux no process of the same user attaches to it
/// (prctl(2), PR_SET_DUMPABLE). Where the system has neither, the program goes on as it would have.
pub fn keep_to_oneself() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
