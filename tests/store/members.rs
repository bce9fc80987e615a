//! Members in their own table: plain SQL, and invalid rows.

use std::time::Duration;

use novi::{Context, Flags, rows::Issue, store};

use crate::common::{
    databases::{Kind, Raw, database, databases},
    until::until,
};

const ROWS: &str = r#"
    insert into flags (id, name, status) values (1, 'flag', true), (2, 'other', true);
    insert into activations values (9, 'Testers', 'novi.members', '{"allow": []}'), (8, 'All', 'novi.and', '[]');
    insert into flags_activations values (1, 9), (2, 8);"#;

fn is_in(flags: &Flags, member: &str) -> bool {
    flags.is_enabled("flag", &Context::new().with("targetingKey", member.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn inserted_members_are_noticed() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        store.run_script(ROWS).await.unwrap();
        let flags = Flags::builder().refresh(Duration::from_millis(20)).from_store(store).await.unwrap();
        assert_eq!(flags.issues(), []);
        assert!(!is_in(&flags, "user-7"));
        let mut raw = Raw::connect(&database).await;
        for (sql, members) in [
            ("insert into activation_members values (9, 'user-7', false)", ["user-7"].as_slice()),
            (
                "insert into activation_members (activation_id, member) values (9, 'user-8')",
                &["user-7", "user-8"],
            ),
            ("update activation_members set denied = true where member = 'user-7'", &["user-8"]),
            ("delete from activation_members", &[]),
        ] {
            raw.run(sql).await.unwrap();
            let known = ["user-7", "user-8", "user-9"];
            let as_expected = || known.iter().all(|member| is_in(&flags, member) == members.contains(member));
            until(&format!("{:?}: {sql}", database.kind), as_expected).await;
        }
    }
}

#[tokio::test]
async fn tables_reject_invalid_members() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        store.run_script(ROWS).await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into activation_members values (9, 'user-7', false), (9, 'USER-7', false), (8, 'user-7', true)")
            .await
            .unwrap();
        for sql in [
            "insert into activation_members values (9, 'user-7', true)",
            "insert into activation_members values (7, 'user-7', false)",
            "insert into activation_members values (9, null, false)",
            "insert into activation_members values (9, 'user-9', null)",
        ] {
            assert!(raw.run(sql).await.is_err(), "{:?}: {sql}", database.kind);
        }
        if database.kind != Kind::Postgres {
            assert!(raw.run("insert into activation_members values (9, 'user-9', 2)").await.is_err());
            // A number equals the string of its digits.
            raw.run("insert into activation_members values (9, 7, 0)").await.unwrap();
            let flags = Flags::from_rows(store.load().await.unwrap()).unwrap();
            assert!(flags.is_enabled("flag", &Context::new().with("targetingKey", 7)));
        }
    }
}

/// Rows that a database without constraints may contain.
#[tokio::test]
async fn odd_members_are_issues() {
    let database = database(Kind::Sqlite).await;
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.run_script(ROWS).await.unwrap();
    let mut raw = Raw::connect(&database).await;
    raw.run(
        "pragma foreign_keys = off; pragma ignore_check_constraints = on;
         insert into activation_members values (8, 'x', false), (5, 'a', false), (5, 'b', false), (6, 'a', false);",
    )
    .await
    .unwrap();
    let flags = Flags::from_rows(store.load().await.unwrap()).unwrap();
    let told: Vec<_> = flags.issues().iter().map(Issue::to_string).collect();
    let expected = [
        r#"activation_members#5 "a": activation_id: no activation has the id 5; 1 more members refer to it"#,
        r#"activation_members#6 "a": activation_id: no activation has the id 6"#,
        r#"activations#8 "All": activation_members: expected no members, because novi.and takes none, found 1"#,
    ];
    assert_eq!(told, expected);
    let hurt: Vec<_> = flags.issues().iter().flat_map(|issue| issue.flags.clone()).collect();
    assert_eq!(hurt, ["other"]);

    raw.run(
        "delete from activation_members;
         insert into activation_members values (9, x'fffe', false), (9, 'user-1', 'banana'), (9, 'user-2', false);",
    )
    .await
    .unwrap();
    let flags = Flags::from_rows(store.load().await.unwrap()).unwrap();
    let told: Vec<_> = flags.issues().iter().map(Issue::to_string).collect();
    let expected = [
        r#"activations#9 "Testers": activation_members.denied: expected true or false (1 or 0), found the text "banana""#,
        r#"activations#9 "Testers": activation_members.member: expected text, found 2 bytes that are not UTF-8"#,
    ];
    assert_eq!(told, expected);
    assert!(!is_in(&flags, "user-2"), "the flag is broken");
    assert!(flags.is_enabled("other", &Context::new()), "the other one is not");
}

/// Rows from other sources may be unsorted.
#[test]
fn members_are_found_in_any_order() {
    use novi::rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows};
    let row = |id| ActivationRow::new(id, "list", "novi.members", r#"{"allow": []}"#);
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "one", true), FlagRow::new(2, "two", true)],
        activations: vec![row(2), row(1)],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 2)],
        members: vec![
            MemberRow::allowed(2, "a"),
            MemberRow::allowed(1, "b"),
            MemberRow::allowed(2, "c"),
            MemberRow::denied(1, "d"),
        ],
        ..Rows::default()
    })
    .unwrap();
    for (flag, members) in [("one", ["b"].as_slice()), ("two", &["a", "c"])] {
        for member in ["a", "b", "c", "d"] {
            let caller = Context::new().with("targetingKey", member);
            assert_eq!(flags.is_enabled(flag, &caller), members.contains(&member), "{flag} {member}");
        }
    }
}
