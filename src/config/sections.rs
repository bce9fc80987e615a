//! Sections of what is done beside following the rows.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, Interval},
    rows::expired::Expired,
};

/// Section `[snapshot]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Snapshot {
    /// The file that rows are kept in for a start without the database, relative to the configuration file; none if empty.
    pub path: PathBuf,
    /// The shortest time between two writings.
    pub interval: Interval,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { path: PathBuf::new(), interval: Interval::from_secs(10) }
    }
}

/// Section `[usage]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// How often it is written down which flags were evaluated; never if `0s`.
    pub interval: Interval,
}

impl Default for Usage {
    fn default() -> Self {
        Self { interval: Interval::from(Duration::from_mins(1)) }
    }
}

/// Section `[flags]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Flags {
    /// What happens on account of flags that are past their `expires_at`.
    pub expired: Expired,
}

impl Config {
    /// Where the snapshot file is; nothing if there is to be none.
    #[must_use]
    pub fn snapshot_path(&self) -> Option<PathBuf> {
        let path = &self.snapshot.path;
        (!path.as_os_str().is_empty()).then(|| self.place.join(path))
    }
}

#[cfg(feature = "sql")]
impl crate::flags::FlagsBuilder {
    /// What these sections say.
    pub(super) fn upkeep_of(self, config: &Config) -> Self {
        let builder = self
            .snapshot_interval(config.snapshot.interval.into())
            .usage_interval(config.usage.interval.into())
            .expired(config.flags.expired);
        match config.snapshot_path() {
            Some(path) => builder.snapshot_file(path),
            None => builder,
        }
    }
}
