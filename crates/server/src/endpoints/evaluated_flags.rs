//! `POST /evaluatedFlags` and `POST /evaluatedFlags/{name}`: flags as rows, with their decisions for the
//! context in the body.

use axum::extract::State;
use novi::Decision;

use crate::{
    app::{
        AppState,
        extract::{CallerContext, FlagName},
        rows::rows,
    },
    endpoints::flag_view::{FlagList, FlagView, find_view},
    http::{error::ApiError, reply::Reply},
};

pub(crate) async fn list(
    State(state): State<AppState>,
    CallerContext(context): CallerContext,
) -> Result<Reply<Vec<FlagView<'static>>>, ApiError> {
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    // The flags of the rows are the first decisions, in the order of the rows.
    let decisions = state.evaluate_all(&snapshot, &context)?;
    let status = |row: usize| decisions.get(row).is_some_and(Decision::enabled);
    Reply::new(&FlagList::new(&snapshot, rows, status))
}

pub(crate) async fn one(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    CallerContext(context): CallerContext,
) -> Result<Reply<FlagView<'static>>, ApiError> {
    let snapshot = state.flags().snapshot();
    Reply::new(&find_view(&snapshot, &name, |_| snapshot.is_enabled(&name, &context))?)
}
