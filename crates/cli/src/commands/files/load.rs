//! Reads the files that describe flags.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use novi_files::{Document, Format};

use crate::{output::Failure, session::read_input};

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Files that describe flags, in YAML, TOML or JSON, or folders with such files at any depth; - reads YAML or JSON from
    /// standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Also delete flags and activations that no file describes
    #[arg(long)]
    pub(super) prune: bool,
}

impl Sources {
    /// What all files say.
    pub(super) fn read(&self) -> Result<Document, Failure> {
        let mut document = Document::default();
        for file in &self.files {
            for path in paths(file).map_err(|error| Failure::file(file.display(), &error))? {
                let name = path.display().to_string();
                let format = match Format::of_path(&path) {
                    Some(format) => format,
                    // JSON is YAML.
                    None if path.as_os_str() == "-" => Format::Yaml,
                    None => {
                        let message =
                            format!("{name}: expected a file named *.yaml, *.yml, *.toml or *.json");
                        return Err(Failure::usage(message));
                    }
                };
                let text = read_input(&path).map_err(|error| Failure::file(&name, &error))?;
                let read = format.read(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
                document.merge(read).map_err(|problems| {
                    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                    Failure::usage(format!("{name}: {}", lines.join("\n")))
                })?;
            }
        }
        if self.prune && document.flags.is_empty() {
            return Err(Failure::usage(format!(
                "{}: no flag is described there, and --prune would delete all of them; is it the right place?",
                self.names()
            )));
        }
        Ok(document)
    }

    /// The names of the files, for the history.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        names.join(", ")
    }
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
