//! What is wrong with a body that was sent, each with its place in it.

use novi::Issue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// One of the things that are wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Where in the body that was sent, as a JSON pointer (RFC 6901); empty for the body as a whole.
    pub(crate) pointer: String,
    /// What was expected and what was found.
    pub(crate) message: String,
    /// The table of the row that is at fault.
    pub(crate) table: Option<&'static str>,
    /// The row's id.
    pub(crate) id: Option<i64>,
    /// The row's name.
    pub(crate) name: Option<String>,
    /// The names of the flags that would be broken by it.
    pub(crate) flags: Vec<String>,
    /// What kind of wrong it is, which the status tells.
    #[serde(skip)]
    pub(crate) wrong: Wrong,
}

/// What kind of wrong a problem is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// What was sent makes no sense.
    #[default]
    Invalid,
    /// It is there already.
    Exists,
    /// It is needed by others.
    InUse,
    /// What it is about is not there; with the code that says what.
    Missing(&'static str),
    /// The tables do not allow it, as they are.
    Refused,
}

impl Problem {
    pub(crate) fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            table: None,
            id: None,
            name: None,
            flags: Vec::new(),
            wrong: Wrong::Invalid,
        }
    }

    pub(crate) fn wrong(self, wrong: Wrong) -> Self {
        Self { wrong, ..self }
    }

    pub(crate) fn row(self, table: &'static str, id: i64) -> Self {
        Self { table: Some(table), id: Some(id), ..self }
    }

    /// An issue that a row would have; `base` is where the row's fields stand in what was sent, if they do.
    pub(crate) fn of_issue(issue: &Issue, base: Option<&str>, sent: &Value) -> Self {
        let pointer = base.map_or_else(String::new, |base| pointer_to(sent, base, &column(issue)));
        Self {
            table: Some(issue.table),
            id: issue.id,
            name: Some(issue.name.clone()),
            flags: issue.flags.clone(),
            ..Self::at(pointer, issue.message.clone())
        }
    }
}

/// The field that a column is called in what is sent.
fn column(issue: &Issue) -> String {
    match issue.table {
        "flags_activations" => "activations".to_owned(),
        "activation_members" => "members".to_owned(),
        "activations" if issue.path == "activation_members" => "members".to_owned(),
        _ => issue.path.clone(),
    }
}

/// The place in `sent` of a path such as `config.splits[2]` below `base`, or of as much of it as is there.
fn pointer_to(sent: &Value, base: &str, path: &str) -> String {
    let mut pointer = base.to_owned();
    let Some(mut here) = sent.pointer(base) else { return pointer };
    let mut rest = path;
    while !rest.is_empty() {
        let found = match here {
            Value::Object(fields) => {
                // A key may hold dots and brackets itself, so that the longest that fits is meant.
                let fits = |key: &&String| {
                    rest.strip_prefix(key.as_str())
                        .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
                };
                let key = fields.keys().filter(fits).max_by_key(|key| key.len());
                key.and_then(|key| Some((fields.get(key)?, escaped(key), rest.get(key.len()..)?)))
            }
            Value::Array(items) => index(rest).and_then(|(index, after)| {
                Some((items.get(index.parse::<usize>().ok()?)?, index.to_owned(), after))
            }),
            _ => None,
        };
        let Some((next, token, after)) = found else { break };
        here = next;
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

/// A key as a part of a pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_become_pointers_into_what_was_sent() {
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
        assert_eq!(pointer_to(&batch, "/nowhere", "config.a"), "/nowhere");
    }
}
