//! An operator with its operand.

use std::{cmp::Ordering, fmt};

use chrono::{DateTime, SecondsFormat, Utc};
use novi_match::{
    padded_version::PaddedRequirement,
    pattern::Pattern,
    version::{Requirement, is_strict, short_release},
};

use crate::{
    activation::evaluation::Evaluation,
    builtin::audience::{
        attribute::{instant, number::Number, search::Search, values::Values},
        network::Networks,
    },
    context::value::Value,
};

/// A test of a value. A value of another type does not pass.
///
/// Large variants are boxed, since most rows compare a string.
pub(super) enum Test {
    OneOf(Values),
    Search(Box<Search>),
    Pattern(Box<Pattern>),
    Number(Box<(Bound, Number)>),
    Before(DateTime<Utc>),
    After(DateTime<Utc>),
    Version(Box<Requirement>),
    StrictVersion(Box<Requirement>),
    PaddedVersion(Box<PaddedRequirement>),
    Network(Box<Networks>),
}

/// A bound of a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Bound {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Test {
    /// Tests a string of the context.
    #[inline(always)]
    pub(super) fn is_met_by_str(&self, text: &str, evaluation: &Evaluation<'_>) -> bool {
        match self {
            Self::OneOf(Values::Strings(strings)) => strings.contains(text),
            Self::Version(requirement) => {
                requirement.is_met_by_release(evaluation.parse_cached(text, short_release), text)
            }
            _ => self.is_met_by(&Value::Str(text.into())),
        }
    }

    pub(super) fn is_met_by(&self, value: &Value<'_>) -> bool {
        match self {
            Self::OneOf(values) => values.contains(value) == Some(true),
            Self::Search(search) => value.as_str().is_some_and(|text| search.is_met_by(text)),
            Self::Pattern(pattern) => value.as_str().is_some_and(|text| pattern.matches(text)),
            Self::Number(limit) => {
                let (bound, wanted) = **limit;
                let order = Number::from_value(value).and_then(|number| number.compare(wanted));
                order.is_some_and(|order| bound.allows(order))
            }
            Self::Before(end) => instant::from_value(value).is_some_and(|instant| instant < *end),
            Self::After(start) => instant::from_value(value).is_some_and(|instant| instant > *start),
            Self::Version(requirement) => value.as_str().is_some_and(|text| requirement.is_met_by(text)),
            Self::StrictVersion(requirement) => {
                value.as_str().is_some_and(|text| is_strict(text) && requirement.is_met_by(text))
            }
            Self::PaddedVersion(requirement) => match value {
                Value::Str(text) | Value::BigInt(text) => requirement.is_met_by(text),
                Value::Int(_) | Value::UInt(_) | Value::Float(_) => requirement.is_met_by(&value.to_string()),
                _ => false,
            },
            Self::Network(networks) => value.as_str().is_some_and(|text| networks.contain(text)),
        }
    }
}

/// For explanations.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = |instant: &DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match self {
            Self::OneOf(values) => values.fmt(f),
            Self::Search(search) => search.fmt(f),
            Self::Pattern(pattern) => write!(f, "a string that matches {pattern}"),
            Self::Number(limit) => {
                let (bound, number) = **limit;
                let words = match bound {
                    Bound::Less => "less than",
                    Bound::LessOrEqual => "at most",
                    Bound::Greater => "greater than",
                    Bound::GreaterOrEqual => "at least",
                };
                write!(f, "a number {words} {number}")
            }
            Self::Before(end) => write!(f, "a time before {}", instant(end)),
            Self::After(start) => write!(f, "a time after {}", instant(start)),
            Self::Version(requirement) => write!(f, "a version {requirement}"),
            Self::StrictVersion(requirement) => write!(f, "a version {requirement} of semver 2.0"),
            Self::PaddedVersion(requirement) => write!(f, "a version {requirement} in GrowthBook's order"),
            Self::Network(networks) => write!(f, "an address in {networks}"),
        }
    }
}
