//! What a new flag starts from.

use chrono::{Days, Utc};

/// A start for a new flag.
pub(crate) struct Template {
    /// Its name in the address.
    pub(crate) slug: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    /// The type of its activation, if it has one.
    pub(crate) class: Option<&'static str>,
    config: &'static str,
}

impl Template {
    /// The config, with dates from tomorrow on.
    pub(crate) fn config(&self) -> String {
        let today = Utc::now().date_naive();
        let day = |days: u64| today.checked_add_days(Days::new(days)).unwrap_or(today).to_string();
        self.config.replace("START", &day(1)).replace("MIDDLE", &day(4)).replace("END", &day(8))
    }
}

pub(crate) const TEMPLATES: &[Template] = &[
    Template {
        slug: "switch",
        title: "Kill switch",
        about: "On or off for everybody",
        class: None,
        config: "",
    },
    Template {
        slug: "rollout",
        title: "Percentage rollout",
        about: "On for a share of the callers, always the same ones",
        class: Some("novi.percentage"),
        config: "{\n  \"percentage\": 10\n}",
    },
    Template {
        slug: "ramp",
        title: "Ramp over a week",
        about: "A share that rises by itself",
        class: Some("novi.ramp"),
        config: "{\n  \"steps\": [\n    {\"at\": \"START\", \"percentage\": 1},\n    {\"at\": \"MIDDLE\", \"percentage\": 25},\n    {\"at\": \"END\", \"percentage\": 100}\n  ]\n}",
    },
    Template {
        slug: "window",
        title: "Window of time",
        about: "On from one day to another",
        class: Some("novi.date_time"),
        config: "{\n  \"startDateTime\": \"START\",\n  \"endDateTime\": \"END\",\n  \"timezone\": \"UTC\"\n}",
    },
    Template {
        slug: "members",
        title: "Allow list",
        about: "On for the users in a list",
        class: Some("novi.members"),
        config: "{\n  \"allow\": [\"user-1\", \"user-2\"]\n}",
    },
    Template {
        slug: "split",
        title: "A/B test",
        about: "Variants by weight; a user keeps its variant",
        class: Some("novi.split"),
        config: "{\n  \"variants\": {\"A\": 50, \"B\": 50}\n}",
    },
    Template {
        slug: "experiment",
        title: "Experiment",
        about: "Compares variants; units keep theirs and are recorded",
        class: Some("novi.experiment"),
        config: "{\n  \"variants\": {\"control\": 50, \"new\": 50},\n  \"control\": \"control\"\n}",
    },
    Template {
        slug: "country",
        title: "By country",
        about: "On where an attribute has one of some values",
        class: Some("novi.attribute"),
        config: "{\n  \"attribute\": \"country\",\n  \"in\": [\"DE\", \"AT\"]\n}",
    },
];
