//! `novi refs`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use novi_refs::{Kind, Options, Report, find};
use serde_json::{Value, json};

use super::change::Current;
use crate::{
    output::{Failure, count, print, print_json, print_note},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi refs
  novi refs src web --deny
  novi refs --format sarif > flags.sarif

A use is a name in quotes in a file of any language, or an identifier with the words of the name, such as NEW_CHECKOUT or \
newCheckout for new-checkout; names of one word have no such identifiers. Unknown names are those that novi's functions and \
macros, and OpenFeature's SDKs, are called with. Files that .gitignore, .ignore or .noviignore name are not read, nor hidden \
and binary ones, nor those of more than 4 MiB.
";

/// Find the flags in source code: where each is used, names that are no flags, and flags that no code uses
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Refs {
    /// Folders with source code
    #[arg(value_name = "DIR", default_value = ".")]
    folders: Vec<PathBuf>,

    /// Count only names in quotes
    #[arg(long)]
    no_aliases: bool,

    /// Exit with code 1 if code uses a name that is no flag
    #[arg(long)]
    deny: bool,

    /// Format of the output
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// As --json
    Json,
    /// For code scanning, in SARIF 2.1.0
    Sarif,
}

impl Refs {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let current = Current::of_session(session).await?;
        let flags: Vec<String> = current.rows.flags.iter().map(|row| row.name.clone()).collect();
        let mut report = Report::default();
        for folder in &self.folders {
            let mut found = find(folder, &flags, Options::new().with_aliases(!self.no_aliases))
                .map_err(|error| Failure::system(format!("could not read {}: {error}", folder.display())))?;
            // Paths are as the command line has them.
            let full = |path: &Path| folder.join(path).components().skip_while(is_here).collect::<PathBuf>();
            let references = found.references.iter_mut().map(|found| &mut found.path);
            let unknown = found.unknown.iter_mut().map(|found| &mut found.path);
            let skipped = found.skipped.iter_mut().map(|found| &mut found.path);
            for path in references.chain(unknown).chain(skipped) {
                *path = full(path);
            }
            report.references.append(&mut found.references);
            report.unknown.append(&mut found.unknown);
            report.skipped.append(&mut found.skipped);
            report.files += found.files;
        }
        report.references.sort_unstable();
        report.unknown.sort_unstable();
        let used: Vec<&str> = report.references.iter().map(|found| found.flag.as_str()).collect();
        report.unused =
            flags.iter().filter(|flag| used.binary_search(&flag.as_str()).is_err()).cloned().collect();
        for skipped in &report.skipped {
            print_note(format_args!("note: {} was not read: {}", skipped.path.display(), skipped.why))?;
        }
        match self.format {
            Format::Sarif => print_json(&sarif(&report))?,
            Format::Json => print_json(&report)?,
            Format::Text if session.json => print_json(&report)?,
            Format::Text => print_text(&report)?,
        }
        let fails = self.deny && !report.unknown.is_empty();
        Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn is_here(part: &std::path::Component<'_>) -> bool {
    matches!(part, std::path::Component::CurDir)
}

fn print_text(report: &Report) -> Result<(), Failure> {
    let mut flags: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for found in &report.references {
        let how = if found.kind == Kind::Alias { " (by an identifier)" } else { "" };
        let place = format!("{}:{}:{}", found.path.display(), found.line, found.column);
        flags.entry(&found.flag).or_default().push(format!("  {place}{how}  {}", found.text));
    }
    for (flag, places) in flags {
        print(flag)?;
        for place in places {
            print(place)?;
        }
    }
    if !report.unknown.is_empty() {
        print("Names that are no flags:")?;
    }
    for unknown in &report.unknown {
        let hint =
            unknown.similar.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
        let place = format!("{}:{}:{}", unknown.path.display(), unknown.line, unknown.column);
        print(format_args!("  {place}  {:?}{hint}", unknown.name))?;
    }
    if !report.unused.is_empty() {
        print("Flags that no code uses:")?;
    }
    for flag in &report.unused {
        print(format_args!("  {flag}"))?;
    }
    print(format_args!("{}: {}", count(report.files, "file"), count(report.references.len(), "use")))
}

/// The unknown names as results of a scan.
fn sarif(report: &Report) -> Value {
    let results = report.unknown.iter().map(|unknown| {
        let hint =
            unknown.similar.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
        let uri: Vec<_> = unknown.path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        json!({
            "ruleId": "unknown-flag",
            "level": "error",
            "message": {"text": format!("no flag is named {:?}{hint}", unknown.name)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri.join("/")},
                "region": {"startLine": unknown.line, "startColumn": unknown.column},
            }}],
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "novi refs",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [{
                    "id": "unknown-flag",
                    "shortDescription": {"text": "Code evaluates a flag that does not exist"},
                }],
            }},
            "results": results.collect::<Vec<_>>(),
        }],
    })
}
