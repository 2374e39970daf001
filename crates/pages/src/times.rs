//! Instants as people read them. Pages show UTC; the script turns it into the viewer's zone. Templates call with references.

use askama::filters::HtmlSafe;
use domain::Timestamp;
use std::fmt;

/// An instant as a `<time>` element whose title is the exact UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    at: Timestamp,
    format: &'static str,
    text: String,
}

/// Day and time: "24 Nov 2026, 07:00 UTC".
pub fn moment(at: &Timestamp) -> Time {
    Time { at: *at, format: "moment", text: moment_text(*at) }
}

/// The same for an instant of RFC 3339; nothing if the text is none.
pub fn moment_of(text: &str) -> Option<Time> {
    let at = text.parse::<jiff::Timestamp>().ok()?;
    Some(moment(&Timestamp::from_ms(at.as_millisecond())))
}

/// The day: "24 Nov 2026".
pub fn date(at: &Timestamp) -> Time {
    Time { at: *at, format: "date", text: date_text(*at) }
}

/// The distance from now: "3 minutes ago", "in 29 days".
pub fn relative(at: &Timestamp, now: &Timestamp) -> Time {
    Time { at: *at, format: "relative", text: relative_text(*at, *now) }
}

/// How long ago something was: "3 minutes ago". Where clocks differ, what has just happened is not told as the future.
pub fn since(at: &Timestamp, now: &Timestamp) -> Time {
    Time { at: *at, format: "since", text: relative_text(*at.min(now), *now) }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, format, text } = self;
        let at = at.to_whole_second();
        let exact = strftime(at, "%Y-%m-%d %H:%M:%S UTC");
        write!(f, "<time datetime=\"{at}\" title=\"{exact}\" data-format=\"{format}\">{text}</time>")
    }
}

// A timestamp, digits, and words of this file: nothing that would need to be escaped.
impl HtmlSafe for Time {}

/// Day and time without markup.
pub fn moment_text(at: Timestamp) -> String {
    strftime(at, "%-d %b %Y, %H:%M UTC")
}

/// The day without markup.
pub fn date_text(at: Timestamp) -> String {
    strftime(at, "%-d %b %Y")
}

/// The distance from now without markup. `relative` in `app.js` takes the same steps.
pub fn relative_text(at: Timestamp, now: Timestamp) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let nearest = |seconds: u64, unit: u64| seconds.saturating_add(unit / 2) / unit;
    let difference = at.ms().saturating_sub(now.ms());
    let seconds = nearest(difference.unsigned_abs(), 1000);
    if seconds < 45 {
        return if difference > 0 { "in a moment" } else { "just now" }.to_owned();
    }
    let days = nearest(seconds, DAY);
    let (count, unit) = if nearest(seconds, MINUTE) < 60 {
        (nearest(seconds, MINUTE), "minute")
    } else if nearest(seconds, HOUR) < 24 {
        (nearest(seconds, HOUR), "hour")
    } else if days < 100 {
        (days, "day")
    } else if days < 730 {
        (nearest(days * 100, 3044), "month")
    } else {
        (nearest(days * 100, 36_525), "year")
    };
    let plural = if count == 1 { "" } else { "s" };
    if difference > 0 { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") }
}

fn strftime(at: Timestamp, format: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.ms()) {
        Ok(instant) => instant.strftime(format).to_string(),
        Err(_) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_503_600);

    #[test]
    fn instants_are_readable_and_exact() {
        let at = NOW.plus_seconds(5);
        assert_eq!(
            moment(&at).to_string(),
            "<time datetime=\"2026-11-24T07:00:05Z\" title=\"2026-11-24 07:00:05 UTC\" data-format=\"moment\">\
             24 Nov 2026, 07:00 UTC</time>"
        );
        assert_eq!(date_text(at), "24 Nov 2026");
    }

    #[test]
    fn distances_are_rounded_to_what_matters() {
        for (seconds, words) in [
            (-3, "just now"),
            (10, "in a moment"),
            (-50, "1 minute ago"),
            (-180, "3 minutes ago"),
            (3590, "in 1 hour"),
            (-86_400, "1 day ago"),
            (29 * 86_400, "in 29 days"),
            (90 * 86_400 - 1, "in 90 days"),
            (-200 * 86_400, "7 months ago"),
            (3 * 366 * 86_400, "in 3 years"),
        ] {
            assert_eq!(relative_text(NOW.plus_seconds(seconds), NOW), words);
        }
    }

    #[test]
    fn what_has_happened_is_never_told_as_the_future() {
        let text = |seconds| since(&NOW.plus_seconds(seconds), &NOW).to_string();
        assert!(text(300).ends_with("data-format=\"since\">just now</time>"), "{}", text(300));
        assert!(text(-180).ends_with(">3 minutes ago</time>"));
    }

    proptest! {
        #[test]
        fn any_instant_can_be_shown(at: i64, now: i64) {
            let text = relative(&Timestamp::from_ms(at), &Timestamp::from_ms(now)).to_string();
            prop_assert!(text.starts_with("<time "));
            prop_assert!(!moment_text(Timestamp::from_ms(at)).contains(['<', '"', '&']));
        }
    }
}
