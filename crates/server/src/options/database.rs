//! The database of the management endpoints.

use std::{fmt, sync::Arc};

use novi::{
    Result,
    store::{SchemaStore, connect},
};
use tokio::sync::OnceCell;

/// The database whose rows the endpoints below `/api` change and whose history they read: the one that the
/// flags follow.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let database = novi_server::Database::new(novi::store::create("sqlite::memory:").await?);
/// let options = novi_server::Options::default().database(database);
/// # Ok::<(), novi::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Database(Arc<Inner>);

enum Inner {
    Open(Arc<dyn SchemaStore>),
    /// Opened on first use: a server with a snapshot file starts while the database is unavailable.
    Lazy {
        url: String,
        store: OnceCell<Arc<dyn SchemaStore>>,
    },
}

impl Database {
    /// An open database.
    #[must_use]
    pub fn new(store: Arc<dyn SchemaStore>) -> Self {
        Self(Arc::new(Inner::Open(store)))
    }

    /// The database at a URL, opened on first use.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self(Arc::new(Inner::Lazy { url: url.into(), store: OnceCell::new() }))
    }

    pub(crate) async fn store(&self) -> Result<&dyn SchemaStore> {
        match &*self.0 {
            Inner::Open(store) => Ok(&**store),
            Inner::Lazy { url, store } => Ok(&**store.get_or_try_init(|| connect(url)).await?),
        }
    }
}

/// Without the URL, which may contain a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = match &*self.0 {
            Inner::Open(store) => Some(store),
            Inner::Lazy { store, .. } => store.get(),
        };
        f.debug_tuple("Database").field(&store.map(|store| store.name())).finish()
    }
}
