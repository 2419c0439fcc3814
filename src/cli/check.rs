//! `khw-gen check`.

use khw_gen::cluster::Cluster;
use khw_gen::diagnostic::{render_json, sarif};
use khw_gen::disk::Specification;

use super::args::{CheckArgs, JudgeFormat};
use super::say::{Reported, print, print_document, say_diagnostics};
use super::specification;

pub fn run(arguments: &CheckArgs) -> Result<(), Reported> {
    let CheckArgs { spec, format, stdin } = arguments;
    let open = if *stdin {
        Specification::from_input
    } else {
        Specification::open
    };
    let checked = specification::check(spec, open);
    let remarks = match &checked {
        Ok(checked) => &checked.remarks,
        Err(problems) => problems,
    };
    match format {
        JudgeFormat::Json => print(render_json(remarks).trim_end())?,
        JudgeFormat::Sarif => print_document(&sarif(remarks))?,
        JudgeFormat::Text => say_diagnostics(remarks),
    }
    match (checked, format) {
        (Ok(checked), JudgeFormat::Text) => print(format_args!("{}: {}", spec.display(), in_words(&checked.cluster))),
        (Ok(_), JudgeFormat::Json | JudgeFormat::Sarif) => Ok(()),
        (Err(_), _) => Err(Reported),
    }
}

fn in_words(cluster: &Cluster) -> String {
    format!(
        "no errors; {} hosts, Kubernetes {}, etcd {}, layout {}",
        cluster.hosts.len(),
        cluster.version,
        cluster.release.etcd,
        cluster.pki.layout.name()
    )
}
