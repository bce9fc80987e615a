//! The weights that a split plans.

use std::collections::BTreeMap;

use novi::rows::Rows;
use serde_json::Value;

/// The weights of the `novi.split` whose `experiment` has this name, or that the flag with this name is linked to. Empty
/// if there is none: its `ranges` have no weights.
#[must_use]
pub fn planned_weights(rows: &Rows, experiment: &str) -> BTreeMap<String, f64> {
    let flag = rows.flags.iter().find(|row| row.name == experiment).map(|row| row.id);
    let links = rows.links.iter().filter(|link| flag.is_some() && link.flag_id == flag);
    let linked: Vec<i64> = links.filter_map(|link| link.activation_id).collect();
    let mut weights = BTreeMap::new();
    for row in rows.activations.iter().filter(|row| row.class_name == "novi.split") {
        let config = row.config.as_deref().and_then(|config| serde_json::from_str::<Value>(config).ok());
        let Some(config) = config else { continue };
        let is_named = config.get("experiment").and_then(Value::as_str) == Some(experiment);
        if !is_named && !linked.contains(&row.id) {
            continue;
        }
        let variants = config.get("variants").and_then(Value::as_object).into_iter().flatten();
        weights = variants.filter_map(|(name, weight)| Some((name.clone(), weight.as_f64()?))).collect();
        if is_named {
            break;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use novi::rows::{ActivationRow, FlagRow, LinkRow};

    use super::*;

    #[test]
    fn weights_are_those_of_the_named_or_linked_split() {
        let split = |id, config: &str| ActivationRow::new(id, "split", "novi.split", config);
        let rows = Rows {
            flags: vec![FlagRow::new(1, "color", true)],
            activations: vec![
                split(1, r#"{"variants": {"A": 1, "B": 3}}"#),
                split(2, r#"{"variants": {"C": 1}, "experiment": "named"}"#),
                split(3, "broken"),
            ],
            links: vec![LinkRow::new(1, 1), LinkRow::new(1, 3)],
            ..Rows::default()
        };
        assert_eq!(planned_weights(&rows, "color"), [("A".to_owned(), 1.0), ("B".to_owned(), 3.0)].into());
        assert_eq!(planned_weights(&rows, "named"), [("C".to_owned(), 1.0)].into());
        assert_eq!(planned_weights(&rows, "none"), BTreeMap::new());
    }
}
