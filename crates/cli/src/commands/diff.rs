//! `novi diff`.

use std::process::ExitCode;

use chrono::{TimeDelta, Utc};
use clap::Args;
use novi::{
    Error,
    rows::{Revision, Rows},
    store::{
        SchemaStore,
        history::{AsOf, HistoryQuery, differences},
    },
};
use serde_json::json;

use super::value_parser::duration;
use crate::{
    output::{Failure, fields, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi diff                                      the last 24 hours
  novi diff --since 1h
  novi diff 41                                   since revision 41
  novi diff 2027-01-31 2027-02-28T12:00:00Z";

/// Compare the rows at two moments
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// Older side: a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(value_name = "FROM")]
    from: Option<AsOf>,

    /// Newer side: a revision, a time or a date [default: now]
    #[arg(value_name = "TO")]
    to: Option<AsOf>,

    /// Compare with the current rows: a duration such as 1h, a revision or a time [default: 24h, or the beginning of the
    /// history]
    #[arg(long, value_name = "DURATION|REV|TIME", value_parser = moment, conflicts_with = "from")]
    since: Option<Since>,
}

/// The older side of a comparison with the current rows.
#[derive(Clone, Copy, Debug)]
enum Since {
    Moment(AsOf),
    Ago(TimeDelta),
}

impl Diff {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { from, to, since } = self;
        let store = session.store().await?;
        let from = match from.map(Since::Moment).or(since).unwrap_or(Since::Ago(TimeDelta::days(1))) {
            Since::Moment(moment) => store.rows_at(moment).await?,
            Since::Ago(duration) => ago(&*store, duration).await?,
        };
        let to = match to {
            Some(moment) => store.rows_at(moment).await?,
            None => store.load().await?,
        };
        let found = differences(&from, &to);
        if session.json {
            print_json(&json!({"from": from.revision, "to": to.revision, "differences": found}))?;
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            print(format_args!(
                "No differences between revision {} and revision {}.",
                from.revision, to.revision
            ))?;
        }
        for difference in found {
            let fields = fields(difference.entity, difference.operation, &difference.fields);
            print(format_args!("{} {}{fields}", difference.operation, difference.subject))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The rows before a duration, or the oldest ones that the history has.
async fn ago(store: &dyn SchemaStore, duration: TimeDelta) -> Result<Rows, Failure> {
    match store.rows_at(AsOf::Time(Utc::now() - duration)).await {
        Err(error @ Error::RevisionUnavailable(_)) => {
            let first = store.history(&HistoryQuery::oldest_first().limit(1)).await?;
            match first.first() {
                Some(record) => {
                    // Before the first change, if nothing was pruned.
                    let before = Revision::new(record.revision.number().saturating_sub(1));
                    match store.rows_at(AsOf::Revision(before)).await {
                        Err(Error::RevisionUnavailable(_)) => {
                            Ok(store.rows_at(AsOf::Revision(record.revision)).await?)
                        }
                        rows => Ok(rows?),
                    }
                }
                None => Err(error.into()),
            }
        }
        rows => Ok(rows?),
    }
}

/// A moment, or a duration before now.
fn moment(text: &str) -> Result<Since, &'static str> {
    const EXPECTED: &str = "expected a duration such as 1h, a revision such as 42, a time such as \
        2027-01-31T12:00:00Z, or a date";
    if let Ok(moment) = text.parse() {
        return Ok(Since::Moment(moment));
    }
    let duration = duration(text).ok().and_then(|duration| TimeDelta::from_std(duration).ok());
    let is_in_range = |duration: &TimeDelta| Utc::now().checked_sub_signed(*duration).is_some();
    duration.filter(is_in_range).map(Since::Ago).ok_or(EXPECTED)
}
