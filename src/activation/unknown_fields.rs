//! Fields of a config that its type does not have.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What happens if a config has fields that its type does not have. They may be misspelled, or written by a newer novi
/// while servers are upgraded one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownFields {
    /// The row is invalid: the flags that depend on it use their fail mode.
    #[default]
    Issue,
    /// They are ignored, with a warning. A condition without one of its fields may be met by more callers, or by
    /// fewer. New rows with unknown fields are rejected all the same.
    Warning,
}

/// The JSON without the field that an error of serde is about; `None` if it is about something else.
pub(crate) fn without_unknown_field(json: &str, error: &serde_json::Error) -> Option<String> {
    let lines = json.split_inclusive('\n').take(error.line().checked_sub(1)?);
    let position = lines.map(str::len).sum::<usize>() + error.column();
    let end = json.get(..position)?.trim_end().len();
    let mut start = json.get(..end)?.strip_suffix('"')?.rfind('"')?;
    // A quotation mark after an odd number of backslashes is a part of the name.
    while (start - json[..start].trim_end_matches('\\').len()) % 2 == 1 {
        start = json[..start].rfind('"')?;
    }
    let name: String = serde_json::from_str(json.get(start..end)?).ok()?;
    if !error.to_string().starts_with(&format!("unknown field `{name}`, ")) {
        return None;
    }
    let value = json.get(end..)?.trim_start().strip_prefix(':')?;
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<&RawValue>();
    values.next()?.ok()?;
    let after = value.get(values.byte_offset()..)?.trim_start();
    let before = &json[..start];
    Some(match after.strip_prefix(',') {
        Some(after) => format!("{before}{after}"),
        None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[serde(default)]
        #[expect(dead_code, reason = "only read by serde")]
        a: Vec<Config>,
    }

    #[test]
    fn unknown_fields_are_removed_wherever_they_are() {
        for (json, expected) in [
            (r#"{"x":1}"#, "{}"),
            (r#"{"x":[{"a":"}"}] , "a":[]}"#, r#"{ "a":[]}"#),
            (r#"{"a":[],"x" : "1,"}"#, r#"{"a":[]}"#),
            ("{\n \"a\": [{}, {\"é\\\"\\\\\" \n: null\n, \"a\": []}]\n}", "{\n \"a\": [{}, { \"a\": []}]\n}"),
        ] {
            let error = serde_json::from_str::<Config>(json).unwrap_err();
            assert_eq!(without_unknown_field(json, &error).as_deref(), Some(expected), "{json}: {error}");
            assert!(serde_json::from_str::<Config>(expected).is_ok());
        }
        for json in ["", "{", r#"{"a":5}"#, r#"{"x":}"#, r#"{"x""#, r#"{"a":[{"#, "\n\n", r#"{"x":1"#] {
            let error = serde_json::from_str::<Config>(json).unwrap_err();
            if let Some(rest) = without_unknown_field(json, &error) {
                assert!(rest.len() < json.len(), "{json}");
                assert!(serde_json::from_str::<Config>(&rest).is_err(), "{json}");
            }
        }
    }
}
