//! How up to date the rows of a process are.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{rows::Revision, runtime::exposures::ExposureCounts};

/// How up to date the rows of a process are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The revision that flags are evaluated at.
    pub revision: Revision,
    /// Where the rows come from.
    pub origin: Origin,
    /// How long ago the database last confirmed that revision; for rows from a file, how long ago the file
    /// was written. `None` for rows in memory, and while there are none.
    pub age: Option<Duration>,
    /// Why the database is unavailable, if it is.
    pub failure: Option<String>,
    /// How many refreshes have failed since the start.
    pub failures: u64,
    /// What is wrong with the tables of the database, such as missing triggers.
    pub schema_problems: Vec<String>,
    /// How many exposures were recorded.
    pub exposures: ExposureCounts,
}

/// Where the current rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The database.
    Database,
    /// The [snapshot file](crate::FlagsBuilder::snapshot_file): the database has not answered since the
    /// start.
    File,
    /// Memory.
    Memory,
    /// Nowhere: there are no rows until the database answers; see
    /// [`start_without_database`](crate::FlagsBuilder::start_without_database).
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

/// Whether the database answered the last request.
pub(crate) struct Connectivity(Mutex<State>);

struct State {
    origin: Origin,
    /// When the rows were last confirmed, by the monotonic clock, and their age at that time.
    confirmed: Option<(Instant, Duration)>,
    /// Why the last request failed, if it did.
    failure: Option<String>,
    failures: u64,
    schema_problems: Vec<String>,
}

impl Connectivity {
    /// The database has just returned its rows.
    pub(crate) fn from_database() -> Self {
        Self::new(Origin::Database, Some(Duration::ZERO), None)
    }

    /// The database is unavailable; the rows are those of a file that was written at this time.
    pub(crate) fn from_file(written_at: DateTime<Utc>, failure: String) -> Self {
        // The wall clock may have been set back since.
        let age = (Utc::now() - written_at).to_std().unwrap_or_default();
        Self::new(Origin::File, Some(age), Some(failure))
    }

    /// The database is unavailable, and there are no rows.
    pub(crate) fn without_rows(failure: String) -> Self {
        Self::new(Origin::Nowhere, None, Some(failure))
    }

    fn new(origin: Origin, age: Option<Duration>, failure: Option<String>) -> Self {
        let confirmed = age.map(|age| (Instant::now(), age));
        let failures = failure.is_some().into();
        Self(Mutex::new(State { origin, confirmed, failure, failures, schema_problems: Vec::new() }))
    }

    /// Whether the current rows were read from the database. Otherwise their revision says nothing about the
    /// database.
    pub(crate) fn has_rows_of_database(&self) -> bool {
        self.with(|state| state.origin == Origin::Database)
    }

    /// Records that the current rows are those of the database. Returns `true` if this ends an outage.
    pub(crate) fn confirm(&self) -> bool {
        self.with(|state| {
            state.origin = Origin::Database;
            state.confirmed = Some((Instant::now(), Duration::ZERO));
            state.failure.take().is_some()
        })
    }

    /// Records that the database is unavailable. Returns `true` if this begins an outage.
    pub(crate) fn fail(&self, why: String) -> bool {
        self.with(|state| {
            state.failures = state.failures.saturating_add(1);
            state.failure.replace(why).is_none()
        })
    }

    /// Records what is wrong with the tables. Returns `true` if that has changed.
    pub(crate) fn set_problems(&self, problems: &[String]) -> bool {
        self.with(|state| {
            let has_changed = state.schema_problems != problems;
            if has_changed {
                state.schema_problems = problems.to_vec();
            }
            has_changed
        })
    }

    pub(crate) fn status(&self, revision: Revision) -> Status {
        self.with(|state| {
            let age = state.confirmed.map(|(at, age)| age.saturating_add(at.elapsed()));
            let (failure, failures) = (state.failure.clone(), state.failures);
            let schema_problems = state.schema_problems.clone();
            let exposures = ExposureCounts::default();
            Status { revision, origin: state.origin, age, failure, failures, schema_problems, exposures }
        })
    }

    fn with<T>(&self, take: impl FnOnce(&mut State) -> T) -> T {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Status {
    /// The status of rows in memory.
    pub(crate) fn in_memory(revision: Revision) -> Self {
        Self {
            revision,
            origin: Origin::Memory,
            age: None,
            failure: None,
            failures: 0,
            schema_problems: Vec::new(),
            exposures: ExposureCounts::default(),
        }
    }
}
