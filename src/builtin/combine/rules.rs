//! A list of rules, of which the first that matches decides.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    activation::{
        Activation, Child, CompileContext, Configured, Phrase, Phrasing, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql,
    },
    builtin::{
        combine::assignment::{
            Assignment, MOST_WORDED, Outcome, outcome_to_sql, outcome_words, split_schema,
        },
        register::register,
    },
};

/// See [`Config`].
struct Rules {
    /// The condition of each rule, and its result. `None` is the verdict of the condition.
    rules: Box<[(u32, Option<Outcome>)]>,
    fallthrough: Outcome,
}

/// Evaluates a list of rules: the first rule whose condition is on decides.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (250, 'Checkout', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (250, 'Checkout by country', 'novi.rules', '{"rules": [
///         {"when": {"class_name": "novi.attribute", "config": {"attribute": "staff", "equals": true}}, "variant": "new"},
///         {"when": {"class_name": "novi.attribute", "config": {"attribute": "country", "in": ["US", "CA"]}},
///          "split": {"variants": {"new": 5, "old": 95}}}],
///       "fallthrough": {"variant": "old"}}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (250, 250);
/// ```
///
/// `when` is the condition: an activation by id or inline. The result of a rule is one of `variant`, `split`
/// (the config of a `novi.split`), `then` (another activation), or `"on": true` or `false`. A rule without a
/// result is on, with the variant of its condition. If no rule matches, `fallthrough` applies (default: off).
///
/// The result of a rule is final: if its split assigns no variant, the flag is off and no later rule is
/// evaluated.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The rules, in order
    rules: Vec<Rule>,
    /// The result if no rule matches: the name of a variant, true, false, or an object as in a rule. Default:
    /// off
    #[serde(default)]
    fallthrough: Option<Assignment>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Rule {
    /// The condition, an activation
    when: Child,
    /// The result is on, with this variant
    #[serde(default)]
    variant: Option<String>,
    /// The result is the variant of this split
    #[serde(default)]
    #[schemars(schema_with = "split_schema")]
    split: Option<Box<RawValue>>,
    /// The result of this activation
    #[serde(default)]
    then: Option<Child>,
    /// The result is on or off
    #[serde(default)]
    on: Option<bool>,
}

register!(Rules, "novi.rules", [], "Evaluates a list of rules: the first whose condition is on decides");

impl Activation for Rules {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        for (number, (when, outcome)) in (1..).zip(&self.rules) {
            let verdict = evaluation.ask_node(*when);
            if verdict.is_on() {
                evaluation.note(|| format!("rule {number} is the first that matches"));
                evaluation.match_rule();
                return outcome.map_or(verdict, |outcome| outcome.verdict(evaluation));
            }
        }
        evaluation.note(|| "no rule matches".to_owned());
        if !self.rules.is_empty() {
            evaluation.fall_through();
        }
        self.fallthrough.verdict(evaluation)
    }

    fn cause_rule(&self) -> CauseRule {
        self.fallthrough.cause_rule(self.rules.is_empty())
    }
}

impl Configured for Rules {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let rule = |(index, rule): (usize, Rule)| {
            let path = format!(".rules[{index}]");
            let Rule { mut when, variant, split, then, on } = rule;
            row.child(&format!("{path}.when"), &mut when);
            (when.node(), Assignment { on, variant, split, then }.compile(&path, row))
        };
        let rules = config.rules.into_iter().enumerate().map(rule).collect();
        let fallthrough = config.fallthrough.and_then(|assignment| assignment.compile(".fallthrough", row));
        Some(Self { rules, fallthrough: fallthrough.unwrap_or(Outcome::Verdict(Verdict::Off)) })
    }

    fn words(config: &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let mut parts = Vec::new();
        for rule in config.rules.iter().take(MOST_WORDED) {
            let when = phrasing.child(&rule.when).clause();
            let (variant, split) = (rule.variant.as_deref(), rule.split.as_deref());
            let outcome = outcome_words((rule.on, variant, split, rule.then.as_ref()), phrasing);
            parts.push(format!("{when}: {}", outcome.unwrap_or_else(|| "on".to_owned())));
        }
        if let Some(more) = config.rules.len().checked_sub(MOST_WORDED).filter(|more| *more > 0) {
            parts.push(format!("{more} more rules"));
        }
        let otherwise = config.fallthrough.as_ref().and_then(|assignment| assignment.words(phrasing));
        parts.push(format!("otherwise {}", otherwise.unwrap_or_else(|| "off".to_owned())));
        Phrase::period(format!("by rules: {}", parts.join("; "))).grouped()
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let mut rules = Vec::new();
        for rule in &config.rules {
            let when = sql.child(&rule.when);
            let outcome = (rule.on, rule.variant.as_deref(), rule.split.as_deref(), rule.then.as_ref());
            let verdict = sql::Condition { on: sql::Expression::always(true), variant: when.variant };
            rules.push((when.on, outcome_to_sql(outcome, sql).unwrap_or(verdict)));
        }
        let otherwise = config.fallthrough.as_ref().and_then(|assignment| assignment.to_sql(sql));
        sql::Condition::choose(&rules, &otherwise.unwrap_or(sql::Condition::always(false)))
    }
}
