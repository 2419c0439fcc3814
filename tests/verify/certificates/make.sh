#!/bin/sh
# Makes the certificates that khw-gen itself refuses to make, by OpenSSL: signed over SHA-1, with RSA keys of 1024 bits. The
# authority and node1's key are those of the walk-through's public seed, in golden/. Run it here; its answers are kept.
set -eu
golden=../../../golden/walkthrough/control/rootfs/root/certs
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/ca.cnf" <<END
[ca]
default_ca = it
[it]
database         = $scratch/index
new_certs_dir    = $scratch
serial           = $scratch/serial
certificate      = $golden/ca.pem
private_key      = $golden/ca-key.pem
policy           = any
x509_extensions  = node
unique_subject   = no
[any]
countryName            = optional
stateOrProvinceName    = optional
localityName           = optional
organizationName       = optional
organizationalUnitName = optional
commonName             = supplied
[node]
basicConstraints     = critical, CA:false
keyUsage             = critical, digitalSignature, keyEncipherment
extendedKeyUsage     = serverAuth, clientAuth
subjectKeyIdentifier = hash
subjectAltName       = DNS:node1, IP:10.128.15.223
END
: > "$scratch/index"
echo 01 > "$scratch/serial"

subject='/C=US/ST=Oregon/L=Portland/O=system:nodes/OU=Kubernetes The Hard Way/CN=system:node:node1'
sign() { # digest, request, certificate
    openssl ca -batch -notext -config "$scratch/ca.cnf" -md "$1" -startdate 20260101000000Z -enddate 20270101000000Z \
        -in "$2" -out "$3" -preserveDN 2> "$scratch/said" || { cat "$scratch/said"; exit 1; }
}
openssl req -new -key "$golden/node1-key.pem" -subj "$subject" -out "$scratch/node1.csr"
sign sha1 "$scratch/node1.csr" node1-sha1.pem
openssl genrsa -out node1-rsa1024-key.pem -traditional 1024 2> /dev/null
openssl req -new -key node1-rsa1024-key.pem -subj "$subject" -out "$scratch/weak.csr"
sign sha256 "$scratch/weak.csr" node1-rsa1024.pem

# What OpenSSL refuses to make as well: authorities that Go refuses, and a kubelet without its key usage.
go run authorities.go
