//! Queries of the history.

use crate::rows::Revision;

/// Which records to read; all of them by default, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// Records of the flag with this name: of its row, metadata and links, and of the activations, with their
    /// members, that it is or was linked to. A deleted or renamed flag is found by the name that it had.
    pub flag: Option<String>,
    /// Records with a higher revision.
    pub after: Option<Revision>,
    /// Records with this revision or a lower one.
    pub until: Option<Revision>,
    /// Records whose reason ends with this text. Some databases ignore case.
    pub reason_ending: Option<String>,
    /// The maximum number of records.
    pub limit: Option<u32>,
    /// Whether the order is oldest first.
    pub oldest_first: bool,
}

impl HistoryQuery {
    /// All records, oldest first.
    #[must_use]
    pub fn oldest_first() -> Self {
        Self { oldest_first: true, ..Self::default() }
    }

    /// Records of one flag.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.flag = Some(name.into());
        self
    }

    /// Records with a revision above `after`, up to `until`.
    #[must_use]
    pub fn between(mut self, after: Revision, until: Revision) -> Self {
        (self.after, self.until) = (Some(after), Some(until));
        self
    }

    /// Records whose reason ends with this text. Some databases ignore case.
    #[must_use]
    pub fn reason_ending(mut self, text: impl Into<String>) -> Self {
        self.reason_ending = Some(text.into());
        self
    }

    /// The maximum number of records.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}
