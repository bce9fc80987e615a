//! Snapshot files that cannot be used.

use std::io;

/// The format of the files; raised when an older novi could no longer read them.
pub(crate) const FORMAT: u32 = 1;

/// Why a snapshot file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// It could not be read or written: it does not exist, is a folder, or belongs to another user.
    #[error("{0}")]
    File(#[from] io::Error),
    /// It is a file of something else.
    #[error("expected a snapshot file of novi, found another file; was the path mistyped?")]
    Foreign,
    /// A later novi wrote it.
    #[error(
        "it has format {found}, and this novi reads format {FORMAT}: use the novi that wrote it, or delete it, and this one writes it again"
    )]
    Newer {
        /// The number of its format.
        found: u32,
    },
    /// Some of it is missing, or something follows it.
    #[error(
        "expected {expected} bytes, found {found}: it is incomplete; delete it, and novi writes it again"
    )]
    Length {
        /// The length by its header.
        expected: u64,
        /// The length that it has.
        found: u64,
    },
    /// Its contents are not what was written.
    #[error("its contents are damaged ({what}): delete it, and novi writes it again")]
    Damaged {
        /// What is wrong.
        what: String,
    },
}

impl SnapshotFault {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
