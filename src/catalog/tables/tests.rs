//! What holds between the rows of the tables.

use super::artifacts::ARTIFACTS;
use super::components::COMPONENTS;
use super::safeguards::{SAFEGUARDS, WIRING};
use crate::catalog;
use crate::catalog::component::Unit;
use crate::catalog::flag::{FlagValue, SettingValue};
use crate::catalog::holds::Holds;
use crate::catalog::layouts::Layout;
use crate::catalog::safeguard::Part::{self, Flag, Setting};
use crate::catalog::scope::On;

#[test]
fn every_configuration_file_has_its_row_among_the_artifacts() {
    for component in COMPONENTS {
        let rows: Vec<(On, &str)> = ARTIFACTS
            .iter()
            .filter(|row| row.holds == Holds::Config(component.name))
            .map(|row| (row.on, row.at))
            .collect();
        let expected: Vec<(On, &str)> = component
            .config
            .iter()
            .map(|config| (component.on, config.at))
            .collect();
        assert_eq!(rows, expected, "{}", component.name);
    }
    for row in ARTIFACTS {
        if let Holds::Config(name) = row.holds {
            assert!(catalog::component(name).is_some(), "{name}");
        }
    }
}

#[test]
fn a_unit_that_is_not_generated_has_no_flags() {
    for component in COMPONENTS {
        assert_eq!(
            component.unit == Unit::Generated,
            ARTIFACTS
                .iter()
                .any(|row| row.at == format!("/etc/systemd/system/{}.service", component.name)),
            "{}",
            component.name
        );
        assert!(component.unit == Unit::Generated || component.flags.is_empty());
    }
}

#[test]
fn every_row_is_about_components_that_there_are() {
    let parts = SAFEGUARDS.iter().map(|row| (row.of, row.part));
    for (of, part) in parts.chain(WIRING.iter().map(|row| (row.of, row.part))) {
        for name in of {
            let component = catalog::component(name).expect("a component");
            assert!(
                matches!(part, Flag(_)) || component.config.is_some(),
                "{name} has no configuration file"
            );
        }
    }
    for row in SAFEGUARDS {
        assert!(!row.why.is_empty() && !row.why.ends_with('.'), "{row:?}");
    }
}

/// What names a path, an address or a name of the cluster can't be changed without a word.
#[test]
fn every_flag_and_setting_that_holds_a_path_or_a_variable_is_a_wire() {
    use crate::catalog::flag::SettingValue::{File, Text, Texts};
    use crate::catalog::releases::{self, Program, Release, Version};
    let (first, last) = releases::known(Program::Kubernetes);
    let releases: Vec<Release> = (first.minor..=last.minor)
        .filter_map(|minor| Some(Release::of(Version::parse(&format!("1.{minor}"))?)))
        .collect();
    let mut missing = std::collections::BTreeSet::new();
    // containerd's settings are known to nobody else.
    for component in COMPONENTS.iter().filter(|component| !component.flags.is_empty()) {
        let layouts = Layout::ALL.iter().flat_map(|layout| layout.flags_of(component.name));
        let of_releases = releases.iter().flat_map(|release| release.flags_of(component.name));
        let flags = component.flags.iter().chain(layouts).chain(of_releases);
        let flags = flags.filter_map(|flag| {
            let value = match flag.value {
                FlagValue::Nothing => return None,
                FlagValue::Text(value) => value,
                FlagValue::File(_) => "/",
            };
            Some((format!("--{}", flag.name), Flag(flag.name), value))
        });
        let settings = releases.iter().flat_map(|release| release.settings_of(component));
        let settings = settings.filter_map(|setting| match setting.value {
            Text(value) | Texts(value) => Some((setting.path.join("."), Setting(setting.path), value)),
            File(_) => Some((setting.path.join("."), Setting(setting.path), "/")),
            _ => None,
        });
        for (name, part, value) in flags.chain(settings) {
            let is_about = |of: &[&str], own: Part| own == part && of.contains(&component.name);
            let is_wire = WIRING.iter().any(|row| is_about(row.of, row.part));
            let is_safeguard = SAFEGUARDS.iter().any(|row| is_about(row.of, row.part));
            let is_wired = value.starts_with('/') || value.contains("{{");
            // Nobody else is told of these.
            const OWN: [&str; 5] = [
                "--cluster-name",
                "--bind-address",
                "bindAddress",
                "resolvConf",
                "--image-pull-progress-deadline",
            ];
            let is_own = OWN.contains(&name.as_str());
            if is_wired && !is_wire && !is_safeguard && !is_own {
                missing.insert(format!("{} {name} = {value}", component.name));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Where a certificate lies stands in its row alone; what names it by its use finds one row, and no other.
#[test]
fn every_use_of_a_file_leads_to_one_row() {
    for layout in Layout::ALL {
        for (what, holds) in layout.uses() {
            assert!(
                ARTIFACTS.iter().any(|row| row.holds == *holds),
                "nothing is placed for {what}"
            );
        }
        for component in COMPONENTS {
            let flags = component.flags.iter().chain(layout.flags_of(component.name));
            let of_flags = flags.filter_map(|flag| match flag.value {
                FlagValue::File(what) => Some(what),
                _ => None,
            });
            let settings = component.config.map_or(&[][..], |config| config.settings);
            let of_settings = settings.iter().filter_map(|setting| match setting.value {
                SettingValue::File(what) => Some(what),
                _ => None,
            });
            for what in of_flags.chain(of_settings) {
                let rows = catalog::rows_of(what, layout).filter(|row| row.on.covers(component.on));
                assert_eq!(
                    rows.count(),
                    1,
                    "{what} of {} in the layout {}",
                    component.name,
                    layout.name()
                );
            }
        }
    }
}

#[test]
fn whatever_is_rotated_has_each_phase_once() {
    use crate::catalog::rotation::{ROTATED, RotationPhase};
    let rows: Vec<_> = super::rotations::PHASES.iter().map(|row| (row.of, row.phase)).collect();
    let all = ROTATED
        .into_iter()
        .flat_map(|of| RotationPhase::ALL.map(|phase| (of, phase)));
    assert_eq!(rows, all.collect::<Vec<_>>());
}
