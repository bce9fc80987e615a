//! `novi token`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    common::databases,
    support::{Folder, the_same},
};

/// Replaces what differs each time: times, secrets, and names derived from hashes.
fn without_chance(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|letter: char| "\",;".contains(letter));
        if bare.parse::<DateTime<Utc>>().is_ok() {
            return word.replace(bare, "TIME");
        }
        match bare.split_once('-') {
            Some((role @ ("client" | "server" | "admin"), hash)) if hash.len() == 8 => {
                word.replace(bare, &format!("{role}-HASH"))
            }
            _ if bare.starts_with("novi_") && bare.len() == 50 => {
                word.replace(bare, &format!("{}...", &bare[..7]))
            }
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        format!("{indent}{}\n", line.split_whitespace().map(word).collect::<Vec<_>>().join(" "))
    };
    text.lines().map(line).collect()
}

#[tokio::test]
async fn tokens_are_created_listed_and_revoked() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let mut folder = Folder::of(&database);
        folder.set("USER", "ann");
        folder.run(&["migrate"]).expect(0);
        let commands: [&[&str]; 15] = [
            &["token", "list"],
            &["token", "create", "--role", "server", "--name", "checkout"],
            &["token", "create", "--role", "client", "--subject", "user 7", "--expires", "2100-01-31"],
            &["token", "create", "--role", "admin", "--name", "root", "--expires", "30d", "--json"],
            &["token", "create", "--role", "server", "--name", "ci", "--actor", "bob"],
            &["token", "create", "--role", "server", "--name", "checkout"],
            &["token", "create", "--role", "server", "--name", "7"],
            &["token", "create", "--role", "root"],
            &["token", "create", "--role", "server", "--expires", "tomorrow"],
            &["token", "create", "--role", "server", "--expires", "2020-01-31"],
            &["token", "revoke", "checkout"],
            &["token", "revoke", "3", "--json"],
            &["token", "revoke", "nobody"],
            &["token", "list"],
            &["token", "list", "--json"],
        ];
        transcripts.push((database.kind, without_chance(&folder.transcript(&commands))));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn token_is_rotated_under_its_name() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let mut folder = Folder::of(&database);
        folder.set("USER", "ann");
        folder.run(&["migrate"]).expect(0);
        let commands: [&[&str]; 12] = [
            &["token", "create", "--role", "server", "--name", "checkout"],
            &["token", "create", "--role", "client", "--name", "web", "--subject", "user 7"],
            &["token", "revoke", "checkout"],
            &["token", "create", "--role", "server", "--name", "checkout"],
            &["token", "rotate", "checkout", "--actor", "cat"],
            &["token", "rotate", "web", "--overlap", "0s", "--expires", "30d", "--json"],
            &["token", "rotate", "1"],
            &["token", "rotate", "nobody"],
            &["token", "rotate", "checkout", "--overlap", "soon"],
            &["token", "list"],
            &["token", "revoke", "checkout"],
            &["token", "revoke", "web", "--json"],
        ];
        transcripts.push((database.kind, without_chance(&folder.transcript(&commands))));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn token_create_prints_only_the_secret_on_stdout() {
    let folder = Folder::migrated();
    let run = folder.run(&["token", "create", "--role", "client"]).expect(0);
    let secret = run.out.strip_suffix('\n').unwrap();
    assert!(secret.starts_with("novi_c_") && secret.len() == 50, "{run:?}");
    assert!(!run.err.contains(secret) && run.err.contains("not shown again"), "{run:?}");
    let listed = folder.run(&["token", "list", "--json"]).expect(0);
    assert!(!listed.out.contains(secret));

    let made = folder.run(&["token", "create", "--role", "admin", "--expires", "2h", "--json"]).expect(0);
    assert_eq!(made.err, "");
    let made = made.json();
    assert!(made["token"].as_str().unwrap().starts_with("novi_a_"));
    let expires: DateTime<Utc> = made["expires_at"].as_str().unwrap().parse().unwrap();
    let left = expires - Utc::now();
    assert!(TimeDelta::minutes(110) < left && left <= TimeDelta::hours(2), "{left}");
}

#[test]
fn token_commands_require_a_migrated_database() {
    let folder = Folder::empty();
    let error = folder.run(&["--database", "file:flags.novi", "token", "list"]).expect(2).err;
    assert!(error.contains("name a database with --database"), "{error}");
    folder.write("novi.db", b"");
    let error = folder.run(&["token", "create", "--role", "server"]).expect(4).err;
    assert!(error.contains("novi migrate"), "{error}");
}
