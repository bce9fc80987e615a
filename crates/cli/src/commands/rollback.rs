//! `rollback`.

use std::process::ExitCode;

use novi::{
    Error,
    rows::Rows,
    store::history::{AsOf, differences},
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
    let flags = session.flags_from(Rows::default())?;
    let way = flags.way_back(&present, &past, arguments.flag.as_deref()).map_err(|error| match error {
        Error::Invalid(issues) => {
            let lines: Vec<_> = issues.iter().map(ToString::to_string).collect();
            Failure::refused(lines.join("\n"))
        }
        error => error.into(),
    })?;
    let found = differences(&present, &way.after);
    let reason = arguments.reason.unwrap_or_else(|| match arguments.to {
        AsOf::Revision(_) => format!("rollback to revision {revision}"),
        moment @ AsOf::Time(_) => format!("rollback to {moment}, revision {revision}"),
    });
    let mut reached = None;
    if !arguments.dry_run && !way.changes.is_empty() {
        reached = Some(store.commit(way.edit().by(author(Some(reason)))).await?);
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
