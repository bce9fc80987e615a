//! When flags should be gone.

use chrono::{DateTime, Utc};

use crate::{
    rows::{FlagMetadata, expired::ExpiredFlag},
    snapshot::Snapshot,
};

/// When a flag should be gone, and whom to ask.
#[derive(Clone)]
pub(in crate::snapshot) struct Expiry {
    at: DateTime<Utc>,
    owner: Option<Box<str>>,
}

impl Expiry {
    /// Nothing for a flag that may stay.
    pub(in crate::snapshot) fn of(metadata: &FlagMetadata) -> Option<Box<Self>> {
        let owner = metadata.owner.as_deref().filter(|owner| !owner.trim().is_empty());
        metadata.expires_at.map(|at| Box::new(Self { at, owner: owner.map(Into::into) }))
    }
}

impl Snapshot {
    /// The flags that are past their `flag_metadata.expires_at` at this time, in the order of their ids. They answer as ever.
    #[must_use]
    pub fn expired_flags(&self, at: DateTime<Utc>) -> Vec<ExpiredFlag> {
        let expired = |index: u32| {
            let (home, flag) = self.locate(index)?;
            let expiry = flag.more.as_ref()?.expiry.as_ref().filter(|expiry| expiry.at <= at)?;
            let flag = home.name(flag).to_owned();
            let owner = expiry.owner.as_deref().map(str::to_owned);
            Some(ExpiredFlag { flag, owner, expires_at: expiry.at })
        };
        self.indices().filter_map(expired).collect()
    }
}
