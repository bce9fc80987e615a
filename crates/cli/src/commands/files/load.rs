//! Reads the files that describe flags.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Component, Path, PathBuf},
};

use clap::Args;
use novi_files::{Document, Format, ParseError, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::last_apply::SEPARATOR;
use crate::{
    output::{Failure, count},
    session::read_input,
};

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Files that describe flags, in YAML, TOML or JSON, or folders with such files at any depth; - reads YAML or JSON from
    /// standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Name of the files in the history, by which the last apply is found [default: FILE, from the current folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Also delete flags and activations that no file describes
    #[arg(long)]
    pub(super) prune: bool,
}

impl Sources {
    /// What all files say.
    pub(super) fn read(&self) -> Result<Document, Failure> {
        let document = read_document(&self.files)?;
        if self.prune && document.flags.is_empty() {
            return Err(Failure::usage(format!(
                "{}: no flag is described there, and --prune would delete all of them; is it the right place?",
                self.names()
            )));
        }
        Ok(document)
    }

    /// What the files are called in the history.
    pub(super) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let names: BTreeSet<String> = self.files.iter().map(|file| name_of(file)).collect();
            names.into_iter().collect::<Vec<_>>().join(SEPARATOR)
        })
    }

    /// Whether a person gave the files a name.
    pub(super) const fn is_named(&self) -> bool {
        self.name.is_some()
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        names.join(", ")
    }
}

/// A path from the current folder where possible, the same in whatever way it was given.
fn name_of(file: &Path) -> String {
    let here = env::current_dir().ok();
    // The current folder may be reached through links.
    let whole = file.is_absolute().then(|| fs::canonicalize(file).ok()).flatten();
    let mut inside = [Some(file), whole.as_deref()].into_iter().flatten();
    let inside = inside.find_map(|path| path.strip_prefix(here.as_ref()?).ok());
    let path: PathBuf =
        inside.unwrap_or(file).components().filter(|part| *part != Component::CurDir).collect();
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

/// A file that describes flags.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) text: String,
    pub(super) document: Document,
}

/// Reads files, and those of folders.
pub(super) fn read_sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let texts = read_texts(files)?.into_iter();
    let source = |(path, format, text): (PathBuf, Format, String)| {
        let document = format.read(&text).map_err(|error| in_file(&path, &error))?;
        Ok(Source { path, format, text, document })
    };
    texts.map(source).collect()
}

/// What files say together.
pub(in crate::commands) fn read_document(files: &[PathBuf]) -> Result<Document, Failure> {
    let mut document = Document::default();
    for source in read_sources(files)? {
        document.merge(source.document).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::usage(format!("{}: {}", source.path.display(), lines.join("\n")))
        })?;
    }
    Ok(document)
}

/// Reads files of another kind.
pub(in crate::commands) fn read_files<T: DeserializeOwned>(
    files: &[PathBuf],
) -> Result<Vec<(PathBuf, T)>, Failure> {
    let texts = read_texts(files)?.into_iter();
    let read = |(path, format, text): (PathBuf, Format, String)| {
        let value = format.parse(&text).map_err(|error| in_file(&path, &error))?;
        Ok((path, value))
    };
    texts.map(read).collect()
}

fn in_file(path: &Path, error: &ParseError) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

fn read_texts(files: &[PathBuf]) -> Result<Vec<(PathBuf, Format, String)>, Failure> {
    let mut texts = Vec::new();
    for file in files {
        for path in paths(file).map_err(|error| Failure::file(file.display(), &error))? {
            let format = match Format::of_path(&path) {
                Some(format) => format,
                // JSON is YAML.
                None if path.as_os_str() == "-" => Format::Yaml,
                None => return Err(unknown_format(&path)),
            };
            let text = read_input(&path).map_err(|error| Failure::file(path.display(), &error))?;
            texts.push((path, format, text));
        }
    }
    Ok(texts)
}

pub(super) fn unknown_format(path: &Path) -> Failure {
    Failure::usage(format!("{}: expected a file named *.yaml, *.yml, *.toml or *.json", path.display()))
}

/// `2 flags and 1 activation are`, without what there are none of.
pub(super) fn are(flags: usize, activations: usize) -> String {
    let named = [(flags, "flag"), (activations, "activation")];
    let named: Vec<String> =
        named.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun)).collect();
    format!("{} {}", named.join(" and "), if flags + activations == 1 { "is" } else { "are" })
}

/// The problems of documents.
pub(in crate::commands) fn invalid(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let json: Vec<Value> =
        problems.iter().map(|problem| json!({"path": problem.path, "message": problem.message})).collect();
    Failure::invalid(lines.join("\n"), &json)
}

/// A file, or the files below a folder that describe flags, by name. Hidden ones are those of editors and tools.
fn paths(file: &Path) -> io::Result<Vec<PathBuf>> {
    if !file.is_dir() {
        return Ok(vec![file.to_owned()]);
    }
    let is_hidden =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let (mut found, mut folders) = (Vec::new(), vec![file.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if is_hidden(&path) {
                continue;
            }
            // Not a link to a folder, which can lead back up.
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.is_file() && Format::of_path(&path).is_some() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
