//! Who holds what, as text for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::held::HostSecrets;
use super::powers::Power;
use crate::found::printable;
use crate::json_document::JsonKind;
use crate::table::so_many;

/// Each host with its secrets and what each can do, then what `of_theft` says of the host.
pub fn secrets_text(hosts: &[HostSecrets], of_theft: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    for host in hosts {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}", printable(&host.host));
        if host.secrets.is_empty() {
            let _ = writeln!(text, "  holds no secret");
        }
        for secret in &host.secrets {
            let _ = writeln!(text, "  {} ({})", printable(&secret.path), secret.what);
            for power in &secret.powers {
                let _ = writeln!(text, "    {power}");
            }
        }
        if let Some(theft) = of_theft(&host.host) {
            let _ = writeln!(text, "  if it is stolen:");
            theft.lines().for_each(|line| {
                let _ = writeln!(text, "    {line}");
            });
        }
        text.push('\n');
    }
    let held = hosts.iter().map(|host| host.secrets.len()).sum::<usize>();
    let _ = writeln!(text, "{}, {held} files with secrets", so_many(hosts.len(), "host"));
    text
}

/// The same as JSON; `of_theft` is null where it says nothing.
pub fn secrets_json(hosts: &[HostSecrets], of_theft: impl Fn(&str) -> Option<Value>) -> String {
    let list = hosts.iter().map(|host| {
        let secrets = host.secrets.iter().map(|secret| {
            let powers: Vec<Value> = secret.powers.iter().map(power_json).collect();
            json!({ "path": secret.path, "what": secret.what, "powers": powers })
        });
        let secrets: Vec<Value> = secrets.collect();
        json!({ "host": host.host, "secrets": secrets, "if_stolen": of_theft(&host.host) })
    });
    let list: Vec<Value> = list.collect();
    format!("{:#}\n", JsonKind::Secrets.document([("hosts", list.into())]))
}

fn power_json(power: &Power) -> Value {
    let fields = match power {
        Power::Serve(names) => json!({ "names": names }),
        Power::Become {
            user,
            groups,
            trusted_for,
        } => json!({ "user": user, "groups": groups, "trusted_for": trusted_for }),
        Power::SignCertificates { authority, trusted_for } => {
            json!({ "authority": authority, "trusted_for": trusted_for })
        }
        Power::Unknown | Power::LogIn | Power::ReadEncryptedSecrets | Power::SignTokens => json!({}),
    };
    let mut power = Map::from_iter([("can".to_owned(), json!(power.name()))]);
    if let Value::Object(fields) = fields {
        power.extend(fields);
    }
    Value::Object(power)
}
