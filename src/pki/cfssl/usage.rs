//! The usages that cfssl knows, by its names (`config/config.go`, `KeyUsage` and `ExtKeyUsage`).

use crate::pki::key::Algorithm;

/// A key usage (RFC 5280, section 4.2.1.3), in the order of the bits.
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

impl KeyUsage {
    /// Whether a key of this algorithm can be used so. cfssl (since 1.7, `mldsaForbiddenKeyUsages` of signer.go) leaves out of a
    /// certificate what an ML-DSA key, which only signs, can't do (RFC 9881, section 5), and nothing for any other key.
    pub fn is_written_for(self, key: Algorithm) -> bool {
        let enciphers = matches!(
            self,
            KeyUsage::KeyEncipherment
                | KeyUsage::DataEncipherment
                | KeyUsage::KeyAgreement
                | KeyUsage::EncipherOnly
                | KeyUsage::DecipherOnly
        );
        !(enciphers && matches!(key, Algorithm::MlDsa(_)))
    }

    /// The number of the bit in the BIT STRING, 0 being the first.
    pub(super) fn bit(self) -> usize {
        self as usize
    }
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

impl ExtendedKeyUsage {
    /// The KeyPurposeId (RFC 5280, section 4.2.1.12; the SGC ones are the vendors').
    pub(super) fn oid(self) -> &'static [u64] {
        match self {
            ExtendedKeyUsage::Any => &[2, 5, 29, 37, 0],
            ExtendedKeyUsage::ServerAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 1],
            ExtendedKeyUsage::ClientAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 2],
            ExtendedKeyUsage::CodeSigning => &[1, 3, 6, 1, 5, 5, 7, 3, 3],
            ExtendedKeyUsage::EmailProtection => &[1, 3, 6, 1, 5, 5, 7, 3, 4],
            ExtendedKeyUsage::IpsecEndSystem => &[1, 3, 6, 1, 5, 5, 7, 3, 5],
            ExtendedKeyUsage::IpsecTunnel => &[1, 3, 6, 1, 5, 5, 7, 3, 6],
            ExtendedKeyUsage::IpsecUser => &[1, 3, 6, 1, 5, 5, 7, 3, 7],
            ExtendedKeyUsage::Timestamping => &[1, 3, 6, 1, 5, 5, 7, 3, 8],
            ExtendedKeyUsage::OcspSigning => &[1, 3, 6, 1, 5, 5, 7, 3, 9],
            ExtendedKeyUsage::MicrosoftSgc => &[1, 3, 6, 1, 4, 1, 311, 10, 3, 3],
            ExtendedKeyUsage::NetscapeSgc => &[2, 16, 840, 1, 113730, 4, 1],
        }
    }
}

/// A usage by cfssl's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Key(KeyUsage),
    Extended(ExtendedKeyUsage),
}

/// Every name in the order of cfssl's source; two usages have two names.
const NAMES: [(&str, Usage); 23] = {
    use {ExtendedKeyUsage as Extended, KeyUsage as Key};
    [
        ("signing", Usage::Key(Key::DigitalSignature)),
        ("digital signature", Usage::Key(Key::DigitalSignature)),
        ("content commitment", Usage::Key(Key::ContentCommitment)),
        ("key encipherment", Usage::Key(Key::KeyEncipherment)),
        ("key agreement", Usage::Key(Key::KeyAgreement)),
        ("data encipherment", Usage::Key(Key::DataEncipherment)),
        ("cert sign", Usage::Key(Key::CertSign)),
        ("crl sign", Usage::Key(Key::CrlSign)),
        ("encipher only", Usage::Key(Key::EncipherOnly)),
        ("decipher only", Usage::Key(Key::DecipherOnly)),
        ("any", Usage::Extended(Extended::Any)),
        ("server auth", Usage::Extended(Extended::ServerAuth)),
        ("client auth", Usage::Extended(Extended::ClientAuth)),
        ("code signing", Usage::Extended(Extended::CodeSigning)),
        ("email protection", Usage::Extended(Extended::EmailProtection)),
        ("s/mime", Usage::Extended(Extended::EmailProtection)),
        ("ipsec end system", Usage::Extended(Extended::IpsecEndSystem)),
        ("ipsec tunnel", Usage::Extended(Extended::IpsecTunnel)),
        ("ipsec user", Usage::Extended(Extended::IpsecUser)),
        ("timestamping", Usage::Extended(Extended::Timestamping)),
        ("ocsp signing", Usage::Extended(Extended::OcspSigning)),
        ("microsoft sgc", Usage::Extended(Extended::MicrosoftSgc)),
        ("netscape sgc", Usage::Extended(Extended::NetscapeSgc)),
    ]
};

impl Usage {
    /// Those that cfssl writes into the certificate of a key of this algorithm; none where it signs no such certificate: an
    /// extension that it leaves out would let the key be used for anything (`FillTemplate` of signer.go).
    pub(crate) fn written(usages: &[Usage], key: Algorithm) -> Option<Vec<Usage>> {
        let is_written = |usage: &Usage| match usage {
            Usage::Key(usage) => usage.is_written_for(key),
            Usage::Extended(_) => true,
        };
        let is_of_key = |usage: &Usage| matches!(usage, Usage::Key(_));
        let written: Vec<Usage> = usages.iter().copied().filter(is_written).collect();
        let has_lost_all = usages.iter().any(is_of_key) && !written.iter().any(is_of_key);
        (!written.is_empty() && !has_lost_all).then_some(written)
    }

    /// The usage that cfssl's config calls `name` (`"server auth"`), or none; exact and case-sensitive.
    pub fn by_name(name: &str) -> Option<Usage> {
        let row = NAMES.iter().find(|(known, _)| *known == name);
        row.map(|(_, usage)| *usage)
    }

    /// All names cfssl knows, for hints.
    pub fn names() -> [&'static str; NAMES.len()] {
        NAMES.map(|(name, _)| name)
    }

    /// The first name of the extended usage with this KeyPurposeId.
    pub(in crate::pki) fn name_of_purpose(oid: &[u64]) -> Option<&'static str> {
        let is_of = |usage: &Usage| matches!(usage, Usage::Extended(usage) if usage.oid() == oid);
        let row = NAMES.iter().find(|(_, usage)| is_of(usage));
        row.map(|(name, _)| *name)
    }
}
