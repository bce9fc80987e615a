//! `novi flag set`.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::fields::FlagFields;
use crate::{
    commands::change::{ChangeOptions, Draft, Fields, Operation, perform},
    output::Failure,
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi flag set checkout --description \"the new checkout\" --tags web,beta
  novi flag set checkout search --owner web@example.org
  novi flag set checkout --unset expires_at";

/// Change fields of flags
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Set {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    /// Status
    #[arg(long, value_name = "STATUS", value_parser = ["on", "off"])]
    status: Option<String>,

    #[command(flatten)]
    fields: FlagFields,

    /// Field to set to null; may be repeated
    #[arg(long, value_name = "FIELD", value_parser = [
        "description", "owner", "expires_at", "variants", "value_type", "default_variant", "off_variant", "metadata",
    ])]
    unset: Vec<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Set {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flags, status, fields, unset, options } = self;
        let version = options.version_of_one(&flags)?;
        let status = status.map(|status| status == "on");
        let mut set = fields.add_to(Fields::new().maybe("status", status.as_ref()))?;
        for field in &unset {
            set = set.with(field, &Value::Null);
        }
        if set.is_empty() {
            return Err(Failure::usage("no field given: name one to set, such as --owner NAME"));
        }
        let set = set.maybe("version", version.as_ref());
        perform(session, options, |current| {
            let update = |wanted: &String| Ok(Operation::update_flag(current.flag(wanted)?.id, &set));
            Ok(Draft::new(flags.iter().map(update).collect::<Result<Vec<_>, Failure>>()?))
        })
        .await
    }
}
