//! What novi promises, and whether it keeps it: each bar is a multiple of the floor, or a number.

use crate::{
    definition::Kind,
    engine::Engine,
    engines::{
        floor::Floor,
        novi::{ByHandle, Novi},
    },
    results::{Answers, Counts, Everything, Results, Time},
    tables::{table, time},
};

/// A promise and what was measured.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Of what.
    pub what: String,
    /// What novi needs.
    pub novi: String,
    /// What the floor needs, where it is held against that.
    pub floor: String,
    /// How many times what the floor needs.
    pub ratio: String,
    /// What novi may need.
    pub limit: String,
    /// Whether it does not need more.
    pub met: bool,
}

/// W1 to W6 by name may take so many times what the floor takes.
const BY_NAME: [f64; 6] = [1.3, 1.3, 1.5, 1.3, 1.5, 1.5];
/// A flag without rules, by handle: nanoseconds.
const BY_HANDLE: f64 = 5.0;
/// A context made in the call, and the question.
const IN_THE_CALL: f64 = 1.0;
/// All flags, per flag.
const ALL_FLAGS: f64 = 1.0;
/// Loading.
const LOADING: f64 = 1.2;
/// Bytes a flag.
const MEMORY: f64 = 400.0;
/// Two threads do so many times what one does.
const TWO_THREADS: f64 = 1.9;

const FLOOR: &str = Floor::NAME;
const NOVI: &str = Novi::<false>::NAME;
const SHARED: &str = Novi::<true>::NAME;
const HANDLE: &str = ByHandle::NAME;

/// All bars for which there are numbers.
pub fn bars(results: &Results) -> Vec<Bar> {
    let mut bars = Vec::new();
    by_name(results, &mut bars);
    by_handle(results, &mut bars);
    in_the_call(results, &mut bars);
    all_flags(results, &mut bars);
    loading(results, &mut bars);
    counted(results, &mut bars);
    two_threads(results, &mut bars);
    bars
}

/// The table of the bars.
pub fn bar_table(bars: &[Bar]) -> Option<String> {
    let row = |bar: &Bar| {
        let met = if bar.met { "yes" } else { "**no**" };
        let cells = [&bar.what, &bar.novi, &bar.floor, &bar.ratio, &bar.limit];
        cells.into_iter().cloned().chain([met.to_owned()]).collect()
    };
    let head = ["what", "novi", "floor", "ratio", "target", "met"];
    table(&head, &bars.iter().map(row).collect::<Vec<Vec<_>>>())
}

/// A bar that is a multiple of the floor's time.
fn multiple(what: String, novi: f64, floor: f64, limit: f64) -> Bar {
    let ratio = novi / floor;
    Bar {
        what,
        novi: time(novi),
        floor: time(floor),
        ratio: format!("{ratio:.2}x"),
        limit: format!("≤ {limit}x"),
        met: ratio <= limit,
    }
}

/// A bar that is a number.
fn number(what: &str, novi: String, limit: String, met: bool) -> Bar {
    let none = || "-".to_owned();
    Bar { what: what.to_owned(), novi, floor: none(), ratio: none(), limit, met }
}

fn row<'a>(results: &'a Results, engine: &str) -> Option<&'a Answers> {
    results.answers.iter().find(|row| row.engine == engine)
}

/// The medians of novi and the floor at a workload.
fn pair(
    results: &Results,
    index: usize,
    times: impl Fn(&Answers) -> &[Option<Time>; 6],
) -> Option<(f64, f64)> {
    let median = |engine| Some(times(row(results, engine)?)[index]?.median);
    Some((median(NOVI)?, median(FLOOR)?))
}

fn by_name(results: &Results, bars: &mut Vec<Bar>) {
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        if let Some((novi, floor)) = pair(results, index, |row| &row.prebuilt) {
            bars.push(multiple(format!("{kind}, by name"), novi, floor, BY_NAME[index]));
        }
    }
}

fn by_handle(results: &Results, bars: &mut Vec<Bar>) {
    let median = row(results, HANDLE).and_then(|row| row.prebuilt[0]).map(|time| time.median);
    if let Some(median) = median {
        let limit = format!("≤ {}", time(BY_HANDLE));
        bars.push(number(&format!("{}, by handle", Kind::On), time(median), limit, median <= BY_HANDLE));
    }
}

fn in_the_call(results: &Results, bars: &mut Vec<Bar>) {
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        if let Some((novi, floor)) = pair(results, index, |row| &row.fresh) {
            bars.push(multiple(format!("{kind}, context made in the call"), novi, floor, IN_THE_CALL));
        }
    }
}

fn all_flags(results: &Results, bars: &mut Vec<Bar>) {
    let find = |engine: &str| results.everything.iter().find(|row| row.engine == engine);
    let Some(floor) = find(FLOOR) else { return };
    let per_flag = |row: &Everything| [row.times[0].median / 1e3, row.times[1].median / 1e4];
    for (engine, rows) in [(NOVI, "rows of their own"), (SHARED, "shared rows")] {
        let Some(novi) = find(engine) else { continue };
        for (size, (novi, floor)) in
            ["1,000", "10,000"].into_iter().zip(per_flag(novi).into_iter().zip(per_flag(floor)))
        {
            bars.push(multiple(format!("W7, {size} flags, {rows}, per flag"), novi, floor, ALL_FLAGS));
        }
    }
}

fn loading(results: &Results, bars: &mut Vec<Bar>) {
    let median =
        |engine: &str| results.load.iter().find(|row| row.engine == engine).map(|row| row.time.median / 1e4);
    if let (Some(novi), Some(floor)) = (median(NOVI), median(FLOOR)) {
        bars.push(multiple("W8 load, per flag".to_owned(), novi, floor, LOADING));
    }
}

fn counted(results: &Results, bars: &mut Vec<Bar>) {
    let find = |engine: &str| results.counts.iter().find(|row: &&Counts| row.engine == engine);
    let Some(novi) = find(NOVI) else { return };
    if let Some(live) = novi.live {
        let mut bar = number(
            "W8 memory, bytes per flag",
            format!("{live:.0}"),
            format!("≤ {MEMORY:.0}"),
            live <= MEMORY,
        );
        bar.floor = find(FLOOR).and_then(|floor| floor.live).map_or(bar.floor, |live| format!("{live:.0}"));
        bars.push(bar);
    }
    let calls = [("prebuilt context", novi.allocations), ("context made in the call", novi.fresh)];
    for (context, counts) in calls {
        let Some(most) = counts.map(|counts| counts.into_iter().fold(0.0, f64::max)) else { continue };
        let what = format!("W9 allocations per call, {context}, the most of W1 to W6");
        bars.push(number(&what, format!("{most:.1}"), "0".to_owned(), most == 0.0));
    }
}

fn two_threads(results: &Results, bars: &mut Vec<Bar>) {
    let scaling = |engine: &str| {
        let row = results.threads.iter().find(|row| row.engine == engine)?;
        Some(row.cpu[1] / row.cpu[0])
    };
    if let Some(times) = scaling(NOVI) {
        let limit = format!("≥ {TWO_THREADS}x");
        let mut bar = number(
            "W10, two threads against one, per CPU-second",
            format!("{times:.2}x"),
            limit,
            times >= TWO_THREADS,
        );
        bar.floor = scaling(FLOOR).map_or(bar.floor, |times| format!("{times:.2}x"));
        bars.push(bar);
    }
}
