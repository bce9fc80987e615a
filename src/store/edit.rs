//! Changes that belong together, with their author and what the author has read.

use std::{borrow::Cow, fmt, sync::Arc};

use serde_json::Value;

use crate::{
    error::{Error, Result},
    rows::{
        ActivationRow, FlagRow, Rows,
        conflict::Conflict,
        issue::Issue,
        violation::{Violation, shortened},
    },
    store::{
        apply,
        change::{Author, Change},
    },
};

/// Changes that are made together or not at all.
///
/// ```
/// use novi::store::{Change, Edit};
///
/// let edit = Edit::new([Change::SetStatus { flag: "Winter sale".to_owned(), status: false }])
///     .actor("jane")
///     .reason("the shop is full")
///     .expect_flag("Winter sale", 4);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct Edit {
    /// Who makes it, for the history; the database's user if there is no name.
    pub actor: Option<String>,
    /// The reason, for the history.
    pub reason: Option<String>,
    /// The versions of rows that the author has read: if one has changed since, nothing is written.
    pub expected: Vec<Expected>,
    /// The revision at which the author has read the rows: if any row has changed since, nothing is written.
    pub revision: Option<i64>,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Checks the rows before they are written.
    pub validator: Option<Arc<dyn Validate>>,
}

/// The version at which the author has read a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// The row.
    pub row: RowKey,
    /// Its version: [`FlagMetadata::row_version`](crate::rows::FlagMetadata::row_version) or
    /// [`ActivationRow::row_version`].
    pub version: i64,
}

/// A row that has a version, in the order in which rows are locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// A flag with its metadata and its links, by name.
    Flag(String),
    /// The same, by `flags.id`.
    FlagId(i64),
    /// An activation with its members, by `activations.id`.
    Activation(i64),
}

/// Checks the rows that an edit would make.
pub trait Validate: Send + Sync {
    /// The problems of the rows after the edit that they did not have before. Both are sorted by id.
    fn problems(&self, before: Arc<Rows>, after: Arc<Rows>) -> Vec<Issue>;
}

impl Edit {
    /// An edit of these changes.
    pub fn new(changes: impl IntoIterator<Item = Change>) -> Self {
        Self { changes: changes.into_iter().collect(), ..Self::default() }
    }

    /// Adds a change.
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Sets who makes it.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets who makes it, and why.
    pub fn by(mut self, author: Author) -> Self {
        (self.actor, self.reason) = (author.actor, author.reason);
        self
    }

    /// Sets the reason.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Expects the flag to have this version.
    pub fn expect_flag(self, name: impl Into<String>, version: i64) -> Self {
        self.expect(RowKey::Flag(name.into()), version)
    }

    /// Expects the activation to have this version.
    pub fn expect_activation(self, id: i64, version: i64) -> Self {
        self.expect(RowKey::Activation(id), version)
    }

    /// Expects a row to have this version.
    pub fn expect(mut self, row: RowKey, version: i64) -> Self {
        self.expected.push(Expected { row, version });
        self
    }

    /// Expects the rows to have this revision, in the transaction of the edit: any change since is a conflict. Other
    /// writers wait until the edit is committed.
    pub const fn expect_revision(mut self, revision: i64) -> Self {
        self.revision = Some(revision);
        self
    }

    /// Sets what checks the rows before they are written, such as [`Validator`](crate::snapshot::Validator).
    pub fn validated_by(mut self, validator: Arc<dyn Validate>) -> Self {
        self.validator = Some(validator);
        self
    }

    /// Whether a store has to pass all rows to [`after`](Self::after) before it writes. Edits that only turn
    /// flags off need none, since that breaks no row: the kill switch is quick.
    #[must_use]
    pub fn needs_rows(&self) -> bool {
        let turns_off = |change: &Change| matches!(change, Change::SetStatus { status: false, .. });
        self.validator.is_some() && !self.changes.iter().all(turns_off)
    }

    /// The rows after the edit, if the validator reports no problems.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] and [`Error::Constraint`] for a change that breaks a rule of the tables; with
    /// a validator [`Error::Invalid`] with all problems, if there are more than that one.
    pub fn after(&self, before: Rows) -> Result<Rows> {
        let Some(validator) = self.validator.as_ref().filter(|_| self.needs_rows()) else {
            return apply::apply(before, &self.changes);
        };
        let before = Arc::new(before);
        let (after, mut refusals) = apply::apply_valid(Rows::clone(&before), &self.changes);
        let after = Arc::new(after);
        let broken = validator.problems(before, Arc::clone(&after));
        if refusals.len() == 1 && broken.is_empty() {
            return Err(refusals.remove(0).1);
        }
        let mut problems: Vec<Issue> =
            refusals.into_iter().flat_map(|(change, error)| change.issues(&error)).collect();
        problems.extend(broken);
        if problems.is_empty() { Ok(Arc::unwrap_or_clone(after)) } else { Err(Error::Invalid(problems)) }
    }

    /// The rows after the changes that are possible, and the problems of the others.
    pub(crate) fn after_with_problems(&self, before: &Rows) -> (Rows, Vec<Issue>) {
        let (after, refusals) = apply::apply_valid(before.clone(), &self.changes);
        (after, refusals.into_iter().flat_map(|(change, error)| change.issues(&error)).collect())
    }

    /// The expected versions, in the order in which rows are locked: the same for all writers, so that no two
    /// wait for each other.
    #[must_use]
    pub fn expected_in_order(&self) -> Vec<&Expected> {
        let mut expected: Vec<_> = self.expected.iter().collect();
        expected.sort();
        expected
    }

    /// Compares the revision of the rows with the expected one.
    ///
    /// # Errors
    /// [`Error::RevisionChanged`] if they differ.
    pub fn compare_revision(&self, found: i64) -> Result<()> {
        match self.revision {
            Some(expected) if expected != found => Err(Error::RevisionChanged { expected, found }),
            _ => Ok(()),
        }
    }

    /// Compares the version of a flag with the expected one. `activations` are the ids that it is linked to.
    ///
    /// # Errors
    /// [`Error::Conflict`] if they differ.
    pub fn compare_flag(&self, version: i64, flag: &FlagRow, activations: &[i64]) -> Result<()> {
        if flag.metadata.row_version == version {
            return Ok(());
        }
        let mut theirs = json(flag);
        if let Value::Object(fields) = &mut theirs {
            fields.insert("activations".to_owned(), activations.into());
        }
        let found = Some(flag.metadata.row_version);
        Err(self.conflict("flags", flag.id, &flag.name, version, found, theirs))
    }

    /// Compares the version of an activation with the expected one.
    ///
    /// # Errors
    /// [`Error::Conflict`] if they differ.
    pub fn compare_activation(&self, version: i64, row: &ActivationRow) -> Result<()> {
        if row.row_version == version {
            return Ok(());
        }
        Err(self.conflict("activations", row.id, &row.name, version, Some(row.row_version), json(row)))
    }

    /// The error for an expected row that does not exist.
    #[must_use]
    pub fn missing(&self, expected: &Expected) -> Error {
        match &expected.row {
            RowKey::Flag(name) => Error::FlagNotFound { name: name.clone(), similar: None },
            RowKey::FlagId(id) => self.conflict("flags", *id, "", expected.version, None, Value::Null),
            RowKey::Activation(id) => {
                self.conflict("activations", *id, "", expected.version, None, Value::Null)
            }
        }
    }

    fn conflict(
        &self,
        table: &'static str,
        id: i64,
        name: &str,
        expected: i64,
        found: Option<i64>,
        theirs: Value,
    ) -> Error {
        let yours = self.changes.iter().filter(|change| change.is_of(table, id, name)).map(json).collect();
        let name = name.to_owned();
        Error::Conflict(Box::new(Conflict { table, id, name, expected, found, theirs, yours }))
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit")
            .field("actor", &self.actor)
            .field("reason", &self.reason)
            .field("expected", &self.expected)
            .field("revision", &self.revision)
            .field("changes", &self.changes)
            .field("validated", &self.validator.is_some())
            .finish()
    }
}

impl Change {
    /// The row that it changes: its table, its id if the change has it, and its name or what stands for it.
    fn row(&self) -> (&'static str, Option<i64>, String) {
        match self {
            Self::SetStatus { flag, .. } => ("flags", None, flag.clone()),
            Self::InsertFlag(row) => ("flags", Some(row.id), row.name.clone()),
            Self::RenameFlag { id, name } => ("flags", Some(*id), name.clone()),
            Self::InsertActivation(row) | Self::UpdateActivation(row) => {
                ("activations", Some(row.id), row.name.clone())
            }
            Self::Link(link) | Self::Unlink(link) => {
                let end = |id: Option<i64>| id.map_or_else(|| "null".to_owned(), |id| id.to_string());
                let name = format!("({}, {})", end(link.flag_id), end(link.activation_id));
                ("flags_activations", link.flag_id, name)
            }
            Self::SetMetadata { flag_id, .. } => ("flag_metadata", Some(*flag_id), String::new()),
            Self::DeleteFlag { id } => ("flags", Some(*id), String::new()),
            Self::DeleteActivation { id } => ("activations", Some(*id), String::new()),
            Self::InsertMember(row) => ("activation_members", Some(row.activation_id), row.member.clone()),
            Self::DeleteMember { activation_id, member } => {
                ("activation_members", Some(*activation_id), member.clone())
            }
        }
    }

    /// Whether it is a change of this flag or activation, links and members included.
    fn is_of(&self, table: &str, id: i64, name: &str) -> bool {
        let (own, own_id, own_name) = self.row();
        let of_flags = own != "activations" && own != "activation_members";
        of_flags == (table == "flags") && own_id.map_or(own_name == name, |own| own == id)
    }

    /// An error of this change, as issues.
    fn issues(&self, error: &Error) -> Vec<Issue> {
        let (table, id, name) = self.row();
        let name = shortened(&name);
        let issue = |path: &str, message: String| {
            let (path, name) = (path.to_owned(), name.clone());
            Issue { table, id, name, path, message, flags: Vec::new(), warning: false }
        };
        match error {
            Error::Constraint(violations) => {
                let issues = violations.iter();
                let path = |broken: &Violation| broken.field.clone().unwrap_or(Cow::Borrowed("id"));
                issues.map(|broken| issue(&path(broken), broken.message.clone())).collect()
            }
            error => vec![issue("name", error.to_string())],
        }
    }
}

/// Rows and changes have keys that are strings, so each is valid JSON.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
