//! How people write times on the command line.

/// Reads `90d` or `90`.
pub fn days(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| "write a number of days, like 90d".to_owned())
}

/// Reads `0`, `30s`, `15m`, `24h` or `7d`.
pub fn seconds(text: &str) -> Result<i64, String> {
    let rejection = || "write a time like 1h, 24h or 7d".to_owned();
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some((at, 'd')) => (text.get(..at), 86_400),
        _ => (Some(text), 1),
    };
    let number: i64 = number.and_then(|number| number.parse().ok()).ok_or_else(rejection)?;
    number.checked_mul(unit).ok_or_else(rejection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!((days("90d"), days("1")), (Ok(90), Ok(1)));
        assert!(days("1w").is_err() && days("d").is_err());
        let read = ["0", "30s", "15m", "24h", "7d"].map(|text| seconds(text).unwrap());
        assert_eq!(read, [0, 30, 900, 86_400, 604_800]);
        assert!(seconds("").is_err() && seconds("h").is_err() && seconds("9223372036854775807d").is_err());
    }
}
