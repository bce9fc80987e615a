//! A server over one store.

use std::{future::Future, io, sync::Arc};

use axum::Router;
use novi::{Flags, FlagsBuilder, Result, store::SchemaStore};
use tokio::net::TcpListener;

use crate::{
    options::{Options, database::Database},
    router::router,
    serve::serve,
};

/// Flags that follow a store, and the endpoints that read and write it: to mount in an application, or to
/// serve.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Router;
/// use novi::{sqlx::SqlitePool, store::{SchemaStore, SqliteStore}};
/// use novi_server::{Options, Server};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let url = &format!("sqlite://{}/shop.db?mode=rwc", folder.path().display());
/// let pool = SqlitePool::connect(url).await?; // the pool that the application has for its own tables
/// let store = Arc::new(SqliteStore::from_pool(pool));
/// store.migrate().await?;
/// let novi = Server::from_store(store).await?.options(Options::default().body_limit(64 * 1024));
/// let flags = novi.flags().clone();
/// let app: Router = Router::new().nest("/novi", novi.router());
/// # use axum::{body::Body, http::{Request, StatusCode}};
/// # use tower::ServiceExt as _;
/// # let request = Request::post("/novi/api/flags").header("content-type", "application/json");
/// # let response = app.oneshot(request.body(Body::from(r#"{"name": "Winter sale", "status": true}"#))?).await?;
/// # assert_eq!(response.status(), StatusCode::CREATED);
/// # assert!(flags.is_enabled("Winter sale", &novi::Context::new()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Mounted like this, every caller has full access: either the application authenticates callers, or
/// [`Options::tokens`](Options#structfield.tokens) does.
#[derive(Clone, Debug)]
#[must_use]
pub struct Server {
    flags: Flags,
    options: Options,
}

impl Server {
    /// A server over a store, with the default settings of flags.
    ///
    /// # Errors
    /// As [`FlagsBuilder::from_store`].
    pub async fn from_store(store: Arc<dyn SchemaStore>) -> Result<Self> {
        Self::with_flags(Flags::builder(), store).await
    }

    /// A server over a store, with these settings of flags.
    ///
    /// # Errors
    /// As [`FlagsBuilder::from_store`].
    pub async fn with_flags(builder: FlagsBuilder, store: Arc<dyn SchemaStore>) -> Result<Self> {
        let database = Database::new(Arc::clone(&store));
        let flags = builder.keep_rows().from_store(store).await?;
        Ok(Self { flags, options: Options::default().database(database) })
    }

    /// Sets the options. The server keeps its store, unless the options have another
    /// [`database`](Options#structfield.database).
    pub fn options(self, options: Options) -> Self {
        let database = options.database.clone().or(self.options.database);
        Self { options: options.database(database), ..self }
    }

    /// The flags. Clones of them are cheap.
    #[must_use]
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The endpoints, to nest in an application; see [`router`](crate::router()).
    pub fn router(self) -> Router {
        router(self.flags, self.options)
    }

    /// Serves the endpoints on a socket until `shutdown` completes; see [`serve`](crate::serve()).
    ///
    /// # Errors
    /// As [`serve`](crate::serve()).
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve(listener, self.flags, self.options, shutdown).await
    }
}
