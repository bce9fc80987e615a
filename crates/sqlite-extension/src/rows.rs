//! Reading novi's tables.

use novi::{
    rows::{Revision, Rows},
    store::sqlite_rows::{Cell, Tables},
};
use rusqlite::{Connection, Row, types::ValueRef};

use crate::{moment::Moment, problem::Problem};

/// What was read of a database.
pub(crate) struct Read {
    /// When it was read, if that is known.
    pub(crate) moment: Option<Moment>,
    /// The rows, unless they have the known revision.
    pub(crate) rows: Option<Rows>,
}

/// Reads the rows unless they have the known revision.
pub(crate) fn read(
    connection: &Connection,
    tables: &Tables,
    known: Option<Revision>,
) -> Result<Read, Problem> {
    let failed = |error: &rusqlite::Error| unreadable(error, tables);
    // Prepared for each statement of the application, and not kept: a connection with a statement cannot be closed.
    let mut statement = connection.prepare(&tables.revision_sql()).map_err(|error| failed(&error))?;
    let mut found = statement.query([]).map_err(|error| failed(&error))?;
    let row = found.next().map_err(|error| failed(&error))?;
    let revision = row.map(|row| Tables::revision(&mut cells(row))).unwrap_or_default();
    // Until the statement is dropped, it holds a transaction: the rows are those of the revision.
    let rows = if known == Some(revision) {
        None
    } else {
        let rows = tables.read(revision, &mut |sql, each| {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(&mut cells(row));
            }
            Ok(())
        });
        Some(rows.map_err(|error: rusqlite::Error| failed(&error))?)
    };
    Ok(Read { moment: Moment::of(connection), rows })
}

fn cells(row: &Row<'_>) -> impl Iterator<Item = Cell> {
    (0..).map_while(|column| row.get_ref(column).ok()).map(|value| match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::from_bytes(bytes.to_vec()),
    })
}

fn unreadable(error: &rusqlite::Error, tables: &Tables) -> Problem {
    let text = error.to_string();
    if !text.contains("no such ") {
        return Problem::new(format!("could not read novi's tables: {text}"));
    }
    let prefix = tables.prefix();
    Problem::new(format!(
        "could not read novi's tables, whose names begin with {prefix:?}: {text}; create or update them with \
         `novi migrate`, or set another prefix with novi_table_prefix('acme_')"
    ))
}
