//! Whether a certificate leads to one that is trusted.

use time::OffsetDateTime;

use crate::pki::inspect::{Certificate, TlsRole, judge_chain};

/// A chain from a certificate to one that is trusted, or why there is none. `is_signed_by` is asked for each signature.
pub(crate) fn chain<'c>(
    leaf: &'c Certificate,
    others: &[&'c Certificate],
    trusted: &[&'c Certificate],
    at: OffsetDateTime,
    usage: TlsRole,
    is_signed_by: &dyn Fn(&Certificate, &Certificate) -> bool,
) -> Result<(), String> {
    if trusted.is_empty() {
        return Err("there is no certificate of an authority to trust".to_owned());
    }
    if !trusted.iter().any(|root| leaf.names_as_issuer(root)) && !others.iter().any(|other| leaf.names_as_issuer(other))
    {
        return Err(format!(
            "it was issued by {:?}, and trusted is {:?}",
            leaf.issuer,
            trusted
                .iter()
                .map(|root| root.subject.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    if !leads_to(leaf, others, trusted, is_signed_by) {
        return Err("its signature is not by the key of the trusted authority".to_owned());
    }
    let is_usable = |one: &&Certificate| one.refused.is_none() && one.may_lead_to(usage);
    let usable = |all: &[&'c Certificate]| -> Vec<&'c Certificate> { all.iter().copied().filter(is_usable).collect() };
    if !others.iter().chain(trusted).all(is_usable) && !leads_to(leaf, &usable(others), &usable(trusted), is_signed_by)
    {
        return Err(format!("its authority may not issue what a {usage} shows"));
    }
    let all = others.iter().chain(trusted).chain(std::iter::once(&leaf));
    let valid = all.into_iter().all(|one| one.not_before <= at && at <= one.not_after);
    // What has expired is told as such.
    if valid && !leaf.has_broken_digest() && leaf.rsa_bits.is_none_or(|bits| bits >= 2048) {
        judge_chain(leaf, others, trusted, at, usage).map_err(|reason| format!("rustls-webpki says {reason}"))?;
    }
    Ok(())
}

/// More than any chain has to try.
const MOST_SIGNATURES: usize = 1000;

/// Whether signatures lead from `leaf` to one that is trusted. Each certificate is gone through once: of authorities that
/// issued each other there are more paths than anybody can try.
fn leads_to(
    leaf: &Certificate,
    others: &[&Certificate],
    trusted: &[&Certificate],
    is_signed_by: &dyn Fn(&Certificate, &Certificate) -> bool,
) -> bool {
    let mut tries = 0;
    let mut issued = |one: &Certificate, by: &Certificate| {
        one.names_as_issuer(by) && {
            tries += 1;
            tries <= MOST_SIGNATURES && is_signed_by(one, by)
        }
    };
    let mut left: Vec<&Certificate> = others.iter().copied().filter(|other| other.authority).collect();
    let mut reached = vec![leaf];
    let mut next = 0;
    while let Some(one) = reached.get(next).copied() {
        if trusted.iter().any(|root| issued(one, root)) {
            return true;
        }
        left.retain(|other| {
            let is_next = issued(one, other);
            if is_next {
                reached.push(other);
            }
            !is_next
        });
        next += 1;
    }
    false
}
