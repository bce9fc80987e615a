//! What SQL cannot state: a list that the docs have as well, of the messages of the code.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

use novi::{
    Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_sql::{Dialect, Options, render};

const START: &str =
    "<!-- refusals: made by `UPDATE_DOCS=1 cargo test --workspace --test sql -- refusals` -->\n";
const END: &str = "<!-- end of refusals -->\n";

/// A class, what its config has, and a config with it.
type Row = (&'static str, &'static str, &'static str);

/// What no dialect states, or only some.
const REFUSED: [Row; 19] = [
    ("novi.percentage", r#"`"hash": "murmur3"`, the default, and other hashes"#, r#"{"percentage": 5}"#),
    ("novi.percentage", r#"`"hash": "md5"`"#, r#"{"percentage": 5, "hash": "md5"}"#),
    ("novi.percentage", r#"`"hash": "crc32"`"#, r#"{"percentage": 5, "hash": "crc32"}"#),
    ("novi.percentage", "any hash", r#"{"percentage": 5, "hash": "sha256"}"#),
    ("novi.split", r#"`"remember": true`"#, r#"{"variants": {"a": 1}, "hash": "sha256", "remember": true}"#),
    ("novi.weighted_random", "", r#"{"variations": ["a"], "splits": [1]}"#),
    (
        "novi.experiment",
        r#"`"state": "running"` with `"hash": "murmur3"`, the default"#,
        r#"{"variants": {"a": 1, "b": 1}, "control": "a", "state": "running"}"#,
    ),
    (
        "novi.experiment",
        r#"`"state": "running"` with other hashes"#,
        r#"{"variants": {"a": 1, "b": 1}, "control": "a", "state": "running", "hash": "sha256"}"#,
    ),
    ("novi.schedule", "`cron`", r#"{"cron": "0 9 * * *", "duration": "1h"}"#),
    ("novi.schedule", "`timezone` other than UTC", r#"{"from": "09:00", "timezone": "Europe/Berlin"}"#),
    ("novi.expression", "", r#"{"expression": "plan == \"pro\""}"#),
    ("novi.host", "", r#"{"hosts": "web-1"}"#),
    ("novi.attribute", "`regex`", r#"{"attribute": "plan", "regex": "^p"}"#),
    (
        "novi.attribute",
        "`semver`, `semver_strict`, `growthbook_version`",
        r#"{"attribute": "app", "semver": ">1.2"}"#,
    ),
    ("novi.ip", "", r#"{"networks": ["10.0.0.0/8"]}"#),
    ("novi.attribute", "`in_cidr`", r#"{"attribute": "ip", "in_cidr": "10.0.0.0/8"}"#),
    (
        "novi.attribute",
        "`ignore_case` with letters other than A to Z",
        r#"{"attribute": "plan", "equals": "ÜN", "ignore_case": true}"#,
    ),
    (
        "novi.ramp",
        "`linear` with `\"hash\": \"flagr\"`",
        r#"{"steps": [{"at": "2026-01-01", "percentage": 5}], "linear": true, "hash": "flagr"}"#,
    ),
    ("novi.attribute", "`before` and `after`, of text", r#"{"attribute": "seen", "before": "2026-01-01"}"#),
];

/// The other types, which every dialect states.
const STATED: [Row; 17] = [
    ("novi.and", "", "[]"),
    ("novi.or", "", "[]"),
    ("novi.not", "", r#"[{"class_name": "novi.and", "config": []}]"#),
    ("novi.at_least", "", r#"{"count": 0, "activations": []}"#),
    ("novi.flag", "", r#"{"flag": "y"}"#),
    ("novi.switch", "", r#"{"by": "plan", "cases": {"pro": true}}"#),
    ("novi.rules", "", r#"{"rules": []}"#),
    ("novi.static", "", r#"{"variant": "a"}"#),
    ("novi.date_time", "", r#"{"startDateTime": "2026-01-01"}"#),
    ("novi.expires", "", r#"{"at": "2026-01-01"}"#),
    ("novi.environment", "", r#"{"environments": ["test"]}"#),
    ("novi.members", "", r#"{"allow": ["a"]}"#),
    ("novi.attribute", "", r#"{"attribute": "plan", "equals": "pro"}"#),
    ("novi.schedule", "", r#"{"from": "09:00"}"#),
    ("novi.experiment", "", r#"{"variants": {"a": 1, "b": 1}, "control": "a", "state": "stopped"}"#),
    ("novi.attribute", "", r#"{"attribute": "age", "less": 7}"#),
    ("novi.metric", "", r#"{"kind": "mean", "sql": "select 1"}"#),
];

/// Types that draw are stated, with a hash that the dialect has.
const DRAWS: [Row; 4] = [
    ("novi.percentage", "", r#"{"percentage": 5, "hash": "sha256"}"#),
    ("novi.bucket", "", r#"{"ranges": [[0, 10]], "hash": "sha256"}"#),
    (
        "novi.ramp",
        "",
        r#"{"steps": [{"at": "2026-01-01", "percentage": 5}, {"at": "2026-02-01", "percentage": 50}], "linear": true, "hash": "sha256"}"#,
    ),
    ("novi.split", "", r#"{"variants": {"a": 1}, "hash": "sha256"}"#),
];

const DIALECTS: [Dialect; 4] = [Dialect::Postgres, Dialect::MySql, Dialect::DuckDb, Dialect::Sqlite];

/// The message of a dialect; `None` if it states the flag.
fn refusal(class: &str, config: &str, dialect: Dialect) -> Option<String> {
    let rows = Rows {
        flags: vec![FlagRow::new(1, "x", true), FlagRow::new(2, "y", true)],
        activations: vec![ActivationRow::new(1, "row", class, config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
    assert_eq!(flags.issues().iter().filter(|issue| !issue.warning).count(), 0, "{class} {config}");
    let mut options = Options::new(dialect);
    options.columns = "seen:text".parse().unwrap();
    options.variant = true;
    let stated = flags.snapshot().to_sql("x", &flags.registry()).unwrap();
    let refusals = stated.and_then(|stated| render(&stated, &options)).err()?;
    Some(refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>().join("; "))
}

#[test]
fn docs_list_what_is_refused_with_the_messages_of_the_code() {
    let mut table = "| Type | Part | Refused by | Message |\n|---|---|---|---|\n".to_owned();
    for (class, part, config) in REFUSED {
        let found: Vec<_> = DIALECTS
            .into_iter()
            .filter_map(|dialect| Some((dialect, refusal(class, config, dialect)?)))
            .collect();
        let (_, message) = found.first().unwrap_or_else(|| panic!("{class} {config} is stated"));
        let by: Vec<String> = found.iter().map(|(dialect, _)| dialect.to_string()).collect();
        let by = if by.len() == DIALECTS.len() { "all".to_owned() } else { by.join(", ") };
        writeln!(table, "| `{class}` | {part} | {by} | {} |", message.replace('|', "\\|")).unwrap();
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/how-to/flags-in-sql.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(START).expect("the page has the start of the table");
    let (found, after) = rest.split_once(END).expect("the page has the end of the table");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, format!("{before}{START}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "run `UPDATE_DOCS=1 cargo test --workspace --test sql -- refusals`");
    }
}

#[test]
fn each_type_is_stated_or_listed_as_refused() {
    for (class, _, config) in STATED {
        for dialect in DIALECTS {
            assert_eq!(refusal(class, config, dialect), None, "{class} {config} {dialect}");
        }
    }
    for (class, _, config) in DRAWS {
        for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::DuckDb] {
            assert_eq!(refusal(class, config, dialect), None, "{class} {config} {dialect}");
        }
    }
    let listed: BTreeSet<&str> =
        REFUSED.iter().chain(&STATED).chain(&DRAWS).map(|(class, ..)| *class).collect();
    let registry = Registry::global().unwrap();
    let all: BTreeSet<String> = registry.iter().map(|kind| kind.class().to_owned()).collect();
    let missing: Vec<&String> = all.iter().filter(|name| !listed.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new(), "state their SQL, or list them as refused");
}
