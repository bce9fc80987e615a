//! `history` and `diff`.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use novi::store::{
    SchemaStore,
    history::{AsOf, Entity, FieldChange, HistoryQuery, HistoryRecord, Keep, Operation, differences},
};
use serde_json::{Value, json};

use super::Session;
use crate::{
    args::History,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn history(session: &Session, arguments: History) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    if let Some(keep) = arguments.prune {
        return prune(session, store.as_ref(), keep.unwrap_or(session.config.history.keep)).await;
    }
    let mut query = HistoryQuery::default().limit(arguments.limit);
    if let Some(flag) = arguments.flag {
        query = query.flag(flag);
    }
    let records = store.history(&query).await?;
    if session.json {
        print_json(&records)?;
        return Ok(ExitCode::SUCCESS);
    }
    if records.is_empty() {
        print("Nothing has changed yet.")?;
    }
    for record in records {
        print(line(&record))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn diff(session: &Session, from: AsOf, to: AsOf) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let (from, to) = (store.rows_at(from).await?, store.rows_at(to).await?);
    let found = differences(&from, &to);
    if session.json {
        print_json(&json!({"from": from.revision, "to": to.revision, "differences": found}))?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        print(format_args!("Revisions {} and {} have the same rows.", from.revision, to.revision))?;
    }
    for difference in found {
        let fields = fields(difference.entity, difference.operation, &difference.fields);
        print(format_args!("{} {}{fields}", difference.operation, difference.subject))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes records that are older than they are kept, as long as the process runs.
pub(super) fn keep_short(url: String, keep: Keep) {
    /// Days are what people keep: an hour more or less is none of them.
    const EVERY: Duration = Duration::from_hours(1);
    if keep == Keep::Forever {
        return;
    }
    tokio::spawn(async move {
        loop {
            if let Some(before) = keep.since() {
                // Opened for it alone: it need not be there when the server starts.
                let pruned = async { novi::store::connect(&url).await?.prune(before).await };
                match pruned.await {
                    Ok(0) => {}
                    Ok(deleted) => {
                        tracing::info!(history.deleted = deleted, "deleted {deleted} old records of changes");
                    }
                    Err(error) => tracing::warn!("old records of changes are not deleted: {error}"),
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

async fn prune(session: &Session, store: &dyn SchemaStore, keep: Keep) -> Result<ExitCode, Failure> {
    let deleted = match keep.since() {
        Some(before) => store.prune(before).await?,
        None => 0,
    };
    if session.json {
        print_json(&json!({"deleted": deleted, "keep": keep}))?;
    } else {
        let kept = if keep == Keep::Forever { "forever".to_owned() } else { format!("for {keep}") };
        print(format_args!("{deleted} records are deleted; the history is kept {kept}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A change in one line.
fn line(record: &HistoryRecord) -> String {
    let time =
        record.changed_at.map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string());
    let actor = record.actor.as_deref().unwrap_or("-");
    let fields = fields(record.entity, record.operation, &record.fields());
    let reason = record.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{:>6}  {time}  {actor}  {} {}{fields}{reason}",
        record.revision.number(),
        record.operation,
        record.subject()
    )
}

/// `: status true -> false`; of a row that is new or gone what its subject does not say already.
pub(super) fn fields(entity: Entity, operation: Operation, changes: &[FieldChange]) -> String {
    let said: &[&str] = match (operation, entity) {
        (Operation::Update, _) => &[],
        (_, Entity::Flag | Entity::Activation) => &["id", "name"],
        (_, Entity::Metadata) => &["flag_id"],
        (_, Entity::Link) => &["flag_id", "activation_id"],
        (_, Entity::Member) => &["activation_id", "member"],
        _ => &[],
    };
    let mut text = String::new();
    for change in changes.iter().filter(|change| !said.contains(&change.field.as_str())) {
        text.push_str(if text.is_empty() { ": " } else { ", " });
        let (before, after) = (value(&change.before), value(&change.after));
        // Writing to a text does not fail.
        let written = match operation {
            Operation::Update => write!(text, "{} {before} -> {after}", change.field),
            Operation::Insert => write!(text, "{} {after}", change.field),
            Operation::Delete => write!(text, "{} {before}", change.field),
        };
        if written.is_err() {
            break;
        }
    }
    text
}

fn value(value: &Value) -> String {
    /// Enough to recognise a config by.
    const SHOWN: usize = 200;
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
