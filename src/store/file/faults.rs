//! Faults of rows, which are no part of the rows' own JSON: without them an invalid row would be read back as
//! a valid one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    error::snapshot_file::SnapshotFault,
    rows::{Fault, Rows},
};

/// A fault with the position of its row.
#[derive(Serialize, Deserialize)]
pub(super) struct RowFault<'a> {
    list: List,
    index: usize,
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    column: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// The lists of rows whose rows have faults.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum List {
    Flags,
    Activations,
    Members,
}

/// Faults refer to tables and columns by static strings: these.
const NAMES: [&str; 27] = [
    "flags",
    "flag_metadata",
    "activations",
    "activation_members",
    "id",
    "name",
    "status",
    "description",
    "owner",
    "expires_at",
    "tags",
    "override_allowed",
    "exposed",
    "fail_mode",
    "variants",
    "value_type",
    "default_variant",
    "off_variant",
    "metadata",
    "row_version",
    "created_at",
    "updated_at",
    "class_name",
    "config",
    "activation_id",
    "member",
    "denied",
];

impl<'a> RowFault<'a> {
    pub(super) fn all_of(rows: &'a Rows) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |list, index, fault: &'a Fault| {
            let (table, column) = (fault.table.into(), fault.column.into());
            all.push(Self { list, index, table, column, message: fault.message.as_str().into() });
        };
        for (index, row) in rows.flags.iter().enumerate() {
            row.faults.iter().for_each(|fault| add(List::Flags, index, fault));
        }
        for (index, row) in rows.activations.iter().enumerate() {
            row.faults.iter().for_each(|fault| add(List::Activations, index, fault));
        }
        for (index, row) in rows.members.iter().enumerate() {
            row.fault.iter().for_each(|fault| add(List::Members, index, fault));
        }
        all
    }

    pub(super) fn put_into(self, rows: &mut Rows) -> Result<(), SnapshotFault> {
        let unknown = |name: &str| SnapshotFault::damaged(format!("a fault of {name:?}"));
        let named = |name: &str| {
            let known = NAMES.iter().find(|known| **known == name);
            known.copied().ok_or_else(|| unknown(name))
        };
        let (table, column) = (named(&self.table)?, named(&self.column)?);
        let fault = Fault { table, column, message: self.message.into_owned() };
        let lost = || SnapshotFault::damaged(format!("a fault of row {}", self.index));
        match self.list {
            List::Flags => rows.flags.get_mut(self.index).ok_or_else(lost)?.faults.push(fault),
            List::Activations => rows.activations.get_mut(self.index).ok_or_else(lost)?.faults.push(fault),
            List::Members => {
                rows.members.get_mut(self.index).ok_or_else(lost)?.fault = Some(Box::new(fault));
            }
        }
        Ok(())
    }
}
