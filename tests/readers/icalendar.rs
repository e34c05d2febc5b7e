//! icalendar, the library of calendars in Python.

use std::process::Command;

use super::item::EventItem;
use super::program;

const READ: &str = r#"
import sys, json, datetime, icalendar
def moment(time):
    if time is None: return ""
    if not hasattr(time.dt, "hour"): return time.dt.isoformat()
    return time.dt.astimezone(datetime.timezone.utc).isoformat()
def last(event):
    # Ours name the last day, theirs the day after it.
    end = event.get("DTEND")
    if end and not hasattr(end.dt, "hour"): return (end.dt - datetime.timedelta(days=1)).isoformat()
    return moment(end)
for text in json.load(sys.stdin):
    calendar = icalendar.Calendar.from_ical(text)
    assert not calendar.errors, calendar.errors
    for event in calendar.walk("VEVENT"):
        assert not event.errors, event.errors
    print(json.dumps([[str(event["UID"]), str(event["SUMMARY"]), moment(event["DTSTART"]),
        last(event), str(event["STATUS"])] for event in calendar.walk("VEVENT")]))
"#;

/// The events of each calendar, by id.
pub fn read(python: &str, calendars: &[Vec<u8>]) -> Vec<Vec<EventItem>> {
    let texts: Vec<&str> = calendars.iter().map(|bytes| str::from_utf8(bytes).unwrap()).collect();
    let input = serde_json::to_vec(&texts).unwrap();
    let output = program::output(Command::new(python).args(["-c", READ]), &input);
    let lines = str::from_utf8(&output).unwrap().lines();
    let mut calendars: Vec<Vec<EventItem>> =
        lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    for events in &mut calendars {
        events.sort();
    }
    calendars
}
