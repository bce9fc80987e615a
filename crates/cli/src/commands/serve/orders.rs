//! The running experiment of `novi serve --demo`: its units, and what they ordered.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Flags,
    store::{Assignment, SchemaStore},
};
use serde_json::{Value, json};

use super::traffic;
use crate::output::Failure;

/// The name of the experiment's row, and its flag.
pub(super) const EXPERIMENT: &str = "Ranking experiment";
pub(super) const FLAG: &str = "search.ranking";

/// How many days ago it began.
pub(super) const DAYS: i64 = 9;

/// The visitors that it has enrolled so far.
const UNITS: u32 = 9000;

/// The metrics: names, and configs of `novi.metric`.
pub(super) fn metrics() -> [(&'static str, Value); 3] {
    let orders = "select user_id as unit, ordered_at as ts";
    [
        (
            "ordered",
            json!({
                "kind": "proportion",
                "description": "The share of visitors who order",
                "sql": format!("{orders} from demo_orders"),
            }),
        ),
        (
            "revenue",
            json!({
                "kind": "mean",
                "description": "Revenue of a visitor, in EUR",
                "sql": format!("{orders}, total as value from demo_orders"),
            }),
        ),
        (
            "returned",
            json!({
                "kind": "proportion",
                "description": "The share of visitors who send something back",
                "better": "less",
                "guardrail": true,
                "sql": format!("{orders} from demo_orders where returned"),
            }),
        ),
    ]
}

/// Records the units of the experiment, and the orders of the shop in a table of their own.
pub(super) async fn create(
    store: &dyn SchemaStore,
    flags: &Flags,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some(assignments) = store.assignment_store() else { return Ok(()) };
    let snapshot = flags.snapshot();
    let mut units = Vec::new();
    let mut sql = String::from(
        "create table demo_orders (user_id text not null, ordered_at text not null, total real not null, returned boolean not null);\n",
    );
    for number in 0..UNITS {
        let visitor = traffic::attributes(number);
        let Ok(decision) = snapshot.evaluate(FLAG, &visitor) else { continue };
        let Some(variant) = decision.variant() else { continue };
        let minutes = DAYS * 24 * 60;
        let came = now - TimeDelta::minutes(i64::from(draw(number, 1)) * (minutes - 90) / 1000 + 60);
        if let Some((total, returned)) = order(number, variant) {
            let at = (came + TimeDelta::minutes(5 + i64::from(draw(number, 4)) / 25))
                .format("%Y-%m-%dT%H:%M:%S%.3fZ");
            // Writing to a string does not fail.
            let _ = writeln!(
                sql,
                "insert into demo_orders values ('user-{}', '{at}', {total}, {returned});",
                number + 1
            );
        }
        units.push(Assignment {
            experiment: EXPERIMENT.to_owned(),
            unit: format!("user-{}", number + 1),
            variant: variant.to_owned(),
            revision: snapshot.revision().number(),
            assigned_at: came,
        });
    }
    assignments.record_assignments(units).await?;
    Ok(store.run_script(&sql).await?)
}

/// What a visitor pays, and whether something is sent back; `None` without an order. Better search sells more.
fn order(number: u32, variant: &str) -> Option<(u32, bool)> {
    let share = match variant {
        "semantic" => 290,
        "hybrid" => 226,
        _ => 218,
    };
    (draw(number, 2) < share).then(|| (15 + draw(number, 3) / 9, draw(number, 5) < 70))
}

/// A number below 1000 that differs by visitor and purpose, and is the same for everybody who looks.
fn draw(number: u32, purpose: u32) -> u32 {
    let mut hash = number.wrapping_mul(0x9E37_79B9) ^ purpose.wrapping_mul(0x85EB_CA6B);
    for _ in 0..2 {
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    }
    (hash ^ (hash >> 15)) % 1000
}
