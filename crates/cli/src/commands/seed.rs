//! `novi seed`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::authorship::Authorship;
use crate::{
    output::{Failure, count, print, print_json, with_progress},
    session::{Session, read_input},
};

const RULES: &str = "\
If a statement fails, the whole script is rolled back. On MySQL and MariaDB, statements that create or change tables \
commit what precedes them. The script may not contain `begin` or `commit`.";

/// Run a SQL script in one transaction
#[derive(Debug, Args)]
#[command(after_help = RULES)]
pub(crate) struct Seed {
    /// SQL script (- reads standard input)
    file: PathBuf,

    #[command(flatten)]
    authorship: Authorship,
}

impl Seed {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let origin = origin(&self.file);
        let script = read_input(&self.file).map_err(|error| Failure::file(&origin, &error))?;
        let store = session.store().await?;
        let author = self.authorship.author();
        let done = with_progress("running the script", store.run_script_by(&author, &script)).await;
        done.map_err(|error| {
            // MySQL commits before a `create table` and the like.
            let mysql = store.name().starts_with("mysql");
            let kept = if mysql { ", up to the last statement that created or changed a table" } else { "" };
            Failure::from(error).about(&origin).and(format_args!("the script was rolled back{kept}"))
        })?;
        let rows = store.load().await?;
        let (flags, activations) = (rows.flags.len(), rows.activations.len());
        if session.json {
            print_json(&json!({"revision": rows.revision, "flags": flags, "activations": activations}))?;
        } else {
            let (flags, activations) = (count(flags, "flag"), count(activations, "activation"));
            print(format_args!("{}: script run; the database has {flags} and {activations}", store.name()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn origin(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}
