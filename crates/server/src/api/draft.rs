//! From what is asked for to changes of the tables, by the rows as they are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use novi::{
    Snapshot,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow, Rows},
    store::{Change, Versioned},
};

use super::{
    fields::{ActivationFields, FlagFields},
    operation::{Asked, ChangeMembers, FlagRef, Link, Operation},
    params::FlagKey,
    problem::{Problem, Wrong},
    whole::Whole,
};

/// Changes in the making.
pub(crate) struct Draft<'a> {
    snapshot: &'a Snapshot,
    rows: &'a Rows,
    /// What the changes so far make of the rows; nothing for one that goes.
    flags: HashMap<i64, Option<FlagRow>>,
    activations: HashMap<i64, Option<ActivationRow>>,
    links: HashMap<i64, BTreeSet<i64>>,
    members: HashMap<(i64, String), Option<bool>>,
    pub(crate) changes: Vec<Change>,
    /// The versions of the rows that the changes were made from: with others, they would be other changes.
    pub(crate) versions: BTreeMap<Versioned, i64>,
    pub(crate) problems: Vec<Problem>,
    /// Rows that are not at the version that the caller has seen.
    pub(crate) outdated: Vec<Outdated>,
    /// Where the fields of each row stand in the body.
    pub(crate) places: Vec<(&'static str, i64, String)>,
    /// The row that each change is about.
    pub(crate) targets: Vec<(&'static str, i64)>,
}

/// A row that has changed since the caller saw it.
pub(crate) struct Outdated {
    pub(crate) table: &'static str,
    pub(crate) id: i64,
    pub(crate) expected: i64,
    pub(crate) found: i64,
}

/// What can not be done is noted as a problem.
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
            places: Vec::new(),
            targets: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, asked: &Asked) {
        let at = asked.at.as_str();
        let done = match &asked.operation {
            Operation::CreateFlag(new) => self.create_flag(&new.0, at),
            Operation::UpdateFlag(update) => self.update_flag(&update.row, &update.set.0, asked),
            Operation::DeleteFlag(flag) => self.delete_flag(&flag.row, flag.version, asked),
            Operation::CreateActivation(new) => self.create_activation(&new.0, at),
            Operation::UpdateActivation(update) => self.update_activation(update.row.0, &update.set.0, asked),
            Operation::DeleteActivation(row) => self.delete_activation(row.row.0, row.version, asked),
            Operation::Link(link) => self.link(link, asked, true),
            Operation::Unlink(link) => self.link(link, asked, false),
            Operation::ChangeMembers(change) => self.change_members(change, asked),
        };
        if let Err(problem) = done {
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
        if let Some(known) = self.flag_named(&name) {
            let message = format!("flags#{known} has this name already");
            let problem = Problem::at(format!("{at}/name"), message);
            return Err(problem.wrong(Wrong::Exists).row("flags", known).into());
        }
        let taken = |draft: &Self, id| draft.flag(id).is_some();
        let id = self.new_id(fields.id, at, "flags", taken)?;
        let mut metadata = FlagMetadata::default();
        fields.put_into(&mut metadata);
        let row = FlagRow { metadata, ..FlagRow::new(id, name, fields.status.unwrap_or_default()) };
        self.changes.push(Change::InsertFlag(row.clone()));
        self.flags.insert(id, Some(row));
        self.note("flags", id, at);
        if let Some(activations) = &fields.activations {
            self.set_links(id, activations, at);
        }
        Ok(())
    }

    fn update_flag(&mut self, flag: &FlagRef, fields: &FlagFields, asked: &Asked) -> Step {
        let at = asked.at.as_str();
        self.no_id(fields.id, at);
        fields.check(at, &mut self.problems);
        let mut row = self.find_flag(&flag.0, asked)?;
        let id = row.id;
        self.note("flags", id, at);
        self.seen(Versioned::FlagId(id), fields.version, row.metadata.row_version);
        // Statuses are set by name, which might be another flag's by then.
        self.base_flag(id);
        if let Some(name) = fields.name.clone().filter(|name| *name != row.name) {
            if let Some(known) = self.flag_named(&name) {
                let message = format!("flags#{known} has this name already");
                let problem = Problem::at(format!("{at}/name"), message);
                return Err(problem.wrong(Wrong::Exists).row("flags", known).into());
            }
            self.changes.push(Change::RenameFlag { id, name: name.clone() });
            row.name = name;
        }
        if let Some(status) = fields.status {
            self.changes.push(Change::SetStatus { flag: row.name.clone(), status });
            row.status = status;
        }
        if fields.has_metadata() {
            fields.check_faults(&row, at, &mut self.problems);
            fields.put_into(&mut row.metadata);
            let metadata = Box::new(row.metadata.clone());
            self.changes.push(Change::SetMetadata { flag_id: id, metadata });
        }
        self.flags.insert(id, Some(row));
        if let Some(activations) = &fields.activations {
            self.set_links(id, activations, at);
        }
        Ok(())
    }

    fn delete_flag(&mut self, flag: &FlagRef, version: Option<Whole>, asked: &Asked) -> Step {
        let row = self.find_flag(&flag.0, asked)?;
        self.note("flags", row.id, &asked.at);
        self.seen(Versioned::FlagId(row.id), version, row.metadata.row_version);
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
        fields.put_into(&mut row);
        self.note("activations", row.id, at);
        self.changes.push(Change::InsertActivation(row.clone()));
        self.activations.insert(row.id, Some(row));
        Ok(())
    }

    fn update_activation(&mut self, id: i64, fields: &ActivationFields, asked: &Asked) -> Step {
        let at = asked.at.as_str();
        self.no_id(fields.id, at);
        fields.check(at, &mut self.problems);
        let mut row = self.find_activation(id, asked)?;
        self.note("activations", id, at);
        self.seen(Versioned::Activation(id), fields.version, row.row_version);
        fields.check_faults(&row, at, &mut self.problems);
        fields.put_into(&mut row);
        self.base_activation(id);
        self.changes.push(Change::UpdateActivation(row.clone()));
        self.activations.insert(id, Some(row));
        Ok(())
    }

    fn delete_activation(&mut self, id: i64, version: Option<Whole>, asked: &Asked) -> Step {
        let row = self.find_activation(id, asked)?;
        self.note("activations", id, &asked.at);
        self.seen(Versioned::Activation(id), version, row.row_version);
        let linked = self.flags_linked_to(id);
        if !linked.is_empty() {
            let message = format!("flags are linked to it, unlink them first: {}", linked.join(", "));
            let pointer = asked.row_at.clone().unwrap_or_default();
            return Err(Problem::at(pointer, message).wrong(Wrong::InUse).row("activations", id).into());
        }
        self.changes.push(Change::DeleteActivation { id });
        self.activations.insert(id, None);
        Ok(())
    }

    /// Links a flag to an activation, or ends that.
    fn link(&mut self, link: &Link, asked: &Asked, linked: bool) -> Step {
        let place = |field: &str| Asked {
            row_at: asked.row_at.as_ref().map(|base| format!("{base}/{field}")),
            ..asked.clone()
        };
        let flag = self.find_flag(&link.flag.0, &place("flag"))?;
        self.note("flags", flag.id, &asked.at);
        self.seen(Versioned::FlagId(flag.id), link.version, flag.metadata.row_version);
        if linked {
            self.find_activation(link.activation.0, &place("activation"))?;
        }
        let is_linked = self.links_of(flag.id).contains(&link.activation.0);
        if !linked && !is_linked {
            let message = format!("flags#{} is not linked to activations#{}", flag.id, link.activation.0);
            let problem = Problem::at(asked.row_at.clone().unwrap_or_default(), message);
            return Err(problem.wrong(Wrong::Missing("link_not_found")).into());
        }
        if linked == is_linked {
            self.base_flag(flag.id);
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

    fn change_members(&mut self, change: &ChangeMembers, asked: &Asked) -> Step {
        let id = change.activation.0;
        let row = self.find_activation(id, asked)?;
        self.note("activations", id, &asked.at);
        self.seen(Versioned::Activation(id), change.version, row.row_version);
        self.base_activation(id);
        let lists = [("remove", &change.remove, None), ("members", &change.members, Some(change.denied))];
        for (list, members, to) in lists {
            for (index, member) in members.iter().enumerate() {
                let length = member.chars().count();
                if (1..=255).contains(&length) && !member.contains('\0') {
                    self.set_member(id, member, to);
                } else {
                    let message = format!("expected 1 to 255 characters without NUL, found {length}");
                    self.problems.push(Problem::at(format!("{}/{list}/{index}", asked.at), message));
                }
            }
        }
        Ok(())
    }

    /// Makes a value a member, allowed or denied, or none.
    fn set_member(&mut self, id: i64, member: &str, to: Option<bool>) {
        let key = (id, member.to_owned());
        let is = self.members.get(&key).copied().unwrap_or_else(|| self.member(id, member));
        if is == to {
            return;
        }
        if is.is_some() {
            self.changes.push(Change::DeleteMember { activation_id: id, member: member.to_owned() });
        }
        if let Some(denied) = to {
            let row = MemberRow { denied, ..MemberRow::allowed(id, member) };
            self.changes.push(Change::InsertMember(row));
        }
        self.members.insert(key, to);
    }

    /// Links a flag to these activations, and to no others.
    fn set_links(&mut self, id: i64, activations: &[Whole], at: &str) {
        self.base_flag(id);
        for (index, Whole(activation)) in activations.iter().enumerate() {
            if self.activation(*activation).is_none() {
                let message = format!("there is no activation with the id {activation}");
                self.problems.push(Problem::at(format!("{at}/activations/{index}"), message));
            }
        }
        let (is, to) = (self.links_of(id), activations.iter().map(|id| id.0).collect::<BTreeSet<_>>());
        let gone = is.difference(&to).map(|activation| Change::Unlink(LinkRow::new(id, *activation)));
        let new = to.difference(&is).map(|activation| Change::Link(LinkRow::new(id, *activation)));
        self.changes.extend(gone.chain(new));
        self.links.insert(id, to);
    }

    fn note(&mut self, table: &'static str, id: i64, at: &str) {
        self.places.push((table, id, at.to_owned()));
        self.targets.push((table, id));
    }

    /// Notes that a new row needs a field, unless it was there and wrong.
    fn missing(&mut self, field: &str, at: &str) {
        let place = format!("{at}/{field}");
        if !self.problems.iter().any(|problem| problem.pointer == place) {
            self.problems.push(Problem::at(at, format!("expected a field {field:?}")));
        }
    }

    fn no_version(&mut self, version: Option<Whole>, at: &str) {
        if version.is_some() {
            let message = "a row that is new has no version yet";
            self.problems.push(Problem::at(format!("{at}/version"), message));
        }
    }

    fn no_id(&mut self, id: Option<Whole>, at: &str) {
        if id.is_some() {
            self.problems.push(Problem::at(format!("{at}/id"), "the id of a row can not be changed"));
        }
    }

    /// The id for a new row.
    fn new_id(
        &self,
        wanted: Option<Whole>,
        at: &str,
        table: &'static str,
        taken: impl Fn(&Self, i64) -> bool,
    ) -> Result<i64, Box<Problem>> {
        let place = format!("{at}/id");
        if let Some(Whole(id)) = wanted {
            if id < 1 {
                return Err(Problem::at(place, format!("expected an id of 1 or more, found {id}")).into());
            }
            if taken(self, id) {
                let problem = Problem::at(place, format!("{table}#{id} is there already"));
                return Err(problem.wrong(Wrong::Exists).row(table, id).into());
            }
            return Ok(id);
        }
        let (rows, drafted) = if table == "flags" {
            (self.rows.flags.last().map(|row| row.id), self.flags.keys().max())
        } else {
            (self.rows.activations.last().map(|row| row.id), self.activations.keys().max())
        };
        let highest = rows.max(drafted.copied()).unwrap_or_default().max(0);
        let none = || Problem::at(place, "no id is left above those of the rows: give one").into();
        highest.checked_add(1).ok_or_else(none)
    }

    /// Notes the version of a row that the caller has seen.
    fn seen(&mut self, row: Versioned, expected: Option<Whole>, found: i64) {
        let Some(Whole(expected)) = expected else { return };
        let (table, id) = match row {
            Versioned::FlagId(id) => ("flags", id),
            Versioned::Activation(id) => ("activations", id),
            Versioned::Flag(_) => return,
        };
        if expected != found {
            self.outdated.push(Outdated { table, id, expected, found });
        }
        self.versions.insert(row, expected);
    }

    /// Notes that the changes hold for the flag as it is known.
    fn base_flag(&mut self, id: i64) {
        if let Some(row) = self.known_flag(id) {
            self.versions.entry(Versioned::FlagId(id)).or_insert(row.metadata.row_version);
        }
    }

    fn base_activation(&mut self, id: i64) {
        if let Some(row) = self.known_activation(id) {
            self.versions.entry(Versioned::Activation(id)).or_insert(row.row_version);
        }
    }

    fn find_flag(&self, key: &FlagKey, asked: &Asked) -> Result<FlagRow, Box<Problem>> {
        let found = match key {
            FlagKey::Id(id) => self.flag(*id).cloned(),
            FlagKey::Name(name) => self.flag_named(name).and_then(|id| self.flag(id).cloned()),
        };
        found.ok_or_else(|| {
            let what = match key {
                FlagKey::Id(id) => format!("flags#{id}"),
                FlagKey::Name(name) => format!("flag {:?}", crate::error::short(name)),
            };
            let problem =
                Problem::at(asked.row_at.clone().unwrap_or_default(), format!("{what} was not found"));
            Box::new(problem.wrong(Wrong::Missing("flag_not_found")))
        })
    }

    fn find_activation(&self, id: i64, asked: &Asked) -> Result<ActivationRow, Box<Problem>> {
        self.activation(id).cloned().ok_or_else(|| {
            let pointer = asked.row_at.clone().unwrap_or_default();
            let problem = Problem::at(pointer, format!("activations#{id} was not found"));
            Box::new(problem.wrong(Wrong::Missing("activation_not_found")))
        })
    }

    fn known_flag(&self, id: i64) -> Option<&'a FlagRow> {
        find_flag(self.rows, id)
    }

    fn known_activation(&self, id: i64) -> Option<&'a ActivationRow> {
        find_activation(self.rows, id)
    }

    fn flag(&self, id: i64) -> Option<&FlagRow> {
        match self.flags.get(&id) {
            Some(drafted) => drafted.as_ref(),
            None => self.known_flag(id),
        }
    }

    fn activation(&self, id: i64) -> Option<&ActivationRow> {
        match self.activations.get(&id) {
            Some(drafted) => drafted.as_ref(),
            None => self.known_activation(id),
        }
    }

    fn flag_named(&self, name: &str) -> Option<i64> {
        let drafted = self.flags.values().flatten().find(|row| row.name == name);
        let known = || {
            let row = self.snapshot.row_of(name).and_then(|index| self.rows.flags.get(index))?;
            (!self.flags.contains_key(&row.id)).then_some(row.id)
        };
        drafted.map(|row| row.id).or_else(known)
    }

    fn links_of(&self, id: i64) -> BTreeSet<i64> {
        match self.links.get(&id) {
            Some(links) => links.clone(),
            None => self.rows.links_of(Some(id)).iter().filter_map(|link| link.activation_id).collect(),
        }
    }

    /// Whether a value is a member of an activation, and if so, whether it is denied.
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

/// The flag with an id; rows are in the order of their ids.
pub(crate) fn find_flag(rows: &Rows, id: i64) -> Option<&FlagRow> {
    rows.flags.binary_search_by_key(&id, |row| row.id).ok().and_then(|at| rows.flags.get(at))
}

/// The activation with an id.
pub(crate) fn find_activation(rows: &Rows, id: i64) -> Option<&ActivationRow> {
    rows.activations.binary_search_by_key(&id, |row| row.id).ok().and_then(|at| rows.activations.get(at))
}
