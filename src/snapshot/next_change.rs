//! When decisions change because time passes.

use chrono::{DateTime, Utc};

#[cfg(feature = "testing")]
use crate::activation::Activation;
use crate::{
    error::{Error, Result},
    snapshot::{Logic, Snapshot},
};

impl Snapshot {
    /// Returns the next time after `after` at which the decision of a flag may change because time passes:
    /// the earliest of the times that its activations report, including nested activations and prerequisite
    /// flags. `None` if none of them reports a time.
    ///
    /// The decision need not change for every caller, or for any. Callers whose context has a
    /// `currentDateTime` are evaluated at that time instead of the clock's. Expressions (`novi.expression`)
    /// that use the time report none.
    ///
    /// ```
    /// use novi::{Flags, rows::{ActivationRow, FlagRow, LinkRow, Rows}};
    ///
    /// let flags = Flags::from_rows(Rows {
    ///     flags: vec![FlagRow::new(1, "Winter sale", true)],
    ///     activations: vec![ActivationRow::new(1, "December", "novi.date_time",
    ///         r#"{"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}"#)],
    ///     links: vec![LinkRow::new(1, 1)],
    ///     ..Rows::default()
    /// })?;
    /// let opens = flags.snapshot().next_change("Winter sale", "2026-11-20T09:30:00Z".parse()?)?;
    /// assert_eq!(opens, Some("2026-12-01T00:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if no flag has this name.
    pub fn next_change(&self, flag: &str, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let Some(index) = self.find_index(flag) else {
            return Err(Error::FlagNotFound { name: flag.to_owned(), similar: self.similar_flag(flag) });
        };
        Ok(self.next_change_of(index, after))
    }

    /// Returns the next time at which the decision of any flag may change because time passes; see
    /// [`next_change`](Self::next_change).
    #[must_use]
    pub fn next_change_of_all(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.indices().filter_map(|flag| self.next_change_of(flag, after)).min()
    }

    /// The compiled activations, for the contract of their types.
    #[cfg(feature = "testing")]
    pub(crate) fn activations(&self) -> impl Iterator<Item = &dyn Activation> {
        self.around.nodes.iter().map(|node| &*node.activation)
    }

    fn next_change_of(&self, flag: u32, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (home, flag) = self.locate(flag)?;
        match &flag.logic {
            Logic::Fixed(_) => None,
            // Ends there: a snapshot that serves as last known refers to no earlier one.
            Logic::LastKnown => {
                let (earlier, index) = flag.extras.as_ref()?.last_known.as_ref()?;
                earlier.next_change_of(*index, after)
            }
            Logic::Activations(_) => {
                let below = home.graph.reachable(home.links.slice(flag.linked));
                let node = |node: u32| home.around.nodes.get(node as usize);
                let changes = below.into_iter().filter_map(node);
                changes
                    .filter_map(|node| node.next_change(after))
                    // Third-party types may return any time.
                    .filter(|change| *change > after)
                    .min()
            }
        }
    }
}
