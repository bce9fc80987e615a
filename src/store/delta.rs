//! Reading what has changed since a moment, and nothing else.

use std::collections::BTreeSet;

use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::future::BoxFuture,
};

/// A state of the rows: the number of each slot of `novi_revision`. PostgreSQL and SQLite have one slot,
/// MySQL has several, so that writers do not wait for each other. The revision is their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    slots: Vec<(i64, i64)>,
}

/// The ids of the rows that have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Flags: their row, their metadata, or their links.
    pub flags: BTreeSet<i64>,
    /// Activations: their row, or their members.
    pub activations: BTreeSet<i64>,
    /// Whether a row is new or was renamed, so that other rows may refer to it now.
    pub is_new: bool,
    /// By how many rows each table has grown: `flags`, `activations`, `flags_activations`, `flag_metadata`
    /// and `activation_members`.
    pub growth: [i64; 5],
}

/// Which rows to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Flags by id, with their metadata and links.
    pub flags: BTreeSet<i64>,
    /// Flags by name, with their metadata and links.
    pub names: BTreeSet<String>,
    /// Activations by id, with their members.
    pub activations: BTreeSet<i64>,
}

/// A read transaction: all of its reads see one state.
pub trait ReadSession: Send {
    /// The state that is read.
    fn cursor(&self) -> &Cursor;

    /// What has changed since an earlier state. `None` if that is unknown (the history does not reach back so
    /// far, a revision was raised by hand, the database was restored) or too much: then all rows have to be
    /// read.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) if the database does not respond.
    fn changed_since<'a>(&'a mut self, before: &'a Cursor) -> BoxFuture<'a, Result<Option<Delta>>>;

    /// Some rows. Rows that do not exist are left out.
    ///
    /// # Errors
    /// As [`changed_since`](Self::changed_since).
    fn select<'a>(&'a mut self, selection: &'a Selection) -> BoxFuture<'a, Result<Rows>>;

    /// All rows.
    ///
    /// # Errors
    /// As [`changed_since`](Self::changed_since).
    fn all(&mut self) -> BoxFuture<'_, Result<Rows>>;

    /// What is compared to find changes that no trigger saw: the number of rows of each table, as in
    /// [`Delta::growth`], and a checksum of their contents if the database has no triggers. `None` for a
    /// database whose triggers see everything.
    ///
    /// # Errors
    /// As [`changed_since`](Self::changed_since).
    fn fingerprint(&mut self) -> BoxFuture<'_, Result<Option<Fingerprint>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// As [`changed_since`](Self::changed_since).
    fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}

/// What differs between states of the rows that have the same revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many rows there are, as in [`Delta::growth`].
    pub counts: [i64; 5],
    /// A checksum of the contents, for a database without triggers.
    pub contents: Option<String>,
}

impl Cursor {
    /// The state with these numbers, by slot.
    #[must_use]
    pub fn new(mut slots: Vec<(i64, i64)>) -> Self {
        slots.sort_unstable();
        Self { slots }
    }

    /// The revision that people see.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision::new(self.slots.iter().fold(0, |sum, (_, number)| sum.wrapping_add(*number)))
    }

    /// The slots whose number has changed, with both numbers.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> Vec<(i64, i64, i64)> {
        let number_before = |slot: i64| {
            let place = before.slots.binary_search_by_key(&slot, |(slot, _)| *slot);
            place.ok().and_then(|place| before.slots.get(place)).map_or(0, |(_, number)| *number)
        };
        let slots = self.slots.iter().map(|(slot, number)| (*slot, number_before(*slot), *number));
        slots.filter(|(_, before, now)| before != now).collect()
    }
}

impl Delta {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flags.len() + self.activations.len()
    }

    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds later changes.
    pub fn extend(&mut self, later: &Self) {
        self.flags.extend(&later.flags);
        self.activations.extend(&later.activations);
        self.is_new |= later.is_new;
        for (sum, more) in self.growth.iter_mut().zip(later.growth) {
            *sum += more;
        }
    }
}

impl Selection {
    /// Whether nothing is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.names.is_empty() && self.activations.is_empty()
    }
}

/// The tables, in the order of [`Delta::growth`].
#[cfg(feature = "sql")]
pub(crate) const TABLES: [&str; 5] =
    ["flags", "activations", "flags_activations", "flag_metadata", "activation_members"];

/// A record of the history, as far as it says what has changed.
#[cfg(feature = "sql")]
pub(super) struct Record {
    pub(super) slot: i64,
    pub(super) revision: i64,
    pub(super) entity: String,
    pub(super) entity_id: Option<i64>,
    pub(super) operation: String,
    /// The row before an update, as JSON: its id or its name may have been different.
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

#[cfg(feature = "sql")]
impl Delta {
    /// The changes of all records since `before`; `None` if the records do not cover all changes.
    pub(super) fn from_records(records: &[Record], moved: &[(i64, i64, i64)]) -> Option<Self> {
        for (slot, before, now) in moved {
            // After a restore the number is lower than it was.
            let raised = now.checked_sub(*before).filter(|raised| *raised > 0)?;
            let of_slot = records.iter().filter(|record| record.slot == *slot);
            let told: BTreeSet<i64> = of_slot.map(|record| record.revision).collect();
            if i64::try_from(told.len()) != Ok(raised) {
                return None;
            }
        }
        let mut changed = Self::default();
        for record in records {
            changed.add(record)?;
        }
        Some(changed)
    }

    fn add(&mut self, record: &Record) -> Option<()> {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Row {
            id: Option<i64>,
            flag_id: Option<i64>,
            activation_id: Option<i64>,
            name: Option<serde_json::Value>,
        }
        let table = TABLES.iter().position(|table| *table == record.entity)?;
        self.growth[table] += match record.operation.as_str() {
            "insert" => 1,
            "delete" => -1,
            "update" => 0,
            _ => return None,
        };
        let is_activation = matches!(table, 1 | 4);
        let ids = if is_activation { &mut self.activations } else { &mut self.flags };
        // A link of adopted tables may have no flag: no flag is affected, but there is an issue.
        ids.insert(record.entity_id?);
        if record.operation == "insert" {
            self.is_new |= table < 2;
        } else if record.operation == "update" {
            let read = |text: &Option<String>| serde_json::from_str::<Row>(text.as_deref()?).ok();
            let (before, after) = (read(&record.before)?, read(&record.after)?);
            self.is_new |= (before.id, &before.name) != (after.id, &after.name);
            let id = [before.id, before.flag_id, before.activation_id];
            ids.extend(id.into_iter().flatten().next());
        }
        Some(())
    }
}

#[cfg(all(test, feature = "sql"))]
mod tests {
    use super::*;

    fn record(revision: i64, entity: &str, id: i64, operation: &str) -> Record {
        let json = |id: i64| Some(format!(r#"{{"id": {id}, "name": "a"}}"#));
        Record {
            slot: 0,
            revision,
            entity: entity.to_owned(),
            entity_id: Some(id),
            operation: operation.to_owned(),
            before: json(id),
            after: json(id),
        }
    }

    #[test]
    fn records_tell_what_has_changed() {
        let mut renumbered = record(6, "flags", 4, "update");
        renumbered.before = Some(r#"{"id": 3, "name": "a"}"#.to_owned());
        let records = [
            record(5, "flags", 1, "update"),
            renumbered,
            record(6, "activations", 7, "insert"),
            record(7, "activation_members", 8, "delete"),
        ];
        let changed = Delta::from_records(&records, &[(0, 4, 7)]).unwrap();
        assert_eq!(changed.flags, BTreeSet::from([1, 3, 4]));
        assert_eq!(changed.activations, BTreeSet::from([7, 8]));
        assert!(changed.is_new);
        assert_eq!(changed.growth, [0, 1, 0, 0, -1]);
    }

    #[test]
    fn records_that_do_not_tell_all_tell_nothing() {
        let records = [record(5, "flags", 1, "update"), record(7, "flags", 1, "update")];
        for moved in [(0, 4, 7), (0, 4, 8), (0, 9, 7), (1, 0, 1)] {
            assert_eq!(Delta::from_records(&records, &[moved]), None, "{moved:?}");
        }
        let unknown = [record(5, "flags", 1, "truncate")];
        assert_eq!(Delta::from_records(&unknown, &[(0, 4, 5)]), None);
    }

    #[test]
    fn slots_are_compared_one_by_one() {
        let before = Cursor::new(vec![(3, 7), (0, 1)]);
        let now = Cursor::new(vec![(0, 1), (3, 5), (4, 2)]);
        assert_eq!(now.moved_since(&before), [(3, 7, 5), (4, 0, 2)]);
        assert_eq!((before.revision(), now.revision()), (Revision::new(8), Revision::new(8)));
    }
}
