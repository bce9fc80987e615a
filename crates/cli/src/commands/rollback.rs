//! `rollback`.

use std::process::ExitCode;

use novi::{
    Context, Flags,
    rows::Rows,
    store::{
        Change, MemoryStore, ReadStore as _, WriteStore as _,
        history::{AsOf, Scope, differences, rollback as way_back},
    },
};
use serde_json::json;

use super::{Session, author, history::fields};
use crate::{
    args::Rollback,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn rollback(session: &Session, arguments: Rollback) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let (present, past) = (store.load().await?, store.rows_at(arguments.to).await?);
    let revision = past.revision;
    let (now, then) = (session.flags_from(present.clone())?, session.flags_from(past.clone())?);
    let scope = match &arguments.flag {
        None => None,
        Some(name) => Some(scope(name, (&present, &now), (&past, &then))?),
    };
    let changes = way_back(&present, &past, scope.as_ref())?;
    let after = tried(&present, &changes).await?;
    refuse_new_issues(session, &now, &then, &after)?;
    let found = differences(&present, &after);
    let reason = arguments.reason.unwrap_or_else(|| match arguments.to {
        AsOf::Revision(_) => format!("rollback to revision {revision}"),
        moment @ AsOf::Time(_) => format!("rollback to {moment}, revision {revision}"),
    });
    let mut reached = None;
    if !arguments.dry_run && !changes.is_empty() {
        reached = Some(store.apply_by(&author(Some(reason)), changes).await?);
    }
    if session.json {
        print_json(
            &json!({"to": revision, "revision": reached, "differences": found, "written": reached.is_some()}),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    for difference in &found {
        let fields = fields(difference.entity, difference.operation, &difference.fields);
        print(format_args!("{} {}{fields}", difference.operation, difference.subject))?;
    }
    match reached {
        Some(reached) => print(format_args!("The rows are as at revision {revision}, at revision {reached}")),
        None if found.is_empty() => print(format_args!("The rows are as at revision {revision} already")),
        None => print("Nothing is written"),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A flag that is there, or was then.
fn scope(name: &str, now: (&Rows, &Flags), then: (&Rows, &Flags)) -> Result<Scope, Failure> {
    let named = |rows: &Rows| rows.flags.iter().find(|row| row.name == name).map(|row| row.id);
    let Some(flag) = named(now.0).or_else(|| named(then.0)) else {
        // Says which name is like it.
        now.1.snapshot().evaluate(name, &Context::new())?;
        return Err(novi::Error::FlagNotFound { name: name.to_owned(), similar: None }.into());
    };
    // It may have had another name.
    let reached = |(rows, flags): (&Rows, &Flags)| {
        let row = rows.flags.iter().find(|row| row.id == flag);
        row.map(|row| flags.snapshot().reached_by(&row.name)).unwrap_or_default()
    };
    Ok(Scope { flag, activations: reached(now).into_iter().chain(reached(then)).collect() })
}

/// The rows as the changes will leave them.
async fn tried(present: &Rows, changes: &[Change]) -> Result<Rows, Failure> {
    let store = MemoryStore::new(present.clone());
    store.apply(changes.to_vec()).await?;
    Ok(store.load().await?)
}

/// Refuses what would break a row that is sound now, and was then.
fn refuse_new_issues(session: &Session, now: &Flags, then: &Flags, after: &Rows) -> Result<(), Failure> {
    let after = session.flags_from(after.clone())?;
    let key = |issue: &novi::Issue| (issue.table, issue.id, issue.path.clone(), issue.message.clone());
    let known: Vec<_> = now.issues().iter().chain(&then.issues()).map(key).collect();
    let new: Vec<_> = after
        .issues()
        .into_iter()
        .filter(|issue| !known.contains(&key(issue)))
        .map(|issue| issue.to_string())
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(new.join("\n")))
}
