//! Answers, written as bytes: no tree of values is built for them.

use novi::{Decision, Reason, Snapshot, rows::Revision};
use serde_json::{Value, json};

use crate::openapi::{Operation, Schemas};

/// Whether a flag is broken in such a way that it has no value to give.
pub(super) fn has_failed(decision: &Decision<&Snapshot>) -> bool {
    decision.reason() == Reason::Error && decision.value().is_none()
}

/// The answer of one flag. A flag that has values and is off has none to give: then the client's own default counts.
pub(super) fn success(out: &mut Vec<u8>, decision: &Decision<&Snapshot>, revision: Option<Revision>) {
    out.extend_from_slice(b"{\"key\":");
    string(out, decision.flag());
    if let Some(value) = decision.value() {
        out.extend_from_slice(b",\"value\":");
        self::value(out, value);
    }
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(decision.reason().as_str().as_bytes());
    out.extend_from_slice(b"\",\"variant\":");
    // Clients that published libraries are need one, whether the flag has any or not.
    string(out, decision.variant().unwrap_or(if decision.enabled() { "on" } else { "off" }));
    let version = decision.version();
    if version.is_some() || revision.is_some() {
        let members = [("revision", revision.map(Revision::number)), ("version", version.map(i64::from))];
        let known = members.into_iter().filter_map(|(name, number)| Some((name, number?)));
        out.extend_from_slice(b",\"metadata\":{");
        for (place, (name, number)) in known.enumerate() {
            out.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        out.push(b'}');
    }
    out.push(b'}');
}

pub(super) fn start(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"flags\":[");
}

/// One of the flags.
pub(super) fn item(out: &mut Vec<u8>, decision: &Decision<&Snapshot>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    if has_failed(decision) {
        out.extend_from_slice(b"{\"key\":");
        string(out, decision.flag());
        out.extend_from_slice(
            b",\"errorCode\":\"GENERAL\",\"errorDetails\":\"the flag needs a row that does not compile\"}",
        );
    } else {
        success(out, decision, None);
    }
}

/// What comes after the flags.
pub(super) fn end(out: &mut Vec<u8>, stream: &str, revision: Revision) {
    out.extend_from_slice(b"],\"metadata\":{\"revision\":");
    out.extend_from_slice(itoa::Buffer::new().format(revision.number()).as_bytes());
    out.extend_from_slice(b"},\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":");
    string(out, stream);
    out.extend_from_slice(b"},\"inactivityDelaySec\":120}]}");
}

/// A value. Numbers keep their fraction, also where it is 0: some clients tell types by it.
fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::String(text) => string(out, text),
        // Values of JSON have keys that are texts, and memory takes any of them.
        other => serde_json::to_writer(out, other).unwrap_or_default(),
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).unwrap_or_default();
    }
}

pub(super) fn describe(operation: &mut Operation, _: &mut Schemas, all: bool) {
    let metadata =
        json!({"type": "object", "additionalProperties": {"type": ["boolean", "string", "number"]}});
    let success = json!({
        "type": "object",
        "required": ["key", "reason", "variant"],
        "properties": {
            "key": {"type": "string"},
            "value": {"description": "Not there: the code's default counts"},
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
    operation.answer(400, "The question is wrong", &failure);
    if !all {
        operation.answer(200, "What the flag answers", &success);
        operation.answer(404, "No flag has this key", &failure);
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
                "properties": {"requestUri": {"type": "string", "description": "A secret: do not log it"}},
            },
            "inactivityDelaySec": {"type": "integer"},
        },
    });
    let whole = json!({
        "type": "object",
        "required": ["flags", "metadata", "eventStreams"],
        "properties": {
            "flags": {"type": "array", "items": {"anyOf": [success, failure]}},
            "metadata": metadata,
            "eventStreams": {"type": "array", "items": stream},
        },
    });
    operation.answer(200, "What each flag answers; the header etag tells answers apart", &whole);
    operation.other_answer(304, "The answer is that of the header if-none-match", None);
    let text = json!({"type": "string"});
    operation.parameter("If-None-Match", "header", false, "The etag of an earlier answer", &text);
    operation.parameter(
        "flagConfigEtag",
        "query",
        false,
        "The etag of the event that made the client ask",
        &text,
    );
    operation.parameter("flagConfigLastModified", "query", false, "The time of that event", &text);
}
