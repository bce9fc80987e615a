//! Invalid rows.

use std::{borrow::Cow, fmt};

use serde::Serialize;

/// An invalid row, or an invalid file of an activation type, and the flags that are broken by it. All other
/// flags are unaffected.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Issue {
    /// The table of the row; `novi_activations` for a file.
    pub table: &'static str,
    /// The row's id; for `flags_activations` that of the flag, if it has one, for `activation_members`
    /// that of the activation.
    pub id: Option<i64>,
    /// The row's name, or what stands for it; the file's name.
    pub name: String,
    /// The column, and for a config the path in its JSON: `config.splits[2]`; for a file the line and column.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
    /// The names of the flags that are broken by it, sorted. If thousands of issues each break thousands of
    /// flags, only the first issues name all of theirs, and the others those that no earlier one names.
    pub flags: Vec<String>,
    /// Whether the row is valid all the same: it has unknown fields, which are ignored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, path, message, .. } = self;
        let path = short_path(path);
        match id {
            Some(id) => write!(f, "{table}#{id} {name:?}: {path}: {message}"),
            None => write!(f, "{table} {name:?}: {path}: {message}"),
        }
    }
}

/// A path as people read it: of a long one the start, the end, and how many steps are in between.
pub(crate) fn short_path(path: &str) -> Cow<'_, str> {
    /// So many steps are shown at either end.
    const SHOWN: usize = 4;
    let steps = |separator: char| path.match_indices(separator).map(|(at, _)| at).collect::<Vec<_>>();
    for steps in [steps('.'), steps('[')] {
        let omitted = steps.len().saturating_sub(2 * SHOWN - 1);
        let ends = (steps.get(SHOWN - 1), steps.iter().nth_back(SHOWN - 1));
        if let ((Some(&end), Some(&start)), true) = (ends, omitted > 1)
            && let (Some(first), Some(last)) = (path.get(..end), path.get(start..))
        {
            return Cow::Owned(format!("{first}.… {omitted} more ….{}", last.trim_start_matches('.')));
        }
    }
    Cow::Borrowed(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_shortened_in_the_middle() {
        for path in ["", "name", "config.cases[2].gives", &"config[0].".repeat(8)] {
            assert_eq!(short_path(path), path);
        }
        assert_eq!(
            short_path(&format!("{}class_name", "config[0].".repeat(64))),
            "config[0].config[0].config[0].config[0].… 57 more ….config[0].config[0].config[0].class_name"
        );
        assert_eq!(
            short_path(&format!("config{}", "[10]".repeat(64))),
            "config[10][10][10].… 57 more ….[10][10][10][10]"
        );
    }
}
