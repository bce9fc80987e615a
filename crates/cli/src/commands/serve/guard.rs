//! Guardrails of ramps while a server runs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::Utc;
use novi::{Flags, store::SchemaStore};
use novi_experiments::{Guard, GuardError};

use super::thread::on_a_thread;
use crate::{
    commands::experiment::{guard, metrics},
    session::Config,
};

/// Compares the guardrails of all flags with a ramp that still rises, every `[experiments] guard_every`, until the process
/// ends. A query that fails or takes too long changes nothing.
pub(super) fn guard_in_background(flags: &Flags, config: &Config) {
    let every = Duration::from(config.experiments.guard_every);
    if every.is_zero() {
        return;
    }
    let (flags, config) = (flags.clone(), config.clone());
    on_a_thread("guard", move || async move {
        let mut logged = Logged::default();
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = guard_all(&flags, &config, &mut logged).await {
                logged.warn("", &error);
            }
        }
    });
}

/// What has been logged of each flag, so that a problem that stays is logged once.
#[derive(Default)]
struct Logged(BTreeMap<String, String>);

impl Logged {
    fn warn(&mut self, flag: &str, problem: &str) {
        if self.0.insert(flag.to_owned(), problem.to_owned()).as_deref() != Some(problem) {
            tracing::warn!(flag.name = flag, "guardrails are not compared: {problem}");
        }
    }
}

async fn guard_all(flags: &Flags, config: &Config, logged: &mut Logged) -> Result<(), String> {
    let snapshot = flags.snapshot();
    let Some(rows) = snapshot.rows() else { return Ok(()) };
    let metrics = metrics(config, rows, &[])?;
    let guard = match guard(config, metrics, config.experiments.on_harm, None) {
        Ok(guard) => guard,
        Err(error) => return Err(error.to_string()),
    };
    let open = guard.flags(rows, Utc::now());
    if open.is_empty() {
        return Ok(());
    }
    let store = novi::store::connect(&config.database.url).await.map_err(|error| error.to_string())?;
    for flag in open {
        match guard_one(flags, &guard, &store, &flag).await {
            Ok(doubts) if doubts.is_empty() => {
                logged.0.remove(&flag);
            }
            Ok(doubts) => logged.warn(&flag, &doubts.join("; ")),
            Err(error) => logged.warn(&flag, &error.to_string()),
        }
    }
    Ok(())
}

async fn guard_one(
    flags: &Flags,
    guard: &Guard,
    store: &Arc<dyn SchemaStore>,
    flag: &str,
) -> Result<Vec<String>, GuardError> {
    // The rows of the last flag may have changed meanwhile.
    let snapshot = flags.snapshot();
    let Some(rows) = snapshot.rows() else { return Ok(Vec::new()) };
    let guarded = guard.check(&**store, rows, flag, Utc::now()).await?;
    if guarded.apply(&flags.writer(), &**store).await? {
        let reason = guarded.reason.as_deref().unwrap_or_default();
        tracing::warn!(flag.name = flag, activation.id = guarded.activation, "{reason}");
    }
    Ok(guarded.doubts)
}
