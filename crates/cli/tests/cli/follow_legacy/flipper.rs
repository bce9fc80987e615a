//! Flipper.

use super::{Random, edits, objects};
use crate::{
    common::{Kind, Raw, TestDatabase, databases},
    support::Folder,
};

pub(super) const TABLES: [&str; 2] = [
    "flipper_features (id integer primary key, `key` varchar(190) not null unique)",
    "flipper_gates (id integer primary key, feature_key varchar(190) not null, `key` varchar(190) not null, value text)",
];
const FEATURES: [&str; 5] = ["checkout", "search", "new cart", "a-b.c:d/e", "late"];
const ACTORS: [&str; 5] = ["User;1", "User;2", "it's \"me\"", "Zoë", "100%"];
const GROUPS: [&str; 3] = ["admins", "say \"hi\"", "früh"];
const SHARES: [&str; 8] = ["0", "5", "25.0", "12.5", "0.25", "99.99", "100", "7.50"];
const TIMES: [&str; 4] = ["0", "10", "100", "33.3"];

/// A program with Flipper.
struct Program {
    raw: Raw,
    is_mysql: bool,
    /// What the names of Flipper's tables begin with.
    prefix: &'static str,
    row: usize,
    random: Random,
}

impl Program {
    async fn of(database: &TestDatabase) -> Self {
        Self::with_prefix(database, "").await
    }

    async fn with_prefix(database: &TestDatabase, prefix: &'static str) -> Self {
        let is_mysql = database.kind == Kind::MySql;
        let raw = Raw::connect(database).await;
        let mut program = Self { raw, is_mysql, prefix, row: 0, random: Random::default() };
        for table in TABLES {
            program.run(&format!("create table {table}")).await;
        }
        program
    }

    async fn run(&mut self, sql: &str) {
        let sql = self.as_here(sql);
        self.raw.run(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = self.as_here(sql);
        self.raw.texts(&sql).await
    }

    /// SQL with the quotes of the database, and the names of Flipper's tables.
    fn as_here(&self, sql: &str) -> String {
        let quote = if self.is_mysql { "`" } else { "\"" };
        sql.replace('`', quote).replace(" flipper_", &format!(" {}flipper_", self.prefix))
    }

    async fn add_feature(&mut self, feature: &str) {
        self.row += 1;
        let row = self.row;
        self.run(&format!(
            "insert into flipper_features (id, `key`) select {row}, '{feature}' from (select 1 as one) it
            where not exists (select 1 from flipper_features where `key` = '{feature}')"
        ))
        .await;
    }

    async fn clear(&mut self, feature: &str, gate: &str) {
        self.run(&format!("delete from flipper_gates where feature_key = '{feature}' and `key` = '{gate}'"))
            .await;
    }

    async fn add(&mut self, feature: &str, gate: &str, value: &str) {
        self.row += 1;
        let (row, value) = (self.row, value.replace('\'', "''"));
        self.run(&format!(
            "delete from flipper_gates where feature_key = '{feature}' and `key` = '{gate}' and value = '{value}'"
        ))
        .await;
        self.run(&format!("insert into flipper_gates values ({row}, '{feature}', '{gate}', '{value}')"))
            .await;
    }

    /// An edit as a program makes it. Returns what it was.
    async fn edit(&mut self) -> String {
        let feature = self.random.one_of(&FEATURES);
        let kind = self.random.below(13);
        let value = match kind {
            0..=2 => {
                self.add_feature(feature).await;
                ""
            }
            3 => {
                self.run(&format!("delete from flipper_features where `key` = '{feature}'")).await;
                self.run(&format!("delete from flipper_gates where feature_key = '{feature}'")).await;
                ""
            }
            4 => {
                self.run(&format!("delete from flipper_gates where feature_key = '{feature}'")).await;
                ""
            }
            5 => {
                self.add(feature, "boolean", "true").await;
                ""
            }
            6 => {
                self.clear(feature, "boolean").await;
                ""
            }
            7 => {
                let value = self.random.one_of(&ACTORS);
                self.add(feature, "actors", value).await;
                value
            }
            8 => {
                self.clear(feature, "actors").await;
                ""
            }
            9 => {
                let value = self.random.one_of(&GROUPS);
                self.add(feature, "groups", value).await;
                value
            }
            10 => {
                let value = self.random.one_of(&SHARES);
                self.clear(feature, "percentage_of_actors").await;
                self.add(feature, "percentage_of_actors", value).await;
                value
            }
            11 => {
                let value = self.random.one_of(&SHARES);
                self.run(&format!(
                    "update flipper_gates set value = '{value}'
                    where feature_key = '{feature}' and `key` = 'percentage_of_actors'"
                ))
                .await;
                value
            }
            _ => {
                let value = self.random.one_of(&TIMES);
                self.clear(feature, "percentage_of_time").await;
                self.add(feature, "percentage_of_time", value).await;
                value
            }
        };
        format!("edit {kind} of {feature:?}, {value:?}")
    }
}

#[track_caller]
fn expect_equal(folder: &Folder, table_prefix: &str, what: &str) {
    super::expect_equal(folder, "flipper", table_prefix, what);
}

#[tokio::test]
async fn rows_are_those_of_an_import_after_each_edit() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::of(&database).await;
        program.add_feature("checkout").await;
        program.add("checkout", "actors", "User;1").await;
        program.add("checkout", "percentage_of_actors", "25").await;
        folder.run(&["follow-legacy", "flipper"]).expect(0);
        for number in 0..edits(database.kind) {
            let edit = program.edit().await;
            let what = format!("{:?}, {number}: {edit}", database.kind);
            expect_equal(&folder, "", &what);
            let gone = program
                .texts("select name from flags where name not in (select `key` from flipper_features)")
                .await;
            assert!(gone.is_empty(), "{what}: {gone:?}");
        }
        let failed = program
            .texts("select problem from legacy_flipper_follow where problem not like 'the gate `percentage_of_time%'")
            .await;
        assert!(failed.is_empty(), "{failed:?}");
        folder.run(&["follow-legacy", "flipper", "--stop"]).expect(0);
    }
}

/// As many programs have them, on either side.
#[tokio::test]
async fn tables_may_have_prefixes() {
    for (of_novi, of_flipper) in [("", "old_"), ("acme_", ""), ("acme_", "old_")] {
        for database in databases().await {
            let mut folder = Folder::of(&database);
            folder.set("NOVI_DATABASE__TABLE_PREFIX", of_novi);
            folder.run(&["migrate"]).expect(0);
            let mut program = Program::with_prefix(&database, of_flipper).await;
            program.add_feature("checkout").await;
            program.add("checkout", "actors", "User;1").await;
            let follow = ["follow-legacy", "flipper", "--table-prefix", of_flipper];
            folder.run(&follow).expect(0);
            let what = format!("{:?}, {of_novi:?}, {of_flipper:?}", database.kind);
            // The order of the groups is the one of the rows' numbers: 9 is before 10.
            program.row = 8;
            program.add("checkout", "groups", "staff").await;
            program.add("checkout", "groups", "admins").await;
            program.add_feature("search").await;
            program.add("search", "percentage_of_actors", "12.50").await;
            program.add_feature("late").await;
            program.run("delete from flipper_features where `key` = 'late'").await;
            let flags = format!("select name from {of_novi}flags order by name");
            assert_eq!(program.texts(&flags).await, ["checkout", "search"], "{what}");
            let gates = format!("select config from {of_novi}activations where name = 'checkout: gates'");
            let gates = program.texts(&gates).await.join("");
            assert!(gates.contains(r#"["staff","admins"]"#), "{what}: {gates}");
            expect_equal(&folder, of_flipper, &what);
            folder.run(&[&follow[..], &["--sync"]].concat()).expect(0);
            folder.run(&[&follow[..], &["--stop"]].concat()).expect(0);
            assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new(), "{what}");
        }
    }
}

/// What people see, and that the history says by whom.
#[tokio::test]
async fn flags_are_followed_until_stopped() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::of(&database).await;
        program.add_feature("checkout").await;
        program.add("checkout", "boolean", "true").await;
        program.add_feature("plans").await;
        program.add("plans", "expression", r#"{"Equal":[{"Property":["plan"]},"pro"]}"#).await;
        let follow = ["follow-legacy", "flipper"];
        let mut transcript = folder.transcript(&[
            &["follow-legacy", "flipper", "--status"],
            &["follow-legacy", "flipper", "--sync"],
            &["follow-legacy", "flipper", "--stop"],
            &follow,
        ]);
        assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new());
        transcript += &folder.transcript(&[
            &["follow-legacy", "flipper", "--partial"],
            &follow,
            &["follow-legacy", "flipper", "--status"],
        ]);
        // An expression that comes later: the write succeeds, the flag stays.
        program.clear("checkout", "boolean").await;
        program.add("checkout", "expression", r#"{"Equal":[{"Property":["plan"]},"pro"]}"#).await;
        // A flag of a person is not replaced.
        folder.run(&["flag", "create", "mine"]).expect(0);
        program.add_feature("mine").await;
        program.add("mine", "boolean", "true").await;
        transcript += &folder.transcript(&[
            &["follow-legacy", "flipper", "--status"],
            &["follow-legacy", "flipper", "--status", "--json"],
            &["follow-legacy", "flipper", "--sync"],
            &["flag", "delete", "mine"],
            &["follow-legacy", "flipper", "--sync", "--overwrite"],
            &["follow-legacy", "flipper", "--status"],
        ]);
        program.add_feature("last").await;
        let history = folder.run(&["history", "last", "--limit", "1", "--json"]).expect(0).json();
        assert_eq!(history[0]["reason"], "Change in Flipper", "{history:#}");
        assert!(history[0]["actor"].as_str().is_some_and(|actor| !actor.is_empty()), "{history:#}");
        transcript += &folder.transcript(&[&["follow-legacy", "flipper", "--stop"], &["list"]]);
        assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new());
        // Nothing is left that the program could fail at.
        program.add("last", "actors", "User;1").await;
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(crate::support::the_same(transcripts));
}
