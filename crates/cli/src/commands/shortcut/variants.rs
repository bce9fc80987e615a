//! `novi variants`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use jsonc_parser::cst::{CstInputValue, CstObject};
use novi::builtin::{Reweighted, reweighted, with_weights};
use novi_match::suggest::most_similar;
use serde_json::{Value, json};

use super::{
    args::{HOW, ShortcutOptions, number},
    edits::{Edits, Found, attribute, set},
    place::Kind,
};
use crate::{
    commands::{change::perform, reweight::weight},
    output::Failure,
    session::Session,
};

const SPLIT: Kind = Kind {
    class: "novi.split",
    noun: "variants",
    instead: &["novi.weighted_random", "novi.rules", "novi.switch", "novi.static"],
};

const EXAMPLES: &str = "\
Examples:
  novi variants button red=60 blue=40 --dry-run
  novi variants button red=50 blue=30 green=20 --by account
  novi variants button red=90 blue=10 --fewest-moves

Weights are relative, and stored as they are. A variant that is not listed is removed. New weights move callers between \
variants; --fewest-moves stores ranges of buckets instead, with which as few callers as possible move.
";

/// Divide the callers of a flag among variants by weight
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n{HOW}"))]
pub(crate) struct Variants {
    /// Flag by name or #ID
    flag: String,

    /// Variants with their weights
    #[arg(required = true, value_name = "VARIANT=WEIGHT", value_parser = weight)]
    weights: Vec<(String, f64)>,

    /// Attribute to bucket by [default: as the flag's other activations]; of several, separated by commas, the first that a caller has
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Option<String>,

    /// Move as few callers as possible, by ranges of buckets
    #[arg(long)]
    fewest_moves: bool,

    /// Accept a new variant whose name resembles that of a removed one
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    shortcut: ShortcutOptions,
}

impl Variants {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, weights, by, fewest_moves, force, shortcut } = self;
        let weights: Vec<(&str, f64)> =
            weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let mut names = BTreeSet::new();
        if let Some((twice, _)) = weights.iter().find(|(name, _)| !names.insert(*name)) {
            return Err(Failure::usage(format!("variant {twice:?} has two weights; expected one")));
        }
        let fill = |config: &CstObject| {
            let weight =
                |(name, weight): &(&str, f64)| ((*name).to_owned(), CstInputValue::Number(number(*weight)));
            set(config, "variants", CstInputValue::Object(weights.iter().map(weight).collect()));
            if let Some(by) = &by {
                set(config, "by", attribute(by));
            }
        };
        let wanted = [flag];
        perform(session, shortcut.options.clone(), |current| {
            let (mut edits, rows) = Edits::new(current, &wanted, &shortcut)?;
            for flag in rows {
                let found = edits.find_bucketed(flag, &SPLIT, by.as_deref(), fill)?;
                let Found::Existing(place) = found else { continue };
                let before = edits.config(&place)?;
                let what = format!("activations#{} {:?}", place.row.id, place.row.name);
                let change = if fewest_moves { reweighted } else { with_weights };
                let Reweighted { config, mut moved, .. } = change(&before, &weights)
                    .map_err(|error| Failure::rejected(format!("{what}: {error}")))?;
                edits.set_config(&place, &config)?;
                if let Some(by) = &by {
                    edits.edit(&place, |config| set(config, "by", attribute(by)))?;
                    if edits.note_other_key(&place, &before)? {
                        moved = moved_by_chance(&before, &weights);
                    }
                }
                let old = variants(&before);
                let listed: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
                let added: Vec<_> = listed.difference(&old).collect();
                let removed: Vec<_> = old.difference(&listed).collect();
                let percent = (moved * 100_000.0).round() / 1_000.0;
                let notes = &mut edits.draft.notes;
                notes.push(format!("{percent} % of the callers with a variant get another one"));
                notes.extend(added.iter().map(|name| format!("adds variant {name:?}")));
                notes.extend(removed.iter().map(|name| format!("removes variant {name:?}")));
                let meant = |name: &str| most_similar(name, removed.iter().map(|name| name.as_str()));
                let misspelled = added.iter().find_map(|name| Some((name, meant(name)?))).filter(|_| !force);
                edits.draft.refusal = misspelled.map(|(name, meant)| {
                    Failure::rejected(format!(
                        "{what}: unknown variant {name:?}; did you mean {meant:?}? --force replaces {meant:?} by {name:?}"
                    ))
                });
                let details = json!({"moved": moved, "added": added, "removed": removed});
                if let Value::Object(details) = details {
                    edits.draft.details = details;
                }
            }
            edits.into_draft()
        })
        .await
    }
}

/// A weight, or the sum of the widths of ranges.
fn width(value: &Value) -> f64 {
    let range = |range: &Value| Some(range.get(1)?.as_f64()? - range.get(0)?.as_f64()?);
    match value.as_array() {
        Some(ranges) => ranges.iter().filter_map(range).sum(),
        None => value.as_f64().unwrap_or_default(),
    }
}

/// The share of the callers with another variant if all are drawn again: those whose two draws differ.
fn moved_by_chance(before: &str, after: &[(&str, f64)]) -> f64 {
    let before: Value = serde_json::from_str(before).unwrap_or_default();
    let weights = ["variants", "ranges"].into_iter().find_map(|field| before.get(field)?.as_object());
    let weight = |name: &str| weights.and_then(|weights| weights.get(name)).map(width).unwrap_or_default();
    let sum_before: f64 = weights.into_iter().flatten().map(|(_, weight)| width(weight)).sum();
    let sum_after: f64 = after.iter().map(|(_, weight)| weight).sum();
    let same: f64 = after.iter().map(|(name, after)| weight(name) * after).sum();
    if sum_before > 0.0 && sum_after > 0.0 { 1.0 - same / (sum_before * sum_after) } else { 1.0 }
}

/// The variants of a split's config.
fn variants(config: &str) -> BTreeSet<String> {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let lists = ["variants", "ranges"].into_iter().filter_map(|field| config.get(field)?.as_object());
    lists.flat_map(|variants| variants.keys().cloned()).collect()
}
