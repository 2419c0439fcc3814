//! What is rendered once for all hosts for which it comes out the same.
//!
//! Most files of a fleet differ in nothing, or in a name. Which of a host's own variables a template reads stands in its text, so
//! what was made of the same values of them, and of the same flags or settings, is taken again. Everything else that a template
//! sees is the same for all hosts of a [`super::Renderer`].

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use minijinja::context;
use minijinja::value::{Serde, Value};

use crate::facts::OwnFacts;

/// The variables that are a host's own, all of [`OwnFacts`].
const OWN: [&str; 5] = ["host", "pki", "load_balancer", "etcd", "pod_routes"];

/// Those that no two hosts have the same of: what reads one is made for each.
const NO_TWO_HOSTS: [&str; 7] = [
    "host",
    "host.name",
    "host.ip",
    "host.url_ip",
    "host.ips",
    "host.pods",
    "pod_routes",
];

/// What a template reads of a host's own variables.
#[derive(Debug)]
pub struct Reads {
    /// Each as the names that lead to it. Where a template reads all of something, nothing within it is named.
    paths: Vec<Vec<String>>,
    for_each_host: bool,
}

impl Reads {
    /// Of the names that a template uses without giving them a value, as the engine lists them: `host.labels`.
    ///
    /// The list lacks what is only cut (`host.name[1:]`) and what a name is set to from itself (`{% set host = host.name %}`); a
    /// test holds that no template of ours depends on what it is not listed to read.
    pub fn new(names: impl IntoIterator<Item = String>) -> Reads {
        let is_own = |name: &String| OWN.contains(&name.split('.').next().unwrap_or_default());
        let mut names: Vec<String> = names.into_iter().filter(is_own).collect();
        names.sort();
        Reads {
            for_each_host: names.iter().any(|name| NO_TWO_HOSTS.contains(&name.as_str())),
            paths: names
                .iter()
                .map(|name| name.split('.').map(str::to_owned).collect())
                .collect(),
        }
    }

    /// The values of what is read.
    fn of(&self, variables: &HostVariables) -> impl Iterator<Item = Value> {
        self.paths.iter().map(|path| {
            path.iter().fold(variables.own.clone(), |value, name| {
                value.get_attr(name).unwrap_or_default()
            })
        })
    }
}

/// The variables of one host, for templates.
pub struct HostVariables {
    own: Value,
    all: Value,
}

impl HostVariables {
    /// `shared` are the variables of all hosts; the host's own stand before them.
    pub fn new(shared: &Value, own: &OwnFacts) -> HostVariables {
        let own = Value::from(Serde(own));
        HostVariables {
            all: context! { ..own.clone(), ..shared.clone() },
            own,
        }
    }

    /// As the engine takes them.
    pub fn all(&self) -> Value {
        self.all.clone()
    }
}

/// So many are kept of one thing: hosts are many, kinds of hosts are few.
const MOST_KEPT: usize = 32;

/// What was made. `K` says what it is, `I` is what it is made of besides the variables.
pub struct Kept<K, I, T>(RwLock<BTreeMap<K, Vec<Made<I, T>>>>);

struct Made<I, T> {
    input: I,
    read: Vec<Value>,
    result: T,
}

impl<K: Ord, I: PartialEq, T: Clone> Kept<K, I, T> {
    pub fn new() -> Self {
        Kept(RwLock::new(BTreeMap::new()))
    }

    /// What `make` makes of `input` and of what `reads` names, or made of the same before. It may see nothing else that differs
    /// from host to host.
    pub fn or_make<'r, E>(
        &self,
        key: K,
        input: I,
        reads: impl IntoIterator<Item = &'r Reads>,
        variables: &HostVariables,
        make: impl FnOnce(&I) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut read = Vec::new();
        for reads in reads {
            if reads.for_each_host {
                return make(&input);
            }
            read.extend(reads.of(variables));
        }
        let is_same = |made: &&Made<I, T>| made.input == input && made.read == read;
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept.get(&key).and_then(|made| made.iter().find(is_same)) {
            return Ok(made.result.clone());
        }
        drop(kept);
        let result = make(&input)?;
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let made = kept.entry(key).or_default();
        if made.len() < MOST_KEPT {
            let result = result.clone();
            made.push(Made { input, read, result });
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use minijinja::Environment;
    use serde_json::to_value;

    use super::*;
    use crate::facts::{EtcdFacts, HostFacts, LoadBalancerFacts};

    fn own(name: &str, labels: &str) -> OwnFacts {
        OwnFacts {
            host: HostFacts {
                name: name.to_owned(),
                labels: labels.to_owned(),
                roles: vec!["worker"],
                ..HostFacts::default()
            },
            pki: BTreeMap::from([("ca", "ca.pem".to_owned())]),
            load_balancer: LoadBalancerFacts {
                port: 6443,
                listen_ipv6: false,
                engine: "nginx",
                virtual_ips: Vec::new(),
                max_connections: 8000,
                connections_of_nodes: 8,
                vrrp: Vec::new(),
            },
            etcd: EtcdFacts::default(),
            pod_routes: Vec::new(),
        }
    }

    /// A host of this name with these labels.
    fn host(name: &str, labels: &str) -> HostVariables {
        HostVariables::new(&Value::from_iter([("domain", "cluster.local")]), &own(name, labels))
    }

    /// How often `template` is rendered for all of `hosts`, each of which gets what it would get by itself.
    fn times(template: &str, hosts: &[HostVariables]) -> usize {
        let environment = Environment::new();
        let template = environment.template_from_str(template).unwrap();
        let reads = Reads::new(template.undeclared_variables(true));
        let (kept, count) = (Kept::new(), Cell::new(0));
        for host in hosts {
            let made = kept.or_make("one", (), [&reads], host, |()| {
                count.set(count.get() + 1);
                Ok::<_, Infallible>(template.render(host.all()).unwrap())
            });
            assert_eq!(made.unwrap(), template.render(host.all()).unwrap());
        }
        count.get()
    }

    #[test]
    fn what_reads_the_same_of_two_hosts_is_rendered_once() {
        let hosts = [host("one", "a=b"), host("two", "a=b"), host("three", "c=d")];
        let times = |template| times(template, &hosts);
        assert_eq!(times("{{ domain }}"), 1, "nothing of the host");
        assert_eq!(times("{{ pki.ca }}{{ host.roles | join }}"), 1);
        assert_eq!(times("{% for name in pki %}{{ name }}{% endfor %}{{ pki }}"), 1);
        assert_eq!(times("{{ host.labels }}{{ host.labels }}"), 2);
        assert_eq!(times("{{ host }}"), 3);
        assert_eq!(times("{% for name, value in host | items %}{{ value }}{% endfor %}"), 3);
        assert_eq!(times("{% set all = host %}{{ all['name'] }}"), 3);
        assert_eq!(times("{{ host['labels'] }}"), 3, "a name that is worked out may be any");
        assert_eq!(times("{% if host.name == 'one' %}{{ host.labels }}{% endif %}"), 3);
        assert_eq!(
            times("{{ host.nothing is defined }}"),
            1,
            "what is not there is not there for all"
        );
        assert_eq!(times("{% for host in host.roles %}{{ host }}{% endfor %}"), 1);
    }

    #[test]
    fn what_is_a_host_s_own_is_known() {
        let own = to_value(own("one", "")).unwrap();
        let names: Vec<&String> = own.as_object().unwrap().keys().collect();
        let mut known = OWN;
        known.sort();
        assert_eq!(names, known);
    }

    #[test]
    fn another_input_is_another_result_and_no_more_are_kept_than_there_are_kinds() {
        let kept = Kept::new();
        let one = host("one", "");
        for input in (0..100).chain(0..100) {
            let made = kept.or_make("one", input, [], &one, |input| Ok::<_, Infallible>(*input));
            assert_eq!(made, Ok(input));
        }
        assert_eq!(kept.0.read().unwrap()["one"].len(), MOST_KEPT);
    }
}
