//! The migrations: which are known, which are applied, and how to wait for one's turn.

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
    migrate::{AppliedMigration, MigrateError, Migration, MigrationType, Migrator},
};

use crate::error::Error;

/// Number, name and SQL of each migration of a database.
pub(in crate::store) type Migrations = &'static [(i64, &'static str, &'static str)];

/// Where novi notes its migrations. A service's own sqlx migrations are in `_sqlx_migrations` of the same database.
pub(in crate::store) const TABLE: &str = "novi_migrations";

/// Longer than a start of hundreds of processes takes on one server.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a look without a lock finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Found {
    /// No migration ran here.
    Nothing,
    /// A migration is running, or its process has died.
    Unfinished,
    /// Some migrations are not applied yet.
    Behind,
    /// All are applied.
    UpToDate,
}

/// sqlx's runner of these migrations. It takes no lock: on MariaDB sqlx's own one locks nothing, because a negative
/// timeout of GET_LOCK gives null there, so that each store takes a lock by itself.
pub(in crate::store) fn migrator(migrations: Migrations) -> Migrator {
    let mut migrator = Migrator::with_migrations(known(migrations));
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_locking(false);
    migrator
}

/// The same without some statements of each. The migrations are still those that are known.
#[cfg(feature = "mysql")]
pub(in crate::store) fn migrator_without(
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

/// Compares what is applied with what this build knows.
pub(in crate::store) fn pending(
    applied: &[AppliedMigration],
    migrations: Migrations,
) -> Result<Found, MigrateError> {
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

/// The migrations that were not applied before, as `1 core tables`.
pub(in crate::store) fn names(before: &[AppliedMigration], migrations: Migrations) -> Vec<String> {
    let new = |version: i64| before.iter().all(|applied| applied.version != version);
    migrations
        .iter()
        .filter(|(version, ..)| new(*version))
        .map(|(version, name, _)| format!("{version} {name}"))
        .collect()
}

/// When to give up waiting.
pub(in crate::store) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// Waits before the next try: longer each time, up to 2 s, and never the same time in two processes.
pub(in crate::store) async fn pause(tries: u32) {
    let longest = 50_u64.saturating_mul(1 << tries.min(6)).min(2000);
    // A fresh RandomState is random enough, and is in std.
    let random = RandomState::new().build_hasher().finish();
    tokio::time::sleep(Duration::from_millis(longest / 2 + random % longest)).await;
}

/// The error of a migration in novi's words.
pub(in crate::store) fn describe(store: &str, error: MigrateError) -> Error {
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
        MigrateError::Execute(error) => Error::store(store, ACTION, error),
        MigrateError::ExecuteMigration(error, version) => {
            Error::store(store, format!("{ACTION}: migration {version} failed"), error)
        }
        other => Error::store(store, ACTION, other),
    }
}

/// What it means for who can not read the rows that the last migration of the database is this one; nothing if it is the one that
/// this build has.
pub(in crate::store) fn other_version(
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
