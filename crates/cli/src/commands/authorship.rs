//! Who makes a change and why, for the history.

use clap::{Args, builder::NonEmptyStringValueParser};
use novi::store::Author;

/// The author of what an import writes.
pub(super) const IMPORT: &str = "import";

// No doc comments on these two: clap would take them for the help of the commands that flatten them.
#[derive(Clone, Debug, Args)]
pub(super) struct Authorship {
    /// Reason to record in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    actor: Actor,
}

#[derive(Clone, Debug, Default, Args)]
pub(super) struct Actor {
    /// Name to record as the author [default: $USER, else $LOGNAME, else the user of the operating system]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    actor: Option<String>,
}

impl Authorship {
    /// Whom the history will name.
    pub(super) fn actor(&self) -> Option<String> {
        self.actor.clone().name()
    }

    pub(super) fn author(self) -> Author {
        Author { actor: self.actor.name(), reason: self.reason }
    }

    /// The author, with this reason if none was given.
    pub(super) fn author_or(self, reason: String) -> Author {
        Author { actor: self.actor.name(), reason: self.reason.or(Some(reason)) }
    }

    /// The author, with a reason made of the one that was given.
    pub(super) fn author_with(self, reason: impl Fn(Option<&str>) -> String) -> Author {
        Author { actor: self.actor.name(), reason: Some(reason(self.reason.as_deref())) }
    }
}

impl Actor {
    pub(super) fn name(self) -> Option<String> {
        let from_env = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let name = self.actor.or_else(|| from_env().filter(|name| !name.is_empty()));
        name.or_else(|| whoami::username().ok()).filter(|name| !name.is_empty())
    }
}
