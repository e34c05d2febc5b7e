//! When mail may go out and to whom, and which runs wait for a word.

use chrono::{DateTime, Utc};

use super::*;
use crate::digest::windows::WindowState;

/// The minimal config, with these lines in `mail`.
fn mail(lines: &str) -> String {
    minimal_with("mail:", &format!("mail:\n{lines}"))
}

fn is_open(config: &Config, now: &str) -> bool {
    let now: DateTime<Utc> = now.parse().unwrap();
    config.mail.windows.state(now) == WindowState::Open
}

#[test]
fn windows_are_days_and_times_in_the_zone_of_the_site() {
    let text = mail(
        "  send_windows:\n    - {days: mon-fri, from: \"08:00\", to: \"18:00\"}\n    \
         - {days: [sat], from: \"10:00\", to: \"24:00\"}",
    );
    let config = loaded(&text.replace("site:", "site:\n  time_zone: Asia/Singapore"));
    assert!(is_open(&config, "2026-11-20T00:00:00Z"));
    assert!(!is_open(&config, "2026-11-19T23:59:00Z"));
    assert!(is_open(&config, "2026-11-21T15:59:00Z"), "Saturday to midnight");
    assert!(!is_open(&config, "2026-11-22T04:00:00Z"), "Sunday");
    assert!(is_open(&loaded(MINIMAL), "2026-11-22T04:00:00Z"));
}

#[test]
fn days_may_go_over_the_weekend_and_be_listed() {
    for days in ["fri-mon", "'fri, sat, sun, mon'", "[friday, sat-mon]"] {
        let window = format!("  send_windows: [{{days: {days}, from: '00:00', to: '24:00'}}]");
        let config = loaded(&mail(&window));
        let open = (16..23).map(|day| is_open(&config, &format!("2026-11-{day}T12:00:00Z")));
        let open: Vec<bool> = open.collect();
        assert_eq!(open, [true, false, false, false, true, true, true], "{days}");
    }
}

#[test]
fn a_window_that_is_none_is_refused() {
    let window = |window: &str| mail(&format!("  send_windows:\n    - {window}"));
    check(
        &window("{from: \"8\", to: \"18:00\"}"),
        "line 7: `mail.send_windows.from` is not a time of day: `8`",
        "write hours and minutes, as in `\"08:00\"`",
    );
    check(
        &window("{from: \"22:00\", to: \"06:00\"}"),
        "line 7: a window of `mail.send_windows` ends before it begins: `22:00` to `06:00`",
        "write one window up to `24:00` and another from `00:00` on",
    );
    check(
        &window("{days: weekdays, from: \"08:00\", to: \"18:00\"}"),
        "line 7: `mail.send_windows.days` are not days of the week: `weekdays`",
        "write `mon-fri`, or a list such as `[mon, wed, fri]`",
    );
}

#[test]
fn a_calendar_of_holidays_is_read_and_what_is_wrong_in_it_is_told() {
    let text = mail("  holidays: config/holidays.ics");
    let folder = folder(&text);
    let path = folder.path().join(DEFAULT_PATH);
    let said = || load(&path, &Environment::default()).unwrap_err().to_string();
    assert!(said().contains("line 6: `mail.holidays`: "), "{}", said());
    assert!(said().contains("holidays.ics` cannot be read: "), "{}", said());
    let calendar = |day: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:{day}\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        fs::write(folder.path().join("config/holidays.ics"), text).unwrap();
    };
    calendar("soon");
    assert!(said().contains("holidays.ics` line 3: this is no date: `soon`"), "{}", said());
    calendar("20261225");
    let config = load(&path, &Environment::default()).unwrap();
    assert!(!is_open(&config, "2026-12-25T12:00:00Z"));
    assert!(is_open(&config, "2026-12-26T12:00:00Z"));
}

#[test]
fn mail_is_allowed_to_addresses_and_to_domains() {
    let config = loaded(&mail("  allow: [\"*@Example.gov.sg\", Mei@example.org]"));
    let allows = |text: &str| config.mail.allow.allows(&text.parse().unwrap());
    assert!(allows("anybody@example.gov.sg") && allows("mei@example.org"));
    assert!(allows("MEI@EXAMPLE.ORG"));
    assert!(!allows("tan@example.org") && !allows("mei@sub.example.gov.sg"));
    assert!(loaded(MINIMAL).mail.allow.allows(&"anybody@example.net".parse().unwrap()));
}

#[test]
fn a_pattern_that_fits_nobody_is_refused() {
    for pattern in ["example.org", "*@", "*", "m*@example.org", "*@*.example.org"] {
        check(
            &mail(&format!("  allow: [\"{pattern}\"]")),
            &format!("line 6: `mail.allow` has a pattern that fits nobody: `{pattern}`"),
            "write an address, or `*@example.org` for all of a domain",
        );
    }
}

#[test]
fn a_digest_may_wait_for_a_word_always_or_over_a_number() {
    let approve = |text: &str| {
        let line = format!("- name: immediate\n    approve: {text}");
        loaded(&minimal_with("- name: immediate", &line)).digests[0].approve
    };
    assert_eq!(approve("never"), Approve::Never);
    assert_eq!(approve("always"), Approve::Always);
    assert_eq!(approve("{over: 5000}"), Approve::Over(5000));
    assert_eq!(approve("\"over: 5000\""), Approve::Over(5000));
    assert!(!Approve::Over(2).is_needed(2) && Approve::Over(2).is_needed(3));
    check(
        &minimal_with("- name: immediate", "- name: immediate\n    approve: sometimes"),
        "line 11: digest `immediate`: `approve` is not known: `sometimes`",
        "write `never`, `always`, or `{over: 5000}` for more than so many people",
    );
}

#[test]
fn an_expression_that_never_comes_is_refused() {
    check(
        &minimal_with("- name: immediate", "- {name: daily, at: '0 8 30 2 *'}"),
        "line 10: digest `daily`: `at` never comes: `0 8 30 2 *`",
        "write a day that its month has, as in `0 8 28 2 *`",
    );
}
