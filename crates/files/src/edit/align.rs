//! Which parts of a value stay, so that the text around them stays as well.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::tree::Tree;

type Field = (String, Tree);

/// Where a new field belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After<'a> {
    /// In front of all fields that stay.
    Nothing,
    /// After a field that stays.
    Field(&'a str),
    /// After all fields.
    All,
}

/// The fields of a table after a change.
pub(super) struct Fields<'a> {
    /// Fields that stay, with their values before and after.
    pub(super) kept: Vec<(&'a str, &'a Tree, &'a Tree)>,
    /// New fields.
    pub(super) added: Vec<(After<'a>, &'a str, &'a Tree)>,
    /// Fields that go.
    pub(super) removed: Vec<&'a str>,
}

/// Compares fields. `None` if they have another order, which can have a meaning: variants share buckets by it.
pub(super) fn fields<'a>(before: &'a [Field], after: &'a [Field]) -> Option<Fields<'a>> {
    let old: HashMap<&str, &Tree> = before.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let new: HashSet<&str> = after.iter().map(|(name, _)| name.as_str()).collect();
    let stays = |(name, _): &&Field| old.contains_key(name.as_str());
    let kept_after: Vec<&str> = after.iter().filter(stays).map(|(name, _)| name.as_str()).collect();
    let kept_before = before.iter().map(|(name, _)| name.as_str()).filter(|name| new.contains(name));
    if !kept_before.eq(kept_after.iter().copied()) {
        return None;
    }
    let last = kept_after.last().copied();
    let (mut kept, mut added, mut previous) = (Vec::new(), Vec::new(), None);
    for (name, value) in after {
        if let Some(old) = old.get(name.as_str()) {
            kept.push((name.as_str(), *old, value));
            previous = Some(name.as_str());
        } else {
            let place =
                if previous == last { After::All } else { previous.map_or(After::Nothing, After::Field) };
            added.push((place, name.as_str(), value));
        }
    }
    let removed = before.iter().map(|(name, _)| name.as_str()).filter(|name| !new.contains(name)).collect();
    Some(Fields { kept, added, removed })
}

/// An item of a list after a change, with the index that it had.
pub(super) struct Item<'a> {
    pub(super) old: Option<usize>,
    pub(super) value: &'a Tree,
}

/// Compares lists: items that stay keep their text. Linear in the size of both.
pub(super) fn items<'a>(before: &[Tree], after: &'a [Tree]) -> Vec<Item<'a>> {
    let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (index, item) in before.iter().enumerate() {
        places.entry(identity(item)).or_default().push_back(index);
    }
    let mut found: Vec<Item<'a>> = Vec::new();
    let mut next = 0;
    for value in after {
        let places = places.get_mut(&identity(value));
        let old = places.and_then(|places| {
            while places.front().is_some_and(|index| *index < next) {
                places.pop_front();
            }
            places.pop_front()
        });
        next = old.map_or(next, |index| index + 1);
        found.push(Item { old, value });
    }
    pair(before, &mut found);
    found
}

/// Between two items that stay, as many new items as old ones are changes of these.
fn pair(before: &[Tree], found: &mut [Item<'_>]) {
    let (mut start, mut old_start) = (0, 0);
    while start < found.len() {
        let end =
            found[start..].iter().position(|item| item.old.is_some()).map_or(found.len(), |n| start + n);
        let old_end = found.get(end).and_then(|item| item.old).unwrap_or(before.len());
        if end - start == old_end - old_start {
            for (item, old) in found[start..end].iter_mut().zip(old_start..old_end) {
                item.old = Some(old);
            }
        }
        (start, old_start) = (end + 1, old_end + 1);
    }
}

/// What an item is known by: its name, or else its value.
fn identity(item: &Tree) -> String {
    let named = |(field, value): &(String, Tree)| match value {
        Tree::String(name) if field == "name" => Some(format!("name {name}")),
        _ => None,
    };
    match item {
        Tree::Fields(fields) => fields.iter().find_map(named).unwrap_or_else(|| item.to_json()),
        _ => item.to_json(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn list(text: &str) -> Vec<Tree> {
        match Tree::from_json(text).unwrap() {
            Tree::List(items) => items,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn items_that_stay_are_found_by_name_or_value() {
        let olds = |before: &str, after: &str| -> Vec<Option<usize>> {
            items(&list(before), &list(after)).iter().map(|item| item.old).collect()
        };
        assert_eq!(olds("[1, 2, 3]", "[1, 3, 4]"), [Some(0), Some(2), None]);
        assert_eq!(olds("[1, 2, 3]", "[1, 5, 3]"), [Some(0), Some(1), Some(2)]);
        assert_eq!(olds("[1, 2]", "[2, 1]"), [Some(1), None]);
        assert_eq!(olds(r#"[{"name": "a", "x": 1}, "b"]"#, r#"["b", {"name": "a"}]"#), [Some(1), None]);
        assert_eq!(olds(r#"[{"name": "a", "x": 1}]"#, r#"[{"name": "a", "x": 2}, 7]"#), [Some(0), None]);
        assert_eq!(olds("[]", "[1]"), [None]);
        assert_eq!(olds("[1, 1]", "[1, 1, 1]"), [Some(0), Some(1), None]);
    }
}
