//! What somebody elsewhere is asked to sign, and whether what came back is that: the certificate by itself, and the way from it to those
//! who signed it.
//!
//! What is read here may come from anyone: nothing panics on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::cfssl::{self, Profile, Request};
use super::inspect::{Certificate, TlsRole, judge_chain};
use super::key::PublicKey;
use super::x509::{CertificateContent, Validity, X509Error};

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// As the one who asks would sign it himself, but for the issuer.
    pub content: CertificateContent,
    /// The same, read back; nobody signed it.
    pub certificate: Certificate,
    said: Said,
}

/// What is wrong with an answer. Of what is about a chain, the message says which of its certificates is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    BadSerial,
    OtherSubject,
    LacksName,
    ExtraName,
    IsAuthority,
    NoAuthority,
    LacksKeyUsage,
    LacksPurpose,
    ExtraUsage,
    Expired,
    NotYet,
    OtherLife,
    OutlivesIssuer,
    WeakSignature,
    BadSignature,
    ChainOrder,
    MissingIssuer,
    WrongIssuer,
    IssuerNoAuthority,
    PathLength,
    Refused,
}

/// A fault, and what it is in words.
pub type Faulty = (Fault, String);

/// What has to be as it was asked, in forms that can be compared.
#[derive(Clone, Debug)]
struct Said {
    /// Attributes and their values, sorted: nobody who reads a subject minds their order, and each value may be a user or a group.
    subject: Vec<(String, String)>,
    names: BTreeSet<String>,
    /// The bits, the first being the lowest; none where there is no such extension.
    key_usages: Option<u16>,
    /// By their object identifiers; none where there is no such extension.
    purposes: Option<BTreeSet<String>>,
}

/// The bits of a key usage, as RFC 5280, section 4.2.1.3 and OpenSSL call them.
pub const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// What only RSA keys can be used for: RFC 8813, section 3, takes it from keys on curves, and authorities leave it out there.
const KEY_ENCIPHERMENT: u16 = 1 << 2;
const CERT_SIGN: u16 = 1 << 5;
const CRL_SIGN: u16 = 1 << 6;

/// Authorities put the beginning back by minutes, and so may lengthen or shorten a life by them.
const CLOSE_ENOUGH: Duration = Duration::HOUR;

/// Longer than any chain that programs follow.
const LONGEST_PATH: usize = 10;

impl Wanted {
    /// What `cfssl sign` would make of a request with a profile.
    ///
    /// Errors: cfssl refuses to sign it.
    pub fn of(
        request: &Request,
        key: &PublicKey,
        profile: &Profile,
        issued: OffsetDateTime,
    ) -> Result<Wanted, X509Error> {
        let content = cfssl::wanted_content(request, key, profile, issued)?;
        let der = content.unsigned()?;
        let certificate = Certificate::from_der(&der).ok_or(X509Error::NotACertificate)?;
        let said = Said::of(&der).ok_or(X509Error::NotACertificate)?;
        Ok(Wanted {
            content,
            certificate,
            said,
        })
    }

    /// The names that it is to have, each with its kind: `DNS node1`, `IP 10.0.0.1`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.said.names.iter().map(String::as_str)
    }

    /// The key usages that it is to have, by the names of [`KEY_USAGES`].
    pub fn key_usages(&self) -> Vec<&'static str> {
        named_bits(self.said.key_usages.unwrap_or_default())
    }

    /// The object identifiers of its extended key usages, dotted.
    pub fn purposes(&self) -> impl Iterator<Item = &str> {
        self.said.purposes.iter().flatten().map(String::as_str)
    }

    /// What is otherwise in `certificate`, its issuer left out. `issued` is the instant for which everything is made.
    pub fn differences(&self, certificate: &Certificate, issued: OffsetDateTime) -> Vec<Faulty> {
        let mut faults = Vec::new();
        let mut say = |fault, message: String| faults.push((fault, message));
        let Some(said) = Said::of(&certificate.der) else {
            say(Fault::Refused, "it can't be read".to_owned());
            return faults;
        };
        if let Some(problem) = serial_problem(&certificate.serial) {
            say(Fault::BadSerial, problem.to_owned());
        } else if let Some(why) = &certificate.refused {
            say(Fault::Refused, format!("Kubernetes and etcd refuse it: {why}"));
        }
        if said.subject != self.said.subject {
            let message = format!(
                "its subject is {}, and {} was asked",
                quoted(&certificate.subject),
                quoted(&self.certificate.subject)
            );
            say(Fault::OtherSubject, message);
        }
        let lacking: Vec<&str> = self.said.names.difference(&said.names).map(String::as_str).collect();
        if !lacking.is_empty() {
            say(Fault::LacksName, format!("it lacks {}", lacking.join(", ")));
        }
        let extra: Vec<&str> = said.names.difference(&self.said.names).map(String::as_str).collect();
        if !extra.is_empty() {
            say(
                Fault::ExtraName,
                format!("it is valid for {}, which nobody asked for", extra.join(", ")),
            );
        }
        self.compare_usages(&said, certificate, &mut say);
        faults.extend(period_faults("it", certificate, issued));
        let life = |one: &Certificate| one.not_after - one.not_before;
        let (own, asked) = (life(certificate), life(&self.certificate));
        if (own - asked).abs() > CLOSE_ENOUGH {
            let message = format!("it is valid for {}, and {} were asked", days(own), days(asked));
            faults.push((Fault::OtherLife, message));
        }
        faults
    }

    fn compare_usages(&self, said: &Said, certificate: &Certificate, say: &mut impl FnMut(Fault, String)) {
        let wants_authority = self.certificate.authority;
        match (wants_authority, certificate.authority) {
            (false, true) => say(
                Fault::IsAuthority,
                "it is the certificate of an authority, and was to be none".to_owned(),
            ),
            (true, false) => say(
                Fault::NoAuthority,
                "it was to be an authority's, and is none".to_owned(),
            ),
            (true, true) if certificate.path_length != self.certificate.path_length => {
                let length = |one: &Certificate| one.path_length.map_or("none".to_owned(), |length| length.to_string());
                let message = format!(
                    "its path length is {}, and {} was asked",
                    length(certificate),
                    length(&self.certificate)
                );
                say(Fault::PathLength, message);
            }
            _ => {}
        }
        let mut asked = self.said.key_usages.unwrap_or_default();
        if self.certificate.rsa_bits.is_none() {
            asked &= !KEY_ENCIPHERMENT;
        }
        let lacking = named_bits(asked & !said.key_usages.unwrap_or_default());
        if !lacking.is_empty() {
            say(
                Fault::LacksKeyUsage,
                format!("its key usage lacks {}", lacking.join(", ")),
            );
        }
        let own = said.key_usages.unwrap_or_default() & (CERT_SIGN | CRL_SIGN);
        // Whoever is no authority signs nothing with these, which is said of it already.
        let extra = named_bits(own & !self.said.key_usages.unwrap_or_default());
        let none = BTreeSet::new();
        let wanted = self.said.purposes.as_ref().unwrap_or(&none);
        let own = said.purposes.as_ref().unwrap_or(&none);
        let named = |oids: Vec<&String>| {
            let names = oids.into_iter().map(|oid| purpose_name(oid));
            names.collect::<Vec<_>>().join(", ")
        };
        let lacking: Vec<&String> = wanted.difference(own).collect();
        if !lacking.is_empty() {
            say(
                Fault::LacksPurpose,
                format!("its extended key usages lack {}", named(lacking)),
            );
        }
        let purposes: Vec<&String> = own.difference(wanted).collect();
        let extra = extra.into_iter().map(str::to_owned);
        let extra: Vec<String> = extra
            .chain(Some(named(purposes)).filter(|names| !names.is_empty()))
            .collect();
        if !extra.is_empty() {
            say(
                Fault::ExtraUsage,
                format!("it may be used for {}, which nobody asked for", extra.join(", ")),
            );
        }
    }

    /// Why programs would not follow `path` from the first certificate to the last, which they trust, though each part of it is right by
    /// itself: names that an authority may not sign for, purposes that it withholds.
    pub fn refusal(&self, path: &[Arc<Certificate>], issued: OffsetDateTime) -> Option<String> {
        let [leaf, between @ .., anchor] = path else {
            return None;
        };
        let between: Vec<&Certificate> = between.iter().map(AsRef::as_ref).collect();
        let mut roles = [TlsRole::Server, TlsRole::Client].into_iter();
        // An authority's certificate shows itself to nobody.
        let roles = roles
            .by_ref()
            .filter(|role| !self.certificate.authority && self.certificate.may_lead_to(*role));
        let mut verdicts =
            roles.filter_map(|role| Some((role, judge_chain(leaf, &between, &[anchor], issued, role).err()?)));
        verdicts
            .next()
            .map(|(role, why)| format!("as a {role}'s its chain is refused: {why}"))
    }
}

impl Said {
    fn of(der: &[u8]) -> Option<Said> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let attributes = parsed.subject().iter_attributes().map(|attribute| {
            let value = match attribute.as_str() {
                Ok(text) => text.to_owned(),
                Err(_) => format!("{:?}", attribute.as_slice()),
            };
            (attribute.attr_type().to_id_string(), value)
        });
        let mut subject: Vec<(String, String)> = attributes.collect();
        subject.sort();
        let mut said = Said {
            subject,
            names: BTreeSet::new(),
            key_usages: None,
            purposes: None,
        };
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::KeyUsage(usage) => said.key_usages = Some(usage.flags),
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    let known = [
                        (usage.any, "2.5.29.37.0"),
                        (usage.server_auth, SERVER_AUTH),
                        (usage.client_auth, CLIENT_AUTH),
                        (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
                        (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
                        (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
                        (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
                    ];
                    let known = known.into_iter().filter(|(has, _)| *has).map(|(_, oid)| oid.to_owned());
                    said.purposes = Some(known.chain(usage.other.iter().map(|oid| oid.to_id_string())).collect());
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    let names = names.general_names.iter().map(super::decode::general_name);
                    // Nobody minds the case of a DNS name.
                    said.names = names
                        .map(|name| match name.starts_with("DNS ") {
                            true => format!("DNS {}", name[4..].to_ascii_lowercase()),
                            false => name,
                        })
                        .collect();
                }
                _ => {}
            }
        }
        Some(said)
    }
}

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// What OpenSSL calls an extended key usage; the object identifier where it has no name of its own here.
pub fn purpose_name(oid: &str) -> &str {
    match oid {
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        SERVER_AUTH => "serverAuth",
        CLIENT_AUTH => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        other => other,
    }
}

fn named_bits(bits: u16) -> Vec<&'static str> {
    let bits = KEY_USAGES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    bits.map(|(_, name)| *name).collect()
}

/// RFC 5280, section 4.1.2.2: a positive number of at most 20 octets. `serial` is in hexadecimal, as it stands.
fn serial_problem(serial: &str) -> Option<&'static str> {
    let first = serial.get(..1).and_then(|digit| u8::from_str_radix(digit, 16).ok());
    let digits = serial.trim_start_matches('0');
    match first {
        None => Some("it has no serial number"),
        Some(8..) => Some("its serial number is negative"),
        _ if digits.is_empty() => Some("its serial number is 0"),
        _ if digits.len() > 40 => Some("its serial number is longer than 20 octets"),
        _ => None,
    }
}

/// Whether a certificate is valid when everything is issued.
fn period_faults(who: &str, certificate: &Certificate, issued: OffsetDateTime) -> Option<Faulty> {
    let Validity { not_before, not_after } = Validity {
        not_before: certificate.not_before,
        not_after: certificate.not_after,
    };
    if not_after <= issued || not_after <= not_before {
        let message = format!(
            "{who} ended at {}, and everything is issued at {}",
            text(not_after),
            text(issued)
        );
        Some((Fault::Expired, message))
    } else if not_before > issued {
        let message = format!(
            "{who} begins at {}, and everything is issued at {}",
            text(not_before),
            text(issued)
        );
        Some((Fault::NotYet, message))
    } else {
        None
    }
}

/// The way from `leaf` over those that stand behind it in its file and others that are known, as far as it can be followed.
///
/// Errors: why it can't be.
pub fn path(
    leaf: &Arc<Certificate>,
    behind: &[Arc<Certificate>],
    known: &[Arc<Certificate>],
) -> Result<Vec<Arc<Certificate>>, Faulty> {
    let mut path = vec![Arc::clone(leaf)];
    if leaf.is_self_issued() && !leaf.authority {
        return Err((Fault::WrongIssuer, "it is signed by itself".to_owned()));
    }
    for (at, next) in behind.iter().enumerate() {
        let last = &path[path.len() - 1];
        if last.names_as_issuer(next) && !(last.is_self_issued() && path.len() > 1) {
            check_link(last, next)?;
            path.push(Arc::clone(next));
            continue;
        }
        let stands_elsewhere = behind[at..].iter().any(|other| last.names_as_issuer(other));
        return Err(match stands_elsewhere || last.is_self_issued() {
            true => (
                Fault::ChainOrder,
                format!(
                    "{} stands behind {}, and did not sign it",
                    quoted(&next.subject),
                    quoted(&last.subject)
                ),
            ),
            false => missing_issuer(last),
        });
    }
    while path.len() < LONGEST_PATH {
        let last = &path[path.len() - 1];
        if last.is_self_issued() && path.len() > 1 {
            break;
        }
        let mut named = known.iter().filter(|other| last.names_as_issuer(other)).peekable();
        let Some(first) = named.peek().copied() else { break };
        let next = named.find(|other| check_link(last, other).is_ok());
        let next = match next {
            Some(next) => Arc::clone(next),
            None => {
                check_link(last, first)?;
                break;
            }
        };
        path.push(next);
    }
    match path.as_slice() {
        [alone] => Err(missing_issuer(alone)),
        _ => Ok(path),
    }
}

fn missing_issuer(of: &Certificate) -> Faulty {
    let message = format!(
        "{} was signed by {}, whose certificate is not there",
        quoted(&of.subject),
        quoted(&of.issuer)
    );
    (Fault::MissingIssuer, message)
}

/// Whether the key of `issuer` signed `certificate`.
fn check_link(certificate: &Certificate, issuer: &Certificate) -> Result<(), Faulty> {
    if certificate.has_broken_digest() {
        let message = format!(
            "{} is signed with {}, whose digest is broken",
            quoted(&certificate.subject),
            certificate.signature
        );
        return Err((Fault::WeakSignature, message));
    }
    match certificate.is_signed_by(issuer) {
        true => Ok(()),
        false => {
            let message = format!(
                "its signature ({}) is not by the key of {}, which {} names as its issuer",
                certificate.signature,
                quoted(&issuer.subject),
                quoted(&certificate.subject)
            );
            Err((Fault::BadSignature, message))
        }
    }
}

/// What is wrong with those who signed, each as its issuer's number in the path; the certificate itself is number 0.
pub fn issuer_faults(path: &[Arc<Certificate>], issued: OffsetDateTime) -> Vec<(usize, Faulty)> {
    let mut faults = Vec::new();
    for (at, issuer) in path.iter().enumerate().skip(1) {
        let who = quoted(&issuer.subject);
        let below = &path[at - 1];
        let mut say = |about: usize, fault, message: String| faults.push((about, (fault, message)));
        if !issuer.authority || !issuer.signs_certificates {
            say(
                at,
                Fault::IssuerNoAuthority,
                format!("{who} signed it, and may not sign certificates"),
            );
        } else if let Some(why) = &issuer.refused {
            say(at, Fault::Refused, format!("Kubernetes and etcd refuse {who}: {why}"));
        }
        let below_it = path[..at].iter();
        let between = below_it.filter(|one| one.authority && !one.is_self_issued()).count();
        if let Some(limit) = issuer.path_length
            && between > usize::try_from(limit).unwrap_or(usize::MAX)
        {
            let message = format!("the path length of {who} is {limit}, and {between} authorities stand below it");
            say(at, Fault::PathLength, message);
        }
        if below.not_after > issuer.not_after {
            let message = format!(
                "{} ends at {}, after {who}, which signed it and ends at {}",
                quoted(&below.subject),
                text(below.not_after),
                text(issuer.not_after)
            );
            say(at - 1, Fault::OutlivesIssuer, message);
        }
        if let Some((fault, message)) = period_faults(&who, issuer, issued) {
            say(at, fault, message);
        }
    }
    faults
}

fn quoted(subject: &str) -> String {
    match subject {
        "" => "a certificate without a subject".to_owned(),
        subject => format!("`{subject}`"),
    }
}

fn text(at: OffsetDateTime) -> String {
    use time::format_description::well_known::Rfc3339;
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

fn days(life: Duration) -> String {
    match life.whole_days() {
        0 => format!("{} hours", life.whole_hours()),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::pki::cfssl::{Authority, CaSection, ExtendedKeyUsage, KeyUsage, Usage};
    use crate::pki::key::{Algorithm, Curve, KeyPair};

    const ISSUED: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn request(cn: &str, ca: bool) -> Request {
        Request {
            cn: cn.to_owned(),
            names: Vec::new(),
            serial_number: String::new(),
            hosts: if ca {
                Vec::new()
            } else {
                vec!["Node1".to_owned(), "10.0.0.1".to_owned()]
            },
            key: Algorithm::Ecdsa(Curve::P256),
            ca: ca.then(CaSection::default),
            crl_url: String::new(),
            delegation_enabled: false,
            extensions: Vec::new(),
        }
    }

    fn profile() -> Profile {
        Profile {
            usages: vec![
                Usage::Key(KeyUsage::DigitalSignature),
                Usage::Key(KeyUsage::KeyEncipherment),
                Usage::Extended(ExtendedKeyUsage::ServerAuth),
            ],
            expiry: Duration::days(30),
            ..Profile::default()
        }
    }

    fn key(seed: u8) -> KeyPair {
        KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[seed; 32]).unwrap()
    }

    fn root() -> Vec<u8> {
        cfssl::root(&request("CA", true), &key(1), ISSUED).unwrap()
    }

    fn leaf() -> Vec<u8> {
        let (certificate, signer) = (root(), key(1));
        let authority = Authority {
            certificate: &certificate,
            key: &signer,
        };
        cfssl::leaf(&request("node", false), key(2).public(), &profile(), &authority, ISSUED).unwrap()
    }

    fn wanted() -> Wanted {
        Wanted::of(&request("node", false), key(2).public(), &profile(), ISSUED).unwrap()
    }

    fn read(der: &[u8]) -> Arc<Certificate> {
        Arc::new(Certificate::from_der(der).unwrap())
    }

    #[test]
    fn what_is_wanted_is_what_cfssl_signs() {
        let (wanted, leaf, root) = (wanted(), read(&leaf()), read(&root()));
        assert_eq!(wanted.differences(&leaf, ISSUED), []);
        assert_eq!(wanted.names().collect::<Vec<_>>(), ["DNS node1", "IP 10.0.0.1"]);
        assert_eq!(wanted.key_usages(), ["digitalSignature", "keyEncipherment"]);
        let path = path(&leaf, &[], std::slice::from_ref(&root)).unwrap();
        assert_eq!(path, [leaf, root]);
        assert_eq!(issuer_faults(&path, ISSUED), []);
        assert_eq!(wanted.refusal(&path, ISSUED), None);
    }

    #[test]
    fn only_keys_on_curves_may_lack_what_rsa_alone_can_do() {
        let mut other = profile();
        other.usages.remove(1);
        let without = Wanted::of(&request("node", false), key(2).public(), &other, ISSUED).unwrap();
        assert_eq!(wanted().differences(&without.certificate, ISSUED), []);
        let lacking = without.differences(&wanted().certificate, ISSUED);
        assert_eq!(lacking, [], "more of what lets nobody sign certificates is no fault");
    }

    #[test]
    fn serial_numbers_are_positive_and_of_20_octets_at_most() {
        for good in ["01", "7f", "0080", &format!("00{}", "ff".repeat(20))] {
            assert_eq!(serial_problem(good), None, "{good}");
        }
        for bad in ["", "00", "80", "ff01", &"7f".repeat(21)] {
            assert!(serial_problem(bad).is_some(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_answer_is_no_panic(changes: Vec<(prop::sample::Index, u8)>) {
            let (mut der, root, wanted) = (leaf(), read(&root()), wanted());
            for (index, byte) in changes {
                let index = index.index(der.len());
                der[index] = byte;
            }
            if let Some(changed) = Certificate::from_der(&der).map(Arc::new) {
                let _ = wanted.differences(&changed, ISSUED);
                if let Ok(path) = path(&changed, &[], &[root]) {
                    let _ = issuer_faults(&path, ISSUED);
                    let _ = wanted.refusal(&path, ISSUED);
                }
            }
        }
    }
}
