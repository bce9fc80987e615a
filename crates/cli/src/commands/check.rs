//! `check`.

use std::{collections::HashSet, path::Path, process::ExitCode};

use novi::{Flags, Issue, Manifest};
use serde_json::json;

use super::{Session, read};
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn check(session: &Session, against: Option<&Path>) -> Result<ExitCode, Failure> {
    let mut builder = Flags::builder();
    let features = against.map(manifest).transpose()?;
    if let Some(features) = &features {
        builder = builder.features(features.clone());
    }
    let flags = session.flags_of(builder).await?;
    let snapshot = flags.snapshot();
    let mut issues = snapshot.issues().to_vec();
    issues.extend(features.iter().flat_map(|features| snapshot.missing_flags(features)));
    let (flags, activations) =
        snapshot.rows().map_or((0, 0), |rows| (rows.flags.len(), rows.activations.len()));
    if session.json {
        print_json(&json!({"revision": snapshot.revision(), "issues": issues}))?;
    } else if issues.is_empty() {
        let known = features.map(|features| match features.features.len() {
            1 => ", and 1 feature knows them".to_owned(),
            count => format!(", and {count} features know them"),
        });
        print(format_args!(
            "{} flags and {} activations at revision {}: all rows are sound{}",
            flags,
            activations,
            snapshot.revision(),
            known.unwrap_or_default()
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

/// The features of a program, as it printed them.
fn manifest(file: &Path) -> Result<Manifest, Failure> {
    let text = read(file).map_err(|error| Failure::file(file.display(), &error).about("--against"))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "--against {}: expected the JSON that a program prints of novi::manifest(): {error}",
            file.display()
        ))
    })
}

fn summary(issues: &[Issue], flags: usize) -> String {
    let problems =
        if issues.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", issues.len()) };
    let broken: HashSet<_> = issues.iter().flat_map(|issue| &issue.flags).collect();
    match broken.len() {
        0 => format!("{problems}; no flag is broken by it"),
        1 => format!(
            "{problems}; 1 of {flags} flags is broken and answers by its fail mode, all others as ever"
        ),
        broken => {
            format!(
                "{problems}; {broken} of {flags} flags are broken and answer by their fail mode, all others as ever"
            )
        }
    }
}
