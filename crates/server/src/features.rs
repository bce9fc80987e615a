//! `GET /features`: the features that are active for the caller, by name.

use axum::{Extension, extract::State};
use novi::{Context, TARGETING_KEY};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{access::Caller, error::ApiError, reply::Answer, state::AppState, toggles::Asker};

/// The features that are active.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Features<'a> {
    /// Their names, in the order of their ids.
    active_features: Vec<&'a str>,
}

/// For nobody those that are on for anybody; for the holder of a token those of its subject. A flag whose status is off is on
/// for nobody (R1).
pub(crate) async fn active(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    asker: Option<Extension<Asker>>,
) -> Result<Answer<Features<'static>>, ApiError> {
    let mut context = Context::new();
    if let Some(subject) = caller.subject() {
        context.insert(TARGETING_KEY, subject.to_owned());
    }
    if let Some(Extension(asker)) = asker {
        asker.is(&context);
    }
    let snapshot = state.flags().snapshot();
    let decisions = snapshot.evaluate_all(&context);
    let active = decisions.iter().filter(|decision| decision.enabled() && caller.may_see(decision));
    Answer::of(&Features { active_features: active.map(novi::Decision::flag).collect() })
}
