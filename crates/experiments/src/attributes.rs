//! Attributes of units: SQL over the application's tables, by which a report can be broken down.

use crate::{fields::Fields, metric::MetricError};

/// Attributes that the assignments have, by which any report can be broken down.
pub(crate) const OF_ASSIGNMENTS: [&str; 2] = ["day", "revision"];

/// SQL that selects attributes of units, such as the country and plan of a user.
///
/// ```
/// use novi_experiments::Attributes;
///
/// let text = "-- kind: attributes country, plan\nselect id as unit, country, plan from users";
/// let users = Attributes::parse("users", text)?.expect("a file of attributes");
/// assert_eq!(users.names, ["country", "plan"]);
/// # Ok::<(), novi_experiments::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attributes {
    /// The columns that it selects next to `unit`.
    pub names: Vec<String>,
    /// The SQL.
    pub sql: String,
}

impl Attributes {
    /// Reads a file with SQL. `None` if it is that of a metric.
    ///
    /// # Errors
    /// If a field is unknown or invalid, or the SQL selects nothing.
    pub fn parse(name: &str, text: &str) -> Result<Option<Self>, MetricError> {
        let fail = |problem: String| MetricError { name: name.to_owned(), problem };
        let mut fields = Fields::read(text.trim_start_matches('\u{feff}')).map_err(fail)?;
        let Some((line, kind)) = fields.take("kind") else { return Ok(None) };
        let Some(list) = kind.strip_prefix("attributes") else { return Ok(None) };
        let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
        if !names.iter().all(|name| is_name(name)) {
            return Err(fail(format!(
                "line {line}: expected the names of columns, as in `attributes country, plan`, found {:?}",
                list.trim()
            )));
        }
        if let Some(taken) = names.iter().find(|name| OF_ASSIGNMENTS.contains(&name.as_str())) {
            return Err(fail(format!("line {line}: the assignments have an attribute {taken:?} already")));
        }
        fields.take("description");
        let sql = fields.sql.trim().trim_end_matches(';').trim_end().to_owned();
        fields.finish("description and kind").map_err(fail)?;
        if sql.is_empty() {
            return Err(fail(
                "expected SQL that selects unit and the attributes below the comments".to_owned(),
            ));
        }
        Ok(Some(Self { names, sql }))
    }
}

/// Whether a column needs no quotes in any of the databases.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|next| next.is_ascii_alphanumeric() || next == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_attributes_are_read_and_others_are_left() {
        assert_eq!(Attributes::parse("m", "-- kind: mean\nselect 1").unwrap(), None);
        assert_eq!(Attributes::parse("m", "select 1").unwrap(), None);
        let problem = |text: &str| Attributes::parse("m", text).unwrap_err().to_string();
        for (text, expected) in [
            ("-- kind: attributes\nselect 1", "line 1: expected the names of columns"),
            ("-- kind: attributes a b\nselect 1", "found \"a b\""),
            ("-- kind: attributes a, day\nselect 1", "an attribute \"day\" already"),
            (
                "-- kind: attributes a\n-- cap: 1\nselect 1",
                "line 2: unknown field `cap`, expected description and kind",
            ),
            ("-- kind: attributes a", "expected SQL that selects unit"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }
}
