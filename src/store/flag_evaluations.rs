//! When flags were last evaluated, and how often in each of the latest hours.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Result,
    store::{
        evaluations::HourlyEvaluations,
        usage::{FlagUsage, UsageReport, UsageStore},
    },
};

/// When a flag was last evaluated, and how often in each of the latest hours, by result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FlagEvaluations {
    /// The flag's name.
    pub flag: String,
    /// When it was last evaluated, as far as that is recorded.
    #[schemars(with = "Option<String>")]
    pub last_evaluated: Option<DateTime<Utc>>,
    /// The number of evaluations in these hours.
    pub total: i64,
    /// The number of evaluations in the current hour and the one before.
    pub recent: i64,
    /// The results that occurred: off, on without a variant, then each variant by name.
    pub results: Vec<ResultEvaluations>,
}

/// How often a flag was evaluated to a result in each of the latest hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ResultEvaluations {
    /// Whether the flag was on.
    pub enabled: bool,
    /// The assigned variant.
    pub variant: Option<String>,
    /// The number of evaluations in these hours.
    pub total: i64,
    /// The number of evaluations in each hour; the last one is the current hour.
    pub hours: Vec<i64>,
}

impl FlagEvaluations {
    /// The most hours of a query: 31 days.
    pub const MOST_HOURS: u32 = 31 * 24;

    /// The start of the first of so many hours, of which `now` is in the last.
    #[must_use]
    pub fn first_hour(now: DateTime<Utc>, hours: u32) -> DateTime<Utc> {
        let before = TimeDelta::hours(i64::from(hours.clamp(1, Self::MOST_HOURS)) - 1);
        let hour = HourlyEvaluations::hour_of(now);
        hour.checked_sub_signed(before).unwrap_or(hour)
    }

    /// Reads the evaluations of some flags in so many hours, of which `now` is in the last: at most
    /// [`MOST_HOURS`](Self::MOST_HOURS). Every flag is in the result, in the same order. Also returns the usage that
    /// is recorded of them.
    ///
    /// # Errors
    /// As [`UsageStore::evaluations`].
    pub async fn read(
        store: &dyn UsageStore,
        flags: &[String],
        hours: u32,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Self>, UsageReport)> {
        let first = Self::first_hour(now, hours);
        let counts = store.evaluations(flags, first).await?;
        let usage = store.usage_of(flags).await?;
        Ok((Self::of(flags, counts, &usage.flags, (first, hours)), usage))
    }

    fn of(
        flags: &[String],
        counts: Vec<HourlyEvaluations>,
        usage: &[FlagUsage],
        (first, hours): (DateTime<Utc>, u32),
    ) -> Vec<Self> {
        let hours = hours.clamp(1, Self::MOST_HOURS) as usize;
        let mut by_flag: HashMap<String, Vec<ResultEvaluations>> = HashMap::new();
        for HourlyEvaluations { flag, hour, enabled, variant, evaluations } in counts {
            let place = usize::try_from((hour - first).num_hours()).unwrap_or(usize::MAX);
            let results = by_flag.entry(flag).or_default();
            let known =
                results.iter().position(|result| (result.enabled, &result.variant) == (enabled, &variant));
            let index = known.unwrap_or_else(|| {
                results.push(ResultEvaluations { enabled, variant, total: 0, hours: vec![0; hours] });
                results.len() - 1
            });
            // Another process may be ahead of this one.
            if let Some(result) = results.get_mut(index)
                && let Some(count) = result.hours.get_mut(place)
            {
                *count = count.saturating_add(evaluations);
                result.total = result.total.saturating_add(evaluations);
            }
        }
        let last: HashMap<&str, _> =
            usage.iter().map(|usage| (usage.flag.as_str(), usage.last_evaluated)).collect();
        let of = |flag: &String| {
            let mut results = by_flag.remove(flag).unwrap_or_default();
            results.sort_unstable_by(|one, other| {
                (one.enabled, &one.variant).cmp(&(other.enabled, &other.variant))
            });
            let sum = |latest: usize| {
                let counts = results.iter().flat_map(|result| result.hours.iter().rev().take(latest));
                counts.fold(0_i64, |sum, count| sum.saturating_add(*count))
            };
            let (total, recent) = (sum(hours), sum(2));
            let last_evaluated = last.get(flag.as_str()).copied().flatten();
            Self { flag: flag.clone(), last_evaluated, total, recent, results }
        };
        flags.iter().map(of).collect()
    }
}
