//! Who imports, and why, for the history.

/// The author of imported flags in the history.
pub(super) const ACTOR: &str = crate::commands::authorship::IMPORT;

/// The reason of an import in the history; of a state of the past, with what it was in the system.
pub(super) fn reason(system: &str, origin: Option<&str>) -> String {
    let ending = reason_ending(system);
    origin.map_or_else(|| format!("Import{ending}"), |origin| format!("Import of {origin}{ending}"))
}

/// How the reasons of all imports from a system end, by which the history is searched.
pub(super) fn reason_ending(system: &str) -> String {
    format!(" from {system}")
}
