//! Calendars through their outer boundary: entries in, iCalendar out, checked by the rules of
//! RFC 5545 and read back.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]

#[path = "support/news.rs"]
mod news;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::process::{Command, Stdio};

use news::{calendar, entry, event, event_time, site, time};
use proptest::prelude::*;
use tidings::content::{Draft, Outcome, Rules, scan};
use tidings::feeds::calendar::{check, event_path, render, render_event};
use tidings::feeds::{Organizer, Site, Text};
use tidings::model::{Entry, EntryId, Event, EventStatus, Kind, Notes};

/// The calendar of `events`, after the check, its folds undone.
fn rendered_for(events: Vec<Entry>, site: &Site) -> String {
    let bytes = render(&calendar(events), site);
    assert_eq!(check(&bytes), Ok(()), "{}", String::from_utf8_lossy(&bytes));
    String::from_utf8(bytes).unwrap().replace("\r\n ", "")
}

fn rendered(events: Vec<Entry>) -> String {
    rendered_for(events, &site())
}

/// Values of all properties of a name, parameters before the colon.
fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let is_it = |rest: &str| rest.starts_with([':', ';']);
    text.lines()
        .filter_map(|line| line.strip_prefix(name).filter(|rest| is_it(rest)))
        .map(|rest| &rest[1..])
        .collect()
}

fn with(change: impl FnOnce(&mut Event)) -> Entry {
    let mut entry = event("a", "2026-02-26T14:00:00+08:00", Some("2026-02-26T16:00:00+08:00"));
    change(entry.event.as_mut().unwrap());
    entry
}

/// Start and end of an event in a zone, as they are written.
fn when(zone: chrono_tz::Tz, start: &str, end: Option<&str>) -> (String, Option<String>) {
    let site = Site { time_zone: zone, ..site() };
    let text = rendered_for(vec![event("a", start, end)], &site);
    let (_, text) = text.split_once("BEGIN:VEVENT").unwrap();
    let one = |name| values(text, name).first().map(|value| (*value).to_owned());
    (one("DTSTART").unwrap(), one("DTEND"))
}

#[track_caller]
fn check_when(start: &str, end: Option<&str>, expected: (&str, Option<&str>)) {
    let found = when(chrono_tz::Europe::London, start, end);
    assert_eq!((found.0.as_str(), found.1.as_deref()), expected);
}

#[test]
fn a_calendar_looks_like_this() {
    let event = Entry {
        title: "Open day; “all, welcome”".into(),
        categories: vec!["Port, sea".into(), "Family".into()],
        revised: Some(time("2026-02-20T10:30:00+08:00")),
        sequence: 2,
        notes: Notes { change: Some("A new hall.".into()), ..Notes::default() },
        ..with(|event| {
            event.online_url = Some("https://meet.example/a;b,c".parse().unwrap());
            event.registration_url = Some("https://press.example/register".parse().unwrap());
        })
    };
    let bytes = render(&calendar(vec![event]), &site());
    assert_eq!(check(&bytes), Ok(()));
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap().replace("\r\n", "\n"));
}

#[test]
fn an_event_has_a_file_of_its_own() {
    let event = with(|_| {});
    let bytes = render_event(&event, &site());
    assert_eq!(check(&bytes), Ok(()));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 1);
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    assert_eq!(values(&text, "NAME"), [""; 0]);
}

/// RFC 5546, section 3.2.1.
#[test]
fn the_file_of_an_event_is_published_by_an_organizer_and_a_calendar_is_not() {
    let file = String::from_utf8(render_event(&with(|_| {}), &site())).unwrap();
    let file = file.replace("\r\n ", "");
    let (head, event) = file.split_once("BEGIN:VEVENT").unwrap();
    assert_eq!(values(head, "METHOD"), ["PUBLISH"]);
    let organizer = "CN=\"Press Office; R&D\":mailto:press@agency.example";
    assert_eq!(values(event, "ORGANIZER"), [organizer]);
    let calendar = rendered(vec![with(|_| {})]);
    for name in ["METHOD", "ORGANIZER"] {
        assert_eq!(values(&calendar, name), [""; 0]);
    }
}

#[test]
fn no_name_or_address_of_an_organizer_breaks_a_file() {
    for (name, address, expected) in [
        (
            "The \"Port\", all: of it",
            "a@b.example",
            "CN=\"The 'Port', all: of it\":mailto:a@b.example",
        ),
        ("海港市", "a+b@b.example", "CN=\"海港市\":mailto:a+b@b.example"),
        ("Port", "50%?x&y=z@b.example", "CN=\"Port\":mailto:50%25%3Fx%26y%3Dz@b.example"),
    ] {
        let organizer = Organizer::new(name, &address.parse().unwrap());
        let file = render_event(&with(|_| {}), &Site { organizer, ..site() });
        assert_eq!(check(&file), Ok(()));
        let file = String::from_utf8(file).unwrap().replace("\r\n ", "");
        assert_eq!(values(&file, "ORGANIZER"), [expected]);
    }
}

#[test]
fn a_file_without_an_event_is_no_message() {
    let file = render_event(&event("a", "+10000-01-01T00:00:00Z", None), &site());
    assert_eq!(check(&file), Ok(()));
    assert!(!String::from_utf8(file).unwrap().contains("METHOD"));
}

#[test]
fn equal_entries_give_equal_bytes() {
    let events = || vec![with(|_| {}), event("b", "2026-03-01", None)];
    assert_eq!(render(&calendar(events()), &site()), render(&calendar(events()), &site()));
}

#[test]
fn a_calendar_without_events_is_valid_and_has_no_change() {
    for time_zone in [chrono_tz::Asia::Singapore, chrono_tz::UTC, chrono_tz::Europe::Dublin] {
        let text = rendered_for(vec![], &Site { time_zone, ..site() });
        assert_eq!(values(&text, "TZID"), [time_zone.name()]);
        assert_eq!(values(&text, "LAST-MODIFIED"), [""; 0]);
    }
}

#[test]
fn the_newest_change_of_an_event_is_the_calendars() {
    let old = with(|_| {});
    let new =
        Entry { revised: Some(time("2026-03-01T00:00:00Z")), ..event("b", "2026-03-01", None) };
    let text = rendered(vec![old, new]);
    let stamps = ["20260301T000000Z", "20260205T010000Z", "20260301T000000Z"];
    assert_eq!(values(&text, "LAST-MODIFIED"), stamps);
    assert_eq!(values(&text, "DTSTAMP"), stamps[1..]);
}

#[test]
fn times_stand_in_the_sites_zone_where_the_offset_agrees_and_else_in_utc() {
    check_when(
        "2026-07-01T09:00:00+01:00",
        Some("2026-07-01T10:00:00+01:00"),
        ("TZID=Europe/London:20260701T090000", Some("TZID=Europe/London:20260701T100000")),
    );
    check_when("2026-07-01T09:00:00+08:00", None, ("20260701T010000Z", None));
    check_when(
        "2026-07-01T09:00:00+01:00",
        Some("2026-07-01T09:00:00+00:00"),
        ("20260701T080000Z", Some("20260701T090000Z")),
    );
    check_when(
        "2026-10-25T01:30:00+01:00",
        Some("2026-10-25T01:15:00+00:00"),
        ("20261025T003000Z", Some("20261025T011500Z")),
    );
}

#[test]
fn whole_days_end_on_the_day_after_the_last() {
    let first = "VALUE=DATE:20260226";
    check_when("2026-02-26", None, (first, None));
    check_when("2026-02-26", Some("2026-02-28"), (first, Some("VALUE=DATE:20260301")));
    check_when("2026-02-26", Some("2026-02-26"), (first, Some("VALUE=DATE:20260227")));
    check_when("2026-02-26", Some("2026-02-20"), (first, None));
    let until = |end| when(chrono_tz::Europe::London, "2026-02-26", Some(end)).1;
    assert_eq!(until("2026-02-28T16:00:00Z").unwrap(), "VALUE=DATE:20260301");
    assert_eq!(until("2026-02-28T00:00:00Z").unwrap(), "VALUE=DATE:20260228");
}

#[test]
fn a_moment_that_ends_with_a_day_ends_at_its_last_midnight() {
    check_when(
        "2026-03-28T22:00:00+00:00",
        Some("2026-03-29"),
        ("TZID=Europe/London:20260328T220000", Some("TZID=Europe/London:20260330T000000")),
    );
    check_when(
        "2026-02-26T22:00:00+08:00",
        Some("2026-02-26"),
        ("20260226T140000Z", Some("20260226T160000Z")),
    );
}

#[test]
fn an_end_that_is_not_after_the_start_is_left_out() {
    let start = "2026-07-01T09:00:00+01:00";
    for end in [start, "2026-06-30T09:00:00+01:00", "2026-06-30"] {
        check_when(start, Some(end), ("TZID=Europe/London:20260701T090000", None));
    }
}

#[test]
fn a_date_that_no_calendar_can_say_is_left_out() {
    let text =
        rendered(vec![event("a", "+10000-01-01T00:00:00Z", None), event("b", "9999-12-31", None)]);
    assert_eq!(values(&text, "DTSTART").last(), Some(&"VALUE=DATE:99991231"));
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 1);
    rendered(vec![event("a", "9999-12-31", Some("9999-12-31"))]);
}

#[test]
fn postponed_is_tentative_and_what_is_off_is_cancelled() {
    let status = |entry| values(&rendered(vec![entry]), "STATUS")[0].to_owned();
    assert_eq!(status(with(|_| {})), "CONFIRMED");
    assert_eq!(status(with(|event| event.status = EventStatus::Postponed)), "TENTATIVE");
    assert_eq!(status(with(|event| event.status = EventStatus::Cancelled)), "CANCELLED");
    let notes = Notes { withdrawn: Some("Issued in error.".into()), ..Notes::default() };
    assert_eq!(status(Entry { notes, ..with(|_| {}) }), "CANCELLED");
}

#[test]
fn a_withdrawn_event_says_why_and_offers_nothing_else() {
    let notes = Notes { withdrawn: Some("Issued in error.".into()), ..Notes::default() };
    let withdrawn = with(|event| event.online_url = Some("https://meet.example/".parse().unwrap()));
    let text = rendered(vec![Entry { notes, categories: vec!["Port".into()], ..withdrawn }]);
    for name in ["LOCATION", "CONFERENCE", "CATEGORIES"] {
        assert_eq!(values(&text, name), [""; 0]);
    }
    assert_eq!(
        values(&text, "DESCRIPTION")[1],
        r"Withdrawn: Issued in error.\n\nhttps://press.example/media/a/"
    );
}

#[test]
fn a_feed_of_summaries_describes_events_by_their_summary() {
    let mut calendar = calendar(vec![with(|_| {})]);
    let description = |calendar: &_| {
        let text = String::from_utf8(render(calendar, &site())).unwrap().replace("\r\n ", "");
        values(&text, "DESCRIPTION")[1].to_owned()
    };
    assert!(description(&calendar).contains("Text a."));
    calendar.definition.text = Text::Summary;
    assert!(description(&calendar).contains("Summary a.\\n\\nhttps://press.example/media/a/"));
}

#[test]
fn an_event_in_another_language_says_so() {
    let tamil = Entry {
        language: "ta".parse().unwrap(), title: "திறந்த நாள்".into(), ..with(|_| {})
    };
    let text = rendered(vec![tamil, event("b", "2026-03-01", None)]);
    assert_eq!(values(&text, "SUMMARY"), ["LANGUAGE=ta:திறந்த நாள்", "Title b"]);
}

#[test]
fn the_path_of_an_event_is_readable_unique_and_as_lasting_as_its_id() {
    let path = |id: &str| event_path(&EntryId::new(id));
    assert_eq!(
        path("tag:press.example,2026-01-01:events/2026/open-day"),
        "events/2026-open-day-a10dfcbed289.ics"
    );
    assert!(path("tag:press.example,2026-01-01:%E6%96%B0%E9%97%BB").starts_with("events/新闻-"));
    assert_ne!(path("tag:a.example,2026:open"), path("tag:b.example,2026:open"));
    for id in ["", "🎉", "a/../../b", "https://press.example/?a=../b", &"ü".repeat(400)] {
        let path = path(id);
        let name = path.strip_prefix("events/").unwrap();
        assert!(!name.contains('/') && !name.starts_with('.') && name.len() < 110, "{path}");
    }
}

/// Texts that tend to break line-based formats.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[,;:\\\\\"\r\n\t ]{1,4}",
        "\\PC{0,40}",
        "[\u{0}-\u{20}\u{7F}-\u{A0}\u{2028}\u{2029}]{1,3}",
        "[a-z தமிழ்新闻😀\\\\,;]{0,80}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

fn moment() -> impl Strategy<Value = String> {
    (2025..2028, 1..=12u32, 1..=28u32, 0..24u32, 0..60u32, -12..=14i32, any::<bool>()).prop_map(
        |(year, month, day, hour, minute, offset, is_day)| {
            let day = format!("{year}-{month:02}-{day:02}");
            if is_day { day } else { format!("{day}T{hour:02}:{minute:02}:00{offset:+03}:00") }
        },
    )
}

proptest! {
    #[test]
    fn no_text_of_an_author_breaks_a_calendar(
        title in text(), venue in text(), reason in text(), category in text(), id in text(),
        withdrawn: bool,
    ) {
        let mut entry = Entry {
            id: EntryId::new(format!("tag:{id}")),
            title,
            categories: vec![category.clone(), "b".into()],
            content_text: category,
            ..with(|event| event.venue = Some(venue))
        };
        entry.notes.withdrawn = withdrawn.then_some(reason);
        let text = rendered(vec![entry.clone()]);
        let visible = |text: &str| text.replace(|c: char| c.is_control() || c.is_whitespace(), "");
        let read = unescaped(values(&text, "SUMMARY")[0]);
        prop_assert_eq!(visible(&read), visible(&entry.title));
        prop_assert_eq!(check(&render_event(&entry, &site())), Ok(()));
    }

    #[test]
    fn no_start_and_end_break_a_calendar(
        start in moment(),
        end in prop::option::of(moment()),
        zone in prop::sample::select(vec![
            "Asia/Singapore", "Europe/London", "America/New_York", "Australia/Lord_Howe",
        ]),
    ) {
        let zone = zone.parse().unwrap();
        let (written, _) = when(zone, &start, end.as_deref());
        let day = event_time(&start);
        prop_assert_eq!(matches!(day, tidings::model::EventTime::Day(_)), written.len() == 19);
    }
}

fn unescaped(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next().map(|c| if c == 'n' { '\n' } else { c })),
            character => plain.push(character),
        }
    }
    plain
}

/// What Python's `icalendar` reads: one line for each event, moments in UTC.
const READ: &str = r#"
import sys, datetime, icalendar
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
moment = lambda t: t.astimezone(datetime.timezone.utc).isoformat() if hasattr(t, "hour") else t.isoformat()
for event in calendar.walk("VEVENT"):
    end = event.get("DTEND")
    print("|".join([event["UID"], event["SUMMARY"], moment(event["DTSTART"].dt),
        moment(end.dt) if end else "", event["STATUS"], str(event["SEQUENCE"])]))
"#;

/// What Python's `icalendar` reads in the file of one event, once its own validator has passed it.
const READ_MESSAGE: &str = r#"
import sys, icalendar
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
assert not calendar.errors and all(not part.errors for part in calendar.walk())
[event] = calendar.walk("VEVENT")
organizer = event["ORGANIZER"]
print("|".join([calendar["METHOD"], organizer.params["CN"], str(organizer), event["SUMMARY"]]))
"#;

/// What a script makes of a calendar.
fn read(python: &str, script: &str, calendar: &[u8]) -> String {
    let mut reader = Command::new(python)
        .args(["-c", script])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(calendar).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The interpreter of `TIDINGS_PYTHON`, else the system's, where it has `icalendar`.
fn python() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test is told which Python has the readers")]
    let python = std::env::var("TIDINGS_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import icalendar"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
#[expect(clippy::print_stdout, reason = "says what was not tested")]
fn a_reader_gets_ids_titles_and_times_back() {
    let Some(python) = python() else {
        println!("skipped: icalendar is not installed");
        return;
    };
    let site = Site { time_zone: chrono_tz::Australia::Lord_Howe, ..site() };
    let events = vec![
        Entry {
            title: "A, b; c \\ d".into(),
            sequence: 3,
            ..event("a", "2026-03-01", Some("2026-03-02"))
        },
        event("summer", "2026-01-10T09:00:00+11:00", Some("2026-01-10T10:00:00+11:00")),
        event("winter", "2026-07-10T09:00:00+10:30", Some("2027-01-10T10:00:00+11:00")),
        event("elsewhere", "2026-07-10T09:00:00+08:00", None),
    ];
    let id = |name: &str| format!("tag:press.example,2026-01-01:media/{name}");
    let expected: Vec<String> = [
        ("a", "A, b; c \\ d|2026-03-01|2026-03-03|CONFIRMED|3"),
        ("summer", "Title summer|2026-01-09T22:00:00+00:00|2026-01-09T23:00:00+00:00|CONFIRMED|0"),
        ("winter", "Title winter|2026-07-09T22:30:00+00:00|2027-01-09T23:00:00+00:00|CONFIRMED|0"),
        ("elsewhere", "Title elsewhere|2026-07-10T01:00:00+00:00||CONFIRMED|0"),
    ]
    .map(|(name, rest)| format!("{}|{rest}", id(name)))
    .into();
    let read = read(&python, READ, &render(&calendar(events), &site));
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);
}

#[test]
#[expect(clippy::print_stdout, reason = "says what was not tested")]
fn a_reader_gets_method_and_organizer_of_a_file_back() {
    let Some(python) = python() else {
        println!("skipped: icalendar is not installed");
        return;
    };
    let read = read(&python, READ_MESSAGE, &render_event(&with(|_| {}), &site()));
    assert_eq!(read, "PUBLISH|Press Office; R&D|mailto:press@agency.example|Title a\n");
}

#[test]
fn all_paths_of_many_events_differ() {
    let paths: BTreeSet<String> =
        (0..2000).map(|n| event_path(&entry(&format!("e/{n}")).id)).collect();
    assert_eq!(paths.len(), 2000);
}

/// An event of a real site, as the catalogue would take it up on its first day.
fn entry_of(draft: &Draft) -> Option<Entry> {
    Some(Entry {
        id: EntryId::new(format!("tag:press.example,2026-01-01:{}", draft.path)),
        kind: Kind::Event,
        title: draft.title.clone(),
        link: draft.link.clone(),
        language: draft.language.clone(),
        categories: draft.categories.clone(),
        summary: draft.summary.clone(),
        content_text: draft.content_text.clone(),
        event: Some(draft.event.clone()?),
        notes: draft.notes.clone(),
        ..entry("a")
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "says what was tested")]
#[expect(clippy::disallowed_methods, reason = "the corpus lies where the environment says")]
fn events_of_real_sites_keep_the_rules() {
    let Ok(corpus) = std::env::var("TIDINGS_CORPUS") else {
        println!("skipped: TIDINGS_CORPUS is not set");
        return;
    };
    let rules = Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    let now = || "2026-01-01T00:00:00Z".parse().unwrap();
    let mut events = Vec::new();
    for folder in std::fs::read_dir(&corpus).unwrap().map(|found| found.unwrap().path()) {
        if folder.is_dir() {
            let scan = scan(&folder, &rules, &HashMap::new(), &now, &|_| {}).unwrap();
            let outcomes = scan.files.iter().map(|file| &file.reading.outcome);
            events.extend(outcomes.filter_map(|outcome| match outcome {
                Outcome::Draft(draft) => entry_of(draft),
                _ => None,
            }));
        }
    }
    let count = events.len();
    let text = rendered(events);
    println!("{count} events");
    assert!(count > 0 && text.matches("BEGIN:VEVENT").count() == count);
}
