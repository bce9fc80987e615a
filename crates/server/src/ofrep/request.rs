//! The body of a request.

use std::iter;

use novi::{Context, Flags, Value, context::TARGETING_KEY, error::json_terms};
use serde::Deserialize;
use serde_json::{error::Category, json, value::RawValue};

use crate::{
    app::extract::{check_length, check_values},
    auth::caller::Caller,
    http::{describe::Operation, error::ApiError, text::short},
    options::Options,
};

/// What to evaluate with. Its text is borrowed from the body.
pub(crate) struct Evaluation<'a> {
    pub(crate) context: Context<'a>,
}

/// The body. Other fields are of later versions of the protocol, and ignored.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn parse(
        body: &'a [u8],
        caller: &Caller,
        flags: &Flags,
        options: &Options,
    ) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(ApiError::body_not_utf8)?;
        // serde also deserializes structs from arrays.
        let is_object = text.trim_ascii_start().starts_with('{');
        let parsed: Result<Body<'a>, _> = serde_json::from_str(text);
        let parsed = parsed.map_err(|error| match error.classify() {
            Category::Data => invalid_context(&json_terms::translate(&error.to_string())),
            _ => ApiError::invalid_body(&expected(&json_terms::of_text(text, &error))),
        })?;
        let Some(context) = parsed.context.filter(|_| is_object) else {
            return Err(invalid_context(if is_object { "found no context" } else { "found no object" }));
        };
        check_length(context.get().len(), options)?;
        let context = Context::from_json_borrowed(context.get()).map_err(|error| {
            let message = json_terms::translate(&error.to_string());
            ApiError::invalid_context(short(&format!("context: {message}")))
        })?;
        check_values(&context, options)
            .map_err(|message| ApiError::invalid_context(format!("context: {message}")))?;
        if let Some(key) = context.get(TARGETING_KEY).filter(|key| !matches!(key, Value::Str(_))) {
            let message =
                format!("context.{TARGETING_KEY}: expected a string, found a value of type {}", key.kind());
            return Err(ApiError::invalid_context(message));
        }
        Ok(Self { context: caller.restrict(context, flags)? })
    }

    /// Whether the context has a targeting key, by any of its names.
    pub(crate) fn has_targeting_key(&self, flags: &Flags) -> bool {
        iter::once(TARGETING_KEY)
            .chain(flags.identity_names())
            .any(|name| self.context.get(name).is_some_and(|key| key.as_str() != Some("")))
    }
}

fn invalid_context(found: &str) -> ApiError {
    ApiError::invalid_context(short(&format!("body: {}", expected(found))))
}

fn expected(found: &str) -> String {
    format!("expected a JSON object like {{\"context\": {{\"targetingKey\": \"user-7\"}}}}: {found}")
}

pub(crate) fn describe(operation: &mut Operation) {
    let context = json!({
        "type": "object",
        "description": "The caller's attributes by name",
        "properties": {
            "targetingKey": {"type": ["string", "null"], "description": "Identifies the caller, for stable variants"},
        },
        "additionalProperties": true,
    });
    let body = json!({"type": "object", "required": ["context"], "properties": {"context": context}});
    operation.body(true, "The context", &body);
}
