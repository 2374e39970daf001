//! The picture: each figure as a bar, in parts of its limit. A good figure reaches the line, or stays before it.

use crate::report::{Figure, Must, Row, shown};
use std::fmt::Write as _;

const LINE: usize = 24;
const NAMES: usize = 400;
/// Where the limit stands.
const LIMIT: f64 = 260.0;
const WIDTH: usize = 920;

/// Draws all figures.
pub(crate) fn bars(rows: &[Row]) -> String {
    let figures: Vec<(&Row, &Figure)> =
        rows.iter().flat_map(|row| row.figures.iter().map(move |figure| (row, figure))).collect();
    let height = figures.len() * LINE + 50;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Each figure in parts of its limit\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <style>text {{ fill: #1f2933 }} .met {{ fill: #2f7d5b }} .missed {{ fill: #b54708 }} line {{ stroke: #52606d }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e4e7eb }} .met {{ fill: #57b894 }} .missed {{ fill: #f0a35e }} \
         line {{ stroke: #9aa5b1 }} }}</style>\n"
    );
    for (number, (row, figure)) in figures.iter().enumerate() {
        let top = number * LINE + 30;
        // Longer than one and a half limits says no more than that it is far beyond.
        let part = (figure.value / figure.limit).clamp(0.0, 1.5);
        let class = if figure.is_met() { "met" } else { "missed" };
        let must = if figure.must == Must::AtLeast { "≥" } else { "≤" };
        let label =
            format!("{}{} ({must} {}{})", shown(figure.value), figure.unit, shown(figure.limit), figure.unit);
        let _ = writeln!(
            picture,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}: {}</text>\n\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            NAMES - 10,
            top + 12,
            escaped(&row.name),
            escaped(&figure.what),
            top + 1,
            part * LIMIT,
            400.0 + part.max(1.0) * LIMIT + 8.0,
            top + 12,
            escaped(&label),
        );
    }
    let at = 400.0 + LIMIT;
    let _ = writeln!(
        picture,
        "<line x1=\"{at}\" x2=\"{at}\" y1=\"22\" y2=\"{}\" stroke-dasharray=\"3 3\"/>\n\
         <text x=\"{at}\" y=\"16\" text-anchor=\"middle\">the limit</text>\n</svg>",
        height - 15
    );
    picture
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
