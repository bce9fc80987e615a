//! What a source does not say.

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            by: "targetingKey".to_owned(),
            environment: None,
            hanoi_version: None,
            randomize_percentage: false,
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
