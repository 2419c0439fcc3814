//! `[[files]]`: templates of the user's own, where they go, and what is wrong with them on each host that gets them.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::{Cluster, OwnFile};
use crate::diagnostic::{Place, Reporter, SourceFile, codes};
use crate::facts::{Facts, facts};
use crate::own_template::{self, Problem, ProblemKind};

use super::draft::{Draft, DraftFile, DraftText};
use super::fields;
use super::placed::{ALL, on_something, placed_on_or_all};
use super::secret_inputs;
use super::source_files::{Files, or_told};
use super::tree::{Document, Fields, Node, Value};
use super::values::{file_mode, path_name, place_on_host};

/// Reads the section.
pub fn read(top: &Fields<'_>) -> Vec<DraftFile> {
    let nodes = top.nodes("files").iter();
    nodes.filter_map(|node| file(top.doc, node)).collect()
}

fn file(doc: Document<'_>, node: &Node) -> Option<DraftFile> {
    let fields = doc.fields(node, &fields::FILE.names())?;
    for name in ["on", "at"] {
        fields.require(name);
    }
    Some(DraftFile {
        on: fields.text("on"),
        at: fields.parsed("at", place_on_host),
        mode: fields.optional("mode", file_mode).or(0o644),
        text: written(&fields),
    })
}

fn written(fields: &Fields<'_>) -> Option<DraftText> {
    let say = fields.doc.say;
    let is_there = |name| fields.has(name) || fields.misspelt(name);
    match (is_there("template"), is_there("content")) {
        (true, true) => {
            let message = "`template` and `content` both say what is in the file";
            say.at(fields.key_place("content"), codes::SEVERAL_CONTENTS, message);
            None
        }
        (true, false) => fields.parsed("template", path_name).map(DraftText::Beside),
        (false, true) => {
            let node = fields.get("content")?;
            match &node.value {
                Value::Text(text) => Some(DraftText::Here(fields.doc.at(&node.span, text.clone()))),
                _ => fields.doc.wrong_type(node, "a string"),
            }
        }
        (false, false) => {
            let hint = "add `template`, the name of a file beside cluster.toml, or `content`";
            let message = "nothing says what is in the file";
            say.at(fields.own_place(), codes::MISSING_FIELD, message).hint(hint);
            None
        }
    }
}

/// Whether the files go anywhere; that their places are free is said beside those of certificates.
pub fn check(draft: &Draft, say: &Reporter) {
    for on in draft.files.iter().filter_map(|file| file.on.as_ref()) {
        if on.value != ALL {
            on_something(draft, on, codes::UNUSED_PLACE, say);
        } else if draft.has_host(ALL) {
            let message = format!("\"{ALL}\" is every host, and a host");
            say.at(&on.place, codes::UNKNOWN_HOST, message)
                .hint("give the host another name");
        }
    }
}

/// The text of a template, the file that it stands in, and where in it: all of it, or somewhere in cluster.toml.
struct Text {
    text: Arc<str>,
    file: Option<Arc<SourceFile>>,
    place: Option<Place>,
}

/// The files of the templates beside cluster.toml, by their paths; none for one that can't be read, which is reported where it
/// is first named.
pub type TemplateFiles = BTreeMap<String, Option<Arc<SourceFile>>>;

/// Reads the templates.
pub fn templates(files: &dyn Files, draft: &Draft, say: &Reporter) -> TemplateFiles {
    let mut templates = TemplateFiles::new();
    for path in draft.files.iter().filter_map(DraftFile::beside) {
        if !templates.contains_key(&path.value) {
            if let Some(secret) = secret_inputs::that_is(&path.value, files, draft) {
                let message = format!(
                    "\"{}\" is a secret of this specification, and would lie on hosts",
                    secret.value
                );
                say.at(&path.place, codes::SECRET_AS_TEMPLATE, message);
                templates.insert(path.value.clone(), None);
                continue;
            }
            let text = or_told(files.text(&path.value), path, say);
            let file = text.map(|text| SourceFile::new(files.name(&path.value), text));
            templates.insert(path.value.clone(), file);
        }
    }
    templates
}

fn text_of(templates: &TemplateFiles, draft: &DraftFile) -> Option<Text> {
    match draft.text.as_ref()? {
        DraftText::Here(text) => Some(Text {
            text: text.value.as_str().into(),
            file: None,
            place: text.place.clone(),
        }),
        DraftText::Beside(path) => {
            let file = templates.get(&path.value)?.as_ref()?;
            Some(Text {
                text: file.text.as_str().into(),
                file: Some(Arc::clone(file)),
                place: path.place.clone(),
            })
        }
    }
}

/// What was found sound, but for what stands in the templates.
pub fn own_files(templates: &TemplateFiles, draft: &Draft) -> Option<Vec<OwnFile>> {
    let files = draft.files.iter().map(|file| {
        Some(OwnFile {
            on: placed_on_or_all(draft, &file.on.as_ref()?.value)?,
            at: file.at.as_ref()?.value.clone(),
            mode: file.mode?,
            text: text_of(templates, file)?.text,
            origin: file.origin(),
        })
    });
    files.collect()
}

/// What is wrong with the templates: with their syntax, and where there is a cluster, on every host that gets them. Where there
/// is none for other mistakes, names that no cluster has are still found.
pub fn check_templates(
    templates: &TemplateFiles,
    draft: &Draft,
    cluster: Option<&Cluster>,
    sample_facts: impl Fn() -> Option<Facts>,
    say: &Reporter,
) {
    let mut all_facts: Vec<Option<Facts>> = Vec::new();
    let mut sample: Option<Option<Facts>> = None;
    let mut told: BTreeSet<(String, usize, usize, String)> = BTreeSet::new();
    for file in &draft.files {
        let Some(text) = text_of(templates, file) else {
            continue;
        };
        let mut tell = |problem: Problem, host: Option<&str>| {
            let name = text.file.as_ref().map_or("", |file| &file.name).to_owned();
            let in_cluster_file = text
                .place
                .as_ref()
                .filter(|_| text.file.is_none())
                .map_or(0, |place| place.span.start);
            let key = (
                name,
                in_cluster_file + problem.span.start,
                problem.span.end,
                problem.message.clone(),
            );
            if told.insert(key) {
                report(&text, problem, host, say);
            }
        };
        if let Some(problem) = own_template::syntax_problem(&text.text) {
            tell(problem, None);
            continue;
        }
        let Some(cluster) = cluster else {
            let facts = sample.get_or_insert_with(&sample_facts);
            let problems = facts.iter().flat_map(|facts| own_template::problems(&text.text, facts));
            for problem in problems.filter(is_unknown_name) {
                tell(problem, None);
            }
            continue;
        };
        let Some(on) = file.on.as_ref().and_then(|on| placed_on_or_all(draft, &on.value)) else {
            continue;
        };
        all_facts.resize_with(cluster.hosts.len(), || None);
        for (host, own) in cluster.hosts.iter().zip(&mut all_facts).filter(|(host, _)| on.is(host)) {
            let own = own.get_or_insert_with(|| facts(cluster, host));
            for problem in own_template::problems(&text.text, own) {
                tell(problem, Some(&host.name));
            }
        }
    }
}

/// A name that no cluster has: whether an item of a list is there depends on the cluster.
fn is_unknown_name(problem: &Problem) -> bool {
    let name = problem
        .message
        .trim_start_matches('`')
        .split('`')
        .next()
        .unwrap_or_default();
    problem.kind == ProblemKind::Undefined
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}

fn report(text: &Text, problem: Problem, host: Option<&str>, say: &Reporter) {
    let code = match problem.kind {
        ProblemKind::Undefined => codes::UNDEFINED_VARIABLE,
        ProblemKind::Syntax | ProblemKind::Failed => codes::BAD_TEMPLATE,
    };
    let message = match host {
        Some(host) => format!("{} (on {host})", problem.message),
        None => problem.message,
    };
    let place = match (&text.file, &text.place) {
        (Some(file), _) => Some(Place::new(file, problem.span)),
        (None, place) => place.clone(),
    };
    say.at(place, code, message);
}
