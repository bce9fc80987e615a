//! Flags that a program declares: created if they are missing, and never changed.

use std::{collections::BTreeSet, env};

use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Result},
    flags::Flags,
    rows::{FlagMetadata, FlagRow, Revision, Rows},
    snapshot::Feature,
    store::{Author, Change, Edit, WriteStore},
};

/// A flag that a program declares, for [`Flags::ensure`].
///
/// ```
/// use novi::Declaration;
///
/// let flag = Declaration::new("new-checkout").description("The checkout of 2027").owner("web");
/// assert_eq!(flag.name(), "new-checkout");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Declaration {
    name: String,
    status: bool,
    metadata: FlagMetadata,
}

impl Declaration {
    /// A flag with this name, which is created off.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), status: false, metadata: FlagMetadata::default() }
    }

    /// The flag of a type with [`#[derive(novi::Feature)]`](derive@crate::Feature).
    pub fn of<F: Feature>() -> Self {
        Self::new(F::FLAG)
    }

    /// The flags that the program declares by `#[novi::enabled("...", declare = true)]` and `#[flag("...", declare)]`, by
    /// name. If one is declared several times, it is on if one of them says so, and the first description and owner count.
    ///
    /// ```
    /// use novi::{Declaration, Flags};
    ///
    /// #[novi::enabled("winter-sale", declare = true, description = "Half price", owner = "shop", otherwise = price)]
    /// fn sale_price(price: u32) -> u32 {
    ///     price / 2
    /// }
    ///
    /// let declared = Declaration::registered();
    /// assert_eq!(declared, [Declaration::new("winter-sale").description("Half price").owner("shop")]);
    /// let builder = Flags::builder().ensure_registered(); // creates it when it connects, if it does not exist
    /// ```
    #[must_use]
    pub fn registered() -> Vec<Self> {
        let mut all: Vec<&RegisteredDeclaration> = inventory::iter::<RegisteredDeclaration>().collect();
        all.sort_unstable_by_key(|declared| (declared.flag, declared.location));
        let mut found: Vec<Self> = Vec::new();
        for RegisteredDeclaration { flag, status, description, owner, .. } in all {
            if found.last().is_none_or(|last| last.name != *flag) {
                found.push(Self::new(*flag));
            }
            if let Some(last) = found.last_mut() {
                last.status |= status;
                let FlagMetadata { description: described, owner: owned, .. } = &mut last.metadata;
                *described = described.take().or_else(|| description.map(str::to_owned));
                *owned = owned.take().or_else(|| owner.map(str::to_owned));
            }
        }
        found
    }

    /// The flag's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The status with which the flag is created. Default: `false`. A flag without activations that is on is on for every
    /// caller.
    pub const fn status(mut self, status: bool) -> Self {
        self.status = status;
        self
    }

    /// What the flag is for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.metadata.description = Some(description.into());
        self
    }

    /// Who is responsible for the flag: names or addresses.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.metadata.owner = Some(owner.into());
        self
    }

    /// When the flag should be removed from the code.
    pub const fn expires_at(mut self, expires_at: DateTime<Utc>) -> Self {
        self.metadata.expires_at = Some(expires_at);
        self
    }

    /// All metadata, in place of those that were set before.
    pub fn metadata(mut self, metadata: FlagMetadata) -> Self {
        self.metadata = metadata;
        self
    }
}

/// A flag that an attribute or a derive declares.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "macros write it")]
pub struct RegisteredDeclaration {
    pub flag: &'static str,
    pub status: bool,
    pub description: Option<&'static str>,
    pub owner: Option<&'static str>,
    pub location: &'static str,
}

inventory::collect!(RegisteredDeclaration);

impl Flags {
    /// Creates the declared flags that do not exist, and returns the names of those that it has created. A flag that exists
    /// stays as it is, whatever the declaration says: people may have changed it.
    ///
    /// Many processes can start with it at the same time: each flag is created once. It does not touch the database if the
    /// current snapshot has all the flags. The history records the program's name as the author.
    ///
    #[cfg_attr(feature = "sqlite", doc = "```")]
    #[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
    /// use novi::{Context, Declaration, Flags, store};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = &format!("sqlite://{}/shop.db", folder.path().display());
    /// # store::create(url).await?.migrate().await?;
    /// let store = store::connect(url).await?;
    /// let flags = Flags::connect(url).await?;
    /// let checkout = Declaration::new("new-checkout").description("The checkout of 2027").owner("web");
    /// assert_eq!(flags.ensure(&*store, [checkout.clone()]).await?, ["new-checkout"]);
    /// assert!(flags.evaluate("new-checkout", &Context::new()).is_ok());
    /// assert!(flags.ensure(&*store, [checkout.status(true)]).await?.is_empty());
    /// assert!(!flags.is_enabled("new-checkout", &Context::new()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Constraint`] for a name that the table cannot have, [`Error::Invalid`] for metadata that are invalid, and
    /// [`Error::Store`] if the database fails or does not permit it.
    pub async fn ensure(
        &self,
        store: &dyn WriteStore,
        declarations: impl IntoIterator<Item = Declaration>,
    ) -> Result<Vec<String>> {
        // Each of them means that another process has changed rows in the meantime.
        const MOST_ATTEMPTS: usize = 100;
        let mut missing = self.unknown(declarations);
        let mut attempts = 0;
        loop {
            if missing.is_empty() {
                return Ok(Vec::new());
            }
            let rows = store.load().await?;
            let existing: BTreeSet<&str> = rows.flags.iter().map(|row| row.name.as_str()).collect();
            missing.retain(|declaration| !existing.contains(declaration.name.as_str()));
            if missing.is_empty() {
                self.follow(rows.revision).await?;
                return Ok(Vec::new());
            }
            match self.create(store, &rows, &missing).await {
                Ok(revision) => {
                    self.follow(revision).await?;
                    return Ok(missing.into_iter().map(|declaration| declaration.name).collect());
                }
                Err(error) if attempts < MOST_ATTEMPTS && is_overtaken(&error) => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The declarations of flags that the current snapshot does not have, the first of each name.
    fn unknown(&self, declarations: impl IntoIterator<Item = Declaration>) -> Vec<Declaration> {
        let snapshot = self.snapshot();
        let known: BTreeSet<&str> = snapshot.flag_names().collect();
        let mut names = BTreeSet::new();
        declarations
            .into_iter()
            .filter(|flag| !known.contains(flag.name.as_str()) && names.insert(flag.name.clone()))
            .collect()
    }

    async fn create(&self, store: &dyn WriteStore, rows: &Rows, missing: &[Declaration]) -> Result<Revision> {
        let highest = rows.highest_ids().flags;
        let row = |(id, Declaration { name, status, metadata }): (i64, &Declaration)| FlagRow {
            metadata: metadata.clone(),
            ..FlagRow::new(id, name, *status)
        };
        let changes = (highest.saturating_add(1)..).zip(missing).map(row).map(Change::InsertFlag);
        let author = Author { actor: program(), reason: Some("declared in the code".to_owned()) };
        // The ids are free in these rows, and perhaps not in later ones.
        let edit = Edit::new(changes).by(author).expect_revision(rows.revision.number());
        self.writer().commit(store, edit).await
    }

    /// Evaluates by this revision, if these flags follow a database.
    #[cfg_attr(not(feature = "sql"), expect(clippy::unused_async, reason = "only a database is waited for"))]
    async fn follow(&self, revision: Revision) -> Result<()> {
        #[cfg(feature = "sql")]
        self.refresh_to(revision).await?;
        let _ = revision;
        Ok(())
    }
}

/// Whether another process has changed rows in the meantime.
const fn is_overtaken(error: &Error) -> bool {
    matches!(error, Error::RevisionChanged { .. } | Error::Contention { .. })
}

/// The name of the program.
fn program() -> Option<String> {
    let program = env::current_exe().ok();
    program.and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
}
