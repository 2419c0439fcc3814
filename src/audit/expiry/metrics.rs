//! What ends when, as metrics in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).

use std::fmt::Write as _;

use super::endings::Expiry;
use crate::found::printable;

const NAME: &str = "khw_gen_certificate_not_after_timestamp_seconds";

/// A gauge for each certificate: the last second of its life, since 1970.
pub fn expiry_metrics(expiry: &Expiry) -> String {
    let mut text = format!("# HELP {NAME} The last second at which a certificate is valid.\n# TYPE {NAME} gauge\n");
    for ending in &expiry.endings {
        let certificate = &ending.row.certificate;
        let labels = [
            ("subject", certificate.subject.as_str()),
            ("use", &ending.row.uses.join(", ")),
            ("fingerprint", &certificate.fingerprint),
        ];
        let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(&printable(value))));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{NAME}{{{}}} {}",
            labels.join(","),
            certificate.not_after.unix_timestamp()
        );
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
