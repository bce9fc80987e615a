//! Turns requested changes into changes of the tables, with the rows of the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use novi::{
    Error,
    rows::{ActivationRow, Conflict, FlagMetadata, FlagRow, Issue, LinkRow, MemberRow, Rows, ViolationKind},
    store::{Change, Edit, EditedRows, RowKey},
};
use serde_json::Value;

use crate::{
    app::rows::{find_activation, find_flag},
    http::problem::{Problem, pointer_to},
    manage::request::{
        fields::{ActivationFields, FlagFields},
        integer::Int,
        operation::{ChangeMembers, FlagRef, Link, Operation, RequestedChange},
        params::FlagKey,
    },
};

/// The changes of the tables, as far as they are drafted.
pub(crate) struct Draft<'a> {
    rows: &'a Rows,
    /// The body of the request.
    body: &'a Value,
    /// The rows after the changes so far.
    edited: EditedRows,
    changes: Vec<Change>,
    /// The versions of the rows that the changes depend on. If others are current at the commit, it
    /// conflicts.
    versions: BTreeMap<RowKey, i64>,
    /// The rows whose versions the caller has stated.
    stated: BTreeSet<RowKey>,
    /// The new rows whose ids are chosen here.
    chosen: BTreeSet<(&'static str, i64)>,
    pub(crate) problems: Vec<Problem>,
    /// Rows that were modified since the caller read them.
    pub(crate) outdated: Vec<Conflict>,
    /// The table, id and pointer to the fields of the row of each change.
    targets: Vec<(&'static str, i64, String)>,
}

/// The error has the problems of the change.
type Step<T = ()> = Result<T, Vec<Problem>>;

impl<'a> Draft<'a> {
    /// The draft of all changes. `problems` are those of the body itself.
    pub(crate) fn of(
        rows: &'a Rows,
        body: &'a Value,
        problems: &[Problem],
        changes: &[RequestedChange],
    ) -> Self {
        let mut draft = Self::new(rows, body, problems);
        for change in changes {
            draft.add(change);
        }
        draft
    }

    fn new(rows: &'a Rows, body: &'a Value, problems: &[Problem]) -> Self {
        Self {
            rows,
            body,
            edited: EditedRows::new(rows.clone()),
            changes: Vec::new(),
            versions: BTreeMap::new(),
            stated: BTreeSet::new(),
            chosen: BTreeSet::new(),
            problems: problems.to_vec(),
            outdated: Vec::new(),
            targets: Vec::new(),
        }
    }

    fn add(&mut self, change: &RequestedChange) {
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
        if let Err(problems) = added {
            self.problems.extend(problems);
        }
    }

    /// The changes and the versions that they depend on.
    pub(crate) fn edit(&self) -> Edit {
        let edit = Edit::new(self.changes.iter().cloned());
        self.versions.iter().fold(edit, |edit, (row, version)| edit.expect(row.clone(), *version))
    }

    /// The rows that were modified, as problems.
    pub(crate) fn outdated_problems(&self) -> impl Iterator<Item = Problem> {
        self.outdated.iter().map(|conflict| Problem::new("", conflict.to_string()))
    }

    /// The table and id of the row of each change.
    pub(crate) fn into_targets(self) -> Vec<(&'static str, i64)> {
        self.targets.into_iter().map(|(table, id, _)| (table, id)).collect()
    }

    fn create_flag(&mut self, fields: &FlagFields, at: &str) -> Step {
        self.no_version(fields.version, at);
        let Some(name) = fields.name.clone() else {
            self.missing("name", at);
            return Ok(());
        };
        let id = self.new_id("flags", fields.id, self.edited.next_flag_id(), at)?;
        let mut metadata = FlagMetadata::default();
        fields.apply_to(&mut metadata);
        let row = FlagRow { metadata, ..FlagRow::new(id, name, fields.status.unwrap_or_default()) };
        self.make_fields(Change::InsertFlag(row), at)?;
        self.note("flags", id, at);
        fields.activations.as_ref().map_or(Ok(()), |activations| self.set_links(id, activations, at))
    }

    fn update_flag(&mut self, flag: &FlagRef, fields: &FlagFields, change: &RequestedChange) -> Step {
        let at = change.pointer.as_str();
        self.no_id(fields.id, at);
        let mut row = self.find_flag(&flag.0, change.row())?;
        let id = row.id;
        self.note("flags", id, at);
        self.expect(RowKey::FlagId(id), fields.version, row.metadata.row_version);
        // The status is set by name, which could be another flag's at the commit.
        self.expect_current_flag(id);
        if let Some(name) = fields.name.clone().filter(|name| *name != row.name) {
            row.name.clone_from(&name);
            self.make_fields(Change::RenameFlag { id, name }, at)?;
        }
        if let Some(status) = fields.status {
            self.make_fields(Change::SetStatus { flag: row.name.clone(), status }, at)?;
        }
        if fields.has_metadata() {
            fields.check_faults(&row, at, &mut self.problems);
            fields.apply_to(&mut row.metadata);
            self.make_fields(Change::SetMetadata { flag_id: id, metadata: Box::new(row.metadata) }, at)?;
        }
        fields.activations.as_ref().map_or(Ok(()), |activations| self.set_links(id, activations, at))
    }

    fn delete_flag(&mut self, flag: &FlagRef, version: Option<Int>, change: &RequestedChange) -> Step {
        let row = self.find_flag(&flag.0, change.row())?;
        self.note("flags", row.id, &change.pointer);
        self.expect(RowKey::FlagId(row.id), version, row.metadata.row_version);
        self.make(Change::DeleteFlag { id: row.id }, |_| change.row().to_owned())
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
        let id = self.new_id("activations", fields.id, self.edited.next_activation_id(), at)?;
        let mut row = ActivationRow { id, ..ActivationRow::default() };
        fields.apply_to(&mut row);
        self.make_fields(Change::InsertActivation(row), at)?;
        self.note("activations", id, at);
        Ok(())
    }

    fn update_activation(&mut self, id: i64, fields: &ActivationFields, change: &RequestedChange) -> Step {
        let at = change.pointer.as_str();
        self.no_id(fields.id, at);
        fields.check(at, &mut self.problems);
        let mut row = self.find_activation(id, change.row())?;
        self.note("activations", id, at);
        self.expect(RowKey::Activation(id), fields.version, row.row_version);
        self.expect_current_activation(id);
        fields.check_faults(&row, at, &mut self.problems);
        fields.apply_to(&mut row);
        self.make_fields(Change::UpdateActivation(row), at)
    }

    fn delete_activation(&mut self, id: i64, version: Option<Int>, change: &RequestedChange) -> Step {
        let row = self.find_activation(id, change.row())?;
        self.note("activations", id, &change.pointer);
        self.expect(RowKey::Activation(id), version, row.row_version);
        self.make(Change::DeleteActivation { id }, |_| change.row().to_owned())
    }

    /// Links a flag to an activation, or unlinks it.
    fn link(&mut self, link: &Link, change: &RequestedChange, linked: bool) -> Step {
        let field = |field: Option<&str>| match (&change.row_pointer, field) {
            (Some(base), Some("flag_id")) => format!("{base}/flag"),
            (Some(base), Some(_)) => format!("{base}/activation"),
            (Some(base), None) => base.clone(),
            (None, _) => String::new(),
        };
        let flag = self.find_flag(&link.flag.0, &field(Some("flag_id")))?;
        self.note("flags", flag.id, &change.pointer);
        self.expect(RowKey::FlagId(flag.id), link.version, flag.metadata.row_version);
        if linked && self.edited.links_of(flag.id).contains(&link.activation.0) {
            self.expect_current_flag(flag.id);
            return Ok(());
        }
        let row = LinkRow::new(flag.id, link.activation.0);
        self.make(if linked { Change::Link(row) } else { Change::Unlink(row) }, field)
    }

    fn change_members(&mut self, members: &ChangeMembers, change: &RequestedChange) -> Step {
        let id = members.activation.0;
        let row = self.find_activation(id, change.row())?;
        self.note("activations", id, &change.pointer);
        self.expect(RowKey::Activation(id), members.version, row.row_version);
        self.expect_current_activation(id);
        let lists = [("remove", &members.remove, None), ("members", &members.members, Some(members.denied))];
        for (list, members, to) in lists {
            for (index, member) in members.iter().enumerate() {
                let pointer = format!("{}/{list}/{index}", change.pointer);
                if member.is_empty() {
                    self.problems.push(Problem::new(pointer, "expected at least one character"));
                } else if let Err(problems) = self.set_member(id, member, to, &pointer) {
                    self.problems.extend(problems);
                }
            }
        }
        Ok(())
    }

    /// Allows a member, denies it, or removes it.
    fn set_member(&mut self, id: i64, member: &str, to: Option<bool>, pointer: &str) -> Step {
        let current = self.edited.member(id, member).map(|row| row.denied);
        if current == to {
            return Ok(());
        }
        if current.is_some() {
            let removed = Change::DeleteMember { activation_id: id, member: member.to_owned() };
            self.make(removed, |_| pointer.to_owned())?;
        }
        to.map_or(Ok(()), |denied| {
            let row = MemberRow { denied, ..MemberRow::allowed(id, member) };
            self.make(Change::InsertMember(row), |_| pointer.to_owned())
        })
    }

    /// Links a flag to exactly these activations.
    fn set_links(&mut self, id: i64, activations: &[Int], at: &str) -> Step {
        self.expect_current_flag(id);
        let (current, mut wanted) = (self.edited.links_of(id), BTreeSet::new());
        let mut problems = Vec::new();
        for (index, Int(activation)) in activations.iter().enumerate() {
            if !wanted.insert(*activation) || current.contains(activation) {
                continue;
            }
            let pointer = |_: Option<&str>| format!("{at}/activations/{index}");
            if let Err(found) = self.make(Change::Link(LinkRow::new(id, *activation)), pointer) {
                problems.extend(found);
            }
        }
        for activation in current.difference(&wanted) {
            self.make(Change::Unlink(LinkRow::new(id, *activation)), |_| format!("{at}/activations"))?;
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Makes a change of fields, which `at` points to.
    fn make_fields(&mut self, change: Change, at: &str) -> Step {
        let body = self.body;
        self.make(change, |field| pointer_to(body, at, field.unwrap_or_default()))
    }

    /// Makes a change. `pointer` points to the column of a violation.
    fn make(&mut self, change: Change, pointer: impl Fn(Option<&str>) -> String) -> Step {
        self.edited.make(&change).map_err(|error| self.problems_of(&error, pointer))?;
        self.changes.push(change);
        Ok(())
    }

    /// The problems that an error of the tables is.
    fn problems_of(&self, error: &Error, pointer: impl Fn(Option<&str>) -> String) -> Vec<Problem> {
        let mut problems = Problem::from_error(error, |violation| {
            pointer(violation.and_then(|found| found.field.as_deref()))
        });
        for problem in &mut problems {
            // A row that does not exist yet has no id for the caller.
            if self
                .chosen
                .iter()
                .any(|(table, id)| (row_table(problem.table), problem.id) == (Some(table), Some(*id)))
            {
                problem.id = None;
            }
        }
        problems
    }

    /// The problems of an edit that the store has rejected.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) fn problems_of_commit(&self, error: Error) -> Result<Vec<Problem>, Error> {
        match error {
            Error::Invalid(issues) => Ok(self.all_problems(issues)),
            Error::Constraint(_) | Error::FlagNotFound { .. } => {
                Ok(Problem::from_error(&error, |violation| {
                    let base = violation.and_then(|found| self.place_of(found.table, found.id));
                    let field = violation.and_then(|found| found.field.as_deref());
                    base.map_or_else(String::new, |base| {
                        pointer_to(self.body, base, field.unwrap_or_default())
                    })
                }))
            }
            error => Err(error),
        }
    }

    /// The problems of the draft, and the issues that its rows would have.
    pub(crate) fn all_problems(&self, issues: Vec<Issue>) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        for issue in issues {
            let problem = Problem::from_issue(&issue, self.place_of(issue.table, issue.id), self.body);
            let is_same = |other: &Problem| {
                let is_same_row = other.id == problem.id || (other.id.is_none() && !other.pointer.is_empty());
                other.pointer == problem.pointer && is_same_row
            };
            if !self.problems.iter().any(is_same) {
                problems.push(problem);
            }
        }
        problems
    }

    /// Whether the store has rejected the edit for the version of a row that the caller has not stated.
    pub(crate) fn is_overtaken(&self, error: &Error) -> bool {
        let Error::Conflict(conflict) = error else { return false };
        let row = match conflict.table {
            "flags" => RowKey::FlagId(conflict.id),
            _ => RowKey::Activation(conflict.id),
        };
        !self.stated.contains(&row)
    }

    /// Whether another row has got an id that was chosen here.
    pub(crate) fn is_id_taken(&self, error: &Error) -> bool {
        let is_chosen = |table, id: Option<i64>| id.is_some_and(|id| self.chosen.contains(&(table, id)));
        match error {
            Error::Constraint(violations) => violations.iter().any(|violation| {
                let is_of_name = violation.field.as_deref() == Some("name");
                violation.kind == ViolationKind::Duplicate
                    && !is_of_name
                    && is_chosen(violation.table, violation.id)
            }),
            Error::Invalid(issues) => {
                issues.iter().any(|issue| issue.path == "id" && is_chosen(issue.table, issue.id))
            }
            _ => false,
        }
    }

    /// The pointer to the fields of a row.
    fn place_of(&self, table: &'static str, id: Option<i64>) -> Option<&str> {
        let table = row_table(Some(table));
        let is_row = |(of, row, _): &&(&str, i64, String)| Some(*of) == table && Some(*row) == id;
        self.targets.iter().rev().find(is_row).map(|(_, _, pointer)| pointer.as_str())
    }

    fn note(&mut self, table: &'static str, id: i64, at: &str) {
        self.targets.push((table, id, at.to_owned()));
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
    fn new_id(&mut self, table: &'static str, wanted: Option<Int>, next: Option<i64>, at: &str) -> Step<i64> {
        if let Some(Int(id)) = wanted {
            return Ok(id);
        }
        let none = || Problem::new(format!("{at}/id"), "no id is free above those of the rows; choose one");
        let id = next.ok_or_else(|| vec![none()])?;
        self.chosen.insert((table, id));
        Ok(id)
    }

    /// Expects the row's version that the caller has read.
    fn expect(&mut self, row: RowKey, expected: Option<Int>, found: i64) {
        let Some(Int(expected)) = expected else { return };
        let (table, id, name) = match row {
            RowKey::FlagId(id) => ("flags", id, find_flag(self.rows, id).map(|row| &row.name)),
            RowKey::Activation(id) => {
                ("activations", id, find_activation(self.rows, id).map(|row| &row.name))
            }
            RowKey::Flag(_) => return,
        };
        if expected != found {
            let name = name.cloned().unwrap_or_default();
            self.outdated.push(Conflict::new(table, id, name, expected, Some(found)));
        }
        self.stated.insert(row.clone());
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

    fn find_flag(&mut self, key: &FlagKey, pointer: &str) -> Step<FlagRow> {
        let found = match key {
            FlagKey::Id(id) => self.edited.flag(*id),
            FlagKey::Name(name) => self.edited.flag_named(name),
        };
        found.cloned().map_err(|error| Problem::from_error(&error, |_| pointer.to_owned()))
    }

    fn find_activation(&mut self, id: i64, pointer: &str) -> Step<ActivationRow> {
        let found = self.edited.activation(id).cloned();
        found.map_err(|error| Problem::from_error(&error, |_| pointer.to_owned()))
    }
}

/// The table of the row whose fields a row of this table is part of.
fn row_table(table: Option<&'static str>) -> Option<&'static str> {
    match table? {
        "flag_metadata" | "flags_activations" => Some("flags"),
        "activation_members" => Some("activations"),
        table => Some(table),
    }
}
