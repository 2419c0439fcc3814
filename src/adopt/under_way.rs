//! A rotation that somebody has begun by hand: what is trusted, or accepted, beside what signs stays so, as a generation of its own.
//!
//! One rotation at a time is under way in a specification; what else is trusted beside is reported.

use super::authorities::KeptAuthority;
use super::material::TrustedBeside;
use super::secrets::{EncryptionFound, KeptTokenKey};
use crate::catalog::rotation::RotationPhase;
use crate::diagnostic::adopt_codes as codes;
use crate::diagnostic::{Diagnostic, Reporter};
use crate::pki::inspect::{Certificate, public_key_pem};

pub(super) const TOKENS: &str = "service-account";

/// The rotation that is carried over.
#[derive(Clone, Debug)]
pub(super) struct RotationUnderWay {
    pub of: &'static str,
    /// `announce`, where what signs is the older of the two, else `switch`.
    pub phase: RotationPhase,
    /// What is kept beside what signs.
    pub beside: TrustedBeside,
}

impl RotationUnderWay {
    /// What the files of the other one are called, behind the name of the one that signs.
    pub fn suffix(&self) -> &'static str {
        match self.phase {
            RotationPhase::Announce => "-next",
            RotationPhase::Switch | RotationPhase::Retire => "-before",
        }
    }

    /// The text of its public file, as cluster.toml names it.
    pub fn public_file(&self) -> (String, String) {
        let stem = format!("{}{}", self.of, self.suffix());
        match &self.beside.certificate {
            Some(certificate) => (format!("{stem}.pem"), certificate.pem()),
            None => (format!("{stem}.pub"), public_key_pem(&self.beside.public)),
        }
    }

    /// The name of the file of its key.
    pub fn key_file(&self) -> String {
        format!("{}{}-key.pem", self.of, self.suffix())
    }

    /// What tells it, in words.
    pub fn place(&self) -> String {
        self.beside.by.first().map(ToString::to_string).unwrap_or_default()
    }
}

/// The first that can be carried over; whatever else is trusted beside is reported.
pub(super) fn rotation(
    authorities: &[KeptAuthority],
    tokens: Option<&KeptTokenKey>,
    encryption: &EncryptionFound,
    say: &Reporter,
) -> Option<RotationUnderWay> {
    let of_encryption = matches!(encryption, EncryptionFound::Kept(found) if found.value.keys.len() > 1);
    let of_authorities = authorities.iter().map(|one| Signer {
        of: one.name,
        beside: &one.beside,
        certificate: Some(&one.certificate),
    });
    let of_tokens = tokens.map(|one| Signer {
        of: TOKENS,
        beside: &one.beside,
        certificate: None,
    });
    let signers: Vec<Signer<'_>> = of_authorities.chain(of_tokens).collect();
    let carried = match of_encryption {
        true => None,
        false => signers.iter().find_map(Signer::rotation),
    };
    // Layouts with one authority for several purposes have the same one beside each.
    let mut told: Vec<&[u8]> = carried
        .iter()
        .map(|rotation| rotation.beside.public.as_slice())
        .collect();
    for signer in &signers {
        for other in signer.beside {
            if !told.contains(&other.public.as_slice()) {
                told.push(&other.public);
                say.add(Diagnostic::new(codes::TRUSTED_BESIDE, signer.message(other)));
            }
        }
    }
    carried
}

/// What signs, and what is trusted beside it.
struct Signer<'a> {
    of: &'static str,
    beside: &'a [TrustedBeside],
    /// None for the key of tokens.
    certificate: Option<&'a Certificate>,
}

impl Signer<'_> {
    /// Which phase of a rotation this is, where it can be one.
    fn rotation(&self) -> Option<RotationUnderWay> {
        let [beside] = self.beside else { return None };
        let phase = match (self.certificate, &beside.certificate) {
            (Some(signs), Some(other)) if other.not_before > signs.not_before => RotationPhase::Announce,
            (Some(_), Some(_)) => RotationPhase::Switch,
            // A key has no date, and one whose private half is not here can't sign from now on.
            (None, _) if beside.key.is_some() => RotationPhase::Switch,
            _ => return None,
        };
        beside.everywhere.then(|| RotationUnderWay {
            of: self.of,
            phase,
            beside: beside.clone(),
        })
    }

    fn message(&self, other: &TrustedBeside) -> String {
        let place = other.by.first().map(ToString::to_string).unwrap_or_default();
        let rest = "and only the one that signs is kept";
        match (self.certificate, &other.certificate) {
            (None, _) => format!("tokens of another key are accepted too ({place}), {rest}"),
            (Some(_), Some(certificate)) => {
                format!(
                    "{:?} is trusted as `{}` too ({place}), {rest}",
                    certificate.subject, self.of
                )
            }
            (Some(_), None) => format!("an authority is trusted as `{}` too ({place}), {rest}", self.of),
        }
    }
}
