//! Fields that say whether something is on.

use novi_files::Tree;

/// Whether a field is `true`; one that is missing or null is `false`.
///
/// # Errors
/// A value of another type, such as `"true"`: systems differ in what they take it for.
pub(crate) fn is_true(of: &Tree, field: &str) -> Result<bool, String> {
    match of.get(field) {
        None | Some(Tree::Null) => Ok(false),
        Some(Tree::Bool(value)) => Ok(*value),
        Some(other) => Err(format!("{field}: expected true or false, found {}", other.to_json())),
    }
}

/// A flag that is an object, or why it cannot be read.
pub(crate) fn object(flag: &Tree) -> Result<(), String> {
    match flag {
        Tree::Fields(_) => Ok(()),
        other => Err(format!("expected an object, found {}", other.to_json())),
    }
}
