//! `novi eval`.

use std::process::ExitCode;

use clap::Args;
use novi::{Context, Reason, activation::Words, error::json_terms, store::history::AsOf};

use super::{argument::read_argument, change::flag_name};
use crate::{
    output::{Failure, colored_explanation, is_color_wanted, print, print_json, sanitize, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi eval \"Combo AND\" --context '{\"targetingKey\": \"user-7\"}'
  novi eval \"Combo AND\" --context @caller.json --explain
  novi eval \"Combo AND\" --at 41

--at uses the rows of that moment. The clock is the current one, unless the context sets currentDateTime.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  novi explain \"Combo AND\" --context '{\"targetingKey\": \"user-7\"}'
  novi explain \"Combo AND\" --context @caller.json --at 2027-01-31

It is `novi eval --explain`.";

/// Evaluate a flag
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// Flag by name or #ID
    flag: String,

    /// Attributes of the caller: a JSON object, or @FILE to read one from a file (- reads standard input)
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "{}")]
    context: String,

    /// Show how the decision was made
    #[arg(long)]
    explain: bool,

    /// Use the rows at a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    at: Option<AsOf>,
}

/// Show how the decision of a flag is made
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct Explain {
    /// Flag by name or #ID
    flag: String,

    /// Attributes of the caller: a JSON object, or @FILE to read one from a file (- reads standard input)
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "{}")]
    context: String,

    /// Use the rows at a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    at: Option<AsOf>,
}

impl Explain {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, context, at } = self;
        Eval { flag, context, explain: true, at }.run(session).await
    }
}

impl Eval {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let context = parse_context(&self.context)?;
        let flags = match self.at {
            None => session.flags().await?,
            Some(moment) => session.flags_at(moment).await?,
        };
        let flag = flag_name(flags.snapshot().rows(), self.flag)?;
        if self.explain {
            let trace = flags.explain(&flag, &context)?;
            if session.json {
                print_json(&trace)?;
            } else {
                let (registry, snapshot) = (flags.registry(), flags.snapshot());
                let words = snapshot.rows().map(|rows| Words::new(&registry, rows));
                let tree = match words {
                    Some(words) => format!("{:#}", trace.with_words(words)),
                    None => format!("{trace:#}"),
                };
                let tree = sanitize(&tree).into_owned();
                write(&if is_color_wanted() { colored_explanation(&tree) } else { tree })?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let decision = flags.evaluate(&flag, &context)?;
        if session.json {
            print_json(&decision)?;
            return Ok(ExitCode::SUCCESS);
        }
        let state = if decision.enabled() { "on" } else { "off" };
        let variant = decision.variant().map(|variant| format!(", variant {variant}")).unwrap_or_default();
        print(format_args!("{} is {state}{variant} ({})", decision.flag(), decision.reason()))?;
        if decision.reason() == Reason::Error {
            print("note: the flag is broken and uses its fail_mode; --explain shows the invalid row")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn parse_context(argument: &str) -> Result<Context<'static>, Failure> {
    let (origin, text) = read_argument("--context", argument)?;
    let text = text.trim_start_matches('\u{feff}');
    Context::from_json(text).map_err(|error| {
        let expectation = "expected a JSON object like {\"targetingKey\": \"user-7\"}";
        Failure::usage(format!("{origin}: {}", json_terms::unmet(expectation, &error)))
    })
}
