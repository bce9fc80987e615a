//! The flags of a connection, which follow its rows.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, TryLockError},
};

use novi::{Flags, config::Config, rows::Revision, snapshot::SnapshotGuard, store::sqlite_rows::Tables};
use rusqlite::Connection;

use crate::{
    moment::Moment,
    problem::Problem,
    rows::{self, Read},
};

/// What the functions of one connection share.
#[derive(Default)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    tables: Tables,
    config: Option<Config>,
    loaded: Option<Loaded>,
}

struct Loaded {
    flags: Flags,
    revision: Revision,
    moment: Option<Moment>,
}

impl Shared {
    /// The flags as the running transaction sees them.
    pub(crate) fn snapshot(&self, connection: &Connection) -> Result<SnapshotGuard, Problem> {
        let mut state = self.lock()?;
        Ok(state.flags(connection)?.snapshot())
    }

    /// Sets what the names of the tables begin with.
    pub(crate) fn set_prefix(&self, prefix: &str) -> Result<(), Problem> {
        let tables = Tables::new(prefix).map_err(Problem::new)?;
        let mut state = self.lock()?;
        (state.tables, state.loaded) = (tables, None);
        Ok(())
    }

    /// Applies a `novi.toml`.
    pub(crate) fn configure(&self, path: &str) -> Result<(), Problem> {
        let config = Config::load(Some(Path::new(path)))?;
        let tables = Tables::new(&config.database.table_prefix).map_err(Problem::new)?;
        // Its folder of activation types is read now, so that an error is one of this call.
        config.registry()?;
        let mut state = self.lock()?;
        *state = State { tables, config: Some(config), loaded: None };
        Ok(())
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, Problem> {
        match self.0.try_lock() {
            Ok(state) => Ok(state),
            // Rows that were read before a panic are still those of their revision.
            Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
            // SQLite runs one statement of a connection at a time.
            Err(TryLockError::WouldBlock) => Err(Problem::new(
                "novi's tables are being read by this connection: they must not be views or virtual tables that call \
                 novi's functions",
            )),
        }
    }
}

impl State {
    fn flags(&mut self, connection: &Connection) -> Result<&Flags, Problem> {
        let loaded = match &mut self.loaded {
            Some(loaded) => {
                loaded.refresh(connection, &self.tables)?;
                loaded
            }
            empty => empty.insert(Loaded::load(connection, &self.tables, self.config.as_ref())?),
        };
        Ok(&loaded.flags)
    }
}

impl Loaded {
    fn load(connection: &Connection, tables: &Tables, config: Option<&Config>) -> Result<Self, Problem> {
        let Read { moment, rows } = rows::read(connection, tables, None)?;
        let rows = rows.unwrap_or_default();
        let revision = rows.revision;
        let builder = Flags::builder();
        let builder = if let Some(config) = config { builder.config(config) } else { builder };
        Ok(Self { flags: builder.from_rows(rows)?, revision, moment })
    }

    fn refresh(&mut self, connection: &Connection, tables: &Tables) -> Result<(), Problem> {
        if self.moment.is_some() && self.moment == Moment::of(connection) {
            return Ok(());
        }
        let Read { moment, rows } = rows::read(connection, tables, Some(self.revision))?;
        if let Some(rows) = rows {
            self.revision = rows.revision;
            self.flags.replace_rows(rows);
        }
        self.moment = moment;
        Ok(())
    }
}
