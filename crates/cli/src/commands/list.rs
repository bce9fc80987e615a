//! `novi list`.

use std::process::ExitCode;

use clap::Args;

use super::flag_view::{FlagView, issues_by_flag};
use crate::{
    output::{Failure, print, print_json, print_table},
    session::Session,
};

/// List flags
#[derive(Debug, Args)]
pub(crate) struct List;

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let flags = session.flags().await?;
        let snapshot = flags.snapshot();
        let issues = issues_by_flag(&snapshot);
        let count = snapshot.rows().map_or(0, |rows| rows.flags.len());
        let views: Vec<_> = (0..count).filter_map(|row| FlagView::new(&snapshot, row, &issues)).collect();
        if session.json {
            print_json(&views)?;
            return Ok(ExitCode::SUCCESS);
        }
        if views.is_empty() {
            print(
                "There are no flags yet. Create one with `novi flag create NAME`, or run a SQL script with `novi seed FILE`.",
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        let note = |view: &FlagView<'_>| match (
            session.config.overrides.contains_key(view.name),
            view.issues.is_empty(),
        ) {
            (true, _) => "overridden by [overrides]",
            (false, false) => "broken",
            (false, true) => "",
        };
        // Without any note there is no column for notes.
        let noted = views.iter().any(|view| !note(view).is_empty());
        let row = |view: &FlagView<'_>| {
            let activations: Vec<_> = view.activations.iter().map(|activation| activation.name).collect();
            let mut cells = vec![
                view.id.to_string(),
                view.name.to_owned(),
                view.state().to_owned(),
                activations.join(", "),
            ];
            cells.extend(noted.then(|| note(view).to_owned()));
            cells
        };
        let headings = ["id", "flag", "status", "activations", "note"];
        print_table(if noted { &headings } else { &headings[..4] }, views.iter().map(row))?;
        Ok(ExitCode::SUCCESS)
    }
}
