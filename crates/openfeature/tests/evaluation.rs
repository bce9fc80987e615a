//! Evaluations with the SDK: `fixtures/flags.json` has the rows, `fixtures/evaluations.json` the evaluations
//! and expected results. Each names its requirement of the OpenFeature specification; together they cover its
//! evaluation suite.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

use std::{collections::BTreeMap, fmt::Debug};

use novi::Flags;
use novi_openfeature::NoviProvider;
use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue as Field, EvaluationDetails, EvaluationError,
    FlagMetadataValue, OpenFeature, StructValue, Value,
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    requirement: String,
    flag: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    context: Map<String, Json>,
    #[serde(default)]
    value: Json,
    variant: Option<String>,
    reason: Option<String>,
    error: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, i64>,
}

#[tokio::test]
async fn evaluations_match_the_fixture() {
    let client = client().await;
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/evaluations.json")).unwrap();
    assert!(cases.len() > 80, "the fixture is complete");
    for case in cases {
        let about = format!("{} {} {} {:?}", case.requirement, case.flag, case.kind, case.context);
        let caller = context(&case.context);
        let caller = Some(&caller);
        let flag = case.flag.as_str();
        match case.kind.as_str() {
            "bool" => check(&case, &about, client.get_bool_details(flag, caller, None).await),
            "int" => check(&case, &about, client.get_int_details(flag, caller, None).await),
            "float" => check(&case, &about, client.get_float_details(flag, caller, None).await),
            "string" => check(&case, &about, client.get_string_details(flag, caller, None).await),
            "struct" => {
                let details = client.get_struct_details::<Object>(flag, caller, None).await;
                check(&case, &about, details);
            }
            other => panic!("{about}: unknown type {other}"),
        }
    }
}

/// A struct as the SDK returns it.
#[derive(Clone, Debug)]
struct Object(StructValue);

impl TryFrom<StructValue> for Object {
    type Error = String;

    fn try_from(value: StructValue) -> Result<Self, Self::Error> {
        Ok(Self(value))
    }
}

trait ToJson {
    fn to_json(&self) -> Json;
}

macro_rules! to_json {
    ($($type:ty)*) => {$(
        impl ToJson for $type {
            fn to_json(&self) -> Json {
                json!(self)
            }
        }
    )*};
}

to_json! { bool i64 f64 String }

impl ToJson for Object {
    fn to_json(&self) -> Json {
        of_struct(&self.0)
    }
}

fn of_struct(object: &StructValue) -> Json {
    Json::Object(object.fields.iter().map(|(name, value)| (name.clone(), of_value(value))).collect())
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(value) => json!(value),
        Value::Array(values) => values.iter().map(of_value).collect(),
        Value::Struct(object) => of_struct(object),
    }
}

fn check<T: ToJson + Debug>(case: &Case, about: &str, found: Result<EvaluationDetails<T>, EvaluationError>) {
    if let Some(code) = &case.error {
        let error = found.map(|details| panic!("{about}: {details:?}")).unwrap_err();
        assert_eq!(&error.code.to_string(), code, "{about}: {error:?}");
        let message = error.message.unwrap();
        assert!(
            message.contains(&format!("{:?}", case.flag)),
            "{about}: the error names the flag: {message}"
        );
        return;
    }
    let details = found.unwrap_or_else(|error| panic!("{about}: {error:?}"));
    assert_eq!(details.value.to_json(), case.value, "{about}");
    assert_eq!(details.flag_key, case.flag);
    assert_eq!(details.reason.unwrap().to_string(), case.reason.clone().unwrap(), "{about}");
    if case.variant.as_deref() == Some("?") {
        assert!(matches!(details.variant.as_deref(), Some("a" | "b")), "{about}: {:?}", details.variant);
    } else {
        assert_eq!(details.variant, case.variant, "{about}");
    }
    let metadata = details.flag_metadata.values;
    assert_eq!(metadata.get("revision"), Some(&FlagMetadataValue::Int(7)), "{about}");
    if !case.metadata.is_empty() {
        let expected =
            case.metadata.iter().map(|(name, number)| (name.clone(), FlagMetadataValue::Int(*number)));
        assert_eq!(metadata, expected.collect(), "{about}");
    }
}

fn context(attributes: &Map<String, Json>) -> EvaluationContext {
    let mut context = EvaluationContext::default();
    for (name, value) in attributes {
        match (name.as_str(), value) {
            ("targetingKey", Json::String(key)) => context = context.with_targeting_key(key),
            (_, Json::String(text)) => context.add_custom_field(name, text.as_str()),
            _ => context.add_custom_field(name, Field::new_struct(value.clone())),
        }
    }
    context
}

async fn client() -> Client {
    let rows = serde_json::from_str(include_str!("fixtures/flags.json")).unwrap();
    let flags = Flags::from_rows(rows).unwrap();
    let mut api = OpenFeature::default();
    api.set_provider(NoviProvider::new(flags)).await;
    api.create_client()
}
