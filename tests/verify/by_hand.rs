//! A cluster made by hand, as the walk-through has it: `by_hand/walk_through.sh` does what it says, to the letter, with
//! recorded answers of cfssl 1.6.5 and kubectl, and with the real ones where they are installed.
//!
//! [`MISTAKES`] are those of the walk-through itself: all others put right, each has to be found. [`SLIPS`] are what its
//! wording leads to although its examples have it right: made in a cluster where all is right, each has to be found.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use khw_gen::audit::{Finding, audit};
use khw_gen::diagnostic::{Severity, verify_codes};
use khw_gen::found::{FoundNode, FoundNodes, from_folder};
use khw_gen::pki::key::KeyPair;
use khw_gen::pki::secret::SecretBytes;
use rayon::prelude::*;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support::{khw_gen, must, program, project, run, said};
use crate::{certificate, nodes_of, reissue_with};

/// One step; paths are `host/path on the host`.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Replaces a text in a file of every host that has it; it has to be in one.
    Edit(&'static str, &'static str, &'static str),
    /// Adds names to a certificate, or takes them away, wherever it lies.
    Names(&'static str, &'static [&'static str], &'static [&'static str]),
    /// Gives a certificate, wherever it lies, another common name and organisation.
    Subject(&'static str, &'static str, &'static str),
    Remove(&'static str),
    Mode(&'static str, u32),
    Copy(&'static str, &'static str),
    Write(&'static str, &'static str),
}

use Step::*;

/// A mistake of the walk-through, where it is, and what puts it right.
#[derive(Debug)]
pub struct Mistake {
    /// Its line there.
    line: u32,
    pub code: &'static str,
    right: &'static [Step],
}

const API: &str = "/etc/systemd/system/kube-apiserver.service";
const KCM: &str = "/etc/systemd/system/kube-controller-manager.service";
const ETCD: &str = "/etc/systemd/system/etcd.service";
const ENCRYPTION: &str = "encryption-config.yaml";

#[rustfmt::skip]
pub const MISTAKES: &[Mistake] = &[
    // Two members of etcd; a third one of its own.
    Mistake { line: 5, code: "etcd-quorum", right: &[
        Edit(ETCD, "master2=https://10.128.15.222:2380", "master2=https://10.128.15.222:2380,master3=https://10.128.15.225:2380"),
        Copy("master2/etc/etcd/ca.pem", "master3/etc/etcd/ca.pem"),
        Copy("master2/etc/etcd/kubernetes.pem", "master3/etc/etcd/kubernetes.pem"),
        Copy("master2/etc/etcd/kubernetes-key.pem", "master3/etc/etcd/kubernetes-key.pem"),
        Copy("master2/etc/systemd/system/etcd.service", "master3/etc/systemd/system/etcd.service"),
        Edit("master3/etc/systemd/system/etcd.service", "--name master2", "--name master3"),
        Edit("master3/etc/systemd/system/etcd.service", "urls https://10.128.15.222", "urls https://10.128.15.225"),
        Edit("master3/etc/systemd/system/etcd.service", "urls https://10.128.15.222", "urls https://10.128.15.225"),
        Edit("master3/etc/systemd/system/etcd.service", "urls https://10.128.15.222", "urls https://10.128.15.225"),
        Edit("master3/etc/systemd/system/etcd.service", "urls https://10.128.15.222", "urls https://10.128.15.225"),
        Edit(API, "https://10.128.15.222:2379", "https://10.128.15.222:2379,https://10.128.15.225:2379"),
        Names("kubernetes.pem", &["10.128.15.225"], &[]),
    ] },
    // The names of the API server end at kubernetes.default.
    Mistake { line: 255, code: "service-name-missing", right: &[
        Names("kubernetes.pem", &["kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"], &[]),
    ] },
    // Every worker gets node*.pem.
    Mistake { line: 288, code: "foreign-key", right: &[Remove("node1/root/node2-key.pem"), Remove("node2/root/node1-key.pem")] },
    // The administrator's kubeconfig leads to 127.0.0.1.
    Mistake { line: 434, code: "nobody-answers", right: &[
        Edit("admin.kubeconfig", "https://127.0.0.1:6443", "https://10.128.15.226:6443"),
    ] },
    // aescbc is called the recommended choice.
    Mistake { line: 477, code: "weak-encryption", right: &[Edit(ENCRYPTION, "aescbc", "secretbox")] },
    // A real key is printed.
    Mistake { line: 488, code: "published-secret", right: &[
        Edit(ENCRYPTION, "L0KeMGR9dmgRvfzqkELizUkcTiUpqb8lqisyzYcGtIw=", "KjyCkpO61pJkBBLvuIfX+5ahGA0dh57bfXlvNgqGtO8="),
    ] },
    // Three API servers are announced, and there are two.
    Mistake { line: 700, code: "no-effect", right: &[Edit(API, "    --apiserver-count=3 \\\n", "")] },
    // An audit log without a policy.
    Mistake { line: 704, code: "no-effect", right: &[
        Edit(API, "--audit-log-path=/var/log/audit.log", "--audit-log-path=/var/log/audit.log --audit-policy-file=/etc/kubernetes/audit-policy.yaml"),
        Write("master1/etc/kubernetes/audit-policy.yaml", POLICY),
        Write("master2/etc/kubernetes/audit-policy.yaml", POLICY),
    ] },
    // The list of plugins lacks NodeRestriction.
    Mistake { line: 708, code: "missing-setting", right: &[
        Edit(API, "--enable-admission-plugins=", "--enable-admission-plugins=NodeRestriction,"),
    ] },
    // Nothing closes 127.0.0.1:8080.
    Mistake { line: 692, code: "open-door", right: &[Edit(API, "    --v=2", "    --insecure-port=0 \\\n    --v=2")] },
    Mistake { line: 759, code: "open-door", right: &[Edit(KCM, "--address=0.0.0.0", "--address=127.0.0.1")] },
    // The file with the key is 0644, in each place.
    Mistake { line: 845, code: "secret-exposed", right: &[
        Mode("control/root/certs/encryption-config.yaml", 0o600),
        Mode("master1/root/encryption-config.yaml", 0o600),
        Mode("master2/root/encryption-config.yaml", 0o600),
        Mode("master1/var/lib/kubernetes/encryption-config.yaml", 0o600),
        Mode("master2/var/lib/kubernetes/encryption-config.yaml", 0o600),
    ] },
    // CNI plugins without any configuration.
    Mistake { line: 1083, code: "node-without-network", right: &[
        Write("node1/etc/cni/net.d/10-bridge.conflist", CNI),
        Write("node2/etc/cni/net.d/10-bridge.conflist", CNI),
    ] },
    // The kubeconfig of kube-proxy is copied to node1 twice.
    Mistake { line: 1200, code: "missing-file", right: &[
        Copy("control/root/certs/kube-proxy.kubeconfig", "node2/var/lib/kube-proxy/kubeconfig"),
    ] },
];

const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n  - level: Metadata\n";
const CNI: &str = "{\"cniVersion\": \"0.3.1\", \"name\": \"pods\", \"plugins\": [{\"type\": \"bridge\"}]}\n";

/// Line of the walk-through | what goes wrong | code that has to be reported.
#[rustfmt::skip]
pub const SLIPS: &[(u32, &[Step], &str)] = &[
    // `system:nodes:<NodeName>`, as it says twice.
    (125, &[Subject("node1.pem", "system:nodes:node1", "system:nodes")], "wrong-identity"),
    // The kubelet's certificate as one of a client alone: without its name, without its address.
    (121, &[Names("node1.pem", &[], &["node1"])], "address-not-covered"),
    // The scheduler's certificate goes where the output list says it does.
    (228, &[
        Copy("control/root/certs/kube-scheduler.pem", "control/root/certs/kube-proxy.pem"),
        Copy("control/root/certs/kube-scheduler-key.pem", "control/root/certs/kube-proxy-key.pem"),
    ], "wrong-identity"),
    // "Only the CN matters": an administrator without the group.
    (239, &[Subject("admin.pem", "admin", "Administrators")], "rbac-subject"),
    // "Can be set as any range".
    (259, &[Names("kubernetes.pem", &["10.96.0.1"], &["10.32.0.1"])], "service-address-missing"),
    // "IP address & address of LB".
    (261, &[Names("kubernetes.pem", &[], &["10.128.15.226"])], "address-not-covered"),
    // `system:<group>\<username>` as the user of the certificate.
    (308, &[Subject("kube-scheduler.pem", "system\\kube-scheduler", "system:kube-scheduler")], "wrong-identity"),
    // Masters get ca and kubernetes alone.
    (289, &[Remove("master1/var/lib/kubernetes/service-account.pem")], "missing-file"),
    (289, &[Remove("master1/var/lib/kubernetes/service-account-key.pem")], "missing-file"),
    // What is listed and never copied.
    (452, &[Remove("node1/var/lib/kubelet/kubeconfig")], "missing-file"),
    (519, &[Remove("master1/etc/etcd/ca.pem")], "missing-file"),
    (1121, &[Remove("node1/var/lib/kubelet/node1.pem")], "missing-file"),
    // Providers the other way round.
    (490, &[Edit(ENCRYPTION, "    providers:\n", "    providers:\n      - identity: {}\n")], "identity-first"),
    // Another key on each master.
    (485, &[Edit("master2/var/lib/kubernetes/encryption-config.yaml", "KjyCkpO61p", "KjyCkpO61q")], "encryption-disagrees"),
    // `MASTER2_NAME=https://MASTER2_PRIVATE_IP`.
    (542, &[Edit(ETCD, "master2=https://10.128.15.222:2380", "master2=https://10.128.15.222")], "etcd-disagrees"),
    // Both exports of master1 on master2.
    (555, &[Edit("master2/etc/systemd/system/etcd.service", "--name master2", "--name master1")], "etcd-disagrees"),
    // `CONTROLLER1_IP=IP_ADDRESS_OF_MASTER1`.
    (669, &[Edit(API, "https://10.128.15.222:2379", "https://10.128.15.221:2379")], "listed-twice"),
    // Variables that nobody exported.
    (666, &[Edit(API, "--etcd-servers=https://10.128.15.221", "--etcd-servers=https://")], "unusable-address"),
    (666, &[Edit(API, "--etcd-servers=https://10.128.15.221", "--etcd-servers=https://$CONTROLLER0_IP")], "unusable-address"),
    (666, &[Edit(API, "--advertise-address=10.128.15.222", "--advertise-address=10.128.15.221")], "nobody-answers"),
    // Placeholders that nobody changed.
    (931, &[Edit("lb/etc/nginx/tcpconf.d/kubernetes.conf", "10.128.15.221", "{{CONTROLLER0_IP}}")], "unusable-address"),
    (931, &[Edit("lb/etc/nginx/tcpconf.d/kubernetes.conf", "10.128.15.221", "10.128.15.222")], "listed-twice"),
    // JSON without its last brace.
    (989, &[Edit("control/root/certs/admin-csr.json", "\n}\n", "\n")], "bad-syntax"),
    // The name of the node is not that of its certificate.
    (1166, &[Edit("node1/etc/systemd/system/kubelet.service", "--hostname-override=node1", "--hostname-override=node1.example")], "wrong-identity"),
    // ${HOSTNAME} was that of the machine where the file was written.
    (1142, &[Edit("node2/var/lib/kubelet/kubelet-config.yaml", "/node2.pem", "/node1.pem")], "missing-file"),
    (1139, &[Edit("node2/var/lib/kubelet/kubelet-config.yaml", "10.32.0.10", "10.96.0.10")], "dns-disagrees"),
    // The kubeconfig of another node.
    (1119, &[Copy("control/root/certs/node2.kubeconfig", "node1/var/lib/kubelet/kubeconfig")], "wrong-identity"),
    // cp as root with another umask.
    (661, &[Mode("master1/var/lib/kubernetes/ca-key.pem", 0o644)], "secret-exposed"),
    (288, &[Copy("control/root/certs/ca-key.pem", "node1/root/ca-key.pem")], "authority-key-misplaced"),
];

// --- making it ---------------------------------------------------------------------------------------------------------

fn script() -> Command {
    let mut command = Command::new("bash");
    command.arg(project().join("tests/verify/by_hand/walk_through.sh"));
    command
}

/// The machines of somebody who followed the walk-through, with this folder of certificates.
fn followed(certs: &Path) -> FoundNodes {
    let folder = TempDir::new().expect("a temporary folder");
    must(script().arg("hosts").arg(certs).arg(folder.path()));
    nodes_of(folder.path())
}

/// With recorded answers of cfssl and kubectl.
static FOLLOWED: LazyLock<FoundNodes> = LazyLock::new(|| followed(&project().join("tests/verify/by_hand/certs")));

/// All of the walk-through's mistakes put right.
static RIGHT: LazyLock<FoundNodes> = LazyLock::new(|| {
    let mut nodes = FOLLOWED.clone();
    for mistake in MISTAKES {
        take(&mut nodes, mistake.right);
    }
    nodes
});

fn bytes_of<'n>(nodes: &'n FoundNodes, path: &str) -> &'n [u8] {
    match nodes.get(path) {
        Some(FoundNode::File { content, .. }) => content.expose(),
        other => panic!("{path} is {other:?}"),
    }
}

fn put(nodes: &mut FoundNodes, path: &str, bytes: Vec<u8>, mode: u32) {
    for (end, _) in path.match_indices('/') {
        let folder = FoundNode::Directory { mode: Some(0o755) };
        nodes.entry(path[..end].to_owned()).or_insert(folder);
    }
    let mode = match nodes.get(path) {
        Some(FoundNode::File { mode: Some(mode), .. }) => *mode,
        _ => mode,
    };
    let file = FoundNode::File {
        mode: Some(mode),
        root_owned: None,
        content: SecretBytes::from(bytes),
    };
    nodes.insert(path.to_owned(), file);
}

fn ending(nodes: &FoundNodes, end: &str) -> Vec<String> {
    let is_it = |path: &&String| path.ends_with(&format!("/{}", end.trim_start_matches('/')));
    let exact = nodes.contains_key(end).then(|| end.to_owned());
    exact.map_or_else(|| nodes.keys().filter(is_it).cloned().collect(), |path| vec![path])
}

fn take(nodes: &mut FoundNodes, steps: &[Step]) {
    for step in steps {
        match *step {
            Edit(file, from, to) => {
                let mut any = false;
                for path in ending(nodes, file) {
                    let text = String::from_utf8(bytes_of(nodes, &path).to_vec()).expect("text");
                    any |= text.contains(from);
                    put(nodes, &path, text.replacen(from, to, 1).into_bytes(), 0o644);
                }
                assert!(any, "no {file} holds {from}");
            }
            Names(file, more, fewer) => change_certificate(nodes, file, |names, _, _| {
                let before = names.len();
                names.retain(|name| !fewer.contains(&name.as_str()));
                assert_eq!(names.len() + fewer.len(), before, "{fewer:?}");
                names.extend(more.iter().map(|name| (*name).to_owned()));
            }),
            Subject(file, user, group) => change_certificate(nodes, file, |_, common_name, organization| {
                *common_name = user.to_owned();
                *organization = group.to_owned();
            }),
            Remove(path) => {
                nodes.remove(path).unwrap_or_else(|| panic!("there is no {path}"));
            }
            Mode(path, new) => match nodes.get_mut(path) {
                Some(FoundNode::File { mode, .. }) => *mode = Some(new),
                other => panic!("{path} is {other:?}"),
            },
            Copy(from, to) => {
                let mode = match &nodes[from] {
                    FoundNode::File { mode: Some(mode), .. } => *mode,
                    _ => 0o644,
                };
                let bytes = bytes_of(nodes, from).to_vec();
                put(nodes, to, bytes, mode);
            }
            Write(path, text) => put(nodes, path, text.as_bytes().to_vec(), 0o644),
        }
    }
}

/// Issues a certificate anew with other names and another subject, wherever it lies: in files, and within kubeconfigs.
fn change_certificate(nodes: &mut FoundNodes, file: &str, change: impl Fn(&mut Vec<String>, &mut String, &mut String)) {
    use base64ct::{Base64, Encoding};

    let certs = "control/root/certs";
    let old = bytes_of(nodes, &format!("{certs}/{file}")).to_vec();
    let ca = certificate(bytes_of(nodes, &format!("{certs}/ca.pem")));
    let key = KeyPair::from_pem(bytes_of(nodes, &format!("{certs}/ca-key.pem"))).expect("a key");
    let new = reissue_with(&old, &ca, &key, |asked| {
        change(&mut asked.hosts, &mut asked.cn, &mut asked.o)
    });
    let (old_text, new_text) = (Base64::encode_string(&old), Base64::encode_string(&new));
    for path in nodes.keys().cloned().collect::<Vec<_>>() {
        let Some(FoundNode::File { content, .. }) = nodes.get(&path) else {
            continue;
        };
        if content.expose() == old {
            put(nodes, &path, new.clone(), 0o644);
        } else if let Ok(text) = std::str::from_utf8(content.expose())
            && text.contains(&old_text)
        {
            let text = text.replace(&old_text, &new_text);
            put(nodes, &path, text.into_bytes(), 0o644);
        }
    }
}

/// What is found a day after the certificates were made, whenever that was.
fn findings(nodes: &FoundNodes) -> Vec<Finding> {
    audit(&from_folder("machines", nodes.clone()), day_after(nodes))
}

fn day_after(nodes: &FoundNodes) -> OffsetDateTime {
    certificate(bytes_of(nodes, "control/root/certs/ca.pem")).not_before + Duration::days(1)
}

fn codes(findings: &[Finding]) -> BTreeSet<&'static str> {
    findings.iter().map(|finding| finding.code).collect()
}

// --- judging it --------------------------------------------------------------------------------------------------------

#[test]
fn nothing_is_wrong_where_all_mistakes_of_the_walk_through_are_put_right() {
    let findings = findings(&RIGHT);
    // The walk-through's administrator is one of system:masters on purpose.
    assert_eq!(codes(&findings), ["system-masters"].into(), "{findings:#?}");
    // The folder of certificates alone, and each machine alone.
    for part in [
        "control/root/certs",
        "control",
        "master1",
        "master2",
        "master3",
        "node1",
        "node2",
        "lb",
    ] {
        let prefix = format!("{part}/");
        let of_part: FoundNodes = RIGHT
            .iter()
            .filter_map(|(path, node)| Some((path.strip_prefix(&prefix)?.to_owned(), node.clone())))
            .collect();
        let mut findings = audit(&from_folder("part", of_part), day_after(&RIGHT));
        findings.retain(|finding| finding.row().severity == Severity::Error);
        assert!(findings.is_empty(), "{part}: {findings:#?}");
    }
}

#[test]
fn each_mistake_of_the_walk_through_is_found() {
    let all = findings(&FOLLOWED);
    let expected: BTreeSet<&str> = MISTAKES
        .iter()
        .map(|mistake| mistake.code)
        .chain(["system-masters"])
        .collect();
    assert_eq!(codes(&all), expected, "{all:#?}");
    let missed: Vec<String> = MISTAKES
        .par_iter()
        .enumerate()
        .filter_map(|(index, mistake)| {
            let mut nodes = FOLLOWED.clone();
            for (_, other) in MISTAKES.iter().enumerate().filter(|(other, _)| *other != index) {
                take(&mut nodes, other.right);
            }
            let findings = findings(&nodes);
            let expected = BTreeSet::from([mistake.code, "system-masters"]);
            (codes(&findings) != expected).then(|| format!("line {} {mistake:?}: {findings:#?}", mistake.line))
        })
        .collect();
    println!("{} of {} mistakes found", MISTAKES.len() - missed.len(), MISTAKES.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_slip_that_the_walk_through_leads_to_is_found() {
    let missed: Vec<String> = SLIPS
        .par_iter()
        .filter_map(|(line, steps, code)| {
            assert!(verify_codes::CODES.iter().any(|row| row.name == *code), "{code}");
            let mut nodes = RIGHT.clone();
            take(&mut nodes, steps);
            let found = codes(&findings(&nodes));
            (!found.contains(code)).then(|| format!("line {line} {steps:?}: {code} is not among {found:?}"))
        })
        .collect();
    println!("{} of {} slips found", SLIPS.len() - missed.len(), SLIPS.len());
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

/// The same in the folder `certs/` alone, which is all that there is before anything is copied.
#[test]
fn the_folder_of_certificates_alone_shows_its_mistakes() {
    let certs = |nodes: &FoundNodes| -> FoundNodes {
        let below = nodes.iter();
        below
            .filter_map(|(path, node)| Some((path.strip_prefix("control/root/certs/")?.to_owned(), node.clone())))
            .collect()
    };
    let at = day_after(&FOLLOWED);
    let found = |nodes: &FoundNodes| codes(&audit(&from_folder("certs", certs(nodes)), at));
    let expected: BTreeSet<&str> = [
        "service-name-missing",
        "secret-exposed",
        "published-secret",
        "weak-encryption",
        "system-masters",
    ]
    .into();
    assert_eq!(found(&FOLLOWED), expected);
    assert_eq!(found(&RIGHT), ["system-masters"].into());
    for (line, code) in [
        (125, "wrong-identity"),
        (228, "wrong-identity"),
        (261, "address-not-covered"),
    ] {
        let (_, steps, _) = SLIPS.iter().find(|(of, ..)| *of == line).expect("a slip");
        let mut nodes = RIGHT.clone();
        take(&mut nodes, steps);
        assert!(found(&nodes).contains(code), "line {line}: {:?}", found(&nodes));
    }
}

/// The real programs leave what was recorded, but for keys and dates.
#[test]
fn the_real_cfssl_and_kubectl_leave_the_same_mistakes() {
    let test = "the_real_cfssl_and_kubectl_leave_the_same_mistakes";
    if ["cfssl", "cfssljson", "kubectl"]
        .iter()
        .any(|name| program(name, test).is_none())
    {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let (certs, machines) = (folder.path().join("certs"), folder.path().join("machines"));
    must(script().arg("certs").arg(&certs));
    must(script().arg("hosts").arg(&certs).arg(&machines));
    let nodes = nodes_of(&machines);
    let recorded = FOLLOWED.keys().collect::<BTreeSet<_>>();
    assert_eq!(nodes.keys().collect::<BTreeSet<_>>(), recorded);
    let place = |finding: &Finding| (finding.host.clone(), finding.path.clone(), finding.code);
    let places = |nodes: &FoundNodes| findings(nodes).iter().map(place).collect::<BTreeSet<_>>();
    assert_eq!(places(&nodes), places(&FOLLOWED));
    // And the command says so too, of the folder of machines and of a tar of one.
    let at = day_after(&nodes).date().to_string() + "T12:00:00Z";
    let verified = run(khw_gen().arg("verify").arg(&machines).args(["--at", &at]));
    assert_eq!(verified.status.code(), Some(1));
    assert!(
        said(&verified).contains("error[foreign-key]: node1: /root/node2-key.pem"),
        "{}",
        said(&verified)
    );
    let tar = folder.path().join("node2.tar");
    must(
        Command::new("tar")
            .arg("-C")
            .arg(machines.join("node2"))
            .arg("-cf")
            .arg(&tar)
            .arg("."),
    );
    let verified = run(khw_gen().arg("verify").arg(&tar).args(["--at", &at]));
    assert_eq!(verified.status.code(), Some(1));
    assert!(
        said(&verified).contains("error[missing-file]: node2: /var/lib/kube-proxy"),
        "{}",
        said(&verified)
    );
}
