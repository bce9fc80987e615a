//! What every command receives: the configuration, and access to the database and its flags.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{TimeDelta, Utc};
use novi::{
    Flags, FlagsBuilder,
    rows::Rows,
    store::{SchemaStore, SnapshotFile, history::AsOf},
};
use novi_server::ServerSection;

use crate::output::Failure;

/// How far the clock of the database may be ahead of this one.
const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(1);

/// The configuration, with the section `[server]`.
pub(crate) type Config = novi::config::Config<ServerSection>;

/// The configuration of one run.
pub(crate) struct Session {
    pub(crate) config: Config,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Whether the command line names the database.
    pub(crate) database_given: bool,
}

impl Session {
    /// Loads the configuration. The command line takes precedence over the environment, and that over the
    /// file.
    pub(crate) fn load(
        config: Option<PathBuf>,
        database: Option<String>,
        set: &[String],
        json: bool,
    ) -> Result<Self, Failure> {
        // Not read by clap, which rejects a variable that is set to the empty string.
        let from_env = || std::env::var_os("NOVI_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from);
        let database_given = database.is_some();
        // As a setting, since other settings of the section are checked together with the URL.
        let url = database.map(|url| format!("database.url={url}"));
        let settings: Vec<String> = set.iter().cloned().chain(url).collect();
        let config = Config::load_as(config.or_else(from_env).as_deref(), &settings)?;
        Ok(Self { config, json, database_given })
    }

    /// Connects to the database, which must exist.
    pub(crate) async fn store(&self) -> Result<Arc<dyn SchemaStore>, Failure> {
        if let Some(file) = self.snapshot_file() {
            return Err(Failure::usage(format!(
                "{} is a snapshot file, which is read-only; name a database with --database",
                file.display()
            )));
        }
        Ok(novi::store::connect(&self.config.database.url).await?)
    }

    /// The snapshot file that replaces the database, as in `file:flags.novi`.
    pub(crate) fn snapshot_file(&self) -> Option<&Path> {
        self.config.database.url.strip_prefix("file:").map(Path::new)
    }

    /// The flags at this moment; later changes are not followed.
    pub(crate) async fn flags(&self) -> Result<Flags, Failure> {
        self.flags_with(Flags::builder()).await
    }

    pub(crate) async fn flags_with(&self, builder: FlagsBuilder) -> Result<Flags, Failure> {
        let builder = builder.config(&self.config).keep_rows();
        if let Some(file) = self.snapshot_file() {
            return Ok(builder.from_rows(SnapshotFile::read(file)?.rows)?);
        }
        let store = self.store().await?;
        let flags = builder.from_rows(store.load().await?)?;
        read_assignments(&flags, store).await;
        Ok(flags)
    }

    /// The flags as they were at an earlier moment, with the variants that are remembered now.
    pub(crate) async fn flags_at(&self, moment: AsOf) -> Result<Flags, Failure> {
        if matches!(moment, AsOf::Time(time) if time > Utc::now() + CLOCK_DIFFERENCE) {
            return Err(Failure::usage("--at: expected a moment in the past"));
        }
        let store = self.store().await?;
        let flags = self.flags_from(store.rows_at(moment).await?)?;
        read_assignments(&flags, store).await;
        Ok(flags)
    }

    /// The flags of these rows.
    pub(crate) fn flags_from(&self, rows: Rows) -> Result<Flags, Failure> {
        Ok(Flags::builder().config(&self.config).keep_rows().from_rows(rows)?)
    }
}

/// Reads which variants units keep.
pub(crate) async fn read_assignments(flags: &Flags, store: Arc<dyn SchemaStore>) {
    // Those who may not read the assignments, or have not migrated yet, see what is drawn.
    if let Err(error) = flags.read_assignments(store).await {
        tracing::warn!("{error}; units that are remembered are drawn");
    }
}

/// Reads a file, or standard input if it is `-`.
pub(crate) fn read_input(file: &Path) -> io::Result<String> {
    if file.as_os_str() == "-" {
        return io::read_to_string(io::stdin().lock());
    }
    std::fs::read_to_string(file)
}
