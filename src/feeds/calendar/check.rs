//! The rules of iCalendar that a reader may insist on (RFC 5545), checked in bytes.
//!
//! As strict as our own output allows: what no calendar of ours needs is refused though the
//! standard knows it. Values are checked for the properties that we write; recurrence, alarms
//! and scheduling are left out.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};

use super::line::MAX_OCTETS;

/// Where an object breaks a rule, and which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct CalendarError {
    /// Counted as in the file, folds included.
    pub line: usize,
    pub fault: String,
}

/// Refuses what is not one iCalendar object in lines of at most 75 octets.
pub fn check(bytes: &[u8]) -> Result<(), CalendarError> {
    let mut open = vec![];
    let mut closed = 0;
    for (line, text) in unfolded(bytes)? {
        check_line(&text, &mut open, &mut closed).map_err(|fault| CalendarError { line, fault })?;
    }
    match (closed, open.last()) {
        (1, None) => Ok(()),
        (_, Some(Component { name, .. })) => Err(whole(format!("`{name}` is not closed"))),
        (n, None) => Err(whole(format!("{n} objects instead of one"))),
    }
}

fn whole(fault: String) -> CalendarError {
    CalendarError { line: 1, fault }
}

/// A component that is being read, with what it has so far.
struct Component {
    name: String,
    properties: BTreeMap<String, Property>,
    components: usize,
}

#[derive(Debug, Clone)]
struct Property {
    parameters: Vec<(String, String)>,
    value: String,
}

/// Lines without their folds, each with the number of its first one (RFC 5545, section 3.1).
fn unfolded(bytes: &[u8]) -> Result<Vec<(usize, String)>, CalendarError> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let Some(body) = bytes.strip_suffix(b"\r\n") else {
        return Err(whole("the last line has no end".into()));
    };
    for (index, octets) in memchr::memmem::find_iter(body, b"\r\n")
        .chain([body.len()])
        .scan(0, |start, end| Some(&body[std::mem::replace(start, end + 2)..end]))
        .enumerate()
    {
        let fault = |fault: &str| CalendarError { line: index + 1, fault: fault.into() };
        if octets.len() > MAX_OCTETS {
            return Err(fault("more than 75 octets"));
        }
        let text =
            std::str::from_utf8(octets).map_err(|_| fault("bytes that are no whole characters"))?;
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(fault("a control character"));
        }
        match (text.strip_prefix(' '), lines.last_mut()) {
            (Some(_), Some((_, before))) if ends_in_escape(before) => {
                return Err(fault("a fold between a backslash and its letter"));
            }
            (Some(rest), Some((_, before))) => before.push_str(rest),
            _ => lines.push((index + 1, text.to_owned())),
        }
    }
    Ok(lines)
}

fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

fn check_line(text: &str, open: &mut Vec<Component>, closed: &mut usize) -> Result<(), String> {
    let (name, property) = property(text)?;
    if name == "BEGIN" {
        if open.is_empty() != (property.value == "VCALENDAR") {
            return Err(format!("`{}` where it does not belong", property.value));
        }
        let properties = BTreeMap::new();
        open.push(Component { name: property.value, properties, components: 0 });
        return Ok(());
    }
    let Some(component) = open.last_mut() else {
        return Err("a property outside of a component".into());
    };
    if name == "END" {
        if component.name != property.value {
            return Err(format!("`{}` ends where `{}` is open", property.value, component.name));
        }
        check_component(component)?;
        check_published(open)?;
        open.pop();
        match open.last_mut() {
            Some(parent) => parent.components += 1,
            None => *closed += 1,
        }
        return Ok(());
    }
    check_value(&name, &property)?;
    match component.properties.insert(name.clone(), property) {
        // None of those that we write may stand twice.
        Some(_) => Err(format!("`{name}` stands twice")),
        None => Ok(()),
    }
}

/// `NAME;PARAMETER=VALUE:VALUE`.
fn property(text: &str) -> Result<(String, Property), String> {
    let (head, value) = split_outside_quotes(text, ':').ok_or("no colon")?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let mut parts = parts(head);
    let name = parts.next().filter(|name| is_name(name)).ok_or("no name of a property")?;
    let parameters = parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) if is_name(name) && is_parameter(value) => {
                Ok((name.to_owned(), value.trim_matches('"').to_owned()))
            }
            _ => Err(format!("a malformed parameter `{part}`")),
        })
        .collect::<Result<_, String>>()?;
    Ok((name.to_owned(), Property { parameters, value: value.to_owned() }))
}

/// In quotes, or without any.
fn is_parameter(value: &str) -> bool {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    !inner.is_empty() && !inner.contains('"')
}

fn split_outside_quotes(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let at = text.find(|c: char| {
        is_quoted ^= c == '"';
        c == mark && !is_quoted
    })?;
    Some((&text[..at], &text[at + mark.len_utf8()..]))
}

/// What stands between semicolons.
fn parts(head: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let (part, after) = match split_outside_quotes(rest?, ';') {
            Some((part, after)) => (part, Some(after)),
            None => (rest?, None),
        };
        rest = after;
        Some(part)
    })
}

fn check_value(name: &str, property: &Property) -> Result<(), String> {
    let value = property.value.as_str();
    let is_right = match name {
        "DTSTAMP" | "CREATED" | "LAST-MODIFIED" => is_utc(value),
        "DTSTART" | "DTEND" => match property.parameters.as_slice() {
            [] => is_utc(value) || is_local(value),
            [(name, _)] if name == "TZID" => is_local(value),
            [(name, kind)] if name == "VALUE" && kind == "DATE" => is_date(value),
            _ => false,
        },
        "SEQUENCE" => value.parse::<u32>().is_ok(),
        "STATUS" => ["TENTATIVE", "CONFIRMED", "CANCELLED"].contains(&value),
        "TZOFFSETFROM" | "TZOFFSETTO" => is_offset(value),
        "METHOD" => value == "PUBLISH",
        "ORGANIZER" => value.strip_prefix("mailto:").is_some_and(|rest| rest.contains('@')),
        "URL" | "SOURCE" | "CONFERENCE" => url::Url::parse(value).is_ok(),
        "CATEGORIES" => is_text(value, ","),
        "SUMMARY" | "DESCRIPTION" | "LOCATION" | "UID" | "NAME" | "TZNAME" => is_text(value, ""),
        _ => true,
    };
    if is_right { Ok(()) } else { Err(format!("`{name}` cannot be `{value}`")) }
}

/// RFC 5545 section 3.3.11; `also` may stand without a backslash.
fn is_text(value: &str, also: &str) -> bool {
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let is_right = match character {
            '\\' => matches!(characters.next(), Some('\\' | ';' | ',' | 'n')),
            ';' | ',' => also.contains(character),
            _ => true,
        };
        if !is_right {
            return false;
        }
    }
    true
}

fn is_utc(value: &str) -> bool {
    value.strip_suffix('Z').is_some_and(is_local)
}

fn is_local(value: &str) -> bool {
    value.len() == 15 && NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").is_ok()
}

fn is_date(value: &str) -> bool {
    value.len() == 8 && NaiveDate::parse_from_str(value, "%Y%m%d").is_ok()
}

/// RFC 5545 section 3.3.14.
fn is_offset(value: &str) -> bool {
    let Some(digits) = value.strip_prefix(['+', '-']) else { return false };
    matches!(digits.len(), 4 | 6)
        && digits.bytes().all(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_digit() && b != b'0') | value.starts_with('+')
}

fn check_component(component: &Component) -> Result<(), String> {
    let required: &[&str] = match component.name.as_str() {
        "VCALENDAR" => &["VERSION", "PRODID"],
        "VEVENT" => &["UID", "DTSTAMP", "DTSTART"],
        "VTIMEZONE" => &["TZID"],
        "STANDARD" | "DAYLIGHT" => &["DTSTART", "TZOFFSETFROM", "TZOFFSETTO"],
        name => return Err(format!("an unknown component `{name}`")),
    };
    let missing = required.iter().find(|name| !component.properties.contains_key(**name));
    if let Some(name) = missing {
        return Err(format!("`{}` without `{name}`", component.name));
    }
    if matches!(component.name.as_str(), "VCALENDAR" | "VTIMEZONE") && component.components == 0 {
        return Err(format!("`{}` without a component", component.name));
    }
    check_order(component)
}

/// RFC 5546 section 3.2.1: what every event of a message has, and none else has.
fn check_published(open: &[Component]) -> Result<(), String> {
    let [object, .., component] = open else { return Ok(()) };
    if component.name != "VEVENT" {
        return Ok(());
    }
    let has = |name: &str| component.properties.contains_key(name);
    let is_sent = object.properties.contains_key("METHOD");
    match ["ORGANIZER", "SUMMARY"].into_iter().find(|name| !has(name)) {
        Some(name) if is_sent => Err(format!("`VEVENT` without `{name}` below a `METHOD`")),
        _ if !is_sent && has("ORGANIZER") => Err("an `ORGANIZER` without a `METHOD`".into()),
        _ if has("ATTENDEE") => Err("an `ATTENDEE` of what is published".into()),
        _ => Ok(()),
    }
}

/// RFC 5545 section 3.8.2.2: of one kind with the start, and later.
fn check_order(component: &Component) -> Result<(), String> {
    let (Some(start), Some(end)) =
        (component.properties.get("DTSTART"), component.properties.get("DTEND"))
    else {
        return Ok(());
    };
    if start.parameters != end.parameters || start.value.len() != end.value.len() {
        return Err("`DTEND` of another kind than `DTSTART`".into());
    }
    if end.value > start.value { Ok(()) } else { Err("`DTEND` is not after `DTSTART`".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "BEGIN:VCALENDAR|VERSION:2.0|PRODID:x|BEGIN:VEVENT|UID:a|\
        DTSTAMP:20260226T010000Z|DTSTART;TZID=Asia/Singapore:20260226T140000|\
        DTEND;TZID=Asia/Singapore:20260226T160000|SUMMARY:a\\, b|END:VEVENT|END:VCALENDAR|";

    fn fault(object: &str) -> Option<String> {
        check(object.replace('|', "\r\n").as_bytes()).err().map(|error| error.to_string())
    }

    #[test]
    fn an_object_that_keeps_the_rules_passes() {
        assert_eq!(fault(EVENT), None);
        assert_eq!(fault(&EVENT.replace("a\\, b", "a\\,|  b")), None);
        let sent = EVENT.replace("PRODID:x", "PRODID:x|METHOD:PUBLISH");
        let organizer = "UID:a|ORGANIZER;CN=\"Port; sea: all\":mailto:port@press.example";
        assert_eq!(fault(&sent.replace("UID:a", organizer)), None);
    }

    #[test]
    fn an_object_that_breaks_a_rule_is_refused_with_line_and_reason() {
        let long = format!("SUMMARY:{}", "a".repeat(70));
        for (right, wrong, expected) in [
            ("END:VCALENDAR|", "END:VCALENDAR", "line 1: the last line has no end"),
            ("a\\, b", "a\n b", "line 9: a control character"),
            ("a\\, b", "a\\|  b", "line 10: a fold between a backslash and its letter"),
            ("a\\, b", "a, b", "line 9: `SUMMARY` cannot be `a, b`"),
            ("a\\, b", "a\\d", "line 9: `SUMMARY` cannot be `a\\d`"),
            ("SUMMARY:a\\, b", &long, "line 9: more than 75 octets"),
            ("SUMMARY:a\\, b", "UID:b", "line 9: `UID` stands twice"),
            ("SUMMARY:a\\, b", "SUMMARY", "line 9: no colon"),
            ("SUMMARY:a\\, b", "summary:a", "line 9: no name of a property"),
            ("UID:a|", "", "line 9: `VEVENT` without `UID`"),
            ("T160000", "T130000", "line 10: `DTEND` is not after `DTSTART`"),
            (
                "DTEND;TZID=Asia/Singapore:20260226T160000",
                "DTEND:20260226T160000Z",
                "line 10: `DTEND` of another kind than `DTSTART`",
            ),
            (
                "20260226T010000Z",
                "20260226T010000",
                "line 6: `DTSTAMP` cannot be `20260226T010000`",
            ),
            (
                "PRODID:x",
                "PRODID:x|METHOD:PUBLISH",
                "line 11: `VEVENT` without `ORGANIZER` below a `METHOD`",
            ),
            ("UID:a", "UID:a|ORGANIZER:mailto:a@b.c", "line 11: an `ORGANIZER` without a `METHOD`"),
            ("UID:a", "UID:a|ORGANIZER;CN=\"a;b:mailto:a@b.c", "line 6: no colon"),
            ("END:VEVENT|", "", "line 10: `VCALENDAR` ends where `VEVENT` is open"),
            ("END:VCALENDAR|", "", "line 1: `VCALENDAR` is not closed"),
        ] {
            assert_eq!(fault(&EVENT.replace(right, wrong)).as_deref(), Some(expected));
        }
        let empty = "BEGIN:VCALENDAR|VERSION:2.0|PRODID:x|END:VCALENDAR|";
        assert_eq!(fault(empty).unwrap(), "line 4: `VCALENDAR` without a component");
        assert_eq!(fault(&EVENT.repeat(2)).unwrap(), "line 1: 2 objects instead of one");
    }
}
