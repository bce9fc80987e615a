//! What commands print: tables and sentences for people, JSON for programs.

mod changes;
mod color;
mod failure;
mod file;
mod plan;
mod progress;
mod question;
mod sanitize;

use std::io::{self, Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

pub(crate) use self::{
    changes::{field, fields},
    color::{colored_explanation, is_color_wanted},
    failure::Failure,
    file::replace_file,
    plan::PlanReport,
    progress::{Progress, with_progress},
    question::confirm,
    sanitize::{one_line, sanitize},
};

/// Printed at the end of every dry run.
pub(crate) const DRY_RUN: &str = "Dry run: nothing was written.";

/// Printed before it if the rows are as they would be already.
pub(crate) const NOTHING_WOULD_CHANGE: &str = "No changes.";

/// The error of a dry run whose output lists problems.
pub(crate) const WOULD_BE_REJECTED: &str = "the change would be rejected; correct its problems first";

/// Prints text for people and ends the line.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    write(&sanitize(&format!("{text}\n")))
}

/// Prints each on a line.
pub(crate) fn write_lines(lines: &[&str]) -> Result<(), Failure> {
    let text: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
    write(&sanitize(&text))
}

/// Writes text as it is. A reader that stops early (`novi list | head -1`) is not an error.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

/// Writes text as it is, for commands that do not end by themselves. Returns `false` if the reader has gone.
pub(crate) fn write_until_closed(text: &str) -> Result<bool, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::output(&error)),
    }
}

/// Prints a note on standard error, which scripts do not read.
pub(crate) fn print_note(text: impl std::fmt::Display) -> Result<(), Failure> {
    let text = format!("{text}\n");
    io::stderr().write_all(sanitize(&text).as_bytes()).map_err(|error| Failure::output(&error))
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::output(&error.into()))?;
    write(&(text + "\n"))
}

/// Prints a table.
pub(crate) fn print_table<R: IntoIterator<Item = String>>(
    headings: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings);
    for row in rows {
        // Sanitized before the table measures the widths.
        table.add_row(row.into_iter().map(|cell| sanitize(&cell).into_owned()));
    }
    print(table)
}

/// A time in UTC, to the second.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `1 flag`, `2 flags`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
