//! `novi migrate`.

use std::process::ExitCode;

use clap::Args;
use novi::store::Migrated;
use serde_json::json;

use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

/// Create or update the tables; adopts those of Python novi
#[derive(Debug, Args)]
pub(crate) struct Migrate;

impl Migrate {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = novi::store::create(&session.config.database.url).await?;
        let Migrated { applied, adopted, without_activations, without_triggers, .. } =
            store.migrate().await?;
        if session.json {
            print_json(&json!({
                "applied": applied,
                "adopted": adopted,
                "without_activations": without_activations,
                "without_triggers": without_triggers,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        match applied.as_slice() {
            [] => print(format_args!("{}: the tables are up to date", store.name()))?,
            applied => print(format_args!("{}: applied {}", store.name(), applied.join(", ")))?,
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
}
