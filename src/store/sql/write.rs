//! Writing: the same in a transaction of the store's own and in one of the caller's.
//!
//! A macro, for the reason that the store is one.

/// The statements of an edit that differ between databases, beside those of its changes.
pub(in crate::store) struct Versions {
    /// Takes the write lock, where a transaction that has read can not wait for it.
    pub(in crate::store) lock: Option<&'static str>,
    /// The id of a flag, by its name; locks the row. Flags are locked before what counts their changes, as who updates one
    /// does it, or two writers could wait for each other.
    pub(in crate::store) lock_flag_named: &'static str,
    /// The same, by its id.
    pub(in crate::store) lock_flag: &'static str,
    /// Locks what counts the changes of the flag with an id.
    pub(in crate::store) lock_flag_version: &'static str,
    /// Locks the activation with an id.
    pub(in crate::store) lock_activation: &'static str,
    /// Locks what counts the changes of the activation with an id.
    pub(in crate::store) lock_activation_version: &'static str,
    /// What follows a condition to read what is there now, and not what was there when the transaction first read.
    pub(in crate::store) present: &'static str,
    /// Raises the revision where no trigger does.
    pub(in crate::store) raise: Option<&'static str>,
}

/// Implements [`WriteConnection`](crate::store::WriteConnection) for the connections of a database, and what its store
/// commits with. The file that calls it has what `sql_store!` asks for, and `VERSIONS`, `SESSION` and `DATABASE`.
macro_rules! sql_writer {
    ($database:ty, $connection:ty) => {
        sql::write_connection!($connection);
        sql::write_connection!(Transaction<'_, $database>);
        sql::write_connection!(sqlx::pool::PoolConnection<$database>);

        const CHANGE: &str = "could not change the rows";

        /// Makes an edit in the transaction that the connection is in, or nothing of it.
        async fn write(connection: &mut $connection, place: &str, edit: &Edit) -> Result<()> {
            if !connection.is_in_transaction() {
                return Err(Error::Refused(
                    "expected a connection in a transaction that sqlx has begun (`pool.begin()`): without one there is \
                     nothing to commit the change with"
                        .to_owned(),
                ));
            }
            let mut savepoint = connection.begin().await.map_err(|error| failed(place, CHANGE, error))?;
            let mut before = None;
            let written = write_as(&mut savepoint, place, edit, &mut before).await;
            let Err(error) = written else {
                return savepoint.commit().await.map_err(|error| failed(place, CHANGE, error));
            };
            if let Err(lost) = savepoint.rollback().await {
                // A deadlock ends the whole transaction in MySQL, and its savepoints with it.
                tracing::debug!("the savepoint before a change that failed is gone: {lost}");
            }
            if SESSION.outlives_transaction
                && let Some(before) = before
            {
                resign(connection, place, before).await?;
            }
            Err(error)
        }

        /// Makes the edit under the names of its actor and reason. `before` gets those that were set.
        async fn write_as(
            connection: &mut $connection,
            place: &str,
            edit: &Edit,
            before: &mut Option<[Option<String>; 2]>,
        ) -> Result<()> {
            if let Some(lock) = VERSIONS.lock {
                sqlx::query(lock).persistent(PERSISTENT)
                    .execute(&mut *connection)
                    .await
                    .map_err(|error| failed(place, CHANGE, error))?;
            }
            if edit.actor.is_none() && edit.reason.is_none() {
                return write_rows(connection, place, edit).await;
            }
            let set = signature(connection).await.map_err(|error| failed(place, CHANGE, error))?;
            *before = Some(set.clone());
            let [actor, reason] = set.clone();
            let named = [edit.actor.clone().or(actor), edit.reason.clone().or(reason)];
            resign(connection, place, named).await?;
            write_rows(connection, place, edit).await?;
            resign(connection, place, set).await
        }

        /// The actor and the reason that are set.
        async fn signature(connection: &mut $connection) -> Result<[Option<String>; 2], sqlx::Error> {
            let row = sqlx::query(SESSION.signed).persistent(PERSISTENT).fetch_optional(connection).await?;
            Ok([0, 1].map(|index| match row.as_ref().map(|row| cell(row, index)) {
                None | Some(Cell::Null) => None,
                Some(cell) => Some(cell.into_text()).filter(|text| !text.is_empty()),
            }))
        }

        /// Sets both.
        async fn resign(
            connection: &mut $connection,
            place: &str,
            names: [Option<String>; 2],
        ) -> Result<()> {
            let [actor, reason] = names;
            let set = sqlx::query(SESSION.sign).persistent(PERSISTENT).bind(actor).bind(reason).execute(connection).await;
            set.map(drop).map_err(|error| failed(place, CHANGE, error))
        }

        async fn write_rows(connection: &mut $connection, place: &str, edit: &Edit) -> Result<()> {
            for expected in edit.expected_in_order() {
                compare(connection, place, edit, expected).await?;
            }
            if edit.needs_rows() {
                let before =
                    all_rows(connection).await.map_err(|error| failed(place, "could not read the rows", error))?;
                edit.after(before)?;
            }
            edit.changes.iter().try_for_each(refusal::check)?;
            for change in &edit.changes {
                for step in sql::steps(change.clone(), &STATEMENTS) {
                    let settles = step.settles;
                    if take(connection, place, step).await? && settles {
                        break;
                    }
                }
            }
            if let Some(raise) = VERSIONS.raise.filter(|_| !edit.changes.is_empty()) {
                let raised = sqlx::query(raise).persistent(PERSISTENT).execute(connection).await;
                raised.map_err(|error| failed(place, CHANGE, error))?;
            }
            Ok(())
        }

        /// Locks a row, and compares its version with what is expected.
        async fn compare(
            connection: &mut $connection,
            place: &str,
            edit: &Edit,
            expected: &Expected,
        ) -> Result<()> {
            let found = locked(connection, &expected.row).await;
            let Some(id) = found.map_err(|error| failed(place, CHANGE, error))? else {
                return Err(edit.missing(expected));
            };
            if matches!(expected.row, Versioned::Activation(_)) {
                let row =
                    of(connection, QUERIES.activations, "a.id", id, |cells| sql::activation(cells)).await;
                let row = row.map_err(|error| failed(place, CHANGE, error))?;
                return match row.first() {
                    Some(row) => edit.compare_activation(expected.version, row),
                    None => Err(edit.missing(expected)),
                };
            }
            let read = async {
                let flags = of(connection, QUERIES.flags, "f.id", id, |cells| sql::flag(cells)).await?;
                Ok((flags, of(connection, QUERIES.links, "l.flag_id", id, |cells| sql::link(cells)).await?))
            };
            let (flags, links) = read.await.map_err(|error| failed(place, CHANGE, error))?;
            let mut activations: Vec<_> = links.iter().filter_map(|link| link.activation_id).collect();
            activations.sort_unstable();
            match flags.first() {
                Some(row) => edit.compare_flag(expected.version, row, &activations),
                None => Err(edit.missing(expected)),
            }
        }

        /// The id of the row, if it is there. Nobody else changes it then until the transaction ends.
        async fn locked(connection: &mut $connection, row: &Versioned) -> Result<Option<i64>, sqlx::Error> {
            let (query, version) = match row {
                Versioned::Flag(name) => (
                    sqlx::query_scalar(VERSIONS.lock_flag_named).persistent(PERSISTENT).bind(name.clone()),
                    VERSIONS.lock_flag_version,
                ),
                Versioned::FlagId(id) => {
                    (sqlx::query_scalar(VERSIONS.lock_flag).persistent(PERSISTENT).bind(*id), VERSIONS.lock_flag_version)
                }
                Versioned::Activation(id) => (
                    sqlx::query_scalar(VERSIONS.lock_activation).persistent(PERSISTENT).bind(*id),
                    VERSIONS.lock_activation_version,
                ),
            };
            let Some(id) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
            sqlx::query(version).persistent(PERSISTENT).bind(id).fetch_optional(connection).await?;
            Ok(Some(id))
        }

        /// Gives whether a row was there to change.
        async fn take(connection: &mut $connection, place: &str, step: Step) -> Result<bool> {
            let mut query = sqlx::query(step.sql).persistent(PERSISTENT);
            for value in step.values {
                query = bind(query, value);
            }
            let error = match query.execute(connection).await {
                Ok(done) if done.rows_affected() == 0 => return step.missing.map_or(Ok(false), Err),
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            let sentence = match failure(&error) {
                Failure::Taken => step.taken,
                Failure::Reference => step.reference,
                Failure::Value => None,
                Failure::NotMigrated | Failure::Busy | Failure::Other => {
                    return Err(failed(place, CHANGE, error));
                }
            };
            let own_words = || {
                let words =
                    error.as_database_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
                format!("{}: {words}", step.what)
            };
            Err(Error::Refused(sentence.unwrap_or_else(own_words)))
        }

        fn failed(place: &str, action: &str, error: sqlx::Error) -> Error {
            if failure(&error) == Failure::NotMigrated {
                return Error::NotMigrated { store: place.to_owned() };
            }
            Error::store(place, action, error)
        }

        /// The rows whose column has this id, as they are now. A statement that is prepared once, unlike those of many
        /// ids: to close one costs 40 ms on MySQL, and others wait for the row meanwhile.
        async fn of<T>(
            connection: &mut $connection,
            sql: &'static str,
            column: &'static str,
            id: i64,
            decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
        ) -> Result<Vec<T>, sqlx::Error> {
            let (placeholder, present) = (QUERIES.placeholder, VERSIONS.present);
            let sql = sqlx::AssertSqlSafe(format!("{sql} where {column} = {placeholder} {present}"));
            let found = sqlx::query(sql).persistent(PERSISTENT).bind(id).fetch_all(connection).await?;
            let decoded = found.iter().map(|row| decode(&mut (0..row.len()).map(|index| cell(row, index))));
            Ok(decoded.collect())
        }
    };
}

/// Implements [`WriteConnection`](crate::store::WriteConnection) for a type that is, or leads to, a connection.
macro_rules! write_connection {
    ($type:ty) => {
        impl $crate::store::transaction::Sealed for $type {}

        impl $crate::store::WriteConnection for $type {
            fn write<'a>(&'a mut self, edit: &'a Edit) -> BoxFuture<'a, Result<()>> {
                Box::pin(write(self, DATABASE, edit))
            }

            fn rows(&mut self) -> BoxFuture<'_, Result<Rows>> {
                Box::pin(async move {
                    all_rows(self).await.map_err(|error| failed(DATABASE, "could not read the rows", error))
                })
            }
        }
    };
}
pub(in crate::store) use {sql_writer, write_connection};
