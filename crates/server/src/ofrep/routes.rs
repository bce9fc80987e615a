//! The routes of evaluations in the router.

use axum::{
    extract::{FromRequest, OriginalUri, Request, State},
    response::{IntoResponse, Response},
};

use crate::{
    app::AppState,
    http::{
        describe::{Input, Operation, Output, Schemas},
        mount::MountPath,
        peer::Peer,
    },
    ofrep::{evaluate::evaluate, request, response},
};

/// A request as the router has it.
pub(crate) struct RoutedRequest {
    mount: MountPath,
    peer: Option<Peer>,
    request: Request,
}

impl FromRequest<AppState> for RoutedRequest {
    type Rejection = std::convert::Infallible;

    async fn from_request(mut request: Request, _: &AppState) -> Result<Self, Self::Rejection> {
        let mount = MountPath::new(request.uri(), request.extensions());
        if let Some(OriginalUri(uri)) = request.extensions_mut().remove::<OriginalUri>() {
            *request.uri_mut() = uri;
        }
        let peer = request.extensions().get().copied();
        Ok(Self { mount, peer, request })
    }
}

impl Input for RoutedRequest {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// Evaluates one flag.
pub(crate) async fn single(State(state): State<AppState>, routed: RoutedRequest) -> Evaluated<false> {
    Evaluated(evaluate(&state, routed.peer, &routed.mount.0, routed.request).await)
}

/// Evaluates all flags.
pub(crate) async fn bulk(State(state): State<AppState>, routed: RoutedRequest) -> Evaluated<true> {
    Evaluated(evaluate(&state, routed.peer, &routed.mount.0, routed.request).await)
}

/// The response for one flag, or for all.
pub(crate) struct Evaluated<const ALL: bool>(Response);

impl<const ALL: bool> IntoResponse for Evaluated<ALL> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<const ALL: bool> Output for Evaluated<ALL> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        request::describe(operation);
        response::describe(operation, ALL);
        if !ALL {
            let text = "The flag's name, percent-encoded; slashes may stay as they are";
            operation.parameter("key", "path", true, text, &serde_json::json!({"type": "string"}));
        }
    }
}
