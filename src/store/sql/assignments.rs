//! The table `novi_assignments`.

use chrono::SecondsFormat;

use crate::store::{
    assignments::{Assignment, AssignmentRow, VariantAssignments},
    decode::{Cell, time},
    sql::{
        connection::{Connection, Statement},
        dialect::{AssignmentsSql, RowsSql},
    },
};

/// How many rows a statement with a parameter for each value writes. Each number of rows is a statement of its own, which
/// connections keep.
const ROWS: [usize; 3] = [100, 10, 1];

/// How many bytes a statement with arrays has at most, but for its last row.
///
/// A larger one does not fit into a record of TLS, 16 KB. As sqlx does not set `TCP_NODELAY`, the second record waits until
/// the database acknowledges the first, 40 ms: with statements of 80 KB, `examples/exposures.rs` wrote 10,000 rows a second.
const BYTES: usize = 15_000;

/// The most experiments that a query names. Above it, the rows of all are read.
const NAMES: usize = 100;

/// How many rows a statement deletes.
const DELETED: i64 = 5000;

/// Writes assignments of different units in one transaction.
pub(super) async fn write(
    connection: &mut dyn Connection,
    assignments: &[Assignment],
) -> Result<(), sqlx::Error> {
    let sql = &connection.dialect().assignments;
    let mut transaction = connection.begin_write().await?;
    let mut rest = assignments;
    while !rest.is_empty() {
        let (insert, after) = first_insert(sql, rest);
        if let Err(error) = transaction.connection().execute(insert).await {
            // Now, and not when the connection is next used: others wait for its locks.
            transaction.rollback().await?;
            return Err(error);
        }
        rest = after;
    }
    transaction.commit().await
}

/// The statement that inserts the first rows, and the rows after them.
fn first_insert<'a>(sql: &AssignmentsSql, rows: &'a [Assignment]) -> (Statement, &'a [Assignment]) {
    let into = "insert into novi_assignments (experiment, unit, variant, revision, assigned_at)";
    let on_conflict = sql.on_conflict;
    match sql.rows {
        RowsSql::Each(row) => {
            let size = ROWS.into_iter().find(|size| *size <= rows.len()).unwrap_or_default();
            let (batch, rest) = rows.split_at(size);
            let values = vec![row; size].join(", ");
            let mut insert = Statement::new(format!("{into} values {values} {on_conflict}"));
            for row in batch {
                insert = insert
                    .bind_all([row.experiment.as_str(), row.unit.as_str(), row.variant.as_str()])
                    .bind(row.revision)
                    .bind(Some(row.assigned_at));
            }
            (insert, rest)
        }
        RowsSql::Arrays(select) => {
            let mut columns = Columns::default();
            let mut rest = rows;
            while let Some((row, after)) = rest.split_first()
                && columns.bytes() < BYTES
            {
                columns.add(row);
                rest = after;
            }
            (Statement::new(format!("{into} {select} {on_conflict}")).bind_all(columns.into_arrays()), rest)
        }
    }
}

/// Rows as an array of texts for each column, as PostgreSQL reads them. `examples/exposures.rs` writes 109,000 rows a second
/// so, and 97,000 with a parameter for each value.
#[derive(Default)]
struct Columns([String; 5]);

impl Columns {
    fn bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    fn add(&mut self, row: &Assignment) {
        let (revision, time) =
            (row.revision.to_string(), row.assigned_at.to_rfc3339_opts(SecondsFormat::Micros, true));
        let values = [row.experiment.as_str(), &row.unit, &row.variant, &revision, &time];
        for (column, value) in self.0.iter_mut().zip(values) {
            column.push(if column.is_empty() { '{' } else { ',' });
            column.push('"');
            for character in value.chars() {
                if matches!(character, '"' | '\\') {
                    column.push('\\');
                }
                column.push(character);
            }
            column.push('"');
        }
    }

    fn into_arrays(self) -> [String; 5] {
        self.0.map(|column| column + "}")
    }
}

/// The rows of some experiments after an id, with marks.
pub(super) async fn after(
    connection: &mut dyn Connection,
    experiments: &[String],
    after: i64,
    limit: u32,
) -> Result<Vec<AssignmentRow>, sqlx::Error> {
    let (condition, names) = of_some(experiments);
    let statement = format!(
        "{} where {condition} and id > ? order by id limit ?",
        connection.dialect().assignments.select
    );
    rows(connection, Statement::new(statement).bind_all(names).bind(after).bind(i64::from(limit))).await
}

/// The id of the row before the last `count` ones.
pub(super) async fn start_of_last(
    connection: &mut dyn Connection,
    experiments: &[String],
    count: u64,
) -> Result<i64, sqlx::Error> {
    let (condition, names) = of_some(experiments);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let statement =
        format!("select id from novi_assignments where {condition} order by id desc limit 1 offset ?");
    let id = connection.integer(Statement::new(statement).bind_all(names).bind(count)).await?;
    Ok(id.unwrap_or_default())
}

/// The condition that a row is one of these experiments or a mark, with its parameters.
fn of_some(experiments: &[String]) -> (String, Vec<&str>) {
    if experiments.len() >= NAMES {
        return ("true".to_owned(), Vec::new());
    }
    // Padded to one of two lengths, each of which is a statement that connections keep.
    let length = if experiments.len() < 5 { 5 } else { NAMES };
    let names = experiments.iter().map(String::as_str).chain(std::iter::repeat("")).take(length);
    (format!("experiment in ({})", vec!["?"; length].join(", ")), names.collect())
}

/// The assignments of an experiment, newest first.
pub(super) async fn of(
    connection: &mut dyn Connection,
    experiment: &str,
    limit: u32,
) -> Result<Vec<AssignmentRow>, sqlx::Error> {
    let select = connection.dialect().assignments.select;
    let statement = Statement::new(format!("{select} where experiment = ? order by id desc limit ?"));
    rows(connection, statement.bind(experiment).bind(i64::from(limit))).await
}

async fn rows(
    connection: &mut dyn Connection,
    statement: Statement,
) -> Result<Vec<AssignmentRow>, sqlx::Error> {
    let rows = connection.rows(statement, |cells| {
        let id = cells.next().and_then(Cell::into_integer)?;
        let mut text = || cells.next().map(Cell::into_text);
        let (experiment, unit, variant) = (text()?, text()?, text()?);
        let revision = cells.next().and_then(Cell::into_integer).unwrap_or_default();
        let assigned_at = cells.next().and_then(time);
        Some(AssignmentRow { id, experiment, unit, variant, revision, assigned_at })
    });
    Ok(rows.await?.into_iter().flatten().collect())
}

/// How many units of an experiment had each variant.
pub(super) async fn counts(
    connection: &mut dyn Connection,
    experiment: &str,
) -> Result<Vec<VariantAssignments>, sqlx::Error> {
    let select = connection.dialect().assignments.counts;
    let statement =
        Statement::new(format!("{select} where experiment = ? group by variant order by variant"));
    let counts = connection.rows(statement.bind(experiment), |cells| {
        let variant = cells.next()?.into_text();
        let units = cells.next().and_then(Cell::into_integer)?;
        let (first, last) = (cells.next().and_then(time), cells.next().and_then(time));
        Some(VariantAssignments { variant, units, first, last })
    });
    Ok(counts.await?.into_iter().flatten().collect())
}

/// Deletes some assignments of an experiment, and marks it: those who follow the rows read them again. Returns how
/// many were deleted; zero if none are left.
pub(super) async fn forget(
    connection: &mut dyn Connection,
    experiment: &str,
    unit: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let sql = &connection.dialect().assignments;
    let delete = match unit {
        Some(unit) => Statement::new("delete from novi_assignments where experiment = ? and unit = ?")
            .bind_all([experiment, unit]),
        None => Statement::new(sql.forget).bind(experiment).bind(DELETED),
    };
    let mark = "delete from novi_assignments where experiment = '' and unit = ?";
    let marked = format!(
        "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) \
         values ('', ?, 'forgotten', 0, {}) {}",
        sql.now, sql.on_conflict
    );
    let mut transaction = connection.begin_write().await?;
    let statements = [delete, Statement::new(mark).bind(experiment), Statement::new(marked).bind(experiment)];
    let mut deleted = None;
    for statement in statements {
        match transaction.connection().execute(statement).await {
            Ok(count) => deleted = deleted.or(Some(count)),
            Err(error) => {
                transaction.rollback().await?;
                return Err(error);
            }
        }
    }
    transaction.commit().await?;
    Ok(deleted.unwrap_or_default())
}
