//! How many threads share the work.

use super::say::Reported;

/// Settles the number of threads here: left to itself, rayon would take it from the environment.
#[allow(
    clippy::disallowed_methods,
    reason = "how many threads share the work changes no byte of it"
)]
pub fn use_threads(jobs: Option<u16>) -> Result<(), Reported> {
    let processors = || std::thread::available_parallelism().map_or(1, |count| count.get());
    let threads = jobs.map_or_else(processors, usize::from);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads);
    // Where no thread may be started, this one does the work.
    pool(threads)
        .build_global()
        .or_else(|_| pool(1).use_current_thread().build_global())?;
    Ok(())
}
