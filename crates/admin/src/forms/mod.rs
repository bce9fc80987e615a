//! Forms for the configs of activations, from the JSON Schema of each type. See [`draft::Draft`].
//!
//! A value that the inputs of its schema cannot show has a field with its JSON, and members that the schema does not
//! have stay as they are. What nobody changed is saved byte for byte.

pub(crate) mod draft;
pub(crate) mod draw;
pub(crate) mod fields;
mod fill;
pub(crate) mod json;
mod line;
mod moment;
mod read;
mod shape;
mod steps;
#[cfg(test)]
mod tests;
pub(crate) mod types;
