//! `export`, and what can be done with the file: reading, and starting without the database.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    common::databases,
    serve::Server,
    support::{Folder, PATIENCE},
};

#[tokio::test]
async fn a_file_stands_for_the_database_where_flags_are_read() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        folder.run(&["export", "--snapshot", "flags.novi"]).expect(0);
        let exported = folder.run(&["export", "--snapshot", "flags.novi", "--json"]).expect(0).json();
        assert_eq!((&exported["snapshot"], &exported["flags"]), (&"flags.novi".into(), &4.into()));
        let reading: [&[&str]; 4] = [
            &["list", "--json"],
            &["show", "Combo AND"],
            &["check"],
            &["eval", "Combo AND", "--context", "{\"seed\": 90}", "--json"],
        ];
        for command in reading {
            let of_file = folder.run(&[command, &["--database", "file:flags.novi"]].concat()).expect(0);
            assert_eq!(of_file.out, folder.run(command).expect(0).out, "{command:?}");
        }
    }
}

#[test]
fn what_is_no_snapshot_is_told() {
    let folder = Folder::demo();
    folder.write("letter.novi", "Dear reader");
    insta::assert_snapshot!(folder.transcript(&[
        &["export"],
        &["export", "--snapshot", "flags.novi"],
        &["export", "--snapshot", "no/such/flags.novi"],
        &["--database", "file:none.novi", "list"],
        &["--database", "file:letter.novi", "list"],
        &["--database", "file:flags.novi", "disable", "Combo AND"],
        &["--database", "file:flags.novi", "migrate"],
    ]));
}

/// What `/health/ready` says, whatever its status is.
async fn ready(server: &Server) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let reply = client.get(format!("{}/health/ready", server.url)).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test]
async fn a_server_starts_without_its_database() {
    let mut folder = Folder::demo();
    folder.run(&["export", "--snapshot", "flags.novi"]).expect(0);
    // Nobody listens there.
    folder.set("NOVI_DATABASE__URL", "postgres://u:secret@127.0.0.1:1/x");
    let nothing = Server::start(&folder, &[]);
    let (status, body) = ready(&nothing).await;
    assert_eq!((status, &body["source"]), (503, &"nowhere".into()), "{body}");
    assert_eq!(nothing.get("/health/live").await["status"], "live");
    assert!(nothing.greeting.contains("(which does not answer: there are no flags until it does)"));
    let (_, _, err) = nothing.stop();
    assert!(
        err.contains("there are no flags until the database answers") && !err.contains("secret"),
        "{err}"
    );
    assert_eq!(err.matches("Connection refused").count(), 1, "told once an outage: {err}");

    folder.set("NOVI_SNAPSHOT__PATH", "flags.novi");
    let from_file = Server::start(&folder, &[]);
    let (status, body) = ready(&from_file).await;
    assert_eq!((status, &body["source"]), (200, &"file".into()), "{body}");
    assert!(body["age_seconds"].as_f64().unwrap() < 60.0);
    assert_eq!(from_file.get("/flags").await.as_array().unwrap().len(), 4);
    let greeting = &from_file.greeting;
    assert!(
        greeting.contains("x (which does not answer: flags are those of the snapshot file"),
        "{greeting}"
    );
    let (_, _, err) = from_file.stop();
    assert!(err.contains("the snapshot file of sqlite:novi.db answers"), "{err}");
}

#[tokio::test]
async fn a_server_keeps_its_snapshot_and_outlives_its_file() {
    let mut folder = Folder::demo();
    folder.set("NOVI_SNAPSHOT__PATH", "flags.novi");
    let first = Server::start(&folder, &[]);
    let started = Instant::now();
    while !folder.path("flags.novi").exists() {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.stop();
    for file in ["novi.db", "novi.db-wal", "novi.db-shm"] {
        std::fs::remove_file(folder.path(file)).unwrap_or_default();
    }
    let second = Server::start(&folder, &[]);
    assert_eq!(second.get("/flags").await.as_array().unwrap().len(), 4);
    assert_eq!(ready(&second).await.1["source"], "file");
    folder.run(&["migrate"]).expect(0);
    let started = Instant::now();
    while ready(&second).await.1["source"] != "database" {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(second.get("/flags").await.as_array().unwrap().len(), 0);
}
