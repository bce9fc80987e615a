//! Turns requested changes into changes of the tables, with the rows of the snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use novi::{
    rows::{ActivationRow, FlagMetadata, FlagRow, Issue, LinkRow, MemberRow, Rows},
    snapshot::Snapshot,
    store::{Change, RowKey},
};

use crate::{
    app::rows::{find_activation, find_flag},
    http::{
        problem::{Problem, ProblemKind},
        text::short,
    },
    manage::request::{
        fields::{ActivationFields, FlagFields},
        integer::Int,
        operation::{ChangeMembers, FlagRef, Link, Operation, RequestedChange},
        params::FlagKey,
    },
};

/// The changes of the tables, as far as they are drafted.
pub(crate) struct Draft<'a> {
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    /// The rows after the changes so far; `None` for a deleted one.
    flags: HashMap<i64, Option<FlagRow>>,
    activations: HashMap<i64, Option<ActivationRow>>,
    links: HashMap<i64, BTreeSet<i64>>,
    members: HashMap<(i64, String), Option<bool>>,
    pub(crate) changes: Vec<Change>,
    /// The versions of the rows that the changes depend on. If others are current at the commit, it
    /// conflicts.
    pub(crate) versions: BTreeMap<RowKey, i64>,
    pub(crate) problems: Vec<Problem>,
    /// Rows that were modified since the caller read them.
    pub(crate) outdated: Vec<Outdated>,
    /// The table, id and pointer to the fields of each row.
    pointers: Vec<(&'static str, i64, String)>,
    /// The table and id of the row of each change.
    pub(crate) targets: Vec<(&'static str, i64)>,
}

/// A row that was modified since the caller read it.
pub(crate) struct Outdated {
    pub(crate) table: &'static str,
    pub(crate) id: i64,
    pub(crate) expected: i64,
    pub(crate) found: i64,
}

/// The error is a problem of the change.
type Step = Result<(), Box<Problem>>;

impl<'a> Draft<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, rows: &'a Rows) -> Self {
        Self {
            snapshot,
            rows,
            flags: HashMap::new(),
            activations: HashMap::new(),
            links: HashMap::new(),
            members: HashMap::new(),
            changes: Vec::new(),
            versions: BTreeMap::new(),
            problems: Vec::new(),
            outdated: Vec::new(),
            pointers: Vec::new(),
            targets: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, change: &RequestedChange) {
        let at = change.pointer.as_str();
        let added = match &change.operation {
            Operation::CreateFlag(new) => self.create_flag(&new.0, at),
            Operation::UpdateFlag(update) => self.update_flag(&update.row, &update.set.0, change),
            Operation::DeleteFlag(flag) => self.delete_flag(&flag.row, flag.version, change),
            Operation::CreateActivation(new) => self.create_activation(&new.0, at),
            Operation::UpdateActivation(update) => {
                self.update_activation(update.row.0, &update.set.0, change)
            }
            Operation::DeleteActivation(row) => self.delete_activation(row.row.0, row.version, change),
            Operation::Link(link) => self.link(link, change, true),
            Operation::Unlink(link) => self.link(link, change, false),
            Operation::ChangeMembers(members) => self.change_members(members, change),
        };
        if let Err(problem) = added {
            self.problems.push(*problem);
        }
    }

    fn create_flag(&mut self, fields: &FlagFields, at: &str) -> Step {
        self.no_version(fields.version, at);
        fields.check(at, &mut self.problems);
        let Some(name) = fields.name.clone() else {
            self.missing("name", at);
            return Ok(());
        };
        self.check_name_is_free(&name, at)?;
        let taken = |draft: &Self, id| draft.flag(id).is_some();
        let id = self.new_id(fields.id, at, "flags", taken)?;
        let mut metadata = FlagMetadata::default();
        fields.apply_to(&mut metadata);
        let row = FlagRow { metadata, ..FlagRow::new(id, name, fields.status.unwrap_or_default()) };
        self.changes.push(Change::InsertFlag(row.clone()));
        self.flags.insert(id, Some(row));
        self.note("flags", id, at);
        if let Some(activations) = &fields.activations {
            self.set_links(id, activations, at);
        }
        Ok(())
    }

    fn update_flag(&mut self, flag: &FlagRef, fields: &FlagFields, change: &RequestedChange) -> Step {
        let at = change.pointer.as_str();
        self.no_id(fields.id, at);
        fields.check(at, &mut self.problems);
        let mut row = self.find_flag(&flag.0, change)?;
        let id = row.id;
        self.note("flags", id, at);
        self.expect(RowKey::FlagId(id), fields.version, row.metadata.row_version);
        // The status is set by name, which could be another flag's at the commit.
        self.expect_current_flag(id);
        if let Some(name) = fields.name.clone().filter(|name| *name != row.name) {
            self.check_name_is_free(&name, at)?;
            self.changes.push(Change::RenameFlag { id, name: name.clone() });
            row.name = name;
        }
        if let Some(status) = fields.status {
            self.changes.push(Change::SetStatus { flag: row.name.clone(), status });
            row.status = status;
        }
        if fields.has_metadata() {
            fields.check_faults(&row, at, &mut self.problems);
            fields.apply_to(&mut row.metadata);
            let metadata = Box::new(row.metadata.clone());
            self.changes.push(Change::SetMetadata { flag_id: id, metadata });
        }
        self.flags.insert(id, Some(row));
        if let Some(activations) = &fields.activations {
            self.set_links(id, activations, at);
        }
        Ok(())
    }

    fn delete_flag(&mut self, flag: &FlagRef, version: Option<Int>, change: &RequestedChange) -> Step {
        let row = self.find_flag(&flag.0, change)?;
        self.note("flags", row.id, &change.pointer);
        self.expect(RowKey::FlagId(row.id), version, row.metadata.row_version);
        self.changes.push(Change::DeleteFlag { id: row.id });
        self.flags.insert(row.id, None);
        self.links.insert(row.id, BTreeSet::new());
        Ok(())
    }

    fn create_activation(&mut self, fields: &ActivationFields, at: &str) -> Step {
        self.no_version(fields.version, at);
        fields.check(at, &mut self.problems);
        if fields.name.is_none() {
            self.missing("name", at);
        }
        if fields.class_name.is_none() {
            self.missing("class_name", at);
        }
        if fields.name.is_none() || fields.class_name.is_none() {
            return Ok(());
        }
        let taken = |draft: &Self, id| draft.activation(id).is_some();
        let mut row =
            ActivationRow { id: self.new_id(fields.id, at, "activations", taken)?, ..Default::default() };
        fields.apply_to(&mut row);
        self.note("activations", row.id, at);
        self.changes.push(Change::InsertActivation(row.clone()));
        self.activations.insert(row.id, Some(row));
        Ok(())
    }

    fn update_activation(&mut self, id: i64, fields: &ActivationFields, change: &RequestedChange) -> Step {
        let at = change.pointer.as_str();
        self.no_id(fields.id, at);
        fields.check(at, &mut self.problems);
        let mut row = self.find_activation(id, change)?;
        self.note("activations", id, at);
        self.expect(RowKey::Activation(id), fields.version, row.row_version);
        fields.check_faults(&row, at, &mut self.problems);
        fields.apply_to(&mut row);
        self.expect_current_activation(id);
        self.changes.push(Change::UpdateActivation(row.clone()));
        self.activations.insert(id, Some(row));
        Ok(())
    }

    fn delete_activation(&mut self, id: i64, version: Option<Int>, change: &RequestedChange) -> Step {
        let row = self.find_activation(id, change)?;
        self.note("activations", id, &change.pointer);
        self.expect(RowKey::Activation(id), version, row.row_version);
        let linked = self.flags_linked_to(id);
        if !linked.is_empty() {
            let message = format!("linked flags must be unlinked first: {}", linked.join(", "));
            let pointer = change.row_pointer.clone().unwrap_or_default();
            return Err(Problem::new(pointer, message)
                .kind(ProblemKind::InUse)
                .row("activations", id)
                .into());
        }
        self.changes.push(Change::DeleteActivation { id });
        self.activations.insert(id, None);
        Ok(())
    }

    /// Links a flag to an activation, or unlinks it.
    fn link(&mut self, link: &Link, change: &RequestedChange, linked: bool) -> Step {
        let field = |name: &str| RequestedChange {
            row_pointer: change.row_pointer.as_ref().map(|base| format!("{base}/{name}")),
            ..change.clone()
        };
        let flag = self.find_flag(&link.flag.0, &field("flag"))?;
        self.note("flags", flag.id, &change.pointer);
        self.expect(RowKey::FlagId(flag.id), link.version, flag.metadata.row_version);
        if linked {
            self.find_activation(link.activation.0, &field("activation"))?;
        }
        let is_linked = self.links_of(flag.id).contains(&link.activation.0);
        if !linked && !is_linked {
            let message = format!("flags#{} is not linked to activations#{}", flag.id, link.activation.0);
            let problem = Problem::new(change.row_pointer.clone().unwrap_or_default(), message);
            return Err(problem.kind(ProblemKind::Missing("link_not_found")).into());
        }
        if linked == is_linked {
            self.expect_current_flag(flag.id);
            return Ok(());
        }
        let row = LinkRow::new(flag.id, link.activation.0);
        self.changes.push(if linked { Change::Link(row) } else { Change::Unlink(row) });
        let mut links = self.links_of(flag.id);
        if linked {
            links.insert(link.activation.0)
        } else {
            links.remove(&link.activation.0)
        };
        self.links.insert(flag.id, links);
        Ok(())
    }

    fn change_members(&mut self, members: &ChangeMembers, change: &RequestedChange) -> Step {
        let id = members.activation.0;
        let row = self.find_activation(id, change)?;
        self.note("activations", id, &change.pointer);
        self.expect(RowKey::Activation(id), members.version, row.row_version);
        self.expect_current_activation(id);
        let lists = [("remove", &members.remove, None), ("members", &members.members, Some(members.denied))];
        for (list, members, to) in lists {
            for (index, member) in members.iter().enumerate() {
                let length = member.chars().count();
                if (1..=255).contains(&length) && !member.contains('\0') {
                    self.set_member(id, member, to);
                } else {
                    let message = format!("expected 1 to 255 characters without NUL, found {length}");
                    self.problems.push(Problem::new(format!("{}/{list}/{index}", change.pointer), message));
                }
            }
        }
        Ok(())
    }

    /// Allows a member, denies it, or removes it.
    fn set_member(&mut self, id: i64, member: &str, to: Option<bool>) {
        let key = (id, member.to_owned());
        let current = self.members.get(&key).copied().unwrap_or_else(|| self.member(id, member));
        if current == to {
            return;
        }
        if current.is_some() {
            self.changes.push(Change::DeleteMember { activation_id: id, member: member.to_owned() });
        }
        if let Some(denied) = to {
            let row = MemberRow { denied, ..MemberRow::allowed(id, member) };
            self.changes.push(Change::InsertMember(row));
        }
        self.members.insert(key, to);
    }

    /// Links a flag to exactly these activations.
    fn set_links(&mut self, id: i64, activations: &[Int], at: &str) {
        self.expect_current_flag(id);
        let mut to = BTreeSet::new();
        for (index, Int(activation)) in activations.iter().enumerate() {
            if self.activation(*activation).is_some() {
                to.insert(*activation);
            } else {
                let message = format!("activations#{activation} was not found");
                self.problems.push(Problem::new(format!("{at}/activations/{index}"), message));
            }
        }
        let current = self.links_of(id);
        let removed = current.difference(&to).map(|activation| Change::Unlink(LinkRow::new(id, *activation)));
        let added = to.difference(&current).map(|activation| Change::Link(LinkRow::new(id, *activation)));
        self.changes.extend(removed.chain(added));
        self.links.insert(id, to);
    }

    /// The pointer to the fields of the row that an issue is about.
    pub(crate) fn pointer_of(&self, issue: &Issue) -> Option<&str> {
        let table = match issue.table {
            "flag_metadata" | "flags_activations" => "flags",
            "activation_members" => "activations",
            table => table,
        };
        let is_row = |(of, id, _): &&(&str, i64, String)| *of == table && Some(*id) == issue.id;
        self.pointers.iter().rev().find(is_row).map(|(_, _, pointer)| pointer.as_str())
    }

    fn check_name_is_free(&self, name: &str, at: &str) -> Step {
        let Some(id) = self.flag_named(name) else { return Ok(()) };
        let problem = Problem::new(format!("{at}/name"), format!("flags#{id} already has this name"));
        Err(problem.kind(ProblemKind::Exists).row("flags", id).into())
    }

    fn note(&mut self, table: &'static str, id: i64, at: &str) {
        self.pointers.push((table, id, at.to_owned()));
        self.targets.push((table, id));
    }

    /// Adds a problem for a missing field of a new row, unless the field is there and invalid.
    fn missing(&mut self, field: &str, at: &str) {
        let place = format!("{at}/{field}");
        if !self.problems.iter().any(|problem| problem.pointer == place) {
            self.problems.push(Problem::new(at, format!("expected a field {field:?}")));
        }
    }

    fn no_version(&mut self, version: Option<Int>, at: &str) {
        if version.is_some() {
            let message = "a new row has no version";
            self.problems.push(Problem::new(format!("{at}/version"), message));
        }
    }

    fn no_id(&mut self, id: Option<Int>, at: &str) {
        if id.is_some() {
            self.problems.push(Problem::new(format!("{at}/id"), "the id of a row cannot be changed"));
        }
    }

    /// The id of a new row.
    fn new_id(
        &self,
        wanted: Option<Int>,
        at: &str,
        table: &'static str,
        taken: impl Fn(&Self, i64) -> bool,
    ) -> Result<i64, Box<Problem>> {
        let place = format!("{at}/id");
        if let Some(Int(id)) = wanted {
            if id < 1 {
                return Err(Problem::new(place, format!("expected an id of 1 or more, found {id}")).into());
            }
            if taken(self, id) {
                let problem = Problem::new(place, format!("{table}#{id} already exists"));
                return Err(problem.kind(ProblemKind::Exists).row(table, id).into());
            }
            return Ok(id);
        }
        let (rows, drafted) = if table == "flags" {
            (self.rows.flags.last().map(|row| row.id), self.flags.keys().max())
        } else {
            (self.rows.activations.last().map(|row| row.id), self.activations.keys().max())
        };
        let highest = rows.max(drafted.copied()).unwrap_or_default().max(0);
        let none = || Problem::new(place, "no id is free above those of the rows; choose one").into();
        highest.checked_add(1).ok_or_else(none)
    }

    /// Expects the row's version that the caller has read.
    fn expect(&mut self, row: RowKey, expected: Option<Int>, found: i64) {
        let Some(Int(expected)) = expected else { return };
        let (table, id) = match row {
            RowKey::FlagId(id) => ("flags", id),
            RowKey::Activation(id) => ("activations", id),
            RowKey::Flag(_) => return,
        };
        if expected != found {
            self.outdated.push(Outdated { table, id, expected, found });
        }
        self.versions.insert(row, expected);
    }

    /// Expects the current version of a flag.
    fn expect_current_flag(&mut self, id: i64) {
        if let Some(row) = find_flag(self.rows, id) {
            self.versions.entry(RowKey::FlagId(id)).or_insert(row.metadata.row_version);
        }
    }

    fn expect_current_activation(&mut self, id: i64) {
        if let Some(row) = find_activation(self.rows, id) {
            self.versions.entry(RowKey::Activation(id)).or_insert(row.row_version);
        }
    }

    fn find_flag(&self, key: &FlagKey, change: &RequestedChange) -> Result<FlagRow, Box<Problem>> {
        let found = match key {
            FlagKey::Id(id) => self.flag(*id).cloned(),
            FlagKey::Name(name) => self.flag_named(name).and_then(|id| self.flag(id).cloned()),
        };
        found.ok_or_else(|| {
            let row = match key {
                FlagKey::Id(id) => format!("flags#{id}"),
                FlagKey::Name(name) => format!("flag {:?}", short(name)),
            };
            let problem =
                Problem::new(change.row_pointer.clone().unwrap_or_default(), format!("{row} was not found"));
            Box::new(problem.kind(ProblemKind::Missing("flag_not_found")))
        })
    }

    fn find_activation(&self, id: i64, change: &RequestedChange) -> Result<ActivationRow, Box<Problem>> {
        self.activation(id).cloned().ok_or_else(|| {
            let pointer = change.row_pointer.clone().unwrap_or_default();
            let problem = Problem::new(pointer, format!("activations#{id} was not found"));
            Box::new(problem.kind(ProblemKind::Missing("activation_not_found")))
        })
    }

    fn flag(&self, id: i64) -> Option<&FlagRow> {
        match self.flags.get(&id) {
            Some(drafted) => drafted.as_ref(),
            None => find_flag(self.rows, id),
        }
    }

    fn activation(&self, id: i64) -> Option<&ActivationRow> {
        match self.activations.get(&id) {
            Some(drafted) => drafted.as_ref(),
            None => find_activation(self.rows, id),
        }
    }

    fn flag_named(&self, name: &str) -> Option<i64> {
        let drafted = self.flags.values().flatten().find(|row| row.name == name);
        let current = || {
            let row = self.snapshot.row_of(name).and_then(|index| self.rows.flags.get(index))?;
            (!self.flags.contains_key(&row.id)).then_some(row.id)
        };
        drafted.map(|row| row.id).or_else(current)
    }

    fn links_of(&self, id: i64) -> BTreeSet<i64> {
        match self.links.get(&id) {
            Some(links) => links.clone(),
            None => self.rows.links_of(Some(id)).iter().filter_map(|link| link.activation_id).collect(),
        }
    }

    /// Whether a member is denied. `None` if the activation does not have it.
    fn member(&self, id: i64, member: &str) -> Option<bool> {
        let members = self.rows.members_of(id);
        let at = members.binary_search_by(|row| row.member.as_str().cmp(member)).ok()?;
        members.get(at).map(|row| row.denied)
    }

    fn flags_linked_to(&self, activation: i64) -> Vec<String> {
        let ids: BTreeSet<i64> = self
            .rows
            .links
            .iter()
            .filter(|link| link.activation_id == Some(activation))
            .filter_map(|link| link.flag_id)
            .filter(|flag| !self.links.contains_key(flag))
            .chain(self.links.iter().filter(|(_, to)| to.contains(&activation)).map(|(flag, _)| *flag))
            .collect();
        ids.into_iter().filter_map(|id| self.flag(id)).map(|row| format!("{:?}", row.name)).collect()
    }
}
