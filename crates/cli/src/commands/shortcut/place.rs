//! Finds the activation of a kind that a flag has.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    activation::references,
    rows::{ActivationRow, FlagRow},
};
use serde_json::Value;

use super::args::ShortcutOptions;
use crate::{
    commands::{
        change::Current,
        json_text::{self, Step},
    },
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
    let (reversed, places): (Vec<_>, Vec<_>) =
        places_of(current, flag, kind.class).into_iter().partition(|(_, is_reversed)| *is_reversed);
    let mut places: Vec<Place> = places.into_iter().map(|(place, _)| place).collect();
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
        let edit = |place: &Place, what: &str| {
            let id = place.row.id;
            Failure::rejected(format!(
                "flag {:?} has {what} in {}; change that with `novi activation edit {id}`, or create a {} besides with \
                 --new",
                flag.name,
                named(&place.row),
                kind.class
            ))
        };
        if let Some((place, _)) = reversed.first() {
            return Err(edit(
                place,
                &format!("a {} that is reversed (novi.not, or a rule that is off)", kind.class),
            ));
        }
        let others =
            kind.instead.iter().flat_map(|class| places_of(current, flag, class).into_iter().zip([*class]));
        return others
            .min_by_key(|((place, _), _)| place.row.id)
            .map_or(Ok(None), |((place, _), class)| Err(edit(&place, &format!("a {class}"))));
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

/// The attributes that the flag's activations bucket by, if all that draw callers name the same.
pub(super) fn bucketed_by(current: &Current, flag: &FlagRow) -> Option<String> {
    let classes = ["novi.percentage", "novi.ramp", "novi.bucket", "novi.split"];
    let places = classes.iter().flat_map(|class| places_of(current, flag, class));
    let mut found = places.map(|(place, _)| {
        let text = place.row.config.as_deref().unwrap_or("{}");
        let config: Value = serde_json::from_str(json_text::part(text, &place.path)?).ok()?;
        match config.get("by")? {
            Value::String(name) => Some(name.clone()),
            Value::Array(names) => {
                names.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(","))
            }
            _ => None,
        }
    });
    let first = found.next()??;
    found.all(|by| by.as_ref() == Some(&first)).then_some(first)
}

/// The activations of a type that a flag has, also inline in others, and whether each is reversed: then the flag is on for
/// those who do not meet it, as in `novi.not`.
fn places_of(current: &Current, flag: &FlagRow, class: &str) -> Vec<(Place, bool)> {
    let is_of_type = |name: &str| current.registry.find(name).is_some_and(|kind| kind.class() == class);
    let rows = &current.rows.activations;
    let mut open: Vec<(i64, bool)> = current.linked(flag.id).map(|id| (id, false)).collect();
    let (mut seen, mut places) = (BTreeSet::new(), Vec::new());
    while let Some((id, is_reversed)) = open.pop() {
        if !seen.insert((id, is_reversed)) {
            continue;
        }
        let Ok(at) = rows.binary_search_by_key(&id, |row| row.id) else { continue };
        let row = &rows[at];
        let place = |path: Vec<Step>| Place { row: row.clone(), path };
        if is_of_type(&row.class_name) {
            places.push((place(Vec::new()), is_reversed));
        }
        let config = row.config.as_deref();
        let ids: BTreeMap<String, i64> = references(&current.registry, &row.class_name, config)
            .into_iter()
            .map(|reference| (reference.path, reference.id))
            .collect();
        let Some(config) = config.and_then(|config| serde_json::from_str::<Value>(config).ok()) else {
            continue;
        };
        let is_reversed = is_reversed != reverses(current, &row.class_name);
        let mut values = vec![Inside { path: Vec::new(), text: String::new(), value: &config, is_reversed }];
        while let Some(Inside { path, text, value, is_reversed }) = values.pop() {
            open.extend(ids.get(&text).map(|id| (*id, is_reversed)));
            let inner = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<_>>();
            match value {
                Value::Object(fields) => {
                    let name = fields.get("class_name").and_then(Value::as_str);
                    if name.is_some_and(is_of_type) && fields.get("config").is_some_and(Value::is_object) {
                        places.push((place(inner(Step::Field("config".to_owned()))), is_reversed));
                    }
                    let inside = name.is_some_and(|name| reverses(current, name));
                    // A rule that turns the flag off.
                    let is_off = fields.get("on") == Some(&Value::Bool(false));
                    values.extend(fields.iter().map(|(field, value)| Inside {
                        path: inner(Step::Field(field.clone())),
                        text: format!("{text}.{field}"),
                        value,
                        is_reversed: is_reversed != (inside || is_off && field == "when"),
                    }));
                }
                Value::Array(items) => {
                    values.extend(items.iter().enumerate().map(|(at, value)| Inside {
                        path: inner(Step::Item(at)),
                        text: format!("{text}[{at}]"),
                        value,
                        is_reversed,
                    }));
                }
                _ => (),
            }
        }
    }
    places.sort_by_key(|(place, _)| place.row.id);
    places
}

/// A value inside of a config.
struct Inside<'v> {
    path: Vec<Step>,
    /// The path, as references have it.
    text: String,
    value: &'v Value,
    is_reversed: bool,
}

fn reverses(current: &Current, class: &str) -> bool {
    current.registry.find(class).is_some_and(|kind| kind.class() == "novi.not")
}

fn named(row: &ActivationRow) -> String {
    format!("activations#{} {:?}", row.id, row.name)
}
