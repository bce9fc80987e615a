//! Functions and triggers that are not those that novi creates, or were not for a moment.

use novi::{Context, Flags, store};

use crate::common::databases::{Kind, Raw, databases};

/// Functions and triggers that have their names and do nothing, or less.
fn changes_definitions(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Sqlite => &[(
            "drop trigger novi_flags_update;
             create trigger novi_flags_update after update on flags begin select 1; end",
            "the trigger novi_flags_update of flags is not the one that novi creates",
        )],
        Kind::Postgres => &[
            (
                "create or replace function novi_record() returns trigger language plpgsql security definer
                 set search_path = pg_catalog, pg_temp as $$ begin return null; end $$",
                "the function novi_record is not the one that novi creates",
            ),
            (
                "drop trigger novi_flags_record on flags; create trigger novi_flags_record after insert or delete on flags
                 for each row execute function novi_record('id')",
                "the trigger novi_flags_record of flags is not the one that novi creates",
            ),
            ("alter function novi_record() security invoker", "the function novi_record is not the one that novi creates"),
        ],
        Kind::MySql => &[(
            "drop trigger novi_flags_update;
             create trigger novi_flags_update after update on flags for each row begin end",
            "the trigger novi_flags_update of flags is not the one that novi creates",
        )],
    }
}

#[tokio::test]
async fn triggers_with_another_body_are_reported_followed_and_repaired() {
    for database in databases().await {
        let kind = database.kind;
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
        for (change, problem) in changes_definitions(kind) {
            let flags = Flags::connect(&database.url).await.unwrap();
            assert!(flags.status().schema_problems.is_empty(), "{kind:?}");
            raw.run(change).await.unwrap();
            flags.sweep().await.unwrap();
            assert_eq!(flags.status().schema_problems, [*problem], "{kind:?}");
            assert_eq!(store.schema_state().await.unwrap().problems, [*problem], "{kind:?}");
            raw.run("update flags set status = not status").await.unwrap();
            let before = flags.is_enabled("a", &Context::new());
            flags.sweep().await.unwrap();
            assert_ne!(flags.is_enabled("a", &Context::new()), before, "{kind:?}");
            assert_eq!(store.migrate().await.unwrap().repaired, [*problem], "{kind:?}");
            assert!(store.schema_state().await.unwrap().problems.is_empty(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn renaming_tables_there_and_back_changes_no_trigger() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("alter table flags rename to f; alter table f rename to flags").await.unwrap();
        let problems = store.schema_state().await.unwrap().problems;
        assert_eq!(problems, [""; 0], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn triggers_of_a_newer_novi_are_not_reported_as_changed() {
    for database in databases().await {
        let kind = database.kind;
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("update novi_migrations set version = 99 where version = 3").await.unwrap();
        raw.run(changes_definitions(kind)[0].0).await.unwrap();
        let problems = store.schema_state().await.unwrap().problems;
        assert_eq!(problems, [""; 0], "{kind:?}");
    }
}

/// Rows that change while no trigger fires, between two looks at the triggers.
fn changes_unseen(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite | Kind::MySql => "drop trigger novi_flags_update; update flags set status = false",
        Kind::Postgres => {
            "alter table flags disable trigger user; update flags set status = false;
             alter table flags enable trigger user"
        }
    }
}

#[tokio::test]
async fn rows_changed_while_triggers_were_off_for_a_moment_are_read() {
    for database in databases().await {
        let kind = database.kind;
        store::create(&database.url).await.unwrap().migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
        let flags = Flags::connect(&database.url).await.unwrap();
        let made = match kind {
            Kind::Sqlite => "select sql from sqlite_master where name = 'novi_flags_update'",
            Kind::Postgres => "select ''",
            Kind::MySql => {
                "select concat('create trigger novi_flags_update after update on flags for each row ', action_statement)
                 from information_schema.triggers
                 where trigger_schema = database() and trigger_name = 'novi_flags_update'"
            }
        };
        let made = raw.texts(made).await.concat();
        raw.run(changes_unseen(kind)).await.unwrap();
        raw.run(&made).await.unwrap();
        flags.sweep().await.unwrap();
        assert!(flags.status().schema_problems.is_empty(), "{kind:?}: {:?}", flags.status());
        assert!(!flags.is_enabled("a", &Context::new()), "{kind:?}");
        assert!(!flags.sweep().await.unwrap(), "{kind:?}: nothing else has changed");
    }
}
