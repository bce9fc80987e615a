//! A working directory with a database, in which tests run `novi`, and the result of a run.

use std::{path::PathBuf, time::Duration};

use assert_cmd::{Command, cargo::cargo_bin};
use serde_json::Value;

use crate::common::TestDatabase;

/// Far longer than anything takes, so that a hanging test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The working directory of the commands.
pub(crate) struct Folder {
    directory: tempfile::TempDir,
    variables: Vec<(String, String)>,
    /// Texts that differ from run to run, and their replacements.
    stands_for: Vec<(String, String)>,
}

impl Folder {
    /// An empty folder. `migrate` creates its database, `novi.db`.
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new(), stands_for: Vec::new() }
    }

    /// A folder whose commands use this database.
    pub(crate) fn of(database: &TestDatabase) -> Self {
        let mut folder = Self::empty();
        folder.set("NOVI_DATABASE__URL", &database.url);
        folder
    }

    /// With tables.
    pub(crate) fn migrated() -> Self {
        let folder = Self::empty();
        folder.run(&["migrate"]).expect(0);
        folder
    }

    /// With the demo's flags.
    pub(crate) fn demo() -> Self {
        let folder = Self::migrated();
        folder.seed_demo();
        folder
    }

    pub(crate) fn seed_demo(&self) {
        self.pipe(&["seed", "-"], include_bytes!("../../../../seeds/demo.sql")).expect(0);
    }

    /// Sets an environment variable of all commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Replaces `text` with `shown` in all output.
    pub(crate) fn hide(&mut self, text: &str, shown: &str) {
        self.stands_for.push((text.to_owned(), shown.to_owned()));
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), contents).unwrap();
    }

    /// The folder's own SQLite database, as a DBA sees it.
    pub(crate) async fn raw(&self) -> crate::common::Raw {
        use sqlx::Connection as _;
        let url = format!("sqlite://{}", self.path("novi.db").display());
        crate::common::Raw::Sqlite(sqlx::SqliteConnection::connect(&url).await.unwrap())
    }

    /// The command, in an environment that is the same on every machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(cargo_bin!("novi"));
        command.args(arguments).current_dir(self.directory.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NOVI_") {
                command.env_remove(name);
            }
        }
        // These change colors, width or length of the output.
        for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "RUST_LOG", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command.env("USER", "tester");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.pipe(arguments, b"")
    }

    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Run {
        let command = Command::from_std(self.command(arguments));
        let output = { command }.timeout(PATIENCE).write_stdin(input).output().unwrap();
        let text = |bytes| {
            let mut text = String::from_utf8(bytes).expect("output is UTF-8");
            for (hidden, shown) in &self.stands_for {
                text = text.replace(hidden, shown);
            }
            without_times(&without_counts(&text))
        };
        let run = Run {
            line: arguments.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" "),
            code: output.status.code().expect("novi ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        for text in [&run.out, &run.err] {
            assert!(!text.contains("panicked"), "{text}");
            assert!(!text.contains('\u{1b}'), "escape codes where there is no terminal: {text:?}");
        }
        run
    }

    /// Runs the commands one after the other and returns what a terminal would show.
    pub(crate) fn transcript(&self, commands: &[&[&str]]) -> String {
        commands.iter().map(|arguments| self.run(arguments).transcript()).collect::<Vec<_>>().join("\n")
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    line: String,
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Asserts the exit code, and that there is an error on standard error if and only if the code is above
    /// 1.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        let is_error = ["error: ", "{\n  \"error\": {"].iter().any(|start| self.err.starts_with(start));
        assert_eq!(is_error, code > 1, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    pub(crate) fn transcript(&self) -> String {
        let Self { line, code, out, err } = self;
        let code = if *code == 0 { String::new() } else { format!("[exit code {code}]\n") };
        format!("$ novi {line}\n{out}{err}{code}")
    }
}

fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.,:/@=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// Replaces each duration in an explanation with 0.
fn without_times(text: &str) -> String {
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        match (line.rsplit_once(" · "), line.split_once("\"nanoseconds\": ")) {
            (Some((before, time)), _) if time.trim_end().ends_with(['s']) => {
                shown.extend([before, " · 0 ns", end]);
            }
            (_, Some((before, time))) => {
                let comma = if time.trim_end().ends_with(',') { "," } else { "" };
                shown.extend([before, "\"nanoseconds\": 0", comma, end]);
            }
            _ => shown.push_str(line),
        }
    }
    shown
}

/// Replaces revisions and row versions with 0, because each database counts in its own steps.
fn without_counts(text: &str) -> String {
    ["revision", "version"].iter().fold(text.to_owned(), |text, word| without_number(&text, word))
}

/// Replaces each number after this word with 0.
fn without_number(text: &str, word: &str) -> String {
    let mut shown = String::new();
    for (index, part) in text.split(word).enumerate() {
        let digits = part.trim_start_matches([' ', '"', ':']);
        let after = digits.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if index == 0 || digits.len() == after.len() {
            shown.push_str(if index == 0 { "" } else { word });
            shown.push_str(part);
        } else {
            let between = &part[..part.len() - digits.len()];
            shown.extend([word, between, "0", after]);
        }
    }
    shown
}

/// Returns the transcript that all databases share; panics with the first difference.
#[track_caller]
pub(crate) fn the_same<K: std::fmt::Debug>(transcripts: Vec<(K, String)>) -> String {
    let mut transcripts = transcripts.into_iter();
    let (first, expected) = transcripts.next().unwrap();
    for (kind, transcript) in transcripts {
        for (one, other) in expected.lines().zip(transcript.lines()) {
            assert_eq!(one, other, "{first:?} and {kind:?} differ");
        }
        assert_eq!(expected, transcript, "{first:?} and {kind:?} differ");
    }
    expected
}
