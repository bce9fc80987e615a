//! Sections for background tasks, and their defaults.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

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

/// How long a query of `[audience]` may take: a million users take a few seconds.
const AUDIENCE_TIMEOUT: Duration = Duration::from_mins(1);

/// Section `[audience]`: who has a flag, among the users of a database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Audience {
    /// The database with the users, as `[database] url`; empty is the database of the flags. A database user who may
    /// only read the tables of the queries is enough.
    pub database: String,
    /// How long a query may take.
    pub timeout: Interval,
    /// Queries by name, each of which selects callers: `users = "select id as \"targetingKey\", country from users"`.
    pub queries: BTreeMap<String, String>,
}

impl Default for Audience {
    fn default() -> Self {
        Self { database: String::new(), timeout: AUDIENCE_TIMEOUT.into(), queries: BTreeMap::new() }
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
    /// The folder of metrics, relative to the configuration file.
    pub metrics: PathBuf,
    /// How often a server compares the guardrails of ramps; zero never does.
    pub guard_every: Interval,
    /// What happens to a ramp whose guardrails show harm.
    pub on_harm: OnHarm,
    /// How often a server changes the weights of the flags in `reweigh`; zero never does.
    pub reweigh_every: Interval,
    /// The least weight of a variant of these flags, in percent.
    pub reweigh_floor: u8,
    /// Flags whose variants get weights by how good they are, with their metric.
    pub reweigh: BTreeMap<String, String>,
}

/// What happens to a ramp whose guardrails show harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum OnHarm {
    /// It stays at its share.
    #[default]
    #[serde(rename = "hold")]
    Hold,
    /// Nobody is in.
    #[serde(rename = "roll back")]
    RollBack,
}

impl Default for Experiments {
    fn default() -> Self {
        let never = Interval::from_secs(0);
        Self {
            max_units: MAX_UNITS,
            metrics: "novi_metrics".into(),
            guard_every: never,
            on_harm: OnHarm::Hold,
            reweigh_every: never,
            reweigh_floor: 5,
            reweigh: BTreeMap::new(),
        }
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
    /// The address of the database with the users.
    #[must_use]
    pub fn audience_url(&self) -> &str {
        match self.audience.database.as_str() {
            "" => &self.database.url,
            url => url,
        }
    }

    /// The path of the snapshot file; `None` if it is disabled.
    #[must_use]
    pub fn snapshot_path(&self) -> Option<PathBuf> {
        let path = &self.snapshot.path;
        (!path.as_os_str().is_empty()).then(|| self.directory.join(path))
    }
}
