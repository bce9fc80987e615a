//! `novi plan`.

use std::{process::ExitCode, sync::Arc};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    compare::{Comparison, NO_CHANGES},
    last_apply::{NEVER_APPLIED, Undone, undone},
    load::Sources,
    markdown::markdown,
};
use crate::{
    commands::{authorship::Actor, callers::Callers},
    output::{DRY_RUN, Failure, WOULD_BE_REJECTED, print, print_json, print_note, sanitize, write},
    session::{Session, read_assignments},
};

const EXAMPLES: &str = "\
Examples:
  novi export > flags.yaml
  novi plan flags.yaml
  novi plan flags/ --prune --detailed-exitcode
  novi plan flags.yaml --format markdown --contexts users.jsonl > comment.md
  novi plan flags.yaml --audience users

With --detailed-exitcode, the exit code is 0 if nothing would change, 2 if something would, and 1 for every error.";

/// Show what `novi apply` would change
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Plan {
    #[command(flatten)]
    sources: Sources,

    /// Exit with 0 if nothing would change, with 2 if something would, and with 1 after an error
    #[arg(long)]
    detailed_exitcode: bool,

    /// Format of the output
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    callers: Callers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// As --json
    Json,
    /// For a comment on a pull request
    Markdown,
}

impl Plan {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let (is_detailed, as_json) = (self.detailed_exitcode, self.is_json(session));
        match Box::pin(self.compare(session)).await {
            Ok(true) if is_detailed => Ok(ExitCode::from(2)),
            Ok(_) => Ok(ExitCode::SUCCESS),
            Err(failure) if is_detailed => {
                failure.report(as_json);
                Ok(ExitCode::FAILURE)
            }
            Err(failure) => Err(failure),
        }
    }

    fn is_json(&self, session: &Session) -> bool {
        session.json || self.format == Format::Json
    }

    /// Prints the plan. Returns whether something would change.
    async fn compare(self, session: &Session) -> Result<bool, Failure> {
        let store = session.store().await?;
        let comparison = Comparison::new(session, &*store, &self.sources).await?;
        let Undone { rows: overwritten, is_first, whole } = if comparison.is_change() {
            let (rows, name, actor) =
                (&comparison.current.rows, self.sources.name(), Actor::default().name());
            undone(&*store, (&name, actor.as_deref()), rows, &comparison.after).await?
        } else {
            Undone::default()
        };
        let impact = if self.callers.are_given() {
            let (current, edit) = (&comparison.current, &comparison.edit);
            read_assignments(&current.flags, Arc::clone(&store)).await;
            let mut compared = current.flags.comparison(current.rows.clone(), edit).1;
            self.callers.compare(session, &mut compared).await?;
            Some(compared.finish())
        } else {
            None
        };
        if self.is_json(session) {
            let mut output = comparison.json();
            output["overwritten"] = json!(overwritten);
            if let (Some(fields), Some(impact)) = (output.as_object_mut(), &impact) {
                fields.insert("impact".to_owned(), json!(impact));
            }
            print_json(&output)?;
        } else if self.format == Format::Markdown {
            write(&sanitize(&markdown(&comparison, &overwritten, impact.as_ref())))?;
        } else {
            comparison.print()?;
            if let Some(impact) = &impact {
                write(&sanitize(&impact.to_string()))?;
            }
            for row in &overwritten {
                print_note(format_args!("note: {row}; `novi apply` overwrites it only with --force"))?;
            }
            if let Some(whole) = whole.filter(|_| !self.sources.is_named()) {
                print_note(format_args!(
                    "note: a part of `{whole}`, which was applied before; `novi apply` needs --name for it"
                ))?;
            }
            if is_first && overwritten.is_empty() {
                print_note(NEVER_APPLIED)?;
            }
            comparison.print_summary(NO_CHANGES)?;
            print(DRY_RUN)?;
        }
        if comparison.plan.problems.is_empty() {
            Ok(comparison.is_change())
        } else {
            Err(Failure::invalid(WOULD_BE_REJECTED, &comparison.plan.problems))
        }
    }
}
