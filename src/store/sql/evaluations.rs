//! The table `novi_evaluations`.

use chrono::{DateTime, Utc};

use crate::store::{
    decode::{Cell, time},
    evaluations::HourlyEvaluations,
    sql::connection::{Connection, Statement},
};

/// How many rows a statement writes or deletes.
pub(super) const BATCH: usize = 200;

/// How many names a query may have. Each number of parameters is a statement of its own, which connections keep.
const NAMES: [usize; 2] = [1, 100];

/// Writes counts without duplicates in one transaction.
pub(super) async fn write(
    connection: &mut dyn Connection,
    counts: &[HourlyEvaluations],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_write().await?;
    for batch in counts.chunks(BATCH) {
        if let Err(error) = insert(transaction.connection(), batch).await {
            // Now, and not when the connection is next used: others wait for its locks.
            transaction.rollback().await?;
            return Err(error);
        }
    }
    transaction.commit().await
}

async fn insert(connection: &mut dyn Connection, batch: &[HourlyEvaluations]) -> Result<(), sqlx::Error> {
    let sql = &connection.dialect().usage.evaluations;
    let rows = vec!["(?, ?, ?, ?, ?)"; batch.len()].join(", ");
    let mut insert = Statement::new(format!(
        "insert into novi_evaluations (flag, hour, enabled, variant, evaluations) values {rows} {}",
        sql.on_conflict
    ));
    for count in batch {
        insert = insert
            .bind(count.flag.as_str())
            .bind(Some(count.hour))
            .bind(count.enabled)
            .bind(count.variant.as_deref().unwrap_or_default())
            .bind(count.evaluations);
    }
    connection.execute(insert).await.map(drop)
}

/// The counts of some flags since an hour, by flag, hour and result.
pub(super) async fn read(
    connection: &mut dyn Connection,
    flags: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<HourlyEvaluations>, sqlx::Error> {
    let sql = connection.dialect().usage.evaluations.select;
    let mut found = Vec::new();
    for (condition, names) in by_names(flags) {
        let statement =
            format!("{sql} where {condition} and hour >= ? order by flag, hour, enabled, variant");
        let statement = Statement::new(statement).bind_all(names).bind(Some(since));
        found.extend(connection.rows(statement, count).await?.into_iter().flatten());
    }
    Ok(found)
}

/// Conditions that the flag is one of these, each with its parameters: for as many as fit into a statement.
pub(super) fn by_names(flags: &[String]) -> impl Iterator<Item = (String, Vec<&str>)> {
    let largest = NAMES.last().copied().unwrap_or(1);
    flags.chunks(largest).map(move |names| {
        let length = NAMES.into_iter().find(|length| *length >= names.len()).unwrap_or(largest);
        // Padded with a name that is among them anyway.
        let last = names.last().map_or("", String::as_str);
        let padded = names.iter().map(String::as_str).chain(std::iter::repeat(last)).take(length);
        (format!("flag in ({})", vec!["?"; length].join(", ")), padded.collect())
    })
}

fn count(cells: &mut dyn Iterator<Item = Cell>) -> Option<HourlyEvaluations> {
    let flag = cells.next()?.into_text();
    let hour = cells.next().and_then(time)?;
    let enabled = cells.next().and_then(Cell::into_integer)? != 0;
    let variant = cells.next()?.into_text();
    let evaluations = cells.next().and_then(Cell::into_integer)?;
    let variant = Some(variant).filter(|variant| !variant.is_empty());
    Some(HourlyEvaluations { flag, hour, enabled, variant, evaluations })
}

/// Deletes a batch of rows of hours before this one, and returns how many.
pub(super) async fn prune(
    connection: &mut dyn Connection,
    before: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let sql = connection.dialect().usage.evaluations.prune;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    connection.execute(Statement::new(sql).bind(Some(before)).bind(limit)).await
}
