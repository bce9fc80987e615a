//! The published OFREP provider for Rust: `novi-test-client URL CASES`.
//!
//! It omits reasons, reports every 400 as an invalid context and a value of another type as a parse error, and turns a
//! null inside an object into an empty string.

use open_feature::{
    EvaluationContext, EvaluationContextFieldValue, EvaluationErrorCode, OpenFeature, StructValue,
    Value as FlagValue,
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use serde_json::{Map, Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, file] = &arguments[..] else { panic!("expected URL CASES") };
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let options = OfrepOptions { base_url: url.clone(), ..OfrepOptions::default() };
    let provider = OfrepProvider::new(options).await.unwrap();
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(provider).await;
    let client = api.create_client();
    drop(api);
    let (mut right, mut all) = (0, 0);
    for context in cases["contexts"].as_array().unwrap() {
        let context = context.as_object().unwrap();
        for flag in cases["flags"].as_array().unwrap() {
            let expected =
                flag["answers"].as_array().unwrap().iter().find(|answer| fits(answer, context)).unwrap();
            let own = flag["type"].as_str().unwrap();
            let other = if own == "string" { "boolean" } else { "string" };
            let asked = [
                Some((own, expected.clone())),
                expected.get("value").map(|_| (other, json!({"error": "TYPE"}))),
            ];
            for (kind, expected) in asked.into_iter().flatten() {
                let key = flag["key"].as_str().unwrap();
                all += 1;
                match check(&client, key, kind, context, &expected).await {
                    None => right += 1,
                    Some(found) => {
                        eprintln!("{key} as {kind} for {context:?}: found {found}, expected {expected}")
                    }
                }
            }
        }
    }
    println!("open-feature with open-feature-ofrep: {right} of {all} cases right");
    std::process::exit(i32::from(right != all));
}

fn fits(answer: &Value, context: &Map<String, Value>) -> bool {
    answer.get("plan").is_none_or(|plan| context.get("plan") == Some(plan))
        && answer.get("targetingKey").is_none_or(|has| *has == json!(context.contains_key("targetingKey")))
}

/// What was found, if it is wrong.
async fn check(
    client: &open_feature::Client,
    key: &str,
    kind: &str,
    context: &Map<String, Value>,
    expected: &Value,
) -> Option<String> {
    let context = context_of(context);
    // It puts keys into the address as they are.
    let key: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    macro_rules! ask {
        ($ask:ident, $read:expr) => {
            client
                .$ask(&key, Some(&context), None)
                .await
                .map(|details| ($read(details.value), details.variant))
        };
    }
    let found = match kind {
        "boolean" => ask!(get_bool_details, |value: bool| json!(value)),
        "string" => ask!(get_string_details, |value: String| json!(value)),
        "integer" => ask!(get_int_details, |value: i64| json!(value)),
        "float" => ask!(get_float_details, |value: f64| json!(value)),
        _ => ask!(get_struct_details, |value: StructValue| struct_of(value)),
    };
    let right = match (&found, expected.get("error").and_then(Value::as_str)) {
        (Ok((value, variant)), None) => {
            expected.get("value").map(without_null).as_ref() == Some(value)
                && expected["variant"].as_str() == variant.as_deref()
        }
        (Err(error), Some("FLAG_NOT_FOUND")) => error.code == EvaluationErrorCode::FlagNotFound,
        (Err(error), Some("PARSE_ERROR" | "TARGETING_KEY_MISSING")) => {
            error.code == EvaluationErrorCode::InvalidContext
        }
        // The code's default counts, since there is no value.
        (Err(error), Some(_)) => error.code == EvaluationErrorCode::ParseError,
        (Err(error), None) => {
            expected.get("value").is_none() && error.code == EvaluationErrorCode::ParseError
        }
        (Ok(_), Some(_)) => false,
    };
    (!right).then(|| format!("{found:?}"))
}

fn context_of(attributes: &Map<String, Value>) -> EvaluationContext {
    let mut context = EvaluationContext::default();
    for (name, value) in attributes {
        if name == "targetingKey" {
            context = context.with_targeting_key(value.as_str().unwrap());
            continue;
        }
        let value = match value {
            Value::Bool(value) => EvaluationContextFieldValue::Bool(*value),
            Value::String(value) => EvaluationContextFieldValue::String(value.clone()),
            Value::Number(number) if number.is_i64() => {
                EvaluationContextFieldValue::Int(number.as_i64().unwrap())
            }
            Value::Number(number) => EvaluationContextFieldValue::Float(number.as_f64().unwrap()),
            // It has none that are nested.
            _ => continue,
        };
        context = context.with_custom_field(name, value);
    }
    context
}

/// It takes a null inside of an object for an empty text.
fn without_null(value: &Value) -> Value {
    match value {
        Value::Null => "".into(),
        Value::Array(values) => values.iter().map(without_null).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), without_null(value))).collect())
        }
        other => other.clone(),
    }
}

fn struct_of(value: StructValue) -> Value {
    Value::Object(value.fields.into_iter().map(|(name, value)| (name, value_of(value))).collect())
}

fn value_of(value: FlagValue) -> Value {
    match value {
        FlagValue::Bool(value) => value.into(),
        FlagValue::Int(value) => value.into(),
        FlagValue::Float(value) => value.into(),
        FlagValue::String(value) => value.into(),
        FlagValue::Array(values) => values.into_iter().map(value_of).collect(),
        FlagValue::Struct(value) => struct_of(value),
    }
}
