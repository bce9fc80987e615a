//! Unleash's client specification: its features as rows, and its cases evaluated by novi.
//!
//! `fixtures/unleash` has the files of `@unleash/client-specification` 6.1.0, under Unleash's licence (Apache
//! 2.0).

#![allow(clippy::needless_pass_by_value, reason = "tests, and their helpers")]

#[path = "unleash_translate.rs"]
mod translate;

use std::{fs, path::Path};

use novi::Flags;
use serde_json::Value as Json;

#[test]
fn all_cases_of_the_client_specification() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/unleash");
    let read = |file: &str| -> Json {
        serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
    };
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in read("index.json").as_array().unwrap() {
        let file = file.as_str().unwrap();
        let spec = read(file);
        let flags = Flags::from_rows(translate::rows(&spec["state"])).unwrap();
        let list = |field: &str| spec[field].as_array().cloned().unwrap_or_default();
        for case in list("tests") {
            cases += 1;
            let (flag, context) =
                (case["toggleName"].as_str().unwrap(), translate::context(&case["context"]));
            if flags.is_enabled(flag, &context) != case["expectedResult"].as_bool().unwrap() {
                wrong.push(format!(
                    "{file}: {}: {:?}",
                    case["description"],
                    flags.explain(flag, &context).map(|t| t.to_string())
                ));
            }
        }
        for case in list("variantTests") {
            cases += 1;
            let (flag, context) =
                (case["toggleName"].as_str().unwrap(), translate::context(&case["context"]));
            let expected = &case["expectedResult"];
            let found = flags.evaluate(flag, &context).ok();
            let enabled = found.as_ref().is_some_and(novi::Decision::enabled);
            let variant = found.as_ref().and_then(|found| found.variant());
            let name = expected["name"].as_str().filter(|_| expected["enabled"] == true);
            let payload = found.as_ref().and_then(|found| found.value()).filter(|_| variant.is_some());
            let wanted = expected.get("payload").map(|payload| &payload["value"]);
            if (enabled, variant) != (expected["feature_enabled"] == true, name)
                || wanted.is_some() && payload != wanted
            {
                wrong.push(format!("{file}: {}: {found:?}", case["description"]));
            }
        }
    }
    assert_eq!(cases, 279);
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Only the rows that are invalid on purpose are issues.
#[test]
fn translated_features_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/unleash");
    let mut issues = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "json") && !file.ends_with("index.json") {
            let spec: Json = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
            let flags = Flags::from_rows(translate::rows(&spec["state"])).unwrap();
            issues.extend(flags.issues().iter().map(ToString::to_string));
        }
    }
    insta::assert_snapshot!(issues.join("\n"));
}
