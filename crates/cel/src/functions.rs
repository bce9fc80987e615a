//! The functions of the language.

use novi_match::suggest::most_similar;

use crate::{error::CompileError, math::MathFunction, span::Span, strings::StringFunction};

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
    /// Of the extension `strings`, or a digest.
    OfString(StringFunction),
    /// Of the extension `math`.
    Math(MathFunction),
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

/// Any number of arguments.
const ANY: usize = usize::MAX;

/// The namespace of the extension `math`.
const MATH: &str = "math";

const TABLE: &[Row] = &[
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
    ("charAt", Function::OfString(StringFunction::CharAt), Form::Member, 2, 2),
    ("indexOf", Function::OfString(StringFunction::IndexOf), Form::Member, 2, 3),
    ("lastIndexOf", Function::OfString(StringFunction::LastIndexOf), Form::Member, 2, 3),
    ("join", Function::OfString(StringFunction::Join), Form::Member, 1, 2),
    ("lowerAscii", Function::OfString(StringFunction::LowerAscii), Form::Member, 1, 1),
    ("upperAscii", Function::OfString(StringFunction::UpperAscii), Form::Member, 1, 1),
    ("replace", Function::OfString(StringFunction::Replace), Form::Member, 3, 4),
    ("reverse", Function::OfString(StringFunction::Reverse), Form::Member, 1, 1),
    ("split", Function::OfString(StringFunction::Split), Form::Member, 2, 3),
    ("substring", Function::OfString(StringFunction::Substring), Form::Member, 2, 3),
    ("trim", Function::OfString(StringFunction::Trim), Form::Member, 1, 1),
    ("md5", Function::OfString(StringFunction::Md5), Form::Both, 1, 1),
    ("sha1", Function::OfString(StringFunction::Sha1), Form::Both, 1, 1),
    ("sha256", Function::OfString(StringFunction::Sha256), Form::Both, 1, 1),
    ("math.greatest", Function::Math(MathFunction::Greatest), Form::Global, 1, ANY),
    ("math.least", Function::Math(MathFunction::Least), Form::Global, 1, ANY),
    ("math.abs", Function::Math(MathFunction::Abs), Form::Global, 1, 1),
    ("math.ceil", Function::Math(MathFunction::Ceil), Form::Global, 1, 1),
    ("math.floor", Function::Math(MathFunction::Floor), Form::Global, 1, 1),
    ("math.round", Function::Math(MathFunction::Round), Form::Global, 1, 1),
    ("math.trunc", Function::Math(MathFunction::Trunc), Form::Global, 1, 1),
    ("math.sign", Function::Math(MathFunction::Sign), Form::Global, 1, 1),
    ("math.sqrt", Function::Math(MathFunction::Sqrt), Form::Global, 1, 1),
    ("math.isNaN", Function::Math(MathFunction::IsNan), Form::Global, 1, 1),
    ("math.isInf", Function::Math(MathFunction::IsInf), Form::Global, 1, 1),
    ("math.isFinite", Function::Math(MathFunction::IsFinite), Form::Global, 1, 1),
    ("math.bitAnd", Function::Math(MathFunction::BitAnd), Form::Global, 2, 2),
    ("math.bitOr", Function::Math(MathFunction::BitOr), Form::Global, 2, 2),
    ("math.bitXor", Function::Math(MathFunction::BitXor), Form::Global, 2, 2),
    ("math.bitNot", Function::Math(MathFunction::BitNot), Form::Global, 1, 1),
    ("math.bitShiftLeft", Function::Math(MathFunction::BitShiftLeft), Form::Global, 2, 2),
    ("math.bitShiftRight", Function::Math(MathFunction::BitShiftRight), Form::Global, 2, 2),
];

/// Names of functions in other languages, with those in CEL. Names that are similar need no row.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("len", "size"),
    ("length", "size"),
    ("count", "size"),
    ("float", "double"),
    ("number", "double"),
    ("str", "string"),
    ("max", "math.greatest"),
    ("math.max", "math.greatest"),
    ("min", "math.least"),
    ("math.min", "math.least"),
    ("substr", "substring"),
    ("includes", "contains"),
    ("toLowerCase", "lower"),
    ("toUpperCase", "upper"),
];

/// The name of a function.
pub(crate) fn name_of(function: Function) -> &'static str {
    TABLE.iter().find(|(_, known, ..)| *known == function).map_or("function", |(name, ..)| *name)
}

/// Whether a call such as `math.floor(1.5)` names a function, and no member of a value.
pub(crate) fn is_namespace(name: &str) -> bool {
    name == MATH
}

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
        let in_math = |(known, ..): &&Row| known.strip_prefix("math.") == Some(name);
        let similar = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, known)| *known);
        let similar = similar
            .or_else(|| TABLE.iter().find(in_math).map(|(known, ..)| *known))
            .or_else(|| most_similar(name, TABLE.iter().map(|(known, ..)| *known)));
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
            (1, ANY) => "1 argument or more".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, greatest) if least == greatest => format!("{least} arguments"),
            _ => format!("{least} or {greatest} arguments"),
        };
        return error(format!("`{name}` takes {expected}, found {found}"));
    }
    Ok(*function)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Program};

    #[test]
    fn functions_of_other_languages_suggest_those_of_cel() {
        for (source, expected) in [
            ("max(1, 2) == 2", "unknown function `max`; did you mean `math.greatest`?"),
            ("math.max(1, 2) == 2", "unknown function `math.max`; did you mean `math.greatest`?"),
            ("floor(1.5) == 1.0", "unknown function `floor`; did you mean `math.floor`?"),
            ("len('a') == 1", "unknown function `len`; did you mean `size`?"),
            ("lowr('A') == 'a'", "unknown function `lowr`; did you mean `lower`?"),
            ("xyzzy(1) == 1", "unknown function `xyzzy`"),
        ] {
            let errors = Program::compile(source, &Options::new()).unwrap_err();
            assert_eq!(errors[0].message(), expected, "{source}");
        }
        for (_, name) in OTHER_NAMES {
            assert!(TABLE.iter().any(|(known, ..)| known == name), "{name}");
        }
    }

    #[test]
    fn every_function_has_its_own_name() {
        for (name, function, ..) in TABLE {
            assert_eq!(name_of(*function), *name);
        }
    }
}
