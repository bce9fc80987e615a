//! `novi pull`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use novi::rows::Rows;
use novi_files::{Activated, Document, EditError, Format, pull};
use serde_json::{Value, json};
use similar::TextDiff;

use super::load::{Source, are, invalid, read_sources, unknown_format};
use crate::{
    commands::change::Current,
    output::{DRY_RUN, Failure, print, print_json, print_note, replace_file, sanitize, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi pull flags.yaml
  novi pull flags/ --new-in flags/new.yaml
  novi pull flags.toml --dry-run

Comments, order and quotes of what stays the same are kept. Flags and activations without a row are removed with the \
comments above them. Fields that a file ignores stay as they are in the file.";

/// Update files from the rows: the opposite of `novi apply`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Pull {
    /// Files that describe flags, in YAML, TOML or JSON, or folders with such files at any depth
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// File that receives the flags and activations that no file describes [default: FILE, if it is one file]
    #[arg(long, value_name = "FILE", conflicts_with = "no_new")]
    new_in: Option<PathBuf>,

    /// Leave out flags and activations that no file describes
    #[arg(long)]
    no_new: bool,

    /// Print what would change as a unified diff, without writing
    #[arg(long)]
    dry_run: bool,
}

/// A file, with the text that it should have.
struct Pulled {
    path: PathBuf,
    before: String,
    after: String,
}

impl Pull {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if self.files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Failure::usage("expected a file to write, found - for standard input"));
        }
        let (sources, new_in) = self.sources()?;
        let current = Current::of_session(session).await?;
        let pulled = self.pull(sources, new_in, &current)?;
        // Nothing is written unless all files can be.
        if !self.dry_run {
            for file in pulled.iter().filter(|file| file.is_changed()) {
                replace_file(&file.path, &file.after)?;
            }
        }
        let revision = current.rows.revision;
        if session.json {
            let files: Vec<Value> = pulled.iter().map(Pulled::json).collect();
            print_json(&json!({"revision": revision, "written": !self.dry_run, "files": files}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let changed: Vec<&Pulled> = pulled.iter().filter(|file| file.is_changed()).collect();
        if changed.is_empty() {
            print(format_args!(
                "No changes: the files describe the rows as they are, at revision {revision}."
            ))?;
        }
        for file in changed {
            if self.dry_run {
                write(&sanitize(&file.diff()))?;
            } else {
                print(format_args!("Wrote {} (revision {revision}).", file.path.display()))?;
            }
        }
        if self.dry_run {
            print(DRY_RUN)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Reads the files. Returns them with the index of the one that receives what is new.
    fn sources(&self) -> Result<(Vec<Source>, Option<usize>), Failure> {
        let mut sources = read_sources(&self.files)?;
        let Some(file) = &self.new_in else {
            let is_one = self.files.len() == 1 && sources.len() == 1;
            return Ok((sources, (is_one && !self.no_new).then_some(0)));
        };
        let same = |path: &Path| match (fs::canonicalize(path), fs::canonicalize(file)) {
            (Ok(a), Ok(b)) => a == b,
            _ => path == file,
        };
        if let Some(index) = sources.iter().position(|source| same(&source.path)) {
            return Ok((sources, Some(index)));
        }
        if file.exists() {
            sources.extend(read_sources(std::slice::from_ref(file))?);
        } else {
            let format = Format::of_path(file).ok_or_else(|| unknown_format(file))?;
            let (text, document) = (String::new(), Document::default());
            sources.push(Source { path: file.clone(), format, text, document });
        }
        let last = sources.len().saturating_sub(1);
        Ok((sources, Some(last)))
    }

    fn pull(
        &self,
        sources: Vec<Source>,
        new_in: Option<usize>,
        current: &Current,
    ) -> Result<Vec<Pulled>, Failure> {
        let mut documents: Vec<Document> = sources.iter().map(|source| source.document.clone()).collect();
        let left_out = if new_in.is_none() { self.check_new(&documents, &current.rows)? } else { None };
        let how = new_in.map_or_else(novi_files::Pull::default, novi_files::Pull::new_in);
        pull(&mut documents, &current.rows, &current.registry, how).map_err(|problems| invalid(&problems))?;
        if let Some(are) = left_out {
            print_note(format_args!("note: {are} in no file, and left out"))?;
        }
        let edit = |(source, document): (Source, Document)| {
            let after = source.format.edit(&source.text, &document).map_err(|error| {
                let message = format!("{}: {error}", source.path.display());
                match error {
                    EditError::Parse(_) => Failure::usage(message),
                    _ => Failure::rejected(message),
                }
            })?;
            Ok(Pulled { path: source.path, before: source.text, after })
        };
        sources.into_iter().zip(documents).map(edit).collect()
    }

    /// Which file is to have the flags that no file describes is for people to say. Returns what is left out.
    fn check_new(&self, documents: &[Document], rows: &Rows) -> Result<Option<String>, Failure> {
        let known: BTreeSet<&String> = documents.iter().flat_map(|document| document.flags.keys()).collect();
        let flags: Vec<&str> = rows
            .flags
            .iter()
            .map(|row| &row.name)
            .filter(|name| !known.contains(name))
            .map(String::as_str)
            .collect();
        let described: BTreeSet<&str> = documents.iter().flat_map(names).collect();
        let activations =
            rows.activations.iter().filter(|row| !described.contains(row.name.as_str())).count();
        if flags.is_empty() && activations == 0 {
            return Ok(None);
        }
        let are = are(flags.len(), activations);
        if self.no_new {
            return Ok(Some(are));
        }
        Err(Failure::usage(format!(
            "{are} in no file: --new-in FILE adds them to a file, --no-new leaves them out"
        )))
    }
}

/// The names of all activations of a document.
fn names(document: &Document) -> impl Iterator<Item = &str> {
    let own = document.flags.values().flat_map(|flag| &flag.activations);
    let own = own.map(|activated| match activated {
        Activated::Own(own) => own.name.as_str(),
        Activated::Shared(name) => name.as_str(),
    });
    own.chain(document.activations.keys().map(String::as_str))
}

impl Pulled {
    fn is_changed(&self) -> bool {
        self.before != self.after
    }

    fn diff(&self) -> String {
        // Beyond it, the difference is correct, but not the shortest.
        const LIMIT: Duration = Duration::from_secs(1);
        let name = self.path.display().to_string();
        let diff = TextDiff::configure().timeout(LIMIT).diff_lines(&self.before, &self.after);
        diff.unified_diff().header(&name, &name).to_string()
    }

    fn json(&self) -> Value {
        json!({"file": self.path, "changed": self.is_changed(), "diff": self.diff()})
    }
}
