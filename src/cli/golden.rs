//! `khw-gen golden write` and `khw-gen golden check`.

use std::collections::BTreeMap;
use std::path::Path;

use khw_gen::bundle::{Bundle, Content};
use khw_gen::disk::{self, DiskError, GoldenFolder, Output, Specification, Start};
use khw_gen::found::{FoundNode, FoundNodes};
use khw_gen::golden::compare::{Comparison, Difference, GoldenFile, Kind};
use khw_gen::golden::{HostGolden, Unknown, golden};
use khw_gen::json_document::JsonKind;
use khw_gen::pki::derivation::Seed;
use khw_gen::pki::sealing::Opener;
use khw_gen::table::so_many;
use serde_json::{Value, json};

use super::args::{GoldenCheckArgs, GoldenWriteArgs, ReportFormat};
use super::opening::keys;
use super::outcome::Outcome;
use super::output::{say_that_it_waits, warn_of_summary};
use super::progress::Waiting;
use super::say::{Reported, print_document, say, say_error, show};
use super::specification::{answered, read_checked, read_seed, read_seed_if_there, seed_path, with_keys};
use super::threads::use_threads;

/// Anybody may read a text without secrets.
const TEXT_MODE: u32 = 0o644;

pub fn write(arguments: &GoldenWriteArgs) -> Result<(), Reported> {
    let GoldenWriteArgs {
        spec,
        dir,
        seed,
        signed,
    } = arguments;
    use_threads(None)?;
    let keys = keys(&seed.opening)?;
    let checked = read_checked(spec, &with_keys(&keys))?;
    let seed = read_seed(spec, seed.file.as_deref(), checked.seed.as_deref(), &keys)?;
    let cluster = &answered(spec, checked.cluster, Some(&seed), signed)?;
    let mut output = Output::begin(Start::Golden, dir, &|| say_that_it_waits(dir, false))?;
    let mut written = Vec::new();
    let waiting = Waiting::begin("writing texts");
    let made = golden(cluster, Some(&seed), |host, texts| {
        let mut bundle = Bundle::new();
        for (path, expected) in texts {
            let content = Content::public(expected.text.into_bytes().into());
            // A path of a bundle is one of its golden's.
            bundle
                .insert_file(&path, TEXT_MODE, content)
                .map_err(|error| error.to_string())?;
        }
        written.push(output.write(host, &bundle, None).map_err(|error| error.to_string())?);
        Ok::<(), String>(())
    })?;
    output.record(written)?;
    let summary = output.commit_golden(&made.text)?;
    drop(waiting);
    warn_of_summary(&summary);
    show(format_args!(
        "{}: {}, {} files",
        dir.display(),
        so_many(cluster.hosts.len(), "host"),
        summary.files
    ))
}

pub fn check(arguments: &GoldenCheckArgs) -> Result<Outcome, Reported> {
    let (differences, unchecked) = differences(arguments)?;
    if arguments.format == ReportFormat::Json {
        print_document(&as_json(&differences, unchecked))?;
    }
    if differences.is_empty() {
        return Ok(Outcome::Done);
    }
    if arguments.format == ReportFormat::Text {
        differences.iter().try_for_each(show)?;
    }
    let count = |kind| differences.iter().filter(|difference| difference.kind == kind).count();
    say_error(format_args!(
        "{} is not what {} compiles to: {} missing, {} unexpected, {} different. If that is meant, khw-gen golden write, and \
         review the diff",
        arguments.dir.display(),
        arguments.spec.display(),
        count(Kind::Missing),
        count(Kind::Unexpected),
        count(Kind::Different),
    ));
    Ok(Outcome::Found)
}

fn as_json(differences: &[Difference], unchecked: usize) -> Value {
    let differences = differences.iter().map(|difference| {
        json!({
            "change": match difference.kind {
                Kind::Missing => "missing",
                Kind::Unexpected => "unexpected",
                Kind::Different => "different",
            },
            "path": difference.path,
            "remark": difference.remark,
            "lines": difference.lines,
        })
    });
    let differences: Vec<Value> = differences.collect();
    JsonKind::Golden.document([("differences", differences.into()), ("unchecked", unchecked.into())])
}

/// What differs, and how many files were not compared.
fn differences(arguments: &GoldenCheckArgs) -> Result<(Vec<Difference>, usize), Reported> {
    let GoldenCheckArgs {
        spec,
        dir,
        seed,
        signed,
        ..
    } = arguments;
    use_threads(None)?;
    let keys = keys(&seed.opening)?;
    let open = |spec: &Path| Ok(Specification::open(spec)?.opened_with(&keys));
    let checked = read_checked(spec, &open)?;
    let folder = disk::read_golden(dir)?;
    let seed = match (arguments.without_seed, &seed.file) {
        (true, _) => None,
        (false, Some(file)) => Some(read_seed(spec, Some(file), None, &keys)?),
        (false, None) => seed_if_there(spec, checked.seed.as_deref(), &keys)?,
    };
    let cluster = &answered(spec, checked.cluster, seed.as_ref(), signed)?;
    let unknown = Unknown::of(cluster, seed.as_ref());
    if unknown.brought_key {
        say(
            "note: a key that is brought is not there: what is made with it, serial numbers and fingerprints of what an authority signs among it, is not compared",
        );
    }
    if unknown.seed {
        say(
            "note: without the seed, keys, fingerprints, serial numbers and the contents of secret files are not compared",
        );
    }
    let mut comparison = Comparison::default();
    let waiting = Waiting::begin("comparing texts");
    let made = golden(cluster, seed.as_ref(), |host, expected| {
        compare_host(&mut comparison, &folder, host, &expected)
    })?;
    for (name, is_folder) in &folder.names {
        let is_host = cluster.hosts.iter().any(|host| host.name == *name);
        match is_folder {
            true if is_host => {}
            true => comparison.not_a_host(name, Some(files_in(&folder.below(name)?).len())),
            false => comparison.not_a_host(name, None),
        }
    }
    comparison.index(&made, &folder.index);
    drop(waiting);
    if comparison.unchecked > 0 {
        say(format_args!(
            "note: {} files depend on what is not there as a whole, and were not compared",
            comparison.unchecked
        ));
    }
    Ok((comparison.differences, comparison.unchecked))
}

/// The seed that the specification names, if there is a file of that name.
fn seed_if_there(spec: &Path, seed_in_spec: Option<&str>, keys: &Opener) -> Result<Option<Seed>, Reported> {
    let Some(path) = seed_path(spec, None, seed_in_spec) else {
        say("note: no seed is configured");
        return Ok(None);
    };
    let seed = read_seed_if_there(&path, keys)?;
    if seed.is_none() {
        say(format_args!("note: there is no seed {}", path.display()));
    }
    Ok(seed)
}

fn compare_host(
    comparison: &mut Comparison,
    folder: &GoldenFolder,
    host: &str,
    expected: &HostGolden,
) -> Result<(), DiskError> {
    if folder.names.get(host) != Some(&true) {
        comparison.host(host, expected, None);
        return Ok(());
    }
    let below = folder.below(host)?;
    comparison.host(host, expected, Some(&files_in(&below)));
    Ok(())
}

/// Folders count for nothing: version control keeps none.
fn files_in(nodes: &FoundNodes) -> BTreeMap<String, GoldenFile<'_>> {
    let files = nodes.iter().filter_map(|(path, node)| match node {
        FoundNode::Directory { .. } => None,
        FoundNode::File { content, .. } => Some((path.clone(), GoldenFile::File(content.expose()))),
        FoundNode::Digested { .. } | FoundNode::Other { .. } => Some((path.clone(), GoldenFile::Other)),
    });
    files.collect()
}
