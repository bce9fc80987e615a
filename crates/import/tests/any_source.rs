//! Readers of any source: they return an error or a report, and what they import compiles.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use novi::{Flags, activation::Registry, rows::Rows};
use novi_import::{
    ImportError, Imported, Options, Outcome, flagd, flagsmith, flipper, growthbook, launchdarkly, optimizely,
    posthog, split, unleash,
};
use proptest::prelude::*;
use serde_json::Value as Json;

type Reader = fn(&str, &Options) -> Result<Imported, ImportError>;

/// Readers of files, each with a source that it reads.
const READERS: [(Reader, &str); 10] = [
    (flagd::read, "flagd/flags.json"),
    (unleash::read, "unleash/client.json"),
    (unleash::read, "unleash/export.json"),
    (flagsmith::read, "flagsmith/environment.json"),
    (flipper::read, "flipper/export.json"),
    (launchdarkly::read, "launchdarkly/flags.json"),
    (growthbook::read, "growthbook/features.json"),
    (posthog::read, "posthog/flags.json"),
    (split::read, "split/splits.json"),
    (optimizely::read, "optimizely/datafile.json"),
];

fn fixture(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What a mutation puts in place of a value.
fn replacement(choice: usize) -> Json {
    let nested = (0..40).fold(Json::Null, |inner, _| serde_json::json!({"and": [inner]}));
    let all = [
        Json::Null,
        Json::Bool(true),
        serde_json::json!(-1),
        serde_json::json!(1e300),
        serde_json::json!(u64::MAX),
        serde_json::json!(""),
        serde_json::json!("\u{0}ß*("),
        serde_json::json!([]),
        serde_json::json!({}),
        nested,
    ];
    all[choice % all.len()].clone()
}

/// The number of values in a tree.
fn size(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(size).sum::<usize>(),
        Json::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// Replaces the value at a position, counted from the front.
fn mutate(json: &mut Json, position: &mut usize, choice: usize) {
    if *position == 0 {
        *json = replacement(choice);
        *position = usize::MAX;
        return;
    }
    *position = position.saturating_sub(1);
    let mut inside = |value: &mut Json| {
        if *position != usize::MAX {
            mutate(value, position, choice);
        }
    };
    match json {
        Json::Array(items) => items.iter_mut().for_each(&mut inside),
        Json::Object(fields) => fields.values_mut().for_each(&mut inside),
        _ => (),
    }
}

/// What is imported compiles, and each flag of it is in the report as such.
fn check(imported: &Imported) {
    let target = imported.document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    let issues = Flags::from_rows(target.rows).unwrap().issues();
    assert!(issues.iter().all(|issue| issue.warning), "{issues:?}");
    for name in imported.document.flags.keys() {
        let is_of_flag = |outcome: &Outcome| !matches!(outcome, Outcome::NotMapped { .. });
        let mut items = imported.report.items.iter();
        assert!(
            items.any(|item| item.flag.as_ref() == Some(name) && is_of_flag(&item.outcome)),
            "{name} is not in the report"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn changed_sources_are_read(places in prop::collection::vec((any::<prop::sample::Index>(), any::<usize>()), 1..6)) {
        for (read, file) in READERS {
            let mut source = fixture(file);
            for (place, choice) in &places {
                let mut position = place.index(size(&source));
                mutate(&mut source, &mut position, *choice);
            }
            if let Ok(imported) = read(&source.to_string(), &Options::default()) {
                check(&imported);
            }
        }
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,40}") {
        for (read, _) in READERS {
            let _ = read(&text, &Options::default()).map(|imported| check(&imported));
        }
    }
}
