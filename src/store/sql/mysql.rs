//! MySQL, from version 8, and MariaDB, from version 10.5.

use std::str::FromStr as _;

use sqlx::{
    MySql, MySqlConnection, Row as _, TypeInfo as _, ValueRef as _,
    migrate::MigrateError,
    mysql::{
        MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlPool, MySqlPoolOptions,
        MySqlQueryResult, MySqlRow,
    },
    query::Query,
};

use crate::{
    error::{Error, Result},
    store::{
        decode::Cell,
        delta::Cursor,
        future::BoxFuture,
        schema::Migrated,
        sql::{
            connection::{Connection, EachRow, Named, Statement, Transaction, Value},
            dialect::{
                AssignmentsSql, Dialect, EvaluationsSql, Failure, HistorySql, Migrations, ReadSql, RowsSql,
                TokenSql, UsageSql, WriteSql,
            },
            driver::{self, Driver},
            galera, inspect, migrate,
            pool::{ACQUIRE_TIMEOUT, Connections, POOL_SIZE, Place},
            read::{IdFilter, has_table},
            script::{self, Syntax},
            store::SqlStore,
        },
        table_prefix, url,
    },
};

const MIGRATIONS: Migrations = &[
    (1, "tables", include_str!("../../../migrations/mysql/0001_novi.sql")),
    (2, "evaluations by hour", include_str!("../../../migrations/mysql/0002_evaluations.sql")),
    (3, "assignments", include_str!("../../../migrations/mysql/0003_assignments.sql")),
];

/// Records that no reader has seen yet are the newest, in the order in which they were written: each has
/// raised the revision by one. The revision of a transaction's own reads lacks what others have committed
/// since, so that it is read again after the commit. Triggers raise it, unless the server refused to make
/// them.
static DIALECT: Dialect = Dialect {
    syntax: Syntax::MySql,
    migrations: MIGRATIONS,
    of_transaction: "the MySQL database of this transaction",
    failure,
    numbers_parameters: false,
    keeps_statements: true,
    before_read: Some("set transaction isolation level repeatable read"),
    begin_read: Some("start transaction with consistent snapshot, read only"),
    begin_write: None,
    missing_triggers: Some(MISSING_TRIGGERS),
    searched: "",
    own_place: "use a database of its own for novi",
    read: ReadSql {
        revision: "select cast(sum(revision) as signed), cast(bit_xor(stamp) as signed) from novi_revision",
        cursor: "select cast(slot as signed), revision, stamp from novi_revision",
        changes: "select cast(slot as signed), revision, entity, entity_id, operation, \
        case operation when 'update' then `before` end, case operation when 'update' then `after` end, follows \
        from flag_history where slot = ? and revision > ? and revision <= ? order by id limit ?",
        flags: "select cast(f.id as signed), f.name, cast(f.status as signed), m.flag_id, m.description, m.owner, \
        date_format(m.expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), m.tags, cast(m.override_allowed as signed), \
        cast(m.exposed as signed), m.fail_mode, m.variants, m.value_type, m.default_variant, m.off_variant, m.metadata, m.row_version, \
        date_format(m.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(m.updated_at, '%Y-%m-%dT%H:%i:%s.%fZ') \
        from flags f left join flag_metadata m on m.flag_id = f.id",
        activations: "select cast(a.id as signed), a.name, a.class_name, a.config, v.row_version \
        from activations a left join activation_metadata v on v.activation_id = a.id",
        links: "select cast(flag_id as signed), cast(activation_id as signed) from flags_activations l",
        members: "select activation_id, member, cast(denied as signed) from activation_members m",
        has_table: "select count(*) from information_schema.tables where table_schema = database() and table_name = ?",
        columns: "select table_name, column_name, data_type from information_schema.columns where table_schema = database()",
        views: "select table_name from information_schema.views where table_schema = database()",
        objects: OBJECTS,
        other_place: None,
        prints_triggers: false,
        may_read_migrations: None,
        slots: 64,
        hides_objects: true,
        counts_rows: true,
        definers: Some(
            "select count(*) from information_schema.triggers t where trigger_schema = database() and trigger_name like 'novi\\_%' \
         and not exists (select 1 from mysql.user u where binary concat(u.user, '@', u.host) = binary t.definer)",
        ),
        sequences: None,
        checksums: Some(CHECKSUMS),
    },
    write: WriteSql {
        lock: None,
        lock_row: " for update",
        lock_metadata: " for update",
        current: " for update",
        raise: Some(
            "update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6), \
         stamp = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed) \
         where slot = connection_id() % 64 and exists (select 1 from novi_state where name = 'triggers')",
        ),
        restamp: "update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6), \
        stamp = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed) where slot = 0",
        client_begin: "",
        client_end: "",
        migrations_table: "create table if not exists novi_migrations (\n  version bigint primary key,\n  description text not null,\n  \
        installed_on timestamp not null default current_timestamp,\n  success boolean not null,\n  checksum blob not null,\n  \
        execution_time bigint not null\n);",
        bytes: "x'?'",
        place: "select null",
        settle: None,
        unsettle: None,
        revision_after_commit: true,
        signature: "select cast(@novi_actor as char), cast(@novi_reason as char)",
        sign: "set @novi_actor = ?, @novi_reason = ?",
        unsign: Some("set @novi_actor = null, @novi_reason = null"),
        signature_outlives_transaction: true,
    },
    history: HistorySql {
        columns: "position, date_format(changed_at, '%Y-%m-%dT%H:%i:%s.%fZ'), actor, reason, entity, `before`, `after`",
        records: "(select known.id, cast(coalesce(known.seen, unseen.position) as signed) as position, changed_at, actor, \
        reason, entity, entity_id, other_id, `before`, `after` \
        from flag_history known left join (select id, \
        (select sum(revision) from novi_revision) + 1 - row_number() over (order by id desc) as position \
        from flag_history where seen is null) unseen on unseen.id = known.id) records",
        // Few records are unseen, and hardly ever for long.
        records_above: "(select known.id, cast(coalesce(known.seen, unseen.position) as signed) as position, changed_at, \
        actor, reason, entity, entity_id, other_id, `before`, `after` \
        from flag_history known left join (select id, \
        (select sum(revision) from novi_revision) + 1 - row_number() over (order by id desc) as position \
        from flag_history where seen is null) unseen on unseen.id = known.id \
        where known.seen > $above or known.seen is null) records",
        until: "changed_at <= ?",
        since: "changed_at >= ?",
        containing: "lower(concat_ws(' ', actor, reason, `before`, `after`)) like lower(?) escape '!'",
        backdate: "update flag_history set changed_at = ?, \
        seen = (select cast(sum(revision) as signed) from novi_revision) where id > ?",
        changed_at: "select date_format(max(changed_at), '%Y-%m-%dT%H:%i:%s.%fZ') from novi_revision",
        now: "select date_format(utc_timestamp(6), '%Y-%m-%dT%H:%i:%s.%fZ')",
        named: "select cast(id as signed), null from flags where name = ? \
        union all select entity_id, id from flag_history where entity = 'flags' and operation <> 'insert' \
        and (json_unquote(json_extract(`before`, '$.name')) = binary ? \
        or json_unquote(json_extract(`after`, '$.name')) = binary ?)",
    },
    usage: UsageSql {
        select: "select flag, date_format(first_seen, '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(last_evaluated, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(last_on, '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(last_off, '%Y-%m-%dT%H:%i:%s.%fZ'), evaluations from novi_usage",
        since: "select date_format(since, '%Y-%m-%dT%H:%i:%s.%fZ') from novi_usage_since where id = 1",
        row: USAGE_ROW,
        on_conflict: USAGE_CONFLICT,
        evaluations: EVALUATIONS,
    },
    assignments: ASSIGNMENTS,
    tokens: TokenSql {
        changes: "select if(exists (select 1 from novi_state where name = 'triggers'), null, changes) from novi_token_changes \
        where id = 1",
        select: "select id, name, role, subject, hash, date_format(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), created_by, \
        date_format(expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), date_format(revoked_at, '%Y-%m-%dT%H:%i:%s.%fZ'), \
        date_format(replaced_at, '%Y-%m-%dT%H:%i:%s.%fZ'), \
        date_format(last_used_at, '%Y-%m-%dT%H:%i:%s.%fZ') from novi_tokens order by id",
        insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at, created_at) \
        values (?, ?, ?, ?, ?, ?, utc_timestamp(6))",
        revoke: "update novi_tokens set revoked_at = utc_timestamp(6) where (id = ? or name = ?) and revoked_at is null",
        used: "update novi_tokens set last_used_at = ? where id = ? and (last_used_at is null or last_used_at < ?)",
    },
};

/// Without autocommit, a statement outside of a transaction would begin one that nobody ends: the server's
/// default or `init_connect` may turn it off.
const SETUP: &str = "set autocommit = 1";

const OBJECTS: &str = "select 'table', table_name, null, null, null, null from information_schema.tables \
    where table_schema = database() \
    union all select 'trigger', trigger_name, null, event_object_table, \
    concat('create trigger ', trigger_name, ' ', action_timing, ' ', event_manipulation, ' on ', event_object_table, \
    ' for each row ', action_statement), cast(unix_timestamp(created) as char) \
    from information_schema.triggers where trigger_schema = database() \
    union all select 'right', privilege_type, null, null, null, null from information_schema.user_privileges \
    union all select 'right', privilege_type, null, null, null, null from information_schema.schema_privileges \
    where database() like table_schema";

const MISSING_TRIGGERS: &str = "select count(*) from novi_state where name = 'triggers'";

/// TRUNCATE and foreign keys that cascade fire no trigger.
const CHECKSUMS: [&str; 5] = [
    "select cast(coalesce(sum(crc32(concat_ws('|', id, name, status))), 0) as char) from flags",
    "select cast(coalesce(sum(crc32(concat_ws('|', id, name, class_name, coalesce(config, '-')))), 0) as char) \
        from activations",
    "select cast(coalesce(sum(crc32(concat_ws('|', flag_id, activation_id))), 0) as char) from flags_activations",
    "select cast(coalesce(sum(crc32(concat_ws('|', flag_id, coalesce(description, '-'), coalesce(owner, '-'), \
        coalesce(expires_at, '-'), coalesce(tags, '-'), override_allowed, exposed, fail_mode, coalesce(variants, '-'), \
        coalesce(value_type, '-'), coalesce(default_variant, '-'), coalesce(off_variant, '-'), coalesce(metadata, '-')))), 0) as char) from flag_metadata",
    "select cast(coalesce(sum(crc32(concat_ws('|', activation_id, member, denied))), 0) as char) \
        from activation_members",
];

const ASSIGNMENTS: AssignmentsSql = AssignmentsSql {
    select: "select id, experiment, unit, variant, revision, date_format(assigned_at, '%Y-%m-%dT%H:%i:%s.%fZ') from novi_assignments",
    counts: "select variant, count(*), date_format(min(assigned_at), '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(max(assigned_at), '%Y-%m-%dT%H:%i:%s.%fZ') from novi_assignments",
    rows: RowsSql::Each("(?, ?, ?, ?, ?)"),
    on_conflict: "on duplicate key update id = id",
    forget: "delete from novi_assignments where experiment = ? limit ?",
    now: "utc_timestamp(6)",
};

const EVALUATIONS: EvaluationsSql = EvaluationsSql {
    select: "select flag, date_format(hour, '%Y-%m-%dT%H:%i:%sZ'), cast(enabled as signed), variant, evaluations from novi_evaluations",
    on_conflict: "on duplicate key update evaluations = evaluations + values(evaluations)",
    prune: "delete from novi_evaluations where hour < ? limit ?",
};

const USAGE_ROW: &str = "(?, utc_timestamp(6), utc_timestamp(6), if(? > 0, utc_timestamp(6), null), \
    if(? > 0, utc_timestamp(6), null), ?)";

const USAGE_CONFLICT: &str = "on duplicate key update last_evaluated = values(last_evaluated), \
    last_on = coalesce(values(last_on), last_on), last_off = coalesce(values(last_off), last_off), \
    evaluations = evaluations + values(evaluations)";

/// What migrations note, before the first of them.
const STATE: &str = "create table if not exists novi_state (name varchar(64) not null primary key, value varchar(255) not null) \
     engine = InnoDB character set utf8mb4 collate utf8mb4_bin";

/// How long one try waits for the lock of the migrations, in seconds; another try follows.
const LOCK_WAIT: i64 = 20;

/// Rows in a MySQL or MariaDB database.
pub type MySqlStore = SqlStore<MySql>;

impl SqlStore<MySql> {
    /// A store with a pool of its own, as `mysql://user:password@host/database`. Connections are made when
    /// they are needed.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] when the address is wrong, or names no database.
    pub fn connect(url: &str) -> Result<Self> {
        let (url, table_prefix) = &table_prefix::take(url)?;
        let wrong = |message| Error::DatabaseUrl { url: url::redacted(url), message };
        let options = MySqlConnectOptions::from_str(url).map_err(|error| wrong(error.to_string()))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(wrong(
                "expected the name of a database after the host, as in mysql://host/novi".to_owned(),
            ));
        }
        let options = match url::ipv6_host(options.get_host()) {
            Some(host) => options.clone().host(host),
            None => options,
        };
        let pool = MySqlPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(SETUP).execute(connection).await.map(drop) })
            })
            .connect_lazy_with(options);
        Self::with(Connections::new(pool, &Place::Server)).with_table_prefix(table_prefix)
    }

    /// Uses a pool of the service. The connections that novi uses get `autocommit = 1`.
    #[must_use]
    pub fn from_pool(pool: MySqlPool) -> Self {
        Self::with(Connections::with_setup(pool, SETUP))
    }

    fn with(connections: Connections<MySql>) -> Self {
        let options = connections.pool.connect_options();
        let database = options.get_database().unwrap_or_default();
        let name = format!("mysql://{}:{}/{database}", options.get_host(), options.get_port());
        Self::new(connections, name)
    }
}

impl Driver for MySql {
    const DIALECT: &'static Dialect = &DIALECT;

    const MARKS_SEEN: bool = true;

    fn bind(query: Query<'_, Self, MySqlArguments>, value: Value) -> Query<'_, Self, MySqlArguments> {
        match value {
            Value::Integer(value) => query.bind(value),
            Value::Boolean(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            // `datetime` has no zone; the columns are UTC.
            Value::Time(value) => query.bind(value.map(|time| time.naive_utc())),
        }
    }

    fn cell(row: &MySqlRow, index: usize) -> Cell {
        let Ok(value) = row.try_get_raw(index) else { return Cell::Null };
        if value.is_null() {
            return Cell::Null;
        }
        // A cast to `signed` returns INT or BIGINT, as the server likes.
        let read = match value.type_info().name() {
            "INT" | "BIGINT" => row.try_get_unchecked(index).map(Cell::Integer),
            "DOUBLE" => row.try_get_unchecked(index).map(Cell::Real),
            _ => row.try_get_unchecked(index).map(Cell::from_bytes),
        };
        read.unwrap_or(Cell::Null)
    }

    fn changed(result: &MySqlQueryResult) -> u64 {
        result.rows_affected()
    }

    fn mark_seen<'a>(
        connection: &'a mut (dyn Connection + 'a),
        before: &'a Cursor,
        now: &'a Cursor,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(mark_seen(connection, before, now))
    }

    fn problem_of_triggers<'a>(
        connection: &'a mut (dyn Connection + 'a),
    ) -> BoxFuture<'a, Result<Option<String>, sqlx::Error>> {
        Box::pin(problem_of_definer(connection))
    }

    fn migrate(connections: &Connections<Self>) -> BoxFuture<'_, Result<Migrated, MigrateError>> {
        Box::pin(migrate_once(connections))
    }
}

driver::connection!(MySql, MySqlConnection);

async fn migrate_once(connections: &Connections<MySql>) -> Result<Migrated, MigrateError> {
    let mut lease = connections.lease().await?;
    if migrate::is_done::<MySql>(&mut lease.typed()).await?
        && problem_of_definer(lease.connection()).await?.is_none()
    {
        lease.give_back();
        return Ok(Migrated::default());
    }
    // The lock is the connection's: it ends with it, whatever happens here.
    lock(lease.connection()).await?;
    migrate::check_foreign::<MySql>(&mut lease.typed()).await?;
    // Not in vain: DDL interrupts what other nodes of a Galera cluster do with the table.
    if !has_table(lease.connection(), "novi_state").await? {
        lease.connection().execute(Statement::unprepared(STATE)).await?;
    }
    let node = galera::lock(lease.connection()).await?;
    let migrated = migrate_alone(&mut lease.typed()).await;
    let Some(node) = node else { return migrated };
    galera::unlock(lease.connection(), &node).await;
    migrated.map_err(galera::busy_if_interrupted)
}

/// Migrates while no other process does.
async fn migrate_alone(connection: &mut Named<&mut MySqlConnection>) -> Result<Migrated, MigrateError> {
    let (makes_triggers, makes_views) =
        (may_make_triggers(connection).await?, may_make_views(connection).await?);
    let is_left_out = |statement: &str| {
        !makes_triggers && script::is_about(statement, "trigger", DIALECT.syntax)
            || !makes_views && script::is_about(statement, "view", DIALECT.syntax)
    };
    let split = |text| script::split(text, DIALECT.syntax);
    let migrator = migrate::migrator_without(MIGRATIONS, &connection.names, is_left_out, split);
    if makes_triggers {
        let lost = problem_of_definer(connection).await?;
        if lost.is_some() {
            drop_triggers(connection).await?;
        }
        let mut migrated = migrate::run::<MySql>(connection, migrator, true).await?;
        if let Some(lost) = lost {
            // Those that were dropped for it.
            let is_dropped =
                |problem: &str| problem.starts_with("the trigger ") && problem.ends_with(" is missing");
            migrated.repaired.retain(|problem| !is_dropped(problem));
            migrated.repaired.push(lost);
        }
        execute(connection, "delete from novi_state where name = 'triggers'").await?;
        migrated.problems.retain(|problem| problem != inspect::REFUSED);
        return Ok(migrated);
    }
    let migrated = migrate::run::<MySql>(connection, migrator, false).await?;
    execute(connection, "insert ignore into novi_state (name, value) values ('triggers', 'missing')").await?;
    Ok(Migrated { without_triggers: true, ..migrated })
}

/// Runs a statement as text: the server does not prepare all of these.
async fn execute(connection: &mut dyn Connection, sql: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(Statement::unprepared(sql)).await.map(drop)
}

/// What is wrong with the user that the triggers run as: it is gone, or has lost its rights. Not everybody may
/// read the users and their rights, so this tries, and takes it back.
async fn problem_of_definer(connection: &mut dyn Connection) -> Result<Option<String>, sqlx::Error> {
    const LOCK_TIMEOUT: &str = "select cast(@@session.innodb_lock_wait_timeout as signed)";
    const DEFAULT_LOCK_TIMEOUT: i64 = 50;
    const NO_SUCH_USER: u16 = 1449;
    const NO_RIGHTS: [u16; 3] = [1142, 1143, 1227];
    const TRIAL: &str = "insert into flag_history (slot, changed_at, entity, operation) \
        values (0, utc_timestamp(6), 'flags', 'update')";
    // The user's own right.
    const OWN: &str = "insert into flag_history (slot, changed_at, entity, operation) \
        select 0, utc_timestamp(6), 'flags', 'update' from flag_history where false";
    if !has_table(connection, "flag_history").await? || !has_table(connection, "novi_revision").await? {
        return Ok(None);
    }
    // Somebody may hold the counter of this connection for as long as a transaction takes.
    let patience = connection.integer(Statement::new(LOCK_TIMEOUT)).await?.unwrap_or(DEFAULT_LOCK_TIMEOUT);
    set_lock_timeout(connection, 1).await?;
    let mut transaction = connection.begin(None).await?;
    let may = execute(transaction.connection(), OWN).await.is_ok();
    let tried = execute(transaction.connection(), TRIAL).await;
    transaction.rollback().await?;
    set_lock_timeout(connection, patience).await?;
    // Without the right to write nothing is known.
    Ok(match tried {
        Err(error) if may && number(&error) == NO_SUCH_USER => Some(inspect::NO_DEFINER.to_owned()),
        Err(error) if may && NO_RIGHTS.contains(&number(&error)) => {
            Some(inspect::DEFINER_WITHOUT_RIGHTS.to_owned())
        }
        Ok(()) | Err(_) => None,
    })
}

async fn set_lock_timeout(connection: &mut dyn Connection, seconds: i64) -> Result<(), sqlx::Error> {
    let set = format!("set session innodb_lock_wait_timeout = {seconds}");
    connection.execute(Statement::unprepared(set)).await.map(drop)
}

/// Those that run as a user that is gone are missing then, and are made again.
async fn drop_triggers(connection: &mut dyn Connection) -> Result<(), sqlx::Error> {
    for &(_, _, text) in MIGRATIONS {
        for statement in script::split(text, DIALECT.syntax) {
            if script::is_about(statement, "trigger", DIALECT.syntax)
                && statement.contains("drop trigger if exists ")
            {
                execute(connection, statement).await?;
            }
        }
    }
    Ok(())
}

/// Tries. That needs the right to make triggers, and, where the server writes a binary log, another one or a
/// setting.
async fn may_make_triggers(connection: &mut dyn Connection) -> Result<bool, sqlx::Error> {
    const TRIAL: &str = "create trigger novi_trial before insert on novi_state for each row set new.name = new.name; \
        drop trigger novi_trial";
    match execute(connection, TRIAL).await {
        Ok(()) => Ok(true),
        // The command, the privilege, or the binary log; or the database as a whole.
        Err(error) if matches!(number(&error), 1142 | 1227 | 1419 | 1044) => Ok(false),
        // The process that tried last has died between the two.
        Err(error) if number(&error) == 1359 => {
            execute(connection, "drop trigger if exists novi_trial").await.map(|()| true)
        }
        Err(error) => Err(error),
    }
}

/// Whether this user may make views: `novi_overview` is left out otherwise.
async fn may_make_views(connection: &mut dyn Connection) -> Result<bool, sqlx::Error> {
    const TRIAL: &str = "create or replace view novi_trial as select 1 as one; drop view novi_trial";
    match execute(connection, TRIAL).await {
        Ok(()) => Ok(true),
        Err(error) if matches!(number(&error), 1142 | 1044) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One process at a time migrates a database. Names of locks are the server's, at most 64 characters long.
async fn lock(connection: &mut dyn Connection) -> Result<(), MigrateError> {
    const LOCK: &str = "select cast(get_lock(concat('novi_', left(sha2(database(), 256), 40)), ?) as signed)";
    if connection.integer(Statement::new(LOCK).bind(LOCK_WAIT)).await? == Some(1) {
        return Ok(());
    }
    let other =
        std::io::Error::new(std::io::ErrorKind::TimedOut, "another process is migrating this database");
    Err(MigrateError::Execute(sqlx::Error::Io(other)))
}

/// Notes that a reader has seen the records of a state, under its revision: slots count independently, and
/// this is what puts records of different slots in the order in which they became visible.
async fn mark_seen(
    connection: &mut dyn Connection,
    before: &Cursor,
    now: &Cursor,
) -> Result<(), sqlx::Error> {
    const UNSEEN: &str = "select id from flag_history where slot = ? and revision > ? and revision <= ? \
        and (seen is null or seen > ?)";
    let seen = now.revision().number();
    for (slot, before, now) in now.moved_since(before) {
        // Found first, by a read that waits for nobody: an update by slot, or any that does not go by the
        // key, would wait for the uncommitted record of another transaction.
        let ids = connection
            .integers(Statement::new(UNSEEN).bind_all([slot, before.number(), now.number(), seen]))
            .await?;
        for filter in IdFilter::chunks("id", ids, "and (seen is null or seen > ?)") {
            let update =
                format!("update flag_history force index (primary) set seen = ? {}", filter.condition);
            let update = Statement::new(update).bind(seen).bind_all(filter.ids).bind(seen);
            connection.execute(update).await?;
        }
    }
    Ok(())
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
        // unknown database
        1049 => Failure::NoDatabase,
        // too many connections, of the server or of the user; a Galera node without a majority or still
        // joining
        1040 | 1203 | 1226 | 1047 => Failure::Busy,
        // lock wait timeout, deadlock (also with a commit of another Galera node), changed since it was read
        1205 | 1213 | 1020 => Failure::Contention,
        // out of range, wrong value, too long
        1264 | 1366 | 1406 => Failure::Value,
        _ => Failure::common(error),
    }
}
