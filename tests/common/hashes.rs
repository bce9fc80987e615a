//! The hashes that the schema of rollouts lists.

#![allow(clippy::unwrap_used, reason = "for tests")]

pub(crate) fn hashes() -> Vec<String> {
    let registry = novi::activation::Registry::global().unwrap();
    let schema = serde_json::Value::from(registry.find("novi.percentage").unwrap().schema());
    let values = schema["properties"]["hash"]["oneOf"].as_array().unwrap();
    let hashes: Vec<String> =
        values.iter().map(|value| value["const"].as_str().unwrap().to_owned()).collect();
    assert!(hashes.len() >= 11, "{hashes:?}");
    hashes
}
