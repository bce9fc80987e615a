//! One narrow trait over the connections of the three databases. What reads and writes rows is ordinary code
//! above it, written once, with `?` for parameters.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::store::{
    decode::Cell,
    future::BoxFuture,
    sql::{
        dialect::Dialect,
        names::{Names, PLAIN},
    },
};

/// A parameter.
#[derive(Clone, Debug)]
pub enum Value {
    Integer(Option<i64>),
    Boolean(bool),
    Text(Option<String>),
    Time(Option<DateTime<Utc>>),
}

/// A statement with its parameters, for each of which it has a `?`.
#[derive(Debug)]
pub struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
    /// Whether the server prepares it.
    pub(super) is_prepared: bool,
    /// Whether it has the names that novi's tables have in the database: a script of the user does.
    pub(super) is_translated: bool,
}

impl Statement {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), values: Vec::new(), is_prepared: true, is_translated: false }
    }

    /// One that is sent as text, without parameters. A pooler may give the two steps of a prepared statement
    /// to two connections where no transaction is open, and some commands cannot be prepared.
    pub(super) fn unprepared(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { is_prepared: false, ..Self::new(sql) }
    }

    /// SQL that is not novi's own, or has been translated: sent as text, as it is.
    pub(super) fn verbatim(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { is_translated: true, ..Self::unprepared(sql) }
    }

    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(super) fn bind_all<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.values.extend(values.into_iter().map(Into::into));
        self
    }
}

/// What is done with each row.
pub(super) type EachRow<'a> = dyn FnMut(&mut dyn Iterator<Item = Cell>) + Send + 'a;

/// A connection of SQLite, PostgreSQL or MySQL.
pub trait Connection: Send {
    fn dialect(&self) -> &'static Dialect;

    /// The names of novi's tables.
    fn names(&self) -> &Names {
        &PLAIN
    }

    /// Runs a statement, passes each row to `each`, and returns how many rows were changed.
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        each: &'a mut EachRow<'_>,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>>;

    /// Begins a transaction, with this statement if there is one, or a savepoint in the transaction that is
    /// open.
    fn begin<'c>(
        &'c mut self,
        statement: Option<&'static str>,
    ) -> BoxFuture<'c, Result<Transaction<'c>, sqlx::Error>>;

    fn is_in_transaction(&mut self) -> bool;
}

impl dyn Connection + '_ {
    /// Returns how many rows were changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        self.run(statement, &mut |_| {}).await
    }

    pub(super) async fn rows<T: Send>(
        &mut self,
        statement: Statement,
        decode: fn(&mut dyn Iterator<Item = Cell>) -> T,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut rows = Vec::new();
        self.run(statement, &mut |cells| rows.push(decode(cells))).await?;
        Ok(rows)
    }

    /// The integers of a column.
    pub(super) async fn integers(&mut self, statement: Statement) -> Result<Vec<i64>, sqlx::Error> {
        let rows = self.rows(statement, |cells| cells.next().and_then(Cell::into_integer)).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The integer of the first row; `None` if it is null or there is no row.
    pub(super) async fn integer(&mut self, statement: Statement) -> Result<Option<i64>, sqlx::Error> {
        Ok(self.integers(statement).await?.first().copied())
    }

    /// The text of the first row; `None` if it is null or there is no row.
    pub(super) async fn text(&mut self, statement: Statement) -> Result<Option<String>, sqlx::Error> {
        let rows = self.rows(statement, |cells| cells.next().and_then(Cell::into_optional_text)).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// Begins a transaction in which all reads see one moment.
    pub(super) async fn begin_read(&mut self) -> Result<Transaction<'_>, sqlx::Error> {
        let dialect = self.dialect();
        if let Some(sql) = dialect.before_read {
            self.execute(Statement::new(sql)).await?;
        }
        self.begin(dialect.begin_read).await
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin_write(&mut self) -> Result<Transaction<'_>, sqlx::Error> {
        self.begin(self.dialect().begin_write).await
    }
}

/// A transaction or a savepoint, which is rolled back unless it is committed.
pub(super) type Transaction<'c> = Box<dyn OpenTransaction<'c> + 'c>;

pub trait OpenTransaction<'c>: Send {
    fn connection(&mut self) -> &mut dyn Connection;

    fn commit(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>>;

    fn rollback(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>>;
}

/// What leads to a connection: one of a pool, a transaction.
pub(in crate::store) trait Lead: Send {
    fn connection(&mut self) -> &mut dyn Connection;
}

impl<C: Connection> Lead for &mut C {
    fn connection(&mut self) -> &mut dyn Connection {
        *self
    }
}

impl Lead for &mut dyn Connection {
    fn connection(&mut self) -> &mut dyn Connection {
        *self
    }
}

impl Lead for Transaction<'_> {
    fn connection(&mut self) -> &mut dyn Connection {
        (**self).connection()
    }
}

/// A connection, by what leads to it, to tables whose names have a prefix.
pub(in crate::store) struct Named<L> {
    pub(super) inner: L,
    pub(super) names: Names,
    dialect: &'static Dialect,
}

impl<L: Lead> Named<L> {
    pub(in crate::store) fn new(mut inner: L, names: Names) -> Self {
        let dialect = inner.connection().dialect();
        Self { inner, names, dialect }
    }
}

impl<L: Lead> Connection for Named<L> {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn run<'a>(
        &'a mut self,
        mut statement: Statement,
        each: &'a mut EachRow<'_>,
    ) -> BoxFuture<'a, Result<u64, sqlx::Error>> {
        if !statement.is_translated {
            statement.sql = self.names.sql(statement.sql);
        }
        self.inner.connection().run(statement, each)
    }

    fn begin<'c>(
        &'c mut self,
        statement: Option<&'static str>,
    ) -> BoxFuture<'c, Result<Transaction<'c>, sqlx::Error>> {
        Box::pin(async move {
            let names = self.names.clone();
            let transaction = self.inner.connection().begin(statement).await?;
            Ok(Box::new(Named::new(transaction, names)) as Transaction<'c>)
        })
    }

    fn is_in_transaction(&mut self) -> bool {
        self.inner.connection().is_in_transaction()
    }
}

impl<'c> OpenTransaction<'c> for Named<Transaction<'c>> {
    fn connection(&mut self) -> &mut dyn Connection {
        self
    }

    fn commit(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        self.inner.commit()
    }

    fn rollback(self: Box<Self>) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        self.inner.rollback()
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Time(Some(value))
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Self::Time(value)
    }
}
