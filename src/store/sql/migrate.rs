//! Migrations: which are known, which are applied, and how to wait for one's turn.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::{Duration, Instant},
};

#[cfg(feature = "mysql")]
use sqlx::{AssertSqlSafe, SqlSafeStr as _};
use sqlx::{
    SqlStr,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{
    error::Error,
    store::{
        decode::Cell,
        schema::Migrated,
        sql::{
            connection::{Connection, Statement},
            dialect::{Failure, Migrations, without_source_line},
            driver::Driver,
            read::has_table,
        },
    },
};

/// Where novi notes its migrations. A service's own sqlx migrations are in `_sqlx_migrations` of the same
/// database.
pub(super) const TABLE: &str = "novi_migrations";

/// Longer than a start of hundreds of processes takes on one server.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a look without a lock finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No migration ran here.
    Nothing,
    /// A migration is running, or its process has died.
    Unfinished,
    /// Some migrations are not applied yet.
    Behind,
    /// All are applied.
    UpToDate,
}

/// sqlx's runner of these migrations. It takes no lock: on MariaDB sqlx's own lock has no effect, because
/// GET_LOCK returns null for a negative timeout, so that each store locks by itself.
pub(super) fn migrator(migrations: Migrations) -> Migrator {
    let mut migrator = Migrator::with_migrations(known(migrations));
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_locking(false);
    migrator
}

/// The same without some statements of each migration.
#[cfg(feature = "mysql")]
pub(super) fn migrator_without(
    migrations: Migrations,
    is_left_out: impl Fn(&str) -> bool,
    split: impl Fn(&'static str) -> Vec<&'static str>,
) -> Migrator {
    let mut known = known(migrations);
    for (migration, &(_, _, sql)) in known.iter_mut().zip(migrations) {
        let kept: String = split(sql).into_iter().filter(|statement| !is_left_out(statement)).collect();
        // A query without a statement is an error.
        let kept = if kept.is_empty() { "do 0".to_owned() } else { kept };
        migration.sql = AssertSqlSafe(kept).into_sql_str();
    }
    let mut migrator = Migrator::with_migrations(known);
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_locking(false);
    migrator
}

fn known(migrations: Migrations) -> Vec<Migration> {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    migrations.iter().map(migration).collect()
}

/// What is known without a lock.
pub(super) async fn found<DB: Driver>(connection: &mut DB::Connection) -> Result<Found, MigrateError> {
    if !has_table(connection, TABLE).await? {
        return Ok(Found::Nothing);
    }
    if connection.dirty_version(TABLE).await?.is_some() {
        return Ok(Found::Unfinished);
    }
    pending(&connection.list_applied_migrations(TABLE).await?, DB::DIALECT.migrations)
}

/// Runs the migrations that are not applied yet; the caller holds the lock.
pub(super) async fn run<DB: Driver>(
    connection: &mut DB::Connection,
    migrator: Migrator,
) -> Result<Migrated, MigrateError> {
    let has_flags = has_table(connection, "flags").await?;
    connection.ensure_migrations_table(TABLE).await?;
    let count = Statement::new("select count(*) from novi_migrations");
    let has_begun = dynamic(connection).integer(count).await?.unwrap_or_default() > 0;
    // With the lock held, an unfinished migration is that of a process that died: it can run again.
    let unfinished = Statement::new("delete from novi_migrations where success = false");
    dynamic(connection).execute(unfinished).await?;
    let before = connection.list_applied_migrations(TABLE).await?;
    pending(&before, DB::DIALECT.migrations)?;
    let adopted = has_flags && !has_begun;
    migrator.run_direct(None, connection, false).await?;
    let without_activations = if adopted {
        let flags = Statement::new(
            "select name from flags where not exists \
             (select 1 from flags_activations where flag_id = flags.id) order by flags.id",
        );
        let name =
            |cells: &mut dyn Iterator<Item = Cell>| cells.next().map_or_else(String::new, Cell::into_text);
        dynamic(connection).rows(flags, name).await?
    } else {
        Vec::new()
    };
    let applied = names(&before, DB::DIALECT.migrations);
    Ok(Migrated { applied, adopted, without_activations, without_triggers: false })
}

fn dynamic<C: Connection>(connection: &mut C) -> &mut (dyn Connection + '_) {
    connection
}

/// What the failure of a migration means.
pub(super) fn failure<DB: Driver>(error: &MigrateError) -> Failure {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            (DB::DIALECT.failure)(error)
        }
        _ => Failure::Other,
    }
}

/// Compares what is applied with what this build knows.
pub(super) fn pending(applied: &[AppliedMigration], migrations: Migrations) -> Result<Found, MigrateError> {
    let known = known(migrations);
    for migration in applied {
        match known.iter().find(|known| known.version == migration.version) {
            None => return Err(MigrateError::VersionMissing(migration.version)),
            Some(known) if known.checksum != migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version));
            }
            Some(_) => {}
        }
    }
    Ok(if applied.len() < known.len() { Found::Behind } else { Found::UpToDate })
}

/// The migrations that were not applied before, as `migration 1 (tables)`.
pub(super) fn names(before: &[AppliedMigration], migrations: Migrations) -> Vec<String> {
    let new = |version: i64| before.iter().all(|applied| applied.version != version);
    migrations
        .iter()
        .filter(|(version, ..)| new(*version))
        .map(|(version, name, _)| format!("migration {version} ({name})"))
        .collect()
}

/// When to give up waiting.
pub(super) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// Waits before the next try: longer each time, up to 2 s, and never the same time in two processes.
pub(super) async fn pause(tries: u32) {
    let longest = 50_u64.saturating_mul(1 << tries.min(6)).min(2000);
    // A fresh RandomState is random enough, and is in std.
    let random = RandomState::new().build_hasher().finish();
    tokio::time::sleep(Duration::from_millis(longest / 2 + random % longest)).await;
}

/// The error of a migration, for people.
pub(super) fn describe(store: &str, error: MigrateError) -> Error {
    const ACTION: &str = "could not migrate";
    match error {
        MigrateError::VersionMissing(version) => unknown_version(store, version),
        MigrateError::VersionMismatch(version) => Error::store(
            store,
            ACTION,
            format!(
                "migration {version} of this database is not the one that this build of novi has: \
                 use the build that made it, or a released one"
            ),
        ),
        MigrateError::Execute(error) => Error::store(store, ACTION, without_source_line(error)),
        // Of novi: tables that are not its own.
        MigrateError::Source(source) => Error::store(store, ACTION, source),
        MigrateError::ExecuteMigration(error, version) => {
            Error::store(store, format!("{ACTION}: migration {version} failed"), without_source_line(error))
        }
        other => Error::store(store, ACTION, other),
    }
}

/// The error of a query on a database whose last migration is this one; `None` if this build has the same.
pub(super) fn other_version(
    store: &str,
    action: &str,
    version: i64,
    migrations: Migrations,
    error: &sqlx::Error,
) -> Option<Error> {
    let known = migrations.last().map_or(0, |(version, ..)| *version);
    let novi = env!("CARGO_PKG_VERSION");
    let message = match version.cmp(&known) {
        Ordering::Equal => return None,
        Ordering::Greater => {
            format!(
                "the database has migration {version}, which novi {novi} does not know: use a newer novi ({error})"
            )
        }
        Ordering::Less => {
            format!(
                "the database has migrations up to {version}, and novi {novi} needs {known}: run `novi migrate` ({error})"
            )
        }
    };
    Some(Error::store(store, action, message))
}

/// The database has a migration that this build does not know.
fn unknown_version(store: &str, version: i64) -> Error {
    Error::store(
        store,
        "could not migrate",
        format!(
            "the database has migration {version}, which novi {} does not know: use a newer novi",
            env!("CARGO_PKG_VERSION")
        ),
    )
}
