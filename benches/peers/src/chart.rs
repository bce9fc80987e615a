//! The chart: what a question takes, by workload and engine, on a logarithmic scale, as SVG that needs nothing else.

use crate::{definition::Kind, results::Results};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 48.0;
/// The scale, in nanoseconds.
const LEAST: f64 = 1.0;
const MOST: f64 = 10_000.0;

/// Distinguishable in grey and with color blindness (the palette of Okabe and Ito); novi has the two that stand out.
const COLOURS: [&str; 7] = ["#9aa0a6", "#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7"];

/// Draws W1 to W6 with a prebuilt context. Its background is its own, so that it can be read on light pages and on dark ones.
pub fn draw(results: &Results) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#202124\">\n\
         <title>Time per evaluation, by workload and engine</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"17\" font-weight=\"600\">One evaluation, prebuilt context: median, \
         logarithmic scale, shorter is better</text>\n"
    );
    legend(&mut svg, results);
    scale(&mut svg);
    let step = (WIDTH - LEFT - RIGHT) / 6.0;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let x = LEFT + step * place(index);
        line(&mut svg, &text(x + step / 2.0, HEIGHT - BOTTOM + 24.0, "middle", &kind.to_string()));
        bars(&mut svg, results, index, x, step);
    }
    svg + "</svg>\n"
}

/// A small number as one to draw with.
fn place(index: usize) -> f64 {
    u32::try_from(index).map_or(0.0, f64::from)
}

fn line(svg: &mut String, element: &str) {
    svg.push_str(element);
    svg.push('\n');
}

fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

/// Where a time is on the scale.
fn height(nanoseconds: f64) -> f64 {
    let share = (nanoseconds.clamp(LEAST, MOST) / LEAST).log10() / (MOST / LEAST).log10();
    share * (HEIGHT - TOP - BOTTOM)
}

fn legend(svg: &mut String, results: &Results) {
    let mut x = LEFT;
    for (row, colour) in results.answers.iter().zip(COLOURS) {
        line(svg, &format!("<rect x=\"{x:.1}\" y=\"46\" width=\"12\" height=\"12\" fill=\"{colour}\"/>"));
        line(svg, &text(x + 17.0, 57.0, "start", row.engine));
        x += 38.0 + 7.0 * place(row.engine.len());
    }
}

fn scale(svg: &mut String) {
    for (value, label) in
        [(1.0, "1 ns"), (10.0, "10 ns"), (100.0, "100 ns"), (1_000.0, "1 µs"), (10_000.0, "10 µs")]
    {
        let y = HEIGHT - BOTTOM - height(value);
        let end = WIDTH - RIGHT;
        line(svg, &format!("<path d=\"M{LEFT} {y:.1}H{end}\" stroke=\"#dadce0\"/>"));
        line(svg, &text(LEFT - 8.0, y + 4.0, "end", label));
    }
}

fn bars(svg: &mut String, results: &Results, index: usize, x: f64, step: f64) {
    const GAP: f64 = 10.0;
    let width = (step - 2.0 * GAP) / place(results.answers.len().max(1));
    for (engine, (row, colour)) in results.answers.iter().zip(COLOURS).enumerate() {
        let Some(time) = row.prebuilt[index] else { continue };
        let (x, high) = (x + GAP + width * place(engine), height(time.median).max(1.0));
        let y = HEIGHT - BOTTOM - high;
        let width = width - 1.5;
        line(
            svg,
            &format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{high:.1}\" fill=\"{colour}\">\
                 <title>{}: {:.1} ns</title></rect>",
                row.engine, time.median
            ),
        );
    }
}
