//! PostgreSQL, from version 13.

pub(crate) mod listen;

use std::{str::FromStr as _, sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use sqlx::{
    Connection as _, PgConnection, Postgres, Row as _, Transaction, TypeInfo as _, ValueRef as _,
    migrate::{Migrate as _, MigrateError},
    postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow},
    query::Query,
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
    (1, "core tables", include_str!("../../../../migrations/postgres/0001_core_tables.sql")),
    (2, "flag metadata", include_str!("../../../../migrations/postgres/0002_flag_metadata.sql")),
    (
        3,
        "revision and history",
        include_str!("../../../../migrations/postgres/0003_revision_and_history.sql"),
    ),
    (4, "activation members", include_str!("../../../../migrations/postgres/0004_activation_members.sql")),
    (5, "history", include_str!("../../../../migrations/postgres/0005_history.sql")),
    (6, "row versions", include_str!("../../../../migrations/postgres/0006_row_versions.sql")),
    (7, "usage", include_str!("../../../../migrations/postgres/0007_usage.sql")),
    (8, "exposed", include_str!("../../../../migrations/postgres/0008_exposed.sql")),
    (9, "tokens", include_str!("../../../../migrations/postgres/0009_tokens.sql")),
];

/// Ids and texts are cast: adopted tables have other types than novi's own.
const QUERIES: Queries = Queries {
    revision: "select sum(revision)::bigint from novi_revision",
    cursor: "select slot::bigint, revision from novi_revision",
    touched: "select slot::bigint, revision, entity, entity_id, operation, \
        case operation when 'update' then before end, case operation when 'update' then after end \
        from flag_history where slot = $1 and revision > $2 and revision <= $3 order by id limit $4",
    placeholder: "$1",
    flags: "select f.id::bigint, f.name::text, f.status, m.flag_id, m.description, m.owner, \
        to_char(m.expires_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), m.tags, \
        m.override_allowed, m.exposed, m.fail_mode, m.variants, m.default_variant, m.row_version, \
        to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        to_char(m.updated_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
        from flags f left join flag_metadata m on m.flag_id = f.id",
    activations: "select a.id::bigint, a.name::text, a.class_name::text, a.config::text, v.row_version \
        from activations a left join activation_metadata v on v.activation_id = a.id",
    links: "select flag_id::bigint, activation_id::bigint from flags_activations l",
    members: "select activation_id, member, denied from activation_members m",
    has_table: "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1",
};

const STATEMENTS: Statements = sql::statements!("$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10");

/// The revision is raised at commit; this asks for it a moment earlier, so that it can be told.
const SETTLE: Option<&str> = Some("set constraints novi_bump, novi_commit immediate");

/// The row of the revision is locked from when it is raised until the commit.
const REVISION_AFTER_COMMIT: bool = false;

const VERSIONS: Versions = Versions {
    lock: None,
    lock_flag_named: "select id::bigint from flags where name = $1 for no key update",
    lock_flag: "select id::bigint from flags where id = $1 for no key update",
    lock_flag_version: "select row_version from flag_metadata where flag_id = $1 for update",
    lock_activation: "select id::bigint from activations where id = $1 for no key update",
    lock_activation_version: "select row_version from activation_metadata where activation_id = $1 for update",
    present: "",
    raise: None,
};

const DATABASE: &str = "the PostgreSQL database of this transaction";

const SESSION: Session = Session {
    signed: "select current_setting('novi.actor', true), current_setting('novi.reason', true)",
    sign: "select set_config('novi.actor', coalesce($1, ''), true), set_config('novi.reason', coalesce($2, ''), true)",
    unsign: None,
    outlives_transaction: false,
};

const HISTORY: HistorySql = HistorySql {
    columns: "position, to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        actor, reason, entity, before, after",
    records: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, after \
        from flag_history where revision is not null) records",
    until: "changed_at <= $1",
    changed_at: "select to_char(max(changed_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_revision",
    missing_triggers: None,
    named: "select id::bigint from flags where name = $1 \
        union select entity_id from flag_history where entity = 'flags' \
        and (before::json ->> 'name' = $2 or after::json ->> 'name' = $3)",
};

const DIALECT: Dialect = Dialect::Standard;
/// No statement has a name on the server: a pooler that gives a connection to each transaction (PgBouncer) would have the names of one
/// client on the connections of others. It costs a round trip a statement, and changes are rare.
const PERSISTENT: bool = false;

const CONNECTIONS_HANG: bool = true;

/// Rows in a PostgreSQL database. The tables are made in the first schema of the connection's `search_path`.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    name: String,
}

impl PostgresStore {
    /// A store with a pool of its own, as `postgres://user:password@host/database`. Connections are made when they
    /// are needed.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] when the address is wrong.
    pub fn connect(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| Error::DatabaseUrl { url: url::redacted(url), message: error.to_string() })?;
        let pool = PgPoolOptions::new()
            .max_connections(sql::POOL_SIZE)
            .acquire_timeout(sql::ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self::from_pool(pool))
    }

    /// Works with a pool that the service has already.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        let options = pool.connect_options();
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
        Self { pool, name }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as that of a database that tells of nothing")]
    fn hint(&self, hints: Arc<Hints>, _: Duration) -> Option<BoxFuture<'static, ()>> {
        Some(Box::pin(listen::listen(self.pool.clone(), hints)))
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
        // The lock is the connection's: it ends with it, whatever happens here.
        connection.close_on_drop();
        connection.lock().await?;
        run_migrations(&mut connection, sql::migrator(MIGRATIONS)).await
    }
}

async fn begin_session(pool: &PgPool) -> Result<sql::Lent<Postgres>, sqlx::Error> {
    let mut connection = sql::lend(pool, true).await?;
    sqlx::raw_sql("begin isolation level repeatable read read only").execute(&mut *connection).await?;
    Ok(connection)
}

/// Triggers see every change.
#[allow(clippy::unused_async, reason = "as that of a database whose triggers do not")]
async fn fingerprint(_: &mut PgConnection) -> Result<Option<Fingerprint>, sqlx::Error> {
    Ok(None)
}

async fn begin_read(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    connection.begin_with("begin isolation level repeatable read read only").await
}

async fn begin_write(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    // Under a default of REPEATABLE READ the one row of novi_revision would make concurrent writers fail.
    connection.begin_with("begin isolation level read committed").await
}

fn bind(query: Query<'_, Postgres, PgArguments>, value: Value) -> Query<'_, Postgres, PgArguments> {
    match value {
        Value::Integer(value) => query.bind(value),
        Value::Boolean(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Time(value) => query.bind(value),
    }
}

fn cell(row: &PgRow, index: usize) -> Cell {
    let Ok(value) = row.try_get_raw(index) else { return Cell::Null };
    if value.is_null() {
        return Cell::Null;
    }
    let read = match value.type_info().name() {
        "BOOL" => row.try_get(index).map(|value: bool| Cell::Integer(value.into())),
        "INT8" => row.try_get(index).map(Cell::Integer),
        "INT4" => row.try_get(index).map(|value: i32| Cell::Integer(value.into())),
        "INT2" => row.try_get(index).map(|value: i16| Cell::Integer(value.into())),
        "FLOAT8" => row.try_get(index).map(Cell::Real),
        _ => row.try_get_unchecked(index).map(Cell::from_bytes),
    };
    read.unwrap_or(Cell::Null)
}

fn failure(error: &sqlx::Error) -> Failure {
    let sqlx::Error::Database(database) = error else { return Failure::common(error) };
    match database.code().as_deref() {
        // undefined_table
        Some("42P01") => Failure::NotMigrated,
        // too_many_connections
        Some("53300") => Failure::Busy,
        // restrict_violation, which newer servers give for `on delete restrict`
        Some("23001") => Failure::Reference,
        // too long, out of range, not in the encoding
        Some("22001" | "22003" | "22021") => Failure::Value,
        _ => Failure::common(error),
    }
}

sql::sql_session!(PostgresStore, Postgres, PgConnection);
sql::sql_store!(PostgresStore, Postgres, PgConnection);
sql::sql_history!(PostgresStore, Postgres, PgConnection);

const USAGE: &str = "select flag, to_char(first_seen at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_evaluated at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_on at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_off at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), evaluations \
    from novi_usage order by flag";

const USAGE_SINCE: &str = "select to_char(since at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
    from novi_usage_since where id = 1";

async fn write_usage(pool: &PgPool, batch: &[Usage]) -> Result<(), sqlx::Error> {
    const UPSERT: &str = "insert into novi_usage as known \
            (flag, first_seen, last_evaluated, last_on, last_off, evaluations) \
        select v.flag, now(), now(), case when v.ons > 0 then now() end, case when v.offs > 0 then now() end, \
            v.ons + v.offs \
        from unnest($1::text[], $2::bigint[], $3::bigint[]) as v (flag, ons, offs) order by v.flag collate \"C\" \
        on conflict (flag) do update set last_evaluated = excluded.last_evaluated, \
            last_on = coalesce(excluded.last_on, known.last_on), \
            last_off = coalesce(excluded.last_off, known.last_off), \
            evaluations = known.evaluations + excluded.evaluations";
    let column =
        |of: fn(&Usage) -> u64| -> Vec<i64> { batch.iter().map(|usage| usage::count(of(usage))).collect() };
    let flags: Vec<&str> = batch.iter().map(|usage| usage.flag.as_str()).collect();
    let query =
        sqlx::query(UPSERT).bind(flags).bind(column(|usage| usage.on)).bind(column(|usage| usage.off));
    let mut connection = sql::lend(pool, CONNECTIONS_HANG).await?;
    query.execute(&mut *connection).await?;
    connection.give_back();
    Ok(())
}

usage::usage_store!(PostgresStore);

const TOKENS: TokenSql = TokenSql {
    changes: "select changes from novi_token_changes where id = 1",
    tokens: "select id, name, role, subject, hash, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), created_by, \
        to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), to_char(revoked_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        to_char(last_used_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_tokens order by id",
    insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at) \
        values ($1, $2, $3, $4, $5, $6)",
    revoke: "update novi_tokens set revoked_at = clock_timestamp() where (id = $1 or name = $2) and revoked_at is null",
    used: "update novi_tokens set last_used_at = $1 where id = $2 and (last_used_at is null or last_used_at < $3)",
};

tokens::token_store!(PostgresStore);
