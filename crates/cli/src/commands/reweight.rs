//! `novi reweight`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use novi::rows::{ActivationRow, Conflict};
use novi_match::suggest::most_similar;
use serde_json::{Value, json};

use super::change::{ChangeOptions, Draft, Fields, Operation, perform, raw};
use crate::{output::Failure, session::Session};

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

    /// Change the split although several flags use it
    #[arg(long)]
    shared: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Reweight {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { activation, weights, force, shared, options } = self;
        let weights: Vec<(&str, f64)> =
            weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let mut names = BTreeSet::new();
        if let Some((twice, _)) = weights.iter().find(|(name, _)| !names.insert(*name)) {
            return Err(Failure::usage(format!("variant {twice:?} has two weights; expected one")));
        }
        let version = options.if_version;
        perform(session, options, |current| {
            let row = current.activation(&activation)?;
            let what = format!("activation {} {:?}", row.id, row.name);
            if let Some(version) = version.filter(|version| *version != row.row_version) {
                let conflict =
                    Conflict::new("activations", row.id, &row.name, version, Some(row.row_version));
                return Err(Failure::rejected(conflict.to_string()));
            }
            let is_split = current.registry.find(&row.class_name).is_some_and(|kind| kind.class() == SPLIT);
            if !is_split {
                let message = format!("{what} is of type {:?}; only {SPLIT:?} has weights", row.class_name);
                return Err(Failure::rejected(message));
            }
            let users: Vec<String> =
                current.users_of(row.id).iter().map(|flag| format!("{flag:?}")).collect();
            if users.len() > 1 && !shared {
                let users = users.join(", ");
                let message = format!("{what} is used by {users}; --shared changes it for all of them");
                return Err(Failure::rejected(message));
            }
            draft(row, &what, &weights, force)
        })
        .await
    }
}

fn draft(row: &ActivationRow, what: &str, weights: &[(&str, f64)], force: bool) -> Result<Draft, Failure> {
    let before = row.config.as_deref().unwrap_or_default();
    let new = novi::builtin::reweighted(before, weights)
        .map_err(|error| Failure::rejected(format!("{what}: {error}")))?;
    let old = variants(before);
    let listed: BTreeSet<_> = weights.iter().map(|(name, _)| (*name).to_owned()).collect();
    let (added, removed): (Vec<_>, Vec<_>) =
        (listed.difference(&old).collect(), old.difference(&listed).collect());
    let meant = |name: &str| most_similar(name, removed.iter().map(|name| name.as_str()));
    let misspelled = added.iter().find_map(|name| Some((name, meant(name)?))).filter(|_| !force);
    let refusal = misspelled.map(|(name, meant)| {
        Failure::rejected(format!(
            "{what}: unknown variant {name:?}; did you mean {meant:?}? --force replaces {meant:?} by {name:?}"
        ))
    });
    let percent = (new.moved * 100_000.0).round() / 1_000.0;
    let mut notes = vec![format!("{percent} % of the callers get another variant")];
    notes.extend(added.iter().map(|name| format!("adds variant {name:?}")));
    notes.extend(removed.iter().map(|name| format!("removes variant {name:?}")));
    let config: Value = serde_json::from_str(&new.config).unwrap_or_default();
    let details = json!({
        "id": row.id, "config": config, "moved": new.moved, "added": added, "removed": removed,
    });
    // The new weights depend on those of this version.
    let set = Fields::new().with("config", &raw(new.config)?).with("version", &row.row_version);
    let mut draft = Draft { notes, refusal, ..Draft::new([Operation::update_activation(row.id, &set)]) };
    if let Value::Object(details) = details {
        draft.details = details;
    }
    Ok(draft)
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
