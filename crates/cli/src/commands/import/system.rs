//! The systems, and how the source of each is read.

use std::path::Path;

use clap::ValueEnum;
use novi_import::{ImportError, Imported, Options, flagd};

use crate::{
    output::Failure,
    session::{Session, read_input},
};

/// A system that flags can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// flagd: a flag definition in JSON
    Flagd,
}

/// A function that reads the text of a file.
type Reader = fn(&str, &Options) -> Result<Imported, ImportError>;

impl System {
    /// The name in the history and in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flagd => "flagd",
        }
    }

    /// Reads the flags of a source.
    #[expect(clippy::unused_async, reason = "sources in databases are read asynchronously")]
    pub(super) async fn read(
        self,
        source: &str,
        options: &Options,
        _: &Session,
    ) -> Result<Imported, Failure> {
        match self {
            Self::Flagd => of_file(flagd::read, source, options),
        }
    }
}

fn of_file(read: Reader, source: &str, options: &Options) -> Result<Imported, Failure> {
    let text = read_input(Path::new(source)).map_err(|error| Failure::file(source, &error))?;
    read(&text, options).map_err(|error| Failure::usage(format!("{source}: {error}")))
}
