//! `enable` and `disable`.

use std::process::ExitCode;

use novi::{
    Context, Error, Flags,
    store::{Change, Edit},
};
use serde_json::json;

use super::{Session, author};
use crate::{
    args::Status,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn set(session: &Session, arguments: Status, status: bool) -> Result<ExitCode, Failure> {
    let Status { flag, reason, if_version, dry_run } = arguments;
    let mut edit = Edit::new([Change::SetStatus { flag: flag.clone(), status }]);
    if let Some(version) = if_version {
        edit = edit.expect_flag(&flag, version);
    }
    edit = edit.by(author(reason));
    if dry_run {
        return plan(session, &flag, &edit).await;
    }
    let revision = match session.store().await?.commit(edit).await {
        Ok(revision) => revision,
        // The store knows the names that there are, but not which of them is meant.
        Err(Error::FlagNotFound { name, .. }) => return Err(unknown(&session.flags().await?, &name)),
        Err(error) => return Err(error.into()),
    };
    let overridden = session.config.overrides.contains_key(&flag);
    if session.json {
        let done = json!({"flag": flag, "status": status, "revision": revision, "overridden": overridden});
        print_json(&done)?;
    } else {
        let state = if status { "enabled" } else { "disabled" };
        print(format_args!("{flag} is {state}, at revision {revision}"))?;
        if overridden {
            print(
                "note: the configuration overrides this flag ([overrides]), so its answer does not change",
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what the edit would do.
async fn plan(session: &Session, flag: &str, edit: &Edit) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let (Some(row), Some(rows)) = (snapshot.row_of(flag), snapshot.rows()) else {
        return Err(unknown(&flags, flag));
    };
    let activations: Vec<_> = snapshot.activations_of(row).map(|activation| activation.id).collect();
    for (expected, row) in edit.expected.iter().zip(rows.flags.get(row)) {
        edit.compare_flag(expected.version, row, &activations)?;
    }
    let plan = flags.validator().plan(rows.clone(), edit);
    if session.json {
        print_json(&json!({"plan": plan, "written": false}))?;
    } else {
        print(format_args!("{plan}Nothing is written."))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says which name is like it; one that only an override has is no row.
fn unknown(flags: &Flags, name: &str) -> Failure {
    match flags.evaluate(name, &Context::new()) {
        Err(error) => error.into(),
        Ok(_) => Error::FlagNotFound { name: name.to_owned(), similar: None }.into(),
    }
}
