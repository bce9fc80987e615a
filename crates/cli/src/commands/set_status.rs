//! `novi enable` and `novi disable`.

use std::process::ExitCode;

use clap::Args;
use novi::{
    Context, Error, Flags,
    rows::{Issue, Rows},
    store::{Change, Edit},
};
use serde_json::json;

use super::authorship::Authorship;
use crate::{
    output::{DRY_RUN, Failure, WOULD_BE_REJECTED, print, print_json},
    session::Session,
};

const VERSIONS: &str = "\
`novi show FLAG` shows the version of a flag. With --if-version the command fails with exit code 5 if the flag was \
modified since.";

// No doc comment: it would replace the help of `enable` and `disable`.
#[derive(Debug, Args)]
#[command(after_help = VERSIONS)]
pub(crate) struct SetStatus {
    /// Flag name
    flag: String,

    #[command(flatten)]
    authorship: Authorship,

    /// Change the flag only if it is still at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,

    /// Show which flags would change, and how, without writing; the exit code is that of the change
    #[arg(long)]
    dry_run: bool,
}

impl SetStatus {
    pub(crate) async fn run(self, session: &Session, status: bool) -> Result<ExitCode, Failure> {
        let Self { flag, authorship, if_version, dry_run } = self;
        let mut edit = Edit::new([Change::SetStatus { flag: flag.clone(), status }]);
        if let Some(version) = if_version {
            edit = edit.expect_flag(&flag, version);
        }
        edit = edit.by(authorship.author());
        if dry_run {
            return plan(session, &flag, status, &edit).await;
        }
        let store = session.store().await?;
        let before = store.load().await?.flags.iter().find(|row| row.name == flag).map(|row| row.status);
        let committed = if status {
            session.flags_from(Rows::default())?.writer().commit(&*store, edit).await
        } else {
            // Turning a flag off breaks no row, and has to work whatever else is broken.
            store.commit(edit).await
        };
        let revision = match committed {
            Ok(revision) => revision,
            // The store does not suggest a similar name.
            Err(Error::FlagNotFound { name, .. }) => return Err(not_found(&session.flags().await?, &name)),
            Err(error) => return Err(error.into()),
        };
        let overridden = session.config.overrides.contains_key(&flag);
        let issues = if status { issues_of(session, &flag).await } else { Vec::new() };
        if session.json {
            print_json(&json!({
                "flag": flag,
                "status": status,
                "revision": revision,
                "overridden": overridden,
                "issues": issues,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let already = if before == Some(status) { "already " } else { "" };
        let state = if status { "enabled" } else { "disabled" };
        print(format_args!("{flag} is {already}{state} (revision {revision})"))?;
        if overridden {
            print("note: the configuration overrides this flag ([overrides]), so the status has no effect")?;
        }
        if !issues.is_empty() {
            print("note: the flag is broken and uses its fail_mode:")?;
        }
        for issue in &issues {
            print(format_args!("    {issue}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The issues that break a flag. The change is made already, so that an error has no issues.
async fn issues_of(session: &Session, flag: &str) -> Vec<Issue> {
    let Ok(flags) = session.flags().await else { return Vec::new() };
    let mut issues = flags.issues();
    issues.retain(|issue| issue.flags.iter().any(|broken| broken == flag));
    issues
}

/// Prints what the edit would do, and exits as the edit would.
async fn plan(session: &Session, flag: &str, status: bool, edit: &Edit) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let (Some(row), Some(rows)) = (snapshot.row_of(flag), snapshot.rows()) else {
        return Err(not_found(&flags, flag));
    };
    let activations: Vec<_> = snapshot.activations_of(row).map(|activation| activation.id).collect();
    for (expected, row) in edit.expected.iter().zip(rows.flags.get(row)) {
        edit.compare_flag(expected.version, row, &activations)?;
    }
    let plan = flags.validator().plan(rows.clone(), edit);
    // Turning a flag off is never rejected.
    let is_rejected = status && !plan.problems.is_empty();
    if session.json {
        print_json(&json!({"plan": plan, "written": false}))?;
    } else {
        print(format_args!("{plan}{DRY_RUN}"))?;
    }
    if is_rejected { Err(Failure::rejected(WOULD_BE_REJECTED)) } else { Ok(ExitCode::SUCCESS) }
}

/// The error that suggests a similar name. A flag that exists only in [overrides] evaluates, but has no row.
fn not_found(flags: &Flags, name: &str) -> Failure {
    match flags.evaluate(name, &Context::new()) {
        Err(error) => error.into(),
        Ok(_) => Error::FlagNotFound { name: name.to_owned(), similar: None }.into(),
    }
}
