//! How often flags were evaluated, for `novi list` and `novi show`.

use chrono::{DateTime, Utc};
use novi::store::FlagEvaluations;
use serde::Serialize;

use crate::session::Session;

/// The evaluations of a flag in the last 24 hours, as far as they are recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Recent {
    pub(super) last_evaluated: Option<DateTime<Utc>>,
    /// In the current hour and the one before; `None` if they are not recorded.
    #[serde(rename = "evaluations_in_2_hours")]
    pub(super) in_two_hours: Option<i64>,
    #[serde(rename = "evaluations_in_24_hours")]
    pub(super) in_a_day: Option<i64>,
}

/// The recent evaluations of flags, in the order of their names: unknown without a database, without the rights to
/// read them, and before the migration that records them.
pub(super) async fn recent(session: &Session, flags: &[String]) -> Vec<Recent> {
    match read(session, flags).await {
        Some(found) => found.into_iter().map(Recent::from).collect(),
        None => vec![Recent::default(); flags.len()],
    }
}

async fn read(session: &Session, flags: &[String]) -> Option<Vec<FlagEvaluations>> {
    let store = session.store().await.ok()?;
    let found = FlagEvaluations::read(store.usage_store()?, flags, 24, Utc::now()).await;
    found.inspect_err(|error| tracing::debug!("{error}")).ok().map(|(found, _)| found)
}

impl From<FlagEvaluations> for Recent {
    fn from(found: FlagEvaluations) -> Self {
        let known = found.last_evaluated.is_some();
        Self {
            last_evaluated: found.last_evaluated,
            in_two_hours: known.then_some(found.recent),
            in_a_day: known.then_some(found.total),
        }
    }
}
