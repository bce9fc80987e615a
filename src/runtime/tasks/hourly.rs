//! Evaluations by hour and result, added up in the database by all processes, and deleted when they are old.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::Result,
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        tasks::result_counts::{BATCH_SIZE, Counts, ResultCount, forget_deleted, remember},
    },
    store::{HourlyEvaluations, MOST_VARIANTS, OTHER_VARIANTS, ReadStore, UsageStore},
};

/// What this process has recorded.
pub(super) struct Hourly {
    /// How long hours are kept; zero records none.
    retention: Duration,
    written: Counts,
    /// The hour in which old hours were last deleted.
    pruned: Option<DateTime<Utc>>,
    fails: bool,
    /// Whether old hours could not be deleted.
    keeps_old: bool,
}

impl Hourly {
    pub(super) fn new(retention: Duration) -> Self {
        Self { retention, written: Counts::new(), pruned: None, fails: false, keeps_old: false }
    }

    /// Records the evaluations since the last call, as those of the current hour.
    pub(super) async fn record(&mut self, store: &dyn ReadStore, counted: &Counts) {
        let Some(usage_store) = store.usage_store().filter(|_| !self.retention.is_zero()) else { return };
        let now = Utc::now();
        let counts = since(&self.written, counted, HourlyEvaluations::hour_of(now));
        if counts.is_empty() {
            return;
        }
        match self.write(store, usage_store, counts, counted).await {
            Ok(()) => {
                self.fails = false;
                self.prune(store, usage_store, now).await;
            }
            Err(error) if self.fails => tracing::debug!("{error}"),
            Err(error) => {
                self.fails = true;
                tracing::warn!("{error}; charts will not include these evaluations");
            }
        }
    }

    async fn write(
        &mut self,
        store: &dyn ReadStore,
        usage_store: &dyn UsageStore,
        counts: Vec<HourlyEvaluations>,
        counted: &Counts,
    ) -> Result<()> {
        // All results of a flag are in one batch: they are remembered together.
        for some in batches(&counts) {
            answer_within(DATABASE_TIMEOUT, store, usage_store.record_evaluations(some.to_vec())).await?;
            remember(some.iter().map(|count| count.flag.as_str()), counted, &mut self.written);
        }
        forget_deleted(counted, &mut self.written);
        Ok(())
    }

    /// Deletes old hours, once in each hour.
    async fn prune(&mut self, store: &dyn ReadStore, usage_store: &dyn UsageStore, now: DateTime<Utc>) {
        let hour = HourlyEvaluations::hour_of(now);
        let kept = TimeDelta::from_std(self.retention).ok();
        let Some(before) = kept.and_then(|kept| now.checked_sub_signed(kept)) else { return };
        if self.pruned == Some(hour) {
            return;
        }
        // What was deleted by then stays deleted, and the next interval goes on.
        match answer_within(DATABASE_TIMEOUT, store, usage_store.prune_evaluations(before)).await {
            Ok(_) => {
                self.pruned = Some(hour);
                self.keeps_old = false;
            }
            Err(error) if self.keeps_old => tracing::debug!("{error}"),
            Err(error) => {
                self.keeps_old = true;
                tracing::warn!("{error}; hours older than [usage] retention stay until they can be deleted");
            }
        }
    }
}

/// Parts of about a thousand counts, each with all counts of its flags, which follow each other.
fn batches(counts: &[HourlyEvaluations]) -> impl Iterator<Item = &[HourlyEvaluations]> {
    let mut rest = counts;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = BATCH_SIZE.min(rest.len());
        while let (Some(last), Some(next)) =
            (end.checked_sub(1).and_then(|last| rest.get(last)), rest.get(end))
            && last.flag == next.flag
        {
            end += 1;
        }
        let (batch, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(batch)
    })
}

/// The evaluations between two states of the counters, of at most [`MOST_VARIANTS`] variants of each flag.
fn since(before: &Counts, counted: &Counts, hour: DateTime<Utc>) -> Vec<HourlyEvaluations> {
    let mut all = Vec::new();
    for (flag, results) in counted {
        let known = before.get(flag).map_or(&[][..], Vec::as_slice);
        let (mut variants, mut others) = (0, 0_u64);
        let mut add = |enabled, variant, count: u64| {
            let evaluations = i64::try_from(count).unwrap_or(i64::MAX);
            all.push(HourlyEvaluations { flag: flag.clone(), hour, enabled, variant, evaluations });
        };
        // Both are sorted by result.
        let mut known = known.iter().peekable();
        for result in results {
            let key = |result: &ResultCount| (result.enabled, result.variant.clone());
            while known.next_if(|known| key(known) < key(result)).is_some() {}
            let earlier = known.next_if(|known| key(known) == key(result)).map_or(0, |known| known.count);
            let count = result.count.saturating_sub(earlier);
            variants += usize::from(count > 0 && result.variant.is_some());
            match count {
                0 => (),
                count if result.variant.is_some() && variants > MOST_VARIANTS => {
                    others = others.saturating_add(count);
                }
                count => add(result.enabled, result.variant.clone(), count),
            }
        }
        if others > 0 {
            add(true, Some(OTHER_VARIANTS.to_owned()), others);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(results: impl IntoIterator<Item = (bool, Option<String>, u64)>) -> Counts {
        let result = |(enabled, variant, count)| ResultCount { enabled, variant, count };
        Counts::from([("f".to_owned(), results.into_iter().map(result).collect())])
    }

    fn differences(before: &Counts, counted: &Counts) -> Vec<(bool, Option<String>, i64)> {
        let hour = DateTime::UNIX_EPOCH;
        since(before, counted, hour)
            .into_iter()
            .map(|count| (count.enabled, count.variant, count.evaluations))
            .collect()
    }

    #[test]
    fn differences_are_by_result() {
        let variant = |name: &str| Some(name.to_owned());
        let before = counts([(false, None, 2), (true, variant("a"), 5)]);
        let now =
            counts([(false, None, 2), (true, None, 1), (true, variant("a"), 8), (true, variant("b"), 4)]);
        let expected = [(true, None, 1), (true, variant("a"), 3), (true, variant("b"), 4)];
        assert_eq!(differences(&before, &now), expected);
        assert_eq!(differences(&now, &now), []);
    }

    #[test]
    fn variants_above_the_limit_are_added_up() {
        let many = (0..60).map(|number| (true, Some(format!("v{number:02}")), 2));
        let found = differences(&Counts::new(), &counts(many));
        assert_eq!(found.len(), MOST_VARIANTS + 1);
        assert_eq!(found.last(), Some(&(true, Some(OTHER_VARIANTS.to_owned()), 20)));
    }

    #[test]
    fn batches_keep_flags_together() {
        let count = |number: usize| HourlyEvaluations {
            flag: (number / 3).to_string(),
            hour: DateTime::UNIX_EPOCH,
            enabled: true,
            variant: Some(number.to_string()),
            evaluations: 1,
        };
        let all: Vec<_> = (0..2500).map(count).collect();
        let lengths: Vec<_> = batches(&all).map(<[_]>::len).collect();
        assert_eq!(lengths, [1002, 1002, 496]);
    }
}
