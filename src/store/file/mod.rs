//! The rows of one revision in a file, for a start without the database.
//!
//! A header of 28 bytes, then JSON. The header is [`MAGIC`], the format, the length of the JSON, and a
//! checksum of all other bytes; numbers are little-endian. To look at the rows, use `tail -c +29`.

pub(crate) mod faults;

use std::{
    collections::hash_map::RandomState,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::{
        Error, Result,
        snapshot_file::{FORMAT, SnapshotFault},
    },
    rows::Rows,
};
use faults::RowFault;

const MAGIC: &[u8; 8] = b"NOVISNAP";

const HEADER: usize = 28;

/// A million flags take half of this. A larger file is not one of novi's, and must not fill the memory.
const LARGEST: u64 = 1 << 30;

/// The rows of one revision, in a file.
///
/// ```
/// use novi::{rows::{FlagRow, Rows}, store::SnapshotFile};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = &folder.path().join("flags.novi");
/// let rows = Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() };
/// SnapshotFile::write(path, "by hand", &rows)?;
/// assert_eq!(SnapshotFile::read(path)?.rows, rows);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SnapshotFile {
    /// Which database the rows were read from, without passwords.
    pub store: String,
    /// When the file was written.
    pub written_at: DateTime<Utc>,
    /// The rows.
    pub rows: Rows,
}

/// The JSON after the header.
#[derive(Serialize)]
struct Contents<'a> {
    store: &'a str,
    written_at: DateTime<Utc>,
    rows: &'a Rows,
    /// Of the revision, which is a number in JSON.
    stamp: i64,
    faults: Vec<RowFault<'a>>,
}

#[derive(Deserialize)]
struct Found<'a> {
    store: String,
    written_at: DateTime<Utc>,
    rows: Rows,
    #[serde(default)]
    stamp: i64,
    #[serde(borrow)]
    faults: Vec<RowFault<'a>>,
}

impl SnapshotFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for a file that does not exist, is incomplete or damaged, or is no snapshot file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        read(path).map_err(|source| Error::Snapshot { path: path.to_owned(), source })
    }

    /// Writes rows to a file that only its owner may read, and returns the time of writing. A reader finds
    /// the previous file or this one, complete, even after a crash.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the file cannot be written; the previous one is unchanged then.
    pub fn write(path: impl AsRef<Path>, store: &str, rows: &Rows) -> Result<DateTime<Utc>> {
        let path = path.as_ref();
        let written_at = Utc::now();
        let written = encode(store, written_at, rows).and_then(|bytes| replace(path, &bytes));
        written.map_err(|source| Error::Snapshot { path: path.to_owned(), source })?;
        Ok(written_at)
    }

    /// Parses the bytes of a file.
    ///
    /// # Errors
    /// As [`read`](Self::read), without the path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotFault> {
        let (header, body) = bytes.split_first_chunk().ok_or(SnapshotFault::Foreign)?;
        Header::read(header, bytes.len() as u64)?.body(body)
    }
}

/// The header of a file.
struct Header<'a> {
    bytes: &'a [u8; HEADER],
    checksum: u32,
    length: u64,
}

impl<'a> Header<'a> {
    /// Checks what can be checked before the rest is read.
    fn read(bytes: &'a [u8; HEADER], size: u64) -> Result<Self, SnapshotFault> {
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(SnapshotFault::Foreign);
        }
        let number = |from: usize| {
            let bytes = rest.get(from..).and_then(|rest| rest.first_chunk());
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let length = u64::from(number(4)) | u64::from(number(8)) << 32;
        let header = Self { bytes, checksum: number(16), length };
        match number(0) {
            FORMAT => {}
            found if found > FORMAT => return Err(SnapshotFault::Newer { found }),
            found => return Err(SnapshotFault::damaged(format!("format {found}"))),
        }
        if number(12) != 0 {
            return Err(SnapshotFault::damaged("the header"));
        }
        let expected = length.saturating_add(HEADER as u64);
        if expected != size {
            return Err(SnapshotFault::Length { expected, found: size });
        }
        if size > LARGEST {
            return Err(SnapshotFault::damaged(format!("{size} bytes, of at most {LARGEST}")));
        }
        Ok(header)
    }

    fn body(&self, body: &[u8]) -> Result<SnapshotFile, SnapshotFault> {
        if body.len() as u64 != self.length {
            let (expected, found) = (self.length, body.len() as u64);
            return Err(SnapshotFault::Length { expected, found });
        }
        let (start, _) = self.bytes.split_at(HEADER - 4);
        if checksum(start, body) != self.checksum {
            return Err(SnapshotFault::damaged("the checksum"));
        }
        let Found { store, written_at, mut rows, stamp, faults } =
            serde_json::from_slice(body).map_err(|error| SnapshotFault::damaged(error.to_string()))?;
        rows.revision = rows.revision.stamped(stamp);
        for fault in faults {
            fault.put_into(&mut rows)?;
        }
        Ok(SnapshotFile { store, written_at, rows })
    }
}

/// A CRC finds every single flipped bit, and all but one in four thousand million of other damages.
fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}

fn encode(store: &str, written_at: DateTime<Utc>, rows: &Rows) -> Result<Vec<u8>, SnapshotFault> {
    let mut bytes = vec![0; HEADER];
    let (stamp, faults) = (rows.revision.stamp(), RowFault::all_of(rows));
    let written = Contents { store, written_at, rows, stamp, faults };
    serde_json::to_writer(&mut bytes, &written).map_err(io::Error::from)?;
    let (header, body) = bytes.split_at_mut(HEADER);
    let length = body.len() as u64;
    let start = [&MAGIC[..], &FORMAT.to_le_bytes(), &length.to_le_bytes(), &[0; 4]].concat();
    let sum = checksum(&start, body);
    { header }.write_all(&[&start[..], &sum.to_le_bytes()].concat())?;
    if bytes.len() as u64 > LARGEST {
        let size = bytes.len();
        return Err(io::Error::other(format!("the rows take {size} bytes, of at most {LARGEST}")).into());
    }
    Ok(bytes)
}

fn read(path: &Path) -> Result<SnapshotFile, SnapshotFault> {
    // Before it is opened: opening a pipe waits for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("expected a file, found a folder or a device").into());
    }
    let mut file = File::open(path)?;
    let mut header = [0; HEADER];
    let size = file.metadata()?.len();
    if size < HEADER as u64 {
        let expected = HEADER as u64;
        return Err(if size == 0 { SnapshotFault::Length { expected, found: 0 } } else { short(&mut file)? });
    }
    file.read_exact(&mut header)?;
    let header = Header::read(&header, size)?;
    let mut body = Vec::new();
    file.take(header.length).read_to_end(&mut body)?;
    header.body(&body)
}

/// The error of a file that is shorter than a header.
fn short(file: &mut File) -> Result<SnapshotFault, io::Error> {
    let mut start = Vec::new();
    file.take(HEADER as u64).read_to_end(&mut start)?;
    let is_ours = start.starts_with(MAGIC) || MAGIC.starts_with(&start);
    let (expected, found) = (HEADER as u64, start.len() as u64);
    Ok(if is_ours { SnapshotFault::Length { expected, found } } else { SnapshotFault::Foreign })
}

/// Replaces the file.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), SnapshotFault> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::other("expected the path of a file").into());
    };
    let folder = folder(path);
    // Several processes may write the same file at once.
    let random = RandomState::new().build_hasher().finish();
    let mut temporary = prefix(name);
    temporary.push(format!("{random:016x}{TEMPORARY}"));
    let temporary = folder.join(temporary);
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // It may not even exist; the first error is the one to report.
        fs::remove_file(&temporary).unwrap_or_default();
        return Err(error.into());
    }
    // Else a power failure may lose the rename. Folders cannot be synced on other systems.
    #[cfg(unix)]
    File::open(&folder)?.sync_all()?;
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Configs and members are private.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

const TEMPORARY: &str = ".tmp";

fn folder(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The start of the names of temporary files.
fn prefix(name: &std::ffi::OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Removes the files of processes that were killed while they wrote, also those of the token file, whose name
/// begins as this one.
#[cfg(feature = "sql")]
pub(crate) fn tidy(path: &Path) {
    /// No write takes this long.
    const OLD: std::time::Duration = std::time::Duration::from_hours(1);
    let Some(prefix) = path.file_name().map(prefix) else { return };
    let Ok(entries) = fs::read_dir(folder(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_old = || {
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > OLD))
        };
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(TEMPORARY.as_bytes()) && is_old() {
            // Without the right to remove it, it stays.
            fs::remove_file(entry.path()).unwrap_or_default();
        }
    }
}

#[cfg(all(test, feature = "sql"))]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn what_was_left_long_ago_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        let make = |name: &str, time: SystemTime| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(time).unwrap();
        };
        let old = [".flags.novi.0123456789abcdef.tmp", ".flags.novi.tokens.0123456789abcdef.tmp"];
        let others = ["flags.novi", ".other.novi.0123456789abcdef.tmp", ".flags.novi.bak", "novi.db"];
        for name in old.iter().chain(&others) {
            make(name, long_ago);
        }
        make(".flags.novi.fedcba9876543210.tmp", SystemTime::now());
        tidy(&folder.path().join("flags.novi"));
        assert!(old.iter().all(|name| !folder.path().join(name).exists()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others.len() + 1);
        tidy(Path::new("/no/such/folder/flags.novi"));
        tidy(Path::new("/"));
    }
}
