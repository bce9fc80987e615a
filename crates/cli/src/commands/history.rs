//! `novi history`.

use std::process::ExitCode;

use clap::Args;
use novi::store::{
    SchemaStore,
    history::{AsOf, Entity, HistoryQuery, HistoryRecord, Retention},
};
use serde_json::json;

use super::{change::flag_name, value_parser::positive};
use crate::{
    output::{Failure, count, fields, one_line, print, print_json, timestamp, with_progress},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi history \"Combo AND\" --limit 10
  novi history --actor ann --since 2027-01-31
  novi history --prune 90d";

/// List changes, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct History {
    /// List only changes of this flag: its row, metadata and links, and its current and former activations
    /// with their members
    flag: Option<String>,

    /// List only changes by this actor
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,

    /// List only changes of rows of this table: flags, flag_metadata, activations, flags_activations or
    /// activation_members
    #[arg(long, value_name = "TABLE")]
    entity: Option<Entity>,

    /// List only changes of this revision or time, and later ones
    #[arg(long, value_name = "REVISION|TIME")]
    since: Option<AsOf>,

    /// List only changes of this revision or time, and earlier ones; a date is its first moment, in UTC
    #[arg(long, value_name = "REVISION|TIME")]
    until: Option<AsOf>,

    /// List only changes with this text in who made them and why, or in the row, before or after
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    /// Maximum number of changes
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = positive)]
    limit: u32,

    /// Instead of listing changes, delete the records older than this, such as 90d [default: [history] keep]
    #[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, conflicts_with_all = ["flag", "actor", "entity", "since", "until", "text", "limit"])]
    prune: Option<Option<Retention>>,
}

impl History {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        if let Some(keep) = self.prune {
            return prune(session, store.as_ref(), keep.unwrap_or(session.config.history.keep)).await;
        }
        let all = HistoryQuery::default().limit(self.limit);
        let mut query = all.clone();
        query = self.since.into_iter().fold(query, HistoryQuery::since);
        query = self.until.into_iter().fold(query, HistoryQuery::until);
        (query.entity, query.actor, query.text) = (self.entity, self.actor, self.text);
        if let Some(flag) = self.flag {
            let flag =
                if flag.starts_with('#') { flag_name(Some(&store.load().await?), flag)? } else { flag };
            query = query.flag(flag);
        }
        let is_narrowed = query != all;
        let records = store.history(&query).await?;
        if session.json {
            print_json(&records)?;
            return Ok(ExitCode::SUCCESS);
        }
        if records.is_empty() {
            print(if is_narrowed { "No changes found." } else { "No changes recorded." })?;
        }
        for record in records {
            print(line(&record))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn prune(session: &Session, store: &dyn SchemaStore, keep: Retention) -> Result<ExitCode, Failure> {
    let deleted = match keep.since() {
        Some(before) => with_progress("deleting old records", store.prune(before)).await?,
        None => 0,
    };
    if session.json {
        print_json(&json!({"deleted": deleted, "keep": keep}))?;
    } else {
        let deleted = count(usize::try_from(deleted).unwrap_or(usize::MAX), "record");
        print(match keep {
            Retention::Forever => format!("Deleted {deleted}: the history is kept forever."),
            Retention::For(_) => format!("Deleted {deleted} older than {keep}."),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A change in one line.
pub(super) fn line(record: &HistoryRecord) -> String {
    let time = record.changed_at.map_or_else(String::new, timestamp);
    let actor = record.actor.as_deref().map_or_else(|| "-".to_owned(), one_line);
    let fields = fields(record.entity, record.operation, &record.fields());
    let reason =
        record.reason.as_deref().map(|reason| format!(" ({})", one_line(reason))).unwrap_or_default();
    format!(
        "{:>6}  {time}  {actor}  {} {}{fields}{reason}",
        record.revision.number(),
        record.operation,
        record.subject()
    )
}
