//! The sentences of refused changes, and the rules that hold before any table is asked: one place, so that every
//! store refuses the same things in the same words.

use crate::error::{Error, Result};
use crate::store::Change;

/// The longest name that every database keeps whole, in characters.
pub(super) const LONGEST_NAME: usize = 255;

/// Refuses what some of the databases can not hold, so that none does.
pub(super) fn check(change: &Change) -> Result<()> {
    match change {
        Change::SetStatus { .. } | Change::DeleteFlag { .. } | Change::DeleteActivation { .. } => Ok(()),
        Change::InsertFlag(row) => {
            let what = flag(row.id, &row.name);
            check_id(&what, row.id)?;
            check_name(&what, "name", &row.name)?;
            check_metadata(&what, &row.metadata)
        }
        Change::RenameFlag { id, name } => check_name(&flag(*id, name), "name", name),
        Change::InsertActivation(row) | Change::UpdateActivation(row) => {
            let what = activation(row.id, &row.name);
            check_id(&what, row.id)?;
            check_name(&what, "name", &row.name)?;
            check_name(&what, "class_name", &row.class_name)?;
            check_text(&what, "config", row.config.as_deref())
        }
        Change::InsertMember(row) => {
            check_name(&member(row.activation_id, &row.member), "member", &row.member)
        }
        Change::DeleteMember { activation_id, member: text } => {
            check_text(&member(*activation_id, text), "member", Some(text))
        }
        Change::SetMetadata { flag_id, metadata } => check_metadata(&format!("flags#{flag_id}"), metadata),
        Change::Link(link) | Change::Unlink(link) => {
            if link.flag_id.is_none() || link.activation_id.is_none() {
                return Err(Error::Refused(
                    "flags_activations: expected a flag's id and an activation's id, found null".to_owned(),
                ));
            }
            Ok(())
        }
    }
}

fn check_id(what: &str, id: i64) -> Result<()> {
    // MySQL takes 0 for "choose an id".
    if id < 1 {
        return Err(Error::Refused(format!("{what}: expected an id of 1 or more, found {id}")));
    }
    Ok(())
}

fn check_name(what: &str, column: &str, name: &str) -> Result<()> {
    let length = name.chars().count();
    if length > LONGEST_NAME {
        return Err(Error::Refused(format!(
            "{what}: {column}: expected at most {LONGEST_NAME} characters, found {length}"
        )));
    }
    check_text(what, column, Some(name))
}

/// PostgreSQL has no text with NUL in it.
fn check_text(what: &str, column: &str, text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.contains('\0')) {
        return Err(Error::Refused(format!("{what}: {column}: expected text without NUL characters")));
    }
    Ok(())
}

fn check_metadata(what: &str, metadata: &crate::rows::FlagMetadata) -> Result<()> {
    check_text(what, "description", metadata.description.as_deref())?;
    check_text(what, "owner", metadata.owner.as_deref())?;
    check_text(what, "variants", metadata.variants.as_deref())?;
    check_name(what, "default_variant", metadata.default_variant.as_deref().unwrap_or_default())
}

/// `flags#7 "Combo AND"`
pub(super) fn flag(id: i64, name: &str) -> String {
    format!("flags#{id} {:?}", shortened(name))
}

/// `activations#7 "Office hours"`
pub(super) fn activation(id: i64, name: &str) -> String {
    format!("activations#{id} {:?}", shortened(name))
}

pub(super) fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(40).chain(['…']).collect()
}

pub(super) fn flag_taken(id: i64, name: &str) -> String {
    format!("{}: another flag has this id or this name", flag(id, name))
}

pub(super) fn activation_taken(id: i64, name: &str) -> String {
    format!("{}: another activation has this id", activation(id, name))
}

pub(super) fn no_such_row(table: &str, id: i64) -> String {
    format!("{table}#{id}: there is no such row")
}

pub(super) fn activation_in_use(id: i64) -> String {
    format!("activations#{id}: flags are linked to it; unlink them first")
}

pub(super) fn link(flag: i64, activation: i64) -> String {
    format!("flags_activations({flag}, {activation})")
}

/// `activation_members(7, "user-7")`
pub(super) fn member(activation: i64, member: &str) -> String {
    format!("activation_members({activation}, {:?})", shortened(member))
}

pub(super) fn member_taken(activation: i64, text: &str) -> String {
    format!("{}: the activation has this member already", member(activation, text))
}

pub(super) fn no_such_member(activation: i64, text: &str) -> String {
    format!("{}: there is no such row", member(activation, text))
}

pub(super) fn link_taken(flag: i64, activation: i64) -> String {
    format!("{}: the flag is linked to the activation already", link(flag, activation))
}

pub(super) fn link_ends(flag: i64, activation: i64) -> String {
    format!("{}: there is no flag {flag} or no activation {activation}", link(flag, activation))
}

pub(super) fn no_such_link(flag: i64, activation: i64) -> String {
    format!("{}: there is no such row", link(flag, activation))
}
