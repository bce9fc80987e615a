//! PostgreSQL, from version 13.

mod listen;

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    PgConnection, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    migrate::{Migrate as _, MigrateError},
    postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow},
    query::Query,
};

use crate::{
    error::{Error, Result},
    store::{
        decode::Cell,
        future::BoxFuture,
        hints::Hints,
        schema::Migrated,
        sql::{
            connection::{Connection, EachRow, Statement, Transaction, Value},
            dialect::{
                AssignmentsSql, Dialect, EvaluationsSql, Failure, HistorySql, Migrations, ReadSql, RowsSql,
                SequenceSql, TokenSql, UsageSql, WriteSql,
            },
            driver::{self, Driver},
            migrate,
            names::Names,
            pool::{ACQUIRE_TIMEOUT, Connections, POOL_SIZE, Place},
            script::Syntax,
            store::SqlStore,
        },
        table_prefix, url,
    },
};

const MIGRATIONS: Migrations = &[
    (1, "tables", include_str!("../../../../migrations/postgres/0001_novi.sql")),
    (2, "evaluations by hour", include_str!("../../../../migrations/postgres/0002_evaluations.sql")),
    (3, "assignments", include_str!("../../../../migrations/postgres/0003_assignments.sql")),
];

/// Ids and texts are cast: adopted tables have other types than novi's own.
///
/// No statement has a name on the server: a pooler that gives a connection to each transaction (PgBouncer)
/// would keep the names of one client on the connections of others. It costs a round trip per statement, and
/// changes are rare.
static DIALECT: Dialect = Dialect {
    syntax: Syntax::Standard,
    migrations: MIGRATIONS,
    of_transaction: "the PostgreSQL database of this transaction",
    failure,
    numbers_parameters: true,
    keeps_statements: false,
    before_read: None,
    begin_read: Some("begin isolation level repeatable read read only"),
    begin_write: Some("begin isolation level read committed"),
    missing_triggers: None,
    searched: " (in the schemas of the search_path)",
    own_place: "give novi a schema of its own: `schema = \"novi\"` in the section [database] of novi.toml",
    read: ReadSql {
        revision: "select sum(revision)::bigint, max(stamp) from novi_revision",
        cursor: "select slot::bigint, revision, stamp from novi_revision",
        changes: "select slot::bigint, revision, entity, entity_id, operation, \
        case operation when 'update' then before end, case operation when 'update' then after end, follows \
        from flag_history where slot = ? and revision > ? and revision <= ? order by id limit ?",
        flags: "select f.id::bigint, f.name::text, f.status, m.flag_id, m.description, m.owner, \
        to_char(case when m.expires_at is not null then \
        least(greatest(m.expires_at, '0001-01-01 00:00:00+00'), '9999-12-31 23:59:59+00') end at time zone 'UTC', \
        'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), m.tags, \
        m.override_allowed, m.exposed, m.fail_mode, m.variants, m.value_type, m.default_variant, m.off_variant, m.metadata, m.row_version, \
        to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        to_char(m.updated_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
        from flags f left join flag_metadata m on m.flag_id = f.id",
        activations: "select a.id::bigint, a.name::text, a.class_name::text, a.config::text, v.row_version \
        from activations a left join activation_metadata v on v.activation_id = a.id",
        links: "select flag_id::bigint, activation_id::bigint from flags_activations l",
        members: "select activation_id, member, denied from activation_members m",
        has_table: "select count(*) from pg_tables where schemaname = current_schema() and tablename = ?",
        columns: "select c.relname::text, a.attname::text, format_type(a.atttypid, null) \
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
        where c.relkind in ('r', 'p', 'v') and c.relnamespace = coalesce(\
        (select relnamespace from pg_class where oid = to_regclass('novi_revision')), current_schema()::regnamespace)",
        views: "select relname::text from pg_class \
        where relnamespace = to_regnamespace(current_schema()) and relkind in ('v', 'm', 'f')",
        objects: OBJECTS,
        other_place: Some(OTHER_PLACE),
        prints_triggers: true,
        may_read_migrations: Some(
            "select has_table_privilege(to_regclass('novi_migrations'), 'select')::int",
        ),
        slots: 1,
        hides_objects: false,
        counts_rows: false,
        definers: None,
        sequences: Some(SequenceSql { may_read: MAY_READ_TABLES, behind: SEQUENCES }),
        checksums: Some(CHECKSUMS),
    },
    write: WriteSql {
        lock: None,
        lock_row: " for no key update",
        lock_metadata: " for update",
        current: "",
        raise: None,
        restamp: "with raised as (update novi_revision set revision = revision + 1, changed_at = clock_timestamp(), \
        stamp = hashtextextended(gen_random_uuid()::text, 0) where slot = 0 returning revision) \
        select pg_notify('novi', revision::text) from raised",
        client_begin: "begin;",
        client_end: "commit;",
        migrations_table: "create table if not exists novi_migrations (\n  version bigint primary key,\n  description text not null,\n  \
        installed_on timestamptz not null default now(),\n  success boolean not null,\n  checksum bytea not null,\n  \
        execution_time bigint not null\n);",
        bytes: "'\\x?'",
        place: "select 'set search_path = ' || current_schema()::text::regnamespace::text || ';'",
        settle: Some("set constraints novi_bump, novi_commit immediate"),
        unsettle: Some("set constraints novi_bump, novi_commit deferred"),
        revision_after_commit: false,
        signature: "select current_setting('novi.actor', true), current_setting('novi.reason', true)",
        sign: "select set_config('novi.actor', coalesce(?, ''), true), set_config('novi.reason', coalesce(?, ''), true)",
        unsign: None,
        signature_outlives_transaction: false,
    },
    history: HistorySql {
        columns: "position, to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        actor, reason, entity, before, after",
        records: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, after \
        from flag_history where revision is not null) records",
        records_above: "(select id, revision as position, changed_at, actor, reason, entity, entity_id, other_id, before, \
        after from flag_history where slot = 0 and revision > $above) records",
        until: "changed_at <= ?",
        since: "changed_at >= ?",
        containing: "lower(concat_ws(' ', actor, reason, before, after)) like lower(?) escape '!'",
        backdate: "update flag_history set changed_at = ? where id > ?",
        changed_at: "select to_char(max(changed_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_revision",
        now: "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        named: "select id::bigint, null::bigint from flags where name = ? \
        union all select entity_id, id from flag_history where entity = 'flags' and operation <> 'insert' \
        and (before::json ->> 'name' = ? or after::json ->> 'name' = ?)",
    },
    usage: UsageSql {
        select: "select flag, to_char(first_seen at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_evaluated at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_on at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(last_off at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), evaluations \
    from novi_usage",
        since: "select to_char(since at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
    from novi_usage_since where id = 1",
        row: USAGE_ROW,
        on_conflict: USAGE_CONFLICT,
        evaluations: EVALUATIONS,
    },
    assignments: ASSIGNMENTS,
    tokens: TokenSql {
        changes: "select changes from novi_token_changes where id = 1",
        select: "select id, name, role, subject, hash, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), created_by, \
        to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), to_char(revoked_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        to_char(replaced_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
        to_char(last_used_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_tokens order by id",
        insert: "insert into novi_tokens (name, role, subject, hash, created_by, expires_at) \
        values (?, ?, ?, ?, ?, ?)",
        revoke: "update novi_tokens set revoked_at = now() where (id = ? or name = ?) and revoked_at is null",
        used: "update novi_tokens set last_used_at = ? where id = ? and (last_used_at is null or last_used_at < ?)",
    },
};

/// A function that is called by its name is found in the schema of the tables, too.
const OBJECTS: &str = "with place as (select coalesce(\
        (select relnamespace from pg_class where oid = to_regclass('novi_revision')), to_regnamespace(current_schema())) as id) \
    select 'table', relname::text, case when row_security_active(oid) then 'hidden' end, null, null, null from pg_class, place \
    where relnamespace = id and relkind in ('r', 'p', 'v') \
    union all select 'function', proname::text, null, null, concat_ws(' ', 'language', lanname, \
    case provolatile when 's' then 'stable' when 'i' then 'immutable' end, case when prosecdef then 'security definer' end, \
    'set ' || array_to_string(proconfig, ' set '), 'as', prosrc), f.xmin::text \
    from place join pg_proc f on f.pronamespace = id join pg_language l on l.oid = f.prolang where proname like 'novi\\_%' \
    union all select 'trigger', tgname::text, case when tgenabled in ('O', 'A') then null else 'disabled' end, relname::text, \
    concat(pg_get_triggerdef(t.oid), case when pronamespace <> id then ' of another schema' end), t.xmin::text \
    from place join pg_class c on c.relnamespace = id join pg_trigger t on t.tgrelid = c.oid join pg_proc f on f.oid = t.tgfoid \
    where not tgisinternal and tgname like 'novi\\_%'";

/// The database or the user got another search path after this connection was made. A path that the client or a
/// session has set is its own.
const OTHER_PLACE: &str = "with of_new as (select (select substr(entry, 13) from pg_db_role_setting s, unnest(s.setconfig) entry \
        where entry like 'search\\_path=%' and setrole in (0, to_regrole(quote_ident(session_user))) \
        and setdatabase in (0, (select oid from pg_database where datname = current_database())) \
        order by setrole <> 0 desc, setdatabase <> 0 desc limit 1) as path) \
    select concat('new connections have the search_path \"', coalesce(of_new.path, 'of the server'), \
        '\", and this one has \"', setting, '\": restart, or set `schema` in the section [database]') \
    from pg_settings, of_new where name = 'search_path' and source in ('default', 'configuration file', 'database', 'user', 'database user') \
    and of_new.path is distinct from case when source in ('database', 'user', 'database user') then setting end";

const MAY_READ_TABLES: &str = "select bool_and(has_table_privilege(name, 'select'))::int \
    from unnest(array['flags', 'activations', 'flag_history', 'novi_assignments', 'novi_tokens']) as name";

const SEQUENCES: &str = "select t.name from (select to_regclass('flags')::text as name, max(id) as highest from flags \
        union all select to_regclass('activations')::text, max(id) from activations \
        union all select to_regclass('flag_history')::text, max(id) from flag_history \
        union all select to_regclass('novi_tokens')::text, max(id) from novi_tokens) t, \
        lateral (select pg_get_serial_sequence(t.name, 'id') as name) s \
    where case when s.name is null then false \
        when not has_sequence_privilege(s.name, 'select, usage') then false \
        else t.highest > coalesce(pg_sequence_last_value(s.name::regclass), 0) end";

const CHECKSUMS: [&str; 5] = [
    "select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from flags t",
    "select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from activations t",
    "select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from flags_activations t",
    "select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from flag_metadata t",
    "select coalesce(sum(hashtextextended(t::text, 0)), 0)::text from activation_members t",
];

/// A database without an encoding may have any bytes. Converted by the server, one row of them would make the
/// query of all rows fail.
const ENCODING: &str = "select set_config('client_encoding', 'SQL_ASCII', false) \
    where current_setting('server_encoding') = 'SQL_ASCII'";

const ASSIGNMENTS: AssignmentsSql = AssignmentsSql {
    select: "select id, experiment, unit, variant, revision, to_char(assigned_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_assignments",
    counts: "select variant, count(*), to_char(min(assigned_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    to_char(max(assigned_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from novi_assignments",
    rows: RowsSql::Arrays(
        "select * from unnest(?::text::text[], ?::text::text[], ?::text::text[], ?::text::bigint[], ?::text::timestamptz[])",
    ),
    on_conflict: "on conflict (experiment, unit) do nothing",
    forget: "delete from novi_assignments where id in (select id from novi_assignments where experiment = ? limit ?)",
    now: "clock_timestamp()",
};

const EVALUATIONS: EvaluationsSql = EvaluationsSql {
    select: "select flag, to_char(hour at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), enabled, variant, evaluations from novi_evaluations",
    on_conflict: "on conflict (flag, hour, enabled, variant) do update \
    set evaluations = novi_evaluations.evaluations + excluded.evaluations",
    prune: "delete from novi_evaluations where ctid = any (array( \
    select ctid from novi_evaluations where hour < ? limit ? for update skip locked))",
};

const USAGE_ROW: &str =
    "(?, now(), now(), case when ? > 0 then now() end, case when ? > 0 then now() end, ?)";

const USAGE_CONFLICT: &str = "on conflict (flag) do update set last_evaluated = excluded.last_evaluated, \
    last_on = coalesce(excluded.last_on, novi_usage.last_on), \
    last_off = coalesce(excluded.last_off, novi_usage.last_off), \
    evaluations = novi_usage.evaluations + excluded.evaluations";

/// Rows in a PostgreSQL database. The tables are created in the first schema of the connection's
/// `search_path`.
pub type PostgresStore = SqlStore<Postgres>;

impl SqlStore<Postgres> {
    /// A store with a pool of its own, as `postgres://user:password@host/database`. Connections are made when
    /// they are needed.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] when the address is wrong.
    pub fn connect(url: &str) -> Result<Self> {
        let (url, table_prefix) = &table_prefix::take(url)?;
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| Error::DatabaseUrl { url: url::redacted(url), message: error.to_string() })?;
        let options = match url::ipv6_host(options.get_host()) {
            Some(host) => options.clone().host(host),
            None => options,
        };
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::query(ENCODING).execute(connection).await.map(drop) })
            })
            .connect_lazy_with(options);
        Self::from_pool(pool).with_table_prefix(table_prefix)
    }

    /// Uses a pool of the service.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        let options = pool.connect_options();
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
        Self::new(Connections::new(pool, &Place::Server), name)
    }
}

impl Driver for Postgres {
    const DIALECT: &'static Dialect = &DIALECT;

    fn bind(query: Query<'_, Self, PgArguments>, value: Value) -> Query<'_, Self, PgArguments> {
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

    fn changed(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }

    fn migrate(connections: &Connections<Self>) -> BoxFuture<'_, Result<Migrated, MigrateError>> {
        Box::pin(migrate_once(connections))
    }

    fn enter(connection: &mut dyn Connection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(enter_schema(connection))
    }

    fn check_others(connection: &mut dyn Connection) -> BoxFuture<'_, Result<(), MigrateError>> {
        Box::pin(check_others(connection))
    }

    fn hints(
        connections: &Connections<Self>,
        hints: Arc<Hints>,
        _: Duration,
    ) -> Option<BoxFuture<'static, ()>> {
        let channel = connections.names.of(listen::CHANNEL);
        Some(Box::pin(listen::listen(connections.pool.clone(), channel, hints)))
    }

    fn followers(names: &Names) -> Option<Statement> {
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = ?";
        Some(Statement::new(sql).bind(listen::application_name(&names.of(listen::CHANNEL))))
    }
}

driver::connection!(Postgres, PgConnection);

async fn migrate_once(connections: &Connections<Postgres>) -> Result<Migrated, MigrateError> {
    let mut lease = connections.lease().await?;
    // The lock and the search path are the connection's: they end with it, whatever happens here.
    let mut connection = lease.typed();
    create_schema(connection.inner).await?;
    enter_schema(&mut connection).await?;
    if migrate::is_done::<Postgres>(&mut connection).await? {
        return Ok(Migrated::default());
    }
    connection.inner.lock().await?;
    migrate::check_foreign::<Postgres>(&mut connection).await?;
    let migrator = migrate::migrator(MIGRATIONS, &connection.names);
    migrate::run::<Postgres>(&mut connection, migrator, true).await
}

/// Creates the first schema of the search path if none of them exists.
async fn create_schema(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "select format('create schema if not exists %I', trim(both '\" ' from path)) \
        from split_part(current_setting('search_path'), ',', 1) path \
        where current_schema() is null and path not in ('', '\"\"', '\"$user\"')";
    let create: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut *connection).await?;
    match create {
        Some(create) => sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(connection).await.map(drop),
        None => Ok(()),
    }
}

/// Goes to the schema in which the search path finds novi's tables. It need not be the first: a schema that
/// was created since may be in front.
async fn enter_schema(connection: &mut dyn Connection) -> Result<(), sqlx::Error> {
    let sql = "select set_config('search_path', relnamespace::regnamespace::text, false) from pg_class \
        where oid = to_regclass('novi_migrations') and relnamespace is distinct from to_regnamespace(current_schema()::text)";
    connection.execute(Statement::new(sql)).await.map(drop)
}

/// Rejects a second novi in the schema if the migrations of one would drop triggers of the other: they drop
/// all whose names begin with their prefix and `novi_`.
async fn check_others(connection: &mut dyn Connection) -> Result<(), MigrateError> {
    let sql = "select tablename::text from pg_tables where schemaname = current_schema()";
    let own = connection.names().clone();
    let name = |cells: &mut dyn Iterator<Item = Cell>| cells.next().map_or_else(String::new, Cell::into_text);
    let tables = connection.rows(Statement::new(sql), name).await?;
    let begins_as =
        |one: &str, two: &str| one.strip_prefix(two).is_some_and(|rest| rest.starts_with("novi_"));
    let prefixes = tables.iter().filter_map(|table| table.strip_suffix(migrate::TABLE));
    let mut others =
        prefixes.filter(|other| begins_as(own.prefix(), other) || begins_as(other, own.prefix()));
    let Some(other) = others.next() else { return Ok(()) };
    let message = format!(
        "this schema has the table {:?} of another novi, whose triggers have names that begin as those with the \
         table_prefix {:?} do. Nothing was changed. Choose a prefix that does not contain \"novi_\", or another schema",
        format!("{other}{}", migrate::TABLE),
        own.prefix()
    );
    Err(MigrateError::Source(message.into()))
}

fn failure(error: &sqlx::Error) -> Failure {
    let sqlx::Error::Database(database) = error else { return Failure::common(error) };
    match database.code().as_deref() {
        // undefined_table
        Some("42P01") => Failure::NotMigrated,
        // invalid_catalog_name
        Some("3D000") => Failure::NoDatabase,
        // too_many_connections
        Some("53300") => Failure::Busy,
        // serialization_failure, deadlock_detected, lock_not_available
        Some("40001" | "40P01" | "55P03") => Failure::Contention,
        // restrict_violation, which newer servers give for `on delete restrict`
        Some("23001") => Failure::Reference,
        // too long, out of range, not in the encoding
        Some("22001" | "22003" | "22021") => Failure::Value,
        _ => Failure::common(error),
    }
}
