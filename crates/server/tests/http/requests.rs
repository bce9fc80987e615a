//! Request ids.

use std::collections::BTreeSet;

use crate::common::{Reply, Server, demo};

async fn id_for(server: &Server, sent: &str) -> String {
    let request = server.client.get(server.url("/flags")).header("x-request-id", sent);
    Reply::of(request.send().await.unwrap()).await.header("x-request-id").unwrap().to_owned()
}

#[tokio::test]
async fn valid_request_id_is_kept() {
    let server = Server::start(demo()).await;
    for sent in ["a", "0af7651916cd43dd-8448eb211c80319c", "~!{}\"", &"x".repeat(128)] {
        assert_eq!(id_for(&server, sent).await, sent);
    }
}

#[tokio::test]
async fn invalid_request_id_is_replaced() {
    let server = Server::start(demo()).await;
    for sent in ["", "a b", "a\tb", &"x".repeat(129)] {
        let id = id_for(&server, sent).await;
        assert_ne!(id, sent);
        assert_eq!(id.len(), 32);
    }
    let odd = "GET /flags HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: \u{e9}\r\n\r\n";
    assert_eq!(server.raw(odd).await.header("x-request-id").unwrap().len(), 32);
}

#[tokio::test]
async fn every_response_has_a_unique_request_id() {
    let server = Server::start(demo()).await;
    let mut ids = BTreeSet::new();
    for path in ["/flags", "/flags", "/flags/none", "/none", "/health/live", "/evaluatedFlags"] {
        let reply = server.get(path).await;
        assert_eq!(reply.headers.get_all("x-request-id").iter().count(), 1);
        ids.insert(reply.header("x-request-id").unwrap().to_owned());
    }
    assert_eq!(ids.len(), 6);
}
