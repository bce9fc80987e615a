//! `novi rollout`.

use std::process::ExitCode;

use clap::Args;
use jsonc_parser::cst::{CstInputValue, CstObject};

use super::{
    args::{HOW, ShortcutOptions, number, percent},
    edits::{Edits, Found, attribute, new_config, set},
    place::Kind,
};
use crate::{commands::change::perform, output::Failure, session::Session};

const SHARE: Kind =
    Kind { class: "novi.percentage", noun: "rollout", instead: &["novi.ramp", "novi.bucket"] };
const AUDIENCE: Kind = Kind { class: "novi.expression", noun: "audience", instead: &[] };

const EXAMPLES: &str = "\
Examples:
  novi rollout checkout 25%
  novi rollout checkout 50% --by account --where 'country in [\"DE\", \"AT\"]'
  novi rollout checkout search 100% --reason done --dry-run

Raising a percentage turns the flag off for nobody, unless --by names another attribute, by which everybody is drawn \
again. --where is an expression over the caller's attributes (novi.expression).
";

/// Turn a flag on for a share of the callers
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{HOW}"))]
pub(crate) struct Rollout {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    /// Share of the callers
    #[arg(value_name = "PERCENT", value_parser = percent)]
    share: f64,

    /// Attribute to bucket by [default: as the flag's other activations]; of several, separated by commas, the first that a caller has
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,

    /// Expression that callers have to meet as well
    #[arg(long = "where", value_name = "EXPRESSION")]
    audience: Option<String>,

    #[command(flatten)]
    shortcut: ShortcutOptions,
}

impl Rollout {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flags, share, by, audience, shortcut } = self;
        shortcut.options.version_of_one(&flags)?;
        let share = |config: &CstObject| {
            set(config, "percentage", CstInputValue::Number(number(share)));
            if let Some(by) = &by {
                set(config, "by", attribute(by));
            }
        };
        perform(session, shortcut.options.clone(), |current| {
            let (mut edits, rows) = Edits::new(current, &flags, &shortcut)?;
            for flag in rows {
                if let Found::Existing(place) = edits.find_bucketed(flag, &SHARE, by.as_deref(), share)? {
                    let before = edits.config(&place)?;
                    edits.edit(&place, share)?;
                    edits.note_other_key(&place, &before)?;
                }
                let Some(audience) = &audience else { continue };
                let fill = |config: &CstObject| set(config, "expression", audience.as_str().into());
                if let Found::Existing(place) = edits.find(flag, &AUDIENCE, || new_config(fill))? {
                    edits.edit(&place, fill)?;
                }
            }
            edits.into_draft()
        })
        .await
    }
}
