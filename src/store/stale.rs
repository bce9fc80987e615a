//! Flags that nobody needs any more, as far as their metadata and their usage tell.

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
    /// Whom to ask, if the metadata say so.
    pub owner: Option<String>,
    /// Why.
    pub why: Staleness,
    /// When it expired or was last evaluated, or since when it has given the same answer; null where it never was evaluated.
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
    /// It was not evaluated for long.
    NotEvaluated,
    /// It was on for everybody for long.
    AlwaysOn,
    /// It was off for everybody for long.
    AlwaysOff,
}

/// The flags that have expired, and those that for so many days were not evaluated or gave one answer alone. A flag may be
/// there twice. Of what was before evaluations were written down nothing is said.
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

/// Looks for what is stale.
struct Finder<'a> {
    now: DateTime<Utc>,
    /// What has been so since then has been so for long.
    long_ago: DateTime<Utc>,
    /// Since when evaluations are known.
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

    /// Whether a flag was not asked for, or might as well not have been.
    fn unused(&self, row: &FlagRow) -> Option<(Staleness, Option<DateTime<Utc>>)> {
        let is_long_ago = |at: DateTime<Utc>| at <= self.long_ago;
        // Of what was before nothing is known; that it was not evaluated then would be said of flags that are.
        if !is_long_ago(self.known_since?) || !row.metadata.created_at.is_none_or(is_long_ago) {
            return None;
        }
        let never = Some((Staleness::NeverEvaluated, None));
        let Some(usage) = self.usage.get(row.name.as_str()) else { return never };
        let Some(last) = usage.last_evaluated else { return never };
        if is_long_ago(last) {
            return Some((Staleness::NotEvaluated, Some(last)));
        }
        // Since the other answer was last given, or since anything is known.
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
