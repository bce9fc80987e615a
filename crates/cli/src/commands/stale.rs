//! `stale`.

use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use novi::store::{SchemaStore, StaleFlag, UsageReport, stale as find_stale};
use serde_json::json;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json, print_table},
};

pub(crate) async fn stale(session: &Session, days: u32) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let (rows, usage) = (store.load().await?, usage(&*store).await?);
    let found = find_stale(&rows.flags, &usage, days);
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

fn tell(found: &[StaleFlag], usage: &UsageReport, days: u32) -> Result<(), Failure> {
    if found.is_empty() {
        print(format_args!("No flag is stale, by {days} days."))?;
    } else {
        let row = |stale: &StaleFlag| {
            let why = match stale.since {
                Some(since) => format!("{} {}", stale.why, text(since)),
                None => stale.why.to_string(),
            };
            [stale.flag.clone(), stale.owner.clone().unwrap_or_default(), why]
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
