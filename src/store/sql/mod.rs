//! What the three databases have in common: decoding, statements, migrations, and the store itself.
//!
//! The store is a macro and not a generic type: sqlx's drivers share names but hardly any traits, and the bounds
//! would be longer than the code. A database's own file has its SQL, its columns and its errors.

mod decode;
mod history;
mod migrate;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
mod pool;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sql")]
pub(crate) mod script;
mod session;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod statements;
mod write;

use std::time::Duration;

use sqlx::{ConnectOptions as _, Pool, pool::PoolConnection};

pub(super) use decode::{
    Cell, activation, flag, flag_metadata, link, member, parse_time, record, time, touched,
};
pub(super) use history::{BATCH, Extent, HistorySql, Session, listed, records, sql_history};
#[cfg(feature = "mysql")]
pub(super) use migrate::migrator_without;
pub(super) use migrate::{
    Found, Migrations, TABLE, deadline, describe, migrator, names, other_version, pause, pending,
};
pub(super) use pool::{Lent, lend};
pub(super) use session::{Among, MOST_RECORDS, among, sql_session};
pub(super) use statements::{Queries, Statements, Step, Value, statements, steps};
pub(super) use write::{Versions, sql_writer, write_connection};

/// How many connections a pool of novi's own holds: one that reads, one that writes, and some for the migrations and
/// scripts of the same process. A service that cares gives its own pool.
pub(super) const POOL_SIZE: u32 = 5;

/// How long to wait for a connection. sqlx tries again while the server refuses, and says no more than that the time
/// was up; evaluation never waits for this.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a failed statement means to novi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A table of novi is not there.
    NotMigrated,
    /// A row with this key is there already.
    Taken,
    /// A row that is referred to is not there, or is still referred to.
    Reference,
    /// A value does not fit its column.
    Value,
    /// The server has no connection to spare, or the file is locked: worth another try.
    Busy,
    /// Anything else.
    Other,
}

impl Failure {
    /// What every driver tells of an error. `Other` where the database's own code has to be asked.
    pub(super) fn common(error: &sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Busy,
            sqlx::Error::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation => Self::Taken,
                ErrorKind::ForeignKeyViolation => Self::Reference,
                ErrorKind::NotNullViolation | ErrorKind::CheckViolation => Self::Value,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// A connection of the pool; where there is none in time, the reason rather than that the time was up.
pub(super) async fn acquire<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<PoolConnection<DB>, sqlx::Error> {
    match pool.acquire().await {
        Err(sqlx::Error::PoolTimedOut) => {
            let options = pool.connect_options();
            match tokio::time::timeout(Duration::from_secs(2), options.connect()).await {
                Ok(Err(cause)) => Err(cause),
                Ok(Ok(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
            }
        }
        other => other,
    }
}

/// Implements the traits of a store for `$store { pool, name }`. The file that calls it has `QUERIES`, `STATEMENTS`,
/// `MIGRATIONS`, `SETTLE`, `REVISION_AFTER_COMMIT`, `DIALECT`, `CONNECTIONS_HANG`, `cell`, `bind`, `failure`, `begin_read`,
/// `begin_write` and `migrate_once`.
macro_rules! sql_store {
    ($store:ident, $database:ty, $connection:ty) => {
        impl $store {
            /// The pool that the store works with.
            pub fn pool(&self) -> &sqlx::Pool<$database> {
                &self.pool
            }

            fn failed(&self, action: &str, error: sqlx::Error) -> Error {
                failed(&self.name, action, error)
            }

            /// Why the rows could not be read.
            async fn unread(&self, error: sqlx::Error) -> Error {
                const ACTION: &str = "could not read the rows";
                match self.of_another_novi(ACTION, &error).await {
                    Some(other) => other,
                    None => self.failed(ACTION, error),
                }
            }

            /// Whether a statement failed since the tables are those of a newer novi, or of an older one.
            async fn of_another_novi(&self, action: &str, error: &sqlx::Error) -> Option<Error> {
                // Only where the database answers at all.
                error.as_database_error()?;
                let version = "select max(version) from novi_migrations";
                let version: Option<i64> = sqlx::query_scalar(version).fetch_one(&self.pool).await.ok()?;
                sql::other_version(&self.name, action, version?, MIGRATIONS, error)
            }

            async fn read(&self) -> Result<Rows, sqlx::Error> {
                let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                let mut transaction = begin_read(&mut connection).await?;
                let rows = all_rows(&mut transaction).await?;
                transaction.commit().await?;
                connection.give_back();
                Ok(rows)
            }

            async fn change(&self, edit: Edit) -> Result<Revision> {
                let lost = |error| self.failed(CHANGE, error);
                let mut connection = sql::acquire(&self.pool).await.map_err(lost)?;
                let mut transaction = begin_write(&mut connection).await.map_err(lost)?;
                // Not under the name that a change which was given up half way may have left.
                sign(&mut transaction, &Author::default()).await.map_err(lost)?;
                if let Err(error) = write(&mut transaction, &self.name, &edit).await {
                    // Now, and not when somebody next asks for the connection: others wait for its locks.
                    if let Err(lost) = transaction.rollback().await {
                        tracing::debug!("a change that failed could not be rolled back: {lost}");
                    }
                    return Err(error);
                }
                let done = async {
                    if let Some(settle) = SETTLE {
                        sqlx::query(settle).persistent(PERSISTENT).execute(&mut *transaction).await?;
                    }
                    let reached = revision(&mut transaction).await?;
                    transaction.commit().await?;
                    Ok(reached)
                };
                let reached = done.await.map_err(lost)?;
                if !REVISION_AFTER_COMMIT {
                    return Ok(reached);
                }
                // The change is made, whether this can be read or not.
                Ok(revision(&mut connection).await.unwrap_or(reached))
            }

            async fn script(&self, text: &str, author: &Author) -> Result<(), sqlx::Error> {
                let mut connection = sql::acquire(&self.pool).await?;
                let mut transaction = begin_write(&mut connection).await?;
                sign(&mut transaction, author).await?;
                // The statements are the caller's own, as run_script says.
                let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut *transaction).await;
                unsign(&mut transaction, author, done.is_ok()).await?;
                done?;
                transaction.commit().await
            }

            async fn bring_up_to_date(&self) -> Result<Migrated> {
                let deadline = sql::deadline();
                let mut tries = 0;
                loop {
                    match self.migrate_once().await {
                        Err(error) if busy(&error) && std::time::Instant::now() < deadline => {
                            sql::pause(tries).await;
                            tries += 1;
                        }
                        other => return other.map_err(|error| sql::describe(&self.name, error)),
                    }
                }
            }
        }

        sql::sql_writer!($database, $connection);

        impl ReadStore for $store {
            fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn crate::store::ReadSession>>>> {
                Box::pin(async move {
                    match Reader::begin(self).await {
                        Ok(session) => Ok(Some(Box::new(session) as Box<dyn crate::store::ReadSession>)),
                        Err(error) => Err(self.unread(error).await),
                    }
                })
            }

            fn note_seen<'a>(
                &'a self,
                before: &'a crate::store::Cursor,
                now: &'a crate::store::Cursor,
            ) -> BoxFuture<'a, ()> {
                Box::pin(self.seen(before, now))
            }

            fn hints(
                &self,
                hints: std::sync::Arc<crate::store::Hints>,
                every: std::time::Duration,
            ) -> Option<BoxFuture<'static, ()>> {
                self.hint(hints, every)
            }

            fn name(&self) -> String {
                self.name.clone()
            }

            fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
                Box::pin(async move {
                    let read = async {
                        let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                        let revision = revision(&mut connection).await?;
                        connection.give_back();
                        Ok(revision)
                    };
                    read.await.map_err(|error| self.failed("could not read the revision", error))
                })
            }

            fn load(&self) -> BoxFuture<'_, Result<Rows>> {
                Box::pin(async move {
                    match self.read().await {
                        Ok(rows) => Ok(rows),
                        Err(error) => Err(self.unread(error).await),
                    }
                })
            }

            fn usage_store(&self) -> Option<&dyn UsageStore> {
                Some(self)
            }

            fn token_store(&self) -> Option<&dyn TokenStore> {
                Some(self)
            }
        }

        impl WriteStore for $store {
            fn commit(&self, edit: Edit) -> BoxFuture<'_, Result<Revision>> {
                Box::pin(self.change(edit))
            }
        }

        impl SchemaStore for $store {
            fn migrate(&self) -> BoxFuture<'_, Result<Migrated>> {
                Box::pin(self.bring_up_to_date())
            }

            fn run_script_by<'a>(&'a self, author: &'a Author, text: &'a str) -> BoxFuture<'a, Result<()>> {
                Box::pin(async move {
                    const ACTION: &str = "could not run the script";
                    let statements = script::statements(text, DIALECT)
                        .map_err(|message| Error::store(&self.name, ACTION, message))?;
                    if statements.is_empty() {
                        return Ok(());
                    }
                    self.script(statements, author)
                        .await
                        .map_err(|error| Error::store(&self.name, ACTION, error))
                })
            }
        }

        async fn revision(connection: &mut $connection) -> Result<Revision, sqlx::Error> {
            // Not prepared: outside of a transaction a pooler may give the two steps of that to two connections.
            let row = sqlx::raw_sql(QUERIES.revision).fetch_one(connection).await?;
            let number: Option<i64> = row.try_get(0)?;
            Ok(Revision::new(number.unwrap_or_default()))
        }

        async fn all<T>(
            connection: &mut $connection,
            sql: &'static str,
            decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
        ) -> Result<Vec<T>, sqlx::Error> {
            let mut rows = sqlx::query(sql).persistent(PERSISTENT).fetch(connection);
            let mut decoded = Vec::new();
            while let Some(row) = rows.try_next().await? {
                decoded.push(decode(&mut (0..row.len()).map(|index| cell(&row, index))));
            }
            Ok(decoded)
        }

        async fn all_rows(connection: &mut $connection) -> Result<Rows, sqlx::Error> {
            Ok(Rows {
                revision: revision(connection).await?,
                flags: rows_where(connection, QUERIES.flags, &sql::Among::all("f.id"), |cells| {
                    sql::flag(cells)
                })
                .await?,
                activations: rows_where(connection, QUERIES.activations, &sql::Among::all("a.id"), |cells| {
                    sql::activation(cells)
                })
                .await?,
                links: rows_where(
                    connection,
                    QUERIES.links,
                    &sql::Among::all("l.flag_id, l.activation_id"),
                    |cells| sql::link(cells),
                )
                .await?,
                members: rows_where(
                    connection,
                    QUERIES.members,
                    &sql::Among::all("m.activation_id, m.member"),
                    |cells| sql::member(cells),
                )
                .await?,
            })
        }

        /// Rows under a condition, or all in an order.
        async fn rows_where<T>(
            connection: &mut $connection,
            sql: &'static str,
            among: &sql::Among,
            decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
        ) -> Result<Vec<T>, sqlx::Error> {
            // The condition is novi's own text, with parameters in it.
            let mut query =
                sqlx::query(sqlx::AssertSqlSafe(format!("{sql} {}", among.condition))).persistent(PERSISTENT);
            for id in &among.ids {
                query = query.bind(*id);
            }
            let mut rows = query.fetch(connection);
            let mut decoded = Vec::new();
            while let Some(row) = rows.try_next().await? {
                decoded.push(decode(&mut (0..row.len()).map(|index| cell(&row, index))));
            }
            Ok(decoded)
        }

        async fn has_table(connection: &mut $connection, table: &str) -> Result<bool, sqlx::Error> {
            let count: i64 =
                sqlx::query_scalar(QUERIES.has_table).bind(table.to_owned()).fetch_one(connection).await?;
            Ok(count > 0)
        }

        /// What is known without a lock.
        async fn found(connection: &mut $connection) -> Result<Found, MigrateError> {
            if !has_table(connection, sql::TABLE).await? {
                return Ok(Found::Nothing);
            }
            if connection.dirty_version(sql::TABLE).await?.is_some() {
                return Ok(Found::Unfinished);
            }
            sql::pending(&connection.list_applied_migrations(sql::TABLE).await?, MIGRATIONS)
        }

        /// Runs what is not applied yet; the caller holds the lock.
        async fn run_migrations(
            connection: &mut $connection,
            migrator: sqlx::migrate::Migrator,
        ) -> Result<Migrated, MigrateError> {
            let has_flags = has_table(connection, "flags").await?;
            connection.ensure_migrations_table(sql::TABLE).await?;
            // With the lock held, an unfinished migration is that of a process that died: it can run again.
            sqlx::query("delete from novi_migrations where success = false")
                .execute(&mut *connection)
                .await?;
            let before = connection.list_applied_migrations(sql::TABLE).await?;
            sql::pending(&before, MIGRATIONS)?;
            // Tables without any migration: those of the original, or, on MySQL, empty ones of a process that died.
            let adopted = has_flags && before.is_empty();
            migrator.run_direct(None, connection, false).await?;
            let without_activations = if adopted {
                let sql = "select name from flags where not exists \
                    (select 1 from flags_activations where flag_id = flags.id) order by flags.id";
                all(connection, sql, |cells| cells.next().map_or_else(String::new, Cell::into_text)).await?
            } else {
                Vec::new()
            };
            let applied = sql::names(&before, MIGRATIONS);
            Ok(Migrated { applied, adopted, without_activations, without_triggers: false })
        }

        fn busy(error: &MigrateError) -> bool {
            match error {
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                    failure(error) == Failure::Busy
                }
                _ => false,
            }
        }
    };
}
pub(super) use sql_store;
