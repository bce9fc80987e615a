//! Writing edits as if each had been made at an earlier time.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    error::{Error, Result},
    rows::Revision,
    store::{
        change::Author,
        edit::Edit,
        history::query::HistoryQuery,
        sql::{
            connection::{Connection, Statement},
            driver::Driver,
            history,
            pool::Lease,
            read::revision,
            write::{sign, write},
        },
    },
};

const ACTION: &str = "could not write the history";

/// Writes edits in one transaction, each under its own time.
pub(super) async fn commit<DB: Driver>(
    lease: &mut Lease<DB>,
    store: &str,
    edits: &[(DateTime<Utc>, Edit)],
) -> Result<Revision> {
    let failed = |error| DB::DIALECT.error(store, ACTION, error);
    let mut transaction = lease.connection().begin_write().await.map_err(failed)?;
    sign(transaction.connection(), &Author::default()).await.map_err(failed)?;
    let written = write_all(transaction.connection(), store, edits).await;
    if written.is_err() {
        match transaction.rollback().await {
            Ok(()) => lease.give_back(),
            Err(error) => tracing::debug!("a history that failed could not be rolled back: {error}"),
        }
        return written;
    }
    transaction.commit().await.map_err(failed)?;
    lease.give_back();
    written
}

async fn write_all(
    connection: &mut dyn Connection,
    store: &str,
    edits: &[(DateTime<Utc>, Edit)],
) -> Result<Revision> {
    let dialect = connection.dialect();
    let failed = |error| dialect.error(store, ACTION, error);
    // From here on nobody else raises a revision: no record of others is among those below.
    let lock = format!("select revision from novi_revision{}", dialect.write.lock_row);
    connection.execute(Statement::new(lock)).await.map_err(failed)?;
    check_times(connection, store, edits).await?;
    for (time, edit) in edits {
        let newest = Statement::new("select coalesce(max(id), 0) from flag_history");
        let newest = connection.integer(newest).await.map_err(failed)?.unwrap_or_default();
        write(connection, store, edit, true).await?;
        if let Some(settle) = dialect.write.settle {
            connection.execute(Statement::new(settle)).await.map_err(failed)?;
        }
        let backdate = Statement::new(dialect.history.backdate).bind(*time).bind(newest);
        connection.execute(backdate).await.map_err(failed)?;
        if let Some(unsettle) = dialect.write.unsettle {
            connection.execute(Statement::new(unsettle)).await.map_err(failed)?;
        }
    }
    revision(connection).await.map_err(failed)
}

/// Times are in order, since the rows of a time are found in the order of revisions.
async fn check_times(
    connection: &mut dyn Connection,
    store: &str,
    edits: &[(DateTime<Utc>, Edit)],
) -> Result<()> {
    let shown = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let rejected = |message: String| Err(Error::RevisionUnavailable(message));
    let (Some((first, _)), Some((last, _))) = (edits.first(), edits.last()) else { return Ok(()) };
    if !edits.is_sorted_by_key(|(time, _)| *time) || *last > Utc::now() {
        return rejected("expected changes in the order of their times, and none in the future".to_owned());
    }
    let newest = history::records(connection, &HistoryQuery::default().limit(1)).await;
    let newest = newest.map_err(|error| connection.dialect().error(store, ACTION, error))?;
    let newest = newest.unwrap_or_default().first().and_then(|record| record.changed_at);
    match newest.filter(|newest| newest > first) {
        Some(newest) => rejected(format!(
            "changes of {} cannot be added to the history, which has later ones, of {}",
            shown(*first),
            shown(newest)
        )),
        None => Ok(()),
    }
}
