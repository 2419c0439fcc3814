//! What a program leaves on a node, or reads there, that does not follow when its configuration changes.

use super::documents::configuration;
use super::stage::{Action, quoted};
use super::units::{command_of, units};
use super::versions::kubernetes_version;
use crate::catalog::upgrade::FileFormat;
use crate::catalog::upgrades::{format_of, left_by_cleanup};
use crate::found::FoundHost;

/// The mode of a host's kube-proxy. Without one it is iptables
/// (<https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/>).
fn proxy_mode(host: &FoundHost) -> Option<String> {
    const DEFAULT: &str = "iptables";
    let command = command_of(host, "kube-proxy")?;
    if command.flag("config").is_none() {
        return Some(command.flag("proxy-mode").unwrap_or(DEFAULT).to_owned());
    }
    let documents = configuration(host, "kube-proxy")?;
    let mode = documents.iter().find_map(|document| document.text_at(&["mode"]));
    Some(mode.filter(|mode| !mode.is_empty()).unwrap_or(DEFAULT).to_owned())
}

/// The modes of kube-proxy before and after, where they differ; none after, where a node is to do without it.
pub(super) fn another_proxy_mode(old: &FoundHost, new: &FoundHost) -> Option<(String, Option<String>)> {
    let (before, after) = (proxy_mode(old)?, proxy_mode(new));
    // Who is no node any more loses all of it.
    let stays = after.is_some() || command_of(new, "kubelet").is_some();
    (stays && after.as_ref() != Some(&before)).then_some((before, after))
}

/// What has to be there first, where a node is to do without kube-proxy.
pub(super) fn without_proxy(old: &FoundHost, new: &FoundHost) -> Option<&'static str> {
    let (_, after) = another_proxy_mode(old, new)?;
    after.is_none().then_some(
        "no kube-proxy runs there any more, and its rules are taken away: what takes its place (Cilium with kubeProxyReplacement, Calico's \
         eBPF) has to run before",
    )
}

/// Takes away what kube-proxy has made, by the program that has made it: stopped, or it makes everything again. Where it starts it takes
/// away what is of another mode only between nftables and the other two, and never before 1.29
/// (`platformCleanup` in <https://github.com/kubernetes/kubernetes/blob/v1.37.2/cmd/kube-proxy/app/server_linux.go>).
pub(super) fn proxy_cleanup(old: &FoundHost, new: &FoundHost) -> Option<Action> {
    let (unit, _) = units(old).into_iter().find(|(_, unit)| unit.program == "kube-proxy")?;
    let command = command_of(old, "kube-proxy")?;
    let program = command.plain.first().map_or("kube-proxy", String::as_str);
    let cleanup = format!("{} --cleanup", quoted(program));
    // A unit that is gone has been stopped by then.
    Some(Action::Run(match units(new).contains_key(unit) {
        true => format!("systemctl stop {} && {cleanup}", quoted(unit)),
        false => cleanup,
    }))
}

/// What is left of the old mode all the same.
pub(super) fn left_all_the_same(old: &FoundHost, new: &FoundHost) -> Option<String> {
    let (before, _) = another_proxy_mode(old, new)?;
    let row = left_by_cleanup(&before, kubernetes_version(old)?)?;
    Some(format!(
        "kube-proxy --cleanup of this release leaves {} ({})",
        row.what, row.source
    ))
}

/// A setting of the kubelet that its pods were started by, in its file and by its flag; what it is where nobody sets it; and the file in the
/// kubelet's folder that keeps what was made of it, with which it does not start under another
/// (<https://kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies/#changing-the-cpu-manager-policy>).
type KeptSetting = (&'static str, &'static str, &'static str, Option<&'static str>);

#[rustfmt::skip]
const KEPT: &[KeptSetting] = &[
    ("cpuManagerPolicy", "cpu-manager-policy", "none", Some("cpu_manager_state")),
    ("memoryManagerPolicy", "memory-manager-policy", "None", Some("memory_manager_state")),
    ("cgroupDriver", "cgroup-driver", "cgroupfs", None),
];

/// The settings that differ of a kubelet which pods were started by, each with what it was and what it becomes.
pub(super) fn settings_of_pods(old: &FoundHost, new: &FoundHost) -> Vec<(&'static KeptSetting, String, String)> {
    const ITS_FILES: [&str; 2] = [
        "/etc/systemd/system/kubelet.service",
        "/var/lib/kubelet/kubelet-config.yaml",
    ];
    let is_the_same = |path: &&str| {
        let (before, after) = (old.files.get(*path), new.files.get(*path));
        before
            .zip(after)
            .is_some_and(|(before, after)| before.content == after.content)
    };
    // In a fleet most are as they were, and to read them takes long.
    if ITS_FILES.iter().all(is_the_same) {
        return Vec::new();
    }
    let value = |host: &FoundHost, (field, flag, default, _): &KeptSetting| {
        let command = command_of(host, "kubelet")?;
        let documents = configuration(host, "kubelet").unwrap_or_default();
        let of_file = documents.iter().find_map(|document| document.text_at(&[field]));
        let value = command.flag(flag).or(of_file).filter(|value| !value.is_empty());
        Some(value.unwrap_or(default).to_owned())
    };
    let differs = |kept| {
        let (before, after) = (value(old, kept)?, value(new, kept)?);
        (before != after).then_some((kept, before, after))
    };
    KEPT.iter().filter_map(differs).collect()
}

/// What is done about a kubelet that would not start with what it has kept.
pub(super) fn forgetting(old: &FoundHost, new: &FoundHost) -> Option<Action> {
    let kept = settings_of_pods(old, new);
    let files: Vec<&str> = kept.iter().filter_map(|((.., file), ..)| *file).collect();
    if files.is_empty() {
        return None;
    }
    let (unit, _) = units(new).into_iter().find(|(_, unit)| unit.program == "kubelet")?;
    let folder = command_of(new, "kubelet")?;
    let folder = folder
        .flag("root-dir")
        .unwrap_or("/var/lib/kubelet")
        .trim_end_matches('/');
    let files: Vec<String> = files.iter().map(|file| quoted(&format!("{folder}/{file}"))).collect();
    Some(Action::Run(format!(
        "systemctl stop {} && rm -f {}",
        quoted(unit),
        files.join(" ")
    )))
}

/// Where containerd reads its configuration.
const CONTAINERD_CONFIG: &str = "/etc/containerd/config.toml";

/// The version of the format of containerd's configuration: the first one, where the file tells none.
fn containerd_format(host: &FoundHost) -> Option<u32> {
    let text = host.text(CONTAINERD_CONFIG)?;
    let own = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    let version = own
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == "version");
    match version {
        Some((_, value)) => value.split('#').next()?.trim().parse().ok(),
        None => Some(1),
    }
}

/// The format of containerd's configuration, where it becomes a newer one: newer programs read older ones too.
pub(super) fn another_format(old: &FoundHost, new: &FoundHost) -> Option<&'static FileFormat> {
    let (before, after) = (containerd_format(old)?, containerd_format(new)?);
    (after > before).then(|| format_of(after)).flatten()
}

/// What is done about containerd itself before it gets a file of a format that older ones don't read.
pub(super) fn of_format(format: &FileFormat) -> [Action; 2] {
    let since = format.since;
    // `containerd REPOSITORY VERSION …`, the version with or without a `v` before it.
    let check = format!(
        "containerd --version | awk '{{ sub(/^v/, \"\", $3); split($3, at, \".\"); if (at[1] + 0 > {major} || at[1] + 0 == {major} && at[2] + 0 >= {minor}) new = 1; else print \"not yet {since}: \" $3 }} END {{ exit !new }}'",
        major = since.major,
        minor = since.minor,
    );
    [
        Action::ReplaceFirst(format!("containerd {since} or later")),
        Action::Check(check),
    ]
}
