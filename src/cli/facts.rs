//! `khw-gen facts`.

use std::collections::BTreeMap;

use khw_gen::disk::Specification;
use khw_gen::facts::{facts, facts_of_all};

use super::args::FactsArgs;
use super::say::{Reported, print};
use super::specification::{read_checked, unknown_host};

pub fn run(arguments: &FactsArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, Specification::open)?;
    let cluster = &checked.cluster;
    let Some(name) = &arguments.host else {
        let mut all = BTreeMap::new();
        for (name, facts) in facts_of_all(cluster) {
            let mut facts = serde_json::to_value(facts)?;
            if let Some(variables) = facts.as_object_mut() {
                variables.remove("pod_routes");
            }
            all.insert(name, facts);
        }
        return print(serde_json::to_string_pretty(&all)?);
    };
    let Some(host) = cluster.hosts.iter().find(|host| host.name == *name) else {
        return Err(Reported::from(unknown_host(cluster, name)));
    };
    print(serde_json::to_string_pretty(&facts(cluster, host))?)
}
