//! Plain SQL: the triggers raise the revision, write the history and notify.

use crate::{
    common::{
        databases::{Kind, Raw, TestDatabase, database, databases, kinds},
        until::unblocked,
    },
    migrate::migrated,
};

/// The row with the members of its JSON objects in one order: each server has its own.
fn with_sorted_members(row: &str) -> String {
    let Some((at, _)) = row.match_indices(' ').nth(2) else { return row.to_owned() };
    let (subject, states) = row.split_at(at + 1);
    let sorted = states.split(" -> ").map(|state| match serde_json::from_str::<serde_json::Value>(state) {
        Ok(object) => object.to_string(),
        Err(_) => state.to_owned(),
    });
    format!("{subject}{}", sorted.collect::<Vec<_>>().join(" -> "))
}

/// History as `entity id/other operation before -> after`, oldest first, of the tables that a DBA writes to.
async fn history(raw: &mut Raw) -> Vec<String> {
    let number = |column| match raw {
        Raw::MySql(_) => format!("coalesce(cast({column} as char), '-')"),
        _ => format!("coalesce(cast({column} as text), '-')"),
    };
    let sql = format!(
        "select concat(entity, ' ', {}, '/', {}, ' ', operation, ' ', coalesce({before}, '-'), ' -> ', \
         coalesce({after}, '-')) from flag_history where revision is not null order by id",
        number("entity_id"),
        number("other_id"),
        before = if matches!(raw, Raw::MySql(_)) { "`before`" } else { "before" },
        after = if matches!(raw, Raw::MySql(_)) { "`after`" } else { "after" },
    );
    raw.texts(&sql).await.iter().map(|row| with_sorted_members(row)).collect()
}

#[tokio::test]
async fn plain_sql_raises_the_revision_and_is_recorded() {
    let edits = [
        (
            "insert into flags (id, name, status) values (1, 'one', true)",
            "flags 1/- insert - -> {\"id\":1,\"name\":\"one\",\"status\":true}",
        ),
        (
            "update flags set status = false where name = 'one'",
            "flags 1/- update {\"id\":1,\"name\":\"one\",\"status\":true} -> {\"id\":1,\"name\":\"one\",\"status\":false}",
        ),
        (
            "insert into activations (id, name, class_name, config) values (5, 'a', 'c', '[1]')",
            "activations 5/- insert - -> {\"id\":5,\"name\":\"a\",\"class_name\":\"c\",\"config\":\"[1]\"}",
        ),
        (
            "update activations set config = '[2]'",
            "activations 5/- update {\"id\":5,\"name\":\"a\",\"class_name\":\"c\",\"config\":\"[1]\"} -> \
             {\"id\":5,\"name\":\"a\",\"class_name\":\"c\",\"config\":\"[2]\"}",
        ),
        (
            "insert into flags_activations (flag_id, activation_id) values (1, 5)",
            "flags_activations 1/5 insert - -> {\"flag_id\":1,\"activation_id\":5}",
        ),
        (
            "delete from flags_activations where flag_id = 1",
            "flags_activations 1/5 delete {\"flag_id\":1,\"activation_id\":5} -> -",
        ),
        (
            "insert into activation_members values (5, 'ann', false)",
            "activation_members 5/- insert - -> {\"activation_id\":5,\"member\":\"ann\",\"denied\":false}",
        ),
        (
            "update activation_members set denied = true",
            "activation_members 5/- update {\"activation_id\":5,\"member\":\"ann\",\"denied\":false} -> \
             {\"activation_id\":5,\"member\":\"ann\",\"denied\":true}",
        ),
        (
            "delete from activation_members where member = 'ann'",
            "activation_members 5/- delete {\"activation_id\":5,\"member\":\"ann\",\"denied\":true} -> -",
        ),
        (
            "insert into activation_members (activation_id, member) values (5, 'bob')",
            "activation_members 5/- insert",
        ),
        // Its members are deleted with it, and recorded.
        ("delete from activations", "activation_members 5/- delete"),
        ("insert into activations (id, name, class_name) values (5, 'a', 'c')", "activations 5/- insert"),
        ("delete from activations", "activations 5/- delete"),
    ];
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        for (sql, expected) in edits {
            let (before, known) = (store.revision().await.unwrap(), history(&mut raw).await.len());
            raw.run(sql).await.unwrap();
            assert_ne!(store.revision().await.unwrap(), before, "{:?}: {sql}", database.kind);
            let new = history(&mut raw).await.split_off(known);
            let expected = with_sorted_members(expected);
            assert!(new.iter().any(|row| row.starts_with(&expected)), "{:?}: {sql}: {new:#?}", database.kind);
        }
        let before = (store.revision().await.unwrap(), history(&mut raw).await);
        raw.run("update flags set status = false; update flags set status = true where id = 77")
            .await
            .unwrap();
        let after = (store.revision().await.unwrap(), history(&mut raw).await);
        assert_eq!(after, before, "{:?}: a statement that changes nothing is no change", database.kind);
        assert_metadata_is_versioned(&mut raw).await;
        // A flag's rows are deleted with it, and all are recorded.
        raw.run("insert into activations (id, name, class_name) values (6, 'b', 'c')").await.unwrap();
        raw.run("insert into flags_activations (flag_id, activation_id) values (1, 6)").await.unwrap();
        let known = history(&mut raw).await.len();
        raw.run("delete from flags").await.unwrap();
        let mut gone: Vec<_> = history(&mut raw).await.split_off(known);
        for row in &mut gone {
            row.truncate(row.find(" {").unwrap());
        }
        gone.sort();
        let expected = ["flag_metadata 1/- delete", "flags 1/- delete", "flags_activations 1/6 delete"];
        assert_eq!(gone, expected, "{:?}", database.kind);
        let actors = raw.texts("select distinct coalesce(actor, '') from flag_history").await;
        assert_eq!(actors.len(), 1);
        assert_eq!(actors[0].is_empty(), database.kind == Kind::Sqlite, "{:?}: {actors:?}", database.kind);
    }
}

async fn assert_metadata_is_versioned(raw: &mut Raw) {
    let char_type = if matches!(raw, Raw::MySql(_)) { "char" } else { "text" };
    let version = format!("select cast(row_version as {char_type}) from flag_metadata where flag_id = 1");
    assert_eq!(raw.texts(&version).await, ["4"], "a status, a link, and no link");
    let known = history(raw).await.len();
    raw.run("update flag_metadata set owner = 'ann' where flag_id = 1").await.unwrap();
    assert_eq!(raw.texts(&version).await, ["5"]);
    let new = history(raw).await.split_off(known);
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(
        new[0].starts_with("flag_metadata 1/- update") && new[0].contains("\"owner\":\"ann\""),
        "{new:?}"
    );
    raw.run("update flags set name = 'renamed' where id = 1").await.unwrap();
    assert_eq!(raw.texts(&version).await, ["6"]);
    let new = history(raw).await.split_off(known + 1);
    assert_eq!(new.len(), 1, "bookkeeping leaves no history: {new:?}");
}

#[tokio::test]
async fn rolled_back_transactions_leave_nothing() {
    for database in databases().await {
        let store = migrated(&database).await;
        store.run_script("insert into flags (id, name, status) values (1, 'one', true)").await.unwrap();
        let mut raw = Raw::connect(&database).await;
        let before = (store.load().await.unwrap(), history(&mut raw).await);
        raw.run("begin; update flags set status = false; delete from flags; rollback;").await.unwrap();
        assert_eq!((store.load().await.unwrap(), history(&mut raw).await), before, "{:?}", database.kind);
        // A part of a transaction that is committed.
        raw.run(
            "begin; savepoint a; update flags set status = false; rollback to a; release savepoint a; commit",
        )
        .await
        .unwrap();
        let rows = store.load().await.unwrap();
        assert!(rows.flags[0].status && history(&mut raw).await == before.1, "{:?}", database.kind);
    }
}

/// A connection that shares no counter with `one`: on MySQL, two connections may have the same of 64 slots.
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
async fn writers_in_opposite_order_do_not_deadlock() {
    for database in databases().await {
        if database.kind == Kind::Sqlite {
            // One writer at a time.
            continue;
        }
        let store = migrated(&database).await;
        store
            .run_script(
                "insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true);
                 insert into activations (id, name, class_name) values (1, 'list', 'x')",
            )
            .await
            .unwrap();
        let mut one = Raw::connect(&database).await;
        let mut two = in_another_slot(&database, &mut one).await;
        for turn in 0..10 {
            let before = store.revision().await.unwrap();
            let status = turn % 2 == 1;
            one.run(&format!("begin; update flags set status = {status} where id = 1")).await.unwrap();
            // The second does not wait, although the first has not committed.
            let sql = format!("begin; update flags set status = {status} where id = 2; commit");
            unblocked("a writer, by a slow one", two.run(&sql)).await.unwrap();
            let between = store.revision().await.unwrap();
            assert_ne!(between, before, "{:?}: the kill switch is seen at once", database.kind);
            two.run(&format!("begin; insert into activations (name, class_name) values ('{turn}', 'x')"))
                .await
                .unwrap();
            one.run("insert into activations (name, class_name) values ('y', 'x')").await.unwrap();
            two.run(&format!("insert into flags (name, status) values ('two {turn}', true)")).await.unwrap();
            one.run(&format!("insert into flags (name, status) values ('one {turn}', true)")).await.unwrap();
            if database.kind == Kind::Postgres {
                // Nor the counter of row changes, which rises at the commit.
                two.run("insert into activation_members values (1, 'two ' || gen_random_uuid(), false)")
                    .await
                    .unwrap();
                one.run("insert into activation_members values (1, 'one ' || gen_random_uuid(), false)")
                    .await
                    .unwrap();
            }
            two.run("commit").await.unwrap();
            let last = store.revision().await.unwrap();
            one.run("commit").await.unwrap();
            assert_ne!(
                store.revision().await.unwrap(),
                last,
                "{:?}: nor is the slow one missed",
                database.kind
            );
        }
    }
}

#[tokio::test]
async fn postgres_notifies_once_per_transaction_and_on_truncate() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let store = migrated(&database).await;
    let mut listener = sqlx::postgres::PgListener::connect(&database.url).await.unwrap();
    listener.listen("novi").await.unwrap();
    // Other tests notify on this channel as well, each for its own database.
    let mut raw = Raw::connect(&database).await;
    raw.run("begin; insert into flags select n, 'f' || n, true from generate_series(1, 500) n; update flags set status = false; commit")
        .await
        .unwrap();
    let revision = store.revision().await.unwrap().to_string();
    let heard = async {
        loop {
            if listener.recv().await.unwrap().payload() == revision {
                break;
            }
        }
    };
    unblocked("the notification", heard).await;
    let stamps = raw.texts("select distinct revision::text from flag_history").await;
    assert_eq!(stamps, [revision.as_str()], "one revision for the whole transaction");
    assert_eq!(raw.texts("select count(*)::text from novi_touch").await, ["0"]);
    raw.run("truncate flags cascade").await.unwrap();
    assert_ne!(store.revision().await.unwrap().to_string(), revision);
    // A role with write access to flags only, and with another search_path.
    let schema = raw.texts("select current_schema()::text").await.remove(0);
    let role = format!("{schema}_role");
    raw.run(&format!(
        "create role {role}; grant usage on schema {schema} to {role}; grant all on flags to {role}; set role {role};
         set search_path = pg_catalog; insert into {schema}.flags values (1, 'by another', true);
         reset role; reset search_path"
    ))
    .await
    .unwrap();
    assert_eq!(store.load().await.unwrap().flags.len(), 1);
    raw.run(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
}
