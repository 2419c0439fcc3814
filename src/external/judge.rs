//! What authorities elsewhere have answered, against what they were asked: every mistake of every file in one run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::asked::{OutsideRequest, named_signers, text};
use super::folder::files;
use crate::cluster::{Answers, Cluster, FIRST_GO_WITH_ML_DSA, SignedChain};
use crate::diagnostic::answer_codes as codes;
use crate::diagnostic::{Code, Diagnostic, Place, Reporter, SourceFile};
use crate::pki::answer::{Fault, Faulty, issuer_faults, path};
use crate::pki::authority::AuthorityCertificate;
use crate::pki::inspect::{Certificate, Item, items};
use crate::pki::secret::SecretBytes;
use crate::pki::x509::Validity;
use crate::plan::{CertificateFrom, plan};

/// What came of it.
#[derive(Debug)]
pub struct Judged {
    /// None where something is wrong, or missing.
    pub answers: Option<Answers>,
    /// What is wrong, missing or remarkable.
    pub said: Vec<Diagnostic>,
}

/// A file of certificates, in the order in which they stand there.
struct Chain {
    place: Place,
    certificates: Vec<Arc<Certificate>>,
}

/// An answer whose way to those who signed it is known.
struct Followed {
    place: Place,
    path: Vec<Arc<Certificate>>,
}

/// Judges files, by what they are called and what is in them, against everything that was asked.
pub fn judge(cluster: &Cluster, asked: &[OutsideRequest<'_>], given: &[(String, SecretBytes)]) -> Judged {
    let say = Reporter::default();
    let chains = read(cluster, asked, given, &say);
    let named = named_signers(cluster);
    let others = named_in_other_generations(cluster);
    let keys = asked.iter().enumerate();
    let keys: Keys<'_> = keys
        .map(|(at, one)| (one.wanted.certificate.public_key.as_slice(), at))
        .collect();
    let known = authorities(&chains, &keys, named.values().chain(&others));
    let (chains, other_signers) = asked_in_this_phase(chains, cluster, &keys, (&known, &others));
    let (chains, of_others) = of_who_signs(chains, asked, &keys, &named, (&known, &others));
    let mut answered: BTreeMap<usize, &Chain> = BTreeMap::new();
    let mut left = Vec::new();
    for chain in &chains {
        match answer_to(asked, &keys, chain, &say) {
            Role::Answer(at) => match answered.get(&at) {
                Some(first) => {
                    let message = format!("{} answers {} too", first.place.file.name, asked[at].file());
                    say.at(&chain.place, codes::TWICE, message);
                }
                None => drop(answered.insert(at, chain)),
            },
            Role::Authorities => left.push(chain),
            Role::Wrong => {}
        }
    }
    let mut followed: BTreeMap<usize, Followed> = BTreeMap::new();
    let mut not_yet: NotYet<'_> = BTreeMap::new();
    let mut told: BTreeSet<(String, Fault)> = BTreeSet::new();
    for (at, chain) in &answered {
        let one = &asked[*at];
        let [leaf, behind @ ..] = chain.certificates.as_slice() else {
            continue;
        };
        for faulty in one.wanted.differences(leaf, cluster.pki.issued) {
            match faulty.0 {
                Fault::NotYet => drop(not_yet.insert(leaf.fingerprint.clone(), (&chain.place, Arc::clone(leaf)))),
                _ => tell(one, faulty, &chain.place, &say),
            }
        }
        match path(leaf, behind, &known) {
            Err(faulty) => tell(one, faulty, &chain.place, &say),
            Ok(path) => {
                for (number, faulty) in issuer_faults(&path, cluster.pki.issued) {
                    // What is wrong with an authority is said once, whatever it signed.
                    let Some(about) = path.get(number) else { continue };
                    if faulty.0 == Fault::NotYet {
                        not_yet.insert(about.fingerprint.clone(), (&chain.place, Arc::clone(about)));
                    } else if number == 0 || told.insert((about.fingerprint.clone(), faulty.0)) {
                        tell(one, faulty, &chain.place, &say);
                    }
                }
                let place = chain.place.clone();
                followed.insert(*at, Followed { place, path });
            }
        }
    }
    tell_not_yet(&not_yet, cluster, &say);
    let trusted = trusted(cluster, asked, &named, &followed, &say);
    tell_missing(asked, &answered, &of_others, &named, &say);
    if !say.has_errors() {
        let used: BTreeSet<&str> = followed
            .values()
            .flat_map(|one| one.path.iter().map(|certificate| certificate.fingerprint.as_str()))
            .collect();
        for chain in left {
            // Who signs in another phase has his certificate there as well.
            let is_used = |certificate: &Arc<Certificate>| {
                let fingerprint = certificate.fingerprint.as_str();
                used.contains(fingerprint)
                    || signed_others(&of_others, certificate)
                    || others
                        .iter()
                        .chain(&other_signers)
                        .any(|other| other.fingerprint == fingerprint)
            };
            if !chain.certificates.iter().any(is_used) {
                let message = "no answer was signed by this authority, or by one below it";
                say.at(&chain.place, codes::UNASKED, message);
            }
        }
    }
    let answers = (!say.has_errors()).then(|| Answers {
        authorities: trusted,
        certificates: followed
            .iter()
            .map(|(at, one)| (asked[*at].id.to_string(), answer(&one.path)))
            .collect(),
    });
    Judged {
        answers,
        said: say.into_sorted_vec(),
    }
}

/// The certificate and those between it and the root.
fn answer(path: &[Arc<Certificate>]) -> SignedChain {
    let shown = path
        .iter()
        .enumerate()
        .filter(|(at, one)| *at == 0 || !one.is_self_issued());
    let not_before = path.iter().map(|one| one.not_before).max();
    let not_after = path.iter().map(|one| one.not_after).min();
    let first = path.first();
    SignedChain {
        chain: shown.map(|(_, one)| one.der.clone()).collect(),
        validity: Validity {
            not_before: not_before
                .or(first.map(|one| one.not_before))
                .unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
            not_after: not_after
                .or(first.map(|one| one.not_after))
                .unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        },
    }
}

/// The files that hold certificates and nothing else.
fn read(
    cluster: &Cluster,
    asked: &[OutsideRequest<'_>],
    given: &[(String, SecretBytes)],
    say: &Reporter,
) -> Vec<Chain> {
    // Whoever signs where the requests lie leaves them there.
    let ours: BTreeSet<Vec<u8>> = files(cluster, asked)
        .into_iter()
        .map(|(_, text)| text.into_bytes())
        .collect();
    let mut chains = Vec::new();
    for (name, bytes) in given {
        if ours.contains(bytes.expose()) {
            continue;
        }
        // Nothing is quoted of what may be a key, and nothing of one gets into memory that nobody wipes.
        let hidden = Place::new(&SourceFile::new(name.as_str(), ""), 0..0);
        if memchr::memmem::find(bytes.expose(), b"PRIVATE KEY-----").is_some() {
            say.at(&hidden, codes::PRIVATE_KEY, "it holds a private key");
            continue;
        }
        let Ok(source) = std::str::from_utf8(bytes.expose()) else {
            say.at(&hidden, codes::NOT_PEM, "it is no text");
            continue;
        };
        let items = items(bytes.expose());
        if items.is_empty() {
            say.at(
                &hidden,
                codes::NOT_PEM,
                "there is no certificate in it: no line begins a block of PEM",
            );
            continue;
        }
        let mut certificates = Vec::new();
        let mut sound = true;
        for item in items {
            let (code, message) = match item {
                Item::Certificate(certificate) => {
                    certificates.push(certificate);
                    continue;
                }
                Item::Unreadable(label, why) if why == "it is no PEM" => (codes::NOT_PEM, format!("{label}: {why}")),
                Item::Unreadable(label, why) => (codes::NO_CERTIFICATE, format!("{label}: {why}")),
                Item::Request(_) => (
                    codes::NO_CERTIFICATE,
                    "it holds a request, which is what was asked".to_owned(),
                ),
                Item::PublicKey(_) => (codes::NO_CERTIFICATE, "it holds a public key".to_owned()),
                Item::Revocations => (
                    codes::NO_CERTIFICATE,
                    "it holds a list of revoked certificates".to_owned(),
                ),
                Item::PrivateKey(_) => (codes::PRIVATE_KEY, "it holds a private key".to_owned()),
            };
            sound = false;
            say.at(&hidden, code, message);
        }
        if sound {
            let first = source.find("-----BEGIN ").unwrap_or(0);
            let line = source[first..].find('\n').map_or(source.len(), |end| first + end);
            let place = Place::new(&SourceFile::new(name.as_str(), source), first..line);
            chains.push(Chain { place, certificates });
        }
    }
    chains
}

/// The certificates that cluster.toml names of authorities elsewhere that do not sign now.
fn named_in_other_generations(cluster: &Cluster) -> Vec<Arc<Certificate>> {
    let all = cluster.pki.external.iter();
    let others = all.filter(|((name, generation), _)| cluster.pki.generations_of(name, None).used != *generation);
    others
        .filter_map(|(_, external)| Certificate::from_der(external.certificate.as_ref()?.der()))
        .map(Arc::new)
        .collect()
}

/// Without what an authority has answered that signs in another phase alone, while the cluster's own signs now: nothing is asked of it for
/// these. The second are those who signed them.
fn asked_in_this_phase(
    chains: Vec<Chain>,
    cluster: &Cluster,
    keys: &Keys<'_>,
    (known, others): (&[Arc<Certificate>], &[Arc<Certificate>]),
) -> (Vec<Chain>, Vec<Arc<Certificate>>) {
    if others.is_empty() {
        return (chains, Vec::new());
    }
    let plan = plan(cluster);
    let own = plan
        .certificates
        .iter()
        .filter(|one| matches!(one.from, CertificateFrom::SignedBy { .. }));
    let users: BTreeSet<&str> = own.filter_map(|one| Some(one.request()?.cn.as_str())).collect();
    let mut signers: Vec<Arc<Certificate>> = Vec::new();
    let mut is_of_another_phase = |chain: &Chain| {
        let [leaf, behind @ ..] = chain.certificates.as_slice() else {
            return false;
        };
        if keys.contains_key(leaf.public_key.as_slice()) || !users.contains(leaf.user()) {
            return false;
        }
        let Ok(path) = path(leaf, behind, known) else {
            return false;
        };
        let is_other = |one: &Arc<Certificate>| others.iter().any(|other| other.fingerprint == one.fingerprint);
        let leads_to_another = path.iter().skip(1).any(is_other);
        if leads_to_another {
            signers.extend(path.into_iter().skip(1));
        }
        leads_to_another
    };
    let kept = chains.into_iter().filter(|chain| !is_of_another_phase(chain)).collect();
    (kept, signers)
}

/// Without the files that answer a request for another phase of a rotation, so that the answers of all phases may lie in one folder: what
/// somebody else signed, where the one whom cluster.toml names for now has answered too, or where it is one whom it names for another phase.
/// The second are those, by the number of the request, with who signed.
fn of_who_signs(
    chains: Vec<Chain>,
    asked: &[OutsideRequest<'_>],
    keys: &Keys<'_>,
    named: &BTreeMap<&str, Arc<Certificate>>,
    (known, others): (&[Arc<Certificate>], &[Arc<Certificate>]),
) -> (Vec<Chain>, OfOthers) {
    let request_of = |chain: &Chain| keys.get(chain.certificates.first()?.public_key.as_slice()).copied();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    chains
        .iter()
        .filter_map(request_of)
        .for_each(|at| *counts.entry(at).or_default() += 1);
    if others.is_empty() && counts.values().all(|count| *count == 1) {
        return (chains, Vec::new());
    }
    let step_of = |path: &[Arc<Certificate>], one: &Certificate| {
        let mut path = path.iter();
        path.position(|other| other.public_key == one.public_key && other.subject_name == one.subject_name)
    };
    let judged: Vec<(Chain, Option<usize>, Way)> = chains
        .into_iter()
        .map(|chain| {
            let at = request_of(&chain);
            let anchor = at.and_then(|at| named.get(asked.get(at)?.authority));
            let way = match (anchor, chain.certificates.as_slice()) {
                (Some(anchor), [leaf, behind @ ..]) => match path(leaf, behind, known) {
                    Ok(path) => {
                        // One may be below the other: the nearest has signed.
                        let to_other = others.iter().filter_map(|other| step_of(&path, other)).min();
                        match (step_of(&path, anchor), to_other) {
                            (Some(step), other) if other.is_none_or(|other| step <= other) => Way::ToWhoSigns,
                            (_, Some(_)) => path.get(1).cloned().map_or(Way::Elsewhere, Way::ToAnother),
                            _ => Way::Elsewhere,
                        }
                    }
                    Err(_) => Way::Elsewhere,
                },
                _ => Way::Elsewhere,
            };
            (chain, at, way)
        })
        .collect();
    let answered: BTreeSet<usize> = judged
        .iter()
        .filter(|(_, _, way)| matches!(way, Way::ToWhoSigns))
        .filter_map(|(_, at, _)| *at)
        .collect();
    let mut kept = Vec::new();
    let mut of_others = Vec::new();
    for (chain, at, way) in judged {
        match (at, way) {
            (Some(at), Way::ToAnother(by)) => of_others.push((at, by)),
            (Some(at), Way::Elsewhere) if answered.contains(&at) => {}
            _ => kept.push(chain),
        }
    }
    (kept, of_others)
}

/// Where an answer leads.
enum Way {
    /// To the one whom cluster.toml names, and who signs now.
    ToWhoSigns,
    /// To one whom it names for another phase; who signed.
    ToAnother(Arc<Certificate>),
    /// Anywhere else, as far as that is known.
    Elsewhere,
}

/// What is answered for another phase: the number of the request, and who signed.
type OfOthers = Vec<(usize, Arc<Certificate>)>;

/// Whether a certificate is that of one who signed what belongs to another phase.
fn signed_others(of_others: &[(usize, Arc<Certificate>)], certificate: &Certificate) -> bool {
    of_others
        .iter()
        .any(|(_, by)| by.fingerprint == certificate.fingerprint)
}

/// The number of the request for each public key.
type Keys<'a> = BTreeMap<&'a [u8], usize>;

/// Everybody who may have signed something: whoever answers a request has signed nothing, and of a fleet there are thousands.
fn authorities<'c>(
    chains: &[Chain],
    keys: &Keys<'_>,
    named: impl Iterator<Item = &'c Arc<Certificate>>,
) -> Vec<Arc<Certificate>> {
    let mut known: BTreeMap<String, Arc<Certificate>> = BTreeMap::new();
    for certificate in chains.iter().flat_map(|chain| &chain.certificates) {
        if !keys.contains_key(certificate.public_key.as_slice()) {
            known.insert(certificate.fingerprint.clone(), Arc::clone(certificate));
        }
    }
    for certificate in named {
        known.insert(certificate.fingerprint.clone(), Arc::clone(certificate));
    }
    known.into_values().collect()
}

/// What a file is.
enum Role {
    /// The answer to the request of this number.
    Answer(usize),
    /// Certificates of those who signed, or of those above them.
    Authorities,
    /// Neither, which has been said.
    Wrong,
}

fn answer_to(asked: &[OutsideRequest<'_>], keys: &Keys<'_>, chain: &Chain, say: &Reporter) -> Role {
    let [first, behind @ ..] = chain.certificates.as_slice() else {
        return Role::Wrong;
    };
    let of_key = |certificate: &Certificate| keys.get(certificate.public_key.as_slice()).copied();
    if let Some(later) = behind.iter().find_map(|certificate| of_key(certificate)) {
        let message = match of_key(first) {
            Some(at) => format!(
                "it answers {} and {}: each has a file of its own",
                asked[at].file(),
                asked[later].file()
            ),
            None => format!("the answer to {} does not stand first in it", asked[later].file()),
        };
        say.at(&chain.place, codes::CHAIN_ORDER, message);
        return Role::Wrong;
    }
    if let Some(at) = of_key(first) {
        return Role::Answer(at);
    }
    if chain.certificates.iter().all(|certificate| certificate.authority) {
        return Role::Authorities;
    }
    let mut namesakes = asked.iter();
    let namesake = namesakes.find(|one| one.wanted.certificate.subject_name == first.subject_name);
    match namesake {
        Some(one) => {
            let message = format!("it has the subject of {}, and another key", one.file());
            say.at(&chain.place, codes::OTHER_KEY, message);
        }
        // Whether it signed anything is seen when chains are followed; it may be an authority that says it is none.
        None if first.is_self_issued() => return Role::Authorities,
        None => {
            let message = format!("nobody asked for the certificate of `{}`", first.subject);
            say.at(&chain.place, codes::UNASKED, message);
        }
    }
    Role::Wrong
}

/// Whom everybody trusts, by the name of the authority. Where cluster.toml names nobody, it is who signed: whoever is above may
/// have let others sign, and all of these would be believed.
fn trusted(
    cluster: &Cluster,
    asked: &[OutsideRequest<'_>],
    named: &BTreeMap<&str, Arc<Certificate>>,
    followed: &BTreeMap<usize, Followed>,
    say: &Reporter,
) -> BTreeMap<String, AuthorityCertificate> {
    let mut trusted: BTreeMap<String, AuthorityCertificate> = BTreeMap::new();
    let mut keys: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for name in cluster.pki.signers_elsewhere() {
        let of_this = followed.iter().filter(|(at, _)| asked[**at].authority == name);
        let of_this: Vec<(&OutsideRequest<'_>, &Followed)> = of_this.map(|(at, one)| (&asked[*at], one)).collect();
        let signer = |one: &Followed| one.path.get(1).cloned();
        let anchor = named
            .get(name)
            .cloned()
            .or_else(|| most_frequent(of_this.iter().filter_map(|(_, one)| signer(one))));
        let Some(anchor) = anchor else { continue };
        for (one, followed) in &of_this {
            let leads_to = |certificate: &Arc<Certificate>| {
                certificate.public_key == anchor.public_key && certificate.subject_name == anchor.subject_name
            };
            let end = followed.path.iter().skip(1).position(leads_to).map(|at| at + 1);
            match end {
                None => {
                    let by = signer(followed).map(|by| by.subject.clone()).unwrap_or_default();
                    let message = format!("{} was signed by `{by}`, and not by `{}`", one.file(), anchor.subject);
                    say.at(&followed.place, codes::WRONG_ISSUER, message);
                }
                Some(end) => {
                    if let Some(why) = one.wanted.refusal(&followed.path[..=end], cluster.pki.issued)
                        && !say.has_errors()
                    {
                        say.at(&followed.place, codes::REFUSED, why);
                    }
                }
            }
        }
        let is_anchor = |one: &Arc<Certificate>| one.public_key == anchor.public_key;
        let is_above = |(_, one): &(&OutsideRequest<'_>, &Followed)| {
            signer(one).is_some_and(|by| by.public_key != anchor.public_key) && one.path.iter().any(is_anchor)
        };
        if let Some((one, followed)) = of_this.iter().find(|one| is_above(one)) {
            let by = signer(followed).map(|by| by.subject.clone()).unwrap_or_default();
            let message = format!(
                "`{name}` is trusted as `{}`, and {} was signed by `{by}` below it: whatever else it lets sign is believed too",
                anchor.subject,
                one.file()
            );
            say.at(None::<Place>, codes::BROAD_TRUST, message);
        }
        let of_ml_dsa = of_this
            .iter()
            .find(|(_, followed)| followed.path.iter().any(|one| one.has_ml_dsa()));
        if let Some((one, followed)) = of_ml_dsa
            && !cluster.knows_ml_dsa()
        {
            let message = format!(
                "{} leads to `{}` by keys of ML-DSA, which programs compiled with Go before {FIRST_GO_WITH_ML_DSA} don't know",
                one.file(),
                anchor.subject
            );
            say.at(&followed.place, codes::REFUSED, message).hint(format!(
                "have it signed by an authority with an ECDSA or RSA key; or compile Kubernetes and etcd with Go {FIRST_GO_WITH_ML_DSA}, \
                 and say so with `go` below [cluster]"
            ));
        }
        if let Some(other) = keys.insert(anchor.public_key.clone(), name) {
            let message = format!("`{name}` and `{other}` are both `{}`", anchor.subject);
            say.at(None::<Place>, codes::SHARED_AUTHORITY, message);
        }
        match AuthorityCertificate::from_der(&anchor.der) {
            Ok(certificate) => drop(trusted.insert(name.to_owned(), certificate)),
            Err(error) => drop(say.at(
                None::<Place>,
                codes::REFUSED,
                format!("the certificate of `{}` {error}", anchor.subject),
            )),
        }
    }
    trusted
}

/// The one that comes most often, the first of those where several do.
fn most_frequent(all: impl Iterator<Item = Arc<Certificate>>) -> Option<Arc<Certificate>> {
    let mut counted: Vec<(Arc<Certificate>, usize)> = Vec::new();
    for one in all {
        match counted.iter_mut().find(|(other, _)| other.public_key == one.public_key) {
            Some((_, count)) => *count += 1,
            None => counted.push((one, 1)),
        }
    }
    let most = counted.iter().map(|(_, count)| *count).max()?;
    counted
        .into_iter()
        .find(|(_, count)| *count == most)
        .map(|(one, _)| one)
}

/// Each authority with what it has not answered.
fn tell_missing(
    asked: &[OutsideRequest<'_>],
    answered: &BTreeMap<usize, &Chain>,
    of_others: &OfOthers,
    named: &BTreeMap<&str, Arc<Certificate>>,
    say: &Reporter,
) {
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, one) in asked.iter().enumerate() {
        *counts.entry(one.authority).or_default() += 1;
        if !answered.contains_key(&at) {
            missing.entry(one.authority).or_default().push(one.file());
        }
    }
    for (authority, files) in missing {
        let message = format!(
            "{} of {} answers of `{authority}` are missing: {}",
            files.len(),
            counts.get(authority).copied().unwrap_or_default(),
            files.join(", ")
        );
        let mut others = of_others.iter().filter(|(at, _)| asked[*at].authority == authority);
        let reporting = say.at(None::<Place>, codes::MISSING, message);
        if let (Some((_, by)), Some(signs)) = (others.next(), named.get(authority)) {
            reporting.hint(format!(
                "have them signed by `{}`, which signs in this phase of its rotation: those that are there were signed by `{}`",
                signs.subject, by.subject
            ));
        }
    }
}

fn tell(asked: &OutsideRequest<'_>, (fault, message): Faulty, place: &Place, say: &Reporter) {
    say.at(place, code_of(fault), format!("{}: {message}", asked.file()));
}

/// Certificates that are not valid yet when everything is issued, by their fingerprints, and where they stand.
type NotYet<'c> = BTreeMap<String, (&'c Place, Arc<Certificate>)>;

/// That is so of all that were signed after `issued`, so it is said once, with the instant that is right for all of them.
fn tell_not_yet(not_yet: &NotYet<'_>, cluster: &Cluster, say: &Reporter) {
    let Some((place, last)) = not_yet.values().max_by_key(|(_, certificate)| certificate.not_before) else {
        return;
    };
    let begins = text(last.not_before);
    let others = match not_yet.len() - 1 {
        0 => String::new(),
        others => format!("; so do {others} others before it"),
    };
    let message = format!(
        "`{}` begins at {begins}, after everything is issued, at {}{others}",
        last.subject,
        text(cluster.pki.issued)
    );
    say.at(*place, codes::NOT_YET, message).hint(format!(
        "write issued = \"{begins}\" or later below [pki]: keys and requests stay as they are"
    ));
}

fn code_of(fault: Fault) -> &'static Code {
    match fault {
        Fault::BadSerial => codes::BAD_SERIAL,
        Fault::OtherSubject => codes::OTHER_SUBJECT,
        Fault::LacksName => codes::LACKS_NAME,
        Fault::ExtraName => codes::EXTRA_NAME,
        Fault::IsAuthority => codes::IS_AUTHORITY,
        Fault::NoAuthority => codes::NO_AUTHORITY,
        Fault::LacksKeyUsage => codes::LACKS_KEY_USAGE,
        Fault::LacksPurpose => codes::LACKS_PURPOSE,
        Fault::ExtraUsage => codes::EXTRA_USAGE,
        Fault::Expired => codes::EXPIRED,
        Fault::NotYet => codes::NOT_YET,
        Fault::OtherLife => codes::OTHER_LIFE,
        Fault::OutlivesIssuer => codes::OUTLIVES_ISSUER,
        Fault::WeakSignature => codes::WEAK_SIGNATURE,
        Fault::BadSignature => codes::BAD_SIGNATURE,
        Fault::ChainOrder => codes::CHAIN_ORDER,
        Fault::MissingIssuer => codes::MISSING_ISSUER,
        Fault::WrongIssuer => codes::WRONG_ISSUER,
        Fault::IssuerNoAuthority => codes::ISSUER_NO_AUTHORITY,
        Fault::PathLength => codes::PATH_LENGTH,
        Fault::Refused => codes::REFUSED,
    }
}
