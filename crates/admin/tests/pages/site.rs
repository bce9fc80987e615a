//! The pages over a new database, mounted at `/admin`, and a browser that keeps its cookie.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use novi::{
    Flags,
    store::{
        self, NewToken, SchemaStore,
        token::{Role, Secret},
    },
};
use novi_server::{Database, Options, Tokens};
use tower::ServiceExt as _;

use crate::databases::TestDatabase;

pub struct Site {
    pub app: Router,
    pub flags: Flags,
    pub store: Arc<dyn SchemaStore>,
    /// Deleted at the end.
    #[allow(dead_code, reason = "it only has to live")]
    folder: Option<tempfile::TempDir>,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// A browser. It sends the cookies that it was sent.
#[derive(Clone)]
pub struct Browser {
    app: Router,
    pub cookie: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

/// Rows of most kinds.
pub const ROWS: &str = r#"
INSERT INTO flags (id, name, status) VALUES
    (1, 'new-checkout', true), (2, 'page-layout', true), (3, 'express', true), (4, 'broken', true), (5, 'plain', false);
INSERT INTO activations (id, name, class_name, config) VALUES
    (1, 'A quarter', 'novi.percentage', '{"percentage": 25}'),
    (2, 'Layouts', 'novi.split', '{"variants": {"grid": 50, "list": 50}}'),
    (3, 'After checkout', 'novi.and', '[{"class_name": "novi.flag", "config": {"flag": "new-checkout"}}, 1]'),
    (4, 'Too much', 'novi.percentage', '{"percentage": 250}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (1, 1), (2, 2), (3, 3), (4, 4);
UPDATE flag_metadata SET description = 'One page', owner = 'payments', tags = '["q4"]', expires_at = '2020-01-01 00:00:00' WHERE flag_id = 1;
"#;

impl Site {
    /// The pages over these rows, for every visitor.
    pub async fn open(sql: &str) -> Self {
        Self::with(sql, |options, _| options).await
    }

    pub async fn with(sql: &str, options: impl FnOnce(Options, Option<Tokens>) -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("novi.db").display());
        Self { folder: Some(folder), ..Self::at(&url, sql, options).await }
    }

    /// The pages over a database of this kind, for every visitor.
    pub async fn over(database: &TestDatabase, sql: &str) -> Self {
        Self::over_with(database, sql, |options| options).await
    }

    pub async fn over_with(
        database: &TestDatabase,
        sql: &str,
        options: impl FnOnce(Options) -> Options,
    ) -> Self {
        Self::at(&database.url, sql, |default, _| options(default)).await
    }

    async fn at(url: &str, sql: &str, options: impl FnOnce(Options, Option<Tokens>) -> Options) -> Self {
        let store: Arc<dyn SchemaStore> = store::create(url).await.unwrap();
        store.migrate().await.unwrap();
        store.run_script(sql).await.unwrap();
        let reads: Arc<dyn SchemaStore> = Arc::clone(&store);
        let flags = Flags::builder().keep_rows().from_store(reads).await.unwrap();
        let tokens = Tokens::follow(Arc::clone(&store) as _, Tokens::INTERVAL).await;
        let default = Options::default().database(Database::new(Arc::clone(&store)));
        let pages = novi_admin::router(flags.clone(), options(default, tokens));
        Self { app: Router::new().nest("/admin", pages), flags, store, folder: None }
    }

    /// The pages behind tokens.
    pub async fn closed(sql: &str) -> Self {
        Self::with(sql, |options, tokens| options.tokens(tokens).open(true)).await
    }

    pub async fn token(&self, role: Role, name: &str) -> String {
        let secret = Secret::generate(role).unwrap();
        let store = self.store.token_store().unwrap();
        store.create_token(NewToken::of(&secret).name(name)).await.unwrap();
        // The first token closes the pages as soon as they have loaded it.
        let mut browser = self.browser();
        while browser.get("/flags").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        secret.reveal().to_owned()
    }

    pub fn browser(&self) -> Browser {
        let headers = vec![("host", "localhost".to_owned())];
        Browser { app: self.app.clone(), cookie: None, headers }
    }

    /// A browser that has logged in.
    pub async fn logged_in(&self, token: &str) -> Browser {
        let mut browser = self.browser();
        let reply = browser.post("/login", "/login", &[("token", token)]).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        browser
    }

    /// Runs SQL as another program does, and waits until the pages use its rows.
    pub async fn run(&self, sql: &str) {
        self.store.run_script(sql).await.unwrap();
        self.flags.refresh_to(self.store.revision().await.unwrap()).await.unwrap();
    }
}

impl Browser {
    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(format!("/admin{path}")).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as the page at `page` has it, with its key.
    pub async fn post(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut key = self.get(page).await.key();
        if key.is_empty() {
            // A page without a form.
            key = self.get("/flags/new?from=switch").await.key();
        }
        let mut fields = fields.to_vec();
        fields.push(("key", &key));
        self.post_raw(path, &fields).await
    }

    /// Sends a form with a file of callers, as a browser does.
    pub async fn post_file(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        file: &str,
        content: &[u8],
    ) -> Reply {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"callers_file\"; filename=\"{file}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend(content);
        body.extend(b"\r\n--b--\r\n");
        let request = Request::post(format!("/admin{path}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    pub async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let request = Request::post(format!("/admin{path}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(fields.join("&")))
            .unwrap();
        self.send(request).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Reply {
        for (name, value) in &self.headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let name = cookie.split('=').next().unwrap();
            let kept = self.cookie.take().unwrap_or_default();
            let others =
                kept.split("; ").filter(|kept| !kept.is_empty() && kept.split('=').next() != Some(name));
            self.cookie = Some(others.chain([cookie]).collect::<Vec<_>>().join("; "));
        }
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The key of the forms of this page.
    pub fn key(&self) -> String {
        self.field("key")
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&start).map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn has(&self, text: &str) {
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
    }
}

pub fn escape(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

/// All pages that show rows.
pub const PAGES: [&str; 22] = [
    "/timeline",
    "/flags",
    "/flags/new",
    "/flags/new?from=split",
    "/flags/1",
    "/flags/2",
    "/flags/3",
    "/flags/4",
    "/flags/1/switch?to=off",
    "/flags/1/edit",
    "/flags/5/delete",
    "/flags/1/add",
    "/flags/1/add?from=window",
    "/activations/1/edit",
    "/history",
    "/issues",
    "/stale",
    "/types",
    "/types/novi.split",
    "/playground?context=%7B%7D",
    "/tokens",
    "/status",
];
