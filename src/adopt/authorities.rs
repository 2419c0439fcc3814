//! Which authority is which: as flags say who is trusted for what, else as it follows from what each has signed, and last from its name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::evidence::{Basis, Claims, Evidence};
use super::material::{FoundCertificate, Material, TrustedBeside};
use super::programs::{RunningProgram, certificates, resolve};
use super::shown::{ShownAs, of};
use crate::catalog::layouts::Layout;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::pki::inspect::{Certificate, Item};
use crate::pki::secret::SecretBytes;
use time::OffsetDateTime;

pub(super) const CLUSTER: &str = "ca";
pub(super) const ETCD: &str = "etcd-ca";
pub(super) const FRONT_PROXY: &str = "front-proxy-ca";

/// RunningProgram | flag | which authority the file of it is trusted as.
#[rustfmt::skip]
const FLAGS: &[(&str, &str, &str)] = &[
    ("kube-apiserver", "client-ca-file", CLUSTER),
    ("kube-apiserver", "etcd-cafile", ETCD),
    ("kube-apiserver", "requestheader-client-ca-file", FRONT_PROXY),
    ("kube-controller-manager", "cluster-signing-cert-file", CLUSTER),
    ("kube-controller-manager", "root-ca-file", CLUSTER),
    ("kubelet", "client-ca-file", CLUSTER),
    ("etcd", "trusted-ca-file", ETCD),
    ("etcd", "peer-trusted-ca-file", ETCD),
];

/// The flag by which one signs, and nobody is trusted.
const SIGNS: &str = "cluster-signing-cert-file";

/// Which authority signs what is used so.
#[rustfmt::skip]
const SIGNED: &[(&str, &str)] = &[
    ("apiserver", CLUSTER),
    ("kubelet-client", CLUSTER),
    ("kube-controller-manager", CLUSTER),
    ("kube-scheduler", CLUSTER),
    ("kube-proxy", CLUSTER),
    ("admin", CLUSTER),
    ("break-glass", CLUSTER),
    ("etcd-server", ETCD),
    ("etcd-peer", ETCD),
    ("apiserver-etcd-client", ETCD),
    ("front-proxy-client", FRONT_PROXY),
];

/// What the name of an authority, or of its file, has in it.
#[rustfmt::skip]
const HINTS: &[(&str, &str)] = &[
    ("etcd", ETCD),
    ("front-proxy", FRONT_PROXY),
    ("frontproxy", FRONT_PROXY),
    ("requestheader", FRONT_PROXY),
    ("aggregat", FRONT_PROXY),
    ("proxy", FRONT_PROXY),
];

/// An authority that is kept.
#[derive(Clone, Debug)]
pub(super) struct KeptAuthority {
    /// `ca`, `etcd-ca` or `front-proxy-ca`.
    pub name: &'static str,
    pub certificate: Arc<Certificate>,
    /// None where it signs elsewhere.
    pub key: Option<SecretBytes>,
    pub basis: Basis,
    /// Others that are trusted for the same.
    pub beside: Vec<TrustedBeside>,
}

/// How it is known that an authority is trusted for something.
#[derive(Clone, Copy)]
enum Known<'c> {
    /// Flags, configurations and kubeconfigs trust it, or sign with it; these are those that trust.
    Trusted(&'c Claims<Vec<u8>>),
    /// It has signed what is used.
    Signs,
    /// It is called so, or has no other purpose.
    Called,
}

/// The authorities of a cluster, and the layout that they are of.
pub(super) struct Authorities {
    pub layout: Layout,
    pub kept: Vec<KeptAuthority>,
    /// The public keys of those that are kept, and of those of which it was said that they are not.
    pub told: BTreeSet<Vec<u8>>,
    /// Where keys lie of which it was said that they can't be read.
    pub locked: Vec<Evidence>,
}

/// Finds them; without one of the cluster there is nothing to keep, which is reported.
pub(super) fn authorities(
    programs: &[RunningProgram<'_>],
    material: &Material<'_>,
    shown: &[ShownAs],
    at: OffsetDateTime,
    say: &Reporter,
) -> Option<Authorities> {
    let all = material.authorities();
    let mut kept: Vec<KeptAuthority> = Vec::new();
    let mut told: BTreeSet<Vec<u8>> = BTreeSet::new();
    let flags = [CLUSTER, ETCD, FRONT_PROXY].map(|name| {
        let any = by_flags(name, &|_| true, programs, material);
        (any, by_flags(name, &|flag| flag != SIGNS, programs, material))
    });
    let signed = [CLUSTER, ETCD, FRONT_PROXY].map(|name| by_what_is_signed(name, shown, &all));
    for ((name, (by_flags, trusted)), signed) in [CLUSTER, ETCD, FRONT_PROXY].into_iter().zip(flags).zip(signed) {
        // A name says something where no API server says whom it trusts.
        let by_name = || match programs.iter().any(|one| one.name() == "kube-apiserver") {
            true => Claims::default(),
            false => by_hints(name, &all),
        };
        let (known, claims) = [(Known::Trusted(&trusted), by_flags), (Known::Signs, signed)]
            .into_iter()
            .find(|(_, claims)| !claims.is_empty())
            .unwrap_or_else(|| (Known::Called, by_name()));
        told.extend(claims.all().iter().map(|(key, _)| key.clone()));
        kept.extend(choose(name, known, &claims, shown, material));
    }
    if !kept.iter().any(|one| one.name == CLUSTER) {
        // What has no role of its own is the cluster's.
        let others = all.iter().filter(|one| {
            !kept
                .iter()
                .any(|kept| kept.certificate.public_key == one.certificate.public_key)
        });
        let mut claims = Claims::default();
        for other in others {
            let evidence = other.at.first().map(|at| at.evidence.clone());
            claims.add(
                other.certificate.public_key.clone(),
                evidence.unwrap_or_else(|| Evidence::words("an authority")),
            );
        }
        let Some(chosen) = choose(CLUSTER, Known::Called, &claims, shown, material) else {
            let message = match all.is_empty() {
                true => "there is no certificate of an authority".to_owned(),
                false => "none of the authorities is the cluster's: nothing is signed by them that a kubelet or an administrator shows".to_owned(),
            };
            say.add(Diagnostic::new(codes::NO_AUTHORITY, message));
            return None;
        };
        told.extend(claims.all().iter().map(|(key, _)| key.clone()));
        kept.insert(0, chosen);
    }
    let layout = layout(&kept, say);
    // One key under two names would be one authority.
    let cluster = kept
        .iter()
        .find(|one| one.name == CLUSTER)
        .map(|one| one.certificate.public_key.clone());
    let (mut kept, one_of_several): (Vec<_>, Vec<_>) = kept.into_iter().partition(|one| {
        one.name == CLUSTER || layout == Layout::Split && Some(&one.certificate.public_key) != cluster.as_ref()
    });
    if let Some(of_cluster) = kept.iter_mut().find(|one| one.name == CLUSTER) {
        let beside = one_of_several.into_iter().flat_map(|one| one.beside);
        for other in beside.filter(|other| Some(&other.public) != cluster.as_ref()) {
            if !of_cluster.beside.iter().any(|known| known.public == other.public) {
                let everywhere = false;
                of_cluster.beside.push(TrustedBeside { everywhere, ..other });
            }
        }
    }
    let locked = kept.iter().filter_map(|one| check(one, material, at, say)).collect();
    Some(Authorities {
        layout,
        kept,
        told,
        locked,
    })
}

/// The layout that fits who signs what. With an authority of its own for the front proxy alone, what the front proxy has stays where it is.
fn layout(kept: &[KeptAuthority], say: &Reporter) -> Layout {
    let key_of = |name: &str| {
        kept.iter()
            .find(|one| one.name == name)
            .map(|one| one.certificate.public_key.clone())
    };
    let is_own = |name: &str| key_of(name).is_some_and(|key| Some(key) != key_of(CLUSTER));
    let place = |name: &str| {
        kept.iter()
            .find(|one| one.name == name)
            .map_or_else(String::new, |one| one.basis.comment())
    };
    match (is_own(ETCD), is_own(FRONT_PROXY)) {
        (true, false) => {
            if key_of(FRONT_PROXY).is_some() {
                let message = format!(
                    "`{CLUSTER}` vouches for the front proxy too ({}): from the first build on the front proxy has an authority of its own",
                    place(FRONT_PROXY)
                );
                say.add(Diagnostic::new(codes::FRONT_PROXY, message));
            }
            Layout::Split
        }
        (true, true) => Layout::Split,
        (false, true) => {
            let message = format!(
                "the front proxy has an authority of its own ({}), and etcd has none: its files stay where they are, and nothing renews them",
                place(FRONT_PROXY)
            );
            say.add(Diagnostic::new(codes::FRONT_PROXY, message));
            Layout::Single
        }
        (false, false) => Layout::Single,
    }
}

/// The public keys of authorities that flags, configurations and kubeconfigs trust so.
fn by_flags(
    name: &str,
    counts: &dyn Fn(&str) -> bool,
    programs: &[RunningProgram<'_>],
    material: &Material<'_>,
) -> Claims<Vec<u8>> {
    let mut claims = Claims::default();
    for program in programs {
        for (_, flag, _) in FLAGS
            .iter()
            .filter(|(of, flag, role)| *of == program.name() && *role == name && counts(flag))
        {
            for authority in program.certificates(flag) {
                claims.add(authority.public_key.clone(), program.evidence(flag));
            }
        }
        if name != CLUSTER || program.name() != "kubelet" {
            continue;
        }
        if let Some((path, config)) = program.config()
            && let Some(named) = config.text_at(&["authentication", "x509", "clientCAFile"])
            && let Some(file) = resolve(program.host, named)
        {
            let evidence = Evidence::within(program.host, path, "clientCAFile", "clientCAFile");
            for authority in certificates(program.host, file) {
                claims.add(authority.public_key.clone(), evidence.clone());
            }
        }
    }
    if name == CLUSTER {
        for login in &material.logins {
            for authority in login.login.trusted.iter().filter_map(Item::certificate) {
                claims.add(authority.public_key.clone(), login.evidence.clone());
            }
        }
    }
    claims
}

/// The public keys of authorities that have signed what is used so.
fn by_what_is_signed(name: &str, shown: &[ShownAs], all: &[&FoundCertificate]) -> Claims<Vec<u8>> {
    let mut claims = Claims::default();
    for (purpose, _) in SIGNED.iter().filter(|(_, role)| *role == name) {
        for leaf in of(shown, purpose) {
            if let Some(issuer) = issuer_of(&leaf.certificate, all) {
                let evidence = Evidence::words(format!("{} is signed by it", leaf.evidence));
                claims.add(issuer.public_key.clone(), evidence);
            }
        }
    }
    claims
}

/// The authority that has signed a certificate.
fn issuer_of<'m>(leaf: &Certificate, all: &[&'m FoundCertificate]) -> Option<&'m Arc<Certificate>> {
    let signs =
        |one: &&&'m FoundCertificate| leaf.names_as_issuer(&one.certificate) && leaf.is_signed_by(&one.certificate);
    all.iter().find(signs).map(|one| &one.certificate)
}

fn by_hints(name: &str, all: &[&FoundCertificate]) -> Claims<Vec<u8>> {
    let mut claims = Claims::default();
    for one in all {
        let texts = || {
            let paths = one.at.iter().map(|at| at.path.to_lowercase());
            std::iter::once(one.certificate.user().to_lowercase()).chain(paths)
        };
        let hinted = HINTS.iter().find(|(part, _)| texts().any(|text| text.contains(part)));
        if hinted.map(|(_, role)| *role) == Some(name)
            && let Some(at) = one.at.first()
        {
            claims.add(one.certificate.public_key.clone(), at.evidence.clone());
        }
    }
    claims
}

/// Of those that are trusted so the one that signs: what is in use is signed by it, and its key is here.
fn choose(
    name: &'static str,
    known: Known<'_>,
    claims: &Claims<Vec<u8>>,
    shown: &[ShownAs],
    material: &Material<'_>,
) -> Option<KeptAuthority> {
    let all = material.authorities();
    let signed = |key: &Vec<u8>| {
        let purposes = SIGNED.iter().filter(|(_, role)| *role == name);
        let leaves = purposes.flat_map(|(purpose, _)| of(shown, purpose));
        leaves
            .filter(|leaf| issuer_of(&leaf.certificate, &all).is_some_and(|issuer| issuer.public_key == *key))
            .count()
    };
    let weight = |key: &Vec<u8>, by: &Vec<Evidence>| (signed(key), material.private(key).is_some(), by.len());
    // The first of those that weigh the most.
    let mut best: Option<(&Vec<u8>, &Vec<Evidence>)> = None;
    for (key, by) in claims.all() {
        if best.is_none_or(|(known, known_by)| weight(key, by) > weight(known, known_by)) {
            best = Some((key, by));
        }
    }
    let (key, by) = best?;
    let certificate = all.iter().find(|one| one.certificate.public_key == *key)?;
    let others = claims.all().iter().filter(|(other, _)| other != key);
    let beside = others.map(|(other, other_by)| {
        let found = all.iter().find(|one| one.certificate.public_key == *other);
        TrustedBeside {
            public: other.clone(),
            certificate: found.map(|one| Arc::clone(&one.certificate)),
            key: material.private(other).cloned(),
            by: other_by.clone(),
            everywhere: match known {
                Known::Trusted(trusted) => {
                    let places = |of: &Vec<u8>| trusted.told_by(of);
                    places(key).iter().all(|place| places(other).contains(place))
                }
                Known::Signs => true,
                Known::Called => false,
            },
        }
    });
    Some(KeptAuthority {
        beside: beside.collect(),
        name,
        certificate: Arc::clone(&certificate.certificate),
        key: material.private(key).cloned(),
        basis: Basis::Told(by.clone()),
    })
}

/// Whether it can go on signing; where its key lies, if that was told since it can't be read.
fn check(one: &KeptAuthority, material: &Material<'_>, at: OffsetDateTime, say: &Reporter) -> Option<Evidence> {
    let place = one.basis.comment();
    let name = one.name;
    if one.certificate.not_after <= at {
        let message = format!(
            "the authority `{name}` has ended at {} ({place})",
            one.certificate.not_after.date()
        );
        say.add(Diagnostic::new(codes::ENDED, message));
    }
    if one.key.is_some() {
        return None;
    }
    // A key that is here and can't be read may be its own.
    let places = material.certificates.get(&one.certificate.fingerprint);
    let stems: Vec<String> = places
        .into_iter()
        .flat_map(|one| &one.at)
        .map(|at| stem(&at.path))
        .collect();
    let locked = material
        .unreadable
        .iter()
        .find(|item| item.may_be_key() && stems.contains(&stem(&item.path)));
    match locked {
        Some(item) => {
            let message = format!(
                "the key of the authority `{name}` can't be read: {}, {}",
                item.evidence, item.why
            );
            let told = Diagnostic::new(codes::LOCKED_KEY, message);
            say.add(match item.is_of_age() {
                true => told.hint("turn it into one that is not locked, beside the old one, 0600: age --decrypt -o NEW KEY; or take it out, if the authority is to sign elsewhere"),
                false => told,
            });
            Some(item.evidence.clone())
        }
        None => {
            let message =
                format!("the key of the authority `{name}` is not here ({place}): it signs elsewhere from now on");
            say.add(Diagnostic::new(codes::NO_KEY, message));
            None
        }
    }
}

/// What a certificate's file and its key's have in common: `/etc/pki/ca` of `ca.pem` and `ca-key.pem`, `ca.crt` and `ca.key`.
fn stem(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.split_once('.').map_or(name, |(stem, _)| stem);
    let name = name
        .strip_suffix("-key")
        .or_else(|| name.strip_suffix("_key"))
        .unwrap_or(name);
    format!("{folder}/{name}")
}
