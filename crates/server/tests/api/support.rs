//! A server over a database with the demo rows.

use std::{sync::Arc, time::Duration};

use novi::{
    Flags,
    store::{self, SchemaStore},
};
use novi_server::{Database, Options, serve};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::common::TestDatabase;

pub struct Api {
    pub base: String,
    pub flags: Flags,
    pub store: Arc<dyn SchemaStore>,
    client: reqwest::Client,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Api {
    /// A server over an empty database with the demo rows.
    pub async fn start(database: &TestDatabase) -> Self {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let api = Self::over(store).await;
        api.store.run_script(store::DEMO_ROWS).await.unwrap();
        api.flags.refresh_to(api.store.revision().await.unwrap()).await.unwrap();
        api.settled().await;
        api
    }

    /// Another server over the same database.
    pub async fn second_server(&self, database: &TestDatabase) -> Self {
        Self::over(store::connect(&database.url).await.unwrap()).await
    }

    async fn over(store: Arc<dyn SchemaStore>) -> Self {
        Self::over_with(store, Options::default()).await
    }

    pub async fn over_with(store: Arc<dyn SchemaStore>, mut options: Options) -> Self {
        let reads: Arc<dyn SchemaStore> = Arc::clone(&store);
        let flags = Flags::builder().keep_rows().from_store(reads).await.unwrap();
        options.database = Some(Database::new(Arc::clone(&store)));
        Self { store, ..Self::serving(flags, options).await }
    }

    /// A server without a database.
    pub async fn without_database(flags: Flags) -> Self {
        Self::serving(flags, Options::default()).await
    }

    pub async fn serving(flags: Flags, mut options: Options) -> Self {
        // A slow machine takes more than the default for requests that wait for each other.
        options.request_timeout = options.request_timeout.max(Duration::from_mins(1));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, flags.clone(), options, std::future::pending()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let store = store::create("sqlite::memory:").await.unwrap();
        Self { base, flags, store, client }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn raw(&self, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Reply {
        let mut request = self.client.post(format!("{}{path}", self.base)).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    /// The history, once it no longer changes: on MySQL readers record the order of the changes that they
    /// have seen.
    pub async fn settled(&self) -> Value {
        let mut before = Value::Null;
        loop {
            let now = self.get("/api/history?limit=1000").await.with(200);
            if now == before {
                return now;
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[], Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, &[], Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }

    #[track_caller]
    pub fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        self.json()
    }

    /// The error with this status and code.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> Value {
        let error = self.with(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        error
    }

    pub fn tag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }
}

/// The pointers and messages of the problems.
pub fn problems(error: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let problems = error["problems"].as_array().unwrap();
    problems.iter().map(|problem| (text(&problem["pointer"]), text(&problem["message"]))).collect()
}

/// Waits until a condition is true.
pub async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let polled = async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), polled).await.unwrap();
}
