//! The weights that a split plans.

use std::collections::BTreeMap;

use novi::rows::{ActivationRow, Rows};
use serde_json::Value;

use crate::rows::{analysis::linked_experiment, find_experiment, planned_analysis};

/// The weights of the row of `novi.experiment` with this name; or else of the `novi.split` whose `experiment` has this
/// name, or that the flag with this name is linked to. Empty if there is none: its `ranges` have no weights.
///
/// Empty as well if a split remembers variants, since its weights may have changed since the first exposure.
#[must_use]
pub fn planned_weights(rows: &Rows, experiment: &str) -> BTreeMap<String, f64> {
    if let Some(planned) = planned_analysis(rows, experiment) {
        return planned.weights;
    }
    let config = weighted_row(rows, experiment).and_then(|row| row.config.as_deref());
    let config = config.and_then(|config| serde_json::from_str::<Value>(config).ok()).unwrap_or_default();
    // Units that were assigned before a change of the weights keep their variant.
    if config.get("remember").and_then(Value::as_bool) == Some(true) {
        return BTreeMap::new();
    }
    let variants = config.get("variants").and_then(Value::as_object).into_iter().flatten();
    variants.filter_map(|(name, weight)| Some((name.clone(), weight.as_f64()?))).collect()
}

/// The row with the weights of an experiment: of `novi.experiment` with this name; or else the `novi.split` whose
/// `experiment` has this name, or that the flag with this name is linked to.
pub(crate) fn weighted_row<'r>(rows: &'r Rows, experiment: &str) -> Option<&'r ActivationRow> {
    if let Some(found) = find_experiment(rows, experiment) {
        return Some(found.row);
    }
    let flag = rows.flags.iter().find(|row| row.name == experiment).map(|row| row.id);
    let links = rows.links.iter().filter(|link| flag.is_some() && link.flag_id == flag);
    let linked: Vec<i64> = links.filter_map(|link| link.activation_id).collect();
    let mut last = None;
    for row in rows.activations.iter().filter(|row| row.class_name == "novi.split") {
        let config = row.config.as_deref().and_then(|config| serde_json::from_str::<Value>(config).ok());
        let Some(config) = config else { continue };
        if config.get("experiment").and_then(Value::as_str) == Some(experiment) {
            return Some(row);
        }
        if linked.contains(&row.id) {
            last = Some(row);
        }
    }
    last
}

/// The experiment of a flag: the row of `novi.experiment` that it is linked to, the `experiment` of its `novi.split`, or
/// its name. A name that is no flag, or that of such a row, is that of an experiment.
#[must_use]
pub fn experiment_of(rows: &Rows, name: &str) -> String {
    if find_experiment(rows, name).is_some() {
        return name.to_owned();
    }
    if let Some(linked) = linked_experiment(rows, name) {
        return linked;
    }
    let flag = rows.flags.iter().find(|row| row.name == name).map(|row| row.id);
    let links = rows.links.iter().filter(|link| flag.is_some() && link.flag_id == flag);
    let linked: Vec<i64> = links.filter_map(|link| link.activation_id).collect();
    let splits =
        rows.activations.iter().filter(|row| row.class_name == "novi.split" && linked.contains(&row.id));
    let mut named = splits.filter_map(|row| {
        let config: Value = serde_json::from_str(row.config.as_deref()?).ok()?;
        Some(config.get("experiment")?.as_str()?.to_owned())
    });
    named.next().unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use novi::rows::{FlagRow, LinkRow};

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
        assert_eq!(
            (experiment_of(&rows, "color"), experiment_of(&rows, "none")),
            ("color".into(), "none".into())
        );
        let rows = Rows { links: vec![LinkRow::new(1, 2)], ..rows };
        assert_eq!(experiment_of(&rows, "color"), "named");
        let remembers = split(4, r#"{"variants": {"A": 1}, "remember": true, "experiment": "kept"}"#);
        let rows = Rows { activations: vec![remembers], ..rows };
        assert_eq!(planned_weights(&rows, "kept"), BTreeMap::new());
    }
}
