//! The systems, and how the source of each is read.

use std::path::Path;

use clap::ValueEnum;
use novi_import::{
    ImportError, Imported, Options, feats, features_service, flagd, hanoi, knora, redis::Keys, rollout,
};

use super::source::Source;
use crate::{
    output::Failure,
    session::{Session, read_input},
};

/// A system that flags can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// feats.py: its streams in Redis, with all states of the past
    Feats,
    /// A service with `GET /features`: its sets in Redis, and its tokens with --tokens
    FeaturesService,
    /// flagd: a flag definition in JSON
    Flagd,
    /// hanoi: its keys in Redis, or a dump of its back-end in memory
    Hanoi,
    /// Knora: the toggles of its application.conf
    Knora,
    /// The gem rollout: its keys in Redis
    Rollout,
}

impl System {
    /// The name in the history and in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Feats => "feats.py",
            Self::FeaturesService => "the features service",
            Self::Flagd => "flagd",
            Self::Hanoi => "hanoi",
            Self::Knora => "Knora",
            Self::Rollout => "rollout",
        }
    }

    /// Reads the flags of a source.
    pub(super) async fn read(self, source: &str, options: &Options, _: &Session) -> Result<Source, Failure> {
        Ok(match self {
            Self::Feats => {
                // With the prefix of an application, if it has one.
                let keys = keys(source, &["feature:*", "*:feature:*"]).await?;
                feats::read(&keys, options).into()
            }
            Self::FeaturesService => {
                let keys = keys(source, &["global_features", "active_features", "features:user:*"]).await?;
                features_service::read(&keys, options).into()
            }
            Self::Flagd => of_file(flagd::read, source, options)?.into(),
            Self::Hanoi => of_hanoi(source, options).await?.into(),
            Self::Knora => {
                let folder = Path::new(source).parent();
                let read = |text: &str, _: &Options| knora::read(text, folder);
                of_file(read, source, options)?.into()
            }
            Self::Rollout => rollout::read(&keys(source, &["feature:*"]).await?, options).into(),
        })
    }
}

/// The keys of a Redis server, or of a file with a dump of them.
pub(super) async fn keys(source: &str, patterns: &[&str]) -> Result<Keys, Failure> {
    if is_redis(source) {
        // The address may have a password.
        return Keys::fetch(source, patterns).await.map_err(|error| Failure::system(error.to_string()));
    }
    of_text(source, Keys::from_json)
}

fn is_redis(source: &str) -> bool {
    source.split_once("://").is_some_and(|(scheme, _)| {
        matches!(scheme, "redis" | "rediss" | "redis+unix" | "unix" | "valkey" | "valkeys" | "valkey+unix")
    })
}

async fn of_hanoi(source: &str, options: &Options) -> Result<Imported, Failure> {
    if is_redis(source) {
        let keys = keys(source, &["h:*", "rollout:*"]).await?;
        return Ok(hanoi::read(&keys, options));
    }
    of_text(source, |text| hanoi::read_dump(text, options))
}

fn of_text<T>(source: &str, read: impl Fn(&str) -> Result<T, ImportError>) -> Result<T, Failure> {
    let text = read_input(Path::new(source)).map_err(|error| Failure::file(source, &error))?;
    read(&text).map_err(|error| Failure::usage(format!("{source}: {error}")))
}

fn of_file(
    read: impl Fn(&str, &Options) -> Result<Imported, ImportError>,
    source: &str,
    options: &Options,
) -> Result<Imported, Failure> {
    of_text(source, |text| read(text, options))
}
