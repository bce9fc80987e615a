//! The table `novi_usage`.

use chrono::{DateTime, Utc};

use crate::store::{
    decode::{Cell, parse_time, time},
    sql::{
        connection::{Connection, Statement},
        evaluations::by_names,
    },
    usage::{FlagUsage, Usage, UsageReport},
};

/// How many flags are written at once. Locks are held that long: on SQLite a writer of flags waits for it.
pub(super) const BATCH: usize = 200;

pub(super) async fn write(connection: &mut dyn Connection, batch: &[Usage]) -> Result<(), sqlx::Error> {
    let sql = &connection.dialect().usage;
    let rows = vec![sql.row; batch.len()].join(", ");
    let mut insert = Statement::new(format!(
        "insert into novi_usage (flag, first_seen, last_evaluated, last_on, last_off, evaluations) values {rows} {}",
        sql.on_conflict
    ));
    for usage in batch {
        let (on, off) = (count(usage.on), count(usage.off));
        insert = insert.bind(usage.flag.as_str()).bind_all([on, off, on.saturating_add(off)]);
    }
    connection.execute(insert).await.map(drop)
}

/// A count as databases store numbers.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The usage of all flags, or of some.
pub(super) async fn read(
    connection: &mut dyn Connection,
    flags: Option<&[String]>,
) -> Result<UsageReport, sqlx::Error> {
    let sql = &connection.dialect().usage;
    let since = connection.text(Statement::new(sql.since)).await?;
    let statements = match flags {
        None => vec![Statement::new(format!("{} order by flag", sql.select))],
        Some(flags) => by_names(flags)
            .map(|(condition, names)| {
                Statement::new(format!("{} where {condition} order by flag", sql.select)).bind_all(names)
            })
            .collect(),
    };
    let mut flags = Vec::new();
    for statement in statements {
        flags.extend(rows(connection, statement).await?);
    }
    Ok(UsageReport { since: since.as_deref().and_then(parse_time), flags })
}

async fn rows(connection: &mut dyn Connection, statement: Statement) -> Result<Vec<FlagUsage>, sqlx::Error> {
    let flags = connection.rows(statement, |cells| {
        let flag = cells.next().map_or_else(String::new, Cell::into_text);
        let mut moment = || -> Option<DateTime<Utc>> { cells.next().and_then(time) };
        let (first_seen, last_evaluated) = (moment(), moment());
        let (last_on, last_off) = (moment(), moment());
        let evaluations = cells.next().and_then(Cell::into_integer).unwrap_or_default();
        FlagUsage { flag, first_seen, last_evaluated, last_on, last_off, evaluations }
    });
    flags.await
}
