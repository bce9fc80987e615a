//! `novi test`.

mod evaluate;
mod junit;
mod suite;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use novi::{
    Flags,
    rows::{Issue, Rows},
};
use serde_json::json;

use self::{
    evaluate::{Outcome, outcomes},
    suite::Suite,
};
use super::files::{invalid, read_document, read_files};
use crate::{
    output::{Failure, count, print, print_json, sanitize, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi test tests.yaml
  novi test tests/ --flags flags.yaml --junit report.xml

A file of tests:
  tests:
  - name: Teams get the new checkout, from Christmas on
    context: {targetingKey: user-1, plan: team}
    at: 2026-12-24T10:00:00Z
    expect:
      new-checkout: true
      color: {variant: red, value: \"#f00\", reason: SPLIT}

The exit code is 1 if a flag is not as expected.";

/// Test what flags are for callers, as files of tests expect it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Test {
    /// Files of tests, in YAML, TOML or JSON, or folders with such files at any depth; - reads YAML or JSON from standard
    /// input
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    files: Vec<PathBuf>,

    /// Test the flags of a file or folder, as `novi apply` reads them, and not those of the database; may be repeated
    #[arg(long, value_name = "FILE")]
    flags: Vec<PathBuf>,

    /// Also write a report in the XML of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Print the JSON Schema of files of tests, for editors
    #[arg(long, conflicts_with_all = ["files", "flags", "junit"])]
    schema: bool,
}

impl Test {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if self.schema {
            print_json(&schemars::schema_for!(Suite))?;
            return Ok(ExitCode::SUCCESS);
        }
        let suites = read_files::<Suite>(&self.files)?;
        let flags = self.flags(session).await?;
        let mut all = Vec::new();
        for (path, suite) in &suites {
            let file = path.display().to_string();
            for (index, test) in suite.tests.iter().enumerate() {
                all.extend(outcomes(&flags, &file, index + 1, test)?);
            }
        }
        if all.is_empty() {
            return Err(Failure::usage("the files have no tests; is it the right place?"));
        }
        if let Some(path) = &self.junit {
            junit::write(path, &all)?;
        }
        let failed = all.iter().filter(|outcome| !outcome.passed).count();
        if session.json {
            print_json(&json!({"passed": all.len() - failed, "failed": failed, "tests": all}))?;
        } else {
            all.iter().filter(|outcome| !outcome.passed).try_for_each(print_failed)?;
            let tests = suites.iter().map(|(_, suite)| suite.tests.len()).sum();
            let (tests, decisions) = (count(tests, "test"), count(all.len(), "decision"));
            let result = if failed == 0 { "all as expected".to_owned() } else { format!("{failed} failed") };
            print(format_args!("{tests}, {decisions}: {result}."))?;
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The flags to test.
    async fn flags(&self, session: &Session) -> Result<Flags, Failure> {
        if self.flags.is_empty() {
            return session.flags().await;
        }
        let document = read_document(&self.flags)?;
        let empty = session.flags_from(Rows::default())?;
        let target = document
            .target(&Rows::default(), &empty.registry(), false)
            .map_err(|problems| invalid(&problems))?;
        let flags = session.flags_from(target.rows)?;
        let issues: Vec<Issue> = flags.issues().iter().filter(|issue| !issue.warning).cloned().collect();
        if issues.is_empty() {
            return Ok(flags);
        }
        // Every test of these flags would fail, and none would say why.
        let lines: Vec<String> = issues.iter().map(ToString::to_string).collect();
        Err(Failure::invalid(lines.join("\n"), &issues))
    }
}

fn print_failed(outcome: &Outcome) -> Result<(), Failure> {
    print(format_args!("FAILED {}: {}: {}", outcome.file, outcome.test, outcome.flag))?;
    for difference in &outcome.differences {
        print(format_args!("  {difference}"))?;
    }
    let lines = outcome.explanation.as_deref().unwrap_or_default().lines();
    let text: String = lines.flat_map(|line| ["    ", line, "\n"]).collect();
    write(&sanitize(&text))
}
