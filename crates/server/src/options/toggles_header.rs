//! The header by which a request overrides flags.

use axum::http::HeaderName;

/// The header by which a request overrides flags: `X-Novi-Feature-Toggles`, unless another name is set.
#[derive(Clone, Debug)]
pub struct TogglesHeader {
    /// The header of requests.
    pub(crate) request: HeaderName,
    /// The header of responses, with the flags that are on.
    pub(crate) response: HeaderName,
}

impl TogglesHeader {
    /// A header with this name. The header of responses has the same name and `-Enabled`. Returns `None` if
    /// the name is no valid name of a header.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let request = HeaderName::try_from(name).ok()?;
        let response = HeaderName::try_from(format!("{request}-enabled")).ok()?;
        Some(Self { request, response })
    }
}

impl Default for TogglesHeader {
    fn default() -> Self {
        Self {
            request: HeaderName::from_static("x-novi-feature-toggles"),
            response: HeaderName::from_static("x-novi-feature-toggles-enabled"),
        }
    }
}
