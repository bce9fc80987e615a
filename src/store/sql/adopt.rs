//! Adopting tables that exist: those of Python novi, and no others.

use sqlx::migrate::MigrateError;

use crate::store::{
    decode::Cell,
    sql::connection::{Connection, Statement},
};

/// What a core table's column has to hold.
#[derive(Clone, Copy)]
enum Content {
    Integer,
    Boolean,
    Text,
}

const CORE: [(&str, &[(&str, Content)]); 3] = [
    ("flags", &[("id", Content::Integer), ("name", Content::Text), ("status", Content::Boolean)]),
    (
        "activations",
        &[
            ("id", Content::Integer),
            ("name", Content::Text),
            ("class_name", Content::Text),
            ("config", Content::Text),
        ],
    ),
    ("flags_activations", &[("flag_id", Content::Integer), ("activation_id", Content::Integer)]),
];

impl Content {
    /// Whether a column of this type, as the database calls it, can hold it. A column of SQLite may have no
    /// type.
    fn fits(self, data_type: &str) -> bool {
        let is = |parts: &[&str]| data_type.is_empty() || parts.iter().any(|part| data_type.contains(part));
        match self {
            Self::Integer => is(&["int", "serial"]) && !data_type.contains("interval"),
            Self::Boolean => is(&["bool", "int", "bit"]) && !data_type.contains("interval"),
            Self::Text => is(&["char", "text", "clob", "json", "blob"]),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "integers",
            Self::Boolean => "true or false",
            Self::Text => "text",
        }
    }
}

/// Refuses to adopt a table that only has the name of one of novi's.
pub(super) async fn check_core_tables(connection: &mut dyn Connection) -> Result<(), MigrateError> {
    let columns = connection.rows(Statement::new(connection.dialect().read.core_columns), |cells| {
        let mut next = || cells.next().map_or_else(String::new, Cell::into_text).to_lowercase();
        [next(), next(), next()]
    });
    let columns = columns.await?;
    for (table, expected) in CORE {
        let found: Vec<_> = columns.iter().filter(|[of, ..]| of == table).collect();
        if found.is_empty() {
            continue;
        }
        for (column, content) in expected {
            let problem = match found.iter().find(|[_, name, _]| name == column) {
                None => format!("it has no column {column:?}"),
                Some([_, _, data_type]) if !content.fits(data_type) => {
                    format!("expected {} in column {column:?}, found the type {data_type:?}", content.name())
                }
                Some(_) => continue,
            };
            let message = format!(
                "the table {table:?} exists and is not one of novi: {problem}; nothing was changed; rename the table, or \
                 use a database or a schema of its own for novi"
            );
            return Err(MigrateError::Source(message.into()));
        }
    }
    Ok(())
}
