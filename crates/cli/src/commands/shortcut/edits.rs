//! The changes of a short way, over one or several flags.

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::cst::{CstInputValue, CstObject};
use novi::rows::{ActivationRow, FlagRow};
use serde_json::Value;

use super::{
    args::ShortcutOptions,
    place::{self, Kind, Place},
};
use crate::{
    commands::{
        change::{Current, Draft, Fields, Operation, raw},
        json_text::{self, Step},
    },
    output::Failure,
};

/// The changes so far.
pub(super) struct Edits<'c> {
    current: &'c Current,
    options: &'c ShortcutOptions,
    /// The names of the flags of the command.
    flags: BTreeSet<String>,
    /// The new configs of rows.
    configs: BTreeMap<i64, (&'c ActivationRow, String)>,
    created: Vec<Operation>,
    next_id: i64,
    pub(super) draft: Draft,
}

/// An activation to change, or one that was created.
pub(super) enum Found {
    Existing(Place),
    Created(i64),
}

impl<'c> Edits<'c> {
    pub(super) fn new(
        current: &'c Current,
        wanted: &[String],
        options: &'c ShortcutOptions,
    ) -> Result<(Self, Vec<&'c FlagRow>), Failure> {
        let mut ids = BTreeSet::new();
        let rows = wanted.iter().map(|wanted| current.flag(wanted));
        let mut rows = rows.collect::<Result<Vec<_>, Failure>>()?;
        rows.retain(|row| ids.insert(row.id));
        let flags = rows.iter().map(|row| row.name.clone()).collect();
        let next_id = current.next_activation_id()?;
        let (configs, created, draft) = (BTreeMap::new(), Vec::new(), Draft::default());
        Ok((Self { current, options, flags, configs, created, next_id, draft }, rows))
    }

    /// Finds the flag's activation of this kind, or creates one with this config and links the flag to it.
    pub(super) fn find(
        &mut self,
        flag: &FlagRow,
        kind: &Kind,
        initial: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Found, Failure> {
        if let Some(place) = place::find(self.current, flag, kind, self.options, &self.flags)? {
            return Ok(Found::Existing(place));
        }
        let id = self.next_id;
        self.next_id += 1;
        let fields = Fields::new().with("id", &id).with("name", &self.free_name(flag, kind));
        let fields = fields.with("class_name", &kind.class).with("config", &raw(initial()?)?);
        self.created.push(Operation::create_activation(fields));
        self.created.push(Operation::link(flag.id, id, self.options.options.if_version));
        if !flag.status {
            self.draft.notes.push(format!("{} is off; `novi enable` turns it on", flag.name));
        }
        Ok(Found::Created(id))
    }

    /// As [`find`](Self::find), for a kind that draws callers. A new activation buckets by the attribute of the command,
    /// or else by the one that the flag's other activations bucket by.
    pub(super) fn find_bucketed(
        &mut self,
        flag: &FlagRow,
        kind: &Kind,
        by: Option<&str>,
        fill: impl FnOnce(&CstObject),
    ) -> Result<Found, Failure> {
        let of_others = if by.is_none() { place::bucketed_by(self.current, flag) } else { None };
        let initial = || {
            new_config(|config| {
                fill(config);
                if let Some(by) = &of_others {
                    set(config, "by", attribute(by));
                }
            })
        };
        let found = self.find(flag, kind, initial)?;
        if let (Found::Created(_), Some(by)) = (&found, &of_others) {
            self.draft.notes.push(format!(
                "{}: buckets by {by:?}, as its other activations do; --by names another attribute",
                flag.name
            ));
        }
        Ok(found)
    }

    /// A name that no activation has: files know activations by name.
    fn free_name(&self, flag: &FlagRow, kind: &Kind) -> String {
        let name = format!("{}: {}", flag.name, kind.noun);
        let is_taken = |name: &String| self.current.rows.activations.iter().any(|row| row.name == *name);
        let numbered = (2_u32..).map(|number| format!("{name} {number}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
    }

    /// The config at this place, with the changes so far.
    pub(super) fn config(&self, place: &Place) -> Result<String, Failure> {
        let text = self.text(place);
        let config = json_text::part(text, &place.path).map(str::to_owned);
        config.ok_or_else(|| unreadable(&place.row))
    }

    /// Replaces the config at this place.
    pub(super) fn set_config(&mut self, place: &Place, config: &str) -> Result<(), Failure> {
        let text = json_text::with_part(self.text(place), &place.path, config)
            .and_then(|text| json_text::compact(&text).ok())
            .ok_or_else(|| unreadable(&place.row))?;
        let rows = &self.current.rows.activations;
        if let Some(row) = rows.iter().find(|row| row.id == place.row.id) {
            self.configs.insert(row.id, (row, text));
        }
        Ok(())
    }

    /// Changes the fields of the config at this place, which is an object.
    pub(super) fn edit(&mut self, place: &Place, edit: impl FnOnce(&CstObject)) -> Result<(), Failure> {
        let config = self.config(place)?;
        let config = json_text::edited(&config, edit).ok_or_else(|| unreadable(&place.row))?;
        self.set_config(place, &config)
    }

    /// Whether the config at this place draws by another attribute than before, which a note then says.
    pub(super) fn note_other_key(&mut self, place: &Place, before: &str) -> Result<bool, Failure> {
        let is_other = key_of(&self.config(place)?) != key_of(before);
        if is_other {
            self.draft.notes.push("another attribute draws again for every caller".to_owned());
        }
        Ok(is_other)
    }

    /// Adds changes after those of the configs.
    pub(super) fn then(&mut self, operation: Operation) {
        self.draft.operations.push(operation);
    }

    pub(super) fn into_draft(self) -> Result<Draft, Failure> {
        let Self { configs, created, mut draft, options, .. } = self;
        let mut operations = Vec::new();
        for (id, (row, config)) in configs {
            if row.config.as_ref() == Some(&config) {
                continue;
            }
            let set = Fields::new().with("config", &raw(config)?);
            operations.push(Operation::update_activation(
                id,
                &set.maybe("version", options.options.if_version.as_ref()),
            ));
        }
        operations.extend(created);
        operations.append(&mut draft.operations);
        draft.operations = operations;
        Ok(draft)
    }

    fn text<'t>(&'t self, place: &'t Place) -> &'t str {
        let edited = self.configs.get(&place.row.id).map(|(_, text)| text.as_str());
        edited.or(place.row.config.as_deref()).unwrap_or("{}")
    }
}

/// The attribute that a config draws by.
fn key_of(config: &str) -> Value {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    config.get("by").cloned().unwrap_or_else(|| "targetingKey".into())
}

/// Sets a field of a config, at its end if it is new.
pub(super) fn set(object: &CstObject, field: &str, value: CstInputValue) {
    match object.get(field) {
        Some(found) => found.set_value(value),
        None => {
            object.append(field, value);
        }
    }
}

/// One name, or a list of names that are tried in order.
pub(super) fn attribute(by: &str) -> CstInputValue {
    match by.split(',').map(str::trim).collect::<Vec<_>>().as_slice() {
        [name] => (*name).into(),
        names => CstInputValue::Array(names.iter().map(|name| (*name).into()).collect()),
    }
}

/// The config of a new activation.
pub(super) fn new_config(fill: impl FnOnce(&CstObject)) -> Result<String, Failure> {
    json_text::edited("{}", fill)
        .and_then(|text| json_text::compact(&text).ok())
        .ok_or_else(|| Failure::system("could not write the config as JSON"))
}

fn unreadable(row: &ActivationRow) -> Failure {
    Failure::rejected(format!(
        "activations#{} {:?}: config: expected a JSON object; correct it with `novi activation edit {}`",
        row.id, row.name, row.id
    ))
}

/// The path is part of a place, and not used otherwise.
pub(super) fn is_inline(place: &Place) -> bool {
    matches!(place.path.first(), Some(Step::Field(_) | Step::Item(_)))
}
