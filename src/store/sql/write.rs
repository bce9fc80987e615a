//! Writing an edit: in a transaction of the store's own, or in one of the caller's.

use crate::{
    error::{Error, Result, suggest::most_similar},
    rows::{
        Revision,
        violation::{Violation, ViolationKind},
    },
    store::{
        change::Author,
        constraints,
        decode::{self, Cell},
        edit::{Edit, Expected, RowKey},
        sql::{
            connection::{Connection, Statement, Value},
            dialect::Failure,
            driver::Driver,
            migrate,
            pool::Lease,
            read::{all_rows, revision},
            steps::{Step, steps},
        },
    },
};

const ACTION: &str = "could not change the rows";

/// Writes an edit in a transaction of its own, and returns the revision that has it.
pub(super) async fn commit<DB: Driver>(lease: &mut Lease<DB>, store: &str, edit: &Edit) -> Result<Revision> {
    let dialect = DB::DIALECT;
    let failed = |error| dialect.error(store, ACTION, error);
    let mut transaction = lease.connection().begin_write().await.map_err(failed)?;
    // A change that was abandoned half way may have left its signature.
    sign(transaction.connection(), &Author::default()).await.map_err(failed)?;
    if let Err(error) = write(transaction.connection(), store, edit, true).await {
        // Now, and not when the connection is next used: others wait for its locks.
        match transaction.rollback().await {
            Ok(()) => lease.give_back(),
            Err(error) => tracing::debug!("a change that failed could not be rolled back: {error}"),
        }
        return Err(error);
    }
    if let Some(settle) = dialect.write.settle {
        transaction.connection().execute(Statement::new(settle)).await.map_err(failed)?;
    }
    let reached = revision(transaction.connection()).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    if dialect.write.revision_after_commit {
        // The change is committed, whether this can be read or not.
        let Ok(later) = revision(lease.connection()).await else { return Ok(reached) };
        lease.give_back();
        return Ok(later);
    }
    lease.give_back();
    Ok(reached)
}

/// Runs the caller's own SQL in a transaction.
pub(super) async fn script<DB: Driver>(
    lease: &mut Lease<DB>,
    text: &str,
    author: &Author,
) -> Result<(), sqlx::Error> {
    let mut transaction = lease.connection().begin_write().await?;
    sign(transaction.connection(), author).await?;
    transaction.connection().execute(Statement::verbatim(text.to_owned())).await?;
    unsign(transaction.connection(), author).await?;
    transaction.commit().await?;
    lease.give_back();
    Ok(())
}

/// Writes an edit in the transaction that the connection is in, or nothing of it.
///
/// `is_checked`: whether the database is known to have no migration of a newer novi.
pub(in crate::store) async fn write(
    connection: &mut dyn Connection,
    store: &str,
    edit: &Edit,
    is_checked: bool,
) -> Result<()> {
    if !connection.is_in_transaction() {
        return Err(Error::NoTransaction);
    }
    let dialect = connection.dialect();
    let failed = |error| dialect.error(store, ACTION, error);
    if !is_checked {
        migrate::reject_newer(connection, store, ACTION).await?;
    }
    let mut savepoint = connection.begin(None).await.map_err(failed)?;
    let mut before = None;
    let Err(error) = write_signed(savepoint.connection(), store, edit, &mut before).await else {
        return savepoint.commit().await.map_err(failed);
    };
    if let Err(error) = savepoint.rollback().await {
        // A deadlock ends the whole transaction on MySQL, and its savepoints with it.
        tracing::debug!("the savepoint before a change that failed is gone: {error}");
    }
    if dialect.write.signature_outlives_transaction
        && let Some(before) = before
    {
        set_signature(connection, before).await.map_err(failed)?;
    }
    Err(suggest(connection, error).await)
}

/// Adds a flag with a similar name to the error about an unknown one.
async fn suggest(connection: &mut dyn Connection, error: Error) -> Error {
    let Error::FlagNotFound { name, similar: None } = error else { return error };
    let names = connection.rows(Statement::new("select name from flags"), |cells| {
        cells.next().and_then(Cell::into_optional_text).unwrap_or_default()
    });
    // The error matters more than a suggestion.
    let names = names.await.unwrap_or_default();
    let similar = most_similar(&name, names.iter().map(String::as_str)).map(str::to_owned);
    Error::FlagNotFound { name, similar }
}

/// Writes the edit under its actor and reason. `before` gets those that the session had.
async fn write_signed(
    connection: &mut dyn Connection,
    store: &str,
    edit: &Edit,
    before: &mut Option<Signature>,
) -> Result<()> {
    let dialect = connection.dialect();
    let failed = |error| dialect.error(store, ACTION, error);
    if let Some(lock) = dialect.write.lock {
        connection.execute(Statement::new(lock)).await.map_err(failed)?;
    }
    if edit.actor.is_none() && edit.reason.is_none() {
        return write_rows(connection, store, edit).await;
    }
    let session = signature(connection).await.map_err(failed)?;
    *before = Some(session.clone());
    let [actor, reason] = session.clone();
    let signed = [edit.actor.clone().or(actor), edit.reason.clone().or(reason)];
    set_signature(connection, signed).await.map_err(failed)?;
    write_rows(connection, store, edit).await?;
    set_signature(connection, session).await.map_err(failed)
}

/// An actor and a reason.
type Signature = [Option<String>; 2];

async fn signature(connection: &mut dyn Connection) -> Result<Signature, sqlx::Error> {
    let statement = Statement::new(connection.dialect().write.signature);
    let rows = connection.rows(statement, |cells| {
        let mut next = || {
            let text = cells.next().and_then(Cell::into_optional_text);
            text.filter(|text| !text.is_empty())
        };
        [next(), next()]
    });
    Ok(rows.await?.into_iter().next().unwrap_or_default())
}

async fn set_signature(connection: &mut dyn Connection, signature: Signature) -> Result<(), sqlx::Error> {
    let statement = Statement::new(connection.dialect().write.sign).bind_all(signature);
    connection.execute(statement).await.map(drop)
}

/// Sets who writes. What outlives a transaction may be left from one that was abandoned.
pub(super) async fn sign(connection: &mut dyn Connection, author: &Author) -> Result<(), sqlx::Error> {
    if !connection.dialect().write.signature_outlives_transaction && *author == Author::default() {
        return Ok(());
    }
    set_signature(connection, [author.actor.clone(), author.reason.clone()]).await
}

async fn unsign(connection: &mut dyn Connection, author: &Author) -> Result<(), sqlx::Error> {
    match connection.dialect().write.unsign {
        Some(unsign) if *author != Author::default() => {
            connection.execute(Statement::new(unsign)).await.map(drop)
        }
        _ => Ok(()),
    }
}

async fn write_rows(connection: &mut dyn Connection, store: &str, edit: &Edit) -> Result<()> {
    let dialect = connection.dialect();
    if edit.revision.is_some() {
        let found = locked_revision(connection).await.map_err(|error| dialect.error(store, ACTION, error))?;
        edit.compare_revision(found)?;
    }
    for expected in edit.expected_in_order() {
        compare(connection, store, edit, expected).await?;
    }
    if edit.needs_rows() {
        let rows = all_rows(connection).await;
        edit.after(rows.map_err(|error| dialect.error(store, "could not read the rows", error))?)?;
    }
    constraints::check(&edit.changes)?;
    for change in &edit.changes {
        for step in steps(change.clone()) {
            let settles = step.settles;
            if take(connection, store, step).await? && settles {
                break;
            }
        }
    }
    if let Some(raise) = dialect.write.raise.filter(|_| !edit.changes.is_empty()) {
        let raised = connection.execute(Statement::new(raise)).await;
        raised.map_err(|error| dialect.error(store, ACTION, error))?;
    }
    Ok(())
}

/// The revision of the rows, which stays as it is until the transaction ends: other writers raise it when they
/// commit, or before.
async fn locked_revision(connection: &mut dyn Connection) -> Result<i64, sqlx::Error> {
    let dialect = connection.dialect();
    let lock = format!("select slot from novi_revision order by slot{}", dialect.write.lock_row);
    connection.execute(Statement::new(lock)).await?;
    let current = format!("{}{}", dialect.read.revision, dialect.write.current);
    let found = connection
        .rows(Statement::new(current), |cells| cells.next().and_then(Cell::into_integer).unwrap_or_default());
    Ok(found.await?.first().copied().unwrap_or_default())
}

/// Locks a row and compares its version with the expected one.
async fn compare(
    connection: &mut dyn Connection,
    store: &str,
    edit: &Edit,
    expected: &Expected,
) -> Result<()> {
    let dialect = connection.dialect();
    let failed = |error| dialect.error(store, ACTION, error);
    let Some(id) = lock(connection, &expected.row).await.map_err(failed)? else {
        return Err(edit.missing(expected));
    };
    let sql = &dialect.read;
    if matches!(expected.row, RowKey::Activation(_)) {
        let row = current(connection, sql.activations, "a.id", id, decode::activation).await;
        return match row.map_err(failed)?.first() {
            Some(row) => edit.compare_activation(expected.version, row),
            None => Err(edit.missing(expected)),
        };
    }
    let flags = current(connection, sql.flags, "f.id", id, decode::flag).await.map_err(failed)?;
    let links = current(connection, sql.links, "l.flag_id", id, decode::link).await.map_err(failed)?;
    let mut activations: Vec<_> = links.iter().filter_map(|link| link.activation_id).collect();
    activations.sort_unstable();
    match flags.first() {
        Some(row) => edit.compare_flag(expected.version, row, &activations),
        None => Err(edit.missing(expected)),
    }
}

/// Locks a row until the transaction ends, and returns its id if it exists. A flag is locked before its
/// metadata, in the order in which an update of one does it, or two writers could wait for each other.
async fn lock(connection: &mut dyn Connection, row: &RowKey) -> Result<Option<i64>, sqlx::Error> {
    let sql = &connection.dialect().write;
    let (table, column, key, metadata): (_, _, Value, _) = match row {
        RowKey::Flag(name) => ("flags", "name", name.as_str().into(), "flag_metadata where flag_id"),
        RowKey::FlagId(id) => ("flags", "id", (*id).into(), "flag_metadata where flag_id"),
        RowKey::Activation(id) => {
            ("activations", "id", (*id).into(), "activation_metadata where activation_id")
        }
    };
    let lock = format!("select id from {table} where {column} = ?{}", sql.lock_row);
    let Some(id) = connection.integer(Statement::new(lock).bind(key)).await? else { return Ok(None) };
    let lock = format!("select row_version from {metadata} = ?{}", sql.lock_metadata);
    connection.execute(Statement::new(lock).bind(id)).await?;
    Ok(Some(id))
}

/// The current rows of an id. A statement that is prepared once, unlike those of many ids: to close one takes
/// 40 ms on MySQL, and others wait for the row meanwhile.
async fn current<T: Send>(
    connection: &mut dyn Connection,
    sql: &str,
    column: &str,
    id: i64,
    decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
) -> Result<Vec<T>, sqlx::Error> {
    let suffix = connection.dialect().write.current;
    connection.rows(Statement::new(format!("{sql} where {column} = ?{suffix}")).bind(id), decode).await
}

/// Returns whether there was a row to change.
async fn take(connection: &mut dyn Connection, store: &str, step: Step) -> Result<bool> {
    let dialect = connection.dialect();
    let Step { statement, row, missing, duplicate, reference, .. } = step;
    let error = match connection.execute(statement).await {
        Ok(0) => return missing.map_or(Ok(false), Err),
        Ok(_) => return Ok(true),
        Err(error) => error,
    };
    let (database, names) = (error.as_database_error(), connection.names());
    // A trigger may have failed to write novi's own tables, which says nothing about the row.
    let is_elsewhere = database
        .and_then(|error| error.table())
        .and_then(|table| names.plain(table))
        .is_some_and(|table| table == "flag_history" || table.starts_with("novi_"));
    let unforeseen = |kind| -> Violation {
        row.clone().violation(kind, database.map_or_else(|| error.to_string(), |e| e.message().to_owned()))
    };
    let violation = match (dialect.failure)(&error) {
        Failure::Duplicate if !is_elsewhere => {
            duplicate.unwrap_or_else(|| unforeseen(ViolationKind::Duplicate))
        }
        Failure::Reference => reference.unwrap_or_else(|| unforeseen(ViolationKind::Reference)),
        Failure::Value if !is_elsewhere => unforeseen(ViolationKind::Value),
        _ => return Err(dialect.error(store, ACTION, error)),
    };
    Err(violation.into())
}
