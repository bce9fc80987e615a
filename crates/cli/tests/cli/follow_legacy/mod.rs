//! `novi follow-legacy`: after each edit of the old tables, the rows are those of an import.

mod flipper;
mod togglz;
mod waffle;

use crate::{
    common::{Kind, Raw, TestDatabase, databases},
    support::Folder,
};

/// The indexes of the old tables: `flipper_gates` is unique over three columns, and Django adds one to each foreign key.
const INDEXES: [&str; 3] =
    ["flipper_gates (feature_key)", "waffle_flag_users (flag_id)", "waffle_flag_groups (flag_id)"];

/// How many random edits are made on a database: `NOVI_TEST_EDITS`, or fewer on servers, so that all take some minutes.
fn edits(kind: Kind) -> usize {
    if let Ok(edits) = std::env::var("NOVI_TEST_EDITS") {
        return edits.parse().expect("NOVI_TEST_EDITS: a number");
    }
    match (std::env::var_os("NOVI_TEST_LONG").is_some(), kind) {
        (true, Kind::Sqlite) => 1_000,
        (true, _) => 100,
        (false, _) => 20,
    }
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(17)
    }
}

impl Random {
    /// A number below another one.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.below(texts.len())]
    }
}

/// A connection of the program that has the old tables.
struct Program {
    raw: Raw,
    kind: Kind,
    row: usize,
    random: Random,
}

impl Program {
    async fn with(database: &TestDatabase, tables: &[&str]) -> Self {
        let raw = Raw::connect(database).await;
        let mut program = Self { raw, kind: database.kind, row: 0, random: Random::default() };
        for table in tables {
            program.run(&format!("create table {table}")).await;
        }
        program
    }

    async fn run(&mut self, sql: &str) {
        self.raw.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn next_row(&mut self) -> usize {
        self.row += 1;
        self.row
    }

    /// A text as the database has it in SQL.
    fn quoted(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        let text = if self.kind == Kind::MySql { text.replace('\\', "\\\\") } else { text };
        format!("'{text}'")
    }
}

/// The rows are those that an import would write.
#[track_caller]
fn expect_equal(folder: &Folder, system: &str, table_prefix: &str, what: &str) {
    let import = ["import", system, "--dry-run", "--overwrite", "--json", "--table-prefix", table_prefix];
    let found = folder.run(&import).expect(0).json();
    assert_eq!(found["changes"], false, "{what}: {:#}", found["plan"]);
}

/// What the command has created in the database.
async fn objects(raw: &mut Raw, kind: Kind) -> Vec<String> {
    let sql = match kind {
        Kind::Sqlite => "select name from sqlite_master where name like '%legacy%'",
        Kind::Postgres => {
            "select relname::text from pg_class where relname like '%legacy%' and pg_table_is_visible(oid)
            union all select proname::text from pg_proc where proname like '%legacy%' and pg_function_is_visible(oid)
            union all select tgname::text from pg_trigger where tgname like '%legacy%'
              and tgrelid in (select oid from pg_class where pg_table_is_visible(oid))"
        }
        Kind::MySql => {
            "select cast(table_name as char) from information_schema.tables
            where table_schema = database() and table_name like '%legacy%'
            union all select cast(routine_name as char) from information_schema.routines
            where routine_schema = database() and routine_name like '%legacy%'
            union all select cast(trigger_name as char) from information_schema.triggers
            where trigger_schema = database() and trigger_name like '%legacy%'
            union all select cast(index_name as char) from information_schema.statistics
            where table_schema = database() and index_name like '%legacy%'"
        }
    };
    raw.texts(sql).await
}

/// The rows that MariaDB or MySQL reads for a statement.
async fn reads_of(program: &mut Program, update: &str) -> u64 {
    let is_mariadb = program.raw.texts("select version()").await[0].contains("MariaDB");
    let schema = if is_mariadb { "information_schema" } else { "performance_schema" };
    program.run("flush status").await;
    program.run(update).await;
    let status = format!(
        "select cast(sum(variable_value) as char) from {schema}.session_status
        where variable_name like 'Handler_read%'"
    );
    program.raw.texts(&status).await[0].parse().unwrap()
}

/// A change of all rows takes reads in proportion to them.
#[tokio::test]
async fn reads_of_a_bulk_edit_grow_with_its_rows() {
    for database in databases().await {
        if database.kind != Kind::MySql {
            continue;
        }
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let tables: Vec<&str> = [&flipper::TABLES[..], &waffle::TABLES, &[togglz::TABLE]].concat();
        let mut program = Program::with(&database, &tables).await;
        for index in INDEXES {
            program.run(&format!("create index of_flag on {index}")).await;
        }
        for system in ["flipper", "waffle", "togglz"] {
            folder.run(&["follow-legacy", system]).expect(0);
        }
        let mut reads = Vec::new();
        for rows in [1..101_usize, 101..301] {
            for row in rows {
                for insert in [
                    format!("flipper_features values ({row}, 'flipper {row}')"),
                    format!("flipper_gates values ({row}, 'flipper {row}', 'actors', 'a')"),
                    format!("waffle_flag values ({row}, 'waffle {row}', null, 5, 0, 0, 0, 0, 'de', 0, '')"),
                    format!("waffle_flag_users values ({row}, {row}, 1)"),
                    format!("waffle_switch values ({row}, 'switch {row}', true, '')"),
                    format!("waffle_sample values ({row}, 'sample {row}', 0, '')"),
                    format!("TOGGLZ values ('togglz {row}', 1, 'username', 'users=a')"),
                ] {
                    program.run(&format!("insert into {insert}")).await;
                }
            }
            program.run("analyze table flags, activations, activation_members, flags_activations").await;
            let mut found = Vec::new();
            for update in [
                "flipper_gates set value = concat(value, 'a')",
                "waffle_flag set percent = percent + 1",
                "waffle_switch set active = not active",
                "waffle_sample set percent = 100 - percent",
                "TOGGLZ set STRATEGY_PARAMS = concat(STRATEGY_PARAMS, ',b')",
            ] {
                found.push((update, reads_of(&mut program, &format!("update {update}")).await));
            }
            reads.push(found);
        }
        for ((update, few), (_, many)) in reads[0].iter().zip(&reads[1]) {
            assert!(*many < few * 4, "{update}: {few} reads for 100 rows, {many} for 300");
        }
    }
}

/// Most collations of MariaDB and MySQL ignore case, and flags do not.
#[tokio::test]
async fn names_whose_case_changes_are_followed() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let tables = [&flipper::TABLES[..], &waffle::TABLES, &[togglz::TABLE]].concat();
        let quote = if database.kind == Kind::MySql { "`" } else { "\"" };
        let tables: Vec<String> = tables.iter().map(|table| table.replace('`', quote)).collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        let mut program = Program::with(&database, &tables).await;
        for row in [
            "flipper_features values (1, 'SEARCH')",
            "flipper_gates values (1, 'SEARCH', 'actors', 'a')",
            "waffle_flag values (1, 'FLAG', true, null, false, false, false, false, '', false, '')",
            "waffle_switch values (1, 'SWITCH', true, '')",
            "waffle_sample values (1, 'SAMPLE', 100, '')",
            "TOGGLZ values ('TOGGLE', 1, null, null)",
        ] {
            program.run(&format!("insert into {row}")).await;
        }
        for system in ["flipper", "waffle", "togglz"] {
            folder.run(&["follow-legacy", system]).expect(0);
        }
        for update in [
            &format!("flipper_features set {quote}key{quote} = 'Search'"),
            "flipper_gates set feature_key = 'Search'",
            "waffle_flag set name = 'Flag'",
            "waffle_switch set name = 'Switch'",
            "waffle_sample set name = 'Sample'",
            "TOGGLZ set FEATURE_NAME = 'Toggle'",
        ] {
            program.run(&format!("update {update}")).await;
        }
        for system in ["flipper", "waffle", "togglz"] {
            expect_equal(&folder, system, "", &format!("{:?}, {system}", database.kind));
        }
        let mut names = program.raw.texts("select name from flags where status").await;
        names.sort();
        assert_eq!(names, ["Flag", "Sample", "Search", "Switch", "Toggle"], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn check_reports_flags_that_are_not_followed() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &[togglz::TABLE]).await;
        program.run("insert into TOGGLZ values ('A', 1, null, null)").await;
        folder.run(&["follow-legacy", "togglz"]).expect(0);
        folder.run(&["check"]).expect(0);
        program.run("update TOGGLZ set STRATEGY_ID = 'script'").await;
        let check = folder.run(&["check", "--json"]).expect(1).json();
        let expected = "a flag of Togglz is not followed: \"A\": its strategy is one that only an import can translate, if any";
        let legacy = check["legacy_problems"].as_array().unwrap();
        assert!(legacy.iter().any(|problem| problem == expected), "{:?}: {legacy:?}", database.kind);
    }
}
