//! A CSR file, as cfssl's JSON is read into it.

use time::Duration;

use crate::pki::key::Algorithm;
use crate::pki::x509::Extension;

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
    /// None means cfssl's five years.
    pub expiry: Option<Duration>,
    /// None means cfssl's five minutes, and so does zero.
    pub backdate: Option<Duration>,
    pub pathlen: u32,
    pub pathlenzero: bool,
}

/// A CSR JSON file (cfssl `csr.CertificateRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub cn: String,
    pub names: Vec<Name>,
    /// The subject's serialNumber attribute, not the certificate's serial number.
    pub serial_number: String,
    pub hosts: Vec<String>,
    pub key: Algorithm,
    pub ca: Option<CaSection>,
    pub crl_url: String,
    pub delegation_enabled: bool,
    pub extensions: Vec<Extension>,
}

impl Request {
    /// Of a common name and nothing else.
    pub fn named(cn: impl Into<String>, key: Algorithm) -> Request {
        Request {
            cn: cn.into(),
            names: Vec::new(),
            serial_number: String::new(),
            hosts: Vec::new(),
            key,
            ca: None,
            crl_url: String::new(),
            delegation_enabled: false,
            extensions: Vec::new(),
        }
    }
}
