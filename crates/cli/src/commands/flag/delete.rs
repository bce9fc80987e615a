//! `novi flag delete`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;

use crate::{
    commands::change::{ChangeOptions, Current, Draft, Operation, perform},
    output::Failure,
    session::Session,
};

const ABOUT: &str = "\
A flag that other flags depend on is not deleted. `novi rollback FLAG --to REVISION` restores a deleted flag.";

/// Delete flags with their metadata and links
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Delete {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    /// Delete the activations as well that only these flags are linked to
    #[arg(long)]
    with_activations: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Delete {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flags, with_activations, options } = self;
        let version = options.version_of_one(&flags)?;
        perform(session, options, |current| {
            let ids = flags.iter().map(|wanted| Ok(current.flag(wanted)?.id));
            let ids = ids.collect::<Result<BTreeSet<i64>, Failure>>()?;
            let unused = unused_without(current, &ids);
            let mut draft = Draft::new(ids.iter().map(|id| Operation::delete_flag(*id, version)));
            if with_activations {
                draft.operations.extend(unused.iter().map(|id| Operation::delete_activation(*id, None)));
            } else if !unused.is_empty() {
                let list: Vec<_> = unused.iter().map(|id| format!("activations#{id}")).collect();
                let note = format!("no flag would use {}; --with-activations deletes them", list.join(", "));
                draft.notes.push(note);
            }
            Ok(draft)
        })
        .await
    }
}

/// The activations that these flags are linked to, and that no other flag depends on.
fn unused_without(current: &Current, flags: &BTreeSet<i64>) -> Vec<i64> {
    let linked: BTreeSet<i64> = flags.iter().flat_map(|flag| current.linked(*flag)).collect();
    let others = current.rows.flags.iter().filter(|row| !flags.contains(&row.id));
    let used: BTreeSet<i64> = others.flat_map(|row| current.snapshot.reached_by(&row.name)).collect();
    linked.difference(&used).copied().collect()
}
