//! The flags, rows and callers of the benches.

use std::{borrow::Cow, hint::black_box};

use novi::{
    Context, Value,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

/// A caller's attributes, as a service holds them.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) country: &'static str,
    pub(crate) plan: &'static str,
    pub(crate) version: String,
    pub(crate) age: i64,
}

impl User {
    /// So many callers, of whom half meet the three conditions.
    pub(crate) fn some(count: usize) -> Vec<Self> {
        let user = |number: usize| Self {
            id: format!("user-{number:011}"),
            country: ["US", "CA", "MX", "DE"]
                [if number.is_multiple_of(2) { number / 2 % 3 } else { 3 * (number / 2 % 2) }],
            plan: if number.is_multiple_of(2) || number % 4 == 1 { "pro" } else { "free" },
            version: if number % 8 == 1 {
                "1.2.2".to_owned()
            } else {
                format!("1.{}.{}", 3 + number % 9, number % 10)
            },
            age: 18 + i64::try_from(number % 60).unwrap_or_default(),
        };
        (0..count).map(user).collect()
    }

    /// The context of one call.
    #[inline]
    pub(crate) fn context(&self) -> Context<'_> {
        Context::new()
            .with("targetingKey", black_box(self.id.as_str()))
            .with("country", black_box(self.country))
            .with("plan", black_box(self.plan))
            .with("version", black_box(self.version.as_str()))
            .with("age", black_box(self.age))
    }
}

impl User {
    /// The same attributes, where they lie in the caller's stack.
    #[inline]
    pub(crate) fn attributes(&self) -> [(Cow<'_, str>, Value<'_>); 5] {
        [
            ("targetingKey".into(), black_box(self.id.as_str()).into()),
            ("country".into(), black_box(self.country).into()),
            ("plan".into(), black_box(self.plan).into()),
            ("version".into(), black_box(self.version.as_str()).into()),
            ("age".into(), black_box(self.age).into()),
        ]
    }
}

/// Rows that grow flag by flag.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) rows: Rows,
}

impl Builder {
    /// An activation, which flags and others can share.
    pub(crate) fn activation(&mut self, class: &str, config: &str) -> i64 {
        let id = 1 + i64::try_from(self.rows.activations.len()).unwrap_or_default();
        self.rows.activations.push(ActivationRow::new(id, format!("activation {id}"), class, config));
        id
    }

    /// A flag over activations.
    pub(crate) fn flag(&mut self, name: impl Into<String>, activations: &[i64]) {
        let id = 1 + i64::try_from(self.rows.flags.len()).unwrap_or_default();
        self.rows.flags.push(FlagRow::new(id, name, true));
        self.rows.links.extend(activations.iter().map(|activation| LinkRow::new(id, *activation)));
    }

    /// The rows of the three conditions.
    pub(crate) fn conditions(&mut self) -> [i64; 3] {
        [
            self.activation("novi.attribute", r#"{"attribute": "country", "in": ["US", "CA", "MX"]}"#),
            self.activation("novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#),
            self.activation("novi.attribute", r#"{"attribute": "version", "semver": ">=1.2.3"}"#),
        ]
    }

    pub(crate) fn rollout(&mut self) -> i64 {
        self.activation("novi.percentage", r#"{"percentage": 50}"#)
    }
}

/// The flags W1 to W6.
pub(crate) fn one_of_each() -> Rows {
    let mut rows = Builder::default();
    rows.flag("W1", &[]);
    let rollout = rows.rollout();
    rows.flag("W2", &[rollout]);
    let conditions = rows.conditions();
    rows.flag("W3", &conditions);
    let window = r#"{"startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2035-01-01T00:00:00Z"}"#;
    let window = rows.activation("novi.date_time", window);
    rows.flag("W4", &[window]);
    // Three ands of three, whose rows are shared.
    let [country, plan, version] = conditions;
    let german = rows.activation("novi.attribute", r#"{"attribute": "country", "equals": "DE"}"#);
    let grown = rows.activation("novi.attribute", r#"{"attribute": "age", "greater_or_equal": 40}"#);
    let ands = [[german, plan, grown], [country, grown, version], [country, plan, version]];
    let ands = ands.map(|[a, b, c]| rows.activation("novi.and", &format!("[{a},{b},{c}]")));
    let or = rows.activation("novi.or", &format!("{ands:?}"));
    rows.flag("W5", &[or]);
    let thirds = rows.activation("novi.split", r#"{"variants": {"A": 33, "B": 33, "C": 34}}"#);
    rows.flag("W6", &[thirds]);
    rows.rows
}

/// Rollouts and flags of three conditions in turn. `shared`: all ask the same three activations.
pub(crate) fn many(count: usize, shared: bool) -> Rows {
    let mut rows = Builder::default();
    let common = rows.conditions();
    for number in 0..count {
        let name = format!("flag-{number}");
        if number.is_multiple_of(2) {
            let rollout = rows.rollout();
            rows.flag(name, &[rollout]);
        } else {
            let conditions = if shared { common } else { rows.conditions() };
            rows.flag(name, &conditions);
        }
    }
    rows.rows
}
