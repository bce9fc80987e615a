//! The operand of an operator, before it is read.

use crate::context::value::Value;

/// The value of a field, or `None` if the field is missing, which is not the same as null.
#[derive(Debug, Default)]
pub(super) struct Operand(pub(super) Option<Value<'static>>);

impl Operand {
    pub(super) fn is_present(&self) -> bool {
        self.0.is_some()
    }
}
