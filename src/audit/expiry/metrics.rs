//! What ends when, as metrics in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).

use std::fmt::Write as _;

use time::OffsetDateTime;

use super::endings::{Ending, Expiry};
use crate::found::printable;

/// What is told of each certificate: the name of the metric, what it says, and its instant.
type Metric = (&'static str, &'static str, fn(&Ending) -> OffsetDateTime);

const METRICS: [Metric; 2] = [
    (
        "khw_gen_certificate_not_after_timestamp_seconds",
        "The last second at which a certificate is valid.",
        |ending| ending.row.certificate.not_after,
    ),
    (
        "khw_gen_certificate_renew_by_timestamp_seconds",
        "When a certificate has to be replaced at the latest: its end, and of an authority when what it issues would outlive it.",
        Ending::renew_by,
    ),
];

/// A gauge of each kind for each certificate, in seconds since 1970.
pub fn expiry_metrics(expiry: &Expiry) -> String {
    let mut text = String::new();
    for (name, what, instant) in METRICS {
        // Writing to a String does not fail.
        let _ = writeln!(text, "# HELP {name} {what}\n# TYPE {name} gauge");
        for ending in &expiry.endings {
            let certificate = &ending.row.certificate;
            let labels = [
                ("subject", certificate.subject.as_str()),
                ("use", &ending.row.uses.join(", ")),
                ("fingerprint", &certificate.fingerprint),
            ];
            let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(&printable(value))));
            let seconds = instant(ending).unix_timestamp();
            let _ = writeln!(text, "{name}{{{}}} {seconds}", labels.join(","));
        }
    }
    text
}

/// A label's value, between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
