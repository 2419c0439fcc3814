//! The variables of one host, which note what is read of them; and what was rendered once and is the same for other hosts.
//!
//! Most files of a fleet differ in nothing, or in a name. Which ones do is asked of nobody: whatever a template reads of what
//! is a host's own is noted while it is rendered, and what came of it is taken again for a host that would be read the same.
//! Everything else that a template sees is the same for all hosts of a [`super::Renderer`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use minijinja::value::{Enumerator, Object, ObjectExt, Serde, Value, ValueKind};

use crate::facts::OwnFacts;

/// What was read of a host's own variables: one of them, or one thing in it, and what it was.
#[derive(Clone)]
struct Read {
    variable: usize,
    within: Option<Arc<str>>,
    value: Option<Value>,
}

/// What was read so far, in order.
#[derive(Default)]
struct Reads(Mutex<Vec<Read>>);

impl Reads {
    fn note(&self, read: Read) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    }

    fn note_all(&self, reads: &[Read]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend_from_slice(reads);
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was read since there were `count`, each thing once.
    fn since(&self, count: usize) -> Vec<Read> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reads: Vec<Read> = Vec::new();
        for read in &noted[count..] {
            let same = |other: &Read| (other.variable, &other.within) == (read.variable, &read.within);
            if !reads.iter().any(same) {
                reads.push(read.clone());
            }
        }
        reads
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
            self.reads.note(Read {
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
        self.reads.note(Read {
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
        self.reads.note(Read {
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
        let before = variables.0.reads.count();
        let result = make(input, variables)?;
        if worth_keeping {
            let made = Made {
                input: input.clone(),
                reads: variables.0.reads.since(before),
                result: result.clone(),
            };
            let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
            kept.entry(key).or_insert_with(Results::none).keep(made);
        }
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
