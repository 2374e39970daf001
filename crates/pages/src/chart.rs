//! The picture of a key's use: one bar a day, as SVG without styles of its own, and the same numbers as a table.

use crate::times::date_text;
use askama::filters::HtmlSafe;
use domain::Timestamp;
use std::fmt;

/// The drawing's own units: one day is this wide, and the highest bar this high. The page stretches both.
const SLOT: usize = 8;
const HEIGHT: u64 = 100;

/// Bars for consecutive days.
#[derive(Debug, Clone)]
pub struct DaysChart {
    days: Vec<(Timestamp, u64)>,
    noun: &'static str,
}

/// A chart of `days` (any instant of each day, oldest first, and its count), which counts `noun`s in the plural, such as
/// "exchanges".
pub fn days_chart(days: Vec<(Timestamp, u64)>, noun: &'static str) -> DaysChart {
    DaysChart { days, noun }
}

impl DaysChart {
    fn total(&self) -> u64 {
        self.days.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The top of the scale: an even round number, at least the highest bar.
    fn scale(&self) -> u64 {
        let highest = self.days.iter().map(|(_, count)| *count).max().unwrap_or(0).max(2);
        let mut unit: u64 = 1;
        loop {
            for step in [2, 4, 6, 8, 10] {
                let top = unit.saturating_mul(step);
                if top >= highest {
                    return top;
                }
            }
            unit = unit.saturating_mul(10);
        }
    }

    fn bars(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = u128::from(self.scale());
        for (index, (day, value)) in self.days.iter().enumerate() {
            let exact = (u128::from(HEIGHT) * u128::from(*value)).div_ceil(scale);
            // One use must be visible beside a thousand.
            let height = if *value == 0 { 1 } else { u64::try_from(exact).unwrap_or(HEIGHT).max(3) };
            let class = if *value == 0 { "none" } else { "bar" };
            let (x, y, day) = (index * SLOT + 1, HEIGHT - height, date_text(*day));
            write!(
                f,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\">",
                SLOT - 2
            )?;
            write!(f, "<title>{day}: {value}</title></rect>")?;
        }
        Ok(())
    }

    fn drawing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, scale) = (self.days.len().max(1) * SLOT, self.scale());
        // The table below says the same to a screen reader, better than a row of shapes.
        write!(
            f,
            "<div class=\"chart-scale\" aria-hidden=\"true\"><span>{}</span><span>{}</span><span>0</span></div>",
            short(scale),
            short(scale / 2)
        )?;
        write!(
            f,
            "<svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
        )?;
        for y in [0, HEIGHT / 2, HEIGHT] {
            write!(f, "<line class=\"grid\" x1=\"0\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\"/>")?;
        }
        self.bars(f)?;
        f.write_str("</svg><div class=\"chart-days\" aria-hidden=\"true\">")?;
        for (day, _) in self.days.first().into_iter().chain(self.days.last()) {
            write!(f, "<span>{}</span>", date_text(*day))?;
        }
        f.write_str("</div>")
    }
}

/// A number in at most five characters.
fn short(value: u64) -> String {
    match value {
        0..=9_999 => value.to_string(),
        10_000..=999_999 => format!("{}k", value / 1000),
        1_000_000..=999_999_999 => format!("{}M", value / 1_000_000),
        _ => format!("{}G", value / 1_000_000_000),
    }
}

impl fmt::Display for DaysChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (noun, total, days) = (self.noun, self.total(), self.days.len());
        write!(
            f,
            "<figure class=\"chart\"><figcaption><strong>{total}</strong> {noun} in {days} days</figcaption>"
        )?;
        self.drawing(f)?;
        write!(
            f,
            "<table class=\"vh\"><caption>{noun} a day</caption><thead><tr><th scope=\"col\">Day</th>"
        )?;
        write!(f, "<th scope=\"col\">{noun}</th></tr></thead><tbody>")?;
        for (day, value) in &self.days {
            write!(f, "<tr><th scope=\"row\">{}</th><td>{value}</td></tr>", date_text(*day))?;
        }
        f.write_str("</tbody></table></figure>")
    }
}

// Numbers, dates, and a noun that is written in the code.
impl HtmlSafe for DaysChart {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(counts: &[u64]) -> DaysChart {
        let start = Timestamp::from_seconds(1_793_000_000);
        let days = counts.iter().zip(0..).map(|(count, day)| (start.plus_seconds(day * 86_400), *count));
        days_chart(days.collect(), "exchanges")
    }

    #[test]
    fn the_scale_is_a_round_number() {
        for (highest, top) in
            [(0, 2), (1, 2), (3, 4), (7, 8), (9, 10), (11, 20), (31, 40), (201, 400), (1000, 1000)]
        {
            assert_eq!(chart(&[highest, 0]).scale(), top, "{highest}");
        }
    }

    #[test]
    fn every_day_is_a_bar_and_a_row() {
        let text = chart(&[0, 1, 1000]).to_string();
        assert_eq!(text.matches("<rect").count(), 3);
        assert_eq!(text.matches("<th scope=\"row\">").count(), 3);
        assert!(text.contains("<strong>1001</strong> exchanges in 3 days"));
        assert!(!text.contains("style="));
    }

    proptest! {
        #[test]
        fn any_counts_can_be_drawn(counts in proptest::collection::vec(any::<u64>(), 0..60)) {
            prop_assert!(chart(&counts).to_string().ends_with("</figure>"));
        }
    }
}
