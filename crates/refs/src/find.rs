//! Finds flags in the files of a folder.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use aho_corasick::{AhoCorasick, BuildError};
use ignore::{WalkBuilder, WalkState};
use novi_match::suggest::most_similar;

use crate::{
    alias::aliases,
    calls::{called, derived},
    comment::is_in_comment,
    report::{Kind, Reference, Report, Skipped, Unknown},
};

/// Larger files are not read.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The most characters of a line that are kept.
const LONGEST: usize = 200;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Whether identifiers with the words of a name count: `NEW_CHECKOUT` and `newCheckout` for `new-checkout`. Names of
    /// one word have none. Default: true
    pub aliases: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { aliases: true }
    }
}

impl Options {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with or without aliases.
    #[must_use]
    pub fn with_aliases(self, aliases: bool) -> Self {
        Self { aliases }
    }
}

/// Finds the flags with these names in the text files of a folder, and names that code evaluates and that are none of
/// them, but for those in comments. Files that `.gitignore`, `.ignore` or `.noviignore` exclude are not read, nor hidden or binary ones, nor those of
/// more than 4 MiB.
///
/// # Errors
/// If the folder cannot be read, or there are too many names.
pub fn find(root: &Path, flags: &[String], options: Options) -> io::Result<Report> {
    fs::metadata(root)?;
    let needles = Needles::new(flags, options).map_err(io::Error::other)?;
    let report = Mutex::new(Report::default());
    let mut walk = WalkBuilder::new(root);
    walk.add_custom_ignore_filename(".noviignore").require_git(false);
    walk.build_parallel().run(|| {
        Box::new(|entry| {
            let found = match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    needles.of_file(root, entry.path())
                }
                Ok(_) => return WalkState::Continue,
                Err(error) => Report {
                    skipped: vec![Skipped { path: PathBuf::new(), why: error.to_string() }],
                    ..Report::default()
                },
            };
            let mut all = report.lock().unwrap_or_else(PoisonError::into_inner);
            all.references.extend(found.references);
            all.unknown.extend(found.unknown);
            all.skipped.extend(found.skipped);
            all.files += found.files;
            WalkState::Continue
        })
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.references.sort_unstable();
    report.references.dedup();
    report.unknown.sort_unstable();
    report.skipped.sort_unstable();
    let used: HashSet<&str> = report.references.iter().map(|found| found.flag.as_str()).collect();
    report.unused = flags.iter().filter(|flag| !used.contains(flag.as_str())).cloned().collect();
    Ok(report)
}

/// What is looked for in each file.
struct Needles<'f> {
    flags: &'f [String],
    known: HashSet<&'f str>,
    search: AhoCorasick,
    /// The place in `flags` of each pattern, and whether it is an alias.
    patterns: Vec<(usize, Kind)>,
}

impl<'f> Needles<'f> {
    fn new(flags: &'f [String], options: Options) -> Result<Self, BuildError> {
        let mut texts: BTreeMap<String, (usize, Kind)> = BTreeMap::new();
        if options.aliases {
            for (place, name) in flags.iter().enumerate() {
                texts.extend(aliases(name).into_iter().map(|alias| (alias, (place, Kind::Alias))));
            }
        }
        // A name wins over an alias of another flag.
        texts.extend(flags.iter().enumerate().map(|(place, name)| (name.clone(), (place, Kind::Name))));
        texts.remove("");
        let search = AhoCorasick::new(texts.keys())?;
        let known = flags.iter().map(String::as_str).collect();
        Ok(Self { flags, known, search, patterns: texts.into_values().collect() })
    }

    fn of_file(&self, root: &Path, path: &Path) -> Report {
        let below = path.strip_prefix(root).unwrap_or(path).to_owned();
        let skipped =
            |why: String| Report { skipped: vec![Skipped { path: below.clone(), why }], ..Report::default() };
        match fs::metadata(path) {
            Ok(about) if about.len() > LARGEST => {
                let mut start = Vec::new();
                let read = File::open(path).and_then(|file| file.take(8192).read_to_end(&mut start));
                if read.is_ok() && is_binary(&start) {
                    return Report::default();
                }
                return skipped(format!("it has more than {} MiB", LARGEST / 1024 / 1024));
            }
            Ok(_) => (),
            Err(error) => return skipped(error.to_string()),
        }
        match fs::read(path) {
            Ok(source) if is_binary(&source) => Report::default(),
            Ok(source) => self.of_source(&below, &source),
            Err(error) => skipped(error.to_string()),
        }
    }

    fn of_source(&self, path: &Path, source: &[u8]) -> Report {
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        let mut lines = Lines { source, path, at: 0, line: 1, start: 0 };
        let mut places: Vec<(usize, usize, Kind)> = Vec::new();
        for found in self.search.find_overlapping_iter(source) {
            let (flag, kind) = self.patterns[found.pattern().as_usize()];
            let (start, end) = (found.start(), found.end());
            let is_use = match kind {
                Kind::Name => is_quoted(source, start, end, is_rust),
                _ => is_word(source, start, end),
            };
            if is_use {
                places.push((start, flag, kind));
            }
        }
        let mut unknown = Vec::new();
        if is_rust {
            for (place, name) in derived(source) {
                match self.flags.iter().position(|flag| *flag == name) {
                    Some(flag) => places.push((place.start, flag, Kind::Derive)),
                    None => unknown.push((place.start, name)),
                }
            }
        }
        let called = called(source).into_iter().map(|(place, name)| (place.start, name));
        let called = called.filter(|(_, name)| !self.known.contains(name.as_str()));
        unknown.extend(called.filter(|(place, _)| !is_in_comment(source, *place)));
        places.sort_unstable_by_key(|(start, ..)| *start);
        unknown.sort_unstable();
        let mut report = Report { files: 1, ..Report::default() };
        for (start, flag, kind) in places {
            let (line, column, text) = lines.place(start);
            let (flag, path) = (self.flags[flag].clone(), path.to_owned());
            report.references.push(Reference { flag, path, line, column, kind, text });
        }
        lines.rewind();
        for (start, name) in unknown {
            let (line, column, _) = lines.place(start);
            let similar = most_similar(&name, self.flags.iter().map(String::as_str)).map(str::to_owned);
            report.unknown.push(Unknown { path: path.to_owned(), line, column, name, similar });
        }
        report
    }
}

fn is_binary(source: &[u8]) -> bool {
    source.iter().take(8192).any(|byte| *byte == 0)
}

/// Whether a place is all that is between two quotes. In Rust, single quotes are for characters.
fn is_quoted(source: &[u8], start: usize, end: usize, is_rust: bool) -> bool {
    let before = start.checked_sub(1).and_then(|at| source.get(at));
    let quotes: &[u8] = if is_rust { b"\"" } else { b"\"'`" };
    before.is_some_and(|quote| quotes.contains(quote)) && before == source.get(end)
}

fn is_word(source: &[u8], start: usize, end: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let before = start.checked_sub(1).and_then(|at| source.get(at));
    !before.is_some_and(is_part) && !source.get(end).is_some_and(is_part)
}

/// Lines of a file, for places in ascending order.
struct Lines<'s> {
    source: &'s [u8],
    path: &'s Path,
    at: usize,
    line: usize,
    /// Where the line begins.
    start: usize,
}

impl Lines<'_> {
    fn rewind(&mut self) {
        *self = Lines { source: self.source, path: self.path, at: 0, line: 1, start: 0 };
    }

    /// The line, the column and the text of a place.
    fn place(&mut self, place: usize) -> (usize, usize, String) {
        let passed = self.source.get(self.at..place).unwrap_or_default();
        for (offset, _) in passed.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.line += 1;
            self.start = self.at + offset + 1;
        }
        self.at = place;
        let rest = self.source.get(self.start..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let column =
            String::from_utf8_lossy(rest.get(..place - self.start).unwrap_or_default()).chars().count() + 1;
        // A line may be as long as its file.
        let near = rest.get(..end.min(64 * 1024)).unwrap_or_default();
        let text: String = String::from_utf8_lossy(near).trim().chars().take(LONGEST).collect();
        (self.line, column, text)
    }
}

/// The files with Rust code in a folder, in order. The same files are left out as by [`find`].
///
/// # Errors
/// If the folder cannot be read.
pub fn rust_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    fs::metadata(root)?;
    let mut walk = WalkBuilder::new(root);
    walk.add_custom_ignore_filename(".noviignore").require_git(false).sort_by_file_path(Path::cmp);
    let files = walk.build().filter_map(Result::ok).map(ignore::DirEntry::into_path);
    let is_rust =
        |path: &PathBuf| path.is_file() && path.extension().is_some_and(|extension| extension == "rs");
    Ok(files.filter(is_rust).collect())
}
