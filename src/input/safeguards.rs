//! Which safeguards the user's flags and settings take away, and what else depends on what they change.
use crate::catalog::component::Component;
use crate::catalog::flag::{Flag, FlagValue, Given, Setting as GeneratedSetting, SettingValue};
use crate::catalog::layouts::Layout;
use crate::catalog::safeguard::{Gone, Part, is_weak_cipher};
use crate::catalog::tables::safeguards::{PERMISSIVE_DEFAULTS, SAFEGUARDS, WIRING};
use crate::catalog::{flags_of, path_of};
use crate::cluster::OwnFlag;
use crate::diagnostic::{Place, Reporter, codes};
use crate::rules::stands_in;
use crate::settings::Value as Setting;

use super::draft::{Draft, DraftOverride};

/// What the user does to a flag or a setting.
enum Tampering {
    Removed,
    /// Removed, and the program is given another that decides in its place.
    Replaced,
    Given(Vec<String>),
}

/// Says which safeguards are taken away, and what else depends on what was changed.
pub fn safeguards(draft: &Draft, own: &DraftOverride, say: &Reporter) {
    let ours = generated_flags(draft, own.component);
    // Where one layout has it elsewhere than another, what is written out stays behind when the layout changes.
    let path = |what: &str| {
        let mut paths = Layout::ALL
            .into_iter()
            .filter_map(|layout| path_of(what, own.component, layout));
        let first = paths.next()?;
        paths.all(|path| path == first).then_some(first)
    };
    for (name, flag) in &own.flags {
        let change = match flag {
            OwnFlag::Removed if !ours.iter().any(|ours| ours.name == name.value) => continue,
            OwnFlag::Removed if is_replaced(draft, own, &name.value) => Tampering::Replaced,
            OwnFlag::Removed => Tampering::Removed,
            OwnFlag::Values(values) if values.iter().all(String::is_empty) => Tampering::Removed,
            OwnFlag::Values(values) => {
                // What is as it was changes nothing.
                let same = |ours: &Flag| {
                    let value = match ours.value {
                        FlagValue::Nothing => Some("true"),
                        FlagValue::Text(text) => Some(text),
                        FlagValue::File(what) => path(what),
                    };
                    (ours.name, ours.given) == (&name.value, Given::Always) && value == Some(&values.join(","))
                };
                if ours.iter().any(same) {
                    continue;
                }
                Tampering::Given(values.clone())
            }
        };
        let is_part = |part: Part| matches!(part, Part::Flag(own) if own == name.value);
        let written = [&format!("--{}", name.value), "="];
        judge(own.component, &is_part, &change, written, &name.place, say);
    }
    let settings = draft
        .release
        .iter()
        .flat_map(|known| known.release.settings_of(own.component));
    let settings: Vec<_> = settings.collect();
    for (at, value) in &own.leaves {
        let values = texts(value);
        let same = |ours: &GeneratedSetting| {
            let text = match ours.value {
                SettingValue::Text(text) => Some(text),
                SettingValue::File(what) => path(what),
                _ => None,
            };
            ours.path.iter().eq(at.value.iter()) && text.is_some_and(|text| values == [text])
        };
        if settings.iter().any(same) {
            continue;
        }
        let change = match values.iter().all(String::is_empty) {
            true => Tampering::Removed,
            false => Tampering::Given(values),
        };
        let is_part = |part: Part| matches!(part, Part::Setting(own) if own.iter().eq(at.value.iter()));
        let written = [&at.value.join("."), ": "];
        judge(own.component, &is_part, &change, written, &at.place, say);
    }
}

/// Whether the user gives the same hosts another flag that decides in the place of this one.
fn is_replaced(draft: &Draft, own: &DraftOverride, flag: &str) -> bool {
    let place = |own: &DraftOverride| own.on.as_ref().map(|on| on.value.clone());
    let is_here =
        |other: &&DraftOverride| other.component == own.component && (other.on.is_none() || place(other) == place(own));
    let given = draft.components.iter().filter(is_here).flat_map(|other| &other.flags);
    let given: Vec<&str> = given
        .filter(|(_, value)| matches!(value, OwnFlag::Values(values) if values.iter().any(|value| !value.is_empty())))
        .map(|(name, _)| name.value.as_str())
        .collect();
    stands_in(own.component.name, flag, |other| given.contains(&other))
}

/// The flags that a component is given without the user, as far as the release and the layout are known.
pub fn generated_flags(draft: &Draft, component: &Component) -> Vec<Flag> {
    let release = draft.release.as_ref().map(|known| &known.release);
    let flags = flags_of(component, draft.pki.layout, release).into_iter();
    flags.map(|(flag, _)| flag).collect()
}

/// A value as a list of texts.
fn texts(value: &Setting) -> Vec<String> {
    match value {
        Setting::Text(text) => vec![text.clone()],
        Setting::Boolean(value) => vec![value.to_string()],
        Setting::Integer(value) => vec![value.to_string()],
        Setting::Float(value) => vec![value.to_string()],
        Setting::List(list) => list.iter().flat_map(texts).collect(),
        Setting::Table(_) => Vec::new(),
    }
}

/// Says what a change to a part takes away. `[name, is]` is how it is written: its name, and what stands before its value.
fn judge(
    component: &Component,
    is_part: &dyn Fn(Part) -> bool,
    change: &Tampering,
    [name, is]: [&str; 2],
    place: &Option<Place>,
    say: &Reporter,
) {
    let what = match change {
        Tampering::Removed | Tampering::Replaced => format!("{} without `{name}`", component.name),
        Tampering::Given(values) => format!("{} `{name}{is}{}`", component.name, values.join(",")),
    };
    let is_about = |of: &[&str], part| of.contains(&component.name) && is_part(part);
    let mut weakened = false;
    for row in SAFEGUARDS.iter().filter(|row| is_about(row.of, row.part)) {
        if is_gone(row.gone, change) {
            weakened = true;
            let is_default = PERMISSIVE_DEFAULTS.contains(&(component.name, row.part));
            let code = if is_default {
                codes::PERMISSIVE_DEFAULT
            } else {
                codes::WEAKENED_SAFEGUARD
            };
            say.at(place, code, format!("{what}: {}", row.why));
        }
    }
    if weakened {
        return;
    }
    if let Some(row) = WIRING.iter().find(|row| is_about(row.of, row.part)) {
        let message = format!(
            "khw-gen decides `{}` of {}, and this depends on it: {}",
            name.trim_start_matches("--"),
            component.name,
            row.dependents
        );
        say.at(place, codes::OVERRIDDEN_WIRING, message);
    }
}

/// Whether a change takes a safeguard away. Of several values that a flag is given the last may count, or all: one is enough.
fn is_gone(gone: Gone, change: &Tampering) -> bool {
    let values = match change {
        Tampering::Removed => return gone == Gone::Removed,
        Tampering::Replaced => return false,
        Tampering::Given(values) => values,
    };
    // strconv.ParseBool of Go.
    let is_true = |value: &String| ["1", "t", "T", "TRUE", "true", "True"].contains(&value.as_str());
    let is_false = |value: &String| ["0", "f", "F", "FALSE", "false", "False"].contains(&value.as_str());
    let items = || values.iter().flat_map(|value| value.split(',')).map(str::trim);
    let plain = |url: &str| url.to_ascii_lowercase().strip_prefix("http://").map(str::to_owned);
    match gone {
        Gone::Removed => false,
        Gone::Given => true,
        Gone::True => values.iter().any(is_true),
        Gone::False => values.iter().any(is_false),
        Gone::OneOf(some) => items().any(|item| some.contains(&item)),
        Gone::Not(only) => values.iter().any(|value| value.trim() != only),
        Gone::Has(bad) => items().any(|item| item == bad),
        Gone::Lacks(good) => !items().any(|item| item == good),
        Gone::PlainHttp => items().any(|url| plain(url).is_some_and(|rest| !is_loopback(&rest))),
        Gone::PlainHttpHere => items().any(|url| plain(url).is_some_and(|rest| is_loopback(&rest))),
        Gone::HasWeakCipher => items().any(is_weak_cipher),
        Gone::OffLoopback => items().any(|address| !is_loopback(address)),
    }
}

/// Whether `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, perhaps with a path, is the host itself.
fn is_loopback(address: &str) -> bool {
    let authority = address.split('/').next().unwrap_or(address);
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_address = |text: &str| {
        let is_ip = bare(text).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        is_ip || text.eq_ignore_ascii_case("localhost")
    };
    is_address(authority) || authority.rsplit_once(':').is_some_and(|(host, _)| is_address(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_is_one_in_every_form() {
        for here in [
            "127.0.0.1",
            "127.0.0.1:2379",
            "127.9.9.9:1/x",
            "[::1]:2379",
            "::1",
            "localhost:80",
            "LOCALHOST",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            "0.0.0.0:1",
            "10.0.0.1",
            "[::]:2379",
            "::",
            "localhost.example",
            "127.0.0.1.example:1",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_safeguard_is_gone_when_its_row_says_so() {
        let given = |values: &[&str]| Tampering::Given(values.iter().map(|value| (*value).to_owned()).collect());
        for (gone, values, expected) in [
            (Gone::Has("AlwaysAllow"), &["Node,AlwaysAllow"][..], true),
            (Gone::Has("AlwaysAllow"), &["Node", "AlwaysAllow"], true),
            (Gone::Has("AlwaysAllow"), &["NotAlwaysAllow"], false),
            (Gone::Lacks("RBAC"), &["Node, RBAC"], false),
            (Gone::Lacks("RBAC"), &["Node"], true),
            (Gone::True, &["T"], true),
            (Gone::True, &["false"], false),
            (Gone::False, &["0"], true),
            (Gone::Not("0"), &["8080"], true),
            (Gone::Not("0"), &["0"], false),
            (Gone::PlainHttp, &["https://10.0.0.1:2379,http://127.0.0.1:2379"], false),
            (Gone::PlainHttp, &["HTTP://10.0.0.1:2379"], true),
            (
                Gone::PlainHttpHere,
                &["https://10.0.0.1:2379,http://127.0.0.1:2379"],
                true,
            ),
            (
                Gone::PlainHttpHere,
                &["https://127.0.0.1:2379,http://10.0.0.1:2379"],
                false,
            ),
            (
                Gone::HasWeakCipher,
                &["TLS_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_GCM_SHA256"],
                true,
            ),
            (Gone::HasWeakCipher, &["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], false),
            (Gone::OffLoopback, &["0.0.0.0:10251"], true),
            (Gone::Removed, &["x"], false),
            (Gone::Given, &["x"], true),
        ] {
            assert_eq!(is_gone(gone, &given(values)), expected, "{gone:?} {values:?}");
        }
        assert!(!is_gone(Gone::Removed, &Tampering::Replaced));
        assert!(is_gone(Gone::Removed, &Tampering::Removed) && !is_gone(Gone::Lacks("RBAC"), &Tampering::Removed));
    }
}
