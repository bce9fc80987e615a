//! Whether the tables, functions and triggers of a database are those that novi makes.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::{
    decode::Cell,
    sql::{
        connection::{Connection, Statement},
        dialect::Migrations,
        schema::TABLES,
    },
};

/// What is wrong with the tables, as sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problems {
    /// Tables, views and functions.
    pub(super) tables: Vec<String>,
    /// Columns, which no migration adds.
    pub(super) columns: Vec<String>,
    /// Triggers that do not see changes.
    pub(super) triggers: Vec<String>,
    /// What hinders changes, but does not hide them.
    pub(super) others: Vec<String>,
}

impl Problems {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
            && self.columns.is_empty()
            && self.triggers.is_empty()
            && self.others.is_empty()
    }

    pub(super) fn into_list(self) -> Vec<String> {
        [self.tables, self.columns, self.triggers, self.others].concat()
    }
}

/// The problem of a database whose server refused to make triggers.
pub(super) const REFUSED: &str = "the triggers are missing: the server refused to create them";

/// What the migrations make, read from their text.
#[derive(Default)]
struct Expected {
    tables: BTreeSet<&'static str>,
    functions: BTreeSet<&'static str>,
    /// By name, with their tables.
    triggers: BTreeMap<&'static str, &'static str>,
}

impl Expected {
    fn of(migrations: Migrations) -> Self {
        let mut expected = Self::default();
        for line in migrations.iter().flat_map(|(_, _, sql)| sql.lines()) {
            let after =
                |words| line.split_once(words).and_then(|(_, rest)| rest.split([' ', '(', ';']).next());
            expected.tables.extend(after("table if not exists "));
            if line.starts_with("create or replace function ") {
                expected.functions.extend(after("function "));
            } else if line.starts_with("create ") {
                // The other view is for people, and a server may refuse to make it.
                expected.tables.extend(after(" view ").filter(|name| *name != "novi_overview"));
                expected.triggers.extend(after(" trigger ").zip(after(" on ")));
            }
        }
        expected
    }
}

/// The kinds, names and states of objects: `kind, name, state, table`, of which the state is null if it is
/// well and the table is that of a trigger. Names are those of novi's SQL; the table's is that of the
/// database.
struct Found(Vec<[String; 4]>);

impl Found {
    fn has(&self, kind: &str, name: &str) -> bool {
        self.0.iter().any(|[of, known, ..]| of == kind && known == name)
    }

    /// What is wrong with a trigger of a table, which is named as in the database. A table that was renamed
    /// and replaced has taken its triggers along.
    fn problem_of_trigger(&self, name: &str, table: &str) -> Option<String> {
        let triggers = || self.0.iter().filter(|[of, known, ..]| of == "trigger" && known == name);
        match (triggers().find(|[.., of]| of == table), triggers().next()) {
            (Some([_, _, state, _]), _) => Some(state.clone()).filter(|state| !state.is_empty()),
            (None, Some([.., of])) => Some(format!("a trigger of {of} instead")),
            (None, None) => Some("missing".to_owned()),
        }
    }
}

/// Which tables, functions and triggers are missing or disabled: one query of the catalog.
pub(super) async fn objects(connection: &mut dyn Connection) -> Result<Problems, sqlx::Error> {
    let dialect = connection.dialect();
    let found = connection.rows(Statement::new(dialect.read.objects), |cells| {
        let mut next = || cells.next().and_then(Cell::into_optional_text).unwrap_or_default();
        [next(), next(), next(), next()]
    });
    let mut found = Found(found.await?);
    let names = connection.names().clone();
    found.0.retain_mut(|[kind, name, ..]| kind == "right" || names.strip(name));
    let of = |name: &str| names.of(name);
    let expected = Expected::of(dialect.migrations);
    let mut problems = Problems::default();
    // MySQL shows each user what the user has rights on.
    let shows = |right| !dialect.read.hides_objects || found.has("right", right);
    if shows("SELECT") {
        let tables = expected.tables.iter().filter(|name| !found.has("table", name));
        problems.tables.extend(tables.map(|name| format!("the table {} is missing", of(name))));
    }
    let functions = expected.functions.iter().filter(|name| !found.has("function", name));
    problems.tables.extend(functions.map(|name| format!("the function {} is missing", of(name))));
    if shows("TRIGGER") {
        for (name, table) in &expected.triggers {
            if let Some(problem) = found.problem_of_trigger(name, &of(table)) {
                problems.triggers.push(format!("the trigger {} of {} is {problem}", of(name), of(table)));
            }
        }
    }
    if problems.is_empty() && lacks_triggers(connection).await? {
        problems.triggers.push(REFUSED.to_owned());
    }
    if problems.tables.is_empty() {
        let count = connection.integer(Statement::new("select count(*) from novi_revision")).await?;
        if count.unwrap_or_default() < dialect.read.slots {
            problems
                .triggers
                .push(format!("the table {} lacks rows, which triggers update", of("novi_revision")));
        }
    }
    if let Some(sql) = dialect.read.definers {
        // Not everybody may read it.
        match connection.integer(Statement::new(sql)).await {
            Ok(Some(1..)) => {
                let problem =
                    "the triggers run as a database user that does not exist, so changes of rows fail";
                problems.others.push(problem.to_owned());
            }
            Ok(_) => (),
            Err(error) => tracing::debug!("could not read the users of triggers: {error}"),
        }
    }
    Ok(problems)
}

/// As [`objects`], with the columns of the tables and what else migrations take care of. Not for a connection
/// that is in a transaction.
pub(super) async fn problems(connection: &mut dyn Connection) -> Result<Problems, sqlx::Error> {
    let mut problems = objects(connection).await?;
    let columns = columns(connection).await?;
    let names = connection.names().clone();
    for table in TABLES {
        let missing = |column: &&str| {
            columns.iter().any(|[of, ..]| of == table.name)
                && !columns.iter().any(|[of, name, _]| of == table.name && name == column)
        };
        let missing = table.columns.iter().map(|column| column.name).filter(missing);
        problems
            .columns
            .extend(missing.map(|name| format!("the column {name} of {} is missing", names.of(table.name))));
    }
    if problems.tables.is_empty()
        && let Some(sql) = connection.dialect().read.sequences
    {
        // Not everybody may read all tables.
        let behind = connection
            .rows(Statement::new(sql), |cells| cells.next().map_or_else(String::new, Cell::into_text));
        match behind.await {
            Ok(tables) => problems.others.extend(
                tables
                    .into_iter()
                    .map(|table| format!("the sequence of {table}.id is behind the rows, so inserts fail")),
            ),
            Err(error) => tracing::debug!("could not read the sequences: {error}"),
        }
    }
    Ok(problems)
}

/// Table, name and type of each column where novi's tables are. The tables have the names of novi's SQL.
pub(super) async fn columns(connection: &mut dyn Connection) -> Result<Vec<[String; 3]>, sqlx::Error> {
    let sql = connection.dialect().read.columns;
    let columns = connection.rows(Statement::new(sql), |cells| {
        let mut next = || cells.next().map_or_else(String::new, Cell::into_text).to_lowercase();
        [next(), next(), next()]
    });
    let mut columns = columns.await?;
    columns.retain_mut(|[table, ..]| connection.names().strip(table));
    Ok(columns)
}

/// Whether the server refused to make triggers when the tables were made.
pub(super) async fn lacks_triggers(connection: &mut dyn Connection) -> Result<bool, sqlx::Error> {
    match connection.dialect().missing_triggers {
        Some(sql) => Ok(connection.integer(Statement::new(sql)).await?.unwrap_or_default() > 0),
        None => Ok(false),
    }
}
