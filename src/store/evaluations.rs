//! How often flags were evaluated, by hour and result: the table `novi_evaluations`.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde::Serialize;

#[cfg(feature = "sql")]
use crate::store::assignments::column_text;

/// The most variants of a flag that a process records at a time. The evaluations of all others are added up, as
/// [`OTHER_VARIANTS`].
pub const MOST_VARIANTS: usize = 50;

/// Stands for the variants after the first [`MOST_VARIANTS`], by name.
pub const OTHER_VARIANTS: &str = "(other variants)";

/// How often a flag was evaluated to a result within an hour, by all processes that record evaluations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HourlyEvaluations {
    /// The flag's name.
    pub flag: String,
    /// The start of the hour.
    pub hour: DateTime<Utc>,
    /// Whether the flag was on.
    pub enabled: bool,
    /// The assigned variant; `None` without one, and for a flag that was off.
    pub variant: Option<String>,
    /// The number of evaluations.
    pub evaluations: i64,
}

impl HourlyEvaluations {
    /// The start of the hour of a time.
    #[must_use]
    pub fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
        time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
    }

    /// As databases take it: the start of an hour, and a variant of at most 255 characters.
    #[cfg(feature = "sql")]
    fn normalized(mut self) -> Self {
        self.hour = Self::hour_of(self.hour);
        self.variant = self.variant.filter(|variant| !variant.is_empty());
        if let Some(variant) = &mut self.variant {
            column_text(variant);
        }
        self
    }
}

/// Sorts counts, and adds up those of the same result.
#[cfg(feature = "sql")]
pub(crate) fn combined(counts: Vec<HourlyEvaluations>) -> Vec<HourlyEvaluations> {
    let mut counts: Vec<_> = counts.into_iter().map(HourlyEvaluations::normalized).collect();
    counts.sort_unstable();
    counts.dedup_by(|next, kept| {
        let same = (&next.flag, next.hour, next.enabled, &next.variant)
            == (&kept.flag, kept.hour, kept.enabled, &kept.variant);
        if same {
            kept.evaluations = kept.evaluations.saturating_add(next.evaluations);
        }
        same
    });
    counts
}
