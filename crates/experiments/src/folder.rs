//! Metrics of files and folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    attributes::Attributes,
    metric::{Metric, MetricError},
};

/// Why metrics could not be read from files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file or folder could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no metric.
    #[error("{}: {source}", path.display())]
    Metric {
        /// The file.
        path: PathBuf,
        /// Why.
        source: MetricError,
    },
}

/// Reads metrics: files, and those named `*.sql` in folders, in the order of their names. A metric is named as its file.
/// Files of [`Attributes`] are left out. A file of a folder that is invalid has the reason in [`Metric::problem`], and
/// stops no other.
///
/// # Errors
/// If a folder cannot be read, or a file of `paths` cannot be read or is no metric.
pub fn read_metrics(paths: &[PathBuf]) -> Result<Vec<Metric>, FolderError> {
    let parse = |name: &str, text: &str| match Attributes::parse(name, text)? {
        Some(_) => Ok(None),
        None => Metric::parse(name, text).map(Some),
    };
    read(paths, parse, |name, error| Some(Metric::unknown(name, problem_of(error))))
}

/// Reads attributes of units from the same files and folders as metrics. Files of metrics are left out, and those of
/// folders that are invalid, which [`read_metrics`] returns.
///
/// # Errors
/// If a folder cannot be read, or a file of `paths` cannot be read or its attributes are invalid.
pub fn read_attributes(paths: &[PathBuf]) -> Result<Vec<Attributes>, FolderError> {
    read(paths, Attributes::parse, |_, _| None)
}

/// What is wrong with a file, without its name.
fn problem_of(error: FolderError) -> String {
    match error {
        FolderError::File { source, .. } => format!("its file could not be read: {source}"),
        FolderError::Metric { source, .. } => format!("its file is invalid: {}", source.problem),
    }
}

fn read<T>(
    paths: &[PathBuf],
    parse: impl Fn(&str, &str) -> Result<Option<T>, MetricError>,
    invalid: impl Fn(&str, FolderError) -> Option<T>,
) -> Result<Vec<T>, FolderError> {
    let mut found = Vec::new();
    for path in paths {
        let files = sql_files(path);
        for file in files.map_err(|source| FolderError::File { path: path.clone(), source })? {
            let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text =
                fs::read_to_string(&file).map_err(|source| FolderError::File { path: file.clone(), source });
            let is_of_folder = file != *path;
            let parsed = text.and_then(|text| {
                parse(&name, &text).map_err(|source| FolderError::Metric { path: file, source })
            });
            found.extend(match parsed {
                Err(error) if is_of_folder => invalid(&name, error),
                parsed => parsed?,
            });
        }
    }
    Ok(found)
}

fn sql_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "sql") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
