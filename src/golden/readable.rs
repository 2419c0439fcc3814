//! A file of a host as a text that gives no secret away.
//!
//! Certificates, requests and keys are decoded, keys to their public half. Of a secret file only what is known to be public
//! stays; one of a form that is not known is its fingerprint. A public file stays as it is, unless there is a private key in
//! it all the same; a password in it gives way to its fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::bundle::{BundleEntry, Content};
use crate::manifest::MANIFEST;
use crate::pki::decode::{PemPart, describe_pem, parts};
use crate::pki::fingerprint::FingerprintKey;
use crate::plan::{KeyId, PlannedContent, PlannedFile};
use crate::secrecy::without_secrets;
use crate::vault::Vault;

/// What stands before the digits of a fingerprint.
pub const FINGERPRINT: &str = "hmac-sha256:";

/// What a file is called of which nothing else may be shown.
pub const SECRET_FILE: &str = "secret file";

pub struct Readable<'a> {
    pub vault: &'a Vault<'a>,
    /// The authorities whose keys are not at hand, and in whose place others have signed.
    pub stand_ins: &'a BTreeSet<KeyId<'a>>,
    pub fingerprints: &'a FingerprintKey,
    pub known: &'a PublicTexts,
}

/// The last file that everybody may read at each path, and its text: most hosts of a fleet have the same.
#[derive(Default)]
pub struct PublicTexts(Mutex<BTreeMap<String, (Content, PublicText)>>);

/// A text, and whether there was a secret in what it is made of; none where it can't be shown.
type PublicText = Option<(String, bool)>;

impl PublicTexts {
    fn text(&self, path: &str, content: &Content, read: impl FnOnce() -> PublicText) -> PublicText {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((same, text)) = known().get(path)
            && same.bytes() == content.bytes()
        {
            return text.clone();
        }
        let text = read();
        known().insert(path.to_owned(), (content.clone(), text.clone()));
        text
    }
}

impl Readable<'_> {
    /// The text of the entry at `path` of a bundle, and whether it is made of a secret; none for a directory, which the
    /// manifest lists.
    pub fn text(&self, path: &str, entry: &BundleEntry, planned: Option<&PlannedFile<'_>>) -> Option<(String, bool)> {
        let BundleEntry::File { content, .. } = entry else {
            return None;
        };
        let bytes = content.bytes();
        // A manifest has digests of secret files.
        let mut from_secret = path == MANIFEST || content.is_secret();
        let readable = match (content.is_secret(), planned.map(|planned| &planned.content)) {
            (false, _) if path == MANIFEST => std::str::from_utf8(bytes).ok().map(without_digests),
            (false, _) => {
                let text = self.known.text(path, content, || {
                    let what = path.strip_prefix("rootfs").unwrap_or(path);
                    let text = public(bytes)?;
                    Some(without_secrets(&text, |secret| {
                        self.fingerprint(what, secret.as_bytes())
                    }))
                });
                text.map(|(text, any)| {
                    from_secret |= any;
                    text
                })
            }
            (true, Some(PlannedContent::PrivateKey(id))) => self.private_key(*id, bytes),
            (true, Some(PlannedContent::Kubeconfig { files: None, .. })) => kubeconfig(bytes),
            (true, Some(PlannedContent::EncryptionConfig(_))) => self.encryption_configuration(bytes),
            // Facts and paths alone, which nobody has to hide.
            (true, Some(PlannedContent::Rendered(_) | PlannedContent::Kubeconfig { files: Some(_), .. })) => {
                from_secret = false;
                public(bytes)
            }
            // A file of the user's own that not everybody may read, or one that this module has not heard of.
            (true, _) => None,
        };
        Some(match readable {
            Some(readable) => (readable, from_secret),
            None => {
                let what = path.strip_prefix("rootfs").unwrap_or(path);
                (format!("{SECRET_FILE} {}\n", self.fingerprint(what, bytes)), true)
            }
        })
    }

    fn fingerprint(&self, what: &str, secret: &[u8]) -> String {
        format!("{FINGERPRINT}{}", self.fingerprints.of(what, secret))
    }

    /// A private key: its kind, and the digest of its public half. None if there is anything else in the file.
    fn private_key(&self, id: KeyId<'_>, pem: &[u8]) -> Option<String> {
        let parts = parts(pem);
        let [
            PemPart::Block {
                label,
                description: Some(description),
                ..
            },
        ] = parts.as_slice()
        else {
            return None;
        };
        match self.stand_ins.contains(&id) {
            false => Some(labelled(label, description)),
            // The authority's certificate says which key will be there.
            true => {
                let public = describe_pem(self.vault.issued.get(&id)?.public_key.as_ref()?)?;
                let (heading, _) = description.split_once('\n')?;
                let (_, facts) = public.split_once('\n')?;
                Some(labelled(label, &format!("{heading}\n{facts}")))
            }
        }
    }

    /// The encryption configuration with a fingerprint in the place of each key. None if there is anything else in it that
    /// could be a key.
    fn encryption_configuration(&self, bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut readable = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            match line.split_once("secret: ") {
                Some((before, secret)) if before.trim_start_matches([' ', '-']).is_empty() => {
                    let fingerprint = self.fingerprint("encryption-key", secret.trim_end().as_bytes());
                    readable.push_str(&format!("{before}secret: {fingerprint}\n"));
                }
                _ if may_hold_key(line) => return None,
                _ => readable.push_str(line),
            }
        }
        Some(readable)
    }
}

/// The fewest characters that a key of 16 bytes takes in base64 without padding is 22; `EncryptionConfiguration` has 23, and is
/// no base64 of any number of bytes without padding that a key has.
fn may_hold_key(line: &str) -> bool {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-".contains(c)));
    words
        .filter(|word| *word != "EncryptionConfiguration")
        .any(|word| word.len() >= 22)
}

/// A public file as it is, with what is in PEM decoded. None if there is a private key in it that can't be decoded, or that
/// stands where it was not looked for.
fn public(bytes: &[u8]) -> Option<String> {
    let mut readable = String::with_capacity(bytes.len());
    for part in parts(bytes) {
        match part {
            PemPart::Text(text) if mentions_private_key(text) => return None,
            PemPart::Text(text) => readable.push_str(std::str::from_utf8(text).ok()?),
            PemPart::Block {
                label,
                description: Some(description),
                ..
            } => {
                readable.push_str(&labelled(&label, &description));
            }
            PemPart::Block {
                label,
                text,
                description: None,
            } => {
                if label.contains("PRIVATE") || mentions_private_key(text) {
                    return None;
                }
                readable.push_str(std::str::from_utf8(text).ok()?);
            }
        }
    }
    Some(readable)
}

/// Whether there is a private key's boundary line in a text, indented, in base64, or however else it got there.
pub fn mentions_private_key(text: &[u8]) -> bool {
    // "PRIVATE KEY" in base64, in its three alignments, without what its neighbours change.
    const FORMS: [&[u8]; 4] = [b"PRIVATE KEY-", b"UFJJVkFURSBLRV", b"BSSVZBVEUgS0VZ", b"QUklWQVRFIEtFW"];
    FORMS.iter().any(|form| memchr::memmem::find(text, form).is_some())
}

/// A description with the label of its PEM block, which says in which form it is, in its first line.
fn labelled(label: &str, description: &str) -> String {
    match description.split_once('\n') {
        Some((heading, facts)) => format!("{heading} [{label}]\n{facts}"),
        None => format!("{description} [{label}]\n"),
    }
}

/// A kubeconfig with what it embeds decoded, as comments. None if there is a field in it that is not known to be public.
fn kubeconfig(bytes: &[u8]) -> Option<String> {
    const PUBLIC: [&str; 13] = [
        "apiVersion",
        "clusters",
        "cluster",
        "server",
        "name",
        "contexts",
        "context",
        "user",
        "current-context",
        "kind",
        "preferences",
        "users",
        "tls-server-name",
    ];
    const PEM: [&str; 3] = [
        "certificate-authority-data",
        "client-certificate-data",
        "client-key-data",
    ];
    let text = std::str::from_utf8(bytes).ok()?;
    let mut readable = String::with_capacity(text.len());
    for line in text.lines() {
        let (field, value) = line.split_once(':')?;
        let name = field.trim_start_matches([' ', '-']);
        if PUBLIC.contains(&name) {
            readable.push_str(line);
            readable.push('\n');
        } else if PEM.contains(&name) {
            let pem = Zeroizing::new(Base64::decode_vec(value.trim()).ok()?);
            readable.push_str(&format!("{field}:\n"));
            let indent = " ".repeat(field.len() - name.len() + 2);
            for part in parts(&pem) {
                let PemPart::Block {
                    label,
                    description: Some(description),
                    ..
                } = part
                else {
                    return None;
                };
                for fact in labelled(&label, &description).lines() {
                    readable.push_str(&format!("{indent}# {fact}\n"));
                }
            }
        } else {
            return None;
        }
    }
    Some(readable)
}

/// A manifest with a word in the place of each digest: that of a secret would let a guess be tried, and that of anything else
/// says nothing that its text does not.
fn without_digests(manifest: &str) -> String {
    let is_digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    manifest
        .split_inclusive('\n')
        .map(|line| match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
            [mode, digest, path] if is_digest(digest) => format!("{mode} sha256 {path}"),
            _ => line.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::derivation::Seed;
    use crate::pki::key::{Algorithm, KeyPair};

    fn key() -> Vec<u8> {
        let key = KeyPair::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap();
        key.to_pem().expose().to_vec()
    }

    #[test]
    fn a_private_key_in_a_public_file_is_never_shown() {
        let pem = String::from_utf8(key()).unwrap();
        let decoded = public(format!("before\n{pem}after\n").as_bytes()).unwrap();
        assert!(decoded.starts_with("before\nPrivate key [PRIVATE KEY]\n  Public key: Ed25519\n"));
        assert!(decoded.ends_with("\nafter\n"));
        let body = pem.lines().nth(1).unwrap();
        assert!(!decoded.contains(body));
        let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
        assert_eq!(public(indented.as_bytes()), None);
        assert_eq!(public(pem.replace('\n', "\\n").as_bytes()), None);
        assert_eq!(
            public(pem.replace(body, "AAAA").as_bytes()),
            None,
            "one that can't be read"
        );
        let openssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----\n";
        assert_eq!(public(openssh.as_bytes()), None);
        for shift in 0..3 {
            let text = Base64::encode_string(format!("{}{pem}", "x".repeat(shift)).as_bytes());
            assert_eq!(
                public(format!("key: {text}\n").as_bytes()),
                None,
                "base64 shifted by {shift}"
            );
        }
        assert_eq!(public(b"\xff\xfe"), None);
        assert_eq!(public(b"plain\r\n text").unwrap(), "plain\r\n text");
    }

    #[test]
    fn a_kubeconfig_of_another_form_is_not_shown() {
        let known = "apiVersion: v1\nusers:\n- name: x\n  user:\n    client-key-data: ";
        let data = Base64::encode_string(&key());
        let shown = kubeconfig(format!("{known}{data}\n").as_bytes()).unwrap();
        assert!(
            shown
                .contains("\n    client-key-data:\n      # Private key [PRIVATE KEY]\n      #   Public key: Ed25519\n")
        );
        for wrong in [
            format!("{known}hunter2\n"),
            format!("{known}{}\n", Base64::encode_string(b"hunter2")),
            format!("{known}{data}\n    token: hunter2\n"),
            format!("{known}{data}\nhunter2\n"),
        ] {
            assert_eq!(kubeconfig(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn no_digest_is_left_in_a_manifest() {
        let digest = "0123456789abcdef".repeat(4);
        let manifest =
            format!("# khw-gen manifest 1: mode sha256 path\n0700 - a/\n0600 {digest} a/b c\n# end: 2 entries\n");
        assert_eq!(
            without_digests(&manifest),
            "# khw-gen manifest 1: mode sha256 path\n0700 - a/\n0600 sha256 a/b c\n# end: 2 entries\n"
        );
    }

    #[test]
    fn what_could_be_a_key_is_taken_for_one() {
        assert!(may_hold_key("  - key: \"KjyCkpO61pJkBBLvuIfX+w\"\n"));
        assert!(may_hold_key("# KjyCkpO61pJkBBLvuIfX+5ahGA0dh57bfXlvNgqGtO8=\n"));
        for line in [
            "kind: EncryptionConfiguration\n",
            "apiVersion: apiserver.config.k8s.io/v1\n",
            "      - identity: {}\n",
        ] {
            assert!(!may_hold_key(line), "{line}");
        }
        assert_ne!(
            FingerprintKey::new(&Seed::stand_in(1), "x").of("a", b"b"),
            FingerprintKey::new(&Seed::stand_in(2), "x").of("a", b"b")
        );
    }
}
