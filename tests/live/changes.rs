//! Notifications of subscribers after plain SQL, in each database: only changed rows are read.

use std::sync::Arc;

use novi::{
    Context, Flags,
    activation::UnknownFields,
    flags::{Changes, Subscription},
    store,
};

use crate::common::databases::{Kind, Raw, TestDatabase, databases};

const SEED: &str = r#"
    insert into flags (id, name, status) values (1, 'one', true);
    insert into flags (id, name, status) values (2, 'two', true);
    insert into flags (id, name, status) values (3, 'three', true);
    insert into activations (id, name, class_name, config) values (1, 'a', 'novi.attribute', '{"attribute": "n", "equals": 1}');
    insert into activations (id, name, class_name, config) values (2, 'b', 'novi.not', '[1]');
    insert into activations (id, name, class_name, config) values (3, 'c', 'novi.members', '{}');
    insert into activations (id, name, class_name, config) values (4, 'd', 'novi.flag', '{"flag": "three"}');
    insert into flags_activations (flag_id, activation_id) values (1, 1);
    insert into flags_activations (flag_id, activation_id) values (2, 2);
    insert into flags_activations (flag_id, activation_id) values (3, 3);
"#;

struct Followed {
    flags: Flags,
    heard: Subscription,
    dba: Raw,
}

async fn followed(database: &TestDatabase) -> Followed {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let mut dba = Raw::connect(database).await;
    dba.run(SEED).await.unwrap();
    let flags = Flags::connect(&database.url).await.unwrap();
    let heard = flags.subscribe();
    Followed { flags, heard, dba }
}

impl Followed {
    /// The notification of a change, by a hint or at the next refresh.
    async fn hears(&mut self, sql: &str) -> Arc<Changes> {
        self.dba.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        self.heard.next().await.unwrap()
    }

    async fn hears_of(&mut self, sql: &str, changed: &[&str], affected: &[&str]) {
        let heard = self.hears(sql).await;
        let names = (to_owned(changed), to_owned(affected));
        assert_eq!((&heard.changed, &heard.affected, heard.whole), (&names.0, &names.1, false), "{sql}");
        assert_eq!(heard.revision, self.flags.snapshot().revision(), "{sql}");
    }
}

fn to_owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn warnings_stay_until_their_row_changes() {
    for database in databases().await {
        let Followed { mut dba, .. } = followed(&database).await;
        dba.run(r#"update activations set config = '{"attribute": "n", "equals": 1, "x": 1}' where id = 1"#)
            .await
            .unwrap();
        let builder = Flags::builder().unknown_fields(UnknownFields::Warning);
        let flags = builder.connect(&database.url).await.unwrap();
        let warnings = || flags.issues().iter().filter(|issue| issue.warning).count();
        for (sql, expected) in [
            ("update flags set status = false where name = 'one'", 1),
            (r#"update activations set config = '{"with": [1]}' where id = 3"#, 2),
            (r#"update activations set config = '{"attribute": "n", "equals": 1}' where id = 1"#, 1),
        ] {
            dba.run(sql).await.unwrap();
            flags.refresh().await.unwrap();
            assert_eq!(warnings(), expected, "{:?}: {sql}", database.kind);
        }
    }
}

#[tokio::test]
async fn flags_that_do_not_exist_count_as_off_until_they_are_created() {
    for database in databases().await {
        let Followed { flags, mut dba, .. } = followed(&database).await;
        let state = || {
            let issues: Vec<_> = flags.issues().iter().map(ToString::to_string).collect();
            (flags.is_enabled("one", &Context::new()), flags.is_enabled("two", &Context::new()), issues)
        };
        let warning = |id: i64, name: &str| {
            format!(
                "activations#{id} {name:?}: config.flag: no flag has the name \"later\"; it counts as off"
            )
        };
        let refer =
            r#"update activations set class_name = 'novi.flag', config = '{"flag": "later"}' where id = 1"#;
        for (sql, exists) in [
            (refer, false),
            ("insert into flags (id, name, status) values (9, 'later', true)", true),
            ("update flags set name = 'sooner' where id = 9", false),
            ("update flags set name = 'later' where id = 9", true),
            ("delete from flags where id = 9", false),
        ] {
            dba.run(sql).await.unwrap();
            flags.refresh().await.unwrap();
            let warnings = if exists { Vec::new() } else { vec![warning(1, "a")] };
            // Flag `two` is on if activation 1 is off.
            assert_eq!(state(), (exists, !exists, warnings), "{:?}: {sql}", database.kind);
            assert_eq!(flags.snapshot().issue_count(), 0, "{:?}: {sql}", database.kind);
        }
    }
}

#[tokio::test]
async fn changes_name_the_flags() {
    for database in databases().await {
        let mut followed = followed(&database).await;
        let on = |followed: &Followed, name: &str| {
            followed.flags.is_enabled(name, &Context::new().with("n", 1).with("targetingKey", "u"))
        };
        followed.hears_of("update flags set status = false where name = 'one'", &["one"], &["one"]).await;
        assert!(!on(&followed, "one"));
        let config = r#"update activations set config = '{"attribute": "n", "equals": 2}' where id = 1"#;
        followed.hears_of(config, &[], &["one", "two"]).await;
        assert!(on(&followed, "two"));
        followed.hears_of("insert into activation_members values (3, 'u', false)", &[], &["three"]).await;
        assert!(on(&followed, "three"));
        let link = "insert into flags_activations (flag_id, activation_id) values (1, 4)";
        followed.hears_of(link, &["one"], &["one"]).await;
        followed.hears_of("delete from activation_members where member = 'u'", &[], &["one", "three"]).await;
        let metadata = "update flag_metadata set owner = 'shop' where flag_id = 3";
        followed.hears_of(metadata, &["three"], &["one", "three"]).await;
        // A transaction is one change.
        let several = "begin; update flags set name = 'zwei' where id = 2; insert into flags (id, name, status) \
            values (4, 'four', true); update flags set status = true where id = 1; commit";
        let names = ["four", "one", "two", "zwei"];
        followed.hears_of(several, &names, &names).await;
        assert!(on(&followed, "four") && on(&followed, "zwei") && !on(&followed, "two"));
        followed.hears_of("delete from flags where id = 4", &["four"], &["four"]).await;
        assert!(followed.flags.evaluate("four", &Context::new()).is_err());
    }
}

#[tokio::test]
async fn changes_without_history_reload_all_rows() {
    for database in databases().await {
        let mut followed = followed(&database).await;
        let changes = followed.hears("update novi_revision set revision = revision + 1 where slot = 0").await;
        assert!(changes.whole && changes.changed.is_empty(), "{changes:?}");
        // As after a restore of a backup.
        let changes = followed.hears("update novi_revision set revision = revision - 3 where slot = 0").await;
        assert!(changes.whole && changes.revision == followed.flags.snapshot().revision(), "{changes:?}");
        followed.hears_of("update flags set status = false where id = 2", &["two"], &["two"]).await;
    }
}

#[tokio::test]
async fn large_transactions_reload_all_rows() {
    for database in databases().await {
        let mut followed = followed(&database).await;
        let rows: Vec<_> = (100..3100).map(|id| format!("({id}, 'flag {id}', true)")).collect();
        let sql = format!("insert into flags (id, name, status) values {}", rows.join(", "));
        let changes = followed.hears(&sql).await;
        assert!(changes.whole);
        assert!(followed.flags.is_enabled("flag 3099", &Context::new()));
        followed
            .hears_of("update flags set status = false where id = 3099", &["flag 3099"], &["flag 3099"])
            .await;
    }
}

#[tokio::test]
async fn open_transactions_block_nothing_and_are_not_missed() {
    for database in databases().await {
        // SQLite has one writer.
        if database.kind == Kind::Sqlite {
            continue;
        }
        let mut followed = followed(&database).await;
        let mut slow = Raw::connect(&database).await;
        // A change that is seen, and one of the same connection that is not committed yet.
        slow.run("update flags set status = false where id = 1").await.unwrap();
        slow.run("begin; update flags set status = true where id = 1").await.unwrap();
        let heard = followed.heard.next().await.unwrap();
        assert_eq!(heard.changed, ["one"]);
        for status in [false, true] {
            let sql = format!("update flags set status = {status} where id = 2");
            followed.hears_of(&sql, &["two"], &["two"]).await;
        }
        assert!(!followed.flags.is_enabled("one", &Context::new().with("n", 1)));
        slow.run("commit").await.unwrap();
        let heard = followed.heard.next().await.unwrap();
        assert_eq!((&*heard.changed, heard.whole), (&*to_owned(&["one"]), false));
        assert!(followed.flags.is_enabled("one", &Context::new().with("n", 1)));
    }
}

#[tokio::test]
async fn truncated_tables_are_noticed() {
    for database in databases().await {
        // SQLite has no truncate; a delete without a condition fires triggers there.
        if database.kind == Kind::Sqlite {
            continue;
        }
        let mut followed = followed(&database).await;
        followed.dba.run("truncate table flags_activations").await.unwrap();
        if database.kind == Kind::MySql {
            // No trigger fires. It is noticed when the rows are counted, independent of the revision.
            followed.flags.sweep().await.unwrap();
        }
        let changes = followed.heard.next().await.unwrap();
        assert_eq!(changes.whole, database.kind == Kind::MySql);
        let context = Context::new();
        assert!(["one", "two", "three"].iter().all(|name| followed.flags.is_enabled(name, &context)));
    }
}

#[tokio::test]
async fn refresh_reads_own_writes() {
    for database in databases().await {
        // Nothing is noticed without a refresh.
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        store.run_script(SEED).await.unwrap();
        let hour = std::time::Duration::from_hours(1);
        let flags = Flags::builder().refresh(hour).connect(&database.url).await.unwrap();
        for status in [false, true, false] {
            let change = store::Change::SetStatus { flag: "three".to_owned(), status };
            let revision = store.apply(vec![change]).await.unwrap();
            flags.refresh_to(revision).await.unwrap();
            let reason = flags.evaluate("three", &Context::new()).unwrap().reason();
            assert_eq!(reason == novi::Reason::Disabled, !status);
        }
    }
}
