//! Names that were evaluated although no flag has them.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{error::Error, snapshot::Snapshot};

/// Counts evaluations of unknown flags by name, and logs each name once.
#[derive(Default)]
pub(crate) struct UnknownFlags {
    counts: Mutex<HashMap<String, u64>>,
    /// Evaluations of names that are not counted separately.
    others: AtomicU64,
}

impl UnknownFlags {
    /// Programs may compose names at run time; without a limit the names could fill the memory.
    const MAX_NAMES: usize = 1000;
    const MAX_NAME_LENGTH: usize = 1000;

    #[cold]
    pub(crate) fn count(&self, name: &str, snapshot: &Snapshot) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(name) {
            *count += 1;
        } else if counts.len() < Self::MAX_NAMES && name.len() <= Self::MAX_NAME_LENGTH {
            counts.insert(name.to_owned(), 1);
            drop(counts);
            let error = Error::FlagNotFound { name: name.to_owned(), similar: snapshot.similar_flag(name) };
            tracing::warn!(flag = name, "{error}; it is off");
        } else {
            self.others.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts by name; all names that are not counted separately share the empty name.
    pub(crate) fn counts(&self) -> HashMap<String, u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let others = self.others.load(Ordering::Relaxed);
        if others > 0 {
            *counts.entry(String::new()).or_default() += others;
        }
        counts
    }
}
