//! The report for a terminal of 80 columns.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::connections::{GroupActor, GroupConnection, Way};
use super::groups::grouped;
use super::told::{Report, day, left, moment};
use super::trust::TrustedAuthority;
use crate::found::printable;

const WIDTH: usize = 80;

/// All sections, one below the other.
pub fn to_text(report: &Report) -> String {
    let mut lines = Lines::default();
    lines.say("", &report.title);
    lines.say(
        "",
        &format!("khw-gen report, {}, judged as of {}", report.source, moment(report.at)),
    );
    lines.say("", &format!("{} verify finds {}.", report.verdict(), report.counted()));
    if !report.untold.is_empty() {
        lines.heading("WHAT THIS CAN'T TELL");
        report.untold.iter().for_each(|sentence| lines.say("- ", sentence));
    }
    lines.heading("HOSTS");
    for group in &report.groups.all {
        lines.say("", &group.title());
        let known = [
            group.roles.join(", "),
            group.state.clone(),
            version("Kubernetes", &group.kubernetes),
            version("etcd", &group.etcd),
            version("containerd", &group.containerd),
        ];
        let known = known.into_iter().filter(|text| !text.is_empty());
        lines.say("  ", &known.collect::<Vec<_>>().join("; "));
    }
    lines.heading("WHO TALKS TO WHOM");
    for (index, one) in report.connections.iter().enumerate() {
        connection(&mut lines, report, index, one);
    }
    for one in &report.beliefs {
        let text = format!(
            "{} of {} signs or writes {}, {} of {} has to believe it: {}",
            one.signer.label(),
            title(report, &one.signer),
            one.purpose,
            one.judge.label(),
            title(report, &one.judge),
            one.way.health().word().to_uppercase()
        );
        lines.say("  * ", &text);
        causes(&mut lines, &one.way.causes);
    }
    lines.heading("FINDINGS");
    for (index, cause) in report.causes.iter().enumerate() {
        let row = cause.finding.row();
        let hosts = report.groups.span_of(cause.hosts.iter().map(String::as_str));
        let place = [hosts, cause.finding.path.clone()]
            .into_iter()
            .filter(|part| !part.is_empty());
        let place = place.collect::<Vec<_>>().join(": ");
        let text = format!(
            "{}[{}]: {place}: {}",
            row.severity.name(),
            row.name,
            cause.finding.message
        );
        lines.say(&format!("{:>3} ", index + 1), &text);
    }
    if report.causes.is_empty() {
        lines.say("", "verify finds nothing.");
    }
    lines.heading("WHAT LIES WHERE");
    for group in &report.groups.all {
        lines.say("", &group.title());
        for (path, file) in &group.files {
            let star = if report.secret_paths.contains(path) { "*" } else { " " };
            for told in report.groups.cell(group, file) {
                let (mode, rest) = told
                    .split_once(' ')
                    .map_or((told.as_str(), ""), |(mode, rest)| (mode, rest));
                let rest = if rest.is_empty() {
                    String::new()
                } else {
                    format!(" ({rest})")
                };
                lines.say(&format!("  {mode}{star} "), &format!("{path}{rest}"));
            }
        }
    }
    lines.say("", "* holds secrets");
    lines.heading("WHO ISSUED WHAT");
    report
        .authorities
        .iter()
        .for_each(|one| authority(&mut lines, report, one, 0));
    lines.heading("WHAT ENDS WHEN");
    for one in &report.endings {
        let what = if one.is_authority {
            format!("authority: {}", one.what)
        } else {
            one.what.clone()
        };
        let left = left(one.not_before, one.not_after, report.at);
        lines.say(
            &format!("{} {left:>9}  ", day(one.not_after)),
            &format!("{what}; {}; {}", one.subject, one.hosts),
        );
        if one.renew_by < one.not_after {
            lines.say("                      ", &format!("renew by {}", day(one.renew_by)));
        }
    }
    lines.heading("WHAT A ROTATION CHANGES");
    for turn in &report.turns {
        lines.say("", turn.of);
        turn.now.iter().for_each(|now| lines.say("  ", now));
        for phase in &turn.phases {
            let changes = format!(
                "{} files on {} hosts. {}",
                grouped(phase.count),
                grouped(phase.hosts),
                phase.means
            );
            lines.say(&format!("  {:<9} ", phase.phase.name()), &changes);
        }
    }
    lines.heading("WHO HOLDS WHICH SECRETS");
    for holding in &report.holdings {
        lines.say("", &holding.name);
        if holding.secrets.is_empty() {
            lines.say("  ", "no secret");
        }
        for secret in &holding.secrets {
            let count = if secret.count > 1 {
                format!(", {} of them", grouped(secret.count))
            } else {
                String::new()
            };
            lines.say("  ", &format!("{} ({}{count})", secret.path, secret.what));
            const FEW: usize = 6;
            secret
                .powers
                .iter()
                .take(FEW)
                .for_each(|power| lines.say("    ", power));
            if secret.powers.len() > FEW {
                lines.say("    ", &format!("and {} more", grouped(secret.powers.len() - FEW)));
            }
        }
        if let Some(theft) = &holding.theft {
            lines.say(
                "  ",
                &format!("if {} is stolen:", holding.hosts.first().map_or("it", String::as_str)),
            );
            theft.lines().for_each(|line| lines.say("    ", line));
        }
    }
    lines.0
}

fn version(name: &str, version: &str) -> String {
    match version {
        "" => String::new(),
        version => format!("{name} {version}"),
    }
}

fn title(report: &Report, actor: &GroupActor) -> String {
    report.groups.all[actor.group].title()
}

fn connection(lines: &mut Lines, report: &Report, index: usize, one: &GroupConnection) {
    let head = format!(
        "{} of {} -> {} of {}",
        one.caller.label(),
        title(report, &one.caller),
        one.callee.label(),
        title(report, &one.callee)
    );
    lines.say(&format!("{:>3} ", index + 1), &head);
    lines.say(
        "    ",
        &format!("{}: {}", one.purpose, one.health().word().to_uppercase()),
    );
    for (who, way) in [("server", &one.server), ("client", &one.client)] {
        if let Some(way) = way {
            lines.say("    ", &shown(who, way));
        }
    }
    causes(lines, &one.causes());
}

fn shown(who: &str, way: &Way) -> String {
    let mut certificates = way.shown.values();
    let what = match (certificates.next(), certificates.next()) {
        (None, _) => "nothing that is here".to_owned(),
        (Some(one), None) => one.subject.clone(),
        (Some(_), Some(_)) => format!("{} certificates", grouped(way.shown.len())),
    };
    let count = way.pairs.get(&way.health()).copied().unwrap_or(0);
    format!(
        "{who} shows {what}: {}, {} of {}",
        way.health().word(),
        grouped(count),
        grouped(way.count())
    )
}

fn causes(lines: &mut Lines, causes: &BTreeSet<usize>) {
    if !causes.is_empty() {
        let numbers: Vec<String> = causes.iter().map(|cause| (cause + 1).to_string()).collect();
        lines.say("    ", &format!("see finding {}", numbers.join(", ")));
    }
}

fn authority(lines: &mut Lines, report: &Report, one: &TrustedAuthority, depth: usize) {
    let indent = "  ".repeat(depth.min(8));
    lines.say(&indent, &one.subject);
    if report.has_fingerprints {
        lines.say(&format!("{indent}  "), &one.fingerprint);
    }
    lines.say(
        &format!("{indent}  "),
        &format!("until {}; trusted for: {}", day(one.not_after), one.uses.join(", ")),
    );
    for issued in &one.issued {
        const FEW: usize = 4;
        match issued.certificates.len() {
            ..=FEW => {
                for leaf in &issued.certificates {
                    lines.say(&format!("{indent}  - "), &format!("{}: {}", issued.what, leaf.subject));
                    if report.has_fingerprints {
                        lines.say(&format!("{indent}    "), &leaf.fingerprint);
                    }
                }
            }
            count => lines.say(
                &format!("{indent}  - "),
                &format!("{}: {} certificates", issued.what, grouped(count)),
            ),
        }
    }
    one.below
        .iter()
        .for_each(|below| authority(lines, report, below, depth + 1));
}

/// Lines that are broken between words.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn heading(&mut self, text: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "\n{text}\n");
    }

    /// A text behind `before`, which what follows the first line is indented by.
    fn say(&mut self, before: &str, text: &str) {
        let text = printable(text);
        let indent = before.chars().count();
        let room = WIDTH.saturating_sub(indent).max(20);
        let mut line = String::new();
        let mut told = false;
        let mut end = |line: &mut String, all: &mut String| {
            let start = if told { " ".repeat(indent) } else { before.to_owned() };
            told = true;
            all.push_str(format!("{start}{line}").trim_end());
            all.push('\n');
            line.clear();
        };
        for word in text.split(' ') {
            let mut word = word;
            let width = line.chars().count();
            if width > 0 && width + 1 + word.chars().count() > room {
                end(&mut line, &mut self.0);
            }
            // A word that is wider than a line, such as a path, is cut.
            while word.chars().count() > room {
                let at = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
                line.push_str(&word[..at]);
                end(&mut line, &mut self.0);
                word = &word[at..];
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        end(&mut line, &mut self.0);
    }
}
