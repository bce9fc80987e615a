//! Errors of serde in terms of JSON: "expected a number, found null", and not "invalid type: null, expected
//! f64".

use std::fmt;

use crate::error::suggest::most_similar;

/// Translates a message of serde: `expected a number, found null` instead of `invalid type: null, expected
/// f64`. Messages that need no translation are returned unchanged.
#[must_use]
pub fn translate(message: &str) -> String {
    let unknown = unknown_name(message, "field").or_else(|| unknown(message, "unknown variant `", "value"));
    if let Some(message) = unknown.or_else(|| invalid_json(message)) {
        return message;
    }
    let kinds = ["invalid type: ", "invalid value: ", "invalid length "];
    let Some(rest) = kinds.iter().find_map(|kind| message.strip_prefix(kind)) else {
        return message.to_owned();
    };
    let Some((found, expected)) = rest.split_once(", expected ") else { return message.to_owned() };
    let (expected, position) = split_position(expected);
    let found = match (message.starts_with("invalid length "), expected) {
        // A struct is also deserialized from a list of its fields.
        (true, "an object") => "a list".to_owned(),
        (true, expected) if expected.starts_with("struct ") => "a list".to_owned(),
        (_, "map with a single key") => "none or several".to_owned(),
        _ => value(found),
    };
    format!("expected {}, found {found}{position}", in_words(expected))
}

/// Splits off the position of a syntax error, which only messages about a whole text have.
fn split_position(message: &str) -> (&str, &str) {
    message.split_at(message.find(" at line ").unwrap_or(message.len()))
}

/// The message about a text that is no JSON, where that of the parser says little.
fn invalid_json(message: &str) -> Option<String> {
    let (message, position) = split_position(message);
    let message = match message {
        "EOF while parsing a value" if position == " at line 1 column 0" => {
            return Some("expected JSON, found an empty text".to_owned());
        }
        "EOF while parsing a value" => "expected a value, found the end of the text",
        "EOF while parsing a string" => "expected the end of a string, found the end of the text",
        "EOF while parsing a list" => "expected `]`, found the end of the text",
        "EOF while parsing an object" => "expected `}`, found the end of the text",
        "expected ident" => "expected a value, found a word other than true, false and null",
        "trailing characters" => "expected the end of the text, found more",
        "number out of range" => "expected a number up to 1.79e308",
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
            r#"expected a character, found half of a surrogate pair such as "\ud83d\ude00""#
        }
        _ => return None,
    };
    Some(format!("{message}{position}"))
}

/// The message of an error about a text of JSON.
#[must_use]
pub fn of_text(text: &str, error: &serde_json::Error) -> String {
    if text.starts_with('\u{feff}') {
        return "expected JSON, found a byte order mark (U+FEFF) in front of it; remove it".to_owned();
    }
    translate(&error.to_string())
}

/// The message of serde about an unknown field, with the name that was probably meant, or else with all known
/// ones: ``unknown field `percentag`; did you mean `percentage`?``. `what` is what a field is called. `None`
/// for another message.
#[must_use]
pub fn unknown_name(message: &str, what: &str) -> Option<String> {
    unknown(message, "unknown field `", what)
}

fn unknown(message: &str, prefix: &str, what: &str) -> Option<String> {
    let (unknown, known) = message.strip_prefix(prefix)?.split_once("`, ")?;
    // The position of the field follows the last name.
    let (known, position) = split_position(known);
    let names = known.split('`').skip(1).step_by(2);
    Some(match most_similar(unknown, names) {
        Some(similar) => format!("unknown {what} `{unknown}`{position}; did you mean `{similar}`?"),
        None => format!("unknown {what} `{unknown}`{position}, {known}"),
    })
}

/// The message of an error about a text that should have been this object: `expected a list of flags, found
/// null`, or the expectation with the error's own text.
#[must_use]
pub fn unmet(expectation: &str, error: &serde_json::Error) -> String {
    let message = translate(&error.to_string());
    match message.strip_prefix("expected an object, found ") {
        Some(found) => {
            // The whole text is invalid, which needs no position.
            let found = found.split(" at line ").next().unwrap_or(found);
            format!("{expectation}, found {found}")
        }
        None => format!("{expectation}: {message}"),
    }
}

fn in_words(expected: &str) -> String {
    match expected {
        "f32" | "f64" => "a number".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer".to_owned(),
        "u8" => range(u8::MAX),
        "u16" => range(u16::MAX),
        "u32" => range(u32::MAX),
        "u64" | "usize" => "an integer of 0 or more".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "map with a single key" => "an object with a single field".to_owned(),
        "fewer elements in array" => "a shorter list".to_owned(),
        // One of some strings, which could also have fields.
        "string or map" => "a string".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ => match expected.strip_prefix("a tuple of size ") {
            Some(size) => format!("a list of {size} values"),
            None => expected.to_owned(),
        },
    }
}

fn range(last: impl fmt::Display) -> String {
    format!("an integer from 0 to {last}")
}

fn value(found: &str) -> String {
    match found {
        "sequence" => return "a list".to_owned(),
        "map" => return "an object".to_owned(),
        "unit" => return "null".to_owned(),
        _ => (),
    }
    for kind in ["integer ", "floating point ", "boolean "] {
        if let Some(value) = found.strip_prefix(kind) {
            let value = value.trim_matches('`');
            // Digits beyond those of a float are lost.
            return if value.contains("e+") {
                format!("a number of about {value}")
            } else {
                value.to_owned()
            };
        }
    }
    found.strip_prefix("string ").unwrap_or(found).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmet_expectation_is_said_once() {
        let error =
            |text| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).unwrap_err();
        assert_eq!(unmet("expected flags", &error("[]")), "expected flags, found a list");
        assert_eq!(
            unmet("expected flags", &error("{")),
            "expected flags: expected `}`, found the end of the text at line 1 column 1"
        );
    }

    #[test]
    fn messages_name_types_of_json() {
        for (message, expected) in [
            ("invalid type: null, expected struct Config", "expected an object, found null"),
            ("invalid type: string \"5\", expected f64", "expected a number, found \"5\""),
            ("invalid type: integer `7`, expected a string", "expected a string, found 7"),
            (
                "invalid type: floating point `0.5`, expected usize",
                "expected an integer of 0 or more, found 0.5",
            ),
            ("invalid value: integer `-1`, expected u64", "expected an integer of 0 or more, found -1"),
            ("invalid value: integer `300`, expected u8", "expected an integer from 0 to 255, found 300"),
            (
                "invalid value: integer `-1`, expected u32",
                "expected an integer from 0 to 4294967295, found -1",
            ),
            ("invalid length 1, expected a tuple of size 2", "expected a list of 2 values, found 1"),
            ("unknown variant `maybe`, expected `a` or `b`", "unknown value `maybe`, expected `a` or `b`"),
            (
                "invalid type: map, expected a sequence at line 1 column 0",
                "expected a list, found an object at line 1 column 0",
            ),
            ("invalid length 0, expected struct Body with 1 element", "expected an object, found a list"),
            ("invalid length 2, expected an object", "expected an object, found a list"),
            (
                "invalid value: map, expected map with a single key",
                "expected an object with a single field, found none or several",
            ),
            (
                "invalid type: floating point `1e+20`, expected i64",
                "expected an integer, found a number of about 1e+20",
            ),
            ("number out of range at line 1 column 5", "expected a number up to 1.79e308 at line 1 column 5"),
            ("EOF while parsing a value at line 1 column 0", "expected JSON, found an empty text"),
            (
                "unexpected end of hex escape at line 1 column 8",
                "expected a character, found half of a surrogate pair such as \"\\ud83d\\ude00\" at line 1 column 8",
            ),
            ("missing field `percentage`", "missing field `percentage`"),
            (
                "unknown field `percentag`, expected one of `by`, `percentage`",
                "unknown field `percentag`; did you mean `percentage`?",
            ),
            (
                "unknown field `percentag`, expected `percentage` at line 2 column 7",
                "unknown field `percentag` at line 2 column 7; did you mean `percentage`?",
            ),
            (
                "unknown field `x`, expected `by` or `percentage`",
                "unknown field `x`, expected `by` or `percentage`",
            ),
            ("unknown field `x`, there are no fields", "unknown field `x`, there are no fields"),
        ] {
            assert_eq!(translate(message), expected);
        }
    }
}
