//! What was probably not meant in the row of an experiment.

use chrono::{DateTime, Utc};
use novi::{
    builtin::{ExperimentConfig, ExperimentState},
    rows::Rows,
};
use novi_match::suggest::most_similar;

use super::list::experiments;

/// What was probably not meant in an experiment that is not decided: names of metrics that are not among the known ones,
/// and traffic of 0 %.
#[must_use]
pub fn experiment_warnings(config: &ExperimentConfig, known: &[&str]) -> Vec<String> {
    if config.state() == ExperimentState::Decided {
        return Vec::new();
    }
    let metrics = config.metrics();
    let names = metrics.primary.iter().chain(&metrics.guardrails);
    let unknown = names.filter(|name| !known.contains(&name.as_str())).map(|name| {
        let similar = most_similar(name, known.iter().copied());
        let hint = similar.map_or_else(
            || format!("add {name}.sql to the folder of metrics, or run `novi metric create`"),
            |similar| format!("did you mean {similar:?}?"),
        );
        format!("no metric is named {name:?}; {hint}")
    });
    let traffic = (config.traffic() <= 0.0).then(|| "traffic: with 0 %, no unit is enrolled".to_owned());
    unknown.chain(traffic).collect()
}

/// The start of an experiment that runs but enrolls no units before it.
#[must_use]
pub fn scheduled_start(config: &ExperimentConfig, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    config.start().filter(|start| config.state() == ExperimentState::Running && *start > now)
}

/// The names of the experiments that are not decided and name a metric.
#[must_use]
pub fn experiments_with_metric<'r>(rows: &'r Rows, metric: &str) -> Vec<&'r str> {
    let names_it = |config: &ExperimentConfig| {
        let metrics = config.metrics();
        config.state() != ExperimentState::Decided
            && metrics.primary.iter().chain(&metrics.guardrails).any(|name| name == metric)
    };
    let found = experiments(rows).into_iter().filter(|found| found.config.as_ref().is_ok_and(names_it));
    found.map(|found| found.row.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use novi::rows::ActivationRow;

    use super::*;

    fn config(fields: &str) -> String {
        format!(r#"{{"variants": {{"a": 1, "b": 1}}, "control": "a", {fields}}}"#)
    }

    fn parsed(fields: &str) -> ExperimentConfig {
        ExperimentConfig::parse(&config(fields)).unwrap()
    }

    #[test]
    fn unknown_metrics_and_no_traffic_are_warned_of_before_the_decision() {
        let metrics = r#""metrics": {"primary": ["ordered", "revnue"], "guardrails": ["zzz"]}"#;
        let warnings = experiment_warnings(&parsed(metrics), &["ordered", "revenue"]);
        assert_eq!(warnings[0], r#"no metric is named "revnue"; did you mean "revenue"?"#);
        assert!(warnings[1].contains("add zzz.sql to the folder of metrics"), "{warnings:?}");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(experiment_warnings(&parsed(r#""traffic": 0"#), &[])[0].contains("no unit is enrolled"));
        let decided = format!(r#"{metrics}, "state": "decided", "decision": {{"off": true}}"#);
        assert_eq!(experiment_warnings(&parsed(&decided), &[]), Vec::<String>::new());
    }

    #[test]
    fn only_running_experiments_are_scheduled() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let start = |state: &str, start: &str| {
            scheduled_start(&parsed(&format!(r#""state": "{state}", "start": "{start}""#)), now).is_some()
        };
        assert!(start("running", "2026-12-02"));
        assert!(!start("running", "2026-11-30") && !start("draft", "2026-12-02"));
    }

    #[test]
    fn decided_experiments_do_not_need_their_metrics() {
        let row = |id, name: &str, fields: &str| {
            ActivationRow::new(id, name, super::super::list::CLASS, config(fields))
        };
        let metrics = r#""metrics": {"primary": ["m"], "guardrails": ["g"]}"#;
        let decided = format!(r#"{metrics}, "state": "decided", "decision": {{"off": true}}"#);
        let rows = Rows {
            activations: vec![row(1, "A", metrics), row(2, "B", &decided), row(3, "C", r#""traffic": 1"#)],
            ..Rows::default()
        };
        assert_eq!(experiments_with_metric(&rows, "g"), ["A"]);
        assert_eq!(experiments_with_metric(&rows, "n"), Vec::<&str>::new());
    }
}
