//! Who may override flags: a trusted caller, and every caller with a signed list.
//!
//! A signed list is `LIST;expires=UNIX_SECONDS;signature=BASE64URL`, which also fits into a link for testers.

use axum::http::HeaderName;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};

use crate::{
    options::signing::SigningKey,
    toggles::{error::ToggleError, list::validate},
};

/// The purpose of the signatures.
const PURPOSE: &str = "request toggles";

/// Who may override flags.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'a> {
    /// Whether the caller may override flags without a signature.
    pub(crate) caller: bool,
    /// The key of signed lists, if the server has one.
    pub(crate) key: Option<&'a SigningKey>,
}

/// The list without its signature.
///
/// # Errors
/// [`ToggleError::Forbidden`] if the caller may not override flags and the list is not signed, and for a
/// signature that is invalid or has expired.
pub(crate) fn verify<'a>(
    text: &'a str,
    header: &HeaderName,
    trust: Trust<'_>,
) -> Result<&'a str, ToggleError> {
    verify_at(text, header, trust, Utc::now())
}

fn verify_at<'a>(
    text: &'a str,
    header: &HeaderName,
    trust: Trust<'_>,
    now: DateTime<Utc>,
) -> Result<&'a str, ToggleError> {
    let Some((list, suffix)) = text.split_once(';') else {
        if trust.caller {
            return Ok(text);
        }
        let text = format!(
            "header {header}: overriding flags requires a token with the role `server` or `admin`, or a signed list"
        );
        return Err(ToggleError::Forbidden(text));
    };
    let invalid = || {
        let expected = "expected LIST;expires=UNIX_SECONDS;signature=SIGNATURE, the output of `novi sign`";
        ToggleError::Invalid(format!("header {header}: {expected}"))
    };
    let forbidden = |why: &str| Err(ToggleError::Forbidden(format!("header {header}: {why}")));
    let (expires, signature) = suffix.split_once(';').ok_or_else(invalid)?;
    let expires = expires.trim().strip_prefix("expires=").and_then(|text| text.parse::<i64>().ok());
    let expires = expires.ok_or_else(invalid)?;
    let signature = signature.trim().strip_prefix("signature=").ok_or_else(invalid)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
    let Some(key) = trust.key else {
        return forbidden("this server cannot verify signatures; set signing_key in [server]");
    };
    if signature.len() != 32 || !key.verify_start(PURPOSE, message(list, expires).as_bytes(), &signature) {
        return forbidden("the signature does not match the list and its expiry");
    }
    if now.timestamp() >= expires {
        return forbidden("the signed list has expired");
    }
    Ok(list)
}

impl SigningKey {
    /// Signs a list of toggles, such as `new-foo:2=on,fast-bar=off`. Every caller may send the result as the
    /// value of the header until it expires.
    ///
    /// # Errors
    /// [`ToggleError::Invalid`] if no server would accept the list.
    pub fn sign_toggles(&self, list: &str, expires: DateTime<Utc>) -> Result<String, ToggleError> {
        validate(list)?;
        let (list, expires) = (list.trim(), expires.timestamp());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.sign(PURPOSE, message(list, expires).as_bytes()));
        Ok(format!("{list};expires={expires};signature={signature}"))
    }
}

fn message(list: &str, expires: i64) -> String {
    format!("{expires};{}", list.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_list_is_valid_until_it_expires() {
        let header = HeaderName::from_static("x-toggles");
        let (key, other) = (SigningKey::random(), SigningKey::random());
        let end = DateTime::from_timestamp(2_000_000_000, 0).unwrap();
        let (before, after) = (DateTime::from_timestamp(1_999_999_999, 0).unwrap(), end);
        let text = key.sign_toggles(" new-foo:2=on ", end).unwrap();
        let verify = |text: &str, caller, key: Option<&SigningKey>, now| {
            verify_at(text, &header, Trust { caller, key }, now).map(str::to_owned)
        };
        let error = |text: &str, caller, key, now| verify(text, caller, key, now).unwrap_err().to_string();
        assert_eq!(verify(&text, false, Some(&key), before), Ok("new-foo:2=on".to_owned()));
        assert!(error(&text, false, Some(&key), after).ends_with("has expired"));
        assert!(error(&text, false, Some(&other), before).contains("the signature does not match"));
        // An invalid signature is an error even from a trusted caller.
        assert!(error(&text, true, Some(&other), before).contains("the signature does not match"));
        assert!(error(&text, false, None, before).contains("cannot verify"));
        let longer = text.replace("expires=2000000000", "expires=2000000001");
        assert!(error(&longer, false, Some(&key), before).contains("the signature does not match"));
        let others = text.replace("new-foo:2", "new-foo:1");
        assert!(error(&others, false, Some(&key), before).contains("the signature does not match"));
        for text in [
            "a=on;",
            "a=on;expires=x;signature=y",
            "a=on;signature=y;expires=1",
            "a=on;expires=1;signature=%",
        ] {
            assert!(error(text, false, Some(&key), before).contains("expected LIST;expires="), "{text}");
        }
        assert!(matches!(verify("a=on", false, Some(&key), before), Err(ToggleError::Forbidden(_))));
        assert_eq!(verify("a=on", true, None, before), Ok("a=on".to_owned()));
    }
}
