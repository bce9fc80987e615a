//! Rollback: the changes that restore past rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    error::{Error, Result},
    rows::{
        ActivationRow, Fault, FlagMetadata, FlagRow, LinkRow, MemberRow, Rows,
        violation::{RowRef, Violation, ViolationKind},
    },
    store::{change::Change, constraints},
};

/// A part of the rows: flags with their metadata and links, and activations with their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// `flags.id`: more than one if a flag was deleted, and another has its name.
    pub flags: BTreeSet<i64>,
    /// `activations.id` of the activations that these flags reach, then or now.
    pub activations: BTreeSet<i64>,
}

/// The changes that turn `present` into `past`, for all rows or for a part of them.
///
/// # Errors
/// [`Error::Constraint`] with every reason why that is impossible: another flag has the name by now, another
/// flag uses an activation that did not exist then, a row could not be read then.
pub fn rollback(present: &Rows, past: &Rows, scope: Option<&Scope>) -> Result<Vec<Change>> {
    let (from, to) = (Part::of(present, scope), Part::of(past, scope));
    let mut way = Way { present, whole: scope.is_none(), changes: Vec::new(), reasons: Vec::new() };
    way.take_away(&from, &to);
    way.rename(&from, &to);
    way.activations(&from, &to);
    way.flags(&from, &to);
    way.links_and_members(&from, &to);
    way.drop_activations(&from, &to);
    way.reasons.extend(way.changes.iter().flat_map(constraints::violations));
    if way.reasons.is_empty() {
        return Ok(way.changes);
    }
    way.reasons.dedup();
    Err(Error::Constraint(way.reasons))
}

/// The rows that are rolled back, by their keys.
struct Part<'a> {
    flags: BTreeMap<i64, &'a FlagRow>,
    activations: BTreeMap<i64, &'a ActivationRow>,
    links: BTreeSet<(i64, i64)>,
    members: BTreeMap<(i64, &'a str), &'a MemberRow>,
}

impl<'a> Part<'a> {
    fn of(rows: &'a Rows, scope: Option<&Scope>) -> Self {
        let has_flag = |id: i64| scope.is_none_or(|scope| scope.flags.contains(&id));
        let has_activation = |id: i64| scope.is_none_or(|scope| scope.activations.contains(&id));
        // Links to nothing have no key.
        let pair = |link: &LinkRow| Some((link.flag_id?, link.activation_id?));
        let member = |row: &'a MemberRow| ((row.activation_id, row.member.as_str()), row);
        Self {
            flags: rows.flags.iter().filter(|row| has_flag(row.id)).map(|row| (row.id, row)).collect(),
            activations: rows
                .activations
                .iter()
                .filter(|row| has_activation(row.id))
                .map(|row| (row.id, row))
                .collect(),
            links: rows.links.iter().filter_map(pair).filter(|(flag, _)| has_flag(*flag)).collect(),
            members: rows
                .members
                .iter()
                .filter(|row| has_activation(row.activation_id))
                .map(member)
                .collect(),
        }
    }
}

struct Way<'a> {
    present: &'a Rows,
    /// Whether all rows are rolled back.
    whole: bool,
    changes: Vec<Change>,
    reasons: Vec<Violation>,
}

impl Way<'_> {
    fn refuse(&mut self, row: &RowRef, reason: impl Into<String>) {
        self.reasons.push(row.clone().violation(ViolationKind::Rollback, reason));
    }

    /// A row that could not be read is too little known to be written.
    fn readable<'f>(&mut self, row: &RowRef, faults: impl IntoIterator<Item = &'f Fault>) {
        for fault in faults {
            self.refuse(row, format!("{} could not be read then: {}", fault.column, fault.message));
        }
    }

    /// Removes links, members and flags that did not exist.
    fn take_away(&mut self, from: &Part<'_>, to: &Part<'_>) {
        for &(flag, activation) in from.links.difference(&to.links) {
            // A flag takes its links along.
            if to.flags.contains_key(&flag) {
                self.changes.push(Change::Unlink(LinkRow::new(flag, activation)));
            }
        }
        for (key @ &(id, member), row) in &from.members {
            let stays = to.members.get(key).is_some_and(|then| then.denied == row.denied);
            if !stays && to.activations.contains_key(&id) {
                self.changes.push(Change::DeleteMember { activation_id: id, member: member.to_owned() });
            }
        }
        for id in from.flags.keys().filter(|id| !to.flags.contains_key(id)) {
            self.changes.push(Change::DeleteFlag { id: *id });
        }
    }

    /// Renames flags, in an order in which no name is duplicate.
    fn rename(&mut self, from: &Part<'_>, to: &Part<'_>) {
        let mut taken: HashMap<&str, i64> = HashMap::new();
        for row in &self.present.flags {
            if !from.flags.contains_key(&row.id) || to.flags.contains_key(&row.id) {
                taken.insert(&row.name, row.id);
            }
        }
        let other = |row: &&&FlagRow| from.flags.get(&row.id).is_some_and(|now| now.name != row.name);
        let mut waiting: Vec<&FlagRow> = to.flags.values().filter(other).copied().collect();
        // A flag that has one of these names and keeps it is in the way.
        let moving: BTreeSet<i64> = waiting.iter().map(|row| row.id).collect();
        let wanted: Vec<&FlagRow> = to.flags.values().copied().collect();
        for row in wanted {
            if let Some(holder) = taken.get(row.name.as_str())
                && *holder != row.id
                && !moving.contains(holder)
            {
                let what = RowRef::flag(row.id, &row.name);
                self.refuse(&what, format!("flags#{holder} has this name now"));
                return;
            }
        }
        // A flag can be renamed as soon as its name is free, which frees the name that it has now.
        let by_name: HashMap<&str, usize> =
            waiting.iter().enumerate().map(|(at, row)| (row.name.as_str(), at)).collect();
        let mut renamed = vec![false; waiting.len()];
        let mut free: Vec<usize> =
            (0..waiting.len()).filter(|at| !taken.contains_key(waiting[*at].name.as_str())).collect();
        while let Some(at) = free.pop() {
            let row = waiting[at];
            renamed[at] = true;
            self.changes.push(Change::RenameFlag { id: row.id, name: row.name.clone() });
            let old = from.flags.get(&row.id).map_or("", |now| now.name.as_str());
            if taken.get(old) == Some(&row.id) {
                taken.remove(old);
                free.extend(by_name.get(old).filter(|at| !renamed[**at]));
            }
        }
        let mut at = renamed.into_iter();
        waiting.retain(|_| !at.next().unwrap_or_default());
        // The rest exchange names in a circle: each gets a temporary name first.
        for row in &waiting {
            let aside = format!("novi rollback {}", row.id);
            self.changes.push(Change::RenameFlag { id: row.id, name: aside });
        }
        for row in waiting {
            self.changes.push(Change::RenameFlag { id: row.id, name: row.name.clone() });
        }
    }

    fn activations(&mut self, from: &Part<'_>, to: &Part<'_>) {
        for (id, row) in &to.activations {
            let now = from.activations.get(id);
            // Its version counts changes, and is not rolled back.
            let as_now = |now: &&ActivationRow| {
                **now == ActivationRow { row_version: now.row_version, ..(*row).clone() }
            };
            if now.is_some_and(as_now) {
                continue;
            }
            self.readable(&RowRef::activation(*id, &row.name), &row.faults);
            let row = ActivationRow { faults: Vec::new(), ..(*row).clone() };
            self.changes.push(match now {
                Some(_) => Change::UpdateActivation(row),
                None => Change::InsertActivation(row),
            });
        }
    }

    fn flags(&mut self, from: &Part<'_>, to: &Part<'_>) {
        for (id, row) in &to.flags {
            let what = RowRef::flag(*id, &row.name);
            let Some(now) = from.flags.get(id) else {
                self.readable(&what, &row.faults);
                self.changes.push(Change::InsertFlag(FlagRow { faults: Vec::new(), ..(*row).clone() }));
                continue;
            };
            let made = (now.metadata.created_at, row.metadata.created_at);
            if let (false, (Some(now_made), Some(then_made))) = (self.whole, made)
                && now_made != then_made
                && now.name != row.name
            {
                let why = format!("its id is that of another flag now, {:?}", now.name);
                self.refuse(&what, why);
                continue;
            }
            let metadata = written(&row.metadata) != written(&now.metadata);
            if now.status != row.status || metadata || now.faults != row.faults {
                self.readable(&what, &row.faults);
            }
            if now.status != row.status || has_faults_of_status(now) {
                self.changes.push(Change::SetStatus { flag: row.name.clone(), status: row.status });
            }
            if metadata {
                let metadata = Box::new(row.metadata.clone());
                self.changes.push(Change::SetMetadata { flag_id: *id, metadata });
            }
        }
    }

    fn links_and_members(&mut self, from: &Part<'_>, to: &Part<'_>) {
        for &(flag, activation) in to.links.difference(&from.links) {
            if to.flags.contains_key(&flag) && to.activations.contains_key(&activation) {
                self.changes.push(Change::Link(LinkRow::new(flag, activation)));
            } else {
                let why = "it led nowhere then, and no such link can be made";
                self.refuse(&RowRef::link(flag, activation), why);
            }
        }
        for (key @ &(id, member), row) in &to.members {
            if from.members.get(key).is_some_and(|now| now.denied == row.denied) {
                continue;
            }
            if !to.activations.contains_key(&id) {
                continue;
            }
            self.readable(&RowRef::member(id, member), row.fault.as_deref());
            self.changes.push(Change::InsertMember(MemberRow { fault: None, ..(*row).clone() }));
        }
    }

    /// Deletes activations that did not exist; last, when no flag that is rolled back uses them.
    fn drop_activations(&mut self, from: &Part<'_>, to: &Part<'_>) {
        // A flag outside of what is rolled back that uses each activation.
        let mut others: HashMap<i64, i64> = HashMap::new();
        for link in &self.present.links {
            if let (Some(flag), Some(activation)) = (link.flag_id, link.activation_id)
                && !from.flags.contains_key(&flag)
            {
                others.entry(activation).or_insert(flag);
            }
        }
        for (id, row) in from.activations.iter().filter(|(id, _)| !to.activations.contains_key(id)) {
            if let Some(&flag) = others.get(id) {
                let name = self.present.flags.iter().find(|row| row.id == flag);
                let user = RowRef::flag(flag, name.map_or("", |row| &row.name));
                let what = RowRef::activation(*id, &row.name);
                self.refuse(&what, format!("it was not there then, and {user} is linked to it now"));
                continue;
            }
            self.changes.push(Change::DeleteActivation { id: *id });
        }
    }
}

/// Without the columns that the database keeps.
fn written(metadata: &FlagMetadata) -> FlagMetadata {
    FlagMetadata { row_version: 0, created_at: None, updated_at: None, ..metadata.clone() }
}

fn has_faults_of_status(row: &FlagRow) -> bool {
    row.faults.iter().any(|fault| fault.column == "status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(names: &[(i64, &str)]) -> Rows {
        let flags = names.iter().map(|(id, name)| FlagRow::new(*id, *name, true)).collect();
        Rows { flags, ..Rows::default() }
    }

    /// The rows after the changes, if no name is duplicate on the way.
    fn renamed(present: &Rows, changes: &[Change]) -> BTreeMap<i64, String> {
        let mut names: BTreeMap<i64, String> =
            present.flags.iter().map(|row| (row.id, row.name.clone())).collect();
        for change in changes {
            let Change::RenameFlag { id, name } = change else { panic!("{change:?}") };
            assert!(!names.values().any(|known| known == name), "{name:?} is duplicate");
            names.insert(*id, name.clone());
        }
        names
    }

    #[test]
    fn rollback_renames_flags_in_chains_and_circles_without_duplicates() {
        for (now, then) in [
            (&[(1, "a")][..], &[(1, "b")][..]),
            (&[(1, "b"), (2, "c"), (3, "d")], &[(1, "a"), (2, "b"), (3, "c")]),
            (&[(1, "b"), (2, "a")], &[(1, "a"), (2, "b")]),
            (
                &[(1, "b"), (2, "c"), (3, "a"), (4, "y"), (5, "z")],
                &[(1, "a"), (2, "b"), (3, "c"), (4, "x"), (5, "y")],
            ),
        ] {
            let (present, past) = (flags(now), flags(then));
            let changes = rollback(&present, &past, None).unwrap();
            let expected = past.flags.iter().map(|row| (row.id, row.name.clone())).collect();
            assert_eq!(renamed(&present, &changes), expected, "{now:?}");
        }
    }
}
