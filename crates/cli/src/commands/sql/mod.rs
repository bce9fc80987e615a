//! `novi sql`.

mod refresh;
mod stated;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use novi::snapshot::FlagSql;
use novi_match::suggest::most_similar;
use novi_sql::{
    ColumnType, Columns, Dialect, FunctionSpec, Options, Output, Rendered, Source, ViewSpec, statement, views,
};
use serde::Serialize;

use self::stated::{options, stated};
use super::change::flag_name;
use crate::{
    output::{Failure, print_json, print_note, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi sql new-checkout --dialect postgres --columns 'targetingKey=id:integer'
  psql -c \"select count(*) from users where $(novi sql new-checkout --dialect postgres)\"
  novi sql new-checkout --variant --function checkout_variant
  novi sql new-checkout --view checkout_users --from users | psql
  novi sql --refresh --dry-run

The condition is true or false, and never null. What SQL cannot state exactly is refused, with a list of what it is.";

/// Write a flag as a condition, a view or a function in SQL
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub(crate) struct Sql {
    /// Flag by name or #ID; with --refresh, the names of views [default: all of novi's views]
    #[arg(value_name = "FLAG|VIEW", required_unless_present = "refresh")]
    names: Vec<String>,

    /// SQL of this database; mysql is MariaDB as well [default: that of the database in [audience], or of the
    /// flags]
    #[arg(long, value_enum)]
    dialect: Option<DialectName>,

    /// Write the condition alone, as for a where clause; the default
    #[arg(long = "where", conflicts_with_all = ["view", "function"])]
    condition: bool,

    /// Write a view of the rows of a table that have the flag
    #[arg(long, value_name = "NAME", requires = "from", conflicts_with = "function")]
    view: Option<String>,

    /// Table of the view
    #[arg(long, value_name = "TABLE", requires = "view")]
    from: Option<String>,

    /// Write a function of the attributes
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// Columns of attributes, as in targetingKey=id:integer,plan,seen=last_seen:instant, or as a JSON object;
    /// an attribute without a column is the column with its name. Types: text, integer, number, boolean,
    /// instant, datetime
    #[arg(long, value_name = "MAP")]
    columns: Option<Columns>,

    /// Write the variant instead of whether the flag is on; in a view, as the column novi_variant
    #[arg(long)]
    variant: bool,

    /// Evaluate at this time instead of the clock of the database, such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,

    /// Renew the views in the database that are of an earlier revision
    #[arg(long, conflicts_with_all = ["dialect", "condition", "view", "function", "columns", "variant", "at"])]
    refresh: bool,

    /// Renew the views in this schema [default: that of the connection]
    #[arg(long, value_name = "NAME", requires = "refresh")]
    schema: Option<String>,

    /// Show what --refresh would do
    #[arg(long, requires = "refresh")]
    dry_run: bool,
}

/// The databases whose SQL can be written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DialectName {
    #[value(alias = "postgresql")]
    Postgres,
    #[value(alias = "mariadb")]
    Mysql,
    Sqlite,
    Duckdb,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Postgres => Self::Postgres,
            DialectName::Mysql => Self::MySql,
            DialectName::Sqlite => Self::Sqlite,
            DialectName::Duckdb => Self::DuckDb,
        }
    }
}

/// What is printed with --json.
#[derive(Serialize)]
struct Report<'a> {
    flag: &'a str,
    revision: i64,
    dialect: Dialect,
    sql: &'a str,
    attributes: &'a [novi_sql::AttributeColumn],
}

impl Sql {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        // Not by clap, which requires no option that conflicts with another one.
        if !self.refresh && (self.schema.is_some() || self.dry_run) {
            let option = if self.dry_run { "--dry-run" } else { "--schema" };
            return Err(Failure::usage(format!("{option}: expected --refresh as well")));
        }
        if self.refresh {
            return refresh::refresh(session, &self.names, self.schema.as_deref(), self.dry_run).await;
        }
        let [name] = self.names.as_slice() else {
            return Err(Failure::usage(format!("expected one flag, found {}", self.names.len())));
        };
        let flags = session.flags().await?;
        let flag = flag_name(flags.snapshot().rows(), name.clone())?;
        let known =
            self.dialect.map(Dialect::from).or_else(|| views::dialect_of(session.config.audience_url()));
        let Some(dialect) = known else {
            return Err(Failure::usage("--dialect: expected postgres, mysql, sqlite or duckdb"));
        };
        let mut options = options(session, dialect);
        options.columns = self.columns.clone().unwrap_or_default();
        (options.at, options.variant) = (self.at, self.variant);
        let (stated, rendered) = stated(&flags, &flag, &options)?;
        let output = self.output(&stated, &options);
        let sql = statement(&rendered, &output, dialect).map_err(Failure::usage)?;
        if session.json {
            let (revision, attributes) = (stated.revision.number(), rendered.attributes.as_slice());
            print_json(&Report { flag: &flag, revision, dialect, sql: &sql, attributes })?;
        } else {
            write(&sql)?;
            note(&rendered)?;
            note_unread(&options.columns, &rendered)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn output(&self, stated: &FlagSql, options: &Options) -> Output {
        match (&self.view, &self.from, &self.function) {
            (Some(view), Some(from), _) => Output::View(ViewSpec {
                flag: stated.flag.clone(),
                revision: stated.revision.number(),
                source: Source { view: view.clone(), from: from.clone() },
                columns: options.columns.clone(),
                at: options.at,
                variant: options.variant,
            }),
            (_, _, Some(name)) => Output::Function(FunctionSpec {
                name: name.clone(),
                flag: stated.flag.clone(),
                revision: stated.revision.number(),
            }),
            _ => Output::Where,
        }
    }
}

/// Says which attributes have columns and are not read, as when several flags have the same columns.
fn note_unread(columns: &Columns, rendered: &Rendered) -> Result<(), Failure> {
    let is_read = |name: &str| rendered.attributes.iter().any(|one| one.attribute == name);
    for name in columns.attributes().filter(|name| !is_read(name)) {
        let others = rendered.attributes.iter().map(|one| one.attribute.as_str());
        let similar = most_similar(name, others.filter(|other| columns.get(other).is_none()));
        let hint = similar.map(|similar| format!("; did you mean {similar:?}?")).unwrap_or_default();
        print_note(format_args!("note: --columns has {name:?}, which the flag does not read{hint}"))?;
    }
    Ok(())
}

/// Says which types columns are taken to have.
fn note(rendered: &Rendered) -> Result<(), Failure> {
    let assumed = rendered.attributes.iter().filter(|one| !one.declared && one.kind != ColumnType::Any);
    let assumed: Vec<String> = assumed.map(|one| format!("{} ({})", one.column, one.type_words())).collect();
    if assumed.is_empty() {
        return Ok(());
    }
    print_note(format_args!(
        "note: the types of these columns are assumed: {}; declare others with --columns",
        assumed.join(", ")
    ))
}
