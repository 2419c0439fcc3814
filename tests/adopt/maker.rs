//! Authorities, certificates, keys and kubeconfigs as people make them with OpenSSL: any names of files, any kind of key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::leaks::base64;
use crate::support::must;

/// A kind of key, and the form that it has in its file.
#[derive(Clone, Copy)]
pub enum KeyForm {
    /// `-----BEGIN RSA PRIVATE KEY-----`
    RsaPkcs1,
    /// `-----BEGIN PRIVATE KEY-----`, RSA
    RsaPkcs8,
    /// `-----BEGIN EC PRIVATE KEY-----`, with the parameters in front of it
    EcSec1,
    /// `-----BEGIN PRIVATE KEY-----`, ECDSA
    EcPkcs8,
}

/// A certificate and its key by the paths of their files.
#[derive(Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Everything that is made is valid at this instant.
pub const AT: [&str; 2] = ["--at", "2025-07-01T00:00:00Z"];

/// Makes a cluster's material below a folder; what OpenSSL remembers is elsewhere.
pub struct Maker {
    scratch: tempfile::TempDir,
    /// What the two files of a pair are called, by the name that they share.
    pub files: fn(&str) -> (String, String),
    pub form: KeyForm,
}

const AUTHORITY: &str = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,digitalSignature,keyEncipherment,keyCertSign\n\
                         subjectKeyIdentifier = hash\n";

impl Maker {
    pub fn new(form: KeyForm, files: fn(&str) -> (String, String)) -> Maker {
        let scratch = tempfile::tempdir().expect("a folder");
        fs::write(scratch.path().join("serial"), "1000\n").expect("a file");
        fs::write(scratch.path().join("db"), "").expect("a file");
        Maker { scratch, files, form }
    }

    /// A root, valid from 2025 to 2035; its files are called after `name` below `folder`.
    pub fn authority(&self, folder: &Path, name: &str, subject: &str) -> Pair {
        self.authority_until(folder, name, subject, "20350101000000Z")
    }

    pub fn authority_until(&self, folder: &Path, name: &str, subject: &str, ends: &str) -> Pair {
        self.authority_between(folder, name, subject, ["20250101000000Z", ends])
    }

    pub fn authority_between(&self, folder: &Path, name: &str, subject: &str, [begins, ends]: [&str; 2]) -> Pair {
        let pair = self.pair(folder, name);
        let request = self.request(&pair, subject);
        let mut sign = self.signing(AUTHORITY, begins, ends);
        must(
            sign.args(["-selfsign", "-keyfile"])
                .arg(&pair.key)
                .arg("-in")
                .arg(&request)
                .arg("-out")
                .arg(&pair.certificate),
        );
        pair
    }

    /// A certificate for servers and clients, from June 2025 for a year; `names` as OpenSSL has them: `DNS:a,IP:10.0.0.1`.
    pub fn issue(&self, by: &Pair, folder: &Path, name: &str, subject: &str, names: &str) -> Pair {
        self.issue_until(by, folder, name, [subject, names], "20260601000000Z")
    }

    /// The same, until another instant.
    pub fn issue_until(&self, by: &Pair, folder: &Path, name: &str, of: [&str; 2], ends: &str) -> Pair {
        let [subject, names] = of;
        let pair = self.pair(folder, name);
        let request = self.request(&pair, subject);
        let names = if names.is_empty() {
            String::new()
        } else {
            format!("subjectAltName = {names}\n")
        };
        let extensions = format!(
            "basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature,keyEncipherment\n\
             extendedKeyUsage = serverAuth,clientAuth\n{names}"
        );
        let mut sign = self.signing(&extensions, "20250601000000Z", ends);
        must(
            sign.arg("-keyfile")
                .arg(&by.key)
                .arg("-cert")
                .arg(&by.certificate)
                .arg("-in")
                .arg(&request)
                .arg("-out")
                .arg(&pair.certificate),
        );
        pair
    }

    /// A key by itself, 0600.
    pub fn key(&self, path: &Path) {
        let mut make = Command::new("openssl");
        match self.form {
            KeyForm::RsaPkcs1 => make.args(["genrsa", "-traditional", "-out"]).arg(path).arg("2048"),
            KeyForm::RsaPkcs8 => make.args(["genrsa", "-out"]).arg(path).arg("2048"),
            KeyForm::EcSec1 => make
                .args(["ecparam", "-genkey", "-name", "prime256v1", "-out"])
                .arg(path),
            KeyForm::EcPkcs8 => {
                let curve = [
                    "genpkey",
                    "-algorithm",
                    "EC",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-out",
                ];
                make.args(curve).arg(path)
            }
        };
        must(&mut make);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    fn pair(&self, folder: &Path, name: &str) -> Pair {
        let (certificate, key) = (self.files)(name);
        let pair = Pair {
            certificate: folder.join(certificate),
            key: folder.join(key),
        };
        for path in [&pair.certificate, &pair.key] {
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        }
        self.key(&pair.key);
        pair
    }

    fn request(&self, pair: &Pair, subject: &str) -> PathBuf {
        let request = self.scratch.path().join("request.csr");
        let config = self.config("");
        must(
            Command::new("openssl")
                .args(["req", "-new", "-utf8", "-subj", subject, "-config"])
                .arg(config)
                .arg("-key")
                .arg(&pair.key)
                .arg("-out")
                .arg(&request),
        );
        request
    }

    fn config(&self, extensions: &str) -> PathBuf {
        let folder = self.scratch.path();
        let config = folder.join("ca.cnf");
        let text = format!(
            "[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = x\n[ca]\ndefault_ca = d\n[d]\ndatabase = {0}/db\nserial = {0}/serial\n\
             new_certs_dir = {0}\ndefault_md = sha256\npolicy = p\nx509_extensions = e\nunique_subject = no\n[p]\ncommonName = optional\n\
             [e]\n{extensions}\n",
            folder.display()
        );
        fs::write(&config, text).expect("a file");
        config
    }

    fn signing(&self, extensions: &str, begins: &str, ends: &str) -> Command {
        let config = self.config(extensions);
        let mut sign = Command::new("openssl");
        sign.args([
            "ca",
            "-batch",
            "-notext",
            "-preserveDN",
            "-startdate",
            begins,
            "-enddate",
            ends,
            "-config",
        ])
        .arg(config);
        sign
    }
}

/// A kubeconfig with everything in it, as kubectl writes it with `--embed-certs`.
pub fn kubeconfig(path: &Path, cluster: &str, server: &str, ca: &Path, user: &str, client: &Pair) {
    let data = |path: &Path| String::from_utf8(base64(&fs::read(path).expect("a file"))).expect("base64");
    write_kubeconfig(
        path,
        cluster,
        server,
        user,
        &format!("certificate-authority-data: {}", data(ca)),
        &format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            data(&client.certificate),
            data(&client.key)
        ),
    );
}

/// One that names files, by the paths that they have on the machine.
pub fn kubeconfig_of_files(path: &Path, cluster: &str, server: &str, ca: &str, user: &str, client: [&str; 2]) {
    let [certificate, key] = client;
    write_kubeconfig(
        path,
        cluster,
        server,
        user,
        &format!("certificate-authority: {ca}"),
        &format!("client-certificate: {certificate}\n    client-key: {key}"),
    );
}

fn write_kubeconfig(path: &Path, cluster: &str, server: &str, user: &str, authority: &str, client: &str) {
    let text = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    {authority}\n    server: {server}\n  name: {cluster}\ncontexts:\n- context:\n    \
         cluster: {cluster}\n    user: {user}\n  name: default\ncurrent-context: default\nkind: Config\npreferences: {{}}\nusers:\n- name: \
         {user}\n  user:\n    {client}\n"
    );
    put(path, &text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// Writes a file and the folders that lead to it.
pub fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Copies a file to where it lies on a machine.
pub fn lay(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
    fs::copy(from, to).expect("a copy");
}
