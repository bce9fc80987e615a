//! The systems, and how the source of each is read.

use std::path::Path;

use clap::ValueEnum;
use novi_import::{
    ImportError, Imported, Options, TableSpec, Tables, django_flags, django_waffle, flagd, flipper,
    growthbook, launchdarkly, optimizely, pennant, posthog, split, sql, togglz, unleash,
};

use crate::{
    output::Failure,
    session::{Session, read_input},
};

/// A system that flags can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// A flag definition of flagd, in JSON
    Flagd,
    /// What Unleash's clients fetch from /api/client/features, or an export of its admin interface
    Unleash,
    /// An export of Flipper in JSON, or its tables (ActiveRecord, Sequel)
    Flipper,
    /// The tables of django-waffle
    DjangoWaffle,
    /// The table of Togglz' JDBC repository
    Togglz,
    /// The table of django-flags
    DjangoFlags,
    /// The table of Laravel Pennant
    Pennant,
    /// What LaunchDarkly's server SDKs read, or flags of its REST API, in JSON
    Launchdarkly,
    /// The features that GrowthBook's SDKs fetch, in JSON
    Growthbook,
    /// The flag definitions that PostHog's server SDKs fetch, in JSON
    Posthog,
    /// The definitions that Split's SDKs fetch, in JSON
    Split,
    /// A datafile of Optimizely, version 4
    Optimizely,
}

/// A function that reads the text of a file.
type FileReader = fn(&str, &Options) -> Result<Imported, ImportError>;

/// A function that reads the rows of tables.
type TableReader = fn(&Tables, &Options) -> Imported;

/// Where the flags are.
pub(super) struct Source<'a> {
    /// A file, or the address of a database; without it, novi's database.
    pub(super) place: Option<&'a str>,
    /// What the names of tables begin with.
    pub(super) table_prefix: &'a str,
    pub(super) options: Options,
}

impl System {
    /// The name in the history and in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flagd => "flagd",
            Self::Unleash => "Unleash",
            Self::Flipper => "Flipper",
            Self::DjangoWaffle => "django-waffle",
            Self::Togglz => "Togglz",
            Self::DjangoFlags => "django-flags",
            Self::Pennant => "Laravel Pennant",
            Self::Launchdarkly => "LaunchDarkly",
            Self::Growthbook => "GrowthBook",
            Self::Posthog => "PostHog",
            Self::Split => "Split",
            Self::Optimizely => "Optimizely",
        }
    }

    /// Reads the flags of a source.
    pub(super) async fn read(self, source: &Source<'_>, session: &Session) -> Result<Imported, Failure> {
        match self {
            Self::Flagd => source.file(flagd::read),
            Self::Unleash => source.file(unleash::read),
            Self::Launchdarkly => source.file(launchdarkly::read),
            Self::Growthbook => source.file(growthbook::read),
            Self::Posthog => source.file(posthog::read),
            Self::Split => source.file(split::read),
            Self::Optimizely => source.file(optimizely::read),
            Self::Flipper if source.is_file() => source.file(flipper::read),
            Self::Flipper => source.tables(session, &flipper::TABLES, flipper::read_tables).await,
            Self::DjangoWaffle => {
                source.tables(session, &django_waffle::TABLES, django_waffle::read_tables).await
            }
            Self::Togglz => source.tables(session, &togglz::TABLES, togglz::read_tables).await,
            Self::DjangoFlags => {
                source.tables(session, &django_flags::TABLES, django_flags::read_tables).await
            }
            Self::Pennant => source.tables(session, &pennant::TABLES, pennant::read_tables).await,
        }
    }
}

impl Source<'_> {
    fn is_file(&self) -> bool {
        self.place.is_some_and(|place| !sql::is_address(place))
    }

    fn file(&self, read: FileReader) -> Result<Imported, Failure> {
        let place =
            self.place.ok_or_else(|| Failure::usage("expected a file as SOURCE, or - for standard input"))?;
        if sql::is_address(place) {
            return Err(Failure::usage("expected a file as SOURCE: the tables of this system are not read"));
        }
        let text = read_input(Path::new(place)).map_err(|error| Failure::file(place, &error))?;
        read(&text, &self.options).map_err(|error| Failure::usage(format!("{place}: {error}")))
    }

    async fn tables(
        &self,
        session: &Session,
        specs: &[TableSpec],
        read: TableReader,
    ) -> Result<Imported, Failure> {
        if self.is_file() {
            return Err(Failure::usage(
                "expected the address of a database as SOURCE, such as postgres://host/database, or none for the \
                 database of novi",
            ));
        }
        let url = self.place.unwrap_or(&session.config.database.url);
        let tables = sql::read(url, specs, self.table_prefix).await;
        Ok(read(&tables.map_err(|error| Failure::system(error.to_string()))?, &self.options))
    }
}
