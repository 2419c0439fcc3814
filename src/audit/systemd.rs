//! What systemd knows of a service: its sections and settings, and what each takes. What it does not know, and a value that it can't
//! read, it passes over with a warning: the setting is as if it were not there.
//!
//! The names are those of `systemd --dump-configuration-items` of systemd 252, and what systemd.unit(5), systemd.service(5),
//! systemd.exec(5), systemd.kill(5) and systemd.resource-control(5) of later ones have besides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::unit::words;

/// What a setting takes, as far as a wrong value would hurt.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Anything,
    Boolean,
    /// A span of time (systemd.time(7)).
    Span,
    /// Names of units.
    Units,
    /// A number, or two with a colon between them.
    Counts,
    /// A number of bytes, a share, or two with a colon between them.
    Sizes,
    Octal,
    Signal,
    Command,
    /// Absolute paths.
    Paths,
    Variables,
    OneOf(&'static [&'static str]),
}

use Takes::*;

#[rustfmt::skip]
const ACTIONS: &[&str] = &[
    "none", "exit", "exit-force", "reboot", "reboot-force", "reboot-immediate", "poweroff", "poweroff-force", "poweroff-immediate",
    "soft-reboot", "soft-reboot-force", "kexec", "kexec-force", "halt", "halt-force", "halt-immediate",
];
const TYPES: &[&str] = &[
    "simple",
    "exec",
    "forking",
    "oneshot",
    "dbus",
    "notify",
    "notify-reload",
    "idle",
];
#[rustfmt::skip]
const RESTARTS: &[&str] = &["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"];
const KILL_MODES: &[&str] = &["control-group", "mixed", "process", "none"];
const ACCESS: &[&str] = &["none", "main", "exec", "all"];
const EXIT_TYPES: &[&str] = &["main", "cgroup"];
const OOM: &[&str] = &["continue", "stop", "kill"];
const FAILURE_MODES: &[&str] = &["terminate", "abort", "kill"];
const RESTART_MODES: &[&str] = &["normal", "direct", "debug"];
const COLLECT: &[&str] = &["inactive", "inactive-or-failed"];
#[rustfmt::skip]
const PROTECT_SYSTEM: &[&str] = &["yes", "true", "on", "y", "t", "1", "no", "false", "off", "n", "f", "0", "full", "strict"];
#[rustfmt::skip]
const PROTECT_HOME: &[&str] = &["yes", "true", "on", "y", "t", "1", "no", "false", "off", "n", "f", "0", "read-only", "tmpfs"];
const SIGNALS: &str =
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP TTIN TTOU WINCH";

/// Section | what they take | its settings.
#[rustfmt::skip]
const KNOWN: &[(&str, Takes, &str)] = &[
    ("Unit", Anything, "\
        Description Documentation FailureActionExitStatus JobTimeoutRebootArgument OnFailureJobMode OnSuccessJobMode RebootArgument \
        RequiresMountsFor RequiresOverridable RequisiteOverridable SourcePath SuccessActionExitStatus WantsMountsFor"),
    ("Unit", Units, "\
        After Before BindTo BindsTo Conflicts JoinsNamespaceOf OnFailure OnSuccess PartOf PropagateReloadFrom PropagateReloadTo \
        PropagatesReloadTo PropagatesStopTo ReloadPropagatedFrom Requires Requisite StopPropagatedFrom Upholds Wants"),
    ("Unit", Boolean, "\
        AllowIsolate DefaultDependencies IgnoreOnIsolate OnFailureIsolate RefuseManualStart RefuseManualStop StopWhenUnneeded \
        SurviveFinalKillSignal"),
    ("Unit", Span, "JobRunningTimeoutSec JobTimeoutSec StartLimitInterval StartLimitIntervalSec"),
    ("Unit", OneOf(ACTIONS), "FailureAction JobTimeoutAction StartLimitAction SuccessAction"),
    ("Unit", Counts, "StartLimitBurst"),
    ("Unit", OneOf(COLLECT), "CollectMode"),
    ("Service", Anything, "\
        AllowedCPUs AllowedMemoryNodes AmbientCapabilities AppArmorProfile BPFDelegateAttachments BPFDelegateCommands BPFDelegateMaps \
        BPFDelegatePrograms BPFProgram BindNetworkInterface BindPaths BindReadOnlyPaths BlockIODeviceWeight BlockIOReadBandwidth \
        BlockIOWeight BlockIOWriteBandwidth BusName CPUAffinity CPUQuota CPUSchedulingPolicy CPUSchedulingPriority CPUSetPartition \
        CPUShares CPUWeight CacheDirectory CacheDirectoryAccounting CacheDirectoryQuota CapabilityBoundingSet ConfigurationDirectory \
        CoredumpFilter CoredumpReceive DefaultMemoryLow DefaultMemoryMin Delegate DelegateNamespaces DelegateSubgroup DeviceAllow \
        DevicePolicy DisableControllers ExecReloadPost ExecSearchPath ExtensionDirectories ExtensionImagePolicy ExtensionImages \
        FileDescriptorStorePreserve Group IODeviceLatencyTargetSec IODeviceWeight IOReadBandwidthMax IOReadIOPSMax IOSchedulingClass \
        IOSchedulingPriority IOWeight IOWriteBandwidthMax IOWriteIOPSMax IPAddressAllow IPAddressDeny IPCNamespacePath \
        IPEgressFilterPath IPIngressFilterPath ImportCredential InaccessibleDirectories KeyringMode LUOSession LimitCPU LimitNICE \
        LimitRTPRIO LimitRTTIME LoadCredential LoadCredentialEncrypted LogExtraFields LogFilterPatterns LogLevelMax LogNamespace \
        LogsDirectory LogsDirectoryAccounting LogsDirectoryQuota ManagedOOMKillPreference ManagedOOMMemoryPressure \
        ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMRules ManagedOOMSwap MemoryKSM MemoryPressureWatch MemoryTHP \
        MemoryZSwapMax MountAPIVFS MountFlags MountImagePolicy MountImages NFTSet NUMAMask NUMAPolicy NetworkNamespacePath Nice \
        OOMScoreAdjust OpenFile PAMName PIDFile PassEnvironment Personality PrivateBPF PrivateDevices PrivateMounts PrivatePIDs \
        PrivateTmp PrivateUsers ProcSubset ProtectControlGroups ProtectHostname ProtectProc ReadOnlyDirectories ReadWriteDirectories \
        RebootArgument RefreshOnReload ReloadSignal RestartForceExitStatus RestartPreventExitStatus RestrictAddressFamilies \
        RestrictFileSystems RestrictNamespaces RestrictNetworkInterfaces RootHash RootHashSignature RootImage RootImageOptions \
        RootImagePolicy RootMStack RootVerity RuntimeDirectory RuntimeDirectoryPreserve SELinuxContext SecureBits SetCredential \
        SetCredentialEncrypted SetLoginEnvironment Slice SmackProcessLabel SocketBindAllow SocketBindDeny Sockets StandardError \
        StandardInput StandardInputData StandardInputText StandardOutput StartupAllowedCPUs StartupAllowedMemoryNodes \
        StartupBlockIOWeight StartupCPUShares StartupCPUWeight StartupIOWeight StartupMemoryHigh StartupMemoryLow StartupMemoryMax \
        StartupMemorySwapMax StartupMemoryZSwapMax StateDirectory StateDirectoryAccounting StateDirectoryQuota SuccessExitStatus \
        SupplementaryGroups SyslogFacility SyslogIdentifier SyslogLevel SystemCallArchitectures SystemCallErrorNumber SystemCallFilter \
        SystemCallLog TTYColumns TTYPath TTYRows TemporaryFileSystem TimerSlackNSec USBFunctionDescriptors USBFunctionStrings \
        UnsetEnvironment User UserNamespacePath UtmpIdentifier UtmpMode"),
    ("Service", Command, "ExecCondition ExecReload ExecStart ExecStartPost ExecStartPre ExecStop ExecStopPost"),
    ("Service", Span, "\
        CPUQuotaPeriodSec LogRateLimitIntervalSec ManagedOOMMemoryPressureDurationSec MemoryPressureThresholdSec RestartMaxDelaySec \
        RestartSec RuntimeMaxSec RuntimeRandomizedExtraSec StartLimitInterval TimeoutAbortSec TimeoutCleanSec TimeoutSec TimeoutStartSec \
        TimeoutStopSec WatchdogSec"),
    ("Service", OneOf(FAILURE_MODES), "TimeoutStartFailureMode TimeoutStopFailureMode"),
    ("Service", Counts, "\
        FileDescriptorStoreMax LimitLOCKS LimitNOFILE LimitNPROC LimitSIGPENDING LogRateLimitBurst RestartSteps StartLimitBurst"),
    ("Service", OneOf(ACTIONS), "FailureAction StartLimitAction"),
    ("Service", OneOf(TYPES), "Type"),
    ("Service", OneOf(EXIT_TYPES), "ExitType"),
    ("Service", OneOf(RESTARTS), "Restart"),
    ("Service", Boolean, "\
        BlockIOAccounting CPUAccounting CPUSchedulingResetOnFork DynamicUser GuessMainPID IOAccounting IPAccounting IgnoreSIGPIPE \
        LockPersonality MemoryAccounting MemoryDenyWriteExecute MemoryZSwapWriteback NoNewPrivileges NonBlocking PermissionsStartOnly \
        PrivateIPC PrivateNetwork ProtectClock ProtectKernelLogs ProtectKernelModules ProtectKernelTunables RemainAfterExit RemoveIPC \
        RestrictRealtime RestrictSUIDSGID RootDirectoryStartOnly RootEphemeral SendSIGHUP SendSIGKILL SyslogLevelPrefix TTYReset \
        TTYVHangup TTYVTDisallocate TasksAccounting"),
    ("Service", OneOf(ACCESS), "NotifyAccess"),
    ("Service", OneOf(OOM), "OOMPolicy"),
    ("Service", Paths, "\
        EnvironmentFile ExecPaths InaccessiblePaths NoExecPaths ReadOnlyPaths ReadWritePaths RootDirectory WorkingDirectory"),
    ("Service", Octal, "\
        CacheDirectoryMode ConfigurationDirectoryMode LogsDirectoryMode RuntimeDirectoryMode StateDirectoryMode UMask"),
    ("Service", Variables, "Environment"),
    ("Service", Sizes, "\
        LimitAS LimitCORE LimitDATA LimitFSIZE LimitMEMLOCK LimitMSGQUEUE LimitRSS LimitSTACK MemoryHigh MemoryLimit MemoryLow MemoryMax \
        MemoryMin MemorySwapMax TasksMax"),
    ("Service", OneOf(PROTECT_SYSTEM), "ProtectSystem"),
    ("Service", OneOf(PROTECT_HOME), "ProtectHome"),
    ("Service", OneOf(KILL_MODES), "KillMode"),
    ("Service", Signal, "FinalKillSignal KillSignal RestartKillSignal WatchdogSignal"),
    ("Service", OneOf(RESTART_MODES), "RestartMode"),
    ("Install", Units, "Alias Also RequiredBy UpheldBy WantedBy"),
    ("Install", Anything, "DefaultInstance"),
];

/// What may follow `Condition` and `Assert` in `[Unit]`.
#[rustfmt::skip]
const CONDITIONS: &str = "\
    ACPower Architecture CPUFeature CPUPressure CPUs Capability ControlGroupController Credential DirectoryNotEmpty Environment \
    FileIsExecutable FileNotEmpty Firmware FirstBoot Group Host IOPressure KernelCommandLine KernelModuleLoaded KernelVersion Memory \
    MemoryPressure NeedsUpdate OSRelease PathExists PathExistsGlob PathIsDirectory PathIsEncrypted PathIsMountPoint PathIsReadWrite \
    PathIsSocket PathIsSymbolicLink Security User Version Virtualization";

/// By section and name.
static TAKES: LazyLock<BTreeMap<(&str, &str), Takes>> = LazyLock::new(|| {
    let rows = KNOWN.iter();
    rows.flat_map(|(section, takes, names)| names.split(' ').map(move |name| ((*section, name), *takes)))
        .collect()
});

/// Why systemd passes over an assignment; nothing where it takes it. No value is quoted: it may be a secret.
pub(super) fn why_ignored(section: &str, name: &str, value: &str) -> Option<String> {
    if section.starts_with("X-") || name.starts_with("X-") {
        return None;
    }
    if !KNOWN.iter().any(|(known, ..)| *known == section) {
        return Some(format!("a service has no section [{section}]"));
    }
    let of_condition = name.strip_prefix("Condition").or_else(|| name.strip_prefix("Assert"));
    if section == "Unit" && of_condition.is_some_and(|condition| CONDITIONS.split(' ').any(|one| one == condition)) {
        return None;
    }
    let Some(takes) = TAKES.get(&(section, name)) else {
        let elsewhere = TAKES.keys().find(|(_, known)| *known == name);
        return Some(match elsewhere {
            Some((of, _)) => format!("{name}= is a setting of [{of}], and stands in [{section}]"),
            // What is a part of a command, and was meant to be, may be a secret.
            None if !name.chars().all(|c| c.is_ascii_alphanumeric()) => format!("a line of [{section}] is no setting"),
            None => format!("[{section}] has no setting {name}="),
        });
    };
    // What a specifier stands for is not known here.
    if value.is_empty() || value.contains('%') || is_taken(*takes, value) {
        return None;
    }
    Some(format!("{name}= has a value that it does not take"))
}

fn is_taken(takes: Takes, value: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().is_ok();
    let limits = |is_limit: &dyn Fn(&str) -> bool| value.split(':').all(|one| one == "infinity" || is_limit(one));
    match takes {
        Anything => true,
        Boolean => truth(value).is_some(),
        Span => seconds(value).is_some(),
        Units => value.split_whitespace().all(is_unit_name),
        Counts => limits(&number),
        Sizes => limits(&|one| bytes(one).is_some() || one.ends_with('%')),
        Octal => u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o7777),
        Signal => {
            number(value) || {
                let name = value.strip_prefix("SIG").unwrap_or(value);
                name.starts_with("RTM") || SIGNALS.split(' ').any(|one| one == name)
            }
        }
        Command => {
            let path = words(value)
                .ok()
                .and_then(|words| words.first().cloned())
                .unwrap_or_default();
            is_path_of_program(path.trim_start_matches(['-', '@', ':', '+', '!', '|']))
        }
        Paths => value.split_whitespace().all(|path| {
            let path = path.trim_start_matches(['-', '+', '!']);
            path.starts_with('/') || path == "~"
        }),
        Variables => words(value).is_ok_and(|words| words.iter().all(|word| is_variable(word))),
        OneOf(known) => known.contains(&value),
    }
}

/// Whether systemd takes it for a program: an absolute path, or a name that it looks for itself.
pub(super) fn is_path_of_program(path: &str) -> bool {
    match path.starts_with('/') {
        true => !path.ends_with('/'),
        false => !path.is_empty() && !path.contains('/'),
    }
}

fn is_variable(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_part)
    })
}

const ENDS: [&str; 11] = [
    ".service",
    ".target",
    ".socket",
    ".mount",
    ".automount",
    ".swap",
    ".timer",
    ".path",
    ".slice",
    ".scope",
    ".device",
];

/// Whether it can be the name of a unit (systemd.unit(5)).
pub(super) fn is_unit_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end)) && name.chars().all(is_part)
}

/// What systemd reads as yes or no.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// A span of time in seconds (systemd.time(7)).
pub(super) fn seconds(value: &str) -> Option<f64> {
    if value == "infinity" {
        return Some(f64::INFINITY);
    }
    let mut rest = value.trim();
    let mut all = None;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(
            rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))
                .unwrap_or(rest.len()),
        );
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len()));
        #[rustfmt::skip]
        let factor = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "us" | "µs" | "μs" | "usec" => 1e-6,
            "ms" | "msec" => 1e-3,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "M" | "month" | "months" => 2_629_800.0,
            "y" | "year" | "years" => 31_557_600.0,
            _ => return None,
        };
        all = Some(all.unwrap_or(0.0) + number.parse::<f64>().ok()? * factor);
        rest = after.trim_start();
    }
    all
}

/// A number of bytes, with a suffix of powers of 1024 or none.
pub(super) fn bytes(value: &str) -> Option<f64> {
    let (number, power) = match value.char_indices().last()? {
        (at, suffix) if !suffix.is_ascii_digit() => (&value[..at], "BKMGTPE".find(suffix)?),
        _ => (value, 0),
    };
    let power = i32::try_from(power).ok()?;
    Some(number.parse::<f64>().ok()? * 1024_f64.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_takes_and_what_it_passes_over() {
        #[rustfmt::skip]
        let taken = [
            "[Unit] After=network-online.target a@b.service", "[Unit] ConditionPathExists=!/x", "[Unit] StartLimitIntervalSec=0",
            "[Service] Type=notify-reload", "[Service] Restart=on-failure", "[Service] RestartSec=1min 30.5s", "[Service] RestartSec=",
            "[Service] LimitNOFILE=1024:infinity", "[Service] MemoryMax=1.5G", "[Service] TasksMax=80%", "[Service] UMask=0077",
            "[Service] KillSignal=SIGTERM", "[Service] ExecStartPre=-+/bin/mkdir x", "[Service] ExecStart=etcd",
            "[Service] EnvironmentFile=-/etc/default/x", "[Service] Environment=\"A=b c\" D=e", "[Service] Delegate=yes",
            "[Install] WantedBy=multi-user.target", "[X-Mine] A=b", "[Service] X-Mine=a", "[Service] ProtectSystem=full",
        ];
        #[rustfmt::skip]
        let passed_over = [
            "[Unit] After=containerd", "[Unit] Restart=always", "[Unit] ConditionPathExist=/x", "[Servcie] Restart=always",
            "[Service] Type=notfiy", "[Service] Restart=alwyas", "[Service] RestartSec=5 # five", "[Service] RestartSec=5sek",
            "[Service] LimitNOFILE=unlimited", "[Service] MemoryMax=1GB", "[Service] UMask=0099", "[Service] KillSignal=SIGTREM",
            "[Service] ExecStartPre=bin/mkdir x", "[Service] EnvironmentFile=etc/x", "[Service] Environment=A", "[Service] Restart=No",
            "[Install] WantedBy=multi-user", "[Service] ExecStrat=/bin/x", "[Service] DynamicUser=maybe", "[Service] exec=x",
        ];
        let why = |line: &str| {
            let (section, rest) = line.split_once("] ").unwrap();
            let (name, value) = rest.split_once('=').unwrap();
            why_ignored(section.trim_start_matches('['), name, value)
        };
        for line in taken {
            assert_eq!(why(line), None, "{line}");
        }
        for line in passed_over {
            assert!(why(line).is_some(), "{line}");
        }
    }
}
