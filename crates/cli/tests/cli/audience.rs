//! Who has a flag, among the users of a database.

use crate::{
    common::{Raw, databases},
    support::{Folder, the_same},
};

const USERS: &str = "create table users (id integer primary key, country varchar(20));
    insert into users values (1, 'DE'), (2, 'DE'), (3, 'AT'), (4, 'US, CA')";

const CONFIG: &str = "[audience.queries]
users = 'select id as \"targetingKey\", country from users order by id'
";

const ALL: &str = "flags:
  X:
    status: true
";

#[tokio::test]
async fn audience_is_counted_listed_and_written() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        Raw::connect(&database).await.run(USERS).await.unwrap();
        folder.write("novi.toml", CONFIG);
        folder.write("all.yaml", ALL);
        folder.run(&["flag", "create", "X", "--on"]).expect(0);
        folder.run(&["rollout", "X", "100%", "--where", "country in ['DE', 'US, CA']"]).expect(0);
        let sql = "select id as \"targetingKey\", country from users where id < 3";
        let transcript = folder.transcript(&[
            &["audience", "X", "--query", "users"],
            &["audience", "X", "--query", "users", "--to", "csv"],
            &["audience", "X", "--query", "users", "--to", "json"],
            &["audience", "X", "--sql", sql, "--json"],
            &["audience", "X", "--query", "users", "--to", "table:have_it"],
            &["audience", "X", "--sql", "select targeting_key, enabled, reason from have_it", "--json"],
            &["audience", "X", "--query", "users", "--at", "2"],
            &["audience", "X", "--query", "users", "--compare", "all.yaml"],
            &["impact", "--disable", "X", "--audience", "users"],
            &["plan", "all.yaml", "--audience", "users"],
        ]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn unusable_arguments_are_explained() {
    let folder = Folder::demo();
    folder.write("novi.toml", CONFIG);
    let transcript = folder.transcript(&[
        &["audience", "Combo OR", "--query", "customers"],
        &["audience", "nobody", "--query", "users"],
        &["audience", "Combo OR", "--query", "users"],
        &["audience", "Combo OR"],
        &["audience", "Combo OR", "--sql", "select 1 as a", "--to", "xml"],
        &["audience", "Combo OR", "--sql", "select 1 as a", "--to", "table:a b"],
        &["audience", "Combo OR", "--sql", "select 1 as a", "--to", "table:flags"],
        &["audience", "Combo OR", "--sql", "select x'00' as a"],
        &["impact", "--enable", "Combo OR"],
        &["impact", "--enable", "Combo OR", "--audience", "none"],
    ]);
    insta::assert_snapshot!(transcript);
}

#[test]
fn mistakes_are_noted_and_not_counted_as_results() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "Half", "--on"]).expect(0);
    folder.run(&["rollout", "Half", "50%"]).expect(0);
    let broken = r#"insert into flags (id, name, status) values (8, 'Plan', true), (9, 'Broken', true);
        insert into activations (id, name, class_name, config) values (9, 'none', 'novi.none', '{}'),
            (8, 'pro', 'novi.attribute', '{"attribute": "userPlan", "in": ["pro"]}');
        insert into flags_activations (flag_id, activation_id) values (8, 8), (9, 9);"#;
    folder.write("broken.sql", broken);
    folder.run(&["seed", "broken.sql"]).expect(0);
    let change = |name: &str, change: &str| folder.write(name, format!(r#"{{"changes": [{change}]}}"#));
    change("renamed.json", r#"{"update_flag": {"row": 1, "set": {"name": "Part", "status": false}}}"#);
    change("rejected.json", r#"{"update_flag": {"row": 1, "set": {"activations": [9]}}}"#);
    for (name, text) in [("empty.json", ""), ("blank.yaml", " \n"), ("object.json", "{}")] {
        folder.write(name, text);
    }
    let users = "select 'u1' as \"targetingKey\" union all select 'u2' union all select 'u3'";
    let transcript = folder.transcript(&[
        &["audience", "Half", "--sql", "select 1 as id, 'DE' as country"],
        &["audience", "Half", "--sql", "select 1 as id, 'DE' as country", "--json"],
        &["audience", "Half", "--sql", users],
        &["audience", "Plan", "--sql", "select 1 as id, 'pro' as userplan"],
        &["audience", "Broken", "--sql", users],
        &["audience", "Broken", "--sql", users, "--json"],
        &["audience", "Half", "--sql", users, "--compare", "renamed.json"],
        &["audience", "Half", "--sql", users, "--compare", "rejected.json"],
        &["audience", "Half", "--sql", users, "--compare", "rejected.json", "--json"],
        &["audience", "Half", "--sql", users, "--compare", "empty.json"],
        &["audience", "Half", "--sql", users, "--compare", "blank.yaml"],
        &["audience", "Half", "--sql", users, "--compare", "object.json"],
        &["audience", "Half", "--sql", users, "--at", "2999-01-01"],
    ]);
    insta::assert_snapshot!(transcript);
}
