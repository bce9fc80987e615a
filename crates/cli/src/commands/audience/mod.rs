//! `novi audience`.

mod changed;
mod output;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use novi::{
    rows::Issue,
    snapshot::{Audience as Counted, FlagImpact},
    store::history::AsOf,
};
use novi_audience::AudienceError;
use serde::Serialize;

use self::{
    changed::changed,
    output::{Destination, Output},
};
use super::{
    callers::{failure, query, saved_query},
    change::flag_name,
    value_parser::duration,
};
use crate::{
    output::{Failure, Progress, WOULD_BE_REJECTED, print_json, print_note, sanitize, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi audience new-checkout --sql 'select id as \"targetingKey\", country, plan from users'
  novi audience new-checkout --query users --compare flags.yaml
  novi audience new-checkout --query users --to csv > have-it.csv
  novi audience new-checkout --query users --to table:new_checkout_audience

Each column of the query is an attribute, and each row is a caller. The query runs in a read-only transaction of
[audience] database, by default the database of the flags. Saved queries are in [audience.queries].";

/// Show who has a flag, among the users of a database
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audience {
    /// Flag by name or #ID
    flag: String,

    /// Query that selects the callers: each column is an attribute
    #[arg(long, value_name = "SQL", required_unless_present = "query")]
    sql: Option<String>,

    /// Saved query of [audience.queries] that selects the callers
    #[arg(long, value_name = "NAME", conflicts_with = "sql")]
    query: Option<String>,

    /// Also write the decision for each caller: to standard output as csv or as a JSON object on each line, or to a new
    /// table in the database of the query; - is csv
    #[arg(long, value_name = "csv|json|table:NAME|-")]
    to: Option<Destination>,

    /// Use the rows at a revision, a time such as 2027-01-31T12:00:00Z, or a date
    #[arg(long, value_name = "REV|TIME")]
    at: Option<AsOf>,

    /// Also show who would enter and leave by a change that is not made: a file of flags as for `novi apply`, or the
    /// JSON of POST /api/edits
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    compare: Option<PathBuf>,

    /// Stop the query after so long, with the time that writing the decisions takes [default: [audience] timeout]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<std::time::Duration>,
}

/// What is printed with --json.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    audience: Counted,
    /// Who would enter and leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<FlagImpact>,
    /// Why the change would be rejected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Issue>,
}

impl Audience {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let flags = match self.at {
            Some(moment) => session.flags_at(moment).await?,
            None => session.flags().await?,
        };
        let snapshot = flags.snapshot();
        let rows = snapshot.rows().cloned().unwrap_or_default();
        let flag = flag_name(Some(&rows), self.flag.clone())?;
        let sql = match (&self.sql, &self.query) {
            (Some(sql), _) => sql.as_str(),
            (None, name) => saved_query(session, name.as_deref().unwrap_or_default())?,
        };
        let mut comparison = match &self.compare {
            Some(file) => {
                let edit = changed(file, session, rows.clone())?;
                Some(flags.comparison(rows.clone(), &edit))
            }
            None => None,
        };
        let (url, query) = query(session, sql, self.timeout);
        let mut output = Output::new(self.to.as_ref(), &url).await?;
        let mut counter = snapshot.audience(&flag)?;
        let stopped = |failure: Failure| AudienceError::Stopped(failure.message().to_owned());
        let progress = Progress::counting("evaluating the callers", "caller");
        let streamed = query.for_each(async |context| {
            progress.advance();
            if let Some(decision) = counter.add(context) {
                output.push(context, &decision).await.map_err(stopped)?;
            }
            if let Some((_, comparison)) = &mut comparison {
                comparison.add(context);
            }
            Ok(())
        });
        let streamed = Box::pin(streamed).await;
        drop(progress);
        if let Err(error) = streamed {
            output.discard().await;
            return Err(failure(&error));
        }
        output.finish().await?;
        let (mut change, mut problems) = (None, Vec::new());
        if let Some((plan, comparison)) = comparison {
            let row = rows.flags.iter().find(|row| row.name == flag);
            let renamed = row.map_or(flag.as_str(), |row| plan.name_after(row));
            change = comparison.finish().flags.into_iter().find(|changed| changed.flag == renamed);
            problems = plan.problems;
        }
        let report = Report { audience: counter.finish(), change, problems };
        self.print(session, &report)
    }

    /// Decisions on standard output leave the counts to standard error.
    fn print(&self, session: &Session, report: &Report) -> Result<ExitCode, Failure> {
        let is_taken = matches!(self.to, Some(Destination::Csv | Destination::Json));
        if session.json && !is_taken {
            print_json(report)?;
            return report.exit_code();
        }
        let mut text = report.audience.to_string();
        match &report.change {
            Some(change) => text.push_str(&change.to_string()),
            None if self.compare.is_some() && report.problems.is_empty() => {
                text.push_str("the change does not affect it\n");
            }
            None => {}
        }
        let text = sanitize(&text);
        if is_taken {
            print_note(text.trim_end())?;
        } else {
            write(&text)?;
        }
        if let Some(Destination::Table(name)) = &self.to {
            print_note(format_args!("note: the decisions are in the new table {name}"))?;
        }
        for warning in &report.audience.warnings {
            print_note(format_args!("warning: {warning}"))?;
        }
        for problem in &report.problems {
            print_note(format_args!("problem: {problem}"))?;
        }
        report.exit_code()
    }
}

impl Report {
    fn exit_code(&self) -> Result<ExitCode, Failure> {
        if self.problems.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Failure::rejected(WOULD_BE_REJECTED))
        }
    }
}
