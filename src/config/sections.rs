//! Sections for background tasks, and their defaults.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, Interval},
    rows::expired::ExpiryPolicy,
};

/// How often the database is asked for its revision.
pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_millis(200);

/// The shortest time between two writes of the snapshot file, so that a burst of changes is written once.
pub(crate) const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(10);

/// How often evaluations are recorded: flags become stale by days, and a thousand processes write about 17
/// times a second then.
pub(crate) const USAGE_INTERVAL: Duration = Duration::from_mins(1);

/// How long evaluations by hour are kept: two weeks show how a week differs from the one before. At most 336 rows a
/// flag and result.
pub(crate) const USAGE_RETENTION: Duration = Duration::from_hours(14 * 24);

/// Section `[snapshot]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Snapshot {
    /// The file for starts without the database, relative to the configuration file; empty disables it.
    pub path: PathBuf,
    /// The shortest time between two writes.
    pub interval: Interval,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { path: PathBuf::new(), interval: SNAPSHOT_INTERVAL.into() }
    }
}

/// Section `[usage]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// How often evaluations are recorded in the database; `0s` disables it.
    pub interval: Interval,
    /// How long evaluations by hour are kept; `0s` records none.
    pub retention: Interval,
}

impl Default for Usage {
    fn default() -> Self {
        Self { interval: USAGE_INTERVAL.into(), retention: USAGE_RETENTION.into() }
    }
}

/// How many units experiments keep: 64 MB at most.
pub(crate) const MAX_UNITS: usize = 1_000_000;

/// Section `[experiments]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Experiments {
    /// The most units that experiments with `remember` keep in memory.
    pub max_units: usize,
}

impl Default for Experiments {
    fn default() -> Self {
        Self { max_units: MAX_UNITS }
    }
}

/// Section `[flags]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Flags {
    /// What happens if flags are past their `expires_at`.
    pub expired: ExpiryPolicy,
}

impl<S> Config<S> {
    /// The path of the snapshot file; `None` if it is disabled.
    #[must_use]
    pub fn snapshot_path(&self) -> Option<PathBuf> {
        let path = &self.snapshot.path;
        (!path.as_os_str().is_empty()).then(|| self.directory.join(path))
    }
}
