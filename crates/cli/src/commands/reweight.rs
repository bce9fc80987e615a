//! `novi reweight`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use novi::{
    activation::Registry,
    rows::{ActivationRow, Conflict, Rows},
    store::{Change, Edit},
};
use novi_match::suggest::most_similar;
use serde_json::{Value, json};

use super::change::{ChangeOptions, find_activation};
use crate::{
    output::{DRY_RUN, Failure, WOULD_BE_REJECTED, print, print_json},
    session::Session,
};

/// The only type with weights.
const SPLIT: &str = "novi.split";

const EXAMPLES: &str = "\
Examples:
  novi reweight Layouts grid=60 list=40 --dry-run
  novi reweight 8 grid=60 list=30 map=10

Weights are relative. Variants that are not listed are removed.";

/// Change the weights of a split, moving as few callers as possible
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reweight {
    /// Id or name of an activation of type novi.split
    activation: String,

    /// Variants with their new weights
    #[arg(required = true, value_name = "VARIANT=WEIGHT", value_parser = weight)]
    weights: Vec<(String, f64)>,

    /// Accept a new variant whose name resembles that of a removed one
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Reweight {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let ChangeOptions { authorship, if_version, dry_run } = self.options;
        let flags = session.flags().await?;
        let snapshot = flags.snapshot();
        let none = Rows::default();
        let rows = snapshot.rows().unwrap_or(&none);
        let row = find_activation(rows, &self.activation)?;
        let what = format!("activation {} {:?}", row.id, row.name);
        if let Some(version) = if_version.filter(|version| *version != row.row_version) {
            let conflict = Conflict::new("activations", row.id, &row.name, version, Some(row.row_version));
            return Err(Failure::rejected(conflict.to_string()));
        }
        let is_split = Registry::global()?.find(&row.class_name).is_some_and(|kind| kind.class() == SPLIT);
        if !is_split {
            let message = format!("{what} is of type {:?}; only {SPLIT:?} has weights", row.class_name);
            return Err(Failure::rejected(message));
        }
        let weights: Vec<(&str, f64)> =
            self.weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let mut names = BTreeSet::new();
        if let Some((twice, _)) = weights.iter().find(|(name, _)| !names.insert(*name)) {
            return Err(Failure::usage(format!("variant {twice:?} has two weights; expected one")));
        }
        let before = row.config.as_deref().unwrap_or_default();
        let new = novi::builtin::reweighted(before, &weights)
            .map_err(|error| Failure::rejected(format!("{what}: {error}")))?;
        let old = variants(before);
        let listed: BTreeSet<_> = weights.iter().map(|(name, _)| (*name).to_owned()).collect();
        let (added, removed): (Vec<_>, Vec<_>) =
            (listed.difference(&old).collect(), old.difference(&listed).collect());
        let meant = |name: &str| most_similar(name, removed.iter().map(|name| name.as_str()));
        let changed = ActivationRow { config: Some(new.config.clone()), ..row.clone() };
        // The new weights depend on those of this version.
        let edit = Edit::new([Change::UpdateActivation(changed)]).expect_activation(row.id, row.row_version);
        let misspelled = added.iter().find_map(|name| Some((name, meant(name)?))).filter(|_| !self.force);
        let mut problems = Vec::new();
        let misspelled = misspelled.map(|(name, meant)| {
            Failure::rejected(format!(
                "{what}: unknown variant {name:?}; did you mean {meant:?}? --force replaces {meant:?} by {name:?}"
            ))
        });
        if dry_run {
            let rows = snapshot.rows().cloned().unwrap_or_default();
            problems = flags.validator().plan(rows, &edit).problems;
        } else {
            if let Some(misspelled) = misspelled {
                return Err(misspelled);
            }
            let edit = edit.by(authorship.author());
            flags.writer().commit(&*session.store().await?, edit).await?;
        }
        let is_rejected = !problems.is_empty();
        let done = misspelled.or_else(|| is_rejected.then(|| Failure::rejected(WOULD_BE_REJECTED)));
        let done = done.map_or(Ok(ExitCode::SUCCESS), Err);
        if session.json {
            let config: Value = serde_json::from_str(&new.config).unwrap_or_default();
            print_json(&json!({
                "id": row.id,
                "config": config,
                "moved": new.moved,
                "added": added,
                "removed": removed,
                "problems": problems,
                "written": !dry_run,
            }))?;
            return done;
        }
        let verb = if dry_run { "would move" } else { "move" };
        let percent = (new.moved * 100_000.0).round() / 1_000.0;
        print(format_args!("{what}: {percent}% of the callers {verb} to another variant"))?;
        for name in &added {
            let meant = meant(name).map(|meant| format!(" (did you mean {meant:?}?)"));
            print(format_args!("  adds variant {name:?}{}", meant.unwrap_or_default()))?;
        }
        for name in &removed {
            print(format_args!("  removes variant {name:?}"))?;
        }
        for problem in &problems {
            print(format_args!("problem: {problem}"))?;
        }
        if dry_run {
            print(DRY_RUN)?;
        }
        done
    }
}

/// The variants of a split's config.
fn variants(config: &str) -> BTreeSet<String> {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let lists = ["variants", "ranges"].into_iter().filter_map(|field| config.get(field)?.as_object());
    lists.flat_map(|variants| variants.keys().cloned()).collect()
}

pub(super) fn weight(text: &str) -> Result<(String, f64), &'static str> {
    let expected = "expected a variant and its weight, such as grid=60; several are separated by spaces";
    let (name, weight) = text.rsplit_once('=').ok_or(expected)?;
    // "grid=60,list=40" in one word.
    if name.is_empty() || name.contains('=') && name.contains(',') {
        return Err(expected);
    }
    // Weights are relative: 60 % is 60.
    let weight = weight.strip_suffix('%').unwrap_or(weight).trim_end();
    Ok((name.to_owned(), weight.parse().map_err(|_| expected)?))
}
