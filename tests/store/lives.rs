//! An id that was given again, as SQLite does with plain SQL, is another row: its history is not that of the first one.

use novi::{
    rows::{ActivationRow, FlagRow},
    store::{self, Change, EditedRows, history::HistoryQuery},
};

use crate::common::databases::{Raw, databases};

const FIRST: &str = "
    insert into flags (id, name, status) values (1, 'one', true);
    insert into activations (id, name, class_name) values (5, 'first', 'c');
    insert into activation_members (activation_id, member) values (5, 'ann');
    insert into flags_activations (flag_id, activation_id) values (1, 5);
    delete from flags_activations where flag_id = 1;
    delete from activations where id = 5;
    insert into activations (id, name, class_name) values (5, 'unlinked', 'c');
    delete from activations where id = 5;
    delete from flags where id = 1;";

const SECOND: &str = "
    insert into flags (id, name, status) values (1, 'two', true), (2, 'three', true);
    insert into activations (id, name, class_name) values (5, 'second', 'c');
    insert into activation_members (activation_id, member) values (5, 'bob');
    insert into flags_activations (flag_id, activation_id) values (1, 5);
    update flags set status = false where id = 1;";

#[tokio::test]
async fn history_of_a_flag_leaves_out_other_rows_that_had_its_ids() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run(FIRST).await.unwrap();
        raw.run(SECOND).await.unwrap();
        let mut found = Vec::new();
        for name in ["one", "two", "three"] {
            let records = store.history(&HistoryQuery::oldest_first().flag(name)).await.unwrap();
            let mut subjects: Vec<String> =
                records.iter().map(|record| format!("{} {}", record.operation, record.subject())).collect();
            subjects.sort_unstable();
            found.push(subjects);
        }
        let [one, two, three] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            one[..],
            [
                "delete activation_members(5, \"ann\")",
                "delete activations#5 \"first\"",
                "delete flag_metadata#1",
                "delete flags#1 \"one\"",
                "delete flags_activations(1, 5)",
                "insert activation_members(5, \"ann\")",
                "insert activations#5 \"first\"",
                "insert flag_metadata#1",
                "insert flags#1 \"one\"",
                "insert flags_activations(1, 5)",
            ],
            "{:?}",
            database.kind
        );
        assert_eq!(
            two[..],
            [
                "insert activation_members(5, \"bob\")",
                "insert activations#5 \"second\"",
                "insert flag_metadata#1",
                "insert flags#1 \"two\"",
                "insert flags_activations(1, 5)",
                "update flags#1 \"two\"",
            ],
            "{:?}",
            database.kind
        );
        assert_eq!(three[..], ["insert flag_metadata#2", "insert flags#2 \"three\""], "{:?}", database.kind);
        // A flag that was restored has both lives.
        raw.run("delete from flags where id = 1; insert into flags (id, name) values (1, 'two')")
            .await
            .unwrap();
        let records = store.history(&HistoryQuery::oldest_first().flag("two")).await.unwrap();
        assert_eq!(records.len(), two.len() + 5, "{:?}: {records:?}", database.kind);
    }
}

#[tokio::test]
async fn ids_of_deleted_rows_are_never_given_again() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run(FIRST).await.unwrap();
        let mut edited = EditedRows::new(store.load().await.unwrap());
        assert_eq!(edited.next_flag_id(), Some(2), "{:?}", database.kind);
        assert_eq!(edited.next_activation_id(), Some(6), "{:?}", database.kind);
        // Nor those that the same edit has deleted.
        edited.make(&Change::InsertFlag(FlagRow::new(2, "two", true))).unwrap();
        edited.make(&Change::DeleteFlag { id: 2 }).unwrap();
        edited.make(&Change::InsertActivation(ActivationRow::new(6, "a", "c", "[]"))).unwrap();
        edited.make(&Change::DeleteActivation { id: 6 }).unwrap();
        assert_eq!((edited.next_flag_id(), edited.next_activation_id()), (Some(3), Some(7)));
        let again = EditedRows::new(edited.finish());
        assert_eq!((again.next_flag_id(), again.next_activation_id()), (Some(3), Some(7)));
    }
}

#[tokio::test]
async fn a_server_that_follows_gives_no_id_again() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'one', true)").await.unwrap();
        let flags = novi::Flags::builder().keep_rows().connect(&database.url).await.unwrap();
        raw.run("insert into flags (id, name, status) values (2, 'two', true)").await.unwrap();
        flags.refresh().await.unwrap();
        raw.run("delete from flags where id = 2").await.unwrap();
        flags.refresh().await.unwrap();
        let rows = flags.snapshot().rows().cloned().unwrap();
        assert_eq!(rows.flags.len(), 1, "{:?}", database.kind);
        assert_eq!(EditedRows::new(rows).next_flag_id(), Some(3), "{:?}", database.kind);
    }
}
