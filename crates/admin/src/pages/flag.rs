//! One flag.

use askama::Template;
use axum::extract::{Path, Query};
use novi::{
    activation::{ActivationWords, Words},
    rows::{FlagRow, Rows},
    snapshot::Evaluations,
};

use crate::{
    api::escape,
    pages::{
        audience::{Asked, who_has_it},
        evaluations::{Period, section},
        flags::{Done, Notice, find, find_activation},
        history::{Change, changes},
    },
    visit::{Layout, Page, Section, Visit},
    words::{Markup, bar, pretty, rule, shares, time, words},
};

/// The most names of other flags that are listed.
const MOST_NAMES: usize = 20;

#[derive(Template)]
#[template(path = "flag.html")]
struct FlagPage<'a> {
    layout: Layout,
    notice: Option<Notice>,
    row: &'a FlagRow,
    rule: Markup,
    bar: Markup,
    overridden: bool,
    issues: Vec<String>,
    warnings: Vec<String>,
    activations: Vec<Markup>,
    /// The activations that the flag is linked to, by id and name.
    linked: Vec<(i64, String)>,
    variants: Option<String>,
    metadata: Option<String>,
    expiry: Option<Markup>,
    updated: Option<Markup>,
    /// Names of flags that this one depends on, with their ids if they exist.
    requires: Vec<(String, Option<i64>)>,
    required_by: Names,
    history: Vec<Change>,
    /// Why there is no history, if there is none.
    no_history: Option<String>,
    evaluations: Vec<(String, u64)>,
    /// The evaluations of all processes by hour; empty if they are not recorded.
    by_hour: Markup,
    /// Who has the flag, among the callers of saved queries; empty if there are none.
    audience: Markup,
}

/// Names of flags, with their ids.
pub(crate) struct Names {
    pub(crate) first: Vec<(String, i64)>,
    pub(crate) more: usize,
}

impl Names {
    pub(crate) fn of(mut all: Vec<(String, i64)>) -> Self {
        let more = all.len().saturating_sub(MOST_NAMES);
        all.truncate(MOST_NAMES);
        Self { first: all, more }
    }
}

/// An activation as a card, with its children inside.
#[derive(Template)]
#[template(path = "activation_card.html")]
struct Card {
    prefix: String,
    may_write: bool,
    id: Option<i64>,
    name: Option<String>,
    class_name: String,
    words: Markup,
    bar: Markup,
    config: Option<String>,
    shared_by: Names,
    flag: Option<(String, Option<i64>)>,
    children: Vec<Markup>,
}

pub(crate) async fn one(
    visit: Visit,
    Path(id): Path<i64>,
    Query(done): Query<Done>,
    Query(period): Query<Period>,
    Query(asked): Query<Asked>,
) -> Page {
    let rows = visit.rows()?;
    let row = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let registry = visit.guest.site.flags().registry();
    let phrased = Words::new(&registry, rows);
    let (sentence, tree) = phrased.flag(id);
    let path = format!("/api/history?limit=12&flag={}", escape(&row.name));
    let (history, no_history) = match visit.api().get(&path).await {
        Ok(page) => (changes(&page, &visit, &phrased), None),
        Err(failure) => (Vec::new(), Some(failure.message)),
    };
    let is_here = |issue: &&novi::rows::Issue| issue.flags.contains(&row.name);
    let found = visit.snapshot.issues().iter().filter(is_here);
    let (warnings, issues): (Vec<_>, Vec<_>) = found.partition(|issue| issue.warning);
    let is_broken = !issues.is_empty();
    let requires = prerequisites(&tree, &visit);
    let linked = rows.links_of(Some(id)).iter().filter_map(|link| link.activation_id);
    let cards = Cards { visit: &visit, rows, flag: id };
    Ok(visit.page(&FlagPage {
        layout: visit.layout(&row.name, Section::Flags),
        notice: done.notice(rows),
        rule: rule(row, is_broken, &sentence),
        bar: if is_broken { Markup::default() } else { bar(shares(&tree)) },
        overridden: visit.snapshot.is_overridden(&row.name),
        issues: issues.into_iter().map(ToString::to_string).collect(),
        warnings: warnings.into_iter().map(ToString::to_string).collect(),
        activations: tree.iter().map(|activation| cards.card(activation)).collect(),
        linked: linked.filter_map(|id| Some((id, find_activation(rows, id)?.name.clone()))).collect(),
        variants: row.metadata.variants.as_deref().map(pretty),
        metadata: row.metadata.metadata.as_deref().map(pretty),
        expiry: row.metadata.expires_at.map(time),
        updated: row.metadata.updated_at.map(time),
        requires,
        required_by: Names::of(dependents(&visit, rows, row)),
        history,
        no_history,
        evaluations: evaluations(&visit, &row.name),
        audience: who_has_it(&visit, row, &asked, shares(&tree)).await,
        by_hour: section(&visit, row, &period, shares(&tree)).await,
        row,
    }))
}

struct Cards<'a> {
    visit: &'a Visit,
    rows: &'a Rows,
    flag: i64,
}

impl Cards<'_> {
    fn card(&self, activation: &ActivationWords) -> Markup {
        let is_flag = activation.class_name == "flag";
        let flag = activation.name.as_ref().filter(|_| is_flag);
        let card = Card {
            prefix: self.visit.prefix().to_owned(),
            may_write: self.visit.caller.may_write(),
            id: activation.id,
            name: activation.name.clone().filter(|_| !is_flag),
            class_name: activation.class_name.clone(),
            words: words(&activation.words),
            bar: bar(&activation.shares),
            config: activation.config.as_deref().map(pretty),
            shared_by: Names::of(activation.id.map(|id| self.shared_by(id)).unwrap_or_default()),
            flag: flag.map(|name| (name.clone(), id_of(self.visit, name))),
            children: activation.activations.iter().map(|child| self.card(child)).collect(),
        };
        Markup::rendered(&card)
    }

    /// The other flags that are linked to an activation.
    fn shared_by(&self, activation: i64) -> Vec<(String, i64)> {
        let links = self.rows.links.iter().filter(|link| link.activation_id == Some(activation));
        let others = links.filter_map(|link| link.flag_id).filter(|id| *id != self.flag);
        others.filter_map(|id| Some((find(self.rows, id)?.name.clone(), id))).collect()
    }
}

/// The id of the flag with a name, if it has a row.
pub(crate) fn id_of(visit: &Visit, name: &str) -> Option<i64> {
    let place = visit.snapshot.row_of(name)?;
    Some(visit.snapshot.rows()?.flags.get(place)?.id)
}

/// The flags that activations depend on.
fn prerequisites(tree: &[ActivationWords], visit: &Visit) -> Vec<(String, Option<i64>)> {
    let mut names = Vec::new();
    collect_flags(tree, &mut names);
    names.sort_unstable();
    names.dedup();
    names.into_iter().take(MOST_NAMES).map(|name| (name.to_owned(), id_of(visit, name))).collect()
}

fn collect_flags<'a>(tree: &'a [ActivationWords], names: &mut Vec<&'a str>) {
    for activation in tree {
        if activation.class_name == "flag" {
            names.extend(activation.name.as_deref());
        }
        collect_flags(&activation.activations, names);
    }
}

/// The flags that depend on a flag.
pub(crate) fn dependents(visit: &Visit, rows: &Rows, flag: &FlagRow) -> Vec<(String, i64)> {
    let ids = visit.snapshot.required_by(&flag.name);
    ids.into_iter().filter_map(|id| Some((find(rows, id)?.name.clone(), id))).collect()
}

/// How often the flag had which decision since this server started.
fn evaluations(visit: &Visit, name: &str) -> Vec<(String, u64)> {
    let all = visit.guest.site.flags().evaluations_of(name);
    let label = |found: Evaluations| {
        let state = if found.enabled { "on" } else { "off" };
        let variant = found.variant.map(|variant| format!(", variant {variant}")).unwrap_or_default();
        (format!("{state}{variant} ({})", found.reason), found.count)
    };
    all.into_iter().map(label).collect()
}
