//! What is found in source code.

use std::path::PathBuf;

use serde::Serialize;

/// The uses of flags in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// By flag, then by place.
    pub references: Vec<Reference>,
    /// Names that code evaluates and that are no flags, by place.
    pub unknown: Vec<Unknown>,
    /// Flags that no file mentions.
    pub unused: Vec<String>,
    /// The number of files that were read.
    pub files: usize,
    /// Files that were not read.
    pub skipped: Vec<Skipped>,
}

/// A use of a flag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Reference {
    /// The name of the flag.
    pub flag: String,
    /// The file, below the folder.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How the code names the flag.
    pub kind: Kind,
    /// The line without the spaces around it, at most 200 characters.
    pub text: String,
}

/// How code names a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A string in quotes.
    Name,
    /// An identifier with the words of the name, as `NEW_CHECKOUT` for `new-checkout`.
    Alias,
    /// A type that derives `Feature`.
    Derive,
}

/// A name that code evaluates and that is no flag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Unknown {
    /// The file, below the folder.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The name.
    pub name: String,
    /// A flag with a similar name.
    pub similar: Option<String>,
}

/// A file that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// The file, below the folder.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}
