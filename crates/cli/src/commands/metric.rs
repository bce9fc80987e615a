//! `novi metric`.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use novi::{
    builtin::MetricConfig,
    rows::{ActivationRow, Rows},
};
use novi_experiments::{
    Metric as Found, experiments_with_metric, metric_config, metric_rows, metric_text, read_metrics,
};
use novi_match::suggest::most_similar;
use serde::Serialize;

use super::experiment::{metrics, problems_of_metric};
use crate::{
    commands::change::{ChangeOptions, Draft, Fields, Operation, perform, raw},
    output::{Failure, print, print_json, print_table, write},
    session::{Session, read_input},
};

const EXAMPLES: &str = "\
Examples:
  novi metric create revenue.sql buyers.sql --reason \"What orders bring\"
  novi metric create metrics/ --dry-run
  novi metric edit revenue revenue.sql
  novi metric list
  novi metric show revenue > revenue.sql

A metric is a file in the folder [experiments] metrics, or a row, with the same fields. The row is an activation of
the type novi.metric with its name.";

/// Manage the metrics of experiments
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Metric {
    Create(Create),
    Edit(Edit),
    List(List),
    Show(Show),
    Delete(Delete),
}

/// Create metrics as rows, from files with their fields and SQL
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Files with comments that have the fields, and SQL, or folders with such files; - reads standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Name of the metric, by which experiments name it [default: the name of the file]
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

/// Change a metric that is a row, by a file with its fields and SQL
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Metric
    name: String,

    /// File with comments that have the fields, and SQL; - reads standard input
    file: PathBuf,

    #[command(flatten)]
    options: ChangeOptions,
}

/// List the metrics of the folder and of rows
#[derive(Debug, Args)]
pub(crate) struct List {}

/// Show a metric, as the text of a file
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Metric
    name: String,
}

/// Delete a metric that is a row
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Metric
    name: String,

    /// Delete it even if experiments that are not decided name it
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Metric {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(command) => command.run(session).await,
            Self::Edit(command) => command.run(session).await,
            Self::List(_) => list(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
        }
    }
}

/// A new metric.
struct New {
    metric: Found,
    /// Its config, as JSON.
    config: String,
}

/// The metric of a file.
fn of_file(name: &str, file: &Path) -> Result<New, Failure> {
    let text = read_input(file)
        .map_err(|error| Failure::usage(format!("could not read {}: {error}", file.display())))?;
    let metric = Found::parse(name, &text).map_err(|error| Failure::usage(error.to_string()))?;
    let config = metric_config(name, &text).map_err(|error| Failure::usage(error.to_string()))?;
    let config = serde_json::to_string(&config)
        .map_err(|error| Failure::system(format!("could not write the config as JSON: {error}")))?;
    Ok(New { metric, config })
}

/// Runs the SQL of metrics, as `novi check` does.
async fn refuse_failing(session: &Session, metrics: &[New]) -> Result<(), Failure> {
    for New { metric, .. } in metrics {
        if let Some(problem) = problems_of_metric(session, metric).await.first() {
            return Err(Failure::rejected(format!("metric {:?}: {problem}", metric.name)));
        }
    }
    Ok(())
}

/// The files of metrics in a folder, in the order of their names; others, such as those of attributes, are left out.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("could not read {}: {error}", folder.display()))
    };
    let found = read_metrics(&[folder.to_path_buf()]).map_err(|error| failed(&error))?;
    if found.is_empty() {
        return Err(failed(&"it has no files of metrics, whose names end in .sql"));
    }
    Ok(found.iter().map(|metric| folder.join(format!("{}.sql", metric.name))).collect())
}

impl Create {
    fn metrics(&self) -> Result<Vec<New>, Failure> {
        if let Some(name) = &self.name {
            let [file] = &self.files[..] else {
                return Err(Failure::usage("--name needs one file"));
            };
            if name.trim().is_empty() {
                return Err(Failure::usage("expected the name of a metric, found an empty string"));
            }
            return Ok(vec![of_file(name, file)?]);
        }
        let mut metrics: Vec<New> = Vec::new();
        for path in &self.files {
            let files = if path.is_dir() { in_folder(path)? } else { vec![path.clone()] };
            for file in files {
                let name = file.file_stem().and_then(OsStr::to_str).filter(|name| *name != "-");
                let name = name.ok_or_else(|| Failure::usage("standard input needs a --name"))?;
                if metrics.iter().any(|known| known.metric.name == name) {
                    return Err(Failure::usage(format!(
                        "two files have the metric {name:?}: give one of them"
                    )));
                }
                metrics.push(of_file(name, &file)?);
            }
        }
        Ok(metrics)
    }

    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let new = self.metrics()?;
        let files = metrics(&session.config, &Rows::default(), &[]).map_err(Failure::usage)?;
        let has_file = |new: &&New| files.iter().any(|metric| metric.name == new.metric.name);
        if let Some(New { metric, .. }) = new.iter().find(has_file) {
            let name = &metric.name;
            return Err(Failure::rejected(format!(
                "the folder of metrics has {name}.sql: delete it first, or give the metric another name"
            )));
        }
        refuse_failing(session, &new).await?;
        perform(session, self.options, |current| {
            let mut operations = Vec::new();
            for (id, New { metric, config }) in (current.next_activation_id()?..).zip(&new) {
                let name = &metric.name;
                if let Some(row) = metric_rows(&current.rows).find(|row| row.name == *name) {
                    return Err(Failure::rejected(format!(
                        "activation {} is a metric named {name:?}: change it with `novi metric edit`",
                        row.id
                    )));
                }
                let fields = Fields::new().with("id", &id).with("name", name);
                let fields =
                    fields.with("class_name", &MetricConfig::CLASS).with("config", &raw(config.clone())?);
                operations.push(Operation::create_activation(fields));
            }
            Ok(Draft::new(operations))
        })
        .await
    }
}

impl Edit {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { name, file, options } = self;
        let new = [of_file(&name, &file)?];
        refuse_failing(session, &new).await?;
        let [New { config, .. }] = new;
        let version = options.if_version;
        perform(session, options, |current| {
            let set = Fields::new().with("config", &raw(config.clone())?).maybe("version", version.as_ref());
            let id = row_of(&current.rows, &name, "edit")?;
            Ok(Draft::new([Operation::update_activation(id, &set)]))
        })
        .await
    }
}

/// The id of the only row with a metric; `verb` is that of the command.
fn row_of(rows: &Rows, name: &str, verb: &str) -> Result<i64, Failure> {
    let found: Vec<i64> = metric_rows(rows).filter(|row| row.name == name).map(|row| row.id).collect();
    match found[..] {
        [id] => Ok(id),
        [] => {
            let names: Vec<&str> = metric_rows(rows).map(|row| row.name.as_str()).collect();
            Err(unknown(name, &names, "no row of novi.metric"))
        }
        _ => Err(Failure::rejected(format!(
            "the activations {found:?} are metrics named {name:?}: {verb} one with `novi activation {verb}`"
        ))),
    }
}

/// A metric, as lists show it.
#[derive(Serialize)]
struct Listed<'m> {
    /// `file`, or `row`.
    source: &'static str,
    id: Option<i64>,
    problem: Option<&'m str>,
    #[serde(flatten)]
    metric: &'m Found,
}

async fn list(session: &Session) -> Result<ExitCode, Failure> {
    let rows = session.store().await?.load().await?;
    let all = metrics(&session.config, &rows, &[]).map_err(Failure::usage)?;
    let listed: Vec<Listed<'_>> = all
        .iter()
        .map(|metric| {
            let id = metric_rows(&rows).find(|row| row.name == metric.name).map(|row| row.id);
            let source = if id.is_some() { "row" } else { "file" };
            Listed { source, id, problem: metric.problem.as_deref(), metric }
        })
        .collect();
    if session.json {
        print_json(&listed)?;
    } else if listed.is_empty() {
        print("No metrics. `novi metric create` makes one.")?;
    } else {
        let header = ["name", "source", "guardrail", "description"];
        print_table(&header, listed.iter().map(line))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(listed: &Listed<'_>) -> Vec<String> {
    let Listed { metric, source, id, problem } = listed;
    let source = id.map_or_else(|| (*source).to_owned(), |id| format!("activation {id}"));
    let about = problem.map(|problem| format!("invalid: {problem}")).or_else(|| metric.description.clone());
    let guardrail = if metric.guardrail { "yes" } else { "no" };
    vec![metric.name.clone(), source, guardrail.to_owned(), about.unwrap_or_default()]
}

impl Show {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let rows = session.store().await?.load().await?;
        let all = metrics(&session.config, &rows, &[]).map_err(Failure::usage)?;
        let found = all.iter().find(|metric| metric.name == self.name);
        let metric = found.ok_or_else(|| no_metric(&self.name, &all))?;
        if session.json {
            let id = metric_rows(&rows).find(|row| row.name == metric.name).map(|row| row.id);
            let source = if id.is_some() { "row" } else { "file" };
            print_json(&Listed { source, id, problem: metric.problem.as_deref(), metric })?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(problem) = &metric.problem {
            return Err(Failure::rejected(format!("metric {:?}: {problem}", metric.name)));
        }
        let row = metric_rows(&rows).find(|row| row.name == metric.name);
        write(&match row {
            Some(row) => text_of(row)?,
            None => text_of_file(session, &metric.name)?,
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text_of(row: &ActivationRow) -> Result<String, Failure> {
    let config = MetricConfig::parse(row.config.as_deref().unwrap_or_default());
    config.map(|config| metric_text(&config)).map_err(|error| Failure::rejected(error.to_string()))
}

fn text_of_file(session: &Session, name: &str) -> Result<String, Failure> {
    let folder = session.config.file(&session.config.experiments.metrics).unwrap_or_default();
    let path = folder.join(format!("{name}.sql"));
    read_input(&path).map_err(|error| Failure::system(format!("could not read {}: {error}", path.display())))
}

impl Delete {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { name, force, options } = self;
        let version = options.if_version;
        perform(session, options, |current| {
            let id = row_of(&current.rows, &name, "delete")?;
            let mut draft = Draft::new([Operation::delete_activation(id, version)]);
            draft.refusal = in_use(&current.rows, &name).filter(|_| !force);
            Ok(draft)
        })
        .await
    }
}

/// Why a metric is not deleted: experiments that are not decided name it.
fn in_use(rows: &Rows, name: &str) -> Option<Failure> {
    let used: Vec<String> =
        experiments_with_metric(rows, name).into_iter().map(|experiment| format!("{experiment:?}")).collect();
    (!used.is_empty()).then(|| {
        Failure::rejected(format!(
            "the metric {name:?} is named by experiments that are not decided: {}; decide them first, or delete the metric \
             with --force",
            used.join(", ")
        ))
    })
}

fn no_metric(name: &str, all: &[Found]) -> Failure {
    let names: Vec<&str> = all.iter().map(|metric| metric.name.as_str()).collect();
    unknown(name, &names, "no metric")
}

fn unknown(name: &str, names: &[&str], what: &str) -> Failure {
    let similar = most_similar(name, names.iter().copied());
    let hint = similar.map_or_else(String::new, |similar| format!("; did you mean {similar:?}?"));
    Failure::not_found(format!("{what} is named {name:?}{hint}")).code("metric_not_found")
}
