//! `novi rollout`, `target`, `variants` and `schedule`.

use serde_json::json;

use crate::{
    common::{Kind, database, databases},
    support::{Folder, the_same},
};

#[tokio::test]
async fn rollout_changes_the_activation_of_the_flag_or_creates_one() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        for flag in ["checkout", "search", "nested", "ramped"] {
            folder.run(&["flag", "create", flag, "--on"]).expect(0);
        }
        folder.run(&["flag", "create", "off"]).expect(0);
        // As services have them: inline, with an order of fields and of variants.
        let nested = r#"[{"class_name": "novi.percentage", "config": {"salt": "s", "percentage": 1}},
            {"class_name": "novi.split", "config": {"variants": {"b": 1, "a": 1}}}]"#;
        folder.run(&["activation", "create", "All of", "novi.and", nested, "--link", "nested"]).expect(0);
        let ramp = r#"{"steps": [{"at": "2026-01-01", "percentage": 10}]}"#;
        folder.run(&["activation", "create", "Ramp", "novi.ramp", ramp, "--link", "ramped"]);
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &["rollout", "checkout", "25%", "--dry-run"],
                &["rollout", "checkout", "25%", "--reason", "first step"],
                &["rollout", "checkout", "25"],
                &[
                    "rollout",
                    "checkout",
                    "50%",
                    "--by",
                    "account,user",
                    "--where",
                    r#"country in ["DE", "AT"]"#,
                ],
                &["rollout", "checkout", "50%", "--where", "country in"],
                &["rollout", "checkout", "search", "12.5%"],
                &["rollout", "nested", "30%"],
                &["rollout", "off", "10%"],
                &["rollout", "checkout", "101%"],
                &["rollout", "chekout", "10%"],
                &["link", "off", "checkout: rollout"],
                &["rollout", "checkout", "60%"],
                &["rollout", "checkout", "60%", "--shared"],
                &["rollout", "off", "60%"],
                &["rollout", "off", "70%", "--activation", "off: rollout"],
                &["rollout", "checkout", "off", "80%", "--activation", "checkout: rollout"],
                &["rollout", "checkout", "1%", "--new", "--dry-run"],
                &["rollout", "checkout", "1%", "--activation", "off: rollout"],
            ]),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn target_changes_the_members_of_the_flag() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        for flag in ["beta", "listed", "nested", "denied"] {
            folder.run(&["flag", "create", flag, "--on"]).expect(0);
        }
        let lists = r#"{"deny": ["u3", 7], "allow": ["u1"]}"#;
        folder.run(&["activation", "create", "Lists", "novi.members", lists, "--link", "listed"]).expect(0);
        let nested = format!(r#"[{{"class_name": "novi.members", "config": {lists}}}]"#);
        folder.run(&["activation", "create", "Any of", "novi.or", &nested, "--link", "nested"]).expect(0);
        folder.write("users.txt", "u8\nu9\n");
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &["target", "beta", "--allow", "u1,u2", "--deny", "u3"],
                &["target", "beta", "--allow", "u3", "--remove", "u1"],
                &["target", "beta", "--allow", "u3"],
                &["target", "listed", "--allow", "u3,7", "--deny", "u1"],
                &["target", "nested", "--allow", "@users.txt", "--remove", "7"],
                &["target", "denied", "--deny", "u1", "--by", "account"],
                &["target", "denied", "--remove", "u1"],
                &["target", "denied"],
                &["target", "denied", "--allow", "u1", "--deny", "u1"],
            ]),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn variants_are_stored_as_weights() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        for flag in ["button", "weighted", "by account", "split"] {
            folder.run(&["flag", "create", flag, "--on"]).expect(0);
        }
        let random = r#"{"splits": [1, 1], "variations": ["a", "b"]}"#;
        folder
            .run(&["activation", "create", "Random", "novi.weighted_random", random, "--link", "weighted"])
            .expect(0);
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &["variants", "button", "red=60", "blue=40"],
                &["variants", "button", "blue=50", "red=50", "--dry-run"],
                &["variants", "button", "red=50", "blue=30", "green=20", "--by", "account"],
                &["variants", "button", "red=50", "bleu=30", "green=20"],
                &["variants", "button", "red=50", "blue=50", "--fewest-moves"],
                &["variants", "button", "red=50", "blue=50"],
                &["variants", "button", "red=0", "blue=0"],
                &["variants", "button", "red=1", "red=2"],
                &["variants", "button", "red"],
                &["variants", "weighted", "a=1", "b=2"],
                &["rollout", "by account", "20%", "--by", "account"],
                &["variants", "by account", "a=60", "b=40"],
                &["variants", "split", "a=60", "b=40", "--by", "account,user"],
                &["rollout", "split", "20%"],
            ]),
        ));
        let json = folder.run(&["variants", "button", "red=1", "--dry-run", "--json"]).expect(0).json();
        assert_eq!((&json["moved"], &json["removed"]), (&json!(0.5), &json!(["blue"])));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn schedule_sets_the_window_of_the_flag() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        folder.run(&["flag", "create", "sale", "--on"]).expect(0);
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &["schedule", "sale", "--on", "2026-12-01T08:00+01:00", "--off", "2026-12-03"],
                &["schedule", "sale", "--off", "2026-12-24 18:00", "--timezone", "Europe/Berlin"],
                // The schedule has a time zone now.
                &["schedule", "sale", "--on", "2026-12-01T09:00"],
                &["schedule", "sale", "--off", "none"],
                &["schedule", "sale", "--off", "2026-11-30"],
                &["schedule", "sale", "--on", "tomorrow"],
                &["schedule", "sale", "--on", "2026-03-29T02:30", "--timezone", "Europe/Berlin"],
                &["schedule", "sale"],
                // The row has a format of its own.
                &["schedule", "Date and Random Activated Feature", "--off", "2027-01-01", "--shared"],
                &["schedule", "Date and Random Activated Feature", "--off", "2027-01-01"],
            ]),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn timeline_says_where_a_window_goes_beyond_the_period() {
    let database = database(Kind::Sqlite).await;
    let folder = Folder::of(&database);
    folder.run(&["migrate"]).expect(0);
    folder.run(&["flag", "create", "sale", "--on"]).expect(0);
    let date = |days| (chrono::Utc::now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    folder.run(&["schedule", "sale", "--on", &date(2), "--off", &date(90)]).expect(0);
    let found = folder.run(&["timeline"]).expect(0);
    let line = found.out.lines().find(|line| line.contains("sale: schedule")).unwrap();
    assert!(line.contains(&date(2)) && line.contains("later") && line.contains("100 %"), "{line}");
    folder.run(&["schedule", "sale", "--on", "2020-01-01", "--off", &date(3)]).expect(0);
    let found = folder.run(&["timeline"]).expect(0);
    let line = found.out.lines().find(|line| line.contains("sale: schedule")).unwrap();
    assert!(line.contains("now") && line.contains(&date(3)), "{line}");
    folder.run(&["disable", "sale"]).expect(0);
    assert_eq!(folder.run(&["timeline"]).expect(0).out, "The time changes no flag within 30 days.\n");
}

#[tokio::test]
async fn reversed_activations_are_not_changed() {
    let database = database(Kind::Sqlite).await;
    let folder = Folder::of(&database);
    folder.run(&["migrate"]).expect(0);
    let create = |flag: &str, class: &str, config: &str| {
        folder.run(&["flag", "create", flag, "--on"]).expect(0);
        folder.run(&["activation", "create", &format!("of {flag}"), class, config, "--link", flag]).expect(0);
    };
    create("not", "novi.not", r#"[{"class_name": "novi.members", "config": {"allow": ["s"]}}]"#);
    folder.run(&["activation", "create", "Shared", "novi.percentage", r#"{"percentage": 30}"#]).expect(0);
    create("not shared", "novi.not", "[2]");
    let rules = r#"{"rules": [{"when": {"class_name": "novi.percentage", "config": {"percentage": 10}}, "on": false}], "fallthrough": true}"#;
    create("rules", "novi.rules", rules);
    let twice = r#"[{"class_name": "novi.not", "config": [{"class_name": "novi.date_time", "config": {"startDateTime": "2026-12-01"}}]}]"#;
    create("twice", "novi.not", twice);
    let transcript = folder.transcript(&[
        &["target", "not", "--allow", "u1"],
        &["rollout", "not shared", "70%"],
        &["rollout", "rules", "90%"],
        &["schedule", "twice", "--off", "2026-12-24", "--dry-run"],
        &["target", "not", "--allow", "u1", "--new"],
        &["target", "not", "--deny", "u2", "--new"],
        &["variants", "not", "a=50,b=50"],
    ]);
    insta::assert_snapshot!(transcript);
}

#[test]
fn other_keys_are_noted() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "a"]).expect(0);
    let note = "another attribute draws again for every caller";
    assert!(!folder.run(&["rollout", "a", "25%"]).expect(0).err.contains(note));
    assert!(!folder.run(&["rollout", "a", "50%", "--by", "targetingKey"]).expect(0).err.contains(note));
    assert!(folder.run(&["rollout", "a", "50%", "--by", "account"]).expect(0).err.contains(note));
    folder.run(&["flag", "create", "b"]).expect(0);
    folder.run(&["variants", "b", "a=9", "b=1"]).expect(0);
    folder.run(&["variants", "b", "a=9", "b=1", "--fewest-moves"]).expect(0);
    let moved = folder.run(&["variants", "b", "a=9", "b=1", "--by", "acct", "--fewest-moves", "--dry-run"]);
    assert!(moved.err.contains("note: 18 % of the callers with a variant get another one"), "{moved:?}");
}

#[test]
fn weights_that_flags_share_change_only_with_the_option() {
    let folder = Folder::migrated();
    let split = r#"{"variants": {"grid": 1, "list": 1}}"#;
    folder.run(&["activation", "create", "Layouts", "novi.split", split]).expect(0);
    for flag in ["a", "b"] {
        folder.run(&["flag", "create", flag, "--on"]).expect(0);
        folder.run(&["link", flag, "Layouts"]).expect(0);
    }
    let reweight = ["reweight", "Layouts", "grid=3", "list=1"];
    let refused = folder.run(&reweight).expect(5);
    let expected = "activation 1 \"Layouts\" is used by \"a\", \"b\"; --shared changes it for all of them";
    assert!(refused.err.contains(expected), "{refused:?}");
    let shared = folder.run(&[&reweight[..], &["--shared", "--dry-run", "--json"]].concat()).expect(0).json();
    assert_eq!(shared["written"], false);
    let flags: Vec<_> =
        shared["plan"]["flags"].as_array().unwrap().iter().map(|flag| &flag["name"]).collect();
    assert_eq!(flags, ["a", "b"], "{shared}");
    let written = folder.run(&[&reweight[..], &["--shared"]].concat()).expect(0);
    assert!(written.out.contains("Written (revision "), "{written:?}");
}
