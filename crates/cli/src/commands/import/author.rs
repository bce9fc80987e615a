//! Who imports, for the history.

/// The author of imported flags in the history.
pub(super) const ACTOR: &str = crate::commands::authorship::IMPORT;
