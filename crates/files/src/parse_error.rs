//! Texts that are no documents.

use novi::error::json_terms;
use novi_match::suggest::most_similar;

/// A text that is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub(crate) String);

impl ParseError {
    /// An error of a parser, whose message may list names that were expected.
    pub(crate) fn new(error: &dyn std::fmt::Display) -> Self {
        Self(with_suggestion(&in_terms_of_json(&error.to_string())))
    }

    /// An error of a YAML text, at the path of a field.
    pub(crate) fn yaml(error: &serde_saphyr::Error, path: Option<&str>) -> Self {
        let (message, is_structure) = words(error);
        // A key that was not read yet.
        let path = path.map(|path| path.trim_end_matches(".?"));
        let path = path.filter(|path| is_structure && !matches!(*path, "." | "?" | ""));
        let path = path.map(|path| format!("{path}: ")).unwrap_or_default();
        let place =
            error.location().map(|place| format!(" at line {}, column {}", place.line(), place.column()));
        let place = place.filter(|_| !message.contains(" at line ")).unwrap_or_default();
        Self(format!("{path}{message}{place}"))
    }
}

/// A message without the terms of the parser, and whether it is about the fields of documents.
fn words(error: &serde_saphyr::Error) -> (String, bool) {
    use serde_saphyr::Error as E;
    let message = match error.without_snippet() {
        E::SerdeUnknownField { field, expected, .. } => unknown("field", field, expected),
        E::SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
        E::SerdeInvalidType { unexpected, expected, .. }
        | E::SerdeInvalidValue { unexpected, expected, .. } => {
            json_terms::translate(&format!("invalid type: {unexpected}, expected {expected}"))
        }
        E::SerdeMissingField { field, .. } => format!("the field `{field}` is missing"),
        E::Unexpected { expected: "mapping start", .. } => "expected fields, as in `name: value`".to_owned(),
        E::Unexpected { expected: "sequence start", .. } => "expected a list, as in `[a, b]`".to_owned(),
        E::Unexpected { expected: "string scalar", .. } => "expected a string".to_owned(),
        E::InvalidBooleanStrict { .. } => "expected true or false".to_owned(),
        E::NullIntoString { .. } => "expected a string, found nothing".to_owned(),
        E::DuplicateMappingKey { key: Some(key), .. } => format!("the field {key:?} occurs twice"),
        E::MultipleDocuments { .. } => {
            return ("expected one document, found another after `---`".to_owned(), false);
        }
        E::UnknownAnchor { .. } => return ("the alias has no anchor before it".to_owned(), false),
        E::Message { msg, .. } => msg.clone(),
        other => return (other.to_string().trim_start_matches("error: ").to_owned(), false),
    };
    (message, true)
}

fn unknown(kind: &str, name: &str, expected: &[&str]) -> String {
    if let Some(similar) = most_similar(name, expected.iter().copied()) {
        return format!("unknown {kind} `{name}`; did you mean `{similar}`?");
    }
    format!("unknown {kind} `{name}`, expected one of {}", expected.join(", "))
}

/// A message without serde's terms, which are those of Rust: `sequence` and `map`.
fn in_terms_of_json(message: &str) -> String {
    let line = |line: &str| {
        let starts = ["invalid type: ", "invalid value: ", "invalid length "];
        let start = starts.iter().find_map(|start| line.find(start));
        let (path, message) = start.and_then(|start| line.split_at_checked(start)).unwrap_or((line, ""));
        format!("{path}{}", json_terms::translate(message))
    };
    message.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A message with one name in place of all that were expected, if one of them is similar.
fn with_suggestion(message: &str) -> String {
    let shorter = || {
        let (start, rest) = message.split_once("unknown ")?;
        let (kind, rest) = rest.split_once(" `")?;
        let (name, rest) = rest.split_once("`, expected ")?;
        // The list ends with its last quoted name.
        let end = rest.rfind('`')?;
        let (list, rest) = rest.split_at_checked(end + 1)?;
        let similar = most_similar(name, list.split('`').skip(1).step_by(2))?;
        Some(format!("{start}unknown {kind} `{name}`; did you mean `{similar}`?{rest}"))
    };
    shorter().unwrap_or_else(|| message.to_owned())
}
