//! The delay of a change by plain SQL, and the cost of one change with few flags and with many.
//!
//! Measures SQLite, and PostgreSQL and MySQL if `NOVI_TEST_POSTGRES` and `NOVI_TEST_MYSQL` are set, as
//! `scripts/test-servers` prints them. Prints distributions: `cargo bench --bench live [changes]`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a program that measures")]

#[path = "../tests/common/databases.rs"]
mod common;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Kind, Raw, TestDatabase};
use novi::{
    Context, Flags, Result,
    rows::{Revision, Rows},
    store::{self, BoxFuture, ReadSession, ReadStore, SchemaStore},
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let changes = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(300_u32);
    let has = |variable| std::env::var_os(variable).is_some();
    let kinds = [
        (Kind::Sqlite, true),
        (Kind::Postgres, has("NOVI_TEST_POSTGRES")),
        (Kind::MySql, has("NOVI_TEST_MYSQL")),
    ];
    println!("From the commit of a change by plain SQL until a process answers by it, 1,000 flags, ms:");
    for (kind, _) in kinds.iter().filter(|(_, here)| *here) {
        let database = common::database(*kind).await;
        let mut taken = propagation(&database, 1_000, changes).await;
        println!("{kind:>10?}  {}", distribution(&mut taken));
    }
    println!("\nReading and compiling one change, from a look at the database to the answer, ms:");
    for (kind, _) in kinds.iter().filter(|(_, here)| *here) {
        let mut medians = Vec::new();
        for flags in [100, 100_000] {
            let database = common::database(*kind).await;
            let mut taken = cost(&database, flags, changes.min(200)).await;
            println!("{kind:>10?}  {flags:>7} flags  {}", distribution(&mut taken));
            medians.push(percentile(&taken, 50.0));
        }
        println!("{kind:>10?}  ratio of medians {:.2}", medians[1].as_secs_f64() / medians[0].as_secs_f64());
    }
}

/// Flags with two activations each, of which no two are alike.
async fn seed(database: &TestDatabase, flags: u32) -> Raw {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let mut raw = Raw::connect(database).await;
    for start in (0..flags).step_by(1000) {
        let ids = start + 1..=(start + 1000).min(flags);
        let rows = |row: &dyn Fn(u32) -> String| ids.clone().map(row).collect::<Vec<_>>().join(", ");
        let flag_rows = rows(&|id| format!("({id}, 'flag {id}', true)"));
        let activations = rows(&|id| {
            let other = id + 1_000_000;
            format!(
                "({id}, 'a', 'novi.attribute', '{{\"attribute\": \"n\", \"greater\": {id}}}'), \
                 ({other}, 'b', 'novi.percentage', '{{\"percentage\": 50, \"salt\": \"{id}\"}}')"
            )
        });
        let links = rows(&|id| format!("({id}, {id}), ({id}, {})", id + 1_000_000));
        let sql = format!(
            "begin; insert into flags (id, name, status) values {flag_rows}; \
             insert into activations (id, name, class_name, config) values {activations}; \
             insert into flags_activations (flag_id, activation_id) values {links}; commit"
        );
        raw.run(&sql).await.unwrap();
    }
    raw
}

async fn propagation(database: &TestDatabase, flags: u32, changes: u32) -> Vec<Duration> {
    let mut raw = seed(database, flags).await;
    let flags = Flags::connect(&database.url).await.unwrap();
    // Time for the listener to prove itself.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut taken = Vec::new();
    for change in 0..changes {
        // Odd pauses, so that changes come at any moment between two looks.
        tokio::time::sleep(Duration::from_millis(u64::from(change * 37 % 211))).await;
        let (id, status) = (change % 50 + 1, change / 50 % 2 == 1);
        let reason = if status { "DEFAULT" } else { "DISABLED" };
        raw.run(&format!("update flags set status = {status} where id = {id}")).await.unwrap();
        let committed = Instant::now();
        let name = format!("flag {id}");
        while flags.evaluate(&name, &Context::new()).unwrap().reason().as_str() != reason {
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
        taken.push(committed.elapsed());
    }
    taken
}

/// A store that gives no hints, so that nobody looks at the database but the bench.
struct Quiet(Arc<dyn SchemaStore>);

impl ReadStore for Quiet {
    fn name(&self) -> String {
        self.0.name()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        self.0.revision()
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        self.0.load()
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        self.0.session()
    }
}

async fn cost(database: &TestDatabase, flags: u32, changes: u32) -> Vec<Duration> {
    let mut raw = seed(database, flags).await;
    let store = Arc::new(Quiet(store::connect(&database.url).await.unwrap()));
    let follower = Flags::builder().refresh(Duration::from_hours(1)).from_store(store).await.unwrap();
    let mut taken = Vec::new();
    for change in 0..changes {
        let (id, status) = (change % 20 + 1, change / 20 % 2 == 1);
        let config = format!(
            "update activations set config = '{{\"attribute\": \"n\", \"less\": {change}}}' where id = {id}"
        );
        let flip = format!("update flags set status = {status} where id = {id}");
        let sql = if change % 2 == 0 { config } else { flip };
        raw.run(&sql).await.unwrap();
        let start = Instant::now();
        follower.refresh().await.unwrap();
        taken.push(start.elapsed());
        black_box(follower.is_enabled("flag 1", &Context::new()));
    }
    taken
}

fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = ((sorted.len() - 1) as f64 * percent / 100.0).round() as usize;
    sorted[place]
}

fn distribution(taken: &mut [Duration]) -> String {
    taken.sort_unstable();
    let points = [("min", 0.0), ("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)];
    let point = |(name, percent)| format!("{name} {:8.2}", percentile(taken, percent).as_secs_f64() * 1000.0);
    points.map(point).join("  ")
}
