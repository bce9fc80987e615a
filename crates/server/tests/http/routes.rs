//! Methods and routes.

use reqwest::Method;

use crate::common::{Reply, Server, demo};

#[tokio::test]
async fn unsupported_method_is_rejected_with_the_allowed_ones() {
    let server = Server::start(demo()).await;
    let cases = [
        (Method::DELETE, "/flags", "GET,HEAD"),
        (Method::POST, "/flags/Combo%20AND", "GET,HEAD"),
        (Method::GET, "/evaluatedFlags", "POST"),
        (Method::HEAD, "/evaluatedFlags", "POST"),
        (Method::PUT, "/evaluatedFlags/x", "POST"),
        (Method::OPTIONS, "/health/live", "GET,HEAD"),
    ];
    for (method, path, allowed) in cases {
        let request = server.client.request(method.clone(), server.url(path));
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
        if method == Method::HEAD {
            assert_eq!((reply.status, reply.text.as_str()), (405, ""));
        } else {
            let message = reply.error(405, "method_not_allowed");
            let expected = format!(
                "method {method} is not allowed for this path; the header `allow` lists the allowed methods"
            );
            assert_eq!(message, expected);
        }
    }
}

#[tokio::test]
async fn head_response_is_that_of_get_without_a_body() {
    let server = Server::start(demo()).await;
    for (path, status) in [("/flags", 200), ("/flags/Combo%20AND", 200), ("/flags/none", 404), ("/none", 404)]
    {
        let get = server.get(path).await;
        let head = Reply::of(server.client.head(server.url(path)).send().await.unwrap()).await;
        assert_eq!((head.status, get.status, head.text.as_str()), (status, status, ""));
        for name in ["content-type", "content-length"] {
            assert!(head.header(name).is_some());
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn unknown_route_refers_to_the_openapi_document() {
    let server = Server::start(demo()).await;
    let message = server.get("/flag?token=secret").await.error(404, "route_not_found");
    assert!(message.starts_with("no route /flag; GET /openapi.json lists the routes"), "{message}");
    let description = server.get("/openapi.json").await.ok();
    assert_eq!(description["paths"]["/flags"]["get"]["x-novi-role"], "server");
}
