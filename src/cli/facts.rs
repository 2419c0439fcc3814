//! `khw-gen facts`.

use khw_gen::disk::Specification;
use khw_gen::facts::{facts, facts_of_all};
use khw_gen::json_document::JsonKind;
use serde_json::{Map, Value};

use super::args::FactsArgs;
use super::progress::Waiting;
use super::say::{Reported, print_document};
use super::specification::{read_checked, unknown_host};

pub fn run(arguments: &FactsArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, &Specification::open)?;
    let cluster = &checked.cluster;
    let waiting = Waiting::begin("working out variables");
    let mut hosts = Map::new();
    match &arguments.host {
        Some(name) => {
            let Some(host) = cluster.hosts.iter().find(|host| host.name == *name) else {
                return Err(Reported::from(unknown_host(cluster, name)));
            };
            hosts.insert(name.clone(), serde_json::to_value(facts(cluster, host))?);
        }
        None => {
            for (name, facts) in facts_of_all(cluster) {
                let mut facts = serde_json::to_value(facts)?;
                // Of which each host has one to each other.
                if let Some(variables) = facts.as_object_mut() {
                    variables.remove("pod_routes");
                }
                hosts.insert(name.to_owned(), facts);
            }
        }
    }
    drop(waiting);
    print_document(&JsonKind::Facts.document([("hosts", Value::Object(hosts))]))
}
