//! What the functions take and return, and their errors.

use crate::host::Database;

const BETA: &str = r#"
insert into flags values (1, 'Beta', true), (2, 'Layout', true), (3, 'Off', false);
insert into activations (id, name, class_name, config) values
  (1, 'Testers', 'novi.attribute', '{"attribute": "beta", "equals": true}'),
  (2, 'Layouts', 'novi.switch', '{"by": "country", "cases": {"US": "grid"}, "fallback": "list"}');
insert into flags_activations values (1, 1), (2, 2);
update flag_metadata set variants = '{"grid": {"columns": 3}, "list": "one"}' where flag_id = 2;
"#;

fn beta() -> Database {
    let database = Database::migrated();
    database.rows(BETA);
    database
}

#[test]
fn a_context_is_json_or_pairs() {
    let database = beta();
    let rows = database.rows(
        "create table users (id integer, country text, beta, age real);
        insert into users values (1, 'US', 1, 1.5), (2, null, null, null);
        select id, novi_variant('Layout', 'country', country) from users;
        select id, novi_variant('Layout', json_object('country', country)) from users;
        select novi_enabled('Beta', json_object('beta', json('true'))), novi_enabled('Beta', 'beta', json('true')),
          novi_enabled('Beta', 'beta', 1), novi_enabled('Beta', 'beta', 'true'), novi_enabled('Beta', 'beta', null);
        select novi_enabled('Off'), novi_enabled('Beta'), novi_enabled('Beta', null), novi_enabled('Beta', '{}');
        select novi_variant('Layout', 'country', 'US', 'country', 'DE'),
          novi_variant('Layout', '{\"country\": \"US\", \"country\": \"DE\"}');",
    );
    let expected = ["1|grid", "2|list", "1|grid", "2|list", "1|1|0|0|0", "0|0|0|0", "list|list"];
    assert_eq!(rows, expected);
}

#[test]
fn results_are_values_of_sql() {
    let rows = beta().rows(
        "select novi_value('Layout', 'country', 'US'), novi_value('Layout'), novi_value('Off'), novi_variant('Off'),
          typeof(novi_enabled('Off')), novi_reason('Off');
        select novi_value('Layout', 'country', 'US') ->> 'columns';
        select novi_enabled(null), novi_variant(null, 'a', 1), novi_explain(null);
        select novi_explain('Off');
        select novi_explain_json('Layout', 'country', 'US') ->> '$.variant';
        select novi_issues();",
    );
    let expected = [
        r#"{"columns":3}|one|0|null|integer|DISABLED"#,
        "3",
        "null|null|null",
        "Off is off (DISABLED): the flag's status is off, at revision 12",
        "grid",
        "[]",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn wrong_arguments_are_errors_that_name_the_function() {
    let database = beta();
    let context =
        "expected a JSON object such as json_object('targetingKey', id), or pairs of names and values";
    for (call, expected) in [
        ("novi_enabled()", "novi_enabled: expected the name of a flag, then a JSON object or pairs"),
        ("novi_variant(7)", "novi_variant: expected text as the name of the flag, found the integer 7"),
        ("novi_enabled('Bets')", "novi_enabled: flag \"Bets\" was not found; did you mean \"Beta\"?"),
        (
            "novi_value('Beta', '{\"a\": }')",
            "novi_value: the context is invalid: expected value at line 1 column 7",
        ),
        ("novi_value('Beta', '{\"a\": }')", context),
        ("novi_enabled('Beta', '[1]')", "invalid type: sequence, expected an object"),
        (
            "novi_enabled('Beta', 7.5)",
            "novi_enabled: expected a JSON object such as json_object('targetingKey', id), found the number 7.5",
        ),
        ("novi_enabled('Beta', 'a', 1, 'b')", "found 4 arguments: the last name has no value"),
        (
            "novi_enabled('Beta', null, 1)",
            "expected text as the name of an attribute in argument 2, found null",
        ),
        ("novi_enabled('Beta', 'a', 1, 3, 1)", "the name of an attribute in argument 4, found the integer 3"),
        (
            "novi_enabled('Beta', 'photo', x'00ff')",
            "attribute \"photo\": a blob cannot be an attribute; convert it",
        ),
        ("novi_enabled('Beta', 'a', cast(x'ff' as text))", "attribute \"a\" is not UTF-8 at byte 0"),
        ("novi_reason(cast(x'61ff' as text))", "novi_reason: the name of the flag is not UTF-8 at byte 1"),
        (
            "novi_enabled(x'00')",
            "novi_enabled: expected text as the name of the flag, found a blob of 1 bytes",
        ),
        ("novi_enabled('a' || char(0) || 'b')", "flag \"a\\0b\" was not found"),
        ("novi_table_prefix('Acme; drop')", "novi_table_prefix: expected at most 20 lower-case letters"),
        (
            "novi_table_prefix(null)",
            "novi_table_prefix: expected the prefix of novi's tables, such as 'acme_', found null",
        ),
        ("novi_configure('missing.toml')", "novi_configure: "),
    ] {
        let error = database.error(&format!("select {call};"));
        assert!(error.contains(expected), "{call}: {error}");
    }
}

#[test]
fn an_error_leaves_the_connection_usable() {
    let printed =
        beta().run("select novi_enabled('Bets');\nselect novi_enabled('Beta', 'beta', json('true'));");
    assert_eq!((printed.rows, printed.errors.len()), (vec!["1".to_owned()], 1));
}

#[test]
fn a_database_without_tables_says_what_to_do() {
    let error = Database::empty().error("select novi_enabled('Beta');");
    assert!(
        error.contains("no such table: main.novi_revision; create or update them with `novi migrate`"),
        "{error}"
    );
    assert!(error.contains("novi_table_prefix('acme_')"), "{error}");
}

#[test]
fn tables_that_call_the_functions_are_an_error() {
    let error = Database::migrated().error(
        "insert into flags values (1, 'Beta', true);
        alter table flags rename to other;
        create view flags as select id, name, novi_enabled('Beta') as status from other;
        select novi_enabled('Beta');",
    );
    assert!(error.contains("they must not be views or virtual tables that call novi's functions"), "{error}");
}

#[test]
fn settings_cannot_be_changed_by_a_view() {
    let error = Database::migrated().error(
        "create view settings as select novi_configure('novi.toml');
        select * from settings;",
    );
    assert!(error.contains("unsafe use of novi_configure()"), "{error}");
}

#[test]
fn views_of_untrusted_files_and_indexes_cannot_use_the_functions() {
    let database = beta();
    let error = database.error(
        "create view testers as select novi_enabled('Beta') as enabled;
        pragma trusted_schema = off;
        select enabled from testers;",
    );
    assert!(error.contains("unsafe use of novi_enabled()"), "{error}");
    let error = database.error("create index by_flag on flags (novi_enabled(name));");
    assert!(error.contains("non-deterministic functions prohibited in index expressions"), "{error}");
}
