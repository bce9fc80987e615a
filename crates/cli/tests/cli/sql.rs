//! Flags in SQL.

use crate::{
    common::{Kind, Raw, databases},
    support::{Folder, the_same},
};

const USERS: &str = "create table users (id integer primary key, plan varchar(20), age integer);
    insert into users values (1, 'pro', 17), (2, 'Pro', 18), (3, null, 19), (4, 'it''s', null), (5, 'pro ', 40)";

const FLAGS: &str = r#"insert into flags (id, name, status) values (1, 'it''s "a" flag; --', true), (2, 'Draws', true);
insert into activations (id, name, class_name, config) values
    (1, 'plans', 'novi.attribute', '{"attribute": "plan", "in": ["pro", "it''s"]}'),
    (2, 'adults', 'novi.not', '{"class_name": "novi.attribute", "config": {"attribute": "age", "less": 18}}'),
    (3, 'half', 'novi.percentage', '{"percentage": 50}'),
    (4, 'staff', 'novi.attribute', '{"attribute": "email", "regex": "@", "in_cidr": "10.0.0.0/8"}');
insert into flags_activations (flag_id, activation_id) values (1, 1), (1, 2), (2, 3), (2, 4);
"#;

#[tokio::test]
async fn views_have_the_users_and_are_renewed() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut raw = Raw::connect(&database).await;
        raw.run(USERS).await.unwrap();
        folder.write("flags.sql", FLAGS);
        folder.run(&["seed", "flags.sql"]).expect(0);
        let sql =
            folder.run(&["sql", "#1", "--view", "have_it", "--from", "users", "--columns", "age:integer"]);
        raw.run(&sql.expect(0).out).await.unwrap();
        // Of a flag that does not draw yet.
        folder.run(&["unlink", "Draws", "half"]).expect(0);
        folder.run(&["unlink", "Draws", "staff"]).expect(0);
        let sql = folder.run(&["sql", "Draws", "--view", "draws", "--from", "users"]);
        raw.run(&sql.expect(0).out).await.unwrap();
        let count = "select id as \"targetingKey\" from have_it";
        let transcript = folder.transcript(&[
            &[
                "audience",
                "#1",
                "--sql",
                "select id as \"targetingKey\", plan, age from users",
                "--to",
                "csv",
            ],
            &["audience", "#1", "--sql", count],
            &["sql", "--refresh"],
            &["disable", "Draws"],
            &["sql", "--refresh", "none"],
            &["sql", "--refresh", "have_it", "--dry-run"],
            &["sql", "--refresh", "--json"],
            &["sql", "--refresh"],
            &["disable", "#1"],
            &["sql", "--refresh"],
            &["audience", "#1", "--sql", count],
            &["enable", "#1"],
            &["link", "#1", "half"],
            // The view stays as it is.
            &["sql", "--refresh"],
            &["unlink", "#1", "half"],
            &["flag", "rename", "Draws", "Pulls"],
            &["sql", "--refresh", "--dry-run"],
            &["sql", "--refresh"],
            &["sql", "--refresh"],
        ]);
        let name = match database.kind {
            Kind::Sqlite => "SQLite",
            Kind::Postgres => "PostgreSQL",
            Kind::MySql => "MySQL",
        };
        transcripts.push((
            database.kind,
            transcript.replace(&format!("the SQL of {name} "), "the SQL of DATABASE "),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn flags_are_written_or_refused_with_a_list() {
    let folder = Folder::migrated();
    folder.write("flags.sql", FLAGS);
    folder.run(&["seed", "flags.sql"]).expect(0);
    let transcript = folder.transcript(&[
        &["sql", "#1"],
        &["sql", "#1", "--dialect", "postgres", "--json"],
        &["sql", "#1", "--dialect", "mysql", "--columns", "plan=u.plan:text,age=u.age:integer"],
        &["sql", "#1", "--dialect", "duckdb", "--function", "has_it"],
        &["sql", "#1", "--dialect", "postgres", "--function", "has_it", "--variant"],
        &["sql", "#1", "--dialect", "mysql", "--function", "has_it"],
        &["sql", "#1", "--function", "has_it"],
        &["sql", "#1", "--columns", "plan:money"],
        &["sql", "#1", "--columns", "age:text"],
        &["sql", "#1", "--columns", "plna=plan:text"],
        &["sql", "#1", "--columns", "country,plan,plna"],
        &["sql", "#2", "--dialect", "postgres"],
        &["sql", "#2", "--dialect", "postgres", "--json"],
        &["sql", "#1", "#2"],
        &["sql", "nobody"],
        &["sql"],
        &["sql", "#1", "--view", "v"],
        &["sql", "#1", "--refresh", "--variant"],
    ]);
    insta::assert_snapshot!(transcript);
}
