//! `novi lint`.

use std::process::ExitCode;

use clap::Args;
use novi::store::{Staleness, UsageReport, stale};
use novi_lint::Finding;
use serde_json::json;

use super::change::Current;
use crate::{
    commands::value_parser::natural,
    output::{Failure, count, print, print_json, timestamp},
    session::Session,
};

const RULES: &str = "\
Rows that are valid, and probably not meant so: flags that are always on or always off, expired or stale; windows of time \
that are over; branches that are never reached; conditions that contradict each other; variants that nothing assigns; \
weights that almost sum to 100; equal activations, and ones that no flag depends on; prerequisites that are off. What \
depends on a caller is not reported. `novi check` reports invalid rows.";

/// Report rows that have no effect or contradict each other
#[derive(Debug, Args)]
#[command(after_help = RULES)]
pub(crate) struct Lint {
    /// Exit with code 1 if there are any
    #[arg(long)]
    deny: bool,

    /// Number of days without an evaluation, or with the same decision, after which a flag is stale
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = natural::<u32>)]
    days: u32,
}

impl Lint {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let current = Current::of_session(session).await?;
        let mut findings = novi_lint::findings(&current.flags, &current.snapshot, &current.rows);
        let usage = match session.snapshot_file() {
            Some(_) => UsageReport::default(),
            None => match session.store().await?.usage_store() {
                Some(store) => store.usage().await?,
                None => UsageReport::default(),
            },
        };
        // Those that have expired are known already.
        let stale = stale(&current.rows.flags, &usage, self.days).into_iter();
        for stale in stale.filter(|stale| stale.why != Staleness::Expired) {
            let Ok(row) = current.flag(&stale.flag) else { continue };
            let since = stale.since.map(|since| format!(" {}", timestamp(since)));
            let message = format!("{}{}", stale.why, since.unwrap_or_default());
            findings.push(Finding::new("flags", row.id, &row.name, "stale", message));
        }
        findings.sort();
        if session.json {
            print_json(&json!({"revision": current.snapshot.revision(), "findings": findings}))?;
        } else {
            for Finding { table, id, name, code, message, .. } in &findings {
                print(format_args!("{table}#{id} {name:?}: {message} [{code}]"))?;
            }
            let number =
                if findings.is_empty() { "no findings".to_owned() } else { count(findings.len(), "finding") };
            print(format_args!(
                "{}, {}: {number}",
                count(current.rows.flags.len(), "flag"),
                count(current.rows.activations.len(), "activation")
            ))?;
        }
        let fails = self.deny && !findings.is_empty();
        Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
