//! A draft in which nothing is wrong -> the cluster.
use crate::cluster::{
    Cluster, ClusterState, CsrFile, Encryption, ExternalAuthority, Host, Network, Nodes, Overrides, OwnFile,
    PassedChecks, Pki,
};

use super::authorities_issued;
use super::csr_folder::Folder;
use super::draft::Draft;
use super::families::AtFamilies as _;
use super::profiles::Profiles;
use super::{generations, hosts, load_balancer, network, own_certificates, pods};

/// The cluster of a draft of which every part is there, as it is when nothing was reported.
pub fn cluster(
    draft: &Draft,
    folder: &Folder,
    profiles: &Profiles<'_>,
    nodes: Option<Nodes>,
    overrides: Overrides,
    files: Vec<OwnFile>,
) -> Option<Cluster> {
    let hosts = draft.hosts.iter().zip(pods::allot(draft)).map(|(host, pods)| {
        Some(Host {
            name: host.name.as_ref()?.value.clone(),
            ip: host.ip.as_ref()?.values(),
            addresses: host.addresses.iter().map(|at| at.value).collect(),
            names: host.names.iter().map(|at| at.value.clone()).collect(),
            roles: host.roles.clone()?,
            labels: host
                .labels
                .iter()
                .map(|(key, value)| (key.value.clone(), value.clone()))
                .collect(),
            taints: host.taints.clone(),
            pods,
            interface: host.interface.sound()?.map(|at| at.value.clone()),
            state: host.state.sound()?.map(|at| at.value),
        })
    });
    let csrs = folder.csrs.iter().map(|(name, csr)| {
        let request = csr.read.as_ref()?.request.clone();
        Some((
            name.clone(),
            CsrFile {
                request,
                text: csr.file.text.clone(),
                built_in: csr.built_in,
            },
        ))
    });
    let brought = folder.brought.iter().filter(|(_, existing)| !existing.external);
    let brought = brought.map(|(of, existing)| Some((of.clone(), existing.ca.clone()?)));
    let external = folder.brought.iter().filter(|(_, existing)| existing.external);
    let external = external.map(|(of, existing)| {
        let certificate = existing.ca.as_ref().map(|ca| ca.certificate.clone());
        (of.clone(), ExternalAuthority { certificate })
    });
    let own = profiles
        .own
        .iter()
        .map(|(name, profile)| Some(((*name).to_owned(), profile.as_ref()?.file.profile.clone())));
    let signed = folder.layout.identities().iter().filter(|row| row.is_signed());
    let names = signed.map(|row| row.name);
    let own_names = draft.certificates.iter().filter_map(|own| own.name.as_ref());
    let names = names.chain(own_names.map(|name| name.value.as_str()));
    let profile_names = names.filter_map(|name| Some((name.to_owned(), profiles.of(name)?.name.to_owned())));
    let extra = own_certificates::extra_certificates(draft, profiles)?;
    let authorities = extra.iter().filter(|extra| extra.profile.ca_constraint.is_ca);
    let authorities: Vec<&str> = authorities.map(|extra| extra.name.as_str()).collect();
    let (generations, encryption) = generations::generations(draft, &authorities);
    Some(Cluster {
        name: draft.cluster.name.as_ref()?.value.clone(),
        state: draft.cluster.state.sound()?.map_or(ClusterState::New, |at| at.value),
        version: draft.release.as_ref()?.version.clone(),
        etcd: draft.release.as_ref()?.etcd.clone(),
        release: draft.release.as_ref()?.release.clone(),
        go: draft.cluster.go.sound()?.map(|go| go.value),
        nodes: nodes?,
        domain: draft.cluster.domain.as_ref()?.value.clone(),
        network: Network {
            services: draft.network.services.as_ref()?.values(),
            pods: draft.network.pods.as_ref()?.values(),
            dns: network::dns(draft)?,
        },
        endpoint: hosts::endpoint(draft)?,
        names: draft.cluster.names.iter().map(|at| at.value.clone()).collect(),
        load_balancing: load_balancer::load_balancing(draft)?,
        pki: Pki {
            layout: draft.pki.layout?,
            kubeconfigs: draft.pki.kubeconfigs?,
            per_host: draft.pki.per_host.clone(),
            issued: draft.pki.issued.as_ref()?.value,
            authorities_issued: authorities_issued::read(draft).map(|(of, at)| (of, at.value)).collect(),
            profile: profiles.default?.file.profile.clone(),
            profiles: own.collect::<Option<_>>()?,
            profile_names: profile_names.collect(),
            extra,
            config_text: folder.config_file.text.clone(),
            config_built_in: folder.config_built_in,
            generations,
            brought: brought.collect::<Option<_>>()?,
            brought_keys: folder.brought_keys.clone()?,
            external: external.collect(),
            answers: None,
            csrs: csrs.collect::<Option<_>>()?,
        },
        encryption: Encryption {
            provider: draft.encryption.provider.as_ref()?.value,
            generations: encryption,
            brought: folder.encryption_keys.clone()?,
        },
        overrides,
        files,
        hosts: hosts.collect::<Option<_>>()?,
        checked: PassedChecks(()),
    })
}
