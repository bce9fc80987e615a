//! Rules in order, of which the first that fits is the answer.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    activation::{Activation, Child, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        combine::assignment::{Given, Outcome, split_schema},
        register,
    },
};

/// [`Config`] tells all of it.
struct Rules {
    /// The node of each rule's condition, and what it gives; nothing: what the condition answers.
    rules: Box<[(u32, Option<Outcome>)]>,
    fallthrough: Outcome,
}

/// Goes through a list of rules: the first whose condition is on decides.
///
/// A rule has a condition, `when`: an activation by id or inline, and what it gives to whom it is on for: a `variant`, a `split`
/// (the config of a `novi.split`), the answer of another activation (`then`), or `"on": true` or `false`. A rule that gives
/// nothing is on, with the variant that its condition assigns. For whom no rule is, there is `fallthrough`; without it,
/// off.
///
/// ```sql
/// INSERT INTO activations VALUES (13, 'Who gets which checkout', 'novi.rules', '{"rules": [
///     {"when": {"class_name": "novi.attribute", "config": {"attribute": "staff", "equals": true}}, "variant": "new"},
///     {"when": {"class_name": "novi.attribute", "config": {"attribute": "country", "in": ["US", "CA"]}},
///      "split": {"variants": {"new": 5, "old": 95}}}
///   ], "fallthrough": {"variant": "old"}}');
/// ```
///
/// What a rule gives is final: a caller whom its split gives no variant is off, and no further rule is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The rules, in the order in which they are tried
    rules: Vec<Rule>,
    /// What those get for whom no rule is: a variant's name, true or false, or as in a rule; off if not given
    #[serde(default)]
    fallthrough: Option<Given>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Rule {
    /// Whom the rule is for: those for whom this activation is on
    when: Child,
    /// On with this variant
    #[serde(default)]
    variant: Option<String>,
    /// On with the variant of this split
    #[serde(default)]
    #[schemars(schema_with = "split_schema")]
    split: Option<Box<RawValue>>,
    /// As this activation answers
    #[serde(default)]
    then: Option<Child>,
    /// On or off
    #[serde(default)]
    on: Option<bool>,
}

register!(Rules, "novi.rules", [], "Goes through a list of rules: the first whose condition is on decides");

impl Activation for Rules {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        for (number, (when, outcome)) in (1..).zip(&self.rules) {
            let verdict = check.ask_node(*when);
            if verdict.is_on() {
                check.note(|| format!("rule {number} is the first that fits"));
                return outcome.map_or(verdict, |outcome| outcome.verdict(check));
            }
        }
        check.note(|| "no rule fits".to_owned());
        self.fallthrough.verdict(check)
    }
}

impl Configured for Rules {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let rule = |(index, rule): (usize, Rule)| {
            let path = format!(".rules[{index}]");
            let Rule { mut when, variant, split, then, on } = rule;
            row.child(&format!("{path}.when"), &mut when);
            (when.node(), Given { on, variant, split, then }.compile(&path, row))
        };
        let rules = config.rules.into_iter().enumerate().map(rule).collect();
        let fallthrough = config.fallthrough.and_then(|given| given.compile(".fallthrough", row));
        Some(Self { rules, fallthrough: fallthrough.unwrap_or(Outcome::Verdict(Verdict::Off)) })
    }
}
