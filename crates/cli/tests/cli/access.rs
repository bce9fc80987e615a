//! Access to a server, with and without tokens.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    common::databases,
    serve::Server,
    support::{Folder, PATIENCE},
};

/// A public address.
const EVERYWHERE: &str = "0.0.0.0:0";

async fn status(server: &Server, token: Option<&str>) -> u16 {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let request = client.get(format!("{}/flags", server.url));
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    request.send().await.unwrap().status().as_u16()
}

/// Tests poll until a token is accepted or rejected, more often than `guess_limit` allows.
fn unlimited(folder: &mut Folder) {
    folder.set("NOVI_SERVER__GUESS_LIMIT", "1000000");
}

async fn until(server: &Server, token: Option<&str>, expected: u16) {
    let started = Instant::now();
    while status(server, token).await != expected {
        assert!(started.elapsed() < PATIENCE, "still not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn token(folder: &Folder, role: &str, name: &str) -> String {
    let made = folder.run(&["token", "create", "--role", role, "--name", name]).expect(0);
    made.out.trim_end().to_owned()
}

#[tokio::test]
async fn serve_on_public_address_requires_tokens() {
    let mut folder = Folder::demo();
    unlimited(&mut folder);
    let rejected = folder.run(&["serve", "--listen", EVERYWHERE]).expect(5);
    assert!(
        rejected.err.contains("novi token create") && rejected.err.contains("--insecure"),
        "{}",
        rejected.err
    );

    let server = Server::start_on(&folder, EVERYWHERE, &["--insecure"]);
    assert_eq!(status(&server, None).await, 200);
    // A new token closes a server that was open until then.
    let admin = token(&folder, "admin", "root");
    until(&server, None, 401).await;
    assert_eq!(status(&server, Some(&admin)).await, 200);
    let (_, _, log) = server.stop();
    assert!(
        log.contains("because of --insecure, everyone who can reach this address has full access"),
        "{log}"
    );
    assert!(!log.contains(&admin), "{log}");

    let server = Server::start_on(&folder, EVERYWHERE, &[]);
    assert_eq!([status(&server, None).await, status(&server, Some(&admin)).await], [401, 200]);
    folder.run(&["token", "revoke", "root"]).expect(0);
    until(&server, Some(&admin), 401).await;
    // Revoking the last token does not open the server again.
    assert_eq!(status(&server, None).await, 401);
    server.stop();
    let server = Server::start(&folder, &[]);
    assert_eq!(status(&server, None).await, 401);
}

#[tokio::test]
async fn revoked_token_is_rejected_on_every_database() {
    for database in databases().await {
        let mut folder = Folder::of(&database);
        unlimited(&mut folder);
        folder.run(&["migrate"]).expect(0);
        let server = Server::start(&folder, &[]);
        assert_eq!(status(&server, None).await, 200, "{:?}", database.kind);
        let secret = token(&folder, "server", "one");
        until(&server, Some(&secret), 200).await;
        folder.run(&["token", "revoke", "one"]).expect(0);
        until(&server, Some(&secret), 401).await;
        let listed = folder.run(&["token", "list", "--json"]).expect(0).json();
        assert_eq!(listed[0]["name"], json!("one"));
        let (_, _, log) = server.stop();
        assert!(log.contains("every local user has full access"), "{:?}: {log}", database.kind);
    }
}

#[tokio::test]
async fn requests_are_rejected_until_tokens_are_loaded() {
    // Flags of a snapshot file without tokens.
    let mut folder = Folder::demo();
    folder.run(&["export", "--snapshot", "flags.novi"]).expect(0);
    std::fs::remove_file(folder.path("flags.novi.tokens")).unwrap();
    folder.set("NOVI_DATABASE__URL", "sqlite://later.db");
    folder.set("NOVI_SNAPSHOT__PATH", "flags.novi");
    unlimited(&mut folder);
    let (local, everywhere) = (Server::start(&folder, &[]), Server::start_on(&folder, EVERYWHERE, &[]));
    for server in [&local, &everywhere] {
        assert_eq!(status(server, Some("any")).await, 503);
    }
    assert_eq!([status(&local, None).await, status(&everywhere, None).await], [503, 401]);
    // Once it is known that no tokens exist, the local server is open, and the public one is not.
    folder.run(&["migrate"]).expect(0);
    until(&local, None, 200).await;
    until(&everywhere, Some("any"), 401).await;
    assert_eq!(status(&everywhere, None).await, 401);
    let (_, _, log) = local.stop();
    assert!(log.contains("requests are rejected until tokens have been loaded"), "{log}");
}

#[tokio::test]
async fn tokens_of_the_snapshot_apply_without_database() {
    let mut folder = Folder::demo();
    folder.set("NOVI_SNAPSHOT__PATH", "flags.novi");
    folder.set("NOVI_SNAPSHOT__INTERVAL", "10ms");
    unlimited(&mut folder);
    let server = Server::start(&folder, &[]);
    let secret = token(&folder, "server", "one");
    until(&server, Some(&secret), 200).await;
    server.stop();
    let kept = std::fs::read_to_string(folder.path("flags.novi.tokens")).unwrap();
    assert!(kept.contains("\"one\"") && !kept.contains(&secret), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path("flags.novi.tokens")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nothing listens there.
    folder.set("NOVI_DATABASE__URL", "postgres://u@127.0.0.1:1/x");
    let server = Server::start_on(&folder, EVERYWHERE, &[]);
    let found =
        [status(&server, Some(&secret)).await, status(&server, None).await, status(&server, Some("x")).await];
    assert_eq!(found, [200, 401, 401]);
    server.stop();
    // An invalid file counts as no file.
    folder.write("flags.novi.tokens", "{\"made\": false, \"tok");
    let server = Server::start(&folder, &[]);
    assert_eq!(status(&server, None).await, 503);
    let (_, _, log) = server.stop();
    assert!(log.contains("could not read the token file flags.novi.tokens"), "{log}");
}

#[test]
fn invalid_server_settings_are_reported() {
    let folder = Folder::demo();
    let serve = |arguments: &[&str]| folder.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    let missing = serve(&["--tls-cert", "none.pem", "--tls-key", "none.pem"]).expect(4);
    assert!(missing.err.contains("could not read none.pem"), "{missing:?}");
    for (arguments, message) in [
        (&["--set", "server.trusted_proxies=[\"10.0.0.0/99\"]"][..], "trusted_proxies: expected networks"),
        (&["--set", "server.cors_origins=[\"app.example.org\"]"], "cors_origins: expected an origin"),
        (&["--set", "server.tls_cert=cert.pem"], "[server] tls_cert: requires tls_key"),
        (&["--set", "server.tls_key=key.pem"], "[server] tls_key: requires tls_cert"),
        (&["--tls-cert", "none.pem"], "--tls-key"),
    ] {
        let run = serve(arguments).expect(2);
        assert!(run.err.contains(message), "{}", run.err);
    }
}
