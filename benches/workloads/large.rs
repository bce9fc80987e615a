//! Many flags with different activations, and their expected decisions.

use novi::rows::Rows;

use super::workloads::{Builder, User};

const COUNTRIES: [&str; 4] = ["US", "CA", "MX", "DE"];

/// What the flag of a number asks: rollouts and flags of three conditions in turn, no two of them alike.
pub(crate) enum Rule {
    /// For so many thousandths of a percent of the callers.
    Rollout(u32),
    /// For callers from these countries, with any plan but this one, and a version from this one on.
    Conditions { countries: [String; 3], plan: String, version: [usize; 3] },
}

impl Rule {
    pub(crate) fn of(number: usize) -> Self {
        let turn = number / 2;
        if number.is_multiple_of(2) {
            // A prime number of steps on, so that 99,999 rollouts are different ones.
            return Self::Rollout(1 + u32::try_from(turn * 1999 % 99_999).unwrap_or_default());
        }
        let [one, other] = [turn, turn + 1].map(|place| COUNTRIES[place % 4].to_owned());
        Self::Conditions {
            countries: [one, other, format!("country-{number}")],
            plan: format!("plan-{number}"),
            version: [1, turn % 12, number],
        }
    }

    /// The rows that say so; gives their ids.
    fn write(&self, rows: &mut Builder) -> Vec<i64> {
        match self {
            Self::Rollout(steps) => {
                let config = format!(r#"{{"percentage": {}.{:03}}}"#, steps / 1000, steps % 1000);
                vec![rows.activation("novi.percentage", &config)]
            }
            Self::Conditions { countries, plan, version: [major, minor, patch] } => [
                format!(r#"{{"attribute": "country", "in": {countries:?}}}"#),
                format!(r#"{{"attribute": "plan", "not_equals": "{plan}"}}"#),
                format!(r#"{{"attribute": "version", "semver": ">={major}.{minor}.{patch}"}}"#),
            ]
            .iter()
            .map(|config| rows.activation("novi.attribute", config))
            .collect(),
        }
    }

    /// What the flag answers, in the plainest way; `bucket` is the caller's place in its rollout.
    pub(crate) fn answer(&self, user: &User, bucket: impl FnOnce() -> u32) -> bool {
        match self {
            Self::Rollout(steps) => bucket() < *steps,
            Self::Conditions { countries, plan, version } => {
                let parts: Vec<usize> =
                    user.version.split('.').filter_map(|part| part.parse().ok()).collect();
                countries.iter().any(|country| country == user.country)
                    && plan != user.plan
                    && parts.as_slice() >= version.as_slice()
            }
        }
    }
}

/// Flags of all these rules, with two activations each on average.
pub(crate) fn differing(count: usize) -> Rows {
    let mut rows = Builder::default();
    for number in 0..count {
        let ids = Rule::of(number).write(&mut rows);
        rows.flag(format!("flag-{number}"), &ids);
    }
    rows.rows
}

/// A flag of so many conditions that callers from the US meet, no two of them alike.
pub(crate) fn one_flag_of(count: usize) -> Rows {
    let mut rows = Builder::default();
    let config = |number| format!(r#"{{"attribute": "country", "in": ["US", "country-{number}"]}}"#);
    let ids: Vec<i64> = (0..count).map(|number| rows.activation("novi.attribute", &config(number))).collect();
    rows.flag("flag", &ids);
    rows.rows
}

/// A flag for a list of callers.
pub(crate) fn one_list_of(values: impl Iterator<Item = String>) -> Rows {
    let mut rows = Builder::default();
    let values: Vec<String> = values.collect();
    let id = rows.activation("novi.attribute", &format!(r#"{{"attribute": "id", "in": {values:?}}}"#));
    rows.flag("flag", &[id]);
    rows.rows
}
