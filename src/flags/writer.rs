//! Changing flags: with a look at what would break, and in the application's own transaction.

pub use crate::flags::rollback::WayBack;
pub use crate::snapshot::plan::validator::Validator;
pub use crate::snapshot::plan::{Effect, FieldChange, Plan, PlannedRow};

use std::sync::Arc;

use crate::{
    error::Result,
    flags::Flags,
    rows::Revision,
    store::{Edit, WriteStore},
};
#[cfg(feature = "sql")]
use crate::{
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    store::{Change, Versioned, WriteConnection},
};

/// Changes flags. It looks at the rows as they would be first, and refuses what would break any
/// ([`Error::Invalid`](crate::error::Error::Invalid)); a status breaks none and is set without a look.
///
/// In a transaction of the application: nobody sees the change before the commit, and nobody ever sees one that is rolled
/// back. When a change fails nothing of it is there, and the transaction goes on where the database lets it.
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
/// Actor and reason go to the history. On MySQL they are variables of the connection, which are put back when the change is
/// made; a future that is dropped in the middle of it leaves them, so close such a connection.
#[derive(Clone)]
#[must_use]
pub struct Writer {
    validator: Option<Arc<Validator>>,
    actor: Option<String>,
    reason: Option<String>,
    version: Option<i64>,
}

impl Writer {
    /// A writer that validates with these activation types.
    pub fn new(validator: Validator) -> Self {
        Self { validator: Some(Arc::new(validator)), actor: None, reason: None, version: None }
    }

    /// Who changes the rows: a person, a service, the name of a token. Without it the database's user is noted.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Why.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The version at which the flag or the activation that is changed was seen: that of the flag for its status, metadata
    /// and links, that of the activation for its members. If it has another one by now, the change is a
    /// [`Error::Conflict`](crate::error::Error::Conflict).
    pub fn expect_version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// Whether rows are looked at before they are written; they are, unless this says otherwise.
    pub fn validate(mut self, validate: bool) -> Self {
        if !validate {
            self.validator = None;
        }
        self
    }

    /// Makes an edit in a transaction of the store's own, and gives the revision that has it. Where the edit names no actor or
    /// reason, it is this writer's.
    ///
    /// # Errors
    /// As [`WriteStore::commit`].
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

/// Changes in the transaction of a connection: sqlx's `Transaction`, or the connection that it leads to.
///
/// # Errors
/// Each has those of [`WriteStore::commit`], and [`Error::Refused`](crate::error::Error::Refused) for a connection in no
/// transaction of sqlx.
#[cfg(feature = "sql")]
#[allow(clippy::missing_errors_doc, reason = "all have the same, which are above")]
impl Writer {
    /// Turns a flag's status on or off, by the flag's name.
    pub async fn set_status<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag: &str,
        status: bool,
    ) -> Result<()> {
        let change = Change::SetStatus { flag: flag.to_owned(), status };
        self.write(connection, change, Versioned::Flag(flag.to_owned())).await
    }

    /// Adds a flag with its metadata.
    pub async fn insert_flag<C: WriteConnection>(&self, connection: &mut C, row: FlagRow) -> Result<()> {
        let id = Versioned::FlagId(row.id);
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
        self.write(connection, change, Versioned::FlagId(flag_id)).await
    }

    /// Removes a flag, its metadata and its links.
    pub async fn delete_flag<C: WriteConnection>(&self, connection: &mut C, id: i64) -> Result<()> {
        self.write(connection, Change::DeleteFlag { id }, Versioned::FlagId(id)).await
    }

    /// Adds an activation.
    pub async fn insert_activation<C: WriteConnection>(
        &self,
        connection: &mut C,
        row: ActivationRow,
    ) -> Result<()> {
        let id = Versioned::Activation(row.id);
        self.write(connection, Change::InsertActivation(row), id).await
    }

    /// Replaces an activation's name, class name and config.
    pub async fn update_activation<C: WriteConnection>(
        &self,
        connection: &mut C,
        row: ActivationRow,
    ) -> Result<()> {
        let id = Versioned::Activation(row.id);
        self.write(connection, Change::UpdateActivation(row), id).await
    }

    /// Removes an activation that no flag is linked to, and its members.
    pub async fn delete_activation<C: WriteConnection>(&self, connection: &mut C, id: i64) -> Result<()> {
        self.write(connection, Change::DeleteActivation { id }, Versioned::Activation(id)).await
    }

    /// Links a flag to an activation.
    pub async fn link<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag_id: i64,
        activation_id: i64,
    ) -> Result<()> {
        let change = Change::Link(LinkRow::new(flag_id, activation_id));
        self.write(connection, change, Versioned::FlagId(flag_id)).await
    }

    /// Removes the link between a flag and an activation.
    pub async fn unlink<C: WriteConnection>(
        &self,
        connection: &mut C,
        flag_id: i64,
        activation_id: i64,
    ) -> Result<()> {
        let change = Change::Unlink(LinkRow::new(flag_id, activation_id));
        self.write(connection, change, Versioned::FlagId(flag_id)).await
    }

    /// Adds a member to an activation.
    pub async fn insert_member<C: WriteConnection>(&self, connection: &mut C, row: MemberRow) -> Result<()> {
        let id = Versioned::Activation(row.activation_id);
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
        self.write(connection, change, Versioned::Activation(activation_id)).await
    }

    /// Makes an edit. Where it names no actor or reason, it is this writer's; the versions that it expects are its own.
    pub async fn apply<C: WriteConnection>(&self, connection: &mut C, edit: Edit) -> Result<()> {
        connection.write(&self.signed(edit)).await
    }

    /// What an edit would do to the rows as the transaction sees them; nothing is written.
    pub async fn plan<C: WriteConnection>(&self, connection: &mut C, edit: &Edit) -> Result<Plan> {
        let validator = match &self.validator {
            Some(validator) => Arc::clone(validator),
            None => Arc::new(Validator::new(crate::activation::registry::Registry::global()?)),
        };
        Ok(validator.plan(connection.rows().await?, edit))
    }

    async fn write<C: WriteConnection>(
        &self,
        connection: &mut C,
        change: Change,
        row: Versioned,
    ) -> Result<()> {
        let mut edit = Edit::new([change]);
        if let Some(version) = self.version {
            edit = edit.expect(row, version);
        }
        self.apply(connection, edit).await
    }
}

impl Flags {
    /// Changes flags, also in a transaction of the application's own. What it writes is validated with the activation types
    /// of these flags.
    pub fn writer(&self) -> Writer {
        Writer::new(self.validator())
    }

    /// Looks at rows before they are written, with the activation types of these flags.
    #[must_use]
    pub fn validator(&self) -> Validator {
        Validator::from_shared(self.registry())
    }
}
