"""Judges certificate chains with the path validation of PyCA's cryptography, by its Web PKI profile.

Standard input: a JSON list of cases; standard output: a JSON list of verdicts in the same order. A case says in `relaxed`
which of the profile's demands it is not held to; the test says why.
"""

import base64
import datetime
import ipaddress
import json
import sys

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError


def certificate(text):
    return x509.load_der_x509_certificate(base64.b64decode(text))


def subject(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def verify(case):
    time = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc).replace(tzinfo=None)
    policy = PolicyBuilder().store(Store([certificate(case["root"])])).time(time)
    if "alternative names" in case["relaxed"]:
        leaf = ExtensionPolicy.webpki_defaults_ee().may_be_present(
            x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
        )
        policy = policy.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=leaf)
    if case["purpose"] == "client":
        verifier = policy.build_client_verifier()
    else:
        verifier = policy.build_server_verifier(subject(case["name"]))
    verifier.verify(certificate(case["leaf"]), [certificate(text) for text in case["intermediates"]])


def why(error):
    try:
        return f"{type(error).__name__}: {error}"
    except ValueError:
        # The text would show the subject, and this library's names can't hold the same value twice.
        return type(error).__name__


def judge(case):
    try:
        verify(case)
    except (VerificationError, ValueError) as error:
        return {"ok": False, "why": why(error)}
    return {"ok": True, "why": ""}


json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
