//! Equality of short strings, such as names of attributes.

pub(crate) use novi_match::short_str::same;
