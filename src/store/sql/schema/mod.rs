//! The tables and their columns: the one list from which the triggers of `migrations/`, the comments in the
//! databases and the tables of `docs/schema.md` are generated (see `generate`).

#[cfg(test)]
mod generate;
mod tables;

pub(super) use tables::TABLES;

/// A table.
#[cfg_attr(not(test), expect(dead_code, reason = "for the generator"))]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// For whom the table is.
    group: Group,
    description: &'static str,
    pub(super) columns: &'static [Column],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Python novi has it, too: it may be adopted.
    Core,
    /// People edit it.
    Editable,
    /// novi's own, but to be backed up.
    Kept,
    /// novi's own.
    Bookkeeping,
}

#[cfg_attr(not(test), expect(dead_code, reason = "for the generator"))]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// For SQLite, PostgreSQL and MySQL.
    types: [&'static str; 3],
    is_nullable: bool,
    role: Role,
    description: &'static str,
}

/// Who writes a column, and whether records have it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// SQLite's row id, or another number that identifies the row; people choose it or leave it out.
    Key,
    /// People write it: a change of it is a change of the row.
    Value,
    /// novi's triggers keep it; records have it.
    Recorded,
    /// novi's triggers keep it; records do not have it.
    Kept,
}
