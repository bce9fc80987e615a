//! Cases of a `novi.switch` that are never reached.

use std::collections::HashMap;

use serde_json::Value;

/// The most combinations of places with any value that are compared: each case is looked up once in each.
const MOST_MASKS: usize = 16;

/// The first case with these values.
type FirstCases = HashMap<Vec<String>, usize>;

/// The numbers of cases that an earlier case comes before, each with that of the earlier one. Numbers start at 1.
pub(crate) fn shadowed(config: &Value) -> Vec<(usize, usize)> {
    let cases = config.get("cases").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    // By the places with a value of their own: the values there, and the first case that has them.
    let mut seen: Vec<(Vec<bool>, FirstCases)> = Vec::new();
    let mut found = Vec::new();
    for (number, case) in (1..).zip(cases) {
        let Some(values) = case.get("values").and_then(Value::as_array) else { continue };
        let keys: Vec<Option<String>> = values.iter().map(key).collect();
        let earlier = seen.iter().filter_map(|(mask, first)| {
            // "*" does not match an empty string, nor a place that has any value itself.
            let covers = |(key, is_fixed): (&Option<String>, &bool)| match key {
                Some(key) => *is_fixed || key != "\"\"",
                None => !is_fixed,
            };
            let is_covered = mask.len() == keys.len() && keys.iter().zip(mask).all(covers);
            first.get(&fixed(&keys, mask)).copied().filter(|_| is_covered)
        });
        if let Some(earlier) = earlier.min() {
            found.push((number, earlier));
            continue;
        }
        let mask: Vec<bool> = keys.iter().map(Option::is_some).collect();
        let values = fixed(&keys, &mask);
        if let Some((_, first)) = seen.iter_mut().find(|(known, _)| *known == mask) {
            first.entry(values).or_insert(number);
        } else if seen.len() < MOST_MASKS {
            seen.push((mask, HashMap::from([(values, number)])));
        }
    }
    found
}

/// The values at the places of a mask.
fn fixed(keys: &[Option<String>], mask: &[bool]) -> Vec<String> {
    keys.iter()
        .zip(mask)
        .filter(|(_, is_fixed)| **is_fixed)
        .map(|(key, _)| key.clone().unwrap_or_default())
        .collect()
}

/// A value for comparison: 7 and 7.0 are equal. `None` for any value.
fn key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text == "*" => None,
        Value::Number(number) => Some(number.as_f64().unwrap_or_default().to_string()),
        value => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cases_after_one_that_matches_more_are_found() {
        let of = |cases: Value| shadowed(&json!({"by": ["a", "b"], "cases": cases}));
        let case = |values: Value| json!({"values": values, "gives": true});
        assert_eq!(of(json!([case(json!(["DE", 7])), case(json!(["DE", 7.0]))])), [(2, 1)]);
        assert_eq!(of(json!([case(json!(["*", "ios"])), case(json!(["CA", "ios"]))])), [(2, 1)]);
        assert_eq!(
            of(json!([case(json!(["*", "*"])), case(json!(["*", "x"])), case(json!(["", "x"]))])),
            [(2, 1)]
        );
        let none = [
            json!([case(json!(["CA", "ios"])), case(json!(["*", "ios"]))]),
            json!([case(json!(["*", "ios"])), case(json!(["", "ios"]))]),
            json!([case(json!(["7", "x"])), case(json!([7, "x"]))]),
            json!([case(json!(["a", "*"])), case(json!(["*", "*"]))]),
            json!({"CA": true, "*": false}),
        ];
        for cases in none {
            assert_eq!(of(cases.clone()), [], "{cases}");
        }
    }
}
