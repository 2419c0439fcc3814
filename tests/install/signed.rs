//! Who made a bundle: a machine that knows who may sign installs nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::support::{Spec, khw_gen, must, program, run, said};
use super::{install, unpacked};

struct Signed {
    spec: Spec,
    /// With the lists, and the bundle of `one` beside them.
    there: TempDir,
}

impl Signed {
    fn new() -> Signed {
        let spec = Spec::new(&["one 10.0.0.1 control-plane etcd admin"], "").with_ecdsa_keys();
        let signed = Signed {
            spec,
            there: TempDir::new().unwrap(),
        };
        must(
            khw_gen()
                .arg("build")
                .arg(signed.spec.path())
                .arg("-o")
                .arg(signed.at("out")),
        );
        let signer = must(khw_gen().args(["seed", "signer"]).arg(signed.spec.path()));
        fs::write(signed.at("allowed"), signer).unwrap();
        let (_folder, bundle) = unpacked(&signed.at("out"), "one");
        must(Command::new("cp").arg("-a").arg(bundle).arg(signed.there.path()));
        signed
    }

    fn at(&self, name: &str) -> PathBuf {
        self.spec.path().with_file_name(name)
    }

    /// Signs the sums of the plain output, beside the bundle.
    fn sign(&self) {
        fs::copy(self.at("out/SHA256SUMS"), self.there.path().join("SHA256SUMS")).unwrap();
        let mut sign = khw_gen();
        sign.args(["seed", "sign"])
            .arg(self.spec.path())
            .arg(self.at("out/SHA256SUMS"));
        let signature = self.there.path().join("SHA256SUMS.sig");
        let _ = fs::remove_file(&signature);
        must(sign.arg("-o").arg(signature));
    }

    fn install(&self, root: &Path) -> Command {
        let mut command = install(&self.there.path().join("one"), root);
        command.env("ALLOWED_SIGNERS", self.at("allowed"));
        command
    }

    /// That nothing is installed, and what is said.
    fn refuses(&self, error: &str) {
        let root = TempDir::new().unwrap();
        let output = run(&mut self.install(root.path()));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(error), "{error}: {}", said(&output));
        assert!(
            fs::read_dir(root.path()).unwrap().next().is_none(),
            "{error}: something was installed"
        );
    }

    fn installs(&self) {
        let root = TempDir::new().unwrap();
        must(&mut self.install(root.path()));
        assert!(root.path().join("etc/systemd/system/etcd.service").exists());
    }
}

#[test]
fn only_what_was_signed_is_installed_where_it_is_known_who_may_sign() {
    if program(
        "ssh-keygen",
        "only_what_was_signed_is_installed_where_it_is_known_who_may_sign",
    )
    .is_none()
    {
        return;
    }
    let signed = Signed::new();
    signed.refuses("there is no SHA256SUMS beside the folder of the bundle");
    fs::copy(signed.at("out/SHA256SUMS"), signed.there.path().join("SHA256SUMS")).unwrap();
    signed.refuses("there is no SHA256SUMS.sig beside the folder of the bundle");
    signed.sign();
    signed.installs();
    let sums = signed.there.path().join("SHA256SUMS");
    let text = fs::read_to_string(&sums).unwrap();
    fs::write(&sums, format!("{text}\n")).unwrap();
    signed.refuses("the signature of SHA256SUMS is not that of khw-gen@kubernetes");
    fs::write(&sums, &text).unwrap();

    // Somebody who may sign for another cluster, and a bundle of another time.
    let allowed = fs::read_to_string(signed.at("allowed")).unwrap();
    fs::write(
        signed.at("allowed"),
        allowed.replace("khw-gen@kubernetes", "khw-gen@other"),
    )
    .unwrap();
    signed.refuses("the signature of SHA256SUMS is not that of khw-gen@kubernetes");
    fs::write(signed.at("allowed"), allowed).unwrap();
    let manifest = signed.there.path().join("one/MANIFEST");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, whole.replace("# state: new", "# state: running")).unwrap();
    signed.refuses("the signed sums beside the folder of the bundle are not those of this bundle");
    // Nobody needs a signature to look, or to go back.
    let root = TempDir::new().unwrap();
    must(signed.install(root.path()).arg("--uninstall"));
    fs::write(&manifest, whole).unwrap();
    signed.installs();

    // Where it is not known, all is as before; where the file that was named is not there, it is not.
    let root = TempDir::new().unwrap();
    fs::remove_file(&sums).unwrap();
    must(&mut install(&signed.there.path().join("one"), root.path()));
    fs::remove_file(signed.at("allowed")).unwrap();
    signed.refuses("there is no ");
}

#[test]
fn what_was_sealed_and_opened_again_is_known_by_its_list() {
    const TEST: &str = "what_was_sealed_and_opened_again_is_known_by_its_list";
    if ["ssh-keygen", "age-keygen"]
        .iter()
        .any(|name| program(name, TEST).is_none())
    {
        return;
    }
    let signed = Signed::new();
    must(Command::new("age-keygen").arg("-o").arg(signed.at("key")));
    let recipient = must(Command::new("age-keygen").arg("-y").arg(signed.at("key")));
    let mut seal = khw_gen();
    seal.arg("seal")
        .arg(signed.at("out"))
        .arg("-o")
        .arg(signed.at("sealed"));
    must(
        seal.arg("--spec")
            .arg(signed.spec.path())
            .args(["--to", recipient.trim()]),
    );
    for list in ["SHA256SUMS", "SHA256SUMS.sig"] {
        fs::copy(signed.at("sealed").join(list), signed.there.path().join(list)).unwrap();
    }
    signed.refuses("the signed sums beside the folder of the bundle are not those of this bundle");
    let opened = signed.there.path().join("OPENED");
    fs::copy(signed.at("sealed/OPENED"), &opened).unwrap();
    signed.installs();
    let text = fs::read_to_string(&opened).unwrap();
    fs::write(&opened, format!("{text}\n")).unwrap();
    signed.refuses("the signed sums beside the folder of the bundle are not those of this bundle");
}
