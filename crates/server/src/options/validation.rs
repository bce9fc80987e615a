//! The invalid keys of the section `[server]`.

use std::fmt;

use crate::options::Options;

/// An invalid key of the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionError {
    key: &'static str,
    message: String,
    is_file: bool,
}

impl SectionError {
    pub(super) fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into(), is_file: false }
    }

    /// This error, about the file that the key names.
    pub(super) fn of_file(self) -> Self {
        Self { is_file: true, ..self }
    }

    /// Whether a file that the section names cannot be read, or is invalid.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.is_file
    }
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[server] {}: {}", self.key, self.message)
    }
}

impl std::error::Error for SectionError {}

/// The invalid keys of the section, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionErrors(Vec<SectionError>);

impl SectionErrors {
    /// The invalid keys.
    pub fn iter(&self) -> impl Iterator<Item = &SectionError> {
        self.0.iter()
    }

    /// Whether all of them are about files that cannot be read, or are invalid.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.0.iter().all(SectionError::is_file)
    }
}

impl fmt::Display for SectionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [error] = self.0.as_slice() {
            return error.fmt(f);
        }
        write!(f, "{} problems", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n{error}"))
    }
}

impl std::error::Error for SectionErrors {}

/// Collects the invalid keys of a section, so that people correct them all at once.
#[derive(Default)]
pub(super) struct Validation {
    errors: Vec<SectionError>,
}

impl Validation {
    /// The value, or any in its place if it is invalid.
    pub(super) fn value<T: Default>(&mut self, value: Result<T, SectionError>) -> T {
        value.unwrap_or_else(|error| {
            self.errors.push(error);
            T::default()
        })
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        texts: &[String],
        parse: fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut parsed = Vec::with_capacity(texts.len());
        for text in texts {
            match parse(text) {
                Ok(value) => parsed.push(value),
                Err(message) => self.errors.push(SectionError::new(key, message)),
            }
        }
        parsed
    }

    pub(super) fn finish(self, options: Options) -> Result<Options, SectionErrors> {
        if self.errors.is_empty() { Ok(options) } else { Err(SectionErrors(self.errors)) }
    }
}
