//! `novi enable` and `novi disable`.

use std::process::ExitCode;

use clap::Args;
use novi::{
    Error, Flags,
    rows::{FlagRow, Issue, Rows},
    store::{Change, Edit},
};
use serde::Serialize;
use serde_json::json;

use super::change::{ChangeOptions, find_flag};
use crate::{
    output::{DRY_RUN, Failure, NOTHING_WOULD_CHANGE, PlanReport, WOULD_BE_REJECTED, print, print_json},
    session::Session,
};

const VERSIONS: &str = "\
Several flags are changed in one transaction. `novi show FLAG` shows the version of a flag. With --if-version the command \
fails with exit code 5 if the flag was modified since.";

// No doc comment: it would replace the help of `enable` and `disable`.
#[derive(Debug, Args)]
#[command(after_help = VERSIONS)]
pub(crate) struct SetStatus {
    /// Flags by name or #ID
    #[arg(required = true, value_name = "FLAG")]
    flags: Vec<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

/// What became of a flag.
#[derive(Serialize)]
struct FlagResult {
    flag: String,
    status: bool,
    /// Whether it had another status before.
    changed: bool,
    /// Whether the configuration overrides it.
    overridden: bool,
    issues: Vec<Issue>,
}

impl SetStatus {
    pub(crate) async fn run(self, session: &Session, status: bool) -> Result<ExitCode, Failure> {
        let Self { flags, options } = self;
        let version = options.version_of_one(&flags)?;
        let store = session.store().await?;
        let rows = store.load().await?;
        let found = flags.iter().map(|wanted| find_flag(&rows, wanted));
        let found = found.collect::<Result<Vec<&FlagRow>, Failure>>()?;
        let mut edit =
            Edit::new(found.iter().map(|row| Change::SetStatus { flag: row.name.clone(), status }));
        if let (Some(version), [row]) = (version, found.as_slice()) {
            edit = edit.expect_flag(&row.name, version);
        }
        edit = edit.by(options.authorship.author());
        if options.dry_run {
            return plan(session, rows, status, &edit);
        }
        let revision = if status {
            session.flags_from(Rows::default())?.writer().commit(&*store, edit).await?
        } else {
            // Turning a flag off breaks no row, and has to work whatever else is broken.
            store.commit(edit).await?
        };
        let issues = if status { issues(session).await } else { Vec::new() };
        let changed = found.iter().map(|row| {
            let breaks = |issue: &&Issue| issue.flags.contains(&row.name);
            FlagResult {
                flag: row.name.clone(),
                status,
                changed: row.status != status,
                overridden: session.config.overrides.contains_key(&row.name),
                issues: issues.iter().filter(breaks).cloned().collect(),
            }
        });
        let changed: Vec<_> = changed.collect();
        if session.json {
            let written = changed.iter().any(|flag| flag.changed);
            print_json(&json!({"written": written, "revision": revision, "flags": changed}))?;
            return Ok(ExitCode::SUCCESS);
        }
        for FlagResult { flag, changed, overridden, issues, .. } in changed {
            let already = if changed { "" } else { "already " };
            let state = if status { "enabled" } else { "disabled" };
            print(format_args!("{flag} is {already}{state} (revision {revision})"))?;
            if overridden {
                print(
                    "note: the configuration overrides this flag ([overrides]), so the status has no effect",
                )?;
            }
            if !issues.is_empty() {
                print("note: the flag is broken and uses its fail_mode:")?;
            }
            for issue in &issues {
                print(format_args!("    {issue}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The issues of the rows. The change is made already, so that an error has no issues.
async fn issues(session: &Session) -> Vec<Issue> {
    session.flags().await.map(|flags: Flags| flags.issues()).unwrap_or_default()
}

/// Prints what the edit would do, and exits as the edit would.
fn plan(session: &Session, rows: Rows, status: bool, edit: &Edit) -> Result<ExitCode, Failure> {
    let flags = session.flags_from(rows.clone())?;
    let snapshot = flags.snapshot();
    for expected in &edit.expected {
        let novi::store::RowKey::Flag(name) = &expected.row else { continue };
        let Some(at) = snapshot.row_of(name) else {
            return Err(Error::FlagNotFound { name: name.clone(), similar: None }.into());
        };
        let activations: Vec<_> = snapshot.activations_of(at).map(|activation| activation.id).collect();
        if let Some(row) = snapshot.rows().and_then(|rows| rows.flags.get(at)) {
            edit.compare_flag(expected.version, row, &activations)?;
        }
    }
    let rows = snapshot.rows().cloned().unwrap_or(rows);
    let plan = flags.validator().plan(rows.clone(), edit);
    // Turning a flag off is never rejected.
    let is_rejected = status && !plan.problems.is_empty();
    if session.json {
        print_json(&json!({"written": false, "revision": null, "plan": plan}))?;
    } else {
        let after = edit.after(rows.clone()).unwrap_or_else(|_| rows.clone());
        let registry = flags.registry();
        let report = PlanReport::new(&registry, &plan, &rows, &after);
        if report.is_empty() {
            print(NOTHING_WOULD_CHANGE)?;
        }
        report.print()?;
        print(DRY_RUN)?;
    }
    if is_rejected {
        return Err(Failure::invalid(WOULD_BE_REJECTED, &plan.problems));
    }
    Ok(ExitCode::SUCCESS)
}
