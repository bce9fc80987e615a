//! `novi follow-legacy`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use novi::store::{Author, SchemaStore, table_prefix};
use novi_import::{
    ImportError, Options, TableSpec, Tables,
    follow::{self, Feature, Followed, NOVI, Scripts, Settings},
    sql,
};
use serde_json::json;

use super::import::bring_followed;
use crate::{
    output::{Failure, count, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi follow-legacy flipper
  novi follow-legacy waffle --by user_id
  novi follow-legacy togglz --table-prefix app_
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
    /// The tables of django-waffle, and Django's groups
    #[value(alias = "django-waffle")]
    Waffle,
    /// The table of Togglz' JDBC repository
    Togglz,
}

impl From<LegacySystem> for Followed {
    fn from(system: LegacySystem) -> Self {
        match system {
            LegacySystem::Flipper => Self::Flipper,
            LegacySystem::Waffle => Self::Waffle,
            LegacySystem::Togglz => Self::Togglz,
        }
    }
}

/// Follow the tables of another system while both run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct FollowLegacy {
    /// System whose tables are followed
    #[arg(value_name = "SYSTEM", value_enum)]
    system: LegacySystem,

    /// Attribute that identifies callers [default: targetingKey]
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,

    /// What the names of the system's tables begin with, before their usual names
    #[arg(long, value_name = "PREFIX")]
    table_prefix: Option<String>,

    /// Start although some flags cannot be followed; --sync imports them again
    #[arg(long, conflicts_with_all = ["sync", "status", "stop"])]
    partial: bool,

    /// Also replace flags of the same names that did not come from an import, or were changed or deleted since
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    overwrite: bool,

    /// Import again what triggers could not map, and create triggers that are missing
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    sync: bool,

    /// List the flags that triggers cannot follow, and those that differ from the old tables
    #[arg(long, conflicts_with = "stop")]
    status: bool,

    /// Drop the triggers and everything else that this command created; the flags stay
    #[arg(long)]
    stop: bool,
}

/// A system, in the database of novi.
struct Legacy<'a> {
    session: &'a Session,
    system: Followed,
    settings: Settings,
    overwrite: bool,
    partial: bool,
    /// The flags that are followed; `None` if the system is not followed.
    features: Option<Vec<Feature>>,
}

impl FollowLegacy {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let legacy = self.legacy(session).await?;
        let name = legacy.system.name();
        match (&legacy.features, self.stop, self.status, self.sync) {
            (None, true, ..) | (None, _, true, _) => {
                legacy.print(&format!("{name} is not followed."), None)?;
            }
            (Some(_), true, ..) => {
                run_script(&*store, &legacy.scripts().await?.stop()).await?;
                legacy.print(&format!("{name} is no longer followed. The flags stay as they are."), None)?;
            }
            (Some(features), _, true, _) => legacy.print_status(features).await?,
            (None, _, _, true) => {
                return Err(Failure::rejected(format!(
                    "{name} is not followed; start with `novi follow-legacy {}`",
                    legacy.system.id()
                )));
            }
            (Some(features), _, _, true) => legacy.sync(&*store, features).await?,
            (Some(_), ..) => {
                return Err(Failure::rejected(format!(
                    "{name} is followed already; see --status, --sync and --stop"
                )));
            }
            (None, ..) => legacy.start(&*store).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The system with the settings that it is followed with, or else with those of the command.
    async fn legacy<'a>(&self, session: &'a Session) -> Result<Legacy<'a>, Failure> {
        let system = self.system.into();
        let mut legacy = Legacy::read(session, system).await?;
        (legacy.overwrite, legacy.partial) = (self.overwrite, self.partial);
        let Settings { by, table_prefix } = &mut legacy.settings;
        let is_followed = legacy.features.is_some();
        for (option, given, known) in
            [("--by", &self.by, by), ("--table-prefix", &self.table_prefix, table_prefix)]
        {
            match given {
                Some(given) if is_followed && given != known => {
                    return Err(Failure::rejected(format!(
                        "{option}: {} is followed with {known:?}, not {given:?}; leave the option out, or --stop and \
                         start again",
                        system.name()
                    )));
                }
                Some(given) => given.clone_into(known),
                None => (),
            }
        }
        Ok(legacy)
    }
}

impl<'a> Legacy<'a> {
    /// The system, and whether and how it is followed.
    async fn read(session: &'a Session, system: Followed) -> Result<Self, Failure> {
        let tables = read(session, &[system.followed(), system.settings()]).await?;
        Ok(Self::of(session, system, &tables))
    }

    fn of(session: &'a Session, system: Followed, tables: &Tables) -> Self {
        let features = follow::features(tables, &system.followed());
        let settings = Settings::of(tables, &system.settings());
        Self { session, system, settings, overwrite: false, partial: false, features }
    }

    async fn scripts(&self) -> Result<Scripts, Failure> {
        let url = &self.session.config.database.url;
        // Without the tables there is nothing to start with, but all to stop.
        let mut tables =
            sql::find(url, self.system.tables(), &self.settings.table_prefix).await.unwrap_or_default();
        tables.extend(sql::find(url, &[NOVI], table_prefix(url)).await.map_err(failed)?);
        let scripts = Scripts::new(self.system, url, table_prefix(url), &self.settings, &tables);
        scripts.map_err(|error| Failure::usage(error.to_string()))
    }

    /// The features in a table of the triggers; `None` if there is no such table.
    async fn features(&self, spec: TableSpec) -> Result<Option<Vec<Feature>>, Failure> {
        Ok(follow::features(&read(self.session, &[spec]).await?, &spec))
    }

    async fn start(&self, store: &dyn SchemaStore) -> Result<(), Failure> {
        let scripts = self.scripts().await?;
        // An import first refuses what it would refuse, such as tables that are missing.
        self.bring(self.overwrite, true).await?;
        let url = &self.session.config.database.url;
        sql::find(url, self.system.tables(), &self.settings.table_prefix).await.map_err(failed)?;
        let started = self.install(store, &scripts).await;
        if started.is_err() {
            // What failed matters more than what is left behind, which --stop removes as well.
            if let Err(error) = run_script(store, &scripts.stop()).await {
                tracing::warn!("could not remove what was created: {}", error.message());
            }
        }
        started?;
        let features = self.features(self.system.followed()).await?.unwrap_or_default();
        self.print(&self.following(&features), Some(&features))
    }

    fn following(&self, features: &[Feature]) -> String {
        format!("Following {} of {}.", count(features.len(), "flag"), self.system.name())
    }

    async fn install(&self, store: &dyn SchemaStore, scripts: &Scripts) -> Result<(), Failure> {
        run_script(store, scripts.start()).await?;
        let found = self.features(self.system.found()).await?.unwrap_or_default();
        let problems: Vec<String> = found.iter().filter_map(problem).collect();
        if !problems.is_empty() && !self.partial {
            return Err(Failure::rejected(format!(
                "these flags cannot be followed: {}; change them, or follow the others with --partial",
                problems.join("; ")
            )));
        }
        self.bring(self.overwrite, false).await?;
        run_script(store, scripts.settle()).await?;
        self.bring_until_equal().await
    }

    async fn sync(&self, store: &dyn SchemaStore, features: &[Feature]) -> Result<(), Failure> {
        let foreign: Vec<&str> = features
            .iter()
            .filter(|feature| feature.is_foreign)
            .map(|feature| feature.name.as_str())
            .collect();
        if !foreign.is_empty() && !self.overwrite {
            return Err(Failure::rejected(format!(
                "novi has other flags, or activations, of these names: {}; rename them, or replace them with --overwrite",
                foreign.join(", ")
            )));
        }
        let scripts = self.scripts().await?;
        if !self.missing(&scripts).await?.is_empty() {
            run_script(store, &(scripts.stop() + scripts.start())).await?;
        }
        let changed = self.bring(true, false).await?;
        run_script(store, scripts.settle()).await?;
        self.bring_until_equal().await?;
        let features = self.features(self.system.followed()).await?.unwrap_or_default();
        let text = match changed.len() {
            0 => format!("No changes: the rows are as {} has them.", self.system.name()),
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
        let name = self.system.name();
        Err(Failure::rejected(format!(
            "the tables of {name} change too often to be imported; try again later"
        )))
    }

    async fn bring(&self, overwrite: bool, dry_run: bool) -> Result<Vec<String>, Failure> {
        let options = Options { by: self.settings.by.clone(), ..Options::default() };
        let prefix = &self.settings.table_prefix;
        bring_followed(self.session, self.system, options, prefix, overwrite, dry_run).await
    }

    /// The triggers that are missing: a program that rebuilds its tables drops them.
    async fn missing(&self, scripts: &Scripts) -> Result<Vec<String>, Failure> {
        let found = sql::triggers(&self.session.config.database.url).await.map_err(failed)?;
        // The script does not quote the names, and PostgreSQL writes such names in small letters.
        let is_missing = |name: &&str| !found.iter().any(|found| found.eq_ignore_ascii_case(name));
        Ok(scripts.triggers().filter(is_missing).map(str::to_owned).collect())
    }

    /// What keeps flags from being as the old tables have them.
    async fn problems(&self) -> Result<Vec<String>, Failure> {
        let mut problems = Vec::new();
        let name = self.system.name();
        let missing = self.missing(&self.scripts().await?).await?;
        if !missing.is_empty() {
            problems.push(format!(
                "{} missing, and changes of {name} are not followed: {}",
                if missing.len() == 1 { "a trigger is" } else { "triggers are" },
                missing.join(", ")
            ));
        }
        match self.bring(true, true).await {
            Ok(differ) if differ.is_empty() => (),
            Ok(differ) => {
                problems.push(format!("rows differ from the tables of {name}: {}", differ.join(", ")));
            }
            Err(error) => problems.push(format!("could not read the tables of {name}: {}", error.message())),
        }
        Ok(problems)
    }

    async fn print_status(&self, features: &[Feature]) -> Result<(), Failure> {
        let differ = self.bring(true, true).await?;
        let missing = self.missing(&self.scripts().await?).await?;
        let text = self.following(features);
        if self.session.json {
            return print_json(&json!({
                "following": true,
                "flags": rows(features),
                "differ": differ,
                "missing_triggers": missing,
            }));
        }
        self.print(&text, Some(features))?;
        if !missing.is_empty() {
            print(format_args!("Triggers are missing, run --sync: {}", missing.join(", ")))?;
        }
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

/// What keeps the flags of systems that are followed from being as their tables have them.
pub(super) async fn problems(session: &Session) -> Result<Vec<String>, Failure> {
    let specs: Vec<TableSpec> =
        Followed::ALL.iter().flat_map(|system| [system.followed(), system.settings()]).collect();
    let tables = read(session, &specs).await?;
    let mut problems = Vec::new();
    for system in Followed::ALL {
        let legacy = Legacy::of(session, system, &tables);
        if let Some(features) = &legacy.features {
            let unfollowed = features.iter().filter_map(problem);
            problems.extend(
                unfollowed.map(|problem| format!("a flag of {} is not followed: {problem}", system.name())),
            );
            let repair = format!("; run `novi follow-legacy {} --sync`", system.id());
            let found = legacy.problems().await?;
            problems.extend(found.into_iter().map(|problem| problem + &repair));
        }
    }
    Ok(problems)
}

/// The flag and why it is not followed.
fn problem(feature: &Feature) -> Option<String> {
    feature.problem.as_ref().map(|problem| format!("{:?}: {problem}", feature.name))
}

fn rows(features: &[Feature]) -> Vec<serde_json::Value> {
    let row = |feature: &Feature| json!({"flag": feature.name, "problem": feature.problem});
    features.iter().map(row).collect()
}

/// Tables beside those of novi.
async fn read(session: &Session, specs: &[TableSpec]) -> Result<Tables, Failure> {
    let url = &session.config.database.url;
    sql::read(url, specs, table_prefix(url)).await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of `map_err`")]
fn failed(error: ImportError) -> Failure {
    Failure::system(error.to_string())
}

async fn run_script(store: &dyn SchemaStore, script: &str) -> Result<(), Failure> {
    Ok(store.run_script_by(&Author::default(), script).await?)
}
