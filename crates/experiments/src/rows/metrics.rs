//! Metrics as rows.

use std::fmt::Write as _;

use novi::{
    builtin::MetricConfig,
    rows::{ActivationRow, Rows},
};

use crate::{
    fields::Fields,
    metric::{Metric, MetricError},
};

/// The rows of metrics, by id.
pub fn metric_rows(rows: &Rows) -> impl Iterator<Item = &ActivationRow> {
    rows.activations.iter().filter(|row| row.class_name == MetricConfig::CLASS)
}

/// The metrics of files and those of rows, in the order of their names. A name that several have is that of one metric
/// with [`Metric::problem`], as is that of a row that is invalid.
#[must_use]
pub fn with_metric_rows(files: Vec<Metric>, rows: &Rows) -> Vec<Metric> {
    let mut metrics = files;
    for row in metric_rows(rows) {
        match metrics.iter_mut().find(|metric| metric.name == row.name) {
            Some(other) => *other = Metric::unknown(&row.name, conflict(row, rows)),
            None => metrics.push(of_row(row)),
        }
    }
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    metrics
}

/// Which of several metrics with a name to delete.
fn conflict(row: &ActivationRow, rows: &Rows) -> String {
    let named = metric_rows(rows).filter(|other| other.name == row.name);
    let ids: Vec<String> = named.map(|other| other.id.to_string()).collect();
    if ids.len() > 1 {
        let ids = ids.join(" and ");
        return format!("the activations {ids} are metrics with this name: delete or rename all but one");
    }
    let Metric { name, .. } = of_row(row);
    format!(
        "the file {name}.sql and the activation {} are metrics with this name: delete the file, or the row, as in \
         `novi metric delete {}`",
        row.id,
        shell_word(&name)
    )
}

/// A name as an argument of a command.
fn shell_word(name: &str) -> String {
    let is_plain =
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

fn of_row(row: &ActivationRow) -> Metric {
    let parsed = MetricConfig::parse(row.config.as_deref().unwrap_or_default());
    let parsed = parsed.map_err(|error| error.to_string()).and_then(|config| {
        Metric::parse(&row.name, &metric_text(&config))
            .map_err(|error| without_line(&error.problem).to_owned())
    });
    parsed.unwrap_or_else(|problem| {
        Metric::unknown(&row.name, format!("the row of activation {} is invalid: {problem}", row.id))
    })
}

/// A message about a field without its line, which a row does not have.
fn without_line(problem: &str) -> &str {
    let rest = problem.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
    rest.filter(|(line, _)| line.bytes().all(|byte| byte.is_ascii_digit())).map_or(problem, |(_, rest)| rest)
}

/// The text of a file with the metric of a row.
#[must_use]
pub fn metric_text(config: &MetricConfig) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let line: String =
                value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            // Writing to a string cannot fail.
            writeln!(text, "-- {name}: {line}").ok();
        }
    };
    field("description", config.description.as_deref());
    field("kind", Some(&config.kind));
    field("better", config.better.as_deref());
    field("guardrail", config.guardrail.then_some("true"));
    field("margin", config.margin.as_deref());
    field("after", config.after.as_deref());
    field("window", config.window.as_deref());
    field("cap", config.cap.map(|cap| cap.to_string()).as_deref());
    field("before", config.before.as_deref());
    // A comment in front of the SQL is none of the fields, which end with what is no comment of a line.
    let (sql, mut end) = (config.sql.trim(), "\n");
    if sql.starts_with("--") {
        end = "\n/**/\n";
    }
    text + end + sql + "\n"
}

/// The config of a row with the metric of a file.
///
/// # Errors
/// If the file is no metric.
pub fn metric_config(name: &str, text: &str) -> Result<MetricConfig, MetricError> {
    let metric = Metric::parse(name, text)?;
    let fail = |problem| MetricError { name: name.to_owned(), problem };
    let mut fields = Fields::read(text.trim_start_matches('\u{feff}')).map_err(fail)?;
    let mut take = |name| fields.take(name).map(|(_, value)| value);
    let mut config = MetricConfig::new(take("kind").unwrap_or_default(), metric.sql);
    (config.description, config.better, config.margin) =
        (take("description"), take("better"), take("margin"));
    (config.after, config.window, config.before) = (take("after"), take("window"), take("before"));
    (config.guardrail, config.cap) = (metric.guardrail, metric.cap);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(metrics: &[(&str, &str)]) -> Rows {
        let row = |(id, (name, config)): (i64, &(&str, &str))| {
            ActivationRow::new(id, *name, MetricConfig::CLASS, *config)
        };
        Rows { activations: (1..).zip(metrics).map(row).collect(), ..Rows::default() }
    }

    #[test]
    fn rows_are_the_same_metrics_as_files() {
        let text = "-- What orders bring\n-- description: Orders\n-- kind: mean\n-- better: less\n-- guardrail: true\n\
                    -- margin: 2%\n-- after: 1day\n-- window: 7days\n-- cap: 500.5\n-- before: 14days\n\
                    -- by: people\nselect 1 -- one\n";
        let text = text.replace("-- by: people\n", "");
        let config = metric_config("m", &text).unwrap();
        let json = serde_json::to_string(&config).unwrap();
        let found = with_metric_rows(Vec::new(), &rows(&[("m", &json)]));
        assert_eq!(found, [Metric::parse("m", &text).unwrap()]);
        assert_eq!(metric_config("m", &metric_text(&config)).unwrap(), config);
        let funnel = r#"{"kind": "funnel a, b", "sql": "-- all: of them\nselect 1"}"#;
        let found = with_metric_rows(Vec::new(), &rows(&[("f", funnel)]));
        assert_eq!((found[0].steps.len(), found[0].problem.as_deref()), (2, None), "{found:?}");
    }

    #[test]
    fn invalid_rows_and_names_of_two_metrics_have_a_problem() {
        let mean = r#"{"kind": "mean", "sql": "select 1"}"#;
        let problem = |files: Vec<Metric>, metrics: &[(&str, &str)]| {
            let found = with_metric_rows(files, &rows(metrics));
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].problem.clone().unwrap()
        };
        let file = || vec![Metric::parse("it's", "-- kind: mean\nselect 1").unwrap()];
        for (found, expected) in [
            (
                problem(file(), &[("it's", mean)]),
                r"the file it's.sql and the activation 1 are metrics with this name: delete the file, or the row, as in `novi metric delete 'it'\''s'`",
            ),
            (
                problem(Vec::new(), &[("m", mean), ("m", mean)]),
                "the activations 1 and 2 are metrics with this name: delete or rename all but one",
            ),
            (
                problem(Vec::new(), &[("m", r#"{"kind": "mode", "sql": "select 1"}"#)]),
                "the row of activation 1 is invalid: expected `-- kind: mean`",
            ),
            (problem(Vec::new(), &[("m", "{}")]), "the row of activation 1 is invalid: missing field `kind`"),
            (
                problem(Vec::new(), &[("m", r#"{"kind": "mean", "window": "soon", "sql": "select 1"}"#)]),
                "is invalid: window: expected a duration",
            ),
        ] {
            assert!(found.contains(expected), "{found}");
        }
    }
}
