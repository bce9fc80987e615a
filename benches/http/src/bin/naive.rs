//! The server to compare with: axum, one thread, a body that is not even read, and an answer that is always the same. What costs more
//! than this is the price of being asked for something.

use std::io::Write;

use axum::{
    Router,
    http::header,
    routing::{get, post},
};

/// As long as the answer for one flag is.
const ANSWER: &str = r#"{"key":"flag-0000","value":true,"reason":"TARGETING_MATCH","variant":"on","metadata":{"revision":1003}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let answer = || async { ([(header::CONTENT_TYPE, "application/json")], ANSWER) };
    let router = Router::new()
        .route("/health/ready", get(answer))
        .route("/ofrep/v1/evaluate/flags/{key}", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port is bound");
    println!(r#"{{"listening": "{address}"}}"#);
    std::io::stdout().flush().expect("somebody reads the address");
    axum::serve(listener, router).await.expect("it serves until it is stopped");
}
