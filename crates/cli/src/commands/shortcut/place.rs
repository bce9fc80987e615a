//! Finds the activation of a kind that a flag has.

use std::collections::BTreeSet;

use novi::rows::{ActivationRow, FlagRow};
use serde_json::Value;

use super::args::ShortcutOptions;
use crate::{
    commands::{change::Current, json_text::Step},
    output::Failure,
};

/// A kind of activation that a short way changes.
pub(super) struct Kind {
    pub(super) class: &'static str,
    /// What its new activations are called, after the flag.
    pub(super) noun: &'static str,
    /// Types that do the same in another way. A flag that has one is not given an activation of this kind as well.
    pub(super) instead: &'static [&'static str],
}

/// Where a config is: a row's own, or that of an activation inline in it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) row: ActivationRow,
    pub(super) path: Vec<Step>,
}

/// The place of the flag's activation of this kind; `None` if one is to be created.
pub(super) fn find(
    current: &Current,
    flag: &FlagRow,
    kind: &Kind,
    options: &ShortcutOptions,
    changed: &BTreeSet<String>,
) -> Result<Option<Place>, Failure> {
    if options.new {
        return Ok(None);
    }
    let reached = current.snapshot.reached_by(&flag.name);
    let rows = || current.rows.activations.iter().filter(|row| reached.binary_search(&row.id).is_ok());
    let mut places: Vec<Place> = rows().flat_map(|row| places_in(current, row, kind.class)).collect();
    if let Some(wanted) = &options.activation {
        let row = current.activation(wanted)?;
        places.retain(|place| place.row.id == row.id);
        if places.is_empty() {
            let message = format!("flag {:?} has no {} in {}", flag.name, kind.class, named(row));
            return Err(Failure::rejected(message));
        }
    }
    if let [first, _, ..] = places.as_slice() {
        let names: BTreeSet<String> = places.iter().map(|place| named(&place.row)).collect();
        let names: Vec<_> = names.into_iter().collect();
        let hint = match names.as_slice() {
            [_] => format!("change it with `novi activation edit {}`", first.row.id),
            _ => format!("name one with --activation, such as --activation {}", first.row.id),
        };
        let message =
            format!("flag {:?} has several {}: {}; {hint}", flag.name, kind.class, names.join(", "));
        return Err(Failure::rejected(message));
    }
    let Some(place) = places.pop() else {
        let other = rows().find_map(|row| {
            let class = kind.instead.iter().find(|class| !places_in(current, row, class).is_empty())?;
            Some(format!(
                "flag {:?} has a {class} in {}; change that with `novi activation edit {}`, or create a {} besides with \
                 --new",
                flag.name,
                named(row),
                row.id,
                kind.class
            ))
        });
        return other.map_or(Ok(None), |message| Err(Failure::rejected(message)));
    };
    let others: Vec<String> = current
        .users_of(place.row.id)
        .into_iter()
        .filter(|name| !changed.contains(*name))
        .map(|name| format!("{name:?}"))
        .collect();
    if !others.is_empty() && !options.shared {
        let message = format!(
            "{} is also used by {}; --shared changes it for all of them, --new creates one for {:?} alone",
            named(&place.row),
            others.join(", "),
            flag.name
        );
        return Err(Failure::rejected(message));
    }
    Ok(Some(place))
}

/// The row itself if it is of the type, and the activations of the type that are inline in its config.
fn places_in(current: &Current, row: &ActivationRow, class: &str) -> Vec<Place> {
    let is_of_type = |name: &str| current.registry.find(name).is_some_and(|kind| kind.class() == class);
    let mut places = Vec::new();
    if is_of_type(&row.class_name) {
        places.push(Place { row: row.clone(), path: Vec::new() });
    }
    let config = row.config.as_deref().and_then(|config| serde_json::from_str(config).ok());
    let mut open: Vec<(Vec<Step>, Value)> = config.map(|config| (Vec::new(), config)).into_iter().collect();
    while let Some((path, value)) = open.pop() {
        let inner = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<_>>();
        match value {
            Value::Object(fields) => {
                let name = fields.get("class_name").and_then(Value::as_str);
                if name.is_some_and(is_of_type) && fields.get("config").is_some_and(Value::is_object) {
                    let path = inner(Step::Field("config".to_owned()));
                    places.push(Place { row: row.clone(), path });
                }
                open.extend(fields.into_iter().map(|(field, value)| (inner(Step::Field(field)), value)));
            }
            Value::Array(items) => {
                open.extend(items.into_iter().enumerate().map(|(at, value)| (inner(Step::Item(at)), value)));
            }
            _ => (),
        }
    }
    places
}

fn named(row: &ActivationRow) -> String {
    format!("activations#{} {:?}", row.id, row.name)
}
