//! What is rotated, phase by phase.

use crate::catalog::rotation::RotationPhase::{Announce, Retire, Switch};
use crate::catalog::rotation::{PhaseRow, RotationPhase, RunsOn, Wait};

const fn wait(what: &'static str) -> Wait {
    Wait { what, shown_by: None }
}

const fn shown(what: &'static str, on: RunsOn, command: &'static str) -> Wait {
    Wait {
        what,
        shown_by: Some((on, command)),
    }
}

const fn phase(of: &'static str, phase: RotationPhase, means: &'static str, wait: &'static [Wait]) -> PhaseRow {
    PhaseRow {
        of,
        phase,
        means,
        wait,
        no_way_back: "",
    }
}

const fn last(of: &'static str, means: &'static str, no_way_back: &'static str) -> PhaseRow {
    PhaseRow {
        no_way_back,
        ..phase(of, Retire, means, &[])
    }
}

// Kubernetes, "Manual Rotation of CA Certificates" and "Encrypting Confidential Data at Rest"; what reads a file when was measured.
#[rustfmt::skip]
pub(crate) const PHASES: &[PhaseRow] = &[
    phase("ca", Announce, "Everybody trusts the new authority beside the old one. What anybody shows stays as it is.", &[
        shown("pods are given both authorities, which the controller manager writes into every namespace", RunsOn::ControlPlane,
            "kubectl --kubeconfig=/root/admin.kubeconfig get --raw /readyz >/dev/null && kubectl --kubeconfig=/root/admin.kubeconfig get configmaps --all-namespaces --field-selector metadata.name=kube-root-ca.crt -o jsonpath='{range .items[*]}{.data.ca\\.crt}{\"=\\n\"}{end}' | awk '/BEGIN CERTIFICATE/ { n++ } /^=/ { if (n < 2) few = 1; n = 0 } END { exit few }'"),
        wait("pods that read the authority only when they start have been restarted (`kubectl rollout restart`): their file follows within two minutes"),
        wait("whoever has a kubeconfig of his own has the new one, which trusts both"),
    ]),
    phase("ca", Switch, "The new authority signs every certificate, each for the key that it had. Everybody trusts the old one still.", &[
        wait("certificates that the cluster signed by request (`kubectl get csr`), if it signs any, and those that other authorities were given, are of the new authority"),
        wait("whoever has a kubeconfig of his own has the new one, whose certificate is of the new authority"),
    ]),
    last("ca", "Nobody trusts the old authority.",
        "Who still shows a certificate of the old authority is refused from now on; the folder of the phase before lets him in again."),

    phase("etcd-ca", Announce, "Members of etcd and API servers trust the new authority beside the old one. They read whom they trust only when they start.", &[]),
    phase("etcd-ca", Switch, "The new authority signs the certificates of members and of who calls them. Everybody trusts the old one still.", &[
        wait("whoever calls etcd besides the API servers (a backup, monitoring) has a certificate of the new authority"),
    ]),
    last("etcd-ca", "Nobody trusts the old authority.",
        "Who still shows a certificate of the old authority is refused from now on; the folder of the phase before lets him in again."),

    phase("front-proxy-ca", Announce, "API servers say that the new authority is trusted beside the old one, and extension API servers read it there.", &[
        shown("extension API servers can read both authorities", RunsOn::ControlPlane,
            "test \"$(kubectl --kubeconfig=/root/admin.kubeconfig -n kube-system get configmap extension-apiserver-authentication -o jsonpath='{.data.requestheader-client-ca-file}' | grep -c 'BEGIN CERTIFICATE')\" -eq 2"),
    ]),
    phase("front-proxy-ca", Switch, "API servers show extension API servers a certificate of the new authority.", &[]),
    last("front-proxy-ca", "Nobody trusts the old authority.", ""),

    phase("service-account", Announce, "Every API server accepts tokens that are signed with the new key, beside those of the old one.", &[]),
    phase("service-account", Switch, "New tokens are signed with the new key, and those of the old one are accepted still.", &[
        wait("kubelets have given every pod a new token, which from Kubernetes 1.21 on they do before one has run for 48 minutes: wait an hour"),
        wait("tokens that were made for longer (`kubectl create token --duration`) have run out or been made again"),
        wait("Secrets with tokens that never end have been deleted and made again (before Kubernetes 1.24 every service account has one, which comes back by itself): `kubectl get secrets --all-namespaces --field-selector type=kubernetes.io/service-account-token` lists them with their age"),
        wait("pods that have such a token have been restarted, which are all of them before Kubernetes 1.21"),
    ]),
    last("service-account", "Tokens of the old key are refused.",
        "A pod with a token of the old key gets 401 from now on; the folder of the phase before accepts it again."),

    PhaseRow {
        no_way_back: "Where the new key has encrypted already, since this is the way back from `switch`: write every Secret again first, with the command that stands there.",
        ..phase("encryption", Announce, "Every API server can read what is encrypted with the new key, and encrypts with the old one.", &[])
    },
    phase("encryption", Switch, "Every API server encrypts with the new key, and can read what the old one encrypted.", &[
        shown("every Secret has been written again, with the new key (who changes one meanwhile writes it with the new key too, so a conflict is none)", RunsOn::ControlPlane,
            "kubectl --kubeconfig=/root/admin.kubeconfig get --raw /readyz >/dev/null && ! kubectl --kubeconfig=/root/admin.kubeconfig get secrets --all-namespaces -o json | kubectl --kubeconfig=/root/admin.kubeconfig replace -f - 2>&1 >/dev/null | grep -vE '\\((Conflict|NotFound)\\)|no objects passed'"),
        shown("nothing in etcd is encrypted with the old key", RunsOn::Member,
            "etcdctl endpoint health >/dev/null 2>&1 && ! etcdctl get /registry/ --prefix --print-value-only | grep -aoE 'k8s:enc:{provider}:v1:[^:]*:' | grep -v ':{new}:$'"),
    ]),
    last("encryption", "Nobody has the old key.",
        "What is still encrypted with the old key can't be read, and one such Secret fails every list of Secrets, until the old key is there again."),
];
