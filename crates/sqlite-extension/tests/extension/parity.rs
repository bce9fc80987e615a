//! The extension decides as the engine does.

use std::{collections::BTreeSet, fmt::Write as _};

use novi::{Context, Flags, activation::Registry};
use serde_json::Value;

use crate::{
    generated::{Random, caller, rows},
    host::{Database, insertions, literal},
};

const FLAGS: usize = 500;
const CALLERS: usize = 500;

/// A value as SQLite prints it.
fn printed(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => i32::from(*value).to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[test]
fn generated_flags_are_decided_as_by_the_engine() {
    let mut random = Random::new(18);
    let rows = rows(&mut random, FLAGS);
    let callers: Vec<String> = (0..CALLERS).map(|number| caller(&mut random, number).to_string()).collect();
    let used: BTreeSet<_> = rows.activations.iter().map(|row| row.class_name.as_str()).collect();
    for kind in Registry::global().unwrap().iter().filter(|kind| kind.is_condition()) {
        assert!(used.contains(kind.class()), "no flag has an activation of the type {}", kind.class());
    }

    let database = Database::migrated();
    let mut script = insertions(&rows);
    script.push_str("create table users (id integer primary key, context text);\nbegin;\n");
    for context in &callers {
        writeln!(script, "insert into users (context) values ({});", literal(Some(context))).unwrap();
    }
    script.push_str(
        "commit;
        select novi_enabled(f.name, u.context), novi_variant(f.name, u.context),
          iif(u.id % 8 = 0, novi_reason(f.name, u.context) || ' ' || ifnull(novi_value(f.name, u.context), 'null'), '')
        from flags f cross join users u order by f.id, u.id;
        select value from json_each(novi_issues());",
    );
    let found = database.rows(&script);

    let names: Vec<String> = rows.flags.iter().map(|flag| flag.name.clone()).collect();
    let flags = Flags::from_rows(rows).unwrap();
    let contexts: Vec<_> = callers.iter().map(|text| Context::from_json(text).unwrap()).collect();
    let mut lines = found.iter();
    let mut on = 0;
    for name in &names {
        for (id, (context, text)) in (1..).zip(contexts.iter().zip(&callers)) {
            let decision = flags.evaluate(name, context).unwrap();
            let more = if id % 8 == 0 {
                format!("{} {}", decision.reason(), printed(decision.value()))
            } else {
                String::new()
            };
            let enabled = i32::from(decision.enabled());
            let expected = format!("{enabled}|{}|{more}", decision.variant().unwrap_or("null"));
            assert_eq!(lines.next(), Some(&expected), "{name} for {text}");
            on += i32::from(decision.enabled());
        }
    }
    let issues: Vec<String> = flags.issues().iter().map(ToString::to_string).collect();
    assert!(issues.len() > 10, "{issues:?}");
    assert_eq!(lines.cloned().collect::<Vec<_>>(), issues);
    let all = i32::try_from(FLAGS * CALLERS).unwrap();
    assert!(on > all / 5 && on < all * 4 / 5, "{on} of {all} are on");
}
