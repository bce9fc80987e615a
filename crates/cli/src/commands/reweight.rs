//! `reweight`.

use std::process::ExitCode;

use novi::{
    Registry,
    rows::{ActivationRow, Rows},
    store::{Change, Edit},
};
use serde_json::json;

use super::{Session, author};
use crate::{
    args::Reweight,
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn reweight(session: &Session, arguments: &Reweight) -> Result<ExitCode, Failure> {
    let flags = session.flags().await?;
    let snapshot = flags.snapshot();
    let row = find(snapshot.rows(), &arguments.activation)?;
    let what = format!("activation {} {:?}", row.id, row.name);
    let is_split = Registry::global()?.find(&row.class_name).is_some_and(|kind| kind.class() == SPLIT);
    if !is_split {
        let message = format!("{what} is of the class {:?}; only {:?} has weights", row.class_name, SPLIT);
        return Err(Failure::refused(message));
    }
    let weights: Vec<(&str, f64)> =
        arguments.weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
    let new = novi::reweighted(row.config.as_deref().unwrap_or_default(), &weights)
        .map_err(|error| Failure::refused(format!("{what}: {error}")))?;
    if !arguments.dry_run {
        let changed = ActivationRow { config: Some(new.config.clone()), ..row.clone() };
        // The weights were worked out from those of this version.
        let mut edit =
            Edit::new([Change::UpdateActivation(changed)]).expect_activation(row.id, row.row_version);
        edit = edit.by(author(None));
        flags.writer().commit(&*session.store().await?, edit).await?;
    }
    if session.json {
        let config: serde_json::Value = serde_json::from_str(&new.config).unwrap_or_default();
        print_json(
            &json!({"id": row.id, "config": config, "moved": new.moved, "written": !arguments.dry_run}),
        )?;
    } else {
        let (verb, end) = if arguments.dry_run { ("would get", "; nothing is written") } else { ("get", "") };
        let percent = (new.moved * 100_000.0).round() / 1_000.0;
        print(format_args!("{what}: {percent} % of the callers {verb} another variant{end}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The type that has weights to change.
const SPLIT: &str = "novi.split";

/// The activation with this id, or the only one with this name.
fn find<'r>(rows: Option<&'r Rows>, wanted: &str) -> Result<&'r ActivationRow, Failure> {
    let activations = rows.map_or(&[][..], |rows| &rows.activations);
    let by_id = wanted.parse().ok().and_then(|id: i64| activations.iter().find(|row| row.id == id));
    let mut by_name = activations.iter().filter(|row| row.name == wanted);
    match (by_id, by_name.next(), by_name.next()) {
        (Some(row), _, _) | (None, Some(row), None) => Ok(row),
        (None, Some(_), Some(_)) => {
            Err(Failure::refused(format!("several activations have the name {wanted:?}: give the id of one")))
        }
        (None, None, _) => {
            Err(Failure::not_found(format!("no activation has the id or the name {wanted:?}")))
        }
    }
}
