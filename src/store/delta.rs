//! Reading what has changed since a moment, and nothing else.

use std::collections::BTreeSet;

use crate::{
    error::Result,
    rows::{Revision, Rows},
    store::future::BoxFuture,
};

/// A state of the rows: number and stamp of each slot of `novi_revision`. PostgreSQL and SQLite have one slot,
/// MySQL has several, so that writers do not wait for each other. The revision is the sum of the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    slots: Vec<(i64, Revision)>,
}

/// What has changed since an earlier state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// These rows.
    Changed(Delta),
    /// Unknown, because the history does not reach back so far or a revision was raised by hand; or too much.
    Unknown,
    /// The earlier state is not in the history: the database was restored, or failed over and lost commits.
    OtherHistory,
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

    /// What has changed since an earlier state. Unless that is known, all rows have to be read.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) if the database does not respond.
    fn changed_since<'a>(&'a mut self, before: &'a Cursor) -> BoxFuture<'a, Result<Since>>;

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

    /// What is compared to find changes that no trigger saw. `None` for rows without triggers.
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
    /// How many rows there are, as in [`Delta::growth`], in a database in which some changes fire no trigger.
    pub counts: Option<[i64; 5]>,
    /// A checksum of the contents, while triggers are missing.
    pub contents: Option<String>,
    /// Differs once triggers were dropped, disabled, changed or made again: rows may have changed meanwhile.
    pub definitions: u64,
    /// What is wrong with the tables and triggers, as sentences.
    pub problems: Vec<String>,
    /// Whether migrations repair any of it.
    pub is_repairable: bool,
}

impl Cursor {
    /// The state with these revisions, by slot.
    #[must_use]
    pub fn new(mut slots: Vec<(i64, Revision)>) -> Self {
        slots.sort_unstable_by_key(|(slot, _)| *slot);
        Self { slots }
    }

    /// The revision that people see.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let add = |sum: Revision, (_, of_slot): &(i64, Revision)| {
            let number = sum.number().wrapping_add(of_slot.number());
            Revision::new(number).stamped(sum.stamp() ^ of_slot.stamp())
        };
        self.slots.iter().fold(Revision::default(), add)
    }

    /// The slots whose revision has changed, with both revisions.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> Vec<(i64, Revision, Revision)> {
        let of_slot = |slot: i64| {
            let place = before.slots.binary_search_by_key(&slot, |(slot, _)| *slot);
            place
                .ok()
                .and_then(|place| before.slots.get(place))
                .map_or_else(Revision::default, |found| found.1)
        };
        let slots = self.slots.iter().map(|(slot, now)| (*slot, of_slot(*slot), *now));
        slots.filter(|(_, before, now)| before != now).collect()
    }
}

impl Since {
    /// The changes, if they are known.
    #[must_use]
    pub fn known(self) -> Option<Delta> {
        match self {
            Self::Changed(delta) => Some(delta),
            Self::Unknown | Self::OtherHistory => None,
        }
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
    /// The stamp of the slot's revision before.
    pub(super) follows: Option<i64>,
}

#[cfg(feature = "sql")]
impl Since {
    /// The changes of all records since the earlier revisions, if the records cover all changes.
    pub(super) fn of(records: &[Record], moved: &[(i64, Revision, Revision)]) -> Self {
        for (slot, before, now) in moved {
            if !follows(records, *slot, *before, *now) {
                return Self::OtherHistory;
            }
        }
        let covered = moved.iter().all(|(slot, before, now)| {
            let of_slot = records.iter().filter(|record| record.slot == *slot);
            let told: BTreeSet<i64> = of_slot.map(|record| record.revision).collect();
            i64::try_from(told.len()).ok() == now.number().checked_sub(before.number())
        });
        Delta::of(records).filter(|_| covered).map_or(Self::Unknown, Self::Changed)
    }
}

/// Whether the revision of a slot was reached from an earlier one, as far as the records say.
#[cfg(feature = "sql")]
pub(super) fn follows(records: &[Record], slot: i64, before: Revision, now: Revision) -> bool {
    let mut next = records
        .iter()
        .filter(|record| record.slot == slot && Some(record.revision) == before.number().checked_add(1))
        .filter_map(|record| record.follows)
        .peekable();
    // Without the next record the changes are unknown, which is for the caller to find.
    now.number() > before.number() && (next.peek().is_none() || next.any(|stamp| stamp == before.stamp()))
}

#[cfg(feature = "sql")]
impl Delta {
    fn of(records: &[Record]) -> Option<Self> {
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
            follows: Some(100 * (revision - 1)),
        }
    }

    /// The revision with the stamp that its records have.
    fn at(number: i64) -> Revision {
        Revision::new(number).stamped(100 * number)
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
        let changed = Since::of(&records, &[(0, at(4), at(7))]).known().unwrap();
        assert_eq!(changed.flags, BTreeSet::from([1, 3, 4]));
        assert_eq!(changed.activations, BTreeSet::from([7, 8]));
        assert!(changed.is_new);
        assert_eq!(changed.growth, [0, 1, 0, 0, -1]);
    }

    #[test]
    fn records_that_do_not_tell_all_tell_nothing() {
        let records = [record(5, "flags", 1, "update"), record(7, "flags", 1, "update")];
        for moved in [(0, at(4), at(7)), (0, at(4), at(8)), (1, at(0), at(1))] {
            assert_eq!(Since::of(&records, &[moved]), Since::Unknown, "{moved:?}");
        }
        let unknown = [record(5, "flags", 1, "truncate")];
        assert_eq!(Since::of(&unknown, &[(0, at(4), at(5))]), Since::Unknown);
    }

    #[test]
    fn records_that_do_not_follow_are_of_another_history() {
        let records = [record(5, "flags", 1, "update"), record(6, "flags", 1, "update")];
        let of = |before, now| Since::of(&records, &[(0, before, now)]);
        assert!(matches!(of(at(4), at(6)), Since::Changed(_)));
        let other = |number: i64| Revision::new(number).stamped(1);
        for (before, now) in [(other(4), at(6)), (other(6), at(6)), (at(6), at(5)), (at(9), at(6))] {
            assert_eq!(of(before, now), Since::OtherHistory, "{before:?} {now:?}");
        }
    }

    #[test]
    fn slots_are_compared_one_by_one() {
        let before = Cursor::new(vec![(3, at(7)), (0, at(1)), (5, at(1))]);
        let now = Cursor::new(vec![(0, at(1)), (3, at(5)), (4, at(2)), (5, at(1).stamped(7))]);
        let moved =
            [(3, at(7), at(5)), (4, Revision::default(), at(2)), (5, at(1), Revision::new(1).stamped(7))];
        assert_eq!(now.moved_since(&before), moved);
        assert_eq!((before.revision().number(), now.revision().number()), (9, 9));
        assert_ne!(before.revision(), now.revision());
    }
}
