//! When flags expire.

use chrono::{DateTime, Utc};

use crate::{
    rows::{FlagMetadata, expired::ExpiredFlag},
    snapshot::Snapshot,
};

/// When a flag expires, and its owner.
#[derive(Clone)]
pub(in crate::snapshot) struct Expiry {
    pub(in crate::snapshot) at: DateTime<Utc>,
    owner: Option<Box<str>>,
}

impl Expiry {
    /// `None` if the flag does not expire.
    pub(in crate::snapshot) fn from_metadata(metadata: &FlagMetadata) -> Option<Box<Self>> {
        let owner = metadata.owner.as_deref().filter(|owner| !owner.trim().is_empty());
        metadata.expires_at.map(|at| Box::new(Self { at, owner: owner.map(Into::into) }))
    }
}

impl Snapshot {
    /// The flags whose `flag_metadata.expires_at` is at or before `at`, in the order of their ids. Expiry
    /// does not change how they are evaluated.
    #[must_use]
    pub fn expired_flags(&self, at: DateTime<Utc>) -> Vec<ExpiredFlag> {
        let expired = |index: u32| {
            let (home, flag) = self.locate(index)?;
            let expiry = flag.extras.as_ref()?.expiry.as_ref().filter(|expiry| expiry.at <= at)?;
            let flag = home.name(flag).to_owned();
            let owner = expiry.owner.as_deref().map(str::to_owned);
            Some(ExpiredFlag { flag, owner, expires_at: expiry.at })
        };
        self.indices().filter_map(expired).collect()
    }
}
