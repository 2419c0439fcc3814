//! Each connection and each signature of the table, held against what was found.

use rayon::prelude::*;

use super::parties::{End, Member, Parties};
use super::table::{
    CONNECTIONS, Calls, Connection, HeldAt, Party, Proof, SHOWN, SIGNATURES, Signature, Signed, TRUSTED, Told,
    code_without,
};
use crate::audit::document::Tree;
use crate::audit::encryption;
use crate::audit::names::Url;
use crate::audit::reached::answers;
use crate::audit::spot::Spot;
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
    let certificates = shown.certificates();
    let Some((leaf, others)) = certificates.split_first() else {
        return;
    };
    let may = match usage {
        TlsRole::Server => leaf.server_auth,
        TlsRole::Client => leaf.client_auth,
    };
    if !may {
        let message = format!("{} is shown by a {usage}, and may not be", shown.name());
        return shown.spot.report(code_without(usage), message);
    }
    let mut is_judged = false;
    for judge in judges {
        let Some(trusted) = judge.end(proof.trusted) else {
            continue;
        };
        let roots = trusted.certificates();
        if roots.is_empty() {
            continue;
        }
        is_judged = true;
        if let Err(why) = shown.spot.view.chain(leaf, others, &roots, usage) {
            tell(proof, (shower, &shown), (judge, &trusted), &why);
        }
    }
    let own = proof.otherwise.filter(|_| !is_judged).and_then(|at| shower.end(at));
    let roots = own.map_or_else(Vec::new, |own| own.certificates());
    if !roots.is_empty()
        && let Err(why) = shown.spot.view.chain(leaf, others, &roots, usage)
    {
        let message = format!("its own authority refuses {}: {why}", shown.name());
        shown.spot.report(codes::UNTRUSTED_CERTIFICATE, message);
    }
}

/// One does not accept what another shows.
fn tell(
    proof: &Proof,
    (shower, shown): (Member<'_, '_>, &End<'_, '_>),
    (judge, trusted): (Member<'_, '_>, &End<'_, '_>),
    why: &str,
) {
    let (spot, message) = match proof.told {
        Told::Shows => (shown.spot, format!("{} refuses {}: {why}", judge.name(), shown.name())),
        Told::Judges => {
            let message = format!("{} does not vouch for {}: {why}", proof.trusted, shower.name());
            (trusted.spot, message)
        }
    };
    spot.report(codes::UNTRUSTED_CERTIFICATE, message);
}

/// Whoever answers at an address that a caller asks for has it in its certificate.
fn check_names<'v>(
    proof: &Proof,
    calls: Calls,
    caller: Member<'_, 'v>,
    callees: &[Member<'_, 'v>],
    callees_of: &Parties<'v>,
) {
    let urls: Vec<Url> = match (calls, caller) {
        (Calls::Urls(flag), Member::Started(_, running)) => running.urls(flag),
        (Calls::Server, Member::Login(login)) => login.url.iter().cloned().collect(),
        _ => return,
    };
    for url in urls {
        for callee in callees {
            let is_met = match (calls, caller, *callee) {
                (Calls::Urls(_), Member::Started(_, caller), Member::Started(_, etcd)) => answers(etcd, &url, caller),
                _ => caller.calls(callees_of, calls, *callee),
            };
            let shown = callee.end(proof.shown).filter(|_| is_met);
            let certificates = shown.map_or_else(Vec::new, |shown| shown.certificates());
            if certificates.first().is_some_and(|leaf| !leaf.covers(&url.host)) {
                let message = format!("{} is not in the certificate of {}", url.host, callee.name());
                caller.spot().report(codes::ADDRESS_NOT_COVERED, message);
            }
        }
    }
}

fn check_signature(signers_of: &Parties<'_>, judges_of: &Parties<'_>, row: &Signature) {
    let judges = judges_of.members(row.accepted_by);
    for signer in signers_of.members(row.signer) {
        let Some(by) = signer.end(row.by) else { continue };
        for judge in &judges {
            let Some(accepted) = judge.end(row.as_in) else { continue };
            let all = all_items(*judge, row, &accepted);
            if believes(row.what, &by, &all) == Some(false) {
                by.spot.report(row.code, refusal(row, *judge));
            }
        }
    }
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
            for why in encryption::unreadable(written, read) {
                spot.report(
                    codes::ENCRYPTION_DISAGREES,
                    format!("{reader} can't read what it writes: {why}"),
                );
            }
        }
    }
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
fn configurations<'v>(of: &Parties<'v>) -> Vec<(Spot<'v>, String, &'v Tree)> {
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
