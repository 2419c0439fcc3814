//! The table of what `verify` finds: name | severity | title | what it means | what to do.
//!
//! A code is stable: scripts name it. `docs/findings.md` is made from this table.
use super::Severity;
use super::codes::{Code, codes, page_of};

/// The table as the page `docs/findings.md`.
pub fn page() -> String {
    page_of(
        "# Findings\n\n\
         What `khw-gen verify` finds in a bundle has a code. An error makes it exit with 1; a warning does not. This page is\n\
         made from `src/diagnostic/verify_codes.rs`: edit that, not this.\n",
        CODES,
    )
}

#[rustfmt::skip]
codes! {
    UNSAFE_ENTRY "unsafe-entry" Error "entry that is no plain file or folder" "A bundle holds files and folders below its top. A link, a device, a path that leads elsewhere or that comes twice means different things to different tools." "remove it, and find out who put it there"
    ARCHIVE_LIMIT "archive-limit" Error "archive larger than any bundle" "Reading stopped at the limit." "don't unpack it before you know why"
    DAMAGED_ARCHIVE "damaged-archive" Error "archive that can't be read to its end" "It was cut off, changed, or is no archive." "copy it again, and compare its checksum"
    BAD_SYNTAX "bad-syntax" Error "file that does not parse" "The program that reads the file refuses it." "correct it, or build it again"
    BAD_PEM "bad-pem" Error "PEM file without what it should hold" "A certificate, key or request in the file can't be read, or is missing." "issue it again"
    BAD_MANIFEST "bad-manifest" Error "manifest or checksums that can't be used" "Without them nobody can tell what belongs to the bundle." "build the bundle again"
    MANIFEST_DIFFERS "manifest-differs" Error "not what the manifest lists" "Something was added, removed or given another mode since the manifest was made." "build the bundle again, or find out who changed it"
    CHECKSUM_MISMATCH "checksum-mismatch" Error "content that was changed" "The file is not what the checksum was made over." "build the bundle again, or find out who changed it"
    ARCHIVE_DIFFERS "archive-differs" Error "archive that is not the folder beside it" "Whoever unpacks the archive gets something else than what the folder shows." "build the bundle again"
    ARCHIVE_OWNER "archive-owner" Error "entry of an archive that is not root's" "Unpacked by root, the file would belong to an unprivileged user of the same number." "pack it with owner and group 0"
    SECRET_EXPOSED "secret-exposed" Error "secret that others can read" "Whoever may read the file has the key in it." "chmod 600 it; if others could get at it, replace the key"
    SECRET_FOR_GROUP "secret-for-group" Warning "secret that a group can read" "Everybody in the group has the key in it." "chmod 600 it, unless the group is meant"
    WRITABLE_BY_OTHERS "writable-by-others" Error "file that others can change" "Whoever may write what a program of root reads decides what it does." "chmod go-w it"
    UNREADABLE_MODE "unreadable-mode" Error "file that its owner can't read" "The program that needs it may not run as root." "chmod u+r it"
    CERTIFICATE_EXPIRED "certificate-expired" Error "expired certificate" "Everybody refuses it." "issue it again"
    CERTIFICATE_NOT_YET_VALID "certificate-not-yet-valid" Error "certificate that is not valid yet" "Until then everybody refuses it." "wait, or issue it with an earlier beginning; look at the clock"
    BROKEN_DIGEST "broken-digest" Error "certificate signed over SHA-1 or MD5" "Go refuses such signatures, and so does every Kubernetes component." "issue it again with SHA-256"
    WEAK_KEY "weak-key" Error "key that is too short" "RSA below 2048 bits can be broken." "issue it again with a longer key"
    NOT_AN_AUTHORITY "not-an-authority" Error "certificate that may not sign others" "Whoever verifies a chain refuses an issuer that does not say that it is an authority." "trust, and sign with, a certificate that is an authority"
    LEAF_OUTLIVES_AUTHORITY "leaf-outlives-authority" Error "certificate that ends after its issuer" "From the end of the issuer on it is refused, whatever its own date says." "issue it for a shorter time, or renew the authority first"
    UNKNOWN_ISSUER "unknown-issuer" Warning "certificate whose issuer is not here" "The chain could not be verified." "verify the whole output, or add the authority's certificate"
    UNTRUSTED_CERTIFICATE "untrusted-certificate" Error "certificate that its other side refuses" "No chain leads from the certificate to an authority that the other side trusts." "issue it by the authority that the other side trusts, or give that the right authority"
    MISSING_SERVER_AUTH "missing-server-auth" Error "server certificate that may not be one" "Clients refuse a certificate whose extended key usage lacks server auth." "issue it with a profile that has `server auth`"
    MISSING_CLIENT_AUTH "missing-client-auth" Error "client certificate that may not be one" "Servers refuse a certificate whose extended key usage lacks client auth." "issue it with a profile that has `client auth`"
    KEY_MISMATCH "key-mismatch" Error "key that does not fit its certificate" "The program does not start, or the handshake fails." "put the key and the certificate there that were made together"
    SHARED_KEY "shared-key" Error "one key for several purposes" "Whoever has the key for one purpose has the other as well." "make a key for each"
    AUTHORITY_KEY_MISPLACED "authority-key-misplaced" Warning "key of an authority where nothing needs it" "Whoever takes over this host can issue any certificate." "remove it from this host"
    FOREIGN_KEY "foreign-key" Error "key of another node" "Whoever takes over this node is the other one too: a glob has copied too much." "remove it; if others could get at it, replace the key"
    BAD_SAN "bad-san" Error "name in a certificate that nothing asks for" "Ranges, ports, addresses as DNS names and misspelt names of services match no request." "issue it with names and addresses alone"
    SERVICE_NAME_MISSING "service-name-missing" Error "API server certificate without a name of its service" "Pods call the API server by these names, and refuse the certificate." "issue it with kubernetes, kubernetes.default, kubernetes.default.svc and kubernetes.default.svc.DOMAIN"
    SERVICE_ADDRESS_MISSING "service-address-missing" Error "API server certificate without the address of its service" "Pods are told the first address of the range of services, and refuse the certificate." "issue it with that address"
    ADDRESS_NOT_COVERED "address-not-covered" Error "address that the certificate there does not hold" "Whoever calls the address refuses the certificate that answers." "issue the certificate with the address, or call another"
    NOBODY_ANSWERS "nobody-answers" Error "address at which nothing listens" "No host of the bundle serves what is called there." "correct the address"
    WRONG_PORT "wrong-port" Error "port at which nothing listens" "Neither an API server nor a load balancer of the bundle listens there." "correct the port"
    NOT_BALANCED "not-balanced" Warning "API server that the load balancer leaves out" "It is never asked, and does not help when the others fail." "add it to the load balancer"
    LISTED_TWICE "listed-twice" Warning "address that is listed twice" "Nobody is asked more often for it, and another one is probably missing." "put the missing address in its place"
    BAD_ADDRESS "unusable-address" Error "address that can't be used" "It is no URL, address or range, or is advertised where nothing listens." "correct it"
    WRONG_IDENTITY "wrong-identity" Error "certificate of another user than its program needs" "Roles are bound to fixed names: another user may do nothing." "issue it with the common name and organisation that the component needs"
    RBAC_SUBJECT "rbac-subject" Error "binding that does not name who needs it" "The user of the certificate has no rights." "bind the common name or an organisation of the certificate"
    SYSTEM_MASTERS "system-masters" Warning "certificate of system:masters" "It may do everything until it expires; no binding can be removed to stop it." "keep one for emergencies, and bind a group of your own for the rest"
    BAD_KUBECONFIG "bad-kubeconfig" Error "kubeconfig that leads nowhere" "Its context, cluster, user, certificate or key is missing or can't be read." "make it again with kubectl config"
    INSECURE_KUBECONFIG "insecure-kubeconfig" Error "kubeconfig that trusts any server" "Whoever answers gets the client's credentials accepted as talk with the API server." "use https, and embed the authority"
    MISSING_FILE "missing-file" Error "file that is named and not there" "The program does not start, or starts without it." "add the file, or correct the path"
    MISSING_SETTING "missing-setting" Error "setting that is needed" "Without it the program does not start, or lacks a safeguard." "set it"
    OPEN_DOOR "open-door" Error "door that lets everybody in" "Requests are neither authenticated nor authorised, or go over the wire in the clear." "close it"
    NO_EFFECT "no-effect" Warning "setting that does nothing" "It looks like a safeguard or a limit, and nothing happens by it." "remove it, or set what it needs"
    NODE_WITHOUT_NETWORK "node-without-network" Warning "node without a network for its pods" "Until a network plugin has its configuration in /etc/cni/net.d, the node is not Ready." "put a configuration there, or install a plugin that does"
    SETTINGS_DISAGREE "settings-disagree" Error "setting that differs between hosts" "Requests fare differently, depending on which instance answers." "make it the same everywhere"
    SERVICE_RANGE_DISAGREES "service-range-disagrees" Error "ranges of services that differ" "An API server and a controller manager with different ranges undo each other's work." "make them the same everywhere"
    POD_RANGE_DISAGREES "pod-range-disagrees" Error "ranges of pods that differ" "Packets of pods are taken for those of strangers, or the reverse." "make them the same everywhere"
    DNS_DISAGREES "dns-disagrees" Error "cluster DNS that differs" "Pods ask an address at which the cluster's DNS is not, or for a domain that it does not serve." "make address and domain the same everywhere, the address in the range of services"
    SERVICE_ACCOUNT_KEYS_DISAGREE "service-account-keys-disagree" Error "keys of service accounts that don't fit" "Tokens signed by one host are refused by another." "use one pair of keys on all control planes"
    ENCRYPTION_DISAGREES "encryption-disagrees" Error "encryption configurations that differ" "What one API server writes another can't read." "use one file on all control planes"
    BAD_ENCRYPTION "bad-encryption" Error "encryption configuration that can't be used" "The API server does not start, or encrypts nothing." "give each provider a key of 32 bytes in strict base64: head -c 32 /dev/urandom | base64"
    IDENTITY_FIRST "identity-first" Error "encryption that does not encrypt" "The first provider is what is written with, and identity writes in the clear." "put identity last"
    PUBLISHED_SECRET "published-secret" Error "key that everybody can read elsewhere" "It stands in documentation or examples, so it hides nothing." "make one of your own: head -c 32 /dev/urandom | base64"
    WEAK_ENCRYPTION "weak-encryption" Warning "encryption with a known weakness" "Kubernetes' documentation advises against aescbc: a padding oracle can tell what is encrypted." "use secretbox"
    FRONT_PROXY "front-proxy" Error "front proxy that anybody could be" "Headers that name a user are believed of whom the front-proxy authority vouches for." "use an authority of its own, and name the proxy in --requestheader-allowed-names"
    ETCD_DISAGREES "etcd-disagrees" Error "members of etcd that disagree" "The members don't form one cluster." "give all the same initial cluster, and each its own name and URLs in it"
    ETCD_QUORUM "etcd-quorum" Warning "members of etcd that can't lose one" "With two members both have to work: that is less than one alone gives. An even number is never better than one less." "have three members, or five"
}
