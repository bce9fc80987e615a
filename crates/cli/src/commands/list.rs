//! `novi list`.

use std::process::ExitCode;

use clap::Args;

use serde::Serialize;

use super::{
    evaluations::{Recent, recent},
    flag_view::{FlagView, issues_by_flag},
};
use crate::{
    output::{Failure, print, print_json, print_table, timestamp},
    session::Session,
};

/// The JSON of a flag with its evaluations.
#[derive(Serialize)]
struct WithRecent<'a> {
    #[serde(flatten)]
    view: &'a FlagView<'a>,
    #[serde(flatten)]
    recent: &'a Recent,
}

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
        let names: Vec<String> = views.iter().map(|view| view.name.to_owned()).collect();
        let recent = recent(session, &names).await;
        if session.json {
            let views: Vec<_> =
                views.iter().zip(&recent).map(|(view, recent)| WithRecent { view, recent }).collect();
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
        // Nor is there one for evaluations while none are recorded.
        let counted = recent.iter().any(|recent| recent.last_evaluated.is_some());
        let row = |(view, recent): (&FlagView<'_>, &Recent)| {
            let activations: Vec<_> = view.activations.iter().map(|activation| activation.name).collect();
            let mut cells = vec![
                view.id.to_string(),
                view.name.to_owned(),
                view.state().to_owned(),
                activations.join(", "),
            ];
            if counted {
                cells.push(recent.last_evaluated.map(timestamp).unwrap_or_default());
                cells.push(recent.in_a_day.map(|count| count.to_string()).unwrap_or_default());
            }
            cells.extend(noted.then(|| note(view).to_owned()));
            cells
        };
        let mut headings = vec!["id", "flag", "status", "activations"];
        if counted {
            headings.extend(["last evaluated", "in 24 hours"]);
        }
        headings.extend(noted.then_some("note"));
        print_table(&headings, views.iter().zip(&recent).map(row))?;
        Ok(ExitCode::SUCCESS)
    }
}
