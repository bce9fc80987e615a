//! A service that shares its own database pool with novi, evaluates flags per request, and mounts novi's endpoints.
//! cargo run --example axum_service
//!
//! Then: curl -i 'http://127.0.0.1:8080/greeting?user=ada'
//! Or: curl -i 'http://127.0.0.1:8080/greeting?user=ada' -H 'X-Novi-Feature-Toggles: Random Variant Feature=off'

use std::sync::Arc;

use axum::{Router, routing::get};
use novi::{
    Flags,
    sqlx::sqlite::{SqliteConnectOptions, SqlitePool},
    store::{DEMO_ROWS, SchemaStore as _, SqliteStore},
};
use novi_server::{Database, Options, RequestFlags, RequestToggles, router};

/// All decisions of a request have the same revision, caller and toggles.
async fn greeting(flags: RequestFlags) -> String {
    let user = flags.context().targeting_key().unwrap_or("stranger");
    match flags.evaluate("Random Variant Feature") {
        Ok(decision) if decision.enabled() => {
            format!("Hello {user}, you have variant {}\n", decision.variant().unwrap_or("none"))
        }
        _ => format!("Hello {user}\n"),
    }
}

/// The service's routes, with novi's endpoints below `/novi`.
async fn app(pool: SqlitePool) -> Result<Router, novi::Error> {
    let store = Arc::new(SqliteStore::from_pool(pool));
    // Before the service's own migrations, which can then insert flags.
    store.migrate().await?;
    store.run_script(DEMO_ROWS).await?;
    // The endpoints that list rows need them; those that change rows need the database.
    let flags = Flags::builder().keep_rows().from_store(store.clone()).await?;
    let mut options = Options::default();
    options.database = Some(Database::new(store));

    let toggles = RequestToggles::new(flags.clone())
        .context(|request, context| {
            let query = request.uri.query().unwrap_or_default();
            if let Some(user) = query.split('&').find_map(|pair| pair.strip_prefix("user=")) {
                context.insert("targetingKey", user.to_owned());
            }
        })
        // A real service checks here whether the caller is a member of staff.
        .trust(|_| true);
    Ok(Router::new().route("/greeting", get(greeting)).layer(toggles).nest("/novi", router(flags, options)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = SqliteConnectOptions::new().filename(folder.path().join("service.db")).create_if_missing(true);
    let app = app(SqlitePool::connect_with(file).await?).await?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("try: curl 'http://{}/greeting?user=ada'", listener.local_addr()?);
    println!("and: curl 'http://{}/novi/flags'", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
