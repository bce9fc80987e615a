//! Bodies that are values of a type, with all that is wrong with them at once.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use axum::{
    extract::{FromRequest, Request},
    http::HeaderMap,
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use super::problem::{Problem, escaped};
use crate::{
    error::ApiError,
    extract::{is_encoded, read},
    observe::Progress,
    ofrep::is_json,
    openapi::{Input, Operation, Schemas},
    state::AppState,
};

/// The body as a `T`, and as the JSON that it was.
pub(crate) struct Sent<T> {
    pub(crate) body: T,
    pub(crate) json: Value,
    /// What is wrong with it, and left out of the body: with the rest more may be wrong, which is told with it.
    pub(crate) problems: Vec<Problem>,
}

impl<T: DeserializeOwned> FromRequest<AppState> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if is_encoded(&parts.headers) {
            return Err(ApiError::content_encoding());
        }
        if !says_json(&parts.headers) {
            return Err(ApiError::media_type());
        }
        let progress = parts.extensions.get::<Progress>().cloned().unwrap_or_default();
        progress.reading(true);
        let bytes = read(body, &parts.headers, state.options().body_limit).await?;
        progress.reading(false);
        Self::parse(&bytes)
    }
}

impl<T: DeserializeOwned> Sent<T> {
    fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(bytes).map_err(ApiError::body_not_utf8)?;
        let json: Value =
            serde_json::from_str(text).map_err(|error| ApiError::body_not_json(&error.to_string()))?;
        if !json.is_object() {
            return Err(ApiError::invalid(vec![Problem::at("", "expected an object")]));
        }
        // Of the text itself, so that configs are kept as they were written.
        if let Ok(body) = serde_json::from_str(text) {
            return Ok(Self { body, json, problems: Vec::new() });
        }
        match all_at_once(json.clone()) {
            (Some(body), problems) => Ok(Self { body, json, problems }),
            (None, problems) => Err(ApiError::invalid(problems)),
        }
    }

    /// The body, if there is nothing wrong with it.
    pub(crate) fn whole(self) -> Result<T, ApiError> {
        if self.problems.is_empty() { Ok(self.body) } else { Err(ApiError::invalid(self.problems)) }
    }
}

impl<T: JsonSchema> Input for Sent<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        let schema = schemas.input::<T>();
        operation.body(true, "What is asked for", &schema);
        operation.refusal(415, "The body is said to be something else than JSON");
        operation.refusal(422, "The body, or the rows that it would make, are wrong; `problems` tells where");
    }
}

/// Forms of other sites can send bodies without a type, or of a type that is not JSON.
fn says_json(headers: &HeaderMap) -> bool {
    headers.contains_key(axum::http::header::CONTENT_TYPE) && is_json(headers)
}

/// Reads a value; where it is wrong, takes out what is wrong and looks further. Gives what is left, if that is a value.
fn all_at_once<T: DeserializeOwned>(mut json: Value) -> (Option<T>, Vec<Problem>) {
    /// Nobody mends more at once.
    const MOST: usize = 50;
    let mut problems: Vec<Problem> = Vec::new();
    // Fields that are missing, and how many of the stand-ins were tried for them.
    let mut stand_ins: BTreeMap<String, usize> = BTreeMap::new();
    let mut is_whole = true;
    while problems.len() < MOST {
        let error = match serde_path_to_error::deserialize::<_, T>(&json) {
            Ok(body) => return (Some(body).filter(|_| is_whole), problems),
            Err(error) => error,
        };
        let (place, message) = (pointer(error.path()), error.inner().to_string());
        if let Some(tried) = stand_ins.get_mut(&place) {
            let (Some(next), Some(field)) = (stand_in(*tried), json.pointer_mut(&place)) else { break };
            *field = next;
            *tried += 1;
            continue;
        }
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        if let Some(field) = missing {
            let whole = format!("{place}/{}", escaped(field));
            // Else it was there, and wrong.
            if !problems.iter().any(|problem| problem.pointer.starts_with(&whole)) {
                problems.push(Problem::at(place.clone(), format!("expected a field {field:?}")));
            }
            let Some(fields) = json.pointer_mut(&place).and_then(Value::as_object_mut) else { break };
            fields.insert(field.to_owned(), Value::Null);
            stand_ins.insert(whole, 0);
            is_whole = false;
            continue;
        }
        problems.push(Problem::at(place, message));
        if !take_out(&mut json, error.path()) {
            break;
        }
    }
    (None, problems)
}

/// What may stand for a field that is missing, so that more than that can be told.
fn stand_in(tried: usize) -> Option<Value> {
    [json!(1), json!(""), json!("1"), json!([]), json!({}), json!(false)].get(tried).cloned()
}

/// Takes out the innermost field on the way to what is wrong.
fn take_out(json: &mut Value, path: &Path) -> bool {
    let segments: Vec<&Segment> = path.iter().collect();
    let Some(last) = segments.iter().rposition(|segment| matches!(segment, Segment::Map { .. })) else {
        return false;
    };
    let parent = of_segments(segments.iter().copied().take(last));
    match (json.pointer_mut(&parent), segments.get(last)) {
        (Some(Value::Object(fields)), Some(Segment::Map { key })) => fields.remove(key).is_some(),
        _ => false,
    }
}

fn pointer(path: &Path) -> String {
    of_segments(path.iter())
}

fn of_segments<'a>(segments: impl Iterator<Item = &'a Segment>) -> String {
    let mut pointer = String::new();
    for segment in segments {
        let token = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            // The variant's name is the key that has its contents.
            Segment::Enum { variant } => escaped(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&token);
    }
    pointer
}

/// A field that may be null, which is something else than that it is not there.
#[expect(clippy::option_option, reason = "not sent, null and a value are three things")]
pub(super) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A field that may be left out, but not be null.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An object, and not a list of its values, which serde takes as well.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
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
    use crate::api::{
        fields::{FlagFields, New},
        operation::Operation,
    };

    fn wrong<T: DeserializeOwned>(json: &Value) -> Vec<(String, String)> {
        match Sent::<T>::parse(json.to_string().as_bytes()) {
            Ok(sent) => sent.problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect(),
            Err(error) => {
                let problems = error.details.map(|details| details.problems).unwrap_or_default();
                problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect()
            }
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[expect(dead_code, reason = "for what is wrong with it")]
    struct Batch {
        changes: Vec<Operation>,
        to: String,
    }

    #[test]
    fn everything_is_told_at_once_with_its_place() {
        let told = wrong::<New<FlagFields>>(&json!({
            "name": 5, "status": "yes", "tags": ["a", 1], "a/b~": 0, "id": 1.5, "expires_at": "tomorrow",
            "activations": [1, 2.0, "3"], "fail_mode": "maybe", "description": [],
        }));
        let places: Vec<_> = told.iter().map(|(pointer, _)| pointer.as_str()).collect();
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
            assert!(places.contains(&place), "{place}: {told:?}");
        }
        assert_eq!(told.len(), 9, "{told:?}");
    }

    #[test]
    fn what_is_missing_is_told_with_the_rest() {
        let told = wrong::<Batch>(&json!({"changes": [{"link": {"flag": 1}}], "too": 1}));
        let expected = [
            ("/too", "unknown field `too`, expected `changes` or `to`"),
            ("/changes/0/link", "expected a field \"activation\""),
        ];
        for (pointer, message) in expected {
            assert!(told.contains(&(pointer.to_owned(), message.to_owned())), "{told:?}");
        }
        assert_eq!(wrong::<Batch>(&json!([])), [(String::new(), "expected an object".to_owned())]);
        let list = wrong::<Batch>(&json!({"changes": [{"create_flag": []}], "to": ""}));
        assert_eq!(
            list,
            [("/changes/0/create_flag".to_owned(), "invalid type: sequence, expected an object".to_owned())]
        );
    }
}
