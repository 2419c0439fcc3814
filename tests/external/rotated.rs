//! From the cluster's own authority to one elsewhere, from that to its successor, and back: each phase is built of what the one who signs in it
//! has answered, and `verify` finds each of them whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::authority::{Authority, CA, Signing};
use crate::support::{Spec, khw_gen, must, run, said};
use crate::{AT, HOSTS, answer, beside, manifest, of_the_split_layout};

/// An authority that gives way to another, and which of the two is elsewhere.
struct Move {
    of: &'static str,
    elsewhere: [bool; 2],
    /// Another authority that is elsewhere all the while, and stays.
    beside: Option<&'static str>,
}

/// The section of an authority.
fn section(of: &str) -> String {
    match of {
        "ca" => "[pki.ca]".to_owned(),
        of => format!("[pki.bring.{of}]"),
    }
}

impl Move {
    fn spec(&self) -> Spec {
        let sections = [
            (section(self.of), "first"),
            (format!("[pki.bring.\"{}@2\"]", self.of), "second"),
        ];
        let sections = sections.iter().zip(self.elsewhere).filter(|(_, elsewhere)| *elsewhere);
        let sections = sections
            .map(|((section, name), _)| format!("{section}\ncert = \"authorities/{name}.pem\"\nexternal = true\n"));
        let stays = self
            .beside
            .map(|of| format!("{}\ncert = \"authorities/third.pem\"\nexternal = true\n", section(of)));
        let sections: String = sections.chain(stays).collect();
        match self.of {
            "ca" if self.beside.is_none() => Spec::new(&HOSTS, &sections).with_ecdsa_keys(),
            _ => of_the_split_layout(&sections, |_| true),
        }
    }
}

/// What each authority elsewhere answers, all in one folder, in files of other names.
fn answered(spec: &Spec, one: &Move) -> PathBuf {
    let signed = beside(spec, "signed");
    fs::create_dir(&signed).expect("a folder");
    let folder = beside(spec, "authorities");
    fs::create_dir(&folder).expect("a folder");
    let names = ["first", "second"];
    let authorities = names.map(|name| Authority::root(&folder, name, CA));
    let third = Authority::root(&folder, "third", CA);
    // Who signs in the phase that switches is the second.
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    for (number, authority) in authorities
        .iter()
        .enumerate()
        .filter(|(number, _)| one.elsewhere[*number])
    {
        let phase = ["announce", "switch"][number];
        let in_phase = beside(spec, "in-phase.toml");
        fs::write(
            &in_phase,
            format!("{text}\n[rotate.{}]\nto = 2\nphase = \"{phase}\"\n", one.of),
        )
        .expect("a file");
        let requests = beside(spec, &format!("requests-{phase}"));
        must(khw_gen().arg("csr").arg(&in_phase).arg("-o").arg(&requests));
        for (file, row) in &manifest(&requests) {
            if row["authority"] != one.of {
                third.sign(
                    &requests.join(file),
                    &answer(&signed, &format!("third-{file}")),
                    &Signing::default(),
                );
                continue;
            }
            let certificate = answer(&signed, &format!("{}-{file}", names[number]));
            authority.sign(&requests.join(file), &certificate, &Signing::default());
        }
    }
    signed
}

fn has(out: &Path, file: &str, text: &str) -> bool {
    let path = out.join("cp/rootfs").join(file);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .contains(text)
}

fn carried_out(one: &Move) -> (Spec, PathBuf) {
    let spec = one.spec();
    let signed = answered(&spec, one);
    let bodies = ["first", "second"].map(|name| {
        let pem = fs::read_to_string(beside(&spec, &format!("authorities/{name}.pem"))).expect("a certificate");
        pem.lines().nth(2).expect("its second line").to_owned()
    });
    let rotation = beside(&spec, "rotation");
    let rotated = run(khw_gen()
        .arg("rotate")
        .arg(spec.path())
        .arg(one.of)
        .arg("-o")
        .arg(&rotation)
        .arg("--signed")
        .arg(&signed));
    assert!(rotated.status.success(), "{}: {}", one.of, said(&rotated));
    // Who is trusted, and whether the controller manager signs, phase by phase.
    for (phase, trusted, signs_here) in [
        ("1-announce", [true, true], !one.elsewhere[0]),
        ("2-switch", [true, true], !one.elsewhere[1]),
        ("3-retire", [false, true], !one.elsewhere[1]),
    ] {
        let out = rotation.join(phase);
        let judged = run(khw_gen().arg("verify").arg(&out).args(AT));
        assert!(judged.status.success(), "{}, {phase}: {}", one.of, said(&judged));
        for number in [0, 1] {
            if one.elsewhere[number] {
                let is_trusted = has(&out, &format!("var/lib/kubernetes/{}.pem", one.of), &bodies[number]);
                assert_eq!(is_trusted, trusted[number], "{}, {phase}, {number}", one.of);
            }
        }
        let unit = "etc/systemd/system/kube-controller-manager.service";
        let signs_here = match one.of {
            "ca" => signs_here,
            _ => one.beside != Some("ca"),
        };
        assert_eq!(
            has(&out, unit, "--cluster-signing-cert-file"),
            signs_here,
            "{}, {phase}",
            one.of
        );
    }
    (spec, signed)
}

/// The files of one who answered.
fn take_out(signed: &Path, begins: &str) {
    for file in fs::read_dir(signed).expect("a folder").flatten() {
        if file.file_name().to_string_lossy().starts_with(begins) {
            fs::remove_file(file.path()).expect("it was there");
        }
    }
}

/// When all is done the old section goes, and the old answers may still lie there.
fn is_over(one: &Move, spec: &Spec, signed: &Path) {
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let old = format!(
        "{}\ncert = \"authorities/first.pem\"\nexternal = true\n",
        section(one.of)
    );
    let last = beside(spec, "last.toml");
    fs::write(
        &last,
        text.replace(&old, "") + &format!("\n[generations]\n{} = 2\n", one.of),
    )
    .expect("a file");
    let out = beside(spec, "last");
    // Nobody asks for what the old one has answered where another still is asked.
    if !one.elsewhere[1] {
        take_out(signed, "first-");
    }
    let mut build = khw_gen();
    build.arg("build").arg(&last).arg("-o").arg(&out).arg("--quiet");
    if one.elsewhere[1] || one.beside.is_some() {
        build.arg("--signed").arg(signed);
    }
    let built = run(&mut build);
    assert!(
        built.status.success(),
        "{}, {:?}: {}",
        one.of,
        one.elsewhere,
        said(&built)
    );
    let judged = run(khw_gen().arg("verify").arg(&out).args(AT));
    assert!(judged.status.success(), "{}: {}", one.of, said(&judged));
}

/// Who is asked in which phase: what a request or an answer is missing for is told with what leads on.
#[test]
fn who_signs_in_a_phase_is_told_where_another_was_asked() {
    const TEST: &str = "authorities elsewhere, asked in a phase";
    if crate::program("openssl", TEST).is_none() {
        return;
    }
    let moves = [[false, true], [true, true], [true, false]];
    let [to_company, to_next, to_own] = moves.map(|elsewhere| Move {
        of: "ca",
        elsewhere,
        beside: None,
    });
    let csr = |spec: &Spec, text: &str| {
        let path = beside(spec, "asks.toml");
        fs::write(&path, text).expect("a file");
        run(khw_gen().arg("csr").arg(&path).arg("-o").arg(beside(spec, "asked")))
    };
    let spec = to_company.spec();
    answered(&spec, &to_company);
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    let refused = csr(&spec, &text);
    let advice = "write [rotate.ca] with to = 2 and phase = \"switch\", run khw-gen csr";
    assert!(
        !refused.status.success() && said(&refused).contains(advice),
        "{}",
        said(&refused)
    );
    let section = "\n[rotate.ca]\nto = 2\nphase = \"switch\"\n";
    must(khw_gen().arg("check").arg({
        let path = beside(&spec, "followed.toml");
        fs::write(&path, format!("{text}{section}")).expect("a file");
        path
    }));
    let followed = csr(&spec, &format!("{text}{section}"));
    assert!(followed.status.success(), "{}", said(&followed));
    let sign = fs::read_to_string(beside(&spec, "asked/SIGN.md")).expect("SIGN.md");
    assert!(
        sign.contains("It is `O=Example, CN=second`, whose certificate has the SHA-256 `"),
        "{sign}"
    );

    // Where the cluster's own signs now, and the one before is left in the file, no phase of it is to come.
    let spec = to_own.spec();
    answered(&spec, &to_own);
    let text = fs::read_to_string(spec.path()).expect("cluster.toml") + "\n[generations]\nca = 2\n";
    let refused = csr(&spec, &text);
    let told = said(&refused);
    assert!(
        !refused.status.success() && told.contains("no authority signs elsewhere") && !told.contains("to = 1"),
        "{told}"
    );

    let spec = to_next.spec();
    let signed = answered(&spec, &to_next);
    take_out(&signed, "second-");
    let switch = beside(&spec, "switch.toml");
    let text = fs::read_to_string(spec.path()).expect("cluster.toml");
    fs::write(&switch, format!("{text}{section}")).expect("a file");
    let mut build = khw_gen();
    build
        .arg("build")
        .arg(&switch)
        .arg("-o")
        .arg(beside(&spec, "out"))
        .arg("--signed")
        .arg(&signed);
    let told = said(&run(&mut build));
    let hint = "have them signed by `O=Example, CN=second`, which signs in this phase of its rotation: those that are there were signed by `O=Example, CN=first`";
    assert!(told.contains("error[answer-missing]") && told.contains(hint), "{told}");
}

#[test]
fn an_authority_elsewhere_takes_over_and_gives_way() {
    const TEST: &str = "authorities elsewhere, rotated";
    if crate::program("openssl", TEST).is_none() {
        return;
    }
    for elsewhere in [[false, true], [true, true], [true, false]] {
        for (of, beside) in [
            ("ca", None),
            ("etcd-ca", None),
            ("front-proxy-ca", None),
            ("ca", Some("etcd-ca")),
            ("etcd-ca", Some("ca")),
        ] {
            let one = Move { of, elsewhere, beside };
            let (spec, signed) = carried_out(&one);
            is_over(&one, &spec, &signed);
        }
    }
}
