//! The fields of cluster.toml, a row each: name | what it takes | what counts where it is absent | what it is. Sections stand
//! above those that lead to them.
use crate::catalog::engines::{Engine, Runtime};
use crate::catalog::layouts::Layout;
use crate::catalog::releases::{self, Program, Release, Version};
use crate::catalog::rotation::ROTATED;
use crate::catalog::tables::components::COMPONENTS;
use crate::cluster::{ClusterState, HostState, CgroupDriver, EncryptionProvider, Kubeconfigs, NO_PROXY, PodNetwork, Role, RotationPhase};
use crate::diagnostic::{Severity, codes};

use super::forms::*;
use super::kind::Absent::{Follows, Is, Nothing, Required};
use super::kind::FieldKind::{
    Boolean, Flag, Integer, List, Map, Moment, OneOf, PerFamily, Set, Settings, Table, Text, Version as AVersion,
};
use super::kind::{Absent, Field, FieldKind, Section, Together};

/// So many hosts are in all pools of a file together, and in each: Kubernetes itself is made for 5,000 nodes.
pub const MOST_HOSTS: usize = 100_000;
/// No name has a use for a number beyond.
pub const HIGHEST_FIRST: u64 = 1_000_000_000;

const fn field(name: &'static str, kind: FieldKind, absent: Absent, what: &'static str) -> Field {
    Field {
        name,
        kind,
        absent,
        what,
    }
}

const fn section(path: &'static str, fields: &'static [Field]) -> Section {
    Section {
        path,
        fields,
        together: Together::Any,
    }
}

// What can be chosen stands in the catalogue, the types of a cluster and the codes; here it gets a name each.
const LAYOUT: FieldKind = OneOf("a layout", || Layout::NAMES.to_vec());
const KUBECONFIGS: FieldKind = OneOf("a kind of kubeconfigs", || Kubeconfigs::NAMES.to_vec());
const SHARED_KEY: FieldKind = OneOf("a key that hosts share", || {
    Layout::Split.shared().iter().map(|(name, _)| *name).collect()
});
const PROVIDER: FieldKind = OneOf("a provider", || {
    EncryptionProvider::NAMES.to_vec()
});
const RUNTIME_ENGINE: FieldKind = OneOf("a container engine", || Runtime::NAMES.to_vec());
const CGROUP_DRIVER: FieldKind = OneOf("a driver", || CgroupDriver::NAMES.to_vec());
const CNI: FieldKind = OneOf("a network of pods", || PodNetwork::NAMES.to_vec());
const BALANCER: FieldKind = OneOf("a load balancer", || Engine::NAMES.to_vec());
const ROLES: FieldKind = Set(&OneOf("a role", || Role::NAMES.to_vec()));
const ROTATABLE: FieldKind = OneOf("something that is rotated", || ROTATED.to_vec());
const PHASE: FieldKind = OneOf("a phase", || RotationPhase::NAMES.to_vec());
const CLUSTER_STATE: FieldKind = OneOf("a state", || ClusterState::NAMES.to_vec());
const HOST_STATE: FieldKind = OneOf("a state", || HostState::NAMES.to_vec());
const COMPONENT_NAME: FieldKind = OneOf("a component", || {
    COMPONENTS.iter().map(|component| component.name).collect()
});
const PROXY_MODE: FieldKind = OneOf("a mode of kube-proxy", proxy_modes);
const SILENCEABLE: FieldKind = OneOf("a code of a warning or note", || {
    let silenceable = codes::CODES.iter().filter(|code| code.severity != Severity::Error);
    silenceable.map(|code| code.name).collect()
});

/// The modes that any of the known releases has; those that the newest has come first.
fn proxy_modes() -> Vec<&'static str> {
    let (first, last) = releases::known(Program::Kubernetes);
    let mut modes = Vec::new();
    for minor in (first.minor..=last.minor).rev() {
        let release = Release::of(Version { minor, ..last });
        let new = release.proxy_modes.iter().filter(|mode| !modes.contains(*mode));
        modes.extend(new.copied().collect::<Vec<_>>());
    }
    modes.push(NO_PROXY);
    modes
}

// The order of rows is the order in which readers list what they know.
pub static CLUSTER: Section = section("cluster", &[
    field("name", Text(&CLUSTER_NAME), Is("kubernetes"), "cluster name in every kubeconfig; part of what keys are derived from"),
    field("state", CLUSTER_STATE, Is("new"), "`running` once it is up: from then on no unit can found a cluster anew, and hosts may join and leave"),
    field("kubernetes", AVersion(Program::Kubernetes), Follows("the newest that is released"), "Kubernetes version; `khw-gen releases` shows what changes with each"),
    field("etcd", AVersion(Program::Etcd), Follows("kubeadm's choice for that Kubernetes"), "etcd version"),
    field("go", Text(&GO_RELEASE), Follows("the release of Go that those versions are published with"), "the release of Go with which you compile Kubernetes and etcd yourself: keys of [ML-DSA](post-quantum.md) want a newer one than they are published with"),
    field("domain", Text(&DOMAIN), Is("cluster.local"), "DNS domain of services"),
    field("endpoint", Text(&ENDPOINT), Follows("the virtual address, else the first load balancer, else the only control plane"), "where nodes and administrators reach the API"),
    field("names", List(&Text(&NAME_OR_ADDRESS)), Nothing, "names and addresses by which the API servers are reached besides those of hosts and the endpoint"),
]);

pub static NETWORK: Section = section("network", &[
    field("services", PerFamily(&RANGE), Is("10.32.0.0/24"), "address range of services; for dual stack one of each family, the primary first"),
    field("pods", PerFamily(&RANGE), Is("10.200.0.0/16"), "address range of pods, which has a part for each worker; for dual stack one of each family, the primary first"),
    field("dns", PerFamily(&ADDRESS), Follows("the tenth address of the first range of `services`"), "cluster DNS address, one of each family where both are wanted"),
    field("cni", CNI, Follows("`bridge`, beyond 256 workers `none`"), "pods' network: a bridge on each node and routes between them; `none` leaves it to a plugin of yours"),
    field("proxy_mode", PROXY_MODE, Follows("`iptables`"), "how kube-proxy reaches services; not each release has each mode. With `none` there is no kube-proxy: Cilium, Calico or another program of yours takes its place"),
    field("resolv_conf", Text(&PATH_ON_HOST), Is("/run/systemd/resolve/resolv.conf"), "the file with a node's own resolvers"),
]);

pub static RUNTIME: Section = section("runtime", &[
    field("engine", RUNTIME_ENGINE, Follows("`docker` where the kubelet still speaks to it, else `containerd`"), "what runs containers"),
    field("version", AVersion(Program::Containerd), Follows("what goes with the Kubernetes minor"), "containerd's version: from 2.0 on its configuration is version 3, from 2.4 on version 4"),
    field("cgroup_driver", CGROUP_DRIVER, Follows("`systemd`; with Docker `cgroupfs`"), "who keeps the tree of control groups; must be the engine's too"),
    field("cgroup_v1", Boolean, Is("false"), "whether hosts have control groups of version 1, which newer kubelets refuse unless told"),
    field("gvisor", Boolean, Is("false"), "a runtime class for gVisor's sandbox (`runsc`); needs containerd"),
]);

pub static CA: Section = Section {
    together: Together::AtLeastOne(&["key", "external"]),
    ..section("pki.ca", &[
        field("cert", Text(&PATH), Follows("required, but for one that signs elsewhere: there, who signed is trusted"), "one certificate in PEM"),
        field("key", Text(&PATH), Nothing, "its key: PKCS#1, SEC1 or PKCS#8, without a passphrase of its own, 0600, or [sealed](sealing.md#seeds-and-keys); `check` and `plan` can do without"),
        field("external", Boolean, Is("false"), "whether it [signs elsewhere](external-ca.md): its key never comes here, `khw-gen csr` writes what it is asked, and `build --signed DIR` takes its answers"),
    ])
};

pub static BROUGHT: Section = Section {
    together: CA.together,
    ..section("pki.bring.NAME", &[
        field("cert", Text(&PATH), Follows("required, but for one that signs elsewhere: there, who signed is trusted"), "one certificate in PEM; of what is no authority the public key, or a certificate that has it: a new one is made. `{host}` stands for the host's name where each host has a key"),
        field("key", Text(&PATH), Nothing, "its key: PKCS#1, SEC1 or PKCS#8, without a passphrase of its own, 0600, or [sealed](sealing.md#seeds-and-keys); `check` and `plan` can do without"),
        field("external", Boolean, Is("false"), "whether it [signs elsewhere](external-ca.md): its key never comes here, `khw-gen csr` writes what it is asked, and `build --signed DIR` takes its answers"),
        field("hosts", List(&Text(&NAME)), Follows("every host that has such a key"), "where each host has a key: those whose key is there already"),
    ])
};

pub static PKI: Section = section("pki", &[
    field("csr", Text(&PATH), Is("csr"), "folder of cfssl JSON; what is missing there is built in"),
    field("layout", LAYOUT, Follows("`split`, but `single` where the CSR folder has `kubernetes-csr.json`"), "a certificate for each purpose, or the walk-through's few"),
    field("kubeconfigs", KUBECONFIGS, Is("embedded"), "with `files`, those of the cluster's own programs name certificates and keys beside them, which are [read again without a restart](reload.md)"),
    field("per_host", Set(&SHARED_KEY), Nothing, "keys of which each host gets its own, so that one stolen machine costs nobody else a key: `[\"kube-proxy\"]`; in the layout `split`"),
    field("profile", Text(&NAME), Is("kubernetes"), "a profile of `ca-config.json`, for all that have no other"),
    field("issued", Moment, Required, "the instant at which everything is issued, to the second: the compiler has no clock"),
    field("authorities_issued", Map(&Text(&AUTHORITY_NAME), &Moment), Nothing, "the instants of authorities that were issued before the rest, by their names, `NAME@2` for a second generation: with them certificates are renewed and authorities stay"),
    field("seed", Text(&PATH), Follows("`--seed-file FILE`, or `--seed-file -` for standard input"), "file with the seed, 32 secret bytes that every key comes from; it may be [sealed](sealing.md#seeds-and-keys)"),
    field("ca", Table(&CA), Nothing, "an authority that there is already signs, instead of one made from `ca-csr.json`; the same as `[pki.bring.ca]`"),
    field("bring", Map(&Text(&BROUGHT_NAME), &Table(&BROUGHT)), Nothing, "authorities that there are already, and the key `service-account` that tokens are signed with, by their names, `NAME@2` for the successor of another in a [rotation](rotation.md)"),
    field("profiles", Map(&Text(&NAME), &Text(&NAME)), Nothing, "the profiles of single certificates, by their names: `admin = \"client\"`"),
]);

pub static ENCRYPTION_KEY: Section = section("encryption.keys", &[
    field("name", Text(&ENCRYPTION_KEY_NAME), Required, "its name in the configuration of the API server, which stands in etcd before all that it encrypts"),
    field("file", Text(&PATH), Follows("nothing: the key of a generation that is over needs none"), "a file with its secret in base64, as behind `secret:`, 0600; `check` and `plan` can do without"),
]);

pub static ENCRYPTION: Section = section("encryption", &[
    field("provider", PROVIDER, Is("secretbox"), "how Secrets are encrypted in etcd"),
    field("keys", List(&Table(&ENCRYPTION_KEY)), Nothing, "keys that there are already, that of the first generation first; those of later generations are made from the seed"),
]);

pub static ROTATION: Section = section("rotate.NAME", &[
    field("to", Integer(2, MOST_GENERATIONS), Required, "the successor of the generation that `[generations]` has, or of the first"),
    field("phase", PHASE, Required, "how far it is: first everybody knows both, then the new one is used, then nobody knows the old one"),
]);

/// Nobody rotates as often.
pub const MOST_GENERATIONS: i64 = 1_000_000;

pub static LOAD_BALANCER: Section = section("load_balancer", &[
    field("port", Integer(1, 65535), Is("6443"), "the port that load balancers listen on"),
    field("engine", BALANCER, Is("nginx"), "what passes connections on; `haproxy` asks the API servers whether they are well"),
    field("virtual_ip", PerFamily(&ADDRESS), Nothing, "an address that keepalived moves to a load balancer that works; needs `interface`"),
    field("interface", Text(&INTERFACE), Nothing, "the network interface that carries it; a host's own `interface` comes first"),
    field("virtual_router_id", Integer(1, 255), Is("51"), "what else on the network speaks VRRP has another"),
    field("max_connections", Integer(100, 1_000_000), Follows("8 for each worker, and 8000 at least"), "so many connections haproxy takes at once; what nginx takes stands in its own nginx.conf"),
]);

pub static CHECKS: Section = section("checks", &[
    field("allow", List(&SILENCEABLE), Nothing, "what not to show; `khw-gen explain` lists the codes"),
]);

pub static HANDOVER: Section = section("handover", &[
    field("recipients", List(&Text(&RECIPIENT)), Nothing, "who may open the archive of every host"),
]);

pub static HOST: Section = section("hosts", &[
    field("name", Text(&HOST_NAME), Required, "the host's name, and its node's"),
    field("ip", PerFamily(&ADDRESS), Required, "where the others reach it"),
    field("roles", ROLES, Required, "what it does"),
    field("addresses", List(&Text(&ADDRESS)), Nothing, "others by which it is reached; they stand in its certificates"),
    field("names", List(&Text(&DNS_NAME)), Nothing, "others by which it is reached; they stand in its certificates"),
    field("labels", Map(&Text(&LABEL), &Text(&LABEL_VALUE)), Nothing, "a worker's: `{ \"topology.kubernetes.io/zone\" = \"a\" }`"),
    field("taints", List(&Text(&TAINT)), Nothing, "a worker's: what keeps pods off it"),
    field("pods", PerFamily(&RANGE), Follows("the next that is free"), "a worker's own part of the pods' range"),
    field("interface", Text(&INTERFACE), Follows("`interface` of `[load_balancer]`"), "a load balancer's: what carries the virtual address"),
    field("state", HOST_STATE, Nothing, "`joining` until it is a part of a cluster that runs, `leaving` before it is none: nothing counts on it; several join in the order of the file"),
    field("recipients", List(&Text(&RECIPIENT)), Nothing, "who may open its archive, besides those of `[handover]`: `[\"age1…\"]`, `[\"ssh-ed25519 …\"]`"),
]);

pub static POOL: Section = section("pools", &[
    field("name", Text(&POOL_NAME), Required, "the hosts' names: `{n}` is the number, `{n:04}` the number with leading zeros to four digits"),
    field("count", Integer(1, MOST_HOSTS as i64), Required, "how many they are; in all pools together no more than in one"),
    field("first_n", Integer(0, HIGHEST_FIRST as i64), Is("1"), "the first one's number"),
    field("first_ip", PerFamily(&ADDRESS), Required, "the first one's address; the others' follow without a gap"),
    field("roles", ROLES, Required, "what they do"),
    field("labels", Map(&Text(&LABEL), &Text(&LABEL_VALUE)), Nothing, "as for a host"),
    field("taints", List(&Text(&TAINT)), Nothing, "as for a host"),
    field("interface", Text(&INTERFACE), Follows("`interface` of `[load_balancer]`"), "as for a host"),
    field("recipients", List(&Text(&RECIPIENT)), Nothing, "as for a host"),
]);

pub static PLACE: Section = Section {
    together: Together::AtLeastOne(&["certificate", "key", "request"]),
    ..section("certificates.places", &[
        field("on", Text(&ROLE_OR_HOST), Required, "which hosts"),
        field("certificate", Text(&PATH_ON_HOST), Nothing, "where the certificate lies there"),
        field("key", Text(&PATH_ON_HOST), Nothing, "where its key lies; it may lie nowhere"),
        field("request", Text(&PATH_ON_HOST), Nothing, "where its request lies"),
        field("mode", Text(&KEY_MODE), Is("0600"), "the key's"),
    ])
};

pub static CERTIFICATE: Section = section("certificates", &[
    field("name", Text(&CERTIFICATE_NAME), Required, "of its files in `/root/certs`; its key is derived for `certificate/NAME`"),
    field("csr", Text(&NAME), Required, "its request, a file of the CSR folder"),
    field("profile", Text(&NAME), Follows("`profile` of `[pki]`"), "a profile of `ca-config.json`"),
    field("hosts", List(&Text(&NAME)), Nothing, "names and addresses, before those of the CSR file"),
    field("signed_by", Text(&NAME), Is("ca"), "`ca`, or another of your certificates, whose profile makes it a CA"),
    field("places", List(&Table(&PLACE)), Nothing, "where it lies on which hosts"),
]);

pub static COMPONENT_ON: Section = section("components.NAME.on.WHERE", &[
    field("flags", Map(&Text(&FLAG_NAME), &Flag), Nothing, "as below `components.NAME`; all < role < host"),
    field("config", Settings, Nothing, "likewise"),
    field("env", Map(&Text(&VARIABLE), &Text(&ANYTHING)), Nothing, "likewise"),
]);

pub static COMPONENT: Section = section("components.NAME", &[
    field("flags", Map(&Text(&FLAG_NAME), &Flag), Nothing, "added, or in place of khw-gen's own; `false` removes one, a list gives it once for each value"),
    field("config", Settings, Nothing, "merged into its configuration file: tables merge, anything else replaces"),
    field("env", Map(&Text(&VARIABLE), &Text(&ANYTHING)), Nothing, "`Environment=` of its unit"),
    field("on", Map(&Text(&ROLE_OR_HOST), &Table(&COMPONENT_ON)), Nothing, "for the hosts of a role, or for one host"),
]);

pub static FILE: Section = Section {
    together: Together::ExactlyOne(&["template", "content"]),
    ..section("files", &[
        field("on", Text(&ALL_ROLE_OR_HOST), Required, "which hosts"),
        field("at", Text(&PATH_ON_HOST), Required, "where it lies there"),
        field("template", Text(&PATH), Nothing, "a template in a file"),
        field("content", Text(&ANYTHING), Nothing, "the template itself: `\"one line for {{ host.name }}\\n\"`"),
        field("mode", Text(&FILE_MODE), Is("0644"), "its mode"),
    ])
};

/// The whole file.
pub static TOP: Section = Section {
    together: Together::AtLeastOne(&["hosts", "pools"]),
    ..section("", &[
        field("cluster", Table(&CLUSTER), Nothing, "the cluster as a whole"),
        field("network", Table(&NETWORK), Nothing, "its networks; none may overlap with another or with the hosts' own"),
        field("pki", Table(&PKI), Required, "its keys and certificates"),
        field("encryption", Table(&ENCRYPTION), Nothing, "Secrets in etcd"),
        field("generations", Map(&Text(&KEY_NAME), &Integer(1, MOST_GENERATIONS)), Nothing, "which successor of a key is used, 1 unless it is named: of a key by its name, of all keys of a host (`\"node1\" = 2`), of every certificate but authorities' (`\"*\" = 2`); the highest counts"),
        field("rotate", Map(&ROTATABLE, &Table(&ROTATION)), Nothing, "a successor that is on its way, one at a time"),
        field("load_balancer", Table(&LOAD_BALANCER), Nothing, "what the hosts with the role `load-balancer` do"),
        field("runtime", Table(&RUNTIME), Nothing, "what workers run pods with"),
        field("checks", Table(&CHECKS), Nothing, "what not to be told"),
        field("handover", Table(&HANDOVER), Nothing, "for whom [khw-gen seal](sealing.md) seals archives; nothing that is built depends on it"),
        field("hosts", List(&Table(&HOST)), Nothing, "the machines, one by one"),
        field("pools", List(&Table(&POOL)), Nothing, "many hosts alike, which differ in their number and address alone; they come behind all `hosts`"),
        field("certificates", List(&Table(&CERTIFICATE)), Nothing, "certificates of your own"),
        field("components", Map(&COMPONENT_NAME, &Table(&COMPONENT)), Nothing, "flags, settings and environment of your own, by the names of programs"),
        field("files", List(&Table(&FILE)), Nothing, "files of your own"),
    ])
};
