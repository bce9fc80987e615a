//! Exclusion of migrations in a Galera cluster: the server's own locks are local to a node, and DDL at two
//! nodes at once can block the whole cluster.

use sqlx::{MySqlConnection, Row as _, migrate::MigrateError};

/// Notes in `novi_state` that this node migrates. `None` if the server is no node of a cluster.
///
/// The caller has the lock of this node. A note of this node is therefore from a process that died.
pub(super) async fn lock(connection: &mut MySqlConnection) -> Result<Option<String>, MigrateError> {
    if setting(connection, "show variables like 'wsrep_on'").await?.as_deref() != Some("ON") {
        return Ok(None);
    }
    let member = setting(connection, "show status like 'wsrep_gcomm_uuid'").await?.unwrap_or_default();
    let address: String =
        sqlx::query_scalar("select concat(@@hostname, ':', @@port)").fetch_one(&mut *connection).await?;
    let node = format!("{address} {member}");
    // If two nodes do this at once, the second fails at its commit, which is contention.
    let noted = sqlx::query("insert ignore into novi_state (name, value) values ('migration', ?)")
        .bind(&node)
        .execute(&mut *connection)
        .await?;
    if noted.rows_affected() == 1 {
        return Ok(Some(node));
    }
    let holder: Option<String> = sqlx::query_scalar("select value from novi_state where name = 'migration'")
        .fetch_optional(connection)
        .await?;
    if holder.as_deref() == Some(&node) {
        return Ok(Some(node));
    }
    let holder = holder.as_deref().and_then(|holder| holder.split(' ').next()).unwrap_or("another");
    let message = format!(
        "a process at the Galera node {holder} is migrating this database; if it has died, run \
         \"delete from novi_state where name = 'migration'\" and migrate again"
    );
    Err(busy(message))
}

/// DDL of another node interrupts statements that use the table, also those of a migration, which can run again.
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
pub(super) async fn unlock(connection: &mut MySqlConnection, node: &str) {
    let removed = sqlx::query("delete from novi_state where name = 'migration' and value = ?")
        .bind(node)
        .execute(connection)
        .await;
    if let Err(error) = removed {
        tracing::warn!(
            "could not remove the note that the Galera node {node} migrates: {error}; to migrate at another \
             node, first run \"delete from novi_state where name = 'migration'\""
        );
    }
}

/// The value of a variable, by a statement that returns its name and its value.
async fn setting(connection: &mut MySqlConnection, sql: &'static str) -> Result<Option<String>, sqlx::Error> {
    let row = sqlx::query(sql).fetch_optional(connection).await?;
    row.map(|row| row.try_get(1)).transpose()
}
