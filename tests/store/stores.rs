//! Every store runs the conformance suite, reads odd rows, and runs the seeds.

use std::sync::Mutex;

use novi::{
    Error,
    rows::{FailMode, LinkRow},
    store::{self, MemoryStore, MySqlStore, PostgresStore, ReadStore as _, SchemaStore, SqliteStore},
    testing::store as conformance,
};
use sqlx::{Connection as _, Executor as _};

use crate::common::databases::{Kind, TestDatabase, database, databases, kinds};

/// Keeps the databases of a suite until it is done.
#[derive(Default)]
struct Databases(Mutex<Vec<TestDatabase>>);

impl Databases {
    async fn url(&self, kind: Kind) -> String {
        let made = database(kind).await;
        let url = made.url.clone();
        self.0.lock().unwrap().push(made);
        url
    }
}

async fn migrated<S: SchemaStore>(store: S) -> S {
    store.migrate().await.unwrap();
    store
}

#[tokio::test]
async fn memory_conforms() {
    conformance::run(async || MemoryStore::default()).await;
}

#[tokio::test]
async fn sqlite_in_memory_conforms() {
    let make = async || migrated(SqliteStore::connect("sqlite::memory:").await.unwrap()).await;
    conformance::run(make).await;
    conformance::run_schema(make).await;
}

#[tokio::test]
async fn sqlite_in_a_file_conforms() {
    let kept = Databases::default();
    let make = async || migrated(SqliteStore::create(&kept.url(Kind::Sqlite).await).await.unwrap()).await;
    conformance::run(make).await;
    conformance::run_schema(make).await;
}

#[tokio::test]
async fn postgres_conforms() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let kept = Databases::default();
    let make = async || migrated(PostgresStore::connect(&kept.url(Kind::Postgres).await).unwrap()).await;
    conformance::run(make).await;
    conformance::run_schema(make).await;
}

#[tokio::test]
async fn mariadb_conforms() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let kept = Databases::default();
    let make = async || migrated(MySqlStore::connect(&kept.url(Kind::MySql).await).unwrap()).await;
    conformance::run(make).await;
    conformance::run_schema(make).await;
}

#[tokio::test]
async fn seeds_run_on_every_database() {
    for seed in [include_str!("../../seeds/demo.sql"), include_str!("../../seeds/demo-python.sql")] {
        for database in databases().await {
            let store = store::create(&database.url).await.unwrap();
            store.migrate().await.unwrap();
            store.run_script(seed).await.unwrap();
            let rows = store.load().await.unwrap();
            let names: Vec<_> = rows.flags.iter().map(|row| row.name.as_str()).collect();
            let expected =
                ["Date and Random Activated Feature", "Random Variant Feature", "Combo AND", "Combo OR"];
            assert_eq!(names, expected, "{:?}", database.kind);
            let healthy = rows.flags.iter().all(|row| row.status && row.faults.is_empty());
            assert!(healthy, "{:?}: {:?}", database.kind, rows.flags);
            assert_eq!(
                rows.activations[1].config.as_deref(),
                Some(r#"{"splits":[100,0,0],"variations":["A","B","C"]}"#)
            );
            assert_eq!(rows.links, [(1, 1), (1, 2), (2, 2), (3, 3), (4, 4)].map(|(f, a)| LinkRow::new(f, a)));
        }
    }
}

#[tokio::test]
async fn database_without_tables_is_not_migrated() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        for result in [store.revision().await.map(drop), store.load().await.map(drop)] {
            assert!(matches!(result, Err(Error::NotMigrated { .. })), "{:?}: {result:?}", database.kind);
        }
        let result = store.apply(vec![store::Change::DeleteFlag { id: 1 }]).await;
        assert!(matches!(result, Err(Error::NotMigrated { .. })), "{:?}: {result:?}", database.kind);
    }
}

async fn refusal(url: &str) -> String {
    store::connect(url).await.map(|store| store.name()).unwrap_err().to_string()
}

#[tokio::test]
async fn wrong_urls_are_errors_without_the_password() {
    assert_eq!(
        refusal("sqlite:///no/such/novi.db").await,
        "database url \"sqlite:///no/such/novi.db\": there is no file /no/such/novi.db: run `novi migrate` to create \
         it, or correct the path"
    );
    let unknown = refusal("oracle://ann:secret@db/novi").await;
    assert!(unknown.contains("oracle://ann:***@db/novi") && unknown.contains("sqlite:"), "{unknown}");
    let nameless = refusal("mysql://ann:secret@db").await;
    assert!(nameless.contains("name of a database") && !nameless.contains("secret"), "{nameless}");
    for url in
        ["postgres://ann:secret@db:port/novi", "mysql://ann:secret@:1:2/x", "postgres://ann:secret@[/x"]
    {
        let text = refusal(url).await;
        assert!(!text.contains("secret"), "{text}");
    }
    for (url, name) in [
        ("mariadb://ann:secret@db/novi", "mysql://db:3306/novi"),
        ("postgresql://ann:secret@db:7/novi", "postgres://db:7/novi"),
    ] {
        assert_eq!(store::connect(url).await.unwrap().name(), name);
    }
    let store = store::connect("postgres://ann:secret@127.0.0.1:1/novi?password=secret").await.unwrap();
    let error = store.revision().await.unwrap_err().to_string();
    assert_eq!(store.name(), "postgres://127.0.0.1:1/novi");
    assert!(error.contains("127.0.0.1:1/novi") && error.contains("refused"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn odd_rows_of_sqlite_have_faults_and_others_do_not() {
    let database = database(Kind::Sqlite).await;
    let store = SqliteStore::create(&database.url).await.unwrap();
    // A handwritten table, without `not null`.
    store
        .run_script(
            "create table flags (id integer primary key, name text, status boolean);
             create table activations (id integer primary key, name text, class_name text, config);
             create table flags_activations (flag_id, activation_id);",
        )
        .await
        .unwrap();
    assert!(store.migrate().await.unwrap().adopted);
    store
        .run_script(
            "insert into flags values (1, 'good', 1), (2, 'text', 'banana'), (3, null, 1), (4, 'null', null),
               (5, x'ff00', 1), (6, 'two', 2), (7, 'meta', true);
             insert into activations values (1, 'good', 'c', '{}'), (2, 'blob', 'c', x'fffe'), (3, 'null', 'c', null),
               (4, 'integer', 'c', 5), (5, null, null, 1.5), (6, 'text in a blob', 'c', cast('[1]' as blob));
             insert into flags_activations values (1, 1), (null, 1), (1, 'x'), (9, 9);
             pragma ignore_check_constraints = on;
             update flag_metadata set expires_at = 'tomorrow', tags = '{}', fail_mode = 'maybe',
               override_allowed = 'x', description = x'ff' where flag_id = 7;
             update flag_metadata set expires_at = '2027-01-31', tags = '[\"a\"]', fail_mode = 'on' where flag_id = 1;",
        )
        .await
        .unwrap();
    let rows = store.load().await.unwrap();
    let mut faults: Vec<_> = Vec::new();
    for row in &rows.flags {
        faults.extend(
            row.faults
                .iter()
                .map(|fault| (row.id, format!("{}.{}: {}", fault.table, fault.column, fault.message))),
        );
    }
    let boolean = "expected true or false (1 or 0), found";
    let expected = [
        (2, format!("flags.status: {boolean} the text \"banana\"")),
        (3, "flags.name: expected text, found null".to_owned()),
        (4, format!("flags.status: {boolean} null")),
        (5, "flags.name: expected text, found 2 bytes that are not UTF-8".to_owned()),
        (6, format!("flags.status: {boolean} 2")),
        (7, "flag_metadata.description: expected text, found 1 bytes that are not UTF-8".to_owned()),
        (7, "flag_metadata.expires_at: expected a time such as 2027-01-31T12:00:00Z or a date such as 2027-01-31, \
             found the text \"tomorrow\"".to_owned()),
        (7, "flag_metadata.tags: expected a JSON array of strings such as [\"beta\"], found the text \"{}\"".to_owned()),
        (7, format!("flag_metadata.override_allowed: {boolean} the text \"x\"")),
        (7, "flag_metadata.fail_mode: expected off, on or last_known, found the text \"maybe\"".to_owned()),
    ];
    assert_eq!(faults, expected);
    let good = &rows.flags[0];
    assert_eq!(good.metadata.expires_at, "2027-01-31T00:00:00Z".parse().ok());
    assert_eq!(
        (good.metadata.tags.as_slice(), good.metadata.fail_mode),
        (&["a".to_owned()][..], FailMode::On)
    );
    let configs: Vec<_> =
        rows.activations.iter().map(|row| (row.config.as_deref(), row.faults.len())).collect();
    let expected = [(Some("{}"), 0), (None, 1), (None, 0), (Some("5"), 0), (None, 3), (Some("[1]"), 0)];
    assert_eq!(configs, expected);
    assert_eq!(rows.links.len(), 4);
    // Odd values must not make writes fail, and are recorded in the history.
    let mut connection = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    let after: String =
        sqlx::query_scalar("select after from flag_history where entity = 'flags' and entity_id = 5")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(after, r#"{"id":5,"name":"FF00","status":true}"#);
}

#[tokio::test]
async fn odd_rows_of_servers_have_faults() {
    for database in databases().await {
        let tables = match database.kind {
            Kind::Sqlite => continue,
            Kind::Postgres => {
                "create table flags (id int primary key, name varchar(30), status boolean);
                 create table activations (id smallint primary key, name text, class_name text, config json);
                 create table flags_activations (flag_id int, activation_id smallint);
                 insert into flags values (1, null, true), (2, 'two', null), (3, 'good', true);
                 insert into activations values (1, null, 'c', '{ }'), (2, 'b', null, null);"
            }
            Kind::MySql => {
                "create table flags (id int primary key, name varchar(30), status tinyint);
                 create table activations (id smallint primary key, name text, class_name varchar(20), config blob);
                 create table flags_activations (flag_id int, activation_id smallint);
                 insert into flags values (1, null, 1), (2, 'two', 2), (3, 'good', 1);
                 insert into activations values (1, null, 'c', '{ }'), (2, 'b', null, null);"
            }
        };
        let store = store::create(&database.url).await.unwrap();
        store.run_script(tables).await.unwrap();
        assert!(store.migrate().await.unwrap().adopted);
        store.run_script("update flag_metadata set tags = 'x' where flag_id = 3").await.unwrap();
        let rows = store.load().await.unwrap();
        let columns =
            |faults: &[novi::rows::Fault]| faults.iter().map(|fault| fault.column).collect::<Vec<_>>();
        let flags: Vec<_> = rows.flags.iter().map(|row| (row.status, columns(&row.faults))).collect();
        let kind = database.kind;
        assert_eq!(flags, [(true, vec!["name"]), (false, vec!["status"]), (true, vec!["tags"])], "{kind:?}");
        let found: Vec<_> = rows.activations.iter().map(|row| (row.id, columns(&row.faults))).collect();
        assert_eq!(found, [(1, vec!["name"]), (2, vec!["class_name"])], "{kind:?}");
        assert_eq!(rows.activations[0].config.as_deref(), Some("{ }"), "{kind:?}: text is kept to the byte");
    }
}

#[tokio::test]
async fn load_reads_one_revision_while_others_write() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        store
            .run_script("insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true)")
            .await
            .unwrap();
        let both = |status| {
            ["a", "b"].map(|flag| store::Change::SetStatus { flag: flag.to_owned(), status }).to_vec()
        };
        let write = async {
            for turn in 0..40 {
                store.apply(both(turn % 2 == 0)).await.unwrap();
            }
        };
        let read = async {
            for _ in 0..40 {
                let rows = store.load().await.unwrap();
                assert_eq!(rows.flags[0].status, rows.flags[1].status, "{:?}", database.kind);
            }
        };
        tokio::join!(write, read);
    }
}

#[tokio::test]
async fn stores_accept_a_pool_of_the_service() {
    let database = database(Kind::Sqlite).await;
    let made = SqliteStore::create(&database.url).await.unwrap();
    let store = migrated(SqliteStore::from_pool(made.pool().clone())).await;
    store.pool().execute("insert into flags (name, status) values ('x', 1)").await.unwrap();
    assert_eq!(store.load().await.unwrap().flags.len(), 1);
    assert_eq!(store.name(), made.name());
}
