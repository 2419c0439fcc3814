"""Judges key files, certificates and signatures of ML-DSA with PyCA's cryptography, which has OpenSSL's implementation of it.

Standard input: a JSON list of cases, each the PEM of a private key, of its certificate and of its issuer's; standard output: a JSON list
of signatures that OpenSSL made with those keys over the message `khw-gen`, in base64, in the same order. A case that is wrong ends it.
"""

import base64
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def judge(case):
    key = serialization.load_pem_private_key(case["key"].encode(), None)
    certificate = x509.load_pem_x509_certificate(case["certificate"].encode())
    issuer = x509.load_pem_x509_certificate(case["issuer"].encode())
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert key.public_key().public_bytes(*spki) == certificate.public_key().public_bytes(*spki), "another key"
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()), "another identifier"
    assert certificate.issuer == issuer.subject, "another issuer"
    issuer.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes)
    try:
        issuer.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes + b"\0")
    except Exception:
        pass
    else:
        raise AssertionError("a signature over something else verifies")
    return base64.b64encode(key.sign(b"khw-gen")).decode()


json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
