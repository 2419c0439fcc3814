//! A cluster that passed every check. Types only; holding a [`Cluster`] means that it is valid, since only `input` makes one.
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ipnet::IpNet;
use time::OffsetDateTime;

pub use crate::catalog::engines::{Engine, Runtime};
use crate::catalog::identity::{CLUSTER_AUTHORITY, Identity, Names, Per, SignedBy};
pub use crate::catalog::layouts::Layout;
use crate::catalog::named::named_values;
use crate::catalog::releases::{Program, Release, Version};
pub use crate::catalog::roles::Role;
pub use crate::catalog::rotation::RotationPhase;
use crate::catalog::scope::Choices;
pub(crate) use crate::catalog::tables::releases::FIRST_GO_WITH_ML_DSA;
use crate::pki::authority::AuthorityCertificate;
use crate::pki::cfssl::{Profile, Request, Validity, leaf_validity, user_and_groups};
use crate::pki::key::{Algorithm, KeyPair, PublicKey};
use crate::pki::secret::SecretBytes;
use crate::settings::Table;

/// One of something, or one for each of the two address families; the primary family first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families<T> {
    /// The one that comes first wherever there can be only one.
    pub primary: T,
    /// Of a dual-stack cluster, the other.
    pub secondary: Option<T>,
}

impl<T> Families<T> {
    /// Of one family alone.
    pub(crate) fn single(primary: T) -> Families<T> {
        Families {
            primary,
            secondary: None,
        }
    }

    /// The first two of `all`; none where there is not even one.
    pub(crate) fn of(all: impl IntoIterator<Item = T>) -> Option<Families<T>> {
        let mut all = all.into_iter();
        Some(Families {
            primary: all.next()?,
            secondary: all.next(),
        })
    }

    /// The primary one, and the secondary one where there is one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.primary).chain(&self.secondary)
    }

    /// Whether there are two.
    pub(crate) fn is_dual(&self) -> bool {
        self.secondary.is_some()
    }

    /// What `convert` makes of each.
    pub(crate) fn map<U>(&self, mut convert: impl FnMut(&T) -> U) -> Families<U> {
        Families {
            primary: convert(&self.primary),
            secondary: self.secondary.as_ref().map(convert),
        }
    }
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// An RFC 1123 name, lower case; safe as a file name.
    pub name: String,
    /// Of the cluster's primary family first; where the cluster is dual-stack, control planes and workers have both.
    pub ip: Families<IpAddr>,
    /// Others by which it is reached, of any family.
    pub addresses: Vec<IpAddr>,
    /// DNS names by which it is reached besides its own.
    pub names: Vec<String>,
    /// What it does; at least one.
    pub roles: BTreeSet<Role>,
    /// What the kubelet labels its node with.
    pub labels: BTreeMap<String, String>,
    /// What the kubelet taints its node with when it registers it.
    pub taints: Vec<Taint>,
    /// A worker's own part of the pods' ranges.
    pub pods: Option<Families<IpNet>>,
    /// The network interface that carries a virtual address, where it is not the one that all load balancers have.
    pub interface: Option<String>,
    /// What it is about to do in a cluster that runs; none where it just belongs to it.
    pub state: Option<HostState>,
}

named_values! {
    /// Whether there is a cluster yet: what etcd calls its initial cluster state
    /// (<https://etcd.io/docs/v3.6/op-guide/clustering/>). Its name is that in cluster.toml.
    pub enum ClusterState {
        /// Its members of etcd are about to found it.
        New = "new",
        /// It runs: whoever comes finds it there, and nobody founds another.
        Running = "running",
    }
}

impl ClusterState {
    /// The value of etcd's `--initial-cluster-state`.
    pub(crate) fn of_etcd(self) -> &'static str {
        match self {
            ClusterState::New => "new",
            ClusterState::Running => "existing",
        }
    }
}

named_values! {
    /// What a host is about to do in a cluster that runs. Its name is that in cluster.toml.
    pub enum HostState {
        /// It comes: nobody counts on it before it is there.
        Joining = "joining",
        /// It goes: nobody counts on it any more.
        Leaving = "leaving",
    }
}

/// What keeps pods off a node: <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// The name.
    pub key: String,
    /// May be empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

named_values! {
    /// What a taint does to pods that do not tolerate it.
    /// Its name is that in Kubernetes and in cluster.toml.
    pub enum TaintEffect {
        /// New ones don't come.
        NoSchedule = "NoSchedule",
        /// New ones come where there is no better place.
        PreferNoSchedule = "PreferNoSchedule",
        /// Those that are there go, too.
        NoExecute = "NoExecute",
    }
}

impl Host {
    pub(crate) fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether `name` is a name or an address of the host.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let address = name.parse::<IpAddr>().ok();
        let mut names = std::iter::once(&self.name).chain(&self.names);
        let mut addresses = self.ip.iter().chain(&self.addresses);
        names.any(|own| own == name) || addresses.any(|own| Some(*own) == address)
    }
}

/// The cluster's address ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Of services; the first address of each is the API server.
    pub services: Families<IpNet>,
    /// Of the same families as the services, in the same order.
    pub pods: Families<IpNet>,
    /// Of one family of the services, or of both.
    pub dns: Families<IpAddr>,
}

/// What the load balancers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancing {
    /// The program.
    pub engine: Engine,
    /// The port that they listen on.
    pub port: u16,
    /// So many connections they take at once, each.
    pub max_connections: u32,
    /// So many of them nodes may need.
    pub connections_of_nodes: u32,
    /// The address that they have in common.
    pub virtual_address: Option<VirtualAddress>,
}

/// An address that moves to a load balancer that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    /// Each load balancer has an address of the same family, or families.
    pub ip: Families<IpAddr>,
    /// The network interface that carries it on load balancers that name none themselves; where this is none, all do.
    pub interface: Option<String>,
    /// The number by which the load balancers of this address know each other (VRID, RFC 9568), 1 to 255.
    pub router_id: u8,
}

named_values! {
    /// How kubeconfigs of the cluster's own programs come to their certificates and keys.
    pub enum Kubeconfigs {
        /// They hold them, as kubectl writes it.
        Embedded = "embedded",
        /// They name files beside them, which the programs read again by themselves.
        Files = "files",
    }
}

named_values! {
    /// Who gives pods their network.
    pub enum PodNetwork {
        /// A bridge on each node with a range of its own, and routes between the nodes.
        Bridge = "bridge",
        /// A network plugin of the user's own choice; the controller manager hands out the nodes' ranges.
        Own = "none",
    }
}

named_values! {
    /// Who keeps the tree of control groups: <https://kubernetes.io/docs/setup/production-environment/container-runtimes/>.
    /// Its name is that in cluster.toml and in the kubelet's configuration.
    pub enum CgroupDriver {
        /// systemd.
        Systemd = "systemd",
        /// The kubelet and the runtime themselves.
        Cgroupfs = "cgroupfs",
    }
}

/// In the place of a mode of kube-proxy: services are reached by a program of the user's own.
pub const NO_PROXY: &str = "none";

/// What workers run pods with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// The program that runs containers.
    pub runtime: Runtime,
    /// Who keeps control groups.
    pub cgroup_driver: CgroupDriver,
    /// Whether the hosts have version 1 of control groups, which newer kubelets start on only if they are told to.
    pub cgroup_v1: bool,
    /// Whether pods may ask for the sandbox gVisor.
    pub gvisor: bool,
    /// The file with the node's own resolvers.
    pub resolv_conf: String,
    /// Who gives pods their network.
    pub pod_network: PodNetwork,
    /// A mode of kube-proxy that the release has, or [`NO_PROXY`].
    pub proxy_mode: &'static str,
}

impl Nodes {
    /// Which rows they decide on.
    pub(crate) fn choices(&self) -> Choices {
        Choices {
            kube_proxy: Some(self.proxy_mode != NO_PROXY),
            runtime: Some(self.runtime),
            bridges: Some(self.pod_network == PodNetwork::Bridge),
            gvisor: Some(self.gvisor),
            ..Choices::default()
        }
    }
}

/// Where nodes and administrators reach the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A host name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

named_values! {
    /// An encryption provider that takes a 32-byte key, among others.
    /// Its name is that in cluster.toml and in Kubernetes' EncryptionConfiguration.
    pub enum EncryptionProvider {
        /// AES in CBC mode, with no proof that nobody has changed it.
        Aescbc = "aescbc",
        /// AES in GCM mode, whose key has to be replaced often.
        Aesgcm = "aesgcm",
        /// XSalsa20 and Poly1305.
        Secretbox = "secretbox",
    }
}

impl EncryptionProvider {
    /// How long its keys may be, in bytes (`pkg/server/options/encryptionconfig` of k8s.io/apiserver).
    pub(crate) fn key_sizes(self) -> &'static [usize] {
        match self {
            EncryptionProvider::Aescbc | EncryptionProvider::Aesgcm => &[16, 24, 32],
            EncryptionProvider::Secretbox => &[32],
        }
    }
}

/// A CSR file: what it says and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrFile {
    /// What it says.
    pub request: Request,
    /// The bytes as they were read, to be handed on with the certificates.
    pub text: String,
    /// Whether it is the built-in one, because the CSR folder has none of that name.
    pub built_in: bool,
}

impl CsrFile {
    /// The user and the groups that Kubernetes takes the bearer of its certificate for.
    pub(crate) fn user_and_groups(&self) -> (String, Vec<String>) {
        user_and_groups(&self.request)
    }
}

/// Which of a key's successors: 1 is the first. A later one is another key from the same seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub NonZeroU32);

impl Generation {
    /// The one that a cluster begins with.
    pub const FIRST: Generation = Generation(NonZeroU32::MIN);

    /// Its number, from 1.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// The one of this number; none of 0.
    pub fn of(number: u32) -> Option<Generation> {
        NonZeroU32::new(number).map(Generation)
    }

    /// The one after it.
    pub fn successor(self) -> Generation {
        Generation(self.0.saturating_add(1))
    }
}

/// Which generations of something count. A rotation is a walk through these, and nothing else changes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    /// Signs, or encrypts.
    pub used: Generation,
    /// What is trusted, verifies or decrypts beside it.
    pub accepted: Vec<Generation>,
}

impl Generations {
    /// The first one alone.
    pub(crate) const FIRST: Generations = Generations {
        used: Generation::FIRST,
        accepted: Vec::new(),
    };

    /// One alone.
    pub(crate) fn only(used: Generation) -> Generations {
        Generations {
            used,
            accepted: Vec::new(),
        }
    }

    /// What counts in a phase of the way from one generation to another.
    pub fn in_phase(phase: RotationPhase, from: Generation, to: Generation) -> Generations {
        let (used, accepted) = match phase {
            RotationPhase::Announce => (from, vec![to]),
            RotationPhase::Switch => (to, vec![from]),
            RotationPhase::Retire => (to, Vec::new()),
        };
        Generations { used, accepted }
    }

    /// All of them, the one that is used first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Generation> {
        std::iter::once(self.used).chain(self.accepted.iter().copied())
    }

    /// The last of them.
    pub(crate) fn newest(&self) -> Generation {
        self.accepted.iter().copied().fold(self.used, Generation::max)
    }
}

/// What the keys of the encryption configuration are called in `[generations]` and `[rotate]`.
pub const ENCRYPTION: &str = "encryption";

/// How secrets are encrypted in etcd.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// How the API server encrypts.
    pub provider: EncryptionProvider,
    /// Which of its keys count.
    pub generations: Generations,
    /// Those that there are already: of the first generation, and of the next ones in turn.
    pub brought: Vec<ExistingEncryptionKey>,
}

impl Encryption {
    /// The key of this generation, where it is there already.
    pub(crate) fn brought(&self, generation: Generation) -> Option<&ExistingEncryptionKey> {
        let at = usize::try_from(generation.number()).ok()?.checked_sub(1)?;
        self.brought.get(at)
    }

    /// The name of a key, as the API server writes it beside what it encrypts: another for each generation, or what one has
    /// encrypted is read as garbage with the other.
    pub(crate) fn key_name(&self, generation: Generation) -> String {
        if let Some(brought) = self.brought(generation) {
            return brought.name.clone();
        }
        let mut name = derived_key_name(generation);
        while self.brought.iter().any(|brought| brought.name == name) {
            name.insert_str(0, "new-");
        }
        name
    }
}

/// What the key of a generation is derived for, and called where nothing that was brought is called so.
pub(crate) fn derived_key_name(generation: Generation) -> String {
    format!("key{}", generation.number())
}

/// A key of the encryption configuration that somebody already has.
#[derive(Clone, Debug)]
pub struct ExistingEncryptionKey {
    /// What has been encrypted with it is found by this name.
    pub name: String,
    /// In base64. None where it could not be read, which is enough to check and to plan.
    pub secret: Option<Arc<SecretBytes>>,
}

/// A key pair that somebody already has: what signs tokens.
#[derive(Clone, Debug)]
pub struct ExistingKey {
    /// Its public half.
    pub public: PublicKey,
    /// Its private half. None where it could not be read, which is enough to check and to plan.
    pub key: Option<Arc<KeyPair>>,
}

/// An authority that somebody already has, which takes the place of the one that would be made.
#[derive(Clone, Debug)]
pub struct ExistingCa {
    /// The certificate.
    pub certificate: AuthorityCertificate,
    /// Fits the certificate. None where it could not be read, which is enough to check and to plan.
    pub key: Option<Arc<KeyPair>>,
}

/// An authority that signs elsewhere: its key never comes here.
#[derive(Clone, Debug)]
pub struct ExternalAuthority {
    /// What everybody is to trust, where `cluster.toml` names it; it does for one that is trusted and does not sign.
    pub certificate: Option<AuthorityCertificate>,
}

/// What authorities that sign elsewhere have signed, all of it judged.
#[derive(Clone, Debug)]
pub struct Answers {
    /// What everybody is to trust, by the name of the authority, in the generation that signs.
    pub authorities: BTreeMap<String, AuthorityCertificate>,
    /// By the id of the key that it is for.
    pub certificates: BTreeMap<String, SignedChain>,
}

/// A certificate that an authority elsewhere has signed, with those above it.
#[derive(Clone, Debug)]
pub struct SignedChain {
    /// The certificate, and those that lead from it to the root, which is not among them. DER.
    pub chain: Vec<Vec<u8>>,
    /// Of the certificate itself.
    pub validity: Validity,
}

/// A certificate of the user's own, beside those that the cluster needs.
#[derive(Clone, Debug)]
pub struct ExtraCertificate {
    /// An RFC 1123 label; the name of its files.
    pub name: String,
    /// The name of its CSR file, one of [`Pki::csrs`].
    pub csr: String,
    /// The names it must be valid for, besides those of its CSR file.
    pub hosts: Vec<String>,
    /// What it may be used for, and how long.
    pub profile: Profile,
    /// The name of the extra certificate that signs it; none is the authority of the cluster.
    pub signed_by: Option<String>,
    /// Where its files lie.
    pub places: Vec<Placement>,
}

/// Where the files of an extra certificate lie; paths are absolute and normal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which hosts have them.
    pub on: PlacedOn,
    /// The path of the certificate; none where it is not wanted.
    pub certificate: Option<String>,
    /// The path of the key; none where it is not wanted.
    pub key: Option<String>,
    /// The path of the request; none where it is not wanted.
    pub request: Option<String>,
    /// The permission bits of the key.
    pub key_mode: u32,
}

/// Which hosts get something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacedOn {
    /// Every host.
    All,
    /// The hosts of a role.
    Role(Role),
    /// A host, by its name.
    Host(String),
}

impl PlacedOn {
    /// What counts more: what is for one host before what is for a role, and that before what is for all.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            PlacedOn::All => 0,
            PlacedOn::Role(_) => 1,
            PlacedOn::Host(_) => 2,
        }
    }

    pub(crate) fn is(&self, host: &Host) -> bool {
        self.includes(&host.name, |role| host.is(role))
    }

    /// Whether a host of this name is one of them, which has the roles that `has` says.
    pub(crate) fn includes(&self, host: &str, has: impl Fn(Role) -> bool) -> bool {
        match self {
            PlacedOn::All => true,
            PlacedOn::Role(role) => has(*role),
            PlacedOn::Host(name) => host == name,
        }
    }
}

/// A file of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    /// Which hosts have it.
    pub on: PlacedOn,
    /// Absolute and normal.
    pub at: String,
    /// The permission bits.
    pub mode: u32,
    /// The text of its template, which can be rendered for each of its hosts.
    pub text: Arc<str>,
    /// The template as cluster.toml names it.
    pub origin: String,
}

/// A flag of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnFlag {
    /// One of ours is taken away.
    Removed,
    /// It is given once for each value, one at least.
    Values(Vec<String>),
}

impl OwnFlag {
    /// What it is given, each time.
    pub(crate) fn values(&self) -> &[String] {
        match self {
            OwnFlag::Removed => &[],
            OwnFlag::Values(values) => values,
        }
    }
}

/// What the user sets on a component.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ComponentSettings {
    /// By name, without dashes; no name is there twice.
    pub flags: Vec<(String, OwnFlag)>,
    /// For its configuration file, where it has one.
    pub config: Table,
    /// Names and values; no name is there twice, and no value has a control character.
    pub environment: Vec<(String, String)>,
}

impl ComponentSettings {
    /// Takes over what `other` has, over what is there.
    pub(crate) fn merge(&mut self, other: &ComponentSettings) {
        for (name, flag) in &other.flags {
            match self.flags.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => *own = flag.clone(),
                None => self.flags.push((name.clone(), flag.clone())),
            }
        }
        self.config.merge(&other.config);
        for (name, value) in &other.environment {
            match self.environment.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => *own = value.clone(),
                None => self.environment.push((name.clone(), value.clone())),
            }
        }
    }
}

/// What the user sets on a component, on some hosts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Override {
    pub component: &'static str,
    pub on: PlacedOn,
    pub settings: ComponentSettings,
}

/// Everything that the user sets on components.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides(pub(crate) Vec<Override>);

impl Overrides {
    /// What is set on a component of `host`: for all hosts, then for its roles, then for the host alone; the last one counts.
    pub(crate) fn of(&self, component: &str, host: &Host) -> ComponentSettings {
        let mut settings = ComponentSettings::default();
        for turn in 0..=2 {
            for own in &self.0 {
                if own.component == component && own.on.rank() == turn && own.on.is(host) {
                    settings.merge(&own.settings);
                }
            }
        }
        settings
    }
}

/// What is signed, with what, and when.
#[derive(Clone, Debug)]
pub struct Pki {
    /// Which authorities and certificates there are.
    pub layout: Layout,
    /// What kubeconfigs hold.
    pub kubeconfigs: Kubeconfigs,
    /// The identities of whose keys each host has its own, though one would do for all.
    pub per_host: BTreeSet<&'static str>,
    /// What cfssl calls now.
    pub issued: OffsetDateTime,
    /// When authorities were issued that are older than the rest: by name, and generation.
    pub authorities_issued: BTreeMap<(String, Generation), OffsetDateTime>,
    /// The profile that `[pki] profile` names, with its inheritance from `default` resolved.
    pub profile: Profile,
    /// The profiles of identities that have another, by the identity's name.
    pub profiles: BTreeMap<String, Profile>,
    /// What each profile is called in ca-config.json, by the name of what it signs: an identity, or a certificate of the user's own.
    pub profile_names: BTreeMap<String, String>,
    /// Issuers before what they sign.
    pub extra: Vec<ExtraCertificate>,
    /// ca-config.json as it was read.
    pub config_text: String,
    /// Whether that is the built-in one, because the CSR folder has none.
    pub config_built_in: bool,
    /// Of keys that have others than the first, by the name that the key is derived for: `ca`, `kubelet-client/node1`.
    pub generations: BTreeMap<String, Generations>,
    /// Authorities that there are already, which sign instead of new ones: by name, and generation.
    pub brought: BTreeMap<(String, Generation), ExistingCa>,
    /// Other keys that there are already: by the name that they are derived for elsewhere (`service-account`, `node/node1`), and generation.
    pub brought_keys: BTreeMap<(String, Generation), ExistingKey>,
    /// Authorities that sign elsewhere, by name and generation.
    pub external: BTreeMap<(String, Generation), ExternalAuthority>,
    /// What those have signed; none before it is there.
    pub answers: Option<Answers>,
    /// By file name (`ca-csr.json`); one for every file that a certificate is made from.
    pub csrs: BTreeMap<String, CsrFile>,
}

impl Pki {
    /// The profile that signs the certificates of an identity.
    pub(crate) fn profile_of(&self, identity: &str) -> &Profile {
        self.profiles.get(identity).unwrap_or(&self.profile)
    }

    /// What the profile that signs a certificate is called.
    pub(crate) fn profile_name_of(&self, name: &str) -> &str {
        self.profile_names.get(name).map_or("default", String::as_str)
    }

    /// The generations of an identity's key, of `host` where each host has its own.
    pub(crate) fn generations_of(&self, identity: &str, host: Option<&str>) -> &Generations {
        let first = const { &Generations::FIRST };
        if self.generations.is_empty() {
            return first;
        }
        let own = host.and_then(|host| self.generations.get(&format!("{identity}/{host}")));
        own.or_else(|| self.generations.get(identity)).unwrap_or(first)
    }

    /// The generation of the key of a certificate of the user's own.
    pub(crate) fn generation_of_own(&self, name: &str) -> Generation {
        let generations = self.generations.get(&format!("certificate/{name}"));
        generations.map_or(Generation::FIRST, |generations| generations.used)
    }

    /// Of what there is one key.
    pub(crate) fn per(&self, identity: &Identity) -> Per {
        per(self.layout, &self.per_host, identity)
    }

    /// When the first of what is signed ends.
    pub fn first_end(&self) -> OffsetDateTime {
        self.validity_of_all().not_after
    }

    /// The authority of this name and generation, where it is there already.
    pub(crate) fn brought(&self, name: &str, generation: Generation) -> Option<&ExistingCa> {
        self.brought.get(&(name.to_owned(), generation))
    }

    /// The key that is derived for this name and generation elsewhere, where it is there already: its certificate is made anew.
    pub(crate) fn brought_key(&self, name: &str, generation: Generation) -> Option<&ExistingKey> {
        self.brought_keys.get(&(name.to_owned(), generation))
    }

    /// Whether the API servers' keys are of ML-DSA.
    pub(crate) fn has_api_server_of_ml_dsa(&self) -> bool {
        let mut rows = self.layout.identities().iter();
        rows.any(|row| {
            let is_api_server = matches!(row.names, Names::ApiServer | Names::ApiServerAndEtcd);
            let file = self.csrs.get(row.csr);
            is_api_server && file.is_some_and(|file| matches!(file.request.key, Algorithm::MlDsa(_)))
        })
    }

    /// The authority of this name and generation, where it is elsewhere.
    pub(crate) fn elsewhere(&self, name: &str, generation: Generation) -> Option<&ExternalAuthority> {
        self.external.get(&(name.to_owned(), generation))
    }

    /// Whether an authority of this generation signs elsewhere, where it signs.
    pub(crate) fn is_external(&self, authority: &str, generation: Generation) -> bool {
        self.elsewhere(authority, generation).is_some()
    }

    /// Whether what an authority signs now is signed elsewhere.
    pub(crate) fn signs_elsewhere(&self, authority: &str) -> bool {
        self.is_external(authority, self.generations_of(authority, None).used)
    }

    /// The names of the authorities that sign elsewhere now.
    pub fn signers_elsewhere(&self) -> impl Iterator<Item = &str> {
        let names = self.external.keys();
        names
            .filter(|(name, generation)| self.generations_of(name, None).used == *generation)
            .map(|(name, _)| name.as_str())
    }

    /// When an authority that signs itself was issued.
    pub(crate) fn authority_issued(&self, name: &str, generation: Generation) -> OffsetDateTime {
        let own = self.authorities_issued.get(&(name.to_owned(), generation));
        own.copied().unwrap_or(self.issued)
    }

    /// From when until when everything that is signed is valid, and an authority that was there already too.
    pub(crate) fn validity_of_all(&self) -> Validity {
        let is_answered = |authority: &str| self.answers.is_some() && self.signs_elsewhere(authority);
        let signed = self.layout.identities().iter().filter(|row| match row.signed_by {
            SignedBy::Authority(name) => !is_answered(name),
            SignedBy::Itself | SignedBy::Nobody => false,
        });
        let own = self.extra.iter();
        let own = own.filter(|extra| extra.signed_by.is_some() || !is_answered(CLUSTER_AUTHORITY));
        let profiles = signed
            .map(|row| self.profile_of(row.name))
            .chain(own.map(|extra| &extra.profile));
        let answers = self.answers.iter();
        let answered = answers.flat_map(|answers| {
            let authorities = answers.authorities.values().map(|certificate| certificate.validity);
            authorities.chain(answers.certificates.values().map(|answer| answer.validity))
        });
        let brought = self.brought.iter();
        let used = brought.filter(|((name, generation), _)| self.generations_of(name, None).used == *generation);
        let existing = used.map(|(_, ca)| ca.certificate.validity);
        profiles
            .map(|profile| leaf_validity(profile, self.issued))
            .chain(existing)
            .chain(answered)
            .reduce(|all, one| Validity {
                not_before: all.not_before.max(one.not_before),
                not_after: all.not_after.min(one.not_after),
            })
            .unwrap_or_else(|| leaf_validity(&self.profile, self.issued))
    }
}

/// Of what there is one key of an identity in a layout, where each host has its own of those in `per_host`.
pub(crate) fn per(layout: Layout, per_host: &BTreeSet<&'static str>, identity: &Identity) -> Per {
    let shared = layout.shared().iter().find(|(name, _)| *name == identity.name);
    match shared.filter(|(name, _)| per_host.contains(name)) {
        Some((_, role)) => Per::Each(*role),
        None => identity.per,
    }
}

/// A valid cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The name, of which keys are derived too.
    pub name: String,
    /// Whether it runs already.
    pub state: ClusterState,
    /// The Kubernetes version as it was written.
    pub version: String,
    /// The etcd version as it was written, or as it follows from that of Kubernetes.
    pub etcd: String,
    /// Its minor of Kubernetes, with what goes with it.
    pub release: Release,
    /// The release of Go with which its programs are compiled, where not as they are published.
    pub go: Option<Version>,
    /// The DNS domain of services, without a trailing dot.
    pub domain: String,
    /// The address ranges.
    pub network: Network,
    /// Where the API server is reached.
    pub endpoint: Endpoint,
    /// Names and addresses by which the API servers are reached, besides those of hosts and the endpoint.
    pub names: Vec<String>,
    /// What load balancers do.
    pub load_balancing: LoadBalancing,
    /// What workers run pods with.
    pub nodes: Nodes,
    /// Certificates and authorities.
    pub pki: Pki,
    /// How secrets are encrypted in etcd.
    pub encryption: Encryption,
    /// Settings of the user's own.
    pub overrides: Overrides,
    /// Files of the user's own.
    pub files: Vec<OwnFile>,
    /// In the order of the file.
    pub hosts: Vec<Host>,
    #[allow(dead_code, reason = "the mark is there to be required, not to be read")]
    pub(crate) checked: PassedChecks,
}

/// The mark that only a checked cluster carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassedChecks(pub(crate) ());

impl Cluster {
    /// Whether its programs know ML-DSA, as they are published or as the user compiles them.
    pub(crate) fn knows_ml_dsa(&self) -> bool {
        let compiled_with = |program| self.go.or(self.release.compiled_with(program));
        [Program::Kubernetes, Program::Etcd]
            .into_iter()
            .all(|program| compiled_with(program) >= Some(FIRST_GO_WITH_ML_DSA))
    }

    /// Whether a generation of what is rotated is there already.
    pub fn is_brought(&self, of: &str, generation: Generation) -> bool {
        match of {
            ENCRYPTION => self.encryption.brought(generation).is_some(),
            of => self.pki.brought(of, generation).is_some() || self.pki.brought_key(of, generation).is_some(),
        }
    }

    /// The cluster with what its authorities elsewhere have signed.
    pub fn with_answers(mut self, answers: Answers) -> Cluster {
        self.pki.answers = Some(answers);
        self
    }

    /// Whether the successor of what is brought is brought as well; so it is where nothing is brought.
    pub fn successor_is_brought(&self, of: &str) -> bool {
        let used = self.generations_of(of).used;
        !self.is_brought(of, used) || self.is_brought(of, used.successor())
    }

    /// Whether a key that is brought, and that counts, was not there to be read.
    pub(crate) fn lacks_a_key(&self) -> bool {
        let encryption = self.encryption.generations.all();
        let mut encryption = encryption.filter_map(|generation| self.encryption.brought(generation));
        self.pki.brought.values().any(|ca| ca.key.is_none())
            || self.pki.brought_keys.values().any(|pair| pair.key.is_none())
            || encryption.any(|key| key.secret.is_none())
    }

    /// The generations of what is rotated, as `[rotate]` calls it.
    pub fn generations_of(&self, of: &str) -> &Generations {
        match of {
            ENCRYPTION => &self.encryption.generations,
            of => self.pki.generations_of(of, None),
        }
    }

    /// The hosts with `role`, in the order of the file.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.is(role))
    }

    /// The hosts with `role` that others may count on: those that neither come nor go.
    pub fn settled(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.with(role).filter(|host| host.state.is_none())
    }

    /// The members of etcd when the one on `host` starts for the first time, itself among them: all where they found the cluster;
    /// else those that are there, and of those that join, one after the other in the order of the file, the ones before it.
    pub fn members_at_first_start(&self, host: &Host) -> impl Iterator<Item = &Host> {
        let joins = |host: &Host| host.state == Some(HostState::Joining);
        let turn = self.hosts.iter().position(|one| one.name == host.name && joins(one));
        let is_there = move |at: usize| turn.is_some_and(|turn| at <= turn);
        let members = self.hosts.iter().enumerate().filter(|(_, host)| host.is(Role::Etcd));
        members
            .filter(move |(at, host)| !joins(host) || is_there(*at))
            .map(|(_, host)| host)
    }

    /// Whether nodes, pods and services have addresses of both families.
    pub(crate) fn is_dual_stack(&self) -> bool {
        self.network.services.is_dual()
    }

    /// The files of the CSR folder that are the built-in ones, since the folder has none of that name.
    pub fn built_in_files(&self) -> Vec<&str> {
        let config = self.pki.config_built_in.then_some("ca-config.json");
        let csrs = self
            .pki
            .csrs
            .iter()
            .filter(|(_, csr)| csr.built_in)
            .map(|(name, _)| name.as_str());
        config.into_iter().chain(csrs).collect()
    }

    /// The addresses of the service `kubernetes`: the first after the network's own, of each range.
    pub(crate) fn first_service_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.network.services.iter().map(|services| match services.network() {
            IpAddr::V4(network) => IpAddr::V4(u32::from(network).wrapping_add(1).into()),
            IpAddr::V6(network) => IpAddr::V6(u128::from(network).wrapping_add(1).into()),
        })
    }

    /// The addresses that the load balancers share.
    pub(crate) fn virtual_ips(&self) -> impl Iterator<Item = &IpAddr> {
        let shared = self.load_balancing.virtual_address.iter();
        shared.flat_map(|address| address.ip.iter())
    }

    /// Whether IPv6 is the family of the cluster, or the first of two.
    pub(crate) fn is_ipv6(&self) -> bool {
        matches!(self.network.services.primary, IpNet::V6(_))
    }

    /// Whether IPv6 is a family of the cluster.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.network.services.iter().any(|range| matches!(range, IpNet::V6(_)))
    }
}

/// The prefix length of a node's part of a range of pods: a /24, or a /64. An IPv6 range that a /64 does not fit into, or
/// that has more of them than the controller manager counts (16 bits), is cut into what comes nearest.
pub(crate) fn node_prefix(pods: &IpNet) -> u8 {
    const MOST_BITS: u8 = 16;
    // 256 addresses, as an IPv4 node has: the kubelet's default is 110 pods.
    const LONGEST: u8 = 120;
    match (pods, pods.prefix_len()) {
        (IpNet::V4(_), _) => 24,
        (IpNet::V6(_), range @ ..48) => range + MOST_BITS,
        (IpNet::V6(_), 48..=64) => 64,
        (IpNet::V6(_), range) => range.saturating_add(MOST_BITS).min(LONGEST),
    }
}
