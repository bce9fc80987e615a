//! `novi serve --demo`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use novi::{Flags, store::SchemaStore};

use super::{orders, shop, traffic};
use crate::{output::Failure, session::Config};

/// The database of the demo, unless the command line names one.
pub(super) const DATABASE: &str = "sqlite://novi-demo.db";

/// Creates the database, with the sample rows and the shop if it has no flags.
pub(super) async fn create(config: &Config) -> Result<Arc<dyn SchemaStore>, Failure> {
    let store = novi::store::create(&config.database.url).await?;
    store.migrate().await?;
    if store.load().await?.flags.is_empty() {
        let now = Utc::now();
        let insert = format!("insert into {}", store.table_prefix());
        store.run_script(&novi::store::DEMO_ROWS.replace("insert into ", &insert)).await?;
        let is_own = is_own(config);
        if is_own {
            date_back(&*store, now, 7 * 24).await?;
        }
        for (edit, hours) in shop::edits(now, is_own) {
            store.commit(edit).await?;
            if is_own {
                date_back(&*store, now, hours).await?;
            }
        }
        let flags = Flags::builder().config(config).from_rows(store.load().await?)?;
        let (hourly, usage) = traffic::evaluations(&flags, now);
        if let Some(usage_store) = store.usage_store() {
            usage_store.record_usage(usage).await?;
            usage_store.record_evaluations(hourly).await?;
        }
        if is_own {
            orders::create(&*store, &flags, now).await?;
        }
    }
    Ok(store)
}

/// Whether the database is that of the demo alone. Elsewhere, others may write as well, and have tables of their own.
fn is_own(config: &Config) -> bool {
    config.database.url.starts_with("sqlite:")
}

/// Dates the records of the history that were written since `now` back, in a database of SQLite.
async fn date_back(store: &dyn SchemaStore, now: DateTime<Utc>, hours: u32) -> Result<(), Failure> {
    let format = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let at = format(now - TimeDelta::hours(hours.into()));
    let (table, now) = (format!("{}flag_history", store.table_prefix()), format(now));
    Ok(store
        .run_script(&format!("update {table} set changed_at = '{at}' where changed_at >= '{now}'"))
        .await?)
}

/// What to try in another terminal.
pub(super) fn greeting(url: &str, store: &str, config: &Config) -> String {
    let interval = humantime::format_duration(config.refresh.interval.into());
    let program = command(config, false);
    let json = "-H 'content-type: application/json'";
    let page = if config.server.admin_page {
        format!("Open {url}/admin in a browser: the page shows what each flag does, and changes it.\n\n")
    } else {
        String::new()
    };
    format!(
        "\
{page}Listening on {url} with the flags of {store}. In another terminal, evaluate a flag, and then all flags:

  curl -s {url}/ofrep/v1/evaluate/flags/Combo%20AND {json} -d '{{\"context\": {{\"currentDateTime\": \"11/26/2023 12:00 AM\", \"seed\": 90, \"variant\": \"A\"}}}}'
  curl -s {url}/ofrep/v1/evaluate/flags {json} -d '{{\"context\": {{\"targetingKey\": \"user-7\"}}}}'

Turn the flag off, and evaluate it again. The server notices changes within {interval}.

  {program} disable \"Combo AND\"

Stop with Ctrl-C."
    )
}

/// How to run another command on the same database, for a shell.
pub(super) fn command(config: &Config, uses_default: bool) -> String {
    if uses_default {
        return "novi".to_owned();
    }
    // As this process was started: `novi` may not be in the PATH.
    let program = std::env::args().next().unwrap_or_else(|| "novi".to_owned());
    let url = &config.database.url;
    // Other URLs may contain a password.
    let database = if url.starts_with("sqlite:") { quoted(url) } else { "URL".to_owned() };
    format!("{} --database {database}", quoted(&program))
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/.:_-=,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
