//! `eval`.

use std::process::ExitCode;

use novi::Context;

use super::Session;
use crate::{
    args::Eval,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn eval(session: &Session, arguments: &Eval) -> Result<ExitCode, Failure> {
    let context = context(&arguments.context)?;
    let flags = session.flags().await?;
    if arguments.explain {
        let trace = flags.explain(&arguments.flag, &context)?;
        if session.json {
            print_json(&trace)?;
        } else {
            print(trace.to_string().trim_end())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let decision = flags.evaluate(&arguments.flag, &context)?;
    if session.json {
        print_json(&decision)?;
    } else {
        let state = if decision.enabled() { "on" } else { "off" };
        let variant = decision.variant().map(|variant| format!(", variant {variant}")).unwrap_or_default();
        print(format_args!("{} is {state}{variant} ({})", decision.flag(), decision.reason()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn context(argument: &str) -> Result<Context<'static>, Failure> {
    let text = match argument.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?,
        None => argument.to_owned(),
    };
    Context::from_json(&text).map_err(|error| {
        Failure::usage(format!(
            "--context: expected a JSON object like {{\"targetingKey\": \"user-7\"}}: {error}"
        ))
    })
}
