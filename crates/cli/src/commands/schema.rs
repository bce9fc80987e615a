//! `migrate` and `seed`.

use std::{path::Path, process::ExitCode};

use novi::store::Migrated;
use serde_json::json;

use super::{Session, author, read};
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn migrate(session: &Session) -> Result<ExitCode, Failure> {
    let store = novi::store::create(&session.config.database.url).await?;
    let Migrated { applied, adopted, without_activations, without_triggers } = store.migrate().await?;
    if session.json {
        let done = json!({"applied": applied, "adopted": adopted, "without_activations": without_activations, "without_triggers": without_triggers});
        print_json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    match applied.as_slice() {
        [] => print(format_args!("{}: the tables are up to date", store.name()))?,
        applied => print(format_args!("{}: applied {}", store.name(), applied.join(", ")))?,
    }
    if adopted {
        print("The tables were there already and have been adopted; all rows are kept.")?;
    }
    if without_triggers {
        print(
            "warning: this user may not make triggers here, so that changes by plain SQL leave no history and are seen \
             by the periodic check only; `novi migrate` by a user who may makes them.",
        )?;
    }
    if !without_activations.is_empty() {
        print(
            "warning: these flags have no activations. Python novi never turns such a flag on; novi does, when its \
             status is on:",
        )?;
        for flag in without_activations {
            print(format_args!("  {flag}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn seed(session: &Session, file: &Path) -> Result<ExitCode, Failure> {
    let script = read(file).map_err(|error| Failure::file(name(file), &error))?;
    let store = session.store().await?;
    store.run_script_by(&author(None), &script).await.map_err(|error| {
        // MySQL commits what comes before a `create table` or the like.
        let mysql = store.name().starts_with("mysql");
        let kept = if mysql { "unless it makes or changes tables, " } else { "" };
        Failure::from(error).about(name(file)).and(format_args!("{kept}nothing of the script is kept"))
    })?;
    let rows = store.load().await?;
    let (flags, activations) = (rows.flags.len(), rows.activations.len());
    if session.json {
        print_json(&json!({"revision": rows.revision, "flags": flags, "activations": activations}))?;
    } else {
        print(format_args!("{}: there are {flags} flags and {activations} activations now", store.name()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The script, as people call it.
fn name(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}
