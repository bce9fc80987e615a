//! `novi activation show`.

use std::process::ExitCode;

use clap::Args;

use super::view::{ActivationView, LinkedFlags};
use crate::{
    commands::{change::Current, json_text::indented},
    output::{Failure, print, print_json},
    session::Session,
};

/// Show an activation with its config, and the flags that depend on it
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Activation by id or name
    activation: String,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let current = Current::of_session(session).await?;
        let row = current.activation(&self.activation)?;
        let view = ActivationView::new(
            &current.rows,
            &LinkedFlags::new(&current.rows),
            row,
            current.words().activation(row).words,
        );
        if session.json {
            print_json(&view)?;
            return Ok(ExitCode::SUCCESS);
        }
        print(format_args!(
            "{} (activation {}, {}), version {}",
            row.name, row.id, row.class_name, row.row_version
        ))?;
        print(format_args!("  words: {}", view.words))?;
        let users = current.users_of(row.id);
        let users = if users.is_empty() { "no flag".to_owned() } else { users.join(", ") };
        print(format_args!("  used by: {users}"))?;
        let members = current.rows.members_of(row.id);
        if !members.is_empty() {
            let denied = members.iter().filter(|member| member.denied).count();
            let allowed = members.len() - denied;
            print(format_args!(
                "  members: {allowed} allowed, {denied} denied (`novi members list {}`)",
                row.id
            ))?;
        }
        for issue in current.snapshot.issues() {
            if issue.table == "activations" && issue.id == Some(row.id) {
                print(format_args!("  invalid: {issue}"))?;
            }
        }
        let config = row.config.as_deref().unwrap_or("null");
        print(format_args!("  config: {}", indented(config).replace('\n', "\n  ")))?;
        Ok(ExitCode::SUCCESS)
    }
}
