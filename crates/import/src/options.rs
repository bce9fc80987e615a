//! What a source does not say.

use std::collections::BTreeMap;

use crate::error::ImportError;

/// What a source does not say, and the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The attribute that identifies callers, where the source does not name one.
    pub by: String,
    /// The environment to import, of a source that has several.
    pub environment: Option<String>,
    /// The version of hanoi, if the prefix of its keys does not say it.
    pub hanoi_version: Option<HanoiVersion>,
    /// Whether the gem rollout has the option `randomize_percentage`.
    pub randomize_percentage: bool,
    /// The groups of experiments that callers have, by flag and caller: feats.py leaves it to the program to remember
    /// them.
    pub groups: BTreeMap<String, BTreeMap<String, String>>,
}

impl Options {
    /// The groups of a JSON text: an object from flags to objects from callers to groups.
    ///
    /// # Errors
    /// A text that is not such an object.
    pub fn groups_from_json(text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, ImportError> {
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            ImportError::new(format!(
                "expected an object from flags to objects from callers to groups: {error}"
            ))
        })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            by: "targetingKey".to_owned(),
            environment: None,
            hanoi_version: None,
            randomize_percentage: false,
            groups: BTreeMap::new(),
        }
    }
}

/// How hanoi compares a caller's place with the percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HanoiVersion {
    /// The release 0.0.4: on from the percentage on (`>=`). Its keys start with `rollout:`.
    Release,
    /// The head of the repository: on up to the percentage (`<=`). Its keys start with `h:`.
    Head,
}

impl HanoiVersion {
    /// The version of a name: `0.0.4` or `head`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "0.0.4" => Some(Self::Release),
            "head" => Some(Self::Head),
            _ => None,
        }
    }
}
