//! MySQL, from version 8, and MariaDB, from version 10.5.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use sqlx::{
    Connection as _, MySql, MySqlConnection, Row as _, Transaction, TypeInfo as _, ValueRef as _,
    migrate::{Migrate as _, MigrateError},
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlPool, MySqlPoolOptions, MySqlRow},
    query::Query,
};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        Author, BoxFuture, Cursor, Edit, Expected, Fingerprint, Hints, Migrated, ReadStore, SchemaStore,
        TABLES, Versioned, WriteStore, constraints as refusal,
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
    (1, "core tables", include_str!("../../../migrations/mysql/0001_core_tables.sql")),
    (2, "flag metadata", include_str!("../../../migrations/mysql/0002_flag_metadata.sql")),
    (3, "revision and history", include_str!("../../../migrations/mysql/0003_revision_and_history.sql")),
    (4, "activation members", include_str!("../../../migrations/mysql/0004_activation_members.sql")),
    (5, "history", include_str!("../../../migrations/mysql/0005_history.sql")),
    (6, "row versions", include_str!("../../../migrations/mysql/0006_row_versions.sql")),
    (7, "usage", include_str!("../../../migrations/mysql/0007_usage.sql")),
    (8, "exposed", include_str!("../../../migrations/mysql/0008_exposed.sql")),
    (9, "tokens", include_str!("../../../migrations/mysql/0009_tokens.sql")),
];

const QUERIES: Queries = Queries {
    revision: "select cast(sum(revision) as signed) from novi_revision",
    cursor: "select cast(slot as signed), revision from novi_revision",
    touched: "select cast(slot as signed), revision, entity, entity_id, operation, \
        case operation when 'update' then `before` end, case operation when 'update' then `after` end \
        from flag_history where slot = ? and revision > ? and revision <= ? order by id limit ?",
    placeholder: "?",
    flags: "select cast(f.id as signed), f.name, cast(f.status as signed), m.flag_id, m.description, m.owner, \
        date_format(m.expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), m.tags, cast(m.override_allowed as signed), \
        cast(m.exposed as signed), m.fail_mode, m.variants, m.default_variant, m.row_version, \
        date_format(m.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(m.updated_at, '%Y-%m-%dT%H:%i:%s.%fZ') \
        from flags f left join flag_metadata m on m.flag_id = f.id",
    activations: "select cast(a.id as signed), a.name, a.class_name, a.config, v.row_version \
        from activations a left join activation_metadata v on v.activation_id = a.id",
    links: "select cast(flag_id as signed), cast(activation_id as signed) from flags_activations l",
    members: "select activation_id, member, cast(denied as signed) from activation_members m",
    has_table: "select count(*) from information_schema.tables where table_schema = database() and table_name = ?",
};

const STATEMENTS: Statements = sql::statements!("?" "?" "?" "?" "?" "?" "?" "?" "?" "?");

/// The revision is raised already.
const SETTLE: Option<&str> = None;

const MISSING_TRIGGERS: &str = "select count(*) from novi_state where name = 'triggers'";

/// What others committed since the transaction first read is in the sum only then.
const REVISION_AFTER_COMMIT: bool = true;

const VERSIONS: Versions = Versions {
    lock: None,
    lock_flag_named: "select cast(id as signed) from flags where name = ? for update",
    lock_flag: "select cast(id as signed) from flags where id = ? for update",
    lock_flag_version: "select row_version from flag_metadata where flag_id = ? for update",
    lock_activation: "select cast(id as signed) from activations where id = ? for update",
    lock_activation_version: "select row_version from activation_metadata where activation_id = ? for update",
    // A plain read sees what was there when the transaction first read; this one what is there.
    present: "for update",
    // Triggers have done it, unless the server refused to make them.
    raise: Some(
        "update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6) \
         where slot = connection_id() % 64 and exists (select 1 from novi_state where name = 'triggers')",
    ),
};

const DATABASE: &str = "the MySQL database of this transaction";

const SESSION: Session = Session {
    signed: "select cast(@novi_actor as char), cast(@novi_reason as char)",
    sign: "set @novi_actor = ?, @novi_reason = ?",
    unsign: Some("set @novi_actor = null, @novi_reason = null"),
    outlives_transaction: true,
};

/// Records that no reader has seen yet are the newest, in the order in which they were written: each has raised the
/// revision by one.
const HISTORY: HistorySql = HistorySql {
    columns: "position, date_format(changed_at, '%Y-%m-%dT%H:%i:%s.%fZ'), actor, reason, entity, `before`, `after`",
    records: "(select known.id, cast(coalesce(known.seen, unseen.position) as signed) as position, changed_at, actor, \
        reason, entity, entity_id, other_id, `before`, `after` \
        from flag_history known left join (select id, \
        (select sum(revision) from novi_revision) + 1 - row_number() over (order by id desc) as position \
        from flag_history where seen is null) unseen on unseen.id = known.id) records",
    until: "changed_at <= ?",
    changed_at: "select date_format(max(changed_at), '%Y-%m-%dT%H:%i:%s.%fZ') from novi_revision",
    missing_triggers: Some(MISSING_TRIGGERS),
    named: "select cast(id as signed) from flags where name = ? \
        union select entity_id from flag_history where entity = 'flags' \
        and (json_unquote(json_extract(`before`, '$.name')) = binary ? \
        or json_unquote(json_extract(`after`, '$.name')) = binary ?)",
};

const DIALECT: Dialect = Dialect::MySql;
/// A statement is prepared once for each connection.
const PERSISTENT: bool = true;

const CONNECTIONS_HANG: bool = true;

/// How long one try waits for the lock of the migrations, in seconds; another try follows.
const LOCK_WAIT: i64 = 20;

/// Rows in a MySQL or MariaDB database.
#[derive(Clone, Debug)]
pub struct MySqlStore {
    pool: MySqlPool,
    name: String,
}

impl MySqlStore {
    /// A store with a pool of its own, as `mysql://user:password@host/database`. Connections are made when they are
    /// needed.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] when the address is wrong, or names no database.
    pub fn connect(url: &str) -> Result<Self> {
        let wrong = |message| Error::DatabaseUrl { url: url::redacted(url), message };
        let options = MySqlConnectOptions::from_str(url).map_err(|error| wrong(error.to_string()))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(wrong(
                "expected the name of a database after the host, as in mysql://host/novi".to_owned(),
            ));
        }
        let pool = MySqlPoolOptions::new()
            .max_connections(sql::POOL_SIZE)
            .acquire_timeout(sql::ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self::from_pool(pool))
    }

    /// Works with a pool that the service has already.
    #[must_use]
    pub fn from_pool(pool: MySqlPool) -> Self {
        let options = pool.connect_options();
        let database = options.get_database().unwrap_or_default();
        let name = format!("mysql://{}:{}/{database}", options.get_host(), options.get_port());
        Self { pool, name }
    }

    /// Writes down that a reader has seen the records of a state, under its revision: slots count by themselves, and this is what
    /// puts records of different slots in the order in which they became visible.
    async fn seen(&self, before: &Cursor, now: &Cursor) {
        if let Err(error) = self.write_seen(before, now).await {
            tracing::debug!("could not note which records have been seen: {error}");
        }
    }

    async fn write_seen(&self, before: &Cursor, now: &Cursor) -> Result<(), sqlx::Error> {
        const UNSEEN: &str = "select id from flag_history where slot = ? and revision > ? and revision <= ? \
            and (seen is null or seen > ?)";
        let seen = now.revision().number();
        let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
        for (slot, before, now) in now.moved_since(before) {
            // Found first, by a read that waits for nobody: an update by slot would wait for a record of another transaction that
            // is not committed yet, and one that does not go by the key might as well.
            let query = sqlx::query_scalar(UNSEEN).bind(slot).bind(before).bind(now).bind(seen);
            let ids: Vec<i64> = query.fetch_all(&mut *connection).await?;
            for among in sql::among("id", ids, "and (seen is null or seen > ?)", "?") {
                let update =
                    format!("update flag_history force index (primary) set seen = ? {}", among.condition);
                let mut query = sqlx::query(sqlx::AssertSqlSafe(update)).bind(seen);
                for id in among.ids {
                    query = query.bind(id);
                }
                query.bind(seen).execute(&mut *connection).await?;
            }
        }
        connection.give_back();
        Ok(())
    }

    /// MySQL tells of nothing; the revision is asked for.
    #[allow(clippy::unused_self, reason = "as that of a database that tells")]
    fn hint(&self, _: Arc<Hints>, _: Duration) -> Option<BoxFuture<'static, ()>> {
        None
    }

    async fn migrate_once(&self) -> Result<Migrated, MigrateError> {
        let mut connection = sql::acquire(&self.pool).await?;
        if found(&mut connection).await? == Found::UpToDate && !lacks_triggers(&mut connection).await? {
            return Ok(Migrated::default());
        }
        // The lock is the connection's: it ends with it, whatever happens here.
        connection.close_on_drop();
        lock(&mut connection).await?;
        if may_make_triggers(&mut connection).await? {
            let mut migrated = run_migrations(&mut connection, sql::migrator(MIGRATIONS)).await?;
            if lacks_triggers(&mut connection).await? {
                make_triggers(&mut connection).await?;
                migrated.applied.push("triggers".to_owned());
            }
            return Ok(migrated);
        }
        let is_trigger = |statement: &str| script::is_trigger(statement, DIALECT);
        let migrator = sql::migrator_without(MIGRATIONS, is_trigger, |text| script::split(text, DIALECT));
        let migrated = run_migrations(&mut connection, migrator).await?;
        sqlx::query("insert ignore into novi_state (name, value) values ('triggers', 'missing')")
            .execute(&mut *connection)
            .await?;
        Ok(Migrated { without_triggers: true, ..migrated })
    }
}

/// Whether a migration has been told that it may not make triggers.
async fn lacks_triggers(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(MISSING_TRIGGERS).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Tries. That needs the right to make triggers, and, where the server writes a binary log, another one or a setting.
async fn may_make_triggers(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql(
        "create table if not exists novi_state (name varchar(64) not null primary key, value varchar(255) not null) \
         engine = InnoDB character set utf8mb4 collate utf8mb4_bin",
    )
    .execute(&mut *connection)
    .await?;
    let tried = sqlx::raw_sql(
        "create trigger novi_trial before insert on novi_state for each row set new.name = new.name; \
         drop trigger novi_trial",
    );
    match tried.execute(&mut *connection).await {
        Ok(_) => Ok(true),
        // The command, the privilege, or the binary log; or the database as a whole.
        Err(error) if matches!(number(&error), 1142 | 1227 | 1419 | 1044) => Ok(false),
        // The process that tried last has died between the two.
        Err(error) if number(&error) == 1359 => {
            sqlx::raw_sql("drop trigger if exists novi_trial").execute(connection).await.map(|_| true)
        }
        Err(error) => Err(error),
    }
}

/// Makes the triggers of all migrations, in their order: later ones replace those before.
async fn make_triggers(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for &(_, _, text) in MIGRATIONS {
        for statement in script::split(text, DIALECT) {
            if script::is_trigger(statement, DIALECT) {
                sqlx::raw_sql(statement).execute(&mut *connection).await?;
            }
        }
    }
    // Without them nobody gave metadata to new flags.
    sqlx::query(
        "insert into flag_metadata (flag_id) select id from flags \
         where not exists (select 1 from flag_metadata known where known.flag_id = flags.id)",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("delete from novi_state where name = 'triggers'").execute(connection).await.map(drop)
}

/// One process at a time migrates a database. Names of locks are the server's, at most 64 characters long.
async fn lock(connection: &mut MySqlConnection) -> Result<(), MigrateError> {
    let taken: Option<i64> =
        sqlx::query_scalar("select cast(get_lock(concat('novi_', left(sha1(database()), 40)), ?) as signed)")
            .bind(LOCK_WAIT)
            .fetch_one(connection)
            .await?;
    if taken == Some(1) {
        return Ok(());
    }
    let other =
        std::io::Error::new(std::io::ErrorKind::TimedOut, "another process is migrating this database");
    Err(MigrateError::Execute(sqlx::Error::Io(other)))
}

async fn begin_session(pool: &MySqlPool) -> Result<sql::Lent<MySql>, sqlx::Error> {
    let mut connection = sql::lend(pool, true).await?;
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *connection).await?;
    // Not as a prepared statement, which the server refuses to make of this.
    sqlx::raw_sql("start transaction with consistent snapshot, read only").execute(&mut *connection).await?;
    Ok(connection)
}

/// TRUNCATE and foreign keys that cascade fire no trigger.
async fn fingerprint(connection: &mut MySqlConnection) -> Result<Option<Fingerprint>, sqlx::Error> {
    let mut counts = [0; 5];
    for (count, table) in counts.iter_mut().zip(TABLES) {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        *count = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    }
    let missing: i64 = sqlx::query_scalar(MISSING_TRIGGERS).fetch_one(&mut *connection).await?;
    let contents = if missing > 0 { Some(contents(connection).await?) } else { None };
    Ok(Some(Fingerprint { counts, contents }))
}

/// A sum over all rows, for a database without triggers.
async fn contents(connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    const SUMS: [&str; 5] = [
        "select cast(coalesce(sum(crc32(concat_ws('|', id, name, status))), 0) as char) from flags",
        "select cast(coalesce(sum(crc32(concat_ws('|', id, name, class_name, coalesce(config, '-')))), 0) as char) \
            from activations",
        "select cast(coalesce(sum(crc32(concat_ws('|', flag_id, activation_id))), 0) as char) from flags_activations",
        "select cast(coalesce(sum(crc32(concat_ws('|', flag_id, coalesce(description, '-'), coalesce(owner, '-'), \
            coalesce(expires_at, '-'), coalesce(tags, '-'), override_allowed, exposed, fail_mode, coalesce(variants, '-'), \
            coalesce(default_variant, '-')))), 0) as char) from flag_metadata",
        "select cast(coalesce(sum(crc32(concat_ws('|', activation_id, member, denied))), 0) as char) \
            from activation_members",
    ];
    let mut sums = Vec::with_capacity(SUMS.len());
    for sql in SUMS {
        let sum: String = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
        sums.push(sum);
    }
    Ok(sums.join(" "))
}

/// All reads of the transaction see one moment, whatever the server's default is.
async fn begin_read(connection: &mut MySqlConnection) -> Result<Transaction<'_, MySql>, sqlx::Error> {
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *connection).await?;
    connection.begin_with("start transaction with consistent snapshot, read only").await
}

async fn begin_write(connection: &mut MySqlConnection) -> Result<Transaction<'_, MySql>, sqlx::Error> {
    connection.begin().await
}

fn bind(query: Query<'_, MySql, MySqlArguments>, value: Value) -> Query<'_, MySql, MySqlArguments> {
    match value {
        Value::Integer(value) => query.bind(value),
        Value::Boolean(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        // `datetime` knows no zone; the columns are UTC.
        Value::Time(value) => query.bind(value.map(|time| time.naive_utc())),
    }
}

fn cell(row: &MySqlRow, index: usize) -> Cell {
    let Ok(value) = row.try_get_raw(index) else { return Cell::Null };
    if value.is_null() {
        return Cell::Null;
    }
    // What a cast to `signed` gives is INT or BIGINT, as the server likes.
    let read = match value.type_info().name() {
        "INT" | "BIGINT" => row.try_get_unchecked(index).map(Cell::Integer),
        "DOUBLE" => row.try_get_unchecked(index).map(Cell::Real),
        _ => row.try_get_unchecked(index).map(Cell::from_bytes),
    };
    read.unwrap_or(Cell::Null)
}

/// The server's number for an error; 0 where it is none of the server's.
fn number(error: &sqlx::Error) -> u16 {
    match error {
        sqlx::Error::Database(database) => {
            database.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number)
        }
        _ => 0,
    }
}

fn failure(error: &sqlx::Error) -> Failure {
    match number(error) {
        // no such table
        1146 => Failure::NotMigrated,
        // too many connections, of the server or of the user
        1040 | 1203 | 1226 => Failure::Busy,
        // out of range, wrong value, too long
        1264 | 1366 | 1406 => Failure::Value,
        _ => Failure::common(error),
    }
}

sql::sql_session!(MySqlStore, MySql, MySqlConnection);
sql::sql_store!(MySqlStore, MySql, MySqlConnection);
sql::sql_history!(MySqlStore, MySql, MySqlConnection);

const USAGE: &str = "select flag, date_format(first_seen, '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(last_evaluated, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(last_on, '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(last_off, '%Y-%m-%dT%H:%i:%s.%fZ'), evaluations from novi_usage order by flag";

const USAGE_SINCE: &str =
    "select date_format(since, '%Y-%m-%dT%H:%i:%s.%fZ') from novi_usage_since where id = 1";

async fn write_usage(pool: &MySqlPool, batch: &[Usage]) -> Result<(), sqlx::Error> {
    let mut upsert = sqlx::QueryBuilder::new(
        "insert into novi_usage (flag, first_seen, last_evaluated, last_on, last_off, evaluations) ",
    );
    upsert.push_values(batch, |mut row, usage| {
        let (on, off) = (usage::count(usage.on), usage::count(usage.off));
        row.push_bind(&usage.flag);
        row.push("utc_timestamp(6), utc_timestamp(6)");
        row.push("if(").push_bind_unseparated(on).push_unseparated(" > 0, utc_timestamp(6), null)");
        row.push("if(").push_bind_unseparated(off).push_unseparated(" > 0, utc_timestamp(6), null)");
        row.push_bind(on.saturating_add(off));
    });
    upsert.push(
        " on duplicate key update last_evaluated = values(last_evaluated), \
            last_on = coalesce(values(last_on), last_on), last_off = coalesce(values(last_off), last_off), \
            evaluations = evaluations + values(evaluations)",
    );
    let mut connection = sql::lend(pool, CONNECTIONS_HANG).await?;
    upsert.build().execute(&mut *connection).await?;
    connection.give_back();
    Ok(())
}

usage::usage_store!(MySqlStore);

const TOKENS: TokenSql = TokenSql {
    changes: "select if(exists (select 1 from novi_state where name = 'triggers'), null, changes) from novi_token_changes \
        where id = 1",
    tokens: "select id, name, role, subject, hash, date_format(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), created_by, \
        date_format(expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(revoked_at, '%Y-%m-%dT%H:%i:%s.%fZ'), \
        date_format(last_used_at, '%Y-%m-%dT%H:%i:%s.%fZ') from novi_tokens order by id",
    insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at, created_at) \
        values (?, ?, ?, ?, ?, ?, utc_timestamp(6))",
    revoke: "update novi_tokens set revoked_at = utc_timestamp(6) where (id = ? or name = ?) and revoked_at is null",
    used: "update novi_tokens set last_used_at = ? where id = ? and (last_used_at is null or last_used_at < ?)",
};

tokens::token_store!(MySqlStore);
