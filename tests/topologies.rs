//! Clusters of other shapes than the walk-through's: both address families, haproxy, a virtual address, hosts with several
//! addresses and names. Everything by which anything reaches a server stands in that server's certificate.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Spec, build, files_below, must, namespaces, program, project, run, said};
use tempfile::TempDir;

/// Both families, two load balancers with haproxy and a virtual address, etcd on hosts of its own, and all that hosts may have.
const DUAL: &str = r#"
[cluster]
names = ["api.example.org", "203.0.113.9"]

[network]
services = ["10.32.0.0/24", "fd00:32::/112"]
pods     = ["10.200.0.0/16", "fd00:200::/56"]
dns      = ["10.32.0.10", "fd00:32::a"]

[load_balancer]
engine     = "haproxy"
virtual_ip = ["10.0.0.100", "fd00::100"]
interface  = "eth0"

[[hosts]]
name  = "admin1"
ip    = "10.0.0.5"
roles = ["admin"]

[[hosts]]
name  = "lb1"
ip    = ["10.0.0.6", "fd00::6"]
roles = ["load-balancer"]
names = ["lb1.example.org"]

[[hosts]]
name      = "lb2"
ip        = "10.0.0.7"
addresses = ["fd00::7"]
roles     = ["load-balancer"]
interface = "ens3"

[[hosts]]
name      = "cp1"
ip        = ["10.0.0.11", "fd00::11"]
addresses = ["192.0.2.11", "2001:db8::11"]
names     = ["cp1.example.org"]
roles     = ["control-plane"]

[[hosts]]
name  = "cp2"
ip    = ["10.0.0.12", "fd00::12"]
roles = ["control-plane"]

[[hosts]]
name  = "etcd1"
ip    = "10.0.0.21"
names = ["etcd1.example.org"]
roles = ["etcd"]

[[hosts]]
name   = "w1"
ip     = ["10.0.0.31", "fd00::31"]
roles  = ["worker"]
names  = ["w1.example.org"]
labels = { "topology.kubernetes.io/zone" = "a", disk = "ssd", empty = "" }
taints = ["dedicated=gpu:NoSchedule", "slow:PreferNoSchedule"]

[[hosts]]
name  = "w2"
ip    = ["10.0.0.32", "fd00::32"]
roles = ["worker"]
pods  = "10.200.0.0/24"

[[hosts]]
name  = "w3"
ip    = ["10.0.0.33", "fd00::33"]
roles = ["worker"]
pods  = ["10.200.7.0/24", "fd00:200:0:7::/64"]
"#;

fn dual() -> (TempDir, PathBuf) {
    build(&Spec::new(&[], DUAL).path())
}

fn text(out: &Path, path: &str) -> String {
    fs::read_to_string(out.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The flags of a unit, one each.
fn flags(out: &Path, host: &str, unit: &str) -> Vec<String> {
    let unit = text(out, &format!("{host}/rootfs/etc/systemd/system/{unit}.service"));
    let words = unit.split_whitespace().filter(|word| word.starts_with("--"));
    words.map(|flag| flag.trim_matches('"').to_owned()).collect()
}

/// The value of a flag that is there once, or none.
fn flag(out: &Path, host: &str, unit: &str, name: &str) -> Option<String> {
    let start = format!("--{name}=");
    let all = flags(out, host, unit);
    let values: Vec<&str> = all.iter().filter_map(|flag| flag.strip_prefix(&start)).collect();
    assert!(values.len() < 2, "{name} is given more than once");
    values.first().map(|value| (*value).to_owned())
}

#[test]
fn both_families_are_everywhere_the_primary_first() {
    let (_folder, out) = dual();
    let is = |host: &str, unit: &str, name: &str, value: &str| {
        assert_eq!(
            flag(&out, host, unit, name).as_deref(),
            Some(value),
            "{unit} --{name} on {host}"
        );
    };
    let services = "10.32.0.0/24,fd00:32::/112";
    is("cp1", "kube-apiserver", "service-cluster-ip-range", services);
    is("cp1", "kube-apiserver", "advertise-address", "10.0.0.11");
    is("cp1", "kube-apiserver", "etcd-servers", "https://10.0.0.21:2379");
    is("cp2", "kube-controller-manager", "service-cluster-ip-range", services);
    is(
        "cp2",
        "kube-controller-manager",
        "cluster-cidr",
        "10.200.0.0/16,fd00:200::/56",
    );
    is("w1", "kubelet", "node-ip", "10.0.0.31,fd00::31");
    let kube_proxy = text(&out, "w1/rootfs/var/lib/kube-proxy/kube-proxy-config.yaml");
    for line in [
        "bindAddress: \"0.0.0.0\"",
        "clusterCIDR: \"10.200.0.0/16,fd00:200::/56\"",
    ] {
        assert!(
            kube_proxy
                .lines()
                .any(|own| own.replace('"', "") == line.replace('"', "")),
            "{line}\n{kube_proxy}"
        );
    }
    let kubelet = text(&out, "w1/rootfs/var/lib/kubelet/kubelet-config.yaml");
    for address in ["10.32.0.10", "fd00:32::a"] {
        assert!(kubelet.contains(address), "{kubelet}");
    }
    // Masks go with the nodes' ranges, if the controller manager hands those out.
    let masks = |host| {
        [
            "node-cidr-mask-size",
            "node-cidr-mask-size-ipv4",
            "node-cidr-mask-size-ipv6",
        ]
        .map(|name| flag(&out, host, "kube-controller-manager", name))
    };
    let (_single, single) = build(&Spec::new(&["a 10.0.0.1 control-plane etcd worker"], "").path());
    if masks("cp1")[1].is_some() {
        assert_eq!(masks("cp1"), [None, Some("24".to_owned()), Some("64".to_owned())]);
        assert_eq!(
            flag(&single, "a", "kube-controller-manager", "node-cidr-mask-size").as_deref(),
            Some("24")
        );
    }
    assert_eq!(
        flag(&single, "a", "kube-controller-manager", "node-cidr-mask-size-ipv4"),
        None
    );
}

#[test]
fn nodes_are_labelled_and_tainted_as_the_kubelet_takes_it() {
    let (_folder, out) = dual();
    let of = |host, name| flag(&out, host, "kubelet", name);
    assert_eq!(
        of("w1", "node-labels").as_deref(),
        Some("disk=ssd,empty=,topology.kubernetes.io/zone=a")
    );
    assert_eq!(
        of("w1", "register-with-taints").as_deref(),
        Some("dedicated=gpu:NoSchedule,slow=:PreferNoSchedule")
    );
    assert_eq!(
        (of("w2", "node-labels"), of("w2", "register-with-taints")),
        (None, None)
    );
}

#[test]
fn each_worker_has_its_own_part_of_the_pods_ranges() {
    let spec = Spec::new(&[], DUAL);
    let source = fs::read_to_string(spec.path()).expect("cluster.toml");
    let checked = khw_gen::input::check(&khw_gen::input::GivenFiles::new(source));
    let cluster = checked.expect("a cluster").cluster;
    let facts = |name: &str| {
        let host = cluster.hosts.iter().find(|host| host.name == name).expect("a host");
        khw_gen::facts::facts(&cluster, host)
    };
    // The first IPv4 part is w2's by name, so w1 gets the next.
    assert_eq!(facts("w1").host.pods, ["10.200.1.0/24", "fd00:200::/64"]);
    assert_eq!(facts("w2").host.pods, ["10.200.0.0/24", "fd00:200:0:1::/64"]);
    assert_eq!(facts("w3").host.pods, ["10.200.7.0/24", "fd00:200:0:7::/64"]);
    assert!(facts("cp1").host.pods.is_empty());
    let routes = |name: &str| -> Vec<(String, String)> {
        let routes = facts(name).pod_routes.into_iter();
        routes.map(|route| (route.range, route.via)).collect()
    };
    let to = |range: &str, via: &str| (range.to_owned(), via.to_owned());
    let w1 = [to("10.200.1.0/24", "10.0.0.31"), to("fd00:200::/64", "fd00::31")];
    let w2 = [to("10.200.0.0/24", "10.0.0.32"), to("fd00:200:0:1::/64", "fd00::32")];
    let w3 = [to("10.200.7.0/24", "10.0.0.33"), to("fd00:200:0:7::/64", "fd00::33")];
    assert_eq!(routes("w2"), [w1.clone(), w3.clone()].concat());
    assert_eq!(routes("cp1"), [w1, w2, w3].concat());
}

/// `https://HOST:PORT` wherever it stands, as host and port.
fn urls(text: &str) -> BTreeSet<(String, u16)> {
    let rests = text.split("https://").skip(1);
    let authority = |rest: &str| {
        rest.split(['/', ',', ' ', '\n', '"', '`', '\\', ';', ')'])
            .next()
            .map(str::to_owned)
    };
    let parsed = rests.filter_map(|rest| {
        let authority = authority(rest)?;
        let (host, port) = authority.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_owned(), port.parse().ok()?))
    });
    parsed.collect()
}

/// The certificate that the server at `port` of `host` shows.
fn certificate(out: &Path, host: &str, unit: &str, name: &str) -> PathBuf {
    let path = flag(out, host, unit, name).unwrap_or_else(|| panic!("{unit} on {host} has no --{name}"));
    out.join(host).join("rootfs").join(path.trim_start_matches('/'))
}

#[test]
fn whatever_leads_to_a_server_is_in_its_certificate() {
    let Some(openssl) = program("openssl", "OpenSSL finds what leads to a server") else {
        return;
    };
    let holds = |pem: &Path, name: &str| {
        let check = match name.parse::<IpAddr>() {
            Ok(_) => "-checkip",
            Err(_) => "-checkhost",
        };
        let mut command = Command::new(&openssl);
        must(command.args(["x509", "-noout", check, name, "-in"]).arg(pem)).contains("does match certificate")
    };
    let (_folder, out) = dual();
    let mut reached = BTreeSet::new();
    for (name, bytes) in files_below(&out) {
        if name.ends_with("kubeconfig") || name.ends_with(".service") || name.ends_with("INSTALL.md") {
            reached.extend(urls(&String::from_utf8(bytes).expect("text")));
        }
    }
    let of_port = |ports: &[u16]| -> Vec<&String> {
        let names = reached.iter().filter(|(_, port)| ports.contains(port));
        names.map(|(name, _)| name).collect()
    };
    let (api, etcd) = (of_port(&[6443]), of_port(&[2379, 2380]));
    assert!(
        api.iter().any(|name| *name == "10.0.0.100") && etcd.iter().any(|name| *name == "10.0.0.21"),
        "{reached:?}"
    );
    let also = [
        "10.32.0.1",
        "fd00:32::1",
        "fd00::100",
        "10.0.0.6",
        "fd00::6",
        "fd00::7",
        "lb1.example.org",
        "lb2",
        "api.example.org",
        "203.0.113.9",
        "localhost",
        "127.0.0.1",
        "::1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let own: [(&str, &[&str]); 2] = [
        (
            "cp1",
            &[
                "cp1",
                "10.0.0.11",
                "fd00::11",
                "192.0.2.11",
                "2001:db8::11",
                "cp1.example.org",
            ],
        ),
        ("cp2", &["cp2", "10.0.0.12", "fd00::12"]),
    ];
    for (host, own) in own {
        let pem = certificate(&out, host, "kube-apiserver", "tls-cert-file");
        for name in api
            .iter()
            .map(|name| name.as_str())
            .chain(also)
            .chain(own.iter().copied())
        {
            assert!(
                holds(&pem, name),
                "{name} is not in the certificate of the API server on {host}"
            );
        }
        for stranger in ["10.0.0.31", "w1", "10.0.0.5", "admin1"] {
            assert!(
                !holds(&pem, stranger),
                "{stranger} is in the certificate of the API server on {host}"
            );
        }
    }
    for name in etcd
        .iter()
        .map(|name| name.as_str())
        .chain(["etcd1", "etcd1.example.org", "localhost", "127.0.0.1"])
    {
        for file in ["cert-file", "peer-cert-file"] {
            let pem = certificate(&out, "etcd1", "etcd", file);
            assert!(holds(&pem, name), "{name} is not in etcd's {file}");
        }
    }
    let kubelet = text(&out, "w1/rootfs/var/lib/kubelet/kubelet-config.yaml");
    let line = kubelet
        .lines()
        .find_map(|line| line.strip_prefix("tlsCertFile: "))
        .expect("tlsCertFile");
    let pem = out
        .join("w1/rootfs")
        .join(line.trim_matches('"').trim_start_matches('/'));
    for name in ["w1", "w1.example.org", "10.0.0.31", "fd00::31"] {
        assert!(holds(&pem, name), "{name} is not in the kubelet's certificate");
    }
    assert!(!holds(&pem, "10.0.0.32"), "another worker's address");
}

#[test]
fn load_balancers_have_the_files_of_what_they_run() {
    let (_folder, out) = dual();
    for host in ["lb1", "lb2"] {
        let files: Vec<String> = files_below(&out.join(host).join("rootfs")).into_keys().collect();
        assert_eq!(
            files,
            ["etc/haproxy/haproxy.cfg", "etc/keepalived/keepalived.conf"],
            "{host}"
        );
    }
    let kubeconfig = text(&out, "w1/rootfs/var/lib/kubelet/kubeconfig");
    assert!(kubeconfig.contains("server: https://10.0.0.100:6443\n"), "{kubeconfig}");
    let keepalived = text(&out, "lb2/rootfs/etc/keepalived/keepalived.conf");
    for line in [
        "interface ens3",
        "priority 199",
        "unicast_src_ip 10.0.0.7",
        "unicast_src_ip fd00::7",
        "process haproxy",
        "nopreempt",
    ] {
        assert!(keepalived.lines().any(|own| own.trim() == line), "{line}\n{keepalived}");
    }
    let (_folder, out) = build(
        &Spec::new(
            &["lb 10.0.0.6 load-balancer", "a 10.0.0.1 control-plane etcd worker"],
            "[load_balancer]\nport = 8443",
        )
        .path(),
    );
    let files: Vec<String> = files_below(&out.join("lb/rootfs")).into_keys().collect();
    assert_eq!(files, ["etc/nginx/tcpconf.d/kubernetes.conf"]);
}

#[test]
fn haproxy_accepts_its_file_and_asks_whether_api_servers_are_well() {
    let test = "haproxy passes connections on";
    let (Some(haproxy), Some(_), Some(_)) = (program("haproxy", test), program("ip", test), program("python3", test))
    else {
        return;
    };
    if !namespaces(test) {
        return;
    }
    let (_folder, out) = dual();
    let script = project().join("tests/programs/haproxy.sh");
    assert_eq!(
        must(Command::new(script).arg(&out).arg(haproxy)),
        "accepted\npassed through\nleft out\n"
    );
}

#[test]
fn keepalived_moves_the_addresses() {
    let test = "keepalived moves the virtual addresses";
    let (Some(keepalived), Some(_)) = (program("keepalived", test), program("ip", test)) else {
        return;
    };
    if !namespaces(test) {
        return;
    }
    let (_folder, out) = dual();
    let script = project().join("tests/programs/keepalived.sh");
    assert_eq!(
        must(Command::new(script).arg(&out).arg(keepalived)),
        "accepted\nends without its interface\none has them\nmoved\nstayed\n"
    );
}

#[test]
fn nginx_listens_on_both_families() {
    let test = "nginx accepts the file of a dual-stack cluster";
    let Some(nginx) = program("nginx", test) else { return };
    let spec = DUAL.replace("engine     = \"haproxy\"", "engine = \"nginx\"");
    let (_folder, out) = build(&Spec::new(&[], &spec).path());
    let file = out.join("lb1/rootfs/etc/nginx/tcpconf.d/kubernetes.conf");
    let text = fs::read_to_string(&file).expect("the stream file");
    assert!(
        text.contains("listen 6443;") && text.contains("listen [::]:6443"),
        "{text}"
    );
    let folder = TempDir::new().expect("a folder");
    let modules =
        ["/usr/lib/nginx/modules", "/usr/share/nginx/modules"].map(|path| format!("{path}/ngx_stream_module.so"));
    let load = modules.iter().find(|path| Path::new(path).exists());
    let load = load.map(|path| format!("load_module {path};\n")).unwrap_or_default();
    let conf = folder.path().join("nginx.conf");
    let lines = format!(
        "{load}pid {0}/pid;\nerror_log {0}/log;\nevents {{}}\ninclude {1};\n",
        folder.path().display(),
        file.display()
    );
    fs::write(&conf, lines).expect("nginx.conf");
    let judge = || {
        run(Command::new(&nginx)
            .args(["-t", "-q", "-c"])
            .arg(&conf)
            .args(["-e"])
            .arg(folder.path().join("log")))
    };
    let output = judge();
    assert!(output.status.success(), "{}", said(&output));
    fs::write(&file, text.replace("listen ", "lissen ")).expect("a mistake");
    assert!(!judge().status.success(), "nginx does not see a mistake");
}
