//! A service whose handlers ask the flags of their request, and that mounts novi's own endpoints beside them.
//! Run it with: cargo run --example axum_service
//! and then: curl -i 'http://127.0.0.1:8080/greeting?user=ada'
//! or: curl -i 'http://127.0.0.1:8080/greeting?user=ada' -H 'X-Novi-Feature-Toggles: Random Variant Feature=off'

use axum::{Router, routing::get};
use novi::{
    Flags,
    store::{self, DEMO_ROWS},
};
use novi_server::{Options, RequestFlags, RequestToggles, router};

/// All answers of a request are of one revision, for its caller, with the toggles that it came with.
async fn greeting(flags: RequestFlags) -> String {
    let user = flags.context().targeting_key().unwrap_or("stranger");
    match flags.evaluate("Random Variant Feature") {
        Ok(decision) if decision.enabled() => {
            format!("Hello {user}, you have variant {}\n", decision.variant().unwrap_or("none"))
        }
        _ => format!("Hello {user}\n"),
    }
}

fn app(flags: &Flags) -> Router {
    let toggles = RequestToggles::new(flags.clone())
        .context(|request, context| {
            let query = request.uri.query().unwrap_or_default();
            if let Some(user) = query.split('&').find_map(|pair| pair.strip_prefix("user=")) {
                context.insert("targetingKey", user.to_owned());
            }
        })
        // A service of your own asks here whether the caller is one of your staff.
        .trust(|_| true);
    Router::new()
        .route("/greeting", get(greeting))
        .layer(toggles)
        .nest("/novi", router(flags.clone(), Options::default()))
}

/// The service's own pool serves novi as well. The rows are kept, since the endpoints under `/novi` tell of them.
async fn flags() -> Result<Flags, Box<dyn std::error::Error>> {
    let database = store::create("sqlite::memory:").await?;
    database.migrate().await?;
    database.run_script(DEMO_ROWS).await?;
    Ok(Flags::builder().keep_rows().from_store(database).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(&flags().await?);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("try: curl 'http://{}/greeting?user=ada'", listener.local_addr()?);
    println!("and: curl 'http://{}/novi/flags'", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
