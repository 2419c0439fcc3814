//! How the texts in cluster.toml are to be written, as far as a regular expression can tell: what they are called | pattern |
//! longest | one that is right.
//!
//! Each is as wide as its reader or wider: `tests/schema.rs` holds that what is read is never refused.
use crate::input::names::{LONGEST_DOMAIN, LONGEST_HOST_NAME, LONGEST_NAME};

use super::kind::TextForm;

const fn form(called: &'static str, pattern: &'static str, longest: usize, such_as: &'static str) -> TextForm {
    TextForm {
        called,
        pattern,
        longest,
        such_as,
    }
}

/// Nothing is known of its length.
const ANY: usize = usize::MAX;

macro_rules! label {
    () => {
        "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    };
}
macro_rules! dns_name {
    () => {
        concat!(label!(), "(\\.", label!(), ")*")
    };
}
macro_rules! address {
    () => {
        "([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)"
    };
}
macro_rules! value {
    () => {
        "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
    };
}

/// All of a text is this.
macro_rules! all {
    ($($part:expr),*) => {
        concat!("^(", $($part),*, ")$")
    };
}

pub static ANYTHING: TextForm = form("a text", "", ANY, "");
pub static NAME: TextForm = form("a name", "", ANY, "");
pub static ROLE_OR_HOST: TextForm = form("a role or a host", "", ANY, "");
pub static ALL_ROLE_OR_HOST: TextForm = form("`all`, a role or a host", "", ANY, "");
pub static PATH: TextForm = form("a path, relative to this file", ".", ANY, "");

pub static VERSION: TextForm = form("a version", r"^v?[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4}(-(alpha|beta|rc)\.[0-9]{1,4})?)?$", ANY, "");
pub static GO_RELEASE: TextForm = form("a release of Go", r"^(go)?v?[0-9]{1,4}(\.[0-9]{1,4}){1,2}$", ANY, "");
/// As it is written, and as TOML's own become when they are read into JSON.
pub static MOMENT: TextForm = form("an instant", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.0+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$", ANY, "");

pub static CLUSTER_NAME: TextForm = form("a name of letters, digits, `-`, `.` and `_`", all!(value!()), LONGEST_HOST_NAME, "");
pub static DOMAIN: TextForm = form("a DNS name in lower case", all!(dns_name!()), LONGEST_DOMAIN, "");
pub static HOST_NAME: TextForm = form("a DNS name in lower case", all!(dns_name!()), LONGEST_HOST_NAME, "node1");
pub static DNS_NAME: TextForm = form("a DNS name in lower case", all!(dns_name!()), LONGEST_NAME, "master1.example.org");
pub static CERTIFICATE_NAME: TextForm = form("a name in lower case without a dot", all!(label!()), LONGEST_HOST_NAME, "metrics");
pub static POOL_NAME: TextForm = form("a name with the number in it", r"^[a-z0-9.-]*\{n(:0[1-9][0-9]?)?\}[a-z0-9.-]*$", ANY, "worker-{n:04}");

pub static ADDRESS: TextForm = form("an address", all!(address!()), ANY, "10.0.0.11");
pub static RANGE: TextForm = form("an address range", all!(address!(), "/[0-9]{1,3}"), ANY, "10.200.0.0/16");
pub static NAME_OR_ADDRESS: TextForm = form("a DNS name or an address", all!(dns_name!(), "|", address!()), LONGEST_NAME, "api.example.org");
pub static ENDPOINT: TextForm = form("`host[:port]`", all!("(", dns_name!(), "|", address!(), r"|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"), ANY, "api.example.org:6443");
pub static INTERFACE: TextForm = form("a network interface", "^[A-Za-z0-9._-]+$", 15, "eth0");

pub static LABEL: TextForm = form("a label", all!("(", dns_name!(), "/)?", value!()), ANY, "topology.kubernetes.io/zone");
pub static LABEL_VALUE: TextForm = form("a value", all!("(", value!(), ")?"), 63, "");
pub static TAINT: TextForm = form("`key=value:effect`", all!("(", dns_name!(), "/)?", value!(), "(=(", value!(), ")?)?:(NoSchedule|PreferNoSchedule|NoExecute)"), ANY, "dedicated=gpu:NoSchedule");

/// Whether its sum is right, and which kind of key it is, the reader says.
pub static RECIPIENT: TextForm = form("a public key of age or SSH", "^ *(age1[02-9ac-hj-np-z]+|ssh-ed25519 +[A-Za-z0-9+/=]+( .*)?) *$", ANY, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p");

pub static PATH_ON_HOST: TextForm = form("an absolute path", r"^(/[!#-&(-.0-\[\]-_a-~]+)+$", 2048, "/etc/motd");
pub static KEY_MODE: TextForm = form("`0400`, `0440`, `0600` or `0640`", "^0?[46][04]0$", 4, "");
pub static FILE_MODE: TextForm = form("an octal mode, not writable by everybody", "^0?[4-7][0-7][0145]$", 4, "0644");

pub static FLAG_NAME: TextForm = form("a flag without its hyphens", "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", ANY, "v");
pub static AUTHORITY_NAME: TextForm = form("the name of an authority", "^[a-z-]+(@[0-9]+)?$", ANY, "ca@2");
pub static BROUGHT_NAME: TextForm = form("the name of an authority, or of what signs tokens", "^[a-z-]+(@[0-9]+)?$", ANY, "ca@2");
pub static ENCRYPTION_KEY_NAME: TextForm = form("a name of letters, digits, `.`, `_` and `-`", "^[A-Za-z0-9._-]+$", ANY, "key1");
pub static KEY_NAME: TextForm = form("the name of a key or a host", "^[a-z0-9.*/-]+$", ANY, "kubelet-client/node1");
pub static VARIABLE: TextForm = form("a variable", "^[A-Za-z_][A-Za-z0-9_]*$", ANY, "HTTPS_PROXY");
