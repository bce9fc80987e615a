//! `novi link` and `novi unlink`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;

use super::change::{ChangeOptions, Draft, Operation, perform};
use crate::{output::Failure, session::Session};

const ABOUT: &str = "\
A flag is on if all of its activations are. With --if-version the flag must still be at this version.";

// No doc comment: it would replace the help of `link` and `unlink`.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Link {
    /// Flag by name or #ID
    flag: String,

    /// Activations by id or name
    #[arg(required = true, value_name = "ACTIVATION")]
    activations: Vec<String>,

    /// Another flag to link or unlink, by name or #ID; may be repeated
    #[arg(long = "flag", value_name = "FLAG")]
    others: Vec<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Link {
    pub(crate) async fn run(self, session: &Session, link: bool) -> Result<ExitCode, Failure> {
        let Self { flag, activations, others, options } = self;
        let flags: Vec<String> = [flag].into_iter().chain(others).collect();
        let version = options.version_of_one(&flags)?;
        perform(session, options, |current| {
            let mut ids = BTreeSet::new();
            for wanted in &flags {
                ids.insert(current.flag(wanted)?.id);
            }
            let mut draft = Draft::default();
            for flag in ids {
                let linked: Vec<i64> = current.linked(flag).collect();
                for wanted in &activations {
                    let id = current.activation(wanted)?.id;
                    let operation = if link { Operation::link } else { Operation::unlink };
                    // Unlinking again changes nothing, as linking again does.
                    if link || linked.contains(&id) {
                        draft.operations.push(operation(flag, id, version));
                    }
                }
            }
            Ok(draft)
        })
        .await
    }
}
