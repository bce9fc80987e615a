//! `novi serve`: the process, its responses, and changes it follows.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    common::{Kind, Raw, databases},
    support::{Folder, PATIENCE},
};

/// A server process, killed at the end of the test.
pub(crate) struct Server {
    pub(crate) process: Child,
    /// `http://127.0.0.1:1234`
    pub(crate) url: String,
    /// Its output when it was ready.
    pub(crate) greeting: String,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts on a free port and waits for the greeting.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::start_on(folder, "127.0.0.1:0", arguments)
    }

    /// Starts on this address.
    pub(crate) fn start_on(folder: &Folder, address: &str, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = ["serve", "--listen", address].iter().chain(arguments).copied().collect();
        let last = if arguments.contains(&"--demo") { "Stop with Ctrl-C.\n" } else { "\n" };
        Self::spawn(folder.command(&arguments), last)
    }

    /// Starts the command and waits for a greeting that ends like this.
    pub(crate) fn spawn(mut command: Command, last: &str) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut errors = process.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            errors.read_to_end(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        });
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.ends_with(last) {
            assert_ne!(lines.read_line(&mut greeting).unwrap(), 0, "it ended: {}", err.join().unwrap());
        }
        let out = std::thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            rest
        });
        let url = greeting.split_whitespace().find(|word| word.contains("://")).unwrap();
        // The demo names the admin page first.
        let url = url.trim_end_matches('.').trim_end_matches("/admin").to_owned();
        assert!(!url.ends_with(":0"), "the greeting has the real port: {greeting}");
        Self { process, url, greeting, out: Some(out), err: Some(err) }
    }

    async fn json(&self, method: &str, path: &str, context: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let url = format!("{}{path}", self.url);
        let request = if method == "GET" { client.get(url) } else { client.post(url).json(context) };
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200, "{method} {path}");
        reply.json().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.json("GET", path, &Value::Null).await
    }

    async fn post(&self, path: &str, context: &Value) -> Value {
        self.json("POST", path, context).await
    }

    /// Whether a flag is on for this caller: the status of an evaluated flag.
    pub(crate) async fn is_on(&self, flag: &str, context: &Value) -> bool {
        let evaluated = self.post(&format!("/evaluatedFlags/{flag}"), context).await;
        evaluated["status"].as_bool().unwrap()
    }

    /// Polls until the flag has this value for `caller`.
    async fn until(&self, flag: &str, expected: bool) {
        let started = Instant::now();
        while self.is_on(flag, &caller()).await != expected {
            assert!(started.elapsed() < PATIENCE, "{flag}: still {}", !expected);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the server has loaded this flag.
    async fn has_flag(&self, name: &str) -> bool {
        self.get("/flags").await.as_array().unwrap().iter().any(|flag| flag["name"] == name)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end. Returns its exit code, and the rest of its standard output and error.
    pub(crate) fn ended(mut self) -> (i32, String, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let code = status.code().expect("it ended by itself");
        let out = self.out.take().unwrap().join().unwrap();
        let err = self.err.take().unwrap().join().unwrap();
        assert!(!err.contains("panicked") && !err.contains('\u{1b}'), "{err}");
        (code, out, err)
    }

    /// Stops it as Ctrl-C does.
    pub(crate) fn stop(self) -> (i32, String, String) {
        self.signal("INT");
        self.ended()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.out.is_some() {
            // Fails if it has ended already.
            drop(self.process.kill().and_then(|()| self.process.wait()));
        }
    }
}

fn caller() -> Value {
    json!({"currentDateTime": "11/26/2023 12:00 AM", "seed": 90, "variant": "A"})
}

#[tokio::test]
async fn server_follows_sql_changes_on_every_database() {
    for database in databases().await {
        let mut folder = Folder::of(&database);
        folder.set("NOVI_REFRESH__INTERVAL", "100ms");
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let server = Server::start(&folder, &[]);
        let names: Vec<_> =
            server.get("/flags").await.as_array().unwrap().iter().map(|flag| flag["name"].clone()).collect();
        let expected =
            ["Date and Random Activated Feature", "Random Variant Feature", "Combo AND", "Combo OR"];
        assert_eq!(names, expected, "{:?}", database.kind);
        let flag = server.get("/flags/Combo%20AND").await;
        let activation =
            json!({"id": 3, "name": "Combo AND Activation", "class_name": "novi.and", "config": "[1,2]"});
        assert_eq!(flag, json!({"id": 3, "name": "Combo AND", "status": true, "activations": [activation]}));
        let all = server.post("/evaluatedFlags", &caller()).await;
        assert_eq!(all.as_array().map(Vec::len), Some(4), "{all}");
        assert!(server.is_on("Combo%20AND", &caller()).await);

        // A DBA adds a flag, and turns another off.
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (50, 'From SQL', true)").await.unwrap();
        raw.run("insert into flags_activations (flag_id, activation_id) values (50, 1)").await.unwrap();
        let inserted = Instant::now();
        while !server.has_flag("From SQL").await {
            assert!(inserted.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.until("From%20SQL", true).await;
        let late = json!({"currentDateTime": "11/29/2023 12:00 AM"});
        let started = Instant::now();
        // The link may arrive in a later poll than the flag, which is on for everyone without it.
        while server.is_on("From%20SQL", &late).await {
            assert!(started.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        raw.run("update flags set status = false where name = 'Combo AND'").await.unwrap();
        server.until("Combo%20AND", false).await;
        // A change from the command line.
        folder.run(&["enable", "Combo AND"]).expect(0);
        server.until("Combo%20AND", true).await;
        // An invalid row breaks only its own flags.
        raw.run("update activations set config = '[1, 99]' where id = 3").await.unwrap();
        server.until("Combo%20AND", false).await;
        assert!(server.is_on("Combo%20OR", &caller()).await);
        let (code, out, err) = server.stop();
        assert_eq!((code, out.as_str()), (0, ""));
        assert!(
            err.contains("activations#3 \"Combo AND Activation\": config[1]: no activation has"),
            "{err}"
        );
    }
}

/// The words of a command in the demo's greeting.
fn shown(greeting: &str, start: &str) -> Vec<String> {
    let line = greeting.lines().map(str::trim).find(|line| line.starts_with(start)).unwrap();
    // The greeting quotes with ' around " and with " around a name, and neither within itself.
    let mut words = vec![];
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '\'' | '"' => rest[1..].split_once(first).unwrap(),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[tokio::test]
async fn admin_page_is_served_unless_it_is_turned_off() {
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |url: String, accept: &str| {
        let reply = client.get(url).header("accept", accept).send().await.unwrap();
        let location = reply.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        (reply.status().as_u16(), location)
    };
    let mut folder = Folder::demo();
    let server = Server::start(&folder, &[]);
    assert!(server.greeting.contains(&format!("Admin page: {}/admin.", server.url)), "{}", server.greeting);
    let page = Some("/admin/flags".to_owned());
    assert_eq!(get(format!("{}/", server.url), "text/html,*/*;q=0.8").await, (303, page.clone()));
    assert_eq!(get(format!("{}/admin", server.url), "*/*").await, (303, page.clone()));
    assert_eq!(get(format!("{}/admin/", server.url), "*/*").await, (303, page));
    assert_eq!(get(format!("{}/admin/flags", server.url), "*/*").await, (200, None));
    assert_eq!(get(format!("{}/", server.url), "application/json").await, (404, None));
    server.stop();

    folder.set("NOVI_SERVER__ADMIN_PAGE", "false");
    let server = Server::start(&folder, &[]);
    assert!(!server.greeting.contains("/admin"), "{}", server.greeting);
    assert_eq!(get(format!("{}/", server.url), "text/html").await, (404, None));
    assert_eq!(get(format!("{}/admin/flags", server.url), "*/*").await, (404, None));
    server.stop();
}

#[tokio::test]
async fn demo_greeting_shows_working_commands() {
    let folder = Folder::empty();
    let server = Server::start(&folder, &["--demo"]);
    let stable = server.greeting.replace(&server.url, "http://ADDRESS");
    let program = assert_cmd::cargo::cargo_bin!("novi").display().to_string();
    insta::assert_snapshot!(stable.replace(&program, "novi"));

    let curls: Vec<_> = server.greeting.lines().filter(|line| line.starts_with("  curl ")).collect();
    assert_eq!(curls.len(), 2);
    let evaluate = shown(curls[0], "curl");
    let [_, _, url, header, content_type, data, body] = &evaluate[..] else { panic!("{evaluate:?}") };
    assert_eq!([header.as_str(), content_type, data], ["-H", "content-type: application/json", "-d"]);
    let post = async |url: &str, body: &str| -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let reply = client
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        reply.json().await.unwrap()
    };
    let on = post(url, body).await;
    assert_eq!((&on["key"], &on["value"]), (&json!("Combo AND"), &json!(true)), "{on}");
    let all = shown(curls[1], "curl");
    let all = post(&all[2], &all[6]).await;
    assert_eq!(all["flags"].as_array().map(Vec::len), Some(16), "{all}");

    let disable = shown(&server.greeting, &program);
    assert_eq!(disable[0], program);
    let arguments: Vec<_> = disable[1..].iter().map(String::as_str).collect();
    folder.run(&arguments).expect(0);
    server.until("Combo%20AND", false).await;
    assert_eq!(post(url, body).await["value"], json!(false));
    let (code, _, err) = server.stop();
    assert!(code == 0 && !err.contains("cutting off"), "{err}");

    // Again: the database keeps its changes, and has no duplicates.
    let again = Server::start(&folder, &["--demo"]);
    assert_eq!(again.get("/flags").await.as_array().unwrap().len(), 16);
    assert!(!again.is_on("Combo%20AND", &caller()).await);
    // Two at once.
    let third = Server::start(&folder, &["--demo"]);
    assert_eq!(third.get("/flags").await, again.get("/flags").await);
    assert_eq!((again.stop().0, third.stop().0), (0, 0));
}

#[tokio::test]
async fn demo_experiment_has_a_result_to_read() {
    let folder = Folder::empty();
    let server = Server::start(&folder, &["--demo"]);
    let report = server.get("/api/experiments/Ranking%20experiment").await;
    assert_eq!((&report["sample_ratio"]["is_broken"], &report["warnings"]), (&json!(false), &json!([])));
    let verdicts: Vec<_> = (report["metrics"].as_array().unwrap().iter())
        .map(|metric| {
            assert_eq!((&metric["problem"], &metric["warnings"]), (&Value::Null, &Value::Null), "{metric}");
            let verdict = |variant: &str| {
                let found = metric["variants"].as_array().unwrap().iter();
                found.clone().find(|found| found["variant"] == variant).unwrap()["verdict"].clone()
            };
            (metric["name"].clone(), verdict("semantic"), verdict("hybrid"))
        })
        .collect();
    let expected =
        [("ordered", "better", "open"), ("revenue", "better", "open"), ("returned", "open", "open")];
    let expected = expected.map(|(metric, one, other)| (json!(metric), json!(one), json!(other)));
    assert_eq!(verdicts, expected);
    server.stop();
}

#[tokio::test]
async fn demo_does_not_use_the_configured_database() {
    let mut folder = Folder::empty();
    folder.set("NOVI_DATABASE__URL", "sqlite://precious.db");
    let server = Server::start(&folder, &["--demo"]);
    assert!(server.greeting.contains("flags of sqlite:novi-demo.db"), "{}", server.greeting);
    assert!(!folder.path("precious.db").exists());
    assert_eq!(server.stop().0, 0);
    // --database is used; its name may need quotes in a shell.
    let named = Server::start(&folder, &["--demo", "--database", "sqlite://my flags.db"]);
    assert!(named.greeting.contains("--database 'sqlite://my flags.db' disable"), "{}", named.greeting);
    assert_eq!(named.get("/flags").await.as_array().unwrap().len(), 16);
    assert!(folder.path("my flags.db").exists());
    assert_eq!(named.stop().0, 0);
}

#[tokio::test]
async fn demo_greeting_hides_password() {
    for database in databases().await {
        if database.kind == Kind::Sqlite {
            continue; // It has none.
        }
        // The PostgreSQL test server accepts any password.
        let url = if database.kind == Kind::Postgres {
            database.url.replacen('@', ":hunter2@", 1)
        } else {
            database.url.clone()
        };
        let folder = Folder::empty();
        let server = Server::start(&folder, &["--demo", "--database", &url]);
        assert!(
            !server.greeting.contains("hunter2") && !server.greeting.contains('@'),
            "{}",
            server.greeting
        );
        assert_eq!(server.get("/flags").await.as_array().unwrap().len(), 16, "{:?}", database.kind);
        assert!(server.greeting.contains("--database URL disable"), "{}", server.greeting);
        let checked = folder.run(&["--database", &url, "check"]).expect(0).out;
        assert!(checked.starts_with("16 flags, 15 activations, revision "), "{checked}");
        assert!(checked.contains(": no issues"), "{checked}");
        let (_, out, err) = server.stop();
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    }
}

#[test]
fn serve_prints_address_as_json() {
    let folder = Folder::demo();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut values = serde_json::Deserializer::from_reader(process.stdout.take().unwrap()).into_iter();
    let said: Value = values.next().unwrap().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(said["database"], "sqlite:novi.db");
    let address: std::net::SocketAddr = said["listening"].as_str().unwrap().parse().unwrap();
    assert_ne!(address.port(), 0);
}

#[test]
fn changes_are_logged_with_who_and_why() {
    let folder = Folder::demo();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut novi = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(novi.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (give, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || log.try_for_each(|line| give.send(line)));
    let line_with = |text: &str| {
        let mut seen = Vec::new();
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error}: no line has {text:?}: {seen:?}"),
            }
        }
    };
    let loaded = line_with("loaded flags");
    assert!(loaded.contains("flags=4") && loaded.contains("novi.db"), "{loaded}");
    folder.run(&["disable", "Combo AND", "--actor", "jane", "--reason", "too slow"]).expect(0);
    let line = line_with("true -> false");
    for part in ["Combo AND", "jane", "too slow"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    novi.kill().unwrap();
    novi.wait().unwrap();
}

#[test]
fn port_in_use_is_reported() {
    let folder = Folder::demo();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = folder.run(&["serve", "--listen", &address]).expect(4);
    let expected = format!("error: could not listen on {address}: Address already in use (os error 98); ");
    assert!(run.err.starts_with(&expected), "{run:?}");
    assert!(run.err.ends_with("choose another address with --listen\n"), "{run:?}");
    // The same for the configured port.
    let mut folder = folder;
    folder.set("NOVI_SERVER__LISTEN", &address);
    assert!(folder.run(&["serve"]).expect(4).err.starts_with(&expected));
    folder.run(&["serve", "--demo"]).expect(4);
}

#[tokio::test]
async fn novi_log_filters_logs_on_stderr() {
    for (log, expected, unexpected) in [
        (None, "INFO novi_server::serve: listening", "DEBUG"),
        (Some(""), "INFO novi_server::serve: listening", "DEBUG"),
        (Some("debug"), "DEBUG", "TRACE"),
        (Some("off"), "", "I"),
        (Some("warn"), "", "INFO"),
        (Some("off,novi_server=info"), "INFO novi_server::serve: listening", "DEBUG"),
        (Some("a=b=c"), "ERROR novi_cli::logging: NOVI_LOG: ", "DEBUG"),
        (Some("wran"), "NOVI_LOG: unknown level \"wran\"; did you mean \"warn\"?", "DEBUG"),
        (Some("7"), "NOVI_LOG: unknown level \"7\"; expected a level such as \"debug\"", "DEBUG"),
        (Some("verbose"), "NOVI_LOG: unknown level \"verbose\"; expected a level", "DEBUG"),
        (
            Some("novi_srver=debug"),
            "NOVI_LOG: unknown module \"novi_srver\"; did you mean \"novi_server\"?",
            "DEBUG",
        ),
        (Some("novi=info,Inof"), "unknown level \"inof\"; did you mean \"info\"?", "DEBUG"),
    ] {
        let mut folder = Folder::demo();
        if let Some(log) = log {
            folder.set("NOVI_LOG", log);
        }
        let server = Server::start(&folder, &[]);
        server.get("/flags").await;
        assert_eq!(server.greeting.lines().count(), 1, "{}", server.greeting);
        let (code, out, err) = server.stop();
        assert_eq!((code, out.as_str()), (0, ""), "standard output has only the greeting");
        assert!(err.contains(expected) && !err.contains(unexpected), "{log:?}: {err}");
    }
}

#[tokio::test]
async fn unknown_log_formats_are_reported() {
    let mut folder = Folder::demo();
    folder.set("NOVI_LOG_FORMAT", "jsn");
    let (_, _, err) = Server::start(&folder, &[]).stop();
    let expected = "NOVI_LOG_FORMAT: expected \"text\" or \"json\", found \"jsn\"; using \"text\"";
    assert!(err.contains(expected), "{err}");
}

#[tokio::test]
async fn closed_stderr_does_not_stop_the_server() {
    let mut folder = Folder::demo();
    folder.set("NOVI_LOG", "trace");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut process = command.stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
    let mut greeting = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    for _ in 0..3 {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        assert_eq!(client.get(format!("{url}/flags")).send().await.unwrap().status(), 200);
    }
    assert!(process.try_wait().unwrap().is_none(), "it still runs");
    process.kill().unwrap();
    process.wait().unwrap();
}
