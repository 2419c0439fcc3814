//! Where containerd's configuration has which settings, by the version of the file and by the containerd that reads it
//! (<https://github.com/containerd/containerd/blob/main/docs/cri/config.md>, and for version 4
//! <https://github.com/containerd/containerd/blob/v2.4.2/docs/man/containerd-config.toml.5.md>).

use crate::catalog::flags::{self, Known};
use crate::catalog::releases::Version;

/// The type of the runtime that is runc, whose options are known.
pub(crate) const RUNC: &str = "io.containerd.runc.v2";

/// The plugin by which the kubelet and crictl reach containerd, from version 4 on.
pub(crate) const SERVER: &str = "io.containerd.server.v1.grpc";

/// Version of the file | plugin | kind of its settings. `cri` of version 1 is not looked into. Version 4 has the plugins of version 3, and more.
pub(crate) const PLUGINS: &[(u64, &str, &str)] = &[
    (2, "io.containerd.grpc.v1.cri", "containerd/cri.2"),
    (3, "io.containerd.grpc.v1.cri", "containerd/cri.3"),
    (3, "io.containerd.cri.v1.images", "containerd/images.3"),
    (3, "io.containerd.cri.v1.runtime", "containerd/runtime.3"),
    (4, "io.containerd.grpc.v1.cri", "containerd/cri.3"),
    (4, "io.containerd.cri.v1.images", "containerd/images.3"),
    (4, "io.containerd.cri.v1.runtime", "containerd/runtime.3"),
    (4, SERVER, "containerd/grpc"),
    (4, "io.containerd.server.v1.grpc-tcp", "containerd/grpc-tcp"),
    (4, "io.containerd.server.v1.ttrpc", "containerd/ttrpc"),
    (4, "io.containerd.server.v1.debug", "containerd/debug"),
    (4, "io.containerd.server.v1.metrics", "containerd/metrics"),
    (
        4,
        "io.containerd.metrics.v1.grpc-prometheus",
        "containerd/grpc-prometheus",
    ),
];

/// The kinds of settings that have runtimes among them.
pub(crate) const HAS_RUNTIMES: [&str; 2] = ["containerd/cri.2", "containerd/runtime.3"];

/// The versions of the file that there are. A file without one is of the first, which has no plugins' full names.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u64> = 1..=4;
/// Likewise of version 3.
const READS_VERSION_3: Version = Version::new(2, 0);
/// The first containerd that makes version 4 of what it reads, and so finds in an older file what only version 4 has.
const READS_VERSION_4: Version = Version::new(2, 3);

/// A containerd | the oldest version of the file that it reads as it is: one before it is translated at each start, with a warning.
/// 2.3 translates version 3 as well, which is what khw-gen writes for it all the same, so that 2.2 reads it too.
const TRANSLATES: &[(Version, u64)] = &[(Version::new(2, 0), 3), (Version::new(2, 4), 4)];

/// By what a setting is not read.
#[derive(Clone, Copy)]
enum NotBy {
    /// A file of this version or later.
    File(u64),
    /// This containerd or a later one.
    Since(Version),
    /// A containerd before this one.
    Before(Version),
}

/// A setting that not all read: kind | path | by what it is not read | where it is set instead, or why it is gone.
///
/// Seen with `containerd config dump` of 2.3.7 and 2.4.2: a file of version 4 may have what was moved, and nothing is said of it.
#[rustfmt::skip]
const NOT_BY_ALL: &[(&str, &str, NotBy, &str)] = &[
    ("containerd", "grpc.address", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc".address`"#),
    ("containerd", "grpc.uid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc".uid`"#),
    ("containerd", "grpc.gid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc".gid`"#),
    ("containerd", "grpc.max_recv_message_size", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc".max_recv_message_size`"#),
    ("containerd", "grpc.max_send_message_size", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc".max_send_message_size`"#),
    ("containerd", "grpc.tcp_address", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc-tcp".address`"#),
    ("containerd", "grpc.tcp_tls_ca", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc-tcp".tls_ca`"#),
    ("containerd", "grpc.tcp_tls_cert", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc-tcp".tls_cert`"#),
    ("containerd", "grpc.tcp_tls_key", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc-tcp".tls_key`"#),
    ("containerd", "grpc.tcp_tls_common_name", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.grpc-tcp".tls_common_name`"#),
    ("containerd", "ttrpc.address", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.ttrpc".address`"#),
    ("containerd", "ttrpc.uid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.ttrpc".uid`"#),
    ("containerd", "ttrpc.gid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.ttrpc".gid`"#),
    ("containerd", "debug.address", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.debug".address`"#),
    ("containerd", "debug.uid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.debug".uid`"#),
    ("containerd", "debug.gid", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.debug".gid`"#),
    ("containerd", "metrics.address", NotBy::File(4), r#"set `plugins."io.containerd.server.v1.metrics".address`"#),
    ("containerd", "metrics.grpc_histogram", NotBy::File(4), r#"set `plugins."io.containerd.metrics.v1.grpc-prometheus".grpc_histogram`"#),
    ("containerd/runtime.3", "cni.bin_dir", NotBy::Since(Version::new(2, 4)), "set `bin_dirs` in its place, which is a list"),
    ("containerd/runtime.3", "enable_cdi", NotBy::Since(Version::new(2, 4)), "take it away: devices by CDI are always on"),
    ("containerd/runtime.3", "enable_experimental_restore_via_create", NotBy::Since(Version::new(2, 4)), "take it away: nothing has taken its place"),
    ("containerd", "grpc.tcp_tls_common_name", NotBy::Before(Version::new(2, 2)), "take it away, or go to containerd 2.2"),
    ("containerd", "debug.log_trace_id", NotBy::Before(Version::new(2, 3)), "take it away, or go to containerd 2.3"),
    ("containerd", "plugin_dir", NotBy::Since(Version::new(2, 1)), "take it away: plugins are compiled in, or named in [proxy_plugins]"),
    ("containerd/runtime.3", "cni.bin_dirs", NotBy::Before(Version::new(2, 1)), "set `bin_dir` in its place, which is one folder"),
    ("containerd/runtime.3", "enable_criu", NotBy::Before(Version::new(2, 2)), "take it away, or go to containerd 2.2"),
    ("containerd/runtime.3", "enable_experimental_restore_via_create", NotBy::Before(Version::new(2, 2)), "take it away, or go to containerd 2.2"),
    ("containerd/runtime.3", "stats_collect_period", NotBy::Before(Version::new(2, 3)), r#"set `plugins."io.containerd.cri.v1.images".stats_collect_period`"#),
    ("containerd/runtime.3", "stats_retention_period", NotBy::Before(Version::new(2, 3)), "take it away, or go to containerd 2.3"),
    ("containerd/images.3", "concurrent_layer_fetch_buffer", NotBy::Before(Version::new(2, 1)), "take it away, or go to containerd 2.1"),
    ("containerd/images.3", "use_local_image_pull", NotBy::Before(Version::new(2, 1)), "take it away: images are pulled so by this containerd"),
    ("containerd/runtime", "cgroup_writable", NotBy::Before(Version::new(2, 1)), "take it away, or go to containerd 2.1"),
    ("containerd/runtime", "runtime_engine", NotBy::Since(Version::new(2, 0)), "set `options.BinaryName` in its place"),
    ("containerd/runtime", "runtime_root", NotBy::Since(Version::new(2, 0)), "set `options.Root` in its place"),
    ("containerd/runtime", "sandbox_mode", NotBy::File(3), "set `sandboxer` in its place"),
    ("containerd/runtime", "disable_pause_image_pull", NotBy::Before(Version::new(2, 4)), "take it away, or go to containerd 2.4"),
];

/// Why a setting that is known is not read, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotRead {
    pub path: &'static str,
    pub why: String,
    pub instead: &'static str,
}

/// The settings of a kind that a file of this version does not have, or this containerd does not read where it is known.
pub(crate) fn unread(kind: &str, version: u64, program: Option<Version>) -> impl Iterator<Item = NotRead> {
    let rows = NOT_BY_ALL.iter().filter(move |(of, ..)| *of == kind);
    rows.filter_map(move |(_, path, by, instead)| {
        let why = match *by {
            NotBy::File(first) if version >= first => format!("is not read in a file of version {version}"),
            NotBy::Since(first) if program.is_some_and(|program| program >= first) => {
                format!("is not read by containerd {first} and later")
            }
            NotBy::Before(first) if program.is_some_and(|program| program < first) => {
                format!("is not read by a containerd before {first}")
            }
            _ => return None,
        };
        Some(NotRead { path, why, instead })
    })
}

/// The kind of a plugin's settings in a file of a version; none where they are not looked into, and why they are not read.
pub(crate) fn settings_of_plugin(
    version: u64,
    name: &str,
    program: Option<Version>,
) -> Result<Option<&'static str>, String> {
    let mut rows = PLUGINS.iter().filter(|(_, known, _)| *known == name).peekable();
    let Some((first, _, kind)) = rows.peek() else {
        return match version > 1 && !name.starts_with("io.containerd.") {
            true => Err(format!(
                "`plugins.{name}` is the name of no plugin in a file of version {version}"
            )),
            false => Ok(None),
        };
    };
    // What an older file has of a newer version is kept when it is translated (seen on 2.2.9, 2.3.7 and 2.4.2).
    let translates = match first {
        4 => Some(READS_VERSION_4),
        3 => Some(READS_VERSION_3),
        _ => None,
    };
    let is_translated =
        version < *first && translates.is_some_and(|since| program.is_some_and(|program| program >= since));
    match (is_translated, rows.find(|(of, ..)| *of == version)) {
        (true, _) => Ok(Some(kind)),
        (false, Some((.., kind))) => Ok(Some(kind)),
        (false, None) => Err(format!("`plugins.{name}` is not read in a file of version {version}")),
    }
}

/// Where version 3 and later have a setting that version 2 has in the plugin `cri`; none where it still has it, or has it no more.
pub(crate) fn since_version_3(kind: &str, path: &str) -> Option<String> {
    if kind != "containerd/cri.3" {
        return None;
    }
    let (plugin, path) = match path {
        "sandbox_image" => ("io.containerd.cri.v1.images", "pinned_images.sandbox"),
        "cni.bin_dir" => ("io.containerd.cri.v1.runtime", "cni.bin_dirs"),
        path => {
            let mut split = PLUGINS.iter().filter(|(of, _, now)| *of == 3 && *now != kind);
            let (_, plugin, _) = split.find(|(_, _, now)| flags::field(now, path, 0) == Known::Yes)?;
            (*plugin, path)
        }
    };
    Some(format!("plugins.\"{plugin}\".{path}"))
}

/// Whether a containerd translates a file of this version at each start.
pub(crate) fn is_translated(version: u64, program: Version) -> bool {
    let row = TRANSLATES.iter().rfind(|(since, _)| *since <= program);
    row.is_some_and(|(_, oldest)| version < *oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_known_where_it_was_and_where_it_is() {
        for (kind, path, by, instead) in NOT_BY_ALL {
            assert_eq!(flags::field(kind, path, 0), Known::Yes, "{kind} {path}");
            let set = instead
                .strip_prefix("set `plugins.\"")
                .and_then(|rest| rest.split_once("\"."));
            assert!(
                set.is_some() || *kind != "containerd" || !matches!(by, NotBy::File(_)),
                "{path}: what was moved is somewhere"
            );
            if let Some((plugin, name)) = set {
                let version = match by {
                    NotBy::File(version) => *version,
                    NotBy::Since(_) | NotBy::Before(_) => 3,
                };
                let kind = settings_of_plugin(version, plugin, None)
                    .expect("a plugin")
                    .expect("a kind");
                assert_eq!(
                    flags::field(kind, name.trim_end_matches('`'), 0),
                    Known::Yes,
                    "{instead}"
                );
            }
        }
    }

    #[test]
    fn a_setting_is_judged_by_its_file_and_its_program() {
        let paths = |kind, version, program| unread(kind, version, program).map(|row| row.path).collect::<Vec<_>>();
        let (older, newer) = (Some(Version::new(2, 3)), Some(Version::new(2, 4)));
        assert_eq!(paths("containerd", 3, newer), ["plugin_dir"]);
        assert!(paths("containerd", 4, older).contains(&"grpc.address"));
        assert!(!paths("containerd", 4, newer).contains(&"debug.level"));
        assert_eq!(paths("containerd/runtime.3", 3, newer)[0], "cni.bin_dir");
        // By each minor as its own source has them: 2.0.14, 2.1.9, 2.2.9, 2.3.7, 2.4.2.
        let minors = |kind| [0, 1, 2, 3, 4].map(|minor| paths(kind, 3, Some(Version::new(2, minor))).join(" "));
        assert_eq!(
            minors("containerd"),
            [
                "grpc.tcp_tls_common_name debug.log_trace_id",
                "grpc.tcp_tls_common_name debug.log_trace_id plugin_dir",
                "debug.log_trace_id plugin_dir",
                "plugin_dir",
                "plugin_dir"
            ]
        );
        let stats = "stats_collect_period stats_retention_period";
        assert_eq!(
            minors("containerd/runtime.3"),
            [
                format!("cni.bin_dirs enable_criu enable_experimental_restore_via_create {stats}"),
                format!("enable_criu enable_experimental_restore_via_create {stats}"),
                stats.to_owned(),
                String::new(),
                "cni.bin_dir enable_cdi enable_experimental_restore_via_create".to_owned(),
            ]
        );
        assert_eq!(
            minors("containerd/images.3"),
            ["concurrent_layer_fetch_buffer use_local_image_pull", "", "", "", ""]
        );
        assert!(
            paths("containerd/runtime.3", 4, older).is_empty() && paths("containerd/runtime.3", 4, None).is_empty()
        );
        let gone = ["runtime_engine", "runtime_root", "sandbox_mode"];
        assert_eq!(paths("containerd/runtime", 3, newer), gone);
        assert_eq!(
            paths("containerd/runtime", 3, older),
            [&gone[..], &["disable_pause_image_pull"]].concat()
        );
        assert!(paths("containerd/runtime", 3, Some(Version::new(2, 0))).contains(&"cgroup_writable"));
        assert!(
            settings_of_plugin(3, SERVER, older).is_ok(),
            "it is kept when the file is translated"
        );
        assert!(settings_of_plugin(3, SERVER, Some(Version::new(2, 2))).is_err());
        let now = |path| since_version_3("containerd/cri.3", path).unwrap_or_default();
        assert_eq!(
            now("restrict_oom_score_adj"),
            r#"plugins."io.containerd.cri.v1.runtime".restrict_oom_score_adj"#
        );
        assert_eq!(
            now("sandbox_image"),
            r#"plugins."io.containerd.cri.v1.images".pinned_images.sandbox"#
        );
        assert_eq!(now("systemd_cgroup"), "");
        assert!(is_translated(3, Version::new(2, 4)) && !is_translated(3, Version::new(2, 3)));
        assert!(is_translated(2, Version::new(2, 2)) && !is_translated(2, Version::new(1, 7)));
    }
}
