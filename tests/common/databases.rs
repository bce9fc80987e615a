//! A new database for each test, of each kind. `./scripts/test` starts the servers.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "shared by several tests"
)]

use std::{
    io::Write as _,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, SqliteConnection};

/// A kind of database that novi works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    MySql,
}

/// An empty database (PostgreSQL: a schema), which is deleted on drop.
#[derive(Debug)]
pub struct TestDatabase {
    pub kind: Kind,
    /// For `novi::store::create` and `connect`.
    pub url: String,
    /// The server's address without the database, and its name there.
    server: Option<(String, String)>,
    _directory: Option<tempfile::TempDir>,
}

/// One empty database of each kind.
///
/// # Panics
/// If there are no servers. With `NOVI_TEST_WITHOUT_SERVERS=1`, returns SQLite only.
pub async fn databases() -> Vec<TestDatabase> {
    let mut all = Vec::new();
    for kind in kinds() {
        all.push(database(kind).await);
    }
    all
}

/// The kinds that can be tested here.
pub fn kinds() -> Vec<Kind> {
    if std::env::var_os("NOVI_TEST_WITHOUT_SERVERS").is_some_and(|value| value == "1") {
        // Not eprintln!, whose output is hidden if a test passes.
        let skipped =
            b"SKIPPED: PostgreSQL and MariaDB are NOT tested, because NOVI_TEST_WITHOUT_SERVERS=1\n";
        std::io::stderr().write_all(skipped).unwrap();
        return vec![Kind::Sqlite];
    }
    vec![Kind::Sqlite, Kind::Postgres, Kind::MySql]
}

/// One empty database of this kind.
pub async fn database(kind: Kind) -> TestDatabase {
    if kind == Kind::Sqlite {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("novi.db").display());
        return TestDatabase { kind, url, server: None, _directory: Some(directory) };
    }
    let name = unique_name();
    let (server, url) = if kind == Kind::Postgres {
        let server = server_url("NOVI_TEST_POSTGRES");
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{name}");
        (server, url)
    } else {
        // mysql://user@host:port/database -> the same with the test's own database
        let server = server_url("NOVI_TEST_MYSQL");
        let host = server.find("://").unwrap() + 3;
        let end = server[host..].find('/').map_or(server.len(), |at| host + at);
        let url = format!("{}/{name}", &server[..end]);
        (server, url)
    };
    let made = TestDatabase { kind, url, server: Some((server, name)), _directory: None };
    made.at_server(made.statement("create")).await.unwrap_or_else(|error| {
        panic!("{kind:?} at {:?} does not answer: {error}; run ./scripts/test, which starts it", made.server)
    });
    made
}

fn server_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run ./scripts/test, which starts the servers, or set \
             NOVI_TEST_WITHOUT_SERVERS=1 to test SQLite alone"
        )
    })
}

fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!(
        "novi_{}_{}_{:x}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        moment % 0xffff_ffff
    )
}

impl TestDatabase {
    fn statement(&self, verb: &str) -> String {
        let name = &self.server.as_ref().unwrap().1;
        match (self.kind, verb) {
            (Kind::Postgres, "drop") => format!("drop schema {name} cascade"),
            (Kind::Postgres, _) => format!("create schema {name}"),
            (_, verb) => format!("{verb} database {name}"),
        }
    }

    async fn at_server(&self, sql: String) -> Result<(), sqlx::Error> {
        let server = &self.server.as_ref().unwrap().0;
        if self.kind == Kind::Postgres {
            let mut connection = PgConnection::connect(server).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        } else {
            let mut connection = MySqlConnection::connect(server).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.server.is_none() {
            return;
        }
        // On a thread, because a runtime cannot run inside another one.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                if let Err(error) = runtime.block_on(self.at_server(self.statement("drop"))) {
                    eprintln!("could not drop {:?}: {error}", self.server);
                }
            });
        });
    }
}

/// A plain connection, without a pool and a store.
#[derive(Debug)]
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Raw {
    pub async fn connect(database: &TestDatabase) -> Self {
        match database.kind {
            Kind::Sqlite => Self::Sqlite(SqliteConnection::connect(&database.url).await.unwrap()),
            Kind::Postgres => Self::Postgres(PgConnection::connect(&database.url).await.unwrap()),
            Kind::MySql => Self::MySql(MySqlConnection::connect(&database.url).await.unwrap()),
        }
    }

    /// Runs statements, as psql does.
    pub async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => script.execute(connection).await.map(drop),
            Self::Postgres(connection) => script.execute(connection).await.map(drop),
            Self::MySql(connection) => script.execute(connection).await.map(drop),
        }
    }

    /// The first column, which must be text.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
            Self::MySql(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
        }
    }
}
