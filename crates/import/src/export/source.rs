//! The flags that are written, and the report.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    activation::Registry,
    rows::{FlagRow, Rows},
    snapshot::Snapshot,
};
use novi_files::{Document, Flag, Tree};

use super::{
    condition::Node,
    reader::Reader,
    values::{unsaid, variants},
};
use crate::report::{Outcome, Report};

/// The flags of another system, and what became of each.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exported {
    /// The file of the other system.
    pub document: Tree,
    /// What became of each flag.
    pub report: Report,
}

/// The flags to write.
pub(super) struct Source {
    pub(super) rows: Rows,
    pub(super) registry: Registry,
    pub(super) document: Document,
    /// Flags with an invalid row, and what is wrong.
    broken: BTreeMap<String, String>,
}

/// A flag as the other systems see it.
pub(super) struct Drafted {
    pub(super) node: Node,
    pub(super) variants: Vec<(String, Option<Tree>)>,
    /// Whether clients get the value of the variant, and not whether the flag is on.
    pub(super) has_values: bool,
}

/// A flag of the other system, and what is different there.
pub(super) struct Written {
    pub(super) value: Tree,
    pub(super) differences: BTreeSet<String>,
}

impl Source {
    pub(super) fn of(snapshot: &Snapshot, registry: &Registry) -> Self {
        let rows = snapshot.rows().cloned().unwrap_or_default();
        let document = Document::from_rows(&rows, registry);
        let mut broken = BTreeMap::new();
        for issue in snapshot.issues().iter().filter(|issue| !issue.warning) {
            for flag in &issue.flags {
                broken.entry(flag.clone()).or_insert_with(|| issue.to_string());
            }
        }
        Self { rows, registry: registry.clone(), document, broken }
    }

    /// What a flag does while its status is on.
    pub(super) fn draft(&self, flag: &Flag, row: &FlagRow, keeps_shared: bool) -> Result<Drafted, String> {
        let node = Reader::new(&self.document, &self.registry, keeps_shared).flag(flag)?;
        let (variants, has_values) = variants(flag, row, &node, &self.registry)?;
        Ok(Drafted { node, variants, has_values })
    }

    /// What an activation for several flags does.
    pub(super) fn shared(&self, name: &str) -> Result<Node, String> {
        Reader::new(&self.document, &self.registry, true).shared(name)
    }

    /// Writes each flag, or reports why it cannot be written. `said` are the fields that the other system has.
    pub(super) fn write(
        &self,
        system: &str,
        said: &[&'static str],
        mut write: impl FnMut(&Flag, &FlagRow) -> Result<Written, String>,
    ) -> (Vec<(String, Tree)>, Report) {
        let rows: BTreeMap<&str, &FlagRow> =
            self.rows.flags.iter().map(|row| (row.name.as_str(), row)).collect();
        let (mut flags, mut report) = (Vec::new(), Report::default());
        for (name, flag) in &self.document.flags {
            let source = format!("flags.{name}");
            let Some(row) = rows.get(name.as_str()) else { continue };
            let written = match self.broken.get(name) {
                Some(issue) => Err(format!("an invalid row breaks it: {issue}")),
                None => write(flag, row),
            };
            let outcome = match written {
                Ok(Written { value, differences }) => {
                    flags.push((name.clone(), value));
                    let how = differences.into_iter().collect::<Vec<_>>().join("; ");
                    if how.is_empty() { Outcome::Mapped } else { Outcome::Approximated { how } }
                }
                Err(why) => Outcome::NotMapped { why },
            };
            let is_written = !matches!(outcome, Outcome::NotMapped { .. });
            report.push(source.clone(), Some(name), outcome);
            let unsaid = unsaid(flag, said);
            if is_written && !unsaid.is_empty() {
                let why = format!("{system} has no place for it");
                report.push(format!("{source}: {}", unsaid.join(", ")), None, Outcome::NotMapped { why });
            }
        }
        (flags, report)
    }
}
