//! The systems, and how the source of each is read.

use std::{collections::BTreeMap, path::Path};

use clap::ValueEnum;
use novi_import::{
    ImportError, Imported, Options, TableSpec, Tables, django_flags, django_waffle, feats, features_service,
    flagd, flagsmith, flipper, growthbook, hanoi, knora, launchdarkly, optimizely, pennant, posthog,
    redis::Keys, rollout, split, sql, togglz, unleash,
};

use super::read::Read;
use crate::{
    output::Failure,
    session::{Session, read_input},
};

/// A system that flags can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// A flag definition of flagd, in JSON
    Flagd,
    /// What Unleash's clients fetch from /api/client/features, an export, or its tables on PostgreSQL
    Unleash,
    /// An export of Flipper in JSON, or its tables (ActiveRecord, Sequel)
    Flipper,
    /// The tables of django-waffle
    #[value(alias = "waffle")]
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
    /// The document of an environment that Flagsmith's server SDKs fetch, in JSON
    Flagsmith,
    /// The keys of hanoi in Redis, or a dump of its back-end in memory
    Hanoi,
    /// The keys of the gem rollout in Redis
    Rollout,
    /// The streams of feats.py in Redis, with all states of the past
    Feats,
    /// The sets of a service with `GET /features` in Redis, and its tokens with --tokens
    FeaturesService,
    /// The feature toggles of Knora, in its application.conf
    Knora,
}

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
            Self::Flagsmith => "Flagsmith",
            Self::Hanoi => "hanoi",
            Self::Rollout => "rollout",
            Self::Feats => "feats.py",
            Self::FeaturesService => "the features service",
            Self::Knora => "Knora",
        }
    }

    /// Reads the flags of a source.
    pub(super) async fn read(self, source: &Source<'_>, session: &Session) -> Result<Read, Failure> {
        let options = &source.options;
        Ok(match self {
            Self::Flagd => source.file(flagd::read)?.into(),
            Self::Unleash if source.is_file() => source.file(unleash::read)?.into(),
            Self::Unleash => {
                let read = unleash::read_tables(&source.tables(session, &unleash::TABLES).await?, options);
                read.map_err(|error| Failure::usage(error.to_string()))?.into()
            }
            Self::Launchdarkly => source.file(launchdarkly::read)?.into(),
            Self::Growthbook => source.file(growthbook::read)?.into(),
            Self::Posthog => source.file(posthog::read)?.into(),
            Self::Split => source.file(split::read)?.into(),
            Self::Optimizely => source.file(optimizely::read)?.into(),
            Self::Flagsmith => source.file(flagsmith::read)?.into(),
            Self::Flipper if source.is_file() => source.file(flipper::read)?.into(),
            Self::Flipper => {
                flipper::read_tables(&source.tables(session, &flipper::TABLES).await?, options).into()
            }
            Self::DjangoWaffle => {
                django_waffle::read_tables(&source.tables(session, &django_waffle::TABLES).await?, options)
                    .into()
            }
            Self::Togglz => {
                togglz::read_tables(&source.tables(session, &togglz::TABLES).await?, options).into()
            }
            Self::DjangoFlags => {
                django_flags::read_tables(&source.tables(session, &django_flags::TABLES).await?, options)
                    .into()
            }
            Self::Pennant => {
                pennant::read_tables(&source.tables(session, &pennant::TABLES).await?, options).into()
            }
            Self::Hanoi if source.is_file() => source.file(hanoi::read_dump)?.into(),
            Self::Hanoi => hanoi::read(&source.keys(&hanoi::KEYS).await?, options).into(),
            Self::Rollout => rollout::read(&source.keys(&rollout::KEYS).await?, options).into(),
            Self::Feats => feats::read(&source.keys(&feats::KEYS).await?, options).into(),
            Self::FeaturesService => {
                features_service::read(&source.keys(&features_service::KEYS).await?, options).into()
            }
            Self::Knora => {
                let folder = source.place.and_then(|place| Path::new(place).parent());
                source.file(|text, _| knora::read(text, folder))?.into()
            }
        })
    }
}

impl Source<'_> {
    fn is_file(&self) -> bool {
        self.place.is_some_and(|place| !sql::is_address(place) && !is_redis(place))
    }

    /// The keys of a Redis database, or of a file with a dump of them.
    async fn keys(&self, patterns: &[&str]) -> Result<Keys, Failure> {
        let place = self.place.ok_or_else(|| {
            Failure::usage(
                "expected the address of a Redis database as SOURCE, such as redis://127.0.0.1:6379/0",
            )
        })?;
        read_keys(place, patterns).await
    }

    fn file(
        &self,
        read: impl Fn(&str, &Options) -> Result<Imported, ImportError>,
    ) -> Result<Imported, Failure> {
        let place =
            self.place.ok_or_else(|| Failure::usage("expected a file as SOURCE, or - for standard input"))?;
        if !self.is_file() {
            return Err(Failure::usage("expected a file as SOURCE: the tables of this system are not read"));
        }
        of_text(place, |text| read(text, &self.options))
    }

    /// The rows of tables.
    async fn tables(&self, session: &Session, specs: &[TableSpec]) -> Result<Tables, Failure> {
        if self.is_file() {
            return Err(Failure::usage(
                "expected the address of a database as SOURCE, such as postgres://host/database, or none for the \
                 database of novi",
            ));
        }
        let url = self.place.unwrap_or(&session.config.database.url);
        let tables = sql::read(url, specs, self.table_prefix).await;
        tables.map_err(|error| Failure::system(error.to_string()))
    }
}

/// The keys of a Redis database, or of a file with a dump of them.
pub(super) async fn read_keys(place: &str, patterns: &[&str]) -> Result<Keys, Failure> {
    if is_redis(place) {
        // The address may have a password, and is not shown.
        return Keys::fetch(place, patterns).await.map_err(|error| Failure::system(error.to_string()));
    }
    of_text(place, Keys::from_json)
}

/// The groups of a file, by flag and caller.
pub(super) fn read_groups(file: &Path) -> Result<BTreeMap<String, BTreeMap<String, String>>, Failure> {
    of_text(&file.to_string_lossy(), Options::groups_from_json)
}

fn of_text<T>(place: &str, read: impl Fn(&str) -> Result<T, ImportError>) -> Result<T, Failure> {
    let text = read_input(Path::new(place)).map_err(|error| Failure::file(place, &error))?;
    read(&text).map_err(|error| Failure::usage(format!("{place}: {error}")))
}

fn is_redis(place: &str) -> bool {
    const SCHEMES: [&str; 7] = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"];
    place.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
}
