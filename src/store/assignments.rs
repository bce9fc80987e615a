//! Which variant each unit of an experiment had first: the table `novi_assignments`.
//!
//! It has no triggers, raises no revision and has no history: it holds facts and not flags. Its unique key is the
//! experiment with the unit, so that the first of several processes decides.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    error::Result,
    store::{future::BoxFuture, sealed::Sealed},
};

/// The longest unit in bytes. Longer ones are not recorded: they would not fit into the key of the table.
pub const LONGEST_UNIT: usize = 255;

/// A variant that a unit of an experiment had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The experiment, usually named as its flag.
    pub experiment: String,
    /// Whom the draw was for, such as the targeting key: at most [`LONGEST_UNIT`] bytes.
    pub unit: String,
    /// The variant; `on` or `off` for a flag without variants.
    pub variant: String,
    /// The number of the revision that assigned it.
    pub revision: i64,
    /// When.
    pub assigned_at: DateTime<Utc>,
}

/// A row of `novi_assignments`: the first variant of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssignmentRow {
    /// Rises with each row that is written.
    pub id: i64,
    /// The experiment.
    pub experiment: String,
    /// Whom the draw was for.
    pub unit: String,
    /// The variant.
    pub variant: String,
    /// The number of the revision that assigned it.
    pub revision: i64,
    /// When the unit was first exposed.
    pub assigned_at: Option<DateTime<Utc>>,
}

/// How many units of an experiment had a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VariantAssignments {
    /// The variant.
    pub variant: String,
    /// The number of units.
    pub units: i64,
    /// When the first of them was exposed.
    pub first: Option<DateTime<Utc>>,
    /// When the last of them was first exposed.
    pub last: Option<DateTime<Utc>>,
}

/// Whether a row is a mark: assignments of the experiment that is its unit were forgotten. Followers read the rows
/// of that experiment again.
#[cfg(feature = "sql")]
pub(crate) fn forgotten(row: &AssignmentRow) -> Option<&str> {
    row.experiment.is_empty().then_some(&row.unit)
}

/// Records assignments. Only the stores of novi implement it.
pub trait AssignmentStore: Sealed + Send + Sync {
    /// Adds assignments, all or none of them. A unit that has one already keeps it.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store) if the database fails or the user may not write, and
    /// [`Error::NotMigrated`](crate::error::Error::NotMigrated) if the table does not exist.
    fn record_assignments(&self, assignments: Vec<Assignment>) -> BoxFuture<'_, Result<()>>;

    /// The rows after an id, at most `limit`, in the order of their ids: those of some experiments, with marks of
    /// forgotten ones.
    ///
    /// # Errors
    /// As [`record_assignments`](Self::record_assignments).
    fn assignments_after<'a>(
        &'a self,
        experiments: &'a [String],
        after: i64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>>;

    /// The id after which at most `count` rows of some experiments follow: 0 if there are no more.
    ///
    /// # Errors
    /// As [`record_assignments`](Self::record_assignments).
    fn start_of_last<'a>(&'a self, experiments: &'a [String], count: u64) -> BoxFuture<'a, Result<i64>>;

    /// The assignments of an experiment, newest first, at most `limit`.
    ///
    /// # Errors
    /// As [`record_assignments`](Self::record_assignments).
    fn assignments<'a>(
        &'a self,
        experiment: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>>;

    /// How many units of an experiment had each variant, by variant.
    ///
    /// # Errors
    /// As [`record_assignments`](Self::record_assignments).
    fn assignment_counts<'a>(&'a self, experiment: &'a str)
    -> BoxFuture<'a, Result<Vec<VariantAssignments>>>;

    /// Deletes the assignment of a unit, or of all units of an experiment, and returns how many rows were deleted.
    ///
    /// # Errors
    /// As [`record_assignments`](Self::record_assignments).
    fn forget_assignments<'a>(
        &'a self,
        experiment: &'a str,
        unit: Option<&'a str>,
    ) -> BoxFuture<'a, Result<u64>>;
}

#[cfg(feature = "sql")]
impl Assignment {
    /// As databases take it: at most 255 characters, without the one that PostgreSQL does not have.
    fn normalized(mut self) -> Self {
        for text in [&mut self.experiment, &mut self.unit, &mut self.variant] {
            column_text(text);
        }
        self
    }
}

/// Makes a text that fits into a column of at most 255 characters, of any database.
#[cfg(feature = "sql")]
pub(crate) fn column_text(text: &mut String) {
    /// The length of the column on MySQL.
    const LONGEST: usize = 255;
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
    }
    // PostgreSQL has no such character.
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
}

/// The first assignment of each unit, sorted: all processes write rows in the same order, so that no two wait for
/// each other.
#[cfg(feature = "sql")]
pub(crate) fn firsts(assignments: Vec<Assignment>) -> Vec<Assignment> {
    let mut all: Vec<_> = assignments.into_iter().map(Assignment::normalized).collect();
    // Stable, so that the first of a unit stays the first.
    all.sort_by(|one, other| (&one.experiment, &one.unit).cmp(&(&other.experiment, &other.unit)));
    all.dedup_by(|next, kept| (&next.experiment, &next.unit) == (&kept.experiment, &kept.unit));
    all
}
