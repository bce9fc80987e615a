//! How many exposures a second a process records, from the evaluation to the database.
//! cargo run --release --features postgres --example exposures -- postgres://localhost/shop
//!
//! Without an address it takes a new SQLite file. Options after it: how many exposures, 200,000 if left out.

#![allow(clippy::cast_precision_loss, reason = "a program that measures")]

use std::time::{Duration, Instant};

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow},
    store::{self, Change},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let file = || format!("sqlite://{}/shop.db?mode=rwc", folder.path().display());
    let url = arguments.next().unwrap_or_else(file);
    let count: u32 = arguments.next().map_or(Ok(200_000), |number| number.parse())?;

    let store = store::create(&url).await?;
    store.migrate().await?;
    let name = format!("Exposures of {}", std::process::id());
    let rows = store.load().await?;
    let id = rows.flags.iter().map(|row| row.id).chain(rows.activations.iter().map(|row| row.id)).max();
    let id = id.unwrap_or_default() + 1;
    let changes = vec![
        Change::InsertFlag(FlagRow::new(id, &name, true)),
        Change::InsertActivation(ActivationRow::new(
            id,
            &name,
            "novi.split",
            r#"{"variants": {"A": 1, "B": 1}}"#,
        )),
        Change::Link(LinkRow::new(id, id)),
    ];
    store.apply(changes).await?;
    let flags = Flags::connect(&url).await?;

    let (exposing, started) = (flags.clone(), Instant::now());
    let exposed = name.clone();
    // In a thread of its own, as fast as the queue has room.
    let evaluation = tokio::task::spawn_blocking(move || {
        let mut spent = Duration::ZERO;
        for batch in 0..count.div_ceil(1000) {
            while exposing.status().exposures.waiting > 50_000 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let before = Instant::now();
            for user in batch * 1000..((batch + 1) * 1000).min(count) {
                let caller = Context::new().with("targetingKey", format!("user-{user}"));
                exposing.expose(&exposed, &caller)?;
            }
            spent += before.elapsed();
        }
        Ok::<_, novi::Error>(spent)
    });
    let spent = evaluation.await??;
    flags.close().await?;
    let took = started.elapsed();
    let recorded = store.assignment_store().ok_or("no assignments")?.assignment_counts(&name).await?;
    let recorded: i64 = recorded.iter().map(|count| count.units).sum();
    println!(
        "{recorded} of {count} exposures in {:.2} s: {:.0} a second; {:.0} ns each in the thread that evaluates",
        took.as_secs_f64(),
        f64::from(count) / took.as_secs_f64(),
        spent.as_nanos() as f64 / f64::from(count),
    );
    Ok(())
}
