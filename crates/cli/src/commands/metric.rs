//! `novi metric`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use novi::{
    builtin::MetricConfig,
    rows::{ActivationRow, Rows},
};
use novi_experiments::{Metric as Found, experiments_with_metric, metric_config, metric_rows, metric_text};
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
  novi metric create revenue revenue.sql --reason \"What orders bring\"
  novi metric list
  novi metric show revenue > revenue.sql

A metric is a file in the folder [experiments] metrics, or a row, with the same fields. The row is an activation of
the type novi.metric with its name: change it with `novi activation edit`.";

/// Manage the metrics of experiments
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Metric {
    Create(Create),
    List(List),
    Show(Show),
    Delete(Delete),
}

/// Create a metric as a row, from a file with its fields and SQL
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name of the metric, by which experiments name it
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
            Self::List(_) => list(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { name, file, options } = self;
        if name.trim().is_empty() {
            return Err(Failure::usage("expected the name of a metric, found an empty string"));
        }
        let text = read_input(&file)
            .map_err(|error| Failure::usage(format!("could not read {}: {error}", file.display())))?;
        let config = metric_config(&name, &text).map_err(|error| Failure::usage(error.to_string()))?;
        let config = serde_json::to_string(&config)
            .map_err(|error| Failure::system(format!("could not write the config as JSON: {error}")))?;
        let files = metrics(&session.config, &Rows::default(), &[]).map_err(Failure::usage)?;
        if files.iter().any(|metric| metric.name == name) {
            return Err(Failure::rejected(format!(
                "the folder of metrics has {name}.sql: delete it first, or give the metric another name"
            )));
        }
        let metric = Found::parse(&name, &text).map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(problem) = problems_of_metric(session, &metric).await.first() {
            return Err(Failure::rejected(format!("metric {name:?}: {problem}")));
        }
        perform(session, options, |current| {
            if let Some(row) = metric_rows(&current.rows).find(|row| row.name == name) {
                return Err(Failure::rejected(format!(
                    "activation {} is a metric named {name:?}: change it with `novi activation edit {}`",
                    row.id, row.id
                )));
            }
            let fields = Fields::new().with("id", &current.next_activation_id()?).with("name", &name);
            let fields =
                fields.with("class_name", &MetricConfig::CLASS).with("config", &raw(config.clone())?);
            Ok(Draft::new([Operation::create_activation(fields)]))
        })
        .await
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
            let found: Vec<i64> =
                metric_rows(&current.rows).filter(|row| row.name == name).map(|row| row.id).collect();
            match found[..] {
                [id] => {
                    let mut draft = Draft::new([Operation::delete_activation(id, version)]);
                    draft.refusal = in_use(&current.rows, &name).filter(|_| !force);
                    Ok(draft)
                }
                [] => {
                    let rows: Vec<&str> = metric_rows(&current.rows).map(|row| row.name.as_str()).collect();
                    Err(unknown(&name, &rows, "no row of novi.metric"))
                }
                _ => Err(Failure::rejected(format!(
                    "the activations {found:?} are metrics named {name:?}: delete one with `novi activation delete`"
                ))),
            }
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
