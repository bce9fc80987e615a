//! Filters of lists.

use crate::app::AppState;

/// All names of the type with this name: its class name and its aliases.
pub(crate) fn class_names(state: &AppState, name: &str) -> Vec<String> {
    match state.flags().registry().find(name) {
        Some(kind) => [kind.class()].iter().chain(kind.aliases()).map(|name| (*name).to_owned()).collect(),
        None => vec![name.to_owned()],
    }
}

/// Whether one of these fields contains a text in lower case, case-insensitive.
pub(crate) fn contains_text<'a>(fields: impl IntoIterator<Item = &'a String>, text: &str) -> bool {
    fields.into_iter().any(|field| field.to_lowercase().contains(text))
}
