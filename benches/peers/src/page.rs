//! The page `docs/performance.md`.

use std::{fs, io, path::Path};

use crate::{
    bars::{Bar, bar_table, bars},
    chart, machine,
    results::Results,
    tables,
};

const OPEN: &str = "<!-- by hand: kept when the page is made again -->";
const CLOSE: &str = "<!-- by hand end -->";

/// What is printed: the bars and the tables.
pub fn report(results: &Results) -> String {
    let bars = bar_table(&bars(results)).unwrap_or_default();
    format!("### novi against its bars\n\n{bars}\n{}", tables::all(results))
}

/// Writes the page and the chart into a folder, and keeps what was written by hand there.
///
/// # Errors
/// The folder can't be written to.
pub fn write(results: &Results, folder: &Path) -> io::Result<()> {
    let path = folder.join("performance.md");
    let by_hand = fs::read_to_string(&path).ok().and_then(|page| by_hand(&page).map(str::to_owned));
    fs::create_dir_all(folder)?;
    fs::write(path, page(results, by_hand.as_deref().unwrap_or("\n")))?;
    fs::write(folder.join("performance.svg"), chart::draw(results))
}

/// What stands between the marks.
fn by_hand(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(OPEN)?;
    rest.split_once(CLOSE).map(|(text, _)| text)
}

fn page(results: &Results, by_hand: &str) -> String {
    let bars = bars(results);
    format!(
        "# Speed\n\n\
         novi, a floor of safe Rust, and four published engines, side by side. Made by \
         `cargo run --release -- --write ../../docs` in `benches/peers`; `scripts/bench` prints it without writing.\n\n\
         {}{}\n\
         ![What a question takes, by workload and engine](performance.svg)\n\n\
         ## novi against its bars\n\n{}\n\
         ## Where a bar is missed\n\n{}\n{OPEN}{by_hand}{CLOSE}\n\n\
         ## The tables\n\n{}\
         {}",
        machine::description(),
        if results.quick { "- few rounds (`--quick`): a first impression\n" } else { "" },
        bar_table(&bars).unwrap_or_default(),
        missed(&bars),
        tables::all(results),
        include_str!("method.md").replace("{clock}", results.clock.name()),
    )
}

fn missed(bars: &[Bar]) -> String {
    let missed: Vec<_> = bars.iter().filter(|bar| !bar.met).collect();
    if missed.is_empty() {
        return "Nowhere.\n".to_owned();
    }
    let line = |bar: &&Bar| {
        if bar.ratio == "-" {
            format!("- {}: {}; the bar is {}.\n", bar.what, bar.novi, bar.limit)
        } else {
            format!(
                "- {}: {}, {} of the floor's {}; the bar is {}.\n",
                bar.what, bar.novi, bar.ratio, bar.floor, bar.limit
            )
        }
    };
    missed.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn what_is_written_by_hand_is_kept() {
        let results = Results {
            quick: true,
            clock: Clock::Thread,
            answers: Vec::new(),
            everything: Vec::new(),
            load: Vec::new(),
            counts: Vec::new(),
            threads: Vec::new(),
        };
        let text = "\n\nW3 is slow because of this.\n\n";
        assert_eq!(by_hand(&page(&results, text)), Some(text));
        assert_eq!(by_hand("# Speed\n"), None);
    }
}
