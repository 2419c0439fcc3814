//! `khw-gen rotate`.

use std::path::Path;

use khw_gen::audit::{self, InventoryRow};
use khw_gen::changes::{Keys, KeysKnown, compare, to_json};
use khw_gen::cluster::{ENCRYPTION, Generation, RotationPhase};
use khw_gen::diagnostic::{Diagnostic, suggest};
use khw_gen::disk::{self, Output, Specification, Start};
use khw_gen::found::{Found, printable};
use khw_gen::input::{self, Checked, Files, moment};
use khw_gen::json_document::JsonKind;
use khw_gen::part::Selection;
use khw_gen::plan::plan;
use khw_gen::rotation::{MadePhase, RotationPlan, rotated};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::args::{ReportFormat, RotateArgs};
use super::build::fill;
use super::edited::Edited;
use super::opening::keys;
use super::output::{say_that_it_waits, warn_of_summary};
use super::progress::{Bar, Waiting};
use super::say::{Reported, as_word, print_document, say, say_diagnostics, say_error, show};
use super::specification::{answered, compiled, read_seed, said, with_keys};
use super::threads::use_threads;

const PLAN: &str = "PLAN.md";

pub fn run(arguments: &RotateArgs) -> Result<(), Reported> {
    let RotateArgs { spec, of, out, .. } = arguments;
    use_threads(None)?;
    let is_topology = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    if is_topology(Path::new(of)) && !is_topology(spec) {
        let (of, spec, out) = (as_word(Path::new(of)), as_word(spec), as_word(out));
        return Err(format!("the topology comes first: khw-gen rotate {of} {spec} -o {out}").into());
    }
    let keys = keys(&arguments.making.seed.opening)?;
    let sources = with_keys(&keys)(spec)?;
    let checked = said(input::check(&sources))?;
    let making = &arguments.making;
    let seed = read_seed(spec, making.seed.file.as_deref(), checked.seed.as_deref(), &keys)?;
    let with_answers = |cluster| answered(spec, cluster, Some(&seed), &making.signed);
    let cluster = &checked.cluster;
    let all = rotated(cluster);
    if !all.contains(&of.as_str()) {
        let meant = suggest::nearest(of, all.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant}? "));
        let is_key = plan(cluster).certificates.iter().any(|one| one.id.name() == *of);
        let is_host = cluster.hosts.iter().any(|host| host.name == *of);
        let of_others = match is_key || is_host {
            true => format!("{of} gets its successor by a number in [generations]: \"{of}\" = 2"),
            false => "any other key gets its successor by a number in [generations]".to_owned(),
        };
        let all = all.join(", ");
        return Err(format!(
            "{of:?} is nothing that this cluster has and that is rotated in phases: {meant}choose of {all}; {of_others}"
        )
        .into());
    }
    if all.iter().any(|of| !cluster.generations_of(of).accepted.is_empty()) {
        let spec = spec.display();
        let message = format!(
            "a rotation is on its way in {spec}: finish it first, or take the section [rotate] out and let rotate write all of its phases"
        );
        return Err(message.into());
    }
    if cluster.pki.external.keys().any(|(name, _)| name == of) {
        // What the section of a phase is refused with, before anybody is asked for what it signed.
        let phase = RotationPhase::ALL[0];
        drop(in_phase(
            &sources,
            of,
            phase,
            cluster.generations_of(of).used.successor(),
        )?);
    }
    disk::refuse_existing(out, [PLAN])?;
    let cluster = &with_answers(checked.cluster)?;
    if !cluster.successor_is_brought(of) {
        let to = cluster.generations_of(of).used.successor().number();
        let write = match of.as_str() {
            ENCRYPTION => format!("number {to} of `keys` in [encryption]"),
            of => format!("[pki.bring.\"{of}@{to}\"]"),
        };
        say(format_args!(
            "note: the successor of a key that is brought is made from the seed here; to bring it too, write {write}"
        ));
    }
    let from = cluster.generations_of(of).used;
    let mut plan = RotationPlan {
        cluster,
        of,
        from,
        to: from.successor(),
        authorities: [Vec::new(), Vec::new()],
    };
    let (first, _) = compiled(cluster, Some(&seed))?;
    let mut phases: Vec<MadePhase> = Vec::new();
    // All of them compile before the first is written.
    let mut clusters = Vec::new();
    let mut said = checked.remarks.clone();
    for phase in RotationPhase::ALL {
        let in_phase = in_phase(&sources, of, phase, plan.to)?;
        let is_new = |remark: &&Diagnostic| {
            let is_same = |other: &Diagnostic| other.code == remark.code && other.message == remark.message;
            !said.iter().any(is_same)
        };
        let new: Vec<Diagnostic> = in_phase.remarks.iter().filter(is_new).cloned().collect();
        say_diagnostics(&new);
        said.extend(new);
        clusters.push((phase, with_answers(in_phase.cluster)?));
    }
    disk::make_folder(out)?;
    for (phase, in_phase) in clusters {
        let (found, _) = compiled(&in_phase, Some(&seed))?;
        let before = phases.last().map_or(&first, |made| &made.found);
        let waiting = Waiting::begin("comparing with the phase before");
        let apart = audit::beside(before, &found, cluster.pki.issued);
        let changes = compare(before, &found, KeysKnown::of(Keys::Own, Keys::Own));
        drop(waiting);
        if !apart.is_empty() {
            say_error(audit::render_text(&apart).trim_end());
            return Err(Reported);
        }
        let folder = out.join(MadePhase::folder(phase));
        let output = Output::begin(Start::Over, &folder, &|| say_that_it_waits(&folder, false))?;
        let all = Selection::whole(&in_phase);
        let bar = Bar::new(false);
        let (summary, _) = fill(output, &in_phase, &all, &seed, arguments.making.archive, &bar)?;
        bar.finish();
        warn_of_summary(&summary);
        phases.push(MadePhase { phase, found, changes });
    }
    if let Some(last) = phases.last() {
        plan.authorities = [&first, &last.found].map(|found| authorities(of, found, cluster.pki.issued));
    }
    disk::write_new_files(out, &[(PLAN, 0o644, plan.text(&phases).as_bytes())])?;
    if arguments.format == ReportFormat::Text {
        return show(format_args!("{}: {} phases and {PLAN}", out.display(), phases.len()));
    }
    let phases = phases.iter().map(|made| {
        json!({"phase": made.phase.name(), "folder": MadePhase::folder(made.phase), "changes": to_json(&made.changes)})
    });
    print_document(&JsonKind::Rotation.document([
        ("of", plan.of.into()),
        ("from", plan.from.number().into()),
        ("to", plan.to.number().into()),
        ("phases", phases.collect::<Vec<Value>>().into()),
    ]))
}

/// What cluster.toml compiles to with the section of a phase.
fn in_phase(sources: &Specification, of: &str, phase: RotationPhase, to: Generation) -> Result<Checked, Reported> {
    let section = format!("[rotate.{of}]\nto = {}\nphase = \"{}\"\n", to.number(), phase.name());
    let text = format!("{}\n{section}", sources.main().text);
    input::check(&Edited::new(sources, text)).map_err(|problems| {
        say_diagnostics(&problems);
        Reported::from(format!("with this section at its end it does not compile:\n{section}"))
    })
}

/// The certificates of an authority, so that whoever installs one can tell which it is.
fn authorities(of: &str, found: &Found, at: OffsetDateTime) -> Vec<String> {
    let used_for = match of {
        "ca" => "cluster",
        "etcd-ca" => "etcd",
        "front-proxy-ca" => "front proxy",
        _ => return Vec::new(),
    };
    let rows = audit::inventory(found, at).into_iter();
    let rows = rows.filter(|row| row.certificate.authority && row.uses.iter().any(|word| word == used_for));
    let line = |row: InventoryRow| {
        let certificate = row.certificate;
        format!(
            "`{}`, SHA-256 `{}`, until {}",
            printable(&certificate.subject).replace('`', "'"),
            certificate.fingerprint,
            moment(certificate.not_after)
        )
    };
    rows.map(line).collect()
}
