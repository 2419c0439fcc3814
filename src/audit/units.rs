//! Units, as systemd starts them: whether it does, whether what it starts can do its work, whether it starts it again; and which
//! unit a host lacks for what it is.

use std::collections::BTreeSet;

use super::document::Tree;
use super::login::client_of;
use super::spot::{Spot, running};
use super::started::{HostUnit, UNIT_FOLDERS};
use super::systemd::{bytes, is_unit_name, seconds, truth};
use super::unit::CommandLine;
use super::view::{HostView, View, certificates_of};
use crate::diagnostic::Code;
use crate::diagnostic::verify_codes as codes;
use crate::found::FoundNode;

/// A program that has to run all the time.
struct Daemon {
    program: &'static str,
    /// Whether it tells systemd when it is ready (sd_notify(3)).
    notifies: bool,
    /// Whether it can do its work as root alone.
    needs_root: bool,
    /// Where it writes: its flag for that, and where without.
    writes: Option<(&'static str, &'static str)>,
}

#[rustfmt::skip]
const DAEMONS: &[Daemon] = &[
    Daemon { program: "etcd", notifies: true, needs_root: false, writes: Some(("data-dir", "/var/lib/etcd")) },
    Daemon { program: "kube-apiserver", notifies: true, needs_root: false, writes: None },
    Daemon { program: "kube-controller-manager", notifies: false, needs_root: false, writes: None },
    Daemon { program: "kube-scheduler", notifies: false, needs_root: false, writes: None },
    Daemon { program: "kubelet", notifies: true, needs_root: true, writes: Some(("root-dir", "/var/lib/kubelet")) },
    Daemon { program: "kube-proxy", notifies: false, needs_root: true, writes: None },
    Daemon { program: "containerd", notifies: true, needs_root: true, writes: Some(("root", "/var/lib/containerd")) },
    Daemon { program: "crio", notifies: true, needs_root: true, writes: None },
    Daemon { program: "pod-routes.sh", notifies: false, needs_root: true, writes: None },
];

/// Programs that every machine has that a cluster is made of, wherever they lie.
const COMMON: &str = "\
    awk basename bash cat chgrp chmod chown conntrack cp curl cut date dirname dmesg echo env ethtool etcd etcdctl find findmnt flock \
    getent grep head hostname hostnamectl id install ip ip6tables ip6tables-restore ipset iptables iptables-restore ipvsadm kill \
    kmod kubectl kubelet ln logger ls mkdir mkfs.ext4 mkfs.xfs mktemp modprobe mount mountpoint mv nft nginx nice nsenter openssl pgrep ping \
    pkill printf python3 readlink restorecon rm rmdir rmmod sed setenforce setfacl sh sleep sort stat swapoff sync sysctl \
    systemctl systemd-notify systemd-sysusers systemd-tmpfiles tail tar tc tee test timeout touch tr true udevadm umount uname wc wget \
    which xargs containerd crictl ctr runc crio haproxy keepalived kube-apiserver kube-controller-manager kube-proxy kube-scheduler";

/// Services that come with packages.
const OF_PACKAGES: &str = "\
    NetworkManager apparmor auditd chrony chronyd cloud-final cloud-init containerd cri-docker crio dbus docker firewalld haproxy ip6tables \
    ipset iptables iscsid keepalived multipathd network networking nftables nginx ntp ntpd ntpsec open-iscsi openvswitch-switch \
    rpc-statd rpcbind rsyslog ssh sshd time-sync ufw";

/// Targets that a machine reaches when it boots (systemd.special(7)).
const AT_BOOT: &str = "\
    basic default getty graphical local-fs local-fs-pre machines multi-user network network-online network-pre nss-lookup nss-user-lookup \
    paths remote-fs remote-fs-pre slices sockets swap sysinit time-set time-sync timers";

fn is_in(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|one| one == name)
}

pub(crate) fn check(view: &View<'_>) {
    for host in &view.hosts {
        for unit in &host.units {
            let lines = |setting| unit.started(setting, host.name).unwrap_or_default();
            let judged = Judged {
                spot: Spot {
                    view,
                    host,
                    path: unit.path,
                },
                unit,
                starts: lines("ExecStart"),
            };
            judged.check_starts();
            judged.check_around();
            judged.check_needed();
            judged.check_boot();
            judged.check_conditions();
            judged.check_others();
            judged.check_user();
            if let Some(daemon) = judged.daemon() {
                judged.check_type(daemon);
                judged.check_sandbox(daemon);
                judged.check_stays(daemon);
            }
        }
        check_drop_ins(view, host);
        check_lacking(view, host);
    }
    check_control_plane(view);
}

/// A unit and what it starts.
struct Judged<'v> {
    spot: Spot<'v>,
    unit: &'v HostUnit<'v>,
    starts: Vec<CommandLine>,
}

/// The row of what a command line starts: a program, or a script by its own name.
fn daemon_of(line: &CommandLine) -> Option<&'static Daemon> {
    let script = line.plain.get(1).and_then(|path| path.rsplit('/').next());
    let program = match line.program.as_str() {
        "sh" | "bash" | "dash" => script?,
        program => program,
    };
    let once = line.flag("every") == Some("0");
    DAEMONS.iter().find(|daemon| daemon.program == program && !once)
}

impl Judged<'_> {
    fn report(&self, code: &'static Code, message: impl Into<String>) {
        self.spot.report(code, message);
    }

    fn fails(&self, message: impl Into<String>) {
        self.report(codes::NEVER_STARTS, message);
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        self.starts.iter().find_map(daemon_of)
    }

    /// The value of a setting that says yes or no.
    fn is_on(&self, setting: &str) -> bool {
        self.unit.file.service(setting).and_then(truth) == Some(true)
    }

    /// The words of a setting of `[Service]` that is a list.
    fn list(&self, setting: &str) -> Vec<&str> {
        self.unit.file.list("Service", setting)
    }

    /// What systemd takes the unit for.
    fn kind(&self) -> &str {
        let known = ["exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"];
        let said = self.unit.file.service("Type").filter(|kind| known.contains(kind));
        said.unwrap_or("simple")
    }

    /// What systemd refuses (systemd.service(5)).
    fn check_starts(&self) {
        let (kind, restart) = (self.kind(), self.unit.file.service("Restart"));
        if self.starts.len() > 1 && kind != "oneshot" {
            self.fails("it has more than one ExecStart=, which systemd takes of Type=oneshot alone");
        }
        if kind == "oneshot" && matches!(restart, Some("always" | "on-success")) {
            self.fails("systemd refuses Type=oneshot that is to be started again after it ended well");
        }
        if kind == "dbus" && self.unit.file.service("BusName").is_none() {
            self.fails("systemd refuses Type=dbus without BusName=");
        }
        for line in &self.starts {
            let (_, path) = line.path();
            if path.starts_with('/') && path.contains("/../") {
                self.fails(format!("{path} is no plain path, and systemd refuses it"));
            }
            self.check_script(line);
        }
    }

    /// The script that a shell is given.
    fn check_script(&self, line: &CommandLine) {
        let is_shell = ["sh", "bash", "dash", "python3"].contains(&line.program.as_str());
        let script = line.words.first().filter(|word| is_shell && word.starts_with('/'));
        if let Some(script) = script.filter(|script| self.is_of_bundle(script) && !self.is_here(script)) {
            self.report(codes::MISSING_FILE, format!("it names {script}, which is not here"));
        }
    }

    /// Whether a path is below a folder in which this bundle has files, and which is a cluster's.
    fn is_of_bundle(&self, path: &str) -> bool {
        let folders = [
            "/etc/kubernetes",
            "/etc/etcd",
            "/etc/cni",
            "/var/lib/kubernetes",
            "/var/lib/kube",
            "/opt/cni",
            "/root",
        ];
        self.spot.host.host.is_bundle() && folders.iter().any(|folder| path.starts_with(folder))
    }

    fn is_here(&self, path: &str) -> bool {
        let host = self.spot.host.host;
        let path = path.trim_end_matches('/');
        host.files.contains_key(path) || host.folders.contains_key(path)
    }

    /// What has to end well before the program is started, and after.
    fn check_around(&self) {
        for setting in ["ExecCondition", "ExecStartPre", "ExecStartPost"] {
            let Ok(lines) = self.unit.started(setting, self.spot.host.name) else {
                self.report(codes::BAD_SYNTAX, format!("its {setting}= has a quote without its end"));
                continue;
            };
            for line in lines {
                let (prefix, path) = line.path();
                if prefix.contains('-') || !self.spot.host.host.is_bundle() {
                    continue;
                }
                if line.program == "false" {
                    self.fails(format!("its {setting}= always fails"));
                } else if !self.spot.host.host.files.contains_key(path) && !is_in(COMMON, &line.program) {
                    let message = format!("its {setting}= starts {path}, which nothing here brings");
                    self.report(codes::MISSING_PROGRAM, message);
                }
                self.check_script(&line);
            }
        }
    }

    /// Files and folders without which systemd does not start it; those of packages are not a bundle's.
    fn check_needed(&self) {
        let is_elsewhere = |path: &str| {
            ["/etc/default/", "/etc/sysconfig/", "/run/", "/proc/"]
                .iter()
                .any(|at| path.starts_with(at))
        };
        for path in self.unit.file.values("Service", "EnvironmentFile") {
            if path.starts_with('/')
                && self.spot.host.host.is_bundle()
                && !is_elsewhere(path)
                && !path.contains(['*', '%'])
                && !self.is_here(path)
            {
                self.report(
                    codes::MISSING_FILE,
                    format!("EnvironmentFile= names {path}, which is not here"),
                );
            }
        }
        let folder = self
            .unit
            .file
            .service("WorkingDirectory")
            .filter(|path| self.is_of_bundle(path));
        if let Some(folder) = folder.filter(|path| !self.is_here(path)) {
            self.fails(format!("WorkingDirectory= names {folder}, which is not here"));
        }
    }

    /// Whether the machine starts it when it boots.
    fn check_boot(&self) {
        let (host, name) = (self.spot.host, self.unit.name());
        let list = |setting| self.unit.file.list("Install", setting);
        let wanted = [list("WantedBy"), list("RequiredBy"), list("UpheldBy")].concat();
        let stem = name.strip_suffix(".service").unwrap_or(name);
        let is_triggered = [".timer", ".path", ".socket"].iter().any(|end| {
            UNIT_FOLDERS
                .iter()
                .any(|folder| host.host.files.contains_key(&format!("{folder}/{stem}{end}")))
        });
        let pulls = |other: &HostUnit<'_>| {
            let settings = ["Wants", "Requires", "BindsTo", "Upholds", "OnFailure", "OnSuccess"];
            settings
                .iter()
                .any(|setting| other.file.list("Unit", setting).contains(&name))
        };
        // On a machine units of others may start it that are not read.
        let is_judged = !host.host.loose && (host.host.is_bundle() || self.daemon().is_some());
        if !is_judged || stem.ends_with('@') || is_triggered || host.units.iter().any(pulls) {
            return;
        }
        let is_reached = |target: &&str| match target.strip_suffix(".target") {
            Some(target) if is_in(AT_BOOT, target) => true,
            Some(_) => UNIT_FOLDERS
                .iter()
                .any(|folder| host.host.files.contains_key(&format!("{folder}/{target}"))),
            None => is_unit_name(target),
        };
        if wanted.is_empty() {
            self.fails("nothing starts it when the machine boots: [Install] has no WantedBy=");
        } else if !wanted.iter().any(is_reached) {
            self.fails(format!(
                "nothing starts it when the machine boots: {} is not reached",
                wanted[0]
            ));
        }
        let enables = |text: &str| {
            let line = text
                .lines()
                .take(40)
                .find_map(|line| line.strip_prefix("units='")?.strip_suffix('\''));
            line.map(|units| units.split(' ').any(|unit| unit == stem))
        };
        if let Some(FoundNode::File { content, .. }) = host.host.beside.get("install.sh")
            && std::str::from_utf8(content.expose()).ok().and_then(enables) == Some(false)
        {
            self.fails("nothing starts it when the machine boots: install.sh does not enable it");
        }
    }

    /// Conditions about what the bundle brings, or lacks.
    fn check_conditions(&self) {
        for (section, name, value) in &self.unit.file.assignments {
            let condition = name.strip_prefix("Condition").or_else(|| name.strip_prefix("Assert"));
            let Some(condition) = condition.filter(|_| section == "Unit" && !value.starts_with('|')) else {
                continue;
            };
            let (negated, value) = (value.starts_with('!'), value.trim_start_matches('!').trim());
            let holds = match condition {
                "PathExists" | "FileNotEmpty" | "PathIsDirectory" | "DirectoryNotEmpty" if self.is_of_bundle(value) => {
                    self.is_here(value)
                }
                "Host" if !value.contains(['*', '?', '[']) && value.len() != 32 => value == self.spot.host.name,
                _ => continue,
            };
            if holds == negated {
                self.fails(format!("its {name}= does not hold with what is here"));
            }
        }
    }

    /// Other units that have to be there, or that it stops.
    fn check_others(&self) {
        let host = self.spot.host;
        let is_of_host = |name: &str| host.units.iter().any(|unit| unit.name() == name);
        for setting in ["Requires", "Requisite", "BindsTo", "Wants", "Upholds"] {
            for name in self.unit.file.list("Unit", setting) {
                let Some(stem) = name.strip_suffix(".service") else {
                    continue;
                };
                let is_known = is_in(OF_PACKAGES, stem) || stem.starts_with("systemd-") || stem.contains('@');
                if host.host.is_bundle() && !is_known && !is_of_host(name) {
                    let message = format!("its {setting}= names {name}, which nothing here brings");
                    self.report(codes::MISSING_PROGRAM, message);
                }
            }
        }
        for name in self.unit.file.list("Unit", "Conflicts") {
            if is_of_host(name) {
                self.fails(format!("it and {name} of the same host stop each other"));
            }
        }
    }

    /// The user whom systemd makes the program's, unless that is root.
    fn user(&self) -> Option<&str> {
        let said = self
            .unit
            .file
            .service("User")
            .filter(|user| !["root", "0"].contains(user));
        said.or_else(|| self.is_on("DynamicUser").then_some("a user of its own"))
    }

    /// Whatever is in a bundle is root's: another user reads of it what everybody may read.
    fn check_user(&self) {
        let Some(user) = self.user() else { return };
        let (host, file) = (self.spot.host, &self.unit.file);
        let capabilities = file.list("Service", "AmbientCapabilities");
        let has = |names: &[&str]| names.iter().any(|name| capabilities.contains(name));
        let groups = [
            file.list("Service", "Group"),
            file.list("Service", "SupplementaryGroups"),
        ]
        .concat();
        let of_group = if groups.contains(&"root") { 0o050 } else { 0 };
        for line in &self.starts {
            let (prefix, _) = line.path();
            if prefix.contains('+') || prefix.contains('!') {
                continue;
            }
            let daemon = daemon_of(line);
            if daemon.is_some_and(|daemon| daemon.needs_root) && capabilities.is_empty() {
                self.fails(format!(
                    "{} has to be root's, and it is started as {user}",
                    line.program
                ));
            }
            if !has(&["CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"]) {
                for path in read_by(host, line) {
                    let can_read = |path: &str, bit: u32| {
                        let mode = host
                            .host
                            .files
                            .get(path)
                            .map_or_else(|| host.host.folders.get(path).copied().flatten(), |file| file.mode);
                        mode.is_none_or(|mode| mode & (bit | bit << 3 & of_group) != 0)
                    };
                    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
                    let is_reached = folders
                        .filter(|folder| !folder.is_empty())
                        .all(|folder| can_read(folder, 0o001));
                    if !can_read(path, 0o004) || !is_reached {
                        self.fails(format!("it is started as {user}, who may not read {path}"));
                    }
                }
            }
            if let Some((flag, otherwise)) = daemon.and_then(|daemon| daemon.writes) {
                let folder = line.flag(flag).unwrap_or(otherwise).trim_end_matches('/');
                let is_given = file
                    .list("Service", "StateDirectory")
                    .iter()
                    .any(|name| format!("/var/lib/{name}") == folder);
                let mode = host.host.folders.get(folder).copied().flatten();
                if !is_given && !has(&["CAP_DAC_OVERRIDE"]) && mode.is_some_and(|mode| mode & 0o002 == 0) {
                    self.fails(format!("it is started as {user}, who may not write to {folder}"));
                }
            }
        }
    }

    /// `Type=` has to be what the program does.
    fn check_type(&self, daemon: &Daemon) {
        let program = daemon.program;
        match self.kind() {
            "notify" | "notify-reload" if !daemon.notifies => {
                self.fails(format!(
                    "{program} never says that it is ready: with Type=notify systemd stops it"
                ));
            }
            "forking" => self.fails(format!(
                "{program} stays in the foreground: with Type=forking systemd stops it"
            )),
            "oneshot" => self.fails(format!(
                "{program} does not end: with Type=oneshot its start is never over"
            )),
            "dbus" => self.fails(format!("{program} is never on the bus that Type=dbus waits for")),
            _ => {}
        }
        let is_plain = |line: &&CommandLine| line.program == program && line.plain.len() > 1;
        for line in self.starts.iter().filter(is_plain) {
            let count = line.plain.len() - 1;
            self.fails(format!(
                "{program} refuses words that are no flags, and is given {count}"
            ));
        }
    }

    /// What keeps the program from its files, its network, or what it has to change of the machine.
    fn check_sandbox(&self, daemon: &Daemon) {
        let file = &self.unit.file;
        let is_set = |settings: &[&str]| settings.iter().any(|setting| !self.list(setting).is_empty());
        let paths: Vec<&str> = self
            .starts
            .iter()
            .flat_map(|line| read_by(self.spot.host, line))
            .collect();
        let writes = self
            .starts
            .iter()
            .find_map(|line| Some(line.flag(daemon.writes?.0).unwrap_or(daemon.writes?.1)));
        let covers = |above: &str, path: &str| {
            let above = above.trim_start_matches(['-', '+']).trim_end_matches('/');
            path == above || path.starts_with(&format!("{above}/"))
        };
        let hides = |setting: &str| {
            self.list(setting)
                .into_iter()
                .any(|above| paths.iter().any(|path| covers(above, path)))
        };
        let is_homely = |path: &&str| ["/root", "/home", "/run/user"].iter().any(|home| covers(home, path));
        let families = self.list("RestrictAddressFamilies");
        let bounded = self.list("CapabilityBoundingSet");
        let needed = if daemon.program == "kubelet" || daemon.program == "containerd" {
            "CAP_SYS_ADMIN"
        } else {
            "CAP_NET_ADMIN"
        };
        let is_read_only = writes.is_some_and(|folder| {
            self.list("ReadOnlyPaths")
                .into_iter()
                .any(|above| covers(above, folder))
                || file.service("ProtectSystem") == Some("strict")
                    && !is_set(&["StateDirectory"])
                    && !self
                        .list("ReadWritePaths")
                        .into_iter()
                        .any(|above| covers(above, folder))
        });
        #[rustfmt::skip]
        let rows = [
            (self.is_on("PrivateNetwork"), "PrivateNetwork= leaves it without a network"),
            (self.list("IPAddressDeny").contains(&"any") && !is_set(&["IPAddressAllow"]), "IPAddressDeny=any leaves it without a network"),
            (!families.is_empty() && !families[0].starts_with('~') && families[0] != "none" && !families.contains(&"AF_INET"),
                "RestrictAddressFamilies= lacks AF_INET"),
            (is_read_only, "it may not write where it keeps its data"),
            (hides("InaccessiblePaths") || hides("TemporaryFileSystem"), "its own files are hidden from it"),
            (!matches!(file.service("ProtectHome"), None | Some("no" | "false" | "off" | "0" | "n" | "f" | "read-only"))
                && paths.iter().any(is_homely), "ProtectHome= hides its own files from it"),
            (daemon.needs_root && ["ProtectKernelTunables", "ProtectControlGroups", "PrivateDevices", "PrivateUsers"].into_iter()
                .filter(|setting| daemon.program == "kubelet" || *setting == "ProtectKernelTunables" || *setting == "PrivateUsers")
                .any(|setting| self.is_on(setting)), "it may not change of the machine what it has to"),
            (daemon.needs_root && !bounded.is_empty() && !bounded[0].starts_with('~') && !bounded.contains(&needed),
                "CapabilityBoundingSet= takes from it what it needs"),
        ];
        for (_, message) in rows.into_iter().filter(|(holds, _)| *holds) {
            self.fails(message);
        }
    }

    /// Whether it stays up, and is started again when it is not.
    fn check_stays(&self, daemon: &Daemon) {
        let file = &self.unit.file;
        let program = daemon.program;
        let span = |setting| file.service(setting).and_then(seconds);
        let is_below = |setting: &str, least: f64| {
            let smallest = file
                .service(setting)
                .and_then(|value| value.split(':').filter_map(bytes).reduce(f64::min));
            smallest.is_some_and(|value| value < least)
        };
        let of_either = |settings: [&str; 2], otherwise: f64, read: fn(&str) -> Option<f64>| {
            let said = settings.iter().find_map(|name| {
                let values = [file.values("Unit", name), file.values("Service", name)].concat();
                values.last().copied().and_then(read)
            });
            said.unwrap_or(otherwise)
        };
        let window = of_either(["StartLimitIntervalSec", "StartLimitInterval"], 10.0, seconds);
        let burst = of_either(["StartLimitBurst", "StartLimitBurst"], 5.0, bytes);
        let pause = span("RestartSec").unwrap_or(0.1);
        let acts = ["FailureAction", "SuccessAction", "StartLimitAction"]
            .into_iter()
            .any(|setting| {
                let values = [file.values("Unit", setting), file.values("Service", setting)].concat();
                values.last().is_some_and(|action| *action != "none")
            });
        let restarts = matches!(file.service("Restart"), Some("always" | "on-failure"));
        let startup = span("TimeoutStartSec").or(span("TimeoutSec"));
        #[rustfmt::skip]
        let rows = [
            (!restarts, "Restart= is neither on-failure nor always: it stays down when it fails".to_owned()),
            (restarts && pause * burst < window, format!("after {burst} failures within {window} seconds systemd leaves it down: \
                RestartSec= is too short")),
            (restarts && pause > 600.0, format!("it stays down for {pause} seconds when it fails")),
            (!file.values("Service", "RestartPreventExitStatus").is_empty(), "RestartPreventExitStatus= leaves it down".to_owned()),
            (acts, "the machine is stopped or started anew with it".to_owned()),
            (span("RuntimeMaxSec").is_some_and(f64::is_finite), "RuntimeMaxSec= stops it while it works".to_owned()),
            (program != "kubelet" && span("WatchdogSec").is_some_and(|span| span > 0.0 && span.is_finite()),
                format!("{program} never answers WatchdogSec=, so that systemd stops it")),
            (self.kind().starts_with("notify") && startup.is_some_and(|span| span > 0.0 && span < 15.0),
                "it may take longer to be ready than systemd waits".to_owned()),
            (is_below("LimitNOFILE", 1024.0), "LimitNOFILE= is less than it needs".to_owned()),
            (is_below("LimitNPROC", 64.0) || is_below("TasksMax", 64.0), "it may have fewer threads than it needs".to_owned()),
            (["MemoryMax", "MemoryHigh", "MemoryLimit", "LimitAS"].iter().any(|setting| is_below(setting, 67_108_864.0)),
                "it may have less memory than it needs".to_owned()),
            (is_below("LimitFSIZE", 67_108_864.0), "LimitFSIZE= is less than its files need".to_owned()),
        ];
        for (_, message) in rows.into_iter().filter(|(holds, _)| *holds) {
            self.report(codes::FRAGILE_UNIT, message);
        }
    }
}

/// The files of a host that a program reads: those that its flags name, and those that its configuration and kubeconfigs do.
fn read_by<'v>(host: &'v HostView<'v>, line: &CommandLine) -> Vec<&'v str> {
    let mut found: BTreeSet<&str> = line
        .flags
        .values()
        .flatten()
        .filter_map(|value| host.resolve(value))
        .collect();
    let mut next: Vec<&str> = found.iter().copied().collect();
    while let Some(path) = next.pop() {
        for document in host.documents(path) {
            let mut add = |text: &str| {
                if let Some(path) = host.resolve(text)
                    && found.insert(path)
                {
                    next.push(path);
                }
            };
            texts(document, &mut add);
        }
    }
    found.into_iter().collect()
}

fn texts(tree: &Tree, add: &mut impl FnMut(&str)) {
    match tree {
        Tree::Text(text) => add(text),
        Tree::Plain(_) => {}
        Tree::List(items) => items.iter().for_each(|item| texts(item, add)),
        Tree::Map(fields) => fields.iter().for_each(|(_, value)| texts(value, add)),
    }
}

/// Drop-ins that nothing reads.
fn check_drop_ins(view: &View<'_>, host: &HostView<'_>) {
    for folder in UNIT_FOLDERS {
        let below = format!("{folder}/");
        let from = host.host.files.range(below.clone()..).map(|(path, _)| path.as_str());
        for (path, rest) in from.map_while(|path| Some((path, path.strip_prefix(&below)?))) {
            let Some((of_unit, part)) = rest.split_once('/') else {
                continue;
            };
            let spot = Spot { view, host, path };
            let no_effect = |message: &str| spot.report(codes::NO_EFFECT, message);
            let Some(unit) = of_unit.strip_suffix(".d") else {
                continue;
            };
            if !unit.ends_with(".service") && !unit.contains('.') {
                no_effect(
                    "systemd reads drop-ins of a service from a folder called as the service, with .service.d at its end",
                );
            } else if unit.ends_with(".service") && !part.ends_with(".conf") {
                no_effect("systemd reads drop-ins whose names end in .conf alone");
            } else if let Some(stem) = unit.strip_suffix(".service")
                && !host.units.iter().any(|one| one.name() == unit)
                && !(is_in(OF_PACKAGES, stem)
                    || stem.starts_with("systemd-")
                    || stem.ends_with('-')
                    || stem.contains('@'))
                && host.host.is_bundle()
            {
                no_effect("nothing here brings the unit that it is for");
            }
        }
    }
}

/// What a file says that its host is: the program that it is there for.
fn there_for(document: &Tree) -> Option<&'static str> {
    Some(match document.kind() {
        "KubeletConfiguration" => "kubelet",
        "KubeProxyConfiguration" => "kube-proxy",
        "KubeSchedulerConfiguration" => "kube-scheduler",
        "EncryptionConfiguration" | "EncryptionConfig" => "kube-apiserver",
        "Policy"
            if document
                .text_at(&["apiVersion"])
                .is_some_and(|version| version.starts_with("audit.")) =>
        {
            "kube-apiserver"
        }
        _ => return None,
    })
}

/// By the user that a kubeconfig logs in as.
pub(crate) fn logs_in_for(user: &str) -> Option<&'static str> {
    match user.strip_prefix("system:")? {
        "kube-controller-manager" => Some("kube-controller-manager"),
        "kube-scheduler" => Some("kube-scheduler"),
        "kube-proxy" => Some("kube-proxy"),
        user if user.starts_with("node:") => Some("kubelet"),
        _ => None,
    }
}

/// Roles that a manifest gives a host, and what each starts.
const ROLES: &[(&str, &[&str])] = &[
    (
        "control-plane",
        &["kube-apiserver", "kube-controller-manager", "kube-scheduler"],
    ),
    ("etcd", &["etcd"]),
    ("worker", &["kubelet"]),
];

/// A unit for each program that files of the host are there for.
fn check_lacking(view: &View<'_>, host: &HostView<'_>) {
    let found = host.host;
    let has_static_pods = host.all_documents().any(|document| document.kind() == "Pod");
    // Of a machine a part may have been copied, without its units.
    if found.loose || has_static_pods || !found.is_bundle() && host.units.is_empty() {
        return;
    }
    let report = |path: &str, program: &str| {
        let of_package = format!("{}/{program}.service.d/", UNIT_FOLDERS[0]);
        let has_drop_in = found.files.keys().any(|path| path.starts_with(&of_package));
        if !host.runs(program) && (found.is_bundle() || !has_drop_in) {
            let message = format!("no unit of this host starts {program}, which it is for");
            Spot { view, host, path }.report(codes::MISSING_UNIT, message);
        }
    };
    let is_kept = |path: &str| {
        ["/root/", "/home/", "/tmp/"]
            .iter()
            .any(|folder| path.starts_with(folder))
    };
    for (path, documents) in host.documents.iter().filter(|(path, _)| !is_kept(path)) {
        for document in documents.iter() {
            there_for(document)
                .into_iter()
                .for_each(|program| report(path, program));
            for user in document
                .items_at(&["users"])
                .iter()
                .filter(|_| document.kind() == "Config")
            {
                let leaf = client_of(Spot { view, host, path }, user);
                let program = leaf.as_ref().and_then(|leaf| logs_in_for(leaf.user()));
                program.into_iter().for_each(|program| report(path, program));
            }
        }
    }
    for (path, items) in &host.pem {
        let shows = certificates_of(items)
            .first()
            .is_some_and(|leaf| leaf.server_auth && !leaf.authority);
        let is_used = || {
            host.commands
                .iter()
                .any(|command| command.line.flags.values().flatten().any(|value| value == path))
        };
        if path.starts_with("/etc/etcd/") && shows && !is_used() {
            report(path, "etcd");
        }
    }
    for (_, programs) in ROLES
        .iter()
        .filter(|(role, _)| found.about.roles.iter().any(|one| one == role))
    {
        programs.iter().for_each(|program| report("", program));
    }
}

/// Programs that run beside another on all of its hosts, where they do on one.
const BESIDE: [(&str, &str); 3] = [
    ("kubelet", "kube-proxy"),
    ("kube-apiserver", "kube-controller-manager"),
    ("kube-apiserver", "kube-scheduler"),
];

/// A cluster with API servers has somebody who decides what runs, and where; and what runs beside others does so everywhere.
fn check_control_plane(view: &View<'_>) {
    for (program, other) in BESIDE {
        let hosts = || view.hosts.iter().filter(|host| host.runs(program));
        let lacking = hosts().filter(|host| !host.runs(other));
        if let Some(has) = hosts().find(|host| host.runs(other)) {
            for (host, command) in lacking.filter_map(|host| Some((host, host.programs(program).next()?))) {
                let message = format!(
                    "no unit of this host starts {other}, which {} has beside {program}",
                    has.name
                );
                Spot {
                    view,
                    host,
                    path: command.path,
                }
                .report(codes::MISSING_UNIT, message);
            }
        }
    }
    let Some(api) = running(view, "kube-apiserver").next().filter(|_| view.whole) else {
        return;
    };
    for program in ["kube-controller-manager", "kube-scheduler"] {
        if !view.hosts.iter().any(|host| host.runs(program)) {
            api.report(
                codes::MISSING_UNIT,
                format!("no host here has a unit that starts {program}"),
            );
        }
    }
}
