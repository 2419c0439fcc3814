//! How far a build is, and that something is still read, on a terminal, once it takes longer than half a second.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long a build took is told to whoever waits for it, and goes into no file"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use khw_gen::Progress;

/// What takes less is over before anybody could read a bar.
const WORTH_A_BAR: Duration = Duration::from_millis(500);

/// A bar for certificates and hosts. Where standard error is no terminal, nothing is ever shown.
pub struct Bar {
    began: Instant,
    bar: ProgressBar,
    quiet: bool,
    shown: AtomicBool,
}

impl Bar {
    pub fn new(quiet: bool) -> Bar {
        Bar {
            began: Instant::now(),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            quiet,
            shown: AtomicBool::new(false),
        }
    }

    /// Takes note of a step, from any thread.
    pub fn watch(&self, progress: Progress) {
        match progress {
            Progress::Begins { certificates, hosts } => self.bar.set_length((certificates + hosts) as u64),
            Progress::Certificate | Progress::Host => self.bar.inc(1),
        }
        if !self.quiet && self.began.elapsed() > WORTH_A_BAR && !self.shown.swap(true, Ordering::Relaxed) {
            // The template is a constant that can be read; if not, the bar is the plain one.
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} certificates and hosts, {eta} left") {
                self.bar.set_style(style);
            }
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Takes the bar away; how long it took.
    pub fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.began.elapsed()
    }
}

/// Says on a terminal what is being done, until it is dropped.
pub struct Waiting(ProgressBar);

impl Waiting {
    pub fn begin(what: &'static str) -> Waiting {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(what);
        let shown = bar.clone();
        // Where no thread may be started, nothing is shown.
        let _ = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(WORTH_A_BAR);
            if !shown.is_finished()
                && let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}")
            {
                shown.set_style(style);
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(WORTH_A_BAR / 4);
            }
        });
        Waiting(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A number of bytes for people: `412 kB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ if value < 10.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}
