//! `novi apply`.

use std::process::ExitCode;

use clap::Args;
use novi::Error;

use super::{compare::Comparison, load::Sources};
use crate::{
    commands::authorship::Authorship,
    output::{DRY_RUN, Failure, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi apply flags.yaml
  novi apply flags/ --prune --reason \"Release 42\"
  novi apply flags.yaml --if-revision 84

All changes are one transaction. Flags and activations that no file describes stay as they are, unless --prune is \
given. A file can leave fields to people: `ignore: [status]` at its top.";

/// Change the rows to what files describe
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    authorship: Authorship,

    /// Apply only if the rows are still at this revision; `novi plan` prints it
    #[arg(long, value_name = "N")]
    if_revision: Option<i64>,

    /// Show what would change, without writing; the exit code is that of the change
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let comparison = Comparison::new(session, &*store, &self.sources).await?;
        let found = comparison.current.rows.revision.number();
        if let Some(expected) = self.if_revision.filter(|expected| *expected != found) {
            return Err(Failure::rejected(format!(
                "expected revision {expected}, found {found}: the rows have changed; run `novi plan` again"
            )));
        }
        if !comparison.plan.problems.is_empty() {
            let message = Error::Invalid(comparison.plan.problems.clone()).to_string();
            return Err(Failure::invalid(message, &comparison.plan.problems));
        }
        let mut written = None;
        if comparison.is_change() && !self.dry_run {
            let author = self.authorship.author_or(format!("apply {}", self.sources.names()));
            let edit = comparison.edit.clone().by(author);
            written = Some(comparison.current.flags.writer().commit(&*store, edit).await?.number());
        }
        if session.json {
            let mut output = comparison.json();
            if let Some(fields) = output.as_object_mut() {
                fields.insert("written".to_owned(), written.is_some().into());
                fields.insert("revision".to_owned(), written.unwrap_or(found).into());
            }
            print_json(&output)?;
        } else {
            comparison.print()?;
            if let Some(revision) = written {
                print(format_args!("Written (revision {revision})."))?;
            } else {
                comparison.print_summary()?;
                if self.dry_run {
                    print(DRY_RUN)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
