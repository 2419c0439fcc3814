//! Each connection and each signature of the table, held against what was found.

use rayon::prelude::*;

use super::parties::{End, Member, Parties};
use super::table::{
    CONNECTIONS, Calls, Connection, HeldAt, Party, Proof, SHOWN, SIGNATURES, Signature, Signed, TRUSTED, Told,
    code_without,
};
use crate::audit::document::Tree;
use crate::audit::encryption;
use crate::audit::names::{Url, is_loopback};
use crate::audit::reached::answers;
use crate::audit::spot::Spot;
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::pki::inspect::{Certificate, Item, TlsRole};

pub(crate) fn check(parties: &Parties<'_>) {
    check_files(parties);
    check_between(parties, parties);
}

/// Those of one side as they call, sign and write, and those of another as they answer, accept and read.
pub(crate) fn check_between(callers_of: &Parties<'_>, callees_of: &Parties<'_>) {
    for connection in CONNECTIONS {
        check_connection(callers_of, callees_of, connection);
    }
    for signature in SIGNATURES {
        check_signature(callers_of, callees_of, signature);
    }
    check_encryption(callers_of, callees_of);
    check_issuers(callers_of, callees_of);
}

/// Each certificate has its key, and whoever is trusted is an authority.
fn check_files(parties: &Parties<'_>) {
    for row in SHOWN {
        for member in parties.members(row.by) {
            if let (Some(certificate), Some(key)) = (member.end(row.certificate), member.end(row.key)) {
                certificate.spot.check_pair(certificate.path, key.path);
            }
        }
    }
    for row in TRUSTED {
        for trusted in parties.members(row.by).iter().filter_map(|member| member.end(row.file)) {
            trusted.spot.check_authority(trusted.path);
        }
    }
}

fn check_connection(callers_of: &Parties<'_>, callees_of: &Parties<'_>, connection: &Connection) {
    let callers = callers_of.members(connection.caller);
    let callees = callees_of.members(connection.callee);
    if let Some(proof) = &connection.server {
        callees.par_iter().for_each(|callee| {
            let met = callers
                .iter()
                .filter(|caller| caller.calls(callees_of, connection.calls, *callee));
            check_proof(proof, TlsRole::Server, *callee, met.copied());
        });
        callers
            .par_iter()
            .for_each(|caller| check_names(proof, connection.calls, *caller, &callees, callees_of));
    }
    if let Some(proof) = &connection.client {
        callers.par_iter().for_each(|caller| {
            let met = callees
                .iter()
                .filter(|callee| caller.calls(callees_of, connection.calls, **callee));
            check_proof(proof, TlsRole::Client, *caller, met.copied());
        });
    }
}

/// What one member shows, and those who meet it.
fn check_proof<'p, 'v: 'p>(
    proof: &Proof,
    usage: TlsRole,
    shower: Member<'p, 'v>,
    judges: impl Iterator<Item = Member<'p, 'v>>,
) {
    let Some(shown) = shower.end(proof.shown) else { return };
    let Some((leaf, others)) = split(&shown.certificates()) else {
        return;
    };
    if let Some(refusal) = without_right(usage, &shown, leaf) {
        return refusal.report();
    }
    let mut is_judged = false;
    for judge in judges {
        if let Some(judged) = judged(proof, usage, (shower, &shown), judge) {
            is_judged = true;
            judged.into_iter().for_each(Refusal::report);
        }
    }
    let own = proof.otherwise.filter(|_| !is_judged).and_then(|at| shower.end(at));
    let roots = own.map_or_else(Vec::new, |own| own.certificates());
    if !roots.is_empty()
        && let Err(why) = shown.spot.view.chain(leaf, &others, &roots, usage)
    {
        let message = format!("its own authority refuses {}: {why}", shown.name());
        shown.spot.report(codes::UNTRUSTED_CERTIFICATE, message);
    }
}

/// What somebody has against what another shows or signs, and where it is told.
pub(super) struct Refusal<'v> {
    pub spot: Spot<'v>,
    pub code: &'static Code,
    pub message: String,
}

impl Refusal<'_> {
    fn report(self) {
        self.spot.report(self.code, self.message);
    }
}

/// A certificate, and those that stand behind it.
pub(super) fn split<'p>(certificates: &[&'p Certificate]) -> Option<(&'p Certificate, Vec<&'p Certificate>)> {
    let (leaf, others) = certificates.split_first()?;
    Some((leaf, others.to_vec()))
}

/// What is said of a certificate that may not be shown so, whoever asks for it.
pub(super) fn without_right<'v>(usage: TlsRole, shown: &End<'_, 'v>, leaf: &Certificate) -> Option<Refusal<'v>> {
    let may = match usage {
        TlsRole::Server => leaf.server_auth,
        TlsRole::Client => leaf.client_auth,
    };
    let message = || format!("{} is shown by a {usage}, and may not be", shown.name());
    (!may).then(|| Refusal {
        spot: shown.spot,
        code: code_without(usage),
        message: message(),
    })
}

/// What one says of what another shows: nothing against it, or why it is refused; none where either has nothing that is here.
pub(super) fn judged<'v>(
    proof: &Proof,
    usage: TlsRole,
    (shower, shown): (Member<'_, 'v>, &End<'_, 'v>),
    judge: Member<'_, 'v>,
) -> Option<Option<Refusal<'v>>> {
    let (leaf, others) = split(&shown.certificates())?;
    let trusted = judge.end(proof.trusted)?;
    let roots = trusted.certificates();
    if roots.is_empty() {
        return None;
    }
    let chain = shown.spot.view.chain(leaf, &others, &roots, usage);
    Some(
        chain
            .err()
            .map(|why| refused(proof, (shower, shown), (judge, &trusted), &why)),
    )
}

/// One does not accept what another shows.
fn refused<'v>(
    proof: &Proof,
    (shower, shown): (Member<'_, 'v>, &End<'_, 'v>),
    (judge, trusted): (Member<'_, 'v>, &End<'_, 'v>),
    why: &str,
) -> Refusal<'v> {
    let (spot, message) = match proof.told {
        Told::Shows => (shown.spot, format!("{} refuses {}: {why}", judge.name(), shown.name())),
        Told::Judges => {
            let message = format!("{} does not vouch for {}: {why}", proof.trusted, shower.name());
            (trusted.spot, message)
        }
    };
    Refusal {
        spot,
        code: codes::UNTRUSTED_CERTIFICATE,
        message,
    }
}

/// Whoever answers at an address that a caller asks for has it in its certificate.
fn check_names<'v>(
    proof: &Proof,
    calls: Calls,
    caller: Member<'_, 'v>,
    callees: &[Member<'_, 'v>],
    callees_of: &Parties<'v>,
) {
    let urls = urls(calls, caller);
    for callee in callees {
        let refusals = not_covered(proof, calls, (caller, &urls), *callee, callees_of);
        refusals.into_iter().for_each(Refusal::report);
    }
}

/// Where a caller says that those are whom it calls.
pub(super) fn urls(calls: Calls, caller: Member<'_, '_>) -> Vec<Url> {
    match (calls, caller) {
        (Calls::Urls(flag), Member::Started(_, running)) => running.urls(flag),
        (Calls::Server, Member::Login(login)) => login.url.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The addresses that a caller asks for, at which one answers that has them not in its certificate.
pub(super) fn not_covered<'v>(
    proof: &Proof,
    calls: Calls,
    (caller, urls): (Member<'_, 'v>, &[Url]),
    callee: Member<'_, 'v>,
    callees_of: &Parties<'v>,
) -> Vec<Refusal<'v>> {
    let is_met = |url: &&Url| match (calls, caller, callee) {
        (Calls::Urls(_), Member::Started(_, caller), Member::Started(_, etcd)) => answers(etcd, url, caller),
        _ => caller.calls(callees_of, calls, callee),
    };
    // Of one host before and after, a program that calls its own API server gets its new file with that server's, and is restarted after it.
    let (from, to) = (caller.spot(), callee.spot());
    let comes_after =
        |url: &&Url| from.host.name == to.host.name && from.view.side != to.view.side && is_loopback(&url.host);
    let met = urls.iter().filter(is_met).filter(|url| !comes_after(url));
    let lacking = met.filter(|url| {
        let shown = callee.end(proof.shown);
        let certificates = shown.map_or_else(Vec::new, |shown| shown.certificates());
        certificates.first().is_some_and(|leaf| !leaf.covers(&url.host))
    });
    let refusal = |url: &Url| Refusal {
        spot: caller.spot(),
        code: codes::ADDRESS_NOT_COVERED,
        message: format!("{} is not in the certificate of {}", url.host, callee.name()),
    };
    lacking.map(refusal).collect()
}

fn check_signature(signers_of: &Parties<'_>, judges_of: &Parties<'_>, row: &Signature) {
    let judges = judges_of.members(row.accepted_by);
    for signer in signers_of.members(row.signer) {
        let Some(by) = signer.end(row.by) else { continue };
        for judge in &judges {
            if let Some(Some(refusal)) = disbelieved(row, &by, *judge) {
                refusal.report();
            }
        }
    }
}

/// What one says of what another signs, as [`judged`] does.
pub(super) fn disbelieved<'v>(row: &Signature, by: &End<'_, 'v>, judge: Member<'_, 'v>) -> Option<Option<Refusal<'v>>> {
    let accepted = judge.end(row.as_in)?;
    let all = all_items(judge, row, &accepted);
    let believed = believes(row.what, by, &all)?;
    Some((!believed).then(|| Refusal {
        spot: by.spot,
        code: row.code,
        message: refusal(row, judge),
    }))
}

/// What is in every file that is named: the keys of tokens may be in several.
fn all_items<'p>(judge: Member<'p, '_>, row: &Signature, accepted: &End<'p, '_>) -> Vec<&'p Item> {
    match (judge, row.as_in) {
        (Member::Started(_, running), HeldAt::Flag(flag)) => {
            let paths = running.line.values(flag);
            paths.flat_map(|path| running.spot.host.items(path)).collect()
        }
        _ => accepted.items.iter().collect(),
    }
}

/// Whether those who have `accepted` believe what is signed; none where either is not there.
fn believes(what: Signed, by: &End<'_, '_>, accepted: &[&Item]) -> Option<bool> {
    match what {
        Signed::Certificates => {
            let signer = *by.certificates().first()?;
            let roots: Vec<&Certificate> = accepted.iter().copied().filter_map(Item::certificate).collect();
            let leads_to =
                |root: &&Certificate| root.public_key == signer.public_key || by.spot.view.signed(signer, root);
            (!roots.is_empty()).then(|| roots.iter().any(leads_to))
        }
        Signed::Tokens => {
            let own = by.items.iter().find_map(Item::private_key)?;
            let keys: Vec<&[u8]> = accepted.iter().copied().filter_map(Item::public_key).collect();
            (!keys.is_empty()).then(|| keys.contains(&own))
        }
    }
}

/// What one API server writes into etcd each other one has to read.
fn check_encryption(writers_of: &Parties<'_>, readers_of: &Parties<'_>) {
    let readers = configurations(readers_of);
    for (spot, _, written) in configurations(writers_of) {
        for (_, reader, read) in &readers {
            not_read((spot, written), (reader, read))
                .into_iter()
                .for_each(Refusal::report);
        }
    }
}

/// What one can't read of what another writes, and why.
pub(super) fn not_read<'v>((spot, written): (Spot<'v>, &Tree), (reader, read): (&str, &Tree)) -> Vec<Refusal<'v>> {
    let unreadable = encryption::unreadable(written, read).into_iter();
    let refusal = |why| Refusal {
        spot,
        code: codes::ENCRYPTION_DISAGREES,
        message: format!("{reader} can't read what it writes: {why}"),
    };
    unreadable.map(refusal).collect()
}

/// Who issues a token by one name is believed by those who know the name (`--service-account-issuer`, of which the first issues).
fn check_issuers(issuers_of: &Parties<'_>, judges_of: &Parties<'_>) {
    const ISSUER: &str = "service-account-issuer";
    let judges = judges_of.members(Party::ApiServer);
    for issuer in issuers_of.members(Party::ApiServer) {
        let Some(name) = issuer.values(ISSUER).first().copied() else {
            continue;
        };
        for judge in &judges {
            let known = judge.values(ISSUER);
            if !known.is_empty() && !known.contains(&name) {
                let message = format!("{} does not accept tokens of the issuer {name}", judge.name());
                issuer.spot().report(codes::SERVICE_ACCOUNT_KEYS_DISAGREE, message);
            }
        }
    }
}

/// The API servers that encrypt, and as they do.
pub(super) fn configurations<'v>(of: &Parties<'v>) -> Vec<(Spot<'v>, String, &'v Tree)> {
    let members = of.members(Party::ApiServer).into_iter();
    let encrypting = members.filter_map(|member| Some((member.spot(), member.name(), member.encryption()?)));
    encrypting.collect()
}

fn refusal(row: &Signature, judge: Member<'_, '_>) -> String {
    match row.what {
        Signed::Certificates => format!("{} of {} does not trust what {} signs", row.as_in, judge.name(), row.by),
        Signed::Tokens => format!("{} does not accept the tokens that it signs", judge.name()),
    }
}
