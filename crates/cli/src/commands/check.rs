//! `check`.

use std::{collections::HashSet, process::ExitCode};

use novi::Issue;
use serde_json::json;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn check(session: &Session) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let issues = snapshot.issues();
    let (flags, activations) =
        snapshot.rows().map_or((0, 0), |rows| (rows.flags.len(), rows.activations.len()));
    if session.json {
        print_json(&json!({"revision": snapshot.revision(), "issues": issues}))?;
    } else if issues.is_empty() {
        print(format_args!(
            "{} flags and {} activations at revision {}: all rows are sound",
            flags,
            activations,
            snapshot.revision()
        ))?;
    } else {
        for issue in issues {
            print(issue)?;
            if !issue.flags.is_empty() {
                let quoted: Vec<_> = issue.flags.iter().map(|flag| format!("{flag:?}")).collect();
                print(format_args!("    breaks: {}", quoted.join(", ")))?;
            }
        }
        print(format_args!("\n{}", summary(issues, flags)))?;
    }
    Ok(if issues.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
