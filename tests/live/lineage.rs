//! Another history in the place of the one that was read: a fail-over that loses commits and makes others, a
//! restore, another database.

use std::{sync::Arc, time::Duration};

use novi::{
    Context, Flags, Result,
    flags::Subscription,
    rows::{Revision, Rows},
    store::{self, BoxFuture, ReadSession, ReadStore, SchemaStore},
};

use crate::common::{
    databases::{Kind, Raw, TestDatabase, database, databases, kinds},
    log,
};

/// A store without hints, so that flags are refreshed when the test says so.
struct Quiet(Arc<dyn SchemaStore>);

impl ReadStore for Quiet {
    fn name(&self) -> String {
        self.0.name()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        self.0.revision()
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        self.0.load()
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        self.0.session()
    }
}

struct Followed {
    flags: Flags,
    heard: Subscription,
    /// One connection, because on MySQL each has a counter of its own.
    dba: Raw,
    kind: Kind,
}

const SEED: &str = "insert into flags (id, name, status) values (1, 'g', true); \
    insert into flags (id, name, status) values (2, 'h', true)";

/// Copies what a standby has.
const SAVE: &str = "create table saved_flags as select * from flags; \
    create table saved_history as select * from flag_history; \
    create table saved_revision as select * from novi_revision";

async fn followed(database: &TestDatabase) -> Followed {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let mut dba = Raw::connect(database).await;
    dba.run(SEED).await.unwrap();
    let flags = Flags::builder().refresh(Duration::from_hours(1)).from_store(Arc::new(Quiet(store))).await;
    let flags = flags.unwrap();
    Followed { heard: flags.subscribe(), flags, dba, kind: database.kind }
}

impl Followed {
    async fn run(&mut self, sql: &str) {
        self.dba.run(sql).await.unwrap_or_else(|error| panic!("{:?}: {sql}: {error}", self.kind));
    }

    /// Brings the tables back to what [`SAVE`] has copied, as a fail-over to that standby does.
    async fn fail_over(&mut self) {
        let without_triggers =
            if self.kind == Kind::Postgres { "set local session_replication_role = replica;" } else { "" };
        self.run(&format!(
            "begin; {without_triggers} \
             update flags set status = (select saved.status from saved_flags saved where saved.id = flags.id); \
             delete from flag_history; insert into flag_history select * from saved_history; \
             update novi_revision set \
             stamp = (select saved.stamp from saved_revision saved where saved.slot = novi_revision.slot), \
             revision = (select saved.revision from saved_revision saved where saved.slot = novi_revision.slot); \
             commit"
        ))
        .await;
    }

    /// Refreshes, and expects that all rows are read, and that the log says why.
    async fn reads_all(&mut self, what: &str, on: [bool; 2]) {
        let (log, guard) = log::start();
        assert!(self.flags.refresh().await.unwrap(), "{:?}: {what}", self.kind);
        drop(guard);
        assert_eq!(self.state(), on, "{:?}: {what}", self.kind);
        assert!(self.heard.next().await.unwrap().whole, "{:?}: {what}", self.kind);
        let lines = log.lines_with("is not in the history of the database");
        assert_eq!(lines.len(), 1, "{:?}: {what}: {}", self.kind, log.text());
        assert!(!self.flags.refresh().await.unwrap(), "{:?}: {what}", self.kind);
    }

    fn state(&self) -> [bool; 2] {
        ["g", "h"].map(|flag| self.flags.is_enabled(flag, &Context::new()))
    }
}

#[tokio::test]
async fn failover_that_loses_commits_is_noticed_under_any_revision() {
    for database in databases().await {
        let mut followed = followed(&database).await;
        followed.run(SAVE).await;
        let lost = "update flags set status = false where name = 'g'";
        let others =
            ["update flags set status = false where name = 'h'", "update flags set name = 'i' where id = 1"];
        // A lower number, the same one, and a higher one.
        for count in 0..=others.len() {
            followed.fail_over().await;
            followed.flags.refresh().await.unwrap();
            assert_eq!(followed.state(), [true, true]);
            followed.heard = followed.flags.subscribe();
            followed.run(lost).await;
            assert!(followed.flags.refresh().await.unwrap());
            let heard = followed.heard.next().await.unwrap();
            assert_eq!((heard.whole, &*heard.changed), (false, &["g".to_owned()][..]), "{:?}", database.kind);
            assert_eq!(followed.state(), [false, true]);
            followed.fail_over().await;
            for other in &others[..count] {
                followed.run(other).await;
            }
            let on = [[true, true], [true, false], [false, false]][count];
            followed.reads_all(&format!("{count} other commits"), on).await;
        }
        followed.run("update flags set status = true where name = 'h'").await;
        assert!(followed.flags.refresh().await.unwrap());
        assert!(!followed.heard.next().await.unwrap().whole, "{:?}", database.kind);
    }
}

#[tokio::test]
async fn other_database_with_the_same_revision_is_noticed() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Sqlite) {
        let database = database(kind).await;
        let mut followed = followed(&database).await;
        let before = followed.flags.snapshot().revision();
        // As `pg_dump --clean` and `mysqldump` do: all tables are dropped, and made again.
        let store = store::connect(&database.url).await.unwrap();
        if kind == Kind::Postgres {
            let schema = followed.dba.texts("select current_schema()::text").await.concat();
            followed.run(&format!("drop schema {schema} cascade; create schema {schema}")).await;
        } else {
            let tables = "select cast(group_concat(table_name) as char) from information_schema.tables \
                where table_schema = database() and table_type = 'BASE TABLE'";
            let tables = followed.dba.texts(tables).await.concat();
            followed
                .run(&format!(
                    "drop view novi_overview; set foreign_key_checks = 0; drop table {tables}; set foreign_key_checks = 1"
                ))
                .await;
        }
        store.migrate().await.unwrap();
        followed.run(&SEED.replace("true", "false")).await;
        assert_eq!(store.revision().await.unwrap().number(), before.number(), "{kind:?}");
        followed.reads_all("another database", [false, false]).await;
    }
}

#[tokio::test]
async fn pruned_history_does_not_look_like_another_one() {
    for database in databases().await {
        let mut followed = followed(&database).await;
        followed.run("delete from flag_history").await;
        for status in [false, true] {
            followed.run(&format!("update flags set status = {status} where name = 'g'")).await;
            assert!(followed.flags.refresh().await.unwrap());
            let heard = followed.heard.next().await.unwrap();
            assert_eq!((heard.whole, &*heard.changed), (false, &["g".to_owned()][..]), "{:?}", database.kind);
        }
    }
}
