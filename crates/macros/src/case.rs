//! The cases of `rename_all`, with the names and results of serde's, so that a type has the same names in
//! both.

use crate::{arguments::Errors, options::Options};

#[derive(Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// The values of `rename_all`, for messages.
const KNOWN: &str = "`lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, \
    `kebab-case`, `SCREAMING-KEBAB-CASE`";

impl Case {
    /// The case in `rename_all`.
    pub(crate) fn parse(options: &Options, errors: &mut Errors) -> Option<Self> {
        let name = options.text("rename_all", errors)?;
        let case = Self::named(&name.value());
        if case.is_none() {
            errors.at(name.span(), format!("unknown case {:?}; expected one of {KNOWN}", name.value()));
        }
        case
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// Converts the name of a field from snake case.
    pub(crate) fn of_field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(|word| first(word, char::to_ascii_uppercase)).collect(),
            Self::Camel => first(&Self::Pascal.of_field(name), char::to_ascii_lowercase),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Converts the name of a variant from Pascal case. Each capital starts a word: `HTTP` has four.
    pub(crate) fn of_variant(self, name: &str) -> String {
        match self {
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Pascal => name.to_owned(),
            Self::Camel => first(name, char::to_ascii_lowercase),
            Self::Snake => {
                let mut snake = String::new();
                for (at, letter) in name.char_indices() {
                    if at > 0 && letter.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(letter.to_ascii_lowercase());
                }
                snake
            }
            Self::ScreamingSnake | Self::Kebab | Self::ScreamingKebab => {
                self.of_field(&Self::Snake.of_variant(name))
            }
        }
    }
}

/// Changes the first letter of the word.
fn first(word: &str, change: fn(&char) -> char) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| change(&first)).into_iter().chain(letters).collect()
}
