//! A server with rows on its own socket, and a client.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_server::{Options, serve};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing_subscriber::{
    Layer as _, filter::dynamic_filter_fn, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The longest wait of a test.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub struct Server {
    pub address: SocketAddr,
    pub flags: Flags,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Server {
    pub async fn start(rows: Rows) -> Self {
        Self::start_with(Flags::builder().keep_rows().from_rows(rows).unwrap(), Options::default()).await
    }

    pub async fn start_with(flags: Flags, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(serve(listener, flags.clone(), options, shutdown));
        Self { address, flags, client: client(), stop: Some(stop), task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.client.post(self.url(path)).header("content-type", "application/json");
        Reply::of(request.body(body).send().await.unwrap()).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes over a new connection, and reads until the server closes it.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        Reply::read(&mut stream).await
    }

    /// `GET` of a target that a client would normalize.
    pub async fn get_raw(&self, target: &str) -> Reply {
        self.raw(format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    /// Sends the shutdown signal.
    pub fn signal(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Ends the server.
    pub async fn ended_after_signal(mut self) {
        self.signal();
        self.ended().await;
    }

    /// Waits until the server has returned.
    pub async fn ended(self) {
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

impl Reply {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// Reads a response until the server closes the connection.
    pub async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)).map_or(0, |code| code.parse().unwrap());
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        Self { status, headers: lines.map(header).collect(), text: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }

    /// The body of a 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// The message of an error with this status and code.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        let message = body["error"]["message"].as_str().unwrap();
        let id = self.header("x-request-id").unwrap();
        assert_eq!(body, json!({"error": {"code": code, "message": message, "request_id": id}}));
        message.to_owned()
    }
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// The rows of the Python original's documentation.
pub fn demo() -> Rows {
    let flag = |id, name| FlagRow::new(id, name, true);
    let [date, random, and, or] = demo_activations();
    let activation =
        |id, (name, class, config): (&str, &str, &str)| ActivationRow::new(id, name, class, config);
    Rows {
        flags: vec![
            flag(1, "Date and Random Activated Feature"),
            flag(2, "Random Variant Feature"),
            flag(3, "Combo AND"),
            flag(4, "Combo OR"),
        ],
        activations: vec![activation(1, date), activation(2, random), activation(3, and), activation(4, or)],
        links: [(1, 1), (1, 2), (2, 2), (3, 3), (4, 4)].map(|(flag, act)| LinkRow::new(flag, act)).into(),
        ..Rows::default()
    }
}

fn demo_activations() -> [(&'static str, &'static str, &'static str); 4] {
    [
        (
            "Date Activated",
            "novi.client.activations.date_time_activation.DateTimeActivation",
            r#"{"startDateTime":"11/26/2023 12:00 AM","endDateTime":"11/28/2023 12:00 AM","format": "%m/%d/%Y %I:%M %p"}"#,
        ),
        (
            "Random Split Activated",
            "novi.client.activations.weighted_random_activation.WeightedRandomActivation",
            r#"{ "splits":[100, 0, 0], "variations":["A", "B", "C"]}"#,
        ),
        ("Combo AND Activation", "novi.client.activations.and_activation.AndActivation", "[1,2]"),
        ("Combo OR Activation", "novi.client.activations.or_activation.OrActivation", "[1,2]"),
    ]
}

/// The response of the Python original for [`demo`], with these statuses.
pub fn demo_json(statuses: [bool; 4]) -> Value {
    let mut id = 0;
    let [date, random, and, or] = demo_activations().map(|(name, class_name, config)| {
        id += 1;
        json!({"class_name": class_name, "config": config, "id": id, "name": name})
    });
    let [first, second, third, fourth] = statuses;
    json!([
        {"activations": [date, random], "id": 1, "name": "Date and Random Activated Feature", "status": first},
        {"activations": [random], "id": 2, "name": "Random Variant Feature", "status": second},
        {"activations": [and], "id": 3, "name": "Combo AND", "status": third},
        {"activations": [or], "id": 4, "name": "Combo OR", "status": fourth},
    ])
}

/// The text with every byte percent-encoded.
pub fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// Waits until a condition is true.
pub async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let polled = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, polled).await.unwrap();
}

/// Everything that the process logs, at every level, while a test captures it.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// How many tests capture the log.
static CAPTURES: AtomicUsize = AtomicUsize::new(0);

/// Stops the capture when it is dropped.
pub struct Capture(Log);

impl Log {
    /// Captures the log, which also has lines of other tests.
    pub fn capture() -> Capture {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            let captured = dynamic_filter_fn(|_, _| CAPTURES.load(Ordering::SeqCst) > 0);
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
            tracing_subscriber::registry().with(layer.with_filter(captured)).init();
            log
        });
        CAPTURES.fetch_add(1, Ordering::SeqCst);
        Capture(log.clone())
    }
}

impl Capture {
    pub fn text(&self) -> String {
        let Log(bytes) = &self.0;
        String::from_utf8(bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        CAPTURES.fetch_sub(1, Ordering::SeqCst);
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
