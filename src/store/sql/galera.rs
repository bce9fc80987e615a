//! Exclusion of migrations in a Galera cluster: the server's own locks are local to a node, and DDL at two
//! nodes at once can block the whole cluster.

use sqlx::migrate::MigrateError;

use crate::store::{
    decode::Cell,
    sql::connection::{Connection, Statement},
};

/// Notes in `novi_state` that this node migrates. `None` if the server is no node of a cluster.
///
/// The caller has the lock of this node. A note of this node is therefore from a process that died.
pub(super) async fn lock(connection: &mut dyn Connection) -> Result<Option<String>, MigrateError> {
    const NOTE: &str = "insert ignore into novi_state (name, value) values ('migration', ?)";
    const HOLDER: &str = "select value from novi_state where name = 'migration'";
    if setting(connection, "show variables like 'wsrep_on'").await?.as_deref() != Some("ON") {
        return Ok(None);
    }
    let member = setting(connection, "show status like 'wsrep_gcomm_uuid'").await?.unwrap_or_default();
    let address = connection.text(Statement::new("select concat(@@hostname, ':', @@port)")).await?;
    let node = format!("{} {member}", address.unwrap_or_default());
    // If two nodes do this at once, the second fails at its commit, which is contention.
    if connection.execute(Statement::new(NOTE).bind(node.as_str())).await? == 1 {
        return Ok(Some(node));
    }
    let holder = connection.text(Statement::new(HOLDER)).await?;
    if holder.as_deref() == Some(&node) {
        return Ok(Some(node));
    }
    let holder = holder.as_deref().and_then(|holder| holder.split(' ').next()).unwrap_or("another");
    let message = format!(
        "a process at the Galera node {holder} is migrating this database; if it has died, run \"{}\" and migrate again",
        connection.names().sql(FORGET)
    );
    Err(busy(message))
}

/// Removes the note of a process that has died.
const FORGET: &str = "delete from novi_state where name = 'migration'";

/// DDL of another node interrupts statements that use the table, also those of a migration, which can run
/// again.
pub(super) fn busy_if_interrupted(error: MigrateError) -> MigrateError {
    match &error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)
            if cause.as_database_error().is_some_and(|cause| cause.code().as_deref() == Some("70100")) =>
        {
            busy(cause.to_string())
        }
        _ => error,
    }
}

/// An error after which a migration is tried again.
fn busy(message: String) -> MigrateError {
    MigrateError::Execute(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, message)))
}

/// Removes the note of this node.
pub(super) async fn unlock(connection: &mut dyn Connection, node: &str) {
    let remove = Statement::new(format!("{FORGET} and value = ?")).bind(node);
    if let Err(error) = connection.execute(remove).await {
        let forget = connection.names().sql(FORGET);
        tracing::warn!(
            "could not remove the note that the Galera node {node} migrates: {error}; to migrate at another \
             node, first run \"{forget}\""
        );
    }
}

/// The value of a variable, by a statement that returns its name and its value.
async fn setting(connection: &mut dyn Connection, sql: &'static str) -> Result<Option<String>, sqlx::Error> {
    let values =
        connection.rows(Statement::new(sql), |cells| cells.nth(1).and_then(Cell::into_optional_text));
    Ok(values.await?.into_iter().next().flatten())
}
