//! The cost of an evaluation: cargo bench --bench evaluate

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use novi::{Context, Flags, snapshot::Snapshot, store};

use workloads::User;

#[allow(dead_code, reason = "each bench takes what it needs")]
mod workloads;

/// The flags of the demo, the same drawn by Python's generator, and one without activations.
async fn flags() -> Result<Flags, novi::Error> {
    let database = store::create("sqlite::memory:").await?;
    database.migrate().await?;
    database.run_script(store::DEMO_ROWS).await?;
    let more = "
        insert into flags (id, name, status) values (5, 'plain', true), (6, 'window', true), (7, 'python', true),
            (8, 'half', true), (9, 'thirds', true), (10, 'conditions', true);
        insert into activations (id, name, class_name, config) values (5, 'python',
            'novi.client.activations.weighted_random_activation.WeightedRandomActivation',
            '{\"splits\":[50,30,20],\"variations\":[\"A\",\"B\",\"C\"]}'),
            (6, 'half', 'novi.percentage', '{\"percentage\": 50}'),
            (7, 'thirds', 'novi.split', '{\"variants\": {\"A\": 33, \"B\": 33, \"C\": 34}}'),
            (8, 'country', 'novi.attribute', '{\"attribute\": \"country\", \"in\": [\"US\", \"CA\", \"MX\"]}'),
            (9, 'plan', 'novi.attribute', '{\"attribute\": \"plan\", \"equals\": \"pro\"}'),
            (10, 'version', 'novi.attribute', '{\"attribute\": \"version\", \"semver\": \">=1.2.3\"}');
        insert into flags_activations (flag_id, activation_id) values
            (6, 1), (7, 5), (8, 6), (9, 7), (10, 8), (10, 9), (10, 10)";
    database.run_script(more).await?;
    let rows = database.load().await?;
    Flags::from_rows(rows)
}

fn evaluate(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let flags = runtime.block_on(flags()).expect("the demo's flags");
    let seeded =
        Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("seed", 90).with("variant", "A");
    let sticky = Context::new().with("targetingKey", "user-0123456789");
    let user = Context::new()
        .with("targetingKey", "user-0123456789a")
        .with("country", "US")
        .with("plan", "pro")
        .with("version", "1.4.0")
        .with("age", 42);
    let cases = [
        ("plain flag", "plain", &sticky),
        ("date window, time given as text", "window", &seeded),
        ("date window, clock", "window", &sticky),
        ("weighted random, seeded", "Random Variant Feature", &seeded),
        ("weighted random, sticky", "Random Variant Feature", &sticky),
        ("weighted random, seeded as Python", "python", &seeded),
        ("Combo AND", "Combo AND", &seeded),
        ("50 % rollout, sticky", "half", &user),
        ("variant of three, sticky", "thirds", &user),
        ("three conditions", "conditions", &user),
        ("unknown flag", "no such flag", &sticky),
    ];
    let mut group = criterion.benchmark_group("is_enabled");
    for (case, name, ctx) in cases {
        group.bench_function(case, |bench| bench.iter(|| flags.is_enabled(black_box(name), black_box(ctx))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("handle");
    for (case, name, ctx) in &cases[..10] {
        let handle = flags.flag(name);
        group.bench_function(*case, |bench| bench.iter(|| handle.is_enabled(black_box(ctx))));
    }
    group.finish();

    criterion.bench_function("context/five attributes, and 50 % rollout", |bench| {
        bench.iter(|| {
            let ctx = Context::new()
                .with("targetingKey", black_box("user-0123456789a"))
                .with("country", black_box("US"))
                .with("plan", black_box("pro"))
                .with("version", black_box("1.4.0"))
                .with("age", black_box(42));
            flags.is_enabled("half", &ctx)
        });
    });

    let mut group = criterion.benchmark_group("evaluate");
    for (case, name, ctx) in &cases[..10] {
        group.bench_function(*case, |bench| {
            bench.iter(|| flags.evaluate(black_box(name), black_box(ctx)).map(|decision| decision.enabled()));
        });
    }
    group.bench_function("all ten", |bench| {
        bench.iter(|| flags.snapshot().evaluate_all(black_box(&seeded)).len());
    });
    group.finish();
}

/// Rows to an evaluable state.
fn compile(criterion: &mut Criterion) {
    use novi::{
        activation::Registry,
        rows::{ActivationRow, FlagRow, LinkRow, Rows},
        snapshot::Settings,
    };
    const COUNT: i64 = 10_000;
    let window = r#"{"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}"#;
    let split = r#"{"splits": [50, 30, 20], "variations": ["A", "B", "C"]}"#;
    let activation = |id| match id % 2 {
        0 => ActivationRow::new(id, format!("window {id}"), "novi.date_time", window),
        _ => ActivationRow::new(id, format!("split {id}"), "novi.weighted_random", split),
    };
    let rows = std::sync::Arc::new(Rows {
        flags: (1..=COUNT).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: (1..=2 * COUNT).map(activation).collect(),
        links: (1..=COUNT).flat_map(|id| [LinkRow::new(id, id), LinkRow::new(id, id + COUNT)]).collect(),
        ..Rows::default()
    });
    let registry = Registry::global().expect("no type is registered twice");
    let settings = Settings::default();
    criterion.bench_function("compile/10,000 flags with 20,000 activations", |bench| {
        bench.iter(|| Snapshot::compile(std::sync::Arc::clone(&rows), &registry, &settings, None));
    });
}

/// The same six questions that `benches/peers` asks of other engines, by callers in turn.
fn workloads(criterion: &mut Criterion) {
    let flags = Flags::from_rows(workloads::one_of_each()).expect("no type is registered twice");
    let users = User::some(1000);
    let contexts: Vec<Context<'_>> = users.iter().map(User::context).collect();
    for way in ["by name", "by handle", "context in the call", "borrowed context in the call"] {
        let mut group = criterion.benchmark_group(way);
        for name in ["W1", "W2", "W3", "W4", "W5", "W6"] {
            let handle = flags.flag(name);
            let mut turns = (0..contexts.len()).cycle();
            group.bench_function(name, |bench| {
                bench.iter(|| {
                    let turn = turns.next().unwrap_or_default();
                    match way {
                        "by name" if name == "W6" => {
                            let decision = flags.evaluate(black_box(name), &contexts[turn]);
                            black_box(decision.is_ok_and(|decision| decision.variant().is_some()))
                        }
                        "by name" => flags.is_enabled(black_box(name), &contexts[turn]),
                        "by handle" => handle.is_enabled(&contexts[turn]),
                        "context in the call" => flags.is_enabled(black_box(name), &users[turn].context()),
                        _ => {
                            let attributes = users[turn].attributes();
                            flags.is_enabled(black_box(name), &Context::borrowed(&attributes))
                        }
                    }
                });
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("evaluate all");
    for (count, shared) in [(1000, false), (1000, true), (10_000, false), (10_000, true)] {
        let flags = Flags::from_rows(workloads::many(count, shared)).expect("no type is registered twice");
        let mut turns = (0..contexts.len()).cycle();
        let rows = if shared { "shared rows" } else { "rows of their own" };
        group.throughput(criterion::Throughput::Elements(count as u64));
        group.bench_function(format!("{count} flags with {rows}"), |bench| {
            bench.iter(|| {
                let turn = turns.next().unwrap_or_default();
                flags
                    .snapshot()
                    .evaluate_all(&contexts[turn])
                    .iter()
                    .filter(|decision| decision.enabled())
                    .count()
            });
        });
    }
    group.finish();
    let rows = workloads::many(10_000, false);
    criterion.bench_function("load 10,000 flags", |bench| {
        bench.iter_batched(|| rows.clone(), Flags::from_rows, criterion::BatchSize::PerIteration);
    });
}

criterion_group!(benches, workloads, evaluate, compile);
criterion_main!(benches);
