//! Units with their variants, and tables of an application, on each database.
#![allow(dead_code, reason = "each test uses some of it")]

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::common::{Kind, Raw, TestDatabase};

/// A unit that has been exposed: its number, its variant, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) number: u64,
    pub(crate) variant: &'static str,
    pub(crate) seen: DateTime<Utc>,
}

/// The start of experiments.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A time of an application's column of the type `timestamp`, with the zone of the connection, which is UTC.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Makes novi's tables, assigns the units of an experiment, and runs a script of the application.
pub(crate) async fn prepare(database: &TestDatabase, experiment: &str, units: &[Unit], script: &str) {
    let store = novi::store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let mut raw = Raw::connect(database).await;
    assign(&mut raw, database.kind, experiment, units).await;
    raw.run(script).await.unwrap();
}

/// Assigns units, as a process does when it evaluates with `expose`.
pub(crate) async fn assign(raw: &mut Raw, kind: Kind, experiment: &str, units: &[Unit]) {
    let format = match kind {
        Kind::Sqlite => "%Y-%m-%dT%H:%M:%S%.6fZ",
        Kind::Postgres => "%Y-%m-%d %H:%M:%S%.6f+00:00",
        Kind::MySql => "%Y-%m-%d %H:%M:%S%.6f",
    };
    let mut sql =
        "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values".to_owned();
    for (place, Unit { number, variant, seen }) in units.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(sql, "{comma} ('{experiment}', '{number}', '{variant}', 1, '{}')", seen.format(format))
            .unwrap();
    }
    raw.run(&sql).await.unwrap();
}

/// Panics unless both numbers are equal but for rounding.
pub(crate) fn close(one: f64, other: f64, what: &str) {
    assert!((one - other).abs() <= 1e-9 * other.abs().max(1e-9), "{what}: {one} and {other}");
}
