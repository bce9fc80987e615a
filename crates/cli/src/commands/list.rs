//! `list` and `show`.

use std::{collections::HashMap, process::ExitCode};

use novi::{
    Context, Error, Issue, Snapshot,
    rows::{ActivationRow, FailMode},
};
use serde::Serialize;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json, print_table},
};

/// A flag as programs get it: the fields of `GET /flags/{name}`, and its metadata.
#[derive(Serialize)]
struct FlagView<'a> {
    id: i64,
    name: &'a str,
    status: bool,
    activations: Vec<ActivationView<'a>>,
    description: Option<&'a str>,
    owner: Option<&'a str>,
    expires_at: Option<String>,
    tags: &'a [String],
    override_allowed: bool,
    exposed: bool,
    fail_mode: FailMode,
    row_version: i64,
    issues: Vec<&'a Issue>,
}

#[derive(Serialize)]
struct ActivationView<'a> {
    id: i64,
    name: &'a str,
    class_name: &'a str,
    config: Option<&'a str>,
    row_version: i64,
}

pub(crate) async fn list(session: &Session) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let issues = issues_by_flag(&snapshot);
    let count = snapshot.rows().map_or(0, |rows| rows.flags.len());
    let views: Vec<_> = (0..count).filter_map(|row| view(&snapshot, row, &issues)).collect();
    if session.json {
        print_json(&views)?;
        return Ok(ExitCode::SUCCESS);
    }
    if views.is_empty() {
        print("There are no flags yet: insert rows with SQL, or run a script of it with `novi seed FILE`.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let note = |view: &FlagView<'_>| match (session.config.overrides.contains_key(view.name), &view.issues) {
        (true, _) => "overridden by [overrides]",
        (false, issues) if !issues.is_empty() => "broken",
        _ => "",
    };
    // Most often there is nothing to note.
    let noted = views.iter().any(|view| !note(view).is_empty());
    let row = |view: &FlagView<'_>| {
        let activations: Vec<_> = view.activations.iter().map(|activation| activation.name).collect();
        let mut cells = vec![
            view.id.to_string(),
            view.name.to_owned(),
            state(view.status).to_owned(),
            activations.join(", "),
        ];
        cells.extend(noted.then(|| note(view).to_owned()));
        cells
    };
    let headings = ["id", "flag", "status", "activations", "note"];
    print_table(if noted { &headings } else { &headings[..4] }, views.iter().map(row))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn show(session: &Session, wanted: &str) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let issues = issues_by_flag(&snapshot);
    let Some(view) = snapshot.row_of(wanted).and_then(|row| view(&snapshot, row, &issues)) else {
        // Says which name is like it; one that only an override has is no row.
        snapshot.evaluate(wanted, &Context::new())?;
        return Err(Failure::from(Error::FlagNotFound { name: wanted.to_owned(), similar: None }));
    };
    if session.json {
        print_json(&view)?;
        return Ok(ExitCode::SUCCESS);
    }
    let FlagView { id, name, status, row_version, .. } = &view;
    print(format_args!("{name} (flag {id}), status {}, version {row_version}", state(*status)))?;
    print_details(session, &view)?;
    if view.activations.is_empty() {
        print("It has no activations: its status is its answer.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |activation: ActivationView<'_>| {
        let ActivationView { id, name, class_name, config, row_version } = activation;
        let config = config.unwrap_or("null").to_owned();
        [id.to_string(), name.to_owned(), class_name.to_owned(), row_version.to_string(), config]
    };
    print_table(&["id", "activation", "class", "version", "config"], view.activations.into_iter().map(row))?;
    Ok(ExitCode::SUCCESS)
}

/// What there is to say of a flag beyond its row.
fn print_details(session: &Session, view: &FlagView<'_>) -> Result<(), Failure> {
    let expires_at = view.expires_at.as_deref();
    for (what, text) in [("description", view.description), ("owner", view.owner), ("expires", expires_at)] {
        if let Some(text) = text {
            print(format_args!("  {what}: {text}"))?;
        }
    }
    if !view.tags.is_empty() {
        print(format_args!("  tags: {}", view.tags.join(", ")))?;
    }
    if view.fail_mode != FailMode::Off {
        print(format_args!("  answers while broken: {}", view.fail_mode.as_str()))?;
    }
    for issue in &view.issues {
        print(format_args!("  broken: {issue}"))?;
    }
    if session.config.overrides.contains_key(view.name) {
        print("  overridden by the configuration ([overrides]), whatever the rows say")?;
    }
    Ok(())
}

/// The names of flags with what breaks them: to look through all issues for each flag would take a square of the time.
type IssuesByFlag<'a> = HashMap<&'a str, Vec<&'a Issue>>;

fn issues_by_flag(snapshot: &Snapshot) -> IssuesByFlag<'_> {
    let mut issues = IssuesByFlag::new();
    for issue in snapshot.issues() {
        for flag in &issue.flags {
            issues.entry(flag).or_default().push(issue);
        }
    }
    issues
}

fn state(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn view<'a>(snapshot: &'a Snapshot, row: usize, issues: &IssuesByFlag<'a>) -> Option<FlagView<'a>> {
    let activations = snapshot.activations_of(row).map(activation).collect();
    let row = snapshot.rows()?.flags.get(row)?;
    let metadata = &row.metadata;
    Some(FlagView {
        id: row.id,
        name: &row.name,
        status: row.status,
        activations,
        description: metadata.description.as_deref(),
        owner: metadata.owner.as_deref(),
        expires_at: metadata.expires_at.map(|time| time.to_rfc3339()),
        tags: &metadata.tags,
        override_allowed: metadata.override_allowed,
        exposed: metadata.exposed,
        fail_mode: metadata.fail_mode,
        row_version: metadata.row_version,
        issues: issues.get(row.name.as_str()).cloned().unwrap_or_default(),
    })
}

fn activation(row: &ActivationRow) -> ActivationView<'_> {
    ActivationView {
        id: row.id,
        name: &row.name,
        class_name: &row.class_name,
        config: row.config.as_deref(),
        row_version: row.row_version,
    }
}
