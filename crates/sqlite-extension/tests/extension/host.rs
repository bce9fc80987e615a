//! A database and the program `sqlite3`, which loads the extension.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use novi::rows::Rows;
use tempfile::TempDir;

const MIGRATIONS: [&str; 2] = [
    include_str!("../../../../migrations/sqlite/0001_novi.sql"),
    include_str!("../../../../migrations/sqlite/0002_evaluations.sql"),
];

/// A database in a temporary folder.
pub(crate) struct Database {
    folder: TempDir,
}

/// What a script printed: the rows, and the errors.
pub(crate) struct Printed {
    pub(crate) rows: Vec<String>,
    pub(crate) errors: Vec<String>,
}

impl Database {
    /// A database without novi's tables.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A database with novi's tables, which are empty.
    pub(crate) fn migrated() -> Self {
        let database = Self::empty();
        database.rows(&MIGRATIONS.join(";\n"));
        database
    }

    /// A file next to the database.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script in which the extension is loaded. After an error, it continues with the next statement.
    pub(crate) fn run(&self, script: &str) -> Printed {
        let path = self.path("script.sql");
        // Commands of the program begin at the start of a line, and an error ends the line.
        let lines: Vec<&str> = script.lines().map(str::trim_start).collect();
        fs::write(&path, format!(".load \"{}\"\n{}\n", library().display(), lines.join("\n"))).unwrap();
        let printed = Command::new("sqlite3")
            .args(["-batch", "-nullvalue", "null"])
            .arg(self.path("app.db"))
            // Without the settings of the user.
            .env("HOME", self.folder.path())
            .stdin(Stdio::from(File::open(&path).unwrap()))
            .output()
            .unwrap_or_else(|error| panic!("the tests need the program sqlite3: {error}"));
        let lines = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
        assert!(printed.status.code().is_some(), "sqlite3 was killed: {:?}", printed.status);
        Printed { rows: lines(&printed.stdout), errors: lines(&printed.stderr) }
    }

    /// The rows of a script without errors.
    pub(crate) fn rows(&self, script: &str) -> Vec<String> {
        let Printed { rows, errors } = self.run(script);
        assert_eq!(errors, [""; 0], "{script:.1000}");
        rows
    }

    /// The error of a statement.
    pub(crate) fn error(&self, statement: &str) -> String {
        let Printed { rows, errors } = self.run(statement);
        assert_eq!((rows, errors.is_empty()), (Vec::new(), false), "{statement}");
        errors.join("\n")
    }
}

/// The built extension, which cargo puts next to the program of the tests or a folder above.
pub(crate) fn library() -> PathBuf {
    let name = format!("{DLL_PREFIX}novi_sqlite{DLL_SUFFIX}");
    let program = std::env::current_exe().unwrap();
    let folders = program.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(&name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not near {}", program.display()))
}

/// A value in SQL.
pub(crate) fn literal(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

/// A path in SQL.
pub(crate) fn path_literal(path: &Path) -> String {
    literal(path.to_str())
}

/// The statements that insert rows.
pub(crate) fn insertions(rows: &Rows) -> String {
    let mut sql = String::from("begin;\n");
    for flag in &rows.flags {
        let data = &flag.metadata;
        let text = |text: &Option<String>| literal(text.as_deref());
        writeln!(
            sql,
            "insert into flags values ({}, {}, {});",
            flag.id,
            literal(Some(&flag.name)),
            flag.status
        )
        .unwrap();
        writeln!(
            sql,
            "update flag_metadata set fail_mode = '{}', variants = {}, value_type = {}, default_variant = {}, \
             off_variant = {}, metadata = {} where flag_id = {};",
            data.fail_mode.as_str(),
            text(&data.variants),
            literal(data.value_type.map(novi::rows::ValueType::as_str)),
            text(&data.default_variant),
            text(&data.off_variant),
            text(&data.metadata),
            flag.id,
        )
        .unwrap();
    }
    for row in &rows.activations {
        let texts = [Some(&*row.name), Some(&*row.class_name), row.config.as_deref()].map(literal).join(", ");
        writeln!(sql, "insert into activations (id, name, class_name, config) values ({}, {texts});", row.id)
            .unwrap();
    }
    for link in &rows.links {
        let [flag, activation] = [link.flag_id, link.activation_id]
            .map(|id| id.map_or_else(|| "null".to_owned(), |id| id.to_string()));
        writeln!(
            sql,
            "insert into flags_activations (flag_id, activation_id) values ({flag}, {activation});"
        )
        .unwrap();
    }
    for row in &rows.members {
        let member = literal(Some(&row.member));
        let (id, denied) = (row.activation_id, row.denied);
        writeln!(sql, "insert into activation_members values ({id}, {member}, {denied});").unwrap();
    }
    sql.push_str("commit;\n");
    sql
}
