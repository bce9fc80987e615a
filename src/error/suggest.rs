//! "Did you mean …?" for names.

pub(crate) use novi_match::suggest::most_similar;
