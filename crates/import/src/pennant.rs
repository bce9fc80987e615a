//! Laravel Pennant: the answers that its table remembers.
//!
//! Pennant asks code for callers without a stored answer, so that all flags are approximated. A caller of the scope
//! `App\\Models\\User|7` has the id 7; callers of other models have an attribute with the name of the model: `team`.

use std::collections::BTreeMap;

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft, Imported},
    config::{Given, always, or, rules},
    members::Members,
    options::Options,
    table::{Row, TableSpec, Tables},
};

/// The table of Pennant.
pub const TABLES: [TableSpec; 1] = [TableSpec::required("features", &["id", "name", "scope", "value"])];

/// The scope of evaluations without one.
const NO_SCOPE: &str = "__laravel_null";

/// Reads the rows of [`TABLES`].
#[must_use]
pub fn read_tables(tables: &Tables, options: &Options) -> Imported {
    let mut collector = Collector::default();
    let mut features: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in tables.rows("features") {
        features.entry(row.text("name")).or_default().push(row);
    }
    for (name, rows) in features {
        let draft = draft(name, &rows, options, &mut collector);
        collector.add(format!("features.{name}"), name, draft);
    }
    collector.finish()
}

/// The callers with each stored answer, by the attribute that identifies them.
#[derive(Debug, Default)]
struct Answers {
    callers: BTreeMap<(String, String), Vec<String>>,
    values: BTreeMap<String, Tree>,
    without_scope: Option<Tree>,
}

fn draft(name: &str, rows: &[&Row], options: &Options, collector: &mut Collector) -> Result<Draft, String> {
    let mut answers = Answers::default();
    for row in rows {
        let value: Tree = serde_json::from_str(row.text("value"))
            .map_err(|error| format!("features#{}: value: {error}", row.text("id")))?;
        let scope = row.text("scope");
        if scope == NO_SCOPE {
            answers.without_scope = Some(value);
            continue;
        }
        if value == Tree::Bool(false) || value == Tree::Null {
            continue;
        }
        let (attribute, id) = caller(scope, options);
        let variant = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
        answers.callers.entry((variant.clone(), attribute)).or_default().push(id);
        answers.values.insert(variant, value);
    }
    let mut flag = Flag { status: Some(true), ..Flag::default() };
    let mut differences = Vec::new();
    match &answers.without_scope {
        Some(value) if rows.len() == 1 => {
            flag.status = Some(*value == Tree::Bool(true));
            differences.push("the answer that is stored for no scope counts for all callers".to_owned());
            if !matches!(value, Tree::Bool(_)) {
                return Err("a value for evaluations without a scope has no equivalent".to_owned());
            }
            return Ok(Draft { flag, differences });
        }
        Some(_) => differences.push("the answer for evaluations without a scope is not imported".to_owned()),
        None => (),
    }
    differences.push("callers without a stored answer are off; Pennant asks the program".to_owned());
    let has_variants = answers.values.values().any(|value| *value != Tree::Bool(true));
    if !has_variants && answers.callers.len() == 1 {
        for ((_, by), members) in answers.callers {
            let list = Members { what: "callers", callers: members, by: &by };
            list.or(always(false), "callers", name, collector, &mut flag);
        }
        return Ok(Draft { flag, differences });
    }
    if has_variants {
        let are_strings = answers.values.values().all(|value| value.as_str().is_some());
        flag.value_type = Some(if are_strings { ValueType::String } else { ValueType::Any });
        flag.variants = Some(Tree::Fields(answers.values.into_iter().collect()));
    }
    let mut list = Vec::new();
    for ((variant, by), members) in answers.callers {
        let what = if has_variants { format!("callers of {variant}") } else { format!("callers by {by}") };
        let callers = Members { what: &what, callers: members, by: &by }.reference(name, collector);
        let given = if has_variants { Given::Variant(variant) } else { Given::On };
        list.push((callers, given));
    }
    let found = if has_variants {
        rules(list, Given::Off).activation()
    } else {
        or(list.into_iter().map(|(callers, _)| callers))
    };
    Members { what: "callers", callers: Vec::new(), by: &options.by }
        .or(found, "answers", name, collector, &mut flag);
    Ok(Draft { flag, differences })
}

/// The attribute that identifies the callers of a scope, and the value of one.
fn caller(scope: &str, options: &Options) -> (String, String) {
    match scope.rsplit_once('|') {
        Some((model, id)) => {
            let class = model.rsplit('\\').next().unwrap_or(model);
            let by = if class == "User" { options.by.clone() } else { class.to_lowercase() };
            (by, id.to_owned())
        }
        None => (options.by.clone(), scope.to_owned()),
    }
}
