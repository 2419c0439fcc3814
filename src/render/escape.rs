//! How a value is written: escaped for the kind of file it is, by the file's name, so that it can't break out of a unit, a YAML
//! file, a load balancer's file or a shell script, whatever it holds. Secrets go straight into the file's own wiped buffer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use minijinja::value::{Object, Value};
use minijinja::{Error, ErrorKind, Output, State};

use crate::pki::secret::SecretBytes;
use crate::yaml;

/// Writes a value as the kind of file that is being rendered needs it.
pub fn escape_for_the_file(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(secret) = value.downcast_object_ref::<SecretText>() {
        return secret.write_to(out);
    }
    if value.is_safe() {
        return Ok(write!(out, "{value}")?);
    }
    let text = match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(value.to_string()),
    };
    let escaped: Option<Cow<'_, str>> = match state.name().rsplit('.').next().unwrap_or_default() {
        "service" => systemd_argument(&text).map(Cow::Owned),
        "yaml" => match value.as_str() {
            Some(text) => Some(Cow::Owned(yaml::scalar(text))),
            None => Some(Cow::Borrowed(&text)),
        },
        "conf" | "cfg" => plain_token(&text).map(Cow::Owned),
        "sh" => Some(Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))),
        "conflist" => serde_json::to_string(value).ok().map(Cow::Owned),
        "md" | "raw" => (!text.chars().any(char::is_control)).then_some(Cow::Borrowed(&text)),
        _ => None,
    };
    let escaped = escaped.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("{text:?} can't stand in {}", state.name()),
        )
    })?;
    Ok(out.write_str(&escaped)?)
}

/// One word of a systemd command line: specifiers and variables are doubled, and what a word must not hold is quoted
/// (systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers").
fn systemd_argument(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let doubled = text.replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:@%$+[]~".contains(c);
    if !doubled.is_empty() && doubled.chars().all(plain) {
        return Some(doubled);
    }
    Some(format!("\"{}\"", doubled.replace('\\', r"\\").replace('"', r#"\""#)))
}

/// The variables of a unit, as `Environment=` takes them: in quotes, with the escapes of quotes, and specifiers doubled
/// (systemd.exec(5), "Environment="; systemd.syntax(7), "Quoting").
pub fn environment_lines(environment: &[(String, String)]) -> Vec<String> {
    environment
        .iter()
        .map(|(name, value)| {
            let escaped = value.replace('\\', r"\\").replace('"', r#"\""#).replace('%', "%%");
            format!("\"{name}={escaped}\"")
        })
        .collect()
}

/// A word of an nginx, haproxy or keepalived file that needs no quotes: a name, an address or a number.
fn plain_token(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]/".contains(c);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// A secret as a template's variable: it can be written into a file, and into nothing else.
pub struct SecretText(pub Arc<SecretBytes>);

impl SecretText {
    pub fn base64_of(secret: &SecretBytes) -> Self {
        let mut text = zeroize::Zeroizing::new(vec![0; Base64::encoded_len(secret.expose())]);
        // The buffer has the length that the encoding needs, so this does not fail.
        let encoded = Base64::encode(secret.expose(), &mut text).unwrap_or_default();
        SecretText(Arc::new(SecretBytes::from(encoded.as_bytes())))
    }

    fn write_to(&self, out: &mut Output<'_>) -> Result<(), Error> {
        let text = std::str::from_utf8(self.0.expose())
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, "a secret is not text"))?;
        Ok(out.write_str(text)?)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, not shown")
    }
}

impl Object for SecretText {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, not shown")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_systemd_argument_stays_one_word() {
        assert_eq!(systemd_argument("--a=b,c:1").as_deref(), Some("--a=b,c:1"));
        assert_eq!(systemd_argument("--a=50%$HOME").as_deref(), Some("--a=50%%$$HOME"));
        assert_eq!(systemd_argument("a b").as_deref(), Some("\"a b\""));
        assert_eq!(systemd_argument(r#"a"\;"#).as_deref(), Some(r#""a\"\\;""#));
        assert_eq!(systemd_argument("a\nExecStartPre=/bin/sh"), None);
    }

    #[test]
    fn a_variable_stays_one_assignment() {
        let own = [("A".to_owned(), r#"50% of "$x" \ y"#.to_owned())];
        assert_eq!(environment_lines(&own), [r#""A=50%% of \"$x\" \\ y""#]);
    }

    #[test]
    fn a_plain_token_holds_no_syntax() {
        assert_eq!(plain_token("[fd00::1]").as_deref(), Some("[fd00::1]"));
        assert_eq!(plain_token("a;"), None);
        assert_eq!(plain_token("a b"), None);
        assert_eq!(plain_token("a#b"), None);
        assert_eq!(plain_token("{"), None);
    }
}
