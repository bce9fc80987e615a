//! From the arguments of a function to the name of a flag and the context of a caller.

use novi::context::{Context, Value};
use rusqlite::{functions::Context as Arguments, types::ValueRef};

use crate::problem::Problem;

/// The subtype that SQLite's JSON functions give to their results.
const JSON: u32 = b'J' as u32;

/// The name of the flag. `None` if it is null.
pub(crate) fn flag<'a>(arguments: &'a Arguments<'_>) -> Result<Option<&'a str>, Problem> {
    match arguments.get_raw(0) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => text(bytes, "the name of the flag").map(Some),
        other => Err(expected("text as the name of the flag", other)),
    }
}

/// The caller: a JSON object, or names and values.
pub(crate) fn context<'a>(arguments: &'a Arguments<'_>) -> Result<Context<'a>, Problem> {
    match arguments.len() {
        0 | 1 => Ok(Context::new()),
        2 => object(arguments),
        count if count % 2 == 1 => pairs(arguments),
        count => Err(Problem::new(format!(
            "expected the name of a flag, then a JSON object or pairs of names and values, found {count} arguments: \
             the last name has no value"
        ))),
    }
}

fn object<'a>(arguments: &'a Arguments<'_>) -> Result<Context<'a>, Problem> {
    match arguments.get_raw(1) {
        ValueRef::Null => Ok(Context::new()),
        ValueRef::Text(bytes) => Context::from_json_borrowed(text(bytes, "the context")?).map_err(|error| {
            Problem::new(format!(
                "the context is invalid: {error}; expected a JSON object such as json_object('targetingKey', id), or \
                 pairs of names and values"
            ))
        }),
        other => Err(expected("a JSON object such as json_object('targetingKey', id)", other)),
    }
}

fn pairs<'a>(arguments: &'a Arguments<'_>) -> Result<Context<'a>, Problem> {
    let mut context = Context::new();
    for index in (1..arguments.len()).step_by(2) {
        let name = match arguments.get_raw(index) {
            ValueRef::Text(bytes) => text(bytes, "the name of an attribute")?,
            other => {
                let expected = format!("text as the name of an attribute in argument {}", index + 1);
                return Err(self::expected(&expected, other));
            }
        };
        context.insert(name, value(arguments, index + 1, name)?);
    }
    Ok(context)
}

fn value<'a>(arguments: &'a Arguments<'_>, index: usize, name: &str) -> Result<Value<'a>, Problem> {
    Ok(match arguments.get_raw(index) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(bytes) => {
            let text = text(bytes, &format_args!("attribute {name:?}"))?;
            if arguments.get_subtype(index) == JSON {
                let value: serde_json::Value = serde_json::from_str(text)
                    .map_err(|error| Problem::new(format!("attribute {name:?}: invalid JSON: {error}")))?;
                value.into()
            } else {
                text.into()
            }
        }
        ValueRef::Blob(_) => {
            return Err(Problem::new(format!(
                "attribute {name:?}: a blob cannot be an attribute; convert it, as in cast(x as text) or hex(x)"
            )));
        }
    })
}

/// The text of an argument that is one.
pub(crate) fn required<'a>(
    arguments: &'a Arguments<'_>,
    index: usize,
    what: &str,
) -> Result<&'a str, Problem> {
    match arguments.get_raw(index) {
        ValueRef::Text(bytes) => text(bytes, &what),
        other => Err(expected(what, other)),
    }
}

fn text<'a>(bytes: &'a [u8], what: &(impl std::fmt::Display + ?Sized)) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes)
        .map_err(|error| Problem::new(format!("{what} is not UTF-8 at byte {}", error.valid_up_to())))
}

fn expected(expected: &str, found: ValueRef<'_>) -> Problem {
    let found = match found {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => format!("the integer {number}"),
        ValueRef::Real(number) => format!("the number {number}"),
        ValueRef::Text(_) => "text".to_owned(),
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    };
    Problem::new(format!("expected {expected}, found {found}"))
}
