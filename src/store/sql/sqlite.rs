//! SQLite.

use std::{path::Path, str::FromStr as _, sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, Sqlite, SqliteConnection, Transaction, TypeInfo as _,
    ValueRef as _,
    migrate::{Migrate as _, MigrateError},
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow},
};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        Author, BoxFuture, Cursor, Edit, Expected, Fingerprint, Hints, Migrated, ReadStore, SchemaStore,
        Versioned, WriteStore, constraints as refusal,
        history::{AsOf, HistoryQuery, HistoryRecord, HistoryStore, Replay},
        sql::{
            self, Cell, Failure, Found, HistorySql, Migrations, Queries, Session, Statements, Step, Value,
            Versions,
            script::{self, Dialect},
        },
        tokens::{self, NewToken, StoredToken, TokenRow, TokenSql, TokenStore, TokenUse},
        url,
        usage::{self, Usage, UsageReport, UsageStore},
    },
};

const MIGRATIONS: Migrations = &[
    (1, "core tables", include_str!("../../../migrations/sqlite/0001_core_tables.sql")),
    (2, "flag metadata", include_str!("../../../migrations/sqlite/0002_flag_metadata.sql")),
    (3, "revision and history", include_str!("../../../migrations/sqlite/0003_revision_and_history.sql")),
    (4, "activation members", include_str!("../../../migrations/sqlite/0004_activation_members.sql")),
    (5, "history", include_str!("../../../migrations/sqlite/0005_history.sql")),
    (6, "row versions", include_str!("../../../migrations/sqlite/0006_row_versions.sql")),
    (7, "usage", include_str!("../../../migrations/sqlite/0007_usage.sql")),
    (8, "exposed", include_str!("../../../migrations/sqlite/0008_exposed.sql")),
    (9, "tokens", include_str!("../../../migrations/sqlite/0009_tokens.sql")),
];

const QUERIES: Queries = Queries {
    revision: "select sum(revision) from novi_revision",
    cursor: "select slot, revision from novi_revision",
    touched: "select slot, revision, entity, entity_id, operation, \
        case operation when 'update' then before end, case operation when 'update' then after end \
        from flag_history where slot = $1 and revision > $2 and revision <= $3 order by id limit $4",
    placeholder: "$1",
    flags: "select f.id, f.name, f.status, m.flag_id, m.description, m.owner, m.expires_at, m.tags, \
        m.override_allowed, m.exposed, m.fail_mode, m.variants, m.default_variant, m.row_version, m.created_at, m.updated_at \
        from flags f left join flag_metadata m on m.flag_id = f.id",
    activations: "select a.id, a.name, a.class_name, a.config, v.row_version \
        from activations a left join activation_metadata v on v.activation_id = a.id",
    links: "select flag_id, activation_id from flags_activations l",
    members: "select activation_id, member, denied from activation_members m",
    has_table: "select count(*) from sqlite_master where type = 'table' and name = $1",
};

const STATEMENTS: Statements = sql::statements!("$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10");

/// Row triggers have raised the revision already.
const SETTLE: Option<&str> = None;

/// What others committed is told by the sum within the transaction already.
const REVISION_AFTER_COMMIT: bool = false;

const VERSIONS: Versions = Versions {
    lock: Some("update novi_revision set revision = revision where false"),
    lock_flag_named: "select id from flags where name = $1",
    lock_flag: "select id from flags where id = $1",
    lock_flag_version: "select row_version from flag_metadata where flag_id = $1",
    lock_activation: "select id from activations where id = $1",
    lock_activation_version: "select row_version from activation_metadata where activation_id = $1",
    present: "",
    raise: None,
};

const DATABASE: &str = "the SQLite database of this transaction";

const SESSION: Session = Session {
    signed: "select actor, reason from novi_session where id = 1",
    sign: "update novi_session set actor = $1, reason = $2 where id = 1",
    unsign: Some("update novi_session set actor = null, reason = null where id = 1"),
    outlives_transaction: false,
};

const HISTORY: HistorySql = HistorySql {
    columns: "position, changed_at, actor, reason, entity, before, after",
    records: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, after \
        from flag_history where revision is not null) records",
    until: "changed_at <= strftime('%Y-%m-%dT%H:%M:%fZ', $1)",
    changed_at: "select max(changed_at) from novi_revision",
    missing_triggers: None,
    named: "select id from flags where name = $1 \
        union select entity_id from flag_history where entity = 'flags' \
        and (json_extract(before, '$.name') = $2 or json_extract(after, '$.name') = $3)",
};

const DIALECT: Dialect = Dialect::Standard;

/// A statement is prepared once for each connection.
const PERSISTENT: bool = true;

/// A database in memory is gone with its connection. And a file is not at the other end of a network.
const CONNECTIONS_HANG: bool = false;

/// A writer waits this long for another, who holds the file for as long as a transaction takes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Hundreds of processes may start at once and take turns.
const MIGRATE_BUSY_TIMEOUT_MS: i64 = 60_000;

/// Rows in a SQLite file, or in memory.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    name: String,
}

impl SqliteStore {
    /// Opens a file that is there, as `sqlite://novi.db`, or a database in memory, `sqlite::memory:`.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] when the address is wrong or the file is not there, [`Error::Store`] when it can not be
    /// opened.
    pub async fn connect(url: &str) -> Result<Self> {
        let options = options(url)?;
        let file = options.get_filename();
        if !in_memory(url) && !creates(url) && !file.exists() {
            let message = format!(
                "{}{}: run `novi migrate` to make it, or correct the path",
                crate::store::NO_FILE,
                file.display()
            );
            return Err(Error::DatabaseUrl { url: url::redacted(url), message });
        }
        Self::open(url, options).await
    }

    /// As [`connect`](Self::connect), but makes the file where there is none.
    ///
    /// A new file is in WAL mode, in which readers and the writer do not wait for each other. The mode of a file that
    /// is there already is left as it is.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn create(url: &str) -> Result<Self> {
        let options = options(url)?;
        let new = !in_memory(url) && is_new(options.get_filename());
        let store = Self::open(url, options.create_if_missing(true)).await?;
        if new {
            store.write_ahead().await?;
        }
        Ok(store)
    }

    /// Works with a pool that the service has already.
    ///
    /// A pool of databases in memory must have one connection, or each connection has a database of its own.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        let name = format!("sqlite:{}", pool.connect_options().get_filename().display());
        Self { pool, name }
    }

    async fn open(url: &str, options: SqliteConnectOptions) -> Result<Self> {
        let (name, pool) = if in_memory(url) {
            // The database lives as long as its one connection does.
            let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1);
            ("sqlite::memory:".to_owned(), pool.idle_timeout(None).max_lifetime(None))
        } else {
            let name = format!("sqlite:{}", options.get_filename().display());
            (name, SqlitePoolOptions::new().max_connections(sql::POOL_SIZE))
        };
        let pool = pool.acquire_timeout(sql::ACQUIRE_TIMEOUT).connect_with(options).await;
        let pool = pool.map_err(|error| Error::store(&name, "could not open the database", error))?;
        Ok(Self { pool, name })
    }

    /// Sets WAL mode. SQLite does not wait for its turn here, and many processes may make the file at once.
    async fn write_ahead(&self) -> Result<()> {
        let deadline = sql::deadline();
        let mut tries = 0;
        loop {
            match sqlx::query("pragma journal_mode = wal").execute(&self.pool).await {
                Err(error) if failure(&error) == Failure::Busy && std::time::Instant::now() < deadline => {
                    sql::pause(tries).await;
                    tries += 1;
                }
                Err(error) => return Err(self.failed("could not set the journal mode", error)),
                Ok(_) => return Ok(()),
            }
        }
    }

    /// Asks a connection of its own for the file's version, which changes with each commit of any other connection, in this
    /// process or elsewhere. That reads a few bytes of memory that all have in common, and no table.
    fn hint(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let options = (*self.pool.connect_options()).clone();
        let file = options.get_filename().to_string_lossy();
        // Of a database in memory another connection has another one.
        if file.is_empty() || in_memory(&file) || in_memory(&self.name) {
            return None;
        }
        // Told in the log so often, it would hide all else.
        let options = options.create_if_missing(false).disable_statement_logging();
        Some(Box::pin(async move {
            loop {
                // What fails here is told by whoever reads the rows.
                if let Err(error) = ask_for_version(&options, &hints, every).await {
                    tracing::debug!("{error}");
                }
                hints.set_reliable(false);
                hints.hint();
                tokio::time::sleep(every.max(Duration::from_secs(1))).await;
            }
        }))
    }

    /// Revisions are in the order of commits.
    #[allow(
        clippy::unused_async,
        clippy::unused_self,
        reason = "as that of a database with several counters"
    )]
    async fn seen(&self, _: &Cursor, _: &Cursor) {}

    async fn migrate_once(&self) -> Result<Migrated, MigrateError> {
        let mut connection = sql::acquire(&self.pool).await?;
        if found(&mut connection).await? == Found::UpToDate {
            return Ok(Migrated::default());
        }
        let before: i64 = sqlx::query_scalar("pragma busy_timeout").fetch_one(&mut *connection).await?;
        set_busy_timeout(&mut connection, MIGRATE_BUSY_TIMEOUT_MS).await?;
        let done = migrate_in_turn(&mut connection).await;
        set_busy_timeout(&mut connection, before).await?;
        done
    }
}

async fn ask_for_version(
    options: &SqliteConnectOptions,
    hints: &Hints,
    every: Duration,
) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    let mut last: Option<i64> = None;
    loop {
        let version = sqlx::query_scalar("pragma data_version").fetch_one(&mut connection).await?;
        if last.replace(version) != Some(version) {
            // Before the first version there may have been a change that it already counts.
            hints.hint();
        }
        hints.set_reliable(true);
        if tokio::time::timeout(every, hints.doubted()).await.is_ok() {
            // A file that was put in the place of this one is found under the name only.
            return Ok(());
        }
    }
}

/// SQLite's own lock is the lock, and the transaction makes all migrations one step: those of sqlx become savepoints.
async fn migrate_in_turn(connection: &mut SqliteConnection) -> Result<Migrated, MigrateError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let migrated = run_migrations(&mut transaction, sql::migrator(MIGRATIONS)).await?;
    transaction.commit().await?;
    Ok(migrated)
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
    // The last one is the file name that sqlx gives such a database.
    url.contains(":memory:") || url.contains("mode=memory") || url.contains("sqlx-in-memory")
}

/// Whether the address itself asks for the file to be made.
fn creates(url: &str) -> bool {
    url.contains("mode=rwc")
}

/// Whether no database is in the file yet.
fn is_new(file: &Path) -> bool {
    file.metadata().map_or(true, |metadata| metadata.len() == 0)
}

async fn begin_session(pool: &SqlitePool) -> Result<sql::Lent<Sqlite>, sqlx::Error> {
    // With the one connection to a database in memory the database would be closed.
    let in_memory = in_memory(&pool.connect_options().get_filename().to_string_lossy());
    let mut connection = sql::lend(pool, !in_memory).await?;
    if let Err(error) = sqlx::query("begin").execute(&mut *connection).await {
        if !in_memory {
            return Err(error);
        }
        // It may be in a transaction that somebody gave up.
        sqlx::query("rollback").execute(&mut *connection).await?;
        sqlx::query("begin").execute(&mut *connection).await?;
    }
    Ok(connection)
}

/// Triggers see every change.
#[allow(clippy::unused_async, reason = "as that of a database whose triggers do not")]
async fn fingerprint(_: &mut SqliteConnection) -> Result<Option<Fingerprint>, sqlx::Error> {
    Ok(None)
}

async fn begin_read(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    connection.begin().await
}

/// Takes the write lock at once: a transaction that has read can not wait for it.
async fn begin_write(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    connection.begin_with("BEGIN IMMEDIATE").await
}

fn bind(query: Query<'_, Sqlite, SqliteArguments>, value: Value) -> Query<'_, Sqlite, SqliteArguments> {
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

fn failure(error: &sqlx::Error) -> Failure {
    /// The result code of `raise(abort, ...)` in a trigger: novi's own triggers guard references.
    const CONSTRAINT_TRIGGER: i32 = 1811;
    let sqlx::Error::Database(database) = error else { return Failure::common(error) };
    let code = database.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
    // The lower byte is the primary code: 5 busy, 6 locked, 19 constraint, 20 datatype mismatch.
    match (code, code & 0xff) {
        (CONSTRAINT_TRIGGER, _) => Failure::Reference,
        (_, 5 | 6) => Failure::Busy,
        (_, 20) => Failure::Value,
        // SQLite has no code for it.
        (_, 1) if database.message().starts_with("no such table") => Failure::NotMigrated,
        _ => Failure::common(error),
    }
}

sql::sql_session!(SqliteStore, Sqlite, SqliteConnection);
sql::sql_store!(SqliteStore, Sqlite, SqliteConnection);
sql::sql_history!(SqliteStore, Sqlite, SqliteConnection);

const USAGE: &str =
    "select flag, first_seen, last_evaluated, last_on, last_off, evaluations from novi_usage order by flag";

const USAGE_SINCE: &str = "select since from novi_usage_since where id = 1";

async fn write_usage(pool: &SqlitePool, batch: &[Usage]) -> Result<(), sqlx::Error> {
    const UPSERT: &str = "insert into novi_usage (flag, first_seen, last_evaluated, last_on, last_off, evaluations) \
        select value ->> 0, t, t, iif(value ->> 1 > 0, t, null), iif(value ->> 2 > 0, t, null), \
            (value ->> 1) + (value ->> 2) \
        from json_each($1), (select strftime('%Y-%m-%dT%H:%M:%fZ', 'now') t) where true \
        on conflict (flag) do update set last_evaluated = excluded.last_evaluated, \
            last_on = coalesce(excluded.last_on, last_on), last_off = coalesce(excluded.last_off, last_off), \
            evaluations = evaluations + excluded.evaluations";
    let rows = batch.iter().map(|usage| json!([usage.flag, usage::count(usage.on), usage::count(usage.off)]));
    let rows = rows.collect::<serde_json::Value>().to_string();
    let mut connection = sql::lend(pool, CONNECTIONS_HANG).await?;
    sqlx::query(UPSERT).bind(rows).execute(&mut *connection).await?;
    connection.give_back();
    Ok(())
}

usage::usage_store!(SqliteStore);

const TOKENS: TokenSql = TokenSql {
    changes: "select changes from novi_token_changes where id = 1",
    tokens: "select id, name, role, subject, hash, created_at, created_by, \
        expires_at, revoked_at, \
        last_used_at from novi_tokens order by id",
    insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at) \
        values ($1, $2, $3, $4, $5, $6)",
    revoke: "update novi_tokens set revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') where (id = $1 or name = $2) and revoked_at is null",
    used: "update novi_tokens set last_used_at = $1 where id = $2 and (last_used_at is null or julianday(last_used_at) < julianday($3))",
};

tokens::token_store!(SqliteStore);
