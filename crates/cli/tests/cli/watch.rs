//! `novi watch`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use crate::{common::databases, support::Folder};

/// A running `novi watch`, which has printed where it starts.
struct Watch {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
}

impl Watch {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let arguments = [&["watch"], arguments].concat();
        let mut command = folder.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut note = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut note).unwrap();
        assert!(note.starts_with("watching "), "{note}");
        let out = child.stdout.take().map(BufReader::new);
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn changes_and_decisions_are_printed_as_they_happen() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "a"]).expect(0);
        folder.run(&["flag", "create", "b"]).expect(0);
        let mut watch = Watch::start(&folder, &["a", "--context", r#"{"targetingKey": "user-1"}"#]);
        folder.run(&["enable", "b"]).expect(0);
        folder.run(&["enable", "a", "--reason", "go"]).expect(0);
        let changed = watch.line();
        assert!(changed.ends_with("tester  update flags#1 \"a\": status false -> true (go)\n"), "{changed}");
        let decided = watch.line();
        assert!(decided.ends_with("a is on (STATIC), was off (DISABLED)\n"), "{decided}");
        #[cfg(unix)]
        {
            let id = watch.child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
            assert_eq!(watch.child.wait().unwrap().code(), Some(0));
        }
    }
}

#[tokio::test]
async fn json_has_a_line_for_each_change() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "a"]).expect(0);
        let mut command = folder.command(&["watch", "--json", "--context", "{}"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = out.lines();
        let (sender, receiver) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                if sender.send(serde_json::from_str::<Value>(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        // Changes until the watch has started, and sees one.
        let mut status = false;
        let (mut changed, mut decided) = (None, None);
        while changed.is_none() || decided.is_none() {
            status = !status;
            folder.run(&[if status { "enable" } else { "disable" }, "a"]).expect(0);
            while let Ok(line) = receiver.try_recv() {
                match line["type"].as_str() {
                    Some("change") => changed = Some(line),
                    _ => decided = Some(line),
                }
            }
        }
        let changed = changed.unwrap();
        assert_eq!(
            (&changed["entity"], &changed["operation"]),
            (&json!("flags"), &json!("update")),
            "{changed}"
        );
        let decided = decided.unwrap();
        assert_eq!((&decided["type"], &decided["flag"]), (&json!("decision"), &json!("a")));
        assert_ne!(decided["before"]["enabled"], decided["after"]["enabled"], "{decided}");
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
    }
}

#[tokio::test]
async fn watch_ends_when_its_reader_does() {
    let folder = Folder::migrated();
    let mut watch = Watch::start(&folder, &[]);
    folder.run(&["flag", "create", "a"]).expect(0);
    assert!(watch.line().contains("insert flags#1"));
    // The reader closes the pipe.
    watch.out = None;
    let mut number = 0;
    while watch.child.try_wait().unwrap().is_none() {
        number += 1;
        folder.run(&["flag", "create", &format!("flag {number}")]).expect(0);
    }
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn unknown_flags_are_reported() {
    let folder = Folder::demo();
    let error = folder.run(&["watch", "Combo And"]).expect(3).err;
    assert!(error.contains("did you mean \"Combo AND\"?"), "{error}");
}
