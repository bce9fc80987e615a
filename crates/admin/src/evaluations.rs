//! How often flags were evaluated, as the API returns it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::visit::Visit;

/// The evaluations of a flag, by hour and result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Evaluations {
    pub(crate) id: i64,
    pub(crate) first_hour: DateTime<Utc>,
    pub(crate) last_evaluated: Option<DateTime<Utc>>,
    pub(crate) total: i64,
    pub(crate) results: Vec<OfResult>,
    pub(crate) stale: Vec<Value>,
}

/// The evaluations to a result, by hour.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OfResult {
    pub(crate) enabled: bool,
    pub(crate) variant: Option<String>,
    pub(crate) total: i64,
    pub(crate) hours: Vec<i64>,
}

impl OfResult {
    /// What people call the result.
    pub(crate) fn label(&self) -> &str {
        match (&self.variant, self.enabled) {
            (Some(variant), _) => variant,
            (None, true) => "on",
            (None, false) => "off",
        }
    }
}

impl Evaluations {
    /// The evaluations of all results in each hour.
    pub(crate) fn by_hour(&self) -> Vec<i64> {
        let mut hours: Vec<i64> = Vec::new();
        for result in &self.results {
            hours.resize(hours.len().max(result.hours.len()), 0);
            for (sum, count) in hours.iter_mut().zip(&result.hours) {
                *sum = sum.saturating_add(*count);
            }
        }
        hours
    }
}

/// The evaluations of some flags in the last 24 hours, by id. Empty if they are not recorded: without a database, and
/// before its migration.
pub(crate) async fn of_flags(visit: &Visit, ids: &[i64]) -> HashMap<i64, Evaluations> {
    if ids.is_empty() {
        return HashMap::new();
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut found = match visit.api().get(&format!("/api/evaluations?ids={}", ids.join(","))).await {
        Ok(found) => found,
        Err(failure) => {
            tracing::debug!("{failure}");
            return HashMap::new();
        }
    };
    let items = found["items"].take();
    let items: Vec<Evaluations> = serde_json::from_value(items).unwrap_or_default();
    items.into_iter().map(|item| (item.id, item)).collect()
}

/// The evaluations of a flag in so many hours; `None` if they are not recorded.
pub(crate) async fn of_flag(visit: &Visit, id: i64, hours: u32) -> Option<Evaluations> {
    let found = visit.api().get(&format!("/api/flags/{id}/evaluations?hours={hours}")).await;
    let found = found.inspect_err(|failure| tracing::debug!("{failure}")).ok()?;
    serde_json::from_value(found).ok()
}

/// Why a flag is stale.
pub(crate) fn why(flag: &Value) -> &'static str {
    match flag["why"].as_str().unwrap_or_default() {
        "expired" => "It has expired.",
        "never_evaluated" => "It was never evaluated.",
        "not_evaluated" => "It is no longer evaluated.",
        "always_on" => "It was on in every evaluation.",
        "always_off" => "It was off in every evaluation.",
        _ => "",
    }
}
