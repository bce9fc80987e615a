//! `novi drift`.

use std::process::ExitCode;

use clap::Args;
use novi::store::history::{HistoryQuery, HistoryRecord};
use serde_json::{Value, json};

use super::{
    compare::{Comparison, NO_CHANGES},
    load::Sources,
};
use crate::{
    output::{Failure, one_line, print, print_json, timestamp},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi drift flags.yaml
  novi drift flags/ --prune --json

Of each row, the value in the database is left and the value of the files is right.";

/// Show where the rows differ from files, and who changed them last; exit with 1 if they do
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Drift {
    #[command(flatten)]
    sources: Sources,
}

impl Drift {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let comparison = Comparison::new(session, &*store, &self.sources).await?;
        let mut last = Vec::new();
        for row in &comparison.plan.flags {
            let mut query = HistoryQuery::default().flag(&row.name);
            query.limit = Some(1);
            match store.history(&query).await {
                Ok(records) => {
                    last.extend(records.into_iter().next().map(|record| (row.name.clone(), record)));
                }
                // A flag that the files add has no history.
                Err(novi::Error::FlagNotFound { .. }) => (),
                Err(error) => return Err(error.into()),
            }
        }
        if session.json {
            let mut output = comparison.json();
            let changes: Vec<Value> = last.iter().map(|(flag, record)| of(flag, record)).collect();
            if let Some(fields) = output.as_object_mut() {
                fields.insert("last_changes".to_owned(), changes.into());
            }
            print_json(&output)?;
        } else {
            comparison.print()?;
            for (flag, record) in &last {
                let who = record.actor.as_deref().map_or_else(|| "somebody".to_owned(), one_line);
                let why = record.reason.as_deref().map(|reason| format!(": {}", one_line(reason)));
                let why = why.unwrap_or_default();
                let when = record.changed_at.map(|time| format!(", {}", timestamp(time))).unwrap_or_default();
                let is_there = comparison.current.rows.flags.iter().any(|row| row.name == *flag);
                let what = if is_there { "was changed last" } else { "was deleted" };
                print(format_args!("{flag} {what} by {who}{when}{why}"))?;
            }
            comparison.print_summary(NO_CHANGES)?;
        }
        Ok(if comparison.is_change() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn of(flag: &str, record: &HistoryRecord) -> Value {
    json!({
        "flag": flag,
        "revision": record.revision,
        "changed_at": record.changed_at,
        "actor": record.actor,
        "reason": record.reason,
    })
}
