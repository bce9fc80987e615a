//! Replays records to reconstruct earlier rows, without SQL.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    rows::{LinkRow, Revision, Rows},
    store::{
        decode::{self, Cell},
        history::record::{Entity, HistoryRecord},
    },
};

/// The key of a row: its table, its ids, and, of a member, its value.
type Key = (Entity, i64, i64, String);

/// Reads records from oldest to newest, and returns the rows at a revision among them.
///
/// Each row is what the last record up to that revision made of it; without one, what the first record after
/// it found; and without any record, the current row. So rows that changed without a record (in adopted
/// tables, or without triggers) and pruned records cost no more than their own changes.
#[derive(Debug)]
pub(in crate::store) struct Replay {
    revision: Revision,
    known: HashMap<Key, Option<Value>>,
}

impl Replay {
    /// The rows at this revision.
    pub(in crate::store) fn at(revision: Revision) -> Self {
        Self { revision, known: HashMap::new() }
    }

    /// Takes the next record.
    pub(in crate::store) fn take(&mut self, record: HistoryRecord) {
        let HistoryRecord { entity, before, after, revision, .. } = record;
        let keys = (key(entity, before.as_ref()), key(entity, after.as_ref()));
        let is_before = revision.number() <= self.revision.number();
        match keys {
            (Some(was), Some(is)) if was == is => self.note(is, is_before, before, after),
            // A changed key: one row is deleted, and another one inserted.
            (was, is) => {
                if let Some(was) = was {
                    self.note(was, is_before, before, None);
                }
                if let Some(is) = is {
                    self.note(is, is_before, None, after);
                }
            }
        }
    }

    fn note(&mut self, key: Key, is_before: bool, before: Option<Value>, after: Option<Value>) {
        if is_before {
            self.known.insert(key, after);
        } else {
            self.known.entry(key).or_insert(before);
        }
    }

    /// The rows, from the current ones.
    pub(in crate::store) fn rows(self, mut present: Rows) -> Rows {
        let mut metadata = Vec::new();
        let mut flags: HashMap<_, _> = present.flags.drain(..).map(|row| (row.id, row)).collect();
        let mut activations: HashMap<_, _> = present.activations.drain(..).map(|row| (row.id, row)).collect();
        let mut members: HashMap<_, _> =
            present.members.drain(..).map(|row| ((row.activation_id, row.member.clone()), row)).collect();
        let mut links: HashMap<_, _> = HashMap::new();
        for link in present.links.drain(..) {
            // Links without ids have no key; several may be equal.
            *links.entry(link).or_insert(0_usize) += 1;
        }
        for ((entity, id, other, text), row) in self.known {
            match entity {
                Entity::Flag => {
                    let metadata_row = flags.remove(&id);
                    if let Some(row) = row {
                        let mut row = decode::flag(&mut cells(&row, &["id", "name", "status"]));
                        if let Some(mut metadata_row) = metadata_row {
                            metadata_row.faults.retain(|fault| fault.table != entity.table());
                            row.metadata = metadata_row.metadata;
                            row.faults.extend(metadata_row.faults);
                        }
                        flags.insert(id, row);
                    }
                }
                // The flag may not exist yet.
                Entity::Metadata => metadata.push((id, row)),
                Entity::Activation => {
                    let row = row.map(|row| decode::activation(&mut cells(&row, &ACTIVATION)));
                    set(&mut activations, id, row);
                }
                Entity::Link => set(&mut links, LinkRow::new(id, other), row.map(|_| 1)),
                Entity::Member => {
                    let row = row.map(|row| decode::member(&mut cells(&row, &MEMBER)));
                    set(&mut members, (id, text), row);
                }
            }
        }
        for (id, row) in metadata {
            let Some(flag) = flags.get_mut(&id) else { continue };
            flag.faults.retain(|fault| fault.table != Entity::Metadata.table());
            let (metadata, faults) =
                row.map(|row| decode::flag_metadata(&mut cells(&row, &METADATA))).unwrap_or_default();
            flag.metadata = metadata;
            flag.faults.extend(faults);
        }
        let links = links.into_iter().flat_map(|(link, count)| std::iter::repeat_n(link, count));
        let mut rows = Rows {
            revision: self.revision,
            flags: flags.into_values().collect(),
            activations: activations.into_values().collect(),
            links: links.collect(),
            members: members.into_values().collect(),
            used_ids: present.used_ids,
        };
        // In the order of stores.
        rows.flags.sort_by_key(|row| row.id);
        rows.activations.sort_by_key(|row| row.id);
        rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
        rows.members.sort_by(|a, b| (a.activation_id, &a.member).cmp(&(b.activation_id, &b.member)));
        rows
    }
}

const ACTIVATION: [&str; 4] = ["id", "name", "class_name", "config"];
const MEMBER: [&str; 3] = ["activation_id", "member", "denied"];
const METADATA: [&str; 15] = [
    "description",
    "owner",
    "expires_at",
    "tags",
    "override_allowed",
    "exposed",
    "fail_mode",
    "variants",
    "value_type",
    "default_variant",
    "off_variant",
    "metadata",
    "row_version",
    "created_at",
    "updated_at",
];

fn set<K: std::hash::Hash + Eq, V>(rows: &mut HashMap<K, V>, key: K, row: Option<V>) {
    match row {
        Some(row) => drop(rows.insert(key, row)),
        None => drop(rows.remove(&key)),
    }
}

/// `None` for a row without a key, as a link of Python novi may be.
fn key(entity: Entity, row: Option<&Value>) -> Option<Key> {
    let row = row?;
    let id = |column: &str| row.get(column).and_then(Value::as_i64);
    Some(match entity {
        Entity::Flag | Entity::Activation => (entity, id("id")?, 0, String::new()),
        Entity::Metadata => (entity, id("flag_id")?, 0, String::new()),
        Entity::Link => (entity, id("flag_id")?, id("activation_id")?, String::new()),
        Entity::Member => {
            (entity, id("activation_id")?, 0, row.get("member").and_then(Value::as_str)?.to_owned())
        }
    })
}

/// The columns as a database returns them.
fn cells<'a>(row: &'a Value, columns: &'a [&str]) -> impl Iterator<Item = Cell> + 'a {
    columns.iter().map(|column| match row.get(*column) {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::Bool(value)) => Cell::Integer((*value).into()),
        Some(Value::String(text)) => Cell::Text(text.clone()),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(value) => Cell::Integer(value),
            None => number.as_f64().map_or(Cell::Null, Cell::Real),
        },
        // A column of the type `json`, whose text is what novi reads.
        Some(other) => Cell::Text(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        rows::{ActivationRow, FlagMetadata, FlagRow, MemberRow},
        store::history::Operation,
    };

    /// Rows as the tables have them: by key, as JSON.
    type Tables = BTreeMap<Key, Value>;

    /// One edit: a row, and what it is from then on; for some, under another id.
    #[derive(Clone, Debug)]
    struct Edit {
        entity: Entity,
        id: i64,
        other: i64,
        moves_to: Option<i64>,
        value: Option<u8>,
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let entity = prop::sample::select(&Entity::ALL[..]);
        let moves = prop::option::weighted(0.2, 1..5_i64);
        (entity, 1..5_i64, 1..4_i64, moves, prop::option::weighted(0.7, any::<u8>()))
            .prop_map(|(entity, id, other, moves_to, value)| Edit { entity, id, other, moves_to, value })
    }

    fn row(entity: Entity, id: i64, other: i64, value: u8) -> Value {
        match entity {
            Entity::Flag => json!({"id": id, "name": format!("{value}"), "status": value.is_multiple_of(2)}),
            Entity::Metadata => json!({"flag_id": id, "owner": format!("{value}"), "override_allowed": true,
                "fail_mode": "off", "row_version": 1, "expires_at": "2031-01-31 12:00:00.000000", "tags": "[\"a\"]"}),
            Entity::Activation => {
                json!({"id": id, "name": "a", "class_name": "c", "config": format!("{value}")})
            }
            Entity::Link => json!({"flag_id": id, "activation_id": other}),
            Entity::Member => {
                json!({"activation_id": id, "member": format!("m{other}"), "denied": value.is_multiple_of(2)})
            }
        }
    }

    /// Makes an edit as triggers would see it: metadata are inserted after their flag and deleted with it.
    fn make(tables: &mut Tables, edit: &Edit, revision: i64) -> Vec<HistoryRecord> {
        let has_flag = |tables: &Tables| tables.contains_key(&(Entity::Flag, edit.id, 0, String::new()));
        if edit.entity == Entity::Metadata && (edit.moves_to.is_some() || !has_flag(tables)) {
            return Vec::new();
        }
        let mut records = Vec::from_iter(make_one(tables, edit, revision));
        if edit.entity == Entity::Flag && !has_flag(tables) {
            let gone = Edit { entity: Entity::Metadata, moves_to: None, value: None, ..edit.clone() };
            records.extend(make_one(tables, &gone, revision));
        }
        records
    }

    fn make_one(tables: &mut Tables, edit: &Edit, revision: i64) -> Option<HistoryRecord> {
        let old = row(edit.entity, edit.id, edit.other, 0);
        let old_key = key(edit.entity, Some(&old))?;
        let before = tables.remove(&old_key);
        let id = edit.moves_to.filter(|_| before.is_some()).unwrap_or(edit.id);
        let after = edit.value.map(|value| row(edit.entity, id, edit.other, value));
        let new_key = key(edit.entity, after.as_ref());
        if let (Some(key), Some(after)) = (new_key, after.clone()) {
            if key != old_key && tables.contains_key(&key) {
                // The new key exists already: rejected.
                tables.extend(before.map(|row| (old_key, row)));
                return None;
            }
            tables.insert(key, after);
        }
        if before == after {
            return None;
        }
        Some(HistoryRecord {
            revision: Revision::new(revision),
            changed_at: None,
            actor: None,
            reason: None,
            entity: edit.entity,
            operation: Operation::from_states(before.as_ref(), after.as_ref()),
            before,
            after,
        })
    }

    /// What a store would load.
    fn loaded(tables: &Tables, revision: i64) -> Rows {
        let mut rows = Rows { revision: Revision::new(revision), ..Rows::default() };
        for ((entity, id, other, text), row) in tables {
            match entity {
                Entity::Flag => {
                    let metadata_row = tables.get(&(Entity::Metadata, *id, 0, String::new()));
                    let metadata = metadata_row.map_or_else(FlagMetadata::default, |row| {
                        decode::flag_metadata(&mut cells(row, &METADATA)).0
                    });
                    let name = row["name"].as_str().unwrap();
                    let status = row["status"] == json!(true);
                    rows.flags.push(FlagRow { metadata, ..FlagRow::new(*id, name, status) });
                }
                Entity::Metadata => {}
                Entity::Activation => {
                    let config = row["config"].as_str().unwrap();
                    rows.activations.push(ActivationRow::new(*id, "a", "c", config));
                }
                Entity::Link => rows.links.push(LinkRow::new(*id, *other)),
                Entity::Member => {
                    let denied = row["denied"] == json!(true);
                    rows.members.push(MemberRow { denied, ..MemberRow::allowed(*id, text) });
                }
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn any_past_state_is_told(edits in prop::collection::vec(edit(), 0..60), pruned in 0..60_i64, untold in 0..20_usize) {
            let mut tables = Tables::new();
            // Rows that are older than the history.
            for edit in edits.iter().take(untold) {
                make(&mut tables, edit, 0);
            }
            let mut states = vec![loaded(&tables, 1)];
            let mut records = Vec::new();
            let mut revision = 1;
            for edit in edits.iter().skip(untold) {
                let made = make(&mut tables, edit, revision + 1);
                if !made.is_empty() {
                    records.extend(made);
                    revision += 1;
                    states.push(loaded(&tables, revision));
                }
            }
            let present = states.last().cloned().unwrap_or_default();
            for state in &states {
                let mut replay = Replay::at(state.revision);
                for record in &records {
                    replay.take(record.clone());
                }
                prop_assert_eq!(&replay.rows(present.clone()), state);
                // Without the records that only describe earlier moments.
                if pruned <= state.revision.number() {
                    let mut replay = Replay::at(state.revision);
                    for record in records.iter().filter(|record| record.revision.number() >= pruned) {
                        replay.take(record.clone());
                    }
                    prop_assert_eq!(&replay.rows(present.clone()), state);
                }
            }
        }
    }
}
