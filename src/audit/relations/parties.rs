//! The parties of the table as found, and the files that they show and trust.

use rayon::prelude::*;

use super::table::{Calls, HeldAt, Party};
use crate::audit::document::Tree;
use crate::audit::encryption::ENCRYPTION;
use crate::audit::login::{Login, kubeconfigs};
use crate::audit::names::{Url, is_loopback};
use crate::audit::reached::{Api, Reached, answers, apis};
use crate::audit::spot::{Running, Spot, running};
use crate::audit::view::{View, certificates_of};
use crate::pki::inspect::{Certificate, Item};

/// Whoever is found that the table speaks of.
pub(crate) struct Parties<'v> {
    pub view: &'v View<'v>,
    pub apis: Vec<Api<'v>>,
    /// Who is reached where.
    pub reached: Reached<'v>,
    pub logins: Vec<Login<'v>>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) enum Member<'p, 'v> {
    Started(Party, Running<'v>),
    Kubelet {
        running: Running<'v>,
        /// The path of its configuration, and what that says.
        config: (&'v str, &'v Tree),
    },
    Login(&'p Login<'v>),
}

/// What a member shows or trusts.
pub(super) struct End<'p, 'v> {
    /// Where it is told that something is wrong with it.
    pub spot: Spot<'v>,
    /// The file as it is named; nothing where it is within what `spot` is.
    pub path: &'v str,
    pub items: &'p [Item],
}

impl<'p> End<'p, '_> {
    pub(super) fn certificates(&self) -> Vec<&'p Certificate> {
        certificates_of(self.items)
    }

    /// The file, in a sentence.
    pub(super) fn name(&self) -> &str {
        if self.path.is_empty() { "it" } else { self.path }
    }
}

impl<'v> Parties<'v> {
    pub(crate) fn of(view: &'v View<'v>) -> Parties<'v> {
        let apis = apis(view);
        let reached = Reached::of(view, &apis);
        let logins = view.hosts.par_iter().flat_map_iter(|host| {
            let configs = kubeconfigs(view, host);
            configs.filter_map(|(spot, config)| Login::read(spot, config).ok())
        });
        Parties {
            view,
            apis,
            reached,
            logins: logins.collect(),
        }
    }

    pub(super) fn members<'p>(&'p self, party: Party) -> Vec<Member<'p, 'v>> {
        let started = || running(self.view, party.program());
        match party {
            Party::Kubeconfig => self.logins.iter().map(Member::Login).collect(),
            Party::Kubelet => started()
                .flat_map(|running| {
                    let path = running.spot.host.resolve(running.file("config"));
                    let documents = path.map_or(&[][..], |path| running.spot.host.documents(path));
                    let documents = documents.iter().filter(|one| one.kind() == "KubeletConfiguration");
                    documents.map(move |document| Member::Kubelet {
                        running,
                        config: (path.unwrap_or_default(), document),
                    })
                })
                .collect(),
            _ => started().map(|running| Member::Started(party, running)).collect(),
        }
    }

    /// The API servers to which the server of a kubeconfig leads: that of its own host, those that have the address, else any.
    pub(crate) fn answering(&self, login: &Login<'v>, url: &Url) -> Vec<&Api<'v>> {
        let is_here = |api: &&Api<'_>| api.running.spot.host.name == login.spot.host.name;
        let has_address = |api: &&Api<'_>| api.addresses.contains(&url.host);
        let own: Vec<&Api<'v>> = self.apis.iter().filter(is_here).collect();
        let direct: Vec<&Api<'v>> = self.apis.iter().filter(has_address).collect();
        match (is_loopback(&url.host) && !own.is_empty(), direct.is_empty()) {
            (true, _) => own,
            (false, false) => direct,
            (false, true) => self.apis.iter().collect(),
        }
    }
}

impl<'p, 'v> Member<'p, 'v> {
    pub(super) fn party(self) -> Party {
        match self {
            Member::Started(party, _) => party,
            Member::Kubelet { .. } => Party::Kubelet,
            Member::Login(_) => Party::Kubeconfig,
        }
    }

    pub(super) fn spot(self) -> Spot<'v> {
        match self {
            Member::Started(_, running) => running.spot,
            Member::Kubelet { running, config } => running.spot.at(config.0),
            Member::Login(login) => login.spot,
        }
    }

    /// It, in a sentence.
    pub(super) fn name(self) -> String {
        let spot = self.spot();
        self.party().of(spot.host.name) + spot.view.side
    }

    /// Every value of a flag.
    pub(super) fn values(self, flag: &str) -> Vec<&'v str> {
        match self {
            Member::Started(_, running) | Member::Kubelet { running, .. } => running.line.values(flag).collect(),
            Member::Login(_) => Vec::new(),
        }
    }

    /// The configuration of encryption that an API server names.
    pub(super) fn encryption(self) -> Option<&'v Tree> {
        let Member::Started(Party::ApiServer, running) = self else {
            return None;
        };
        let mut paths = ENCRYPTION.iter().filter_map(|flag| running.line.flag(flag));
        let documents = running.spot.host.documents(paths.next()?);
        documents.iter().find(|document| document.is_encryption())
    }

    /// What stands at a place of it; none where nothing does, or nothing that is here.
    pub(super) fn end(self, at: HeldAt) -> Option<End<'p, 'v>> {
        let file = |spot: Spot<'v>, path: &'v str| {
            spot.host.resolve(path)?;
            Some(End {
                spot,
                path,
                items: spot.host.items(path),
            })
        };
        match (self, at) {
            (Member::Started(_, running) | Member::Kubelet { running, .. }, HeldAt::Flag(flag)) => {
                file(running.spot, running.file(flag))
            }
            (Member::Kubelet { running, config }, HeldAt::Field(field)) => {
                file(running.spot.at(config.0), config.1.text_at(field)?)
            }
            (Member::Login(login), HeldAt::Field(field)) => Some(End {
                spot: login.spot,
                path: "",
                items: login.items(field),
            }),
            (Member::Started(..), HeldAt::Field(_)) | (Member::Login(_), HeldAt::Flag(_)) => None,
        }
    }

    /// The path that stands at a place of it, whether anything is there or not.
    pub(super) fn named(self, at: HeldAt) -> Option<&'v str> {
        let path = match (self, at) {
            (Member::Started(_, running) | Member::Kubelet { running, .. }, HeldAt::Flag(flag)) => running.file(flag),
            (Member::Kubelet { config, .. }, HeldAt::Field(field)) => config.1.text_at(field)?,
            _ => return None,
        };
        Some(path).filter(|path| !path.is_empty())
    }

    /// Whether there is anything at a place of it, whether that is here or not.
    pub(super) fn names(self, at: HeldAt) -> bool {
        match (self, at) {
            (Member::Login(login), HeldAt::Field(field)) => login.names(field),
            _ => self.named(at).is_some(),
        }
    }

    /// Whether it calls another one.
    pub(super) fn calls(self, parties: &Parties<'v>, calls: Calls, other: Member<'_, 'v>) -> bool {
        match (calls, self, other) {
            (Calls::Any, ..) => true,
            (Calls::Own, ..) => is_same(self.spot(), other.spot()),
            (Calls::Urls(flag), Member::Started(_, caller), Member::Started(_, callee)) => {
                let urls = caller.urls(flag);
                urls.iter().any(|url| answers(callee, url, caller))
            }
            (Calls::Server, Member::Login(login), Member::Started(_, api)) => login.url.as_ref().is_some_and(|url| {
                let mut answering = parties.answering(login, url).into_iter();
                answering.any(|one| is_same(one.running.spot, api.spot))
            }),
            _ => false,
        }
    }
}

/// Whether two are one file of one host.
fn is_same(one: Spot<'_>, other: Spot<'_>) -> bool {
    one.host.name == other.host.name && one.path == other.path
}
