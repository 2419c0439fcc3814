//! Roles and bindings that are applied to the cluster: whether the API server takes them, who is bound to what, and whether a
//! role has what its programs need.

use std::collections::BTreeSet;

use super::document::Tree;
use super::inventory::{self, InventoryRow};
use super::spot::{Spot, documents, running};
use super::view::View;
use crate::diagnostic::verify_codes as codes;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(crate) fn check(view: &View<'_>, rows: &[InventoryRow]) {
    let objects = Objects::read(view);
    let users = users(view, rows);
    for (spot, document) in documents(view) {
        check_version(spot, document);
        match document.kind() {
            "ClusterRole" | "Role" => check_rules(spot, document),
            "ClusterRoleBinding" | "RoleBinding" => check_binding(spot, document, &objects, users.as_ref()),
            _ => {}
        }
    }
}

/// Whether the users and groups of `one` side's certificates that its bindings name have their roles by bindings of the `other` too: the
/// manifests of one of both are applied while hosts of both run. Where a side has no bindings, others have applied them.
pub(crate) fn check_between(one: &View<'_>, other: &View<'_>) {
    let bound: BTreeSet<Bound<'_>> = bindings(other).map(|(_, bound)| bound).collect();
    if bound.is_empty() || !other.whole {
        return;
    }
    let rows = inventory::gather(one);
    let held: BTreeSet<&str> = subjects(&rows).collect();
    for (spot, bound_here) in bindings(one) {
        if held.contains(bound_here.name) && !bound.contains(&bound_here) {
            let Bound { kind, name, role, .. } = bound_here;
            let message = format!(
                "the {kind} {name:?} of a certificate has the role {role:?} by it, and by no binding of the other side"
            );
            spot.report(codes::RBAC_SUBJECT, message);
        }
    }
}

/// A user or a group, and a role that it has, in one namespace or in all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bound<'v> {
    kind: &'v str,
    name: &'v str,
    role: &'v str,
    namespace: &'v str,
}

/// The users and groups of every binding.
fn bindings<'v>(view: &'v View<'v>) -> impl Iterator<Item = (Spot<'v>, Bound<'v>)> {
    let bindings =
        documents(view).filter(|(_, document)| ["ClusterRoleBinding", "RoleBinding"].contains(&document.kind()));
    bindings.flat_map(|(spot, binding)| {
        let subjects = binding.items_at(&["subjects"]).iter();
        let subjects = subjects.filter(|subject| ["User", "Group"].contains(&subject.kind()));
        subjects.filter_map(move |subject| {
            let bound = Bound {
                kind: subject.kind(),
                name: subject.text_at(&["name"])?,
                role: binding.text_at(&["roleRef", "name"])?,
                namespace: binding.text_at(&["metadata", "namespace"]).unwrap_or_default(),
            };
            Some((spot, bound))
        })
    })
}

/// The users and groups of certificates that clients show.
fn subjects(rows: &[InventoryRow]) -> impl Iterator<Item = &str> {
    let clients = rows
        .iter()
        .map(|row| &row.certificate)
        .filter(|one| one.client_auth && !one.authority);
    clients.flat_map(|one| one.organizations.iter().map(String::as_str).chain([one.user()]))
}

/// The API versions that some release has of each kind that a cluster's own manifests use.
#[rustfmt::skip]
const VERSIONS: &[(&str, &[&str])] = &[
    ("ClusterRole", &["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"]),
    ("ClusterRoleBinding", &["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"]),
    ("Role", &["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"]),
    ("RoleBinding", &["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"]),
    ("ServiceAccount", &["v1"]),
    ("ConfigMap", &["v1"]),
    ("Service", &["v1"]),
    ("Namespace", &["v1"]),
    ("Secret", &["v1"]),
    ("Deployment", &["apps/v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"]),
    ("DaemonSet", &["apps/v1", "apps/v1beta2", "extensions/v1beta1"]),
];

fn check_version(spot: Spot<'_>, document: &Tree) {
    let kind = document.kind();
    let is_object = document.at(&["metadata", "name"]).is_some();
    let version = document.text_at(&["apiVersion"]).unwrap_or_default();
    let known = VERSIONS.iter().find(|(of, _)| *of == kind);
    if known.is_some_and(|(_, versions)| is_object && !versions.contains(&version)) {
        spot.report(codes::REFUSED_OBJECT, format!("there is no {kind} of {version:?}"));
    }
}

/// What is defined, by its name; of roles and accounts with their namespace.
struct Objects<'v> {
    roles: BTreeSet<(&'v str, &'v str, &'v str)>,
    accounts: BTreeSet<(&'v str, &'v str)>,
}

impl<'v> Objects<'v> {
    fn read(view: &'v View<'v>) -> Objects<'v> {
        let mut objects = Objects {
            roles: BTreeSet::new(),
            accounts: BTreeSet::new(),
        };
        for (_, document) in documents(view) {
            let name = document.text_at(&["metadata", "name"]).unwrap_or_default();
            let namespace = document.text_at(&["metadata", "namespace"]).unwrap_or("default");
            match document.kind() {
                "ClusterRole" => drop(objects.roles.insert(("ClusterRole", "", name))),
                "Role" => drop(objects.roles.insert(("Role", namespace, name))),
                "ServiceAccount" => drop(objects.accounts.insert((namespace, name))),
                _ => {}
            }
        }
        objects
    }
}

/// The roles that the API server makes itself (bootstrappolicy of plugin/pkg/auth/authorizer/rbac), each by its beginning.
#[rustfmt::skip]
const MADE: [&str; 31] = [
    "admin", "cluster-admin", "edit", "view", "system:aggregate-to-admin", "system:aggregate-to-edit", "system:aggregate-to-view",
    "system:auth-delegator", "system:basic-user", "system:certificates.k8s.io:", "system:cluster-trust-bundle-discovery",
    "system:controller:", "system:csi-external-", "system:discovery", "system:heapster", "system:kube-aggregator",
    "system:kube-controller-manager", "system:kube-dns", "system:kube-scheduler", "system:kubelet-api-admin", "system:monitoring",
    "system:node", "system:node-bootstrapper", "system:node-problem-detector", "system:node-proxier",
    "system:persistent-volume-provisioner", "system:public-info-viewer", "system:service-account-issuer-discovery",
    "system:volume-scheduler", "system:serviceaccount-issuer-discovery", "system:kube-apiserver-to-kubelet-",
];

fn is_made(role: &str) -> bool {
    MADE.iter()
        .any(|made| *made == role || made.ends_with([':', '-']) && role.starts_with(made))
}

/// Every user and group that a certificate here has; none where users come from elsewhere too, or other hosts are not here.
fn users<'v>(view: &View<'_>, rows: &'v [InventoryRow]) -> Option<BTreeSet<&'v str>> {
    let elsewhere = [
        "oidc-issuer-url",
        "authentication-config",
        "authentication-token-webhook-config-file",
        "token-auth-file",
        "basic-auth-file",
    ];
    let comes_from = |flag: &&str| running(view, "kube-apiserver").any(|api| api.line.flag(flag).is_some());
    if !view.whole || elsewhere.iter().any(comes_from) {
        return None;
    }
    Some(subjects(rows).collect())
}

fn check_binding(spot: Spot<'_>, binding: &Tree, objects: &Objects<'_>, users: Option<&BTreeSet<&str>>) {
    let refused = |message: String| spot.report(codes::REFUSED_OBJECT, message);
    let role = |field| binding.text_at(&["roleRef", field]).unwrap_or_default();
    if !["", GROUP].contains(&role("apiGroup")) {
        refused(format!(
            "its roleRef is of the group {:?}, and has to be of {GROUP}",
            role("apiGroup")
        ));
    }
    let namespace = binding.text_at(&["metadata", "namespace"]).unwrap_or("default");
    let here = match (binding.kind(), role("kind")) {
        (_, "ClusterRole") => is_made(role("name")) || objects.roles.contains(&("ClusterRole", "", role("name"))),
        ("RoleBinding", "Role") => {
            objects.roles.contains(&("Role", namespace, role("name"))) || namespace.starts_with("kube-")
        }
        (kind, other) => {
            refused(format!("its roleRef is a {other:?}, which no {kind} can lead to"));
            true
        }
    };
    if role("name").is_empty() {
        refused("its roleRef names no role".to_owned());
    } else if !here && spot.view.whole {
        let message = format!("it binds the role {:?}, which is not here", role("name"));
        spot.report(codes::RBAC_SUBJECT, message);
    }
    let is_of_cluster = ["cluster-admin", "kubelet", "coredns"]
        .iter()
        .any(|part| role("name").contains(part));
    if binding.kind() == "RoleBinding" && is_of_cluster {
        let message = format!(
            "it gives {:?} in one namespace alone, and what that is about is in none or in all",
            role("name")
        );
        spot.report(codes::RBAC_SUBJECT, message);
    }
    for subject in binding.items_at(&["subjects"]) {
        let name = subject.text_at(&["name"]).unwrap_or_default();
        if EVERYBODY.contains(&name) && !FOR_EVERYBODY.contains(&role("name")) {
            spot.report(codes::OPEN_DOOR, format!("it gives {:?} to {name}", role("name")));
        }
        check_subject(spot, subject, objects, users);
    }
}

/// Users and groups that nobody had to prove anything for, or that every program in a pod is, and the roles that they have by
/// themselves.
const EVERYBODY: [&str; 4] = [
    "system:anonymous",
    "system:unauthenticated",
    "system:authenticated",
    "system:serviceaccounts",
];
const FOR_EVERYBODY: [&str; 4] = [
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
];

/// Sources: `ValidateRoleBindingSubject` of pkg/apis/rbac/validation, `SetDefaults_Subject` of pkg/apis/rbac/v1.
fn check_subject(spot: Spot<'_>, subject: &Tree, objects: &Objects<'_>, users: Option<&BTreeSet<&str>>) {
    let refused = |message: String| spot.report(codes::REFUSED_OBJECT, message);
    let field = |name| subject.text_at(&[name]).unwrap_or_default();
    let (kind, name, namespace) = (subject.kind(), field("name"), field("namespace"));
    let groups: &[&str] = match kind {
        "User" | "Group" => &["", GROUP],
        "ServiceAccount" => &[""],
        _ => {
            return refused(format!(
                "a subject is a {kind:?}, which is neither User, Group nor ServiceAccount"
            ));
        }
    };
    if !groups.contains(&field("apiGroup")) {
        refused(format!(
            "the {kind} {name:?} is of the group {:?}, which has none",
            field("apiGroup")
        ));
    }
    if name.is_empty() || kind == "ServiceAccount" && namespace.is_empty() {
        return refused(format!("a {kind} has no name or no namespace"));
    }
    let whole = spot.view.whole;
    // Who brings an account of a namespace brings all that are bound here; those of controllers are made by themselves.
    let is_of_here = objects.accounts.iter().any(|(_, own)| *own == name)
        || objects.accounts.iter().any(|(own, _)| *own == namespace) && whole;
    let is_made_by_itself = name == "default" || namespace == "kube-system" && is_of_a_controller(name);
    if kind == "ServiceAccount" && is_of_here && !is_made_by_itself && !objects.accounts.contains(&(namespace, name)) {
        let message = format!("it binds the account {name:?} of {namespace:?}, which is not here");
        spot.report(codes::RBAC_SUBJECT, message);
    }
    let is_someone = |users: &BTreeSet<&str>| name.starts_with("system:") || users.contains(name);
    if kind != "ServiceAccount" && users.is_some_and(|users| !is_someone(users)) {
        let message = format!("it binds the {kind} {name:?}, which no certificate here has");
        spot.report(codes::UNKNOWN_SUBJECT, message);
    }
}

/// What programs need of a role: a part of its name | group, resources, verbs.
///
/// Sources: <https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#kubelet-authorization>,
/// <https://github.com/coredns/deployment/blob/master/kubernetes/coredns.yaml.sed>.
#[rustfmt::skip]
const NEEDED: &[(&str, &str, &[&str], &[&str])] = &[
    ("to-kubelet", "", &["nodes/proxy"], &["get", "create"]),
    ("to-kubelet", "", &["nodes/stats", "nodes/log", "nodes/spec", "nodes/metrics"], &["get"]),
    ("coredns", "", &["services", "pods", "namespaces"], &["list", "watch"]),
];

/// Sources: `ValidatePolicyRule` of pkg/apis/rbac/validation.
fn check_rules(spot: Spot<'_>, role: &Tree) {
    let rules = role.items_at(&["rules"]);
    for rule in rules {
        let has = |field| !rule.items_at(&[field]).is_empty();
        let what = match (has("verbs"), has("resources"), has("apiGroups"), has("nonResourceURLs")) {
            (false, ..) => "no verbs",
            (_, false, _, false) => "no resources",
            (_, true, false, _) => "resources of no group",
            (_, true, _, true) => "both resources and URLs",
            _ => continue,
        };
        spot.report(codes::REFUSED_OBJECT, format!("a rule of it has {what}"));
    }
    let name = role.text_at(&["metadata", "name"]).unwrap_or_default();
    if role.at(&["aggregationRule"]).is_some() {
        return;
    }
    for (part, group, resources, verbs) in NEEDED.iter().filter(|(part, ..)| name.contains(part)) {
        for resource in *resources {
            let lacking: Vec<&str> = verbs
                .iter()
                .filter(|verb| !allows(rules, group, resource, verb))
                .copied()
                .collect();
            if !lacking.is_empty() {
                let message = format!(
                    "{name:?} does not allow to {} {resource}, which {part} needs",
                    lacking.join(" and ")
                );
                spot.report(codes::ROLE_LACKS, message);
            }
        }
    }
    let reads = |group, resource| {
        ["list", "watch"]
            .iter()
            .all(|verb| allows(rules, group, resource, verb))
    };
    // CoreDNS asked for endpoints before 1.8.
    if name.contains("coredns")
        && !reads("discovery.k8s.io", "endpointslices")
        && !(reads("", "endpoints") && is_old(spot))
    {
        let message = format!("{name:?} does not allow to list and watch endpointslices, which coredns needs");
        spot.report(codes::ROLE_LACKS, message);
    }
}

/// Whether CoreDNS in the same file is older than 1.8.
fn is_old(spot: Spot<'_>) -> bool {
    let images = spot.host.documents(spot.path).iter().flat_map(|document| {
        let containers = document.items_at(&["spec", "template", "spec", "containers"]).iter();
        containers.filter_map(|container| container.text_at(&["image"]))
    });
    let mut versions = images.filter_map(|image| {
        let mut parts = image.rsplit_once(':')?.1.trim_start_matches('v').split('.');
        Some((parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?))
    });
    versions.any(|version| version < (1, 8))
}

/// Whether rules allow a verb on a resource, as RBAC reads them (pkg/apis/rbac/v1, `RuleAllows`).
fn allows(rules: &[Tree], group: &str, resource: &str, verb: &str) -> bool {
    let below = resource.split_once('/').map(|(_, below)| format!("*/{below}"));
    rules
        .iter()
        .filter(|rule| rule.items_at(&["resourceNames"]).is_empty())
        .any(|rule| {
            let mut has = [("apiGroups", group), ("verbs", verb), ("resources", resource)].into_iter();
            has.all(|(field, wanted)| {
                let mut items = rule.items_at(&[field]).iter().filter_map(Tree::text);
                items
                    .any(|item| item == "*" || item == wanted || field == "resources" && below.as_deref() == Some(item))
            })
        })
}

/// Whether the controller manager makes an account of that name for one of its controllers
/// (`pkg/serviceaccount` and `cmd/kube-controller-manager/names` of Kubernetes).
fn is_of_a_controller(name: &str) -> bool {
    let others = [
        "bootstrap-signer",
        "expand-controller",
        "generic-garbage-collector",
        "horizontal-pod-autoscaler",
        "persistent-volume-binder",
        "pod-garbage-collector",
        "root-ca-cert-publisher",
        "token-cleaner",
    ];
    name.ends_with("-controller") || others.contains(&name)
}
