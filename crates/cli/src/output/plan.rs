//! Plans of changes, for people.

use std::collections::HashMap;

use novi::{
    activation::{Registry, Words},
    rows::{FlagRow, MemberRow, Rows},
    snapshot::{Effect, Plan, PlannedRow},
    store::FieldChange,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Failure,
    changes::{field, value},
    color::{colored_plan, is_color_wanted},
    sanitize, write,
};

/// What a change does, row by row, with the rules of flags in words.
pub(crate) struct PlanReport<'a> {
    registry: &'a Registry,
    plan: &'a Plan,
    before: &'a Rows,
    after: &'a Rows,
}

/// The rule of a flag that a change gives it.
#[derive(Serialize)]
pub(crate) struct ChangedRule {
    id: i64,
    flag: String,
    /// `None` for a new flag.
    before: Option<String>,
    /// `None` for a deleted flag.
    after: Option<String>,
}

impl<'a> PlanReport<'a> {
    pub(crate) fn new(registry: &'a Registry, plan: &'a Plan, before: &'a Rows, after: &'a Rows) -> Self {
        Self { registry, plan, before, after }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Plan { flags, activations, problems, .. } = self.plan;
        flags.is_empty() && activations.is_empty() && problems.is_empty()
    }

    /// The rules that change.
    pub(crate) fn rules(&self) -> Vec<ChangedRule> {
        self.plan.flags.iter().filter_map(|row| self.rule(row)).collect()
    }

    fn rule(&self, row: &PlannedRow) -> Option<ChangedRule> {
        let rule = |rows: &'a Rows| {
            let exists = rows.flags.binary_search_by_key(&row.id, |flag| flag.id).is_ok();
            exists.then(|| Words::new(self.registry, rows).rule(row.id))
        };
        let (before, after) = (rule(self.before), rule(self.after));
        (before != after).then(|| ChangedRule { id: row.id, flag: row.name.clone(), before, after })
    }

    /// Prints a line for each row, with its changes below.
    pub(crate) fn print(&self) -> Result<(), Failure> {
        let text = self.text();
        let text = sanitize(&text);
        write(&if is_color_wanted() { colored_plan(&text) } else { text.into_owned() })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let flags: HashMap<i64, &FlagRow> = self.after.flags.iter().map(|row| (row.id, row)).collect();
        for row in &self.plan.flags {
            let PlannedRow { table, id, name, effect, fields, through, answer_may_change, .. } = row;
            let sign = sign(*effect);
            let through = match through.as_slice() {
                [] => String::new(),
                through => format!(" through {}", through.join(", ")),
            };
            let affected = if *effect == Effect::Affected { ": affected" } else { "" };
            let same = if *answer_may_change { "" } else { ", its decision stays the same" };
            line(&mut text, format_args!("{sign} {table}#{id} {name:?}{affected}{through}{same}"));
            if let (Effect::Added, Some(row)) = (effect, flags.get(id)) {
                new_flag(&mut text, row);
            }
            changes(&mut text, fields);
            match self.rule(row).map(|rule| (rule.before, rule.after)) {
                Some((Some(before), Some(after))) => {
                    line(&mut text, format_args!("    rule: {before}\n       -> {after}"));
                }
                Some((None, Some(after))) => line(&mut text, format_args!("    rule: {after}")),
                _ => (),
            }
        }
        for row in &self.plan.activations {
            let PlannedRow { table, id, name, effect, fields, .. } = row;
            line(&mut text, format_args!("{} {table}#{id} {name:?}", sign(*effect)));
            let added = self.after.activations.iter().find(|row| row.id == *id);
            if let (Effect::Added, Some(row)) = (effect, added) {
                let config = row.config.as_ref().map_or(Value::Null, |config| Value::String(config.clone()));
                line(&mut text, format_args!("    class_name: {}", row.class_name));
                line(&mut text, format_args!("    config: {}", value(&config)));
                new_members(&mut text, self.after.members_of(*id));
            }
            changes(&mut text, fields);
        }
        for problem in &self.plan.problems {
            line(&mut text, format_args!("problem: {problem}"));
        }
        text
    }
}

fn sign(effect: Effect) -> char {
    match effect {
        Effect::Added => '+',
        Effect::Removed => '-',
        Effect::Changed => '~',
        Effect::Affected => '!',
    }
}

/// The fields of a new flag that are not the defaults.
fn new_flag(text: &mut String, row: &FlagRow) {
    const SET_BY_DATABASE: [&str; 3] = ["row_version", "created_at", "updated_at"];
    let fields = |row: &FlagRow| -> Map<String, Value> {
        let metadata = serde_json::to_value(&row.metadata).unwrap_or_default();
        metadata.as_object().cloned().unwrap_or_default()
    };
    line(text, format_args!("    status: {}", row.status));
    let defaults = fields(&FlagRow::new(row.id, "", false));
    for (field, given) in fields(row) {
        if defaults.get(&field) != Some(&given) && !SET_BY_DATABASE.contains(&field.as_str()) {
            line(text, format_args!("    {field}: {}", value(&given)));
        }
    }
}

fn changes(text: &mut String, changes: &[FieldChange]) {
    for change in changes {
        let is_of_members = matches!(change.field.as_str(), "members" | "denied members");
        let lists = (change.before.as_array(), change.after.as_array());
        let (true, (Some(removed), Some(added))) = (is_of_members, lists) else {
            line(text, format_args!("    {}", field(change)));
            continue;
        };
        for (verb, members) in [("removed", removed), ("added", added)] {
            if !members.is_empty() {
                let names = members.iter().filter_map(Value::as_str);
                line(text, format_args!("    {verb} {}: {}", change.field, listed(names, members.len())));
            }
        }
    }
}

/// The members of a new activation.
fn new_members(text: &mut String, members: &[MemberRow]) {
    for (what, denied) in [("members", false), ("denied members", true)] {
        let names = members.iter().filter(|row| row.denied == denied).map(|row| row.member.as_str());
        let number = names.clone().count();
        if number > 0 {
            line(text, format_args!("    {what}: {}", listed(names, number)));
        }
    }
}

/// The first names of a list.
fn listed<'n>(names: impl Iterator<Item = &'n str>, number: usize) -> String {
    const SHOWN: usize = 10;
    let mut shown = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if number > SHOWN {
        shown.extend([" and ".to_owned(), (number - SHOWN).to_string(), " more".to_owned()]);
    }
    shown
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}
