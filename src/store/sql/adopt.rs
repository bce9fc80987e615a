//! Adopting tables that exist: those of Python novi, and no others.

use sqlx::migrate::MigrateError;

use crate::store::{
    decode::Cell,
    sql::{
        connection::{Connection, Statement},
        inspect,
        schema::TABLES,
    },
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

/// The views with the names of novi's SQL.
async fn views(connection: &mut dyn Connection) -> Result<Vec<String>, MigrateError> {
    let sql = connection.dialect().read.views;
    let name = |cells: &mut dyn Iterator<Item = Cell>| cells.next().map_or_else(String::new, Cell::into_text);
    let mut views = connection.rows(Statement::new(sql), name).await?;
    views.retain_mut(|view| connection.names().strip(view));
    Ok(views)
}

/// Rejects tables and views that only have the name of one of novi's tables.
pub(super) async fn check_core_tables(connection: &mut dyn Connection) -> Result<(), MigrateError> {
    let columns = inspect::columns(connection).await?;
    let mut problems = Vec::new();
    let views = views(connection).await?;
    for table in TABLES.iter().filter(|table| views.iter().any(|view| view == table.name)) {
        let name = connection.names().of(table.name);
        problems.push(format!("{name:?} is a view, and novi needs a table of this name"));
    }
    for (table, expected) in CORE {
        let found: Vec<_> = columns.iter().filter(|[of, ..]| of == table).collect();
        if found.is_empty() || views.iter().any(|view| view == table) {
            continue;
        }
        let list =
            |names: Vec<&str>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let names = || found.iter().map(|[_, name, _]| name.as_str());
        let missing =
            expected.iter().map(|(column, _)| *column).filter(|column| !names().any(|name| name == *column));
        let missing: Vec<_> = missing.collect();
        let unknown =
            names().filter(|name| expected.iter().all(|(column, _)| column != name)).collect::<Vec<_>>();
        let mut wrong = Vec::new();
        if !missing.is_empty() {
            wrong.push(format!("it has no column {}", list(missing)));
        }
        if !unknown.is_empty() {
            wrong.push(format!("it has columns that novi does not have: {}", list(unknown)));
        }
        for [_, name, data_type] in &found {
            if let Some((column, content)) = expected.iter().find(|(column, _)| column == name)
                && !content.fits(data_type)
            {
                let expected = content.name();
                wrong.push(format!("expected {expected} in column {column:?}, found the type {data_type:?}"));
            }
        }
        if !wrong.is_empty() {
            let table = connection.names().of(table);
            problems.push(format!("the table {table:?} exists and is not one of novi: {}", wrong.join("; ")));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let own_place = connection.dialect().own_place;
    let message = format!(
        "{}. Nothing was changed. Give novi's tables other names: `table_prefix = \"novi_\"` in the section [database] of \
         novi.toml; or {own_place}",
        problems.join(". Also, ")
    );
    Err(MigrateError::Source(message.into()))
}
