//! Whether a metric fits the tables of the application.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::{
    database::Database,
    error::ExperimentError,
    metric::Metric,
    read::Source,
    sql::{Dialect, Scope},
};

/// How long a query may take by default.
const TIMEOUT: Duration = Duration::from_mins(10);

/// No row of `novi_assignments` has this name.
const NOBODY: &str = "novi check: no experiment";

/// What is wrong with a metric, from the database: its SQL fails, or it selects columns of other types. Reads no more
/// than the outcomes of the last day, if the SQL is limited by `:start` and `:end`.
///
/// # Errors
/// [`ExperimentError::Url`] if the address is not that of a database.
pub async fn check_metric(database: &Database, metric: &Metric) -> Result<Vec<String>, ExperimentError> {
    if let Some(problem) = &metric.problem {
        return Ok(vec![problem.clone()]);
    }
    let end = Utc::now();
    let first = end - TimeDelta::days(1);
    let scope = Scope {
        dialect: Dialect::of(&database.url).ok_or(ExperimentError::Url)?,
        prefix: database.table_prefix.clone(),
        experiment: NOBODY.to_owned(),
        start: Some(first),
        end,
        segments: None,
    };
    let timeout = database.timeout.unwrap_or(TIMEOUT);
    let source = Source { url: database.url.clone(), timeout, scope };
    // Without units, it finds that columns are missing, and reads no outcomes.
    if let Err(error) = source.sums(metric, first).await {
        return Ok(vec![missing_column(metric, error.to_string())]);
    }
    if !(metric.sql.contains(":start") && metric.sql.contains(":end")) {
        return Ok(Vec::new());
    }
    match source.outcomes(metric, first).await {
        Err(error) => Ok(vec![error.to_string()]),
        Ok(found) => {
            let counts =
                [(found.unreadable_times, "ts", "times"), (found.unreadable_values, "value", "numbers")];
            let bad = counts.into_iter().filter(|(count, ..)| *count > 0);
            let total = found.total;
            Ok(bad
                .map(|(count, column, kind)| {
                    format!("{column}: {count} of {total} outcomes of the last day are no {kind}")
                })
                .collect())
        }
    }
}

/// The message of a database about a column of outcomes, which are named `o.` in a query that its reader has not written.
fn missing_column(metric: &Metric, message: String) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    let mut words = message.split(|letter| !is_part(letter));
    let columns = ["o.unit", "o.ts", "o.value", "o.denominator", "o.step"];
    match words.find(|word| columns.contains(word) && !metric.sql.contains(word)) {
        Some(word) => {
            let column = word.trim_start_matches("o.");
            format!("the SQL selects no column `{column}`, which its kind needs")
        }
        None => message,
    }
}
