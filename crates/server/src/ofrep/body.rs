//! What is asked: the context of the caller.

use std::iter;

use novi::{Context, Flags, TARGETING_KEY, Value};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    access::Caller,
    error::{ApiError, short},
    extract::CallerContext,
    openapi::Operation,
};

/// A question, with text borrowed from the body.
pub(super) struct Evaluation<'a> {
    pub(super) context: Context<'a>,
}

/// The body. What else is in it is of later versions of the protocol.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn read(body: &'a [u8], caller: &Caller, flags: &Flags) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(ApiError::body_not_utf8)?;
        // serde takes lists for structs, too.
        let is_object = text.trim_ascii_start().starts_with('{');
        let read: Result<Body<'a>, _> = serde_json::from_str(text);
        let read = read.map_err(|error| match error.classify() {
            serde_json::error::Category::Data => ApiError::invalid_context(expected(&error.to_string())),
            _ => ApiError::body_not_json(&expected(&error.to_string())),
        })?;
        let Some(context) = read.context.filter(|_| is_object) else {
            let found = if is_object { "no context" } else { "something else" };
            return Err(ApiError::invalid_context(expected(&format!("found {found}"))));
        };
        let context = Context::from_json_borrowed(context.get()).map_err(|error| {
            ApiError::invalid_context(short(&format!("context: expected an object: {error}")))
        })?;
        let most = CallerContext::MOST_ATTRIBUTES;
        if context.len() > most {
            let message = format!("context: expected at most {most} attributes, found {}", context.len());
            return Err(ApiError::invalid_context(message));
        }
        if let Some(key) = context.get(TARGETING_KEY).filter(|key| !matches!(key, Value::Str(_))) {
            let message =
                format!("context.{TARGETING_KEY}: expected a string, found a value of type {}", key.kind());
            return Err(ApiError::invalid_context(message));
        }
        Ok(Self { context: caller.asks(context, flags)? })
    }

    /// Whether there is a targeting key, by any of the names that it has.
    pub(super) fn names_somebody(&self, flags: &Flags) -> bool {
        iter::once(TARGETING_KEY).chain(flags.identity_names()).any(|name| self.context.get(name).is_some())
    }
}

fn expected(found: &str) -> String {
    short(&format!(
        "the body: expected a JSON object like {{\"context\": {{\"targetingKey\": \"user-7\"}}}}: {found}"
    ))
}

pub(super) fn describe(operation: &mut Operation) {
    let context = json!({
        "type": "object",
        "description": "What is known of the caller: attributes by name",
        "properties": {"targetingKey": {"type": ["string", "null"], "description": "The caller's sticky identity"}},
        "additionalProperties": true,
    });
    let body = json!({"type": "object", "required": ["context"], "properties": {"context": context}});
    operation.body(true, "The context", &body);
}
