//! `khw-gen check`.

use std::path::PathBuf;

use khw_gen::cluster::Cluster;
use khw_gen::diagnostic::{Diagnostic, render_json, sarif};
use khw_gen::disk::Specification;
use khw_gen::input::Checked;
use khw_gen::table::so_many;

use super::args::{CheckArgs, JudgeFormat};
use super::say::{Reported, print, print_document, say_diagnostics, show};
use super::specification;

pub fn run(arguments: &CheckArgs) -> Result<(), Reported> {
    let CheckArgs { specs, format, stdin } = arguments;
    if *stdin && specs.len() > 1 {
        return Err("--stdin: standard input is the text of one cluster.toml".into());
    }
    let open: specification::Open<'_> = if *stdin {
        &Specification::from_input
    } else {
        &Specification::open
    };
    let checked = specs.iter().map(|spec| (spec, specification::check(spec, open)));
    let checked: Vec<(&PathBuf, Result<Checked, Vec<Diagnostic>>)> = checked.collect();
    let remarks = |checked: &Result<Checked, Vec<Diagnostic>>| match checked {
        Ok(checked) => checked.remarks.clone(),
        Err(problems) => problems.clone(),
    };
    let all: Vec<Diagnostic> = checked.iter().flat_map(|(_, checked)| remarks(checked)).collect();
    match format {
        JudgeFormat::Json => print(render_json(&all).trim_end())?,
        JudgeFormat::Sarif => print_document(&sarif(&all))?,
        JudgeFormat::Text => {
            for (spec, checked) in &checked {
                say_diagnostics(&remarks(checked));
                if let Ok(checked) = checked {
                    show(format_args!("{}: {}", spec.display(), in_words(&checked.cluster)))?;
                }
            }
        }
    }
    match checked.iter().all(|(_, checked)| checked.is_ok()) {
        true => Ok(()),
        false => Err(Reported),
    }
}

fn in_words(cluster: &Cluster) -> String {
    format!(
        "no errors; {}, Kubernetes {}, etcd {}, layout {}",
        so_many(cluster.hosts.len(), "host"),
        cluster.version,
        cluster.release.etcd,
        cluster.pki.layout.name()
    )
}
