//! django-waffle.

use super::{Program, edits, expect_equal, objects};
use crate::{
    common::{Kind, Raw, databases},
    support::Folder,
};

pub(super) const TABLES: [&str; 6] = [
    "waffle_flag (id integer primary key, name varchar(100) not null unique, everyone boolean, percent decimal(3, 1),
    testing boolean not null, superusers boolean not null, staff boolean not null, authenticated boolean not null,
    languages text not null, rollout boolean not null, note text not null)",
    "waffle_flag_users (id integer primary key, flag_id integer not null, user_id integer not null)",
    "waffle_flag_groups (id integer primary key, flag_id integer not null, group_id integer not null)",
    "waffle_switch (id integer primary key, name varchar(100) not null unique, active boolean not null,
    note text not null)",
    "waffle_sample (id integer primary key, name varchar(100) not null unique, percent decimal(4, 1) not null,
    note text not null)",
    "auth_group (id integer primary key, name varchar(150) not null)",
];
/// Some names are those of flags, of switches and of samples.
const NAMES: [&str; 4] = ["checkout", "search", "new cart", "a-b.c:d/e"];
const EVERYONE: [&str; 4] = ["null", "null", "true", "false"];
const SHARES: [&str; 6] = ["null", "0", "12.5", "0.1", "99.9", "5"];
const LANGUAGES: [&str; 8] = ["", "de", "de, fr", "en,,fr ", ",", "pt-br ,de", ",en", "de,"];
const NOTES: [&str; 4] = ["", " \t", "It's a \"note\"", "Zoë's"];
const GROUPS: [&str; 4] = ["admins", "say \"hi\"", "früh", "it's"];
const COLUMNS: [&str; 4] = ["superusers", "staff", "authenticated", "testing"];

impl Program {
    async fn add_named(&mut self, table: &str, name: &str, values: &str) {
        let row = self.next_row();
        self.run(&format!("delete from {table} where name = '{name}'")).await;
        self.run(&format!("insert into {table} values ({row}, '{name}', {values})")).await;
    }

    async fn edit_waffle(&mut self) -> String {
        let name = self.random.one_of(&NAMES);
        let kind = self.random.below(16);
        let of_flag = format!("where flag_id in (select id from waffle_flag where name = '{name}')");
        let row = self.next_row();
        let number = self.random.below(4);
        let mut value = String::new();
        match kind {
            0 | 1 => {
                let values = "null, null, false, false, false, false, '', false, ''";
                self.run(&format!("delete from waffle_flag_users {of_flag}")).await;
                self.run(&format!("delete from waffle_flag_groups {of_flag}")).await;
                self.add_named("waffle_flag", name, values).await;
            }
            2 => {
                self.run(&format!("delete from waffle_flag_users {of_flag}")).await;
                self.run(&format!("delete from waffle_flag_groups {of_flag}")).await;
                self.run(&format!("delete from waffle_flag where name = '{name}'")).await;
            }
            3 => value = format!("everyone = {}", self.random.one_of(&EVERYONE)),
            4 => value = format!("percent = {}", self.random.one_of(&SHARES)),
            5 => {
                let column = self.random.one_of(&COLUMNS);
                value = format!("{column} = not {column}");
            }
            6 => value = format!("languages = '{}'", self.random.one_of(&LANGUAGES)),
            7 => value = format!("note = {}", self.quoted(NOTES[number])),
            8 | 9 => {
                self.run(&format!("delete from waffle_flag_users {of_flag} and user_id = {number}")).await;
                let select = format!("select {row}, id, {number} from waffle_flag where name = '{name}'");
                self.run(&format!("insert into waffle_flag_users {select}")).await;
            }
            10 => self.run(&format!("delete from waffle_flag_users {of_flag}")).await,
            11 => {
                self.run(&format!("delete from waffle_flag_groups {of_flag} and group_id = {number}")).await;
                let select = format!("select {row}, id, {number} from waffle_flag where name = '{name}'");
                self.run(&format!("insert into waffle_flag_groups {select}")).await;
            }
            12 => {
                let group = self.random.one_of(&GROUPS);
                let group = self.quoted(group);
                self.run(&format!("update auth_group set name = {group} where id = {number}")).await;
            }
            13 => self.add_named("waffle_switch", name, ["true, ''", "false, 'note'"][number % 2]).await,
            14 => {
                let values = ["0, ''", "100, 'note'", "40.5, ''", "100, ''"][number];
                self.add_named("waffle_sample", name, values).await;
            }
            _ => {
                let table = ["waffle_switch", "waffle_sample"][number % 2];
                self.run(&format!("delete from {table} where name = '{name}'")).await;
            }
        }
        if !value.is_empty() {
            self.run(&format!("update waffle_flag set {value} where name = '{name}'")).await;
        }
        format!("edit {kind} of {name:?}, {number}, {value}")
    }

    async fn add_groups(&mut self) {
        for (id, group) in GROUPS.iter().enumerate().skip(1) {
            let group = self.quoted(group);
            self.run(&format!("insert into auth_group values ({id}, {group})")).await;
        }
    }
}

#[tokio::test]
async fn rows_are_those_of_an_import_after_each_edit() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &TABLES).await;
        program.add_groups().await;
        let values = "null, 12.5, false, true, false, false, 'de', false, 'A note'";
        program.add_named("waffle_flag", "checkout", values).await;
        folder.run(&["follow-legacy", "waffle"]).expect(0);
        for number in 0..3 * edits(database.kind) {
            let edit = program.edit_waffle().await;
            let what = format!("{:?}, {number}: {edit}", database.kind);
            // An import takes as long as three edits.
            if number % 3 == 0 {
                expect_equal(&folder, "django-waffle", "", &what);
            }
            let gone = "select name from flags where name not in (select name from waffle_flag)
                and name not in (select name from waffle_switch) and name not in (select name from waffle_sample)";
            let gone = program.raw.texts(gone).await;
            assert!(gone.is_empty(), "{what}: {gone:?}");
        }
        let failed = "select problem from legacy_waffle_follow where problem not like 'a sample of some%'";
        let failed = program.raw.texts(failed).await;
        assert!(failed.is_empty(), "{failed:?}");
        folder.run(&["follow-legacy", "waffle", "--stop"]).expect(0);
        assert_eq!(objects(&mut program.raw, database.kind).await, Vec::<String>::new());
    }
}

/// `novi check` reports triggers that are gone and rows that differ; --sync repairs both.
#[tokio::test]
async fn check_reports_what_is_out_of_step() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &TABLES).await;
        program.add_named("waffle_switch", "checkout", "true, ''").await;
        let mut transcript =
            folder.transcript(&[&["follow-legacy", "waffle", "--by", "user_id"], &["check"]]);
        program
            .run(match database.kind {
                Kind::Postgres => "alter table waffle_switch disable trigger legacy_waffle_waffle_switch",
                _ => "drop trigger legacy_waffle_waffle_switch_changed",
            })
            .await;
        program.run("update waffle_switch set active = false").await;
        let text = folder.run(&["check"]).expect(1).out;
        assert!(text.contains("rows differ from the tables of django-waffle: checkout"), "{text}");
        let json = folder.run(&["check", "--json"]).expect(1).json();
        assert_eq!(json["legacy_problems"].as_array().map(Vec::len), Some(2), "{json:#}");
        let status = folder.run(&["follow-legacy", "waffle", "--status", "--json"]).expect(0).json();
        assert_eq!(status["missing_triggers"].as_array().map(Vec::len), Some(1), "{status:#}");
        assert_eq!(status["differ"][0], "checkout", "{status:#}");
        transcript += &folder.transcript(&[
            &["follow-legacy", "waffle", "--sync", "--by", "other"],
            &["follow-legacy", "waffle", "--sync"],
            &["check"],
            &["follow-legacy", "waffle", "--status"],
        ]);
        program.run("update waffle_switch set active = true").await;
        transcript += &folder.transcript(&[&["check"], &["list"]]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(crate::support::the_same(transcripts));
}

/// Programs that change several flags would deadlock if a change of one waited for a change of another.
#[tokio::test]
async fn writers_of_other_flags_do_not_wait() {
    for database in databases().await {
        if database.kind == Kind::Sqlite {
            continue;
        }
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut program = Program::with(&database, &TABLES).await;
        let values = "null, 12.5, false, true, false, false, 'de', false, 'A note'";
        program.add_named("waffle_flag", "checkout", values).await;
        program.add_named("waffle_flag", "search", values).await;
        for (id, flag) in [(1, 1), (2, 1), (3, 2)] {
            program.run(&format!("insert into waffle_flag_users values ({id}, {flag}, {id})")).await;
        }
        folder.run(&["follow-legacy", "django-waffle"]).expect(0);
        let mut other = Raw::connect(&database).await;
        let wait =
            if database.kind == Kind::MySql { "innodb_lock_wait_timeout = 2" } else { "lock_timeout = '2s'" };
        other.run(&format!("set {wait}")).await.unwrap();
        let changes = ["percent = 50", "staff = true", "note = 'B'", "everyone = true", "everyone = null"];
        for change in changes {
            program.run("begin").await;
            program.run(&format!("update waffle_flag set {change} where id = 1")).await;
            let found = other.run(&format!("update waffle_flag set {change} where id = 2")).await;
            assert!(found.is_ok(), "{:?}, {change}: {found:?}", database.kind);
            program.run("commit").await;
        }
        expect_equal(&folder, "waffle", "", &format!("{:?}", database.kind));
    }
}
