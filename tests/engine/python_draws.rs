//! Rows with the Python class path draw as CPython does (R9). The draws in the fixture were made by CPython
//! 3.11: `random.seed(seed)`, then `random.choices(variations, weights=splits)[0]`.

use novi::{Context, Flags};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::common::rows::one_flag;

const CLASS: &str = "novi.client.activations.weighted_random_activation.WeightedRandomActivation";

#[derive(Deserialize)]
struct Draw<'a> {
    #[serde(borrow)]
    splits: &'a RawValue,
    #[serde(borrow)]
    variations: &'a RawValue,
    #[serde(borrow)]
    seed: &'a RawValue,
    choice: &'a str,
}

#[test]
fn python_class_path_draws_as_python_does() {
    let draws: Vec<Draw<'_>> = serde_json::from_str(include_str!("../fixtures/python-draws.json")).unwrap();
    assert!(draws.len() > 500);
    for Draw { splits, variations, seed, choice } in draws {
        let config = format!(r#"{{"splits": {splits}, "variations": {variations}}}"#);
        let flags = Flags::from_rows(one_flag("draw", CLASS, &config)).unwrap();
        let context = Context::from_json(&format!(r#"{{"seed": {seed}}}"#)).unwrap();
        let decision = flags.evaluate("draw", &context).unwrap();
        assert_eq!(decision.variant(), Some(choice), "{config} with seed {seed}");
    }
}
