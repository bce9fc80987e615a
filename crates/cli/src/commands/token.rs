//! `token`: who may call a server.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use chrono::{DateTime, SecondsFormat, Utc};
use novi::{
    store::{NewToken, SchemaStore, TokenRow, TokenStore},
    token::Secret,
};
use serde::Serialize;
use serde_json::json;

use super::{Session, author};
use crate::{
    args::{NewTokenOptions, TokenCommand},
    failure::Failure,
    output::{print, print_json, print_table, readable},
};

pub(crate) async fn token(session: &Session, command: TokenCommand) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let tokens = tokens(&*store)?;
    match command {
        TokenCommand::Create(options) => create(session, tokens, options).await,
        TokenCommand::List => list(session, tokens).await,
        TokenCommand::Revoke { token } => revoke(session, tokens, &token).await,
    }
}

fn tokens(store: &dyn SchemaStore) -> Result<&dyn TokenStore, Failure> {
    store.token_store().ok_or_else(|| Failure::refused(format!("{} keeps no tokens", store.name())))
}

/// What `token create --json` prints.
#[derive(Serialize)]
struct Created {
    token: String,
    #[serde(flatten)]
    row: TokenRow,
}

async fn create(
    session: &Session,
    tokens: &dyn TokenStore,
    options: NewTokenOptions,
) -> Result<ExitCode, Failure> {
    let expires =
        options.expires.map(|expires| expires.from(Utc::now())).transpose().map_err(Failure::usage)?;
    let secret = Secret::generate(options.role)?;
    let mut token = NewToken::of(&secret);
    if let Some(name) = options.name {
        token = token.name(name);
    }
    if let Some(subject) = options.subject {
        token = token.subject(subject);
    }
    if let Some(time) = expires {
        token = token.expires_at(time);
    }
    if let Some(user) = author(None).actor {
        token = token.created_by(user);
    }
    let row = tokens.create_token(token).await?;
    if session.json {
        print_json(&Created { token: secret.reveal().to_owned(), row })?;
        return Ok(ExitCode::SUCCESS);
    }
    // Apart, so that `TOKEN=$(novi token create ..)` has the secret and nothing else.
    tell(&format!("{}; the secret is not shown again", described(&row)))?;
    print(secret.reveal())?;
    Ok(ExitCode::SUCCESS)
}

fn tell(note: &str) -> Result<(), Failure> {
    let note = format!("{note}\n");
    io::stderr().write_all(readable(&note).as_bytes()).map_err(|error| Failure::output(&error))
}

async fn list(session: &Session, tokens: &dyn TokenStore) -> Result<ExitCode, Failure> {
    let rows = tokens.tokens().await?;
    if session.json {
        print_json(&rows)?;
    } else if rows.is_empty() {
        print("There are no tokens: on its own computer a server answers anybody.")?;
    } else {
        let now = Utc::now();
        let row = |row: &TokenRow| {
            [
                row.id.to_string(),
                row.name.clone(),
                row.role.to_string(),
                row.subject.clone().unwrap_or_default(),
                state(row, now),
                row.created_at.map_or_else(String::new, text),
                row.created_by.clone().unwrap_or_default(),
                row.last_used_at.map_or_else(|| "never".to_owned(), text),
            ]
        };
        let columns = ["id", "name", "role", "subject", "state", "made", "by", "last used"];
        print_table(&columns, rows.iter().map(row))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn state(row: &TokenRow, now: DateTime<Utc>) -> String {
    match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked {}", text(at)),
        (None, Some(at)) if at <= now => format!("expired {}", text(at)),
        (None, Some(at)) => format!("good until {}", text(at)),
        (None, None) => "good".to_owned(),
    }
}

async fn revoke(session: &Session, tokens: &dyn TokenStore, token: &str) -> Result<ExitCode, Failure> {
    let Some(row) = tokens.revoke_token(token).await? else {
        return Err(Failure::not_found(format!(
            "no token has the id or the name {token:?}: `novi token list` shows them"
        )));
    };
    let at = row.revoked_at.map(text);
    if session.json {
        print_json(&json!({"id": row.id, "name": row.name, "revoked_at": at}))?;
    } else {
        print(format_args!(
            "{} is revoked since {}; servers refuse it within a second",
            described(&row),
            at.unwrap_or_default()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(row: &TokenRow) -> String {
    let subject = row.subject.as_ref().map(|subject| format!(" for {subject:?}")).unwrap_or_default();
    let until = row.expires_at.map(|time| format!(", good until {}", text(time))).unwrap_or_default();
    format!("token {} {:?} of role {}{subject}{until}", row.id, row.name, row.role)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
