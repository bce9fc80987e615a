//! Whether a process sees the present rows.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::rows::Revision;

/// Whether a process sees the present rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The revision that answers are made from.
    pub revision: Revision,
    /// Where its rows come from.
    pub origin: Origin,
    /// How long ago the database last confirmed that revision; of rows of a file, how long ago the file was written. Nothing
    /// for rows in memory, and where there are none yet.
    pub age: Option<Duration>,
    /// Why the database does not answer, if it does not.
    pub failure: Option<String>,
    /// How often the database failed when it was asked for changes, since the start.
    pub failures: u64,
}

/// Where the rows come from that answers are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The database.
    Database,
    /// The [snapshot file](crate::flags::FlagsBuilder::snapshot_file): the database has not answered since the start.
    File,
    /// Memory; nobody else changes them.
    Memory,
    /// Nowhere: there are no rows yet, since the database has not answered since the
    /// [start](crate::flags::FlagsBuilder::start_without_database).
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::File => "the snapshot file",
            Self::Memory => "memory",
            Self::Nowhere => "nowhere",
        })
    }
}

/// What was last heard of the database.
pub(crate) struct Heard(Mutex<Inner>);

struct Inner {
    origin: Origin,
    /// When the rows were last confirmed, by a clock that nobody sets; and how old they were then.
    confirmed: Option<(Instant, Duration)>,
    /// Why the database has not answered since then, if it was asked.
    failure: Option<String>,
    failures: u64,
}

impl Heard {
    /// The database has just given its rows.
    pub(crate) fn from_database() -> Self {
        Self::new(Origin::Database, Some(Duration::ZERO), None)
    }

    /// It did not answer, but a file did that was written then.
    pub(crate) fn from_file(written_at: DateTime<Utc>, failure: String) -> Self {
        // By a clock that somebody has set the file may be of the future.
        let age = (Utc::now() - written_at).to_std().unwrap_or_default();
        Self::new(Origin::File, Some(age), Some(failure))
    }

    /// It did not answer, and nothing else did.
    pub(crate) fn nothing(failure: String) -> Self {
        Self::new(Origin::Nowhere, None, Some(failure))
    }

    fn new(origin: Origin, age: Option<Duration>, failure: Option<String>) -> Self {
        let confirmed = age.map(|age| (Instant::now(), age));
        let failures = failure.is_some().into();
        Self(Mutex::new(Inner { origin, confirmed, failure, failures }))
    }

    /// Whether the database itself gave the rows that answer now. Until then a revision that is the same tells nothing.
    pub(crate) fn has_rows_of_database(&self) -> bool {
        self.with(|inner| inner.origin == Origin::Database)
    }

    /// Notes that the rows that answer now are the database's. Gives whether an outage ends with it.
    pub(crate) fn confirm(&self) -> bool {
        self.with(|inner| {
            inner.origin = Origin::Database;
            inner.confirmed = Some((Instant::now(), Duration::ZERO));
            inner.failure.take().is_some()
        })
    }

    /// Notes that the database does not answer. Gives whether an outage begins with it.
    pub(crate) fn fail(&self, why: String) -> bool {
        self.with(|inner| {
            inner.failures = inner.failures.saturating_add(1);
            inner.failure.replace(why).is_none()
        })
    }

    pub(crate) fn status(&self, revision: Revision) -> Status {
        self.with(|inner| {
            let age = inner.confirmed.map(|(at, age)| age.saturating_add(at.elapsed()));
            let (failure, failures) = (inner.failure.clone(), inner.failures);
            Status { revision, origin: inner.origin, age, failure, failures }
        })
    }

    fn with<T>(&self, take: impl FnOnce(&mut Inner) -> T) -> T {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Status {
    /// The status of rows in memory.
    pub(crate) fn of_memory(revision: Revision) -> Self {
        Self { revision, origin: Origin::Memory, age: None, failure: None, failures: 0 }
    }
}
