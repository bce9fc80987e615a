//! What a request presents as its token.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use novi::token::TokenHash;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    Nothing,
    Token(&'a str),
    /// Something that can be no token, or several things of which nobody can say which counts.
    Nonsense,
}

impl Presented<'_> {
    /// A number that tells guesses apart.
    pub(super) fn fingerprint(self) -> u64 {
        match self {
            Self::Token(text) => {
                TokenHash::of(text).as_bytes().first_chunk().map_or(0, |start| u64::from_le_bytes(*start))
            }
            Self::Nothing | Self::Nonsense => 0,
        }
    }
}

/// `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Other ways to authorize are none of ours: a proxy may have used them.
pub(crate) fn presented(headers: &HeaderMap) -> Presented<'_> {
    let bearers = headers.get_all(header::AUTHORIZATION).iter().filter_map(bearer);
    let keys = headers.get_all(API_KEY).iter().map(HeaderValue::as_bytes);
    let mut found = Presented::Nothing;
    for bytes in bearers.chain(keys) {
        let text = std::str::from_utf8(bytes).map_or("", str::trim);
        let now = if text.is_empty() { Presented::Nonsense } else { Presented::Token(text) };
        if found != Presented::Nothing && found != now {
            return Presented::Nonsense;
        }
        found = now;
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
    fn tokens_are_taken_from_two_headers_and_never_guessed() {
        use Presented::{Nonsense, Nothing, Token};
        for (given, expected) in [
            (&[][..], Nothing),
            (&[("authorization", "Bearer abc")], Token("abc")),
            (&[("authorization", "bEARER   abc ")], Token("abc")),
            (&[("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearer abc"), ("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearer abc"), ("x-api-key", "other")], Nonsense),
            (&[("authorization", "Bearer abc"), ("authorization", "Bearer other")], Nonsense),
            (&[("authorization", "Basic abc")], Nothing),
            (&[("authorization", "Basic abc"), ("x-api-key", "abc")], Token("abc")),
            (&[("authorization", "Bearerabc")], Nothing),
            (&[("authorization", "abc")], Nothing),
            (&[("authorization", "Bearer")], Nonsense),
            (&[("authorization", "Bearer ")], Nonsense),
            (&[("x-api-key", "")], Nonsense),
            (&[("x-api-key", "\u{ff}")], Nonsense),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                let bytes: Vec<u8> =
                    value.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
                headers.append(*name, HeaderValue::from_bytes(&bytes).unwrap());
            }
            assert_eq!(presented(&headers), expected, "{given:?}");
        }
    }
}
