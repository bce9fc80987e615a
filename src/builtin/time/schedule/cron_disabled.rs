//! Stands in for cron expressions if the crate feature `cron` is off.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::builtin::time::schedule::{cron_error::CronError, interval_cache::Interval};

/// Cannot be made without the feature.
pub(super) enum CronWindows {}

impl CronWindows {
    pub(super) fn new(_text: &str, _length: i64, _zone: Tz) -> Result<Self, CronError> {
        Err(CronError::Disabled)
    }

    pub(super) fn interval(&self, _now: DateTime<Utc>) -> Interval {
        match *self {}
    }
}
