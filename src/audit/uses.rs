//! What each certificate is for: as flags and configurations name it, else as its file or its user is called.

use std::collections::BTreeMap;

use super::login::KUBECONFIG_FLAGS;
use super::relations::{HeldAt, Party, SHOWN, TRUSTED};
use super::view::View;
use crate::pki::inspect::Certificate;

/// What is shown to nobody, and often lies in a certificate.
const TOKENS: (Party, HeldAt, &str) = (
    Party::ApiServer,
    HeldAt::Flag("service-account-key-file"),
    "service accounts",
);

/// By host and path, what is there for whom: its rank, then in words.
type Named<'b> = BTreeMap<(&'b str, &'b str), Vec<(usize, String)>>;

/// What is used for what in a bundle.
pub(crate) struct Uses<'v> {
    leaves: Named<'v>,
    authorities: Named<'v>,
}

impl<'v> Uses<'v> {
    pub(crate) fn read(view: &'v View<'v>) -> Uses<'v> {
        Uses {
            leaves: of_leaves(view),
            authorities: of_flags(view, TRUSTED.iter().map(|row| (row.by, row.file, row.purpose))),
        }
    }

    /// Whether the authorities at one of these places (host and path) are trusted by somebody.
    pub(crate) fn is_trusted(&self, places: &[(String, String)]) -> bool {
        let mut places = places.iter();
        places.any(|(host, path)| self.authorities.contains_key(&(host.as_str(), path.as_str())))
    }

    /// What a certificate that lies at `places` (host and path) is for, the most telling first.
    pub(crate) fn of(&self, certificate: &Certificate, places: &[(String, String)]) -> Vec<String> {
        let named = match certificate.authority {
            true => &self.authorities,
            false => &self.leaves,
        };
        let places_of = places.iter().map(|(host, path)| (host.as_str(), path.as_str()));
        let mut uses: Vec<&(usize, String)> = places_of.filter_map(|place| named.get(&place)).flatten().collect();
        uses.sort();
        let mut words: Vec<String> = Vec::new();
        for (_, word) in uses {
            if !words.contains(word) {
                words.push(word.clone());
            }
        }
        if words.is_empty() {
            words.push(by_name(certificate, places));
        }
        words
    }
}

fn of_flags<'v>(view: &'v View<'v>, table: impl Iterator<Item = (Party, HeldAt, &'static str)> + Clone) -> Named<'v> {
    let mut named = Named::new();
    for host in &view.hosts {
        for (rank, (party, at, what)) in table.clone().enumerate() {
            // What a configuration names comes after what flags name.
            let HeldAt::Flag(flag) = at else { continue };
            let paths = host
                .programs(party.program())
                .flat_map(|command| command.line.values(flag));
            for path in paths.filter_map(|path| host.resolve(path)) {
                let uses = named.entry((host.name, path)).or_default();
                uses.push((rank, what.to_owned()));
            }
        }
    }
    named
}

/// Flags, the kubelet's configuration, and who uses which kubeconfig.
fn of_leaves<'v>(view: &'v View<'v>) -> Named<'v> {
    let shown = SHOWN.iter().map(|row| (row.by, row.certificate, row.purpose));
    let mut named = of_flags(view, shown.chain([TOKENS]));
    for host in &view.hosts {
        let mut add = |path: Option<&str>, what: String| {
            if let Some(path) = path.and_then(|path| host.resolve(path)) {
                named
                    .entry((host.name, path))
                    .or_default()
                    .push((SHOWN.len() + 1, what));
            }
        };
        for command in &host.commands {
            let program = &command.line.program;
            for flag in KUBECONFIG_FLAGS {
                add(command.line.flag(flag), format!("{program} client"));
            }
            for document in host.documents(command.line.flag("config").unwrap_or_default()) {
                let kubeconfig = document.text_at(&["clientConnection", "kubeconfig"]);
                add(kubeconfig, format!("{program} client"));
                add(document.text_at(&["tlsCertFile"]), format!("{program} serving"));
            }
        }
    }
    named
}

/// By its user, else by its file.
fn by_name(certificate: &Certificate, places: &[(String, String)]) -> String {
    let common_name = certificate.user();
    if common_name.starts_with("system:node:") {
        return match (certificate.server_auth, certificate.client_auth) {
            (true, false) => "kubelet serving".to_owned(),
            (false, true) => "kubelet client".to_owned(),
            _ => "kubelet".to_owned(),
        };
    }
    if let Some(component) = common_name.strip_prefix("system:") {
        return format!("{component} client");
    }
    let files = places.iter().map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
    // A kubeconfig's name says who, a certificate's what.
    let (kubeconfigs, certificates): (Vec<&str>, Vec<&str>) = files.partition(|file| file.ends_with("kubeconfig"));
    let file = certificates
        .first()
        .or(kubeconfigs.first())
        .copied()
        .unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    match stem {
        "" => common_name.to_owned(),
        stem => stem.to_owned(),
    }
}
