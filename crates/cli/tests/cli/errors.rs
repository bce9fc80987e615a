//! Errors before any flag is evaluated: URLs, files and servers.

use std::net::TcpListener;

use crate::{
    common::{Kind, databases},
    support::Folder,
};

#[test]
fn invalid_database_urls_are_reported() {
    let folder = Folder::empty();
    folder.write("empty.db", "");
    folder.write("letter.db", "Dear reader, this file is no database at all. ".repeat(100));
    insta::assert_snapshot!(folder.transcript(&[
        &["list"],
        &["--database", "sqlite://none.db", "serve", "--listen", "127.0.0.1:0"],
        &["--database", "sqlite://none.db", "enable", "x"],
        &["--database", "sqlite://none.db", "seed", "none.sql"],
        &["--database", "sqlite://empty.db", "list"],
        &["--database", "sqlite://empty.db", "disable", "x"],
        &["--database", "sqlite://empty.db", "serve", "--listen", "127.0.0.1:0"],
        &["--database", "sqlite://letter.db", "list"],
        &["--database", "sqlite://letter.db", "migrate"],
        &["--database", "sqlite:///no/such/folder/novi.db", "migrate"],
        &["--database", "oracle://u:secret@db/x", "list"],
        &["--database", "file:none.novi", "list"],
        &["--database", "novi.db", "list"],
        &["--database", "", "list"],
        &["--database", "postgres://u:secret@db:port/x", "list"],
        &["--database", "mysql://u:secret@db:99999/x", "list"],
    ]));
    assert!(!folder.path("none.db").exists(), "only `migrate` creates a file");
}

#[tokio::test]
async fn database_without_tables_suggests_migrate() {
    for database in databases().await {
        if database.kind == Kind::Sqlite {
            continue; // A missing file is another error: see above.
        }
        let folder = Folder::of(&database);
        let commands: [&[&str]; 8] = [
            &["list"],
            &["check"],
            &["show", "x"],
            &["eval", "x"],
            &["enable", "x"],
            &["disable", "x"],
            &["serve", "--listen", "127.0.0.1:0"],
            &["list", "--json"],
        ];
        for arguments in commands {
            let run = folder.run(arguments).expect(4);
            assert!(run.err.contains(" has no novi tables; run `novi migrate` to create them"), "{run:?}");
        }
    }
}

/// Runs commands in parallel, because each of them waits.
fn all_at_once(commands: &[&[&str]]) -> Vec<crate::support::Run> {
    std::thread::scope(|scope| {
        let started: Vec<_> =
            commands.iter().map(|arguments| scope.spawn(|| Folder::empty().run(arguments))).collect();
        started.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn unreachable_database_is_reported_without_password() {
    let (postgres, mysql) = ("postgres://u:secret@127.0.0.1:1/x", "mysql://u:secret@127.0.0.1:1/x");
    let runs = all_at_once(&[
        &["--database", postgres, "list"],
        &["--database", mysql, "list"],
        &["--database", postgres, "migrate"],
        &["--database", mysql, "enable", "x"],
        &["--database", postgres, "check"],
        &["--database", "postgres://u:secret@nowhere.invalid/x", "list"],
    ]);
    for run in &runs {
        assert_eq!(run.code, 4, "{run:?}");
        assert!(
            run.err
                .contains("\nhint: check that the database server is running, and the address in --database"),
            "{run:?}"
        );
        assert!(!run.err.contains("secret"), "{run:?}");
        assert_eq!(run.out, "");
    }
    let connecting = &runs[..5];
    assert!(connecting.iter().all(|run| run.err.contains("127.0.0.1:1/x")), "{runs:?}");
    assert!(connecting.iter().all(|run| run.err.contains("Connection refused")), "{runs:?}");
    assert!(runs[5].err.contains("nowhere.invalid"), "{:?}", runs[5]);
}

#[test]
fn unresponsive_database_times_out() {
    // Accepts connections without responding.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (postgres, mysql) =
        (format!("postgres://u:secret@127.0.0.1:{port}/x"), format!("mysql://u:secret@127.0.0.1:{port}/x"));
    let runs = all_at_once(&[&["--database", &postgres, "list"], &["--database", &mysql, "list"]]);
    for run in runs {
        let run = run.expect(4);
        assert!(run.err.contains("timed out") && !run.err.contains("secret"), "{run:?}");
        assert!(run.err.contains(&format!("127.0.0.1:{port}/x")), "{run:?}");
    }
}

#[tokio::test]
async fn locked_sqlite_file_is_reported() {
    let folder = Folder::demo();
    let mut raw = folder.raw().await;
    raw.run("begin immediate").await.unwrap();
    let run = folder.run(&["disable", "Combo AND"]).expect(4);
    assert!(run.err.contains("database is locked"), "{run:?}");
    // Readers do not wait for the writer.
    folder.run(&["eval", "Combo AND"]).expect(0);
    raw.run("rollback").await.unwrap();
    folder.run(&["disable", "Combo AND"]).expect(0);
}

#[test]
fn unreadable_scripts_are_reported() {
    let folder = Folder::migrated();
    folder.write("latin1.sql", b"insert into flags values (1, '\xe9', 1);");
    insta::assert_snapshot!(folder.transcript(&[
        &["seed", "none.sql"],
        &["seed", "."],
        &["seed", "latin1.sql"],
        &["seed"],
    ]));
}

#[test]
fn unknown_commands_are_reported() {
    let folder = Folder::empty();
    insta::assert_snapshot!(folder.transcript(&[
        &["lst"],
        &["list", "--jsn"],
        &["show"],
        &["show", "Combo", "AND"],
        &["serve", "--listen", "localhost"],
        &["stale", "--days", "-1"],
        &["token", "create", "--role", "boss"],
        &["history", "--limit", "none"],
        &["health", "--timeout", "5"],
        &["completions", "tcsh"],
    ]));
}
