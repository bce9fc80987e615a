//! What a source does not say.

/// What a source does not say, and the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The attribute that identifies callers, where the source does not name one.
    pub by: String,
    /// The environment to import, of a source that has several.
    pub environment: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { by: "targetingKey".to_owned(), environment: None }
    }
}
