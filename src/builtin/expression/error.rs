//! Why an expression has no answer.

use crate::builtin::expression::syntax::Span;

/// An error of CEL. It costs nothing to make: what it says is put together only when somebody asks why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Span,
    pub(super) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// An attribute that the caller does not have.
    Attribute,
    /// A field or a key that is not there.
    Field,
    Index,
    /// An operator or a function that is not for such values.
    Kind,
    Boolean,
    Range,
    Zero,
    /// A text that is not what a function reads.
    Unreadable,
    /// A key that a map has twice, or that can not be one.
    Key,
    Steps,
}

impl Fault {
    /// Whether nothing around it may go on: there are no steps left to do so.
    pub(super) const fn is_final(self) -> bool {
        matches!(self.kind, FaultKind::Steps)
    }

    pub(super) const fn message(self) -> &'static str {
        match self.kind {
            FaultKind::Attribute => "the caller has no such attribute",
            FaultKind::Field => "there is no such field",
            FaultKind::Index => "the list is not so long",
            FaultKind::Kind => "this is not defined for values of these kinds",
            FaultKind::Boolean => "expected a boolean",
            FaultKind::Range => "the result is out of range",
            FaultKind::Zero => "the divisor is zero",
            FaultKind::Unreadable => "the value can not be read as that",
            FaultKind::Key => "expected keys that differ, each a text, a boolean or a whole number",
            FaultKind::Steps => "it takes more than 100,000 steps",
        }
    }
}
