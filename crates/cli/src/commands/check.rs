//! `novi check`.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use novi::{Flags, rows::Issue, snapshot::Manifest};
use serde_json::json;

use crate::{
    output::{Failure, count, print, print_json},
    session::{Session, read_input},
};

/// Report rows that do not compile (exit code 1 if there are any)
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Report flags and variants that do not match a program, too: FILE has the JSON of the program's
    /// `novi::manifest()` (- reads standard input)
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

impl Check {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let mut builder = Flags::builder();
        let manifest = self.against.as_deref().map(read_manifest).transpose()?;
        if let Some(manifest) = &manifest {
            builder = builder.features(manifest.clone());
        }
        let flags = session.flags_with(builder).await?;
        let snapshot = flags.snapshot();
        let mut issues = snapshot.issues().to_vec();
        issues.extend(manifest.iter().flat_map(|manifest| snapshot.missing_flags(manifest)));
        let (flags, activations) =
            snapshot.rows().map_or((0, 0), |rows| (rows.flags.len(), rows.activations.len()));
        if session.json {
            print_json(&json!({"revision": snapshot.revision(), "issues": issues}))?;
        } else if issues.is_empty() {
            let features =
                manifest.map(|manifest| format!(", {}", count(manifest.features.len(), "feature")));
            print(format_args!(
                "{}, {}{}, revision {}: no issues",
                count(flags, "flag"),
                count(activations, "activation"),
                features.unwrap_or_default(),
                snapshot.revision(),
            ))?;
        } else {
            for issue in &issues {
                print(issue)?;
                if !issue.flags.is_empty() {
                    let quoted: Vec<_> = issue.flags.iter().map(|flag| format!("{flag:?}")).collect();
                    print(format_args!("    breaks: {}", quoted.join(", ")))?;
                }
            }
            print(format_args!("\n{}", summary(&issues, flags)))?;
        }
        Ok(if issues.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn read_manifest(file: &Path) -> Result<Manifest, Failure> {
    let text = read_input(file).map_err(|error| Failure::file(file.display(), &error).about("--against"))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "--against {}: expected the JSON of novi::manifest(): {error}",
            file.display()
        ))
    })
}

fn summary(issues: &[Issue], flags: usize) -> String {
    let found = count(issues.len(), "issue");
    let broken: HashSet<_> = issues.iter().flat_map(|issue| &issue.flags).collect();
    let flags = count(flags, "flag");
    match broken.len() {
        0 => format!("{found} found. No flag is broken."),
        1 => format!(
            "{found} found. 1 of {flags} is broken and uses its fail_mode; the others are unaffected."
        ),
        broken => format!(
            "{found} found. {broken} of {flags} are broken and use their fail_mode; the others are unaffected."
        ),
    }
}
