//! The formats of files.

use std::path::Path;

use schemars::Schema;
use serde::de::DeserializeOwned;

use crate::{
    document::{Activated, Document},
    parse_error::ParseError,
    tree::Tree,
};

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2
    Yaml,
    /// TOML 1.0
    Toml,
    /// JSON
    Json,
}

impl Format {
    /// The format of a file, by its extension: `yaml`, `yml`, `toml` or `json`.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The name of a format: `yaml`, `toml` or `json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If the text is not of this format, has a field twice, or has fields that documents do not have; with the line,
    /// or with the path of the field.
    pub fn read(self, text: &str) -> Result<Document, ParseError> {
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Ok(Document::default());
        }
        self.parse(text)
    }

    /// Reads a value of another type, with the same rules and errors.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse<T: DeserializeOwned>(self, text: &str) -> Result<T, ParseError> {
        let text = text.trim_start_matches('\u{feff}');
        match self {
            Self::Yaml => {
                let options = serde_saphyr::options! {
                    // Norway is no boolean, and neither is `on`, unless a boolean is expected.
                    strict_booleans: true,
                    underscored_numbers_as_strings: true,
                    // The limits of aliases stay. A list can have 100,000 members.
                    budget: None,
                    with_snippet: false,
                };
                let mut path = None;
                let read =
                    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
                        serde_path_to_error::deserialize(deserializer).map_err(|error| {
                            path = Some(error.path().to_string());
                            error.into_inner()
                        })
                    });
                read.map_err(|error| ParseError::yaml(&error, path.as_deref()))
            }
            Self::Toml => toml::from_str(text).map_err(|error| ParseError::new(&error)),
            Self::Json => {
                // It finds fields that occur twice.
                let error = |error: &dyn std::fmt::Display| ParseError::new(error);
                serde_json::from_str::<Tree>(text).map_err(|found| error(&found))?;
                let mut deserializer = serde_json::Deserializer::from_str(text);
                serde_path_to_error::deserialize(&mut deserializer).map_err(|found| error(&found))
            }
        }
    }

    /// Writes a document.
    ///
    /// # Errors
    /// If the format cannot have a value: TOML has no `null`.
    pub fn write(self, document: &Document) -> Result<String, ParseError> {
        match self {
            Self::Yaml => serde_saphyr::to_string(document).map_err(|error| ParseError(error.to_string())),
            Self::Toml => {
                if let Some(place) = null_in(document) {
                    return Err(ParseError(format!(
                        "{place} has a null, which TOML cannot have: use YAML or JSON"
                    )));
                }
                toml::to_string_pretty(document).map_err(|error| ParseError(error.to_string()))
            }
            Self::Json => {
                let text =
                    serde_json::to_string_pretty(document).map_err(|error| ParseError(error.to_string()))?;
                Ok(text + "\n")
            }
        }
    }

    /// The JSON Schema of documents.
    #[must_use]
    pub fn schema() -> Schema {
        schemars::schema_for!(Document)
    }
}

fn null_in(document: &Document) -> Option<String> {
    let has = |tree: &Option<Tree>| tree.as_ref().is_some_and(Tree::has_null);
    for (name, activation) in &document.activations {
        if has(&activation.config) {
            return Some(format!("the activation {name:?}"));
        }
    }
    document.flags.iter().find_map(|(name, flag)| {
        let own = flag.activations.iter().any(|activation| match activation {
            Activated::Own(own) => has(&own.config),
            Activated::Shared(_) => false,
        });
        (own || has(&flag.variants) || has(&flag.metadata)).then(|| format!("the flag {name:?}"))
    })
}
