//! The variables of an evaluation.

use chrono::{DateTime, Utc};

use crate::value::Value;

/// The variables of one evaluation. Values are borrowed, so that reading them does not allocate.
pub trait Variables {
    /// The value of a variable, or `None` if it has none. An expression that reads it then fails with "no
    /// such attribute".
    fn get(&self, name: &str) -> Option<Value<'_>>;

    /// All variables, for the map `context`.
    fn all(&self) -> impl Iterator<Item = (&str, Value<'_>)>;

    /// The time of the variable `now`.
    fn now(&self) -> Option<DateTime<Utc>>;
}

/// For constant expressions.
pub(crate) struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _name: &str) -> Option<Value<'_>> {
        None
    }

    fn all(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        std::iter::empty()
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// A few variables in a list. `now` is the time of the clock.
impl<N: AsRef<str>> Variables for [(N, Value<'_>)] {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        self.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| value.borrow())
    }

    fn all(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.iter().map(|(name, value)| (name.as_ref(), value.borrow()))
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        Some(Utc::now())
    }
}
