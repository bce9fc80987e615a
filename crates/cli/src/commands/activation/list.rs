//! `novi activation list`.

use std::process::ExitCode;

use clap::Args;
use novi::builtin::MetricConfig;

use super::view::{ActivationView, LinkedFlags};
use crate::{
    commands::change::Current,
    output::{Failure, print, print_json, print_table},
    session::Session,
};

/// List activations
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List only activations of this type
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// List only activations that no flag depends on
    #[arg(long)]
    unused: bool,
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let current = Current::of_session(session).await?;
        let used: std::collections::BTreeSet<i64> =
            current.rows.flags.iter().flat_map(|row| current.snapshot.reached_by(&row.name)).collect();
        let class_of = |name: &str| {
            current.registry.find(name).map_or_else(|| name.to_owned(), |kind| kind.class().to_owned())
        };
        let wanted = self.class.as_deref().map(class_of);
        let rows = current.rows.activations.iter().filter(|row| {
            let is_of_class = wanted.as_ref().is_none_or(|wanted| *wanted == class_of(&row.class_name));
            // Reports read metrics, by their names.
            let is_used = used.contains(&row.id) || row.class_name == MetricConfig::CLASS;
            is_of_class && !(self.unused && is_used)
        });
        let (words, linked) = (current.words(), LinkedFlags::new(&current.rows));
        let views: Vec<_> = rows
            .map(|row| ActivationView::new(&current.rows, &linked, row, words.activation(row).words))
            .collect();
        if session.json {
            print_json(&views)?;
            return Ok(ExitCode::SUCCESS);
        }
        if views.is_empty() {
            print("There are no such activations.")?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |view: &ActivationView<'_>| {
            let class = view.class_name.to_owned();
            [view.id.to_string(), view.name.to_owned(), class, view.words.clone(), view.flag_names.join(", ")]
        };
        print_table(&["id", "activation", "class", "words", "flags"], views.iter().map(row))?;
        Ok(ExitCode::SUCCESS)
    }
}
