//! What novi says to a database: the statements and settings in which the three differ.

use crate::{error::Error, store::sql::script::Syntax};

/// Number, name and SQL of each migration of a database.
pub(super) type Migrations = &'static [(i64, &'static str, &'static str)];

pub struct Dialect {
    pub(super) syntax: Syntax,
    pub(super) migrations: Migrations,
    /// What errors call the database when the transaction is the caller's own.
    pub(in crate::store) of_transaction: &'static str,
    pub(super) failure: fn(&sqlx::Error) -> Failure,
    /// Whether parameters are `$1`, `$2`, ... and not `?`.
    pub(super) numbers_parameters: bool,
    /// Whether a statement is prepared once for each connection and kept.
    pub(super) keeps_statements: bool,
    /// What begins a transaction in which all reads see one moment, whatever the server's default is, and
    /// what runs before it.
    pub(super) before_read: Option<&'static str>,
    pub(super) begin_read: Option<&'static str>,
    /// What begins a transaction that writes.
    pub(super) begin_write: Option<&'static str>,
    /// Counts the kinds of triggers that the server refused to make, on a server that may.
    pub(super) missing_triggers: Option<&'static str>,
    /// Where tables are looked for, after the name of the store.
    pub(super) searched: &'static str,
    /// What to do to keep novi's tables apart from others, as the end of a sentence.
    pub(super) own_place: &'static str,
    pub(super) read: ReadSql,
    pub(super) write: WriteSql,
    pub(super) history: HistorySql,
    pub(super) usage: UsageSql,
    pub(super) assignments: AssignmentsSql,
    pub(super) tokens: TokenSql,
}

/// The statements that read rows. The tables are called `f`, `a`, `l` and `m`; a condition or an order
/// follows.
pub(super) struct ReadSql {
    /// `revision, stamp`: the sum of the numbers, and all stamps joined by xor
    pub(super) revision: &'static str,
    /// `slot, revision, stamp`
    pub(super) cursor: &'static str,
    /// `slot, revision, entity, entity_id, operation, before, after, follows` of the records of a slot above
    /// one revision and up to another, at most so many; rows before and after only for an update.
    pub(super) changes: &'static str,
    /// `id, name, status`, then `flag_id` of the metadata (null if there are none) and its other columns.
    pub(super) flags: &'static str,
    /// `id, name, class_name, config, row_version`
    pub(super) activations: &'static str,
    /// `flag_id, activation_id`
    pub(super) links: &'static str,
    /// `activation_id, member, denied`
    pub(super) members: &'static str,
    /// How many tables of this name exist where novi's tables are made.
    pub(super) has_table: &'static str,
    /// Table, name and type of the columns of the tables where novi's tables are.
    pub(super) columns: &'static str,
    /// The views where novi's tables are made.
    pub(super) views: &'static str,
    /// `kind, name, state, table, definition, version` of the tables, views, functions and triggers where
    /// novi's tables are; the state is null if an object is in effect. A `right` of the user on all of them is
    /// a kind, too.
    pub(super) objects: &'static str,
    /// What is wrong if new connections find tables elsewhere than this one, as a sentence.
    pub(super) other_place: Option<&'static str>,
    /// Whether definitions of triggers are printed from the catalog, and not the text that was run.
    pub(super) prints_triggers: bool,
    /// 1 if the user may read the migrations, on a database where an error would end the transaction.
    pub(super) may_read_migrations: Option<&'static str>,
    /// The number of rows of `novi_revision`.
    pub(super) slots: i64,
    /// Whether the catalog shows each user only objects that the user has rights on.
    pub(super) hides_objects: bool,
    /// Whether rows have to be counted, since some changes fire no trigger.
    pub(super) counts_rows: bool,
    /// Counts the users of triggers that do not exist.
    pub(super) definers: Option<&'static str>,
    /// For a database whose sequences can be behind the rows of their tables.
    pub(super) sequences: Option<SequenceSql>,
    /// A checksum of each table, to find changes that fired no trigger; without one, all rows are read.
    pub(super) checksums: Option<[&'static str; 5]>,
}

#[derive(Clone, Copy)]
pub(super) struct SequenceSql {
    /// 1 if the user may read all tables.
    pub(super) may_read: &'static str,
    /// The tables whose sequence is behind their rows.
    pub(super) behind: &'static str,
}

/// The statements of an edit in which the databases differ, other than those of its changes.
pub(super) struct WriteSql {
    /// Takes the write lock, on a database on which a transaction that has read cannot wait for it.
    pub(super) lock: Option<&'static str>,
    /// Ends a query to lock its rows: of `flags` and `activations`, and of the tables of their metadata.
    pub(super) lock_row: &'static str,
    pub(super) lock_metadata: &'static str,
    /// Ends a query to read the current row rather than that of the transaction's first read.
    pub(super) current: &'static str,
    /// Raises the revision if there are no triggers to do it.
    pub(super) raise: Option<&'static str>,
    /// Raises the revision without a record, so that readers read all rows.
    pub(super) restamp: &'static str,
    /// What a script for the database's own client has in front and at its end.
    pub(super) client_begin: &'static str,
    pub(super) client_end: &'static str,
    /// As sqlx makes it.
    pub(super) migrations_table: &'static str,
    /// Bytes, with `?` for their hexadecimal digits.
    pub(super) bytes: &'static str,
    /// A statement that leads a client to where novi's tables are, or null.
    pub(super) place: &'static str,
    /// Runs before the commit so that the revision is raised and can be returned.
    pub(super) settle: Option<&'static str>,
    /// Undoes it, so that what follows in the same transaction raises the revision once more.
    pub(super) unsettle: Option<&'static str>,
    /// Whether the revision has what others have committed only after the commit.
    pub(super) revision_after_commit: bool,
    /// The actor and the reason that the session has.
    pub(super) signature: &'static str,
    /// Sets both, for the triggers that write records.
    pub(super) sign: &'static str,
    /// Clears both before the commit, if the end of the transaction does not.
    pub(super) unsign: Option<&'static str>,
    /// Whether they outlive a rollback, too.
    pub(super) signature_outlives_transaction: bool,
}

/// The parts of statements in which the databases differ.
pub(super) struct HistorySql {
    /// `revision, changed_at, actor, reason, entity, before, after`, of `records`.
    pub(super) columns: &'static str,
    /// The records, with `position`: the revision that people see.
    pub(super) records: &'static str,
    /// The same, of which the database reads only those with a `position` above `$above`, through an index.
    pub(super) records_above: &'static str,
    /// That `changed_at` is not after a parameter.
    pub(super) until: &'static str,
    /// That `changed_at` is not before a parameter.
    pub(super) since: &'static str,
    /// That a record contains a text, which is a parameter as a pattern, whatever its case.
    pub(super) containing: &'static str,
    /// Gives the records above an id another time, and the revision that they have now.
    pub(super) backdate: &'static str,
    /// When the rows last changed, as text.
    pub(super) changed_at: &'static str,
    /// The time of the database, as text.
    pub(super) now: &'static str,
    /// The ids of the flags that have or had a name, which is a parameter three times, each with the id of the record that
    /// has it; null for a flag that has it now. A name that a flag was created with is its name, or that before a change.
    pub(super) named: &'static str,
}

pub(super) struct UsageSql {
    /// `flag, first_seen, last_evaluated, last_on, last_off, evaluations`, times as text; a condition and an order follow.
    pub(super) select: &'static str,
    /// When the table was made, as text.
    pub(super) since: &'static str,
    /// The values of a row: parameters for the flag, how often it was on, how often it was off, and the sum
    /// of both.
    pub(super) row: &'static str,
    /// What happens to a row that exists.
    pub(super) on_conflict: &'static str,
    pub(super) evaluations: EvaluationsSql,
}

/// The statements of `novi_evaluations` in which the databases differ.
pub(super) struct EvaluationsSql {
    /// `flag, hour, enabled, variant, evaluations`, the hour as text; a condition and an order follow.
    pub(super) select: &'static str,
    /// What happens to a row that exists.
    pub(super) on_conflict: &'static str,
    /// Deletes rows of hours before a parameter, at most so many.
    pub(super) prune: &'static str,
}

/// The statements of `novi_assignments` in which the databases differ.
pub(super) struct AssignmentsSql {
    /// `id, experiment, unit, variant, revision, assigned_at`, the time as text; a condition and an order follow.
    pub(super) select: &'static str,
    /// `variant, count(*), min(assigned_at), max(assigned_at)`, times as text; a condition and a grouping follow.
    pub(super) counts: &'static str,
    /// The rows of an insert.
    pub(super) rows: RowsSql,
    /// What leaves a row alone that exists.
    pub(super) on_conflict: &'static str,
    /// Deletes rows of an experiment, at most so many.
    pub(super) forget: &'static str,
    /// A time of the database.
    pub(super) now: &'static str,
}

/// How an insert of many rows gives their values: experiment, unit, variant, revision and time.
#[allow(dead_code, reason = "a build may support some databases only")]
pub(super) enum RowsSql {
    /// Each row has its own parameters: these.
    Each(&'static str),
    /// One statement for any number of rows, which selects them from texts of arrays: one for each column.
    Arrays(&'static str),
}

pub(super) struct TokenSql {
    /// The number of the last change of tokens, or null without triggers.
    pub(super) changes: &'static str,
    /// `id, name, role, subject, hash, created_at, created_by, expires_at, revoked_at, replaced_at,
    /// last_used_at`, times as text.
    pub(super) select: &'static str,
    /// `name, role, subject, hash, created_by, expires_at`
    pub(super) insert: &'static str,
    /// `id, name`: one of them, the other null.
    pub(super) revoke: &'static str,
    /// `time, id, time`
    pub(super) used: &'static str,
}

/// What a failed statement means to novi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A table of novi does not exist.
    NotMigrated,
    /// The server has no database of this name.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "SQLite has files")
    )]
    NoDatabase,
    /// A row with this key exists already.
    Duplicate,
    /// A row that is referred to does not exist, or is still referred to.
    Reference,
    /// A value does not fit its column.
    Value,
    /// The server has no connection to spare: worth another try.
    Busy,
    /// Another transaction is in the way: worth another try of the whole transaction.
    Contention,
    Other,
}

impl Failure {
    /// What every driver reports of an error; `Other` where only the database's own code says more.
    pub(super) fn common(error: &sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Busy,
            sqlx::Error::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation => Self::Duplicate,
                ErrorKind::ForeignKeyViolation => Self::Reference,
                ErrorKind::NotNullViolation | ErrorKind::CheckViolation => Self::Value,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl Dialect {
    /// The error of a statement, for people.
    pub(in crate::store) fn error(&self, store: &str, action: &str, error: sqlx::Error) -> Error {
        let store = store.to_owned();
        if let Some(table) = lagging_sequence(&error) {
            let problem = sequence_problem(table);
            let source = without_source_line(error);
            return Error::DamagedTables { store, action: action.to_owned(), problem, source };
        }
        match (self.failure)(&error) {
            Failure::NotMigrated => Error::NotMigrated { store: format!("{store}{}", self.searched) },
            Failure::NoDatabase => {
                Error::DatabaseUrl { url: store, message: without_source_line(error).to_string() }
            }
            Failure::Contention => {
                Error::Contention { store, action: action.to_owned(), source: without_source_line(error) }
            }
            _ => Error::store(store, action, without_source_line(error)),
        }
    }
}

/// What is wrong with a table that chooses ids of rows that it has, as after a restore of rows alone.
pub(super) fn sequence_problem(table: &str) -> String {
    format!("the sequence of {table}.id is behind the rows, so inserts fail")
}

/// The table of novi's own whose sequence is behind its rows, so that an insert failed. Only PostgreSQL reports
/// the constraint.
pub(super) fn lagging_sequence(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?;
    let table = error.constraint()?.strip_suffix("_pkey")?;
    let is_own =
        ["flag_history", "novi_assignments", "novi_tokens"].into_iter().any(|own| table.ends_with(own));
    (is_own && error.is_unique_violation()).then_some(table)
}

/// The error without the line that PostgreSQL adds, which is of its own source code: readers take it for a
/// line of their script.
pub(super) fn without_source_line(error: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    #[cfg(feature = "postgres")]
    if let sqlx::Error::Database(database) = &error
        && let Some(postgres) = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
    {
        return format!("error returned from database: {}", postgres.message()).into();
    }
    error.into()
}
