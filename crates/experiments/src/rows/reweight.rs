//! New weights of an experiment.

use novi::builtin::{ReweightError, with_weights};
use serde_json::value::RawValue;

use super::fields::Fields;

/// The fields of a split that draws as an experiment does.
#[derive(serde::Serialize, serde::Deserialize)]
struct Variants {
    variants: Box<RawValue>,
}

/// The config of an experiment with new weights, whose variants stay in their order; and the share of new units that get
/// another variant than before, from 0 to 1.
pub(crate) fn reweighted_experiment(
    config: &str,
    weights: &[(&str, f64)],
) -> Result<(String, f64), ReweightError> {
    let mut fields: Fields = serde_json::from_str(config)?;
    let split: Variants = serde_json::from_str(config)?;
    let new = with_weights(&serde_json::to_string(&split)?, weights)?;
    let split: Variants = serde_json::from_str(&new.config)?;
    fields.set("variants", &split.variants);
    Ok((fields.to_json(), new.moved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_fields_and_the_order_of_variants_stay() {
        let config =
            r#"{"state": "running", "variants": {"old": 1, "new": 1}, "control": "old", "traffic": 20}"#;
        let (new, moved) = reweighted_experiment(config, &[("new", 0.7), ("old", 0.3)]).unwrap();
        assert_eq!(
            new,
            r#"{"state":"running","variants":{"old":0.3,"new":0.7},"control":"old","traffic":20}"#
        );
        assert!((moved - 0.2).abs() < 1e-9, "{moved}");
        assert!(reweighted_experiment(config, &[("new", -1.0)]).is_err());
        assert!(reweighted_experiment("{}", &[("new", 1.0)]).is_err());
    }
}
