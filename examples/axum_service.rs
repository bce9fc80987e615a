//! A service that asks flags in its handlers, and mounts novi's own endpoints beside them.
//! Run it with: cargo run --example axum_service
//! and then: curl 'http://127.0.0.1:8080/greeting?user=ada'

use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use novi::{
    Context, Flags,
    store::{self, DEMO_ROWS},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Caller {
    user: String,
}

async fn greeting(State(flags): State<Flags>, Query(caller): Query<Caller>) -> String {
    let ctx = Context::new().with("targetingKey", &*caller.user);
    // One snapshot for the whole request: all answers are from one revision.
    let snapshot = flags.snapshot();
    match snapshot.evaluate("Random Variant Feature", &ctx) {
        Ok(decision) if decision.enabled() => {
            format!("Hello {}, you have variant {}\n", caller.user, decision.variant().unwrap_or("none"))
        }
        _ => format!("Hello {}\n", caller.user),
    }
}

fn app(flags: &Flags) -> Router {
    let own = Router::new().route("/greeting", get(greeting)).with_state(flags.clone());
    own.nest("/novi", novi_server::router(flags.clone(), novi_server::Options::default()))
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
