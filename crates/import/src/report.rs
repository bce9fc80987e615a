//! What became of each part of a source.

use std::fmt::{self, Write as _};

use serde::Serialize;

/// What became of each part of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The parts, in the order of the source.
    pub items: Vec<Item>,
}

/// What became of one part of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The place in the source, such as `flags.checkout` or `flipper_gates#3`.
    pub source: String,
    /// The name of the flag, if the part belongs to one.
    pub flag: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a part of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is evaluated as before.
    Mapped,
    /// It is evaluated almost as before.
    Approximated {
        /// What is different.
        how: String,
    },
    /// It is not imported.
    NotMapped {
        /// What has no equivalent.
        why: String,
    },
    /// It came from an earlier import and was not written by this one, and its rows stay as they are.
    Kept {
        /// Why this import did not write it.
        why: String,
    },
}

impl Report {
    /// How many parts were mapped, approximated and not mapped, and how many flags were kept.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for item in &self.items {
            let [mapped, approximated, not_mapped, kept] = &mut counts;
            *match item.outcome {
                Outcome::Mapped => mapped,
                Outcome::Approximated { .. } => approximated,
                Outcome::NotMapped { .. } => not_mapped,
                Outcome::Kept { .. } => kept,
            } += 1;
        }
        counts
    }

    /// The report as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("| source | flag | outcome |\n|---|---|---|\n");
        for Item { source, flag, outcome } in &self.items {
            let cells = [source, flag.as_deref().unwrap_or_default(), &outcome.to_string()].map(cell);
            // Writing to a string does not fail.
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }

    /// A line with the counts.
    #[must_use]
    pub fn summary(&self) -> String {
        let [mapped, approximated, not_mapped, kept] = self.counts();
        let counts = format!("{mapped} mapped, {approximated} approximated, {not_mapped} not mapped");
        if kept == 0 { counts } else { format!("{counts}, {kept} kept") }
    }

    pub(crate) fn push(&mut self, source: impl Into<String>, flag: Option<&str>, outcome: Outcome) {
        self.items.push(Item { source: source.into(), flag: flag.map(str::to_owned), outcome });
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Item { source, outcome, .. } in &self.items {
            writeln!(f, "{source}: {outcome}")?;
        }
        writeln!(f, "{}", self.summary())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped => f.write_str("mapped"),
            Self::Approximated { how } => write!(f, "approximated: {how}"),
            Self::NotMapped { why } => write!(f, "not mapped: {why}"),
            Self::Kept { why } => write!(f, "kept as it is: {why}"),
        }
    }
}
