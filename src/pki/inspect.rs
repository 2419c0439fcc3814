//! Certificates, keys and chains as somebody else would read them: what `verify` and `inspect` know of a PEM file.
//!
//! What is read may come from anyone: nothing here panics on it. Of a private key nothing leaves but its public half.

use core::time::Duration;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::revocation_list::CertificateRevocationList;

use super::decode;
use super::digest::{hex, sha256_hex};
use super::key::{Algorithm, KeyPair, MlDsa, PublicKey, SignatureAlgorithm};
use super::secret::SecretBytes;
use super::x509::{ComparableName, to_pem};

/// What a certificate says, read from its DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub der: Vec<u8>,
    /// SHA-256 of the DER, in hexadecimal.
    pub fingerprint: String,
    /// In hexadecimal.
    pub serial: String,
    pub subject: String,
    pub issuer: String,
    /// The subject and the issuer, as they are compared.
    pub subject_name: ComparableName,
    pub issuer_name: ComparableName,
    pub common_name: Option<String>,
    pub organizations: Vec<String>,
    pub dns: Vec<String>,
    pub ips: Vec<IpAddr>,
    /// Subject alternative names that are neither DNS names nor addresses, as text.
    pub other_names: Vec<String>,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    /// `RSA 2048 bits, e 65537`, `ECDSA P-256`.
    pub key: String,
    /// The size of an RSA key.
    pub rsa_bits: Option<usize>,
    /// The SubjectPublicKeyInfo, as DER.
    pub public_key: Vec<u8>,
    /// Basic constraints say that it is an authority.
    pub authority: bool,
    /// Whether it may sign certificates, by its key usage; none says nothing against it.
    pub signs_certificates: bool,
    /// Whether its key may sign the handshakes of TLS, likewise.
    pub signs_handshakes: bool,
    /// How many authorities may follow it in a chain, itself not counted.
    pub path_length: Option<u32>,
    /// The identifiers of its own key and of its issuer's, where it has them.
    pub key_id: Option<Vec<u8>>,
    pub issuer_key_id: Option<Vec<u8>>,
    /// Why Go's crypto/x509 refuses it wherever it is, whatever it is used for.
    pub refused: Option<String>,
    pub server_auth: bool,
    pub client_auth: bool,
    pub signature: String,
}

impl Certificate {
    /// Reads one certificate; none if the DER is no certificate, contradicts itself, or is not that alone.
    pub fn from_der(der: &[u8]) -> Option<Certificate> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        // Both algorithms have to be the same (RFC 5280, section 4.1.1.2): Go refuses the certificate where they aren't.
        if !rest.is_empty() || parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return None;
        }
        let mut certificate = Certificate {
            der: der.to_vec(),
            fingerprint: sha256_hex(der),
            serial: hex(parsed.raw_serial()),
            subject: decode::name(parsed.subject()),
            issuer: decode::name(parsed.issuer()),
            subject_name: ComparableName::from_der(parsed.subject().as_raw()),
            issuer_name: ComparableName::from_der(parsed.issuer().as_raw()),
            common_name: parsed
                .subject()
                .iter_common_name()
                .last()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            organizations: parsed
                .subject()
                .iter_organization()
                .filter_map(|name| name.as_str().ok())
                .map(str::to_owned)
                .collect(),
            dns: Vec::new(),
            ips: Vec::new(),
            other_names: Vec::new(),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            key: decode::public_key(parsed.public_key()),
            rsa_bits: match parsed.public_key().parsed() {
                Ok(ParsedKey::RSA(rsa)) => Some(decode::bits_of(rsa.modulus)),
                _ => None,
            },
            public_key: parsed.public_key().raw.to_vec(),
            authority: false,
            signs_certificates: true,
            signs_handshakes: true,
            path_length: None,
            key_id: None,
            issuer_key_id: None,
            refused: refusal(&parsed),
            // Without the extension every purpose is allowed (RFC 5280, section 4.2.1.12).
            server_auth: true,
            client_auth: true,
            signature: decode::signature_algorithm(&parsed.signature_algorithm),
        };
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => {
                    certificate.authority = constraints.ca;
                    certificate.path_length = constraints.path_len_constraint;
                }
                ParsedExtension::KeyUsage(usage) => {
                    certificate.signs_certificates = usage.key_cert_sign();
                    certificate.signs_handshakes = usage.digital_signature();
                }
                ParsedExtension::SubjectKeyIdentifier(id) => certificate.key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    certificate.issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    certificate.server_auth = usage.server_auth || usage.any;
                    certificate.client_auth = usage.client_auth || usage.any;
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        match name {
                            GeneralName::DNSName(dns) => certificate.dns.push((*dns).to_owned()),
                            GeneralName::IPAddress(bytes) => match decode::ip(bytes) {
                                Some(ip) => certificate.ips.push(ip),
                                None => certificate.other_names.push(decode::general_name(name)),
                            },
                            other => certificate.other_names.push(decode::general_name(other)),
                        }
                    }
                }
                _ => {}
            }
        }
        Some(certificate)
    }

    /// Whether it may be in front of certificates that are used so: Go asks the extended key usages of every authority of a
    /// chain, the trusted one's too (`checkChainForKeyUsage` of crypto/x509).
    pub(crate) fn may_lead_to(&self, usage: TlsRole) -> bool {
        match usage {
            TlsRole::Server => self.server_auth,
            TlsRole::Client => self.client_auth,
        }
    }

    /// The attributes of its subject in their order, by the names of RFC 4514 (`CN`, `O`), or by their number where it has none; one
    /// that is no text is left out.
    pub(crate) fn subject_attributes(&self) -> Vec<(String, String)> {
        let Ok((_, parsed)) = X509Certificate::from_der(&self.der) else {
            return Vec::new();
        };
        decode::attributes(parsed.subject())
    }

    /// The certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        to_pem("CERTIFICATE", &self.der)
    }

    /// Its common name, which Kubernetes takes for a user; empty where it has none.
    pub(crate) fn user(&self) -> &str {
        self.common_name.as_deref().unwrap_or_default()
    }

    /// Whether it has an organization, which Kubernetes takes for a group.
    pub(crate) fn is_in(&self, organization: &str) -> bool {
        self.organizations.iter().any(|one| one == organization)
    }

    /// Whether the name of its issuer is the subject of `other`.
    pub fn names_as_issuer(&self, other: &Certificate) -> bool {
        self.issuer_name == other.subject_name
    }

    /// Whether it is its own issuer by name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_name == self.subject_name
    }

    /// Whether the key of `issuer` made its signature.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        let Ok((_, parsed)) = X509Certificate::from_der(&self.der) else {
            return false;
        };
        let signature = &parsed.signature_value.data;
        is_signature(
            &self.signature,
            parsed.tbs_certificate.as_ref(),
            signature,
            &issuer.public_key,
        )
    }

    /// Whether its key or its signature is of ML-DSA (FIPS 204), which Go knows since 1.27.
    pub(crate) fn has_ml_dsa(&self) -> bool {
        self.key.starts_with(ML_DSA) || self.signature.starts_with(ML_DSA)
    }

    /// Whether its signature is by a broken digest.
    pub fn has_broken_digest(&self) -> bool {
        ["SHA-1 with RSA", "1.2.840.113549.1.1.4", "1.2.840.10045.4.1"].contains(&self.signature.as_str())
    }

    /// Whether a client that was told `name`, a DNS name or an address, accepts it there.
    pub fn covers(&self, name: &str) -> bool {
        if let Ok(ip) = name.parse::<IpAddr>() {
            return self.ips.contains(&ip);
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.dns.iter().any(|dns| {
            let dns = dns.to_ascii_lowercase();
            dns == name
                || dns.strip_prefix("*.").is_some_and(|suffix| {
                    name.split_once('.')
                        .is_some_and(|(label, rest)| !label.is_empty() && rest == suffix)
                })
        })
    }
}

/// Why Go refuses to read a certificate, or to have it in any chain (`parseCertificate`, `isValid` of crypto/x509, Go 1.26).
fn refusal(parsed: &X509Certificate<'_>) -> Option<String> {
    /// What Go knows, so that it may be critical.
    const KNOWN: [&str; 10] = [
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.31",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
    ];
    /// What has to be left uncritical (RFC 5280, sections 4.2.1.1, 4.2.1.2, 4.2.2.1): identifiers of keys, and where the
    /// authority is asked.
    const NEVER_CRITICAL: [&str; 3] = ["2.5.29.14", "2.5.29.35", "1.3.6.1.5.5.7.1.1"];
    if parsed.raw_serial().first().is_some_and(|byte| byte & 0x80 != 0) {
        return Some("its serial number is negative".to_owned());
    }
    let key = decode::public_key(parsed.public_key());
    if !["RSA ", "ECDSA P-", "Ed25519", ML_DSA]
        .iter()
        .any(|known| key.starts_with(known))
    {
        return Some(format!("its key is of a kind that Go does not know, {key}"));
    }
    // Any text of the right length is a key.
    if key.starts_with(ML_DSA) && PublicKey::from_spki_der(parsed.public_key().raw).is_err() {
        return Some(format!("its key is not as long as one of {key}"));
    }
    let mut seen = Vec::new();
    parsed.extensions().iter().find_map(|extension| {
        let oid = extension.oid.to_id_string();
        let known = KNOWN.contains(&oid.as_str()) || NEVER_CRITICAL.contains(&oid.as_str());
        let why = if seen.contains(&oid) {
            "comes twice"
        } else if known && matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. }) {
            "can't be read"
        } else if extension.critical && NEVER_CRITICAL.contains(&oid.as_str()) {
            "may not be critical"
        } else if extension.critical && (!known || has_unknown_names(extension.parsed_extension())) {
            "is critical, and Go does not know it"
        } else {
            seen.push(oid);
            return None;
        };
        Some(format!("its extension {oid} {why}"))
    })
}

/// Whether constraints are of names that Go does not compare: neither DNS names nor addresses, mail addresses or URIs.
fn has_unknown_names(extension: &ParsedExtension<'_>) -> bool {
    let ParsedExtension::NameConstraints(constraints) = extension else {
        return false;
    };
    let known = |name: &GeneralName<'_>| {
        matches!(
            name,
            GeneralName::DNSName(_) | GeneralName::IPAddress(_) | GeneralName::RFC822Name(_) | GeneralName::URI(_)
        )
    };
    let trees = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
    trees.into_iter().flatten().flatten().any(|tree| !known(&tree.base))
}

/// Whether the key of a SubjectPublicKeyInfo made a signature, by the algorithm of that name.
fn is_signature(algorithm: &str, signed: &[u8], signature: &[u8], key: &[u8]) -> bool {
    let made_by = |algorithm: &'static dyn ring::signature::VerificationAlgorithm| {
        SubjectPublicKeyInfo::from_der(key).is_ok_and(|(_, key)| {
            ring::signature::UnparsedPublicKey::new(algorithm, &key.subject_public_key.data)
                .verify(signed, signature)
                .is_ok()
        })
    };
    match algorithm {
        "SHA-256 with RSA" => made_by(&ring::signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
        "SHA-384 with RSA" => made_by(&ring::signature::RSA_PKCS1_2048_8192_SHA384),
        "SHA-512 with RSA" => made_by(&ring::signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        "SHA-1 with RSA" => made_by(&ring::signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
        "ECDSA with SHA-256" => {
            made_by(&ring::signature::ECDSA_P256_SHA256_ASN1) || made_by(&ring::signature::ECDSA_P384_SHA256_ASN1)
        }
        "ECDSA with SHA-384" => {
            made_by(&ring::signature::ECDSA_P256_SHA384_ASN1) || made_by(&ring::signature::ECDSA_P384_SHA384_ASN1)
        }
        // ring has neither P-521 nor ML-DSA.
        "ECDSA with SHA-512" | "Ed25519" | "ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87" => {
            PublicKey::from_spki_der(key).is_ok_and(|key| key_fits(algorithm, &key) && key.verifies(signed, signature))
        }
        _ => false,
    }
}

/// How the names of keys and signatures of FIPS 204 begin.
const ML_DSA: &str = "ML-DSA-";

/// Whether a key's own algorithm of signatures is the one of that name.
fn key_fits(algorithm: &str, key: &PublicKey) -> bool {
    match key.signature_algorithm() {
        SignatureAlgorithm::EcdsaWithSha512 => algorithm == "ECDSA with SHA-512",
        SignatureAlgorithm::Ed25519 => algorithm == "Ed25519",
        SignatureAlgorithm::MlDsa(MlDsa::MlDsa44) => algorithm == "ML-DSA-44",
        SignatureAlgorithm::MlDsa(MlDsa::MlDsa65) => algorithm == "ML-DSA-65",
        SignatureAlgorithm::MlDsa(MlDsa::MlDsa87) => algorithm == "ML-DSA-87",
        _ => false,
    }
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsRole {
    Server,
    Client,
}

impl fmt::Display for TlsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsRole::Server => "server",
            TlsRole::Client => "client",
        })
    }
}

/// ML-DSA as rustls-webpki asks for it, which over ring has none of its own.
#[derive(Debug)]
struct MlDsaVerification {
    set: MlDsa,
    identifier: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for MlDsaVerification {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = PublicKey {
            algorithm: Algorithm::MlDsa(self.set),
            subject_public_key: public_key.to_vec(),
        };
        key.verifies(message, signature).then_some(()).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}

static ML_DSA_VERIFICATIONS: [MlDsaVerification; 3] = [
    MlDsaVerification {
        set: MlDsa::MlDsa44,
        identifier: alg_id::ML_DSA_44,
    },
    MlDsaVerification {
        set: MlDsa::MlDsa65,
        identifier: alg_id::ML_DSA_65,
    },
    MlDsaVerification {
        set: MlDsa::MlDsa87,
        identifier: alg_id::ML_DSA_87,
    },
];

/// What chains are judged with.
fn verifications() -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let ml_dsa = ML_DSA_VERIFICATIONS.iter().map(|one| one as _);
    webpki::ALL_VERIFICATION_ALGS.iter().copied().chain(ml_dsa).collect()
}

/// Asks rustls-webpki whether a chain leads from `leaf` to one of `roots`; its reason where not. A key or signature of a
/// kind that it does not know is no reason.
pub fn judge_chain(
    leaf: &Certificate,
    intermediates: &[&Certificate],
    roots: &[&Certificate],
    at: OffsetDateTime,
    usage: TlsRole,
) -> Result<(), String> {
    let of = |certificates: &[&Certificate]| -> Vec<CertificateDer<'static>> {
        certificates
            .iter()
            .map(|certificate| CertificateDer::from(certificate.der.clone()))
            .collect()
    };
    let roots = of(roots);
    let anchors: Vec<_> = roots
        .iter()
        .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok())
        .collect();
    let leaf_der = CertificateDer::from(leaf.der.clone());
    let leaf = webpki::EndEntityCert::try_from(&leaf_der).map_err(|error| format!("{error:?}"))?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.unix_timestamp()).unwrap_or(0)));
    let wanted = match usage {
        TlsRole::Server => webpki::KeyUsage::server_auth(),
        TlsRole::Client => webpki::KeyUsage::client_auth(),
    };
    let intermediates = of(intermediates);
    let verdict = leaf.verify_for_usage(&verifications(), &anchors, &intermediates, time, wanted, None, None);
    match verdict {
        Ok(_) => Ok(()),
        Err(error) => match format!("{error:?}") {
            reason if reason.contains("Unsupported") && reason.contains("Algorithm") => Ok(()),
            reason => Err(reason),
        },
    }
}

/// What stands in a PEM file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Certificate(Arc<Certificate>),
    /// The SubjectPublicKeyInfo of a private key.
    PrivateKey(Vec<u8>),
    /// The SubjectPublicKeyInfo of a public key.
    PublicKey(Vec<u8>),
    /// The SubjectPublicKeyInfo of a request for a certificate, which its key signed.
    Request(Vec<u8>),
    /// A list of revoked certificates.
    Revocations,
    /// What can't be read: the label, and why.
    Unreadable(String, String),
}

impl Item {
    /// The certificate that it is.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Item::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// The public half of the private key that it is.
    pub fn private_key(&self) -> Option<&[u8]> {
        match self {
            Item::PrivateKey(key) => Some(key),
            _ => None,
        }
    }

    /// The public key that it is or has, of whatever kind it is.
    pub fn public_key(&self) -> Option<&[u8]> {
        match self {
            Item::Certificate(certificate) => Some(&certificate.public_key),
            Item::PrivateKey(key) | Item::PublicKey(key) | Item::Request(key) => Some(key),
            Item::Revocations | Item::Unreadable(..) => None,
        }
    }
}

/// More than the bundle of every public authority has; to read a key costs arithmetic.
const MOST_BLOCKS: usize = 1000;

/// The items of a PEM file; none if there is no PEM block.
pub fn items(text: &[u8]) -> Vec<Item> {
    let blocks = decode::blocks(text);
    // `openssl ecparam -genkey` puts the parameters of a key in front of it, and everybody passes over them.
    let told = blocks
        .iter()
        .take(MOST_BLOCKS)
        .filter(|block| block.label != "EC PARAMETERS");
    let mut items: Vec<Item> = told.map(item).collect();
    if decode::has_lost_boundary(text) {
        let why = "something else stands in its first line, so that programs pass over it";
        items.push(Item::Unreadable("block".to_owned(), why.to_owned()));
    }
    if blocks.len() > MOST_BLOCKS {
        let why = format!("nothing needs more than {MOST_BLOCKS} blocks");
        items.push(Item::Unreadable(
            format!("{} further blocks", blocks.len() - MOST_BLOCKS),
            why,
        ));
    }
    items
}

/// The block of a private key in a PEM file whose public half (SubjectPublicKeyInfo) is this one, by itself.
pub(crate) fn key_block(text: &[u8], public: &[u8]) -> Option<SecretBytes> {
    let blocks = decode::blocks(text);
    let mut keys = blocks
        .iter()
        .take(MOST_BLOCKS)
        .filter(|block| block.label.ends_with("PRIVATE KEY") && block.refusal().is_none());
    let found =
        keys.find(|block| KeyPair::from_pem(block.text).is_ok_and(|pair| pair.public().spki_der() == public))?;
    let mut own = SecretBytes::from(found.text);
    if !found.text.ends_with(b"\n") {
        own.extend(b"\n");
    }
    Some(own)
}

/// A public key (SubjectPublicKeyInfo) as PEM.
pub(crate) fn public_key_pem(public: &[u8]) -> String {
    to_pem("PUBLIC KEY", public)
}

fn item(block: &decode::Block<'_>) -> Item {
    let unreadable = |why: &str| Item::Unreadable(decode::printable(&block.label), why.to_owned());
    let label = block.label.as_str();
    if let Some(why) = block.refusal() {
        return unreadable(why);
    }
    if label.ends_with("PRIVATE KEY") {
        return match KeyPair::from_pem(block.text) {
            Ok(pair) => Item::PrivateKey(pair.public().spki_der()),
            Err(error) => unreadable(&error.to_string()),
        };
    }
    let Some(der) = block.der() else {
        return unreadable("it is no PEM");
    };
    match label {
        "CERTIFICATE" => match Certificate::from_der(&der) {
            Some(certificate) => Item::Certificate(Arc::new(certificate)),
            None => unreadable("it is no certificate"),
        },
        "PUBLIC KEY" => match SubjectPublicKeyInfo::from_der(&der) {
            Ok(([], _)) => Item::PublicKey(der),
            _ => unreadable("it is no public key"),
        },
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => match X509CertificationRequest::from_der(&der) {
            Ok(([], request)) => {
                let key = request.certification_request_info.subject_pki.raw;
                let algorithm = decode::signature_algorithm(&request.signature_algorithm);
                let signed = request.certification_request_info.raw;
                match is_signature(&algorithm, signed, &request.signature_value.data, key) {
                    true => Item::Request(key.to_vec()),
                    false => unreadable("its key did not sign it"),
                }
            }
            _ => unreadable("it is no request"),
        },
        "X509 CRL" => match CertificateRevocationList::from_der(&der) {
            Ok(([], _)) => Item::Revocations,
            _ => unreadable("it is no list of revoked certificates"),
        },
        _ => unreadable("nothing in a cluster has such a block"),
    }
}
