//! The bodies of responses, written as bytes without a tree of values.

use novi::{Context, Decision, Reason, rows::Revision, snapshot::Snapshot};
use serde_json::{Value, json};

use crate::http::describe::Operation;

/// Why a flag has an error instead of a value.
#[derive(Clone, Copy)]
pub(crate) enum Error {
    /// It is broken and has no value.
    Broken,
    /// Its variant has no value, or one of another type than the flag declares.
    NoValue,
    /// Its answer depends on the targeting key.
    TargetingKeyMissing,
}

impl Error {
    #[inline]
    pub(crate) fn of(decision: &Decision<&Snapshot>, context: &Context<'_>) -> Option<Self> {
        if decision.reason() == Reason::Error && decision.value().is_none() {
            return Some(Self::Broken);
        }
        if decision.variant().is_some() && decision.value().is_none() {
            return Some(Self::NoValue);
        }
        decision.needs_targeting_key(context).then_some(Self::TargetingKeyMissing)
    }

    fn fields(self) -> &'static str {
        match self {
            Self::Broken => {
                r#","errorCode":"PARSE_ERROR","errorDetails":"the flag is broken by an invalid row"}"#
            }
            Self::NoValue => {
                r#","errorCode":"PARSE_ERROR","errorDetails":"the variant has no value of the flag's type"}"#
            }
            Self::TargetingKeyMissing => {
                r#","errorCode":"TARGETING_KEY_MISSING","errorDetails":"the flag draws by targetingKey, which the context does not have"}"#
            }
        }
    }
}

/// Writes the decision of one flag. A flag with values that is off has no value: the client uses its own
/// default.
pub(crate) fn write_success(out: &mut Vec<u8>, decision: &Decision<&Snapshot>, revision: Revision) {
    out.extend_from_slice(b"{\"key\":");
    write_string(out, decision.flag());
    if let Some(value) = decision.value() {
        out.extend_from_slice(b",\"value\":");
        write_value(out, value);
    }
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(decision.reason().as_str().as_bytes());
    out.extend_from_slice(b"\",\"variant\":");
    // Published clients need a variant, whether the flag has any or not.
    write_string(out, decision.variant().unwrap_or(if decision.enabled() { "on" } else { "off" }));
    out.extend_from_slice(b",\"metadata\":{\"revision\":");
    out.extend_from_slice(itoa::Buffer::new().format(revision.number()).as_bytes());
    let version = decision.version();
    if let Some(version) = version {
        out.extend_from_slice(b",\"version\":");
        out.extend_from_slice(itoa::Buffer::new().format(version).as_bytes());
    }
    write_metadata(out, decision.metadata().filter(|(name, _)| version.is_none() || *name != "version"));
    out.extend_from_slice(b"}}");
}

/// Writes what the team notes for clients, after the revision, which it cannot replace.
fn write_metadata<'a>(out: &mut Vec<u8>, metadata: impl Iterator<Item = (&'a str, &'a Value)>) {
    for (name, value) in metadata.filter(|(name, _)| *name != "revision") {
        out.push(b',');
        write_string(out, name);
        out.push(b':');
        write_value(out, value);
    }
}

pub(crate) fn write_start(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"flags\":[");
}

/// Writes one of the flags.
pub(crate) fn write_item(
    out: &mut Vec<u8>,
    decision: &Decision<&Snapshot>,
    revision: Revision,
    error: Option<Error>,
) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    let Some(error) = error else { return write_success(out, decision, revision) };
    out.extend_from_slice(b"{\"key\":");
    write_string(out, decision.flag());
    out.extend_from_slice(error.fields().as_bytes());
}

/// Writes what follows the flags.
pub(crate) fn write_end(out: &mut Vec<u8>, stream: &str, snapshot: &Snapshot) {
    out.extend_from_slice(b"],\"metadata\":{\"revision\":");
    out.extend_from_slice(itoa::Buffer::new().format(snapshot.revision().number()).as_bytes());
    write_metadata(out, snapshot.metadata().iter());
    out.extend_from_slice(b"},\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":");
    write_string(out, stream);
    out.extend_from_slice(b"},\"inactivityDelaySec\":120}]}");
}

/// Writes a value. Numbers keep a fraction of 0: some clients derive the type from it.
fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::String(text) => write_string(out, text),
        // Serializing a JSON value to memory does not fail.
        other => serde_json::to_writer(out, other).unwrap_or_default(),
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).unwrap_or_default();
    }
}

pub(crate) fn describe(operation: &mut Operation, all: bool) {
    let metadata =
        json!({"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}});
    let success = json!({
        "type": "object",
        "required": ["key", "reason", "variant"],
        "properties": {
            "key": {"type": "string"},
            "value": {"description": "If absent, the client uses its default"},
            "reason": {"enum": ["STATIC", "TARGETING_MATCH", "SPLIT", "DEFAULT", "DISABLED", "ERROR"]},
            "variant": {"type": "string"},
            "metadata": metadata,
        },
    });
    let failure = json!({
        "type": "object",
        "required": ["errorCode", "errorDetails"],
        "properties": {
            "key": {"type": "string"},
            "errorCode": {"enum": [
                "PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "FLAG_NOT_FOUND", "GENERAL"
            ]},
            "errorDetails": {"type": "string"},
            "error": {"$ref": "#/components/schemas/ErrorDetails"},
        },
    });
    operation.response(400, "The request is invalid", &failure);
    if !all {
        operation.response(200, "The decision of the flag", &success);
        operation.response(404, "The flag is unknown", &failure);
        return;
    }
    let stream = json!({
        "type": "object",
        "required": ["type", "endpoint"],
        "properties": {
            "type": {"const": "sse"},
            "endpoint": {
                "type": "object",
                "required": ["requestUri"],
                "properties": {"requestUri": {"type": "string", "description": "Secret: do not log it"}},
            },
            "inactivityDelaySec": {"type": "integer"},
        },
    });
    let flags = json!({
        "type": "object",
        "required": ["flags", "metadata", "eventStreams"],
        "properties": {
            "flags": {"type": "array", "items": {"anyOf": [success, failure]}},
            "metadata": metadata,
            "eventStreams": {"type": "array", "items": stream},
        },
    });
    operation.response(200, "The decisions of all flags; the header `etag` changes with them", &flags);
    operation.other_response(304, "Not modified: the ETag is the one in `If-None-Match`", None);
    let text = json!({"type": "string"});
    operation.parameter("If-None-Match", "header", false, "The ETag of an earlier response", &text);
    operation.parameter(
        "flagConfigEtag",
        "query",
        false,
        "The etag of the event that caused the request",
        &text,
    );
    operation.parameter("flagConfigLastModified", "query", false, "The time of that event", &text);
}
