//! The table of what `verify` finds: what it means, an example, what to do, and where people meet it.
//!
//! A code is stable: scripts name it. `khw-gen explain` and `docs/findings.md` tell this table. Each example that can be
//! put into a good bundle is put there by `tests/verify.rs`, and found.
use super::code::{Code, Example, Severity, codes, page_of};

/// The table as the page `docs/findings.md`.
pub fn page() -> String {
    page_of(
        "# Findings\n\n\
         What `khw-gen verify` finds in a bundle has a code. An error makes it exit with 1; a warning does not.\n\
         `khw-gen explain CODE` says the same. This page is made from `src/diagnostic/verify_codes.rs`: edit that, not this.\n",
        CODES,
    )
}

#[rustfmt::skip]
codes! {
    UNSAFE_ENTRY "unsafe-entry" Error "entry that is no plain file or folder" {
        meaning
            "A bundle holds files and folders below its top. A link, a device, a path that leads elsewhere or that \
             comes twice means different things to different tools."
        advice "remove it, and find out who put it there"
        example "node1: /etc/link" ["lrwxrwxrwx root root link -> /"]
        met
            "In archives that somebody packed again from a live system, where links are common, and in archives made \
             to write outside of the folder they are unpacked in: `../../etc/cron.d/x` is the classic."
        see ["https://cwe.mitre.org/data/definitions/22.html", "https://cwe.mitre.org/data/definitions/59.html"]
    }

    ARCHIVE_LIMIT "archive-limit" Error "archive larger than any bundle" {
        meaning "Reading stopped at the limit, so what is behind it was not checked."
        advice "don't unpack it before you know why"
        example "node1.tar.gz" ["node1.tar.gz: 300 KiB packed, 300 MiB unpacked"]
        met
            "With the archive of something else (a disk image, a backup), and with decompression bombs. Bundles have a \
             few hundred small files."
        see ["https://cwe.mitre.org/data/definitions/409.html"]
    }

    DAMAGED_ARCHIVE "damaged-archive" Error "archive that can't be read to its end" {
        meaning "It was cut off, changed, or is no archive."
        advice "copy it again, and compare its checksum"
        example "node1.tar.gz" ["gzip: node1.tar.gz: unexpected end of file"]
        met
            "When a copy was interrupted, a disk was full, or a transfer in text mode changed line ends. `sha256sum -c \
             SHA256SUMS` beside the archive tells which."
        see ["https://www.gnu.org/software/gzip/manual/gzip.html"]
    }

    BAD_SYNTAX "bad-syntax" Error "file that does not parse" {
        meaning "The program that reads the file refuses it."
        advice "correct it, or build it again"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" ["kind KubeletConfiguration"]
        right ["kind: KubeletConfiguration"]
        met
            "After editing on the host in a hurry: a tab or a lost colon in YAML, a quote that is never closed in a \
             unit, a heredoc whose backslashes the shell ate, as in the walk-through."
        see [
            "https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html",
            "https://yaml.org/spec/1.2.2/",
        ]
    }

    BAD_PEM "bad-pem" Error "PEM file without what it should hold" {
        meaning "A certificate, key or request in the file can't be read, or is missing."
        advice "issue it again"
        example "master1: /var/lib/kubernetes/ca.pem" [
            "-----BEGIN CERTIFICATE-----",
            "MIIBdDCCARqgAwIBAgIUSpMobhmhMgIbvK347",
        ]
        met
            "When copying was cut off, when a terminal lost lines of what was pasted, and when `cfssl ... | cfssljson` \
             failed half-way and left an empty file."
        see ["https://www.rfc-editor.org/rfc/rfc7468"]
    }

    BAD_MANIFEST "bad-manifest" Error "manifest or checksums that can't be used" {
        meaning "Without them nobody can tell what belongs to the bundle."
        advice "build the bundle again"
        example "MANIFEST" ["# nd"]
        right ["# end"]
        met
            "When MANIFEST or SHA256SUMS was left out of a copy, or edited: a host's own has the host's name in its second \
             line, and install.sh does nothing without. In a folder of certificates made by hand there is none, and then \
             this is not reported."
    }

    MANIFEST_DIFFERS "manifest-differs" Error "not what the manifest lists" {
        meaning
            "Something was added, removed or given another mode since the manifest was made; or the manifest is that of another \
             host."
        advice "build the bundle again, or find out who changed it"
        example "node1/install.sh" ["-rwx------ root root install.sh"]
        right ["-rwxr-xr-x root root install.sh"]
        met
            "After a chmod -R over the bundle, an editor's backup file left in it, a copy to a file system without \
             modes, folders of hosts that were renamed or exchanged, or a file added on the way. The last is the one to \
             look for."
    }

    CHECKSUM_MISMATCH "checksum-mismatch" Error "content that was changed" {
        meaning "The file is not what the checksum was made over."
        advice "build the bundle again, or find out who changed it"
        example "node1/install.sh" ["#! /bin/sh"]
        right ["#!/bin/sh"]
        met
            "After something was \"just quickly\" corrected in the bundle in place of in cluster.toml: the next build \
             undoes it. Otherwise somebody else has written there."
        see ["https://www.gnu.org/software/coreutils/manual/html_node/cksum-general-options.html"]
    }

    ARCHIVE_DIFFERS "archive-differs" Error "archive that is not the folder beside it" {
        meaning "Whoever unpacks the archive gets something else than what the folder shows."
        advice "build the bundle again"
        example "node1/rootfs/etc/extra" ["-rw-r--r-- root root extra"]
        met
            "When the folder was changed after the build, or one host's archive copied over another's. The folder is \
             what people review, the archive what is installed."
    }

    ARCHIVE_OWNER "archive-owner" Error "entry of an archive that is not root's" {
        meaning "Unpacked by root, the file would belong to an unprivileged user of the same number."
        advice "pack it with owner and group 0"
        example "node1.tar.gz" ["-rw------- alice/alice node1/rootfs/var/lib/kubelet/kubelet-serving-key.pem"]
        right ["-rw------- root/root node1/rootfs/var/lib/kubelet/kubelet-serving-key.pem"]
        met
            "When an unprivileged user packs the tree again: tar records the packer's number, and as root restores it. \
             --owner=0 --group=0 --numeric-owner avoids that."
        see ["https://www.gnu.org/software/tar/manual/html_section/override.html"]
    }

    SECRET_EXPOSED "secret-exposed" Error "secret that others can read" {
        meaning "Whoever may read the file has the key in it."
        advice "chmod 600 it; if others could get at it, replace the key"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["-rw-r--r-- root root encryption-config.yaml"]
        right ["-rw------- root root encryption-config.yaml"]
        met
            "In the walk-through, whose own listing shows encryption-config.yaml as 0644, and wherever a heredoc makes \
             a file under umask 022. cfssljson keeps the mode of a file that is there already, however wide. The CIS \
             benchmark asks for 600 of keys and kubeconfigs."
        see [
            "https://github.com/aquasecurity/kube-bench/issues/245",
            "https://github.com/rancher/rke2/issues/385",
            "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/",
        ]
    }

    SECRET_FOR_GROUP "secret-for-group" Warning "secret that a group can read" {
        meaning "Everybody in the group has the key in it."
        advice "chmod 600 it, unless the group is meant"
        example "node1: /var/lib/kubelet/kubeconfig" ["-rw-r----- root root kubeconfig"]
        right ["-rw------- root root kubeconfig"]
        met
            "With installers that give keys to a service's group (k0s writes them 0640), and under umask 027. It is \
             right where the group has that one member."
        see ["https://github.com/k0sproject/k0s/pull/6512"]
    }

    WRITABLE_BY_OTHERS "writable-by-others" Error "file that others can change" {
        meaning "Whoever may write what a program of root reads decides what it does."
        advice "chmod go-w it"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["-rw-rw-r-- root root kube-apiserver.service"]
        right ["-rw-r--r-- root root kube-apiserver.service"]
        met
            "Under umask 002, which some distributions give every user, and after a chmod 666 or 777 against \
             \"permission denied\". Whoever may write the unit chooses what root runs."
        see ["https://cwe.mitre.org/data/definitions/732.html"]
    }

    UNREADABLE_MODE "unreadable-mode" Error "file that its owner can't read" {
        meaning "The program that needs it may not run as root."
        advice "chmod u+r it"
        example "node1: /var/lib/kubernetes/ca.pem" ["--w------- root root ca.pem"]
        right ["-rw-r--r-- root root ca.pem"]
        met
            "After a chmod with a digit too few: 200 for 0200 in place of 0600. Root reads the file nevertheless, so \
             it is found only when a service stops running as root."
    }

    IGNORED_BY_SYSTEMD "ignored-by-systemd" Error "line that systemd passes over" {
        meaning
            "systemd starts the unit as if the line were not there: it says so in its journal, and nowhere else. What follows \
             a line that was meant to go on is lost with it."
        advice "correct it; `systemd-analyze verify` says what systemd makes of a unit"
        example "master1: /etc/systemd/system/kube-scheduler.service" ["Restart=on_failure"]
        right ["Restart=on-failure"]
        met
            "With a blank behind the backslash that continues a command, which no editor shows: all flags below it are gone, \
             and the program starts without them. And with settings that are misspelt, in another section, or that have a \
             comment behind their value."
        see [
            "https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html",
            "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
        ]
    }

    NEVER_STARTS "never-starts" Error "unit whose program never does its work" {
        meaning
            "systemd refuses the unit, never starts it, or starts its program so that it can't do what it is for: as a user who \
             can't read its keys, without a network, or waited for in a way that it never answers."
        advice "correct the unit"
        example "master1: /etc/systemd/system/kube-scheduler.service" ["WantedBy=rescue.target"]
        right ["WantedBy=multi-user.target"]
        met
            "After a machine was started anew months later: everything ran, since it had been started by hand, and nothing was \
             enabled. And by hardening a unit with User= or a sandbox while its keys stay root's."
        see [
            "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
            "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html",
        ]
    }

    FRAGILE_UNIT "fragile-unit" Warning "unit that stays down, or goes down by itself" {
        meaning "Sooner or later the program is down, and systemd does not start it again."
        advice "set Restart=on-failure and RestartSec=5, and no limit that the program reaches"
        example "master1: /etc/systemd/system/kube-scheduler.service" ["Restart=no"]
        right ["Restart=on-failure"]
        met
            "With units of one's own, since systemd's default is Restart=no: a program that loses its connection for a moment \
             ends, and somebody finds it the next day. With RestartSec=0 systemd gives up after five failures in ten seconds."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Restart="]
    }

    MISSING_UNIT "missing-unit" Error "host without a unit for what it is" {
        meaning "The host has the files of a program, or its manifest says that it runs it, and nothing starts it."
        advice "add the unit, or take away what is not needed"
        example "master1: /etc/systemd/system/kube-scheduler.service" ["ExecStart=/usr/local/bin/kube-schedule \\"]
        right [r"ExecStart=/usr/local/bin/kube-scheduler \"]
        met
            "When one unit of several was not copied, or lies in a folder in which systemd does not look. Without a scheduler \
             all pods stay Pending, and nothing says why."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Unit%20File%20Load%20Path"]
    }

    MISSING_PROGRAM "missing-program" Warning "program or unit that nothing here brings" {
        meaning "A unit starts something first, or needs another unit, that is in no bundle and on few machines."
        advice "see that it is on the machine, or take it out"
        example "master1: /etc/systemd/system/kube-scheduler.service" ["Wants=network-online.target kube-apiserverd.service"]
        right ["Wants=network-online.target"]
        met
            "With a unit from another cluster: its ExecStartPre= calls a script that was never copied, and the start fails \
             with 203/EXEC. Or with the name of another container runtime."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#ExecStartPre="]
    }

    KERNEL_SETTING "kernel-setting" Error "kernel that a node's pods can't use" {
        meaning
            "Packets of pods are forwarded by their node, and those that cross its bridge have to pass through kube-proxy's rules: \
             the kernel does neither by itself."
        advice "load br_netfilter and overlay, and set net.ipv4.ip_forward, net.ipv6.conf.all.forwarding and bridge-nf-call"
        example "node1: /etc/sysctl.d/zz-kubernetes.conf" ["net.ipv4.ip_forward = 0"]
        right ["net.ipv4.ip_forward = 1"]
        met
            "After hardening by a list that turns forwarding off, in a file that sorts later. A Service then answers from other \
             nodes and not from the same, and DNS fails in some pods alone."
        see [
            "https://kubernetes.io/docs/setup/production-environment/container-runtimes/",
            "https://www.freedesktop.org/software/systemd/man/latest/sysctl.d.html",
        ]
    }

    UNKNOWN_INSTALLER "unknown-installer" Warning "script that is not khw-gen's" {
        meaning
            "Its text is none that this khw-gen writes: it is that of another version, or somebody changed it. root runs it."
        advice "compare it with that of a bundle that you built, or build the bundle again"
        example "node1/install.sh" ["as_root=yes"]
        right ["as_root=no"]
        met
            "With bundles of another version of khw-gen. With any other this is where to look first: whoever can change a \
             bundle can change its manifest too."
    }

    MISPLACED_KEY "misplaced-key" Error "key that has no business on its host" {
        meaning "Whoever breaks into the host has it: what it opens is open to him as well."
        advice "delete it there, and replace the key if the host was in use"
        example "node1: /root/admin.kubeconfig" ["O = system:masters"]
        met
            "When certificates are copied to all machines with one command, and when kubectl was needed on a worker once. \
             Every pod that gets out of its container is an administrator then."
        see ["https://kubernetes.io/docs/concepts/security/security-checklist/"]
    }

    CERTIFICATE_EXPIRED "certificate-expired" Error "expired certificate" {
        meaning "Whoever verifies it refuses it: the clients of a server, or the server that a client logs in to."
        advice "issue it again"
        example "master1: /var/lib/kubernetes/apiserver.pem" ["notAfter=Jan  1 00:00:00 2026 GMT"]
        met
            "A year after a cluster was made by a guide, all at once: etcd stops, kubectl can't log in, and the thread \
             asks whether there is any way back. There is: issue all again with the same authority, replace files and \
             kubeconfigs, restart. `khw-gen inspect --expires-within 30d` in a timer says it before."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/711",
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/531",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",
        ]
    }

    CERTIFICATE_NOT_YET_VALID "certificate-not-yet-valid" Error "certificate that is not valid yet" {
        meaning "Until its first moment whoever verifies it refuses it."
        advice "wait, or issue it with an earlier beginning; look at the clock"
        example "master1: /var/lib/kubernetes/apiserver.pem" ["notBefore=Jan  1 00:00:00 2026 GMT"]
        met
            "On hosts whose clock runs behind: a virtual machine resumed, a board without a battery, no NTP before the \
             first start. Go says \"certificate has expired or is not yet valid\" for both ends. An `issued` in the \
             future does it too."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5"]
    }

    ML_DSA_CERTIFICATE "ml-dsa-certificate" Note "certificate that only new programs read" {
        meaning
            "It has a key or a signature of ML-DSA (FIPS 204), which programs compiled with Go before 1.27, and OpenSSL before 3.5, \
             don't know. It is judged as any other; how the programs of the host were compiled is in none of these files. It is said \
             once for each host."
        advice "see that whatever reads it knows ML-DSA: `go version -m /usr/local/bin/kube-apiserver` says which Go compiled a program"
        example "control: /root/certs/server.pem" ["Signature Algorithm: ML-DSA-44"]
        right ["Signature Algorithm: ecdsa-with-SHA256"]
        met
            "With cfssl 1.7 and `\"algo\": \"mldsa44\"`. A component that was compiled with an earlier Go says \"tls: failed to parse \
             private key\" and stops; curl with OpenSSL 3.0 ends with exit code 35. docs/post-quantum.md has a table."
        see ["https://www.rfc-editor.org/rfc/rfc9881", "https://csrc.nist.gov/pubs/fips/204/final"]
    }

    BROKEN_DIGEST "broken-digest" Error "certificate signed over SHA-1 or MD5" {
        meaning "Go refuses such signatures, and so does every Kubernetes component."
        advice "issue it again with SHA-256"
        example "master1: /var/lib/kubernetes/ca.pem" ["Signature Algorithm: sha1WithRSAEncryption"]
        right ["Signature Algorithm: sha256WithRSAEncryption"]
        met
            "With an authority of a company that is older than the cluster, and with old OpenSSL defaults. Go refuses \
             SHA-1 since 1.18, so a component fails after an upgrade with nothing else changed."
        see ["https://go.dev/doc/go1.18#sha1"]
    }

    WEAK_KEY "weak-key" Error "key that is too short" {
        meaning "RSA below 2048 bits can be broken."
        advice "issue it again with a longer key"
        example "master1: /var/lib/kubernetes/ca.pem" ["Public-Key: (1024 bit)"]
        right ["Public-Key: (2048 bit)"]
        met
            "With keys out of old guides and small devices. Go 1.24 refuses to use RSA keys below 1024 bits, and Let's \
             Encrypt and the browsers take none below 2048."
        see ["https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final", "https://go.dev/doc/go1.24#cryptorsapkgcryptorsa"]
    }

    NOT_AN_AUTHORITY "not-an-authority" Error "certificate that may not sign others" {
        meaning "Whoever verifies a chain refuses an issuer that does not say that it is an authority."
        advice "trust, and sign with, a certificate that is an authority"
        example "master1: /var/lib/kubernetes/ca.pem" [
            "X509v3 Basic Constraints: critical",
            "    CA:FALSE",
        ]
        right [
            "X509v3 Basic Constraints: critical",
            "    CA:TRUE",
        ]
        met
            "When a server's certificate was copied to ca.pem, or an authority was made without -initca. cfssl signs \
             with it without a word; clients then say \"certificate signed by unknown authority\"."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    REFUSED_CERTIFICATE "refused-certificate" Error "certificate that programs refuse, whatever it is for" {
        meaning
            "Go or OpenSSL refuse to read it, or any chain with it: a critical extension that they don't know, a negative serial \
             number, an extension that comes twice, more authorities than its issuer allows, another key of the issuer than \
             its own."
        advice "issue it again without that"
        example "master1: /var/lib/kubernetes/ca.pem" [
            "X509v3 extensions:",
            "    1.2.3.4: critical",
        ]
        right ["X509v3 extensions:"]
        met
            "With an authority of a company, whose extensions its own programs know, and with intermediates that were issued under \
             an authority with `pathlen:0`. Go says \"unhandled critical extension\", and since 1.23 \"negative serial number\"."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2", "https://go.dev/doc/go1.23#cryptox509pkgcryptox509"]
    }

    ODD_SERIAL "odd-serial" Warning "serial number that some programs refuse" {
        meaning "It is zero, longer than 20 bytes, or that of another certificate of the same issuer."
        advice "issue it again with a random serial number"
        example "master1: /var/lib/kubernetes/ca.pem" ["Serial Number: 0 (0x0)"]
        right ["Serial Number: 18:0a:…"]
        met "With `openssl x509 -set_serial` in a script, and where a file of serial numbers was put back with a backup."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2"]
    }

    MISSING_KEY_USAGE "missing-key-usage" Error "certificate that may not sign a handshake" {
        meaning "OpenSSL and GnuTLS refuse it in TLS 1.3, which signs every handshake; Go does not ask."
        advice "issue it with `digital signature` among its usages"
        example "node1: /var/lib/kubelet/kubelet-serving.pem" [
            "X509v3 Key Usage: critical",
            "    Key Encipherment",
        ]
        right [
            "X509v3 Key Usage: critical",
            "    Digital Signature",
        ]
        met
            "With profiles out of the time of RSA key exchange. The cluster runs, and `curl`, a load balancer that checks or a \
             monitoring system can't connect."
        see [
            "https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2.2",
            "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3",
        ]
    }

    LEAF_OUTLIVES_AUTHORITY "leaf-outlives-authority" Error "certificate that ends after its issuer" {
        meaning "From the end of the issuer on it is refused, whatever its own date says."
        advice "issue it for a shorter time, or renew the authority first"
        example "master1: /var/lib/kubernetes/apiserver.pem" [
            "issuer: notAfter=Jan  1 00:00:00 2031 GMT",
            "  leaf: notAfter=Jan  1 00:00:00 2036 GMT",
        ]
        right [
            "issuer: notAfter=Jan  1 00:00:00 2036 GMT",
            "  leaf: notAfter=Jan  1 00:00:00 2031 GMT",
        ]
        met
            "With cfssl's CA of five years and leaves of ten, which several guides had. Those who watch the leaves' \
             dates alone are taken by surprise."
        see ["https://github.com/easzlab/kubeasz/issues/242", "https://github.com/cloudflare/cfssl/issues/1034"]
    }

    UNKNOWN_ISSUER "unknown-issuer" Warning "certificate whose issuer is not here" {
        meaning "The chain could not be verified."
        advice "verify the whole output, or add the authority's certificate"
        example "node1: /var/lib/kubelet/kubelet-serving.pem" ["issuer=CN = corp-ca"]
        met
            "When one host's folder is verified whose certificates come from an authority that only other hosts hold, \
             or when an intermediate was left out. Verify the whole output where you can."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-6.1"]
    }

    UNTRUSTED_CERTIFICATE "untrusted-certificate" Error "certificate that its other side refuses" {
        meaning "No chain leads from the certificate to an authority that the other side trusts."
        advice "issue it by the authority that the other side trusts, or give that the right authority"
        example "master1: /var/lib/kubernetes/apiserver-etcd-client.pem" ["issuer=CN = kubernetes-ca"]
        right ["issuer=CN = etcd-ca"]
        met
            "When etcd or the front proxy got an authority of its own and one certificate stayed with the old, or when \
             a CA was made again and only half of the certificates followed: \"certificate signed by unknown \
             authority\"."
        see [
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
            "https://etcd.io/docs/v3.5/op-guide/security/",
        ]
    }

    MISSING_SERVER_AUTH "missing-server-auth" Error "server certificate that may not be one" {
        meaning "Clients refuse a certificate whose extended key usage lacks server auth."
        advice "issue it with a profile that has `server auth`"
        example "master1: /var/lib/kubernetes/apiserver.pem" [
            "X509v3 Extended Key Usage:",
            "    TLS Web Client Authentication",
        ]
        right [
            "X509v3 Extended Key Usage:",
            "    TLS Web Server Authentication",
        ]
        met
            "With a misspelt usage, which cfssl drops, and with the wrong profile. Clients say \"certificate specifies \
             an incompatible key usage\". The kubelet's certificate needs it too: it serves logs and exec."
        see [
            "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ]
    }

    MISSING_CLIENT_AUTH "missing-client-auth" Error "client certificate that may not be one" {
        meaning "Servers refuse a certificate whose extended key usage lacks client auth."
        advice "issue it with a profile that has `client auth`"
        example "master1: /etc/etcd/etcd-peer.pem" [
            "X509v3 Extended Key Usage:",
            "    TLS Web Server Authentication",
        ]
        right [
            "X509v3 Extended Key Usage:",
            "    TLS Web Server Authentication, TLS Web Client Authentication",
        ]
        met
            "With etcd above all: members are each other's clients, and its gateway calls the member itself with the \
             server certificate. The log has \"tls: bad certificate\" every few minutes."
        see [
            "https://github.com/etcd-io/etcd/issues/9785",
            "https://github.com/kubermatic/kubermatic/pull/5261",
            "https://github.com/kopeio/etcd-manager/issues/305",
        ]
    }

    KEY_MISMATCH "key-mismatch" Error "key that does not fit its certificate" {
        meaning "The program does not start, or the handshake fails."
        advice "put the key and the certificate there that were made together"
        example "node1: /var/lib/kubelet/kubelet-serving.pem" [
            "kubelet-serving.pem      public key 4f:0a:91:…",
            "kubelet-serving-key.pem  public key c2:77:1e:…",
        ]
        met
            "After a certificate was issued again with a new key and only one of two files copied: Go says \"tls: \
             private key does not match public key\". `openssl x509 -noout -pubkey` and `openssl pkey -pubout` show \
             both."
        see ["https://pkg.go.dev/crypto/tls#X509KeyPair"]
    }

    SEVERAL_SIGNERS "several-signing-certificates" Error "signing file with more than one certificate" {
        meaning "kube-controller-manager does not start: \"expected 1 certificate, found 2\"."
        advice "keep the one certificate whose key signs there; what is trusted has files of its own, which may hold several"
        example "master1: /var/lib/kubernetes/ca-signing.pem" [
            "subject=CN=Kubernetes  notAfter=Jan  1 00:00:00 2036 GMT",
            "subject=CN=Kubernetes  notAfter=Jan  1 00:00:00 2031 GMT",
        ]
        right ["subject=CN=Kubernetes  notAfter=Jan  1 00:00:00 2036 GMT"]
        met
            "When an authority is replaced: for a while both certificates have to be trusted, so the second is appended to \
             ca.pem, which --cluster-signing-cert-file names as well."
        see ["https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/controller/certificates/signer/ca_provider.go"]
    }

    SHARED_KEY "shared-key" Error "one key for several purposes" {
        meaning "Whoever has the key for one purpose has the other as well."
        advice "make a key for each"
        example "master1: /var/lib/kubernetes/service-account.pem" [
            "--service-account-key-file=/var/lib/kubernetes/kubernetes.pem",
            "--tls-cert-file=/var/lib/kubernetes/kubernetes.pem",
        ]
        right [
            "--service-account-key-file=/var/lib/kubernetes/service-account.pem",
            "--tls-cert-file=/var/lib/kubernetes/kubernetes.pem",
        ]
        met
            "Where tokens are signed with a key that was at hand: Kubernetes The Hard Way once used the CA's, kops the \
             API server's, and when that became one for each master, every master refused the others' tokens."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/230",
            "https://github.com/kubernetes/kops/issues/9531",
        ]
    }

    AUTHORITY_KEY_MISPLACED "authority-key-misplaced" Warning "key of an authority where nothing needs it" {
        meaning "Whoever takes over this host can issue any certificate."
        advice "remove it from this host"
        example "node1: /root/ca-key.pem" ["-rw------- root root ca-key.pem"]
        met
            "By copying the whole folder of certificates to every host, which a glob like node*.pem in a guide \
             invites. kubeadm's page on etcd deletes the CA's key from what goes to other hosts."
        see ["https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/setup-ha-etcd-with-kubeadm/"]
    }

    ADMINISTRATOR_KEY_MISPLACED "administrator-key-misplaced" Warning "administrator's key where nothing needs it" {
        meaning "Whoever takes over this host is an administrator of the cluster."
        advice "remove it from this host"
        example "node1: /root/.kube/config" ["users: [{name: admin, user: {client-key-data: LS0tLS1CRUdJTi…}}]"]
        met "When somebody ran kubectl on a node to look into something, and left the kubeconfig there."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping"]
    }

    COPIED_SECRET "copied-secret" Warning "copy of a key that nothing reads" {
        meaning "Whoever finds the copy has the key, and nobody thinks of it when the key is replaced."
        advice "remove it"
        example "master1: /var/lib/kubernetes/apiserver-key.pem.bak" ["-rw------- root root apiserver-key.pem.bak"]
        met "With what editors and careful people leave behind, and with folders that were copied as a whole."
        see ["https://cwe.mitre.org/data/definitions/530.html"]
    }

    TOKEN_KEY "token-key" Error "key that no token is signed with" {
        meaning
            "Tokens of service accounts are signed with RSA or ECDSA, and from 1.38 on with ML-DSA too where a feature gate is on: with a key of another kind the API \
             server does not start, whichever Go compiled it."
        advice "make an RSA or ECDSA key for service accounts"
        example "master1: /var/lib/kubernetes/service-account.pem" ["Public Key Algorithm: ML-DSA-65"]
        right ["Public Key Algorithm: id-ecPublicKey"]
        met
            "By one algorithm for all keys: Ed25519, or one of ML-DSA since cfssl makes them. \"data does not contain any valid RSA or ECDSA \
             public keys\" is what the API server says."
        see ["https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/"]
    }

    EXTRA_TRUST "extra-trust" Note "somebody who is trusted and signs nothing here" {
        meaning
            "Whoever has that key can issue certificates or tokens that are accepted. While a key is replaced it is as it should be."
        advice "remove it, unless it is on its way in or out"
        example "master1: /var/lib/kubernetes/ca.pem" ["subject=CN=Somebody", "subject=CN=Kubernetes"]
        right ["subject=CN=Kubernetes"]
        met "After a replaced authority was never taken out, and where a company's own was added for one purpose and serves all."
        see ["https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/"]
    }

    FOREIGN_KEY "foreign-key" Error "key of another node" {
        meaning "Whoever takes over this node is the other one too, and may read the Secrets of that one's pods."
        advice "remove it; if others could get at it, replace the key"
        example "node1: /root/node2-key.pem" ["-rw------- root root node2-key.pem"]
        met
            "By the walk-through's own list of what goes to workers: ca.pem and node*.pem. Each gets the keys of all, \
             uses its own, and the others stay in the home folder."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/node/"]
    }

    BAD_SAN "bad-san" Error "name in a certificate that nothing asks for" {
        meaning "Ranges, ports, addresses as DNS names and misspelt names of services match no request."
        advice "issue it with names and addresses alone"
        example "master1: /var/lib/kubernetes/apiserver.pem" [
            "X509v3 Subject Alternative Name:",
            "    DNS:10.0.0.0/8, DNS:kubernetes.svc.cluster.local",
        ]
        right [
            "X509v3 Subject Alternative Name:",
            "    DNS:kubernetes.default.svc.cluster.local, IP Address:10.32.0.1",
        ]
        met
            "With a range or a port among `hosts`, which cfssl makes a DNS name of, and with \
             kubernetes.svc.cluster.local, which Kubernetes The Hard Way has in place of \
             kubernetes.default.svc.cluster.local."
        see ["https://github.com/cloudflare/cfssl/pull/327", "https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6"]
    }

    SERVICE_NAME_MISSING "service-name-missing" Error "API server certificate without a name of its service" {
        meaning "Pods call the API server by these names, and refuse the certificate."
        advice "issue it with kubernetes, kubernetes.default, kubernetes.default.svc and kubernetes.default.svc.DOMAIN"
        example "master1: /var/lib/kubernetes/apiserver.pem" [
            "X509v3 Subject Alternative Name:",
            "    DNS:kubernetes, DNS:kubernetes.default",
        ]
        right [
            "X509v3 Subject Alternative Name:",
            "    DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc,",
            "    DNS:kubernetes.default.svc.cluster.local",
        ]
        met
            "With the list of the walk-through, which ends at kubernetes.default. Most clients use the address and \
             never notice; those that use a longer name say \"certificate is valid for …, not \
             kubernetes.default.svc\"."
        see [
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
            "https://github.com/k0sproject/k0s/issues/7803",
        ]
    }

    SERVICE_ADDRESS_MISSING "service-address-missing" Error "API server certificate without the address of its service" {
        meaning "Pods are told the first address of the range of services, and refuse the certificate."
        advice "issue it with that address"
        example "master1: /var/lib/kubernetes/apiserver.pem" [
            "X509v3 Subject Alternative Name:",
            "    IP Address:10.11.0.11, IP Address:127.0.0.1",
        ]
        right [
            "X509v3 Subject Alternative Name:",
            "    IP Address:10.32.0.1, IP Address:10.11.0.11, IP Address:127.0.0.1",
        ]
        met
            "With CoreDNS as the first to fail: \"x509: certificate is valid for 192.168.1.111, 127.0.0.1, not \
             10.32.0.1\". The range was changed, or is not given and the API server takes its default, 10.0.0.0/24."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/420",
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/905",
        ]
    }

    ADDRESS_NOT_COVERED "address-not-covered" Error "address that the certificate there does not hold" {
        meaning "Whoever calls the address refuses the certificate that answers."
        advice "issue the certificate with the address, or call another"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r#"--advertise-address=192.0.2.1 \"#]
        right [r#"--advertise-address=10.11.0.11 \"#]
        met
            "When a load balancer, a name or a second network card comes later: the kubeconfigs are changed, the \
             certificate is not. Kubelets whose certificates miss their own address break `kubectl logs` and \
             metrics-server."
        see [
            "https://github.com/prabhatsharma/kubernetes-the-hard-way-aws/issues/30",
            "https://github.com/mmumshad/kubernetes-the-hard-way/issues/327",
            "https://github.com/kubernetes/kubernetes/issues/59372",
        ]
    }

    NOBODY_ANSWERS "nobody-answers" Error "address at which nothing listens" {
        meaning "No host of the bundle serves what is called there."
        advice "correct the address"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r#"--etcd-servers=https://10.11.0.99:2379,https://10.11.0.12:2379,https://10.11.0.13:2379 \"#]
        right [r#"--etcd-servers=https://10.11.0.11:2379,https://10.11.0.12:2379,https://10.11.0.13:2379 \"#]
        met
            "With an address typed once too often: the walk-through's variables for the second master hold the first \
             one's. An API server starts while one etcd member answers, and fails when that one does."
        see ["https://etcd.io/docs/v3.5/op-guide/clustering/"]
    }

    WRONG_PORT "wrong-port" Error "port at which nothing listens" {
        meaning "Neither an API server nor a load balancer of the bundle listens there."
        advice "correct the port"
        example "master1: /var/lib/kubernetes/kube-scheduler.kubeconfig" [":6444"]
        right [":6443"]
        met
            "When the load balancer was moved to another port, or --secure-port changed, and the kubeconfigs stayed. \
             The log says \"connection refused\"."
    }

    NOT_BALANCED "not-balanced" Warning "API server that the load balancer leaves out" {
        meaning "It is never asked, and does not help when the others fail."
        advice "add it to the load balancer"
        example "lb1: /etc/nginx/tcpconf.d/kubernetes.conf" ["# server 10.11.0.12:6443 max_fails=3 fail_timeout=15s;"]
        right ["server 10.11.0.12:6443 max_fails=3 fail_timeout=15s;"]
        met
            "When a control plane was taken out for repair and not put back, and when one was added later. It shows on \
             the day when the others fail."
        see ["https://nginx.org/en/docs/stream/ngx_stream_upstream_module.html"]
    }

    TLS_ENDS_EARLY "tls-ends-early" Error "load balancer that stands between clients and their TLS" {
        meaning
            "Clients show API servers their certificates in TLS. A load balancer that ends it, wraps it or waits for another \
             protocol has no certificate of theirs to show: nobody gets in."
        advice "pass TCP on as it comes: `mode tcp` in haproxy, `stream {}` without `ssl` in nginx"
        example "lb1: /etc/haproxy/haproxy.cfg" ["mode http"]
        right ["mode tcp"]
        met
            "When the configuration of a web site was taken for a pattern, and when `ssl` was meant to be for checks alone \
             (`check-ssl`)."
        see ["https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/"]
    }

    CHECK_NEVER_SUCCEEDS "check-never-succeeds" Error "check that a healthy API server fails" {
        meaning "The load balancer takes all API servers for dead, and passes nothing on."
        advice "check the port of the API server by TLS, for an answer that it gives"
        example "lb1: /etc/haproxy/haproxy.cfg" ["default-server check verify none inter 2s fall 3 rise 3"]
        right ["default-server check check-ssl verify none inter 2s fall 3 rise 3"]
        met
            "Without `check-ssl`, as API servers answer plain HTTP by 400, and where 200 is waited for while \
             `--anonymous-auth=false` makes it 401."
        see [
            "https://docs.haproxy.org/2.6/configuration.html#5.2-check-ssl",
            "https://kubernetes.io/docs/reference/using-api/health-checks/",
        ]
    }

    QUIET_CONNECTIONS_CUT "quiet-connections-cut" Warning "load balancer that cuts quiet connections off" {
        meaning "Watches, logs that are followed and shells in pods are quiet for long, and end whenever it does so."
        advice "let connections be quiet for hours"
        example "lb1: /etc/nginx/tcpconf.d/kubernetes.conf" ["proxy_timeout 24s;"]
        right ["proxy_timeout 24h;"]
        met "With timeouts from an example for web pages: 30 seconds or less. `kubectl logs -f` stops by itself."
        see ["https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_timeout"]
    }

    VRRP_DISAGREES "vrrp-disagrees" Error "load balancers that do not share their address" {
        meaning
            "Those who carry an address together have to speak with the same id, about the same addresses, and to each other. \
             Otherwise two carry it at once, or nobody does."
        advice "make them agree, or build them again"
        example "lb2: /etc/keepalived/keepalived.conf" ["virtual_router_id 52"]
        right ["virtual_router_id 51"]
        met
            "After editing one of two hosts, and where a load balancer was replaced by one with another address while \
             `unicast_peer` of the others stayed."
        see ["https://www.rfc-editor.org/rfc/rfc5798#section-5.2", "https://keepalived.readthedocs.io/en/latest/configuration_synopsis.html"]
    }

    VRRP_DOUBTFUL "vrrp-doubtful" Warning "shared address that may move when it should not, or stay" {
        meaning
            "The address moves by priority, when what is watched fails. Where nothing is watched it stays with a load balancer \
             that is dead; where all are equal nobody decided who has it."
        advice "watch the load balancer's process, and give each host a priority of its own"
        example "lb2: /etc/keepalived/keepalived.conf" ["priority 200"]
        right ["priority 199"]
        met "Where the file of one host was copied to the other."
        see ["https://www.rfc-editor.org/rfc/rfc5798#section-6.4"]
    }

    WATCHES_NOTHING "watches-nothing" Error "keepalived that watches what is not there" {
        meaning "A process that never runs, or a script that can't, counts as failed: the host never carries the address."
        advice "watch the load balancer that the host runs"
        example "lb1: /etc/keepalived/keepalived.conf" ["process nginx"]
        right ["process haproxy"]
        met "After one load balancer's program was changed for another, and with scripts that were copied without their mode."
        see ["https://keepalived.readthedocs.io/en/latest/configuration_synopsis.html"]
    }

    LISTED_TWICE "listed-twice" Warning "address that is listed twice" {
        meaning "Nobody is asked more often for it, and another one is probably missing."
        advice "put the missing address in its place"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["https://10.11.0.11:2379,https://10.11.0.11:2379"]
        right ["https://10.11.0.11:2379,https://10.11.0.12:2379"]
        met
            "With variables exported by copying a line: the walk-through sets CONTROLLER1_IP to the address of MASTER1, \
             so that both API servers depend on one member of etcd."
        see ["https://etcd.io/docs/v3.5/op-guide/failures/"]
    }

    BAD_ADDRESS "unusable-address" Error "address that can't be used" {
        meaning "It is no URL, address or range, or is advertised where nothing listens."
        advice "correct it"
        example "master1: /etc/systemd/system/etcd.service" [r#"--listen-client-urls=https://192.0.2.1:2379,https://127.0.0.1:2379 \"#]
        right [r#"--listen-client-urls=https://10.11.0.11:2379,https://127.0.0.1:2379 \"#]
        met
            "In units edited by hand: the URL that etcd advertises and the one that it listens at are two flags, and \
             only one is changed. The walk-through sets MASTER2_NAME to a URL without a port."
        see ["https://etcd.io/docs/v3.5/op-guide/configuration/"]
    }

    WRONG_IDENTITY "wrong-identity" Error "certificate of another user than its program needs" {
        meaning "Roles are bound to fixed names: another user may do nothing."
        advice "issue it with the common name and organisation that the component needs"
        example "node1: /etc/systemd/system/kubelet.service" [r#"--hostname-override=node2 \"#]
        right [r#"--hostname-override=node1 \"#]
        met
            "When a node's name and the CN of its certificate part: \"node worker-1 cannot modify node \
             ip-10-240-0-21\". Also with kubeconfigs copied to the wrong host, and with a doubled system: in a name."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/613",
            "https://github.com/slawekzachcial/kubernetes-the-hard-way-aws/issues/4",
            "https://kubernetes.io/docs/reference/access-authn-authz/node/",
        ]
    }

    RBAC_SUBJECT "rbac-subject" Error "binding that does not name who needs it" {
        meaning "The user of the certificate has no rights."
        advice "bind the common name or an organisation of the certificate"
        example "master1: /root/kubelet-rbac-clusterrolebinding.yaml" ["name: kubernetes"]
        right ["name: kube-apiserver-kubelet-client"]
        met
            "When the API server gets a certificate of its own for calling kubelets: guides bind the user \
             `kubernetes`. `kubectl logs` then says \"Forbidden (user=kube-apiserver-kubelet-client, verb=get, \
             resource=nodes, subresource=proxy)\"."
        see [
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
            "https://github.com/kubernetes/kubernetes/issues/62939",
        ]
    }

    REFUSED_OBJECT "refused-object" Error "object that the API server refuses" {
        meaning "`kubectl apply` fails, and whoever needs the object does without."
        advice "correct it"
        example "master1: /root/cluster-admins.yaml" ["    kind: Groups"]
        right ["    kind: Group"]
        met "After an object was written by hand: a kind in the plural, the group of an API where another belongs."
        see ["https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/cluster-role-binding-v1/"]
    }

    UNKNOWN_SUBJECT "unknown-subject" Warning "binding of somebody who is not here" {
        meaning "No certificate has the name, and nothing else is known here that could bring it."
        advice "give the binding the name that the certificate has"
        example "master1: /root/cluster-admins.yaml" [r#"    name: "cluster-admns""#]
        right [r#"    name: "cluster-admins""#]
        met "With a name that was misspelt on one of two sides, and with bindings of people whose certificates are made elsewhere."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects"]
    }

    ROLE_LACKS "role-lacks" Error "role without what its program needs" {
        meaning "What the program asks for is forbidden."
        advice "add the rule"
        example "master1: /root/kubelet-rbac-clusterrole.yaml" ["      - nodes/proxies"]
        right ["      - nodes/proxy"]
        met
            "When a role was tightened: the API server that calls a kubelet needs subresources of nodes, and `kubectl logs` and \
             `exec` say \"Forbidden\"; CoreDNS needs endpointslices since 1.8, and says nothing but that it waits."
        see [
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#kubelet-authorization",
            "https://github.com/coredns/deployment/issues/257",
        ]
    }

    SYSTEM_MASTERS "system-masters" Warning "certificate of system:masters" {
        meaning "It may do everything until it expires; no binding can be removed to stop it."
        advice "keep one for emergencies, and bind a group of your own for the rest"
        example "master1: /var/lib/kubernetes/apiserver-kubelet-client.pem" ["subject=O = system:masters, CN = kube-apiserver-kubelet-client"]
        right ["subject=CN = kube-apiserver-kubelet-client"]
        met
            "With administrators' certificates of most guides, and with components that got the group because it made \
             an error go away. kubeadm keeps one such file, super-admin.conf, and binds a group of its own for the \
             rest."
        see [
            "https://github.com/kubernetes/kubeadm/issues/2414",
            "https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
        ]
    }

    BAD_KUBECONFIG "bad-kubeconfig" Error "kubeconfig that leads nowhere" {
        meaning "Its context, cluster, user, certificate or key is missing or can't be read."
        advice "make it again with kubectl config"
        example "master1: /var/lib/kubernetes/kube-scheduler.kubeconfig" ["current-context: other"]
        right ["current-context: default"]
        met
            "After editing by hand or merging two files, and when `kubectl config set-cluster` was given a CA file \
             that is not there. kubectl falls back to localhost:8080 and says \"connection refused\", which hides the \
             cause."
        see ["https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/"]
    }

    INSECURE_KUBECONFIG "insecure-kubeconfig" Error "kubeconfig that trusts any server" {
        meaning "Whoever answers gets the client's credentials accepted as talk with the API server."
        advice "use https, and embed the authority"
        example "master1: /var/lib/kubernetes/kube-scheduler.kubeconfig" ["server: http://127.0.0.1:6443"]
        right ["server: https://127.0.0.1:6443"]
        met
            "With insecure-skip-tls-verify left over from the day when the certificate lacked an address, and with \
             http:// from the time of the insecure port. Issue the certificate with the address."
        see [
            "https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/",
            "https://cwe.mitre.org/data/definitions/295.html",
        ]
    }

    MISSING_FILE "missing-file" Error "file that is named and not there" {
        meaning "The program does not start, or starts without it."
        advice "add the file, or correct the path"
        example "node1: /etc/systemd/system/kubelet.service" [r#"--config=/var/lib/kubelet/config.yaml \"#]
        right [r#"--config=/var/lib/kubelet/kubelet-config.yaml \"#]
        met
            "By mixing two guides: kubeadm's kubelet reads config.yaml, Kubernetes The Hard Way's kubelet-config.yaml. \
             systemd starts the program again and again; `journalctl -u kubelet` names the file."
        see ["https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/"]
    }

    UNTOLD_VARIABLE "untold-variable" Warning "variable whose value is not here" {
        meaning
            "A command line has a variable, and the file that may set it is not among those that were read. It may stand for any flags: what it \
             holds is not judged, and a flag that is said to be missing may be in it."
        advice "bring the file too, to its place in the tree of its machine; where there is none and the variable is empty, take it out"
        example "node1: /etc/systemd/system/kubelet.service" ["EnvironmentFile=-/etc/default/kubelet-flags", r#"  $KUBELET_FLAGS \"#]
        met "With units of packages, which leave a place for the flags of whoever has the machine, in /etc/default or /etc/sysconfig."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile="]
    }

    MISSING_SETTING "missing-setting" Error "setting that is needed" {
        meaning "Without it the program does not start, or lacks a safeguard."
        advice "set it"
        example "master1: /etc/systemd/system/etcd.service" [r#"--client-cert-auth=false \"#]
        right [r#"--client-cert-auth \"#]
        met
            "When a line is lost in a long ExecStart, and when a safeguard is taken for the default. The best known \
             one that is not: without --kubelet-certificate-authority the API server does not verify kubelets, so that \
             whoever gets a node's address gets what `kubectl exec` sends there."
        see [
            "https://etcd.io/docs/v3.5/op-guide/security/",
            "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/",
        ]
    }

    UNREAD_SETTING "unread-setting" Error "flag or field that its program does not know" {
        meaning
            "With a flag or a feature gate that it does not know a program of Kubernetes or etcd does not start. A field that it does \
             not know is passed over by kubelets and kube-proxies, with a line in their log, so that what it was to say is lost; the \
             others stop. What each release knows comes from the components' own source; where the release is not known, what any \
             has is right."
        advice "correct its name, or take it away"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" ["resolvConfig: /run/systemd/resolve/resolv.conf"]
        right ["resolvConf: /run/systemd/resolve/resolv.conf"]
        met
            "After an upgrade by hand: flags and fields go a year after they were deprecated, and the component exits with \"unknown \
             flag\". By misspelling, most often in the kubelet's file, where nobody but its log says so."
        see [
            "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/",
            "https://kubernetes.io/docs/reference/using-api/deprecation-policy/#deprecating-a-flag-or-cli",
        ]
    }

    REFUSED_VALUE "refused-value" Error "value that its program does not take" {
        meaning
            "The value is of another type than the program reads there, or is none of those that it knows, or is beyond its limits: \
             the program does not start."
        advice "give it a value of the kind that the finding names"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" [r#"readOnlyPort: "0""#]
        right ["readOnlyPort: 0"]
        met
            "With numbers and booleans in quotes, which templates make, with durations without a unit, and with a value that is right for \
             another field or another release. The program says \"cannot unmarshal string into Go struct field\", and systemd starts it \
             again every few seconds."
        see [
            "https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/",
            "https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/",
        ]
    }

    OPEN_DOOR "open-door" Error "door that lets everybody in" {
        meaning "Requests are neither authenticated nor authorised, or go over the wire in the clear."
        advice "close it"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" ["mode: AlwaysAllow"]
        right ["mode: Webhook"]
        met
            "With a kubelet started without its configuration file: by flags alone anonymous requests are permitted \
             and authorization is AlwaysAllow, so that whoever reaches port 10250 runs commands in every pod of the \
             node. Kubernetes The Hard Way today runs etcd in the clear, which does on localhost and nowhere else."
        see [
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
            "https://etcd.io/docs/v3.5/op-guide/security/",
        ]
    }

    WEAK_DOOR "weak-door" Warning "door that opens more easily than it should" {
        meaning "It has a known weakness, or answers more people than need it."
        advice "take the setting away, unless it is meant"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r"--tls-min-version=VersionTLS10 \"]
        right [r"--tls-min-version=VersionTLS12 \"]
        met
            "With lists of ciphers and versions out of guides for old clients, and where a monitoring system should read metrics \
             without a certificate."
        see ["https://www.rfc-editor.org/rfc/rfc8996", "https://etcd.io/docs/v3.6/op-guide/security/"]
    }

    OVERRIDDEN_SETTING "overridden-setting" Warning "setting whose place a flag takes" {
        meaning "The program heeds the flag in its unit, and not what the file says; whoever reads the file is misled."
        advice "say it in one place"
        example "node1: /etc/systemd/system/kubelet.service" [r"--v=2 --cgroup-driver=cgroupfs"]
        right [r"--v=2"]
        met
            "On nodes that were moved from flags to a configuration file, and with a drop-in that adds a flag to a kubelet for a \
             while."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/#kubelet-configuration-merging-order"]
    }

    NO_LEADER_ELECTION "no-leader-election" Error "several that work at once" {
        meaning "Of controller managers and schedulers one may work at a time; without an election each does everything again."
        advice "leave --leader-elect on, or start one alone"
        example "master1: /etc/systemd/system/kube-controller-manager.service" [r"--leader-elect=false \"]
        right [r"--leader-elect=true \"]
        met "When a cluster with one master, where the election was turned off, gets a second."
        see ["https://kubernetes.io/docs/concepts/architecture/leases/#leader-election"]
    }

    MEMBER_NOT_ASKED "etcd-member-not-asked" Warning "member of etcd that an API server leaves out" {
        meaning "When the members that it asks fail, the API server does not work, although etcd does."
        advice "name every member in --etcd-servers"
        example "master1: /etc/systemd/system/kube-apiserver.service" [
            r"--etcd-servers=https://10.11.0.11:2379,https://10.11.0.12:2379 \",
        ]
        right [
            r"--etcd-servers=https://10.11.0.11:2379,https://10.11.0.12:2379,https://10.11.0.13:2379 \",
        ]
        met "When members were added later, and the units of API servers stayed as they were."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#multi-node-etcd-cluster"]
    }

    SECRETS_UNENCRYPTED "secrets-unencrypted" Warning "secrets that are not encrypted in etcd" {
        meaning "Whoever gets a backup or a disk of etcd has every Secret of the cluster."
        advice "give every API server --encryption-provider-config"
        example "master1: /etc/systemd/system/kube-apiserver.service" ["(no --encryption-provider-config on any host)"]
        met "In clusters that are older than the encryption, and where it was turned off to look into etcd."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    NO_EFFECT "no-effect" Warning "setting that does nothing" {
        meaning "It looks like a safeguard or a limit, and nothing happens by it."
        advice "remove it, or set what it needs"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r"--audit-log-path=/var/log/kubernetes/audit.log \"]
        right [
            r"--audit-log-path=/var/log/kubernetes/audit.log \",
            r"--audit-policy-file=/etc/kubernetes/config/audit-policy.yaml \",
        ]
        met
            "With an audit log that stays empty, since no policy says what to record, and with --apiserver-count, which \
             API servers that keep leases in etcd don't ask."
        see ["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"]
    }

    TRANSLATED_FILE "translated-file" Warning "file that its program translates at each start" {
        meaning
            "It is of an older format. The program makes the newer one of it each time that it starts, and says so in its log; a later one \
             does that no more, and what is set by the newer names beside it may not be read."
        advice "write it in the format that the program has, where no older program has to read it"
        example "node1: /etc/containerd/config.toml" ["version = 3"]
        right ["version = 4"]
        met
            "After upgrades of containerd where its configuration stayed: 2.0 and later translate version 2, 2.3 and later version 3. Of \
             a version 3 under 2.3 nothing is said: 2.2 reads it too."
        see ["https://github.com/containerd/containerd/blob/v2.4.2/docs/man/containerd-config.toml.5.md"]
    }

    NODE_WITHOUT_NETWORK "node-without-network" Warning "node without a network for its pods" {
        meaning "Until a network plugin has its configuration in /etc/cni/net.d, the node is not Ready."
        advice "put a configuration there, or install a plugin that does"
        example "node1: /etc/cni/net.d" ["ls: cannot access '/etc/cni/net.d': No such file or directory"]
        met
            "When the plugins' programs were unpacked and nobody said which of them to run: `kubectl get nodes` shows \
             NotReady, as at the end of the walk-through. With a plugin of your own it is as it has to be."
        see ["https://www.cni.dev/docs/spec/"]
    }

    SETTINGS_DISAGREE "settings-disagree" Error "setting that differs between hosts" {
        meaning "Requests fare differently, depending on which instance answers."
        advice "make it the same everywhere"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r#"--service-account-issuer=https://10.11.0.11:6443 \"#]
        right [r#"--service-account-issuer=https://kubernetes.default.svc.cluster.local \"#]
        met
            "When a value that is the cluster's is made the host's: Kubernetes The Hard Way once had the address of \
             each API server as issuer, and tokens were accepted by the one that had issued them."
        see ["https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/759"]
    }

    RUNTIME_DISAGREES "runtime-disagrees" Error "kubelet and container runtime that disagree" {
        meaning
            "The kubelet calls the runtime at a socket, and both keep the tree of control groups by the same driver: where they do \
             not, no pod starts, or the node becomes unstable under load."
        advice "make containerd's configuration and the kubelet's say the same"
        example "node1: /etc/containerd/config.toml" ["SystemdCgroup = false"]
        right ["SystemdCgroup = true"]
        met
            "With containerd's default configuration, which is cgroupfs, under a kubelet that is told systemd: pods are restarted for \
             no reason that anybody sees."
        see [
            "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers",
            "https://github.com/containerd/containerd/blob/main/docs/cri/config.md",
        ]
    }

    SERVICE_RANGE_DISAGREES "service-range-disagrees" Error "ranges of services that differ" {
        meaning "An API server and a controller manager with different ranges undo each other's work."
        advice "make them the same everywhere"
        example "master1: /etc/systemd/system/kube-controller-manager.service" [r#"--service-cluster-ip-range=10.33.0.0/24 \"#]
        right [r#"--service-cluster-ip-range=10.32.0.0/24 \"#]
        met
            "When the flag is given to one program and not to the other: kubeadm itself once forgot the controller \
             manager, and Kubernetes The Hard Way has lacked it in the API server's unit."
        see [
            "https://github.com/kubernetes/kubeadm/issues/1591",
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/905",
        ]
    }

    POD_RANGE_DISAGREES "pod-range-disagrees" Error "ranges of pods that differ" {
        meaning "Packets of pods are taken for those of strangers, or the reverse."
        advice "make them the same everywhere"
        example "node1: /var/lib/kube-proxy/kube-proxy-config.yaml" [r#"clusterCIDR: "10.201.0.0/16""#]
        right [r#"clusterCIDR: "10.200.0.0/16""#]
        met
            "When the range was changed for the network plugin and not for kube-proxy, which then takes pods for \
             strangers and masquerades what they send to services: policies and logs see the node's address in place \
             of the pod's."
        see ["https://kubernetes.io/docs/reference/networking/virtual-ips/"]
    }

    DNS_DISAGREES "dns-disagrees" Error "cluster DNS that differs" {
        meaning "Pods ask an address at which the cluster's DNS is not, or for a domain that it does not serve."
        advice "make address and domain the same everywhere, the address in the range of services"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" [r#"- "10.40.0.10""#]
        right [r#"- "10.32.0.10""#]
        met
            "When kubelets were set up before the DNS add-on, whose manifest has an address of its own: pods start, \
             and every name lookup runs into a timeout."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/"]
    }

    BROKEN_DNS "broken-dns" Error "cluster DNS that does not answer" {
        meaning "Pods ask the address of a Service that leads to no pod, or to one that can't answer."
        advice "correct the manifest"
        example "master1: /root/coredns.yaml" ["spec:", "  selector:", "    k8s-app: coredns"]
        right ["spec:", "  selector:", "    k8s-app: kube-dns"]
        met "When labels, accounts or ConfigMaps of the manifest were renamed in one of two places."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/"]
    }

    SERVICE_ACCOUNT_KEYS_DISAGREE "service-account-keys-disagree" Error "keys of service accounts that don't fit" {
        meaning "Tokens signed by one host are refused by another."
        advice "use one pair of keys on all control planes"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r#"--service-account-key-file=/var/lib/kubernetes/apiserver.pem \"#]
        right [r#"--service-account-key-file=/var/lib/kubernetes/service-account.pub \"#]
        met
            "When each master makes its own key: pods work or fail depending on which API server answers. It is an old \
             and common mistake; CoreDNS is usually the first to show it."
        see [
            "https://github.com/apprenda/kismatic/issues/95",
            "https://github.com/kubernetes/kubernetes/issues/25063",
            "https://github.com/kubernetes/kubernetes/issues/35849",
        ]
    }

    ENCRYPTION_DISAGREES "encryption-disagrees" Error "encryption configurations that differ" {
        meaning "What one API server writes another can't read."
        advice "use one file on all control planes"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["name: key2"]
        right ["name: key1"]
        met
            "When a key is rotated on one control plane and not yet on the others, or each made its own. The right \
             order: add the new key second everywhere, restart, put it first everywhere, restart, rewrite all secrets, \
             remove the old one."
        see [
            "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#rotating-a-decryption-key",
            "https://github.com/kubernetes/kubernetes/issues/66844",
        ]
    }

    BAD_ENCRYPTION "bad-encryption" Error "encryption configuration that can't be used" {
        meaning "The API server does not start, or encrypts nothing."
        advice "give each provider a key of 32 bytes in strict base64: head -c 32 /dev/urandom | base64"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["secret: ${ENCRYPTION_KEY}"]
        met
            "With a variable that the shell did not fill in (fish, or a quoted heredoc), and with base64 that was \
             wrapped or cut: \"secrets must be base64 encoded\"."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/629",
            "https://github.com/opsnull/follow-me-install-kubernetes-cluster/issues/587",
            "https://github.com/kubernetes/website/issues/29083",
        ]
    }

    IDENTITY_FIRST "identity-first" Error "encryption that does not encrypt" {
        meaning "The first provider is what is written with, and identity writes in the clear."
        advice "put identity last"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" [
            "- identity: {}",
            "- secretbox:",
            "    keys:",
        ]
        right [
            "- secretbox:",
            "    keys:",
        ]
        met
            "While switching encryption off, for which identity is put first and all secrets rewritten, and by sorting \
             the list. Nothing fails; `etcdctl get` shows the secret in the clear, without the k8s:enc: in front."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#decrypting-all-data"]
    }

    PUBLISHED_SECRET "published-secret" Error "key that everybody can read elsewhere" {
        meaning "It stands in documentation or examples, so it hides nothing."
        advice "make one of your own: head -c 32 /dev/urandom | base64"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["secret: L0KeMGR9dmgRvfzqkELizUkcTiUpqb8lqisyzYcGtIw="]
        met
            "By copying a file from a guide together with its key. That of the walk-through is known, and so are those \
             on Kubernetes' own page."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"]
    }

    WEAK_ENCRYPTION "weak-encryption" Warning "encryption with a known weakness" {
        meaning "Kubernetes' documentation advises against aescbc: a padding oracle can tell what is encrypted."
        advice "use secretbox"
        example "master1: /var/lib/kubernetes/encryption-config.yaml" ["- aescbc:"]
        right ["- secretbox:"]
        met
            "In configurations as old as the walk-through, which calls aescbc the recommended choice. Put secretbox in \
             front of it, rewrite all Secrets, then take aescbc out."
        see ["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#providers"]
    }

    FRONT_PROXY "front-proxy" Error "front proxy that anybody could be" {
        meaning "Headers that name a user are believed of whom the front-proxy authority vouches for."
        advice "use an authority of its own, and name the proxy in --requestheader-allowed-names"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r#"--requestheader-allowed-names= \"#]
        right [r#"--requestheader-allowed-names=front-proxy-client \"#]
        met
            "While making metrics-server run: the cluster's own CA is given as --requestheader-client-ca-file, or the \
             admin's certificate as the proxy's, and from then on every client may name itself anybody."
        see [
            "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#ca-reusage-and-conflicts",
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/505",
        ]
    }

    REFUSED_TOGETHER "refused-together" Error "settings that can't stand together" {
        meaning "The program refuses them together, or heeds one of them alone."
        advice "keep one of them"
        example "master1: /etc/systemd/system/kube-apiserver.service" [
            r"--authorization-mode=Node,RBAC \",
            r"--authorization-config=/etc/kubernetes/authorization.yaml \",
        ]
        right [r"--authorization-config=/etc/kubernetes/authorization.yaml \"]
        met
            "By adding the file that a newer page describes to the flags of an older one. kube-apiserver says which \
             flags it won't have beside each other, and stops."
        see ["https://github.com/k3s-io/k3s/issues/12017"]
    }

    PROXIED_CALLS "proxied-calls" Warning "cluster's own connections through a proxy" {
        meaning "A program calls all but its own host through its proxy, unless NO_PROXY says otherwise."
        advice "name the cluster's own addresses in NO_PROXY"
        example "node1: /etc/systemd/system/kubelet.service" [r"Environment=HTTPS_PROXY=http://proxy:3128"]
        right [
            r"Environment=HTTPS_PROXY=http://proxy:3128",
            r"Environment=NO_PROXY=10.0.0.0/8,.svc",
        ]
        met "Behind a company's proxy: a node stays NotReady, since its kubelet asks the proxy for the API server."
        see [
            "https://github.com/kubernetes/kubeadm/issues/2370",
            "https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config",
        ]
    }

    PODS_WITHOUT_ADDRESSES "pods-without-addresses" Warning "more pods than addresses" {
        meaning "The node's range has fewer addresses than pods may be scheduled to it."
        advice "set maxPods to what the range has"
        example "node1: /var/lib/kubelet/kubelet-config.yaml" ["maxPods: 500"]
        right ["maxPods: 253"]
        met "On large machines; pods beyond the range stay in ContainerCreating."
        see ["https://github.com/kubernetes-sigs/kubespray/issues/2786"]
    }

    NODE_PORT_TAKEN "node-port-taken" Warning "port of a service that is taken" {
        meaning "A service may be given a port at which a component listens on the same host."
        advice "leave out the ports of the components"
        example "master1: /etc/systemd/system/kube-apiserver.service" [r"--service-node-port-range=1024-32767 \"]
        right [r"--service-node-port-range=30000-32767 \"]
        met "By opening the range wide to get at ports that people know."
        see ["https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport"]
    }

    SECRET_IN_THE_OPEN "secret-in-the-open" Warning "secret in a file that everybody may read" {
        meaning "A password or a token stands in a file that every user of the host may read. Its value is not shown here."
        advice "move it to a file of mode 0600: for a unit one that EnvironmentFile= names"
        example "node1: /etc/systemd/system/kubelet.service" [r"Environment=HTTPS_PROXY=http://bob:hunter2@proxy:3128"]
        met "With proxies that want a password. systemd tells every user the variables of a unit, too."
        see ["https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#Environment="]
    }

    ETCD_DISAGREES "etcd-disagrees" Error "members of etcd that disagree" {
        meaning "The members don't form one cluster."
        advice "give all the same initial cluster, and each its own name and URLs in it"
        example "master1: /etc/systemd/system/etcd.service" [r#"--name=master9 \"#]
        right [r#"--name=master1 \"#]
        met
            "With a unit copied from another member: \"couldn't find local name in the initial cluster \
             configuration\". The name in --name, the one in --initial-cluster and the URL beside it go together."
        see [
            "https://github.com/kelseyhightower/kubernetes-the-hard-way/issues/899",
            "https://github.com/etcd-io/etcd/issues/11294",
            "https://etcd.io/docs/v3.5/op-guide/clustering/",
        ]
    }
    ETCD_QUORUM "etcd-quorum" Warning "members of etcd that can't lose one" {
        meaning
            "Of an even number more than half have to work: that bears no more failures than one member less, and of \
             two none at all."
        advice "have three members, or five"
        example "master1: /etc/systemd/system/etcd.service" [r"master2=https://10.11.0.12:2380 \"]
        right [r"master2=https://10.11.0.12:2380,master3=https://10.11.0.13:2380 \"]
        met
            "With one member on each of two masters, as in the walk-through, and after a member was removed for good. \
             When one of two stops, the API servers can neither read nor write."
        see ["https://etcd.io/docs/v3.5/faq/#why-an-odd-number-of-cluster-members"]
    }
}
