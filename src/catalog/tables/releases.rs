//! What changes with the releases of Kubernetes, etcd and containerd: of which | since | what | why.

use crate::catalog::change::Sets::{
    self, CniVersion, CompiledWith, Containerd, CoreDnsImage, DiscouragedProxyMode, Docker, DualStack, Etcd,
    HealthPath, MlDsaTokens, NoFlag, NoSetting, OldestEtcd, ProxyModes, RuntimeClassApi, SandboxImage, TopologyLabels,
};
use crate::catalog::change::{Change, Program, Version};
use crate::catalog::engines::Runtime;
use crate::catalog::flag::SettingValue::{self, Bool, BoolText, Integer, Text, Texts};
use crate::catalog::flag::{self, Given, flag};

const fn kubernetes(minor: u16, sets: Sets, why: &'static str) -> Change {
    Change {
        of: Program::Kubernetes,
        since: Version::new(1, minor),
        sets,
        why,
    }
}

const fn etcd(minor: u16, sets: Sets, why: &'static str) -> Change {
    Change {
        of: Program::Etcd,
        since: Version::new(3, minor),
        sets,
        why,
    }
}

const fn containerd(major: u16, minor: u16, sets: Sets, why: &'static str) -> Change {
    Change {
        of: Program::Containerd,
        since: Version::new(major, minor),
        sets,
        why,
    }
}

const fn set(component: &'static str, name: &'static str, value: &'static str) -> Sets {
    Sets::Flag(component, flag(name, value))
}

const fn set_only(given: Given, component: &'static str, name: &'static str, value: &'static str) -> Sets {
    Sets::Flag(component, flag(name, value).only(given))
}

const fn setting(component: &'static str, path: &'static [&'static str], value: SettingValue) -> Sets {
    Sets::Setting(component, flag::set(path, value))
}

const fn setting_only(
    given: Given,
    component: &'static str,
    path: &'static [&'static str],
    value: SettingValue,
) -> Sets {
    Sets::Setting(component, flag::set(path, value).only(given))
}

const WITH_CONTAINERD: Given = Given::With(Runtime::Containerd);
const WITH_DOCKER: Given = Given::With(Runtime::Docker);
const CRI_1: &str = "io.containerd.grpc.v1.cri";
const CRI_IMAGES: &str = "io.containerd.cri.v1.images";
const CRI_RUNTIME: &str = "io.containerd.cri.v1.runtime";

/// The first and the last version of each program that is known.
pub const KNOWN: &[(Program, Version, Version)] = &[
    (Program::Kubernetes, Version::new(1, 14), Version::new(1, 38)),
    (Program::Etcd, Version::new(3, 3), Version::new(3, 7)),
    (Program::Containerd, Version::new(1, 3), Version::new(2, 4)),
];

/// Known versions that are not released yet, and from what they are known: their flags, fields and gates may still change. Nobody gets one
/// without asking for it.
pub(crate) const BEFORE_RELEASE: &[(Program, Version, &str)] =
    &[(Program::Kubernetes, Version::new(1, 38), "1.38.0-beta.0")];

/// The last release of Kubernetes in which the scheduler and the controller manager may answer without encryption.
pub(crate) const LAST_WITH_PLAIN_PORTS: Version = Version::new(1, 22);

/// The last release of Kubernetes that is built with Go before 1.16, whose programs ask the proxy for HTTP for HTTPS too where there is
/// no other (<https://go.dev/doc/go1.16#net/http>).
pub(crate) const LAST_WITH_ONE_PROXY_FOR_ALL: Version = Version::new(1, 20);

/// The first release of Go whose X.509 and TLS know ML-DSA (<https://go.dev/doc/go1.27>).
pub(crate) const FIRST_GO_WITH_ML_DSA: Version = Version::new(1, 27);

/// The feature gate of API servers and controller managers by which they sign tokens with ML-DSA.
pub(crate) const GATE_OF_ML_DSA_TOKENS: &str = "ServiceAccountTokenMLDSA";

/// Every change, by program and version. The first version of each holds what later ones take back.
///
/// Sources: the components' own command-line references and changelogs
/// (<https://github.com/kubernetes/kubernetes/tree/master/CHANGELOG>), kubeadm's `constants.go` for the versions of etcd,
/// CoreDNS and the sandbox image, <https://etcd.io/docs/v3.6/upgrades/> and <https://containerd.io/releases/>.
#[rustfmt::skip]
pub const CHANGES: &[Change] = &[
    kubernetes(14, Etcd("3.3"), "what kubeadm 1.14 runs"),
    kubernetes(14, OldestEtcd("3.3"), "the walk-through's"),
    kubernetes(14, Containerd("1.3"), "the first with the CRI plugin's present configuration"),
    kubernetes(14, setting("kube-scheduler", &["apiVersion"], Text("kubescheduler.config.k8s.io/v1alpha1")), "the first version of its configuration"),
    kubernetes(14, setting("kube-scheduler", &["healthzBindAddress"], Text("127.0.0.1:10251")), "its plain-HTTP listener can't be switched off, so it is kept off the network"),
    kubernetes(14, setting("kube-scheduler", &["metricsBindAddress"], Text("127.0.0.1:10251")), "the same listener"),
    kubernetes(14, HealthPath("/healthz"), "readyz is not there yet"),
    kubernetes(14, RuntimeClassApi("node.k8s.io/v1beta1"), "RuntimeClass is beta"),
    kubernetes(14, SandboxImage("registry.k8s.io/pause:3.1"), "the kubelet's own default"),
    kubernetes(14, CoreDnsImage("registry.k8s.io/coredns:1.3.1"), "kubeadm's"),
    kubernetes(14, CniVersion("0.3.1"), "what the kubelet's own CNI library reads"),
    kubernetes(14, Docker(true), "the kubelet speaks to Docker itself (dockershim)"),
    kubernetes(14, DualStack(false), "alpha from 1.16, off by default"),
    kubernetes(14, TopologyLabels(true), "kubelets take any label"),
    kubernetes(14, ProxyModes(&["iptables", "ipvs"]), "userspace is slower and was removed later"),
    kubernetes(14, set("kube-apiserver", "insecure-port", "0"), "127.0.0.1:8080 answers everybody on the host without authentication unless it is switched off"),
    kubernetes(14, set("kube-controller-manager", "port", "0"), "the plain-HTTP listener is on unless it is switched off"),
    kubernetes(14, set_only(WITH_DOCKER, "kubelet", "network-plugin", "cni"), "Docker's containers get their network from CNI"),
    kubernetes(14, set_only(WITH_DOCKER, "kubelet", "image-pull-progress-deadline", "2m"), "large images take longer than Docker's default of a minute"),
    kubernetes(14, set_only(WITH_CONTAINERD, "kubelet", "container-runtime", "remote"), "the default is docker"),
    kubernetes(14, set_only(WITH_CONTAINERD, "kubelet", "container-runtime-endpoint", "unix://{{ runtime.socket }}"), "where containerd answers"),
    kubernetes(14, MlDsaTokens(false), "they are signed with RSA or ECDSA"),
    kubernetes(14, CompiledWith("1.12"), "its build/build-image/cross/VERSION"),
    kubernetes(16, TopologyLabels(false), "kubelets refuse labels of Kubernetes' own that they do not know"),
    kubernetes(16, HealthPath("/readyz"), "livez and readyz take the place of healthz"),
    kubernetes(16, CoreDnsImage("registry.k8s.io/coredns:1.6.2"), "kubeadm's"),
    kubernetes(17, TopologyLabels(true), "the labels are stable"),
    kubernetes(17, Etcd("3.4"), "what kubeadm runs"),
    kubernetes(17, CoreDnsImage("registry.k8s.io/coredns:1.6.5"), "kubeadm's"),
    kubernetes(17, CompiledWith("1.13"), "its build/build-image/cross/VERSION"),
    kubernetes(18, SandboxImage("registry.k8s.io/pause:3.2"), "the kubelet's own default"),
    kubernetes(18, CoreDnsImage("registry.k8s.io/coredns:1.6.7"), "kubeadm's"),
    kubernetes(19, setting("kube-scheduler", &["apiVersion"], Text("kubescheduler.config.k8s.io/v1beta1")), "v1alpha1 is refused"),
    kubernetes(19, CoreDnsImage("registry.k8s.io/coredns:1.7.0"), "kubeadm's"),
    kubernetes(19, CompiledWith("1.15"), "its build/build-image/cross/VERSION"),
    kubernetes(20, RuntimeClassApi("node.k8s.io/v1"), "RuntimeClass is stable"),
    kubernetes(21, DualStack(true), "on by default"),
    kubernetes(21, SandboxImage("registry.k8s.io/pause:3.4.1"), "the kubelet's own default"),
    kubernetes(21, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.8.0"), "kubeadm's; the image moved"),
    kubernetes(21, CompiledWith("1.16"), "its build/build-image/cross/VERSION"),
    kubernetes(22, Etcd("3.5"), "what kubeadm runs"),
    kubernetes(22, SandboxImage("registry.k8s.io/pause:3.5"), "the kubelet's own default"),
    kubernetes(22, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.8.4"), "kubeadm's"),
    kubernetes(23, setting("kube-scheduler", &["apiVersion"], Text("kubescheduler.config.k8s.io/v1beta3")), "v1beta1 is refused"),
    kubernetes(23, NoSetting("kube-scheduler", &["healthzBindAddress"]), "the listener is gone, and v1beta3 has no such field"),
    kubernetes(23, NoSetting("kube-scheduler", &["metricsBindAddress"]), "the listener is gone, and v1beta3 has no such field"),
    kubernetes(23, SandboxImage("registry.k8s.io/pause:3.6"), "the kubelet's own default"),
    kubernetes(23, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.8.6"), "kubeadm's"),
    kubernetes(23, CompiledWith("1.17"), "its build/build-image/cross/VERSION"),
    kubernetes(24, NoFlag("kube-apiserver", "insecure-port"), "the flag is refused; the listener went with 1.20"),
    kubernetes(24, NoFlag("kube-controller-manager", "port"), "the flag is refused; the listener went with 1.23"),
    kubernetes(24, Docker(false), "dockershim was removed"),
    kubernetes(24, NoFlag("kubelet", "network-plugin"), "the flag is refused: CNI is the runtime's business"),
    kubernetes(24, NoFlag("kubelet", "image-pull-progress-deadline"), "the flag is refused: it was Docker's"),
    kubernetes(24, NoFlag("kubelet", "container-runtime"), "remote is the only value, and the default"),
    kubernetes(24, CniVersion("1.0.0"), "every containerd that goes with it reads it"),
    kubernetes(24, Containerd("1.6"), "the oldest that the project tests with it"),
    kubernetes(24, SandboxImage("registry.k8s.io/pause:3.7"), "the kubelet's own default"),
    kubernetes(24, CompiledWith("1.18"), "its build/build-image/cross/VERSION"),
    kubernetes(25, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.9.3"), "kubeadm's"),
    kubernetes(25, SandboxImage("registry.k8s.io/pause:3.8"), "the kubelet's own default"),
    kubernetes(25, CompiledWith("1.19"), "its build/build-image/cross/VERSION"),
    kubernetes(26, set("kube-apiserver", "encryption-provider-config-automatic-reload", "true"), "keys that change are read again without a restart"),
    kubernetes(26, SandboxImage("registry.k8s.io/pause:3.9"), "the kubelet's own default"),
    kubernetes(27, set("kube-apiserver", "shutdown-watch-termination-grace-period", "5s"), "a server that stops waits a minute for clients that watch, unless it ends their watches: they begin anew elsewhere"),
    kubernetes(27, NoFlag("kubelet", "container-runtime-endpoint"), "it is a field of the configuration now"),
    kubernetes(27, setting("kubelet", &["containerRuntimeEndpoint"], Text("unix://{{ runtime.socket }}")), "it was a flag before"),
    kubernetes(27, setting("kube-scheduler", &["apiVersion"], Text("kubescheduler.config.k8s.io/v1")), "stable since 1.25; v1beta2 goes with 1.28"),
    kubernetes(27, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.10.1"), "kubeadm's"),
    kubernetes(27, CompiledWith("1.20"), "its build/build-image/cross/VERSION"),
    kubernetes(28, OldestEtcd("3.4"), "kubeadm takes no older one"),
    kubernetes(29, Containerd("1.7"), "the oldest that is still maintained for it"),
    kubernetes(29, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.11.1"), "kubeadm's"),
    kubernetes(29, CompiledWith("1.21"), "its build/build-image/cross/VERSION"),
    kubernetes(30, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.11.3"), "kubeadm's"),
    kubernetes(30, CompiledWith("1.22"), "its build/build-image/cross/VERSION"),
    kubernetes(31, setting_only(Given::CgroupV1, "kubelet", &["failCgroupV1"], Bool(false)), "from 1.35 on a kubelet refuses to start on control groups of version 1 without it"),
    kubernetes(31, ProxyModes(&["iptables", "ipvs", "nftables"]), "nftables is beta, and on without a feature gate"),
    kubernetes(31, OldestEtcd("3.5"), "kubeadm takes no older one"),
    kubernetes(31, SandboxImage("registry.k8s.io/pause:3.10"), "kubeadm's"),
    kubernetes(32, CompiledWith("1.23"), "its build/build-image/cross/VERSION"),
    kubernetes(33, Containerd("2.1"), "the line that it is tested with"),
    kubernetes(33, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.12.0"), "kubeadm's"),
    kubernetes(33, CompiledWith("1.24"), "its build/build-image/cross/VERSION"),
    kubernetes(34, Etcd("3.6"), "what kubeadm runs"),
    kubernetes(34, SandboxImage("registry.k8s.io/pause:3.10.1"), "kubeadm's"),
    kubernetes(34, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.12.1"), "kubeadm's"),
    kubernetes(35, DiscouragedProxyMode("ipvs", "deprecated since 1.35; it goes off by default with 1.40: nftables takes its place"), "ipvs is deprecated"),
    kubernetes(35, Containerd("2.2"), "the line that it is tested with"),
    kubernetes(35, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.13.1"), "kubeadm's"),
    kubernetes(35, CompiledWith("1.25"), "its build/build-image/cross/VERSION"),
    kubernetes(36, Containerd("2.3"), "the line that it is tested with"),
    kubernetes(36, SandboxImage("registry.k8s.io/pause:3.10.2"), "kubeadm's"),
    kubernetes(36, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.14.2"), "kubeadm's"),
    kubernetes(36, CompiledWith("1.26"), "its build/build-image/cross/VERSION"),
    kubernetes(37, Etcd("3.7"), "what kubeadm runs"),
    kubernetes(37, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.14.6"), "kubeadm's"),
    kubernetes(38, CoreDnsImage("registry.k8s.io/coredns/coredns:v1.15.0"), "kubeadm's"),
    kubernetes(38, MlDsaTokens(true), "with the feature gate ServiceAccountTokenMLDSA, which is off by itself"),
    kubernetes(38, CompiledWith("1.27"), "its build/build-image/cross/VERSION"),

    containerd(1, 3, setting("containerd", &["version"], Integer(2)), "the first version of the configuration that names plugins in full"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "sandbox_image"], Text("{{ release.sandbox_image }}")), "the image of each pod's sandbox"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "cni", "bin_dir"], Text("/opt/cni/bin")), "where the network plugins are"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "cni", "conf_dir"], Text("/etc/cni/net.d")), "where their configuration is"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "registry", "config_path"], Text("/etc/containerd/certs.d")), "a folder for each registry's hosts"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "containerd", "runtimes", "runc", "runtime_type"], Text("io.containerd.runc.v2")), "the runtime of pods that ask for none"),
    containerd(1, 3, setting("containerd", &["plugins", CRI_1, "containerd", "runtimes", "runc", "options", "SystemdCgroup"], BoolText("{{ 'true' if runtime.cgroup_driver == 'systemd' else 'false' }}")), "the kubelet's choice must be the runtime's too"),
    containerd(1, 3, setting_only(Given::GVisor, "containerd", &["plugins", CRI_1, "containerd", "runtimes", "runsc", "runtime_type"], Text("io.containerd.runsc.v1")), "gVisor, where it is asked for"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "sandbox_image"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "cni", "bin_dir"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "cni", "conf_dir"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "registry", "config_path"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "containerd", "runtimes", "runc", "runtime_type"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "containerd", "runtimes", "runc", "options", "SystemdCgroup"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, NoSetting("containerd", &["plugins", CRI_1, "containerd", "runtimes", "runsc", "runtime_type"]), "version 3 of the configuration has it elsewhere"),
    containerd(2, 0, setting("containerd", &["version"], Integer(3)), "the CRI plugin is split in two"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_IMAGES, "pinned_images", "sandbox"], Text("{{ release.sandbox_image }}")), "the image of each pod's sandbox"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_IMAGES, "registry", "config_path"], Text("/etc/containerd/certs.d")), "a folder for each registry's hosts"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_RUNTIME, "cni", "conf_dir"], Text("/etc/cni/net.d")), "where the network plugins' configuration is"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_RUNTIME, "containerd", "runtimes", "runc", "runtime_type"], Text("io.containerd.runc.v2")), "the runtime of pods that ask for none"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_RUNTIME, "containerd", "runtimes", "runc", "options", "SystemdCgroup"], BoolText("{{ 'true' if runtime.cgroup_driver == 'systemd' else 'false' }}")), "the kubelet's choice must be the runtime's too"),
    containerd(2, 0, setting_only(Given::GVisor, "containerd", &["plugins", CRI_RUNTIME, "containerd", "runtimes", "runsc", "runtime_type"], Text("io.containerd.runsc.v1")), "gVisor, where it is asked for"),
    containerd(2, 0, setting("containerd", &["plugins", CRI_RUNTIME, "cni", "bin_dir"], Text("/opt/cni/bin")), "where the network plugins are"),
    containerd(2, 1, NoSetting("containerd", &["plugins", CRI_RUNTIME, "cni", "bin_dir"]), "deprecated in favour of bin_dirs"),
    containerd(2, 1, setting("containerd", &["plugins", CRI_RUNTIME, "cni", "bin_dirs"], Texts("/opt/cni/bin")), "a list takes the place of bin_dir"),
    // 2.3 reads it as well. It gets version 3, which it translates at each start, so that whoever goes back to 2.2 needs no other file.
    containerd(2, 4, setting("containerd", &["version"], Integer(4)), "version 3 is translated at each start, with a warning; sockets and metrics are settings of plugins; 2.2 and older refuse it"),

    etcd(3, set("etcd", "enable-v2", "false"), "the v2 API answers beside v3, and Kubernetes doesn't use it"),
    etcd(3, CompiledWith("1.9"), "its changelog"),
    etcd(4, NoFlag("etcd", "enable-v2"), "off by default; 3.6 refuses the flag"),
    etcd(4, set("etcd", "experimental-initial-corrupt-check", "true"), "a member whose data differs from its peers' does not serve"),
    etcd(4, CompiledWith("1.12"), "its changelog"),
    etcd(5, CompiledWith("1.16"), "its Makefile"),
    etcd(6, NoFlag("etcd", "experimental-initial-corrupt-check"), "3.7 refuses every experimental flag"),
    etcd(6, set("etcd", "feature-gates", "InitialCorruptCheck=true"), "the corrupt check is a feature gate now"),
    etcd(6, set("etcd", "watch-progress-notify-interval", "5s"), "consistent reads from the API server's cache need it; it lost its experimental prefix"),
    etcd(6, set("etcd", "tls-min-version", "TLS1.2"), "every patch release has the flag"),
    etcd(6, CompiledWith("1.23"), "its .go-version"),
    etcd(7, CompiledWith("1.26"), "its go.mod"),
];
