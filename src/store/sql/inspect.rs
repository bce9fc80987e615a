//! Whether the tables, functions and triggers of a database are those that novi makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::store::{
    decode::Cell,
    sql::{
        connection::{Connection, Statement},
        definition::{self, normalized},
        dialect::{Dialect, SequenceSql, sequence_problem},
        names::Names,
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
    /// What migrations cannot repair, with what to do.
    pub(super) obstacles: Vec<String>,
}

impl Problems {
    /// Whether migrations have nothing to repair.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
            && self.columns.is_empty()
            && self.triggers.is_empty()
            && self.others.is_empty()
    }

    /// What migrations repair.
    pub(super) fn into_list(self) -> Vec<String> {
        [self.tables, self.columns, self.triggers, self.others].concat()
    }
}

/// The problem of a database whose server refused to make triggers.
pub(super) const REFUSED: &str = "the triggers are missing: the server refused to create them";

/// The problems of triggers that run as another user than the one that changes rows.
pub(super) const NO_DEFINER: &str =
    "the triggers run as a database user that does not exist, so changes of rows fail";
#[cfg(feature = "mysql")]
pub(super) const DEFINER_WITHOUT_RIGHTS: &str =
    "the triggers run as a database user that has lost its rights, so changes of rows fail";

/// What the migrations make, read from their text. Names are those of the database.
#[derive(Default)]
struct Expected {
    tables: BTreeSet<String>,
    /// By name, with their definitions.
    functions: BTreeMap<String, String>,
    triggers: BTreeMap<String, Trigger>,
}

struct Trigger {
    table: String,
    definition: String,
}

impl Expected {
    fn of(dialect: &Dialect, names: &Names) -> Self {
        let mut expected = Self::default();
        for &(_, _, sql) in dialect.migrations {
            let sql = names.sql(sql);
            let mut rest = &*sql;
            while let Some((line, after)) = rest.split_once('\n') {
                expected.add(line, rest, dialect, names);
                rest = after;
            }
        }
        expected
    }

    /// Adds what a line makes, which is the first one of `rest`.
    fn add(&mut self, line: &str, rest: &str, dialect: &Dialect, names: &Names) {
        let after = |words| {
            let (_, rest) = line.split_once(words)?;
            rest.split([' ', '(', ';']).next().map(str::to_owned)
        };
        self.tables.extend(after("table if not exists "));
        if line.starts_with("create or replace function ") {
            let definition = function(rest).map(|text| normalized(text, dialect.syntax));
            self.functions.extend(after("function ").zip(definition));
        } else if line.starts_with("create ") {
            // The others are for people and their programs, and a server may refuse to make them.
            let others = ["novi_overview", "novi_exposures"].map(|name| names.of(name));
            self.tables.extend(after(" view ").filter(|name| !others.contains(name)));
            let trigger = after(" on ").zip(trigger(rest));
            let trigger =
                trigger.map(|(table, text)| Trigger { table, definition: trigger_definition(text, dialect) });
            self.triggers.extend(after(" trigger ").zip(trigger));
        }
    }
}

/// From the language of a function to its end.
fn function(text: &str) -> Option<&str> {
    let (_, from) = text.split_once(" returns ")?;
    let from = from.get(from.find("language ")?..)?;
    let body = from.find("$$")?.checked_add(2)?;
    let end = from.get(body..)?.find("$$")?;
    from.get(..body.checked_add(end)?)
}

/// A statement that creates a trigger, to the end of its body.
fn trigger(text: &str) -> Option<&str> {
    let end = match (text.find("\nbegin\n"), text.find(';')) {
        (Some(body), Some(end)) if body < end => text.find("\nend;")?.checked_add(4)?,
        (_, end) => end?,
    };
    text.get(..end)
}

fn trigger_definition(text: &str, dialect: &Dialect) -> String {
    let text = normalized(text, dialect.syntax);
    if dialect.read.prints_triggers { definition::words(&text) } else { text }
}

/// An object of the catalog.
#[derive(Default)]
struct Object {
    /// `table`, `function` or `trigger`; `right` for a right of the user.
    kind: String,
    name: String,
    /// Empty if the object is in effect.
    state: String,
    /// Of a trigger.
    table: String,
    /// Of a function or a trigger.
    definition: String,
    /// Differs once a function or a trigger was changed or made again.
    version: String,
}

/// All objects of novi's place.
struct Found(Vec<Object>);

impl Found {
    fn has(&self, kind: &str, name: &str) -> bool {
        self.named(kind, name).next().is_some()
    }

    /// Whether a table is there and row-level security applies to the user.
    fn hides_rows(&self, table: &str) -> bool {
        self.named("table", table).any(|found| !found.state.is_empty())
    }

    fn named(&self, kind: &str, name: &str) -> impl Iterator<Item = &Object> {
        self.0.iter().filter(move |object| object.kind == kind && object.name == name)
    }

    /// What is wrong with a trigger. A table that was renamed and replaced has taken its triggers along.
    fn problem_of_trigger(&self, name: &str, expected: &Trigger, dialect: &Dialect) -> Option<String> {
        let mut triggers = self.named("trigger", name);
        let Some(trigger) = triggers.find(|found| found.table == expected.table) else {
            return Some(match self.named("trigger", name).next() {
                Some(other) => format!("a trigger of {} instead", other.table),
                None => "missing".to_owned(),
            });
        };
        if !trigger.state.is_empty() {
            return Some(trigger.state.clone());
        }
        (trigger_definition(&trigger.definition, dialect) != expected.definition).then(|| CHANGED.to_owned())
    }

    fn problem_of_function(&self, name: &str, expected: &str, dialect: &Dialect) -> Option<&'static str> {
        if !self.has("function", name) {
            return Some("missing");
        }
        let is_expected = |found: &Object| normalized(&found.definition, dialect.syntax) == expected;
        (!self.named("function", name).any(is_expected)).then_some(CHANGED)
    }

    /// A digest of the versions of novi's functions and triggers.
    fn version(&self, names: &Names) -> u64 {
        let is_own = |object: &&Object| {
            names.plain(&object.name).is_some_and(|name| name.starts_with("novi_"))
                && !object.version.is_empty()
        };
        let own = self.0.iter().filter(is_own);
        let mut objects: Vec<_> = own.map(|object| (&object.name, &object.version)).collect();
        objects.sort_unstable();
        let mut hasher = DefaultHasher::new();
        objects.hash(&mut hasher);
        hasher.finish()
    }
}

/// A function or trigger with the right name.
const CHANGED: &str = "not the one that novi creates";

/// What the catalog says.
pub(super) struct Inspection {
    pub(super) problems: Problems,
    /// Differs once functions or triggers were disabled, changed or made again.
    pub(super) version: u64,
}

/// Which tables, functions and triggers are missing, disabled or changed: one query of the catalog.
pub(super) async fn objects(connection: &mut dyn Connection) -> Result<Inspection, sqlx::Error> {
    let dialect = connection.dialect();
    let found = connection.rows(Statement::new(dialect.read.objects), |cells| {
        let mut next = || cells.next().and_then(Cell::into_optional_text).unwrap_or_default();
        Object {
            kind: next(),
            name: next(),
            state: next(),
            table: next(),
            definition: next(),
            version: next(),
        }
    });
    let found = Found(found.await?);
    let names = connection.names().clone();
    let version = found.version(&names);
    let expected = Expected::of(dialect, &names);
    let mut problems = Problems::default();
    // MySQL shows each user what the user has rights on.
    let shows = |right| !dialect.read.hides_objects || found.has("right", right);
    if shows("SELECT") {
        let tables = expected.tables.iter().filter(|name| !found.has("table", name));
        problems.tables.extend(tables.map(|name| format!("the table {name} is missing")));
    }
    for name in expected.tables.iter().filter(|name| found.hides_rows(name)) {
        problems.obstacles.push(format!(
            "row-level security hides rows of {name} from this user: disable it, or grant BYPASSRLS or a policy for all rows"
        ));
    }
    if let Some(sql) = dialect.read.other_place
        && let Some(obstacle) = connection.text(Statement::new(sql)).await?
    {
        problems.obstacles.push(obstacle);
    }
    let mut changed = Vec::new();
    for (name, definition) in &expected.functions {
        match found.problem_of_function(name, definition, dialect) {
            Some(CHANGED) => changed.push(format!("the function {name} is {CHANGED}")),
            Some(problem) => problems.tables.push(format!("the function {name} is {problem}")),
            None => (),
        }
    }
    if shows("TRIGGER") {
        for (name, trigger) in &expected.triggers {
            if let Some(problem) = found.problem_of_trigger(name, trigger, dialect) {
                let list = if problem == CHANGED { &mut changed } else { &mut problems.triggers };
                list.push(format!("the trigger {name} of {} is {problem}", trigger.table));
            }
        }
    }
    if !changed.is_empty() && !is_newer(connection).await? {
        problems.triggers.extend(changed);
    }
    if problems.is_empty() && lacks_triggers(connection).await? {
        problems.triggers.push(REFUSED.to_owned());
    }
    if problems.tables.is_empty() {
        let count = connection.integer(Statement::new("select count(*) from novi_revision")).await?;
        if count.unwrap_or_default() < dialect.read.slots {
            let table = names.of("novi_revision");
            problems.triggers.push(format!("the table {table} lacks rows, which triggers update"));
        }
        let behind = lagging_sequences(connection).await?;
        problems.others.extend(behind.iter().map(|table| sequence_problem(table)));
    }
    if let Some(sql) = dialect.read.definers {
        // Not everybody may read it.
        match connection.integer(Statement::new(sql)).await {
            Ok(Some(1..)) => {
                problems.others.push(NO_DEFINER.to_owned());
            }
            Ok(_) => (),
            Err(error) => tracing::debug!("could not read the users of triggers: {error}"),
        }
    }
    Ok(Inspection { problems, version })
}

/// Whether a newer novi has migrated the database, whose functions and triggers may be others.
async fn is_newer(connection: &mut dyn Connection) -> Result<bool, sqlx::Error> {
    let dialect = connection.dialect();
    // On PostgreSQL an error would end the transaction.
    if let Some(sql) = dialect.read.may_read_migrations
        && connection.integer(Statement::new(sql)).await? != Some(1)
    {
        return Ok(false);
    }
    let latest = connection.integer(Statement::new("select max(version) from novi_migrations")).await;
    let known = dialect.migrations.last().map_or(0, |(version, ..)| *version);
    Ok(matches!(latest, Ok(Some(version)) if version > known))
}

/// As [`objects`], with the columns of the tables.
pub(super) async fn problems(connection: &mut dyn Connection) -> Result<Problems, sqlx::Error> {
    let mut problems = objects(connection).await?.problems;
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
    Ok(problems)
}

/// The tables whose sequences are behind their rows. An error would end the transaction on PostgreSQL, and not
/// everybody may read all tables.
async fn lagging_sequences(connection: &mut dyn Connection) -> Result<Vec<String>, sqlx::Error> {
    let Some(SequenceSql { may_read, behind }) = connection.dialect().read.sequences else {
        return Ok(Vec::new());
    };
    if connection.integer(Statement::new(may_read)).await? != Some(1) {
        return Ok(Vec::new());
    }
    let table =
        |cells: &mut dyn Iterator<Item = Cell>| cells.next().map_or_else(String::new, Cell::into_text);
    connection.rows(Statement::new(behind), table).await
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
