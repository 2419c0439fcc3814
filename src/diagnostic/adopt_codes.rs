//! The table of codes of adoptions: what of a cluster that runs can't be taken as it is, an example, what to do, and where people meet it.
//!
//! `khw-gen explain` and `docs/adoptions.md` tell this table. `tests/adopt.rs` has a case for each code.
use super::code::{Code, Example, Severity, codes, page_of};

/// The table as the page `docs/adoptions.md`.
pub fn page() -> String {
    page_of(
        "# What can't be adopted as it is\n\n\
         What `khw-gen adopt PATH -o DIR` says of what it finds ([adopt.md](adopt.md)). With an error nothing is written, and all of them are\n\
         said in one run; a warning is something to decide before the first build. `khw-gen explain CODE` says the same. This page is made\n\
         from `src/diagnostic/adopt_codes.rs`: edit that, not this.\n",
        CODES,
    )
}

#[rustfmt::skip]
codes! {
    NO_AUTHORITY "adopt-no-authority" Error "no authority of the cluster" {
        meaning
            "Everything in a cluster trusts one authority, and a specification that does not bring it would make another one: nobody who trusts \
             the old one would trust anything of the new one. Here none was found, or nothing that it has signed."
        advice "bring its certificate into the folder, or the machine's tree that has it: the file that --client-ca-file of the API server names"
        example "pki/" ["apiserver.crt", "apiserver.key"]
        right ["apiserver.crt", "apiserver.key", "ca.crt", "ca.key"]
        met "When only the certificates of one program were copied, or when the authority lies with whoever runs it for the whole company."
        see ["https://kubernetes.io/docs/setup/best-practices/certificates/"]
    }

    LOCKED_KEY "adopt-locked-key" Error "key that can't be read" {
        meaning
            "The key of an authority lies there and has a passphrase of its own, is locked with age, or is damaged. Without it the authority would have to be one \
             that signs elsewhere, which is most likely not what is meant."
        advice "turn it into one without a passphrase beside the old one, 0600: openssl pkey -in KEY -out NEW; or take it out, if the authority is to sign elsewhere"
        example "certs/ca-key.pem" ["-----BEGIN ENCRYPTED PRIVATE KEY-----"]
        right ["-----BEGIN PRIVATE KEY-----"]
        met "With keys that `openssl genrsa -aes256` made, and with easy-rsa, which asks for a passphrase unless it is told `nopass`."
        see ["https://docs.openssl.org/3.0/man1/openssl-pkey/"]
    }

    ENDED "adopt-ended-authority" Error "authority that has ended" {
        meaning "Nobody believes what it signs, so that nothing can be issued by it. What runs with it has stopped, or will at the next restart."
        advice "renew its certificate for the key that it has (openssl x509 -in ca.pem -signkey ca-key.pem -days 3650), give it to everybody, and adopt then"
        example "certs/ca.pem" ["Not After : Apr 23 07:00:00 2024 GMT"]
        met "Five years after a walk-through was followed, since that is cfssl's default for an authority, and ten after kubeadm init."
        see ["https://github.com/cloudflare/cfssl/blob/v1.6.5/csr/csr.go"]
    }

    NO_HOST "adopt-no-host" Error "no control plane" {
        meaning
            "Hosts are told by the programs that run on them, or by the names in the certificates of nodes and of the API server. Here neither \
             names a control plane, and without one there is no cluster."
        advice "give the machines' trees side by side (master1/etc, master1/var), or a folder that has the certificate of the API server with an address or a name of a machine in it"
        example "certs/" ["ca.pem", "admin.pem"]
        right ["ca.pem", "admin.pem", "kubernetes.pem"]
        met "When only workers' trees were copied, or the API server's certificate has the names of its service alone."
    }

    NODE_NAME "adopt-node-name" Error "node that has its address for a name" {
        meaning
            "A kubelet registers as the node that --hostname-override names, and its certificate is made for that: system:node:NAME. Hosts have \
             names here, never an address in their place, and a node can't be renamed: another one would register beside it."
        advice
            "give each such node a name first, one after the other: kubectl drain it and delete it, take --hostname-override out (kube-proxy's \
             too), issue the kubelet's certificate for system:node:NAME, start it, and let it register; copy the machines then, and adopt"
        example "node1: /etc/systemd/system/kubelet.service" ["--hostname-override=10.0.0.21"]
        right ["--hostname-override=node1"]
        met "With guides of 2017 that wrote each machine's address wherever a name was asked for."
        see ["https://kubernetes.io/docs/concepts/architecture/nodes/#node-name-uniqueness"]
    }

    OTHER_PORT "adopt-other-port" Error "API server at another port" {
        meaning
            "Kubeconfigs lead to a control plane itself, at another port than 6443. API servers that khw-gen makes listen at 6443 alone, so that \
             nobody who has such a kubeconfig would find one."
        advice "have the API be reached at 6443, or at a load balancer, before you adopt"
        example "node1: /var/lib/kubelet/kubeconfig" ["server: https://10.0.0.11:8443"]
        right ["server: https://10.0.0.11:6443"]
        met "Where another program had port 6443 on the first machine, and with --secure-port=443 of older installers."
        see ["https://kubernetes.io/docs/reference/networking/ports-and-protocols/"]
    }

    ENCRYPTION_NOT_KEPT "adopt-encryption" Error "encryption that can't be kept" {
        meaning
            "What is written in etcd has to stay readable. cluster.toml has one provider with one key, or two while one takes the place of the \
             other, for Secrets; this configuration says something else."
        advice "rewrite what is stored with one provider and one key first (kubectl get secrets -A -o json | kubectl replace -f -), then take the others out and adopt"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["providers:", "  - kms:", "      name: vault", "  - identity: {}"]
        right ["providers:", "  - secretbox:", "      keys:", "        - {name: key1, secret: …}", "  - identity: {}"]
        met "Where keys were added over the years and none was ever taken out, and where a KMS plugin has the keys."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    UNKNOWN_RELEASE "adopt-unknown-release" Error "release that is not known" {
        meaning "khw-gen knows which flags and files each release takes, and this one is not among them."
        advice "upgrade it to one that is known first, or say --kubernetes VERSION if the image says something else than what runs"
        example "master1: /etc/kubernetes/manifests/kube-apiserver.yaml" ["image: k8s.gcr.io/kube-apiserver:v1.12.10"]
        right ["image: registry.k8s.io/kube-apiserver:v1.34.1"]
        met "With clusters that nobody has touched since 2018, and with images of a company's own whose tags count something else."
    }

    DISAGREE "adopt-disagree" Warning "two say different things" {
        meaning "Two files tell different values of something that the cluster has once. What most of them say is taken; whether that is right, nothing shows."
        advice "look at both places, and correct cluster.toml if the other one is right"
        example "node2: /var/lib/kubelet/config.yaml" ["clusterDomain: cluster.internal"]
        right ["clusterDomain: cluster.local"]
        met "When a value was changed on some machines and the rest was forgotten, which often goes unnoticed for years."
    }

    NO_KEY "adopt-no-key" Warning "authority without its key" {
        meaning
            "The certificate is here and its key is not, so that the authority signs elsewhere from now on: khw-gen writes requests for it, and \
             takes what it answers."
        advice "bring the key if it is to be here; else khw-gen csr DIR/cluster.toml -o requests, and build --signed"
        example "certs/" ["ca.pem"]
        right ["ca.pem", "ca-key.pem"]
        met "With kubeadm's mode of an external authority, and where only what lies on workers was copied."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#external-ca-mode"]
    }

    NO_TOKEN_KEY "adopt-no-token-key" Warning "no key of tokens" {
        meaning
            "The key that signs the tokens of service accounts was not found. A new one is made, and no token that there is counts any more: every \
             pod that talks to the API has to be restarted."
        advice "bring the file that --service-account-signing-key-file or --service-account-private-key-file names, if there is a way"
        example "certs/" ["ca.pem", "kubernetes.pem"]
        right ["ca.pem", "kubernetes.pem", "service-account.pem", "service-account-key.pem"]
        met "When sa.key was left out of a copy since it has no certificate beside it."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/"]
    }

    TRUSTED_BESIDE "adopt-trusted-beside" Warning "more is trusted than can be kept" {
        meaning
            "Besides the authority that signs, or the key of tokens, another one is trusted, and not as in a rotation that could be gone on with: \
             several are, not everywhere, or in more than one rotation at a time; or the private half of the other key of tokens is not here. \
             After the first build it is not trusted: who shows what it has signed is refused."
        advice "see that nothing of it is in use any more, or go on with the rotation before you adopt"
        example "master1: /var/lib/kubernetes/ca.pem" ["-----BEGIN CERTIFICATE-----", "(a second authority)"]
        met "In the middle of a rotation by hand, or when the bundle of a company's own authorities was appended to ca.pem."
        see ["https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/"]
    }

    FRONT_PROXY "adopt-front-proxy" Warning "front proxy that changes, or stays as it is" {
        meaning
            "A layout has one authority for everything, or one each for the cluster, etcd and the front proxy. Where etcd has one of its own and the              front proxy has not, it gets one; where it is the other way round, the flags of the front proxy and the files that they name are kept."
        advice "restart extension API servers (metrics-server is one) once all API servers are new; renew files that stay by hand, before they end"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["--requestheader-client-ca-file=/etc/kubernetes/ssl/ca.pem"]
        right ["--requestheader-client-ca-file=/etc/kubernetes/ssl/front-proxy-ca.pem"]
        met "With guides that sign everything but etcd's certificates with one authority, and with RKE, whose requestheader-ca stands alone."
        see ["https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/"]
    }

    NOT_COPIED "adopt-not-copied" Warning "configuration that was not copied" {
        meaning
            "A program is given a file that is not among those that were read, or a variable that none of them sets. What it says is not adopted: \
             the first build would set khw-gen's own in its place."
        advice "copy the file too, to its place in the tree of its machine, and adopt again; take a variable that is empty out of the copied unit"
        example "node1: /etc/systemd/system/kubelet.service" ["--config=/opt/kubelet/config.yaml"]
        met "With files outside of /etc and /var/lib, which the command that packed the others did not name."
    }

    FILE_STAYS "adopt-file-stays" Warning "file that no bundle brings" {
        meaning
            "A flag that is kept names a file which is on the machines and is none of khw-gen's. It stays there, so that the flag works; a machine \
             that comes later would lack it, and `verify` of the output says missing-file."
        advice
            "have bundles bring it: a [[files]] in cluster.toml (docs/settings.md) with that path in `at`, the hosts in `on`, and what is in the file \
             in `content`; leave a secret where it is"
        example "cp1: /etc/kubernetes/manifests/kube-apiserver.yaml" ["--oidc-ca-file=/etc/kubernetes/pki/oidc-ca.crt"]
        met "With authorities of single sign-on, with webhooks, and with configurations of admission plugins."
    }

    UNREADABLE "adopt-unreadable" Warning "file that can't be read" {
        meaning
            "A file that looks like a certificate or a key is none, is damaged, has a passphrase, or a name that is not UTF-8; or a program is \
             started by a script. Nothing of it is adopted."
        advice "see what it is; if the cluster needs it, put it right and adopt again"
        example "certs/old-ca.pem" ["-----BEGIN CERTIFICATE-----", "MIIDxTCCAq2gAwIBAgI"]
        met "With files that a disk or an editor cut off, and with keys that were locked before they were put aside."
    }

    STRAY "adopt-stray" Warning "key or authority that nothing uses" {
        meaning
            "A private key that belongs to no certificate here, or an authority that nobody trusts and that has signed nothing which is in use. \
             Neither is kept: most likely it is of another cluster, or of one that was."
        advice "see whose it is; if it is in use after all, bring what shows that too, and adopt again"
        example "certs/old-key.pem" ["-----BEGIN RSA PRIVATE KEY-----"]
        met "In folders that have seen a second attempt, where the first ca.pem was renamed and its key was not."
    }

    STATIC_PODS "adopt-static-pods" Warning "programs that run as static pods" {
        meaning
            "kubeadm has the kubelet start etcd and the control plane as pods; khw-gen's bundles have units. A kubelet with the new configuration \
             stops the pods, and units take their places, with the data and the names that there are."
        advice "hand over one control plane at a time, and read docs/adopt.md before: the machine needs the programs themselves"
        example "master1: /etc/kubernetes/manifests/kube-apiserver.yaml" ["kind: Pod"]
        met "With every cluster that kubeadm, kubespray or kops has made, whose machines run nothing but a runtime and a kubelet."
        see ["https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/"]
    }

    OTHER_NAME "adopt-other-name" Warning "machine whose folder is called otherwise" {
        meaning
            "A host is called as its kubelet is a node, in lower case. `diff` and `verify --beside` take a folder for the machine of its name, so \
             that they would take this one for a machine that goes, and the host for another that comes."
        advice "call the folder as the host is called before anything is compared with it; a copy of etc/hostname in it does as well"
        example "machines/" ["worker-a/etc/kubernetes/kubelet.conf"]
        right ["node1/etc/kubernetes/kubelet.conf"]
        met "With folders that are called as a shell's alias or an inventory calls the machine, and with names in capitals."
        see ["https://kubernetes.io/docs/concepts/architecture/nodes/#node-name-uniqueness"]
    }

    DECIDED "adopt-decided" Warning "what khw-gen decides was otherwise" {
        meaning
            "Where programs listen, whom they call, what starts them and what passes connections on follows from cluster.toml, and is the same on \
             all hosts. In what runs it was otherwise: from the first build on it is as the message says, and whoever counts on the old value has to \
             know."
        advice "see who counts on the old value, and change that before the first build is rolled out, or cluster.toml where that says it"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["--secure-port=8443"]
        right ["--secure-port=6443"]
        met
            "With API servers at another port behind a load balancer of somebody else's, with an etcd without TLS as today's walk-through has it, with \
             kube-vip or another pod that the kubelet starts from its folder, and with a load balancer on each node, as kubespray and kubeasz set \
             it up."
        see ["https://kubernetes.io/docs/reference/networking/ports-and-protocols/", "https://etcd.io/docs/v3.6/op-guide/runtime-configuration/"]
    }

    LEFT_OUT "adopt-left-out" Warning "flag, setting or name that is left out" {
        meaning
            "Something that runs was set, and cluster.toml can't have it: the release does not take it, it does not go with the rest, or it may be \
             a secret. It stands there as a comment with the reason, unless it may be a secret. Names of certificates that no client ever \
             asks for, misspelt or cut off, are left out too."
        advice "see whether it is missed; what may be a secret goes into a file of its own, which [[files]] or an EnvironmentFile= names"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["--experimental-encryption-provider-config=/etc/enc.yaml"]
        met "With flags that old releases took and newer ones pass over, with passwords in HTTPS_PROXY, and with kubernetes.svc.cluster.local of Kubernetes The Hard Way."
    }
}
