//! Bandits while a server runs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use novi::Flags;
use novi_experiments::Bandit;

use super::thread::on_a_thread;
use crate::{
    commands::experiment::{bandit, metric_of, metrics},
    session::Config,
};

/// Gives better variants of the flags in `[experiments.reweigh]` more weight, every `[experiments] reweigh_every`, until
/// the process ends.
pub(super) fn reweigh_in_background(flags: &Flags, config: &Config) {
    let every = TimeDelta::from_std(config.experiments.reweigh_every.into()).unwrap_or(TimeDelta::MAX);
    if every <= TimeDelta::zero() || config.experiments.reweigh.is_empty() {
        return;
    }
    let (flags, config) = (flags.clone(), config.clone());
    on_a_thread("reweigh", move || async move {
        loop {
            let (slot, next) = slot(Utc::now(), every);
            let left = (next - Utc::now()).to_std().unwrap_or(Duration::ZERO);
            tokio::time::sleep(left).await;
            for (flag, metric) in &config.experiments.reweigh {
                match reweigh(&flags, &config, (flag, metric), (slot + 1, next)).await {
                    Ok(Some(reason)) => tracing::info!(flag.name = flag.as_str(), "{reason}"),
                    Ok(None) => {}
                    Err(problem) => {
                        tracing::warn!(flag.name = flag.as_str(), "weights are not changed: {problem}");
                    }
                }
            }
        }
    });
}

/// The number of the current interval since 1970, and when the next begins: the same on all servers.
fn slot(now: DateTime<Utc>, every: TimeDelta) -> (i64, DateTime<Utc>) {
    let length = every.num_milliseconds().max(1);
    let number = now.timestamp_millis().div_euclid(length);
    let next = number.checked_add(1).and_then(|next| next.checked_mul(length));
    let next = next.and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC);
    (number, next)
}

/// Changes the weights once in an interval, whichever server is first. Returns the reason of the change.
async fn reweigh(
    flags: &Flags,
    config: &Config,
    (flag, metric): (&str, &str),
    (slot, began): (i64, DateTime<Utc>),
) -> Result<Option<String>, String> {
    let store = novi::store::connect(&config.database.url).await.map_err(|error| error.to_string())?;
    let rows = store.load().await.map_err(|error| error.to_string())?;
    let changed = Bandit::last_change(&*store, &rows, flag).await.map_err(|error| error.to_string())?;
    if changed.is_some_and(|changed| changed >= began) {
        return Ok(None);
    }
    let metric = metric_of(metrics(config, &rows, &[])?, Some(metric))?;
    let floor = f64::from(config.experiments.reweigh_floor) / 100.0;
    let bandit = bandit(config, metric, slot.unsigned_abs(), None).floor(floor);
    let new = bandit.check(&rows, flag, began).await.map_err(|error| error.to_string())?;
    let written = new.apply(&flags.writer(), &*store).await.map_err(|error| error.to_string())?;
    Ok(written.then_some(new.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_begin_at_the_same_time_on_all_servers() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let hour = TimeDelta::hours(1);
        let (one, next) = slot(at("2026-12-01T08:00:00Z"), hour);
        assert_eq!(next, at("2026-12-01T09:00:00Z"));
        assert_eq!(slot(at("2026-12-01T08:59:59.999Z"), hour), (one, next));
        assert_eq!(slot(next, hour).0, one + 1);
        assert_eq!(slot(Utc::now(), TimeDelta::MAX).1, DateTime::<Utc>::MAX_UTC);
    }
}
