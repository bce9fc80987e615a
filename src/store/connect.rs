//! Opening the database at an address.

use std::sync::Arc;

#[cfg(feature = "sql")]
use crate::store::sql;
use crate::{
    error::{Error, Result},
    store::{schema::SchemaStore, url},
};

/// Four flags to try novi with, as SQL for each of the databases: `seeds/demo.sql`.
pub const DEMO_ROWS: &str = include_str!("../../seeds/demo.sql");

/// Opens the database at this address: `sqlite://novi.db`, `sqlite::memory:`,
/// `postgres://user:password@host/database` or `mysql://user:password@host/database` (`mariadb:` is the
/// same). Connections to a server are made when they are needed. The parameter `table_prefix`, as in
/// `sqlite://shop.db?table_prefix=acme_`, is what the names of novi's tables begin with.
///
/// # Errors
/// [`Error::DatabaseUrl`] if the address is invalid or this build of novi does not support the database;
/// [`Error::MissingFile`] if the SQLite file does not exist; [`Error::Store`] if it cannot be opened.
pub async fn connect(url: &str) -> Result<Arc<dyn SchemaStore>> {
    open(url, false).await
}

/// As [`connect`], but creates a SQLite file that does not exist: for `novi migrate` and for tests.
///
/// # Errors
/// As [`connect`].
pub async fn create(url: &str) -> Result<Arc<dyn SchemaStore>> {
    open(url, true).await
}

#[allow(clippy::unused_async, unused_variables, reason = "which of them await depends on the features")]
async fn open(url: &str, create: bool) -> Result<Arc<dyn SchemaStore>> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let wrong = |message: String| Err(Error::DatabaseUrl { url: url::redacted(url), message });
    match scheme {
        #[cfg(feature = "sqlite")]
        "sqlite" if create => Ok(Arc::new(sql::SqliteStore::create(url).await?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(sql::SqliteStore::connect(url).await?)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Arc::new(sql::PostgresStore::connect(url)?)),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => Ok(Arc::new(sql::MySqlStore::connect(url)?)),
        #[cfg(not(feature = "sqlite"))]
        "sqlite" => wrong(missing_feature("sqlite")),
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => wrong(missing_feature("postgres")),
        #[cfg(not(feature = "mysql"))]
        "mysql" | "mariadb" => wrong(missing_feature("mysql")),
        _ => wrong(
            "expected an address that starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:, such as \
             sqlite://novi.db, or file: for a snapshot file, which can only be read"
                .to_owned(),
        ),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
fn missing_feature(feature: &str) -> String {
    format!(
        "this build of novi does not support this database: enable the feature `{feature}` of the crate `novi`"
    )
}
