//! The content of a configuration file before it is YAML or TOML: values by their path, in the order in which they were set.

/// A value of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Boolean(bool),
    Integer(i64),
    /// Finite: neither JSON nor those who read it know another.
    Float(f64),
    List(Vec<Value>),
    Table(Table),
}

/// Keys and values in the order of insertion; no key is there twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(Vec<(String, Value)>);

impl Table {
    /// One without keys.
    pub fn new() -> Table {
        Table::default()
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys and values in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// Gives `key` a value; an earlier one is replaced where it stands.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) {
        let key = key.into();
        match self.0.iter_mut().find(|(own, _)| *own == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Sets the value at `path`, with the tables that lead there; what stands in the way and is no table gives way to one.
    pub fn set(&mut self, path: &[&str], value: Value) {
        match path {
            [] => {}
            [key] => self.insert(*key, value),
            [key, rest @ ..] => {
                let mut below = match self.0.iter_mut().find(|(own, _)| own == key) {
                    Some((_, Value::Table(table))) => std::mem::take(table),
                    _ => Table::new(),
                };
                below.set(rest, value);
                self.insert(*key, Value::Table(below));
            }
        }
    }

    /// Takes over what `other` has: two tables of one key become one, anything else is replaced.
    pub fn merge(&mut self, other: &Table) {
        for (key, value) in &other.0 {
            match (self.0.iter_mut().find(|(own, _)| own == key), value) {
                (Some((_, Value::Table(own))), Value::Table(theirs)) => own.merge(theirs),
                (Some((_, own)), value) => *own = value.clone(),
                (None, value) => self.0.push((key.clone(), value.clone())),
            }
        }
    }

    /// Every value that is no table, and every table without keys, with the keys that lead to it.
    pub fn leaves(&self) -> Vec<(Vec<&str>, &Value)> {
        let mut leaves = Vec::new();
        for (key, value) in self.entries() {
            match value {
                Value::Table(table) if !table.is_empty() => {
                    leaves.extend(table.leaves().into_iter().map(|(mut path, value)| {
                        path.insert(0, key);
                        (path, value)
                    }));
                }
                value => leaves.push((vec![key], value)),
            }
        }
        leaves
    }
}

/// A float as JSON, YAML 1.1, YAML 1.2 and TOML all read it: with a fraction, and with the sign of its exponent.
pub fn float_text(float: f64) -> String {
    let text = format!("{float:?}");
    match text.split_once('e') {
        None => text,
        Some((mantissa, exponent)) => {
            let fraction = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{mantissa}{fraction}e{sign}{exponent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_path_makes_the_tables_that_lead_to_it() {
        let mut table = Table::new();
        table.set(&["a", "b"], Value::Integer(1));
        table.set(&["z"], text("z"));
        table.set(&["a", "c.d"], Value::Integer(2));
        table.set(&["a", "b"], Value::Boolean(true));
        let leaves = table.leaves();
        assert_eq!(
            leaves.iter().map(|(path, _)| path.join("/")).collect::<Vec<_>>(),
            ["a/b", "a/c.d", "z"],
            "in the order of their first mention"
        );
        assert_eq!(leaves[0].1, &Value::Boolean(true), "the later value");
        table.set(&["z", "below"], Value::Integer(3));
        assert_eq!(table.leaves()[2], (vec!["z", "below"], &Value::Integer(3)));
    }

    #[test]
    fn tables_merge_and_everything_else_is_replaced() {
        let mut ours = Table::new();
        ours.set(&["auth", "anonymous"], Value::Boolean(false));
        ours.set(&["auth", "webhook"], Value::Boolean(true));
        ours.set(&["list"], Value::List(vec![text("a"), text("b")]));
        ours.set(&["scalar"], text("x"));
        let mut theirs = Table::new();
        theirs.set(&["auth", "anonymous"], Value::Boolean(true));
        theirs.set(&["list"], Value::List(vec![text("c")]));
        theirs.set(&["scalar", "now"], Value::Integer(1));
        theirs.set(&["new"], Value::Table(Table::new()));
        ours.merge(&theirs);
        let leaves: Vec<(String, Value)> = ours
            .leaves()
            .into_iter()
            .map(|(path, value)| (path.join("/"), value.clone()))
            .collect();
        assert_eq!(
            leaves,
            [
                ("auth/anonymous".to_owned(), Value::Boolean(true)),
                ("auth/webhook".to_owned(), Value::Boolean(true)),
                ("list".to_owned(), Value::List(vec![text("c")])),
                ("scalar/now".to_owned(), Value::Integer(1)),
                ("new".to_owned(), Value::Table(Table::new())),
            ]
        );
    }

    #[test]
    fn floats_are_floats_to_everybody() {
        for (float, written) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (1e100, "1.0e+100"),
            (1.5e-9, "1.5e-9"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(float_text(float), written);
            assert_eq!(written.parse::<f64>().unwrap(), float);
        }
    }
}
