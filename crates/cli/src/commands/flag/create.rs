//! `novi flag create`.

use std::process::ExitCode;

use clap::Args;

use super::fields::FlagFields;
use crate::{
    commands::{
        change::{ChangeOptions, Draft, Fields, Operation, perform},
        value_parser::whole,
    },
    output::Failure,
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi flag create checkout --owner web@example.org --expires 2027-03-31
  novi flag create layout --variants '{\"grid\": 1, \"list\": 2}' --default-variant grid --on
  novi flag create beta --link Testers --dry-run

A new flag is off unless --on is given. `novi rollout`, `target`, `variants` and `schedule` say whom it is on for.";

/// Create flags
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Create {
    /// Names in code; unique
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Turn the status on
    #[arg(long)]
    on: bool,

    /// Activation to link the flag to, by id or name; may be repeated
    #[arg(long, value_name = "ACTIVATION")]
    link: Vec<String>,

    /// Id of the row [default: the next free one]
    #[arg(long, value_name = "N", value_parser = whole::<i64>)]
    id: Option<i64>,

    #[command(flatten)]
    fields: FlagFields,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Create {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { names, on, link, id, fields, options } = self;
        if options.if_version.is_some() {
            return Err(Failure::usage("--if-version: a new flag has no version"));
        }
        if id.is_some() && names.len() > 1 {
            return Err(Failure::usage("--id: expected one flag, found several"));
        }
        let create = |name: &String| {
            let base = Fields::new().maybe("id", id.as_ref()).with("name", name).with("status", &on);
            fields.add_to(base)
        };
        let flags = names.iter().map(create).collect::<Result<Vec<_>, Failure>>()?;
        perform(session, options, |current| {
            let ids = link.iter().map(|wanted| Ok(current.activation(wanted)?.id));
            let ids = ids.collect::<Result<Vec<i64>, Failure>>()?;
            let create = |flag: &Fields| Operation::create_flag(flag.clone().with("activations", &ids));
            Ok(Draft::new(flags.iter().map(create)))
        })
        .await
    }
}
