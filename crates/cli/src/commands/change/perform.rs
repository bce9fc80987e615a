//! Plans a change, and makes it.

use std::{collections::HashSet, process::ExitCode};

use novi::{
    Error,
    rows::{Rows, ViolationKind},
    snapshot::Plan,
    store::Edit,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{current::Current, operation::Operation, options::ChangeOptions};
use crate::{
    output::{
        DRY_RUN, Failure, NOTHING_WOULD_CHANGE, PlanReport, WOULD_BE_REJECTED, print, print_json, print_note,
        with_progress,
    },
    session::Session,
};

/// So many times a change is drafted again after others have changed its rows.
const MOST_RETRIES: u32 = 5;

/// What a command wants to change.
#[derive(Default)]
pub(in crate::commands) struct Draft {
    /// The changes, in the JSON of the API.
    pub(in crate::commands) operations: Vec<Operation>,
    /// What to know about the change; printed before the plan.
    pub(in crate::commands) notes: Vec<String>,
    /// Fields of the JSON output, besides those of all changes.
    pub(in crate::commands) details: Map<String, Value>,
    /// Why the change will not be made, although its plan can be shown.
    pub(in crate::commands) refusal: Option<Failure>,
}

impl Draft {
    pub(in crate::commands) fn new(operations: impl IntoIterator<Item = Operation>) -> Self {
        Self { operations: operations.into_iter().collect(), ..Self::default() }
    }
}

/// Drafts a change of the current rows and makes it, or prints its plan. The draft is made again if another
/// writer changes its rows first, unless the command line names the version that it is based on.
pub(in crate::commands) async fn perform(
    session: &Session,
    options: ChangeOptions,
    draft: impl Fn(&Current) -> Result<Draft, Failure>,
) -> Result<ExitCode, Failure> {
    let ChangeOptions { authorship, if_version, dry_run } = options;
    let store = session.store().await?;
    let author = authorship.author();
    let mut retries = if if_version.is_some() { 0 } else { MOST_RETRIES };
    loop {
        let current = Current::load(session, &*store).await?;
        let Draft { operations, mut notes, details, refusal } = draft(&current)?;
        let edit = edit_of(&operations, &current.rows)?.by(author.clone());
        let plan = current.flags.validator().plan(current.rows.clone(), &edit);
        let after = edit.after(current.rows.clone()).unwrap_or_else(|_| current.rows.clone());
        let refusal = refusal.or_else(|| rejected(&plan, dry_run));
        let is_change = !(plan.flags.is_empty() && plan.activations.is_empty());
        if is_change && plan.problems.is_empty() {
            notes.extend(new_findings(&current, &after));
        }
        let mut revision = None;
        match refusal {
            Some(failure) if !dry_run => return Err(failure),
            None if !dry_run && is_change => {
                match with_progress("writing the change", current.flags.writer().commit(&*store, edit)).await
                {
                    Ok(written) => revision = Some(written.number()),
                    Err(error) if retries > 0 && is_overtaken(&error) => {
                        retries -= 1;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            _ => (),
        }
        let report = PlanReport::new(&current.registry, &plan, &current.rows, &after);
        if session.json {
            let mut output = json!({
                "written": revision.is_some(),
                "revision": revision,
                "plan": plan,
                "rules": report.rules(),
                "notes": notes,
            });
            if let Some(fields) = output.as_object_mut() {
                fields.extend(details);
            }
            print_json(&output)?;
        } else {
            print_text(&report, &notes, is_change, revision, dry_run)?;
        }
        return refusal.map_or(Ok(ExitCode::SUCCESS), Err);
    }
}

/// What `novi lint` says of the rows after a change, and did not say before.
fn new_findings(current: &Current, after: &Rows) -> Vec<String> {
    let flags = &current.flags;
    let before = novi_lint::findings(flags, &current.snapshot, &current.rows);
    let before: HashSet<_> = before.iter().map(|found| (found.table, found.id, found.code)).collect();
    let after = novi_lint::findings(flags, &flags.snapshot_of(after.clone()), after);
    let new = after.into_iter().filter(|found| !before.contains(&(found.table, found.id, found.code)));
    new.map(|found| format!("{}#{} {:?}: {}", found.table, found.id, found.name, found.message)).collect()
}

fn print_text(
    report: &PlanReport<'_>,
    notes: &[String],
    is_change: bool,
    revision: Option<i64>,
    dry_run: bool,
) -> Result<(), Failure> {
    if is_change {
        report.print()?;
    }
    for note in notes {
        print_note(format_args!("note: {note}"))?;
    }
    match revision {
        Some(revision) => print(format_args!("Written (revision {revision}).")),
        None if is_change || !report.is_empty() => print(DRY_RUN),
        None if dry_run => {
            print(NOTHING_WOULD_CHANGE)?;
            print(DRY_RUN)
        }
        None => print("Nothing changed: the rows are like that already."),
    }
}

/// The changes of the tables.
fn edit_of(operations: &[Operation], rows: &Rows) -> Result<Edit, Failure> {
    #[derive(Serialize)]
    struct Body<'a> {
        changes: &'a [Operation],
    }
    let json = serde_json::to_string(&Body { changes: operations })
        .map_err(|error| Failure::system(format!("could not write the change as JSON: {error}")))?;
    novi_server::read_edit(&json, rows).map_err(|error| {
        let mut problems: Vec<(String, &str)> =
            error.problems().map(|problem| (field_of(problem.pointer), problem.message)).collect();
        // Of a change of several flags, each has the same problem.
        problems.dedup();
        let line = |(field, message): &(String, &str)| match field.as_str() {
            "" => (*message).to_owned(),
            field => format!("{field}: {message}"),
        };
        let lines: Vec<_> = problems.iter().map(line).collect();
        let json = |(field, message): &(String, &str)| json!({"path": field, "message": message});
        Failure::invalid(lines.join("\n"), &problems.iter().map(json).collect::<Vec<_>>())
    })
}

/// The part of a pointer that names a field of the row: people have not written the list of changes.
fn field_of(pointer: &str) -> String {
    let mut tokens = pointer.split('/').skip(4).peekable();
    tokens.next_if(|token| *token == "set");
    let field = tokens.collect::<Vec<_>>().join(".");
    if field == "row" { String::new() } else { field.replace("~1", "/").replace("~0", "~") }
}

/// The problems of a plan, as the error of the change.
fn rejected(plan: &Plan, dry_run: bool) -> Option<Failure> {
    if plan.problems.is_empty() {
        return None;
    }
    let message = if dry_run {
        WOULD_BE_REJECTED.to_owned()
    } else {
        Error::Invalid(plan.problems.clone()).to_string()
    };
    Some(Failure::invalid(message, &plan.problems))
}

/// Whether another writer was faster: it has changed a row, or taken the id of a new one.
fn is_overtaken(error: &Error) -> bool {
    match error {
        Error::Conflict(_) => true,
        Error::Constraint(violations) => violations.iter().any(|violation| {
            violation.kind == ViolationKind::Duplicate && violation.field.as_deref() != Some("name")
        }),
        _ => false,
    }
}
