//! `novi follow-legacy`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use novi::store::{Author, SchemaStore};
use novi_import::{
    ImportError, Options, TableSpec,
    follow::{self, Feature, Scripts},
    sql,
};
use serde_json::json;

use super::import::bring_flipper;
use crate::{
    output::{Failure, count, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi follow-legacy flipper
  novi follow-legacy flipper --status
  novi follow-legacy flipper --sync
  novi follow-legacy flipper --stop

The tables of the system and those of novi are in one database. The command imports the flags, and then creates triggers: \
each change of the old tables changes the rows of novi in the same transaction. What a trigger cannot map leaves the flag as \
it is, and --status lists it.";

/// How often an import is repeated while programs change the tables.
const ATTEMPTS: usize = 10;

/// A system whose tables can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LegacySystem {
    /// The tables of Flipper (ActiveRecord, Sequel)
    Flipper,
}

/// Follow the tables of another system while both run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct FollowLegacy {
    /// System whose tables are followed
    #[arg(value_name = "SYSTEM", value_enum)]
    system: LegacySystem,

    /// Attribute that identifies callers
    #[arg(long, value_name = "ATTRIBUTE", default_value = "targetingKey")]
    by: String,

    /// What the names of the system's tables begin with, before their usual names
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    table_prefix: String,

    /// Start although some flags cannot be followed; --sync imports them again
    #[arg(long, conflicts_with_all = ["sync", "status", "stop"])]
    partial: bool,

    /// Also replace flags of the same names that did not come from an import, or were changed or deleted since
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    overwrite: bool,

    /// Import again what triggers could not map
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    sync: bool,

    /// List the flags that triggers cannot follow, and those that differ from the old tables
    #[arg(long, conflicts_with = "stop")]
    status: bool,

    /// Drop the triggers and everything else that this command created; the flags stay
    #[arg(long)]
    stop: bool,
}

/// The system that is followed, in the database of novi.
struct Followed<'a> {
    command: &'a FollowLegacy,
    session: &'a Session,
    scripts: Scripts,
}

impl FollowLegacy {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let LegacySystem::Flipper = self.system;
        let url = &session.config.database.url;
        let prefix = sql::table_prefix(url);
        let scripts = Scripts::new(url, prefix, &self.table_prefix, &self.by);
        let scripts = scripts.map_err(|error| Failure::usage(error.to_string()))?;
        let store = session.store().await?;
        let followed = Followed { command: &self, session, scripts };
        let features = followed.features(follow::FOLLOWED).await?;
        match (features, self.stop, self.status, self.sync) {
            (None, true, ..) | (None, _, true, _) => followed.print("Flipper is not followed.", None)?,
            (Some(_), true, ..) => {
                run_script(&*store, &followed.scripts.stop()).await?;
                followed.print("Flipper is no longer followed. The flags stay as they are.", None)?;
            }
            (Some(features), _, true, _) => followed.print_status(&features).await?,
            (None, _, _, true) => {
                return Err(Failure::rejected(
                    "Flipper is not followed; start with `novi follow-legacy flipper`",
                ));
            }
            (Some(features), _, _, true) => followed.sync(&*store, &features).await?,
            (Some(_), ..) => {
                return Err(Failure::rejected(
                    "Flipper is followed already; see --status, --sync and --stop",
                ));
            }
            (None, ..) => followed.start(&*store).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Followed<'_> {
    /// The features in a table of the triggers; `None` if there is no such table.
    async fn features(&self, spec: TableSpec) -> Result<Option<Vec<Feature>>, Failure> {
        let url = &self.session.config.database.url;
        let tables = sql::read(url, &[spec], sql::table_prefix(url)).await;
        let tables = tables.map_err(|error: ImportError| Failure::system(error.to_string()))?;
        Ok(follow::features(&tables, &spec))
    }

    async fn start(&self, store: &dyn SchemaStore) -> Result<(), Failure> {
        // An import first refuses what it would refuse, such as tables that are missing.
        self.bring(self.command.overwrite, true).await?;
        let started = self.install(store).await;
        if started.is_err() {
            // What failed matters more than what is left behind, which --stop removes as well.
            if let Err(error) = run_script(store, &self.scripts.stop()).await {
                tracing::warn!("could not remove what was created: {}", error.message());
            }
        }
        started?;
        let features = self.features(follow::FOLLOWED).await?.unwrap_or_default();
        self.print(&format!("Following {} of Flipper.", count(features.len(), "flag")), Some(&features))
    }

    async fn install(&self, store: &dyn SchemaStore) -> Result<(), Failure> {
        run_script(store, &self.scripts.start()).await?;
        let found = self.features(follow::FOUND).await?.unwrap_or_default();
        let problems: Vec<String> = found.iter().filter_map(problem).collect();
        if !problems.is_empty() && !self.command.partial {
            return Err(Failure::rejected(format!(
                "these flags cannot be followed: {}; change them, or follow the others with --partial",
                problems.join("; ")
            )));
        }
        self.bring(self.command.overwrite, false).await?;
        run_script(store, &self.scripts.settle()).await?;
        self.bring_until_equal().await
    }

    async fn sync(&self, store: &dyn SchemaStore, features: &[Feature]) -> Result<(), Failure> {
        let foreign: Vec<&str> = features
            .iter()
            .filter(|feature| feature.is_foreign)
            .map(|feature| feature.name.as_str())
            .collect();
        if !foreign.is_empty() && !self.command.overwrite {
            return Err(Failure::rejected(format!(
                "novi has other flags, or activations, of these names: {}; rename them, or replace them with --overwrite",
                foreign.join(", ")
            )));
        }
        let changed = self.bring(true, false).await?;
        run_script(store, &self.scripts.settle()).await?;
        self.bring_until_equal().await?;
        let features = self.features(follow::FOLLOWED).await?.unwrap_or_default();
        let text = match changed.len() {
            0 => "No changes: the rows are as Flipper has them.".to_owned(),
            _ => format!("Imported again: {}.", changed.join(", ")),
        };
        self.print(&text, Some(&features))
    }

    /// Imports what changed between the import and the triggers.
    async fn bring_until_equal(&self) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            if self.bring(true, false).await?.is_empty() {
                return Ok(());
            }
        }
        Err(Failure::rejected("the tables of Flipper change too often to be imported; try again later"))
    }

    async fn bring(&self, overwrite: bool, dry_run: bool) -> Result<Vec<String>, Failure> {
        let options = Options { by: self.command.by.clone(), ..Options::default() };
        bring_flipper(self.session, options, &self.command.table_prefix, overwrite, dry_run).await
    }

    async fn print_status(&self, features: &[Feature]) -> Result<(), Failure> {
        let differ = self.bring(true, true).await?;
        let text = format!("Following {} of Flipper.", count(features.len(), "flag"));
        if self.session.json {
            return print_json(&json!({"following": true, "flags": rows(features), "differ": differ}));
        }
        self.print(&text, Some(features))?;
        match differ.len() {
            0 => print("All rows are as an import would write them."),
            _ => print(format_args!("Out of step, run --sync: {}", differ.join(", "))),
        }
    }

    fn print(&self, text: &str, features: Option<&[Feature]>) -> Result<(), Failure> {
        if self.session.json {
            let flags = features.map(rows);
            return print_json(&json!({"following": flags.is_some(), "flags": flags.unwrap_or_default()}));
        }
        print(text)?;
        for problem in features.unwrap_or_default().iter().filter_map(problem) {
            print(format_args!("Not followed: {problem}"))?;
        }
        Ok(())
    }
}

/// The flag and why it is not followed.
fn problem(feature: &Feature) -> Option<String> {
    feature.problem.as_ref().map(|problem| format!("{:?}: {problem}", feature.name))
}

fn rows(features: &[Feature]) -> Vec<serde_json::Value> {
    let row = |feature: &Feature| json!({"flag": feature.name, "problem": feature.problem});
    features.iter().map(row).collect()
}

async fn run_script(store: &dyn SchemaStore, script: &str) -> Result<(), Failure> {
    Ok(store.run_script_by(&Author::default(), script).await?)
}
