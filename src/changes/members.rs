//! The members of etcd before and after, and the turns that lead from the ones to the others.
//!
//! etcd takes one change at a time, and only one that leaves a majority of started members
//! (<https://etcd.io/docs/v3.6/op-guide/runtime-configuration/>). A member that starts for the first time with
//! `--initial-cluster-state=existing` must name exactly the members that there are at that moment, itself among them: so what its
//! bundle names decides who has to be gone before it comes.

use std::collections::BTreeSet;

use super::bringing::bringing;
use super::calling::etcdctl_environment;
use super::sides::Pair;
use super::stage::{Action, Stage, Step, quoted};
use super::units::command_of;
use super::versions::etcd_version;
use super::warnings::Warning;
use crate::audit::unit::CommandLine;
use crate::catalog::releases::Version;
use crate::found::FoundHost;

/// A member as its own unit tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    host: String,
    name: String,
    /// As `--initial-advertise-peer-urls` has it.
    url: String,
}

impl Member {
    fn of(host: &FoundHost) -> Option<Member> {
        let etcd = command_of(host, "etcd")?;
        Some(Member {
            host: host.name.clone(),
            name: etcd.flag("name")?.to_owned(),
            url: etcd.flag("initial-advertise-peer-urls")?.to_owned(),
        })
    }

    /// As `--initial-cluster` has it.
    fn entry(&self) -> String {
        format!("{}={}", self.name, self.url)
    }
}

/// A member that comes.
#[derive(Clone)]
struct Arriving<'a> {
    member: Member,
    host: &'a FoundHost,
    /// The same machine, where it was there already with other tasks.
    before: Option<&'a FoundHost>,
}

/// One change of the membership.
enum Turn<'a> {
    Removal(Member),
    Arrival(Arriving<'a>),
    /// The peer URL of a member that stays.
    Move(Member, String),
}

/// What has to be done about the membership of etcd, in this order, and why it can't be done.
#[derive(Default)]
pub(super) struct Membership {
    /// At [`Stage::Membership`] and at [`Stage::Departure`].
    pub steps: Vec<Step>,
    pub obstacles: Vec<Warning>,
    /// The hosts whose bundles are put there in these steps.
    pub installed: BTreeSet<String>,
}

/// Whether a host takes the place of the machine that it was compared with: it joins, as that one did not.
fn is_another_machine(pair: &Pair<'_>) -> bool {
    let joins = |host: Option<&FoundHost>| host.is_some_and(|host| host.about.is_joining());
    joins(pair.new) && !joins(pair.old)
}

/// Whether a host goes, and did not go before.
pub(super) fn begins_to_leave(pair: &Pair<'_>) -> bool {
    let leaves = |host: Option<&FoundHost>| host.is_some_and(|host| host.about.is_leaving());
    leaves(pair.new) && !leaves(pair.old)
}

/// Whether a host is new to the cluster: it was none, or another machine had its name.
pub(super) fn arrives(pair: &Pair<'_>) -> bool {
    pair.new.is_some() && (pair.old.is_none() || is_another_machine(pair))
}

/// `whole`: whether all hosts of both sides are there.
pub(super) fn membership(pairs: &[Pair<'_>], whole: bool) -> Membership {
    let mut membership = Membership::default();
    let all = Members::of(pairs);
    if all.before.is_empty() || all.are_the_same() {
        return membership;
    }
    if !whole {
        let message =
            "members of etcd come or go, and the other members are not all here: compare the whole of both sides";
        membership.obstacles.push(Warning::mind(message, all.changing()));
        return membership;
    }
    let strange: Vec<String> = all.strange().map(|member| member.host.clone()).collect();
    if !strange.is_empty() {
        let message = "the name or the peer URL of its member of etcd has characters that mean something to a shell: give it others";
        membership.obstacles.push(Warning::mind(message, strange));
        return membership;
    }
    let left = all.before.len() - all.gone.len();
    if !all.gone.is_empty() && left <= all.before.len() / 2 {
        let message = format!(
            "of {} members of etcd {left} would be left, and without a majority nothing can be changed, not even to remove who is \
             dead: write state = \"leaving\" for those that still run, or restore the cluster first \
             (https://etcd.io/docs/v3.6/op-guide/recovery/)",
            all.before.len()
        );
        let gone = all.gone.iter().map(|member| member.host.clone()).collect();
        membership.obstacles.push(Warning::mind(message, gone));
        return membership;
    }
    let swapping: Vec<String> = all.swapping().map(|member| member.host.clone()).collect();
    if !swapping.is_empty() {
        let message = "its member of etcd gets the peer URL that another member has, and no two may have the same: let one of them \
             have another address first, in a build and a plan of its own";
        membership.obstacles.push(Warning::mind(message, swapping));
        return membership;
    }
    let founding: Vec<String> = all
        .arriving
        .iter()
        .filter(|arriving| founds(arriving.host))
        .map(|arriving| arriving.member.host.clone())
        .collect();
    if !founding.is_empty() {
        let message = "the host would found a second, empty cluster of etcd: where one runs, write state = \"running\" below \
             [cluster] and state = \"joining\" for the host, build again, and compare anew";
        membership.obstacles.push(Warning::mind(message, founding));
        return membership;
    }
    let (turns, departures) = match all.turns() {
        Ok(turns) => turns,
        Err(obstacle) => {
            membership.obstacles.push(obstacle);
            return membership;
        }
    };
    // Before its turn comes, the member is as it was; at the end, as it is to be.
    let asked = all.asked.and_then(|(before, after)| {
        let at_the_end = etcdctl_environment(after)?;
        let now = etcdctl_environment(before).unwrap_or_else(|| at_the_end.clone());
        Some([now, at_the_end].map(|environment| Asked {
            host: &after.name,
            environment,
        }))
    });
    let Some([now, at_the_end]) = asked else {
        let message = "members of etcd come or go, and no member stays whose host has a client's certificate to ask it with: \
             let one stay";
        membership.obstacles.push(Warning::mind(message, all.changing()));
        return membership;
    };
    for turn in &turns {
        membership.steps.extend(turn.steps(Stage::Membership, &now));
    }
    for turn in &departures {
        membership.steps.extend(turn.steps(Stage::Departure, &at_the_end));
    }
    membership.installed = turns
        .iter()
        .filter_map(|turn| match turn {
            Turn::Arrival(arriving) => Some(arriving.member.host.clone()),
            _ => None,
        })
        .collect();
    membership
}

/// Whether a member would begin a cluster of its own.
fn founds(host: &FoundHost) -> bool {
    let etcd = command_of(host, "etcd");
    etcd.is_some_and(|etcd| etcd.flag("initial-cluster-state") != Some("existing"))
}

struct Members<'a> {
    before: Vec<Member>,
    arriving: Vec<Arriving<'a>>,
    /// Those that stay and get another peer URL.
    moving: Vec<(Member, String)>,
    /// Those that are gone, or whose machine is another one: before anybody comes they have to be removed.
    gone: Vec<Member>,
    /// Those that go when nobody calls them any more.
    leaving: Vec<Member>,
    /// A host whose member stays, before and after.
    asked: Option<(&'a FoundHost, &'a FoundHost)>,
}

impl<'a> Members<'a> {
    fn of(pairs: &[Pair<'a>]) -> Members<'a> {
        let mut all = Members {
            before: Vec::new(),
            arriving: Vec::new(),
            moving: Vec::new(),
            gone: Vec::new(),
            leaving: Vec::new(),
            asked: None,
        };
        for pair in pairs {
            let old = pair.old.and_then(|host| Some((Member::of(host)?, host)));
            let new = pair.new.and_then(|host| Some((Member::of(host)?, host)));
            match (old, new) {
                (None, None) => {}
                (None, Some((member, host))) => {
                    let before = pair.old.filter(|_| !arrives(pair));
                    all.arriving.push(Arriving { member, host, before });
                }
                (Some((_, host)), None) if host.about.is_leaving() => {}
                (Some((member, _)), None) => {
                    all.before.push(member.clone());
                    all.gone.push(member);
                }
                (Some((gone, _)), Some((member, host))) if is_another_machine(pair) => {
                    all.before.push(gone.clone());
                    all.gone.push(gone);
                    let before = None;
                    all.arriving.push(Arriving { member, host, before });
                }
                (Some((member, old)), Some((after, host))) => {
                    all.before.push(member.clone());
                    if begins_to_leave(pair) {
                        all.leaving.push(member);
                    } else if !host.about.is_leaving() && !host.about.is_joining() {
                        all.asked = all.asked.or(Some((old, host)));
                        if member.url != after.url {
                            all.moving.push((member, after.url));
                        }
                    }
                }
            }
        }
        // Each names those that come before it.
        all.arriving
            .sort_by_key(|arriving| (named_by(arriving.host).len(), arriving.member.clone()));
        all
    }

    /// The members with which something happens.
    fn those_that_change(&self) -> impl Iterator<Item = &Member> {
        let arriving = self.arriving.iter().map(|arriving| &arriving.member);
        let moving = self.moving.iter().map(|(member, _)| member);
        self.gone.iter().chain(&self.leaving).chain(arriving).chain(moving)
    }

    fn are_the_same(&self) -> bool {
        self.those_that_change().next().is_none()
    }

    /// Their hosts.
    fn changing(&self) -> Vec<String> {
        self.those_that_change().map(|member| member.host.clone()).collect()
    }

    /// Those whose names or URLs can't stand in a command as they are.
    fn strange(&self) -> impl Iterator<Item = &Member> {
        let is_plain = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._:/[],".contains(c))
        };
        let urls = self
            .moving
            .iter()
            .filter(move |(_, url)| !is_plain(url))
            .map(|(member, _)| member);
        let members = self
            .those_that_change()
            .filter(move |member| !is_plain(&member.name) || !is_plain(&member.url));
        members.chain(urls)
    }

    /// Those that move to where another one still is.
    fn swapping(&self) -> impl Iterator<Item = &Member> {
        let stays = |url: &String| {
            let mut others = self.before.iter().filter(|member| !self.gone.contains(member));
            others.any(|member| member.url == *url)
        };
        let swapping = self.moving.iter().filter(move |(_, url)| stays(url));
        swapping.map(|(member, _)| member)
    }

    /// What is done before anything else, and what when nobody calls those that go.
    fn turns(&self) -> Result<(Vec<Turn<'a>>, Vec<Turn<'a>>), Warning> {
        let mut turns: Vec<Turn<'_>> = self.gone.iter().cloned().map(Turn::Removal).collect();
        let mut there: BTreeSet<String> = self
            .before
            .iter()
            .filter(|member| !self.gone.contains(member))
            .map(|member| self.moved(member).entry())
            .collect();
        turns.extend(
            self.moving
                .iter()
                .map(|(member, url)| Turn::Move(member.clone(), url.clone())),
        );
        for arriving in &self.arriving {
            let Arriving { member, host, .. } = arriving;
            there.insert(member.entry());
            let named = named_by(host);
            if named != there {
                let list = |entries: &BTreeSet<String>| entries.iter().cloned().collect::<Vec<_>>().join(", ");
                let message = format!(
                    "etcd refuses to start there: its unit names {}, and when its turn comes there are {}; members that come \
                     have state = \"joining\" until they are there",
                    list(&named),
                    list(&there)
                );
                return Err(Warning::mind(message, vec![member.host.clone()]));
            }
            turns.push(Turn::Arrival(arriving.clone()));
        }
        let departures = self.leaving.iter().cloned().map(Turn::Removal).collect();
        Ok((turns, departures))
    }

    /// A member that stays as its own name and URL will be.
    fn moved(&self, member: &Member) -> Member {
        let url = self
            .moving
            .iter()
            .find(|(moved, _)| moved == member)
            .map(|(_, url)| url.clone());
        Member {
            url: url.unwrap_or_else(|| member.url.clone()),
            ..member.clone()
        }
    }
}

/// The members that a member's own unit names.
fn named_by(host: &FoundHost) -> BTreeSet<String> {
    let etcd: Option<CommandLine> = command_of(host, "etcd");
    let named = etcd.iter().flat_map(|etcd| etcd.list("initial-cluster"));
    named.map(str::to_owned).collect()
}

/// Whether `etcdctl member list` has a member of this peer URL: `ID, status, name, peer URLs, client URLs, learner`.
fn listed(url: &str) -> String {
    format!("etcdctl member list | grep -qF ', {url}, '")
}

/// The number of the member of this peer URL, as a shell puts it in.
fn number_of(url: &str) -> String {
    format!("\"$(etcdctl member list | awk -F ', ' '$4 == \"{url}\" {{ print $1 }}')\"")
}

const ALL_HEALTHY: &str = "etcdctl endpoint health --cluster";

/// What waits until every member is healthy, as asked on a host.
pub(super) fn until_healthy() -> Action {
    Action::Until(ALL_HEALTHY.to_owned())
}

/// A host whose member is asked about the others, and what etcdctl needs there.
struct Asked<'a> {
    host: &'a str,
    environment: Vec<(String, String)>,
}

impl Turn<'_> {
    /// The steps, as asked on a host whose member stays. A command whose answer was lost may be repeated.
    fn steps(&self, stage: Stage, asked: &Asked<'_>) -> Vec<Step> {
        let ask = |actions: Vec<Action>| Step {
            environment: asked.environment.clone(),
            ..Step::new(stage, asked.host, actions)
        };
        match self {
            Turn::Removal(Member { url, .. }) => {
                let removal = format!("etcdctl member remove {}", number_of(url));
                // An empty list is no answer.
                let gone = format!(
                    "etcdctl member list | awk -F ', ' '$4 == \"{url}\" {{ there = 1 }} END {{ exit !NR || there }}'"
                );
                vec![ask(vec![
                    Action::Until(format!("{gone} || {removal}")),
                    until_healthy(),
                ])]
            }
            Turn::Move(Member { url, .. }, to) => {
                let update = format!("etcdctl member update {} --peer-urls={}", number_of(url), quoted(to));
                vec![ask(vec![Action::Until(format!("{} || {update}", listed(to)))])]
            }
            Turn::Arrival(Arriving { member, host, before }) => {
                let (Member { name, url, host: to }, bundle) = (member, *host);
                let learns = etcd_version(bundle).is_none_or(|version| version >= Version::new(3, 4));
                let learner = if learns { " --learner" } else { "" };
                let addition = format!("etcdctl member add {name}{learner} --peer-urls={}", quoted(url));
                let promotion = format!(
                    "etcdctl member list | grep -F ', {url}, ' | grep -q ', false$' || etcdctl member promote {}",
                    number_of(url)
                );
                let data = command_of(bundle, "etcd").and_then(|etcd| Some(etcd.flag("data-dir")?.to_owned()));
                let is_empty = data.map(|data| Action::Run(format!("test ! -e {}", quoted(&format!("{data}/member")))));
                let start = [Action::Install, Action::Run("systemctl start etcd".to_owned())];
                let promotion = learns.then_some(Action::Until(promotion));
                vec![
                    ask(vec![Action::Until(format!("{} || {addition}", listed(url)))]),
                    Step::new(
                        stage,
                        to,
                        bringing(*before, bundle)
                            .into_iter()
                            .chain(is_empty)
                            .chain(start)
                            .collect(),
                    ),
                    ask(promotion.into_iter().chain([until_healthy()]).collect()),
                ]
            }
        }
    }
}
