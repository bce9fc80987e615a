//! The functions that an expression can call.

use crate::builtin::expression::syntax::{Span, Wrong};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
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
pub(super) enum Part {
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

/// How a function may be called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `f(a)`.
    Alone,
    /// `a.f()`.
    Member,
    Both,
}

/// Name, function, form, and from how many to how many arguments it takes, the one before the dot included.
type Row = (&'static str, Function, Form, usize, usize);

const TABLE: [Row; 28] = [
    ("size", Function::Size, Form::Both, 1, 1),
    ("contains", Function::Contains, Form::Member, 2, 2),
    ("startsWith", Function::StartsWith, Form::Member, 2, 2),
    ("endsWith", Function::EndsWith, Form::Member, 2, 2),
    ("matches", Function::Matches, Form::Both, 2, 2),
    ("bool", Function::Bool, Form::Alone, 1, 1),
    ("int", Function::Int, Form::Alone, 1, 1),
    ("uint", Function::UInt, Form::Alone, 1, 1),
    ("double", Function::Double, Form::Alone, 1, 1),
    ("string", Function::String, Form::Alone, 1, 1),
    ("timestamp", Function::Timestamp, Form::Alone, 1, 1),
    ("duration", Function::Duration, Form::Alone, 1, 1),
    ("type", Function::Type, Form::Alone, 1, 1),
    ("dyn", Function::Dyn, Form::Alone, 1, 1),
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

/// The function of this name, called with so many arguments; of a member that includes what is before the dot.
pub(super) fn find(name: &str, is_member: bool, arguments: usize, at: Span) -> Result<Function, Wrong> {
    let wrong = |message| Err(Wrong::new(at, message));
    let Some((name, function, form, fewest, most)) = TABLE.iter().find(|(known, ..)| *known == name) else {
        let similar = crate::error::suggest::most_similar(name, TABLE.iter().map(|(known, ..)| *known));
        let similar = similar.map(|known| format!(" (did you mean {known:?}?)")).unwrap_or_default();
        return wrong(format!("expected a function, found {name:?}, which is none{similar}"));
    };
    match (form, is_member) {
        (Form::Alone, true) => return wrong(format!("expected {name}(..), found it behind a dot")),
        (Form::Member, false) => return wrong(format!("expected a value and a dot before {name}(..)")),
        _ => (),
    }
    if !(*fewest..=*most).contains(&arguments) {
        // What is before the dot is not what people count.
        let before = usize::from(is_member);
        let (fewest, most, found) = (fewest - before, most - before, arguments - before);
        let expected = match (fewest, most) {
            (1, 1) => "1 argument".to_owned(),
            (fewest, most) if fewest == most => format!("{fewest} arguments"),
            _ => format!("{fewest} or {most} arguments"),
        };
        return wrong(format!("{name}: expected {expected}, found {found}"));
    }
    Ok(*function)
}
