//! The table of codes: name | severity | title | what it means | what to do.
//!
//! A code is stable: scripts and `[checks] allow` name it. `docs/diagnostics.md` is made from this table.
use super::Severity;

/// A row: a kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Kebab-case.
    pub name: &'static str,
    pub severity: Severity,
    pub title: &'static str,
    pub meaning: &'static str,
    /// What to do; the hint of a diagnostic that has no better one.
    pub advice: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal $severity:ident $title:literal $meaning:literal $advice:literal)*) => {
        $(
            #[doc = $title]
            pub const $constant: &Code =
                &Code { name: $name, severity: Severity::$severity, title: $title, meaning: $meaning, advice: $advice };
        )*
        /// Every row, in the order of the table.
        pub const CODES: &[&Code] = &[$($constant),*];
    };
}

impl Code {
    /// The row of that name, or none.
    pub fn by_name(name: &str) -> Option<&'static Code> {
        CODES.iter().find(|code| code.name == name).copied()
    }
}

pub(super) use codes;

/// The table as the page `docs/diagnostics.md`.
pub fn page() -> String {
    page_of(
        "# Diagnostics\n\n\
         Every finding has a code. An error stops the build; warnings and notes do not, and `[checks] allow = [\"code\"]` in\n\
         cluster.toml silences them. This page is made from `src/diagnostic/codes.rs`: edit that, not this.\n",
        CODES,
    )
}

/// A table of codes as a page, below an introduction.
pub(super) fn page_of(introduction: &str, codes: &[&Code]) -> String {
    let mut page = introduction.to_owned();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut rows: Vec<_> = codes.iter().filter(|code| code.severity == severity).collect();
        if rows.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {}s\n", capitalised(severity.name())));
        rows.sort_by_key(|code| code.name);
        for code in rows {
            page.push_str(&format!(
                "\n### {}\n\n{}.\n\n{}\n\n**What to do:** {}.\n",
                code.name,
                capitalised(code.title),
                code.meaning,
                capitalised(code.advice)
            ));
        }
    }
    page
}

impl Code {
    /// What the code means and what to do, as a terminal shows it.
    pub fn explanation(&self) -> String {
        format!(
            "{}: {}\n\n{}.\n\n{}\n\nWhat to do: {}.",
            self.severity.name(),
            self.name,
            capitalised(self.title),
            self.meaning,
            self.advice
        )
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[rustfmt::skip]
codes! {
    UNREADABLE "unreadable-input" Error "file that can't be read" "A file of the specification is missing, is too large, or is not UTF-8." "see that the path is right and that the file is text"
    TOML_SYNTAX "toml-syntax" Error "not valid TOML" "The text does not follow the TOML grammar, or names a key twice." "correct the syntax at this place (https://toml.io)"
    JSON_SYNTAX "json-syntax" Error "not valid JSON" "The text does not follow the JSON grammar (RFC 8259). cfssl refuses the file too." "correct the syntax at this place"
    TOO_DEEP "too-deep" Error "nested too deeply" "No input has a use for so many levels." "flatten the structure"
    UNKNOWN_FIELD "unknown-field" Error "unknown field" "Nothing reads a field of this name. cfssl would ignore it silently, so that a misspelt `expiry` leaves the default in force." "remove it, or correct its spelling"
    DUPLICATE_FIELD "duplicate-field" Warning "field given more than once" "As in cfssl the last one wins." "keep one of them"
    MIXED_LISTS "mixed-lists" Error "list of tables given more than once" "cfssl fills the entries of the second list into those of the first, so that a value of the first may survive in the second." "keep one of them"
    FIELD_CASE "field-case" Warning "field in another case" "cfssl reads field names without regard to case, and so does khw-gen; other readers of the file may not." "write it as documented"
    IGNORED_FIELD "ignored-field" Warning "field without effect" "The field is known, but nothing that is generated depends on it." "remove it"
    UNSUPPORTED_FIELD "unsupported-field" Error "field that can't be honoured" "cfssl would act on the field; an offline compiler can't, and ignoring it would issue what the file forbids." "remove it"
    WRONG_TYPE "wrong-type" Error "value of the wrong type" "The field takes a value of another type." "write a value of the type that is expected"
    MISSING_FIELD "missing-field" Error "missing value" "The field has no default." "add it"
    CONTROL_CHARACTER "control-character" Error "control character in a value" "The value would break the line of a unit, a YAML file or a certificate's subject." "remove the control character"
    OUT_OF_RANGE "out-of-range" Error "number out of range" "The number has a valid form, but no meaning here." "write a number within the range"

    BAD_CLUSTER_NAME "bad-cluster-name" Error "unusable cluster name" "The name stands in kubeconfig files and, with the seed, every key is derived from it." "use 1 to 63 of the characters a-z, A-Z, 0-9, `-`, `.` and `_`, beginning and ending with a letter or digit"
    BAD_DOMAIN "bad-domain" Error "unusable cluster domain" "The domain stands in certificates, in the kubelet's configuration and in every pod's resolv.conf." "write a DNS name in lower case without a trailing dot, such as `cluster.local`"
    UNKNOWN_RELEASE "unknown-release" Error "unknown Kubernetes release" "No values are known for this release: flags and API versions could only be guessed." "name a release that is known"
    LATER_RELEASE "later-release" Warning "release later than those known" "What has changed since the last release that is known can't be taken into account." "look for a later khw-gen, or read the release's notes for flags that it removes"
    OLD_ETCD "old-etcd" Warning "etcd older than the release supports" "The API server is not tested with it, and may ask for what it does not have." "raise `etcd`, or leave it out"
    UNKNOWN_CHOICE "unknown-choice" Error "value that is none of those possible" "The field takes one of a few values." "write one of the values that the message or the documentation names"
    NOT_IN_RELEASE "not-in-release" Error "not possible in this release" "The release that `kubernetes` names does not have what is asked for." "choose another value, or another release"
    DISCOURAGED_PROXY_MODE "discouraged-proxy-mode" Warning "kube-proxy mode that is going away" "Kubernetes announced the end of the mode." "leave `proxy_mode` out, or set it to nftables where the hosts' kernel is 5.13 or later"
    NO_POD_NETWORK "no-pod-network" Note "pods get no network" "Beyond 256 workers, a route from each to each is nobody's wish: nodes become Ready with a network plugin of your own." "set `cni` in [network] to \"none\", or to \"bridge\" if the routes are wanted all the same"
    BAD_ENDPOINT "bad-endpoint" Error "unusable endpoint" "Nodes and administrators reach the API server here." "write HOST, HOST:PORT, ADDRESS:PORT or [IPv6]:PORT"
    BAD_RANGE "bad-range" Error "not an address range" "A range is an address, a slash and a prefix length." "write it as 10.32.0.0/24"
    HOST_BITS "host-bits" Error "address range with host bits set" "The address has bits beyond the prefix length, so the range begins elsewhere than written." "write the first address of the range"
    SERVICES_SIZE "services-size" Error "services range too small or too large" "The range must hold the API server's address, the DNS address and services; kube-apiserver refuses a range of more than 20 bits." "choose a prefix length between /12 and /28 (IPv4) or /108 and /124 (IPv6)"
    PODS_SIZE "pods-size" Error "pods range does not fit the workers" "The controller manager gives each worker a /24 (IPv6: a /64, or what fits) of the range, and splits a range into at most 65,536." "choose a larger range"
    OVERLAPPING_RANGES "overlapping-ranges" Error "address ranges overlap" "An address that belongs to two of services, pods and hosts is routed to one of them only." "choose ranges that have no address in common"
    DNS_ADDRESS "dns-address" Error "unusable DNS address" "The cluster DNS is a service: its address lies in the services range, and the first address is the API server's." "choose another address of the services range"
    BAD_ADDRESS "bad-address" Error "unusable address" "Other hosts must be able to reach the address." "write an IPv4 or IPv6 address of the host, without a prefix length or port"
    MIXED_FAMILIES "mixed-families" Error "IPv4 and IPv6 mixed" "A cluster has the families of its services ranges, one or both, and the first of them comes first everywhere." "write all addresses and ranges in the family of the services range"
    ONE_PER_FAMILY "one-per-family" Error "not one address of each family" "Where a list of two is possible it has one entry for IPv4 and one for IPv6." "keep one of each family; further addresses of a host go into `addresses`"
    HALF_DUAL_STACK "half-dual-stack" Error "dual stack for one of services and pods alone" "Kubernetes gives both families to services and pods alike, or to neither." "give both a range of each family, or both a range of one family"
    MISSING_FAMILY "missing-family" Error "host without an address of one family" "In a dual-stack cluster control planes and workers have an address of each family." "write both: ip = [\"10.0.0.11\", \"fd00::11\"], in the order of the services ranges"
    BAD_PATH "bad-path" Error "unusable path" "A path names a file or folder beside cluster.toml." "write a path that is not empty"
    BAD_ISSUED "bad-issued" Error "unusable time of issue" "The time takes the place of the clock, so the same input gives the same certificates at any time." "write a time such as 2026-01-01T00:00:00Z (RFC 3339, whole seconds, years 1950 to 9999)"
    UNKNOWN_PROVIDER "unknown-provider" Error "unknown encryption provider" "Kubernetes encrypts secrets at rest with this provider." "name one that takes a 32-byte key"
    WEAK_PROVIDER "weak-encryption-provider" Note "encryption provider with a known weakness" "Kubernetes' documentation advises against aescbc (padding oracle attacks) and against aesgcm without automatic rotation (nonce reuse)." "use secretbox"
    UNKNOWN_CODE "unknown-code" Error "unknown diagnostic code" "`[checks] allow` names codes of warnings and notes." "see docs/diagnostics.md for the codes"
    NOT_SILENCEABLE "not-silenceable" Error "errors can't be silenced" "`[checks] allow` silences warnings and notes only." "remove it from the list and correct what it reports"
    BAD_PORT "bad-port" Error "unusable port" "A port is a number from 1 to 65535." "write a number from 1 to 65535"

    NO_HOSTS "no-hosts" Error "no hosts" "A cluster needs machines." "add a [[hosts]] table with name, ip and roles for each machine"
    BAD_HOST_NAME "bad-host-name" Error "unusable host name" "The name becomes a folder, a DNS name in certificates and the node's name." "use an RFC 1123 name in lower case: labels of a-z, 0-9 and `-`, joined by dots, 63 characters at most"
    RESERVED_HOST_NAME "reserved-host-name" Error "host name that collides" "The files of a worker's certificate are named after it, and would replace files of the same name." "choose another name for the host"
    DUPLICATE_NAME "duplicate-name" Error "host name given twice" "Names tell hosts apart." "give each host its own name; a name that several share goes into `names` of [cluster] or into `hosts` of a CSR file"
    DUPLICATE_ADDRESS "duplicate-address" Error "address given twice" "Two hosts can't have one address." "give each host its own address"
    BAD_LABEL "bad-label" Error "unusable label" "A label is [PREFIX/]NAME: the name and the value have 1 to 63 (a value also no) of the characters A-Z, a-z, 0-9, `-`, `_` and `.`, a letter or digit at both ends; the prefix is a DNS name." "write labels = { \"topology.kubernetes.io/zone\" = \"a\" }"
    REFUSED_LABEL "refused-label" Error "label that a kubelet may not set" "A kubelet refuses to start with a label in Kubernetes' own namespaces, but for a few, and NodeRestriction keeps node-restriction.kubernetes.io from it." "leave it out, and set it when the node is there: `kubectl label node NODE KEY=VALUE`"
    BAD_TAINT "bad-taint" Error "unusable taint" "A taint is KEY=VALUE:EFFECT or KEY:EFFECT, with the key and value of a label and the effect NoSchedule, PreferNoSchedule or NoExecute, and a node has one of each key and effect." "write it as \"dedicated=gpu:NoSchedule\""
    NODE_PODS "node-pods" Error "unusable part of the pods range" "A worker's part of the pods range is a block of the size that every node has, and its own." "write a block of the pods range that no other worker has, or leave it out"
    UNKNOWN_ROLE "unknown-role" Error "unknown role" "A role says what a host runs." "use control-plane, etcd, worker, load-balancer or admin"
    NO_ROLE "no-role" Error "host without a role" "Nothing would be generated for it." "give it at least one of control-plane, etcd, worker, load-balancer and admin"
    DUPLICATE_ROLE "duplicate-role" Error "role given twice" "The second mention has no effect, so another role was probably meant." "remove it, or write the role that was meant"
    NO_CONTROL_PLANE "no-control-plane" Error "no control plane" "Nothing would run the API server." "give at least one host the role control-plane"
    NO_ETCD "no-etcd" Error "no etcd" "The API server has nowhere to keep its state." "give at least one host (best three) the role etcd"
    EVEN_ETCD "even-etcd" Warning "even number of etcd members" "A majority of an even number tolerates no more failures than one member fewer would." "use 1, 3 or 5 members"
    NO_WORKER "no-worker" Warning "no worker" "Nothing would run pods." "give at least one host the role worker"
    NO_ENDPOINT "no-endpoint" Error "several control planes without an endpoint" "Nodes need one address that reaches whichever API server is up." "give a host the role load-balancer, or set `endpoint` in [cluster]"
    SEVERAL_LOAD_BALANCERS "several-load-balancers" Warning "several load balancers without an endpoint" "Nodes and administrators use the first one; the others stand idle." "set `virtual_ip` in [load_balancer] to an address that moves between them, or `endpoint` in [cluster] to a name or address that they share"
    PORT_CONFLICT "port-conflict" Error "port already in use on the host" "The load balancer listens on a port that something else on the same host uses." "set another `port` in [load_balancer], or move the load balancer to another host"

    UNKNOWN_ENGINE "unknown-load-balancer" Error "unknown load balancer" "A load balancer passes TCP connections on to the API servers." "use nginx or haproxy"
    BAD_INTERFACE "bad-interface" Error "unusable network interface" "The virtual address is carried by this interface." "write its name, at most 15 of a-z, A-Z, 0-9, `-`, `_` and `.`, such as eth0"

    EMPTY_CSR_FOLDER "empty-csr-folder" Error "CSR folder with nothing in it" "The folder that `csr` names is missing or holds no JSON, and the built-in files would take the place of what was meant." "correct the path, or leave `csr` out to use the built-in files"
    BUILT_IN_CSR "built-in-csr" Note "built-in CSR or configuration" "The CSR folder lacks the file, so the walk-through's own is used." "put the file in the folder to choose its content"
    UNUSED_CSR "unused-csr" Warning "JSON file that nothing reads" "The folder holds a file of a name that no certificate is made from." "remove it, or correct its name"
    BAD_KEY "bad-key" Error "unusable key parameters" "cfssl offers rsa (2048 to 8192 bits; here in steps of 16), ecdsa (256, 384, 521) and ed25519, in lower case; an algorithm without a size keeps the default size 256." "write {\"algo\": \"rsa\", \"size\": 2048} or {\"algo\": \"ecdsa\", \"size\": 256}"
    BAD_DURATION "bad-duration" Error "unusable duration" "Durations are Go's: numbers with the units h, m, s, ms, us, ns; there are no days or years." "write hours, such as 8760h for a year"
    BAD_TIME "bad-time" Error "unusable point in time" "A fixed date is an RFC 3339 time." "write a time such as 2026-01-01T00:00:00Z"
    BAD_OID "bad-oid" Error "unusable object identifier" "An object identifier is two or more numbers joined by dots; the first is 0, 1 or 2 and below 2 the second is at most 39." "write an identifier such as 1.2.3.4"
    BAD_BASE64 "bad-base64" Error "not base64" "The value of an extension is its DER in base64." "write standard base64 with padding"
    BAD_QUALIFIER "bad-qualifier" Error "unknown policy qualifier" "cfssl knows id-qt-cps and id-qt-unotice." "use id-qt-cps or id-qt-unotice"
    BAD_URL "bad-url" Error "unusable URL" "The URL stands in the certificate as an ASCII string." "write an absolute URL in ASCII"
    CA_SECTION "ca-section" Error "`ca` in the CSR of a leaf" "cfssl permits the section with -initca only." "remove the section; a leaf's life comes from the profile's `expiry`"
    EMPTY_SUBJECT "empty-subject" Error "certificate authority without a subject" "cfssl asks for a CN or a name; without one nothing can name its issuer." "set CN, such as \"Kubernetes\""
    UNKNOWN_PROFILE "unknown-profile" Error "unknown profile" "cfssl would silently use the default profile." "name a profile of ca-config.json"
    NO_PROFILES "no-signing" Error "no `signing` section" "cfssl refuses a configuration without one." "add {\"signing\": {\"profiles\": {...}}}"
    UNKNOWN_USAGE "unknown-usage" Error "unknown usage" "cfssl would silently drop it." "use a usage that cfssl knows"
    NO_USAGES "no-usages" Error "profile without usages" "cfssl refuses to load a profile without a known usage." "add \"usages\", such as [\"signing\", \"key encipherment\", \"server auth\", \"client auth\"]"
    PROFILE_DOES_NOT_FIT "profile-does-not-fit" Error "profile that Kubernetes can't use" "Certificates of this profile would be refused by those who check them." "change the profile, or choose another"
    REFUSED_FLAG "refused-flag" Error "flag that the release refuses" "The component would not start." "remove the flag, or choose another release"
    UNKNOWN_FLAG "unknown-flag" Warning "flag that no release has" "A component does not start with a flag that it does not know. The table of flags comes from the components' own source, up to the last release that is known." "correct the flag's name"
    UNKNOWN_GATE "unknown-gate" Warning "feature gate that the release does not have" "A component does not start with a feature gate that it does not know. A few that the controller manager alone knows are missing from the table." "correct the gate's name, or remove it"
    UNKNOWN_SETTING "unknown-setting" Warning "setting without effect" "The component's configuration of this release has no such field: kubelets and kube-proxies ignore it with a line in their log, a scheduler refuses to start." "correct the field's name, or remove it"
    BROAD_PROFILE "broad-profile" Note "certificates with more rights than they need" "In the split layout each certificate is for one purpose; the profiles `server`, `client` and `peer` of ca-config.json say so, and where one is missing the profile of `[pki]` signs, which permits more." "add the profile to ca-config.json, or name another in [pki.profiles]"
    AUTHORITIES_ALIKE "authorities-alike" Error "authorities of one name" "Whoever builds a chain finds an issuer by its name, and would take one authority for the other." "give each authority a CN of its own"
    KEY_ENCIPHERMENT "key-encipherment" Note "key encipherment for a key that can't encipher" "Only RSA keys encipher; cfssl sets the bit all the same, and so does khw-gen. Nothing known refuses it." "leave it, or remove \"key encipherment\" from the usages"
    WRONG_SUBJECT "wrong-subject" Error "subject that Kubernetes does not accept" "Kubernetes takes the user from CN and the groups from O; under another subject the component has no rights." "write the subject that is expected"
    NO_PLACEHOLDER "no-placeholder" Error "node CSR without the host's placeholder" "Each worker has its own name in its certificate: WORKER_HOST stands where it goes." "write \"CN\": \"system:node:WORKER_HOST\""
    EXTRA_MASTERS "extra-masters" Warning "full rights for a component" "Members of system:masters bypass every authorization check, and can't be revoked but by a new CA." "remove system:masters from the names"
    BAD_NAME_ENTRY "bad-host-entry" Error "host entry that is neither name nor address" "cfssl turns anything that is no address, e-mail or URI into a DNS name, unchecked; no client would ever match it." "write a DNS name or an IP address"
    REFUSED_REQUEST "refused-request" Error "request that cfssl refuses" "The file can be read, but what it asks for can't be put into a certificate." "correct what the message names"
    BAD_EXTENSION "bad-extension" Error "extension that spoils the certificate" "`copy_extensions` puts the extensions of a CSR into its certificate as they are, in place of the names and usages that it needs." "remove the extension; names go into `hosts`, usages into the profile"
    LEAF_OUTLIVES_CA "leaf-outlives-ca" Error "certificates outlive their authority" "When the CA expires they stop working, whatever their own date says; cfssl would sign them all the same." "shorten the profile's `expiry`, or lengthen `ca.expiry`"
    LEAF_PREDATES_CA "leaf-predates-ca" Warning "certificates begin before their authority" "Until the CA's first moment they can't be verified." "give both the same `backdate`"
    CA_EXPIRED "ca-expired" Error "certificate authority expired when issued" "Nothing that it signs would ever be accepted." "lengthen `ca.expiry`"
    BAD_CA "bad-ca" Error "unusable certificate of an authority" "`[pki.ca] cert` names a PEM file with the one certificate of the authority that signs." "name a PEM file with one X.509 certificate"
    NOT_A_CA "not-a-ca" Error "certificate that may not sign others" "Whoever verifies a certificate refuses an issuer whose own certificate does not say that it may sign certificates." "use a certificate with CA:TRUE and the usage \"cert sign\""
    BAD_CA_KEY "bad-ca-key" Error "unusable key of an authority" "`[pki.ca] key` names a PEM file with the private key that signs, not encrypted." "name a PEM file with one private key: PKCS#1, SEC1 or PKCS#8"
    CA_KEY_MISMATCH "ca-key-mismatch" Error "key that is not the certificate's" "What the key signs could not be verified with the certificate." "name the key that the certificate was made for"
    CA_NAME_CONSTRAINTS "ca-name-constraints" Warning "authority that limits names" "Whoever verifies a certificate refuses one with a name outside the limits, such as `kubernetes.default` or an address." "see that the limits permit every name and address of the cluster"
    UNKNOWN_CERTIFICATE "unknown-certificate" Error "unknown certificate" "No certificate has this name: neither one of the cluster's own nor one of `[[certificates]]`." "name a certificate that there is"
    BAD_CERTIFICATE_NAME "bad-certificate-name" Error "unusable certificate name" "The name becomes the names of files, and the certificate's key is derived from it." "use an RFC 1123 label: a-z, 0-9 and `-`, beginning and ending with a letter or digit, 63 characters at most"
    RESERVED_CERTIFICATE_NAME "reserved-certificate-name" Error "certificate name that collides" "The files of a certificate are named after it, and would replace files of the same name." "choose another name for the certificate"
    MISSING_CSR "missing-csr" Error "missing CSR file" "A certificate of your own is made from a CSR file of your own: nothing is built in for it." "put the file in the CSR folder"
    SIGNING_CYCLE "signing-cycle" Error "certificates that sign each other" "A chain of signatures ends at the authority of the cluster." "let one of them be signed by `ca`"
    PATH_TOO_LONG "path-too-long" Error "authority that its issuer's path length does not allow" "Whoever verifies a certificate refuses a chain with more authorities than the path length of one above permits." "raise the path length, or sign with an authority further up"
    UNKNOWN_HOST "unknown-host" Error "unknown host or role" "`on` is a role or the name of a host." "name a host, or a role"
    EMPTY_PLACE "empty-place" Error "place without a file" "Nothing would be put there." "give `certificate`, `key` or `request` a path, or remove the place"
    UNUSED_PLACE "unused-place" Warning "place that no host has" "No host has the role, so that nothing is put anywhere." "remove the place, or give a host the role"
    BAD_PLACE_PATH "bad-place-path" Error "unusable path on a host" "The path is written on hosts by tools that must all read it the same way." "write an absolute path of printable ASCII without spaces, quotes, `.`, `..` or `//`"
    BAD_MODE "bad-mode" Error "unusable mode of a key" "A key is for its owner, and perhaps for its group." "write \"0600\", \"0640\", \"0400\" or \"0440\""
    PLACE_TAKEN "place-taken" Error "place that is taken" "Two files can't have one path on a host, and none can be where a folder must be." "choose another path"
    UNKNOWN_COMPONENT "unknown-component" Error "unknown component" "`[components]` names programs that khw-gen configures." "name a component that there is"
    BAD_FLAG "bad-flag" Error "unusable flag" "A flag is named as the program's reference has it, without its dashes; its value is a string, a number, true, false or a list of them." "write the name in lower case, with hyphens"
    BAD_VARIABLE "bad-variable" Error "unusable name of an environment variable" "systemd ignores a variable of another name." "write letters, digits and `_`, a digit not first"
    MISSING_PART "missing-part" Error "component without what is set" "khw-gen writes flags where it writes the unit, and settings where it writes the configuration file." "set it another way"
    CONFLICTING_OVERRIDES "conflicting-overrides" Error "set differently for two roles of one host" "What is set for a host alone counts more than what is set for its roles, but no role counts more than another." "set it the same for both, or for the host alone"
    UNUSED_OVERRIDE "unused-override" Warning "component's setting without effect" "Nothing that is generated depends on it." "remove it, or correct what it is for"
    UNUSED_RUNTIME_VERSION "unused-runtime-version" Warning "containerd's version without effect" "Docker brings its own containerd, which khw-gen does not configure." "remove `version`, or set `engine` to \"containerd\""
    WEAKENED_SAFEGUARD "weakened-safeguard" Warning "safeguard taken away" "Without it the cluster still works, but protects less." "leave it as khw-gen sets it"
    PERMISSIVE_DEFAULT "permissive-default" Note "permissive default written down" "The program does so anyway; written down, it looks wanted." "write false to be stricter, or remove it"
    OVERRIDDEN_WIRING "overridden-wiring" Warning "value replaced that others depend on" "khw-gen made other files to fit the value that it would have written." "leave it as khw-gen sets it, or see that the others fit"
    BAD_TEMPLATE "bad-template" Error "template that can't be rendered" "A template of your own is written in the language of Jinja, as MiniJinja has it, and sees the variables of its host." "correct the template at this place (https://docs.rs/minijinja/latest/minijinja/syntax/)"
    UNDEFINED_VARIABLE "undefined-variable" Error "unknown variable in a template" "Nothing would be written where it stands." "see docs/variables.md, or what `khw-gen facts` shows"
    SEVERAL_CONTENTS "several-contents" Error "file with two contents" "A file holds what its template renders to, or what `content` says." "remove one of them"
    BAD_FILE_MODE "bad-file-mode" Error "unusable mode of a file" "root owns the file and reads it; whoever may write it could change what the host does." "write a mode such as \"0644\", \"0600\" or \"0755\""
    NO_VALIDITY "no-validity" Error "certificates that are never valid" "They end before they begin, or before they are issued." "correct the dates or durations"
    VALID_LATER "valid-later" Warning "certificates not valid yet when issued" "Until then every connection fails." "remove `not_before`, or a negative `backdate`"
    DATE_OVERFLOW "date-overflow" Error "date beyond the year 9999" "X.509 can't express it (RFC 5280, section 4.1.2.5)." "shorten the duration"
    CA_DEFAULT_EXPIRY "ca-default-expiry" Note "certificate authority with cfssl's default life" "Without `ca.expiry` the CA lives five years; it can't be renewed without touching every host." "set \"ca\": {\"expiry\": \"87600h\"} to choose"
    CA_KEY_WEAKER "ca-key-weaker" Warning "certificate authority with a weaker key than a leaf" "A chain is as strong as its weakest key." "give the CA a key at least as strong"
    LEAF_SUBJECT_IS_CA "leaf-subject-is-ca" Warning "leaf with the subject of its authority" "It looks self-signed to those who build chains, and cfssl omits its authority key identifier." "give it another CN"
    ED25519_IDENTITY "ed25519-identity" Warning "Ed25519 key in the cluster" "Kubernetes' own TLS accepts it, but kubeadm and older clients do not, and cfssl's PEM label for it is not OpenSSL's." "use ecdsa or rsa"
    ED25519_TOKENS "ed25519-tokens" Error "service account tokens can't be signed with Ed25519" "kube-apiserver and kube-controller-manager sign tokens with RSA or ECDSA keys only." "use rsa or ecdsa in service-account-csr.json"
}
