//! SQLite.

use std::{path::Path, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _,
    migrate::MigrateError,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteQueryResult, SqliteRow,
    },
};

use crate::{
    error::{Error, Result},
    store::{
        decode::Cell,
        future::BoxFuture,
        hints::Hints,
        schema::Migrated,
        sql::{
            connection::{Connection, EachRow, Named, Statement, Transaction, Value},
            database_file::identity,
            dialect::{
                AssignmentsSql, Dialect, EvaluationsSql, Failure, HistorySql, Migrations, ReadSql, RowsSql,
                TokenSql, UsageSql, WriteSql,
            },
            driver::{self, Driver},
            migrate,
            pool::{ACQUIRE_TIMEOUT, Connections, POOL_SIZE, Place},
            script::Syntax,
            store::SqlStore,
        },
        sqlite_rows, table_prefix, url,
    },
};

const MIGRATIONS: Migrations = &[
    (1, "tables", include_str!("../../../migrations/sqlite/0001_novi.sql")),
    (2, "evaluations by hour", include_str!("../../../migrations/sqlite/0002_evaluations.sql")),
    (3, "assignments", include_str!("../../../migrations/sqlite/0003_assignments.sql")),
];

static DIALECT: Dialect = Dialect {
    syntax: Syntax::Standard,
    migrations: MIGRATIONS,
    of_transaction: "the SQLite database of this transaction",
    failure,
    numbers_parameters: false,
    keeps_statements: true,
    before_read: None,
    begin_read: None,
    begin_write: Some("BEGIN IMMEDIATE"),
    missing_triggers: None,
    searched: "",
    own_place: "use a file of its own for novi",
    read: ReadSql {
        revision: sqlite_rows::REVISION,
        cursor: "select slot, revision, stamp from novi_revision",
        changes: "select slot, revision, entity, entity_id, operation, \
        case operation when 'update' then before end, case operation when 'update' then after end, follows \
        from flag_history where slot = ? and revision > ? and revision <= ? order by id limit ?",
        flags: sqlite_rows::FLAGS,
        activations: sqlite_rows::ACTIVATIONS,
        links: sqlite_rows::LINKS,
        members: sqlite_rows::MEMBERS,
        has_table: "select count(*) from sqlite_master where type = 'table' and name = ?",
        columns: "select m.name, c.name, c.type from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'",
        views: "select name from sqlite_master where type = 'view'",
        // Each change of a table or trigger raises the version.
        objects: "select iif(type = 'view', 'table', type), name, null, tbl_name, iif(type = 'trigger', sql, null), \
        cast(schema_version as text) from sqlite_master, pragma_schema_version where type in ('table', 'view', 'trigger')",
        other_place: None,
        prints_triggers: false,
        may_read_migrations: None,
        slots: 1,
        hides_objects: false,
        counts_rows: false,
        definers: None,
        sequences: None,
        checksums: None,
    },
    write: WriteSql {
        lock: Some("update novi_revision set revision = revision where false"),
        lock_row: "",
        lock_metadata: "",
        current: "",
        raise: None,
        restamp: "update novi_revision set revision = revision + 1, stamp = random(), \
        changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') where slot = 0",
        client_begin: "begin immediate;",
        client_end: "commit;",
        migrations_table: "create table if not exists novi_migrations (\n  version bigint primary key,\n  description text not null,\n  \
        installed_on timestamp not null default current_timestamp,\n  success boolean not null,\n  checksum blob not null,\n  \
        execution_time bigint not null\n);",
        bytes: "x'?'",
        place: "select null",
        settle: None,
        unsettle: None,
        revision_after_commit: false,
        signature: "select actor, reason from novi_session where id = 1",
        sign: "update novi_session set actor = ?, reason = ? where id = 1",
        unsign: Some("update novi_session set actor = null, reason = null where id = 1"),
        signature_outlives_transaction: false,
    },
    history: HistorySql {
        columns: "position, changed_at, actor, reason, entity, before, after",
        records: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, after \
        from flag_history where revision is not null) records",
        records_above: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, \
        after from flag_history where slot = 0 and revision > $above) records",
        until: "changed_at <= strftime('%Y-%m-%dT%H:%M:%fZ', ?)",
        since: "changed_at >= strftime('%Y-%m-%dT%H:%M:%fZ', ?)",
        containing: "lower(coalesce(actor, '') || ' ' || coalesce(reason, '') || ' ' || coalesce(before, '') || ' ' || \
        coalesce(after, '')) like lower(?) escape '!'",
        backdate: "update flag_history set changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', ?) where id > ?",
        changed_at: "select max(changed_at) from novi_revision",
        now: "select strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        named: "select id, null from flags where name = ? \
        union all select entity_id, id from flag_history where entity = 'flags' and operation <> 'insert' \
        and (json_extract(before, '$.name') = ? or json_extract(after, '$.name') = ?)",
    },
    usage: UsageSql {
        select: "select flag, first_seen, last_evaluated, last_on, last_off, evaluations from novi_usage",
        since: "select since from novi_usage_since where id = 1",
        row: USAGE_ROW,
        on_conflict: USAGE_CONFLICT,
        evaluations: EVALUATIONS,
    },
    assignments: ASSIGNMENTS,
    tokens: TokenSql {
        changes: "select changes from novi_token_changes where id = 1",
        select: "select id, name, role, subject, hash, created_at, created_by, \
        expires_at, revoked_at, replaced_at, \
        last_used_at from novi_tokens order by id",
        insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at) \
        values (?, ?, ?, ?, ?, ?)",
        revoke: "update novi_tokens set revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') where (id = ? or name = ?) and revoked_at is null",
        used: "update novi_tokens set last_used_at = ? where id = ? and (last_used_at is null or julianday(last_used_at) < julianday(?))",
    },
};

const ASSIGNMENTS: AssignmentsSql = AssignmentsSql {
    select: "select id, experiment, unit, variant, revision, assigned_at from novi_assignments",
    counts: "select variant, count(*), min(assigned_at), max(assigned_at) from novi_assignments",
    rows: RowsSql::Each("(?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', ?))"),
    on_conflict: "on conflict (experiment, unit) do nothing",
    forget: "delete from novi_assignments where id in (select id from novi_assignments where experiment = ? limit ?)",
    now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
};

const EVALUATIONS: EvaluationsSql = EvaluationsSql {
    select: "select flag, hour, enabled, variant, evaluations from novi_evaluations",
    on_conflict: "on conflict (flag, hour, enabled, variant) do update \
    set evaluations = novi_evaluations.evaluations + excluded.evaluations",
    prune: "delete from novi_evaluations where (flag, hour, enabled, variant) in \
    (select flag, hour, enabled, variant from novi_evaluations where hour < ? limit ?)",
};

const USAGE_ROW: &str = "(?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), \
    iif(? > 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), null), iif(? > 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), null), ?)";

const USAGE_CONFLICT: &str = "on conflict (flag) do update set last_evaluated = excluded.last_evaluated, \
    last_on = coalesce(excluded.last_on, last_on), last_off = coalesce(excluded.last_off, last_off), \
    evaluations = evaluations + excluded.evaluations";

/// How long a writer waits for another one, which holds the file for as long as a transaction takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Hundreds of processes may start at once and take turns.
const MIGRATE_BUSY_TIMEOUT_MS: i64 = 60_000;

/// Rows in a SQLite file, or in memory.
pub type SqliteStore = SqlStore<Sqlite>;

impl SqlStore<Sqlite> {
    /// Opens an existing file, as `sqlite://novi.db`, or a database in memory, `sqlite::memory:`.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] if the address is invalid, [`Error::MissingFile`] if the file does not exist,
    /// [`Error::Store`] if it cannot be opened.
    pub async fn connect(url: &str) -> Result<Self> {
        let (url, table_prefix) = &table_prefix::take(url)?;
        let options = options(url)?;
        let file = options.get_filename();
        if !in_memory(url) && !creates(url) && !file.exists() {
            let path = file.to_owned();
            return Err(Error::MissingFile { url: url::redacted(url), path });
        }
        Self::open(url, options).await?.with_table_prefix(table_prefix)
    }

    /// As [`connect`](Self::connect), but creates the file if it does not exist.
    ///
    /// A new file is in WAL mode, in which readers and the writer do not wait for each other. The mode of an
    /// existing file is unchanged.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn create(url: &str) -> Result<Self> {
        let (url, table_prefix) = &table_prefix::take(url)?;
        let options = options(url)?;
        let new = !in_memory(url) && is_new(options.get_filename());
        let store = Self::open(url, options.create_if_missing(true)).await?;
        if new {
            store.write_ahead().await?;
        }
        store.with_table_prefix(table_prefix)
    }

    /// Uses a pool of the service.
    ///
    /// A pool of databases in memory must have one connection, or each connection has a database of its own.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        let name = format!("sqlite:{}", pool.connect_options().get_filename().display());
        let place = place(&pool);
        Self::new(Connections::new(pool, &place), name)
    }

    async fn open(url: &str, options: SqliteConnectOptions) -> Result<Self> {
        let (name, pool) = if in_memory(url) {
            // The database lives as long as its one connection does.
            let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1);
            ("sqlite::memory:".to_owned(), pool.idle_timeout(None).max_lifetime(None))
        } else {
            let name = format!("sqlite:{}", options.get_filename().display());
            (name, SqlitePoolOptions::new().max_connections(POOL_SIZE))
        };
        let pool = pool.acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options.clone()).await;
        let pool = pool.map_err(|error| Error::store(&name, "could not open the database", error))?;
        if !in_memory(url) {
            // A file that is removed later is not made again, empty.
            pool.set_connect_options(options.create_if_missing(false));
        }
        Ok(Self::new(Connections::new(pool.clone(), &place(&pool)), name))
    }

    /// Sets WAL mode. SQLite does not wait for its turn here, and many processes may make the file at once.
    async fn write_ahead(&self) -> Result<()> {
        let deadline = migrate::deadline();
        let mut tries = 0;
        loop {
            match sqlx::query("pragma journal_mode = wal").execute(self.pool()).await {
                Err(error)
                    if failure(&error) == Failure::Contention && std::time::Instant::now() < deadline =>
                {
                    migrate::pause(tries).await;
                    tries += 1;
                }
                Err(error) => return Err(self.error("could not set the journal mode", error)),
                Ok(_) => return Ok(()),
            }
        }
    }
}

impl Driver for Sqlite {
    const DIALECT: &'static Dialect = &DIALECT;

    fn bind(query: Query<'_, Self, SqliteArguments>, value: Value) -> Query<'_, Self, SqliteArguments> {
        match value {
            Value::Integer(value) => query.bind(value),
            Value::Boolean(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Time(value) => {
                query.bind(value.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)))
            }
        }
    }

    fn cell(row: &SqliteRow, index: usize) -> Cell {
        let Ok(value) = row.try_get_raw(index) else { return Cell::Null };
        if value.is_null() {
            return Cell::Null;
        }
        // A value's type, which need not be that of its column.
        let read = match value.type_info().name() {
            "INTEGER" | "BOOLEAN" => row.try_get_unchecked(index).map(Cell::Integer),
            "REAL" => row.try_get_unchecked(index).map(Cell::Real),
            _ => row.try_get_unchecked(index).map(Cell::from_bytes),
        };
        read.unwrap_or(Cell::Null)
    }

    fn changed(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn migrate(connections: &Connections<Self>) -> BoxFuture<'_, Result<Migrated, MigrateError>> {
        Box::pin(migrate_once(connections))
    }

    fn hints(
        connections: &Connections<Self>,
        hints: Arc<Hints>,
        every: Duration,
    ) -> Option<BoxFuture<'static, ()>> {
        // Of a database in memory another connection has another one.
        let Place::File(file) = place(&connections.pool) else { return None };
        let options = (*connections.pool.connect_options()).clone();
        // Logged this often, it would hide everything else.
        let options = options.create_if_missing(false).disable_statement_logging();
        Some(Box::pin(async move {
            loop {
                // The task that reads the rows reports errors.
                if let Err(error) = ask_for_version(&options, &file, &hints, every).await {
                    tracing::debug!("{error}");
                }
                hints.set_reliable(false);
                hints.hint();
                tokio::time::sleep(every.max(Duration::from_secs(1))).await;
            }
        }))
    }
}

driver::connection!(Sqlite, SqliteConnection);

async fn migrate_once(connections: &Connections<Sqlite>) -> Result<Migrated, MigrateError> {
    let mut lease = connections.lease().await?;
    let mut connection = lease.typed();
    let mut done = Migrated::default();
    if !migrate::is_done::<Sqlite>(&mut connection).await? {
        let before: i64 = sqlx::query_scalar("pragma busy_timeout").fetch_one(&mut *connection.inner).await?;
        set_busy_timeout(connection.inner, MIGRATE_BUSY_TIMEOUT_MS).await?;
        done = migrate_in_turn(&mut connection).await?;
        set_busy_timeout(connection.inner, before).await?;
    }
    lease.give_back();
    Ok(done)
}

/// SQLite's own lock is the lock, and the transaction makes all migrations one step: those of sqlx become
/// savepoints.
async fn migrate_in_turn(connection: &mut Named<&mut SqliteConnection>) -> Result<Migrated, MigrateError> {
    let names = connection.names.clone();
    let migrator = migrate::migrator(MIGRATIONS, &names);
    let mut transaction = connection.inner.begin_with("BEGIN IMMEDIATE").await?;
    let mut in_transaction = Named::new(&mut *transaction, names);
    migrate::check_foreign::<Sqlite>(&mut in_transaction).await?;
    let migrated = migrate::run::<Sqlite>(&mut in_transaction, migrator, true).await?;
    transaction.commit().await?;
    Ok(migrated)
}

async fn ask_for_version(
    options: &SqliteConnectOptions,
    file: &Path,
    hints: &Hints,
    every: Duration,
) -> Result<(), sqlx::Error> {
    let opened = identity(file)?;
    let mut connection = options.connect().await?;
    let mut last: Option<i64> = None;
    // A file that was put in the place of this one is found under the name only.
    while identity(file)? == opened {
        let version = sqlx::query_scalar("pragma data_version").fetch_one(&mut connection).await?;
        if last.replace(version) != Some(version) {
            // Before the first version there may have been a change that it already counts.
            hints.hint();
        }
        hints.set_reliable(true);
        if tokio::time::timeout(every, hints.doubted()).await.is_ok() {
            break;
        }
    }
    Ok(())
}

async fn set_busy_timeout(connection: &mut SqliteConnection, milliseconds: i64) -> Result<(), sqlx::Error> {
    // A pragma takes no parameters; this is a number.
    let pragma = sqlx::AssertSqlSafe(format!("pragma busy_timeout = {milliseconds}"));
    sqlx::query(pragma).execute(connection).await.map(drop)
}

fn options(url: &str) -> Result<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| Error::DatabaseUrl { url: url::redacted(url), message: error.to_string() })?;
    Ok(options.busy_timeout(BUSY_TIMEOUT))
}

fn in_memory(url: &str) -> bool {
    // The last one is the file name that sqlx gives an in-memory database.
    url.contains(":memory:") || url.contains("mode=memory") || url.contains("sqlx-in-memory")
}

fn place(pool: &SqlitePool) -> Place {
    let options = pool.connect_options();
    let file = options.get_filename();
    // An empty name is that of a temporary database.
    if file.as_os_str().is_empty() || in_memory(&file.to_string_lossy()) {
        return Place::Memory;
    }
    Place::File(file.to_owned())
}

/// Whether the address itself asks for the file to be made.
fn creates(url: &str) -> bool {
    url.contains("mode=rwc")
}

/// Whether no database is in the file yet.
fn is_new(file: &Path) -> bool {
    file.metadata().map_or(true, |metadata| metadata.len() == 0)
}

fn failure(error: &sqlx::Error) -> Failure {
    /// The result code of `raise(abort, ...)` in a trigger: novi's own triggers guard references.
    const CONSTRAINT_TRIGGER: i32 = 1811;
    let sqlx::Error::Database(database) = error else { return Failure::common(error) };
    let code = database.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
    // The lower byte is the primary code: 5 busy, 6 locked, 19 constraint, 20 datatype mismatch.
    match (code, code & 0xff) {
        (CONSTRAINT_TRIGGER, _) => Failure::Reference,
        (_, 5 | 6) => Failure::Contention,
        (_, 20) => Failure::Value,
        // SQLite has no code for it.
        (_, 1) if database.message().starts_with("no such table") => Failure::NotMigrated,
        _ => Failure::common(error),
    }
}
