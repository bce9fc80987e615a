//! `novi import` from a Redis server, and what it leaves in the history and among the tokens.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{common::databases, support::Folder};

/// A Redis server on a socket in a folder of its own.
struct Redis {
    folder: tempfile::TempDir,
    server: Child,
}

impl Redis {
    /// `None`, and a note, where there is no `redis-server`.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(folder.path().join("socket"));
        let Ok(mut server) = command.current_dir(&folder).stdout(Stdio::piped()).spawn() else {
            eprintln!("NOT TESTED: there is no redis-server; install it with `apt-get install redis-server`");
            return None;
        };
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().contains("Ready to accept connections")
                || folder.path().join("socket").exists()),
            "redis-server ended"
        );
        // Nobody reads the rest, and the pipe must not close.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { folder, server })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn url(&self, database: u8) -> String {
        format!("redis+unix://{}?db={database}", self.socket().display())
    }

    /// Runs a command, and checks that it is no error.
    fn run(stream: &mut UnixStream, command: &[&str]) {
        let parts: Vec<String> =
            command.iter().map(|part| format!("${}\r\n{part}\r\n", part.len())).collect();
        stream.write_all(format!("*{}\r\n{}", parts.len(), parts.concat()).as_bytes()).unwrap();
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).unwrap();
        assert!(
            length > 0 && answer[0] != b'-',
            "{command:?}: {}",
            String::from_utf8_lossy(&answer[..length])
        );
    }

    /// Fills a database with the keys of a dump.
    fn fill(&self, database: u8, dump: &Value) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        Self::run(&mut stream, &["SELECT", &database.to_string()]);
        for (key, value) in dump.as_object().unwrap() {
            match value {
                Value::String(text) => Self::run(&mut stream, &["SET", key, text]),
                Value::Array(items) if items.iter().all(Value::is_string) => {
                    let members = items.iter().map(|item| item.as_str().unwrap());
                    Self::run(&mut stream, &["SADD", key].into_iter().chain(members).collect::<Vec<_>>());
                }
                Value::Array(entries) => {
                    for entry in entries {
                        let fields = entry[1].as_object().unwrap().iter();
                        let fields =
                            fields.flat_map(|(name, value)| [name.as_str(), value.as_str().unwrap()]);
                        let command = ["XADD", key, entry[0].as_str().unwrap()].into_iter().chain(fields);
                        Self::run(&mut stream, &command.collect::<Vec<_>>());
                    }
                }
                _ => Self::run(&mut stream, &["ZADD", key, "1", "x"]),
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures");
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn keys_of_a_server_are_those_of_a_dump() {
    let Some(redis) = Redis::start() else { return };
    let folder = Folder::empty();
    let sources = [
        ("hanoi", "hanoi/head-RedisBackEnd.json"),
        ("hanoi", "hanoi/0.0.4-RedisHighPerfBackEnd.json"),
        ("rollout", "rollout/plain.json"),
        ("feats", "feats/states.json"),
        ("features-service", "features_service/answers.json"),
    ];
    for (database, (system, file)) in (0..).zip(sources) {
        let dump = &fixture(file)["source"];
        redis.fill(database, dump);
        folder.write("dump.json", dump.to_string());
        let import = |source: &str, name: &str| {
            let (flags, report) = (format!("{name}.yaml"), format!("{name}.json"));
            let run = ["import", system, source, "--to-file", &flags, "--overwrite", "--report", &report];
            folder.run(&run).expect(0);
            [flags, report].map(|file| fs::read_to_string(folder.path(&file)).unwrap())
        };
        let found = import(&redis.url(database), "server");
        assert_eq!(found, import("dump.json", "dump"), "{file}");
        assert!(found[0].len() > 500, "{}", found[0]);
    }
}

#[test]
fn values_that_are_not_text_and_servers_that_do_not_answer_are_reported() {
    let Some(redis) = Redis::start() else { return };
    let mut stream = UnixStream::connect(redis.socket()).unwrap();
    stream.write_all(b"*3\r\n$3\r\nSET\r\n$5\r\nh:raw\r\n$2\r\n\xff\xfe\r\n").unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    Redis::run(&mut stream, &["SET", "h:good", "1|100|||"]);
    let folder = Folder::migrated();
    let run = folder.run(&["import", "hanoi", &redis.url(0)]).expect(0);
    assert!(run.out.contains("h:raw: not mapped: expected a string or a set of text"), "{}", run.out);
    assert!(folder.run(&["eval", "good"]).expect(0).out.contains("good is on"));
    let socket = redis.url(0);
    drop(redis);
    let run = folder.run(&["import", "hanoi", &socket]);
    assert!(run.err.starts_with("error: could not read from Redis: "), "{}", run.err);
    let run = folder.run(&["import", "rollout"]).expect(2);
    assert!(run.err.contains("expected the address of a Redis database as SOURCE"), "{}", run.err);
}

#[tokio::test]
async fn states_of_the_past_are_evaluated_at_their_times_on_every_database() {
    let recorded = fixture("feats/states.json");
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("dump.json", recorded["source"].to_string());
        folder.write("groups.json", recorded["groups"].to_string());
        let import = ["import", "feats", "dump.json", "--by", "user_id", "--groups", "groups.json"];
        let first = folder.run(&import).expect(0);
        assert!(first.out.contains("13 mapped, 1 approximated, 0 not mapped"), "{}", first.out);
        // A process that follows the rows marks records as seen, on MySQL.
        drop(novi::Flags::connect(&database.url).await.unwrap());
        let again = folder.run(&import).expect(0);
        assert!(again.out.contains("13 mapped, 1 approximated, 0 not mapped\nNo changes"), "{}", again.out);
        for state in recorded["states"].as_array().unwrap() {
            let milliseconds = state["entry"].as_str().unwrap().strip_suffix("-0").unwrap().parse().unwrap();
            let at = chrono::DateTime::from_timestamp_millis(milliseconds).unwrap().to_rfc3339();
            // One that is in the first share, and one in Canada.
            for caller in [1, 10] {
                let values = &recorded["callers"][caller];
                let context =
                    serde_json::json!({"user_id": values[0], "country": values[1], "platform": values[2]});
                let flag = state["flag"].as_str().unwrap();
                let eval = ["eval", flag, "--at", &at, "--context", &context.to_string(), "--json"];
                let decision = folder.run(&eval).expect(0).json();
                let answer = &state["answers"].as_str().unwrap()[caller..=caller];
                if answer == "?" {
                    continue;
                }
                let expected = match answer.parse::<usize>().unwrap() {
                    0 => Value::Null,
                    place => state["variants"][place - 1].clone(),
                };
                assert_eq!(decision["variant"], expected, "{:?}, {flag} at {at}: {decision}", database.kind);
            }
        }
        let history = folder.run(&["history", "shop.todo.Fine", "--limit", "1", "--json"]).expect(0).json();
        assert_eq!(history[0]["actor"], "import");
        assert_eq!(history[0]["reason"], "Import of state 1576300000001-0 by dev@example.com from feats.py");
        assert!(history[0]["changed_at"].as_str().unwrap().starts_with("2019-12-14T05:06:40.001"));
    }
}

#[test]
fn later_states_are_added_and_a_history_that_goes_on_is_kept() {
    let source = &fixture("feats/states.json")["source"];
    let folder = Folder::migrated();
    let mut earlier = source.clone();
    let entries = earlier["feature:shop.payments.PaymentProcessor"].as_array_mut().unwrap();
    let last = entries.pop().unwrap();
    folder.write("dump.json", earlier.to_string());
    folder.run(&["import", "feats", "dump.json"]).expect(0);
    let mut later = earlier.clone();
    let mut entry = last.clone();
    entry[0] = "1576500000000-0".into();
    later["feature:shop.payments.PaymentProcessor"].as_array_mut().unwrap().push(entry);
    folder.write("dump.json", later.to_string());
    folder.run(&["import", "feats", "dump.json"]).expect(0);
    let us = ["--context", r#"{"country": "DE", "user_id": "u"}"#];
    let eval = |at: &str| {
        folder.run(&[&["eval", "shop.payments.PaymentProcessor", "--at", at], &us[..]].concat()).expect(0).out
    };
    assert!(eval("2019-12-16 12:39").contains("is off"));
    assert!(eval("2019-12-16 12:40").contains("variant acme"));
    // A person goes on with the flag: the past of the source cannot be put in between.
    folder.run(&["disable", "shop.todo.Static"]).expect(0);
    folder.write("dump.json", source.to_string());
    let run = folder.run(&["import", "feats", "dump.json", "--overwrite"]).expect(0);
    assert!(
        run.out.contains("not mapped: the database has changes that are later than this state"),
        "{}",
        run.out
    );
    assert!(folder.run(&["eval", "shop.todo.Static"]).expect(0).out.contains("variant acme"));
}

#[test]
fn users_that_a_person_has_added_are_not_removed_by_another_import() {
    let folder = Folder::migrated();
    folder.write("keys.json", r#"{"h:beta": "1|10||user-1|"}"#);
    folder.run(&["import", "hanoi", "keys.json"]).expect(0);
    folder.run(&["members", "add", "beta: users", "user-2"]).expect(0);
    let run = folder.run(&["import", "hanoi", "keys.json"]).expect(5);
    assert!(run.err.contains("were changed since: beta;"), "{}", run.err);
    let eval = ["eval", "beta", "--context", r#"{"targetingKey": "user-2"}"#];
    assert!(folder.run(&eval).expect(0).out.contains("beta is on"));
    // hanoi has got the user meanwhile.
    folder.write("keys.json", r#"{"h:beta": "1|10||user-1,user-2|"}"#);
    assert!(folder.run(&["import", "hanoi", "keys.json"]).expect(0).out.contains("No changes"));
}

#[test]
fn tokens_are_created_once_by_their_hashes() {
    let recorded = fixture("features_service/answers.json");
    let folder = Folder::migrated();
    folder.write("features.json", recorded["source"].to_string());
    folder.write("tokens.json", recorded["tokens"].to_string());
    let import = ["import", "features-service", "features.json", "--tokens", "tokens.json"];
    let dry = folder.run(&[&import[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.out.contains("20 of 20 tokens are new."), "{}", dry.out);
    assert!(folder.run(&["token", "list", "--json"]).expect(0).json().as_array().unwrap().is_empty());
    let first = folder.run(&import).expect(0);
    assert!(first.out.contains("20 of 20 tokens are new."), "{}", first.out);
    assert!(!first.out.contains("1234"), "{}", first.out);
    let tokens = folder.run(&["token", "list", "--json"]).expect(0).json();
    assert_eq!(tokens.as_array().unwrap().len(), 20);
    let of_user = tokens.as_array().unwrap().iter().find(|token| token["subject"] == "user-0").unwrap();
    assert_eq!([&of_user["role"], &of_user["created_by"]], ["client", "import"]);
    // A token that is revoked stays so.
    folder.run(&["token", "revoke", of_user["name"].as_str().unwrap()]).expect(0);
    let again = folder.run(&import).expect(0);
    assert!(again.out.contains("0 of 20 tokens are new.\nNo changes"), "{}", again.out);
    let run = folder.run(&["import", "hanoi", "features.json", "--tokens", "tokens.json"]).expect(2);
    assert!(run.err.contains("only features-service has tokens"), "{}", run.err);
}
