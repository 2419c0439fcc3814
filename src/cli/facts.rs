//! `khw-gen facts`.

use std::collections::BTreeMap;

use khw_gen::disk::Specification;
use khw_gen::facts::{Facts, facts};

use super::args::FactsArgs;
use super::say::{Reported, print};
use super::specification::{read_checked, unknown_host};

pub fn run(arguments: &FactsArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, Specification::open)?;
    let cluster = &checked.cluster;
    let Some(name) = &arguments.host else {
        let all: BTreeMap<&str, Facts> = cluster
            .hosts
            .iter()
            .map(|host| (host.name.as_str(), facts(cluster, host)))
            .collect();
        return print(serde_json::to_string_pretty(&all)?);
    };
    let Some(host) = cluster.hosts.iter().find(|host| host.name == *name) else {
        return Err(Reported::from(unknown_host(cluster, name)));
    };
    print(serde_json::to_string_pretty(&facts(cluster, host))?)
}
