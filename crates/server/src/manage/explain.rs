//! `POST /api/explain/{name}`: why a flag has its decision for the context in the body.

use axum::extract::State;

use crate::{
    app::{
        AppState,
        extract::{CallerContext, FlagName},
    },
    http::{error::ApiError, reply::Reply},
};

pub(crate) async fn explain(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Reply<serde_json::Value>, ApiError> {
    let trace = state.flags().explain(&name, &context).map_err(|error| ApiError::flag_not_found(&error))?;
    Reply::new(&trace)
}
