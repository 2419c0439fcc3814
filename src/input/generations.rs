//! `[generations]` and `[rotate]`: which successor of each key is used, and what is accepted beside it.
use std::collections::BTreeMap;

use crate::catalog::identity::{Identity, KeyPurpose, Per};
use crate::catalog::layouts::Layout;
use crate::catalog::rotation::ROTATED;
use crate::cluster::{ENCRYPTION, Generation, Generations, RotationPhase, per};
use crate::diagnostic::{Code, Reporter, codes};

use super::choices::choice;
use super::draft::{Draft, DraftGenerations, DraftRotation};
use super::fields::{self, MOST_GENERATIONS};
use super::tree::{At, Document, Entry, Fields, INTEGER, Node, Value};

/// Every certificate but authorities'.
const EVERY_LEAF: &str = "*";

/// The two sections as they are written, without what is wrong, which is reported.
pub fn read(top: &Fields<'_>) -> DraftGenerations {
    let doc = top.doc;
    let used = |entry: &&Entry| Some((doc.key(entry), number(doc, &entry.node, 1)?.value));
    let used = top.map("generations").iter().filter_map(used).collect();
    let rotation = |entry: &&Entry| rotation(doc, entry);
    DraftGenerations {
        used,
        rotations: top.map("rotate").iter().filter_map(rotation).collect(),
    }
}

fn rotation(doc: Document<'_>, entry: &Entry) -> Option<DraftRotation> {
    let of = doc.key(entry);
    let fields = doc.fields(&entry.node, &fields::ROTATION.names())?;
    fields.require("to");
    fields.require("phase");
    let to = fields.get("to").and_then(|node| number(doc, node, 2));
    let phase = choice(&fields, "phase", RotationPhase::named, RotationPhase::NAMES);
    if !ROTATED.contains(&of.value.as_str()) {
        let message = format!("`{}` has no phases of a rotation", of.value);
        doc.say
            .at(&of.place, codes::UNKNOWN_CHOICE, message)
            .meant_of(&of.value, ROTATED, "those that have are");
        return None;
    }
    Some(DraftRotation {
        of,
        to: to?,
        phase: phase.given()?.value,
    })
}

/// A generation, of `least` or more.
fn number(doc: Document<'_>, node: &Node, least: i64) -> Option<At<Generation>> {
    let Value::Integer(number) = node.value else {
        return doc.wrong_type(node, INTEGER);
    };
    let generation = u32::try_from(number).ok().and_then(Generation::of);
    match generation.filter(|_| (least..=MOST_GENERATIONS).contains(&number)) {
        Some(generation) => Some(doc.at(&node.span, generation)),
        None => {
            let message = format!("{number} is no generation that can be meant here");
            let hint = format!("write a number from {least} to {MOST_GENERATIONS}");
            doc.say
                .at(doc.place(&node.span), codes::OUT_OF_RANGE, message)
                .hint(hint);
            None
        }
    }
}

/// A key of the cluster that can have a successor.
struct Key<'d> {
    /// The identity whose it is, or `certificate`.
    of: &'d str,
    /// Its host, or the name of a certificate of the user's own.
    whose: Option<&'d str>,
    is_leaf: bool,
}

impl Key<'_> {
    /// What it is derived for.
    fn name(&self) -> String {
        match self.whose {
            Some(whose) => format!("{}/{whose}", self.of),
            None => self.of.to_owned(),
        }
    }

    /// Whether a name in `[generations]` is its own, its host's, or that of every leaf.
    fn is_meant_by(&self, written: &str) -> bool {
        let is_hosts = self.of != CERTIFICATE && self.whose == Some(written);
        let is_of = written == self.of && self.of != CERTIFICATE;
        is_of || written == self.name() || is_hosts || written == EVERY_LEAF && self.is_leaf
    }
}

/// What the names of the user's own certificates stand behind.
const CERTIFICATE: &str = "certificate";

/// Every key of the cluster, that of the encryption configuration too.
fn keys(draft: &Draft) -> Vec<Key<'_>> {
    let mut keys = vec![Key {
        of: ENCRYPTION,
        whose: None,
        is_leaf: false,
    }];
    let rows = |layout: Layout| layout.identities().iter().map(move |row| (layout, row));
    for (layout, row) in draft.pki.layout.into_iter().flat_map(rows) {
        let is_leaf = !matches!(row.purpose, KeyPurpose::Authority | KeyPurpose::Tokens);
        let key = |whose| Key {
            of: row.name,
            whose,
            is_leaf,
        };
        match per(layout, &draft.pki.per_host, row) {
            Per::Cluster => keys.push(key(None)),
            Per::Each(role) => {
                let names = draft.with(role).filter_map(|host| host.name.as_ref());
                keys.extend(names.map(|name| key(Some(name.value.as_str()))));
            }
        }
    }
    let own = draft.certificates.iter().filter_map(|own| own.name.as_ref());
    keys.extend(own.map(|name| Key {
        of: CERTIFICATE,
        whose: Some(&name.value),
        is_leaf: true,
    }));
    keys
}

fn without_digits(name: &str) -> String {
    name.chars().filter(|one| !one.is_ascii_digit()).collect()
}

/// Whether each names a key, and whether what is rotated can be.
pub fn check(draft: &Draft, say: &Reporter) {
    let keys = keys(draft);
    let (Some(layout), true) = (draft.pki.layout, draft.hosts_complete) else {
        return;
    };
    for (name, _) in &draft.generations.used {
        if (layout.identity(&name.value).is_some() || name.value == ENCRYPTION) && draft.has_host(&name.value) {
            let message = format!("`{0}` is a key, and there is a host {0} that has keys", name.value);
            let of_host = keys.iter().filter(|key| key.whose == Some(&name.value)).map(Key::name);
            let of_host: Vec<String> = of_host.map(|name| format!("\"{name}\"")).collect();
            let hint = format!(
                "the host's keys are {}: name each of them, or rename the host",
                of_host.join(", ")
            );
            say.at(&name.place, codes::BAD_GENERATION, message).hint(hint);
        } else if !keys.iter().any(|key| key.is_meant_by(&name.value)) {
            let message = match draft.has_host(&name.value) {
                true => format!("`{}` has no key of its own that could have a successor", name.value),
                false => format!(
                    "no key and no host is called `{}`; of a host that is gone, keep the line as a comment",
                    name.value
                ),
            };
            let hosts = keys
                .iter()
                .filter(|key| key.of != CERTIFICATE)
                .filter_map(|key| key.whose);
            // A host of another number is another host, and whoever is told its name would replace its keys.
            let is_other = |known: &String| without_digits(known) != without_digits(&name.value);
            let known = keys.iter().map(Key::name).chain(hosts.map(str::to_owned));
            let known: Vec<String> = known.filter(is_other).collect();
            let of: Vec<&str> = keys.iter().map(|key| key.of).collect();
            let known = known.iter().map(String::as_str).chain(of);
            say.at(&name.place, codes::BAD_GENERATION, message).meant_or(
                &name.value,
                known,
                "`khw-gen plan` names every key, in brackets behind what a file is",
            );
        }
    }
    for rotation in &draft.generations.rotations {
        check_rotation(draft, rotation, &keys, say);
    }
    if let [first, .., last] = draft.generations.rotations.as_slice() {
        let message = format!(
            "`{}` is rotated too: one after the other can be undone, both at once can't",
            first.of.value
        );
        say.at(&last.of.place, codes::BAD_ROTATION, message).hint(format!(
            "take [rotate.{}] out until [rotate.{}] is done",
            last.of.value, first.of.value
        ));
    }
}

fn check_rotation(draft: &Draft, rotation: &DraftRotation, keys: &[Key<'_>], say: &Reporter) {
    let of = &rotation.of.value;
    let Some(key) = keys.iter().find(|key| key.of == of) else {
        let message = format!("there is no `{of}` in the layout `single`, where `ca` signs everything");
        say.at(&rotation.of.place, codes::BAD_ROTATION, message)
            .hint("rotate `ca`: write [rotate.ca]");
        return;
    };
    let from = used(draft, key);
    let next = from.successor();
    if rotation.to.value != next {
        let message = format!(
            "`{of}` is in its generation {}, whose successor is {}, not {}",
            from.number(),
            next.number(),
            rotation.to.value.number()
        );
        let hint = match rotation.to.value > next {
            true => format!("write to = {}", next.number()),
            false => format!(
                "write to = {0}, or take [rotate.{of}] out: {of} = {1} in [generations] says that it is done",
                next.number(),
                from.number()
            ),
        };
        say.at(&rotation.to.place, codes::BAD_ROTATION, message).hint(hint);
    }
}

/// The generation of a key that `[generations]` has: the highest that means it.
fn used(draft: &Draft, key: &Key<'_>) -> Generation {
    let meant = draft
        .generations
        .used
        .iter()
        .filter(|(name, _)| key.is_meant_by(&name.value));
    meant
        .map(|(_, generation)| *generation)
        .max()
        .unwrap_or(Generation::FIRST)
}

/// The generations of a key: the one that `[generations]` has, and the one that it is rotated to.
fn of_key(draft: &Draft, key: &Key<'_>) -> Generations {
    let from = used(draft, key);
    let mut rotations = draft.generations.rotations.iter();
    match rotations.find(|rotation| rotation.of.value == key.of) {
        Some(rotation) => Generations::in_phase(rotation.phase, from, rotation.to.value),
        None => Generations::only(from),
    }
}

/// A key of which the whole cluster has one.
fn shared_key(name: &str) -> Key<'_> {
    Key {
        of: name,
        whose: None,
        is_leaf: false,
    }
}

/// The generations of an authority, or of another key of which the cluster has one.
pub fn of_shared_key(draft: &Draft, name: &str) -> Generations {
    of_key(draft, &shared_key(name))
}

/// The generations of a key that signs neither certificates nor tokens: of an identity, of a host where each has its own, or of a
/// certificate of the user's own, `certificate/metrics`.
pub fn of_leaf(draft: &Draft, name: &str, host: Option<&str>) -> Generations {
    let (of, whose) = match name.split_once('/') {
        Some((CERTIFICATE, own)) => (CERTIFICATE, Some(own)),
        _ => (name, host),
    };
    let key = Key {
        of,
        whose,
        is_leaf: true,
    };
    of_key(draft, &key)
}

/// The generation that an authority has reached, without the one that it is rotated to.
pub fn reached(draft: &Draft, name: &str) -> Generation {
    used(draft, &shared_key(name))
}

/// What `ca`, or `ca@2`, means: a name and its generation, of which each has one way to be written.
pub fn named(text: &str) -> Option<(String, Generation)> {
    let Some((name, number)) = text.split_once('@') else {
        return Some((text.to_owned(), Generation::FIRST));
    };
    let generation = Generation::of(number.parse().ok()?)?;
    let is_the_way = generation != Generation::FIRST && generation.number().to_string() == number;
    is_the_way.then(|| (name.to_owned(), generation))
}

/// The authority of a layout, and its generation, that a name in `cluster.toml` means; none is reported with `code`, and `those` stands
/// before the authorities that could be meant.
pub fn authority_named(
    layout: Layout,
    name: &At<String>,
    code: &'static Code,
    those: &str,
    say: &Reporter,
) -> Option<(String, Generation)> {
    let known = layout_named(layout, Identity::signs, name);
    if known.is_none() {
        let authorities = layout.identities().iter().filter(|row| row.signs()).map(|row| row.name);
        let message = format!("`{}` is no authority of this cluster", name.value);
        say.at(&name.place, code, message)
            .meant_of(&name.value, authorities, those);
    }
    known
}

/// What a name means: one of the identities of a layout that are `wanted`, and a generation of it.
pub fn layout_named(
    layout: Layout,
    wanted: impl Fn(&Identity) -> bool,
    name: &At<String>,
) -> Option<(String, Generation)> {
    named(&name.value).filter(|(of, _)| layout.identity(of).is_some_and(wanted))
}

/// The generations of every key that has others than the first, by its name; and those of the encryption configuration. `authorities` are
/// those of the user's own certificates that sign others.
pub fn generations(draft: &Draft, authorities: &[&str]) -> (BTreeMap<String, Generations>, Generations) {
    let mut all = BTreeMap::new();
    for mut key in keys(draft) {
        let is_own_authority = key.of == CERTIFICATE && key.whose.is_some_and(|name| authorities.contains(&name));
        key.is_leaf &= !is_own_authority;
        let generations = of_key(draft, &key);
        if generations != Generations::FIRST {
            all.insert(key.name(), generations);
        }
    }
    let encryption = all.remove(ENCRYPTION).unwrap_or(Generations::FIRST);
    (all, encryption)
}
