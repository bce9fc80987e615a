//! Flags that are no longer needed, as far as metadata and usage tell.

use std::{collections::HashMap, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    rows::FlagRow,
    store::usage::{FlagUsage, UsageReport},
};

/// A flag, and why it is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StaleFlag {
    /// Its name.
    pub flag: String,
    /// Its owner, from the metadata.
    pub owner: Option<String>,
    /// The reason.
    pub why: Staleness,
    /// When it expired or was last evaluated, or since when it has had the same state; null if it was never
    /// evaluated.
    #[schemars(with = "Option<String>")]
    pub since: Option<DateTime<Utc>>,
}

/// Why a flag is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Staleness {
    /// It is past its `expires_at`.
    Expired,
    /// It never was evaluated.
    NeverEvaluated,
    /// It was not evaluated for a long time.
    NotEvaluated,
    /// It was on in every evaluation for a long time.
    AlwaysOn,
    /// It was off in every evaluation for a long time.
    AlwaysOff,
}

/// Flags that have expired, and flags that for this many days were not evaluated or always had the same
/// state. A flag may be listed twice. What happened before usage was recorded is unknown.
#[must_use]
pub fn stale(flags: &[FlagRow], usage: &UsageReport, days: u32) -> Vec<StaleFlag> {
    Finder::new(usage, days).all(flags)
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::NeverEvaluated => "never evaluated",
            Self::NotEvaluated => "not evaluated since",
            Self::AlwaysOn => "always on since",
            Self::AlwaysOff => "always off since",
        })
    }
}

/// Finds stale flags.
struct Finder<'a> {
    now: DateTime<Utc>,
    /// A state that has lasted since then is stale.
    long_ago: DateTime<Utc>,
    /// Since when usage has been recorded.
    known_since: Option<DateTime<Utc>>,
    usage: HashMap<&'a str, &'a FlagUsage>,
}

impl<'a> Finder<'a> {
    fn new(usage: &'a UsageReport, days: u32) -> Self {
        let now = Utc::now();
        let long_ago =
            now.checked_sub_signed(TimeDelta::days(days.into())).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let by_flag = usage.flags.iter().map(|usage| (usage.flag.as_str(), usage)).collect();
        Self { now, long_ago, known_since: usage.since, usage: by_flag }
    }

    fn all(&self, flags: &[FlagRow]) -> Vec<StaleFlag> {
        let found = |row: &FlagRow| {
            let expired = row.metadata.expires_at.filter(|at| *at <= self.now);
            let expired = expired.map(|at| (Staleness::Expired, Some(at)));
            let stale = |(why, since)| StaleFlag {
                flag: row.name.clone(),
                owner: row.metadata.owner.clone(),
                why,
                since,
            };
            expired.into_iter().chain(self.unused(row)).map(stale).collect::<Vec<_>>()
        };
        flags.iter().flat_map(found).collect()
    }

    /// Whether a flag was not evaluated, or always with the same result.
    fn unused(&self, row: &FlagRow) -> Option<(Staleness, Option<DateTime<Utc>>)> {
        let is_long_ago = |at: DateTime<Utc>| at <= self.long_ago;
        // Evaluations before that were not recorded; flags that are used could look unused.
        if !is_long_ago(self.known_since?) || !row.metadata.created_at.is_none_or(is_long_ago) {
            return None;
        }
        let never = Some((Staleness::NeverEvaluated, None));
        let Some(usage) = self.usage.get(row.name.as_str()) else { return never };
        let Some(last) = usage.last_evaluated else { return never };
        if is_long_ago(last) {
            return Some((Staleness::NotEvaluated, Some(last)));
        }
        // Since the last evaluation with the other result, or since usage was recorded.
        let (why, since) = match (usage.last_on, usage.last_off) {
            (Some(on), Some(off)) if on > off => (Staleness::AlwaysOn, off),
            (Some(on), Some(off)) if off > on => (Staleness::AlwaysOff, on),
            (Some(_), None) => (Staleness::AlwaysOn, usage.first_seen?),
            (None, Some(_)) => (Staleness::AlwaysOff, usage.first_seen?),
            _ => return None,
        };
        is_long_ago(since).then_some((why, Some(since)))
    }
}
