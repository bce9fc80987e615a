//! Texts that are brought from one document to another, with as little changed as possible: comments, order and
//! quotes of what stays the same survive.

mod align;
mod block;
mod editor;
mod flow;
mod node;
mod parse_json;
mod parse_yaml;
mod renamed;
mod splice;
mod style;
mod toml;

use self::{
    editor::{Editor, Place},
    parse_json::parse_json,
    parse_yaml::parse_yaml,
};
use crate::{document::Document, format::Format, parse_error::ParseError, tree::Tree};

/// A text that cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text is no document.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A part is written in a way that cannot be changed without the rest.
    #[error(
        "{}the file has anchors, tags or other syntax that cannot be changed in place: change it by hand, or write it again \
         with `novi export`",
        line.map(|line| format!("line {line}: ")).unwrap_or_default()
    )]
    Unsupported {
        /// The line of the first value that cannot be changed, if it is known.
        line: Option<usize>,
    },
}

impl Format {
    /// Changes a text of a document so that it is that of another. Comments, order and quotes of what both have in common
    /// stay.
    ///
    /// # Errors
    /// If the text is no document, if the format cannot have a value of the new document, or if a part is written in a
    /// way that cannot be changed alone. What is returned can be read as the new document.
    pub fn edit(self, text: &str, after: &Document) -> Result<String, EditError> {
        let before = self.read(text)?;
        if before == *after {
            return Ok(text.to_owned());
        }
        if let Some(renamed) = renamed::with_new_names(text, self, &before, after)
            && let Ok(edited) = self.edit_named(&renamed, after)
        {
            return Ok(edited);
        }
        self.edit_named(text, after)
    }

    /// As [`edit`](Self::edit), without renaming.
    fn edit_named(self, text: &str, after: &Document) -> Result<String, EditError> {
        let before = self.read(text)?;
        if before == *after {
            return Ok(text.to_owned());
        }
        // Reports what the format cannot have.
        let whole = self.write(after)?;
        let mut line = None;
        let edited = if before == Document::default() {
            Some(with_comments_of(text, &whole))
        } else {
            self.edited(text, &tree(&before), &with_new_ones_last(tree(after), &before), &mut line)
        };
        edited.filter(|edited| self.is_same(edited, after)).ok_or(EditError::Unsupported { line })
    }

    /// The text after a change. `line` is that of the first value which cannot be changed.
    fn edited(self, text: &str, before: &Tree, after: &Tree, line: &mut Option<usize>) -> Option<String> {
        if self == Self::Toml {
            return toml::edit(text, before, after);
        }
        // The places of the parser are those without it.
        let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |text| ("\u{feff}", text));
        let is_json = self == Self::Json;
        let root = if is_json { parse_json(text) } else { parse_yaml(text) }?;
        let mut editor = Editor::new(text, &root, is_json);
        let place = if root.is_flow() { Place::Flow } else { Place::Root };
        let edited = editor.edit(&root, before, after, place);
        *line = editor.refused.map(|place| editor.text.line_of(place));
        edited.ok()?;
        Some(format!("{mark}{}", editor.text.apply()?))
    }

    /// Whether a text can be read as a document. TOML cannot keep the order of all fields.
    fn is_same(self, text: &str, document: &Document) -> bool {
        self.read(text).is_ok_and(|read| tree(&read).is_same(&tree(document)))
    }
}

/// A document as a value, in which every field is in the order of the text.
fn tree(document: &Document) -> Tree {
    // Every document is JSON. A `serde_json::Value` would sort the fields.
    let text = serde_json::to_string(document);
    text.and_then(|text| serde_json::from_str(&text)).unwrap_or(Tree::Null)
}

/// The flags and activations that another document does not have come after all others of their section.
fn with_new_ones_last(mut tree: Tree, before: &Document) -> Tree {
    let Tree::Fields(sections) = &mut tree else { return tree };
    for (section, rows) in sections {
        if let Tree::Fields(rows) = rows {
            rows.sort_by_key(|(name, _)| match section.as_str() {
                "flags" => !before.flags.contains_key(name),
                _ => !before.activations.contains_key(name),
            });
        }
    }
    tree
}

/// A document below the comments of a text that has nothing else.
fn with_comments_of(text: &str, whole: &str) -> String {
    let is_comment =
        |line: &&str| line.trim_start().starts_with('#') || line.trim().is_empty() || *line == "---";
    if !text.trim_start_matches('\u{feff}').lines().all(|line| is_comment(&line)) {
        return whole.to_owned();
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{separator}{whole}")
}
