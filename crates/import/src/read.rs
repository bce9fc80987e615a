//! Reads the fields of sources, which may be missing or of another type.

use novi_files::Tree;

/// The items of a list. Empty if there is none.
pub(crate) fn list<'a>(of: &'a Tree, field: &str) -> &'a [Tree] {
    of.get(field).and_then(Tree::as_list).unwrap_or_default()
}

pub(crate) fn string<'a>(of: &'a Tree, field: &str) -> Option<&'a str> {
    of.get(field).and_then(Tree::as_str)
}

/// The strings of a list.
pub(crate) fn strings(of: &Tree, field: &str) -> Vec<String> {
    list(of, field).iter().filter_map(Tree::as_str).map(str::to_owned).collect()
}
