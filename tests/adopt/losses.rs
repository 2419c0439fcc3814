//! Nothing of a cluster that runs is lost without a word: what a program was given is in cluster.toml, or it is told.

use std::fs;
use std::path::{Path, PathBuf};

use crate::adopt;
use crate::hostile::Certs;
use crate::maker::{AT, put};
use crate::support::{khw_gen, must, program, run, said};

/// A master and a node, set up by units, of which nothing is otherwise than khw-gen has it.
struct Machines {
    certs: Certs,
}

/// Machine | program | its flags.
const UNITS: &[(&str, &str, &str)] = &[
    (
        "master1",
        "etcd",
        "--name=master1 --data-dir=/var/lib/etcd --initial-advertise-peer-urls=https://10.0.0.11:2380 --listen-peer-urls=https://10.0.0.11:2380 \
         --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379 --advertise-client-urls=https://10.0.0.11:2379 \
         --cert-file=/etc/k/kubernetes.pem --key-file=/etc/k/kubernetes-key.pem --trusted-ca-file=/etc/k/ca.pem",
    ),
    (
        "master1",
        "kube-apiserver",
        "--client-ca-file=/etc/k/ca.pem --tls-cert-file=/etc/k/kubernetes.pem --tls-private-key-file=/etc/k/kubernetes-key.pem \
         --advertise-address=10.0.0.11 --service-cluster-ip-range=10.32.0.0/24 --etcd-servers=https://10.0.0.11:2379 \
         --service-account-signing-key-file=/etc/k/service-account-key.pem --service-account-key-file=/etc/k/service-account.pem",
    ),
    (
        "master1",
        "kube-controller-manager",
        "--cluster-cidr=10.200.0.0/16 --allocate-node-cidrs=true --root-ca-file=/etc/k/ca.pem \
         --service-account-private-key-file=/etc/k/service-account-key.pem",
    ),
    ("master1", "kube-scheduler", "--leader-elect=true"),
    (
        "node1",
        "kubelet",
        "--hostname-override=node1 --node-ip=10.0.0.21 --kubeconfig=/var/lib/kubelet/kubeconfig --config=/var/lib/kubelet/config.yaml",
    ),
    ("node1", "kube-proxy", "--config=/var/lib/kube-proxy/config.yaml"),
];

const KUBELET: &str = "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nclusterDomain: cluster.local\n\
                       clusterDNS: [10.32.0.10]\ncontainerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n";
const KUBE_PROXY: &str = "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: iptables\nclusterCIDR: 10.200.0.0/16\n";

/// What was written, and what was told.
struct Done {
    text: String,
    told: String,
    spec: PathBuf,
}

impl Done {
    #[track_caller]
    fn says(&self, line: &str) -> &Done {
        assert!(self.text.contains(line), "cluster.toml lacks {line:?}:\n{}", self.text);
        self
    }

    #[track_caller]
    fn tells(&self, code: &str, words: &str) -> &Done {
        let is_told = self
            .told
            .lines()
            .any(|line| line.starts_with(&format!("warning[{code}]")) && line.contains(words));
        assert!(is_told, "{code} with {words:?} is not told:\n{}", self.told);
        self
    }

    fn is_silent(&self) {
        assert!(!self.told.contains("warning["), "{}", self.told);
    }
}

impl Machines {
    fn new() -> Machines {
        let machines = Machines { certs: Certs::new() };
        let certs = machines.certs.certs();
        let copy = |machine: &str, names: &[&str]| {
            for name in names {
                let to = machines.path(machine, &format!("etc/k/{name}"));
                put(&to, &fs::read_to_string(certs.join(name)).expect("PEM"));
            }
        };
        copy(
            "master1",
            &[
                "ca.pem",
                "ca-key.pem",
                "kubernetes.pem",
                "kubernetes-key.pem",
                "service-account.pem",
                "service-account-key.pem",
            ],
        );
        copy("node1", &["ca.pem", "node1.pem", "node1-key.pem"]);
        machines.kubeconfig("https://10.0.0.11:6443");
        machines.put("node1", "var/lib/kubelet/config.yaml", KUBELET);
        machines.put("node1", "var/lib/kube-proxy/config.yaml", KUBE_PROXY);
        for (_, program, _) in UNITS {
            machines.unit(program, "", "");
        }
        machines
    }

    fn path(&self, machine: &str, path: &str) -> PathBuf {
        self.all().join(machine).join(path)
    }

    fn all(&self) -> PathBuf {
        self.certs.folder.path().join("machines")
    }

    fn put(&self, machine: &str, path: &str, text: &str) {
        put(&self.path(machine, path), text);
    }

    /// A kubeconfig of the node that leads there.
    fn kubeconfig(&self, server: &str) {
        self.certs.kubeconfig("node1", server);
        let text = fs::read_to_string(self.certs.path("node1.kubeconfig")).expect("a kubeconfig");
        self.put("node1", "var/lib/kubelet/kubeconfig", &text);
    }

    /// A unit with more flags, or others where they are given again, and more settings.
    fn unit(&self, program: &str, flags: &str, settings: &str) -> &Machines {
        let (machine, _, own) = UNITS.iter().find(|(_, name, _)| *name == program).expect("a unit");
        let name = |flag: &str| flag.split(['=', ' ']).next().unwrap_or_default().to_owned();
        let given: Vec<String> = flags.split(' ').map(name).collect();
        let own: Vec<&str> = own
            .split_whitespace()
            .filter(|flag| !given.contains(&name(flag)))
            .collect();
        self.only(machine, program, &format!("{} {flags}", own.join(" ")), settings)
    }

    fn only(&self, machine: &str, program: &str, flags: &str, settings: &str) -> &Machines {
        let text = format!("[Service]\n{settings}ExecStart=/usr/bin/{program} {flags}\n");
        self.put(machine, &format!("etc/systemd/system/{program}.service"), &text);
        self
    }

    fn adopt(&self) -> Done {
        let spec = self.certs.folder.path().join("spec");
        let _ = fs::remove_dir_all(&spec);
        let done = adopt(&[&self.all()], &spec, &[AT[0], AT[1], "--kubernetes", "1.34"]);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        Done {
            text: fs::read_to_string(spec.join("cluster.toml")).expect("cluster.toml"),
            told: said(&done),
            spec,
        }
    }

    /// The first build of it.
    fn build(&self, done: &Done) -> PathBuf {
        let out = self.certs.folder.path().join("out");
        let _ = fs::remove_dir_all(&out);
        must(
            khw_gen()
                .arg("build")
                .arg(done.spec.join("cluster.toml"))
                .arg("-o")
                .arg(&out),
        );
        out
    }
}

fn machines(test: &str) -> Option<Machines> {
    program("openssl", test)?;
    Some(Machines::new())
}

fn text(out: &Path, path: &str) -> String {
    fs::read_to_string(out.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn what_is_as_khw_gen_has_it_is_adopted_in_silence() {
    let Some(machines) = machines("what_is_as_khw_gen_has_it_is_adopted_in_silence") else {
        return;
    };
    machines.adopt().is_silent();
}

/// Whatever it is called, what a flag names as a configuration is one.
#[test]
fn a_configuration_is_read_whatever_it_is_called() {
    let Some(machines) = machines("a_configuration_is_read_whatever_it_is_called") else {
        return;
    };
    for name in ["kubelet.config", "kubelet.conf", "kubelet"] {
        let path = format!("opt/kubernetes/cfg/{name}");
        machines.put("node1", &path, &format!("{KUBELET}maxPods: 77\n"));
        machines.unit("kubelet", &format!("--config=/{path}"), "");
        machines.adopt().says("maxPods = 77").is_silent();
        // verify reads it too: a value that no kubelet takes is one here.
        machines.put("node1", &path, &format!("{KUBELET}maxPods: many\n"));
        let verified = said(&run(khw_gen().arg("verify").arg(machines.all()).args(AT)));
        assert!(verified.contains("maxPods"), "{verified}");
        fs::remove_file(machines.path("node1", &path)).expect("it was there");
    }
    machines
        .adopt()
        .tells("adopt-not-copied", "/opt/kubernetes/cfg/kubelet is not among the files");
}

const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: RequestResponse\n  resources: [{group: '', resources: ['{{x}}']}]\n";

/// The policy of who runs it, where it lay; what was recorded goes on where it was.
#[test]
fn an_audit_policy_stays_the_operators_own() {
    let Some(machines) = machines("an_audit_policy_stays_the_operators_own") else {
        return;
    };
    machines.put("master1", "etc/audit/policy", POLICY);
    machines.unit(
        "kube-apiserver",
        "--audit-policy-file=/etc/audit/policy --audit-log-path=/data/log/audit.log",
        "",
    );
    let done = machines.adopt();
    done.says("audit-policy-file = \"/etc/audit/policy\"")
        .says("audit-log-path = \"/data/log/audit.log\"")
        .says("on = \"control-plane\"\nat = \"/etc/audit/policy\"\ntemplate = \"files/audit-policy-file.yaml\"")
        .is_silent();
    let out = machines.build(&done);
    assert_eq!(text(&out, "master1/rootfs/etc/audit/policy"), POLICY);
    // Where khw-gen has its own, another name is taken.
    let own = "etc/kubernetes/config/audit-policy.yaml";
    machines.put("master1", own, POLICY);
    machines.unit("kube-apiserver", &format!("--audit-policy-file=/{own}"), "");
    let done = machines.adopt();
    done.says("at = \"/etc/kubernetes/config/audit-policy-own.yaml\"");
    machines.build(&done);
}

/// What cluster.toml can have stays, and what khw-gen decides is told with what it becomes.
#[test]
fn ports_ranges_and_addresses_stay_or_are_told() {
    let Some(machines) = machines("ports_ranges_and_addresses_stay_or_are_told") else {
        return;
    };
    machines
        .unit(
            "kube-controller-manager",
            "--node-cidr-mask-size=25 --bind-address=0.0.0.0",
            "",
        )
        .unit("kube-scheduler", "--bind-address=10.0.0.11", "")
        .unit(
            "kubelet",
            "--address=10.0.0.21 --container-runtime-endpoint=unix:///var/run/crio/crio.sock --rotate-certificates=true",
            "",
        )
        .unit(
            "kube-apiserver",
            "--secure-port=8443 --bind-address=10.0.0.11 --etcd-servers=https://10.0.0.11:4001",
            "",
        )
        .unit(
            "etcd",
            "--name=one --listen-client-urls=https://10.0.0.11:4001 --advertise-client-urls=https://10.0.0.11:4001",
            "",
        );
    let done = machines.adopt();
    for line in [
        "node-cidr-mask-size = \"25\"",
        "bind-address = \"0.0.0.0\"",
        "bind-address = \"10.0.0.11\"",
        "address = \"10.0.0.21\"",
    ] {
        done.says(line);
    }
    for (place, becomes) in [
        ("kube-apiserver.service:2, --secure-port", "8443 becomes 6443"),
        ("kube-apiserver.service:2, --bind-address", "10.0.0.11 becomes 0.0.0.0"),
        (
            "kube-apiserver.service:2, --etcd-servers",
            "https://10.0.0.11:4001 becomes https://10.0.0.11:2379",
        ),
        ("kubelet.service:2, --container-runtime-endpoint", "crio.sock becomes "),
        ("kubelet.service:2, --rotate-certificates", "renewed by the cluster"),
        ("etcd.service:2, --name", "one becomes master1"),
        ("etcd.service:2, --listen-client-urls", "https://10.0.0.11:4001 becomes"),
    ] {
        done.tells("adopt-decided", place).tells("adopt-decided", becomes);
    }
    machines.build(&done);
}

/// kube-proxy heeds its file alone, and our kube-proxy always has one.
#[test]
fn flags_that_are_passed_over_beside_a_file_become_settings() {
    let Some(machines) = machines("flags_that_are_passed_over_beside_a_file_become_settings") else {
        return;
    };
    machines.only(
        "node1",
        "kube-proxy",
        "--kubeconfig=/var/lib/kube-proxy/kubeconfig --cluster-cidr=10.200.0.0/16 --proxy-mode=ipvs --masquerade-all --ipvs-scheduler=wrr \
         --ipvs-strict-arp=true --conntrack-max-per-core=0 --metrics-bind-address=0.0.0.0:10249 --ipvs-exclude-cidrs=10.9.0.0/16,10.8.0.0/16 \
         --kube-api-qps=7 --feature-gates=NFTablesProxyMode=true --healthz-port=10256 --v=3",
        "",
    );
    machines.unit("kube-scheduler", "--kube-api-burst=300 --profiling=true", "");
    let done = machines.adopt();
    for line in [
        "iptables.masqueradeAll = true",
        "ipvs.scheduler = \"wrr\"",
        "ipvs.strictARP = true",
        "conntrack.maxPerCore = 0",
        "metricsBindAddress = \"0.0.0.0:10249\"",
        "ipvs.excludeCIDRs = [\"10.9.0.0/16\", \"10.8.0.0/16\"]",
        "clientConnection.qps = 7",
        "clientConnection.burst = 300",
        "enableProfiling = true",
        "v = \"3\"",
    ] {
        done.says(line);
    }
    done.tells("adopt-left-out", "--healthz-port");
    machines.build(&done);
}

/// A pod's variables and a unit's; what may be a secret stays out, and what a unit sets besides is told.
#[test]
fn variables_stay_and_settings_of_units_are_told() {
    let Some(machines) = machines("variables_stay_and_settings_of_units_are_told") else {
        return;
    };
    machines
        .unit(
            "etcd",
            "$MORE",
            "Environment=ETCD_UNSUPPORTED_ARCH=arm64 ETCDCTL_KEY=/etc/k/client-key.pem ETCD_MAX_REQUEST_BYTES=10485760 GOGC=50 MORE=--snapshot-count=5000\nUser=etcd\n\
             LimitNOFILE=1000000\nExecStartPre=/bin/true\n",
        )
        .unit("kubelet", "", "Environment=AWS_REGION=eu-central-1 API_TOKEN=canary-token-9\nCPUAccounting=yes\n");
    let done = machines.adopt();
    for line in [
        "ETCD_UNSUPPORTED_ARCH = \"arm64\"",
        "GOGC = \"50\"",
        "max-request-bytes = \"10485760\"",
        "snapshot-count = \"5000\"",
        "AWS_REGION = \"eu-central-1\"",
    ] {
        done.says(line);
    }
    assert!(
        !done.text.contains("\nMORE = ") && !done.text.contains("ETCDCTL_KEY"),
        "{}",
        done.text
    );
    done.tells("adopt-left-out", "has ExecStartPre= LimitNOFILE= User= otherwise")
        .tells("adopt-left-out", "CPUAccounting=")
        .tells("adopt-left-out", "API_TOKEN");
    assert!(!done.told.contains("canary-token-9") && !done.text.contains("canary-token-9"));
}

/// Tokens of a key that is not here would be refused.
#[test]
fn a_second_key_of_tokens_that_was_not_copied_is_told() {
    let Some(machines) = machines("a_second_key_of_tokens_that_was_not_copied_is_told") else {
        return;
    };
    machines.unit(
        "kube-apiserver",
        "--service-account-key-file=/etc/k/service-account.pem --service-account-key-file=/etc/k/old-sa.pub",
        "",
    );
    machines
        .adopt()
        .tells("adopt-not-copied", "/etc/k/old-sa.pub is not among the files: tokens");
}

/// etcd passes over what it does not know of its file: no old release is told by it.
#[test]
fn a_file_of_etcd_tells_no_release() {
    let Some(machines) = machines("a_file_of_etcd_tells_no_release") else {
        return;
    };
    let file = "name: master1\ndata-dir: /var/lib/etcd\nlisten-peer-urls: https://10.0.0.11:2380\nlisten-client-urls: \
                https://10.0.0.11:2379,https://127.0.0.1:2379\nadvertise-client-urls: https://10.0.0.11:2379\n\
                initial-advertise-peer-urls: https://10.0.0.11:2380\nsnapshot-count: 5000\ndebug: false\nenable-v2: true\n\
                client-transport-security: {cert-file: /etc/k/kubernetes.pem, key-file: /etc/k/kubernetes-key.pem, trusted-ca-file: /etc/k/ca.pem}\n";
    machines.put("master1", "etc/etcd/etcd.config.yml", file);
    machines.only("master1", "etcd", "--config-file=/etc/etcd/etcd.config.yml", "");
    let done = machines.adopt();
    assert!(!done.text.contains("\netcd = \""), "{}", done.text);
    done.says("snapshot-count = \"5000\"")
        .tells("adopt-left-out", "etcd.config.yml:8, debug")
        .tells("adopt-left-out", "enable-v2");
    machines.build(&done);
    // So it does of variables.
    machines.unit("etcd", "", "Environment=ETCD_PROXY=off ETCD_SNAPSHOT_COUNT=7000\n");
    let done = machines.adopt();
    assert!(!done.text.contains("\netcd = \""), "{}", done.text);
    done.says("snapshot-count = \"7000\"").tells("adopt-left-out", "proxy");
}

/// What a pod calls its data is not what the machine calls it, and without a flag it lies where etcd was started.
#[test]
fn the_data_of_etcd_stays_where_it_lies() {
    let Some(machines) = machines("the_data_of_etcd_stays_where_it_lies") else {
        return;
    };
    let without = "--name=one --initial-advertise-peer-urls=https://10.0.0.11:2380 --cert-file=/etc/k/kubernetes.pem --trusted-ca-file=/etc/k/ca.pem";
    machines.only("master1", "etcd", without, "WorkingDirectory=/srv/etcd/\n");
    machines.adopt().says("data-dir = \"/srv/etcd/one.etcd\"");
    machines.only("master1", "etcd", &format!("{without} --data-dir=./data"), "");
    machines.adopt().says("data-dir = \"/data\"");
    fs::remove_file(machines.path("master1", "etc/systemd/system/etcd.service")).expect("it was there");
    machines.put(
        "master1",
        "etc/kubernetes/manifests/etcd.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: etcd}\nspec:\n  containers:\n  - image: registry.k8s.io/etcd:3.6.5-0\n    command: [etcd, --name=master1, \
         --data-dir=/var/lib/etcd, --initial-advertise-peer-urls=https://10.0.0.11:2380, --cert-file=/pki/kubernetes.pem, --trusted-ca-file=/pki/ca.pem]\n    \
         env: [{name: NO_PROXY, value: '10.0.0.0/8'}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]\n    \
         volumeMounts: [{name: data, mountPath: /var/lib/etcd}, {name: pki, mountPath: /pki}]\n  volumes:\n  \
         - {name: data, hostPath: {path: /var/lib/etcd-from-backup}}\n  - {name: pki, hostPath: {path: /etc/k}}\n",
    );
    let done = machines.adopt();
    done.says("data-dir = \"/var/lib/etcd-from-backup\"")
        .says("NO_PROXY = \"10.0.0.0/8\"")
        .tells("adopt-left-out", "NODE: its value comes from the cluster");
    let unit = text(&machines.build(&done), "master1/rootfs/etc/systemd/system/etcd.service");
    assert!(unit.contains("--data-dir=/var/lib/etcd-from-backup"), "{unit}");
}

/// Who speaks no TLS does not understand it.
#[test]
fn plain_http_of_etcd_is_told() {
    let Some(machines) = machines("plain_http_of_etcd_is_told") else {
        return;
    };
    machines.unit(
        "etcd",
        "--listen-client-urls=http://10.0.0.11:2379 --advertise-client-urls=http://10.0.0.11:2379 --listen-peer-urls=http://10.0.0.11:2380 \
         --initial-advertise-peer-urls=http://10.0.0.11:2380",
        "",
    );
    machines.unit("kube-apiserver", "--etcd-servers=http://10.0.0.11:2379", "");
    machines
        .adopt()
        .tells(
            "adopt-decided",
            "--listen-client-urls: http://10.0.0.11:2379: plain HTTP becomes HTTPS",
        )
        .tells(
            "adopt-decided",
            "--listen-peer-urls: http://10.0.0.11:2380: plain HTTP between members",
        );
}

const STREAM: &str =
    "events {}\nstream {\n  upstream api { server 10.0.0.11:6443; }\n  server { listen 16443; proxy_pass api; }\n}\n";

/// What passes connections on: in a file of its own, on each node, and in a pod.
#[test]
fn balancers_of_their_own_are_told() {
    let Some(machines) = machines("balancers_of_their_own_are_told") else {
        return;
    };
    machines.put("master1", "etc/nginx/nginx.conf", STREAM);
    machines.put(
        "master1",
        "etc/keepalived/keepalived.conf",
        "vrrp_instance VI_1 {\n  state MASTER\n  interface ens33\n  virtual_router_id 51\n  priority 77\n  advert_int 1\n  authentication {\n    \
         auth_type PASS\n    auth_pass canary77\n  }\n  virtual_ipaddress {\n    10.0.0.88/24\n  }\n}\n",
    );
    machines.put(
        "node1",
        "etc/kube-lb/kube-lb.conf",
        &STREAM.replace("16443", "127.0.0.1:7443"),
    );
    machines.put(
        "node1",
        "etc/kubernetes/manifests/proxy.yml",
        "kind: Pod\nmetadata: {name: nginx-proxy}\nspec:\n  containers:\n  - {name: a, image: nginx}\n",
    );
    machines.kubeconfig("https://127.0.0.1:7443");
    let done = machines.adopt();
    done.tells("adopt-decided", "/etc/nginx/nginx.conf: its stream block")
        .tells(
            "adopt-decided",
            "keepalived.conf: /etc/keepalived/keepalived.conf has it otherwise: no authentication (PASS before)",
        )
        .tells(
            "adopt-decided",
            "the node calls https://127.0.0.1:7443, where what /etc/kube-lb/kube-lb.conf configures",
        )
        .tells(
            "adopt-decided",
            "the kubelet starts the pod nginx-proxy from /etc/kubernetes/manifests",
        );
    done.says("ip = \"10.0.0.21\"\nroles = [\"worker\"]");
    assert!(!done.told.contains("canary77"), "{}", done.told);
    // As it is said, the pod goes on.
    let kept = done.text.clone() + "\n[components.kubelet.config]\nstaticPodPath = \"/etc/kubernetes/manifests\"\n";
    fs::write(done.spec.join("cluster.toml"), kept).expect("cluster.toml");
    machines.build(&done);
}
