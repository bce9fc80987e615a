//! The router in an application.

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};
use novi::{
    Flags,
    store::{SchemaStore as _, SqliteStore},
};
use novi_server::{Options, Server as NoviServer, router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::common::{Reply, Server, client, demo, demo_json};

/// Serves an application, and returns its URL.
async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test]
async fn router_works_below_a_path_with_parameters() {
    let novi = || router(Flags::builder().keep_rows().from_rows(demo()).unwrap(), Options::default());
    let app = Router::new()
        .route("/", get(async |State(state): State<&'static str>| state))
        .nest("/novi", novi().with_state(()))
        .nest("/tenants/{tenant}", novi().with_state(()))
        .fallback(async || "the application's own")
        .with_state("the application's state");
    let (url, client) = (serve(app).await, client());
    let fetch = async |path: &str| Reply::of(client.get(format!("{url}{path}")).send().await.unwrap()).await;
    let all = demo_json([true; 4]);
    for prefix in ["/novi", "/tenants/acme"] {
        assert_eq!(fetch(&format!("{prefix}/flags")).await.ok(), all);
        assert_eq!(fetch(&format!("{prefix}/flags/Combo%20OR")).await.ok(), all[3]);
        fetch(&format!("{prefix}/flags/none")).await.error(404, "flag_not_found");
        fetch(&format!("{prefix}/evaluatedFlags")).await.error(405, "method_not_allowed");
        fetch(&format!("{prefix}/ofrep/v1/evaluate/flags")).await.error(405, "method_not_allowed");
        fetch(&format!("{prefix}/health/ready")).await.ok();
    }
    assert_eq!(fetch("/").await.text, "the application's state");
    let own = fetch("/none").await;
    assert_eq!((own.text.as_str(), own.header("x-request-id")), ("the application's own", None));
}

#[tokio::test]
async fn mounted_router_knows_its_path() {
    let flags = Flags::builder().keep_rows().from_rows(demo()).unwrap();
    let mounted = serve(Router::new().nest("/admin", router(flags.clone(), Options::default()))).await;
    let alone = Server::start_with(flags, Options::default()).await;
    let client = client();
    let fetch = async |url: String| Reply::of(client.get(url).send().await.unwrap()).await;

    let message = fetch(format!("{mounted}/admin/none")).await.error(404, "route_not_found");
    let expected = "no route /admin/none; GET /admin/openapi.json lists the routes, such as GET /admin/flags and \
                    POST /admin/ofrep/v1/evaluate/flags";
    assert_eq!(message, expected);

    let document = fetch(format!("{mounted}/admin/openapi.json")).await.ok();
    assert_eq!(document["servers"], json!([{"url": "/admin"}]));
    let mut without_servers = document;
    without_servers.as_object_mut().unwrap().remove("servers");
    assert_eq!(alone.get("/openapi.json").await.ok(), without_servers);

    let evaluate = client
        .post(format!("{mounted}/admin/ofrep/v1/evaluate/flags"))
        .header("content-type", "application/json")
        .body(r#"{"context": {}}"#);
    let all = Reply::of(evaluate.send().await.unwrap()).await.ok();
    let stream = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    assert!(stream.starts_with("/admin/ofrep/v1/events?ticket="), "{stream}");
    let stream = client.get(format!("{mounted}{stream}")).send().await.unwrap();
    assert_eq!(stream.status(), 200);
}

#[tokio::test]
async fn server_from_a_store_reads_and_writes() {
    let store = Arc::new(SqliteStore::create("sqlite::memory:").await.unwrap());
    store.migrate().await.unwrap();
    let novi = NoviServer::from_store(store).await.unwrap().options(Options::default().body_limit(100));
    let flags = novi.flags().clone();
    let (url, client) = (serve(Router::new().nest("/novi", novi.router())).await, client());
    let create = async |body: String| {
        let request = client.post(format!("{url}/novi/api/flags")).header("content-type", "application/json");
        Reply::of(request.body(body).send().await.unwrap()).await
    };
    let created = create(json!({"name": "Winter sale", "status": true}).to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert!(flags.is_enabled("Winter sale", &novi::Context::new()));
    let listed = Reply::of(client.get(format!("{url}/novi/flags")).send().await.unwrap()).await.ok();
    assert_eq!(listed[0]["name"], "Winter sale");
    create(" ".repeat(101)).await.error(413, "body_too_large");
}

#[tokio::test]
async fn endpoints_without_rows_report_keep_rows() {
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
