//! `GET /health/live` and `GET /health/ready`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use novi::{
    Error, Flags, Result,
    rows::{ActivationRow, Revision, Rows},
    store::{BoxFuture, ReadStore},
};
use novi_server::Options;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::common::{PATIENCE, Reply, Server, demo};

#[tokio::test]
async fn server_with_rows_in_memory_is_ready() {
    let mut rows = demo();
    rows.revision = Revision::new(7);
    rows.activations.push(ActivationRow::new(9, "broken", "no.such.class", "{}"));
    let server = Server::start(rows).await;
    assert_eq!(server.get("/health/live").await.ok(), json!({"status": "live"}));
    let reply = server.get("/health/ready").await;
    let ready = json!({
        "status": "ready",
        "revision": 7,
        "source": "memory",
        "age_seconds": null,
        "issues": 1,
        "reason": null,
        "warnings": []
    });
    assert_eq!(reply.ok(), ready);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

/// A database that can become unavailable.
struct Unpluggable(Arc<AtomicBool>);

impl ReadStore for Unpluggable {
    fn name(&self) -> String {
        "a test".to_owned()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        let secret = || Error::store("a test", "could not reach db.internal", "password secret");
        let up = self.0.load(Ordering::SeqCst);
        Box::pin(async move { up.then_some(Revision::new(3)).ok_or_else(secret) })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async { Ok(Rows { revision: Revision::new(3), ..demo() }) })
    }
}

async fn ready_turns(server: &Server, status: u16) -> Reply {
    let start = Instant::now();
    loop {
        let reply = server.get("/health/ready").await;
        if reply.status == status {
            return reply;
        }
        assert!(start.elapsed() < PATIENCE, "{}", reply.text);
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn silent_database_makes_the_server_not_ready_but_flags_are_evaluated() {
    let up = Arc::new(AtomicBool::new(true));
    let store = Arc::new(Unpluggable(Arc::clone(&up)));
    let flags =
        Flags::builder().keep_rows().refresh(Duration::from_millis(20)).from_store(store).await.unwrap();
    let mut options = Options::default();
    options.stale_after = Duration::from_millis(500);
    let server = Server::start_with(flags, options).await;

    let ready = ready_turns(&server, 200).await.ok();
    assert_eq!((&ready["revision"], &ready["reason"]), (&json!(3), &json!(null)));
    assert!(ready["age_seconds"].as_f64().unwrap() <= 0.5);
    assert_eq!(ready["source"], "database");

    up.store(false, Ordering::SeqCst);
    let reply = ready_turns(&server, 503).await;
    let body = reply.json();
    assert_eq!((&body["status"], &body["revision"]), (&json!("not_ready"), &json!(3)));
    assert!(body["age_seconds"].as_f64().unwrap() > 0.5);
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.starts_with("the database has not confirmed revision 3 for "), "{reason}");
    assert!(!reply.text.contains("secret") && !reply.text.contains("internal"), "{}", reply.text);
    server.get("/health/live").await.ok();
    server.post("/evaluatedFlags", "").await.ok();

    up.store(true, Ordering::SeqCst);
    ready_turns(&server, 200).await.ok();
}

#[tokio::test]
async fn start_without_rows_is_live_but_not_ready() {
    let up = Arc::new(AtomicBool::new(false));
    let store = Arc::new(NotThereYet(Arc::clone(&up)));
    let builder = Flags::builder().keep_rows().refresh(Duration::from_millis(20));
    let flags = builder.start_without_database().from_store(store).await.unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    assert_eq!(server.get("/health/live").await.ok(), json!({"status": "live"}));
    let reply = server.get("/health/ready").await;
    assert_eq!(reply.status, 503);
    let reason = "no flags: the database has been unavailable since the start";
    let expected = json!({
        "status": "not_ready",
        "revision": 0,
        "source": "nowhere",
        "age_seconds": null,
        "issues": 0,
        "reason": reason,
        "warnings": []
    });
    assert_eq!(reply.json(), expected);
    server.get("/features").await.error(503, "no_rows");
    up.store(true, Ordering::SeqCst);
    assert_eq!(ready_turns(&server, 200).await.ok()["source"], "database");
}

/// A database that is unavailable at the start.
struct NotThereYet(Arc<AtomicBool>);

impl ReadStore for NotThereYet {
    fn name(&self) -> String {
        "a test".to_owned()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async { Ok(self.load().await?.revision) })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        let up = self.0.load(Ordering::SeqCst);
        let failed = || Error::store("a test", "could not reach db.internal", "password secret");
        Box::pin(async move { up.then(demo).ok_or_else(failed) })
    }
}
