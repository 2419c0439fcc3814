//! Everything issued anew, while authorities stay: as an edit of cluster.toml that is read before it is proposed.
//!
//! Where there is none that reads as it is meant, there is no edit.

use std::ops::Range;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalog::identity::{CLUSTER_AUTHORITY, SignedBy};
use crate::cluster::{Cluster, Generation};
use crate::input::WrittenDates;
use crate::pki::cfssl::{leaf_validity, root_validity};

/// An authority that signs itself, when everything is issued anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewedAuthority {
    pub name: &'static str,
    pub generation: Generation,
    /// When it was issued, or is to be.
    pub issued: OffsetDateTime,
    pub ends: OffsetDateTime,
    /// When it would end if it stayed, which is too soon: it is issued anew, for the key that it has.
    pub would_end: Option<OffsetDateTime>,
}

/// What `cluster` is to be issued as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    pub issued: OffsetDateTime,
    pub authorities: Vec<RenewedAuthority>,
}

impl RenewedAuthority {
    /// As `[pki.authorities_issued]` calls it.
    pub fn key(&self) -> String {
        match self.generation {
            Generation::FIRST => self.name.to_owned(),
            later => format!("{}@{}", self.name, later.number()),
        }
    }
}

impl Renewal {
    /// Everything issued at `at`, and each authority that lives as long as what it signs when it was.
    pub fn of(cluster: &Cluster, at: OffsetDateTime) -> Renewal {
        let pki = &cluster.pki;
        let rows = pki.layout.identities();
        let mut authorities = Vec::new();
        for row in rows.iter().filter(|row| row.signed_by == SignedBy::Itself) {
            let signs = SignedBy::Authority(row.name);
            let leaves = rows.iter().filter(|leaf| leaf.signed_by == signs);
            let profiles = leaves.map(|leaf| pki.profile_of(leaf.name));
            let own = pki.extra.iter().map(|extra| &extra.profile);
            let last = profiles
                .chain(own)
                .map(|profile| leaf_validity(profile, at).not_after)
                .max();
            let brought = pki.existing_ca.is_some() && row.name == CLUSTER_AUTHORITY;
            let generations = pki.generations_of(row.name, None).all();
            for generation in generations.filter(|generation| !(brought && *generation == Generation::FIRST)) {
                let Some(csr) = pki.csrs.get(row.csr) else { continue };
                let end = |issued| root_validity(csr.request.ca.as_ref(), issued).not_after;
                let issued = pki.authority_issued(row.name, generation);
                let stays = last.is_none_or(|last| last <= end(issued));
                authorities.push(RenewedAuthority {
                    name: row.name,
                    generation,
                    issued: if stays { issued } else { at },
                    ends: if stays { end(issued) } else { end(at) },
                    would_end: (!stays).then(|| end(issued)),
                });
            }
        }
        Renewal {
            issued: at,
            authorities,
        }
    }

    /// Whether this is what `cluster` says.
    pub fn is_said_by(&self, cluster: &Cluster) -> bool {
        let pki = &cluster.pki;
        let mut authorities = self.authorities.iter();
        pki.issued == self.issued && authorities.all(|own| pki.authority_issued(own.name, own.generation) == own.issued)
    }

    /// The text of cluster.toml with these dates, in each form in which they may have to be written there: which of them is right, reading
    /// it says.
    pub fn edits(&self, text: &str, written: &WrittenDates) -> Vec<String> {
        let mut replaced: Vec<(Range<usize>, String)> = Vec::new();
        let mut replace = |span: &Range<usize>, instant: OffsetDateTime| {
            let quote = text.get(span.clone()).and_then(|old| old.chars().next());
            let quote = quote
                .filter(|quote| matches!(quote, '"' | '\''))
                .map(String::from)
                .unwrap_or_default();
            replaced.push((span.clone(), format!("{quote}{}{quote}", moment(instant))));
        };
        replace(&written.issued, self.issued);
        let mut lines = Vec::new();
        for own in &self.authorities {
            match written.authorities.iter().find(|(name, _)| *name == own.key()) {
                Some((_, span)) => replace(span, own.issued),
                None if own.issued != self.issued => lines.push((own.key(), moment(own.issued))),
                None => {}
            }
        }
        let forms = match (lines.is_empty(), written.authorities.last()) {
            (true, _) => vec![None],
            (false, Some((_, last))) => vec![Some(below(text, last, &lines)), Some((last.end, inline(&lines)))],
            (false, None) => {
                let section = format!("[pki.authorities_issued]\n{}", on_lines(&lines, ""));
                let within = format!(", authorities_issued = {{{} }}", inline(&lines).trim_start_matches(','));
                let before = before_next_section(text, written.issued.end);
                vec![
                    Some((before, format!("{section}\n"))),
                    Some((
                        text.len(),
                        format!("{}\n{section}", if text.ends_with('\n') { "" } else { "\n" }),
                    )),
                    Some((written.issued.end, within)),
                ]
            }
        };
        let edited = forms.into_iter().map(|form| {
            let added = form.map(|(at, added)| (at..at, added));
            let mut all: Vec<_> = replaced.iter().cloned().chain(added).collect();
            all.sort_by_key(|(span, _)| (span.start, span.end));
            let mut edited = text.to_owned();
            for (span, new) in all.into_iter().rev() {
                edited.replace_range(span, &new);
            }
            edited
        });
        edited.collect()
    }
}

fn moment(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn entry((key, date): &(String, String)) -> String {
    let key = if key.contains('@') {
        format!("\"{key}\"")
    } else {
        key.clone()
    };
    format!("{key} = \"{date}\"")
}

fn on_lines(lines: &[(String, String)], indent: &str) -> String {
    lines.iter().map(|line| format!("{indent}{}\n", entry(line))).collect()
}

fn inline(lines: &[(String, String)]) -> String {
    lines.iter().map(|line| format!(", {}", entry(line))).collect()
}

/// Lines of their own below the one on which a value stands.
fn below(text: &str, value: &Range<usize>, lines: &[(String, String)]) -> (usize, String) {
    let start = text[..value.start].rfind('\n').map_or(0, |end| end + 1);
    let indent: String = text[start..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    match text[value.end..].find('\n') {
        Some(end) => (value.end + end + 1, on_lines(lines, &indent)),
        None => (text.len(), format!("\n{}", on_lines(lines, &indent))),
    }
}

/// Where the next section begins, with the comment that stands right before it.
fn before_next_section(text: &str, from: usize) -> usize {
    let Some(header) = text[from..].find("\n[").map(|at| from + at + 1) else {
        return text.len();
    };
    let mut start = header;
    while let Some(line) = text[..start - 1]
        .rfind('\n')
        .map(|end| end + 1)
        .filter(|line| *line > from)
    {
        if !text[line..].starts_with('#') {
            break;
        }
        start = line;
    }
    start
}
