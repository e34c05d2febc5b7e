//! Days without mail, as a calendar file lists them (RFC 5545).
//!
//! Of an event only its days count: DTSTART with DTEND or DURATION, RRULE with FREQ=YEARLY,
//! EXDATE. A rule that is not understood is refused: a holiday that is missed cannot be unsent.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// The days of a calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    days: BTreeSet<NaiveDate>,
    yearly: Vec<Yearly>,
}

/// An event that comes again each year, or every few.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Yearly {
    start: NaiveDate,
    length_days: u64,
    pattern: Pattern,
    interval: i32,
    until: Option<NaiveDate>,
    count: Option<usize>,
    except: BTreeSet<NaiveDate>,
}

/// Which day of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Date {
        month: u32,
        day: u32,
    },
    /// The nth of its month, from the end where negative.
    Weekday {
        month: u32,
        weekday: Weekday,
        nth: i8,
    },
}

/// What of a calendar is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayError {
    pub line: usize,
    pub message: String,
}

impl fmt::Display for HolidayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Holidays {
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.yearly.is_empty()
    }

    pub fn is_on(&self, day: NaiveDate) -> bool {
        self.days.contains(&day) || self.yearly.iter().any(|yearly| yearly.covers(day))
    }

    /// Reads a calendar; times in it are put into `zone`, and each day they touch is one
    /// without mail.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, HolidayError> {
        let lines = unfolded(text);
        let is = |line: Option<&(usize, String)>, text| {
            line.is_some_and(|(_, line)| line.eq_ignore_ascii_case(text))
        };
        if !is(lines.first(), "BEGIN:VCALENDAR") || !is(lines.last(), "END:VCALENDAR") {
            return Err(HolidayError { line: 1, message: "this is no whole calendar".into() });
        }
        let mut holidays = Self::default();
        let mut event: Option<Event> = None;
        let mut nested = 0_usize;
        for (number, line) in &lines {
            let wrong = |message: String| HolidayError { line: *number, message };
            let (name, parameters, value) =
                property(line).ok_or_else(|| wrong(format!("this is no property: `{line}`")))?;
            match (name.as_str(), value.to_ascii_uppercase().as_str(), &mut event) {
                ("BEGIN", "VEVENT", None) => event = Some(Event { line: *number, ..Event::new() }),
                // An alarm in an event has properties of its own.
                ("BEGIN", _, Some(_)) => nested += 1,
                ("END", "VEVENT", Some(_)) if nested == 0 => {
                    if let Some(event) = event.take() {
                        holidays.add(event)?;
                    }
                }
                ("END", _, Some(_)) => nested = nested.saturating_sub(1),
                (_, _, Some(event)) if nested == 0 => {
                    event.take(&name, &parameters, value, zone).map_err(wrong)?;
                }
                _ => {}
            }
        }
        Ok(holidays)
    }

    fn add(&mut self, event: Event) -> Result<(), HolidayError> {
        let wrong = |message: &str| HolidayError { line: event.line, message: message.into() };
        if event.is_cancelled {
            return Ok(());
        }
        let (start, is_date) = event.start.ok_or_else(|| wrong("the event has no `DTSTART`"))?;
        let end = match (event.end, event.duration) {
            (Some((end, _)), _) => end,
            (None, Some(duration)) => start + duration,
            (None, None) if is_date => start + TimeDelta::days(1),
            (None, None) => start,
        };
        // The end is no part of it (RFC 5545, 3.6.1); what lasts no time touches its day.
        let last = if end > start { end - TimeDelta::seconds(1) } else { start }.date();
        let start = start.date();
        let length_days = u64::try_from((last - start).num_days()).unwrap_or(0) + 1;
        if length_days > 366 {
            return Err(wrong("the event lasts longer than a year"));
        }
        match event.rule {
            None => {
                let days = start.iter_days().take_while(|day| *day <= last);
                self.days.extend(days.filter(|_| !event.except.contains(&start)));
            }
            Some(rule) => self.yearly.push(Yearly {
                start,
                length_days,
                pattern: rule.pattern(start),
                interval: rule.interval,
                until: rule.until,
                count: rule.count,
                except: event.except,
            }),
        }
        Ok(())
    }
}

impl Yearly {
    fn covers(&self, day: NaiveDate) -> bool {
        (0..self.length_days)
            .filter_map(|behind| day.checked_sub_days(Days::new(behind)))
            .any(|first| self.occurs(first))
    }

    /// Whether it begins on this day.
    fn occurs(&self, day: NaiveDate) -> bool {
        let years = day.year() - self.start.year();
        let is_its_day = day >= self.start
            && years % self.interval == 0
            && (day == self.start || self.pattern.in_year(day.year()) == Some(day))
            && self.until.is_none_or(|until| day <= until)
            && !self.except.contains(&day);
        is_its_day && self.count.is_none_or(|count| self.occurrences_before(day) < count)
    }

    /// What EXDATE takes out counts (RFC 5545, 3.8.5.1), and so does DTSTART itself (3.8.5.3).
    fn occurrences_before(&self, day: NaiveDate) -> usize {
        let step = usize::try_from(self.interval).unwrap_or(1);
        let years = (self.start.year()..=day.year()).step_by(step);
        let later = years.filter_map(|year| self.pattern.in_year(year));
        usize::from(day > self.start) + later.filter(|at| *at > self.start && *at < day).count()
    }
}

impl Pattern {
    /// A day that a year does not have is passed over (RFC 5545, 3.3.10).
    fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            Self::Date { month, day } => NaiveDate::from_ymd_opt(year, month, day),
            Self::Weekday { month, weekday, nth } if nth > 0 => {
                NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth.unsigned_abs())
            }
            Self::Weekday { month, weekday, nth } => {
                let nth_from_end = nth.unsigned_abs();
                let mut of_month = (1..=5_u8).rev().filter_map(|nth| {
                    NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth)
                });
                of_month.nth(usize::from(nth_from_end).saturating_sub(1))
            }
        }
    }
}

/// An event in the making; its times are in the site's zone.
#[derive(Debug)]
struct Event {
    line: usize,
    /// With whether it is a day as a whole.
    start: Option<(NaiveDateTime, bool)>,
    end: Option<(NaiveDateTime, bool)>,
    duration: Option<TimeDelta>,
    rule: Option<Rule>,
    except: BTreeSet<NaiveDate>,
    is_cancelled: bool,
}

impl Event {
    fn new() -> Self {
        Self {
            line: 0,
            start: None,
            end: None,
            duration: None,
            rule: None,
            except: BTreeSet::new(),
            is_cancelled: false,
        }
    }

    fn take(&mut self, name: &str, parameters: &str, value: &str, zone: Tz) -> Result<(), String> {
        let moment = |text: &str| moment(text, parameters, zone);
        match name {
            "DTSTART" => self.start = Some(moment(value)?),
            "DTEND" => self.end = Some(moment(value)?),
            "DURATION" => {
                let duration = duration(value);
                self.duration =
                    Some(duration.ok_or_else(|| format!("this is no duration: `{value}`"))?);
            }
            "RRULE" => self.rule = Some(Rule::parse(value, zone)?),
            "EXDATE" => {
                for text in value.split(',') {
                    self.except.insert(moment(text)?.0.date());
                }
            }
            "RDATE" | "EXRULE" => {
                return Err(format!("`{name}` is not understood; write an event for each day"));
            }
            "STATUS" => self.is_cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
        Ok(())
    }
}

/// RRULE with FREQ=YEARLY (RFC 5545, 3.3.10).
#[derive(Debug)]
struct Rule {
    interval: i32,
    until: Option<NaiveDate>,
    count: Option<usize>,
    month: Option<u32>,
    month_day: Option<u32>,
    weekday: Option<(Weekday, i8)>,
}

impl Rule {
    fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        let wrong = || {
            format!(
                "this rule is not understood: `{text}`; what comes again each year is, with \
                 one day in one month; write an event for each other day"
            )
        };
        let mut rule = Self {
            interval: 1,
            until: None,
            count: None,
            month: None,
            month_day: None,
            weekday: None,
        };
        let mut is_yearly = false;
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => is_yearly = value.eq_ignore_ascii_case("YEARLY"),
                "INTERVAL" => {
                    let interval = value.parse().ok().filter(|interval| *interval > 0);
                    rule.interval = interval.ok_or_else(wrong)?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| wrong())?),
                "UNTIL" => rule.until = Some(moment(value, "", zone)?.0.date()),
                "BYMONTH" => {
                    let month = value.parse().ok().filter(|month| (1..=12).contains(month));
                    rule.month = Some(month.ok_or_else(wrong)?);
                }
                "BYMONTHDAY" => {
                    let day = value.parse().ok().filter(|day| (1..=31).contains(day));
                    rule.month_day = Some(day.ok_or_else(wrong)?);
                }
                "BYDAY" => rule.weekday = Some(nth_weekday(value).ok_or_else(wrong)?),
                "WKST" => {}
                _ => return Err(wrong()),
            }
        }
        let is_one_day = rule.weekday.is_none() || rule.month_day.is_none();
        // A day of the month without a month would be twelve days, a weekday of the year another.
        let has_month = rule.month.is_some();
        let needs_month = rule.weekday.is_some() || rule.month_day.is_some();
        if is_yearly && is_one_day && (has_month || !needs_month) { Ok(rule) } else { Err(wrong()) }
    }

    fn pattern(&self, start: NaiveDate) -> Pattern {
        let month = self.month.unwrap_or(start.month());
        match self.weekday {
            Some((weekday, nth)) => Pattern::Weekday { month, weekday, nth },
            None => Pattern::Date { month, day: self.month_day.unwrap_or(start.day()) },
        }
    }
}

/// `3MO` and `-1MO`.
fn nth_weekday(text: &str) -> Option<(Weekday, i8)> {
    let at = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at))?;
    let (nth, day) = text.split_at(at);
    let weekday = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    };
    let nth: i8 = nth.parse().ok()?;
    (1..=5).contains(&nth.unsigned_abs()).then_some((weekday, nth))
}

/// DATE, or DATE-TIME in UTC, in a named zone, or floating (RFC 5545, 3.3.4 and 3.3.5), in
/// `zone`; with whether it is a day as a whole.
fn moment(text: &str, parameters: &str, zone: Tz) -> Result<(NaiveDateTime, bool), String> {
    let wrong = || format!("this is no date: `{text}`");
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
        return Ok((day.and_hms_opt(0, 0, 0).ok_or_else(wrong)?, true));
    }
    let (local, is_utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let local = NaiveDateTime::parse_from_str(local, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
    if is_utc {
        return Ok((Utc.from_utc_datetime(&local).with_timezone(&zone).naive_local(), false));
    }
    let named = parameters.split(';').find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.eq_ignore_ascii_case("TZID").then(|| value.trim_matches('"'))
    });
    let Some(name) = named else { return Ok((local, false)) };
    let own: Tz = name.parse().map_err(|_| format!("this is not a time zone: `{name}`"))?;
    let at = own.from_local_datetime(&local).earliest().ok_or_else(wrong)?;
    Ok((at.with_timezone(&zone).naive_local(), false))
}

/// `P1D`, `P2W`, `PT8H30M` (RFC 5545, 3.3.6).
fn duration(text: &str) -> Option<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut number = String::new();
    for character in text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?.chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        if character == 'T' {
            continue;
        }
        let amount: i64 = std::mem::take(&mut number).parse().ok()?;
        total += match character {
            'W' => TimeDelta::try_weeks(amount),
            'D' => TimeDelta::try_days(amount),
            'H' => TimeDelta::try_hours(amount),
            'M' => TimeDelta::try_minutes(amount),
            'S' => TimeDelta::try_seconds(amount),
            _ => None,
        }?;
    }
    number.is_empty().then_some(total)
}

/// Lines with their numbers, folded ones put together (RFC 5545, 3.1); blank ones left out.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push((number + 1, line.trim_end().to_owned())),
        }
    }
    lines
}

/// Name, parameters and value of a line; a colon may stand in a quoted parameter.
fn property(line: &str) -> Option<(String, String, &str)> {
    let mut is_quoted = false;
    let colon = line.find(|character| {
        is_quoted ^= character == '"';
        character == ':' && !is_quoted
    })?;
    let (head, value) = (&line[..colon], &line[colon + 1..]);
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    Some((name.to_ascii_uppercase(), parameters.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Singapore;

    use super::*;

    fn parse(properties: &str) -> Result<Holidays, HolidayError> {
        let text = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{properties}\r\nEND:VEVENT\r\n\
             END:VCALENDAR\r\n"
        );
        Holidays::parse(&text, Singapore)
    }

    /// Days of 2026 to 2030 on which there is a holiday.
    fn days(properties: &str) -> Vec<String> {
        let holidays = parse(properties).unwrap();
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let days = first.iter_days().take_while(|day| day.year() < 2031);
        days.filter(|day| holidays.is_on(*day)).map(|day| day.to_string()).collect()
    }

    #[test]
    fn a_day_lasts_a_day_and_an_end_is_no_part_of_it() {
        assert_eq!(days("DTSTART;VALUE=DATE:20260809"), ["2026-08-09"]);
        let two = "DTSTART;VALUE=DATE:20260217\r\nDTEND;VALUE=DATE:20260219";
        assert_eq!(days(two), ["2026-02-17", "2026-02-18"]);
        let two = "DTSTART;VALUE=DATE:20260217\r\nDURATION:P2D";
        assert_eq!(days(two), ["2026-02-17", "2026-02-18"]);
    }

    #[test]
    fn a_time_takes_every_day_it_touches_in_the_zone_of_the_site() {
        let utc = "DTSTART:20260808T160000Z\r\nDTEND:20260809T160000Z";
        assert_eq!(days(utc), ["2026-08-09"]);
        let zoned = "DTSTART;TZID=Europe/Berlin:20261224T170000\r\nDURATION:PT3H";
        assert_eq!(days(zoned), ["2026-12-25"]);
        assert_eq!(days("DTSTART:20261225T120000"), ["2026-12-25"]);
    }

    #[test]
    fn a_yearly_rule_comes_again() {
        let christmas = "DTSTART;VALUE=DATE:20271225\r\nRRULE:FREQ=YEARLY";
        assert_eq!(days(christmas), ["2027-12-25", "2028-12-25", "2029-12-25", "2030-12-25"]);
        let until = "DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY;UNTIL=20271225";
        assert_eq!(days(until), ["2026-12-25", "2027-12-25"]);
        let count = "DTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY;COUNT=3;INTERVAL=2\r\n\
                     EXDATE;VALUE=DATE:20271225";
        assert_eq!(days(count), ["2029-12-25"]);
        let leap = "DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY";
        assert_eq!(days(leap), ["2028-02-29"]);
    }

    #[test]
    fn a_yearly_rule_may_name_a_weekday_of_a_month() {
        let may = "DTSTART;VALUE=DATE:20260525\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2";
        assert_eq!(days(may), ["2026-05-25", "2027-05-31"]);
        let fourth =
            "DTSTART;VALUE=DATE:20261126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2";
        assert_eq!(days(fourth), ["2026-11-26", "2027-11-25"]);
    }

    #[test]
    fn folded_lines_alarms_and_cancelled_events_are_as_the_standard_has_them() {
        let folded = "DTSTART;VALUE=DA\r\n TE:20260809\r\nBEGIN:VALARM\r\nDURATION:PT5M\r\n\
                      END:VALARM\r\nSUMMARY:National Day: all day";
        assert_eq!(days(folded), ["2026-08-09"]);
        assert!(days("DTSTART;VALUE=DATE:20260809\r\nSTATUS:CANCELLED").is_empty());
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        let said = |properties: &str| parse(properties).unwrap_err().to_string();
        assert_eq!(said("DTSTART:tomorrow"), "line 4: this is no date: `tomorrow`");
        assert_eq!(said("SUMMARY:x"), "line 3: the event has no `DTSTART`");
        let weekly = said("DTSTART;VALUE=DATE:20260809\r\nRRULE:FREQ=WEEKLY");
        assert!(weekly.starts_with("line 5: this rule is not understood: `FREQ=WEEKLY`;"));
        let zone = said("DTSTART;TZID=Mars/Base:20260809T000000");
        assert_eq!(zone, "line 4: this is not a time zone: `Mars/Base`");
        let text = Holidays::parse("<html>", Singapore).unwrap_err();
        assert_eq!(text.to_string(), "line 1: this is no whole calendar");
    }
}
