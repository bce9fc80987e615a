//! `eval`.

use std::{path::Path, process::ExitCode};

use novi::{Context, Reason};

use super::{Session, read};
use crate::{
    args::Eval,
    failure::Failure,
    output::{print, print_json, readable, write},
    paint,
};

pub(crate) async fn eval(session: &Session, arguments: &Eval) -> Result<ExitCode, Failure> {
    let context = context(&arguments.context)?;
    let flags = match arguments.at {
        None => session.flags().await?,
        Some(moment) => session.flags_from(session.store().await?.rows_at(moment).await?)?,
    };
    if arguments.explain {
        let trace = flags.explain(&arguments.flag, &context)?;
        if session.json {
            print_json(&trace)?;
        } else {
            let tree = readable(&format!("{trace:#}")).into_owned();
            write(&if paint::is_wanted() { paint::explanation(&tree) } else { tree })?;
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
        if decision.reason() == Reason::Error {
            print(
                "note: the flag is broken and answers by its fail mode; --explain tells which row is at fault",
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn context(argument: &str) -> Result<Context<'static>, Failure> {
    let (origin, text) = match argument.strip_prefix('@') {
        Some("") => return Err(Failure::usage("--context: expected the name of a file after @")),
        Some(file) => {
            let text =
                read(Path::new(file)).map_err(|error| Failure::file(file, &error).about("--context"))?;
            (format!("--context {argument}"), text)
        }
        None => ("--context".to_owned(), argument.to_owned()),
    };
    // An editor on Windows may put it before the text.
    let text = text.trim_start_matches('\u{feff}');
    Context::from_json(text).map_err(|error| {
        Failure::usage(format!(
            "{origin}: expected a JSON object like {{\"targetingKey\": \"user-7\"}}: {error}"
        ))
    })
}
