//! The report as one page of HTML: no script, nothing that is loaded from anywhere.

use std::collections::BTreeSet;

use super::connections::{GroupActor, Health, Way};
use super::groups::{Group, grouped};
use super::markup::{Attributes, Markup};
use super::style::{PAGE_STYLE, PICTURE_STYLE, PICTURE_VARIABLES};
use super::svg::picture_of_page;
use super::timeline::Scale;
use super::told::{Report, day, left, moment};
use super::trust::{IssuedForUse, TrustedAuthority};
use crate::catalog::rotation::RotationPhase;
use crate::diagnostic::Severity;

/// The sections, in their order: what they are linked by, and what they are called.
const SECTIONS: [(&str, &str); 8] = [
    ("hosts", "Hosts"),
    ("who", "Who talks to whom"),
    ("findings", "Findings"),
    ("files", "What lies where"),
    ("trust", "Who issued what"),
    ("expiry", "What ends when"),
    ("rotation", "What a rotation changes"),
    ("secrets", "Who holds which secrets"),
];

/// The page.
pub fn to_html(report: &Report) -> String {
    let mut markup = Markup::default();
    markup.constant("<!DOCTYPE html>\n<!-- khw-gen report -->\n");
    markup.element("html", &[("lang", "en")], |markup| {
        markup.element("head", &[], head(report));
        markup.element("body", &[], |markup| {
            markup.element("header", &[], |markup| header(markup, report));
            markup.element("main", &[], |markup| {
                for (id, name) in SECTIONS {
                    markup.element("section", &[("id", id)], |markup| {
                        markup.leaf("h2", &[], name);
                        match id {
                            "hosts" => hosts(markup, report),
                            "who" => who(markup, report),
                            "findings" => findings(markup, report),
                            "files" => files(markup, report),
                            "trust" => trust(markup, report),
                            "expiry" => expiry(markup, report),
                            "rotation" => rotation(markup, report),
                            _ => secrets(markup, report),
                        }
                    });
                }
            });
            markup.element("footer", &[], |markup| {
                markup.leaf(
                    "p",
                    &[],
                    "Made by khw-gen report. This page has no script, loads nothing, and holds no secret; it tells where secrets lie.",
                );
            });
        });
    });
    markup.finish()
}

fn head(report: &Report) -> impl FnOnce(&mut Markup) {
    // Tabs and bookmarks cut longer ones anyway.
    let title: String = format!("khw-gen report: {}", report.title).chars().take(60).collect();
    move |markup| {
        markup.void("meta", &[("charset", "utf-8")]);
        markup.void(
            "meta",
            &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
        );
        markup.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        // Whatever stood in a name, nothing would run or load.
        markup.void(
            "meta",
            &[
                ("http-equiv", "Content-Security-Policy"),
                ("content", "default-src 'none'; style-src 'unsafe-inline'"),
            ],
        );
        markup.leaf("title", &[], &title);
        markup.element("style", &[], |markup| {
            markup.constant(PICTURE_VARIABLES);
            markup.constant(PAGE_STYLE);
            markup.constant(PICTURE_STYLE);
        });
    }
}

fn header(markup: &mut Markup, report: &Report) {
    markup.leaf("h1", &[], &report.title);
    let groups = &report.groups;
    let releases = |of: fn(&Group) -> &String| {
        let all: BTreeSet<&String> = groups
            .all
            .iter()
            .map(of)
            .filter(|version| !version.is_empty())
            .collect();
        all.into_iter().cloned().collect::<Vec<_>>().join(" and ")
    };
    let versions = [
        ("Kubernetes", releases(|group| &group.kubernetes)),
        ("etcd", releases(|group| &group.etcd)),
        ("containerd", releases(|group| &group.containerd)),
    ];
    let known = versions.iter().filter(|(_, version)| !version.is_empty());
    let known: String = known.map(|(name, version)| format!(" · {name} {version}")).collect();
    let lead = format!(
        "{} · {} in {}{known} · judged as of {}",
        report.source,
        counted(groups.hosts(), "host"),
        counted(groups.all.len(), "group"),
        moment(report.at)
    );
    markup.leaf("p", &[("class", "lead wide")], &lead);
    let class = match report.has_errors() || report.healths().contains_key(&Health::Broken) {
        true => "verdict broken",
        false => "verdict",
    };
    markup.element("div", &[("class", class)], |markup| {
        markup.element("p", &[], |markup| {
            markup.leaf("strong", &[], &report.verdict());
            markup.text(" verify finds ");
            markup.leaf("a", &[("href", "#findings")], &report.counted());
            markup.text(".");
        });
    });
    markup.element("nav", &[("aria-label", "Sections")], |markup| {
        markup.element("ul", &[], |markup| {
            for (id, name) in SECTIONS {
                markup.element("li", &[], |markup| {
                    markup.leaf("a", &[("href", &format!("#{id}"))], name)
                });
            }
        });
    });
    if !report.untold.is_empty() {
        markup.leaf("p", &[("class", "lead")], "What this page can’t tell:");
        markup.element("ul", &[("class", "prose lead")], |markup| {
            report
                .untold
                .iter()
                .for_each(|sentence| markup.leaf("li", &[], sentence));
        });
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// A table that is wider than the screen is moved, not the page.
fn scroll(markup: &mut Markup, label: &str, class: &str, inside: impl FnOnce(&mut Markup)) {
    let attributes: Attributes<'_> = &[("class", class), ("tabindex", "0"), ("aria-label", label)];
    markup.element("section", attributes, inside);
}

fn table(markup: &mut Markup, caption: &str, class: &str, headings: &[&str], rows: impl FnOnce(&mut Markup)) {
    scroll(markup, caption, "scroll", |markup| {
        let attributes = [("class", class)];
        let attributes = if class.is_empty() { &[][..] } else { &attributes[..] };
        markup.element("table", attributes, |markup| {
            markup.leaf("caption", &[], caption);
            markup.element("thead", &[], |markup| {
                markup.element("tr", &[], |markup| {
                    for heading in headings {
                        let numbers = ["Hosts", "No."].contains(heading);
                        let attributes = [("scope", "col"), ("class", "count")];
                        let count = if numbers { 2 } else { 1 };
                        markup.leaf("th", &attributes[..count], heading);
                    }
                });
            });
            markup.element("tbody", &[], rows);
        });
    });
}

/// A sentence of this program's own, in which code stands between backticks.
fn sentence(markup: &mut Markup, text: &str) {
    for (index, part) in text.split('`').enumerate() {
        match index % 2 {
            0 => markup.text(part),
            _ => markup.leaf("code", &[], part),
        }
    }
}

fn cell(markup: &mut Markup, class: &str, text: &str) {
    match class {
        "" => markup.leaf("td", &[], text),
        class => markup.leaf("td", &[("class", class)], text),
    }
}

fn hosts(markup: &mut Markup, report: &Report) {
    let headings = ["Group", "Hosts", "Roles", "State", "Kubernetes", "etcd", "containerd"];
    let caption = "Hosts with the same roles, state and versions are one group";
    table(markup, caption, "", &headings, |markup| {
        for group in &report.groups.all {
            markup.element("tr", &[], |markup| {
                markup.element("th", &[("scope", "row")], |markup| {
                    markup.leaf("strong", &[], &group.name);
                });
                markup.element("td", &[("class", "count")], |markup| {
                    markup.text(&grouped(group.hosts.len()));
                    many(markup, &group.hosts);
                });
                let known = |text: &str| {
                    if text.is_empty() {
                        "—".to_owned()
                    } else {
                        text.to_owned()
                    }
                };
                cell(markup, "", &known(&group.roles.join(", ")));
                for text in [&group.state, &group.kubernetes, &group.etcd, &group.containerd] {
                    cell(markup, "", &known(text));
                }
            });
        }
    });
}

/// The names of hosts that a span does not all name, to be opened.
fn many(markup: &mut Markup, hosts: &[String]) {
    const FEW: usize = 3;
    if hosts.len() > FEW {
        markup.element("details", &[], |markup| {
            markup.leaf("summary", &[("class", "small muted")], "all names");
            markup.leaf("div", &[("class", "small names")], &hosts.join(", "));
        });
    }
}

fn who(markup: &mut Markup, report: &Report) {
    if report.connections.is_empty() {
        markup.leaf("p", &[], "No program that is here calls another one that is here.");
    } else {
        markup.leaf(
            "p",
            &[("class", "muted")],
            "Arrows lead from who calls to whom; a number is a line of the table below, and that of a broken one leads to its finding. \
             Dashes in red: somebody refuses what is shown. Dots: nobody asks for it, or a file is not here.",
        );
        scroll(markup, "The picture of who talks to whom", "scroll drawing", |markup| {
            picture_of_page(markup, report);
        });
        let headings = [
            "No.",
            "Who calls",
            "Whom",
            "For",
            "State",
            "The server shows",
            "The client shows",
        ];
        let caption = "Every connection of the cluster, each way held against who has to accept it";
        table(markup, caption, "connections", &headings, |markup| {
            for (index, one) in report.connections.iter().enumerate() {
                markup.element("tr", &[("id", &format!("c-{}", index + 1))], |markup| {
                    cell(markup, "count", &(index + 1).to_string());
                    actor(markup, report, &one.caller);
                    actor(markup, report, &one.callee);
                    markup.element("td", &[], |markup| {
                        markup.leaf("div", &[], one.purpose);
                        if !one.addresses.is_empty() {
                            let at = format!("at {}", first(&one.addresses, 3));
                            markup.leaf("div", &[("class", "small muted")], &at);
                        }
                        let own = if one.leaves_host { "" } else { ", each on its own host" };
                        let pairs = format!("{}{own}", counted(one.pairs, "pair"));
                        markup.leaf("div", &[("class", "small muted")], &pairs);
                    });
                    markup.element("td", &[], |markup| state(markup, one.health(), &one.causes()));
                    match &one.handed_on {
                        Some(by) => {
                            cell(markup, "muted", "what servers show");
                            let by: Vec<&str> = by.shown_by.iter().map(String::as_str).collect();
                            cell(markup, "muted", &format!("what callers show; by {}", by.join(", ")));
                        }
                        None => {
                            way(markup, report, one.server.as_ref());
                            way(markup, report, one.client.as_ref());
                        }
                    }
                });
            }
        });
    }
    if !report.beliefs.is_empty() {
        let headings = [
            "Who signs or writes",
            "What",
            "By",
            "Who has to believe it",
            "As in",
            "State",
        ];
        table(
            markup,
            "What is signed or written, and who has to believe it",
            "",
            &headings,
            |markup| {
                for one in &report.beliefs {
                    markup.element("tr", &[], |markup| {
                        actor(markup, report, &one.signer);
                        cell(markup, "", one.purpose);
                        cell(markup, "path", &one.by);
                        actor(markup, report, &one.judge);
                        cell(markup, "path", &one.as_in);
                        markup.element("td", &[], |markup| state(markup, one.way.health(), &one.way.causes));
                    });
                }
            },
        );
    }
}

fn actor(markup: &mut Markup, report: &Report, actor: &GroupActor) {
    markup.element("td", &[], |markup| {
        markup.leaf("strong", &[], actor.label());
        markup.leaf(
            "div",
            &[("class", "small muted")],
            &report.groups.all[actor.group].title(),
        );
    });
}

/// A word, and where it is told why.
fn state(markup: &mut Markup, health: Health, causes: &BTreeSet<usize>) {
    let class = match health {
        Health::Holds => "state holds",
        Health::Unasked => "state unasked",
        Health::Unknown => "state unknown",
        Health::Broken => "state broken",
    };
    let mark = match health {
        Health::Holds => "✓ ",
        Health::Broken => "✗ ",
        Health::Unasked | Health::Unknown => "○ ",
    };
    markup.leaf("span", &[("class", class)], &format!("{mark}{}", health.word()));
    const MOST: usize = 6;
    for cause in causes.iter().take(MOST) {
        markup.element("div", &[("class", "small")], |markup| {
            markup.leaf(
                "a",
                &[("href", &format!("#finding-{}", cause + 1))],
                &format!("finding {}", cause + 1),
            );
        });
    }
    if causes.len() > MOST {
        let more = format!("and {} more", causes.len() - MOST);
        markup.leaf("div", &[("class", "small muted")], &more);
    }
}

fn way(markup: &mut Markup, report: &Report, way: Option<&Way>) {
    let Some(way) = way else {
        return cell(markup, "muted", "—");
    };
    markup.element("td", &[], |markup| {
        let mut certificates = way.shown.values();
        let shown = match (certificates.next(), certificates.next()) {
            (None, _) => "nothing that is here".to_owned(),
            (Some(one), None) => one.subject.clone(),
            (Some(one), Some(_)) => format!("{} certificates, such as {}", grouped(way.shown.len()), one.subject),
        };
        markup.leaf("div", &[], &shown);
        let by = way.shown_by.iter().cloned().collect::<Vec<_>>().join(", ");
        let by = if by.is_empty() {
            String::new()
        } else {
            format!("by {by}; ")
        };
        markup.element("div", &[("class", "small muted")], |markup| {
            markup.text(&by);
            markup.text("trusted by ");
            markup.leaf(
                "span",
                &[("class", "nowrap")],
                &format!("{}: ", first(&way.trusted_by, 3)),
            );
            if way.trusted.is_empty() {
                markup.text("nobody");
            }
            for (index, one) in way.trusted.values().enumerate() {
                if index > 0 {
                    markup.text(", ");
                }
                match known_authority(&report.authorities, &one.fingerprint) {
                    true => markup.leaf("a", &[("href", &format!("#{}", id_of(&one.fingerprint)))], &one.subject),
                    false => markup.text(&one.subject),
                }
            }
        });
        let total = way.count();
        let text = match way.health() {
            Health::Holds => format!("accepted, {} of {}", grouped(total), grouped(total)),
            health => {
                let count = way.pairs.get(&health).copied().unwrap_or(0);
                format!("{}, {} of {}", health.word(), grouped(count), grouped(total))
            }
        };
        markup.leaf("div", &[("class", "small")], &text);
    });
}

fn known_authority(all: &[TrustedAuthority], fingerprint: &str) -> bool {
    all.iter()
        .any(|one| one.fingerprint == fingerprint || known_authority(&one.below, fingerprint))
}

/// What an authority is linked by.
fn id_of(fingerprint: &str) -> String {
    format!("authority-{}", fingerprint.chars().take(16).collect::<String>())
}

/// The first of a few, and how many there are more.
fn first(all: &BTreeSet<String>, most: usize) -> String {
    let text = all.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(most) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn findings(markup: &mut Markup, report: &Report) {
    if report.causes.is_empty() {
        return markup.leaf("p", &[], "verify finds nothing.");
    }
    let lead = format!(
        "Those of khw-gen verify: {}. What is the same on many hosts is told once.",
        report.counted()
    );
    markup.leaf("p", &[("class", "muted")], &lead);
    markup.element("ol", &[("class", "findings")], |markup| {
        for (index, cause) in report.causes.iter().enumerate() {
            let row = cause.finding.row();
            let mut attributes = vec![("id", format!("finding-{}", index + 1))];
            if row.severity != Severity::Error {
                attributes.push(("class", "warning".to_owned()));
            }
            let attributes: Vec<(&str, &str)> =
                attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
            markup.element("li", &attributes, |markup| {
                markup.element("div", &[], |markup| {
                    markup.leaf("strong", &[], &format!("{}. {}: ", index + 1, row.severity.name()));
                    markup.leaf("code", &[], row.name);
                });
                markup.leaf("div", &[], &cause.finding.message);
                let hosts = report.groups.span_of(cause.hosts.iter().map(String::as_str));
                let place = [hosts, cause.finding.path.clone()]
                    .into_iter()
                    .filter(|part| !part.is_empty());
                markup.leaf("div", &[("class", "path muted")], &place.collect::<Vec<_>>().join(": "));
                markup.element("div", &[("class", "small")], |markup| {
                    markup.text("What to do: ");
                    sentence(markup, row.advice);
                });
            });
        }
    });
}

fn files(markup: &mut Markup, report: &Report) {
    let groups = &report.groups.all;
    markup.leaf(
        "p",
        &[("class", "muted")],
        "Each file of each group with its permission bits; bold and with a star what holds secrets. {host} stands for the host’s own \
         name, {each host} for those of others, of which × says how many.",
    );
    let headings: Vec<String> = groups.iter().map(Group::title).collect();
    let headings = headings.iter().map(String::as_str);
    let headings: Vec<&str> = std::iter::once("Path").chain(headings).chain(["What"]).collect();
    let paths: BTreeSet<(&str, &str)> = groups
        .iter()
        .flat_map(|group| group.files.keys())
        .map(|path| in_folder(path))
        .collect();
    table(markup, "What lies where", "matrix told", &headings, |markup| {
        let mut last = None;
        for (folder, file) in paths {
            if last != Some(folder) {
                last = Some(folder);
                let name = if folder.is_empty() {
                    "beside the tree of the host"
                } else {
                    folder
                };
                markup.element("tr", &[("class", "folder")], |markup| {
                    markup.leaf("th", &[("scope", "colgroup"), ("class", "path")], name);
                    let rest = (groups.len() + 1).to_string();
                    markup.leaf("td", &[("colspan", &rest)], "");
                });
            }
            let path = if folder.is_empty() {
                file.to_owned()
            } else {
                format!("{folder}{file}")
            };
            markup.element("tr", &[], |markup| {
                markup.leaf("th", &[("scope", "row"), ("class", "path")], file);
                for group in groups {
                    let Some(file) = group.files.get(&path) else {
                        cell(markup, "none", "·");
                        continue;
                    };
                    let (class, star) = match report.secret_paths.contains(&path) {
                        true => ("secret", "*"),
                        false => ("open", ""),
                    };
                    markup.element("td", &[("class", class)], |markup| {
                        for (index, told) in report.groups.cell(group, file).iter().enumerate() {
                            let (mode, rest) = told.split_once(' ').unwrap_or((told, ""));
                            if index > 0 {
                                markup.void("br", &[]);
                            }
                            markup.text(&format!("{mode}{star}"));
                            if !rest.is_empty() {
                                markup.leaf("span", &[("class", "rest")], &format!(" {rest}"));
                            }
                        }
                    });
                }
                cell(markup, "kind small", report.kinds.get(&path).map_or("", String::as_str));
            });
        }
    });
}

/// A path in its folder, which ends in a slash.
fn in_folder(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    path.split_at(at)
}

fn trust(markup: &mut Markup, report: &Report) {
    if report.authorities.is_empty() && report.orphans.is_empty() {
        return markup.leaf("p", &[], "There is no certificate here.");
    }
    let lead = match report.has_fingerprints {
        true => "Fingerprints are SHA-256 of the certificate, as openssl x509 -fingerprint -sha256 shows them.",
        false => "Fingerprints take the seed, which is not here.",
    };
    markup.leaf("p", &[("class", "muted")], lead);
    markup.element("ul", &[("class", "tree")], |markup| {
        report.authorities.iter().for_each(|one| authority(markup, report, one));
        if !report.orphans.is_empty() {
            markup.element("li", &[], |markup| {
                markup.leaf("strong", &[], "Issued by somebody who is not here");
                markup.element("ul", &[], |markup| issued(markup, report, &report.orphans));
            });
        }
    });
}

fn authority(markup: &mut Markup, report: &Report, one: &TrustedAuthority) {
    markup.element("li", &[("id", &id_of(&one.fingerprint))], |markup| {
        markup.leaf("strong", &[], &one.subject);
        if one.is_from_elsewhere {
            markup.leaf("div", &[("class", "small")], "Its own issuer is not here.");
        }
        fingerprint(markup, report, &one.fingerprint);
        let about = format!(
            "{} · until {} · trusted for: {} · on {}",
            one.key,
            day(one.not_after),
            one.uses.join(", "),
            one.hosts
        );
        markup.leaf("div", &[("class", "small muted")], &about);
        if !one.issued.is_empty() || !one.below.is_empty() {
            markup.element("ul", &[], |markup| {
                one.below.iter().for_each(|below| authority(markup, report, below));
                issued(markup, report, &one.issued);
            });
        }
    });
}

fn fingerprint(markup: &mut Markup, report: &Report, fingerprint: &str) {
    if report.has_fingerprints {
        markup.leaf("div", &[("class", "print")], fingerprint);
    }
}

fn issued(markup: &mut Markup, report: &Report, all: &[IssuedForUse]) {
    const FEW: usize = 4;
    for one in all {
        markup.element("li", &[], |markup| {
            markup.leaf("span", &[], &one.what);
            let leaves = |markup: &mut Markup| {
                for leaf in &one.certificates {
                    markup.element("div", &[("class", "small")], |markup| {
                        markup.text(&leaf.subject);
                        markup.leaf("span", &[("class", "muted")], &format!(" on {}", leaf.hosts));
                        fingerprint(markup, report, &leaf.fingerprint);
                    });
                }
            };
            match (one.certificates.first(), one.certificates.last()) {
                (Some(first), Some(last)) if one.certificates.len() > FEW => markup.element("details", &[], |markup| {
                    let summary = format!(
                        "{} certificates, {} to {}",
                        grouped(one.certificates.len()),
                        first.subject,
                        last.subject
                    );
                    markup.leaf("summary", &[("class", "small")], &summary);
                    leaves(markup);
                }),
                _ => leaves(markup),
            }
        });
    }
}

fn expiry(markup: &mut Markup, report: &Report) {
    let Some(scale) = Scale::of(&report.endings, report.at) else {
        return markup.leaf("p", &[], "There is no certificate here.");
    };
    let lead = format!(
        "The upright line is {}. What is left of a life is coloured, in red where it has ended or has to be renewed within 30 days; the mark in an \
         authority’s is the last moment at which what it issues fits under it once more, by when it has to be replaced.",
        moment(report.at)
    );
    markup.leaf("p", &[("class", "muted")], &lead);
    scroll(markup, "What ends when", "scroll", |markup| {
        markup.element("table", &[], |markup| {
            markup.leaf(
                "caption",
                &[],
                "What ends at one instant and is for one use is one line",
            );
            markup.element("thead", &[], |markup| {
                markup.element("tr", &[], |markup| {
                    for heading in ["What", "Subject", "On"] {
                        markup.leaf("th", &[("scope", "col")], heading);
                    }
                    markup.element("th", &[("scope", "col")], |markup| {
                        markup.text("Life");
                        scale.axis(markup);
                    });
                    for heading in ["Until", "Left", "Renew by"] {
                        markup.leaf("th", &[("scope", "col")], heading);
                    }
                });
            });
            markup.element("tbody", &[], |markup| {
                for one in &report.endings {
                    markup.element("tr", &[], |markup| {
                        let what = if one.is_authority {
                            format!("authority: {}", one.what)
                        } else {
                            one.what.clone()
                        };
                        markup.leaf("th", &[("scope", "row")], &what);
                        cell(markup, "small", &one.subject);
                        cell(markup, "small", &one.hosts);
                        markup.element("td", &[], |markup| scale.bar(markup, one));
                        cell(markup, "date", &day(one.not_after));
                        let class = if one.is_soon { "count state broken" } else { "count" };
                        cell(markup, class, &left(one.not_before, one.not_after, report.at));
                        cell(markup, "date", &day(one.renew_by));
                    });
                }
            });
        });
    });
}

fn rotation(markup: &mut Markup, report: &Report) {
    markup.element("p", &[("class", "muted")], |markup| {
        markup.text("What is trusted, verified or read by many gets a successor in three phases, and hosts of two that follow each other run together. \
             Named are the files that change in each; ");
        markup.leaf("code", &[], "khw-gen rotate cluster.toml WHAT -o DIR");
        markup.text(" makes the phases, with every command and the way back.");
    });
    if report.turns.is_empty() {
        markup.leaf("p", &[], "There is nothing here that is rotated.");
    }
    for turn in &report.turns {
        markup.leaf("h3", &[], turn.of);
        if let Some(now) = &turn.now {
            markup.leaf("p", &[], now);
        }
        table(
            markup,
            &format!("Phases of rotating {}", turn.of),
            "phases told",
            &["Phase", "What it means", "What changes", "Before the next"],
            |markup| {
                for phase in &turn.phases {
                    markup.element("tr", &[], |markup| {
                        markup.leaf("th", &[("scope", "row")], phase.phase.name());
                        markup.element("td", &[], |markup| {
                            markup.element("div", &[], |markup| sentence(markup, phase.means));
                            if !phase.no_way_back.is_empty() {
                                let attributes = [("class", "small muted")];
                                markup.element("div", &attributes, |markup| sentence(markup, phase.no_way_back));
                            }
                        });
                        markup.element("td", &[], |markup| {
                            markup.leaf(
                                "div",
                                &[],
                                &format!("{} on {}", counted(phase.count, "file"), counted(phase.hosts, "host")),
                            );
                            for (group, files) in &phase.files {
                                markup.element("div", &[("class", "small")], |markup| {
                                    markup.leaf("strong", &[], &report.groups.all[*group].title());
                                    for file in files {
                                        markup.leaf("div", &[("class", "path")], file);
                                    }
                                });
                            }
                        });
                        markup.element("td", &[("class", "small")], |markup| match phase.waits.as_slice() {
                            [] if phase.phase == RotationPhase::Retire => {
                                markup.text("It is done when every host has this phase.")
                            }
                            [] => markup.text("every host has this phase"),
                            waits => markup.element("ul", &[], |markup| {
                                markup.leaf("li", &[], "every host has this phase");
                                for wait in waits {
                                    markup.element("li", &[], |markup| sentence(markup, wait));
                                }
                            }),
                        });
                    });
                }
            },
        );
    }
}

fn secrets(markup: &mut Markup, report: &Report) {
    markup.leaf(
        "p",
        &[("class", "muted")],
        "Whoever has a file can do what stands beside it. No secret is on this page.",
    );
    for holding in &report.holdings {
        markup.leaf("h3", &[], &holding.name);
        if holding.secrets.is_empty() {
            markup.leaf("p", &[], "No secret.");
            continue;
        }
        table(
            markup,
            &format!("Secrets of {}", holding.name),
            "secrets told",
            &["File", "What it is", "Who has it can"],
            |markup| {
                for secret in &holding.secrets {
                    markup.element("tr", &[], |markup| {
                        let count = if secret.count > 1 {
                            format!(" ×{}", grouped(secret.count))
                        } else {
                            String::new()
                        };
                        markup.leaf(
                            "th",
                            &[("scope", "row"), ("class", "path")],
                            &format!("{}{count}", secret.path),
                        );
                        cell(markup, "", secret.what);
                        markup.element("td", &[], |markup| {
                            const FEW: usize = 6;
                            secret
                                .powers
                                .iter()
                                .take(FEW)
                                .for_each(|power| markup.leaf("div", &[], power));
                            let more = secret.powers.get(FEW..).unwrap_or_default();
                            if !more.is_empty() {
                                markup.element("details", &[], |markup| {
                                    markup.leaf(
                                        "summary",
                                        &[("class", "small")],
                                        &format!("{} more", grouped(more.len())),
                                    );
                                    more.iter()
                                        .for_each(|power| markup.leaf("div", &[("class", "small")], power));
                                });
                            }
                        });
                    });
                }
            },
        );
        if let Some(theft) = &holding.theft {
            let first = holding.hosts.first().map(String::as_str).unwrap_or_default();
            let heading = match holding.hosts.len() {
                1 => "If it is stolen, in cluster.toml below [generations]:".to_owned(),
                _ => format!(
                    "If {first} is stolen, in cluster.toml below [generations]; of the others likewise, by their own names:"
                ),
            };
            markup.leaf("p", &[("class", "small")], &heading);
            markup.leaf("pre", &[("tabindex", "0")], theft);
        }
    }
}
