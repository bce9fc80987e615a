//! Problems of a request's body, each with its place.

use novi::{
    Error,
    rows::{Issue, Violation, ViolationKind},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::http::text::short;

/// A problem of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// The place in the body, as a JSON pointer (RFC 6901); empty for the whole body.
    pub(crate) pointer: String,
    /// What was expected, and what was found.
    pub(crate) message: String,
    /// The table of the affected row.
    pub(crate) table: Option<&'static str>,
    /// The row's id.
    pub(crate) id: Option<i64>,
    /// The row's name.
    pub(crate) name: Option<String>,
    /// The names of the flags that it would break.
    pub(crate) flags: Vec<String>,
    /// Decides the status of the response.
    #[serde(skip)]
    pub(crate) kind: ProblemKind,
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// The body is invalid.
    #[default]
    Invalid,
    /// The row already exists.
    Exists,
    /// Other rows refer to the row.
    InUse,
    /// The row does not exist; with the code of the error.
    Missing(&'static str),
    /// The current rows do not allow the change.
    Refused,
}

impl ProblemKind {
    fn of(violation: &Violation) -> Self {
        match violation.kind {
            ViolationKind::Duplicate => Self::Exists,
            ViolationKind::InUse => Self::InUse,
            ViolationKind::TooLong | ViolationKind::Value => Self::Invalid,
            ViolationKind::Missing | ViolationKind::Reference => {
                Self::Missing(match (violation.table, violation.field.as_deref()) {
                    ("flags", _) | ("flags_activations", Some("flag_id")) => "flag_not_found",
                    ("flags_activations", None) => "link_not_found",
                    ("activation_members", _) => "member_not_found",
                    _ => "activation_not_found",
                })
            }
            _ => Self::Refused,
        }
    }
}

impl Problem {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            table: None,
            id: None,
            name: None,
            flags: Vec::new(),
            kind: ProblemKind::Invalid,
        }
    }

    pub(crate) fn kind(self, kind: ProblemKind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn row(self, table: &'static str, id: i64) -> Self {
        Self { table: Some(table), id: Some(id), ..self }
    }

    /// The rules of the tables that a change breaks, or the flag that does not exist.
    pub(crate) fn from_error(error: &Error, pointer: impl Fn(Option<&Violation>) -> String) -> Vec<Self> {
        match error {
            Error::Constraint(violations) => {
                violations.iter().map(|found| Self::from_violation(found, pointer(Some(found)))).collect()
            }
            error => {
                let problem = Self::new(pointer(None), short(&error.to_string()));
                vec![problem.kind(ProblemKind::Missing("flag_not_found"))]
            }
        }
    }

    pub(crate) fn from_violation(violation: &Violation, pointer: String) -> Self {
        let Violation { table, id, name, kind, .. } = violation;
        let message = match (kind, id) {
            (ViolationKind::Missing, Some(id)) if name.is_empty() => format!("{table}#{id} was not found"),
            _ => violation.message.clone(),
        };
        Self {
            table: Some(table),
            id: *id,
            name: Some(name.clone()).filter(|name| !name.is_empty()),
            kind: ProblemKind::of(violation),
            ..Self::new(pointer, message)
        }
    }

    /// An issue that the change would cause. `base` points to the row's fields in the body, if they are
    /// there.
    pub(crate) fn from_issue(issue: &Issue, base: Option<&str>, sent: &Value) -> Self {
        let pointer = base.map_or_else(String::new, |base| pointer_to(sent, base, &column(issue)));
        Self {
            table: Some(issue.table),
            id: issue.id,
            name: Some(issue.name.clone()),
            flags: issue.flags.clone(),
            ..Self::new(pointer, issue.message.clone())
        }
    }
}

/// The name of a column's field in the body.
fn column(issue: &Issue) -> String {
    match issue.table {
        "flags_activations" => "activations".to_owned(),
        "activation_members" => "members".to_owned(),
        "activations" if issue.path == "activation_members" => "members".to_owned(),
        _ => issue.path.clone(),
    }
}

/// The pointer to a path such as `config.splits[2]` below `base`, as far as the path exists in the body.
pub(crate) fn pointer_to(sent: &Value, base: &str, path: &str) -> String {
    let mut pointer = base.to_owned();
    let Some(mut value) = sent.pointer(base) else { return pointer };
    let mut rest = path;
    while !rest.is_empty() {
        let found = match value {
            Value::Object(fields) => {
                // Keys may contain dots and brackets; the longest match counts.
                let fits = |key: &&String| {
                    rest.strip_prefix(key.as_str())
                        .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
                };
                let key = fields.keys().filter(fits).max_by_key(|key| key.len());
                key.and_then(|key| Some((fields.get(key)?, escape(key), rest.get(key.len()..)?)))
            }
            Value::Array(items) => index(rest).and_then(|(index, after)| {
                Some((items.get(index.parse::<usize>().ok()?)?, index.to_owned(), after))
            }),
            _ => None,
        };
        let Some((next, token, after)) = found else { break };
        value = next;
        pointer.push('/');
        pointer.push_str(&token);
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    pointer
}

/// `2` and what follows, of `[2]...`
fn index(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('[')?.split_once(']')
}

/// A key as a token of a pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn path_becomes_the_pointer_to_the_longest_existing_part() {
        let sent = json!({"name": "x", "config": {"a.b": {"c/d~": [1, {"e": 2}]}, "a": 1, "list": [[5]]}});
        for (path, expected) in [
            ("name", "/name"),
            ("config", "/config"),
            ("config.a.b.c/d~[1].e", "/config/a.b/c~1d~0/1/e"),
            ("config.a", "/config/a"),
            ("config.list[0][0]", "/config/list/0/0"),
            ("config.list[7]", "/config/list"),
            ("config.missing.deep", "/config"),
            ("class_name", ""),
            ("config.list[18446744073709551616]", "/config/list"),
            ("config.list[", "/config/list"),
        ] {
            assert_eq!(pointer_to(&sent, "", path), expected, "{path}");
        }
        let batch = json!({"changes": [{"update_flag": {"set": sent}}]});
        let base = "/changes/0/update_flag/set";
        assert_eq!(pointer_to(&batch, base, "config.a"), format!("{base}/config/a"));
        assert_eq!(pointer_to(&batch, "/missing", "config.a"), "/missing");
    }
}
