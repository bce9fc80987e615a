//! `novi promote`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use novi::{
    Error,
    rows::Rows,
    snapshot::Effect,
    store::{self, SchemaStore, SnapshotFile},
};
use novi_files::{Activated, Document, Ignored};
use serde_json::Value;

use super::compare::Comparison;
use crate::{
    commands::{authorship::Authorship, change::Current},
    output::{DRY_RUN, Failure, WOULD_BE_REJECTED, confirm, count, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi promote --from sqlite://staging.db --to postgres://flags@db/shop --dry-run
  novi promote --from file:staging.novi new-checkout search --ignore status --reason \"Release 42\"

Flags and activations are matched by their names, so that the databases may have other ids and be of other kinds. The \
activations that a flag has, and those that they refer to, are promoted with it. Flags that only the target has stay. \
All changes are one transaction.";

/// Bring flags of one database to another
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Promote {
    /// Flags to promote, by name; all of them if none is given
    #[arg(value_name = "FLAG")]
    flags: Vec<String>,

    /// Database or snapshot file (file:FILE) that has the flags
    #[arg(long, value_name = "URL")]
    from: String,

    /// Database to change [default: the configured database]
    #[arg(long, value_name = "URL")]
    to: Option<String>,

    /// Field to leave as it is in the target; may be repeated. New flags have its default, and are off if it is status
    #[arg(long, value_enum, value_name = "FIELD")]
    ignore: Vec<Field>,

    #[command(flatten)]
    authorship: Authorship,

    /// Also change shared activations that flags of the target use which are not promoted
    #[arg(long)]
    force: bool,

    /// Write without asking
    #[arg(long)]
    yes: bool,

    /// Show what would change, without writing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Field {
    Status,
    Description,
    Owner,
    ExpiresAt,
    Tags,
    OverrideAllowed,
    Exposed,
    FailMode,
    Variants,
    Metadata,
    Activations,
    Members,
}

impl Promote {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let (rows, from) = self.source().await?;
        let target = self.target(session).await?;
        let source = Current::of_rows(session, rows)?;
        let names: BTreeSet<String> = if self.flags.is_empty() {
            source.rows.flags.iter().map(|row| row.name.clone()).collect()
        } else {
            let name = |flag: &String| Ok(source.flag(flag)?.name.clone());
            self.flags
                .iter()
                .map(name)
                .collect::<Result<_, Failure>>()
                .map_err(|failure| failure.about(&from))?
        };
        check_names(&source.rows, &from)?;
        let mut document = self.document(&source, &names);
        let current = Current::load(session, &*target).await?;
        let kept_off = self.keep_off(&mut document, &source, &current.rows);
        let mut comparison = Comparison::of(current, &document, false)?;
        comparison.kept_off.extend(kept_off);
        let is_rejected = !comparison.plan.problems.is_empty();
        if !session.json {
            comparison.print_plan()?;
        }
        if is_rejected && !self.dry_run {
            let message = Error::Invalid(comparison.plan.problems.clone()).to_string();
            let failure = Failure::invalid(message, &comparison.plan.problems).about(target.name());
            let missing = missing(&source.rows, &comparison, &names);
            return Err(if missing.is_empty() {
                failure
            } else {
                failure.and(format_args!("{from} has {}: promote them as well", missing.join(", ")))
            });
        }
        if let Some(failure) = (!self.force).then(|| shared_with_others(&comparison, &names)).flatten() {
            return Err(failure);
        }
        let mut written = None;
        if comparison.is_change() && !self.dry_run {
            if !self.is_confirmed(&comparison, &*target)? {
                print("Nothing was written.")?;
                return Ok(ExitCode::SUCCESS);
            }
            let reason = |given: Option<&str>| match given {
                Some(given) => format!("{given} (promote from {from})"),
                None => format!("promote from {from}"),
            };
            let edit = comparison.edit.clone().by(self.authorship.clone().author_with(reason));
            written = Some(comparison.current.flags.writer().commit(&*target, edit).await?.number());
        }
        if session.json {
            let mut output = comparison.json();
            output["written"] = written.is_some().into();
            output["revision"] = written.unwrap_or(comparison.revision()).into();
            output["from"] = Value::String(from);
            output["to"] = Value::String(target.name());
            print_json(&output)?;
        } else if let Some(revision) = written {
            print(format_args!("Written (revision {revision})."))?;
        } else {
            comparison.print_summary("No changes: the target has these flags as they are.")?;
            if self.dry_run {
                print(DRY_RUN)?;
            }
        }
        if is_rejected {
            return Err(Failure::invalid(WOULD_BE_REJECTED, &comparison.plan.problems));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The rows to promote, and what errors and the history call their database.
    async fn source(&self) -> Result<(Rows, String), Failure> {
        if let Some(file) = self.from.strip_prefix("file:").map(Path::new) {
            return Ok((SnapshotFile::read(file)?.rows, file.display().to_string()));
        }
        let store = store::connect(&self.from).await.map_err(|error| Failure::from(error).about("--from"))?;
        Ok((store.load().await?, store.name()))
    }

    async fn target(&self, session: &Session) -> Result<Arc<dyn SchemaStore>, Failure> {
        let Some(url) = &self.to else { return session.store().await };
        if url.starts_with("file:") {
            return Err(Failure::usage("--to: a snapshot file is read-only; name a database"));
        }
        store::connect(url).await.map_err(|error| Failure::from(error).about("--to"))
    }

    /// Describes the flags, with the activations that they have and those that these refer to.
    fn document(&self, source: &Current, names: &BTreeSet<String>) -> Document {
        let mut document = Document::from_rows(&source.rows, &source.registry);
        if !self.flags.is_empty() {
            let reached: BTreeSet<i64> =
                names.iter().flat_map(|name| source.snapshot.reached_by(name)).collect();
            let rows = source.rows.activations.iter().filter(|row| reached.contains(&row.id));
            let reached: BTreeSet<&str> = rows.map(|row| row.name.as_str()).collect();
            document.flags.retain(|name, _| names.contains(name));
            document.activations.retain(|name, _| reached.contains(name.as_str()));
        }
        document.ignore = self.ignore.iter().filter_map(|field| field.of_flag()).collect();
        let has_members = !self.ignore.contains(&Field::Members);
        // A list without members is one of none, and not one that is left as it is.
        let set = |members: &mut Option<Vec<String>>, denied: &mut Option<Vec<String>>| {
            for list in [members, denied] {
                *list = has_members.then(|| list.take().unwrap_or_default());
            }
        };
        for activation in document.activations.values_mut() {
            set(&mut activation.members, &mut activation.denied);
        }
        for activated in document.flags.values_mut().flat_map(|flag| &mut flag.activations) {
            if let Activated::Own(own) = activated {
                set(&mut own.members, &mut own.denied);
            }
        }
        document
    }

    /// Without its members, a new list can be on for every caller. Flags that need one stay off, or are new and off.
    /// Returns their names.
    fn keep_off(&self, document: &mut Document, source: &Current, target: &Rows) -> Vec<String> {
        if !self.ignore.contains(&Field::Members) || self.ignore.contains(&Field::Status) {
            return Vec::new();
        }
        let filled: BTreeSet<i64> = target.members.iter().map(|row| row.activation_id).collect();
        let filled = target.activations.iter().filter(|row| filled.contains(&row.id));
        let filled: BTreeSet<&str> = filled.map(|row| row.name.as_str()).collect();
        let emptied =
            source.rows.activations.iter().filter(|row| {
                !filled.contains(row.name.as_str()) && !source.rows.members_of(row.id).is_empty()
            });
        let emptied: BTreeSet<i64> = emptied.map(|row| row.id).collect();
        let on = target.flags.iter().filter(|row| row.status);
        let on: BTreeSet<&str> = on.map(|row| row.name.as_str()).collect();
        let mut kept_off = Vec::new();
        for (name, flag) in document.flags.iter_mut().filter(|(name, _)| !on.contains(name.as_str())) {
            let needs_one = source.snapshot.reached_by(name).iter().any(|id| emptied.contains(id));
            if needs_one && flag.status == Some(true) {
                flag.status = Some(false);
                kept_off.push(name.clone());
            }
        }
        kept_off
    }

    /// Whether to write: `--yes`, or a person agrees.
    fn is_confirmed(&self, comparison: &Comparison, target: &dyn SchemaStore) -> Result<bool, Failure> {
        if self.yes {
            return Ok(true);
        }
        let changed = comparison.plan.flags.iter().filter(|row| row.effect != Effect::Affected).count();
        let question = format!("This changes {} of {}. Continue?", count(changed, "flag"), target.name());
        confirm(&question)?.ok_or_else(|| {
            Failure::usage("where there is no terminal to ask on, add --yes, or --dry-run to see the changes")
        })
    }
}

/// The flags that the source has and the problems name, and that are not promoted: flags depend on them.
fn missing(source: &Rows, comparison: &Comparison, promoted: &BTreeSet<String>) -> Vec<String> {
    let there: BTreeSet<&str> = comparison.current.rows.flags.iter().map(|row| row.name.as_str()).collect();
    let names = source.flags.iter().map(|row| &row.name);
    let left = names.filter(|name| !promoted.contains(*name) && !there.contains(name.as_str()));
    let quoted = left.map(|name| format!("{name:?}"));
    let is_named = |name: &String| {
        let unknown = format!("no flag has the name {name}");
        comparison.plan.problems.iter().any(|problem| problem.to_string().contains(&unknown))
    };
    quoted.filter(is_named).collect()
}

/// Why activations are not changed: flags that are not promoted use them.
fn shared_with_others(comparison: &Comparison, promoted: &BTreeSet<String>) -> Option<Failure> {
    let current = &comparison.current;
    let changed: BTreeMap<i64, &str> = comparison
        .plan
        .activations
        .iter()
        .filter(|row| row.effect != Effect::Affected)
        .map(|row| (row.id, row.name.as_str()))
        .collect();
    let others = current.rows.flags.iter().filter(|row| !promoted.contains(&row.name));
    let lines: Vec<String> = others
        .flat_map(|flag| {
            let used = current.snapshot.reached_by(&flag.name).into_iter();
            let used: BTreeSet<&str> = used.filter_map(|id| changed.get(&id).copied()).collect();
            used.into_iter().map(move |name| format!("  {name:?} is used by {:?}", flag.name))
        })
        .collect();
    (!lines.is_empty()).then(|| {
        Failure::rejected(format!(
            "activations of the target would change that flags use which are not promoted:\n{}\nrename them in one of the \
             databases; --force changes them",
            lines.join("\n")
        ))
    })
}

/// Activations are matched by their names, so that two of them cannot have the same.
fn check_names(rows: &Rows, from: &str) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    match rows.activations.iter().find(|row| !names.insert(&row.name)) {
        None => Ok(()),
        Some(row) => Err(Failure::rejected(format!(
            "{from}: several activations are named {:?}: rename all but one, since they are matched by their names",
            row.name
        ))),
    }
}

impl Field {
    const fn of_flag(self) -> Option<Ignored> {
        Some(match self {
            Self::Status => Ignored::Status,
            Self::Description => Ignored::Description,
            Self::Owner => Ignored::Owner,
            Self::ExpiresAt => Ignored::ExpiresAt,
            Self::Tags => Ignored::Tags,
            Self::OverrideAllowed => Ignored::OverrideAllowed,
            Self::Exposed => Ignored::Exposed,
            Self::FailMode => Ignored::FailMode,
            Self::Variants => Ignored::Variants,
            Self::Metadata => Ignored::Metadata,
            Self::Activations => Ignored::Activations,
            Self::Members => return None,
        })
    }
}
