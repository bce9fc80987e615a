//! A flag in SQL.

use novi::{Flags, activation::sql::Refusal, snapshot::FlagSql};
use novi_sql::{Dialect, Options, Rendered, render};

use crate::output::Failure;

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
