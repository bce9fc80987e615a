//! Queries of the history.

use chrono::{DateTime, Utc};

use crate::{
    rows::Revision,
    store::history::{moment::AsOf, record::Entity},
};

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
    /// Records of rows of this table.
    pub entity: Option<Entity>,
    /// Records of changes by this actor. Some databases ignore case.
    pub actor: Option<String>,
    /// Records of changes at this time or later.
    pub changed_since: Option<DateTime<Utc>>,
    /// Records of changes at this time or earlier.
    pub changed_until: Option<DateTime<Utc>>,
    /// Records with this text in their actor, their reason, or the row as JSON, before or after the change. Case does
    /// not matter; on SQLite, that of ASCII letters.
    pub text: Option<String>,
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

    /// Records of this moment and later ones.
    #[must_use]
    pub fn since(mut self, moment: AsOf) -> Self {
        match moment {
            AsOf::Revision(revision) => {
                let before = revision.number().saturating_sub(1);
                let after = self.after.map_or(before, |after| after.number().max(before));
                self.after = Some(Revision::new(after));
            }
            AsOf::Time(time) => self.changed_since = Some(time),
        }
        self
    }

    /// Records of this moment and earlier ones.
    #[must_use]
    pub fn until(mut self, moment: AsOf) -> Self {
        match moment {
            AsOf::Revision(revision) => self.until = Some(revision),
            AsOf::Time(time) => self.changed_until = Some(time),
        }
        self
    }

    /// Records of rows of this table.
    #[must_use]
    pub fn entity(mut self, entity: Entity) -> Self {
        self.entity = Some(entity);
        self
    }

    /// Records of changes by this actor. Some databases ignore case.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Records that contain this text: see [`text`](Self#structfield.text).
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Records whose reason ends with this text. Some databases ignore case.
    #[must_use]
    pub fn reason_ending(mut self, text: impl Into<String>) -> Self {
        self.reason_ending = Some(text.into());
        self
    }

    /// Whether records of the same revisions may differ in whether they fit, other than by their flag.
    #[cfg(feature = "sql")]
    pub(in crate::store) fn is_filtered(&self) -> bool {
        let texts = [&self.actor, &self.text, &self.reason_ending];
        let times = [self.changed_since, self.changed_until];
        self.entity.is_some()
            || texts.into_iter().any(Option::is_some)
            || times.into_iter().any(|time| time.is_some())
    }

    /// The maximum number of records.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}
