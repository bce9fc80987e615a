//! Imported flags, evaluated as the system's own program evaluated them. The answers are recorded by `oracles`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use novi::{Context, Flags, Value, activation::Registry, rows::Rows};
use novi_import::{ImportError, Imported, Options, Outcome, flagd};
use serde_json::Value as Json;

/// A file of a system's fixtures.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn flags(imported: &Imported) -> Flags {
    let target = imported.document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    let flags = Flags::from_rows(target.rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

fn context(caller: &Json) -> Context<'static> {
    let fields = caller.as_object().unwrap();
    fields.iter().fold(Context::new(), |context, (name, value)| {
        context.with(name.clone(), Value::from(value.clone()).into_owned())
    })
}

/// What novi answers, in the notation of the oracles.
fn code(flags: &Flags, flag: &str, context: &Context<'_>, variants: &[&str]) -> char {
    let decision = flags.evaluate(flag, context).unwrap();
    match decision.variant().filter(|_| decision.enabled()) {
        Some(name) => {
            let index = variants.iter().position(|known| *known == name).unwrap();
            char::from(b'a' + u8::try_from(index).unwrap())
        }
        None if decision.enabled() => '+',
        None => '-',
    }
}

/// Compares all answers of flags that are reported as mapped. Flags that are approximated may differ.
fn compare(imported: &Imported, system: &str, at_least: usize) {
    let recorded: Json = serde_json::from_str(&fixture(&format!("{system}/answers.json"))).unwrap();
    let contexts: Vec<_> = recorded["contexts"].as_array().unwrap().iter().map(context).collect();
    let outcomes: BTreeMap<&str, &Outcome> = imported
        .report
        .items
        .iter()
        .filter_map(|item| Some((item.flag.as_deref()?, &item.outcome)))
        .collect();
    let flags = flags(imported);
    let (mut pairs, mut differences) = (0, Vec::new());
    for (name, recorded) in recorded["answers"].as_object().unwrap() {
        let outcome = outcomes.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the report"));
        assert_eq!(
            matches!(outcome, Outcome::NotMapped { .. }),
            !imported.document.flags.contains_key(name),
            "{name}: {outcome}"
        );
        if **outcome != Outcome::Mapped {
            continue;
        }
        let list = recorded["variants"].as_array().into_iter().flatten();
        let variants: Vec<&str> = list.map(|name| name.as_str().unwrap()).collect();
        let codes = recorded["codes"].as_str().unwrap();
        assert_eq!(codes.len(), contexts.len());
        for (context, expected) in contexts.iter().zip(codes.chars()) {
            pairs += 1;
            let found = code(&flags, name, context, &variants);
            if found != expected {
                let trace = flags.explain(name, context).unwrap();
                differences.push(format!("{name}: expected {expected}, found {found}: {context:?}\n{trace}"));
            }
        }
    }
    let shown: Vec<&str> = differences.iter().take(20).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} of {pairs}:\n{}", differences.len(), shown.join("\n"));
    assert!(pairs >= at_least, "only {pairs} pairs were compared");
}

fn import(read: fn(&str, &Options) -> Result<Imported, ImportError>, file: &str) -> Imported {
    read(&fixture(file), &Options::default()).unwrap()
}

/// The names of the flags that are not simply mapped, with their outcomes.
fn exceptions(imported: &Imported) -> Vec<String> {
    let items = imported.report.items.iter().filter(|item| item.outcome != Outcome::Mapped);
    items.map(|item| format!("{}: {}", item.source, item.outcome)).collect()
}

#[test]
fn flagd_answers() {
    let imported = import(flagd::read, "flagd/flags.json");
    assert_eq!(
        exceptions(&imported),
        [
            "flags.rollout-cat-email: approximated: callers without `email` get the default; in flagd they all share \
             one bucket",
            "flags.arithmetic: not mapped: targeting: only attributes of the caller can be compared, with constants",
        ]
    );
    compare(&imported, "flagd", 10_000);
}
