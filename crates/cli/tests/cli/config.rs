//! The configuration: the file, the environment and the command line.

use std::path::Path;

use novi::config::Config;
use novi_server::ServerSection;

use crate::{
    common::{Raw, databases},
    support::Folder,
};

#[test]
fn invalid_file_is_reported_with_line_and_key() {
    let folder = Folder::empty();
    let mut transcript = String::new();
    for (file, text) in [
        ("unknown-key.toml", "[database]\nurll = \"sqlite://novi.db\"\n"),
        ("unknown-section.toml", "# flags\n\n[databse]\nurl = \"sqlite://novi.db\"\n"),
        ("wrong-type.toml", "[server]\nlisten = \"127.0.0.1:6684\"\nbody_limit = \"1 MB\"\n"),
        ("no-unit.toml", "[refresh]\ninterval = 5\n"),
        ("no-address.toml", "[server]\nlisten = \"localhost\"\n"),
        ("no-port.toml", "[server]\nlisten = \"0.0.0.0\"\n"),
        ("large-port.toml", "[server]\nlisten = 70000\n"),
        ("misspelt.toml", "[server]\nlistn = \":80\"\n"),
        ("no-list.toml", "[server]\ncors_origins = \"*\"\n"),
        ("override.toml", "[overrides]\n\"Combo AND\" = 1\n"),
        ("not-toml.toml", "[database\n"),
        ("twice.toml", "[database]\nurl = \"a\"\nurl = \"b\"\n"),
    ] {
        folder.write(file, text);
        transcript += &folder.run(&["--config", file, "list"]).expect(2).transcript();
        transcript.push('\n');
    }
    insta::assert_snapshot!(transcript);
}

#[test]
fn secrets_in_invalid_lines_are_hidden() {
    let folder = Folder::empty();
    for text in [
        "[database]\nurl = \"postgres://ann:secret@db/x\" oops\n",
        "[database]\nurl = 'postgres://ann:se@secret@db/x'\nurl = \"mysql://ann:secret@db/x\"\n",
        "[database]\nurls = \"mysql://ann:secret@db/x\"\n",
        "[database]\nurl = [\"mysql://ann:secret@db/x\", \"postgres://ann:secret@db/x\"]\n",
        // An unterminated string.
        "[database]\nurl = \"postgres://ann:secret@db/x\n",
        "[server]\nsigning_key = secret\n",
        "[server]\nsigning_key = \"secret\" x\n",
        "[server]\nsigning_key = [\"secret\"]\n",
        "server = {signing_key = 'secret', listn = ':80'}\n",
    ] {
        folder.write("novi.toml", text);
        let run = folder.run(&["list"]).expect(2);
        assert!(run.err.starts_with("error: novi.toml: "), "{run:?}");
        assert!(!run.err.contains("secret"), "{run:?}");
    }
}

#[test]
fn unreadable_file_is_reported_with_path() {
    let folder = Folder::empty();
    let missing = folder.run(&["list", "--config", "none.toml"]).expect(4);
    assert_eq!(missing.err, "error: could not read none.toml: No such file or directory (os error 2)\n");
    folder.write("latin1.toml", b"# \xe9\n");
    let latin1 = folder.run(&["list", "--config", "latin1.toml"]).expect(4);
    assert_eq!(latin1.err, "error: could not read latin1.toml: stream did not contain valid UTF-8\n");
    let directory = folder.run(&["list", "--config", "."]).expect(4);
    assert!(directory.err.starts_with("error: could not read .: "), "{directory:?}");
}

#[test]
fn invalid_environment_is_reported_with_variable() {
    for (name, value, expected) in [
        (
            "NOVI_DATABASE__URLL",
            "x",
            "environment variable NOVI_DATABASE__URLL: unknown key `urll`; did you mean `url`?",
        ),
        (
            "NOVI_REFRESH__INTERVAL",
            "5",
            "environment variable NOVI_REFRESH__INTERVAL: expected a duration with its unit, like \"1s\" or \"500ms\", found 5",
        ),
        (
            "NOVI_SERVER__LISTEN",
            "here",
            "environment variable NOVI_SERVER__LISTEN: expected an IP address and a port, such as 127.0.0.1:6684 or [::1]:6684, found \"here\"",
        ),
        (
            "NOVI_OVERRIDES",
            "true",
            "environment variable NOVI_OVERRIDES: expected a table like {key = true}, ",
        ),
        ("NOVI_DATABASE__URL", "", "database url \"\": expected an address that starts with sqlite:"),
    ] {
        let mut folder = Folder::migrated();
        folder.set(name, value);
        let run = folder.run(&["list"]).expect(2);
        assert!(run.err.starts_with(&format!("error: {expected}")), "{run:?}");
    }
}

#[test]
fn invalid_setting_is_reported() {
    let folder = Folder::migrated();
    insta::assert_snapshot!(folder.transcript(&[
        &["--set", "=1", "list"],
        &["--set", "server.=secret", "list"],
        &["--set", "server.listn=1", "list"],
        &["--set", "servr.listen=1", "list"],
        &["--set", "server.listen=0.0.0.0", "list"],
        &["--set", "server.signing_key=5", "list"],
    ]));
    for address in ["localhost:6684", ":6684", "6684", "127.0.0.1:6684"] {
        folder.write("novi.toml", format!("[server]\nlisten = {address:?}\n"));
        folder.run(&["list"]).expect(0);
        folder.run(&["--set", &format!("server.listen={address}"), "list"]).expect(0);
    }
}

/// The number of flags in the database that `list` reads; it identifies the database.
fn flags_read(folder: &Folder, arguments: &[&str]) -> u64 {
    let arguments: Vec<_> = ["list", "--json"].iter().chain(arguments).copied().collect();
    folder.run(&arguments).expect(0).json().as_array().unwrap().len() as u64
}

#[test]
fn command_line_overrides_environment_overrides_file() {
    let mut folder = Folder::empty();
    for (count, database) in ["default", "one", "two", "three", "four"].into_iter().enumerate() {
        let url = format!("sqlite://{}.db", if count == 0 { "novi" } else { database });
        folder.run(&["migrate", "--database", &url]).expect(0);
        let rows = (1..=count).map(|id| format!("insert into flags values ({id}, 'f{id}', true);"));
        folder.pipe(&["seed", "-", "--database", &url], rows.collect::<String>().as_bytes()).expect(0);
        folder.write(&format!("{database}.toml"), format!("[database]\nurl = \"{url}\"\n"));
    }
    assert_eq!(flags_read(&folder, &[]), 0, "the default");
    std::fs::rename(folder.path("one.toml"), folder.path("novi.toml")).unwrap();
    assert_eq!(flags_read(&folder, &[]), 1, "novi.toml is read from the working directory");
    assert_eq!(flags_read(&folder, &["--config", "two.toml"]), 2);
    folder.set("NOVI_CONFIG", "two.toml");
    assert_eq!(flags_read(&folder, &[]), 2, "NOVI_CONFIG overrides novi.toml");
    assert_eq!(flags_read(&folder, &["--config", "novi.toml"]), 1, "--config overrides NOVI_CONFIG");
    folder.set("NOVI_DATABASE__URL", "sqlite://three.db");
    assert_eq!(flags_read(&folder, &["--config", "novi.toml"]), 3, "the environment overrides any file");
    assert_eq!(flags_read(&folder, &["--database", "sqlite://four.db"]), 4);
    // Before the command or after it is the same.
    let before = folder.run(&["--database", "sqlite://four.db", "--json", "list"]).expect(0);
    assert_eq!(before.json().as_array().unwrap().len(), 4);
    folder.set("NOVI_CONFIG", "");
    assert_eq!(flags_read(&folder, &[]), 3, "an empty NOVI_CONFIG names no file");
}

#[test]
fn overrides_are_noted_where_they_hide_a_status() {
    let mut folder = Folder::demo();
    folder.write("novi.toml", "[overrides]\n\"Combo AND\" = true\n\"No row has this\" = \"B\"\n");
    folder.set("NOVI_OVERRIDES", "{\"Combo OR\" = false}");
    insta::assert_snapshot!(folder.transcript(&[
        &["disable", "Combo AND"],
        &["enable", "Combo AND"],
        &["disable", "Combo AND", "--json"],
        &["disable", "Random Variant Feature", "--json"],
        &["list"],
        &["show", "Combo AND"],
        &["eval", "Combo AND"],
        &["eval", "Combo AND", "--explain"],
        &["eval", "Combo OR", "--explain"],
        // An override without a row can be evaluated, but not shown or changed.
        &["eval", "No row has this"],
        &["show", "No row has this"],
        &["disable", "No row has this"],
    ]));
}

#[test]
fn caller_context_overrides_static_context() {
    let folder = Folder::demo();
    folder.write(
        "novi.toml",
        "[context]\ncurrentDateTime = \"11/27/2023 12:00 AM\"\nseed = 90\nvariant = \"A\"\n",
    );
    let on = folder.run(&["eval", "Combo AND"]).expect(0);
    assert_eq!(on.out, "Combo AND is on, variant A (SPLIT)\n");
    let off =
        folder.run(&["eval", "Combo AND", "--context", r#"{"currentDateTime": "11/29/2023 12:00 AM"}"#]);
    assert_eq!(off.expect(0).out, "Combo AND is off (DEFAULT)\n");
}

#[test]
fn sample_configuration_file_is_valid() {
    let folder = Folder::migrated();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../novi.toml");
    folder.run(&["check", "--config", file.to_str().unwrap()]).expect(0);
}

#[test]
fn sample_configuration_file_has_every_server_key_with_its_default() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../novi.toml");
    let config = Config::<ServerSection>::load_as(Some(&file), &[]).unwrap();
    assert_eq!(config.server, ServerSection::default());
    let text = std::fs::read_to_string(file).unwrap();
    let section = text.split("[server]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap();
    let all = serde_json::to_value(ServerSection::default()).unwrap();
    for key in all.as_object().unwrap().keys() {
        assert!(section.contains(&format!("\n{key} = ")), "{key} is missing in novi.toml");
    }
}

#[test]
fn set_option_sets_any_key() {
    let folder = Folder::empty();
    folder.write("novi.toml", "[database]\nurl = \"sqlite://file.db\"\n");
    folder.run(&["--set", "database.url=sqlite://set.db", "migrate"]).expect(0);
    let shown = folder.run(&["list", "--set", "database.url=sqlite://set.db"]).expect(0);
    assert!(shown.out.contains("There are no flags"), "{}", shown.out);
    let wrong = folder.run(&["list", "--set", "database.ulr=x"]).expect(2);
    assert_eq!(
        wrong.err,
        "error: --set database.ulr: unknown key `ulr`, expected one of `url`, `schema`, `table_prefix`\n"
    );
}

#[test]
fn environment_variable_with_nearly_the_name_of_a_setting_causes_a_warning() {
    let mut folder = Folder::demo();
    folder.set("NOVI_DATABASE_URL", "sqlite://other.db");
    let warning = folder.run(&["list"]).expect(0).err;
    assert_eq!(
        warning.trim_end(),
        "warning: environment variable NOVI_DATABASE_URL has no effect; did you mean NOVI_DATABASE__URL?"
    );
}

#[tokio::test]
async fn commands_use_the_tables_with_the_prefix() {
    for database in databases().await {
        let kind = database.kind;
        let folder = Folder::of(&database);
        folder.write("novi.toml", "[database]\ntable_prefix = \"acme_\"\n");
        let script = folder.run(&["migrate", "--sql"]).expect(0).out;
        assert!(script.contains("insert into acme_novi_migrations"), "{kind:?}: {script}");
        folder.run(&["migrate"]).expect(0);
        // Of another program.
        let mut raw = Raw::connect(&database).await;
        raw.run("create table flags (country char(2) primary key)").await.unwrap();
        let rows = "insert into acme_flags (id, name, status) values (1, 'Sale', false)";
        folder.pipe(&["seed", "-"], rows.as_bytes()).expect(0);
        folder.run(&["enable", "Sale", "--reason", "spring", "--actor", "jane"]).expect(0);
        folder.run(&["check"]).expect(0);
        let newest = folder.run(&["history"]).expect(0).out;
        let newest = newest.lines().next().unwrap_or_default();
        assert!(
            newest.ends_with("jane  update flags#1 \"Sale\": status false -> true (spring)"),
            "{kind:?}: {newest}"
        );
        let revision = newest.split_whitespace().next().unwrap();
        folder.run(&["disable", "Sale"]).expect(0);
        folder.run(&["rollback", "Sale", "--to", revision]).expect(0);
        assert_eq!(folder.run(&["list", "--json"]).expect(0).json()[0]["status"], true, "{kind:?}");
        folder.run(&["token", "create", "--role", "admin", "--name", "ci"]).expect(0);
        assert_eq!(raw.texts("select name from acme_novi_tokens").await, ["ci"], "{kind:?}");
        folder.run(&["migrate", "--status"]).expect(0);

        let mut others = Folder::of(&database);
        let error = others.run(&["migrate"]).expect(4).err;
        assert!(
            error.contains("the table \"flags\" exists") && error.contains("table_prefix"),
            "{kind:?}: {error}"
        );
        others.set("NOVI_DATABASE__TABLE_PREFIX", "Acme");
        let error = others.run(&["migrate"]).expect(2).err;
        assert!(error.contains("database.table_prefix: expected at most 20 lower-case letters"), "{error}");
    }
}

#[test]
fn database_of_the_command_line_is_checked_with_the_schema_of_the_file() {
    let folder = Folder::empty();
    folder.write("novi.toml", "[database]\nschema = 'flags'\n");
    let run = folder.run(&["list"]).expect(2);
    assert!(run.err.contains("database.schema: only PostgreSQL has schemas"), "{run:?}");
    // Nothing listens there.
    let run = folder.run(&["--database", "postgres://127.0.0.1:1/db", "list"]).expect(4);
    assert!(!run.err.contains("schemas"), "{run:?}");
}
