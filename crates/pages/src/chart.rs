//! The picture of a key's use: one bar a day, as SVG without styles of its own, and the same numbers as a table.

use crate::times::date_text;
use askama::{Template, filters::HtmlSafe};
use domain::Timestamp;

/// The drawing's own units: one day is this wide, and the highest bar this high. The page stretches both.
const SLOT: usize = 8;
const HEIGHT: u64 = 100;

/// Bars for consecutive days.
#[derive(Debug, Clone, Template)]
#[template(path = "chart.html")]
pub struct DaysChart {
    days: Vec<(Timestamp, u64)>,
    one: &'static str,
    many: &'static str,
}

/// A chart of `days` (any instant of each day, oldest first, and its count); what it counts in the singular and the plural,
/// such as "API call" and "API calls".
pub fn days_chart(days: Vec<(Timestamp, u64)>, one: &'static str, many: &'static str) -> DaysChart {
    DaysChart { days, one, many }
}

impl DaysChart {
    fn total(&self) -> u64 {
        self.days.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn noun(&self) -> &'static str {
        if self.total() == 1 { self.one } else { self.many }
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

    /// What stands beside the scale, from the top.
    fn labels(&self) -> [String; 3] {
        [self.scale(), self.scale() / 2, 0].map(short)
    }

    fn bars(&self) -> Vec<Bar> {
        let scale = u128::from(self.scale());
        let bar = |(day, value): &(Timestamp, u64)| {
            let exact = (u128::from(HEIGHT) * u128::from(*value)).div_ceil(scale);
            // One use must be visible beside a thousand.
            let height = if *value == 0 { 1 } else { u64::try_from(exact).unwrap_or(HEIGHT).max(3) };
            Bar { day: date_text(*day), value: *value, height }
        };
        self.days.iter().map(bar).collect()
    }
}

/// One day.
struct Bar {
    day: String,
    value: u64,
    height: u64,
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

// Numbers, dates, and a noun that is written in the code.
impl HtmlSafe for DaysChart {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(counts: &[u64]) -> DaysChart {
        let start = Timestamp::from_seconds(1_793_000_000);
        let days = counts.iter().zip(0..).map(|(count, day)| (start.plus_seconds(day * 86_400), *count));
        days_chart(days.collect(), "token issued", "tokens issued")
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
        assert!(text.contains("<strong>1001</strong> tokens issued in 3 days"));
        assert!(chart(&[0, 1]).to_string().contains("<strong>1</strong> token issued in 2 days"));
        assert!(!text.contains("style="));
    }

    proptest! {
        #[test]
        fn any_counts_can_be_drawn(counts in proptest::collection::vec(any::<u64>(), 0..60)) {
            prop_assert!(chart(&counts).to_string().ends_with("</figure>"));
        }
    }
}
