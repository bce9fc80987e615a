//! The functions of the language.

use novi_match::suggest::most_similar;

use crate::{error::CompileError, span::Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Bool,
    Int,
    UInt,
    Double,
    String,
    Timestamp,
    Duration,
    Type,
    Dyn,
    Semver,
    InCidr,
    Lower,
    Upper,
    Part(Part),
}

/// A part of a timestamp, or of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    FullYear,
    Month,
    DayOfYear,
    DayOfMonth,
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `f(a)`.
    Global,
    /// `a.f()`.
    Member,
    Both,
}

/// Name, function, form, and the least and the greatest number of arguments, including the receiver.
type Row = (&'static str, Function, Form, usize, usize);

const TABLE: [Row; 28] = [
    ("size", Function::Size, Form::Both, 1, 1),
    ("contains", Function::Contains, Form::Member, 2, 2),
    ("startsWith", Function::StartsWith, Form::Member, 2, 2),
    ("endsWith", Function::EndsWith, Form::Member, 2, 2),
    ("matches", Function::Matches, Form::Both, 2, 2),
    ("bool", Function::Bool, Form::Global, 1, 1),
    ("int", Function::Int, Form::Global, 1, 1),
    ("uint", Function::UInt, Form::Global, 1, 1),
    ("double", Function::Double, Form::Global, 1, 1),
    ("string", Function::String, Form::Global, 1, 1),
    ("timestamp", Function::Timestamp, Form::Global, 1, 1),
    ("duration", Function::Duration, Form::Global, 1, 1),
    ("type", Function::Type, Form::Global, 1, 1),
    ("dyn", Function::Dyn, Form::Global, 1, 1),
    ("semver", Function::Semver, Form::Both, 1, 1),
    ("inCidr", Function::InCidr, Form::Both, 2, 2),
    ("lower", Function::Lower, Form::Both, 1, 1),
    ("upper", Function::Upper, Form::Both, 1, 1),
    ("getFullYear", Function::Part(Part::FullYear), Form::Member, 1, 2),
    ("getMonth", Function::Part(Part::Month), Form::Member, 1, 2),
    ("getDayOfYear", Function::Part(Part::DayOfYear), Form::Member, 1, 2),
    ("getDayOfMonth", Function::Part(Part::DayOfMonth), Form::Member, 1, 2),
    ("getDate", Function::Part(Part::Date), Form::Member, 1, 2),
    ("getDayOfWeek", Function::Part(Part::DayOfWeek), Form::Member, 1, 2),
    ("getHours", Function::Part(Part::Hours), Form::Member, 1, 2),
    ("getMinutes", Function::Part(Part::Minutes), Form::Member, 1, 2),
    ("getSeconds", Function::Part(Part::Seconds), Form::Member, 1, 2),
    ("getMilliseconds", Function::Part(Part::Milliseconds), Form::Member, 1, 2),
];

/// Finds the function for a call. `arguments` includes the receiver of a member function.
pub(crate) fn find(
    name: &str,
    is_member: bool,
    arguments: usize,
    at: Span,
) -> Result<Function, CompileError> {
    let error = |message| Err(CompileError::new(at, message));
    let Some((name, function, form, least, greatest)) = TABLE.iter().find(|(known, ..)| *known == name)
    else {
        let similar = most_similar(name, TABLE.iter().map(|(known, ..)| *known));
        let similar = similar.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
        return error(format!("unknown function `{name}`{similar}"));
    };
    match (form, is_member) {
        (Form::Global, true) => {
            return error(format!("`{name}` is not a member function: call `{name}(..)`"));
        }
        (Form::Member, false) => {
            return error(format!("`{name}` is a member function: call `value.{name}(..)`"));
        }
        _ => (),
    }
    if !(*least..=*greatest).contains(&arguments) {
        // People do not count the receiver.
        let before = usize::from(is_member);
        let (least, greatest, found) = (least - before, greatest - before, arguments - before);
        let expected = match (least, greatest) {
            (1, 1) => "1 argument".to_owned(),
            (least, greatest) if least == greatest => format!("{least} arguments"),
            _ => format!("{least} or {greatest} arguments"),
        };
        return error(format!("`{name}` takes {expected}, found {found}"));
    }
    Ok(*function)
}
