//! Triggers write one record for each change of a row, by any client, and one for each raise of the revision.

use std::{sync::Arc, time::Duration};

use novi::{
    rows::{FlagRow, Revision, Rows},
    store::{
        self, Author, Change, SchemaStore,
        history::{AsOf, Entity, HistoryQuery, HistoryRecord, Operation},
    },
};

use crate::common::{
    databases::{Kind, Raw, TestDatabase, database, databases, kinds},
    until::unblocked,
};

async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn records(store: &Arc<dyn SchemaStore>) -> Vec<HistoryRecord> {
    store.history(&HistoryQuery::oldest_first()).await.unwrap()
}

/// The records that a SQL script leaves.
async fn left_by(store: &Arc<dyn SchemaStore>, raw: &mut Raw, sql: &str) -> Vec<HistoryRecord> {
    let known = records(store).await.len();
    raw.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_raises_have_records(store, raw, sql).await;
    records(store).await.split_off(known)
}

/// Every revision of every slot has a record, except for those of a new database.
async fn assert_raises_have_records(store: &Arc<dyn SchemaStore>, raw: &mut Raw, after: &str) {
    let text = if matches!(raw, Raw::MySql(_)) { "char" } else { "text" };
    let raises =
        "(select slot, revision - case slot when 0 then 1 else 0 end as raised from novi_revision) r";
    let told = "(select count(distinct revision) from flag_history h where h.slot = r.slot)";
    let sql = format!("select cast(sum(raised) as {text}) from {raises} where raised <> {told}");
    let sql = format!("select coalesce(({sql}), 'none')");
    assert_eq!(raw.texts(&sql).await, ["none"], "{}: raises without a record after: {after}", store.name());
}

fn told(records: &[HistoryRecord]) -> Vec<String> {
    records.iter().map(|record| format!("{} {}", record.operation, record.subject())).collect()
}

const EDITS: [(&str, &[&str]); 16] = [
    (
        "insert into flags (id, name, status) values (1, 'one', true)",
        &["insert flags#1 \"one\"", "insert flag_metadata#1"],
    ),
    ("update flags set status = false where id = 1", &["update flags#1 \"one\""]),
    ("update flags set name = 'uno' where id = 1", &["update flags#1 \"uno\""]),
    ("update flag_metadata set owner = 'ann' where flag_id = 1", &["update flag_metadata#1"]),
    ("update flag_metadata set row_version = 40 where flag_id = 1", &["update flag_metadata#1"]),
    ("update flag_metadata set owner = 'ann', fail_mode = 'off' where flag_id = 1", &[]),
    ("update flags set status = false", &[]),
    (
        "insert into activations (id, name, class_name, config) values (5, 'a', 'c', '[1]')",
        &["insert activations#5 \"a\""],
    ),
    ("update activations set config = null where id = 5", &["update activations#5 \"a\""]),
    (
        "insert into flags_activations (flag_id, activation_id) values (1, 5)",
        &["insert flags_activations(1, 5)"],
    ),
    ("delete from flags_activations where flag_id = 1", &["delete flags_activations(1, 5)"]),
    (
        "insert into activation_members (activation_id, member) values (5, 'ann')",
        &["insert activation_members(5, \"ann\")"],
    ),
    ("update activation_members set denied = true", &["update activation_members(5, \"ann\")"]),
    ("delete from activation_members", &["delete activation_members(5, \"ann\")"]),
    ("delete from activations where id = 5", &["delete activations#5 \"a\""]),
    ("delete from flags where id = 1", &["delete flag_metadata#1", "delete flags#1 \"uno\""]),
];

#[tokio::test]
async fn each_change_of_a_row_has_one_record() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        for (sql, expected) in EDITS {
            let before = store.revision().await.unwrap();
            let mut found = told(&left_by(&store, &mut raw, sql).await);
            found.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(found, expected, "{:?}: {sql}", database.kind);
            let raised = store.revision().await.unwrap() != before;
            assert_eq!(raised, !expected.is_empty(), "{:?}: {sql}", database.kind);
        }
    }
}

#[tokio::test]
async fn records_hold_the_row_before_and_after() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        left_by(&store, &mut raw, "insert into flags (id, name, status) values (1, 'one', true)").await;
        let found =
            left_by(&store, &mut raw, "update flags set status = false, name = 'zwei' where id = 1").await;
        let [record] = &found[..] else { panic!("{found:?}") };
        let fields: Vec<_> = record
            .fields()
            .into_iter()
            .map(|change| format!("{} {} > {}", change.field, change.before, change.after))
            .collect();
        assert_eq!(fields, ["name \"one\" > \"zwei\"", "status true > false"], "{:?}", database.kind);
        assert_eq!((record.entity, record.operation), (Entity::Flag, Operation::Update));
        let revision = store.revision().await.unwrap();
        assert_eq!(record.revision.number(), revision.number(), "{:?}", database.kind);
        let age = chrono::Utc::now() - record.changed_at.unwrap();
        assert!(age.num_seconds().abs() < 60, "{:?}: {age}", database.kind);
        // The version that the row gets with the change.
        let found = left_by(&store, &mut raw, "update flag_metadata set owner = 'ann'").await;
        let versions = |row: &Option<serde_json::Value>| row.as_ref().unwrap()["row_version"].as_i64();
        assert_eq!((versions(&found[0].before), versions(&found[0].after)), (Some(2), Some(3)));
        assert_eq!(store.load().await.unwrap().flags[0].metadata.row_version, 3, "{:?}", database.kind);
    }
}

#[tokio::test]
async fn sessions_record_actor_and_reason() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        let who = |records: &[HistoryRecord]| {
            let last = records.last().unwrap();
            (last.actor.clone(), last.reason.clone())
        };
        let flag = |id: u8| format!("insert into flags (id, name, status) values ({id}, '{id}', true)");
        let (actor, reason) = who(&left_by(&store, &mut raw, &flag(1)).await);
        assert_eq!(actor.is_some(), database.kind != Kind::Sqlite, "{actor:?}: the database's user");
        let user = database.url.split("://").nth(1).and_then(|rest| rest.split([':', '@']).next()).unwrap();
        assert!(reason.is_none() && actor.is_none_or(|actor| actor.starts_with(user)));
        let signed = match database.kind {
            Kind::Sqlite => "update novi_session set actor = 'jane', reason = 'why not'",
            Kind::Postgres => "set novi.actor = 'jane'; set novi.reason = 'why not'",
            Kind::MySql => "set @novi_actor = 'jane', @novi_reason = 'why not'",
        };
        assert!(left_by(&store, &mut raw, signed).await.is_empty());
        let jane = (Some("jane".to_owned()), Some("why not".to_owned()));
        assert_eq!(who(&left_by(&store, &mut raw, &flag(2)).await), jane, "{:?}", database.kind);
        assert_eq!(who(&left_by(&store, &mut raw, "delete from flags where id = 2").await), jane);
        let gone = match database.kind {
            Kind::Sqlite => "update novi_session set actor = null, reason = null",
            Kind::Postgres => "reset novi.actor; reset novi.reason",
            Kind::MySql => "set @novi_actor = null, @novi_reason = null",
        };
        raw.run(gone).await.unwrap();

        // Programs do so as well, and restore their connections.
        let author = Author { actor: Some("it's ann".to_owned()), reason: Some("\u{1f680}".to_owned()) };
        let ann = (author.actor.clone(), author.reason.clone());
        let insert = |id: i64| vec![Change::InsertFlag(FlagRow::new(id, id.to_string(), true))];
        for id in 10..16 {
            store.apply_by(&author, insert(id)).await.unwrap();
            assert_eq!(who(&records(&store).await), ann, "{:?}", database.kind);
            store.apply_by(&author, insert(id)).await.unwrap_err();
            store.apply(insert(id + 10)).await.unwrap();
            assert_ne!(who(&records(&store).await).0, ann.0, "{:?}", database.kind);
        }
        store.run_script_by(&author, &flag(7)).await.unwrap();
        assert_eq!(who(&records(&store).await), ann);
        store.run_script_by(&author, "insert into nothing values (1)").await.unwrap_err();
        store.run_script(&flag(8)).await.unwrap();
        assert_ne!(who(&records(&store).await).0, ann.0);
    }
}

#[tokio::test]
async fn rolled_back_changes_have_no_record() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        left_by(&store, &mut raw, "insert into flags (id, name, status) values (1, 'one', true)").await;
        let sql = "begin; update flags set status = false; delete from flags; rollback";
        assert!(left_by(&store, &mut raw, sql).await.is_empty(), "{:?}", database.kind);
        let sql = "begin; savepoint a; update flags set status = false; rollback to a; \
            update flags set name = 'two'; commit";
        assert_eq!(told(&left_by(&store, &mut raw, sql).await), ["update flags#1 \"two\""]);
    }
}

const FILLED: &str = "
    insert into flags (id, name, status) values (1, 'one', true), (2, 'two', true);
    insert into activations (id, name, class_name) values (5, 'a', 'c'), (6, 'b', 'c');
    insert into flags_activations (flag_id, activation_id) values (1, 5);
    insert into activation_members (activation_id, member) values (6, 'ann'), (6, 'bob');";

#[tokio::test]
async fn cascaded_deletes_have_records() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        left_by(&store, &mut raw, FILLED).await;
        let mut found = told(&left_by(&store, &mut raw, "delete from flags where id = 1").await);
        found.sort_unstable();
        assert_eq!(
            found,
            ["delete flag_metadata#1", "delete flags#1 \"one\"", "delete flags_activations(1, 5)"]
        );
        let mut found = told(&left_by(&store, &mut raw, "delete from activations where id = 6").await);
        found.sort_unstable();
        let members = ["ann", "bob"].map(|name| format!("delete activation_members(6, \"{name}\")"));
        assert_eq!(found[..2], members, "{:?}", database.kind);
        assert_eq!(found[2..], ["delete activations#6 \"b\""], "{:?}", database.kind);
        // Keys that change by a cascade.
        let past = store.load().await.unwrap();
        let mut found = told(&left_by(&store, &mut raw, "update flags set id = 9 where id = 2").await);
        found.sort_unstable();
        assert_eq!(found, ["update flag_metadata#9", "update flags#9 \"two\""], "{:?}", database.kind);
        assert_eq!(store.rows_at(AsOf::Revision(past.revision)).await.unwrap().flags[0].id, 2);
    }
}

/// Without columns of novi's own bookkeeping, which are not recorded.
fn without_versions(mut rows: Rows) -> Rows {
    for flag in &mut rows.flags {
        (flag.metadata.row_version, flag.metadata.updated_at) = (0, None);
    }
    for activation in &mut rows.activations {
        activation.row_version = 0;
    }
    rows
}

#[tokio::test]
async fn postgres_truncate_records_each_row() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let store = migrated(&database).await;
    let mut raw = Raw::connect(&database).await;
    left_by(&store, &mut raw, FILLED).await;
    let before = store.load().await.unwrap();
    let mut found = told(&left_by(&store, &mut raw, "truncate flags, activations cascade").await);
    found.sort_unstable();
    let expected = [
        "delete activation_members(6, \"ann\")",
        "delete activation_members(6, \"bob\")",
        "delete activations#5 \"a\"",
        "delete activations#6 \"b\"",
        "delete flag_metadata#1",
        "delete flag_metadata#2",
        "delete flags#1 \"one\"",
        "delete flags#2 \"two\"",
        "delete flags_activations(1, 5)",
    ];
    assert_eq!(found, expected);
    let at = store.rows_at(AsOf::Revision(before.revision)).await.unwrap();
    assert_eq!(without_versions(at), without_versions(before));
    assert!(left_by(&store, &mut raw, "truncate flags cascade").await.is_empty(), "nothing was there");
    // A change has the time of its commit.
    raw.run("begin; insert into flags values (1, 'late', true)").await.unwrap();
    let before = raw.texts("select clock_timestamp()::text").await.pop().unwrap();
    raw.run("commit").await.unwrap();
    let text = format!(
        "select (changed_at > '{before}')::text from flag_history where entity = 'flags' order by id desc limit 1"
    );
    assert_eq!(raw.texts(&text).await, ["true"]);
}

#[tokio::test]
async fn sqlite_replace_records_each_row() {
    let database = database(Kind::Sqlite).await;
    let store = migrated(&database).await;
    // With the settings of the shell and of sqlx, and with the triggers that `or replace` fires then.
    for pragma in ["foreign_keys = off", "foreign_keys = on", "recursive_triggers = on"] {
        let mut raw = Raw::connect(&database).await;
        raw.run(&format!("pragma {pragma}; delete from flags; delete from activations")).await.unwrap();
        left_by(&store, &mut raw, FILLED).await;
        let edits = [
            "insert or replace into flags values (2, 'two', false)",
            "insert or replace into flags values (3, 'two', true)",
            "insert into flags values (3, 'x', false) on conflict do update set status = false",
            "insert or ignore into flags values (3, 'y', true)",
            "replace into activations values (6, 'c', 'c', '[]')",
            "insert or replace into activation_members values (6, 'eve', true), (6, 'eve', false)",
            "insert or replace into flag_metadata (flag_id, owner) values (3, 'ann')",
            "update or replace flags set name = 'one' where id = 3",
            "insert into flags values (1, 'new', true)",
        ];
        for sql in edits {
            let before = store.load().await.unwrap();
            left_by(&store, &mut raw, sql).await;
            assert_same(&store.rows_at(AsOf::Revision(before.revision)).await.unwrap(), &before, sql);
        }
        let rows = store.load().await.unwrap();
        let names: Vec<_> = rows.flags.iter().map(|row| (row.id, row.name.as_str())).collect();
        assert_eq!(names, [(1, "new"), (3, "one")], "{pragma}");
        assert!(rows.links.is_empty(), "{pragma}: a flag takes its links along, however it goes");
    }
}

/// Except for columns that the database maintains.
#[track_caller]
fn assert_same(found: &novi::rows::Rows, expected: &novi::rows::Rows, what: &str) {
    let differences = store::history::differences(expected, found);
    assert_eq!(differences, [], "{what}");
    assert_eq!(found.revision, expected.revision);
}

/// A connection with a slot of its own.
async fn in_another_slot(database: &TestDatabase, one: &mut Raw) -> Raw {
    const SLOT: &str = "select cast(connection_id() % 64 as char)";
    loop {
        let mut two = Raw::connect(database).await;
        if database.kind == Kind::Postgres || one.texts(SLOT).await != two.texts(SLOT).await {
            return two;
        }
    }
}

#[tokio::test]
async fn concurrent_writers_leave_all_records_and_do_not_block() {
    for database in databases().await {
        if database.kind == Kind::Sqlite {
            continue;
        }
        let store = migrated(&database).await;
        let mut one = Raw::connect(&database).await;
        let mut two = in_another_slot(&database, &mut one).await;
        left_by(
            &store,
            &mut one,
            "insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true)",
        )
        .await;
        let mut known = records(&store).await.len();
        for turn in 0..6 {
            let status = turn % 2 == 1;
            one.run(&format!("begin; update flags set status = {status} where id = 1")).await.unwrap();
            let sql = format!("update flags set status = {status} where id = 2");
            unblocked("another flag than that of a writer slow to commit", two.run(&sql)).await.unwrap();
            let between = store.revision().await.unwrap();
            let found = records(&store).await.split_off(known);
            assert_eq!(told(&found), ["update flags#2 \"b\""], "{:?}", database.kind);
            // New flags do not block each other, either.
            let new = |id: i32| format!("insert into flags (id, name, status) values ({id}, '{id}', true)");
            one.run(&new(100 + 2 * turn)).await.unwrap();
            let sql = new(101 + 2 * turn);
            unblocked("a new flag, by another new one", two.run(&sql)).await.unwrap();
            // The opposite order.
            two.run(
                "begin; update flag_metadata set owner = concat(coalesce(owner, ''), 'x') where flag_id = 2",
            )
            .await
            .unwrap();
            one.run("insert into activations (name, class_name) values ('y', 'x')").await.unwrap();
            two.run("insert into activations (name, class_name) values ('z', 'x'); commit").await.unwrap();
            one.run("commit").await.unwrap();
            assert_raises_have_records(&store, &mut one, "crossed transactions").await;
            let found = records(&store).await.split_off(known);
            assert_eq!(found.len(), 9, "{:?}: each change once: {:?}", database.kind, told(&found));
            known += 9;
            if database.kind == Kind::Postgres {
                // The slow one is the last, because it was committed last.
                assert!(told(&found)[5].starts_with("update flags#1"), "{:?}", told(&found));
                assert!(found[5].revision.number() > between.number() + 1);
            }
        }
    }
}

#[tokio::test]
async fn mysql_history_is_in_the_order_that_readers_saw() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let store = migrated(&database).await;
    let mut one = Raw::connect(&database).await;
    let mut two = in_another_slot(&database, &mut one).await;
    one.run("insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true)").await.unwrap();
    one.run("begin; update flags set status = false where id = 1").await.unwrap();
    two.run("update flags set status = false where id = 2").await.unwrap();
    // A reader, which notes what it has seen: the second change, but not the first.
    let seen = store.load().await.unwrap();
    // By id and no other index, so that it does not wait for uncommitted records.
    let ids = two.texts("select cast(id as char) from flag_history where seen is null").await.join(", ");
    let note = format!("set seen = {} where id in ({ids})", seen.revision);
    two.run(&format!("update flag_history force index (primary) {note}")).await.unwrap();
    one.run("commit").await.unwrap();
    let last = records(&store).await;
    let last: Vec<_> = last.iter().rev().take(2).map(HistoryRecord::subject).collect();
    assert_eq!(last, ["flags#1 \"a\"", "flags#2 \"b\""]);
    let then = store.rows_at(AsOf::Revision(seen.revision)).await.unwrap();
    assert_same(&then, &seen, "what the reader had");
    assert_eq!(
        store
            .history(&HistoryQuery::default().between(seen.revision, Revision::new(99)))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn mysql_history_starts_with_changes_before_the_first_reader() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let store = migrated(&database).await;
    let mut one = Raw::connect(&database).await;
    let mut two = in_another_slot(&database, &mut one).await;
    two.run("insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true)").await.unwrap();
    let flags = novi::Flags::builder().from_store(store.clone()).await.unwrap();
    let noted = async |raw: &mut Raw| {
        while raw.texts("select cast(id as char) from flag_history where seen is null").await
            != [] as [&str; 0]
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    unblocked("the mark of what was seen", noted(&mut one)).await;
    let seeded = store.load().await.unwrap();
    one.run("update flags set status = false where id = 1").await.unwrap();
    flags.refresh().await.unwrap();
    unblocked("the mark of what was seen", noted(&mut one)).await;
    let then = store.rows_at(AsOf::Revision(seeded.revision)).await.unwrap();
    assert_same(&then, &seeded, "what was seeded");
    let last = records(&store).await.pop().unwrap();
    assert_eq!((last.subject(), last.operation), ("flags#1 \"a\"".to_owned(), Operation::Update));
}

#[tokio::test]
async fn mysql_migration_without_the_trigger_privilege_fails() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let mut raw = Raw::connect(&database).await;
    let name = database.url.rsplit('/').next().unwrap();
    let user = format!("u{}", &name[name.len() - 8..]);
    raw.run(&format!(
        "create user {user}@'127.0.0.1' identified by 'x'; grant select, insert, update, delete, create, drop, \
         alter, index, references, create temporary tables on {name}.* to {user}@'127.0.0.1'"
    ))
    .await
    .unwrap();
    let host = database.url.split('@').nth(1).unwrap();
    let url = format!("mysql://{user}:x@{host}");
    let store = store::create(&url).await.unwrap();
    let migrated = store.migrate().await.unwrap();
    assert!(migrated.without_triggers && migrated.applied.len() == 3, "{migrated:?}");
    let refused = "the triggers are missing: the server refused to create them";
    assert_eq!(store.schema_state().await.unwrap().problems, [refused]);
    assert!(store.migrate().await.unwrap().without_triggers, "it is said each time");
    let before = store.revision().await.unwrap();
    raw.run("insert into flags (id, name, status) values (1, 'one', true)").await.unwrap();
    assert_eq!(store.revision().await.unwrap(), before, "nobody notices");
    let changed =
        store.apply(vec![Change::SetStatus { flag: "one".to_owned(), status: false }]).await.unwrap();
    assert_ne!(changed, before, "what novi changes is noticed");
    assert_eq!(store.revision().await.unwrap(), changed);
    assert!(records(&store).await.is_empty());
    // A process that follows compares what the tables hold.
    let flags = novi::Flags::connect(&url).await.unwrap();
    let mut heard = flags.subscribe();
    raw.run("insert into flags (id, name, status) values (2, 'two', true)").await.unwrap();
    assert!(heard.next().await.unwrap().whole && flags.is_enabled("two", &novi::Context::new()));
    raw.run("delete from flags where id = 2").await.unwrap();
    assert!(heard.next().await.unwrap().whole && flags.evaluate("two", &novi::Context::new()).is_err());
    drop(flags);

    // A user with the privilege.
    let owner = store::create(&database.url).await.unwrap();
    let repaired = owner.migrate().await.unwrap().repaired;
    assert!(
        repaired.contains(&"the trigger novi_flags_update of flags is missing".to_owned()),
        "{repaired:?}"
    );
    assert!(owner.schema_state().await.unwrap().problems.is_empty());
    raw.run("update flags set status = true; update flag_metadata set owner = 'ann'").await.unwrap();
    let expected = ["update flags#1 \"one\"", "update flag_metadata#1"];
    assert_eq!(told(&records(&owner).await), expected);
    assert_eq!(store.load().await.unwrap().flags[0].metadata.row_version, 3);
    assert_eq!(store.migrate().await.unwrap(), store::Migrated::default());
    raw.run(&format!("drop user {user}@'127.0.0.1'")).await.unwrap();
}
