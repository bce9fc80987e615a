//! Configs that refer to other activations by their names.

use std::collections::BTreeMap;

use crate::{export::REFERENCE, tree::Tree};

/// A config with ids in place of names. `None` if one of the names has none.
pub(crate) fn with_ids(tree: &Tree, id_of: &dyn Fn(&str) -> Option<i64>) -> Option<Tree> {
    inside(tree, id_of, 0)
}

fn inside(tree: &Tree, id_of: &dyn Fn(&str) -> Option<i64>, depth: usize) -> Option<Tree> {
    // As deep as JSON texts can be.
    const MAX_DEPTH: usize = 128;
    match tree {
        _ if depth > MAX_DEPTH => None,
        Tree::Fields(fields) => {
            if let Some(name) = reference(fields) {
                return id_of(name).map(|id| Tree::Number(id.into()));
            }
            let fields = fields
                .iter()
                .map(|(name, value)| inside(value, id_of, depth + 1).map(|value| (name.clone(), value)));
            fields.collect::<Option<_>>().map(Tree::Fields)
        }
        Tree::List(items) => {
            let items = items.iter().map(|item| inside(item, id_of, depth + 1));
            items.collect::<Option<_>>().map(Tree::List)
        }
        other => Some(other.clone()),
    }
}

/// The name that fields refer to, if they are a reference.
fn reference(fields: &[(String, Tree)]) -> Option<&str> {
    match fields {
        [(field, Tree::String(name))] if field == REFERENCE => Some(name),
        _ => None,
    }
}

/// Gives the activations that a config refers to other names.
pub(crate) fn rename(tree: &mut Tree, names: &BTreeMap<String, String>) {
    let mut left = vec![tree];
    while let Some(tree) = left.pop() {
        match tree {
            Tree::Fields(fields) => match fields.as_mut_slice() {
                [(field, Tree::String(name))] if field == REFERENCE => {
                    if let Some(new) = names.get(name) {
                        name.clone_from(new);
                    }
                }
                fields => left.extend(fields.iter_mut().map(|(_, value)| value)),
            },
            Tree::List(items) => left.extend(items),
            _ => (),
        }
    }
}

/// The names that a config refers to.
pub(crate) fn named<'a>(tree: &'a Tree, found: &mut Vec<&'a str>) {
    let mut left = vec![tree];
    while let Some(tree) = left.pop() {
        match tree {
            Tree::Fields(fields) => match reference(fields) {
                Some(name) => found.push(name),
                None => left.extend(fields.iter().map(|(_, value)| value)),
            },
            Tree::List(items) => left.extend(items),
            _ => (),
        }
    }
}
