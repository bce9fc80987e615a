//! The folder of files that are activation types: `office_hours.cel` in it is the class `novi_activations.office_hours`.

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
        Activation, Compile, Problem,
        registry::{ActivationType, Language, Registry, Script},
    },
    error::{Error, Result},
    rows::issue::Issue,
};

/// What stands before a file's name in its class. Python novi's folder has this name, and so have its modules.
const PACKAGE: &str = "novi_activations";

/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where the files are.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Whether the folder must be there.
    pub(crate) required: bool,
}

/// What a folder held when it was read, sorted by name. A file that could not be read has its reason.
#[derive(Clone, Debug, Default, PartialEq)]
struct Files(Vec<(String, std::result::Result<String, String>)>);

/// The registered types, and those of the folder as it was read last.
pub(crate) struct Types {
    registered: Registry,
    folder: Option<Folder>,
    last: Mutex<Last>,
}

struct Last {
    files: Files,
    registry: Arc<Registry>,
    /// Whether no snapshot has been compiled with these yet.
    is_new: bool,
    /// Whether the folder could not be read when that was last tried.
    failed: bool,
}

impl Types {
    /// # Errors
    /// [`Error::File`] when the folder can not be read.
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

    /// Whether there is a folder to look into.
    #[cfg(feature = "sql")]
    pub(crate) const fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Reads the folder again. Gives whether there is something new that no snapshot has been compiled with. A folder that
    /// can not be read is as it was.
    pub(crate) fn look(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        // All of each file: their times tell less, and there are few.
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
                tracing::error!("could not read {path}: {error}; the types that were read last answer");
            }
            Err(_) => (),
        }
        last.is_new
    }

    /// The types that the present snapshot was compiled with, or will be.
    pub(crate) fn present(&self) -> Arc<Registry> {
        Arc::clone(&self.last.lock().unwrap_or_else(PoisonError::into_inner).registry)
    }

    /// The types to compile a snapshot with.
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
                match read(&path) {
                    // Deleted since its name was read.
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
                format!("expected a name of its own; {} registers the class {class:?}", known.location());
            return registry.note(None, issue("file name".to_owned(), message));
        }
        let language = language_of(&path);
        let mut description =
            text.ok().zip(language).map(|(text, language)| (language.describe)(text)).unwrap_or_default();
        let read = match (text, language) {
            (Ok(text), Some(language)) => (language.read)(name, text),
            (Err(error), _) => Err(vec![Problem { path: "file".to_owned(), message: error.clone() }]),
            (_, None) => return,
        };
        let script = read.unwrap_or_else(|problems| {
            let blank = if description.is_empty() { "" } else { " " };
            description.extend([blank, "(does not compile)"]);
            let broken = Broken { message: format!("expected a file that compiles; {name} does not") };
            for problem in problems {
                registry.note(Some(class.clone()), issue(problem.path, problem.message));
            }
            Arc::new(broken)
        });
        let kind = ActivationType::file(class, description, path.display().to_string(), script);
        // No other file has the name, and no other type.
        if let Err(error) = registry.add(kind) {
            registry.note(None, issue("file name".to_owned(), error.to_string()));
        }
    }
}

/// Stands for a file that does not compile: rows of its class do not either.
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
        _: &mut Compile<'_>,
    ) -> std::result::Result<Option<Arc<dyn Activation>>, Problem> {
        Err(Problem { path: "class_name".to_owned(), message: self.message.clone() })
    }
}

fn language_of(path: &Path) -> Option<&'static Language> {
    Language::of(path.extension()?.to_str()?)
}

fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_letter) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// The text of a file that is not too long.
fn read(path: &Path) -> io::Result<String> {
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("expected a file, found something else"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("expected at most {LONGEST} bytes, found more")));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("expected UTF-8"))?;
    // An editor on Windows may put it before the text.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
