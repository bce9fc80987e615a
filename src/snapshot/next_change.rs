//! When answers change by themselves.

use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Result},
    snapshot::{Answer, Snapshot},
};

impl Snapshot {
    /// When a flag's answer may next be another one by the clock alone, after this time: the earliest of what all activations say
    /// that it asks, also through other activations and flags. Nothing where no time is known.
    ///
    /// At that time the answer need not change for every caller, or for any. The clock is meant: callers whose context has a
    /// `currentDateTime` go by that, and know by themselves when it changes. What an expression makes of the time
    /// (`novi.expression`) is not known.
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
    /// [`Error::FlagNotFound`] for a name that no flag has (R5).
    pub fn next_change(&self, flag: &str, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let Some(index) = self.find_index(flag) else {
            return Err(Error::FlagNotFound { name: flag.to_owned(), similar: self.similar_flag(flag) });
        };
        Ok(self.next_change_of(index, after))
    }

    /// When any flag's answer may next be another one by the clock alone; see [`next_change`](Self::next_change).
    #[must_use]
    pub fn next_change_of_all(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.indices().filter_map(|flag| self.next_change_of(flag, after)).min()
    }

    fn next_change_of(&self, flag: u32, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (home, flag) = self.locate(flag)?;
        match &flag.answer {
            Answer::Fixed(_) => None,
            // An earlier snapshot that answers for a later one has no such answers itself.
            Answer::LastKnown => {
                let (earlier, index) = flag.more.as_ref()?.last_known.as_ref()?;
                earlier.next_change_of(*index, after)
            }
            Answer::Ask(_) => {
                let below = home.graph.below(home.links.at(flag.linked));
                let node = |node: u32| home.around.nodes.get(node as usize);
                let changes = below.into_iter().filter_map(node);
                changes
                    .filter_map(|node| node.next_change(after))
                    // A type of somebody else's may say anything.
                    .filter(|change| *change > after)
                    .min()
            }
        }
    }
}
