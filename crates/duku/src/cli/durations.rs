//! How people write times on the command line.

use domain::api_key::GracePeriod;

/// Reads `90d` or `90`.
pub fn days(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| "write a number of days, like 90d".to_owned())
}

/// Reads a grace: `30s`, `15m`, `24h` or `7d`, or `0` for none.
pub fn grace(text: &str) -> Result<i64, String> {
    let rejection = || "write a number with its unit, like 30m, 1h, 24h or 7d".to_owned();
    let unit = match text.char_indices().last() {
        Some((at, 's')) => (at, 1),
        Some((at, 'm')) => (at, 60),
        Some((at, 'h')) => (at, 3600),
        Some((at, 'd')) => (at, 86_400),
        _ if text == "0" => return Ok(0),
        _ => return Err(rejection()),
    };
    let number: u32 = text.get(..unit.0).and_then(|number| number.parse().ok()).ok_or_else(rejection)?;
    let seconds = i64::from(number) * unit.1;
    if seconds > GracePeriod::MAXIMUM_SECONDS {
        return Err("the longest grace is 7d".to_owned());
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!((days("90d"), days("1")), (Ok(90), Ok(1)));
        assert!(days("1w").is_err() && days("d").is_err());
        let read = ["0", "30s", "15m", "24h", "7d"].map(|text| grace(text).unwrap());
        assert_eq!(read, [0, 30, 900, 86_400, 604_800]);
    }

    #[test]
    fn a_grace_without_a_unit_is_rejected_with_what_to_write() {
        for text in ["", "h", "1", "3600", "-1h", "1w", "4294967296s"] {
            assert!(grace(text).unwrap_err().contains("like 30m"), "{text}");
        }
        for text in ["8d", "604801s", "4294967295d"] {
            assert!(grace(text).unwrap_err().contains("7d"), "{text}");
        }
    }
}
