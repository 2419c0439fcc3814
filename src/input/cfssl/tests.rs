//! What Go's decoder and cfssl 1.6.5 were seen to make of odd files.
use time::Duration;

use super::*;
use crate::pki::cfssl::{KeyUsage, Usage};
use crate::pki::key::{Algorithm, Curve, MlDsa, RsaBits};

fn request(text: &str) -> (Option<Request>, Vec<&'static str>) {
    let say = Reporter::default();
    let request = read_request(&SourceFile::new("a-csr.json", text), &say);
    (
        request,
        say.into_vec().into_iter().map(|finding| finding.code).collect(),
    )
}

fn config(text: &str) -> (Option<SigningConfig>, Vec<&'static str>) {
    let say = Reporter::default();
    let config = read_signing_config(&SourceFile::new("ca-config.json", text), &say);
    (config, say.into_vec().into_iter().map(|finding| finding.code).collect())
}

#[test]
fn the_key_fills_in_the_default_key() {
    let rsa = RsaBits::new(2048).map(Algorithm::Rsa);
    for (key, expected) in [
        ("{}", Some(Algorithm::Ecdsa(Curve::P256))),
        (r#"{"key": null}"#, Some(Algorithm::Ecdsa(Curve::P256))),
        (r#"{"key": {}}"#, Some(Algorithm::Ecdsa(Curve::P256))),
        (
            r#"{"key": {"algo": null, "size": null}}"#,
            Some(Algorithm::Ecdsa(Curve::P256)),
        ),
        (r#"{"key": {"size": 384}}"#, Some(Algorithm::Ecdsa(Curve::P384))),
        (r#"{"key": {"algo": "ed25519"}}"#, Some(Algorithm::Ed25519)),
        (
            r#"{"key": {"algo": "mldsa44"}}"#,
            Some(Algorithm::MlDsa(MlDsa::MlDsa44)),
        ),
        // As of Ed25519, cfssl passes over the size.
        (
            r#"{"key": {"algo": "mldsa65", "size": 999}}"#,
            Some(Algorithm::MlDsa(MlDsa::MlDsa65)),
        ),
        (
            r#"{"key": {"algo": "mldsa87", "size": 0}}"#,
            Some(Algorithm::MlDsa(MlDsa::MlDsa87)),
        ),
        (r#"{"key": {"algo": "mldsa99"}}"#, None),
        (r#"{"key": {"algo": "ML-DSA-65"}}"#, None),
        (r#"{"key": {"algo": "rsa", "size": 2048}}"#, rsa),
        (r#"{"key": {"algo": "rsa"}, "key": {"size": 2048}}"#, rsa),
        (
            r#"{"key": {"algo": "rsa", "size": 2048}, "key": null}"#,
            Some(Algorithm::Ecdsa(Curve::P256)),
        ),
        (r#"{"key": {"algo": "rsa"}}"#, None),
        (r#"{"key": {"algo": "rsa", "size": 2048.0}}"#, None),
        (r#"{"key": {"algo": "ecdsa", "size": 2.56e2}}"#, None),
        (r#"{"key": {"algo": "rsa", "size": 16384}}"#, None),
    ] {
        assert_eq!(request(key).0.map(|request| request.key), expected, "{key}");
    }
}

#[test]
fn fields_are_found_in_any_case_and_the_last_one_counts() {
    let (read, codes) = request(r#"{"cn": "a", "CN": "b", "CN": null, "ho\u017ft\u017f": ["x.y"]}"#);
    let read = read.expect("a request");
    assert_eq!((read.cn.as_str(), read.hosts), ("b", vec!["x.y".to_owned()]));
    assert_eq!(codes, ["field-case", "field-case", "duplicate-field"]);
    let (read, _) = request(r#"{"hosts": ["x.y"], "hosts": null}"#);
    assert_eq!(read.map(|read| read.hosts), Some(Vec::new()));
}

#[test]
fn names_keep_their_order_and_nulls_are_blank() {
    let (read, codes) =
        request(r#"{"names": [null, {"O": "x", "OID": {"2.5.4.9": "s", "1.2.840": "v"}}], "hosts": [null]}"#);
    let read = read.expect("a request");
    assert!(codes.is_empty(), "{codes:?}");
    assert_eq!(read.names.len(), 2);
    assert_eq!(
        read.names[1].oid,
        [(vec![2, 5, 4, 9], "s".to_owned()), (vec![1, 2, 840], "v".to_owned())]
    );
    assert_eq!(read.hosts, [""]);
    assert_eq!(
        request(r#"{"names": [{"C": "US"}], "names": [{"O": "x"}]}"#).1,
        ["duplicate-field", "mixed-lists"]
    );
}

#[test]
fn profiles_inherit_from_the_default_what_cfssl_lets_them() {
    let (read, codes) = config(
        r#"{"signing": {
            "default": {"expiry": "24h", "backdate": "1h", "usages": ["any"], "issuer_urls": ["http://d/i"], "ocsp_url": "http://d/o", "crl_url": "http://d/c"},
            "profiles": {
                "all": {"expiry": "0h", "usages": ["signing"]},
                "own": {"expiry": "1h", "usages": ["signing"], "issuer_urls": [], "ocsp_url": "http://p/o", "crl_url": "http://p/c"}
            }}}"#,
    );
    let read = read.expect("a configuration");
    assert!(codes.is_empty(), "{codes:?}");
    let all = &read.profiles["all"].profile;
    assert_eq!((all.expiry, all.backdate), (Duration::hours(24), None));
    assert_eq!(
        (all.issuer_urls.as_slice(), all.ocsp_url.as_str(), all.crl_url.as_str()),
        (&["http://d/i".to_owned()][..], "http://d/o", "http://d/c")
    );
    assert_eq!(all.usages, [Usage::Key(KeyUsage::DigitalSignature)]);
    let own = &read.profiles["own"].profile;
    assert_eq!((own.expiry, own.issuer_urls.len()), (Duration::hours(1), 0));
    assert_eq!(
        (own.ocsp_url.as_str(), own.crl_url.as_str()),
        ("http://p/o", "http://p/c")
    );
}

#[test]
fn without_a_default_there_is_cfssls_own() {
    let (read, codes) = config(r#"{"signing": {"profiles": {"p": {"expiry": "0h", "usages": ["signing"]}}}}"#);
    assert!(codes.is_empty(), "{codes:?}");
    let read = read.expect("a configuration");
    assert_eq!(read.profiles["p"].profile.expiry, Duration::hours(8760));
    assert_eq!(
        read.profile("default").map(|default| default.profile.usages.len()),
        Some(4)
    );
    assert!(read.profile("other").is_none());
}

#[test]
fn one_bad_profile_breaks_the_file() {
    let (_, codes) = config(
        r#"{"signing": {"profiles": {"good": {"expiry": "1h", "usages": ["signing"]}, "a": {"usages": ["signing"]}, "b": {"expiry": "1h"}, "c": null}}}"#,
    );
    assert_eq!(codes, ["missing-field", "no-usages", "wrong-type"]);
}
