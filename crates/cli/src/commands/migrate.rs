//! `novi migrate`.

use std::{path::Path, process::ExitCode};

use clap::Args;
use novi::store::{Migrated, SchemaState, SchemaStore};
use serde_json::json;

use crate::{
    output::{Failure, print, print_json, with_progress},
    session::Session,
};

/// Create, update or repair the tables; adopts those of Python novi
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Show which migrations are applied and what is wrong with the tables, without changing anything (exit
    /// code 1 if there is something to do)
    #[arg(long, group = "how")]
    status: bool,

    /// Print the SQL that would run, for psql, mariadb or sqlite3, without running it
    #[arg(long, group = "how")]
    sql: bool,

    /// Record the migrations as applied without running them, if the tables are as expected
    #[arg(long, group = "how")]
    baseline: bool,
}

impl Migrate {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let url = &session.config.database.url;
        if self.status {
            return status(session, &*session.store().await?).await;
        }
        if self.sql {
            let store = match session.store().await {
                Ok(store) => store,
                // Of a file that does not exist, the same as of an empty one.
                Err(_) if is_new_file(url) => {
                    let query = url.split_once('?').map_or("", |(_, query)| query);
                    novi::store::create(&format!("sqlite::memory:?{query}")).await?
                }
                Err(error) => return Err(error),
            };
            let script = store.migration_script().await?;
            print(if script.is_empty() { "-- The tables are up to date." } else { script.trim_end() })?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.baseline {
            let store = session.store().await?;
            let SchemaState { applied, .. } = store.baseline().await?;
            if session.json {
                print_json(&json!({"applied": applied}))?;
            } else {
                print(format_args!("{}: recorded as applied: {}", store.name(), applied.join(", ")))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let store = novi::store::create(url).await?;
        let migrated = with_progress("migrating the database", store.migrate()).await?;
        report(session, &*store, migrated)
    }
}

fn is_new_file(url: &str) -> bool {
    url.strip_prefix("sqlite:").is_some_and(|file| {
        let file = file.strip_prefix("//").unwrap_or(file);
        !Path::new(file.split('?').next().unwrap_or_default()).exists()
    })
}

async fn status(session: &Session, store: &dyn SchemaStore) -> Result<ExitCode, Failure> {
    let SchemaState { applied, pending, unknown, problems, obstacles, .. } = store.schema_state().await?;
    let is_done = pending.is_empty() && unknown.is_empty() && problems.is_empty();
    let code = if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if session.json {
        print_json(&json!({
            "applied": applied,
            "pending": pending,
            "unknown": unknown,
            "problems": problems,
            "obstacles": obstacles,
        }))?;
        return Ok(code);
    }
    for name in applied {
        print(format_args!("applied: {name}"))?;
    }
    for name in pending {
        print(format_args!("pending: {name}"))?;
    }
    for number in unknown {
        print(format_args!("unknown: migration {number}, of a newer novi"))?;
    }
    for problem in &problems {
        print(format_args!("problem: {problem}"))?;
    }
    for obstacle in &obstacles {
        print(format_args!("warning: {obstacle}"))?;
    }
    if is_done {
        print(format_args!("{}: the tables are up to date", store.name()))?;
    }
    Ok(code)
}

fn report(session: &Session, store: &dyn SchemaStore, migrated: Migrated) -> Result<ExitCode, Failure> {
    let Migrated { applied, repaired, problems, adopted, without_activations, without_triggers, .. } =
        migrated;
    if session.json {
        print_json(&json!({
            "applied": applied,
            "repaired": repaired,
            "problems": problems,
            "adopted": adopted,
            "without_activations": without_activations,
            "without_triggers": without_triggers,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    match applied.as_slice() {
        [] if repaired.is_empty() => print(format_args!("{}: the tables are up to date", store.name()))?,
        [] => print(format_args!("{}: repaired the tables", store.name()))?,
        applied => print(format_args!("{}: applied {}", store.name(), applied.join(", ")))?,
    }
    for problem in repaired {
        print(format_args!("repaired: {problem}"))?;
    }
    for problem in problems {
        print(format_args!("warning: {problem}"))?;
    }
    if adopted {
        print("Adopted existing tables; all rows are kept.")?;
    }
    if without_triggers {
        print(
            "warning: this user may not create triggers. Changes by plain SQL are not recorded in the history and \
             take effect only at the next poll. Run `novi migrate` as a user who may create triggers.",
        )?;
    }
    if !without_activations.is_empty() {
        print(
            "warning: these flags have no activations. Python novi never turns such a flag on; novi does if its \
             status is on:",
        )?;
        for flag in without_activations {
            print(format_args!("  {flag}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
