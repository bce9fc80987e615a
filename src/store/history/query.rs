//! Queries of the history.

use crate::rows::Revision;

/// Which records are asked for; all of them by default, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// Those of the flag with this name: of its row, its metadata and its links, and of the activations, with their members,
    /// that it is linked to or was. A flag that is gone, or has another name now, is found by the name that it had.
    pub flag: Option<String>,
    /// Those with a revision above this one.
    pub after: Option<Revision>,
    /// Those with this revision or a lower one.
    pub until: Option<Revision>,
    /// As many at most.
    pub limit: Option<u32>,
    /// Whether the oldest come first.
    pub oldest_first: bool,
}

impl HistoryQuery {
    /// All records, the oldest first.
    #[must_use]
    pub fn oldest_first() -> Self {
        Self { oldest_first: true, ..Self::default() }
    }

    /// Those of one flag.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.flag = Some(name.into());
        self
    }

    /// Those with a revision above `after` up to `until`.
    #[must_use]
    pub fn between(mut self, after: Revision, until: Revision) -> Self {
        (self.after, self.until) = (Some(after), Some(until));
        self
    }

    /// As many at most.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}
