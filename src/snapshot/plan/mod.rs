//! Plans: what an edit would change.

pub(crate) mod dependents;
pub(crate) mod excerpt;
mod misuse;
pub(crate) mod reachable;
pub(crate) mod validator;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    rows::{ActivationRow, FlagRow, MemberRow, Rows, issue::Issue},
    snapshot::Snapshot,
    store::FieldChange,
};

/// What an edit would change: the rows, and the flags whose decisions may change. Returned by
/// [`Validator::plan`](crate::snapshot::Validator::plan) and
/// [`Writer::plan`](crate::flags::writer::Writer::plan), which write nothing.
///
/// ```
/// use novi::{activation::Registry, rows::{FlagRow, Rows}, snapshot::Validator, store::{Change, Edit}};
///
/// let rows = Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() };
/// let edit = Edit::new([Change::SetStatus { flag: "Winter sale".to_owned(), status: false }]);
/// let plan = Validator::new(Registry::global()?).plan(rows, &edit);
/// assert_eq!(plan.to_string(), "flags#1 \"Winter sale\": changed, its decision may change\n  status: true -> false\n");
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The flags that change or whose decisions may change, in the order of their ids.
    pub flags: Vec<PlannedRow>,
    /// The activations that change, in the order of their ids.
    pub activations: Vec<PlannedRow>,
    /// Why the edit would be rejected; empty if it would be accepted.
    pub problems: Vec<Issue>,
}

impl Plan {
    /// The name that a flag has after the edit; its present one if the edit does not rename it.
    #[must_use]
    pub fn name_after<'a>(&'a self, flag: &'a FlagRow) -> &'a str {
        self.flags.iter().find(|planned| planned.id == flag.id).map_or(&flag.name, |planned| &planned.name)
    }
}

/// How an edit would change a row.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedRow {
    /// The table: `flags` or `activations`.
    pub table: &'static str,
    /// The row's id.
    pub id: i64,
    /// The row's name.
    pub name: String,
    /// The effect on the row.
    pub effect: Effect,
    /// The changed fields, including a flag's metadata and links, and an activation's members.
    pub fields: Vec<FieldChange>,
    /// The changed rows that an affected flag depends on: `activations#7 "Office hours"`.
    pub through: Vec<String>,
    /// Whether the result of the flag or activation may change for some caller.
    pub answer_may_change: bool,
}

/// The effect of an edit on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The row is added.
    Added,
    /// The row is removed.
    Removed,
    /// The row itself changes.
    Changed,
    /// Something that the row depends on changes.
    Affected,
}

/// The rows before or after an edit.
pub(crate) struct Side<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) snapshot: &'a Snapshot,
    /// The activations of each flag, by the flag's id.
    links: HashMap<i64, Vec<i64>>,
}

impl<'a> Side<'a> {
    /// `rows` must be sorted by id.
    pub(crate) fn new(rows: &'a Rows, snapshot: &'a Snapshot) -> Self {
        let mut links: HashMap<i64, Vec<i64>> = HashMap::new();
        for link in &rows.links {
            if let (Some(flag), Some(activation)) = (link.flag_id, link.activation_id) {
                links.entry(flag).or_default().push(activation);
            }
        }
        Self { rows, snapshot, links }
    }

    fn flags(&self) -> BTreeMap<i64, &'a FlagRow> {
        self.rows.flags.iter().map(|row| (row.id, row)).collect()
    }

    fn activations(&self) -> BTreeMap<i64, &'a ActivationRow> {
        self.rows.activations.iter().map(|row| (row.id, row)).collect()
    }

    /// The ids of the flags by name. If two flags have the same name, the first one counts.
    pub(crate) fn flag_ids(&self) -> HashMap<&'a str, i64> {
        self.rows.flags.iter().rev().map(|row| (row.name.as_str(), row.id)).collect()
    }

    /// The ids of the activations that are invalid or depend on an invalid row.
    pub(crate) fn broken_activations(&self) -> HashSet<i64> {
        let issues = self.snapshot.issues();
        let ids: HashSet<i64> =
            issues.iter().filter(|issue| issue.table == "activations").filter_map(|issue| issue.id).collect();
        let flags: HashSet<&str> = issues.iter().flat_map(|issue| &issue.flags).map(String::as_str).collect();
        let broken = self.snapshot.above(&self.indices(&ids), |name| flags.contains(name));
        (0..)
            .zip(&self.rows.activations)
            .filter(|(node, _)| broken.contains(node))
            .map(|(_, row)| row.id)
            .collect()
    }

    /// The indices of the activations with these ids.
    fn indices(&self, ids: &HashSet<i64>) -> HashSet<u32> {
        (0..)
            .zip(&self.rows.activations)
            .filter(|(_, row)| ids.contains(&row.id))
            .map(|(index, _)| index)
            .collect()
    }

    fn links_of(&self, flag: i64) -> &[i64] {
        self.links.get(&flag).map_or(&[], Vec::as_slice)
    }
}

/// Compares the rows before and after an edit.
pub(crate) fn compare(before: Side<'_>, after: Side<'_>, problems: Vec<Issue>) -> Plan {
    let activations = changed_activations(&before, &after);
    let mut flags = changed_flags(&before, &after);
    let may_change = |row: &&PlannedRow| row.answer_may_change;
    let ids: HashSet<i64> = activations.iter().filter(may_change).map(|row| row.id).collect();
    let flag_ids: HashSet<i64> = flags.values().filter(may_change).map(|row| row.id).collect();
    for side in [before, after] {
        add_affected(&side, &ids, &flag_ids, &mut flags);
    }
    Plan { flags: flags.into_values().collect(), activations, problems }
}

/// Adds the flags that depend on one of these activations or flags.
fn add_affected(
    side: &Side<'_>,
    ids: &HashSet<i64>,
    flag_ids: &HashSet<i64>,
    flags: &mut BTreeMap<i64, PlannedRow>,
) {
    // Of a renamed flag, the name of this side.
    let changed = side.rows.flags.iter().filter(|row| flag_ids.contains(&row.id));
    let names: HashSet<&str> = changed.map(|row| row.name.as_str()).collect();
    for dependent in side.snapshot.dependents(&side.indices(ids), |name| names.contains(name)) {
        let Some(row) = side.rows.flags.get(dependent.flag as usize) else { continue };
        let planned = flags.entry(row.id).or_insert_with(|| PlannedRow::flag(row, Effect::Affected));
        if matches!(planned.effect, Effect::Added | Effect::Removed) {
            continue;
        }
        let activations =
            dependent.activations.iter().filter_map(|at| side.rows.activations.get(*at as usize));
        let activations = activations.map(|row| format!("activations#{} {:?}", row.id, row.name));
        let through = activations.chain(dependent.flags.iter().map(|name| format!("flags {name:?}")));
        for one in through {
            if !planned.through.contains(&one) {
                planned.through.push(one);
            }
        }
        planned.answer_may_change |= row.status;
    }
}

fn changed_flags(before: &Side<'_>, after: &Side<'_>) -> BTreeMap<i64, PlannedRow> {
    let (was, is) = (before.flags(), after.flags());
    let mut changed = BTreeMap::new();
    for (id, row) in &is {
        let planned = match was.get(id) {
            None => PlannedRow { answer_may_change: true, ..PlannedRow::flag(row, Effect::Added) },
            Some(old) => {
                let fields = flag_fields(old, before.links_of(*id), row, after.links_of(*id));
                if fields.is_empty() {
                    continue;
                }
                let affects_decision = |field: &FieldChange| match field.field.as_str() {
                    "status" | "metadata" => true,
                    "activations" | "override_allowed" | "fail_mode" | "variants" | "value_type"
                    | "default_variant" => old.status || row.status,
                    "off_variant" => !old.status || !row.status,
                    "name" => row.status && after.snapshot.depends_on_flag_name(&row.name),
                    _ => false,
                };
                let answer_may_change = fields.iter().any(affects_decision);
                PlannedRow { fields, answer_may_change, ..PlannedRow::flag(row, Effect::Changed) }
            }
        };
        changed.insert(*id, planned);
    }
    for (id, row) in was.iter().filter(|(id, _)| !is.contains_key(id)) {
        let planned = PlannedRow { answer_may_change: true, ..PlannedRow::flag(row, Effect::Removed) };
        changed.insert(*id, planned);
    }
    changed
}

fn flag_fields(old: &FlagRow, old_links: &[i64], new: &FlagRow, new_links: &[i64]) -> Vec<FieldChange> {
    let mut fields = Fields::default();
    fields.compare("name", &old.name, &new.name);
    fields.compare("status", &old.status, &new.status);
    fields.compare("activations", old_links, new_links);
    let (old, new) = (&old.metadata, &new.metadata);
    fields.compare("description", &old.description, &new.description);
    fields.compare("owner", &old.owner, &new.owner);
    fields.compare("expires_at", &old.expires_at, &new.expires_at);
    fields.compare("tags", &old.tags, &new.tags);
    fields.compare("override_allowed", &old.override_allowed, &new.override_allowed);
    fields.compare("exposed", &old.exposed, &new.exposed);
    fields.compare("fail_mode", &old.fail_mode, &new.fail_mode);
    fields.compare("variants", &old.variants, &new.variants);
    fields.compare("value_type", &old.value_type, &new.value_type);
    fields.compare("default_variant", &old.default_variant, &new.default_variant);
    fields.compare("off_variant", &old.off_variant, &new.off_variant);
    fields.compare("metadata", &old.metadata, &new.metadata);
    fields.0
}

fn changed_activations(before: &Side<'_>, after: &Side<'_>) -> Vec<PlannedRow> {
    let (was, is) = (before.activations(), after.activations());
    let mut changed = Vec::new();
    for (id, row) in &is {
        let Some(old) = was.get(id) else {
            changed
                .push(PlannedRow { answer_may_change: true, ..PlannedRow::activation(row, Effect::Added) });
            continue;
        };
        let mut fields = Fields::default();
        fields.compare("name", &old.name, &row.name);
        fields.compare("class_name", &old.class_name, &row.class_name);
        fields.compare("config", &old.config, &row.config);
        fields.members(before.rows.members_of(*id), after.rows.members_of(*id));
        if !fields.0.is_empty() {
            let answer_may_change =
                fields.0.iter().any(|field| field.field != "name") || after.snapshot.depends_on_own_name(*id);
            let planned = PlannedRow::activation(row, Effect::Changed);
            changed.push(PlannedRow { fields: fields.0, answer_may_change, ..planned });
        }
    }
    let removed = was.iter().filter(|(id, _)| !is.contains_key(id));
    changed.extend(removed.map(|(_, row)| PlannedRow {
        answer_may_change: true,
        ..PlannedRow::activation(row, Effect::Removed)
    }));
    changed.sort_by_key(|row| row.id);
    changed
}

#[derive(Default)]
struct Fields(Vec<FieldChange>);

impl Fields {
    fn compare<T: PartialEq + Serialize + ?Sized>(&mut self, field: &'static str, before: &T, after: &T) {
        if before != after {
            let field = field.to_owned();
            self.0.push(FieldChange { field, before: json!(before), after: json!(after) });
        }
    }

    fn members(&mut self, before: &[MemberRow], after: &[MemberRow]) {
        for (field, denied) in [("members", false), ("denied members", true)] {
            let of = |rows: &[MemberRow]| -> HashSet<String> {
                rows.iter().filter(|row| row.denied == denied).map(|row| row.member.clone()).collect()
            };
            let (was, is) = (of(before), of(after));
            let only = |one: &HashSet<String>, other: &HashSet<String>| {
                let mut only: Vec<String> = one.difference(other).cloned().collect();
                only.sort_unstable();
                only
            };
            self.compare(field, &only(&was, &is), &only(&is, &was));
        }
    }
}

impl PlannedRow {
    fn flag(row: &FlagRow, effect: Effect) -> Self {
        Self::new("flags", row.id, &row.name, effect)
    }

    fn activation(row: &ActivationRow, effect: Effect) -> Self {
        Self::new("activations", row.id, &row.name, effect)
    }

    fn new(table: &'static str, id: i64, name: &str, effect: Effect) -> Self {
        let name = name.to_owned();
        Self { table, id, name, effect, fields: Vec::new(), through: Vec::new(), answer_may_change: false }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flags.is_empty() && self.activations.is_empty() && self.problems.is_empty() {
            return f.write_str("no changes\n");
        }
        self.activations.iter().chain(&self.flags).try_for_each(|row| row.fmt(f))?;
        self.problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))
    }
}

impl fmt::Display for PlannedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, name, effect, fields, through, answer_may_change } = self;
        let effect = match effect {
            Effect::Added => "added",
            Effect::Removed => "removed",
            Effect::Changed => "changed",
            Effect::Affected => "affected",
        };
        let decision = match (*table, answer_may_change) {
            ("flags", true) => ", its decision may change",
            ("flags", false) => ", its decision stays the same",
            _ => "",
        };
        writeln!(f, "{table}#{id} {name:?}: {effect}{decision}")?;
        fields.iter().try_for_each(|field| writeln!(f, "  {field}"))?;
        if through.is_empty() { Ok(()) } else { writeln!(f, "  through {}", through.join(", ")) }
    }
}
