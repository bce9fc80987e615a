//! What became of the source, for people and in files.

use std::{fs, path::Path};

use novi_import::{Outcome, Report};
use serde_json::json;

use crate::output::{Failure, print};

/// Prints what is not exactly as before, and the counts.
pub(super) fn print_text(report: &Report) -> Result<(), Failure> {
    for item in report.items.iter().filter(|item| item.outcome != Outcome::Mapped) {
        print(format_args!("{}: {}", item.source, item.outcome))?;
    }
    print(report.summary())
}

/// Writes the report as JSON, or as Markdown if the file is named so.
pub(super) fn write_file(file: &Path, system: &str, report: &Report) -> Result<(), Failure> {
    let is_markdown = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
    let text = if is_markdown {
        format!("# Import from {system}\n\n{}", report.to_markdown())
    } else {
        let [mapped, approximated, not_mapped, kept] = report.counts();
        let json = json!({
            "system": system,
            "mapped": mapped,
            "approximated": approximated,
            "not_mapped": not_mapped,
            "kept": kept,
            "items": report.items,
        });
        format!("{json:#}\n")
    };
    fs::write(file, text)
        .map_err(|error| Failure::system(format!("could not write {}: {error}", file.display())))
}
