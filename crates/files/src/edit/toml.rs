//! Changes of a TOML text.

use toml_edit::{
    ArrayOfTables, DocumentMut, Item, Key, Table, TableLike, Value,
    visit_mut::{VisitMut, visit_table_mut},
};

use super::align::{self, After, Fields};
use crate::tree::Tree;

/// Changes a text from one value to another. `None` if it is written in a way that cannot be changed.
pub(super) fn edit(text: &str, before: &Tree, after: &Tree) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let (Tree::Fields(before), Tree::Fields(after)) = (before, after) else { return None };
    edit_table(document.as_table_mut(), before, after)?;
    Some(with_line_ends_of(text, &document.to_string()))
}

/// The text with line ends as another one has them: the parser reads them as those of Unix.
pub(super) fn with_line_ends_of(text: &str, edited: &str) -> String {
    let is_windows = text.contains('\n') && text.matches('\n').count() == text.matches("\r\n").count();
    if is_windows { edited.replace("\r\n", "\n").replace('\n', "\r\n") } else { edited.to_owned() }
}

type Field = (String, Tree);

fn edit_table(table: &mut dyn TableLike, before: &[Field], after: &[Field]) -> Option<()> {
    let order = |fields: &[Field]| -> Vec<Field> {
        let mut fields = fields.to_vec();
        // Tables are after all other fields.
        fields.sort_by_key(|(_, value)| is_table(value));
        fields
    };
    let (before, after) = (order(before), order(after));
    let Fields { kept, added, removed } = align::fields(&before, &after)?;
    for name in removed {
        table.remove(name)?;
    }
    for (name, before, after) in kept {
        if before != after {
            edit_item(table.get_mut(name)?, name, before, after)?;
        }
    }
    let is_last = added.iter().all(|(place, ..)| *place == After::All);
    let is_inline =
        table.get_values().len() == table.len() && added.iter().all(|(.., value)| !is_table(value));
    for (_, name, value) in added {
        let mut item = item(name, value)?;
        if is_inline && !item.is_value() {
            item.make_value();
        }
        table.insert(name, item);
    }
    if !is_last {
        sort(table, &after);
    }
    Some(())
}

/// Brings fields into an order, which has a meaning in some configs.
fn sort(table: &mut dyn TableLike, order: &[Field]) {
    let entry = |(name, _): &Field| Some((table.key(name)?.clone(), table.get(name)?.clone()));
    let entries: Vec<(Key, Item)> = order.iter().filter_map(entry).collect();
    table.clear();
    for (key, item) in entries {
        table.entry_format(&key).or_insert(item);
    }
}

fn edit_item(slot: &mut Item, name: &str, before: &Tree, after: &Tree) -> Option<()> {
    let mut changed = slot.clone();
    if edit_inside(&mut changed, name, before, after).is_some() {
        *slot = changed;
        return Some(());
    }
    let new = item(name, after)?;
    match (slot.as_value_mut(), new.clone().into_value()) {
        (Some(old), Ok(mut new)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        _ => *slot = new,
    }
    Some(())
}

/// Changes the parts of a value that differ. `None` if it becomes another kind of value.
fn edit_inside(item: &mut Item, name: &str, before: &Tree, after: &Tree) -> Option<()> {
    match (before, after) {
        (Tree::Fields(before), Tree::Fields(after)) => edit_table(item.as_table_like_mut()?, before, after),
        (Tree::List(before), Tree::List(after)) => {
            if let Some(tables) = item.as_array_of_tables_mut() {
                return edit_tables(tables, name, before, after);
            }
            let array = item.as_array_mut()?;
            let old: Vec<Value> = array.iter().cloned().collect();
            if old.len() != before.len() {
                return None;
            }
            let decor = old.first().map(|value| value.decor().clone());
            let mut all = Vec::new();
            for item in align::items(before, after) {
                let Some(index) = item.old else {
                    let mut value = self::item(name, item.value)?.into_value().ok()?;
                    if let Some(decor) = decor.clone().filter(|_| !all.is_empty()) {
                        *value.decor_mut() = decor;
                    }
                    all.push((value, true));
                    continue;
                };
                let mut slot = Item::Value(old.get(index)?.clone());
                let before = before.get(index)?;
                if before != item.value {
                    edit_item(&mut slot, name, before, item.value)?;
                }
                all.push((slot.into_value().ok()?, false));
            }
            let is_multiline = array.to_string().contains('\n');
            array.clear();
            for (index, (mut value, is_new)) in all.into_iter().enumerate() {
                if is_new && !is_multiline {
                    value.decor_mut().set_prefix(if index == 0 { "" } else { " " });
                    value.decor_mut().set_suffix("");
                } else if index == 0 && !is_multiline {
                    value.decor_mut().set_prefix("");
                }
                array.push_formatted(value);
            }
            Some(())
        }
        _ => None,
    }
}

fn edit_tables(tables: &mut ArrayOfTables, name: &str, before: &[Tree], after: &[Tree]) -> Option<()> {
    if tables.len() != before.len() || after.is_empty() {
        return None;
    }
    let mut all = ArrayOfTables::new();
    for item in align::items(before, after) {
        let table = match item.old {
            None => new_table(name, item.value)?,
            Some(index) => {
                let mut table = tables.get(index)?.clone();
                let (Tree::Fields(before), Tree::Fields(after)) = (before.get(index)?, item.value) else {
                    return None;
                };
                edit_table(&mut table, before, after)?;
                table
            }
        };
        all.push(table);
    }
    *tables = all;
    Some(())
}

/// A new value, as it is written in files that are exported.
fn item(name: &str, value: &Tree) -> Option<Item> {
    let root = Tree::Fields(vec![(name.to_owned(), value.clone())]);
    let mut document: DocumentMut = ::toml::to_string_pretty(&root).ok()?.parse().ok()?;
    let mut item = document.remove(name)?;
    let mut placeless = Placeless;
    placeless.visit_item_mut(&mut item);
    if let Some(table) = item.as_table_mut().filter(|table| !table.is_implicit()) {
        table.decor_mut().set_prefix("\n");
    }
    Some(item)
}

fn new_table(name: &str, value: &Tree) -> Option<Table> {
    let mut table = item(name, value)?.into_table().ok()?;
    table.decor_mut().set_prefix("\n");
    Some(table)
}

/// Takes tables out of the order of the text that they come from.
struct Placeless;

impl VisitMut for Placeless {
    fn visit_table_mut(&mut self, table: &mut Table) {
        table.set_position(None);
        visit_table_mut(self, table);
    }
}

fn is_table(value: &Tree) -> bool {
    match value {
        Tree::Fields(_) => true,
        Tree::List(items) => !items.is_empty() && items.iter().all(|item| matches!(item, Tree::Fields(_))),
        _ => false,
    }
}
