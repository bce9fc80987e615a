//! `novi stale`.

use std::process::ExitCode;

use chrono::{TimeDelta, Utc};
use clap::Args;
use novi::store::{SchemaStore, StaleFlag, UsageReport, stale as find_stale};
use serde_json::json;

use crate::{
    commands::value_parser::natural,
    output::{Failure, print, print_json, print_table, timestamp},
    session::Session,
};

const RULES: &str = "\
Exit codes:
  0  no flag is stale
  1  some flags are stale

A flag is stale if its expires_at is past; or if it is at least DAYS days old and for DAYS days was not evaluated, was \
always on, or was always off. Programs that follow the database record their evaluations every [usage] interval. \
Evaluations from before usage tracking was enabled are unknown and do not make a flag stale.";

/// Report flags to remove (exit code 1 if there are any)
#[derive(Debug, Args)]
#[command(after_help = RULES)]
pub(crate) struct Stale {
    /// Number of days without an evaluation, or with the same decision, after which a flag is stale
    #[arg(long, value_name = "DAYS", default_value_t = 30, allow_negative_numbers = true, value_parser = natural::<u32>)]
    days: u32,
}

impl Stale {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let (rows, usage) = (store.load().await?, usage(&*store).await?);
        let found = find_stale(&rows.flags, &usage, self.days);
        if session.json {
            print_json(&json!({"days": self.days, "recorded_since": usage.since, "stale": found}))?;
        } else {
            report(&found, &usage, self.days)?;
        }
        Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn usage(store: &dyn SchemaStore) -> Result<UsageReport, Failure> {
    match store.usage_store() {
        Some(store) => Ok(store.usage().await?),
        None => Ok(UsageReport::default()),
    }
}

fn report(found: &[StaleFlag], usage: &UsageReport, days: u32) -> Result<(), Failure> {
    if found.is_empty() {
        print(format_args!("No stale flags (threshold: {days} days)."))?;
    } else {
        let row = |stale: &StaleFlag| {
            let why = match stale.since {
                Some(since) => format!("{} {}", stale.why, timestamp(since)),
                None => stale.why.to_string(),
            };
            [stale.flag.clone(), stale.owner.clone().unwrap_or_default(), why]
        };
        print_table(&["flag", "owner", "why"], found.iter().map(row))?;
    }
    let recorded_for = usage.since.map(|since| Utc::now() - since);
    if let (Some(since), Some(recorded_for)) = (usage.since, recorded_for)
        && recorded_for < TimeDelta::days(days.into())
    {
        print(format_args!(
            "note: evaluations have been recorded only since {}, so only expired flags are listed",
            timestamp(since)
        ))?;
    }
    Ok(())
}
