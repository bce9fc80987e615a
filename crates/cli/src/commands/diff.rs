//! `novi diff`.

use std::process::ExitCode;

use clap::Args;
use novi::store::history::{AsOf, differences};
use serde_json::json;

use crate::{
    output::{Failure, fields, print, print_json},
    session::Session,
};

/// Compare the rows at two revisions or times
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Older side: a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(value_name = "FROM")]
    from: AsOf,

    /// Newer side: a revision, a time or a date
    #[arg(value_name = "TO")]
    to: AsOf,
}

impl Diff {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let (from, to) = (store.rows_at(self.from).await?, store.rows_at(self.to).await?);
        let found = differences(&from, &to);
        if session.json {
            print_json(&json!({"from": from.revision, "to": to.revision, "differences": found}))?;
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            print(format_args!(
                "No differences between revision {} and revision {}.",
                from.revision, to.revision
            ))?;
        }
        for difference in found {
            let fields = fields(difference.entity, difference.operation, &difference.fields);
            print(format_args!("{} {}{fields}", difference.operation, difference.subject))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
