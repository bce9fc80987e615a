//! JSON bodies, with all their problems at once.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use axum::extract::{FromRequest, Request};
use novi::error::{json_terms, unique_names};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use crate::{
    app::{AppState, extract::read_json},
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
        problem::{Problem, escape},
    },
};

/// The body as a `T`, and as JSON.
pub(crate) struct JsonBody<T> {
    pub(crate) value: T,
    pub(crate) json: Value,
    /// The problems of fields that are left out of the value. The value may have further problems, which are
    /// reported with these.
    pub(crate) problems: Vec<Problem>,
}

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let bytes = read_json(request, state.options().body_limit).await?;
        Self::parse(&bytes)
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(bytes).map_err(ApiError::body_not_utf8)?;
        let json: Value = unique_names::check(text)
            .and_then(|()| serde_json::from_str(text))
            .map_err(|error| ApiError::invalid_body(&json_terms::of_text(text, &error)))?;
        if !json.is_object() {
            let message = format!("expected an object, found {}", kind(&json));
            return Err(ApiError::invalid(vec![Problem::new("", message)]));
        }
        // From the text, so that configs are stored as they were sent.
        if let Ok(value) = serde_json::from_str(text) {
            return Ok(Self { value, json, problems: Vec::new() });
        }
        match deserialize(json.clone()) {
            (Some(value), problems) => Ok(Self { value, json, problems }),
            (None, problems) => Err(ApiError::invalid(problems)),
        }
    }

    /// The value.
    ///
    /// # Errors
    /// 422 if the body has problems.
    pub(crate) fn valid(self) -> Result<T, ApiError> {
        if self.problems.is_empty() { Ok(self.value) } else { Err(ApiError::invalid(self.problems)) }
    }
}

impl<T: JsonSchema> Input for JsonBody<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.input::<T>();
        operation.body(true, "The change", &schema);
        operation.error(415, "The content type is not JSON");
        operation.error(422, "The body is invalid, or would make invalid rows; `problems` has the places");
    }
}

fn kind(json: &Value) -> String {
    match json {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(_) => "a string".to_owned(),
        other => other.to_string(),
    }
}

/// Deserializes a value. An invalid field is reported and removed, and the rest is deserialized again.
/// Returns what is left, if it is a value.
fn deserialize<T: DeserializeOwned>(mut json: Value) -> (Option<T>, Vec<Problem>) {
    /// Nobody corrects more at once.
    const MOST_PROBLEMS: usize = 50;
    let mut problems: Vec<Problem> = Vec::new();
    // Missing fields, and how many placeholders were tried for each.
    let mut placeholders: BTreeMap<String, usize> = BTreeMap::new();
    let mut is_complete = true;
    while problems.len() < MOST_PROBLEMS {
        let error = match serde_path_to_error::deserialize::<_, T>(&json) {
            Ok(body) => return (Some(body).filter(|_| is_complete), problems),
            Err(error) => error,
        };
        let (place, message) = (pointer_to(error.path()), error.inner().to_string());
        if let Some(tried) = placeholders.get_mut(&place) {
            let (Some(next), Some(field)) = (placeholder(*tried), json.pointer_mut(&place)) else { break };
            *field = next;
            *tried += 1;
            continue;
        }
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        if let Some(field) = missing {
            let field_pointer = format!("{place}/{}", escape(field));
            // A field that was removed as invalid is not missing.
            if !problems.iter().any(|problem| problem.pointer.starts_with(&field_pointer)) {
                problems.push(Problem::new(place.clone(), format!("expected a field {field:?}")));
            }
            let Some(fields) = json.pointer_mut(&place).and_then(Value::as_object_mut) else { break };
            fields.insert(field.to_owned(), Value::Null);
            placeholders.insert(field_pointer, 0);
            is_complete = false;
            continue;
        }
        problems.push(Problem::new(place, json_terms::translate(&message)));
        if !remove_invalid(&mut json, error.path()) {
            break;
        }
    }
    (None, problems)
}

/// A value for a missing field, so that further problems can be found.
fn placeholder(tried: usize) -> Option<Value> {
    [json!(1), json!(""), json!("1"), json!([]), json!({}), json!(false)].get(tried).cloned()
}

/// Removes the innermost field on the path to an invalid value.
fn remove_invalid(json: &mut Value, path: &Path) -> bool {
    let segments: Vec<&Segment> = path.iter().collect();
    let Some(last) = segments.iter().rposition(|segment| matches!(segment, Segment::Map { .. })) else {
        return false;
    };
    let parent = pointer_of_segments(segments.iter().copied().take(last));
    match (json.pointer_mut(&parent), segments.get(last)) {
        (Some(Value::Object(fields)), Some(Segment::Map { key })) => fields.remove(key).is_some(),
        _ => false,
    }
}

fn pointer_to(path: &Path) -> String {
    pointer_of_segments(path.iter())
}

fn pointer_of_segments<'a>(segments: impl Iterator<Item = &'a Segment>) -> String {
    let mut pointer = String::new();
    for segment in segments {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escape(key),
            // The name of a variant is the key of its content.
            Segment::Enum { variant } => escape(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

/// A field that may be null, which differs from an absent field.
#[expect(clippy::option_option, reason = "absent, null and a value differ")]
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A field that may be absent, but not null.
pub(crate) fn not_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An object. Without this, serde also accepts an array of its values.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::request::{
        fields::{FlagFields, New},
        operation::Operation,
    };

    fn problems<T: DeserializeOwned>(json: &Value) -> Vec<(String, String)> {
        match JsonBody::<T>::parse(json.to_string().as_bytes()) {
            Ok(body) => body.problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect(),
            Err(error) => {
                let problems = error.details.map(|details| details.problems).unwrap_or_default();
                problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect()
            }
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[expect(dead_code, reason = "for its problems")]
    struct Batch {
        changes: Vec<Operation>,
        to: String,
    }

    #[test]
    fn all_invalid_fields_are_reported_with_their_places() {
        let found = problems::<New<FlagFields>>(&json!({
            "name": 5, "status": "yes", "tags": ["a", 1], "a/b~": 0, "id": 1.5, "expires_at": "tomorrow",
            "activations": [1, 2.0, "3"], "fail_mode": "maybe", "description": [],
        }));
        let places: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        for place in [
            "/name",
            "/status",
            "/tags/1",
            "/a~1b~0",
            "/id",
            "/expires_at",
            "/activations/2",
            "/fail_mode",
            "/description",
        ] {
            assert!(places.contains(&place), "{place}: {found:?}");
        }
        assert_eq!(found.len(), 9, "{found:?}");
    }

    #[test]
    fn missing_fields_are_reported_with_other_problems() {
        let found = problems::<Batch>(&json!({"changes": [{"link": {"flag": 1}}], "too": 1}));
        let expected = [
            ("/too", "unknown field `too`; did you mean `to`?"),
            ("/changes/0/link", "expected a field \"activation\""),
        ];
        for (pointer, message) in expected {
            assert!(found.contains(&(pointer.to_owned(), message.to_owned())), "{found:?}");
        }
        assert_eq!(
            problems::<Batch>(&json!([])),
            [(String::new(), "expected an object, found a list".to_owned())]
        );
        let list = problems::<Batch>(&json!({"changes": [{"create_flag": []}], "to": ""}));
        assert_eq!(
            list,
            [("/changes/0/create_flag".to_owned(), "expected an object, found a list".to_owned())]
        );
    }
}
