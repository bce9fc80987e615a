//! The path at which an application mounts the router.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{Extensions, Uri, request::Parts},
};

use crate::http::describe::{Input, Operation, Schemas};

/// The path at which the router is mounted, such as `/novi`; empty if it is the application itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountPath(pub(crate) String);

impl MountPath {
    /// Below a nested router, `uri` is shorter than the URI that the client sent.
    pub(crate) fn new(uri: &Uri, extensions: &Extensions) -> Self {
        let original = extensions.get::<OriginalUri>().map_or("", |original| original.0.path());
        Self(original.strip_suffix(uri.path()).unwrap_or_default().to_owned())
    }
}

impl<S: Sync> FromRequestParts<S> for MountPath {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::new(&parts.uri, &parts.extensions))
    }
}

impl Input for MountPath {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}
