//! `novi token`.

use std::{process::ExitCode, str::FromStr, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use novi::{
    Error,
    rows::ViolationKind,
    store::{
        NewToken, Rotation, SchemaStore, TokenRow, TokenStore,
        token::{Role, Secret},
    },
};
use serde::Serialize;
use serde_json::json;

use super::{authorship::Actor, value_parser::duration};
use crate::{
    output::{Failure, print, print_json, print_note, print_table, timestamp},
    session::Session,
};

const ROLES: &str = "\
Roles, each with the rights of those above it:
  client  evaluate flags whose flag_metadata.exposed is true: for browsers and phones, where anyone can read the token
  server  evaluate any flag for any user, and read flags
  admin   change flags

Examples:
  TOKEN=$(novi token create --role server --name checkout)
  novi token create --role client --subject user-7 --expires 30d";

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Create an API token and print its secret, which is shown only once
    #[command(after_help = ROLES)]
    Create(Create),
    /// List tokens, including revoked ones
    List,
    /// Replace a token by a new one with the same name, role and user, and print its secret
    Rotate(Rotate),
    /// Revoke a token, or all tokens of a name, permanently
    Revoke {
        /// Token id or name
        #[arg(value_name = "ID|NAME")]
        token: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Rights of the token: client, server or admin
    #[arg(long, value_parser = role)]
    role: Role,

    /// Name in lists and in the history [default: the role and the start of the hash]
    #[arg(long)]
    name: Option<String>,

    /// User of the token: its requests are evaluated with this targetingKey
    #[arg(long, value_name = "USER")]
    subject: Option<String>,

    /// Expiry: a duration such as 30d, a time such as 2027-01-31T12:00:00Z, or a date [default: never]
    #[arg(long, value_name = "DURATION|TIME")]
    expires: Option<Expires>,

    #[command(flatten)]
    actor: Actor,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Token id or name
    #[arg(value_name = "ID|NAME")]
    token: String,

    /// How long the old token stays valid; use 0s after a leak
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    overlap: Duration,

    /// Expiry of the new token, as for `create` [default: the old one's time from creation to expiry, from
    /// now on]
    #[arg(long, value_name = "DURATION|TIME")]
    expires: Option<Expires>,

    #[command(flatten)]
    actor: Actor,
}

impl Token {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let tokens = token_store(&*store)?;
        match self {
            Self::Create(options) => create(session, tokens, options).await,
            Self::Rotate(options) => rotate(session, tokens, options).await,
            Self::List => list(session, tokens).await,
            Self::Revoke { token } => revoke(session, tokens, &token).await,
        }
    }
}

fn role(text: &str) -> Result<Role, &'static str> {
    text.parse().map_err(|_| "expected client, server or admin")
}

pub(super) fn token_store(store: &dyn SchemaStore) -> Result<&dyn TokenStore, Failure> {
    store.token_store().ok_or_else(|| Failure::rejected(format!("{} does not support tokens", store.name())))
}

/// The output of `token create --json`.
#[derive(Serialize)]
struct Created {
    token: String,
    #[serde(flatten)]
    row: TokenRow,
    /// The old token, for `token rotate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<TokenRow>,
}

async fn create(session: &Session, tokens: &dyn TokenStore, options: Create) -> Result<ExitCode, Failure> {
    let expires = expiry(options.expires)?;
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
    if let Some(name) = options.actor.name() {
        token = token.created_by(name);
    }
    let row = tokens.create_token(token).await.map_err(|error| match error {
        // An option has an invalid value.
        Error::Constraint(rules) if rules.iter().all(|rule| rule.kind == ViolationKind::Value) => {
            Failure::usage(Error::Constraint(rules).to_string())
        }
        error => error.into(),
    })?;
    print_created(session, &secret, row, None)
}

fn expiry(expires: Option<Expires>) -> Result<Option<DateTime<Utc>>, Failure> {
    expires.map(|expires| expires.from(Utc::now())).transpose().map_err(Failure::usage)
}

fn print_created(
    session: &Session,
    secret: &Secret,
    row: TokenRow,
    replaced: Option<TokenRow>,
) -> Result<ExitCode, Failure> {
    if session.json {
        print_json(&Created { token: secret.reveal().to_owned(), row, replaced })?;
        return Ok(ExitCode::SUCCESS);
    }
    // Not on standard output, so that `TOKEN=$(novi token create ..)` captures only the secret.
    print_note(format_args!("created {}; the secret is not shown again", described(&row)))?;
    if let Some(old) = replaced {
        let state = state(&old, Utc::now());
        print_note(format_args!("token {}, which had this name before: {state}", old.id))?;
    }
    print(secret.reveal())?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(session: &Session, tokens: &dyn TokenStore, options: Rotate) -> Result<ExitCode, Failure> {
    let mut rotation = Rotation::with_overlap(options.overlap);
    if let Some(time) = expiry(options.expires)? {
        rotation = rotation.expires_at(time);
    }
    if let Some(name) = options.actor.name() {
        rotation = rotation.created_by(name);
    }
    match tokens.rotate_token(&options.token, &rotation).await? {
        Some(done) => print_created(session, &done.secret, done.token, Some(done.replaced)),
        None => Err(unknown(&options.token)),
    }
}

fn unknown(token: &str) -> Failure {
    Failure::not_found(format!("no token has the id or name {token:?}; `novi token list` lists all tokens"))
}

async fn list(session: &Session, tokens: &dyn TokenStore) -> Result<ExitCode, Failure> {
    let rows = tokens.tokens().await?;
    if session.json {
        print_json(&rows)?;
    } else if rows.is_empty() {
        print("There are no tokens: a server that listens on 127.0.0.1 accepts every request.")?;
    } else {
        let now = Utc::now();
        let row = |row: &TokenRow| {
            [
                row.id.to_string(),
                row.name.clone(),
                row.role.to_string(),
                row.subject.clone().unwrap_or_default(),
                state(row, now),
                row.created_at.map_or_else(String::new, timestamp),
                row.created_by.clone().unwrap_or_default(),
                row.last_used_at.map_or_else(|| "never".to_owned(), timestamp),
            ]
        };
        let columns = ["id", "name", "role", "subject", "state", "created", "by", "last used"];
        print_table(&columns, rows.iter().map(row))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn state(row: &TokenRow, now: DateTime<Utc>) -> String {
    match (row.revoked_at, row.expires_at) {
        (revoked, Some(at)) if at <= revoked.unwrap_or(now) => format!("expired {}", timestamp(at)),
        (Some(at), _) => format!("revoked {}", timestamp(at)),
        (None, Some(at)) if row.replaced_at.is_some() => format!("replaced, valid until {}", timestamp(at)),
        (None, Some(at)) => format!("valid until {}", timestamp(at)),
        (None, None) => "valid".to_owned(),
    }
}

async fn revoke(session: &Session, tokens: &dyn TokenStore, token: &str) -> Result<ExitCode, Failure> {
    let mut rows = tokens.revoke_token(token).await?;
    let Some(newest) = rows.last().cloned() else { return Err(unknown(token)) };
    // A token that had expired before was revoked along with its name.
    rows.retain(|row| row.id == newest.id || row.expires_at.is_none_or(|end| row.revoked_at < Some(end)));
    if session.json {
        let row = |row: &TokenRow| json!({"id": row.id, "name": row.name, "revoked_at": row.revoked_at.map(timestamp)});
        print_json(&rows.iter().map(row).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let at = row.revoked_at.map(timestamp).unwrap_or_default();
        print(format_args!("{} was revoked at {at}; servers reject it within a second", described(&row)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(row: &TokenRow) -> String {
    let subject = row.subject.as_ref().map(|subject| format!(" for {subject:?}")).unwrap_or_default();
    let until = row.expires_at.map(|time| format!(", valid until {}", timestamp(time))).unwrap_or_default();
    format!("token {} {:?} with role {}{subject}{until}", row.id, row.name, row.role)
}

/// When a token expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expires {
    In(Duration),
    At(DateTime<Utc>),
}

impl Expires {
    /// The expiry of a token that is created now.
    fn from(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        /// The last year that every database supports.
        const LAST: &str = "9999-12-31T00:00:00Z";
        let end = match self {
            Self::In(duration) => {
                chrono::TimeDelta::from_std(duration).ok().and_then(|length| now.checked_add_signed(length))
            }
            Self::At(time) => Some(time),
        };
        match end {
            Some(end) if end <= now => Err(format!("--expires: {} is in the past", timestamp(end))),
            Some(end) if LAST.parse::<DateTime<Utc>>().is_ok_and(|last| end < last) => Ok(end),
            _ => Err("--expires: expected a time before the year 9999; without it a token does not expire"
                .to_owned()),
        }
    }
}

impl FromStr for Expires {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(duration) = humantime::parse_duration(text) {
            return Ok(Self::In(duration));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let date =
            NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
        date.map(|time| Self::At(time.and_utc()))
            .ok_or("expected a duration such as 30d, a time such as 2027-01-31T12:00:00Z, or a date")
    }
}
