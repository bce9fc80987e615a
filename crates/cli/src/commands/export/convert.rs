//! Flags as files of other systems.

use std::{fs, path::Path, process::ExitCode};

use clap::ValueEnum;
use novi_files::Tree;
use novi_import::{
    Outcome,
    export::{self, Exported},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    commands::{change::Current, report},
    output::{Failure, count, print, print_json, replace_file, write as write_text},
    session::Session,
};

/// A system that flags can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// A flag definition of flagd, in JSON
    Flagd,
    /// The manifest of the OpenFeature CLI: types and defaults of flags, without their rules
    Openfeature,
    /// A folder for a static web server, with the responses of OFREP for flags that are the same for all callers
    OfrepStatic,
    /// A file for the import of Unleash, in JSON
    Unleash,
}

/// Where a file and its report are written.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: Option<&'a Path>,
    pub(super) report: Option<&'a Path>,
}

impl System {
    fn name(self) -> &'static str {
        match self {
            Self::Flagd => "flagd",
            Self::Openfeature => "OpenFeature",
            Self::OfrepStatic => "OFREP",
            Self::Unleash => "Unleash",
        }
    }

    pub(super) fn write(self, current: &Current, environment: &str) -> Exported {
        let (snapshot, registry) = (&current.snapshot, &current.registry);
        match self {
            Self::Flagd => export::flagd::write(snapshot, registry),
            Self::Openfeature => export::openfeature::write(snapshot, registry),
            Self::OfrepStatic => export::ofrep::write(snapshot, registry),
            Self::Unleash => export::unleash::write(snapshot, registry, environment),
        }
    }
}

/// Writes the file and the report. The exit code is 1 if a flag is left out.
pub(super) fn write(
    session: &Session,
    system: System,
    exported: &Exported,
    place: Place<'_>,
) -> Result<ExitCode, Failure> {
    let Exported { document, report, .. } = exported;
    let is_left_out =
        |item: &&novi_import::Item| item.flag.is_some() && matches!(item.outcome, Outcome::NotMapped { .. });
    let left_out = report.items.iter().filter(is_left_out).count();
    let flags = report.items.iter().filter(|item| item.flag.is_some()).count() - left_out;
    match place.file {
        Some(folder) if system == System::OfrepStatic => write_folder(folder, document)?,
        Some(file) => replace_file(file, &pretty(document))?,
        None if !session.json => write_text(&pretty(document))?,
        None => (),
    }
    if let Some(file) = place.report {
        report::write_file(file, "Export to", system.name(), report)?;
    }
    match (place.file, session.json) {
        (Some(file), true) => {
            print_json(&json!({"file": file, "flags": flags, "report": report.items}))?;
        }
        (None, true) => print_json(&json!({"document": value(document), "report": report.items}))?,
        (Some(file), false) => {
            report::print_text(report)?;
            print(format_args!("Wrote {} to {}.", count(flags, "flag"), file.display()))?;
        }
        (None, false) => report::print_as_note(report)?,
    }
    Ok(if left_out == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A document as a value, in which the order of variants does not matter.
fn value(document: &Tree) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

fn pretty(document: &Tree) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("{text}\n")
}

/// Writes the response for all flags, and that for each.
fn write_folder(folder: &Path, document: &Tree) -> Result<(), Failure> {
    let place = folder.join(export::ofrep::PATH);
    fs::create_dir_all(&place)
        .map_err(|error| Failure::system(format!("could not create {}: {error}", place.display())))?;
    replace_file(&place.join("index.json"), &pretty(document))?;
    for flag in document.get("flags").and_then(Tree::as_list).unwrap_or_default() {
        let key = flag.get("key").and_then(Tree::as_str).unwrap_or_default();
        replace_file(&place.join(file_name(key)), &pretty(flag))?;
    }
    Ok(())
}

/// What names of files have as it is.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b' ');

/// The name of a flag's file: what a path cannot have is percent-encoded, so that no flag leaves the folder.
fn file_name(key: &str) -> String {
    format!("{}.json", utf8_percent_encode(key, &PLAIN))
}
