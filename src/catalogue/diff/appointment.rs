//! What is new about an event, in words, where its author did not say.

use crate::dates::event_when_in;
use crate::model::{Event, EventStatus};
use crate::words::{Argument, Words};

/// What changed of time, place and status; `None` where nothing did that a reader must know.
pub(super) fn what_changed(
    words: Words<'_>,
    old: Option<&Event>,
    new: Option<&Event>,
) -> Option<String> {
    let when = |event| Argument::from(event_when_in(words, event));
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return Some(words.say("change-time-is", &[("when", when(new))])),
        (Some(old), None) => return Some(words.say("change-time-open", &[("before", when(old))])),
        (None, None) => return None,
    };
    let status = (old.status != new.status).then(|| match new.status {
        EventStatus::Cancelled => words.say("change-cancelled", &[]),
        EventStatus::Postponed => words.say("change-postponed", &[]),
        EventStatus::Confirmed => words.say("change-confirmed", &[]),
    });
    let is_same_time = (old.start, old.end) == (new.start, new.end);
    let time = (!is_same_time)
        .then(|| words.say("change-time", &[("when", when(new)), ("before", when(old))]));
    let venue = |event: &Event| event.venue.clone().map(Argument::from);
    let place = match (venue(old), venue(new)) {
        (old, new) if old == new => None,
        (Some(old), Some(new)) => {
            Some(words.say("change-place", &[("place", new), ("before", old)]))
        }
        (_, Some(new)) => Some(words.say("change-place-is", &[("place", new)])),
        (Some(old), _) => Some(words.say("change-place-open", &[("before", old)])),
        (None, None) => None,
    };
    let changes = [status, time, place].into_iter().flatten();
    changes.reduce(|one, other| {
        words.say("change-and", &[("one", one.into()), ("other", other.into())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventTime;
    use crate::words::Wordbook;

    fn event(start: &str, venue: Option<&str>, status: EventStatus) -> Event {
        Event {
            start: EventTime::At(start.parse().unwrap()),
            end: None,
            venue: venue.map(str::to_owned),
            online_url: None,
            registration_url: None,
            status,
        }
    }

    #[test]
    fn time_place_and_status_are_told_with_what_they_were() {
        let ten = "2026-11-27T10:00:00+08:00";
        let old = event(ten, Some("Hall A"), EventStatus::Confirmed);
        let told = |language: &str, new: Event| {
            what_changed(Wordbook::builtin().words(language), Some(&old), Some(&new))
        };
        let check = |new: Event, expected: Option<&str>| {
            assert_eq!(told("en", new).as_deref(), expected);
        };
        check(old.clone(), None);
        check(
            event(ten, Some("Hall B"), EventStatus::Confirmed),
            Some("New place: Hall B. Before: Hall A."),
        );
        check(
            event(ten, None, EventStatus::Cancelled),
            Some("The event is cancelled. The place is open. Before: Hall A."),
        );
        check(
            event("2026-11-28T14:00:00+08:00", Some("Hall A"), EventStatus::Confirmed),
            Some(
                "New time: Saturday 28 November 2026, 14:00 (UTC+08:00). Before: Friday 27 \
                 November 2026, 10:00 (UTC+08:00).",
            ),
        );
        assert_eq!(
            told("zh-SG", event(ten, Some("礼堂"), EventStatus::Postponed)).unwrap(),
            "活动已延期。新地点：礼堂。原为：Hall A。"
        );
    }
}
