//! `novi apply`.

use std::process::ExitCode;

use clap::Args;
use novi::{Error, store::SchemaStore};

use super::{
    compare::{Comparison, NO_CHANGES},
    last_apply::{NEVER_APPLIED, Undone, reason, undone},
    load::Sources,
    overwritten,
};
use crate::{
    commands::{authorship::Authorship, value_parser::whole},
    output::{DRY_RUN, Failure, print, print_json, print_note, with_progress},
    session::Session,
};

/// So many times the files are compared again after others have changed the rows.
const MOST_RETRIES: u32 = 5;

const EXAMPLES: &str = "\
Examples:
  novi apply flags.yaml
  novi apply flags/ --prune --reason \"Release 42\"
  novi apply flags.yaml --if-revision 84

All changes are one transaction. Flags and activations that no file describes stay as they are, unless --prune is \
given. A file can leave fields to people: `ignore: [status]` at its top. What others have changed in the rows since the \
last apply of the same files is not overwritten, unless --force is given.";

/// Change the rows to what files describe
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    authorship: Authorship,

    /// Overwrite what others have changed in the rows since the last apply
    #[arg(long)]
    force: bool,

    /// Apply only if the rows are still at this revision; `novi plan` prints it
    #[arg(long, value_name = "N", value_parser = whole::<i64>)]
    if_revision: Option<i64>,

    /// Show what would change, without writing; the exit code is that of the change
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let name = self.sources.name();
        let mut retries = if self.if_revision.is_some() { 0 } else { MOST_RETRIES };
        loop {
            let comparison = Comparison::new(session, &*store, &self.sources).await?;
            let undone = self.undone(&*store, &comparison, &name).await?;
            if let Some(failure) = self.refusal(&comparison, &undone, &name) {
                if self.dry_run && !session.json {
                    comparison.print()?;
                }
                return Err(failure);
            }
            let mut written = None;
            if comparison.is_change() && !self.dry_run {
                let author = self.authorship.clone().author_with(|given| reason(&name, given));
                // The edit expects the versions of the rows that it changes, which were compared.
                let mut edit = comparison.edit.clone().by(author);
                edit.revision = self.if_revision;
                let writer = comparison.current.flags.writer();
                match with_progress("writing the change", writer.commit(&*store, edit)).await {
                    Ok(revision) => written = Some(revision.number()),
                    Err(Error::Conflict(_)) if retries > 0 => {
                        retries -= 1;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            return self.print(session, &comparison, written, undone.is_first);
        }
    }

    /// What others have changed, and the files would change again.
    async fn undone(
        &self,
        store: &dyn SchemaStore,
        comparison: &Comparison,
        name: &str,
    ) -> Result<Undone, Failure> {
        if self.force || !comparison.is_change() {
            return Ok(Undone::default());
        }
        let actor = self.authorship.actor();
        undone(store, (name, actor.as_deref()), &comparison.current.rows, &comparison.after).await
    }

    /// Why the files are not applied.
    fn refusal(&self, comparison: &Comparison, undone: &Undone, name: &str) -> Option<Failure> {
        let found = comparison.revision();
        if let Some(expected) = self.if_revision.filter(|expected| *expected != found) {
            return Some(Failure::rejected(format!(
                "expected revision {expected}, found {found}: the rows have changed; run `novi plan` again"
            )));
        }
        if !comparison.plan.problems.is_empty() {
            let message = Error::Invalid(comparison.plan.problems.clone()).to_string();
            return Some(Failure::invalid(message, &comparison.plan.problems));
        }
        if let Some(whole) = undone.whole.as_ref().filter(|_| !self.sources.is_named()) {
            return Some(Failure::rejected(format!(
                "`{name}` was applied as a part of `{whole}`: apply `{whole}` again, so that changes of others since then \
                 are noticed, or apply it by itself from now on with --name {name:?}"
            )));
        }
        (!undone.rows.is_empty()).then(|| overwritten::refusal(&undone.rows, name, undone.is_first))
    }

    fn print(
        &self,
        session: &Session,
        comparison: &Comparison,
        written: Option<i64>,
        is_first: bool,
    ) -> Result<ExitCode, Failure> {
        if session.json {
            let mut output = comparison.json();
            if let Some(fields) = output.as_object_mut() {
                fields.insert("written".to_owned(), written.is_some().into());
                fields.insert("revision".to_owned(), written.unwrap_or(comparison.revision()).into());
                fields.insert("never_applied".to_owned(), is_first.into());
            }
            print_json(&output)?;
        } else {
            comparison.print()?;
            if is_first {
                print_note(NEVER_APPLIED)?;
            }
            if let Some(revision) = written {
                print(format_args!("Written (revision {revision})."))?;
            } else {
                comparison.print_summary(NO_CHANGES)?;
                if self.dry_run {
                    print(DRY_RUN)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
