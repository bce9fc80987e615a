//! `stale`.

use std::{collections::HashMap, fmt, process::ExitCode};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use novi::{
    rows::FlagRow,
    store::{FlagUsage, SchemaStore, UsageReport},
};
use serde::Serialize;
use serde_json::json;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json, print_table},
};

/// A flag, and why it is stale.
#[derive(Serialize)]
struct Stale<'a> {
    flag: &'a str,
    owner: Option<&'a str>,
    #[serde(flatten)]
    why: Why,
    /// When it expired or was last evaluated, or since when it has given the same answer; null where it never was evaluated.
    since: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
enum Why {
    Expired,
    NeverEvaluated,
    NotEvaluated,
    AlwaysOn,
    AlwaysOff,
}

impl fmt::Display for Why {
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

pub(crate) async fn stale(session: &Session, days: u32) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let (rows, usage) = (store.load().await?, usage(&*store).await?);
    let found = Finder::new(&usage, days).all(&rows.flags);
    if session.json {
        print_json(&json!({"days": days, "recorded_since": usage.since, "stale": found}))?;
    } else {
        tell(&found, &usage, days)?;
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn usage(store: &dyn SchemaStore) -> Result<UsageReport, Failure> {
    match store.usage_store() {
        Some(store) => Ok(store.usage().await?),
        None => Ok(UsageReport::default()),
    }
}

fn tell(found: &[Stale<'_>], usage: &UsageReport, days: u32) -> Result<(), Failure> {
    if found.is_empty() {
        print(format_args!("No flag is stale, by {days} days."))?;
    } else {
        let row = |stale: &Stale<'_>| {
            let why = match stale.since {
                Some(since) => format!("{} {}", stale.why, text(since)),
                None => stale.why.to_string(),
            };
            [stale.flag.to_owned(), stale.owner.unwrap_or_default().to_owned(), why]
        };
        print_table(&["flag", "owner", "why"], found.iter().map(row))?;
    }
    let known_for = usage.since.map(|since| Utc::now() - since);
    if let (Some(since), Some(known_for)) = (usage.since, known_for)
        && known_for < TimeDelta::days(days.into())
    {
        print(format_args!(
            "note: evaluations are known since {} alone, so that only flags that have expired are told of",
            text(since)
        ))?;
    }
    Ok(())
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
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

    fn all<'f>(&self, flags: &'f [FlagRow]) -> Vec<Stale<'f>> {
        let found = |row: &'f FlagRow| {
            let stale = move |(why, since)| {
                let owner = row.metadata.owner.as_deref();
                Stale { flag: &row.name, owner, why, since }
            };
            let expired = row.metadata.expires_at.filter(|at| *at <= self.now);
            let expired = expired.map(|at| (Why::Expired, Some(at)));
            expired.into_iter().chain(self.unused(row)).map(stale)
        };
        flags.iter().flat_map(found).collect()
    }

    /// Whether a flag was not asked for, or might as well not have been.
    fn unused(&self, row: &FlagRow) -> Option<(Why, Option<DateTime<Utc>>)> {
        let is_long_ago = |at: DateTime<Utc>| at <= self.long_ago;
        // Of what was before nothing is known; that it was not evaluated then would be said of flags that are.
        if !is_long_ago(self.known_since?) || !row.metadata.created_at.is_none_or(is_long_ago) {
            return None;
        }
        let Some(usage) = self.usage.get(row.name.as_str()) else { return Some((Why::NeverEvaluated, None)) };
        let Some(last) = usage.last_evaluated else { return Some((Why::NeverEvaluated, None)) };
        if is_long_ago(last) {
            return Some((Why::NotEvaluated, Some(last)));
        }
        // Since the other answer was last given, or since anything is known.
        let (why, since) = match (usage.last_on, usage.last_off) {
            (Some(on), Some(off)) if on > off => (Why::AlwaysOn, off),
            (Some(on), Some(off)) if off > on => (Why::AlwaysOff, on),
            (Some(_), None) => (Why::AlwaysOn, usage.first_seen?),
            (None, Some(_)) => (Why::AlwaysOff, usage.first_seen?),
            _ => return None,
        };
        is_long_ago(since).then_some((why, Some(since)))
    }
}
