//! Durations as the config writes them: a whole number and one unit.

use std::time::Duration;

/// Reads `30s`, `1m`, `24h` or `7d`.
///
/// Returns `None` for anything else: no number, no unit, an unknown unit, or more than fits.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let seconds_per_unit = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds_per_unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        assert_eq!(parse("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse("15m"), Some(Duration::from_mins(15)));
        assert_eq!(parse("24h"), Some(Duration::from_hours(24)));
        assert_eq!(parse("7 d"), Some(Duration::from_hours(168)));
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in ["", "5", "m", "1.5h", "-1m", "1 week", "99999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
