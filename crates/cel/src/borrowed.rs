//! Lists and maps of the host program. Their items are converted only when an expression reads them.

use std::fmt;

use crate::value::Value;

/// A list of the host program.
pub trait Sequence: fmt::Debug + Sync {
    /// The number of items.
    fn size(&self) -> usize;

    /// The item at an index.
    fn get(&self, index: usize) -> Option<Value<'_>>;
}

/// A map of the host program. Its keys are strings.
pub trait Fields: fmt::Debug + Sync {
    /// The number of fields.
    fn size(&self) -> usize;

    /// The name and the value at an index.
    fn entry(&self, index: usize) -> Option<(&str, Value<'_>)>;

    /// The value of a field.
    fn get(&self, name: &str) -> Option<Value<'_>>;
}
