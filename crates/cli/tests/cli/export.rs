//! `novi export`, and its file: reading it, and starting from it without the database.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    common::databases,
    serve::Server,
    support::{Folder, PATIENCE},
};

#[tokio::test]
async fn read_commands_accept_a_snapshot_file() {
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
fn invalid_snapshot_files_are_reported() {
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

#[test]
fn flags_go_to_other_systems_with_a_report() {
    let folder = Folder::demo();
    folder.write(
        "more.yaml",
        "flags:\n  beta: {status: true, owner: web, activations: [{name: pros, class_name: novi.attribute, config: \
         {attribute: plan, equals: pro}}]}\n  hosts: {status: true, activations: [{name: hosts, class_name: novi.host, \
         config: {hosts: web-1}}]}\n  ../up: {status: true}\n",
    );
    folder.run(&["apply", "more.yaml"]).expect(0);
    insta::assert_snapshot!(folder.transcript(&[
        &["export", "--to", "flagd"],
        &["export", "--to", "flagd", "flags.json", "--report", "report.md"],
        &["import", "flagd", "flags.json", "--to-file", "back.yaml"],
        &["export", "--to", "unleash", "--environment", "test", "--json"],
        &["export", "--to", "openfeature", "manifest.json", "--json"],
        &["export", "--to", "ofrep-static", "public"],
        &["export", "--to", "ofrep-static", "more.yaml"],
        &["export", "--to", "flagd", "--format", "toml"],
        &["export", "--environment", "test"],
    ]));
    let responses = folder.path("public/ofrep/v1/evaluate/flags");
    let mut names: Vec<_> =
        std::fs::read_dir(&responses).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["%2E%2E%2Fup.json", "index.json"]);
    let report = std::fs::read_to_string(folder.path("report.md")).unwrap();
    assert!(report.starts_with("# Export to flagd\n\n| source | flag | outcome |"), "{report}");
}

/// The status and body of `/health/ready`.
async fn ready(server: &Server) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let reply = client.get(format!("{}/health/ready", server.url)).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test]
async fn server_starts_without_database() {
    let mut folder = Folder::demo();
    folder.run(&["export", "--snapshot", "flags.novi"]).expect(0);
    // Nothing listens there.
    folder.set("NOVI_DATABASE__URL", "postgres://u:secret@127.0.0.1:1/x");
    let nothing = Server::start(&folder, &[]);
    let (status, body) = ready(&nothing).await;
    assert_eq!((status, &body["source"]), (503, &"nowhere".into()), "{body}");
    assert_eq!(nothing.get("/health/live").await["status"], "live");
    assert!(nothing.greeting.contains("(unavailable; there are no flags until it responds)"));
    let (_, _, err) = nothing.stop();
    assert!(
        err.contains("there are no flags until the database is available") && !err.contains("secret"),
        "{err}"
    );
    assert_eq!(err.matches("Connection refused").count(), 1, "logged once per outage: {err}");

    folder.set("NOVI_SNAPSHOT__PATH", "flags.novi");
    let from_file = Server::start(&folder, &[]);
    let (status, body) = ready(&from_file).await;
    assert_eq!((status, &body["source"]), (200, &"file".into()), "{body}");
    assert!(body["age_seconds"].as_f64().unwrap() < 60.0);
    assert_eq!(from_file.get("/flags").await.as_array().unwrap().len(), 4);
    let greeting = &from_file.greeting;
    assert!(greeting.contains("x (unavailable; using the snapshot file"), "{greeting}");
    let (_, _, err) = from_file.stop();
    assert!(err.contains("using the snapshot file of sqlite:novi.db"), "{err}");
}

#[tokio::test]
async fn server_restarts_from_snapshot_after_database_loss() {
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
