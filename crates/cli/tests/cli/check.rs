//! `novi check`: invalid rows of every kind next to valid ones.

use serde_json::json;

use crate::{
    common::{Kind, Raw, database, databases, kinds},
    support::{Folder, the_same},
};

/// Tables without any constraint, as adopted ones may be.
const LOOSE: &str = "
    create table flags (id integer primary key, name varchar(100), status boolean);
    create table activations (id integer primary key, name varchar(100), class_name varchar(200),
      config varchar(500));
    create table flags_activations (flag_id integer, activation_id integer);";

const ROWS: &str = r#"
    insert into activations values
      (1, 'Always', 'novi.and', '[]'),
      (2, 'Unknown class', 'acme.nope', '{}'),
      (3, 'Not JSON', 'novi.date_time', '{"startDateTime": '),
      (4, 'Wrong type', 'novi.weighted_random', '{"splits": [1, "x"], "variations": ["A", "B"]}'),
      (5, 'Unknown field', 'novi.date_time', '{"strtDateTime": "x"}'),
      (6, 'Missing child', 'novi.and', '[1, 99]'),
      (7, 'Asks itself', 'novi.or', '[7]'),
      (8, 'Circle A', 'novi.and', '[9]'),
      (9, 'Circle B', 'novi.or', '[1, 8]'),
      (10, 'No config', 'novi.and', null),
      (11, null, 'novi.and', '[]'),
      (12, 'No class', null, '[]'),
      (13, 'Bad below', 'novi.not', '{"class_name": "novi.date_time", "config": {"endDateTime": "tomorrow"}}'),
      (14, 'Unused and bad', 'novi.nothing', '{}'),
      (15, 'Typo', 'novi.date_tme', '{}');
    insert into flags values
      (1, 'Good', true), (2, 'Unknown class', true), (3, 'Not JSON', true), (4, 'Wrong type', true),
      (5, 'Unknown field', true), (6, 'Missing child', true), (7, 'Asks itself', true), (8, 'In a circle', true),
      (10, 'No config', true), (11, 'Nameless activation', true), (12, 'No class', true), (13, 'Bad below', true),
      (15, 'Typo', true), (16, 'Null link', true), (17, 'Off', false), (18, 'Status null', null), (19, null, true),
      (20, 'Dangling link', true), (21, 'Two faults', true);
    insert into flags_activations values
      (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (10, 10), (11, 11), (12, 12), (13, 13), (15, 15),
      (17, 1), (20, 77), (88, 1), (null, 1), (16, null), (21, 2), (21, 3);"#;

/// Lets links lead nowhere, as restored or hand-made databases have them.
fn without_references(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "pragma foreign_keys = off",
        Kind::Postgres => {
            "alter table flags_activations drop constraint flags_activations_flag,
               drop constraint flags_activations_activation"
        }
        Kind::MySql => "set foreign_key_checks = 0",
    }
}

#[tokio::test]
async fn check_reports_every_kind_of_invalid_row() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        if let Some(file) = database.url.strip_prefix("sqlite://") {
            std::fs::write(file, "").unwrap();
        }
        let mut raw = Raw::connect(&database).await;
        raw.run(LOOSE).await.unwrap();
        folder.run(&["migrate"]).expect(0);
        raw.run(without_references(database.kind)).await.unwrap();
        raw.run(ROWS).await.unwrap();
        let mut parts = vec![folder.transcript(&[&["check"], &["list"]])];
        for flag in ["Good", "Unknown class", "Bad below", "Dangling link", "Status null", "Off"] {
            parts.push(folder.transcript(&[&["eval", flag], &["eval", flag, "--explain"]]));
        }
        parts.push(folder.transcript(&[&["show", "Two faults"], &["show", "Good"]]));
        transcripts.push((database.kind, parts.join("\n")));

        let run = folder.run(&["check", "--json"]).expect(1);
        let (text, json) = (folder.run(&["check"]), run.json());
        let issues = json["issues"].as_array().unwrap();
        let rows: Vec<_> =
            text.out.lines().filter(|line| line.contains(": ") && !line.starts_with(' ')).collect();
        assert_eq!(issues.len(), rows.len(), "{:?}", database.kind);
        assert_eq!(folder.run(&["eval", "Good", "--json"]).json()["enabled"], json!(true));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn check_reports_values_of_wrong_sqlite_types() {
    let folder = Folder::migrated();
    folder
        .raw()
        .await
        .run(
            "pragma foreign_keys = off;
             insert into activations values (1, 'Always', 'novi.and', '[]'), (2, 'Blob', 'novi.and', x'fffe'),
               (3, 'Number', 'novi.and', 5), (4, x'00ff', x'ff', '[]');
             insert into flags values (1, 'Good', 1), (2, 'Banana', 'banana'), (3, 'Two', 2), (4, 'Blob', x'01'),
               (5, 'Blob config', 1), (6, 'Number config', 1), (7, x'ff00ff', 1), (8, 'Blob class', 1), (9, 10, 1);
             insert into flags_activations values (1, 1), (5, 2), (6, 3), (8, 4), (9, 1), ('x', 1), (1.5, 1);",
        )
        .await
        .unwrap();
    insta::assert_snapshot!(folder.transcript(&[
        &["check"],
        &["list"],
        &["eval", "Good"],
        &["eval", "Banana"],
        &["eval", "10"],
    ]));
}

#[test]
fn check_against_manifest_reports_mismatches() {
    let folder = Folder::demo();
    let feature = |flag: &str, variants: &[&str]| json!({"flag": flag, "kind": "enum", "variants": variants, "type": "shop::Kind", "location": "src/kind.rs:7"});
    let random = "Random Variant Feature";
    folder.write("known.json", json!({"features": [feature(random, &["A", "B", "C"])]}).to_string());
    folder.run(&["check", "--against", "known.json"]).expect(0);
    let unknown = json!({"features": [feature(random, &["B", "C", "D"]), feature("Nowhere", &[])]});
    folder.write("unknown.json", unknown.to_string());
    folder.run(&["check"]).expect(0);
    let json = folder.run(&["check", "--against", "unknown.json", "--json"]).expect(1).json();
    assert_eq!(json["issues"].as_array().unwrap().len(), 2);
    folder.pipe(&["check", "--against", "-"], unknown.to_string().as_bytes()).expect(1);
    folder.write("no.json", "{\"features\": [{}]}");
    insta::assert_snapshot!(folder.transcript(&[
        &["check", "--against", "known.json"],
        &["check", "--against", "unknown.json"],
        &["check", "--against", "no.json"],
        &["check", "--against", "nowhere.json"],
    ]));
}

#[test]
fn check_reports_what_has_no_effect() {
    let folder = Folder::demo();
    let windows = r#"
        insert into activations (id, name, class_name, config) values
          (20, 'Backwards', 'novi.date_time', '{"startDateTime": "2026-12-02", "endDateTime": "2026-12-01"}'),
          (21, 'Zones', 'novi.date_time', '{"startDateTime": "2026-12-01T00:00:00+09:00", "endDateTime": "2026-12-01"}'),
          (22, 'Format', 'novi.date_time', '{"startDateTime": "02.12.26", "endDateTime": "01.12.26", "format": "%d.%m.%y"}'),
          (23, 'No end', 'novi.date_time', '{"startDateTime": "2026-12-02"}');
        update flag_metadata set expires_at = '2020-01-01T00:00:00Z', owner = 'ann' where flag_id = 4;"#;
    folder.pipe(&["seed", "-"], windows.as_bytes()).expect(0);
    folder.write("novi.toml", "[overrides]\n\"Combo AND\" = true\n\"Combo ANT\" = true\nelsewhere = false\n");
    insta::assert_snapshot!(folder.transcript(&[&["check"]]));
    let json = folder.run(&["check", "--json"]).expect(1).json();
    assert_eq!(
        (json["issues"].as_array().unwrap().len(), &json["expired"][0]["flag"]),
        (4, &json!("Combo OR"))
    );
}

#[tokio::test]
async fn check_reports_one_broken_flag_with_fail_mode() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let sql = "update activations set config = '[1, 99]' where id = 4;
            update flag_metadata set fail_mode = 'on' where flag_id = 4;";
        Raw::connect(&database).await.run(sql).await.unwrap();
        let check = folder.run(&["check"]).expect(1);
        assert_eq!(
            check.out,
            "activations#4 \"Combo OR Activation\": config[1]: no activation has the id 99\n    breaks: \"Combo OR\"\n\n\
             1 issue found. 1 of 4 flags is broken and uses its fail_mode; the others are unaffected.\n",
            "{:?}",
            database.kind
        );
        let eval = folder.run(&["eval", "Combo OR"]).expect(0);
        assert!(eval.out.starts_with("Combo OR is on (ERROR)\nnote: "), "{eval:?}");
        assert!(folder.run(&["show", "Combo OR"]).out.contains("\n  fail mode: on\n"));
        // Repaired with SQL.
        let sql = "update activations set config = '[1, 2]' where id = 4";
        Raw::connect(&database).await.run(sql).await.unwrap();
        folder.run(&["check"]).expect(0);
    }
}

#[tokio::test]
async fn missing_triggers_are_reported_and_repaired() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let drop = match database.kind {
            Kind::Postgres => "drop trigger novi_flags_record on flags",
            Kind::Sqlite | Kind::MySql => "drop trigger novi_flags_update",
        };
        Raw::connect(&database).await.run(drop).await.unwrap();
        let checked = folder.run(&["check"]).expect(1);
        assert!(checked.out.contains("of flags is missing\nRun `novi migrate`"), "{}", checked.out);
        let status = folder.run(&["migrate", "--status"]).expect(1);
        assert!(
            status.out.contains(
                "(tables)\napplied: migration 2 (evaluations by hour)\nproblem: the trigger novi_flags_"
            ),
            "{}",
            status.out
        );
        assert!(folder.run(&["migrate", "--sql"]).expect(0).out.contains("create trigger novi_flags_"));
        assert!(folder.run(&["migrate"]).expect(0).out.contains("\nrepaired: the trigger novi_flags_"));
        folder.run(&["migrate", "--status"]).expect(0);
        folder.run(&["migrate", "--baseline"]).expect(0);
        folder.run(&["check"]).expect(0);
    }
}

#[tokio::test]
async fn names_and_ids_that_novi_does_not_write_are_reported() {
    for database in databases().await {
        let folder = Folder::of(&database);
        // Creates the file of SQLite.
        novi::store::create(&database.url).await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run(LOOSE).await.unwrap();
        raw.run("insert into flags values (-1, 'one', true), (1, '', true), (2, ' lead', true)")
            .await
            .unwrap();
        folder.run(&["migrate"]).expect(0);
        let checked = folder.run(&["check"]).expect(1);
        for expected in ["an id of 1 or more", "a name that is not empty", "a name without blanks around it"]
        {
            assert!(checked.out.contains(expected), "{:?}: {}", database.kind, checked.out);
        }
    }
}

#[test]
fn ignored_fields_are_warnings() {
    let folder = Folder::migrated();
    let row = r#"insert into activations (id, name, class_name, config) values (1, 'a', 'novi.percentage', '{"percentage": 5, "x": 1}')"#;
    folder.pipe(&["seed", "-"], row.as_bytes()).expect(0);
    let text = "activations#1 \"a\": config.x: ";
    let checked = folder.run(&["check"]).expect(1);
    assert!(
        checked.out.starts_with(text) && checked.out.contains("a newer novi may have written it"),
        "{checked:?}"
    );
    let lenient = ["--set", "activations.unknown_fields=warning", "check"];
    let checked = folder.run(&lenient).expect(0);
    assert!(
        checked.out.contains("no issues") && checked.out.contains(&format!("warning: {text}ignored: ")),
        "{checked:?}"
    );
    let json = folder.run(&[&lenient[..], &["--json"]].concat()).expect(0).json();
    assert_eq!((&json["issues"], &json["warnings"][0]["path"]), (&json!([]), &json!("config.x")));
}

#[tokio::test]
async fn check_reports_row_level_security_that_hides_rows() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let folder = Folder::of(&database);
    folder.run(&["migrate"]).expect(0);
    let schema = database.url.rsplit("%3D").next().unwrap();
    let role = format!("reader_{schema}");
    let mut raw = Raw::connect(&database).await;
    raw.run(&format!(
        "create role {role} login; grant usage on schema {schema} to {role};
         grant select on all tables in schema {schema} to {role}; alter table flags enable row level security"
    ))
    .await
    .unwrap();
    let url = database.url.replace("//novi@", &format!("//{role}@"));
    let run = folder.run(&["--database", &url, "check"]).expect(1);
    assert!(run.out.contains("tables: row-level security hides rows of flags from this user"), "{run:?}");
    assert!(!run.out.contains("novi migrate"), "{run:?}");
    folder.run(&["check"]).expect(0);
    raw.run(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
}
