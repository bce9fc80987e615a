//! What was read.

use novi_import::{
    Imported, Outcome, Report,
    feats::{History, Past},
    features_service::Token,
};

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) imported: Imported,
    /// The states that flags had, oldest first, and what became of them.
    pub(super) past: Vec<Past>,
    pub(super) report_of_past: Report,
    pub(super) tokens: Vec<Token>,
}

impl From<Imported> for Read {
    fn from(imported: Imported) -> Self {
        Self { imported, ..Self::default() }
    }
}

impl From<History> for Read {
    fn from(history: History) -> Self {
        let History { now, states, report, .. } = history;
        Self { imported: now, past: states, report_of_past: report, ..Self::default() }
    }
}

impl Read {
    /// Adds to the report what became of the past: as read, or not imported since the database has later changes.
    pub(super) fn settle_past(&mut self, is_imported: bool) {
        if is_imported {
            self.imported.report.items.append(&mut self.report_of_past.items);
        } else {
            self.reject_past(
                "the database has changes that are later than this state; the past is imported into a database whose \
                 history begins with it",
            );
        }
    }

    /// Adds to the report that the past is not imported.
    pub(super) fn reject_past(&mut self, why: &str) {
        for mut item in std::mem::take(&mut self.report_of_past.items) {
            item.outcome = Outcome::NotMapped { why: why.to_owned() };
            self.imported.report.items.push(item);
        }
    }
}
