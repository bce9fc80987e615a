//! JSON as text: members keep their order, and numbers their digits.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::api::Problem;

/// The members of an object, each value as its text.
struct Members<'a>(Vec<(String, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

/// The members of an object. `None` if the text is no object, or if two members have the same name.
pub(crate) fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let is_unique = names.windows(2).all(|pair| pair.first() != pair.last());
    is_unique.then_some(members)
}

/// The items of a list. `None` if the text is no list.
pub(super) fn items(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// A string. `None` if the text is no string.
pub(super) fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

pub(super) fn is_null(text: &str) -> bool {
    text.trim() == "null"
}

/// A string as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(crate) fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}: {value}", quoted(name))).collect();
    format!("{{{}}}", members.join(", "))
}

pub(super) fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

/// JSON on one line, with a space after each colon and comma. All digits and the order of members stay.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for letter in text.chars() {
        if in_string {
            line.push(letter);
            in_string = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\n' | '\r' | '\t' => {}
            ',' | ':' => line.extend([letter, ' ']),
            letter => {
                in_string = letter == '"';
                line.push(letter);
            }
        }
    }
    line
}

/// JSON with line breaks. All digits and the order of members stay.
pub(crate) fn pretty(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() * 2);
    let (mut in_string, mut is_escaped, mut depth, mut before) = (false, false, 0_usize, ' ');
    let new_line = |lines: &mut String, depth: usize| {
        lines.push('\n');
        // Deeper levels are no easier to read.
        lines.extend(std::iter::repeat_n("  ", depth.min(32)));
    };
    for letter in text.chars() {
        if in_string {
            lines.push(letter);
            in_string = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        if letter.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(letter, '}' | ']');
        depth = depth.saturating_sub(usize::from(closes));
        if matches!(before, '{' | '[') != closes && (closes || matches!(before, '{' | '[')) || before == ',' {
            new_line(&mut lines, depth);
        }
        lines.push(letter);
        match letter {
            '{' | '[' => depth += 1,
            ':' => lines.push(' '),
            '"' => in_string = true,
            _ => {}
        }
        before = letter;
    }
    lines
}

/// JSON text as it is, or null without one.
pub(crate) fn checked(pointer: &str, text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok("null".to_owned());
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => Ok(json.get().to_owned()),
        Err(error) => Err(Problem {
            pointer: pointer.to_owned(),
            message: format!("expected JSON: {error}"),
            ..Problem::default()
        }),
    }
}

/// Whether a text is JSON.
pub(super) fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// JSON to store instead of `old`: the old text if both differ by white space only.
pub(crate) fn stored(new: &str, old: &str) -> String {
    let new = one_line(new);
    // Of a text that is not JSON, spaces may be all that makes a difference.
    if new == one_line(old) && is_valid(old) { old.to_owned() } else { new }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_keeps_digits_order_and_strings() {
        let text = "{\n \"b\" : 1.50 ,\"a\":[ 1e2,{ } ], \"c\\\"\\\\\": \"x : \\\" ,y\\\\\" }";
        assert_eq!(one_line(text), r#"{"b": 1.50, "a": [1e2, {}], "c\"\\": "x : \" ,y\\"}"#);
        assert_eq!(stored("{\"a\":1}", "{ \"a\" : 1 }"), "{ \"a\" : 1 }");
        assert_eq!(stored("{\"a\":1.0}", "{\"a\":1}"), "{\"a\": 1.0}");
    }

    #[test]
    fn pretty_keeps_digits_order_and_strings() {
        let text = r#"{"b":1.50,"a":[{},[1,2]],"c":"{,}"}"#;
        let expected = "{\n  \"b\": 1.50,\n  \"a\": [\n    {},\n    [\n      1,\n      2\n    ]\n  ],\n  \"c\": \"{,}\"\n}";
        assert_eq!(pretty(text), expected);
        assert_eq!(one_line(&pretty(text)), one_line(text));
    }

    #[test]
    fn members_have_unique_names() {
        assert_eq!(
            members(r#"{"b": 1.50, "a": [1 ]}"#),
            Some(vec![("b".into(), "1.50"), ("a".into(), "[1 ]")])
        );
        assert_eq!(members(r#"{"a": 1, "\u0061": 2}"#), None);
        assert_eq!(members("[]"), None);
    }
}
