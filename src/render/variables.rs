//! The variables of one host, which note what is read of them; and what was rendered once and is the same for other hosts.
//!
//! Most files of a fleet differ in nothing, or in a name. Which ones do is asked of nobody: whatever a template reads of what
//! is a host's own is noted while it is rendered, and what came of it is taken again for a host that would be read the same.
//! Everything else that a template sees is the same for all hosts of a [`super::Renderer`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use minijinja::value::{Enumerator, Object, ObjectExt, Serde, Value, ValueKind};

use crate::facts::OwnFacts;

/// What was read of a host's own variables: one of them, or one thing in it, and what it was.
#[derive(Clone)]
struct Read {
    variable: usize,
    within: Option<Arc<str>>,
    value: Option<Value>,
}

/// What was read so far, in order, while anybody wanted to know.
#[derive(Default)]
struct Reads {
    noted: Mutex<Vec<Read>>,
    /// How many want to know, one within the other.
    wanted: AtomicUsize,
}

impl Reads {
    /// Notes what `read` says.
    fn note(&self, read: impl FnOnce() -> Read) {
        if self.wanted.load(Ordering::Relaxed) > 0 {
            self.noted().push(read());
        }
    }

    fn note_all(&self, reads: &[Read]) {
        if self.wanted.load(Ordering::Relaxed) > 0 {
            self.noted().extend_from_slice(reads);
        }
    }

    /// What `make` returns, and what is read while it runs, each thing once.
    fn of<T>(&self, make: impl FnOnce() -> T) -> (T, Vec<Read>) {
        let before = self.noted().len();
        self.wanted.fetch_add(1, Ordering::Relaxed);
        let made = make();
        self.wanted.fetch_sub(1, Ordering::Relaxed);
        let noted = self.noted();
        let mut reads: Vec<Read> = Vec::new();
        for read in &noted[before..] {
            let same = |other: &Read| (other.variable, &other.within) == (read.variable, &read.within);
            if !reads.iter().any(same) {
                reads.push(read.clone());
            }
        }
        (made, reads)
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Read>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The variables of one host, for templates; clones note into the same place.
#[derive(Clone)]
pub(super) struct HostVariables(Arc<Variables>);

struct Variables {
    /// What is the same for all hosts.
    shared: Value,
    /// What is the host's own, by name; it stands before what is shared.
    own: Vec<Own>,
    reads: Arc<Reads>,
}

struct Own {
    name: String,
    value: Value,
    /// The same, where it has things in it, for templates.
    noting: Option<Value>,
}

impl HostVariables {
    /// `shared` are the variables of all hosts.
    pub(super) fn new(shared: &Value, own: &OwnFacts) -> Self {
        let reads = Arc::new(Reads::default());
        let own = Value::from(Serde(own));
        let names = own.try_iter().into_iter().flatten();
        let own = names.enumerate().map(|(variable, name)| {
            let value = own.get_item(&name).unwrap_or_default();
            let noting = (value.kind() == ValueKind::Map).then(|| {
                Value::from_object(Section {
                    variable,
                    value: value.clone(),
                    reads: reads.clone(),
                })
            });
            Own {
                name: name.as_str().unwrap_or_default().to_owned(),
                value,
                noting,
            }
        });
        HostVariables(Arc::new(Variables {
            shared: shared.clone(),
            own: own.collect(),
            reads: reads.clone(),
        }))
    }

    /// As the engine takes them.
    pub(super) fn value(&self) -> Value {
        Value::from_dyn_object(self.0.clone())
    }

    /// Whether this host's variables would have been read the same.
    fn would_read(&self, read: &Read) -> bool {
        let Some(own) = self.0.own.get(read.variable) else {
            return false;
        };
        match &read.within {
            Some(name) => item(&own.value, name) == read.value,
            None => Some(&own.value) == read.value.as_ref(),
        }
    }
}

fn item(value: &Value, name: &str) -> Option<Value> {
    value.get_attr(name).ok().filter(|value| !value.is_undefined())
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the variables of a host")
    }
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Some(variable) = self.own.iter().position(|own| own.name == key) else {
            return item(&self.shared, key);
        };
        let own = &self.own[variable];
        own.noting.clone().or_else(|| {
            self.reads.note(|| Read {
                variable,
                within: None,
                value: Some(own.value.clone()),
            });
            Some(own.value.clone())
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // Names alone, and they are the same for all hosts.
        self.mapped_enumerator(|this| match this.shared.try_iter() {
            Ok(names) => Box::new(names),
            Err(_) => Box::new(std::iter::empty()),
        })
    }
}

/// A variable that has things in it: each is noted when it is read, and all of it when it is gone through.
struct Section {
    variable: usize,
    value: Value,
    reads: Arc<Reads>,
}

impl Section {
    fn note_whole(&self) {
        self.reads.note(|| Read {
            variable: self.variable,
            within: None,
            value: Some(self.value.clone()),
        });
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a variable of a host")
    }
}

impl Object for Section {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let value = item(&self.value, key);
        self.reads.note(|| Read {
            variable: self.variable,
            within: Some(key.into()),
            value: value.clone(),
        });
        value
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.note_whole();
        self.mapped_enumerator(|this| match this.value.try_iter() {
            Ok(names) => Box::new(names),
            Err(_) => Box::new(std::iter::empty()),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note_whole();
        write!(f, "{}", self.value)
    }
}

/// After so many results of which none was of use again, it is something that every host has otherwise.
const MOST_WITHOUT_USE: usize = 12;

/// So many are kept of one thing: hosts are many, kinds of hosts are few.
const MOST_KEPT: usize = 32;

/// What was made of hosts' variables: made once for all hosts for which the same is read of them.
///
/// `K` says what is made, `I` is what it is made of besides the variables.
pub(super) struct Kept<K, I, T>(RwLock<BTreeMap<K, Results<I, T>>>);

enum Results<I, T> {
    Several {
        results: Vec<Made<I, T>>,
        of_use: AtomicBool,
    },
    EveryHostHasItsOwn,
}

struct Made<I, T> {
    input: I,
    reads: Vec<Read>,
    result: T,
}

impl<K: Ord, I: PartialEq + Clone, T: Clone> Kept<K, I, T> {
    pub(super) fn new() -> Self {
        Kept(RwLock::new(BTreeMap::new()))
    }

    /// What `make` makes of `input` and the variables, or made of them before. It may see nothing else that differs from host
    /// to host.
    pub(super) fn or_make<E>(
        &self,
        key: K,
        input: &I,
        variables: &HostVariables,
        make: impl FnOnce(&I, &HostVariables) -> Result<T, E>,
    ) -> Result<T, E> {
        let worth_keeping = match self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            Some(Results::EveryHostHasItsOwn) => false,
            Some(Results::Several { results, of_use }) => {
                let same = |made: &&Made<I, T>| {
                    made.input == *input && made.reads.iter().all(|read| variables.would_read(read))
                };
                if let Some(made) = results.iter().find(same) {
                    of_use.store(true, Ordering::Relaxed);
                    // Whatever this becomes a part of depends on them too.
                    variables.0.reads.note_all(&made.reads);
                    return Ok(made.result.clone());
                }
                results.len() < MOST_KEPT
            }
            None => true,
        };
        if !worth_keeping {
            return make(input, variables);
        }
        let (result, reads) = variables.0.reads.of(|| make(input, variables));
        let result = result?;
        let made = Made {
            input: input.clone(),
            reads,
            result: result.clone(),
        };
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key).or_insert_with(Results::none).keep(made);
        Ok(result)
    }
}

impl<I, T> Results<I, T> {
    fn none() -> Self {
        Results::Several {
            results: Vec::new(),
            of_use: AtomicBool::new(false),
        }
    }

    fn keep(&mut self, made: Made<I, T>) {
        if let Results::Several { results, of_use } = self {
            results.push(made);
            if results.len() >= MOST_WITHOUT_USE && !*of_use.get_mut() {
                *self = Results::EveryHostHasItsOwn;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use minijinja::Environment;

    use super::*;
    use crate::facts::{HostFacts, LoadBalancerFacts};

    /// A host of this name with these labels.
    fn host(name: &str, labels: &str) -> HostVariables {
        let own = OwnFacts {
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
                vrrp: Vec::new(),
            },
            pod_routes: Vec::new(),
        };
        HostVariables::new(&Value::from_iter([("domain", "cluster.local")]), &own)
    }

    /// What each of `hosts` gets of `template`, and how often it was rendered.
    fn rendered(template: &str, hosts: &[HostVariables]) -> (Vec<String>, usize) {
        let environment = Environment::new();
        let template = environment.template_from_str(template).unwrap();
        let (kept, count) = (Kept::new(), Cell::new(0));
        let texts = hosts.iter().map(|host| {
            let made = kept.or_make("one", &(), host, |(), variables| {
                count.set(count.get() + 1);
                Ok::<_, Infallible>(template.render(variables.value()).unwrap())
            });
            let text = made.unwrap();
            assert_eq!(
                text,
                template.render(host.value()).unwrap(),
                "as it would be rendered for itself"
            );
            text
        });
        (texts.collect(), count.get())
    }

    #[test]
    fn what_reads_the_same_of_two_hosts_is_rendered_once() {
        let hosts = [host("one", "a=b"), host("two", "a=b"), host("three", "c=d")];
        let times = |template| rendered(template, &hosts).1;
        assert_eq!(times("{{ domain }}"), 1, "nothing of the host");
        assert_eq!(times("{{ pki.ca }}{{ host.roles | join }}"), 1);
        assert_eq!(times("{% for name in pki %}{{ name }}{% endfor %}{{ pki }}"), 1);
        assert_eq!(times("{{ host.labels }}{{ host.labels }}"), 2);
        assert_eq!(times("{{ host }}"), 3);
        assert_eq!(times("{% for name, value in host | items %}{{ value }}{% endfor %}"), 3);
        assert_eq!(times("{% set all = host %}{{ all['name'] }}"), 3);
        assert_eq!(
            times("{% if host.name == 'one' %}{{ host.labels }}{% endif %}"),
            3,
            "it depends on the name alone"
        );
        assert_eq!(
            times("{{ host.nothing is defined }}"),
            1,
            "what is not there is not there for all"
        );
        assert_eq!(times("{{ pod_routes | length }}"), 1);
    }

    #[test]
    fn what_was_taken_again_counts_as_read_by_what_it_becomes_a_part_of() {
        let (inner, outer) = (Kept::new(), Kept::new());
        let name = |of: &HostVariables| {
            outer.or_make("outer", &(), of, |(), of| {
                inner.or_make("inner", &(), of, |(), of| {
                    let host = of.value().get_attr("host").unwrap();
                    Ok::<_, Infallible>(host.get_attr("name").unwrap().to_string())
                })
            })
        };
        // The second fills the inner one alone, so that the outer one meets it ready.
        assert_eq!(name(&host("one", "")), Ok("one".to_owned()));
        let ready = inner.or_make("inner", &(), &host("two", ""), |(), of| {
            let host = of.value().get_attr("host").unwrap();
            Ok::<_, Infallible>(host.get_attr("name").unwrap().to_string())
        });
        assert_eq!(ready, Ok("two".to_owned()));
        for expected in ["two", "three", "one"] {
            assert_eq!(name(&host(expected, "")), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_every_host_has_otherwise_is_not_kept() {
        let hosts: Vec<HostVariables> = (0..100).map(|number| host(&format!("host-{number}"), "")).collect();
        let kept = Kept::new();
        for host in &hosts {
            let name = kept.or_make("one", &(), host, |(), of| {
                Ok::<_, Infallible>(
                    of.value()
                        .get_attr("host")
                        .unwrap()
                        .get_attr("name")
                        .unwrap()
                        .to_string(),
                )
            });
            assert!(name.is_ok());
        }
        let kept = kept.0.read().unwrap();
        assert!(matches!(kept.get("one"), Some(Results::EveryHostHasItsOwn)));
    }

    #[test]
    fn another_input_is_another_result() {
        let kept = Kept::new();
        let one = host("one", "");
        for input in [1, 2, 1] {
            let made = kept.or_make("one", &input, &one, |input, _| Ok::<_, Infallible>(*input));
            assert_eq!(made, Ok(input));
        }
    }
}
