//! `novi activation delete`.

use std::process::ExitCode;

use clap::Args;

use crate::{
    commands::change::{ChangeOptions, Draft, Operation, perform},
    output::Failure,
    session::Session,
};

/// Delete activations with their members
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Activations by id or name
    #[arg(required = true, value_name = "ACTIVATION")]
    activations: Vec<String>,

    /// Unlink the flags that are linked to it first
    #[arg(long)]
    unlink: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Delete {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { activations, unlink, options } = self;
        let version = options.version_of_one(&activations)?;
        perform(session, options, |current| {
            let mut draft = Draft::default();
            for wanted in &activations {
                let id = current.activation(wanted)?.id;
                let linked =
                    current.rows.flags.iter().filter(|row| current.linked(row.id).any(|of| of == id));
                if unlink {
                    draft.operations.extend(linked.map(|row| Operation::unlink(row.id, id, None)));
                }
                draft.operations.push(Operation::delete_activation(id, version));
            }
            Ok(draft)
        })
        .await
    }
}
