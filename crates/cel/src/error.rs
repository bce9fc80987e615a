//! Errors of compilation and of evaluation.

use std::fmt;

use crate::span::Span;

/// A problem that is found when an expression is compiled, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    span: Span,
    message: String,
}

impl CompileError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }

    /// The part of the source with the problem.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The message, without the position.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// An error of an evaluation. It is cheap to create: it has no text until it is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    pub(crate) span: Span,
    pub(crate) kind: ErrorKind,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A variable that has no value.
    NoVariable,
    /// A field or a key that does not exist.
    NoField,
    /// An index behind the end of a list.
    Index,
    /// An operator or a function that is not defined for values of these types.
    Type,
    /// A condition that is not a boolean.
    NotBoolean,
    /// A number, a timestamp or a duration that is out of range.
    Range,
    /// A division by zero.
    DivisionByZero,
    /// A value that cannot be converted.
    Conversion,
    /// A duplicate key of a map, or one of an invalid type.
    Key,
    /// The evaluation exceeds [`MAX_STEPS`](crate::MAX_STEPS).
    Steps,
}

impl EvaluationError {
    /// Returns `true` if `&&` and `||` do not pass over the error, because no steps are left.
    #[inline]
    pub(crate) const fn is_final(self) -> bool {
        matches!(self.kind, ErrorKind::Steps)
    }

    /// The part of the source with the error.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, without the position.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self.kind {
            ErrorKind::NoVariable => "no such attribute",
            ErrorKind::NoField => "no such field",
            ErrorKind::Index => "index out of range",
            ErrorKind::Type => "not defined for values of these types",
            ErrorKind::NotBoolean => "expected a boolean",
            ErrorKind::Range => "result out of range",
            ErrorKind::DivisionByZero => "division by zero",
            ErrorKind::Conversion => "cannot convert the value",
            ErrorKind::Key => "map keys must be distinct strings, booleans or integers",
            ErrorKind::Steps => "exceeds 100,000 steps",
        }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for EvaluationError {}
