//! Rows of a SQLite database, read by whatever runs SQL there.
//!
//! The stores of this crate use sqlx. An extension in SQLite itself, or a program with other bindings, runs the same
//! statements and reads the same rows: a value that cannot be read is a fault of its row here as well.

use crate::{
    rows::{Revision, Rows},
    store::{decode, table_prefix},
};

pub use crate::store::decode::Cell;

pub(super) const REVISION: &str = "select sum(revision), max(stamp) from novi_revision";

pub(super) const FLAGS: &str = "select f.id, f.name, f.status, m.flag_id, m.description, m.owner, m.expires_at, \
    m.tags, m.override_allowed, m.exposed, m.fail_mode, m.variants, m.value_type, m.default_variant, m.off_variant, \
    m.metadata, m.row_version, m.created_at, m.updated_at \
    from flags f left join flag_metadata m on m.flag_id = f.id";

pub(super) const ACTIVATIONS: &str = "select a.id, a.name, a.class_name, a.config, v.row_version \
    from activations a left join activation_metadata v on v.activation_id = a.id";

pub(super) const LINKS: &str = "select flag_id, activation_id from flags_activations l";

pub(super) const MEMBERS: &str = "select activation_id, member, denied from activation_members m";

/// The tables of a database: of its schema `main`, whose names may have a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    prefix: String,
}

/// Runs a statement, and passes the cells of each row to a function.
pub type Run<'a, E> = dyn FnMut(&str, &mut dyn FnMut(&mut dyn Iterator<Item = Cell>)) -> Result<(), E> + 'a;

impl Tables {
    /// Tables whose names begin with a prefix, such as `acme_`; an empty one is none.
    ///
    /// # Errors
    /// A sentence if the prefix is invalid.
    pub fn new(prefix: &str) -> Result<Self, String> {
        table_prefix::check(prefix)?;
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// What the names of the tables begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The statement that reads the revision.
    #[must_use]
    pub fn revision_sql(&self) -> String {
        self.sql(REVISION)
    }

    /// The revision, from the cells of its row.
    pub fn revision(cells: &mut dyn Iterator<Item = Cell>) -> Revision {
        let mut next = || cells.next().and_then(Cell::into_integer).unwrap_or_default();
        Revision::new(next()).stamped(next())
    }

    /// All rows of a revision. To be called in the transaction in which the revision was read.
    ///
    /// # Errors
    /// Those of `run`.
    pub fn read<E>(&self, revision: Revision, run: &mut Run<'_, E>) -> Result<Rows, E> {
        let mut rows = Rows { revision, ..Rows::default() };
        let sql = |statement, order| format!("{} order by {order}", self.sql(statement));
        run(&sql(FLAGS, "f.id"), &mut |cells| rows.flags.push(decode::flag(cells)))?;
        run(&sql(ACTIVATIONS, "a.id"), &mut |cells| rows.activations.push(decode::activation(cells)))?;
        run(&sql(LINKS, "l.flag_id, l.activation_id"), &mut |cells| rows.links.push(decode::link(cells)))?;
        run(&sql(MEMBERS, "m.activation_id, m.member"), &mut |cells| {
            rows.members.push(decode::member(cells));
        })?;
        Ok(rows)
    }

    /// One of the statements above, whose tables all follow `from` or `join`. With the schema, since a temporary
    /// table of the same name would be read otherwise.
    fn sql(&self, statement: &str) -> String {
        let mut sql = statement.to_owned();
        for word in [" from ", " join "] {
            sql = sql.replace(word, &format!("{word}main.{}", self.prefix));
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_get_the_schema_and_the_prefix() {
        let tables = Tables::new("acme_").unwrap();
        assert_eq!(tables.revision_sql(), "select sum(revision), max(stamp) from main.acme_novi_revision");
        let mut statements = Vec::new();
        let rows = tables.read(Revision::new(7), &mut |sql, _| {
            statements.push(sql.to_owned());
            Ok::<_, ()>(())
        });
        assert_eq!(rows.unwrap(), Rows { revision: Revision::new(7), ..Rows::default() });
        for (statement, end) in statements.iter().zip([
            "from main.acme_flags f left join main.acme_flag_metadata m on m.flag_id = f.id order by f.id",
            "from main.acme_activations a left join main.acme_activation_metadata v on v.activation_id = a.id \
             order by a.id",
            "from main.acme_flags_activations l order by l.flag_id, l.activation_id",
            "from main.acme_activation_members m order by m.activation_id, m.member",
        ]) {
            assert!(statement.ends_with(end), "{statement}");
        }
        assert_eq!(statements.len(), 4);
    }

    #[test]
    fn invalid_prefixes_are_rejected() {
        let problem = Tables::new("Acme; drop table flags").unwrap_err();
        assert!(problem.contains("at most 20 lower-case letters"), "{problem}");
    }

    #[test]
    fn rows_are_read_from_cells() {
        let mut cells = [Cell::Integer(3), Cell::Integer(-9)].into_iter();
        assert_eq!(Tables::revision(&mut cells), Revision::new(3).stamped(-9));
        let read = Tables::default().read(Revision::default(), &mut |sql, each| {
            if sql.contains("from main.flags ") {
                each(&mut [Cell::Integer(1), Cell::Text("A".to_owned()), Cell::Integer(2)].into_iter());
            }
            Ok::<_, ()>(())
        });
        let flags = read.unwrap().flags;
        assert_eq!((flags[0].id, flags[0].name.as_str()), (1, "A"));
        assert_eq!(flags[0].faults[0].message, "expected true or false (1 or 0), found 2");
    }
}
