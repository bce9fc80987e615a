//! `novi rollback`.

use std::process::ExitCode;

use clap::Args;
use novi::{
    Error,
    rows::{Conflict, Rows},
    store::history::{AsOf, differences},
};
use serde_json::json;

use super::{authorship::Authorship, change::flag_name, value_parser::whole};
use crate::{
    output::{DRY_RUN, Failure, confirm, count, fields, print, print_json, with_progress},
    session::Session,
};

const RULES: &str = "\
A rollback is one transaction. It is recorded in the history, and can itself be rolled back. It is rejected, with all \
reasons, if it would break references: if another flag has taken the name, or uses an activation that did not exist \
then.

Examples:
  novi rollback \"Combo AND\" --to 41 --reason \"the sale is over\"
  novi rollback --all --to 41 --dry-run

--all asks before it writes; where there is no terminal, it takes --yes.";

/// Roll one flag, or all flags, back to an earlier revision
#[derive(Debug, Args)]
#[command(after_help = RULES, override_usage = "novi rollback [OPTIONS] --to <REV|TIME> <FLAG|--all>")]
pub(crate) struct Rollback {
    /// Flag to roll back: its row, metadata and links, and its current and former activations with their
    /// members
    flag: Option<String>,

    /// Roll back all flags and activations
    #[arg(long, conflicts_with = "flag")]
    all: bool,

    /// Target: a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    to: AsOf,

    #[command(flatten)]
    authorship: Authorship,

    /// Roll the flag back only if it is still at this version; `novi show` prints it
    #[arg(long, value_name = "N", requires = "flag", conflicts_with = "all", value_parser = whole::<i64>)]
    if_version: Option<i64>,

    /// Roll back all flags without asking
    #[arg(long)]
    yes: bool,

    /// Show the changes without writing
    #[arg(long)]
    dry_run: bool,
}

impl Rollback {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if self.flag.is_none() && !self.all && !self.dry_run {
            return Err(Failure::usage(
                "no flag given: name one, or add --all to roll back every flag; --dry-run shows the changes",
            ));
        }
        let store = session.store().await?;
        let (current, past) =
            (store.load().await?, with_progress("reading the history", store.rows_at(self.to)).await?);
        let flag = self.flag.map(|flag| flag_name(Some(&current), flag)).transpose()?;
        if let Some(expected) = self.if_version {
            let row = current.flags.iter().find(|row| Some(&row.name) == flag.as_ref());
            let found = row.map(|row| row.metadata.row_version);
            if found != Some(expected) {
                let id = row.map_or(0, |row| row.id);
                let conflict = Conflict::new("flags", id, flag.unwrap_or_default(), expected, found);
                return Err(Failure::rejected(conflict.to_string()));
            }
        }
        let revision = past.revision;
        let flags = session.flags_from(Rows::default())?;
        let plan = flags.plan_rollback(&current, &past, flag.as_deref()).map_err(|error| match error {
            Error::Invalid(issues) => {
                let lines: Vec<_> = issues.iter().map(ToString::to_string).collect();
                Failure::rejected(lines.join("\n"))
            }
            error => error.into(),
        })?;
        let found = differences(&current, &plan.after);
        let reason = match self.to {
            AsOf::Revision(_) => format!("rollback to revision {revision}"),
            moment @ AsOf::Time(_) => format!("rollback to {moment}, revision {revision}"),
        };
        let mut written = None;
        if self.all && !self.dry_run && !self.yes && !found.is_empty() {
            let question = format!(
                "This rolls back every flag to revision {revision}: {}. Continue?",
                count(found.len(), "change")
            );
            match confirm(&question)? {
                Some(true) => (),
                Some(false) => {
                    print("Nothing was written.")?;
                    return Ok(ExitCode::SUCCESS);
                }
                None => {
                    return Err(Failure::usage(
                        "--all rolls back every flag: add --yes, or --dry-run to see the changes",
                    ));
                }
            }
        }
        if !self.dry_run && !plan.changes.is_empty() {
            let edit = plan.edit().by(self.authorship.author_or(reason));
            written = Some(store.commit(edit).await?);
        }
        if session.json {
            print_json(&json!({
                "to": revision,
                "revision": written,
                "differences": found,
                "written": written.is_some(),
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for difference in &found {
            let fields = fields(difference.entity, difference.operation, &difference.fields);
            print(format_args!("{} {}{fields}", difference.operation, difference.subject))?;
        }
        match written {
            Some(new) => print(format_args!("Rolled back to revision {revision} (new revision: {new}).")),
            None if found.is_empty() => {
                print(format_args!("Nothing to roll back: the rows are the same as at revision {revision}."))
            }
            None => print(DRY_RUN),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
