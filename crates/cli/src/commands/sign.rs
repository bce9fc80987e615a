//! `sign`.

use std::process::ExitCode;

use chrono::Utc;
use serde_json::json;

use super::{Session, server_options::signing_key};
use crate::{
    args::Sign,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) fn sign(session: &Session, arguments: &Sign) -> Result<ExitCode, Failure> {
    let Some(key) = signing_key(&session.config)? else {
        return Err(Failure::usage(
            "[server] signing_key: expected the secret that the server has, found none; set NOVI_SERVER__SIGNING_KEY",
        ));
    };
    let until = i64::try_from(arguments.expires.as_secs())
        .ok()
        .and_then(chrono::TimeDelta::try_seconds)
        .and_then(|after| Utc::now().checked_add_signed(after))
        .ok_or_else(|| Failure::usage("--expires: expected a time that a calendar has, such as 7d"))?;
    let value = key.sign_toggles(&arguments.toggles, until);
    if session.json {
        print_json(
            &json!({"header": session.config.server.toggles_header, "value": value, "expires": until}),
        )?;
    } else {
        print(format_args!("{value}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
