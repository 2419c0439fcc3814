//! etcd's own configuration file: with `--config-file` it heeds nothing else, neither flags nor variables
//! (`parse` of server/etcdmain/config.go, etcd.conf.yml.sample).

use std::collections::BTreeMap;

use super::document::{Tree, yaml};
use super::unit::{CommandLine, FILE_OF_ETCD};
use crate::catalog::flags;
use crate::catalog::value_type::ValueType;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;

/// What names the file where the flag is not given.
const VARIABLE: &str = "ETCD_CONFIG_FILE";

/// Maps of the file | what stands before their keys in a flag's name.
const OF_TLS: [(&str, &str); 2] = [("client-transport-security", ""), ("peer-transport-security", "peer-")];

/// Map of the file, key in it | the flag, where it is called otherwise.
const CALLED_OTHERWISE: [(&str, &str, &str); 3] = [
    (
        "client-transport-security",
        "allowed-hostname",
        "client-cert-allowed-hostname",
    ),
    (
        "peer-transport-security",
        "allowed-hostname",
        "peer-cert-allowed-hostname",
    ),
    ("peer-transport-security", "allowed-cn", "peer-cert-allowed-cn"),
];

/// The file that an etcd reads its settings from.
pub(super) fn path(line: &CommandLine, variables: &BTreeMap<String, String>) -> Option<String> {
    let by_variable = || {
        variables
            .get(VARIABLE)
            .map(String::as_str)
            .filter(|path| !path.is_empty())
    };
    let path = line.flag(FILE_OF_ETCD).or_else(by_variable)?;
    (line.program == "etcd").then(|| path.to_owned())
}

/// Gives the command line of an etcd the settings of its file, as flags, in the place of those that it has; none where the file is not here. `file` is
/// the path of it on the host, and the text. `report` is told what is passed over.
pub(super) fn give_settings(
    line: &mut CommandLine,
    named: &str,
    file: Option<(&str, &str)>,
    report: &dyn Fn(&'static Code, String),
) {
    let beside: Vec<String> = line
        .order
        .iter()
        .filter(|flag| *flag != FILE_OF_ETCD)
        .map(|flag| format!("--{flag}"))
        .collect();
    if !beside.is_empty() {
        let message = format!(
            "etcd is given --{FILE_OF_ETCD} beside {}: it heeds the file alone",
            beside.join(", ")
        );
        report(codes::REFUSED_TOGETHER, message);
    }
    line.flags = BTreeMap::from([(FILE_OF_ETCD.to_owned(), vec![named.to_owned()])]);
    line.order = vec![FILE_OF_ETCD.to_owned()];
    let Some((path, text)) = file else { return };
    let documents = yaml(text).unwrap_or_default();
    let Some(Tree::Map(fields)) = documents.first() else {
        return report(
            codes::BAD_SYNTAX,
            format!("--{FILE_OF_ETCD} names {path}, which is no map of settings"),
        );
    };
    for (name, value) in fields {
        match (OF_TLS.iter().find(|(map, _)| map == name), value) {
            (Some((map, before)), Tree::Map(fields)) => {
                for (key, value) in fields {
                    let otherwise = CALLED_OTHERWISE.iter().find(|(of, own, _)| of == map && own == key);
                    let flag = otherwise.map_or_else(|| format!("{before}{key}"), |(.., flag)| (*flag).to_owned());
                    give(line, &flag, value, &format!("{map}.{key}"), report);
                }
            }
            _ => give(line, name, value, name, report),
        }
    }
    line.read_from = Some(path.to_owned());
}

fn give(line: &mut CommandLine, flag: &str, value: &Tree, setting: &str, report: &dyn Fn(&'static Code, String)) {
    let text = match value {
        Tree::List(items) => items.iter().filter_map(Tree::text).collect::<Vec<_>>().join(","),
        // A map says nothing that a flag could.
        value => value.text().unwrap_or_default().to_owned(),
    };
    let Some(takes) = flags::takes_in_any(&line.program, flag).filter(|_| flag != FILE_OF_ETCD) else {
        return report(
            codes::NO_EFFECT,
            format!("`{setting}` of its --{FILE_OF_ETCD}: no release of etcd has it"),
        );
    };
    let is_whole = text.parse::<i64>().is_ok();
    let text = match takes {
        // The file has the number of nanoseconds.
        ValueType::Duration if is_whole && text != "0" => format!("{text}ns"),
        _ => text,
    };
    if !text.is_empty() && line.flags.insert(flag.to_owned(), vec![text]).is_none() {
        line.order.push(flag.to_owned());
    }
}
