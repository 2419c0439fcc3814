//! What cfssl 1.6.5 does with a CSR and a profile: the types its JSON is read into, and the certificate it would make.
//! (interface skeleton: types are agreed, bodies are not)
use super::key::{Algorithm, KeyPair};
use time::{Duration, OffsetDateTime};

/// One entry of `names`: each field that is not empty adds a value to that attribute's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    pub c: String,
    pub st: String,
    pub l: String,
    pub o: String,
    pub ou: String,
    pub e: String,
    /// Extra attributes, dotted OID and value, in the order of the file.
    pub oid: Vec<(Vec<u64>, String)>,
}

/// The `ca` section of a CSR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaSection {
    pub expiry: Option<Duration>,
    pub backdate: Option<Duration>,
    pub pathlen: u32,
    pub pathlenzero: bool,
}

/// An X.509 extension as the CSR's `extensions` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawExtension {
    pub id: Vec<u64>,
    pub critical: bool,
    pub value: Vec<u8>,
}

/// A CSR JSON file (cfssl `csr.CertificateRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub cn: String,
    pub names: Vec<Name>,
    pub serial_number: String,
    pub hosts: Vec<String>,
    pub key: Algorithm,
    pub ca: Option<CaSection>,
    pub crl_url: String,
    pub delegation_enabled: bool,
    pub extensions: Vec<RawExtension>,
}

/// A key usage bit (RFC 5280, section 4.2.1.3), in bit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyUsage {
    DigitalSignature,
    ContentCommitment,
    KeyEncipherment,
    DataEncipherment,
    KeyAgreement,
    CertSign,
    CrlSign,
    EncipherOnly,
    DecipherOnly,
}

/// An extended key usage that cfssl knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtendedKeyUsage {
    Any,
    ServerAuth,
    ClientAuth,
    CodeSigning,
    EmailProtection,
    IpsecEndSystem,
    IpsecTunnel,
    IpsecUser,
    Timestamping,
    OcspSigning,
    MicrosoftSgc,
    NetscapeSgc,
}

/// A usage by cfssl's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Key(KeyUsage),
    Extended(ExtendedKeyUsage),
}

impl Usage {
    /// The usage that cfssl's config calls `name` (`"server auth"`), or none; exact and case-sensitive.
    pub fn by_name(_name: &str) -> Option<Usage> {
        todo!()
    }
    /// All names cfssl knows, for hints.
    pub fn names() -> &'static [&'static str] {
        todo!()
    }
}

/// A policy qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    Cps(String),
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
    /// None means cfssl's five minutes.
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

/// A certificate authority that signs: its certificate (DER) and its key.
pub struct Authority<'a> {
    pub certificate: &'a [u8],
    pub key: &'a KeyPair,
}

/// When a certificate is valid, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// The validity of a root made by `gencert -initca` when the clock says `now`.
    pub fn of_root(_ca: Option<&CaSection>, _now: OffsetDateTime) -> Validity {
        todo!()
    }
    /// The validity of a leaf signed with `profile` when the clock says `now`.
    pub fn of_leaf(_profile: &Profile, _now: OffsetDateTime) -> Validity {
        todo!()
    }
}

/// The DER of the self-signed root that `gencert -initca` makes.
pub fn root(_request: &Request, _key: &KeyPair, _now: OffsetDateTime) -> Result<Vec<u8>, super::x509::X509Error> {
    todo!()
}

/// The DER of the certificate that `gencert -ca -ca-key -config -profile [-hostname]` makes. `request.hosts` are the hosts.
pub fn leaf(
    _request: &Request,
    _public: &super::key::PublicKey,
    _profile: &Profile,
    _issuer: &Authority<'_>,
    _now: OffsetDateTime,
) -> Result<Vec<u8>, super::x509::X509Error> {
    todo!()
}

/// The DER of the certificate signing request that gencert writes beside the certificate.
pub fn signing_request(_request: &Request, _key: &KeyPair) -> Result<Vec<u8>, super::x509::X509Error> {
    todo!()
}

/// What cfssl makes of one `hosts` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    Ip(std::net::IpAddr),
    Email(String),
    Uri(String),
    Dns(String),
}

impl San {
    /// Classifies as cfssl does: net.ParseIP, then mail.ParseAddress, then url.ParseRequestURI, else a DNS name.
    pub fn classify(_host: &str) -> San {
        todo!()
    }
}
