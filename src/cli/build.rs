//! `khw-gen build`.

use std::collections::BTreeSet;
use std::path::Path;

use khw_gen::Build;
use khw_gen::audit;
use khw_gen::bundle::Content;
use khw_gen::changes::{self, Keys, KeysKnown};
use khw_gen::cluster::{Cluster, ClusterState, Role};
use khw_gen::disk::{self, Output, Start, Summary};
use khw_gen::pack::ArchiveFormat;
use khw_gen::part::{PART, Selection};
use khw_gen::pki::derivation::Seed;
use khw_gen::plan::plan;
use khw_gen::reuse::Earlier;
use khw_gen::rotation;
use khw_gen::table::so_many;

use super::args::BuildArgs;
use super::as_found::read_undamaged;
use super::opening::keys;
use super::output::{say_that_it_waits, warn_of_summary};
use super::progress::{self, Bar};
use super::say::{Reported, say, say_error, show};
use super::specification::{answered, compiled, read_checked, read_seed, unknown_host, with_keys};
use super::threads::use_threads;

pub fn run(arguments: &BuildArgs) -> Result<(), Reported> {
    let BuildArgs { spec, out, quiet, .. } = arguments;
    let bar = Bar::new(*quiet);
    use_threads(arguments.jobs)?;
    let keys = keys(&arguments.making.seed.opening)?;
    let checked = read_checked(spec, &with_keys(&keys))?;
    let seed = read_seed(
        spec,
        arguments.making.seed.file.as_deref(),
        checked.seed.as_deref(),
        &keys,
    )?;
    let cluster = &answered(spec, checked.cluster, Some(&seed), &arguments.making.signed)?;
    let selection = selection(cluster, arguments)?;
    let start = if arguments.fresh { Start::Anew } else { Start::Over };
    let output = Output::begin(start, out, &|| say_that_it_waits(out, *quiet))?;
    if !selection.is_part() {
        note_another_membership(out, cluster, output.earlier());
        let before = rotation::generations_of_output(output.earlier());
        let is_as_it_was = || {
            let plan = plan(cluster);
            let build = Build::new(
                &plan,
                selection.clone(),
                &seed,
                arguments.making.archive,
                output.earlier(),
            );
            build.nothing_changed()
        };
        if rotation::concerns(cluster, &before) && !is_as_it_was() {
            refuse_skipped_phase(out, cluster, &seed)?;
        }
        warn_of_keys_taken_back(&rotation::taken_back(cluster, &before));
    }
    if let Some(path) = &arguments.plan {
        if output.earlier().rows().is_empty() {
            let there = out.display();
            return Err(
                format!("a plan leads from one output to the next, and {there} is none yet: leave --plan out").into(),
            );
        }
        write_plan(path, out, cluster, &seed)?;
    }
    let (summary, unchanged) = fill(output, cluster, &selection, &seed, arguments.making.archive, &bar)?;
    warn_of_summary(&summary);
    let took = bar.finish();
    if *quiet {
        return Ok(());
    }
    let hosts = match selection.is_part() {
        true => format!("a part, {} of {}", summary.hosts, so_many(cluster.hosts.len(), "host")),
        false => so_many(summary.hosts, "host"),
    };
    show(format_args!(
        "{}: {hosts}, {} files, {} in {:.1} s{unchanged}",
        out.display(),
        summary.files,
        progress::bytes(summary.bytes),
        took.as_secs_f64()
    ))
}

/// Makes the hosts of a cluster that are selected, and puts them in the place of the output that is there; what came of it, and in words
/// what of it stayed as it was.
pub fn fill(
    mut output: Output,
    cluster: &Cluster,
    selection: &Selection<'_>,
    seed: &Seed,
    archive: ArchiveFormat,
    bar: &Bar,
) -> Result<(Summary, String), Reported> {
    let plan = plan(cluster);
    let build = Build::new(&plan, selection.clone(), seed, archive, output.earlier());
    Ok(match build.nothing_changed() {
        true => (output.leave(), ", nothing changed".to_owned()),
        false => {
            output.check_earlier()?;
            let (hosts, state) = build.run(
                |progress| bar.watch(progress),
                |made| {
                    let archive = made.archive.as_ref();
                    output.write(
                        &made.host.name,
                        &made.bundle,
                        archive.map(|(name, content)| (name.as_str(), content)),
                    )
                },
            )?;
            output.record(hosts)?;
            if selection.is_part() {
                let list = selection.list(state.identity().to_owned());
                output.add_file(PART, 0o644, &Content::public(list.text().into_bytes().into()))?;
            }
            let summary = output.commit_with_state(|rows| state.text(rows))?;
            let unchanged = match summary.unchanged {
                0 => String::new(),
                count => format!(", {count} hosts as they were"),
            };
            (summary, unchanged)
        }
    })
}

/// The hosts that the command line asks for: all, where it names none.
fn selection<'c>(cluster: &'c Cluster, arguments: &BuildArgs) -> Result<Selection<'c>, Reported> {
    if let Some(shard) = arguments.shard {
        return Ok(Selection::shard(cluster, shard));
    }
    if arguments.hosts.is_empty() {
        return Ok(Selection::whole(cluster));
    }
    let names: Vec<&str> = arguments.hosts.iter().map(String::as_str).collect();
    Selection::named(cluster, &names).map_err(|unknown| {
        for name in unknown {
            say_error(unknown_host(cluster, name));
        }
        Reported
    })
}

/// Writes what leads from the output that is there to the one that is about to take its place. That comes first: afterwards there
/// is nothing to compare with.
fn write_plan(path: &Path, out: &Path, cluster: &Cluster, seed: &Seed) -> Result<(), Reported> {
    if path.starts_with(out) {
        let message = format!(
            "the plan can't lie in {0}, which is replaced as a whole: write it beside {0}",
            out.display()
        );
        return Err(message.into());
    }
    let before = read_undamaged(out)?;
    let (after, keys) = compiled(cluster, Some(seed))?;
    let changes = changes::compare(&before, &after, KeysKnown::of(Keys::Own, keys));
    if !changes.obstacles.is_empty() {
        // A build would take the output away that the next plan, the right one, has to lead from.
        say(changes::render_obstacles(&changes).trim_end());
        let message = format!(
            "there is no plan that leads from {0} to this, and nothing was written: correct cluster.toml as is said above. khw-gen diff \
             shows all that would change; to build it all the same, leave --plan out",
            out.display()
        );
        return Err(message.into());
    }
    let text = match changes.is_empty() {
        true => "### Nothing changes\n".to_owned(),
        false => changes::render_markdown(&changes, None),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| format!("{} is no name of a file", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(disk::write_new_files(folder, &[(&name, 0o644, text.as_bytes())])?)
}

/// A key that was replaced had a reason to be.
fn warn_of_keys_taken_back(back: &[String]) {
    if !back.is_empty() {
        say(format_args!(
            "warning: keys that were replaced come back, since [generations] has no line for them any more: {}",
            back.join(", ")
        ));
    }
}

/// So many tell what is wrong where a phase is skipped; what follows is the same for other hosts.
const MOST_FINDINGS_OF_A_PHASE: usize = 3;

/// Hosts that have the output that is there and hosts that have the next one have to run together.
fn refuse_skipped_phase(out: &Path, cluster: &Cluster, seed: &Seed) -> Result<(), Reported> {
    let (after, _) = compiled(cluster, Some(seed))?;
    let mut apart = audit::beside(&read_undamaged(out)?, &after, cluster.pki.issued);
    // An address that changes at the same time is no phase that is skipped.
    apart.retain(audit::is_of_rotation);
    if apart.is_empty() {
        return Ok(());
    }
    let found = apart.len();
    apart.truncate(MOST_FINDINGS_OF_A_PHASE);
    say(audit::render_text(&apart).trim_end());
    if found > apart.len() {
        say(format_args!("(and {} more of this cause)", found - apart.len()));
    }
    let message = format!(
        "a phase of a rotation is skipped or reversed: hosts that have {0} and hosts that are built now can't run together. Go through \
         announce, switch and retire one after the other, or back the same way (khw-gen rotate writes all of them). Where no host has \
         {0} yet, build with --fresh",
        out.display()
    );
    Err(message.into())
}

/// Members of etcd that were not there, or are no longer, are a matter of the cluster that runs, if one does.
fn note_another_membership(out: &Path, cluster: &Cluster, earlier: &dyn Earlier) {
    const UNIT: &str = "/rootfs/etc/systemd/system/etcd.service";
    let before: BTreeSet<&str> = earlier
        .rows()
        .keys()
        .filter_map(|path| path.strip_suffix(UNIT))
        .collect();
    let is_part = earlier.rows().contains_key(PART);
    let after: BTreeSet<&str> = cluster.with(Role::Etcd).map(|host| host.name.as_str()).collect();
    if cluster.state == ClusterState::New && !is_part && !before.is_empty() && before != after {
        let names: Vec<&str> = before.into_iter().collect();
        say(format_args!(
            "note: {} was made with etcd on {}; if that cluster runs, write state = \"running\" below [cluster], and \
             state = \"joining\" for each host that comes: these bundles found a new one",
            out.display(),
            names.join(", ")
        ));
    }
}
