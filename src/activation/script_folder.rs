//! The folder of files that define activation types: `office_hours.cel` defines
//! `novi_activations.office_hours`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use schemars::Schema;

use crate::{
    activation::{
        Activation, CompileContext, Problem,
        registry::{ActivationType, Language, Registry, Script},
    },
    error::{Error, Result},
    rows::issue::Issue,
};

/// The prefix of the class of a file, which is also the name of the folder in Python novi.
const PACKAGE: &str = "novi_activations";

/// The longest file, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The location of the files.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Whether a missing folder is an error.
    pub(crate) required: bool,
}

/// The files of a folder, sorted by name: text, or the error of a file that could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
struct Files(Vec<(String, std::result::Result<String, String>)>);

/// The registered types and those of the folder.
pub(crate) struct Types {
    registered: Registry,
    folder: Option<Folder>,
    last: Mutex<Last>,
}

struct Last {
    files: Files,
    registry: Arc<Registry>,
    /// Whether no snapshot has been compiled with these types yet.
    is_new: bool,
    /// Whether the last attempt to read the folder failed.
    failed: bool,
}

impl Types {
    /// # Errors
    /// [`Error::File`] if the folder cannot be read.
    pub(crate) fn new(registered: Registry, folder: Option<Folder>) -> Result<Self> {
        let files = match &folder {
            Some(folder) => {
                folder.read().map_err(|source| Error::File { path: folder.path.clone(), source })?
            }
            None => Files::default(),
        };
        let registry =
            folder.as_ref().map_or_else(|| registered.clone(), |folder| folder.types(&registered, &files));
        let last = Last { files, registry: Arc::new(registry), is_new: true, failed: false };
        Ok(Self { registered, folder, last: Mutex::new(last) })
    }

    /// Returns `true` if there is a folder.
    #[cfg(feature = "sql")]
    pub(crate) const fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Reads the folder again. Returns `true` if no snapshot has been compiled with the current types yet. If
    /// the folder cannot be read, the previous types stay.
    pub(crate) fn look(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        // Compares contents, since modification times are unreliable.
        let read = folder.read();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(files) => {
                last.failed = false;
                if files != last.files {
                    last.registry = Arc::new(folder.types(&self.registered, &files));
                    last.files = files;
                    last.is_new = true;
                }
            }
            Err(error) if !last.failed => {
                last.failed = true;
                let path = folder.path.display();
                tracing::error!("cannot read {path}: {error}; using the types that were read before");
            }
            Err(_) => (),
        }
        last.is_new
    }

    /// The types of the current snapshot, or of the next one.
    pub(crate) fn present(&self) -> Arc<Registry> {
        Arc::clone(&self.last.lock().unwrap_or_else(PoisonError::into_inner).registry)
    }

    /// The types for the next snapshot.
    pub(crate) fn take(&self) -> Arc<Registry> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_new = false;
        Arc::clone(&last.registry)
    }
}

impl Folder {
    fn read(&self) -> io::Result<Files> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.required => {
                return Ok(Files::default());
            }
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_hidden && language_of(&path).is_some() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match read_file(&path) {
                    // Deleted after the folder was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                    text => files.push((name, text.map_err(|error| error.to_string()))),
                }
            }
        }
        files.sort_unstable();
        Ok(Files(files))
    }

    /// The registered types and those of the files.
    fn types(&self, registered: &Registry, files: &Files) -> Registry {
        let mut registry = registered.clone();
        for (name, text) in &files.0 {
            self.add(&mut registry, name, text.as_deref());
        }
        registry
    }

    fn add(&self, registry: &mut Registry, name: &str, text: std::result::Result<&str, &String>) {
        let issue = |path: String, message: String| Issue {
            table: PACKAGE,
            id: None,
            name: name.to_owned(),
            path,
            message,
            flags: Vec::new(),
            warning: false,
        };
        let path = self.path.join(name);
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        if !is_identifier(stem) {
            let message = format!("expected an identifier, as in office_hours.cel, found {stem:?}");
            return registry.note(None, issue("file name".to_owned(), message));
        }
        let class = format!("{PACKAGE}.{stem}");
        if let Some(known) = registry.find(&class) {
            let message =
                format!("the class {class:?} is already registered at {}; rename the file", known.location());
            return registry.note(None, issue("file name".to_owned(), message));
        }
        let language = language_of(&path);
        let mut description =
            text.ok().zip(language).map(|(text, language)| (language.describe)(text)).unwrap_or_default();
        let read = match (text, language) {
            (Ok(text), Some(language)) => (language.parse)(name, text),
            (Err(error), _) => Err(vec![Problem { path: "file".to_owned(), message: error.clone() }]),
            (_, None) => return,
        };
        let script = read.unwrap_or_else(|problems| {
            let blank = if description.is_empty() { "" } else { " " };
            description.extend([blank, "(does not compile)"]);
            let broken = Broken { message: format!("{name} does not compile") };
            for problem in problems {
                registry.note(Some(class.clone()), issue(problem.path, problem.message));
            }
            Arc::new(broken)
        });
        let kind = ActivationType::file(class, description, path.display().to_string(), script);
        // Unreachable: the name was checked above.
        if let Err(error) = registry.add(kind) {
            registry.note(None, issue("file name".to_owned(), error.to_string()));
        }
    }
}

/// A file that does not compile. Rows of its class do not compile either.
struct Broken {
    message: String,
}

impl Script for Broken {
    fn schema(&self) -> Schema {
        Schema::default()
    }

    fn build(
        &self,
        _: &str,
        _: &mut CompileContext<'_>,
    ) -> std::result::Result<Option<Arc<dyn Activation>>, Problem> {
        Err(Problem { path: "class_name".to_owned(), message: self.message.clone() })
    }
}

fn language_of(path: &Path) -> Option<&'static Language> {
    Language::for_extension(path.extension()?.to_str()?)
}

fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_letter) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Reads a file.
fn read_file(path: &Path) -> io::Result<String> {
    // Reading a pipe would block.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("larger than {LONGEST} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("not valid UTF-8"))?;
    // Editors on Windows may add a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
