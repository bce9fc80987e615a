//! What functions give.

use crate::builtin::audience::{
    attribute::{
        pattern::Pattern,
        version::{Version, short_release},
    },
    network::Network,
};
use crate::builtin::expression::{
    calendar,
    convert::{self, in_case},
    error::{Fault, FaultKind},
    evaluate::{Evaluation, Result, fault},
    functions::{Function, Part},
    ir::Node,
    syntax::Span,
    value::{Text, Type, Val},
};

/// What it takes to compile a regular expression that only the caller brings, in steps.
const COMPILING: usize = 10_000;

impl<'v> Evaluation<'v, '_> {
    pub(super) fn call(&mut self, function: Function, arguments: &'v [Node], at: Span) -> Result<Val<'v>> {
        let Some((first, rest)) = arguments.split_first() else { return fault(at, FaultKind::Kind) };
        let first = self.value(first)?;
        let second = match rest.first() {
            Some(node) => Some(self.value(node)?),
            None => None,
        };
        if let Val::Text(text) = &first {
            self.spend_on(text, at)?;
        }
        match function {
            Function::Dyn => Ok(first),
            Function::Type => Ok(Val::Type(first.kind())),
            Function::Bool => converted(Type::Bool, first, at),
            Function::Int => converted(Type::Int, first, at),
            Function::UInt => converted(Type::UInt, first, at),
            Function::Double => converted(Type::Double, first, at),
            Function::String => converted(Type::String, first, at),
            Function::Timestamp => converted(Type::Timestamp, first, at),
            Function::Duration => converted(Type::Duration, first, at),
            Function::Part(part) => part_of(part, &first, second.as_ref(), at),
            Function::Size => match &first {
                Val::List(list) => Ok(length(list.len())),
                Val::Map(map) => Ok(length(map.len())),
                Val::Text(text) => Ok(length(text.chars().count())),
                _ => fault(at, FaultKind::Kind),
            },
            _ => match (first, second) {
                (Val::Text(first), None) => of_text(function, first, at),
                (Val::Text(first), Some(Val::Text(second))) => self.of_texts(function, &first, &second, at),
                _ => fault(at, FaultKind::Kind),
            },
        }
    }

    fn of_texts(&mut self, function: Function, one: &str, other: &str, at: Span) -> Result<Val<'v>> {
        self.spend_on(other, at)?;
        let unreadable = || Fault { at, kind: FaultKind::Unreadable };
        let answer = match function {
            Function::Contains => one.contains(other),
            Function::StartsWith => one.starts_with(other),
            Function::EndsWith => one.ends_with(other),
            Function::Matches => {
                self.spend(COMPILING, at)?;
                Pattern::new(other, false).map_err(|_| unreadable())?.matches(one)
            }
            Function::InCidr => {
                let network = Network::parse(other).ok_or_else(unreadable)?;
                network.contains(one).ok_or_else(unreadable)?
            }
            _ => return fault(at, FaultKind::Kind),
        };
        Ok(Val::Bool(answer))
    }
}

fn converted(kind: Type, value: Val<'_>, at: Span) -> Result<Val<'_>> {
    let is_text = matches!(value, Val::Text(_));
    let is_number = matches!(value, Val::Int(_) | Val::UInt(_) | Val::Float(_));
    let wrong = match kind {
        _ if is_text => FaultKind::Unreadable,
        Type::Int | Type::UInt if is_number => FaultKind::Range,
        _ => FaultKind::Kind,
    };
    convert::to(kind, value).map_or_else(|| fault(at, wrong), Ok)
}

/// A function of one text.
fn of_text(function: Function, text: Text<'_>, at: Span) -> Result<Val<'_>> {
    match function {
        Function::Lower => Ok(Val::Text(in_case(text, false))),
        Function::Upper => Ok(Val::Text(in_case(text, true))),
        Function::Semver => match short_release(&text) {
            Some(number) => Ok(Val::Release(number)),
            None if Version::parse(&text).is_some() => Ok(Val::Version(text)),
            None => fault(at, FaultKind::Unreadable),
        },
        _ => fault(at, FaultKind::Kind),
    }
}

fn part_of<'v>(part: Part, value: &Val<'v>, zone: Option<&Val<'v>>, at: Span) -> Result<Val<'v>> {
    let number = match (value, zone) {
        (Val::Instant(instant), None) => calendar::of_instant(part, *instant, None),
        (Val::Instant(instant), Some(Val::Text(zone))) => calendar::of_instant(part, *instant, Some(zone)),
        (Val::Duration(duration), None) => calendar::of_duration(part, *duration),
        _ => return fault(at, FaultKind::Kind),
    };
    let wrong = if zone.is_some() { FaultKind::Unreadable } else { FaultKind::Kind };
    number.map_or_else(|| fault(at, wrong), |number| Ok(Val::Int(number)))
}

/// No list in memory is as long as the last number.
fn length(length: usize) -> Val<'static> {
    Val::Int(i64::try_from(length).unwrap_or(i64::MAX))
}
