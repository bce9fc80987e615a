//! Statements around a condition: views and functions.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::{
    columns::{ColumnType, Columns},
    dialect::Dialect,
    render::Rendered,
};

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The condition alone, or the variant.
    Where,
    /// A view of a table.
    View(ViewSpec),
    /// A function of the attributes.
    Function(FunctionSpec),
}

/// A function, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The name of the function, with a schema before it if it has a dot.
    pub name: String,
    /// The name of the flag.
    pub flag: String,
    /// The revision of the rows.
    pub revision: i64,
}

/// Where the rows of a view come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The name of the view, with a schema before it if it has a dot.
    #[serde(skip)]
    pub view: String,
    /// The table, likewise.
    pub from: String,
}

/// What a view was made of. The view has it in its definition, from which it is read when the view is
/// renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewSpec {
    /// The name of the flag.
    pub flag: String,
    /// The revision of the rows.
    pub revision: i64,
    /// Its table.
    #[serde(flatten)]
    pub source: Source,
    /// The columns of attributes.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub columns: Columns,
    /// The time that is evaluated; `None` is the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Whether the view has a column of the variant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub variant: bool,
}

/// What the note in the definition of a view starts with.
const MARK: &str = "novi:view ";

/// What the comment of a function ends with.
const MADE: &str = ", made by novi sql";

/// Characters that no database writes in another way, when it shows a definition.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'\'').add(b'\\').add(b'%').add(b'`').add(b'?').add(b'$');

impl ViewSpec {
    /// The note in the definition of the view.
    #[must_use]
    pub fn note(&self) -> String {
        // Strings, numbers and Booleans are always JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{MARK}{}", utf8_percent_encode(&json, ESCAPED))
    }

    /// The spec of a view with this name and definition; `None` if novi has not made it.
    #[must_use]
    pub fn read(view: &str, definition: &str) -> Option<Self> {
        let start = definition.find(MARK)? + MARK.len();
        let (note, _) = definition.get(start..)?.split_once('\'')?;
        let json = percent_decode_str(note).decode_utf8().ok()?;
        let mut spec: Self = serde_json::from_str(&json).ok()?;
        view.clone_into(&mut spec.source.view);
        Some(spec)
    }
}

/// A name with dots between its parts.
fn path(dialect: Dialect, name: &str) -> Result<String, String> {
    let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    dialect.path(&parts).ok_or_else(|| format!("expected the name of a table or a view, found {name:?}"))
}

/// The statement, without a semicolon at the end of a condition.
///
/// # Errors
/// If the dialect does not have such statements, or a name is invalid.
pub fn statement(rendered: &Rendered, output: &Output, dialect: Dialect) -> Result<String, String> {
    match output {
        Output::Where => Ok(format!("{}\n", rendered.variant.as_ref().unwrap_or(&rendered.on))),
        Output::View(spec) => view(rendered, spec, dialect),
        Output::Function(spec) => function(rendered, spec, dialect),
    }
}

fn view(rendered: &Rendered, spec: &ViewSpec, dialect: Dialect) -> Result<String, String> {
    let (name, from) = (path(dialect, &spec.source.view)?, path(dialect, &spec.source.from)?);
    let mut sql = format!(
        "-- flag {:?} at revision {}; renew it with `novi sql --refresh`\n",
        spec.flag, spec.revision
    );
    if dialect == Dialect::Sqlite {
        writeln!(sql, "drop view if exists {name};").ok();
    }
    let create = if dialect == Dialect::Sqlite { "create view" } else { "create or replace view" };
    let table = dialect.identifier("t").unwrap_or_default();
    let variant =
        rendered.variant.as_ref().map_or_else(String::new, |variant| format!("{variant} as novi_variant, "));
    write!(
        sql,
        "{create} {name} as\nselect {variant}{table}.* from {from} as {table}\nwhere '{}' is not null\n  and {};\n",
        spec.note(),
        rendered.on
    )
    .ok();
    if matches!(dialect, Dialect::Postgres | Dialect::DuckDb) {
        let comment = format!("flag {} at revision {}, made by novi sql", spec.flag, spec.revision);
        if let Some(comment) = dialect.string(&comment) {
            writeln!(sql, "comment on view {name} is {comment};").ok();
        }
    }
    Ok(sql)
}

/// The type of an argument. PostgreSQL's are as it shows them.
const fn argument_type(dialect: Dialect, kind: ColumnType) -> &'static str {
    match (dialect, kind) {
        (_, ColumnType::Integer) => "bigint",
        (Dialect::Postgres, ColumnType::Number) => "double precision",
        (_, ColumnType::Number) => "double",
        (_, ColumnType::Boolean) => "boolean",
        (Dialect::Postgres, ColumnType::Instant) => "timestamp with time zone",
        (Dialect::Postgres, ColumnType::Datetime) => "timestamp without time zone",
        (_, ColumnType::Instant) => "timestamp",
        (_, ColumnType::Datetime) => "datetime(6)",
        (Dialect::MySql, _) => "longtext character set utf8mb4 collate utf8mb4_bin",
        _ => "text",
    }
}

fn function(rendered: &Rendered, spec: &FunctionSpec, dialect: Dialect) -> Result<String, String> {
    let name = path(dialect, &spec.name)?;
    let body = rendered.variant.as_ref().unwrap_or(&rendered.on);
    let names: Vec<&str> = rendered.attributes.iter().map(|one| one.column.as_str()).collect();
    if let Some(name) = names.iter().find(|name| name.contains("\".\"") || name.contains("`.`")) {
        return Err(format!(
            "a function has attributes and no tables: expected a name without a dot, found {name}"
        ));
    }
    let types: Vec<&str> = rendered.attributes.iter().map(|one| argument_type(dialect, one.kind)).collect();
    let arguments: Vec<String> =
        names.iter().zip(&types).map(|(name, kind)| format!("{name} {kind}")).collect();
    let (arguments, is_text) = (arguments.join(", "), rendered.variant.is_some());
    let head = format!(
        "-- flag {:?} at revision {}; the parameters are what the rule reads, in alphabetical order, and change with it:\n\
         -- write it again after changes\n",
        spec.flag, spec.revision
    );
    let comment = format!("flag {} at revision {}{MADE}", spec.flag, spec.revision);
    match dialect {
        Dialect::Postgres => {
            let returns = if is_text { "text" } else { "boolean" };
            let text = dollar_quoted(&format!("\n  select {body}\n"));
            let comment = dialect.string(&comment.replace('\0', "")).unwrap_or_default();
            let drop = drop_others(spec, &names, &types, returns);
            let types = types.join(", ");
            Ok(format!(
                "{head}{drop}create or replace function {name}({arguments}) returns {returns}\n\
                 language sql stable parallel safe as {text};\n\
                 comment on function {name}({types}) is {comment};\n"
            ))
        }
        Dialect::MySql => {
            let returns = if is_text { "longtext character set utf8mb4" } else { "boolean" };
            // A comment is a string in quotes, in every mode of the server.
            let comment = comment.replace(['\'', '\\', '\0'], "");
            Ok(format!(
                "{head}drop function if exists {name};\ncreate function {name}({arguments}) returns {returns}\n\
                 comment '{comment}' not deterministic reads sql data return {body};\n"
            ))
        }
        Dialect::DuckDb => {
            let names = names.join(", ");
            Ok(format!("{head}create or replace macro {name}({names}) as ({body});\n"))
        }
        Dialect::Sqlite => Err(
            "SQLite has no functions in SQL; use --view, or load novi's extension, which has novi_enabled"
                .to_owned(),
        ),
    }
}

/// Text as PostgreSQL's bodies of functions have it.
fn dollar_quoted(text: &str) -> String {
    // A flag can have any text.
    if text.contains("$novi$") {
        Dialect::Postgres.string(text).unwrap_or_default()
    } else {
        format!("$novi${text}$novi$")
    }
}

/// Drops the functions with this name that novi has made of the same flag and that PostgreSQL would keep, or
/// not replace: those with other parameters or another result.
fn drop_others(spec: &FunctionSpec, names: &[&str], types: &[&str], returns: &str) -> String {
    let literal = |text: &str| Dialect::Postgres.string(text).unwrap_or_default();
    let (schema, name) = spec.name.rsplit_once('.').unwrap_or(("", &spec.name));
    let schema = if schema.is_empty() { "current_schema()".to_owned() } else { literal(schema) };
    let plain = |name: &&str| {
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        literal(&name.replace("\"\"", "\""))
    };
    let names: Vec<String> = names.iter().map(plain).collect();
    let (name, made) = (literal(name), literal(&format!("%{MADE}")));
    let flag = literal(&format!("flag {} at revision ", spec.flag.replace('\0', "")));
    // Functions without parameters have no names of parameters.
    let names = if names.is_empty() { "null".to_owned() } else { format!("array[{}]", names.join(", ")) };
    let types = literal(&types.join(", "));
    let text = format!(
        "\ndeclare other regprocedure;\nbegin\n  for other in select p.oid from pg_proc p \
         join pg_namespace n on n.oid = p.pronamespace\n    where n.nspname = {schema} and p.proname = {name} and \
         starts_with(obj_description(p.oid, 'pg_proc'), {flag})\n      and obj_description(p.oid, 'pg_proc') like {made}\n      and (p.proargnames is distinct from {names} or \
         oidvectortypes(p.proargtypes) <> {types} or p.prorettype <> '{returns}'::regtype)\n  \
         loop execute format('drop function %s', other); end loop;\nend\n"
    );
    format!("do {};\n", dollar_quoted(&text))
}
