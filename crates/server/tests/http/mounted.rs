//! The router inside of an application's own.

use axum::{Router, extract::State, routing::get};
use novi::Flags;
use novi_server::{Options, router};
use tokio::net::TcpListener;

use crate::common::{Reply, Server, client, demo, demo_json};

#[tokio::test]
async fn the_router_can_be_nested_below_a_path_with_parameters() {
    let novi = || router(Flags::builder().keep_rows().from_rows(demo()).unwrap(), Options::default());
    let app = Router::new()
        .route("/", get(async |State(state): State<&'static str>| state))
        .nest("/novi", novi().with_state(()))
        .nest("/tenants/{tenant}", novi().with_state(()))
        .fallback(async || "the application's own")
        .with_state("the application's state");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = client();
    let fetch = async |path: &str| {
        Reply::of(client.get(format!("http://{address}{path}")).send().await.unwrap()).await
    };
    let all = demo_json([true; 4]);
    for prefix in ["/novi", "/tenants/acme"] {
        assert_eq!(fetch(&format!("{prefix}/flags")).await.ok(), all);
        assert_eq!(fetch(&format!("{prefix}/flags/Combo%20OR")).await.ok(), all[3]);
        fetch(&format!("{prefix}/flags/none")).await.error(404, "flag_not_found");
        fetch(&format!("{prefix}/none")).await.error(404, "route_not_found");
        fetch(&format!("{prefix}/evaluatedFlags")).await.error(405, "method_not_allowed");
        fetch(&format!("{prefix}/health/ready")).await.ok();
    }
    assert_eq!(fetch("/").await.text, "the application's state");
    let own = fetch("/none").await;
    assert_eq!((own.text.as_str(), own.header("x-request-id")), ("the application's own", None));
}

#[tokio::test]
async fn without_rows_the_endpoints_say_what_is_missing() {
    let flags = Flags::from_rows(demo()).unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    let replies = [
        server.get("/flags").await,
        server.get("/flags/Combo%20OR").await,
        server.post("/evaluatedFlags", "").await,
        server.post("/evaluatedFlags/Combo%20OR", "").await,
    ];
    for reply in replies {
        let message = reply.error(500, "rows_not_kept");
        assert!(message.contains("keep_rows()"), "{message}");
    }
}
