//! Ramps that stop rising.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json, json};

use crate::{
    builtin::rollout::ramp::{Config, share},
    error::json_terms,
};

/// A `novi.ramp` at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RampStatus {
    /// The share of the callers that are in, from 0 to 100.
    pub percentage: f64,
    /// When its current step began.
    pub since: DateTime<Utc>,
    /// Whether a later step has a higher percentage.
    pub rises: bool,
    /// Whether the share rises evenly between steps, and so at all times.
    pub linear: bool,
}

/// Why a ramp cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RampError {
    /// The config is not a config of `novi.ramp`.
    #[error("expected the config of a novi.ramp: {}", json_terms::translate(&.0.to_string()))]
    Config(#[from] serde_json::Error),
    /// A time or the time zone is invalid.
    #[error("expected steps with times, found one that cannot be read")]
    Steps,
}

/// The status of a `novi.ramp` at a time; `None` before its first step.
///
/// # Errors
/// [`RampError`] if the config is not that of a ramp.
pub fn ramp_status(config: &str, now: DateTime<Utc>) -> Result<Option<RampStatus>, RampError> {
    let config: Config = serde_json::from_str(config)?;
    let points = config.points().ok_or(RampError::Steps)?;
    let Some((percentage, last)) = share(&points, config.linear, now.into()) else { return Ok(None) };
    Ok(Some(RampStatus {
        percentage,
        since: last.at.date(),
        rises: points.iter().any(|point| point.percentage > percentage),
        linear: config.linear,
    }))
}

/// A `novi.ramp` that stays at the share that it has at a time: later steps are left out. `None` if it does not rise
/// after that, or has not begun. Other fields stay.
///
/// ```
/// let ramp = r#"{"steps": [{"at": "2026-12-01", "percentage": 10}, {"at": "2026-12-08", "percentage": 50}]}"#;
/// let held = novi::builtin::held_ramp(ramp, "2026-12-03T12:00:00Z".parse()?)?;
/// assert_eq!(held.as_deref(), Some(r#"{"steps":[{"at":"2026-12-01","percentage":10}]}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RampError`] if the config is not that of a ramp.
pub fn held_ramp(config: &str, now: DateTime<Utc>) -> Result<Option<String>, RampError> {
    let Some(status) = ramp_status(config, now)?.filter(|status| status.rises) else { return Ok(None) };
    let parsed: Config = serde_json::from_str(config)?;
    let points = parsed.points().ok_or(RampError::Steps)?;
    let begun = points.partition_point(|point| point.at.date() <= now);
    let mut fields: Map<String, Json> = serde_json::from_str(config)?;
    if let Some(Json::Array(steps)) = fields.get_mut("steps") {
        steps.truncate(begun);
        if status.linear && status.since < now {
            let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
            steps.push(json!({"at": at, "percentage": status.percentage}));
        }
    }
    Ok(Some(Json::Object(fields).to_string()))
}

/// A `novi.ramp` that nobody is in: one step with 0 %. `None` if nobody ever is. Other fields stay.
///
/// # Errors
/// [`RampError`] if the config is not that of a ramp.
pub fn rolled_back_ramp(config: &str) -> Result<Option<String>, RampError> {
    let parsed: Config = serde_json::from_str(config)?;
    if parsed.steps.iter().all(|step| step.percentage <= 0.0) {
        return Ok(None);
    }
    let mut fields: Map<String, Json> = serde_json::from_str(config)?;
    if let Some(Json::Array(steps)) = fields.get_mut("steps") {
        steps.truncate(1);
        for step in steps {
            step["percentage"] = json!(0);
        }
    }
    Ok(Some(Json::Object(fields).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const RAMP: &str = r#"{"salt": "s", "timezone": "Europe/Berlin", "steps": [
        {"at": "2026-12-01", "percentage": 10}, {"at": "2026-12-03", "percentage": 30},
        {"at": "2026-12-05", "percentage": 100}]}"#;

    #[test]
    fn ramps_are_held_at_their_share() {
        let status = |time| ramp_status(RAMP, at(time)).unwrap();
        assert_eq!(status("2026-11-30T22:59:59Z"), None);
        let found = status("2026-12-04T00:00:00Z").unwrap();
        assert_eq!((found.percentage, found.since, found.rises), (30.0, at("2026-12-02T23:00:00Z"), true));
        assert!(!status("2026-12-05T00:00:00Z").unwrap().rises);
        let held = |time| held_ramp(RAMP, at(time)).unwrap();
        assert_eq!((held("2026-11-30T00:00:00Z"), held("2026-12-06T00:00:00Z")), (None, None));
        let held = held("2026-12-04T00:00:00Z").unwrap();
        let expected = r#"{"salt":"s","steps":[{"at":"2026-12-01","percentage":10},{"at":"2026-12-03","percentage":30}],"timezone":"Europe/Berlin"}"#;
        assert_eq!(held, expected);
        assert_eq!(held_ramp(&held, at("2026-12-04T00:00:01Z")).unwrap(), None);
        assert_eq!(
            ramp_status(&held, at("2027-01-01T00:00:00Z")).unwrap().unwrap().percentage.to_bits(),
            30f64.to_bits()
        );
    }

    #[test]
    fn linear_ramps_are_held_between_their_steps() {
        let linear = r#"{"linear": true, "steps": [{"at": "2026-12-01", "percentage": 0}, {"at": "2026-12-11", "percentage": 100}]}"#;
        let now = at("2026-12-03T12:00:00Z");
        let held = held_ramp(linear, now).unwrap().unwrap();
        assert!(held.contains(r#"{"at":"2026-12-03T12:00:00.000Z","percentage":25.0}"#), "{held}");
        let later = ramp_status(&held, at("2026-12-20T00:00:00Z")).unwrap().unwrap();
        assert!((later.percentage - 25.0).abs() < 1e-9 && !later.rises);
    }

    #[test]
    fn ramps_are_rolled_back_once() {
        let back = rolled_back_ramp(RAMP).unwrap().unwrap();
        assert_eq!(
            back,
            r#"{"salt":"s","steps":[{"at":"2026-12-01","percentage":0}],"timezone":"Europe/Berlin"}"#
        );
        assert_eq!(rolled_back_ramp(&back).unwrap(), None);
    }

    #[test]
    fn other_configs_are_rejected() {
        let now = at("2026-12-03T12:00:00Z");
        assert!(matches!(held_ramp(r#"{"percentage": 5}"#, now), Err(RampError::Config(_))));
        let soon = r#"{"steps": [{"at": "soon", "percentage": 5}]}"#;
        assert!(matches!(held_ramp(soon, now), Err(RampError::Steps)));
        assert!(matches!(
            ramp_status(r#"{"timezone": "Mars", "steps": [{"at": "2026-12-01", "percentage": 5}]}"#, now),
            Err(RampError::Steps)
        ));
    }
}
