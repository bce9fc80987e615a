//! Changes of flags: validated before they are written, and possible in the application's own transaction.

use std::sync::Arc;

#[cfg(feature = "sql")]
use crate::{
    error::Error,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    snapshot::Plan,
    store::{Change, RowKey, WriteConnection, table_prefix},
};
use crate::{
    error::Result,
    flags::Flags,
    rows::Revision,
    snapshot::Validator,
    store::{Edit, WriteStore},
};

/// Changes flags. The rows are compiled as they would be after the change first, and a change that would
/// break a valid flag is rejected ([`Error::Invalid`](crate::error::Error::Invalid)). Turning a flag off
/// breaks nothing, and is not validated.
///
/// In a transaction of the application, a change becomes visible on commit and disappears on rollback. A
/// change that fails leaves nothing behind, and the transaction can continue if the database allows it.
///
#[cfg_attr(feature = "sqlite", doc = "```")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// # use novi::{Flags, rows::FlagRow, store::{self, Change, Edit}};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let url = &format!("sqlite://{}/shop.db", folder.path().display());
/// # let database = store::create(url).await?;
/// # database.migrate().await?;
/// # database.run_script("insert into flags (name, status) values ('New orders', false);
/// #   create table orders (id integer);").await?;
/// # let flags = Flags::connect(url).await?;
/// # let pool = novi::sqlx::SqlitePool::connect(url).await?;
/// use novi::sqlx;
///
/// let mut tx = pool.begin().await?;
/// sqlx::query("insert into orders (id) values (1)").execute(&mut *tx).await?;
/// flags.writer().actor("checkout").reason("backfill done").set_status(&mut tx, "New orders", true).await?;
/// tx.commit().await?;
/// # flags.refresh().await?;
/// # assert!(flags.is_enabled("New orders", &novi::Context::new()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Actor and reason are recorded in the history. On MySQL they are variables of the connection, which are restored
/// after the change. Close the connection if the future is dropped before it completes.
#[derive(Clone)]
#[must_use]
pub struct Writer {
    validator: Option<Arc<Validator>>,
    actor: Option<String>,
    reason: Option<String>,
    version: Option<i64>,
    #[cfg(feature = "sql")]
    table_prefix: String,
}

impl Writer {
    /// A writer that validates with these activation types.
    pub fn new(validator: Validator) -> Self {
        Self {
            validator: Some(Arc::new(validator)),
            actor: None,
            reason: None,
            version: None,
            #[cfg(feature = "sql")]
            table_prefix: String::new(),
        }
    }

    /// The setting `table_prefix` of the database, for changes in the application's own transactions.
    /// Default: that of the database that the flags are read from, if [`Flags::writer`] made the writer.
    ///
    /// # Errors
    /// [`Error::Config`](crate::error::Error::Config) if the prefix is invalid.
    #[cfg(feature = "sql")]
    pub fn table_prefix(mut self, prefix: &str) -> Result<Self> {
        table_prefix::check(prefix)
            .map_err(|message| Error::Config { origin: "table_prefix".to_owned(), message })?;
        prefix.clone_into(&mut self.table_prefix);
        Ok(self)
    }

    /// Who makes the change: a person, a service, the name of a token. Default: the user of the database.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Why the change is made.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The version of the row when it was read: of the flag for its status, metadata and links, of the
    /// activation for its members. If the row has another version now, the change fails with
    /// [`Error::Conflict`](crate::error::Error::Conflict).
    pub fn expect_version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// Whether changes are validated before they are written. Default: `true`.
    pub fn validate(mut self, validate: bool) -> Self {
        if !validate {
            self.validator = None;
        }
        self
    }

    /// Makes an edit in a transaction of its own, and returns the first revision that contains it. This
    /// writer's actor and reason apply unless the edit has its own.
    ///
    /// # Errors
    /// Those of [`WriteStore::commit`].
    pub async fn commit(&self, store: &dyn WriteStore, edit: Edit) -> Result<Revision> {
        store.commit(self.signed(edit)).await
    }

    fn signed(&self, mut edit: Edit) -> Edit {
        edit.actor = edit.actor.or_else(|| self.actor.clone());
        edit.reason = edit.reason.or_else(|| self.reason.clone());
        if let (None, Some(validator)) = (&edit.validator, &self.validator) {
            edit.validator = Some(Arc::clone(validator) as _);
        }
        edit
    }
}

/// Changes in the caller's transaction: sqlx's `Transaction`, or the connection that it dereferences to.
///
/// # Errors
/// Those of [`WriteStore::commit`], and [`Error::NoTransaction`](crate::error::Error::NoTransaction) for a
/// connection outside of a transaction of sqlx.
#[cfg(feature = "sql")]
#[allow(clippy::missing_errors_doc, reason = "all methods have those listed above")]
impl Writer {
    /// Sets the status of the flag with this name.
    pub async fn set_status<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag: &str,
        status: bool,
    ) -> Result<()> {
        let change = Change::SetStatus { flag: flag.to_owned(), status };
        self.write(connection, change, RowKey::Flag(flag.to_owned())).await
    }

    /// Adds a flag with its metadata.
    pub async fn insert_flag<C: WriteConnection>(&self, connection: &mut C, row: FlagRow) -> Result<()> {
        let id = RowKey::FlagId(row.id);
        self.write(connection, Change::InsertFlag(row), id).await
    }

    /// Replaces a flag's metadata.
    pub async fn set_metadata<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag_id: i64,
        metadata: FlagMetadata,
    ) -> Result<()> {
        let change = Change::SetMetadata { flag_id, metadata: Box::new(metadata) };
        self.write(connection, change, RowKey::FlagId(flag_id)).await
    }

    /// Deletes a flag, its metadata and its links.
    pub async fn delete_flag<C: WriteConnection>(&self, connection: &mut C, id: i64) -> Result<()> {
        self.write(connection, Change::DeleteFlag { id }, RowKey::FlagId(id)).await
    }

    /// Adds an activation.
    pub async fn insert_activation<C: WriteConnection>(
        &self,
        connection: &mut C,
        row: ActivationRow,
    ) -> Result<()> {
        let id = RowKey::Activation(row.id);
        self.write(connection, Change::InsertActivation(row), id).await
    }

    /// Replaces an activation's name, class name and config.
    pub async fn update_activation<C: WriteConnection>(
        &self,
        connection: &mut C,
        row: ActivationRow,
    ) -> Result<()> {
        let id = RowKey::Activation(row.id);
        self.write(connection, Change::UpdateActivation(row), id).await
    }

    /// Deletes an activation that no flag is linked to, and its members.
    pub async fn delete_activation<C: WriteConnection>(&self, connection: &mut C, id: i64) -> Result<()> {
        self.write(connection, Change::DeleteActivation { id }, RowKey::Activation(id)).await
    }

    /// Links a flag to an activation.
    pub async fn link<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag_id: i64,
        activation_id: i64,
    ) -> Result<()> {
        let change = Change::Link(LinkRow::new(flag_id, activation_id));
        self.write(connection, change, RowKey::FlagId(flag_id)).await
    }

    /// Removes the link between a flag and an activation.
    pub async fn unlink<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag_id: i64,
        activation_id: i64,
    ) -> Result<()> {
        let change = Change::Unlink(LinkRow::new(flag_id, activation_id));
        self.write(connection, change, RowKey::FlagId(flag_id)).await
    }

    /// Adds a member to an activation.
    pub async fn insert_member<C: WriteConnection>(&self, connection: &mut C, row: MemberRow) -> Result<()> {
        let id = RowKey::Activation(row.activation_id);
        self.write(connection, Change::InsertMember(row), id).await
    }

    /// Removes a member of an activation.
    pub async fn delete_member<C: WriteConnection>(
        &self,
        connection: &mut C,
        activation_id: i64,
        member: &str,
    ) -> Result<()> {
        let change = Change::DeleteMember { activation_id, member: member.to_owned() };
        self.write(connection, change, RowKey::Activation(activation_id)).await
    }

    /// Makes an edit. This writer's actor and reason apply unless the edit has its own; its expected version
    /// does not apply.
    pub async fn apply<C: WriteConnection>(&self, connection: &mut C, edit: Edit) -> Result<()> {
        connection.write(&self.table_prefix, &self.signed(edit)).await
    }

    /// Plans an edit of the rows as the transaction sees them. Writes nothing.
    pub async fn plan<C: WriteConnection>(&self, connection: &mut C, edit: &Edit) -> Result<Plan> {
        let validator = match &self.validator {
            Some(validator) => Arc::clone(validator),
            None => Arc::new(Validator::new(crate::activation::registry::Registry::global()?)),
        };
        Ok(validator.plan(connection.rows(&self.table_prefix).await?, edit))
    }

    async fn write<C: WriteConnection>(&self, connection: &mut C, change: Change, row: RowKey) -> Result<()> {
        let mut edit = Edit::new([change]);
        if let Some(version) = self.version {
            edit = edit.expect(row, version);
        }
        self.apply(connection, edit).await
    }
}

impl Flags {
    /// A writer, which validates changes with the activation types of these flags.
    pub fn writer(&self) -> Writer {
        #[allow(unused_mut, reason = "without a database there are no tables")]
        let mut writer = Writer::new(self.validator());
        #[cfg(feature = "sql")]
        if let Some(store) = self.store() {
            store.table_prefix().clone_into(&mut writer.table_prefix);
        }
        writer
    }

    /// A validator of rows, with the activation types of these flags.
    #[must_use]
    pub fn validator(&self) -> Validator {
        Validator::from_shared(self.registry())
    }
}
