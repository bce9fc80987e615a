//! The credential of a request.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use novi::store::token::TokenHash;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The credential of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    None,
    Token(&'a str),
    /// Text that cannot be a token, or several different tokens.
    Malformed,
}

impl Credential<'_> {
    /// A number that differs for different tokens.
    pub(crate) fn fingerprint(self) -> u64 {
        match self {
            Self::Token(text) => {
                TokenHash::of(text).as_bytes().first_chunk().map_or(0, |start| u64::from_le_bytes(*start))
            }
            Self::None | Self::Malformed => 0,
        }
    }
}

/// The token in `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Other schemes are ignored: they may be
/// for a proxy.
pub(crate) fn credential(headers: &HeaderMap) -> Credential<'_> {
    let bearers = headers.get_all(header::AUTHORIZATION).iter().filter_map(bearer);
    let keys = headers.get_all(API_KEY).iter().map(HeaderValue::as_bytes);
    let mut found = Credential::None;
    for bytes in bearers.chain(keys) {
        let text = std::str::from_utf8(bytes).map_or("", str::trim);
        let next = if text.is_empty() { Credential::Malformed } else { Credential::Token(text) };
        if found != Credential::None && found != next {
            return Credential::Malformed;
        }
        found = next;
    }
    found
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let (scheme, rest) = value.as_bytes().split_at_checked(SCHEME.len())?;
    let ends = rest.first().is_none_or(|byte| *byte == b' ');
    (ends && scheme.eq_ignore_ascii_case(SCHEME)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_comes_from_either_header_unless_they_differ() {
        use Credential::{Malformed, None, Token};
        for (sent, expected) in [
            (&[][..], None),
            (&[("authorization", "Bearer abc")], Token("abc")),
            (&[("authorization", "bEARER   abc ")], Token("abc")),
            (&[("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearer abc"), ("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearer abc"), ("x-api-key", "other")], Malformed),
            (&[("authorization", "Bearer abc"), ("authorization", "Bearer other")], Malformed),
            (&[("authorization", "Basic abc")], None),
            (&[("authorization", "Basic abc"), ("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearerabc")], None),
            (&[("authorization", "abc")], None),
            (&[("authorization", "Bearer")], Malformed),
            (&[("authorization", "Bearer ")], Malformed),
            (&[("x-api-key", "")], Malformed),
            (&[("x-api-key", "\u{ff}")], Malformed),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                let bytes: Vec<u8> =
                    value.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
                headers.append(*name, HeaderValue::from_bytes(&bytes).unwrap());
            }
            assert_eq!(credential(&headers), expected, "{sent:?}");
        }
    }
}
