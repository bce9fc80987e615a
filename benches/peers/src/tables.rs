//! Markdown tables, a function each.

use crate::{
    definition::Kind,
    measure::everything::SIZES,
    results::{Answers, Counts, Everything, Latency, Results, Threads, Time},
};

/// All tables of what was measured, with headings.
pub fn all(results: &Results) -> String {
    let mut page = String::new();
    let mut section = |title: &str, table: Option<String>| {
        if let Some(table) = table {
            page.extend(["### ", title, "\n\n", &table, "\n"]);
        }
    };
    let unit = "median (p99) of batch means";
    section(&format!("W1 to W6, prebuilt context: {unit}"), answers(results, |row| &row.prebuilt));
    section(&format!("W1 to W6, context made in the call: {unit}"), answers(results, |row| &row.fresh));
    section("W7: evaluate all (half rollouts, half targeting), prebuilt context", everything(results));
    section("W8: load 10,000 flags", load(results));
    section("W9: allocations per call", allocations(results));
    section("W10: threads. Rollouts among 1,000 flags, millions of evaluations a second", threads(results));
    section("W10: single calls, p50 / p99 / p99.9", latency(results));
    page
}

/// A table: what is in the first column is to the left, everything else to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|---|{}\n", "---:|".repeat(head.len().saturating_sub(1)));
    Some(line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>())
}

/// A time, with a unit that suits it.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        it if it.is_nan() => "-".to_owned(),
        it if it < 100.0 => format!("{it:.1} ns"),
        it if it < 1e4 => format!("{it:.0} ns"),
        it if it < 1e7 => format!("{:.1} µs", it / 1e3),
        it => format!("{:.1} ms", it / 1e6),
    }
}

fn or_dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

fn answers(results: &Results, times: impl Fn(&Answers) -> &[Option<Time>; 6]) -> Option<String> {
    let kinds = Kind::ALL.map(|kind| kind.to_string());
    let head: Vec<_> = std::iter::once("engine").chain(kinds.iter().map(String::as_str)).collect();
    let cell = |value: &Option<Time>| or_dash(*value, |it| format!("{} ({})", time(it.median), time(it.p99)));
    let row =
        |row: &Answers| std::iter::once(row.engine.to_owned()).chain(times(row).iter().map(cell)).collect();
    let measured = results.answers.iter().filter(|row| times(row).iter().any(Option::is_some));
    table(&head, &measured.map(row).collect::<Vec<_>>())
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn everything(results: &Results) -> Option<String> {
    let row = |row: &Everything| {
        let mut cells = vec![row.engine.to_owned()];
        for (it, size) in row.times.iter().zip(SIZES) {
            cells.push(time(it.median));
            cells.push(time(it.median / size as f64));
        }
        cells.push(row.how.to_owned());
        cells
    };
    let head = ["engine", "1,000 flags", "per flag", "10,000 flags", "per flag", "how"];
    table(&head, &results.everything.iter().map(row).collect::<Vec<_>>())
}

fn load(results: &Results) -> Option<String> {
    let counts = |engine: &str| results.counts.iter().find(|counts| counts.engine == engine);
    let rows: Vec<_> = results
        .load
        .iter()
        .map(|load| {
            let counts = counts(load.engine);
            let bytes = |read: fn(&Counts) -> Option<f64>| {
                or_dash(counts.and_then(read), |bytes| format!("{bytes:.0}"))
            };
            vec![
                load.engine.to_owned(),
                time(load.time.median),
                time(load.time.median / 1e4),
                bytes(|counts| counts.live),
                bytes(|counts| counts.text),
            ]
        })
        .collect();
    table(&["engine", "load median", "per flag", "live bytes/flag", "text bytes/flag"], &rows)
}

fn allocations(results: &Results) -> Option<String> {
    let rows: Vec<_> = results
        .counts
        .iter()
        .filter_map(|counts| {
            let mut cells = vec![counts.engine.clone()];
            cells.extend(counts.allocations?.iter().map(|count| format!("{count:.1}")));
            let targeting = counts.fresh?[Kind::Targeting.number() - 1];
            cells.push(format!("{targeting:.1}"));
            Some(cells)
        })
        .collect();
    table(&["engine", "W1", "W2", "W3", "W4", "W5", "W6", "W3 with the context"], &rows)
}

fn threads(results: &Results) -> Option<String> {
    let row = |row: &Threads| {
        let times = |[one, two]: [f64; 2]| format!("{:.2}x", two / one);
        let speed = |millions: f64| format!("{millions:.2}");
        vec![
            row.engine.to_owned(),
            speed(row.wall[0]),
            speed(row.wall[1]),
            times(row.wall),
            speed(row.cpu[0]),
            speed(row.cpu[1]),
            times(row.cpu),
            speed(row.swapped),
            row.swaps.to_string(),
        ]
    };
    let head = [
        "engine",
        "1 thread, best",
        "2 threads, best",
        "scaling",
        "per CPU-second: 1",
        "2",
        "scaling",
        "2 threads and swaps, per CPU-second",
        "swaps",
    ];
    table(&head, &results.threads.iter().map(row).collect::<Vec<_>>())
}

fn latency(results: &Results) -> Option<String> {
    let cell = |it: &Latency| format!("{} / {} / {}", time(it.p50), time(it.p99), time(it.p999));
    let row =
        |row: &Threads| std::iter::once(row.engine.to_owned()).chain(row.latency.iter().map(cell)).collect();
    table(&["engine", "steady", "with swaps 10/s"], &results.threads.iter().map(row).collect::<Vec<Vec<_>>>())
}
