//! `reminders`.

use super::{check, loaded, minimal_with};

fn with(reminders: &str) -> String {
    let line = "  from: press@example.org\n";
    minimal_with(line, &format!("{line}reminders: {reminders}\n"))
}

#[test]
fn reminders_come_on_each_of_the_days_once_and_at_eight() {
    let days = |text: &str| loaded(&with(text)).reminders.unwrap().days;
    assert_eq!(days("{days: 1}"), [1]);
    assert_eq!(days("{days: [7, 1, 7]}"), [1, 7]);
    let at = |text: &str| loaded(&with(text)).reminders.unwrap().at.pattern.to_string();
    assert_eq!(at("{days: 1}"), "0 8 * * *");
    assert_eq!(at("{days: 1, at: '30 17 * * *'}"), "30 17 * * *");
}

#[test]
fn days_that_are_none_or_too_far_ahead_are_refused() {
    let remedy = "write `days: 1`, or several, as `days: [1, 7]`; no reminders without `reminders`";
    for (days, shown) in [("0", "0"), ("31", "31"), ("[1, 40]", "1, 40"), ("[]", "")] {
        let message = format!("line 7: `reminders.days` is not from 1 to 30: `{shown}`");
        check(&with(&format!("{{days: {days}}}")), &message, remedy);
    }
    check(
        &with("{days: 1, at: noon}"),
        "line 7: `reminders.at` is not a cron expression: `noon`: it has not five fields",
        "write minute, hour, day, month, weekday, as in `0 8 * * *`",
    );
    check(
        &with("{days: 1, at: '0 8 * * MON'}"),
        "line 7: `reminders.at` does not come every day: `0 8 * * MON`",
        "write `*` for day, month and weekday, as in `0 8 * * *`: `days` says how many days \
         before an event it is told again",
    );
}
