//! Migrations: which are known, which are applied, and how to wait for one's turn.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    mem,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, SqlSafeStr as _, SqlStr,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{
    error::Error,
    store::{
        decode::Cell,
        schema::{Migrated, SchemaState},
        sql::{
            adopt,
            connection::{Connection, Named, Statement},
            dialect::{Dialect, Failure, Migrations, without_source_line},
            driver::Driver,
            inspect::{self, Problems},
            names::Names,
            read::has_table,
            script,
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
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn migrator(migrations: Migrations, names: &Names) -> Migrator {
    runner(known(migrations), names)
}

/// The same without some statements of each migration.
#[cfg(feature = "mysql")]
pub(super) fn migrator_without(
    migrations: Migrations,
    names: &Names,
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
    runner(known, names)
}

/// The checksums stay those of the files.
fn runner(mut migrations: Vec<Migration>, names: &Names) -> Migrator {
    if !names.prefix().is_empty() {
        for migration in &mut migrations {
            let sql = names.sql(migration.sql.as_str()).into_owned();
            migration.sql = AssertSqlSafe(sql).into_sql_str();
        }
    }
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(names.of(TABLE));
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
pub(super) async fn found<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<Found, MigrateError> {
    if !has_table(connection, TABLE).await? {
        return Ok(Found::Nothing);
    }
    let table = connection.names.of(TABLE);
    if connection.inner.dirty_version(&table).await?.is_some() {
        return Ok(Found::Unfinished);
    }
    let applied = connection.inner.list_applied_migrations(&table).await?;
    // A first migration may have failed.
    if applied.is_empty() { Ok(Found::Nothing) } else { pending(&applied, DB::DIALECT.migrations) }
}

/// Whether there is nothing to do.
pub(super) async fn is_done<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<bool, MigrateError> {
    Ok(found::<DB>(connection).await? == Found::UpToDate && inspect::problems(connection).await?.is_empty())
}

/// Rejects tables of something else before the first migration, and of a novi that would be in the way at any
/// time.
pub(super) async fn check_foreign<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<(), MigrateError> {
    DB::check_others(connection).await?;
    if found::<DB>(connection).await? == Found::Nothing {
        adopt::check_core_tables(connection).await?;
    }
    Ok(())
}

/// Runs the migrations that are not applied yet, and all of them again if something that they made is
/// missing. The caller holds the lock.
pub(super) async fn run<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
    migrator: Migrator,
    repairs_triggers: bool,
) -> Result<Migrated, MigrateError> {
    let has_flags = has_table(connection, "flags").await?;
    let table = connection.names.of(TABLE);
    connection.inner.ensure_migrations_table(&table).await?;
    let count = Statement::new("select count(*) from novi_migrations");
    let has_begun = dynamic(connection).integer(count).await?.unwrap_or_default() > 0;
    // With the lock held, an unfinished migration is that of a process that died: it can run again.
    let unfinished = Statement::new("delete from novi_migrations where success = false");
    dynamic(connection).execute(unfinished).await?;
    let before = connection.inner.list_applied_migrations(&table).await?;
    pending(&before, DB::DIALECT.migrations)?;
    // Tables with metadata were made by hand.
    let adopted = has_flags && !has_begun && !has_table(connection, "flag_metadata").await?;
    migrator.run_direct(None, &mut *connection.inner, false).await?;
    let mut repaired = Vec::new();
    let mut problems = inspect::problems(connection).await?;
    if !repairs_triggers {
        problems.triggers.clear();
        problems.others.clear();
    }
    if has_begun && !problems.columns.is_empty() {
        let message = format!(
            "{}; no migration adds a column, so restore the table from a backup, or drop it and migrate again",
            problems.columns.join("; ")
        );
        return Err(MigrateError::Source(message.into()));
    }
    if has_begun && !problems.is_empty() {
        let before = problems.into_list();
        repair(connection, &migrator).await?;
        problems = inspect::problems(connection).await?;
        let left = problems.clone().into_list();
        repaired.extend(before.into_iter().filter(|problem| !left.contains(problem)));
    }
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
    let problems = problems.into_list();
    Ok(Migrated { applied, adopted, repaired, problems, without_activations, without_triggers: false })
}

/// Runs all migrations again, whose statements leave alone what is there. Readers then read all rows: changes
/// may have fired no trigger.
async fn repair(connection: &mut dyn Connection, migrator: &Migrator) -> Result<(), sqlx::Error> {
    let restamp = connection.dialect().write.restamp;
    let mut transaction = connection.begin(None).await?;
    for migration in migrator.iter() {
        let script = Statement::verbatim(migration.sql.as_str().to_owned());
        transaction.connection().execute(script).await?;
    }
    transaction.connection().execute(Statement::new(restamp)).await?;
    transaction.commit().await
}

/// As [`SchemaStore::schema_state`](crate::store::SchemaStore::schema_state).
pub(super) async fn state<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<SchemaState, MigrateError> {
    DB::enter(connection).await?;
    let mut applied = Vec::new();
    let table = connection.names.of(TABLE);
    if has_table(connection, TABLE).await? && connection.inner.dirty_version(&table).await?.is_none() {
        applied = connection.inner.list_applied_migrations(&table).await?;
    }
    let known = DB::DIALECT.migrations;
    let is_known = |version: i64| known.iter().any(|(known, ..)| *known == version);
    let unknown: Vec<_> = applied.iter().map(|of| of.version).filter(|version| !is_known(*version)).collect();
    let pending = names(&applied, known);
    let mut problems = Problems::default();
    if !applied.is_empty() {
        problems = inspect::problems(connection).await?;
        let tried = DB::problem_of_triggers(connection).await?;
        problems.others.extend(tried.filter(|problem| !problems.others.contains(problem)));
    }
    let obstacles = mem::take(&mut problems.obstacles);
    let problems = problems.into_list();
    let applied = names(&[], known).into_iter().filter(|name| !pending.contains(name)).collect();
    Ok(SchemaState { applied, pending, unknown, problems, obstacles })
}

/// As [`SchemaStore::migration_script`](crate::store::SchemaStore::migration_script).
pub(super) async fn script<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<String, MigrateError> {
    let SchemaState { pending, unknown, problems, .. } = state::<DB>(connection).await?;
    if let Some(version) = unknown.first() {
        return Err(MigrateError::VersionMissing(*version));
    }
    check_foreign::<DB>(connection).await?;
    if pending.is_empty() && problems.is_empty() {
        return Ok(String::new());
    }
    let dialect = DB::DIALECT;
    let place: Option<String> = dynamic(connection).text(Statement::new(dialect.write.place)).await?;
    let mut text = String::new();
    let mut add = |part: &str| {
        text.push_str(part.trim_end());
        text.push_str("\n\n");
    };
    for problem in &problems {
        add(&format!("-- {problem}"));
    }
    add(&place.unwrap_or_default());
    add(dialect.write.client_begin);
    let own = connection.names.clone();
    add(&own.sql(dialect.write.migrations_table));
    let all = names(&[], dialect.migrations);
    for ((&(_, _, sql), name), migration) in dialect.migrations.iter().zip(all).zip(known(dialect.migrations))
    {
        let is_pending = pending.contains(&name);
        // A repair runs all of them again.
        if is_pending || !problems.is_empty() {
            add(&own.sql(script::for_client(sql, dialect.syntax)));
        }
        if is_pending {
            add(&own.sql(record(dialect, &migration)));
        }
    }
    if pending.is_empty() {
        add(&format!("{};", own.sql(dialect.write.restamp)));
    }
    add(dialect.write.client_end);
    Ok(text)
}

/// Notes a migration as applied.
fn record(dialect: &Dialect, migration: &Migration) -> String {
    let mut digits = String::new();
    for byte in &*migration.checksum {
        digits.extend(
            [byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)),
        );
    }
    let checksum = dialect.write.bytes.replace('?', &digits);
    format!(
        "insert into {TABLE} (version, description, success, checksum, execution_time) values ({}, '{}', true, {checksum}, -1);",
        migration.version, migration.description
    )
}

/// As [`SchemaStore::baseline`](crate::store::SchemaStore::baseline).
pub(super) async fn baseline<DB: Driver>(
    connection: &mut Named<&mut DB::Connection>,
) -> Result<SchemaState, MigrateError> {
    DB::enter(connection).await?;
    let problems = inspect::problems(connection).await?.into_list();
    if !problems.is_empty() {
        let message = format!(
            "the tables are not those of novi {}: {}; run the SQL of `novi migrate --sql` first",
            env!("CARGO_PKG_VERSION"),
            problems.join("; ")
        );
        return Err(MigrateError::Source(message.into()));
    }
    let SchemaState { pending, unknown, .. } = state::<DB>(connection).await?;
    if let Some(version) = unknown.first() {
        return Err(MigrateError::VersionMissing(*version));
    }
    let dialect = DB::DIALECT;
    let mut transaction = connection.begin(None).await?;
    transaction.connection().execute(Statement::unprepared(dialect.write.migrations_table)).await?;
    for (migration, name) in known(dialect.migrations).iter().zip(names(&[], dialect.migrations)) {
        if pending.contains(&name) {
            transaction.connection().execute(Statement::unprepared(record(dialect, migration))).await?;
        }
    }
    transaction.commit().await?;
    state::<DB>(connection).await
}

/// Rejects a database with migrations of a newer novi, whose rules for changes this build does not know. A
/// user who may not read the migrations is let through.
///
/// A query of its own, since its error would end the transaction of another one on PostgreSQL. It takes 2 to
/// 5 % of the time of a change: 0.04 of 1.9 ms on SQLite, 0.19 of 16 ms on PostgreSQL, 0.19 of 8.6 ms on
/// MariaDB (medians).
pub(super) async fn reject_newer(
    connection: &mut dyn Connection,
    store: &str,
    action: &str,
) -> Result<(), Error> {
    let dialect = connection.dialect();
    let version = if connection.is_in_transaction() {
        // Without a savepoint, an error would end the transaction on PostgreSQL.
        let failed = |error| dialect.error(store, action, error);
        let mut savepoint = connection.begin(None).await.map_err(failed)?;
        let version = savepoint.connection().integer(Statement::new(LATEST)).await;
        let ended = if version.is_ok() { savepoint.commit().await } else { savepoint.rollback().await };
        match version {
            // It ends the whole transaction on MySQL: what follows would be committed by itself.
            Err(error) if (dialect.failure)(&error) == Failure::Contention => return Err(failed(error)),
            _ => ended.map_err(failed)?,
        }
        version
    } else {
        connection.integer(Statement::new(LATEST)).await
    };
    let known = dialect.migrations.last().map_or(0, |(version, ..)| *version);
    match version {
        Ok(Some(version)) if version > known => Err(unknown_version(store, action, version)),
        Ok(_) => Ok(()),
        Err(error) if error.as_database_error().is_some() => Ok(()),
        Err(error) => Err(dialect.error(store, action, error)),
    }
}

const LATEST: &str = "select max(version) from novi_migrations";

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
pub(super) fn describe(store: &str, action: &str, error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(version) => unknown_version(store, action, version),
        MigrateError::VersionMismatch(version) => Error::store(
            store,
            action,
            format!(
                "migration {version} of this database is not the one that this build of novi has: \
                 use the build that made it, or a released one"
            ),
        ),
        MigrateError::Execute(error) => Error::store(store, action, without_source_line(error)),
        // Of novi: tables that are not its own.
        MigrateError::Source(source) => Error::store(store, action, source),
        MigrateError::ExecuteMigration(error, version) => {
            Error::store(store, format!("{action}: migration {version} failed"), without_source_line(error))
        }
        other => Error::store(store, action, other),
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
fn unknown_version(store: &str, action: &str, version: i64) -> Error {
    Error::store(
        store,
        action,
        format!(
            "the database has migration {version}, which novi {} does not know: use a newer novi",
            env!("CARGO_PKG_VERSION")
        ),
    )
}
