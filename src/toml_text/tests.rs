//! Settings as TOML, read back by the crate that reads cluster.toml.
use super::*;
use proptest::prelude::*;

#[test]
fn a_plugin_with_dots_in_its_name_has_a_header() {
    let mut table = Table::new();
    table.set(&["version"], Value::Integer(2));
    let plugin = "io.containerd.grpc.v1.cri";
    table.set(&["plugins", plugin, "sandbox_image"], Value::Text("p\"ause".to_owned()));
    let options = ["plugins", plugin, "containerd", "runtimes", "runc", "options"];
    table.set(&[&options[..], &["SystemdCgroup"]].concat(), Value::Boolean(true));
    table.set(&["plugins", "empty"], Value::Table(Table::new()));
    let mut item = Table::new();
    item.insert("a b", Value::Float(1.0));
    table.set(
        &["list"],
        Value::List(vec![Value::Table(item), Value::List(Vec::new())]),
    );
    assert_eq!(
        document(&table),
        "version = 2\nlist = [{ \"a b\" = 1.0 }, []]\n\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \
         \"p\\\"ause\"\n\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\nSystemdCgroup = \
         true\n\n[plugins.empty]\n"
    );
}

fn read(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(value) => Value::Integer(*value),
        toml::Value::Float(value) => Value::Float(*value),
        toml::Value::Boolean(value) => Value::Boolean(*value),
        toml::Value::Array(list) => Value::List(list.iter().map(read).collect()),
        toml::Value::Table(table) => Value::Table(read_table(table)),
        toml::Value::Datetime(value) => Value::Text(format!("a date: {value}")),
    }
}

fn read_table(table: &toml::Table) -> Table {
    let mut read_back = Table::new();
    for (key, value) in table {
        read_back.insert(key.as_str(), read(value));
    }
    read_back
}

/// The same with the keys of each table sorted, as the reader has them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Table(table) => {
            let mut entries: Vec<(&str, &Value)> = table.entries().collect();
            entries.sort_by_key(|(key, _)| *key);
            let mut table = Table::new();
            for (key, value) in entries {
                table.insert(key, sorted(value));
            }
            Value::Table(table)
        }
        Value::List(list) => Value::List(list.iter().map(sorted).collect()),
        value => value.clone(),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(table in crate::yaml::tests::any_table()) {
        let text = document(&table);
        let read: toml::Table = text.parse().map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(Value::Table(read_table(&read)), sorted(&Value::Table(table)), "{}", text);
    }
}
