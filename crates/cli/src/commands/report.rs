//! What became of each flag of an import or an export, for people and in files.

use std::{fs, path::Path};

use novi_import::{Outcome, Report};
use serde_json::json;

use crate::output::{Failure, print, print_note};

/// Prints what is not exactly the same, and the counts.
pub(super) fn print_text(report: &Report) -> Result<(), Failure> {
    print(text(report))
}

/// Prints it as a note, where the output is a file.
pub(super) fn print_as_note(report: &Report) -> Result<(), Failure> {
    print_note(text(report))
}

fn text(report: &Report) -> String {
    let items = report.items.iter().filter(|item| item.outcome != Outcome::Mapped);
    let lines = items.map(|item| format!("{}: {}\n", item.source, item.outcome));
    lines.chain([report.summary()]).collect()
}

/// Writes the report as JSON, or as Markdown if the file is named so.
pub(super) fn write_file(file: &Path, title: &str, system: &str, report: &Report) -> Result<(), Failure> {
    let is_markdown = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
    let text = if is_markdown {
        format!("# {title} {system}\n\n{}", report.to_markdown())
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
