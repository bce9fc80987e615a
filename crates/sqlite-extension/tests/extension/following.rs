//! The functions see the rows that the query sees.

use crate::host::{Database, path_literal};

const FLAG: &str = "insert into flags values (1, 'New', false);";
const REASON: &str = "select novi_reason('New'), (select revision from novi_revision) = novi_revision();\n";

fn with_flag() -> Database {
    let database = Database::migrated();
    database.rows(FLAG);
    database
}

#[test]
fn changes_of_the_same_connection_are_seen_at_once() {
    let database = with_flag();
    let rows = database.rows(&format!(
        "{REASON} update flags set status = true; {REASON} delete from flags; insert into flags values (7, 'New', false);
        {REASON}"
    ));
    assert_eq!(rows, ["DISABLED|1", "STATIC|1", "DISABLED|1"]);
}

#[test]
fn a_transaction_sees_its_own_rows_and_a_rollback_takes_them_back() {
    let database = with_flag();
    let rows = database.rows(&format!(
        "{REASON} begin; {REASON} update flags set status = true; {REASON} savepoint one; update flags set status = false;
        {REASON} rollback to one; {REASON} rollback; {REASON}
        begin; update flags set status = true; {REASON} rollback; begin; {REASON} commit;
        begin; update flags set status = true; {REASON} commit; {REASON}"
    ));
    let [off, on] = ["DISABLED|1", "STATIC|1"];
    assert_eq!(rows, [off, off, on, off, on, off, on, off, on, on]);
}

/// Two changes with the same revision, of which one was rolled back.
#[test]
fn a_revision_that_is_used_again_is_noticed() {
    let database = with_flag();
    let rows = database.rows(&format!(
        "begin; update flags set status = true; {REASON} rollback; begin; update flags set name = 'Other';
        select novi_reason('Other'); commit; select novi_reason('Other');"
    ));
    assert_eq!(rows, ["STATIC|1", "DISABLED", "DISABLED"]);
}

#[test]
fn changes_of_other_connections_are_seen_by_the_next_transaction() {
    for mode in ["delete", "wal"] {
        let database = with_flag();
        let file = path_literal(&database.path("app.db"));
        let printed = database.rows(&format!(
            "pragma journal_mode = {mode};
            {REASON} create table users (id); insert into users values (1);
            .connection 1
            .open {file}
            begin; select count(*) from flags;
            .connection 0
            {REASON}
            .connection 1
            commit; update flags set status = true;
            .connection 0
            {REASON} select novi_reason(name), novi_reason('New') from flags, users;
            begin; select novi_reason(name) from flags;
            .connection 1
            "
        ));
        let [off, on] = ["DISABLED|1", "STATIC|1"];
        assert_eq!(printed, [mode, off, "1", off, on, "STATIC|STATIC", "STATIC"]);
    }
}

#[test]
fn a_read_transaction_keeps_its_rows() {
    let database = with_flag();
    let file = path_literal(&database.path("app.db"));
    let rows = database.rows(&format!(
        "pragma journal_mode = wal;
        begin; {REASON}
        .connection 1
        .open {file}
        update flags set status = true;
        .connection 0
        {REASON} select novi_reason(name) from flags; commit; {REASON}"
    ));
    assert_eq!(rows, ["wal", "DISABLED|1", "DISABLED|1", "DISABLED", "STATIC|1"]);
}

/// R11, in one statement.
#[test]
fn a_statement_has_one_revision() {
    let rows = with_flag().rows(
        "create table users (id integer primary key, reason text);
        insert into users (id) values (1), (2), (3);
        create trigger change after update on users begin update flags set status = true; end;
        update users set reason = novi_reason('New');
        select id, reason from users; select novi_reason('New');",
    );
    assert_eq!(rows, ["1|DISABLED", "2|DISABLED", "3|DISABLED", "STATIC"]);
}

#[test]
fn an_invalid_row_breaks_its_flag_only_and_last_known_is_kept() {
    let rows = with_flag().rows(
        r#"update flags set status = true;
        insert into flags values (2, 'Kept', true), (3, 'Other', true);
        update flag_metadata set fail_mode = 'last_known' where flag_id = 2;
        insert into activations (id, name, class_name, config) values (1, 'Share', 'novi.percentage', '{"percentage": 100}');
        insert into flags_activations values (1, 1), (2, 1);
        select name, novi_enabled(name, 'targetingKey', 1), novi_reason(name, 'targetingKey', 1) from flags order by id;
        update activations set config = '{"percentage": "all"}';
        select name, novi_enabled(name, 'targetingKey', 1), novi_reason(name, 'targetingKey', 1) from flags order by id;
        select json_array_length(novi_issues()), novi_issues() like '%activations#1%percentage%';"#,
    );
    let expected = [
        "New|1|SPLIT",
        "Kept|1|SPLIT",
        "Other|1|STATIC",
        "New|0|ERROR",
        "Kept|1|ERROR",
        "Other|1|STATIC",
        "1|1",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn views_of_the_application_can_use_the_functions() {
    let rows = with_flag().rows(
        "create table users (id integer primary key, country text);
        insert into users values (1, 'US'), (2, 'DE');
        create view audience as select id from users where not novi_enabled('New', 'targetingKey', id);
        select count(*) from audience; update flags set status = true; select count(*) from audience;
        create temp table flags (id, name, status); select novi_reason('New');",
    );
    assert_eq!(rows, ["2", "0", "STATIC"]);
}
