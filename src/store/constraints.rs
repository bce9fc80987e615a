//! The rules of the tables, in one place: every store rejects the same changes for the same reasons.

use std::borrow::Cow;

use chrono::Datelike as _;

use crate::{
    error::{Error, Result},
    rows::{
        FlagMetadata,
        violation::{MAX_NAME, RowRef, Violation, ViolationKind},
    },
    store::change::Change,
};

/// What some of the databases cannot hold, which is why none does.
pub(super) fn violations(change: &Change) -> Vec<Violation> {
    let mut found = Vec::new();
    match change {
        Change::SetStatus { .. } | Change::DeleteFlag { .. } | Change::DeleteActivation { .. } => (),
        Change::InsertFlag(row) => {
            let subject = RowRef::flag(row.id, &row.name);
            check_id(&subject, row.id, &mut found);
            check_flag_name(&subject, &row.name, &mut found);
            check_metadata(&subject, &row.metadata, &mut found);
        }
        Change::RenameFlag { id, name } => check_flag_name(&RowRef::flag(*id, name), name, &mut found),
        Change::InsertActivation(row) | Change::UpdateActivation(row) => {
            let subject = RowRef::activation(row.id, &row.name);
            check_id(&subject, row.id, &mut found);
            check_name(&subject, "name", &row.name, &mut found);
            check_name(&subject, "class_name", &row.class_name, &mut found);
            check_text(&subject, "config", row.config.as_deref(), &mut found);
        }
        Change::InsertMember(row) => {
            let subject = RowRef::member(row.activation_id, &row.member);
            check_name(&subject, "member", &row.member, &mut found);
        }
        Change::DeleteMember { activation_id, member } => {
            check_text(&RowRef::member(*activation_id, member), "member", Some(member), &mut found);
        }
        Change::SetMetadata { flag_id, metadata } => {
            check_metadata(&RowRef::id("flags", *flag_id), metadata, &mut found);
        }
        Change::Link(link) | Change::Unlink(link) => {
            if let (flag, None) | (flag @ None, _) = (link.flag_id, link.activation_id) {
                let message = "expected a flag's id and an activation's id, found null";
                let subject = RowRef::link(0, 0).violation(ViolationKind::Value, message);
                found.push(Violation { id: flag, name: String::new(), ..subject });
            }
        }
    }
    found
}

/// # Errors
/// [`Error::Constraint`] with all [`violations`] of these changes.
pub(super) fn check(changes: &[Change]) -> Result<()> {
    let found: Vec<_> = changes.iter().flat_map(violations).collect();
    if found.is_empty() { Ok(()) } else { Err(Error::Constraint(found)) }
}

fn check_id(subject: &RowRef, id: i64, found: &mut Vec<Violation>) {
    // MySQL takes 0 for "choose an id".
    if id < 1 {
        let message = format!("expected an id of 1 or more, found {id}");
        found.push(subject.field("id", ViolationKind::Value, message));
    }
}

/// Code and people name flags: a name that looks like another, or like none, is a mistake.
fn check_flag_name(subject: &RowRef, name: &str, found: &mut Vec<Violation>) {
    if name.trim().is_empty() {
        found.push(subject.field("name", ViolationKind::Value, "expected a name that is not empty"));
    } else if name.trim() != name {
        found.push(subject.field("name", ViolationKind::Value, "expected a name without blanks around it"));
    }
    check_name(subject, "name", name, found);
}

fn check_name(subject: &RowRef, column: &'static str, name: &str, found: &mut Vec<Violation>) {
    let length = name.chars().count();
    if length > MAX_NAME {
        let message = format!("expected at most {MAX_NAME} characters, found {length}");
        found.push(subject.field(column, ViolationKind::TooLong, message));
    }
    check_text(subject, column, Some(name), found);
}

/// PostgreSQL stores no text with NUL in it.
fn check_text(
    subject: &RowRef,
    column: impl Into<Cow<'static, str>>,
    text: Option<&str>,
    found: &mut Vec<Violation>,
) {
    if text.is_some_and(|text| text.contains('\0')) {
        found.push(subject.field(column, ViolationKind::Value, "expected text without NUL characters"));
    }
}

fn check_metadata(subject: &RowRef, metadata: &FlagMetadata, found: &mut Vec<Violation>) {
    check_text(subject, "description", metadata.description.as_deref(), found);
    check_text(subject, "owner", metadata.owner.as_deref(), found);
    check_text(subject, "variants", metadata.variants.as_deref(), found);
    check_name(subject, "default_variant", metadata.default_variant.as_deref().unwrap_or_default(), found);
    check_name(subject, "off_variant", metadata.off_variant.as_deref().unwrap_or_default(), found);
    check_text(subject, "metadata", metadata.metadata.as_deref(), found);
    for (index, tag) in metadata.tags.iter().enumerate() {
        check_text(subject, format!("tags[{index}]"), Some(tag), found);
    }
    if metadata.expires_at.is_some_and(|time| !(1970..=9999).contains(&time.year())) {
        let message = "expected a time in the years 1970 to 9999";
        found.push(subject.field("expires_at", ViolationKind::Value, message));
    }
}

/// An id that another row of the table has.
pub(super) fn taken_id(subject: &RowRef) -> Violation {
    subject.field("id", ViolationKind::Duplicate, "another row has this id")
}

/// A flag's name that the flag with the id `other` has.
pub(super) fn taken_name(id: i64, name: &str, other: i64) -> Violation {
    let message = format!("flags#{other} already has this name");
    RowRef::flag(id, name).field("name", ViolationKind::Duplicate, message)
}

/// The same if the database does not say which of the two it is.
#[cfg(feature = "sql")]
pub(super) fn duplicate_flag(id: i64, name: &str) -> Violation {
    RowRef::flag(id, name).violation(ViolationKind::Duplicate, "another flag has this id or this name")
}

pub(super) fn duplicate_link(flag: i64, activation: i64) -> Violation {
    let message = "the flag is linked to the activation already";
    RowRef::link(flag, activation).violation(ViolationKind::Duplicate, message)
}

pub(super) fn duplicate_member(activation: i64, member: &str) -> Violation {
    let message = "the activation has this member already";
    RowRef::member(activation, member).violation(ViolationKind::Duplicate, message)
}

pub(super) fn missing(row: RowRef) -> Violation {
    row.violation(ViolationKind::Missing, "there is no such row")
}

/// A link that does not exist.
pub(super) fn missing_link(flag: i64, activation: i64) -> Violation {
    let message = format!("flags#{flag} is not linked to activations#{activation}");
    RowRef::link(flag, activation).violation(ViolationKind::Missing, message)
}

/// A link to a flag that does not exist.
pub(super) fn missing_flag(flag: i64, activation: i64) -> Violation {
    let message = format!("flags#{flag} was not found");
    RowRef::link(flag, activation).field("flag_id", ViolationKind::Reference, message)
}

/// A link to an activation that does not exist.
pub(super) fn missing_linked(flag: i64, activation: i64) -> Violation {
    let message = format!("activations#{activation} was not found");
    RowRef::link(flag, activation).field("activation_id", ViolationKind::Reference, message)
}

/// The same if the database does not say which of the two it is.
#[cfg(feature = "sql")]
pub(super) fn missing_end(flag: i64, activation: i64) -> Violation {
    let message = format!("flags#{flag} or activations#{activation} was not found");
    RowRef::link(flag, activation).violation(ViolationKind::Reference, message)
}

/// A member of an activation that does not exist.
pub(super) fn missing_activation(id: i64) -> Violation {
    RowRef::id("activations", id).violation(ViolationKind::Reference, "there is no such row")
}

/// An activation that flags are linked to; without names if they are not known.
pub(super) fn activation_in_use(id: i64, flags: &[&str]) -> Violation {
    let names: Vec<_> = flags.iter().map(|name| format!("{name:?}")).collect();
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let message = format!("linked flags must be unlinked first{names}");
    RowRef::id("activations", id).violation(ViolationKind::InUse, message)
}
