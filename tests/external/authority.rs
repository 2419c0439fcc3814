//! An authority of OpenSSL's making, which signs whatever it is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::must;

/// An authority: its certificate and its key, and a folder for what OpenSSL remembers.
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// How a request is signed; what is left out is as the extension file beside the request says.
#[derive(Clone)]
pub struct Signing {
    pub subject: Option<String>,
    /// In the place of the extension file's text.
    pub extensions: Option<String>,
    pub begins: &'static str,
    pub ends: &'static str,
    pub digest: &'static str,
    /// None is one that no other certificate has.
    pub serial: Option<&'static str>,
}

impl Default for Signing {
    fn default() -> Signing {
        Signing {
            subject: None,
            extensions: None,
            begins: "20251231235500Z",
            ends: "20261231235500Z",
            digest: "sha256",
            serial: None,
        }
    }
}

pub const CA: &str =
    "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\n";

impl Authority {
    /// A root that is valid from 2020 to 2035.
    pub fn root(folder: &Path, name: &str, extensions: &str) -> Authority {
        let authority = Authority::with_key(folder, name);
        authority.sign_itself(extensions);
        authority
    }

    /// An authority below another.
    pub fn below(folder: &Path, name: &str, above: &Authority, extensions: &str) -> Authority {
        let authority = Authority::with_key(folder, name);
        let request = authority.request();
        let signing = Signing {
            extensions: Some(format!("{extensions}authorityKeyIdentifier = keyid\n")),
            begins: "20210101000000Z",
            ends: "20340101000000Z",
            ..Signing::default()
        };
        above.sign(&request, &authority.certificate(), &signing);
        authority
    }

    fn with_key(folder: &Path, name: &str) -> Authority {
        let authority = Authority {
            folder: folder.to_owned(),
            name: name.to_owned(),
        };
        must(
            Command::new("openssl")
                .args([
                    "genpkey",
                    "-algorithm",
                    "EC",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-out",
                ])
                .arg(authority.key()),
        );
        authority
    }

    fn request(&self) -> PathBuf {
        let request = self.folder.join(format!("{}.csr", self.name));
        must(
            Command::new("openssl")
                .args(["req", "-new", "-subj", &format!("/O=Example/CN={}", self.name), "-key"])
                .arg(self.key())
                .arg("-out")
                .arg(&request),
        );
        request
    }

    /// Its own certificate, or another one of the same key and name in its place.
    pub fn sign_itself(&self, extensions: &str) {
        self.sign_itself_until(extensions, "20350101000000Z");
    }

    pub fn sign_itself_until(&self, extensions: &str, ends: &'static str) {
        let request = self.request();
        let signing = Signing {
            extensions: Some(extensions.to_owned()),
            begins: "20200101000000Z",
            ends,
            ..Signing::default()
        };
        self.run(&request, &self.certificate(), &signing, true);
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    pub fn pem(&self) -> String {
        fs::read_to_string(self.certificate()).expect("a certificate")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.join(format!("{}-key.pem", self.name))
    }

    /// Signs a request.
    pub fn sign(&self, request: &Path, certificate: &Path, signing: &Signing) {
        self.run(request, certificate, signing, false);
    }

    fn run(&self, request: &Path, certificate: &Path, signing: &Signing, itself: bool) {
        let beside = |end: &str| self.folder.join(format!("{}.{end}", self.name));
        let config = format!(
            "[ca]\ndefault_ca = d\n[d]\ndatabase = {0}\nserial = {1}\nnew_certs_dir = {2}\npolicy = p\nunique_subject = no\n[p]\n\
             commonName = optional\norganizationName = optional\n",
            beside("db").display(),
            beside("serial").display(),
            self.folder.display()
        );
        fs::write(beside("cnf"), config).expect("a file");
        fs::write(beside("db"), "").expect("a file");
        static NEXT: AtomicU64 = AtomicU64::new(0x1122_3344_5566_0000);
        let next = format!("{:016X}", NEXT.fetch_add(1, Ordering::Relaxed));
        fs::write(beside("serial"), format!("{}\n", signing.serial.unwrap_or(&next))).expect("a file");
        let extensions = match &signing.extensions {
            Some(text) => {
                fs::write(beside("ext"), text).expect("a file");
                beside("ext")
            }
            None => request.with_extension("ext"),
        };
        let mut command = Command::new("openssl");
        command
            .args(["ca", "-batch", "-notext", "-preserveDN", "-config"])
            .arg(beside("cnf"))
            .args([
                "-md",
                signing.digest,
                "-startdate",
                signing.begins,
                "-enddate",
                signing.ends,
                "-keyfile",
            ])
            .arg(self.key())
            .arg("-in")
            .arg(request)
            .arg("-extfile")
            .arg(extensions)
            .arg("-out")
            .arg(certificate);
        match itself {
            true => drop(command.arg("-selfsign")),
            false => drop(command.arg("-cert").arg(self.certificate())),
        }
        if let Some(subject) = &signing.subject {
            command.args(["-subj", subject]);
        }
        must(&mut command);
    }
}
