//! Dates of change, and the three ways to write one (RFC 9110, 5.6.7 and 13.1.3).

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, NaiveDateTime, Utc};

/// When the bytes last changed: ready to be sent, and to be compared to the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastModified {
    pub(super) value: HeaderValue,
    seconds: i64,
}

/// The one to write, and two that only old programs do.
const FORMATS: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

impl LastModified {
    pub(super) fn new(moment: DateTime<Utc>) -> Self {
        let text = moment.format(FORMATS[0]).to_string();
        let value = HeaderValue::from_str(&text).expect("a date is ASCII");
        Self { value, seconds: moment.timestamp() }
    }

    /// Whether nothing changed since the date of `If-Modified-Since`. One that is no date, or
    /// is there twice, does not count.
    pub(super) fn is_unmodified(&self, headers: &HeaderMap) -> bool {
        let mut dates = headers.get_all(header::IF_MODIFIED_SINCE).iter();
        let (Some(date), None) = (dates.next(), dates.next()) else {
            return false;
        };
        // Readers give back what they were given.
        date == self.value || seconds(date).is_some_and(|since| self.seconds <= since)
    }
}

fn seconds(date: &HeaderValue) -> Option<i64> {
    let text = date.to_str().ok()?;
    let read = FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    Some(read?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dates: &[&'static str], expected: bool) {
        let modified = LastModified::new("2026-11-21T00:00:00.700Z".parse().unwrap());
        let mut headers = HeaderMap::new();
        for date in dates {
            headers.append(header::IF_MODIFIED_SINCE, HeaderValue::from_static(date));
        }
        assert_eq!(modified.is_unmodified(&headers), expected, "{dates:?}");
    }

    #[test]
    fn a_reader_who_asks_by_date_gets_what_is_newer() {
        check(&["Sat, 21 Nov 2026 00:00:00 GMT"], true);
        check(&["Sat, 21 Nov 2026 00:00:01 GMT"], true);
        check(&["Fri, 20 Nov 2026 23:59:59 GMT"], false);
    }

    #[test]
    fn the_two_obsolete_ways_to_write_a_date_are_read() {
        check(&["Saturday, 21-Nov-26 00:00:00 GMT"], true);
        check(&["Friday, 20-Nov-26 00:00:00 GMT"], false);
        check(&["Sat Nov 21 00:00:00 2026"], true);
        check(&["Thu Nov  5 00:00:00 2026"], false);
    }

    #[test]
    fn what_is_no_date_or_there_twice_does_not_count() {
        for date in ["yesterday", "", "2026-11-22", "Sat, 21 Nov 2026 00:00:00 +0000"] {
            check(&[date], false);
        }
        check(&["Sat, 21 Nov 2026 00:00:00 GMT", "Sat, 21 Nov 2026 00:00:00 GMT"], false);
        check(&[], false);
    }
}
