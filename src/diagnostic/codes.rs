//! The table of codes: what is wrong with an input, an example, what to do, and where people meet it.
//!
//! A code is stable: scripts and `[checks] allow` name it. `khw-gen explain` and `docs/diagnostics.md` tell this table.
//! Each example stands in a case of `tests/rejects/`, and what is `right` in its place takes the finding away.
use super::code::{Code, Example, Severity, codes, page_of};

/// The row of that name, or none.
pub fn by_name(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name).copied()
}

/// The table as the page `docs/diagnostics.md`.
pub fn page() -> String {
    page_of(
        "# Diagnostics\n\n\
         Every finding has a code. An error stops the build; warnings and notes do not, and `[checks] allow = [\"code\"]`\n\
         in cluster.toml silences them. `khw-gen explain CODE` says the same. This page is made from\n\
         `src/diagnostic/codes.rs`: edit that, not this.\n",
        CODES,
    )
}

#[rustfmt::skip]
codes! {
    UNREADABLE "unreadable-input" Error "file that can't be read" {
        meaning
            "A file of the specification is missing, is too large, or is not UTF-8; or it is the key of an authority, and others \
             than its owner may read it."
        advice "see that the path is right and that the file is text"
        example "cluster.toml" [r#"template = "host.toml.j2""#]
        right [r#"template = "hosts.toml.j2""#]
        met
            "After a file was moved or renamed, or when only cluster.toml was copied to another machine: `csr`, \
             `template`, `cert` and `key` are relative to the folder of cluster.toml, not to where the command runs. \
             Text that an editor saved as UTF-16 or Latin-1 ends here too."
    }

    TOML_SYNTAX "toml-syntax" Error "not valid TOML" {
        meaning "The text does not follow the TOML grammar, or names a key twice."
        advice "correct the syntax at this place (https://toml.io)"
        example "cluster.toml" [r#"domain = "cluster.local"#]
        right [r#"domain = "cluster.local""#]
        met
            "With a quote that was lost, a value left unquoted as in YAML, or a table pasted a second time below the \
             first. TOML permits each key and each [table] once."
        see ["https://toml.io/en/v1.0.0#table"]
    }

    JSON_SYNTAX "json-syntax" Error "not valid JSON" {
        meaning "The text does not follow the JSON grammar (RFC 8259). cfssl refuses the file too."
        advice "correct the syntax at this place"
        example "csr/admin-csr.json" [
            r#""CN": "admin""#,
            r#""key": {"#,
        ]
        right [
            r#""CN": "admin","#,
            r#""key": {"#,
        ]
        met
            "In CSR files copied out of a text: the walk-through's own kubernetes-csr.json lacks its closing brace. In \
             a pipe to cfssljson the cause is easily lost, since what shows is cfssljson's \"unexpected end of JSON \
             input\"."
        see ["https://www.rfc-editor.org/rfc/rfc8259"]
    }

    TOO_DEEP "too-deep" Error "nested too deeply" {
        meaning "No input has a use for so many levels, and readers of the file may run out of stack."
        advice "flatten the structure"
        example "csr/admin-csr.json" [r#""names": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["#]
        met
            "Hardly by hand: in generated files, where a script wraps a list into a list at each run, and in files \
             made to exhaust a parser's stack, which the JSON standard lets a parser refuse."
        see ["https://www.rfc-editor.org/rfc/rfc8259#section-9"]
    }

    UNKNOWN_FIELD "unknown-field" Error "unknown field" {
        meaning
            "Nothing reads a field of this name. cfssl would ignore it silently, so that a misspelt `expiry` leaves \
             the default in force."
        advice "remove it, or correct its spelling"
        example "cluster.toml" [r#"dsn = "10.32.0.10""#]
        right [r#"dns = "10.32.0.10""#]
        met
            "By a slip of the fingers, and by fields that look plausible. In cfssl's files it costs most: someone \
             wrote `expire` for `expiry` and got a CA of five years without a word."
        see ["https://github.com/cloudflare/cfssl/issues/1020", "https://pkg.go.dev/encoding/json#Unmarshal"]
    }

    DUPLICATE_FIELD "duplicate-field" Warning "field given more than once" {
        meaning "As in cfssl the last one wins."
        advice "keep one of them"
        example "csr/admin-csr.json" [
            r#""CN": "root","#,
            r#""CN": "admin","#,
        ]
        right [r#""CN": "admin","#]
        met
            "When a block was copied within a file, or two CSR files were merged by hand. JSON leaves open which one \
             counts; Go, and with it cfssl, takes the last."
        see ["https://www.rfc-editor.org/rfc/rfc8259#section-4"]
    }

    MIXED_LISTS "mixed-lists" Error "list of tables given more than once" {
        meaning
            "cfssl fills the entries of the second list into those of the first, so that a value of the first may \
             survive in the second."
        advice "keep one of them"
        example "csr/admin-csr.json" [r#""names": [{"C": "DE"}],"#]
        met
            "When `names` of one CSR file was pasted into another that had it already. Go decodes the second list into \
             the entries of the first, so that an O or C of the first may stay in the certificate, and an O is a group \
             in Kubernetes."
        see ["https://pkg.go.dev/encoding/json#Unmarshal"]
    }

    FIELD_CASE "field-case" Warning "field in another case" {
        meaning
            "cfssl reads field names without regard to case, and so does khw-gen; other readers of the file may not."
        advice "write it as documented"
        example "csr/admin-csr.json" [r#""cn": "admin","#]
        right [r#""CN": "admin","#]
        met
            "By hand, and in files made for other tools that write `cn` or `Hosts`. Go's decoder does not mind, so \
             nobody notices until jq or a linter looks for the documented name."
        see ["https://pkg.go.dev/encoding/json#Unmarshal"]
    }

    IGNORED_FIELD "ignored-field" Warning "field without effect" {
        meaning "The field is known, but nothing that is generated depends on it."
        advice "remove it"
        example "csr/admin-csr.json" [r#""crl_url": "http://example.org/crl","#]
        met
            "With fields that cfssl declares and never reads for a leaf: `crl_url` in a CSR counts for a root alone, \
             `SerialNumber` of `names` for nothing. A profile's `crl_url` in ca-config.json is what puts the address \
             into leaves."
        see ["https://github.com/cloudflare/cfssl#generating-certificate-signing-request-and-private-key"]
    }

    UNSUPPORTED_FIELD "unsupported-field" Error "field that can't be honoured" {
        meaning
            "cfssl would act on the field; an offline compiler can't, and ignoring it would issue what the file \
             forbids."
        advice "remove it"
        example "csr/ca-config.json" [r#""ClientProvidesSerialNumbers": true,"#]
        met
            "With a ca-config.json taken from a running cfssl server: `remote` and `auth_key` send the request \
             elsewhere, and with `ClientProvidesSerialNumbers` cfssl's own gencert fails at every call."
        see ["https://github.com/cloudflare/cfssl#signing"]
    }

    WRONG_TYPE "wrong-type" Error "value of the wrong type" {
        meaning "The field takes a value of another type: a text, a number, a list or a table."
        advice "write a value of the type that is expected"
        example "cluster.toml" [r#"port = "6443""#]
        right ["port = 6443"]
        met
            "With habits of YAML and shell, where a port may be quoted, a list of one may be a word, and a version \
             such as 1.30 turns into the number 1.3. TOML has types."
        see ["https://toml.io/en/v1.0.0#keyvalue-pair"]
    }

    MISSING_FIELD "missing-field" Error "missing value" {
        meaning "The field has no default."
        advice "add it"
        example "cluster.toml" [
            r#"name = "node1""#,
            r#"roles = ["worker"]"#,
        ]
        right [
            r#"name = "node1""#,
            r#"ip = "10.0.0.21""#,
            r#"roles = ["worker"]"#,
        ]
        met
            "With a host added in a hurry, and with `issued` left out because cfssl takes the clock: here the same \
             input gives the same certificates on any day, so the day is part of the input."
    }

    CONTROL_CHARACTER "control-character" Error "control character in a value" {
        meaning "The value would break the line of a unit, a YAML file or a certificate's subject."
        advice "remove the control character"
        example "csr/admin-csr.json" [r#""CN": "admin\nO=root","#]
        right [r#""CN": "admin","#]
        met
            "With a value that a script read from a file together with its line end, or colours that a terminal put \
             into what was copied. In a unit or a subject a line end starts something new: that is how injection \
             works."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html"]
    }

    OUT_OF_RANGE "out-of-range" Error "number out of range" {
        meaning "The number has a valid form, but no meaning here."
        advice "write a number within the range"
        example "csr/ca-csr.json" [r#""pathlen": -1"#]
        right [r#""pathlen": 0, "pathlenzero": true"#]
        met
            "With -1 for \"no limit\", as in Go's own x509 package: in cfssl a `pathlen` that is absent means no \
             limit, and 0 needs `pathlenzero` beside it."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    BAD_CLUSTER_NAME "bad-cluster-name" Error "unusable cluster name" {
        meaning "The name stands in kubeconfig files and, with the seed, every key is derived from it."
        advice
            "use 1 to 63 of the characters a-z, A-Z, 0-9, `-`, `.` and `_`, beginning and ending with a letter or \
             digit"
        example "cluster.toml" [r#"name = "my cluster""#]
        right [r#"name = "my-cluster""#]
        met
            "With a title where a name is wanted. The name becomes the cluster and part of the context in every \
             kubeconfig, so it ends up in shell commands and in file names."
        see ["https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/"]
    }

    BAD_DOMAIN "bad-domain" Error "unusable cluster domain" {
        meaning "The domain stands in certificates, in the kubelet's configuration and in every pod's resolv.conf."
        advice "write a DNS name in lower case without a trailing dot, such as `cluster.local`"
        example "cluster.toml" [r#"domain = "cluster.local.""#]
        right [r#"domain = "cluster.local""#]
        met
            "With the trailing dot of zone files. It went into certificates as well, and CoreDNS built with Go 1.10 \
             refused them: \"cannot parse dnsName\"."
        see [
            "https://github.com/opsnull/follow-me-install-kubernetes-cluster/issues/233",
            "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
        ]
    }

    UNKNOWN_RELEASE "unknown-release" Error "unknown Kubernetes release" {
        meaning "No values are known for this release: flags and API versions could only be guessed."
        advice "name a release that is known"
        example "cluster.toml" [r#"kubernetes = "1.13""#]
        met
            "With a release older than those, a typing mistake, or the version of another program. `khw-gen releases` \
             lists what is known."
        see ["https://kubernetes.io/releases/"]
    }

    LATER_RELEASE "later-release" Warning "release later than those known" {
        meaning "What has changed since the last release that is known can't be taken into account."
        advice "look for a later khw-gen, or read the release's notes for flags that it removes"
        example "cluster.toml" [r#"kubernetes = "1.99""#]
        met
            "In the weeks after a release of Kubernetes, three a year, and before the khw-gen that knows it. Flags do \
             vanish: kubelets refused to start with 1.24, which no longer knew --network-plugin."
        see ["https://github.com/kubernetes-sigs/kubespray/issues/8924", "https://kubernetes.io/releases/"]
    }

    EARLY_RELEASE "early-release" Warning "release that is not out yet" {
        meaning
            "Its flags, fields, feature gates and images are known from a beta, and may be others when it is released: what is compiled \
             for it now may be refused then."
        advice "try it out, and wait for the release and a khw-gen that knows it before a cluster depends on it"
        example "cluster.toml" [r#"kubernetes = "1.38.0-beta.0""#]
        met
            "By who tries the next release before it is out. Between the betas of a release and itself feature gates change their \
             defaults and deprecated ones go, which stops whatever is still given them."
        see ["https://kubernetes.io/releases/release/"]
    }

    OLD_ETCD "old-etcd" Warning "etcd older than the release supports" {
        meaning "The API server is not tested with it, and may ask for what it does not have."
        advice "raise `etcd`, or leave it out"
        example "cluster.toml" [r#"etcd = "3.4.27""#]
        met
            "When Kubernetes is upgraded and the line with etcd's version stays. kubeadm and the release notes raise \
             etcd with it; by hand nobody does."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/"]
    }

    UNKNOWN_CHOICE "unknown-choice" Error "value that is none of those possible" {
        meaning "The field takes one of a few values."
        advice "write one of the values that the message or the documentation names"
        example "cluster.toml" [r#"cni = "calico""#]
        right [r#"cni = "none""#]
        met
            "With the name of a plugin where the question is only whether khw-gen makes the network (`bridge`) or you \
             bring one (`none`), with `crio` for a runtime, and by misspelling. The load balancer is nginx or haproxy."
        see ["https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/"]
    }

    NOT_IN_RELEASE "not-in-release" Error "not possible in this release" {
        meaning "The release that `kubernetes` names does not have what is asked for."
        advice "choose another value, or another release"
        example "cluster.toml" [r#"engine = "docker""#]
        right [r#"engine = "containerd""#]
        met
            "At upgrades across 1.24, where the kubelet lost its code for Docker, and with nftables before 1.31. \
             Images built with Docker run on containerd unchanged."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/"]
    }

    DISCOURAGED_PROXY_MODE "discouraged-proxy-mode" Warning "kube-proxy mode that is going away" {
        meaning "Kubernetes announced the end of the mode."
        advice "leave `proxy_mode` out, or set it to nftables where the hosts' kernel is 5.13 or later"
        example "cluster.toml" [r#"proxy_mode = "ipvs""#]
        met
            "In clusters that chose ipvs for thousands of services when iptables was slow at that. It is deprecated \
             since 1.35; nftables is what replaces both."
        see ["https://kubernetes.io/docs/reference/networking/virtual-ips/"]
    }

    NO_POD_NETWORK "no-pod-network" Note "pods get no network" {
        meaning
            "Beyond 256 workers, a route from each to each is nobody's wish: nodes become Ready with a network plugin \
             of your own."
        advice "set `cni` in [network] to \"none\", or to \"bridge\" if the routes are wanted all the same"
        example "cluster.toml" [r#"pods = "10.200.0.0/15""#]
        right [
            r#"pods = "10.200.0.0/15""#,
            r#"cni = "none""#,
        ]
        met
            "When a cluster outgrows 256 workers: routes from each to each are some 65,000. Overlays or BGP, as \
             Calico, Cilium and Flannel bring them, exist for that."
        see ["https://kubernetes.io/docs/concepts/cluster-administration/networking/"]
    }

    NO_SERVICE_PROXY "no-service-proxy" Warning "nobody leads to services" {
        meaning
            "Without kube-proxy a program of your own answers at the addresses of services. Those that do bring the network of pods too, \
             and the compiler's bridges are in their way."
        advice "set `cni` to \"none\" as well, or leave kube-proxy where it is"
        example "cluster.toml" [
            r#"cni = "bridge""#,
            r#"proxy_mode = "none""#,
        ]
        right [
            r#"cni = "none""#,
            r#"proxy_mode = "none""#,
        ]
        met "When kube-proxy is left out for Cilium or Calico, and the network of pods was left as it was: CoreDNS never reaches the API server."
        see ["https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/"]
    }

    BAD_ENDPOINT "bad-endpoint" Error "unusable endpoint" {
        meaning
            "Nodes and administrators reach the API server here: it stands in every kubeconfig and in the API server's \
             certificate."
        advice "write HOST, HOST:PORT, ADDRESS:PORT or [IPv6]:PORT"
        example "cluster.toml" [r#"endpoint = "https://k8s.example.org:6443""#]
        right [r#"endpoint = "k8s.example.org:6443""#]
        met
            "By copying the `server` line of a kubeconfig, or the loopback address from a trial. The endpoint goes \
             into certificates as a name, so it must have no scheme and must be what others can reach."
        see ["https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/"]
    }

    BAD_RANGE "bad-range" Error "not an address range" {
        meaning "A range is an address, a slash and a prefix length."
        advice "write it as 10.32.0.0/24"
        example "cluster.toml" [r#"services = "10.32.0.0""#]
        right [r#"services = "10.32.0.0/24""#]
        met
            "With the prefix length forgotten, or written as a netmask. Multicast and loopback ranges look like any \
             other, and no packet to a service would ever arrive."
        see ["https://www.rfc-editor.org/rfc/rfc4632#section-3.1"]
    }

    HOST_BITS "host-bits" Error "address range with host bits set" {
        meaning "The address has bits beyond the prefix length, so the range begins elsewhere than written."
        advice "write the first address of the range"
        example "cluster.toml" [r#"services = "10.32.0.1/24""#]
        right [r#"services = "10.32.0.0/24""#]
        met
            "By writing the address of the first service, or of a gateway, with the length of the network, as `ip \
             address` shows it. Tools disagree about what that means: some mask it silently, some refuse it."
        see ["https://github.com/projectcalico/node/issues/193"]
    }

    SERVICES_SIZE "services-size" Error "services range too small or too large" {
        meaning
            "The range must hold the API server's address, the DNS address and services; kube-apiserver refuses a \
             range of more than 20 bits."
        advice "choose a prefix length between /12 and /28 (IPv4) or /108 and /124 (IPv6)"
        example "cluster.toml" [r#"services = "10.32.0.0/29""#]
        right [r#"services = "10.32.0.0/24""#]
        met
            "By choosing the range as small as today's services, of which the API server and the DNS are two, or as \
             large as the pods': with /8 kube-apiserver does not start. The range can hardly be changed later."
        see ["https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/"]
    }

    PODS_SIZE "pods-size" Error "pods range does not fit the workers" {
        meaning
            "The controller manager gives each worker a /24 (IPv6: a /64, or what fits) of the range, and splits a \
             range into at most 65,536."
        advice "choose a larger range"
        example "cluster.toml" [r#"pods = "10.200.0.0/24""#]
        right [r#"pods = "10.200.0.0/16""#]
        met
            "By counting pods in place of nodes: every node takes a block of 256 addresses, however few pods it runs. \
             When the blocks are used up, further nodes stay without a pod network."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"]
    }

    OVERLAPPING_RANGES "overlapping-ranges" Error "address ranges overlap" {
        meaning "An address that belongs to two of services, pods and hosts is routed to one of them only."
        advice "choose ranges that have no address in common"
        example "cluster.toml" [r#"pods = "10.32.0.0/16""#]
        right [r#"pods = "10.200.0.0/16""#]
        met
            "When ranges are picked from 10.0.0.0/8 one by one, and the office network or a VPN has 10.32 already. \
             Most tools let it pass: kubeadm was asked in 2026 to check it, and eks-anywhere has the same wish open."
        see ["https://github.com/kubernetes/kubeadm/issues/3312", "https://github.com/aws/eks-anywhere/issues/2086"]
    }

    DNS_ADDRESS "dns-address" Error "unusable DNS address" {
        meaning
            "The cluster DNS is a service: its address lies in the services range, and the first address is the API \
             server's."
        advice "choose another address of the services range"
        example "cluster.toml" [r#"dns = "10.33.0.10""#]
        right [r#"dns = "10.32.0.10""#]
        met
            "When `services` was changed and `dns` was not, or with the address of the site's own name server. The \
             walk-through names 10.32.0.10 to every kubelet; a service can't have that address in another range."
        see ["https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/"]
    }

    BAD_ADDRESS "bad-address" Error "unusable address" {
        meaning "Other hosts must be able to reach the address."
        advice "write an IPv4 or IPv6 address of the host, without a prefix length or port"
        example "cluster.toml" [r#"ip = "10.0.0.21/24""#]
        right [r#"ip = "10.0.0.21""#]
        met
            "By copying from `ip address`, which shows the prefix length, by padding with zeros (Go reads 010 as an \
             error since 1.17, others as octal), or with 127.0.0.1 from a trial on one machine."
        see ["https://go.dev/doc/go1.17#net"]
    }

    MIXED_FAMILIES "mixed-families" Error "IPv4 and IPv6 mixed" {
        meaning
            "A cluster has the families of its services ranges, one or both, and the first of them comes first \
             everywhere."
        advice "write all addresses and ranges in the family of the services range"
        example "cluster.toml" [r#"pods = "fd00::/48""#]
        right [r#"pods = "10.200.0.0/16""#]
        met
            "While moving to IPv6 one field at a time. A cluster has one family, or both for services, pods and hosts \
             alike; what comes first in `services` is the primary one."
        see ["https://kubernetes.io/docs/concepts/services-networking/dual-stack/"]
    }

    ONE_PER_FAMILY "one-per-family" Error "not one address of each family" {
        meaning "Where a list of two is possible it has one entry for IPv4 and one for IPv6."
        advice "keep one of each family; further addresses of a host go into `addresses`"
        example "cluster.toml" [r#"ip = ["10.0.0.21", "10.0.0.23"]"#]
        right [
            r#"ip = "10.0.0.21""#,
            r#"addresses = ["10.0.0.23"]"#,
        ]
        met
            "With a machine of several network cards: a node reports one address of each family to the API server, and \
             the second of a family only blurs which. Further ones belong into `addresses`, which go into \
             certificates."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/"]
    }

    HALF_DUAL_STACK "half-dual-stack" Error "dual stack for one of services and pods alone" {
        meaning "Kubernetes gives both families to services and pods alike, or to neither."
        advice "give both a range of each family, or both a range of one family"
        example "cluster.toml" [r#"services = ["10.32.0.0/24", "fd00:32::/112"]"#]
        right [r#"services = "10.32.0.0/24""#]
        met
            "By giving services a second range and forgetting the pods', or the reverse. A service of a family that no \
             pod has gets no endpoints."
        see ["https://kubernetes.io/docs/concepts/services-networking/dual-stack/"]
    }

    MISSING_FAMILY "missing-family" Error "host without an address of one family" {
        meaning "In a dual-stack cluster control planes and workers have an address of each family."
        advice "write both: ip = [\"10.0.0.11\", \"fd00::11\"], in the order of the services ranges"
        example "cluster.toml" [
            r#"name = "node2""#,
            r#"ip = "10.0.0.22""#,
        ]
        right [
            r#"name = "node2""#,
            r#"ip = ["10.0.0.22", "fd00::22"]"#,
        ]
        met
            "When ranges became dual-stack and the list of hosts did not follow. A kubelet that is given one address \
             registers a node of one family."
        see ["https://kubernetes.io/docs/concepts/services-networking/dual-stack/"]
    }

    BAD_PATH "bad-path" Error "unusable path" {
        meaning "A path names a file or folder, relative to the folder of cluster.toml."
        advice "write a path that is not empty"
        example "cluster.toml" [r#"csr = """#]
        right [r#"csr = "csr""#]
        met "With a placeholder that a script left empty. An empty path would mean the folder of cluster.toml itself."
    }

    BAD_ISSUED "bad-issued" Error "unusable time of issue" {
        meaning "The time takes the place of the clock, so the same input gives the same certificates at any time."
        advice "write a time such as 2026-01-01T00:00:00Z (RFC 3339, whole seconds, years 1950 to 9999)"
        example "cluster.toml" [r#"issued = "2026-01-01""#]
        right [r#"issued = "2026-01-01T00:00:00Z""#]
        met
            "With a date alone, a local time without an offset, or a fraction of a second as `date` of some systems \
             prints it. `date -u +%Y-%m-%dT%H:%M:%SZ` prints what is wanted."
        see ["https://www.rfc-editor.org/rfc/rfc3339#section-5.6"]
    }

    UNKNOWN_PROVIDER "unknown-provider" Error "unknown encryption provider" {
        meaning "Kubernetes encrypts secrets at rest with this provider."
        advice "name one that takes a 32-byte key"
        example "cluster.toml" [r#"provider = "kms""#]
        right [r#"provider = "secretbox""#]
        met
            "By copying from the table of providers in Kubernetes' documentation, which has kms and identity too: the \
             first needs a plugin that runs on the host, the second does not encrypt."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    BAD_GENERATION "bad-generation" Error "generation of no key" {
        meaning
            "[generations] says which successor of a key is used: of one key by the name that it is derived for, of all that one host \
             has, or of every certificate but authorities'. What it names has to be there, and 1 is the first."
        advice "name a key, a host or \"*\", and write a whole number"
        example "cluster.toml" [r#""node/node9" = 2"#]
        right [r#""node/node1" = 2"#]
        met
            "After a host was renamed or removed whose keys had been replaced: make the line a comment, for whoever gets that name \
             again would have the keys that were replaced. Or with a name of the other layout: `node/NAME` is of the layout `single`, \
             `kubelet-client/NAME` and `kubelet-serving/NAME` of `split`."
        see ["https://github.com/kubernetes/kubernetes/issues/25379"]
    }

    BAD_AUTHORITY_DATE "bad-authority-date" Error "date of no authority" {
        meaning
            "[pki.authorities_issued] says when authorities were issued that stay while certificates are renewed. What it names has to be \
             an authority that signs itself and that is made from the seed, `NAME@2` for its second generation, and its instant is not \
             after `issued`."
        advice "name an authority of the layout, and the instant at which it was issued"
        example "cluster.toml" [r#"etcd-ca = "2025-06-01T00:00:00Z""#]
        right [r#"ca = "2025-06-01T00:00:00Z""#]
        met "In the layout `single`, which has no authority but `ca`, or with one that [pki.ca] or [pki.bring] brings, whose dates are in its certificate."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/"]
    }

    BAD_BROUGHT_AUTHORITY "bad-brought-authority" Error "brought authority that is none here" {
        meaning
            "[pki.bring] names authorities and other keys that there are already: each by the name that the layout has for it, `NAME@2` for the successor \
             with which another takes its place in a rotation. `[pki.ca]` is the same as `[pki.bring.ca]`."
        advice "name a key of the layout, and no generation further on than its next one"
        example "cluster.toml" [
            r#"[pki.bring."ca@3"]"#,
        ]
        right [
            r#"[pki.bring."ca@2"]"#,
        ]
        met "In the layout `single`, which has no authority but `ca`, or when the file of an authority was taken for its name."
        see ["https://kubernetes.io/docs/setup/best-practices/certificates/"]
    }

    BAD_BROUGHT_KEY "bad-brought-key" Error "key that can't be taken over as it is brought" {
        meaning
            "A section of [pki.bring] may bring the key of whatever has one. Where each host has its own, `{host}` in the paths stands for \
             the host's name, and `hosts` names those whose keys there are already, if these are not all. A successor is another key."
        advice "name a file for each host where each has a key, and one file where the cluster has one"
        example "cluster.toml" [
            r#"key = "node-key.pem""#,
        ]
        right [
            r#"key = "{host}-key.pem""#,
        ]
        met "With keys of a cluster that was made by hand: kubelets' lie in a file for each node, `node1-key.pem`, that of kube-proxy in one."
        see ["https://kubernetes.io/docs/setup/best-practices/certificates/"]
    }

    SHARED_BROUGHT_KEY "shared-brought-key" Warning "one key that is brought for two" {
        meaning
            "Two sections of [pki.bring], or two hosts of one, have the same key. Whoever steals it from one place is both, and neither \
             can be replaced without the other."
        advice "take one of the two sections out, or the host out of `hosts`: then it gets a key of its own from the seed; where one of them signs tokens, khw-gen rotate CLUSTER.TOML service-account -o DIR"
        example "cluster.toml" [
            r#"key = "kubernetes-key.pem""#,
        ]
        met "In clusters that were made by hand with one certificate for everything, `kubernetes.pem`."
    }

    BAD_ENCRYPTION_KEY "bad-encryption-key" Error "key of the encryption configuration that can't be taken over" {
        meaning
            "`keys` of `[encryption]` are those that there are already, in the order of their generations. The API server finds the key for \
             what it reads by the name that stands before it, and refuses to start with a secret of another length."
        advice "give each key the name that it has in the configuration that there is, and in a file of its own what stands behind `secret:`"
        example "cluster.toml" [
            r#"keys = [{ name = "key 1", file = "key1" }]"#,
        ]
        right [
            r#"keys = [{ name = "key1", file = "key1" }]"#,
        ]
        met
            "When the whole configuration is named in the place of a secret, when the provider is another one than that of the cluster that \
             there is, or when keys are listed that are used no more."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    EXTERNAL_KEY "external-key" Error "key of an authority that signs elsewhere" {
        meaning
            "`external = true` says that an authority signs elsewhere: khw-gen writes requests, others sign them, and no host gets the \
             authority's key. With the key at hand it would sign here."
        advice "take `key` out; or take `external` out, and the authority signs here"
        example "cluster.toml" [
            r#"[pki.ca]"#,
            r#"external = true"#,
            r#"key = "ca-key.pem""#,
        ]
        right [
            r#"[pki.ca]"#,
            r#"external = true"#,
        ]
        met
            "When an authority that was brought with its key moves to a service of the company, such as Vault or step-ca, and its section is \
             changed by one line alone."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#external-ca-mode"]
    }

    EXTERNAL_GENERATION "external-generation" Error "two authorities, of which one elsewhere has no certificate here" {
        meaning
            "A rotation goes through phases in which two authorities are trusted and one signs. What was signed tells who signed it, and nothing \
             tells the other one's certificate, which everybody is to trust."
        advice "write `cert`, and put the certificate there"
        example "cluster.toml" [
            r#"[pki.ca]"#,
            r#"external = true"#,
            r#"[rotate.ca]"#,
            r#"to = 2"#,
            r#"phase = "announce""#,
        ]
        right [
            r#"[pki.ca]"#,
            r#"cert = "ca.pem""#,
            r#"external = true"#,
            r#"[rotate.ca]"#,
            r#"to = 2"#,
            r#"phase = "announce""#,
        ]
        met
            "When the company's authority nears its end and has a successor, or when the cluster's own authority gives way to the company's."
        see ["https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/"]
    }

    BAD_RECIPIENT "bad-recipient" Error "recipient for whom nothing can be sealed" {
        meaning
            "Recipients are public keys: of age, `age1…` as `age-keygen` prints it, or of SSH, the line of an `id_ed25519.pub`. Whoever has the \
             private half can open what is sealed for it. It is not said here what stands there, since it may be that half."
        advice "copy the public key as a whole; of SSH's keys use an Ed25519 key"
        example "cluster.toml" [
            r#"[handover]"#,
            r#"recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q"]"#,
        ]
        right [
            r#"[handover]"#,
            r#"recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]"#,
        ]
        met "A key that was cut off or mistyped, an RSA key of SSH, or the private key in the place of the public one."
        see ["https://age-encryption.org/v1", "https://man.openbsd.org/ssh-keygen"]
    }

    BAD_ROTATION "bad-rotation" Error "rotation that can't be gone through" {
        meaning
            "What is trusted, verified or read by many gets its successor in three phases, one generation after the other and one thing \
             at a time: else somebody shows what another does not know yet, and no phase can be undone by itself."
        advice "write the next generation, and finish one rotation before the next"
        example "cluster.toml" [
            r#"[rotate.ca]"#,
            r#"to = 3"#,
            r#"phase = "announce""#,
        ]
        right [
            r#"[rotate.ca]"#,
            r#"to = 2"#,
            r#"phase = "announce""#,
        ]
        met
            "When [generations] was forgotten at the end of the last rotation, or when the section of a rotation that is done was left \
             there: `ca = 2` in [generations] takes its place."
        see ["https://github.com/kubernetes/kubernetes/issues/25379"]
    }

    WEAK_PROVIDER "weak-encryption-provider" Note "encryption provider with a known weakness" {
        meaning
            "Kubernetes' documentation advises against aescbc (padding oracle attacks) and against aesgcm without \
             automatic rotation (nonce reuse)."
        advice "use secretbox"
        example "cluster.toml" [r#"provider = "aescbc""#]
        right [r#"provider = "secretbox""#]
        met
            "In every cluster made after a guide: the walk-through calls aescbc the recommended choice, as Kubernetes' \
             documentation once did. Today that page calls it weak and points to secretbox or kms. To change it in a \
             running cluster, add the new key second on all hosts, then put it first, then rewrite all secrets."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    UNKNOWN_CODE "unknown-code" Error "unknown diagnostic code" {
        meaning "`[checks] allow` names codes of warnings and notes."
        advice "see docs/diagnostics.md for the codes"
        example "cluster.toml" [r#"allow = ["even-etc"]"#]
        right [r#"allow = ["even-etcd"]"#]
        met "By writing the code from memory, and after an upgrade that dropped one. `khw-gen explain` lists all codes."
    }

    NOT_SILENCEABLE "not-silenceable" Error "errors can't be silenced" {
        meaning "`[checks] allow` silences warnings and notes only."
        advice "remove it from the list and correct what it reports"
        example "cluster.toml" [r#"allow = ["bad-range"]"#]
        right ["allow = []"]
        met
            "In the hope of a build in spite of an error. What an error reports would not start, or would be refused \
             by those who talk to it; there is nothing to build."
    }

    BAD_PORT "bad-port" Error "unusable port" {
        meaning "A port is a number from 1 to 65535."
        advice "write a number from 1 to 65535"
        example "cluster.toml" ["port = 70000"]
        right ["port = 6443"]
        met "By a digit too many, or with 0 for \"any free port\": nodes have to know the port beforehand."
        see ["https://www.rfc-editor.org/rfc/rfc6335#section-6"]
    }

    NO_HOSTS "no-hosts" Error "no hosts" {
        meaning "A cluster needs machines: nothing can be generated for none."
        advice "add a [[hosts]] table with name, ip and roles for each machine"
        example "cluster.toml" [
            "[pki]",
            r#"issued = "2026-01-01T00:00:00Z""#,
        ]
        right [
            "[pki]",
            r#"issued = "2026-01-01T00:00:00Z""#,
            "",
            "[[hosts]]",
            r#"name = "master1""#,
            r#"ip = "10.0.0.11""#,
            r#"roles = ["control-plane", "etcd"]"#,
        ]
        met
            "With a cluster.toml that was just begun, and with [hosts] or [[host]] where [[hosts]] is meant: that is \
             reported beside this."
    }

    BAD_HOST_NAME "bad-host-name" Error "unusable host name" {
        meaning "The name becomes a folder, a DNS name in certificates and the node's name."
        advice "use an RFC 1123 name in lower case: labels of a-z, 0-9 and `-`, joined by dots, 63 characters at most"
        example "cluster.toml" [r#"name = "Node_1""#]
        right [r#"name = "node-1""#]
        met
            "With names from an inventory or from Windows: underscores, capitals, a whole domain in upper case, an \
             address as name. Kubernetes takes no such node name, and the kubelet would register in lower case and no \
             longer match its certificate."
        see [
            "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
            "https://www.rfc-editor.org/rfc/rfc1123#section-2",
        ]
    }

    BAD_POOL_NAME "bad-pool-name" Error "unusable name of a pool's hosts" {
        meaning
            "A pool has one name for all of its hosts, in which {n} stands for each one's number, and {n:04} for the \
             number with leading zeros to four digits."
        advice "write {n} once where the number goes, or {n:04}, and no other braces: \"worker-{n:04}\""
        example "cluster.toml" [r#"name = "worker""#]
        right [r#"name = "worker-{n:04}""#]
        met
            "With the notation of another tool: `%04d` of seq and printf, `{1..9}` of the shell, `[001:100]` of \
             Ansible's inventories, or `{n:4}`, which pads with spaces in Python and Rust."
        see ["https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html#adding-ranges-of-hosts"]
    }

    RESERVED_HOST_NAME "reserved-host-name" Error "host name that collides" {
        meaning "The files of a worker's certificate are named after it, and would replace files of the same name."
        advice "choose another name for the host"
        example "cluster.toml" [r#"name = "admin""#]
        right [r#"name = "admin1""#]
        met
            "With machines named after what they do. `admin` and `ca` are files in the folder of certificates, and \
             localhost is every host's own name for itself."
        see ["https://www.rfc-editor.org/rfc/rfc6761#section-6.3"]
    }

    DUPLICATE_NAME "duplicate-name" Error "host name given twice" {
        meaning "Names tell hosts apart."
        advice
            "give each host its own name; a name that several share goes into `names` of [cluster] or into `hosts` of \
             a CSR file"
        example "cluster.toml" [
            r#"name = "node1""#,
            r#"ip = "10.0.0.22""#,
        ]
        right [
            r#"name = "node2""#,
            r#"ip = "10.0.0.22""#,
        ]
        met
            "By copying a [[hosts]] table and changing only the address. With two kubelets of one name, the second \
             takes over the first one's Node object."
        see ["https://kubernetes.io/docs/concepts/architecture/nodes/#node-name-uniqueness"]
    }

    DUPLICATE_ADDRESS "duplicate-address" Error "address given twice" {
        meaning "Two hosts can't have one address: packets reach one of them, and not always the same."
        advice "give each host its own address"
        example "cluster.toml" [
            r#"name = "node2""#,
            r#"ip = "10.0.0.21""#,
        ]
        right [
            r#"name = "node2""#,
            r#"ip = "10.0.0.22""#,
        ]
        met
            "By copying a [[hosts]] table and changing only the name, and with a virtual address that is also some \
             host's own."
    }

    BAD_LABEL "bad-label" Error "unusable label" {
        meaning
            "A label is [PREFIX/]NAME: the name and the value have 1 to 63 (a value also no) of the characters A-Z, \
             a-z, 0-9, `-`, `_` and `.`, a letter or digit at both ends; the prefix is a DNS name."
        advice "write labels = { \"topology.kubernetes.io/zone\" = \"a\" }"
        example "cluster.toml" [r#""a b" = "c""#]
        met "With a free text as label. Annotations take those; a label is for selecting, so its characters are few."
        see ["https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set"]
    }

    REFUSED_LABEL "refused-label" Error "label that a kubelet may not set" {
        meaning
            "A kubelet refuses to start with a label in Kubernetes' own namespaces, but for a few, and NodeRestriction \
             keeps node-restriction.kubernetes.io from it."
        advice "leave it out, and set it when the node is there: `kubectl label node NODE KEY=VALUE`"
        example "cluster.toml" [r#""node-role.kubernetes.io/worker" = """#]
        met
            "By wishing for a role in `kubectl get nodes`. From 1.16 on the kubelet exits with \"unknown \
             'kubernetes.io' or 'k8s.io' labels\"; a label of that kind is set by an administrator, once the node is \
             there."
        see [
            "https://github.com/kubernetes/kubernetes/issues/85503",
            "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction",
        ]
    }

    BAD_TAINT "bad-taint" Error "unusable taint" {
        meaning
            "A taint is KEY=VALUE:EFFECT or KEY:EFFECT, with the key and value of a label and the effect NoSchedule, \
             PreferNoSchedule or NoExecute, and a node has one of each key and effect."
        advice "write it as \"dedicated=gpu:NoSchedule\""
        example "cluster.toml" [r#""a:noschedule""#]
        right [r#""gpu:NoSchedule""#]
        met
            "With the effect in lower case, or without one, as `kubectl taint` takes it to remove a taint. Either the \
             kubelet or the API server refuses it, and the node never appears."
        see ["https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"]
    }

    NODE_PODS "node-pods" Error "unusable part of the pods range" {
        meaning "A worker's part of the pods range is a block of the size that every node has, and its own."
        advice "write a block of the pods range that no other worker has, or leave it out"
        example "cluster.toml" [
            r#"name = "node2""#,
            r#"ip = "10.0.0.22""#,
            r#"pods = "10.200.3.0/24""#,
        ]
        right [
            r#"name = "node2""#,
            r#"ip = "10.0.0.22""#,
        ]
        met
            "When workers get their blocks by hand, to keep routes stable, and a block is given twice or cut at \
             another size than the rest."
        see ["https://github.com/kelseyhightower/kubernetes-the-hard-way/blob/master/docs/11-pod-network-routes.md"]
    }

    UNKNOWN_ROLE "unknown-role" Error "unknown role" {
        meaning "A role says what a host runs."
        advice "use control-plane, etcd, worker, load-balancer or admin"
        example "cluster.toml" [r#"roles = ["loadbalancer", "bastion"]"#]
        right [r#"roles = ["load-balancer"]"#]
        met
            "With names from other tools: master, controller, node, loadbalancer. A host that runs nothing of the \
             cluster needs no entry."
    }

    NO_ROLE "no-role" Error "host without a role" {
        meaning "Nothing would be generated for it."
        advice "give it at least one of control-plane, etcd, worker, load-balancer and admin"
        example "cluster.toml" ["roles = []"]
        right [r#"roles = ["load-balancer"]"#]
        met
            "With a machine noted for later, or with roles commented out. Leave the whole [[hosts]] table out until it \
             has one."
    }

    DUPLICATE_ROLE "duplicate-role" Error "role given twice" {
        meaning "The second mention has no effect, so another role was probably meant."
        advice "remove it, or write the role that was meant"
        example "cluster.toml" [r#"roles = ["load-balancer", "load-balancer"]"#]
        right [r#"roles = ["load-balancer"]"#]
        met "When a host is to have a second role and the first was copied."
    }

    NO_CONTROL_PLANE "no-control-plane" Error "no control plane" {
        meaning "Nothing would run the API server."
        advice "give at least one host the role control-plane"
        example "cluster.toml" [r#"roles = ["etcd", "worker"]"#]
        right [r#"roles = ["control-plane", "etcd", "worker"]"#]
        met
            "In a cluster whose control plane is bought elsewhere, which khw-gen can't make a part of, and with a \
             first draft."
        see ["https://kubernetes.io/docs/concepts/overview/components/"]
    }

    NO_ETCD "no-etcd" Error "no etcd" {
        meaning "The API server has nowhere to keep its state."
        advice "give at least one host (best three) the role etcd"
        example "cluster.toml" [r#"roles = ["control-plane", "worker"]"#]
        right [r#"roles = ["control-plane", "etcd", "worker"]"#]
        met
            "By taking it for granted that control planes run etcd: with kubeadm they do, here the role says so, since \
             etcd may have machines of its own."
        see ["https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/ha-topology/"]
    }

    NOTHING_TO_JOIN "nothing-to-join" Error "host that joins or leaves a cluster that does not run" {
        meaning
            "Only a cluster that runs can be joined or left. Where it is yet to be founded, every host is there from the \
             beginning, and members of etcd start together."
        advice "say that the cluster runs, or that the host just belongs to it"
        example "cluster.toml" [r#"state = "joining""#]
        met
            "When the first host is added to a cluster that was built some time ago: its cluster.toml does not say yet \
             that it runs. `state = \"running\"` below `[cluster]` says so, and from then on no unit can found a second, \
             empty cluster beside the one with the data."
        see ["https://etcd.io/docs/v3.6/op-guide/runtime-configuration/"]
    }

    NOBODY_STAYS "nobody-stays" Error "role whose hosts all come or go" {
        meaning
            "Nothing counts on a host that joins or leaves: no API server calls its etcd, no load balancer its API \
             server. At least one host with the role must be there and stay."
        advice "mark as joining what is not there yet, and nothing else"
        example "cluster.toml" [r#"state = "leaving""#]
        met
            "When all masters are to be replaced and old and new ones are marked at once. The new ones join first; when \
             they are a part of the cluster their mark goes, and then the old ones may leave."
        see ["https://etcd.io/docs/v3.6/op-guide/runtime-configuration/"]
    }

    EVEN_ETCD "even-etcd" Warning "even number of etcd members" {
        meaning "A majority of an even number tolerates no more failures than one member fewer would."
        advice "use 1, 3 or 5 members"
        example "cluster.toml" [r#"roles = ["worker", "etcd"]"#]
        right [r#"roles = ["worker"]"#]
        met
            "By giving every control plane a member: the walk-through has two of them, and two need both to agree, so \
             that either failing stops the cluster. etcd's FAQ has the table of sizes and tolerated failures."
        see ["https://etcd.io/docs/v3.5/faq/"]
    }

    NO_WORKER "no-worker" Warning "no worker" {
        meaning "Nothing would run pods."
        advice "give at least one host the role worker"
        example "cluster.toml" [r#"roles = ["control-plane", "etcd"]"#]
        right [r#"roles = ["control-plane", "etcd", "worker"]"#]
        met "When the control plane is built first and workers are to follow. CoreDNS waits for the first of them."
        see ["https://kubernetes.io/docs/concepts/architecture/nodes/"]
    }

    NO_ENDPOINT "no-endpoint" Error "several control planes without an endpoint" {
        meaning "Nodes need one address that reaches whichever API server is up."
        advice "give a host the role load-balancer, or set `endpoint` in [cluster]"
        example "cluster.toml" [
            "[cluster]",
            r#"name = "mycluster""#,
        ]
        right [
            "[cluster]",
            r#"name = "mycluster""#,
            r#"endpoint = "api.example.org:6443""#,
        ]
        met
            "By adding a second control plane to a cluster whose kubeconfigs name the first. With kubeadm people find \
             out when the second is to join: without --control-plane-endpoint at the start it can't."
        see [
            "https://github.com/kubernetes/kubernetes/issues/95564",
            "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/",
        ]
    }

    SEVERAL_LOAD_BALANCERS "several-load-balancers" Warning "several load balancers without an endpoint" {
        meaning "Nodes and administrators use the first one; the others stand idle."
        advice
            "set `virtual_ip` in [load_balancer] to an address that moves between them, or `endpoint` in [cluster] to \
             a name or address that they share"
        example "cluster.toml" [
            r#"name = "lb2""#,
            r#"ip = "10.0.0.21""#,
            r#"roles = ["load-balancer"]"#,
        ]
        met
            "By doubling the load balancer so that it is no single point of failure. Two machines help only if one \
             name or address leads to whichever works; keepalived moves an address between them."
        see ["https://github.com/kubernetes/kubeadm/blob/main/docs/ha-considerations.md"]
    }

    PORT_CONFLICT "port-conflict" Error "port already in use on the host" {
        meaning "The load balancer listens on a port that something else on the same host uses."
        advice "set another `port` in [load_balancer], or move the load balancer to another host"
        example "cluster.toml" [r#"roles = ["control-plane", "etcd", "load-balancer"]"#]
        right [r#"roles = ["control-plane", "etcd"]"#]
        met
            "By putting the load balancer onto a control plane to save a machine: both want 6443. kubeadm's notes on \
             high availability use another port for that very reason."
        see ["https://github.com/kubernetes/kubeadm/blob/main/docs/ha-considerations.md"]
    }

    BAD_INTERFACE "bad-interface" Error "unusable network interface" {
        meaning "The virtual address is carried by this interface."
        advice "write its name, at most 15 of a-z, A-Z, 0-9, `-`, `_` and `.`, such as eth0"
        example "cluster.toml" [r#"interface = "eth0@if3""#]
        right [r#"interface = "eth0""#]
        met
            "By copying from `ip link` in a container or a VLAN, which shows the peer behind an @. The name itself has \
             at most 15 characters."
        see ["https://man7.org/linux/man-pages/man7/netdevice.7.html"]
    }

    EMPTY_CSR_FOLDER "empty-csr-folder" Error "CSR folder with nothing in it" {
        meaning
            "The folder that `csr` names is missing or holds no JSON, and the built-in files would take the place of \
             what was meant."
        advice "correct the path, or leave `csr` out to use the built-in files"
        example "cluster.toml" [r#"csr = "csr""#]
        met
            "With a wrong path, or a fresh clone in which the folder was ignored by version control. Had the built-in \
             files been taken, the certificates would bear names nobody chose."
    }

    BUILT_IN_CSR "built-in-csr" Note "built-in CSR or configuration" {
        meaning "The CSR folder lacks the file, so the walk-through's own is used."
        advice "put the file in the folder to choose its content"
        example "csr/kube-proxy-csr.json" ["(no such file)"]
        met
            "Whenever a folder has some of the files: a CSR was deleted, or a later khw-gen asks for a certificate \
             that the folder is older than. `khw-gen init` writes all of them."
    }

    UNUSED_CSR "unused-csr" Warning "JSON file that nothing reads" {
        meaning "The folder holds a file of a name that no certificate is made from."
        advice "remove it, or correct its name"
        example "csr/kube-proxi-csr.json" ["{}"]
        met
            "With a misspelt name, and with node1-csr.json from a cluster made by hand: here one node-csr.json serves \
             all workers."
    }

    UNUSED_AUTHORITY "unused-authority" Warning "authority that lies beside and does not sign" {
        meaning
            "The CSR folder holds the certificate of an authority, whatever its file is called, or the key of one, and neither [pki.ca] nor \
             [pki.bring] names it: another one is made from the seed, which nobody who trusts this one trusts. Or one of these sections is of an authority whose successor \
             [generations] has."
        advice "name it there with its key, or have khw-gen adopt write all of it; if it is not to be used, keep it elsewhere, and take its section out"
        example "cluster.toml" [r#"csr = "csr""#]
        met
            "When the folder of a cluster made by hand is taken over as it is, ca.pem and ca-key.pem beside ca-csr.json. With the \
             new authority nodes and administrators of the running cluster trust nobody any more."
    }

    BAD_KEY "bad-key" Error "unusable key parameters" {
        meaning
            "cfssl offers rsa (2048 to 8192 bits; here in steps of 16), ecdsa (256, 384, 521), ed25519 and since 1.7 mldsa44, mldsa65 and \
             mldsa87, in lower case; an algorithm without a size keeps the default size 256."
        advice "write {\"algo\": \"rsa\", \"size\": 2048} or {\"algo\": \"ecdsa\", \"size\": 256}"
        example "csr/admin-csr.json" [r#""size": 1024"#]
        right [r#""size": 2048"#]
        met
            "With RSA 1024 out of old guides, with \"RSA\" in capitals, and with {\"algo\": \"rsa\"} alone, for which \
             cfssl takes its default size 256, and says so with code 2400."
        see ["https://github.com/cloudflare/cfssl#generating-certificate-signing-request-and-private-key"]
    }

    BAD_DURATION "bad-duration" Error "unusable duration" {
        meaning "Durations are Go's: numbers with the units h, m, s, ms, us, ns; there are no days or years."
        advice "write hours, such as 8760h for a year"
        example "csr/ca-config.json" [r#""expiry": "365d""#]
        right [r#""expiry": "8760h""#]
        met
            "By thinking in days: Go's durations end at hours, since a day is not always 24 of them. cfssl stops with \
             \"time: unknown unit\"."
        see ["https://pkg.go.dev/time#ParseDuration"]
    }

    BAD_TIME "bad-time" Error "unusable point in time" {
        meaning "A fixed date is an RFC 3339 time."
        advice "write a time such as 2026-01-01T00:00:00Z"
        example "csr/ca-config.json" [r#""not_after": "2027-01-01""#]
        right [r#""not_after": "2027-01-01T00:00:00Z""#]
        met "With a date alone, which Go does not take for a time."
        see ["https://www.rfc-editor.org/rfc/rfc3339#section-5.6"]
    }

    BAD_OID "bad-oid" Error "unusable object identifier" {
        meaning
            "An object identifier is two or more numbers joined by dots; the first is 0, 1 or 2 and below 2 the second \
             is at most 39."
        advice "write an identifier such as 1.2.3.4"
        example "csr/admin-csr.json" [r#""1.2.x": "a""#]
        met "With the name of an attribute where its number is wanted. cfssl gives up with code 9300."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4"]
    }

    BAD_BASE64 "bad-base64" Error "not base64" {
        meaning "The value of an extension is its DER in base64."
        advice "write standard base64 with padding"
        example "csr/admin-csr.json" [r#""Value": "B""#]
        right [r#""Value": "BQA=""#]
        met
            "By writing the value itself in place of its DER, or base64url as tokens have it. `openssl asn1parse \
             -genstr` makes DER, `base64 -w0` the rest."
        see ["https://www.rfc-editor.org/rfc/rfc4648#section-4"]
    }

    BAD_QUALIFIER "bad-qualifier" Error "unknown policy qualifier" {
        meaning "cfssl knows id-qt-cps and id-qt-unotice."
        advice "use id-qt-cps or id-qt-unotice"
        example "csr/ca-config.json" [r#""Type": "id-qt-cp""#]
        right [r#""Type": "id-qt-cps""#]
        met
            "In profiles of a company's CA with a policy. There are two kinds: the address of a practice statement, \
             and a notice to the user."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4"]
    }

    BAD_URL "bad-url" Error "unusable URL" {
        meaning "The URL stands in the certificate as an ASCII string."
        advice "write an absolute URL in ASCII"
        example "csr/ca-config.json" [r#""crl_url": "example.org/crl""#]
        right [r#""crl_url": "http://example.org/crl""#]
        met "By leaving the scheme out, as in a browser. Whoever checks a revocation list takes the text as it stands."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13"]
    }

    CA_SECTION "ca-section" Error "`ca` in the CSR of a leaf" {
        meaning "cfssl permits the section with -initca only."
        advice "remove the section; a leaf's life comes from the profile's `expiry`"
        example "csr/admin-csr.json" [r#""ca": {"expiry": "8760h"},"#]
        met
            "By starting a CSR for a leaf from ca-csr.json, or in the hope of a longer life for one certificate. cfssl \
             refuses it unless asked for a CA; the life of a leaf stands in its profile."
        see ["https://github.com/cloudflare/cfssl/issues/793"]
    }

    EMPTY_SUBJECT "empty-subject" Error "certificate authority without a subject" {
        meaning "cfssl asks for a CN or a name; without one nothing can name its issuer."
        advice "set CN, such as \"Kubernetes\""
        example "csr/ca-csr.json" ["{"]
        right [
            "{",
            r#""CN": "Kubernetes","#,
        ]
        met "With a CSR reduced to its key. Chains are built by names: an issuer without one can't be found."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.6"]
    }

    UNKNOWN_PROFILE "unknown-profile" Error "unknown profile" {
        meaning "cfssl would silently use the default profile."
        advice "name a profile of ca-config.json"
        example "cluster.toml" [r#"profile = "kubernets""#]
        right [r#"profile = "kubernetes""#]
        met
            "By misspelling, or with a ca-config.json of other names. cfssl signs with the default profile and exits \
             with 0, and what is wrong shows in the handshake, where a usage is missing."
        see ["https://github.com/cloudflare/cfssl/blob/v1.6.5/signer/signer.go"]
    }

    NO_PROFILES "no-signing" Error "no `signing` section" {
        meaning "cfssl refuses a configuration without one."
        advice "add {\"signing\": {\"profiles\": {...}}}"
        example "csr/ca-config.json" ["{}"]
        right [
            "{",
            r#"  "signing": {"#,
            r#"    "profiles": {"#,
            r#"      "kubernetes": {"#,
            r#"        "usages": ["signing", "key encipherment", "server auth", "client auth"],"#,
            r#"        "expiry": "8760h""#,
            "      }",
            "    }",
            "  }",
            "}",
        ]
        met
            "With profiles at the top of the file in place of below `signing`, or with the file of another tool under \
             this name."
        see ["https://github.com/cloudflare/cfssl#signing"]
    }

    UNKNOWN_USAGE "unknown-usage" Error "unknown usage" {
        meaning "cfssl would silently drop it."
        advice "use a usage that cfssl knows"
        example "csr/ca-config.json" [r#""serverauth""#]
        right [r#""server auth""#]
        met
            "By writing serverAuth as OpenSSL does, or with a hyphen. cfssl drops the word, the certificate lacks the \
             usage, and every client refuses the server."
        see ["https://github.com/cloudflare/cfssl/blob/v1.6.5/config/config.go"]
    }

    NO_USAGES "no-usages" Error "profile without usages" {
        meaning "cfssl refuses to load a profile without a known usage."
        advice "add \"usages\", such as [\"signing\", \"key encipherment\", \"server auth\", \"client auth\"]"
        example "csr/ca-config.json" [r#""usages": [],"#]
        right [r#""usages": ["signing", "key encipherment", "server auth", "client auth"],"#]
        met
            "When a profile is emptied to see what happens, or holds nothing but words that cfssl does not know: then \
             it refuses the whole file with \"invalid configuration\"."
        see ["https://github.com/cloudflare/cfssl/blob/v1.6.5/config/config.go"]
    }

    PROFILE_DOES_NOT_FIT "profile-does-not-fit" Error "profile that Kubernetes can't use" {
        meaning "Certificates of this profile would be refused by those who check them."
        advice "change the profile, or choose another"
        example "csr/ca-config.json" [r#""usages": ["signing", "key encipherment", "server auth"],"#]
        right [r#""usages": ["signing", "key encipherment", "server auth", "client auth"],"#]
        met
            "With a server profile for something that is also a client. etcd is the usual case: it calls itself with \
             its server certificate, and logs \"tls: bad certificate\" until that has client auth."
        see ["https://github.com/etcd-io/etcd/issues/9785", "https://github.com/kubermatic/kubermatic/pull/5261"]
    }

    REFUSED_FLAG "refused-flag" Error "flag that the release refuses" {
        meaning "The component would not start."
        advice "remove the flag, or choose another release"
        example "cluster.toml" ["insecure-port = 0"]
        met
            "At upgrades: flags are deprecated for a year and then gone, and the program exits with \"unknown flag\". \
             1.24 took most of them, for the insecure ports and for Docker."
        see [
            "https://github.com/kubernetes-sigs/kubespray/issues/8924",
            "https://kubernetes.io/docs/reference/using-api/deprecation-policy/#deprecating-a-flag-or-cli",
        ]
    }

    UNKNOWN_FLAG "unknown-flag" Warning "flag that no release has" {
        meaning
            "A component does not start with a flag that it does not know. The table of flags comes from the \
             components' own source, up to the last release that is known."
        advice "correct the flag's name"
        example "cluster.toml" [r#"oidc-isuer-url = "https://login.example.org""#]
        right [r#"oidc-issuer-url = "https://login.example.org""#]
        met
            "By misspelling, and with flags of a fork or of a distribution. The component exits at once, and systemd \
             starts it again every five seconds."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"]
    }

    UNKNOWN_GATE "unknown-gate" Error "feature gate that the release does not have" {
        meaning "A component does not start with a feature gate that it does not know."
        advice "correct the gate's name, or remove it"
        example "cluster.toml" [r#"feature-gates = "AllAlpha=false,IPv6DualStack=true,NodeSwap=true""#]
        right [r#"feature-gates = "AllAlpha=false,NodeSwap=true""#]
        met
            "At upgrades: a gate is removed some releases after its feature became stable, and whoever had switched it \
             on finds an API server that stops with \"unrecognized feature gate\"."
        see [
            "https://github.com/siderolabs/talos/issues/13480",
            "https://github.com/kubernetes/kubernetes/issues/100988",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/",
        ]
    }

    UNKNOWN_SETTING "unknown-setting" Warning "setting without effect" {
        meaning
            "The component's configuration of this release has no such field: kubelets and kube-proxies ignore it with \
             a line in their log, a scheduler refuses to start."
        advice "correct the field's name, or remove it"
        example "cluster.toml" ["maxPod = 200"]
        right ["maxPods = 200"]
        met
            "By misspelling, by writing a flag's name where the file has a field, or with a field of a later release. \
             The kubelet logs a line and goes on with the default."
        see ["https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"]
    }

    BAD_VALUE "bad-value" Error "value that the component does not take" {
        meaning
            "The component of this release reads a value of another type there, knows other words, or has limits: it would not \
             start."
        advice "give it a value of the kind that the message names"
        example "cluster.toml" [r#"maxPods = "110""#]
        right ["maxPods = 110"]
        met
            "With numbers and booleans in quotes, with durations without a unit, and with words of another setting. A \
             kubelet says \"cannot unmarshal string into Go struct field\" and exits."
        see [
            "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/",
        ]
    }

    BROAD_PROFILE "broad-profile" Note "certificates with more rights than they need" {
        meaning
            "In the split layout each certificate is for one purpose; the profiles `server`, `client` and `peer` of \
             ca-config.json say so, and where one is missing the profile of `[pki]` signs, which permits more."
        advice "add the profile to ca-config.json, or name another in [pki.profiles]"
        example "cluster.toml" [r#"layout = "split""#]
        met
            "With the walk-through's ca-config.json, whose one profile permits server and client to every certificate. \
             A stolen node certificate can then also pose as a server."
        see ["https://kubernetes.io/docs/setup/best-practices/certificates/"]
    }

    AUTHORITIES_ALIKE "authorities-alike" Error "authorities of one name" {
        meaning "Whoever builds a chain finds an issuer by its name, and would take one authority for the other."
        advice "give each authority a CN of its own"
        example "csr/front-proxy-ca-csr.json" [r#"{"CN": "same","#]
        right [r#"{"CN": "front-proxy-ca","#]
        met
            "By copying ca-csr.json for the second authority. Go tries all of that name, OpenSSL may take the first \
             and then fail with a wrong signature, which is a hard error to read."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-6.1"]
    }

    KEY_ENCIPHERMENT "key-encipherment" Note "key encipherment for a key that can't encipher" {
        meaning
            "Only RSA keys encipher; cfssl sets the bit all the same, and so does khw-gen. Nothing known refuses it. For an ML-DSA key, \
             which may not have it (RFC 9881, section 5), both leave it out."
        advice "leave it, or remove \"key encipherment\" from the usages"
        example "csr/admin-csr.json" [
            r#""algo": "ecdsa","#,
            r#""size": 256"#,
        ]
        right [
            r#""algo": "rsa","#,
            r#""size": 2048"#,
        ]
        met
            "In every cfssl setup that moves from RSA to ECDSA and keeps its profile. A change that has kubeadm write \
             the bit for RSA alone is under way."
        see [
            "https://github.com/kubernetes/kubernetes/pull/142037",
            "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3",
        ]
    }

    WRONG_SUBJECT "wrong-subject" Error "subject that Kubernetes does not accept" {
        meaning
            "Kubernetes takes the user from CN and the groups from O; under another subject the component has no \
             rights."
        advice "write the subject that is expected"
        example "csr/kube-scheduler-csr.json" [r#""CN": "system:system:kube-scheduler""#]
        right [r#""CN": "system:kube-scheduler""#]
        met
            "By typing a name that only the API server reads: Kubernetes The Hard Way has had \
             system:system:kube-scheduler in its ca.conf. The component connects, and every request is Forbidden."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/931",
            "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles",
        ]
    }

    NO_PLACEHOLDER "no-placeholder" Error "node CSR without the host's placeholder" {
        meaning "Each worker has its own name in its certificate: WORKER_HOST stands where it goes."
        advice "write \"CN\": \"system:node:WORKER_HOST\""
        example "csr/node-csr.json" [r#""CN": "system:node:node1""#]
        right [r#""CN": "system:node:WORKER_HOST""#]
        met
            "By keeping the CSR file of one node. All kubelets would be that node, and the node authorizer lets none \
             of the others register."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/613",
            "https://kubernetes.io/docs/reference/access-authn-authz/node/",
        ]
    }

    EXTRA_MASTERS "extra-masters" Warning "full rights for a component" {
        meaning "Members of system:masters bypass every authorization check, and can't be revoked but by a new CA."
        advice "remove system:masters from the names"
        example "csr/kube-proxy-csr.json" [r#""O": "system:masters""#]
        right [r#""O": "system:node-proxier""#]
        met
            "To make a Forbidden go away. The group is built into the API server: no role takes its rights, and a \
             certificate can't be called back. kubeadm gave up the group for its admin.conf, and keeps it in \
             super-admin.conf alone."
        see [
            "https://github.com/kubernetes/kubeadm/issues/2414",
            "https://github.com/kubernetes/kubernetes/pull/121305",
        ]
    }

    BAD_NAME_ENTRY "bad-host-entry" Error "host entry that is neither name nor address" {
        meaning
            "cfssl turns anything that is no address, e-mail or URI into a DNS name, unchecked; no client would ever \
             match it."
        advice "write a DNS name or an IP address"
        example "csr/kubernetes-csr.json" [r#""10.0.0.0/24", "10.0.0.1:6443", " 10.0.0.1""#]
        right [r#""10.0.0.1""#]
        met
            "By listing a range in the hope that it covers its addresses, by copying host:port, and by a blank after \
             the comma of -hostname. cfssl makes a DNS name of each and says nothing; the client then says \
             \"certificate is valid for …, not 10.0.0.1\"."
        see ["https://github.com/cloudflare/cfssl/pull/327", "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6"]
    }

    UNUSUAL_NAME_ENTRY "unusual-host-entry" Error "mail address or URI that is not written plainly" {
        meaning
            "cfssl reads mail addresses and URIs as Go does: it drops display names and comments, takes quotes away, and \
             escapes and unescapes anew. khw-gen takes plain ones only, which everybody reads alike."
        advice "write it plainly: user@example.org, spiffe://example.org/name"
        example "csr/kubernetes-csr.json" [r#""Bob <bob@example.org>", "HTTPS://example.org/a#b""#]
        right [r#""bob@example.org", "spiffe://example.org/a""#]
        met
            "By copying an address out of a mail program, or a URI out of a browser. In the certificate cfssl writes \
             bob@example.org and https://example.org/a%23b, which is not what was typed."
        see ["https://pkg.go.dev/net/mail#ParseAddress", "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6"]
    }

    UNFILLED_PLACEHOLDER "unfilled-placeholder" Warning "placeholder in a request" {
        meaning
            "A text of the subject, or a host, has a part in it that a shell or a template was to replace; cfssl signs it as it \
             stands."
        advice "write what is meant"
        example "csr/admin-csr.json" [r#""OU": "${TEAM}""#]
        right [r#""OU": "platform""#]
        met "Where a here-document has its end in quotes, and where a template was copied without what fills it in."
        see ["https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_07_04"]
    }

    UNUSUAL_SUBJECT "unusual-subject" Warning "text of a subject that standards don't allow" {
        meaning
            "RFC 5280 bounds the texts of a subject: a country has two letters, CN, O and OU have at most 64 \
             characters, L and ST at most 128. cfssl writes longer ones; some who read them refuse the certificate."
        advice "shorten it"
        example "csr/admin-csr.json" [r#""C": "Germany""#]
        right [r#""C": "DE""#]
        met "With the country's name in the place of its code, and with a long title in CN."
        see ["https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1"]
    }

    WEB_ADDRESS "web-address-in-hosts" Warning "address of a page among the hosts" {
        meaning
            "It becomes a URI in the certificate. Who calls a server compares the name or the address in the URL, and \
             never the URL itself; URIs are for identities such as spiffe://."
        advice "write the name or the address alone"
        example "csr/kubernetes-csr.json" [r#""https://api.example.org:6443""#]
        right [r#""api.example.org""#]
        met "By copying the address of the API server out of a kubeconfig."
        see ["https://www.rfc-editor.org/rfc/rfc9525#section-6", "https://github.com/cloudflare/cfssl#generating-certificate-signing-request-and-private-key"]
    }

    NAMELESS_SERVER "nameless-server" Warning "server's certificate without a name" {
        meaning
            "A certificate of the user's own may be a server's, and holds neither a name nor an address. No client \
             accepts it: CN does not count."
        advice "add \"hosts\""
        example "cluster.toml" [
            r#"[[certificates]]"#,
            r#"name = "metrics""#,
            r#"csr = "metrics-csr.json""#,
        ]
        right [
            r#"[[certificates]]"#,
            r#"name = "metrics""#,
            r#"csr = "metrics-csr.json""#,
            r#"hosts = ["metrics.example.org"]"#,
        ]
        met
            "cfssl itself only logs that the certificate lacks a hosts field. The client then says that it relies on \
             the legacy Common Name field."
        see ["https://www.rfc-editor.org/rfc/rfc9525#section-6", "https://go.dev/doc/go1.15#commonname"]
    }

    REFUSED_REQUEST "refused-request" Error "request that cfssl refuses" {
        meaning "The file can be read, but what it asks for can't be put into a certificate."
        advice "correct what the message names"
        example "csr/admin-csr.json" [r#""extensions": [{"Id": [2, 5, 29, 19], "Critical": true, "Value": "MAMBAf8="}],"#]
        met
            "When a CSR asks for an extension that the signer writes itself, such as basic constraints: a leaf would \
             make itself an authority."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    BAD_EXTENSION "bad-extension" Error "extension that spoils the certificate" {
        meaning
            "`copy_extensions` puts the extensions of a CSR into its certificate as they are, in place of the names \
             and usages that it needs."
        advice "remove the extension; names go into `hosts`, usages into the profile"
        example "csr/admin-csr.json" [r#""extensions": [{"Id": [1, 2, 3, 4], "Critical": true, "Value": "BQA="}],"#]
        met
            "With a CSR written for a CA that fills in the rest. A critical extension that a client does not know \
             makes it refuse the certificate, and a copied list of names takes the place of the one with the cluster's \
             names."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2"]
    }

    LEAF_OUTLIVES_CA "leaf-outlives-ca" Error "certificates outlive their authority" {
        meaning
            "When the CA expires they stop working, whatever their own date says; cfssl would sign them all the same."
        advice "shorten the profile's `expiry`, or lengthen `ca.expiry` in ca-csr.json: where there is none, put one into the folder"
        example "csr/ca-csr.json" [r#""expiry": "8759h""#]
        right [r#""expiry": "87600h""#]
        met
            "Most often with a CA of cfssl's default five years below leaves of ten: guides copied from one another \
             have it. Nothing is wrong until the day the CA ends, and then everything is."
        see ["https://github.com/easzlab/kubeasz/issues/242", "https://github.com/cloudflare/cfssl/issues/1034"]
    }

    LEAF_PREDATES_CA "leaf-predates-ca" Warning "certificates begin before their authority" {
        meaning "Until the CA's first moment they can't be verified."
        advice "give both the same `backdate`"
        example "csr/ca-csr.json" [r#""backdate": "1m""#]
        right [r#""backdate": "5m""#]
        met
            "With a `backdate` in the profile, against clocks that are slow, and none or a smaller one in the CA. \
             kubeadm lets its leaves begin with their CA."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5"]
    }

    CA_EXPIRED "ca-expired" Error "certificate authority expired when issued" {
        meaning "Nothing that it signs would ever be accepted."
        advice "lengthen `ca.expiry`"
        example "csr/ca-csr.json" [r#""expiry": "1h", "backdate": "2h""#]
        right [r#""expiry": "87600h""#]
        met
            "With a backdate longer than the life, which cfssl's CAs of minutes run into by its default of five, and \
             with an authority of your own that has ended."
        see ["https://github.com/cloudflare/cfssl/issues/1064"]
    }

    BAD_CA "bad-ca" Error "unusable certificate of an authority" {
        meaning "`[pki.ca] cert` names a PEM file with the one certificate of the authority that signs."
        advice "name a PEM file with one X.509 certificate"
        example "ca.pem" ["-----BEGIN EC PRIVATE KEY-----"]
        met
            "With `cert` and `key` exchanged, a DER file under the name .pem, a bundle with the chain in it, or a file \
             cut off while copying. `openssl x509 -in ca.pem -noout -subject` shows what is in it."
        see ["https://www.rfc-editor.org/rfc/rfc7468"]
    }

    NOT_A_CA "not-a-ca" Error "certificate that may not sign others" {
        meaning
            "Whoever verifies a certificate refuses an issuer whose own certificate does not say that it may sign \
             certificates."
        advice "use a certificate with CA:TRUE and the usage \"cert sign\""
        example "cluster.toml" [r#"cert = "ca.pem"      # CA:FALSE"#]
        met
            "By naming a server's certificate, or one made with `openssl req -x509` on a configuration without \
             CA:TRUE. cfssl signs with it all the same and exits with 0; every client refuses what comes of it."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    BAD_CA_KEY "bad-ca-key" Error "unusable key of an authority" {
        meaning "`[pki.ca] key` names a PEM file with the private key that signs, not encrypted."
        advice "name a PEM file with one private key: PKCS#1, SEC1 or PKCS#8"
        example "ca-key.pem" ["no key"]
        met
            "With an encrypted key, as easy-rsa and step write by default, with the certificate in its place, or after \
             a copy that was cut off. `openssl pkey -in ca-key.pem -noout` tells whether it can be read."
        see ["https://www.rfc-editor.org/rfc/rfc7468#section-10"]
    }

    CA_KEY_MISMATCH "ca-key-mismatch" Error "key that is not the certificate's" {
        meaning "What the key signs could not be verified with the certificate."
        advice "name the key that the certificate was made for"
        example "cluster.toml" [r#"key = "ca-key.pem"   # made with another certificate"#]
        met
            "After a CA was made again and only one of its two files copied. `openssl x509 -in ca.pem -noout -pubkey` \
             and `openssl pkey -in ca-key.pem -pubout` print the same where they fit."
    }

    CA_NAME_CONSTRAINTS "ca-name-constraints" Warning "authority that limits names" {
        meaning
            "Whoever verifies a certificate refuses one with a name outside the limits, such as `kubernetes.default` \
             or an address."
        advice "see that the limits permit every name and address of the cluster"
        example "cluster.toml" [r#"cert = "ca.pem"      # permits names below .example alone"#]
        met
            "With an intermediate of a company's CA that is limited to its domain. kubernetes.default and addresses \
             are outside of that, and Go refuses the chain."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10"]
    }

    UNKNOWN_CERTIFICATE "unknown-certificate" Error "unknown certificate" {
        meaning "No certificate has this name: neither one of the cluster's own nor one of `[[certificates]]`."
        advice "name a certificate that there is"
        example "cluster.toml" [r#"kube-proxi = "client""#]
        right [r#"kube-proxy = "client""#]
        met
            "By misspelling, and by moving between the layouts: `kubernetes` is a certificate of the single one, \
             `apiserver` of the split one. `khw-gen plan` lists the names."
    }

    BAD_CERTIFICATE_NAME "bad-certificate-name" Error "unusable certificate name" {
        meaning "The name becomes the names of files, and the certificate's key is derived from it."
        advice
            "use an RFC 1123 label: a-z, 0-9 and `-`, beginning and ending with a letter or digit, 63 characters at \
             most"
        example "cluster.toml" [r#"name = "Metrics.x""#]
        right [r#"name = "metrics-x""#]
        met
            "With the host name that the certificate is for. The name here is that of the files; names for clients go \
             into `hosts`."
        see ["https://www.rfc-editor.org/rfc/rfc1123#section-2"]
    }

    RESERVED_CERTIFICATE_NAME "reserved-certificate-name" Error "certificate name that collides" {
        meaning "The files of a certificate are named after it, and would replace files of the same name."
        advice "choose another name for the certificate"
        example "cluster.toml" [
            r#"name = "kubernetes""#,
            r#"csr = "metrics-csr.json""#,
        ]
        right [
            r#"name = "metrics""#,
            r#"csr = "metrics-csr.json""#,
        ]
        met
            "When one of the cluster's own certificates is to be changed by declaring it again. Its CSR file and \
             [pki.profiles] change it."
    }

    MISSING_CSR "missing-csr" Error "missing CSR file" {
        meaning "A certificate of your own is made from a CSR file of your own: nothing is built in for it."
        advice "put the file in the CSR folder"
        example "cluster.toml" [r#"csr = "metric-csr.json""#]
        right [r#"csr = "metrics-csr.json""#]
        met "With a misspelt file name, or a file beside cluster.toml in place of in the CSR folder."
    }

    SIGNING_CYCLE "signing-cycle" Error "certificates that sign each other" {
        meaning "A chain of signatures ends at the authority of the cluster."
        advice "let one of them be signed by `ca`"
        example "cluster.toml" [
            r#"name = "a""#,
            r#"csr = "metrics-csr.json""#,
            r#"profile = "any-ca""#,
            r#"signed_by = "b""#,
        ]
        right [
            r#"name = "a""#,
            r#"csr = "metrics-csr.json""#,
            r#"profile = "any-ca""#,
        ]
        met
            "When intermediates are rearranged and one still names the other. Cross-signing, where that is meant, \
             needs two certificates for one key, and never the same one twice."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-3.2"]
    }

    PATH_TOO_LONG "path-too-long" Error "authority that its issuer's path length does not allow" {
        meaning
            "Whoever verifies a certificate refuses a chain with more authorities than the path length of one above \
             permits."
        advice "raise the path length, or sign with an authority further up"
        example "cluster.toml" [
            r#"name = "two""#,
            r#"csr = "two-csr.json""#,
            r#"profile = "any-ca""#,
            r#"signed_by = "one""#,
        ]
        right [
            r#"name = "two""#,
            r#"csr = "two-csr.json""#,
            r#"profile = "any-ca""#,
        ]
        met "When a second intermediate is put below one made with `max_path_len_zero`, which says: leaves only."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    UNKNOWN_HOST "unknown-host" Error "unknown host or role" {
        meaning "`on` is a role or the name of a host."
        advice "name a host, or a role"
        example "cluster.toml" [r#"on = "node3""#]
        right [r#"on = "node1""#]
        met
            "When a host was renamed or removed and its places were not, and by writing master where the role is \
             control-plane."
    }

    EMPTY_PLACE "empty-place" Error "place without a file" {
        meaning "Nothing would be put there."
        advice "give `certificate`, `key` or `request` a path, or remove the place"
        example "cluster.toml" [
            "[[certificates.places]]",
            r#"on = "worker""#,
        ]
        right [
            "[[certificates.places]]",
            r#"on = "worker""#,
            r#"certificate = "/etc/metrics/tls.pem""#,
        ]
        met
            "With a place begun and not finished, or a path under another table's heading: in TOML a key belongs to \
             the last heading above it."
        see ["https://toml.io/en/v1.0.0#table"]
    }

    UNUSED_PLACE "unused-place" Warning "place that no host has" {
        meaning "No host has the role, so that nothing is put anywhere."
        advice "remove the place, or give a host the role"
        example "cluster.toml" [
            "[[certificates.places]]",
            r#"on = "admin""#,
            r#"certificate = "/etc/m.pem""#,
        ]
        met
            "In a specification that is shared by clusters of several shapes, and when the last host of a role was \
             removed."
    }

    SECRET_AS_TEMPLATE "secret-as-template" Error "secret input that is a file for hosts" {
        meaning "Whoever has the file has what comes from it: of the seed that is every key of the cluster."
        advice "name another template: a key gets to hosts as the certificates' `places` say"
        example "cluster.toml" [r#"template = "./cluster.seed""#]
        right [r#"content = "a text\n""#]
        met "By the name of the wrong file beside cluster.toml, or to have a key on an administrator's host."
        see ["https://www.rfc-editor.org/rfc/rfc5869#section-3.3"]
    }

    SECRET_AS_TEXT "secret-as-text" Error "secret input that is a text of the specification" {
        meaning "Diagnostics show lines of such a text, and it is handed on for review, as no key may be."
        advice "let the key stand in a file of its own, outside of the CSR folder, where no link leads to it"
        example "cluster.toml" [r#"seed = "csr/seed.json""#]
        right [r#"seed = "cluster.seed""#]
        met "With a link from the CSR folder to the wrong file, and with a seed that was saved beside the requests as one of them."
        see ["https://www.rfc-editor.org/rfc/rfc5869#section-3.3"]
    }

    BAD_PLACE_PATH "bad-place-path" Error "unusable path on a host" {
        meaning "The path is written on hosts by tools that must all read it the same way."
        advice "write an absolute path of printable ASCII without spaces, quotes, `.`, `..` or `//`"
        example "cluster.toml" [r#"{ on = "worker", certificate = "etc/m.pem" }"#]
        met
            "With a path that is relative, as in the specification itself, or that ends in / for \"into this folder\". \
             Blanks and quotes mean something to units, shells and YAML."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html"]
    }

    BAD_MODE "bad-mode" Error "unusable mode of a key" {
        meaning "A key is for its owner, and perhaps for its group."
        advice "write \"0600\", \"0640\", \"0400\" or \"0440\""
        example "cluster.toml" [r#"key = "/a.pem", mode = "0644""#]
        right [r#"key = "/a.pem", mode = "0640""#]
        met
            "To let a program that does not run as root read its key. Give the group the file in place of everybody; \
             the CIS benchmark wants 600 for keys."
        see ["https://github.com/aquasecurity/kube-bench/issues/245"]
    }

    PLACE_TAKEN "place-taken" Error "place that is taken" {
        meaning "Two files can't have one path on a host, and none can be where a folder must be."
        advice "choose another path"
        example "cluster.toml" [r#"{ on = "worker", certificate = "/var/lib/kubelet/node1.pem" }"#]
        met
            "By putting a file of one's own where khw-gen puts one: for flags, units and configuration files there is \
             [components]. `khw-gen plan` lists every path."
    }

    UNKNOWN_COMPONENT "unknown-component" Error "unknown component" {
        meaning "`[components]` names programs that khw-gen configures."
        advice "name a component that there is"
        example "cluster.toml" ["[components.kube-api-server]"]
        right ["[components.kube-apiserver]"]
        met
            "With a hyphen too many or the name of a unit, and with add-ons such as flannel, which run as pods and are \
             configured in their manifests."
    }

    BAD_FLAG "bad-flag" Error "unusable flag" {
        meaning
            "A flag is named as the program's reference has it, without its dashes; its value is a string, a number, \
             true, false or a list of them."
        advice "write the name in lower case, with hyphens"
        example "cluster.toml" [r#""--v" = 4"#]
        right [r#""v" = 4"#]
        met
            "By copying --flag=value whole, and by underscores, which Kubernetes' components take for hyphens and etcd \
             does not."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/"]
    }

    BAD_VARIABLE "bad-variable" Error "unusable name of an environment variable" {
        meaning "systemd ignores a variable of another name."
        advice "write letters, digits and `_`, a digit not first"
        example "cluster.toml" [r#""HTTP-PROXY" = "http://proxy:3128""#]
        right [r#""HTTP_PROXY" = "http://proxy:3128""#]
        met
            "With a hyphen as flags have it. systemd drops such a variable with a line in the journal, and images are \
             pulled past the proxy."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Environment"]
    }

    MISSING_PART "missing-part" Error "component without what is set" {
        meaning "khw-gen writes flags where it writes the unit, and settings where it writes the configuration file."
        advice "set it another way"
        example "cluster.toml" [
            "[components.etcd.config]",
            "quota-backend-bytes = 1",
        ]
        right [
            "[components.etcd.flags]",
            "quota-backend-bytes = 1",
        ]
        met
            "By giving a program a configuration file that khw-gen runs by flags, as etcd, or flags to Docker, whose \
             unit the distribution brings."
        see ["https://etcd.io/docs/v3.5/op-guide/configuration/"]
    }

    CONFLICTING_OVERRIDES "conflicting-overrides" Error "set differently for two roles of one host" {
        meaning
            "What is set for a host alone counts more than what is set for its roles, but no role counts more than \
             another."
        advice "set it the same for both, or for the host alone"
        example "cluster.toml" [r#"flags = { quota-backend-bytes = 2, heartbeat-interval = "100", v = 2 }"#]
        right [r#"flags = { quota-backend-bytes = 1, heartbeat-interval = "100", v = 2 }"#]
        met
            "On hosts with several roles, such as a control plane that is also an etcd member, when each role is tuned \
             by itself."
    }

    UNHEEDED_SETTING "unheeded-setting" Warning "setting beside which another does nothing" {
        meaning
            "The program starts with both and says nothing, but heeds one alone: what the other is for does not happen."
        advice "remove it, or what it excludes"
        example "cluster.toml" ["config = { rotateCertificates = true }"]
        right ["config = { maxPods = 110 }"]
        met
            "By taking settings over from kubeadm's kubelets, which get their certificates from the cluster. With khw-gen's they are in \
             files: a kubelet that is told to renew its own copies that of its kubeconfig, and what `khw-gen renew` makes is not read until \
             the copy has ended; it asks for no serving certificate where it has a file with one. Seen with kubelet 1.37.2."
        see [
            "https://kubernetes.io/docs/tasks/tls/certificate-rotation/",
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#certificate-rotation",
        ]
    }

    UNUSED_OVERRIDE "unused-override" Warning "component's setting without effect" {
        meaning "Nothing that is generated depends on it."
        advice "remove it, or correct what it is for"
        example "cluster.toml" [
            "[components.etcd.on.node1.flags]",
            "v = 4",
        ]
        met
            "When a role moved to another host and its settings stayed, or with a setting for something that the \
             runtime chosen does not have."
    }

    UNUSED_RUNTIME_VERSION "unused-runtime-version" Warning "containerd's version without effect" {
        meaning "Docker brings its own containerd, which khw-gen does not configure."
        advice "remove `version`, or set `engine` to \"containerd\""
        example "cluster.toml" [
            "[runtime]",
            r#"version = "1.7""#,
        ]
        right [
            "[runtime]",
            r#"engine = "containerd""#,
            r#"version = "1.7""#,
        ]
        met
            "With a Kubernetes before 1.24 and no `engine`: Docker is the default there, and whoever writes a version \
             of containerd probably meant to run that."
        see ["https://kubernetes.io/blog/2022/02/17/dockershim-faq/"]
    }

    WEAKENED_SAFEGUARD "weakened-safeguard" Warning "safeguard taken away" {
        meaning "Without it the cluster still works, but protects less."
        advice "leave it as khw-gen sets it"
        example "cluster.toml" [r#"authorization-mode = "RBAC,AlwaysAllow""#]
        right [r#"authorization-mode = "Node,RBAC""#]
        met
            "While looking for an error with all doors open, and by copying from guides for a laptop. It is found \
             years later, by a scanner or by a stranger: open kubelets and API servers are searched for all over the \
             Internet."
        see [
            "https://kubernetes.io/docs/concepts/security/security-checklist/",
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
        ]
    }

    PERMISSIVE_DEFAULT "permissive-default" Note "permissive default written down" {
        meaning "The program does so anyway; written down, it looks wanted."
        advice "write false to be stricter, or remove it"
        example "cluster.toml" [r#"flags = { anonymous-auth = "true" }"#]
        met
            "By writing out what `kube-apiserver --help` shows. Load balancers ask /readyz without credentials, which \
             is why the default is what it is; a benchmark will mark it all the same."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests"]
    }

    OVERRIDDEN_WIRING "overridden-wiring" Warning "value replaced that others depend on" {
        meaning "khw-gen made other files to fit the value that it would have written."
        advice "leave it as khw-gen sets it, or see that the others fit"
        example "cluster.toml" [r#"service-cluster-ip-range = "10.96.0.0/16""#]
        met
            "By copying a flag from a kubeadm cluster. Certificates, kubelets and CoreDNS were made for the range in \
             [network]; the API server's certificate lacks the first address of another one."
        see ["https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/905"]
    }

    EXCLUDED_SETTING "excluded-setting" Error "settings that can't stand together" {
        meaning "Each is sound by itself. The program refuses them together, or heeds one of them alone."
        advice "keep one of them"
        example "cluster.toml" [r#"oidc-client-id = "kubernetes""#]
        right [r#"goaway-chance = "0.001""#]
        met
            "By adding what a newer page describes to what an older one did: kube-apiserver has two ways to configure \
             authentication and two for authorization, and stops when it is given both."
        see [
            "https://github.com/k3s-io/k3s/issues/12017",
            "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration",
            "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization",
        ]
    }

    HALF_A_PAIR "half-a-pair" Error "certificate without its key, or key without its certificate" {
        meaning "The program does not start with one of the two."
        advice "give both, or remove both"
        example "cluster.toml" [r#"flags = { tls-cert-file = "/etc/s.pem" }"#]
        right [r#"flags = { tls-cert-file = "/etc/s.pem", tls-private-key-file = "/etc/s-key.pem" }"#]
        met "By removing a flag together with the file that it names, and not the flag beside it."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/"]
    }

    PROXIED_CLUSTER "proxied-cluster" Warning "cluster's own connections through a proxy" {
        meaning
            "A program with HTTPS_PROXY, an older one with HTTP_PROXY too, calls all but its own host through it, unless NO_PROXY says \
             otherwise: as Go reads it, addresses, ranges such as 10.0.0.0/8, and names with what is below them."
        advice "name the cluster's own addresses in NO_PROXY"
        example "cluster.toml" [r#"env = { HTTPS_PROXY = "http://proxy:3128", NO_PROXY = "10.0.0.0/24" }"#]
        right [r#"env = { HTTPS_PROXY = "http://proxy:3128", NO_PROXY = "10.0.0.0/8,.svc" }"#]
        met
            "Behind a company's proxy, where every program is given the same variables. Kubelets don't find the API \
             server, webhooks fail, and the proxy's log has the cluster's traffic."
        see [
            "https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config",
            "https://github.com/kubernetes/kubeadm/issues/2370",
            "https://github.com/kubernetes/kubernetes/issues/107446",
        ]
    }

    PODS_BEYOND_RANGE "pods-beyond-range" Warning "more pods than addresses" {
        meaning
            "The node's range has fewer addresses than pods may be scheduled to it. The first address is the range's, \
             the second the bridge's, the last is for broadcasts; pods of the host's network take none."
        advice "set maxPods to what the range has"
        example "cluster.toml" ["config = { maxPods = 500 }"]
        right ["config = { maxPods = 253 }"]
        met
            "On large machines, when 110 pods no longer fill them. Pods stay in ContainerCreating: \"no IP addresses \
             available in range set\"."
        see [
            "https://github.com/kubernetes-sigs/kubespray/issues/2786",
            "https://www.cni.dev/plugins/current/ipam/host-local/",
        ]
    }

    NODE_PORTS_TAKEN "node-ports-taken" Warning "port of a service that is taken" {
        meaning "A service may be given a port at which a component listens on the same host."
        advice "leave out the ports of the components: 2379, 2380, 6443, 10248 to 10259"
        example "cluster.toml" [r#"service-node-port-range = "1024-32767""#]
        right [r#"service-node-port-range = "20000-32767""#]
        met "By opening the range wide to get at ports that people know, 8080 or 9000."
        see ["https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport"]
    }

    READABLE_SECRET "readable-secret" Warning "secret in a file that everybody may read" {
        meaning
            "Units, their drop-ins and configuration files have mode 0644, and systemd tells every user the variables \
             of a unit. khw-gen hides the value wherever it shows something, and can't take it from the file."
        advice "keep it out of cluster.toml: put EnvironmentFile= in a drop-in with [[files]], and the secret in a file of mode 0600 on the host"
        example "cluster.toml" [r#"env = { HTTPS_PROXY = "http://bob:hunter2@proxy:3128" }"#]
        right [r#"env = { HTTPS_PROXY = "http://proxy:3128" }"#]
        met "With proxies that want a password, and with registries' tokens."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Environment="]
    }

    BAD_TEMPLATE "bad-template" Error "template that can't be rendered" {
        meaning
            "A template of your own is written in the language of Jinja, as MiniJinja has it, and sees the variables \
             of its host."
        advice "correct the template at this place (https://docs.rs/minijinja/latest/minijinja/syntax/)"
        example "a.j2" ["{{ host.name }"]
        right ["{{ host.name }}"]
        met
            "By a brace too few, by Go's or Ansible's filters under a Jinja name, and by a file that has {{ or {% as \
             its own content: {% raw %} keeps those."
        see ["https://docs.rs/minijinja/latest/minijinja/syntax/"]
    }

    UNDEFINED_VARIABLE "undefined-variable" Error "unknown variable in a template" {
        meaning "Nothing would be written where it stands."
        advice "see docs/variables.md, or what `khw-gen facts` shows"
        example "a.j2" ["{{ host.nam }}"]
        right ["{{ host.name }}"]
        met
            "By misspelling, and by asking for a secret, which templates never see. envsubst and shells write nothing \
             where a variable is missing: Kubernetes The Hard Way has left people with an encryption configuration \
             that the API server refuses."
        see ["https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/629"]
    }

    SEVERAL_CONTENTS "several-contents" Error "file with two contents" {
        meaning "A file holds what its template renders to, or what `content` says."
        advice "remove one of them"
        example "cluster.toml" [
            r#"content = """#,
            r#"template = "a.j2""#,
        ]
        right [r#"template = "a.j2""#]
        met "When a content of one line grew into a template and the line stayed."
    }

    BAD_FILE_MODE "bad-file-mode" Error "unusable mode of a file" {
        meaning "root owns the file and reads it; whoever may write it could change what the host does."
        advice "write a mode such as \"0644\", \"0600\" or \"0755\""
        example "cluster.toml" [r#"mode = "0666""#]
        right [r#"mode = "0644""#]
        met
            "With a mode without its leading zero or in letters, with setuid bits, and with 0666 to be rid of \
             \"permission denied\". Whoever can write a unit or a configuration of root's is root."
    }

    NO_VALIDITY "no-validity" Error "certificates that are never valid" {
        meaning "They end before they begin, or before they are issued."
        advice "correct the dates or durations"
        example "csr/ca-config.json" [r#""expiry": "-8760h""#]
        right [r#""expiry": "8760h""#]
        met
            "With a minus that was meant for `backdate`, or a `not_after` that lies before `not_before`. cfssl signs \
             the first; at the second it ends in a Go panic."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5"]
    }

    VALID_LATER "valid-later" Warning "certificates not valid yet when issued" {
        meaning "Until then every connection fails."
        advice "remove `not_before`, or a negative `backdate`"
        example "csr/ca-config.json" [r#""backdate": "-1h""#]
        right [r#""backdate": "1h""#]
        met
            "With a negative `backdate`, and with a `not_before` that is the day the cluster is to go live: it is \
             installed and tried before that."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5"]
    }

    DATE_OVERFLOW "date-overflow" Error "date beyond the year 9999" {
        meaning "X.509 can't express it (RFC 5280, section 4.1.2.5)."
        advice "shorten the duration"
        example "cluster.toml" [r#"issued = "9995-01-01T00:00:00Z""#]
        right [r#"issued = "2026-01-01T00:00:00Z""#]
        met
            "With a life of thousands of years, for a certificate that \"never\" ends. X.509 has a date for that, \
             99991231235959Z, and none beyond."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5", "https://github.com/cloudflare/cfssl/issues/655"]
    }

    CA_DEFAULT_EXPIRY "ca-default-expiry" Note "certificate authority with cfssl's default life" {
        meaning "Without `ca.expiry` the CA lives five years; it can't be renewed without touching every host."
        advice "set \"ca\": {\"expiry\": \"87600h\"} to choose"
        example "csr/ca-csr.json" [r#""key": { "algo": "rsa", "size": 2048 },"#]
        right [
            r#""key": { "algo": "rsa", "size": 2048 },"#,
            r#""ca": { "expiry": "87600h" },"#,
        ]
        met
            "By setting the life of the CA in ca-config.json, which cfssl does not read for -initca. Several threads \
             ask why the CA has five years."
        see ["https://github.com/cloudflare/cfssl/issues/1034", "https://github.com/cloudflare/cfssl/issues/881"]
    }

    CA_KEY_WEAKER "ca-key-weaker" Warning "certificate authority with a weaker key than a leaf" {
        meaning "A chain is as strong as its weakest key."
        advice "give the CA a key at least as strong; where it has to stay, give what it signs one no stronger, or allow this in [checks]"
        example "csr/kubernetes-csr.json" [r#""size": 4096"#]
        right [r#""size": 2048"#]
        met
            "When the leaves are strengthened and the CA, which is years older, stays. Whoever breaks the CA's key \
             needs none of the others."
        see ["https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final"]
    }

    LEAF_SUBJECT_IS_CA "leaf-subject-is-ca" Warning "leaf with the subject of its authority" {
        meaning "It looks self-signed to those who build chains, and cfssl omits its authority key identifier."
        advice "give it another CN"
        example "csr/service-account-csr.json" [r#""CN": "Kubernetes","#]
        right [r#""CN": "service-accounts","#]
        met
            "By copying ca-csr.json and changing only the file's name. A certificate whose subject is its issuer's \
             looks like a root, and OpenSSL reports a self-signed certificate in a chain where there is none."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1"]
    }

    ED25519_IDENTITY "ed25519-identity" Warning "Ed25519 key in the cluster" {
        meaning
            "Kubernetes' own TLS accepts it, but kubeadm and older clients do not, and cfssl's PEM label for it is not \
             OpenSSL's."
        advice "use ecdsa or rsa"
        example "csr/ca-csr.json" [r#""algo": "ed25519""#]
        right [r#""algo": "ecdsa""#]
        met
            "By choosing the newest algorithm. kubeadm refuses such a CA, and OpenSSL does not read the label under \
             which cfssl writes the key; contour's users and certmagic's met the same."
        see [
            "https://github.com/projectcontour/contour/issues/6713",
            "https://github.com/caddyserver/certmagic/issues/391",
        ]
    }

    ED25519_TOKENS "ed25519-tokens" Error "service account tokens can't be signed with Ed25519" {
        meaning "kube-apiserver and kube-controller-manager sign tokens with RSA or ECDSA keys only."
        advice "use rsa or ecdsa in service-account-csr.json"
        example "csr/service-account-csr.json" [r#""algo": "ed25519","#]
        right [r#""algo": "rsa","#]
        met
            "By using one algorithm for all keys. Tokens are signed with RS256 or an ES algorithm; kube-apiserver does \
             not start with another key."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"]
    }

    ML_DSA_TOKENS "ml-dsa-tokens" Error "service account tokens can't be signed with ML-DSA" {
        meaning
            "kube-apiserver and kube-controller-manager before 1.38 sign tokens with RSA or ECDSA keys only, whichever Go compiled them; from 1.38 \
             on so they do unless their feature gate ServiceAccountTokenMLDSA is on."
        advice "use rsa or ecdsa in service-account-csr.json"
        example "csr/service-account-csr.json" [r#""algo": "mldsa65","#]
        right [r#""algo": "rsa","#]
        met
            "By using one algorithm for all keys. Tokens are JWTs, signed with RS256 or an ES algorithm; kube-apiserver does not start \
             with another key. A token lives for an hour, so that nobody gains by keeping it until there are quantum computers."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"]
    }

    ML_DSA_PROGRAMS "ml-dsa-programs" Error "key that the programs of these releases don't know" {
        meaning
            "ML-DSA (FIPS 204) came to Go's X.509 and TLS with Go 1.27. Programs that an earlier one compiled say \"tls: failed to parse \
             private key\" and stop, and shake no hands with others that have such keys."
        advice
            "take ecdsa; or compile Kubernetes and etcd with Go 1.27 or later, put those programs on every host, and write `go = \"1.27\"` \
             below [cluster]"
        example "csr/ca-csr.json" [r#""algo": "mldsa65""#]
        right [r#""algo": "ecdsa", "size": 384"#]
        met
            "With cfssl 1.7, which makes such keys from a CSR file that says \"mldsa44\", \"mldsa65\" or \"mldsa87\", for programs as they \
             are published. What was compiled with Go 1.27.4 from the same sources starts. docs/post-quantum.md says what else has to \
             know it."
        see ["https://go.dev/doc/go1.27", "https://www.rfc-editor.org/rfc/rfc9881"]
    }

    ML_DSA_COMPILED "ml-dsa-compiled" Note "programs other than those that are published" {
        meaning "The cluster works with programs that you compile, and with no others: not with those of a release, a distribution or a mirror."
        advice
            "compile each release of Kubernetes and etcd yourself; `go version -m /usr/local/bin/kubelet` on a host says which Go it was"
        example "cluster.toml" [r#"go = "1.27.4""#]
        met
            "After an upgrade by someone who takes the programs where they always took them: every component stops at its own key, and \
             the cluster with them. kubectl on an administrator's machine is one of them."
        see ["https://go.dev/doc/go1.27"]
    }

    ML_DSA_CHECKS "ml-dsa-health-checks" Warning "health checks that may take every API server for down" {
        meaning
            "haproxy passes connections on without looking into them, but asks each API server with a handshake of TLS whether it is there. \
             The OpenSSL of Debian 12, Ubuntu 24.04 and RHEL 9 knows no ML-DSA, so none would be: with OpenSSL 3.5, of Debian 13 and RHEL 10, they are."
        advice "look at `haproxy -vv` (\"Running on OpenSSL version\"); before 3.5 take the engine nginx, which makes no such checks, or ecdsa for the API servers"
        example "csr/kubernetes-csr.json" [r#""algo": "mldsa44""#]
        right [r#""algo": "rsa""#]
        met
            "As any client meets it: curl with OpenSSL 3.0 ends with exit code 35 at such a server, and the server says \"peer doesn't support \
             any of the certificate's signature algorithms\"."
        see ["https://docs.openssl.org/3.5/man7/EVP_SIGNATURE-ML-DSA/", "https://docs.haproxy.org/3.0/configuration.html#5.2-check-ssl"]
    }

    ML_DSA_PODS "ml-dsa-pods" Warning "pods that may not be able to call the API" {
        meaning
            "Whatever calls the API over TLS has to know the algorithm of the API servers' key and of its authority's: CoreDNS, the CNI's own \
             agents, metrics-server, every operator, in whichever language they are written. Images that are published were compiled with \
             an earlier Go."
        advice
            "build these images with Go 1.27 or later as well, or take those that are, as of CoreDNS 1.15.0; or take ecdsa for the API servers \
             and for the authority `ca`"
        example "csr/ca-csr.json" [r#""algo": "mldsa65""#]
        right [r#""algo": "ecdsa", "size": 384"#]
        met
            "After the control plane is up and every node is Ready: names don't resolve, since CoreDNS waits for an API that it can't call, \
             \"x509: certificate signed by unknown authority\" or \"tls: handshake failure\" in its log."
        see ["https://go.dev/doc/go1.27", "https://www.rfc-editor.org/rfc/rfc9881"]
    }
}
