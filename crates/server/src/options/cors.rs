//! Cross-origin resource sharing.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header, request::Parts};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::options::toggles_header::TogglesHeader;

/// The origins whose pages may call the server from a browser. Credentials of the browser, such as cookies,
/// are never allowed: a page sends its token itself.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    origins: Vec<HeaderValue>,
    any: bool,
}

impl Origins {
    /// These origins, such as `https://app.example.org`, with the port unless it is the default; `*` is every
    /// origin.
    ///
    /// # Errors
    /// A message with the first invalid origin.
    pub fn new<T: AsRef<str>>(origins: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut found = Self::default();
        for origin in origins {
            match origin.as_ref() {
                "*" => found.any = true,
                text => found.origins.push(parse_origin(text)?),
            }
        }
        Ok(found)
    }

    /// Whether there are none: then no page of another origin can call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty() && !self.any
    }

    /// Whether this origin is named, rather than allowed by `*`.
    pub(crate) fn names(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }

    pub(crate) fn layer(&self, toggles: &TogglesHeader, headers: &[HeaderName]) -> CorsLayer {
        let allowed = if self.any {
            AllowOrigin::any()
        } else {
            let origins = self.origins.clone();
            AllowOrigin::predicate(move |origin: &HeaderValue, _: &Parts| origins.contains(origin))
        };
        let name = HeaderName::from_static;
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(
                headers
                    .iter()
                    .cloned()
                    .chain([
                        header::AUTHORIZATION,
                        header::CONTENT_TYPE,
                        header::IF_NONE_MATCH,
                        header::IF_MATCH,
                        name("x-api-key"),
                        name("x-request-id"),
                        name("traceparent"),
                        name("tracestate"),
                        // Of tracing in browsers.
                        name("baggage"),
                        name("sentry-trace"),
                        name("request-id"),
                        toggles.request.clone(),
                    ])
                    .collect::<Vec<_>>(),
            )
            .expose_headers([
                header::ETAG,
                header::RETRY_AFTER,
                name("x-request-id"),
                toggles.response.clone(),
            ])
            .max_age(Duration::from_mins(10))
    }
}

/// An origin as browsers send it: a scheme, a host and possibly a port.
fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let expected =
        || format!("expected an origin such as \"https://app.example.org\", or \"*\", found {text:?}");
    let (scheme, host) = text.split_once("://").ok_or_else(expected)?;
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    if scheme.is_empty() || host.is_empty() || !host.chars().all(is_host) || !scheme.chars().all(is_scheme) {
        return Err(expected());
    }
    // Browsers leave out the default port.
    let default = match &*scheme.to_ascii_lowercase() {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let text = text.strip_suffix(default).unwrap_or(text);
    HeaderValue::try_from(text.to_ascii_lowercase()).map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_must_be_a_scheme_and_a_host() {
        for text in
            ["https://app.example.org", "http://localhost:3000", "http://[::1]:3000", "*", "app://novi"]
        {
            assert!(Origins::new([text]).is_ok(), "{text}");
        }
        for text in
            ["", "app.example.org", "https://", "https://a/", "https://a b", "https://*.a", "null", "://a"]
        {
            assert!(Origins::new([text]).unwrap_err().contains(&format!("{text:?}")), "{text}");
        }
        assert!(Origins::new::<&str>([]).unwrap().is_empty());
        let origins =
            Origins::new(["https://b.example.org:443", "http://b.example.org:80", "http://c:443"]).unwrap();
        assert_eq!(origins.origins, ["https://b.example.org", "http://b.example.org", "http://c:443"]);
    }
}
