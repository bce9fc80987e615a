//! Cross-origin requests.

use novi::Flags;
use novi_server::{Options, Origins};
use reqwest::Method;

use crate::common::{Reply, Server, demo};

const LISTED: &str = "https://app.example.org";

async fn server(origins: &[&str]) -> Server {
    let mut options = Options::default();
    options.origins = Origins::new(origins).unwrap();
    Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await
}

async fn call(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = server.client.request(method, server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request.body(r#"{"context": {}}"#).send().await.unwrap()).await
}

/// Responses of the router and of the fast path, and errors.
const PATHS: [(Method, &str, u16); 4] = [
    (Method::GET, "/flags", 200),
    (Method::POST, "/ofrep/v1/evaluate/flags", 200),
    (Method::POST, "/ofrep/v1/evaluate/flags/none", 404),
    (Method::GET, "/nothing", 404),
];

#[tokio::test]
async fn page_of_an_allowed_origin_reads_responses_and_headers() {
    let server = server(&["https://other.example.org", LISTED]).await;
    for (method, path, status) in PATHS {
        let reply =
            call(&server, method, path, &[("origin", LISTED), ("content-type", "application/json")]).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
        assert_eq!(reply.header("access-control-allow-origin"), Some(LISTED), "{path}");
        let exposed = reply.header("access-control-expose-headers").unwrap().to_lowercase();
        for name in ["etag", "retry-after", "x-request-id", "x-novi-feature-toggles-enabled"] {
            assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{path}: {name} in {exposed}");
        }
        assert!(reply.header("x-request-id").is_some());
        assert!(reply.header("vary").unwrap().to_lowercase().contains("origin"), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn page_of_another_origin_reads_nothing() {
    for origins in [&[][..], &[LISTED]] {
        let server = server(origins).await;
        for origin in
            ["https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null"]
        {
            for (method, path, status) in PATHS {
                let headers = [("origin", origin), ("content-type", "application/json")];
                let reply = call(&server, method, path, &headers).await;
                assert_eq!(reply.status, status, "{path}");
                assert_eq!(reply.header("access-control-allow-origin"), None, "{origin} {path}");
            }
            let headers = [("origin", origin), ("access-control-request-method", "POST")];
            let preflight = call(&server, Method::OPTIONS, "/ofrep/v1/evaluate/flags", &headers).await;
            assert_eq!(preflight.header("access-control-allow-origin"), None, "{origin}");
        }
    }
}

#[tokio::test]
async fn preflight_lists_methods_and_headers() {
    let server = server(&[LISTED]).await;
    let headers = [
        ("origin", LISTED),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,if-none-match"),
    ];
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/Combo%20AND", "/features"] {
        let reply = call(&server, Method::OPTIONS, path, &headers).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        assert_eq!(reply.header("access-control-allow-origin"), Some(LISTED), "{path}");
        assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"));
        let allowed = reply.header("access-control-allow-headers").unwrap();
        for name in ["authorization", "content-type", "if-none-match", "x-api-key"] {
            assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} in {allowed}");
        }
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn wildcard_origin_is_allowed_without_credentials() {
    let server = server(&["*"]).await;
    for (method, path, _) in PATHS {
        let reply = call(&server, method, path, &[("origin", "https://a.example")]).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{path}");
    }
}

#[tokio::test]
async fn further_headers_can_be_allowed() {
    let options = Options::default()
        .origins(Origins::new([LISTED]).unwrap())
        .cors_headers(vec!["x-tenant".parse().unwrap()]);
    let server = Server::start_with(Flags::from_rows(demo()).unwrap(), options).await;
    let asked = [
        ("origin", LISTED),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-tenant"),
    ];
    let reply = call(&server, Method::OPTIONS, "/ofrep/v1/evaluate/flags", &asked).await;
    let allowed = reply.header("access-control-allow-headers").unwrap().to_lowercase();
    for name in ["x-tenant", "baggage", "sentry-trace", "request-id"] {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} in {allowed}");
    }
}
