//! Options of compilation.

use crate::value::Value;

/// Names that have a meaning at compile time.
#[derive(Clone, Debug, Default)]
pub struct Options {
    constants: Vec<(Box<str>, Option<Value<'static>>)>,
}

impl Options {
    /// No constants.
    #[must_use]
    pub const fn new() -> Self {
        Self { constants: Vec::new() }
    }

    /// Adds a constant. Expressions of constants are evaluated at compile time, and hide variables of the
    /// same name.
    #[must_use]
    pub fn constant(mut self, name: &str, value: Value<'static>) -> Self {
        self.constants.push((name.into(), Some(value)));
        self
    }

    /// Adds a constant whose value is not known yet, to check an expression before the constant is available.
    #[must_use]
    pub fn unknown_constant(mut self, name: &str) -> Self {
        self.constants.push((name.into(), None));
        self
    }

    /// The constant of this name, and its value if that is known.
    #[expect(clippy::option_option, reason = "a constant without a value is not the same as no constant")]
    pub(crate) fn find(&self, name: &str) -> Option<Option<&Value<'static>>> {
        self.constants.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.as_ref())
    }
}
