//! A source that cannot be read at all.

use novi_files::Tree;

/// A source that cannot be read at all. What is wrong with a single flag is in the [report](crate::Report).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(String);

impl ImportError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The value of a JSON text.
pub(crate) fn parse_json(text: &str) -> Result<Tree, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|error| ImportError(format!("expected JSON: {error}")))
}
