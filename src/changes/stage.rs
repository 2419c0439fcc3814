//! What a step is: on which host, at which stage, what is done there.

/// What is done before what: who goes is let go of before it goes, who comes is counted on when it is there; a member of etcd is
/// right before the API servers that write to it, nodes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What has to be true before anything is touched.
    Precondition,
    /// API servers that no longer call members of etcd, before those go.
    LettingGo,
    /// Members of etcd that come, and those whose place they take.
    Membership,
    Etcd,
    /// API servers that come, before load balancers lead anybody to them.
    NewApiServer,
    LoadBalancer,
    /// API servers that stay: load balancers lead to those that came meanwhile.
    ApiServer,
    ControlPlane,
    /// Members of etcd and control planes that go.
    Departure,
    Manifests,
    Other,
    Node,
    /// Nodes whose pods are moved away first, and may come back after.
    EmptiedNode,
    /// Nodes that go.
    NodeDeparture,
    /// What changed files are read again without a restart.
    PickingUp,
    Retirement,
}

impl Stage {
    /// What it is about, and how to go about it on several hosts.
    pub fn title(self) -> &'static str {
        match self {
            Stage::Precondition => "what has to be true before anything is touched: do not go on otherwise",
            Stage::LettingGo => "API servers, one at a time, before the members of etcd go that they no longer call",
            Stage::Membership => "members of etcd that come and go, one at a time and in this order",
            Stage::Etcd => "etcd, one member at a time: go on when every member is healthy",
            Stage::NewApiServer => "API servers that come",
            Stage::LoadBalancer => "load balancers, one at a time",
            Stage::ApiServer => "API servers, one at a time: go on when the last one is ready",
            Stage::ControlPlane => "controller managers and schedulers",
            Stage::Departure => "what goes of the control plane, now that nobody calls it",
            Stage::Manifests => "objects in the cluster",
            Stage::Other => "other units, and hosts that run none",
            Stage::Node => "nodes, one at a time: go on when the last one is Ready",
            Stage::EmptiedNode => {
                "nodes that are emptied first, one at a time and in this order: go on when the last one is Ready"
            }
            Stage::NodeDeparture => "nodes that go, one at a time",
            Stage::PickingUp => {
                "what is read again without a restart, when every host has its files: all is done when this is over"
            }
            Stage::Retirement => "hosts that are no longer part of the cluster",
        }
    }

    /// Whether its steps build on each other: none may be done before another of the same stage that stands before it.
    pub fn is_in_order(self) -> bool {
        matches!(
            self,
            Stage::Membership | Stage::Departure | Stage::EmptiedNode | Stage::NodeDeparture
        )
    }

    pub fn name(self) -> &'static str {
        match self {
            Stage::Precondition => "precondition",
            Stage::LettingGo => "letting-go",
            Stage::Membership => "membership",
            Stage::Etcd => "etcd",
            Stage::NewApiServer => "new-api-server",
            Stage::LoadBalancer => "load-balancer",
            Stage::ApiServer => "api-server",
            Stage::ControlPlane => "control-plane",
            Stage::Departure => "departure",
            Stage::Manifests => "manifests",
            Stage::Other => "other",
            Stage::Node => "node",
            Stage::EmptiedNode => "emptied-node",
            Stage::NodeDeparture => "node-departure",
            Stage::PickingUp => "picking-up",
            Stage::Retirement => "retirement",
        }
    }

    /// The stage at which what is restarted at this one is stopped for good, on a host that stays: a control plane when nobody calls it any
    /// more, all of a node that `goes` when it is empty.
    pub fn of_stopping(self, goes: bool) -> Stage {
        match self {
            Stage::ApiServer | Stage::ControlPlane => Stage::Departure,
            Stage::Node if goes => Stage::NodeDeparture,
            stage => stage,
        }
    }

    /// The stage at which a program's units are restarted.
    pub fn of_program(program: &str) -> Stage {
        match program {
            "etcd" => Stage::Etcd,
            "kube-apiserver" => Stage::ApiServer,
            "kube-controller-manager" | "kube-scheduler" => Stage::ControlPlane,
            "nginx" | "haproxy" | "keepalived" => Stage::LoadBalancer,
            "kubelet" | "kube-proxy" | "containerd" | "docker" | "dockerd" => Stage::Node,
            _ => Stage::Other,
        }
    }
}

/// The kind of what no command does.
pub(super) const BY_HAND: &str = "by-hand";

/// Where manifests of static pods are put aside, out of the kubelet's sight.
const BEFORE: &str = "/root/manifests-before";

/// One thing to do on a host, as root. Of what changed files ask for, this is the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Take back what a manifest made, once for the whole cluster, before the file is gone.
    Unapply(String),
    /// The machine gets another name.
    Rename(String),
    /// Programs that a machine needs which comes or gets another task: no bundle has them.
    Bring(String),
    /// A program that reads the old configuration as well as the new one, which an older one would misread: before the bundle is put there.
    ReplaceFirst(String),
    /// What has to be true of the program that was put in place, before the bundle is put there.
    Check(String),
    /// Put the bundle there: in the folder that it was unpacked to.
    Install,
    /// A static pod whose program gets a unit: away with its manifest, until the kubelet has stopped it.
    StopPod {
        manifest: String,
        program: String,
    },
    /// A unit that is no longer there.
    Stop(String),
    DaemonReload,
    /// Modules of the kernel, which settings of it need.
    LoadModules,
    Run(String),
    /// Another release of a program: which, of what.
    Replace(String),
    /// A unit that was not there.
    Start(String),
    Restart(String),
    Reload(String),
    /// Until programs have read by themselves what changed: after how long, and which, where that has to be told.
    Wait {
        seconds: u16,
        programs: String,
    },
    /// A manifest, once for the whole cluster: the command.
    Apply(String),
    /// A command that is repeated until it succeeds.
    Until(String),
    /// A node is emptied, by a command that is repeated until it succeeds.
    Drain {
        node: String,
        command: String,
    },
    /// What no command does.
    ByHand(String),
}

impl Action {
    /// Who does it: `install` and `run` once, `until` as often as it takes; `by-hand` is a person's.
    pub fn kind(&self) -> &'static str {
        match self {
            Action::Install => "install",
            Action::Until(_) | Action::Drain { .. } => "until",
            Action::Bring(_) | Action::ReplaceFirst(_) | Action::Replace(_) | Action::ByHand(_) => BY_HAND,
            _ => "run",
        }
    }

    /// The command as a shell takes it; of what is by hand, the words.
    pub fn text(&self) -> String {
        match self {
            Action::Rename(name) => format!("hostnamectl set-hostname {}", quoted(name)),
            Action::Install => "./install.sh".to_owned(),
            Action::LoadModules => "systemctl restart systemd-modules-load".to_owned(),
            // Processes of a pod are the machine's own, and go by the name of their program.
            Action::StopPod { manifest, program } => format!(
                "mkdir -p {BEFORE} && mv {} {BEFORE}/ && while pgrep -f {} >/dev/null; do sleep 1; done",
                quoted(manifest),
                quoted(&format!("^(/[a-z/-]*/)?{program} ")),
            ),
            Action::Stop(unit) => format!("systemctl disable --now {}", quoted(unit)),
            Action::DaemonReload => "systemctl daemon-reload".to_owned(),
            Action::Bring(programs) => format!("bring {programs}: INSTALL.md says more of each"),
            Action::ReplaceFirst(program) | Action::Replace(program) => format!("put {program} in place"),
            // A package may have started it already, with files of its own.
            Action::Start(unit) => format!("systemctl enable {0} && systemctl restart {0}", quoted(unit)),
            Action::Restart(unit) => format!("systemctl restart {}", quoted(unit)),
            Action::Reload(unit) => format!("systemctl reload {}", quoted(unit)),
            Action::Wait { seconds, programs } if programs.is_empty() => format!("sleep {seconds}"),
            // It is the last on its line, so a shell takes the words for a comment.
            Action::Wait { seconds, programs } => format!("sleep {seconds} # for {programs}"),
            Action::Unapply(text)
            | Action::Run(text)
            | Action::Check(text)
            | Action::Apply(text)
            | Action::Until(text)
            | Action::Drain { command: text, .. }
            | Action::ByHand(text) => text.clone(),
        }
    }
}

/// What to do on one host at one stage, in one shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: Stage,
    pub host: String,
    /// What the commands find in their environment: names and values.
    pub environment: Vec<(String, String)>,
    pub actions: Vec<Action>,
}

impl Step {
    pub fn new(stage: Stage, host: &str, actions: Vec<Action>) -> Step {
        Step {
            stage,
            host: host.to_owned(),
            environment: Vec::new(),
            actions,
        }
    }
}

/// A word as a shell takes it for just that: what stands in a bundle that somebody gave us is nobody's command.
pub fn quoted(word: &str) -> String {
    // Nothing else than a NUL can't be quoted, and no path, name or URL has one.
    shlex::try_quote(word).map_or_else(|_| "''".to_owned(), |quoted| quoted.into_owned())
}
