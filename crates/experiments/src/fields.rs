//! The comments in front of the SQL of a file.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// The longest window after an exposure, in days.
const LONGEST_WINDOW: Duration = Duration::from_hours(24 * 366);

/// The comments in front of the SQL.
pub(crate) struct Fields<'a> {
    values: BTreeMap<String, (usize, String)>,
    pub(crate) sql: &'a str,
}

impl<'a> Fields<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        let (mut values, mut rest) = (BTreeMap::new(), text);
        for number in 1_usize.. {
            let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.trim();
            let Some(comment) = line.strip_prefix("--") else {
                if line.is_empty() && !next.is_empty() {
                    rest = next;
                    continue;
                }
                break;
            };
            // A comment without a colon is one for people.
            if let Some((name, value)) = comment.split_once(':')
                && !name.trim().contains(' ')
            {
                let name = name.trim().to_owned();
                if values.insert(name.clone(), (number, value.trim().to_owned())).is_some() {
                    return Err(format!("line {number}: the field `{name}` occurs twice"));
                }
            }
            if next.is_empty() {
                rest = "";
                break;
            }
            rest = next;
        }
        Ok(Self { values, sql: rest })
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<(usize, String)> {
        self.values.remove(name)
    }

    pub(crate) fn choice<T: Copy + Default>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<T, String> {
        let Some((line, value)) = self.take(name) else { return Ok(T::default()) };
        let found = choices.iter().find(|(choice, _)| *choice == value).map(|(_, choice)| *choice);
        found.ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(choice, _)| format!("`{choice}`")).collect();
            format!("line {line}: {name}: expected {}, found {value:?}", names.join(" or "))
        })
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<Option<f64>, String> {
        let Some((line, value)) = self.take(name) else { return Ok(None) };
        let number = f64::from_str(&value).ok().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| format!("line {line}: {name}: expected a number, found {value:?}"))
    }

    pub(crate) fn duration(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some((line, value)) = self.take(name) else { return Ok(None) };
        match humantime::parse_duration(&value) {
            Ok(duration) if duration <= LONGEST_WINDOW => Ok(Some(duration.as_secs())),
            _ => Err(format!(
                "line {line}: {name}: expected a duration of at most a year, as in `7days`, found {value:?}"
            )),
        }
    }

    /// An error if there are fields that nothing has taken.
    pub(crate) fn finish(self, expected: &str) -> Result<(), String> {
        match self.values.into_iter().next() {
            None => Ok(()),
            Some((name, (line, _))) => {
                Err(format!("line {line}: unknown field `{name}`, expected {expected}"))
            }
        }
    }
}
