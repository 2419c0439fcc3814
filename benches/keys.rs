//! What an RSA key costs in time on the processor, by each arithmetic that it can do: `cargo bench --bench keys`.
//!
//! `cargo bench --bench keys -- 4096 20` makes 20 keys of 4096 bits instead of 100 of 2048. Finding primes is a lottery, so
//! each arithmetic makes the same keys, in turns, and the mean comes with its standard error.

use std::env::args;
use std::fs::read_to_string;
use std::time::Instant;

use khw_gen::pki::key::{Arithmetic, KeyPair, RsaBits};

fn main() {
    // cargo passes `--bench`.
    let numbers: Vec<u32> = args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let bits = RsaBits::new(numbers.first().copied().unwrap_or(2048)).expect("a size that keys are made in");
    let count = numbers.get(1).copied().unwrap_or(100).max(2);

    let arithmetics = Arithmetic::available();
    let mut costs = vec![Vec::new(); arithmetics.len()];
    for index in 0..count {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&index.to_be_bytes());
        let mut first: Option<KeyPair> = None;
        for (arithmetic, costs) in arithmetics.iter().zip(&mut costs) {
            let clock = Clock::start();
            let key = KeyPair::rsa_from_seed(bits, &seed, *arithmetic).expect("a key");
            costs.push(clock.milliseconds());
            let public = key.public().clone();
            assert!(
                *first.get_or_insert(key).public() == public,
                "{arithmetic} made another key"
            );
        }
    }
    for (arithmetic, costs) in arithmetics.iter().zip(&costs) {
        let (mean, error) = mean_and_standard_error(costs);
        println!(
            "RSA-{}, {arithmetic}: {mean:.1} ms +- {error:.1} ({count} keys)",
            bits.get()
        );
    }
}

fn mean_and_standard_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

/// This thread's time on the processor where Linux tells it, else the time that passes.
struct Clock {
    processor: Option<f64>,
    wall: Instant,
}

impl Clock {
    fn start() -> Clock {
        Clock {
            processor: processor_nanoseconds(),
            wall: Instant::now(),
        }
    }

    fn milliseconds(&self) -> f64 {
        match (self.processor, processor_nanoseconds()) {
            (Some(start), Some(end)) => (end - start) / 1e6,
            _ => self.wall.elapsed().as_secs_f64() * 1e3,
        }
    }
}

fn processor_nanoseconds() -> Option<f64> {
    let statistics = read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok()
}
