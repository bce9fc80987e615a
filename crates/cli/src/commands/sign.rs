//! `novi sign`.

use std::{process::ExitCode, time::Duration};

use chrono::Utc;
use clap::Args;
use serde_json::json;

use super::value_parser::duration;
use crate::{
    output::{Failure, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  curl -H \"X-Novi-Feature-Toggles: $(novi sign new-foo:2=on --expires 2h)\" ...

The key is [server] signing_key or NOVI_SERVER__SIGNING_KEY, and must be that of the server or application that gets \
the requests.";

/// Sign a list of toggles, which its holder may send with requests
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sign {
    /// Toggles, in the format of the header
    #[arg(value_name = "FLAG[:VERSION]=on|off,...")]
    toggles: String,

    /// Validity period
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    expires: Duration,
}

impl Sign {
    pub(crate) fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let key = session.config.server.signing_key().map_err(|error| Failure::usage(error.to_string()))?;
        let Some(key) = key else {
            return Err(Failure::usage(
                "[server] signing_key: expected the server's key, found none; set NOVI_SERVER__SIGNING_KEY",
            ));
        };
        let until = i64::try_from(self.expires.as_secs())
            .ok()
            .and_then(chrono::TimeDelta::try_seconds)
            .and_then(|after| Utc::now().checked_add_signed(after))
            .ok_or_else(|| Failure::usage("--expires: too long; expected a duration such as 7d"))?;
        let value =
            key.sign_toggles(&self.toggles, until).map_err(|error| Failure::usage(error.to_string()))?;
        if session.json {
            let header = &session.config.server.toggles_header;
            print_json(&json!({"header": header, "value": value, "expires": until}))?;
        } else {
            print(format_args!("{value}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
