//! The fields that files would change, by their rows.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    rows::Rows,
    store::{
        FieldChange,
        history::{Entity, Operation, differences},
    },
};

/// The fields that are to change.
pub(super) struct Planned {
    /// By the part of a subject that stays: of a new flag or activation the name, since its id is chosen now.
    rows: BTreeMap<String, BTreeSet<String>>,
    /// Whether a row that is there changes.
    pub(super) has_existing: bool,
}

impl Planned {
    pub(super) fn new(current: &Rows, after: &Rows) -> Self {
        let flags: BTreeSet<i64> = current.flags.iter().map(|row| row.id).collect();
        let activations: BTreeSet<i64> = current.activations.iter().map(|row| row.id).collect();
        // A new row takes along what belongs to it.
        let is_of_new = |entity: Entity, subject: &str| {
            let ids: Vec<i64> = subject
                .split(|letter: char| !letter.is_ascii_digit() && letter != '-')
                .filter_map(|id| id.parse().ok())
                .collect();
            let has = |known: &BTreeSet<i64>, at: usize| ids.get(at).is_some_and(|id| known.contains(id));
            match entity {
                Entity::Metadata => !has(&flags, 0),
                Entity::Link => !(has(&flags, 0) && has(&activations, 1)),
                Entity::Member => !has(&activations, 0),
                _ => false,
            }
        };
        let (mut rows, mut has_existing) = (BTreeMap::new(), false);
        for row in differences(current, after) {
            has_existing |= row.operation != Operation::Insert;
            if row.operation == Operation::Insert && is_of_new(row.entity, &row.subject) {
                continue;
            }
            let new = name_key(&row.subject).filter(|_| row.operation == Operation::Insert);
            let fields = row.fields.into_iter().map(|change| change.field).collect();
            rows.insert(new.unwrap_or_else(|| key(&row.subject).to_owned()), fields);
        }
        Self { rows, has_existing }
    }

    /// The row of the plan that a change concerns, with the fields that would change again.
    pub(super) fn again(
        &self,
        subject: &str,
        operation: Operation,
        fields: Vec<FieldChange>,
    ) -> Option<(String, Vec<FieldChange>)> {
        if operation == Operation::Update
            && is_named(subject)
            && let Some(renamed) = fields.iter().find(|change| change.field == "name")
            && let Some(old) = renamed.before.as_str()
        {
            // A flag of the old name would be made.
            let table = subject.split('#').next().unwrap_or_default();
            let old = format!("{table} {old:?}");
            if self.rows.contains_key(&old) {
                return Some((old, vec![renamed.clone()]));
            }
        }
        // A row that was deleted is created again, with another id.
        let again = name_key(subject).filter(|_| operation == Operation::Delete);
        let row =
            again.filter(|name| self.rows.contains_key(name)).unwrap_or_else(|| key(subject).to_owned());
        let planned = self.rows.get(&row)?;
        let fields: Vec<_> = fields.into_iter().filter(|change| planned.contains(&change.field)).collect();
        (!fields.is_empty()).then_some((row, fields))
    }

    /// The same for the newest change of these fields: earlier ones no longer count.
    pub(super) fn take(
        &mut self,
        subject: &str,
        operation: Operation,
        fields: Vec<FieldChange>,
    ) -> Option<(String, Vec<FieldChange>)> {
        let (row, fields) = self.again(subject, operation, fields)?;
        if let Some(planned) = self.rows.get_mut(&row) {
            if operation == Operation::Update && is_named(subject) && !row.contains('#') {
                planned.clear();
            }
            planned.retain(|field| fields.iter().all(|change| change.field != *field));
        }
        Some((row, fields))
    }
}

/// The part of a subject that stays when the row is renamed.
pub(super) fn key(subject: &str) -> &str {
    if is_named(subject) { subject.split(' ').next().unwrap_or(subject) } else { subject }
}

/// The part of a subject that stays when the row gets another id.
fn name_key(subject: &str) -> Option<String> {
    let (table, name) = (subject.split('#').next()?, subject.split_once(' ')?.1);
    is_named(subject).then(|| format!("{table} {name}"))
}

fn is_named(subject: &str) -> bool {
    subject.starts_with("flags#") || subject.starts_with("activations#")
}
