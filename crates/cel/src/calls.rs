//! Calls of functions.

use novi_match::{network::Network, pattern::Pattern};

use crate::{
    calendar,
    convert::{self, to_case},
    error::{ErrorKind, EvaluationError},
    evaluate::{Evaluation, Result, fail},
    functions::{Function, Part},
    ir::Node,
    span::Span,
    types::Type,
    value::{Str, Value},
    variables::Variables,
    version::Version,
};

/// The steps for compiling a regular expression that is not a constant.
const COMPILATION: usize = 10_000;

impl<'v, V: Variables + ?Sized> Evaluation<'v, V> {
    pub(crate) fn call(
        &mut self,
        function: Function,
        arguments: &'v [Node],
        span: Span,
    ) -> Result<Value<'v>> {
        match function {
            Function::OfString(function) => return self.string_function(function, arguments, span),
            Function::Math(function) => return self.math_function(function, arguments, span),
            _ => (),
        }
        let Some((first, rest)) = arguments.split_first() else { return fail(span, ErrorKind::Type) };
        let first = self.value(first)?;
        let second = match rest.first() {
            Some(node) => Some(self.value(node)?),
            None => None,
        };
        if let Value::String(text) = &first {
            self.spend_on(text, span)?;
        }
        match function {
            Function::Dyn => Ok(first),
            Function::Type => Ok(Value::Type(first.kind())),
            Function::Bool => converted(Type::Bool, first, span),
            Function::Int => converted(Type::Int, first, span),
            Function::UInt => converted(Type::UInt, first, span),
            Function::Double => converted(Type::Double, first, span),
            Function::String => converted(Type::String, first, span),
            Function::Timestamp => converted(Type::Timestamp, first, span),
            Function::Duration => converted(Type::Duration, first, span),
            Function::Part(part) => part_of(part, &first, second.as_ref(), span),
            Function::Size => match &first {
                Value::List(list) => Ok(length(list.len())),
                Value::Map(map) => Ok(length(map.len())),
                Value::String(text) => Ok(length(text.chars().count())),
                _ => fail(span, ErrorKind::Type),
            },
            _ => match (first, second) {
                (Value::String(first), None) => of_string(function, first, span),
                (Value::String(first), Some(Value::String(second))) => {
                    self.of_strings(function, &first, &second, span)
                }
                _ => fail(span, ErrorKind::Type),
            },
        }
    }

    fn of_strings(&mut self, function: Function, one: &str, other: &str, span: Span) -> Result<Value<'v>> {
        self.spend_on(other, span)?;
        let conversion = || EvaluationError { span, kind: ErrorKind::Conversion };
        let result = match function {
            Function::Contains => one.contains(other),
            Function::StartsWith => one.starts_with(other),
            Function::EndsWith => one.ends_with(other),
            Function::Matches => {
                self.spend(COMPILATION, span)?;
                Pattern::new(other, false).map_err(|_| conversion())?.matches(one)
            }
            Function::InCidr => {
                let network = Network::parse(other).ok_or_else(conversion)?;
                network.contains(one).ok_or_else(conversion)?
            }
            _ => return fail(span, ErrorKind::Type),
        };
        Ok(Value::Bool(result))
    }
}

fn converted(kind: Type, value: Value<'_>, span: Span) -> Result<Value<'_>> {
    let is_string = matches!(value, Value::String(_));
    let is_number = matches!(value, Value::Int(_) | Value::UInt(_) | Value::Double(_));
    let error = match kind {
        _ if is_string => ErrorKind::Conversion,
        Type::Int | Type::UInt if is_number => ErrorKind::Range,
        _ => ErrorKind::Type,
    };
    convert::to(kind, value).map_or_else(|| fail(span, error), Ok)
}

/// A function of one string.
fn of_string(function: Function, text: Str<'_>, span: Span) -> Result<Value<'_>> {
    match function {
        Function::Lower => Ok(Value::String(to_case(text, false))),
        Function::Upper => Ok(Value::String(to_case(text, true))),
        Function::Semver => match Version::parse(text) {
            Some(version) => Ok(Value::Version(version)),
            None => fail(span, ErrorKind::Conversion),
        },
        _ => fail(span, ErrorKind::Type),
    }
}

fn part_of<'v>(part: Part, value: &Value<'v>, zone: Option<&Value<'v>>, span: Span) -> Result<Value<'v>> {
    let number = match (value, zone) {
        (Value::Timestamp(instant), None) => calendar::part_of_instant(part, *instant, None),
        (Value::Timestamp(instant), Some(Value::String(zone))) => {
            calendar::part_of_instant(part, *instant, Some(zone))
        }
        (Value::Duration(duration), None) => calendar::part_of_duration(part, *duration),
        _ => return fail(span, ErrorKind::Type),
    };
    let error = if zone.is_some() { ErrorKind::Conversion } else { ErrorKind::Type };
    number.map_or_else(|| fail(span, error), |number| Ok(Value::Int(number)))
}

/// The length of anything in memory fits into an `i64`.
fn length(length: usize) -> Value<'static> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}
