//! `novi import`.

mod conflict;
mod report;
mod system;

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use novi::{Error, store::Author};
use novi_files::Format;
use novi_import::{Imported, Options};
use serde_json::{Value, json};

use self::{conflict::conflicts, system::System};
use super::files::Comparison;
use crate::{
    output::{DRY_RUN, Failure, count, print, print_json},
    session::Session,
};

/// The author of imported flags in the history.
const ACTOR: &str = "import";

const EXAMPLES: &str = "\
Examples:
  novi import flagd flags.json --dry-run
  novi import flagd flags.json --report report.md
  novi import flagd flags.json --to-file flags.yaml

All changes are one transaction, by the author `import`. A second import of the same source changes nothing. docs/import.md \
lists the systems, their sources, and what is imported of each.";

/// Import the flags of another system
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// System that the flags come from
    #[arg(value_name = "SYSTEM", value_enum)]
    system: System,

    /// What to read: a file, or - for standard input
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Attribute that identifies callers, where the source does not name one
    #[arg(long, value_name = "ATTRIBUTE", default_value = "targetingKey")]
    by: String,

    /// Environment to import, of a source that has several
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// Also replace flags of the same names that did not come from an import, or were changed since
    #[arg(long)]
    overwrite: bool,

    /// File to write the report to, as JSON, or as Markdown if it is named *.md
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// File to write the flags to, named *.yaml, *.yml, *.toml or *.json, in place of the database
    #[arg(long, value_name = "FILE", conflicts_with_all = ["overwrite", "dry_run"])]
    to_file: Option<PathBuf>,

    /// Show what would change, without writing; the exit code is that of the change
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let options = Options { by: self.by.clone(), environment: self.environment.clone() };
        let imported = self.system.read(&self.source, &options, session).await?;
        if let Some(file) = &self.report {
            report::write_file(file, self.system.name(), &imported.report)?;
        }
        match &self.to_file {
            Some(file) => write_document(session, file, &imported)?,
            None => self.write(session, &imported).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn write(&self, session: &Session, imported: &Imported) -> Result<(), Failure> {
        let store = session.store().await?;
        let comparison = Comparison::of(session, &*store, &imported.document, false).await?;
        if !comparison.plan.problems.is_empty() {
            let message = Error::Invalid(comparison.plan.problems.clone()).to_string();
            return Err(Failure::invalid(message, &comparison.plan.problems));
        }
        if !self.overwrite {
            let names = conflicts(&*store, &comparison, &imported.document).await?;
            if !names.is_empty() {
                return Err(Failure::rejected(format!(
                    "these flags exist, and did not come from an import or were changed since: {}; rename them, or \
                     replace them with --overwrite",
                    names.join(", ")
                )));
            }
        }
        let mut written = None;
        if comparison.is_change() && !self.dry_run {
            let reason = format!("Import from {}", self.system.name());
            let author = Author { actor: Some(ACTOR.to_owned()), reason: Some(reason) };
            let edit = comparison.edit.clone().by(author);
            written = Some(comparison.current.flags.writer().commit(&*store, edit).await?.number());
        }
        let found = comparison.current.rows.revision.number();
        if session.json {
            let mut output = comparison.json();
            if let Some(fields) = output.as_object_mut() {
                fields.insert("report".to_owned(), json!(imported.report.items));
                fields.insert("written".to_owned(), written.is_some().into());
                fields.insert("revision".to_owned(), written.unwrap_or(found).into());
            }
            return print_json(&output);
        }
        report::print_text(&imported.report)?;
        if !comparison.is_change() {
            print("No changes: the rows are as the source describes them.")?;
            return if self.dry_run { print(DRY_RUN) } else { Ok(()) };
        }
        comparison.report().print()?;
        match written {
            Some(revision) => print(format_args!("Written (revision {revision}).")),
            None => print(DRY_RUN),
        }
    }
}

/// Writes the flags as a file for `novi apply`.
fn write_document(session: &Session, file: &std::path::Path, imported: &Imported) -> Result<(), Failure> {
    let format = Format::of_path(file).ok_or_else(|| {
        let name = file.display();
        Failure::usage(format!("{name}: expected a name with .yaml, .yml, .toml or .json at its end"))
    })?;
    let text = format.write(&imported.document).map_err(|error| Failure::rejected(error.to_string()))?;
    fs::write(file, text)
        .map_err(|error| Failure::system(format!("could not write {}: {error}", file.display())))?;
    let flags = imported.document.flags.len();
    if session.json {
        let report: Value = json!(imported.report.items);
        return print_json(&json!({"file": file, "flags": flags, "report": report}));
    }
    report::print_text(&imported.report)?;
    print(format_args!("Wrote {} to {}.", count(flags, "flag"), file.display()))
}
