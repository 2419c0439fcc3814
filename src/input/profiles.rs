//! Which profile signs what: the default one, and those of certificates that have one of their own.
use std::collections::BTreeMap;

use crate::diagnostic::suggest::listed;
use crate::diagnostic::{Reporter, codes};
use crate::pki::cfssl::Profile;

use super::cfssl::config::ProfileFile;
use super::csr_folder::Folder;
use super::draft::Draft;
use super::tree::At;

/// A profile that signs something, by the name under which the configuration has it.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    pub name: &'a str,
    pub file: &'a ProfileFile,
}

/// What the checks decided: which profile signs what.
pub struct Profiles<'a> {
    /// The one that `[pki] profile` names.
    pub default: Option<Chosen<'a>>,
    /// By the name of a certificate that has a profile of its own; none where there is no such profile.
    pub own: BTreeMap<&'a str, Option<Chosen<'a>>>,
}

impl<'a> Profiles<'a> {
    /// The profile that signs the certificate `name`.
    pub fn of(&self, name: &str) -> Option<Chosen<'a>> {
        self.own.get(name).copied().unwrap_or(self.default)
    }
}

/// The profiles of all certificates, those that `[pki.profiles]` and `[[certificates]]` give included.
pub fn profiles<'a>(draft: &'a Draft, folder: &'a Folder, say: &Reporter) -> Profiles<'a> {
    let chosen = |name| chosen_profile(name, folder, say);
    let mut own = BTreeMap::new();
    for (name, profile) in &draft.pki.profiles {
        own.insert(name.value.as_str(), chosen(profile));
    }
    let given = |name: &str| draft.pki.profiles.iter().find(|(given, _)| given.value == name);
    let rows = folder.layout.identities();
    for (row, preferred) in rows.iter().filter_map(|row| Some((row, row.profile?))) {
        let found = folder.config.as_ref().and_then(|config| config.profile(preferred));
        if let (None, Some(file)) = (given(row.name), found) {
            let name = preferred;
            own.insert(row.name, Some(Chosen { name, file }));
        }
    }
    let mut twice = Vec::new();
    // A certificate of the user's own that takes the name of one of the cluster's does not give that one its profile.
    let is_own = |name: &str| !rows.iter().any(|row| row.name == name);
    let extra = draft.certificates.iter();
    for certificate in extra.filter(|extra| extra.name.as_ref().is_some_and(|name| is_own(&name.value))) {
        let (Some(name), Some(profile)) = (&certificate.name, certificate.profile.sound()) else {
            // A profile that could not be read is not the default one.
            own.extend(certificate.name.as_ref().map(|name| (name.value.as_str(), None)));
            continue;
        };
        if let Some(profile) = profile {
            own.insert(name.value.as_str(), chosen(profile));
            twice.extend(given(&name.value).map(|(name, _)| name));
        }
    }
    for name in twice {
        let message = format!(
            "[[certificates]] gives `{}` a profile too, and that one counts",
            name.value
        );
        say.at(&name.place, codes::DUPLICATE_FIELD, message);
    }
    for (name, _) in &draft.pki.profiles {
        let extra = draft.certificates.iter().filter_map(|extra| extra.name.as_ref());
        let signed = rows.iter().filter(|row| row.is_signed()).map(|row| row.name);
        let known: Vec<&str> = signed.chain(extra.map(|name| name.value.as_str())).collect();
        if known.contains(&name.value.as_str()) {
            continue;
        }
        if let Some(row) = folder.layout.identity(&name.value) {
            let why = match row.signs() {
                true => "signs itself",
                false => "has no certificate",
            };
            let message = format!("`{}` {why}, and no profile applies to it", name.value);
            say.at(name, codes::UNKNOWN_CERTIFICATE, message).hint("remove it");
        } else {
            let message = format!("there is no certificate `{}`", name.value);
            say.at(name, codes::UNKNOWN_CERTIFICATE, message)
                .meant_of(&name.value, known, "the certificates are");
        }
    }
    let has_own = |name: &str| own.contains_key(name);
    let extras = draft.certificates.iter().filter_map(|extra| extra.name.as_ref());
    let is_needed = rows.iter().any(|row| row.is_signed() && !has_own(row.name))
        || extras.into_iter().any(|name| !has_own(&name.value));
    let default = draft.pki.profile.as_ref();
    // Where nobody named it and it signs nothing, any will do.
    let stand_in = own.values().flatten().copied().next();
    let default = match default.filter(|name| name.place.is_some() || is_needed) {
        Some(name) => chosen(name),
        None => stand_in,
    };
    broad_profiles(folder, &own, default, say);
    Profiles { default, own }
}

/// Where a certificate is for one purpose, and ca-config.json has no profile of the name that is for this one.
fn broad_profiles(
    folder: &Folder,
    own: &BTreeMap<&str, Option<Chosen<'_>>>,
    default: Option<Chosen<'_>>,
    say: &Reporter,
) {
    let (Some(config), Some(default)) = (&folder.config, default) else {
        return;
    };
    let mut wanting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in folder
        .layout
        .identities()
        .iter()
        .filter(|row| !own.contains_key(row.name))
    {
        if let Some(profile) = row.profile {
            wanting.entry(profile).or_default().push(row.name);
        }
    }
    for (profile, names) in wanting {
        let message = format!(
            "there is no profile \"{profile}\": {} get \"{}\"",
            listed(names),
            default.name
        );
        say.at(&config.place, codes::BROAD_PROFILE, message);
    }
}

fn chosen_profile<'a>(name: &'a At<String>, folder: &'a Folder, say: &Reporter) -> Option<Chosen<'a>> {
    let config = folder.config.as_ref()?;
    let profile = config.profile(&name.value);
    // Where an error keeps the profiles from being read, the one that is missing may be among them.
    if profile.is_none() && !(config.profiles.is_empty() && config.broken) {
        let message = format!("{} has no profile \"{}\"", folder.config_file.name, name.value);
        let place = name.place.as_ref().unwrap_or(&config.place);
        let told = say.at(place, codes::UNKNOWN_PROFILE, message);
        let default_signs = !config.default.profile.usages.is_empty();
        match (name.place.is_some(), config.names().next()) {
            (true, Some(_)) => told.meant_of(&name.value, config.names(), "the profiles are"),
            (true, None) if default_signs => told.hint("write \"default\": there is `signing.default` alone"),
            (false, None) if default_signs => {
                told.hint("write profile = \"default\" below [pki]: there is `signing.default` alone");
            }
            (_, None) => told.hint(format!("add the profile \"{}\", with its usages", name.value)),
            (false, Some(_)) => told.hint(format!(
                "add it, or write which one signs what has no profile of its own, as `profile` below [pki]: there are {}",
                listed(config.names())
            )),
        }
    }
    profile.map(|file| Chosen {
        name: &name.value,
        file,
    })
}

/// The path length that a profile gives to authorities, by cfssl's rule that 0 is none unless it is asked for by name.
pub fn path_length(profile: &Profile) -> Option<u32> {
    let constraint = profile.ca_constraint;
    let is_set = constraint.max_path_len != 0 || constraint.max_path_len_zero;
    (constraint.is_ca && is_set).then_some(constraint.max_path_len)
}
