//! What leads from one release to the next, and what does not.

use crate::catalog::change::{Program, Version};
use crate::catalog::upgrade::{Before, Behind, FileFormat, Floor, LeftByCleanup, OneAtATime, OneWay, WayBack};

/// Whose releases are gone through one minor at a time.
#[rustfmt::skip]
pub const ONE_AT_A_TIME: &[OneAtATime] = &[
    OneAtATime {
        of: Program::Kubernetes, run_by: "kube-apiserver",
        why: "two API servers may be one minor apart, and each removes what the one before has only deprecated",
        source: "https://kubernetes.io/releases/version-skew-policy/",
    },
    OneAtATime {
        of: Program::Etcd, run_by: "etcd",
        why: "members two minors apart do not form a cluster",
        source: "https://etcd.io/docs/v3.8/upgrades/",
    },
];

/// The oldest patch of one minor from which the next can be reached.
#[rustfmt::skip]
pub const FLOORS: &[Floor] = &[
    Floor {
        of: Program::Etcd, before: (3, 5, 26), to: Version::new(3, 6),
        why: "older ones have promoted learners, and members that were removed, wrong in what 3.6 reads: it finds too many learners, or \
              members that are dead (etcd-io/etcd#19557, #20793)",
        source: "https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/",
    },
    Floor {
        of: Program::Etcd, before: (3, 6, 11), to: Version::new(3, 7),
        why: "older ones may not go along with members of 3.7",
        source: "https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/",
    },
];

/// What is done when a release is there, from which version on.
#[rustfmt::skip]
pub const ONE_WAY: &[OneWay] = &[
    OneWay {
        of: Program::Kubernetes, since: Version::new(1, 14),
        what: "what the new API servers store, the old ones may not read",
    },
    OneWay {
        of: Program::Etcd, since: Version::new(3, 3),
        what: "when the last member is of the new release, the cluster is too, and no member of the old one starts on its data",
    },
    OneWay {
        of: Program::Etcd, since: Version::new(3, 6),
        what: "when the last member is of the new release, the cluster and the version of what it stores are too, and no member of the old \
               one starts on its data, unless etcdctl downgrade enable came before",
    },
];

/// What is looked after before a release is there, since no file of a bundle shows it: the urgent notes of each release's changelog, without
/// what concerns metrics, other programs' developers, and settings that `check` judges.
#[rustfmt::skip]
pub const BEFORE: &[Before] = &[
    Before {
        of: Program::Kubernetes, to: Version::new(1, 34), run_by: "kubelet",
        what: "a static pod that names objects of the API, such as a Secret or a service account, is not run any more",
        source: "https://github.com/kubernetes/kubernetes/blob/v1.34.0/CHANGELOG/CHANGELOG-1.34.md",
    },
    Before {
        of: Program::Kubernetes, to: Version::new(1, 37), run_by: "kube-apiserver",
        what: "objects of scheduling.k8s.io/v1alpha2 have to be gone: the version is dropped",
        source: "https://github.com/kubernetes/kubernetes/blob/v1.37.0/CHANGELOG/CHANGELOG-1.37.md",
    },
    Before {
        of: Program::Kubernetes, to: Version::new(1, 37), run_by: "kubelet",
        what: "with SELinux, volumes are mounted with their label (SELinuxMount is on), and pods with different labels can't share one on a node",
        source: "https://kubernetes.io/blog/2026/04/22/breaking-changes-in-selinux-volume-labeling/",
    },
    Before {
        of: Program::Kubernetes, to: Version::new(1, 38), run_by: "kubelet",
        what: "where /etc/subuid or /etc/subgid gives the user kubelet a range that reaches 4294967295, shorten it: a kubelet does not start with \
               it, nor while a pod has such a range",
        source: "https://github.com/kubernetes/kubernetes/pull/141345",
    },
    Before {
        of: Program::Kubernetes, to: Version::new(1, 38), run_by: "kubelet",
        what: "of a pod's env files, an entry with # right after its closing quote (KEY='value'#text) is refused, and the container with it",
        source: "https://github.com/kubernetes/kubernetes/pull/143221",
    },
];

/// What becomes of who goes back, from which version on.
#[rustfmt::skip]
pub const WAYS_BACK: &[WayBack] = &[
    WayBack {
        of: Program::Kubernetes, from: Version::new(1, 14),
        how: "API servers have no way back, in no order: restore the snapshot of etcd from before the upgrade, with the programs of that \
              time, or stay",
        source: "https://kubernetes.io/releases/version-skew-policy/",
    },
    WayBack {
        of: Program::Etcd, from: Version::new(3, 3),
        how: "a member does not start on data of a newer release: restore the snapshot from before the upgrade, or stay",
        source: "https://etcd.io/docs/v3.6/op-guide/recovery/",
    },
    WayBack {
        of: Program::Etcd, from: Version::new(3, 5),
        how: "a member does not simply start on data of a newer release; etcd has a way of its own, by hand, one minor at a time and one \
              member at a time",
        source: "https://etcd.io/docs/v3.7/downgrades/downgrade_3_5/",
    },
    WayBack {
        of: Program::Etcd, from: Version::new(3, 6),
        how: "a member does not start on data of a newer release; etcd has a way of its own, by hand, one minor at a time: etcdctl \
              downgrade enable, then one member at a time with the older program and its bundle",
        source: "https://etcd.io/docs/v3.6/downgrades/downgrade_3_6/",
    },
    WayBack {
        of: Program::Etcd, from: Version::new(3, 7),
        how: "a member does not start on data of a newer release; etcd has a way of its own, by hand, one minor at a time: etcdctl \
              downgrade enable, then one member at a time with the older program and its bundle",
        source: "https://etcd.io/docs/v3.7/downgrades/downgrade_3_7/",
    },
];

/// How many minors a program may be older than the newest API server; none may be newer than the oldest
/// (<https://kubernetes.io/releases/version-skew-policy/>).
#[rustfmt::skip]
pub const BEHIND: &[Behind] = &[
    Behind { program: "kubelet", since: Version::new(1, 14), minors: 2 },
    Behind { program: "kubelet", since: Version::new(1, 25), minors: 3 },
    Behind { program: "kube-proxy", since: Version::new(1, 14), minors: 2 },
    Behind { program: "kube-proxy", since: Version::new(1, 25), minors: 3 },
    Behind { program: "kube-controller-manager", since: Version::new(1, 14), minors: 1 },
    Behind { program: "kube-scheduler", since: Version::new(1, 14), minors: 1 },
];

/// What `kube-proxy --cleanup` leaves.
#[rustfmt::skip]
pub const LEFT_BY_CLEANUP: &[LeftByCleanup] = &[
    LeftByCleanup {
        mode: "ipvs", before: Version::new(1, 25),
        what: "the chain KUBE-NODE-PORT of the table filter: flush it (iptables -t filter -F KUBE-NODE-PORT), or reboot the node while it is \
               empty",
        source: "https://github.com/kubernetes/kubernetes/issues/109286",
    },
];

/// The versions of the format of containerd's configuration that an older containerd misreads.
#[rustfmt::skip]
pub const FORMATS: &[FileFormat] = &[
    // Seen on containerd 1.6.20: no error, and SystemdCgroup is false again.
    FileFormat {
        version: 3, since: Version::new(2, 0),
        older: "starts with it or not, and where it does, it says nothing and ignores all that is set for pods, the driver of control groups \
                among it",
        source: "https://github.com/containerd/containerd/blob/v2.0.0/docs/PLUGINS.md",
    },
    // Seen on containerd 2.2.9 and 2.3.7.
    FileFormat {
        version: 4, since: Version::new(2, 3),
        older: "does not start with it, and says which version it expects",
        source: "https://github.com/containerd/containerd/blob/v2.4.2/docs/man/containerd-config.toml.5.md",
    },
];
