//! Rows that change during requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use novi::rows::{ActivationRow, FlagRow, LinkRow, Revision, Rows};
use serde_json::{Value, json};

use crate::common::{Reply, Server, client};

/// Two flags that always change together, and an activation named after the revision.
fn rows(revision: i64) -> Rows {
    let on = revision % 2 == 0;
    Rows {
        revision: Revision::new(revision),
        flags: vec![FlagRow::new(1, "one", on), FlagRow::new(2, "two", on)],
        activations: vec![ActivationRow::new(1, revision.to_string(), "novi.and", "[]")],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 1)],
        ..Rows::default()
    }
}

/// The revision, which must be the same in every part of a response.
fn revision(all: &Value) -> i64 {
    let list = all.as_array().unwrap();
    let name = list[0]["activations"][0]["name"].as_str().unwrap();
    let revision: i64 = name.parse().unwrap();
    let activations = json!([{"class_name": "novi.and", "config": "[]", "id": 1, "name": name}]);
    let flag =
        |id, name| json!({"activations": activations, "id": id, "name": name, "status": revision % 2 == 0});
    assert_eq!(*all, json!([flag(1, "one"), flag(2, "two")]));
    revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn response_is_of_one_revision_while_rows_change() {
    let server = Server::start(rows(0)).await;
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let (done, answered) = (Arc::clone(&done), Arc::clone(&answered));
            let (list, evaluated) = (server.url("/flags"), server.url("/evaluatedFlags"));
            tokio::spawn(async move {
                let (client, mut latest) = (client(), 0);
                while !done.load(Ordering::SeqCst) {
                    let request = if reader % 2 == 0 { client.get(&list) } else { client.post(&evaluated) };
                    let seen = revision(&Reply::of(request.send().await.unwrap()).await.ok());
                    assert!(seen >= latest, "revision {seen} after {latest}");
                    latest = seen;
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut swaps = 0;
    while answered.load(Ordering::SeqCst) < 3000 && !readers.iter().any(tokio::task::JoinHandle::is_finished)
    {
        swaps += 1;
        server.flags.replace_rows(rows(swaps));
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(swaps > 100, "only {swaps} swaps");
    assert_eq!(revision(&server.get("/flags").await.ok()), swaps);
}

#[tokio::test]
async fn rows_replaced_with_the_same_revision_are_used() {
    let server = Server::start(rows(0)).await;
    assert_eq!(server.get("/flags").await.ok()[0]["status"], true);
    server.flags.replace_rows(Rows { revision: Revision::new(0), ..rows(1) });
    assert_eq!(server.get("/flags").await.ok()[0]["status"], false);
}
