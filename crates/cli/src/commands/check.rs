//! `check`.

use std::process::ExitCode;

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
    }
    Ok(if issues.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
