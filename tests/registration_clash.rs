//! Two types that claim one class name. A program of its own, because a program with such a clash has no
//! registry.

#![allow(clippy::unwrap_used)]

use novi::activation::{Activation, Evaluation, RegisteredActivation, Registry, Verdict};
use novi_test_plugin::Plan;
use serde::Deserialize;

#[novi::activation("plugin.plan")]
#[derive(Deserialize)]
struct SecondPlan {}

impl Activation for SecondPlan {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }
}

#[novi::activation("clash.third_plan", alias = "plugin.tariff")]
#[derive(Deserialize)]
struct ThirdPlan {}

impl Activation for ThirdPlan {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }
}

#[test]
fn clash_names_both_locations() {
    let known = Registry::empty().with::<Plan>().unwrap();
    for (other, name) in [(SecondPlan::TYPE, "plugin.plan"), (ThirdPlan::TYPE, "plugin.tariff")] {
        let text = known.clone().add(other.clone()).unwrap_err().to_string();
        let plan = Plan::TYPE;
        let (plan, other) = (plan.location(), other.location());
        assert_eq!(text, format!("class {name:?} is registered twice: {plan} and {other}"));
    }
}

#[test]
fn program_with_a_clash_has_no_registry() {
    // The linker decides which of the two clashes is found first.
    let text = Registry::global().unwrap_err().to_string();
    assert!(text.starts_with("class \"plugin.") && text.contains(Plan::TYPE.location()), "{text}");
}
