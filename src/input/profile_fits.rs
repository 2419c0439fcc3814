//! Whether profiles permit what they are used for.
use crate::catalog::identity::Identity;
use crate::diagnostic::suggest::listed;
use crate::diagnostic::{Place, Reporter, codes};
use crate::pki::cfssl::{CsrWhitelist, ExtendedKeyUsage, KeyUsage, Usage};

use super::draft::Draft;
use super::profiles::Chosen;
use super::signed::{Leaf, Signs, own};

pub fn profile_fits(chosen: Chosen<'_>, leaves: &[Leaf<'_>], say: &Reporter) {
    let Chosen { name, file } = chosen;
    let profile = &file.profile;
    // What a certificate of the user's own is for, nobody but the user knows.
    let rows: Vec<&Identity> = leaves
        .iter()
        .filter(|leaf| leaf.profile.is_some_and(|profile| profile.name == name))
        .filter_map(|leaf| leaf.row)
        .collect();
    if let Some(place) = &file.remote {
        say.at(place, codes::UNSUPPORTED_FIELD, "the profile signs on a remote server");
    }
    for (place, why) in &file.unsupported {
        say.at(place, codes::UNSUPPORTED_FIELD, why.as_str());
    }
    let unfit = |why: String, place: &Place| {
        let message = format!("the profile \"{name}\" {why}");
        say.at(place, codes::PROFILE_DOES_NOT_FIT, message);
    };
    if file.usages_broken {
        // Whether the usages that were meant would do can't be said.
    } else if profile.usages.is_empty() {
        // A named profile without usages has been reported where it stands; only `default` may have none.
        if name == "default" {
            unfit(
                "has no usages, and cfssl signs nothing with it".to_owned(),
                &file.usages,
            );
        }
    } else {
        for (usage, called) in [
            (ExtendedKeyUsage::ServerAuth, "server auth"),
            (ExtendedKeyUsage::ClientAuth, "client auth"),
        ] {
            let users: Vec<&str> = rows.iter().filter(|row| row.needs(usage)).map(|row| row.name).collect();
            let has = profile
                .usages
                .iter()
                .any(|has| *has == Usage::Extended(usage) || *has == Usage::Extended(ExtendedKeyUsage::Any));
            if !has && !users.is_empty() {
                let need = if users.len() == 1 { "needs" } else { "need" };
                unfit(
                    format!("lacks the usage \"{called}\", which {} {need}", listed(users)),
                    &file.usages,
                );
            }
        }
        let key_usages = profile.usages.iter().any(|usage| matches!(usage, Usage::Key(_)));
        let signs = profile.usages.contains(&Usage::Key(KeyUsage::DigitalSignature));
        if key_usages && !signs && !rows.is_empty() {
            unfit(
                "lacks the usage \"signing\", without which no TLS handshake can be signed".to_owned(),
                &file.usages,
            );
        }
    }
    if profile.ca_constraint.is_ca && !rows.is_empty() {
        unfit(
            "makes every certificate an authority, and cfssl leaves out its DNS names".to_owned(),
            &file.place,
        );
    }
    if let Some(why) = profile.csr_whitelist.as_ref().and_then(whitelist_problem) {
        unfit(why.to_owned(), &file.place);
    }
}

fn whitelist_problem(whitelist: &CsrWhitelist) -> Option<&'static str> {
    match whitelist {
        CsrWhitelist { subject: false, .. } => Some("drops the subject: its `CSRWhitelist` lacks `Subject`"),
        CsrWhitelist { public_key: false, .. } => {
            Some("drops the public key: its `CSRWhitelist` lacks `PublicKey` or `PublicKeyAlgorithm`")
        }
        CsrWhitelist { dns_names: false, .. } => {
            Some("drops the DNS names of servers: its `CSRWhitelist` lacks `DNSNames`")
        }
        CsrWhitelist {
            ip_addresses: false, ..
        } => Some("drops the addresses of servers: its `CSRWhitelist` lacks `IPAddresses`"),
        _ => None,
    }
}

/// The extended key usages of an authority bound those of all below it: so OpenSSL, Go and others read them.
pub fn withheld_usages(draft: &Draft, leaves: &[Leaf<'_>], say: &Reporter) {
    let usages = |leaf: &Leaf<'_>| -> Vec<ExtendedKeyUsage> {
        let profile = leaf.profile.map(|profile| &profile.file.profile.usages[..]);
        let extended = |usage: &Usage| match usage {
            Usage::Extended(usage) => Some(*usage),
            Usage::Key(_) => None,
        };
        profile.unwrap_or_default().iter().filter_map(extended).collect()
    };
    for leaf in leaves.iter().filter(|leaf| leaf.is_own()) {
        let wanted = usages(leaf);
        let mut above = leaf.issuer;
        // No chain is longer than there are certificates; a cycle has been reported.
        for _ in leaves {
            let Some(issuer) = above.and_then(|signs| match signs {
                Signs::Extra(_, name) => own(leaves, name),
                Signs::Authority(_) => None,
            }) else {
                break;
            };
            let permitted = usages(issuer);
            let bounds = !permitted.is_empty() && !permitted.contains(&ExtendedKeyUsage::Any);
            if bounds && wanted.iter().any(|usage| !permitted.contains(usage)) {
                let message = format!(
                    "`{}` has extended key usages that its authority `{}` leaves out, and would be refused for them",
                    leaf.name, issuer.name
                );
                let hint = "give the authority's profile these usages too, or none";
                let place = draft.certificate(leaf.name).map(|own| &own.place);
                say.at(place, codes::PROFILE_DOES_NOT_FIT, message).hint(hint);
            }
            above = issuer.issuer;
        }
    }
}
