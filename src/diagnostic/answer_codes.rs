//! The table of codes of answers: what is wrong with a certificate that an authority elsewhere has signed, an example, what to do, and where
//! people meet it.
//!
//! `khw-gen explain` and `docs/answers.md` tell this table. `tests/external_answers.rs` has a wrong answer for each code.
use super::code::{Code, Example, Severity, codes, page_of};

/// The table as the page `docs/answers.md`.
pub fn page() -> String {
    page_of(
        "# Answers of authorities elsewhere\n\n\
         What `khw-gen build --signed DIR` says of the certificates in DIR ([external-ca.md](external-ca.md)). An error stops the build, and\n\
         all of them are said in one run; a warning does not. `khw-gen explain CODE` says the same. This page is made from\n\
         `src/diagnostic/answer_codes.rs`: edit that, not this.\n",
        CODES,
    )
}

#[rustfmt::skip]
codes! {
    NOT_PEM "answer-not-pem" Error "answer that is no PEM" {
        meaning "A certificate is taken as PEM: base64 between lines that say what it is. In this file there is none, or its base64 is broken."
        advice "take the file out, or turn it into PEM: openssl x509 -inform DER -in FILE -out FILE.pem"
        example "signed/admin.cer" ["(a certificate in DER)"]
        right ["-----BEGIN CERTIFICATE-----"]
        met "With Windows' certificate services, whose .cer is DER by default, and with the database of `openssl ca` left in the same folder."
        see ["https://www.rfc-editor.org/rfc/rfc7468"]
    }

    PRIVATE_KEY "answer-private-key" Error "private key among the answers" {
        meaning
            "The keys of the cluster come from its seed, and that of the authority is nobody's here. Whoever made one for a request \
             has signed something else, and whoever sent his own has to replace it."
        advice "delete the file, find out whose key it is, and replace it if it is the authority's"
        example "signed/admin-key.pem" ["-----BEGIN PRIVATE KEY-----"]
        met "When the owner of the authority made a key and a certificate by name, with a form or a script for web servers, instead of signing the request."
    }

    NO_CERTIFICATE "answer-no-certificate" Error "answer that is no certificate" {
        meaning "The file has a block of PEM that is not a certificate, or a certificate that can't be read: cut off, without a serial number, damaged."
        advice "take the file out, or have the certificate sent again"
        example "signed/admin.csr" ["-----BEGIN CERTIFICATE REQUEST-----"]
        right ["-----BEGIN CERTIFICATE-----"]
        met "When the request came back in the place of what was made of it, or when a mail program broke lines."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1"]
    }

    BAD_SERIAL "answer-bad-serial" Error "serial number that is refused" {
        meaning "A serial number is positive and has 20 octets at most. Go refuses to read a certificate with a negative one, and with it Kubernetes and etcd do."
        advice "have it signed again with a random serial number of 64 bits or more"
        example "signed/admin.pem" ["Serial Number: -5 (-0x5)"]
        met "With scripts that take the serial number from a counter that begins at 0, or from a digest whose first bit is set."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2", "https://pkg.go.dev/crypto/x509#ParseCertificate"]
    }

    UNASKED "answer-unasked" Error "answer that nobody asked for" {
        meaning "No request has the key of this certificate, and no answer was signed by it or below it."
        advice "take the file out, or ask anew: a key of another generation, or a host of another name, has another request"
        example "signed/node9.pem" ["subject=O = system:nodes, CN = system:node:node9"]
        met "After a host was taken out of cluster.toml, or when the answers of two clusters went into one folder."
    }

    OTHER_KEY "answer-other-key" Error "answer for another key" {
        meaning "The certificate has the subject of a request and another key, so that the key of the cluster can't be used with it."
        advice "have the request signed that `khw-gen csr` writes now, and no other"
        example "signed/admin.pem" ["subject=O = system:masters, CN = admin"]
        met "When the seed, the cluster's name or the key's algorithm changed after the requests were sent, or when an authority made the key itself."
    }

    TWICE "answer-twice" Error "two answers for one request" {
        meaning "Two files have certificates of the same key. Which of them is meant, nothing says."
        advice "keep the one that counts, and take the other out"
        example "signed/admin-2.pem" ["subject=O = system:masters, CN = admin"]
        met "After a renewal, when the old certificate stayed beside the new one."
    }

    MISSING "answer-missing" Error "answers that are missing" {
        meaning "Without these certificates nothing is built: hosts would get keys that open nothing."
        advice "send their requests to the authority (khw-gen csr writes them), and put what comes back into the folder of --signed"
        example "signed/" ["(no certificate for admin.csr)"]
        met "While the owner of the authority has not signed everything yet, or after a host was added, which has requests of its own."
    }

    OTHER_SUBJECT "answer-other-subject" Error "answer with another subject" {
        meaning "Kubernetes takes the CN for the user and each O for a group of his. With another subject somebody else logs in, or nobody."
        advice "have it signed with the subject of the request, attribute by attribute"
        example "signed/admin.pem" ["subject=O = Example Corp, CN = admin"]
        right ["subject=O = system:masters, CN = admin"]
        met "With authorities that put their company into O, as roles of Vault and policies of `openssl ca` do."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates"]
    }

    LACKS_NAME "answer-lacks-name" Error "answer without a name" {
        meaning "Whoever calls the server by this name refuses its certificate."
        advice "have it signed with all names of the request"
        example "signed/apiserver-master1.pem" ["X509v3 Subject Alternative Name: DNS:master1"]
        right ["X509v3 Subject Alternative Name: DNS:master1, IP Address:10.0.0.11"]
        met "With `openssl x509 -req`, which copies nothing from a request unless an extension file says it, and with authorities that sign no addresses."
        see ["https://docs.openssl.org/3.0/man1/openssl-x509/"]
    }

    EXTRA_NAME "answer-extra-name" Error "answer with a name too many" {
        meaning "With it this host could stand for another."
        advice "have it signed with the names of the request alone"
        example "signed/kubelet-serving-node1.pem" ["X509v3 Subject Alternative Name: DNS:node1, DNS:kubernetes.default"]
        right ["X509v3 Subject Alternative Name: DNS:node1"]
        met "With authorities that add the CN to the names, and where somebody added a name to spare himself a second request."
    }

    IS_AUTHORITY "answer-is-authority" Error "answer that is an authority" {
        meaning "It was to be the certificate of a program, and could sign others: whoever has that host could be anybody."
        advice "have it signed with basicConstraints = CA:FALSE"
        example "signed/admin.pem" ["X509v3 Basic Constraints: CA:TRUE"]
        right ["X509v3 Basic Constraints: critical CA:FALSE"]
        met "When the extensions of the authority's own section were used for what it signs, `v3_ca` in OpenSSL's configuration."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    NO_AUTHORITY "answer-no-authority" Error "answer that is no authority" {
        meaning "It was to be the certificate of an authority below the one that signs, and nothing that it signs would be believed."
        advice "have it signed with basicConstraints = CA:TRUE and keyUsage = keyCertSign, as its extension file says"
        example "signed/metrics-ca.pem" ["X509v3 Basic Constraints: CA:FALSE"]
        right ["X509v3 Basic Constraints: critical CA:TRUE"]
        met "Where a company's authority signs for servers and clients only: an intermediate is a matter of its own there."
    }

    LACKS_KEY_USAGE "answer-lacks-key-usage" Error "answer without a key usage" {
        meaning "The request's profile asks for key usages that the certificate has not. Readers that look at them refuse it."
        advice "have it signed with the keyUsage of its extension file"
        example "signed/admin.pem" ["X509v3 Key Usage: critical Key Encipherment"]
        right ["X509v3 Key Usage: critical Digital Signature, Key Encipherment"]
        met "Where nothing was said about extensions, so that the certificate has none."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3"]
    }

    LACKS_PURPOSE "answer-lacks-purpose" Error "answer without an extended key usage" {
        meaning "Go asks servers for serverAuth and clients for clientAuth, and refuses a certificate without it."
        advice "have it signed with the extendedKeyUsage of its extension file"
        example "signed/admin.pem" ["X509v3 Extended Key Usage: TLS Web Server Authentication"]
        right ["X509v3 Extended Key Usage: TLS Web Client Authentication"]
        met "With profiles for web servers, the only ones that many authorities have: clients get serverAuth, and etcd's members lack clientAuth."
        see ["https://github.com/etcd-io/etcd/issues/9785"]
    }

    EXTRA_USAGE "answer-extra-usage" Error "answer that may be used for more" {
        meaning "With a usage that nobody asked for, who holds the certificate can do more than he is to: a server's becomes a login."
        advice "have it signed with the usages of its extension file alone"
        example "signed/apiserver-master1.pem" ["X509v3 Extended Key Usage: serverAuth, clientAuth"]
        right ["X509v3 Extended Key Usage: serverAuth"]
        met "With step's and Vault's own templates, which permit servers and clients at once unless one of them is asked for."
        see ["https://smallstep.com/docs/step-ca/templates/"]
    }

    EXPIRED "answer-expired" Error "answer that has ended" {
        meaning "At the instant at which everything is issued the certificate, or one of those that signed it, is valid no more."
        advice "have it signed again; or correct `issued`, if that is too late"
        example "signed/admin.pem" ["notAfter=Dec  1 00:00:00 2025 GMT"]
        right ["notAfter=Dec  1 00:00:00 2026 GMT"]
        met "When a folder of the last renewal is taken once more."
    }

    NOT_YET "answer-not-yet" Error "answer that is not valid yet" {
        meaning
            "At the instant at which everything is issued the certificate, or one of those that signed it, is not valid yet. The compiler has no \
             clock: `issued` says when that is."
        advice "set `issued` to an instant after everything was signed: keys and requests stay as they are"
        example "signed/admin.pem" ["notBefore=Jan  2 09:30:00 2026 GMT"]
        met "At nearly every first build: requests were written in the morning, with `issued` at midnight, and signed at noon."
    }

    OUTLIVES_ISSUER "answer-outlives-issuer" Error "answer that outlives who signed it" {
        meaning "From the end of its authority on the certificate is refused, whatever its own date says."
        advice "have it signed for a shorter time, or by an authority that lives longer"
        example "signed/admin.pem" ["notAfter=Jan  1 00:00:00 2036 GMT"]
        right ["notAfter=Jan  1 00:00:00 2027 GMT"]
        met "With `openssl x509 -days 3650`, which does not look at the date of the authority, in the last years of that one."
    }

    OTHER_LIFE "answer-other-life" Warning "answer with another life" {
        meaning "The certificate is valid for a shorter or a longer time than its profile asks. It works, and ends at another time than the others."
        advice "let it be, and look at `khw-gen expiry`; or ask for what the authority signs, with `expiry` of the profile"
        example "signed/admin.pem" ["notAfter=Apr  1 00:00:00 2026 GMT"]
        met "With authorities that sign for 90 days or a year and no longer, whatever they are asked."
    }

    WEAK_SIGNATURE "answer-weak-signature" Error "answer signed with a broken digest" {
        meaning "MD5 and SHA-1 can be made to fit another content, and Go refuses signatures with them: so do Kubernetes and etcd."
        advice "have it signed with SHA-256 or better"
        example "signed/admin.pem" ["Signature Algorithm: sha1WithRSAEncryption"]
        right ["Signature Algorithm: sha256WithRSAEncryption"]
        met "With authorities of long standing, whose configuration says default_md = sha1."
        see ["https://go.dev/doc/go1.18#sha1"]
    }

    BAD_SIGNATURE "answer-bad-signature" Error "answer whose signature is another's" {
        meaning "The certificate names an issuer that is there by its name, and the key of that one did not sign it; or it was changed since."
        advice "add the certificate of whoever signed: an authority that was renewed with another key has the same name"
        example "signed/admin.pem" ["issuer=CN = Example CA"]
        met "When the authority got a new key under its old name, and the folder has the certificate of one of them."
    }

    CHAIN_ORDER "answer-chain-order" Error "chain in the wrong order" {
        meaning "In a file the certificate that was asked for stands first, and behind each the one that signed it. TLS shows them as they stand, and others follow them so."
        advice "put them in order: cat leaf.pem intermediate.pem >answer.pem"
        example "signed/admin.pem" ["(the intermediate)", "(the leaf)"]
        right ["(the leaf)", "(the intermediate)"]
        met "With exports that begin at the root, and where two answers were put into one file."
        see ["https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2"]
    }

    MISSING_ISSUER "answer-missing-issuer" Error "answer whose issuer is not there" {
        meaning "Who signed is known by name alone: without his certificate nobody can follow the chain, and nobody can trust him."
        advice "put the certificate of whoever signed it into the folder, or behind the answer in its file"
        example "signed/" ["(no certificate of Example Issuing CA 2)"]
        met "When the root was sent along and the intermediate that signs was forgotten."
    }

    PATH_LENGTH "answer-path-length" Error "path length that does not fit" {
        meaning "An authority of the chain permits fewer authorities below it than there are, and the chain is refused; or one that was asked for got another limit."
        advice "have it signed by an authority whose path length suffices"
        example "signed/ca.pem" ["X509v3 Basic Constraints: critical CA:TRUE, pathlen:0"]
        met "With an issuing authority that may sign no others (pathlen:0), when an intermediate of one's own was asked for."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9"]
    }

    ISSUER_NO_AUTHORITY "answer-issuer-no-authority" Error "issuer that is no authority" {
        meaning "Whoever signed has a certificate that does not let it sign others: no CA:TRUE, or a key usage without keyCertSign."
        advice "have it signed by an authority, or send the authority's own certificate"
        example "signed/ca.pem" ["X509v3 Basic Constraints: CA:FALSE"]
        right ["X509v3 Basic Constraints: critical CA:TRUE"]
        met "With roots made by `openssl req -x509` under a configuration without v3_ca, which are of version 1 or say nothing."
    }

    WRONG_ISSUER "answer-wrong-issuer" Error "answer of another authority" {
        meaning "The others were signed by another authority, or cluster.toml names another one. Where that one is trusted, this certificate is refused."
        advice "have it signed by the same authority; or name one above both, with `cert` below [pki.ca] or [pki.bring.NAME]"
        example "signed/admin.pem" ["issuer=CN = Example Issuing CA 1"]
        right ["issuer=CN = Example Issuing CA 2"]
        met "With services that have several issuing authorities and take one or the other, and when requests of etcd's authority went to that of the cluster."
    }

    REFUSED "answer-refused" Error "answer that programs refuse" {
        meaning "Go, and with it Kubernetes and etcd, would refuse the certificate or its chain: for a critical extension that it does not know, a name that the authority may not sign for, a purpose that it withholds."
        advice "have it signed without what is named here, or by an authority that may"
        example "signed/ca.pem" ["X509v3 Name Constraints: Permitted: DNS:example.org"]
        met "With company authorities that may sign for the company's own domain, and are asked for kubernetes.default.svc."
        see ["https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10"]
    }

    SHARED_AUTHORITY "answer-shared-authority" Error "one authority in the place of two" {
        meaning "The layout `split` has authorities of their own for the cluster, etcd and the front proxy, so that a certificate of one opens nothing of the others: a kubelet's would open etcd, and with it every Secret."
        advice "have each signed by an authority of its own, an intermediate each will do; or set layout = \"single\" in [pki], which says that there is one"
        example "cluster.toml" ["[pki.bring.etcd-ca]", "external = true"]
        met "Where the company has one authority, and all requests went to it."
        see ["https://kubernetes.io/docs/setup/best-practices/certificates/"]
    }

    BROAD_TRUST "answer-broad-trust" Warning "authority trusted above the one that signs" {
        meaning "The certificate that cluster.toml names is above the one that signed. Whatever any other authority below it signs is believed as well: whoever gets a certificate there with O = system:masters is an administrator."
        advice "leave `cert` out, and the one that signed is trusted; or keep it, if its owner signs for this cluster alone"
        example "cluster.toml" ["[pki.ca]", "external = true", "cert = \"corporate-root.pem\""]
        right ["[pki.ca]", "external = true"]
        met "When the company's root was named, since clients with OpenSSL ask for a chain up to a root."
        see ["https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates"]
    }
}
