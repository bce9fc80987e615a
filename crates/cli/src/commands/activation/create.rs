//! `novi activation create`.

use std::process::ExitCode;

use clap::Args;

use crate::{
    commands::{
        argument::read_json,
        change::{ChangeOptions, Draft, Fields, Operation, perform},
        value_parser::whole,
    },
    output::Failure,
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi activation create \"A quarter\" novi.percentage '{\"percentage\": 25}' --link checkout
  novi activation create Germany novi.attribute @germany.json

`novi types` lists the types, `novi types CLASS` the fields of a config.";

/// Create an activation
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Create {
    /// Name for people
    name: String,

    /// Class name of its type
    class: String,

    /// Config of its type, as JSON, which may have comments; @FILE reads a file, and - standard input
    // Not `config`: that is a global option.
    #[arg(value_name = "CONFIG")]
    new_config: Option<String>,

    /// Flag to link to it, by name or #ID; may be repeated
    #[arg(long, value_name = "FLAG")]
    link: Vec<String>,

    /// Id of the row [default: the next free one]
    #[arg(long, value_name = "N", value_parser = whole::<i64>)]
    id: Option<i64>,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Create {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { name, class, new_config, link, id, options } = self;
        if options.if_version.is_some() {
            return Err(Failure::usage("--if-version: a new activation has no version"));
        }
        let config =
            new_config.map(|config| read_json("CONFIG", r#"{"percentage": 25}"#, &config)).transpose()?;
        perform(session, options, |current| {
            let id = id.map_or_else(|| current.next_activation_id(), Ok)?;
            let fields = Fields::new().with("id", &id).with("name", &name).with("class_name", &class);
            let mut draft =
                Draft::new([Operation::create_activation(fields.maybe("config", config.as_ref()))]);
            for wanted in &link {
                draft.operations.push(Operation::link(current.flag(wanted)?.id, id, None));
            }
            Ok(draft)
        })
        .await
    }
}
