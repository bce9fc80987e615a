//! Settings of flags, and flags from rows in memory.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    activation::{
        MissingFlags, Remembered,
        registry::Registry,
        script_folder::{Folder, Types},
        unknown_fields::UnknownFields,
    },
    config::{self, Config},
    context::{Context, overrides::Overrides},
    error::Result,
    flags::Flags,
    rows::{Rows, metadata::ClientMetadata},
    runtime::core::Core,
    snapshot::{
        Settings,
        feature::{self, Manifest},
    },
    store::file::SnapshotFile,
};
#[cfg(feature = "sql")]
use crate::{flags::ensure::Declaration, runtime::startup::Startup};

/// Builds [`Flags`]: which activation types there are, and what lies below and above the rows.
#[derive(Clone, Debug)]
#[must_use]
pub struct FlagsBuilder {
    registry: Option<Registry>,
    folder: Option<Folder>,
    settings: Settings,
    #[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are not refreshed"))]
    pub(super) refresh: Duration,
    #[cfg(feature = "sql")]
    pub(super) startup: Startup,
    #[cfg(feature = "sql")]
    pub(super) declarations: Vec<Declaration>,
}

impl FlagsBuilder {
    /// The default of [`refresh`](Self::refresh).
    pub const REFRESH: Duration = config::REFRESH_INTERVAL;

    pub(super) fn new() -> Self {
        Self {
            registry: None,
            folder: None,
            settings: Settings { features: feature::manifest(), ..Settings::default() },
            refresh: Self::REFRESH,
            #[cfg(feature = "sql")]
            startup: Startup::default(),
            #[cfg(feature = "sql")]
            declarations: Vec::new(),
        }
    }

    /// Applies a configuration: the refresh interval, the identity, the static context, the metadata, the
    /// overrides, the folder of activation types, their unknown fields, the snapshot file, usage, and expired
    /// flags.
    pub fn config<S>(mut self, config: &Config<S>) -> Self {
        self.folder = Some(config.folder());
        #[cfg(feature = "sql")]
        {
            self.startup.file = config.snapshot_path();
            self.startup.file_interval = config.snapshot.interval.into();
            self.startup.usage_interval = config.usage.interval.into();
            self.startup.usage_retention = config.usage.retention.into();
            self.startup.max_units = config.experiments.max_units;
            self.startup.expired = config.flags.expired;
        }
        self.context(config.static_context())
            .identity(config.identity.aliases.clone())
            .metadata(config.metadata.clone())
            .overrides(config.overrides.clone())
            .unknown_fields(config.activations.unknown_fields)
            .missing_flags(config.activations.missing_flags)
            .refresh(config.refresh.interval.into())
    }

    /// The activation types that rows can name. Default: [`Registry::global`].
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// A folder whose files are activation types in addition to those of the [registry](Self::registry):
    /// `office_hours.cel` is the class `novi_activations.office_hours`. The folder must exist. It is read
    /// again whenever rows are, and with a database at each [refresh](Self::refresh).
    pub fn activations_folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(Folder { path: path.into(), required: true });
        self
    }

    /// The static context, for attributes that a caller's context does not have: environment, service, host.
    pub fn context(mut self, context: Context<'static>) -> Self {
        self.settings.context = context;
        self
    }

    /// What clients get with the decisions of all flags. A flag's own metadata take precedence.
    pub fn metadata(mut self, metadata: ClientMetadata) -> Self {
        self.settings.metadata = metadata;
        self
    }

    /// Decisions that take precedence over the rows.
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.settings.overrides = overrides;
        self
    }

    /// Aliases of the targeting key, such as `user_id`. The first one that a context has is used.
    pub fn identity(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.identity = names.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps the rows in memory, for [`Snapshot::rows`](crate::snapshot::Snapshot::rows).
    pub fn keep_rows(mut self) -> Self {
        self.settings.keep_rows = true;
        self
    }

    /// The features that rows are checked against. Default: those of this program; see
    /// [`Snapshot::issues`](crate::snapshot::Snapshot::issues).
    pub fn features(mut self, features: Manifest) -> Self {
        self.settings.features = features;
        self
    }

    /// What happens if a config has fields that its type does not have. Default: the row is invalid.
    pub fn unknown_fields(mut self, unknown_fields: UnknownFields) -> Self {
        self.settings.unknown_fields = unknown_fields;
        self
    }

    /// What happens if an activation refers to a flag that does not exist. Default: it counts as off.
    pub fn missing_flags(mut self, missing_flags: MissingFlags) -> Self {
        self.settings.missing_flags = missing_flags;
        self
    }

    /// How often the database is asked for its revision. Default: 200 ms.
    pub fn refresh(mut self, interval: Duration) -> Self {
        self.refresh = interval;
        self
    }

    /// Builds flags from rows in memory.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`](crate::Error::DuplicateClass) if two activation types have the same name,
    /// and [`Error::File`](crate::Error::File) if the [folder](Self::activations_folder) of types cannot be
    /// read.
    pub fn from_rows(self, rows: Rows) -> Result<Flags> {
        Ok(Flags::new(self.build(rows)?))
    }

    /// Builds flags from a [snapshot file](SnapshotFile), without a database.
    ///
    /// # Errors
    /// [`Error::Snapshot`](crate::Error::Snapshot) if the file is invalid,
    /// [`Error::Expired`](crate::Error::Expired) if flags have expired and the start is to be
    /// [refused](crate::rows::expired::ExpiryPolicy::Refuse) then, and those of
    /// [`from_rows`](Self::from_rows).
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Flags> {
        #[cfg(feature = "sql")]
        let startup = self.startup.clone();
        let flags = self.from_rows(SnapshotFile::read(path)?.rows)?;
        #[cfg(feature = "sql")]
        startup.check_expired(&flags.snapshot())?;
        Ok(flags)
    }

    pub(super) fn build(mut self, rows: Rows) -> Result<Arc<Core>> {
        // Of one database: builders may be cloned.
        self.settings.remembered = Remembered::default();
        let registry = self.registry.map_or_else(Registry::global, Ok)?;
        let types = Types::new(registry, self.folder)?;
        Ok(Arc::new(Core::new(rows, types, self.settings)))
    }
}
