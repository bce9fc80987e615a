//! MySQL, from version 8, and MariaDB, from version 10.5.

use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use sqlx::{
    Connection as _, MySql, MySqlConnection, Row as _, Transaction, TypeInfo as _, ValueRef as _,
    migrate::{Migrate as _, MigrateError},
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlPool, MySqlPoolOptions, MySqlRow},
    query::Query,
};

use super::{
    BoxFuture, Edit, Expected, Migrated, ReadStore, SchemaStore, Versioned, WriteStore, refusal,
    script::{self, Dialect},
    sql::{self, Cell, Failure, Found, Migrations, Queries, Session, Statements, Step, Value, Versions},
    url,
};
use crate::{
    Error, Result,
    rows::{Revision, Rows},
};

const MIGRATIONS: Migrations = &[
    (1, "core tables", include_str!("../../migrations/mysql/0001_core_tables.sql")),
    (2, "flag metadata", include_str!("../../migrations/mysql/0002_flag_metadata.sql")),
    (3, "revision and history", include_str!("../../migrations/mysql/0003_revision_and_history.sql")),
    (4, "activation members", include_str!("../../migrations/mysql/0004_activation_members.sql")),
    (6, "row versions", include_str!("../../migrations/mysql/0006_row_versions.sql")),
];

/// The columns of flags, of these rows.
macro_rules! flags {
    ($rows:literal) => {
        concat!(
            "select cast(f.id as signed), f.name, cast(f.status as signed), m.flag_id, m.description, m.owner, \
        date_format(m.expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), m.tags, cast(m.override_allowed as signed), \
        m.fail_mode, m.variants, m.default_variant, m.row_version, \
        date_format(m.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(m.updated_at, '%Y-%m-%dT%H:%i:%s.%fZ') \
        from flags f left join flag_metadata m on m.flag_id = f.id",
            $rows
        )
    };
}

/// The columns of activations, of these rows.
macro_rules! activations {
    ($rows:literal) => {
        concat!(
            "select cast(a.id as signed), a.name, a.class_name, a.config, m.row_version \
        from activations a left join activation_metadata m on m.activation_id = a.id",
            $rows
        )
    };
}

const QUERIES: Queries = Queries {
    revision: "select cast(sum(revision) as signed) from novi_revision",
    flags: flags!(" order by f.id"),
    activations: activations!(" order by a.id"),
    links: "select cast(flag_id as signed), cast(activation_id as signed) from flags_activations \
        order by flag_id, activation_id",
    members: "select activation_id, member, cast(denied as signed) from activation_members \
        order by activation_id, member",
    has_table: "select count(*) from information_schema.tables where table_schema = database() and table_name = ?",
};

const STATEMENTS: Statements = sql::statements!("?" "?" "?" "?" "?" "?" "?" "?" "?");

/// Row triggers have raised the revision already.
const SETTLE: Option<&str> = None;

const REVISION_AFTER_COMMIT: bool = true;

const VERSIONS: Versions = Versions {
    lock: None,
    lock_flag_named: "select cast(id as signed) from flags where name = ? for update",
    lock_flag: "select cast(id as signed) from flags where id = ? for update",
    lock_flag_version: "select row_version from flag_metadata where flag_id = ? for update",
    lock_activation: "select cast(id as signed) from activations where id = ? for update",
    lock_activation_version: "select row_version from activation_metadata where activation_id = ? for update",
    // A plain read sees what was there when the transaction first read; this one what is there.
    flag: flags!(" where f.id = ? for update"),
    activation: activations!(" where a.id = ? for update"),
    links: "select cast(flag_id as signed), cast(activation_id as signed) from flags_activations where flag_id = ? \
        order by activation_id for update",
};

const SESSION: Session = Session {
    read: "select cast(@novi_actor as char), cast(@novi_reason as char)",
    set: "set @novi_actor = ?, @novi_reason = ?",
    outlives_rollback: true,
};

const DATABASE: &str = "the MySQL database of this transaction";

const DIALECT: Dialect = Dialect::MySql;

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

    async fn migrate_once(&self) -> Result<Migrated, MigrateError> {
        let mut connection = sql::acquire(&self.pool).await?;
        if found(&mut connection).await? == Found::UpToDate {
            return Ok(Migrated::default());
        }
        // The lock is the connection's: it ends with it, whatever happens here.
        connection.close_on_drop();
        lock(&mut connection).await?;
        run_migrations(&mut connection).await
    }
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

fn failure(error: &sqlx::Error) -> Failure {
    let number = match error {
        sqlx::Error::Database(database) => {
            database.try_downcast_ref::<MySqlDatabaseError>().map_or(0, MySqlDatabaseError::number)
        }
        _ => 0,
    };
    match number {
        // no such table
        1146 => Failure::NotMigrated,
        // too many connections, of the server or of the user
        1040 | 1203 | 1226 => Failure::Busy,
        // out of range, wrong value, too long
        1264 | 1366 | 1406 => Failure::Value,
        _ => Failure::common(error),
    }
}

sql::sql_store!(MySqlStore, MySql, MySqlConnection);
