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
    time::{Duration, SystemTime, UNIX_EPOCH},
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
    let all = [Kind::Sqlite, Kind::Postgres, Kind::MySql];
    // `scripts/test-databases` tests other servers of some kinds.
    let wanted = std::env::var("NOVI_TEST_KINDS").unwrap_or_else(|_| format!("{all:?}"));
    all.into_iter().filter(|kind| wanted.contains(&format!("{kind:?}"))).collect()
}

/// An empty database of a Galera cluster, and its address at a second node. `None` without a cluster:
/// `scripts/test-databases` starts one.
pub async fn galera() -> Option<(TestDatabase, String)> {
    let (Ok(one), Ok(two)) = (std::env::var("NOVI_TEST_GALERA_1"), std::env::var("NOVI_TEST_GALERA_2"))
    else {
        let skipped = b"SKIPPED: Galera is NOT tested, because NOVI_TEST_GALERA_1 is not set\n";
        std::io::stderr().write_all(skipped).unwrap();
        return None;
    };
    let database = mysql_database(one).await;
    let url = mysql_url(&two, &database.server.as_ref().unwrap().1);
    // The second node gets it a little later.
    let replicated = async {
        while MySqlConnection::connect(&url).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let replicated = tokio::time::timeout(Duration::from_mins(1), replicated).await;
    assert!(replicated.is_ok(), "{url} does not answer");
    Some((database, url))
}

/// One empty database of this kind.
pub async fn database(kind: Kind) -> TestDatabase {
    if kind == Kind::Sqlite {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("novi.db").display());
        return TestDatabase { kind, url, server: None, _directory: Some(directory) };
    }
    if kind == Kind::MySql {
        return mysql_database(server_url("NOVI_TEST_MYSQL")).await;
    }
    let (name, server) = (unique_name(), server_url("NOVI_TEST_POSTGRES"));
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options=-csearch_path%3D{name}");
    created(TestDatabase { kind, url, server: Some((server, name)), _directory: None }).await
}

async fn mysql_database(server: String) -> TestDatabase {
    let name = unique_name();
    let url = mysql_url(&server, &name);
    created(TestDatabase { kind: Kind::MySql, url, server: Some((server, name)), _directory: None }).await
}

/// `mysql://user@host:port/database` with another database.
fn mysql_url(server: &str, name: &str) -> String {
    let host = server.find("://").unwrap() + 3;
    let end = server[host..].find('/').map_or(server.len(), |at| host + at);
    format!("{}/{name}", &server[..end])
}

async fn created(database: TestDatabase) -> TestDatabase {
    database.at_server(database.statement("create")).await.unwrap_or_else(|error| {
        let TestDatabase { kind, server, .. } = &database;
        panic!("{kind:?} at {server:?} does not answer: {error}; run ./scripts/test, which starts it")
    });
    database
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
    /// A database that belongs to another test database, or to nobody.
    pub fn of_other(kind: Kind, url: String) -> Self {
        Self { kind, url, server: None, _directory: None }
    }

    fn statement(&self, verb: &str) -> String {
        let name = &self.server.as_ref().unwrap().1;
        match (self.kind, verb) {
            // A task of the test's own runtime, which waits for this one, may have a transaction. Then the
            // database is left to the end of the server.
            (Kind::Postgres, "drop") => format!("set lock_timeout = '5s'; drop schema {name} cascade"),
            (_, "drop") => format!("set lock_wait_timeout = 5; drop database {name}"),
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
