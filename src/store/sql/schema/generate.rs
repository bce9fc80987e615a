//! Generates the files of `migrations/*/` from `migrations/*.sql`, and the tables of `docs/schema.md`.

use std::{fmt::Write as _, path::Path};

use super::{Column, Group, Role, TABLES, Table};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    Postgres,
    MySql,
}

const DATABASES: [(Database, &str); 3] =
    [(Database::Sqlite, "sqlite"), (Database::Postgres, "postgres"), (Database::MySql, "mysql")];

/// The migrations: how the name of a template ends, and the name of the file. A database runs a migration once, so
/// that a file that was released never changes: another table is another migration.
const MIGRATIONS: [(&str, &str); 3] =
    [("", "0001_novi"), (".evaluations", "0002_evaluations"), (".assignments", "0003_assignments")];

fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap_or_else(|| panic!("unknown table {name:?}"))
}

/// The description of `table` or `table.column`, as a string of SQL.
fn text(path: &str) -> String {
    let description = match path.split_once('.') {
        None => table(path).description,
        Some((of, column)) => {
            let columns = table(of).columns.iter();
            columns.clone().find(|known| known.name == column).unwrap_or_else(|| panic!("{path}")).description
        }
    };
    format!("'{}'", description.replace('\'', "''"))
}

/// The columns whose change is a change of the row.
fn content(table: &'static Table) -> impl Iterator<Item = &'static Column> {
    table.columns.iter().filter(|column| matches!(column.role, Role::Key | Role::Value))
}

/// Two rows compared column by column, joined by a word.
fn compared(database: Database, table: &'static Table, differ: bool, but: &[&str]) -> Vec<String> {
    let operator = match (database, differ) {
        (Database::MySql, _) => "<=>",
        (_, true) => "is not",
        (_, false) => "is",
    };
    content(table)
        .filter(|column| !but.contains(&column.name))
        .map(|column| format!("old.{0} {operator} new.{0}", column.name))
        .collect()
}

/// A row as a JSON object. Words are a prefix (`old`, `new`), or what stands in for a column
/// (`column=expression`).
fn row(database: Database, table: &'static Table, words: &str) -> Vec<String> {
    let (prefix, others) = match words.split_once(' ') {
        Some((prefix, others)) if !prefix.contains('=') => (prefix, others),
        None if !words.contains('=') => (words, ""),
        _ => ("", words),
    };
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
    let columns = table.columns.iter().filter(|column| column.role != Role::Kept);
    let values = columns.map(|column| {
        let name = format!("{prefix}{}", column.name);
        let value = match others.split_once('=') {
            Some((replaced, expression)) if replaced == column.name => expression.to_owned(),
            _ => json_value(database, column, &name),
        };
        format!("'{}', {value}", column.name)
    });
    values.collect()
}

fn json_value(database: Database, column: &Column, name: &str) -> String {
    let is_boolean = column.types[0] == "boolean";
    match database {
        Database::Sqlite if column.role == Role::Key => name.to_owned(),
        Database::Sqlite if is_boolean => format!(
            "case when {name} = 1 then json('true') when {name} = 0 then json('false') \
             when typeof({name}) = 'blob' then hex({name}) else {name} end"
        ),
        Database::Sqlite => format!("iif(typeof({name}) = 'blob', hex({name}), {name})"),
        Database::MySql if is_boolean => format!(
            "json_extract(case {name} when 1 then 'true' when 0 then 'false' else coalesce({name}, 'null') end, '$')"
        ),
        _ => name.to_owned(),
    }
}

/// What a flag's name may be, as far as all databases can tell.
const PLAIN_NAME: &str =
    "name <> '' and name not like ' %' and name not like '% ' and char_length(name) <= 255";

/// The first statement of a function on PostgreSQL. The end of the function sets the search path back.
const OWN_SCHEMA: &str = "perform set_config('search_path', p.pronamespace::regnamespace || ', pg_temp', true)\n\
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid\n\
    where t.tgrelid = tg_relid and t.tgname = tg_name;";

/// Comments on the tables that a template creates.
fn comments(template: &str) -> String {
    let mut sql = String::new();
    for table in TABLES.iter().filter(|table| body(template, table).is_some()) {
        let name = table.name;
        writeln!(sql, "comment on table {name} is {};", text(name)).unwrap();
        for column in table.columns {
            let path = format!("{name}.{}", column.name);
            writeln!(sql, "comment on column {path} is {};", text(&path)).unwrap();
        }
    }
    sql.trim_end().to_owned()
}

/// What follows the beginning of a table in a template that creates it.
fn body<'a>(template: &'a str, table: &Table) -> Option<&'a str> {
    let creates = ["create table ", "create table if not exists ", "create unlogged table "];
    creates
        .into_iter()
        .find_map(|create| template.split_once(&format!("{create}{} (\n", table.name)))
        .map(|(_, body)| body)
}

fn expanded(database: Database, template: &str, placeholder: &str, indent: usize) -> String {
    let (word, rest) = placeholder.split_once(' ').unwrap_or((placeholder, ""));
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let next_line = |indent: usize| format!("\n{}", " ".repeat(indent));
    match word {
        "comments" => comments(template),
        "own" => OWN_SCHEMA.replace('\n', &next_line(indent)),
        "plain" if rest == "quoted" => PLAIN_NAME.replace('\'', "''"),
        "plain" if database == Database::Sqlite => PLAIN_NAME.replace("char_length", "length"),
        "plain" => PLAIN_NAME.to_owned(),
        "comment" => format!("comment {}", text(name)),
        "text" => text(name),
        "row" => {
            let line = next_line(indent + 2);
            format!("json_object({line}{})", row(database, table(name), rest).join(&format!(",{line}")))
        }
        "changed" => {
            compared(database, table(name), true, &[]).join(&format!("{}or ", next_line(indent + 2)))
        }
        "unchanged" => {
            let but: Vec<&str> = rest.strip_prefix("but ").into_iter().collect();
            compared(database, table(name), false, &but).join(&format!("{}and ", next_line(indent + 2)))
        }
        "columns" => {
            let columns = content(table(name)).filter(|column| column.role == Role::Value);
            let columns: Vec<_> = columns.map(|column| format!("{rest}.{}", column.name)).collect();
            columns.join(", ")
        }
        _ => panic!("unknown placeholder {placeholder:?}"),
    }
}

/// Statements that drop the triggers that a template creates.
fn dropped_triggers(template: &str) -> String {
    let names = template.lines().filter_map(|line| line.strip_prefix("create trigger ")?.split(' ').next());
    names.map(|name| format!("drop trigger if exists {name};")).collect::<Vec<_>>().join("\n")
}

fn generated(database: Database, name: &str, template: &str) -> String {
    let mut sql = format!(
        "-- Generated from migrations/{name}.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.\n\n"
    );
    for line in template.lines() {
        let indent = line.len() - line.trim_start().len();
        if database == Database::MySql
            && let Some(rest) = line.strip_prefix("create trigger ")
        {
            let trigger = rest.split(' ').next().unwrap();
            writeln!(sql, "drop trigger if exists {trigger};").unwrap();
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let (placeholder, after) = after.split_once("}}").unwrap();
            sql.push_str(before);
            sql.push_str(&match placeholder {
                "drop triggers" => dropped_triggers(template),
                _ => expanded(database, template, placeholder, indent),
            });
            rest = after;
        }
        sql.push_str(rest);
        sql.push('\n');
    }
    sql
}

/// Compares a file with what it should be, or writes it if `UPDATE_DOCS` is set.
fn assert_file(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date: run this test with UPDATE_DOCS=1", path.display());
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn migrations_are_generated() {
    for (database, name) in DATABASES {
        for (part, file) in MIGRATIONS {
            let template = read(&format!("migrations/{name}{part}.sql"));
            let expected = generated(database, &format!("{name}{part}"), &template);
            assert_file(&format!("migrations/{name}/{file}.sql"), &expected);
        }
    }
}

#[test]
fn templates_have_each_column_with_its_type() {
    for (index, (_, name)) in DATABASES.into_iter().enumerate() {
        let template = MIGRATIONS.map(|(part, _)| read(&format!("migrations/{name}{part}.sql"))).concat();
        for table in TABLES {
            let body = body(&template, table).unwrap_or_else(|| panic!("{name}: {}", table.name));
            let body = &body[..body.find("\n)").unwrap()];
            for column in table.columns {
                let expected = format!("  {} {}", column.name, column.types[index]);
                let mut lines = body.lines().map(|line| line.replace('`', ""));
                assert!(lines.any(|line| line.starts_with(&expected)), "{name}: {}: {expected}", table.name);
            }
        }
    }
}

#[test]
fn schema_page_lists_all_tables() {
    const BEGIN: &str = "<!-- tables: generated by `UPDATE_DOCS=1 cargo test -p novi --lib schema` -->\n";
    const END: &str = "<!-- end of tables -->\n";
    let page = read("docs/schema.md");
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut tables = String::new();
    for table in TABLES {
        let edit = match table.group {
            Group::Core => "Edit it. Python novi has the same table",
            Group::Editable => "Edit it",
            Group::Kept => "Read it; novi writes it",
            Group::Bookkeeping => "novi writes it; nobody else needs it",
        };
        writeln!(tables, "\n### `{}`\n\n{}. {edit}.\n", table.name, table.description).unwrap();
        writeln!(tables, "| Column | SQLite | PostgreSQL | MySQL | Null | Written by | |").unwrap();
        writeln!(tables, "|---|---|---|---|---|---|---|").unwrap();
        for column in table.columns {
            let [sqlite, postgres, mysql] = column.types;
            let null = if column.is_nullable { "yes" } else { "" };
            let writer = match column.role {
                Role::Key | Role::Value => "you",
                Role::Recorded | Role::Kept => "novi",
            };
            let writer = if matches!(table.group, Group::Core | Group::Editable) { writer } else { "novi" };
            let (name, description) = (column.name, column.description);
            writeln!(
                tables,
                "| `{name}` | {sqlite} | {postgres} | {mysql} | {null} | {writer} | {description} |"
            )
            .unwrap();
        }
    }
    assert_file("docs/schema.md", &format!("{before}{BEGIN}{tables}\n{END}{after}"));
}
