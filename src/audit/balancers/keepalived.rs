//! keepalived's configuration, as far as VRRP goes (keepalived.conf(5)): which addresses a host carries together with others, and
//! what it watches meanwhile. Virtual servers of IPVS are passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::service::shown;
use crate::pki::digest::sha256_hex;

/// What a configuration says.
#[derive(Clone, Debug, Default)]
pub struct Keepalived {
    /// The lines that keepalived refuses, and why.
    pub refused: Vec<(usize, String)>,
    /// Whether `global_defs` names an interface for those that name none.
    has_interface: bool,
    pub routers: Vec<VirtualRouter>,
    /// The command of each `vrrp_script`.
    pub scripts: BTreeMap<String, String>,
    /// The process that each `vrrp_track_process` watches.
    pub processes: BTreeMap<String, String>,
}

/// A `vrrp_instance`: one host's part in carrying addresses.
#[derive(Clone, Debug, Default)]
pub struct VirtualRouter {
    pub name: String,
    pub is_master: bool,
    pub stays: bool,
    pub interface: String,
    pub id: Option<u8>,
    pub priority: u8,
    /// Seconds between advertisements, as they stand there.
    pub interval: String,
    pub version: String,
    pub source: Option<IpAddr>,
    /// None where it speaks to all of its network.
    pub peers: Option<Vec<IpAddr>>,
    pub addresses: Vec<IpAddr>,
    /// Its kind, and the digest of the password.
    pub authentication: (String, String),
    pub scripts: Vec<String>,
    pub processes: Vec<String>,
    /// Whether anything else is watched: interfaces, files, BFD, a group.
    pub watches_more: bool,
}

/// A line, and the block behind it.
#[derive(Debug, Default)]
struct Statement {
    words: Vec<String>,
    line: usize,
    block: Option<Vec<Statement>>,
}

#[rustfmt::skip]
const TOP: &[&str] = &[
    "global_defs", "vrrp_instance", "vrrp_script", "vrrp_track_process", "vrrp_track_file", "track_file", "vrrp_sync_group",
    "virtual_server", "virtual_server_group", "static_ipaddress", "static_routes", "static_rules", "static_track_group", "linkbeat_use_polling",
    "linkbeat_interfaces", "interface_up_down_delays", "bfd_instance", "garp_group", "net_namespace", "net_namespace_ipvs", "namespace_with_ipsets",
    "instance", "use_pid_dir", "child_wait_time", "process_names", "config_save_dir", "global_namespace", "vrrp_ipsets", "random_seed",
    "ssl", "SSL", "include", "includer", "includem", "includew", "includeb", "includea",
];

/// What follows a word.
#[derive(Clone, Copy, PartialEq)]
enum Follows {
    Words,
    Block,
    Anything,
}
use Follows::*;

/// What an instance takes.
#[rustfmt::skip]
const OF_INSTANCE: &[(Follows, &[&str])] = &[
    (Words, &[
        "state", "interface", "virtual_router_id", "priority", "advert_int", "unicast_src_ip", "mcast_src_ip", "mcast_dst_ip", "version",
        "garp_master_delay", "garp_master_repeat", "garp_master_refresh", "garp_master_refresh_repeat", "garp_lower_prio_delay",
        "garp_lower_prio_repeat", "preempt_delay", "down_timer_adverts", "lvs_sync_daemon_interface", "kernel_rx_buf_size",
    ]),
    (Block, &[
        "unicast_peer", "virtual_ipaddress", "virtual_ipaddress_excluded", "virtual_routes", "virtual_rules", "track_script",
        "track_interface", "track_process", "track_file", "track_bfd", "authentication",
    ]),
    (Anything, &[
        "track_src_ip", "nopreempt", "preempt", "dont_track_primary", "native_ipv6", "accept", "no_accept", "debug", "smtp_alert", "strict_mode", "skip_check_adv_addr",
        "use_vmac", "use_vmac_addr", "vmac_xmit_base", "vmac_addr", "use_ipvlan", "promote_secondaries", "linkbeat_use_polling",
        "higher_prio_send_advert", "lower_prio_no_advert", "old_unicast_checksum", "unicast_fault_no_peer", "unicast_ttl",
        "check_unicast_src", "notify", "notify_backup", "notify_fault", "notify_master", "notify_stop", "notify_deleted",
        "notify_master_rx_lower_pri", "notify_priority_changes", "garp_extra_if", "vmac_garp_intvl", "track_group", "vmac_garp_extra_if",
        "v3_checksum_as_v2", "timeout_epilog", "include", "thread_timer_expired",
    ]),
];

#[rustfmt::skip]
const OF_SCRIPT: &[(Follows, &[&str])] = &[
    (Words, &["script", "interval", "timeout", "weight", "rise", "fall", "user"]), (Anything, &["init_fail", "include"]),
];

#[rustfmt::skip]
const OF_PROCESS: &[(Follows, &[&str])] = &[
    (Words, &["process", "param_match", "weight", "quorum", "quorum_max", "delay", "fork_delay", "terminate_delay"]),
    (Anything, &["full_command", "include"]),
];

#[rustfmt::skip]
const GLOBAL: &[(Follows, &[&str])] = &[
    (Words, &["router_id", "smtp_server", "notification_email_from", "vrrp_version", "script_user", "default_interface"]),
    (Anything, &[
        "notification_email", "smtp_connect_timeout", "smtp_helo_name", "smtp_alert", "smtp_alert_checker", "smtp_alert_vrrp",
        "no_email_faults", "no_checker_emails", "dynamic_interfaces", "enable_script_security", "disable_local_igmp", "lvs_flush",
        "lvs_flush_on_stop", "lvs_flush_onstop", "lvs_sync_daemon", "lvs_timeouts", "lvs_process_name", "lvs_notify_fifo",
        "lvs_notify_fifo_script", "use_symlink_paths", "use_pid_dir", "process_names", "umask", "random_seed", "instance",
        "net_namespace", "net_namespace_ipvs", "namespace_with_ipsets", "snmp_socket", "tmp_config_directory", "config_save_dir",
        "data_use_instance", "startup_script", "startup_script_timeout", "shutdown_script", "shutdown_script_timeout", "rs_init_notifies",
        "max_auto_priority", "min_auto_priority_delay", "notify_fifo", "notify_fifo_script", "fifo_write_vrrp_states_on_reload", "nftables",
        "log_unknown_vrids", "dbus_service_name", "dbus_no_interface_name", "child_wait_time", "iproute_usr_dir", "iproute_etc_dir", "json_version",
        "state_dump_file", "stats_dump_file", "json_dump_file",
    ]),
];

/// What begins so is known in `global_defs`.
const GLOBAL_FAMILIES: &[&str] = &[
    "vrrp_",
    "checker_",
    "bfd_",
    "nftables_",
    "enable_",
    "reload_",
    "vmac_",
    "process_monitor",
    "lvs_netlink_",
    "include",
];

/// Reads the text of a file; none if it is not keepalived's.
pub(super) fn read(path: &str, text: &str) -> Option<Keepalived> {
    let mut read = Keepalived::default();
    let statements = statements(text, &mut read);
    let is_of_vrrp = |one: &Statement| one.name() == "vrrp_instance";
    if !(path.contains("keepalived") && path.ends_with(".conf") || statements.iter().any(is_of_vrrp)) {
        return None;
    }
    let of_all = statements.iter().filter(|one| one.name() == "global_defs");
    read.has_interface = of_all.into_iter().any(|one| one.value("default_interface").is_some());
    for statement in &statements {
        match statement.name() {
            "vrrp_instance" => read_router(statement, &mut read),
            "vrrp_script" => {
                known("vrrp_script", OF_SCRIPT, statement, &mut read);
                let command = statement.value("script").unwrap_or_default();
                if command.is_empty() {
                    read.refuse(statement.line, "a vrrp_script has no script");
                }
                read.scripts.insert(statement.second().to_owned(), command.to_owned());
            }
            "vrrp_track_process" => {
                known("vrrp_track_process", OF_PROCESS, statement, &mut read);
                let delay = statement.value("delay");
                if delay.is_some_and(|delay| {
                    delay
                        .parse::<f64>()
                        .map_or(true, |delay| !(0.000_001..=3600.0).contains(&delay))
                }) {
                    read.refuse(statement.line, "a vrrp_track_process has a delay that it does not take");
                }
                let process = statement.value("process").unwrap_or_default();
                if process.is_empty() {
                    read.refuse(statement.line, "a vrrp_track_process has no process");
                }
                read.processes.insert(statement.second().to_owned(), process.to_owned());
            }
            "global_defs" => known("global_defs", GLOBAL, statement, &mut read),
            name if TOP.contains(&name) => {}
            name => read.refuse(
                statement.line,
                format!("{} is no word of keepalived there", shown(name)),
            ),
        }
        let needs_name = matches!(
            statement.name(),
            "vrrp_instance" | "vrrp_script" | "vrrp_track_process" | "vrrp_sync_group"
        );
        if needs_name && statement.words.len() < 2 {
            read.refuse(statement.line, format!("{} has no name", statement.name()));
        }
    }
    check_watched(&mut read);
    Some(read)
}

impl Keepalived {
    fn refuse(&mut self, line: usize, why: impl Into<String>) {
        self.refused.push((line, why.into()));
    }
}

impl Statement {
    fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn second(&self) -> &str {
        self.words.get(1).map_or("", String::as_str)
    }

    fn block(&self) -> &[Statement] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The last statement of its block that begins with a word.
    fn find(&self, name: &str) -> Option<&Statement> {
        self.block().iter().rev().find(|one| one.name() == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.find(name).map(Statement::second)
    }
}

// --- lines and blocks --------------------------------------------------------------------------------------------------

const DEEPEST: usize = 32;

fn statements(text: &str, read: &mut Keepalived) -> Vec<Statement> {
    let mut open: Vec<(Statement, Vec<Statement>)> = Vec::new();
    let mut done: Vec<Statement> = Vec::new();
    let mut last = 0;
    for (line, number) in text.lines().zip(1..) {
        last = number;
        let mut current = Statement::default();
        let words = words(line);
        // A definition, or a line for some hosts alone.
        if words.first().is_some_and(|word| word.starts_with(['$', '@', '~'])) {
            continue;
        }
        for word in words {
            match word.as_str() {
                "{" => {
                    // It may stand on a line of its own, below what it is for.
                    let before = match current.words.is_empty() {
                        true => done.pop().filter(|before| before.block.is_none()),
                        false => Some(std::mem::take(&mut current)),
                    };
                    match before.filter(|_| open.len() < DEEPEST) {
                        Some(before) => open.push((before, std::mem::take(&mut done))),
                        None => return refused(read, number, "an unexpected `{`", done),
                    }
                }
                "}" => {
                    if !current.words.is_empty() {
                        done.push(std::mem::take(&mut current));
                    }
                    match open.pop() {
                        Some((mut statement, before)) => {
                            statement.block = Some(std::mem::replace(&mut done, before));
                            done.push(statement);
                        }
                        None => return refused(read, number, "an unexpected `}`", done),
                    }
                }
                _ => {
                    current.line = number;
                    current.words.push(word);
                }
            }
        }
        if !current.words.is_empty() {
            done.push(current);
        }
    }
    if !open.is_empty() {
        read.refuse(last, "a block does not end");
    }
    while let Some((mut statement, before)) = open.pop() {
        statement.block = Some(std::mem::replace(&mut done, before));
        done.push(statement);
    }
    done
}

fn refused(read: &mut Keepalived, line: usize, why: &str, done: Vec<Statement>) -> Vec<Statement> {
    read.refuse(line, why);
    done
}

/// The words of a line: quotes, and a comment from `#` or `!` on.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#' | '!') => break,
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

// --- what it takes -----------------------------------------------------------------------------------------------------

fn known(kind: &str, table: &[(Follows, &[&str])], statement: &Statement, read: &mut Keepalived) {
    if statement.block.is_none() {
        read.refuse(statement.line, format!("{kind} has no block"));
    }
    for one in statement.block() {
        let name = one.name();
        match table.iter().find(|(_, names)| names.contains(&name)) {
            Some((Words, _)) if one.words.len() < 2 => read.refuse(one.line, format!("{name} needs a word after it")),
            Some((Block, _)) if one.block.is_none() => read.refuse(one.line, format!("{name} has no block")),
            Some((Words | Anything, _)) if one.block.is_some() && kind != "global_defs" => {
                read.refuse(one.line, format!("{name} takes no block"));
            }
            Some(_) => {}
            None if kind == "global_defs" && GLOBAL_FAMILIES.iter().any(|start| name.starts_with(start)) => {}
            None => read.refuse(one.line, format!("{} is no word of keepalived in {kind}", shown(name))),
        }
    }
}

fn read_router(statement: &Statement, read: &mut Keepalived) {
    known("vrrp_instance", OF_INSTANCE, statement, read);
    let by_default = read.has_interface;
    let line = statement.line;
    let value = |name: &str| statement.value(name);
    let mut refuse = |why: String| {
        read.refused
            .push((line, format!("vrrp_instance {}: {why}", shown(statement.second()))))
    };
    let is_variable = |text: &str| text.contains('$');
    let mut number = |name: &str, missing: bool| match value(name) {
        Some(text) => {
            let number = text.parse::<u8>().ok().filter(|number| *number > 0);
            if number.is_none() && !is_variable(text) {
                refuse(format!("{name} has to be from 1 to 255"));
            }
            number
        }
        None => {
            if missing {
                refuse(format!("it has no {name}"));
            }
            None
        }
    };
    let (id, priority) = (number("virtual_router_id", true), number("priority", false));
    let state = value("state");
    if state.is_some_and(|state| !["MASTER", "BACKUP"].contains(&state) && !is_variable(state)) {
        refuse("its state is neither MASTER nor BACKUP".to_owned());
    }
    let interface = value("interface").unwrap_or_default();
    if interface.is_empty() && !by_default {
        refuse("it has no interface".to_owned());
    }
    if interface == "lo" || interface.len() > 15 && !is_variable(interface) {
        refuse("its interface can't be one that addresses are shared on".to_owned());
    }
    let interval = value("advert_int").unwrap_or("1");
    if interval
        .parse::<f64>()
        .map_or(true, |seconds| !(0.01..=255.0).contains(&seconds))
        && !is_variable(interval)
    {
        refuse("advert_int is no time".to_owned());
    }
    let mut address = |text: &str, what: &str| {
        let bare = text.split('/').next().unwrap_or(text);
        let address = bare.parse::<IpAddr>().ok();
        if address.is_none() && !is_variable(text) {
            refuse(format!("{what} has something that is no address"));
        }
        address
    };
    let addresses: Vec<IpAddr> = ["virtual_ipaddress", "virtual_ipaddress_excluded"]
        .iter()
        .filter_map(|name| statement.find(name))
        .flat_map(Statement::block)
        .filter_map(|one| address(one.name(), "virtual_ipaddress"))
        .collect();
    let source = value("unicast_src_ip").and_then(|text| address(text, "unicast_src_ip"));
    let peers: Option<Vec<IpAddr>> = statement.find("unicast_peer").map(|peers| {
        let peers = peers
            .block()
            .iter()
            .filter_map(|one| address(one.name(), "unicast_peer"));
        peers.collect()
    });
    if addresses.is_empty() {
        refuse("it carries no address".to_owned());
    }
    if source.is_some() && peers.as_ref().is_none_or(Vec::is_empty) {
        refuse("it speaks to peers, and has none".to_owned());
    }
    let family = addresses.first().map(IpAddr::is_ipv4);
    let own = statement
        .find("virtual_ipaddress")
        .map_or(0, |block| block.block().len());
    let mut alike = peers.iter().flatten().chain(&source).chain(addresses.iter().take(own));
    if alike.any(|one| Some(one.is_ipv4()) != family) && family.is_some() {
        refuse("its addresses are of both families".to_owned());
    }
    let names = |of: &str| -> Vec<String> {
        let all = statement.find(of).map_or(&[][..], Statement::block).iter();
        all.map(|one| one.name().to_owned()).collect()
    };
    let authentication = statement.find("authentication").map(|block| {
        let of = |name: &str| block.value(name).unwrap_or_default();
        (of("auth_type"), of("auth_pass"))
    });
    if authentication.is_some_and(|(kind, password)| !["PASS", "AH"].contains(&kind) || password.is_empty()) {
        refuse("its authentication has no kind, or no password".to_owned());
    }
    let more = ["track_interface", "track_file", "track_bfd", "track_group"];
    let router = VirtualRouter {
        name: statement.second().to_owned(),
        is_master: state == Some("MASTER"),
        stays: statement.find("nopreempt").is_some(),
        interface: interface.to_owned(),
        id,
        priority: priority.unwrap_or(100),
        interval: interval.to_owned(),
        version: value("version").unwrap_or_default().to_owned(),
        source,
        peers,
        addresses,
        authentication: authentication.map_or_else(Default::default, |(kind, password)| {
            (kind.to_owned(), sha256_hex(password.as_bytes()))
        }),
        scripts: names("track_script"),
        processes: names("track_process"),
        watches_more: more.iter().any(|name| statement.find(name).is_some()),
    };
    read.routers.push(router);
}

/// Whether all that instances watch is there, and no two of them are one.
fn check_watched(read: &mut Keepalived) {
    let mut refused = Vec::new();
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for router in &read.routers {
        let scripts = router.scripts.iter().filter(|name| !read.scripts.contains_key(*name));
        let processes = router
            .processes
            .iter()
            .filter(|name| !read.processes.contains_key(*name));
        let of = shown(&router.name);
        for name in scripts {
            refused.push(format!(
                "vrrp_instance {of} tracks the script {}, which is not there",
                shown(name)
            ));
        }
        for name in processes {
            refused.push(format!(
                "vrrp_instance {of} tracks the process {}, which is not there",
                shown(name)
            ));
        }
        let family = router.addresses.first().map(IpAddr::is_ipv4);
        if router.id.is_some() && !ids.insert((router.interface.as_str(), family, router.id)) {
            refused.push(format!("vrrp_instance {of} has the virtual_router_id of another"));
        }
        if !names.insert(router.name.as_str()) {
            refused.push(format!("vrrp_instance {of} is there twice"));
        }
    }
    read.refused.extend(refused.into_iter().map(|why| (0, why)));
}
