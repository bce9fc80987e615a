//! The OpenAPI document. Its snapshot shows every change in a review.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Api;

async fn description() -> Value {
    let flags = novi::Flags::builder().keep_rows().from_rows(novi::rows::Rows::default()).unwrap();
    Api::without_database(flags).await.get("/openapi.json").await.with(200)
}

#[tokio::test]
async fn openapi_document() {
    let mut description = description().await;
    description["info"]["version"] = "x.y.z".into();
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&description).unwrap());
}

/// All `$ref` of a document.
fn references<'a>(json: &'a Value, found: &mut BTreeSet<&'a str>) {
    match json {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => (),
    }
}

#[tokio::test]
async fn references_resolve_and_operation_ids_are_unique() {
    let description = description().await;
    let mut found = BTreeSet::new();
    references(&description, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            let declared: BTreeSet<_> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let used: BTreeSet<_> = path
                .split(['{', '}'])
                .enumerate()
                .filter(|(index, _)| index % 2 == 1)
                .map(|(_, name)| name)
                .collect();
            assert!(declared.is_superset(&used), "{method} {path}: {declared:?}");
            // Every write documents its errors.
            let writes =
                path.starts_with("/api/") && (method != "get") && operation["x-novi-role"] == "admin";
            // They write nothing.
            let writes = writes && !["/api/impact", "/api/audience"].contains(&path.as_str());
            // Tokens have no versions, and the path is all of a revocation.
            let statuses: &[&str] = if path.starts_with("/api/tokens") {
                &["409", "501", "503"]
            } else {
                &["409", "412", "422", "501", "503"]
            };
            for status in statuses {
                assert!(
                    !writes || operation["responses"].get(*status).is_some(),
                    "{method} {path}: {status}"
                );
            }
        }
    }
}
