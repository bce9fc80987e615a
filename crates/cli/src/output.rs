//! How commands print: tables for people, JSON for programs.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// Prints text for people and ends the line.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    write(&readable(&format!("{text}\n")))
}

/// Writes text as it is. A reader that has seen enough (`novi list | head -1`) is no failure.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

/// Text without control characters: a name in a row could otherwise move the cursor or color the terminal.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    let harmful = |letter: char| letter.is_control() && letter != '\n';
    if !text.contains(harmful) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if harmful(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::output(&error.into()))?;
    write(&(text + "\n"))
}

/// Prints rows below their headings.
pub(crate) fn print_table<R: IntoIterator<Item = String>>(
    headings: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings);
    for row in rows {
        // Before the widths are measured.
        table.add_row(row.into_iter().map(|cell| readable(&cell).into_owned()));
    }
    print(table)
}
