//! How often a flag was evaluated: a section of its page.

use askama::Template;
use novi::{activation::Share, rows::FlagRow};
use novi_experiments::charts::number;
use serde::Deserialize;

use crate::{
    charts::Stacked,
    evaluations::{of_flag, why},
    visit::Visit,
    words::{Markup, time, time_of},
};

/// The periods: hours, hours of a bar, and a name.
const PERIODS: [(u32, usize, &str); 3] = [(24, 1, "24 hours"), (168, 3, "7 days"), (336, 6, "14 days")];

/// The period, as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Period {
    hours: String,
}

#[derive(Template)]
#[template(path = "evaluations.html")]
struct Section {
    path: String,
    periods: Vec<(u32, &'static str, bool)>,
    period: &'static str,
    total: String,
    last: Option<Markup>,
    stale: Vec<(&'static str, Markup)>,
    stacked: Stacked,
}

/// The section; empty if evaluations are not recorded.
pub(crate) async fn section(visit: &Visit, row: &FlagRow, period: &Period, shares: &[Share]) -> Markup {
    let chosen = PERIODS.into_iter().find(|(hours, ..)| hours.to_string() == period.hours);
    let (hours, hours_per_bar, name) = chosen.unwrap_or(PERIODS[1]);
    let Some(found) = of_flag(visit, row.id, hours).await else { return Markup::default() };
    let order: Vec<String> = shares.iter().filter_map(|share| share.variant.clone()).collect();
    Markup::rendered(&Section {
        path: format!("{}/flags/{}", visit.prefix(), row.id),
        periods: PERIODS.into_iter().map(|(of, _, name)| (of, name, of == hours)).collect(),
        period: name,
        total: number(found.total),
        last: found.last_evaluated.map(time),
        stale: found.stale.iter().map(|stale| (why(stale), time_of(&stale["since"]))).collect(),
        stacked: Stacked::new(&found, hours_per_bar, &order),
    })
}
