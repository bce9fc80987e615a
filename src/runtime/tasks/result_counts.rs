//! The counters of a process, by flag and result.

use std::collections::HashMap;

use crate::snapshot::Snapshot;

/// How often each flag was evaluated to each of its results, by name.
pub(super) type Counts = HashMap<String, Vec<ResultCount>>;

/// How often a flag was evaluated to a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResultCount {
    pub(super) enabled: bool,
    pub(super) variant: Option<String>,
    pub(super) count: u64,
}

/// Takes a fraction of a second, so a batch is written or fails well within the time limit.
pub(super) const BATCH_SIZE: usize = 1000;

/// Notes the counts of flags as written.
pub(super) fn remember<'a>(flags: impl Iterator<Item = &'a str>, counted: &Counts, written: &mut Counts) {
    let counts = flags.filter_map(|flag| counted.get_key_value(flag));
    written.extend(counts.map(|(flag, counts)| (flag.clone(), counts.clone())));
}

/// Forgets the counts of flags that were deleted long ago.
pub(super) fn forget_deleted(counted: &Counts, written: &mut Counts) {
    written.retain(|flag, _| counted.contains_key(flag));
}

/// The counters of all flags.
pub(super) fn counts(snapshot: &Snapshot) -> Counts {
    let mut counts = Counts::new();
    // They are sorted, so that results that differ only in their reason follow each other.
    for answer in snapshot.evaluations(None) {
        let results = counts.entry(answer.flag).or_default();
        match results.last_mut() {
            Some(last) if last.enabled == answer.enabled && last.variant == answer.variant => {
                last.count = last.count.wrapping_add(answer.count);
            }
            _ => results.push(ResultCount {
                enabled: answer.enabled,
                variant: answer.variant,
                count: answer.count,
            }),
        }
    }
    counts
}
