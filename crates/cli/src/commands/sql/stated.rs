//! A flag in SQL.

use novi::{Flags, activation::sql::Refusal, snapshot::FlagSql};
use novi_sql::{Dialect, Options, Rendered, render, views};

use crate::{output::Failure, session::Session};

/// How flags are written for a dialect. Only a condition for the database of the flags can read what it remembers.
pub(super) fn options(session: &Session, dialect: Dialect) -> Options {
    let url = session.config.audience_url();
    let has_flags = url == session.config.database.url && views::dialect_of(url) == Some(dialect);
    Options { assignments: has_flags.then(|| views::assignments(url)), ..Options::new(dialect) }
}

/// A flag in SQL, or the failure that lists what SQL cannot state.
pub(super) fn stated(flags: &Flags, flag: &str, options: &Options) -> Result<(FlagSql, Rendered), Failure> {
    let stated = flags.snapshot().to_sql(flag, &flags.registry())?;
    let rendered = stated.and_then(|stated| {
        let rendered = render(&stated, options)?;
        Ok((stated, rendered))
    });
    rendered.map_err(|refusals| refused(flag, options.dialect, &refusals))
}

fn refused(flag: &str, dialect: Dialect, refusals: &[Refusal]) -> Failure {
    let list: Vec<String> = refusals.iter().map(|refusal| format!("\n  {refusal}")).collect();
    let list = list.concat();
    Failure::invalid(format!("the SQL of {dialect} cannot state the flag {flag:?}:{list}"), &refusals)
}
