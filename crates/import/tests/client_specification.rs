//! Unleash's client specification: its features imported, and its cases evaluated by novi.
//!
//! `fixtures/client-specification` has the files of `@unleash/client-specification` 6.1.0, under Unleash's license
//! (Apache 2.0).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use novi::{Context, Flags, Value, activation::Registry, rows::Rows};
use novi_import::{Options, unleash};
use serde_json::{Value as Json, json};

fn read(file: &str) -> Json {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/client-specification");
    serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

/// A specification's state, whose features and segments can be events, as clients fetch it.
fn client_features(state: &Json) -> Json {
    let (mut features, mut segments) = (BTreeMap::new(), BTreeMap::new());
    let events = state["events"].as_array().cloned().unwrap_or_else(|| vec![state.clone()]);
    for event in events {
        let list = |many: &str, one: &str| {
            let several = event[many].as_array().cloned().unwrap_or_default();
            several.into_iter().chain(event.get(one).cloned()).collect::<Vec<_>>()
        };
        for feature in list("features", "feature") {
            features.insert(feature["name"].to_string(), feature);
        }
        for segment in list("segments", "segment") {
            segments.insert(segment["id"].to_string(), segment);
        }
        match event["type"].as_str() {
            Some("feature-removed") => drop(features.remove(&event["featureName"].to_string())),
            Some("segment-removed") => drop(segments.remove(&event["segmentId"].to_string())),
            _ => {}
        }
    }
    json!({
        "features": features.into_values().collect::<Vec<_>>(),
        "segments": segments.into_values().collect::<Vec<_>>(),
    })
}

fn flags(state: &Json) -> Flags {
    let imported = unleash::read(&client_features(state).to_string(), &Options::default()).unwrap();
    let target = imported.document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    Flags::builder().keep_rows().from_rows(target.rows).unwrap()
}

/// Unleash's context as a context of novi.
fn context(unleash: &Json) -> Context<'static> {
    let fields = unleash.as_object().unwrap().iter().filter(|(name, _)| *name != "properties");
    let properties = unleash["properties"].as_object().into_iter().flatten();
    fields.chain(properties).fold(Context::new(), |context, (name, value)| {
        context.with(name.clone(), Value::from(value.clone()).into_owned())
    })
}

/// Whether the flag is on, and its variant with its value.
fn found(flags: &Flags, case: &Json) -> (bool, Option<String>, Option<Json>) {
    let decision = flags.evaluate(case["toggleName"].as_str().unwrap(), &context(&case["context"])).ok();
    let variant = decision.as_ref().and_then(|decision| Some(decision.variant()?.to_owned()));
    let value =
        decision.as_ref().and_then(|decision| decision.value().cloned()).filter(|_| variant.is_some());
    (decision.is_some_and(|decision| decision.enabled()), variant, value)
}

#[test]
fn all_cases_decide_as_specified() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in read("index.json").as_array().unwrap() {
        let file = file.as_str().unwrap();
        let spec = read(file);
        let flags = flags(&spec["state"]);
        let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
        for case in list("tests") {
            cases += 1;
            if json!(found(&flags, &case).0) != case["expectedResult"] {
                let name = case["toggleName"].as_str().unwrap();
                let trace = flags.explain(name, &context(&case["context"])).map(|trace| trace.to_string());
                wrong.push(format!("{file}: {}: {trace:?}", case["description"]));
            }
        }
        for case in list("variantTests") {
            cases += 1;
            let (enabled, variant, value) = found(&flags, &case);
            let expected = &case["expectedResult"];
            let name = expected["name"].as_str().filter(|_| expected["enabled"] == true);
            let payload = expected.get("payload").map(|payload| &payload["value"]);
            if (enabled, variant.as_deref()) != (expected["feature_enabled"] == true, name)
                || payload.is_some() && value.as_ref() != payload
            {
                wrong.push(format!("{file}: {}: {enabled}, {variant:?}, {value:?}", case["description"]));
            }
        }
    }
    assert_eq!(cases, 279);
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}
