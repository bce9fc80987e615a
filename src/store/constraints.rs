//! The rules of the tables, in one place: every store refuses the same changes in the same words.

use crate::{
    rows::{
        FlagMetadata,
        violation::{MAX_NAME, RowRef, Violation, ViolationKind},
    },
    store::change::Change,
};

/// Refuses what some of the databases cannot hold, so that none does.
pub(super) fn check(change: &Change) -> Result<(), Violation> {
    match change {
        Change::SetStatus { .. } | Change::DeleteFlag { .. } | Change::DeleteActivation { .. } => Ok(()),
        Change::InsertFlag(row) => {
            let subject = RowRef::flag(row.id, &row.name);
            check_id(&subject, row.id)?;
            check_name(&subject, "name", &row.name)?;
            check_metadata(&subject, &row.metadata)
        }
        Change::RenameFlag { id, name } => check_name(&RowRef::flag(*id, name), "name", name),
        Change::InsertActivation(row) | Change::UpdateActivation(row) => {
            let subject = RowRef::activation(row.id, &row.name);
            check_id(&subject, row.id)?;
            check_name(&subject, "name", &row.name)?;
            check_name(&subject, "class_name", &row.class_name)?;
            check_text(&subject, "config", row.config.as_deref())
        }
        Change::InsertMember(row) => {
            check_name(&RowRef::member(row.activation_id, &row.member), "member", &row.member)
        }
        Change::DeleteMember { activation_id, member } => {
            check_text(&RowRef::member(*activation_id, member), "member", Some(member))
        }
        Change::SetMetadata { flag_id, metadata } => check_metadata(&RowRef::id("flags", *flag_id), metadata),
        Change::Link(link) | Change::Unlink(link) => match (link.flag_id, link.activation_id) {
            (Some(_), Some(_)) => Ok(()),
            (flag, _) => {
                let mut subject = RowRef::link(0, 0).violation(
                    ViolationKind::Value,
                    "expected a flag's id and an activation's id, found null",
                );
                (subject.id, subject.name) = (flag, String::new());
                Err(subject)
            }
        },
    }
}

fn check_id(subject: &RowRef, id: i64) -> Result<(), Violation> {
    // MySQL takes 0 for "choose an id".
    if id < 1 {
        let message = format!("expected an id of 1 or more, found {id}");
        return Err(subject.clone().violation(ViolationKind::Value, message));
    }
    Ok(())
}

fn check_name(subject: &RowRef, column: &'static str, name: &str) -> Result<(), Violation> {
    let length = name.chars().count();
    if length > MAX_NAME {
        let message = format!("expected at most {MAX_NAME} characters, found {length}");
        return Err(subject.field(column, ViolationKind::TooLong, message));
    }
    check_text(subject, column, Some(name))
}

/// PostgreSQL stores no text with NUL in it.
fn check_text(subject: &RowRef, column: &'static str, text: Option<&str>) -> Result<(), Violation> {
    if text.is_some_and(|text| text.contains('\0')) {
        let message = "expected text without NUL characters".to_owned();
        return Err(subject.field(column, ViolationKind::Value, message));
    }
    Ok(())
}

fn check_metadata(subject: &RowRef, metadata: &FlagMetadata) -> Result<(), Violation> {
    check_text(subject, "description", metadata.description.as_deref())?;
    check_text(subject, "owner", metadata.owner.as_deref())?;
    check_text(subject, "variants", metadata.variants.as_deref())?;
    check_name(subject, "default_variant", metadata.default_variant.as_deref().unwrap_or_default())
}

pub(super) fn duplicate_flag(id: i64, name: &str) -> Violation {
    RowRef::flag(id, name).violation(ViolationKind::Duplicate, "another flag has this id or this name")
}

pub(super) fn duplicate_activation(id: i64, name: &str) -> Violation {
    RowRef::activation(id, name).violation(ViolationKind::Duplicate, "another activation has this id")
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

/// A link to a flag or an activation that does not exist.
pub(super) fn missing_end(flag: i64, activation: i64) -> Violation {
    let message = format!("there is no flag {flag} or no activation {activation}");
    RowRef::link(flag, activation).violation(ViolationKind::Reference, message)
}

/// A member of an activation that does not exist.
pub(super) fn missing_activation(id: i64) -> Violation {
    RowRef::id("activations", id).violation(ViolationKind::Reference, "there is no such row")
}

pub(super) fn activation_in_use(id: i64) -> Violation {
    let message = "flags are linked to it; unlink them first";
    RowRef::id("activations", id).violation(ViolationKind::InUse, message)
}
