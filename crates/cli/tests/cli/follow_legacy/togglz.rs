//! Togglz.

use super::{Program, edits, expect_equal, objects};
use crate::{common::databases, support::Folder};

pub(super) const TABLE: &str = "TOGGLZ (FEATURE_NAME varchar(100) primary key, FEATURE_ENABLED integer,
    STRATEGY_ID varchar(200), STRATEGY_PARAMS varchar(2000))";
const FEATURES: [&str; 4] = ["CHECKOUT", "search", "new cart", "a-b.c:d/e"];

/// Strategies with parameters that triggers can follow.
const PLAIN: [(&str, &str); 14] = [
    ("", ""),
    ("username", "users=anna, Bob,,Zoë"),
    ("Username", "users=it's \\: \"me\" \\=x"),
    ("username", "users="),
    ("gradual", "percentage=25"),
    ("gradual", "percentage=0"),
    ("gradual", "percentage=250"),
    (" gradual ", "x=1&percentage=007"),
    ("user-role", "roles=admin,editor , \"a\" "),
    ("user-role", "roles=,"),
    ("release-date", "date=2028-02-29"),
    ("release-date", "date=2026-12-31\ntime=14\\:45\\:00"),
    ("release-date", "time=08:00:00\r\ndate=2026-12-31"),
    ("gradual", "#percentage=1\npercentage=2"),
];

/// Parameters that an import and a trigger could read differently.
const ODD: [(&str, &str); 30] = [
    ("username", "users = a"),
    ("username", "users: a"),
    ("username", "  users=a"),
    ("username", "users\\=x=1"),
    ("username", "us\\u0065rs=a"),
    ("username", "users=a\nusers=b"),
    ("username", "users=a,\\\n b"),
    ("username", "users=a\\\\:b"),
    ("username", "users=a\u{a0},b"),
    ("username", "users=\tc"),
    ("gradual", "percentage=+5"),
    ("gradual", "percentage=5 "),
    ("gradual", "percentage=99999999999"),
    ("gradual", "percentage=-1"),
    ("gradual", "percentage=half"),
    ("release-date", "date=2027-02-29"),
    ("release-date", "date=2026-1-5"),
    ("release-date", "time=10:00:00"),
    ("release-date", "date=2026-02-30"),
    ("release-date", "date=2026-04-31"),
    ("release-date", "date=2100-02-29"),
    ("release-date", "date=2026-13-01"),
    ("release-date", "date=2026-12-00"),
    ("release-date", "date=2026-12-31&time=24:00:00"),
    ("release-date", "date=2026-12-31&time=23:59:60"),
    ("release-date", "date=2026-12-31&time=10:00"),
    ("release-date", "date=2026-12-31&time=10:00:00.5"),
    ("client-ip", "ips=10.0.0.0/8"),
    ("script", "script=true"),
    ("com.acme.Mine", ""),
];

impl Program {
    async fn set(&mut self, feature: &str, is_on: usize, (strategy, parameters): (&str, &str)) {
        let (strategy, parameters) = (self.quoted(strategy), self.quoted(parameters));
        self.run(&format!("delete from TOGGLZ where FEATURE_NAME = '{feature}'")).await;
        self.run(&format!("insert into TOGGLZ values ('{feature}', {is_on}, {strategy}, {parameters})"))
            .await;
    }

    async fn edit_togglz(&mut self) -> String {
        let feature = self.random.one_of(&FEATURES);
        let kind = self.random.below(8);
        let (strategy, parameters) = PLAIN[self.random.below(PLAIN.len())];
        let is_on = self.random.below(2);
        match kind {
            0..=2 => self.set(feature, is_on, (strategy, parameters)).await,
            3 => self.run(&format!("delete from TOGGLZ where FEATURE_NAME = '{feature}'")).await,
            4 => {
                let set = format!("FEATURE_ENABLED = 1 - FEATURE_ENABLED where FEATURE_NAME = '{feature}'");
                self.run(&format!("update TOGGLZ set {set}")).await;
            }
            5 => {
                self.run(&format!("delete from TOGGLZ where FEATURE_NAME = '{feature} 2'")).await;
                let set = format!("FEATURE_NAME = '{feature} 2' where FEATURE_NAME = '{feature}'");
                self.run(&format!("update TOGGLZ set {set}")).await;
            }
            6 => {
                let set =
                    format!("STRATEGY_ID = null, STRATEGY_PARAMS = null where FEATURE_NAME = '{feature}'");
                self.run(&format!("update TOGGLZ set {set}")).await;
            }
            _ => {
                let (strategy, parameters) = (self.quoted(strategy), self.quoted(parameters));
                self.run(&format!(
                    "update TOGGLZ set STRATEGY_ID = {strategy}, STRATEGY_PARAMS = {parameters}"
                ))
                .await;
            }
        }
        format!("edit {kind} of {feature:?}, {strategy:?}, {parameters:?}")
    }
}

#[tokio::test]
async fn rows_are_those_of_an_import_after_each_edit() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &[TABLE]).await;
        program.set("CHECKOUT", 1, PLAIN[1]).await;
        folder.run(&["follow-legacy", "togglz"]).expect(0);
        // PostgreSQL has the table, and its triggers, in small letters.
        folder.run(&["check"]).expect(0);
        let status = folder.run(&["follow-legacy", "togglz", "--status", "--json"]).expect(0).json();
        assert_eq!(status["missing_triggers"], serde_json::json!([]), "{:?}", database.kind);
        for number in 0..edits(database.kind) {
            let edit = program.edit_togglz().await;
            let what = format!("{:?}, {number}: {edit}", database.kind);
            expect_equal(&folder, "togglz", "", &what);
            let gone = program
                .raw
                .texts("select name from flags where name not in (select FEATURE_NAME from TOGGLZ)")
                .await;
            assert!(gone.is_empty(), "{what}: {gone:?}");
            let problems = "select problem from legacy_togglz_follow where problem is not null";
            let problems = program.raw.texts(problems).await;
            assert!(problems.is_empty(), "{what}: {problems:?}");
        }
        folder.run(&["follow-legacy", "togglz", "--stop"]).expect(0);
        assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new());
    }
}

/// What SQL reads differently is reported, and is not taken for something else.
#[tokio::test]
async fn odd_parameters_are_reported_or_mapped_exactly() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &[TABLE]).await;
        program.set("CHECKOUT", 1, PLAIN[4]).await;
        folder.run(&["follow-legacy", "togglz", "--by", "user"]).expect(0);
        for case in ODD {
            program.set("odd", 1, PLAIN[0]).await;
            let set = format!(
                "STRATEGY_ID = {}, STRATEGY_PARAMS = {}",
                program.quoted(case.0),
                program.quoted(case.1)
            );
            program.run(&format!("update TOGGLZ set {set} where FEATURE_NAME = 'odd'")).await;
            let problems = "select problem from legacy_togglz_follow where problem is not null";
            let problems = program.raw.texts(problems).await;
            if case.0 == "release-date" {
                assert_eq!(problems.len(), 1, "{:?}, {case:?}: followed", database.kind);
            }
            if problems.is_empty() {
                let import = ["import", "togglz", "--dry-run", "--overwrite", "--json", "--by", "user"];
                let found = folder.run(&import).expect(0).json();
                assert_eq!(found["changes"], false, "{:?}, {case:?}: {:#}", database.kind, found["plan"]);
            }
        }
        let config = "select config from activations where name = 'CHECKOUT: strategy'";
        assert_eq!(program.raw.texts(config).await, [r#"{"percentage":25,"hash":"togglz","by":"user"}"#]);
    }
}

/// Even if it is as the old system has the feature: the triggers would change and delete it later.
#[tokio::test]
async fn flags_of_ones_own_are_not_taken_over() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &[TABLE]).await;
        program.set("imported", 1, PLAIN[0]).await;
        folder.run(&["import", "togglz"]).expect(0);
        folder.run(&["flag", "create", "mine"]).expect(0);
        program.set("mine", 0, PLAIN[0]).await;
        let follow = ["follow-legacy", "togglz"];
        let refused = folder.run(&follow).expect(5);
        assert_eq!(
            refused.err,
            "error: novi has flags of these names that did not come from Togglz: mine; rename them, or let the system \
             have them with --overwrite\n",
            "{:?}",
            database.kind
        );
        assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new());
        folder.run(&[&follow[..], &["--overwrite"]].concat()).expect(0);
        // What the triggers have written is no flag of one's own.
        program.run("delete from TOGGLZ where FEATURE_NAME = 'mine'").await;
        program.set("triggered", 0, PLAIN[0]).await;
        folder.run(&[&follow[..], &["--stop"]].concat()).expect(0);
        folder.run(&follow).expect(0);
    }
}
