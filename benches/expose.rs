//! What an exposure costs the thread that evaluates, more than an evaluation: cargo bench --bench expose

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow},
    store::{self, Change},
};

fn expose(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/flags.db?mode=rwc", folder.path().display());
    let flags = runtime.block_on(async {
        let store = store::create(&url).await.expect("a database");
        store.migrate().await.expect("tables");
        let mut changes = Vec::new();
        for (id, name, more) in [(1, "plain", ""), (2, "remembers", r#", "remember": true"#)] {
            let config = format!(r#"{{"variants": {{"a": 1, "b": 1}}{more}}}"#);
            changes.push(Change::InsertFlag(FlagRow::new(id, name, true)));
            changes.push(Change::InsertActivation(ActivationRow::new(id, name, "novi.split", config)));
            changes.push(Change::Link(LinkRow::new(id, id)));
        }
        store.apply(changes).await.expect("rows");
        Flags::connect(&url).await.expect("flags")
    });
    let known = Context::new().with("targetingKey", "user-00000123456");
    for flag in ["plain", "remembers"] {
        flags.expose(flag, &known).expect("it exists");
    }
    // Until the unit is in memory.
    runtime.block_on(flags.flush_exposures()).expect("written");
    let mut group = criterion.benchmark_group("expose");
    for flag in ["plain", "remembers"] {
        group.bench_function(format!("{flag}, evaluate"), |bench| {
            bench.iter(|| flags.evaluate(black_box(flag), black_box(&known)));
        });
        group.bench_function(format!("{flag}, a known unit"), |bench| {
            bench.iter(|| flags.expose(black_box(flag), black_box(&known)));
        });
    }
    let mut next = 0_u64;
    let mut new = || {
        next += 1;
        Context::new().with("targetingKey", format!("user-{next:011}"))
    };
    group.bench_function("plain, evaluate for a new unit", |bench| {
        bench.iter_batched_ref(
            &mut new,
            |caller| flags.evaluate("plain", caller),
            BatchSize::NumIterations(5000),
        );
    });
    let mut new = || {
        // The queue never fills.
        next += 1;
        if next.is_multiple_of(5000) {
            runtime.block_on(flags.flush_exposures()).expect("written");
        }
        Context::new().with("targetingKey", format!("user-{next:011}"))
    };
    group.bench_function("plain, a new unit", |bench| {
        bench.iter_batched_ref(
            &mut new,
            |caller| flags.expose("plain", caller),
            BatchSize::NumIterations(5000),
        );
    });
    group.finish();
}

criterion_group!(benches, expose);
criterion_main!(benches);
