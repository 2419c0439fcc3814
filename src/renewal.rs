//! Everything issued anew, while authorities stay: as an edit of cluster.toml that is read before it is proposed.
//!
//! Where there is none that reads as it is meant, there is no edit.

use std::ops::Range;

use time::OffsetDateTime;

use crate::catalog::identity::{CLUSTER_AUTHORITY, SignedBy};
use crate::cluster::{Cluster, Generation};
use crate::input::{WrittenDates, moment};
use crate::pki::cfssl::{leaf_validity, root_validity};
use crate::plan::{KeyId, KeyOf};

/// An authority that signs itself, when everything is issued anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewedAuthority {
    /// As `[pki.authorities_issued]` calls it.
    pub id: KeyId<'static>,
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
            // What another of the user's own signs ends with that one.
            let own = pki
                .extra
                .iter()
                .filter(|extra| extra.signed_by.is_none() && row.name == CLUSTER_AUTHORITY);
            let own = own.map(|extra| &extra.profile);
            let last = profiles
                .chain(own)
                .map(|profile| leaf_validity(profile, at).not_after)
                .max();
            let mut generations: Vec<Generation> = pki.generations_of(row.name, None).all().collect();
            generations.sort();
            generations.retain(|generation| pki.brought(row.name, *generation).is_none());
            for generation in generations {
                let Some(csr) = pki.csrs.get(row.csr) else { continue };
                let end = |issued| root_validity(csr.request.ca.as_ref(), issued).not_after;
                let issued = pki.authority_issued(row.name, generation);
                let stays = last.is_none_or(|last| last <= end(issued));
                authorities.push(RenewedAuthority {
                    id: KeyId {
                        of: KeyOf::Identity(row.name),
                        host: None,
                        generation,
                    },
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
        pki.issued == self.issued
            && authorities.all(|own| pki.authority_issued(&own.id.name(), own.id.generation) == own.issued)
    }

    /// The dates that stand there already, as they have to be.
    fn replaced(&self, text: &str, written: &WrittenDates) -> Vec<(Range<usize>, String)> {
        let replaced = |span: &Range<usize>, instant: OffsetDateTime| {
            let quote = text.get(span.clone()).and_then(|old| old.chars().next());
            let quote = quote.filter(|quote| matches!(quote, '"' | '\''));
            let quote = quote.map(String::from).unwrap_or_default();
            (span.clone(), format!("{quote}{}{quote}", moment(instant)))
        };
        let authorities = self.authorities.iter().filter_map(|own| {
            let (_, span) = written
                .authorities
                .iter()
                .find(|(name, _)| *name == own.id.to_string())?;
            Some(replaced(span, own.issued))
        });
        std::iter::once(replaced(&written.issued, self.issued))
            .chain(authorities)
            .collect()
    }

    /// The lines that `[pki.authorities_issued]` lacks.
    pub fn lines(&self, written: &WrittenDates) -> Vec<String> {
        let lacks = |own: &&RenewedAuthority| {
            own.issued != self.issued && written.authorities.iter().all(|(name, _)| *name != own.id.to_string())
        };
        let lacking = self.authorities.iter().filter(lacks);
        lacking
            .map(|own| {
                let key = own.id.to_string();
                let key = if key.contains('@') { format!("\"{key}\"") } else { key };
                format!("{key} = \"{}\"", moment(own.issued))
            })
            .collect()
    }

    /// The text with the dates that stand there already as they have to be, and no other.
    pub fn dated(&self, text: &str, written: &WrittenDates) -> String {
        edited(text, self.replaced(text, written))
    }

    /// The text of cluster.toml with these dates, in each form in which they may have to be written there: which of them is right, reading
    /// it says.
    pub fn edits(&self, text: &str, written: &WrittenDates) -> Vec<String> {
        let lines = self.lines(written);
        if lines.is_empty() {
            return vec![self.dated(text, written)];
        }
        let forms = match written.authorities.last() {
            Some((_, last)) => beside(text, last, &lines),
            None => anew(text, written.issued.end, &lines),
        };
        let edits = forms.into_iter().map(|(span, added)| {
            // As the lines of the file end.
            let added = if text.contains("\r\n") {
                added.replace('\n', "\r\n")
            } else {
                added
            };
            let replaced = self.replaced(text, written).into_iter();
            edited(text, replaced.chain([(span, added)]).collect())
        });
        edits.collect()
    }
}

fn edited(text: &str, mut changes: Vec<(Range<usize>, String)>) -> String {
    changes.sort_by_key(|(span, _)| (span.start, span.end));
    let mut edited = text.to_owned();
    for (span, new) in changes.into_iter().rev() {
        edited.replace_range(span, &new);
    }
    edited
}

const SECTION: &str = "authorities_issued";

/// Beside an entry of the section, as that one is written.
fn beside(text: &str, entry: &Range<usize>, lines: &[String]) -> Vec<(Range<usize>, String)> {
    let start = text[..entry.start].rfind('\n').map_or(0, |end| end + 1);
    let head = &text[start..entry.start];
    let indent: String = head.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    // `authorities_issued.ca = …`, and what stands before it.
    let dotted = head
        .rfind(&format!("{SECTION}."))
        .map(|at| &head[..at + SECTION.len() + 1]);
    let prefix = dotted.map_or("", |dotted| {
        dotted.rsplit([',', '{']).next().unwrap_or_default().trim_start()
    });
    let all = |before: &str, after: &str| {
        lines
            .iter()
            .map(|line| format!("{before}{prefix}{line}{after}"))
            .collect::<String>()
    };
    let below = match text[entry.end..].find('\n') {
        Some(end) => (entry.end + end + 1, all(&indent, "\n")),
        None => (text.len(), format!("\n{}", all(&indent, "\n"))),
    };
    vec![(below.0..below.0, below.1), (entry.end..entry.end, all(", ", ""))]
}

/// As a section, where there is none, or an empty one.
fn anew(text: &str, issued: usize, lines: &[String]) -> Vec<(Range<usize>, String)> {
    let on_lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let inline = format!("{{ {} }}", lines.join(", "));
    let section = format!("[pki.{SECTION}]\n{on_lines}");
    let mut forms = Vec::new();
    // An empty one, as a section and inline.
    for (at, _) in text.match_indices(SECTION) {
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
        forms.push((end..end, on_lines.clone()));
        if let (Some(open), Some(close)) = (text[at..].find('{'), text[at..].find('}'))
            && open < close
        {
            forms.push((at + open..at + close + 1, inline.clone()));
        }
    }
    let before = before_next_section(text, issued);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    forms.push((before..before, format!("{section}\n")));
    forms.push((text.len()..text.len(), format!("{end}\n{section}")));
    forms.push((issued..issued, format!(", {SECTION} = {inline}")));
    forms
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
