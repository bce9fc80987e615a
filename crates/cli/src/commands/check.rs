//! `novi check`.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::Utc;
use clap::Args;
use novi::{
    Error, Flags,
    activation::{ActivationType, Registry},
    builtin::window_is_empty,
    error::json_terms,
    rows::{ActivationRow, FlagRow, Issue, Rows, Violation},
    snapshot::Manifest,
    store::{Change, EditedRows, SchemaState},
};
use novi_match::suggest::most_similar;
use serde_json::json;

use super::{experiment::metric_problems, follow_legacy};
use crate::{
    output::{Failure, count, print, print_json},
    session::{Session, read_input},
};

/// Report invalid rows, missing triggers, metrics that fail, and flags that `follow-legacy` could not
/// follow (exit code 1 if any)
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Report flags and variants that do not match a program, too: FILE has the JSON of the program's
    /// `novi::manifest()` (- reads standard input)
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

impl Check {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let mut builder = Flags::builder();
        let manifest = self.against.as_deref().map(read_manifest).transpose()?;
        if let Some(manifest) = &manifest {
            builder = builder.features(manifest.clone());
        }
        let flags = session.flags_with(builder).await?;
        let snapshot = flags.snapshot();
        let (warnings, mut issues): (Vec<_>, Vec<_>) =
            snapshot.issues().iter().cloned().partition(|issue| issue.warning);
        issues.extend(manifest.iter().flat_map(|manifest| snapshot.missing_flags(manifest)));
        if let Some(rows) = snapshot.rows() {
            issues.extend(unknown_overrides(session, rows));
            issues.extend(empty_windows(&rows.activations)?);
            issues.extend(odd_names_and_ids(rows));
        }
        let SchemaState { problems, obstacles, .. } = match session.snapshot_file() {
            Some(_) => SchemaState::default(),
            None => session.store().await?.schema_state().await?,
        };
        let metrics = match snapshot.rows() {
            Some(rows) => metric_problems(session, rows).await,
            None => Vec::new(),
        };
        let is_repairable = !problems.is_empty();
        let problems = [problems, obstacles].concat();
        let legacy = match session.snapshot_file() {
            Some(_) => Vec::new(),
            None => follow_legacy::problems(session).await?,
        };
        let expired = snapshot.expired_flags(Utc::now());
        let (flags, activations) =
            snapshot.rows().map_or((0, 0), |rows| (rows.flags.len(), rows.activations.len()));
        if session.json {
            print_json(&json!({
                "revision": snapshot.revision(),
                "issues": issues,
                "warnings": warnings,
                "expired": expired,
                "schema_problems": problems,
                "metric_problems": metrics,
                "legacy_problems": legacy,
            }))?;
            return Ok(exit_code(&issues, &[problems, metrics, legacy].concat()));
        }
        if issues.is_empty() {
            let found =
                (!metrics.is_empty()).then(|| format!("{} of metrics", count(metrics.len(), "issue")));
            let features =
                manifest.map(|manifest| format!(", {}", count(manifest.features.len(), "feature")));
            print(format_args!(
                "{}, {}{}, revision {}: {}",
                count(flags, "flag"),
                count(activations, "activation"),
                features.unwrap_or_default(),
                snapshot.revision(),
                found.unwrap_or_else(|| "no issues".to_owned()),
            ))?;
        } else {
            for issue in &issues {
                print(issue)?;
                if !issue.flags.is_empty() {
                    let quoted: Vec<_> = issue.flags.iter().map(|flag| format!("{flag:?}")).collect();
                    print(format_args!("    breaks: {}", quoted.join(", ")))?;
                }
            }
            print(format_args!("\n{}", summary(&issues, flags)))?;
        }
        for warning in &warnings {
            print(format_args!("warning: {warning}"))?;
        }
        for flag in &expired {
            print(format_args!("note: flag {flag} has expired; `novi stale` lists flags to remove"))?;
        }
        for problem in &problems {
            print(format_args!("tables: {problem}"))?;
        }
        for problem in &metrics {
            print(format_args!("metrics: {problem}"))?;
        }
        if is_repairable {
            print("Run `novi migrate` to repair the tables.")?;
        }
        for problem in &legacy {
            print(format_args!("follow-legacy: {problem}"))?;
        }
        Ok(exit_code(&issues, &[problems, metrics, legacy].concat()))
    }
}

fn exit_code(issues: &[Issue], problems: &[String]) -> ExitCode {
    if issues.is_empty() && problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Overrides of flags that have no row, which are probably misspelt.
fn unknown_overrides(session: &Session, rows: &Rows) -> Vec<Issue> {
    let names = || rows.flags.iter().map(|flag| flag.name.as_str());
    let mut unknown: Vec<_> =
        session.config.overrides.keys().filter(|name| !names().any(|known| known == *name)).collect();
    unknown.sort_unstable();
    let issue = |name: &String| {
        let hint = most_similar(name, names()).map(|known| format!("; did you mean {known:?}?"));
        Issue {
            table: "[overrides]",
            id: None,
            name: name.clone(),
            path: "name".to_owned(),
            message: format!("no flag has this name{}", hint.unwrap_or_default()),
            flags: Vec::new(),
            warning: false,
        }
    };
    unknown.into_iter().map(issue).collect()
}

/// Names and ids that tables of other programs may have, and that novi would not write.
fn odd_names_and_ids(rows: &Rows) -> Vec<Issue> {
    let flags = rows.flags.iter().filter(|row| row.faults.is_empty());
    let activations = rows.activations.iter().filter(|row| row.faults.is_empty());
    let inserts = flags.map(|row| Change::InsertFlag(FlagRow::new(row.id, &row.name, row.status))).chain(
        activations.map(|row| {
            Change::InsertActivation(ActivationRow::new(row.id, &row.name, &row.class_name, "null"))
        }),
    );
    inserts.flat_map(|insert| violations(&insert).into_iter().map(issue_of)).collect()
}

/// The rules of the tables that a row breaks by itself.
fn violations(insert: &Change) -> Vec<Violation> {
    match EditedRows::new(Rows::default()).make(insert) {
        Err(Error::Constraint(violations)) => violations,
        _ => Vec::new(),
    }
}

fn issue_of(violation: Violation) -> Issue {
    let Violation { table, id, name, field, message, .. } = violation;
    Issue {
        table,
        id,
        name,
        path: field.unwrap_or_default().into_owned(),
        message,
        flags: Vec::new(),
        warning: false,
    }
}

/// Activations of type `novi.date_time` that are never on.
fn empty_windows(activations: &[ActivationRow]) -> Result<Vec<Issue>, Failure> {
    let registry = Registry::global()?;
    let is_empty = |row: &&ActivationRow| {
        let class = registry.find(&row.class_name).map(ActivationType::class);
        class == Some("novi.date_time") && row.config.as_deref().is_some_and(window_is_empty)
    };
    let issue = |row: &ActivationRow| Issue {
        table: "activations",
        id: Some(row.id),
        name: row.name.clone(),
        path: "config.endDateTime".to_owned(),
        message: "expected a time after startDateTime; this activation is never on".to_owned(),
        flags: Vec::new(),
        warning: false,
    };
    Ok(activations.iter().filter(is_empty).map(issue).collect())
}

fn read_manifest(file: &Path) -> Result<Manifest, Failure> {
    let text = read_input(file).map_err(|error| Failure::file(file.display(), &error).about("--against"))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "--against {}: expected the JSON of novi::manifest(): {}",
            file.display(),
            json_terms::translate(&error.to_string())
        ))
    })
}

fn summary(issues: &[Issue], flags: usize) -> String {
    let found = count(issues.len(), "issue");
    let broken: HashSet<_> = issues.iter().flat_map(|issue| &issue.flags).collect();
    let flags = count(flags, "flag");
    match broken.len() {
        0 => format!("{found} found. No flag is broken."),
        1 => format!(
            "{found} found. 1 of {flags} is broken and uses its fail_mode; the others are unaffected."
        ),
        broken => format!(
            "{found} found. {broken} of {flags} are broken and use their fail_mode; the others are unaffected."
        ),
    }
}
