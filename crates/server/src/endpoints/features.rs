//! `GET /features`: the names of the flags that are on for the caller.

use axum::{Extension, extract::State};
use novi::{Context, context::TARGETING_KEY, flags::Origin};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::{AppState, context_slot::ContextSlot},
    auth::caller::Caller,
    http::{error::ApiError, reply::Reply},
};

/// The flags that are on.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Features<'a> {
    /// Their names, by id.
    active_features: Vec<&'a str>,
}

/// Evaluates for the subject of the caller's token, or for an anonymous caller. A disabled flag is never on.
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    slot: Option<Extension<ContextSlot>>,
) -> Result<Reply<Features<'static>>, ApiError> {
    if state.flags().status().origin == Origin::Nowhere {
        return Err(ApiError::no_rows());
    }
    let mut context = Context::new();
    if let Some(subject) = caller.subject() {
        context.insert(TARGETING_KEY, subject.to_owned());
    }
    if let Some(Extension(slot)) = slot {
        slot.set(&context);
    }
    let snapshot = state.flags().snapshot();
    let decisions = state.evaluate_all(&snapshot, &context)?;
    let active = decisions.iter().filter(|decision| decision.enabled() && caller.may_see(decision));
    Reply::new(&Features { active_features: active.map(novi::Decision::flag).collect() })
}
