//! Who may override flags: whoever is trusted, and whoever has a list that somebody has signed who is.
//!
//! A signed list is `LIST;expires=UNIX_SECONDS;signature=BASE64URL`: a link for testers can carry it.

use axum::http::HeaderName;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};

use super::ToggleError;
use crate::signing::SigningKey;

/// What is signed.
const PURPOSE: &str = "request toggles";

/// Whom to believe.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'a> {
    /// Whoever asks may override flags without a signature.
    pub(crate) all: bool,
    /// Who may have signed a list.
    pub(crate) key: Option<&'a SigningKey>,
}

/// The list alone, if it may be believed.
pub(super) fn open<'a>(text: &'a str, header: &HeaderName, trust: Trust<'_>) -> Result<&'a str, ToggleError> {
    open_at(text, header, trust, Utc::now())
}

fn open_at<'a>(
    text: &'a str,
    header: &HeaderName,
    trust: Trust<'_>,
    now: DateTime<Utc>,
) -> Result<&'a str, ToggleError> {
    let Some((list, seal)) = text.split_once(';') else {
        if trust.all {
            return Ok(text);
        }
        let text = format!(
            "the header {header}: who asks may not override flags: it takes a token of the role server or admin, or a \
             list that is signed"
        );
        return Err(ToggleError::Forbidden(text));
    };
    let invalid = || {
        let expected = "expected LIST;expires=UNIX_SECONDS;signature=SIGNATURE, as `novi sign` writes it";
        ToggleError::Invalid(format!("the header {header}: {expected}"))
    };
    let forbidden = |why: &str| Err(ToggleError::Forbidden(format!("the header {header}: {why}")));
    let (expires, signature) = seal.split_once(';').ok_or_else(invalid)?;
    let expires = expires.trim().strip_prefix("expires=").and_then(|text| text.parse::<i64>().ok());
    let expires = expires.ok_or_else(invalid)?;
    let signature = signature.trim().strip_prefix("signature=").ok_or_else(invalid)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
    let Some(key) = trust.key else {
        return forbidden("this server has no key to check a signature with ([server] signing_key)");
    };
    let whole = signature.len() == 32;
    if !whole || !key.verify_start(PURPOSE, message(list, expires).as_bytes(), &signature) {
        return forbidden("the signature is not that of the list and its time");
    }
    if now.timestamp() >= expires {
        return forbidden("the signed list has expired");
    }
    Ok(list)
}

impl SigningKey {
    /// A list of toggles that anybody may send until then, as the value of the header: `new-foo:2=on,fast-bar=off`, followed
    /// by its end and its signature.
    #[must_use]
    pub fn sign_toggles(&self, list: &str, expires: DateTime<Utc>) -> String {
        let (list, expires) = (list.trim(), expires.timestamp());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.sign(PURPOSE, message(list, expires).as_bytes()));
        format!("{list};expires={expires};signature={signature}")
    }
}

fn message(list: &str, expires: i64) -> String {
    format!("{expires};{}", list.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_list_is_good_until_it_expires() {
        let header = HeaderName::from_static("x-toggles");
        let (key, other) = (SigningKey::random(), SigningKey::random());
        let end = DateTime::from_timestamp(2_000_000_000, 0).unwrap();
        let (before, after) = (DateTime::from_timestamp(1_999_999_999, 0).unwrap(), end);
        let text = key.sign_toggles(" new-foo:2=on ", end);
        let open = |text: &str, all, key: Option<&SigningKey>, now| {
            open_at(text, &header, Trust { all, key }, now).map(str::to_owned)
        };
        let refused = |text: &str, all, key, now| open(text, all, key, now).unwrap_err().to_string();
        assert_eq!(open(&text, false, Some(&key), before), Ok("new-foo:2=on".to_owned()));
        assert!(refused(&text, false, Some(&key), after).ends_with("has expired"));
        assert!(refused(&text, false, Some(&other), before).contains("the signature is not that"));
        // Whoever is trusted still may not send what looks signed and is not.
        assert!(refused(&text, true, Some(&other), before).contains("the signature is not that"));
        assert!(refused(&text, false, None, before).contains("no key"));
        let longer = text.replace("expires=2000000000", "expires=2000000001");
        assert!(refused(&longer, false, Some(&key), before).contains("the signature is not that"));
        let others = text.replace("new-foo:2", "new-foo:1");
        assert!(refused(&others, false, Some(&key), before).contains("the signature is not that"));
        for text in [
            "a=on;",
            "a=on;expires=x;signature=y",
            "a=on;signature=y;expires=1",
            "a=on;expires=1;signature=%",
        ] {
            assert!(refused(text, false, Some(&key), before).contains("expected LIST;expires="), "{text}");
        }
        assert!(matches!(open("a=on", false, Some(&key), before), Err(ToggleError::Forbidden(_))));
        assert_eq!(open("a=on", true, None, before), Ok("a=on".to_owned()));
    }
}
