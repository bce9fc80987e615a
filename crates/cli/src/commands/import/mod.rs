//! `novi import`.

mod author;
mod conflict;
mod earlier;
mod past;
mod read;
mod system;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use novi::{
    Error,
    store::{Author, SchemaStore},
};
use novi_files::Format;
use novi_import::{Imported, Options, features_service, follow::Followed, hanoi::HanoiVersion};
use serde_json::{Value, json};

use self::{
    author::ACTOR,
    conflict::conflicts,
    earlier::Earlier,
    read::Read,
    system::{Source, System},
};
use super::{change::Current, files::Comparison, report};
use crate::{
    output::{DRY_RUN, Failure, Progress, count, print, print_json, with_progress},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi import flagd flags.json --dry-run
  novi import flagd flags.json --report report.md
  novi import flagd flags.json --to-file flags.yaml
  novi import flipper
  novi import flipper postgres://app@host/app --table-prefix shop_
  novi import hanoi redis://127.0.0.1:6379/0
  novi import features-service redis://127.0.0.1:6379/1 --tokens redis://127.0.0.1:6379/0

All changes are one transaction, by the author `import`. A second import of the same source changes nothing. docs/import.md \
lists the systems, their sources, and what is imported of each.";

/// Import the flags of another system
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// System that the flags come from
    #[arg(value_name = "SYSTEM", value_enum)]
    system: System,

    /// What to read: a file, - for standard input, or the address of a database, also of Redis
    /// (redis://HOST:PORT/NUMBER); without it, the tables of the system in the database of novi
    #[arg(value_name = "SOURCE")]
    source: Option<String>,

    /// Attribute that identifies callers, where the source does not name one
    #[arg(long, value_name = "ATTRIBUTE", default_value = "targetingKey")]
    by: String,

    /// Environment to import, of a source that has several
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,

    /// What the names of the system's tables begin with, before their usual names
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    table_prefix: String,

    /// Version of hanoi: 0.0.4 or head [default: by the prefix of the keys]
    #[arg(long, value_name = "VERSION", value_parser = hanoi_version)]
    hanoi_version: Option<HanoiVersion>,

    /// The gem rollout was configured with `randomize_percentage`
    #[arg(long)]
    randomize_percentage: bool,

    /// Groups of feats.py's experiments that the program remembers: a JSON file as {"FLAG": {"USER": "GROUP"}}
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,

    /// Tokens of the features service, which are stored as hashes: the address of a Redis database, or a file
    #[arg(long, value_name = "SOURCE", conflicts_with = "to_file")]
    tokens: Option<String>,

    /// Also replace flags of the same names that did not come from an import, or were changed or deleted since; with
    /// --to-file, replace the file
    #[arg(long)]
    overwrite: bool,

    /// File to write the report to, as JSON, or as Markdown if it is named *.md
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// File to write the flags to, named *.yaml, *.yml, *.toml or *.json, in place of the database
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    to_file: Option<PathBuf>,

    /// Show what would change, without writing; the exit code is that of the change
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let options = Options {
            by: self.by.clone(),
            environment: self.environment.clone(),
            hanoi_version: self.hanoi_version,
            randomize_percentage: self.randomize_percentage,
            groups: self.groups.as_deref().map(system::read_groups).transpose()?.unwrap_or_default(),
        };
        let source = Source { place: self.source.as_deref(), table_prefix: &self.table_prefix, options };
        let reading = with_progress("reading the flags", self.system.read(&source, session));
        let mut read = Box::pin(reading).await?;
        if let Some(tokens) = &self.tokens {
            self.read_tokens(tokens, &mut read).await?;
        }
        match &self.to_file {
            Some(file) => {
                self.refuse_existing(file)?;
                read.reject_past("a file has no history");
                self.write_report(&read)?;
                write_document(session, file, &read.imported)?;
            }
            None => self.write(session, read).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A file that exists may have changes of people.
    fn refuse_existing(&self, file: &Path) -> Result<(), Failure> {
        if self.overwrite || !file.exists() {
            return Ok(());
        }
        let name = file.display();
        Err(Failure::rejected(format!(
            "{name} exists already; name another file, or replace it with --overwrite"
        )))
    }

    async fn read_tokens(&self, tokens: &str, read: &mut Read) -> Result<(), Failure> {
        if self.system != System::FeaturesService {
            return Err(Failure::usage("--tokens: only features-service has tokens".to_owned()));
        }
        let keys = system::read_keys(tokens, &features_service::TOKEN_KEYS).await?;
        let (tokens, report) = features_service::read_tokens(&keys);
        read.tokens = tokens;
        read.imported.report.items.extend(report.items);
        Ok(())
    }

    fn write_report(&self, read: &Read) -> Result<(), Failure> {
        let Some(file) = &self.report else { return Ok(()) };
        report::write_file(file, "Import from", self.system.name(), &read.imported.report)
    }

    async fn write(&self, session: &Session, mut read: Read) -> Result<(), Failure> {
        let store = session.store().await?;
        let comparison = compare(session, &*store, &read).await?;
        let earlier = Earlier::of(&*store, self.system.name()).await?;
        if !self.overwrite {
            refuse_changed(&*store, &earlier, &comparison, &read).await?;
        }
        let kept = earlier.kept(&comparison, &read.imported);
        read.imported.report.items.extend(kept);
        let past = past::edits(&*store, &comparison, &read.past, self.system.name()).await?;
        read.settle_past(past.is_some());
        self.write_report(&read)?;
        let past = past.unwrap_or_default();
        let written = match (self.dry_run, past.is_empty()) {
            (false, false) => {
                Some(with_progress("writing the flags", store.commit_past(past)).await?.number())
            }
            (false, true) if comparison.is_change() => {
                Some(commit(&*store, &comparison, self.system.name()).await?)
            }
            _ => None,
        };
        let tokens = match read.tokens.as_slice() {
            [] => 0,
            tokens => tokens::create(&*store, tokens, self.dry_run).await?,
        };
        self.print(session, &comparison, &read, written, tokens)
    }

    fn print(
        &self,
        session: &Session,
        comparison: &Comparison,
        read: &Read,
        written: Option<i64>,
        tokens: usize,
    ) -> Result<(), Failure> {
        let items = &read.imported.report.items;
        if session.json {
            let found = comparison.current.rows.revision.number();
            let mut output = comparison.json();
            if let Some(fields) = output.as_object_mut() {
                fields.insert("report".to_owned(), json!(items));
                fields.insert("written".to_owned(), written.is_some().into());
                fields.insert("revision".to_owned(), written.unwrap_or(found).into());
                if self.tokens.is_some() {
                    fields.insert("new_tokens".to_owned(), tokens.into());
                }
            }
            return print_json(&output);
        }
        report::print_text(&read.imported.report)?;
        if self.tokens.is_some() {
            print(format_args!("{} of {} are new.", tokens, count(read.tokens.len(), "token")))?;
        }
        if written.is_none() && !comparison.is_change() {
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

/// Imports the tables of a system in the database of novi, for `novi follow-legacy`. Returns the flags and activations
/// that changed, or that would change.
pub(super) async fn bring_followed(
    session: &Session,
    followed: Followed,
    options: Options,
    table_prefix: &str,
    overwrite: bool,
    dry_run: bool,
) -> Result<Vec<String>, Failure> {
    let system = match followed {
        Followed::Flipper => System::Flipper,
        Followed::Waffle => System::DjangoWaffle,
        Followed::Togglz => System::Togglz,
    };
    let source = Source { place: None, table_prefix, options };
    let read = system.read(&source, session).await?;
    let store = session.store().await?;
    let comparison = compare(session, &*store, &read).await?;
    if !overwrite {
        let earlier = Earlier::of(&*store, system.name()).await?;
        // Also if nothing of them would change now: the triggers would change and delete them later.
        refuse(
            &earlier.own(&*store, &comparison, &read.imported, system.name()).await?,
            &format!("novi has flags of these names that did not come from {}", system.name()),
            "rename them, or let the system have them with --overwrite",
        )?;
        refuse_changed(&*store, &earlier, &comparison, &read).await?;
    }
    if !dry_run && comparison.is_change() {
        commit(&*store, &comparison, system.name()).await?;
    }
    let plan = &comparison.plan;
    Ok(plan.flags.iter().chain(&plan.activations).map(|row| row.name.clone()).collect())
}

/// Compares the rows with what was read.
async fn compare(session: &Session, store: &dyn SchemaStore, read: &Read) -> Result<Comparison, Failure> {
    let _progress = Progress::start("comparing the flags with the rows");
    let current = Current::load(session, store).await?;
    let comparison = Comparison::of(current, &read.imported.document, false)?;
    if !comparison.plan.problems.is_empty() {
        let message = Error::Invalid(comparison.plan.problems.clone()).to_string();
        return Err(Failure::invalid(message, &comparison.plan.problems));
    }
    Ok(comparison)
}

/// Writes what an import changes, and returns the revision.
async fn commit(store: &dyn SchemaStore, comparison: &Comparison, system: &str) -> Result<i64, Failure> {
    let reason = Some(author::reason(system, None));
    let author = Author { actor: Some(ACTOR.to_owned()), reason };
    let edit = comparison.edit.clone().by(author);
    let writer = comparison.current.flags.writer();
    Ok(with_progress("writing the flags", writer.commit(store, edit)).await?.number())
}

/// Refuses to replace what people changed.
async fn refuse_changed(
    store: &dyn SchemaStore,
    earlier: &Earlier,
    comparison: &Comparison,
    read: &Read,
) -> Result<(), Failure> {
    refuse(
        &earlier.deleted(store, comparison).await?,
        "these flags came from an earlier import, and were deleted or renamed since",
        "take them out of the source, or create them again with --overwrite",
    )?;
    refuse(
        &conflicts(store, comparison, &read.imported.document).await?,
        "these flags exist, and did not come from an import or were changed since",
        "rename them, or replace them with --overwrite",
    )
}

/// Refuses to import while there are such flags.
fn refuse(names: &[String], what: &str, remedy: &str) -> Result<(), Failure> {
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::rejected(format!("{what}: {}; {remedy}", names.join(", "))))
}

fn hanoi_version(name: &str) -> Result<HanoiVersion, &'static str> {
    HanoiVersion::parse(name).ok_or("expected 0.0.4 or head")
}

/// Writes the flags as a file for `novi apply`.
fn write_document(session: &Session, file: &Path, imported: &Imported) -> Result<(), Failure> {
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
