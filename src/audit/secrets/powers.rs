//! What can be done with a private key: told by the certificates of that key, wherever these are, and by who verifies with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::audit::inventory::{InventoryRow, gather};
use crate::audit::relations::{HeldAt, SIGNATURES, Signed};
use crate::audit::report::names;
use crate::audit::uses::Uses;
use crate::audit::view::View;
use crate::found::printable;
use crate::pki::inspect::Certificate;

/// What somebody can do who has a secret; the worst last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// Nothing that is known from what is here.
    Unknown,
    /// Be taken for a server by these names.
    Serve(Vec<String>),
    /// Log in as a user of these groups where those are trusted who signed for it.
    Become {
        /// The name by which the API server or etcd knows it.
        user: String,
        /// Its groups.
        groups: Vec<String>,
        /// What those are trusted for who signed.
        trusted_for: Vec<String>,
    },
    /// Log in as whomever a token, a password or a list of them names.
    LogIn,
    /// Read what lies encrypted in etcd.
    ReadEncryptedSecrets,
    /// Make the token of any service account.
    SignTokens,
    /// Make anybody's certificate where this authority is trusted.
    SignCertificates {
        /// Its subject.
        authority: String,
        /// What it is trusted for.
        trusted_for: Vec<String>,
    },
}

impl Power {
    /// As JSON calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Power::Unknown => "unknown",
            Power::Serve(_) => "serve",
            Power::Become { .. } => "become",
            Power::LogIn => "log-in",
            Power::ReadEncryptedSecrets => "read-encrypted-secrets",
            Power::SignTokens => "sign-tokens",
            Power::SignCertificates { .. } => "sign-certificates",
        }
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[String]| printable(&items.join(", "));
        match self {
            Power::Unknown => f.write_str("what it opens is not known from what is here"),
            Power::Serve(names) => write!(f, "serve as {}", list(names)),
            Power::Become {
                user,
                groups,
                trusted_for,
            } => {
                let of = match groups.is_empty() {
                    true => String::new(),
                    false => format!(" of {}", list(groups)),
                };
                write!(f, "become {}{of}; believed by: {}", printable(user), list(trusted_for))
            }
            Power::LogIn => f.write_str("log in as whom it names"),
            Power::ReadEncryptedSecrets => f.write_str("read every encrypted Secret in etcd and its backups"),
            Power::SignTokens => f.write_str("sign tokens of every service account"),
            Power::SignCertificates { authority, trusted_for } => {
                let authority = printable(authority);
                write!(
                    f,
                    "sign certificates for anybody as {authority}; believed by: {}",
                    list(trusted_for)
                )
            }
        }
    }
}

/// What each key of a bundle can do.
pub(super) struct Powers<'v> {
    /// The certificates of each public half.
    by_key: BTreeMap<Vec<u8>, Vec<InventoryRow>>,
    authorities: Vec<InventoryRow>,
    uses: Uses<'v>,
    /// The public halves of keys whose tokens are accepted.
    of_tokens: BTreeSet<Vec<u8>>,
    view: &'v View<'v>,
}

impl<'v> Powers<'v> {
    pub(super) fn read(view: &'v View<'v>) -> Powers<'v> {
        let rows = gather(view);
        let authorities = rows.iter().filter(|row| row.certificate.authority).cloned().collect();
        let mut by_key: BTreeMap<Vec<u8>, Vec<InventoryRow>> = BTreeMap::new();
        for row in rows {
            by_key.entry(row.certificate.public_key.clone()).or_default().push(row);
        }
        Powers {
            by_key,
            authorities,
            uses: Uses::read(view),
            of_tokens: keys_of_tokens(view),
            view,
        }
    }

    /// What can be done with the private key of this public half.
    pub(super) fn of(&self, key: &[u8]) -> BTreeSet<Power> {
        let of_key = self.by_key.get(key).into_iter().flatten();
        let mut powers: BTreeSet<Power> = of_key.flat_map(|row| self.of_certificate(row)).collect();
        if self.of_tokens.contains(key) {
            powers.insert(Power::SignTokens);
        }
        if powers.is_empty() {
            powers.insert(Power::Unknown);
        }
        powers
    }

    fn of_certificate(&self, row: &InventoryRow) -> Vec<Power> {
        let one = &row.certificate;
        if one.authority && one.signs_certificates {
            return vec![Power::SignCertificates {
                authority: one.subject.clone(),
                trusted_for: self.uses.of(one, &row.places),
            }];
        }
        let mut powers = Vec::new();
        if one.client_auth {
            powers.push(Power::Become {
                user: one.user().to_owned(),
                groups: one.organizations.clone(),
                trusted_for: self.trusted_for(one),
            });
        }
        let names = names(row);
        if one.server_auth && !names.is_empty() {
            powers.push(Power::Serve(names));
        }
        powers
    }

    /// Where those are trusted who signed a certificate; else who that is.
    fn trusted_for(&self, one: &Certificate) -> Vec<String> {
        let signed = self
            .authorities
            .iter()
            .filter(|row| one.names_as_issuer(&row.certificate) && self.view.signed(one, &row.certificate));
        let uses: BTreeSet<String> = signed
            .flat_map(|row| self.uses.of(&row.certificate, &row.places))
            .collect();
        match uses.is_empty() {
            true => vec![format!("who trusts {}", one.issuer)],
            false => uses.into_iter().collect(),
        }
    }
}

/// Of the key that signs tokens, and of those that verify them.
fn keys_of_tokens(view: &View<'_>) -> BTreeSet<Vec<u8>> {
    let rows = SIGNATURES.iter().filter(|row| row.what == Signed::Tokens);
    let flags: BTreeMap<&str, BTreeSet<&str>> = rows.fold(BTreeMap::new(), |mut flags, row| {
        for (party, at) in [(row.signer, row.by), (row.accepted_by, row.as_in)] {
            if let HeldAt::Flag(flag) = at {
                flags.entry(party.program()).or_insert_with(BTreeSet::new).insert(flag);
            }
        }
        flags
    });
    let mut keys = BTreeSet::new();
    for host in &view.hosts {
        for command in &host.commands {
            let flags = flags.get(command.line.program.as_str()).into_iter().flatten();
            for path in flags.flat_map(|flag| command.line.values(flag)) {
                keys.extend(host.public_keys(path).into_iter().map(<[u8]>::to_vec));
            }
        }
    }
    keys
}
