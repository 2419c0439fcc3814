//! A signing profile of `ca-config.json`, as cfssl's JSON is read into it.

use time::{Duration, OffsetDateTime};

use super::usage::Usage;

/// A policy qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `id-qt-cps`: a URI, which must be ASCII.
    Cps(String),
    /// `id-qt-unotice`: a text.
    UserNotice(String),
}

/// A certificate policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub id: Vec<u64>,
    pub qualifiers: Vec<Qualifier>,
}

/// `ca_constraint` of a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaConstraint {
    pub is_ca: bool,
    pub max_path_len: u32,
    pub max_path_len_zero: bool,
}

/// Which parts of a CSR a profile takes (`CSRWhitelist`); absent means all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsrWhitelist {
    pub subject: bool,
    pub public_key: bool,
    /// Not acted upon here: `spec` refuses where it would make a difference.
    pub signature_algorithm: bool,
    pub dns_names: bool,
    pub ip_addresses: bool,
    pub email_addresses: bool,
    pub uris: bool,
}

/// A signing profile of ca-config.json, with what it inherits from `default` already filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub usages: Vec<Usage>,
    pub expiry: Duration,
    /// None means cfssl's five minutes, and so does zero.
    pub backdate: Option<Duration>,
    pub not_before: Option<OffsetDateTime>,
    pub not_after: Option<OffsetDateTime>,
    pub issuer_urls: Vec<String>,
    pub ocsp_url: String,
    pub crl_url: String,
    pub ocsp_no_check: bool,
    pub ca_constraint: CaConstraint,
    pub policies: Vec<Policy>,
    pub copy_extensions: bool,
    pub csr_whitelist: Option<CsrWhitelist>,
    /// A regular expression source, checked when read.
    pub name_whitelist: Option<String>,
}
