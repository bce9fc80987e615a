//! `check`.

use std::{collections::HashSet, process::ExitCode};

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
    if session.json {
        print_json(&json!({"revision": snapshot.revision(), "issues": issues}))?;
    } else if issues.is_empty() {
        let rows = snapshot.rows();
        print(format_args!(
            "{} flags and {} activations at revision {}: all rows are sound",
            rows.flags.len(),
            rows.activations.len(),
            snapshot.revision()
        ))?;
    } else {
        for issue in issues {
            print(issue)?;
            if !issue.flags.is_empty() {
                print(format_args!("    breaks: {}", issue.flags.join(", ")))?;
            }
        }
        let broken: HashSet<_> = issues.iter().flat_map(|issue| &issue.flags).collect();
        print(format_args!(
            "\n{}; {} of {} flags are broken and answer by their fail mode, all others as ever",
            if issues.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", issues.len()) },
            broken.len(),
            snapshot.rows().flags.len(),
        ))?;
    }
    Ok(if issues.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
